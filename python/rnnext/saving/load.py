"""Opens model files: decides the format, builds the model, then sets its weights."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnnext import serialization
from rnnext.errors import FileError, RnnextError
from rnnext.layers.weight_budget import bounded_weights, placeholders
from rnnext.models import Model
from rnnext.saving.formats.archive import Archive
from rnnext.saving.formats.foreign import foreign_content, is_tfjs_layers
from rnnext.saving.formats.hdf5 import Group, add_tree, read_hdf5
from rnnext.saving.formats.json_text import parse_object
from rnnext.saving.formats.limits import Limits
from rnnext.saving.formats.npz import read_npz
from rnnext.saving.formats.shards import read_shards
from rnnext.saving.formats.source import ModelFile, Source, open_source
from rnnext.saving.formats.tfjs import read_tfjs_weights, tfjs_topology
from rnnext.saving.keras3_weights import is_keras3_tree, keras2_layers, plan_keras3_weights
from rnnext.saving.layer_states import add_assets, take_legacy_states, take_states
from rnnext.saving.legacy.keras1_weights import Origin
from rnnext.saving.legacy.models import to_keras3_config
from rnnext.saving.legacy.named_weights import plan_named_weights
from rnnext.saving.legacy.refused import refuse_foreign_config
from rnnext.saving.legacy.weights import layer_arrays, plan_legacy_weights, plan_model_weights
from rnnext.saving.shared_members import with_shared_members
from rnnext.saving.training_state import (
    LEGACY_PARTS,
    legacy_state,
    load_optimizer,
    tree_state,
)
from rnnext.saving.verification import check_answers
from rnnext.saving.weight_plan import WeightPlan

__all__ = ["build_model", "load_model", "load_weights", "model_from_json"]

CustomObjects = Mapping[str, Any]

_CONFIG = "config.json"
_METADATA = "metadata.json"
_WEIGHTS_HDF5 = "model.weights.h5"
_WEIGHTS_NPZ = "model.weights.npz"
_WEIGHTS_SHARDED = "model.weights.json"
_LONGEST_PATH = 4096
_OPTIMIZER = "optimizer"
# Groups beside the weights that matter only for training.
_TRAINING_GROUPS = frozenset({"optimizer", "optimizer_weights", "metrics", "compile_metrics"})


def load_model(
    filepath: ModelFile,
    custom_objects: CustomObjects | None = None,
    compile: bool = True,  # noqa: A002 - Keras's name
    safe_mode: bool = True,  # noqa: ARG001
    *,
    verify: tuple[Any, Any] | None = None,
    tolerance: float = 2e-5,
    precision: str = "full",
    limits: Limits | None = None,
) -> Model:
    """Loads a model with its weights from a file that Keras saved.

    The format is decided by content, not by suffix: Keras 3 and Keras 2.12 to 2.15 ``.keras``
    archives (also unzipped into a folder), full-model HDF5 files of Keras 1, 2 and 3 and of
    tf.keras, and TensorFlow.js models of layers (``model.json``, or its folder). Nothing in the
    file is executed: a ``Lambda`` or any class rnnext does not have must be given in
    `custom_objects`.

    Args:
        filepath: Path of a file or folder, the bytes of a file, or an open binary file.
        custom_objects: Classes and functions by the name the file uses for them.
        compile: Whether the model is compiled as it was when it was saved, with the state of its
            optimizer. Both are restored when they are first asked for, by `fit` or
            `model.optimizer`; what cannot be restored is an error then. False: neither is read.
        safe_mode: Accepted for Keras's sake and ignored; code in a file is never run.
        verify: Inputs and the outputs that the model is known to give for them; compared with
            what it gives here before it is returned.
        tolerance: Largest absolute difference that `verify` accepts.
        precision: How the weights are kept for computing: "full", "bf16" or "int8"; see
            `Layer.set_precision`.
        limits: Bounds on what reading the file may cost; see `rnnext.saving.Limits`.

    Returns:
        The `Sequential` or functional `Model`.

    Raises:
        FileError: No model file, damaged, refused, weights that do not fit the architecture, or
            other answers than `verify` expects. The message names file, part and reason.
        UnsupportedError: A layer, option or activation that rnnext does not have, named.

    Example:
        >>> import rnnext
        >>> from rnnext.demo import MODEL_FILE
        >>> model = rnnext.load_model(MODEL_FILE)
        >>> model.output_shape
        (None, 1)
    """
    limits = limits or Limits()
    with open_source(filepath, limits) as source:
        if source.archive is not None:
            model = _model_from_archive(source.archive, custom_objects, limits, compile)
        elif source.hdf5 is not None:
            model = _model_from_hdf5(source, source.hdf5, custom_objects, limits, compile)
        else:
            content = parse_object(source.text or b"", source.label, "JSON", limits)
            model = _model_from_tfjs(source, content, custom_objects, limits)
    if precision != "full":
        model.set_precision(precision)
    if verify is not None:
        check_answers(model, *verify, tolerance, source.label)
    return model


def load_weights(
    model: Model,
    file: ModelFile,
    by_name: bool = False,
    *,
    skip_mismatch: bool = False,
    limits: Limits | None = None,
) -> None:
    """Sets a model's weights from a file. Either all of them are set or, on an error, none.

    Read are Keras 3's ``.weights.h5``, its sharded ``.weights.json``, legacy weights-only HDF5
    files, and the weights inside any full model file. Those of a TensorFlow.js model
    (``model.json``) are found by the names of the model's layers.

    Args:
        model: A built model with the architecture the weights were saved from.
        file: Path, bytes or open binary file. Shards need a path.
        by_name: Legacy files only: match layers by name instead of by order; layers that the
            file does not name keep their weights.
        skip_mismatch: Whether weights that do not fit the model keep their values: those of
            another shape, of layers that the file does not have, and of layers that the model does
            not have. A warning names them. Files of legacy layout still need as many layers as the
            model has, unless they are matched by name.
        limits: Bounds on what reading the file may cost.

    Raises:
        FileError: As in `load_model`.
    """
    limits = limits or Limits()
    if not model.built:
        raise FileError(
            f"{file if isinstance(file, str) else 'weights'}: model {model.name!r} is not built; "
            "give its first layer an input shape, or call it once, before loading weights."
        )
    trains = model._saved_training is not None or vars(model).get("compiled")
    wanted = (_OPTIMIZER,) if trains else ()
    with open_source(file, limits) as source:
        if source.archive is not None:
            root = _archive_weights(source.archive, limits, wanted)
        elif source.hdf5 is not None:
            root = read_hdf5(source.hdf5, source.label, limits, _TRAINING_GROUPS, wanted)
        else:
            content = parse_object(source.text or b"", source.label, "JSON", limits)
            if is_tfjs_layers(content):
                _check_no_options(source.label, by_name=by_name, skip_mismatch=skip_mismatch)
                arrays = read_tfjs_weights(source, content, limits)
                plan_named_weights(model, arrays, source.label).apply()
                return
            root = read_shards(source, limits)
        label = source.label
    weights = root.groups.get("model_weights", root)
    if weights.names("layer_names") is not None:
        found = layer_arrays(weights, label)
        origin = Origin.of(root, weights)
        layers = model.layers if origin.is_keras3 else keras2_layers(model)
        states = take_legacy_states(layers, weights, found, label)
        plan = plan_legacy_weights(layers, found, label, by_name, origin, skip_mismatch)
        plan_model_weights(plan, model, weights, by_name)
        _apply(states, plan)
    elif by_name:
        raise FileError(f"{label}: by_name=True needs a legacy file, which names its layers.")
    else:
        _apply(*_tree_plan(model, root, label, limits, False, skip_mismatch))
        if wanted:
            load_optimizer(model, root, label)


def model_from_json(
    json_string: str | bytes,
    custom_objects: CustomObjects | None = None,
    *,
    limits: Limits | None = None,
) -> Model:
    """Builds a model from what ``model.to_json()`` wrote in any Keras; its weights are fresh.

    Args:
        json_string: The JSON text, also that of a TensorFlow.js model of layers. Its
            ``keras_version`` decides what old defaults mean.
        custom_objects: Classes and functions by the name the text uses for them.
        limits: Bounds on the text's size and depth, and on the bytes of all weights.

    Returns:
        The `Sequential` or functional `Model`.

    Raises:
        FileError: Not the JSON of a model.
        UnsupportedError: A layer, option or activation that rnnext does not have, named.
    """
    label = "model JSON"
    limits = limits or Limits()
    _refuse_foreign_text(json_string, label, limits)
    config = parse_object(json_string, label, "architecture", limits)
    version = None
    if is_tfjs_layers(config):
        config, version = tfjs_topology(config, label)
    keras3 = to_keras3_config(config, version, label)
    with _naming_file(label), bounded_weights(limits.weights_bytes):
        model: Model = serialization.deserialize(with_shared_members(keras3), custom_objects)
        return model


def _refuse_foreign_text(text: str | bytes, label: str, limits: Limits) -> None:
    """Names what is given in place of JSON, if it is known."""
    content = text.encode(errors="replace") if isinstance(text, str) else bytes(text)
    if content.lstrip()[:1] == b"{":
        return
    if len(content) < _LONGEST_PATH and content.endswith((b".json", b".h5", b".keras")):
        raise FileError(
            f"{label}: {text!r} is the name of a file; model_from_json takes its content, such as "
            "pathlib.Path(name).read_text()."
        )
    if content.startswith((b"PK", b"\x89HDF")):
        with open_source(content, limits):  # which knows other programs' archives
            raise FileError(f"{label}: it is a model file, not JSON; rnnext.load_model opens it.")
    foreign = foreign_content(io.BytesIO(content), label)
    if foreign is not None:
        raise FileError(f"{label}: not the JSON of a model: {foreign}.")


def _model_from_archive(
    archive: Archive, custom_objects: CustomObjects | None, limits: Limits, with_training: bool
) -> Model:
    label = archive.label
    config = parse_object(archive.read(_CONFIG, limits.config_bytes), label, _CONFIG, limits)
    version = None
    if _METADATA in archive.names():
        metadata = archive.read(_METADATA, limits.config_bytes)
        version = parse_object(metadata, label, _METADATA, limits).get("keras_version")
    compile_config = config.get("compile_config") if with_training else None
    root = _archive_weights(archive, limits, (_OPTIMIZER,) if compile_config else ())
    model = build_model(to_keras3_config(config, version, label), custom_objects, label, limits)
    add_assets(archive, root, limits)
    _apply(*_tree_plan(model, root, label, limits, with_assets=True))
    saved = tree_state(compile_config, root, version, label, custom_objects)
    vars(model)["_saved_training"] = saved
    return model


def _archive_weights(archive: Archive, limits: Limits, wanted: Collection[str] = ()) -> Group:
    """The tree of weights in an archive, whichever way they are stored."""
    names = archive.names()
    for name in (_WEIGHTS_HDF5, _WEIGHTS_NPZ):
        if name in names:
            content = archive.read(name, limits.weights_bytes)
            label = f"{archive.label}: {name}"
            if name == _WEIGHTS_NPZ:
                return read_npz(content, label, limits)
            return read_hdf5(content, label, limits, _TRAINING_GROUPS, wanted)
    if _WEIGHTS_SHARDED in names:
        index = archive.read(_WEIGHTS_SHARDED, limits.config_bytes)
        return read_shards(Source(archive.label, archive=archive, text=index), limits)
    raise FileError(
        f"{archive.label}: {_WEIGHTS_HDF5}, {_WEIGHTS_NPZ} or {_WEIGHTS_SHARDED} is expected; "
        f"the archive has {sorted(names)}."
    )


def _model_from_hdf5(
    source: Source,
    file: Path | bytes,
    custom_objects: CustomObjects | None,
    limits: Limits,
    with_training: bool,
) -> Model:
    label = source.label
    wanted = LEGACY_PARTS if with_training else ()
    root = read_hdf5(file, label, limits, _TRAINING_GROUPS, wanted)
    text = root.text("model_config")
    weights = root.groups.get("model_weights")
    if text is None or weights is None:
        raise FileError(
            f"{label}: {'model_config' if text is None else 'model_weights'} is missing: the file "
            "holds no whole model. If it holds weights only, build the model first and call its "
            "load_weights."
        )
    config = parse_object(text, label, "model_config", limits)
    version = root.text("keras_version") or weights.text("keras_version")
    found = layer_arrays(weights, label)
    shapes = {name: [weight.array.shape for weight in weights] for name, weights in found.items()}
    origin = Origin.of(root, weights)
    backend = "theano" if origin.is_theano else None
    keras3_config = with_shared_members(to_keras3_config(config, version, label, shapes, backend))
    model = build_model(keras3_config, custom_objects, label, limits)
    states = take_legacy_states(model.layers, weights, found, label)
    # One file, one set of names: matching by name does not depend on the order of the layers.
    weighted = {layer.name for layer in model.layers if layer.weights}
    by_name = weighted == found.keys()
    _apply(states, plan_legacy_weights(model.layers, found, label, by_name, origin))
    vars(model)["_saved_training"] = legacy_state(root, version, label, limits, custom_objects)
    return model


def _model_from_tfjs(
    source: Source, content: dict[str, Any], custom_objects: CustomObjects | None, limits: Limits
) -> Model:
    """The model of a TensorFlow.js `model.json`."""
    label = source.label
    refuse_foreign_config(content, label)
    if not is_tfjs_layers(content):
        raise FileError(
            f"{label}: JSON, which holds no weights; build the model with "
            "rnnext.models.model_from_json, then call its load_weights."
        )
    config, version = tfjs_topology(content, label)
    arrays = read_tfjs_weights(source, content, limits)
    keras3_config = with_shared_members(to_keras3_config(config, version, label))
    model = build_model(keras3_config, custom_objects, label, limits)
    plan_named_weights(model, arrays, label).apply()
    return model


def _check_no_options(label: str, **options: bool) -> None:
    for name, value in options.items():
        if value:
            raise FileError(
                f"{label}: {name}=True is not supported for TensorFlow.js models; their weights "
                "are found by name, and all of them must fit."
            )


def _tree_plan(
    model: Model,
    root: Group,
    label: str,
    limits: Limits,
    with_assets: bool,
    skip_mismatch: bool = False,
) -> tuple[list[Callable[[], None]], WeightPlan]:
    """What sets what layers keep in a file of Keras 3's layout, and the plan of the weights."""
    tree = Group()
    add_tree(tree, root, label, limits)  # takes names with backslashes apart
    if "layer_0" in root.groups:
        raise FileError(
            f"{label}: weights saved by Keras 0, before April 2016, which numbered its layers; "
            "Keras 1 reads them and saves them in a form that is read here."
        )
    if not is_keras3_tree(tree):
        raise FileError(
            f"{label}: no Keras weights: neither layer_names nor a group 'layers'; "
            f"the file has {sorted(root.groups)}."
        )
    states = take_states(model, tree, label, with_assets)
    return states, plan_keras3_weights(model, tree, label, skip_mismatch)


def _apply(states: Iterable[Callable[[], None]], plan: WeightPlan) -> None:
    """Sets what layers keep, and the weights: all or nothing."""
    for set_state in states:
        set_state()
    plan.apply()


def build_model(
    config: dict[str, Any], custom_objects: CustomObjects | None, label: str, limits: Limits
) -> Model:
    """The model of a Keras 3 config, built, its weights zero."""
    with _naming_file(label), placeholders(limits.weights_bytes):
        model = serialization.deserialize(config, custom_objects)
    if not isinstance(model, Model):
        raise FileError(f"{label}: the config describes a {type(model).__name__}, not a model.")
    if not model.built:
        raise FileError(
            f"{label}: model {model.name!r} was saved before it was built, so its weight "
            "shapes are unknown. Recreate it in code with an Input layer and call "
            "model.load_weights(file)."
        )
    return model


@contextmanager
def _naming_file(label: str) -> Iterator[None]:
    """Puts the file's name before errors of code that does not know it."""
    try:
        yield
    except RnnextError as error:
        if str(error).startswith(label):
            raise
        raise type(error)(f"{label}: {error}") from error
