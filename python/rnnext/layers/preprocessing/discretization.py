"""Discretization: numbers to the intervals they lie in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import as_array
from rnnext.errors import DataError, UnsupportedError
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.integer_options import is_integer
from rnnext.layers.preprocessing.adaptation import batches_of
from rnnext.layers.preprocessing.encoding import encode, encoded_shape, output_mode_option
from rnnext.layers.preprocessing.file_state import KeepsFileState
from rnnext.layers.preprocessing.quantiles import bin_boundaries_of, merged, summary_of

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Discretization"]

Array = NDArray[Any]


@serialization.builtin("keras.layers")
class Discretization(KeepsFileState):
    """Finds the interval that each number lies in.

    Args:
        bin_boundaries: Where intervals end, in rising order: [0, 1] stands for three, of numbers
            below 0, below 1, and all others.
        num_bins: How many intervals `adapt` makes, in place of `bin_boundaries`.
        epsilon: How exactly `adapt` finds quantiles.
        output_mode: "int": numbers of intervals. "one_hot": a vector for each number. "multi_hot",
            "count": one vector for all numbers of a sample.
        sparse: Kept in the config; outputs are dense.
        dtype: Of vectors.
        name: Name of the layer.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If both or none of `bin_boundaries` and `num_bins` are given.
        DataError: If the boundaries are not rising numbers, or there are none yet.

    Example:
        >>> from rnnext.layers import Discretization
        >>> Discretization([0.0, 1.0])([[-1.5, 1.0, 0.5]])
        array([[0, 2, 1]], dtype=int32)
    """

    makes_new_arrays = True
    _casts_integers = True

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if str(dtype).startswith("int"):
            dtype = None  # of the outputs, in Keras 2
        super().__init__(name=name, dtype=dtype, **kwargs)
        modes = ("int", "one_hot", "multi_hot", "count")
        self.output_mode = output_mode_option(output_mode, modes, self.label)
        self.sparse = bool(sparse)
        if self.sparse and self.output_mode == "int":
            raise UnsupportedError(
                f"{self.label}: sparse=True needs another output_mode than 'int'."
            )
        if (bin_boundaries is None) == (num_bins is None):
            raise UnsupportedError(
                f"{self.label}: give either bin_boundaries or num_bins, received "
                f"bin_boundaries={bin_boundaries!r} and num_bins={num_bins!r}."
            )
        if num_bins is not None and not (is_integer(num_bins) and num_bins >= 1):
            raise UnsupportedError(
                f"{self.label}: num_bins must be an integer >= 1, received {num_bins!r}."
            )
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.summary = np.zeros((2, 0), np.float32)
        self.bin_boundaries = None if bin_boundaries is None else self._rising(bin_boundaries)

    def _rising(self, boundaries: Any) -> list[float]:
        """Boundaries as a list, or DataError."""
        array = as_array(boundaries, f"bin_boundaries of {self.label}").astype(np.float64)
        if array.ndim != 1 or not np.all(np.diff(array) >= 0):
            raise DataError(
                f"{self.label}: bin_boundaries must be a list of rising numbers, received "
                f"{boundaries!r}."
            )
        return [float(boundary) for boundary in array]

    # Adapting ------------------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Sets the boundaries so that each interval has as many numbers of some data.

        Args:
            data: An array, or an iterable of arrays (also a list) that are taken in one by one.
            steps: How many arrays of an iterable to read.

        Raises:
            UnsupportedError: If the layer was given its boundaries.
        """
        if self.num_bins is None:
            raise UnsupportedError(
                f"{self.label} was given bin_boundaries, so it cannot adapt; give it num_bins."
            )
        self.reset_state()
        each = iter(data) if isinstance(data, (list, tuple)) else data
        batches = batches_of(each, steps, self.label)
        for batch in [data] if batches is None else batches:
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forgets what `update_state` took in."""
        self.summary = np.zeros((2, 0), np.float32)

    def update_state(self, data: Any) -> None:
        """Takes in an array of numbers."""
        values = as_array(data, f"data of {self.label}").astype(np.float32)
        self.summary = merged(summary_of(values, self.epsilon), self.summary, self.epsilon)

    def finalize_state(self) -> None:
        """Sets the boundaries by what was taken in."""
        if self.num_bins is not None:
            self.bin_boundaries = bin_boundaries_of(self.summary, self.num_bins).tolist()

    # Calling -------------------------------------------------------------------------------------

    def call(self, inputs: Array) -> Array:
        """Returns the intervals, or their encoding."""
        if self.bin_boundaries is None:
            raise DataError(
                f"{self.label} has no boundaries; call its adapt(), or give it bin_boundaries."
            )
        # As in TensorFlow, boundaries are float32, and NaN lies beyond all of them.
        edges = np.array(self.bin_boundaries, np.float32)
        bins = np.searchsorted(edges, inputs, side="right").astype(np.int32)
        if self.output_mode == "int":
            return bins
        return encode(bins, self.output_mode, len(edges) + 1, self.compute_dtype)

    def _depth(self) -> int | None:
        return self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the outputs."""
        if self.output_mode == "int":
            return tuple(input_shape)
        return encoded_shape(input_shape, self.output_mode, self._depth())

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns a symbolic tensor for the outputs."""
        dtype = "int32" if self.output_mode == "int" else self.compute_dtype
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype, self.name)

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return () if self.output_mode == "int" else None

    # Config and files ----------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, and the boundaries if `adapt` found them."""
        return {
            "bin_boundaries": self.bin_boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes the layer that `get_config` described."""
        config = dict(config)
        adapted = None
        if config.get("num_bins") is not None:
            adapted = config.pop("bin_boundaries", None)
        layer = cls(**config)
        if adapted is not None:
            layer.bin_boundaries = layer._rising(adapted)
        return layer

    def expects_state(self, with_assets: bool) -> bool:  # noqa: ARG002
        """Whether a file holds the summary that Keras 2 keeps in place of boundaries."""
        return self.bin_boundaries is None

    def state_setter(
        self, arrays: Sequence[Array], assets: Mapping[str, bytes]
    ) -> Callable[[], None]:
        """Checks a summary of Keras 2, and returns a function that sets the boundaries by it."""
        del assets
        (summary,) = arrays or [self.summary]
        if summary.ndim != 2 or len(summary) != 2 or summary.dtype.kind != "f":
            raise DataError(
                f"{self.label}: a summary of shape (2, n) is expected, the file has "
                f"{summary.dtype} of shape {summary.shape}."
            )

        def set_state() -> None:
            self.summary = summary.astype(np.float32)
            if summary.size:
                self.finalize_state()

        return set_state

    def copy_state(self, other: Any) -> None:
        """Takes over the boundaries of a layer of Keras or rnnext."""
        if other.bin_boundaries is not None and len(other.bin_boundaries):
            self.bin_boundaries = self._rising(list(other.bin_boundaries))
