"""Normalization: inputs of mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import as_array, asarray, cast
from rnnext.errors import DataError, RnnextError, ShapeError, UnsupportedError
from rnnext.layers.layer import Layer
from rnnext.layers.scale_and_offset import axis_list
from rnnext.layers.variable import Variable
from rnnext.ops.shapes import axes_of, broadcast_shapes

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["Normalization"]

_EPSILON = 1e-7  # keras.config.epsilon(): the least standard deviation


@serialization.builtin("keras.layers")
class Normalization(Layer):
    """Computes `(x - mean) / sqrt(variance)`, or with `invert` its inverse.

    Args:
        axis: The axes that have a mean and a variance for each element; None: one for all.
        mean: The mean; a number, or an array that broadcasts to the sizes along `axis` from the
            right. By default it is a weight, as is the variance.
        variance: The variance; of the shape of `mean`.
        invert: Whether to compute `mean + x * sqrt(variance)`.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If only one of `mean` and `variance` is given.
        ShapeError: If their shapes differ or do not fit.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Normalization
        >>> layer = Normalization(mean=2.0, variance=4.0)
        >>> layer(np.array([[2.0, 6.0]], dtype="float32"))
        array([[0., 2.]], dtype=float32)
    """

    _casts_integers = True

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        none = axis is None or (isinstance(axis, (list, tuple)) and not axis)
        self.axis = () if none else tuple(axis_list(axis, self.label))
        self.input_mean = mean
        self.input_variance = variance
        self.invert = invert
        self.supports_masking = True
        if (mean is None) != (variance is None):
            raise UnsupportedError(
                f"{self.label}: give both mean and variance or neither, received mean={mean!r} "
                f"and variance={variance!r}."
            )
        if mean is not None and (
            np.shape(mean) != np.shape(variance) or np.ndim(mean) > len(self.axis)
        ):
            raise ShapeError(
                f"{self.label}: mean and variance must have one shape and at most as many axes as "
                f"axis={self.axis}, received shapes {np.shape(mean)} and {np.shape(variance)}."
            )

    def build(self, input_shape: Any) -> None:
        """Makes mean, variance and count, unless mean and variance were given."""
        try:
            axes = axes_of(self.axis, len(input_shape))
        except ShapeError as error:
            raise ShapeError(f"{self.label}: input shape {tuple(input_shape)}: {error}") from error
        sizes = tuple(input_shape[axis] for axis in axes)
        if None in sizes:
            raise ShapeError(
                f"{self.label}: the sizes along axis {self.axis} of {tuple(input_shape)} must be "
                "known."
            )
        self._broadcast_shape = [
            size if axis in axes else 1 for axis, size in enumerate(input_shape)
        ]
        if self.input_mean is not None:
            self._check_given(sizes)
            return
        self.adapt_mean: Variable | None = self.add_weight(
            sizes, "zeros", name="mean", trainable=False
        )
        self.adapt_variance: Variable | None = self.add_weight(
            sizes, "ones", name="variance", trainable=False
        )
        self.count = self.add_weight((), "zeros", dtype="int64", name="count", trainable=False)

    def _check_given(self, sizes: tuple[int, ...]) -> None:
        given = np.shape(self.input_mean)
        if given and broadcast_shapes(given, sizes) != sizes:
            raise ShapeError(
                f"{self.label}: mean of shape {given} does not broadcast to the sizes {sizes} "
                f"along axis {self.axis}."
            )

    def adapt(self, data: Any) -> None:
        """Sets mean and variance to those of an array, or of all batches together.

        Args:
            data: Array-like of the shape of the inputs, or a list or iterator of batches.

        Raises:
            ShapeError: If its sizes along `axis` are not those the layer was built for.
            DataError: If there is no batch.
        """
        if self.input_mean is not None:
            raise UnsupportedError(f"{self.label} was given its mean and variance.")
        array = self._all_of(data).astype(np.float64)
        if not self.built:
            self.build(array.shape)
        kept = axes_of(self.axis, array.ndim)
        others = tuple(axis for axis in range(array.ndim) if axis not in kept)
        assert self.adapt_mean is not None
        assert self.adapt_variance is not None
        self.adapt_mean.assign(array.mean(axis=others))
        self.adapt_variance.assign(array.var(axis=others))

    def _all_of(self, data: Any) -> NDArray[Any]:
        name = f"data of {self.label}"
        is_list = isinstance(data, (list, tuple))
        of_arrays = is_list and all(hasattr(batch, "shape") for batch in data)
        if not isinstance(data, Iterator) and not of_arrays:
            return as_array(data, name)
        batches = [as_array(batch, name) for batch in data]
        if not batches:
            raise DataError(f"{name}: expected at least one batch, received none.")
        return np.concatenate(batches)

    @property
    def mean(self) -> NDArray[Any]:
        """The mean, so that it broadcasts to the inputs; the layer must be built."""
        return cast(self._statistics[0], self.compute_dtype)

    @property
    def variance(self) -> NDArray[Any]:
        """The variance, so that it broadcasts to the inputs; the layer must be built."""
        return cast(self._statistics[1], self.compute_dtype)

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the normalised inputs."""
        mean, deviation = self._packed or self._pack()
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = mean + inputs * deviation if self.invert else (inputs - mean) / deviation
        return asarray(outputs)

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return self.axis

    @property
    def _statistics(self) -> list[NDArray[Any]]:
        """Mean and variance, so that they broadcast to the inputs."""
        if not self.built:
            raise RnnextError(f"{self.label} has no mean and variance before it is built.")
        shape = self._broadcast_shape
        if self.input_mean is None:
            return [w.value.reshape(shape) for w in self.weights[:2]]
        sizes = [shape[a] for a in axes_of(self.axis, len(shape))]
        given = (as_array(v, self.label) for v in (self.input_mean, self.input_variance))
        return [np.broadcast_to(value, sizes).reshape(shape) for value in given]

    def _pack_weights(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Mean and standard deviation, so that they broadcast to the inputs."""
        mean, variance = self._statistics
        with np.errstate(invalid="ignore"):
            deviation = np.maximum(np.sqrt(variance.astype(np.float64)), _EPSILON)
        return cast(mean, self.compute_dtype), cast(deviation, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": np.array(self.input_mean).tolist(),
            "variance": np.array(self.input_variance).tolist(),
        }
