"""Rearranging axes by a pattern that names them."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import ShapeError
from rnnext.ops.operation import EINOPS, operation
from rnnext.ops.promotion import as_tensor

Array = NDArray[Any]

_AXES = re.compile(r"\(([\w\s]*)\)|(\w+)")


def _groups(side: str) -> list[list[str]]:
    """The axes of one side of a pattern; those in parentheses are one axis of the array."""
    return [found[1].split() if found[2] is None else [found[2]] for found in _AXES.finditer(side)]


@operation(EINOPS, "Rearrange")
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Array:
    """Returns an array whose axes are taken apart, reordered and joined as a pattern says.

    Args:
        tensor: The array.
        pattern: Names of its axes, `->`, and those of the result. `(a b)` is one axis made of two.
        **axes_lengths: Sizes of axes in parentheses; one of each parenthesis may be left out.

    Raises:
        ShapeError: If the pattern does not fit the array.

    Example:
        >>> import numpy as np
        >>> from rnnext import ops
        >>> ops.rearrange(np.zeros((2, 12, 3)), "b (t k) c -> b t (k c)", k=4).shape
        (2, 3, 12)
    """
    array = as_tensor(tensor)
    left, arrow, right = pattern.partition("->")
    before, after = _groups(left), _groups(right)
    names, wanted = ([name for group in groups for name in group] for groups in (before, after))
    if not arrow or sorted(names) != sorted(wanted) or len(set(names)) < len(names):
        raise ShapeError(f"pattern {pattern!r} must name the same axes on both sides of '->'.")
    if len(before) != array.ndim:
        raise ShapeError(f"pattern {pattern!r} does not fit an array of shape {array.shape}.")
    sizes: dict[str, int] = {}
    for group, size in zip(before, array.shape, strict=True):
        sizes.update(_sizes(group, size, axes_lengths))
    apart = array.reshape([sizes[name] for name in names])
    ordered = np.transpose(apart, [names.index(name) for name in wanted])
    return ordered.reshape([math.prod(sizes[name] for name in group) for group in after])


def _sizes(group: list[str], size: int, given: dict[str, int]) -> dict[str, int]:
    """The sizes of the axes that one axis of the array is made of."""
    known = {name: int(given[name]) for name in group if name in given}
    open_ = [name for name in group if name not in known]
    product = math.prod(known.values())
    if len(open_) > 1 or product == 0 or size % product or (not open_ and product != size):
        raise ShapeError(
            f"an axis of size {size} cannot be made of the axes {group} with the sizes {known}; "
            "one of them may be left out."
        )
    return {**known, **dict.fromkeys(open_, size // product)}
