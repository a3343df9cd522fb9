"""Many streams of one model, each of which steps when it has data.

What the streams remember lies in arrays with a row for each stream. A tick takes the rows of those
that have a step, runs all of them as one batch, and puts the rows back. An answer does not depend
on the batch that a sample is in, so a stream in a pool has the bits of a `Stream`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.graph.stream_state import NoneOr, StateSlot, checked_state, copied_state
from rnnext.graph.streaming import Role
from rnnext.streaming.model import StreamedModel, streamed_network
from rnnext.streaming.stream_input import StreamInput

if TYPE_CHECKING:
    from rnnext.models.functional import Functional

__all__ = ["PooledStream", "StreamPool"]

Array = NDArray[Any]

_FIRST_CAPACITY = 16


class PooledStream:
    """One stream of a pool; `StreamPool.join` makes it, `StreamPool.step` takes it as a key.

    Args:
        pool: The pool.
        row: Where the pool keeps what it remembers.
    """

    __slots__ = ("_pool", "_row")

    def __init__(self, pool: StreamPool, row: int) -> None:
        self._pool: StreamPool | None = pool
        self._row = row

    def __repr__(self) -> str:
        where = "that has left its pool" if self._pool is None else f"{self._row} of {self._pool!r}"
        return f"<PooledStream {where}>"

    @property
    def state(self) -> dict[str, Any]:
        """Where it is, as `rnnext.Stream.state` of a stream of one sample; it can be set."""
        return self._joined()._state_of(self._row)

    @state.setter
    def state(self, state: Any) -> None:
        self._joined()._set_state(self._row, state)

    def reset(self) -> None:
        """Goes back to before the first step."""
        self._joined()._begin(self._row)

    def _joined(self) -> StreamPool:
        if self._pool is None:
            raise UnsupportedError("this stream has left its pool; join() makes a new one.")
        return self._pool


class StreamPool:
    """Thousands of streams of one model that step independently of each other.

    Each stream has states of its own and answers with the bits of a `rnnext.Stream` of its own. One
    pool is for one thread at a time. Weight updates take effect at the next step.

    Args:
        model: A connected model that can be streamed; see `rnnext.Stream`.

    Raises:
        UnsupportedError: If the model cannot be streamed.

    Example:
        >>> import numpy as np
        >>> import rnnext
        >>> from rnnext.layers import GRU, Dense, Input
        >>> model = rnnext.Sequential([Input((None, 3)), GRU(4), Dense(1)])
        >>> pool = rnnext.StreamPool(model)
        >>> a, b = pool.join(), pool.join()
        >>> answers = pool.step({a: np.ones(3), b: np.zeros(3)})
        >>> answers[a].shape
        (1,)
        >>> answers = pool.step({b: np.ones(3)})  # a has no data
        >>> pool.leave(a)
        >>> len(pool)
        1
    """

    def __init__(self, model: Functional) -> None:
        network = model.network
        self._label = model.label
        graph = streamed_network(network, model.label)
        self._run = StreamedModel(network, graph, 1)
        self._ports = network.ports
        self._inputs = [
            StreamInput(port, None, i in graph.sequences, i in graph.fixed_inputs)
            for i, port in enumerate(network.ports.ports)
        ]
        self._fixed = [i for i, stream_input in enumerate(self._inputs) if stream_input.fixed]
        self._structure = network.outputs
        self._in_steps = [role is Role.SEQUENCE for role in graph.output_roles]
        self._memories = _Memories([self._run.memory, [None] * len(self._fixed)])
        self._free: list[int] = []
        self._streams: dict[int, PooledStream] = {}  # by row

    def __len__(self) -> int:
        """The number of streams."""
        return len(self._streams)

    def __repr__(self) -> str:
        return f"<StreamPool of {self._label}: {len(self)} streams>"

    def join(self) -> PooledStream:
        """Returns a new stream, before its first step."""
        row = self._free.pop() if self._free else len(self._streams)
        self._memories.begin(row)
        stream = self._streams[row] = PooledStream(self, row)
        return stream

    def leave(self, stream: PooledStream) -> None:
        """Ends a stream.

        Args:
            stream: The stream.

        Raises:
            UnsupportedError: If it is not in this pool.
        """
        row = self._rows([stream])[0]
        stream._pool = None
        del self._streams[row]
        self._free.append(int(row))

    # Steps -------------------------------------------------------------------------------------

    def step(self, steps: Mapping[PooledStream, Any]) -> dict[PooledStream, Any]:
        """Feeds one step to each of some streams.

        Args:
            steps: For each stream its step, an input (B, T, ...) of the model without its first two
                axes; for several inputs a list in order, or a dictionary by name.

        Returns:
            For each of these streams its answer, outputs of the model without their batch axis.

        Raises:
            UnsupportedError: If a stream is not in this pool.
            ShapeError: If the shape of a step does not fit.
            DataError: If something is not numbers, or an input that must stay the same changed.

        If this raises, all streams are where they were.
        """
        if not isinstance(steps, Mapping):
            raise UnsupportedError(
                f"{self!r}: step() takes a dictionary {{stream: its step}}, received "
                f"{type(steps).__name__}; step_batch(streams, x) takes arrays."
            )
        streams = list(steps)
        if not streams:
            return {}
        values = [self._ports.values(step) for step in steps.values()]
        arrays = [
            _stacked([value[i] for value in values], stream_input.name, streams)
            for i, stream_input in enumerate(self._inputs)
        ]
        outputs = self._step(self._rows(streams), arrays)
        leaves = zip(*outputs, strict=True)
        if not nest.is_nested(self._structure):
            return dict(zip(streams, (y for (y,) in leaves), strict=True))
        packed = (nest.pack_like(self._structure, list(each)) for each in leaves)
        return dict(zip(streams, packed, strict=True))

    def step_batch(self, streams: Iterable[PooledStream], x: Any) -> Any:
        """Feeds one step to each of some streams, given and answered as arrays.

        It does what `step` does, without an array for each stream.

        Args:
            streams: n different streams.
            x: (n, ...), a step for each of them; for several inputs a list or a dictionary.

        Returns:
            The outputs of the model, (n, ...) each.

        Raises:
            UnsupportedError: If a stream is not in this pool, or one comes twice.
            ShapeError: If a shape does not fit.
            DataError: As for `step`.
        """
        rows = self._rows(streams)
        if len(set(rows.tolist())) != len(rows):
            raise UnsupportedError(
                f"{self!r}: a stream comes twice; accepted is one step for each stream."
            )
        outputs = self._step(rows, self._ports.values(x))
        return nest.pack_like(self._structure, outputs)

    def _rows(self, streams: Iterable[PooledStream]) -> NDArray[np.intp]:
        try:
            rows = [stream._row for stream in streams if stream._pool is self]
            count = len(streams) if hasattr(streams, "__len__") else len(rows)  # type: ignore[arg-type]
        except AttributeError:
            rows, count = [], -1
        if len(rows) != count:
            raise UnsupportedError(
                f"{self!r}: received something that is no stream of this pool; accepted is what "
                "its join() returned and has not left."
            )
        return np.array(rows, np.intp)

    def _step(self, rows: NDArray[np.intp], given: list[Any]) -> list[Array]:
        arrays = [
            stream_input.array(x, steps=False)
            for stream_input, x in zip(self._inputs, given, strict=True)
        ]
        sizes = {
            stream_input.name: len(a) for stream_input, a in zip(self._inputs, arrays, strict=True)
        }
        if set(sizes.values()) != {len(rows)}:
            raise ShapeError(f"{self!r}: {len(rows)} streams received steps of {sizes}.")
        groups = self._memories.groups(rows)
        done = [self._run_group(memory, [a[where] for a in arrays]) for where, memory in groups]
        # Nothing raises from here on.
        for (where, _), (_, memory) in zip(groups, done, strict=True):
            self._memories.put(rows[where], memory)
        if len(groups) == 1:
            return done[0][0]
        return [
            _joined(groups, [ys[i] for ys, _ in done], len(rows)) for i in range(len(done[0][0]))
        ]

    def _run_group(self, memory: Any, values: list[Array]) -> tuple[list[Array], Any]:
        """The newest outputs of streams whose memories are alike, and their new memories."""
        self._run.memory, kept = memory
        for index, before in zip(self._fixed, kept, strict=True):
            self._check_fixed(self._inputs[index].name, values[index], before)
        outputs = self._run.run(values)
        newest = [y[:, 0] if s else y for y, s in zip(outputs, self._in_steps, strict=True)]
        return newest, [self._run.memory, [values[i] for i in self._fixed]]

    def _check_fixed(self, name: str, array: Array, before: Array | None) -> None:
        if before is not None and not np.array_equal(array, before, equal_nan=True):
            raise DataError(
                f"input {name!r} of {self!r} changed since a stream's first step, but a layer's "
                "state depends on it; call reset() of the stream first."
            )

    # States ------------------------------------------------------------------------------------

    def _begin(self, row: int) -> None:
        self._memories.begin(row)

    def _state_of(self, row: int) -> dict[str, Any]:
        ((_, (memory, kept)),) = self._memories.groups(np.array([row]))
        self._run.memory = memory
        fixed = {
            self._inputs[i].name: {"value": value}
            for i, value in zip(self._fixed, kept, strict=True)
        }
        copied: dict[str, Any] = copied_state({**self._run.state, **fixed})
        return copied

    def _set_state(self, row: int, state: Any) -> None:
        slots = {
            self._inputs[i].name: {"value": NoneOr(StateSlot((1, *self._inputs[i].slot.shape[1:])))}
            for i in self._fixed
        }
        checked = checked_state(state, {**self._run.slots, **slots}, "state")
        kept = [checked.pop(self._inputs[i].name)["value"] for i in self._fixed]
        self._run.state = checked
        self._memories.put(np.array([row]), [self._run.memory, kept])


class _Memories:
    """What streams remember, as arrays with a row for each.

    Before the first step a layer may remember None where it later has an array, so there is a set
    of arrays for each such pattern, and a row is in one of them.

    Args:
        first: What a stream remembers before its first step: nested arrays of one row, and None.
    """

    def __init__(self, first: Any) -> None:
        self._first = nest.map_structure(lambda leaf: None if leaf is None else leaf.copy(), first)
        self._capacity = _FIRST_CAPACITY
        self._pattern_of = np.zeros(self._capacity, np.intp)
        self._indices: dict[Any, int] = {}
        self._structures: list[Any] = []
        self._arrays: list[list[Array | None]] = []
        self._pattern(self._first)

    def _pattern(self, memory: Any) -> int:
        """The number of a memory's pattern; a new one gets arrays."""
        key = _shape_of(memory)
        index = self._indices.get(key)
        if index is None:
            index = self._indices[key] = len(self._structures)
            self._structures.append(memory)
            self._arrays.append(
                [
                    None
                    if leaf is None
                    else np.zeros((self._capacity, *leaf.shape[1:]), leaf.dtype)
                    for leaf in nest.flatten(memory)
                ]
            )
        return index

    def begin(self, row: int) -> None:
        """Sets a row to before the first step."""
        while row >= self._capacity:
            self._grow()
        self.put(np.array([row]), self._first)

    def _grow(self) -> None:
        self._capacity *= 2
        self._pattern_of = np.resize(self._pattern_of, self._capacity)
        self._arrays = [
            [None if a is None else np.concatenate([a, np.zeros_like(a)]) for a in arrays]
            for arrays in self._arrays
        ]

    def groups(self, rows: NDArray[np.intp]) -> list[tuple[Any, Any]]:
        """Returns for each pattern among some rows which of them have it, and their memories."""
        patterns = self._pattern_of[rows]
        found = np.unique(patterns)
        if len(found) == 1:
            return [(slice(None), self._taken(int(found[0]), rows))]
        groups = []
        for pattern in found.tolist():
            where = np.flatnonzero(patterns == pattern)
            groups.append((where, self._taken(pattern, rows[where])))
        return groups

    def _taken(self, pattern: int, rows: NDArray[np.intp]) -> Any:
        leaves = [None if a is None else a[rows] for a in self._arrays[pattern]]
        return nest.pack_like(self._structures[pattern], leaves)

    def put(self, rows: NDArray[np.intp], memory: Any) -> None:
        """Replaces the memories of some rows."""
        pattern = self._pattern(memory)
        for array, leaf in zip(self._arrays[pattern], nest.flatten(memory), strict=True):
            if array is not None:
                array[rows] = leaf
        self._pattern_of[rows] = pattern


def _shape_of(memory: Any) -> Any:
    """The pattern of a memory: its nesting, and the shape and dtype of a row of each array."""
    if memory is None:
        return None
    if nest.is_nested(memory):
        return tuple(_shape_of(part) for part in memory)
    return (memory.shape[1:], memory.dtype.str)


def _stacked(values: list[Any], name: str, streams: list[PooledStream]) -> Array:
    """One array for an input of several streams, each of which gave one."""
    shapes = {np.shape(value) for value in values}
    if len(shapes) > 1:
        raise ShapeError(
            f"input {name!r} of {streams[0]._pool!r}: the steps have different shapes "
            f"{sorted(shapes)}."
        )
    return np.array(values)


def _joined(groups: list[tuple[Any, Any]], parts: list[Array], count: int) -> Array:
    """Outputs of the groups, in the order in which the streams were given."""
    whole = np.empty((count, *parts[0].shape[1:]), parts[0].dtype)
    for (where, _), part in zip(groups, parts, strict=True):
        whole[where] = part
    return whole
