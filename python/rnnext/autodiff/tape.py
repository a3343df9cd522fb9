"""What was computed from the arrays of a trace, in order, so that it can be reversed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from rnnext.fork_safety import held_at_fork

__all__ = ["AddedLoss", "Tape", "active", "shortcut", "suspended", "without_shortcuts"]

# From the gradient of a result to those of the arrays it was computed from. Of several results, a
# list, with None for a result that has no gradient.
Reverse = Callable[[Any], Sequence[Any]]


class _Active(threading.local):
    """The tape that notes what this thread computes; None outside a trace."""

    tape: Tape | None = None


active = _Active()


class AddedLoss:
    """What a layer adds to the loss while it computes.

    Attributes:
        owner: The layer.
        value: The loss: a plain array, or a traced one while what it is part of is traced.
        gradient: The gradient of the whole loss for it, set before it is reversed; None: there is
            none.
    """

    __slots__ = ("gradient", "owner", "value")

    def __init__(self, owner: Any, value: Any) -> None:
        self.owner, self.value = owner, value
        self.gradient: Any = None


class Tape:
    """Notes operations; each result is a node, a number.

    Args:
        recording: The pass that the trace is part of, which nested layers are recorded in.

    Attributes:
        losses: What layers added to the loss.
        is_open: Whether arrays of the tape are noted; what is computed from them later is not.
    """

    def __init__(self, recording: Any = None) -> None:
        self.recording = recording
        # The node of the result (a list of nodes if there are several), those it was computed
        # from, and how it is reversed.
        self.entries: list[tuple[Any, Sequence[int], Reverse]] = []
        self.node_count = 0
        # The weights that were read, with their nodes, by id.
        self.variables: dict[int, tuple[Any, int]] = {}
        # Constants that a GradientTape watches, likewise.
        self.watched: dict[int, tuple[Any, int]] = {}
        self.losses: list[AddedLoss] = []
        self.is_open = True

    def new_node(self) -> int:
        """Returns a node that no entry computes: an input."""
        self.node_count += 1
        return self.node_count - 1

    def node_of(self, variable: Any) -> int:
        """Returns the node of a weight, the same whenever it is read."""
        known = self.variables.get(id(variable))
        if known is None:
            known = self.variables[id(variable)] = variable, self.new_node()
        return known[1]

    def gradients(self, seeds: Sequence[tuple[int, Any]]) -> list[Any]:
        """Reverses everything.

        Args:
            seeds: Nodes, each with the gradient of its value.

        Returns:
            The gradient of every node, None where there is none.
        """
        found: list[Any] = [None] * self.node_count

        def add(node: int, gradient: Any) -> None:
            known = found[node]
            found[node] = gradient if known is None else known + gradient

        for node, gradient in seeds:
            add(node, gradient)
        with np.errstate(all="ignore"):  # infinities and NaN are answers, as in TensorFlow
            for result, sources, reverse in reversed(self.entries):
                if type(result) is int:
                    d_result = found[result]
                    if d_result is None:
                        continue
                else:
                    d_result = [found[node] for node in result]
                    if all(d is None for d in d_result):
                        continue
                for node, gradient in zip(sources, reverse(d_result), strict=True):
                    if gradient is not None:
                        add(node, gradient)
        return found

    @contextlib.contextmanager
    def running(self) -> Iterator[Tape]:
        """What is computed meanwhile is noted on this tape."""
        outer, active.tape = active.tape, self
        try:
            yield self
        finally:
            active.tape = outer


@contextlib.contextmanager
def suspended() -> Iterator[None]:
    """What is computed meanwhile is noted on no tape, and weights are plain arrays."""
    outer, active.tape = active.tape, None
    try:
        yield
    finally:
        active.tape = outer


# Short cuts --------------------------------------------------------------------------------------

_switches: list[Callable[[bool], None]] = []
_switches_lock = held_at_fork(threading.RLock())
_closed = 0


def shortcut(switch: Callable[[bool], None]) -> Callable[[bool], None]:
    """Decorator: registers a short cut of calls with plain arrays, which looks at no tape.

    Args:
        switch: Opens the short cut if it is given True, closes it if it is given False, in the
            whole process.
    """
    _switches.append(switch)
    if _closed:
        switch(False)
    return switch


@contextlib.contextmanager
def without_shortcuts() -> Iterator[None]:
    """Calls with plain arrays are noted meanwhile, as they may read weights that have a gradient.

    Other threads take the long way meanwhile, too, with the same results.
    """
    _count_closed(1)
    try:
        yield
    finally:
        _count_closed(-1)


def _count_closed(change: int) -> None:
    global _closed
    with _switches_lock:
        was_open = not _closed
        _closed += change
        if was_open != (not _closed):
            for switch in _switches:
                switch(not _closed)
