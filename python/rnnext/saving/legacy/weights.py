"""Finds the weights of a model in a legacy HDF5 file (Keras 1 and 2, and ``.h5`` of Keras 3).

The file lists its layers in the attribute ``layer_names`` and the arrays of each layer, in order,
in ``weight_names`` of the layer's group: trainable weights first, then the others. A wrapper or
nested model has the weights of everything inside it in one list.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnnext.errors import FileError
from rnnext.layers.layer import Layer
from rnnext.layers.variable import Variable
from rnnext.models import Model
from rnnext.saving.formats.hdf5 import Group
from rnnext.saving.keras3_weights import descendants
from rnnext.saving.legacy.cudnn_layout import gru_from_cudnn, lstm_from_cudnn
from rnnext.saving.legacy.keras1_weights import Origin, convolution_from_keras1, joined_gates
from rnnext.saving.legacy.theano_layout import check_windows, turned
from rnnext.saving.weight_plan import Array, WeightPlan, layer_label

__all__ = ["layer_arrays", "legacy_order", "plan_legacy_weights"]


def layer_arrays(weights: Group, label: str) -> dict[str, list[Array]]:
    """Arrays of each layer of a file, in order; layers without arrays are left out.

    Args:
        weights: The group with ``layer_names``.
        label: How errors call the file.

    Raises:
        FileError: A listed group or array is missing.
    """
    found: dict[str, list[Array]] = {}
    for layer_name in weights.names("layer_names") or []:
        group = weights.group(layer_name)
        if group is None:
            raise FileError(f"{label}: {weights.path}: listed layer {layer_name!r} has no group")
        arrays = []
        for weight_name in group.names("weight_names") or []:
            array = group.array(weight_name)
            if array is None:
                raise FileError(f"{label}: {group.path}: listed weight {weight_name!r} is missing")
            arrays.append(array)
        if arrays:
            found[layer_name] = arrays
    return found


def plan_legacy_weights(
    layers: Sequence[Layer],
    found: dict[str, list[Array]],
    label: str,
    by_name: bool,
    origin: Origin = Origin(),  # noqa: B008 - immutable
) -> WeightPlan:
    """Match a model's weights with the arrays of a file.

    Args:
        layers: The model's layers.
        found: What `layer_arrays` returned.
        label: How errors call the file.
        by_name: Match layers by name; layers whose name the file does not have keep their
            weights. Otherwise the n-th layer with weights takes the n-th entry.
        origin: Which Keras and backend saved the file.

    Returns:
        The plan.

    Raises:
        FileError: The number of layers, or a layer's number or shapes of weights, differs.
    """
    plan = WeightPlan(label)
    weighted = [layer for layer in layers if layer.weights]
    if by_name:
        pairs = [(layer, layer.name) for layer in weighted if layer.name in found]
    else:
        if len(weighted) != len(found):
            raise FileError(
                f"{label}: the file has weights of {len(found)} layers {list(found)}, the model "
                f"has {len(weighted)} layers with weights {[layer.name for layer in weighted]}"
            )
        pairs = list(zip(weighted, found, strict=True))
    for layer, name in pairs:
        where = f"{label}: {name}: {layer_label(layer)}"
        arrays = _converted(layer, found[name], where, origin.is_keras1)
        plan.add_all(layer, legacy_order(layer), arrays, name)
    if origin.is_theano:
        for layer in layers:
            for part in (layer, *descendants(layer)):
                check_windows(part, label)
        plan.convert(turned)
    return plan


def legacy_order(layer: Layer) -> list[Variable]:
    """The weights of a layer and of everything inside it, in the order of a legacy file."""
    return layer.trainable_weights + layer.non_trainable_weights


def _is(layer: Layer, class_name: str) -> bool:
    """True for a layer of a class of Keras or a subclass of it."""
    return any(base.__name__ == class_name for base in type(layer).__mro__)


def _converted(layer: Layer, arrays: list[Array], where: str, is_keras1: bool) -> list[Array]:
    """Arrays of a file in the layout of rnnext's layer, wrapped layers included."""
    if _is(layer, "Bidirectional"):
        forward, backward = layer.forward_layer, layer.backward_layer  # type: ignore[attr-defined]
        # A different backward layer may have other weights; Keras 1 has four times as many arrays.
        both = len(forward.weights) + len(backward.weights)
        cut = len(forward.weights) if len(arrays) == both else len(arrays) // 2
        first = _converted(forward, arrays[:cut], where, is_keras1)
        return first + _converted(backward, arrays[cut:], where, is_keras1)
    if _is(layer, "TimeDistributed"):
        inner = layer.layer  # type: ignore[attr-defined]
        return _converted(inner, arrays, where, is_keras1)
    if isinstance(layer, Model):
        return _converted_model(layer, arrays, where, is_keras1)
    if is_keras1:
        arrays = convolution_from_keras1(layer, arrays)
    if _is(layer, "LSTM") or _is(layer, "ConvLSTM2D"):
        return _converted_lstm(joined_gates(arrays, (0, 2, 1, 3)), where)
    if _is(layer, "GRU"):
        return _converted_gru(layer, joined_gates(arrays, (0, 1, 2)), where)
    return arrays


def _converted_model(model: Model, arrays: list[Array], where: str, is_keras1: bool) -> list[Array]:
    """A nested model's arrays: the trainable ones of all its layers, then the others."""
    split = len(model.trainable_weights)
    trainable, others = list(arrays[:split]), list(arrays[split:])
    new_trainable: list[Array] = []
    new_others: list[Array] = []
    for layer in model.layers:
        first, second = len(layer.trainable_weights), len(layer.non_trainable_weights)
        own = _converted(layer, trainable[:first] + others[:second], where, is_keras1)
        new_trainable += own[:first]
        new_others += own[first:]
        del trainable[:first], others[:second]
    return new_trainable + new_others + trainable + others


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
            f"the layer has reset_after={expected}"
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
                f"{where}: a cuDNN kernel of width {width} is expected, the file has {array.shape}"
            )
