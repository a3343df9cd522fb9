"""The graph of a functional model: which nodes it has, in what order, and its config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnext import nest, serialization
from rnnext.errors import FileError, RnnextError
from rnnext.graph.tensor import KerasTensor, Node, Operation
from rnnext.layers.core.input import Input

__all__ = ["Graph", "config_of", "with_own_inputs"]


class Graph:
    """The nodes between some input tensors and some output tensors.

    Attributes:
        inputs: Flat list of the symbolic inputs.
        outputs: Flat list of the symbolic outputs.
        nodes: The nodes in the order in which Keras runs them: those farthest from the outputs
            first. It matters where a layer drops the masks of its inputs.
        operations: The operations in Keras's order, which weight files count layers by: those
            farthest from the outputs first, at equal distance in order of traversal.

    Raises:
        RnnextError: If an output does not depend on the inputs alone, or two operations have the
            same name.
    """

    def __init__(self, inputs: list[KerasTensor], outputs: list[KerasTensor]) -> None:
        self.inputs = inputs
        self.outputs = outputs
        nodes, first_seen = _traverse(inputs, outputs)
        node_depths, depths = _depths(nodes)
        self.nodes = sorted(node_depths, key=lambda node: -node_depths[node])
        for tensor in inputs:  # an input that no output depends on
            operation = tensor.source.operation
            if operation not in depths:
                depths[operation], first_seen[operation] = 0, -1
                self.nodes.insert(0, operation.inbound_nodes[tensor.source.node_index])
        self.operations = sorted(depths, key=lambda op: (-depths[op], first_seen[op]))
        self._members = set(self.nodes)
        names = [operation.name for operation in self.operations]
        for name in names:
            if names.count(name) > 1:
                raise RnnextError(f"the name {name!r} is used by {names.count(name)} layers.")

    def nodes_of(self, operation: Operation) -> list[Node]:
        """Returns the nodes of this graph at which `operation` is called, in order of the calls."""
        return [node for node in operation.inbound_nodes if node in self._members]


def _traverse(
    inputs: list[KerasTensor], outputs: list[KerasTensor]
) -> tuple[list[Node], dict[Operation, int]]:
    """Depth-first from the outputs: nodes after their parents, and when operations were seen."""
    allowed = {id(tensor) for tensor in inputs}
    done: dict[Node, None] = {}
    first_seen: dict[Operation, int] = {}
    # A stack instead of recursion: a chain may be longer than Python's recursion limit.
    stack = [(tensor, False) for tensor in reversed(outputs)]
    while stack:
        tensor, parents_done = stack.pop()
        node = _node_of(tensor)
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
        stack += [(parent, False) for parent in reversed(node.input_tensors)]
    return list(done), first_seen


def _node_of(tensor: KerasTensor) -> Node:
    return tensor.source.operation.inbound_nodes[tensor.source.node_index]


def _depths(nodes: list[Node]) -> tuple[dict[Node, int], dict[Operation, int]]:
    """Distances from the outputs: the longest way, of an operation over all its calls."""
    node_depths: dict[Node, int] = {}
    depths: dict[Operation, int] = {}
    for node in reversed(nodes):
        depth = max(node_depths.get(node, 0), depths.get(node.operation, 0))
        depths[node.operation] = node_depths[node] = depth
        for parent in node.parents:
            node_depths[parent] = max(node_depths.get(parent, 0), depth + 1)
    return node_depths, depths


def with_own_inputs(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """Makes inputs of tensors in the middle of a graph, by calling the layers after them again.

    Returns:
        `inputs` and `outputs`, with new tensors where an input was not made by `Input`.
    """
    flat = nest.flatten(inputs)
    new: dict[int, KerasTensor] = {}
    for tensor in flat:
        declared = _node_of(tensor).is_input
        new[id(tensor)] = (
            tensor if declared else Input(batch_shape=tensor.shape, dtype=tensor.dtype)
        )

    def renew(tensor: KerasTensor) -> KerasTensor:
        if id(tensor) not in new:
            node = _node_of(tensor)
            if node.is_input:
                raise RnnextError(
                    f"the output depends on {tensor.name!r}, which is not among the inputs."
                )
            call: Callable[..., Any] = node.operation
            results = call(*_map_tensors(renew, node.args), **_map_tensors(renew, node.kwargs))
            new.update(zip(map(id, node.outputs), nest.flatten(results), strict=True))
        return new[id(tensor)]

    if all(new[id(tensor)] is tensor for tensor in flat):
        return inputs, outputs
    return _map_tensors(renew, inputs), _map_tensors(renew, outputs)


def _map_tensors(function: Callable[[KerasTensor], Any], structure: Any) -> Any:
    return nest.map_structure(lambda x: function(x) if isinstance(x, KerasTensor) else x, structure)


# Config ------------------------------------------------------------------------------------------


def config_of(graph: Graph, inputs: Any, outputs: Any) -> dict[str, Any]:
    """Returns `layers`, `input_layers` and `output_layers` of a functional model's config.

    Args:
        graph: The graph.
        inputs: Its input tensors, nested as the model takes them.
        outputs: Its output tensors, nested as the model returns them.
    """

    def reference(tensor: KerasTensor) -> list[Any]:
        operation, _, tensor_index = tensor.source
        index = graph.nodes_of(operation).index(_node_of(tensor))
        return [operation.name, index, tensor_index]

    def end_reference(tensor: KerasTensor) -> list[Any]:
        name, index, tensor_index = reference(tensor)
        return [name, index + _call_offset(tensor.source.operation), tensor_index]

    def stored(tensor: KerasTensor) -> dict[str, Any]:
        config = tensor._serialize()
        config["config"]["keras_history"] = reference(tensor)
        return config

    layers = []
    for operation in graph.operations:
        config = serialization.serialize(operation)
        config["name"] = operation.name
        config["inbound_nodes"] = [
            {
                "args": serialization.serialize(list(_map_tensors(stored, node.args))),
                "kwargs": serialization.serialize(_map_tensors(stored, node.kwargs)),
            }
            for node in graph.nodes_of(operation)
            if not node.is_input
        ]
        layers.append(config)
    return {
        "layers": layers,
        "input_layers": _map_tensors(end_reference, inputs),
        "output_layers": _map_tensors(end_reference, outputs),
    }


def _call_offset(operation: Operation) -> int:
    """What Keras adds to the index of a call in input_layers and output_layers (only there).

    It counts as first call of a nested functional model the one that made the model itself.
    """
    return 1 if getattr(operation, "is_functional", False) else 0


class _Reader:
    """Builds the layers of a functional model's config and calls them in order."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.layers: dict[str, Operation] = {}
        # Calls before this model is read are not its own (a shared layer may have been called).
        self.first_node: dict[str, int] = {}

    def read(self) -> tuple[Any, Any]:
        waiting: list[tuple[str, dict[str, Any]]] = []
        for layer_config in self.config["layers"]:
            layer = serialization.deserialize(layer_config)
            if not isinstance(layer, Operation):
                raise FileError(f"expected the config of a layer, received {layer_config!r}.")
            name = layer_config.get("name", layer.name)
            self.layers[name] = layer
            waiting += [(name, node) for node in layer_config.get("inbound_nodes", [])]
        for name, layer in self.layers.items():  # a nested model has called what it shares
            declared = bool(layer.inbound_nodes) and layer.inbound_nodes[0].is_input
            self.first_node[name] = 0 if declared else len(layer.inbound_nodes)
        while waiting:
            later = self._call_ready(waiting)
            if len(later) == len(waiting):
                raise FileError(
                    "the model's graph has loops or missing layers; these calls cannot be made: "
                    f"{sorted({name for name, _ in later})}."
                )
            waiting = later
        inputs, outputs = self.config["input_layers"], self.config["output_layers"]
        return self._tensors(inputs), self._tensors(outputs)

    def _call_ready(self, waiting: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        """Makes the calls whose inputs exist; returns the others. Calls of a layer keep order."""
        later: list[tuple[str, dict[str, Any]]] = []
        blocked: set[str] = set()
        for name, node in waiting:
            if not isinstance(node, dict):
                raise FileError(
                    f"layer {name!r}: expected an inbound node of the form {{'args', 'kwargs'}}, "
                    f"received {node!r}."
                )
            args = serialization.deserialize(node["args"])
            kwargs = serialization.deserialize(node["kwargs"])
            leaves = nest.flatten((args, kwargs))
            tensors = [leaf for leaf in leaves if isinstance(leaf, KerasTensor)]
            if name in blocked or not all(self._exists(*_stored(t)) for t in tensors):
                blocked.add(name)
                later.append((name, node))
                continue
            args, kwargs = _map_tensors(lambda t: self._tensor(*_stored(t)), (args, kwargs))
            self.layers[name](*args, **kwargs)
        return later

    def _exists(self, name: str, node_index: int, _tensor_index: int) -> bool:
        if name not in self.layers:
            raise FileError(f"the model's graph names a layer {name!r} that it does not have.")
        return self.first_node[name] + node_index < len(self.layers[name].inbound_nodes)

    def _tensor(self, name: str, node_index: int, tensor_index: int) -> KerasTensor:
        if not self._exists(name, node_index, tensor_index):
            raise FileError(
                f"the model's graph names call {node_index} of {name!r}; there is none."
            )
        node = self.layers[name].inbound_nodes[self.first_node[name] + node_index]
        if tensor_index >= len(node.outputs):
            raise FileError(
                f"the model's graph names output {tensor_index} of {name!r}, which has "
                f"{len(node.outputs)}."
            )
        return node.outputs[tensor_index]

    def _tensors(self, references: Any) -> Any:
        if isinstance(references, dict):
            return {key: self._tensors(value) for key, value in references.items()}
        if isinstance(references, (list, tuple)):
            if len(references) == 3 and isinstance(references[0], str):
                name, node_index, tensor_index = references
                offset = _call_offset(self.layers[name]) if name in self.layers else 0
                return self._tensor(name, node_index - offset, tensor_index)
            return [self._tensors(value) for value in references]
        raise FileError(f"the model's graph: cannot read the tensor reference {references!r}.")


def _stored(tensor: KerasTensor) -> list[Any]:
    if tensor.stored_history is None:
        raise FileError(f"the model's graph: {tensor!r} does not say where it comes from.")
    return tensor.stored_history


def tensors_of_config(config: dict[str, Any]) -> tuple[Any, Any]:
    """Builds the layers of a functional config and connects them.

    Args:
        config: With `layers`, `input_layers` and `output_layers` in the Keras 3 form.

    Returns:
        The input tensors and the output tensors, nested as the config has them.

    Raises:
        FileError: If the graph cannot be built from the config.
        UnsupportedError: If it has a layer rnnext does not have.
    """
    return _Reader(config).read()
