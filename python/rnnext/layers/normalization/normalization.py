"""Layers that normalise each sample by its own statistics.

Given integers, all but UnitNormalization drop the fractions of what they computed, as in Keras;
where TensorFlow's own answer to a negative number in an unsigned type varies, it is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import cast
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.streaming import Streamed, StreamedCall
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.layer import Layer
from rnnext.layers.scale_and_offset import ScaleAndOffset, axes_option, axis_option
from rnnext.ops.normalization import (
    by_mean_and_variance,
    by_norm,
    by_root_mean_square,
    in_received_dtype,
)
from rnnext.ops.promotion import as_float
from rnnext.ops.shapes import axes_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import InitializerOption, KeptOption, LayerOptions

__all__ = ["GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"]


@serialization.builtin("keras.layers")
class LayerNormalization(ScaleAndOffset):
    """Computes `gamma * (x - mean) / sqrt(variance + epsilon) + beta` over one or more axes.

    Args:
        axis: The axes over which mean and variance of a sample are taken.
        epsilon: Added to the variance.
        center: Whether there is a beta.
        scale: Whether there is a gamma.
        beta_initializer: How beta, of the sizes of the axes, starts.
        gamma_initializer: How gamma, of the sizes of the axes, starts.
        beta_regularizer: Adds to the loss in training.
        gamma_regularizer: Adds to the loss in training.
        beta_constraint: Applied to it after each training step.
        gamma_constraint: Applied to it after each training step.
        **kwargs: Arguments of `Layer`, and the deprecated `rms_scaling`: if true, the mean is not
            subtracted and there is no beta.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import LayerNormalization
        >>> LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0]], dtype="float32"))
        array([[-1.,  1.]], dtype=float32)
    """

    axis: Any
    rms_scaling: bool
    epsilon: float
    center: bool
    scale: bool

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerOption = "zeros",
        gamma_initializer: InitializerOption = "ones",
        beta_regularizer: KeptOption = None,
        gamma_regularizer: KeptOption = None,
        beta_constraint: KeptOption = None,
        gamma_constraint: KeptOption = None,
        **kwargs: Any,
    ) -> None:
        rms_scaling = kwargs.pop("rms_scaling", False)
        super().__init__(
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        axis = axes_option(axis, self.label)
        self._take(locals())
        self._keep_options({"rms_scaling": rms_scaling})
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        """Makes gamma and beta of the sizes of the axes."""
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        shape = self._sizes(input_shape, self.axis)
        if self.scale or self.rms_scaling:
            self._add_gamma(shape)
        if self.center and not self.rms_scaling:
            self._add_beta(shape)

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the normalised inputs."""
        x = as_float(inputs)
        axes = axes_of(self.axis, x.ndim)
        sizes = [size if i in axes else 1 for i, size in enumerate(x.shape)]
        outputs = by_mean_and_variance(
            x,
            axes,
            self.epsilon,
            self._shaped(self.gamma, sizes),
            self._shaped(self.beta, sizes),
            subtract_mean=not self.rms_scaling,
        )
        return cast(in_received_dtype(outputs, inputs), self.compute_dtype)

    def _joined_axes(self, rank: int) -> Sequence[int] | None:
        return axes_of(self.axis, rank)


@serialization.builtin("keras.layers")
class GroupNormalization(ScaleAndOffset):
    """Normalises groups of features by the mean and variance of a sample's group.

    Args:
        groups: Number of groups; it divides the number of features. -1: a group for each feature.
        axis: The axis of the features.
        epsilon: Added to the variance.
        center: Whether there is a beta.
        scale: Whether there is a gamma.
        beta_initializer: How beta (D,) starts.
        gamma_initializer: How gamma (D,) starts.
        beta_regularizer: Adds to the loss in training.
        gamma_regularizer: Adds to the loss in training.
        beta_constraint: Applied to it after each training step.
        gamma_constraint: Applied to it after each training step.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If `groups` is neither -1 nor at least 1.
        ShapeError: When built, if `groups` does not divide the number of features.
    """

    groups: int
    axis: int
    epsilon: float
    center: bool
    scale: bool

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerOption = "zeros",
        gamma_initializer: InitializerOption = "ones",
        beta_regularizer: KeptOption = None,
        gamma_regularizer: KeptOption = None,
        beta_constraint: KeptOption = None,
        gamma_constraint: KeptOption = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        if isinstance(groups, bool) or not isinstance(groups, int) or groups < -1 or groups == 0:
            raise UnsupportedError(
                f"{self.label}: groups must be an integer >= 1, or -1, received {groups!r}."
            )
        axis = axis_option(axis, self.label)
        self._take(locals())
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        """Makes gamma (D,) and beta (D,)."""
        shape = self._sizes(input_shape, self.axis)
        (features,) = shape
        if self.groups == -1:
            self.groups = features
        if features < self.groups or features % self.groups:
            raise ShapeError(
                f"{self.label}: groups={self.groups} must divide the {features} features."
            )
        if self.scale:
            self._add_gamma(shape)
        if self.center:
            self._add_beta(shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: features})

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the normalised inputs."""
        x = as_float(inputs)
        (axis,) = axes_of(self.axis, x.ndim)
        split = (self.groups, x.shape[axis] // self.groups)
        x = x.reshape(*x.shape[:axis], *split, *x.shape[axis + 1 :])
        sizes = [1] * x.ndim
        sizes[axis : axis + 2] = split
        outputs = by_mean_and_variance(
            x,
            tuple(i for i in range(1, x.ndim) if i != axis),
            self.epsilon,
            self._shaped(self.gamma, sizes),
            self._shaped(self.beta, sizes),
        )
        outputs = in_received_dtype(outputs, inputs)
        return cast(outputs.reshape(inputs.shape), self.compute_dtype)

    def streamed(self, call: StreamedCall) -> Streamed:
        """Rejects sequences."""
        call.refuse(
            "a group's mean and variance are those of all steps; accepted are normalisations over "
            "axes from 2 on, such as LayerNormalization."
        )


@serialization.builtin("keras.layers")
class RMSNormalization(Layer):
    """Computes `scale * x / sqrt(mean(x**2) + epsilon)` over one or more axes.

    Args:
        axis: The axes over which the mean is taken.
        epsilon: Added to the mean.
        **kwargs: Arguments of `Layer`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import RMSNormalization
        >>> RMSNormalization(epsilon=0.0)(np.array([[1.0, 7.0]], dtype="float32"))
        array([[0.2, 1.4]], dtype=float32)
    """

    axis: Any
    epsilon: float

    def __init__(
        self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        axis = axes_option(axis, self.label)
        self._take(locals())

    def build(self, input_shape: Any) -> None:
        """Makes scale, of the sizes of the axes."""
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        self._axes(len(input_shape))
        shape = tuple(input_shape[i] for i in self.axis)
        fits = input_shape[-len(shape) :]
        if any(a != b and a != 1 for a, b in zip(shape, fits, strict=True)):
            raise ShapeError(
                f"{self.label}: scale {shape} along axis {self.axis} must broadcast to the last "
                f"axes of the input shape {tuple(input_shape)}, as in Keras."
            )
        self.scale = self.add_weight(shape, "ones", name="scale")

    def _axes(self, rank: int) -> tuple[int, ...]:
        try:
            return axes_of(self.axis, rank)
        except ShapeError as error:
            raise ShapeError(f"{self.label}: an input with {rank} axes: {error}") from error

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the normalised inputs."""
        axes = self._axes(inputs.ndim)
        outputs = by_root_mean_square(as_float(inputs), axes, self.epsilon, self.scale.value)
        return in_received_dtype(outputs, inputs)

    def _joined_axes(self, rank: int) -> Sequence[int] | None:
        return self._axes(rank)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        self._axes(len(input_shape))
        return input_shape


@serialization.builtin("keras.layers")
class UnitNormalization(Layer):
    """Divides the input by its Euclidean norm over one or more axes.

    Args:
        axis: The axes over which the norm is taken.
        **kwargs: Arguments of `Layer`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import UnitNormalization
        >>> UnitNormalization()(np.array([[3.0, 4.0]], dtype="float32"))
        array([[0.6, 0.8]], dtype=float32)
    """

    axis: Any

    _casts_integers = True

    def __init__(self, axis: Any = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        axis = axes_option(axis, self.label)
        self._take(locals())
        self.supports_masking = True

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the normalised inputs."""
        axes = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        return cast(by_norm(inputs, axes), self.compute_dtype)

    def _joined_axes(self, rank: int) -> Sequence[int] | None:
        return axes_of(self.axis, rank)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        try:
            axes_of(self.axis, len(input_shape))
        except ShapeError as error:
            raise ShapeError(f"{self.label}: input shape {tuple(input_shape)}: {error}") from error
        return input_shape
