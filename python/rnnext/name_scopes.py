"""Scopes of names: the layers that are being built, which the paths of their weights begin with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["current_path", "layer_scope", "name_scope"]

_path: ContextVar[str] = ContextVar("path", default="")


def current_path() -> str:
    """The names of the open scopes, joined by slashes; empty outside of all."""
    return _path.get()


@contextmanager
def name_scope(name: str, **kwargs: Any) -> Iterator[None]:  # noqa: ARG001 - Keras's internal ones
    """A context that puts a name before the paths of the weights that are made in it.

    Args:
        name: The name.
        **kwargs: Accepted for Keras's sake and ignored.

    Example:
        >>> from rnnext.layers import Dense
        >>> layer = Dense(2)
        >>> with name_scope("encoder"):
        ...     layer.build((None, 3))
        >>> layer.kernel.path
        'encoder/dense/kernel'
    """
    with _opened(_joined(current_path(), name)):
        yield


@contextmanager
def layer_scope(layer: Any, *, keep: bool = True) -> Iterator[None]:
    """The scope of a layer.

    Args:
        layer: It lies below the scope in which it was built or called first.
        keep: Whether this is its first call or build, not a weight made in its constructor.
    """
    path = layer._path or _joined(current_path(), layer.name)
    if keep:
        layer.__dict__["_path"] = path
    with _opened(path):
        yield


def _joined(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


@contextmanager
def _opened(path: str) -> Iterator[None]:
    token = _path.set(path)
    try:
        yield
    finally:
        _path.reset(token)
