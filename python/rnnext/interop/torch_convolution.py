"""torch's Conv1d and pooling, on (N, C, L), as Keras layers, on (N, L, C)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnext import layers, ops
from rnnext.interop.torch_module import TorchModule

__all__ = ["CONVERTERS", "CONVOLUTIONAL"]


def _conv(source: TorchModule, x: Any) -> Any:
    source.option("padding_mode", accepted=("zeros",))
    (size,), (stride,) = source.option("kernel_size"), source.option("stride")
    (dilation,) = source.option("dilation")
    use_bias = source.option("bias") is not None

    def weights() -> list[Any]:
        arrays = source.arrays(["weight", "bias"] if use_bias else ["weight"])
        kernel = arrays["weight"].transpose(2, 1, 0)  # (out, in, k) to (k, in, out)
        return [kernel, *([arrays["bias"]] if use_bias else [])]

    # Keras has no strides above 1 with a dilation above 1: every stride-th window is taken then.
    skips = stride > 1 and dilation > 1
    x = _padded(source, _channels_last(source, x), _conv_padding(source, dilation * (size - 1)))
    x = source.applied(
        x,
        lambda: layers.Conv1D(
            source.option("out_channels"),
            size,
            strides=1 if skips else stride,
            dilation_rate=dilation,
            groups=source.option("groups"),
            use_bias=use_bias,
            name=source.layer_name,
            dtype=source.dtype,
        ),
        weights,
    )
    return _channels_first(x[:, ::stride] if skips else x)


def _conv_padding(source: TorchModule, reach: int) -> tuple[int, int]:
    padding = source.option("padding")
    if padding == "valid":
        return 0, 0
    if padding == "same":
        return reach // 2, reach - reach // 2
    return (padding[0], padding[0])


def _max_pool(source: TorchModule, x: Any) -> Any:
    source.option("dilation", accepted=(1, (1,)))
    source.option("return_indices", accepted=(False,))
    return _pooled(source, x, layers.MaxPooling1D, -np.inf)


def _average_pool(source: TorchModule, x: Any) -> Any:
    if _number(source.option("padding")):
        source.option("count_include_pad", accepted=(True,))
    return _pooled(source, x, layers.AveragePooling1D, 0.0)


def _pooled(source: TorchModule, x: Any, kind: Any, beyond: float) -> Any:
    source.option("ceil_mode", accepted=(False,))
    size, stride = _number(source.option("kernel_size")), _number(source.option("stride"))
    padding = _number(source.option("padding"))
    x = _padded(source, _channels_last(source, x), (padding, padding), beyond)
    name, dtype = source.layer_name, x.dtype
    return _channels_first(
        source.applied(x, lambda: kind(size, strides=stride, name=name, dtype=dtype))
    )


def _adaptive_average_pool(source: TorchModule, x: Any) -> Any:
    return _adapted(source, x, ops.mean)


def _adaptive_max_pool(source: TorchModule, x: Any) -> Any:
    source.option("return_indices", accepted=(False,))
    return _adapted(source, x, ops.max)


def _adapted(source: TorchModule, x: Any, reduce: Any) -> Any:
    """Reduces L steps to a fixed number: each takes the steps that its share of L touches."""
    count = _number(source.option("output_size"))
    _check_rank(source, x)
    if not isinstance(count, int):
        source.refuse(f"output_size={count!r} is not supported, only an integer")
    if count == 1:
        return reduce(x, axis=2, keepdims=True)
    length = x.shape[2]
    if length is None:
        source.refuse(
            f"output_size={count} needs a known length of its input, received the shape "
            f"{tuple(x.shape)}; pass input_shape=, e.g. (8, 20)"
        )
    bounds = [(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]
    return ops.concatenate(
        [reduce(x[:, :, start:stop], axis=2, keepdims=True) for start, stop in bounds], axis=2
    )


def _number(option: Any) -> Any:
    """Torch keeps an option of one axis as it was given: a number, or a tuple of one."""
    return option[0] if isinstance(option, (tuple, list)) else option


def _check_rank(source: TorchModule, x: Any) -> None:
    if len(x.shape) != 3:
        source.refuse(f"it takes (B, C, L), received the shape {tuple(x.shape)}")


def _channels_last(source: TorchModule, x: Any) -> Any:
    _check_rank(source, x)
    channels = source.option("in_channels") if source.class_name == "Conv1d" else x.shape[1]
    if x.shape[1] != channels:
        source.refuse(
            f"it takes (B, C, L) with C={channels}, received the shape {tuple(x.shape)}; where "
            "forward exchanges axes, say so by an item of the list, e.g. (0, 2, 1)"
        )
    return layers.Permute((2, 1), dtype=x.dtype)(x)


def _channels_first(x: Any) -> Any:
    return layers.Permute((2, 1), dtype=x.dtype)(x)


def _padded(source: TorchModule, x: Any, borders: tuple[int, int], value: float = 0.0) -> Any:
    if borders == (0, 0):
        return x
    if value == 0:
        name = f"{source.layer_name}_padding"
        return source.applied(
            x, lambda: layers.ZeroPadding1D(borders, name=name, dtype=x.dtype), part="padding"
        )
    return ops.pad(x, ((0, 0), borders, (0, 0)), constant_values=value)


CONVERTERS: dict[str, Callable[[TorchModule, Any], Any]] = {
    "AdaptiveAvgPool1d": _adaptive_average_pool,
    "AdaptiveMaxPool1d": _adaptive_max_pool,
    "AvgPool1d": _average_pool,
    "Conv1d": _conv,
    "MaxPool1d": _max_pool,
}
CONVOLUTIONAL = tuple(CONVERTERS)
