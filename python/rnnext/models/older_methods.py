"""Methods and arguments that models had in Keras 2 and that Keras 3 gave up."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from rnnext.errors import UnsupportedError
from rnnext.naming import did_you_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnnext.callbacks import History

__all__ = [
    "OlderCompileOptions",
    "OlderEvaluateOptions",
    "OlderFitOptions",
    "OlderMethods",
    "OlderSequentialMethods",
    "take_older",
]

# Names of Keras 1, which Keras 2 takes with a warning. All other older arguments change nothing:
# they say how batches are made beside the training, and here nothing runs beside it.
_RENAMED = {"nb_epoch": "epochs"}


class OlderCompileOptions(TypedDict, total=False):
    """Arguments of Keras 2's `compile`; a type checker finds a misspelt one."""

    sample_weight_mode: Any


class OlderEvaluateOptions(TypedDict, total=False):
    """Arguments of Keras 2's `evaluate`."""

    max_queue_size: int
    use_multiprocessing: bool
    workers: int


class OlderFitOptions(OlderEvaluateOptions, total=False):
    """Arguments of Keras 2's `fit`."""

    nb_epoch: int


def take_older(
    method: Callable[..., Any], older: Any, given: Mapping[str, Any], label: str = ""
) -> dict[str, Any]:
    """Returns arguments of Keras 2 under today's names, without those that change nothing.

    Args:
        method: The method that they were given to.
        older: The TypedDict of the arguments that it had in Keras 2.
        given: Arguments that the method does not have today.
        label: How the error begins, before the method's name.

    Raises:
        UnsupportedError: If Keras 2 does not have one of them either.

    Example:
        >>> from rnnext.models import Model
        >>> given = {"workers": 4, "use_multiprocessing": True}
        >>> take_older(Model.evaluate, OlderEvaluateOptions, given)
        {}
    """
    unknown = sorted(given.keys() - older.__optional_keys__)
    if unknown:
        parameters = list(inspect.signature(method).parameters.values())[1:]  # without self
        accepted = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
        raise UnsupportedError(
            f"{label}{method.__name__}() has no arguments {unknown}; accepted: {accepted}."
            + did_you_mean(unknown, accepted)
        )
    renamed = [name for name in given if name in _RENAMED]
    for name in renamed:
        warnings.warn(f"{name} is called {_RENAMED[name]} since Keras 2.", stacklevel=3)
    return {_RENAMED[name]: given[name] for name in renamed}


class OlderMethods:
    """What a model of Keras 2 has for generators; `fit`, `evaluate`, `predict` take them, too."""

    def fit_generator(
        self: Any,
        generator: Any,
        steps_per_epoch: int | None = None,
        epochs: int = 1,
        verbose: int | str = 1,
        callbacks: Any = None,
        validation_data: Any = None,
        validation_steps: int | None = None,
        validation_freq: Any = 1,
        class_weight: Any = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        shuffle: bool = True,
        initial_epoch: int = 0,
    ) -> History:
        """Trains the model on batches, as in Keras 2; `fit` does the same.

        Args:
            generator: Batches: a generator or a `Sequence`.
            steps_per_epoch: Batches in an epoch; None: all of a `Sequence`.
            epochs: Number of the last epoch.
            verbose: 0 silent, 1 a progress bar, 2 a line for each epoch.
            callbacks: Callbacks of `rnnext.callbacks`.
            validation_data: Arrays or batches to evaluate after epochs.
            validation_steps: Batches to evaluate.
            validation_freq: Epochs between two evaluations, or the numbers of the epochs.
            class_weight: Weights of samples by class.
            max_queue_size: Changes nothing: batches are made when they are asked for.
            workers: Changes nothing.
            use_multiprocessing: Changes nothing.
            shuffle: Whether batches of a `Sequence` come in a new order each epoch.
            initial_epoch: Number of the first epoch, from 0.

        Returns:
            A `History`, see `fit`.

        Raises:
            RnnextError: As `fit`.

        Example:
            >>> import numpy as np
            >>> from rnnext.layers import LSTM, Input
            >>> from rnnext.models import Sequential
            >>> model = Sequential([Input((5, 3)), LSTM(4)])
            >>> model.compile("adam", "mse")
            >>> batches = iter([(np.ones((2, 5, 3)), np.ones((2, 4)))] * 4)
            >>> len(model.fit_generator(batches, 2, epochs=2, verbose=0).history["loss"])
            2
        """
        del max_queue_size, workers, use_multiprocessing
        history: History = self.fit(
            generator,
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_data=validation_data,
            validation_steps=validation_steps,
            validation_freq=validation_freq,
            class_weight=class_weight,
            shuffle=shuffle and hasattr(generator, "__len__"),
            initial_epoch=initial_epoch,
        )
        return history

    def evaluate_generator(
        self: Any,
        generator: Any,
        steps: int | None = None,
        callbacks: Any = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        verbose: int | str = 0,
    ) -> Any:
        """Computes the loss and the metrics for batches, as in Keras 2; `evaluate` does the same.

        Args:
            generator: Batches: a generator or a `Sequence`.
            steps: Batches to evaluate; None: all.
            callbacks: Callbacks of `rnnext.callbacks`.
            max_queue_size: Changes nothing.
            workers: Changes nothing.
            use_multiprocessing: Changes nothing.
            verbose: 0 silent, 1 a progress bar.

        Returns:
            The loss, or a list of the loss and the metrics.

        Raises:
            RnnextError: As `evaluate`.
        """
        del max_queue_size, workers, use_multiprocessing
        return self.evaluate(generator, steps=steps, callbacks=callbacks, verbose=verbose)

    def predict_generator(
        self: Any,
        generator: Any,
        steps: int | None = None,
        callbacks: Any = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        verbose: int | str = 0,
    ) -> NDArray[Any]:
        """Computes the outputs for batches, as in Keras 2; `predict` does the same.

        Args:
            generator: Batches: a generator or a `Sequence`.
            steps: Batches to predict for; None: all.
            callbacks: See `predict`.
            max_queue_size: Changes nothing.
            workers: Changes nothing.
            use_multiprocessing: Changes nothing.
            verbose: 0 silent, 1 a progress bar.

        Returns:
            NumPy arrays (N, ...), nested as the model's outputs.

        Raises:
            RnnextError: As `predict`.
        """
        del max_queue_size, workers, use_multiprocessing
        outputs: NDArray[Any] = self.predict(
            generator, steps=steps, callbacks=callbacks, verbose=verbose
        )
        return outputs

    def make_predict_function(self: Any, force: bool = False) -> Callable[..., Any]:  # noqa: ARG002
        """Returns a function from an iterator of batches to the outputs for its next one.

        Programs call it before they predict in several threads, which needs no preparation here.

        Args:
            force: Accepted for Keras's sake and ignored.

        Example:
            >>> import numpy as np
            >>> from rnnext.layers import LSTM, Input
            >>> from rnnext.models import Sequential
            >>> predict = Sequential([Input((5, 3)), LSTM(2)]).make_predict_function()
            >>> predict(iter([np.ones((4, 5, 3))])).shape
            (4, 2)
        """

        def one_step(iterator: Any) -> Any:
            batch = next(iterator)
            return self.predict_on_batch(batch[0] if isinstance(batch, tuple) else batch)

        return one_step

    _make_predict_function = make_predict_function


class OlderSequentialMethods:
    """What a `Sequential` of Keras 2 has for classes and probabilities."""

    def predict_classes(
        self: Any, x: Any, batch_size: int | None = 32, verbose: int | str = 0
    ) -> NDArray[Any]:
        """Returns the class of each sample, as in Keras before 2.6.

        Args:
            x: See `predict`.
            batch_size: See `predict`.
            verbose: See `predict`.

        Returns:
            Of several outputs the index of the largest, (N, ...) int64. Of one output (N, ..., 1)
            int32: 1 where it is above 0.5.

        Raises:
            RnnextError: As `predict`.

        Example:
            >>> import numpy as np
            >>> from rnnext.layers import Activation, Input
            >>> from rnnext.models import Sequential
            >>> model = Sequential([Input((3,)), Activation("softmax")])
            >>> model.predict_classes(np.array([[0.0, 2.0, 1.0], [3.0, 2.0, 1.0]]))
            array([1, 0])
        """
        outputs = np.asarray(self.predict(x, batch_size=batch_size, verbose=verbose))
        if outputs.shape[-1] > 1:
            classes: NDArray[Any] = outputs.argmax(axis=-1)
            return classes
        return (outputs > 0.5).astype(np.int32)

    def predict_proba(
        self: Any, x: Any, batch_size: int | None = 32, verbose: int | str = 0
    ) -> NDArray[Any]:
        """Returns what `predict` returns, as in Keras before 2.6.

        Args:
            x: See `predict`.
            batch_size: See `predict`.
            verbose: See `predict`.

        Returns:
            NumPy array (N, ...).

        Raises:
            RnnextError: As `predict`.
        """
        outputs: NDArray[Any] = self.predict(x, batch_size=batch_size, verbose=verbose)
        return outputs
