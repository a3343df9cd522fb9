"""Layers that turn raw data into what a network takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import as_array, asarray, cast
from rnnext.errors import DataError, RnnextError, ShapeError, UnsupportedError
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.layer import Layer
from rnnext.layers.scale_and_offset import axis_list
from rnnext.layers.variable import Variable
from rnnext.ops.shapes import axes_of, broadcast_shapes

__all__ = ["CategoryEncoding", "Normalization", "Rescaling"]

_EPSILON = 1e-7  # keras.config.epsilon(): the least standard deviation


@serialization.builtin("keras.layers")
class Rescaling(Layer):
    """Computes `x * scale + offset`.

    Args:
        scale: A number, or an array that broadcasts to the inputs.
        offset: The same.
        **kwargs: Arguments of `Layer`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Rescaling
        >>> Rescaling(0.5, offset=-1)(np.array([[0, 2, 4]]))
        array([[-1.,  0.,  1.]], dtype=float32)
    """

    _casts_integers = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the rescaled inputs."""
        scale, offset = self._packed or self._pack()
        with np.errstate(over="ignore", invalid="ignore"):
            return asarray(inputs * scale + offset)

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        """The axes along which scale or offset have several numbers, from the end."""
        shapes = [np.shape(self.scale), np.shape(self.offset)]
        return [-i for shape in shapes for i in range(1, len(shape) + 1) if shape[-i] != 1]

    def _pack_weights(self) -> tuple[NDArray[Any], NDArray[Any]]:
        scale, offset = (
            cast(as_array(value, f"{self.label}: {option}"), self.compute_dtype)
            for option, value in (("scale", self.scale), ("offset", self.offset))
        )
        return scale, offset

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "scale": serialization.serialize(self.scale),
            "offset": serialization.serialize(self.offset),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes the layer that `get_config` described."""
        config = dict(config)
        for option in ("scale", "offset"):
            if option in config:
                config[option] = serialization.deserialize(config[option])
        return cls(**config)


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
        **kwargs: Any,
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


@serialization.builtin("keras.layers")
class CategoryEncoding(Layer):
    """Encodes integers as vectors: one-hot, multi-hot, or counts.

    Args:
        num_tokens: Length of the vectors; integers of at least this much leave no trace.
        output_mode: "one_hot": a vector for every integer. "multi_hot": for each sample a vector
            that is 1 at its integers. "count": for each sample how often each occurs.
        sparse: Must be false.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: Integers; (B, n), one sample (n,), or one integer.
        count_weights: For "count": what each integer counts; of the shape of the inputs.

    Raises:
        UnsupportedError: For another mode, or `num_tokens` below 1.
        DataError: For a negative integer, except with "one_hot".

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import CategoryEncoding
        >>> CategoryEncoding(4, output_mode="count")(np.array([[1, 3, 1]]))
        array([[0., 2., 0., 1.]], dtype=float32)
    """

    reads_ids = True

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        mode = "multi_hot" if output_mode == "binary" else output_mode
        if mode not in ("one_hot", "multi_hot", "count"):
            raise UnsupportedError(
                f"{self.label}: output_mode must be 'one_hot', 'multi_hot' or 'count', received "
                f"{output_mode!r}."
            )
        if isinstance(num_tokens, bool) or not isinstance(num_tokens, int) or num_tokens < 1:
            raise UnsupportedError(
                f"{self.label}: num_tokens must be an integer >= 1, received {num_tokens!r}."
            )
        if sparse:
            raise UnsupportedError(f"{self.label}: sparse={sparse!r} is not supported.")
        self.num_tokens = num_tokens
        self.output_mode = mode
        self.sparse = sparse

    def call(self, inputs: NDArray[Any], count_weights: Any = None) -> NDArray[Any]:
        """Returns the vectors."""
        ids = inputs.astype(np.int64)
        if count_weights is not None and self.output_mode != "count":
            raise UnsupportedError(
                f"{self.label}: count_weights are for output_mode='count', not "
                f"{self.output_mode!r}."
            )
        if self.output_mode == "one_hot":
            lone = ids.ndim > 1 and ids.shape[-1] == 1
            return self._one_hot(ids[..., 0] if lone else np.atleast_1d(ids))
        if np.any(ids < 0):
            raise DataError(f"{self.label}: {ids.min()} is not in 0..{self.num_tokens - 1}.")
        vectors = self._one_hot(np.atleast_1d(ids))
        along = 1 if vectors.ndim > 2 else 0
        if self.output_mode == "multi_hot":
            return asarray(vectors.max(axis=along, initial=0))
        if count_weights is not None:
            weights = cast(as_array(count_weights, f"count_weights of {self.label}"), vectors.dtype)
            if weights.shape != ids.shape:
                raise ShapeError(
                    f"{self.label}: count_weights must have the shape {ids.shape} of the inputs, "
                    f"received {weights.shape}."
                )
            vectors = vectors * np.atleast_1d(weights)[..., np.newaxis]
        return asarray(vectors.sum(axis=along))

    def _one_hot(self, ids: NDArray[Any]) -> NDArray[Any]:
        return asarray(ids[..., np.newaxis] == np.arange(self.num_tokens), dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the vectors."""
        shape = tuple(input_shape)
        if self.output_mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1):
            return (*shape, self.num_tokens) if shape else (self.num_tokens,)
        if len(shape) > 2 and self.output_mode != "one_hot":
            return (shape[0], *shape[2:], self.num_tokens)
        return (*shape[:-1], self.num_tokens)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> KerasTensor:  # noqa: ARG002
        """Returns a symbolic tensor for the vectors."""
        shape = self.compute_output_shape(inputs.shape)
        return KerasTensor(shape, self.compute_dtype, self.name)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_tokens": self.num_tokens,
            "output_mode": self.output_mode,
        }
