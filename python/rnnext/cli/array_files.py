"""Arrays in files: .npy or .csv in, .npy, .npz or .csv out."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.cli.csv_files import SUFFIXES, as_input, read_table
from rnnext.errors import FileError, ShapeError
from rnnext.saving.formats.foreign import foreign_content
from rnnext.saving.formats.replacement import replaced

_OUTPUT_SUFFIXES = (".npy", ".csv", ".npz")


def read_inputs(names: Sequence[str], model: Any, rows: str | None) -> list[NDArray[Any]]:
    """Reads an array for each of a model's inputs.

    Args:
        names: Paths of .npy or .csv files, in the order of the model's inputs.
        model: The model.
        rows: What a row of a .csv is; see `rnnext.cli.csv_files`.

    Raises:
        FileError: A file is no array of numbers.
        ShapeError: A table does not fit its input, or there are more or fewer files than inputs.
        OSError: A file cannot be opened.
    """
    arrays = [read_array(name) for name in names]
    if len(names) != len(model.inputs):
        raise ShapeError(
            f"the model has {len(model.inputs)} inputs ({', '.join(model.input_names)}), "
            f"{len(names)} files were given."
        )
    return [
        as_input(array, tensor, rows, name) if _is_table(name) else array
        for name, array, tensor in zip(names, arrays, model.inputs, strict=True)
    ]


def read_array(name: str) -> NDArray[Any]:
    """Reads one array.

    Args:
        name: Path of a .npy file, or of a .csv, .tsv or .txt table.

    Raises:
        FileError: The file is no array of numbers. Pickled objects are not read: loading them
            would run code.
        OSError: The file cannot be opened.
    """
    if _is_table(name):
        return read_table(name)
    with open(name, "rb") as stream:
        try:
            array = np.load(stream, allow_pickle=False)
        except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
            foreign = foreign_content(stream, name)
            reason = f"{error}" if foreign is None or ".npy" in foreign else foreign
            raise FileError(
                f"{name}: expected an array of numbers, in a .npy file of numpy.save or in a "
                f".csv file: {reason}"
            ) from error
        if not isinstance(array, np.ndarray):
            with array:
                are_arrays = all(member.endswith(".npy") for member in array.zip.namelist())
            if not are_arrays:
                raise FileError(
                    f"{name}: expected an array of numbers (.npy, .csv), received a zip."
                )
            raise FileError(
                f"{name}: holds arrays by name (.npz); give one .npy or .csv file per model input."
            )
    return array


def _is_table(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def check_output_name(name: str) -> None:
    """Rejects a file name whose ending names no known format, before the work is done.

    Raises:
        FileError: With the endings that are known.
    """
    if Path(name).suffix not in _OUTPUT_SUFFIXES:
        raise FileError(f"{name}: cannot tell the format; known: {', '.join(_OUTPUT_SUFFIXES)}.")


def write_arrays(name: str, arrays: dict[str, NDArray[Any]]) -> None:
    """Writes a model's outputs.

    Args:
        name: Path; its ending is the format.
        arrays: Output name -> array. Only .npz holds more than one.

    Raises:
        FileError: Several arrays for a format that holds one.
        ShapeError: An array of more than two axes for .csv.
        OSError: The file cannot be written.
    """
    suffix = Path(name).suffix
    if suffix == ".npz":
        with replaced(name) as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]  # its stub takes names for flags
        return
    if len(arrays) != 1:
        raise FileError(
            f"{name}: the model has {len(arrays)} outputs ({', '.join(arrays)}) and {suffix} holds "
            "one; write .npz."
        )
    (array,) = arrays.values()
    if suffix == ".npy":
        with replaced(name) as stream:
            np.save(stream, array)
    elif array.ndim > 2:
        raise ShapeError(
            f"{name}: a .csv table has rows and columns, the output has shape {array.shape}; "
            "write .npy."
        )
    else:
        # .9g brings every float32 back, .17g every float64
        digits = 9 if array.dtype.itemsize <= 4 else 17
        with replaced(name) as stream:
            np.savetxt(stream, array, fmt=f"%.{digits}g", delimiter=",")
