"""Finds one object that stands twice in a list, such as the cells of ``RNN([cell, cell])``."""

from __future__ import annotations

from typing import Any

from rnnext.serialization import without_shared_ids

__all__ = ["with_shared_members"]


def with_shared_members(config: Any) -> Any:
    """Returns a config in which equal members of a list have one `shared_object_id`.

    Archives record such ids. HDF5 files, ``to_json`` and live models do not, but there a layer has
    one name for all its weights, so two members of one name and one config are one object; but
    not in a Bidirectional, which makes its layers anew from the config, each cell by itself.

    Args:
        config: A config in the Keras 3 form; not changed.

    Example:
        >>> from rnnext.saving.shared_members import with_shared_members
        >>> cell = {"class_name": "LSTMCell", "config": {"name": "a", "units": 2}}
        >>> one, two = with_shared_members([cell, cell])
        >>> one["shared_object_id"] == two["shared_object_id"]
        True
    """
    if isinstance(config, dict):
        if config.get("class_name") == "Bidirectional":
            return config
        return {key: with_shared_members(value) for key, value in config.items()}
    if not isinstance(config, list):
        return config
    members = [with_shared_members(member) for member in config]
    named = [i for i, member in enumerate(members) if _name(member) is not None]
    names = [_name(members[i]) for i in named]
    if len(set(names)) == len(names):
        return members
    for position, first in enumerate(named):
        for second in named[position + 1 :]:
            one, two = members[first], members[second]
            if "shared_object_id" not in two and without_shared_ids(one) == without_shared_ids(two):
                shared = one.setdefault("shared_object_id", f"{_name(one)} at {id(one)}")
                two["shared_object_id"] = shared
    return members


def _name(member: Any) -> str | None:
    """The name in an object's config."""
    inner = member.get("config") if isinstance(member, dict) and "class_name" in member else None
    name = inner.get("name") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else None
