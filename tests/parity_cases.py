"""What the parity table measures: every layer with its main options, on random data.

A case makes its layer from the layers of Keras or of rnnext, with the same arguments.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from layer_twins import random_array
from numpy.typing import NDArray
from textbook_windows import RESIZING, adaptive_pooling, resized
from textbook_windows import pooling as pooled

Array = NDArray[Any]
Make = Callable[..., Any]
Options = dict[str, Any]

B, T, D, H = 24, 6, 6, 16
SEQUENCE = (B, T, D)
VECTOR = (B, D)
IMAGES = (B, 9, 8, 4)
VOLUMES = (2, 6, 5, 4, 4)
VIDEO = (6, 4, 6, 5, 3)
STATE = (B, H)

# A padded batch; some samples are empty.
PADDED = np.arange(T) < np.resize(np.arange(T + 1), (B, 1))


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        layer: Its class.
        option: What the row says about the options.
        make: Makes the layer from a module of layers and `dtype`.
        shapes: Shapes of the inputs; several are passed as a list.
        call: Further arguments of the call; a shape stands for a random array.
        integers: The inputs are integers below this.
        textbook: The truth, where TensorFlow does not compute the layer in float64.
    """

    layer: str
    option: str
    make: Make
    shapes: tuple[tuple[int, ...], ...] = (SEQUENCE,)
    call: Options = dataclasses.field(default_factory=dict)
    integers: int = 0
    textbook: Callable[[Array], Array] | None = None

    def inputs(self) -> list[Array]:
        """The same arrays for each library."""
        if self.integers:
            rng = np.random.default_rng(0)
            return [rng.integers(0, self.integers, s).astype("int32") for s in self.shapes]
        return [random_array(s, seed=f"{i}") for i, s in enumerate(self.shapes)]


def made(name: str, **options: Any) -> Make:
    """A layer of one class."""
    return lambda m, **dtype: getattr(m, name)(**options, **dtype)


# Recurrent ----------------------------------------------------------------------------------------

RECURRENT: dict[str, tuple[str, Options]] = {
    "SimpleRNN": ("SimpleRNN", {}),
    "LSTM": ("LSTM", {}),
    "GRU": ("GRU", {}),
    "GRU, reset_after=False": ("GRU", {"reset_after": False}),
}
OPTIONS: tuple[Options, ...] = (
    {},
    {"return_sequences": True},
    {"return_sequences": True, "return_state": True},
    {"go_backwards": True},
    {"unroll": True},
    {"stateful": True},
    {"use_bias": False},
    {"dropout": 0.3, "recurrent_dropout": 0.3},
    {"return_sequences": True, "zero_output_for_mask": True},
)
ACTIVATIONS = (
    "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh",
    "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus",
    "sparse_sigmoid", "sparsemax", "squareplus", "tanh", "tanh_shrink",
)  # fmt: skip
# Without bound, and a state that grows from step to step tells nothing about a step.
EXPLOSIVE = ("exponential",)


def recurrent() -> Iterator[Case]:
    for row, (name, fixed) in RECURRENT.items():
        states = [STATE] * (2 if name == "LSTM" else 1)
        for given in OPTIONS:
            option = ", ".join(f"{k}={v}" for k, v in given.items()) or "last output"
            mask = {"mask": PADDED} if "zero_output_for_mask" in given else {}
            yield Case(row, option, made(name, units=H, **fixed, **given), call=mask)
        yield Case(row, "mask", made(name, units=H, **fixed), call={"mask": PADDED})
        initial = {"initial_state": states}
        yield Case(row, "initial_state", made(name, units=H, **fixed), call=initial)
    for name in ("SimpleRNN", "LSTM", "GRU"):
        for activation in ACTIVATIONS:
            if activation not in EXPLOSIVE:
                given = {"units": H, "activation": activation}
                yield Case(name, f"activation={activation}", made(name, **given))
    for name in ("LSTM", "GRU"):
        for activation in ("hard_sigmoid", "softmax", "softsign", "tanh"):
            given = {"units": H, "recurrent_activation": activation}
            yield Case(name, f"recurrent_activation={activation}", made(name, **given))


def _cells(m: Any, dtype: Options) -> list[Any]:
    return [m.LSTMCell(H, **dtype), m.GRUCell(H, **dtype), m.SimpleRNNCell(H, **dtype)]


def cells() -> Iterator[Case]:
    for name in ("SimpleRNNCell", "LSTMCell", "GRUCell"):
        yield Case(
            "RNN", name, lambda m, name=name, **d: m.RNN(getattr(m, name)(H, **d), **d)
        )  # fmt: skip
    yield Case("RNN", "StackedRNNCells",
               lambda m, **d: m.RNN(m.StackedRNNCells(_cells(m, d), **d), **d))  # fmt: skip
    yield Case(
        "RNN",
        "list of cells, return_sequences, return_state",
        lambda m, **d: m.RNN(_cells(m, d), return_sequences=True, return_state=True, **d),
    )
    yield Case("RNN", "StackedRNNCells, mask, go_backwards",
               lambda m, **d: m.RNN(m.StackedRNNCells(_cells(m, d), **d), go_backwards=True, **d),
               call={"mask": PADDED})  # fmt: skip


def _both_ways(name: str, merge: str | None = "concat", **options: Any) -> Make:
    return lambda m, **d: m.Bidirectional(
        getattr(m, name)(H, **options, **d), merge_mode=merge, **d
    )


def bidirectional() -> Iterator[Case]:
    for name in ("SimpleRNN", "LSTM", "GRU"):
        yield Case("Bidirectional", name, _both_ways(name))
    for merge in ("concat", "sum", "mul", "ave", None):
        make = _both_ways("LSTM", merge, return_sequences=True)
        yield Case("Bidirectional", f"LSTM, return_sequences, {merge}", make)
    make = _both_ways("GRU", return_sequences=True)
    yield Case("Bidirectional", "GRU, return_sequences, mask", make, call={"mask": PADDED})
    make = _both_ways("LSTM", return_state=True)
    states = {"initial_state": [STATE] * 4}
    yield Case("Bidirectional", "LSTM, return_state, initial_state", make, call=states)
    yield Case(
        "Bidirectional",
        "LSTM forwards, GRU backwards",
        lambda m, **d: m.Bidirectional(
            m.LSTM(H, **d), backward_layer=m.GRU(H, go_backwards=True, **d), **d
        ),
    )


def conv_lstm() -> Iterator[Case]:
    lines, films = (B, T, 7, 3), VIDEO
    for name, shape in (("ConvLSTM1D", lines), ("ConvLSTM2D", films)):
        for option, given in {
            "valid": {},
            "same, return_sequences": {"padding": "same", "return_sequences": True},
            "strides": {"strides": 2},
            "dilation_rate": {"dilation_rate": 2, "padding": "same"},
            "return_state, go_backwards": {"return_state": True, "go_backwards": True},
            "recurrent_activation=hard_sigmoid": {"recurrent_activation": "hard_sigmoid"},
        }.items():
            yield Case(name, option, made(name, filters=5, kernel_size=2, **given), (shape,))
    yield Case("ConvLSTM3D", "valid", made("ConvLSTM3D", filters=3, kernel_size=2),
               ((2, 3, 4, 5, 4, 2),))  # fmt: skip


def time_distributed() -> Iterator[Case]:
    inner: dict[str, tuple[Make, tuple[int, ...]]] = {
        "Dense": (made("Dense", units=H), SEQUENCE),
        "Conv2D": (made("Conv2D", filters=H, kernel_size=2), VIDEO),
        "MaxPooling2D": (made("MaxPooling2D", pool_size=2), VIDEO),
        "Flatten": (made("Flatten"), VIDEO),
        "LSTM": (made("LSTM", units=H), (3, 4, T, D)),
    }
    for name, (make, shape) in inner.items():
        yield Case(
            "TimeDistributed",
            name,
            lambda m, make=make, **d: m.TimeDistributed(make(m, **d), **d),
            (shape,),
        )


# Others -------------------------------------------------------------------------------------------

CONVOLUTIONS: dict[str, Options] = {
    "valid": {},
    "same, strides": {"padding": "same", "strides": 2},
    "dilation_rate": {"dilation_rate": 2},
    "use_bias=False, relu": {"use_bias": False, "activation": "relu"},
}


def convolutions() -> Iterator[Case]:
    for rank, shape in enumerate((SEQUENCE, IMAGES, VOLUMES), start=1):
        for option, given in {**CONVOLUTIONS, "groups": {"groups": 2}}.items():
            name = f"Conv{rank}D"
            yield Case(name, option, made(name, filters=H, kernel_size=2, **given), (shape,))
        for option in ("valid", "same, strides"):
            name = f"Conv{rank}DTranspose"
            given = {"filters": H, "kernel_size": 3, **CONVOLUTIONS[option]}
            yield Case(name, option, made(name, **given), (shape,))
    causal = {"filters": H, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}
    yield Case("Conv1D", "causal, dilation_rate", made("Conv1D", **causal))
    for rank, shape in enumerate((SEQUENCE, IMAGES), start=1):
        for option, given in CONVOLUTIONS.items():
            multiplied = {"kernel_size": 2, "depth_multiplier": 2, **given}
            for name in (f"SeparableConv{rank}D", f"DepthwiseConv{rank}D"):
                own = {"filters": H} if name.startswith("Separable") else {}
                yield Case(name, option, made(name, **own, **multiplied), (shape,))


def pooling() -> Iterator[Case]:
    for rank, shape in enumerate((SEQUENCE, IMAGES, VOLUMES), start=1):
        for kind, reduce in (("Max", np.max), ("Average", np.mean)):
            name = f"{kind}Pooling{rank}D"
            for option, size, padding in (("valid", 2, "valid"), ("same, strides", 3, "same")):
                make = made(name, pool_size=size, strides=2, padding=padding)
                windows = ((size,) * rank, (2,) * rank, padding, reduce)
                yield Case(name, option, make, (shape,),
                           textbook=lambda x, windows=windows: pooled(x, *windows))  # fmt: skip
            name = f"Adaptive{kind}Pooling{rank}D"
            three = lambda x, reduce=reduce: adaptive_pooling(x, 3, reduce)  # noqa: E731
            yield Case(name, "", made(name, output_size=3), (shape,), textbook=three)
            name = f"Global{kind}Pooling{rank}D"
            yield Case(name, "", made(name), (shape,))
            yield Case(name, "keepdims", made(name, keepdims=True), (shape,))
    mean = made("GlobalAveragePooling1D")
    mask = PADDED | (np.arange(T) == 0)
    yield Case("GlobalAveragePooling1D", "mask", mean, call={"mask": mask})


def shapes() -> Iterator[Case]:
    for rank, shape in enumerate((SEQUENCE, IMAGES, VOLUMES), start=1):
        for name, given in (("ZeroPadding", {"padding": 2}), ("Cropping", {"cropping": 1})):
            yield Case(f"{name}{rank}D", "", made(f"{name}{rank}D", **given), (shape,))
        yield Case(f"UpSampling{rank}D", "", made(f"UpSampling{rank}D", size=2), (shape,))
    # Powers of two: TensorFlow rounds bicubic distances to a 1024th, and rnnext does with it.
    for how in RESIZING:
        make = made("UpSampling2D", size=(2, 4), interpolation=how)
        yield Case("UpSampling2D", how, make, (IMAGES,),
                   textbook=lambda x, how=how: resized(x, (2, 4), how))  # fmt: skip
    yield Case("Flatten", "", made("Flatten"), (IMAGES,))
    yield Case("Reshape", "", made("Reshape", target_shape=(-1, D // 2)))
    yield Case("Permute", "", made("Permute", dims=(3, 1, 2)), (IMAGES,))
    yield Case("RepeatVector", "", made("RepeatVector", n=3), (VECTOR,))


def merging() -> Iterator[Case]:
    three = (SEQUENCE,) * 3
    for name in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
        yield Case(name, "", made(name), three)
    yield Case("Add", "broadcast", made("Add"), (SEQUENCE, (B, 1, D)))
    yield Case("Subtract", "", made("Subtract"), three[:2])
    yield Case("Concatenate", "", made("Concatenate"), three)
    yield Case("Concatenate", "axis=1", made("Concatenate", axis=1), three)
    yield Case("Dot", "", made("Dot", axes=2), three[:2])
    yield Case("Dot", "normalize", made("Dot", axes=(1, 1), normalize=True), three[:2])


def normalization() -> Iterator[Case]:
    yield Case("BatchNormalization", "", made("BatchNormalization"))
    given = {"axis": 1, "epsilon": 0.01, "center": False, "scale": False}
    yield Case("BatchNormalization", "axis, epsilon", made("BatchNormalization", **given))
    yield Case("LayerNormalization", "", made("LayerNormalization"))
    yield Case("LayerNormalization", "axes", made("LayerNormalization", axis=[1, 2]))
    rms = made("LayerNormalization", rms_scaling=True)
    yield Case("LayerNormalization", "rms_scaling", rms)
    for groups in (3, -1, 1):
        make = made("GroupNormalization", groups=groups)
        yield Case("GroupNormalization", f"groups={groups}", make)
    yield Case("UnitNormalization", "", made("UnitNormalization"))
    yield Case("UnitNormalization", "axes", made("UnitNormalization", axis=(1, 2)))
    yield Case("RMSNormalization", "", made("RMSNormalization"))


def attention() -> Iterator[Case]:
    query, value = (B, 5, D), SEQUENCE
    masks = {"mask": [np.ones((B, 5), bool), PADDED | (np.arange(T) == 0)]}
    for name in ("Attention", "AdditiveAttention"):
        yield Case(name, "", made(name), (query, value))
        yield Case(name, "mask", made(name), (query, value), masks)
        make = made(name, use_scale=False) if name == "AdditiveAttention" else made(name)
        yield Case(name, "causal", make, (value, value), {"use_causal_mask": True})
    given = {"use_scale": True, "score_mode": "concat"}
    yield Case("Attention", "score_mode=concat", made("Attention", **given), (query, value))
    heads = {"num_heads": 3, "key_dim": 4}
    grouped = {"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2}
    for name, options in (("MultiHeadAttention", heads), ("GroupQueryAttention", grouped)):
        yield Case(name, "self", made(name, **options), call={"value": SEQUENCE})
        causal = {"value": SEQUENCE, "use_causal_mask": True}
        yield Case(name, "causal", made(name, **options), call=causal)
        cross = {"value": (B, 7, D), "key": (B, 7, D), "return_attention_scores": True}
        yield Case(name, "cross, scores", made(name, **options), call=cross)
    wide = {**heads, "value_dim": 5, "use_bias": False, "output_shape": 7}
    make = made("MultiHeadAttention", **wide)
    yield Case("MultiHeadAttention", "value_dim, output_shape", make, call={"value": SEQUENCE})


def activations() -> Iterator[Case]:
    for activation in (*ACTIVATIONS, "glu"):
        yield Case("Activation", activation, made("Activation", activation=activation))
    for name, variants in {
        "ReLU": ({}, {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.3}),
        "LeakyReLU": ({}, {"negative_slope": 0.1}),
        "ELU": ({}, {"alpha": 0.7}),
        "PReLU": ({}, {"shared_axes": [1]}),
        "Softmax": ({}, {"axis": 1}, {"axis": [1, 2]}),
    }.items():
        for given in variants:
            option = ", ".join(f"{k}={v}" for k, v in given.items())
            yield Case(name, option, made(name, **given))


def core() -> Iterator[Case]:
    yield Case("Dense", "", made("Dense", units=H))
    yield Case("Dense", "tanh", made("Dense", units=H, activation="tanh"))
    yield Case("Dense", "use_bias=False, softmax, one axis",
               made("Dense", units=H, use_bias=False, activation="softmax"), (VECTOR,))  # fmt: skip
    given = {"equation": "abc,cd->abd", "output_shape": (None, H), "bias_axes": "d"}
    yield Case("EinsumDense", "", made("EinsumDense", **given))
    embedding = made("Embedding", input_dim=9, output_dim=H)
    yield Case("Embedding", "", embedding, ((B, T),), integers=9)
    yield Case("Masking", "", made("Masking"))
    yield Case("Identity", "", made("Identity"))
    for name, given in {
        "Dropout": {"rate": 0.3},
        "SpatialDropout1D": {"rate": 0.3},
        "AlphaDropout": {"rate": 0.3},
        "GaussianDropout": {"rate": 0.3},
        "GaussianNoise": {"stddev": 0.3},
        "ActivityRegularization": {"l1": 0.1},
    }.items():
        yield Case(name, "", made(name, **given))
    yield Case("Rescaling", "", made("Rescaling", scale=1 / 3, offset=-0.1))
    values = {"mean": [0.1] * D, "variance": [0.7] * D}
    yield Case("Normalization", "", made("Normalization", **values))
    yield Case("Normalization", "invert", made("Normalization", **values, invert=True))
    for mode in ("multi_hot", "count"):
        make = made("CategoryEncoding", num_tokens=9, output_mode=mode)
        yield Case("CategoryEncoding", mode, make, ((B, T),), integers=9)
    one_hot = made("CategoryEncoding", num_tokens=9, output_mode="one_hot")
    yield Case("CategoryEncoding", "one_hot", one_hot, ((B, 1),), integers=9)
    boundaries = {"bin_boundaries": [-0.5, 0.0, 0.5]}
    yield Case("Discretization", "", made("Discretization", **boundaries), ((B, T),))
    for mode in ("int", "multi_hot", "count"):
        make = made("IntegerLookup", vocabulary=[7, 2, 5], num_oov_indices=2, output_mode=mode)
        yield Case("IntegerLookup", mode, make, ((B, T),), integers=9)
    hashing = made("Hashing", num_bins=4, output_mode="one_hot")
    yield Case("Hashing", "one_hot", hashing, ((B, T),), integers=9)


def spectra() -> Iterator[Case]:
    window = [float(factor) for factor in np.hamming(8)]
    sizes = {"frame_length": 8, "frame_step": 3, "window": window}
    for mode in ("log", "magnitude", "psd", "angle", "stft"):
        make = made("STFTSpectrogram", mode=mode, **sizes)
        yield Case("STFTSpectrogram", mode, make, ((B, 30, 2),))
    same = made("STFTSpectrogram", padding="same", expand_dims=True, **sizes)
    yield Case("STFTSpectrogram", "same, expand_dims", same, ((B, 30, 2),))


GROUPS = (
    recurrent, cells, bidirectional, conv_lstm, time_distributed, core, activations,
    convolutions, pooling, normalization, attention, merging, shapes, spectra,
)  # fmt: skip
TITLES = {
    "recurrent": "Recurrent layers",
    "conv_lstm": "ConvLSTM",
    "time_distributed": "TimeDistributed",
    "core": "Core, dropout and preprocessing",
}
CASES = {(case.layer, case.option): case for group in GROUPS for case in group()}
# The heading above a row of the page.
SECTIONS = {
    (case.layer, case.option): TITLES.get(group.__name__, group.__name__.capitalize())
    for group in GROUPS
    for case in group()
}
RECURRENT_LAYERS = (*RECURRENT, "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
