"""Losses that are a function of labels and predictions, with options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rnnext.errors import UnsupportedError
from rnnext.losses.loss import Loss

__all__ = ["FunctionLoss", "KeptLoss"]


class FunctionLoss(Loss):
    """A loss whose options are arguments of its function."""

    _function: ClassVar[Callable[..., Any]]

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the losses of the samples, (N,) or (N, T)."""
        common = ("name", "reduction")
        options = {k: getattr(self, k) for k in self._argument_names() if k not in common}
        return type(self)._function(y_true, y_pred, **options)


class KeptLoss(Loss):
    """A loss that holds its options."""

    def call(self, y_true: Any, y_pred: Any) -> Any:  # noqa: ARG002
        """Raises UnsupportedError."""
        raise UnsupportedError(
            f"loss {self.name!r}: {type(self).__name__} is not computed yet; training comes in a "
            "later version of rnnext."
        )
