"""nn.LSTM with proj_size by the kernels of an LSTM without it.

A projected LSTM returns h = W_hr m, where m = o * tanh(c) is what an LSTM without a projection
returns, and its gates read W_hh h. So it is that LSTM with the recurrent weight W_hh W_hr, and its
outputs times W_hr. An h_0 need not be W_hr of anything: it becomes features of the first step,
whose weight is W_hh, and the kernel starts from zeros. torch differentiates all of that; the
products are rounded once more than in torch's module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray

__all__ = ["projected", "unprojected"]

Weights = list[Any]


def unprojected(
    weights: Sequence[Weights], projections: Sequence[Any], mask: NDArray[Any] | None, x: Any,
    states: Sequence[Any] | None,
) -> tuple[list[Weights], Any, Sequence[Any] | None]:  # fmt: skip
    """Returns what an LSTM without a projection is given.

    Args:
        weights: weight_ih (4 H, D), weight_hh (4 H, P) and perhaps biases, of each direction.
        projections: weight_hr (P, H) of each direction.
        mask: (B, T) booleans, false after the end of a sequence; or None.
        x: (B, T, D).
        states: h_0 (directions, B, P) and c_0 (directions, B, H), or None for zeros.

    Returns:
        The weights of each direction; the input, with features for h_0; and the states.
    """
    found = [
        [w_ih, w_hh @ w_hr, *biases]
        for (w_ih, w_hh, *biases), w_hr in zip(weights, projections, strict=True)
    ]
    if states is None:
        return found, x, None
    h_0, c_0 = states
    places = [_at_first_step(x, h_0[0])]
    if len(weights) == 2:
        places.append(_at_last_step(x, h_0[1], mask))
    for d, (_, w_hh, *_) in enumerate(weights):
        # The features of the other direction's h_0 have the weight 0.
        of_states = [w_hh if d == other else torch.zeros_like(w_hh) for other in range(len(places))]
        found[d][0] = torch.cat([found[d][0], *of_states], dim=1)
    zeros = x.new_zeros((len(weights), len(x), projections[0].shape[1]))
    return found, torch.cat([x, *places], dim=2), [zeros, c_0]


def projected(output: Any, h: Any, projections: Sequence[Any]) -> tuple[Any, Any]:
    """Returns a layer's output (B, T, directions * P) and last state (directions, B, P).

    Args:
        output: (B, T, directions * H), of an LSTM without a projection.
        h: Its last state, (directions, B, H).
        projections: weight_hr (P, H) of each direction.
    """
    parts = output.chunk(len(projections), dim=-1)
    outputs = [part @ w_hr.t() for part, w_hr in zip(parts, projections, strict=True)]
    lasts = [state @ w_hr.t() for state, w_hr in zip(h, projections, strict=True)]
    return torch.cat(outputs, dim=-1), torch.stack(lasts)


def _at_first_step(x: Any, state: Any) -> Any:
    """(B, T, P): the state at the first step, and zeros."""
    rest = x.new_zeros((len(x), x.shape[1] - 1, state.shape[1]))
    return torch.cat([state[:, None], rest], dim=1)


def _at_last_step(x: Any, state: Any, mask: NDArray[Any] | None) -> Any:
    """(B, T, P): the state at the last step that counts, and zeros."""
    steps = x.shape[1]
    last = torch.full((len(x),), steps - 1)
    if mask is not None:
        last = torch.from_numpy(mask.sum(axis=1)) - 1
    is_last = torch.arange(steps)[None] == last[:, None]
    return is_last[:, :, None] * state[:, None]
