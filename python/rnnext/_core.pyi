"""Compiled kernels. Arrays must be C-contiguous, aligned, and all of the kernel's dtype."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Unpack  # Python 3.10 has no star in an index

_Spec = tuple[str, Unpack[tuple[float, ...]]]
_Array = NDArray[Any]

__version__: str
MAX_THREADS: int

# How a recurrent kernel runs: the flags of `run`.
RETURN_SEQUENCES: int
RETURN_STATE: int
GO_BACKWARDS: int
ZERO_OUTPUT_FOR_MASK: int
STRICT: int  # an argument that does not fit is an error, not None

class RecurrentKernel:
    """A SimpleRNN, LSTM or GRU with its weights packed for one instruction set.

    kernel (features, gates * units) and recurrent_kernel (units, gates * units) in Keras's gate
    order; bias None, (gates * units,), or (2, gates * units) for a GRU with reset_after. weights:
    None, or how float32 kernels are stored: "bf16", "int8". takes_factors: whether `run_recorded`
    may be given factors.
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
        takes_factors: bool = False,
    ) -> None: ...
    def run(
        self,
        x: _Array,
        states: tuple[_Array, ...] | None,
        mask: NDArray[np.bool_] | None,
        flags: int,
        /,
    ) -> Any:
        """The output, or with RETURN_STATE a tuple of it and the states.

        states None: zeros. Unless STRICT is among the flags, None where an argument is not just
        such an array as the kernel reads, or x is empty; with it, an error that says what came.
        """

    def run_recorded(
        self,
        x: _Array,
        states: tuple[_Array, ...] | None,
        mask: NDArray[np.bool_] | None,
        flags: int,
        residuals: _Array,
        input_factors: _Array | None = None,
        state_factors: _Array | None = None,
    ) -> Any:
        """What `run` returns; fills `residuals`, of `residual_size(batch, steps)` elements.

        Each gate's product takes its input and its state times the factors (batch, gates, features)
        and (batch, gates, units), the same at every step; None: ones.
        """

    def residual_size(self, batch: int, steps: int) -> int: ...
    def run_traced(
        self,
        x: _Array,
        states: tuple[_Array, ...] | None,
        mask: NDArray[np.bool_] | None,
        flags: int,
        tape: _Array,
    ) -> Any:
        """What `run` returns; fills `tape` (B, T, gates + states, units).

        It gets the activated gates, then the states after each step, in the order in which steps
        are taken; places of masked steps stay as they are.
        """

    def run_pair(
        self,
        x: _Array,
        mask: NDArray[np.bool_] | None,
        states: tuple[_Array, ...] | None,
        flags: int,
        other: RecurrentKernel,
        other_states: tuple[_Array, ...] | None,
        other_flags: int,
        /,
    ) -> Any:
        """A tuple of what `run` of this and of another kernel of the same dtype return.

        They run at the same time if there are threads for it.
        """

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

class RecurrentGradientKernel:
    """The backward pass of a `RecurrentKernel` of the same weights."""

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
        takes_factors: bool = False,
    ) -> None: ...
    def run(
        self,
        x: _Array,
        states: tuple[_Array, ...] | None,
        mask: NDArray[np.bool_] | None,
        flags: int,
        residuals: _Array,
        d_output: _Array | None,
        d_states: tuple[_Array | None, ...],
        wants_x: bool,
        wants_bias: bool,
        scratch: _Array | None = None,
        input_factors: _Array | None = None,
        state_factors: _Array | None = None,
    ) -> tuple[_Array | None, _Array, _Array, _Array | None, tuple[_Array, ...]]:
        """Gradients of x, kernel, recurrent kernel, bias and initial states.

        x, states, mask, flags, factors: as for the forward pass, which wrote `residuals`. d_output
        and d_states: the gradients of its outputs; None: zeros. scratch: an array of
        `scratch_size(batch, steps)` elements to work in.
        """

    def scratch_size(self, batch: int, steps: int) -> int: ...

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
    def run(self, x: _Array, strict: bool, /) -> Any:
        """The outputs. Not strict: None unless `x` is a plain array, of two axes or more."""

    def run_windows(self, x: _Array, count: int, step: int) -> _Array:
        """The outputs (N, count, units) for windows over the second axis of `x` (N, T, C).

        A window is as many elements as the kernel has features; they begin `step` steps apart.
        """

    @property
    def isa(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def units(self) -> int: ...
    @property
    def input_dim(self) -> int: ...

def compiled_call(
    layer_class: type, slow_path: Any, flags: str, cell: str, kernel: str
) -> Any:
    """A compiled `__call__` for the class of recurrent layers; `slow_path` is that in Python.

    The other arguments name attributes. A call with one plain array is `run(x, None, None,
    layer.flags)` of `layer.cell.kernel`, if `layer.flags` is a number, and not None; where that
    returns None, and for any other call, it is `slow_path`.
    """

def activate(activation: _Spec, x: _Array) -> _Array: ...
def differentiate(activation: _Spec, x: _Array | None, y: _Array, d: _Array) -> _Array:
    """The gradient of `x` from that of `y = activate(activation, x)`, `d`; all of one shape."""

def add_outer_product(a: _Array, b: _Array, out: _Array) -> None:
    """Out (k, columns) += a' b for a (rows, k) and b (rows, columns), on any threads the same."""

def normalize(x: _Array, mean: _Array, factor: _Array, offset: _Array) -> _Array:
    """(x - mean) * factor + offset over the last axis of x; the other three: (D,)."""

def concatenate_directions(forward: _Array, backward: _Array) -> _Array:
    """(B, T, M + N) of `forward` (B, T, M) and `backward` (B, T, N), its steps reversed."""

# A step of an optimizer. `weights` becomes what follows from `before`, which it may be; `squares`
# stands in place of the gradients' squares. With `rows`, gradients and squares are of some rows of a
# table: each row of it has the number of the row of these that is its, or -1. `decay` is two numbers:
# first their product with a weight is taken off it. Slots are written. Formulas:
# csrc/include/rnnext/optimizers.h.
def update_adam(
    before: _Array,
    weights: _Array,
    gradients: _Array,
    squares: _Array | None,
    rows: _Array | None,
    decay: tuple[float, float] | None,
    momentum: _Array,
    velocity: _Array,
    largest: _Array | None,
    step: float,
    part_1: float,
    part_2: float,
    epsilon: float,
) -> None: ...
def update_sgd(
    before: _Array,
    weights: _Array,
    gradients: _Array,
    squares: _Array | None,
    rows: _Array | None,
    decay: tuple[float, float] | None,
    momentum: _Array | None,
    step: float,
    kept: float,
    nesterov: bool,
) -> None: ...
def update_rmsprop(
    before: _Array,
    weights: _Array,
    gradients: _Array,
    squares: _Array | None,
    rows: _Array | None,
    decay: tuple[float, float] | None,
    velocity: _Array,
    momentum: _Array | None,
    average: _Array | None,
    step: float,
    rho: float,
    rest: float,
    epsilon: float,
    kept: float,
) -> None: ...
def add_look_ups(
    values: _Array, indices: _Array, rows: _Array, sums: _Array, squares: _Array | None
) -> int:
    """Adds up `values` (look-ups, columns) by int64 `indices`, in order.

    Row r of the table has its sums at row rows[r] of `sums` and `squares`, or rows[r] is -1.
    Returns how many rows of `sums` are used.
    """

def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
def threading() -> str: ...
def set_threading(name: str) -> None: ...
def isa() -> str: ...
def set_isa(name: str) -> None: ...
def available_isas() -> list[str]: ...
