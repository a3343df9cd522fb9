"""Python's operators on symbolic tensors: `x + 1`, `x[:, -1]`, `-x`, `x @ y`."""

from __future__ import annotations

from typing import Any

from rnnext import serialization

__all__ = ["TensorOperators"]


def _record(class_name: str, *args: Any, **options: Any) -> Any:
    """Adds the operation of `rnnext.ops` to the graph."""
    return serialization.operation_class(class_name)(**options)(*args)


class TensorOperators:
    """Operators that record a node, as Keras's symbolic tensors have them (`==` is not one)."""

    is_symbolic = True
    # NumPy leaves `array + tensor` to the tensor instead of making an array of objects.
    __array_ufunc__ = None
    __hash__ = object.__hash__

    def __add__(self, other: Any) -> Any:
        return _record("Add", self, other)

    def __radd__(self, other: Any) -> Any:
        return _record("Add", other, self)

    def __sub__(self, other: Any) -> Any:
        return _record("Subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _record("Subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return _record("Multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return _record("Multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return _record("TrueDivide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _record("TrueDivide", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _record("FloorDivide", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _record("FloorDivide", other, self)

    def __mod__(self, other: Any) -> Any:
        return _record("Mod", self, other)

    def __rmod__(self, other: Any) -> Any:
        return _record("Mod", other, self)

    def __pow__(self, other: Any) -> Any:
        return _record("Power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return _record("Power", other, self)

    def __matmul__(self, other: Any) -> Any:
        return _record("Matmul", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _record("Matmul", other, self)

    def __neg__(self) -> Any:
        return _record("Negative", self)

    def __abs__(self) -> Any:
        return _record("Absolute", self)

    def __round__(self, ndigits: int | None = None) -> Any:
        return _record("Round", self, decimals=ndigits or 0)

    def __lt__(self, other: Any) -> Any:
        return _record("Less", self, other)

    def __le__(self, other: Any) -> Any:
        return _record("LessEqual", self, other)

    def __gt__(self, other: Any) -> Any:
        return _record("Greater", self, other)

    def __ge__(self, other: Any) -> Any:
        return _record("GreaterEqual", self, other)

    def __ne__(self, other: Any) -> Any:
        return _record("NotEqual", self, other)

    def __and__(self, other: Any) -> Any:
        return _record("LogicalAnd", self, other)

    def __rand__(self, other: Any) -> Any:
        return _record("LogicalAnd", other, self)

    def __or__(self, other: Any) -> Any:
        return _record("LogicalOr", self, other)

    def __ror__(self, other: Any) -> Any:
        return _record("LogicalOr", other, self)

    def __xor__(self, other: Any) -> Any:
        return _record("LogicalXor", self, other)

    def __rxor__(self, other: Any) -> Any:
        return _record("LogicalXor", other, self)

    def __invert__(self) -> Any:
        return _record("LogicalNot", self)

    def __getitem__(self, key: Any) -> Any:
        return _record("GetItem", self, key)

    def reshape(self, newshape: Any) -> Any:
        """Returns the tensor in another shape, batch included."""
        return _record("Reshape", self, newshape=newshape)

    def squeeze(self, axis: Any = None) -> Any:
        """Returns the tensor without axes of size 1."""
        return _record("Squeeze", self, axis=axis)
