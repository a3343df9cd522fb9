"""Random models for differential tests: how they are described, drawn, built and made smaller.

A model is described by plain data, so that the same description builds it from Keras's layers
and, where one fails, smaller descriptions can be tried.
"""

from __future__ import annotations

import dataclasses
import pprint
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reference = tuple[int, int]  # node, which of its outputs
Options = dict[str, Any]

BATCH = 3
VOCABULARY = 6


@dataclasses.dataclass(frozen=True)
class Node:
    """One call of a layer.

    Attributes:
        layer: Class name of the layer; "Input" for an input.
        options: Its constructor's arguments; a layer among them is a pair of name and options.
        inputs: What it is called on.
        states: The initial states it is called with.
    """

    layer: str
    options: Options
    inputs: tuple[Reference, ...] = ()
    states: tuple[Reference, ...] = ()


@dataclasses.dataclass(frozen=True)
class Description:
    """A model: nodes in an order in which they can be called, inputs among them."""

    dtype: str
    nodes: tuple[Node, ...]
    outputs: tuple[Reference, ...]

    def __str__(self) -> str:
        return pprint.pformat(dataclasses.asdict(self), width=100, sort_dicts=False)


# Building ----------------------------------------------------------------------------------------

_LISTS = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply")


def make_layer(layers: Any, name: str, options: Options, dtype: str) -> Any:
    """A layer of one library, and the layers inside it."""

    def made(value: Any) -> Any:
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict):
            return make_layer(layers, *value, dtype)
        return [made(item) for item in value] if isinstance(value, list) else value

    given = {key: made(value) for key, value in options.items()}
    return getattr(layers, name)(**given, dtype=dtype)


def build(library: Any, model: Description) -> Any:
    """The model from the layers of a library that has `layers` and `Model`."""
    results: list[list[Any]] = []
    for node in model.nodes:
        if node.layer == "Input":
            options = {"dtype": model.dtype, **node.options}
            results.append([library.layers.Input(**options)])
            continue
        layer = make_layer(library.layers, node.layer, node.options, model.dtype)
        tensors = [results[i][k] for i, k in node.inputs]
        kwargs = {"initial_state": [results[i][k] for i, k in node.states]} if node.states else {}
        output = layer(tensors, **kwargs) if node.layer in _LISTS else layer(*tensors, **kwargs)
        results.append(list(output) if isinstance(output, (list, tuple)) else [output])
    inputs = [results[i][0] for i, node in enumerate(model.nodes) if node.layer == "Input"]
    return library.Model(inputs, [results[i][k] for i, k in model.outputs])


def sample_inputs(model: Description, rng: np.random.Generator) -> list[NDArray[Any]]:
    """An array for each input: steps of zeros are padding, wherever they are."""
    arrays = []
    for node in model.nodes:
        if node.layer == "Input":
            shape = (BATCH, *(4 if s is None else s for s in _sample_shape(node.options)))
            if node.options.get("dtype") == "int32":
                arrays.append(rng.integers(0, VOCABULARY, shape).astype("int32"))
            else:
                x = rng.standard_normal(shape).astype(model.dtype)
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


# Drawing -----------------------------------------------------------------------------------------

# Continuous ones: where a value jumps, rounding decides.
_ACTIVATIONS = (
    "celu", "elu", "gelu", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "linear",
    "log_sigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax",
    "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "squareplus", "tanh", "tanh_shrink",
)  # fmt: skip
# TensorFlow rounds a constant in these to float32 whatever the dtype.
_SINGLE_ACTIVATIONS = ("gelu", "leaky_relu")
_SINGLE_LAYERS = ("LeakyReLU", "MultiHeadAttention", "ReLU")
_BOUNDED = ("tanh", "tanh", "tanh", "sigmoid", "softsign", "hard_tanh", "softmax", "relu6", "relu")
_GATES = ("sigmoid", "sigmoid", "sigmoid", "hard_sigmoid", "sparse_sigmoid", "softmax", "tanh")


class Drawing:
    """Draws one model: keeps the tensors there are, with their shapes without the batch."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.nodes: list[Node] = []
        self.shapes: list[tuple[Reference, tuple[int | None, ...]]] = []
        self.stateful = rng.random() < 0.08
        self.dtype = "float32" if rng.random() < 0.8 else "float64"
        inexact = _SINGLE_ACTIVATIONS if self.dtype == "float64" else ()
        self.activations = [name for name in _ACTIVATIONS if name not in inexact]

    def model(self) -> Description:
        """A model of up to six layers and up to two outputs."""
        rng = self.rng
        self._draw_input()
        for _ in range(rng.randint(1, 6)):
            reference, shape = self.shapes[-1] if rng.random() < 0.8 else rng.choice(self.shapes)
            steps = {1: self._on_vector, 2: self._on_sequence, 4: self._on_video}[len(shape)]
            steps(reference, shape)
        computed = [r for r, _ in self.shapes if self.nodes[r[0]].layer != "Input"]
        outputs = {computed[-1]: None}
        if rng.random() < 0.25:
            outputs[rng.choice(computed)] = None
        return Description(self.dtype, tuple(self.nodes), tuple(outputs))

    def maybe(self, **options: Any) -> Options:
        """Each of these options in half of the cases; a list is to choose from."""
        chosen = {key: value for key, value in options.items() if self.rng.random() < 0.5}
        return {
            key: self.rng.choice(value) if isinstance(value, (list, tuple)) else value
            for key, value in chosen.items()
        }

    def _add(
        self,
        layer: str,
        options: Options,
        inputs: tuple[Reference, ...],
        *shapes: tuple[int | None, ...],
        states: tuple[Reference, ...] = (),
    ) -> None:
        self.nodes.append(Node(layer, options, inputs, states))
        # The first output last: the next layer mostly goes on from it.
        for k, shape in reversed(list(enumerate(shapes))):
            self.shapes.append(((len(self.nodes) - 1, k), shape))

    def _draw_input(self) -> None:
        rng = self.rng
        steps = rng.choice((None, 3, 5))
        kind = rng.random()
        if kind < 0.12:
            shape: tuple[int | None, ...] = (steps, 5, 4, 2)
        else:
            shape = (steps, rng.randint(1, 5))
        if kind > 0.85:
            self._declare((steps,), dtype="int32")
            width = rng.randint(1, 4)
            options = {"input_dim": VOCABULARY, "output_dim": width, **self.maybe(mask_zero=True)}
            self._add("Embedding", options, ((0, 0),), (steps, width))
            del self.shapes[0]  # ids are for nothing else
            return
        self._declare(shape)
        if len(shape) == 2 and rng.random() < 0.4:
            self._add("Masking", {}, ((0, 0),), shape)

    def _declare(self, shape: tuple[int | None, ...], **options: Any) -> None:
        where = {"batch_shape": (BATCH, *shape)} if self.stateful else {"shape": shape}
        self._add("Input", {**where, **options}, (), shape)

    # Layers on (features,) ------------------------------------------------------------------------

    def _on_vector(self, x: Reference, shape: Any) -> None:
        (width,), rng = shape, self.rng
        choice = rng.choice(("Dense", "Dense", "elementwise", "merge", "RepeatVector"))
        if choice == "Dense":
            self._dense(x, shape)
        elif choice == "RepeatVector":
            n = rng.randint(2, 4)
            self._add("RepeatVector", {"n": n}, (x,), (n, width))
        else:
            (self._elementwise if choice == "elementwise" else self._merge)(x, shape)

    def _dense(self, x: Reference, shape: Any) -> None:
        units = self.rng.randint(1, 5)
        options = {"units": units, **self.maybe(activation=self.activations, use_bias=False)}
        self._add("Dense", options, (x,), (*shape[:-1], units))

    def _elementwise(self, x: Reference, shape: Any) -> None:
        layer, options = self._choice(
            (
                ("Activation", {"activation": self.rng.choice(self.activations)}),
                ("LeakyReLU", self.maybe(negative_slope=0.2)),
                ("ELU", self.maybe(alpha=0.7)),
                ("ReLU", self.maybe(max_value=1.5, negative_slope=0.1)),
                ("BatchNormalization", self.maybe(center=False, scale=False, epsilon=0.01)),
                ("LayerNormalization", {"epsilon": 0.1, **self.maybe(center=False, scale=False)}),
                ("Dropout", {"rate": 0.5}),
                ("GaussianNoise", {"stddev": 0.5}),
                ("Rescaling", {"scale": 0.5, "offset": 0.25}),
            )
        )
        self._add(layer, options, (x,), shape)

    def _choice(self, layers: tuple[tuple[str, Options], ...]) -> tuple[str, Options]:
        inexact = _SINGLE_LAYERS if self.dtype == "float64" else ()
        return self.rng.choice([layer for layer in layers if layer[0] not in inexact])

    def _merge(self, x: Reference, shape: Any) -> None:
        """With another tensor of this shape, or an elementwise layer's of `x`."""
        same = [r for r, other in self.shapes if other == shape and r != x]
        if not same:
            self._elementwise(x, shape)
            same = [self.shapes[-1][0]]
        layer = self.rng.choice(_LISTS)
        width = 2 * shape[-1] if layer == "Concatenate" else shape[-1]
        self._add(layer, {}, (x, self.rng.choice(same)), (*shape[:-1], width))

    # Layers on (time, features) -------------------------------------------------------------------

    def _on_sequence(self, x: Reference, shape: Any) -> None:
        choices: dict[Callable[[Reference, Any], None], int] = {
            self._recurrent: 6,
            self._bidirectional: 4,
            self._encoder_and_decoder: 2,
            self._stacked_cells: 1,
            self._time_distributed: 2,
            self._dense: 1,
            self._elementwise: 2,
            self._merge: 1,
            self._convolution: 2,
            self._window: 2,
            self._attention: 1,
            self._end_of_time: 1,
        }
        (draw,) = self.rng.choices(list(choices), list(choices.values()))
        draw(x, shape)

    def _cell(self) -> tuple[str, Options]:
        name = self.rng.choice(("SimpleRNN", "LSTM", "GRU"))
        options = {"units": self.rng.randint(1, 5), **self.maybe(activation=_BOUNDED)}
        if name != "SimpleRNN":
            options |= self.maybe(recurrent_activation=_GATES)
        if name == "GRU":
            options |= self.maybe(reset_after=False)
        return name, options | self.maybe(use_bias=[True, True, False])

    def _recurrent_layer(self, **fixed: Any) -> tuple[str, Options]:
        name, options = self._cell()
        options |= self.maybe(return_sequences=True, zero_output_for_mask=True)
        options |= self.maybe(go_backwards=[True, False])
        if self.stateful:
            options |= self.maybe(stateful=True)
        return name, {**options, **fixed}

    def _recurrent(self, x: Reference, shape: Any) -> None:
        name, options = self._recurrent_layer()
        self._add(name, options, (x,), self._output(shape, options))

    @staticmethod
    def _output(shape: Any, options: Options, factor: int = 1) -> tuple[int | None, ...]:
        width = factor * options["units"]
        return (shape[0], width) if options.get("return_sequences") else (width,)

    def _bidirectional(self, x: Reference, shape: Any) -> None:
        name, options = self._recurrent_layer(go_backwards=False)
        merge = self.rng.choice(("concat", "concat", "sum", "mul", "ave", None))
        wrapper: Options = {"layer": (name, options), "merge_mode": merge}
        if self.rng.random() < 0.2:
            other = {**options, "go_backwards": True, "activation": self.rng.choice(_BOUNDED)}
            wrapper["backward_layer"] = (name, other)
        output = self._output(shape, options, 2 if merge == "concat" else 1)
        self._add("Bidirectional", wrapper, (x,), *[output] * (1 if merge else 2))

    def _encoder_and_decoder(self, x: Reference, shape: Any) -> None:
        """The last states of a layer, and another one that starts from them."""
        name, options = self._recurrent_layer(return_state=True)
        units = (options["units"],)
        count = 2 if name == "LSTM" else 1
        encoder = len(self.nodes)
        states = tuple((encoder, 1 + k) for k in range(count))
        if self.rng.random() < 0.5:
            self._add(name, options, (x,), self._output(shape, options), *[units] * count)
        else:
            wrapper = {"layer": (name, {**options, "go_backwards": False})}
            output = self._output(shape, options, 2)
            self._add("Bidirectional", wrapper, (x,), output, *[units] * 2 * count)
        _, again = self._recurrent_layer(units=options["units"])
        again = {k: v for k, v in again.items() if k not in ("recurrent_activation", "reset_after")}
        self._add(name, again, (x,), self._output(shape, again), states=states)

    def _stacked_cells(self, x: Reference, shape: Any) -> None:
        cells = [self._cell() for _ in range(self.rng.randint(2, 3))]
        # Keras gives a stack it makes of a plain list of cells another dtype than the layer's.
        stack = {"cells": [(f"{name}Cell", given) for name, given in cells]}
        options: Options = {"cell": ("StackedRNNCells", stack)}
        options |= self.maybe(return_sequences=True, go_backwards=True, zero_output_for_mask=True)
        units = {"units": cells[-1][1]["units"], **options}
        self._add("RNN", options, (x,), self._output(shape, units))

    def _time_distributed(self, x: Reference, shape: Any) -> None:
        units = self.rng.randint(1, 5)
        inner = ("Dense", {"units": units, **self.maybe(activation=self.activations)})
        self._add("TimeDistributed", {"layer": inner}, (x,), (shape[0], units))

    def _convolution(self, x: Reference, shape: Any) -> None:
        filters = self.rng.randint(1, 5)
        layer = self.rng.choice(("Conv1D", "Conv1D", "SeparableConv1D"))
        options = {
            "filters": filters,
            "kernel_size": self.rng.randint(1, 3),
            "padding": self.rng.choice(("same", "causal") if layer == "Conv1D" else ("same",)),
            **self.maybe(activation=self.activations, dilation_rate=2, use_bias=False),
        }
        self._add(layer, options, (x,), (shape[0], filters))

    def _window(self, x: Reference, shape: Any) -> None:
        steps, width = shape
        layer, options, more = self.rng.choice(
            (
                ("MaxPooling1D", {"pool_size": 2, "strides": 1, "padding": "same"}, 0),
                ("AveragePooling1D", {"pool_size": 3, "strides": 1, "padding": "same"}, 0),
                ("ZeroPadding1D", {"padding": (1, 2)}, 3),
                ("Cropping1D", {"cropping": (1, 0)}, -1),
                ("UpSampling1D", {"size": 2}, steps or 0),
            )
        )
        # Where the number of steps is not known, four must leave one over.
        if layer == "Cropping1D" and (steps is None or steps < 2):
            return self._elementwise(x, shape)
        self._add(layer, options, (x,), (None if steps is None else steps + more, width))
        return None

    def _attention(self, x: Reference, shape: Any) -> None:
        if self.rng.random() < 0.5 and self.dtype == "float32":
            options = {"num_heads": 2, "key_dim": 3, **self.maybe(use_bias=False)}
            self._add("MultiHeadAttention", options, (x, x), shape)
        else:
            self._add("Dot", {"axes": 2}, (x, x), (shape[0], shape[0]))

    def _end_of_time(self, x: Reference, shape: Any) -> None:
        layers = ["GlobalMaxPooling1D", "GlobalAveragePooling1D"]
        layer = self.rng.choice(layers if shape[0] is None else [*layers, "Flatten"])
        width = shape[0] * shape[1] if layer == "Flatten" else shape[1]
        self._add(layer, {}, (x,), (width,))

    # Layers on (time, height, width, channels) ----------------------------------------------------

    def _on_video(self, x: Reference, shape: Any) -> None:
        steps, height, width, channels = shape
        choice = self.rng.choice(("Conv2D", "ConvLSTM2D", "Flatten", "pooling"))
        if choice == "Flatten":
            flat = height * width * channels
            self._add("TimeDistributed", {"layer": ("Flatten", {})}, (x,), (steps, flat))
        elif choice == "pooling":
            inner = self.rng.choice(("GlobalMaxPooling2D", "GlobalAveragePooling2D"))
            self._add("TimeDistributed", {"layer": (inner, {})}, (x,), (steps, channels))
        else:
            options = {"filters": self.rng.randint(1, 3), "kernel_size": 2, "padding": "same"}
            output = (steps, height, width, options["filters"])
            if choice == "Conv2D":
                options |= self.maybe(activation=self.activations)
                self._add("TimeDistributed", {"layer": ("Conv2D", options)}, (x,), output)
            else:
                options |= {"return_sequences": True, **self.maybe(go_backwards=True)}
                self._add("ConvLSTM2D", options, (x,), output)


def draw(seed: str) -> Description:
    """The model of a seed."""
    return Drawing(random.Random(seed)).model()


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


def _with_node(model: Description, i: int, node: Node) -> Description:
    return dataclasses.replace(model, nodes=(*model.nodes[:i], node, *model.nodes[i + 1 :]))


def _without(model: Description, removed: int) -> Description:
    """The model in which a node's first input stands for its outputs."""

    def moved(reference: Reference) -> Reference:
        i, k = model.nodes[removed].inputs[0] if reference[0] == removed else reference
        return (i - (i > removed), k)

    nodes = tuple(
        dataclasses.replace(
            node, inputs=tuple(map(moved, node.inputs)), states=tuple(map(moved, node.states))
        )
        for i, node in enumerate(model.nodes)
        if i != removed
    )
    return dataclasses.replace(model, nodes=nodes, outputs=tuple(map(moved, model.outputs)))
