"""The metrics of a model's outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnnext import metrics, nest
from rnnext.errors import UnsupportedError
from rnnext.metrics.metric import Metric
from rnnext.metrics.reduction import MeanMetricWrapper
from rnnext.training.outputs import are_arrays, by_output, is_binary_or_sparse, named_outputs

__all__ = ["CompileMetrics", "as_metric"]


def as_metric(identifier: Any, y_true: Any, y_pred: Any) -> Metric:
    """Returns the metric that `compile` is given, under the name its results have.

    Args:
        identifier: A name, a function, a config or a metric.
        y_true: Labels; their shape chooses what `"accuracy"` means.
        y_pred: Predictions.

    Raises:
        UnsupportedError: If it is None or unknown.
    """
    if identifier is None:
        raise UnsupportedError("metrics: expected a metric, received None.")
    found: Any = identifier
    if str(identifier).lower() in ("accuracy", "acc"):
        binary, sparse = is_binary_or_sparse(y_true, y_pred)
        kind = "Binary" if binary else "SparseCategorical" if sparse else "Categorical"
        found = getattr(metrics, f"{kind}Accuracy")()
    found = metrics.get(found)
    name = getattr(found, "name", None) or getattr(found, "__name__", type(found).__name__)
    made = found if isinstance(found, Metric) else MeanMetricWrapper(found)
    made.name = identifier if isinstance(identifier, str) else str(name)
    return made


class _Listed(NamedTuple):
    """A metric, the output it is of, and the output's name if results carry it."""

    metric: Metric
    output: int
    prefix: str | None
    weighted: bool


def _listed(what: str, given: Any) -> Any:
    """The metrics as Keras 3 takes them: one alone is a list of one, as in Keras 2."""
    if not given or isinstance(given, (list, tuple, dict)):
        return given
    if isinstance(given, str) or callable(given):
        return [given]
    raise UnsupportedError(
        f"{what} must be a metric, or a list, tuple or dict of them, received {given!r}."
    )


class CompileMetrics:
    """The metrics that a model is compiled with.

    Args:
        metrics: A list for all outputs if there is one, or a list or dict by output. One metric
            is a list of one, as in Keras 2.
        weighted_metrics: The same, for those that sample weights count in.
        output_names: Names of the model's outputs.

    Example:
        >>> import numpy as np
        >>> compiled = CompileMetrics(["mae"], None, ["a"])
        >>> compiled.update(np.ones((2, 1), "float32"), np.zeros((2, 1), "float32"))
        >>> compiled.results()
        {'mae': 1.0}
    """

    def __init__(
        self, metrics: Any, weighted_metrics: Any = None, output_names: Sequence[str] | None = None
    ) -> None:
        given = {"metrics": metrics, "weighted_metrics": weighted_metrics}
        self._given = {what: _listed(what, some) for what, some in given.items()}
        self._output_names = output_names
        self._names: list[str] = []
        self._listed: list[_Listed] | None = None

    @property
    def metrics(self) -> list[Metric]:
        """The metrics, in the order of their results; none before the first batch."""
        return [listed.metric for listed in self._listed or ()]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Finds the metrics of each output; the first batch does it."""
        self._names, predicted = named_outputs(y_pred, self._output_names)
        true = by_output("y_true", y_true, self._names)
        found = []
        for what, given in self._given.items():
            for i, ones in enumerate(self._by_output(what, given) if given else ()):
                prefix = self._names[i] if len(self._names) > 1 else None
                for one in ones if isinstance(ones, (list, tuple)) else [ones]:
                    metric = as_metric(one, np.asarray(true[i]), np.asarray(predicted[i]))
                    found.append(_Listed(metric, i, prefix, what == "weighted_metrics"))
        self._listed = found

    def _by_output(self, what: str, given: Any) -> list[Any]:
        if len(self._names) == 1:
            return [nest.flatten(given)]
        if isinstance(given, Mapping) and set(given) <= set(self._names):
            items = [given.get(name) for name in self._names]
        elif isinstance(given, (list, tuple)) and len(given) == len(self._names):
            items = list(given)
        else:
            raise UnsupportedError(
                f"{what} must be a dict with some of the keys {self._names}, or a list of "
                f"{len(self._names)} items, received {given!r}."
            )
        return [() if item is None else item for item in items]

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch into the metrics.

        Args:
            y_true: Labels, by output.
            y_pred: The outputs, with their masks and logits if they have any.
            sample_weight: None, weights for all outputs, or a list or dict of them.
        """
        if self._listed is None:
            self.build(y_true, y_pred)
        if not self._listed:
            return
        if sample_weight is None and len(self._names) == 1 and are_arrays(y_true, y_pred):
            for listed in self._listed:
                listed.metric.update_state(y_true, y_pred)
            return
        _, predicted = named_outputs(y_pred, self._names)
        true = by_output("y_true", y_true, self._names)
        weights = [sample_weight] * len(predicted)
        if sample_weight is not None and nest.is_nested(sample_weight):
            given = nest.flatten(sample_weight)
            several = len(given) == len(predicted) or isinstance(sample_weight, Mapping)
            weights = (
                by_output("sample_weight", sample_weight, self._names)
                if several
                else ([given[0]] * len(predicted))
            )
        for metric, i, _, weighted in self._listed:
            if weighted:
                metric.update_state(true[i], predicted[i], sample_weight=weights[i])
            else:
                metric.update_state(true[i], predicted[i])

    def results(self) -> dict[str, Any]:
        """Returns the results so far by name; several outputs' begin with the output's name.

        A name that is taken gets a number, of `weighted_metrics` only where `weighted_` before it
        is not enough.
        """
        results: dict[str, Any] = {}
        counts: dict[str, int] = {}
        for metric, _, prefix, weighted in self._listed or ():
            before = f"{prefix}_" if prefix else ""
            name = f"{before}{metric.name}"
            if weighted and name in counts:
                name = f"{before}weighted_{metric.name}"
            count = counts[name] = counts.get(name, 0) + 1
            if count > 1:
                name = f"{name}_{count - 1}"
            value = metric.result()
            results[name] = float(np.asarray(value)) if np.ndim(value) == 0 else value
        return results

    def reset(self) -> None:
        """Forgets the batches so far."""
        for metric in self.metrics:
            metric.reset_state()
