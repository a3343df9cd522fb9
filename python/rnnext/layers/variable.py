"""Weights: named arrays that tell their layer when they change."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from rnnext import nest
from rnnext.arrays import as_array, cast
from rnnext.autodiff.tape import active
from rnnext.dtypes import standard_dtype_name, widened
from rnnext.errors import ShapeError
from rnnext.fork_safety import held_at_fork
from rnnext.name_scopes import current_path
from rnnext.settings import floatx
from rnnext.tensor_shape import TensorShape

__all__ = ["Variable", "weights_lock"]

# Held while a weight changes and while weights are packed into a kernel, so that a kernel packed
# from old weights is never kept after they changed.
weights_lock = held_at_fork(threading.RLock())


class Owner(Protocol):
    """What a variable needs of the layer it belongs to."""

    name: str

    def weights_changed(self) -> None:
        """Drops what was packed from the weights."""


class Variable(NDArrayOperatorsMixin):
    """One weight of a layer. It stands for its value in NumPy expressions.

    Args:
        initializer: Array-like; an initializer, with `shape`; or a function without arguments.
        shape: The shape that an initializer is given.
        dtype: None: that of an array, float32 or int32 for Python's numbers.
        trainable: Whether training would change it.
        name: Name within its layer.
        owner: Its layer.
        initial_value: TensorFlow's name for `initializer`.

    Attributes:
        name: Name within its layer, e.g. `"kernel"`.
        trainable: Whether training changes it.
        made_trainable: Whether it was made to be trained, even if its layer is now frozen.
        stored: The values as they are kept, a read-only array. Use `assign` to change them.
        regularizer: What training adds to the loss for the values, or None.
        constraint: What training makes of the values after each step, or None.
        autocast: Whether Keras computes with the values in the layer's half precision.

    Example:
        >>> import numpy as np
        >>> w = Variable(np.ones((2, 2), "float32"), name="kernel")
        >>> w.assign([[1, 2], [3, 4]])
        <Variable path=kernel, shape=(2, 2), dtype=float32>
        >>> np.ones(2, "float32") @ w
        array([4., 6.], dtype=float32)
    """

    regularizer: Any = None
    constraint: Any = None
    autocast = True

    def __init__(
        self,
        initializer: Any = None,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool | None = True,
        *,
        name: str | None = None,
        owner: Owner | None = None,
        initial_value: Any = None,
    ) -> None:
        name = name or "variable"
        self.name = name
        self.trainable = self.made_trainable = trainable is None or trainable
        self._owner = owner
        self._scope = current_path()
        value = initializer = initial_value if initializer is None else initializer
        if callable(initializer):
            value = initializer() if shape is None else initializer(shape, dtype=dtype)
        array = as_array(value, f"weight {name!r}")
        if dtype is not None:
            array = cast(array, standard_dtype_name(dtype))
        elif not hasattr(value, "dtype"):  # Python's numbers have no precision of their own
            array = cast(array, floatx() if array.dtype.kind == "f" else np.int32)
        self.stored = _read_only(array)

    @property
    def value(self) -> NDArray[Any]:
        """The values to compute with: float32 where they are kept in half precision.

        Inside a trace those of a trainable weight are a traced array.
        """
        if active.tape is not None:
            traced: Any = self.__traced__
            return widened(self.stored) if traced is None else traced
        return widened(self.stored)

    @property
    def __traced__(self) -> Any:
        """The traced array that the weight stands for inside a trace; None outside."""
        tape = active.tape
        if tape is None or self.stored.dtype.kind in "biu":
            return None
        if not self.trainable and id(self) not in tape.variables:
            return None
        from rnnext.autodiff.traced import Traced

        return Traced(widened(self.stored), tape.node_of(self), tape)

    @property
    def is_narrow(self) -> bool:
        """Whether its layer computes in float16 in Keras: gradients beyond that are infinite."""
        owner: Any = self._owner
        is_half = getattr(owner, "output_dtype", None) == "float16"
        return is_half and self.autocast and getattr(owner, "autocast", True)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the values."""
        return self.stored.shape

    @property
    def dtype(self) -> str:
        """Name of the dtype the values are kept in."""
        return self.stored.dtype.name

    def get_shape(self) -> TensorShape:
        """Returns its sizes."""
        return TensorShape(self.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.stored.ndim

    @property
    def T(self) -> NDArray[Any]:  # noqa: N802
        """The transposed values."""
        return self.value.T

    @property
    def path(self) -> str:
        """`model/layer/weight`: the scopes it was made in, as Keras has it."""
        scope = self._scope or (self._owner.name if self._owner is not None else "")
        return f"{scope}/{self.name}" if scope else self.name

    def fitting(self, value: Any) -> NDArray[Any]:
        """Returns `value` as an array this weight could hold.

        Raises:
            ShapeError: If its shape is not that of the weight.
        """
        if active.tape is not None:
            from rnnext.autodiff.rules import value_of

            value = value_of(value)
        array = as_array(value, f"weight {self.path!r}")
        if array.shape != self.shape:
            raise ShapeError(
                f"weight {self.path!r}: expected shape {self.shape}, received {array.shape}."
            )
        return array

    def assign(self, value: Any) -> Variable:
        """Replaces the values; the kernels of its layer are packed again at their next call.

        Args:
            value: Array-like of the same shape; it is cast to the dtype of the weight.

        Returns:
            The weight.

        Raises:
            ShapeError: If the shape differs. The old values are kept.
        """
        if isinstance(value, np.generic) and value.dtype == self.stored.dtype and not self.shape:
            array = np.array(value)  # a number: what metrics add up
            array.flags.writeable = False
            self.replace(array)
            return self
        self.replace(_read_only(self.fitting(value), self.stored.dtype))
        return self

    def replace(self, array: NDArray[Any]) -> None:
        """Takes over an array without a check or a copy; optimizers set new values by it.

        Args:
            array: Read-only, of the shape and dtype of the weight.
        """
        with weights_lock:
            self.stored = array
            if self._owner is not None:
                self._owner.weights_changed()

    def assign_add(self, value: Any) -> Variable:
        """Adds to the values; see `assign`."""
        return self.assign(self.value + value)

    def assign_sub(self, value: Any) -> Variable:
        """Takes off the values; see `assign`."""
        return self.assign(self.value - value)

    def numpy(self) -> NDArray[Any]:
        """Returns a copy of the values as they are kept."""
        return self.stored.copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        traced = self.__traced__
        if traced is not None:
            traced.__array__()  # raises: the weight would lose its gradient
        values = self.value
        if dtype is not None and np.dtype(dtype) != values.dtype:
            return values.astype(dtype)
        return values.copy() if copy else values

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        values = [x.value if isinstance(x, Variable) else x for x in inputs]
        return getattr(ufunc, method)(*values, **kwargs)

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        def value(x: Any) -> Any:
            return x.value if isinstance(x, Variable) else x

        return function(*nest.map_structure(value, args), **nest.map_structure(value, kwargs))

    def __getitem__(self, index: Any) -> Any:
        if active.tape is not None:
            return self.value[index]
        return widened(np.asarray(self.stored[index]))[()]

    def __float__(self) -> float:
        return float(self.stored)

    def __int__(self) -> int:
        return int(self.stored)

    def __format__(self, spec: str) -> str:
        return format(self.stored.item(), spec) if spec else str(self)

    def __len__(self) -> int:
        return len(self.stored)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"


def _read_only(array: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
    """Returns a read-only array that aliases no writable one."""
    own = cast(array, dtype if dtype is not None else array.dtype.newbyteorder("="))
    own = own.copy() if own is array or own.base is not None else own
    own.flags.writeable = False
    return own


def count_scalars(variables: Sequence[Variable]) -> int:
    """Returns how many numbers these weights hold together."""
    return sum(variable.stored.size for variable in variables)
