"""EinsumDense: a dense layer over any axes, as an equation names them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnext import _core, activations, constraints, initializers, regularizers, serialization
from rnnext.arrays import asarray, cast
from rnnext.autodiff.tracing import trace
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.recording import Pullback, Recording
from rnnext.graph.streaming import Streamed, StreamedCall, per_step_with_activation
from rnnext.graph.tensor import Shape
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import (
        ActivationOption,
        InitializerOption,
        KeptOption,
        LayerOptions,
    )

__all__ = ["EinsumDense"]

_FORMS = "ab,bc->ac, ...ab,bc->...ac or ab...,bc->ac..."


class _Equation(NamedTuple):
    """Labels of the axes; the elided ones come first (`left`) or last."""

    inputs: str
    kernel: str
    outputs: str
    left: bool
    right: bool


@serialization.builtin("keras.layers")
class EinsumDense(Layer):
    """Computes `activation(einsum(equation, x, kernel) + bias)`.

    Args:
        equation: Labels of the axes of inputs, kernel and outputs, such as "abc,cd->abd". The
            first axis is the batch. Axes may be elided at the left or the right: "...x,xy->...y".
        output_shape: Sizes of the outputs without the batch; None where they are the inputs'.
        activation: See `rnnext.activations.get`; default linear.
        bias_axes: Labels of the output axes that the bias has; None for no bias.
        kernel_initializer: How the kernel starts.
        bias_initializer: How the bias starts.
        kernel_regularizer: Adds to the loss in training.
        bias_regularizer: Adds to the loss in training.
        kernel_constraint: Applied to it after each training step.
        bias_constraint: Applied to it after each training step.
        lora_rank: Must be None.
        lora_alpha: Must be None.
        gptq_unpacked_column_size: Must be None.
        quantization_config: Must be None.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For an equation of another form.
        ShapeError: When built, if equation, inputs and `output_shape` do not fit.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import EinsumDense
        >>> EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de")(np.zeros((8, 5, 3))).shape
        (8, 5, 2, 4)
    """

    _casts_integers = True

    has_kernel = True

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: ActivationOption = None,
        bias_axes: str | None = None,
        kernel_initializer: InitializerOption = "glorot_uniform",
        bias_initializer: InitializerOption = "zeros",
        kernel_regularizer: KeptOption = None,
        bias_regularizer: KeptOption = None,
        kernel_constraint: KeptOption = None,
        bias_constraint: KeptOption = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        for option, value in (
            ("lora_rank", lora_rank),
            ("lora_alpha", lora_alpha),
            ("gptq_unpacked_column_size", gptq_unpacked_column_size),
            ("quantization_config", quantization_config),
        ):
            if value is not None:
                raise UnsupportedError(f"{self.label}: {option}={value!r} is not supported.")
        self.equation = equation
        self._labels = _parse(equation, bias_axes, self.label)
        one = isinstance(output_shape, (int, np.integer))
        self.partial_output_shape = (int(output_shape),) if one else tuple(output_shape)
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Any) -> None:
        """Makes the kernel, of the sizes of its labels, and the bias."""
        sizes, _ = self._sizes(input_shape)
        labels = self._labels
        shape = [sizes[label] for label in labels.kernel]
        if None in shape:
            raise ShapeError(
                f"{self.label}: the sizes of {labels.kernel!r} in {self.equation!r} must be known, "
                f"received input shape {tuple(input_shape)}."
            )
        self.kernel = self.add_weight(shape, self._own_initializer(), name="kernel")  # type: ignore[arg-type]
        self.bias = None
        if self.bias_axes:
            first = min(labels.outputs.index(axis) for axis in self.bias_axes)
            bias = [sizes[c] if c in self.bias_axes else 1 for c in labels.outputs[first:]]
            bias += [1] * (len(input_shape) - len(labels.inputs)) if labels.right else []
            self.bias = self.add_weight(bias, self.bias_initializer, name="bias")  # type: ignore[arg-type]
        offset = len(input_shape) - len(labels.inputs) if labels.left else 0
        axes = {i + offset: sizes[c] for i, c in enumerate(labels.inputs) if c in labels.kernel}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def _own_initializer(self) -> Any:
        """The initializer; one that scales by fans is told which axes of the kernel are which."""
        initializer: Any = self.kernel_initializer
        config = initializer.get_config() if hasattr(initializer, "get_config") else {}
        if "input_axes" not in config or None not in (config["input_axes"], config["output_axes"]):
            return initializer
        kernel, outputs = self._labels.kernel, self._labels.outputs
        axes = {
            "input_axes": [i for i, label in enumerate(kernel) if label not in outputs],
            "output_axes": [i for i, label in enumerate(kernel) if label in outputs],
        }
        return type(initializer)(**{**config, **axes})

    def _sizes(self, input_shape: Any) -> tuple[dict[str, int | None], Shape]:
        """Sizes by label, and the shape of the outputs."""
        labels, shape = self._labels, tuple(input_shape)
        elided = len(shape) - len(labels.inputs)
        if elided < 0 or (elided and not (labels.left or labels.right)):
            raise ShapeError(
                f"{self.label}: {labels.inputs!r} in {self.equation!r} does not fit the input "
                f"shape {shape}."
            )
        before = shape[:elided] if labels.left else ()
        after = shape[len(labels.inputs) :] if labels.right else ()
        sizes = dict(zip(labels.inputs, shape[len(before) :], strict=False))
        # The batch is the first axis, elided or not; output_shape begins after it.
        named = self.partial_output_shape if before else (shape[0], *self.partial_output_shape)
        if len(named) != len(labels.outputs):
            raise ShapeError(
                f"{self.label}: output_shape={self.partial_output_shape} does not fit the outputs "
                f"{labels.outputs!r} of {self.equation!r}."
            )
        for label, size in zip(labels.outputs, named, strict=True):
            known = sizes.setdefault(label, size)
            if None not in (known, size) and known != size:
                raise ShapeError(
                    f"{self.label}: {label!r} of {self.equation!r} is {known} in the input shape "
                    f"{shape} and {size} in output_shape={self.partial_output_shape}."
                )
            sizes[label] = size if known is None else known
        return sizes, (*before, *named, *after)

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the outputs."""
        kernel, finish, new_shape = self._packed or self._pack()
        x = cast(inputs, self.compute_dtype)
        if new_shape is None:
            outputs = self._sums(x)
        else:
            free = x.shape[: x.ndim - self._contracted]
            rows = x.reshape(*free, math.prod(x.shape[x.ndim - self._contracted :]))
            outputs = kernel.run(rows, True).reshape(*free, *new_shape)
        return outputs if finish is None else asarray(finish(outputs))

    def _sums(self, x: NDArray[Any]) -> NDArray[Any]:
        """The outputs before the activation."""
        with np.errstate(over="ignore", invalid="ignore"):
            sums: NDArray[Any] = np.einsum(self.equation, x, self.kernel.value, optimize=True)
            return sums if self.bias is None else sums + self.bias.value

    def record(self, recording: Recording, inputs: NDArray[Any]) -> tuple[Any, Pullback]:
        """Computes by the equation, not the packed kernel, which has no gradient."""

        def function(x: NDArray[Any]) -> Any:
            return self.cast_outputs(self.activation(self._sums(cast(x, self.compute_dtype))))

        return trace(function, (inputs,), {}, recording)

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call on sequences is streamed."""
        return per_step_with_activation(call, self.activation, self._axes_not_free(call.rank))

    def _axes_not_free(self, rank: int) -> list[int]:
        """The axes of the inputs that are summed over, moved, or have weights of their own."""
        labels = self._labels
        elided = rank - len(labels.inputs) if labels.left else 0
        own = labels.kernel + (self.bias_axes or "")
        return [
            elided + i
            for i, label in enumerate(labels.inputs)
            if label in own or labels.outputs.find(label) != i
        ]

    @property
    def _contracted(self) -> int:
        """Number of axes that are summed over."""
        return sum(label not in self._labels.outputs for label in self._labels.kernel)

    def _pack_weights(self) -> tuple[Any, Any, tuple[int, ...] | None]:
        """A dense kernel if the equation is one over the last axes of the inputs.

        Then a row's result has the same bits whatever other rows there are. Returns the kernel,
        the activation if the kernel does not have it, and the sizes of the new axes.
        """
        labels, contracted = self._labels, self._contracted
        summed, new = labels.kernel[:contracted], labels.kernel[contracted:]
        free = labels.inputs[: len(labels.inputs) - contracted]
        over_last_axes = labels.inputs == free + summed and labels.outputs == free + new
        bias_fits = self.bias is None or self.bias.ndim <= len(new)
        spec, finish = self.activation.spec, None
        if spec is None or (len(new) != 1 and "softmax" in spec[0]):
            spec, finish = ("linear",), self.activation
        if not over_last_axes or not bias_fits or labels.right or not new:
            return None, self.activation, None
        new_shape = self.kernel.shape[contracted:]
        bias = None
        if self.bias is not None:
            bias = np.broadcast_to(self.bias.value, new_shape).reshape(-1).copy()
        matrix = self.kernel.value.reshape(-1, math.prod(new_shape))
        return _core.DenseKernel(matrix, bias, spec, weights=self._precision), finish, new_shape

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the outputs' shape."""
        return self._sizes(input_shape)[1]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "output_shape": self.partial_output_shape,
            "equation": self.equation,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": serialization.serialize(self.kernel_regularizer),
            "bias_regularizer": serialization.serialize(self.bias_regularizer),
            "activity_regularizer": serialization.serialize(self.activity_regularizer),
            "kernel_constraint": serialization.serialize(self.kernel_constraint),
            "bias_constraint": serialization.serialize(self.bias_constraint),
            "quantization_config": None,
        }


def _parse(equation: Any, bias_axes: Any, label: str) -> _Equation:
    """The labels of an equation, checked."""
    forms = (
        r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)",
        r"\.\.\.([a-zA-Z]+),([a-zA-Z]+)->\.\.\.([a-zA-Z]+)",
        r"([a-zA-Z]{2,})\.\.\.,([a-zA-Z]+)->([a-zA-Z]+)\.\.\.",
    )
    matches = [re.fullmatch(form, equation) for form in forms] if isinstance(equation, str) else []
    if not any(matches):
        raise UnsupportedError(
            f"{label}: equation must be of the form {_FORMS}, received {equation!r}."
        )
    (match,) = filter(None, matches)
    inputs, kernel, outputs = match.groups()
    for name, labels, known in (
        ("output", outputs, inputs + kernel),
        ("kernel", kernel, inputs + outputs),
        ("bias_axes", bias_axes or "", outputs),
    ):
        unknown = sorted(set(labels) - set(known))
        if unknown:
            raise UnsupportedError(
                f"{label}: {unknown} of {name} {labels!r} occur nowhere else in {equation!r}."
            )
    return _Equation(inputs, kernel, outputs, left=bool(matches[1]), right=bool(matches[2]))
