"""CategoryEncoding: integers as vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import as_array
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.layer import Layer
from rnnext.layers.preprocessing.encoding import encode, encoded_shape, output_mode_option

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["CategoryEncoding"]


@serialization.builtin("keras.layers")
class CategoryEncoding(Layer):
    """Encodes integers as vectors: one-hot, multi-hot, or counts.

    Args:
        num_tokens: Length of the vectors; integers of at least this much leave no trace.
        output_mode: "one_hot": a vector for every integer. "multi_hot": for each sample a vector
            that is 1 at its integers. "count": for each sample how often each occurs.
        sparse: Must be false.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: Integers; (B, n), one sample (n,), or one integer.
        count_weights: For "count": what each integer counts; of the shape of the inputs.

    Raises:
        UnsupportedError: For another mode, or `num_tokens` below 1.
        DataError: For a negative integer, except with "one_hot".

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import CategoryEncoding
        >>> CategoryEncoding(4, output_mode="count")(np.array([[1, 3, 1]]))
        array([[0., 2., 0., 1.]], dtype=float32)
    """

    num_tokens: int

    reads_ids = True

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        mode = output_mode_option(output_mode, ("one_hot", "multi_hot", "count"), self.label)
        if isinstance(num_tokens, bool) or not isinstance(num_tokens, int) or num_tokens < 1:
            raise UnsupportedError(
                f"{self.label}: num_tokens must be an integer >= 1, received {num_tokens!r}."
            )
        if sparse:
            raise UnsupportedError(f"{self.label}: sparse={sparse!r} is not supported.")
        self._take(locals(), without=("sparse",))
        self.output_mode = mode
        self.sparse = sparse

    def call(self, inputs: NDArray[Any], count_weights: Any = None) -> NDArray[Any]:
        """Returns the vectors."""
        ids = inputs.astype(np.int64)
        if count_weights is not None and self.output_mode != "count":
            raise UnsupportedError(
                f"{self.label}: count_weights are for output_mode='count', not "
                f"{self.output_mode!r}."
            )
        if self.output_mode != "one_hot" and np.any(ids < 0):
            raise DataError(f"{self.label}: {ids.min()} is not in 0..{self.num_tokens - 1}.")
        weights = None
        if count_weights is not None:
            weights = as_array(count_weights, f"count_weights of {self.label}")
            if weights.shape != ids.shape:
                raise ShapeError(
                    f"{self.label}: count_weights must have the shape {ids.shape} of the inputs, "
                    f"received {weights.shape}."
                )
        return encode(ids, self.output_mode, self.num_tokens, self.compute_dtype, weights)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the vectors."""
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> KerasTensor:  # noqa: ARG002
        """Returns a symbolic tensor for the vectors."""
        shape = self.compute_output_shape(inputs.shape)
        return KerasTensor(shape, self.compute_dtype, self.name)
