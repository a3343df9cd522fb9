"""A stream of a torch module: what it returns, step by step, in torch's layout."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import ShapeError, UnsupportedError
from rnnext.interop.torch_module import without_gradient
from rnnext.interop.torch_stack import as_torch
from rnnext.streaming.stream import Stream

__all__ = ["TorchStream"]

Array = NDArray[Any]


class TorchStream(Stream):
    """A `Stream` that returns the output, or the output and the states, as the module does.

    Args:
        model: The `TorchModel` of the module.
        batch_size: Number of samples B that come together.

    Raises:
        UnsupportedError: If the model cannot be streamed.
    """

    def __init__(self, model: Any, batch_size: int = 1) -> None:
        forms = model._forms
        if forms.steps is None:
            raise UnsupportedError(
                f"{model.label} cannot be streamed: no recurrent module takes a sequence."
            )
        super().__init__(forms.steps, batch_size)
        self._source = model
        self._time_major = forms.time_major
        self._state_kinds = forms.state_kinds

    def __reduce__(self) -> Any:
        # A copy, also in another process, is another stream of the model, at the same place.
        return _at_state, (self._source, self.batch_size, self.state)

    def step(self, x: Any) -> Any:
        """Feeds one step.

        Args:
            x: (B, D) array-like or tensor, in any layout of the module.

        Returns:
            The newest step (B, H) of the output; with the states, as the module returns them, if
            nothing follows the recurrence.

        Raises:
            ShapeError: If the shape does not fit.
            DataError: If the input is not numbers.
        """
        return self._as_torch(super().step(without_gradient(x)), False)

    def chunk(self, x: Any) -> Any:
        """Feeds consecutive steps; the result has the bits of feeding them one by one.

        Args:
            x: (B, t, D) array-like or tensor, or (t, B, D) if the module takes time first.

        Returns:
            All t steps of the output in the layout of x; with the states after the last one, as
            the module returns them, if nothing follows the recurrence.

        Raises:
            ShapeError: If the shape does not fit, or there is no step yet and an output needs one.
            DataError: If the input is not numbers.
        """
        x = without_gradient(x)
        if self._time_major:
            if np.ndim(x) < 2 or np.shape(x)[1] != self.batch_size:
                raise ShapeError(
                    f"a chunk of a stream of {self.batch_size} samples must be (t, "
                    f"{self.batch_size}, ...), as the module takes it, received {np.shape(x)}."
                )
            x = np.swapaxes(x, 0, 1)
        return self._as_torch(super().chunk(x), self._time_major and self._in_steps[0])

    def _as_torch(self, outputs: Any, swaps: bool) -> Any:
        if not isinstance(outputs, list):
            return np.ascontiguousarray(outputs.swapaxes(0, 1)) if swaps else outputs
        output, *states = outputs
        kinds = self._state_kinds
        joined = [np.stack(states[k::kinds]) for k in range(kinds)]
        return self._as_torch(output, swaps), as_torch(joined)


def _at_state(model: Any, batch_size: int, state: dict[str, Any]) -> TorchStream:
    stream = TorchStream(model, batch_size)
    stream.state = state
    return stream
