"""What a metric is: options, and a state that batches are taken into."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import initializers, nest, settings
from rnnext.autodiff.tape import active, suspended
from rnnext.autodiff.watchable import with_numpy
from rnnext.dtypes import DTypePolicy, standard_dtype_name
from rnnext.graph.masked_array import untraced
from rnnext.kept_option import KeptArguments
from rnnext.naming import unique_name

__all__ = ["Metric", "divided"]


class Metric(KeptArguments):
    """Base class of metrics; subclasses implement `update_state` and `result`.

    Args:
        dtype: Dtype to compute in.
        name: Name of the metric.

    Example:
        >>> from rnnext.metrics import MeanAbsoluteError
        >>> metric = MeanAbsoluteError()
        >>> metric.update_state([[0.0], [1.0]], [[1.0], [3.0]])
        >>> float(metric.result())
        1.5
    """

    _keras_module = "keras.metrics"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "update_state" in vars(cls):
            cls.update_state = _outside_tapes(cls.update_state)  # type: ignore[method-assign]
        if "result" in vars(cls):
            cls.result = with_numpy(cls.result)  # type: ignore[method-assign]

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or unique_name(type(self).__name__)
        given = dtype.compute_dtype if isinstance(dtype, DTypePolicy) else dtype
        self.dtype = standard_dtype_name(given)
        self._make_state()

    def _make_state(self) -> None:
        """Makes the variables whose shapes do not depend on other options."""

    @property
    def variables(self) -> list[Any]:
        """The variables of the state, in the order in which they were made."""
        return list(vars(self).get("_state", ()))

    def add_variable(
        self, shape: Any = (), initializer: Any = "zeros", dtype: Any = None, name: str = "variable"
    ) -> Any:
        """Adds a variable to the state.

        Args:
            shape: Its shape.
            initializer: A name, an initializer, or None for zeros.
            dtype: Its dtype; None: the default float type.
            name: Its name.
        """
        from rnnext.layers.variable import Variable

        made = initializers.get("zeros" if initializer is None else initializer)
        variable = Variable(
            made, tuple(shape), dtype=dtype or settings.floatx(), trainable=False, name=name
        )
        vars(self).setdefault("_state", []).append(variable)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str = "variable"
    ) -> Any:
        """Adds a variable to the state; see `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name)

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Takes in a batch; subclasses override it."""
        raise NotImplementedError(f"{type(self).__name__} has no update_state() method.")

    def result(self) -> Any:
        """Returns the metric of the batches so far; subclasses override it."""
        raise NotImplementedError(f"{type(self).__name__} has no result() method.")

    def reset_state(self) -> None:
        """Sets the variables of the state to zero."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Updates the state and returns the result."""
        self.update_state(*args, **kwargs)
        return self.result()


def _outside_tapes(update_state: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps an `update_state`: no tape notes what a metric computes."""

    @functools.wraps(update_state)
    def updated(self: Any, *args: Any, **kwargs: Any) -> Any:
        if active.tape is None:
            return update_state(self, *args, **kwargs)
        args, kwargs = nest.map_structure(untraced, (args, kwargs))
        with suspended():
            return update_state(self, *args, **kwargs)

    return updated


def divided(a: Any, b: Any) -> NDArray[Any]:
    """Returns a / b, and 0 where b is 0."""
    a, b = np.asarray(a), np.asarray(b)
    shape, dtype = np.broadcast_shapes(a.shape, b.shape), np.result_type(a, b)
    return np.asarray(np.divide(a, b, out=np.zeros(shape, dtype), where=b != 0))
