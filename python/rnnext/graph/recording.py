"""Running a program so that it can be reversed: the gradients of its inputs and of the weights.

Each operation brings a rule, `Operation.record`, beside its shape rule and its time rule: it
computes the outputs and returns a function that turns their gradients into those of its arguments.
The program is run forwards instruction by instruction, and the functions backwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, settings
from rnnext.arrays import cast
from rnnext.graph.program import Action, Instruction, Program, Slot
from rnnext.graph.row_gradient import RowGradient

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


class Buffers:
    """Arrays that are used again pass after pass: a training step allocates none of its own.

    A pass that asks twice for the same gets two: the first is still needed when it is reversed.
    """

    def __init__(self) -> None:
        self._arrays: dict[Any, list[Array]] = {}
        self._taken: dict[Any, int] = {}

    def take(self, owner: Any, purpose: str, shape: int | tuple[int, ...], dtype: Any) -> Array:
        """Returns an array with any contents, which is the caller's until the next pass begins."""
        key = id(owner), purpose, shape, str(dtype)
        arrays, taken = self._arrays.setdefault(key, []), self._taken.get(key, 0)
        if taken == len(arrays):
            arrays.append(np.empty(shape, dtype))
        self._taken[key] = taken + 1
        return arrays[taken]

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

    def __init__(self, owner: Any, values: Array, output: Array) -> None:
        self.owner, self.values, self.output = owner, values, output
        self.taken = False


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
        known = self.gradients.get(id(weight))
        self.gradients[id(weight)] = gradient if known is None else known + gradient

    def note_logits(self, owner: Any, spec: Any, values: Array, output: Array) -> Logits | None:
        """Notes what a sigmoid or softmax was given and made; None for any other activation."""
        if spec not in (("sigmoid",), ("softmax",)):
            return None
        noted = self.logits[id(output)] = Logits(owner, values, output)
        return noted


class RecordedProgram:
    """A program that is run forwards and backwards.

    Args:
        program: The program.
    """

    def __init__(self, program: Program) -> None:
        self.program = program

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
        pullbacks: list[tuple[Instruction, Pullback]] = []
        for instruction in program.instructions:
            pullback = _run(instruction, recording, slots)
            if pullback is not None:
                pullbacks.append((instruction, pullback))
        dtypes = [getattr(value, "dtype", None) for value in slots]

        def reverse(d_outputs: list[Any]) -> list[Any]:
            gradients: list[Any] = [None] * program.slot_count
            for slot, gradient in zip(program.outputs, d_outputs, strict=True):
                _accumulate(gradients, slot, gradient, dtypes)
            for instruction, pullback in reversed(pullbacks):
                _reverse(instruction, pullback, gradients, dtypes)
            return gradients[: program.input_count]

        masks_of = [None if slot is None else slots[slot] for slot in program.output_masks]
        return [slots[slot] for slot in program.outputs], masks_of, reverse


def _run(instruction: Instruction, recording: Recording, slots: list[Any]) -> Pullback | None:
    """Runs one instruction and stores its results; returns how it is reversed."""
    operation = instruction.operation
    args, masks = _filled(instruction.args, slots), _filled(instruction.masks, slots)
    if instruction.action is Action.MASK:
        found = nest.flatten(operation.compute_mask(args[0], masks["mask"]))
        for slot, mask in zip(instruction.outputs, found, strict=False):
            slots[slot] = mask
        return None
    if instruction.action is Action.JOINT:
        outputs, out_masks, pullback = operation.record_with_masks(
            recording, args[0], masks["mask"]
        )
        for slot, mask in zip(instruction.output_masks, nest.flatten(out_masks), strict=True):
            slots[slot] = mask
    else:
        kwargs = {**_filled(instruction.kwargs, slots), **masks}
        outputs, pullback = operation.record(recording, *args, **kwargs)
    for slot, value in zip(instruction.outputs, nest.flatten(outputs), strict=True):
        slots[slot] = value
    return pullback


def _reverse(
    instruction: Instruction, pullback: Pullback, gradients: list[Any], dtypes: list[Any]
) -> None:
    """Adds the gradients of what an instruction read."""
    d_outputs = [gradients[slot] for slot in instruction.outputs]
    if all(gradient is None for gradient in d_outputs):
        return
    named = {**instruction.kwargs, **instruction.masks}
    leaves = nest.flatten(
        instruction.args if instruction.action is Action.JOINT else (instruction.args, named)
    )
    for leaf, gradient in zip(leaves, pullback(d_outputs), strict=False):
        if isinstance(leaf, Slot):
            _accumulate(gradients, leaf.index, gradient, dtypes)


def _accumulate(gradients: list[Any], slot: int, gradient: Any, dtypes: list[Any]) -> None:
    if gradient is None or dtypes[slot] is None or dtypes[slot].kind != "f":
        return
    gradient = cast(gradient, dtypes[slot])
    known = gradients[slot]
    gradients[slot] = gradient if known is None else known + gradient


def _filled(structure: Any, slots: list[Any]) -> Any:
    """A nested structure with the values of its slots."""

    def value(leaf: Any) -> Any:
        if not isinstance(leaf, Slot):
            return leaf
        stored = slots[leaf.index]
        return stored if leaf.dtype is None else cast(stored, np.dtype(leaf.dtype))

    return nest.map_structure(value, structure)
