"""Keras's initializers: what a fresh layer's weights hold before any are loaded.

They follow Keras's formulas; the random numbers are NumPy's, not TensorFlow's. An initializer
without a seed draws one when it is made (see `rnnext.set_random_seed`), so, as in Keras, it gives
the same values each time it is called with the same shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.initializers.base import Initializer, Shape
from rnnext.initializers.constant_initializers import Constant, Identity, Ones, Zeros
from rnnext.initializers.random_initializers import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)
from rnnext.initializers.spectral_initializers import STFT
from rnnext.naming import did_you_mean, snake_case

__all__ = ["deserialize", "get", "serialize"]

_CLASSES: dict[str, type[Initializer]] = {
    name: cls
    for cls in (
        Zeros,
        Ones,
        Constant,
        Identity,
        RandomNormal,
        TruncatedNormal,
        RandomUniform,
        VarianceScaling,
        GlorotUniform,
        GlorotNormal,
        LecunNormal,
        LecunUniform,
        HeNormal,
        HeUniform,
        Orthogonal,
        STFT,
    )
    for name in (cls.__name__, snake_case(cls.__name__))
}
# Names Keras keeps from its earlier versions.
_CLASSES.update(
    uniform=RandomUniform,
    normal=RandomNormal,
    one=Ones,
    zero=Zeros,
    IdentityInitializer=Identity,
    OrthogonalInitializer=Orthogonal,
    STFTInitializer=STFT,
)


def get(identifier: Any) -> Callable[..., Any] | None:
    """Returns an initializer from what a layer's `..._initializer` argument may be.

    Args:
        identifier: None, a name (`"glorot_uniform"`, `"GlorotUniform"`), a config dictionary, an
            initializer or its class, an array of the values, or a callable `(shape, dtype)`.

    Raises:
        UnsupportedError: If it names no initializer.

    Example:
        >>> get("orthogonal")((2, 3)).shape
        (2, 3)
    """
    if isinstance(identifier, str):
        return _named(identifier, {})
    if isinstance(identifier, dict):
        return _named(identifier.get("class_name"), identifier.get("config") or {}, identifier)
    if isinstance(identifier, type):
        identifier = identifier()
    if isinstance(identifier, np.ndarray):
        return _fixed(identifier)
    if identifier is None:
        return None
    if callable(identifier):
        function: Callable[..., Any] = identifier
        return function
    raise UnsupportedError(
        f"initializer: expected a name, a config, an array or a callable, received {identifier!r}."
    )


def _named(name: Any, inner: Any, full: dict[str, Any] | None = None) -> Callable[..., Any]:
    if full is not None and name == "function":
        name = inner
        inner = {}
    custom = serialization.custom_object((full or {}).get("registered_name") or name)
    cls = custom if custom is not None else _CLASSES.get(name)
    if cls is None:
        raise UnsupportedError(
            f"initializer {name!r} is not known; accepted: {sorted(_CLASSES)}."
            + did_you_mean([name], _CLASSES)
        )
    if not isinstance(cls, type):
        function: Callable[..., Any] = cls
        return function
    # Keras 1 and 2 stored the dtype with the initializer; the weight's own dtype decides.
    inner = {key: value for key, value in inner.items() if key != "dtype"}
    try:
        initializer: Callable[..., Any] = cls(**inner)
    except TypeError as error:
        raise UnsupportedError(f"initializer {name!r} with config {inner!r}: {error}") from error
    return initializer


def _fixed(values: NDArray[Any]) -> Callable[..., NDArray[Any]]:
    def initialize(shape: Shape, dtype: Any = None) -> NDArray[Any]:
        if tuple(shape) != values.shape:
            raise ShapeError(f"initializer of shape {values.shape}: the weight needs {shape}.")
        return values.astype(dtype or values.dtype)

    return initialize


def serialize(initializer: Any) -> Any:
    """Returns the form of an initializer that Keras stores in a layer's config."""
    return serialization.serialize(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the initializer of a config; the inverse of `serialize`.

    Args:
        config: What `serialize` returned.
        custom_objects: Classes and functions by the name the config uses for them.
    """
    with serialization.custom_object_scope(custom_objects):
        return get(config)
