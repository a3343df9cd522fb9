"""What a loss is: the options that all of them have, and what it makes of a batch's losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import is_traced
from rnnext.autodiff.watchable import watchable
from rnnext.dtypes import get_policy
from rnnext.errors import UnsupportedError
from rnnext.graph.masked_array import mask_of, with_logits
from rnnext.kept_option import KeptArguments
from rnnext.losses.reduction import REDUCTIONS, reduced
from rnnext.losses.rule import Losses
from rnnext.naming import unique_name
from rnnext.ops.promotion import as_tensor

__all__ = ["Loss", "differentiated"]


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
        if reduction == "auto":  # as in Keras 2
            reduction = "sum_over_batch_size"
        if reduction not in REDUCTIONS:
            raise UnsupportedError(
                f"loss {self.name!r}: reduction must be one of {REDUCTIONS}, received "
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
        mask, logits = mask_of(y_pred), getattr(y_pred, "_keras_logits", None)
        predicted = as_tensor(y_pred).astype(self.dtype)
        if logits is not None:
            predicted = with_logits(predicted, as_tensor(logits).astype(self.dtype))
        values = self.call(as_tensor(y_true), predicted)
        mask = _both(mask, mask_of(values))
        if is_traced(values):
            traced: NDArray[Any] = self._reduced_traced(values, sample_weight, mask)
            return traced
        values = np.asarray(values).astype(self.dtype, copy=False)
        loss: NDArray[Any] = watchable(reduced(values, sample_weight, mask, self.reduction).value)
        return loss

    def _reduced_traced(self, values: Any, sample_weight: Any, mask: Any) -> Any:
        """What a batch's losses inside a GradientTape become; weights have no gradient."""
        from rnnext.autodiff.rules import note, value_of

        losses = values.__traced__.astype(self.dtype)
        weights = None if sample_weight is None else value_of(as_tensor(sample_weight))
        found = reduced(losses.value, weights, mask, self.reduction)
        return note(found.value, [losses], lambda d: np.asarray(d * found.upstream))

    def value_and_gradient(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        mask: Any = None,
        logits: Any = None,
    ) -> tuple[float, NDArray[Any]]:
        """Returns the loss of a batch and its gradient.

        Args:
            y_true: What is right, (N, ...).
            y_pred: What a model said, (N, ...).
            sample_weight: Weights of the samples or their steps.
            mask: False where a step does not count; None: the mask of `y_pred`, if it has one.
            logits: None, or what the sigmoid or softmax that made `y_pred` was given. A
                cross-entropy is then computed from it, as Keras does, without clipping.

        Returns:
            The loss (the mean, if the reduction is `"none"`), and the derivatives of the loss (of
            the sum, if it is `"none"`) for `y_pred`, or for `logits` if the loss is computed from
            these (see `uses_logits`).

        Raises:
            UnsupportedError: If the loss has no gradient of its own.

        Example:
            >>> from rnnext.losses import MeanSquaredError
            >>> MeanSquaredError().value_and_gradient([[0.0], [1.0]], [[1.0], [3.0]])
            (2.5, array([[1.],
                   [2.]], dtype=float32))
        """
        given = as_tensor(y_pred) if logits is None or not self.uses_logits else as_tensor(logits)
        predicted = as_tensor(y_pred).astype(self.dtype, copy=False)
        if logits is not None:
            logits = as_tensor(logits).astype(self.dtype, copy=False)
        found = self.losses_of(as_tensor(y_true), predicted, logits)
        mask = _both(mask_of(y_pred) if mask is None else mask, found.mask)
        value, upstream = reduced(found.values, sample_weight, mask, self.reduction)
        gradient = found.pull(upstream).astype(given.dtype, copy=False)
        return float(value.mean() if value.ndim else value), gradient

    @property
    def uses_logits(self) -> bool:
        """Whether the loss can be computed from what a sigmoid or softmax was given."""
        return False

    def losses_of(self, y_true: Any, y_pred: Any, logits: Any = None) -> Losses:  # noqa: ARG002
        """Returns the losses of the samples and the way back to `y_pred`, or to `logits`.

        Raises:
            UnsupportedError: If the loss does something that has no gradient rule.
        """
        if y_true.dtype.kind in "biuf":
            y_true = y_true.astype(self.dtype, copy=False)
        return differentiated(self.call, y_true, y_pred)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the losses of the samples, (N,) or (N, T)."""
        raise NotImplementedError(f"{type(self).__name__} has no call() method.")


def differentiated(call: Callable[[Any, Any], Any], y_true: Any, y_pred: Any) -> Losses:
    """Returns the losses that a user's function computes, and the way back through what it does.

    Args:
        call: The function of labels and predictions; it computes with NumPy or `rnnext.ops`.
        y_true: Labels.
        y_pred: Predictions.

    Raises:
        UnsupportedError: If the function does something that has no gradient rule.
    """
    from rnnext.autodiff.tracing import trace
    from rnnext.graph.recording import Recording

    found, pullback = trace(
        lambda predicted: call(y_true, predicted), (y_pred,), {}, Recording(training=True)
    )
    values = np.asarray(found)

    def pull(upstream: Any) -> NDArray[Any]:
        (gradient,) = pullback([np.broadcast_to(upstream, values.shape).astype(values.dtype)])
        return np.zeros_like(y_pred) if gradient is None else gradient

    return Losses(values, pull, mask_of(found))


def _both(mask: Any, other: Any) -> Any:
    if mask is None or other is None:
        return other if mask is None else mask
    return np.asarray(mask, bool) & np.asarray(other, bool)
