"""One batch of training or evaluation: outputs, loss, gradients, a step of the optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, settings
from rnnext.callbacks.callback_list import plain_logs
from rnnext.errors import UnsupportedError
from rnnext.graph.masked_array import attach_logits, attach_mask, masks_of
from rnnext.graph.recording import Buffers, Logits, Pullback, Recording
from rnnext.layers.regularization.regularization import ActivityRegularization
from rnnext.models.functional import Functional
from rnnext.training.compile_loss import CompileLoss
from rnnext.training.compile_metrics import CompileMetrics
from rnnext.training.outputs import in_order

__all__ = ["Steps"]

Array = NDArray[Any]


class Steps:
    """Trains and evaluates a compiled model batch by batch, in the order of Keras's `train_step`.

    Args:
        model: The model.

    Raises:
        UnsupportedError: If the model has a `train_step` or `test_step` of its own.

    Attributes:
        loss: The losses that the model was compiled with.
        metrics: Its metrics.
    """

    def __init__(self, model: Any) -> None:
        for method in ("train_step", "test_step", "compute_loss", "compute_metrics"):
            if hasattr(model, method):
                raise UnsupportedError(
                    f"{model.label}: a model with its own {method}() cannot be trained; rnnext "
                    "takes the step itself, from what compile() is given."
                )
        has_graph = isinstance(model, Functional) and model.built
        names = model.output_names if has_graph else None
        self.model = model
        self.loss = CompileLoss(model.loss, model.loss_weights, names)
        self.metrics = CompileMetrics(
            model._compile_metrics, model._compile_weighted_metrics, names
        )
        self._is_checked = False
        self._buffers = Buffers()
        self._generator = np.random.default_rng(settings.next_seed())

    def reset(self) -> None:
        """Begins an epoch: means of losses and metrics are those of its batches."""
        self.loss.reset()
        self.metrics.reset()

    def results(self) -> dict[str, Any]:
        """Returns the loss and the metrics of the batches since `reset`, by name."""
        return plain_logs({**self.loss.results(), **self.metrics.results()})

    def results_in_order(self) -> Any:
        """Returns what `evaluate` does: the loss alone, or a list of it and the metrics."""
        names = ["loss", *(metric.name for metric in self.metrics.metrics)]
        values = in_order(self.results(), [*names, *self.loss.output_loss_names])
        return values[0] if len(values) == 1 else values

    def train(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Changes the weights by the gradients of the loss of a batch, and notes the results.

        Args:
            x: Inputs of a batch.
            y: What is right.
            sample_weight: Weights of samples or steps, or None.

        Raises:
            UnsupportedError: If there is no loss, a layer has no gradient, or it has an
                `activity_regularizer`.
        """
        self._prepare(x)
        model, optimizer = self.model, self.model.optimizer
        recording = self._begin(training=True)
        recording.data = frozenset(map(id, nest.flatten(x)))
        outputs, masks, pullback = _recorded(model, recording, x)
        self._find_losses(y, outputs)
        logits = self._logits(recording, outputs)
        total, gradients, parts = self.loss.value_and_gradients(
            y, outputs, sample_weight, masks, _values(logits)
        )
        for noted in logits:
            if noted is not None:
                noted.taken = True
        pullback([None if d is None else optimizer.scale_loss(d) for d in gradients])
        weights = model.trainable_weights
        total += _regularized(weights, recording, optimizer.scale_loss(1.0))
        optimizer.apply([recording.gradients.get(id(w)) for w in weights], weights)
        self._note(total, parts, x, y, _carrying(outputs, masks, logits), sample_weight)

    def test(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Notes the loss and the metrics of a batch; nothing is trained.

        Args:
            x: Inputs of a batch.
            y: What is right.
            sample_weight: Weights of samples or steps, or None.

        Raises:
            UnsupportedError: If there is no loss, or a layer has an `activity_regularizer`.
        """
        self._prepare(x)
        if self._may_use_logits(y):
            recording = self._begin(training=False)
            outputs, masks, _ = _recorded(self.model, recording, x)
            self._find_losses(y, outputs)
            predicted = _carrying(outputs, masks, self._logits(recording, outputs))
        else:
            predicted = self.model(x)
            self._find_losses(y, predicted)
        total, parts = self.loss.values(y, predicted, sample_weight)
        total += _regularized(self.model.trainable_weights, None, 1.0)
        self._note(total, parts, x, y, predicted, sample_weight)

    def _prepare(self, x: Any) -> None:
        """Builds the model, and rejects layers and options that cannot be trained; once."""
        if self._is_checked:
            return
        if not self.model.built:
            self.model(nest.map_structure(lambda array: array[:1], x))
        for layer in self.model._with_descendants():
            if getattr(layer, "activity_regularizer", None) is not None or (
                isinstance(layer, ActivityRegularization) and (layer.l1 or layer.l2)
            ):
                raise UnsupportedError(
                    f"{layer.label}: its activity_regularizer adds to the loss, which rnnext does "
                    "not do in training and evaluation; leave it out, or regularize the weights."
                )
        for weight in self.model.trainable_weights:
            for option in (weight.regularizer, weight.constraint):
                if isinstance(option, Mapping):
                    raise UnsupportedError(
                        f"weight {weight.path!r}: the class of {dict(option)} is not known; "
                        "register it with rnnext.saving.register_keras_serializable before the "
                        "model is made."
                    )
        self._is_checked = True

    def _begin(self, training: bool) -> Recording:
        self._buffers.begin()
        return Recording(training, self._generator, self._buffers)

    def _find_losses(self, y: Any, outputs: Any) -> None:
        """Finds which loss each output has, once."""
        if self.loss.losses is None:
            self.loss.build(y, outputs)
        if not any(loss is not None for loss in self.loss.losses or ()):
            raise UnsupportedError(
                f"{self.model.label}: No loss to compute. Provide a `loss` argument in `compile()`."
            )

    # Logits --------------------------------------------------------------------------------------

    def _may_use_logits(self, y: Any) -> bool:
        """Whether a loss may be computed from what an output's sigmoid or softmax was given.

        Only then is evaluation recorded: a recording keeps every step of every layer in memory.
        """
        if not _runs_graph(self.model):
            return False
        if self.loss.losses is None:
            self._find_losses(y, [np.zeros(_known(o.shape)) for o in self.model.outputs])
        return any(self.loss.uses_logits())

    def _logits(self, recording: Recording, outputs: Any) -> list[Logits | None]:
        """What the sigmoid or softmax of each output was given; [] if no loss can use any.

        An output that another layer reads, too, is left out: its gradient has to pass through the
        activation.
        """
        uses = self.loss.uses_logits()
        if not any(uses) or not _runs_graph(self.model):
            return []
        found: list[Logits | None] = []
        for use, is_only, output, tensor in zip(
            uses,
            self.model.program.is_only_output,
            nest.flatten(outputs),
            self.model.outputs,
            strict=True,
        ):
            noted = recording.logits.get(id(output))
            is_own = noted is not None and noted.owner is tensor.source.operation
            found.append(noted if use and is_only and is_own else None)
        return found

    def _note(
        self, total: float, parts: list[float], x: Any, y: Any, predicted: Any, sample_weight: Any
    ) -> None:
        self.loss.track(total, parts, len(nest.flatten(x)[0]))
        self.metrics.update(y, predicted, sample_weight)


def _runs_graph(model: Any) -> bool:
    return isinstance(model, Functional) and model._runs_graph


def _recorded(model: Any, recording: Recording, x: Any) -> tuple[Any, list[Any] | None, Pullback]:
    """Outputs, masks in flat order (None: there are none), and the outputs' pullback."""
    if _runs_graph(model):
        outputs, masks, pullback = model.record_with_masks(recording, x, masks_of(x))
        masks = nest.flatten(masks)
        return outputs, masks if any(m is not None for m in masks) else None, pullback
    outputs, pullback = model.record(recording, x)
    return outputs, None, pullback


def _carrying(outputs: Any, masks: list[Any] | None, logits: list[Logits | None]) -> Any:
    """The outputs with their masks and logits, where losses and metrics look for them."""
    leaves = nest.flatten(outputs)
    for i, mask in enumerate(masks or ()):
        if mask is not None:
            leaves[i] = attach_mask(np.asarray(leaves[i]), mask)
    for i, noted in enumerate(logits):
        if noted is not None:
            leaves[i] = attach_logits(leaves[i], noted.values)
    return nest.pack_like(outputs, leaves) if nest.is_nested(outputs) else leaves[0]


def _values(logits: list[Logits | None]) -> list[Any] | None:
    found = [None if noted is None else noted.values for noted in logits]
    return found if any(value is not None for value in found) else None


def _regularized(weights: list[Any], recording: Recording | None, scale: float) -> float:
    """The sum of the weights' regularizers; their gradients, times `scale`, go to the recording."""
    total = 0.0
    for weight in weights:
        regularizer = weight.regularizer
        if regularizer is None:
            continue
        total += float(regularizer(weight.value))
        if recording is None:
            continue
        if not hasattr(regularizer, "gradient"):
            raise UnsupportedError(
                f"weight {weight.path!r}: regularizer {regularizer!r} has no gradient(x); use one "
                "of rnnext.regularizers, or a subclass of Regularizer that defines it."
            )
        gradient = np.asarray(regularizer.gradient(weight.value))
        recording.add(weight, gradient * gradient.dtype.type(scale))
    return total


def _known(shape: Any) -> tuple[int, ...]:
    """A shape with 1 for the sizes that are not known."""
    return tuple(1 if size is None else size for size in shape)
