"""Runs a program: its instructions as functions, made once.

The functions are a cache of the program, which stays what is copied, pickled and compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from rnnext import nest
from rnnext.arrays import cast
from rnnext.graph.program import Action, Instruction, Program, Slot
from rnnext.graph.slot_reader import Reader, Slots, plain_slot, reader

__all__ = ["Execution"]


class Execution:
    """A program that can be run.

    Args:
        program: The program.
        runners: What is called in place of the operation, by the index of the call.

    Attributes:
        program: The program.
    """

    def __init__(self, program: Program, runners: Mapping[int, Any] = MappingProxyType({})) -> None:
        self.program = program
        self._outputs = list(program.outputs)
        self._runners = runners
        self._steps = [
            _freeing(_step(i, runners.get(i.call_index)), i) for i in program.instructions
        ]
        self._chain = _chain(program, runners)

    def __reduce__(self) -> Any:
        return Execution, (self.program, dict(self._runners))

    def run(self, values: list[Any], masks: list[Any] | None = None) -> list[Any]:
        """Returns the outputs for these inputs, in the dtypes the inputs are declared with.

        Args:
            values: One array for each input.
            masks: One mask for each input that was said to come with one.
        """
        if self._chain is not None:
            (value,) = values
            for function in self._chain:
                value = function(value)
            return [value]
        return self._filled_slots(values, masks, self._outputs)

    def run_with_masks(
        self, values: list[Any], masks: list[Any] | None
    ) -> tuple[list[Any], list[Any]]:
        """Like `run`; returns the outputs and, for each, its mask or None."""
        slots = [slot for slot in self.program.output_masks if slot is not None]
        found = self._filled_slots(values, masks, [*self._outputs, *slots])
        outputs, made = found[: len(self._outputs)], iter(found[len(self._outputs) :])
        masks_of = [None if slot is None else next(made) for slot in self.program.output_masks]
        return outputs, masks_of

    def arguments_of(
        self, position: int, values: list[Any], masks: list[Any] | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Runs the program up to an instruction; returns what its operation would be given.

        Args:
            position: The place of the instruction in the program.
            values: One array for each input.
            masks: One mask for each input that was said to come with one.
        """
        slots = values + masks if masks else list(values)
        slots += [None] * (self.program.slot_count - len(slots))
        for run in self._steps[:position]:
            run(slots)
        instruction = self.program.instructions[position]
        named = {**instruction.kwargs, **instruction.masks}
        args: tuple[Any, ...] = reader(instruction.args)(slots)
        return args, dict(reader(named)(slots))

    def _filled_slots(
        self, values: list[Any], masks: list[Any] | None, wanted: list[int]
    ) -> list[Any]:
        slots = values + masks if masks else list(values)
        slots += [None] * (self.program.slot_count - len(slots))
        for run in self._steps:
            run(slots)
        return [slots[i] for i in wanted]


def _chain(program: Program, runners: Mapping[int, Any]) -> list[Callable[[Any], Any]] | None:
    """The instructions as functions of the value before, if the program is no more than that.

    Most models are such a chain. It needs no slots, and its Python costs half as much.
    """
    if program.input_count != 1 or program.makes_masks:
        return None
    value, functions = 0, []
    for instruction in program.instructions:
        function = _of_one_value(instruction, runners.get(instruction.call_index))
        if function is None or instruction.reads != {value} or len(instruction.outputs) != 1:
            return None
        functions.append(function)
        (value,) = instruction.outputs
    return functions if program.outputs == (value,) else None


def _of_one_value(instruction: Instruction, runner: Any) -> Callable[[Any], Any] | None:
    """The function of the only value that an instruction reads; None if it is not just that."""
    is_call = instruction.action is Action.CALL and not instruction.kwargs
    if not is_call or instruction.masks or len(instruction.args) != 1:
        return None
    (slot,) = instruction.args
    if not isinstance(slot, Slot):
        return None
    compute = instruction.operation.program_function(runner)
    if slot.dtype is None:
        return compute
    dtype = np.dtype(slot.dtype)
    return lambda x: compute(cast(x, dtype))


def _freeing(run: Callable[[Slots], None], instruction: Instruction) -> Callable[[Slots], None]:
    """Runs an instruction, then empties the slots that are finished with."""
    finished = instruction.frees
    if not finished:
        return run

    def run_and_free(slots: Slots) -> None:
        run(slots)
        for slot in finished:
            slots[slot] = None

    return run_and_free


def _step(instruction: Instruction, runner: Any) -> Callable[[Slots], None]:
    if instruction.action is Action.JOINT:
        return _joint(instruction, runner or instruction.operation)
    if instruction.action is Action.MASK:
        return _mask(instruction)
    function = _of_one_value(instruction, runner)
    if function is not None:
        source = instruction.args[0].index
        if len(instruction.outputs) == 1:
            return _single(function, source, instruction.outputs[0])
        return _several(lambda slots: function(slots[source]), instruction.outputs)
    compute = instruction.operation.program_function(runner)
    return _several(_general_call(instruction, compute), instruction.outputs)


def _general_call(instruction: Instruction, compute: Any) -> Reader:
    args, kwargs, masks = instruction.args, instruction.kwargs, instruction.masks
    plain, mask = plain_slot(args), masks.get("mask")
    if plain is not None and isinstance(mask, Slot) and not kwargs and len(masks) == 1:
        # One tensor and its mask, as most masked calls have, without readers: 2 us less.
        source, place = plain.index, mask.index
        return lambda slots: compute(slots[source], mask=slots[place])
    read_args, read_kwargs = reader(args), reader({**kwargs, **masks})
    return lambda slots: compute(*read_args(slots), **read_kwargs(slots))


def _mask(instruction: Instruction) -> Callable[[Slots], None]:
    operation, targets = instruction.operation, instruction.outputs
    read_first, read_mask = reader(instruction.args[0]), reader(instruction.masks["mask"])

    def run(slots: Slots) -> None:
        masks = nest.flatten(operation.compute_mask(read_first(slots), read_mask(slots)))
        for slot, out in zip(targets, masks, strict=False):
            slots[slot] = out

    return run


def _joint(instruction: Instruction, runner: Any) -> Callable[[Slots], None]:
    """An operation that computes its outputs and their masks in one go, such as a model."""
    read_first, read_mask = reader(instruction.args[0]), reader(instruction.masks["mask"])

    def run(slots: Slots) -> None:
        outputs, masks = runner.call_with_masks(read_first(slots), read_mask(slots))
        for slot, value in zip(instruction.outputs, nest.flatten(outputs), strict=True):
            slots[slot] = value
        for slot, value in zip(instruction.output_masks, nest.flatten(masks), strict=True):
            slots[slot] = value

    return run


def _single(compute: Any, source: int, target: int) -> Callable[[Slots], None]:
    def run(slots: Slots) -> None:
        slots[target] = compute(slots[source])

    return run


def _several(compute: Reader, targets: tuple[int, ...]) -> Callable[[Slots], None]:
    def run(slots: Slots) -> None:
        outputs = compute(slots)
        if type(outputs) is np.ndarray and len(targets) == 1:
            slots[targets[0]] = outputs
            return
        for target, value in zip(targets, nest.flatten(outputs), strict=True):
            slots[target] = value

    return run
