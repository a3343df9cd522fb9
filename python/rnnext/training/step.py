"""One batch of training or evaluation: outputs, loss, gradients, a step of the optimizer."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, settings
from rnnext.autodiff.tape import AddedLoss
from rnnext.callbacks.callback_list import plain_logs
from rnnext.errors import DataError, UnsupportedError
from rnnext.graph.masked_array import attach_logits, attach_mask, masks_of
from rnnext.graph.recording import Buffers, Logits, Pullback, Recording
from rnnext.interrupts import HeldInterrupts
from rnnext.layers.added_losses import may_add
from rnnext.models.functional import Functional
from rnnext.regularizers.regularizer import penalty
from rnnext.training.compile_loss import CompileLoss
from rnnext.training.compile_metrics import CompileMetrics
from rnnext.training.listed_metrics import ListedMetrics
from rnnext.training.not_finite import warn_not_finite
from rnnext.training.options import check_options
from rnnext.training.outputs import in_order

__all__ = ["Steps", "losses_and_metrics"]

Array = NDArray[Any]


class Steps:
    """Trains and evaluates a compiled model batch by batch, in the order of Keras's `train_step`.

    Args:
        model: The model.

    Attributes:
        loss: The losses that the model was compiled with.
        metrics: Its metrics.
        listed: Both as `model.metrics` has them.
        has_warned: Whether there was a warning of a loss that is not finite; one is enough.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.loss, self.metrics = losses_and_metrics(model)
        self.listed = ListedMetrics(self.loss, self.metrics)
        self.has_warned = False
        self._is_checked = self._adds_losses = False
        self._weights: list[Any] = []
        self._regularized: list[Any] = []
        self._is_taken = False
        # What a forward pass moves: it is put back if the step is not taken.
        self._untrained: list[Any] = []
        self._stateful: list[Any] = []
        self._buffers = Buffers()
        self._generator = np.random.default_rng(settings.next_seed())

    def reset(self) -> None:
        """Begins an epoch: means are those of its batches, the weights those trained by now."""
        self._weights = []
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
            UnsupportedError: If there is no loss, or a layer has no gradient.
        """
        self._prepare(x)
        before = self._moved()
        self._is_taken = False
        try:
            self._train(x, y, sample_weight)
        except BaseException:  # Ctrl-C, too: a step is taken whole or not at all
            if not self._is_taken:
                _restore(*before)
            raise

    def _train(self, x: Any, y: Any, sample_weight: Any) -> None:
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
        scale = optimizer.scale_loss(1.0)
        for added in recording.losses:
            added.gradient = scale
        pullback([None if d is None else optimizer.scale_loss(d) for d in gradients])
        weights = self._trained_weights()
        total += _sum_of(recording.losses)
        total += _regularized(self._regularized, recording, scale)
        if not math.isfinite(total) and not self.has_warned:
            self._warn_not_finite(total, x, y)
        with HeldInterrupts():
            optimizer.apply_gradients([(recording.gradients.get(id(w)), w) for w in weights])
            self._is_taken = True
        self._note(total, parts, x, y, _carrying(outputs, masks, logits), sample_weight)

    def test(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Notes the loss and the metrics of a batch; nothing is trained.

        Args:
            x: Inputs of a batch.
            y: What is right.
            sample_weight: Weights of samples or steps, or None.

        Raises:
            UnsupportedError: If there is no loss.
        """
        self._prepare(x)
        added: list[AddedLoss] = []
        if self._adds_losses or self._may_use_logits(y):
            recording = self._begin(training=False)
            outputs, masks, _ = _recorded(self.model, recording, x)
            self._find_losses(y, outputs)
            predicted = _carrying(outputs, masks, self._logits(recording, outputs))
            added = recording.losses
        else:
            predicted = self.model(x)
            self._find_losses(y, predicted)
        total, parts = self.loss.values(y, predicted, sample_weight)
        self._trained_weights()
        total += _sum_of(added) + _regularized(self._regularized, None, 1.0)
        self._note(total, parts, x, y, predicted, sample_weight)

    def _prepare(self, x: Any) -> None:
        """Builds the model, and rejects layers and options that cannot be trained; once."""
        if self._is_checked:
            return
        if not self.model.built:
            self.model(nest.map_structure(lambda array: array[:1], x))
        check_options(self.model)
        self._adds_losses = may_add(self.model)
        if not self.model.trainable_weights:
            warnings.warn(f"{self.model.label}: it has no weights that are trained.", stacklevel=2)
        self._untrained = self.model.non_trainable_weights
        layers = self.model._with_descendants()
        self._stateful = [layer for layer in layers if vars(layer).get("states") is not None]
        self._is_checked = True

    def _trained_weights(self) -> list[Any]:
        """The weights that are trained; they are looked up once an epoch."""
        if not self._weights:
            self._weights = self.model.trainable_weights
            self._regularized = [w for w in self._weights if _adds_to_loss(w.regularizer)]
        return self._weights

    def _moved(self) -> tuple[list[tuple[Any, Any]], list[tuple[Any, Any]]]:
        """Weights and states that a forward pass moves, each with what it is now."""
        values = [(variable, variable.stored) for variable in self._untrained]
        return values, [(layer, layer.states) for layer in self._stateful]

    def _warn_not_finite(self, loss: float, x: Any, y: Any) -> None:
        """Runs the batch once more, to name where the first number came up that is not finite."""
        self.has_warned = True
        before = self._moved()
        warn_not_finite(self.model, loss, lambda r: _recorded(self.model, r, x)[0], x, y)
        _restore(*before)

    def _begin(self, training: bool) -> Recording:
        self._buffers.begin()
        return Recording(training, self._generator, self._buffers)

    def _find_losses(self, y: Any, outputs: Any) -> None:
        """Finds which loss each output has, once."""
        if y is None:
            raise DataError(
                f"{self.model.label}: no labels to compare its outputs with; pass y, or batches "
                "(x, y)."
            )
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
        first = x if type(x) is np.ndarray else nest.flatten(x)[0]
        self.loss.track(total, parts, len(first))
        self.metrics.update(y, predicted, sample_weight)


def losses_and_metrics(model: Any) -> tuple[CompileLoss, CompileMetrics]:
    """Returns the losses and the metrics that a model was compiled with."""
    has_graph = isinstance(model, Functional) and model.built
    names = model.output_names if has_graph else None
    loss = CompileLoss(model.loss, model.loss_weights, names)
    return loss, CompileMetrics(model._compile_metrics, model._compile_weighted_metrics, names)


def _runs_graph(model: Any) -> bool:
    return isinstance(model, Functional) and model._runs_graph


def _recorded(model: Any, recording: Recording, x: Any) -> tuple[Any, list[Any] | None, Pullback]:
    """Outputs, masks in flat order (None: there are none), and the outputs' pullback."""
    if _runs_graph(model):
        outputs, masks, pullback = model.record_with_masks(recording, x, masks_of(x))
        masks = [masks] if masks is None else nest.flatten(masks)
        return outputs, masks if any(m is not None for m in masks) else None, pullback
    outputs, pullback = model.record(recording, x)
    return outputs, None, pullback


def _carrying(outputs: Any, masks: list[Any] | None, logits: list[Logits | None]) -> Any:
    """The outputs with their masks and logits, where losses and metrics look for them."""
    if not logits and not masks:
        return outputs
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


def _adds_to_loss(regularizer: Any) -> bool:
    return regularizer is not None and not getattr(regularizer, "is_zero", False)


def _sum_of(added: list[AddedLoss]) -> float:
    return sum(float(np.sum(loss.value)) for loss in added)


def _regularized(weights: list[Any], recording: Recording | None, scale: float) -> float:
    """The sum of the weights' regularizers; their gradients, times `scale`, go to the recording."""
    total = 0.0
    for weight in weights:
        regularizer = weight.regularizer
        if recording is None:
            total += float(np.sum(regularizer(weight.value)))
            continue
        value, gradient = penalty(regularizer, weight.value)
        total += float(value)
        recording.add(weight, gradient * gradient.dtype.type(scale))
    return total


def _restore(values: list[tuple[Any, Any]], states: list[tuple[Any, Any]]) -> None:
    """Puts back what the forward pass of a step moved."""
    for variable, stored in values:
        if variable.stored is not stored:
            variable.replace(stored)
    for layer, before in states:
        layer.states = before


def _known(shape: Any) -> tuple[int, ...]:
    """A shape with 1 for the sizes that are not known."""
    return tuple(1 if size is None else size for size in shape)
