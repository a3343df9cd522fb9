"""Compiled kernels. Arrays must be C-contiguous, aligned, and all of the kernel's dtype."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Unpack  # Python 3.10 has no star in an index

_Spec = tuple[str, Unpack[tuple[float, ...]]]
_Array = NDArray[Any]

__version__: str
MAX_THREADS: int

class RecurrentKernel:
    """A SimpleRNN, LSTM or GRU with its weights packed for one instruction set.

    kernel (features, gates * units) and recurrent_kernel (units, gates * units) in Keras's gate
    order; bias None, (gates * units,), or (2, gates * units) for a GRU with reset_after. weights:
    None, or how float32 kernels are stored: "bf16", "int8".
    """

    def __init__(
        self,
        cell: str,
        kernel: _Array,
        recurrent_kernel: _Array,
        bias: _Array | None,
        activation: _Spec,
        recurrent_activation: _Spec | None,
        reset_after: bool = True,
        isa: str | None = None,
        weights: str | None = None,
    ) -> None: ...
    def run_plain(
        self, x: _Array, flags: int, mask: NDArray[np.bool_] | None, /
    ) -> _Array | tuple[_Array, ...] | None:
        """The outputs from zero states; None unless `x` and `mask` are plain arrays that fit.

        flags: 1 return_sequences, 2 return_state, 4 go_backwards, 8 zero_output_for_mask.
        """

    def run_plain_from(
        self, x: _Array, flags: int, states: tuple[_Array, ...], /
    ) -> _Array | tuple[_Array, ...] | None:
        """The same from states; None unless they are plain arrays that fit, too."""

    def run_plain_beside(
        self,
        x: _Array,
        flags: int,
        other: RecurrentKernel,
        others_flags: int,
        mask: NDArray[np.bool_] | None,
        /,
    ) -> tuple[_Array | tuple[_Array, ...], _Array | tuple[_Array, ...]] | None:
        """What `run_plain` of this and of another kernel return, run at the same time.

        None where either declines, or the other is of another dtype.
        """

    def __call__(
        self,
        x: _Array,
        initial_state: tuple[_Array, ...] | None,
        mask: NDArray[np.bool_] | None,
        return_sequences: bool,
        return_state: bool,
        go_backwards: bool,
        zero_output_for_mask: bool,
    ) -> Any: ...
    @property
    def isa(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def cell(self) -> str: ...
    @property
    def units(self) -> int: ...
    @property
    def input_dim(self) -> int: ...

class DenseKernel:
    """activation(x @ kernel + bias) over the last axis of x."""

    def __init__(
        self,
        kernel: _Array,
        bias: _Array | None,
        activation: _Spec,
        isa: str | None = None,
        weights: str | None = None,
    ) -> None: ...
    def run_plain(self, x: _Array, /) -> _Array | None:
        """The outputs; None unless `x` is a plain array, of two axes or more, that fits."""

    def run_windows(self, x: _Array, count: int, step: int) -> _Array:
        """The outputs (N, count, units) for windows over the second axis of `x` (N, T, C).

        A window is as many elements as the kernel has features; they begin `step` steps apart.
        """

    def __call__(self, x: _Array) -> _Array: ...
    @property
    def isa(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def units(self) -> int: ...
    @property
    def input_dim(self) -> int: ...

def call_kernels_directly(layer_class: type) -> None:
    """Gives the class of recurrent layers a compiled `__call__`.

    A call with one plain array of a layer whose `_direct_flags` are a number, and not None, is
    `run_plain(x, flags, None)` of the kernel `layer.cell._packed`; where that declines, and for
    any other call, it is what the class's `__call__` was before.
    """

def run_both(
    first: tuple[Any, ...], second: tuple[Any, ...]
) -> tuple[_Array | tuple[_Array, ...], _Array | tuple[_Array, ...]]:
    """Two recurrent layers at the same time, if there are threads for it.

    Each argument is a tuple: a `RecurrentKernel` and the seven arguments of its call.
    """

def activate(activation: _Spec, x: _Array) -> _Array: ...
def normalize(x: _Array, mean: _Array, factor: _Array, offset: _Array) -> _Array:
    """(x - mean) * factor + offset over the last axis of x; the other three: (D,)."""

def concatenate_directions(forward: _Array, backward: _Array) -> _Array:
    """(B, T, M + N) of `forward` (B, T, M) and `backward` (B, T, N), its steps reversed."""

def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
def threading() -> str: ...
def set_threading(name: str) -> None: ...
def isa() -> str: ...
def set_isa(name: str) -> None: ...
def available_isas() -> list[str]: ...
