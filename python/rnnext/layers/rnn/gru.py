"""The gated recurrent unit: the cell and the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
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

__all__ = ["GRU", "GRUCell"]

Array = NDArray[Any]


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
        *COMMON_OPTIONS,
        "reset_after",
    )
    tape_names = trace_names = ("z", "r", "g", "h")
    _kind = "gru"
    _gates = 3

    def __init__(
        self,
        units: int,
        activation: ActivationOption = "tanh",
        recurrent_activation: ActivationOption = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerOption = "glorot_uniform",
        recurrent_initializer: InitializerOption = "orthogonal",
        bias_initializer: InitializerOption = "zeros",
        kernel_regularizer: KeptOption = None,
        recurrent_regularizer: KeptOption = None,
        bias_regularizer: KeptOption = None,
        kernel_constraint: KeptOption = None,
        recurrent_constraint: KeptOption = None,
        bias_constraint: KeptOption = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Unpack[CellOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._set_options(locals())

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _step(self, masks: Masks, x: Array, *states: Array) -> tuple[Array, ...]:
        (h,) = states
        units, gate = self.units, self.recurrent_activation
        input_bias, recurrent_bias = self._biases()
        of_input, of_state = masks
        x_z, x_r, x_h = np.split(masked_product(x, self.kernel, of_input) + input_bias, 3, axis=1)
        recurrent = masked_product(h, self.recurrent_kernel, of_state) + recurrent_bias
        z = gate(x_z + recurrent[:, :units])
        r = gate(x_r + recurrent[:, units : 2 * units])
        if self.reset_after:
            candidate = self.activation(x_h + r * recurrent[:, 2 * units :])
        else:
            kept = r * h if of_state is None else r * (h * of_state[2])
            candidate = self.activation(x_h + kept @ self.recurrent_kernel[:, 2 * units :])
        return (z * h + (1 - z) * candidate,)


@serialization.builtin("keras.layers")
class GRU(CellRNN):
    """Gated recurrent unit (Cho et al., 2014).

    `h = z * h_prev + (1 - z) * hh` with the update gate z, the reset gate r and the candidate
    `hh = act(x_h + r * (h_prev @ U_h + b_rec))` (`reset_after=True`) or
    `hh = act(x_h + (r * h_prev) @ U_h)`.

    Args:
        units: Number of units H.
        activation: Activation of the candidate.
        recurrent_activation: Activation of the gates.
        use_bias: Whether there is a bias: (2, 3H) with reset_after, else (3H,).
        kernel_initializer: How the kernel (D, 3H) starts.
        recurrent_initializer: How the recurrent kernel (H, 3H) starts.
        bias_initializer: How the bias starts.
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
        return_state: See `RNN`.
        go_backwards: See `RNN`.
        stateful: See `RNN`.
        unroll: See `RNN`.
        reset_after: Where the reset gate acts, see above.
        use_cudnn: Accepted; rnnext runs on the CPU.
        **kwargs: `zero_output_for_mask` and the arguments of `Layer`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import GRU
        >>> layer = GRU(4, return_state=True)
        >>> output, h = layer(np.zeros((2, 5, 3)))
        >>> output.shape, h.shape
        ((2, 4), (2, 4))
        >>> [weight.shape for weight in layer.get_weights()]
        [(3, 12), (4, 12), (2, 12)]
    """

    _cell_class = GRUCell
    _cell_name = "gru_cell"

    def __init__(
        self,
        units: int,
        activation: ActivationOption = "tanh",
        recurrent_activation: ActivationOption = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerOption = "glorot_uniform",
        recurrent_initializer: InitializerOption = "orthogonal",
        bias_initializer: InitializerOption = "zeros",
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
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Unpack[CellRNNOptions],
    ) -> None:
        self._init_from_options(locals())
