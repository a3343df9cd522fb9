"""Text of training and prediction on the standard output: Keras's progress bar and messages."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rnnext.errors import UnsupportedError

__all__ = ["Progbar", "print_message"]

_BOLD, _GREEN, _GREY, _RESET = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


def print_message(message: str, line_break: bool = True) -> None:
    """Writes to the standard output, in characters its encoding has, and flushes it.

    Args:
        message: The text.
        line_break: Whether a line break follows.

    Example:
        >>> print_message("Epoch 1/2")
        Epoch 1/2
    """
    text = message + "\n" if line_break else message
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:  # e.g. a Windows console without the characters of the bar
        encoding = sys.stdout.encoding
        text = text.replace("━", "=")
        sys.stdout.write(text.encode(encoding, "ignore").decode(encoding))
    sys.stdout.flush()


class Progbar:
    """A progress bar on the standard output, as Keras draws it.

    Args:
        target: Number of steps; None if it is unknown.
        width: Characters of the bar.
        verbose: 1 draws the bar, 2 writes one line at the end, 0 nothing.
        interval: Smallest number of seconds between two updates.
        stateful_metrics: Names of values that are shown as they come; others are averaged.
        stateless_metrics: Names of values that are averaged; others are shown as they come.
        unit_name: What a step is called.

    Raises:
        UnsupportedError: If both sets of names are given.

    Example:
        >>> bar = Progbar(2, verbose=2)
        >>> bar.update(1, [("loss", 0.5)])
        >>> bar.update(2, [("loss", 0.25)])  # doctest: +ELLIPSIS
        2/2 - 0s - ...s/step - loss: 0.2500
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise UnsupportedError(
                "Progbar: only one of stateful_metrics and stateless_metrics can be given, "
                f"received {stateful_metrics!r} and {stateless_metrics!r}."
            )
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self._averaged = None if stateless_metrics is None else set(stateless_metrics)
        self._as_they_come = set(stateful_metrics or ())
        self._in_place = _redraws_in_place()
        self._values: dict[str, tuple[Any, int]] = {}  # sum and number of steps, in order
        self._seen = 0
        self._start = time.time()
        self._last_update = 0.0
        self._time_after_first_step: float | None = None
        self._previous_width = 0

    def update(
        self,
        current: int,
        values: Sequence[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Shows that `current` steps are done.

        Args:
            current: Number of steps.
            values: Names and values of the last step.
            finalize: Whether this is the last update; None: if `current` is the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._take(name, value, current, finalize)
        self._seen = current
        now = time.time()
        per_step = self._step_duration(current, now)
        if self.verbose == 1:
            if now - self._last_update < self.interval and not finalize:
                return
            self._draw(current, now, per_step, finalize)
        elif self.verbose == 2 and finalize and self.target:
            duration = _duration(per_step, self.unit_name)
            line = f"{self._counter(current)} - {now - self._start:.0f}s - {duration}"
            print_message(line + self._shown_values(small_negatives=True))
        self._last_update = now

    def is_due(self) -> bool:
        """Whether an update now would be drawn; the first one always counts."""
        is_late = time.time() - self._last_update >= self.interval
        return self._seen == 0 or is_late

    def add(self, n: int, values: Sequence[tuple[str, Any]] | None = None) -> None:
        """Shows that `n` more steps are done; see `update`."""
        self.update(self._seen + n, values)

    def _take(self, name: str, value: Any, current: int, finalize: bool) -> None:
        if self._averaged is None:
            is_averaged = name not in self._as_they_come
        else:
            is_averaged = name in self._averaged
        if not is_averaged or finalize:
            self._values[name] = (value, 1)
            return
        steps = max(current - self._seen, 1)
        total, count = self._values.get(name, (0, 0))
        self._values[name] = (total + value * steps, count + steps)

    def _draw(self, current: int, now: float, per_step: float, finalize: bool) -> None:
        """Redraws the line; escape sequences do not count for its width."""
        bar, bar_width = self._bar(current)
        if self.target and not finalize:
            clock = _time_left(per_step * (self.target - current))
        else:
            clock = f"{now - self._start:.0f}s"
        rest = f" {_duration(per_step, self.unit_name)}{self._shown_values()}"
        width = bar_width + 1 + len(clock) + len(rest)
        message = "\b" * self._previous_width + "\r" if self._in_place else "\n"
        message += f"{bar} {_BOLD}{clock}{_RESET}{rest}"
        message += " " * (self._previous_width - width) + ("\n" if finalize else "")
        print_message(message, line_break=False)
        self._previous_width = width

    def _bar(self, current: int) -> tuple[str, int]:
        """The counter and the bar, and how many characters of them are visible."""
        if not self.target or self.target < 0:
            text = f"{current:7d}/Unknown"
            return text, len(text)
        counter = self._counter(current)
        filled = int(self.width * float(current) / self.target)
        bar = f"{_BOLD}{counter}{_RESET} "
        if filled > 0:
            bar += f"{_GREEN}{'━' * filled}{_RESET}"
        bar += f"{_GREY}{'━' * (self.width - filled)}{_RESET}"
        return bar, len(counter) + 1 + max(filled, 0) + max(self.width - filled, 0)

    def _counter(self, current: int) -> str:
        assert self.target is not None
        digits = int(math.log10(self.target)) + 1
        return f"{current:{digits}d}/{self.target}"

    def _shown_values(self, small_negatives: bool = False) -> str:
        """` - loss: 0.5000 - ...`; with `small_negatives`, the last line of verbose=2."""
        text = ""
        for name, (total, count) in self._values.items():
            mean = (total if isinstance(total, float) else np.mean(total)) / max(1, count)
            is_large = mean > 1e-3 if small_negatives else abs(mean) > 1e-3
            text += f" - {name}: {mean:.4f}" if is_large else f" - {name}: {mean:.4e}"
        return text

    def _step_duration(self, current: int, now: float) -> float:
        """Seconds a step takes; the first one, which sets things up, counts only while alone."""
        if not current:
            return 0.0
        if self._time_after_first_step is not None and current > 1:
            per_step = (now - self._time_after_first_step) / (current - 1)
        else:
            per_step = (now - self._start) / current
        if current == 1:
            self._time_after_first_step = now
        return per_step


def _redraws_in_place() -> bool:
    """Whether the output is taken for one that goes back in a line, by Keras's rule."""
    is_terminal = hasattr(sys.stdout, "isatty") and sys.stdout.isatty()
    is_known = "ipykernel" in sys.modules or "posix" in sys.modules
    return is_terminal or is_known or "PYCHARM_HOSTED" in os.environ


def _time_left(seconds: float) -> str:
    whole = int(seconds)
    if seconds > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if seconds > 60 else f"{whole}s"


def _duration(seconds: float, unit: str) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/{unit}"
    return f"{seconds * 1e3:.0f}ms/{unit}" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/{unit}"
