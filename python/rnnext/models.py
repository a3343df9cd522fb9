"""Models: layers connected to a graph, or stacked, or called by a user's own class."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, serialization
from rnnext.arrays import as_array
from rnnext.errors import RnnextError, ShapeError, UnsupportedError
from rnnext.graph import Graph, config_of, tensors_of_config, with_own_inputs
from rnnext.layers.input import InputLayer
from rnnext.layers.layer import Layer
from rnnext.layers.masked_tensor import attach_mask, mask_of
from rnnext.layers.symbolic import KerasTensor, any_symbolic, standard_shape
from rnnext.memory import MemoryEstimate
from rnnext.model_inputs import InputPort, ModelInputs
from rnnext.plan import Plan
from rnnext.prediction import check_batch_size, rows_within_memory, run_in_batches

__all__ = ["Functional", "Model", "Sequential", "load_model", "model_from_json"]

_OWN_CLASS_BATCH = 256  # rows at once of a model whose memory is not known
_SMALL_BATCH = 32  # always run at once; Keras's own batch size


class Model(Layer):
    """Layers that work together.

    Three ways to make one: `Model(inputs, outputs)` from symbolic tensors; `Sequential(layers)`;
    or a subclass that makes layers in `__init__` and calls them in `call`.

    Args:
        inputs: A symbolic tensor, or a list or dictionary of them.
        outputs: The same; everything they depend on must come from `inputs`.
        name: Name of the model.
        **kwargs: Arguments of `Layer`.

    Raises:
        RnnextError: If the outputs do not depend on the inputs alone.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Dense, Input
        >>> from rnnext.models import Model
        >>> x = Input((3,))
        >>> model = Model(x, Dense(2)(x))
        >>> model.predict(np.zeros((5, 3))).shape
        (5, 2)
    """

    _graph: Graph | None = None
    _only_port: InputPort | None = None
    # Whether predict needs no more than the plan: one input, outputs made anew by each call.
    _predicts_directly = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and (args or "inputs" in kwargs):
            cls = Functional
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        if inputs is not None or outputs is not None:
            self._connect(inputs, outputs)

    # The graph ---------------------------------------------------------------------------------

    def _connect(self, inputs: Any, outputs: Any) -> None:
        """Makes the model compute `outputs` from `inputs`."""
        for role, structure in (("inputs", inputs), ("outputs", outputs)):
            flat = nest.flatten(structure)
            wrong = [leaf for leaf in flat if not isinstance(leaf, KerasTensor)]
            if wrong or not flat:
                raise RnnextError(
                    f"{self.label}: {role} must be tensors made by Input and layers, received "
                    f"{wrong or structure!r}."
                )
        inputs, outputs = with_own_inputs(inputs, outputs)
        graph = Graph(nest.flatten(inputs), nest.flatten(outputs))
        ports = [InputPort(t, self.label, _only_ids(graph, t)) for t in graph.inputs]
        self._ports = ModelInputs(inputs, ports, self.label)
        self._only_port = ports[0] if len(ports) == 1 else None
        self._outputs_structure = _unpack_single(outputs)
        self._memory = MemoryEstimate(graph)
        self._plans: dict[tuple[bool, ...], Plan] = {}
        self._graph = graph
        self.supports_masking = True
        self.built = True
        self._plan = self._plan_for(tuple(False for _ in ports))
        self._direct = not self._plan.makes_masks
        self._predicts_directly = self._only_port is not None and all(
            getattr(tensor.source.operation, "makes_new_arrays", False) for tensor in graph.outputs
        )

    def _connected(self) -> Graph:
        if self._graph is None:
            raise AttributeError(
                f"{self.label} has no inputs and outputs: it is a class of its own, or is not "
                "built yet."
            )
        return self._graph

    def _plan_for(self, masked: tuple[bool, ...]) -> Plan:
        plan = self._plans.get(masked)
        if plan is None:
            plan = self._plans[masked] = Plan(self._connected(), masked)
        return plan

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if self._graph is not None:  # plans are functions; they are made again from the graph
            state = {**state, "_plans": {}, "_plan": None}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._graph is not None:
            self.__dict__["_plan"] = self._plan_for(tuple(False for _ in self._graph.inputs))

    @property
    def is_functional(self) -> bool:
        """Whether Keras would class this model as functional (in its configs)."""
        return self._graph is not None and not isinstance(self, Sequential)

    @property
    def inputs(self) -> list[KerasTensor]:
        """Flat list of the symbolic inputs."""
        return list(self._connected().inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """Flat list of the symbolic outputs."""
        return list(self._connected().outputs)

    @property
    def input(self) -> Any:
        """The symbolic inputs, nested as the model takes them."""
        self._connected()
        return self._ports.structure

    @property
    def output(self) -> Any:
        """The symbolic outputs, nested as the model returns them."""
        self._connected()
        return self._outputs_structure

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs in flat order."""
        self._connected()
        return self._ports.names

    @property
    def output_names(self) -> list[str]:
        """Names of the layers that make the outputs, in flat order."""
        return [tensor.source.operation.name for tensor in self._connected().outputs]

    @property
    def input_shape(self) -> Any:
        """Shape of the input; a list or dictionary of shapes if there are several."""
        return nest.map_structure(lambda tensor: tensor.shape, _unpack_single(self.input))

    @property
    def output_shape(self) -> Any:
        """Shape of the output; a list or dictionary of shapes if there are several."""
        return nest.map_structure(lambda tensor: tensor.shape, self.output)

    @property
    def operations(self) -> list[Any]:
        """Layers and other operations of the graph, in Keras's order."""
        return list(self._connected().operations)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in Keras's order."""
        if self._graph is None:
            return super()._layers
        return [operation for operation in self._graph.operations if isinstance(operation, Layer)]

    @property
    def _children(self) -> dict[str, Layer | list[Layer]]:
        own = super()._children
        return own if self._graph is None else {"layers": self.layers, **own}

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Returns a layer by its name or its index in `layers`.

        Raises:
            RnnextError: If there is no such layer, or not exactly one argument is given.
        """
        if (name is None) == (index is None):
            raise RnnextError(f"{self.label}: get_layer needs either a name or an index.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise RnnextError(f"{self.label} has {len(layers)} layers, none at index {index}.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise RnnextError(
            f"{self.label} has no layer {name!r}; there are {[layer.name for layer in layers]}."
        )

    # Running -----------------------------------------------------------------------------------

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Runs the graph on arrays and returns arrays; subclasses write their own.

        Args:
            inputs: An array-like, or a list or dictionary of them by input name.
            training: Must not be true.
            mask: A mask for each input, nested like `inputs`.
        """
        if training:
            raise UnsupportedError(f"{self.label}: training=True is not supported.")
        if mask is None:
            return self._packed_outputs(self._plan.run(self._values(inputs)))
        return self.call_with_masks(inputs, mask)[0]

    def _values(self, inputs: Any) -> list[NDArray[Any]]:
        port = self._only_port
        if (
            port is not None
            and type(inputs) is np.ndarray
            and inputs.dtype is port.dtype
            and port.fits(inputs.shape)
        ):
            return [inputs]
        self._connected()
        arrays = self._ports.arrays(inputs)
        return [port.cast(x) for port, x in zip(self._ports.ports, arrays, strict=True)]

    def _packed_outputs(self, outputs: list[Any]) -> Any:
        if type(self._outputs_structure) is KerasTensor:
            return outputs[0]
        return nest.pack_like(self._outputs_structure, outputs)

    @property
    def computes_masks(self) -> bool:
        """Whether `call_with_masks` returns outputs and masks together."""
        return self._graph is not None

    def call_with_masks(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        """Runs the graph; returns the outputs and their masks, nested alike."""
        values = self._values(inputs)
        masks = self._ports.masks(mask)
        pattern = tuple(m is not None for m in masks or [None] * len(values))
        present = [m for m in masks or [] if m is not None]
        outputs, out_masks = self._plan_for(pattern).run_with_masks(values, present)
        return (
            self._packed_outputs(outputs),
            self._packed_outputs(out_masks),
        )

    @property
    def makes_mask(self) -> bool:
        """Whether an output has a mask although no input has one."""
        return super().makes_mask if self._graph is None else self._plan.makes_masks

    def _call_checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._graph is None or any_symbolic((args, kwargs)):
            return super()._call_checked(args, kwargs)
        if kwargs.pop("training", None):
            raise UnsupportedError(f"{self.label}: training=True is not supported.")
        inputs, mask = self._bound(*args, **kwargs)
        if mask is None:
            carried = _masks_carried(inputs)
            mask = carried if any(m is not None for m in nest.flatten(carried)) else None
        outputs, masks = self.call_with_masks(inputs, mask)
        flat = [
            y if m is None else attach_mask(y, m)
            for y, m in zip(nest.flatten(outputs), nest.flatten(masks), strict=True)
        ]
        return nest.pack_like(outputs, flat)

    @staticmethod
    def _bound(inputs: Any, mask: Any = None) -> tuple[Any, Any]:
        return inputs, mask

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Returns the masks of the outputs, by running the graph."""
        if self._graph is None:
            return super().compute_mask(inputs, previous_mask)
        return self.call_with_masks(inputs, previous_mask)[1]

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns symbolic tensors of the outputs for symbolic inputs of other sizes."""
        if self._graph is None:
            return super().compute_output_spec(inputs, *args, **kwargs)
        tensors = self._ports._values(inputs)
        known = dict(zip(map(id, self._graph.inputs), tensors, strict=True))
        for port, tensor in zip(self._ports.ports, tensors, strict=True):
            if len(tensor.shape) != len(port.shape) or any(
                None not in sizes and sizes[0] != sizes[1]
                for sizes in zip(port.shape[1:], tensor.shape[1:], strict=True)
            ):
                raise ShapeError(
                    f"input {port.name!r} of {self.label}: expected shape {port.shape}, received "
                    f"{tensor.shape}."
                )

        def swap(x: Any) -> Any:
            return known[id(x)] if isinstance(x, KerasTensor) else x

        for node in self._graph.nodes:
            if not node.is_input:
                args = nest.map_structure(swap, node.args)
                kwargs = nest.map_structure(swap, node.kwargs)
                results = nest.flatten(node.operation.compute_output_spec(*args, **kwargs))
                known.update(zip(map(id, node.outputs), results, strict=True))
        # New tensors: one and the same may be an output twice.
        return nest.map_structure(
            lambda t: KerasTensor(known[id(t)].shape, known[id(t)].dtype, self.name),
            self._outputs_structure,
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shapes of the outputs for inputs of these shapes."""
        if self._graph is None:
            return super().compute_output_shape(input_shape)
        shapes = [input_shape] if len(self._graph.inputs) == 1 else list(input_shape)
        inputs = [KerasTensor(s, t.dtype) for s, t in zip(shapes, self._graph.inputs, strict=True)]
        spec = self.compute_output_spec(inputs[0] if len(inputs) == 1 else inputs)
        return nest.map_structure(lambda tensor: tensor.shape, spec)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = 0,
        steps: int | None = None,
        callbacks: Sequence[Any] | None = None,
    ) -> Any:
        """Computes the outputs for many samples.

        Args:
            x: (N, ...) array-like, or a list or dictionary of them by input name.
            batch_size: Samples to run at once. None: as many as a bounded memory allows. The
                results do not depend on it.
            verbose: 0 silent, 1 or "auto" a progress bar on the standard output, 2 one line.
            steps: Must be None; it only makes sense for generators, which rnnext does not read.
            callbacks: Must be None or empty.

        Returns:
            NumPy arrays (N, ...), nested as the model's outputs.

        Raises:
            ShapeError: If an input's shape does not fit.
            DataError: If an input is not numbers.
        """
        if type(x) is np.ndarray and batch_size is steps is callbacks is None and verbose == 0:
            if self._predicts_directly and 0 < len(x) <= _SMALL_BATCH:
                return self._packed_outputs(self._plan.run(self._values(x)))
        for option, value in (("steps", steps), ("callbacks", callbacks)):
            if value:
                raise UnsupportedError(f"{self.label}: predict with {option}={value!r}.")
        if verbose not in (0, 1, 2, "auto"):
            raise UnsupportedError(
                f"{self.label}: verbose must be 0, 1, 2 or 'auto', received {verbose!r}."
            )
        bar = 1 if verbose == "auto" else int(verbose)
        if self._graph is None:
            return self._predict_by_calling(x, batch_size, bar)
        arrays = self._ports.arrays(x)
        rows = self._batch_rows(arrays, batch_size)

        def run(batch: list[NDArray[Any]]) -> list[NDArray[Any]]:
            values = [port.cast(a) for port, a in zip(self._ports.ports, batch, strict=True)]
            return self._own(self._plan.run(values), batch)

        return self._packed_outputs(run_in_batches(run, arrays, rows, bar, self.label))

    def _batch_rows(self, arrays: list[NDArray[Any]], batch_size: int | None) -> int:
        if batch_size is not None:
            return check_batch_size(batch_size, self.label)
        declared = {tensor.shape[0] for tensor in self._connected().inputs} - {None}
        if declared:  # a stateful layer needs just this many
            return max(size for size in declared if size is not None) or 1
        return rows_within_memory(self._memory.bytes_per_row([a.shape for a in arrays]))

    @staticmethod
    def _own(outputs: list[Any], inputs: list[Any]) -> list[Any]:
        """Outputs that do not share memory with the inputs, as those of a lone Dropout would."""
        return [y.copy() if any(np.may_share_memory(y, x) for x in inputs) else y for y in outputs]

    def _predict_by_calling(self, x: Any, batch_size: int | None, verbose: int) -> Any:
        """Batches for a model that is a class of its own."""
        if isinstance(x, (list, tuple)) and not any(hasattr(leaf, "shape") for leaf in x):
            x = as_array(x, f"input of {self.label}")
        leaves = [as_array(leaf, f"input of {self.label}") for leaf in nest.flatten(x)]
        structure: Any = None

        def run(batch: list[NDArray[Any]]) -> list[NDArray[Any]]:
            nonlocal structure
            structure = self(nest.pack_like(x, batch))
            return [np.array(leaf) for leaf in nest.flatten(structure)]

        rows = _OWN_CLASS_BATCH if batch_size is None else check_batch_size(batch_size, self.label)
        results = run_in_batches(run, leaves, rows, verbose, self.label)
        return nest.pack_like(structure, results)

    def reset_states(self) -> None:
        """Sets the states of all stateful layers to zero."""
        for layer in self.layers:
            if hasattr(layer, "reset_states"):
                layer.reset_states()

    # Printing, config, files -------------------------------------------------------------------

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Prints the layers, their output shapes and numbers of parameters, as Keras does.

        Args:
            line_length: Width of the table.
            positions: Where each column ends, as parts of the width.
            print_fn: Called once with the whole text instead of printing it.
            expand_nested: Whether to list the layers of nested models.
            show_trainable: Whether to add a column for that.
        """
        from rnnext.summary import summary_text

        text = summary_text(self, line_length, positions, expand_nested, show_trainable)
        (print_fn or print)(text)

    def get_config(self) -> dict[str, Any]:
        """Returns the config Keras 3 writes for a functional model."""
        if self._graph is None:
            return super().get_config()
        config = config_of(self._graph, self._ports.structure, self._outputs_structure)
        return {"name": self.name, "trainable": self.trainable, **config}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """Makes a model from what `get_config` returned; its weights are fresh.

        Args:
            config: In the Keras 3 form.
            custom_objects: Classes and functions by the name the config uses for them.
        """
        config = dict(config)
        with serialization.custom_object_scope(custom_objects):
            if "input_layers" not in config:
                return cls(**config)
            inputs, outputs = tensors_of_config(config)
        for key in ("layers", "input_layers", "output_layers"):
            config.pop(key)
        if config.get("trainable") is None:
            config.pop("trainable", None)
        return cls(inputs=inputs, outputs=outputs, **config)

    def to_json(self, **kwargs: Any) -> str:
        """Returns the architecture as JSON text; `**kwargs` go to `json.dumps`."""
        import json

        return json.dumps(serialization.serialize(self), **kwargs)

    def load_weights(self, filepath: str | os.PathLike[str], **kwargs: Any) -> None:
        """Sets the weights from a file; see `rnnext.saving.load_weights`."""
        from rnnext import saving

        saving.load_weights(self, filepath, **kwargs)

    def get_build_config(self) -> dict[str, Any] | None:
        """Returns None for a connected model: its graph says how it is built."""
        return None if self._graph is not None else super().get_build_config()


@serialization.builtin("keras.src.models.functional")
class Functional(Model):
    """A model made from symbolic inputs and outputs; `Model(inputs, outputs)` makes one."""


@serialization.builtin("keras")
class Sequential(Model):
    """A stack of layers, each fed by the one before.

    Without an `Input` as its first layer the model is connected when it is first called or built,
    and has no weights before.

    Args:
        layers: The layers.
        trainable: Whether training would change the weights.
        name: Name of the model.

    Example:
        >>> from rnnext.layers import Dense, Input
        >>> from rnnext.models import Sequential
        >>> model = Sequential([Input((3,)), Dense(4, activation="relu"), Dense(1)])
        >>> model.count_params()
        21
    """

    def __init__(
        self,
        layers: Sequence[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        # With the InputLayer, if there is one; what each returned is in _stack_outputs.
        self._stack: list[Layer] = []
        self._stack_outputs: list[Any] = []
        for layer in layers or []:
            self.add(layer)
        if not trainable:
            self.trainable = False

    _not_children = frozenset({"_stack"})

    def add(self, layer: Any) -> None:
        """Puts a layer on top.

        Args:
            layer: A layer, or what `Input` returns.

        Raises:
            RnnextError: If it is no layer, its name is taken, or it is a second input.
        """
        if isinstance(layer, KerasTensor):
            layer = layer.source.operation
        if not isinstance(layer, Layer):
            raise RnnextError(f"{self.label}: expected a layer, received {layer!r}.")
        if any(layer.name == other.name and layer is not other for other in self._stack):
            raise RnnextError(f"{self.label} has a layer named {layer.name!r} already.")
        if isinstance(layer, InputLayer) and self._stack:
            raise RnnextError(f"{self.label}: {layer.label} must be the first layer.")
        if not self._stack and not isinstance(layer, InputLayer):
            self._stack.extend(_declared_input(layer))
        self._stack.append(layer)
        self._connect_stack()

    def pop(self) -> Layer:
        """Removes the top layer and returns it."""
        if not self.layers:
            raise RnnextError(f"{self.label} has no layer to remove.")
        layer = self._stack.pop()
        del self._stack_outputs[len(self._stack) :]
        self._graph, self._only_port = None, None
        self.built = self._direct = self._predicts_directly = False
        if len(self._stack) > 1:
            self._connect_stack()
        return layer

    def build(self, input_shape: Any = None) -> None:
        """Connects the layers for inputs of this shape, batch size first."""
        if not self.layers:
            raise RnnextError(f"{self.label} has no layers; add one before building it.")
        shape = standard_shape(input_shape or (), f"{self.label}: input_shape")
        first = self._stack[0]
        if not isinstance(first, InputLayer):
            self._stack.insert(0, InputLayer(batch_shape=shape, dtype=first.compute_dtype))
        elif first.batch_shape != shape:
            raise ShapeError(
                f"{self.label} was built for inputs of shape {first.batch_shape}, not {shape}."
            )
        self._connect_stack()

    def _connect_stack(self) -> None:
        if not isinstance(self._stack[0], InputLayer) or len(self._stack) < 2:
            return
        outputs = self._stack_outputs or [self._stack[0].output]
        for layer in self._stack[len(outputs) :]:
            outputs.append(layer(outputs[-1]))
        self._stack_outputs = outputs
        self._connect(outputs[0], outputs[-1])

    @property
    def layers(self) -> list[Layer]:
        """The layers without the InputLayer."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    @property
    def _children(self) -> dict[str, Layer | list[Layer]]:
        return {"layers": self.layers}

    def _values(self, inputs: Any) -> list[NDArray[Any]]:
        if self._graph is None:
            self._build_for(as_array(inputs, f"input of {self.label}").shape)
        return super()._values(inputs)

    def _build_for(self, shape: tuple[int | None, ...]) -> None:
        """Connects the layers for a first input: of any batch size, unless a layer has states."""
        if not any(getattr(layer, "stateful", False) for layer in self._stack):
            shape = (None, *shape[1:])
        self.build(shape)

    def _call_checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._graph is None and args:
            inputs = args[0]
            symbolic = isinstance(inputs, KerasTensor)
            self._build_for(
                inputs.shape if symbolic else as_array(inputs, f"input of {self.label}").shape
            )
        return super()._call_checked(args, kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Computes the outputs for many samples; see `Model.predict`."""
        if self._graph is None:
            self._build_for(as_array(x, f"input of {self.label}").shape)
        return super().predict(x, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Returns the config Keras 3 writes for a Sequential model."""
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype_policy.get_config(),
            "layers": [serialization.serialize(layer) for layer in self._stack],
        }
        if self._graph is not None:
            config["build_input_shape"] = list(self._graph.inputs[0].shape)
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """Makes a model from what `get_config` returned; its weights are fresh."""
        config = dict(config)
        shape = config.pop("build_input_shape", None)
        with serialization.custom_object_scope(custom_objects):
            layers = [serialization.deserialize(layer) for layer in config.pop("layers")]
            model = cls(layers=layers, **config)
            if model._graph is None and shape:
                model.build(shape)
        return model


def _declared_input(layer: Layer) -> list[Layer]:
    """The InputLayer that a first layer's own input shape asks for, if it has one."""
    if isinstance(layer, Model) and layer._graph is not None:
        shape, dtype = layer.inputs[0].shape, layer.inputs[0].dtype
    elif layer._batch_input_shape is not None:
        shape, dtype = layer._batch_input_shape, layer.compute_dtype
    else:
        return []
    return [InputLayer(batch_shape=shape, dtype=dtype)]


def _unpack_single(structure: Any) -> Any:
    """A list of one tensor means the tensor."""
    if isinstance(structure, (list, tuple)) and len(structure) == 1:
        return structure[0]
    return structure


def _only_ids(graph: Graph, tensor: KerasTensor) -> bool:
    """Whether every layer that reads an input takes integers as they are."""
    readers = [node.operation for node in graph.nodes if tensor in node.input_tensors]
    return bool(readers) and all(getattr(op, "reads_ids", False) for op in readers)


def _masks_carried(inputs: Any) -> Any:
    return nest.map_structure(mask_of, inputs) if nest.is_nested(inputs) else mask_of(inputs)


def load_model(filepath: Any, custom_objects: Mapping[str, Any] | None = None, **kwargs: Any) -> Any:
    """Loads a whole model from a file; see `rnnext.saving.load_model`."""
    from rnnext import saving

    return saving.load_model(filepath, custom_objects=custom_objects, **kwargs)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Makes a model from `model.to_json()` of any Keras; its weights are fresh."""
    from rnnext import saving

    return saving.model_from_json(json_string, custom_objects=custom_objects)
