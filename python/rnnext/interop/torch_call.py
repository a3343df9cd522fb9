"""The model of a stack of torch modules, called as torch calls the module itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import layers, nest
from rnnext.arrays import as_array
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.tensor import any_symbolic
from rnnext.interop.torch_module import without_gradient
from rnnext.interop.torch_packed import Packed
from rnnext.interop.torch_stack import TorchStack, as_torch
from rnnext.interop.torch_states import TorchStates
from rnnext.models.functional import Functional
from rnnext.models.network import Network

if TYPE_CHECKING:
    from rnnext.interop.torch_stream import TorchStream

__all__ = ["TorchModel", "torch_model"]

Array = NDArray[Any]


def torch_model(
    stack: TorchStack, initial_state: bool, input_shape: Sequence[int | None] | None
) -> TorchModel:
    """Makes the model of a stack.

    Raises:
        UnsupportedError: If `initial_state` is true and not exactly one module is recurrent.
    """
    x = stack.input(input_shape)
    states = stack.state_inputs() if initial_state else []
    output, last, axis = stack.connect(x, states)
    inputs = (x, as_torch(states)) if initial_state else x
    model = TorchModel(inputs, stack.nested(output, last))
    model._forms = _Forms(
        model, stack, initial_state, input_shape, stack.sample_axes(axis, len(last))
    )
    return model


class TorchModel(Functional):
    """A model that is called as its torch module is; otherwise like every functional model.

    `model.predict(x)` and all else follows Keras: x is an array of samples. Saved and loaded again
    it is a plain functional model.
    """

    _saved_as = Functional
    _forms: _Forms

    def __call__(  # type: ignore[override]
        self,
        input: Any = None,  # noqa: A002
        hx: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Returns what the torch module returns, with NumPy arrays in place of tensors.

        Args:
            input: The module's input in its own layout; without the batch axis, as torch takes it;
                or a `PackedSequence`, for which the output is one, too. Or a symbolic tensor.
            hx: The states to start from: h_0 (layers * directions, B, units), for LSTM the pair
                (h_0, c_0), without the batch axis where the input has none. By default zeros.
            **kwargs: Keras's arguments of a model's call.

        Raises:
            ShapeError: If a shape does not fit.
            UnsupportedError: If the model cannot be called so; the message says why.
        """
        forms = self._forms
        x = kwargs.pop("inputs") if input is None and "inputs" in kwargs else input
        if type(x) is np.ndarray and hx is None and not kwargs and x.ndim == forms.rank:
            return super().__call__(x)
        if hx is not None and any_symbolic((x, hx)):
            raise UnsupportedError(
                f"{self.label}: a symbolic call takes the states as initial_state=True of "
                "from_torch gives them to the model: model((x, hx))."
            )
        if kwargs or any_symbolic(x):
            return super().__call__(x, *(() if hx is None else (hx,)), **kwargs)
        if isinstance(x, dict):
            return super().__call__(self._checked_inputs(x))
        if nest.is_packed_sequence(x):
            return forms.call_packed(x, hx)
        if forms.initial_state and hx is None and isinstance(x, (tuple, list)) and len(x) == 2:
            x, hx = x
            return forms.call_packed(x, hx) if nest.is_packed_sequence(x) else forms.call(x, hx)
        return forms.call(x, hx)

    # Only the form of a call differs: within another graph it is as its base.
    _builtin_call = __call__
    streamed = Functional.streamed

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Computes the outputs for many samples; see `Model.predict`."""
        return super().predict(self._checked_inputs(x), *args, **kwargs)

    def _checked_inputs(self, x: Any) -> Any:
        """Keras's inputs with the states of `initial_state=True` checked, in torch's words."""
        states = self._forms.states
        if not self._forms.initial_state or states is None:
            return x
        if isinstance(x, dict):
            found = [x[name] for name in states.names if name in x]
            if len(found) == len(states.names) and "input" in x:
                states.arrays(as_torch(found), self._forms.batch_of(x["input"]))
        elif isinstance(x, (tuple, list)) and len(x) == 2:
            states.arrays(x[1], self._forms.batch_of(x[0]))
        return x

    def stream(self, batch_size: int = 1) -> TorchStream:
        """Makes a stream that returns at each step what the module returns for it.

        Args:
            batch_size: Number of samples B that come together.

        Returns:
            A `Stream`. `step` takes (B, D); `chunk` takes (B, t, D), or (t, B, D) as the model
            does.

        Raises:
            UnsupportedError: If the model cannot be streamed: it reads a sequence backwards, ...
        """
        from rnnext.interop.torch_stream import TorchStream

        return TorchStream(self, batch_size)


class _Forms:
    """The graphs of one stack for the ways torch calls it. They share their layers.

    Attributes:
        initial_state: Whether the model itself takes the states.
        rank: The rank of an array that the model's own graph takes at once; None if that is never
            an array.
        states: The states that a call may give, or None.
        steps: A model of samples that come first, with states one by one, to be streamed; None if
            no module is recurrent.
        state_kinds: How many states each run of the last recurrent module has.
        time_major: Whether the model takes (T, B, D).
    """

    def __init__(
        self,
        model: TorchModel,
        stack: TorchStack,
        initial_state: bool,
        input_shape: Any,
        sample_axes: list[int],
    ) -> None:
        self.label = model.label
        self.initial_state = initial_state
        part = stack.state_part
        self.states = TorchStates(part, part.dtype, model.label) if part is not None else None
        self.time_major = stack.time_major
        self._sample_axes = sample_axes
        self._no_unbatched, self._no_packing = stack.no_unbatched(), stack.no_packing()
        self._any_rank = stack.works_on_any_rank and input_shape is None
        self._plain = self._network(stack, input_shape) if initial_state else model.network
        self._stateful = None
        if self.states is not None:
            self._stateful = (
                model.network if initial_state else self._network(stack, input_shape, states=True)
            )
        self._has_time = stack.returns_sequence
        self._packed = None if self._no_packing else self._packed_network(stack, input_shape)
        self.steps = stack.steps_model(input_shape, model.name)
        self.state_kinds = stack.state_kinds if self.steps is not None else 0
        port = self._plain.ports.ports[0]
        self._port = port
        self._input_rank = len(port.shape)
        self.rank = None if initial_state else self._input_rank

    def _network(self, stack: TorchStack, input_shape: Any, states: bool = False) -> Network:
        x = stack.input(input_shape)
        state_inputs = stack.state_inputs() if states else []
        output, last, _ = stack.connect(x, state_inputs)
        inputs = (x, as_torch(state_inputs)) if states else x
        return Network(inputs, stack.nested(output, last), self.label)

    def _packed_network(self, stack: TorchStack, input_shape: Any) -> Network:
        x = stack.input(input_shape, samples_first=True)
        mask = layers.Input(batch_shape=(None, None), dtype="bool", name="mask")
        states = stack.state_inputs() if self.states is not None else []
        output, last, _ = stack.connect(x, states, mask=mask, samples_first=True)
        return Network([x, mask, *states], [output, *last], self.label)

    # Calls -------------------------------------------------------------------------------------

    def batch_of(self, x: Any) -> int:
        """The number of samples of an input with a batch axis."""
        shape = np.shape(without_gradient(x))
        axis = 1 if self.time_major else 0
        return int(shape[axis]) if len(shape) > axis else 0

    def call(self, x: Any, hx: Any) -> Any:
        """Runs an array in the module's layout, with or without the batch axis."""
        array = as_array(without_gradient(x), f"input {self._port.name!r} of {self.label}")
        if self._any_rank and array.ndim != self._input_rank:
            return self._call_each_step(array)
        unbatched = array.ndim == self._input_rank - 1
        if unbatched:
            if self._no_unbatched:
                raise ShapeError(
                    f"{self.label}: received an input of shape {array.shape}, without a batch "
                    f"axis; expected {self._port.shape}: {self._no_unbatched}."
                )
            array = np.expand_dims(array, 1 if self.time_major else 0)
        if not self._port.fits(array.shape):
            expected = self._port.shape
            raise ShapeError(
                f"input {self._port.name!r} of {self.label}: expected an array of shape {expected}"
                f"{'' if self._no_unbatched else ', or without the batch axis'}, received shape "
                f"{tuple(np.shape(without_gradient(x)))}."
            )
        if hx is None:
            outputs = self._plain.run(array)
        else:
            states = self._given_states(hx, self.batch_of(array), unbatched)
            assert self._stateful is not None
            outputs = self._stateful.run((array, as_torch(states)))
        return self._without_batch(outputs) if unbatched else outputs

    def _call_each_step(self, array: Array) -> Any:
        """Modules that treat each step (..., D) alone, as `nn.Linear`, take any axes before."""
        if array.ndim == 0:
            raise ShapeError(f"{self.label}: expected an array of shape (..., D), received ().")
        rows = self._plain.run(array.reshape(-1, array.shape[-1]))
        return rows.reshape(*array.shape[:-1], rows.shape[-1])

    def _given_states(self, hx: Any, batch: int, unbatched: bool = False) -> list[Array]:
        if self.states is None:
            raise UnsupportedError(
                f"{self.label}: states can be given to exactly one recurrent module, which this "
                "model does not have."
            )
        return self.states.arrays(hx, batch, unbatched)

    def _without_batch(self, outputs: Any) -> Any:
        """Takes away the axis of the only sample."""
        pairs = zip(nest.flatten(outputs), self._sample_axes, strict=True)
        return nest.pack_like(outputs, [y.squeeze(axis) for y, axis in pairs])

    def call_packed(self, sequence: Any, hx: Any) -> Any:
        """Runs a PackedSequence; a sequence in the output is packed, too."""
        if self._packed is None:
            raise UnsupportedError(
                f"{self.label}: a PackedSequence is not supported: {self._no_packing}; pass padded "
                "sequences instead."
            )
        packed = Packed(sequence, self.label)
        inputs = [packed.padded, packed.mask]
        batch = len(packed.mask)
        if self.states is not None:
            axis = self.states.axis
            given = self.states.zeros(batch) if hx is None else self._given_states(hx, batch)
            inputs += [packed.sorted(state, axis) for state in given]
        elif hx is not None:
            self._given_states(hx, batch)  # raises
        outputs = self._packed.run(inputs)
        output, *last = outputs if isinstance(outputs, list) else [outputs]
        last = [packed.unsorted(state, 1) for state in last]
        output = packed.packed(output) if self._has_time else packed.unsorted(output, 0)
        return (output, as_torch(last)) if last else output
