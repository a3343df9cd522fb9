"""Embedding: a row of a table for each id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import ops, serialization
from rnnext.arrays import as_array
from rnnext.errors import DataError
from rnnext.graph.recording import Pullback, Recording
from rnnext.graph.row_gradient import RowGradient
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import EmbeddingOptions, InitializerOption, KeptOption

__all__ = ["Embedding"]


@serialization.builtin("keras.layers")
class Embedding(Layer):
    """Replaces integer ids by rows of a table.

    Args:
        input_dim: Number of ids V; ids are 0 to V - 1.
        output_dim: Size of a row.
        embeddings_initializer: How the table (V, output_dim) starts.
        embeddings_regularizer: Adds to the loss in training.
        embeddings_constraint: Applied to it after each training step.
        mask_zero: Whether id 0 is padding, to be masked.
        weights: The table's values, or a list of them alone.
        lora_rank: Must be None.
        lora_alpha: Must be None.
        quantization_config: Must be None.
        **kwargs: `input_length`, ignored as by Keras, and arguments of `Layer`.

    Call arguments:
        inputs: Ids of any shape (...): integers, or floats that are whole numbers.

    Returns:
        (..., output_dim).

    Raises:
        DataError: For an id out of range, or a float that is no whole number.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Embedding
        >>> layer = Embedding(3, 2, weights=np.array([[0, 0], [1, 10], [2, 20]]))
        >>> layer([[2, 1]])
        array([[[ 2., 20.],
                [ 1., 10.]]], dtype=float32)
        >>> layer([[3]])
        Traceback (most recent call last):
            ...
        rnnext.errors.DataError: layer 'embedding' (Embedding): id 3 is out of range; ids must be \
0 to 2 (input_dim=3).
    """

    input_dim: int
    output_dim: int
    embeddings_initializer: Any
    mask_zero: bool

    makes_new_arrays = True
    reads_ids = True
    _more_options = frozenset({"input_length"})

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: InitializerOption = "uniform",
        embeddings_regularizer: KeptOption = None,
        embeddings_constraint: KeptOption = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Unpack[EmbeddingOptions],
    ) -> None:
        options: dict[str, Any] = {**kwargs}
        length = options.pop("input_length", None)
        super().__init__(**options)
        if isinstance(length, int) and self._batch_input_shape is None:
            self._batch_input_shape = (None, length)  # as Keras 2, for a first layer
        mask_zero = bool(mask_zero)
        self._take(locals(), without=("weights",))
        self.supports_masking = self.mask_zero
        self.autocast = False
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) else [weights])

    def build(self, input_shape: Any = None) -> None:  # noqa: ARG002
        """Makes the table."""
        if not self.built:
            shape = (self.input_dim, self.output_dim)
            self.embeddings = self.add_weight(shape, self.embeddings_initializer, name="embeddings")

    def call(self, inputs: Any) -> NDArray[Any]:
        """Returns the rows (..., output_dim)."""
        ids = self._ids(inputs)
        table = self.embeddings.value
        try:
            # mode="raise" would also take negative ids, counting from the end.
            if ids.size and int(ids.min()) >= 0:
                return table.take(ids, axis=0)
        except IndexError:
            pass  # found and named below
        self._check_range(ids)
        return table.take(ids, axis=0)

    def record(
        self,
        recording: Recording,
        inputs: Any,
        **kwargs: Any,  # noqa: ARG002
    ) -> tuple[NDArray[Any], Pullback]:
        """Computes as `call` does, so that it can be reversed; see `Operation.record`."""
        ids = self._ids(inputs)

        def pullback(gradients: list[Any]) -> list[Any]:
            shape = self.embeddings.shape
            rows = gradients[0].reshape(-1, shape[1])
            recording.add(self.embeddings, RowGradient(rows, ids.reshape(-1), shape))
            return [None]

        return Embedding.call(self, inputs), pullback

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return ()

    def _ids(self, inputs: Any) -> NDArray[Any]:
        """The inputs as integers; floats must be whole numbers."""
        array = as_array(inputs, f"input of {self.label}")
        if array.dtype.kind in "iu":
            return array
        if array.dtype.kind == "b":
            return array.astype(np.int64)
        with np.errstate(invalid="ignore"):
            ids = array.astype(np.int64)
        odd = ids != array
        if odd.any():
            raise DataError(
                f"{self.label}: ids must be whole numbers, received {array[odd].flat[0]}."
            )
        return ids

    def _check_range(self, ids: NDArray[Any]) -> None:
        outside = (ids < 0) | (ids >= self.input_dim)
        if outside.any():
            raise DataError(
                f"{self.label}: id {ids[outside].flat[0]} is out of range; ids must be 0 to "
                f"{self.input_dim - 1} (input_dim={self.input_dim})."
            )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:  # noqa: ARG002
        """Returns which ids are not 0, or None without mask_zero."""
        if not self.mask_zero:
            return None
        compare = ops.not_equal if isinstance(inputs, KerasTensor) else np.not_equal
        return compare(inputs, 0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns (..., output_dim)."""
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"activity_regularizer": None, **super().get_config()}
