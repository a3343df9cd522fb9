"""Dense: a matrix product, a bias and an activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core, activations, serialization
from rnnext.arrays import as_array, cast
from rnnext.autodiff.tracing import trace
from rnnext.errors import ShapeError
from rnnext.graph.recording import Pullback, Recording
from rnnext.graph.streaming import Streamed, StreamedCall, per_step_with_activation
from rnnext.layers.input_spec import InputSpec, check_inputs
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import (
        ActivationOption,
        InitializerOption,
        KeptOption,
        WeightedOptions,
    )

__all__ = ["Dense"]

_MEANING = "(batch, ..., features)"


@serialization.builtin("keras.layers")
class Dense(Layer):
    """Computes `activation(x @ kernel + bias)` on the last axis.

    A row's result has the same bits whatever other rows are in the batch.

    Args:
        units: Number of outputs K.
        activation: See `rnnext.activations.get`; default linear.
        use_bias: Whether there is a bias.
        kernel_initializer: How the kernel (D, K) starts.
        bias_initializer: How the bias (K,) starts.
        kernel_regularizer: Adds to the loss in training.
        bias_regularizer: Adds to the loss in training.
        activity_regularizer: What training adds to the loss for the outputs.
        kernel_constraint: Applied to it after each training step.
        bias_constraint: Applied to it after each training step.
        lora_rank: Must be None.
        lora_alpha: Must be None.
        quantization_config: Must be None.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: (..., D) with at least two axes.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Dense
        >>> layer = Dense(1)
        >>> layer.build((None, 2))
        >>> layer.set_weights([np.array([[1.0], [10.0]]), np.array([0.5])])
        >>> layer(np.array([[3.0, 4.0]], dtype="float32"))
        array([[43.5]], dtype=float32)
    """

    units: int
    activation: activations.Activation
    use_bias: bool
    kernel_initializer: Any
    bias_initializer: Any

    makes_new_arrays = True
    _call_checks_input = True
    _casts_integers = True

    has_kernel = True

    def __init__(
        self,
        units: int,
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
        quantization_config: Any = None,
        **kwargs: Unpack[WeightedOptions],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._take(locals())
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=2, meaning=_MEANING)

    def build(self, input_shape: Any) -> None:
        """Makes kernel (D, units) and bias (units,)."""
        features = input_shape[-1]
        if features is None:
            raise ShapeError(f"{self.label}: the last axis of {input_shape} must be known.")
        self.kernel = self.add_weight(
            (features, self.units), self.kernel_initializer, name="kernel"
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias")
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features}, meaning=_MEANING)

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns (..., units)."""
        kernel, finish = self._packed or self._pack()
        outputs: NDArray[Any] | None = kernel.run(inputs, False)
        if outputs is None:  # no plain matrix that fits: made one, or refused
            array = cast(as_array(inputs, f"input of {self.label}"), self.compute_dtype)
            check_inputs(self.input_spec, array, self.label)
            outputs = kernel.run(array, True)
        return outputs if finish is None else as_array(finish(outputs), self.label)

    def record(
        self,
        recording: Recording,
        inputs: Any,
        **kwargs: Any,  # noqa: ARG002
    ) -> tuple[NDArray[Any], Pullback]:
        """Computes as `call` does, so that it can be reversed; see `Operation.record`."""
        activation = activations.get(self.activation)
        spec = activation.spec
        x = cast(as_array(inputs, f"input of {self.label}"), self.compute_dtype)
        check_inputs(self.input_spec, x, self.label)
        kernel, bias = self.kernel.value, None if self.bias is None else self.bias.value
        sums = _core.DenseKernel(kernel, bias, ("linear",)).run(x, True)
        outputs, activation_pullback = _activated(self, activation, spec, sums, recording)

        def pullback(gradients: list[Any]) -> list[Any]:
            d_sums = activation_pullback(np.ascontiguousarray(gradients[0], x.dtype))
            rows = d_sums.reshape(-1, self.units)
            d_kernel = np.zeros_like(kernel)
            _core.add_outer_product(x.reshape(len(rows), -1), rows, d_kernel)
            recording.add(self.kernel, d_kernel)
            if self.bias is not None:
                d_bias = np.zeros((1, self.units), x.dtype)
                _core.add_outer_product(np.ones((len(rows), 1), x.dtype), rows, d_bias)
                recording.add(self.bias, d_bias[0])
            transposed = _core.DenseKernel(np.ascontiguousarray(kernel.T), None, ("linear",))
            return [transposed.run(d_sums, True)]

        return outputs, pullback

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call on sequences is streamed."""
        return per_step_with_activation(call, activations.get(self.activation), axes=(-1,))

    def _pack_weights(self) -> tuple[Any, Any]:
        """The kernel, and the activation if the kernel does not have it."""
        activation = activations.get(self.activation)  # which may have been set since
        spec, finish = activation.spec, None
        if spec is None:
            spec, finish = ("linear",), activation
        bias = None if self.bias is None else self.bias.value
        return _core.DenseKernel(self.kernel.value, bias, spec, weights=self._precision), finish

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns (..., units)."""
        return (*input_shape[:-1], self.units)


def _activated(
    layer: Dense, activation: Any, spec: Any, sums: NDArray[Any], recording: Recording
) -> tuple[NDArray[Any], Callable[[NDArray[Any]], NDArray[Any]]]:
    """What an activation makes of sums, and the gradient of the sums from that of its outputs."""
    if spec is None:  # a function that no kernel knows
        outputs, pullback = trace(activation, (sums,), {}, recording)

        def of_function(d: NDArray[Any]) -> NDArray[Any]:
            (d_sums,) = pullback([d])
            return np.zeros_like(sums) if d_sums is None else np.ascontiguousarray(d_sums)

        return as_array(outputs, layer.label), of_function
    is_linear = spec == ("linear",)
    outputs = sums if is_linear else _core.activate(spec, sums)
    logits = recording.note_logits(layer, spec, sums, outputs)

    def of_formula(d: NDArray[Any]) -> NDArray[Any]:
        is_done = is_linear or (logits is not None and logits.taken)
        return d if is_done else _core.differentiate(spec, sums, outputs, d)

    return outputs, of_formula
