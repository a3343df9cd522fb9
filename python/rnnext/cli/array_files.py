"""Arrays in files: .npy in, .npy, .npz or .csv out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import FileError, ShapeError

_OUTPUT_SUFFIXES = (".npy", ".csv", ".npz")


def read_array(name: str) -> NDArray[Any]:
    """Read one array.

    Args:
        name: Path of a .npy file.

    Raises:
        FileError: The file is no array of numbers. Pickled objects are not read: loading them
            would run code.
        OSError: The file cannot be opened.
    """
    try:
        array = np.load(name, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise FileError(
            f"{name}: not an array of numbers as numpy.save writes it (.npy): {error}"
        ) from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise FileError(f"{name}: holds several arrays (.npz); give one .npy file per model input")
    return array


def check_output_name(name: str) -> None:
    """Refuse a file name whose ending names no known format, before the work is done.

    Raises:
        FileError: With the endings that are known.
    """
    if Path(name).suffix not in _OUTPUT_SUFFIXES:
        raise FileError(f"{name}: cannot tell the format; known: {', '.join(_OUTPUT_SUFFIXES)}")


def write_arrays(name: str, arrays: dict[str, NDArray[Any]]) -> None:
    """Write a model's outputs.

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
        np.savez(name, **arrays)  # type: ignore[arg-type]  # NumPy's stub mistakes names for flags
        return
    if len(arrays) != 1:
        raise FileError(
            f"{name}: the model has {len(arrays)} outputs ({', '.join(arrays)}) and {suffix} holds "
            "one; write .npz"
        )
    (array,) = arrays.values()
    if suffix == ".npy":
        np.save(name, array)
    elif array.ndim > 2:
        raise ShapeError(
            f"{name}: a .csv table has rows and columns, the output has shape {array.shape}; "
            "write .npy"
        )
    else:
        # .9g brings every float32 back, .17g every float64
        digits = 9 if array.dtype.itemsize <= 4 else 17
        np.savetxt(name, array, fmt=f"%.{digits}g", delimiter=",")
