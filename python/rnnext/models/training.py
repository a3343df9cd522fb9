"""`compile` and the methods that train and evaluate; `rnnext.training` does the work."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnnext.models.older_methods import (
    OlderCompileOptions,
    OlderEvaluateOptions,
    OlderFitOptions,
    OlderMethods,
    take_older,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.callbacks import History

__all__ = ["Trainer"]


class _Setting:
    """A setting of `compile`: what the model has, else what its file has, else a default.

    Only a program that trains asks for it, so a model that predicts never reads these settings of
    its file.

    Args:
        default: What a model has that was not compiled.
    """

    def __init__(self, default: Any = None) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, model: Any, owner: type) -> Any:
        if model is None:
            return self._default
        saved = vars(model).get("_saved_training")
        if saved is None:
            return self._default
        saved.restore(model)  # which compiles the model, or raises an error
        return vars(model)[self._name]


class Trainer(OlderMethods):
    """The methods of a Keras model that need a loss, an optimizer or metrics.

    Attributes:
        optimizer: The optimizer that `compile` was given, and None before.
        loss: The loss it was given, as it was given.
        history: What the last `fit` noted.
        stop_training: Set it in a callback to end `fit` after the batch.
    """

    name: str
    optimizer: Any = _Setting()
    loss: Any = _Setting()
    compiled: Any = _Setting(default=False)
    history: Any = None
    stop_training = False
    loss_weights: Any = _Setting()
    run_eagerly: Any = _Setting(default=False)
    steps_per_execution: Any = _Setting(default=1)
    jit_compile: Any = _Setting(default="auto")
    _compile_metrics: Any = _Setting()
    _compile_weighted_metrics: Any = _Setting()
    _saved_training: Any = None  # a `SavedTraining` from `load_model` to the first question for it
    _steps: Any = None  # a `rnnext.training.step.Steps` from the first batch on

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: str | bool = "auto",
        auto_scale_loss: bool = True,
        **kwargs: Unpack[OlderCompileOptions],
    ) -> None:
        """Keeps what the model is to be trained with; programs that predict compile, too.

        Args:
            optimizer: An optimizer, its name or its config.
            loss: A loss, its name, or several, nested like the outputs. A name is looked up when
                the loss is first needed, as in Keras.
            loss_weights: Factors of several losses.
            metrics: Metrics or their names.
            weighted_metrics: The same, of weighted samples.
            run_eagerly: Kept.
            steps_per_execution: Kept.
            jit_compile: Kept.
            auto_scale_loss: Whether a model whose dtype policy is "mixed_float16" is trained with
                a `LossScaleOptimizer` around the optimizer.
            **kwargs: `sample_weight_mode` of Keras 2, which changes nothing: `fit` sees from the
                shape of `sample_weight` whether samples or steps have weights.

        Raises:
            UnsupportedError: If the optimizer is not known, or there is another argument.

        Example:
            >>> from rnnext.layers import Dense, Input
            >>> from rnnext.models import Sequential
            >>> model = Sequential([Input((3,)), Dense(2)])
            >>> model.compile(optimizer="adam", loss="mse")
            >>> round(float(model.optimizer.learning_rate), 5), model.loss
            (0.001, 'mse')
        """
        from rnnext import optimizers

        take_older(Trainer.compile, OlderCompileOptions, kwargs, f"model {self.name!r}: ")
        found = optimizers.get(optimizer)
        policy = self.dtype_policy.name  # type: ignore[attr-defined]
        if auto_scale_loss and policy == "mixed_float16" and found and found.inner is None:
            found = optimizers.LossScaleOptimizer(found, name="loss_scale_optimizer")
        settings = {
            "optimizer": found,
            "loss": loss,
            "loss_weights": loss_weights,
            "_compile_metrics": metrics,
            "_compile_weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "auto_scale_loss": auto_scale_loss,
            "compiled": True,
            "_steps": None,
            "_steps_aside": None,
            "_saved_training": None,
        }
        # Past `Layer.__setattr__`: none of them changes what the model computes.
        vars(self).update(settings)

    def get_compile_config(self) -> dict[str, Any]:
        """Returns the arguments of `compile` as Keras 3 writes them; {} if it was not called.

        Raises:
            UnsupportedError: If a loss or a metric is a lambda, or has no config.

        Example:
            >>> from rnnext.layers import Dense, Input
            >>> from rnnext.models import Sequential
            >>> model = Sequential([Input((3,)), Dense(2)])
            >>> model.compile(optimizer="sgd", loss="mse")
            >>> model.get_compile_config()["optimizer"]["class_name"]
            'SGD'
        """
        from rnnext.training.compile_config import compile_config

        return compile_config(self) if self.compiled else {}

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compiles the model with what `get_compile_config` returned, and builds the optimizer.

        Args:
            config: Arguments of `compile`, with objects as their configs.

        Raises:
            RnnextError: If the config names something that is not known, or cannot be read.

        Example:
            >>> from rnnext.layers import Dense, Input
            >>> from rnnext.models import Sequential
            >>> model = Sequential([Input((3,)), Dense(2)])
            >>> model.compile_from_config({"optimizer": "sgd", "loss": "mse"})
            >>> model.optimizer.name, model.loss
            ('sgd', 'mse')
        """
        from rnnext.training.compile_config import compile_arguments

        self.compile(**compile_arguments(config))
        if self.optimizer is not None and self.built:  # type: ignore[attr-defined]
            self.optimizer.build(self.trainable_weights)  # type: ignore[attr-defined]

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        **older: Unpack[OlderFitOptions],
    ) -> History:
        """Trains the model.

        Args:
            x: Inputs (N, ...): an array-like, or a list or dictionary of them. Or batches: a
                generator, a `PyDataset`, a `tf.data.Dataset` or a torch `DataLoader`.
            y: Targets (N, ...), nested like the outputs; None if `x` is batches.
            batch_size: Samples in a batch; default 32.
            epochs: Number of the last epoch.
            verbose: 0 silent, 1 or "auto" a progress bar, 2 a line for each epoch.
            callbacks: Callbacks of `rnnext.callbacks`.
            validation_split: Part of the samples, the last ones, to evaluate instead.
            validation_data: `(x, y)`, `(x, y, sample_weight)` or batches to evaluate after epochs.
            shuffle: Whether the samples come in a new random order each epoch.
            class_weight: Weights of samples by class.
            sample_weight: Weights (N,) of samples, or (N, T) of steps.
            initial_epoch: Number of the first epoch, from 0.
            steps_per_epoch: Batches in an epoch; default: all.
            validation_steps: Batches to evaluate; default: all.
            validation_batch_size: Samples in these; default `batch_size`.
            validation_freq: Epochs between two evaluations, or the numbers of the epochs.
            **older: Arguments of Keras 2: `workers`, `max_queue_size` and `use_multiprocessing`,
                which change nothing, and `nb_epoch`, which is `epochs`.

        Returns:
            A `History`: `history.history["loss"]` lists the loss of each epoch.

        Raises:
            UnsupportedError: If the model is not compiled, has no loss, or a layer or an option
                cannot be trained.
            ShapeError: If shapes do not fit.

        Example:
            >>> import numpy as np
            >>> from rnnext.layers import LSTM, Dense, Input
            >>> from rnnext.models import Sequential
            >>> model = Sequential([Input((5, 3)), LSTM(4), Dense(1)])
            >>> model.compile("adam", "mse")
            >>> x, y = np.ones((8, 5, 3), "float32"), np.ones((8, 1), "float32")
            >>> losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
            >>> losses[0] > losses[-1]
            True
        """
        from rnnext.training import fit

        epochs = take_older(Trainer.fit, OlderFitOptions, older).get("epochs", epochs)
        return fit(  # type: ignore[no-any-return]
            self,
            x,
            y,
            batch_size,
            epochs,
            verbose,
            callbacks,
            validation_split,
            validation_data,
            shuffle,
            class_weight,
            sample_weight,
            initial_epoch,
            steps_per_epoch,
            validation_steps,
            validation_batch_size,
            validation_freq,
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **older: Unpack[OlderEvaluateOptions],
    ) -> Any:
        """Computes the loss and the metrics for some data; see `fit` for the arguments.

        Args:
            x: Inputs, or batches.
            y: Targets.
            batch_size: Samples in a batch; default 32.
            verbose: 0 silent, 1 or "auto" a progress bar, 2 a line.
            sample_weight: Weights of samples or steps.
            steps: Batches to evaluate; default: all.
            callbacks: Callbacks of `rnnext.callbacks`.
            return_dict: Whether to return results by name.
            **older: As in `fit`.

        Returns:
            The loss, or a list of the loss and the metrics; or all of them by name.

        Raises:
            UnsupportedError: If the model is not compiled or has no loss.
        """
        from rnnext.training import evaluate

        take_older(Trainer.evaluate, OlderEvaluateOptions, older)
        return evaluate(
            self, x, y, batch_size, verbose, sample_weight, steps, callbacks, return_dict
        )

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Takes one training step.

        Args:
            x: Inputs of one batch.
            y: Targets.
            sample_weight: Weights of samples or steps.
            class_weight: Weights of samples by class.
            return_dict: Whether to return results by name.

        Returns:
            What `evaluate` returns, of the batch before the step.

        Raises:
            UnsupportedError: As `fit`.
        """
        from rnnext.training import on_batch

        return on_batch(self, True, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Computes the loss and the metrics of one batch; see `evaluate`.

        Args:
            x: Inputs of one batch.
            y: Targets.
            sample_weight: Weights of samples or steps.
            return_dict: Whether to return results by name.
        """
        from rnnext.training import on_batch

        return on_batch(self, False, x, y, sample_weight, None, return_dict)

    # What a class may override --------------------------------------------------------------------

    def train_step(self, data: Any) -> dict[str, Any]:
        """Takes one training step; a class that overrides it trains its own way.

        Args:
            data: `x`, `(x, y)` or `(x, y, sample_weight)` of a batch.

        Returns:
            Results by name, for the progress bar and the history.

        Example:
            >>> import numpy as np
            >>> import rnnext as tf
            >>> class Doubled(tf.keras.Sequential):
            ...     def train_step(self, data):
            ...         x, y = data
            ...         with tf.GradientTape() as tape:
            ...             loss = 2 * self.compute_loss(y=y, y_pred=self(x, training=True))
            ...         gradients = tape.gradient(loss, self.trainable_variables)
            ...         self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
            ...         self.metrics[0].update_state(loss)  # the mean of the losses
            ...         return self.get_metrics_result()
            >>> model = Doubled([tf.keras.layers.Input((2,)), tf.keras.layers.Dense(1)])
            >>> model.set_weights([np.zeros((2, 1)), np.zeros(1)])
            >>> model.compile("sgd", "mse")
            >>> x = np.ones((4, 2), "float32")
            >>> model.fit(x, np.ones((4, 1)), verbose=0).history
            {'loss': [2.0]}
        """
        from rnnext.training import own_step

        return own_step.train_step(self, data)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluates one batch; `evaluate` calls it if a class overrides it.

        Args:
            data: As in `train_step`.
        """
        from rnnext.training import own_step

        return own_step.test_step(self, data)

    def predict_step(self, data: Any) -> Any:
        """Predicts one batch; `predict` calls it if a class overrides it.

        Args:
            data: As in `train_step`; targets are left out.
        """
        from rnnext.training import own_step

        return own_step.predict_step(self, data)

    def compute_loss(
        self,
        x: Any = None,  # noqa: ARG002
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,  # noqa: ARG002
    ) -> Any:
        """Returns the loss of a batch: of `compile`, `add_loss` and regularizers.

        Args:
            x: Inputs, for classes that override it.
            y: Targets.
            y_pred: What the model returned.
            sample_weight: Weights of samples or steps.
            training: For classes that override it.

        Raises:
            UnsupportedError: If there is no loss, or the model is not compiled.
        """
        from rnnext.training import own_step

        return own_step.compute_loss(self, y, y_pred, sample_weight)

    def compute_metrics(
        self,
        x: Any,  # noqa: ARG002
        y: Any,
        y_pred: Any,
        sample_weight: Any = None,
    ) -> dict[str, Any]:
        """Takes a batch into the metrics of `compile`; returns the results of all metrics.

        Args:
            x: Inputs, for classes that override it.
            y: Targets.
            y_pred: What the model returned.
            sample_weight: Weights of samples or steps.
        """
        from rnnext.training import own_step

        return own_step.compute_metrics(self, y, y_pred, sample_weight)

    def get_metrics_result(self) -> dict[str, Any]:
        """Returns the loss and the results of `metrics` by name; those of outputs come last."""
        from rnnext.training import own_step

        return own_step.metrics_result(self)

    @property
    def compiled_metrics(self) -> Any:
        """What programs of Keras 2 update; each update warns, as in Keras 3."""
        from rnnext.training import own_step

        return own_step.CompiledMetrics(self)

    def compiled_loss(
        self,
        y: Any,
        y_pred: Any,
        sample_weight: Any = None,
        regularization_losses: Any = None,  # noqa: ARG002
    ) -> Any:
        """Returns `compute_loss`, under its name in Keras 2, and warns, as Keras 3 does."""
        warnings.warn(
            "`model.compiled_loss()` is deprecated. Instead, use "
            "`model.compute_loss(x, y, y_pred, sample_weight, training)`.",
            stacklevel=2,
        )
        return self.compute_loss(x=None, y=y, y_pred=y_pred, sample_weight=sample_weight)

    @property
    def metrics(self) -> list[Any]:
        """The mean of the loss and the metrics, as Keras lists them; none before `compile`.

        Those of `compile` are one, with `metrics` and a dictionary as `result()`; then come the
        means of several outputs' losses, and the metrics in attributes of the model.
        """
        from rnnext.training import own_step

        return own_step.metrics_of(self)

    def reset_metrics(self) -> None:
        """Begins the means of the loss and the metrics anew."""
        from rnnext.training import own_step

        if own_step.has_own_step(self):
            for metric in self.metrics:
                metric.reset_state()
        elif self._steps is not None:
            self._steps.reset()
