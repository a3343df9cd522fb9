"""TimeDistributed: one layer applied to every time step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.arguments import accepts
from rnnext.graph.operation import MaskRule
from rnnext.graph.recording import Pullback, Recording
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.core.lambda_layer import Lambda
from rnnext.layers.core.wrapper import Wrapper
from rnnext.layers.input_spec import check_inputs
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["TimeDistributed"]

Array = NDArray[Any]


@serialization.builtin("keras.layers")
class TimeDistributed(Wrapper):
    """Applies a layer to every time step of its input, with the same weights.

    Args:
        layer: The layer; it has one input and one output.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: (B, T, ...) of at least three axes.
        mask: (B, T, ...) booleans; the layer gets each step's part of it if its `call` has such
            an argument.
        training: Handed on to the layer if its `call` has such an argument.

    Returns:
        (B, T, ...).

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Conv2D, TimeDistributed
        >>> TimeDistributed(Conv2D(64, 3))(np.zeros((2, 10, 28, 28, 3))).shape
        (2, 10, 26, 26, 64)
    """

    _mask_rule = MaskRule.COMPUTE

    def __init__(self, layer: Layer, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **kwargs)
        self._folds: bool | None = None  # whether all steps take one call; None: not known yet
        self.supports_masking = True

    def weights_changed(self) -> None:
        """Called after an option changed."""
        super().weights_changed()
        self.__dict__["_folds"] = None

    @property
    def reads_ids(self) -> bool:  # type: ignore[override]
        """Whether integer inputs are read as ids."""
        return self.layer.reads_ids

    @property
    def stateful(self) -> bool:
        """Whether the layer keeps its states from step to step and from call to call."""
        return bool(getattr(self.layer, "stateful", False))

    def reset_states(self) -> None:
        """Sets the states of a stateful layer to zero."""
        if hasattr(self.layer, "reset_states"):
            self.layer.reset_states()

    def build(self, input_shape: Any) -> None:
        """Builds the layer for one step."""
        step_shape = self._step_shape(input_shape)
        check_inputs(self.layer.input_spec, KerasTensor(step_shape), self.layer.label)
        super().build(step_shape)

    def _step_shape(self, shape: Any) -> tuple[int | None, ...]:
        sizes = tuple(shape)
        if len(sizes) < 3 or not all(size is None or isinstance(size, int) for size in sizes):
            raise ShapeError(
                f"{self.label} needs one input of at least three axes (batch, time, ...), "
                f"received shape {sizes}."
            )
        return (sizes[0], *sizes[2:])

    def call(self, inputs: Any, training: bool | None = False, mask: Any = None) -> Any:
        """Runs the layer over the steps; see the class."""
        if inputs.ndim < 3:
            self._step_shape(inputs.shape)  # says what is wrong
        kwargs: dict[str, Any] = {}
        if training and accepts(type(self.layer).call, "training"):
            kwargs["training"] = training
        if mask is not None:
            mask = self._checked_mask(mask, inputs.shape)
            if not accepts(type(self.layer).call, "mask"):
                mask = None
        if self._folds is None:  # which takes longer to find than a Dense takes to run
            self.__dict__["_folds"] = _may_fold(self.layer)
        folds = self._folds and not (training and _joins_samples(self.layer))
        if 0 in inputs.shape[:2] or not folds or self.stateful:
            return self._step_by_step(inputs, mask, kwargs)
        # One call for all steps of all samples, which is what the layer is fast at.
        batch, steps = inputs.shape[:2]
        if mask is not None:
            kwargs["mask"] = mask.reshape(batch * steps, *mask.shape[2:])
        outputs = self._run_layer(inputs.reshape(batch * steps, *inputs.shape[2:]), kwargs)
        return outputs.reshape(batch, steps, *outputs.shape[1:])

    def record(
        self,
        recording: Recording,
        inputs: Any,
        training: bool | None = None,
        mask: Any = None,
    ) -> tuple[Any, Pullback]:
        """Computes as `call` does, so that it can be reversed; see `Operation.record`."""
        batch, steps = inputs.shape[:2]
        kwargs: dict[str, Any] = {} if training is None else {"training": training}
        if not accepts(type(self.layer).call, "training"):
            kwargs.pop("training", None)
        if mask is not None:
            accepted = accepts(type(self.layer).call, "mask")
            mask = self._checked_mask(mask, inputs.shape) if accepted else None
        is_training = recording.training if training is None else training
        folds = _may_fold(self.layer) and not (is_training and _joins_samples(self.layer))
        if not folds or self.stateful:
            return self._record_steps(recording, inputs, mask, kwargs)
        if mask is not None:
            kwargs["mask"] = mask.reshape(batch * steps, *mask.shape[2:])
        folded = inputs.reshape(batch * steps, *inputs.shape[2:])
        outputs, inner = self.layer.record(recording, folded, **kwargs)

        def pullback(gradients: list[Any]) -> list[Any]:
            d = gradients[0]
            (d_x, *_) = inner([None if d is None else np.reshape(d, outputs.shape)])
            return [None if d_x is None else d_x.reshape(inputs.shape)]

        return outputs.reshape(batch, steps, *outputs.shape[1:]), pullback

    def _record_steps(
        self, recording: Recording, inputs: Array, mask: Array | None, kwargs: dict[str, Any]
    ) -> tuple[Any, Pullback]:
        """Records the layer step by step; states go from one to the next, gradients do not."""
        outputs, inner = [], []
        for t in range(inputs.shape[1]):
            if mask is not None:
                kwargs["mask"] = mask[:, t]
            y, pullback = self.layer.record(recording, np.ascontiguousarray(inputs[:, t]), **kwargs)
            outputs.append(self._one_output(y))
            inner.append(pullback)

        def reverse(gradients: list[Any]) -> list[Any]:
            d, d_inputs = gradients[0], np.zeros(inputs.shape, inputs.dtype)
            for t in reversed(range(len(inner))):
                (d_x, *_) = inner[t]([None if d is None else np.ascontiguousarray(d[:, t])])
                if d_x is not None:
                    d_inputs[:, t] = d_x
            return [d_inputs]

        return np.stack(outputs, axis=1), reverse

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return ()

    def _step_by_step(self, inputs: Array, mask: Array | None, kwargs: dict[str, Any]) -> Array:
        if inputs.shape[1] == 0:
            shape = self.compute_output_shape(inputs.shape)
            return np.zeros([0 if size is None else size for size in shape], self.compute_dtype)
        outputs = []
        for t in range(inputs.shape[1]):
            if mask is not None:
                kwargs["mask"] = mask[:, t]
            outputs.append(self._run_layer(np.ascontiguousarray(inputs[:, t]), kwargs))
        return np.stack(outputs, axis=1)

    def _run_layer(self, x: Array, kwargs: dict[str, Any]) -> Array:
        return self._one_output(self.layer(x, **kwargs))

    def _one_output(self, y: Any) -> Array:
        if isinstance(y, (list, tuple, dict)):
            raise UnsupportedError(
                f"{self.label}: the layer must have one output, {self.layer.label} returned "
                f"{len(y)}."
            )
        return np.asarray(y)  # a mask that the layer attached is not the sequence's

    def _checked_mask(self, mask: Any, shape: tuple[int, ...]) -> Array:
        array = np.asarray(mask, dtype=np.bool_)
        if array.shape[:2] != shape[:2]:
            raise ShapeError(
                f"mask of {self.label}: expected shape {shape[:2]}, maybe with further axes, "
                f"received {array.shape}."
            )
        return array

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Returns the mask of the outputs.

        Keras 3 returns the input's whatever its rank, which no later layer can use where the
        steps' own axes are gone, as behind `TimeDistributed(LSTM(4))`. There, as in Keras 2, a
        step counts if any part of it does.
        """
        if previous_mask is None or isinstance(previous_mask, KerasTensor):
            return previous_mask
        mask = np.asarray(previous_mask)
        axes = max(len(self.compute_output_shape(inputs.shape)) - 1, 2)
        return mask if mask.ndim <= axes else mask.any(axis=tuple(range(2, mask.ndim)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the outputs."""
        return self._output_spec(KerasTensor(input_shape, self.compute_dtype)).shape

    def compute_output_spec(self, inputs: Any, **_kwargs: Any) -> KerasTensor:
        """Returns a symbolic tensor like the output."""
        return self._output_spec(inputs)

    def _output_spec(self, inputs: KerasTensor) -> KerasTensor:
        step = KerasTensor(self._step_shape(inputs.shape), inputs.dtype)
        spec = self.layer.compute_output_spec(step)
        if not isinstance(spec, KerasTensor):
            raise UnsupportedError(
                f"{self.label}: the layer must have one output, {self.layer.label} has {len(spec)}."
            )
        batch, *sizes = spec.shape
        return KerasTensor((batch, inputs.shape[1], *sizes), spec.dtype, self.name)


def _joins_samples(layer: Layer) -> bool:
    """Whether what a layer computes in training depends on the other samples of the batch."""
    return any(inner.joins_samples_in_training for inner in layer._with_descendants())


def _may_fold(layer: Layer) -> bool:
    """Whether a layer treats every sample alone, so that the steps may be samples, too.

    What a user wrote may not, nor may an operation of a functional model; states go from step to
    step; and some layers can be told to work along the batch axis.
    """
    if not serialization.is_builtin(type(layer)) or isinstance(layer, Lambda):
        return False
    axis = getattr(layer, "axis", None)
    along_batch = 0 in axis if isinstance(axis, (list, tuple)) else axis == 0
    if along_batch or getattr(layer, "stateful", False):
        return False
    return all(
        isinstance(inner, Layer) and _may_fold(inner)
        for inner in getattr(layer, "operations", layer._layers)
    )
