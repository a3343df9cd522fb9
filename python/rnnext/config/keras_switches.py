"""Switches of Keras that change nothing here."""

from __future__ import annotations

from rnnext.errors import UnsupportedError

__all__ = [
    "backend",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "enable_traceback_filtering",
    "is_interactive_logging_enabled",
    "is_traceback_filtering_enabled",
    "set_backend",
]


def backend() -> str:
    """Returns `"numpy"`: arrays are NumPy's."""
    return "numpy"


def set_backend(backend: str) -> None:
    """Does nothing for `"numpy"`.

    Args:
        backend: Its name.

    Raises:
        UnsupportedError: For another backend: there is none.
    """
    if backend != "numpy":
        raise UnsupportedError(f"set_backend: only 'numpy' is there, received {backend!r}.")


def disable_interactive_logging() -> None:
    """Does nothing: rnnext prints what it is asked for, on the standard output."""


def is_interactive_logging_enabled() -> bool:
    """Returns True: progress bars are printed where they are asked for."""
    return True


def disable_traceback_filtering() -> None:
    """Does nothing: tracebacks are whole."""


def enable_traceback_filtering() -> None:
    """Does nothing: tracebacks are whole."""


def is_traceback_filtering_enabled() -> bool:
    """Returns False: tracebacks are whole."""
    return False
