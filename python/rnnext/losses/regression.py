"""Losses of numbers."""

from __future__ import annotations

from typing import Any

from rnnext.losses import functions
from rnnext.losses.function_loss import FunctionLoss

__all__ = [
    "CosineSimilarity",
    "Huber",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
]


class MeanSquaredError(FunctionLoss):
    """Mean squared difference."""

    _function = staticmethod(functions.mean_squared_error)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class MeanAbsoluteError(FunctionLoss):
    """Mean absolute difference."""

    _function = staticmethod(functions.mean_absolute_error)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class MeanAbsolutePercentageError(FunctionLoss):
    """Mean absolute difference in percent."""

    _function = staticmethod(functions.mean_absolute_percentage_error)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class MeanSquaredLogarithmicError(FunctionLoss):
    """Mean squared difference of logarithms."""

    _function = staticmethod(functions.mean_squared_logarithmic_error)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class Huber(FunctionLoss):
    """Squares of small differences, straight lines of large ones.

    Args:
        delta: Difference from which on the loss is a straight line.
    """

    _function = staticmethod(functions.huber)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class LogCosh(FunctionLoss):
    """Logarithm of the hyperbolic cosine of differences."""

    _function = staticmethod(functions.log_cosh)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "log_cosh",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class CosineSimilarity(FunctionLoss):
    """Negative cosine of the angle between both.

    Args:
        axis: The axis of the classes or features.
    """

    _function = staticmethod(functions.cosine_similarity)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
