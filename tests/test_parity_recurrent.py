"""SimpleRNN, LSTM and GRU give the answers of the Keras layers made with the same arguments."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from numpy.typing import NDArray
from recurrent_cases import CELLS, TOLERANCE, Case, assert_close, covering, data_of, run

import rnnext.layers
from rnnext import _core

keras = load_keras()

Array = NDArray[Any]

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
    return run(keras.layers, CELLS[case.cell][0], options, data_of(case))


def assert_agrees(case: Case) -> None:
    got = run(rnnext.layers, CELLS[case.cell][0], case.options(), data_of(case))
    assert_close(got, keras_answer(case))


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


def option_cases() -> Iterable[Case]:
    shapes = itertools.cycle([(5, 4, 4, 9), (1, 5, 3, 16), (2, 4, 9, 5), (8, 3, 2, 33)])
    for seed, cell in enumerate(CELLS):
        for options in covering(OPTIONS, strength=3, seed=seed):
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
