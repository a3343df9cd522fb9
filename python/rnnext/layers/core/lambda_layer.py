"""Lambda: a Python function as a layer. Functions never come out of a file."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rnnext import nest, serialization
from rnnext.arrays import as_array, as_strings, cast, holds_strings
from rnnext.errors import UnsupportedError
from rnnext.graph.shape_inference import probe_output
from rnnext.graph.streaming import Streamed, StreamedCall
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["Lambda"]


@serialization.builtin("keras.layers")
class Lambda(Layer):
    """Applies a function, which is given NumPy arrays (and may use `rnnext.ops`).

    A file holds the name of the function, or its code if it is a Python lambda. rnnext runs no
    code of a file: when loading, give the function in `custom_objects`, by the name the file has
    or, for a lambda, by the name of the layer.

    Args:
        function: Called with the inputs, `arguments`, and `mask` if it has such an argument.
        output_shape: Shape of the output without the batch, or a function of the input shape;
            by default the function is run on zeros to find out.
        mask: The mask of the output, or a function of inputs and mask; by default there is none.
        arguments: Further keyword arguments of the function.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: When made from a config whose function is not in `custom_objects`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Lambda
        >>> Lambda(lambda x: x**2)(np.array([[3.0]], dtype="float32"))
        array([[9.]], dtype=float32)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise UnsupportedError(f"{self.label}: expected a function, received {function!r}.")
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        parameters = inspect.signature(function).parameters
        self._passed_on = [name for name in ("mask", "training") if name in parameters]

    @property
    def reads_strings(self) -> bool:
        """True: the function gets strings as arrays of bytes."""
        return True

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Returns what the function returns, floats in the layer's dtype."""
        given = {"mask": mask, "training": bool(training)}
        passed_on = {name: given[name] for name in self._passed_on}
        outputs = self.function(inputs, **self.arguments, **passed_on)
        return nest.map_structure(self._as_output, outputs)

    def streamed(self, call: StreamedCall) -> Streamed:
        """Rejects sequences, unless the layer was told what its function does to them."""
        call.refuse(
            "what its function does to the time axis is not known; accepted is a function of each "
            "step alone, which works_on_each_step = True on the layer says."
        )

    def _as_output(self, value: Any) -> NDArray[Any]:
        name = f"output of {self.label}"
        if holds_strings(value):
            return as_strings(value, name)
        array = as_array(value, name)
        return cast(array, self.compute_dtype) if array.dtype.kind == "f" else array

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the mask of the output."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns symbolic tensors like the outputs."""
        if self._output_shape is None:
            return probe_output(self, args, kwargs)
        return super().compute_output_spec(*args, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape that `output_shape` says."""
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        return (nest.flatten(input_shape)[0], *self._output_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; a function by its name."""
        config = {**super().get_config(), "function": serialization.serialize(self.function)}
        if self._output_shape is not None:
            config["output_shape"] = serialization.serialize(self._output_shape)
        if self.mask is not None:
            config["mask"] = serialization.serialize(self.mask)
        return {**config, "arguments": serialization.serialize(self.arguments)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes a layer whose functions are in `custom_objects`."""
        name = config.get("name", "lambda")
        options = {key: value for key, value in config.items() if key not in _KERAS2_OPTIONS}
        options["function"] = _function(config["function"], name, "function")
        options["arguments"] = serialization.deserialize(config.get("arguments"))
        for key in ("output_shape", "mask"):
            value = config.get(key)
            if value is not None:
                is_sizes = isinstance(value, (list, tuple)) and key == "output_shape"
                options[key] = (
                    value if is_sizes and _is_shape(value) else _function(value, name, key)
                )
        return cls(**options)


# What Keras 2 writes beside a function: how it was stored, and where it was defined.
_KERAS2_OPTIONS = {
    "module",
    "function_type",
    "output_shape_type",
    "output_shape_module",
    "mask_type",
    "mask_module",
}


def _is_shape(value: Any) -> bool:
    return all(size is None or isinstance(size, int) for size in value)


def _function(stored: Any, layer_name: str, option: str) -> Callable[..., Any]:
    """The function that a config names, from custom_objects.

    Keras 3 stores {"class_name": "function", "config": name}, or "__lambda__" with the code of a
    lambda; Keras 2 a name, or a list that begins with the code.
    """
    parts = stored if isinstance(stored, dict) else {"config": stored}
    name = parts.get("config")
    keys = [f"{layer_name}.{option}" if option != "function" else layer_name]
    if isinstance(name, str):
        registered = parts.get("registered_name")
        keys = [name] if registered in (None, "function") else [registered, name]
    found = [serialization.custom_object(key) for key in keys]
    for function in found:
        if callable(function):
            return function  # type: ignore[no-any-return]
    what = f"the function {name!r}" if isinstance(name, str) else "the code of a Python lambda"
    raise UnsupportedError(
        f"layer {layer_name!r} (Lambda): its {option} is {what}; rnnext runs no code of a file. "
        f"Pass a function that does the same: custom_objects={{{keys[0]!r}: function}}."
    )
