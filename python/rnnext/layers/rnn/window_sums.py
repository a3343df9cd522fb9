"""What a ConvLSTM adds up in training: windows times a kernel, with dropout and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.autodiff.rules import lifted, note, value_of
from rnnext.autodiff.tape import active
from rnnext.layers.convolutional.gradients import of_window_product
from rnnext.layers.convolutional.window_product import WindowProduct
from rnnext.layers.convolutional.windows import Windows

__all__ = ["masked_window_product"]

Array = NDArray[Any]


def masked_window_product(
    windows: Windows, x: Any, kernel: Any, masks: list[Array] | None, counts: tuple[int, ...]
) -> Any:
    """Returns `window @ kernel` for every window of `x * mask`.

    Args:
        windows: Where the windows are.
        x: (N, *spatial, C).
        kernel: (*size, C, G * F), an array or a weight.
        masks: One like `x` for each of G gates, whose filters it counts for, or None.
        counts: Number of windows along each spatial axis.

    Returns:
        (N, *counts, G * F).
    """
    sources = [lifted(x), lifted(kernel)]
    inputs, matrix = (np.asarray(value_of(source)) for source in sources)
    gates = 1 if masks is None else len(masks)
    kernels = [np.ascontiguousarray(part) for part in np.split(matrix, gates, axis=-1)]
    dropped = [inputs] if masks is None else [inputs * mask for mask in masks]
    products = [
        WindowProduct(windows, part, None)(np.ascontiguousarray(kept), counts)
        for part, kept in zip(kernels, dropped, strict=True)
    ]
    product = products[0] if gates == 1 else np.concatenate(products, axis=-1)
    if active.tape is None:
        return product

    def pullback(d: Array) -> tuple[Array, Array]:
        d_inputs, d_kernels = np.zeros_like(inputs), []
        for gate, d_part in enumerate(np.split(d, gates, axis=-1)):
            d_kept, d_kernel = of_window_product(
                windows, kernels[gate], dropped[gate], counts, np.ascontiguousarray(d_part), 1
            )
            d_inputs += d_kept if masks is None else d_kept * masks[gate]
            d_kernels.append(d_kernel)
        return d_inputs, np.concatenate(d_kernels, axis=-1)

    return note(product, sources, pullback)
