"""BatchNormalization: by the statistics of the batch in training, by moving ones otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core, serialization
from rnnext.arrays import cast
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.recording import Pullback, Recording
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.scale_and_offset import ScaleAndOffset, axis_option
from rnnext.layers.variable import Variable

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import InitializerOption, KeptOption, LayerOptions

__all__ = ["BatchNormalization"]

_EPSILON = 1e-7  # keras.config.epsilon()
_RENORM_LIMITS = ("rmax", "rmin", "dmax")


@serialization.builtin("keras.layers")
class BatchNormalization(ScaleAndOffset):
    """Computes `gamma * (x - moving_mean) / sqrt(moving_variance + epsilon) + beta`.

    Args:
        axis: The axis of the features, which have a gamma, a beta, a mean and a variance each.
        momentum: How much of the moving mean and variance a batch in training leaves.
        epsilon: Added to the variance.
        center: Whether there is a beta.
        scale: Whether there is a gamma.
        beta_initializer: How beta (D,) starts.
        gamma_initializer: How gamma (D,) starts.
        moving_mean_initializer: How the mean (D,) starts.
        moving_variance_initializer: How the variance (D,) starts.
        beta_regularizer: Adds to the loss in training.
        gamma_regularizer: Adds to the loss in training.
        beta_constraint: Applied to it after each training step.
        gamma_constraint: Applied to it after each training step.
        renorm: Whether the layer has the three further weights of batch renormalisation. They
            have no part in inference.
        renorm_clipping: Kept in the config.
        renorm_momentum: Kept in the config.
        synchronized: Kept in the config.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: (B, ..., D), or D along `axis`.
        training: Whether to normalise by the statistics of the batch, and to move the moving ones
            towards them; a frozen layer never does.
        mask: Which elements count in these statistics; it has one axis less than the inputs.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import BatchNormalization
        >>> layer = BatchNormalization(epsilon=0.0)
        >>> layer.build((None, 2))
        >>> layer.set_weights([[1, 2], [0, 10], [5, 5], [4, 4]])  # gamma, beta, mean, variance
        >>> layer(np.array([[7.0, 9.0]], dtype="float32"))
        array([[ 1., 14.]], dtype=float32)
    """

    axis: int
    momentum: float
    epsilon: float
    center: bool
    scale: bool
    moving_mean_initializer: Any
    moving_variance_initializer: Any
    renorm: bool

    _casts_integers = True

    joins_samples_in_training = True

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerOption = "zeros",
        gamma_initializer: InitializerOption = "ones",
        moving_mean_initializer: InitializerOption = "zeros",
        moving_variance_initializer: InitializerOption = "ones",
        beta_regularizer: KeptOption = None,
        gamma_regularizer: KeptOption = None,
        beta_constraint: KeptOption = None,
        gamma_constraint: KeptOption = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            epsilon=float(epsilon),
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
        axis = axis_option(axis, self.label)  # Keras 2 stores a list of one
        momentum = float(momentum)
        renorm_clipping = self._checked_clipping(renorm_clipping or {}) if renorm else None
        self._take(locals())

    def _checked_clipping(self, limits: dict[str, float]) -> dict[str, float]:
        inverted = limits.get("rmax", np.inf) < limits.get("rmin", -np.inf)
        if set(limits) - set(_RENORM_LIMITS) or inverted or limits.get("dmax", 0) < 0:
            raise UnsupportedError(
                f"{self.label}: renorm_clipping may have {_RENORM_LIMITS}, with rmax >= rmin and "
                f"dmax >= 0, received {limits!r}."
            )
        return limits

    def build(self, input_shape: Any) -> None:
        """Makes gamma, beta, moving_mean and moving_variance, each (D,)."""
        shape = self._sizes(input_shape, self.axis)
        if self.scale:
            self._add_gamma(shape)
        if self.center:
            self._add_beta(shape)
        mean, variance = self.moving_mean_initializer, self.moving_variance_initializer
        self.moving_mean = self.add_weight(shape, mean, name="moving_mean", trainable=False)
        self.moving_variance = self.add_weight(
            shape, variance, name="moving_variance", trainable=False
        )
        if self.renorm:
            self.moving_stddev = self.add_weight(
                shape, "zeros", name="moving_stddev", trainable=False
            )
            self.moving_stddev.assign(np.sqrt(self.moving_variance.value))
            self.renorm_mean = self.add_weight(shape, mean, name="renorm_mean", trainable=False)
            self.renorm_stddev = self.add_weight(
                shape, "zeros", name="renorm_stddev", trainable=False
            )
            self.renorm_stddev.assign(self.moving_stddev.value)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(
        self, inputs: NDArray[Any], training: bool | None = False, mask: Any = None
    ) -> NDArray[Any]:
        """Returns the normalised inputs."""
        if mask is not None and np.ndim(mask) != inputs.ndim - 1:
            raise ShapeError(
                f"{self.label}: a mask must have one axis less than the inputs {inputs.shape}, "
                f"received shape {np.shape(mask)}."
            )
        if training and self.trainable:
            return self._recorded(inputs, mask)[0]
        weights = self._packed or self._pack()
        if self.axis in (-1, inputs.ndim - 1) and inputs.dtype == weights[0].dtype:
            return _core.normalize(cast(inputs, inputs.dtype), *weights)
        sizes = [1] * inputs.ndim
        sizes[self.axis] = -1
        mean, factor, offset = (values.reshape(sizes) for values in weights)
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = inputs - mean
            outputs *= factor
            outputs += offset
        return cast(outputs, self.compute_dtype)

    def record(
        self,
        recording: Recording,
        inputs: NDArray[Any],
        training: bool | None = None,
        mask: Any = None,
    ) -> tuple[NDArray[Any], Pullback]:
        """Normalises so that it can be reversed: in training by the statistics of the batch."""
        training = recording.training if training is None else training
        if training and self.trainable:
            outputs, statistics = self._recorded(inputs, mask)
            axis, inverse, centred, weights = statistics
        else:
            outputs = BatchNormalization.call(self, inputs, mask=mask)
            weights, axis = None, self.axis % inputs.ndim
            sizes = self._sizes_along(inputs)
            variance = self.moving_variance.value.astype(np.float64) + self.epsilon
            inverse = (1 / np.sqrt(variance)).reshape(sizes).astype(inputs.dtype)
            centred = inputs - self.moving_mean.value.reshape(sizes)
        others = tuple(i for i in range(inputs.ndim) if i != axis)

        def pullback(d_outputs: list[Any]) -> list[Any]:
            d = d_outputs[0].astype(inputs.dtype, copy=False)
            normalised = centred * inverse
            sums = np.sum(d, axis=others, keepdims=True, dtype=np.float64)
            moments = np.sum(d * normalised, axis=others, keepdims=True, dtype=np.float64)
            factor = inverse
            if self.gamma is not None:
                recording.add(self.gamma, moments.reshape(-1).astype(self.gamma.value.dtype))
                factor = inverse * self.gamma.value.reshape(self._sizes_along(inputs))
            if self.beta is not None:
                recording.add(self.beta, sums.reshape(-1).astype(self.beta.value.dtype))
            if weights is None:
                return [d * factor]
            # The mean and the variance are functions of the inputs, too.
            gradient = normalised
            gradient *= moments.astype(d.dtype)
            gradient += sums.astype(d.dtype)
            gradient *= weights
            np.subtract(d, gradient, out=gradient)
            gradient *= factor
            return [gradient]

        return self.cast_outputs(outputs), pullback

    def _sizes_along(self, inputs: NDArray[Any]) -> list[int]:
        sizes = [1] * inputs.ndim
        sizes[self.axis] = -1
        return sizes

    def _recorded(self, inputs: NDArray[Any], mask: Any) -> tuple[NDArray[Any], Any]:
        """Normalises by the statistics of the batch, and moves the moving ones.

        Returns:
            The outputs; and the axis, `1 / sqrt(variance + epsilon)`, the centred inputs and the
            share that each input has in the mean.
        """
        if self.renorm:
            raise UnsupportedError(
                f"{self.label}: renorm=True with training=True is not supported; accepted is "
                "renorm=False."
            )
        axis, sizes = self.axis % inputs.ndim, self._sizes_along(inputs)
        others = tuple(i for i in range(inputs.ndim) if i != axis)
        wide, dtype = inputs.astype(np.float64), inputs.dtype
        if mask is None:
            count = math.prod(inputs.shape[i] for i in others)
            weights: Any = np.full([1] * inputs.ndim, 1 / max(count, 1))
            mean = np.sum(wide, axis=others, keepdims=True) * weights
            wide -= mean
            centred = wide.astype(dtype)
            np.square(wide, out=wide)
            variance = np.sum(wide, axis=others, keepdims=True) * weights
        else:
            counted = np.broadcast_to(np.asarray(mask, bool)[..., np.newaxis], inputs.shape)
            number = counted.sum(axis=others, keepdims=True)
            weights = counted / (number + _EPSILON)
            wide = np.where(counted, wide, 0)  # what padding holds does not count, NaN included
            mean = np.sum(wide * weights, axis=others, keepdims=True)
            variance = np.sum(np.square(wide - mean) * weights, axis=others, keepdims=True)
            centred = (inputs - mean).astype(dtype)
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance)
        inverse = (1 / np.sqrt(variance + self.epsilon)).astype(dtype)
        factor = inverse if self.gamma is None else inverse * self.gamma.value.reshape(sizes)
        outputs = centred * factor
        if self.beta is not None:
            outputs += self.beta.value.reshape(sizes)
        return cast(outputs, self.compute_dtype), (axis, inverse, centred, weights.astype(dtype))

    def _move(self, moving: Variable, now: NDArray[Any]) -> None:
        """Moves a moving average towards the statistic of the batch."""
        kept = moving.value * self.momentum
        moving.assign(kept + now.reshape(-1) * (1 - self.momentum))

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return (self.axis,)

    def _pack_weights(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """What is subtracted, multiplied by, added: each (D,), at least float32."""
        # The mean has its own step: beta - mean * factor would lose the digits that the two share.
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = 1 / np.sqrt(self.moving_variance.value.astype(np.float64) + self.epsilon)
        if self.gamma is not None:
            factor *= self.gamma.value
        offset = np.zeros_like(factor) if self.beta is None else self.beta.value
        dtype = np.result_type(np.float32, self.compute_dtype)
        mean = self.moving_mean.value
        return mean.astype(dtype), factor.astype(dtype), offset.astype(dtype)
