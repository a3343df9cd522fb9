"""torch's modules that are no recurrence as Keras layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnext import layers, ops
from rnnext.interop.torch_module import TorchModule

__all__ = ["PLAIN", "connect_plain", "features_of"]

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


def features_of(source: TorchModule) -> int | str | None:
    """Returns the size of a module's last input axis; "ids" for an embedding, None for any."""
    if source.class_name == "Embedding":
        return "ids"
    if source.class_name == "Linear":
        return int(source.option("in_features"))
    if source.class_name == "LayerNorm":
        return int(source.option("normalized_shape")[-1])
    if source.class_name == "BatchNorm1d":
        return int(source.option("num_features"))
    return None


def connect_plain(source: TorchModule, x: Any) -> Any:
    """Calls the layer that does what a module does on a symbolic tensor.

    Raises:
        UnsupportedError: For an option that rnnext does not have.
    """
    if source.class_name in _ACTIVATIONS:
        for option, value in _FIXED_OPTIONS.get(source.class_name, {}).items():
            source.option(option, accepted=(value,))
        return layers.Activation(_ACTIVATIONS[source.class_name], **_named(source, x))(x)
    return _CONVERTERS[source.class_name or ""](source, x)


def _named(source: TorchModule, x: Any) -> dict[str, Any]:
    """Arguments of every layer. One without parameters computes in its input's dtype."""
    return {"name": source.layer_name, "dtype": source.dtype or x.dtype}


def _linear(source: TorchModule, x: Any) -> Any:
    use_bias = source.option("bias") is not None
    layer = layers.Dense(source.option("out_features"), use_bias=use_bias, **_named(source, x))
    y = layer(x)
    arrays = source.arrays(["weight", "bias"] if use_bias else ["weight"])
    layer.set_weights([arrays["weight"].T, *([arrays["bias"]] if use_bias else [])])
    return y


def _embedding(source: TorchModule, x: Any) -> Any:
    source.option("max_norm", accepted=(None,))
    # padding_idx only keeps a row from being trained: here it is a row like the others.
    size, width = source.option("num_embeddings"), source.option("embedding_dim")
    layer = layers.Embedding(size, width, **_named(source, x))
    y = layer(x)
    layer.set_weights([source.arrays(["weight"])["weight"]])
    return y


def _layer_norm(source: TorchModule, x: Any) -> Any:
    shape = source.option("normalized_shape")
    if len(shape) != 1:
        source.refuse(f"normalized_shape={tuple(shape)} is not supported, only the last axis")
    scale, center = source.option("weight") is not None, source.option("bias") is not None
    epsilon = source.option("eps")
    layer = layers.LayerNormalization(
        epsilon=epsilon, scale=scale, center=center, **_named(source, x)
    )
    y = layer(x)
    names = [name for name, present in (("weight", scale), ("bias", center)) if present]
    layer.set_weights(list(source.arrays(names).values()))
    return y


def _batch_norm(source: TorchModule, x: Any) -> Any:
    if len(x.shape) != 2:
        source.refuse(f"it is supported for (B, features), received the shape {tuple(x.shape)}")
    source.option("track_running_stats", accepted=(True,))
    affine = source.option("affine")
    layer = layers.BatchNormalization(
        epsilon=source.option("eps"), scale=affine, center=affine, **_named(source, x)
    )
    y = layer(x)
    names = ["weight", "bias"] if affine else []
    running = [source.buffer(name) for name in ("running_mean", "running_var")]
    layer.set_weights([*source.arrays(names).values(), *running])
    return y


def _prelu(source: TorchModule, x: Any) -> Any:
    source.option("num_parameters", accepted=(1,))
    shared = list(range(1, len(x.shape)))
    layer = layers.PReLU(shared_axes=shared, **_named(source, x))
    y = layer(x)
    layer.set_weights([source.arrays(["weight"])["weight"].reshape([1] * len(shared))])
    return y


def _flatten(source: TorchModule, x: Any) -> Any:
    source.option("start_dim", accepted=(1,))
    source.option("end_dim", accepted=(-1, len(x.shape) - 1))
    if None in x.shape[1:]:
        source.refuse(
            f"the sizes of what it flattens, {tuple(x.shape[1:])}, must be known; pass "
            "input_shape=, e.g. (20, 8)"
        )
    return layers.Flatten(**_named(source, x))(x)


def _last_axis(source: TorchModule, x: Any) -> int:
    source.option("dim", accepted=(-1, len(x.shape) - 1))
    return -1


def _dropout(source: TorchModule, x: Any) -> Any:
    return layers.Dropout(source.option("p"), **_named(source, x))(x)


def _identity(source: TorchModule, x: Any) -> Any:
    return layers.Identity(**_named(source, x))(x)


def _softmax(source: TorchModule, x: Any) -> Any:
    return layers.Softmax(_last_axis(source, x), **_named(source, x))(x)


def _log_softmax(source: TorchModule, x: Any) -> Any:
    return ops.log_softmax(x, axis=_last_axis(source, x))


def _gelu(source: TorchModule, x: Any) -> Any:
    approximate = source.option("approximate", accepted=("none", "tanh")) == "tanh"
    return ops.gelu(x, approximate=approximate)


def _leaky_relu(source: TorchModule, x: Any) -> Any:
    return layers.LeakyReLU(source.option("negative_slope"), **_named(source, x))(x)


def _elu(source: TorchModule, x: Any) -> Any:
    return layers.ELU(source.option("alpha"), **_named(source, x))(x)


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
    "PReLU": _prelu,
    "Softmax": _softmax,
    "Softshrink": _soft_shrink,
    "Threshold": _threshold,
}
PLAIN = tuple(sorted((*_ACTIVATIONS, *_CONVERTERS)))
