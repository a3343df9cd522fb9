"""Conv1D, Conv2D, Conv3D, and what all convolution layers have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import activations, constraints, initializers, regularizers, serialization
from rnnext.autodiff.tracing import trace
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.recording import Pullback, Recording
from rnnext.graph.streaming import Streamed, StreamedCall, per_step_with_activation
from rnnext.layers.convolutional.gradients import of_window_product
from rnnext.layers.convolutional.streamed_convolution import StreamedConvolution
from rnnext.layers.convolutional.window_product import WindowProduct
from rnnext.layers.convolutional.windows import Windows
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.integer_options import integers, positive_integer
from rnnext.layers.layer import Layer
from rnnext.layers.spatial import SpatialLayer, standard_padding
from rnnext.layers.variable import Variable

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import (
        ActivationOption,
        InitializerOption,
        KeptOption,
        SizeOption,
        WeightedOptions,
    )

__all__ = ["Conv1D", "Conv2D", "Conv3D", "ConvolutionLayer"]

Array = NDArray[Any]

# Of an array (N, *spatial, C) and the number of windows along each spatial axis.
Convolution = Callable[[NDArray[Any], tuple[int, ...]], NDArray[Any]]

_LINEAR = ("linear",)
# Activations of whole rows: they follow once the output is in its data format.
_ROW_WISE = ("log_softmax", "softmax", "sparsemax")


class ConvolutionLayer(SpatialLayer):
    """Base class of all convolution layers. A mask does not pass them.

    Attributes:
        kernel_size: Size of the window, one number for each spatial axis, as are the next two.
        strides: From one window to the next.
        dilation_rate: From one element of a window to the next.
        padding: "valid", "same", or, where the class accepts it, "causal".
        data_format: "channels_last" or "channels_first".
        activation: The activation of the outputs.
        use_bias: Whether there is a bias.
    """

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    bias_initializer: Any

    _casts_integers = True
    # What a class accepts as padding, and which weights it has options for.
    _paddings: tuple[str, ...] = ("valid", "same")
    _weight_options: tuple[str, ...] = ("kernel", "bias")
    # Options beside those of this class, in the config under their own names.
    _own_options: tuple[str, ...]

    def _init_from_options(self, given: dict[str, Any]) -> None:
        """Makes the layer from its constructor's arguments."""
        Layer.__init__(self, activity_regularizer=given["activity_regularizer"], **given["kwargs"])
        self._set_data_format(given["data_format"])
        for option in ("kernel_size", "strides", "dilation_rate"):
            setattr(self, option, integers(given[option], self.rank, option, self.label))
        self.padding = standard_padding(given["padding"], self._paddings, self.label)
        self._windows = Windows(self.kernel_size, self.strides, self.dilation_rate, self.padding)
        self.activation = activations.get(given["activation"])
        self.use_bias = given["use_bias"]
        for weight in self._weight_options:
            initializer = initializers.get(given[f"{weight}_initializer"])
            setattr(self, f"{weight}_initializer", initializer)
            for option, kind in (("regularizer", regularizers), ("constraint", constraints)):
                setattr(self, f"{weight}_{option}", kind.get(given[f"{weight}_{option}"]))

    def _refuse_strides_with_dilation(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise UnsupportedError(
                f"{self.label}: strides above 1 and a dilation_rate above 1 exclude each other, "
                f"received strides={self.strides}, dilation_rate={self.dilation_rate}."
            )

    def build(self, input_shape: Any) -> None:
        """Makes the weights."""
        channels = self._channels_of(input_shape)
        if channels is None:
            raise ShapeError(f"{self.label}: the number of channels in {input_shape} is not known.")
        self.compute_output_shape(input_shape)
        self._make_weights(channels)
        self.bias: Variable | None = None
        if self.use_bias:
            filters = self._output_channels(channels)
            self.bias = self.add_weight((filters,), self.bias_initializer, name="bias")
        axis = 1 if self._channels_first else -1
        self.input_spec = InputSpec(
            ndim=self.rank + 2, axes={axis: channels}, meaning=self._meaning
        )

    def _make_weights(self, channels: int) -> None:
        """Makes the weights but the bias."""
        raise NotImplementedError

    def _output_channels(self, channels: int) -> int:
        raise NotImplementedError

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the convolved input, in its data format."""
        convolve, finish = self._packed or self._pack()
        counts = self._output_sizes(inputs.shape)
        outputs = convolve(self._to_channels_last(inputs), counts)
        outputs = self._from_channels_last(outputs)
        return outputs if finish is None else finish(outputs)

    def _pack_weights(self) -> tuple[Convolution, Any]:
        """The convolution, and the activation if it does not include it."""
        raise NotImplementedError

    def record(self, recording: Recording, inputs: Array) -> tuple[Array, Pullback]:
        """Convolves so that it can be reversed."""
        counts = self._output_sizes(inputs.shape)
        x = np.ascontiguousarray(self._to_channels_last(inputs))
        sums = self._sums(x, counts)

        def finish(z: Array) -> Any:
            return self.cast_outputs(self.activation(self._from_channels_last(z)))

        outputs, activation_pullback = trace(finish, (sums,), {}, recording)

        def pullback(d_outputs: list[Any]) -> list[Any]:
            (d,) = activation_pullback(d_outputs)
            d = np.ascontiguousarray(d)
            if self.bias is not None:
                total = d.sum(axis=tuple(range(d.ndim - 1)), dtype=np.float64)
                recording.add(self.bias, total.astype(d.dtype))
            return [self._from_channels_last(self._reverse(recording, x, counts, d))]

        return outputs, pullback

    def _sums(self, x: Array, counts: tuple[int, ...]) -> Array:
        """The outputs before the activation, channels-last."""
        raise NotImplementedError

    def _reverse(self, recording: Recording, x: Array, counts: tuple[int, ...], d: Array) -> Array:
        """The gradient of `x` from that of the sums; notes those of the kernels."""
        raise NotImplementedError

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call on sequences is streamed: if every window is within one step."""
        if self._channels_first:
            call.refuse(
                "data_format='channels_first' has channels where a sequence has its steps; "
                "accepted is 'channels_last'."
            )
        if self._windows.extent[0] > 1 or self.strides[0] > 1:
            call.refuse(
                f"padding={self.padding!r} with kernel_size={self.kernel_size} and "
                f"strides={self.strides} needs steps to come or leaves steps out; accepted are a "
                "Conv1D with padding='causal' and strides=1, and windows of one step."
            )
        return per_step_with_activation(call, self.activation)

    def _split_activation(self) -> tuple[Any, Any]:
        """The activation that a kernel applies, and the one that is left to be called."""
        spec = self.activation.spec
        if spec is None or spec[0] in _ROW_WISE:
            return _LINEAR, self.activation
        return spec, None

    def _output_sizes(self, input_shape: Any) -> tuple[Any, ...]:
        """The spatial sizes of the output."""
        counts = self._windows.counts(self._sizes_of(input_shape))
        least = 1 if self.padding == "valid" else 0
        if any(count is not None and count < least for count in counts):
            raise ShapeError(
                f"{self.label}: no window of kernel_size {self.kernel_size} and dilation_rate "
                f"{self.dilation_rate} fits into an input of shape {tuple(input_shape)}."
            )
        return counts

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the outputs."""
        channels = self._channels_of(input_shape)
        filters = None if channels is None else self._output_channels(channels)
        return self._shape(input_shape[0], self._output_sizes(input_shape), filters)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = {
            **super().get_config(),
            **{option: getattr(self, option) for option in self._own_options},
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "activity_regularizer": serialization.serialize(self.activity_regularizer),
        }
        for weight in self._weight_options:
            initializer = getattr(self, f"{weight}_initializer")
            config[f"{weight}_initializer"] = initializers.serialize(initializer)
            for option in (f"{weight}_regularizer", f"{weight}_constraint"):
                config[option] = serialization.serialize(getattr(self, option))
        return config


class Conv(ConvolutionLayer):
    """Slides windows over the spatial axes and multiplies each by a kernel.

    `y[n, i, f] = activation(sum over k, c of x[n, i * strides + k * dilation_rate, c]
    * kernel[k, c, f] + bias[f])`, with as many indices i and k as there are spatial axes.
    A sample has the same bits whatever else is in the batch.

    Args:
        filters: Number of output channels F.
        kernel_size: Size of the window: a number, or one for each axis.
        strides: From one window to the next: a number, or one for each axis.
        padding: "valid": no padding; "same": zeros around, so that with strides 1 the size stays;
            "causal" (Conv1D): zeros before, so that no output depends on later inputs.
        data_format: "channels_last" (also None), (B, *spatial, C), or "channels_first".
        dilation_rate: From one element of a window to the next: a number, or one for each axis.
        groups: Number of groups that channels and filters are divided into.
        activation: See `rnnext.activations.get`; default linear.
        use_bias: Whether there is a bias.
        kernel_initializer: How the kernel (*kernel_size, C / groups, F) starts.
        bias_initializer: How the bias (F,) starts.
        kernel_regularizer: Adds to the loss in training.
        bias_regularizer: Adds to the loss in training.
        activity_regularizer: What training adds to the loss for the outputs.
        kernel_constraint: Applied to it after each training step.
        bias_constraint: Applied to it after each training step.
        lora_rank: Must be None.
        lora_alpha: Must be None.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For a value that is not accepted.
        ShapeError: If no window fits into the input, or groups do not divide its channels.
    """

    kernel_initializer: Any

    _own_options = ("filters", "groups")

    def __init__(
        self,
        filters: int,
        kernel_size: SizeOption,
        strides: SizeOption = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: SizeOption = 1,
        groups: int = 1,
        activation: ActivationOption = None,
        use_bias: bool = True,
        kernel_initializer: InitializerOption = "glorot_uniform",
        bias_initializer: InitializerOption = "zeros",
        kernel_regularizer: KeptOption = None,
        bias_regularizer: KeptOption = None,
        activity_regularizer: KeptOption = None,
        kernel_constraint: KeptOption = None,
        bias_constraint: KeptOption = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Unpack[WeightedOptions],
    ) -> None:
        self._init_from_options(locals())
        for option, value in (("lora_rank", lora_rank), ("lora_alpha", lora_alpha)):
            if value is not None:
                raise UnsupportedError(f"{self.label}: {option}={value!r} is not supported.")
        self.filters = positive_integer(filters, "filters", self.label)
        self.groups = positive_integer(groups, "groups", self.label)
        if self.filters % self.groups:
            raise UnsupportedError(
                f"{self.label}: groups must divide filters, received groups={groups}, "
                f"filters={filters}."
            )
        self._refuse_strides_with_dilation()

    def _make_weights(self, channels: int) -> None:
        if channels % self.groups:
            raise ShapeError(
                f"{self.label}: groups={self.groups} must divide the input's {channels} channels."
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")

    def _output_channels(self, channels: int) -> int:  # noqa: ARG002
        return self.filters

    def _pack_weights(self) -> tuple[Convolution, Any]:
        spec, finish = self._split_activation()
        return self._product(spec), finish

    def _product(self, spec: Any) -> WindowProduct:
        bias = None if self.bias is None else self.bias.value
        return WindowProduct(self._windows, self.kernel.value, bias, spec, self.groups)

    def _sums(self, x: Array, counts: tuple[int, ...]) -> Array:
        return self._product(_LINEAR)(x, counts)

    def _reverse(self, recording: Recording, x: Array, counts: tuple[int, ...], d: Array) -> Array:
        kernel = self.kernel.value
        d_x, d_kernel = of_window_product(self._windows, kernel, x, counts, d, self.groups)
        recording.add(self.kernel, d_kernel)
        return d_x


@serialization.builtin("keras.layers")
class Conv1D(Conv):
    """Convolution over time: (B, T, C) to (B, windows, F). See `Conv` for the arguments.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Conv1D
        >>> layer = Conv1D(1, 2, padding="causal", use_bias=False)
        >>> layer.build((None, None, 1))
        >>> layer.set_weights([np.array([10.0, 1.0]).reshape(2, 1, 1)])
        >>> layer([[[1.0], [2.0], [3.0]]])[0, :, 0]
        array([ 1., 12., 23.], dtype=float32)
    """

    rank = 1
    _paddings = ("valid", "same", "causal")

    @property
    def reads_steps(self) -> bool:  # type: ignore[override]
        """Whether it needs its input as a sequence: causal padding is for nothing else."""
        return self.padding == "causal"

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call on sequences is streamed: with causal padding it remembers inputs."""
        if self._channels_first or self.padding != "causal" or self.strides != (1,):
            return super().streamed(call)
        per_step_with_activation(call, self.activation)
        return Streamed((True,), lambda batch_size: StreamedConvolution(self, batch_size))


@serialization.builtin("keras.layers")
class Conv2D(Conv):
    """Convolution over images: (B, height, width, C) to (B, windows down, windows across, F).

    See `Conv` for the arguments.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Conv2D
        >>> Conv2D(64, 3, strides=2, padding="same")(np.zeros((5, 28, 28, 3))).shape
        (5, 14, 14, 64)
    """

    rank = 2


@serialization.builtin("keras.layers")
class Conv3D(Conv):
    """Convolution over volumes: (B, depth, height, width, C) to (B, windows along each axis, F).

    See `Conv` for the arguments.
    """

    rank = 3
