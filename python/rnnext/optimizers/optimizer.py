"""What an optimizer is: the options that all of them have, and the course of a step."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rnnext import serialization
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.interrupts import HeldInterrupts
from rnnext.kept_option import KeptArguments
from rnnext.layers.variable import Variable, weights_lock
from rnnext.naming import did_you_mean, unique_name
from rnnext.optimizers.arithmetic import through_float32
from rnnext.optimizers.gradients import Gradients
from rnnext.optimizers.learning_rate import LearningRate
from rnnext.optimizers.memory import Group, Part, Slot, groups_of
from rnnext.optimizers.own_update import OwnUpdate

__all__ = ["Optimizer"]


class Optimizer(KeptArguments, LearningRate, Gradients, OwnUpdate):
    """Base class of optimizers.

    A subclass makes its variables in `build` and changes a weight in `update_step`, as in Keras 3;
    the optimizers here name their slots in `_slot_rounds` and change all weights in `_update`.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        weight_decay: Part of a weight that is taken off it in each step.
        clipnorm: Largest norm of each gradient.
        clipvalue: Largest absolute value of an element of a gradient.
        global_clipnorm: Largest norm of all gradients together.
        use_ema: Whether to keep averages of the weights.
        ema_momentum: Part of the averages that a step keeps, 0 to 1.
        ema_overwrite_frequency: Steps after which the averages replace the weights.
        loss_scale_factor: Factor of the loss, taken off the gradients again.
        gradient_accumulation_steps: Steps whose gradients are added up, at least 2.
        name: Name of the optimizer.
        **kwargs: `lr`, which is `learning_rate` in Keras 2, and `decay`, which does nothing since
            Keras 3.

    Raises:
        UnsupportedError: If there is another argument, or one has a value that Keras refuses.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers.variable import Variable
        >>> from rnnext.optimizers import SGD
        >>> weight = Variable(np.ones(2, "float32"), name="bias")
        >>> SGD(0.25).apply([np.array([1.0, 2.0])], [weight])
        >>> weight.numpy()
        array([0.75, 0.5 ], dtype=float32)
    """

    _keras_module = "keras.optimizers"
    _apart = False  # whether an update needs each weight as a part of its own
    _fused = False  # whether an update is compiled: it takes weights from `Part.before`

    def __init__(
        self,
        learning_rate: Any,
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
        self.name = name or unique_name(type(self).__name__)
        learning_rate = kwargs.pop("lr", learning_rate)  # as in Keras 2
        if kwargs.pop("decay", None) is not None:
            warnings.warn(f"{self._label}: decay does nothing, as in Keras 3", stacklevel=3)
        self._check_no_others(kwargs)
        self._iterations = Slot(np.zeros((), np.int64), "iteration", self.name)
        self._variables = [self._iterations]
        self.learning_rate = self._checked_rate(learning_rate)
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._check_values()
        self.built = False
        self._rounds: list[dict[str, list[Variable]]] = []
        self._trainable_variables: list[Variable] = []
        self._groups: list[Group] = []
        self._index: dict[int, int] = {}  # id of a variable -> its index
        self._excluded: list[Variable] = []
        self._excluded_names: re.Pattern[str] | None = None
        self._decays_apart = False  # whether weight decay leaves some weights out
        self._apart = self._apart or self._has_own_update

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_index": {}}  # a copy has other variables, with other ids

    @property
    def iterations(self) -> Any:
        """How many steps were taken; of accumulated gradients those that changed the weights."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, as Keras names them."""
        config = {n: getattr(self, n) for n in self._argument_names() if n != "learning_rate"}
        return {
            name: self._rate_config()
            if name == "learning_rate"
            else serialization.serialize(config[name])
            for name in self._argument_names()
        }

    def _check_no_others(self, kwargs: dict[str, Any]) -> None:
        if kwargs:
            accepted = self._argument_names()
            raise UnsupportedError(
                f"{self._label}: unknown arguments {sorted(kwargs)}; accepted: {accepted}"
                + did_you_mean([min(kwargs)], accepted)
            )

    def _check_values(self) -> None:
        clips = {k: getattr(self, k) for k in ("clipnorm", "clipvalue", "global_clipnorm")}
        if sum(value is not None for value in clips.values()) > 1:
            raise UnsupportedError(
                f"{self._label}: only one of {list(clips)} may be set, not {clips}."
            )
        for option, accepted, fits in (
            ("ema_momentum", "a number from 0 to 1", lambda v: not self.use_ema or 0 <= v <= 1),
            (
                "ema_overwrite_frequency",
                "None or an integer >= 1",
                lambda v: not self.use_ema or not v or (isinstance(v, int) and v >= 1),
            ),
            ("gradient_accumulation_steps", "None or an integer >= 2", lambda v: not v or v >= 2),
        ):
            value = getattr(self, option)
            if not fits(value):
                raise UnsupportedError(
                    f"{self._label}: {option} must be {accepted}, received {value!r}."
                )

    # Building -------------------------------------------------------------------------------------

    def build(self, variables: Iterable[Variable]) -> None:
        """Makes the slots of these variables; a second call does nothing.

        Args:
            variables: What will be trained.
        """
        if self.built:
            return
        self._trainable_variables = list(variables)
        self._index = {id(v): i for i, v in enumerate(self._trainable_variables)}
        self._groups = groups_of(self._trainable_variables)
        if self.use_ema:
            self._add_slots({"average": 0.0})
        if self.gradient_accumulation_steps:
            self._add_slots({"gradient_accumulator": 0.0})
        self._make_slots()
        self._decays_apart = self._apart or not all(map(self._decays, self._trainable_variables))
        self.built = True

    def _slot_rounds(self) -> list[dict[str, float]]:
        """The slots of each weight with their first values; those of a round lie side by side."""
        return []

    def _make_slots(self) -> None:
        for slots in self._slot_rounds():
            self._add_slots(slots)

    def _add_slots(self, slots: dict[str, float]) -> None:
        kinds: dict[str, list[Variable]] = {name: [] for name in slots}
        for index in range(len(self._trainable_variables)):
            for name, initial in slots.items():
                kinds[name].append(self._add_slot(index, name, initial))
        self._rounds.append(kinds)

    def _add_slot(self, index: int, name: str, initial: float = 0.0) -> Slot:
        """Makes one slot of one weight, in the flat array of all slots of this name."""
        group = next(group for group in self._groups if index in group.indices)
        memory = group.slot(name, group.indices.index(index), initial)
        path = self._trainable_variables[index].path.replace("/", "_")
        return self._add_variable(memory, f"{path}_{name}")

    def _add_variable(self, memory: Any, name: str, prefix: str | None = "") -> Slot:
        slot = Slot(memory, name, self.name if prefix == "" else prefix)
        self._variables.append(slot)
        return slot

    def exclude_from_weight_decay(
        self,
        var_list: Sequence[Variable] | None = None,
        var_names: Sequence[str] | None = None,
    ) -> None:
        """Leaves weights out of weight decay; call it before the first step.

        Args:
            var_list: The weights.
            var_names: Patterns of their paths, e.g. `["bias"]`.

        Raises:
            UnsupportedError: If the optimizer was built already.
        """
        if self.built:
            raise UnsupportedError(
                f"{self._label}: exclude_from_weight_decay() must be called before the optimizer "
                "is built; it was built already."
            )
        self._excluded = list(var_list or ())
        self._excluded_names = re.compile("|".join(set(var_names))) if var_names else None

    def _decays(self, variable: Variable) -> bool:
        names = self._excluded_names
        return all(variable is not v for v in self._excluded) and not (
            names and names.search(variable.path)
        )

    # A step ---------------------------------------------------------------------------------------

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """Takes one step.

        Args:
            grads_and_vars: Pairs of a gradient, or None, and its variable.

        Returns:
            The variable that counts the steps.
        """
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Takes one step: changes the variables by their gradients.

        The variables change at the end, all of them or, after an error, none. Ctrl-C waits until
        the step is done. What another thread assigns to a variable takes effect before the step or
        after it.

        Args:
            grads: Arrays, or None where a variable has no gradient.
            trainable_variables: Their variables; the first call builds the optimizer with them.
                None: those it was built with.

        Raises:
            UnsupportedError: If the variables are not those of `build`, or no gradient is given.
            ShapeError: If a gradient has not the shape of its variable.
        """
        if len(grads) == 0:
            return
        if self._has_own_update and not self.built and trainable_variables is not None:
            trainable_variables = list(trainable_variables)
            self.build(trainable_variables)
            self._check_own_update()
        gradients = self._by_index(grads, trainable_variables)
        with HeldInterrupts(), weights_lock:
            self._take_step(gradients)

    def _take_step(self, gradients: Sequence[Any]) -> None:
        own = self._has_own_update
        is_fused = self._fused and self._uses_gradients_as_they_are and not own
        for group in self._groups:
            group.take(gradients, adds_up_rows=not is_fused)
        active = [group for group in self._groups if group.places]
        copies = not is_fused or self._decays_apart
        fresh = [group.fresh(copies or not group.is_whole) for group in self._groups]
        if active:
            self._step(active, [f for g, f in zip(self._groups, fresh, strict=True) if g.places])
        if self.use_ema:
            self._average(fresh)
        for group, flat in zip(self._groups, fresh, strict=True):
            self._constrain(group, flat)
        for group, flat in zip(self._groups, fresh, strict=True):
            group.hand_out(flat)
        self._iterations.memory[...] += 1

    def _step(self, groups: list[Group], fresh: list[Any]) -> None:
        """Changes the fresh weights and the slots."""
        pairs = list(zip(groups, fresh, strict=True))
        whole = [part for group, w in pairs for part in group.parts(w, apart=False)]
        self._unscale(whole)
        if self.gradient_accumulation_steps and not self._accumulated(whole):
            return
        apart = whole
        if self._apart or self._decays_apart or self.clipnorm:
            apart = [part for group, w in pairs for part in group.parts(w, apart=True)]
        self._limit(whole, apart)
        rate = float(self.learning_rate)
        self._decay(apart if self._decays_apart else whole, rate)
        step = int(self._iterations.memory) // (self.gradient_accumulation_steps or 1) + 1
        self._before_updates(step)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore", under="ignore"):
            if self._has_own_update:
                self._update_each(pairs, apart, step)
                apart = []
            for part in apart if self._apart else whole:
                self._update(part, part.number(rate), step)
        if self.gradient_accumulation_steps:
            for group in self._groups:
                group.slots["gradient_accumulator"].fill(0)

    def _decay(self, parts: list[Part], rate: float) -> None:
        """Takes weight decay off the weights."""
        for part in parts:
            decay = self._weight_decay_of(part)
            if decay is None or not self._decays(self._trainable_variables[part.index]):
                continue
            factors = through_float32(part.number, decay), part.number(rate)
            if self._fused and not self._decays_apart:
                part.decay = factors
                continue
            np.multiply(part.w, factors[0], out=part.a)
            scratch = part.a
            scratch *= factors[1]
            part.w -= scratch

    def _weight_decay_of(self, _part: Part) -> Any:
        return self.weight_decay

    def _before_updates(self, step: int) -> None:
        """What an optimizer does once in a step, before the weights change."""

    def _update(self, part: Part, rate: Any, step: int) -> None:  # noqa: ARG002
        """Changes the weights and the slots of a part.

        Args:
            part: Weights, gradients, slots and scratch.
            rate: The learning rate.
            step: The number of this step, from 1.
        """
        raise UnsupportedError(
            f"{self._label}: the class does not say how a weight changes; define update_step("
            "gradient, variable, learning_rate), or take an optimizer of rnnext.optimizers."
        )

    def _average(self, fresh: Sequence[Any]) -> None:
        """Moves the averages towards the weights; now and then weights become averages."""
        steps = int(self._iterations.memory) // (self.gradient_accumulation_steps or 1)
        often = self.ema_overwrite_frequency
        for group, w in zip(self._groups, fresh, strict=True):
            kept = group.dtype.type(self.ema_momentum if steps else 0.0)
            average = group.slots["average"]
            average *= kept
            np.multiply(w, 1 - kept, out=group.a)
            average += group.a
            if often and (steps + 1) % often == 0:
                np.copyto(w, average)

    def _constrain(self, group: Group, fresh: Any) -> None:
        """Applies the constraints of the weights that had gradients."""
        for place in group.places:
            constraint = getattr(group.variables[place], "constraint", None)
            if constraint is not None:
                view = group.view(fresh, place)
                view[...] = constraint(view)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Ends training: with `use_ema`, weights become their averages.

        Args:
            var_list: The variables that the optimizer was built with.

        Raises:
            ShapeError: If there are more or fewer of them.
        """
        if not self.use_ema:
            return
        if len(var_list) != len(self._trainable_variables):
            raise ShapeError(
                f"{self._label}: finalize_variable_values() received {len(var_list)} variables; "
                f"the optimizer was built with {len(self._trainable_variables)}."
            )
        for group in self._groups:
            averages = group.views(group.slots["average"])
            for variable, average in zip(group.variables, averages, strict=True):
                variable.assign(average)
