"""One torch module: its class, its options, its parameters as arrays. torch is not imported."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import UnsupportedError

__all__ = [
    "Permutation",
    "TorchModule",
    "is_torch_module",
    "torch_class_name",
    "without_gradient",
]

_NATIVE = "torch.nn.modules."  # where torch defines the modules it brings
_OURS = "rnnext.torch."  # modules that compute what the class of torch under them does
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")


def is_torch_module(thing: Any) -> bool:
    """Tells whether `thing` is a `torch.nn.Module`."""
    return any(
        (base.__module__, base.__name__) == (_NATIVE + "module", "Module")
        for base in type(thing).__mro__
    )


def torch_class_name(module: Any) -> str | None:
    """Returns the class of torch's own whose `forward` a module runs, or None: it has its own."""
    native = next(base for base in type(module).__mro__ if base.__module__.startswith(_NATIVE))
    if native.__name__ == "Module" or "forward" in vars(module):
        return None
    forward = getattr(type(module), "forward", None)
    inherited = forward is getattr(native, "forward", None)
    if inherited or getattr(forward, "__module__", "").startswith(_OURS):
        return str(native.__name__)
    return None


class TorchModule:
    """A module without modules inside.

    Args:
        module: The `torch.nn.Module`.
        path: Where it is in what the user passed, e.g. "encoder.0"; "" for that itself.

    Attributes:
        class_name: Its class in torch, or None if its `forward` is the user's.
        layer_name: A name for the layer that is made of it.
        label: How error messages call it.

    Raises:
        UnsupportedError: If hooks change what it computes.
    """

    def __init__(self, module: Any, path: str) -> None:
        self.module = module
        self._made: dict[str, Any] = {}
        self.class_name = torch_class_name(module)
        kind = type(module).__name__
        self.label = f"module {path!r} ({kind})" if path else f"module {kind}"
        name = path.replace(".", "_")
        self.layer_name = (
            name if name[:1].isalpha() else "_".join(filter(None, [kind.lower(), name]))
        )
        for hooks in _HOOKS:
            if getattr(module, hooks):
                self.refuse(f"it has {hooks[1:].replace('_', ' ')}, which rnnext cannot run")

    def refuse(self, reason: str) -> NoReturn:
        """Raises the error that names this module."""
        raise UnsupportedError(f"from_torch: {self.label}: {reason}.")

    def option(self, name: str, accepted: Collection[Any] | None = None) -> Any:
        """Returns the value of an option.

        Args:
            name: The attribute.
            accepted: The values that rnnext can compute; None for any.

        Raises:
            UnsupportedError: If it is another value.
        """
        value = getattr(self.module, name)
        if accepted is not None and value not in accepted:
            choices = " or ".join(map(repr, accepted))
            self.refuse(f"{name}={value!r} is not supported, only {choices}")
        return value

    def applied(
        self,
        x: Any,
        make: Callable[[], Any],
        weights: Callable[[], list[NDArray[Any]]] = list,
        part: str = "",
        **arguments: Any,
    ) -> Any:
        """Calls the layer made of this module, or of a part of it, on a symbolic tensor.

        The graph of a model exists in several forms (with states, packed, streamed). They share
        the layers, so that new weights take effect in all of them.

        Args:
            x: The symbolic input.
            make: Makes the layer; called at the first use only.
            weights: Returns the layer's weights in Keras's order; called at the first use only.
            part: Which of several layers this is.
            **arguments: Further arguments of the call.
        """
        if part in self._made:
            return self._made[part](x, **arguments)
        layer = self._made[part] = make()
        outputs = layer(x, **arguments)
        layer.set_weights(weights())
        return outputs

    @property
    def dtype(self) -> str | None:
        """The dtype of its parameters, or None if it has none.

        Raises:
            UnsupportedError: If it is none that rnnext computes in.
        """
        names = {str(p.dtype).removeprefix("torch.") for p in self.module.parameters()}
        if not names:
            return None
        if len(names) > 1 or not names <= {"float32", "float64"}:
            self.refuse(
                f"its parameters are {' and '.join(sorted(names))}; float32 or float64 is "
                "needed, e.g. by module.float()"
            )
        return names.pop()

    def arrays(self, expected: Collection[str]) -> dict[str, NDArray[Any]]:
        """Returns copies of the parameters by name.

        Args:
            expected: The names it must have, neither more nor less.

        Raises:
            UnsupportedError: If it has others (a parametrization, weight_norm), or no values.
        """
        parameters = dict(self.module.named_parameters())
        if parameters.keys() != set(expected):
            self.refuse(f"it has the parameters {sorted(parameters)}, not {sorted(expected)}")
        if any(parameter.is_meta for parameter in parameters.values()):
            self.refuse("its parameters are on the device 'meta', where they have no values")
        return {name: _values(parameters[name]) for name in expected}

    def buffer(self, name: str) -> NDArray[Any]:
        """Returns a copy of values that are not trained."""
        return _values(getattr(self.module, name))


def without_gradient(x: Any) -> Any:
    """Returns a torch tensor without what would keep NumPy from reading it; others as they are."""
    return x.detach().cpu() if hasattr(x, "detach") and hasattr(x, "requires_grad") else x


class Permutation(TorchModule):
    """An exchange of axes between two modules, `x.permute(order)` in a forward of the user's.

    Args:
        order: The axes.
        path: Where it is in what the user passed.
    """

    def __init__(self, order: tuple[int, ...], path: str) -> None:
        self.module = order
        self._made = {}
        self.class_name = "permute"
        self.label = f"item {path!r} {order}"
        self.layer_name = f"permute_{path.replace('.', '_')}"

    @property
    def dtype(self) -> None:
        """None: it has no parameters."""
        return


def _values(tensor: Any) -> NDArray[Any]:
    return np.array(tensor.detach().cpu().numpy())
