"""What a file holds for training: the arguments of `compile` and the state of the optimizer.

Both are read with the weights, because the file may be gone or another one when training begins,
but nothing is made of them before a program asks for the model's optimizer, loss or the like.
Prediction does not ask, so a model predicts whatever its file holds for training.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnext import serialization
from rnnext.errors import RnnextError, UnsupportedError
from rnnext.models import Model
from rnnext.saving.formats.hdf5 import Group
from rnnext.saving.formats.json_text import parse_object
from rnnext.saving.formats.limits import Limits
from rnnext.saving.legacy.optimizer_state import OlderState

__all__ = [
    "LEGACY_PARTS",
    "SavedTraining",
    "legacy_state",
    "load_optimizer",
    "settings_to_save",
    "tree_state",
]

LEGACY_PARTS = ("training_config", "optimizer_weights")
"""What a legacy file holds for training, by name."""


@dataclass
class SavedTraining:
    """The training settings of a loaded model, until they are first asked for.

    Attributes:
        label: How errors call the file.
        arguments: Makes the arguments of `compile`.
        state: The variables of the optimizer by number; or those of an older Keras's; None if the
            file has none to use.
        trouble: Why something was not read, or is not of use.
        custom_objects: The caller's classes and functions, by name.
    """

    label: str
    arguments: Callable[[], dict[str, Any]]
    state: dict[str, Any] | OlderState | None
    trouble: str | None
    custom_objects: Mapping[str, Any]

    def restore(self, model: Model) -> None:
        """Compiles the model, and sets the state of its optimizer.

        Raises:
            UnsupportedError: If the settings cannot be understood.
        """
        try:
            with serialization.custom_object_scope(self.custom_objects):
                model.compile(**self.arguments())
        except RnnextError as error:
            raise UnsupportedError(
                f"{self.label}: the settings of compile() cannot be restored: {error} Give the "
                "classes and functions that they name by custom_objects, or call compile() again; "
                "prediction does not need them."
            ) from error
        optimizer = model.optimizer
        if optimizer is None:
            return
        optimizer.build(model.trainable_weights)
        if self.trouble is not None:
            _warn(f"{self.trouble} The optimizer begins anew.")
        elif isinstance(self.state, OlderState):
            _set_older_state(optimizer, self.state, self.label)
        elif self.state is not None and _was_built(self.state, optimizer):
            _set_state(optimizer, self.state, self.label)


def tree_state(
    config: Any, root: Group, version: str | None, label: str, custom_objects: Any
) -> SavedTraining | None:
    """What a ``.keras`` file holds for training.

    Args:
        config: The ``compile_config``.
        root: The tree of weights.
        version: Of the Keras that wrote the file.
        label: How errors call it.
        custom_objects: The caller's classes and functions.
    """
    if not config:
        return None

    arguments = functools.partial(_tree_arguments, config)
    return _saved(arguments, _optimizer_arrays(root), root, version, label, custom_objects)


def legacy_state(
    root: Group, version: str | None, label: str, limits: Limits, custom_objects: Any
) -> SavedTraining | None:
    """What a legacy file holds for training.

    Args:
        root: The file.
        version: Of the Keras that wrote it.
        label: How errors call it.
        limits: Bounds on the size of the config.
        custom_objects: The caller's classes and functions.
    """
    text = root.text("training_config")
    if text is None:
        return None

    arguments = functools.partial(_legacy_arguments, text, label, limits)
    group = root.groups.get("optimizer_weights")
    names = None if group is None else group.names("weight_names")
    arrays = [] if group is None or names is None else [group.array(name) for name in names]
    missing = [name for name, array in zip(names or (), arrays, strict=True) if array is None]
    state = {str(i): array for i, array in enumerate(arrays)} if arrays and not missing else None
    trouble = None
    if missing:
        trouble = (
            f"{label}: the state of the optimizer is not loaded: optimizer_weights lists "
            f"{missing[:8]}, which the file does not hold."
        )
    return _saved(arguments, state, root, version, label, custom_objects, names, trouble)


def _tree_arguments(config: Any) -> dict[str, Any]:
    from rnnext.training.compile_config import compile_arguments

    if not isinstance(config, dict):
        raise UnsupportedError(f"compile_config must be a dictionary, received {config!r}.")
    return compile_arguments(config)


def _legacy_arguments(text: str, label: str, limits: Limits) -> dict[str, Any]:
    from rnnext.training.compile_config import legacy_arguments

    return legacy_arguments(parse_object(text, label, "training_config", limits))


def _saved(
    arguments: Callable[[], dict[str, Any]],
    state: dict[str, Any] | None,
    root: Group,
    version: str | None,
    label: str,
    custom_objects: Any,
    names: Sequence[str] | None = None,
    trouble: str | None = None,
) -> SavedTraining:
    trouble = root.refused[0] if root.refused else trouble
    is_keras3 = version is not None and version.partition(".")[0].isdecimal()
    is_keras3 = is_keras3 and int(str(version).partition(".")[0]) >= 3
    found: dict[str, Any] | OlderState | None = state
    if state is not None and not is_keras3:
        found = OlderState([state[str(i)] for i in range(len(state)) if str(i) in state], names)
    return SavedTraining(label, arguments, found, trouble, dict(custom_objects or {}))


def load_optimizer(model: Model, root: Group, label: str) -> None:
    """Sets the state of a compiled model's optimizer, if the file has one.

    As in Keras, an optimizer that is not built yet, or has other variables, is left as it is, with
    a warning.

    Args:
        model: The model.
        root: A tree of weights.
        label: How errors call the file.
    """
    state, pending = _optimizer_arrays(root), model._saved_training
    if root.refused:
        _warn(f"{root.refused[0]} The state of the optimizer is not loaded.")
    elif state is not None and pending is not None:
        pending.state, pending.trouble = state, None
    elif state is not None and model.optimizer is not None:
        _set_state(model.optimizer, state, label)


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=4)


def _optimizer_arrays(root: Group) -> dict[str, Any] | None:
    variables = root.group("optimizer/vars")
    return None if variables is None or not variables.arrays else variables.arrays


def _was_built(state: Mapping[str, Any], optimizer: Any) -> bool:
    """Whether the state is of an optimizer that was built, not only of a compiled model."""
    has_slots = any(array.ndim for array in state.values())
    return has_slots or len(state) == len(optimizer.variables)


def _set_state(optimizer: Any, state: dict[str, Any], label: str) -> None:
    try:
        optimizer.load_own_variables(state)
    except (RnnextError, KeyError) as error:
        _warn(f"{label}: the state of the optimizer is not loaded: {error}")


def _set_older_state(optimizer: Any, state: OlderState, label: str) -> None:
    try:
        state.restore(optimizer)
    except RnnextError as error:
        _warn(
            f"{label}: the state of the optimizer, which an older Keras wrote, is not loaded: "
            f"{error} The optimizer begins anew."
        )


def settings_to_save(model: Model, write: Callable[[Any], dict[str, Any]]) -> dict[str, Any] | None:
    """The training settings of a model for a file, None if there are none that can be saved.

    Args:
        model: A model.
        write: Makes them of a compiled model.
    """
    try:
        return write(model) if model.compiled else None
    except UnsupportedError as error:
        _warn(
            f"model {model.name!r}: the settings of compile() and the state of the optimizer are "
            f"not saved: {error}"
        )
        return None
