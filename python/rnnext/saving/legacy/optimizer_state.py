"""The state of optimizers that Keras 1 and 2 wrote, in the order of rnnext's and Keras 3's.

| written by | order |
| --- | --- |
| Keras 2.11 and later | the number of steps; then as Keras 3, but for the learning rate |
| Keras 2.3 to 2.10, and `optimizers.legacy` | likewise; one slot of all weights, then others |
| Keras 1.0 to 2.3 | likewise; Adam has a slot `vhat` of shape (1,) if it is not used |

`Ftrl` has the slots of each weight side by side in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from rnnext.errors import UnsupportedError

__all__ = ["OlderState"]


@dataclass(frozen=True)
class OlderState:
    """What a file of Keras 1 or 2 keeps of an optimizer.

    Attributes:
        arrays: The arrays in their order.
        names: Their names, e.g. ``Adam/m/dense/kernel:0``; None if the file has none.
    """

    arrays: Sequence[NDArray[Any]]
    names: Sequence[str] | None

    def restore(self, optimizer: Any) -> None:
        """Sets the state of an optimizer, all of it or, after an error, none.

        Args:
            optimizer: An optimizer that is built.

        Raises:
            UnsupportedError: If the arrays are not those of such an optimizer.
        """
        arrays, names = list(self.arrays), list(self.names or ())
        steps = 0
        if arrays and arrays[0].ndim == 0:  # to 2.2 some optimizers kept no number of steps
            steps = int(arrays.pop(0))
            names = names[1:]
        slots = self._slots(optimizer)
        is_unused = len(arrays) > len(slots) and all(a.shape == (1,) for a in arrays[len(slots) :])
        if is_unused or self._has_unused_momentum(optimizer, arrays):
            arrays = arrays[: len(slots)]
        found = [array.shape for array in arrays]
        expected = [slot.shape for _, _, slot in slots]
        if found != expected:
            raise UnsupportedError(
                f"the file has {len(found)} arrays of shapes {found[:4]}..., "
                f"{type(optimizer).__name__} keeps {len(expected)} of shapes {expected[:4]}..."
            )
        for name, (weight, kind, _) in zip(names, slots, strict=False):
            self._check_name(name, weight, kind)
        optimizer.iterations.assign(steps)
        for array, (_, _, slot) in zip(arrays, slots, strict=True):
            slot.assign(array)
        optimizer.after_steps(steps)

    @property
    def _is_interleaved(self) -> bool:
        """Whether the slots of one weight may lie side by side: Keras 2.11 and later."""
        return self.names is None or self.names[0].startswith("iteration:")

    def _slots(self, optimizer: Any) -> list[tuple[Any, str, Any]]:
        """Weights, kinds of slots and slots in the order of the file."""
        rounds = optimizer.slot_rounds()
        if not self._is_interleaved and not optimizer.slots_were_interleaved:
            rounds = [{kind: slots} for kinds in rounds for kind, slots in kinds.items()]
        return [
            (weight, kind, slots[i])
            for kinds in rounds
            for i, weight in enumerate(optimizer.trained)
            for kind, slots in kinds.items()
        ]

    def _has_unused_momentum(self, optimizer: Any, arrays: Sequence[Any]) -> bool:
        """Whether it is SGD without momentum, of which Keras 2.11 kept momentum all the same."""
        shapes = [weight.shape for weight in optimizer.trained]
        return not optimizer.slot_rounds() and [array.shape for array in arrays] == shapes

    def _check_name(self, name: str, weight: Any, kind: str) -> None:
        """Rejects an array whose name is that of another weight."""
        parts = name.partition(":")[0].split("/")
        if self._is_interleaved:
            of_weight = parts[-1]
        elif len(parts) > 2 and not parts[-1].startswith("Variable"):
            of_weight = parts[-2]
        else:  # Keras to 2.3 numbered them
            return
        if of_weight.rstrip("_0123456789") != weight.name.rstrip("_0123456789"):
            raise UnsupportedError(
                f"array {name!r} of the file stands where {kind} of {weight.path!r} is expected."
            )
