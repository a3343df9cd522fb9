"""The base class of the cells that have a compiled kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core, nest
from rnnext._core import RETURN_STATE, STRICT
from rnnext.arrays import cast
from rnnext.autodiff.rules import value_of
from rnnext.autodiff.tape import active
from rnnext.errors import ShapeError
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.integer_options import positive_integer
from rnnext.layers.rnn.cell import RecurrentCell
from rnnext.layers.rnn.step_loop import StepLoop

__all__ = ["COMMON_OPTIONS", "KernelCell", "Masks", "has_kernel"]

Array = NDArray[Any]
# What dropout multiplies the input and the state by; see `DropoutCell`.
Masks = tuple[Any, Any]

# Arguments that all three cells have after `use_bias`, in Keras's order.
COMMON_OPTIONS = (
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
    # What the kernel's tape has of every step, by slot, and the same in the textbooks' order.
    tape_names: tuple[str | None, ...] = (None, "h")
    trace_names: tuple[str, ...] = ("h",)
    _kind: str
    _gates: int

    def __init__(self, *, implementation: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Keras's choice between equal ways, but for dropout: see dropout_mask_count.
        self.implementation = implementation

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
            takes_factors=self.drops_gates(),
        )

    def _recurrent_spec(self) -> Any:
        """The spec of the gates' activation; () for a cell without gates."""
        return self.recurrent_activation.spec

    def call(self, inputs: Array, states: Any, training: bool = False) -> tuple[Array, Any]:
        """One step: inputs (B, D) and states (B, units) to output (B, units) and new states.

        A state that is not in a list gives a new state that is not in one.
        """
        previous = nest.flatten(states)
        shapes = [np.shape(value_of(state)) for state in previous]
        if shapes != self._state_shapes(len(inputs)):
            raise ShapeError(
                f"{self.label}: expected states of shapes {self._state_shapes(len(inputs))}, "
                f"received {shapes}."
            )
        # A stack's cells may each compute in a dtype of their own.
        inputs, *previous = (cast(x, self.compute_dtype) for x in (inputs, *previous))
        masks: Masks = (None, None)
        if training:
            masks = self.get_dropout_mask(inputs), self.get_recurrent_dropout_mask(previous[0])
        is_traced = active.tape is not None or any(mask is not None for mask in masks)
        kernel = None if is_traced else self._packed or self._pack()
        if kernel is None or isinstance(kernel, StepLoop):
            new_states = list(self._step(masks, inputs, *previous))
        else:
            steps, before = inputs[:, None], tuple(previous)
            new_states = kernel.run(steps, before, None, RETURN_STATE | STRICT)[1:]
        return new_states[0], list(new_states) if nest.is_nested(states) else new_states[0]

    def _state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        return [(batch_size, self.units)] * self.state_count

    @property
    def dropout_mask_count(self) -> int | None:
        """How many masks there are: one for each gate if the state is dropped, too, as in Keras."""
        each = self.implementation == 1 or self.recurrent_dropout != 0
        return self._gates if each and self._gates > 1 else None

    def _step(self, masks: Masks, x: Array, *states: Array) -> tuple[Array, ...]:
        """The textbook's formulas: the new states, the first of them the output.

        `masks` are those of dropout, of the input and of the state.
        """
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

    def compute_output_shape(self, input_shape: Any, states_shape: Any = None) -> Any:
        """Returns the shapes of the output and of the states, in a list unless they come in none.

        Raises:
            ShapeError: If there is another number of states, or one of another size.
        """
        shape = (input_shape[0], self.units)
        if states_shape is None:
            return shape, [shape] * self.state_count
        is_one = all(size is None or isinstance(size, int) for size in states_shape)
        given = [states_shape] if is_one else [tuple(each) for each in states_shape]
        if [each[1:] for each in given] != [shape[1:]] * self.state_count:
            raise ShapeError(
                f"{self.label}: expected states of shapes {[shape] * self.state_count}, received "
                f"{given}."
            )
        return shape, shape if is_one else [shape] * self.state_count


def has_kernel(cell: Any) -> bool:
    """Tells whether a cell's step is that of a compiled kernel, not one of a user's subclass."""
    return isinstance(cell, KernelCell) and type(cell).call is KernelCell.call
