"""Random models for differential tests: how they are described, built and made smaller.

A model is described by plain data, so that the same description builds it from Keras's layers
and, where one fails, smaller descriptions can be tried.
"""

from __future__ import annotations

import dataclasses
import pprint
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reference = tuple[int, int]  # node, which of its outputs
Options = dict[str, Any]

BATCH = 3
VOCABULARY = 6
HALF = ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


@dataclasses.dataclass(frozen=True)
class Node:
    """One call of a layer.

    Attributes:
        layer: Class name of the layer; "Input" for an input, "Model" for a model inside, "ops" for
            a function of `OPERATIONS`.
        options: Its constructor's arguments; a layer among them is a pair of name and options.
        inputs: What it is called on.
        states: The initial states it is called with.
        again: The earlier node whose layer this node calls once more.
    """

    layer: str
    options: Options
    inputs: tuple[Reference, ...] = ()
    states: tuple[Reference, ...] = ()
    again: int | None = None


@dataclasses.dataclass(frozen=True)
class Description:
    """A model: nodes in an order in which they can be called, inputs among them.

    Attributes:
        dtype: The layers' dtype policy.
        nodes: The calls.
        outputs: Of the model.
    """

    dtype: str
    nodes: tuple[Node, ...]
    outputs: tuple[Reference, ...]

    def __str__(self) -> str:
        return pprint.pformat(dataclasses.asdict(self), width=100, sort_dicts=False)


# Building ----------------------------------------------------------------------------------------

_LISTS = (
    "Add", "AdditiveAttention", "Attention", "Average", "Concatenate", "Dot", "Maximum", "Minimum",
    "Multiply", "Subtract",
)  # fmt: skip

# Functions that a functional graph records, on (batch, time, features).
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "arithmetic": lambda ops, x: 0.5 * x + 1 - x / 4,  # noqa: ARG005
    "every step backwards": lambda ops, x: x[:, ::-1],  # noqa: ARG005
    "expand and squeeze": lambda ops, x: ops.squeeze(ops.expand_dims(x, 1), 1),
    "gram matrix": lambda ops, x: ops.matmul(x, ops.transpose(x, (0, 2, 1))),
    "last step": lambda ops, x: x[:, -1],  # noqa: ARG005
    "mean over time": lambda ops, x: ops.mean(x, axis=1),
    "stack": lambda ops, x: ops.max(ops.stack([x, ops.tanh(x)], axis=-1), axis=-1),
    "where": lambda ops, x: ops.where(x > 0, x, 0.25 * x),
    "with itself": lambda ops, x: ops.concatenate([x, ops.square(x)], axis=-1),
}


def make_layer(layers: Any, name: str, options: Options, dtype: str) -> Any:
    """A layer of one library, and the layers inside it."""

    def made(value: Any) -> Any:
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict):
            return make_layer(layers, *value, dtype)
        return [made(item) for item in value] if isinstance(value, list) else value

    given = {key: made(value) for key, value in options.items()}
    if isinstance(given.get("cell"), list) and dtype != "float32":
        # Keras gives a stack that it makes of a list of cells the default dtype.
        given["cell"] = layers.StackedRNNCells(given["cell"], dtype=dtype)
    if dtype in HALF and name.removesuffix("Cell") in ("SimpleRNN", "LSTM", "GRU"):
        # TensorFlow has no orthogonal matrix of a half type, Keras's default.
        given["recurrent_initializer"] = "glorot_uniform"
    return getattr(layers, name)(**given, dtype=dtype)


def build(library: Any, model: Description) -> Any:
    """The model from the layers of a library that has `layers`, `ops` and `Model`."""
    results: list[list[Any]] = []
    called: list[Any] = []
    for node in model.nodes:
        tensors = [results[i][k] for i, k in node.inputs]
        if node.again is not None:
            layer = called[node.again]
        elif node.layer == "Model":
            layer = build(library, node.options["model"])
        elif node.layer in ("Input", "ops"):
            layer = None
        else:
            layer = make_layer(library.layers, node.layer, node.options, model.dtype)
        called.append(layer)
        if node.layer == "Input":
            output = library.layers.Input(**{"dtype": input_dtype(model.dtype), **node.options})
        elif node.layer == "ops":
            output = OPERATIONS[node.options["function"]](library.ops, *tensors)
        else:
            states = [results[i][k] for i, k in node.states]
            kwargs = {"initial_state": states} if states else {}
            output = layer(tensors, **kwargs) if node.layer in _LISTS else layer(*tensors, **kwargs)
        results.append(list(output) if isinstance(output, (list, tuple)) else [output])
    inputs = [results[i][0] for i, node in enumerate(model.nodes) if node.layer == "Input"]
    return library.Model(inputs, [results[i][k] for i, k in model.outputs])


def input_dtype(policy: str) -> str:
    """In which dtype a model with this policy is given its numbers."""
    return "float32" if policy.startswith("mixed_") else policy


def sample_inputs(model: Description, rng: np.random.Generator) -> list[NDArray[Any]]:
    """An array for each input: steps of zeros are padding, wherever they are."""
    arrays = []
    for node in model.nodes:
        if node.layer == "Input":
            shape = (BATCH, *(4 if s is None else s for s in _sample_shape(node.options)))
            if node.options.get("dtype") == "int32":
                arrays.append(rng.integers(0, VOCABULARY, shape).astype("int32"))
            else:
                x = rng.standard_normal(shape).astype(input_dtype(model.dtype))
                x[rng.random(shape[:2]) < 0.25] = 0
                arrays.append(x)
    return arrays


def _sample_shape(options: Options) -> tuple[int | None, ...]:
    return options["batch_shape"][1:] if "batch_shape" in options else options["shape"]


def sample_weights(weights: list[Any], names: list[str], rng: np.random.Generator) -> list[Any]:
    """Weights near the initial ones, none of them zero; variances positive."""
    drawn = []
    for weight, name in zip(weights, names, strict=True):
        noise = 0.2 * rng.standard_normal(np.shape(weight))
        values = np.asarray(weight, np.float64) + noise
        drawn.append(np.abs(values) + 0.1 if "variance" in name else values)
    return drawn


# Making smaller ----------------------------------------------------------------------------------


def smaller(model: Description) -> Iterator[Description]:
    """Models with one thing less; some of them cannot be built."""
    for output in model.outputs if len(model.outputs) > 1 else ():
        yield dataclasses.replace(model, outputs=tuple(o for o in model.outputs if o != output))
    for i, node in enumerate(model.nodes):
        if node.layer not in ("Input", "Embedding"):
            yield _without(model, i)
    for i, node in enumerate(model.nodes):
        if node.states:
            yield _with_node(model, i, dataclasses.replace(node, states=()))
        for options in _fewer(node.options) if node.layer != "Input" else ():
            yield _with_node(model, i, dataclasses.replace(node, options=options))


def _fewer(options: Options) -> Iterator[Options]:
    for key, value in options.items():
        yield {k: v for k, v in options.items() if k != key}
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict):
            for inner in _fewer(value[1]):
                yield {**options, key: (value[0], inner)}
        if isinstance(value, Description):
            for model in smaller(value):
                yield {**options, key: model}


def _with_node(model: Description, i: int, node: Node) -> Description:
    return dataclasses.replace(model, nodes=(*model.nodes[:i], node, *model.nodes[i + 1 :]))


def _without(model: Description, removed: int) -> Description:
    """The model in which a node's first input stands for its outputs."""

    def moved(reference: Reference) -> Reference:
        i, k = model.nodes[removed].inputs[0] if reference[0] == removed else reference
        return (i - (i > removed), k)

    def kept(node: Node) -> Node:
        again = node.again
        if again is not None:  # the layer of a removed node becomes the calling node's own
            again = None if again == removed else again - (again > removed)
        inputs, states = tuple(map(moved, node.inputs)), tuple(map(moved, node.states))
        return dataclasses.replace(node, inputs=inputs, states=states, again=again)

    nodes = tuple(kept(node) for i, node in enumerate(model.nodes) if i != removed)
    return dataclasses.replace(model, nodes=nodes, outputs=tuple(map(moved, model.outputs)))
