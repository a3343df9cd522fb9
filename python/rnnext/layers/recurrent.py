"""SimpleRNN, LSTM and GRU: the recurrent layers that run on compiled kernels."""

from __future__ import annotations

from typing import Any

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.layers.cells import GRUCell, LSTMCell, SimpleRNNCell
from rnnext.layers.recurrent_cell import RecurrentCell
from rnnext.layers.rnn import RNN
from rnnext.layers.signatures import check_no_others

__all__ = ["GRU", "LSTM", "CellRNN", "SimpleRNN"]


class CellRNN(RNN):
    """Base class: an RNN over one cell of rnnext's. The cell's options are options here, too."""

    makes_new_arrays = True
    cell: Any
    _cell_class: type[RecurrentCell]
    _cell_name: str
    _input_axes = 3
    _no_options = frozenset({"cell"})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_cell_class" in cls.__dict__:
            for option in cls._cell_class.options:
                setattr(cls, option, _option_of_cell(option))

    def _set_up(self, given: dict[str, Any]) -> None:
        """Makes the cell and the RNN around it.

        Args:
            given: The `locals()` of the constructor: all of its arguments by name.
        """
        kwargs = dict(given["kwargs"])
        check_no_others(type(self), kwargs.keys() & self._no_options, type(self).__name__)
        use_cudnn = given.get("use_cudnn", "auto")
        if use_cudnn not in ("auto", True, False):
            raise UnsupportedError(
                f"{type(self).__name__}: use_cudnn must be 'auto', True or False, received "
                f"{use_cudnn!r}."
            )
        cell = self._cell_class(
            **{option: given[option] for option in self._cell_class.options},
            **self._more_cell_arguments(kwargs),
            trainable=kwargs.get("trainable", True),
            dtype=kwargs.get("dtype"),
            name=self._cell_name,
        )
        flags = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")
        RNN.__init__(
            self,
            cell,
            activity_regularizer=given["activity_regularizer"],
            **{flag: given[flag] for flag in flags if flag in given},
            **kwargs,
        )
        self.input_spec = self._spec_of_sequences(ndim=self._input_axes)

    def _more_cell_arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Arguments of the cell that are no options; they are taken out of the layer's `kwargs`."""
        return {"implementation": kwargs.pop("implementation", 2)}

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = {**super().get_config(), **self.cell.option_config()}
        del config["cell"]
        return {"activity_regularizer": None, **config}


def _option_of_cell(option: str) -> property:
    return property(lambda layer: getattr(layer.cell, option), doc=f"The cell's `{option}`.")


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
        recurrent_regularizer: Kept in the config.
        bias_regularizer: Kept in the config.
        activity_regularizer: Kept in the config.
        kernel_constraint: Kept in the config.
        recurrent_constraint: Kept in the config.
        bias_constraint: Kept in the config.
        dropout: Kept in the config.
        recurrent_dropout: Kept in the config.
        seed: Kept in the config.
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
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        self._set_up(locals())


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
        recurrent_regularizer: Kept in the config.
        bias_regularizer: Kept in the config.
        activity_regularizer: Kept in the config.
        kernel_constraint: Kept in the config.
        recurrent_constraint: Kept in the config.
        bias_constraint: Kept in the config.
        dropout: Kept in the config.
        recurrent_dropout: Kept in the config.
        seed: Kept in the config.
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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        self._set_up(locals())


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
        recurrent_regularizer: Kept in the config.
        bias_regularizer: Kept in the config.
        activity_regularizer: Kept in the config.
        kernel_constraint: Kept in the config.
        recurrent_constraint: Kept in the config.
        bias_constraint: Kept in the config.
        dropout: Kept in the config.
        recurrent_dropout: Kept in the config.
        seed: Kept in the config.
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
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
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
        **kwargs: Any,
    ) -> None:
        self._set_up(locals())
