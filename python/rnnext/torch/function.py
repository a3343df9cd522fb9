"""One recurrent layer, of one direction or of two, as a function that torch can differentiate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rnnext._core import (
    GO_BACKWARDS,
    RETURN_SEQUENCES,
    RETURN_STATE,
    STRICT,
    concatenate_directions,
)
from rnnext.errors import UnsupportedError
from rnnext.torch.kernels import Direction, array_of

__all__ = ["run_layer"]

Array = NDArray[Any]

_FLAGS = [RETURN_SEQUENCES | RETURN_STATE | STRICT] * 2
_FLAGS[1] |= GO_BACKWARDS


def run_layer(
    directions: Sequence[Direction],
    mask: Array | None,
    x: Any,
    states: Sequence[Any] | None,
    weights: Sequence[Any],
) -> tuple[Any, ...]:
    """Runs a layer, so that torch can differentiate it if an argument needs that.

    Args:
        directions: The kernels of the forward and, perhaps, of the backward direction.
        mask: (B, T) booleans, false after the end of a sequence; or None.
        x: Tensor (B, T, D).
        states: h_0 and, for LSTM, c_0, tensors (directions, B, H); or None for zeros.
        weights: The parameters that `directions` are made of, one direction's after the other's.

    Returns:
        Tensors: the output (B, T, directions * H) and the last states, each (directions, B, H).
    """
    given = tuple(states) if states is not None else (None,) * directions[0].cell.states
    if torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in (x, *given, *weights)
    ):
        results: tuple[Any, ...] = _Layer.apply(directions, mask, x, *given, *weights)
        return results
    return _outputs(_run(directions, mask, array_of(x), _by_direction(directions, given)))


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, directions: Any, mask: Any, x: Any, *others: Any) -> Any:
        states = others[: directions[0].cell.states]
        array, initial = array_of(x), _by_direction(directions, states)
        ctx.residuals = [
            np.empty(each.forward.residual_size(*array.shape[:2]), array.dtype)
            for each in directions
        ]
        ctx.directions, ctx.mask = directions, mask
        ctx.save_for_backward(x, *states)
        ctx.set_materialize_grads(False)
        return _outputs(
            [
                each.forward.run_recorded(array, before, mask, flags, residuals)
                for each, before, flags, residuals in zip(
                    directions, initial, _FLAGS, ctx.residuals, strict=False
                )
            ]
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        with torch.no_grad():
            found = _gradients(ctx, *gradients)
        if torch.is_grad_enabled():  # with create_graph=True
            found = _Once.apply(torch.zeros((), requires_grad=True), *ctx.saved_tensors, *found)
            found = found[-len(ctx.needs_input_grad) + 2 :]
        return None, None, *found


class _Once(torch.autograd.Function):
    """Passes its arguments on, as results that depend on all of them.

    torch's `once_differentiable` takes gradients for constants where those of the outputs are.
    """

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Any:  # noqa: ARG004
        return tuple(None if each is None else each.detach() for each in arguments)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:  # noqa: ARG004
        raise UnsupportedError(
            "rnnext.torch: a gradient cannot be differentiated again (create_graph=True); "
            "torch.nn.LSTM, GRU and RNN can be differentiated twice."
        )


def _gradients(ctx: Any, d_output: Any, *d_states: Any) -> list[Any]:
    """The gradients of x, the states and the weights; None where they are not needed."""
    directions, (x, *states) = ctx.directions, ctx.saved_tensors
    array, initial = array_of(x), _by_direction(directions, states)
    needs = ctx.needs_input_grad[2:]
    d_x, d_initial, d_weights = None, [], []
    for d, each in enumerate(directions):
        found_x, d_kernel, d_recurrent, d_bias, d_before = each.backward.run(
            array,
            initial[d],
            ctx.mask,
            _FLAGS[d],
            ctx.residuals[d],
            _of_direction(d_output, d, len(directions)),
            tuple(None if state is None else array_of(state[d]) for state in d_states),
            needs[0],
            each.has_bias,
        )
        d_x = found_x if d_x is None else np.add(d_x, found_x, out=d_x)
        d_initial.append(d_before)
        d_weights += each.gradients(d_kernel, d_recurrent, d_bias)
    found = [
        None if d_x is None else torch.from_numpy(d_x),
        *(
            torch.from_numpy(np.stack(d)) if needed else None
            for d, needed in zip(zip(*d_initial, strict=True), needs[1:], strict=False)
        ),
        *d_weights,
    ]
    return [d if needed else None for d, needed in zip(found, needs, strict=True)]


def _run(
    directions: Sequence[Direction], mask: Array | None, x: Array, initial: Sequence[Any]
) -> Any:
    if len(directions) == 1:
        return [directions[0].forward.run(x, initial[0], mask, _FLAGS[0])]
    first, second = (each.forward for each in directions)
    return first.run_pair(x, mask, initial[0], _FLAGS[0], second, initial[1], _FLAGS[1])


def _by_direction(directions: Sequence[Direction], states: Sequence[Any]) -> list[Any]:
    """The states of each direction as a kernel takes them."""
    if states[0] is None:
        return [None] * len(directions)
    return list(zip(*map(array_of, states), strict=True))


def _outputs(results: Sequence[Any]) -> tuple[Any, ...]:
    """What the kernels of a layer's directions return, as tensors in torch's shapes."""
    outputs, *states = zip(*results, strict=True)
    output = outputs[0] if len(outputs) == 1 else concatenate_directions(*outputs)
    joined = [each[0][np.newaxis] if len(each) == 1 else np.stack(each) for each in states]
    return tuple(map(torch.from_numpy, (output, *joined)))


def _of_direction(d_output: Any, d: int, count: int) -> Array | None:
    """The part of an output's gradient that is a direction's, in the order of its steps."""
    if d_output is None:
        return None
    if count == 1:
        return array_of(d_output)
    part = d_output.chunk(2, dim=-1)[d]
    return array_of(part.flip(1) if d else part)
