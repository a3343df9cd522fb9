"""What a callback is: methods that training calls, which do nothing until overridden."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rnnext.errors import UnsupportedError

__all__ = ["Callback", "History", "LambdaCallback"]

_Logs = Mapping[str, Any] | None


class Callback:
    """Base class of callbacks; subclasses override some of its methods.

    Attributes:
        params: What `set_params` was given.
        model: What `set_model` was given.

    Example:
        >>> class Shout(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(f"EPOCH {epoch}!")
        >>> Shout().on_epoch_end(0)
        EPOCH 0!
    """

    params: Any = None
    model: Any = None

    def set_params(self, params: Any) -> None:
        """Keeps what training is called with."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Keeps the model."""
        self.model = model

    def on_epoch_begin(self, epoch: int, logs: _Logs = None) -> None:
        """Called before an epoch of training."""

    def on_epoch_end(self, epoch: int, logs: _Logs = None) -> None:
        """Called after an epoch of training."""

    def on_train_begin(self, logs: _Logs = None) -> None:
        """Called before training."""

    def on_train_end(self, logs: _Logs = None) -> None:
        """Called after training."""

    def on_train_batch_begin(self, batch: int, logs: _Logs = None) -> None:
        """Called before a batch of training."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: _Logs = None) -> None:
        """Called after a batch of training."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: _Logs = None) -> None:
        """Older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: _Logs = None) -> None:
        """Older name of `on_train_batch_end`."""

    def on_test_begin(self, logs: _Logs = None) -> None:
        """Called before evaluation."""

    def on_test_end(self, logs: _Logs = None) -> None:
        """Called after evaluation."""

    def on_test_batch_begin(self, batch: int, logs: _Logs = None) -> None:
        """Called before a batch of evaluation."""

    def on_test_batch_end(self, batch: int, logs: _Logs = None) -> None:
        """Called after a batch of evaluation."""

    def on_predict_begin(self, logs: _Logs = None) -> None:
        """Called before prediction."""

    def on_predict_end(self, logs: _Logs = None) -> None:
        """Called after prediction."""

    def on_predict_batch_begin(self, batch: int, logs: _Logs = None) -> None:
        """Called before a batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: _Logs = None) -> None:
        """Called after a batch of prediction."""


class History(Callback):
    """What `fit` returns: losses and metrics by epoch.

    Attributes:
        history: Lists of values by name.
        epoch: The epochs they are of.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: _Logs = None) -> None:  # noqa: ARG002
        """Begins the list of epochs again; the values of an earlier run stay."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: _Logs = None) -> None:
        """Appends the values of an epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self

    def plot(self) -> Any:
        """Draws losses and metrics against epochs as a Matplotlib figure.

        Returns:
            The figure: `figure.savefig("history.png")` writes it.

        Raises:
            DataError: If there is no epoch yet.
            MissingPackageError: If Matplotlib is not installed.
        """
        from rnnext.plots.history import plot_history

        return plot_history(self.epoch, self.history)


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin: Takes the place of the method of this name, and so on.
        on_epoch_end: The same.
        on_train_begin: The same.
        on_train_end: The same.
        on_train_batch_begin: The same.
        on_train_batch_end: The same.
        **kwargs: Other methods of `Callback` by name.

    Raises:
        UnsupportedError: If there is no such method.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        given = {k: v for k, v in locals().items() if k.startswith("on_") and v is not None}
        methods = sorted(name for name in dir(Callback) if name.startswith("on_"))
        unknown = sorted(kwargs.keys() - set(methods))
        if unknown:
            raise UnsupportedError(
                f"LambdaCallback: unknown arguments {unknown}; accepted: {methods}."
            )
        vars(self).update(given, **kwargs)
