"""Keras 3 configs: the one place that turns a config dictionary into an object and back.

A config is `{"module", "class_name", "config", "registered_name"}`. Classes come from three
places, in this order: the `custom_objects` of the call, classes registered with
`register_keras_serializable`, and rnnext's own. One name may stand for several of these (there is
a layer and an initializer `Identity`); the module says which one is meant. Nothing is imported or
evaluated because a config asks for it.
"""

from __future__ import annotations

import contextlib
import importlib
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from rnnext.dtypes import standard_dtype_name
from rnnext.errors import RnnextError, UnsupportedError
from rnnext.naming import snake_case

__all__ = [
    "builtin",
    "copy_from_config",
    "custom_object",
    "custom_object_scope",
    "deserialize",
    "drop_shared_ids",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "is_builtin",
    "operation_class",
    "register_keras_serializable",
    "serialize",
    "without_shared_ids",
]

_C = TypeVar("_C")


class _Builtins:
    """Classes by Keras's names. Each registers itself when its module is imported.

    Args:
        package: The package whose modules are imported when a name is looked up.
    """

    def __init__(self, package: str) -> None:
        self.classes: dict[str, type] = {}
        self.package = package

    def find(self, name: str) -> type | None:
        """Returns the class of this name, or None if there is none."""
        # A function's operation is named after it; other names may be anywhere.
        for public in (name, snake_case(name), None):
            if name in self.classes:
                break
            self._import(public)
        return self.classes.get(name)

    def names(self) -> list[str]:
        """Returns the names of all classes there are."""
        self._import()
        return sorted(self.classes)

    def _import(self, name: str | None = None) -> None:
        """Imports what has a public name, None: all that have one."""
        package = importlib.import_module(self.package)
        public: list[str] = package.__all__
        for wanted in public if name is None else [name]:
            if wanted in public:
                getattr(package, wanted)


# The classes of each of Keras's modules, by the part of the module's name that says what they are.
_BUILTINS = {
    kind: _Builtins(f"rnnext.{kind}")
    for kind in ("layers", "ops", "initializers", "regularizers", "constraints")
}
_builtin_operations = _BUILTINS["ops"]
_registered: dict[str, Any] = {}
_registered_names: dict[Any, str] = {}
_scope: ContextVar[Mapping[str, Any]] = ContextVar("custom_objects", default=MappingProxyType({}))
# The layers that the config being read has made so far, with their own configs, by name.
_made: ContextVar[dict[Any, list[tuple[dict[str, Any], Any]]] | None] = ContextVar(
    "made_layers", default=None
)
# The layers that the config being written has so far, numbered, by address.
_written: ContextVar[dict[int, tuple[int, Any]] | None] = ContextVar("written_layers", default=None)
# Where `serialize` notes the user's classes and functions it meets, if a caller asked for them.
_met: ContextVar[dict[str, Any] | None] = ContextVar("met_objects", default=None)


def builtin(module: str, class_name: str | None = None) -> Callable[[type[_C]], type[_C]]:
    """Class decorator: this class is what Keras calls `module.class_name` in configs.

    Args:
        module: Keras's module.
        class_name: Keras's name, where it is not that of the class.
    """

    def register(cls: type[_C]) -> type[_C]:
        name = class_name or cls.__name__
        _builtins(module).classes[name] = cls
        cls._keras_module, cls._keras_name = module, name  # type: ignore[attr-defined]
        return cls

    return register


def _builtins(module: Any) -> _Builtins:
    """The classes that a module of Keras names; the layers, models among them, by default."""
    for part in str(module).split(".")[:3]:
        # An activation called on a symbolic tensor with its own arguments is an operation.
        kind = "ops" if part == "activations" else part
        if kind in _BUILTINS:
            return _BUILTINS[kind]
    return _BUILTINS["layers"]


def _find_builtin(module: Any, class_name: str) -> type | None:
    """The class of this name in a module; where no module is recorded, in any but operations."""
    cls = _builtins(module).find(class_name)
    if cls is not None or module is not None:
        return cls
    others = ("initializers", "regularizers", "constraints")
    return next(filter(None, (_BUILTINS[kind].find(class_name) for kind in others)), None)


def is_builtin(cls: type) -> bool:
    """Tells whether a class is one of rnnext's own, not a user's subclass."""
    cls = _saved_class(cls)
    # A subclass inherits the two attributes, but the table has its base.
    classes = _builtins(getattr(cls, "_keras_module", None)).classes
    return classes.get(getattr(cls, "_keras_name", "")) is cls


def _saved_class(cls: type) -> Any:
    """The class that a config names.

    A class of rnnext that differs from its base only in how it is called names the base as
    `_saved_as`; a user's subclass of it is the user's all the same.
    """
    return vars(cls).get("_saved_as", cls)


def operation_class(class_name: str) -> Any:
    """Returns the operation of this name, without weights, of `rnnext.ops`; None if it has none."""
    return _builtin_operations.find(class_name)


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[_C], _C]:
    """Decorator that lets configs refer to a class or function, as Keras's of this name.

    Args:
        package: Prefix of the registered name, `package>name`.
        name: Defaults to the name of the class or function.

    Example:
        >>> @register_keras_serializable("mine")
        ... def double(x):
        ...     return 2 * x
        >>> custom_object("mine>double") is double
        True
    """

    def register(target: _C) -> _C:
        full_name = f"{package}>{name or getattr(target, '__name__', '')}"
        _registered[full_name] = target
        _registered_names[target] = full_name
        return target

    return register


def get_custom_objects() -> dict[str, Any]:
    """Returns the registered classes and functions by name; what is added to it is registered."""
    return _registered


def get_registered_name(obj: Any) -> Any:
    """Returns the name under which a class or function is registered, or its own."""
    return _registered_names.get(obj, obj.__name__)


def get_registered_object(name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the class or function of a registered name, or None.

    Args:
        name: Its name.
        custom_objects: Further ones by name.
    """
    with custom_object_scope(custom_objects):
        return custom_object(name)


@contextlib.contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Within this context, configs may name the given classes and functions."""
    token = _scope.set({**_scope.get(), **(custom_objects or {})})
    try:
        yield
    finally:
        _scope.reset(token)


def custom_object(name: Any) -> Any:
    """Returns the custom or registered object of this name, or None.

    What Keras's register_keras_serializable registered has a package before its name in files,
    such as ``Custom>scale``. It is found under either name.
    """
    if not isinstance(name, str):
        return None
    for known in (_scope.get(), _registered):
        for key in (name, name.rpartition(">")[2]):
            if key in known:
                return known[key]
    return None


def serialize(value: Any) -> Any:
    """Returns the JSON-ready Keras 3 form of a value, layer or function.

    A layer that occurs several times has the same `shared_object_id` each time.

    Raises:
        UnsupportedError: If the value has no such form.
    """
    with _scope_of(_written) as is_outermost:
        config = _serialize(value)
    if is_outermost:
        counts = Counter(_ids(config))
        drop_shared_ids(config, {number for number, count in counts.items() if count == 1})
    return config


def _serialize(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_serialize(item) for item in value]
    if isinstance(value, dict):
        return {key: _serialize(item) for key, item in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        inner = {"value": value.tolist(), "dtype": value.dtype.name}
        return {"class_name": "__numpy__", "config": inner}
    if isinstance(value, slice):
        parts = {"start": value.start, "stop": value.stop, "step": value.step}
        return {"class_name": "__slice__", "config": _serialize(parts)}
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if hasattr(value, "_serialize"):  # symbolic tensors
        return value._serialize()
    if hasattr(value, "get_config"):
        return _serialize_object(value)
    if callable(value) and hasattr(value, "__name__"):
        return _serialize_function(value)
    raise UnsupportedError(f"{value!r} of type {type(value).__name__!r} has no Keras config.")


def _serialize_object(value: Any) -> dict[str, Any]:
    cls = _saved_class(type(value))
    known = is_builtin(cls)
    if not known:
        _note(cls.__name__, cls)
    registered = _registered_names.get(cls)
    public = known and not cls._keras_module.startswith("keras.src")
    config = {
        "module": cls._keras_module if known else cls.__module__,
        "class_name": cls._keras_name if known else cls.__name__,
        "config": serialize(value.get_config()),
        "registered_name": None if known and public else (registered or cls.__name__),
    }
    build_config = value.get_build_config() if hasattr(value, "get_build_config") else None
    if build_config is not None:
        config["build_config"] = serialize(build_config)
    written = _written.get()
    if hasattr(value, "saved_class_name") and written is not None:  # a layer
        number, _ = written.setdefault(id(value), (len(written), value))
        config["shared_object_id"] = number
    return config


def _ids(config: Any) -> Iterator[int]:
    """The ids of layers in a config."""
    if isinstance(config, dict):
        if "shared_object_id" in config:
            yield config["shared_object_id"]
        config = list(config.values())
    if isinstance(config, list):
        for item in config:
            yield from _ids(item)


def drop_shared_ids(config: Any, unwanted: Container[Any] | None = None) -> None:
    """Removes the ids of shared objects from a config, in place.

    Args:
        config: The config.
        unwanted: The ids to remove; all by default.
    """
    if isinstance(config, dict):
        if unwanted is None or config.get("shared_object_id") in unwanted:
            config.pop("shared_object_id", None)
        config = list(config.values())
    if isinstance(config, list):
        for item in config:
            drop_shared_ids(item, unwanted)


def _serialize_function(function: Any) -> dict[str, Any]:
    if function.__name__ == "<lambda>":
        raise UnsupportedError(
            f"{function!r}: a lambda cannot be stored in a config; use a named function."
        )
    name = _registered_names.get(function, function.__name__)
    _note(name, function)
    module = function.__module__
    return {
        # Keras finds its own functions, which rnnext's stand for, by their names alone.
        "module": "builtins" if module.startswith("rnnext.") else module,
        "class_name": "function",
        "config": name,
        "registered_name": name,
    }


def _note(name: str, target: Any) -> None:
    met = _met.get()
    if met is not None:
        met[name] = target


def copy_from_config(value: Any, keep_shared: bool = True, **changes: Any) -> Any:
    """Returns a new object of the class and the config of `value`, not built.

    Args:
        value: A layer; it may use classes and functions that only the user has.
        keep_shared: Whether a layer that is inside it several times is one layer in the copy.
        **changes: What its config shall have instead.

    Example:
        >>> from rnnext.layers import Dense
        >>> copy_from_config(Dense(3), name="other").units
        3
    """
    met: dict[str, Any] = {}
    token = _met.set(met)
    try:
        config = serialize(value)
    finally:
        _met.reset(token)
    config.pop("build_config", None)
    if not keep_shared:
        drop_shared_ids(config)
    config["config"] = {**config["config"], **changes}
    made = _made.set(None)  # nothing of a config that is being read
    try:
        return deserialize(config, met)
    finally:
        _made.reset(made)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the value, layer or function that a Keras 3 config describes.

    Args:
        config: A plain value, a list, or a dictionary.
        custom_objects: Classes and functions by the name the config uses for them.

    Raises:
        UnsupportedError: If the config names a class rnnext does not have.
    """
    with _scope_of(_made), custom_object_scope(custom_objects):
        return _deserialize(config)


@contextlib.contextmanager
def _scope_of(variable: ContextVar[Any]) -> Iterator[bool]:
    """Gives the outermost call of a recursion a dictionary; tells whether this is that call."""
    token = variable.set({}) if variable.get() is None else None
    try:
        yield token is not None
    finally:
        if token is not None:
            variable.reset(token)


def _deserialize(config: Any) -> Any:
    if isinstance(config, (list, tuple)):
        return [_deserialize(item) for item in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: _deserialize(value) for key, value in config.items()}
    class_name, inner = config["class_name"], config["config"]
    if not isinstance(class_name, str):
        raise RnnextError(f"config: class_name must be a string, received {class_name!r}.")
    if class_name in _SPECIAL_FORMS:
        return _special_form(class_name, inner)
    if class_name == "function":
        return _function(config)
    inner = {} if inner is None else inner
    instance = _shared_layer(config, inner)
    return _object(config, class_name, inner) if instance is None else instance


def _shared_layer(config: dict[str, Any], inner: Any) -> Any:
    """The layer that a config with a `shared_object_id` stands for, if it was made before.

    Keras's id is the object's address, which another object may have had before; and where a
    wrapper copies the config of what it holds, the first config is without its id. So the layer is
    one whose config says the same, its name included.
    """
    made = _made.get()
    if made is None or config.get("shared_object_id") is None or not isinstance(inner, dict):
        return None
    known = made.get(str(inner.get("name")), [])
    wanted = without_shared_ids(config) if known else None
    return next((layer for other, layer in known if without_shared_ids(other) == wanted), None)


def without_shared_ids(config: Any) -> Any:
    """Returns a config without the ids of shared objects, and where they stand in a graph.

    Example:
        >>> without_shared_ids([{"class_name": "A", "config": {}, "shared_object_id": 7}])
        [{'class_name': 'A', 'config': {}}]
    """
    if isinstance(config, list):
        return [without_shared_ids(item) for item in config]
    if not isinstance(config, dict):
        return config
    left_out = {"shared_object_id"}
    if "class_name" in config and "config" in config:
        left_out |= {"name", "build_config", "inbound_nodes"}
    return {k: without_shared_ids(item) for k, item in config.items() if k not in left_out}


def _special_form(class_name: str, inner: Any) -> Any:
    try:
        return _SPECIAL_FORMS[class_name](inner)
    except RnnextError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise RnnextError(
            f"config of a {class_name!r}: it cannot be read: {type(error).__name__}: {error}"
        ) from error


def _slice(inner: Any) -> slice:
    return slice(*(_deserialize(inner[key]) for key in ("start", "stop", "step")))


def _array(inner: Any) -> Any:
    with np.errstate(over="ignore"):  # a number too large for the dtype is infinite, as in Keras
        return np.array(inner["value"], dtype=standard_dtype_name(inner["dtype"]))


def _lambda(_inner: Any) -> Any:
    raise UnsupportedError(
        "the config holds the code of a Python lambda, which rnnext never runs; "
        "pass a named function by custom_objects."
    )


# Values that are no classes. "__keras_tensor__" is added by the module of symbolic tensors.
_SPECIAL_FORMS: dict[str, Callable[[Any], Any]] = {
    "__bytes__": lambda inner: inner["value"].encode(),
    "__ellipsis__": lambda _inner: Ellipsis,
    "__lambda__": _lambda,
    "__numpy__": _array,
    "__slice__": _slice,
    "__tensor__": _array,
}


def add_special_form(class_name: str, read: Callable[[Any], Any]) -> None:
    """Teaches `deserialize` a value whose type is defined higher up."""
    _SPECIAL_FORMS[class_name] = read


def _function(config: dict[str, Any]) -> Any:
    for name in (config.get("registered_name"), config["config"]):
        found = custom_object(name)
        if found is not None:
            return found
    raise UnsupportedError(
        f"the config names the function {config['config']!r}, which rnnext does not have; "
        "pass it by custom_objects."
    )


def _object(config: dict[str, Any], class_name: str, inner: Any) -> Any:
    cls = _find_class(config, class_name, inner)
    if not isinstance(inner, dict):
        raise RnnextError(
            f"config of class {class_name!r}: expected a dictionary, received {inner!r}."
        )
    try:
        instance = cls.from_config(dict(inner))
        if config.get("called_by_keras2") and hasattr(instance, "_call_as_keras2"):
            instance._call_as_keras2()
        if hasattr(instance, "saved_class_name"):  # a layer
            _note_made(config, instance)
            if not is_builtin(cls):
                instance.saved_class_name = _python_name(config.get("module"), class_name)
        build_config = config.get("build_config")
        if build_config and hasattr(instance, "build_from_config") and not instance.built:
            instance.build_from_config(build_config)
    except RnnextError as error:
        name = inner.get("name")
        if not name or repr(name) in str(error):
            raise
        raise type(error)(f"{class_name} {name!r}: {error}") from error
    # A config from a file can lack arguments, and hold values of any type.
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise RnnextError(
            f"config of class {class_name!r} (name {inner.get('name')!r}): no {class_name} can be "
            f"made from it: {type(error).__name__}: {error}"
        ) from error
    return instance


def _find_class(config: dict[str, Any], class_name: str, inner: Any) -> Any:
    cls = custom_object(config.get("registered_name"))
    if cls is None:
        cls = custom_object(class_name)
    if cls is None:
        cls = _find_builtin(config.get("module"), class_name)
    if cls is None:
        raise UnsupportedError(_unknown_class(config.get("module"), class_name, inner))
    return cls


def _note_made(config: dict[str, Any], layer: Any) -> None:
    made = _made.get()
    if made is not None:
        made.setdefault(str(config["config"].get("name")), []).append((config, layer))


def _python_name(module: Any, class_name: str) -> str:
    """The name that a class of a config has in its program, which the tree of weights uses."""
    replaced = None if module is None else _builtins(module).find(class_name)
    return class_name if replaced is None else replaced.__name__


def _unknown_class(module: Any, class_name: str, inner: Any) -> str:
    import difflib

    name = inner.get("name") if isinstance(inner, dict) else None
    builtins = _builtins(module)
    nearest = difflib.get_close_matches(class_name, builtins.names())
    return (
        f"class {class_name!r}{f' (name {name!r})' if name else ''} of module {module!r} is not "
        f"known to rnnext; accepted are those of {builtins.package}.__all__"
        + (f" (the nearest there are {nearest})" if nearest else "")
        + f" and classes of your own: custom_objects={{{class_name!r}: cls}}, where cls is a "
        "subclass of rnnext.layers.Layer that computes the same."
    )
