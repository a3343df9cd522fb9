"""One time step of a recurrent layer: SimpleRNNCell, LSTMCell, GRUCell and stacks of cells.

The cells own the weights. Their step runs on the compiled kernel, which takes whole sequences;
only with an activation that no kernel has does it run on the formulas below, in NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core, nest, serialization
from rnnext.arrays import cast
from rnnext.errors import RnnextError, ShapeError, UnsupportedError
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.integer_options import positive_integer
from rnnext.layers.layer import Layer
from rnnext.layers.recurrent_cell import RecurrentCell, lstm_bias, lstm_step
from rnnext.layers.step_loop import StepLoop, zero_states

__all__ = [
    "GRUCell",
    "KernelCell",
    "LSTMCell",
    "SimpleRNNCell",
    "StackedRNNCells",
    "check_cell",
    "has_kernel",
    "output_size",
    "stacks_kernels",
]

Array = NDArray[Any]

# Arguments that all three cells have after `use_bias`, in Keras's order.
_COMMON_OPTIONS = (
    "kernel_initializer",
    "recurrent_initializer",
    "bias_initializer",
    "kernel_regularizer",
    "recurrent_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "recurrent_constraint",
    "bias_constraint",
    "dropout",
    "recurrent_dropout",
    "seed",
)


class KernelCell(RecurrentCell):
    """Base class of the cells that have a compiled kernel.

    Attributes:
        units: Number of units.
        kernel: Weight (D, G * units), G gates side by side.
        recurrent_kernel: Weight (units, G * units).
        bias: Weight (G * units,), or (2, G * units) for a GRU with reset_after, or None.
        state_size: `units`, or a list of it for each state.
    """

    has_kernel = True
    units: int
    reset_after: bool

    state_count = 1
    _kind: str
    _gates: int

    def __init__(self, *, implementation: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.implementation = implementation  # Keras's choice between equal ways; kept only

    def _set_options(self, given: dict[str, Any]) -> None:
        units = positive_integer(given["units"], "units", self.label)
        super()._set_options(given)
        self.units = units
        self.output_size = self.units
        self.state_size: Any = self.units if self.state_count == 1 else [self.units] * 2

    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs (B, D)."""
        features = input_shape[-1]
        if features is None:
            raise ShapeError(f"{self.label}: the last axis of {tuple(input_shape)} must be known.")
        width = self._gates * self.units
        self.kernel = self.add_weight((features, width), self.kernel_initializer, name="kernel")
        self.recurrent_kernel = self.add_weight(
            (self.units, width), self.recurrent_initializer, name="recurrent_kernel"
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(self._bias_shape(), self._initial_bias, name="bias")
        self.input_spec = InputSpec(ndim=2, axes={-1: features}, meaning="(batch, features)")

    def _bias_shape(self) -> tuple[int, ...]:
        return (self._gates * self.units,)

    def _pack_weights(self) -> Any:
        """What runs this cell over sequences: the compiled kernel, or the loop over steps."""
        activation, recurrent = self.activation.spec, self._recurrent_spec()
        if activation is None or recurrent is None:
            return StepLoop(self)
        return _core.RecurrentKernel(
            self._kind,
            self.kernel.value,
            self.recurrent_kernel.value,
            None if self.bias is None else self.bias.value,
            activation,
            recurrent or None,
            getattr(self, "reset_after", True),
            weights=self._precision,
        )

    def _recurrent_spec(self) -> Any:
        """The spec of the gates' activation; () for a cell without gates."""
        return self.recurrent_activation.spec

    def call(self, inputs: Array, states: Any, training: bool = False) -> tuple[Array, Any]:
        """One step: inputs (B, D) and states (B, units) to output (B, units) and new states.

        A state that is not in a list gives a new state that is not in one.
        """
        self._refuse_dropout(training)
        previous = nest.flatten(states)
        if [np.shape(state) for state in previous] != self._state_shapes(len(inputs)):
            raise ShapeError(
                f"{self.label}: expected states of shapes {self._state_shapes(len(inputs))}, "
                f"received {[np.shape(state) for state in previous]}."
            )
        kernel = self._packed or self._pack()
        # A stack's cells may each compute in a dtype of their own.
        inputs, *previous = (cast(x, self.compute_dtype) for x in (inputs, *previous))
        if isinstance(kernel, StepLoop):
            new_states = list(self._step(inputs, *previous))
        else:
            steps, before = inputs[:, None], tuple(previous)
            new_states = kernel(steps, before, None, False, True, False, False)[1:]
        return new_states[0], list(new_states) if nest.is_nested(states) else new_states[0]

    def _state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        return [(batch_size, self.units)] * self.state_count

    def _step(self, x: Array, *states: Array) -> tuple[Array, ...]:
        """The textbook's formulas: the new states, the first of them the output."""
        raise NotImplementedError

    def _biases(self) -> tuple[Any, Any]:
        """Bias of the input and of the recurrent product."""
        if self.bias is None:
            return 0.0, 0.0
        values = self.bias.value
        return (values[0], values[1]) if values.ndim == 2 else (values, 0.0)

    def get_initial_state(self, batch_size: int) -> list[Array]:
        """Returns zeros (batch_size, units) for each state."""
        return [np.zeros(shape, self.compute_dtype) for shape in self._state_shapes(batch_size)]

    def compute_output_shape(self, input_shape: Any, states_shape: Any = None) -> Any:  # noqa: ARG002
        """Returns the shapes of the output and of the states."""
        shape = (input_shape[0], self.units)
        return shape, [shape] * self.state_count


@serialization.builtin("keras.layers")
class SimpleRNNCell(KernelCell):
    """`h = activation(x @ kernel + h_prev @ recurrent_kernel + bias)`; see `SimpleRNN`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import SimpleRNNCell
        >>> output, (h,) = SimpleRNNCell(4)(np.zeros((2, 3)), [np.zeros((2, 4))])
        >>> output.shape, h.shape
        ((2, 4), (2, 4))
    """

    options = ("units", "activation", "use_bias", *_COMMON_OPTIONS)
    _kind = "simple_rnn"
    _gates = 1

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_options(locals())

    def _recurrent_spec(self) -> Any:
        return ()

    def _step(self, x: Array, *states: Array) -> tuple[Array, ...]:
        bias, _ = self._biases()
        return (self.activation(x @ self.kernel + states[0] @ self.recurrent_kernel + bias),)


@serialization.builtin("keras.layers")
class LSTMCell(KernelCell):
    """One step of a long short-term memory; see `LSTM`. Gates i, f, c, o side by side.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import LSTMCell
        >>> output, (h, c) = LSTMCell(4)(np.zeros((2, 3)), [np.zeros((2, 4)), np.ones((2, 4))])
        >>> output.shape, h.shape, c.shape
        ((2, 4), (2, 4), (2, 4))
    """

    options = (
        "units",
        "activation",
        "recurrent_activation",
        "use_bias",
        "unit_forget_bias",
        *_COMMON_OPTIONS,
    )
    state_count = 2
    _kind = "lstm"
    _gates = 4

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_options(locals())

    def _initial_bias(self, shape: Sequence[int], dtype: Any = None) -> Array:  # noqa: ARG002
        return lstm_bias(super()._initial_bias, self.units, self.unit_forget_bias, dtype)

    def _step(self, x: Array, *states: Array) -> tuple[Array, ...]:
        h, c = states
        bias, _ = self._biases()
        gates = x @ self.kernel + h @ self.recurrent_kernel + bias
        return lstm_step(gates, c, self.activation, self.recurrent_activation)


@serialization.builtin("keras.layers")
class GRUCell(KernelCell):
    """One step of a gated recurrent unit; see `GRU`. Gates z, r, h side by side.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import GRUCell
        >>> output, (h,) = GRUCell(4)(np.zeros((2, 3)), [np.zeros((2, 4))])
        >>> output.shape, h.shape
        ((2, 4), (2, 4))
    """

    options = (
        "units",
        "activation",
        "recurrent_activation",
        "use_bias",
        *_COMMON_OPTIONS,
        "reset_after",
    )
    _kind = "gru"
    _gates = 3

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_options(locals())

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _step(self, x: Array, *states: Array) -> tuple[Array, ...]:
        (h,) = states
        units, gate = self.units, self.recurrent_activation
        input_bias, recurrent_bias = self._biases()
        x_z, x_r, x_h = np.split(x @ self.kernel + input_bias, 3, axis=1)
        recurrent = h @ self.recurrent_kernel + recurrent_bias
        z = gate(x_z + recurrent[:, :units])
        r = gate(x_r + recurrent[:, units : 2 * units])
        if self.reset_after:
            candidate = self.activation(x_h + r * recurrent[:, 2 * units :])
        else:
            candidate = self.activation(x_h + (r * h) @ self.recurrent_kernel[:, 2 * units :])
        return (z * h + (1 - z) * candidate,)


@serialization.builtin("keras.layers")
class StackedRNNCells(Layer):
    """Cells on top of each other, used as one cell.

    Args:
        cells: Cells: objects with `state_size` and `call(inputs, states)`.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If something in `cells` is no cell.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import RNN, GRUCell, LSTMCell, StackedRNNCells
        >>> cells = StackedRNNCells([LSTMCell(4), GRUCell(2)])
        >>> cells.state_size
        [[4, 4], 2]
        >>> RNN(cells)(np.zeros((1, 5, 3))).shape
        (1, 2)
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            check_cell(cell, self.label)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The state sizes of the cells."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The output size of the last cell."""
        return output_size(self.cells[-1])

    def build(self, input_shape: Any) -> None:
        """Builds each cell for the output of the one below."""
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size(cell))

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """Returns the initial states of each cell."""
        return [zero_states(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def call(self, inputs: Array, states: Any, training: bool = False) -> tuple[Array, list[Any]]:
        """One step through all cells."""
        new_states: list[Any] = []
        if len(states) != len(self.cells):
            raise ShapeError(
                f"{self.label}: expected the states of {len(self.cells)} cells, received "
                f"{len(states)}."
            )
        for cell, state in zip(self.cells, states, strict=True):
            listed = list(state) if nest.is_nested(state) else [state]
            inputs, new = cell.call(inputs, listed, **({"training": True} if training else {}))
            new_states.append(new if nest.is_nested(state) else nest.flatten(new)[0])
        return inputs, new_states

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "cells": serialization.serialize(self.cells)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes the stack from what `get_config` returned."""
        return cls(serialization.deserialize(config.pop("cells")), **config)


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


def has_kernel(cell: Any) -> bool:
    """Tells whether a cell's step is that of a compiled kernel, not one of a user's subclass."""
    return isinstance(cell, KernelCell) and type(cell).call is KernelCell.call


def stacks_kernels(cell: Any, dtype: str) -> bool:
    """Tells whether a cell is a stack of cells that all have a kernel, of this dtype."""
    if not isinstance(cell, StackedRNNCells) or type(cell).call is not StackedRNNCells.call:
        return False
    cells = cell.cells
    return bool(cells) and all(has_kernel(c) and c.compute_dtype == dtype for c in cells)


def output_size(cell: Any) -> int:
    """Returns the size of a cell's output: its `output_size`, or else that of its first state."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = nest.flatten(cell.state_size)[0]
    if not isinstance(size, (int, np.integer)):
        raise RnnextError(f"cell {cell!r}: output_size must be an integer, received {size!r}.")
    return int(size)
