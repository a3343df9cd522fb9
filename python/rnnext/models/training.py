"""`compile`, which keeps what training needs, and the methods that train, which rnnext lacks."""

from __future__ import annotations

from typing import Any, NoReturn

from rnnext import nest
from rnnext.errors import UnsupportedError

__all__ = ["NoTraining"]

_COMPILE_OPTIONS = (
    "optimizer",
    "loss",
    "loss_weights",
    "metrics",
    "weighted_metrics",
    "run_eagerly",
    "steps_per_execution",
    "jit_compile",
    "auto_scale_loss",
)


class NoTraining:
    """The methods of a Keras model that need a loss, an optimizer or metrics.

    Attributes:
        optimizer: The optimizer that `compile` was given, and None before.
        loss: The loss it was given, as it was given.
    """

    name: str
    optimizer: Any = None
    loss: Any = None
    compiled = False

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
        **kwargs: Any,
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
            auto_scale_loss: Kept.
            **kwargs: None is accepted; each is an error that names it.

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
        from rnnext.naming import did_you_mean

        if kwargs:
            raise UnsupportedError(
                f"model {self.name!r}: compile() has no arguments {sorted(kwargs)}; accepted: "
                f"{list(_COMPILE_OPTIONS)}.{did_you_mean(kwargs, _COMPILE_OPTIONS)}"
            )
        settings = {
            "optimizer": optimizers.get(optimizer),
            "loss": loss,
            "loss_weights": loss_weights,
            "_compile_metrics": metrics,
            "_compile_weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "auto_scale_loss": auto_scale_loss,
            "compiled": True,
        }
        # Past `Layer.__setattr__`: none of them changes what the model computes.
        vars(self).update(settings)

    def fit(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Raises UnsupportedError."""
        self._refuse("fit")

    def evaluate(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Raises UnsupportedError."""
        self._refuse("evaluate")

    def train_on_batch(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Raises UnsupportedError."""
        self._refuse("train_on_batch")

    def test_on_batch(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Raises UnsupportedError."""
        self._refuse("test_on_batch")

    def _refuse(self, method: str) -> NoReturn:
        from rnnext import losses

        for loss in nest.flatten(self.loss):
            losses.get(loss)
        raise UnsupportedError(
            f"model {self.name!r}: {method}() is part of training, which rnnext does not do. Train "
            "and save the model in Keras, then rnnext.load_model(file).predict(x); or hand a live "
            "model to rnnext.from_keras."
        )
