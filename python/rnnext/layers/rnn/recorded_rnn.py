"""The backward pass of recurrent layers that run on a compiled kernel.

A recorded call is the forward pass of `RNN.call` with an array of residuals beside it, and a
`RecurrentGradientKernel` that reads them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext._core import RETURN_SEQUENCES, RecurrentGradientKernel
from rnnext.graph.recording import Pullback, Recording

__all__ = ["record_kernel_call"]

Array = NDArray[Any]


def record_kernel_call(
    layer: Any,
    recording: Recording,
    x: Array,
    states: Any,
    mask: Any,
    flags: int,
    *,
    wants_x: bool = True,
) -> tuple[Any, Pullback]:
    """Runs a layer whose cell has a compiled kernel, so that the call can be reversed.

    Args:
        layer: An RNN over a `KernelCell`.
        recording: Takes the gradients of the cell's weights.
        x: (B, T, D), contiguous and of the layer's dtype.
        states: A tuple of arrays (B, units), or None for zeros.
        mask: (B, T) booleans, or None.
        flags: How the kernel is called.
        wants_x: Whether the gradient of `x` is computed; None takes its place otherwise.

    Returns:
        What the kernel returns, and a function from the gradients of these arrays, flat, to those
        of `x` and the states.
    """
    cell = layer.cell
    kernel = cell._packed or cell._pack()
    batch, steps = x.shape[:2]
    buffers, dtype = recording.buffers, x.dtype
    size = kernel.residual_size(batch, steps)
    residuals = buffers.take(layer, "residuals", size, dtype)
    dropped, x = _input_dropout(cell, recording, x)
    results = kernel.run_recorded(x, states, mask, flags, residuals)

    def pullback(gradients: list[Any]) -> list[Any]:
        d_output, *d_states = gradients
        # A stateful layer has the kernel return states that are no outputs of its own.
        d_states = d_states or [None] * cell.state_count
        shape = (batch, steps, cell.units) if flags & RETURN_SEQUENCES else (batch, cell.units)
        backward = _gradient_kernel(cell)
        size = backward.scratch_size(batch, steps)
        scratch = buffers.take(layer, "scratch", size, dtype)
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
        )
        recording.add(cell.kernel, d_kernel)
        recording.add(cell.recurrent_kernel, d_recurrent)
        if d_bias is not None:
            recording.add(cell.bias, d_bias)
        return [d_x if dropped is None or d_x is None else d_x * dropped, *d_initial]

    return results, pullback


def _as_gradient(gradient: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    if gradient is None:
        return None
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
    )


def _input_dropout(cell: Any, recording: Recording, x: Array) -> tuple[Array | None, Array]:
    """The mask of the inputs, the same at every step, and the inputs times it."""
    rate = cell.dropout
    if not (recording.training and 0 < rate < 1):
        return None, x
    keep = recording.generator.random((len(x), 1, x.shape[2]), dtype=np.float32) >= rate
    mask = keep.astype(x.dtype) / x.dtype.type(1 - rate)
    return mask, x * mask
