"""What operations do to the time axis of a sequence that arrives step by step.

Each rule gets a call and the operation's options, and returns how the call is streamed; see
`rnnext.graph.streaming`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from rnnext.errors import ShapeError
from rnnext.graph.stream_state import NoneOr, StateSlot
from rnnext.graph.streaming import Runner, Streamed, StreamedCall
from rnnext.ops.shapes import axes_of

__all__ = ["concatenation", "elementwise", "indexing", "insertion", "reduction"]

Options = dict[str, Any]
_WHOLE = (slice(None), slice(None, None, 1))
_LAST = (-1, slice(-1, None), slice(-1, None, 1))


def elementwise(call: StreamedCall, options: Options) -> Streamed:
    """Operations on each element, or, if they have an option `axis`, on each row along it."""
    call.sequences_broadcast(aligned_left=False)
    call.constants_broadcast()
    if "axis" not in options:
        return call.per_step(())
    return call.per_step(axes_of(options["axis"], call.rank), f"axis={options['axis']!r}")


def reduction(call: StreamedCall, options: Options) -> Streamed:
    """Sums and the like along an axis; none means all."""
    call.only_sequences()
    axis = options["axis"]
    axes = axes_of(axis, call.rank)
    if 0 in axes:
        call.refuse(f"axis={axis!r} includes the batch; accepted are axes from 2 on.")
    return call.per_step(axes, f"axis={axis!r}")


def concatenation(call: StreamedCall, options: Options) -> Streamed:
    """Joining along an axis; none means all elements on one."""
    call.only_sequences()
    call.no_constants()
    axis = options["axis"]
    axes = axes_of(axis, call.rank)
    return call.per_step(axes, f"axis={axis!r}")


def insertion(call: StreamedCall, options: Options) -> Streamed:
    """New axes, of size 1 or of several arrays."""
    call.only_sequences()
    call.no_constants()
    axis = options["axis"]
    added = len(axis) if isinstance(axis, tuple) else 1
    if min(axes_of(axis, call.rank + added)) < 2:
        call.refuse(f"axis={axis!r} moves the time axis; accepted are axes from 2 on.")
    return call.per_step(())


def indexing(call: StreamedCall, key: tuple[Any, ...]) -> Streamed:
    """`x[key]`: of every step the same part, or a part of the last step."""
    call.only_sequences()
    parts = list(key)
    consumed = sum(part is not None and part is not Ellipsis for part in parts)
    at = parts.index(Ellipsis) if Ellipsis in parts else len(parts)
    parts[at : at + 1] = [slice(None)] * (call.rank - consumed)
    batch, time = parts[:2]
    if batch not in _WHOLE or time not in (*_WHOLE, *_LAST):
        call.refuse(
            f"index {key!r}; accepted are x[:, :, ...] and, for the last step, x[:, -1, ...]."
        )
    if time in _WHOLE:
        return call.per_step(())
    compute, (output,) = call.node.operation.call, call.node.outputs

    def make(batch_size: int) -> Runner:
        return _LastStep(lambda x: compute(x, key), (batch_size, *output.shape[1:]))

    return Streamed((False,), make)


class _LastStep:
    """What a function picks out of the last step, also when asked again without a new step."""

    def __init__(self, pick: Callable[[Any], NDArray[Any]], shape: tuple[int | None, ...]) -> None:
        self._pick = pick
        self.slots = {"output": NoneOr(StateSlot(shape))}
        self.memory: NDArray[Any] | None = None  # the output

    def __call__(self, x: NDArray[Any], _key: Any = None) -> NDArray[Any]:
        if x.shape[1]:
            self.memory = self._pick(x).copy()
        if self.memory is None:
            raise ShapeError("there is no last step before the first one.")
        return self.memory.copy()

    def reset(self) -> None:
        self.memory = None

    @property
    def state(self) -> dict[str, Any]:
        return {"output": self.memory}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self.memory = state["output"]
