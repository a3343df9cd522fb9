"""What a model is called with, as one array for each of its inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.arrays import as_array, as_strings, cast
from rnnext.dtypes import numpy_dtype
from rnnext.errors import DataError, ShapeError
from rnnext.graph.tensor import KerasTensor

__all__ = ["InputPort", "ModelInputs", "StringPort"]


class InputPort:
    """One input of a model: checks an array against the declared shape and casts it.

    Args:
        tensor: The symbolic input.
        model_label: How error messages call the model.
        keeps_integers: Whether integers stay integers, because only embeddings read them. (A
            declared float32 would round ids above 2**24.)

    Attributes:
        label: How error messages call it.
    """

    def __init__(self, tensor: KerasTensor, model_label: str, keeps_integers: bool) -> None:
        self.name = tensor.name
        self.shape = tensor.shape
        self.dtype = numpy_dtype(tensor.dtype)
        self.label = f"input {tensor.name!r} of {model_label}"
        self._keeps_integers = keeps_integers
        self._rank = len(tensor.shape)
        # The batch size is not checked: Keras lets it vary even where it is declared.
        self._sizes = [(i, s) for i, s in enumerate(tensor.shape) if i > 0 and s is not None]
        self._last_fitting: tuple[int, ...] | None = None

    def accept_any_sizes(self) -> None:
        """Stops checking sizes: of ids, whose axes an Embedding does not care for."""
        self._sizes = []

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Tells whether an array of this shape can be used as it is."""
        sample = shape[1:]
        if sample != self._last_fitting or not shape:
            if len(shape) != self._rank or any(shape[axis] != n for axis, n in self._sizes):
                return False
            self._last_fitting = sample
        return True

    def takes(self, array: NDArray[Any]) -> bool:
        """Tells whether an array can be used as it is."""
        dtype = array.dtype
        is_right = dtype is self.dtype or dtype == self._dtype_of(dtype)
        return is_right and self.fits(array.shape)

    def _dtype_of(self, received: np.dtype[Any]) -> np.dtype[Any]:
        """The dtype the model computes with for arrays of this one."""
        if self._keeps_integers and received.kind in "iu":
            return received.newbyteorder("=")
        return self.dtype

    def check_symbolic(self, tensor: KerasTensor) -> None:
        """Checks a tensor whose sizes may be unknown.

        Raises:
            ShapeError: If its shape cannot fit.
            DataError: If it holds strings and the input numbers, or the reverse.
        """
        shape = tensor.shape
        if (tensor.dtype == "string") != (self.dtype == object):
            raise DataError(f"{self.label}: dtype {tensor.dtype!r} does not fit its {self.dtype}.")
        fits = len(shape) == self._rank and all(
            shape[axis] in (size, None) for axis, size in self._sizes
        )
        if not fits:
            raise ShapeError(f"{self.label}: expected shape {self.shape}, received {shape}.")

    def array(self, x: Any) -> NDArray[Any]:
        """Returns `x` as an array of the declared shape, not yet of the declared dtype.

        As in Keras, an axis of size 1 at the end may be missing or be one too many.

        Raises:
            DataError: If `x` is no array of numbers.
            ShapeError: If its shape does not fit.
        """
        return self.fitted(self.as_array(x, self.label), np.shape(x))

    def fitted(self, array: NDArray[Any], received: tuple[int, ...]) -> NDArray[Any]:
        """Returns an array with the axes of the declared shape; see `array`.

        Args:
            array: The array, or some of its rows.
            received: The shape of what came, for the message.

        Raises:
            ShapeError: If the shape does not fit.
        """
        if array.ndim == self._rank + 1 and array.shape[-1] == 1:
            array = array[..., 0]
        elif array.ndim == self._rank - 1 and self.shape[-1] == 1:
            array = array[..., np.newaxis]
        if not self.fits(array.shape):
            raise ShapeError(
                f"{self.label}: expected an array of shape {self.shape}, received shape {received}."
            )
        return array

    def as_array(self, x: Any, name: str) -> NDArray[Any]:
        """Returns `x` as an array of any shape, or raises DataError, calling it `name`."""
        return as_array(x, name)

    def cast(self, array: NDArray[Any]) -> NDArray[Any]:
        """Returns contiguous values of the dtype the model computes with."""
        return cast(array, self._dtype_of(array.dtype))


class StringPort(InputPort):
    """An input of strings: arrays of byte strings."""

    def takes(self, array: NDArray[Any]) -> bool:  # noqa: ARG002
        """Returns False: an array of objects may hold anything until it was looked through."""
        return False

    def as_array(self, x: Any, name: str) -> NDArray[Any]:
        """Returns `x` as an array of byte strings, or raises DataError, calling it `name`."""
        return as_strings(x, name)

    def cast(self, array: NDArray[Any]) -> NDArray[Any]:
        """Returns the array itself."""
        return array


class ModelInputs:
    """All inputs of a model, and how they are nested.

    Args:
        structure: The symbolic inputs, nested as the model takes them.
        ports: Their ports, in flat order.
        model_label: How error messages call the model.
    """

    def __init__(self, structure: Any, ports: list[InputPort], model_label: str) -> None:
        self.structure = structure
        self.ports = ports
        self.names = [port.name for port in ports]
        self._label = model_label
        parts = structure.values() if isinstance(structure, dict) else structure
        several = nest.is_nested(structure)
        self._is_flat = not (several and any(nest.is_nested(part) for part in parts))

    def arrays(self, x: Any) -> list[NDArray[Any]]:
        """Returns one array of fitting shape for each input, in flat order, not yet cast.

        Args:
            x: For one input an array-like, or a list or dictionary of one. For several a list
                in order, or a dictionary by name.

        Raises:
            ShapeError: If their number, names or shapes do not fit.
        """
        return [port.array(v) for port, v in zip(self.ports, self.values(x), strict=True)]

    def masks(self, mask: Any) -> list[Any]:
        """Returns one mask or None for each input."""
        if mask is None:
            return [None] * len(self.ports)
        flat = nest.flatten(mask) if nest.is_nested(mask) else [mask]
        if all(m is None for m in flat):
            return [None] * len(self.ports)
        if len(flat) != len(self.ports):
            raise ShapeError(
                f"{self._label}: expected {len(self.ports)} masks, received {len(flat)}."
            )
        return [None if m is None else as_array(m, f"mask of {self._label}") for m in flat]

    def values(self, x: Any) -> list[Any]:
        """Returns what was given for each input, in flat order, unchecked."""
        if isinstance(x, dict):
            return self._by_name(x)
        if len(self.ports) == 1:
            return [self._only(x)]
        if nest.is_nested(x):
            fits = len(x) == len(self.ports) and self._is_flat
            flat = x if fits else nest.flatten(x)
            if len(flat) == len(self.ports):
                return list(flat)
        received = f"{len(x)} values" if nest.is_nested(x) else type(x).__name__
        raise ShapeError(
            f"{self._label} expects a list of {len(self.ports)} arrays for its inputs "
            f"{self.names}, or a dictionary of them, received {received}."
        )

    def _only(self, x: Any) -> Any:
        """The value of the only input: `[array]` means the array, `[[1, 2], [3, 4]]` itself."""
        if isinstance(x, (list, tuple)) and len(x) == 1:
            rank = np.ndim(x[0]) if hasattr(x[0], "__array__") else None
            if rank is not None and rank >= len(self.ports[0].shape) - 1 and rank > 0:
                return x[0]
        return x

    def _by_name(self, x: dict[str, Any]) -> list[Any]:
        keys = self.names
        if isinstance(self.structure, dict) and set(self.structure) <= set(x):
            keys = sorted(self.structure)
        missing = [key for key in keys if key not in x]
        if missing:
            raise ShapeError(
                f"{self._label} expects its inputs by the names {keys}, received {sorted(x)}."
            )
        return [x[key] for key in keys]
