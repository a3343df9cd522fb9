"""Names: the default ones of layers, counted as Keras counts them, and those that were mistyped."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable

from rnnext.fork_safety import held_at_fork

__all__ = ["clear_session", "did_you_mean", "snake_case", "unique_name"]

_lock = held_at_fork(threading.Lock())
_used: Counter[str] = Counter()


def snake_case(class_name: str) -> str:
    """Turns a class name into Keras's default layer name.

    Example:
        >>> snake_case("SimpleRNN"), snake_case("LeakyReLU"), snake_case("Conv2D")
        ('simple_rnn', 'leaky_re_lu', 'conv2d')
    """
    name = re.sub(r"\W+", "", class_name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(class_name: str) -> str:
    """Returns the next unused default name for a layer of this class."""
    base = snake_case(class_name)
    with _lock:
        count = _used[base]
        _used[base] += 1
    return f"{base}_{count}" if count else base


def clear_session(free_memory: bool = True) -> None:  # noqa: ARG001
    """Starts the numbering of default layer names again, as Keras's `clear_session` does.

    Args:
        free_memory: Accepted for Keras's sake and ignored; nothing is kept that could be freed.
    """
    with _lock:
        _used.clear()


def did_you_mean(unknown: Iterable[object], accepted: Iterable[str]) -> str:
    """Returns the end of an error message: which accepted names unknown ones may stand for.

    Args:
        unknown: Names that are not accepted, or anything else a user may have given as one.
        accepted: The names that are.

    Returns:
        A sentence that begins with a space, or "" if no accepted name is similar.

    Example:
        >>> did_you_mean(["retrun_sequences"], ["return_sequences", "return_state"])
        " Did you mean 'return_sequences'?"
        >>> did_you_mean(["momentum"], ["return_sequences", "return_state"])
        ''
    """
    import difflib  # only where an error is on its way

    by_lower_case = {name.lower(): name for name in accepted}
    found = []
    for name in sorted(item for item in unknown if isinstance(item, str)):
        close = difflib.get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.7)
        found += [repr(by_lower_case[match]) for match in close]
    return f" Did you mean {' and '.join(found)}?" if found else ""
