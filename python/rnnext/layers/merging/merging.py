"""Layers that merge several inputs element by element.

The lower-case functions make a layer and call it, as Keras's do.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import ops, serialization
from rnnext.arrays import asarray
from rnnext.errors import DataError, ShapeError
from rnnext.graph.operation import MaskRule
from rnnext.graph.streaming import Streamed, StreamedCall
from rnnext.graph.tensor import KerasTensor, Shape
from rnnext.layers.layer import Layer
from rnnext.ops.promotion import result_type
from rnnext.ops.shapes import broadcast_shapes, shape_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

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
    every input has one: a step counts if it counts in any of them. For files of Keras before 3.4
    (`all_masks_must_hold`) one mask is enough, and a step counts if it counts in all there are.
    """

    _mask_rule = MaskRule.COMPUTE
    _known_quirks = frozenset({"all_masks_must_hold"})
    # How many inputs there must be; None for any number.
    _input_count: int | None = None

    def __init__(self, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Checks that inputs of these shapes can be merged."""
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> NDArray[Any]:
        """Returns the merged array."""
        return self._merged(self._of_one_rank(self._numbers(inputs)))

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call on sequences is streamed."""
        call.sequences_broadcast(aligned_left=True)
        return call.per_step(())

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
        if self._input_count not in (None, len(inputs)):
            raise ShapeError(
                f"{self.label} takes exactly {self._input_count} inputs, received {len(inputs)}."
            )
        return list(inputs)

    def _numbers(self, inputs: Any) -> Arrays:
        arrays = self._of_one_dtype(self._checked_list(inputs, "inputs"))
        if arrays[0].dtype.kind == "b":
            raise DataError(f"{self.label} merges numbers, received booleans.")
        return arrays

    def _of_one_dtype(self, arrays: Arrays) -> Arrays:
        if len({x.dtype for x in arrays}) == 1:
            return arrays
        dtype = result_type(*(x.dtype for x in arrays))
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
        inner = [shape[1:] for shape in shapes]
        try:
            sizes = broadcast_shapes(*inner)
        except ShapeError as error:
            raise ShapeError(f"{self.label}: {error}") from error
        # As Keras says it: where one size is unknown, the result's is.
        unknown = {i for shape in inner for i in range(-len(shape), 0) if shape[i] is None}
        known = (None if i in unknown else sizes[i] for i in range(-len(sizes), 0))
        return (batches.pop() if batches else None, *known)

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
        dtype = result_type(*(self.input_dtype(np.dtype(x.dtype)) for x in tensors))
        return KerasTensor(shape, dtype.name, self.name)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the masks joined by "or", or None if an input has none; see the class."""
        if mask is None:
            return None
        masks = self._checked_masks(inputs, mask)
        known = [mask for mask in masks if mask is not None]
        if not known or (len(known) < len(masks) and not self.quirks.all_masks_must_hold):
            return None
        try:
            return functools.reduce(
                ops.logical_and if self.quirks.all_masks_must_hold else ops.logical_or, known
            )
        except ShapeError as error:
            raise ShapeError(f"{self.label}: masks: {error}") from error

    def _checked_masks(self, inputs: Any, mask: Any) -> list[Any]:
        arrays, masks = self._checked_list(inputs, "inputs"), self._checked_list(mask, "mask")
        if len(arrays) != len(masks):
            raise ShapeError(
                f"{self.label}: expected a mask for each of {len(arrays)} inputs, received "
                f"{len(masks)}."
            )
        for x, one in zip(arrays, masks, strict=True):
            if one is not None and not _fits(shape_of(one), shape_of(x)):
                raise ShapeError(
                    f"{self.label}: a mask of shape {shape_of(one)} does not fit an input of shape "
                    f"{shape_of(x)}; it must have its first axes."
                )
        return masks


def _fits(mask: Shape, shape: Shape) -> bool:
    """Whether a mask has the first axes of an array."""
    return len(mask) <= len(shape) and all(
        m in (1, size) or None in (m, size) for m, size in zip(mask, shape, strict=False)
    )


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

    _input_count = 2

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
    """Base class: what an input holds at steps that its mask skips does not count.

    Before Keras 3.4 it did (`all_masks_must_hold`).
    """

    def call(self, inputs: Any, mask: Any = None) -> NDArray[Any]:
        """Returns the merged array.

        Args:
            inputs: List of arrays.
            mask: None, or a list of one mask or None for each input.
        """
        if mask is None or all(one is None for one in mask) or self.quirks.all_masks_must_hold:
            return super().call(inputs)
        arrays = self._numbers(inputs)
        masks = self._checked_masks(inputs, mask)
        rank = max(x.ndim for x in arrays)
        # As in Keras, an input that must be given more axes loses its mask.
        fitted = [
            None if one is None or x.ndim < rank else _expanded(one, x)
            for x, one in zip(arrays, masks, strict=True)
        ]
        return self._merge_masked(self._of_one_rank(arrays), fitted)

    streamed = Merge.streamed

    def _merge_masked(self, arrays: Arrays, masks: Masks) -> NDArray[Any]:
        raise NotImplementedError


def _expanded(mask: Any, x: NDArray[Any]) -> NDArray[np.bool_]:
    """A mask as booleans that broadcast over its input."""
    booleans = asarray(mask, bool)
    return booleans.reshape(booleans.shape + (1,) * (x.ndim - booleans.ndim))


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
