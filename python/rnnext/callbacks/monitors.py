"""Callbacks that watch a loss or metric."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from rnnext.callbacks.callback import Callback
from rnnext.callbacks.learning_rate import log_learning_rates, optimizers_of, rate_of, set_rate
from rnnext.errors import UnsupportedError
from rnnext.progbar import print_message

__all__ = ["EarlyStopping", "MonitorCallback", "ReduceLROnPlateau"]

_MODES = ("auto", "min", "max")
# Whether more is better, of metrics that do not say so themselves, by their Keras names.
_UP = (
    *("acc", "accuracy", "binary_accuracy", "categorical_accuracy"),
    *("sparse_categorical_accuracy", "top_k_categorical_accuracy"),
    *("sparse_top_k_categorical_accuracy", "auc", "precision", "recall", "f1_score"),
    *("fbeta_score", "r2_score", "cosine_similarity", "io_u", "mean_io_u", "binary_io_u"),
    *("one_hot_io_u", "one_hot_mean_io_u", "true_positives", "true_negatives"),
)
_DOWN = (
    *("mse", "mae", "mape", "msle", "mean_squared_error", "mean_absolute_error"),
    *("mean_absolute_percentage_error", "mean_squared_logarithmic_error", "log_cosh", "logcosh"),
    *("root_mean_squared_error", "binary_crossentropy", "categorical_crossentropy"),
    *("sparse_categorical_crossentropy", "kl_divergence", "poisson", "hinge", "squared_hinge"),
    *("categorical_hinge", "false_positives", "false_negatives"),
)


class MonitorCallback(Callback):
    """Base class of callbacks that watch a loss or metric.

    Args:
        monitor: Its name.
        mode: `"min"`, `"max"` or `"auto"`: whether less is better.
        baseline: What must be improved on; None: the first value.
        min_delta: Smallest change that is an improvement.

    Raises:
        UnsupportedError: If there is no such mode.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:
        if mode not in _MODES:
            raise UnsupportedError(
                f"{type(self).__name__}: mode must be one of {_MODES}, received {mode!r}."
            )
        self.monitor, self.mode = monitor, mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._more_is_better: bool | None = None

    def _choose_direction(self) -> None:
        """Finds whether more is better. The metrics of a model are known once it is trained."""
        if self._more_is_better is not None:
            return
        if self.mode == "auto":
            self._more_is_better = self._direction_of_metric()
        else:
            self._more_is_better = self.mode == "max"
        if not self._more_is_better:
            self.min_delta *= -1

    def _direction_of_metric(self) -> bool:
        name = self.monitor.removeprefix("val_")
        for metric in _metrics(getattr(self.model, "metrics", ())):
            direction = getattr(metric, "_direction", None)
            if getattr(metric, "name", None) == name and direction is not None:
                return bool(direction == "up")
        if name in _UP:
            return True
        if name == "loss" or name in _DOWN:
            return False
        raise UnsupportedError(
            f"{type(self).__name__}: cannot tell whether more of monitor={self.monitor!r} is "
            "better; pass mode='max' or mode='min'."
        )

    def _is_improvement(self, value: Any, reference: Any) -> bool:
        """Whether a value is better than the reference by `min_delta`, in float32 as in Keras."""
        if reference is None:
            return True
        value, reference = np.float32(value - self.min_delta), np.float32(reference)
        return bool(value > reference if self._more_is_better else value < reference)


def _metrics(metrics: Any) -> list[Any]:
    """The metrics of a model and those inside containers of them."""
    return [inner for m in metrics for inner in (m, *_metrics(getattr(m, "metrics", ())))]


class EarlyStopping(MonitorCallback):
    """Stops training when a loss or metric becomes no better.

    Args:
        monitor: Name of the loss or metric.
        min_delta: Smallest change that is an improvement.
        patience: Epochs without one after which training stops.
        verbose: 1 prints a line.
        mode: `"min"`, `"max"` or `"auto"`: whether less is better.
        baseline: What must be improved on; None: the first value.
        restore_best_weights: Whether the weights of the best epoch come back when training ends,
            also if it was not stopped early.
        start_from_epoch: Epochs that are not watched.

    Raises:
        UnsupportedError: If there is no such mode.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: Any = None

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Forgets an earlier run."""
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stops training if the value has not improved for `patience` epochs."""
        self._choose_direction()
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep_weights(epoch)
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self._keep_weights(epoch)
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Puts the best weights back."""
        if self.stopped_epoch > 0 and self.verbose > 0:
            print_message(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print_message(
                    "Restoring model weights from the end of the best epoch: "
                    f"{self.best_epoch + 1}."
                )
            self.model.set_weights(self.best_weights)

    def get_monitor_value(self, logs: Any) -> Any:
        """Returns the watched value; warns and returns None if it is not there."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"Early stopping conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs or {})}",
                stacklevel=3,
            )
        return value

    def _keep_weights(self, epoch: int) -> None:
        self.best_weights, self.best_epoch = self.model.get_weights(), epoch


class ReduceLROnPlateau(MonitorCallback):
    """Lowers the learning rate when a loss or metric becomes no better.

    Args:
        monitor: Name of the loss or metric.
        factor: Factor of the learning rate, below 1.
        patience: Epochs without an improvement after which it is lowered.
        verbose: 1 prints a line.
        mode: `"min"`, `"max"` or `"auto"`: whether less is better.
        min_delta: Smallest change that is an improvement.
        cooldown: Epochs that are not watched after it was lowered.
        min_lr: Lower limit of the learning rate.
        **kwargs: Ignored, as in Keras.

    Raises:
        UnsupportedError: If there is no such mode, or the factor is 1 or more.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1:
            raise UnsupportedError(
                f"ReduceLROnPlateau: factor must be below 1, received {factor!r}."
            )
        self.factor, self.min_lr = factor, min_lr
        self.patience, self.verbose, self.cooldown = patience, verbose, cooldown
        self.cooldown_counter = self.wait = 0

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Forgets an earlier run."""
        self.best = None
        self.cooldown_counter = self.wait = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Lowers the learning rate if the value has not improved for `patience` epochs."""
        self._choose_direction()
        logs = logs if logs is not None else {}
        log_learning_rates(self.model.optimizer, logs)
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not "
                f"available. Available metrics are: {','.join(logs)}.",
                stacklevel=2,
            )
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def in_cooldown(self) -> bool:
        """Tells whether the value is not watched yet."""
        return self.cooldown_counter > 0

    def _reduce(self, epoch: int) -> bool:
        """Lowers the rate of each optimizer that is above the limit; whether one was."""
        reduced = False
        for name, optimizer in optimizers_of(self.model.optimizer):
            old = rate_of(optimizer)
            if old <= np.float32(self.min_lr):
                continue
            new = max(old * self.factor, self.min_lr)
            set_rate(optimizer, new, "ReduceLROnPlateau")
            reduced = True
            if self.verbose > 0:
                print_message(
                    f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing{name and ' ' + name} "
                    f"learning rate to {new}."
                )
        return reduced
