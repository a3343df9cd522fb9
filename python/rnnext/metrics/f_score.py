"""Means of precision and recall."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext.errors import ShapeError, UnsupportedError
from rnnext.metrics.metric import Metric
from rnnext.ops.promotion import as_tensor
from rnnext.settings import epsilon

__all__ = ["F1Score", "FBetaScore"]

_AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """Weighted harmonic mean of precision and recall.

    Args:
        average: None, `"micro"`, `"macro"` or `"weighted"`: how classes are averaged.
        beta: Weight of recall beside precision.
        threshold: Probability from which on a sample is of the class.
    """

    def __init__(
        self,
        average: Any = None,
        beta: float = 1.0,
        threshold: Any = None,
        name: str = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
        if average not in _AVERAGES:
            raise UnsupportedError(
                f"metric {self.name!r}: average must be one of {_AVERAGES}, received {average!r}."
            )
        if not isinstance(self.beta, float) or self.beta <= 0:
            raise UnsupportedError(
                f"metric {self.name!r}: beta must be a float above 0, received {self.beta!r}."
            )
        if threshold is not None and not (isinstance(threshold, float) and 0 < threshold <= 1):
            raise UnsupportedError(
                f"metric {self.name!r}: threshold must be None or a float above 0 and at most 1, "
                f"received {threshold!r}."
            )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch to the counts.

        Args:
            y_true: Labels, 0 or 1, (N, K).
            y_pred: Probabilities, (N, K).
            sample_weight: Weights of the samples, (N,).

        Raises:
            ShapeError: If labels or predictions have another number of axes.
        """
        true, predicted = (np.asarray(as_tensor(y)).astype(self.dtype) for y in (y_true, y_pred))
        if true.ndim != 2 or predicted.ndim != 2:
            raise ShapeError(
                f"metric {self.name!r}: expected y_true and y_pred of shape (N, K), received "
                f"{true.shape} and {predicted.shape}."
            )
        axis = None if self.average == "micro" else 0
        if not self.variables:
            shape = () if axis is None else (predicted.shape[1],)
            for name in ("true_positives", "false_positives", "false_negatives", "weights"):
                self.add_variable(shape, "zeros", self.dtype, name)
        if self.threshold is None:
            best = predicted >= predicted.max(axis=-1, keepdims=True)
            said = (best & (np.abs(predicted) > 1e-9)).astype(self.dtype)
        else:
            said = (predicted > predicted.dtype.type(self.threshold)).astype(self.dtype)
        weights = np.asarray(1 if sample_weight is None else as_tensor(sample_weight))
        weights = weights.astype(self.dtype)
        weights = weights[:, None] if weights.ndim else weights
        terms = (said * true, said * (1 - true), (1 - said) * true, true)
        for variable, term in zip(self.variables, terms, strict=True):
            variable.assign_add((term * weights).sum(axis=axis))

    def result(self) -> Any:
        """Returns the score so far: one number, or one for each class if `average` is None."""
        tp, fp, fn, weights = (np.asarray(v) for v in self.variables)
        small = np.float32(epsilon())
        precision, recall = tp / (tp + fp + small), tp / (tp + fn + small)
        squared = self.beta**2
        score = precision * recall / (squared * precision + recall + small) * (1 + squared)
        if self.average == "weighted":
            return (score * (weights / (weights.sum() + small))).sum()
        return score if self.average is None else score.mean()


class F1Score(FBetaScore):
    """Harmonic mean of precision and recall.

    Args:
        average: None, `"micro"`, `"macro"` or `"weighted"`: how classes are averaged.
        threshold: Probability from which on a sample is of the class.
    """

    def __init__(
        self,
        average: Any = None,
        threshold: Any = None,
        name: str = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
