"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D: LSTMs whose products are convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.autodiff.tape import active
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers.convolutional.window_product import WindowProduct
from rnnext.layers.convolutional.windows import Windows
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.integer_options import integers, positive_integer
from rnnext.layers.rnn.cell import RecurrentCell, lstm_bias, lstm_step
from rnnext.layers.rnn.cell_rnn import CellRNN
from rnnext.layers.rnn.window_sums import masked_window_product
from rnnext.layers.spatial import SpatialLayer, standard_padding
from rnnext.layers.variable import Variable

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import (
        ActivationOption,
        InitializerOption,
        KeptOption,
        WeightedOptions,
    )

__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "ConvLSTMCell"]

Array = NDArray[Any]


@serialization.builtin("keras.layers")
class ConvLSTMCell(RecurrentCell, SpatialLayer):
    """One step of a convolutional LSTM (Shi et al., 2015); see `ConvLSTM`.

    Args:
        rank: Number of spatial axes: 1, 2 or 3.
        filters: See `ConvLSTM`, as for the arguments below.
        kernel_size: See `ConvLSTM`.
        strides: See `ConvLSTM`.
        padding: See `ConvLSTM`.
        data_format: See `ConvLSTM`.
        dilation_rate: See `ConvLSTM`.
        activation: See `ConvLSTM`.
        recurrent_activation: See `ConvLSTM`.
        use_bias: See `ConvLSTM`.
        kernel_initializer: See `ConvLSTM`.
        recurrent_initializer: See `ConvLSTM`.
        bias_initializer: See `ConvLSTM`.
        unit_forget_bias: See `ConvLSTM`.
        kernel_regularizer: See `ConvLSTM`.
        recurrent_regularizer: See `ConvLSTM`.
        bias_regularizer: See `ConvLSTM`.
        kernel_constraint: See `ConvLSTM`.
        recurrent_constraint: See `ConvLSTM`.
        bias_constraint: See `ConvLSTM`.
        dropout: See `ConvLSTM`.
        recurrent_dropout: See `ConvLSTM`.
        seed: See `ConvLSTM`.
        **kwargs: Arguments of `Layer`.
    """

    filters: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str
    dilation_rate: tuple[int, ...]

    options = (
        "filters",
        "kernel_size",
        "strides",
        "padding",
        "data_format",
        "dilation_rate",
        "activation",
        "recurrent_activation",
        "use_bias",
        "kernel_initializer",
        "recurrent_initializer",
        "bias_initializer",
        "unit_forget_bias",
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

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Any,
    ) -> None:
        given = locals()
        super().__init__(**kwargs)
        if rank not in (1, 2, 3):
            raise UnsupportedError(f"{self.label}: rank must be 1, 2 or 3, received {rank!r}.")
        self.rank = int(rank)
        self._set_options(given)
        self._set_data_format(data_format)
        self._windows = Windows(self.kernel_size, self.strides, self.dilation_rate, self.padding)
        # Over the outputs before: they keep their size.
        ones = (1,) * self.rank
        self._recurrent_windows = Windows(self.kernel_size, ones, ones, "same")
        self.state_size = [self.filters, self.filters]

    def _read_option(self, option: str, value: Any) -> Any:
        if option == "filters":
            return positive_integer(value, option, self.label)
        if option in ("kernel_size", "strides", "dilation_rate"):
            return integers(value, self.rank, option, self.label)
        if option == "padding":
            return standard_padding(value, ("valid", "same"), self.label)
        return super()._read_option(option, value)

    def _set_options(self, given: dict[str, Any]) -> None:
        super()._set_options(given)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise UnsupportedError(
                f"{self.label}: strides above 1 and a dilation_rate above 1 exclude each other, "
                f"received strides={self.strides}, dilation_rate={self.dilation_rate}."
            )

    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs `(B, *spatial, C)` or `(B, C, *spatial)`."""
        channels, sizes = self._channels_of(input_shape), self._sizes_of(input_shape)
        if channels is None or None in sizes:
            raise ShapeError(
                f"{self.label}: all sizes but those of batch and time must be known, received "
                f"{tuple(input_shape)} for one step."
            )
        self._state_shape: Any = self.compute_output_shape(input_shape)[0]
        width = 4 * self.filters
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, width), self.kernel_initializer, name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (*self.kernel_size, self.filters, width),
            self.recurrent_initializer,
            name="recurrent_kernel",
        )
        self.bias: Variable | None = None
        if self.use_bias:
            self.bias = self.add_weight((width,), self._initial_bias, name="bias")
        self.input_spec = InputSpec(shape=(None, *input_shape[1:]), meaning=self._meaning)

    def _initial_bias(self, shape: Sequence[int], dtype: Any = None) -> Array:  # noqa: ARG002
        return lstm_bias(super()._initial_bias, self.filters, self.unit_forget_bias, dtype)

    def _pack_weights(self) -> tuple[WindowProduct, WindowProduct]:
        """The convolutions of the input, bias included, and of the state."""
        bias = None if self.bias is None else self.bias.value
        return (
            WindowProduct(self._windows, self.kernel.value, bias),
            WindowProduct(self._recurrent_windows, self.recurrent_kernel.value),
        )

    def call(self, inputs: Array, states: Any, training: bool = False) -> tuple[Array, list[Array]]:
        """One step: an input and the states h and c to the output, which is h, and new states."""
        h, c = states
        masks: list[Any] = [None, None]
        if training:
            masks = [self.get_dropout_mask(inputs), self.get_recurrent_dropout_mask(h)]
        counts: Any = self._sizes_of(h.shape)
        if active.tape is None and masks == [None, None]:
            convolve_input, convolve_state = self._packed or self._pack()
            gates = convolve_input(self._to_channels_last(inputs), counts)
            gates += convolve_state(self._to_channels_last(h), counts)
        else:
            gates = self._masked_sums(inputs, h, masks, counts)
        axis = 1 if self._channels_first else -1
        h, c = lstm_step(
            self._from_channels_last(gates), c, self.activation, self.recurrent_activation, axis
        )
        return h, [h, c]

    def _masked_sums(self, x: Any, h: Any, masks: list[Any], counts: tuple[int, ...]) -> Any:
        """The gates' sums, channels-last, of what dropout leaves of an input and of the state."""
        of_input, of_state = (
            None if mask is None else [self._to_channels_last(gate) for gate in mask]
            for mask in masks
        )
        x, h = self._to_channels_last(x), self._to_channels_last(h)
        sums = masked_window_product(self._windows, x, self.kernel, of_input, counts)
        sums = sums + masked_window_product(
            self._recurrent_windows, h, self.recurrent_kernel, of_state, counts
        )
        return sums if self.bias is None else sums + self.bias.value

    @property
    def dropout_mask_count(self) -> int:
        """How many masks there are: one for each gate."""
        return 4

    def get_initial_state(self, batch_size: int) -> list[Array]:
        """Returns zeros for h and c."""
        shape = (batch_size, *self._state_shape[1:])
        return [np.zeros(shape, self.compute_dtype) for _ in range(2)]

    def _output_sizes(self, input_shape: Any) -> tuple[Any, ...]:
        """The spatial sizes of the output."""
        counts = self._windows.counts(self._sizes_of(input_shape))
        if any(count is not None and count < 1 for count in counts):
            raise ShapeError(
                f"{self.label}: no window of kernel_size {self.kernel_size} and dilation_rate "
                f"{self.dilation_rate} fits into a step of shape {tuple(input_shape)}."
            )
        return counts

    def compute_output_shape(self, input_shape: Any, states_shape: Any = None) -> Any:  # noqa: ARG002
        """Returns the shapes of the output and of the states."""
        shape = self._shape(input_shape[0], self._output_sizes(input_shape), self.filters)
        return shape, [shape, shape]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "rank": self.rank}


class ConvLSTM(CellRNN):
    """An LSTM over arrays with spatial axes: its products are convolutions.

    With `i, f, g, o` the four parts of `conv(x, kernel) + conv(h_prev, recurrent_kernel) + bias`:
    `c = gate(f) * c_prev + gate(i) * act(g)` and `h = gate(o) * act(c)`, where gate is
    `recurrent_activation` and act is `activation`. The convolution of h pads it to keep its size,
    and strides and dilation do not apply to it.

    Args:
        filters: Number of output channels F.
        kernel_size: Size of the window: a number, or one for each spatial axis.
        strides: From one window to the next: a number, or one for each axis.
        padding: "valid" or "same"; see `Conv2D`.
        data_format: "channels_last" (also None), (B, T, *spatial, C), or "channels_first".
        dilation_rate: From one element of a window to the next.
        activation: Activation of the candidate and of the carry.
        recurrent_activation: Activation of the gates.
        use_bias: Whether there is a bias (4F,).
        kernel_initializer: How the kernel (*kernel_size, C, 4F) starts.
        recurrent_initializer: How the recurrent kernel (*kernel_size, F, 4F) starts.
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
        **kwargs: `unroll`, `zero_output_for_mask` and the arguments of `Layer`.

    Raises:
        UnsupportedError: For a value that is not accepted.
        ShapeError: If a spatial size is not known, or no window fits into it.
    """

    _cell_class = ConvLSTMCell
    _cell_name = "conv_lstm_cell"
    _meaning = "(batch, time, spatial axes and channels)"
    rank: int

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Unpack[WeightedOptions],
    ) -> None:
        self._init_from_options(locals())

    def _more_cell_arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        return {"rank": self.rank}

    def build(
        self, sequences_shape: Any, initial_state_shape: Any = None, constants_shape: Any = None
    ) -> None:
        """Builds the cell for inputs (B, T, ...), and the states of a stateful layer."""
        super().build(sequences_shape, initial_state_shape, constants_shape)
        shape = (None, None, *sequences_shape[2:])
        self.input_spec = InputSpec(shape=shape, meaning=self._meaning)


@serialization.builtin("keras.layers")
class ConvLSTM1D(ConvLSTM):
    """A convolutional LSTM over (B, T, length, C). See `ConvLSTM` for the arguments.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import ConvLSTM1D
        >>> ConvLSTM1D(4, 3, padding="same", return_sequences=True)(np.zeros((2, 5, 8, 1))).shape
        (2, 5, 8, 4)
    """

    rank = 1
    _input_axes = 4


@serialization.builtin("keras.layers")
class ConvLSTM2D(ConvLSTM):
    """A convolutional LSTM over images, (B, T, height, width, C).

    See `ConvLSTM` for the arguments.
    """

    rank = 2
    _input_axes = 5


@serialization.builtin("keras.layers")
class ConvLSTM3D(ConvLSTM):
    """A convolutional LSTM over volumes, (B, T, depth, height, width, C).

    See `ConvLSTM` for the arguments.
    """

    rank = 3
    _input_axes = 6
