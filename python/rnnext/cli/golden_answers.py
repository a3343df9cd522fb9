"""Inputs and answers of a model that were recorded elsewhere, in .npz files."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.cli.comparison import Row, compare, layer_outputs
from rnnext.errors import FileError

Arrays = Mapping[str, NDArray[Any]]


def read_golden(files: Sequence[str]) -> dict[str, NDArray[Any]]:
    """All arrays of some .npz files by name.

    Raises:
        FileError: No .npz file, pickled objects in it, or a name that two files have.
        OSError: A file cannot be opened.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for file in files:
        try:
            # NumPy leaves a file open that it opened and then cannot read.
            with open(file, "rb") as stream:
                content = np.load(stream, allow_pickle=False)
                if isinstance(content, np.ndarray):
                    raise FileError(
                        f"{file}: one array; an .npz with inputs and outputs is expected."
                    )
                with content:
                    new = {name: content[name] for name in content.files}
        except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            if isinstance(error, FileError):
                raise
            raise FileError(
                f"{file}: expected an .npz file of arrays of numbers: {error}"
            ) from error
        twice = sorted(arrays.keys() & new.keys())
        if twice:
            raise FileError(f"{file}: another file has arrays of these names too: {twice}.")
        arrays.update(new)
    return arrays


def golden_rows(model: Any, golden: Arrays, outputs: Sequence[str], label: str) -> list[Row]:
    """Runs a model on recorded inputs and compares with what was recorded.

    Args:
        model: The model.
        golden: Inputs named as the model's, or x, x1, ... (also x0, x1, ...) in its order; outputs
            named as the model's, or y, y1, ...; outputs of layers under the layers' names.
        outputs: Names of the arrays that are the model's outputs, if not the above.
        label: How errors call the recording.

    Raises:
        FileError: The recording's names or their number do not fit the model.
        RnnextError: A recorded output has another shape.
    """
    left = dict(golden)
    inputs = _taken(left, model.input_names, "x", "inputs", label)
    if outputs:
        expected = _by_name(left, outputs, label)
        if len(expected) != len(model.outputs):
            raise FileError(
                f"{label}: the model has {len(model.outputs)} outputs, {len(outputs)} were named."
            )
        for name in [name for name in left if re.fullmatch(r"y\d*", name)]:
            del left[name]
    else:
        expected = _taken(left, model.output_names, "y", "outputs", label)
    layers = [layer for layer in model.layers if layer.name in left]
    unknown = sorted(left.keys() - {layer.name for layer in layers})
    if unknown:
        raise FileError(
            f"{label}: arrays {unknown}: neither inputs, outputs nor layers of the model, whose "
            f"layers are {[layer.name for layer in model.layers]}."
        )
    ours = layer_outputs(model, layers, inputs)
    theirs = [*([left[layer.name]] for layer in layers), expected]
    return [
        row
        for layer, mine, other in zip([*layers, model], ours, theirs, strict=True)
        for row in compare(layer, mine, other, "the recording")
    ]


def _taken(
    left: dict[str, NDArray[Any]], names: Sequence[str], letter: str, kind: str, label: str
) -> list[NDArray[Any]]:
    """Takes the arrays of a model's inputs or outputs out of `left`."""
    if not left.keys() >= set(names):
        found = [name for name in left if re.fullmatch(rf"{letter}\d*", name)]
        if len(found) != len(names):
            raise FileError(
                f"{label}: the model's {kind} are {list(names)}; expected arrays of these names, "
                f"or {len(names)} named {letter}, {letter}1, ...; found {sorted(left)}."
            )
        names = sorted(found, key=lambda name: int(name[1:] or -1))
    return _by_name(left, names, label)


def _by_name(left: dict[str, NDArray[Any]], names: Sequence[str], label: str) -> list[NDArray[Any]]:
    missing = [name for name in names if name not in left]
    if missing:
        raise FileError(f"{label}: no arrays {missing}; it has {sorted(left)}.")
    return [left.pop(name) for name in names]
