"""What a call does to the time axis of a sequence that arrives step by step.

A model that is streamed (see `rnnext.Stream`) never has a whole sequence. Of each call in its
graph it must be known whether it works on each step alone, can go on where it was with what it
remembers, or needs steps that are not there. Every layer says so itself, in `streamed`; here is
what they say it with. The time axis is axis 1.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, Protocol

import numpy as np

from rnnext import nest, serialization
from rnnext.errors import UnsupportedError
from rnnext.graph.arguments import CallArguments
from rnnext.graph.operation import Node
from rnnext.graph.tensor import KerasTensor, any_symbolic

__all__ = [
    "Role",
    "Runner",
    "Streamed",
    "StreamedCall",
    "per_step_with_activation",
    "says_how_it_streams",
]

TIME = 1


class Role(enum.Enum):
    """What a tensor is while a model is streamed.

    SEQUENCE has a time axis and comes in steps. LATEST has none and is what the steps so far
    have led to, so every step changes it. GIVEN depends on inputs without a time axis alone.
    """

    SEQUENCE = "a sequence"
    LATEST = "what the steps so far have led to"
    GIVEN = "the same at every step"


class Runner(Protocol):
    """A call that remembers something from step to step; each stream has its own.

    It is called as the layer's `call` is, with consecutive steps (B, t, ...), t >= 0. What it
    returns is no memory that it keeps.

    Attributes:
        memory: All that it remembers. It is replaced and never changed in place, so that what it
            was before a step that failed can be put back.
        state: The same, as the user of a stream sees it: nested lists and dictionaries.
        slots: What `state` may be, for `rnnext.graph.stream_state`.
    """

    memory: Any
    state: Any
    slots: Any

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the outputs of the steps, and goes on."""

    def reset(self) -> None:
        """Goes back to before the first step."""


class Streamed(NamedTuple):
    """How a call is streamed.

    Attributes:
        sequences: For each output, flat, whether it is a sequence; otherwise it is LATEST.
        make_runner: Makes what runs it for a batch size; None: the layer's own `call` does, which
            works on each step alone.
    """

    sequences: tuple[bool, ...]
    make_runner: Callable[[int], Runner] | None = None


class StreamedCall:
    """One call in the graph of a streamed model, a sequence among its arguments.

    Attributes:
        node: The call.
        label: How error messages call the layer.
        named: Its arguments by name.
        tensors: The tensors among them, without masks of steps.
        rank: The largest number of axes of a sequence.
    """

    def __init__(self, node: Node, roles: Mapping[int, Role]) -> None:
        operation: Any = node.operation
        self.node = node
        self._roles = roles
        self.label: str = operation.label
        self.named = CallArguments(type(operation).call, node.args, node.kwargs, self.label).named
        self._masks = [] if operation.masks_elements else _tensors_in(self.named.get("mask"))
        masks = set(map(id, self._masks))
        self.tensors = [t for t in node.input_tensors if id(t) not in masks]
        sequences = [t for t in node.input_tensors if self.role(t) is Role.SEQUENCE]
        self.rank = max(t.ndim for t in sequences)

    def role(self, tensor: KerasTensor) -> Role:
        """Returns what a tensor is."""
        return self._roles[id(tensor)]

    def roles_in(self, structure: Any) -> set[Role]:
        """Returns what the tensors in an argument are."""
        return {self.role(tensor) for tensor in _tensors_in(structure)}

    def refuse(self, reason: str) -> NoReturn:
        """Raises an UnsupportedError that names the layer."""
        raise UnsupportedError(f"{self.label} cannot be streamed: {reason}")

    def raise_not_streamable(self) -> NoReturn:
        """Rejects the call because nothing says that it works on each step alone."""
        own = not serialization.is_builtin(type(self.node.operation))
        self.refuse(
            f"it {'is not known to work' if own else 'does not work'} on each step alone. Accepted "
            "are recurrent layers that read forwards, Conv1D with padding='causal', layers like "
            "Dense that work on each step alone, and layers of your own that say so by "
            "works_on_each_step = True."
        )

    def only_sequences(self) -> None:
        """Rejects the call if a tensor argument is no sequence, or of another number of axes."""
        self._check_masks()
        for tensor in self.tensors:
            if self.role(tensor) is not Role.SEQUENCE:
                self.refuse(
                    f"it joins a sequence with {tensor!r}, which is {self.role(tensor).value}; "
                    "accepted are sequences."
                )
            self._check_rank(tensor)

    def sequences_broadcast(self, aligned_left: bool) -> None:
        """Rejects the call if an elementwise result would not have the steps on its axis 1.

        Args:
            aligned_left: Whether tensors of fewer axes get those that are missing after the
                batch, as in merging layers, and not before it, as in NumPy.
        """
        self._check_masks()
        for tensor in self.tensors:
            role = self.role(tensor)
            if role is Role.LATEST:
                self.refuse(
                    f"it joins a sequence with {tensor!r}, which is {role.value}: earlier steps "
                    "would have to be computed again; accepted are sequences and what is the "
                    "same at every step."
                )
            if role is Role.SEQUENCE:
                self._check_rank(tensor)
            elif not self._is_repeated(tensor.shape, aligned_left):
                self.refuse(
                    f"{tensor!r} has no time axis but would lie along that of a sequence of "
                    f"{self.rank} axes; accepted is a size of 1 there."
                )

    def _is_repeated(self, shape: tuple[int | None, ...], aligned_left: bool) -> bool:
        """Whether a tensor of this shape is the same for every step that it is joined with."""
        if len(shape) == self.rank:
            return shape[TIME] == 1
        return aligned_left and len(shape) < self.rank

    def _check_rank(self, sequence: KerasTensor) -> None:
        if sequence.ndim != self.rank:
            self.refuse(
                f"it joins sequences of {sequence.ndim} and {self.rank} axes; accepted are "
                "sequences of the same number of axes."
            )

    def _check_masks(self) -> None:
        for mask in self._masks:
            if self.role(mask) is not Role.SEQUENCE:
                self.refuse(
                    f"its mask {mask!r} is {self.role(mask).value}; accepted is a mask for each "
                    "step of a sequence."
                )

    def constants_broadcast(self) -> None:
        """Rejects an array that is no tensor of the graph and has numbers for several steps."""
        along = self.rank - TIME  # counted from the end
        for shape in self._shapes_of_constants():
            if len(shape) > self.rank or (len(shape) >= along and shape[-along] != 1):
                self.refuse(
                    f"an array of shape {shape} has numbers of its own for every step; accepted "
                    "is a size of 1 along the time axis."
                )

    def no_constants(self) -> None:
        """Rejects arrays that are no tensors of the graph."""
        for shape in self._shapes_of_constants():
            self.refuse(
                f"it joins a sequence with an array of shape {shape}; accepted are tensors."
            )

    def _shapes_of_constants(self) -> list[tuple[int, ...]]:
        shapes = []
        for value in (*self.node.args, *self.node.kwargs.values()):
            leaves = nest.flatten(value) if any_symbolic(value) else [value]
            shapes += [np.shape(leaf) for leaf in leaves if not isinstance(leaf, KerasTensor)]
        return [shape for shape in shapes if shape]

    def per_step(self, axes: Sequence[int], option: str = "", rank: int | None = None) -> Streamed:
        """Says that the layer's own `call` works on each step alone, or raises.

        Args:
            axes: Axes that the layer mixes, or along which it has per-position weights;
                negative ones count from the end.
            option: The option that says so and its value, for the message.
            rank: The number of axes that `axes` counts; default `self.rank`.

        Raises:
            UnsupportedError: If the time axis is among them.
        """
        if TIME in {axis % (rank or self.rank) for axis in axes}:
            shape = next(t.shape for t in self.tensors if self.role(t) is Role.SEQUENCE)
            if option:
                self.refuse(
                    f"{option} includes the time axis of inputs of shape {shape}; accepted are "
                    "axes from 2 on."
                )
            self.refuse(
                f"it joins elements along the time axis of inputs of shape {shape}; accepted is "
                "what works on each step alone."
            )
        if self.node.operation.stateful:
            self.refuse(
                "stateful=True would change the layer's own states, which a stream leaves "
                "alone; accepted is stateful=False."
            )
        lengths = {t.shape[TIME] for t in self.tensors if t.ndim > TIME} | {None}
        for output in self.node.outputs:
            if output.ndim <= TIME or output.shape[TIME] not in lengths:
                self.refuse(
                    f"an output has shape {output.shape}; accepted are outputs (batch, time, ...) "
                    "with a step for each step of the inputs."
                )
        return Streamed((True,) * len(self.node.outputs))


def _tensors_in(structure: Any) -> list[KerasTensor]:
    return [leaf for leaf in nest.flatten(structure) if isinstance(leaf, KerasTensor)]


def per_step_with_activation(
    call: StreamedCall, activation: Any, axes: Sequence[int] = ()
) -> Streamed:
    """What `StreamedCall.per_step` returns for a layer with an activation.

    Args:
        call: A call of the layer.
        activation: Its activation, an `rnnext.activations.Activation`.
        axes: Along which the layer itself joins elements.

    Raises:
        UnsupportedError: If either works along the time axis, or what the activation does is not
            known.
    """
    call.only_sequences()
    joined = activation.joined_axes
    if joined is None:
        call.refuse(
            f"what its activation {activation.name!r} does to the time axis is not known; accepted "
            "are Keras's activations, and TimeDistributed around the layer."
        )
    streamed = call.per_step(axes)
    output_rank = call.node.outputs[0].ndim
    call.per_step(joined, f"activation={activation.name!r}", output_rank)
    return streamed


# Methods that decide what a layer does to its input, and what a class says about streaming.
_COMPUTES = ("call", "compute_mask", "__call__")
_SAYS = ("streamed", "_joined_axes", "works_on_each_step")


def says_how_it_streams(layer: Any) -> bool:
    """Tells whether what a layer says about streaming was said of the methods that it has.

    What a class says of itself does not hold for a subclass with a `call` of its own.
    """
    if "works_on_each_step" in vars(layer):
        return True
    for cls in type(layer).__mro__:
        if any(name in vars(cls) for name in _SAYS):
            return True
        if any(name in vars(cls) for name in _COMPUTES):
            return False
    return False
