"""ConvLSTM1D, ConvLSTM2D and ConvLSTM3D give Keras's answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_reference import arrays, load_keras
from layer_twins import DTYPES, assert_same_config, assert_same_output, random_array, twins

import rnnext
from rnnext import layers
from rnnext.errors import ShapeError, UnsupportedError

keras = load_keras()

B, T, C = 2, 3, 2
SIZES = {1: (7,), 2: (6, 5), 3: (4, 5, 3)}
MASK = np.array([[0, 1, 0], [1, 1, 0]], bool)

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "same": {"padding": "same"},
    "strides": {"strides": 2, "padding": "same"},
    "strides, valid": {"strides": 2},
    "dilation": {"dilation_rate": 2, "kernel_size": 2},
    "even window": {"kernel_size": 2, "padding": "SAME"},
    "activations": {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
    "row-wise activation": {"activation": "softmax"},
    "no bias": {"use_bias": False},
    "sequences": {"return_sequences": True},
    "states": {"return_state": True},
    "backwards": {"go_backwards": True, "return_sequences": True, "return_state": True},
}


def sequence(rank: int, dtype: str = "float32") -> Any:
    return random_array((B, T, *SIZES[rank], C), dtype)


def pair(rank: int, options: dict[str, Any], dtype: str = "float32") -> tuple[Any, Any]:
    given = {"filters": 3, "kernel_size": 3, "dtype": dtype, **options}
    theirs, ours = twins(keras, f"ConvLSTM{rank}D", given, sequence(rank, dtype))
    weights = [0.3 * w for w in ours.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return theirs, ours


def assert_same_outputs(received: Any, expected: Any) -> None:
    received, expected = arrays(received), arrays(expected)
    assert len(received) == len(expected)
    for y, reference in zip(received, expected, strict=True):
        assert_same_output(y, reference)


@pytest.mark.parametrize("rank", SIZES)
@pytest.mark.parametrize("name", OPTIONS)
def test_option(rank: int, name: str) -> None:
    if rank == 3 and "dilation_rate" in OPTIONS[name]:
        pytest.skip("TensorFlow has no dilated Conv3D on the CPU")
    theirs, ours = pair(rank, OPTIONS[name])
    x = sequence(rank)
    received = ours(x)
    assert_same_outputs(received, theirs(x))
    computed = ours.compute_output_shape(x.shape)
    shapes = [y.shape for y in arrays(received)]
    assert (list(computed) if len(shapes) > 1 else [computed]) == shapes
    assert_same_config(theirs, ours)


@pytest.mark.parametrize("rank", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("zero", [False, True])
def test_mask_and_initial_state(rank: int, dtype: str, zero: bool) -> None:
    flags = {"return_sequences": True, "return_state": True, "padding": "same"}
    theirs, ours = pair(rank, {**flags, "zero_output_for_mask": zero}, dtype)
    states = [random_array((B, *SIZES[rank], 3), dtype, f"state {i}") for i in range(2)]
    x = sequence(rank, dtype)
    given = {"initial_state": states, "mask": MASK}
    assert_same_outputs(ours(x, **given), theirs(x, **given))


@pytest.mark.parametrize("rank", SIZES)
@pytest.mark.parametrize("activation", ["tanh", "softmax"])
def test_channels_first(rank: int, activation: str) -> None:
    """Against the layer channels last: TensorFlow has no channels-first convolution on the CPU.

    A softmax goes over the last axis of the data format, so the spatial axis there: it must be
    what NumPy makes of the two layers' formulas, not of the layer channels last.
    """
    first = getattr(layers, f"ConvLSTM{rank}D")(3, 2, data_format="channels_first")
    last = getattr(layers, f"ConvLSTM{rank}D")(3, 2)
    x = sequence(rank)
    last(x)
    x = np.moveaxis(x, -1, 2)
    first.build(x.shape)
    first.set_weights(last.get_weights())
    if activation == "tanh":
        np.testing.assert_array_equal(np.moveaxis(first(x), 1, -1), last(np.moveaxis(x, 2, -1)))
        return
    first.cell.activation = rnnext.activations.get(activation)
    carry = first.cell.call(x[:, 0], first.cell.get_initial_state(B))[1][1]
    gate = rnnext.activations.sigmoid
    last.cell.activation = rnnext.activations.linear
    last.cell.recurrent_activation = rnnext.activations.linear
    convolve, _ = last.cell._packed or last.cell._pack()
    gates = convolve(np.moveaxis(x[:, 0], 1, -1), carry.shape[2:])
    i, _, g, _ = np.split(np.moveaxis(gates, -1, 1), 4, axis=1)
    np.testing.assert_allclose(carry, gate(i) * rnnext.activations.softmax(g), rtol=1e-6)


def test_stateful() -> None:
    _, plain = pair(2, {"padding": "same"})
    given = {"filters": 3, "kernel_size": 3, "padding": "same", "stateful": True}
    theirs, ours = twins(keras, "ConvLSTM2D", given, sequence(2))
    for layer in (theirs, ours):
        layer.set_weights(plain.get_weights())
    theirs.reset_state()
    x = sequence(2)
    for _ in range(2):
        assert_same_outputs(ours(x), theirs(x))
    ours.reset_states()
    np.testing.assert_array_equal(ours(x), plain(x))


def test_bidirectional_and_the_file(tmp_path: Path) -> None:
    """The layer wrapped, in a model that Keras saved."""
    x = keras.layers.Input((None, 6, 5, C))
    inner = keras.layers.ConvLSTM2D(3, 3, return_sequences=True)
    y = keras.layers.Bidirectional(inner, merge_mode="sum")(x)
    y = keras.layers.ConvLSTM2D(2, 2)(y)
    model = keras.Model(x, keras.layers.Flatten()(y))
    model.save(tmp_path / "m.keras")
    assert_same_output(
        rnnext.load_model(tmp_path / "m.keras").predict(sequence(2)), model(sequence(2))
    )


def test_cell_in_rnn() -> None:
    _, layer = pair(1, {"return_sequences": True})
    rnn = layers.RNN(layers.ConvLSTMCell(1, 3, 3), return_sequences=True)
    rnn.build(sequence(1).shape)
    rnn.set_weights(layer.get_weights())
    np.testing.assert_array_equal(rnn(sequence(1)), layer(sequence(1)))
    again = layers.RNN.from_config(rnn.get_config())
    assert again.cell.kernel_size == (3,)
    assert rnn.compute_output_shape((None, T, 7, C)) == layer.compute_output_shape((None, T, 7, C))


def test_defaults() -> None:
    """The forget gate's bias starts at one."""
    layer = layers.ConvLSTM1D(2, 3)
    layer.build((None, None, 7, C))
    np.testing.assert_array_equal(layer.get_weights()[2], [0, 0, 1, 1, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filters": 0}, "filters must be an integer >= 1, received 0"),
        ({"kernel_size": (3, 3, 3)}, r"kernel_size must be .* received \(3, 3, 3\)"),
        ({"padding": "causal"}, r"padding must be one of \('valid', 'same'\)"),
        ({"strides": 2, "dilation_rate": 2}, "exclude each other"),
        ({"data_format": "NHWC"}, "data_format must be one of"),
        ({"activation": "glu"}, "halves the number of units"),
    ],
)
def test_refused_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        layers.ConvLSTM2D(**{"filters": 3, "kernel_size": 3, **options})


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((B, T, 6, C), r"5 axes .*received shape \(2, 3, 6, 2\)"),
        ((B, T, 2, 5, C), r"no window of kernel_size \(3, 3\)"),
    ],
)
def test_refused_shapes(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        layers.ConvLSTM2D(3, 3)(np.zeros(shape))
    layer = layers.ConvLSTM2D(3, 3)
    layer(sequence(2))
    with pytest.raises(ShapeError):
        layer(np.zeros(shape))


def test_unknown_sizes_and_wrong_states() -> None:
    with pytest.raises(ShapeError, match="all sizes but those of batch and time must be known"):
        layers.ConvLSTM2D(3, 3)(layers.Input((None, None, 5, C)))
    layer = layers.ConvLSTM2D(3, 3)
    with pytest.raises(ShapeError, match=r"expected states of shapes \[\(2, 4, 3, 3\), "):
        layer(sequence(2), initial_state=[np.zeros((B, 6, 5, 3))] * 2)
