"""What the cells of all recurrent layers have in common: their options, and an LSTM's formulas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import activations, constraints, initializers, regularizers, serialization
from rnnext.errors import UnsupportedError
from rnnext.layers.layer import Layer
from rnnext.layers.rnn.dropout_cell import DropoutCell

__all__ = ["RecurrentCell", "lstm_bias", "lstm_step"]

Array = NDArray[Any]


class RecurrentCell(DropoutCell, Layer):
    """Base class of the cells whose layers have the options of their cell.

    Attributes:
        options: Names of the constructor's arguments without those of `Layer`, as in the config.
        activation: Activation of the candidate.
        recurrent_activation: Activation of the gates, if there are any.
        use_bias: Whether there is a bias.
        unit_forget_bias: Whether an LSTM's forget gate's bias starts at one.
        dropout: The share of the inputs that are dropped in training, between 0 and 1.
        recurrent_dropout: The share of the state's units that are dropped, likewise.
    """

    # Set from the constructor's arguments by _set_options.
    activation: activations.Activation
    recurrent_activation: activations.Activation
    use_bias: bool
    unit_forget_bias: bool
    kernel_initializer: Any
    recurrent_initializer: Any
    bias_initializer: Any
    dropout: float
    recurrent_dropout: float

    options: tuple[str, ...]
    _casts_integers = True

    def _set_options(self, given: dict[str, Any]) -> None:
        """Sets the attributes of the same names as the constructor's arguments.

        Args:
            given: The `locals()` of the constructor: all of its arguments by name.
        """
        for option in self.options:
            setattr(self, option, self._read_option(option, given[option]))

    def _read_option(self, option: str, value: Any) -> Any:
        if option.endswith("activation"):
            activation = activations.get(value)
            if activation.name == "glu":
                raise UnsupportedError(
                    f"{self.label}: {option}='glu' halves the number of units, which a recurrent "
                    "cell cannot use; accepted are the activations that keep it."
                )
            return activation
        if option.endswith("_initializer"):
            return initializers.get(value)
        if option.endswith("_regularizer"):
            return regularizers.get(value)
        if option.endswith("_constraint"):
            return constraints.get(value)
        if option.endswith("dropout"):
            return min(1.0, max(0.0, value))
        return value

    def _initial_bias(self, shape: Sequence[int], dtype: Any = None) -> Array:
        initializer = self.bias_initializer or initializers.Zeros()
        values: Array = initializer(shape, dtype=dtype)
        return values

    def option_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments without those of `Layer`."""
        config = {}
        for option in self.options:
            value = getattr(self, option)
            is_activation = isinstance(value, activations.Activation)
            serialize = activations.serialize if is_activation else serialization.serialize
            config[option] = serialize(value)
        return config

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), **self.option_config()}


def lstm_bias(draw: Callable[..., Array], units: int, unit_forget_bias: bool, dtype: Any) -> Array:
    """Returns the bias (4 * units,) an LSTM starts with.

    Args:
        draw: The initializer, called with a shape and a dtype.
        units: Number of units, or of filters.
        unit_forget_bias: Whether the forget gate's part is one.
        dtype: Dtype of the bias.
    """
    if not unit_forget_bias:
        return draw((4 * units,), dtype=dtype)
    # Keras draws the parts around the forget gate one by one.
    before, after = draw((units,), dtype=dtype), draw((2 * units,), dtype=dtype)
    return np.concatenate([before, np.ones(units, before.dtype), after])


def lstm_step(
    gates: Array, c: Array, activation: Any, recurrent_activation: Any, axis: int = -1
) -> tuple[Array, Array]:
    """Returns the states h and c after one step of an LSTM.

    Args:
        gates: i, f, g, o side by side along `axis`, before their activations.
        c: The carry before the step.
        activation: Activation of the candidate and of the carry.
        recurrent_activation: Activation of the gates.
        axis: The axis of the units.
    """
    i, f, g, o = np.split(gates, 4, axis=axis)
    c = recurrent_activation(f) * c + recurrent_activation(i) * activation(g)
    return recurrent_activation(o) * activation(c), c
