"""How a layer of an older file differs from Keras 3's, as one object that the layer holds."""

from __future__ import annotations

import dataclasses
from typing import Any

__all__ = ["KERAS3", "Quirks"]


def _older(behaviour: str) -> Any:
    """A quirk, off unless a file asks for it, and how errors describe it."""
    return dataclasses.field(default=False, metadata={"behaviour": behaviour})


@dataclasses.dataclass(frozen=True)
class Quirks:
    """The rules for masks that changed between versions of Keras; all are off in Keras 3.

    The readers of older files write them into the configs of layers, under these names. A layer's
    class says in `_known_quirks` which it can have; `Layer` reads them and puts them back into the
    config. Nothing else asks a layer what wrote it.

    Example:
        >>> from rnnext.layers import GRU
        >>> layer = GRU(2, outputs_initial_state=True)
        >>> layer.quirks.names()
        ['outputs_initial_state']
        >>> layer.get_config()["outputs_initial_state"]
        True
    """

    all_masks_must_hold: bool = _older(
        "before Keras 3.4 a step counted only if it did in all masked inputs"
    )
    blind_queries_see_all: bool = _older(
        "before Keras 3.10 queries that may look nowhere looked everywhere"
    )
    keeps_masks: bool = _older("before Keras 3.8 it passed masks on")
    masked_with_states: bool = _older(
        "before Keras 3 a call with initial_state used the input's mask too"
    )
    masks_by_keyword: bool = _older(
        "before Keras 3 a call with **kwargs was given the mask among them"
    )
    outputs_initial_state: bool = _older(
        "before Keras 2.2.5 masked steps could output the initial state"
    )
    repeats_masked_outputs: bool = _older(
        "before Keras 2.4 masked steps repeated the output before them"
    )

    @classmethod
    def taken(cls, options: Any, known: frozenset[str]) -> Quirks:
        """Takes the quirks that a class knows out of a dictionary of options."""
        found = {name: bool(options.pop(name)) for name in known if name in options}
        return cls(**found) if found else KERAS3

    def names(self) -> list[str]:
        """Returns the names of those that are on."""
        return [field.name for field in dataclasses.fields(self) if getattr(self, field.name)]

    def behaviour(self, name: str) -> str:
        """Returns what an error says about a quirk."""
        fields = {field.name: field for field in dataclasses.fields(self)}
        text: str = fields[name].metadata["behaviour"]
        return text

    def get_config(self, known: frozenset[str]) -> dict[str, bool]:
        """Returns the options of a class that knows these, for those that are on."""
        return {name: True for name in self.names() if name in known}

    def with_(self, **changes: bool) -> Quirks:
        """Returns the same quirks but for these."""
        return dataclasses.replace(self, **changes)


KERAS3 = Quirks()
