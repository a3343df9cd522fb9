"""Bidirectional: a recurrent layer that reads its input in both directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, serialization
from rnnext._core import concatenate_directions
from rnnext.arrays import cast
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.arguments import CallArguments, accepts
from rnnext.graph.masked_array import mask_of
from rnnext.graph.operation import MaskRule
from rnnext.graph.recording import Pullback, Recording
from rnnext.graph.streaming import Streamed, StreamedCall
from rnnext.layers.layer import Layer
from rnnext.layers.rnn.rnn import RNN

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from rnnext.layers.option_types import LayerOptions
    from rnnext.layers.rnn.trace import Traces

__all__ = ["Bidirectional"]

Array = NDArray[Any]

_MERGES: dict[str | None, Callable[[Array, Array], Any]] = {
    "concat": lambda forward, backward: np.concatenate([forward, backward], axis=-1),
    "sum": lambda forward, backward: forward + backward,
    "mul": lambda forward, backward: forward * backward,
    "ave": lambda forward, backward: (forward + backward) / 2,
    None: lambda forward, backward: (forward, backward),
}


def _reversed(pull: Pullback, gradients: list[Any], count: int) -> list[Any]:
    """The gradients of the first arguments; of an output that nobody reads there are none.

    Its weights have no gradient then. Zeros would not do: some optimizers move weights by them.
    """
    if all(gradient is None for gradient in gradients):
        return [None] * count
    return pull(gradients)[:count]  # the mask, which comes last, has none


def _sum(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _runs_on_kernel(layer: Layer, masked: bool) -> bool:
    return isinstance(layer, RNN) and layer.runs_on_kernel(masked)


@serialization.builtin("keras.layers")
class Bidirectional(Layer):
    """Runs a recurrent layer forwards and another one like it backwards, and merges the outputs.

    With return_sequences, the outputs of both are in the order of the input, and masked steps
    output zeros whatever the layers' own `zero_output_for_mask` says, as in Keras 3.

    Args:
        layer: A recurrent layer. Not itself but a new one of the same config is used; it is
            the attribute `forward_layer`.
        merge_mode: How outputs are merged: "concat", "sum", "mul", "ave" (mean), or None: they
            are returned one after the other.
        weights: Must be None; use `set_weights`: the forward layer's, then the backward layer's.
        backward_layer: The layer that reads backwards; default one like `layer`. It must differ
            from it in `go_backwards`, and agree in what it returns.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        sequences: (B, T, D).
        initial_state: The forward layer's states, then the backward layer's.
        mask: (B, T) booleans, False for steps to skip.
        training: Whether the layers drop what their `dropout` and `recurrent_dropout` say.
        constants: Given to both layers; see `RNN`.

    Returns:
        Output (B, size) or, with return_sequences, (B, T, size); two of them for merge_mode None.
        With return_state a tuple of output, forward states and backward states.

    Raises:
        UnsupportedError: If an option or a layer is none of these.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import LSTM, Bidirectional
        >>> Bidirectional(LSTM(4, return_sequences=True))(np.zeros((2, 5, 3))).shape
        (2, 5, 8)
    """

    makes_new_arrays = True
    _casts_integers = True
    _known_quirks = frozenset({"masked_with_states", "repeats_masked_outputs"})
    reads_steps = True

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if merge_mode not in _MERGES:
            raise UnsupportedError(
                f"{self.label}: merge_mode must be one of {list(_MERGES)}, received {merge_mode!r}."
            )
        if weights is not None:
            raise UnsupportedError(f"{self.label}: weights must be None; use set_weights().")
        self._check_recurrent("layer", layer)
        self.merge_mode = merge_mode
        self.forward_layer = _renamed_copy(layer, "forward_")
        if backward_layer is None:
            backward_layer = _renamed_copy(layer, "backward_", go_backwards=True)
        self._check_recurrent("backward_layer", backward_layer)
        self.backward_layer = backward_layer
        self._check_pair()
        repeats = self.quirks.repeats_masked_outputs
        for each in (self.forward_layer, self.backward_layer):
            if hasattr(each, "zero_output_for_mask"):
                each.zero_output_for_mask = each.return_sequences and not repeats
        self.stateful = self.forward_layer.stateful
        self.return_sequences = self.forward_layer.return_sequences
        # A last output alone is the same under either rule.
        self.quirks = self.quirks.with_(repeats_masked_outputs=repeats and self.return_sequences)
        self.return_state = self.forward_layer.return_state
        self.supports_masking = True
        self.input_spec = self.forward_layer.input_spec
        self._call_checks_input = (
            self.forward_layer._call_checks_input and self.backward_layer._call_checks_input
        )

    def streamed(self, call: StreamedCall) -> Streamed:
        """Rejects sequences: half of every output comes from the end."""
        call.refuse(
            "its backward layer reads from the end; accepted are recurrent layers that read "
            "forwards."
        )

    def _check_recurrent(self, argument: str, layer: Any) -> None:
        if not isinstance(layer, Layer):
            raise UnsupportedError(f"{self.label}: {argument} must be a layer, received {layer!r}.")
        for option in ("go_backwards", "return_sequences", "return_state", "stateful"):
            if not hasattr(layer, option):
                raise UnsupportedError(
                    f"{self.label}: {argument} must be a recurrent layer; {layer.label} has no "
                    f"{option}."
                )

    def _check_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise UnsupportedError(
                f"{self.label}: layer and backward_layer must differ in go_backwards, received "
                f"go_backwards={forward.go_backwards} for both."
            )
        for option in ("stateful", "return_sequences", "return_state"):
            one, other = getattr(forward, option), getattr(backward, option)
            if one != other:
                raise UnsupportedError(
                    f"{self.label}: layer and backward_layer must agree in {option}, received "
                    f"{one} and {other}."
                )

    def build(
        self,
        sequences_shape: Any,
        initial_state_shape: Any = None,  # noqa: ARG002
        constants_shape: Any = None,
    ) -> None:
        """Builds both layers for inputs (B, T, D)."""
        more = {} if constants_shape is None else {"constants_shape": constants_shape}
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape, **more)
        self.input_spec = self.forward_layer.input_spec
        self.compute_output_shape(sequences_shape)

    # States ------------------------------------------------------------------------------------

    @property
    def states(self) -> tuple[Any, ...] | None:
        """The states of a stateful layer: forward, then backward; None if it keeps none."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        return None if forward is None or backward is None else (*forward, *backward)

    def reset_states(self) -> None:
        """Sets the states of a stateful layer to zero."""
        self.forward_layer.reset_states()
        self.backward_layer.reset_states()

    def reset_state(self) -> None:
        """The same as `reset_states`."""
        self.reset_states()

    def _halves(self, initial_state: Any) -> tuple[Any, Any]:
        """The forward and the backward layer's part of a list of states."""
        if not isinstance(initial_state, (list, tuple)) or len(initial_state) % 2:
            received = len(initial_state) if isinstance(initial_state, (list, tuple)) else 1
            raise ShapeError(
                f"{self.label}: initial_state must be a list of the forward layer's states and as "
                f"many of the backward layer's, received {received}."
            )
        half = len(initial_state) // 2
        return initial_state[:half], initial_state[half:]

    # Calling -----------------------------------------------------------------------------------

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
        constants: Any = None,
    ) -> Any:
        """Runs both layers over the sequences; see the class."""
        states = (None, None) if initial_state is None else self._halves(initial_state)
        return self._outputs(*self._run_both(sequences, states, mask, training, constants))

    def _outputs(self, forward: Any, backward: Any) -> Any:
        """What a call returns, from what both layers returned."""
        new_states: tuple[Any, ...] = ()
        if self.return_state:
            forward, *forward_states = forward
            backward, *backward_states = backward
            new_states = (*forward_states, *backward_states)
        output = self._merged(*(cast(y, self.compute_dtype) for y in (forward, backward)))
        if self.merge_mode is None:
            return (*output, *new_states)
        return (output, *new_states) if self.return_state else output

    def record(
        self,
        recording: Recording,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        **kwargs: Any,
    ) -> tuple[Any, Pullback]:
        """Computes as `call` does, so that it can be reversed; see `Operation.record`."""
        halves = (None, None) if initial_state is None else self._halves(initial_state)
        (forward, pull_forward), (backward, pull_backward) = (
            layer.recorded(recording, sequences, initial_state=state, mask=mask, **kwargs)
            for layer, state in zip((self.forward_layer, self.backward_layer), halves, strict=True)
        )
        forward, *forward_states = forward if self.return_state else [forward]
        backward, *backward_states = backward if self.return_state else [backward]
        given_back, states = len(forward_states), (*forward_states, *backward_states)
        states_of_one = 0 if initial_state is None else len(nest.flatten(halves[0]))
        constants = 0
        if kwargs.get("constants") is not None:
            constants = len(nest.flatten(kwargs["constants"]))
        forward, backward = (cast(y, self.compute_dtype) for y in (forward, backward))
        merged = self._merged(forward, backward)

        def pullback(gradients: list[Any]) -> list[Any]:
            outputs = 2 if self.merge_mode is None else 1
            d_forward, d_backward = self._unmerged(gradients[:outputs], forward, backward)
            d_states = gradients[outputs:]
            # Of the leaves, in the order of the arguments' names: constants before states.
            count = 1 + constants + states_of_one
            one = _reversed(pull_forward, [d_forward, *d_states[:given_back]], count)
            other = _reversed(pull_backward, [d_backward, *d_states[given_back:]], count)
            both = map(_sum, one[: 1 + constants], other[: 1 + constants])
            return [*both, *one[1 + constants :], *other[1 + constants :]]

        if self.merge_mode is None:
            return (*merged, *states), pullback
        return ((merged, *states) if self.return_state else merged), pullback

    def trace(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, constants: Any = None
    ) -> Traces:
        """Runs both layers over the sequences and returns what each computed at every step.

        Args:
            sequences: (B, T, D), as for a call; so are the others.
            initial_state: The forward layer's states, then the backward layer's.
            mask: (B, T) booleans, False for steps to skip.
            constants: Arrays for cells that take them.

        Returns:
            `Traces` of `forward` and `backward`, each in the order in which it takes the steps.

        Raises:
            UnsupportedError: If a layer inside has no `trace`.
        """
        from rnnext.layers.rnn.trace import Traces  # few programs need it

        self._ensure_built(CallArguments(type(self).call, (sequences,), {}, self.label))
        if mask is None and initial_state is None:
            mask = mask_of(sequences)
        states = (None, None) if initial_state is None else self._halves(initial_state)
        parts: dict[str, Any] = {}
        layers = {"forward": self.forward_layer, "backward": self.backward_layer}
        for (name, layer), state in zip(layers.items(), states, strict=True):
            if not isinstance(layer, RNN):
                raise UnsupportedError(
                    f"{self.label}: {layer.label} has no trace; accepted are recurrent layers over "
                    "cells."
                )
            parts[name] = layer.trace(sequences, state, mask, constants)
        outputs = self._outputs(parts["forward"].outputs, parts["backward"].outputs)
        return Traces(self.label, parts, outputs)

    def _unmerged(self, gradients: list[Any], forward: Array, backward: Array) -> tuple[Any, Any]:
        """The gradients of both layers' outputs, as they come, from those of the merged ones."""
        d, mode = gradients[0], self.merge_mode
        other = backward[:, ::-1] if self.return_sequences else backward
        if mode is None:
            d_forward, d_backward = gradients
        elif d is None:
            return None, None
        elif mode == "concat":
            units = forward.shape[-1]
            d_forward, d_backward = d[..., :units], d[..., units:]
        elif mode == "mul":
            d_forward, d_backward = d * other, d * forward
        else:
            d_forward = d_backward = d if mode == "sum" else d / 2
        if self.return_sequences and d_backward is not None:
            d_backward = d_backward[:, ::-1]
        return d_forward, d_backward

    def _merged(self, forward: Array, backward: Array) -> Any:
        """Both layers' outputs, contiguous and as they come, in the order of the input."""
        if not self.return_sequences:
            return _MERGES[self.merge_mode](forward, backward)
        if self.merge_mode == "concat" and forward.ndim == backward.ndim == 3:
            return concatenate_directions(forward, backward)
        return _MERGES[self.merge_mode](forward, backward[:, ::-1])

    def _run_both(
        self, sequences: Any, states: tuple[Any, Any], mask: Any, training: bool, constants: Any
    ) -> tuple[Any, Any]:
        """What each layer returns."""
        layers = (self.forward_layer, self.backward_layer)
        plain = constants is None and not training
        if plain and all(_runs_on_kernel(layer, mask is not None) for layer in layers):
            if states == (None, None):
                outputs: tuple[Any, Any] | None = self._run_plain(*layers, sequences, mask)
                if outputs is not None:
                    return outputs
            (kernel, x, *arguments), (other, other_x, *other_arguments) = (
                layer.kernel_call(sequences, state, mask, training)
                for layer, state in zip(layers, states, strict=True)
            )
            if x.dtype != other_x.dtype:
                return kernel.run(x, *arguments), other.run(other_x, *other_arguments)
            (state, mask, flags), (other_state, _, other_flags) = arguments, other_arguments
            pair: tuple[Any, Any] = kernel.run_pair(
                x, mask, state, flags, other, other_state, other_flags
            )
            return pair
        forward, backward = (
            self._run(layer, sequences, state, mask, training, constants)
            for layer, state in zip(layers, states, strict=True)
        )
        return forward, backward

    @staticmethod
    def _run_plain(forward: RNN, backward: RNN, sequences: Any, mask: Any) -> Any:
        """What each layer returns, or None unless the arrays are just what the kernels read."""
        return forward._runner().run_pair(
            sequences,
            mask,
            None,
            forward.kernel_flags(),
            backward._runner(),
            None,
            backward.kernel_flags(),
        )

    @staticmethod
    def _run(
        layer: Layer, sequences: Any, state: Any, mask: Any, training: bool, constants: Any
    ) -> Any:
        kwargs: dict[str, Any] = {}
        if state is not None:
            kwargs["initial_state"] = state
        if mask is not None and accepts(type(layer).call, "mask"):
            kwargs["mask"] = mask
        if training and accepts(type(layer).call, "training"):
            kwargs["training"] = training
        if constants is not None:
            kwargs["constants"] = constants
        return layer.call(sequences, **kwargs)

    # Shapes, masks, config -----------------------------------------------------------------------

    @property
    def mask_rule(self) -> MaskRule:
        """Sequences of outputs keep the mask; a last output and states have none."""
        if type(self).compute_mask is not Bidirectional.compute_mask:
            return super().mask_rule
        if not self.return_sequences:
            return MaskRule.DROP
        one_output = not self.return_state and self.merge_mode is not None
        return MaskRule.KEEP if one_output else MaskRule.COMPUTE

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:  # noqa: ARG002
        """Returns the mask for sequences of outputs; there is none for last outputs or states."""
        mask = nest.flatten(previous_mask)[0] if previous_mask is not None else None
        mask = mask if self.return_sequences else None
        outputs = [mask] if self.merge_mode is not None else [mask, mask]
        if not self.return_state:
            return outputs[0] if self.merge_mode is not None else outputs
        states = nest.flatten([self.forward_layer.state_size, self.backward_layer.state_size])
        return [*outputs, *(None for _ in states)]

    def compute_output_shape(
        self,
        sequences_shape: Any,
        initial_state_shape: Any = None,  # noqa: ARG002
    ) -> Any:
        """Returns the shapes of the output or outputs, and of the states with return_state."""
        forward = self.forward_layer.compute_output_shape(sequences_shape)
        backward = self.backward_layer.compute_output_shape(sequences_shape)
        states: tuple[Any, ...] = ()
        if self.return_state:
            states = (*forward[1:], *backward[1:])
            forward, backward = forward[0], backward[0]
        if self.merge_mode is None:
            return (forward, backward, *states)
        if self.merge_mode == "concat":
            output = (*forward[:-1], forward[-1] + backward[-1])
        elif forward == backward:
            output = forward
        else:
            raise ShapeError(
                f"{self.label}: merge_mode {self.merge_mode!r} needs outputs of one shape, the "
                f"layers return {forward} and {backward}."
            )
        return (output, *states) if self.return_state else output

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "merge_mode": self.merge_mode,
            "layer": serialization.serialize(self.forward_layer),
            "backward_layer": serialization.serialize(self.backward_layer),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Makes the layer from what `get_config` returned, with `custom_objects` of its names."""
        config = dict(config)
        for key in ("layer", "backward_layer"):
            if key in config:
                config[key] = serialization.deserialize(config[key], custom_objects)
        return cls(**config)


def _renamed_copy(layer: Layer, prefix: str, **changes: Any) -> Any:
    name = prefix + layer.name.removeprefix(prefix)
    # As in Keras, a cell that stands twice in the layer is two cells in the copy.
    return serialization.copy_from_config(layer, keep_shared=False, name=name, **changes)
