"""Vocabularies and the like: what layers keep in a file beside their config and weights.

In an archive a vocabulary is ``assets/<path of the layer>/vocabulary.txt``, where the path is that
of the layer's group among the weights. What is found here is taken out of the tree of groups, so
that the weights are matched without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rnnext.errors import DataError, FileError
from rnnext.layers.layer import Layer
from rnnext.layers.preprocessing.file_state import KeepsFileState
from rnnext.naming import snake_case
from rnnext.saving.formats.archive import Archive
from rnnext.saving.formats.hdf5 import Group
from rnnext.saving.formats.limits import Limits
from rnnext.saving.keras3_weights import child_layers, descendants
from rnnext.saving.weight_plan import layer_label

__all__ = ["add_assets", "copy_states", "take_legacy_states", "take_states"]

Setter = Callable[[], None]

_ASSETS = "assets/"
_MODEL_LISTS = ("layers", "_layer_checkpoint_dependencies")


def add_assets(archive: Archive, root: Group, limits: Limits) -> None:
    """Reads the vocabularies of an archive into the groups of the layers that they belong to.

    Args:
        archive: The archive.
        root: The tree of its weights.
        limits: Bounds on their size.

    Raises:
        FileError: They are too large or damaged.
    """
    left = limits.weights_bytes
    for name in archive.names():
        path, _, file = name.replace("\\", "/").rpartition("/")
        if not path.startswith(_ASSETS) or not file:
            continue
        group = root
        for part in path.removeprefix(_ASSETS).split("/"):
            inner = f"{group.path.rstrip('/')}/{part}"
            group = group.groups.setdefault(part, Group(inner))
        group.assets[file] = archive.read(name, min(limits.config_bytes, left))
        left -= len(group.assets[file])


def take_states(model: Layer, root: Group, label: str, with_assets: bool) -> list[Setter]:
    """Finds what layers keep in a tree of groups, checks it and takes it out of the tree.

    Args:
        model: The model.
        root: The tree.
        label: How errors call the file.
        with_assets: Whether it is of an archive, which has vocabularies.

    Returns:
        Functions that set it.

    Raises:
        FileError: Something is missing or does not fit.
    """
    if not any(isinstance(layer, KeepsFileState) for layer in descendants(model)):
        return []
    taker = _Taker(label, with_assets)
    taker.visit(model, root)
    return taker.setters


class _Taker:
    """One walk over the layers and their groups."""

    def __init__(self, label: str, with_assets: bool) -> None:
        self.setters: list[Setter] = []
        self._label = label
        self._with_assets = with_assets
        self._visited: set[int] = set()

    def visit(self, layer: Layer, group: Group) -> None:
        """Takes a layer's state, then its children's."""
        self._visited.add(id(layer))
        if isinstance(layer, KeepsFileState):
            self._take(layer, group)
        for attribute, child in child_layers(layer):
            names = _MODEL_LISTS if attribute == "layers" else (attribute, f"_{attribute}")
            subgroup = next((group.groups[name] for name in names if name in group.groups), None)
            if subgroup is None:
                continue
            if isinstance(child, Layer):
                if id(child) not in self._visited:
                    self.visit(child, subgroup)
            else:
                self._visit_list(child, subgroup)

    def _take(self, layer: KeepsFileState, group: Group) -> None:
        variables = group.groups.pop("vars", Group())
        arrays = [variables.arrays[name] for name in sorted(variables.arrays)]
        assets, group.assets = group.assets, {}
        if not arrays and not assets:
            if layer.expects_state(self._with_assets):
                raise self._missing(layer, group)
            return
        with _named(f"{self._label}: {group.path}"):
            self.setters.append(layer.state_setter(arrays, assets))

    def _missing(self, layer: Layer, group: Group) -> FileError:
        return FileError(
            f"{self._label}: {group.path}: a vocabulary or weights of {layer_label(layer)} are "
            "expected; the file has none"
        )

    def _visit_list(self, layers: list[Layer], container: Group) -> None:
        """Matches the members of a list with those in the file, class by class, by order."""
        for name in dict.fromkeys(snake_case(type(layer).__name__) for layer in layers):
            members = [
                layer
                for layer in layers
                if snake_case(type(layer).__name__) == name
                and id(layer) not in self._visited
                and self._has_content(layer)
            ]
            groups = _numbered(container, name)
            for layer in members:
                if groups:
                    self.visit(layer, groups.pop(0))
                elif isinstance(layer, KeepsFileState):
                    raise self._missing(layer, container)

    def _has_content(self, layer: Layer) -> bool:
        """Whether a file holds a group of the layer that is not empty."""
        inside = (layer, *descendants(layer))
        states = (part for part in inside if isinstance(part, KeepsFileState))
        return bool(layer.weights) or any(s.expects_state(self._with_assets) for s in states)


def _numbered(container: Group, name: str) -> list[Group]:
    """The groups ``name``, ``name_1``, ... that are not empty, by number."""
    found: list[tuple[int, Group]] = []
    for key, group in container.groups.items():
        number = key.removeprefix(name).removeprefix("_") or "0"
        if key.startswith(name) and number.isdecimal() and _is_filled(group):
            found.append((int(number), group))
    return [group for _, group in sorted(found, key=lambda item: item[0])]


def _is_filled(group: Group) -> bool:
    return bool(group.arrays or group.assets) or any(map(_is_filled, group.groups.values()))


def take_legacy_states(
    layers: list[Layer], weights: Group, found: dict[str, Any], label: str
) -> list[Setter]:
    """Finds what layers keep in a legacy HDF5 file, by their names, and takes it out of `found`.

    Args:
        layers: The model's layers.
        weights: The group with a group for each layer.
        found: The layers of the file that have arrays, by name.
        label: How errors call the file.

    Returns:
        Functions that set it.

    Raises:
        FileError: It does not fit.
    """
    setters = []
    for layer in layers:
        if isinstance(layer, KeepsFileState) and found.pop(layer.name, None) is not None:
            group = weights.groups[layer.name]
            arrays = [group.array(name) for name in group.names("weight_names") or []]
            with _named(f"{label}: {group.path}"):
                setters.append(layer.state_setter([a for a in arrays if a is not None], {}))
    return setters


def copy_states(source: Layer, target: Layer) -> None:
    """Copies what the layers of a model keep to those of another one of the same layers."""
    for theirs, ours in zip(descendants(source), descendants(target), strict=True):
        if isinstance(ours, KeepsFileState):
            ours.copy_state(theirs)


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Makes a DataError about a state one about the file."""
    try:
        yield
    except DataError as error:
        raise FileError(f"{where}: {error}") from error
