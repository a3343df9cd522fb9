"""Counts of right and wrong positives and negatives at thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import ShapeError, UnsupportedError
from rnnext.losses.rule import same_rank
from rnnext.metrics.metric import Metric
from rnnext.ops.promotion import as_tensor
from rnnext.settings import epsilon

__all__ = ["LEAST", "ConfusionMetric", "even_thresholds", "listed_thresholds"]

Array = NDArray[Any]

LEAST = -1e10  # below every prediction
_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def listed_thresholds(name: str | None, thresholds: Any, default: float) -> list[float]:
    """Returns the thresholds of an argument that may be None, a number or a list."""
    if thresholds is None:
        return [default]
    listed = list(thresholds) if isinstance(thresholds, (list, tuple)) else [thresholds]
    if any(t is None or not 0 <= t <= 1 for t in listed):
        raise UnsupportedError(
            f"metric {name!r}: thresholds must be from 0 to 1, received {thresholds!r}."
        )
    return listed


def even_thresholds(num_thresholds: int) -> list[float]:
    """Returns thresholds evenly spaced from 0 to 1."""
    if num_thresholds == 1:
        return [0.5]
    return [i / (num_thresholds - 1) for i in range(num_thresholds)]


def _are_even(thresholds: Sequence[float]) -> bool:
    if len(thresholds) < 3:
        return False
    even = np.arange(len(thresholds), dtype=np.float32) / (len(thresholds) - 1)
    return bool(np.allclose(thresholds, even, atol=epsilon()))


class ConfusionMetric(Metric):
    """A metric whose state are counts at thresholds; a subclass says which it needs."""

    _counts: tuple[str, ...] = _COUNTS

    def _start(self, thresholds: Sequence[float]) -> None:
        """Makes the counts; called at the end of a constructor."""
        self._limits = list(thresholds)
        self._are_even = _are_even(thresholds)
        self._make_counts((len(thresholds),))

    def _make_counts(self, shape: tuple[int, ...]) -> None:
        for name in self._counts:
            setattr(self, name, self.add_variable(shape, name=name))

    def _take(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        *,
        top_k: int | None = None,
        class_id: int | None = None,
        by_label: bool = False,
        label_weights: Any = None,
    ) -> None:
        """Adds a batch to the counts.

        Args:
            y_true: Labels, 0 or 1, in the shape of `y_pred`.
            y_pred: Probabilities.
            sample_weight: Weights of the samples.
            top_k: Only this many classes of a sample count.
            class_id: The only class that counts.
            by_label: Whether each column has counts of its own.
            label_weights: Weights of the columns.
        """
        predicted, true = (np.asarray(as_tensor(y)).astype(np.float32) for y in (y_pred, y_true))
        predicted, true = same_rank(predicted, true)
        if true.shape != predicted.shape:
            raise ShapeError(
                f"metric {self.name!r}: y_true and y_pred must have the same shape, received "
                f"{true.shape} and {predicted.shape}."
            )
        weights = np.ones(1, np.float32)
        if sample_weight is not None:
            weights = np.asarray(as_tensor(sample_weight)).astype(np.float32)[..., None]
            _, weights = same_rank(true, weights, expand_rank_1=False)
        if top_k is not None:
            predicted = _best_only(predicted, top_k)
        if class_id is not None:
            if predicted.ndim == 1:
                raise ShapeError(
                    f"metric {self.name!r}: class_id needs y_pred of shape (N, classes), received "
                    f"{predicted.shape}."
                )
            true, predicted = true[..., class_id, None], predicted[..., class_id, None]
        if label_weights is not None:
            weights = weights * np.asarray(label_weights, np.float32)[None]
        weights = np.broadcast_to(weights, predicted.shape)
        width = predicted.shape[1] if by_label else 1
        columns = (y.reshape(-1, width) for y in (true != 0, predicted, weights))
        self._add(by_label, *columns)

    def _add(self, by_label: bool, true: Array, predicted: Array, weights: Array) -> None:
        """Adds columns to the counts, which are (thresholds,) or (thresholds, columns)."""
        of_true, of_false = np.where(true, weights, 0), np.where(true, 0, weights)
        count = len(self._limits)
        if self._are_even:  # the number of thresholds below each prediction is computed
            scaled = np.clip(predicted, 0, 1) * np.float32(count - 1)
            below = np.ceil(scaled).astype(np.int64)
            with_margin = self._limits[0] < 0 or self._limits[-1] > 1
            below = np.maximum(below, 1) if with_margin else below
        else:
            order = np.argsort(np.asarray(self._limits, np.float32), kind="stable")
            limits = np.asarray(self._limits, np.float32)[order]
            below = np.searchsorted(limits, predicted, side="left")
        found = {}
        for name, part in (("true", of_true), ("false", of_false)):
            positives = np.stack(
                [_above(b, w, count) for b, w in zip(below.T, part.T, strict=True)], axis=1
            )
            if not self._are_even:
                positives[order] = positives.copy()
            total = part.sum(axis=0, dtype=np.float64)
            found[f"{name}_positives"] = positives
            found[f"{name}_rest"] = total - positives
        counts = {
            "true_positives": found["true_positives"],
            "false_positives": found["false_positives"],
            "true_negatives": found["false_rest"],
            "false_negatives": found["true_rest"],
        }
        for name in self._counts:
            added = counts[name] if by_label else counts[name][:, 0]
            getattr(self, name).assign_add(added.astype(np.float32))


def _above(below: Array, weights: Array, count: int) -> Array:
    """The weight of the predictions above each threshold, from how many each one is above."""
    sums = np.bincount(below, weights, minlength=count + 1)
    return np.asarray(sums[::-1].cumsum()[::-1][1:])


def _best_only(predicted: Array, k: int) -> Array:
    """Predictions of which only the `k` best of a sample are left."""
    best = np.argsort(-predicted, axis=-1, kind="stable")[..., :k]
    kept = np.zeros(predicted.shape, bool)
    np.put_along_axis(kept, best, True, axis=-1)
    return np.where(kept, predicted, np.float32(LEAST))
