"""How a functional model runs: its graph as a flat list of steps over numbered slots.

A plan is made once for a graph and for which of its inputs come with a mask. It has no step whose
result nobody needs; masks are slots like any other value, and a layer that hands its mask on
unchanged shares the slot. A slot is emptied after its last use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from rnnext import nest, serialization
from rnnext.arrays import as_array, as_strings, cast, holds_strings
from rnnext.dtypes import numpy_dtype
from rnnext.graph.arguments import CallArguments
from rnnext.graph.tensor import KerasTensor, Node, Operation
from rnnext.layers.layer import Layer
from rnnext.models.graph import Graph

__all__ = ["Plan"]

Slots = list[Any]
Reader = Callable[[Slots], Any]


class _Step:
    """Something to run: which slots it reads and writes, and how.

    `function` is there if the step does nothing but `slots[target] = function(slots[source])`.
    """

    def __init__(
        self,
        sources: Iterable[int],
        targets: Iterable[int],
        run: Callable[[Slots], None],
        function: Callable[[Any], Any] | None = None,
    ) -> None:
        self.sources = set(sources)
        self.targets = set(targets)
        self.run = run
        self.function = function


class Plan:
    """A compiled graph.

    Args:
        graph: The graph.
        masked: For each input, whether it comes with a mask.
        in_place_of: What is called in place of the operation at some nodes.

    Attributes:
        makes_masks: Whether an output can have a mask.
        masked_operations: Those of which an input can have one.
    """

    def __init__(
        self,
        graph: Graph,
        masked: tuple[bool, ...],
        in_place_of: Mapping[Node, Any] = MappingProxyType({}),
    ) -> None:
        self._in_place_of = in_place_of
        self._slot_count = 0
        self._value_slots: dict[int, int] = {}  # by id of the tensor
        self._mask_slots: dict[int, int] = {}  # only tensors that can have a mask
        # Masks of tensors that had them when the graph was made and lose them while it runs.
        self._noted_slots: dict[int, int] = {}
        for tensor in graph.inputs:
            self._value_slots[id(tensor)] = self._new_slot()
        for tensor, has_mask in zip(graph.inputs, masked, strict=True):
            if has_mask:
                self._mask_slots[id(tensor)] = self._new_slot()
        self.masked_operations: set[Operation] = set()
        steps: list[_Step] = []
        for node in graph.nodes:
            if not node.is_input:
                steps += self._steps_of(node)
        self._outputs = [self._value_slots[id(tensor)] for tensor in graph.outputs]
        self._output_masks = [self._mask_slots.get(id(tensor)) for tensor in graph.outputs]
        self.makes_masks = any(slot is not None for slot in self._output_masks)
        needed = self._needed(steps)
        self._steps = [self._freeing(step, finished) for step, finished in needed]
        # An input that nothing uses is an input all the same.
        is_one = len(graph.inputs) == 1
        self._chain = self._as_chain([step for step, _ in needed]) if is_one else None

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
        slots = [slot for slot in self._output_masks if slot is not None]
        found = self._filled_slots(values, masks, [*self._outputs, *slots])
        outputs, made = found[: len(self._outputs)], iter(found[len(self._outputs) :])
        return outputs, [None if slot is None else next(made) for slot in self._output_masks]

    def _filled_slots(
        self, values: list[Any], masks: list[Any] | None, wanted: list[int]
    ) -> list[Any]:
        slots = values + masks if masks else list(values)
        slots += [None] * (self._slot_count - len(slots))
        for run in self._steps:
            run(slots)
        return [slots[i] for i in wanted]

    # Making the plan ---------------------------------------------------------------------------

    def _new_slot(self) -> int:
        self._slot_count += 1
        return self._slot_count - 1

    def _steps_of(self, node: Node) -> list[_Step]:
        """The step that computes a node, and the step that computes its mask if it has one."""
        operation = node.operation
        targets = [self._new_slot() for _ in node.outputs]
        for tensor, slot in zip(node.outputs, targets, strict=True):
            self._value_slots[id(tensor)] = slot
        label = getattr(operation, "label", operation.name)
        call = CallArguments(type(operation).call, node.args, node.kwargs, label)
        is_noted = _notes_its_mask(node, call)
        known = self._mask_slots | self._noted_slots if is_noted else self._mask_slots
        mask, sources = self._mask_argument(call, known)
        if mask is not None:
            self.masked_operations.add(operation)
        if isinstance(operation, Layer) and operation.computes_masks:
            return [self._step_with_masks(node, targets, mask, sources)]
        steps = [self._value_step(node, call, targets, known)]
        if isinstance(operation, Layer) and operation.hands_on_masks:
            steps += self._mask_steps(node, call, mask, sources, self._mask_slots)
            if not is_noted and _any_in(self._noted_slots, call.first):
                noted = self._reader(call.first, self._mask_slots | self._noted_slots)
                steps += self._mask_steps(node, call, *noted, self._noted_slots)
        if isinstance(operation, Layer):
            for tensor in operation._without_mask_afterwards(call):
                if id(tensor) in self._mask_slots:
                    lost = self._mask_slots.pop(id(tensor))
                    self._noted_slots.setdefault(id(tensor), lost)
        return steps

    def _mask_argument(self, call: CallArguments, known: dict[int, int]) -> tuple[Any, list[int]]:
        """How to read the mask a call is given, and from which slots; (None, []) if none."""
        explicit = call.named.get("mask")
        if explicit is not None:
            return self._reader(explicit, self._value_slots)
        if _any_in(known, call.first):
            return self._reader(call.first, known)
        return None, []

    def _value_step(
        self, node: Node, call: CallArguments, targets: list[int], known: dict[int, int]
    ) -> _Step:
        operation = node.operation
        compute = _callable(operation, self._in_place_of.get(node))
        kwargs = {k: v for k, v in node.kwargs.items() if not (v is None or _is_false(k, v))}
        masks = self._implicit_masks(operation, call, known)
        if masks:
            sources, run = self._masked_call(node, kwargs, compute, masks, known)
        elif not kwargs and len(node.args) == 1 and isinstance(node.args[0], KerasTensor):
            sources = [self._value_slots[id(node.args[0])]]
            run = self._converted(compute, node.args[0], operation)
            if len(targets) == 1:
                return _Step(sources, targets, _single(run, sources[0], targets[0]), run)
            run = _on_slot(run, sources[0])
        else:
            sources, run = self._general_call(node, kwargs, compute)
        return _Step(sources, targets, _several(run, targets))

    def _converted(self, compute: Any, tensor: KerasTensor, operation: Operation) -> Any:
        """`compute`, preceded by a cast if the tensor's dtype is not what the layer computes in."""
        if not isinstance(operation, Layer):
            return compute
        declared = numpy_dtype(tensor.dtype)
        dtype = operation._input_dtype(declared)
        if dtype == declared:
            return compute
        return lambda x: compute(cast(x, dtype))

    def _general_call(
        self, node: Node, kwargs: dict[str, Any], compute: Any
    ) -> tuple[list[int], Reader]:
        read_args, sources = self._reader(node.args, self._value_slots, node.operation)
        read_kwargs, more = self._reader(kwargs, self._value_slots, node.operation)
        return sources + more, lambda slots: compute(*read_args(slots), **read_kwargs(slots))

    @staticmethod
    def _implicit_masks(
        operation: Operation, call: CallArguments, known: dict[int, int]
    ) -> dict[str, Any]:
        """The tensors whose masks a layer is given, by the name of the mask argument."""
        if not isinstance(operation, Layer):
            return {}
        wanted = {m: call.named[name] for m, name in operation._implicit_masks(call).items()}
        return {mask: tensors for mask, tensors in wanted.items() if _any_in(known, tensors)}

    def _masked_call(
        self,
        node: Node,
        kwargs: dict[str, Any],
        compute: Any,
        masks: dict[str, Any],
        known: dict[int, int],
    ) -> tuple[list[int], Reader]:
        if not kwargs and len(node.args) == 1 and list(masks) == ["mask"]:
            x, mask = node.args[0], masks["mask"]
            is_one = isinstance(x, KerasTensor) and isinstance(mask, KerasTensor)
            if is_one and self._converted(compute, x, node.operation) is compute:
                # One tensor and its mask, as most masked calls have, without readers: 2 us less.
                source, place = self._value_slots[id(x)], known[id(mask)]
                return [source, place], lambda slots: compute(slots[source], mask=slots[place])
        read_args, sources = self._reader(node.args, self._value_slots, node.operation)
        read_kwargs, more = self._reader(kwargs, self._value_slots, node.operation)
        read_masks, mask_sources = self._reader(masks, known)

        def run(slots: Slots) -> Any:
            return compute(*read_args(slots), **{**read_kwargs(slots), **read_masks(slots)})

        return sources + more + mask_sources, run

    def _mask_steps(
        self,
        node: Node,
        call: CallArguments,
        mask: Any,
        sources: list[int],
        slot_of: dict[int, int],
    ) -> list[_Step]:
        """What computes the masks of a node's outputs, if anything must, and notes their slots."""
        layer = node.operation
        assert isinstance(layer, Layer)
        if mask is None and not layer.makes_mask:
            return []
        if layer.keeps_mask and len(sources) == 1:
            slot_of[id(node.outputs[0])] = sources[0]  # handed on unchanged
            return []
        targets = [self._new_slot() for _ in node.outputs]
        for tensor, slot in zip(node.outputs, targets, strict=True):
            slot_of[id(tensor)] = slot
        read_first, value_sources = self._reader(call.first, self._value_slots)

        def run(slots: Slots) -> None:
            previous = None if mask is None else mask(slots)
            masks = nest.flatten(layer.compute_mask(read_first(slots), previous))
            for slot, out in zip(targets, masks, strict=False):
                slots[slot] = out

        return [_Step([*sources, *value_sources], targets, run)]

    def _step_with_masks(
        self, node: Node, targets: list[int], mask: Any, sources: list[int]
    ) -> _Step:
        """A layer that computes its outputs and their masks in one go, such as a model."""
        layer = node.operation
        assert isinstance(layer, Layer)
        mask_targets = [self._new_slot() for _ in node.outputs]
        for tensor, slot in zip(node.outputs, mask_targets, strict=True):
            self._mask_slots[id(tensor)] = slot
        read_first, value_sources = self._reader(node.args[0], self._value_slots, layer)
        compute = self._in_place_of.get(node, layer).call_with_masks

        def run(slots: Slots) -> None:
            previous = None if mask is None else mask(slots)
            outputs, masks = compute(read_first(slots), previous)
            for slot, value in zip(targets, nest.flatten(outputs), strict=True):
                slots[slot] = value
            for slot, value in zip(mask_targets, nest.flatten(masks), strict=True):
                slots[slot] = value

        return _Step([*sources, *value_sources], [*targets, *mask_targets], run)

    def _reader(
        self, structure: Any, slot_of: dict[int, int], operation: Operation | None = None
    ) -> tuple[Reader, list[int]]:
        """A function that fills a nested structure from the slots, and the slots it reads."""
        if isinstance(structure, KerasTensor):
            slot = slot_of.get(id(structure))
            if slot is None:
                return lambda _slots: None, []
            if operation is None:
                return lambda slots: slots[slot], [slot]
            convert = self._converted(lambda x: x, structure, operation)
            return lambda slots: convert(slots[slot]), [slot]
        if not nest.is_nested(structure):
            return lambda _slots: structure, []
        items = structure.items() if isinstance(structure, dict) else enumerate(structure)
        parts = [(key, *self._reader(value, slot_of, operation)) for key, value in items]
        sources = [slot for _, _, part_sources in parts for slot in part_sources]
        if isinstance(structure, dict):
            return lambda slots: {key: read(slots) for key, read, _ in parts}, sources
        make = type(structure) if type(structure) in (list, tuple) else list
        return lambda slots: make(read(slots) for _, read, _ in parts), sources

    def _needed(self, steps: list[_Step]) -> list[tuple[_Step, tuple[int, ...]]]:
        """The steps whose results are used, each with the slots that nobody reads after it."""
        needed = {*self._outputs, *(slot for slot in self._output_masks if slot is not None)}
        kept: list[tuple[_Step, tuple[int, ...]]] = []
        for step in reversed(steps):
            if step.targets & needed:
                kept.append((step, tuple((step.sources | step.targets) - needed)))
                needed |= step.sources
        return kept[::-1]

    @staticmethod
    def _freeing(step: _Step, finished: tuple[int, ...]) -> Callable[[Slots], None]:
        """Runs a step, then empties the slots that are finished with."""
        if not finished:
            return step.run

        def run_and_free(slots: Slots) -> None:
            step.run(slots)
            for slot in finished:
                slots[slot] = None

        return run_and_free

    def _as_chain(self, steps: list[_Step]) -> list[Callable[[Any], Any]] | None:
        """The steps as functions of the value before, if the model is no more than that.

        Most models are such a chain. It needs no slots, and its Python costs half as much.
        """
        value, functions = 0, []
        for step in steps:
            if step.function is None or step.sources != {value}:
                return None
            functions.append(step.function)
            (value,) = step.targets
        return functions if self._outputs == [value] and not self.makes_masks else None


def _notes_its_mask(node: Node, call: CallArguments) -> bool:
    """Whether a call has the mask that its tensor had when the graph was made, as in Keras 3.

    Keras notes it among the arguments of a call that has one tensor, of the layer's dtype, and no
    other arguments; other calls are given the mask that their tensors carry while the graph runs.
    """
    layer = node.operation
    if node.kwargs or not isinstance(layer, Layer) or "mask" not in call.named:
        return False
    if len(node.args) != 1 or not isinstance(node.args[0], KerasTensor):
        return False
    dtype = numpy_dtype(node.args[0].dtype)
    return layer._input_dtype(dtype) == dtype


def _any_in(slot_of: dict[int, int], tensors: Any) -> bool:
    return any(id(tensor) in slot_of for tensor in nest.flatten(tensors))


def _callable(operation: Operation, in_place_of: Any = None) -> Any:
    """What to call for an operation whose inputs are arrays of the declared dtypes already."""
    if not isinstance(operation, Layer):
        return in_place_of or operation.call
    if in_place_of is not None:
        return _narrowing(operation, in_place_of) if operation.narrows else in_place_of
    cls = type(operation)
    if cls.__call__ is not cls._builtin_call and not operation.computes_masks:
        return operation
    is_builtin = serialization.is_builtin(type(operation))
    call = operation.call if is_builtin else _array_outputs(operation)
    return _narrowing(operation, call) if operation.narrows else call


def _narrowing(layer: Layer, call: Any) -> Any:
    return lambda *args, **kwargs: layer.narrowed(call(*args, **kwargs))


def _array_outputs(layer: Layer) -> Any:
    """A user's layer may return lists or other dtypes; the layers after it get arrays."""

    def to_array(y: Any) -> Any:
        if layer.reads_strings and holds_strings(y):
            return as_strings(y, f"output of {layer.label}")
        array = as_array(y, f"output of {layer.label}")
        return cast(array, layer.compute_dtype) if array.dtype.kind == "f" else array

    def run(*args: Any, **kwargs: Any) -> Any:
        return nest.map_structure(to_array, layer.call(*args, **kwargs))

    return run


def _is_false(name: str, value: Any) -> bool:
    return name == "training" and value is False


def _single(compute: Any, source: int, target: int) -> Callable[[Slots], None]:
    def run(slots: Slots) -> None:
        slots[target] = compute(slots[source])

    return run


def _on_slot(compute: Any, source: int) -> Reader:
    return lambda slots: compute(slots[source])


def _several(compute: Reader, targets: list[int]) -> Callable[[Slots], None]:
    def run(slots: Slots) -> None:
        outputs = compute(slots)
        if type(outputs) is np.ndarray and len(targets) == 1:
            slots[targets[0]] = outputs
            return
        for target, value in zip(targets, nest.flatten(outputs), strict=True):
            slots[target] = value

    return run
