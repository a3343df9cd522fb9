"""What a recurrent layer computed on its way: gates, candidate and states of every step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Trace", "Traces"]

Array = NDArray[Any]


class Trace(Mapping[str, Array]):
    """Gates, candidate and states of every step of one layer; `layer.trace(x)` makes it.

    It is a read-only mapping from the textbooks' names to arrays (B, T, units), in the order in
    which the layer takes the steps:

    - LSTM: `i`, `f`, `o`, the input, forget and output gate; `g`, the candidate; `c` and `h`, the
      states;
    - GRU: `z`, `r`, the update and reset gate; `g`, the candidate; `h`, the state;
    - SimpleRNN: `h`, the state;
    - a cell written in Python: `output`, and `state_0`, `state_1`, ..., its states.

    Gates are activated. A masked step computes no gate: these are NaN there, and the states are
    those before it.

    Args:
        label: How to call the layer.
        values: The arrays.
        mask: (B, T) booleans, False for masked steps, or None; in the order of the steps.
        steps: (T,): the place in the input of each step.
        outputs: What the call returned.

    Attributes:
        label: How to call the layer.
        mask: (B, T) booleans, False for masked steps, or None.
        steps: (T,): the place in the input of each step; it falls with `go_backwards`.
        outputs: What a call of the layer returns, the same bits.

    Raises:
        KeyError: From `trace[name]`, if there is no array of that name.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import LSTM
        >>> layer = LSTM(4)
        >>> trace = layer.trace(np.ones((2, 5, 3), "float32"))
        >>> list(trace), trace["f"].shape
        (['i', 'f', 'g', 'o', 'c', 'h'], (2, 5, 4))
        >>> bool((trace["h"][:, -1] == trace.outputs).all())
        True
    """

    def __init__(
        self,
        label: str,
        values: Mapping[str, Array],
        mask: Array | None,
        steps: Array,
        outputs: Any,
    ) -> None:
        self.label = label
        self._values = dict(values)
        self.mask, self.steps, self.outputs = mask, steps, outputs

    def __getitem__(self, name: str) -> Array:
        if name not in self._values:
            raise KeyError(f"{self.label}: no {name!r} in its trace; there are {list(self)}.")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        shape = next(iter(self._values.values())).shape
        return f"<Trace of {self.label}: {', '.join(self)} {shape}>"

    def plot(self, sample: int = 0) -> Any:
        """Draws gates and states of one sample as a Matplotlib figure; masked steps are hatched.

        Args:
            sample: Which sample of the batch.

        Returns:
            The figure: `figure.savefig("gates.png")` writes it.

        Raises:
            MissingPackageError: If Matplotlib is not installed.
            ShapeError: If there is no such sample.
        """
        from rnnext.plots.gates import plot_gates

        return plot_gates([(self.label, self)], sample)


class Traces(Mapping[str, Any]):
    """A trace for each direction of a Bidirectional, or for each of stacked cells, by name.

    Args:
        label: How to call the layer.
        parts: The traces.
        outputs: What the call returned.

    Attributes:
        label: How to call the layer.
        outputs: What a call of the layer returns, the same bits.

    Raises:
        KeyError: From `traces[name]`, if there is no part of that name.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import GRU, Bidirectional
        >>> traces = Bidirectional(GRU(4)).trace(np.ones((2, 5, 3), "float32"))
        >>> list(traces), traces["backward"]["z"].shape, traces["backward"].steps.tolist()
        (['forward', 'backward'], (2, 5, 4), [4, 3, 2, 1, 0])
    """

    def __init__(self, label: str, parts: Mapping[str, Trace | Traces], outputs: Any) -> None:
        self.label = label
        self._parts = dict(parts)
        self.outputs = outputs

    def __getitem__(self, name: str) -> Any:
        if name not in self._parts:
            raise KeyError(f"{self.label}: no {name!r} among its traces; there are {list(self)}.")
        return self._parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __repr__(self) -> str:
        return f"<Traces of {self.label}: {self._parts!r}>"

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, Trace]]:
        """Yields each trace with the way to it, e.g. `forward`."""
        for name, part in self._parts.items():
            if isinstance(part, Traces):
                yield from part.leaves(f"{prefix}{name}, ")
            else:
                yield f"{prefix}{name}", part

    def plot(self, sample: int = 0) -> Any:
        """Draws each trace in a column of its own; see `Trace.plot`."""
        from rnnext.plots.gates import plot_gates

        columns = [(f"{self.label}: {name}", trace) for name, trace in self.leaves()]
        return plot_gates(columns, sample)


def steps_taken(count: int, backwards: bool) -> Array:
    """The places in the input of the steps, in the order in which they are taken."""
    steps = np.arange(count)
    return steps[::-1] if backwards else steps
