"""nn.LSTM with proj_size: h = W_hr m, where m = o * tanh(c) is what an LSTM without it returns.

The recurrent sums are W_hh h = (W_hh W_hr) m, so the layer is Keras's LSTM with the recurrent
weight W_hh W_hr, followed by a Dense of the kernel W_hr. A given h_0 needs an m_0 with
W_hr m_0 = h_0, which the pseudo-inverse of W_hr finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import layers, ops
from rnnext.interop.torch_module import TorchModule

__all__ = ["Projection", "recurrent_weight"]

Array = NDArray[Any]

# The error of h_0 grows by the condition of W_hr; random weights have one below 100.
_MAX_CONDITION = 1e4


def recurrent_weight(weight_hh: Array, weight_hr: Array) -> Array:
    """Returns W_hh W_hr (4H, H), computed in double precision and rounded once."""
    product = weight_hh.astype(np.float64) @ weight_hr.astype(np.float64)
    return product.astype(weight_hh.dtype)


class Projection:
    """The projections of all layers and directions of a module.

    Args:
        source: The module.
        weights: W_hr (P, H) of each direction of each layer.
    """

    def __init__(self, source: TorchModule, weights: Sequence[Sequence[Array]]) -> None:
        self._source = source
        self._weights = weights

    def of_outputs(self, k: int, x: Any) -> Any:
        """Projects (..., directions * H), what a layer returns, to (..., directions * P)."""
        directions = range(len(self._weights[k]))
        if len(directions) == 1:
            return self._dense(k, 0, x)
        cells = self._weights[k][0].shape[1]
        return ops.concatenate(
            [self._dense(k, d, x[..., d * cells : (d + 1) * cells]) for d in directions], axis=-1
        )

    def of_states(self, k: int, states: Sequence[Any]) -> list[Any]:
        """Projects each direction's h, the first of its two states."""
        return [x if i % 2 else self._dense(k, i // 2, x) for i, x in enumerate(states)]

    def before(self, k: int, states: Sequence[Any]) -> list[Any]:
        """Returns the states of which each h is an m that is projected to it.

        Raises:
            UnsupportedError: If W_hr has (nearly) dependent rows, so that not every h_0 has one.
        """
        return [x if i % 2 else self._inverse(k, i // 2, x) for i, x in enumerate(states)]

    def _dense(self, k: int, d: int, x: Any) -> Any:
        return self._linear(x, self._weights[k][d].T, f"projection_l{k}_{d}")

    def _inverse(self, k: int, d: int, x: Any) -> Any:
        weight = self._weights[k][d].astype(np.float64)
        condition = np.linalg.cond(weight)
        if not condition < _MAX_CONDITION:
            self._source.refuse(
                f"initial states with proj_size={len(weight)}: the rows of weight_hr_l{k} are "
                f"nearly dependent (condition number {condition:.1e}, accepted below "
                f"{_MAX_CONDITION:.0e}), so that h_0 cannot be expressed before the projection"
            )
        kernel = np.linalg.pinv(weight).T.astype(self._weights[k][d].dtype)
        return self._linear(x, kernel, f"start_l{k}_{d}")

    def _linear(self, x: Any, kernel: Array, part: str) -> Any:
        name = f"{self._source.layer_name}_{part}"
        return self._source.applied(
            x,
            lambda: layers.Dense(
                kernel.shape[1], use_bias=False, name=name, dtype=self._source.dtype
            ),
            lambda: [kernel],
            part=part,
        )
