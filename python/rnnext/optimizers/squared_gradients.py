"""Optimizers that divide by an average or a sum of squared gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core
from rnnext.layers.variable import Variable
from rnnext.optimizers import fused
from rnnext.optimizers.arithmetic import mix, power, through_float32
from rnnext.optimizers.memory import Part, Slot
from rnnext.optimizers.optimizer import Optimizer

__all__ = ["Adadelta", "Adafactor", "Adagrad", "RMSprop"]


class RMSprop(Optimizer):
    """Steps by the gradient over the root of its mean square.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        rho: Decay of the average of squared gradients.
        momentum: Part of the last step that is added to this one.
        epsilon: Small number that keeps divisors from zero.
        centered: Whether gradients are divided by their variance, not by their mean square.

    The other arguments are those of `Optimizer`.
    """

    _fused = True

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-07,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._keep(locals())

    def _slot_rounds(self) -> list[dict[str, float]]:
        names = ["velocity"]
        names += ["momentum"] if self.momentum > 0 else []
        names += ["average_gradient"] if self.centered else []
        return [{name: 0.0} for name in names]

    def _update(self, part: Part, rate: Any, step: int) -> None:  # noqa: ARG002
        slots = part.slots
        momentum = slots["momentum"] if self.momentum > 0 else None
        average = slots["average_gradient"] if self.centered else None
        fused.update(
            _core.update_rmsprop,
            part,
            (slots["velocity"], momentum, average),
            rate,
            self.rho,
            1 - self.rho,
            self.epsilon,
            self.momentum,
        )


class Adagrad(Optimizer):
    """Steps by the gradient over the root of the sum of its squares.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        initial_accumulator_value: What sums of squared gradients begin with.
        epsilon: Small number that keeps divisors from zero.

    The other arguments are those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-07,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._keep(locals())

    def _slot_rounds(self) -> list[dict[str, float]]:
        return [{"accumulator": self.initial_accumulator_value}]

    def _update(self, part: Part, rate: Any, step: int) -> None:  # noqa: ARG002
        accumulator, g, b = part.slots["accumulator"], part.g, part.b
        accumulator += part.of_gradients(np.square, b)
        np.add(accumulator, part.number(self.epsilon), out=b)
        np.sqrt(b, out=b)
        g *= rate
        g /= b
        part.w -= g


class Adadelta(Optimizer):
    """Adagrad over a window that moves on.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        rho: Decay of the average of squared gradients.
        epsilon: Small number that keeps divisors from zero.

    The other arguments are those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-07,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._keep(locals())

    def _slot_rounds(self) -> list[dict[str, float]]:
        return [{"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}]

    def _update(self, part: Part, rate: Any, step: int) -> None:  # noqa: ARG002
        number, a, b = part.number, part.a, part.b
        squares, steps = part.slots["accumulated_grad"], part.slots["accumulated_delta_var"]
        rho, rest, epsilon = number(self.rho), number(1 - self.rho), number(self.epsilon)
        mix(squares, rho, part.of_gradients(np.square, b), rest)
        np.add(steps, epsilon, out=a)
        np.sqrt(a, out=a)
        np.add(squares, epsilon, out=b)
        np.sqrt(b, out=b)
        a /= b
        part.of_gradients(np.square, b)
        b *= a
        b *= a
        mix(steps, rho, b, rest)
        a *= part.g
        a *= rate
        part.w -= a


class Adafactor(Optimizer):
    """Adam whose squares are kept by row and column.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        beta_2_decay: Exponent by which the average forgets more slowly from step to step.
        epsilon_1: Small number that keeps divisors from zero.
        epsilon_2: Lower limit of the scale of a weight.
        clip_threshold: Largest root mean square of a step.
        relative_step: Whether the learning rate falls with the square root of the steps.

    The other arguments are those of `Optimizer`.
    """

    _apart = True  # a root mean square of each weight

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 0.001,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._keep(locals())

    def _make_slots(self) -> None:
        self._rows: list[Slot] = []
        self._columns: list[Slot] = []
        for index, variable in enumerate(self._trainable_variables):
            shape, dtype = variable.shape, variable.stored.dtype
            if len(shape) < 2:  # Keras has two variables in their place, which nothing uses
                unused = [self._add_variable(np.zeros((), np.int32), variable.name, None)]
                unused += [self._add_variable(np.zeros((), np.int32), variable.name, None)]
                row, column = unused
            else:
                row = self._add_variable(np.zeros(shape[:-1], dtype), variable.name)
                column = self._add_variable(np.zeros(shape[:-2] + shape[-1:], dtype), variable.name)
            self._rows.append(row)
            self._columns.append(column)
            self._add_slot(index, "velocity")

    def _update(self, part: Part, rate: Any, step: int) -> None:
        number, a, b = part.number, part.a, part.b
        v, at = part.slots["velocity"], number(step)
        if isinstance(self._rate, Variable) and self.relative_step:
            rate = min(rate, 1 / np.sqrt(at))
        alpha = max(through_float32(number, self.epsilon_2), _root_mean_square(part.w, a))
        alpha *= min(rate, 1 / np.sqrt(at))
        beta = 1 - power(number, step, self.beta_2_decay)
        part.of_gradients(np.square, b)
        b += number(self.epsilon_1)
        if len(part.shape) >= 2:
            squares = b.reshape(part.shape)
            row, column = (kept[part.index].memory for kept in (self._rows, self._columns))
            mix(row, beta, np.asarray(squares.mean(axis=-1)), 1 - beta)
            mix(column, beta, np.asarray(squares.mean(axis=-2)), 1 - beta)
            shares = row / row.mean(axis=-1, keepdims=True)
            np.multiply(shares[..., None], column[..., None, :], out=v.reshape(part.shape))
        else:
            mix(v, beta, b, 1 - beta)
        np.sqrt(v, out=b)
        np.divide(part.g, b, out=b)
        b /= max(number(1), _root_mean_square(b, a) / number(self.clip_threshold))
        b *= alpha
        part.w -= b


def _root_mean_square(values: NDArray[Any], scratch: NDArray[Any]) -> Any:
    return np.sqrt(np.mean(np.square(values, out=scratch)))
