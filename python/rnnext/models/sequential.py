"""Sequential: a stack of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnnext import serialization
from rnnext.autodiff.tape import suspended
from rnnext.errors import RnnextError, ShapeError
from rnnext.graph.tensor import KerasTensor, standard_shape
from rnnext.layers.core.embedding import Embedding
from rnnext.layers.core.input import InputLayer
from rnnext.layers.layer import Layer
from rnnext.models.functional import Functional
from rnnext.models.network import Network
from rnnext.models.older_methods import OlderSequentialMethods
from rnnext.name_scopes import layer_scope
from rnnext.naming import unique_name

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from rnnext.layers.option_types import SequentialOptions

__all__ = ["Sequential"]


@serialization.builtin("keras")
class Sequential(OlderSequentialMethods, Functional):
    """A stack of layers, each fed by the one before.

    Without an `Input` as its first layer the model is connected when it is first called or built,
    and has no weights before.

    Args:
        layers: The layers.
        trainable: Whether training would change the weights.
        name: Name of the model.
        **kwargs: Arguments of `Layer`.

    Example:
        >>> from rnnext.layers import Dense, Input
        >>> from rnnext.models import Sequential
        >>> model = Sequential([Input((3,)), Dense(4, activation="relu"), Dense(1)])
        >>> model.count_params()
        21
    """

    is_functional = False  # Keras's configs have a class for it

    def __init__(
        self,
        layers: Sequence[Layer | KerasTensor] | None = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Unpack[SequentialOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        # With the InputLayer, if there is one; what each returned is in _stack_outputs.
        self._stack: list[Layer] = []
        self._stack_outputs: list[Any] = []
        for layer in layers or []:
            self._push(layer)
        self._connect_stack()
        if not trainable:
            self.trainable = False

    def add(self, layer: Layer | KerasTensor, rebuild: bool = True) -> None:  # noqa: ARG002
        """Puts a layer on top.

        Args:
            layer: A layer, or what `Input` returns.
            rebuild: Accepted for Keras's sake and ignored; only the layer itself is built.

        Raises:
            RnnextError: If it is no layer, its name is taken, or it is a second input.
        """
        self._push(layer)
        self._connect_stack()

    def _push(self, layer: Any) -> None:
        if isinstance(layer, KerasTensor):
            layer = layer.source.operation
        if not isinstance(layer, Layer):
            raise RnnextError(f"{self.label}: expected a layer, received {layer!r}.")
        if any(layer.name == other.name and layer is not other for other in self._stack):
            raise RnnextError(f"{self.label} has a layer named {layer.name!r} already.")
        if isinstance(layer, InputLayer) and self._stack:
            raise RnnextError(f"{self.label}: {layer.label} must be the first layer.")
        if not self._stack and not isinstance(layer, InputLayer):
            self._stack += _declared_input(layer)
        self._stack.append(layer)

    def pop(self, rebuild: bool = True) -> Layer:  # noqa: ARG002
        """Removes the top layer and returns it; `rebuild` is ignored, nothing is built again."""
        if not self.layers:
            raise RnnextError(f"{self.label} has no layer to remove.")
        layer = self._stack.pop()
        del self._stack_outputs[len(self._stack) :]
        self._network, self._runs_graph, self._predicts_graph = None, False, False
        self.built = self._direct = False
        self._connect_stack()
        return layer

    def build(self, input_shape: Any = None) -> None:
        """Connects the layers for inputs of this shape, batch size first."""
        self._build(input_shape)

    def _build(self, input_shape: Any, dtype: str | None = None) -> None:
        if not self.layers:
            raise RnnextError(f"{self.label} has no layers; add one before building it.")
        shape = standard_shape(input_shape or (), f"{self.label}: input_shape")
        first = self._stack[0]
        if not isinstance(first, InputLayer):
            self._stack.insert(
                0, InputLayer(batch_shape=shape, dtype=dtype or first.declared_input_dtype)
            )
        elif first.batch_shape != shape:
            raise ShapeError(
                f"{self.label} was built for inputs of shape {first.batch_shape}, not {shape}."
            )
        self._connect_stack()

    def _connect_stack(self) -> None:
        """Calls the layers that were not called yet, each on what the one below returned."""
        if len(self._stack) < 2 or not isinstance(self._stack[0], InputLayer):
            return
        outputs = self._stack_outputs = self._stack_outputs or [self._stack[0].output]
        with layer_scope(self):
            for layer in self._stack[len(outputs) :]:
                outputs.append(layer(outputs[-1]))
        self._connect(outputs[0], outputs[-1])
        if self._network is not None and isinstance(self._stack[1], Embedding):
            # As in Keras, whose `input_length` is no limit: the layers behind may set one.
            self._network.ports.ports[0].accept_any_sizes()
        # Keras makes a functional model inside, each time, and the names of later ones count it.
        unique_name("Functional")

    @property
    def layers(self) -> list[Layer]:
        """The layers without the InputLayer."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    @property
    def _children(self) -> dict[str, Layer | list[Layer]]:
        return {"layers": self.layers}

    def _build_for(self, inputs: Any) -> None:
        """Connects the layers for a first input: of any batch size, unless a layer has states."""
        if not isinstance(inputs, KerasTensor):
            inputs = self._as_array(inputs)
        shape: tuple[int | None, ...] = tuple(inputs.shape)
        if not any(layer.stateful for layer in self._stack):
            shape = (None, *shape[1:])
        holds_text = inputs.dtype == ("string" if isinstance(inputs, KerasTensor) else object)
        self._build(shape, "string" if holds_text else None)

    def _call_checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._network is None and args:
            with suspended():
                self._build_for(args[0])
        return super()._call_checked(args, kwargs)

    def _network_for(self, x: Any) -> Network | None:
        if self._network is None:
            self._build_for(x)
        return super()._network_for(x)

    def get_config(self) -> dict[str, Any]:
        """Returns the config Keras 3 writes for a Sequential model."""
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype_policy.get_config(),
            "layers": [serialization.serialize(layer) for layer in self._stack],
        }
        if self._network is not None:
            config["build_input_shape"] = list(self.inputs[0].shape)
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Makes a model from what `get_config` returned; its weights are fresh."""
        options = {k: v for k, v in config.items() if k not in ("layers", "build_input_shape")}
        with serialization.custom_object_scope(custom_objects):
            layers = [serialization.deserialize(layer) for layer in config["layers"]]
            model = cls(layers=layers, **options)
            shape = config.get("build_input_shape")
            if model._network is None and shape:
                model.build(shape)
        return model


def _declared_input(layer: Layer) -> list[Layer]:
    """The InputLayer that a first layer's own input shape asks for, if it has one."""
    if isinstance(layer, Functional) and layer._network is not None:
        shape, dtype = layer.inputs[0].shape, layer.inputs[0].dtype
    elif layer._batch_input_shape is not None:
        shape, dtype = layer._batch_input_shape, layer.declared_input_dtype
    else:
        return []
    return [InputLayer(batch_shape=shape, dtype=dtype)]
