"""Layers that merge several inputs element by element.

The lower-case functions make a layer and call it, as Keras's do.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import DataError, ShapeError
from rnnext.layers.layer import Layer
from rnnext.layers.symbolic import KerasTensor, Shape

__all__ = [
    "Add",
    "Average",
    "Maximum",
    "Merge",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]

Arrays = list[NDArray[Any]]
Masks = Sequence[NDArray[Any] | None]


class Merge(Layer):
    """Base class: a function of a list of inputs.

    Inputs of fewer axes than others get axes of size 1 after the batch. The output has a mask if
    every input has one: a step counts if it counts in any of them.
    """

    _makes_mask = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Checks that inputs of these shapes can be merged."""
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> NDArray[Any]:
        """Returns the merged array."""
        return self._merged(self._of_one_rank(self._numbers(inputs)))

    def _merged(self, arrays: Arrays) -> NDArray[Any]:
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                return self._merge(arrays)
        except ValueError as error:
            raise ShapeError(
                f"{self.label}: inputs of shapes {[x.shape for x in arrays]} cannot be merged: "
                f"{error}"
            ) from error

    def _merge(self, arrays: Arrays) -> NDArray[Any]:
        """Returns the merged array of arrays of one dtype."""
        raise NotImplementedError

    def _checked_list(self, inputs: Any, what: str) -> list[Any]:
        if not isinstance(inputs, (list, tuple)) or not inputs:
            raise ShapeError(
                f"{self.label} must be called on a list of inputs; {what} received: {inputs!r}."
            )
        return list(inputs)

    def _numbers(self, inputs: Any) -> Arrays:
        arrays = self._of_one_dtype(self._checked_list(inputs, "inputs"))
        if arrays[0].dtype.kind == "b":
            raise DataError(f"{self.label} merges numbers, received booleans.")
        return arrays

    def _of_one_dtype(self, arrays: Arrays) -> Arrays:
        dtype = _result_dtype([x.dtype for x in arrays])
        return [x.astype(dtype, copy=False) for x in arrays]

    def _of_one_rank(self, arrays: Arrays) -> Arrays:
        rank = max(x.ndim for x in arrays)
        return [
            x if x.ndim == rank else x.reshape(len(x), *[1] * (rank - x.ndim), *x.shape[1:])
            for x in arrays
        ]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape that the inputs are broadcast to."""
        shapes = self._checked_shapes(input_shape)
        batches = {shape[0] for shape in shapes} - {None}
        if len(batches) > 1:
            raise ShapeError(f"{self.label}: inputs of shapes {shapes} have different batch sizes.")
        sizes = shapes[0][1:]
        for shape in shapes[1:]:
            joined = _broadcast(sizes, shape[1:])
            if joined is None:
                raise ShapeError(f"{self.label}: inputs of shapes {shapes} cannot be merged.")
            sizes = joined
        return (batches.pop() if batches else None, *sizes)

    def _checked_shapes(self, input_shape: Any) -> list[Shape]:
        shapes = self._checked_list(input_shape, "shapes")
        if not all(isinstance(shape, (list, tuple)) and shape for shape in shapes):
            raise ShapeError(
                f"{self.label} must be called on a list of inputs that have a batch axis; shapes "
                f"received: {input_shape!r}."
            )
        return [tuple(shape) for shape in shapes]

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns a tensor of the merged shape and dtype."""
        tensors = self._checked_list(inputs, "inputs")
        shape = self.compute_output_shape([x.shape for x in tensors])
        dtype = _result_dtype([self._input_dtype(np.dtype(x.dtype)) for x in tensors])
        return KerasTensor(shape, dtype.name, self.name)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Returns the masks joined by "or", or None if an input has none."""
        if previous_mask is None:
            return None
        masks = self._checked_masks(inputs, previous_mask)
        if any(mask is None for mask in masks):
            return None
        try:
            return functools.reduce(np.logical_or, masks)
        except ValueError as error:
            raise ShapeError(
                f"{self.label}: masks of shapes {[np.shape(mask) for mask in masks]} cannot be "
                f"merged: {error}"
            ) from error

    def _checked_masks(self, inputs: Any, mask: Any) -> list[Any]:
        arrays, masks = self._checked_list(inputs, "inputs"), self._checked_list(mask, "mask")
        if len(arrays) != len(masks):
            raise ShapeError(
                f"{self.label}: expected a mask for each of {len(arrays)} inputs, received "
                f"{len(masks)}."
            )
        return masks

    def _mask_like(self, mask: Any, x: NDArray[Any]) -> NDArray[np.bool_]:
        """A mask as booleans that broadcast over the input it belongs to."""
        booleans: NDArray[np.bool_] = np.asarray(mask, bool)
        if booleans.shape == x.shape:
            return booleans
        if booleans.ndim != x.ndim - 1 or any(
            m not in (1, size) for m, size in zip(booleans.shape, x.shape, strict=False)
        ):
            raise ShapeError(
                f"{self.label}: a mask of shape {booleans.shape} does not fit an input of shape "
                f"{x.shape}; it must have its axes but the last."
            )
        return booleans[..., np.newaxis]


def _result_dtype(dtypes: list[np.dtype[Any]]) -> np.dtype[Any]:
    """As in Keras, an integer does not widen the float it meets."""
    floats = [dtype for dtype in dtypes if dtype.kind == "f"]
    return np.result_type(*(floats or dtypes))


def _broadcast(a: Shape, b: Shape) -> Shape | None:
    """Two shapes without the batch, aligned at the end; None if they do not fit."""
    rank = max(len(a), len(b))
    joined: list[int | None] = []
    for x, y in zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True):
        if x is None or y is None:
            joined.append(None)
        elif x != y and 1 not in (x, y):
            return None
        else:
            joined.append(y if x == 1 else x)
    return tuple(joined)


@serialization.builtin("keras.layers")
class Add(Merge):
    """Sum of the inputs.

    Args:
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: List of arrays whose shapes broadcast; see `Merge`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Add
        >>> Add()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])])
        array([[11., 22.]], dtype=float32)
    """

    def _merge(self, arrays: Arrays) -> NDArray[Any]:
        return functools.reduce(np.add, arrays)


@serialization.builtin("keras.layers")
class Subtract(Merge):
    """First input minus the second.

    Args:
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: List of two arrays whose shapes broadcast; see `Merge`.
    """

    def _checked_list(self, inputs: Any, what: str) -> list[Any]:
        items = super()._checked_list(inputs, what)
        if len(items) != 2:
            raise ShapeError(f"{self.label} takes exactly 2 inputs, received {len(items)}.")
        return items

    def _merge(self, arrays: Arrays) -> NDArray[Any]:
        difference: NDArray[Any] = np.subtract(*arrays)
        return difference


@serialization.builtin("keras.layers")
class Average(Merge):
    """Mean of the inputs.

    Args:
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: List of arrays whose shapes broadcast; see `Merge`.
    """

    _casts_integers = True

    def _merge(self, arrays: Arrays) -> NDArray[Any]:
        mean: NDArray[Any] = functools.reduce(np.add, arrays) / len(arrays)
        return mean


class _MaskedMerge(Merge):
    """Base class: what an input holds at steps that its mask skips does not count."""

    def call(self, inputs: Any, mask: Any = None) -> NDArray[Any]:
        """Returns the merged array.

        Args:
            inputs: List of arrays.
            mask: None, or a list of one mask or None for each input.
        """
        if mask is None or all(one is None for one in mask):
            return super().call(inputs)
        arrays = self._numbers(inputs)
        masks = self._checked_masks(inputs, mask)
        rank = max(x.ndim for x in arrays)
        # As in Keras, an input that must be given more axes loses its mask.
        fitted = [
            None if one is None or x.ndim < rank else self._mask_like(one, x)
            for x, one in zip(arrays, masks, strict=True)
        ]
        return self._merge_masked(self._of_one_rank(arrays), fitted)

    def _merge_masked(self, arrays: Arrays, masks: Masks) -> NDArray[Any]:
        raise NotImplementedError


@serialization.builtin("keras.layers")
class Multiply(_MaskedMerge):
    """Product of the inputs. At masked steps an input counts as 1.

    If every input is masked, the product is 0 at steps that all of them skip.

    Args:
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: List of arrays whose shapes broadcast; see `Merge`.
    """

    def _merge(self, arrays: Arrays) -> NDArray[Any]:
        return functools.reduce(np.multiply, arrays)

    def _merge_masked(self, arrays: Arrays, masks: Masks) -> NDArray[Any]:
        one, zero = arrays[0].dtype.type(1), arrays[0].dtype.type(0)
        product = self._merged(
            [
                x if mask is None else np.where(mask, x, one)
                for x, mask in zip(arrays, masks, strict=True)
            ]
        )
        known = [mask for mask in masks if mask is not None]
        if len(known) < len(masks):
            return product
        return np.where(functools.reduce(np.logical_or, known), product, zero)


class _Extremum(_MaskedMerge):
    """Base class of Maximum and Minimum."""

    _pick: np.ufunc

    def _merge(self, arrays: Arrays) -> NDArray[Any]:
        return functools.reduce(type(self)._pick, arrays)

    def _merge_masked(self, arrays: Arrays, masks: Masks) -> NDArray[Any]:
        """From left to right; where one side is masked the other side is taken.

        As in Keras, the result of two inputs counts as masked only if both are.
        """
        output, known = arrays[0], masks[0]
        for x, mask in zip(arrays[1:], masks[1:], strict=True):
            if mask is not None:
                x = np.where(mask, x, output)
            if known is not None:
                output = np.where(known, output, x)
            known = None if mask is None or known is None else np.logical_or(known, mask)
            output = self._merged([output, x])
        return output


@serialization.builtin("keras.layers")
class Maximum(_Extremum):
    """Largest of the inputs, element by element. Masked steps do not count.

    Args:
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: List of arrays whose shapes broadcast; see `Merge`.
    """

    _pick = np.maximum


@serialization.builtin("keras.layers")
class Minimum(_Extremum):
    """Smallest of the inputs, element by element. Masked steps do not count.

    Args:
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: List of arrays whose shapes broadcast; see `Merge`.
    """

    _pick = np.minimum


def add(inputs: Any, **kwargs: Any) -> Any:
    """Returns `Add(**kwargs)(inputs)`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """Returns `Subtract(**kwargs)(inputs)`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """Returns `Multiply(**kwargs)(inputs)`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """Returns `Average(**kwargs)(inputs)`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """Returns `Maximum(**kwargs)(inputs)`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """Returns `Minimum(**kwargs)(inputs)`."""
    return Minimum(**kwargs)(inputs)
