"""What layers keep that is not among their weights: vocabularies, learned boundaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from rnnext.layers.layer import Layer

__all__ = ["KeepsFileState"]

Array = NDArray[Any]


class KeepsFileState(Layer):
    """A layer that has more in a file than its config and weights."""

    def expects_state(self, with_assets: bool) -> bool:
        """Whether a file of such a layer holds state.

        Args:
            with_assets: Whether the file is a whole archive, which has assets beside weights.
        """
        raise NotImplementedError

    def file_arrays(self) -> dict[str, Array]:
        """Returns arrays that belong among the weights of a file, by name."""
        return {}

    def file_assets(self) -> dict[str, bytes]:
        """Returns files that belong into an archive beside its weights, by name."""
        return {}

    def state_setter(
        self, arrays: Sequence[Array], assets: Mapping[str, bytes]
    ) -> Callable[[], None]:
        """Checks the state of a file and returns a function that sets it.

        Args:
            arrays: What stood among the weights.
            assets: What stood beside them.

        Raises:
            DataError: If it does not fit.
        """
        raise NotImplementedError

    def copy_state(self, other: Any) -> None:
        """Takes over the state of a layer of the same class, of Keras or of rnnext."""
        raise NotImplementedError
