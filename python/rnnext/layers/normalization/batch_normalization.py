"""BatchNormalization with the statistics of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core, initializers, serialization
from rnnext.arrays import cast
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.scale_and_offset import ScaleAndOffset, axis_option

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import InitializerOption, KeptOption, LayerOptions

__all__ = ["BatchNormalization"]

_RENORM_LIMITS = ("rmax", "rmin", "dmax")


@serialization.builtin("keras.layers")
class BatchNormalization(ScaleAndOffset):
    """Computes `gamma * (x - moving_mean) / sqrt(moving_variance + epsilon) + beta`.

    Args:
        axis: The axis of the features, which have a gamma, a beta, a mean and a variance each.
        momentum: Kept in the config.
        epsilon: Added to the variance.
        center: Whether there is a beta.
        scale: Whether there is a gamma.
        beta_initializer: How beta (D,) starts.
        gamma_initializer: How gamma (D,) starts.
        moving_mean_initializer: How the mean (D,) starts.
        moving_variance_initializer: How the variance (D,) starts.
        beta_regularizer: Kept in the config.
        gamma_regularizer: Kept in the config.
        beta_constraint: Kept in the config.
        gamma_constraint: Kept in the config.
        renorm: Whether the layer has the three further weights of batch renormalisation. They
            have no part in inference.
        renorm_clipping: Kept in the config.
        renorm_momentum: Kept in the config.
        synchronized: Kept in the config.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: (B, ..., D), or D along `axis`.
        training: Must not be true (unless the layer is frozen), which would normalise by the
            statistics of the batch.
        mask: Handed on; it must have one axis less than the inputs.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import BatchNormalization
        >>> layer = BatchNormalization(epsilon=0.0)
        >>> layer.build((None, 2))
        >>> layer.set_weights([[1, 2], [0, 10], [5, 5], [4, 4]])  # gamma, beta, mean, variance
        >>> layer(np.array([[7.0, 9.0]], dtype="float32"))
        array([[ 1., 14.]], dtype=float32)
    """

    _casts_integers = True

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
        self.axis = axis_option(axis, self.label)  # Keras 2 stores a list of one
        self.momentum = float(momentum)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm = renorm
        self.renorm_clipping = self._checked_clipping(renorm_clipping or {}) if renorm else None
        self.renorm_momentum = renorm_momentum
        self.synchronized = synchronized

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
        self, inputs: NDArray[Any], training: bool | None = None, mask: Any = None
    ) -> NDArray[Any]:
        """Returns the normalised inputs."""
        if training and self.trainable:
            raise UnsupportedError(f"{self.label}: training=True is not supported.")
        if mask is not None and np.ndim(mask) != inputs.ndim - 1:
            raise ShapeError(
                f"{self.label}: a mask must have one axis less than the inputs {inputs.shape}, "
                f"received shape {np.shape(mask)}."
            )
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

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
            "synchronized": self.synchronized,
        }
