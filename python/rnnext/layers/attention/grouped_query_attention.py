"""Attention in which several query heads share the keys and values of one head."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.attention.multi_head_attention import HeadedAttention
from rnnext.layers.integer_options import positive_integer
from rnnext.layers.regularization.noise import dropout_of
from rnnext.ops.attention import attend

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["GroupedQueryAttention"]

Array = NDArray[Any]


@serialization.builtin("keras.layers", "GroupQueryAttention")
class GroupedQueryAttention(HeadedAttention):
    """Attention with fewer heads of keys and values than of queries (Ainslie et al., 2023).

    Args:
        head_dim: Size of a head's queries, keys and values.
        num_query_heads: Number of heads N of the query; a multiple of `num_key_value_heads`.
        num_key_value_heads: Number of heads of key and value.
        dropout: Between 0 and 1; see `HeadedAttention`.
        use_bias: Whether the projections have biases.
        sliding_window: A query may only look at keys less than this many steps away; or None.
        flash_attention: Must not be true.
        kernel_initializer: How the projections' kernels start.
        bias_initializer: How their biases start.
        kernel_regularizer: Adds to the loss in training.
        bias_regularizer: Adds to the loss in training.
        activity_regularizer: What training adds to the loss for the outputs of each projection
            inside, and for those of the layer.
        kernel_constraint: Applied to it after each training step.
        bias_constraint: Applied to it after each training step.
        use_gate: Whether the heads' outputs are multiplied by a gate, a projection of the query.
        seed: Seed of the layer's own random numbers.
        **kwargs: Arguments of `Layer`.

    Call arguments: those of `MultiHeadAttention`, with query, value and key of three axes.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import GroupQueryAttention
        >>> layer = GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)
        >>> layer(np.zeros((1, 5, 8)), np.zeros((1, 7, 8))).shape
        (1, 5, 8)
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            **kwargs,
        )
        self.head_dim = positive_integer(head_dim, "head_dim", self.label)
        self.num_query_heads = positive_integer(num_query_heads, "num_query_heads", self.label)
        self.num_key_value_heads = positive_integer(
            num_key_value_heads, "num_key_value_heads", self.label
        )
        if num_query_heads % num_key_value_heads:
            raise UnsupportedError(
                f"{self.label}: num_query_heads={num_query_heads} must be a multiple of "
                f"num_key_value_heads={num_key_value_heads}."
            )

    def build(  # type: ignore[override]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        """Makes the projections, each with a kernel and a bias."""
        key_shape = value_shape if key_shape is None else key_shape
        self.compute_output_shape(query_shape, value_shape, key_shape)
        head = (self.num_query_heads, self.head_dim)
        shared_head = (self.num_key_value_heads, self.head_dim)
        self._query_dense = self._projection("query", query_shape, head)
        self._key_dense = self._projection("key", key_shape, shared_head)
        if self.use_gate:
            self._gate_dense = self._projection("gate", query_shape, head, activation="sigmoid")
        self._value_dense = self._projection("value", value_shape, shared_head)
        self._output_dense = self._projection(
            "attention_output", (*query_shape[:-1], *head), (query_shape[-1],), summed=2
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
        scores_shape = (len(query), self.num_query_heads, query.shape[1], value.shape[1])
        repeats = self.num_query_heads // self.num_key_value_heads
        outputs, weights = attend(
            np.swapaxes(self._query_dense(query), 1, 2),
            np.repeat(np.swapaxes(self._key_dense(key), 1, 2), repeats, axis=1),
            np.repeat(np.swapaxes(self._value_dense(value), 1, 2), repeats, axis=1),
            1 / math.sqrt(self.head_dim),
            self._for_scores(allowed, scores_shape, 1),
            blind_rows_are_zero=self._blind_rows_are_zero(
                bool(self.dropout > 0 or return_attention_scores)
            ),
            keep_weights=return_attention_scores,
            dropout=dropout_of(self, training),
        )
        outputs = np.swapaxes(outputs, 1, 2)
        if self.use_gate:
            outputs = outputs * self._gate_dense(query)
        outputs = self._output_dense(outputs)
        return (outputs, weights) if return_attention_scores else outputs

    def compute_output_shape(
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> Any:
        """Returns the query's shape."""
        query_shape, value_shape = tuple(query_shape), tuple(value_shape)
        key_shape = value_shape if key_shape is None else tuple(key_shape)
        if any(len(shape) != 3 for shape in (query_shape, value_shape, key_shape)):
            raise ShapeError(
                f"{self.label}: query, value and key must have three axes, received {query_shape}, "
                f"{value_shape} and {key_shape}."
            )
        self._check_batches(query_shape, value_shape, key_shape)
        if value_shape[1] != key_shape[1]:
            raise ShapeError(
                f"{self.label}: value {value_shape} and key {key_shape} must agree in the second "
                "axis."
            )
        return query_shape

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
        weights = (query.shape[0], self.num_query_heads, query.shape[1], key.shape[1])
        return outputs, KerasTensor(weights, self.compute_dtype, self.name)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "head_dim": self.head_dim,
            "num_query_heads": self.num_query_heads,
            "num_key_value_heads": self.num_key_value_heads,
        }
