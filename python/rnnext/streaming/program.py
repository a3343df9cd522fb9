"""The graph of a model that is fed step by step: the role of each tensor, and what keeps state.

What is a sequence is read off the graph. A recurrent layer needs one, so the input it depends on
comes in steps; from there on every call says what becomes of its sequences (`Layer.streamed`).
What follows a last output has no time axis any more and is run by ordinary means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.dtypes import numpy_dtype
from rnnext.errors import UnsupportedError
from rnnext.graph.execution import Execution
from rnnext.graph.graph import Graph
from rnnext.graph.operation import MaskRule, Node
from rnnext.graph.program import program_of
from rnnext.graph.streaming import (
    TIME,
    Role,
    Runner,
    Streamed,
    StreamedCall,
    says_how_it_streams,
)
from rnnext.graph.tensor import KerasTensor

__all__ = ["StreamedGraph", "is_read_in_steps", "streamed_graph"]


class _ParallelInputs(Exception):  # noqa: N818 (it is no error)
    """Inputs lie along the steps of a sequence, and so must come in steps, too."""

    def __init__(self, indices: set[int]) -> None:
        self.indices = indices


class StreamedGraph:
    """How the calls of a graph are streamed.

    Args:
        graph: The graph.
        roles: What each of its inputs is.
        of_own_inputs: Whether more of its inputs may turn out to be sequences: those of a model
            inside another are what the outer model says.

    Attributes:
        sequences: The indices of its inputs that are sequences.
        output_roles: What each of its outputs is.
        fixed_inputs: The indices of inputs without a time axis that sequences were joined with
            before a layer that remembers: were they to change, it would remember wrongly.

    Raises:
        UnsupportedError: If a call cannot be streamed.
    """

    def __init__(self, graph: Graph, roles: Sequence[Role], of_own_inputs: bool = True) -> None:
        self.graph = graph
        self._of_own_inputs = of_own_inputs
        self.sequences = [i for i, role in enumerate(roles) if role is Role.SEQUENCE]
        self._roles = dict(zip(map(id, graph.inputs), roles, strict=True))
        # The GIVEN inputs that a tensor depends on.
        self._sources = {
            id(tensor): {i} if role is Role.GIVEN else set()
            for i, (tensor, role) in enumerate(zip(graph.inputs, roles, strict=True))
        }
        self.fixed_inputs: set[int] = set()
        self._streamed: dict[int, Streamed] = {}  # by the index of the call
        for index, node in enumerate(graph.nodes):
            if not node.is_input:
                self._add(index, node)
        self.output_roles = [self._roles[id(tensor)] for tensor in graph.outputs]

    def _add(self, index: int, node: Node) -> None:
        """Finds what the outputs of a call are."""
        roles = [self._roles[id(tensor)] for tensor in node.input_tensors]
        sources = set().union(*(self._sources[id(tensor)] for tensor in node.input_tensors))
        if Role.SEQUENCE in roles:
            if self._of_own_inputs:
                self._check_parallel_inputs(node)
            streamed = _streamed(StreamedCall(node, self._roles))
            if streamed.make_runner is not None:
                self.fixed_inputs |= sources
            self._streamed[index] = streamed
            outputs = [Role.SEQUENCE if s else Role.LATEST for s in streamed.sequences]
        else:
            _check_is_stateless(node)
            outputs = [Role.LATEST if Role.LATEST in roles else Role.GIVEN] * len(node.outputs)
        for tensor, role in zip(node.outputs, outputs, strict=True):
            self._roles[id(tensor)] = role
            self._sources[id(tensor)] = sources

    def _check_parallel_inputs(self, node: Node) -> None:
        """Raises _ParallelInputs if an input that is no sequence has a step for each step of one.

        It has if it reaches a call beside a sequence with as many axes, and is not of size 1 along
        the second, which would be repeated.
        """
        roles = [self._roles[id(tensor)] for tensor in node.input_tensors]
        ranks = {
            t.ndim
            for t, role in zip(node.input_tensors, roles, strict=True)
            if role is Role.SEQUENCE
        }
        for tensor, role in zip(node.input_tensors, roles, strict=True):
            if role is Role.GIVEN and tensor.ndim in ranks - {TIME + 1} and tensor.shape[TIME] != 1:
                inputs = self.graph.inputs
                found = {i for i in self._sources[id(tensor)] if inputs[i].ndim > TIME + 1}
                if found:
                    raise _ParallelInputs(found)

    def make_runners(self, batch_size: int) -> dict[int, Runner]:
        """Makes what remembers from step to step, for one stream, by the index of the call."""
        return {
            index: streamed.make_runner(batch_size)
            for index, streamed in self._streamed.items()
            if streamed.make_runner is not None
        }

    def without_steps(self, batch_size: int) -> dict[int, Callable[..., Any]]:
        """Returns what stands for the calls on each step alone where there is no step.

        Layers may reject zero-length inputs, e.g. a convolution whose window does not fit.
        """
        return {
            index: _nothing(self.graph.nodes[index].outputs, batch_size)
            for index, streamed in self._streamed.items()
            if streamed.make_runner is None
            and self.graph.nodes[index].operation.mask_rule is not MaskRule.JOINT
        }

    def execution(self, masked: tuple[bool, ...], runners: Mapping[int, Any]) -> Execution:
        """Makes what runs the graph with these runners.

        Raises:
            UnsupportedError: If a layer on a sequence would be given a mask of its steps as one of
                its elements.
        """
        program = program_of(self.graph, masked)
        for index in self._streamed:
            operation = self.graph.nodes[index].operation
            if operation in program.masked_operations and operation.masks_elements:
                raise UnsupportedError(
                    f"{operation.label} cannot be streamed: its input has a mask of steps, which "
                    "it would take for one of elements; accepted are inputs without a mask."
                )
        return Execution(program, runners)


def _nothing(outputs: Sequence[KerasTensor], batch_size: int) -> Callable[..., Any]:
    """What returns outputs of no step."""

    def empty(*_args: Any, **_kwargs: Any) -> list[NDArray[Any]]:
        shapes = [(batch_size, 0, *(size or 0 for size in t.shape[2:])) for t in outputs]
        return [np.zeros(s, numpy_dtype(t.dtype)) for s, t in zip(shapes, outputs, strict=True)]

    return empty if len(outputs) > 1 else lambda *args, **kwargs: empty(*args, **kwargs)[0]


def _streamed(call: StreamedCall) -> Streamed:
    operation = call.node.operation
    if not says_how_it_streams(operation):
        call.raise_not_streamable()
    if operation.works_on_each_step:  # whatever the class it inherits from says
        call.only_sequences()
        return call.per_step(())
    streamed: Streamed = operation.streamed(call)
    return streamed


def _check_is_stateless(node: Node) -> None:
    """Rejects what would change its own states at every step, being called as it is."""
    if node.operation.stateful:
        raise UnsupportedError(
            f"{node.operation.label} cannot be streamed: its input has no time axis that comes "
            "in steps, so it runs anew at every step, and stateful=True would go on from its own "
            "states, which a stream leaves alone; accepted is stateful=False."
        )


# Which inputs are sequences ----------------------------------------------------------------------


def streamed_graph(graph: Graph, label: str) -> StreamedGraph:
    """Finds which inputs of a graph come in steps, and how the graph is streamed.

    An input comes in steps if a recurrent layer or a causal convolution reads it, directly or over
    layers that keep its axes, or if its axis 1 is of unknown size. If neither holds of any input,
    those of three axes or more do. So does an input that lies along the steps of one that does.

    Args:
        graph: The graph.
        label: How error messages call the model.

    Raises:
        UnsupportedError: If there is no such input, or a call cannot be streamed.
    """
    inputs = graph.inputs
    in_steps = [
        tensor.ndim > TIME and (tensor.shape[TIME] is None or is_read_in_steps(graph, [tensor]))
        for tensor in inputs
    ]
    if not any(in_steps):
        in_steps = [tensor.ndim > TIME + 1 for tensor in inputs]
    if not any(in_steps):
        raise UnsupportedError(
            f"{label} cannot be streamed: its inputs of shapes {[t.shape for t in inputs]} have "
            "no time axis, and no recurrent layer reads them; accepted are inputs of shape "
            "(batch, time, ...)."
        )
    return _with_parallel_inputs(graph, in_steps)


def _with_parallel_inputs(graph: Graph, in_steps: list[bool]) -> StreamedGraph:
    try:
        return StreamedGraph(graph, [Role.SEQUENCE if s else Role.GIVEN for s in in_steps])
    except _ParallelInputs as parallel:  # at least one more, so it ends
        more = [s or i in parallel.indices for i, s in enumerate(in_steps)]
    return _with_parallel_inputs(graph, more)


def is_read_in_steps(graph: Graph, tensors: Sequence[KerasTensor]) -> bool:
    """Tells whether something in a graph needs one of its inputs as a sequence."""
    along = {id(tensor) for tensor in tensors}
    for node in graph.nodes:
        read = [t for t in node.input_tensors if id(t) in along]
        # A size of 1 beside others is repeated along their steps: it is the same at each.
        longer = any(t.ndim > TIME and t.shape[TIME] != 1 for t in node.input_tensors)
        if not read or (longer and all(t.shape[TIME] == 1 for t in read)):
            continue
        if node.operation.reads_in_steps(node, along):
            return True
        along |= {id(t) for i, t in enumerate(node.outputs) if _keeps_time(node, along, i)}
    return False


def _keeps_time(node: Node, along: set[int], output_index: int) -> bool:
    """Whether axis 1 of an output may be the time axis of tensors (by id) that a call reads.

    Of two axes only what works on each step alone keeps the second, which is one of features
    otherwise. Of more, whatever has as many: an operation that mixes steps raises an error later.
    """
    if max(t.ndim for t in node.input_tensors if id(t) in along) > TIME + 1:
        return node.outputs[output_index].ndim > TIME + 1
    tensors = node.input_tensors
    roles = {id(t): Role.SEQUENCE if id(t) in along else Role.GIVEN for t in tensors}
    try:
        return _streamed(StreamedCall(node, roles)).sequences[output_index]
    except UnsupportedError:
        return False
