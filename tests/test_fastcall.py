"""Plain arrays take a short way to the kernels; the answer is that of the careful way."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rnnext import _core, activations, layers
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.models import Sequential

RNG = np.random.default_rng(5)
X = RNG.standard_normal((3, 7, 4)).astype(np.float32)
MASK = RNG.random((3, 7)) < 0.6


def careful(layer: Any, x: np.ndarray, mask: Any) -> Any:
    """The answer for arrays that a kernel does not take as they are: a mask of three axes."""
    return layer(x, mask=None if mask is None else mask[:, :, np.newaxis])


def kernel() -> _core.RecurrentKernel:
    weights = np.ones((4, 2), "f4"), np.eye(2, dtype="f4")
    return _core.RecurrentKernel("simple_rnn", *weights, None, ("tanh",), None)


@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"return_state": True}])
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("cell", ["SimpleRNN", "LSTM", "GRU"])
def test_mask(cell: str, zeros: bool, options: dict[str, bool]) -> None:
    layer = getattr(layers, cell)(5, zero_output_for_mask=zeros, **options)
    layer(X)
    plain, other = layer(X, mask=MASK), careful(layer, X, MASK)
    if not layer.return_state:
        plain, other = [plain], [other]
    for y, expected in zip(plain, other, strict=True):
        assert_array_equal(y, expected)


@pytest.mark.parametrize("merge_mode", ["concat", "sum", None])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("mask", [None, MASK, np.ones_like(MASK)])
def test_bidirectional(merge_mode: str | None, sequences: bool, mask: Any) -> None:
    layer = layers.Bidirectional(layers.GRU(5, return_sequences=sequences), merge_mode=merge_mode)
    layer(X)
    assert_array_equal(layer(X, mask=mask), careful(layer, X, mask))
    forward = layer.forward_layer(X, mask=mask)
    backward = layer.backward_layer(X, mask=mask)
    if merge_mode == "concat":
        backward = backward[:, ::-1] if sequences else backward
        assert_array_equal(layer(X, mask=mask), np.concatenate([forward, backward], axis=-1))


def test_mask_that_masks_nothing_is_none() -> None:
    layer = layers.LSTM(5, return_sequences=True)
    assert_array_equal(layer(X, mask=np.ones_like(MASK)), layer(X))


def test_kernel_declines_what_is_not_plain() -> None:
    run = kernel().run
    assert run(X, None, None, 0) is not None
    assert run(X, None, MASK, 0) is not None
    for x, mask in (
        (X[:, :, :3], None),
        (X.astype(np.float64), None),
        (X, MASK[:, :6].copy()),
        (X, MASK[:2]),
        (X, MASK.T),
        (X, MASK.astype(np.uint8)),
        (X, MASK.tolist()),
    ):
        assert run(x, None, mask, 0) is None
        assert kernel().run_pair(x, mask, None, 0, kernel(), None, 4) is None
        with pytest.raises((TypeError, ValueError), match=r"(x|mask): received"):
            run(x, None, mask, _core.STRICT)


@pytest.mark.parametrize("cell", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("flags", range(4))
def test_from_states(cell: str, flags: int) -> None:
    layer = getattr(layers, cell)(5)
    layer(X)
    packed = layer.cell._packed
    count = 2 if cell == "LSTM" else 1
    states = tuple(RNG.standard_normal((3, 5)).astype(np.float32) for _ in range(count))
    state = bool(flags & _core.RETURN_STATE)
    plain = packed.run(X, states, None, flags)
    expected = packed.run(X, states, None, flags | _core.STRICT)
    assert isinstance(plain, tuple) == isinstance(expected, tuple) == state
    for y, other in zip(
        plain if state else [plain], expected if state else [expected], strict=True
    ):
        assert_array_equal(y, other)
    for wrong in (
        list(states),
        states[:-1],
        (*states, states[0]),
        (*states[:-1], states[-1][:2]),
        (*states[:-1], states[-1][:, :4].copy()),
        (*states[:-1], states[-1].astype(np.float64)),
        (*states[:-1], states[-1].tolist()),
    ):
        assert packed.run(X, wrong, None, flags) is None
        with pytest.raises((TypeError, ValueError), match="initial_state: "):
            packed.run(X, wrong, None, flags | _core.STRICT)
    assert packed.run(X.astype(np.float64), states, None, flags) is None


def test_a_pair_has_one_dtype() -> None:
    doubles = _core.RecurrentKernel("simple_rnn", np.ones((4, 2)), np.eye(2), None, ("tanh",), None)
    assert kernel().run_pair(X, None, None, 0, doubles, None, 4) is None
    with pytest.raises(ValueError, match="run_pair: the kernels must have the same dtype"):
        kernel().run_pair(X, None, None, _core.STRICT, doubles, None, 4)


def test_kernels_count_their_arguments() -> None:
    with pytest.raises(TypeError, match="received 1 arguments, expected 4"):
        kernel().run(X)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="received 2 arguments, expected 7"):
        kernel().run_pair(X, 0)  # type: ignore[call-arg]


@pytest.mark.parametrize("shape", [(4,), (6, 4), (2, 3, 4), (1, 2, 3, 4), (2, 0, 4)])
def test_dense_over_any_axes(shape: tuple[int, ...]) -> None:
    dense = _core.DenseKernel(RNG.standard_normal((4, 3)).astype("f4"), None, ("relu", 0, 6, 0))
    x = RNG.standard_normal(shape).astype(np.float32)
    rows = dense.run(x.reshape(-1, 4), False)
    assert rows is not None
    plain = dense.run(x, False)
    if len(shape) == 1:
        assert plain is None
    else:
        assert plain is not None
        assert_array_equal(plain, rows.reshape(*shape[:-1], 3))
    assert_array_equal(dense.run(x, True), rows.reshape(*shape[:-1], 3))


def test_windows() -> None:
    kernel, bias = RNG.standard_normal((8, 3)).astype("f4"), np.ones(3, "f4")
    dense = _core.DenseKernel(kernel, bias, ("tanh",))
    for step, count in ((1, 6), (2, 3), (5, 2), (9, 1), (1, 0)):
        rows = [X[:, i * step : i * step + 2].reshape(3, 8).copy() for i in range(count)]
        expected = (
            np.stack([dense.run(row, True) for row in rows], axis=1)
            if rows
            else np.empty((3, 0, 3))
        )
        assert_array_equal(dense.run_windows(X, count, step), expected)
    assert dense.run_windows(X[:0], 6, 1).shape == (0, 6, 3)
    with pytest.raises(ValueError, match="a sample take 32 elements, the samples are 28 apart"):
        dense.run_windows(X, 7, 1)
    with pytest.raises(ValueError, match="received 28 elements, expected at least 36"):
        dense.run_windows(X[:1], 2, 1 << 62)
    with pytest.raises(ValueError, match="a count of 1 and a step of 0, accepted are"):
        dense.run_windows(X, 1, 0)
    with pytest.raises(ValueError, match="expected 3 axes"):
        dense.run_windows(X[0], 1, 1)


def test_normalize() -> None:
    mean, factor, offset = RNG.standard_normal((3, 4))
    for dtype in (np.float32, np.float64):
        x, m, f, o = (values.astype(dtype) for values in (X, mean, factor, offset))
        assert_array_equal(_core.normalize(x, m, f, o), (x - m) * f + o)
    with pytest.raises(ValueError, match="expected 3 features on the last axis"):
        _core.normalize(mean, mean[:3].copy(), factor, offset)
    with pytest.raises(ValueError, match="factor: received 3 elements, expected 4"):
        _core.normalize(mean, mean, factor[:3].copy(), offset)


def test_concatenate_directions() -> None:
    both = _core.concatenate_directions(X, X[:, :, :2].copy())
    assert_array_equal(both, np.concatenate([X, X[:, ::-1, :2]], axis=-1))
    with pytest.raises(ValueError, match="backward: received an array of dtype"):
        _core.concatenate_directions(X, X[:2])


def test_masking_reads_on_where_the_first_feature_is_the_mask_value() -> None:
    x = np.array([[[0, 1], [0, 0], [2, 0]]], np.float32)
    outputs, keep = layers.Masking().call_with_masks(x)
    assert_array_equal(keep, [[True, False, True]])
    assert_array_equal(outputs, x)
    _, keep = layers.Masking().call_with_masks(x[:, :, :0])
    assert_array_equal(keep, [[False, False, False]])


# A call of the layer itself --------------------------------------------------------------------


def called_before(**options: Any) -> layers.LSTM:
    """A layer whose calls with a plain array go straight to the kernel."""
    layer = layers.LSTM(5, **options)
    layer(X)
    assert layer._direct_flags is not None
    return layer


@pytest.mark.parametrize("cell", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"go_backwards": True}])
def test_direct_call_is_the_careful_one(cell: str, options: dict[str, bool]) -> None:
    layer = getattr(layers, cell)(5, **options)
    first = layer(X)
    assert layer._direct_flags is not None
    assert_array_equal(layer(X), first)
    assert_array_equal(layer(X.tolist()), first)


def test_compiled_call_has_a_signature() -> None:
    assert list(inspect.signature(layers.LSTM(5)).parameters) == ["inputs", "args", "kwargs"]
    assert "Applies the layer" in (layers.LSTM.__call__.__doc__ or "")


def test_direct_call_sees_new_weights() -> None:
    layer = called_before()
    new = [w + 1 for w in layer.get_weights()]
    layer.set_weights(new)
    other = layers.LSTM(5)
    other.build(X.shape)
    other.set_weights(new)
    assert_array_equal(layer(X), other(X))
    layer.cell.bias.assign(np.zeros(20))
    other.set_weights([*new[:2], np.zeros(20)])
    assert_array_equal(layer(X), other(X))


def test_direct_call_sees_new_options() -> None:
    layer = called_before()
    layer.return_sequences = True
    assert layer(X).shape == (3, 7, 5)
    layer.go_backwards = True
    assert_array_equal(layer(X), careful(layer, X, np.ones_like(MASK)))
    before = layer(X)
    layer.cell.activation = activations.get("linear")
    assert not np.array_equal(layer(X), before)


def test_direct_call_is_for_one_array_alone() -> None:
    layer = called_before()
    plain = layer(X)
    states = [np.ones((3, 5), "f4")] * 2
    assert not np.array_equal(layer(X, states), plain)
    assert not np.array_equal(layer(X, mask=MASK), plain)
    assert_array_equal(layer(X, training=False), plain)
    assert_array_equal(layer(sequences=X), plain)
    assert layer(layers.Input((7, 4))).shape == (None, 5)
    with pytest.raises(UnsupportedError, match="argument 'initial_states'; call accepts"):
        layer(X, initial_states=states)
    with pytest.raises(ShapeError, match=r"size 4 on axis -1.*received shape \(3, 7, 3\)"):
        layer(X[:, :, :3])
    with pytest.raises(DataError, match="received None"):
        layer(None)


def test_direct_call_leaves_a_user_defined_call_alone() -> None:
    class Reversed(layers.LSTM):
        def call(self, sequences: Any, **kwargs: Any) -> Any:
            return super().call(sequences[:, ::-1], **kwargs)

    class Doubled(layers.LSTM):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return 2 * super().__call__(*args, **kwargs)

    plain, turned, doubled = called_before(), Reversed(5), Doubled(5)
    for layer in (turned, doubled):
        layer.build(X.shape)
        layer.set_weights(plain.get_weights())
    for _ in range(3):
        assert_array_equal(turned(X), plain(X[:, ::-1]))
        assert_array_equal(doubled(X), 2 * plain(X))

    before, original = plain(X), plain.call
    plain.call = lambda x: original(x) + 1  # type: ignore[method-assign, misc, assignment]
    for _ in range(3):
        assert_array_equal(plain(X), before + 1)


def test_models_use_a_user_defined_call() -> None:
    calls: list[Any] = []

    class Noting:
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            calls.append(args)
            return super().__call__(*args, **kwargs)  # type: ignore[misc]

    class Noted(Noting, layers.LSTM):
        pass

    plain, noted = called_before(), Noted(5)
    model = Sequential([layers.Input(X.shape[1:]), noted])
    noted.set_weights(plain.get_weights())
    calls.clear()
    assert_array_equal(model.predict(X), plain(X))
    assert len(calls) == 1


def test_direct_call_keeps_states() -> None:
    layer = layers.GRU(5, stateful=True)
    layer.build(X.shape)
    first = layer(X)
    assert not np.array_equal(layer(X), first)
    layer.reset_states()
    assert_array_equal(layer(X), first)
