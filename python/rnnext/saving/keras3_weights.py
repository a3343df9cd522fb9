"""Finds the weights of a model in Keras 3's tree of groups.

Keras 3 (and Keras 2.12 to 2.15 in their ``.keras`` files) writes the weights of a layer into
``<path of the layer>/vars/0, 1, ...``. A layer held by an attribute has the attribute's name in
the path. Layers in a list have their class name in snake case there, numbered by class in the
order of the list; a model's list is ``layers``. Where a layer occurs twice it is written once, at
the place that is reached first.

Keras 2.12 to 2.14 call a model's list ``_layer_checkpoint_dependencies`` and count a layer with
weights twice (``dense``, ``dense_2``, ``dense_4``). So the layers and groups of a class that hold
weights are matched by order; their numbers need not be consecutive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rnnext.errors import FileError
from rnnext.layers.layer import Layer
from rnnext.models import Model
from rnnext.naming import snake_case
from rnnext.saving.formats.hdf5 import Group
from rnnext.saving.weight_plan import Array, WeightPlan, layer_label

__all__ = ["child_layers", "descendants", "group_name", "is_keras3_tree", "plan_keras3_weights"]

_MODEL_LISTS = ("layers", "_layer_checkpoint_dependencies")
# Random number generators of dropout; they have no part in inference.
_IGNORED = re.compile(r"_?seed_generator(_\d+)?")


def is_keras3_tree(root: Group) -> bool:
    """True if a file's root has the groups of this layout."""
    return any(name in root.groups for name in (*_MODEL_LISTS, "vars"))


def plan_keras3_weights(model: Layer, root: Group, label: str) -> WeightPlan:
    """Match a model's weights with the arrays of a file.

    Args:
        model: A built Sequential or functional model.
        root: The file.
        label: How errors call the file.

    Returns:
        A plan in which every weight of the model has its array.

    Raises:
        FileError: A weight is missing, misshapen, or left over.
    """
    plan = WeightPlan(label)
    _Matcher(plan).visit(model, root)
    return plan


class _Matcher:
    """One walk over the layers, in the order in which Keras writes them."""

    def __init__(self, plan: WeightPlan) -> None:
        self._plan = plan
        self._visited: set[int] = set()

    def visit(self, layer: Layer, group: Group) -> None:
        """Match a layer's own weights, then its children's."""
        self._visited.add(id(layer))
        variables = group.groups.get("vars", Group())
        path = f"{group.path.rstrip('/')}/vars"
        self._plan.add_all(layer, layer._variables, _in_order(variables), path)
        known = {"vars"}
        for attribute, child in child_layers(layer):
            # Keras 3 made attributes public that were private in Keras 2, such as _query_dense.
            spellings = _MODEL_LISTS if attribute == "layers" else (attribute, f"_{attribute}")
            name = next((name for name in spellings if name in group.groups), attribute)
            subgroup = group.groups.get(name, Group(f"{group.path.rstrip('/')}/{name}"))
            known.add(name)
            if not isinstance(child, Layer):
                self._visit_list(layer, child, subgroup)
            elif id(child) not in self._visited:
                self.visit(child, subgroup)
        if not isinstance(layer, Model):  # beside a model's layers are its metrics and the like
            for name, subgroup in group.groups.items():
                if name not in known and _holds_weights(name, subgroup):
                    raise self._surplus(layer, subgroup)

    def _visit_list(self, owner: Layer, layers: Sequence[Layer], container: Group) -> None:
        """Match the members of a list, class by class."""
        groups = _groups_by_class(container, {group_name(layer) for layer in layers})
        self._check_counts(layers, groups, container)
        for layer in layers:
            if id(layer) not in self._visited and layer.weights:
                candidates = groups.get(group_name(layer), [])
                if not candidates:
                    raise self._missing([layer], candidates, container)
                self.visit(layer, candidates.pop(0))
        left = [group for candidates in groups.values() for group in candidates]
        if left:
            raise self._surplus(owner, left[0])

    def _check_counts(
        self, layers: Sequence[Layer], groups: dict[str, list[Group]], container: Group
    ) -> None:
        """Every layer has a group: else those after a missing one would take the wrong ones."""
        # A layer that is also inside another member may be written there.
        inside = {id(below) for layer in layers for below in descendants(layer)}
        waiting: dict[str, list[Layer]] = {}
        for layer in layers:
            if id(layer) not in self._visited | inside and layer.weights:
                waiting.setdefault(group_name(layer), []).append(layer)
        for name, members in waiting.items():
            candidates = groups.get(name, [])
            if len(candidates) < len(members):
                raise self._missing(members, candidates, container)

    def _missing(
        self, layers: Sequence[Layer], found: Sequence[Group], container: Group
    ) -> FileError:
        expected = ", ".join(map(layer_label, layers))
        return FileError(
            f"{self._plan.label}: {container.path}: weights of {expected} are expected; the file "
            f"has {[group.path for group in found] or 'none of this class'}"
        )

    def _surplus(self, layer: Layer, group: Group) -> FileError:
        return FileError(
            f"{self._plan.label}: {group.path}: {group.array_count()} weights that no layer of "
            f"{layer_label(layer)} takes"
        )


def child_layers(layer: Layer) -> list[tuple[str, Layer | list[Layer]]]:
    """Child layers by attribute, in Keras's order: a model's layers first, private names last."""

    def position(item: tuple[str, object]) -> tuple[bool, bool, str]:
        return item[0] != "layers", item[0].startswith("_"), item[0]

    return sorted(layer._children.items(), key=position)


def group_name(layer: Layer) -> str:
    """Name of a layer's group in a list, without its number."""
    return snake_case(type(layer).__name__)


def descendants(layer: Layer) -> Iterator[Layer]:
    """All layers inside a layer."""
    for child in layer._layers:
        yield child
        yield from descendants(child)


def _groups_by_class(container: Group, classes: set[str]) -> dict[str, list[Group]]:
    """Groups of a list that hold weights, by class, in the order of their numbers."""
    numbered: dict[str, list[tuple[int, Group]]] = {}
    for name, group in container.groups.items():
        if _holds_weights(name, group):
            base, number = _split_number(name, classes)
            numbered.setdefault(base, []).append((number, group))
    return {
        base: [group for _, group in sorted(items, key=lambda item: item[0])]
        for base, items in numbered.items()
    }


def _split_number(name: str, classes: set[str]) -> tuple[str, int]:
    """Class and number from a group's name; a class name may itself end in a number."""
    if name in classes:
        return name, 0
    base, _, number = name.rpartition("_")
    return (base, int(number)) if base and number.isdecimal() else (name, 0)


def _holds_weights(name: str, group: Group) -> bool:
    """True if a group or a group below it has arrays that belong to a layer."""
    if _IGNORED.fullmatch(name):
        return False
    return bool(group.arrays) or any(_holds_weights(n, g) for n, g in group.groups.items())


def _in_order(variables: Group) -> list[Array]:
    """Arrays 0, 1, ... of a vars group."""
    names = sorted(variables.arrays, key=lambda name: (not name.isdecimal(), name.zfill(8)))
    return [variables.arrays[name] for name in names]
