"""Turns the graph of a Keras 1 or 2 functional model into the Keras 3 form.

Keras 2 writes a call of a layer as the list of tensors it was called on, each
``[layer, node, tensor, kwargs]``, and appends an RNN's initial states to that list, and after them
its constants, of which the layer's config has the number. Keras 3
writes ``{"args": [...], "kwargs": {...}}`` with ``__keras_tensor__`` dicts.

A tensor that is a constant stands in Keras 2's node as nested lists of its numbers: as
``["_CONSTANT_VALUE", -1, numbers, kwargs]`` among the inputs, bare among the keyword arguments.

A nested model has one node before its first call, made when it was built; Keras 1 and 2 count it
everywhere. Keras 3 does not, except in ``output_layers`` of a model whose output is a nested
functional model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rnnext.errors import FileError

__all__ = ["GraphConverter", "with_arrays"]

Config = dict[str, Any]
_CONSTANT = "_CONSTANT_VALUE"


class GraphConverter:
    """Converts the nodes of one functional model.

    Args:
        layers: Layer dicts of the model as the file has them, each with ``name`` and
            ``inbound_nodes``.
        outputs: The model's ``output_layers``.
        where: How errors call the model.
    """

    def __init__(self, layers: list[Config], outputs: Any, where: str) -> None:
        self._where = where
        self._names = {layer["name"] for layer in layers}
        self._first_node: dict[str, int] = {}
        nodes = [layer.get("inbound_nodes") or [] for layer in layers]
        for name, index in self._references([nodes, outputs]):
            self._first_node[name] = min(index, self._first_node.get(name, index))

    def nodes(self, layer: Config, takes_states: bool) -> list[Config]:
        """The calls of one layer, constants in them as the file has them.

        Args:
            layer: The layer's dict in the file.
            takes_states: The tensors after the first one are initial states.

        Returns:
            Keras 3 nodes. Nodes that already are in that form are passed through.
        """
        inbound = layer.get("inbound_nodes") or []
        if not isinstance(inbound, list):
            raise FileError(f"{self._where}: layer {layer['name']!r}: inbound_nodes is no list.")
        constants = layer["config"].get("num_constants") or 0 if takes_states else 0
        return [self._node(node, layer["name"], takes_states, constants) for node in inbound]

    def endpoints(self, references: Any, functional: Mapping[str, bool]) -> Any:
        """``input_layers`` or ``output_layers``; a list of one becomes the one.

        Args:
            references: In the file.
            functional: Names of layers that are nested models: True for functional ones, whose
                first node Keras 3 still counts here.
        """
        if isinstance(references, dict):
            return {key: self.endpoints(item, functional) for key, item in references.items()}
        if self._is_reference(references):
            name, index, tensor = references[:3]
            counted = 1 if functional.get(name, False) else 0
            return [name, self._node_index(name, index) + counted, tensor]
        if not isinstance(references, list):
            raise FileError(f"{self._where}: model inputs or outputs: received {references!r}.")
        converted = [self.endpoints(item, functional) for item in references]
        return converted[0] if len(converted) == 1 else converted

    def _node(self, node: Any, name: str, takes_states: bool, constants: int) -> Config:
        """One call."""
        if isinstance(node, dict) and node.keys() == {"args", "kwargs"}:
            return node
        kwargs: Config = {}
        inputs = self._inputs(node, name, kwargs)
        if isinstance(inputs, list) and takes_states:
            inputs, *states = inputs
            first_constant = len(states) - constants
            if constants and first_constant >= 0:
                kwargs["constants"] = states[first_constant:]
                del states[first_constant:]
            if states:
                kwargs["initial_state"] = states
        if isinstance(inputs, list) and len(inputs) == 1:
            inputs = inputs[0]
        if not kwargs.get("training"):  # off is the only mode here
            kwargs.pop("training", None)
        if takes_states and kwargs.get("constants") is None:  # Keras 2 notes them for wrappers
            kwargs.pop("constants", None)
        return {"args": [inputs], "kwargs": kwargs}

    def _inputs(self, node: Any, name: str, kwargs: Config) -> Any:
        """First argument of a call; the keyword arguments on its tensors go into `kwargs`."""
        if isinstance(node, dict):
            return {key: self._inputs(item, name, kwargs) for key, item in node.items()}
        if not isinstance(node, list) or not node:
            raise FileError(f"{self._where}: layer {name!r}: inbound node {node!r} is not read.")
        is_constant = node[0] == _CONSTANT and len(node) in (3, 4)
        if not is_constant and not self._is_reference(node):
            return [self._inputs(item, name, kwargs) for item in node]
        if len(node) == 4:
            if not isinstance(node[3], dict):
                raise FileError(f"{self._where}: layer {name!r}: call arguments {node[3]!r}.")
            kwargs.update({key: self._argument(item) for key, item in node[3].items()})
        return node[2] if is_constant else self._tensor(node)

    def _argument(self, value: Any) -> Any:
        """A keyword argument, in which tensors are written as [layer, node, tensor]."""
        if isinstance(value, list):
            if len(value) == 3 and self._is_reference(value):
                return self._tensor(value)
            return [self._argument(item) for item in value]
        if isinstance(value, dict):
            return {key: self._argument(item) for key, item in value.items()}
        return value

    def _tensor(self, reference: list[Any]) -> Config:
        """Keras 3's dict for a tensor.

        Older files record neither shape nor dtype; a reader takes them from the layer in
        ``keras_history``, so what stands here is of no account.
        """
        name, index, tensor = reference[:3]
        history = [name, self._node_index(name, index), tensor]
        return {
            "class_name": "__keras_tensor__",
            "config": {"shape": [], "dtype": "float32", "keras_history": history},
        }

    def _node_index(self, name: str, index: int) -> int:
        # Every node of a saved model is used, so the smallest index seen is its first node.
        return index - self._first_node.get(name, 0)

    def _is_reference(self, value: Any) -> bool:
        """True for [layer, node, tensor] and [layer, node, tensor, kwargs]."""
        return (
            isinstance(value, list)
            and len(value) in (3, 4)
            and isinstance(value[0], str)
            and value[0] in self._names
            and all(isinstance(number, int) and number >= 0 for number in value[1:3])
        )

    def _references(self, value: Any) -> Iterator[tuple[str, int]]:
        """All (layer name, node index) pairs below a value."""
        if self._is_reference(value):
            yield value[0], value[1]
            value = value[3:]
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                yield from self._references(item)


def with_arrays(node: Config, state_axes: int | None) -> Config:
    """A layer's call in the Keras 3 form, with its constants as arrays.

    Args:
        node: The call.
        state_axes: How many axes an initial state has, batch included; None if that is not known.
    """
    kwargs = {
        # A flat list may be an option, such as an axis.
        key: _states(value, state_axes) if key == "initial_state" else _arrays(value, least=2)
        for key, value in node["kwargs"].items()
    }
    return {"args": [_arrays(value, least=1) for value in node["args"]], "kwargs": kwargs}


def _states(value: Any, axes: int | None) -> Any:
    """Initial states, which are one state or nested lists of states, as arrays."""
    depth = _depth(value)
    if depth is not None and axes is None:
        axes = max(1, depth - 1)  # a list of states
    if depth is None or depth > (axes or 0):
        return [_states(item, axes) for item in value] if isinstance(value, list) else value
    return _arrays(value, least=1)


def _arrays(value: Any, least: int) -> Any:
    """A value in which lists of numbers, nested as deep as `least` or deeper, are arrays."""
    if (_depth(value) or 0) >= least:
        array = np.asarray(value)
        # JSON does not tell the width; TensorFlow's own are these.
        dtype = {"f": "float32", "i": "int32"}.get(array.dtype.kind, array.dtype.name)
        return {"class_name": "__numpy__", "config": {"value": value, "dtype": dtype}}
    return [_arrays(item, least) for item in value] if isinstance(value, list) else value


def _depth(value: Any) -> int | None:
    """How deep lists of numbers of the same shape are nested; None for anything else."""
    if isinstance(value, (bool, int, float)):
        return 0
    if not isinstance(value, list) or not value:
        return None
    first = _depth(value[0])
    alike = all(_depth(item) == first and _length(item) == _length(value[0]) for item in value)
    return None if first is None or not alike else first + 1


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0
