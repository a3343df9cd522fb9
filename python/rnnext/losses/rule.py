"""What turns a formula with its gradient into a loss function.

A formula takes labels and predictions of one dtype and returns the losses and a function that pulls
a gradient of the losses back to the predictions. Nothing of the gradient is computed until then.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnext.autodiff.rules import lifted
from rnnext.autodiff.tape import active
from rnnext.autodiff.watchable import watchable
from rnnext.dtypes import widened
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.masked_array import attach_mask
from rnnext.ops.promotion import as_tensor

__all__ = ["Losses", "Rule", "loss_function", "rule_of", "same_rank", "spread"]

Array = NDArray[Any]


class Losses(NamedTuple):
    """The losses of samples or steps, and the way back.

    Attributes:
        values: The losses.
        pull: Takes dL/d(values), an array like `values` or one number for all of them, and returns
            dL/d(predictions).
        mask: None, or False where a loss does not count.
    """

    values: Array
    pull: Callable[[Any], Array]
    mask: Array | None = None


class Rule(NamedTuple):
    """A formula and what it expects."""

    formula: Callable[..., Losses]
    aligned: bool
    casts_labels: bool
    accepts_logits: bool

    def __call__(self, y_true: Any, y_pred: Any, logits: Any = None, **options: Any) -> Losses:
        """Returns the losses; with `logits`, they are pulled back to these."""
        if logits is not None and self.accepts_logits and options.get("ignore_class") is None:
            y_pred, options = logits, {**options, "from_logits": True}
        predicted = given = widened(as_tensor(y_pred))
        true = np.asarray(as_tensor(y_true))
        if self.casts_labels:
            true = true.astype(predicted.dtype, copy=False)
        if true.shape != predicted.shape:
            true, predicted = self._fitting(true, predicted)
        found = self.formula(true, predicted, **options)
        if predicted is given and true.shape == predicted.shape:
            return found

        def pull(upstream: Any) -> Array:
            return summed_to(found.pull(upstream), predicted.shape).reshape(given.shape)

        return Losses(found.values, pull, found.mask)

    def of_labels(self, y_true: Any, y_pred: Any, options: dict[str, Any]) -> Any:
        """Returns the losses of labels that are traced, and of plain predictions."""
        predicted = as_tensor(y_pred)
        try:
            if self.casts_labels:
                y_true = y_true.astype(predicted.dtype)
            if y_true.shape != predicted.shape:
                y_true, predicted = self._fitting(y_true, predicted)
            return self.formula(y_true, predicted, **options).values
        except (TypeError, UnsupportedError) as error:
            raise UnsupportedError(
                f"loss {self.formula.__name__!r}: there is a gradient for y_pred only; y_true was "
                "computed from something that is differentiated. Use "
                "rnnext.ops.stop_gradient(y_true)."
            ) from error

    def _fitting(self, true: Array, predicted: Array) -> tuple[Array, Array]:
        if self.aligned:
            true, predicted = same_rank(true, predicted)
        if self.casts_labels:
            try:
                np.broadcast_shapes(true.shape, predicted.shape)
            except ValueError as error:
                raise ShapeError(
                    f"loss: y_true of shape {true.shape} and y_pred of shape {predicted.shape} do "
                    "not fit."
                ) from error
        return true, predicted


_RULES: dict[Callable[..., Any], Rule] = {}


def loss_function(
    aligned: bool = False, casts_labels: bool = True, accepts_logits: bool = False
) -> Callable[[Callable[..., Losses]], Callable[..., Array]]:
    """Makes a formula a function that returns the losses only.

    Args:
        aligned: Whether a last axis of size 1 that only one of both has is added or removed.
        casts_labels: Whether labels get the dtype of the predictions.
        accepts_logits: Whether the loss may be computed from what a sigmoid or softmax was given.
    """

    def decorate(formula: Callable[..., Losses]) -> Callable[..., Array]:
        rule = Rule(formula, aligned, casts_labels, accepts_logits)

        @functools.wraps(formula)
        def function(y_true: Any, y_pred: Any, *options: Any, **named: Any) -> Array:
            names = formula.__code__.co_varnames[2:]
            named.update(zip(names, options, strict=False))
            if active.tape is not None:
                recorded: Array = _recorded(rule, y_true, y_pred, named)
                return recorded
            found = rule(y_true, y_pred, getattr(y_pred, "_keras_logits", None), **named)
            values = watchable(found.values)
            return values if found.mask is None else attach_mask(values, found.mask)

        _RULES[function] = rule
        return function

    return decorate


def _recorded(rule: Rule, y_true: Any, y_pred: Any, options: dict[str, Any]) -> Any:
    """A call inside a user's function that is differentiated."""
    from rnnext.autodiff.layer_call import nested
    from rnnext.autodiff.tracing import trace

    true = lifted(as_tensor(y_true))
    has_gradient = getattr(true, "node", None) is not None
    recording = active.tape.recording  # type: ignore[union-attr]

    def record(
        true: Any, predicted: Any, logits: Any
    ) -> tuple[Array, Callable[[list[Any]], list[Any]]]:
        found = rule(true, predicted, logits, **options)
        values = found.values if found.mask is None else attach_mask(found.values, found.mask)
        of_labels: Any = None
        if has_gradient:
            given = {**options, "from_logits": True} if logits is not None else options
            made_of = predicted if logits is None else logits
            of_true = functools.partial(rule.of_labels, y_pred=made_of, options=given)
            _, of_labels = trace(of_true, (true,), {}, recording)

        def pullback(d_values: list[Any]) -> list[Any]:
            first = of_labels(d_values)[0] if has_gradient else None
            d_predicted = found.pull(d_values[0])
            return [first, d_predicted] if logits is None else [first, None, d_predicted]

        return values, pullback

    logits = getattr(y_pred, "_keras_logits", None)
    if not rule.accepts_logits or options.get("ignore_class") is not None:
        logits = None
    return nested(record, (true, as_tensor(y_pred), logits), {})


def rule_of(function: Any) -> Rule | None:
    """Returns the rule of a loss function, None if it has no gradient of its own."""
    return _RULES.get(function)


def same_rank(a: Array, b: Array, expand_rank_1: bool = True) -> tuple[Array, Array]:
    """Gives an array that lacks a last axis of size 1 one, or takes it off the other."""
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b[..., None]) if b.ndim == 1 and expand_rank_1 else (a[..., 0], b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[..., None], b) if a.ndim == 1 and expand_rank_1 else (a, b[..., 0])
    return a, b


def summed_to(array: Array, shape: tuple[int, ...]) -> Array:
    """Returns the gradient of what was broadcast from `shape` to that of `array`."""
    if array.shape == shape:
        return array
    extra = array.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + i for i, n in enumerate(shape) if n == 1 and array.shape[extra + i] != 1
    )
    return np.asarray(array.sum(axis=axes, dtype=array.dtype)).reshape(shape)


def spread(upstream: Any, axis: Any) -> Any:
    """Gives a gradient of reduced values its reduced axes back; one number stays one."""
    if np.ndim(upstream) == 0:
        return upstream
    return np.expand_dims(upstream, axis)
