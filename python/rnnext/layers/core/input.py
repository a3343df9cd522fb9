"""Input and InputLayer: where a model starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnnext import serialization
from rnnext.dtypes import tensor_dtype_name
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.operation import Node
from rnnext.graph.tensor import KerasTensor, standard_shape
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import CommonOptions, ShapeOption

__all__ = ["Input", "InputLayer"]


@serialization.builtin("keras.layers")
class InputLayer(Layer):
    """Declares an input of a model. `Input` is the usual way to make one.

    Args:
        shape: Sizes without the batch; None where they vary.
        batch_size: Size of the batch, or None.
        dtype: Name of the dtype the model converts the input to, or "string"; default float32.
        sparse: Must be false; rnnext reads dense arrays.
        ragged: Must be false.
        batch_shape: Sizes with the batch, instead of `shape` and `batch_size`.
        input_tensor: Must be None.
        optional: Must be false; every input must be given.
        name: Name of the layer and of the input.
        **kwargs: `input_shape` and `batch_input_shape`, older names of `shape` and `batch_shape`.

    Raises:
        ShapeError: If no shape is given, or two.
        UnsupportedError: For an option that must be false.
    """

    def __init__(
        self,
        shape: ShapeOption | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: ShapeOption | None = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        shape = kwargs.pop("input_shape", shape)
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        super().__init__(name=name, **kwargs)
        for option, value in (
            ("sparse", sparse),
            ("ragged", ragged),
            ("input_tensor", input_tensor),
            ("optional", optional),
        ):
            if value:
                raise UnsupportedError(f"{self.label}: {option}={value!r} is not supported.")
        if (shape is None) == (batch_shape is None) or (batch_size and batch_shape is not None):
            raise ShapeError(
                f"{self.label}: pass either shape (and batch_size) or batch_shape, received "
                f"shape={shape}, batch_size={batch_size}, batch_shape={batch_shape}."
            )
        if batch_shape is None:
            batch_shape = (batch_size, *standard_shape(shape, f"{self.label} shape"))
        self.batch_shape = standard_shape(batch_shape, f"{self.label} batch_shape")
        self._dtype = tensor_dtype_name(dtype)
        self.built = True
        Node(self, (), {}, KerasTensor(self.batch_shape, self._dtype, self.name))

    @property
    def dtype(self) -> str:
        """Name of the dtype the model converts this input to."""
        return self._dtype

    def call(self) -> None:
        """Does nothing: an input layer is not computed."""

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            "batch_shape": list(self.batch_shape),
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": False,
        }


def Input(  # noqa: N802 - Keras's name
    shape: ShapeOption | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: ShapeOption | None = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
    **kwargs: Unpack[CommonOptions],
) -> KerasTensor:
    """Returns a symbolic tensor for an input of a model; see `InputLayer` for the arguments.

    Example:
        >>> from rnnext.layers import Input
        >>> Input((None, 8)).shape
        (None, None, 8)
    """
    layer = InputLayer(
        shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name, **kwargs
    )
    output: KerasTensor = layer.output
    return output
