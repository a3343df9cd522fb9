"""SimpleRNN, LSTM and GRU give the answers of the Keras layers made with the same arguments."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import random
import zlib
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from keras_reference import arrays, load_keras
from numpy.typing import NDArray

import rnnext.layers
from rnnext import _core

keras = load_keras()

Array = NDArray[Any]

# Both libraries round every sum of D + H products and every activation, at most a few hundred
# operations of half an epsilon a step, and steps of gain about one carry that along: for these
# sizes under a hundred epsilons of the output's scale, 84 eps in float32. A wrong formula, gate,
# mask or order shows in the first or second digit.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

CELLS: dict[str, tuple[str, dict[str, Any]]] = {
    "SimpleRNN": ("SimpleRNN", {}),
    "LSTM": ("LSTM", {}),
    "GRU": ("GRU", {"reset_after": True}),
    "GRU-reset-before": ("GRU", {"reset_after": False}),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer's options and the sizes (B, T, D, H) it runs on."""

    cell: str
    shape: tuple[int, int, int, int] = (5, 6, 4, 9)
    dtype: str = "float32"
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    use_bias: bool = True
    go_backwards: bool = False
    return_sequences: bool = True
    return_state: bool = True
    initial_state: bool = False
    mask: str = "none"
    zero_output_for_mask: bool = False

    def __str__(self) -> str:
        given = [
            f"{field.name}={getattr(self, field.name)}"
            for field in dataclasses.fields(self)
            if field.name != "cell" and getattr(self, field.name) != field.default
        ]
        return ",".join([self.cell, *given]).replace(", ", ",")

    def options(self) -> dict[str, Any]:
        """The constructor's arguments, the same for Keras and for rnnext."""
        options = dataclasses.asdict(self)
        for name in ("cell", "shape", "initial_state", "mask"):
            del options[name]
        if self.cell == "SimpleRNN":
            del options["recurrent_activation"]
        # set_weights follows: no need to wait for an orthogonal matrix
        zeros = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
        return {"units": self.shape[3], **options, **zeros, **CELLS[self.cell][1]}


# ---- running a case ------------------------------------------------------------------------------


def make_mask(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> Array | None:
    if kind == "none":
        return None
    if kind == "random":
        return rng.random(shape) < 0.6
    if kind == "padded":
        return np.arange(shape[1]) < rng.integers(0, shape[1] + 1, (shape[0], 1))
    assert kind == "all masked"
    return np.zeros(shape, bool)


@dataclasses.dataclass(frozen=True)
class Data:
    """What a case runs on; random, and the same each time."""

    x: Array
    kernel: Array
    recurrent_kernel: Array
    bias: Array
    call: dict[str, Any]


@functools.cache
def data_of(case: Case) -> Data:
    rng = np.random.default_rng(zlib.crc32(str(case).encode()))
    B, T, D, H = case.shape
    gates = {"SimpleRNN": 1, "LSTM": 4}.get(case.cell, 3)

    def normal(*shape: int, scale: float) -> Array:
        return (scale * rng.standard_normal(shape)).astype(case.dtype)

    x = normal(B, T, D, scale=1)
    call: dict[str, Any] = {}
    if case.initial_state:
        states = 2 if case.cell == "LSTM" else 1
        call["initial_state"] = [normal(B, H, scale=1) for _ in range(states)]
    mask = make_mask(case.mask, (B, T), rng)
    if mask is not None:
        call["mask"] = mask
        x[~mask] = np.nan  # what is masked must not matter
    bias_shape = (2, gates * H) if case.cell == "GRU" else (gates * H,)
    # An activation without bound would drive states of gain one to infinity.
    gain = 1.0 if case.activation == "tanh" else 0.3
    return Data(
        x,
        kernel=normal(D, gates * H, scale=gain / D**0.5),
        recurrent_kernel=normal(H, gates * H, scale=gain / H**0.5),
        bias=normal(*bias_shape, scale=0.5),
        call=call,
    )


def run(layers: ModuleType, case: Case, options: dict[str, Any]) -> list[Array]:
    """The outputs of one library's layer."""
    data = data_of(case)
    layer = getattr(layers, CELLS[case.cell][0])(**options)
    layer.build(data.x.shape)
    weights = [data.kernel, data.recurrent_kernel, data.bias]
    layer.set_weights(weights if case.use_bias else weights[:2])
    return arrays(layer(data.x, **data.call))


# TensorFlow's float64 kernels of these hold a constant in single precision: here are their
# formulas in double.
DOUBLE: dict[str, Callable[[Any], Any]] = {
    "gelu": lambda x: 0.5 * x * (1 + keras.ops.erf(x / np.sqrt(2))),
    "leaky_relu": lambda x: keras.ops.where(x > 0, x, 0.2 * x),
}


@functools.cache
def keras_answer(case: Case) -> list[Array]:
    options = case.options()
    if case.dtype == "float64":
        for place in ("activation", "recurrent_activation"):
            if place in options:
                options[place] = DOUBLE.get(options[place], options[place])
    return run(keras.layers, case, options)


def assert_agrees(case: Case) -> None:
    expected = keras_answer(case)
    got = run(rnnext.layers, case, case.options())
    assert [array.shape for array in got] == [array.shape for array in expected]
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.dtype == theirs.dtype == case.dtype
        assert np.isfinite(theirs).all()
        assert np.abs(ours - theirs).max() <= TOLERANCE[case.dtype] * np.abs(theirs).max()


def parametrize(cases: Iterable[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", list(cases), ids=str)


# ---- options -------------------------------------------------------------------------------------

OPTIONS: dict[str, tuple[Any, ...]] = {
    "dtype": ("float32", "float64"),
    "use_bias": (True, False),
    "go_backwards": (True, False),
    "return_sequences": (True, False),
    "return_state": (True, False),
    "initial_state": (True, False),
    "mask": ("none", "random", "padded", "all masked"),
    "zero_output_for_mask": (True, False),
}


def covering(options: dict[str, tuple[Any, ...]], seed: int) -> list[dict[str, Any]]:
    """Combinations of options such that any three values of three options meet in one of them."""
    rows = list(itertools.product(*options.values()))
    random.Random(seed).shuffle(rows)
    met: set[Any] = set()
    chosen = []
    for row in rows:
        triples = set(itertools.combinations(enumerate(row), 3))
        if not triples <= met:
            met |= triples
            chosen.append(dict(zip(options, row, strict=True)))
    return chosen


def option_cases() -> Iterable[Case]:
    shapes = itertools.cycle([(5, 4, 4, 9), (1, 5, 3, 16), (2, 4, 9, 5), (8, 3, 2, 33)])
    for seed, cell in enumerate(CELLS):
        for options in covering(OPTIONS, seed):
            yield Case(cell, next(shapes), **options)


@pytest.mark.usefixtures("isa")
@parametrize(option_cases())
def test_options(case: Case) -> None:
    assert_agrees(case)


# ---- activations ---------------------------------------------------------------------------------

# Every activation of Keras that keeps the shape and needs no argument.
ACTIVATIONS = sorted(
    {name for name in dir(keras.activations) if not name.startswith("_")}
    - {"deserialize", "get", "glu", "serialize", "threshold"}
)


def activation_cases() -> Iterable[Case]:
    """Every activation in both places; which two meet differs from cell to cell and dtype."""
    for shift, (cell, dtype) in enumerate(itertools.product(CELLS, TOLERANCE), start=1):
        recurrent = ACTIVATIONS[shift * 3 :] + ACTIVATIONS[: shift * 3]
        for pair in zip(ACTIVATIONS, recurrent, strict=True):
            yield Case(cell, (3, 3, 5, 9), dtype, *pair, mask="random")


@pytest.mark.usefixtures("isa")
@parametrize(activation_cases())
def test_activations(case: Case) -> None:
    assert_agrees(case)


# ---- sizes ---------------------------------------------------------------------------------------


def size_cases() -> Iterable[Case]:
    """Units on both sides of every multiple of a vector and a panel, rows of every tile height."""
    units = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129)
    batches = itertools.cycle((1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 25, 33))
    features = itertools.cycle((1, 2, 3, 4, 7, 8, 16, 17))
    steps = itertools.cycle((1, 2, 3, 4))
    for cell, dtype, H in itertools.product(CELLS, TOLERANCE, units):
        yield Case(cell, (next(batches), next(steps), next(features), H), dtype)
    for cell in CELLS:  # so many steps that they are projected in several blocks
        yield Case(cell, (1, 150, 3, 70))


@pytest.mark.usefixtures("isa")
@parametrize(size_cases())
def test_sizes(case: Case) -> None:
    assert_agrees(case)


# ---- threads -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("threads", [1, 2, 4])
@parametrize(
    Case(cell, (41, 5, 24, 64), dtype, mask=mask, initial_state=True)
    for cell, dtype, mask in itertools.product(CELLS, TOLERANCE, ("none", "random"))
)
def test_threads(set_num_threads: Callable[[int], None], case: Case, threads: int) -> None:
    set_num_threads(threads)
    assert_agrees(case)


# ---- instruction sets ----------------------------------------------------------------------------


def test_the_forced_set_runs(isa: str) -> None:
    """Data that a separate multiplication and addition rounds otherwise than a fused one."""
    layer = rnnext.layers.SimpleRNN(1, activation="linear")
    layer.build((1, 1, 2))
    a = 1 + 2**-12
    layer.set_weights([np.array([[-1], [a]]), np.zeros((1, 1)), np.zeros(1)])
    fused = isa not in ("generic", "sse2")
    # -1 + a * a = 2^-11 + 2^-24, whose last term is lost when a * a is rounded first
    assert layer(np.array([[[1, a]]], "float32")) == 2**-11 + (2**-24 if fused else 0)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_kernel_names_its_set(isa: str, dtype: str) -> None:
    kernel = np.zeros((2, 3), dtype)
    recurrent_kernel = np.zeros((3, 3), dtype)
    arguments = ("simple_rnn", kernel, recurrent_kernel, None, ("tanh",), None)
    assert _core.RecurrentKernel(*arguments).isa == isa
    assert _core.DenseKernel(kernel, None, ("tanh",)).isa == isa
    for other in _core.available_isas():
        assert _core.RecurrentKernel(*arguments, isa=other).isa == other
