"""Convolutions against loops over windows, and that a sample's bits are its own."""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import textbook_windows
from convolution_layers import ALL, SHAPES, made, rank_of
from layer_twins import DATA_FORMATS, DTYPES, assert_same_output, moved, random_array

from rnnext import layers
from rnnext.layers.convolutional import transposed_convolution, window_product


@st.composite
def convolutions(
    draw: Any, with_groups: bool = True
) -> tuple[int, dict[str, Any], tuple[int, ...]]:
    """A rank, options of Conv, and the shape of an input that a window fits into."""
    rank = draw(st.integers(1, 3))

    def each(low: int, high: int) -> Any:
        return draw(st.tuples(*[st.integers(low, high)] * rank))

    kernel_size, strides, dilation = each(1, 3), each(1, 3), (1,) * rank
    if max(strides) == 1:
        dilation = each(1, 3)
    padding = draw(st.sampled_from(["valid", "same", "causal"][: 3 if rank == 1 else 2]))
    extent = [
        (k - 1) * d + 1 if padding == "valid" else 1
        for k, d in zip(kernel_size, dilation, strict=True)
    ]
    sizes = [low + draw(st.integers(0, 3)) for low in extent]
    groups = draw(st.integers(1, 3)) if with_groups else 1
    channels, filters = (groups * draw(st.integers(1, 3)) for _ in range(2))
    options = {
        "filters": filters,
        "kernel_size": kernel_size,
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation,
        "groups": groups,
        "data_format": draw(st.sampled_from(DATA_FORMATS)),
        "dtype": draw(st.sampled_from(DTYPES)),
    }
    return rank, options, (draw(st.integers(1, 3)), *sizes, channels)


class TestTextbook:
    @hypothesis.settings(max_examples=120, deadline=None, derandomize=True)
    @hypothesis.given(case=convolutions())
    def test_convolution(self, case: tuple[int, dict[str, Any], tuple[int, ...]]) -> None:
        rank, options, shape = case
        x = random_array(shape, options["dtype"])
        layer = made(f"Conv{rank}D", options, moved(x, options["data_format"]).shape)
        expected = textbook_windows.convolution(
            x,
            *layer.get_weights(),
            options["strides"],
            options["dilation_rate"],
            options["padding"],
            options["groups"],
        )
        received = layer(moved(x, options["data_format"]))
        assert_same_output(
            received, moved(expected, options["data_format"]).astype(options["dtype"])
        )
        assert layer.compute_output_shape(moved(x, options["data_format"]).shape) == received.shape

    @hypothesis.settings(max_examples=80, deadline=None, derandomize=True)
    @hypothesis.given(case=convolutions(with_groups=False), multiplier=st.integers(1, 3))
    def test_depthwise_and_separable(
        self, case: tuple[int, dict[str, Any], tuple[int, ...]], multiplier: int
    ) -> None:
        rank, options, shape = case
        hypothesis.assume(rank < 3 and options["padding"] != "causal")
        x, data_format, dtype = random_array(shape, "float64"), options["data_format"], "float64"
        windows = {k: options[k] for k in ("kernel_size", "strides", "padding", "dilation_rate")}
        windows |= {"depth_multiplier": multiplier, "data_format": data_format, "dtype": dtype}
        depthwise = made(f"DepthwiseConv{rank}D", windows, moved(x, data_format).shape)
        kernel, bias = depthwise.get_weights()
        expected = textbook_windows.depthwise_convolution(
            x, kernel, options["strides"], options["dilation_rate"], options["padding"]
        )
        assert_same_output(depthwise(moved(x, data_format)), moved(expected + bias, data_format))

        separable = made(f"SeparableConv{rank}D", windows, moved(x, data_format).shape)
        kernel, pointwise, bias = separable.get_weights()
        expected = textbook_windows.depthwise_convolution(
            x, kernel, options["strides"], options["dilation_rate"], options["padding"]
        )
        mixed = expected @ pointwise.reshape(pointwise.shape[-2:]) + bias
        assert_same_output(separable(moved(x, data_format)), moved(mixed, data_format))

    @hypothesis.settings(max_examples=80, deadline=None, derandomize=True)
    @hypothesis.given(case=convolutions(with_groups=False))
    def test_transposed_is_the_adjoint(
        self, case: tuple[int, dict[str, Any], tuple[int, ...]]
    ) -> None:
        """<conv(y), x> = <y, transposed(x)> for all y, where both have the same kernel."""
        rank, options, shape = case
        hypothesis.assume(options["padding"] != "causal")
        options = {**options, "dtype": "float64", "use_bias": False}
        data_format = options["data_format"]
        del options["groups"]
        x = moved(random_array(shape, "float64"), data_format)
        transposed = made(f"Conv{rank}DTranspose", options, x.shape)
        output = transposed(x)
        y = random_array(output.shape, "float64", "y")
        forward = getattr(layers, f"Conv{rank}D")(**{**options, "filters": shape[-1]})
        forward.build(y.shape)
        forward.set_weights(transposed.get_weights())
        assert np.vdot(forward(y), x) == pytest.approx(np.vdot(y, output), rel=1e-10, abs=1e-10)

    @pytest.mark.parametrize("stride", [1, 2, 3])
    @pytest.mark.parametrize("kernel_size", [1, 2, 3, 4])
    def test_output_padding_moves_no_window(self, kernel_size: int, stride: int) -> None:
        x = random_array((1, 5, 2))
        whole = made("Conv1DTranspose", {"kernel_size": kernel_size, "strides": stride}, x.shape)
        plain, bias = whole(x), np.broadcast_to(whole.get_weights()[1], (1, 1, 6))
        for extra in range(stride):
            options = {"kernel_size": kernel_size, "strides": stride, "output_padding": extra}
            padded = made("Conv1DTranspose", {**options, "use_bias": False}, x.shape)
            padded.set_weights(whole.get_weights()[:1])
            y = padded(x) + bias
            assert y.shape[1] == 4 * stride + kernel_size + extra
            shared = min(y.shape[1], plain.shape[1])
            np.testing.assert_allclose(y[:, :shared], plain[:, :shared], rtol=1e-5, atol=1e-5)
            beyond = y[:, 4 * stride + kernel_size :]
            np.testing.assert_array_equal(beyond, np.broadcast_to(bias, beyond.shape))


class TestSameBits:
    """A sample's result does not depend on what else is in the batch or how it is cut."""

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("name", ALL)
    def test_whatever_the_batch(self, name: str, dtype: str) -> None:
        shape = (9, *SHAPES[rank_of(name)][1:])
        x = random_array(shape, dtype)
        layer = made(name, {"kernel_size": 3, "activation": "tanh", "dtype": dtype}, shape)
        whole = layer(x)
        for part in (slice(0, 1), slice(4, 5), slice(2, 8)):
            np.testing.assert_array_equal(layer(x[part]), whole[part])

    @pytest.mark.parametrize("block", [1, 100, 1000])
    @pytest.mark.parametrize("name", ALL)
    def test_whatever_the_block(
        self, name: str, block: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        x = random_array(SHAPES[rank_of(name)])
        layer = made(name, {"kernel_size": 2, "padding": "same"}, x.shape)
        whole = layer(x)
        monkeypatch.setattr(window_product, "_BLOCK", block)
        monkeypatch.setattr(transposed_convolution, "_BLOCK", block)
        np.testing.assert_array_equal(layer(x), whole)

    def test_groups_are_convolutions_of_their_own(self) -> None:
        x = random_array((2, 9, 6))
        layer = made("Conv1D", {"kernel_size": 3, "groups": 3, "filters": 6}, x.shape)
        kernel, bias = layer.get_weights()
        for group in range(3):
            part = slice(2 * group, 2 * group + 2)
            alone = made("Conv1D", {"kernel_size": 3, "filters": 2}, (2, 9, 2))
            alone.set_weights([kernel[..., part], bias[part]])
            np.testing.assert_array_equal(layer(x)[..., part], alone(x[..., part]))
