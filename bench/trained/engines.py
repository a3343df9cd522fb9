"""The engines: how each one trains a model, and with what its process is started."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trained.models import GATES, Dropout, Embedding, Recurrent, Trained

_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""}


class Engine(NamedTuple):
    """One engine.

    Attributes:
        library: rnnext, keras or torch.
        threads: That it is told to use; None: its default.
        environment: What its process needs.
        fused: PyTorch's fused optimizer in place of the one that it takes by default.
    """

    library: str
    threads: int | None = None
    environment: Mapping[str, str] = MappingProxyType({})
    fused: bool = False


class Run(NamedTuple):
    """A model in an engine.

    Attributes:
        check: What all engines must agree on: the loss of the first batch before it is trained on,
            or the mean magnitude of a single layer's gradients.
        epoch: Trains on all batches once; of a single layer, one pass forwards and backwards.
    """

    check: Callable[[], float]
    epoch: Callable[[], Any]


ENGINES = {
    "rnnext-1": Engine("rnnext", 1),
    "rnnext-2": Engine("rnnext", 2),
    "keras": Engine("keras", None, _QUIET),
    "torch-1": Engine("torch", 1),
    "torch-2": Engine("torch", 2),
    "torch-1-fused": Engine("torch", 1, fused=True),
    "torch-2-fused": Engine("torch", 2, fused=True),
}


def build(engine: Engine, model: Trained, batches: int) -> Run:
    """Makes a model in an engine, and the data it is trained on."""
    x, y = model.data(batches)
    if engine.library == "torch":
        return _torch_run(engine, model, x, y)
    if engine.library == "keras":
        return _keras_layer(model, x, y) if model.alone else _fit("keras", model, x, y)
    return _rnnext_layer(model, x, y) if model.alone else _fit("rnnext", model, x, y)


# ---- Keras and rnnext: the same lines ------------------------------------------------------------


def _fit(library: str, model: Trained, x: NDArray[Any], y: NDArray[Any]) -> Run:
    keras = __import__(library)
    layers = keras.layers
    stack = [layers.Input(x.shape[1:], dtype=x.dtype.name)]
    for layer in model.layers:
        if isinstance(layer, Embedding):
            stack.append(layers.Embedding(layer.rows, layer.units))
        elif isinstance(layer, Dropout):
            stack.append(layers.Dropout(layer.rate))
        else:
            stack.append(_keras_recurrent(layers, layer))
    network = keras.Sequential([*stack, layers.Dense(1)])
    network.set_weights(model.weights())
    network.compile("adam", "mse")

    def epoch() -> None:
        network.fit(x, y, batch_size=model.batch, verbose=0, shuffle=False)

    def check() -> float:
        return float(network.evaluate(x[: model.batch], y[: model.batch], verbose=0))

    return Run(check, epoch)


def _keras_recurrent(layers: Any, layer: Recurrent) -> Any:
    made = getattr(layers, layer.cell)(layer.units, return_sequences=layer.return_sequences)
    return layers.Bidirectional(made) if layer.bidirectional else made


def _keras_layer(model: Trained, x: NDArray[Any], d_y: NDArray[Any]) -> Run:
    import keras
    import tensorflow as tf

    layer = _keras_recurrent(keras.layers, model.layers[0])
    layer.build(x.shape)
    layer.set_weights(model.weights())

    @tf.function
    def gradients(inputs: Any, d_outputs: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
        return tape.gradient(outputs, [inputs, *layer.trainable_variables], d_outputs)

    inputs, d_outputs = tf.constant(x), tf.constant(d_y)

    def epoch() -> list[NDArray[Any]]:
        return [gradient.numpy() for gradient in gradients(inputs, d_outputs)]

    return Run(lambda: _magnitude(epoch()), epoch)


def _rnnext_layer(model: Trained, x: NDArray[Any], d_y: NDArray[Any]) -> Run:
    import rnnext
    from rnnext.graph.recording import Buffers, Recording

    layer = _keras_recurrent(rnnext.layers, model.layers[0])
    layer.build(x.shape)
    layer.set_weights(model.weights())
    buffers = Buffers()

    def epoch() -> list[NDArray[Any]]:
        buffers.begin()
        for weight in layer.trainable_weights:
            weight.assign(weight.value)  # packed again, as after a step of an optimizer
        recording = Recording(True, buffers=buffers)
        _, pullback = layer.record(recording, x)
        d_x = pullback([d_y])[0]
        return [d_x, *(recording.gradients[id(w)] for w in layer.trainable_weights)]

    return Run(lambda: _magnitude(epoch()), epoch)


def _magnitude(gradients: Iterable[NDArray[Any]]) -> float:
    """Of the inputs' gradient and those of the two kernels."""
    return float(sum(abs(gradient).mean(dtype=float) for gradient in list(gradients)[:3]))


# ---- PyTorch -------------------------------------------------------------------------------------


def _torch_run(engine: Engine, model: Trained, x: NDArray[Any], y: NDArray[Any]) -> Run:
    import torch

    torch.set_num_threads(engine.threads or torch.get_num_threads())
    network = _torch_network(model)
    inputs = torch.from_numpy(x.astype("int64") if x.dtype == np.int32 else x)
    targets = torch.from_numpy(y)
    if model.alone:
        return _torch_layer(network.recurrent[0], inputs, targets)
    options = {"fused": True} if engine.fused else {}
    optimizer = torch.optim.Adam(network.parameters(), **options)
    loss_of = torch.nn.functional.mse_loss

    def epoch() -> None:
        total = torch.zeros(())
        for first in range(0, len(inputs), model.batch):
            batch = slice(first, first + model.batch)
            optimizer.zero_grad()
            loss = loss_of(network(inputs[batch]), targets[batch])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        float(total)  # the epoch's mean, as the others report it

    def check() -> float:
        network.eval()
        with torch.no_grad():
            loss = loss_of(network(inputs[: model.batch]), targets[: model.batch])
        network.train()
        return float(loss)

    return Run(check, epoch)


def _torch_layer(layer: Any, inputs: Any, d_outputs: Any) -> Run:
    inputs.requires_grad_()

    def epoch() -> list[NDArray[Any]]:
        inputs.grad = None
        layer.zero_grad()
        layer(inputs)[0].backward(d_outputs)
        weights = layer.weight_ih_l0, layer.weight_hh_l0
        return [parameter.grad.numpy() for parameter in (inputs, *weights)]

    return Run(lambda: _magnitude(epoch()), epoch)


def _torch_network(model: Trained) -> Any:
    """A module with the model's initial weights."""
    import torch

    weights = iter(model.weights())
    rest = [layer for layer in model.layers if not isinstance(layer, Embedding)]

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent = torch.nn.ModuleList()  # with the dropout between
            self.embedding = self.dense = None
            width = model.features
            for layer in model.layers:
                if isinstance(layer, Embedding):
                    self.embedding = torch.nn.Embedding(layer.rows, layer.units)
                    _set(self.embedding.weight, next(weights))
                    width = layer.units
                elif isinstance(layer, Recurrent):
                    made = _torch_recurrent(layer, width, weights)
                    self.recurrent.append(made)
                    width = layer.units * (2 if layer.bidirectional else 1)
                else:
                    self.recurrent.append(torch.nn.Dropout(layer.rate))
            if not model.alone:
                self.dense = torch.nn.Linear(width, 1)
                _set(self.dense.weight, next(weights).T)
                _set(self.dense.bias, next(weights))

        def forward(self, x: Any) -> Any:
            if self.embedding is not None:
                x = self.embedding(x)
            for layer, module in zip(rest, self.recurrent, strict=True):
                if not isinstance(layer, Recurrent):
                    x = module(x)
                    continue
                x, state = module(x)
                if not layer.return_sequences:
                    h = state[0] if isinstance(state, tuple) else state
                    x = torch.cat((h[0], h[1]), -1) if layer.bidirectional else h[0]
            return self.dense(x)

    return Network()


def _torch_recurrent(layer: Recurrent, width: int, weights: Any) -> Any:
    import torch

    order = [1, 0, 2] if layer.cell == "GRU" else range(GATES[layer.cell])  # PyTorch: r z n
    classes = {"SimpleRNN": "RNN"}
    made = getattr(torch.nn, classes.get(layer.cell, layer.cell))(
        width, layer.units, batch_first=True, bidirectional=layer.bidirectional
    )
    for suffix in ("", "_reverse") if layer.bidirectional else ("",):
        for name in ("weight_ih", "weight_hh"):
            gates = np.split(next(weights), made.weight_ih_l0.shape[0] // layer.units, axis=1)
            ordered = np.concatenate([gates[i] for i in order], axis=1)
            _set(getattr(made, f"{name}_l0{suffix}"), ordered.T)
        bias = next(weights).reshape(-1, made.weight_ih_l0.shape[0])
        for i, name in enumerate(("bias_ih", "bias_hh")):
            parts = np.split(bias[i] if i < len(bias) else 0 * bias[0], len(order))
            _set(getattr(made, f"{name}_l0{suffix}"), np.concatenate([parts[j] for j in order]))
    return made


def _set(parameter: Any, values: NDArray[Any]) -> None:
    import torch

    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))
