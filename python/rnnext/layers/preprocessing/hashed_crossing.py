"""HashedCrossing: combinations of features to one of a few bins."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import DataError, ShapeError
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.preprocessing.fingerprints import crossed, farmhash64
from rnnext.layers.preprocessing.hashing import BinLayer

__all__ = ["HashedCrossing"]


@serialization.builtin("keras.layers")
class HashedCrossing(BinLayer):
    """Sorts combinations of strings or integers into bins by a hash, the same as TensorFlow's.

    Args:
        num_bins: Number of bins.
        output_mode: "int": numbers of bins. "one_hot": a vector for each combination.
        sparse: Kept in the config; outputs are dense.
        dtype: Of the outputs: "int64" or "int32" with "int", otherwise a float type.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: A list of two or more arrays (B,) or (B, 1) of strings or integers.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import HashedCrossing
        >>> HashedCrossing(5)([np.array(["A", "B", "A"]), np.array([101, 101, 102])])
        array([1, 4, 3])
    """

    _modes = ("int", "one_hot")

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_bins, output_mode, sparse, dtype, **kwargs)

    def _convert(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise DataError(
                f"{self.label}: expected a list of two or more arrays, received "
                f"{type(inputs).__name__!r}."
            )
        return [self._as_array(x) for x in inputs]

    def call(self, inputs: Any) -> NDArray[Any]:
        """Returns the bins, or their encoding."""
        shape = inputs[0].shape
        self._check_shapes([x.shape for x in inputs])
        features = [self._hashes(x) for x in inputs]
        bins = [crossed(words) % self.num_bins for words in zip(*features, strict=True)]
        return self._encoded(np.array(bins, np.int64).reshape(shape))

    def _check_shapes(self, shapes: Any) -> None:
        first = tuple(shapes[0])
        single = len(first) < 2 or (len(first) == 2 and first[1] == 1)
        if not single or any(tuple(shape) != first for shape in shapes):
            raise ShapeError(
                f"{self.label}: expected arrays of one shape, (batch,) or (batch, 1), received "
                f"{list(map(tuple, shapes))}."
            )

    def _hashes(self, values: NDArray[Any]) -> list[int]:
        if values.dtype == object:
            return [farmhash64(value) for value in values.ravel().tolist()]
        if values.dtype.kind not in "iu":
            raise DataError(f"{self.label}: expected strings or integers, received {values.dtype}.")
        return [value % 2**64 for value in values.ravel().tolist()]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the outputs."""
        self._check_shapes(input_shape)
        return self._shape_of(input_shape[0])

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns a symbolic tensor for the outputs."""
        shape = self.compute_output_shape([x.shape for x in inputs])
        return KerasTensor(shape, self.result_dtype, self.name)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.result_dtype,
        }
