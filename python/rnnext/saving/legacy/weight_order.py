"""Finds out in which order a legacy file has the weights of one layer.

Keras writes the weights of a wrapper, of stacked cells or of a nested model as one list: those that
are trained, then those that are not. What was frozen before saving stands behind the rest, and a
config does not always say what was frozen. The names of the weights do::

    bidirectional/backward_lstm/lstm_cell/kernel:0     first, because the forward layer was frozen
    bidirectional/forward_lstm/lstm_cell/kernel:0

Names are compared by the words that the file and the model have in common; each Keras leaves out
other levels. Numbers rank names that are otherwise the same (``dense_7``, ``dense_8``), since a
program that is run again makes its layers in the same order. Where names decide nothing, Keras's
own rule holds: the order that the model's `trainable` flags give.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from rnnext.layers.layer import Layer
from rnnext.layers.rnn.bidirectional import Bidirectional
from rnnext.layers.rnn.time_distributed import TimeDistributed
from rnnext.layers.variable import Variable
from rnnext.models import Model
from rnnext.saving.weight_plan import Array

__all__ = ["Part", "StoredWeight", "legacy_order", "parts_of", "parts_with_arrays"]

Token = tuple[str, int]
Path = tuple[Token, ...]
Sizes = Mapping[int, tuple[int, int]]
Positions = dict[int, list[int]]  # by the id of a part's layer: where in the file its arrays are
T = TypeVar("T")

# The words of names for the two attributes of a Bidirectional.
_DIRECTIONS = {"forward_layer": ("forward", 0), "backward_layer": ("backward", 0)}
# Keras 1 puts no slash before the last part of a name: forward_lstm_3_W_i, dense_1_b.
_KERAS1_NAME = re.compile(r"(.+)_([WUb](?:_[a-z]+)?|gamma|beta|running_mean|running_std|alphas)")


class StoredWeight(NamedTuple):
    """An array of a file under its name there."""

    name: str
    array: Array


@dataclass(frozen=True)
class Part:
    """A layer inside another one, or that one itself, that has weights of its own.

    Attributes:
        layer: The part.
        keras3: The words in the names of the layers down to it, as Keras 3 puts them together.
        keras2: The same of Keras 2. It puts the direction before any name in a Bidirectional, also
            before that of a `backward_layer`, and leaves out the name of a layer in a
            TimeDistributed.
    """

    layer: Layer
    keras3: Path
    keras2: Path

    @property
    def variables(self) -> list[Variable]:
        """Its own weights, those made for training first."""
        return self.layer._variables


def parts_of(layer: Layer) -> list[Part]:
    """The parts of a layer in the order of its structure, each once."""
    found: dict[int, Part] = {}
    for part in _walk(Part(layer, (), ())):
        found.setdefault(id(part.layer), part)
    return list(found.values())


def _walk(part: Part) -> Iterator[Part]:
    if part.variables:
        yield part
    for attribute, children in part.layer._children.items():
        for child in children if isinstance(children, list) else [children]:
            name = tuple(_tokens(child.name))
            name2 = _name_in_keras2(part.layer, attribute, child, name)
            yield from _walk(Part(child, part.keras3 + name, part.keras2 + name2))


def _name_in_keras2(owner: Layer, attribute: str, child: Layer, name: Path) -> Path:
    if isinstance(owner, TimeDistributed) and not isinstance(child, Model):
        return ()
    if isinstance(owner, Bidirectional) and attribute in _DIRECTIONS:
        direction = _DIRECTIONS[attribute]
        return (direction, *(token for token in name if token != direction))
    return name


def _tokens(name: str) -> list[Token]:
    """The words of one level of a name: forward_lstm_3 is ("forward", 0), ("lstm", 3)."""
    tokens = []
    while match := re.match(r"(forward|backward)_(?=.)", name):
        tokens.append((match[1], 0))
        name = name[match.end() :]
    base, _, number = name.rpartition("_")
    numbered = base and number.isdecimal() and len(number) < 10
    tokens.append((base, int(number)) if numbered else (name, 0))
    return list(dict.fromkeys(tokens))


def legacy_order(layer: Layer) -> list[Variable]:
    """The weights in the order in which Keras writes them, by the model's `trainable` flags."""
    return layer.trainable_weights + layer.non_trainable_weights


def parts_with_arrays(
    layer: Layer, stored: Sequence[StoredWeight], sizes: Sizes
) -> list[tuple[Part, list[Array]]]:
    """Finds the arrays of each part of a layer.

    Args:
        layer: A layer of the model.
        stored: What the file has for it, in the file's order.
        sizes: How many arrays the file has for each part, by the `id` of its layer: for weights
            that are trained, and for others. Their sum is the length of `stored`.

    Returns:
        Each part with its arrays, in the order of its own weights.
    """
    parts = parts_of(layer)
    positions = _by_flags(layer, parts, sizes)
    if len(parts) > 1:
        own = tuple(_tokens(layer.name))
        keras3 = [part.keras3 for part in parts]
        # Keras 3 puts the nearest model's name first, which for some may be that of the layer.
        for paths in ([part.keras2 for part in parts], [own + path for path in keras3], keras3):
            named = _by_names(parts, paths, stored, sizes, positions)
            if named is not None:
                positions = named
                break
    return [(part, [stored[i].array for i in positions[id(part.layer)]]) for part in parts]


def _by_flags(layer: Layer, parts: list[Part], sizes: Sizes) -> Positions:
    """Positions by Keras's rule."""
    owners = {id(variable): part for part in parts for variable in part.variables}
    taken: dict[tuple[int, bool], list[int]] = {}
    position = 0
    for variable in legacy_order(layer):
        part = id(owners[id(variable)].layer)
        kind = not variable.made_trainable
        count = sizes[part][kind]
        variables = [v for v in owners[id(variable)].variables if v.made_trainable != kind]
        if count == len(variables):
            places = taken.setdefault((part, kind), [0] * count)
            places[next(i for i, v in enumerate(variables) if v is variable)] = position
            position += 1
        elif (part, kind) not in taken:  # one array for each gate
            taken[part, kind] = list(range(position, position + count))
            position += count
    return {
        id(part.layer): taken.get((id(part.layer), False), [])
        + taken.get((id(part.layer), True), [])
        for part in parts
    }


class _Name(NamedTuple):
    """A weight's name, taken apart."""

    path: Path
    leaf: Token


def _parsed(name: str) -> _Name:
    name = name.partition(":")[0]
    path, _, leaf = name.rpartition("/")
    if not path and (match := _KERAS1_NAME.fullmatch(name)):
        path, leaf = match[1], match[2]
    words = [token for level in path.split("/") if level for token in _tokens(level)]
    base, _, number = leaf.rpartition("_")
    numbered = base and number.isdecimal() and len(number) < 10
    return _Name(tuple(words), (base, int(number)) if numbered else (leaf, 0))


def _by_names(
    parts: list[Part],
    paths: list[Path],
    stored: Sequence[StoredWeight],
    sizes: Sizes,
    by_flags: Positions,
) -> Positions | None:
    """Positions by the names in the file, or None where they do not decide."""
    names = [_parsed(weight.name) for weight in stored]
    scopes: dict[Path, list[int]] = defaultdict(list)
    for position, name in enumerate(names):
        scopes[name.path].append(position)
    alike = _alike(list(scopes), paths)
    if alike is None:
        return None
    scope_paths, part_paths = alike
    scope_groups = _by_words(scope_paths, list(scopes.values()))
    part_groups = _by_words(part_paths, parts)
    if scope_groups.keys() != part_groups.keys():
        return None
    found: Positions = {}
    same_numbers = True
    for words, members in part_groups.items():
        pairs = _ranked(scope_groups[words], members)
        same_numbers = same_numbers and all(pair.same_number for pair in pairs)
        for pair in pairs:
            placed = _placed(pair, names, sizes, by_flags)
            if placed is None:
                return None
            found.update(placed)
    # An order that no freezing explains says that the file's program made its layers in another
    # order than the model's: then their numbers prove nothing.
    return found if same_numbers or _could_be_frozen(parts, found) else None


def _alike(scopes: list[Path], parts: list[Path]) -> tuple[list[Path], list[Path]] | None:
    """Both, cut to the words that they have in common; None where some part has no scope.

    A scope loses the levels that all scopes share and words that no part has. Of each part's path
    those words stay that make up the scope most like it: Keras leaves out levels, mostly the names
    of nested models.
    """
    words_of_parts = {word for path in parts for word, _ in path}
    shared = _without_common_start(scopes)
    scopes = [tuple(token for token in path if token[0] in words_of_parts) for path in shared]
    known = {tuple(word for word, _ in path) for path in scopes}
    cut = [_cut(path, known) for path in parts]
    return None if None in cut else (scopes, [path for path in cut if path is not None])


def _cut(path: Path, known: set[tuple[str, ...]]) -> Path | None:
    """The tokens of a path that make up known words, those nearest to its end."""
    best: list[int] | None = None
    for words in known:
        taken: list[int] = []
        for position in reversed(range(len(path))):
            if len(taken) < len(words) and path[position][0] == words[-1 - len(taken)]:
                taken.append(position)
        if len(taken) == len(words):
            best = taken if best is None else max(best, taken)
    return None if best is None else tuple(path[position] for position in reversed(best))


def _without_common_start(paths: list[Path]) -> list[Path]:
    while len(set(paths)) > 1 and all(paths) and len({path[0] for path in paths}) == 1:
        paths = [path[1:] for path in paths]
    return paths


def _by_words(paths: list[Path], items: list[T]) -> dict[tuple[str, ...], list[tuple[Path, T]]]:
    """Items with their paths, by the words of the paths."""
    groups: dict[tuple[str, ...], list[tuple[Path, T]]] = defaultdict(list)
    for path, item in zip(paths, items, strict=True):
        groups[tuple(word for word, _ in path)].append((path, item))
    return dict(groups)


class _Pair(NamedTuple):
    """Scopes of the file that belong to parts of the model; mostly one of each.

    Attributes:
        scopes: Positions of the weights of each scope.
        parts: The parts.
        same_number: Whether their names have the same numbers.
    """

    scopes: list[list[int]]
    parts: list[Part]
    same_number: bool


def _ranked(scopes: list[tuple[Path, list[int]]], parts: list[tuple[Path, Part]]) -> list[_Pair]:
    """Pairs scopes and parts whose names have the same words, by the rank of their numbers."""
    columns = list(zip(*(path for path, _ in parts), strict=True))
    telling = [i for i, column in enumerate(columns) if len(set(column)) > 1]
    scope_ranks: dict[Path, list[list[int]]] = defaultdict(list)
    part_ranks: dict[Path, list[Part]] = defaultdict(list)
    for path, positions in scopes:
        scope_ranks[tuple(path[i] for i in telling)].append(positions)
    for path, part in parts:
        part_ranks[tuple(path[i] for i in telling)].append(part)
    if len(scope_ranks) != len(part_ranks):
        return [_Pair([positions for _, positions in scopes], [part for _, part in parts], True)]
    keys = zip(sorted(scope_ranks), sorted(part_ranks), strict=True)
    return [_Pair(scope_ranks[a], part_ranks[b], a == b) for a, b in keys]


def _placed(pair: _Pair, names: list[_Name], sizes: Sizes, by_flags: Positions) -> Positions | None:
    """Positions of the parts of one pair; None if its scopes cannot be theirs."""
    scopes, parts = pair.scopes, pair.parts
    if len(scopes) == 1 and len(parts) > 1:
        return _numbered(scopes[0], parts, names)
    if len(scopes) != len(parts):
        return None
    # Where several have one name, Keras's rule decides.
    parts = sorted(parts, key=lambda part: by_flags[id(part.layer)][:1])
    placed: Positions = {}
    for part, positions in zip(parts, sorted(scopes), strict=True):
        if len(positions) != sum(sizes[id(part.layer)]):
            return None
        own = [variable.name for variable in part.variables]
        leaves = [names[position].leaf[0] for position in positions]
        if sorted(own) == sorted(leaves) and len(set(own)) == len(own):
            positions = [positions[leaves.index(name)] for name in own]
        placed[id(part.layer)] = positions
    return placed


def _numbered(positions: list[int], parts: list[Part], names: list[_Name]) -> Positions | None:
    """Positions of parts that share a scope: kernel, kernel_1, ... in the order of building.

    So Keras before 2.4 and tf.keras 1 name the weights of stacked cells.
    """
    waiting: dict[str, list[int]] = defaultdict(list)
    for position in sorted(positions, key=lambda position: names[position].leaf[1]):
        waiting[names[position].leaf[0]].append(position)
    placed: Positions = {}
    for part in parts:
        own = [variable.name for variable in part.variables]
        if not all(waiting[name] for name in own):
            return None
        placed[id(part.layer)] = [waiting[name].pop(0) for name in own]
    return None if any(waiting.values()) else placed


def _could_be_frozen(parts: list[Part], positions: Positions) -> bool:
    """Whether some of the parts behind the others, both in order, make the order of the file."""
    rank = {id(part.layer): number for number, part in enumerate(parts)}
    trained = [id(part.layer) for part in parts if part.variables[0].made_trainable]
    order = [rank[part] for part in sorted(trained, key=lambda part: positions[part][0])]
    return sum(later < earlier for earlier, later in itertools.pairwise(order)) <= 1
