"""Random inputs that fit a model."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import ShapeError
from rnnext.layers import Embedding


def add_sample_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which random inputs are drawn."""
    parser.add_argument("--samples", type=int, default=4, metavar="N", help="random samples (4)")
    parser.add_argument(
        "--steps", type=int, default=20, metavar="T", help="size of axes the model leaves open (20)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs (0)")


def sample_inputs(model: Any, samples: int, steps: int, seed: int) -> list[NDArray[Any]]:
    """Draws an array for every input of a model.

    Args:
        model: A `Model` or a built `Sequential`.
        samples: Size of the first axis, unless the model declares it.
        steps: Size of the other axes the model leaves open.
        seed: Of the random numbers.

    Returns:
        One array per input, of its dtype: ids that its Embedding layers know where there are any,
        small whole numbers for other integers, else normal numbers.

    Raises:
        ShapeError: `samples` or `steps` below 1.
    """
    if samples < 1 or steps < 1:
        raise ShapeError(f"samples and steps must be at least 1, received {samples} and {steps}.")
    rng = np.random.default_rng(seed)
    return [_draw(model, tensor, samples, steps, rng) for tensor in model.inputs]


def _draw(
    model: Any, tensor: Any, samples: int, steps: int, rng: np.random.Generator
) -> NDArray[Any]:
    """One array for one symbolic input."""
    declared = tensor.shape[0]  # a stateful model has states for so many samples
    shape = (declared or samples, *(steps if size is None else size for size in tensor.shape[1:]))
    ids = [
        layer.input_dim
        for layer in model.layers
        if isinstance(layer, Embedding) and layer.input is tensor
    ]
    dtype = np.dtype(tensor.dtype)
    if ids:
        return rng.integers(0, min(ids), shape).astype(dtype)
    if dtype.kind in "iub":
        return rng.integers(0, 2, shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)
