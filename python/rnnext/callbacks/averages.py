"""The callback that evaluates a model with the moving averages of its weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnext.callbacks.callback import Callback
from rnnext.callbacks.learning_rate import optimizers_of
from rnnext.errors import UnsupportedError

__all__ = ["SwapEMAWeights"]


class SwapEMAWeights(Callback):
    """Exchanges the weights for their averages while the model is evaluated.

    Unlike Keras 3.15, it exchanges them back after prediction, too.

    Args:
        swap_on_epoch: Whether also when an epoch ends, until the next one begins.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch
        self._averages_in_model = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Puts the weights back."""
        if self.swap_on_epoch:
            self._use_averages(False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Puts the averages into the model; after the last epoch, for good."""
        if self.swap_on_epoch and not self._averages_in_model:
            self._use_averages(True)
            if epoch == self.params["epochs"] - 1:
                # The optimizer overwrites the weights by what it holds as averages after this.
                self._for_each_pair(lambda weight, average: average.assign(weight))

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Puts the averages into the model."""
        self._use_averages(True)

    def on_test_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Puts the weights back."""
        self._use_averages(False)

    def on_predict_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Puts the averages into the model."""
        self._use_averages(True)

    def on_predict_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Puts the weights back."""
        self._use_averages(False)

    def _use_averages(self, wanted: bool) -> None:
        if wanted != self._averages_in_model:
            self._for_each_pair(_swap)
            self._averages_in_model = wanted

    def _for_each_pair(self, function: Callable[[Any, Any], Any]) -> None:
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        with_averages = [o for _, o in optimizers_of(optimizer) if getattr(o, "use_ema", False)]
        if not with_averages:
            raise UnsupportedError(
                f"SwapEMAWeights: the optimizer must have use_ema=True, received {optimizer!r}."
            )
        for each in with_averages:
            pairs = (each._trainable_variables, each._model_variables_moving_average)
            for weight, average in zip(*pairs, strict=True):
                function(weight, average)


def _swap(weight: Any, average: Any) -> None:
    before = np.array(weight)
    weight.assign(average)
    average.assign(before)
