"""The config of a functional model's graph, written and read."""

from __future__ import annotations

from typing import Any

from rnnext import nest, serialization
from rnnext.errors import FileError
from rnnext.graph.graph import Graph, map_tensors, node_of
from rnnext.graph.operation import Operation
from rnnext.graph.tensor import KerasTensor

__all__ = ["config_of", "tensors_of_config"]


def config_of(graph: Graph, inputs: Any, outputs: Any) -> dict[str, Any]:
    """Returns `layers`, `input_layers` and `output_layers` of a functional model's config.

    Args:
        graph: The graph.
        inputs: Its input tensors, nested as the model takes them.
        outputs: Its output tensors, nested as the model returns them.
    """

    def reference(tensor: KerasTensor) -> list[Any]:
        operation, _, tensor_index = tensor.source
        index = graph.nodes_of(operation).index(node_of(tensor))
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
                "args": serialization.serialize(list(map_tensors(stored, node.args))),
                "kwargs": serialization.serialize(map_tensors(stored, node.kwargs)),
            }
            for node in graph.nodes_of(operation)
            if not node.is_input
        ]
        layers.append(config)
    return {
        "layers": layers,
        "input_layers": map_tensors(end_reference, inputs),
        "output_layers": map_tensors(end_reference, outputs),
    }


def _call_offset(operation: Operation) -> int:
    """What Keras adds to the index of a call in input_layers and output_layers (only there).

    It counts as first call of a nested functional model the one that made the model itself.
    """
    return 1 if operation.is_functional else 0


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
            args, kwargs = map_tensors(lambda t: self._tensor(*_stored(t)), (args, kwargs))
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
