"""Areas under curves of two rates."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext import activations
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.metrics.confusion import divided_by_both
from rnnext.metrics.confusion_matrix import ConfusionMetric, even_thresholds
from rnnext.metrics.metric import divided
from rnnext.ops.promotion import as_tensor
from rnnext.settings import epsilon

__all__ = ["AUC"]


class AUC(ConfusionMetric):
    """Area under a curve of two rates.

    Args:
        num_thresholds: Number of thresholds, evenly spaced from 0 to 1.
        curve: `"ROC"`, `"PR"` or `"PRGAIN"`.
        summation_method: `"interpolation"`, `"minoring"` or `"majoring"`.
        thresholds: A threshold from 0 to 1, or a list of them.
        multi_label: Whether each label has an area of its own.
        num_labels: How many labels there are, if `multi_label`.
        label_weights: Weights of the labels.
        from_logits: Whether predictions are what a sigmoid or softmax makes probabilities of.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        self._keep(locals())
        self.curve = _choice(self.name, "curve", curve, ("ROC", "PR", "PRGAIN"), str.upper)
        methods = ("interpolation", "majoring", "minoring")
        self.summation_method = _choice(
            self.name, "summation_method", summation_method, methods, str.lower
        )
        if thresholds is not None:
            inner = sorted(thresholds)
            self.num_thresholds = len(inner) + 2
        elif num_thresholds > 1:
            inner = even_thresholds(num_thresholds)[1:-1]
        else:
            raise UnsupportedError(
                f"metric {self.name!r}: num_thresholds must be an integer above 1, received "
                f"{num_thresholds!r}."
            )
        if num_labels and not multi_label:
            raise UnsupportedError(
                f"metric {self.name!r}: num_labels is for multi_label=True, received {num_labels}."
            )
        self._start([-epsilon(), *inner, 1 + epsilon()])

    def _make_counts(self, shape: tuple[int, ...]) -> None:
        if not self.multi_label:
            super()._make_counts(shape)
        elif self.num_labels:
            super()._make_counts((*shape, self.num_labels))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch to the counts.

        Args:
            y_true: Labels, 0 or 1.
            y_pred: Probabilities, (N, labels) if `multi_label`.
            sample_weight: Weights of the samples.
        """
        y_pred = as_tensor(y_pred)
        if self.multi_label and not self.variables:
            if y_pred.ndim != 2:
                raise ShapeError(
                    f"metric {self.name!r}: multi_label needs y_pred of shape (N, labels), "
                    f"received {y_pred.shape}."
                )
            super()._make_counts((len(self._limits), y_pred.shape[1]))
        self._take(
            y_true,
            activations.sigmoid(y_pred) if self.from_logits else y_pred,
            sample_weight,
            by_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
        )

    def result(self) -> Any:
        """Returns the area so far."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._over_labels(self._interpolated_pr())
        x, y = self._curve()
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2
        else:
            lower = self.summation_method == "minoring"
            heights = (np.minimum if lower else np.maximum)(y[:-1], y[1:])
        return self._over_labels((x[:-1] - x[1:]) * heights)

    def _curve(self) -> tuple[Any, Any]:
        """The points of the curve, (thresholds,) or (thresholds, labels)."""
        tp, fp, tn, fn = (np.asarray(v) for v in self.variables)
        recall, precision = divided_by_both(tp, fn), divided_by_both(tp, fp)
        if self.curve == "ROC":
            return divided_by_both(fp, tn), recall
        if self.curve == "PR":
            return recall, precision
        odds = divided(tp + fn, tn + fp)
        gain_of_recall = np.where(tp == 0, np.float32(0), 1 - odds * divided(fn, tp))
        gain_of_precision = np.where(tp == 0, np.float32(1), 1 - odds * divided(fp, tp))
        return np.maximum(gain_of_recall, 0), gain_of_precision

    def _interpolated_pr(self) -> Any:
        """Areas between thresholds, where right positives grow with positives in a line."""
        tp, fp, _, fn = (np.asarray(v) for v in self.variables)
        positives = tp + fp
        step = tp[:-1] - tp[1:]
        slope = divided(step, np.maximum(positives[:-1] - positives[1:], 0))
        intercept = tp[1:] - slope * positives[1:]
        both = (positives[:-1] > 0) & (positives[1:] > 0)
        ratio = np.where(both, divided(positives[:-1], positives[1:]), np.float32(1))
        return divided(slope * (step + intercept * np.log(ratio)), tp[1:] + fn[1:])

    def _over_labels(self, areas: Any) -> Any:
        areas = areas.sum(axis=0)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return areas.mean()
        weights = np.asarray(self.label_weights, np.float32)
        return divided((areas * weights).sum(), weights.sum())


def _choice(name: str, argument: str, value: Any, accepted: tuple[str, ...], spelled: Any) -> str:
    found = spelled(value) if isinstance(value, str) else value
    if found not in accepted:
        raise UnsupportedError(
            f"metric {name!r}: {argument} must be one of {accepted}, received {value!r}."
        )
    return str(found)
