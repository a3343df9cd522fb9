"""Finds the weights of a model in Keras 3's tree of groups.

Keras 3 (and Keras 2.12 to 2.15 in their ``.keras`` and ``.weights.h5`` files) writes the weights of
a layer into ``<path of the layer>/vars/0, 1, ...``. A layer held by an attribute has the
attribute's name in the path. Layers in a list have their class name in snake case there, numbered
by class in the order of the list; a list in a list is a group ``container`` since 3.15. The list of
a model is ``layers``; that of a subclassed one has the layers that no attribute visited before it
holds. Where a layer occurs twice it is written once, at the place that is reached first.

Keras 2.12 to 2.14 call a model's list ``_layer_checkpoint_dependencies`` and count a layer with
weights twice (``dense``, ``dense_2``, ``dense_4``). So the layers and groups of a class that hold
weights are matched by order; their numbers need not be consecutive.
"""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from rnnext import nest
from rnnext.errors import FileError
from rnnext.layers.layer import Layer
from rnnext.models import Model
from rnnext.naming import snake_case
from rnnext.saving.formats.hdf5 import Group
from rnnext.saving.weight_plan import Array, Mismatch, WeightPlan, layer_label

__all__ = [
    "descendants",
    "has_own_list",
    "is_keras3_tree",
    "keras2_layers",
    "places",
    "plan_keras3_weights",
]

_MODEL_LISTS = ("layers", "_layer_checkpoint_dependencies")
# Random number generators of dropout; they have no part in inference.
_IGNORED = re.compile(r"_?seed_generator(_\d+)?")


class _Order(enum.Enum):
    """In which order the attributes of a layer were visited when a file was written."""

    KERAS3 = "by name, private ones last"
    KERAS2_14 = "from z to a"
    KERAS2_12 = "from A to z"
    ATTRIBUTES = "as KERAS3, but attributes alone, without a subclassed model's list of all layers"


def is_keras3_tree(root: Group) -> bool:
    """True if a file's root has the groups of this layout."""
    return any(name in root.groups for name in (*_MODEL_LISTS, "vars"))


def plan_keras3_weights(
    model: Layer, root: Group, label: str, skip_mismatch: bool = False
) -> WeightPlan:
    """Matches a model's weights with the arrays of a file.

    The file does not say which Keras wrote it. Each order of visits is tried; one that did not
    write the file leaves weights without a group, or groups without a weight.

    Args:
        model: A built model.
        root: The file.
        label: How errors call the file.
        skip_mismatch: Whether weights that are missing, misshapen or left over are skipped.

    Returns:
        A plan in which every weight of the model that is not skipped has its array.

    Raises:
        FileError: A weight is missing, misshapen, or left over.
    """
    errors: list[FileError] = []
    for order in _Order:
        plan = WeightPlan(label)
        try:
            _Matcher(plan, order).visit(model, root)
            plan.check_complete(model)
        except FileError as error:
            errors.append(error)
            continue
        return plan
    if not skip_mismatch:
        raise errors[0]
    plan = WeightPlan(label, Mismatch.SKIP_REST)
    _Matcher(plan, _Order.KERAS3).visit(model, root)
    return plan


def child_layers(layer: Layer) -> Iterator[tuple[str, Layer | list[Layer]]]:
    """The children of a layer by the attribute that holds them: a layer, or a list of layers."""
    for attribute, child in _walked(layer, _Order.KERAS3):
        if isinstance(child, Layer):
            yield attribute, child
        else:
            yield attribute, [leaf for leaf in nest.flatten(child) if isinstance(leaf, Layer)]


def places(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """The children of a layer, each with the path of its group in the layer's, as Keras 3 has it.

    A layer that has several places is written at the one that is visited first.
    """
    for attribute, child in _walked(layer, _Order.KERAS3):
        if isinstance(child, Layer):
            yield attribute, child
        else:
            yield from _places_in(attribute, child)


def _places_in(path: str, members: Sequence[Any]) -> Iterator[tuple[str, Layer]]:
    seen: Counter[str] = Counter()
    for member in members:
        name = group_name(member) if isinstance(member, Layer) else "container"
        place = f"{path}/{name}_{seen[name]}" if seen[name] else f"{path}/{name}"
        seen[name] += 1
        if isinstance(member, Layer):
            yield place, member
        else:
            yield from _places_in(place, _values(member))


def has_own_list(layer: Layer) -> bool:
    """True for a layer that has children in an attribute `layers`, such as a Sequential."""
    return "layers" in layer._children


class _Matcher:
    """One walk over the layers, in the order in which a Keras writes them."""

    def __init__(self, plan: WeightPlan, order: _Order) -> None:
        self._plan = plan
        self._order = order
        self._visited: set[int] = set()

    def visit(self, layer: Layer, group: Group) -> None:
        """Matches a layer's own weights, then its children's."""
        self._visited.add(id(layer))
        variables = group.groups.get("vars", Group())
        path = f"{group.path.rstrip('/')}/vars"
        if _loads_itself(layer):
            self._plan.leave_to(layer, variables.arrays)
        else:
            self._plan.add_all(layer, layer._variables, _in_order(variables), path)
        known = {"vars"}
        for attribute, child in _walked(layer, self._order):
            # Keras 3 made attributes public that were private in Keras 2, such as _query_dense.
            spellings = _MODEL_LISTS if attribute == "layers" else (attribute, f"_{attribute}")
            name = next((name for name in spellings if name in group.groups), attribute)
            subgroup = group.groups.get(name, Group(f"{group.path.rstrip('/')}/{name}"))
            known.add(name)
            if not isinstance(child, Layer):
                self._visit_list(layer, child, subgroup)
            elif _new_parts(child, self._visited):
                self.visit(child, subgroup)
            elif _holds_weights(name, subgroup):  # it was written at another place
                self._plan.reject(self._surplus(layer, subgroup))
        for name, subgroup in group.groups.items():
            # Beside a model's layers are its metrics and the like.
            is_other = isinstance(layer, Model) and name not in _MODEL_LISTS
            if name not in known and not is_other and _holds_weights(name, subgroup):
                self._plan.reject(self._surplus(layer, subgroup))

    def _visit_list(self, owner: Layer, members: Sequence[Any], container: Group) -> None:
        """Matches the members of a list: layers class by class, lists as containers."""
        lists = [_values(member) for member in members if not isinstance(member, Layer)]
        containers = _groups_by_class(container, {"container"}).get("container", [])
        if self._order is _Order.ATTRIBUTES and not containers:
            members, lists = nest.flatten(list(members)), []
        layers = _each_once(member for member in members if isinstance(member, Layer))
        groups = _groups_by_class(container, {name for x in layers for name in _group_names(x)})
        groups.pop("container", None)
        self._rename(layers, groups)
        if self._plan.mismatch is Mismatch.RAISE:
            self._check_counts(layers, groups, container)
        for layer in layers:
            if _new_parts(layer, self._visited):
                candidates = _candidates(layer, groups)
                if candidates:
                    self.visit(layer, candidates.pop(0))
                else:
                    self._plan.reject(self._missing([layer], candidates, container))
        left = [group for candidates in groups.values() for group in candidates]
        if containers:  # else the layers in lists are found elsewhere, or missed
            for inner in lists:
                self._visit_list(owner, inner, containers.pop(0) if containers else Group())
        if left or containers:
            self._plan.reject(self._surplus(owner, (left + containers)[0]))

    def _rename(self, layers: Sequence[Layer], groups: dict[str, list[Group]]) -> None:
        """Gives the one class that the file does not have the groups of the one only it has."""
        waiting = [layer for layer in layers if _new_parts(layer, self._visited)]
        names = {name for layer in waiting for name in _group_names(layer)}
        missing = {group_name(x) for x in waiting if not groups.keys() & set(_group_names(x))}
        foreign = groups.keys() - names
        if len(missing) == len(foreign) == 1:
            groups[missing.pop()] = groups.pop(foreign.pop())

    def _check_counts(
        self, layers: Sequence[Layer], groups: dict[str, list[Group]], container: Group
    ) -> None:
        """Every layer has a group: else those after a missing one would take the wrong ones."""
        written = set(self._visited)  # what is inside an earlier member is written there
        waiting: dict[str, list[Layer]] = {}
        for layer in layers:
            if _new_parts(layer, written):
                name = next((n for n in _group_names(layer) if n in groups), group_name(layer))
                waiting.setdefault(name, []).append(layer)
            written |= {id(part) for part in (layer, *descendants(layer))}
        for name, waiters in waiting.items():
            candidates = groups.get(name, [])
            if len(candidates) < len(waiters):
                raise self._missing(waiters, candidates, container)

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


def _walked(layer: Layer, order: _Order) -> list[tuple[str, Any]]:
    """The attributes of a layer that a Keras visits: layers, or lists as they are nested."""
    children = {name: _as_nested(layer, name, child) for name, child in layer._children.items()}
    if isinstance(layer, Model) and not has_own_list(layer) and order is not _Order.ATTRIBUTES:
        children["layers"] = layer.layers if order is _Order.KERAS3 else keras2_layers(layer)
    if order in (_Order.KERAS2_12, _Order.KERAS2_14):
        return sorted(children.items(), reverse=order is _Order.KERAS2_14)
    first = "layers" if isinstance(layer, Model) and has_own_list(layer) else None
    return sorted(
        children.items(), key=lambda item: (item[0] != first, item[0].startswith("_"), item[0])
    )


def keras2_layers(model: Model) -> list[Layer]:
    """The layers of a model in Keras 2's order, which sorts a subclassed one's dictionaries."""
    if has_own_list(model):
        return model.layers
    values = [nest.flatten(value) for value in model.__dict__.values()]
    return _each_once(x for leaves in values for x in leaves if isinstance(x, Layer))


def _as_nested(layer: Layer, attribute: str, value: Any) -> Any:
    """A list of layers as the attribute has it, with lists in it."""
    own = layer.__dict__.get(attribute)
    return _values(own) if isinstance(value, list) and nest.is_nested(own) else value


def _values(structure: Any) -> list[Any]:
    """The layers and lists of layers in a list, tuple or dict."""
    items = structure.values() if isinstance(structure, dict) else structure
    return [item for item in items if any(isinstance(x, Layer) for x in nest.flatten(item))]


def _each_once(layers: Iterator[Layer]) -> list[Layer]:
    return list({id(layer): layer for layer in layers}.values())


def group_name(layer: Layer) -> str:
    """Name of a layer's group in a list, without its number."""
    return snake_case(type(layer).__name__)


def _group_names(layer: Layer) -> list[str]:
    """Names that a layer's group may have: of its class in the file it is from, and of its own."""
    saved = layer.saved_class_name
    return [*([] if saved is None else [snake_case(saved)]), group_name(layer)]


def _loads_itself(layer: Layer) -> bool:
    """Whether a user's class decides what a file has of it."""
    return type(layer).load_own_variables is not Layer.load_own_variables


def _new_parts(layer: Layer, visited: set[int]) -> bool:
    """Whether a layer, or one inside it, has weights that were not written at another place."""
    if id(layer) in visited:
        return False
    return any(
        (part._variables or _loads_itself(part)) and id(part) not in visited
        for part in (layer, *descendants(layer))
    )


def _candidates(layer: Layer, groups: dict[str, list[Group]]) -> list[Group]:
    return next((groups[name] for name in _group_names(layer) if groups.get(name)), [])


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
