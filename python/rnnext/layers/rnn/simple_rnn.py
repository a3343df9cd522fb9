"""The fully connected recurrent layer and its cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

__all__ = ["SimpleRNN", "SimpleRNNCell"]

Array = NDArray[Any]


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

    options = ("units", "activation", "use_bias", *COMMON_OPTIONS)
    _kind = "simple_rnn"
    _gates = 1

    def __init__(
        self,
        units: int,
        activation: ActivationOption = "tanh",
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
        seed: int | None = None,
        **kwargs: Unpack[CellOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._set_options(locals())

    def _recurrent_spec(self) -> Any:
        return ()

    def drops(self, rate: float) -> bool:
        """Tells whether anything is dropped at this rate: everything at 1, unlike other cells."""
        return rate > 0

    def _step(self, masks: Masks, x: Array, *states: Array) -> tuple[Array, ...]:
        bias, _ = self._biases()
        sums = masked_product(x, self.kernel, masks[0])
        sums = sums + masked_product(states[0], self.recurrent_kernel, masks[1])
        return (self.activation(sums + bias),)


@serialization.builtin("keras.layers")
class SimpleRNN(CellRNN):
    """Fully connected recurrent layer: the output is fed back to the input.

    `h = activation(x @ kernel + h_prev @ recurrent_kernel + bias)`

    Args:
        units: Number of units H.
        activation: See `rnnext.activations.get`.
        use_bias: Whether there is a bias (H,).
        kernel_initializer: How the kernel (D, H) starts.
        recurrent_initializer: How the recurrent kernel (H, H) starts.
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
        **kwargs: `zero_output_for_mask` and the arguments of `Layer`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import SimpleRNN
        >>> layer = SimpleRNN(1, activation="linear", return_sequences=True)
        >>> layer.build((None, None, 1))
        >>> layer.set_weights([np.array([[1.0]]), np.array([[0.5]]), np.array([0.0])])
        >>> layer(np.array([[[1.0], [1.0], [1.0]]]))[0, :, 0]
        array([1.  , 1.5 , 1.75], dtype=float32)
    """

    _cell_class = SimpleRNNCell
    _cell_name = "simple_rnn_cell"

    def __init__(
        self,
        units: int,
        activation: ActivationOption = "tanh",
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
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Unpack[CellRNNOptions],
    ) -> None:
        self._init_from_options(locals())
