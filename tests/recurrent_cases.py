"""Recurrent layers with all their options, on random data: the cases that Keras's answers are for.

Live answers are compared in test_parity_recurrent.py, recorded ones in test_golden.py.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import random
import zlib
from types import ModuleType
from typing import Any

import numpy as np
from keras_reference import arrays
from numpy.typing import NDArray

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
    """What a layer runs on: x (B, T, D), the weights, and further arguments of the call."""

    x: Array
    weights: list[Array]
    call: dict[str, Any]


@functools.cache
def data_of(case: Case) -> Data:
    """Random, and the same each time."""
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
    # An activation without bound would drive states of gain one to infinity.
    gain = 1.0 if case.activation == "tanh" else 0.3
    bias_shape = (2, gates * H) if case.cell == "GRU" else (gates * H,)
    weights = [
        normal(D, gates * H, scale=gain / D**0.5),
        normal(H, gates * H, scale=gain / H**0.5),
        normal(*bias_shape, scale=0.5),
    ]
    return Data(x, weights if case.use_bias else weights[:2], call)


def run(layers: ModuleType, class_name: str, options: dict[str, Any], data: Data) -> list[Array]:
    """The outputs of a layer of Keras or of rnnext."""
    layer = getattr(layers, class_name)(**options)
    layer.build(data.x.shape)
    layer.set_weights(data.weights)
    return arrays(layer(data.x, **data.call))


def assert_close(got: list[Array], expected: list[Array]) -> None:
    """Outputs and states agree within TOLERANCE of the scale of each."""
    assert [(a.shape, a.dtype) for a in got] == [(a.shape, a.dtype) for a in expected]
    for ours, theirs in zip(got, expected, strict=True):
        assert np.isfinite(theirs).all()
        assert np.abs(ours - theirs).max() <= TOLERANCE[theirs.dtype.name] * np.abs(theirs).max()


# ---- choosing cases ------------------------------------------------------------------------------


def covering(options: dict[str, tuple[Any, ...]], strength: int, seed: int) -> list[dict[str, Any]]:
    """Combinations such that any values of any `strength` options meet in one of them."""
    rows = list(itertools.product(*options.values()))
    random.Random(seed).shuffle(rows)
    met: set[Any] = set()
    chosen = []
    for row in rows:
        groups = set(itertools.combinations(enumerate(row), strength))
        if not groups <= met:
            met |= groups
            chosen.append(dict(zip(options, row, strict=True)))
    return chosen
