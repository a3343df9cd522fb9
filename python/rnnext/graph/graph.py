"""The graph of a functional model: which nodes it has, in what order, and its config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnext import nest
from rnnext.errors import RnnextError
from rnnext.graph.operation import Node, Operation
from rnnext.graph.tensor import KerasTensor

__all__ = ["Graph", "map_tensors", "node_of", "with_own_inputs"]


class Graph:
    """The nodes between some input tensors and some output tensors.

    Attributes:
        inputs: Flat list of the symbolic inputs.
        outputs: Flat list of the symbolic outputs.
        nodes: The nodes in the order in which Keras runs them: those farthest from the outputs
            first. It matters where a layer drops the masks of its inputs.
        depths: The distance of each node from the outputs.
        operations: The operations in Keras's order, which weight files count layers by: those
            farthest from the outputs first, at equal distance in order of traversal.

    Args:
        inputs: The symbolic inputs.
        outputs: The symbolic outputs.
        with_masks: Whether the masks that nodes receive are part of the graph; see
            `rnnext.models.mask_nodes`.

    Raises:
        RnnextError: If an output does not depend on the inputs alone, or two operations have the
            same name.
    """

    def __init__(
        self, inputs: list[KerasTensor], outputs: list[KerasTensor], with_masks: bool = False
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        nodes, first_seen = _traverse(inputs, outputs, with_masks)
        self.depths, depths = _depths(nodes, with_masks)
        self.nodes = sorted(self.depths, key=lambda node: -self.depths[node])
        for tensor in inputs:  # an input that no output depends on
            operation = tensor.source.operation
            if operation not in depths:
                depths[operation], first_seen[operation] = 0, -1
                node = operation.inbound_nodes[tensor.source.node_index]
                self.depths[node] = 0
                self.nodes.insert(0, node)
        self.operations = sorted(depths, key=lambda op: (-depths[op], first_seen[op]))
        self._members = set(self.nodes)
        if with_masks:  # an operation that Keras counts may have the name of one of the file
            return
        names = [operation.name for operation in self.operations]
        for name in names:
            if names.count(name) > 1:
                raise RnnextError(f"the name {name!r} is used by {names.count(name)} layers.")

    def nodes_of(self, operation: Operation) -> list[Node]:
        """Returns the nodes of this graph at which `operation` is called, in order of the calls."""
        return [node for node in operation.inbound_nodes if node in self._members]


def _traverse(
    inputs: list[KerasTensor], outputs: list[KerasTensor], with_masks: bool
) -> tuple[list[Node], dict[Operation, int]]:
    """Depth-first from the outputs: nodes after their parents, and when operations were seen."""
    allowed = {id(tensor) for tensor in inputs}
    done: dict[Node, None] = {}
    first_seen: dict[Operation, int] = {}
    # A stack instead of recursion: a chain may be longer than Python's recursion limit.
    stack = [(tensor, False) for tensor in reversed(outputs)]
    while stack:
        tensor, parents_done = stack.pop()
        node = node_of(tensor)
        if node in done:
            continue
        if parents_done:
            done[node] = None
            continue
        if node.is_input and id(tensor) not in allowed:
            raise RnnextError(
                f"the output depends on {tensor.name!r}, which is not among the inputs "
                f"{[x.name for x in inputs]}."
            )
        first_seen.setdefault(node.operation, len(first_seen))
        stack.append((tensor, True))
        stack += [(parent, False) for parent in reversed(_sources(node, with_masks))]
    return list(done), first_seen


def _sources(node: Node, with_masks: bool) -> list[KerasTensor]:
    return node.input_tensors + (node.mask_tensors or []) if with_masks else node.input_tensors


def node_of(tensor: KerasTensor) -> Node:
    """Returns the node that made a tensor."""
    node: Node = tensor.source.operation.inbound_nodes[tensor.source.node_index]
    return node


def _depths(nodes: list[Node], with_masks: bool) -> tuple[dict[Node, int], dict[Operation, int]]:
    """Distances from the outputs: the longest way, of an operation over all its calls."""
    node_depths: dict[Node, int] = {}
    depths: dict[Operation, int] = {}
    for node in reversed(nodes):
        depth = max(node_depths.get(node, 0), depths.get(node.operation, 0))
        depths[node.operation] = node_depths[node] = depth
        for parent in map(node_of, _sources(node, with_masks)):
            node_depths[parent] = max(node_depths.get(parent, 0), depth + 1)
    return node_depths, depths


def with_own_inputs(
    inputs: Any, outputs: Any, make_input: Callable[..., KerasTensor]
) -> tuple[Any, Any]:
    """Makes inputs of tensors in the middle of a graph, by calling the layers after them again.

    Args:
        inputs: Nested tensors.
        outputs: Nested tensors that depend on them.
        make_input: Makes a new input of a `batch_shape` and `dtype`.

    Returns:
        `inputs` and `outputs`, with new tensors where an input was not made by `Input`.
    """
    flat = nest.flatten(inputs)
    new: dict[int, KerasTensor] = {}
    for tensor in flat:
        declared = node_of(tensor).is_input
        new[id(tensor)] = (
            tensor if declared else make_input(batch_shape=tensor.shape, dtype=tensor.dtype)
        )

    def renew(tensor: KerasTensor) -> KerasTensor:
        if id(tensor) not in new:
            node = node_of(tensor)
            if node.is_input:
                raise RnnextError(
                    f"the output depends on {tensor.name!r}, which is not among the inputs."
                )
            call: Callable[..., Any] = node.operation
            results = call(*map_tensors(renew, node.args), **map_tensors(renew, node.kwargs))
            new.update(zip(map(id, node.outputs), nest.flatten(results), strict=True))
        return new[id(tensor)]

    if all(new[id(tensor)] is tensor for tensor in flat):
        return inputs, outputs
    return map_tensors(renew, inputs), map_tensors(renew, outputs)


def map_tensors(function: Callable[[KerasTensor], Any], structure: Any) -> Any:
    """Applies a function to the symbolic tensors of a nested structure."""
    return nest.map_structure(lambda x: function(x) if isinstance(x, KerasTensor) else x, structure)
