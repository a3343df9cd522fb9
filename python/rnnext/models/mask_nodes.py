"""The nodes that Keras adds to a graph for masks, which rnnext computes without any.

Keras passes the mask of `Embedding(mask_zero=True)` to a recurrent layer as an argument, so that
the operation that computes it, `NotEqual`, is part of the model and of its summary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rnnext import nest
from rnnext.graph.arguments import CallArguments
from rnnext.graph.graph import Graph
from rnnext.graph.operation import MaskRule, Node
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.layer import Layer
from rnnext.models.functional import Functional
from rnnext.models.model import Model

__all__ = ["graph_with_masks"]


def graph_with_masks(graph: Graph) -> Graph:
    """Returns a graph with the operations that compute masks, as Keras has it.

    The symbolic masks are made once and kept by the tensors and nodes, so their names stay.
    """
    for node in sorted(_nodes_inside(graph), key=lambda node: node.serial):  # names count calls
        if not node.is_input and node.mask_tensors is None:
            _add_masks(node)
    return Graph(graph.inputs, graph.outputs, with_masks=True)


def _nodes_inside(graph: Graph) -> Iterator[Node]:
    """Yields the nodes of a graph and of the models in it."""
    yield from graph.nodes
    for operation in graph.operations:
        if isinstance(operation, Functional):
            yield from _nodes_inside(operation.network.graph)


def _add_masks(node: Node) -> None:
    """Notes which masks a call receives, and makes those of its outputs."""
    node.mask_tensors = []
    layer = node.operation
    if not isinstance(layer, Layer):
        return
    call = CallArguments(type(layer).call, node.args, node.kwargs, layer.label)
    received = {
        argument: nest.map_structure(_mask_of, call.named[tensors])
        for argument, tensors in layer.implicit_masks(call).items()
    }
    if _records_masks(node, layer):
        leaves = nest.flatten(list(received.values()))
        node.mask_tensors = [mask for mask in leaves if mask is not None]
    if layer.mask_rule is MaskRule.DROP or not _computes_masks_symbolically(layer):
        return
    mask = received.get("mask", call.named.get("mask"))
    if mask is None:
        mask = nest.map_structure(_mask_of, call.first)
    if not layer.makes_mask and all(leaf is None for leaf in nest.flatten(mask)):
        return
    masks = nest.flatten(layer.compute_mask(call.first, mask))
    for output, output_mask in zip(node.outputs, masks, strict=False):
        if isinstance(output_mask, KerasTensor):
            output.mask = output_mask


def _mask_of(tensor: Any) -> KerasTensor | None:
    return tensor.mask if isinstance(tensor, KerasTensor) else None


def _records_masks(node: Node, layer: Layer) -> bool:
    """Whether Keras's node has the masks: it records the arguments as they were before a cast."""
    if layer.is_functional:
        return True
    is_alone = len(node.args) == 1 and not node.kwargs and isinstance(node.args[0], KerasTensor)
    return is_alone and node.args[0].dtype == layer.compute_dtype


def _computes_masks_symbolically(layer: Layer) -> bool:
    """Whether `compute_mask` is Keras's own rule: a user's takes arrays, and a model's runs it."""
    return not isinstance(layer, Model) and type(layer).compute_mask.__module__.startswith(
        "rnnext."
    )
