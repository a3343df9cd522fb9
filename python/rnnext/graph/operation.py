"""What can be a node of a model: the contract of an operation, and the record of its calls.

Layers are operations with weights; the functions of `rnnext.ops` are operations without. Whatever
runs, streams, prints or saves a graph knows an operation by this contract alone:

| member | says |
| --- | --- |
| `call` | what it computes from arrays |
| `compute_output_spec` | the shapes and dtypes of the outputs |
| `record`, `record_with_masks` | how it computes so that it can be reversed; see recording.py |
| `recorded` | the same, with what a call adds to the loss |
| `mask_rule`, `compute_mask`, `implicit_masks` | what becomes of masks |
| `streamed` | how a call on a sequence runs step by step |
| `program_function`, `input_dtype`, `cast_outputs` | how a program calls it, and in which dtypes |
| `reads_ids`, `makes_new_arrays`, `stateful`, ... | properties, each with its default here |
"""

from __future__ import annotations

import contextlib
import enum
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from rnnext import nest
from rnnext.derived import derived
from rnnext.errors import DataError, RnnextError, UnsupportedError
from rnnext.graph.arguments import accepts
from rnnext.graph.tensor import History, KerasTensor, any_symbolic
from rnnext.naming import unique_name

__all__ = ["MaskRule", "Node", "Operation"]


class MaskRule(enum.Enum):
    """What an operation does with the masks of its inputs."""

    DROP = "its outputs have no mask"
    KEEP = "its output has the mask of its input, the same array"
    COMPUTE = "compute_mask turns the mask of its inputs, if there is one, into that of outputs"
    MAKE = "compute_mask gives its outputs a mask even where its inputs have none"
    JOINT = "call_with_masks computes its outputs and their masks together"


_serials = itertools.count()


class Node:
    """One call of an operation on symbolic tensors.

    Attributes:
        operation: What was called.
        args: Its positional arguments, symbolic tensors and plain values.
        kwargs: Its keyword arguments.
        outputs: What it returned, flattened.
        input_tensors: The symbolic tensors among the arguments.
        serial: Counts the nodes of the process in the order of the calls.
        mask_tensors: The symbolic masks that Keras passes as well; None until a summary asks.
    """

    mask_tensors: list[KerasTensor] | None = None

    def __init__(
        self, operation: Operation, args: Sequence[Any], kwargs: dict[str, Any], outputs: Any
    ) -> None:
        self.operation = operation
        self.args = tuple(args)
        self.kwargs = dict(kwargs)
        self.outputs: list[KerasTensor] = nest.flatten(outputs)
        leaves = nest.flatten((self.args, self.kwargs))
        self.input_tensors = [leaf for leaf in leaves if isinstance(leaf, KerasTensor)]
        self.serial = next(_serials)
        index = len(operation.inbound_nodes)
        operation.inbound_nodes.append(self)
        for i, tensor in enumerate(self.outputs):
            tensor.history = History(operation, index, i)

    @property
    def is_input(self) -> bool:
        """Whether this node only declares an input."""
        return not self.input_tensors

    @property
    def parents(self) -> list[Node]:
        """The nodes that made this node's input tensors."""
        return [
            tensor.source.operation.inbound_nodes[tensor.source.node_index]
            for tensor in self.input_tensors
        ]

    def __repr__(self) -> str:
        return f"<Node of {self.operation.name}>"


class Operation:
    """Something that can be called on symbolic tensors and then be a node of a model.

    Args:
        name: Its name; by default its class's name in snake case, numbered.

    Raises:
        RnnextError: If the name is no string, or empty.
    """

    # Properties of a class, or of one instance. These are their defaults.
    #: Whether integer inputs are read as ids, whatever float dtype the model's input declares.
    reads_ids = False
    #: Outputs never alias inputs, so predict skips the overlap check.
    makes_new_arrays = False
    #: Whether its `call` may call layers, which are then recorded by their own rules.
    calls_others = False
    #: Whether it keeps states from call to call.
    stateful: Any = False
    #: Whether samples are padded to the longest one that is computed with them.
    pads_to_batch: Any = False
    #: Whether inputs may be strings.
    reads_strings: Any = False
    #: Whether it needs its input as a sequence, whatever else that could be.
    reads_steps = False
    #: Whether its output at a time step (axis 1) depends on that step of its inputs alone.
    works_on_each_step = False
    #: Whether a mask it is given is one of elements, not of steps.
    masks_elements: Any = False
    #: Whether Keras's configs class it as a functional model.
    is_functional: Any = False
    #: The name of what, inside it, has its samples on another axis than the first.
    samples_elsewhere: Any = None

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = unique_name(type(self).__name__)
        if not isinstance(name, str) or not name:
            raise RnnextError(
                f"{type(self).__name__}: name must be a non-empty string, received {name!r}."
            )
        self.name = name
        self.inbound_nodes: list[Node] = []

    @derived
    def label(self) -> str:
        """How error messages call it: `layer 'name' (ClassName)`."""
        return f"layer {self.name!r} ({type(self).__name__})"

    @property
    def input(self) -> Any:
        """The symbolic input of the first call, a list if there are several."""
        return _one_or_list(self._first_node("input").input_tensors)

    @property
    def output(self) -> Any:
        """The symbolic output of the first call, a list if there are several."""
        return _one_or_list(self._first_node("output").outputs)

    def _first_node(self, what: str) -> Node:
        if not self.inbound_nodes:
            raise AttributeError(
                f"{self.label} was never called on a symbolic tensor and has no {what}."
            )
        return self.inbound_nodes[0]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Records a node if there is a symbolic tensor among the arguments, else computes."""
        if not any_symbolic((args, kwargs)):
            return self.call(*args, **kwargs)
        self._check_tensor_dtypes((args, kwargs))
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def _check_tensor_dtypes(self, arguments: Any) -> None:
        """Raises DataError if a symbolic argument holds strings and this reads numbers only."""
        if self.reads_strings:
            return
        for tensor in nest.flatten(arguments):
            if isinstance(tensor, KerasTensor) and tensor.dtype == "string":
                raise DataError(
                    f"{self.label}: expected numbers, received the strings of {tensor.name!r}; a "
                    "TextVectorization or StringLookup layer makes numbers of them."
                )

    # Values and shapes -------------------------------------------------------------------------

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the outputs from arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no call() method.")

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns symbolic tensors of the shape and dtype that `call` would return."""
        raise NotImplementedError(f"{type(self).__name__} has no compute_output_spec() method.")

    def program_function(self, runner: Any = None) -> Callable[..., Any]:
        """Returns what a program calls, with arrays of the dtypes of `input_dtype`.

        Args:
            runner: What computes the outputs in place of `call`; a stream gives one.
        """
        return runner or self.call

    def input_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Returns the dtype in which an input of this dtype reaches `call`."""
        return dtype

    def cast_outputs(self, outputs: Any) -> Any:
        """Returns outputs of `call`, or symbolic ones, in the dtype that Keras returns."""
        return outputs

    # Gradients ---------------------------------------------------------------------------------

    def record(self, recording: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Computes as a program does, so that it can be reversed.

        The default rule traces what a program calls, which may be any code that computes with
        NumPy and `rnnext.ops`; see `rnnext.autodiff`.

        Args:
            recording: The `rnnext.graph.recording.Recording` that this is part of. It gets the
                gradients of the weights, and says whether this is training.
            *args: What `call` is given, with plain arrays.
            **kwargs: Likewise.

        Returns:
            The outputs, and their pullback: a function from the gradients of the outputs, flat, to
            those of the leaves of (args, kwargs), None for what has none.
        """
        from rnnext.autodiff.tracing import trace

        function, outer = self.program_function(), recording.training
        if kwargs.get("training") is not None:
            recording.training = bool(kwargs["training"])  # for the layers that it calls, too
        elif outer and accepts(type(self).call, "training"):
            if "training" in kwargs:
                kwargs["training"] = True
            else:  # not among the leaves
                function = functools.partial(function, training=True)
        try:
            with self.naming_kernels():
                return trace(function, args, kwargs, recording, integers=self.calls_others)
        finally:
            recording.training = outer

    @contextlib.contextmanager
    def naming_kernels(self) -> Iterator[None]:
        """Names this operation in the error of a compiled kernel that is given traced arrays."""
        try:
            yield
        except TypeError as error:
            if "received Traced" not in str(error):  # what a compiled kernel says
                raise
            raise UnsupportedError(
                f"{self.label} computes with a compiled kernel and has no gradient rule."
            ) from error

    def recorded(self, recording: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Returns what `record` does, and notes what a call adds to the loss."""
        return self.record(recording, *args, **kwargs)

    def record_with_masks(
        self, recording: Any, inputs: Any, mask: Any
    ) -> tuple[Any, Any, Callable[[list[Any]], list[Any]]]:
        """Returns outputs, their masks and the outputs' pullback; see `MaskRule.JOINT`."""
        from rnnext.autodiff.tracing import trace

        masks: Any = None

        def outputs_alone(x: Any) -> Any:
            nonlocal masks
            outputs, masks = self.call_with_masks(x, mask)
            return outputs

        outputs, pullback = trace(outputs_alone, (inputs,), {}, recording, integers=True)
        return outputs, masks, pullback

    # Masks -------------------------------------------------------------------------------------

    @property
    def mask_rule(self) -> MaskRule:
        """What it does with the masks of its inputs."""
        return MaskRule.DROP

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:  # noqa: ARG002
        """Returns the mask of the outputs, given the inputs and their mask."""
        return previous_mask

    def call_with_masks(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        """Returns outputs and their masks for inputs and their mask; see `MaskRule.JOINT`."""
        return self.call(inputs), self.compute_mask(inputs, mask)

    def implicit_masks(self, call: Any) -> dict[str, str]:  # noqa: ARG002
        """Returns which mask arguments get the masks that tensors carry.

        Args:
            call: A `rnnext.graph.arguments.CallArguments`.

        Returns:
            The name of the tensor argument by that of the mask argument.
        """
        return {}

    def drops_masks_of(self, call: Any) -> list[Any]:  # noqa: ARG002
        """Returns the tensors that carry no mask any more after this call."""
        return []

    # Steps -------------------------------------------------------------------------------------

    def streamed(self, call: Any) -> Any:
        """Says how a call on sequences is streamed; see `rnnext.graph.streaming`.

        Raises:
            UnsupportedError: If it needs steps that a stream does not have.
        """
        call.raise_not_streamable()

    def reads_in_steps(self, node: Node, sequences: set[int]) -> bool:
        """Tells whether a call needs one of these tensors (by id) as a sequence."""
        return self.reads_steps and id(node.input_tensors[0]) in sequences

    # Config ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes the operation that `get_config` described."""
        return cls(**config)


def _one_or_list(tensors: list[KerasTensor]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors
