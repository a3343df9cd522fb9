"""RNN: any cell, run over the time axis of its input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, serialization
from rnnext._core import (
    GO_BACKWARDS,
    RETURN_SEQUENCES,
    RETURN_STATE,
    STRICT,
    ZERO_OUTPUT_FOR_MASK,
    RecurrentKernel,
    compiled_call,
)
from rnnext.arrays import as_array, cast
from rnnext.autodiff.tape import shortcut
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.arguments import CallArguments, positional_arguments
from rnnext.graph.masked_array import mask_of
from rnnext.graph.operation import MaskRule
from rnnext.graph.recording import Pullback, Recording
from rnnext.graph.streaming import Role, Streamed, StreamedCall
from rnnext.layers.input_spec import InputSpec, check_inputs
from rnnext.layers.layer import Layer
from rnnext.layers.rnn.call_checks import (
    check_batch_size,
    checked_constants,
    checked_mask,
    checked_states,
)
from rnnext.layers.rnn.cell import RecurrentCell
from rnnext.layers.rnn.cell_protocol import (
    build_cell,
    check_cell,
    initial_states,
    listed,
    output_shape,
    state_shapes,
)
from rnnext.layers.rnn.dropout_cell import drops_anything
from rnnext.layers.rnn.kernel_cell import KernelCell, has_kernel
from rnnext.layers.rnn.kernel_stack import KernelStack
from rnnext.layers.rnn.masked_outputs import with_initial_state, with_mirrored_zeros
from rnnext.layers.rnn.recorded_rnn import gradients_in_order, record_run
from rnnext.layers.rnn.stacked_rnn_cells import StackedRNNCells, stacks_kernels
from rnnext.layers.rnn.step_loop import StepLoop
from rnnext.layers.rnn.streamed_rnn import StreamedRNN
from rnnext.layers.weight_budget import weight_budget

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from rnnext.layers.option_types import LayerOptions
    from rnnext.layers.rnn.trace import Trace, Traces

__all__ = ["RNN"]

Array = NDArray[Any]


@serialization.builtin("keras.layers")
class RNN(Layer):
    """Runs a cell over a sequence.

    Args:
        cell: A cell (`LSTMCell`, ... or any object with `state_size` and
            `call(inputs, states) -> (output, new_states)`), or a list of cells to stack. It may
            have `output_size` and `get_initial_state`, and `call` may take `training` and
            `constants`.
        return_sequences: Whether to return the output of every step, or the last one.
        return_state: Whether to return the last states after the output.
        go_backwards: Whether to read the sequence from its end. Outputs are in reading order.
        stateful: Whether a call starts from the states the one before ended with. The batch size
            must then be known when the layer is built, and calls must not be made from several
            threads at once.
        unroll: Accepted. It makes no difference but the one of TensorFlow: with `go_backwards`,
            `return_sequences` and `zero_output_for_mask` the zeros are where the mask, read
            forwards, has its masked steps, although the steps are taken backwards.
        zero_output_for_mask: Whether masked steps output zeros instead of the output before.
        **kwargs: Arguments of `Layer`; `input_length` and `input_dim` are the sizes of the first
            layer's input, as in Keras 2.

    Call arguments:
        sequences: (B, T, D), T >= 1.
        initial_state: The states to start from, each (B, size); default zeros.
        mask: (B, T) booleans, False for steps to skip. It comes from the input's mask if it is
            not given; with an initial_state, as in Keras 3, it must be given.
        training: Whether the cell drops what its `dropout` and `recurrent_dropout` say.
        constants: Arrays that a cell of your own gets at every step, as `constants`, as in
            Keras 2. Beside them the input's mask is used as if they were not there.

    Returns:
        Output (B, size), or (B, T, size) with return_sequences. With return_state a tuple of the
        output and the states.

    Raises:
        UnsupportedError: If `cell` is no cell, or a list with something that is none.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import RNN
        >>> class RunningSum:
        ...     state_size = 2
        ...
        ...     def call(self, inputs, states):
        ...         total = states[0] + inputs
        ...         return total, [total]
        >>> RNN(RunningSum(), return_sequences=True)(np.ones((1, 3, 2)))
        array([[[1., 1.],
                [2., 2.],
                [3., 3.]]], dtype=float32)
    """

    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    unroll: bool
    zero_output_for_mask: bool

    _call_checks_input = True
    _casts_integers = True
    _more_options = frozenset({"input_length", "zero_output_for_mask"})
    _known_quirks = frozenset({"masked_with_states", "outputs_initial_state"})
    reads_steps = True
    _meaning = "(batch, time, features)"
    _advice = (
        "A recurrent layer before it returns sequences if return_sequences=True; "
        "a single sequence x is a batch as x[np.newaxis]."
    )
    # The kernel's flags while a call of one plain array may go straight to it, else None.
    _direct_flags: int | None = None

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell, dtype=self.dtype_policy)
        check_cell(cell, self.label)
        self.cell = cell
        self._cell_has_kernel = has_kernel(cell)
        # bool() also for NumPy's and for 0 and 1 in old configs: the kernels want Python's own.
        return_sequences, return_state = bool(return_sequences), bool(return_state)
        go_backwards, stateful = bool(go_backwards), bool(stateful)
        unroll, zero_output_for_mask = bool(unroll), bool(zero_output_for_mask)
        self._take(locals(), without=("cell",))
        self.states: Any = None
        self._plain_flags: int | None = None
        self.supports_masking = True
        self.input_spec = self._spec_of_sequences(min_ndim=3)

    def _pop_input_shape(self, kwargs: Any) -> tuple[int | None, ...] | None:
        if "input_length" in kwargs or "input_dim" in kwargs:  # as in Keras 2
            sizes = (kwargs.pop("input_length", None), kwargs.pop("input_dim", None))
            kwargs.setdefault("input_shape", sizes)
        return super()._pop_input_shape(kwargs)

    @property
    def state_size(self) -> list[Any]:
        """Sizes of the states, as a list."""
        size = self.cell.state_size
        return list(size) if nest.is_nested(size) else [size]

    def _spec_of_sequences(self, **sizes: Any) -> InputSpec:
        return InputSpec(meaning=self._meaning, advice=self._advice, **sizes)

    def build(
        self,
        sequences_shape: Any,
        initial_state_shape: Any = None,  # noqa: ARG002
        constants_shape: Any = None,
    ) -> None:
        """Builds the cell for inputs (B, T, D), and the states of a stateful layer."""
        build_cell(self.cell, (sequences_shape[0], *sequences_shape[2:]), constants_shape)
        if isinstance(self.cell, KernelCell):
            self.input_spec = self._spec_of_sequences(ndim=3, axes={-1: sequences_shape[-1]})
        if self.stateful and self.states is None:
            if sequences_shape[0] is None:
                raise ShapeError(
                    f"{self.label}: stateful=True needs a known batch size, e.g. "
                    f"Input(batch_shape=...); received shape {tuple(sequences_shape)}."
                )
            self._count_states(sequences_shape[0])
            self.states = self.get_initial_state(sequences_shape[0])

    def _count_states(self, batch_size: int) -> None:
        """Adds the states to the bytes that a model from a file may take."""
        budget = weight_budget()
        if budget is not None:
            for state in nest.flatten(self.get_initial_state(1)):
                budget.spend((batch_size, *state.shape[1:]), state.dtype, self.label)

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """Returns the states a call starts from: what the cell says, else zeros."""
        return listed(initial_states(self.cell, batch_size, self.compute_dtype))

    def reset_states(self) -> None:
        """Sets the states of a stateful layer to zero."""
        if self.states is not None:
            self.states = nest.map_structure(np.zeros_like, self.states)

    def reset_state(self) -> None:
        """The same as `reset_states`."""
        self.reset_states()

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
        constants: Any = None,
    ) -> Any:
        """Runs the cell over the sequences; see the class."""
        flags = self._plain_flags
        if flags is not None and initial_state is None and not training and constants is None:
            output = (self.cell._packed or self.cell._pack()).run(sequences, None, mask, flags)
            if output is not None:
                return output
        return self._call_slow_path(sequences, initial_state, mask, training, constants)

    def weights_changed(self) -> None:
        """Called after an option changed."""
        super().weights_changed()
        self.__dict__["_plain_flags"] = None  # to be found again by the next call
        self.__dict__["_direct_flags"] = None

    def _after_first_call(self) -> None:
        super()._after_first_call()
        self._find_direct_flags()

    def _find_plain_flags(self) -> None:
        """Notes how the kernel is called without states, if there is one."""
        as_it_comes = self.states is None and not self._zeros_are_mirrored
        if as_it_comes and isinstance(self._runner(), RecurrentKernel):
            self.__dict__["_plain_flags"] = self.kernel_flags()
            self._find_direct_flags()

    def _find_direct_flags(self) -> None:
        """Bypass call() unless a subclass overrides it."""
        if self._direct and getattr(self.call, "__func__", None) is RNN.call:
            self.__dict__["_direct_flags"] = self._plain_flags

    def kernel_flags(self) -> int:
        """Returns the layer's options as `RecurrentKernel.run` takes them."""
        return (
            RETURN_SEQUENCES * self.return_sequences
            + RETURN_STATE * self.return_state
            + GO_BACKWARDS * self.go_backwards
            + ZERO_OUTPUT_FOR_MASK * self.zero_output_for_mask
        )

    def _runner(self, training: bool = False, constants: Any = None) -> Any:
        """What runs the cell over a sequence: its kernels if it has any, else a loop over steps."""
        cell = self.cell
        if self._cell_has_kernel:
            runner = cell._packed or cell._pack()
            if not training or not isinstance(runner, StepLoop):
                return runner
        elif stacks_kernels(cell, self.compute_dtype):
            return KernelStack(cell)
        return StepLoop(cell, training, constants)

    def _call_slow_path(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool, constants: Any
    ) -> Any:
        runner, *arguments = self.kernel_call(sequences, initial_state, mask, training, constants)
        if training and not isinstance(runner, StepLoop) and drops_anything(self.cell):
            # Kernels drop when they are recorded.
            results, _ = self._recorded(Recording(training=True), True, runner, arguments)
        else:
            results = self._results(runner, arguments)
        if not self.stateful:
            self._find_plain_flags()
            return results
        output, *new_states = results
        self.states = new_states
        return (output, *new_states) if self.return_state else output

    def _results(self, runner: Any, arguments: Any) -> Any:
        """What a runner returns, with the rules of the layer for masked steps."""
        return self._with_masked_outputs(runner.run(*arguments), *arguments[1:3])

    def _with_masked_outputs(self, results: Any, states: Any, mask: Array | None) -> Any:
        """What a runner returned, after the rules of the layer for masked steps."""
        if self.quirks.outputs_initial_state:
            results = self._with_initial_state(results, states, mask)
        if self._zeros_are_mirrored:
            results = with_mirrored_zeros(results, mask)
        return results

    def trace(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        constants: Any = None,
    ) -> Trace | Traces:
        """Runs the cell over the sequences and returns what it computed at every step.

        The states of a stateful layer stay as they are.

        Args:
            sequences: (B, T, D), as for a call; so are the others.
            initial_state: The states to start from.
            mask: (B, T) booleans, False for steps to skip.
            constants: Arrays for a cell that takes them.

        Returns:
            A `Trace` with gates and states (B, T, units) by name; `Traces` for stacked cells.
        """
        from rnnext.layers.rnn.traced_run import traced  # few programs need it

        self._ensure_built(CallArguments(type(self).call, (sequences,), {}, self.label))
        if mask is None and initial_state is None:
            mask = mask_of(sequences)
        runner, *arguments = self.kernel_call(sequences, initial_state, mask, False, constants)
        noting = traced(runner, self.cell, checked_constants(constants, self.cell, self.label))
        results = self._results(noting, arguments)
        if self.stateful and not self.return_state:
            results = results[0]
        found: Trace | Traces = noting.trace(self.label, results)
        return found

    def runs_on_kernel(self, masked: bool) -> bool:
        """Whether a call is one call of a compiled kernel, with the outputs as they come."""
        stateless = not self.stateful and self.states is None
        changed = self.quirks.outputs_initial_state or (masked and self._zeros_are_mirrored)
        as_it_comes = not changed and type(self).call is RNN.call
        return stateless and as_it_comes and isinstance(self._runner(), RecurrentKernel)

    @property
    def _zeros_are_mirrored(self) -> bool:
        # Keras turns the mask around before it takes unrolled steps, but not for the zeros.
        backwards = self.unroll and self.go_backwards and self.return_sequences
        return backwards and self.zero_output_for_mask

    def _with_initial_state(self, results: Any, states: Any, mask: Array | None) -> Any:
        """What a call returned, with the state it started from where masked steps come first."""
        if mask is None or mask.all():
            return results
        if isinstance(self.cell, StackedRNNCells):
            raise UnsupportedError(
                f"{self.label}: masks are not supported over several cells from files of Keras "
                "before 2.2.5, whose masked steps output a state of some other cell; call it "
                "without a mask."
            )
        if states is None:
            return results
        in_order = mask[:, ::-1] if self.go_backwards else mask
        return with_initial_state(results, states[0], in_order, self.return_sequences)

    def kernel_call(
        self,
        sequences: Any,
        initial_state: Any,
        mask: Any,
        training: bool,
        constants: Any = None,
    ) -> tuple[Any, ...]:
        """What runs the cell over a sequence, and its arguments, checked and converted.

        Args:
            sequences: As for `call`, as are the others.
            initial_state: None: the states of a stateful layer, or zeros.
            mask: None: no step is masked.
            training: Given to the cell if it is called step by step.
            constants: None: there are none.
        """
        x = cast(as_array(sequences, f"input of {self.label}"), self.compute_dtype)
        check_inputs(self.input_spec, x, self.label)
        if x.shape[1] == 0:
            raise ShapeError(f"{self.label} needs at least one time step, received {x.shape}.")
        if self.states is not None:
            check_batch_size(self.states, len(x), self.label)
            initial_state = self.states if initial_state is None else initial_state
        flags = self.kernel_flags() | STRICT
        if self.stateful:
            flags |= RETURN_STATE
        if self._zeros_are_mirrored:
            flags &= ~ZERO_OUTPUT_FOR_MASK
        return (
            self._runner(training, checked_constants(constants, self.cell, self.label)),
            x,
            None if initial_state is None else self._checked_states(initial_state, len(x)),
            None if mask is None else checked_mask(mask, x.shape[:2], self.label),
            flags,
        )

    def record(self, recording: Recording, *args: Any, **kwargs: Any) -> tuple[Any, Pullback]:
        """Computes as `call` does, so that it can be reversed; see `Operation.record`."""
        names = positional_arguments(RNN.call)
        named: dict[str, Any] = {**dict(zip(names, args, strict=False)), **kwargs}
        training, constants = named.pop("training", None), named.get("constants")
        is_training = recording.training if training is None else bool(training)
        sequences, initial_state, mask = (named.get(name) for name in names[:3])
        runner, *arguments = self.kernel_call(
            sequences, initial_state, mask, is_training, constants
        )
        results, pullback = self._recorded(recording, is_training, runner, arguments)
        result_count = len(nest.flatten(results))
        count = 0 if arguments[1] is None else len(nest.flatten(arguments[1]))

        def in_order(d_outputs: list[Any]) -> list[Any]:
            # States that a stateful layer alone keeps are no outputs of its own.
            absent = [None] * (result_count - len(d_outputs))
            d_x, *others = pullback([*d_outputs, *absent])
            found = {
                names[0]: [d_x],
                "initial_state": others[:count] if initial_state is not None else [],
                "constants": others[count:] if constants is not None else [],
            }
            return gradients_in_order(names, args, kwargs, found)

        if not self.stateful:
            return results, in_order
        output, *new_states = results
        self.states = new_states  # they flow on, their gradients do not
        return (output, *new_states) if self.return_state else output, in_order

    def _recorded(
        self, recording: Recording, training: bool, runner: Any, arguments: list[Any]
    ) -> tuple[Any, Pullback]:
        """What `_results` returns, and its pullback; see `record_run`."""
        _, states, mask, _ = arguments
        outer, recording.training = recording.training, training  # for layers in the cell, too
        try:
            results, pullback = record_run(recording, self.cell, runner, training, arguments)
        finally:
            recording.training = outer
        if mask is None or not (self.quirks.outputs_initial_state or self._zeros_are_mirrored):
            return results, pullback
        from rnnext.autodiff.tracing import trace

        def finish(results: Any, states: Any) -> Any:
            return self._with_masked_outputs(results, states, mask)

        count = len(nest.flatten(results))
        results, of_outputs = trace(finish, (results, states), {}, recording)

        def both(d_outputs: list[Any]) -> list[Any]:
            found = of_outputs(d_outputs)
            d_x, *others = pullback(found[:count])
            direct = found[count:] if states is not None else []
            direct += [None] * (len(others) - len(direct))
            return [d_x, *map(_sum, others, direct)]

        return results, both

    def _checked_states(self, states: Any, batch_size: int) -> tuple[Any, ...]:
        expected = self.get_initial_state(batch_size)
        return checked_states(states, expected, self.compute_dtype, self.label)

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call on sequences is streamed: from the states of the steps before."""
        x, initial_state, mask, _, constants = call.named.values()
        if self.go_backwards:
            call.refuse("go_backwards=True reads from the end; accepted is go_backwards=False.")
        if self.quirks.outputs_initial_state and self.zero_output_for_mask:
            call.refuse(
                "zero_output_for_mask=True with outputs_initial_state=True: which of the two a "
                "masked step outputs depends on more than is remembered; accepted is one of them."
            )
        if call.roles_in(x) != {Role.SEQUENCE}:
            call.refuse(f"its input {x!r} is no sequence, but its mask or state is.")
        for name, tensors in (("initial_state", initial_state), ("constants", constants)):
            if not call.roles_in(tensors) <= {Role.GIVEN}:
                call.refuse(
                    f"its {name} would change with every step, and all steps would have to be "
                    f"computed again; accepted is {name} that depends on inputs without a time "
                    "axis alone."
                )
        if not call.roles_in(mask) <= {Role.SEQUENCE}:
            call.refuse(f"its mask {mask!r} is no sequence; accepted is one.")
        sequences = [self.return_sequences, *[False] * (len(call.node.outputs) - 1)]
        takes_state, step_shape = initial_state is not None, x.shape[2:]

        def make(batch_size: int) -> StreamedRNN:
            return StreamedRNN(self, batch_size, (batch_size, *step_shape), takes_state)

        return Streamed(tuple(sequences), make)

    @property
    def mask_rule(self) -> MaskRule:
        """Sequences of outputs keep the mask; a last output and states have none."""
        if type(self).compute_mask is not RNN.compute_mask:
            return super().mask_rule
        if not self.return_sequences:
            return MaskRule.DROP
        one_output = not self.return_state
        return MaskRule.KEEP if one_output else MaskRule.COMPUTE

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:  # noqa: ARG002
        """Returns the mask for a sequence of outputs; there is none for a last output or states."""
        mask = nest.flatten(previous_mask)[0] if previous_mask is not None else None
        mask = mask if self.return_sequences else None
        if not self.return_state:
            return mask
        return [mask, *(None for _ in nest.flatten(self.cell.state_size))]

    def compute_output_shape(
        self,
        sequences_shape: Any,
        initial_state_shape: Any = None,  # noqa: ARG002
    ) -> Any:
        """Returns the shape of the output, and of the states with return_state."""
        batch_size, length, *step_sizes = sequences_shape
        output, states = self._shapes_of_step((batch_size, *step_sizes))
        if self.return_sequences:
            output = (batch_size, length, *output[1:])
        return (output, *states) if self.return_state else output

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns symbolic tensors like the outputs of `call` on these arguments."""
        call = CallArguments(type(self).call, args, kwargs, self.label)
        checked_constants(call.named.get("constants"), self.cell, self.label)
        return super().compute_output_spec(*args, **kwargs)

    def _shapes_of_step(self, input_shape: Any) -> tuple[Any, list[Any]]:
        """The shapes of a step's output and of the states, for a step's input (B, ...)."""
        if isinstance(self.cell, RecurrentCell):
            output, states = self.cell.compute_output_shape(input_shape)
            return output, states
        batch_size = input_shape[0]
        return output_shape(self.cell, batch_size), state_shapes(self.cell, batch_size)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "cell": serialization.serialize(self.cell)}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Makes the layer from what `get_config` returned, with `custom_objects` of its names."""
        if "cell" in config:
            config = {**config, "cell": serialization.deserialize(config["cell"], custom_objects)}
        return cls(**config)


def _sum(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


# A call with one plain array goes from the interpreter to the kernel: 2.0 us in place of 2.4.
_LONG_CALL = RNN.__call__
_SHORT_CALL = compiled_call(RNN, _LONG_CALL, flags="_direct_flags", cell="cell", kernel="_packed")


@shortcut
def _switch(is_open: bool) -> None:
    RNN.__call__ = RNN._builtin_call = (  # type: ignore[method-assign]
        _SHORT_CALL if is_open else _LONG_CALL
    )


_switch(True)
