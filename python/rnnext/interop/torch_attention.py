"""torch's MultiheadAttention as Keras's MultiHeadAttention, alone and within a stack."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import layers, ops
from rnnext.arrays import as_array, cast
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.graph.tensor import any_symbolic
from rnnext.interop.torch_module import TorchModule, without_gradient
from rnnext.models.functional import Functional
from rnnext.models.network import Network

__all__ = ["AttentionModel", "attention_model", "self_attention"]

Array = NDArray[Any]


def self_attention(source: TorchModule, x: Any) -> Any:
    """Connects `module(x, x, x)[0]` for a symbolic x (B, T, E)."""
    if len(x.shape) != 3:
        source.refuse(f"it takes (B, T, E), received the shape {tuple(x.shape)}")
    return _attend(source, x, x, x)


def _attend(source: TorchModule, query: Any, key: Any, value: Any, **options: Any) -> Any:
    embed_dim, heads = source.option("embed_dim"), source.option("num_heads")
    if source.option("bias_k") is not None:
        source.refuse("add_bias_kv=True is not supported, only False")
    source.option("add_zero_attn", accepted=(False,))
    size = embed_dim // heads
    use_bias = source.option("in_proj_bias") is not None
    if source.option("kdim") != embed_dim or source.option("vdim") != embed_dim:
        kernels = ["q_proj_weight", "k_proj_weight", "v_proj_weight"]
    else:
        kernels = ["in_proj_weight"]

    def weights() -> list[Array]:
        biases = ["in_proj_bias", "out_proj.bias"] if use_bias else []
        arrays = source.arrays([*kernels, "out_proj.weight", *biases])
        inner = [arrays[name] for name in kernels]
        inner = inner if len(inner) > 1 else np.split(inner[0], 3)
        per_head = [kernel.T.reshape(-1, heads, size) for kernel in inner]
        output = arrays["out_proj.weight"].T.reshape(heads, size, embed_dim)
        if not use_bias:
            return [*per_head, output]
        parts = [b.reshape(heads, size) for b in np.split(arrays["in_proj_bias"], 3)]
        pairs = [w for pair in zip(per_head, parts, strict=True) for w in pair]
        return [*pairs, output, arrays["out_proj.bias"]]

    return source.applied(
        query,
        lambda: layers.MultiHeadAttention(
            heads, size, use_bias=use_bias, name=source.layer_name, dtype=source.dtype
        ),
        weights,
        value=value,
        key=key,
        **options,
    )


def attention_model(source: TorchModule, batch_first: bool | None) -> AttentionModel:
    """Makes the model of a module alone: of query, key and value its output and weights."""
    first = source.option("batch_first") if batch_first is None else batch_first
    sizes = [source.option(name) for name in ("embed_dim", "kdim", "vdim")]
    names = ("query", "key", "value")
    inputs = [
        layers.Input(batch_shape=(None, None, size), dtype=source.dtype, name=name)
        for name, size in zip(names, sizes, strict=True)
    ]
    model = AttentionModel(inputs, _outputs(source, inputs, first), name=source.layer_name)
    model._set_torch_call(source, first)
    return model


def _outputs(source: TorchModule, inputs: list[Any], batch_first: bool) -> tuple[Any, Any]:
    """The output in torch's layout, and the weights (B, L, S), the mean over the heads."""
    inner = inputs if batch_first else [_swapped(x) for x in inputs]
    output, weights = _attend(source, *inner, return_attention_scores=True)
    return output if batch_first else _swapped(output), ops.mean(weights, axis=1)


def _swapped(x: Any) -> Any:
    return ops.transpose(x, (1, 0, 2))


class AttentionModel(Functional):
    """The model of an `nn.MultiheadAttention`, called as torch calls it.

    Keras's way, `model([query, key, value])` and `predict`, returns the same two arrays.
    """

    _saved_as = Functional

    def _set_torch_call(self, source: TorchModule, batch_first: bool) -> None:
        """Makes the graph of calls with masks, which shares the layer."""
        self._batch_first, self._heads = batch_first, source.option("num_heads")
        inputs = [
            layers.Input(batch_shape=(None, None, t.shape[-1]), dtype=t.dtype, name=t.name)
            for t in self.inputs
        ]
        mask = layers.Input(batch_shape=(None, None, None, None), dtype="bool", name="mask")
        outputs = _attend(source, *inputs, attention_mask=mask, return_attention_scores=True)
        self._masked = Network([*inputs, mask], list(outputs), self.label)

    def __call__(  # type: ignore[override]
        self,
        query: Any,
        key: Any = None,
        value: Any = None,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Returns what the module returns: the output, and the weights or None.

        Args:
            query: (B, L, E), or (L, B, E) if the module's `batch_first` is false, or (L, E). Or,
                alone, a list of query, key and value.
            key: Likewise with S steps.
            value: Likewise with S steps.
            key_padding_mask: (B, S), true where a key is left out.
            need_weights: Whether to return the weights.
            attn_mask: (L, S) or (B * heads, L, S), true, or -inf, where a query may not look.
            average_attn_weights: Whether the weights are the mean (B, L, S) over the heads instead
                of (B, heads, L, S).
            is_causal: A hint of torch's, for which it too needs an `attn_mask`.
            **kwargs: Keras's arguments of a model's call.

        Raises:
            ShapeError: If shapes do not fit.
            UnsupportedError: For a mask of finite numbers, which torch adds to the scores.
            DataError: If a query may look at no key.
        """
        if (key is None and value is None) or any_symbolic((query, key, value)):
            inputs = query if key is None else [query, key, value]
            return super().__call__(inputs, **kwargs)
        if kwargs:
            raise UnsupportedError(f"{self.label}: a call has no argument {sorted(kwargs)}.")
        if is_causal and attn_mask is None:
            raise UnsupportedError(f"{self.label}: is_causal=True needs an attn_mask, as in torch.")
        arrays, unbatched = self._samples_first((query, key, value))
        mask = self._allowed(arrays, key_padding_mask, attn_mask, unbatched)
        output, weights = self._masked.run([*arrays, mask])
        if average_attn_weights:
            weights = weights.mean(axis=1, dtype=weights.dtype)
        if unbatched:
            output, weights = output[0], weights[0]
        elif not self._batch_first:
            output = np.ascontiguousarray(output.swapaxes(0, 1))
        return output, weights if need_weights else None

    # Only the form of a call differs: within another graph it is as its base.
    _builtin_call = __call__
    streamed = Functional.streamed

    def _samples_first(self, given: tuple[Any, ...]) -> tuple[list[Array], bool]:
        """The arrays as (B, T, E), and whether they came without a batch."""
        ports = self.network.ports.ports
        arrays = [
            as_array(without_gradient(x), f"input {port.name!r} of {self.label}")
            for x, port in zip(given, ports, strict=True)
        ]
        ranks = {array.ndim for array in arrays}
        shapes = [array.shape for array in arrays]
        if len(ranks) > 1 or not ranks <= {2, 3}:
            raise ShapeError(
                f"{self.label}: query, key and value must all have 3 axes, or 2 without a batch, "
                f"received the shapes {shapes}."
            )
        unbatched = ranks == {2}
        if unbatched:
            arrays = [array[np.newaxis] for array in arrays]
        elif not self._batch_first:
            arrays = [array.swapaxes(0, 1) for array in arrays]
        query, key, value = arrays
        if not len(query) == len(key) == len(value) or key.shape[1] != value.shape[1]:
            raise ShapeError(
                f"{self.label}: query, key and value must have as many samples, and key and value "
                f"as many steps, received the shapes {shapes}."
            )
        return arrays, unbatched

    def _allowed(self, arrays: list[Array], padding: Any, attention: Any, unbatched: bool) -> Array:
        """Where a query may look: (B, heads, L, S), or with axes of size 1."""
        batch, steps = arrays[0].shape[:2]
        keys, heads = arrays[1].shape[1], self._heads
        allowed = np.ones((1, 1, steps, keys), bool)
        if padding is not None:
            out = self._forbidden(padding, "key_padding_mask")
            self._check_shape(out, "key_padding_mask", [(keys,)] if unbatched else [(batch, keys)])
            allowed = allowed & ~out.reshape(batch, 1, 1, keys)
        if attention is not None:
            out = self._forbidden(attention, "attn_mask")
            self._check_shape(out, "attn_mask", [(steps, keys), (batch * heads, steps, keys)])
            allowed = allowed & ~out.reshape(
                (1, 1, steps, keys) if out.ndim == 2 else (batch, heads, steps, keys)
            )
        if not allowed.any(axis=-1).all():
            raise DataError(
                f"{self.label}: the masks leave a query no key to look at, for which torch's "
                "answer is nan."
            )
        return np.broadcast_to(allowed, (batch, *allowed.shape[1:]))

    def _forbidden(self, mask: Any, name: str) -> Array:
        array = as_array(without_gradient(mask), f"{name} of {self.label}")
        if array.dtype.kind == "f":
            if not np.isin(array, (0, -np.inf)).all():
                raise UnsupportedError(
                    f"{self.label}: a {name} of numbers other than 0 and -inf is not supported."
                )
            return np.isneginf(array)
        return cast(array, bool)

    def _check_shape(self, mask: Array, name: str, accepted: list[tuple[int, ...]]) -> None:
        if mask.shape not in accepted:
            shapes = " or ".join(map(str, accepted))
            raise ShapeError(
                f"{self.label}: {name} must have the shape {shapes}, received {mask.shape}."
            )
