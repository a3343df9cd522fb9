"""A model that is fed step by step.

After the steps x_0, ..., x_t a stream has returned what `model.predict` returns for the sequence
of them: of outputs that are sequences the newest step, of outputs without a time axis (a recurrent
layer with return_sequences=False, and what follows it) the answer as if the sequence ended here.
Recurrent layers and Dense give the same bits however the steps are cut into chunks; so do other
layers wherever NumPy computes an element the same way in a longer array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.stream_state import NoneOr, checked_state, copied_state
from rnnext.graph.streaming import Role
from rnnext.streaming.model import StreamedModel, streamed_network
from rnnext.streaming.stream_input import StreamInput

if TYPE_CHECKING:
    from rnnext.models.functional import Functional

__all__ = ["Stream"]

Array = NDArray[Any]


class Stream:
    """One run of a model over a sequence whose steps come one after the other.

    Each stream has its own states: a model can have many, also in several threads (one stream is
    for one thread at a time), and its layers' own states, of `stateful=True`, are neither used nor
    changed. Weight updates take effect at the next step.

    Inputs are sequences if a recurrent layer or a causal convolution reads them; `sequence_inputs`
    names them. Others are given whole at every step, in their place of the list or dictionary.
    What they contribute to a layer that remembers must stay the same until `reset`.

    Args:
        model: A connected model: functional, or a Sequential that knows its input's shape.
        batch_size: Number of samples B that come together.

    Attributes:
        batch_size: B.
        sequence_inputs: Names of the inputs that come in steps.

    Raises:
        UnsupportedError: If the model cannot be streamed, because a layer needs steps to come
            (Bidirectional, go_backwards=True, pooling, attention, padding="same", ...) or is not
            known to work on each step alone. The message names the layer, the option and what is
            accepted. A layer of your own that does says so by `works_on_each_step = True`.

    Example:
        >>> import numpy as np
        >>> import rnnext
        >>> from rnnext.layers import GRU, Dense, Input
        >>> model = rnnext.Sequential([Input((None, 3)), GRU(4), Dense(1)])
        >>> stream = model.stream(batch_size=2)
        >>> x = np.ones((2, 6, 3), "float32")
        >>> y = [stream.step(x[:, t]) for t in range(6)]
        >>> bool(np.all(y[-1] == model.predict(x)))
        True
        >>> stream.reset()
        >>> bool(np.all(stream.chunk(x[:, :4]) == y[3]))
        True
    """

    def __init__(self, model: Functional, batch_size: int = 1) -> None:
        network = model.network
        self.batch_size = _checked_batch_size(batch_size, model.label)
        self._model = model
        self._label = model.label
        graph = streamed_network(network, model.label)
        self._run = StreamedModel(network, graph, self.batch_size)
        self._runners = self._run.runners
        self._run_steps = self._run.execution.run
        self._ports = network.ports
        self._inputs = [
            StreamInput(
                port,
                self.batch_size,
                in_steps=i in graph.sequences,
                fixed=i in graph.fixed_inputs,
            )
            for i, port in enumerate(network.ports.ports)
        ]
        self.sequence_inputs = [x.name for x in self._inputs if x.in_steps]
        self._fixed = [x for x in self._inputs if x.fixed]
        self._structure = network.outputs
        self._in_steps = [role is Role.SEQUENCE for role in graph.output_roles]
        # Whether an output can be an input itself, which the caller must not get back.
        self._may_be_input = [
            not t.source.operation.makes_new_arrays for t in network.graph.outputs
        ]
        self._find_short_way()

    def __repr__(self) -> str:
        inputs, remembering = ", ".join(self.sequence_inputs), ", ".join(self._run.slots)
        return (
            f"<Stream of {self._label}, batch_size={self.batch_size}, inputs in steps: {inputs}; "
            f"remembers: {remembering or 'nothing'}>"
        )

    def __reduce__(self) -> Any:
        # A copy, also in another process, is another stream of the model, at the same place.
        return _at_state, (self._model, self.batch_size, self.state)

    def _find_short_way(self) -> None:
        """Notes what a step needs of a model with one input and one output, as most are."""
        one = len(self._inputs) == len(self._in_steps) == 1 and not self._may_be_input[0]
        self._short_dtype = None
        if one and not nest.is_nested(self._structure) and self._inputs[0].in_steps:
            strings = self._inputs[0].dtype == object
            self._short_dtype = None if strings else self._inputs[0].dtype
            self._short_shape = self._inputs[0].shapes_of_step[0]
            self._short_is_sequence = self._in_steps[0]

    # Steps -------------------------------------------------------------------------------------

    def step(self, x: Any) -> NDArray[Any]:
        """Feeds one step.

        Args:
            x: (B, ...) array-like, the input (B, T, ...) of the model without its time axis; for
                several inputs a list in order, or a dictionary by name.

        Returns:
            NumPy arrays, nested as the model's outputs: of sequences (B, T, ...) the newest step
            (B, ...), and whole answers of outputs without a time axis.

        Raises:
            ShapeError: If an input's shape does not fit.
            DataError: If an input is not numbers, or one without a time axis that a layer
                remembers is not what it was at the first step.

        If this raises, the stream's state is unchanged.
        """
        if type(x) is np.ndarray and x.dtype is self._short_dtype and x.shape == self._short_shape:
            (y,) = self._outputs_of(self._run_steps, [x[:, np.newaxis]])
            return y[:, 0] if self._short_is_sequence else y
        outputs = self._outputs(self._values(x, steps=False))
        newest = [y[:, 0] if s else y for y, s in zip(outputs, self._in_steps, strict=True)]
        packed: NDArray[Any] = nest.pack_like(self._structure, newest)
        return packed

    def chunk(self, x: Any) -> NDArray[Any]:
        """Feeds consecutive steps; the result has the bits of feeding them one by one.

        Recurrent layers run over the whole chunk at once.

        Args:
            x: (B, t, ...) array-like with t >= 0; for several inputs a list in order, or a
                dictionary by name, all sequences of the same t.

        Returns:
            NumPy arrays, nested as the model's outputs: of sequences all t steps (B, t, ...), of
            outputs without a time axis the answer after the last step.

        Raises:
            ShapeError: If an input's shape does not fit, or there is no step yet and an output
                needs one.
            DataError: As for `step`.

        If this raises, the stream's state is unchanged.
        """
        outputs = self._outputs(self._values(x, steps=True))
        packed: NDArray[Any] = nest.pack_like(self._structure, outputs)
        return packed

    def _values(self, x: Any, steps: bool) -> list[Array]:
        """One array (B, t, ...) or, without a time axis, (B, ...) for each input, checked."""
        pairs = zip(self._inputs, self._ports.values(x), strict=True)
        arrays = [stream_input.array(value, steps) for stream_input, value in pairs]
        lengths = {
            stream_input.name: array.shape[1]
            for stream_input, array in zip(self._inputs, arrays, strict=True)
            if stream_input.in_steps
        }
        if len(set(lengths.values())) > 1:
            raise ShapeError(f"a chunk must have as many steps of every input, received {lengths}.")
        for stream_input, array in zip(self._inputs, arrays, strict=True):
            stream_input.check_fixed(array)
        return arrays

    def _outputs(self, values: list[Array]) -> list[Array]:
        outputs = self._outputs_of(self._run.run, values)
        if self._run.has_steps(values):
            for stream_input, array in zip(self._inputs, values, strict=True):
                stream_input.keep_fixed(array)
        return [
            y.copy() if may and any(np.may_share_memory(y, x) for x in values) else y
            for y, may in zip(outputs, self._may_be_input, strict=True)
        ]

    def _outputs_of(
        self, run: Callable[[list[Array]], list[Array]], values: list[Array]
    ) -> list[Array]:
        """Runs the model; if a layer raises, the stream's state is unchanged."""
        before = [runner.memory for runner in self._runners]
        try:
            return run(values)
        except BaseException:
            self._run.memory = before
            raise

    # State -------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Goes back to before the first step."""
        self._run.reset()
        for stream_input in self._fixed:
            stream_input.kept = None

    @property
    def state(self) -> dict[str, Any]:
        """Where the stream is: all that its next outputs depend on besides weights and inputs.

        A dictionary by the names of the layers that remember something, in plain containers of
        arrays that are copies:

        - a recurrent layer: `{"states": [h]}` or `[h, c]`, nested as the states of its cells
          (None until the first step if it is called with an initial_state), and `"output"`, that of
          the last step, which a masked step repeats; None before the first;
        - a causal convolution: `{"inputs": (B, steps its windows reach back, C)}`;
        - `x[:, -1]` in a graph: `{"output": ...}`;
        - a model inside the model: such a dictionary of its own;
        - an input without a time axis that a layer remembers: `{"value": ...}`, None before the
          first step.

        Of a layer that is called several times, the later calls are named `layer#2`, `layer#3`.

        Setting it, to what this or another stream of the same model had, goes on from there.

        Raises:
            ShapeError: When set, if a name or shape is not what this model's streams have. Then
                nothing has changed.
            DataError: When set, if something is not numbers.

        Example:
            >>> import numpy as np
            >>> import rnnext
            >>> from rnnext.layers import GRU, Input
            >>> model = rnnext.Sequential([Input((None, 3)), GRU(4, name="gru")])
            >>> stream = model.stream()
            >>> y = stream.step(np.ones((1, 3)))
            >>> stream.state["gru"]["states"][0].shape
            (1, 4)
            >>> other = model.stream()
            >>> other.state = stream.state
            >>> bool(np.all(other.step(np.ones((1, 3))) == stream.step(np.ones((1, 3)))))
            True
        """
        fixed = {x.name: {"value": x.kept} for x in self._fixed}
        copied: dict[str, Any] = copied_state({**self._run.state, **fixed})
        return copied

    @state.setter
    def state(self, state: Any) -> None:
        fixed = {x.name: {"value": NoneOr(x.slot)} for x in self._fixed}
        checked = checked_state(state, {**self._run.slots, **fixed}, "state")
        for stream_input in self._fixed:
            stream_input.kept = checked.pop(stream_input.name)["value"]
        self._run.state = checked


def _at_state(model: Functional, batch_size: int, state: dict[str, Any]) -> Stream:
    stream = Stream(model, batch_size)
    stream.state = state
    return stream


def _checked_batch_size(batch_size: Any, label: str) -> int:
    is_integer = isinstance(batch_size, (int, np.integer)) and not isinstance(batch_size, bool)
    if not is_integer or batch_size < 1:
        raise UnsupportedError(
            f"{label}: stream with batch_size={batch_size!r}; accepted is an integer >= 1."
        )
    return int(batch_size)
