"""A connected model fed step by step: its program, with runners for the calls that keep state."""

from __future__ import annotations

from typing import Any

from rnnext import nest
from rnnext.errors import UnsupportedError
from rnnext.graph.execution import Execution
from rnnext.graph.streaming import Role, Runner, Streamed, StreamedCall
from rnnext.models.network import Network
from rnnext.streaming.program import StreamedGraph, streamed_graph

__all__ = ["StreamedModel", "streamed_model", "streamed_network"]


class StreamedModel:
    """Runs a network over chunks of its sequences.

    Args:
        network: The network.
        graph: How its graph is streamed.
        batch_size: Number of samples B.

    Attributes:
        execution: Runs it if no input has a mask.
        runners: What remembers from step to step.
        slots: What it remembers, by the names of the layers; of a layer that is called several
            times the later calls have `#2`, `#3`, ... after the name.
    """

    def __init__(self, network: Network, graph: StreamedGraph, batch_size: int) -> None:
        self._network = network
        self._graph = graph
        self._runners = graph.make_runners(batch_size)
        self.runners = list(self._runners.values())
        self._by_name: dict[str, Runner] = {}
        for index, runner in self._runners.items():
            if runner.slots:
                name = network.graph.nodes[index].operation.name
                self._by_name[_new_name(name, self._by_name)] = runner
        self._batch_size = batch_size
        self._executions: dict[tuple[tuple[bool, ...], bool], Execution] = {}
        self.slots = {name: runner.slots for name, runner in self._by_name.items()}
        unmasked = tuple(False for _ in network.graph.inputs)
        self.execution = self._execution_for(unmasked, has_steps=True)

    def _execution_for(self, masked: tuple[bool, ...], has_steps: bool) -> Execution:
        execution = self._executions.get((masked, has_steps))
        if execution is None:
            others = {} if has_steps else self._graph.without_steps(self._batch_size)
            execution = self._graph.execution(masked, {**self._runners, **others})
            self._executions[masked, has_steps] = execution
        return execution

    @property
    def memory(self) -> list[Any]:
        """What each runner remembers."""
        return [runner.memory for runner in self.runners]

    @memory.setter
    def memory(self, memory: list[Any]) -> None:
        for runner, remembered in zip(self.runners, memory, strict=True):
            runner.memory = remembered

    def reset(self) -> None:
        """Goes back to before the first step."""
        for runner in self.runners:
            runner.reset()

    @property
    def state(self) -> dict[str, Any]:
        """What is remembered, by the names of the layers."""
        return {name: runner.state for name, runner in self._by_name.items()}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        for name, runner in self._by_name.items():
            runner.state = state[name]

    def has_steps(self, values: list[Any]) -> bool:
        """Tells whether inputs are of more than no steps."""
        return all(values[i].shape[1] for i in self._graph.sequences)

    def run(self, values: list[Any]) -> list[Any]:
        """Returns the outputs for the next steps, if there are any, flat and without masks."""
        if self.has_steps(values):
            return self.execution.run(values)
        masked = tuple(False for _ in values)
        return self._execution_for(masked, has_steps=False).run(values)

    def __call__(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:  # noqa: ARG002
        """Returns the outputs for the next steps."""
        return self.call_with_masks(inputs, mask)[0]

    def call_with_masks(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        """Returns the outputs and their masks for the next steps and their masks."""
        ports = self._network.ports
        values = [p.cast(x) for p, x in zip(ports.ports, ports.values(inputs), strict=True)]
        masks = ports.masks(mask)
        masked = tuple(m is not None for m in masks)
        execution = self._execution_for(masked, self.has_steps(values))
        present = [m for m in masks if m is not None]
        outputs, out_masks = execution.run_with_masks(values, present)
        structure = self._network.outputs
        return nest.pack_like(structure, outputs), nest.pack_like(structure, out_masks)


def _new_name(name: str, taken: dict[str, Any]) -> str:
    """The name of a layer, and for its later calls one with their number."""
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}#{number}"
    return candidate


def streamed_network(network: Network, label: str) -> StreamedGraph:
    """Says how a model by itself is streamed.

    Args:
        network: The model's network.
        label: How error messages call the model.

    Raises:
        UnsupportedError: If it cannot be streamed.
    """
    if network.samples_elsewhere:
        raise UnsupportedError(
            f"{label} cannot be streamed: the samples of {network.samples_elsewhere!r} are not on "
            "the first axis; accepted are models whose samples are."
        )
    return streamed_graph(network.graph, label)


def streamed_model(network: Network, call: StreamedCall) -> Streamed:
    """Says how a call of a model inside another one is streamed.

    Raises:
        UnsupportedError: If a call in its graph cannot be streamed.
    """
    roles = [call.role(tensor) for tensor in network.ports.values(call.named["inputs"])]
    graph = StreamedGraph(network.graph, roles, of_own_inputs=False)
    sequences = tuple(role is Role.SEQUENCE for role in graph.output_roles)
    return Streamed(sequences, lambda batch_size: StreamedModel(network, graph, batch_size))
