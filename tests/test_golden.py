"""The answers that TensorFlow gave when data/golden was recorded; needs no TensorFlow."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from recurrent_cases import CELLS, Data, assert_close, run

import rnnext.layers

FOLDER = Path(__file__).parent / "data" / "golden"
FILES = sorted(path.stem for path in FOLDER.glob("*.npz"))


@functools.cache
def content(file: str) -> dict[str, dict[str, NDArray[Any]]]:
    """The arrays of a file, by case and name."""
    cases: dict[str, dict[str, NDArray[Any]]] = {}
    with np.load(FOLDER / f"{file}.npz") as arrays:
        for key in arrays.files:
            case, _, name = key.partition("/")
            cases.setdefault(case, {})[name] = arrays[key]
    return cases


def numbered(case: dict[str, NDArray[Any]], prefix: str) -> list[NDArray[Any]]:
    return [case[key] for key in sorted(case) if key.startswith(prefix)]


CASES = [(file, case) for file in FILES for case in content(file) if case != "versions"]


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize(("file", "number"), CASES)
def test_recorded_answer(file: str, number: str) -> None:
    case = content(file)[number]
    call: dict[str, Any] = {"mask": case["mask"]} if "mask" in case else {}
    if states := numbered(case, "initial_state"):
        call["initial_state"] = states
    data = Data(case["x"], numbered(case, "weight"), call)
    got = run(rnnext.layers, str(case["layer"]), json.loads(str(case["options"])), data)
    assert_close(got, numbered(case, "output"))


def test_the_records_are_complete() -> None:
    cells = {cell.lower().replace("-", "_") for cell in CELLS}
    assert set(FILES) == cells | {"activations", "dense"}
    for file in FILES:
        assert len(content(file)) > 10, file


@pytest.mark.parametrize("file", FILES)
def test_a_record_says_what_made_it(file: str) -> None:
    versions = json.loads(str(content(file)["versions"][""]))
    assert set(versions) == {"keras", "numpy", "tensorflow"}
