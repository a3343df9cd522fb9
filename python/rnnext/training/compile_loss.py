"""The losses of a model's outputs and their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import losses, nest
from rnnext.errors import UnsupportedError
from rnnext.losses.function_loss import WrappedFunction
from rnnext.losses.loss import Loss
from rnnext.training.outputs import are_arrays, by_output, is_binary_or_sparse, named_outputs

__all__ = ["CompileLoss", "as_loss"]

Array = NDArray[Any]


def as_loss(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """Returns the loss that `compile` is given for an output, None if there is none.

    Args:
        identifier: None, a name, a function, a config or a loss.
        y_true: Labels; their shape chooses what `"crossentropy"` means.
        y_pred: Predictions.
    """
    found = identifier
    if str(identifier).lower() in ("crossentropy", "ce"):
        binary, sparse = is_binary_or_sparse(y_true, y_pred)
        kind = "binary" if binary else "sparse_categorical" if sparse else "categorical"
        found = getattr(losses, f"{kind}_crossentropy")
    found = losses.get(found)
    if found is None or isinstance(found, Loss):
        return found
    return WrappedFunction(found, name=identifier if isinstance(identifier, str) else None)


class CompileLoss:
    """The loss that a model is compiled with.

    Args:
        loss: One for all outputs, or a list or dict of them.
        loss_weights: What each output's loss is multiplied by in the sum.
        output_names: Names of the model's outputs.

    Example:
        >>> import numpy as np
        >>> loss = CompileLoss(["mse", "mae"], [1.0, 0.5], ["a", "b"])
        >>> ones, zeros = np.ones((2, 1), "float32"), np.zeros((2, 1), "float32")
        >>> total, gradients, parts = loss.value_and_gradients([ones, ones], [zeros, zeros])
        >>> total, parts
        (1.5, [1.0, 1.0])
    """

    def __init__(
        self, loss: Any, loss_weights: Any = None, output_names: Sequence[str] | None = None
    ) -> None:
        if loss_weights and not isinstance(loss_weights, (list, tuple, dict, float)):
            raise UnsupportedError(
                "loss_weights must be a float, or a list or dict by output, received "
                f"{loss_weights!r}."
            )
        for weight in nest.flatten(loss_weights):
            if isinstance(weight, str):
                raise UnsupportedError(
                    f"loss_weights: expected numbers, received {weight!r}. The argument after the "
                    "loss is loss_weights, as in Keras; metrics are given as metrics=[...]."
                )
        self._loss, self._loss_weights, self._output_names = loss, loss_weights, output_names
        self._names: list[str] = []
        self.losses: list[Any] | None = None
        self._count = self._batches = 0
        self._sums: list[float] = []

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Finds the loss of each output; the first batch does it."""
        self._names, predicted = named_outputs(y_pred, self._output_names)
        count = len(predicted)
        given = self._loss
        if nest.is_nested(given) and not (isinstance(given, Mapping) and "class_name" in given):
            given = self._listed("loss", given)
        else:
            given = [given] * count
        self._used = [i for i, one in enumerate(given) if one is not None]
        true = by_output("y_true", y_true, self._names, self._used)
        made = [
            None if one is None else as_loss(one, _array(t), _array(p))
            for one, t, p in zip(given, true, predicted, strict=True)
        ]
        weights = self._loss_weights
        if weights is None:
            self._weights: list[Any] = [None] * count
        else:
            self._weights = by_output("loss_weights", weights, self._names, self._used)
        self.losses = made

    def _listed(self, what: str, value: Any) -> list[Any]:
        if isinstance(value, Mapping):
            unknown = [key for key in value if key not in self._names]
            if unknown or (len(value) < len(self._names) and not self._are_keys):
                raise UnsupportedError(
                    f"{what}: expected a dict with the keys {self._names}, received {list(value)}."
                )
            return [value.get(name) for name in self._names]
        return list(by_output(what, value, self._names))

    @property
    def _are_keys(self) -> bool:
        return self._names != list(self._output_names or ())

    @property
    def output_loss_names(self) -> list[str]:
        """Names of the results of the outputs' losses; none if there is one loss only."""
        return [f"{self._names[i]}_loss" for i in self._used] if len(self._used) > 1 else []

    def uses_logits(self) -> list[bool]:
        """Returns for each output whether its loss can be computed from logits."""
        return [loss is not None and loss.uses_logits for loss in self.losses or ()]

    def values(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the weighted sum and the losses of the outputs, without gradients."""
        true, predicted, weights = self._aligned(y_true, y_pred, sample_weight)
        parts = []
        for i in self._used:
            value = self.losses[i](true[i], predicted[i], weights[i])  # type: ignore[index]
            parts.append(float(value.mean() if value.ndim else value))
        return self._total(parts), parts

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the weighted sum as an array that a GradientTape may have noted.

        The means of the outputs' losses take the batch in.
        """
        true, predicted, weights = self._aligned(y_true, y_pred, sample_weight)
        total: Any = None
        parts = []
        for i in self._used:
            value = self.losses[i](true[i], predicted[i], weights[i])  # type: ignore[index]
            value = value.mean() if value.ndim else value
            parts.append(float(value))
            value = value if self._weights[i] is None else value * self._weights[i]
            total = value if total is None else total + value
        self.track(float(total), parts, 1)
        return total

    def value_and_gradients(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        masks: Any = None,
        logits: Any = None,
    ) -> tuple[float, list[Array | None], list[float]]:
        """Returns the loss of a batch and its gradient for each output.

        Args:
            y_true: Labels, by output.
            y_pred: The outputs.
            sample_weight: None, weights for all outputs, or a list or dict of them.
            masks: None, or a mask or None for each output.
            logits: None, or for each output None or what its sigmoid or softmax was given. Where
                the loss uses them (`uses_logits`), the gradient is for them.

        Returns:
            The weighted sum, the gradient of each output (None without a loss), and the losses of
            the outputs that have one, before they are multiplied by their weights.
        """
        true, predicted, weights = self._aligned(y_true, y_pred, sample_weight)
        gradients: list[Array | None] = [None] * len(predicted)
        parts = []
        for i in self._used:
            value, gradient = self.losses[i].value_and_gradient(  # type: ignore[index]
                true[i],
                predicted[i],
                weights[i],
                None if masks is None else masks[i],
                None if logits is None else logits[i],
            )
            weight = self._weights[i]
            gradients[i] = gradient if weight is None else gradient * gradient.dtype.type(weight)
            parts.append(value)
        return self._total(parts), gradients, parts

    def _aligned(self, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
        if self.losses is None:
            self.build(y_true, y_pred)
        if len(self._names) == 1 and are_arrays(y_true, y_pred, sample_weight):
            return [y_true], [y_pred], [sample_weight]
        _, predicted = named_outputs(y_pred, self._names)
        true = by_output("y_true", y_true, self._names, self._used)
        if sample_weight is None or not nest.is_nested(sample_weight):
            return true, predicted, [sample_weight] * len(predicted)
        return true, predicted, by_output("sample_weight", sample_weight, self._names, self._used)

    def _total(self, parts: list[float]) -> float:
        weights = [self._weights[i] for i in self._used]
        return sum(p if w is None else p * w for p, w in zip(parts, weights, strict=True))

    # Means over the batches of an epoch ----------------------------------------------------------

    def track(self, total: float, parts: Sequence[float], batch_size: int) -> None:
        """Takes the loss of a batch, and those of its outputs, into the means of the epoch.

        The mean of `loss` is over samples, those of the outputs' losses are over batches: Keras
        does not know how many samples a batch has when it traces a step in TensorFlow.
        """
        self._count += batch_size
        self._batches += 1
        self._sums = self._sums or [0.0] * (len(parts) + 1)
        for i, value in enumerate((total, *parts)):
            self._sums[i] += value if i else value * batch_size

    def means(self) -> list[tuple[str, float]]:
        """Returns the means so far with their names, which two outputs of one layer share."""
        names = ["loss", *(self.output_loss_names if self.losses is not None else ())]
        total, *others = self._sums or [0.0] * len(names)
        means = [total / max(self._count, 1), *(s / max(self._batches, 1) for s in others)]
        return list(zip(names, means, strict=False))

    def results(self) -> dict[str, float]:
        """Returns the means so far: `loss`, and that of each output if there are several."""
        return dict(self.means())

    def reset(self) -> None:
        """Forgets the batches so far."""
        self._count, self._batches, self._sums = 0, 0, []


def _array(y: Any) -> Any:
    return y if hasattr(y, "shape") else np.asarray(y)
