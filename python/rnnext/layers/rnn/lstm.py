"""Long short-term memory: the cell and the layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rnnext import serialization
from rnnext.layers.rnn.cell import lstm_bias, lstm_step
from rnnext.layers.rnn.cell_rnn import CellRNN
from rnnext.layers.rnn.dropout_cell import masked_product
from rnnext.layers.rnn.kernel_cell import COMMON_OPTIONS, KernelCell, Masks

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import (
        ActivationOption,
        CellOptions,
        CellRNNOptions,
        InitializerOption,
        KeptOption,
    )

__all__ = ["LSTM", "LSTMCell"]

Array = NDArray[Any]


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
        *COMMON_OPTIONS,
    )
    state_count = 2
    tape_names = ("i", "f", "g", "o", "h", "c")
    trace_names = ("i", "f", "g", "o", "c", "h")
    _kind = "lstm"
    _gates = 4

    def __init__(
        self,
        units: int,
        activation: ActivationOption = "tanh",
        recurrent_activation: ActivationOption = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerOption = "glorot_uniform",
        recurrent_initializer: InitializerOption = "orthogonal",
        bias_initializer: InitializerOption = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: KeptOption = None,
        recurrent_regularizer: KeptOption = None,
        bias_regularizer: KeptOption = None,
        kernel_constraint: KeptOption = None,
        recurrent_constraint: KeptOption = None,
        bias_constraint: KeptOption = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Unpack[CellOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._set_options(locals())

    def _initial_bias(self, shape: Sequence[int], dtype: Any = None) -> Array:  # noqa: ARG002
        return lstm_bias(super()._initial_bias, self.units, self.unit_forget_bias, dtype)

    def _step(self, masks: Masks, x: Array, *states: Array) -> tuple[Array, ...]:
        h, c = states
        bias, _ = self._biases()
        gates = masked_product(x, self.kernel, masks[0])
        gates = gates + masked_product(h, self.recurrent_kernel, masks[1]) + bias
        return lstm_step(gates, c, self.activation, self.recurrent_activation)


@serialization.builtin("keras.layers")
class LSTM(CellRNN):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997).

    With `i, f, g, o` the four parts of `x @ kernel + h_prev @ recurrent_kernel + bias`:
    `c = gate(f) * c_prev + gate(i) * act(g)` and `h = gate(o) * act(c)`, where gate is
    `recurrent_activation` and act is `activation`.

    Args:
        units: Number of units H.
        activation: Activation of the candidate and of the carry.
        recurrent_activation: Activation of the gates.
        use_bias: Whether there is a bias (4H,).
        kernel_initializer: How the kernel (D, 4H) starts.
        recurrent_initializer: How the recurrent kernel (H, 4H) starts.
        bias_initializer: How the bias starts.
        unit_forget_bias: Whether the forget gate's bias starts at one.
        kernel_regularizer: Kept in the config, as are the other training arguments.
        recurrent_regularizer: Adds to the loss in training.
        bias_regularizer: Adds to the loss in training.
        activity_regularizer: What training adds to the loss for the outputs.
        kernel_constraint: Applied to it after each training step.
        recurrent_constraint: Applied to it after each training step.
        bias_constraint: Applied to it after each training step.
        dropout: The share of the inputs that training drops, the same ones at every step.
        recurrent_dropout: The share of the state that training drops, likewise.
        seed: Seed of the random numbers of dropout; default: those of `rnnext.set_random_seed`.
        return_sequences: See `RNN`, as for the arguments below.
        return_state: See `RNN`; the states are h and c.
        go_backwards: See `RNN`.
        stateful: See `RNN`.
        unroll: See `RNN`.
        use_cudnn: Accepted; rnnext runs on the CPU.
        **kwargs: `zero_output_for_mask` and the arguments of `Layer`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import LSTM
        >>> output, h, c = LSTM(4, return_state=True)(np.zeros((2, 5, 3)))
        >>> output.shape, h.shape, c.shape
        ((2, 4), (2, 4), (2, 4))
    """

    _cell_class = LSTMCell
    _cell_name = "lstm_cell"

    def __init__(
        self,
        units: int,
        activation: ActivationOption = "tanh",
        recurrent_activation: ActivationOption = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerOption = "glorot_uniform",
        recurrent_initializer: InitializerOption = "orthogonal",
        bias_initializer: InitializerOption = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: KeptOption = None,
        recurrent_regularizer: KeptOption = None,
        bias_regularizer: KeptOption = None,
        activity_regularizer: KeptOption = None,
        kernel_constraint: KeptOption = None,
        recurrent_constraint: KeptOption = None,
        bias_constraint: KeptOption = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Unpack[CellRNNOptions],
    ) -> None:
        self._init_from_options(locals())
