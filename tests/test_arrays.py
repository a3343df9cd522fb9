"""Arrays at the border to compiled code: a wrong one raises an error, none crashes.

`rnnext._core` converts nothing. What a layer accepts and converts is in test_bad_input.py; here are
the arrays beside the input: states, masks and weights.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnext import _core, layers
from rnnext.arrays import holds_strings
from rnnext.errors import RnnextError

Array = NDArray[Any]

B, T, D, H = 3, 6, 4, 5
CELLS = {"simple_rnn": (1, 1), "lstm": (4, 2), "gru": (3, 1)}  # gates, states
LAYERS = {"simple_rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}


def ones(*shape: int, dtype: Any = "float32") -> Array:
    return np.ones(shape, dtype)


def normal(*shape: int, dtype: Any = "float32") -> Array:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype)


def recurrent_kernel(cell: str = "lstm", dtype: str = "float32", **changed: Any) -> Any:
    """A kernel of D features and H units; `changed` replaces constructor arguments."""
    columns = CELLS[cell][0] * H
    arguments = {
        "cell": cell,
        "kernel": normal(D, columns, dtype=dtype),
        "recurrent_kernel": normal(H, columns, dtype=dtype),
        "bias": normal(2, columns, dtype=dtype) if cell == "gru" else normal(columns, dtype=dtype),
        "activation": ("tanh",),
        "recurrent_activation": None if cell == "simple_rnn" else ("sigmoid",),
        **changed,
    }
    return _core.RecurrentKernel(**arguments)


def run(kernel: Any, x: Any, states: Any = None, mask: Any = None) -> Any:
    flags = _core.RETURN_SEQUENCES | _core.RETURN_STATE | _core.STRICT
    return kernel.run(x, states, mask, flags)


# ---- layouts -------------------------------------------------------------------------------------


def unaligned(a: Array) -> Array:
    buffer = np.zeros(a.nbytes + 1, np.uint8)
    copy = buffer[1:].view(a.dtype).reshape(a.shape)
    copy[...] = a
    return copy


def every_other(a: Array) -> Array:
    """The same numbers with others between them along every axis."""
    wide = np.zeros([2 * n for n in a.shape], a.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in a.shape)]
    view[...] = a
    return view


def backwards(a: Array) -> Array:
    """The same numbers by negative strides."""
    flipped = tuple(slice(None, None, -1) for _ in a.shape)
    return a[flipped].copy()[flipped]


def read_only(a: Array) -> Array:
    a = a.copy()
    a.flags.writeable = False
    return a


class OnlyDLPack:
    """The numbers of an array, which can only be had by DLPack."""

    def __init__(self, a: Array) -> None:
        self._array = a
        self.shape = a.shape

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


STRANGE: dict[str, Callable[[Array], Array]] = {
    "strided": every_other,
    "negative strides": backwards,
    "Fortran order": np.asfortranarray,
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": unaligned,
    "float64": lambda a: a.astype("float64"),
    "long double": lambda a: a.astype(np.longdouble),
    "object": lambda a: a.astype(object),
}
FORMS: dict[str, Callable[[Array], Any]] = {
    **STRANGE,
    "read-only": read_only,
    "lists": lambda a: a.tolist(),
    "memoryview": memoryview,
    "DLPack": OnlyDLPack,
}
# A strange array of one dtype raises an error for being strange or for its dtype.
REFUSED = "received an array .*(expected a C-contiguous array of dtype|not aligned)"


@pytest.mark.parametrize("form", STRANGE)
@pytest.mark.parametrize("argument", ["x", "initial_state"])
def test_core_refuses_strange_inputs(argument: str, form: str) -> None:
    kernel, change = recurrent_kernel(), STRANGE[form]
    x, h, c = normal(B, T, D), normal(B, H), normal(B, H)
    if argument == "x":
        with pytest.raises(TypeError, match=f"^x: {REFUSED}"):
            run(kernel, change(x))
    else:
        for states in ((change(h), c), (h, change(c))):
            with pytest.raises(TypeError, match=f"^initial_state: {REFUSED}"):
                run(kernel, x, states)


@pytest.mark.parametrize("form", ["strided", "negative strides", "Fortran order", "object"])
def test_core_refuses_strange_masks(form: str) -> None:
    mask = normal(B, T) > 0
    with pytest.raises(TypeError, match=f"^mask: {REFUSED} bool"):
        run(recurrent_kernel(), normal(B, T, D), None, STRANGE[form](mask))
    with pytest.raises(TypeError, match=f"^mask: {REFUSED} bool"):
        run(recurrent_kernel(), normal(B, T, D), None, mask.astype("uint8"))


@pytest.mark.parametrize("form", [f for f in STRANGE if f != "float64"])
@pytest.mark.parametrize("argument", ["kernel", "recurrent_kernel", "bias"])
def test_core_refuses_strange_weights(argument: str, form: str) -> None:
    columns = 4 * H
    weights = {
        "kernel": normal(D, columns),
        "recurrent_kernel": normal(H, columns),
        "bias": normal(columns),
    }
    if (argument, form) == ("bias", "Fortran order"):
        return  # one axis has but one order
    with pytest.raises(TypeError, match=f"^{argument}: {REFUSED}"):
        recurrent_kernel(**{argument: STRANGE[form](weights[argument])})


def test_core_refuses_weights_of_two_dtypes() -> None:
    for argument, shape in (("recurrent_kernel", (H, 4 * H)), ("bias", (4 * H,))):
        with pytest.raises(TypeError, match=f"^{argument}: .*float64.* expected .*float32"):
            recurrent_kernel(**{argument: normal(*shape, dtype="float64")})
    with pytest.raises(TypeError, match=r"^bias: .*float32.* expected .*float64"):
        _core.DenseKernel(ones(2, 3, dtype="float64"), ones(3), ("tanh",))


@pytest.mark.parametrize("value", [None, 1.0, "x", [[1.0]], object(), b"1234", np.float32(1)])
def test_core_refuses_what_is_no_array(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^x: received .*expected a C-contiguous array"):
        run(recurrent_kernel(), value)
    with pytest.raises(TypeError, match=r"^kernel: received .*expected a C-contiguous array"):
        recurrent_kernel(kernel=value)
    with pytest.raises(TypeError, match=r"^x: received .*expected a C-contiguous array"):
        _core.DenseKernel(ones(2, 3), None, ("tanh",)).run(value, True)
    with pytest.raises(TypeError, match=r"^x: received .*expected a C-contiguous array"):
        _core.activate(("tanh",), value)


@pytest.mark.parametrize("zero_strides", [(0, 0, 0), (0, 16, 4), (96, 0, 4), (96, 16, 0)])
def test_core_refuses_broadcast_arrays(zero_strides: tuple[int, ...]) -> None:
    x = np.lib.stride_tricks.as_strided(normal(B, T, D), (B, T, D), zero_strides)
    with pytest.raises(TypeError, match=REFUSED):
        run(recurrent_kernel(), x)


# ---- shapes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (ones(T, D), r"shape \(6, 4\), expected 3 axes"),
        (ones(D), r"shape \(4,\), expected 3 axes"),
        (ones(1, B, T, D), r"shape \(1, 3, 6, 4\), expected 3 axes"),
        (ones(B, T, D + 1), r"shape \(3, 6, 5\), expected 4 features on the last axis"),
        (ones(B, T, 0), r"shape \(3, 6, 0\), expected 4 features on the last axis"),
    ],
)
def test_shape_of_x(x: Array, message: str) -> None:
    with pytest.raises(ValueError, match=f"^x: received an array of dtype float32 and {message}"):
        run(recurrent_kernel(), x)


@pytest.mark.parametrize("shape", [(T, B), (B, T + 1), (1, T), (B,), (B, T, 1), ()])
def test_shape_of_a_mask(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^mask: received an array of dtype bool .*expected"):
        run(recurrent_kernel(), ones(B, T, D), None, ones(*shape, dtype=bool))


@pytest.mark.parametrize("shape", [(H, B), (1, H), (B, H + 1), (H,), (1, B, H), ()])
def test_shape_of_a_state(shape: tuple[int, ...]) -> None:
    for states in ((ones(*shape), ones(B, H)), (ones(B, H), ones(*shape))):
        with pytest.raises(ValueError, match=r"^initial_state: received an array .*expected"):
            run(recurrent_kernel(), ones(B, T, D), states)


@pytest.mark.parametrize("cell", CELLS)
def test_number_of_states(cell: str) -> None:
    right = CELLS[cell][1]
    for count in {0, 1, 2, 3} - {right}:
        with pytest.raises(ValueError, match=f"initial_state: .*tuple of {right} arrays"):
            run(recurrent_kernel(cell), ones(B, T, D), (ones(B, H),) * count)
    for value in ([ones(B, H)] * right, ones(right, B, H), {}, 1):
        with pytest.raises(ValueError, match=f"initial_state: .*tuple of {right} arrays"):
            run(recurrent_kernel(cell), ones(B, T, D), value)


@pytest.mark.parametrize(
    ("argument", "shape"),
    [
        ("kernel", (D,)),
        ("kernel", (D, 4 * H, 1)),
        ("kernel", (D, 4 * H - 1)),
        ("kernel", (D, 0)),
        ("recurrent_kernel", (H + 1, 4 * H)),
        ("recurrent_kernel", (4 * H, H)),
        ("recurrent_kernel", (H * 4 * H,)),
        ("bias", (4 * H - 1,)),
        ("bias", (4, H)),
        ("bias", (2, 4 * H)),
        ("bias", ()),
    ],
)
def test_shape_of_weights(argument: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"(kernel|units|bias): received"):
        recurrent_kernel(**{argument: ones(*shape)})


@pytest.mark.parametrize("shape", [(3 * H,), (6 * H,), (3 * H, 2), (3, 2 * H)])
def test_shape_of_the_bias_of_a_gru(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^bias: received"):
        recurrent_kernel("gru", bias=ones(*shape))
    with pytest.raises(ValueError, match=r"^bias: received"):
        recurrent_kernel("gru", bias=ones(2, 3 * H), reset_after=False)


def test_shape_of_dense_arrays() -> None:
    with pytest.raises(ValueError, match=r"^kernel: .*expected 2 axes"):
        _core.DenseKernel(ones(3), None, ("tanh",))
    for bias in (ones(2), ones(1, 3), ones()):
        with pytest.raises(ValueError, match=r"^bias: received"):
            _core.DenseKernel(ones(2, 3), bias, ("tanh",))
    dense = _core.DenseKernel(ones(2, 3), None, ("tanh",))
    for x in (ones(3), ones(4, 3), ones()):
        with pytest.raises(ValueError, match=r"^x: .*expected 2 features on the last axis"):
            dense.run(x, True)


def test_cell_and_activations() -> None:
    with pytest.raises(ValueError, match=r'cell: received "rnn", accepted are "simple_rnn", '):
        _core.RecurrentKernel("rnn", ones(2, 3), ones(3, 3), None, ("tanh",), None)
    with pytest.raises(ValueError, match=r"unknown activation 'swoosh'.* accepted"):
        recurrent_kernel(activation=("swoosh",))
    with pytest.raises(ValueError, match=r"unknown activation 'swoosh'.* accepted"):
        recurrent_kernel(recurrent_activation=("swoosh",))


# ---- sizes at the edge ---------------------------------------------------------------------------


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_to_do(cell: str, dtype: str) -> None:
    kernel, states = recurrent_kernel(cell, dtype), CELLS[cell][1]
    no_samples = run(kernel, ones(0, T, D, dtype=dtype))
    assert [a.shape for a in no_samples] == [(0, T, H), *[(0, H)] * states]
    no_steps = run(kernel, ones(B, 0, D, dtype=dtype))
    assert [a.shape for a in no_steps] == [(B, 0, H), *[(B, H)] * states]
    assert not any(state.any() for state in no_steps[1:])
    initial = tuple(normal(B, H, dtype=dtype) for _ in range(states))
    for state, kept in zip(
        run(kernel, ones(B, 0, D, dtype=dtype), initial)[1:], initial, strict=True
    ):
        np.testing.assert_array_equal(state, kept)


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("cell", CELLS)
def test_no_features(cell: str) -> None:
    """Then only the bias and the state are left."""
    bias = normal(CELLS[cell][0] * H)
    bias = np.stack([bias, 0 * bias]) if cell == "gru" else bias
    columns = CELLS[cell][0] * H
    empty = recurrent_kernel(cell, kernel=ones(0, columns), bias=bias)
    zeros = recurrent_kernel(cell, bias=bias)
    for a, b in zip(run(empty, ones(B, T, 0)), run(zeros, 0 * ones(B, T, D)), strict=True):
        np.testing.assert_array_equal(a, b)
    dense = _core.DenseKernel(ones(0, 3), normal(3), ("linear",))
    np.testing.assert_array_equal(dense.run(ones(2, 0), True), np.stack([normal(3)] * 2))


def test_sizes_beyond_memory() -> None:
    kernel = recurrent_kernel()
    with pytest.raises((MemoryError, ValueError)):
        run(kernel, ones(2**58, 0, D))
    with pytest.raises((MemoryError, ValueError)):
        _core.DenseKernel(ones(0, 3), None, ("linear",)).run(ones(2**58, 0), True)
    assert run(kernel, ones(0, 2**58, D))[0].shape == (0, 2**58, H)


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_layers_without_samples_or_steps(make: Any) -> None:
    layer = make(H, return_sequences=True, name="memory")
    assert layer(ones(0, T, D)).shape == (0, T, H)
    with pytest.raises(RnnextError, match=r"'memory' .* needs at least one time step.*\(3, 0, 4\)"):
        layer(ones(B, 0, D))


# ---- values --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_not_finite_stays_in_its_sample(cell: str, value: float) -> None:
    kernel, x = recurrent_kernel(cell), normal(9, T, D)
    clean = run(kernel, x)
    x[4, 2] = value
    dirty = run(kernel, x)
    others = np.arange(9) != 4
    for before, after in zip(clean, dirty, strict=True):
        np.testing.assert_array_equal(after[others], before[others])
    np.testing.assert_array_equal(dirty[0][4, :2], clean[0][4, :2])
    if np.isnan(value):
        assert np.isnan(dirty[0][4, 2:]).all()


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("cell", CELLS)
def test_nan_that_is_masked_is_not_seen(cell: str) -> None:
    kernel, x = recurrent_kernel(cell), normal(B, T, D)
    mask = np.random.default_rng(0).random((B, T)) < 0.5
    expected = run(kernel, x, None, mask)
    x[~mask] = np.nan
    for a, b in zip(run(kernel, x, None, mask), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.isfinite(expected[0]).all()


# ---- memory --------------------------------------------------------------------------------------


def test_weights_are_copied() -> None:
    weights = normal(D, 4 * H), normal(H, 4 * H), normal(4 * H)
    kernel = recurrent_kernel(kernel=weights[0], recurrent_kernel=weights[1], bias=weights[2])
    expected = run(kernel, normal(B, T, D))[0].copy()
    for weight in weights:
        weight[...] = np.nan
    del weights
    gc.collect()
    np.testing.assert_array_equal(run(kernel, normal(B, T, D))[0], expected)


@pytest.mark.parametrize("steps", [1, T])
def test_results_are_the_callers_own(steps: int) -> None:
    kernel = recurrent_kernel()
    x, states = normal(B, steps, D), (normal(B, H), normal(B, H))
    copies = x.copy(), states[0].copy(), states[1].copy()
    results = run(kernel, x, states)
    expected = [a.copy() for a in results]
    for given, copy in zip((x, *states), copies, strict=True):
        np.testing.assert_array_equal(given, copy)
    for i, result in enumerate(results):
        assert result.flags.owndata
        assert result.flags.writeable
        assert result.flags.c_contiguous
        assert not any(np.may_share_memory(result, other) for other in (x, *states))
        assert not any(np.may_share_memory(result, other) for other in results[:i])
    run(kernel, -x, states)
    del kernel
    gc.collect()
    for result, kept in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, kept)


# ---- what layers take beside the input -----------------------------------------------------------


# Nested lists would be nested states, as in Keras.
@pytest.mark.parametrize("form", [f for f in FORMS if f != "lists"])
@pytest.mark.parametrize("cell", CELLS)
def test_states_in_any_form(cell: str, form: str) -> None:
    layer, x = LAYERS[cell](H), normal(B, T, D)
    states = [normal(B, H) for _ in range(CELLS[cell][1])]
    expected = layer(x, initial_state=states)
    given = [FORMS[form](state) for state in states]
    np.testing.assert_array_equal(layer(x, initial_state=given), expected)


@pytest.mark.parametrize("form", [f for f in FORMS if f != "long double"])
@pytest.mark.parametrize("cell", CELLS)
def test_masks_in_any_form(cell: str, form: str) -> None:
    layer, x = LAYERS[cell](H, return_sequences=True), normal(B, T, D)
    mask = normal(B, T) > 0
    expected = layer(x, mask=mask)
    assert expected.tobytes() != layer(x).tobytes()
    np.testing.assert_array_equal(layer(x, mask=FORMS[form](mask)), expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cell", CELLS)
def test_weights_in_any_form(cell: str, form: str) -> None:
    x = normal(B, T, D)
    layer = LAYERS[cell](H)
    expected = layer(x)
    other = LAYERS[cell](H)
    other.build(x.shape)
    other.set_weights([FORMS[form](weight) for weight in layer.get_weights()])
    np.testing.assert_array_equal(other(x), expected)


@pytest.mark.parametrize("cell", CELLS)
def test_broadcast_arrays(cell: str) -> None:
    layer = LAYERS[cell](H)
    x = np.broadcast_to(np.float32(0.5), (B, T, D))
    states = [np.broadcast_to(np.float32(0.25), (B, H))] * CELLS[cell][1]
    mask = np.broadcast_to(np.arange(T) < 4, (B, T))
    expected = layer(x.copy(), initial_state=[s.copy() for s in states], mask=mask.copy())
    np.testing.assert_array_equal(layer(x, initial_state=states, mask=mask), expected)


@pytest.mark.parametrize("cell", CELLS)
def test_wrong_states_masks_and_weights_of_a_layer(cell: str) -> None:
    count = CELLS[cell][1]
    layer, x = LAYERS[cell](H, name="memory"), normal(B, T, D)
    expected = layer(x)
    for states in ([ones(B, H + 1)] * count, [ones(B, H)] * (count + 1), [ones(H)] * count):
        with pytest.raises(RnnextError, match=r"initial_state of .*'memory'.*expected.*received"):
            layer(x, initial_state=states)
    for mask in (ones(T, B), ones(B, T + 1), ones(B)):
        with pytest.raises(RnnextError, match=r"mask of .*'memory'.*expected.*received"):
            layer(x, mask=mask)
    weights = layer.get_weights()
    for wrong in (weights[:2], [*weights, weights[2]], [w.T for w in weights], [None] * 3):
        with pytest.raises(RnnextError, match="'memory'"):
            layer.set_weights(wrong)
    np.testing.assert_array_equal(layer(x), expected)


# ---- strings or numbers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x", [1, 1.5, True, None, [], [1, 2], [[1.5]], ((0.5,),), ones(2), object()]
)
def test_what_holds_no_strings(x: Any) -> None:
    assert not holds_strings(x)


@pytest.mark.parametrize(
    "x", ["a", b"a", ["a"], [["a"]], np.array("a"), np.array([b"a"]), np.array(["a"], object)]
)
def test_what_holds_strings(x: Any) -> None:
    assert holds_strings(x)
