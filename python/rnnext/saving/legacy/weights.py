"""Finds the weights of a model in a legacy HDF5 file (Keras 1 and 2, and ``.h5`` of Keras 3).

The file lists its layers in the attribute ``layer_names`` and the arrays of each layer in
``weight_names`` of the layer's group. A wrapper or nested model has the weights of everything
inside it in one list; `weight_order` finds out in which order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnext.errors import FileError
from rnnext.layers.layer import Layer
from rnnext.models import Model
from rnnext.saving.formats.hdf5 import Group
from rnnext.saving.keras3_weights import descendants
from rnnext.saving.legacy.cudnn_layout import gru_from_cudnn, lstm_from_cudnn
from rnnext.saving.legacy.keras1_weights import Origin, convolution_from_keras1, joined_gates
from rnnext.saving.legacy.theano_layout import check_windows, turned
from rnnext.saving.legacy.weight_order import (
    Part,
    StoredWeight,
    legacy_order,
    parts_of,
    parts_with_arrays,
)
from rnnext.saving.weight_plan import Array, Mismatch, WeightPlan, layer_label

__all__ = ["layer_arrays", "legacy_order", "plan_legacy_weights", "plan_model_weights"]


def layer_arrays(weights: Group, label: str) -> dict[str, list[StoredWeight]]:
    """Arrays of each layer of a file under their names; layers without arrays are left out.

    Args:
        weights: The group with ``layer_names``.
        label: How errors call the file.

    Raises:
        FileError: A listed group or array is missing.
    """
    found: dict[str, list[StoredWeight]] = {}
    for layer_name in weights.names("layer_names") or []:
        group = weights.group(layer_name)
        if group is None:
            raise FileError(f"{label}: {weights.path}: listed layer {layer_name!r} has no group.")
        stored = _listed(group, label)
        if stored:
            found[layer_name] = stored
    return found


def _listed(group: Group, label: str) -> list[StoredWeight]:
    stored = []
    for name in group.names("weight_names") or []:
        array = group.array(name)
        if array is None:
            raise FileError(f"{label}: {group.path}: listed weight {name!r} is missing.")
        stored.append(StoredWeight(name, array))
    return stored


def plan_legacy_weights(
    layers: Sequence[Layer],
    found: dict[str, list[StoredWeight]],
    label: str,
    by_name: bool,
    origin: Origin = Origin(),  # noqa: B008 - immutable
    skip_mismatch: bool = False,
) -> WeightPlan:
    """Matches a model's weights with the arrays of a file.

    Args:
        layers: The model's layers.
        found: What `layer_arrays` returned.
        label: How errors call the file.
        by_name: Match layers by name; layers whose name the file does not have keep their
            weights. Otherwise the n-th layer with weights takes the n-th entry.
        origin: Which Keras and backend saved the file.
        skip_mismatch: Whether weights of another shape, and layers of another number of weights,
            keep theirs.

    Returns:
        The plan.

    Raises:
        FileError: The number of layers, or a layer's number or shapes of weights, differs.
    """
    plan = WeightPlan(label, Mismatch.SKIP_WEIGHT if skip_mismatch else Mismatch.RAISE)
    weighted = [layer for layer in layers if layer.weights]
    if by_name:
        pairs = [(layer, layer.name) for layer in weighted if layer.name in found]
    else:
        if len(weighted) != len(found):
            raise FileError(
                f"{label}: the file has weights of {len(found)} layers {list(found)}, the model "
                f"has {len(weighted)} layers with weights {[layer.name for layer in weighted]}."
            )
        pairs = list(zip(weighted, found, strict=True))
    for layer, name in pairs:
        _plan_layer(plan, layer, name, found[name], origin.is_keras1)
    if origin.is_theano:
        for layer in layers:
            for part in (layer, *descendants(layer)):
                check_windows(part, label)
        plan.convert(turned)
    return plan


def plan_model_weights(plan: WeightPlan, model: Model, weights: Group, by_name: bool) -> None:
    """Plan the weights that a model has beside its layers.

    Args:
        plan: The plan of the layers' weights.
        model: The model.
        weights: The group with ``layer_names``.
        by_name: Whether weights may be left as they are where the file has none.

    Raises:
        FileError: The file has others, or none: Keras before 2.6 did not write them.
    """
    group = weights.groups.get("top_level_model_weights", Group())
    stored = _listed(group, plan.label)
    if stored or not by_name:
        arrays = [weight.array for weight in stored]
        plan.add_all(model, model._variables, arrays, "top_level_model_weights")


def _plan_layer(
    plan: WeightPlan, layer: Layer, name: str, stored: list[StoredWeight], is_keras1: bool
) -> None:
    """Plan the arrays of one layer and of all inside it."""
    parts = parts_of(layer)
    sizes = next((s for s in _possible_sizes(parts) if _total(s) == len(stored)), None)
    if sizes is None:  # an error that names all weights
        plan.add_all(layer, legacy_order(layer), [weight.array for weight in stored], name)
        return
    where = f"{plan.label}: {name}: {layer_label(layer)}"
    try:
        arrays = [
            (part, _converted(part.layer, arrays, where, is_keras1))
            for part, arrays in parts_with_arrays(layer, stored, sizes)
        ]
    except FileError as error:
        plan.reject(error)
        return
    for part, converted in arrays:
        plan.add_all(layer, part.variables, converted, name)


def _possible_sizes(parts: list[Part]) -> Iterator[dict[int, tuple[int, int]]]:
    """How many arrays a file may have for each part: one for each weight, or for each gate."""
    plain: dict[int, tuple[int, int]] = {}
    for part in parts:
        trained = sum(variable.made_trainable for variable in part.variables)
        plain[id(part.layer)] = (trained, len(part.variables) - trained)
    yield plain
    gates = {id(part.layer): 4 if _is_lstm(part.layer) else 3 for part in parts if _is_gated(part)}
    yield {part: (3 * gates[part], 0) if part in gates else size for part, size in plain.items()}


def _total(sizes: dict[int, tuple[int, int]]) -> int:
    return sum(map(sum, sizes.values()))


def _is(layer: Layer, class_name: str) -> bool:
    """True for a layer of a class of Keras or a subclass of it."""
    return any(base.__name__ == class_name for base in type(layer).__mro__)


def _is_lstm(layer: Layer) -> bool:
    return _is(layer, "LSTMCell") or _is(layer, "ConvLSTMCell")


def _is_gated(part: Part) -> bool:
    return _is_lstm(part.layer) or _is(part.layer, "GRUCell")


def _converted(layer: Layer, arrays: list[Array], where: str, is_keras1: bool) -> list[Array]:
    """Arrays of a file in the layout of rnnext's layer."""
    if is_keras1:
        arrays = convolution_from_keras1(layer, arrays)
    if _is_lstm(layer):
        return _converted_lstm(joined_gates(arrays, (0, 2, 1, 3)), where)
    if _is(layer, "GRUCell"):
        return _converted_gru(layer, joined_gates(arrays, (0, 1, 2)), where)
    return arrays


def _converted_lstm(arrays: list[Array], where: str) -> list[Array]:
    """An LSTM's arrays; a bias of 8 units proves the cuDNN layout."""
    if not _has_bias(arrays):
        return arrays
    units, bias = arrays[1].shape[0], arrays[2].shape
    if bias == (8 * units,):
        _check_kernels(arrays, 4, where)
        return lstm_from_cudnn(*arrays)
    return arrays


def _converted_gru(layer: Layer, arrays: list[Array], where: str) -> list[Array]:
    """A GRU's arrays; the bias's shape proves the layout and reset_after."""
    if not _has_bias(arrays):
        return arrays
    units, bias = arrays[1].shape[0], arrays[2].shape
    after = bias in ((6 * units,), (2, 3 * units))
    expected = bool(layer.reset_after)  # type: ignore[attr-defined]
    if after != expected and bias in ((3 * units,), (6 * units,), (2, 3 * units)):
        raise FileError(
            f"{where}: weight 'bias' has shape {bias}, which is that of reset_after={after}; "
            f"the layer has reset_after={expected}."
        )
    if bias == (6 * units,):
        _check_kernels(arrays, 3, where)
        return gru_from_cudnn(*arrays)
    return arrays


def _has_bias(arrays: list[Array]) -> bool:
    return len(arrays) == 3 and arrays[1].ndim == 2


def _check_kernels(arrays: list[Array], gates: int, where: str) -> None:
    """Before blocks are cut: both kernels must have the width of all gates."""
    width = gates * arrays[1].shape[0]
    for array in arrays[:2]:
        if array.ndim != 2 or array.shape[1] != width:
            raise FileError(
                f"{where}: a cuDNN kernel of width {width} is expected, the file has {array.shape}."
            )
