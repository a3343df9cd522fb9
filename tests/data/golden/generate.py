"""Records what TensorFlow answers, so that it can be compared with where TensorFlow is missing.

    python tests/data/golden/generate.py        with the `test` extra installed

writes one file for each cell, one for Dense and one for the activations, beside this script. Each
holds numbered cases: ``<case>/layer`` and ``<case>/options`` (JSON), ``<case>/x``,
``<case>/weight<i>``, the arguments of the call, and ``<case>/output<i>``. ``versions`` (JSON) says
what gave the answers.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parents[1]))

from keras_reference import load_keras  # noqa: E402
from recurrent_cases import CELLS, Case, Data, covering, data_of, run  # noqa: E402

keras = load_keras()

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
# In both places, each with the next: what published models use, and the unusual.
ACTIVATIONS = ("relu", "hard_sigmoid", "linear", "softsign", "elu", "selu", "softplus", "tanh")


def recurrent_cases(cell: str) -> Iterable[Case]:
    shapes = itertools.cycle([(3, 4, 3, 5), (1, 5, 2, 9), (2, 3, 4, 4)])
    for options in covering(OPTIONS, strength=2, seed=0):
        yield Case(cell, next(shapes), **options)
    for pair in itertools.pairwise([*ACTIVATIONS, ACTIVATIONS[0]]):
        yield Case(cell, (2, 3, 3, 5), "float32", *pair)


def record(case: str, layer: str, options: dict[str, Any], data: Data) -> dict[str, Any]:
    """The arrays of one case by their names in the file."""
    outputs = run(keras.layers, layer, options, data)
    arrays: dict[str, Any] = {"layer": layer, "options": json.dumps(options), "x": data.x}
    arrays |= {f"weight{i}": weight for i, weight in enumerate(data.weights)}
    if "mask" in data.call:
        arrays["mask"] = data.call["mask"]
    states = data.call.get("initial_state", [])
    arrays |= {f"initial_state{i}": state for i, state in enumerate(states)}
    arrays |= {f"output{i}": output for i, output in enumerate(outputs)}
    return {f"{case}/{name}": value for name, value in arrays.items()}


def recurrent(cell: str) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for i, case in enumerate(recurrent_cases(cell)):
        arrays |= record(f"{i:02}", CELLS[cell][0], case.options(), data_of(case))
    return arrays


def dense() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    arrays: dict[str, Any] = {}
    choices = itertools.product(
        ("float32", "float64"), (True, False), ("linear", "softmax", "sigmoid")
    )
    for i, (dtype, use_bias, activation) in enumerate(choices):
        x, kernel, bias = (rng.standard_normal(s).astype(dtype) for s in ((2, 3, 7), (7, 9), (9,)))
        options = {"units": 9, "activation": activation, "use_bias": use_bias, "dtype": dtype}
        weights: list[NDArray[Any]] = [kernel, bias] if use_bias else [kernel]
        arrays |= record(f"{i:02}", "Dense", options, Data(x, weights, {}))
    return arrays


def activations() -> dict[str, Any]:
    names = {name for name in dir(keras.activations) if not name.startswith("_")}
    names -= {"deserialize", "get", "glu", "serialize", "threshold"}
    x = np.linspace(-8, 8, 60, dtype="float32").reshape(3, 20)
    arrays: dict[str, Any] = {}
    for i, name in enumerate(sorted(names)):
        arrays |= record(f"{i:02}", "Activation", {"activation": name}, Data(x, [], {}))
    return arrays


def write(name: str, arrays: dict[str, Any]) -> None:
    import tensorflow

    modules = (keras, np, tensorflow)
    versions = {module.__name__: module.__version__ for module in modules}
    np.savez_compressed(FOLDER / f"{name}.npz", versions=json.dumps(versions), **arrays)


if __name__ == "__main__":
    for cell in CELLS:
        write(cell.lower().replace("-", "_"), recurrent(cell))
    write("dense", dense())
    write("activations", activations())
