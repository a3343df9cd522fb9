"""Attention of several heads, each with its own projections."""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import constraints, initializers, regularizers, serialization
from rnnext.arrays import asarray
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.arguments import CallArguments
from rnnext.graph.masked_array import MaskedTensor
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.core.einsum_dense import EinsumDense
from rnnext.layers.integer_options import positive_integer
from rnnext.layers.layer import Layer
from rnnext.layers.regularization.noise import dropout_of
from rnnext.naming import unique_name
from rnnext.ops.attention import attend, causal_mask
from rnnext.ops.shapes import axes_of

if TYPE_CHECKING:
    from rnnext.layers.option_types import InitializerOption, KeptOption

__all__ = ["HeadedAttention", "MultiHeadAttention"]

Array = NDArray[Any]


class HeadedAttention(Layer):
    """What attention layers with heads share: the options of the projections, and the masks.

    Args:
        dropout: The share of the weights that are dropped in training, from 0 to 1. It also decides
            how queries that may look nowhere are treated: with dropout their output is that of
            zeros, without it is that of the mean of all values (as in Keras since 3.10; before it
            always was that).
        use_bias: Whether the projections have biases.
        sliding_window: A query may only look at keys less than this many steps away; or None.
        flash_attention: Must not be true.
        kernel_initializer: How the projections' kernels start.
        bias_initializer: How their biases start.
        kernel_regularizer: Adds to the loss in training.
        bias_regularizer: Adds to the loss in training.
        activity_regularizer: What training adds to the loss for the outputs of each projection.
        kernel_constraint: Applied to it after each training step.
        bias_constraint: Applied to it after each training step.
        use_gate: Whether the heads' outputs are multiplied by a gate, a projection of the query.
        seed: Seed of the layer's own random numbers.
        **kwargs: Arguments of `Layer`.
    """

    _known_quirks = frozenset({"blind_queries_see_all"})

    def __init__(
        self,
        *,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: InitializerOption = "glorot_uniform",
        bias_initializer: InitializerOption = "zeros",
        kernel_regularizer: KeptOption = None,
        bias_regularizer: KeptOption = None,
        activity_regularizer: KeptOption = None,
        kernel_constraint: KeptOption = None,
        bias_constraint: KeptOption = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if flash_attention:
            raise UnsupportedError(f"{self.label}: flash_attention=True is not supported.")
        if sliding_window is not None:
            sliding_window = positive_integer(sliding_window, "sliding_window", self.label)
        self.dropout = dropout
        self.use_bias = use_bias
        self.sliding_window = sliding_window
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.use_gate = use_gate
        self.seed = seed
        self.supports_masking = True

    def _check_batches(self, *shapes: tuple[Any, ...]) -> None:
        if len({shape[0] for shape in shapes} - {None, 1}) > 1:
            raise ShapeError(
                f"{self.label}: query, value and key must have one batch size, received shapes "
                f"{', '.join(map(str, shapes))}."
            )

    @staticmethod
    def _count_inner_layers() -> None:
        """Keras has two more layers inside, which the default names of later ones count."""
        unique_name("Softmax")
        unique_name("Dropout")

    def _projection(
        self, name: str, input_shape: Any, sizes: tuple[int, ...], summed: int = 1, **options: Any
    ) -> EinsumDense:
        """A built dense layer that replaces the last `summed` axes by axes of `sizes`."""
        kept = len(input_shape) - summed
        letters = string.ascii_lowercase
        inputs, new = letters[: len(input_shape)], letters[len(input_shape) :][: len(sizes)]
        layer = EinsumDense(
            f"{inputs},{inputs[kept:]}{new}->{inputs[:kept]}{new}",
            (None,) * (kept - 1) + sizes,
            bias_axes=new if self.use_bias else None,
            kernel_initializer=_anew(self.kernel_initializer),
            bias_initializer=_anew(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self.activity_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype_policy,
            name=name,
            **options,
        )
        layer.build(input_shape)
        return layer

    def _allowed(
        self,
        query: Array,
        value: Array,
        query_mask: Any,
        value_mask: Any,
        key_mask: Any,
        attention_mask: Any,
        use_causal_mask: bool,
    ) -> Array | None:
        """All masks as one that broadcasts to (B, T, S); None if there is none."""
        steps = query.shape[1], value.shape[1]
        masks = [
            None if query_mask is None else asarray(query_mask, bool)[..., np.newaxis],
            None if value_mask is None else asarray(value_mask, bool)[..., np.newaxis, :],
            None if key_mask is None else asarray(key_mask, bool)[..., np.newaxis, :],
            causal_mask(*steps)[np.newaxis] if use_causal_mask else None,
            None if attention_mask is None else asarray(attention_mask, bool),
        ]
        if self.sliding_window is not None:
            distance = np.abs(np.subtract.outer(np.arange(steps[0]), np.arange(steps[1])))
            masks.append((distance < self.sliding_window)[np.newaxis])
        given = [mask for mask in masks if mask is not None]
        try:
            return functools.reduce(np.logical_and, given) if given else None
        except ValueError as error:
            raise ShapeError(
                f"{self.label}: masks of shapes {[mask.shape for mask in given]} do not broadcast "
                "to (batch, queries, keys)."
            ) from error

    def _for_scores(self, allowed: Array | None, shape: tuple[int, ...], axes: int) -> Any:
        """A mask as one of the scores' shape; axes of heads are put before the attention axes."""
        if allowed is None:
            return None
        for _ in range(len(shape) - allowed.ndim):
            allowed = np.expand_dims(allowed, -2 * axes - 1)
        try:
            return np.broadcast_to(allowed, shape)
        except ValueError as error:
            raise ShapeError(
                f"{self.label}: a mask of shape {allowed.shape} does not broadcast to the scores "
                f"{shape}."
            ) from error

    def _blind_rows_are_zero(self, explicit_scores: bool) -> bool:
        """Which weights a query has that may look nowhere: zeros, or equal ones.

        Keras has two ways to compute attention, which differ in that.
        """
        return explicit_scores and not self.quirks.blind_queries_see_all

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "use_gate": self.use_gate,
            "sliding_window": self.sliding_window,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": serialization.serialize(self.kernel_regularizer),
            "bias_regularizer": serialization.serialize(self.bias_regularizer),
            "activity_regularizer": serialization.serialize(self.activity_regularizer),
            "kernel_constraint": serialization.serialize(self.kernel_constraint),
            "bias_constraint": serialization.serialize(self.bias_constraint),
            "seed": self.seed,
        }


@serialization.builtin("keras.layers")
class MultiHeadAttention(HeadedAttention):
    """Attention in `num_heads` projections of query, key and value (Vaswani et al., 2017).

    Args:
        num_heads: Number of heads N.
        key_dim: Size of a head's queries and keys.
        value_dim: Size of a head's values; by default `key_dim`.
        dropout: Between 0 and 1; see `HeadedAttention`.
        use_bias: Whether the projections have biases.
        output_shape: Sizes of the output beside batch and sequence axes; by default the query's.
        attention_axes: The axes over which a query looks at keys; by default all but the batch
            and the features.
        sliding_window: A query may only look at keys less than this many steps away; or None.
        flash_attention: Must not be true.
        kernel_initializer: How the projections' kernels start.
        bias_initializer: How their biases start.
        kernel_regularizer: Adds to the loss in training.
        bias_regularizer: Adds to the loss in training.
        activity_regularizer: What training adds to the loss for the outputs of each projection.
        kernel_constraint: Applied to it after each training step.
        bias_constraint: Applied to it after each training step.
        use_gate: Whether the heads' outputs are multiplied by a gate, a projection of the query.
        seed: Seed of the layer's own random numbers.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        query: (B, T, D); there may be more axes than T.
        value: (B, S, E).
        key: (B, S, F); by default the value.
        query_mask: (B, T). Masks of query, value and key, which they also may carry.
        value_mask: (B, S).
        key_mask: (B, S).
        attention_mask: Broadcasts to (B, N, T, S): false where a query may not look.
        return_attention_scores: Whether to return the weights (B, N, T, S), too.
        use_causal_mask: Whether a query may only look at keys that are not later than it.

    A query, value or key that carries a mask carries none after the call; only the output has
    the query's. Keras does so since version 3.8; models of older files keep the masks.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import MultiHeadAttention
        >>> layer = MultiHeadAttention(num_heads=2, key_dim=4)
        >>> query, value = np.zeros((1, 5, 8)), np.zeros((1, 7, 6))
        >>> y, weights = layer(query, value, return_attention_scores=True)
        >>> y.shape, weights.shape
        ((1, 5, 8), (1, 2, 5, 7))
    """

    _known_quirks = frozenset({"blind_queries_see_all", "keeps_masks"})
    _regularizes_outputs = False  # only those of the projections inside, as in Keras

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            **kwargs,
        )
        self.num_heads = positive_integer(num_heads, "num_heads", self.label)
        self.key_dim = positive_integer(key_dim, "key_dim", self.label)
        self.value_dim = positive_integer(
            key_dim if value_dim is None else value_dim, "value_dim", self.label
        )
        sizes = output_shape if isinstance(output_shape, (list, tuple)) else [output_shape]
        self._output_shape = (
            tuple(positive_integer(size, "output_shape", self.label) for size in sizes)
            if output_shape
            else None
        )
        self.attention_axes = self._checked_axes(attention_axes)

    def _checked_axes(self, axes: Any) -> tuple[int, ...] | None:
        if not axes:
            return None
        several = list(axes) if isinstance(axes, (list, tuple)) else [axes]
        if not all(isinstance(a, (int, np.integer)) and not isinstance(a, bool) for a in several):
            raise UnsupportedError(
                f"{self.label}: attention_axes must be an integer or a list of integers, received "
                f"{axes!r}."
            )
        return tuple(several)

    def build(  # type: ignore[override]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        """Makes the projections, each with a kernel and a bias."""
        key_shape = value_shape if key_shape is None else key_shape
        self.compute_output_shape(query_shape, value_shape, key_shape)
        rank = len(query_shape)
        if self.attention_axes is None:
            self.attention_axes = tuple(range(1, rank - 1))
        # Negative axes count back from the features.
        self.attention_axes = tuple(a if a >= 0 else rank + a for a in self.attention_axes)
        axes_of(self.attention_axes, rank - 1, f"{self.label}: attention_axes")
        head = (self.num_heads, self.key_dim)
        value_head = (self.num_heads, self.value_dim)
        self.query_dense = self._projection("query", query_shape, head)
        self.key_dense = self._projection("key", key_shape, head)
        if self.use_gate:
            self._gate_dense = self._projection(
                "gate", query_shape, value_head, activation="sigmoid"
            )
        self.value_dense = self._projection("value", value_shape, value_head)
        self.output_dense = self._projection(
            "attention_output",
            (*query_shape[:-1], *value_head),
            self._output_shape or (query_shape[-1],),
            summed=2,
        )
        self._count_inner_layers()

    def call(
        self,
        query: Array,
        value: Array,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """Returns the output, or this and the weights."""
        key = value if key is None else key
        self.compute_output_shape(query.shape, value.shape, key.shape)  # checks them
        allowed = self._allowed(
            query, value, query_mask, value_mask, key_mask, attention_mask, use_causal_mask
        )
        explicit_scores = bool(self.dropout > 0 or return_attention_scores or query.ndim != 3)
        outputs, weights = self._attend(
            self.query_dense(query),
            self.key_dense(key),
            self.value_dense(value),
            allowed,
            self._blind_rows_are_zero(explicit_scores),
            return_attention_scores,
            dropout_of(self, training),
        )
        if self.use_gate:
            outputs = outputs * self._gate_dense(query)
        outputs = self.output_dense(outputs)
        return (outputs, weights) if return_attention_scores else outputs

    def _call_checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        outputs = super()._call_checked(args, kwargs)
        for x in self.drops_masks_of(CallArguments(type(self).call, args, kwargs, "")):
            if isinstance(x, MaskedTensor):
                x._keras_mask = None
        return outputs

    def drops_masks_of(self, call: CallArguments) -> list[Any]:
        """Before Keras 3.8 the tensors kept their masks; since then the call takes them away."""
        names = () if self.quirks.keeps_masks else ("query", "value", "key")
        return [call.named[name] for name in names if name in call.named]  # a subclass has its own

    def _attend(
        self,
        query: Array,
        key: Array,
        value: Array,
        allowed: Any,
        blind_rows_are_zero: bool,
        keep_weights: bool,
        dropout: Callable[[Array], Array] | None,
    ) -> tuple[Array, Array | None]:
        """Attention over `attention_axes` of (B, ..., N, D)."""
        axes, last = self.attention_axes or (), query.ndim - 1
        others = tuple(axis for axis in range(last) if axis not in axes)

        def rows(x: Array) -> Array:  # (B, ..., N, all attention axes as one, D)
            moved = x.transpose(*others, *axes, last)
            return moved.reshape(*moved.shape[: len(others)], -1, x.shape[-1])

        batch = tuple(query.shape[axis] for axis in others)
        steps = tuple(query.shape[axis] for axis in axes), tuple(key.shape[axis] for axis in axes)
        scores_shape = (*batch, *steps[0], *steps[1])
        allowed = self._for_scores(allowed, scores_shape, len(axes))
        if allowed is not None:
            allowed = allowed.reshape(*batch, math.prod(steps[0]), math.prod(steps[1]))
        outputs, weights = attend(
            rows(query),
            rows(key),
            rows(value),
            1 / math.sqrt(self.key_dim),
            allowed,
            blind_rows_are_zero=blind_rows_are_zero,
            keep_weights=keep_weights,
            dropout=dropout,
        )
        outputs = outputs.reshape(*batch, *steps[0], value.shape[-1])
        places = np.argsort((*others, *axes, last))
        return (
            outputs.transpose(places),
            None if weights is None else weights.reshape(scores_shape),
        )

    def compute_output_shape(
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> Any:
        """Returns the query's shape, with the sizes of `output_shape` at the end if given."""
        query_shape, value_shape = tuple(query_shape), tuple(value_shape)
        key_shape = value_shape if key_shape is None else tuple(key_shape)
        if min(map(len, (query_shape, value_shape))) < 3 or len(query_shape) != len(value_shape):
            raise ShapeError(
                f"{self.label}: query and value must have at least three axes and equally many, "
                f"received {query_shape} and {value_shape}."
            )
        self._check_batches(query_shape, value_shape, key_shape)
        if value_shape[1:-1] != key_shape[1:-1]:
            raise ShapeError(
                f"{self.label}: value {value_shape} and key {key_shape} must agree in all axes "
                "but the last."
            )
        return (*query_shape[:-1], *(self._output_shape or query_shape[-1:]))

    def compute_output_spec(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        return_attention_scores: bool = False,
        **_masks: Any,
    ) -> Any:
        """Returns symbolic tensors like the outputs."""
        key = value if key is None else key
        shape = self.compute_output_shape(query.shape, value.shape, key.shape)
        outputs = KerasTensor(shape, self.compute_dtype, self.name)
        if not return_attention_scores:
            return outputs
        axes = self.attention_axes or ()
        others = [x for i, x in enumerate(query.shape[:-1]) if i not in axes]
        steps = [tensor.shape[axis] for tensor in (query, key) for axis in axes]
        weights = (*others, self.num_heads, *steps)
        return outputs, KerasTensor(weights, self.compute_dtype, self.name)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "output_shape": self._output_shape,
            "attention_axes": self.attention_axes,
        }


def _anew(initializer: Any) -> Any:
    """An initializer of the same kind that draws other numbers."""
    if not hasattr(initializer, "get_config"):
        return initializer
    return type(initializer)(**initializer.get_config())
