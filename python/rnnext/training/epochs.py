"""`fit` and `evaluate`: the course of epochs and batches, as Keras's trainer has it."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext import nest
from rnnext.callbacks import CallbackList
from rnnext.callbacks.callback_list import plain_logs
from rnnext.errors import DataError, UnsupportedError
from rnnext.interrupts import HoldableInterrupts
from rnnext.training.arrays import train_validation_split
from rnnext.training.data import (
    EpochBatches,
    batches_of,
    unpack_x_y_sample_weight,
    yields_batches,
)
from rnnext.training.own_step import OwnSteps, has_own_step
from rnnext.training.step import Steps

__all__ = ["evaluate", "fit", "on_batch"]


def fit(
    model: Any,
    x: Any,
    y: Any,
    batch_size: int | None,
    epochs: int,
    verbose: Any,
    callbacks: Any,
    validation_split: float,
    validation_data: Any,
    shuffle: bool | str,
    class_weight: Any,
    sample_weight: Any,
    initial_epoch: int,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    validation_batch_size: int | None,
    validation_freq: Any,
) -> Any:
    """Trains a model; the arguments are those of `Model.fit`."""
    if validation_split and validation_data is None:
        if yields_batches(x):
            raise UnsupportedError(
                f"validation_split={validation_split!r} needs arrays, of which the last samples "
                f"are split off; x is a {type(x).__name__}. Pass validation_data instead."
            )
        (x, y, sample_weight), validation_data = train_validation_split(
            (x, y, sample_weight), validation_split
        )
    batches = batches_of(x, y, sample_weight, batch_size, steps_per_epoch, shuffle, class_weight)
    validation = None
    if validation_data is not None:
        val_x, val_y, val_weight = unpack_x_y_sample_weight(validation_data)
        size = validation_batch_size or batch_size
        validation = batches_of(val_x, val_y, val_weight, size, validation_steps)
    _check_epochs(epochs, initial_epoch, validation_freq)
    callbacks = _callback_list(model, callbacks, verbose, epochs, batches, add_history=True)
    steps = steps_of(model)
    model.stop_training = steps.has_warned = False
    callbacks.on_train_begin()
    logs = None
    for epoch in range(getattr(model, "_initial_epoch", None) or initial_epoch, epochs):
        callbacks.on_epoch_begin(epoch)
        with HoldableInterrupts():
            trained = _train_epoch(model, steps, batches, callbacks)
        if not trained and logs is None:
            raise _no_batch(x)
        logs = steps.results() if trained else {}
        if validation is not None and _is_due(epoch, validation_freq):
            found = _evaluated(model, steps, validation, callbacks)
            logs.update({f"val_{name}": value for name, value in found.items()})
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    if epochs > 0:
        model.optimizer.finalize_variable_values(model.trainable_weights)
    callbacks.on_train_end(logs)
    return model.history


def evaluate(
    model: Any,
    x: Any,
    y: Any,
    batch_size: int | None,
    verbose: Any,
    sample_weight: Any,
    steps: int | None,
    callbacks: Any,
    return_dict: bool,
) -> Any:
    """Computes the loss and the metrics; the arguments are those of `Model.evaluate`."""
    batches = batches_of(x, y, sample_weight, batch_size, steps)
    callbacks = _callback_list(model, callbacks, verbose, 1, batches, add_history=False)
    of_model = steps_of(model)
    logs = _evaluated(model, of_model, batches, callbacks)
    if not logs:
        raise _no_batch(x)
    return logs if return_dict else of_model.results_in_order()


def on_batch(
    model: Any,
    training: bool,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Any,
    return_dict: bool,
) -> Any:
    """Trains or evaluates one batch; returns its results."""
    steps = steps_of(model)
    steps.reset()
    size = max(len(nest.flatten(x)[0]), 1)
    step = steps.train if training else steps.test
    for batch in batches_of(x, y, sample_weight, size, class_weight=class_weight):
        step(*batch)
    return plain_logs(steps.results()) if return_dict else steps.results_in_order()


def steps_of(model: Any) -> Steps | OwnSteps:
    """Returns what trains a model, made anew after each `compile`."""
    if not model.compiled:
        raise UnsupportedError(
            f"{model.label}: You must call `compile()` before training or evaluating the model; "
            "model.compile(optimizer, loss)."
        )
    if model._steps is None:
        vars(model)["_steps"] = OwnSteps(model) if has_own_step(model) else Steps(model)
    return model._steps  # type: ignore[no-any-return]


def _train_epoch(
    model: Any, steps: Steps | OwnSteps, batches: EpochBatches, callbacks: CallbackList
) -> bool:
    """Takes the steps of an epoch; returns whether there was a batch."""
    steps.reset()
    index = -1
    hears_begin = callbacks.listening("on_train_batch_begin")
    hears_end = callbacks.listening("on_train_batch_end")
    for index, batch in enumerate(batches):
        if hears_begin():
            callbacks.on_train_batch_begin(index)
        steps.train(*batch)
        if hears_end():
            callbacks.on_train_batch_end(index, steps.results())
        if model.stop_training:
            break
    return index >= 0


def _evaluated(
    model: Any, steps: Steps | OwnSteps, batches: EpochBatches, callbacks: CallbackList
) -> dict[str, Any]:
    """The results of an evaluation; none if there was no batch, as in Keras."""
    model.stop_evaluating = False
    callbacks.on_test_begin()
    batches.reset()  # each evaluation is of the same data
    steps.reset()
    hears_begin = callbacks.listening("on_test_batch_begin")
    hears_end = callbacks.listening("on_test_batch_end")
    index = -1
    for index, batch in enumerate(batches):
        if hears_begin():
            callbacks.on_test_batch_begin(index)
        steps.test(*batch)
        if hears_end():
            callbacks.on_test_batch_end(index, steps.results())
        if model.stop_evaluating:
            break
    logs = steps.results() if index >= 0 else {}
    callbacks.on_test_end(logs)
    return plain_logs(logs)


def _no_batch(x: Any) -> DataError:
    return DataError(f"x ({type(x).__name__}) yields no batch; it must yield at least one.")


def _callback_list(
    model: Any, callbacks: Any, verbose: Any, epochs: int, batches: Any, add_history: bool
) -> CallbackList:
    if isinstance(callbacks, CallbackList):
        return callbacks
    return CallbackList(
        callbacks,
        add_history=add_history,
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=epochs,
        steps=batches.num_batches,
        model=model,
    )


def _check_epochs(epochs: Any, initial_epoch: Any, validation_freq: Any) -> None:
    for option, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        if not isinstance(value, (int, np.integer)):
            raise UnsupportedError(f"{option} must be an integer, received {value!r}.")
    if validation_freq == 0:
        raise UnsupportedError(
            "validation_freq must be an integer >= 1 or a list of epochs, received 0."
        )


def _is_due(epoch: int, validation_freq: Any) -> bool:
    """Whether an epoch, counted from 0, is validated."""
    if isinstance(validation_freq, int):
        return (epoch + 1) % validation_freq == 0
    return epoch + 1 in validation_freq
