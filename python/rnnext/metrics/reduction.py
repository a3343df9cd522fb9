"""Metrics that average or add up."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.graph.masked_array import mask_of
from rnnext.losses.reduction import mask_as_weights
from rnnext.losses.rule import same_rank
from rnnext.metrics.metric import Metric, divided
from rnnext.ops.promotion import as_tensor

__all__ = ["FunctionMetric", "Mean", "MeanMetricWrapper", "Sum"]

Array = NDArray[Any]


def _of_samples(
    values: Any, weights: Any, reduce: Callable[..., Any], dtype: Any
) -> tuple[Array, Array | None]:
    """One value and one weight for each sample; the value is weighted."""
    mask = mask_of(values)
    values = np.asarray(as_tensor(values)).astype(dtype, copy=False)
    if weights is not None:
        weights = np.asarray(as_tensor(weights)).astype(dtype, copy=False)
        if mask is not None:
            weights = mask_as_weights(mask, weights, dtype, "sum")
        values, weights = same_rank(values, weights)
        ndim = weights.ndim
        if values.ndim > ndim:
            values = np.asarray(reduce(values, axis=tuple(range(ndim, values.ndim))))
        weights = np.broadcast_to(weights, values.shape)
        values = values * weights
        if ndim > 1:
            weights = np.asarray(reduce(weights, axis=tuple(range(1, ndim))))
    if values.ndim > 1:
        values = np.asarray(reduce(values, axis=tuple(range(1, values.ndim))))
    return values, weights


class Sum(Metric):
    """Sum of values."""

    def __init__(
        self,
        name: str = "sum",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())

    def _make_state(self) -> None:
        self.total = self.add_variable((), "zeros", self.dtype, "total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Adds values.

        Args:
            values: One or more for each sample.
            sample_weight: Weights of the samples or values.
        """
        values, _ = _of_samples(values, sample_weight, np.sum, self.dtype)
        self.total.assign_add(values.sum())

    def result(self) -> Any:
        """Returns the sum so far."""
        return self.total.numpy()


class Mean(Metric):
    """Mean of values."""

    def __init__(
        self,
        name: str = "mean",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())

    def _make_state(self) -> None:
        self.total = self.add_variable((), "zeros", self.dtype, "total")
        self.count = self.add_variable((), "zeros", self.dtype, "count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Takes values into the mean.

        Args:
            values: One or more for each sample.
            sample_weight: Weights of the samples or values.
        """
        values, weights = _of_samples(values, sample_weight, np.mean, self.dtype)
        self.total.assign_add(values.sum())
        of_values = len(values) if values.ndim else 1
        self.count.assign_add(of_values if weights is None else weights.sum())

    def result(self) -> Any:
        """Returns the mean so far, 0 if there were no values."""
        return divided(self.total, self.count)


@functools.cache  # a signature is slow to read, and a training step is short
def _option_names(cls: Any) -> list[str]:
    return [name for name in cls._argument_names() if name not in ("name", "dtype")]


class FunctionMetric(Mean):
    """The mean of a function whose options are arguments of the metric."""

    _function: ClassVar[Callable[..., Any]]

    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _option_names(type(self))}  # type: ignore[arg-type]

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Takes a batch into the mean.

        Args:
            y_true: Labels.
            y_pred: Predictions. Masked steps do not count.
            sample_weight: Weights of the samples or their steps.
        """
        values = self._function(y_true, y_pred, **self._options())
        mask = mask_of(y_pred)
        if mask is not None:
            sample_weight = mask_as_weights(mask, _array(sample_weight), self.dtype, "sum")
        Mean.update_state(self, values, sample_weight)


def _array(weights: Any) -> Any:
    return None if weights is None else as_tensor(weights)


class MeanMetricWrapper(FunctionMetric):
    """Mean of a function of labels and predictions.

    Args:
        fn: A function `(y_true, y_pred, **kwargs)`.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        Metric.__init__(self, dtype=dtype, name=name)
        self.fn = fn
        vars(self)["_function"] = fn
        self._fn_kwargs = kwargs

    def _options(self) -> dict[str, Any]:
        return self._fn_kwargs

    def get_config(self) -> dict[str, Any]:
        """Returns the name, the dtype, the function and its options."""
        written = {k: serialization.serialize(v) for k, v in self._fn_kwargs.items()}
        config = {"name": self.name, "dtype": self.dtype, "fn": serialization.serialize(self.fn)}
        return {**config, **written}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes the metric that `get_config` described."""
        from rnnext.metrics.lookup import get

        return cls(**{**config, "fn": get(config["fn"])})
