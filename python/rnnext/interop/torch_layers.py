"""torch's modules that are no recurrence as Keras layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnext import layers, ops
from rnnext.interop.torch_attention import self_attention
from rnnext.interop.torch_convolution import CONVERTERS, CONVOLUTIONAL
from rnnext.interop.torch_module import TorchModule

__all__ = [
    "PLAIN",
    "connect_plain",
    "features_of",
    "needs_samples_first",
    "works_per_step",
    "works_unbatched",
]

# torch's class -> the Keras activation that has no options, or those torch has by default
_ACTIVATIONS = {
    "Hardsigmoid": "hard_sigmoid",
    "Hardswish": "hard_silu",
    "Hardtanh": "hard_tanh",
    "LogSigmoid": "log_sigmoid",
    "Mish": "mish",
    "ReLU": "relu",
    "ReLU6": "relu6",
    "SELU": "selu",
    "SiLU": "silu",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "Tanhshrink": "tanh_shrink",
}
_FIXED_OPTIONS: dict[str, dict[str, Any]] = {
    "Hardtanh": {"min_val": -1.0, "max_val": 1.0},
    "Softplus": {"beta": 1.0, "threshold": 20.0},
}


# Modules that read other steps of a sequence, or need to know where the steps are.
_READS_OTHER_STEPS = ("BatchNorm1d", "Flatten", *CONVOLUTIONAL)


def features_of(source: TorchModule) -> tuple[int | None, ...] | str | None:
    """Returns the last sizes of a module's input; "ids" for an embedding, None for any."""
    if source.class_name == "Embedding":
        return "ids"
    if source.class_name == "Linear":
        return (int(source.option("in_features")),)
    if source.class_name == "LayerNorm":
        return tuple(map(int, source.option("normalized_shape")))
    if source.class_name == "BatchNorm1d":
        return (int(source.option("num_features")),)
    if source.class_name == "MultiheadAttention":
        return (int(source.option("embed_dim")),)
    if source.class_name == "Conv1d":
        return (int(source.option("in_channels")), None)
    return None


def works_per_step(source: TorchModule) -> bool:
    """Tells whether a module does the same to each step (..., D) whatever axes come before."""
    if source.class_name in ("Softmax", "LogSoftmax"):
        return bool(source.option("dim") == -1)
    if source.class_name == "LayerNorm":
        return len(source.option("normalized_shape")) == 1
    return source.class_name not in (*_READS_OTHER_STEPS, "MultiheadAttention", "permute")


def works_unbatched(source: TorchModule) -> bool:
    """Tells whether torch's module treats an input without the batch axis as one sample."""
    if source.class_name in ("Softmax", "LogSoftmax"):
        return bool(source.option("dim") == -1)
    return source.class_name not in ("BatchNorm1d", "Flatten", "permute")


def needs_samples_first(source: TorchModule) -> bool:
    """Tells whether a module's input cannot have time on the first axis."""
    return source.class_name in (*_READS_OTHER_STEPS, "permute")


def connect_plain(source: TorchModule, x: Any) -> Any:
    """Calls the layer that does what a module does on a symbolic tensor.

    Raises:
        UnsupportedError: For an option that rnnext does not have.
    """
    if source.class_name in _ACTIVATIONS:
        for option, value in _FIXED_OPTIONS.get(source.class_name, {}).items():
            source.option(option, accepted=(value,))
        return _layer(source, x, layers.Activation, _ACTIVATIONS[source.class_name])
    return _CONVERTERS[source.class_name or ""](source, x)


def _layer(source: TorchModule, x: Any, kind: Any, *args: Any, **options: Any) -> Any:
    """Calls a layer without weights. It computes in its input's dtype."""
    weights = options.pop("weights", list)
    dtype = source.dtype or x.dtype
    return source.applied(
        x, lambda: kind(*args, name=source.layer_name, dtype=dtype, **options), weights
    )


def _linear(source: TorchModule, x: Any) -> Any:
    use_bias = source.option("bias") is not None

    def weights() -> list[Any]:
        arrays = source.arrays(["weight", "bias"] if use_bias else ["weight"])
        return [arrays["weight"].T, *([arrays["bias"]] if use_bias else [])]

    units = source.option("out_features")
    return _layer(source, x, layers.Dense, units, use_bias=use_bias, weights=weights)


def _embedding(source: TorchModule, x: Any) -> Any:
    # padding_idx only keeps a row from being trained: here it is a row like the others.
    max_norm, norm_type = source.option("max_norm"), source.option("norm_type")

    def weights() -> list[Any]:
        table = source.arrays(["weight"])["weight"]
        if max_norm is not None:  # torch shortens a row that is looked up, for good
            norms = np.linalg.norm(table.astype(np.float64), norm_type, axis=1, keepdims=True)
            scale = np.where(norms > max_norm, max_norm / (norms + 1e-7), 1.0)
            table = (table * scale).astype(table.dtype)
        return [table]

    size, width = source.option("num_embeddings"), source.option("embedding_dim")
    return _layer(source, x, layers.Embedding, size, width, weights=weights)


def _layer_norm(source: TorchModule, x: Any) -> Any:
    shape = tuple(source.option("normalized_shape"))
    if tuple(x.shape[1:])[-len(shape) :] != shape:
        source.refuse(
            f"normalized_shape={shape} must be the last sizes of its input, received the shape "
            f"{tuple(x.shape)}; where sizes are not known, pass input_shape="
        )
    scale, center = source.option("weight") is not None, source.option("bias") is not None
    names = [name for name, present in (("weight", scale), ("bias", center)) if present]
    rank = len(x.shape)
    return _layer(
        source,
        x,
        layers.LayerNormalization,
        axis=-1 if len(shape) == 1 else list(range(rank - len(shape), rank)),
        epsilon=source.option("eps"),
        scale=scale,
        center=center,
        weights=lambda: list(source.arrays(names).values()),
    )


def _batch_norm(source: TorchModule, x: Any) -> Any:
    features = source.option("num_features")
    if len(x.shape) not in (2, 3) or x.shape[1] != features:
        source.refuse(
            f"it takes (B, C) or (B, C, L) with C={features}, received the shape {tuple(x.shape)}"
        )
    source.option("track_running_stats", accepted=(True,))
    affine = source.option("affine")
    names = ["weight", "bias"] if affine else []
    return _layer(
        source,
        x,
        layers.BatchNormalization,
        axis=1,
        epsilon=source.option("eps"),
        scale=affine,
        center=affine,
        weights=lambda: [
            *source.arrays(names).values(),
            *(source.buffer(name) for name in ("running_mean", "running_var")),
        ],
    )


def _prelu(source: TorchModule, x: Any) -> Any:
    source.option("num_parameters", accepted=(1,))
    shared = list(range(1, len(x.shape)))
    return _layer(
        source,
        x,
        layers.PReLU,
        shared_axes=shared,
        weights=lambda: [source.arrays(["weight"])["weight"].reshape([1] * len(shared))],
    )


def _flatten(source: TorchModule, x: Any) -> Any:
    source.option("start_dim", accepted=(1,))
    source.option("end_dim", accepted=(-1, len(x.shape) - 1))
    if None in x.shape[1:]:
        source.refuse(
            f"the sizes of what it flattens, {tuple(x.shape[1:])}, must be known; pass "
            "input_shape=, e.g. (20, 8)"
        )
    return _layer(source, x, layers.Flatten)


def _permute(source: TorchModule, x: Any) -> Any:
    order = source.module
    if sorted(order) != list(range(len(x.shape))) or order[0] != 0:
        source.refuse(
            f"axes of a permute must be 0 (the samples) and then the others of the shape "
            f"{tuple(x.shape)} in any order, e.g. (0, 2, 1)"
        )
    return _layer(source, x, layers.Permute, order[1:])


def _last_axis(source: TorchModule, x: Any) -> int:
    source.option("dim", accepted=(-1, len(x.shape) - 1))
    return -1


def _dropout(source: TorchModule, x: Any) -> Any:
    return _layer(source, x, layers.Dropout, source.option("p"))


def _identity(source: TorchModule, x: Any) -> Any:
    return _layer(source, x, layers.Identity)


def _softmax(source: TorchModule, x: Any) -> Any:
    return _layer(source, x, layers.Softmax, _last_axis(source, x))


def _log_softmax(source: TorchModule, x: Any) -> Any:
    return ops.log_softmax(x, axis=_last_axis(source, x))


def _gelu(source: TorchModule, x: Any) -> Any:
    approximate = source.option("approximate", accepted=("none", "tanh")) == "tanh"
    return ops.gelu(x, approximate=approximate)


def _leaky_relu(source: TorchModule, x: Any) -> Any:
    return _layer(source, x, layers.LeakyReLU, source.option("negative_slope"))


def _elu(source: TorchModule, x: Any) -> Any:
    return _layer(source, x, layers.ELU, source.option("alpha"))


def _celu(source: TorchModule, x: Any) -> Any:
    return ops.celu(x, alpha=source.option("alpha"))


def _hard_shrink(source: TorchModule, x: Any) -> Any:
    return ops.hard_shrink(x, threshold=source.option("lambd"))


def _soft_shrink(source: TorchModule, x: Any) -> Any:
    return ops.soft_shrink(x, threshold=source.option("lambd"))


def _threshold(source: TorchModule, x: Any) -> Any:
    return ops.threshold(x, source.option("threshold"), source.option("value"))


_CONVERTERS: dict[str, Callable[[TorchModule, Any], Any]] = {
    "AlphaDropout": _identity,  # as all dropout at inference
    "BatchNorm1d": _batch_norm,
    "CELU": _celu,
    "Dropout": _dropout,
    "Dropout1d": _identity,
    "ELU": _elu,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "GELU": _gelu,
    "Hardshrink": _hard_shrink,
    "Identity": _identity,
    "LayerNorm": _layer_norm,
    "LeakyReLU": _leaky_relu,
    "Linear": _linear,
    "LogSoftmax": _log_softmax,
    "MultiheadAttention": self_attention,
    "PReLU": _prelu,
    "Softmax": _softmax,
    "Softshrink": _soft_shrink,
    "Threshold": _threshold,
    "permute": _permute,
}
_CONVERTERS.update(CONVERTERS)
PLAIN = tuple(sorted({*_ACTIVATIONS, *_CONVERTERS} - {"permute"}))
