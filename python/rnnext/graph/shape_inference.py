"""Output shapes of layers that do not compute them: found by running the layer on zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.errors import UnsupportedError
from rnnext.graph.tensor import KerasTensor

__all__ = ["probe_output"]

# What stands for sizes that are not known. An output size that differs between the two runs is
# not known either. Large enough for a convolution window to fit.
_SIZES = (29, 31)


def probe_output(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Returns symbolic tensors like the outputs of `layer.call` on these arguments.

    Args:
        layer: The layer.
        args: Positional arguments of `call`, symbolic tensors among them.
        kwargs: Its keyword arguments.

    Raises:
        UnsupportedError: If `call` fails on zeros, so that the layer must write its own
            compute_output_shape.
    """
    unbuilt = [owner for owner in _owners(layer) if not owner.built]
    try:
        small, large = (_run(layer, args, kwargs, size) for size in _SIZES)
    except Exception as error:  # whatever a user's call() raises
        raise UnsupportedError(
            f"{layer.label}: its output shape could not be found by running call() on zeros "
            f"({type(error).__name__}: {error}); give it a compute_output_shape() method."
        ) from error
    _forget_sizes(unbuilt, (args, kwargs))
    outputs = [
        _tensor(np.asarray(a), np.asarray(b), layer)
        for a, b in zip(nest.flatten(small), nest.flatten(large), strict=True)
    ]
    return nest.pack_like(small, outputs)


def _run(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], size: int) -> Any:
    def zeros(value: Any) -> Any:
        if not isinstance(value, KerasTensor):
            return value
        sizes = [size if s is None else s for s in value.shape]
        if value.dtype == "string":
            return np.full(sizes, b"", object)
        return np.zeros(sizes, value.dtype)

    return layer.call(*nest.map_structure(zeros, args), **nest.map_structure(zeros, kwargs))


def _owners(layer: Any) -> list[Any]:
    """The layer's descendants; an operation has none."""
    return layer._with_descendants()[1:] if hasattr(layer, "_with_descendants") else []


def _forget_sizes(built: list[Any], arguments: Any) -> None:
    """Lets layers that the first run built say None for the sizes that were made up for it."""
    tensors = [leaf for leaf in nest.flatten(arguments) if isinstance(leaf, KerasTensor)]
    only_batch = not any(None in tensor.shape[1:] for tensor in tensors)

    def known(axis: int, size: Any) -> Any:
        return None if size == _SIZES[0] and (axis == 0 or not only_batch) else size

    for layer in built:
        for name, shape in (getattr(layer, "_build_shapes", None) or {}).items():
            if isinstance(shape, tuple):
                layer._build_shapes[name] = tuple(known(i, size) for i, size in enumerate(shape))


def _tensor(small: NDArray[Any], large: NDArray[Any], layer: Any) -> KerasTensor:
    shape = [a if a == b else None for a, b in zip(small.shape, large.shape, strict=True)]
    # A layer's outputs are cast to its dtype; an operation has none, its result keeps its own.
    if small.dtype == object:
        return KerasTensor(shape, "string", layer.name)
    return KerasTensor(shape, getattr(layer, "compute_dtype", small.dtype.name), layer.name)
