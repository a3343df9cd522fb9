"""Adam and what was made of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext import _core, settings
from rnnext.optimizers import fused
from rnnext.optimizers.arithmetic import approach, power, through_float32
from rnnext.optimizers.memory import Part
from rnnext.optimizers.optimizer import Optimizer

__all__ = ["Adam", "AdamW", "Adamax", "Lamb", "Nadam", "ScheduleFreeAdamW"]


class Adam(Optimizer):
    """Adam: steps by the averages of gradients and of their squares.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        beta_1: Decay of the average of gradients.
        beta_2: Decay of the average of squared gradients.
        epsilon: Small number that keeps divisors from zero.
        amsgrad: Whether the largest average of squared gradients so far counts.

    The other arguments are those of `Optimizer`.
    """

    _fused = True

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-07,
        amsgrad: bool = False,
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
        rounds = [{"momentum": 0.0, "velocity": 0.0}]
        return [*rounds, {"velocity_hat": 0.0}] if self.amsgrad else rounds

    def _update(self, part: Part, rate: Any, step: int) -> None:
        number, slots = fused.number_of(part), part.slots
        first, second = (power(number, beta, step) for beta in (self.beta_1, self.beta_2))
        fused.update(
            _core.update_adam,
            part,
            (slots["momentum"], slots["velocity"], slots["velocity_hat"] if self.amsgrad else None),
            number(rate) * np.sqrt(1 - second) / (1 - first),
            1 - self.beta_1,
            1 - self.beta_2,
            self.epsilon,
        )


class AdamW(Adam):
    """Adam whose weights decay apart from the gradient.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        weight_decay: Part of a weight that is taken off it in each step.
        beta_1: Decay of the average of gradients.
        beta_2: Decay of the average of squared gradients.
        epsilon: Small number that keeps divisors from zero.
        amsgrad: Whether the largest average of squared gradients so far counts.

    The other arguments are those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-07,
        amsgrad: bool = False,
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


class Adamax(Optimizer):
    """Adam with the largest gradient in place of the squares.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        beta_1: Decay of the average of gradients.
        beta_2: Decay of the average of squared gradients.
        epsilon: Small number that keeps divisors from zero.

    The other arguments are those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        return [{"momentum": 0.0, "norm": 0.0}]

    def _update(self, part: Part, rate: Any, step: int) -> None:
        number, a, b = part.number, part.a, part.b
        m, u = part.slots["momentum"], part.slots["norm"]
        approach(m, part.g, number(1 - self.beta_1), a)
        u *= number(self.beta_2)
        np.maximum(u, part.of_gradients(np.abs, b), out=u)
        np.add(u, number(self.epsilon), out=b)
        b *= 1 - power(number, self.beta_1, step)
        np.multiply(m, rate, out=a)
        a /= b
        part.w -= a


class Nadam(Optimizer):
    """Adam with Nesterov's momentum.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        beta_1: Decay of the average of gradients.
        beta_2: Decay of the average of squared gradients.
        epsilon: Small number that keeps divisors from zero.

    The other arguments are those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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

    def _make_slots(self) -> None:
        super()._make_slots()
        kept = self._trainable_variables
        dtype = kept[0].stored.dtype if kept else settings.floatx()
        self._u_product = self._add_variable(np.ones((), dtype), "variable", None)

    def _slot_rounds(self) -> list[dict[str, float]]:
        return [{"momentum": 0.0, "velocity": 0.0}]

    def after_steps(self, steps: int) -> None:
        """Computes the product of the momenta of these steps, which Keras 2 did not keep.

        Args:
            steps: Their number.
        """
        for step in range(1, steps + 1):
            self._before_updates(step)
            if not self._u_product.memory.any():  # it stays 0
                return

    def _before_updates(self, step: int) -> None:
        product = self._u_product.memory
        number = product.dtype.type
        factor = number(1) - number(0.5) * number(float(number(0.96)) ** step)
        product[...] = product[()] * number(self.beta_1) * factor

    def _update(self, part: Part, rate: Any, step: int) -> None:
        number, a, b = part.number, part.a, part.b
        m, v = part.slots["momentum"], part.slots["velocity"]
        half = number(0.5)
        beta_1, beta_2 = (through_float32(number, beta) for beta in (self.beta_1, self.beta_2))
        u_now, u_next = (beta_1 * (1 - half * power(number, 0.96, n)) for n in (step, step + 1))
        product_now = number(self._u_product.memory)
        product_next = product_now * u_next
        approach(m, part.g, 1 - beta_1, a)
        approach(v, part.of_gradients(np.square, b), 1 - beta_2, a)
        np.multiply(m, u_next, out=a)
        a /= 1 - product_next
        np.multiply(part.g, 1 - u_now, out=b)
        b /= 1 - product_now
        a += b
        a *= rate
        np.divide(v, 1 - power(number, self.beta_2, step), out=b)
        np.sqrt(b, out=b)
        b += number(self.epsilon)
        a /= b
        part.w -= a


class Lamb(Optimizer):
    """Adam whose steps are scaled layer by layer.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        beta_1: Decay of the average of gradients.
        beta_2: Decay of the average of squared gradients.
        epsilon: Small number that keeps divisors from zero.

    The other arguments are those of `Optimizer`.
    """

    _apart = True  # a norm of each weight

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        return [{"momentum": 0.0, "velocity": 0.0}]

    def _update(self, part: Part, rate: Any, step: int) -> None:
        number, w, a, b = part.number, part.w, part.a, part.b
        m, v = part.slots["momentum"], part.slots["velocity"]
        approach(m, part.g, number(1 - self.beta_1), a)
        approach(v, part.of_gradients(np.square, b), number(1 - self.beta_2), a)
        np.divide(v, 1 - power(number, self.beta_2, step), out=b)
        np.sqrt(b, out=b)
        b += number(self.epsilon)
        np.divide(m, 1 - power(number, self.beta_1, step), out=a)
        a /= b
        weight_norm, step_norm = np.sqrt(np.dot(w, w)), np.sqrt(np.dot(a, a))
        ratio = weight_norm / step_norm if weight_norm > 0 and step_norm > 0 else number(1)
        a *= ratio * rate
        w -= a


class ScheduleFreeAdamW(Optimizer):
    """AdamW that needs no schedule.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        beta_1: Decay of the average of gradients.
        beta_2: Decay of the average of squared gradients.
        epsilon: Small number that keeps divisors from zero.
        warmup_steps: Steps in which the learning rate rises.

    The other arguments are those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-08,
        warmup_steps: float = 0,
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
        return [{"momentum": 0.0, "velocity": 0.0}]

    def _make_slots(self) -> None:
        super()._make_slots()
        for group in self._groups:  # the momentum begins as the weights are
            for variable, memory in zip(
                group.variables, group.views(group.slots["momentum"]), strict=True
            ):
                memory[...] = variable.stored

    def _update(self, part: Part, rate: Any, step: int) -> None:
        number, w, a, b = part.number, part.w, part.a, part.b
        m, v = part.slots["momentum"], part.slots["velocity"]
        at = number(step)
        beta_1, beta_2 = (through_float32(number, beta) for beta in (self.beta_1, self.beta_2))
        if self.warmup_steps > 0:
            rate = rate * min(at / number(self.warmup_steps), number(1))
        approach(v, part.of_gradients(np.square, b), 1 - beta_2, a)
        np.divide(v, 1 - power(number, self.beta_2, step), out=b)
        np.sqrt(b, out=b)
        b += number(self.epsilon)
        np.multiply(part.g, rate, out=a)
        a /= b
        m -= a
        # Keras on TensorFlow reads the momentum after its change here, in place of the old one.
        np.multiply(m, 1 - beta_1, out=a)
        w -= a
        w /= beta_1
        weight = number(1) / at
        w *= 1 - weight
        np.multiply(m, weight, out=a)
        w += a
        w *= beta_1
        np.multiply(m, 1 - beta_1, out=a)
        w += a
