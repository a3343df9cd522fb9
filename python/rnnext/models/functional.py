"""Functional models: made from symbolic inputs and outputs, and run as a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, serialization
from rnnext.autodiff.tape import active, shortcut
from rnnext.derived import derived
from rnnext.graph.arguments import CallArguments
from rnnext.graph.graph_config import config_of
from rnnext.graph.masked_array import masks_of, with_mask
from rnnext.graph.operation import MaskRule, Node
from rnnext.graph.recording import Pullback, Recording
from rnnext.graph.streaming import Streamed, StreamedCall
from rnnext.graph.tensor import any_symbolic
from rnnext.layers import added_losses
from rnnext.layers.layer import Layer
from rnnext.models.model import Model
from rnnext.models.network import Network

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import ModelOptions
    from rnnext.streaming.stream import Stream

__all__ = ["Functional"]

# Whether `predict` may run the graph at once; not while a GradientTape is open.
_is_short = True


@shortcut
def _switch(is_open: bool) -> None:
    global _is_short
    _is_short = is_open


@serialization.builtin("keras.src.models.functional")
class Functional(Model):
    """A model made from symbolic inputs and outputs; `Model(inputs, outputs)` makes one.

    Args:
        inputs: A symbolic tensor, or a list or dictionary of them.
        outputs: The same; everything they depend on must come from `inputs`.
        name: Name of the model.
        **kwargs: Arguments of `Layer`.

    Raises:
        RnnextError: If the outputs do not depend on the inputs alone.
    """

    is_functional = True
    # None only in a Sequential that is not built yet.
    _network: Network | None = None
    # How many changes there were when that was looked up, and whether a layer adds to the loss.
    _losses_known: tuple[int, bool] | None = None
    # Whether the graph is all it computes: a user's subclass may have a `call`.
    _runs_graph = False
    # Whether it is all that `predict` computes: the subclass may have a `predict_step`, too.
    _predicts_graph = False

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        **kwargs: Unpack[ModelOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        if inputs is not None or outputs is not None:
            self._connect(inputs, outputs)
            if not self.trainable:
                self.trainable = False  # for the layers, too

    def _connect(self, inputs: Any, outputs: Any) -> None:
        """Makes the model compute `outputs` from `inputs`."""
        self._network = Network(inputs, outputs, self.label)
        self._runs_graph = type(self).call is Functional.call
        self._predicts_graph = self._runs_graph and not self._has_own_predict_step
        self.supports_masking = True
        self.built = True
        self._direct = not self.program.makes_masks and not self._may_add_losses()

    def _may_add_losses(self) -> bool:
        """See `added_losses.may_add`, which looks at all layers; here once after each change."""
        count = added_losses.changes.count
        if self._losses_known is None or self._losses_known[0] != count:
            self.__dict__["_losses_known"] = count, added_losses.may_add(self)
        found: bool = self._losses_known[1]  # type: ignore[index]
        return found

    @derived
    def network(self) -> Network:
        """What computes the outputs from the inputs."""
        return super().network if self._network is None else self._network

    @property
    def layers(self) -> list[Layer]:
        """The layers, in Keras's order."""
        return [op for op in self.network.graph.operations if isinstance(op, Layer)]

    @property
    def _children(self) -> dict[str, Layer | list[Layer]]:
        return {"layers": self.layers, **super()._children}

    # Running -----------------------------------------------------------------------------------

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Runs the graph on arrays and returns arrays.

        Args:
            inputs: An array-like, or a list or dictionary of them by input name.
            training: Whether layers behave as in training: dropout drops.
            mask: A mask for each input, nested like `inputs`.
        """
        if training:
            return self._run_training(inputs, mask)[0]
        network = self._network or self.network
        return network.run(inputs) if mask is None else network.run_with_masks(inputs, mask)[0]

    def _call_checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self._runs_graph or any_symbolic((args, kwargs)):
            return super()._call_checked(args, kwargs)
        call = CallArguments(Functional.call, args, kwargs, self.label)
        inputs, training, mask = call.named.values()
        if mask is None:
            mask = masks_of(inputs)
        if active.tape is not None:
            outputs, masks = self._run_traced(inputs, mask, training)
        elif self._may_add_losses():
            outputs, masks = added_losses.collected(
                lambda: self._run_traced(inputs, mask, bool(training))
            )
        else:
            run = self._run_training if training else self.network.run_with_masks
            outputs, masks = run(inputs, mask)
        flat = [
            y if m is None else with_mask(y, m)
            for y, m in zip(nest.flatten(outputs), nest.flatten(masks), strict=True)
        ]
        return nest.pack_like(outputs, flat)

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
        """Computes the outputs for many samples; see `Model.predict`."""
        plain = batch_size is None and verbose == 0 and steps is None and callbacks is None
        if plain and out is None and self._predicts_graph and _is_short:
            outputs: NDArray[Any] | None = self._network.predict_directly(x)  # type: ignore[union-attr]
            if outputs is not None:
                return outputs
        return super().predict(x, batch_size, verbose, steps, callbacks, out=out)

    def _network_for(self, x: Any) -> Network | None:  # noqa: ARG002
        return self._network if self._predicts_graph else None

    def stream(self, batch_size: int = 1) -> Stream:
        """Makes a stream; see `Model.stream`."""
        if self._network is None:
            return super().stream(batch_size)
        from rnnext.streaming.stream import Stream

        return Stream(self, batch_size)

    def trace(self, x: Any, layer: Any = None, mask: Any = None) -> Any:
        """Returns what a recurrent layer computes at every step; see `Model.trace`."""
        if not self._runs_graph:
            return super().trace(x, layer, mask)
        from rnnext.models.tracing import trace_layer

        return trace_layer(self, x, layer, mask)

    # As an operation of another graph ----------------------------------------------------------

    @property
    def narrows(self) -> bool:
        """False: each of its layers has its own dtype."""
        return False

    def input_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Each input has a dtype of its own, whatever the model's policy."""
        return dtype

    @property
    def mask_rule(self) -> MaskRule:
        """JOINT: masks are found while the graph runs."""
        return MaskRule.JOINT if self._runs_graph else super().mask_rule

    @property
    def makes_mask(self) -> bool:
        """Whether an output has a mask although no input has one."""
        return self._network is not None and self.program.makes_masks

    def call_with_masks(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        """Runs the graph; returns the outputs and their masks, nested alike."""
        return self.network.run_with_masks(inputs, mask)

    def record(self, recording: Recording, inputs: Any, mask: Any = None, **_kwargs: Any) -> Any:
        """Computes as `call` does, so that it can be reversed; see `Operation.record`."""
        outputs, _, pullback = self.record_with_masks(recording, inputs, mask)
        pairs = zip(nest.flatten(outputs), self.program.is_only_output, strict=True)
        for output, is_only in pairs:
            if not is_only:  # another layer reads it, too
                recording.logits.pop(id(output), None)
        return outputs, pullback

    def record_with_masks(
        self, recording: Recording, inputs: Any, mask: Any
    ) -> tuple[Any, Any, Pullback]:
        """Runs the graph so that it can be reversed; returns its masks, too."""
        return self.network.record(recording, inputs, mask)

    def _run_training(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        """Outputs and masks as in training."""
        outputs, masks, _ = self.record_with_masks(Recording(training=True), inputs, mask)
        return outputs, masks

    def _run_traced(self, inputs: Any, mask: Any, training: bool | None) -> tuple[Any, Any]:
        """Outputs and masks inside a trace, where the whole model is one operation."""
        from rnnext.autodiff.layer_call import nested

        recording = active.tape.recording  # type: ignore[union-attr]
        outer, masks = recording.training, None

        def record(inputs: Any) -> tuple[Any, Pullback]:
            nonlocal masks
            outputs, masks, pullback = self.record_with_masks(recording, inputs, mask)
            pairs = zip(nest.flatten(outputs), self.program.is_only_output, strict=True)
            for output, is_only in pairs:
                if not is_only:  # another layer reads it, too
                    recording.logits.pop(id(output), None)
            return outputs, pullback

        try:
            recording.training = outer if training is None else bool(training)
            return nested(record, (inputs,), {}), masks
        finally:
            recording.training = outer

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Returns the masks of the outputs, by running the graph."""
        return self.network.run_with_masks(inputs, previous_mask)[1]

    def gives_mask_to(self, layer: Layer) -> bool:
        """Whether a layer of this graph can have a masked input if the model's have no masks."""
        return layer in self.program.masked_operations

    @property
    def masks_elements(self) -> bool:
        """Whether an operation of the graph takes a mask for one of elements."""
        return any(operation.masks_elements for operation in self.network.graph.operations)

    @property
    def pads_to_batch(self) -> bool:
        """Whether an operation pads samples to the longest one that is computed with them."""
        return any(operation.pads_to_batch for operation in self.network.graph.operations)

    @property
    def samples_elsewhere(self) -> str | None:
        """The name of what has its samples on another axis than the first, or None."""
        return self.network.samples_elsewhere

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns symbolic tensors of the outputs for symbolic inputs of other sizes."""
        if not self._runs_graph:
            return super().compute_output_spec(inputs, *args, **kwargs)
        return self.network.output_spec(inputs, self.name)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shapes of the outputs for inputs of these shapes."""
        return self.network.output_shape_for(input_shape)

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call on sequences is streamed: as the calls inside are."""
        from rnnext.streaming.model import streamed_model

        return streamed_model(self.network, call)

    def reads_in_steps(self, node: Node, sequences: set[int]) -> bool:
        """Tells whether something inside needs one of these tensors (by id) as a sequence."""
        from rnnext.streaming.program import is_read_in_steps

        graph = self.network.graph
        pairs = zip(self.network.ports.values(node.args[0]), graph.inputs, strict=True)
        return is_read_in_steps(graph, [inner for t, inner in pairs if id(t) in sequences])

    # Config ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the config Keras 3 writes for a functional model."""
        config = config_of(self.network.graph, self.network.inputs, self.network.outputs)
        return {"name": self.name, "trainable": self.trainable, **config}

    def get_build_config(self) -> dict[str, Any] | None:
        """Returns None: the graph says how the model is built."""
        return None


Model.functional_class = Functional
