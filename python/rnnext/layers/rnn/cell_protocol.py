"""What a recurrent layer asks of its cell, whoever wrote the cell.

A cell is an object with `call(inputs, states)` and `state_size`. It may have `output_size`,
`get_initial_state` (with the arguments of Keras 2 or of Keras 3), `build` if it is a layer, and
`call` may take `training` and `constants`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.arrays import asarray, cast
from rnnext.errors import RnnextError, UnsupportedError
from rnnext.graph.arguments import accepts
from rnnext.graph.shape_inference import probe_output
from rnnext.layers.layer import Layer, tensors_of_shapes

__all__ = [
    "build_cell",
    "call_options",
    "check_cell",
    "initial_states",
    "listed",
    "output_and_states",
    "output_shape",
    "output_size",
    "state_shapes",
    "takes_constants",
]

Array = NDArray[Any]


def check_cell(cell: Any, label: str) -> None:
    """Checks that an object can be the cell of an RNN.

    Raises:
        UnsupportedError: If it lacks `call` or `state_size`.
    """
    for attribute in ("call", "state_size"):
        if not hasattr(cell, attribute):
            raise UnsupportedError(
                f"{label}: a cell needs call(inputs, states) and state_size; {cell!r} has no "
                f"{attribute}."
            )


def listed(states: Any) -> list[Any]:
    """Returns the states of a cell as a list, also where there is one that is in none."""
    return list(states) if nest.is_nested(states) else [states]


def output_and_states(cell: Any, made: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Returns what a cell's call made, the states as a list.

    Args:
        cell: The cell.
        made: What its `call` returned.
        states: What it was given.

    Raises:
        UnsupportedError: If it is not an output and as many states as went in.
    """
    if not isinstance(made, (tuple, list)) or len(made) != 2:
        received = f"{len(made)} values" if isinstance(made, (tuple, list)) else type(made).__name__
        raise UnsupportedError(
            f"cell {type(cell).__name__}: call() must return an output and the new states, "
            f"received {received}."
        )
    output, new_states = made[0], listed(made[1])
    if len(new_states) != len(states):
        count, expected = len(nest.flatten(new_states)), len(nest.flatten(states))
        if count != expected:
            raise UnsupportedError(
                f"cell {type(cell).__name__}: call() must return as many states as it is given, "
                f"expected {expected}, received {count}."
            )
    return output, new_states


def call_options(cell: Any, training: bool, constants: Sequence[Any] | None) -> dict[str, Any]:
    """Returns what a step's call is given beside inputs and states.

    Args:
        cell: The cell.
        training: Given to cells whose `call` has such an argument.
        constants: Arrays that every step gets, as `constants`; None if there are none.
    """
    options: dict[str, Any] = {}
    if _call_accepts(cell, "training"):
        options["training"] = training
    if constants is not None and _call_accepts(cell, "constants"):
        options["constants"] = constants
    return options


def takes_constants(cell: Any) -> bool:
    """Tells whether the `call` of a cell has an argument `constants`."""
    return _call_accepts(cell, "constants")


def _call_accepts(cell: Any, argument: str) -> bool:
    call = getattr(type(cell), "call", None)
    return call is not None and accepts(call, argument)


def build_cell(cell: Any, input_shape: Any, constants_shape: Any = None) -> None:
    """Makes the weights of a cell, and of the layers in it.

    Layers that its `call` builds when it first uses them are built by a step on zeros.

    Args:
        cell: The cell; what is no layer needs no building.
        input_shape: The shape (B, ...) of a step's input.
        constants_shape: The shapes of the constants, if the cell is given any.
    """
    if not isinstance(cell, Layer):
        return
    if not cell.built and type(cell).build is not Layer.build:
        takes_more = constants_shape is not None and accepts(type(cell).build, "constants_shape")
        more = {"constants_shape": constants_shape} if takes_more else {}
        cell.build(input_shape, **more)
    if any(not layer.built for layer in cell._with_descendants()[1:]):
        dtype = cell.compute_dtype
        shapes = [input_shape, state_shapes(cell, input_shape[0])]
        constants = None
        if constants_shape is not None:
            constants = listed(tensors_of_shapes(constants_shape, dtype, cell.name))
        tensors = tuple(tensors_of_shapes(shapes, dtype, cell.name))
        probe_output(cell, tensors, call_options(cell, False, constants))
    if not cell.built:
        cell._note_built(input_shape)


def initial_states(cell: Any, batch_size: int, dtype: str) -> Any:
    """Returns the states a cell starts from, nested as the cell has them.

    Args:
        cell: The cell. Its `get_initial_state` decides if it has one; else they are zeros.
        batch_size: Number of samples.
        dtype: Dtype of the states, given to a `get_initial_state` that has such an argument.
    """
    if not hasattr(cell, "get_initial_state"):
        return _zeros(cell.state_size, batch_size, dtype)
    method = getattr(type(cell), "get_initial_state", None)
    options = {"dtype": dtype} if method is not None and accepts(method, "dtype") else {}
    states = cell.get_initial_state(batch_size=batch_size, **options)
    return nest.map_structure(lambda state: cast(asarray(state), np.dtype(dtype)), states)


def _zeros(size: Any, batch_size: int, dtype: str) -> Any:
    if isinstance(size, (list, tuple)):
        return [_zeros(each, batch_size, dtype) for each in size]
    return np.zeros((batch_size, *_sizes(size)), dtype)


def _sizes(size: Any) -> tuple[int, ...]:
    """A size as a cell states it, a number or an object like TensorFlow's TensorShape."""
    return (int(size),) if isinstance(size, (int, np.integer)) else tuple(map(int, size))


def state_shapes(cell: Any, batch_size: int | None) -> list[Any]:
    """Returns the shapes of a cell's states, nested as they are; `batch_size` may be None."""
    states = listed(initial_states(cell, 1, "float32"))
    return list(nest.map_structure(lambda state: (batch_size, *state.shape[1:]), states))


def output_size(cell: Any) -> Any:
    """Returns the size of a cell's output: its `output_size`, or else that of its first state."""
    size = getattr(cell, "output_size", None)
    return nest.flatten(cell.state_size)[0] if size is None else size


def output_shape(cell: Any, batch_size: int | None) -> tuple[int | None, ...]:
    """Returns the shape of a cell's output; `batch_size` may be None.

    Raises:
        RnnextError: If its size is neither a number nor like TensorFlow's TensorShape.
    """
    size = output_size(cell)
    is_shape = hasattr(size, "__len__") and not isinstance(size, (str, list, tuple, dict))
    if not isinstance(size, (int, np.integer)) and not is_shape:
        raise RnnextError(f"cell {cell!r}: output_size must be an integer, received {size!r}.")
    return (batch_size, *_sizes(size))
