"""Every activation against Keras, and the accuracy of the functions the cells are made of."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rnnext
from rnnext import _core, activations
from rnnext.errors import UnsupportedError

Array = NDArray[Any]

DTYPES = ("float32", "float64")
ROW_WISE = ("log_softmax", "softmax", "sparsemax")
ELEMENTWISE = (
    "celu",
    "elu",
    "exponential",
    "gelu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "tanh",
    "tanh_shrink",
)
WITH_PARAMETERS = (
    ("celu", {"alpha": 0.5}),
    ("elu", {"alpha": 0.3}),
    ("gelu", {"approximate": True}),
    ("hard_shrink", {"threshold": 1.25}),
    ("leaky_relu", {"negative_slope": 0.125}),
    ("relu", {"negative_slope": 0.25}),
    ("relu", {"max_value": 3.0}),
    ("relu", {"threshold": 1.5}),
    ("relu", {"negative_slope": 0.25, "max_value": 2.0, "threshold": -1.5}),
    ("soft_shrink", {"threshold": 0.75}),
    ("squareplus", {"b": 0.5}),
    ("threshold", {"threshold": 0.5, "default_value": -2.0}),
)

# TensorFlow's kernels and Keras's formulas lose digits where they subtract numbers that nearly
# cancel, or take the exponential of a large rounded square. There, what they subtract is the scale
# of the agreement that can be asked; everywhere else it is the answer itself.
TENSORFLOW_CANCELS: dict[str, Callable[[Array, Array], Array]] = {
    "elu": lambda _, y: np.maximum(np.abs(y), 1),  # exp(x) - 1
    "selu": lambda _, y: np.maximum(np.abs(y), 1),
    "hard_sigmoid": lambda _, y: np.maximum(np.abs(y), 0.5),  # x / 6 + 0.5
    "hard_silu": lambda x, y: np.maximum(np.abs(y), 0.5 * np.abs(x)),
    "gelu": lambda x, y: np.where(x < 0, np.abs(x), np.abs(y)),  # x (1 + tanh(...)), or erfc's tail
    "squareplus": lambda x, y: np.maximum(np.abs(x), np.abs(y)),  # x + sqrt(x^2 + b)
    "tanh_shrink": lambda x, y: np.maximum(np.abs(x), np.abs(y)),  # x - tanh(x)
    "log_softmax": lambda x, y: np.maximum(np.abs(x), np.abs(y)),  # x - log(sum)
    "sparsemax": lambda x, _: np.maximum(np.abs(x), 1),  # x - threshold
}
# In these TensorFlow holds a constant in single precision whatever the dtype (sqrt(1/2), 0.2), so
# its float64 answer is one of float32 accuracy. test_float64_formulas has what ours must be.
SINGLE_PRECISION_IN_TENSORFLOW = ("gelu", "leaky_relu")


def wide_inputs(dtype: str) -> Array:
    """A dense grid where the functions bend, and random values of all magnitudes around it."""
    random = np.random.default_rng(7)
    grid = np.linspace(-30, 30, 6001)
    scattered = random.standard_normal(4000) * 10 ** random.uniform(-8, 3, 4000)
    return np.concatenate([grid, scattered]).astype(dtype)


def special_inputs(dtype: str) -> Array:
    f = np.finfo(dtype)
    positive = [0.0, np.inf, np.nan, f.tiny, f.tiny / 8, f.max, f.eps, 0.5, 1.0, 2.5, 3.0, 6.0]
    return np.array([*positive, *(-value for value in positive)], dtype)


def in_keras(keras: ModuleType, name: str, x: Array, **parameters: Any) -> Array:
    function = getattr(keras.activations, name)
    return np.array(function(keras.ops.convert_to_tensor(x), **parameters))


def assert_agrees(name: str, x: Array, got: Array, expected: Array) -> None:
    """Equal within 8 rounding errors of the scale.

    TensorFlow flushes subnormal numbers to zero, also those it goes on to multiply with x.
    """
    eps = np.finfo(x.dtype).eps
    if x.dtype == np.float64 and name in SINGLE_PRECISION_IN_TENSORFLOW:
        eps = np.finfo(np.float32).eps
    with np.errstate(all="ignore"):
        scale = TENSORFLOW_CANCELS.get(name, lambda _, y: np.abs(y))(x, expected)
        flushed = np.finfo(x.dtype).tiny * np.maximum(1, np.abs(x))
        close = np.abs(got - expected) <= 8 * eps * scale + flushed
    same = close | (got == expected) | (np.isnan(got) & np.isnan(expected))
    assert got.dtype == x.dtype
    assert same.all(), list(zip(x[~same][:5], got[~same][:5], expected[~same][:5], strict=True))


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_wide_range(keras: ModuleType, name: str, dtype: str) -> None:
    x = wide_inputs(dtype)
    assert_agrees(name, x, activations.get(name)(x), in_keras(keras, name, x))


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "parameters"), WITH_PARAMETERS)
def test_parameters(keras: ModuleType, name: str, parameters: dict[str, Any], dtype: str) -> None:
    x = wide_inputs(dtype)
    got = getattr(activations, name)(x, **parameters)
    assert_agrees(name, x, got, in_keras(keras, name, x, **parameters))


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_special_values(keras: ModuleType, name: str, dtype: str) -> None:
    x = special_inputs(dtype)
    expected = in_keras(keras, name, x)
    if name == "squareplus":
        # Keras computes infinity - infinity; the limit is 0.
        assert np.isnan(expected[np.isneginf(x)]).all()
        expected[np.isneginf(x)] = 0
    assert_agrees(name, x, activations.get(name)(x), expected)


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ROW_WISE)
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis:UserWarning:keras")
@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 200])
def test_rows(keras: ModuleType, name: str, width: int, dtype: str) -> None:
    random = np.random.default_rng(width)
    x = (random.standard_normal((40, width)) * 10 ** random.uniform(-2, 2, (40, 1))).astype(dtype)
    assert_agrees(name, x, activations.get(name)(x), in_keras(keras, name, x))


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["log_softmax", "softmax"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30])
def test_special_values_in_rows(keras: ModuleType, name: str, value: float, dtype: str) -> None:
    x = np.zeros((4, 21), dtype)
    x[1, 0] = x[2, 20] = value
    x[3] = value
    expected = in_keras(keras, name, x)
    # On processors with AVX-512, TensorFlow's softmax leaves zeros beside the NaN of such a row.
    expected[np.isnan(expected).any(axis=1)] = np.nan
    assert_agrees(name, x, activations.get(name)(x), expected)


@pytest.mark.parametrize("axis", [0, 1, -2])
@pytest.mark.parametrize("name", ROW_WISE)
def test_rows_along_another_axis(keras: ModuleType, name: str, axis: int) -> None:
    x = np.random.default_rng(3).standard_normal((5, 6, 7)).astype("float32")
    got = getattr(activations, name)(x, axis=axis)
    assert_agrees(name, x, got, in_keras(keras, name, x, axis=axis))


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", DTYPES)
def test_glu(keras: ModuleType, dtype: str) -> None:
    x = np.random.default_rng(0).standard_normal((5, 6, 18)).astype(dtype)
    expected = in_keras(keras, "glu", x)
    got = activations.glu(x)
    assert got.shape == expected.shape == (5, 6, 9)
    np.testing.assert_allclose(got, expected, rtol=8 * np.finfo(dtype).eps)


def test_every_activation_of_keras_is_covered(keras: ModuleType) -> None:
    other = {"deserialize", "get", "serialize"}
    theirs = {name for name in dir(keras.activations) if not name.startswith("_")} - other
    aliases = {"hard_swish", "swish"}
    covered = {*ELEMENTWISE, *ROW_WISE, *(name for name, _ in WITH_PARAMETERS), "glu"}
    assert theirs == covered | (aliases & theirs)
    for name in theirs:
        assert callable(getattr(activations, name))


# ---- accuracy without TensorFlow -----------------------------------------------------------------

# Units in the last place; tests/cpp/test_activations.cpp has them for every activation.
ULP_BOUNDS = {"exponential": 1.1, "sigmoid": 2.4, "tanh": 2.6}


def exactly(name: str, value: float) -> decimal.Decimal:
    """The function to 40 digits."""
    with decimal.localcontext(decimal.Context(prec=40, Emin=-(10**6), Emax=10**6)):
        x = decimal.Decimal(value)
        if name == "exponential":
            return x.exp()
        if name == "sigmoid":
            return 1 / (1 + (-x).exp())
        if abs(x) < decimal.Decimal("1e-10"):
            return x - x**3 / 3
        e = (2 * x).exp()
        return (e - 1) / (e + 1)


def ulps(got: Array, truth: Array) -> Array:
    """The distance of `got` from `truth` in units of the last place of `got`'s dtype."""
    ulp = np.spacing(np.abs(truth).astype(got.dtype)).astype(truth.dtype)
    return np.abs(got.astype(truth.dtype) - truth) / ulp


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("name", ULP_BOUNDS)
def test_float32_ulp(name: str) -> None:
    formula = {
        "exponential": np.exp,
        "sigmoid": lambda x: np.where(x < 0, np.exp(x) / (1 + np.exp(x)), 1 / (1 + np.exp(-x))),
        "tanh": np.tanh,
    }[name]
    # Every 1021st of all bit patterns: both signs, subnormal numbers, infinities and NaN.
    x = np.arange(0, 2**32, 1021, dtype=np.uint64).astype(np.uint32).view(np.float32)
    got = _core.activate((name,), x)
    with np.errstate(all="ignore"):
        truth = formula(x.astype(np.float64))
        rounded = truth.astype(np.float32)
    assert np.array_equal(np.isnan(got), np.isnan(x))
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(got[~finite], rounded[~finite])
    assert ulps(got[finite], truth[finite]).max() <= ULP_BOUNDS[name]


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("name", ULP_BOUNDS)
def test_float64_ulp(name: str) -> None:
    random = np.random.default_rng(11)
    x = np.concatenate(
        [
            random.uniform(-700, 700, 500),
            random.uniform(-20, 20, 1500),
            random.standard_normal(1000) * 2.0 ** random.uniform(-1000, 3, 1000),
        ]
    )
    got = _core.activate((name,), x)
    for value, result in zip(x, got, strict=True):
        truth = exactly(name, float(value))
        ulp = decimal.Decimal(float(np.spacing(abs(float(truth)))))
        error = abs(decimal.Decimal(float(result)) - truth) / ulp
        assert error <= ULP_BOUNDS[name], (value, result, truth)


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("name", ["gelu", "leaky_relu"])
def test_float64_formulas(name: str) -> None:
    """Where TensorFlow's float64 is not the truth (SINGLE_PRECISION_IN_TENSORFLOW)."""
    x = np.linspace(-9, 9, 2001)
    if name == "gelu":
        truth = np.array([v * math.erfc(-v * math.sqrt(0.5)) / 2 for v in x])
    else:
        truth = np.where(x > 0, x, 0.2 * x)
    # erfc's argument is rounded, and its logarithm's slope is up to twice that argument, squared.
    scale = np.abs(truth) * (np.maximum(1, x**2) if name == "gelu" else 1)
    assert (np.abs(activations.get(name)(x) - truth) <= 4 * np.finfo(float).eps * scale).all()


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["hard_tanh", "linear", "softsign", "tanh"])
def test_sign_of_zero_is_kept(name: str, dtype: str) -> None:
    y = activations.get(name)(np.array([0.0, -0.0], dtype))
    assert (y == 0).all()
    assert np.signbit(y).tolist() == [False, True]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*ELEMENTWISE, *ROW_WISE])
def test_fma_sets_give_the_same_bits(name: str, dtype: str) -> None:
    x = np.concatenate([wide_inputs(dtype), special_inputs(dtype)])[:10020].reshape(-1, 60)
    before = _core.isa()
    answers = {}
    try:
        for isa in _core.available_isas():
            _core.set_isa(isa)
            answers[isa] = activations.get(name)(x).tobytes()
    finally:
        _core.set_isa(before)
    with_fma = [bits for isa, bits in answers.items() if isa not in ("generic", "sse2")]
    assert len(set(with_fma)) <= 1


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("n", [*range(1, 20), 31, 33, 100])
def test_place_in_the_array_does_not_matter(n: int) -> None:
    x = np.random.default_rng(n).standard_normal(n).astype("float32")
    for name in ELEMENTWISE:
        whole = activations.get(name)(x)
        alone = np.concatenate([activations.get(name)(x[i : i + 1]) for i in range(n)])
        assert whole.tobytes() == alone.tobytes(), name


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (("swoosh",), "unknown activation 'swoosh'.* accepted.* linear, relu, "),
        (("tanh", 1.0), r"activation tanh\(\).*got 1 parameter"),
        (("threshold", 1.0), r"activation threshold\(threshold, default_value\).*got 1 parameter"),
        (("relu", 0.0, 1.0, 2.0, 3.0), r"activation relu\(.*\).*got 4 parameters"),
    ],
)
def test_wrong_spec(spec: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _core.activate(spec, np.zeros(3, "float32"))


@pytest.mark.parametrize("spec", [(), (1,), "tanh", None, ("relu", "steep")])
def test_spec_of_wrong_type(spec: Any) -> None:
    with pytest.raises((TypeError, RuntimeError)):
        _core.activate(spec, np.zeros(3, "float32"))


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnsupportedError, match=r"'swoosh' is not known; accepted: .*'tanh'"):
        activations.get("swoosh")
    with pytest.raises(UnsupportedError, match=r"'relu' with parameters .*steepness"):
        activations.relu(np.zeros(3), steepness=1)


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("shape", [(), (0,), (0, 5), (5, 0), (2, 0, 3)])
def test_empty_arrays_and_scalars(shape: tuple[int, ...]) -> None:
    for name in ELEMENTWISE:
        assert activations.get(name)(np.zeros(shape, "float32")).shape == shape
    if shape:
        for name in ROW_WISE:
            assert activations.get(name)(np.zeros(shape, "float32")).shape == shape


def test_an_activation_has_the_name_of_its_function() -> None:
    assert activations.get("swish").__name__ == "silu"
    assert activations.get(np.tanh).__name__ == "tanh"
    assert activations.relu.__name__ == "relu"


@pytest.mark.parametrize("name", [*ELEMENTWISE, *ROW_WISE, "glu", "threshold"])
def test_an_activation_of_a_symbolic_tensor_is_an_operation_of_the_model(name: str) -> None:
    x = rnnext.Input((5, 4))
    options = {"threshold": 0.1, "default_value": 0.2} if name == "threshold" else {}
    function = getattr(activations, name)
    if name == "mish":
        with pytest.raises(UnsupportedError, match=r"'mish' .* use the layer Activation\('mish'\)"):
            function(x)
        return
    model = rnnext.Model(x, function(x, **options))
    sample = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    copy = rnnext.models.model_from_json(model.to_json())
    for computed in (model(sample), copy(sample)):
        np.testing.assert_allclose(computed, function(sample, **options), rtol=1e-6)


def test_arguments_of_an_activation_of_a_symbolic_tensor() -> None:
    x = rnnext.Input((4,))
    model = rnnext.Model(x, activations.softmax(activations.relu(x, 0.1, max_value=2.0), axis=-1))
    sample = np.array([[-1.0, 1.0, 3.0, 0.5]], "float32")
    exponentials = np.exp([-0.1, 1.0, 2.0, 0.5])
    np.testing.assert_allclose(model(sample)[0], exponentials / exponentials.sum(), rtol=1e-5)
