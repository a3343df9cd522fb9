"""What `model.metrics` lists: means of losses, and the metrics of `compile` under one roof."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext import nest
from rnnext.autodiff.tape import suspended
from rnnext.autodiff.watchable import watchable
from rnnext.errors import UnsupportedError
from rnnext.graph.masked_array import untraced
from rnnext.metrics import Mean
from rnnext.metrics.metric import Metric
from rnnext.training.compile_loss import CompileLoss
from rnnext.training.compile_metrics import CompileMetrics

__all__ = ["ListedMetrics", "MeanOfLoss", "MetricsOfCompile"]


class MetricsOfCompile:
    """The metrics of `compile` under the one roof that Keras gives them in `model.metrics`.

    Args:
        metrics: The metrics.
    """

    name = "compile_metrics"

    def __init__(self, metrics: CompileMetrics) -> None:
        self._metrics = metrics

    @property
    def metrics(self) -> list[Metric]:
        """The metrics one by one; none before the first batch."""
        return self._metrics.metrics

    @property
    def names(self) -> list[str]:
        """Names of the metrics."""
        return [metric.name for metric in self.metrics]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch in."""
        plain = nest.map_structure(untraced, (y_true, y_pred, sample_weight))
        with suspended():
            self._metrics.update(*plain)

    def result(self) -> dict[str, Any]:
        """Returns the results by name."""
        return self._metrics.results()

    def reset_state(self) -> None:
        """Forgets the batches so far."""
        self._metrics.reset()


class MeanOfLoss(Mean):
    """The mean that `fit` keeps of the loss, or of that of an output.

    Args:
        loss: What keeps it.
        index: Its place among the means.
    """

    def __init__(self, loss: CompileLoss, index: int) -> None:
        super().__init__(name=loss.means()[index][0])
        self._loss, self._index = loss, index

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # noqa: ARG002
        """Raises, as `fit` and `evaluate` keep the mean.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(
            f"model.metrics: {self.name!r} is the mean that fit and evaluate keep; other values "
            "need a metric of your own."
        )

    def result(self) -> Any:
        """Returns the mean so far."""
        return watchable(np.float32(self._loss.means()[self._index][1]))

    def reset_state(self) -> None:
        """Begins this mean, and those of the outputs' losses, anew."""
        self._loss.reset()


class ListedMetrics:
    """The metrics of a plain compiled model, as Keras lists them; the same objects each time.

    Args:
        loss: The losses of `compile`.
        metrics: Its metrics.
    """

    def __init__(self, loss: CompileLoss, metrics: CompileMetrics) -> None:
        self._loss = loss
        self._of_compile = MetricsOfCompile(metrics)
        self._means: list[MeanOfLoss] = []

    def listed(self, has_metrics: bool) -> list[Any]:
        """Returns the mean of the loss, the metrics, and the means of several outputs' losses.

        Args:
            has_metrics: Whether `compile` was given metrics.
        """
        for index in range(len(self._means), len(self._loss.means())):
            self._means.append(MeanOfLoss(self._loss, index))
        loss, *others = self._means
        return [loss, *([self._of_compile] if has_metrics else []), *others]
