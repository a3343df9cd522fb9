"""The backward pass of recurrent layers.

A cell with a compiled kernel runs on it, with its dropout; the forward pass leaves an array of
residuals that a `RecurrentGradientKernel` reads. Any other cell runs step by step on a tape
(step_loop.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext._core import RETURN_SEQUENCES, RecurrentGradientKernel, RecurrentKernel
from rnnext.autodiff.rules import fitted
from rnnext.graph.recording import Pullback, Recording
from rnnext.layers.rnn.dropout_cell import drops_anything
from rnnext.layers.rnn.kernel_cell import has_kernel
from rnnext.layers.rnn.kernel_stack import KernelStack
from rnnext.layers.rnn.step_loop import StepLoop

__all__ = ["gradients_in_order", "record_run"]

Array = NDArray[Any]


def record_run(
    recording: Recording, cell: Any, runner: Any, training: bool, arguments: list[Any]
) -> tuple[Any, Pullback]:
    """Runs a cell over a sequence, so that it can be reversed.

    Args:
        recording: Takes the gradients of the cell's weights.
        cell: The cell.
        runner: What runs it: a kernel, a `KernelStack` or a `StepLoop`.
        training: Whether the cell drops what it drops in training.
        arguments: What the runner's `run` is given: x (B, T, ...), contiguous and of the layer's
            dtype; states or None; a mask (B, T) or None; flags.

    Returns:
        What the runner returns, and a function from the gradients of these arrays, flat, to those
        of `x`, of the states if they are given, and of the constants.
    """
    if isinstance(runner, KernelStack):
        return runner.record(
            lambda each, given: record_run(recording, each, _kernel_of(each), training, given),
            *arguments,
        )
    is_dropping = training and has_kernel(cell) and drops_anything(cell)
    if is_dropping and isinstance(runner, StepLoop):
        runner = StepLoop(cell, training)
    if isinstance(runner, RecurrentKernel):
        return _record_kernel(recording, cell, training, arguments)
    recorded: tuple[Any, Pullback] = runner.record(recording, *arguments)
    return recorded


def _record_kernel(
    recording: Recording, cell: Any, training: bool, arguments: list[Any]
) -> tuple[Any, Pullback]:
    """Runs a cell by its compiled kernel; see `record_run`."""
    x, states, mask, flags = arguments
    wants_x = id(x) not in recording.data
    dropped, *factors = _dropout(cell, recording, x) if training else (None, None, None)
    kernel = _kernel_of(cell)
    batch, steps = x.shape[:2]
    buffers, dtype = recording.buffers, x.dtype
    size = kernel.residual_size(batch, steps)
    residuals = buffers.take(cell, "residuals", size, dtype)
    x = x if dropped is None else x * dropped
    results = kernel.run_recorded(x, states, mask, flags, residuals, *factors)

    def pullback(gradients: list[Any]) -> list[Any]:
        d_output, *d_states = gradients
        d_states = d_states or [None] * cell.state_count
        shape = (batch, steps, cell.units) if flags & RETURN_SEQUENCES else (batch, cell.units)
        backward = _gradient_kernel(cell)
        size = backward.scratch_size(batch, steps)
        scratch = buffers.take(cell, "scratch", size, dtype)
        d_x, d_kernel, d_recurrent, d_bias, d_initial = backward.run(
            x,
            states,
            mask,
            flags,
            residuals,
            _as_gradient(d_output, shape, dtype),
            tuple(_as_gradient(d, (batch, cell.units), dtype) for d in d_states),
            wants_x,
            cell.bias is not None,
            scratch,
            *factors,
        )
        recording.add(cell.kernel, d_kernel)
        recording.add(cell.recurrent_kernel, d_recurrent)
        if d_bias is not None:
            recording.add(cell.bias, d_bias)
        d_x = d_x if dropped is None or d_x is None else d_x * dropped
        return [d_x, *(d_initial if states is not None else [])]

    return results, pullback


def _kernel_of(cell: Any) -> Any:
    return cell._packed or cell._pack()


def _as_gradient(gradient: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    if gradient is None or (
        gradient.shape == shape and gradient.dtype == dtype and gradient.flags.c_contiguous
    ):
        return gradient
    return np.ascontiguousarray(np.broadcast_to(gradient, shape), dtype)


def _gradient_kernel(cell: Any) -> RecurrentGradientKernel:
    return RecurrentGradientKernel(
        cell._kind,
        cell.kernel.value,
        cell.recurrent_kernel.value,
        None if cell.bias is None else cell.bias.value,
        cell.activation.spec,
        cell._recurrent_spec() or None,
        getattr(cell, "reset_after", True),
        takes_factors=cell.drops_gates(),
    )


def _dropout(
    cell: Any, recording: Recording, x: Array
) -> tuple[Array | None, Array | None, Array | None]:
    """What training multiplies, at every step the same; None: nothing.

    Returns:
        For inputs that all gates share (B, 1, D), for those of each gate (B, G, D), and for the
        state of each gate (B, G, H).
    """
    shared = inputs = states = None
    if cell.drops(cell.dropout):
        masks = cell._create_dropout_mask(x[:, 0], cell.dropout, recording)
        if isinstance(masks, list):
            inputs = np.stack(masks, axis=1)
        else:
            shared = masks[:, np.newaxis]
    if cell.drops(cell.recurrent_dropout):
        state = np.empty((len(x), cell.units), x.dtype)
        masks = cell._create_dropout_mask(state, cell.recurrent_dropout, recording)
        states = np.stack(masks if isinstance(masks, list) else [masks], axis=1)
    return shared, inputs, states


def gradients_in_order(
    names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any], gradients: dict[str, list[Any]]
) -> list[Any]:
    """Returns the gradients of the leaves of (args, kwargs).

    Args:
        names: What the arguments of the call are called, by position.
        args: The positional arguments.
        kwargs: The keyword arguments.
        gradients: Those of the leaves of an argument, by its name.
    """
    named = [*zip(names, args, strict=False), *((name, kwargs[name]) for name in sorted(kwargs))]
    flat: list[Any] = []
    for name, value in named:
        leaves = nest.flatten(value)
        found = gradients.get(name) or [None] * len(leaves)
        # States of one sample may be given for all.
        flat += [
            fitted(d, x.shape, d.dtype) if d is not None and hasattr(x, "shape") else d
            for d, x in zip(found, leaves, strict=True)
        ]
    return flat
