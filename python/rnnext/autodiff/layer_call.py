"""A layer called inside a trace: one entry of the tape, reversed by the layer's own rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnext import nest
from rnnext.autodiff.rules import fitted, lifted, value_of
from rnnext.autodiff.tape import AddedLoss, Tape, active, suspended
from rnnext.autodiff.traced import Traced
from rnnext.dtypes import FLOAT_KINDS

__all__ = ["nested"]


def nested(record: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Calls a layer inside a trace by the layer's own rule.

    Args:
        record: What returns outputs and their pullback from plain arguments.
        args: Positional arguments, traced arrays among them.
        kwargs: Keyword arguments.

    Returns:
        The outputs, traced.
    """
    tape = active.tape
    assert tape is not None
    call = _LayerCall(tape, record, args, kwargs)
    call.enter()
    return call.traced_outputs()


class _LayerCall:
    """The call's arguments, results and nodes of the tape.

    A result has a node where it is an array of floats, and so has each loss that the layer added.
    Outputs of a last sigmoid or softmax have a second one for its logits, from which a loss may be
    computed.
    """

    def __init__(
        self, tape: Tape, record: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Runs the layer on plain arrays, outside the trace."""
        leaves = [lifted(x) for x in nest.flatten((args, kwargs))]
        plain_args, plain_kwargs = nest.pack_like((args, kwargs), [value_of(x) for x in leaves])
        recording = tape.recording
        others, recording.losses = recording.losses, []
        try:
            with suspended():
                self.outputs, self.pullback = record(*plain_args, **plain_kwargs)
        finally:
            self.losses, recording.losses = recording.losses, others
        self.tape = tape
        self.leaves = leaves
        # A rule's result of no axes may have become a number of NumPy's.
        self.flat = [
            np.asarray(y) if isinstance(y, np.generic) else y for y in nest.flatten(self.outputs)
        ]

    def enter(self) -> None:
        """Gives the results nodes and enters the call in the tape."""
        tape, flat = self.tape, self.flat
        self.kept = [
            i for i, x in enumerate(self.leaves) if type(x) is Traced and x.node is not None
        ]
        self.nodes = {i: tape.new_node() for i, y in enumerate(flat) if _has_gradient(y)}
        loss_nodes = [tape.new_node() for _ in self.losses]
        noted = {i: tape.recording.logits.pop(id(flat[i]), None) for i in self.nodes}
        self.logits = {
            i: (found, tape.new_node()) for i, found in noted.items() if found is not None
        }
        nodes = [*self.nodes.values(), *loss_nodes, *(node for _, node in self.logits.values())]
        tape.entries.append((nodes, [self.leaves[i].node for i in self.kept], self.reverse))
        tape.losses += [
            AddedLoss(loss.owner, Traced(loss.value, node, tape))
            for loss, node in zip(self.losses, loss_nodes, strict=True)
        ]

    def reverse(self, d_results: list[Any]) -> list[Any]:
        """From the gradients of the entry's nodes, in their order, to those of the arguments."""
        d_outputs: list[Any] = [None] * len(self.flat)
        given = iter(d_results)
        for i in self.nodes:
            d_outputs[i] = next(given)
        for loss in self.losses:
            loss.gradient = next(given)
        for i, (found, _) in self.logits.items():
            d_outputs[i] = found.joined(d_outputs[i], next(given))
        leaves, gradients = self.leaves, self.pullback(d_outputs)
        gradients += [None] * (len(leaves) - len(gradients))  # a rule may leave out the last
        return [fitted(gradients[i], leaves[i].shape, leaves[i].dtype) for i in self.kept]

    def traced_outputs(self) -> Any:
        """The outputs; integers are traced, too, so that layers called on them are recorded."""
        wrapped = [self._traced(i, y) for i, y in enumerate(self.flat)]
        for i, (found, node) in self.logits.items():
            wrapped[i]._keras_logits = Traced(found.values, node, self.tape)
        return nest.pack_like(self.outputs, wrapped)

    def _traced(self, i: int, y: Any) -> Any:
        if not isinstance(y, np.ndarray):
            return y
        plain = y.view(np.ndarray)
        if i in self.nodes:
            return Traced(plain, self.nodes[i], self.tape)
        return Traced(plain) if y.dtype.kind in "iu" else plain


def _has_gradient(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in FLOAT_KINDS
