"""Losses that are a function of labels and predictions, with options."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

from rnnext.graph.masked_array import with_logits
from rnnext.losses.loss import Loss, differentiated
from rnnext.losses.rule import Losses, rule_of, same_rank

__all__ = ["FunctionLoss", "WrappedFunction"]


@functools.cache  # a signature is slow to read, and a training step is short
def _option_names(cls: Any) -> list[str]:
    return [name for name in cls._argument_names() if name not in ("name", "reduction")]


class FunctionLoss(Loss):
    """A loss whose options are arguments of its function."""

    _function: ClassVar[Callable[..., Any]]

    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _option_names(type(self))}  # type: ignore[arg-type]

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the losses of the samples, (N,) or (N, T)."""
        logits = getattr(y_pred, "_keras_logits", None)
        y_true, y_pred = same_rank(y_true, y_pred)
        y_pred = y_pred if logits is None else with_logits(y_pred, logits.reshape(y_pred.shape))
        return self._function(y_true, y_pred, **self._options())

    @property
    def uses_logits(self) -> bool:
        """Whether the loss can be computed from what a sigmoid or softmax was given."""
        rule = rule_of(self._function)
        # Where a class is ignored, Keras replaces predictions, which loses the logits.
        return (
            rule is not None and rule.accepts_logits and self._options().get("ignore_class") is None
        )

    def losses_of(self, y_true: Any, y_pred: Any, logits: Any = None) -> Losses:
        """Returns the losses of the samples and the way back to `y_pred`, or to `logits`."""
        rule, shape = rule_of(self._function), y_pred.shape
        if y_true.ndim != y_pred.ndim:
            y_true, y_pred = same_rank(y_true, y_pred)
        if rule is None:
            if y_true.dtype.kind in "biuf":
                y_true = y_true.astype(self.dtype, copy=False)
            own = functools.partial(self._function, **self._options())
            found = differentiated(own, y_true, y_pred)
            return Losses(found.values, lambda g: found.pull(g).reshape(shape), found.mask)
        logits = logits.reshape(y_pred.shape) if logits is not None and self.uses_logits else None
        found = rule(y_true, y_pred, logits, **self._options())
        if y_pred.shape == shape:
            return found
        return Losses(found.values, lambda g: found.pull(g).reshape(shape), found.mask)


class WrappedFunction(FunctionLoss):
    """A loss made of a function, one of Keras's or a user's.

    Args:
        fn: A function `(y_true, y_pred)` that returns the losses of the samples.
        reduction: What becomes of the losses of a batch.
        name: Name of the loss.
        dtype: Dtype to compute in.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        vars(self)["_function"] = fn

    def _options(self) -> dict[str, Any]:
        return {}
