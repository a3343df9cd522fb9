"""Models: layers connected to a graph, or stacked, or called by a user's own class."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, serialization
from rnnext.autodiff.tape import active, suspended
from rnnext.autodiff.watchable import OutputArray, as_outputs, plain
from rnnext.derived import derived
from rnnext.errors import RnnextError, UnsupportedError
from rnnext.graph.graph_config import tensors_of_config
from rnnext.graph.program import Program
from rnnext.graph.tensor import KerasTensor
from rnnext.layers import layer as calls
from rnnext.layers.layer import Layer
from rnnext.models import batches
from rnnext.models.batching import check_batch_size, run_in_batches
from rnnext.models.network import Network, unpack_single
from rnnext.models.sources import Rows, check_nesting, is_source, sinks_of
from rnnext.models.training import Trainer
from rnnext.naming import did_you_mean

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from rnnext.layers.option_types import ModelOptions
    from rnnext.streaming.stream import Stream

__all__ = ["Model"]

_OWN_CLASS_BATCH = 256  # rows at once of a model whose memory is not known


class Model(Trainer, Layer):
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

    # What `Model(inputs, outputs)` makes; functional.py, which imports this module, says so.
    functional_class: type[Model]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Makes a `Functional` if `Model` is called with tensors."""
        if cls is Model and (args or "inputs" in kwargs or "outputs" in kwargs):
            return cast("Self", super().__new__(Model.functional_class, *args, **kwargs))
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        **kwargs: Unpack[ModelOptions],
    ) -> None:
        if inputs is None and outputs is None:
            super().__init__(name=name, **kwargs)
            return
        # A class of the user's that hands tensors to Model is functional from here on, as in Keras.
        _make_functional(type(self))
        Model.functional_class.__init__(self, inputs, outputs, name, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        # What trains the model holds buffers of it, and is made again at the next batch.
        return {**super().__getstate__(), "_steps": None, "_steps_aside": None}

    # What it consists of -----------------------------------------------------------------------

    @derived
    def network(self) -> Network:
        """What computes the outputs from the inputs.

        Raises:
            AttributeError: If the model is a class of its own, or not built yet.
        """
        raise AttributeError(
            f"{self.label} has no inputs and outputs: it is a class of its own, or is not built "
            "yet."
        )

    @derived
    def program(self) -> Program:
        """What the model does, as data: a list of instructions that can be printed."""
        return self.network.execution.program

    @derived
    def inputs(self) -> list[KerasTensor]:
        """Flat list of the symbolic inputs."""
        return list(self.network.graph.inputs)

    @derived
    def outputs(self) -> list[KerasTensor]:
        """Flat list of the symbolic outputs."""
        return list(self.network.graph.outputs)

    @property
    def input(self) -> Any:
        """The symbolic inputs, nested as the model takes them."""
        return self.network.inputs

    @property
    def output(self) -> Any:
        """The symbolic outputs, nested as the model returns them."""
        return self.network.outputs

    @derived
    def input_names(self) -> list[str]:
        """Names of the inputs in flat order."""
        return self.network.ports.names

    @derived
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
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returns, as Keras 3 counts them; [] before `compile`."""
        if not getattr(self, "compiled", False):
            return []
        options = ("_compile_metrics", "_compile_weighted_metrics")
        has_metrics = any(getattr(self, option, None) is not None for option in options)
        steps: Any = vars(self).get("_steps")  # a batch shows which outputs have losses
        is_known = steps is not None and steps.loss.losses is not None
        of_outputs = steps.loss.output_loss_names if is_known else []
        return ["loss", *(["compile_metrics"] if has_metrics else []), *of_outputs]

    @derived
    def operations(self) -> list[Any]:
        """Layers and other operations of the graph, in Keras's order."""
        return list(self.network.graph.operations)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in Keras's order."""
        return list(dict.fromkeys(super()._layers))  # an attribute may hold one twice

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
        names = [layer.name for layer in layers]
        raise RnnextError(
            f"{self.label} has no layer {name!r}; there are {names}.{did_you_mean([name], names)}"
        )

    # Running -----------------------------------------------------------------------------------

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = 0,
        steps: int | None = None,
        callbacks: Sequence[Any] | None = None,
        *,
        out: Any = None,
    ) -> NDArray[Any]:
        """Computes the outputs for many samples.

        Args:
            x: (N, ...) array-like, or a list or dictionary of them by input name. A dataset of
                HDF5 or Zarr, a memory map or anything else with a shape, a dtype and slices is read
                batch by batch, in bounded memory. Or an iterable
                of batches, such as a generator, a `PyDataset` or a data loader: of inputs, or of
                tuples `(inputs,)`, `(inputs, targets)`, `(inputs, targets, sample_weights)`. One
                batch is in memory at a time.
            batch_size: Samples to run at once. None: as many as a bounded memory allows. The
                results do not depend on it.
            verbose: 0 silent, 1 or "auto" a progress bar on the standard output, 2 one line.
            steps: Number of batches to predict for; the rest is left out. Of arrays without
                `batch_size`, the batches hold all samples.
            callbacks: Callbacks without methods for predict, which nothing is asked of.
            out: Where to write the outputs (N, ...): an array, a memory map or a dataset of HDF5 or
                Zarr, nested as the outputs. It is returned. None: new arrays.

        Returns:
            NumPy arrays (N, ...), nested as the model's outputs. To a type checker it is the one
            array that most models return, which may be unpacked and indexed as their nests are.

        Raises:
            ShapeError: If the shape of an input or of `out` does not fit.
            DataError: If an input is not numbers, there is no batch, or `out` cannot hold outputs.
            UnsupportedError: If a callback has a method for predict.

        Example:
            >>> import numpy as np
            >>> from rnnext.layers import LSTM, Input
            >>> from rnnext.models import Sequential
            >>> model = Sequential([Input((None, 3)), LSTM(2)])
            >>> model.predict(np.ones((4, 5, 3)) for _ in range(10)).shape
            (40, 2)
        """
        if active.tape is not None:  # what predict returns has no gradient
            with suspended():
                return self.predict(x, batch_size, verbose, steps, callbacks, out=out)
        if callbacks:
            batches.check_callbacks(callbacks, self.label)
        if verbose not in (0, 1, 2, "auto"):
            raise UnsupportedError(
                f"{self.label}: verbose must be 0, 1, 2 or 'auto', received {verbose!r}."
            )
        bar = 1 if verbose == "auto" else int(verbose)
        if steps is not None:
            steps = batches.check_steps(steps, self.label)
        if batches.are_batches(x):
            return batches.predict_batches(self.predict_on_batch, x, steps, bar, self.label, out)
        if steps is not None:
            x, batch_size = self._first_steps(x, steps, batch_size)
        network = self._network_for(x)
        if network is None:
            return self._predict_by_calling(x, batch_size, bar, out)
        return network.predict(x, batch_size, bar, out)

    def _first_steps(self, x: Any, steps: int, batch_size: int | None) -> tuple[Any, int | None]:
        """The samples of the first `steps` batches, and the batch size."""
        if batch_size is not None:
            check_batch_size(batch_size, self.label)
        network = self._network_for(x)
        if network is not None:
            arrays = network.ports.arrays(x)
        else:
            x = self._as_arrays(x)
            arrays = nest.flatten(x)
        rows = max(map(len, arrays), default=0)
        size, rows = batches.rows_of_steps(steps, batch_size, rows, self.label)
        arrays = [array[:rows] for array in arrays]
        if network is None:
            return nest.pack_like(x, arrays), size
        return (arrays if len(arrays) > 1 else arrays[0]), batch_size

    def __call__(self, inputs: Any = calls.NOT_GIVEN, *args: Any, **kwargs: Any) -> Any:
        """Applies the model; see `Layer.__call__`. Arrays that it returns have `numpy()`."""
        if self._direct and type(inputs) is calls.short_type and not args and not kwargs:
            outputs = self._bare_call(inputs)
        else:
            if type(inputs) is list and calls.short_type is np.ndarray:
                inputs = plain(inputs)
            outputs = super().__call__(inputs, *args, **kwargs)
        if type(outputs) is np.ndarray:
            return outputs.view(OutputArray)
        return as_outputs(outputs)

    _builtin_call: Any = __call__

    def predict_on_batch(self, x: Any) -> NDArray[Any]:
        """Returns what `predict` returns, for one batch.

        Args:
            x: (N, ...) array-like, or a list or dictionary of them by input name.
        """
        if self._network_for(x) is not None:
            return self.predict(x)  # the result does not depend on the batches
        return self.predict(x, batch_size=sys.maxsize)

    @property
    def _has_own_predict_step(self) -> bool:
        return type(self).predict_step is not Trainer.predict_step

    def _network_for(self, x: Any) -> Network | None:  # noqa: ARG002
        """The network that predicts for such an input; None: nothing is known but `call`."""
        return None

    def _predict_by_calling(
        self, x: Any, batch_size: int | None, verbose: int, out: Any
    ) -> NDArray[Any]:
        """Calls the model on batches: nothing is known of what it does with them."""
        x = self._as_arrays(x)
        own_step = self._has_own_predict_step
        structure: Any = None
        sinks = None if out is None else sinks_of(out, out, self.label)

        def run(batch: list[NDArray[Any]]) -> list[NDArray[Any]]:
            nonlocal structure
            nested = nest.pack_like(x, batch)
            structure = self.predict_step(nested) if own_step else self(nested)
            if sinks is not None:
                check_nesting(out, structure, self.label)
            return [np.array(leaf) for leaf in nest.flatten(structure)]

        rows = _OWN_CLASS_BATCH if batch_size is None else check_batch_size(batch_size, self.label)
        results = run_in_batches(run, nest.flatten(x), rows, verbose, self.label, sinks)
        packed: NDArray[Any] = nest.pack_like(structure, results) if sinks is None else out
        return packed

    def _as_arrays(self, x: Any) -> Any:
        """Inputs of a class of its own as arrays, or rows; a list of numbers is one array."""
        if isinstance(x, (list, tuple)) and not any(hasattr(leaf, "shape") for leaf in x):
            return self._as_array(x)
        name = f"input of {self.label}"
        return nest.map_structure(
            lambda leaf: Rows(leaf, None, name) if is_source(leaf) else self._as_array(leaf), x
        )

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
        raise UnsupportedError(
            f"{self.label} cannot be streamed: it is a class of its own or is not built yet; "
            "accepted are functional models and Sequentials that know their input's shape, by an "
            f"Input, a build() or a call (received batch_size={batch_size!r})."
        )

    def trace(self, x: Any, layer: Any = None, mask: Any = None) -> Any:  # noqa: ARG002
        """Returns what a recurrent layer of the model computes at every step.

        Args:
            x: The model's inputs, as for a call.
            layer: The layer or its name, also inside a model in this one; it may be left out if
                there is only one.
            mask: A mask for each input, or None.

        Returns:
            A `Trace`: gates, candidate and states (B, T, units) by name; `Traces` of the directions
            of a Bidirectional or of stacked cells. It is of the layer's first call.

        Raises:
            UnsupportedError: If there is no such layer, several to choose from, or the model is a
                class of its own.

        Example:
            >>> import numpy as np
            >>> from rnnext.layers import LSTM, Dense, Input
            >>> from rnnext.models import Sequential
            >>> model = Sequential([Input((7, 3)), LSTM(4, name="lstm"), Dense(2)])
            >>> trace = model.trace(np.ones((1, 7, 3)), layer="lstm")
            >>> list(trace), trace["f"].shape
            (['i', 'f', 'g', 'o', 'c', 'h'], (1, 7, 4))
        """
        raise UnsupportedError(
            f"{self.label}: trace(layer={layer!r}) needs the graph of a functional model or a "
            "Sequential, and this is a class of its own or not built yet; call trace(x) of the "
            "layer, with the input of the layer."
        )

    def gives_mask_to(self, layer: Layer) -> bool:  # noqa: ARG002
        """Whether a layer of this model can have a masked input if the model's have no masks."""
        return True  # nothing is known of a class of its own

    @property
    def reads_strings(self) -> bool:
        """True: each layer inside says what it reads."""
        return True

    @property
    def stateful(self) -> bool:
        """Whether a layer keeps its states from call to call."""
        return any(layer.stateful for layer in self.layers)

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

    def _repr_html_(self) -> str:
        """The summary as a table: what a notebook shows."""
        from rnnext.models.summary import summary_html

        return summary_html(self)

    def __dir__(self) -> list[str]:
        """The public names."""
        return [name for name in super().__dir__() if not name.startswith("_")]

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
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

    def to_json(self, **kwargs: Any) -> str:
        """Returns the architecture as JSON text; `**kwargs` go to `json.dumps`."""
        import json

        return json.dumps(serialization.serialize(self), **kwargs)

    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Saves the model as a `.keras` or `.h5` file; see `rnnext.saving.save_model`."""
        from rnnext import saving

        saving.save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Saves the weights as a `.weights.h5` or `.h5` file; see `rnnext.saving.save_weights`."""
        from rnnext import saving

        saving.save_weights(self, filepath, overwrite, **kwargs)

    def load_weights(self, filepath: str | os.PathLike[str], **kwargs: Any) -> None:
        """Sets the weights from a file; see `rnnext.saving.load_weights`."""
        from rnnext import saving

        saving.load_weights(self, filepath, **kwargs)


def _make_functional(cls: type[Model]) -> None:
    """Puts Functional in the place of Model among the bases of a class."""
    functional = Model.functional_class
    if issubclass(cls, functional):
        return
    for base in cls.__bases__:
        if base is not Model and issubclass(base, Model):
            _make_functional(base)
    cls.__bases__ = tuple(functional if base is Model else base for base in cls.__bases__)
