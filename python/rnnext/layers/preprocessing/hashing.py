"""Hashing: strings or integers to one of a few bins."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import as_array, as_strings, holds_strings
from rnnext.dtypes import standard_dtype_name
from rnnext.errors import UnsupportedError
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.integer_options import positive_integer
from rnnext.layers.layer import Layer
from rnnext.layers.preprocessing.encoding import encode, encoded_shape, output_mode_option
from rnnext.layers.preprocessing.fingerprints import bucket_hash, salt_option

__all__ = ["BinLayer", "Hashing", "decimal_strings"]

Array = NDArray[Any]


def decimal_strings(values: Array) -> list[bytes]:
    """Returns byte strings as they are, numbers as TensorFlow hashes them, in flat order."""
    if values.dtype == object:
        return list(values.ravel().tolist())
    if values.dtype.kind == "b":
        return [b"true" if value else b"false" for value in values.ravel()]
    with np.errstate(invalid="ignore"):
        return [str(value).encode() for value in values.astype(np.int64).ravel().tolist()]


class BinLayer(Layer):
    """What layers share that turn values of any kind into numbers of bins, or their vectors.

    Args:
        num_bins: Number of bins.
        output_mode: One of them.
        sparse: Kept in the config; outputs are dense.
        dtype: Of the outputs.
        **kwargs: Arguments of `Layer`.
    """

    makes_new_arrays = True
    reads_ids = True
    _modes: tuple[str, ...]

    def __init__(
        self,
        num_bins: int,
        output_mode: str,
        sparse: bool,
        dtype: Any,
        **kwargs: Any,
    ) -> None:
        if isinstance(dtype, dict):
            dtype = (dtype.get("config") or {}).get("name")
        super().__init__(**kwargs)
        self.num_bins = positive_integer(num_bins, "num_bins", self.label)
        if self.num_bins >= 2**63:
            raise UnsupportedError(f"{self.label}: num_bins={num_bins} is beyond 64 bits.")
        self.output_mode = output_mode_option(output_mode, self._modes, self.label)
        is_int = self.output_mode == "int"
        self.sparse = bool(sparse)
        if self.sparse and is_int:
            raise UnsupportedError(
                f"{self.label}: sparse=True needs another output_mode than 'int'."
            )
        self.result_dtype = standard_dtype_name(dtype or ("int64" if is_int else None))
        if is_int and self.result_dtype not in ("int32", "int64"):
            raise UnsupportedError(
                f"{self.label}: with output_mode='int' dtype must be 'int32' or 'int64', received "
                f"{dtype!r}."
            )
        self.autocast = False
        self.built = True

    @property
    def reads_strings(self) -> bool:
        """True, beside integers."""
        return True

    @property
    def declared_input_dtype(self) -> str:
        """Name of the dtype of inputs that are no strings."""
        return "int64"

    def _as_array(self, x: Any) -> Array:
        name = f"input of {self.label}"
        return as_strings(x, name) if holds_strings(x) else as_array(x, name)

    def input_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Values of every dtype arrive as they are."""
        return dtype

    def _encoded(self, bins: Array) -> Array:
        if self.output_mode == "int":
            return bins.astype(self.result_dtype)
        return encode(bins, self.output_mode, self.num_bins, self.result_dtype)

    def _shape_of(self, shape: Sequence[int | None]) -> Any:
        if self.output_mode == "int":
            return tuple(shape)
        return encoded_shape(shape, self.output_mode, self.num_bins)

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return () if self.output_mode == "int" else None


@serialization.builtin("keras.layers")
class Hashing(BinLayer):
    """Sorts strings or integers into bins by a hash, the same as TensorFlow's.

    Args:
        num_bins: Number of bins.
        mask_value: A value that alone has bin 0; None: there is none.
        salt: Key of a SipHash, one integer or two; None: FarmHash.
        output_mode: "int": numbers of bins. "one_hot": a vector for each value. "multi_hot",
            "count": one vector for all values of a sample.
        sparse: Kept in the config; outputs are dense.
        dtype: Of the outputs: "int64" or "int32" with "int", otherwise a float type.
        **kwargs: Arguments of `Layer`.

    Example:
        >>> from rnnext.layers import Hashing
        >>> Hashing(3)([["A"], ["B"], ["C"]])
        array([[1],
               [0],
               [1]])
    """

    _modes = ("int", "one_hot", "multi_hot", "count")

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_bins, output_mode, sparse, dtype, **kwargs)
        if mask_value is not None and not isinstance(mask_value, (str, bytes, numbers.Real)):
            raise UnsupportedError(
                f"{self.label}: mask_value must be a string, a number, or None, received "
                f"{mask_value!r}."
            )
        self.mask_value = mask_value
        self.salt = salt_option(salt, self.label)

    def call(self, inputs: Array) -> Array:
        """Returns the bins, or their encoding."""
        masks = self.mask_value is not None and self.num_bins > 1
        sort = bucket_hash(self.num_bins - masks, self.salt)
        bins = np.array(sort(decimal_strings(inputs)), np.int64).reshape(inputs.shape)
        if masks:
            mask = self.mask_value
            mask = mask.encode("utf-8", "replace") if isinstance(mask, str) else mask
            bins = np.where(inputs == mask, 0, bins + 1)
        return self._encoded(bins)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the outputs."""
        return self._shape_of(input_shape)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns a symbolic tensor for the outputs."""
        return KerasTensor(self._shape_of(inputs.shape), self.result_dtype, self.name)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        policy = self.dtype_policy.get_config()
        return {
            **super().get_config(),
            "dtype": {**policy, "config": {"name": self.result_dtype}},
            "num_bins": self.num_bins,
            "salt": self.salt,
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }
