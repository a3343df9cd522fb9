"""Callbacks that watch a loss or metric."""

from __future__ import annotations

import os

from rnnext.callbacks.callback import Callback
from rnnext.errors import UnsupportedError

__all__ = ["EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau", "checked_save_freq"]

_MODES = ("auto", "min", "max")


def checked_save_freq(callback: str, save_freq: int | str) -> int | str:
    """Returns how often a callback saves.

    Raises:
        UnsupportedError: If it is neither `"epoch"` nor a number of batches.
    """
    if save_freq != "epoch" and not isinstance(save_freq, int):
        raise UnsupportedError(
            f"{callback}: save_freq must be 'epoch' or an integer, received {save_freq!r}."
        )
    return save_freq


class _Monitor(Callback):
    def _watch(self, monitor: str, mode: str, verbose: int) -> None:
        if mode not in _MODES:
            raise UnsupportedError(
                f"{type(self).__name__}: mode must be one of {_MODES}, received {mode!r}."
            )
        self.monitor, self.mode, self.verbose = monitor, mode, verbose


class EarlyStopping(_Monitor):
    """Stops training when a loss or metric becomes no better.

    Args:
        monitor: Name of the loss or metric.
        min_delta: Smallest change that is an improvement.
        patience: Epochs without one after which training stops.
        verbose: 1 prints a line.
        mode: `"min"`, `"max"` or `"auto"`: whether less is better.
        baseline: What must be improved on; None: the first value.
        restore_best_weights: Whether the weights of the best epoch come back.
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
        self._watch(monitor, mode, verbose)
        self.min_delta, self.patience = abs(min_delta), patience
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch


class ModelCheckpoint(_Monitor):
    """Saves the model, or its weights, while it is trained.

    Args:
        filepath: File; it may name the epoch and metrics: `"{epoch:02d}-{val_loss:.2f}.keras"`.
        monitor: Name of the loss or metric.
        verbose: 1 prints a line.
        save_best_only: Whether only improvements are saved.
        save_weights_only: Whether the weights are saved alone, into a `.weights.h5` file.
        mode: `"min"`, `"max"` or `"auto"`: whether less is better.
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: What must be improved on; None: the first value.

    Raises:
        UnsupportedError: If there is no such mode or frequency, or the suffix is another one.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        self._watch(monitor, mode, verbose)
        self.filepath = os.fspath(filepath)
        suffixes = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(suffixes):
            raise UnsupportedError(
                f"ModelCheckpoint: filepath with save_weights_only={save_weights_only} must end in "
                f"one of {suffixes}, received {self.filepath!r}."
            )
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq = checked_save_freq("ModelCheckpoint", save_freq)
        self.initial_value_threshold = initial_value_threshold


class ReduceLROnPlateau(_Monitor):
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
    ) -> None:
        self._watch(monitor, mode, verbose)
        if factor >= 1:
            raise UnsupportedError(
                f"ReduceLROnPlateau: factor must be below 1, received {factor!r}."
            )
        self.factor, self.patience = factor, patience
        self.min_delta, self.cooldown, self.min_lr = abs(min_delta), cooldown, min_lr
