"""Activations that are layers because they have arguments or weights of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.activations.activation import Activation
from rnnext.arrays import asarray
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.streaming import Streamed, StreamedCall
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.layer import Layer
from rnnext.layers.scale_and_offset import axes_option, axis_list
from rnnext.ops.activation import over_axes
from rnnext.ops.shapes import axes_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import (
        InitializerOption,
        KeptOption,
        LayerOptions,
        LeakyReLUOptions,
    )

__all__ = ["ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax", "ThresholdedReLU"]


class _ActivationLayer(Layer):
    """Applies the activation that `_pack_weights` makes of the layer's options."""

    _casts_integers = True

    def __init__(self, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def _checked(self, option: str, value: Any) -> Any:
        """Returns a number that must not be negative."""
        is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not is_number or not value >= 0:
            raise UnsupportedError(
                f"{self.label}: {option} must be a number >= 0, received {value!r}."
            )
        return value

    @property
    def _activation(self) -> Activation:
        activation: Activation = self._packed or self._pack()
        return activation

    def input_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Integers stay integers where the activation keeps them."""
        if dtype.kind in "iu" and self._activation.keeps_integers:
            return dtype.newbyteorder("=")
        return super().input_dtype(dtype)

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the activation of every element; relu's integers stay integers."""
        return self._activation(inputs)

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return ()

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape


@serialization.builtin("keras.layers")
class ReLU(_ActivationLayer):
    """Computes `min(x, max_value)` above the threshold, else `negative_slope * (x - threshold)`.

    Args:
        max_value: Upper limit, >= 0, or None.
        negative_slope: Slope below the threshold, >= 0.
        threshold: Where the function begins, >= 0.
        **kwargs: Arguments of `Layer`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import ReLU
        >>> ReLU(max_value=1.0, negative_slope=0.5)(np.array([-2.0, 0.5, 3.0], dtype="float32"))
        array([-1. ,  0.5,  1. ], dtype=float32)
    """

    max_value: float | None
    negative_slope: float
    threshold: float

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        max_value = None if max_value is None else self._checked("max_value", max_value)
        negative_slope = self._checked("negative_slope", negative_slope)
        threshold = self._checked("threshold", threshold)
        self._take(locals())

    def _pack_weights(self) -> Activation:
        return Activation("relu", **self._own_config())

    def _own_config(self) -> dict[str, Any]:
        return {
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


@serialization.builtin("keras._legacy.layers")  # where Keras 3 has it
class ThresholdedReLU(_ActivationLayer):
    """Computes `x` above `theta`, else 0: a layer of Keras 2.

    Args:
        theta: Where the function begins, >= 0.
        **kwargs: Arguments of `Layer`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import ThresholdedReLU
        >>> ThresholdedReLU(0.5)(np.array([-2.0, 0.5, 3.0], dtype="float32"))
        array([0., 0., 3.], dtype=float32)
    """

    theta: float

    def __init__(self, theta: float = 1.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        theta = float(self._checked("theta", theta))
        self._take(locals())

    def _pack_weights(self) -> Activation:
        return Activation("relu", threshold=self.theta)


@serialization.builtin("keras.layers")
class LeakyReLU(_ActivationLayer):
    """Computes `x`, and `negative_slope * x` where it is negative.

    Args:
        negative_slope: The slope, >= 0.
        **kwargs: Arguments of `Layer`, and `alpha`, an older name of `negative_slope`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import LeakyReLU
        >>> LeakyReLU()(np.array([-1.0, 2.0], dtype="float32"))
        array([-0.3,  2. ], dtype=float32)
    """

    negative_slope: float

    _more_options = frozenset({"alpha"})

    def __init__(self, negative_slope: float = 0.3, **kwargs: Unpack[LeakyReLUOptions]) -> None:
        options: dict[str, Any] = {**kwargs}
        negative_slope = options.pop("alpha", negative_slope)
        super().__init__(**options)
        negative_slope = self._checked("negative_slope", negative_slope)
        self._take(locals())

    def _pack_weights(self) -> Activation:
        return Activation("leaky_relu", negative_slope=self.negative_slope)


@serialization.builtin("keras.layers")
class ELU(_ActivationLayer):
    """Computes `x`, and `alpha * (exp(x) - 1)` where it is negative.

    Args:
        alpha: The factor.
        **kwargs: Arguments of `Layer`.
    """

    alpha: float

    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self._take(locals())

    def _pack_weights(self) -> Activation:
        return Activation("elu", alpha=self.alpha)


@serialization.builtin("keras.layers")
class PReLU(Layer):
    """Computes `x`, and `alpha * x` where it is negative, with an alpha for every element.

    Args:
        alpha_initializer: How alpha starts; it has the sizes of the input without the batch.
        alpha_regularizer: Adds to the loss in training.
        alpha_constraint: Applied to it after each training step.
        shared_axes: Axes along which elements share their alpha, counted from 1.
        **kwargs: Arguments of `Layer`.
    """

    alpha_initializer: Any
    shared_axes: Any

    _casts_integers = True

    def __init__(
        self,
        alpha_initializer: InitializerOption = "Zeros",
        alpha_regularizer: KeptOption = None,
        alpha_constraint: KeptOption = None,
        shared_axes: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        none = shared_axes is None or (isinstance(shared_axes, (list, tuple)) and not shared_axes)
        shared_axes = [] if none else axis_list(shared_axes, self.label)
        self._take(locals())

    def build(self, input_shape: Any) -> None:
        """Makes alpha: the sizes of the input, 1 on shared axes."""
        shared = self.shared_axes
        sizes = list(input_shape[1:])
        for axis in shared:
            if not 1 <= axis <= len(sizes):
                raise ShapeError(
                    f"{self.label}: shared_axes={self.shared_axes} must be from 1 to "
                    f"{len(sizes)} for the input shape {tuple(input_shape)}."
                )
            sizes[axis - 1] = 1
        self.alpha = self.add_weight(sizes, self.alpha_initializer, name="alpha")
        own = {i: size for i, size in enumerate(input_shape) if i and i not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=own if shared else {})

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the activation of every element."""
        zero = inputs.dtype.type(0)
        with np.errstate(over="ignore", invalid="ignore"):
            positive, negative = np.maximum(inputs, zero), np.maximum(-inputs, zero)
            return asarray(positive - self.alpha.value * negative)

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call on sequences is streamed: if all steps share their alpha."""
        call.only_sequences()
        if 1 not in self.shared_axes:
            call.refuse(
                f"shared_axes={self.shared_axes} gives every step an alpha of its own; accepted "
                "are shared_axes with 1."
            )
        return call.per_step(())

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "shared_axes": self.shared_axes or None}


@serialization.builtin("keras.layers")
class Softmax(Layer):
    """Computes `exp(x) / sum(exp(x))` over one or more axes.

    Args:
        axis: The axes of the sum.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: Any shape.
        mask: Booleans (or numbers, true above 0.5) that broadcast to the inputs; elements where
            it is false become 0.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Softmax
        >>> x = np.array([[1.0, 5.0, 1.0]], dtype="float32")
        >>> print(Softmax()(x, mask=np.array([True, False, True])))
        [[0.5 0.  0.5]]
    """

    axis: Any

    _casts_integers = True
    masks_elements = True

    def __init__(self, axis: Any = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        axis = axes_option(axis, self.label)
        self._take(locals())
        self.supports_masking = True

    def call(self, inputs: NDArray[Any], mask: Any = None) -> NDArray[Any]:
        """Returns the softmax."""
        if mask is None:
            return over_axes("softmax", inputs, self.axis)
        keep = self._checked_mask(inputs, asarray(mask))
        # Keras's value, not -inf: along an axis that is masked throughout no NaN comes up.
        masked = inputs.dtype.type(-3e4 if inputs.dtype.itemsize < 4 else -1e9)
        outputs = over_axes("softmax", np.where(keep, inputs, masked), self.axis)
        return np.where(keep, outputs, outputs.dtype.type(0))

    def _joined_axes(self, rank: int) -> Sequence[int] | None:
        return axes_of(self.axis, rank)

    def _checked_mask(self, inputs: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
        last = inputs.shape[inputs.ndim - mask.ndim :] if mask.ndim <= inputs.ndim else ()
        if mask.ndim > inputs.ndim or any(
            m not in (1, n) for m, n in zip(mask.shape, last, strict=True)
        ):
            raise ShapeError(
                f"{self.label}: a mask must broadcast to the inputs {inputs.shape}, received "
                f"shape {mask.shape}."
            )
        return mask if mask.dtype.kind == "b" else mask > 0.5

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        try:
            axes_of(self.axis, len(input_shape))
        except ShapeError as error:
            raise ShapeError(f"{self.label}: input shape {tuple(input_shape)}: {error}") from error
        return input_shape
