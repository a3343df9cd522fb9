"""Attention of queries to values by one matrix of scores: Luong's and Bahdanau's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import activations, ops, serialization
from rnnext.arrays import asarray
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.operation import MaskRule
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.layer import Layer
from rnnext.layers.regularization.noise import dropout_of
from rnnext.ops.attention import causal_mask, row_blocks, rows_of, softmax_rows
from rnnext.ops.shapes import broadcast_shapes

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["AdditiveAttention", "Attention"]

Array = NDArray[Any]


@serialization.builtin("keras.layers")
class Attention(Layer):
    """Returns weighted means of the values: `softmax(scores(query, key)) @ value`.

    Args:
        use_scale: Whether the scores have a learned factor.
        score_mode: "dot": `query @ key.T * scale`. "concat":
            `concat_score_weight * sum(tanh(scale * (query + key)))`.
        dropout: The share of the weights that are dropped in training, from 0 to 1.
        seed: Seed of the layer's own random numbers.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: A list of query (B, Tq, D), value (B, Tv, E) and, if it is not the value, key
            (B, Tv, D).
        mask: A list of the query's mask (B, Tq), where the output becomes zero, and the value's
            (B, Tv), which get no weight; each may be None.
        return_attention_scores: Whether to return the weights (B, Tq, Tv), too.
        use_causal_mask: Whether a query may only look at values that are not later than it.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Attention
        >>> values = np.array([[[1.0], [3.0]]], dtype="float32")
        >>> Attention()([np.zeros((1, 1, 1)), values])
        array([[[2.]]], dtype=float32)
    """

    use_scale: bool
    score_mode: str

    _mask_rule = MaskRule.COMPUTE

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._take(locals())
        if score_mode not in ("dot", "concat"):
            raise UnsupportedError(
                f"{self.label}: score_mode must be 'dot' or 'concat', received {score_mode!r}."
            )

    def build(self, input_shape: Any) -> None:
        """Makes scale () and, for "concat", concat_score_weight ()."""
        self.compute_output_shape(input_shape)
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        self.concat_score_weight = None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Returns (B, Tq, E), or this and (B, Tq, Tv)."""
        dropout = dropout_of(self, training)
        query, value, key = self._query_value_key(inputs)
        self._check_shapes(query.shape, value.shape, key.shape)
        query_mask, value_mask = self._masks(mask)
        allowed = None if value_mask is None else value_mask[..., np.newaxis, :]
        if use_causal_mask:
            causal = causal_mask(query.shape[-2], key.shape[-2])[np.newaxis]
            allowed = causal if allowed is None else np.logical_and(allowed, causal)
        outputs, weights = self._attend(
            query, value, key, allowed, return_attention_scores, dropout
        )
        if query_mask is not None:
            outputs = np.where(query_mask[..., np.newaxis], outputs, outputs.dtype.type(0))
        return (outputs, weights) if return_attention_scores else outputs

    def _attend(
        self,
        query: Array,
        value: Array,
        key: Array,
        allowed: Any,
        keep_weights: bool,
        dropout: Callable[[Array], Array] | None,
    ) -> tuple[Array, Array | None]:
        """The output and, if wanted, the weights; in blocks of samples: scores may be large."""
        size = math.prod(query.shape[1:-1]) * key.shape[-2]
        outputs: list[Array] = []
        weights: list[Array] = []
        with np.errstate(over="ignore", invalid="ignore"):
            for rows in row_blocks(len(query), size * self._elements_of_a_score(query.shape[-1])):
                scores = self._scores(query[rows], rows_of(key, rows, query))
                block = softmax_rows(self._lowered(scores, rows_of(allowed, rows, query)))
                block = block if dropout is None else dropout(block)
                outputs.append(np.matmul(block, rows_of(value, rows, query)))
                if keep_weights:
                    weights.append(block)
        return np.concatenate(outputs), np.concatenate(weights) if keep_weights else None

    def _elements_of_a_score(self, features: int) -> int:
        """How many numbers there are at a time for one score."""
        return 1 if self.score_mode == "dot" else features

    @staticmethod
    def _lowered(scores: Array, allowed: Any) -> Array:
        """Keras's way to mask: where all of a row is masked, the differences are kept."""
        if allowed is None:
            return scores
        low = scores.dtype.type(65504.0 if scores.dtype.itemsize < 4 else 1e9)
        return np.where(allowed, scores, scores - low)

    def _scores(self, query: Array, key: Array) -> Array:
        """The scores (B, Tq, Tv)."""
        scale = 1 if self.scale is None else self.scale.value
        if self.score_mode == "dot":
            return asarray(np.matmul(query, np.swapaxes(key, -2, -1)) * scale)
        assert self.concat_score_weight is not None
        summed = activations.tanh(scale * _pairwise_sum(query, key)).sum(axis=-1)
        return asarray(self.concat_score_weight.value * summed)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:  # noqa: ARG002
        """Returns the query's mask."""
        query_mask = self._masks(mask)[0]
        # Keras has this operation in the graph of a model.
        symbolic = isinstance(query_mask, KerasTensor)
        return ops.convert_to_tensor(query_mask) if symbolic else query_mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns (B, Tq, E) for a list of shapes."""
        shapes = self._query_value_key(input_shape)
        if not all(isinstance(shape, (list, tuple)) for shape in shapes):
            raise ShapeError(
                f"{self.label} must be called on a list [query, value] or [query, value, key], "
                f"received one input of shape {input_shape}."
            )
        query, value, key = map(tuple, shapes)
        self._check_shapes(query, value, key)
        return (*query[:-1], value[-1])

    def _check_shapes(self, query: Any, value: Any, key: Any) -> None:
        fits = min(map(len, (query, value, key))) >= 2 and len(value) == len(key)
        fits = fits and _same(query[-1], key[-1]) and all(map(_same, key[:-1], value[:-1]))
        try:
            broadcast_shapes(query[:-2], key[:-2])
        except ShapeError:
            fits = False
        if not fits:
            raise ShapeError(
                f"{self.label}: query {query}, value {value} and key {key} do not fit: expected "
                "shapes (batch, Tq, D), (batch, Tv, E) and (batch, Tv, D)."
            )

    def compute_output_spec(
        self,
        inputs: Any,
        mask: Any = None,  # noqa: ARG002
        training: bool | None = None,  # noqa: ARG002
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,  # noqa: ARG002
    ) -> Any:
        """Returns symbolic tensors like the outputs."""
        query, value, key = (x.shape for x in self._query_value_key(inputs))
        shape = self.compute_output_shape([query, value, key])
        outputs = KerasTensor(shape, self.compute_dtype, self.name)
        if not return_attention_scores:
            return outputs
        return outputs, KerasTensor((*query[:-1], key[-2]), self.compute_dtype, self.name)

    def _query_value_key(self, inputs: Any) -> tuple[Any, Any, Any]:
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            received = len(inputs) if isinstance(inputs, (list, tuple)) else type(inputs).__name__
            raise ShapeError(
                f"{self.label} must be called on a list [query, value] or [query, value, key], "
                f"received {received}."
            )
        return inputs[0], inputs[1], inputs[-1]

    def _masks(self, mask: Any) -> tuple[Any, Any]:
        """The masks of query and value."""
        if mask is None:
            return None, None
        if not isinstance(mask, (list, tuple)) or len(mask) not in (2, 3):
            raise ShapeError(
                f"{self.label}: mask must be a list [query_mask, value_mask], received {mask!r}."
            )
        return mask[0], mask[1]


@serialization.builtin("keras.layers")
class AdditiveAttention(Attention):
    """Attention with the scores `sum(scale * tanh(query + key))`.

    Args:
        use_scale: Whether there is a learned scale (D,); otherwise it is 1.
        dropout: The share of the weights that are dropped in training, from 0 to 1.
        **kwargs: `seed`, that of the layer's own random numbers, and arguments of `Layer`.

    Call arguments: those of `Attention`.
    """

    def __init__(
        self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Makes scale (D,)."""
        self.compute_output_shape(input_shape)
        self.scale = None
        if self.use_scale:
            features = input_shape[0][-1]
            self.scale = self.add_weight((features,), "glorot_uniform", name="scale")

    def _elements_of_a_score(self, features: int) -> int:
        return features

    def _scores(self, query: Array, key: Array) -> Array:
        values = activations.tanh(_pairwise_sum(query, key))
        return asarray((values if self.scale is None else values * self.scale.value).sum(axis=-1))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        del config["score_mode"]
        return config


def _pairwise_sum(query: Array, key: Array) -> Array:
    """(B, Tq, Tv, D): every query plus every key."""
    return query[..., :, np.newaxis, :] + key[..., np.newaxis, :, :]


def _same(a: int | None, b: int | None) -> bool:
    return a is None or b is None or a == b
