"""Symbolic tensors and the nodes that record which layer made them from which.

Calling a layer on a symbolic tensor computes nothing: it records a `Node` and returns symbolic
tensors of the shapes the layer would return. A functional model is read off these records.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from rnnext import nest, serialization
from rnnext.dtypes import tensor_dtype_name
from rnnext.errors import DataError, RnnextError, ShapeError
from rnnext.graph.tensor_operators import TensorOperators
from rnnext.naming import unique_name

__all__ = ["History", "KerasTensor", "Node", "Operation", "any_symbolic", "standard_shape"]

Shape = tuple[int | None, ...]


def standard_shape(shape: Any, name: str) -> Shape:
    """Returns `shape` as a tuple of sizes and None.

    Raises:
        ShapeError: If it is not a sequence of non-negative integers and None.
    """
    try:
        sizes = tuple(None if size is None else _size(size) for size in shape)
    except (TypeError, ValueError) as error:
        raise ShapeError(
            f"{name}: expected a shape of non-negative integers and None, received {shape!r}."
        ) from error
    return sizes


def _size(size: Any) -> int:
    number = operator.index(size)
    if number < 0 or isinstance(size, bool):
        raise ValueError(f"{size!r} is not a size")
    return number


class History(NamedTuple):
    """Where a symbolic tensor comes from: output `tensor_index` of a node of `operation`."""

    operation: Operation
    node_index: int
    tensor_index: int


class KerasTensor(TensorOperators):
    """A tensor of which only shape and dtype are known.

    Attributes:
        shape: Sizes; None where the size is known only at run time.
        dtype: Name of the dtype.
        name: Name of the layer that made it.
    """

    def __init__(self, shape: Any, dtype: Any = None, name: str | None = None) -> None:
        self.shape = standard_shape(shape, "KerasTensor")
        self.dtype = tensor_dtype_name(dtype)
        self.name = name or unique_name("KerasTensor")
        self.history: History | None = None
        # [layer name, node index, tensor index] of a tensor that was read from a config
        self.stored_history: list[Any] | None = None

    @property
    def _keras_history(self) -> History:
        """Keras's name for `history`."""
        return self.source

    @property
    def source(self) -> History:
        """The tensor's history.

        Raises:
            RnnextError: If no layer made it.
        """
        if self.history is None:
            raise RnnextError(f"{self!r} does not come from rnnext.Input or a layer.")
        return self.history

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __array__(self, *_args: Any, **_kwargs: Any) -> Any:
        raise TypeError(
            f"{self!r} is symbolic and has no values; a NumPy function cannot be applied to it. "
            "Use layers, or put the function into a layer's call()."
        )

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} is symbolic and has no truth value.")

    def __iter__(self) -> Any:
        raise TypeError(f"{self!r} is symbolic and cannot be iterated over.")

    def _serialize(self) -> dict[str, Any]:
        history = self.source
        return {
            "class_name": "__keras_tensor__",
            "config": {
                "shape": list(self.shape),
                "dtype": self.dtype,
                "keras_history": [
                    history.operation.name,
                    history.node_index,
                    history.tensor_index,
                ],
            },
        }

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def _stored_tensor(inner: dict[str, Any]) -> KerasTensor:
    tensor = KerasTensor(inner["shape"], inner["dtype"])
    tensor.stored_history = inner["keras_history"]
    return tensor


serialization.add_special_form("__keras_tensor__", _stored_tensor)


def any_symbolic(structure: Any) -> bool:
    """Tells whether a nested structure holds a symbolic tensor."""
    return any(isinstance(leaf, KerasTensor) for leaf in nest.flatten(structure))


class Node:
    """One call of an operation on symbolic tensors.

    Attributes:
        operation: What was called.
        args: Its positional arguments, symbolic tensors and plain values.
        kwargs: Its keyword arguments.
        outputs: What it returned, flattened.
        input_tensors: The symbolic tensors among the arguments.
    """

    def __init__(
        self, operation: Operation, args: Sequence[Any], kwargs: dict[str, Any], outputs: Any
    ) -> None:
        self.operation = operation
        self.args = tuple(args)
        self.kwargs = dict(kwargs)
        self.outputs: list[KerasTensor] = nest.flatten(outputs)
        leaves = nest.flatten((self.args, self.kwargs))
        self.input_tensors = [leaf for leaf in leaves if isinstance(leaf, KerasTensor)]
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

    Layers are operations with weights; see `rnnext.ops` for those without.
    """

    @property
    def pads_to_batch(self) -> bool:
        """Whether samples are padded to the longest one that is computed with them."""
        return False

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = unique_name(type(self).__name__)
        if not isinstance(name, str) or not name:
            raise RnnextError(
                f"{type(self).__name__}: name must be a non-empty string, received {name!r}."
            )
        self.name = name
        self.inbound_nodes: list[Node] = []

    @property
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

    @property
    def reads_strings(self) -> bool:
        """Whether inputs may be strings."""
        return False

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

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the outputs from arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no call() method.")

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns symbolic tensors of the shape and dtype that `call` would return."""
        raise NotImplementedError(f"{type(self).__name__} has no compute_output_spec() method.")

    def streamed(self, call: Any) -> Any:
        """Says how a call on sequences is streamed; see `rnnext.graph.streaming`.

        Raises:
            UnsupportedError: If it needs steps that a stream does not have.
        """
        call.refuse_unknown()

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes the operation that `get_config` described."""
        return cls(**config)


def _one_or_list(tensors: list[KerasTensor]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors
