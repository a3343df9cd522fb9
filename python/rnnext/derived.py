"""Properties that give way to an attribute of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["derived"]

T = TypeVar("T")


class derived(Generic[T]):  # noqa: N801 - a decorator, like property
    """A property that gives way, so that a user's class may use its name for something else.

    An instance that sets an attribute of this name has that attribute.

    Args:
        function: Computes the value, anew each time.

    Example:
        >>> class Model:
        ...     @derived
        ...     def network(self):
        ...         return "a graph"
        >>> model = Model()
        >>> model.network
        'a graph'
        >>> model.network = "the user's"
        >>> model.network
        "the user's"
    """

    def __init__(self, function: Callable[[Any], T]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, instance: None, owner: Any) -> derived[T]: ...

    @overload
    def __get__(self, instance: object, owner: Any) -> T: ...

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else self._function(instance)
