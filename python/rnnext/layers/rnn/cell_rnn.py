"""The base class of SimpleRNN, LSTM, GRU and ConvLSTM: an RNN over one cell of a known class."""

from __future__ import annotations

from typing import Any

from rnnext.errors import UnsupportedError
from rnnext.layers.options import check_no_others
from rnnext.layers.rnn.cell import RecurrentCell
from rnnext.layers.rnn.rnn import RNN

__all__ = ["CellRNN"]


class CellRNN(RNN):
    """Base class: an RNN over one cell of rnnext's. The cell's options are options here, too."""

    makes_new_arrays = True
    cell: Any
    _cell_class: type[RecurrentCell]
    _cell_name: str
    _input_axes = 3
    _no_options = frozenset({"cell"})
    _more_options = frozenset({"implementation"})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_cell_class" in cls.__dict__:
            for option in cls._cell_class.options:
                setattr(cls, option, _option_of_cell(option))

    def _init_from_options(self, given: dict[str, Any]) -> None:
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
