"""Running a program so that it can be reversed: the gradients of its inputs and of the weights.

Each operation brings a rule, `Operation.record`, beside its shape rule and its time rule: it
computes the outputs and returns a function that turns their gradients into those of its arguments.
The program is run forwards instruction by instruction, and the functions backwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, settings
from rnnext.arrays import cast
from rnnext.autodiff.tape import AddedLoss
from rnnext.dtypes import FLOAT_KINDS
from rnnext.graph.program import Action, Instruction, Program, Slot
from rnnext.graph.row_gradient import RowGradient, in_half_range
from rnnext.graph.slot_reader import Slots, plain_slot, reader

__all__ = ["Buffers", "Logits", "Pullback", "RecordedProgram", "Recording", "Weight"]

Array = NDArray[Any]
# From the gradients of the outputs, flat, None where there is none, to those of the leaves of the
# arguments: of (args, kwargs), flat as `nest.flatten` has them.
Pullback = Callable[[list[Any]], list[Any]]


class Weight(Protocol):
    """What a recording notes gradients of."""

    trainable: bool

    @property
    def value(self) -> Any:
        """The values to compute with."""

    @property
    def is_narrow(self) -> bool:
        """Whether gradients that float16 does not hold are infinite."""


class Buffers:
    """Arrays that are used again pass after pass: a training step allocates none of its own.

    A smaller batch uses a part of the memory of a larger one. A pass that asks twice for the same
    gets two: the first is still needed when it is reversed.
    """

    def __init__(self) -> None:
        self._arrays: dict[Any, list[Array]] = {}
        self._taken: dict[Any, int] = {}

    def take(self, owner: Any, purpose: str, shape: int | tuple[int, ...], dtype: Any) -> Array:
        """Returns an array with any contents, which is the caller's until the next pass begins."""
        key = id(owner), purpose, dtype
        size = shape if isinstance(shape, int) else math.prod(shape)
        arrays, taken = self._arrays.setdefault(key, []), self._taken.get(key, 0)
        if taken == len(arrays):
            arrays.append(np.empty(size, dtype))
        elif arrays[taken].size < size:
            arrays[taken] = np.empty(size, dtype)
        self._taken[key] = taken + 1
        array = arrays[taken]
        array = array if array.size == size else array[:size]
        return array if isinstance(shape, int) else array.reshape(shape)

    def begin(self) -> None:
        """Begins a pass: all arrays are free."""
        self._taken.clear()


class Logits:
    """What the sigmoid or softmax that made an output was given; a loss may compute from it.

    Attributes:
        owner: The layer that applied it.
        values: What it was given.
        output: What it made.
        taken: Whether the gradient that comes back is already that of `values`.
    """

    def __init__(self, owner: Any, kind: str, values: Array, output: Array) -> None:
        self.owner, self._kind, self.values, self.output = owner, kind, values, output
        self.taken = False

    def joined(self, d_output: Array | None, d_values: Array | None) -> Array | None:
        """Returns the one gradient that comes back, and notes in `taken` of what it is."""
        self.taken = d_values is not None
        if d_values is None or d_output is None:
            return d_output if d_values is None else d_values
        return np.asarray(d_values + self.gradient(d_output))

    def gradient(self, d_output: Array) -> Array:
        """Returns the gradient of `values` from that of `output`."""
        y = self.output
        if self._kind == "sigmoid":
            return np.asarray(d_output * y * (1 - y))
        return np.asarray(y * (d_output - np.sum(d_output * y, axis=-1, keepdims=True)))


class Recording:
    """One pass that will be reversed.

    Args:
        training: Whether layers behave as in training: dropout drops, batches are normalised.
        generator: Where dropout and noise take their numbers from; by default one that is made
            from the process's next seed when it is first needed.
        buffers: Arrays to use again; by default the pass has its own.

    Attributes:
        gradients: The gradients of the weights so far, by id of the weight.
        logits: What sigmoids and softmaxes were given, by id of the output.
        dropout_masks: What cells multiply inputs and states by, for all steps of a sequence.
        losses: What layers added to the loss; see `rnnext.autodiff.tape.AddedLoss`.
        data: The ids of arrays whose gradients nobody reads: the inputs of a model in training,
            which live longer than the recording. A rule may leave their gradients out.
    """

    def __init__(
        self,
        training: bool,
        generator: np.random.Generator | None = None,
        buffers: Buffers | None = None,
    ) -> None:
        self.training = training
        self._generator = generator
        self.buffers = buffers or Buffers()
        self.gradients: dict[int, Any] = {}
        self.logits: dict[int, Logits] = {}
        self.dropout_masks: dict[Any, Any] = {}
        self.losses: list[AddedLoss] = []
        self.data: frozenset[int] = frozenset()

    @property
    def generator(self) -> np.random.Generator:
        """Where dropout and noise take their numbers from."""
        if self._generator is None:
            self._generator = np.random.default_rng(settings.next_seed())
        return self._generator

    def add(self, weight: Weight, gradient: Array | RowGradient) -> None:
        """Adds to the gradient of a weight, if it is trained."""
        if not weight.trainable:
            return
        if weight.is_narrow:
            gradient = in_half_range(gradient)
        known = self.gradients.get(id(weight))
        self.gradients[id(weight)] = gradient if known is None else known + gradient

    def note_logits(self, owner: Any, spec: Any, values: Array, output: Array) -> Logits | None:
        """Notes what a sigmoid or softmax was given and made; None for any other activation."""
        if spec not in (("sigmoid",), ("softmax",)):
            return None
        noted = self.logits[id(output)] = Logits(owner, spec[0], values, output)
        return noted


class RecordedProgram:
    """A program that is run forwards and backwards; what does not change is found once.

    Args:
        program: The program.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._steps = [_step(instruction) for instruction in program.instructions]

    def run(
        self, recording: Recording, values: list[Any], masks: list[Any]
    ) -> tuple[list[Any], list[Any], Callable[[list[Any]], list[Any]]]:
        """Runs the program.

        Args:
            recording: Takes the gradients of the weights when the program is reversed.
            values: One array for each input.
            masks: One mask for each input that comes with one.

        Returns:
            The outputs, their masks, and a function from the outputs' gradients (None: zeros) to
            the inputs'.
        """
        program = self.program
        slots = values + masks
        slots += [None] * (program.slot_count - len(slots))
        pullbacks: list[tuple[Pullback | None, list[AddedLoss]]] = []
        for step in self._steps:
            before = len(recording.losses)
            pullback = step.record(recording, slots)
            pullbacks.append((pullback, recording.losses[before:]))
        dtypes = [getattr(value, "dtype", None) for value in slots]

        def reverse(d_outputs: list[Any]) -> list[Any]:
            gradients: list[Any] = [None] * program.slot_count
            for slot, gradient in zip(program.outputs, d_outputs, strict=True):
                _accumulate(gradients, slot, gradient, dtypes)
            for step, (pullback, added) in zip(
                reversed(self._steps), reversed(pullbacks), strict=True
            ):
                if pullback is not None:
                    _reverse(step, pullback, added, gradients, dtypes)
            return gradients[: program.input_count]

        masks_of = [None if slot is None else slots[slot] for slot in program.output_masks]
        return [slots[slot] for slot in program.outputs], masks_of, reverse


class _Step(NamedTuple):
    """An instruction, made ready to be recorded.

    Attributes:
        record: Runs it and stores its results; returns how it is reversed, None for masks.
        outputs: The slots of its outputs.
        sources: For each leaf of its arguments, the slot that it is read from, or None.
    """

    record: Callable[[Recording, Slots], Pullback | None]
    outputs: tuple[int, ...]
    sources: list[int | None]


def _step(instruction: Instruction) -> _Step:
    args, named = instruction.args, {**instruction.kwargs, **instruction.masks}
    make = {Action.MASK: _mask, Action.JOINT: _joint, Action.CALL: _call}[instruction.action]
    leaves = nest.flatten(args if instruction.action is Action.JOINT else (args, named))
    sources = [leaf.index if isinstance(leaf, Slot) else None for leaf in leaves]
    return _Step(make(instruction), instruction.outputs, sources)


def _mask(instruction: Instruction) -> Callable[[Recording, Slots], None]:
    operation, targets = instruction.operation, instruction.outputs
    read_first, read_mask = reader(instruction.args[0]), reader(instruction.masks["mask"])

    def record(_recording: Recording, slots: Slots) -> None:
        masks = nest.flatten(operation.compute_mask(read_first(slots), read_mask(slots)))
        for slot, mask in zip(targets, masks, strict=False):
            slots[slot] = mask

    return record


def _joint(instruction: Instruction) -> Callable[[Recording, Slots], Pullback]:
    """An operation that computes its outputs and their masks in one go, such as a model."""
    operation = instruction.operation
    read_first, read_mask = reader(instruction.args[0]), reader(instruction.masks["mask"])

    def record(recording: Recording, slots: Slots) -> Pullback:
        outputs, masks, pullback = operation.record_with_masks(
            recording, read_first(slots), read_mask(slots)
        )
        for slot, mask in zip(instruction.output_masks, nest.flatten(masks), strict=True):
            slots[slot] = mask
        _store(slots, instruction.outputs, outputs)
        return pullback

    return record


def _call(instruction: Instruction) -> Callable[[Recording, Slots], Pullback]:
    operation, targets = instruction.operation, instruction.outputs
    plain = plain_slot(instruction.args)
    named = {**instruction.kwargs, **instruction.masks}
    if plain is not None and not named:  # most calls: one array
        source = plain.index

        def record_one(recording: Recording, slots: Slots) -> Pullback:
            outputs, reverse = operation.recorded(recording, slots[source])
            _store(slots, targets, outputs)
            pullback: Pullback = reverse
            return pullback

        return record_one
    read_args, read_named = reader(instruction.args), reader(named)

    def record(recording: Recording, slots: Slots) -> Pullback:
        outputs, reverse = operation.recorded(recording, *read_args(slots), **read_named(slots))
        _store(slots, targets, outputs)
        pullback: Pullback = reverse
        return pullback

    return record


def _store(slots: Slots, targets: tuple[int, ...], outputs: Any) -> None:
    if type(outputs) is np.ndarray and len(targets) == 1:
        slots[targets[0]] = outputs
        return
    for slot, value in zip(targets, nest.flatten(outputs), strict=True):
        slots[slot] = value


def _reverse(
    step: _Step,
    pullback: Pullback,
    added: list[AddedLoss],
    gradients: list[Any],
    dtypes: list[Any],
) -> None:
    """Adds the gradients of what an instruction read."""
    d_outputs = [gradients[slot] for slot in step.outputs]
    if all(d is None for d in d_outputs) and all(loss.gradient is None for loss in added):
        return
    for source, gradient in zip(step.sources, pullback(d_outputs), strict=False):
        if source is not None:
            _accumulate(gradients, source, gradient, dtypes)


def _accumulate(gradients: list[Any], slot: int, gradient: Any, dtypes: list[Any]) -> None:
    if gradient is None or dtypes[slot] is None or dtypes[slot].kind not in FLOAT_KINDS:
        return
    gradient = cast(gradient, dtypes[slot])
    known = gradients[slot]
    gradients[slot] = gradient if known is None else known + gradient
