"""Steps that a model's own class takes: `train_step`, `compute_loss` and what else it overrides.

The methods of `Trainer` that a class may override are here, too, as Keras 3 has them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from rnnext import nest, ops
from rnnext.callbacks.callback_list import plain_logs
from rnnext.errors import UnsupportedError
from rnnext.graph.arguments import accepts
from rnnext.graph.masked_array import untraced
from rnnext.metrics import Mean
from rnnext.metrics.metric import Metric
from rnnext.models.training import Trainer
from rnnext.training.compile_loss import CompileLoss
from rnnext.training.data import pack_x_y_sample_weight, unpack_x_y_sample_weight
from rnnext.training.gradient_tape import GradientTape
from rnnext.training.listed_metrics import MetricsOfCompile
from rnnext.training.options import check_options
from rnnext.training.step import losses_and_metrics

__all__ = [
    "CompiledMetrics",
    "OwnSteps",
    "compute_loss",
    "compute_metrics",
    "has_own_step",
    "metrics_of",
    "metrics_result",
    "predict_step",
    "test_step",
    "train_step",
]

_METHODS = (
    *("train_step", "test_step", "compute_loss", "compute_metrics"),
    *("get_metrics_result", "reset_metrics", "metrics"),
)


def has_own_step(model: Any) -> bool:
    """Whether a model's class does something itself in a step, or has metrics of its own."""
    cls = type(model)
    overrides = any(getattr(cls, name) is not getattr(Trainer, name) for name in _METHODS)
    return overrides or bool(list(_own_metrics(model)))


class OwnSteps:
    """Trains and evaluates a model by the methods of its class, as Keras's `fit` calls them.

    Args:
        model: The model; it is compiled.

    Attributes:
        loss: The losses that the model was compiled with.
        compiled: Its metrics.
        tracker: The mean of the loss.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.loss, self.metrics = losses_and_metrics(model)
        self.tracker = _LossTracker(self.loss)
        self.compiled = MetricsOfCompile(self.metrics)
        self.has_warned = False  # of a loss that is not finite; here the class decides
        self._logs: Any = {}
        self._is_checked = False

    def reset(self) -> None:
        """Begins an epoch."""
        self.model.reset_metrics()
        self._logs = {}

    def train(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Takes the model's `train_step` on a batch."""
        self._step(self.model.train_step, x, y, sample_weight)

    def test(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Takes the model's `test_step` on a batch."""
        self._step(self.model.test_step, x, y, sample_weight)

    def _step(self, step: Any, x: Any, y: Any, sample_weight: Any) -> None:
        if not self._is_checked:
            check_options(self.model)
            self._is_checked = True
        logs = step(pack_x_y_sample_weight(x, y, sample_weight))
        self._logs = nest.map_structure(untraced, logs) if nest.is_nested(logs) else untraced(logs)

    def results(self) -> dict[str, Any]:
        """Returns what the last step returned: means of the epoch, if it lists all metrics.

        Dictionaries in it are left as they are: callbacks get the results in an order that
        depends on it.
        """
        of_metrics = self.model.get_metrics_result()
        logs = self._logs
        if not isinstance(logs, dict) or set(logs) == set(of_metrics):
            logs = of_metrics  # means of the epoch in place of what the last step returned
        return dict(logs)

    def results_in_order(self) -> Any:
        """Returns what `evaluate` does: one number, or a list in the order of `metrics`."""
        names: list[str] = []
        for metric in self.model.metrics:
            names += metric.names if isinstance(metric, MetricsOfCompile) else [metric.name]
        logs = plain_logs(self.results())
        listed = [logs[name] for name in names if name in logs]
        listed += [logs[name] for name in sorted(logs) if name not in names]
        return listed[0] if len(listed) == 1 else listed


class CompiledMetrics:
    """`model.compiled_metrics` of Keras 2.

    Args:
        model: The model.
    """

    def __init__(self, model: Any) -> None:
        self._model = model

    def update_state(self, y: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch into each of `model.metrics`, means of the predictions among them."""
        warnings.warn(
            "`model.compiled_metrics()` is deprecated. Instead, call update_state(y, y_pred) of "
            "each metric of `model.metrics`.",
            stacklevel=2,
        )
        for metric in self._model.metrics:
            if isinstance(metric, Mean):
                metric.update_state(y_pred, sample_weight=sample_weight)
            else:
                metric.update_state(y, y_pred, sample_weight=sample_weight)


class _LossTracker(Mean):
    """The mean of the loss; with it go the means of the losses of several outputs."""

    def __init__(self, loss: CompileLoss) -> None:
        super().__init__(name="loss")
        self._loss = loss

    def of_outputs(self) -> dict[str, Any]:
        """Returns the means of the losses of the outputs by name, if there are several."""
        return {name: v for name, v in self._loss.results().items() if name != "loss"}

    def reset_state(self) -> None:
        """Begins the means anew."""
        super().reset_state()
        self._loss.reset()


# What the methods of Trainer do ----------------------------------------------------------------


def train_step(model: Any, data: Any) -> dict[str, Any]:
    """Takes a training step on a batch; see `Trainer.train_step`."""
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    with GradientTape() as tape:
        y_pred = _called(model, x, True)
        loss = _tracked_loss(model, x, y, y_pred, sample_weight, True)
        loss = model.optimizer.scale_loss(loss)
    weights = model.trainable_weights
    if weights:
        gradients = tape.gradient(loss, weights)
        model.optimizer.apply_gradients(zip(gradients, weights, strict=True))
    else:
        warnings.warn("The model does not have any trainable weights.", stacklevel=2)
    found: dict[str, Any] = model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)
    return found


def test_step(model: Any, data: Any) -> dict[str, Any]:
    """Evaluates a batch; see `Trainer.test_step`."""
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    y_pred = _called(model, x, False)
    _tracked_loss(model, x, y, y_pred, sample_weight, False)
    found: dict[str, Any] = model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)
    return found


def predict_step(model: Any, data: Any) -> Any:
    """Predicts a batch; see `Trainer.predict_step`."""
    return _called(model, unpack_x_y_sample_weight(data)[0], False)


def _called(model: Any, x: Any, training: bool) -> Any:
    options = {"training": training} if accepts(type(model).call, "training") else {}
    return model(x, **options)


def _tracked_loss(
    model: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool
) -> Any:
    """The loss of a batch; the mean of the epoch takes it in."""
    options = {"training": training} if accepts(type(model).compute_loss, "training") else {}
    loss = model.compute_loss(x, y, y_pred, sample_weight, **options)
    rows = next(leaf.shape[0] for leaf in nest.flatten(x) if leaf is not None)
    _steps_of(model).tracker.update_state(loss, sample_weight=rows)
    return loss


def compute_loss(model: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
    """Returns the loss of a batch; see `Trainer.compute_loss`."""
    losses = []
    if model.loss is not None:
        losses.append(_steps_of(model).loss(y, y_pred, sample_weight))
    losses += [ops.sum(loss) for loss in model.losses]
    if not losses:
        raise UnsupportedError(
            f"{model.label}: No loss to compute. Provide a `loss` argument in `compile()`."
        )
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    return total


def compute_metrics(model: Any, y: Any, y_pred: Any, sample_weight: Any) -> dict[str, Any]:
    """Takes a batch into the metrics of `compile`; see `Trainer.compute_metrics`."""
    if _has_compiled_metrics(model):
        _steps_of(model).compiled.update_state(y, y_pred, sample_weight)
    found: dict[str, Any] = model.get_metrics_result()
    return found


def metrics_result(model: Any) -> dict[str, Any]:
    """Returns the results of `model.metrics` by name, the loss first."""
    if not has_own_step(model) and model._steps is not None:
        of_loss, of_metrics = model._steps.loss.results(), model._steps.metrics.results()
        return {"loss": of_loss.pop("loss"), **of_metrics, **of_loss}
    results: dict[str, Any] = {}
    for metric in model.metrics:
        result = metric.result()
        results.update(result if isinstance(result, dict) else {metric.name: result})
        if isinstance(metric, _LossTracker):
            results.update(metric.of_outputs())
    return results


def metrics_of(model: Any) -> list[Any]:
    """Returns the metrics of a model as Keras lists them: of `compile`, then its own, then inner.

    Args:
        model: A model; if it is compiled, the mean of the loss comes first.
    """
    if model.compiled and not has_own_step(model):
        from rnnext.training.epochs import steps_of

        plain = steps_of(model)
        if not isinstance(plain, OwnSteps):
            return plain.listed.listed(_has_compiled_metrics(model))
    found: list[Any] = []
    if model.compiled:
        steps = _steps_of(model)
        found.append(steps.tracker)
        if _has_compiled_metrics(model):
            found.append(steps.compiled)
    return found + list(_own_metrics(model))


def _has_compiled_metrics(model: Any) -> bool:
    return model._compile_metrics is not None or model._compile_weighted_metrics is not None


def _own_metrics(model: Any) -> Iterator[Metric]:
    """The metrics in attributes of the model and of the layers in it, in order."""
    for owner in model._with_descendants():
        if owner is not model and isinstance(owner, Trainer):
            continue  # what belongs to the training of an inner model
        for name, value in vars(owner).items():
            if not name.startswith("_compile") and name not in ("loss", "_steps", "_steps_aside"):
                leaves = nest.flatten(value) if nest.is_nested(value) else [value]
                yield from (leaf for leaf in leaves if isinstance(leaf, Metric))


def _steps_of(model: Any) -> OwnSteps:
    """The losses and metrics of `compile`, made anew after each."""
    if not model.compiled:
        raise UnsupportedError(
            f"{model.label}: You must call `compile()` before training or evaluating the model; "
            "model.compile(optimizer, loss)."
        )
    # Of a class without a step of its own `fit` keeps another kind, which stays as it is.
    name = "_steps" if has_own_step(model) else "_steps_aside"
    if vars(model).get(name) is None:
        vars(model)[name] = OwnSteps(model)
    steps: OwnSteps = vars(model)[name]
    return steps
