"""Default names of layers: `lstm`, `lstm_1`, ... counted as Keras counts them."""

from __future__ import annotations

import re
import threading
from collections import Counter

from rnnext.fork_safety import held_at_fork

__all__ = ["clear_session", "snake_case", "unique_name"]

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


def clear_session() -> None:
    """Starts the numbering of default layer names again, as Keras's `clear_session` does."""
    with _lock:
        _used.clear()
