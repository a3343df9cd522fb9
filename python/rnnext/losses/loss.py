"""What a loss is: the options that all of them have, and what it makes of a batch's losses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.dtypes import get_policy
from rnnext.errors import UnsupportedError
from rnnext.graph.masked_array import mask_of
from rnnext.kept_option import KeptArguments
from rnnext.losses.functions import same_rank
from rnnext.naming import unique_name
from rnnext.ops.promotion import as_tensor

__all__ = ["Loss"]

_REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


class Loss(KeptArguments):
    """Base class of losses; subclasses implement `call(y_true, y_pred)`.

    Args:
        name: Name of the loss.
        reduction: What becomes of the losses of a batch: `"sum_over_batch_size"` or `"mean"`,
            `"mean_with_sample_weight"` (divided by the sum of the weights), `"sum"`, `"none"`.
        dtype: Dtype to compute in.

    Raises:
        UnsupportedError: If there is no such reduction.

    Example:
        >>> from rnnext.losses import MeanAbsoluteError
        >>> float(MeanAbsoluteError()([[0.0], [1.0]], [[1.0], [3.0]]))
        1.5
    """

    _keras_module = "keras.losses"

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        self.name = name or unique_name(type(self).__name__)
        if reduction not in _REDUCTIONS:
            raise UnsupportedError(
                f"loss {self.name!r}: reduction must be one of {_REDUCTIONS}, received "
                f"{reduction!r}."
            )
        self.reduction = reduction
        self.dtype = get_policy(dtype).compute_dtype

    @classmethod
    def _argument_names(cls) -> list[str]:
        return [name for name in super()._argument_names() if name != "dtype"]  # as Keras has it

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> NDArray[Any]:
        """Returns the loss of a batch.

        Args:
            y_true: What is right, (N, ...).
            y_pred: What a model said, (N, ...). Masked steps do not count.
            sample_weight: Weights of the samples or their steps.
        """
        mask = mask_of(y_pred)
        values = np.asarray(self.call(as_tensor(y_true), as_tensor(y_pred).astype(self.dtype)))
        weights = None if sample_weight is None else as_tensor(sample_weight).astype(values.dtype)
        if mask is not None:
            weights = self._with_mask(mask, weights, values.dtype)
        if weights is not None:
            values, weights = same_rank(values, weights)
            values = values * weights
        if self.reduction in (None, "none") or not values.ndim:
            return values
        total = np.asarray(values.sum(dtype=values.dtype))
        if self.reduction == "sum":
            return total
        by_weight = self.reduction == "mean_with_sample_weight" and weights is not None
        divisor = weights.sum() if weights is not None and by_weight else values.size
        return np.asarray(total / divisor if divisor else 0, dtype=values.dtype)

    def _with_mask(self, mask: Any, weights: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Weights under which masked steps count nothing, and a mean is that of the others."""
        of_mask = np.asarray(mask).astype(dtype)
        if self.reduction in ("mean", "sum_over_batch_size") and of_mask.any():
            of_mask = of_mask * dtype.type(of_mask.size / of_mask.sum())
        if weights is None:
            return of_mask
        of_mask, weights = same_rank(of_mask, weights)
        return np.asarray(of_mask * weights)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the losses of the samples, (N,) or (N, T)."""
        raise NotImplementedError(f"{type(self).__name__} has no call() method.")
