"""Keras dtype policies: which float type a layer keeps its weights in and returns.

Half precision is for storage only. With float16, bfloat16 and the mixed policies the weights are
kept and the outputs returned in the types that Keras has for them, and all arithmetic between is
float32: more accurate than Keras, which rounds every product, and faster, as processors without
half-precision units would convert each number. bfloat16 is a type of the package ml_dtypes, which
must be installed to use it.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import settings
from rnnext.errors import UnsupportedError
from rnnext.naming import did_you_mean

__all__ = [
    "FLOAT_KINDS",
    "DTypePolicy",
    "dtype_policy",
    "get_policy",
    "numpy_dtype",
    "require_dtype",
    "set_dtype_policy",
    "standard_dtype_name",
    "tensor_dtype_name",
    "widened",
]

# name -> (compute dtype, variable dtype)
_POLICIES = {
    "float16": ("float16", "float16"),
    "bfloat16": ("bfloat16", "bfloat16"),
    "float32": ("float32", "float32"),
    "float64": ("float64", "float64"),
    "mixed_float16": ("float16", "float32"),
    "mixed_bfloat16": ("bfloat16", "float32"),
}
_HALF = ("float16", "bfloat16")
FLOAT_KINDS = "fV"
"""Kinds of NumPy's dtypes that are floats; "V" is what NumPy files bfloat16 under."""

_DTYPE_NAMES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
)


class DTypePolicy:
    """The dtypes of a layer.

    Attributes:
        name: Name of the policy, e.g. `"float32"`.
        compute_dtype: Name of the dtype that Keras computes in and the layer returns.
        variable_dtype: Name of the dtype the layer keeps its weights in.
        arithmetic_dtype: Name of the dtype rnnext computes in: float32 in place of a half one.

    Raises:
        UnsupportedError: If there is no policy of this name, or it is bfloat16 and the package
            ml_dtypes is not installed.
    """

    def __init__(self, name: str) -> None:
        if name not in _POLICIES:
            raise UnsupportedError(
                f"dtype policy {name!r} is not supported; accepted: {sorted(_POLICIES)}."
                + did_you_mean([name], _POLICIES)
            )
        self.name = name
        self.compute_dtype, self.variable_dtype = _POLICIES[name]
        self.arithmetic_dtype = "float32" if self.compute_dtype in _HALF else self.compute_dtype
        require_dtype(self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the config that Keras stores in a layer's `dtype` key."""
        return {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": self.name},
            "registered_name": None,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


_chosen: DTypePolicy | None = None


def dtype_policy() -> DTypePolicy:
    """Returns the policy of layers that are made without a `dtype`."""
    return _chosen or DTypePolicy(settings.floatx())


def set_dtype_policy(policy: Any) -> None:
    """Sets the policy of layers that are made without a `dtype` from now on.

    Args:
        policy: What `get_policy` takes; None: that of the default float type again.

    Raises:
        UnsupportedError: If it names no policy rnnext has.
    """
    global _chosen
    _chosen = None if policy is None else get_policy(policy)


def get_policy(identifier: Any) -> DTypePolicy:
    """Returns the policy that a layer's `dtype` argument names.

    Args:
        identifier: None (the default float type), a name, a NumPy dtype, a `DTypePolicy`, or the
            dictionary a Keras config stores.

    Raises:
        UnsupportedError: If it names no policy rnnext has.
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    if isinstance(identifier, dict):
        name = (identifier.get("config") or {}).get("name")
        if identifier.get("class_name") in ("DTypePolicy", "Policy") and isinstance(name, str):
            return DTypePolicy(name)
        raise UnsupportedError(
            "dtype: expected a dictionary of class_name 'DTypePolicy' with a name, received "
            f"{identifier!r}."
        )
    return DTypePolicy(standard_dtype_name(identifier))


def standard_dtype_name(dtype: Any) -> str:
    """Returns the Keras name of an array dtype; None is the default float type.

    Raises:
        UnsupportedError: If arrays of this dtype cannot be an input.
    """
    if dtype is None:
        return settings.floatx()
    # Of strings only plain names, of a file's JSON nothing else: NumPy evaluates "(2,)f4", "9f4".
    is_type = (
        dtype.isidentifier() if isinstance(dtype, str) else isinstance(dtype, (type, np.dtype))
    )
    try:
        name = str(np.dtype(dtype).name) if is_type else str(dtype)
    except TypeError:
        name = str(dtype)
    if name not in _DTYPE_NAMES:
        raise UnsupportedError(f"dtype {dtype!r} is not supported; accepted: {_DTYPE_NAMES}.")
    require_dtype(name)
    return name


def tensor_dtype_name(dtype: Any) -> str:
    """Returns the Keras name of a tensor's dtype: that of an array dtype, or `"string"`.

    Raises:
        UnsupportedError: If it is neither.
    """
    if dtype == "string" or dtype is str or getattr(dtype, "name", None) == "string":
        return "string"
    return standard_dtype_name(dtype)


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Returns the dtype of the arrays of a tensor; strings are objects, as in TensorFlow."""
    return np.dtype(object if name == "string" else name)


def require_dtype(name: str) -> None:
    """Makes sure that NumPy has a dtype.

    Raises:
        UnsupportedError: If it is bfloat16 and the package that defines it is not installed.
    """
    if name != "bfloat16":
        return
    try:
        importlib.import_module("ml_dtypes")  # it registers the type with NumPy
    except ImportError as error:
        raise UnsupportedError(
            "dtype 'bfloat16' needs the package ml_dtypes, which defines it for NumPy: "
            "pip install ml_dtypes."
        ) from error


def widened(array: NDArray[Any]) -> NDArray[Any]:
    """Returns half-precision values as float32; any other array as it is."""
    if array.dtype.itemsize != 2:  # to look up a dtype's name takes microseconds
        return array
    return array.astype(np.float32) if array.dtype.name in _HALF else array
