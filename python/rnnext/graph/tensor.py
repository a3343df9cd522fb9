"""Symbolic tensors: shape, dtype, and where they come from.

Calling a layer on a symbolic tensor computes nothing: it records a `Node` (operation.py) and
returns symbolic tensors of the shapes the layer would return. A functional model is read off these
records.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

from rnnext import nest, serialization
from rnnext.dtypes import tensor_dtype_name
from rnnext.errors import RnnextError, ShapeError
from rnnext.graph.tensor_operators import TensorOperators
from rnnext.naming import unique_name
from rnnext.tensor_shape import TensorShape

__all__ = ["History", "KerasTensor", "any_symbolic", "standard_shape"]

Shape = tuple[int | None, ...]


def standard_shape(shape: Any, name: str) -> Shape:
    """Returns `shape` as a tuple of sizes and None.

    Raises:
        ShapeError: If it is not a sequence of non-negative integers and None.
    """
    try:
        sizes = tuple(None if size is None else _size(size) for size in shape)
    except (TypeError, ValueError) as error:
        raise ShapeError(
            f"{name}: expected a shape of non-negative integers and None, received {shape!r}."
        ) from error
    return sizes


def _size(size: Any) -> int:
    number = operator.index(size)
    if number < 0 or isinstance(size, bool):
        raise ValueError(f"{size!r} is not a size.")
    return number


class History(NamedTuple):
    """Where a symbolic tensor comes from: output `tensor_index` of a node of `operation`.

    `operation` is an `rnnext.graph.operation.Operation`, whose module imports this one.
    """

    operation: Any
    node_index: int
    tensor_index: int


class KerasTensor(TensorOperators):
    """A tensor of which only shape and dtype are known.

    Attributes:
        shape: Sizes; None where the size is known only at run time.
        dtype: Name of the dtype.
        name: Name of the layer that made it.
        mask: Its symbolic mask, which only summaries ask for; see `rnnext.models.mask_nodes`.
    """

    mask: KerasTensor | None = None

    def __init__(self, shape: Any, dtype: Any = None, name: str | None = None) -> None:
        self.shape = standard_shape(shape, "KerasTensor")
        self.dtype = tensor_dtype_name(dtype)
        self.name = name or unique_name("KerasTensor")
        self.history: History | None = None
        # [layer name, node index, tensor index] of a tensor that was read from a config
        self.stored_history: list[Any] | None = None

    @property
    def _keras_history(self) -> History:
        """Keras's name for `history`."""
        return self.source

    @property
    def source(self) -> History:
        """The tensor's history.

        Raises:
            RnnextError: If no layer made it.
        """
        if self.history is None:
            raise RnnextError(f"{self!r} does not come from rnnext.Input or a layer.")
        return self.history

    def get_shape(self) -> TensorShape:
        """Returns its sizes, None where they are not known."""
        return TensorShape(self.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __array__(self, *_args: Any, **_kwargs: Any) -> Any:
        raise TypeError(
            f"{self!r} is symbolic and has no values; a NumPy function cannot be applied to it. "
            "Use layers, or put the function into a layer's call()."
        )

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} is symbolic and has no truth value.")

    def __iter__(self) -> Any:
        raise TypeError(f"{self!r} is symbolic and cannot be iterated over.")

    def _serialize(self) -> dict[str, Any]:
        history = self.source
        return {
            "class_name": "__keras_tensor__",
            "config": {
                "shape": list(self.shape),
                "dtype": self.dtype,
                "keras_history": [
                    history.operation.name,
                    history.node_index,
                    history.tensor_index,
                ],
            },
        }

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def _stored_tensor(inner: dict[str, Any]) -> KerasTensor:
    tensor = KerasTensor(inner["shape"], inner["dtype"])
    tensor.stored_history = inner["keras_history"]
    return tensor


serialization.add_special_form("__keras_tensor__", _stored_tensor)


def any_symbolic(structure: Any) -> bool:
    """Tells whether a nested structure holds a symbolic tensor."""
    return any(isinstance(leaf, KerasTensor) for leaf in nest.flatten(structure))
