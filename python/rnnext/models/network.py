"""A graph that can be run: the inside of every connected model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.errors import RnnextError, ShapeError, UnsupportedError
from rnnext.graph.execution import Execution
from rnnext.graph.graph import Graph, with_own_inputs
from rnnext.graph.memory import MemoryEstimate
from rnnext.graph.program import program_of
from rnnext.graph.recording import Pullback, RecordedProgram, Recording
from rnnext.graph.sample_axis import samples_elsewhere
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.core.input import Input
from rnnext.models.batching import (
    check_batch_size,
    check_rows,
    rows_within_memory,
    run_in_batches,
)
from rnnext.models.inputs import InputPort, ModelInputs, StringPort
from rnnext.models.sources import rows_of, sinks_of

__all__ = ["Network"]

Array = NDArray[Any]

_SMALL_BATCH = 32  # always run at once; Keras's own batch size


class Network:
    """Computes symbolic outputs from symbolic inputs, on arrays.

    Args:
        inputs: Symbolic tensors, nested as the caller wants to give arrays.
        outputs: Symbolic tensors, nested as the caller wants to get arrays.
        label: How error messages call the model.

    Attributes:
        graph: The nodes between them.
        inputs: The inputs, with new ones where one was not made by `Input`.
        outputs: The outputs; a list of one tensor becomes the tensor.
        ports: The inputs as arrays are checked against them.
        execution: Runs the graph if no input has a mask.
        samples_elsewhere: The name of what has its samples on another axis than the first.

    Raises:
        RnnextError: If something is no symbolic tensor, or the outputs need other inputs.
    """

    def __init__(self, inputs: Any, outputs: Any, label: str) -> None:
        for role, structure in (("inputs", inputs), ("outputs", outputs)):
            flat = nest.flatten(structure)
            wrong = [leaf for leaf in flat if not isinstance(leaf, KerasTensor)]
            if wrong or not flat:
                raise RnnextError(
                    f"{label}: {role} must be tensors made by Input and layers, received "
                    f"{wrong or structure!r}."
                )
        self.inputs, outputs = with_own_inputs(inputs, outputs, Input)
        self.outputs = unpack_single(outputs)
        self.graph = graph = Graph(nest.flatten(self.inputs), nest.flatten(outputs))
        self._label = label
        ports = [_port_of(t, graph, label) for t in graph.inputs]
        self.ports = ModelInputs(self.inputs, ports, label)
        self._only_port = ports[0] if len(ports) == 1 else None
        self._memory = MemoryEstimate(graph)
        self._executions: dict[tuple[bool, ...], Execution] = {}
        self._recorded: dict[Execution, RecordedProgram] = {}
        self.execution = self._execution_for(tuple(False for _ in ports))
        self._state_rows = _batch_size_of_states(graph)
        self.samples_elsewhere = samples_elsewhere(graph)
        # Up to how many samples predict runs all at once and no more.
        self._direct_rows = self._state_rows or _SMALL_BATCH
        # Where padding depends on the batch, it is Keras's batch.
        self._pads_to_batch = any(operation.pads_to_batch for operation in graph.operations)
        self._outputs_are_new = all(
            tensor.source.operation.makes_new_arrays for tensor in graph.outputs
        )

    def _execution_for(self, masked: tuple[bool, ...]) -> Execution:
        execution = self._executions.get(masked)
        if execution is None:
            execution = self._executions[masked] = Execution(program_of(self.graph, masked))
        return execution

    def __getstate__(self) -> dict[str, Any]:
        # The operations of a graph refer to each other in circles, and while these are copied an
        # execution would read operations that are not there yet: it is made at its first use.
        return {**self.__dict__, "_executions": {}, "_recorded": {}, "execution": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.execution = _AtFirstUse(self)  # type: ignore[assignment]

    # Running -----------------------------------------------------------------------------------

    def run(self, inputs: Any) -> Any:
        """Returns the outputs for arrays or array-likes without masks."""
        return self._packed(self.execution.run(self._values(inputs)))

    def run_with_masks(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        """Returns the outputs and their masks, nested alike.

        Args:
            inputs: Arrays or array-likes.
            mask: A mask or None for each input, nested like them; or None.
        """
        execution, values, masks = self.prepared(inputs, mask)
        outputs, out_masks = execution.run_with_masks(values, masks)
        return self._packed(outputs), self._packed(out_masks)

    def prepared(self, inputs: Any, mask: Any) -> tuple[Execution, list[Array], list[Array]]:
        """Returns what runs the graph for these masks, and the arrays and masks it takes, flat.

        Args:
            inputs: Arrays or array-likes.
            mask: A mask or None for each input, nested like them; or None.
        """
        masks = self.ports.masks(mask)
        execution = self._execution_for(tuple(m is not None for m in masks))
        return execution, self._values(inputs), [m for m in masks if m is not None]

    def record(
        self, recording: Recording, inputs: Any, mask: Any = None
    ) -> tuple[Any, Any, Pullback]:
        """Runs the graph so that it can be reversed.

        Args:
            recording: Takes the gradients of the weights.
            inputs: Arrays or array-likes.
            mask: A mask or None for each input, nested like them; or None.

        Returns:
            The outputs and their masks, nested alike, and a function from the outputs' gradients,
            flat, to those of the inputs, flat.
        """
        execution, values, present = self.prepared(inputs, mask)
        recorded = self._recorded.get(execution)
        if recorded is None:
            recorded = self._recorded[execution] = RecordedProgram(execution.program)
        outputs, out_masks, reverse = recorded.run(recording, values, present)
        return self._packed(outputs), self._packed(out_masks), reverse

    def _values(self, inputs: Any) -> list[Array]:
        port = self._only_port
        if port is not None:
            if type(inputs) is np.ndarray and port.takes(inputs):
                return [inputs]
        elif type(inputs) is list and len(inputs) == len(self.ports.ports):
            pairs = zip(self.ports.ports, inputs, strict=True)
            if all(type(x) is np.ndarray and port.takes(x) for port, x in pairs):
                return list(inputs)
        return self._cast(self.ports.arrays(inputs))

    def _cast(self, arrays: list[Array]) -> list[Array]:
        return [port.cast(x) for port, x in zip(self.ports.ports, arrays, strict=True)]

    def _packed(self, outputs: list[Any]) -> Any:
        if type(self.outputs) is KerasTensor:
            return outputs[0]
        return nest.pack_like(self.outputs, outputs)

    # Many samples ------------------------------------------------------------------------------

    def predict_directly(self, x: Any) -> Any:
        """Returns what `predict` would, or None unless `x` is a plain case, quickly told.

        Plain are arrays of few samples each, one for the only input or a list of them for several:
        all else that `predict` does takes longer than many a model.
        """
        rows = _common_rows([x] if self._only_port is not None else x)
        if not 0 < rows <= self._direct_rows:
            return None
        outputs = self.execution.run(self._values(x))
        if not self._outputs_are_new:
            outputs = [_copy_if_aliased(y, x if type(x) is list else [x]) for y in outputs]
            if not self.samples_elsewhere:
                check_rows(outputs, rows, self._label)
        return self._packed(outputs)

    def predict(self, x: Any, batch_size: int | None, verbose: int, out: Any = None) -> Array:
        """Returns the outputs for N samples, computed in batches; see `Model.predict`."""
        sinks = None if out is None else sinks_of(out, self.outputs, self._label)
        given = zip(self.ports.values(x), self.ports.ports, strict=True)
        arrays = [rows_of(value, port) for value, port in given]
        if self.samples_elsewhere:
            if sinks is not None:
                raise UnsupportedError(
                    f"{self._label}: predict with out=: the samples of {self.samples_elsewhere!r} "
                    "are not on the first axis; leave out= out."
                )
            whole: Array = self._predict_whole([array[:] for array in arrays], batch_size)
            return whole

        def run(batch: list[Array]) -> list[Array]:
            return [_copy_if_aliased(y, batch) for y in self.execution.run(self._cast(batch))]

        rows = self._batch_rows(arrays, batch_size)
        results = run_in_batches(run, arrays, rows, verbose, self._label, sinks)
        return self._packed(results) if sinks is None else out  # type: ignore[no-any-return]

    def _predict_whole(self, arrays: list[Array], batch_size: int | None) -> Any:
        """The outputs where the first axis is not the samples', so that it must not be cut."""
        if batch_size is not None:
            raise UnsupportedError(
                f"{self._label}: predict with batch_size={batch_size}: the samples of "
                f"{self.samples_elsewhere!r} are not on the first axis; leave batch_size out, and "
                "all of them run at once."
            )
        return self._packed(
            [_copy_if_aliased(y, arrays) for y in self.execution.run(self._cast(arrays))]
        )

    def _batch_rows(self, arrays: list[Array], batch_size: int | None) -> int:
        if batch_size is not None:
            batch_size = check_batch_size(batch_size, self._label)
        if self._state_rows:
            samples = len(arrays[0])
            rows = batch_size or self._state_rows
            for size in (min(rows, samples), samples % rows or self._state_rows):
                self._check_state_rows(size, samples)
            return rows
        if batch_size is not None:
            return batch_size
        if self._pads_to_batch:
            return _SMALL_BATCH
        return rows_within_memory(self._memory.bytes_per_row([a.shape for a in arrays]))

    def _check_state_rows(self, rows: int, samples: int) -> None:
        """Checks the size of a batch of `predict` before the ones in front of it change states."""
        if rows != self._state_rows:
            layer = next(op for op in self.graph.operations if getattr(op, "stateful", False))
            raise ShapeError(
                f"{self._label}: {layer.label} has stateful=True, so it keeps one state for each "
                f"of the {self._state_rows} samples of the batch it was built for; predict "
                f"received {samples} samples, and a batch of them would have {rows}. Predict a "
                f"multiple of {self._state_rows} samples, with batch_size={self._state_rows} or "
                "None, or build the model anew with Input(batch_shape=...) of another batch size "
                "and load the weights into it."
            )

    # Shapes ------------------------------------------------------------------------------------

    def output_spec(self, inputs: Any, name: str) -> Any:
        """Returns symbolic outputs for symbolic inputs, whose unknown sizes may be known now."""
        tensors = self.ports.values(inputs)
        for port, tensor in zip(self.ports.ports, tensors, strict=True):
            port.check_symbolic(tensor)
        known = dict(zip(map(id, self.graph.inputs), tensors, strict=True))

        def swap(x: Any) -> Any:
            return known[id(x)] if isinstance(x, KerasTensor) else x

        for node in self.graph.nodes:
            if not node.is_input:
                args = nest.map_structure(swap, node.args)
                kwargs = nest.map_structure(swap, node.kwargs)
                spec = node.operation.compute_output_spec(*args, **kwargs)
                results = nest.flatten(node.operation.cast_outputs(spec))
                known.update(zip(map(id, node.outputs), results, strict=True))
        # New tensors: one and the same may be an output twice.
        return nest.map_structure(
            lambda t: KerasTensor(known[id(t)].shape, known[id(t)].dtype, name), self.outputs
        )

    def output_shape_for(self, input_shape: Any) -> Any:
        """Returns the shapes of the outputs for inputs of these shapes."""
        shapes = [input_shape] if self._only_port is not None else list(input_shape)
        if len(shapes) != len(self.graph.inputs):
            raise ShapeError(
                f"{self._label} has {len(self.graph.inputs)} inputs, received shapes {shapes}."
            )
        inputs = [KerasTensor(s, t.dtype) for s, t in zip(shapes, self.graph.inputs, strict=True)]
        spec = self.output_spec(inputs if len(inputs) > 1 else inputs[0], "shape")
        return nest.map_structure(lambda tensor: tensor.shape, spec)


class _AtFirstUse:
    """Stands for the execution of a network that was copied, and makes it when it is needed."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def __getattr__(self, name: str) -> Any:
        network = self._network
        network.execution = network._execution_for(tuple(False for _ in network.graph.inputs))
        return getattr(network.execution, name)


def _common_rows(arrays: Any) -> int:
    """How many samples each of some arrays has; 0 if they differ or this is no list of arrays."""
    if type(arrays) is not list:
        return 0
    rows = 0
    for array in arrays:
        if type(array) is not np.ndarray or array.ndim == 0 or len(array) != (rows or len(array)):
            return 0
        rows = len(array)
    return rows


def _copy_if_aliased(output: Array, inputs: list[Array]) -> Array:
    """An output that is not the caller's own memory, which a lone Dropout or Flatten returns."""
    shared = any(np.may_share_memory(output, x) for x in inputs)
    return output.copy() if shared else output


def _batch_size_of_states(graph: Graph) -> int:
    """The batch size a model with stateful layers is bound to; 0 for other models."""
    if not any(operation.stateful for operation in graph.operations):
        return 0
    return max(tensor.shape[0] or 0 for tensor in graph.inputs)


def unpack_single(structure: Any) -> Any:
    """A list of one tensor means the tensor."""
    if isinstance(structure, (list, tuple)) and len(structure) == 1:
        return structure[0]
    return structure


def _port_of(tensor: KerasTensor, graph: Graph, label: str) -> InputPort:
    port = StringPort if tensor.dtype == "string" else InputPort
    return port(tensor, label, _only_ids(graph, tensor))


def _only_ids(graph: Graph, tensor: KerasTensor) -> bool:
    """Whether every operation that reads an input takes integers as they are."""
    readers = [
        node.operation for node in graph.nodes if any(t is tensor for t in node.input_tensors)
    ]
    return bool(readers) and all(op.reads_ids for op in readers)
