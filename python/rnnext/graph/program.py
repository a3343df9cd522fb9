"""A graph as data: a flat list of instructions over numbered slots.

A program is made once for a graph and for which of its inputs come with a mask. It has no
instruction whose result is unused. Masks are slots like any other value, and an operation that
keeps its input's mask shares the slot. A slot is emptied after its last use.

A program can be printed, compared and pickled. `rnnext.graph.execution` runs one.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Iterable
from typing import Any

from rnnext import nest
from rnnext.dtypes import numpy_dtype
from rnnext.graph.arguments import CallArguments
from rnnext.graph.graph import Graph
from rnnext.graph.operation import MaskRule, Node, Operation
from rnnext.graph.tensor import KerasTensor

__all__ = ["Action", "Instruction", "Program", "Slot", "program_of", "slots_in"]


@dataclasses.dataclass(frozen=True)
class Slot:
    """A place that an instruction reads.

    Attributes:
        index: Its number.
        dtype: The dtype to which the value is cast first; None: it is taken as it is.
    """

    index: int
    dtype: str | None = None

    def __repr__(self) -> str:
        return f"%{self.index}" + (f".{self.dtype}" if self.dtype else "")


class Action(enum.Enum):
    """What an instruction does."""

    CALL = "outputs = operation(*args, **kwargs, **masks)"
    MASK = "outputs = operation.compute_mask(*args, mask)"
    JOINT = "outputs, output_masks = operation.call_with_masks(*args, mask)"


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One thing to do. `Slot` objects stand where the values of slots go.

    Attributes:
        action: What is done.
        operation: What is called.
        call_index: Which of the graph's nodes this is.
        args: Positional arguments, nested.
        kwargs: Keyword arguments, nested, without those that are None.
        masks: Mask arguments by name, nested; None where a tensor has no mask.
        outputs: The slots of the results, flat.
        output_masks: The slots of the results' masks, if the action is JOINT.
        frees: The slots that nothing reads afterwards.
    """

    action: Action
    operation: Operation
    call_index: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    masks: dict[str, Any]
    outputs: tuple[int, ...]
    output_masks: tuple[int, ...] = ()
    frees: tuple[int, ...] = ()

    @property
    def reads(self) -> set[int]:
        """The slots it reads."""
        return {slot.index for slot in slots_in((self.args, self.kwargs, self.masks))}

    @property
    def writes(self) -> set[int]:
        """The slots it fills."""
        return {*self.outputs, *self.output_masks}

    def __str__(self) -> str:
        named = {**self.kwargs, **{k: v for k, v in self.masks.items() if v is not None}}
        given = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in named.items())]
        results = ", ".join(f"%{slot}" for slot in (*self.outputs, *self.output_masks))
        what = self.operation.name + (".compute_mask" if self.action is Action.MASK else "")
        frees = "".join(f" %{slot}" for slot in self.frees)
        return f"{results} = {what}({', '.join(given)})" + (f"  frees{frees}" if frees else "")


@dataclasses.dataclass(frozen=True)
class Program:
    """What a graph does, in order.

    Attributes:
        instructions: The instructions.
        slot_count: How many slots there are. The inputs are in the first ones, the masks that come
            with them in those after.
        input_count: How many inputs there are.
        outputs: The slots of the outputs.
        output_masks: The slots of the outputs' masks; None for an output that cannot have one.
        masked_operations: The operations of which an input can have a mask.
    """

    instructions: tuple[Instruction, ...]
    slot_count: int
    input_count: int
    outputs: tuple[int, ...]
    output_masks: tuple[int | None, ...]
    masked_operations: frozenset[Operation]

    @functools.cached_property
    def is_only_output(self) -> tuple[bool, ...]:
        """For each output, whether it is neither read by an instruction nor returned twice."""
        read = {slot.index for i in self.instructions for slot in slots_in((i.args, i.kwargs))}
        return tuple(o not in read and self.outputs.count(o) == 1 for o in self.outputs)

    @property
    def makes_masks(self) -> bool:
        """Whether an output can have a mask."""
        return any(slot is not None for slot in self.output_masks)

    def __str__(self) -> str:
        inputs = ", ".join(f"%{slot}" for slot in range(self.input_count))
        outputs = ", ".join(
            f"%{slot}" if mask is None else f"%{slot} masked by %{mask}"
            for slot, mask in zip(self.outputs, self.output_masks, strict=True)
        )
        return "\n".join([f"inputs {inputs}", *map(str, self.instructions), f"outputs {outputs}"])


def slots_in(structure: Any) -> list[Slot]:
    """Returns the slots in a nested structure."""
    return [leaf for leaf in nest.flatten(structure) if isinstance(leaf, Slot)]


def program_of(graph: Graph, masked: tuple[bool, ...]) -> Program:
    """Makes the program of a graph.

    Args:
        graph: The graph.
        masked: For each of its inputs, whether it comes with a mask.

    Example:
        >>> import rnnext
        >>> model = rnnext.Sequential([rnnext.Input((5, 3)), rnnext.layers.LSTM(2, name="lstm")])
        >>> print(model.program)
        inputs %0
        %1 = lstm(%0)  frees %0
        outputs %1
    """
    return _Builder(graph, masked).program()


class _Builder:
    """Walks a graph and notes in which slot each tensor and each mask is."""

    def __init__(self, graph: Graph, masked: tuple[bool, ...]) -> None:
        self._graph = graph
        self._slot_count = 0
        self._values: dict[int, int] = {}  # by id of the tensor
        self._masks: dict[int, int] = {}  # only tensors that can have a mask
        # Masks of tensors that had them when the graph was made and lose them while it runs.
        self._noted: dict[int, int] = {}
        for tensor in graph.inputs:
            self._values[id(tensor)] = self._new_slot()
        for tensor, has_mask in zip(graph.inputs, masked, strict=True):
            if has_mask:
                self._masks[id(tensor)] = self._new_slot()
        self._masked_operations: set[Operation] = set()

    def program(self) -> Program:
        instructions: list[Instruction] = []
        for index, node in enumerate(self._graph.nodes):
            if not node.is_input:
                instructions += self._instructions_of(node, index)
        outputs = tuple(self._values[id(tensor)] for tensor in self._graph.outputs)
        masks = tuple(self._masks.get(id(tensor)) for tensor in self._graph.outputs)
        wanted = {*outputs, *(slot for slot in masks if slot is not None)}
        return Program(
            _needed(instructions, wanted),
            self._slot_count,
            len(self._graph.inputs),
            outputs,
            masks,
            frozenset(self._masked_operations),
        )

    def _new_slot(self) -> int:
        self._slot_count += 1
        return self._slot_count - 1

    def _new_slots(self, node: Node, slot_of: dict[int, int]) -> tuple[int, ...]:
        """A slot for each output of a node, noted in `slot_of`."""
        slots = tuple(self._new_slot() for _ in node.outputs)
        slot_of.update(zip(map(id, node.outputs), slots, strict=True))
        return slots

    def _instructions_of(self, node: Node, index: int) -> list[Instruction]:
        """What computes a node, and what computes its mask if it can have one."""
        operation = node.operation
        call = CallArguments(type(operation).call, node.args, node.kwargs, operation.label)
        is_noted = _notes_its_mask(node, call)
        known = self._masks | self._noted if is_noted else self._masks
        mask = self._mask_argument(call, known)
        if mask is not None:
            self._masked_operations.add(operation)
        outputs = self._new_slots(node, self._values)
        if operation.mask_rule is MaskRule.JOINT:
            args = (_with_slots(node.args[0], self._values, operation),)
            masks = self._new_slots(node, self._masks)
            joint = Instruction(
                Action.JOINT, operation, index, args, {}, {"mask": mask}, outputs, masks
            )
            return [joint]
        instructions = [self._call(node, index, call, known, outputs)]
        if operation.mask_rule is not MaskRule.DROP:
            instructions += self._mask(node, index, call, mask, self._masks)
            if not is_noted and _any_in(self._noted, call.first):
                noted = _with_slots(call.first, self._masks | self._noted)
                instructions += self._mask(node, index, call, noted, self._noted)
        for tensor in operation.drops_masks_of(call):
            if id(tensor) in self._masks:
                self._noted.setdefault(id(tensor), self._masks.pop(id(tensor)))
        return instructions

    def _mask_argument(self, call: CallArguments, known: dict[int, int]) -> Any:
        """The mask that a call is given, as slots; None if it has none."""
        explicit = call.named.get("mask")
        if explicit is not None:
            return _with_slots(explicit, self._values)
        return _with_slots(call.first, known) if _any_in(known, call.first) else None

    def _call(
        self,
        node: Node,
        index: int,
        call: CallArguments,
        known: dict[int, int],
        outputs: tuple[int, ...],
    ) -> Instruction:
        operation = node.operation
        implicit = {m: call.named[name] for m, name in operation.implicit_masks(call).items()}
        kwargs = {k: v for k, v in node.kwargs.items() if not (v is None or _is_false(k, v))}
        return Instruction(
            Action.CALL,
            operation,
            index,
            _with_slots(node.args, self._values, operation),
            _with_slots(kwargs, self._values, operation),
            {m: _with_slots(t, known) for m, t in implicit.items() if _any_in(known, t)},
            outputs,
        )

    def _mask(
        self, node: Node, index: int, call: CallArguments, mask: Any, slot_of: dict[int, int]
    ) -> list[Instruction]:
        """What computes the masks of a node's outputs, if anything must; notes their slots."""
        rule = node.operation.mask_rule
        if mask is None and rule is not MaskRule.MAKE:
            return []
        kept = slots_in(mask)
        if rule is MaskRule.KEEP and len(kept) == 1:
            slot_of[id(node.outputs[0])] = kept[0].index
            return []
        args = (_with_slots(call.first, self._values),)
        slots = self._new_slots(node, slot_of)
        return [Instruction(Action.MASK, node.operation, index, args, {}, {"mask": mask}, slots)]


def _needed(instructions: Iterable[Instruction], wanted: set[int]) -> tuple[Instruction, ...]:
    """The instructions whose results are used, each with the slots that it frees."""
    needed = set(wanted)
    kept: list[Instruction] = []
    for instruction in reversed(list(instructions)):
        reads, writes = instruction.reads, instruction.writes
        if writes & needed:
            frees = tuple(sorted((reads | writes) - needed))
            kept.append(dataclasses.replace(instruction, frees=frees))
            needed |= reads
    return tuple(reversed(kept))


def _with_slots(structure: Any, slot_of: dict[int, int], operation: Operation | None = None) -> Any:
    """A nested structure with a slot in place of each symbolic tensor; None for one without.

    Args:
        structure: Nested symbolic tensors and plain values.
        slot_of: The slots, by id of the tensor.
        operation: What reads them, which may compute in another dtype.
    """

    def slot(leaf: Any) -> Any:
        if not isinstance(leaf, KerasTensor):
            return leaf
        if id(leaf) not in slot_of:
            return None
        declared = numpy_dtype(leaf.dtype)
        dtype = declared if operation is None else operation.input_dtype(declared)
        return Slot(slot_of[id(leaf)], None if dtype == declared else str(dtype))

    return nest.map_structure(slot, structure)


def _notes_its_mask(node: Node, call: CallArguments) -> bool:
    """Whether a call has the mask that its tensor had when the graph was made, as in Keras 3.

    Keras notes it among the arguments of a call that has one tensor, of the layer's dtype, and no
    other arguments; other calls are given the mask that their tensors carry while the graph runs.
    """
    if node.kwargs or len(node.args) != 1 or not isinstance(node.args[0], KerasTensor):
        return False
    dtype = numpy_dtype(node.args[0].dtype)
    has_mask = "mask" in node.operation.implicit_masks(call)
    return has_mask and node.operation.input_dtype(dtype) == dtype


def _any_in(slot_of: dict[int, int], tensors: Any) -> bool:
    return any(id(tensor) in slot_of for tensor in nest.flatten(tensors))


def _is_false(name: str, value: Any) -> bool:
    return name == "training" and value is False
