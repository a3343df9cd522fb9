"""All callbacks of a run, called as one, and the two that every run of `fit` has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rnnext.callbacks.callback import Callback, History
from rnnext.errors import UnsupportedError
from rnnext.progbar import Progbar, print_message

__all__ = ["CallbackList", "ProgbarLogger", "plain_logs"]

_OLDER_NAMES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class ProgbarLogger(Callback):
    """Shows training, evaluation or prediction as a progress bar.

    Its parameters, which `set_params` takes, are `verbose` (0 nothing, 1 or "auto" a bar, 2 a line
    an epoch), `epochs`, and `steps`, the number of batches or None.

    Example:
        >>> logger = ProgbarLogger()
        >>> logger.set_params({"verbose": 2, "epochs": 2, "steps": 1})
        >>> logger.on_epoch_begin(0)
        Epoch 1/2
        >>> logger.on_train_batch_end(0, {"loss": 0.5})
        >>> logger.on_epoch_end(0, {"loss": 0.5})  # doctest: +ELLIPSIS
        1/1 - 0s - ...s/step - loss: 0.5000
    """

    def __init__(self) -> None:
        self.seen = 0
        self.progbar: Progbar | None = None
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self._called_in_fit = False

    def set_params(self, params: Any) -> None:
        """Takes `verbose`, `epochs` and `steps`."""
        self.verbose = 1 if params["verbose"] == "auto" else params["verbose"]
        self.epochs, self.target = params["epochs"], params["steps"]

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Makes validation silent: it is part of the epoch's line."""
        self._called_in_fit = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Begins a bar."""
        self._begin()
        if self.verbose and self.epochs > 1:
            print_message(f"Epoch {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Draws the bar."""
        self._update(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Draws the bar for the last time, with the results of validation."""
        self._finish(logs)

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Begins a bar."""
        if not self._called_in_fit:
            self._begin()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Draws the bar."""
        if not self._called_in_fit:
            self._update(batch, logs)

    def on_test_end(self, logs: Any = None) -> None:
        """Draws the bar for the last time."""
        if not self._called_in_fit:
            self._finish(logs)

    def on_predict_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Begins a bar."""
        self._begin()

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Draws the bar; outputs are not shown."""
        self._update(batch, None)

    def on_predict_end(self, logs: Any = None) -> None:
        """Draws the bar for the last time."""
        self._finish(logs)

    def is_due(self) -> bool:
        """Whether a batch that ends now changes what is shown."""
        if self.target is None or self.progbar is None:
            return True  # the batches are counted
        return self.verbose == 1 and self.progbar.is_due()

    def _begin(self) -> None:
        self.seen = 0
        self.progbar = Progbar(self.target, verbose=self.verbose, stateless_metrics=())

    def _update(self, batch: int, logs: Any) -> None:
        if self.progbar is None:
            self._begin()
        assert self.progbar is not None
        self.seen = batch + 1
        if self.verbose == 1:
            self.progbar.update(self.seen, list((logs or {}).items()), finalize=False)

    def _finish(self, logs: Any) -> None:
        assert self.progbar is not None
        if self.target is None:
            self.target = self.progbar.target = self.seen
        self.progbar.update(self.target, list((logs or {}).items()), finalize=True)


class CallbackList(Callback):
    """Calls every callback of a list; numbers of the logs come as Python's floats.

    Args:
        callbacks: A callback, or a list of them.
        add_history: Whether to add a `History` if there is none.
        add_progbar: Whether to add a `ProgbarLogger` if there is none.
        model: Model of all callbacks.
        **params: Parameters of all callbacks, such as `verbose`, `epochs` and `steps`.

    Raises:
        UnsupportedError: If one is no callback: it has not the methods of one.

    Example:
        >>> class Show(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, logs)
        >>> CallbackList([Show()]).on_epoch_end(0, {"loss": 1})
        0 {'loss': 1.0}
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        self.callbacks = _flat(callbacks)
        self._add(History, add_history)
        self._add(ProgbarLogger, add_progbar)
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def _add(self, kind: type[Callback], wanted: bool) -> None:
        if wanted and not any(isinstance(callback, kind) for callback in self.callbacks):
            self.callbacks.append(kind())

    def listening(self, hook: str) -> Callable[[], bool]:
        """Returns a function that tells whether a callback does something in a hook just now.

        Few callbacks do anything at batches, and to find the results of a batch takes time.

        Args:
            hook: Name of a method, e.g. `"on_train_batch_end"`.
        """
        if type(self) is not CallbackList:
            return _always
        heard = [callback for callback in self.callbacks if _overrides(callback, hook)]
        shown = getattr(ProgbarLogger, hook)
        bars = [c for c in heard if getattr(getattr(c, hook), "__func__", None) is shown]
        if len(bars) < len(heard):
            return _always
        return bars[0].is_due if len(bars) == 1 else lambda: any(bar.is_due() for bar in bars)

    def append(self, callback: Callback) -> None:
        """Adds a callback at the end."""
        self.callbacks.append(callback)

    def set_params(self, params: Any) -> None:
        """Gives every callback the parameters."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Gives every callback the model, and the model its history."""
        self.model = model
        for callback in self.callbacks:
            if isinstance(callback, History):
                model.history = callback
            callback.set_model(model)


def _overrides(callback: Any, hook: str) -> bool:
    """Whether a method is more than the one of `Callback`, which does nothing."""
    names = [hook, _OLDER_NAMES.get(hook, hook)]
    return any(
        getattr(getattr(callback, name), "__func__", None) is not getattr(Callback, name)
        for name in names
    )


def _always() -> bool:
    return True


def _flat(callbacks: Any) -> list[Any]:
    if isinstance(callbacks, (list, tuple)):
        return [item for callback in callbacks for item in _flat(callback)]
    if callbacks is None:
        return []
    if isinstance(callbacks, type):
        raise UnsupportedError(
            f"callbacks: {callbacks.__name__} is a class; make an object of it, "
            f"{callbacks.__name__}(...)."
        )
    missing = sorted(name for name in _METHODS if not callable(getattr(callbacks, name, None)))
    if missing:
        raise UnsupportedError(
            f"callbacks: {callbacks!r} is no callback, it has no {missing[0]}(); accepted are "
            "objects of subclasses of rnnext.callbacks.Callback."
        )
    return [callbacks]


def plain_logs(logs: Any) -> dict[str, Any]:
    """Logs sorted by name, nested ones flat, with Python's floats where they are one number."""
    plain: dict[str, Any] = {}
    for name, value in sorted((logs or {}).items()):
        if isinstance(value, dict):
            plain.update(plain_logs(value))
            continue
        try:
            plain[name] = float(value)
        except (TypeError, ValueError):  # several numbers, a structure: as it is
            plain[name] = value
    return plain


def _calls_each(name: str) -> Any:
    def call(self: CallbackList, *position: int, logs: Any = None) -> None:
        logs = plain_logs(logs)
        for callback in self.callbacks:
            getattr(callback, name)(*position, logs)

    def with_position(self: CallbackList, position: int, logs: Any = None) -> None:
        call(self, position, logs=logs)

    def without_position(self: CallbackList, logs: Any = None) -> None:
        call(self, logs=logs)

    method = with_position if "epoch" in name or "batch" in name else without_position
    method.__name__, method.__doc__ = name, getattr(Callback, name).__doc__
    return method


_METHODS: Sequence[str] = sorted(name for name in dir(Callback) if name.startswith("on_"))
for _name in _METHODS:
    setattr(CallbackList, _name, _calls_each(_name))
_METHODS = [*_METHODS, "set_model", "set_params"]
