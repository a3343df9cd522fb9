"""Access to the models in data/saving, each saved by the Keras that its name says."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FOLDER = Path(__file__).parent / "data" / "saving"
Array = npt.NDArray[Any]


def names(pattern: str) -> list[str]:
    """Names of the golden files that match, without ``.gz``."""
    return sorted(path.stem for path in FOLDER.glob(pattern + ".gz"))


def content(name: str) -> bytes:
    """A file as Keras wrote it."""
    return gzip.decompress((FOLDER / f"{name}.gz").read_bytes())


def unpack(name: str, folder: Path) -> Path:
    """Write a file as Keras wrote it into a folder."""
    path = folder / name
    path.write_bytes(content(name))
    return path


def recorded(name: str) -> tuple[list[Array], list[Array]]:
    """Inputs, and the outputs that the Keras which wrote the file gave for them."""
    with np.load(FOLDER / (name.split(".")[0] + ".npz")) as arrays:
        return tuple(  # type: ignore[return-value]
            [arrays[key] for key in sorted(arrays.files) if key.startswith(letter)]
            for letter in "xy"
        )


def assert_gives_recorded_outputs(model: Any, name: str) -> None:
    """The model's answers are those of the Keras that saved it."""
    inputs, expected = recorded(name)
    outputs = model.predict(inputs if len(inputs) > 1 else inputs[0])
    outputs = outputs if isinstance(outputs, list) else [outputs]
    assert len(outputs) == len(expected)
    for output, y in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(output, y, rtol=0, atol=1e-6)
