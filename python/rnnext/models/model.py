"""Models: layers connected to a graph, or stacked, or called by a user's own class."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, serialization
from rnnext.errors import RnnextError, UnsupportedError
from rnnext.graph.arguments import CallArguments
from rnnext.graph.masked_array import attach_mask, masks_of
from rnnext.graph.streaming import Streamed, StreamedCall
from rnnext.graph.tensor import KerasTensor, any_symbolic
from rnnext.layers.layer import Layer
from rnnext.models.batching import check_batch_size, run_in_batches
from rnnext.models.graph import config_of, tensors_of_config
from rnnext.models.network import Network, unpack_single
from rnnext.models.training import NoTraining

if TYPE_CHECKING:
    from rnnext.streaming.stream import Stream

__all__ = ["Functional", "Model", "clone_model"]

_OWN_CLASS_BATCH = 256  # rows at once of a model whose memory is not known


class Model(NoTraining, Layer):
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

    # What the model computes; None for a class of its own, and before a Sequential is built.
    _network: Network | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Makes a `Functional` if `Model` is called with tensors."""
        if cls is Model and (args or "inputs" in kwargs):
            cls = Functional
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        if inputs is not None or outputs is not None:
            self._connect(inputs, outputs)
            if not self.trainable:
                self.trainable = False  # for the layers, too

    def _connect(self, inputs: Any, outputs: Any) -> None:
        """Makes the model compute `outputs` from `inputs`."""
        self._network = Network(inputs, outputs, self.label)
        self.supports_masking = True
        self.built = True
        self._direct = not self._network.plan.makes_masks

    def _connected(self) -> Network:
        if self._network is None:
            raise AttributeError(
                f"{self.label} has no inputs and outputs: it is a class of its own, or is not "
                "built yet."
            )
        return self._network

    # What it consists of -----------------------------------------------------------------------

    @property
    def is_functional(self) -> bool:
        """Whether Keras's configs class this model as functional."""
        return self._network is not None

    @property
    def inputs(self) -> list[KerasTensor]:
        """Flat list of the symbolic inputs."""
        return list(self._connected().graph.inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """Flat list of the symbolic outputs."""
        return list(self._connected().graph.outputs)

    @property
    def input(self) -> Any:
        """The symbolic inputs, nested as the model takes them."""
        return self._connected().inputs

    @property
    def output(self) -> Any:
        """The symbolic outputs, nested as the model returns them."""
        return self._connected().outputs

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs in flat order."""
        return self._connected().ports.names

    @property
    def output_names(self) -> list[str]:
        """Names of the layers that make the outputs, in flat order."""
        return [tensor.source.operation.name for tensor in self.outputs]

    @property
    def input_shape(self) -> Any:
        """Shape of the input; a flat list of shapes if there are several."""
        return unpack_single([tensor.shape for tensor in self.inputs])

    @property
    def output_shape(self) -> Any:
        """Shape of the output; a flat list of shapes if there are several."""
        return unpack_single([tensor.shape for tensor in self.outputs])

    @property
    def operations(self) -> list[Any]:
        """Layers and other operations of the graph, in Keras's order."""
        return list(self._connected().graph.operations)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in Keras's order."""
        if self._network is None:
            return super()._layers
        return [op for op in self._network.graph.operations if isinstance(op, Layer)]

    @property
    def _children(self) -> dict[str, Layer | list[Layer]]:
        own = super()._children
        return own if self._network is None else {"layers": self.layers, **own}

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
        network = self._network or self._connected()
        return network.run(inputs) if mask is None else network.run_with_masks(inputs, mask)[0]

    @property
    def computes_masks(self) -> bool:
        """True for a connected model: its masks are found while it runs."""
        return self._network is not None

    def call_with_masks(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        """Runs the graph; returns the outputs and their masks, nested alike."""
        return self._connected().run_with_masks(inputs, mask)

    @property
    def narrows(self) -> bool:
        """False for a connected model: each of its layers has its own dtype."""
        return self._network is None and super().narrows

    @property
    def makes_mask(self) -> bool:
        """Whether an output has a mask although no input has one."""
        return super().makes_mask if self._network is None else self._network.plan.makes_masks

    def gives_mask_to(self, layer: Layer) -> bool:
        """Whether a layer of this graph can have a masked input if the model's have no masks."""
        return self._network is None or layer in self._network.plan.masked_operations

    @property
    def pads_to_batch(self) -> bool:
        """Whether a layer pads samples to the longest one that is computed with them."""
        return any(layer.pads_to_batch for layer in self.layers)

    @property
    def reads_strings(self) -> bool:
        """True: each layer inside says what it reads."""
        return True

    def _input_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        # Each input of a connected model has a dtype of its own, whatever the model's policy.
        return super()._input_dtype(dtype) if self._network is None else dtype

    def _call_checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._network is None or any_symbolic((args, kwargs)):
            return super()._call_checked(args, kwargs)
        call = CallArguments(Model.call, args, kwargs, self.label)
        inputs, training, mask = call.named.values()
        if training:
            raise UnsupportedError(f"{self.label}: training=True is not supported.")
        if mask is None:
            mask = masks_of(inputs)
        outputs, masks = self._network.run_with_masks(inputs, mask)
        flat = [
            y if m is None else attach_mask(y, m)
            for y, m in zip(nest.flatten(outputs), nest.flatten(masks), strict=True)
        ]
        return nest.pack_like(outputs, flat)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Returns the masks of the outputs, by running the graph."""
        if self._network is None:
            return super().compute_mask(inputs, previous_mask)
        return self._network.run_with_masks(inputs, previous_mask)[1]

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns symbolic tensors of the outputs for symbolic inputs of other sizes."""
        if self._network is None:
            return super().compute_output_spec(inputs, *args, **kwargs)
        return self._network.output_spec(inputs, self.name)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shapes of the outputs for inputs of these shapes."""
        if self._network is None:
            return super().compute_output_shape(input_shape)
        return self._network.output_shape_for(input_shape)

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
        network = self._network
        plain = batch_size is None and verbose == 0 and steps is None and callbacks is None
        if plain and network is not None:
            outputs = network.predict_directly(x)
            if outputs is not None:
                return outputs
        for option, value in (("steps", steps), ("callbacks", callbacks)):
            if value:
                raise UnsupportedError(f"{self.label}: predict with {option}={value!r}.")
        if verbose not in (0, 1, 2, "auto"):
            raise UnsupportedError(
                f"{self.label}: verbose must be 0, 1, 2 or 'auto', received {verbose!r}."
            )
        bar = 1 if verbose == "auto" else int(verbose)
        network = network or self._network_for(x)
        if network is None:
            return self._predict_by_calling(x, batch_size, bar)
        return network.predict(x, batch_size, bar)

    def predict_on_batch(self, x: Any) -> Any:
        """Returns what `predict` returns, computed in one batch."""
        return self.predict(x, batch_size=max((len(y) for y in nest.flatten(x)), default=1) or 1)

    def _network_for(self, x: Any) -> Network | None:  # noqa: ARG002
        """The network that predicts for such an input; a Sequential may have to be built first."""
        return self._network

    def _predict_by_calling(self, x: Any, batch_size: int | None, verbose: int) -> Any:
        """Batches for a model that is a class of its own."""
        if isinstance(x, (list, tuple)) and not any(hasattr(leaf, "shape") for leaf in x):
            x = self._as_array(x)
        structure: Any = None

        def run(batch: list[NDArray[Any]]) -> list[NDArray[Any]]:
            nonlocal structure
            structure = self(nest.pack_like(x, batch))
            return [np.array(leaf) for leaf in nest.flatten(structure)]

        rows = _OWN_CLASS_BATCH if batch_size is None else check_batch_size(batch_size, self.label)
        leaves = [self._as_array(leaf) for leaf in nest.flatten(x)]
        results = run_in_batches(run, leaves, rows, verbose, self.label)
        return nest.pack_like(structure, results)

    def stream(self, batch_size: int = 1) -> Stream:
        """Makes a stream: the model fed step by step, remembering where it is.

        Args:
            batch_size: Number of samples B that come together.

        Returns:
            A `rnnext.Stream`.

        Raises:
            UnsupportedError: If the model cannot be streamed; it names the layer and says why.

        Example:
            >>> import numpy as np
            >>> from rnnext.layers import LSTM, Dense, Input
            >>> from rnnext.models import Sequential
            >>> model = Sequential([Input((None, 3)), LSTM(4, return_sequences=True), Dense(2)])
            >>> stream = model.stream()
            >>> x = np.ones((1, 5, 3), "float32")
            >>> y = [stream.step(x[:, t]) for t in range(5)]
            >>> bool(np.all(np.stack(y, axis=1) == model.predict(x)))
            True
        """
        from rnnext.streaming.stream import Stream

        return Stream(self, batch_size)

    @property
    def _masks_elements(self) -> bool:  # type: ignore[override]
        operations = [] if self._network is None else self._network.graph.operations
        return any(getattr(operation, "_masks_elements", False) for operation in operations)

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call on sequences is streamed: as the calls inside are."""
        if self._network is None:
            call.refuse_unknown()
        from rnnext.streaming.model import streamed_model

        return streamed_model(self._network, call)

    @property
    def stateful(self) -> bool:
        """Whether a layer keeps its states from call to call."""
        return any(getattr(layer, "stateful", False) for layer in self.layers)

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
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Prints the layers, their output shapes and numbers of parameters, as Keras does.

        Args:
            line_length: Width of the table.
            positions: Where each column ends, as parts of the width.
            print_fn: Called once with the whole text instead of printing it.
            expand_nested: Whether to list the layers of nested models.
            show_trainable: Whether to add a column for that.
            layer_range: Names, or patterns of names, of the first and the last layer to list.
        """
        from rnnext.models.summary import summary_text

        text = summary_text(
            self, line_length, positions, expand_nested, show_trainable, layer_range
        )
        (print_fn or print)(text)

    def get_config(self) -> dict[str, Any]:
        """Returns the config Keras 3 writes for a functional model."""
        if self._network is None:
            return super().get_config()
        config = config_of(self._network.graph, self._network.inputs, self._network.outputs)
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
        if "input_layers" not in config:
            return cls(**config)
        with serialization.custom_object_scope(custom_objects):
            inputs, outputs = tensors_of_config(config)
        graph_keys = ("layers", "input_layers", "output_layers")
        options = {k: v for k, v in config.items() if k not in graph_keys and v is not None}
        return cls(inputs=inputs, outputs=outputs, **options)

    def get_build_config(self) -> dict[str, Any] | None:
        """Returns None for a connected model: its graph says how it is built."""
        return None if self._network is not None else super().get_build_config()

    def to_json(self, **kwargs: Any) -> str:
        """Returns the architecture as JSON text; `**kwargs` go to `json.dumps`."""
        import json

        return json.dumps(serialization.serialize(self), **kwargs)

    def save(self, filepath: Any) -> None:
        """Saves the model as a `.keras` file; see `rnnext.saving.save_model`."""
        from rnnext import saving

        saving.save_model(self, filepath)

    def save_weights(self, filepath: Any) -> None:
        """Saves the weights as a `.weights.h5` file; see `rnnext.saving.save_weights`."""
        from rnnext import saving

        saving.save_weights(self, filepath)

    def load_weights(self, filepath: str | os.PathLike[str], **kwargs: Any) -> None:
        """Sets the weights from a file; see `rnnext.saving.load_weights`."""
        from rnnext import saving

        saving.load_weights(self, filepath, **kwargs)


@serialization.builtin("keras.src.models.functional")
class Functional(Model):
    """A model made from symbolic inputs and outputs; `Model(inputs, outputs)` makes one."""


def clone_model(model: Model, input_tensors: Any = None, clone_function: Any = None) -> Any:
    """Makes a model of the same layers, with fresh weights.

    Args:
        model: A Sequential or functional model.
        input_tensors: Must be None.
        clone_function: Must be None.

    Raises:
        UnsupportedError: If another argument is given.

    Example:
        >>> from rnnext.layers import LSTM, Input
        >>> from rnnext.models import Sequential
        >>> clone_model(Sequential([Input((5, 3)), LSTM(2)])).output_shape
        (None, 2)
    """
    for option, value in (("input_tensors", input_tensors), ("clone_function", clone_function)):
        if value is not None:
            raise UnsupportedError(
                f"clone_model of {model.label}: {option}={value!r} is not supported; accepted is "
                "None."
            )
    return serialization.copy_from_config(model)
