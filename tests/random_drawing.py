"""Which random models there are: layers, options and wirings, drawn step by step from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from random_models import (
    BATCH,
    HALF,
    OPERATIONS,
    VOCABULARY,
    Description,
    Node,
    Options,
    Reference,
)

# Continuous ones: where a value jumps, rounding decides.
_ACTIVATIONS = (
    "celu", "elu", "gelu", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "linear",
    "log_sigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax",
    "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "squareplus", "tanh", "tanh_shrink",
)  # fmt: skip
# TensorFlow rounds a constant in these to float32 whatever the dtype.
_SINGLE_ACTIVATIONS = ("gelu", "leaky_relu")
_SINGLE_LAYERS = (
    "GroupQueryAttention", "LeakyReLU", "MultiHeadAttention", "ReLU",
)  # fmt: skip
_BOUNDED = ("tanh", "tanh", "tanh", "sigmoid", "softsign", "hard_tanh", "softmax", "relu6", "relu")
_GATES = ("sigmoid", "sigmoid", "sigmoid", "hard_sigmoid", "sparse_sigmoid", "softmax", "tanh")


_MERGING = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")


class Drawing:
    """Draws one model: keeps the tensors there are, with their shapes without the batch."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.nodes: list[Node] = []
        self.shapes: list[tuple[Reference, tuple[int | None, ...]]] = []
        self.stateful = rng.random() < 0.08
        (self.dtype,) = rng.choices(("float32", "float64", rng.choice(HALF)), (6, 1.5, 2.5))
        inexact = _SINGLE_ACTIVATIONS if self.dtype == "float64" else ()
        self.activations = [name for name in _ACTIVATIONS if name not in inexact]

    def model(self) -> Description:
        """A model of up to six layers and up to two outputs."""
        rng = self.rng
        self._draw_input()
        self._layers(rng.randint(1, 6))
        computed = [r for r, _ in self.shapes if self.nodes[r[0]].layer != "Input"]
        outputs = {computed[-1]: None}
        if rng.random() < 0.25:
            outputs[rng.choice(computed)] = None
        return Description(self.dtype, tuple(self.nodes), tuple(outputs))

    def _layers(self, count: int) -> None:
        rng = self.rng
        for _ in range(count):
            # Layers need the width of their input: a product of all steps may only be an output.
            known = [(r, s) for r, s in self.shapes if s[-1] is not None]
            reference, shape = known[-1] if rng.random() < 0.8 else rng.choice(known)
            if rng.random() < 0.05 and self._once_more():
                continue
            if rng.random() < 0.05:
                self._inner_model(reference, shape)
                continue
            steps = {1: self._on_vector, 2: self._on_sequence, 4: self._on_video}[len(shape)]
            steps(reference, shape)

    def _once_more(self) -> bool:
        """A layer of one input called on another tensor of the same shape, if there is one."""
        calls = []
        for i, node in enumerate(self.nodes):
            if len(node.inputs) == 1 and not node.states and node.layer not in ("ops", "Embedding"):
                shape = next((s for r, s in self.shapes if r == node.inputs[0]), None)
                others = [r for r, s in self.shapes if s == shape and r != node.inputs[0]]
                calls += [(i, other) for other in others]
        if not calls:
            return False
        i, x = self.rng.choice(calls)
        node = self.nodes[i]
        again = i if node.again is None else node.again
        outputs = sorted((r, s) for r, s in self.shapes if r[0] == i)
        self.nodes.append(Node(node.layer, node.options, (x,), again=again))
        for (_, k), shape in reversed(outputs):
            self.shapes.append(((len(self.nodes) - 1, k), shape))
        return True

    def _inner_model(self, x: Reference, shape: Any) -> None:
        """A model of up to three layers as a layer; it may be called once more later."""
        inner = type(self)(self.rng)
        inner.dtype, inner.stateful, inner.activations = self.dtype, False, self.activations
        inner.declare(shape, self.batch)
        inner._layers(self.rng.randint(1, 3))
        reference, output = inner.shapes[-1]
        model = Description(self.dtype, tuple(inner.nodes), (reference,))
        self._add("Model", {"model": model}, (x,), output)

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
            self.declare((steps,), self.batch, dtype="int32")
            width = rng.randint(1, 4)
            options = {"input_dim": VOCABULARY, "output_dim": width, **self.maybe(mask_zero=True)}
            self._add("Embedding", options, ((0, 0),), (steps, width))
            del self.shapes[0]  # ids are for nothing else
            return
        self.declare(shape, self.batch)
        if len(shape) == 2 and rng.random() < 0.4:
            self._add("Masking", {}, ((0, 0),), shape)

    @property
    def batch(self) -> int | None:
        return BATCH if self.stateful else None

    def declare(self, shape: tuple[int | None, ...], batch: int | None, **options: Any) -> None:
        """An input, without or with its batch size."""
        where = {"batch_shape": (batch, *shape)} if batch else {"shape": shape}
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
                ("PReLU", {"shared_axes": [i + 1 for i in range(len(shape)) if shape[i] is None]}),
                ("Softmax", {}),
                ("BatchNormalization", self.maybe(center=False, scale=False, epsilon=0.01)),
                ("LayerNormalization", {"epsilon": 0.1, **self.maybe(center=False, scale=False)}),
                ("GroupNormalization", {"epsilon": 0.1, "groups": self.rng.choice((1, -1))}),
                ("RMSNormalization", {"epsilon": 0.1}),
                ("UnitNormalization", {}),
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
        layer = self.rng.choice(_MERGING)
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
            self._operation: 1,
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

    def _unrolled(self, shape: Any, options: Options) -> Options:
        """Unrolled in some cases where the number of steps is known."""
        return {**options, **(self.maybe(unroll=[True, False]) if shape[0] else {})}

    def _recurrent(self, x: Reference, shape: Any) -> None:
        name, options = self._recurrent_layer()
        options = self._unrolled(shape, options)
        self._add(name, options, (x,), self._output(shape, options))

    @staticmethod
    def _output(shape: Any, options: Options, factor: int = 1) -> tuple[int | None, ...]:
        width = factor * options["units"]
        return (shape[0], width) if options.get("return_sequences") else (width,)

    def _bidirectional(self, x: Reference, shape: Any) -> None:
        name, options = self._recurrent_layer(go_backwards=False)
        merge = self.rng.choice(("concat", "concat", "sum", "mul", "ave", None))
        wrapper: Options = {"layer": (name, options), "merge_mode": merge}
        if self.rng.random() < 0.3:
            shared = ("return_sequences", "stateful", "units", "zero_output_for_mask")
            other, own = self._recurrent_layer(go_backwards=True)
            same = {key: options[key] for key in shared if key in options}
            own = {key: value for key, value in own.items() if key not in shared}
            wrapper["backward_layer"] = (other, {**own, **same})
        output = self._output(shape, options, 2 if merge == "concat" else 1)
        self._add("Bidirectional", wrapper, (x,), *[output] * (1 if merge else 2))

    def _encoder_and_decoder(self, x: Reference, shape: Any) -> None:
        """The last states of a layer, and another one that starts from them."""
        name, options = self._recurrent_layer(return_state=True)
        units = (options["units"],)
        count = 2 if name == "LSTM" else 1
        encoder = len(self.nodes)
        both_ways = self.rng.random() < 0.5
        if both_ways:
            wrapper = {"layer": (name, {**options, "go_backwards": False})}
            output = self._output(shape, options, 2)
            self._add("Bidirectional", wrapper, (x,), output, *[units] * 2 * count)
        else:
            self._add(name, options, (x,), self._output(shape, options), *[units] * count)
        _, again = self._recurrent_layer(units=options["units"])
        again = {k: v for k, v in again.items() if k not in ("recurrent_activation", "reset_after")}
        states = tuple((encoder, 1 + k) for k in range(2 * count))
        if both_ways and self.rng.random() < 0.5:
            wrapper = {"layer": (name, {**again, "go_backwards": False})}
            self._add("Bidirectional", wrapper, (x,), self._output(shape, again, 2), states=states)
        else:
            self._add(name, again, (x,), self._output(shape, again), states=states[:count])

    def _stacked_cells(self, x: Reference, shape: Any) -> None:
        cells = [self._cell() for _ in range(self.rng.randint(1, 3))]
        made = [(f"{name}Cell", given) for name, given in cells]
        options: Options = {"cell": self.rng.choice((made, ("StackedRNNCells", {"cells": made})))}
        if len(cells) == 1:
            options = {"cell": made[0]}
        options |= self.maybe(return_sequences=True, go_backwards=True, zero_output_for_mask=True)
        units = {"units": cells[-1][1]["units"], **options}
        self._add("RNN", options, (x,), self._output(shape, units))

    def _time_distributed(self, x: Reference, shape: Any) -> None:
        units = self.rng.randint(1, 5)
        inner = ("Dense", {"units": units, **self.maybe(activation=self.activations)})
        self._add("TimeDistributed", {"layer": inner}, (x,), (shape[0], units))

    def _convolution(self, x: Reference, shape: Any) -> None:
        filters = self.rng.randint(1, 5)
        if self.rng.random() < 0.3:
            return self._transposed_convolution(x, shape)
        layer = self.rng.choice(("Conv1D", "Conv1D", "SeparableConv1D", "DepthwiseConv1D"))
        options = {
            "filters": filters,
            "kernel_size": self.rng.randint(1, 3),
            "padding": self.rng.choice(("same", "causal") if layer == "Conv1D" else ("same",)),
            **self.maybe(activation=self.activations, dilation_rate=2, use_bias=False),
        }
        if layer == "DepthwiseConv1D":
            options["depth_multiplier"] = options.pop("filters")
            filters *= shape[1]
        self._add(layer, options, (x,), (shape[0], filters))
        return None

    def _transposed_convolution(self, x: Reference, shape: Any) -> None:
        filters, strides = self.rng.randint(1, 5), self.rng.randint(1, 2)
        options = {
            "filters": filters,
            "kernel_size": self.rng.randint(1, 3),
            "padding": "same",
            "strides": strides,
            **self.maybe(activation=self.activations, use_bias=False),
        }
        steps = None if shape[0] is None else strides * shape[0]
        self._add("Conv1DTranspose", options, (x,), (steps, filters))

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
        grouped = {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2}
        layer, options = self._choice(
            (
                (
                    "MultiHeadAttention",
                    {"num_heads": 2, "key_dim": 3, **self.maybe(use_bias=False)},
                ),
                ("GroupQueryAttention", {**grouped, **self.maybe(use_bias=False)}),
                ("Attention", self.maybe(use_scale=True)),
                ("AdditiveAttention", {}),
                ("Dot", {"axes": 2, **self.maybe(normalize=True)}),
            )
        )
        output = (shape[0], shape[0]) if layer == "Dot" else shape
        self._add(layer, options, (x, x), output)

    def _operation(self, x: Reference, shape: Any) -> None:
        function = self.rng.choice(sorted(OPERATIONS))
        steps, width = shape
        output = {
            "gram matrix": (steps, steps),
            "last step": (width,),
            "mean over time": (width,),
            "with itself": (steps, 2 * width),
        }.get(function, shape)
        self._add("ops", {"function": function}, (x,), output)

    def _end_of_time(self, x: Reference, shape: Any) -> None:
        layers = ["GlobalMaxPooling1D", "GlobalAveragePooling1D"]
        layer = self.rng.choice(layers if shape[0] is None else [*layers, "Flatten"])
        width = shape[0] * shape[1] if layer == "Flatten" else shape[1]
        self._add(layer, {}, (x,), (width,))

    # Layers on (time, height, width, channels) ----------------------------------------------------

    def _on_video(self, x: Reference, shape: Any) -> None:
        steps, height, width, channels = shape
        choice = self.rng.choice(("Conv2D", "Conv3D", "ConvLSTM2D", "Flatten", "pooling"))
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
                inner = self.rng.choice(("Conv2D", "Conv2DTranspose", "SeparableConv2D"))
                self._add("TimeDistributed", {"layer": (inner, options)}, (x,), output)
            elif choice == "Conv3D":
                self._add(self.rng.choice(("Conv3D", "Conv3DTranspose")), options, (x,), output)
            else:
                options |= {"return_sequences": True, **self.maybe(go_backwards=True)}
                self._add("ConvLSTM2D", options, (x,), output)


def draw(seed: str) -> Description:
    """The model of a seed."""
    return Drawing(random.Random(seed)).model()
