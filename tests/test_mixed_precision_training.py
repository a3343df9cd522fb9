"""Training with half-precision policies and `LossScaleOptimizer`, beside Keras.

Keras rounds every product to half precision, rnnext only what a layer returns and the gradients
of that. So the bound of an error is Keras's own: the mean distance from the gradients, or the
weights, of the same model in float32 must not be larger than Keras's.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext.errors import UnsupportedError
from rnnext.layers.variable import Variable

X = np.random.default_rng(0).normal(size=(10, 6, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(10, 1)).astype("float32")
LAYERS = {
    "LSTM": lambda L: [L.LSTM(8)],
    "GRU": lambda L: [L.GRU(8)],
    "GRU without reset_after": lambda L: [L.GRU(8, reset_after=False)],
    "SimpleRNN": lambda L: [
        L.SimpleRNN(8, return_sequences=True),
        L.TimeDistributed(L.Dense(3)),
        L.BatchNormalization(),
        L.Flatten(),
    ],
    "Bidirectional": lambda L: [
        L.Bidirectional(L.LSTM(6, return_sequences=True)),
        L.LayerNormalization(),
        L.GlobalAveragePooling1D(),
    ],
    "convolution, cells": lambda L: [
        L.Conv1D(6, 3, activation="relu"),
        L.RNN([L.LSTMCell(5), L.GRUCell(4)]),
    ],
}


def model_of(library: Any, case: str, policy: str) -> Any:
    layers, before = library.layers, library.mixed_precision.dtype_policy()
    library.mixed_precision.set_global_policy(policy)
    try:
        model = library.Sequential(
            [
                layers.Input((6, 3)),
                layers.Dense(5, "tanh"),
                *LAYERS[case](layers),
                layers.Dense(1, dtype="float32"),
            ]
        )
    finally:
        library.mixed_precision.set_global_policy(before)
    random = np.random.default_rng(2)
    model.set_weights([random.normal(0, 0.4, w.shape) for w in model.get_weights()])
    return model


def gradients(library: Any, tape: Any, case: str, policy: str) -> list[Any]:
    model = model_of(library, case, policy)
    with tape() as noted:
        loss = library.losses.MeanSquaredError()(Y, model(X, training=True))
    found = noted.gradient(loss, model.trainable_variables)
    assert {np.asarray(g).dtype for g in found} == {np.dtype("float32")}
    return [np.asarray(g) for g in found]


def distance(arrays: Any, truth: Any) -> float:
    errors = [np.abs(a - t).reshape(-1) for a, t in zip(arrays, truth, strict=True)]
    return float(np.mean(np.concatenate(errors)))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("case", LAYERS)
def test_gradients_are_no_further_from_float32_than_kerass(
    case: str, policy: str, keras: ModuleType
) -> None:
    import tensorflow as tf

    truth = gradients(rnnext.keras, rnnext.GradientTape, case, "float32")
    mine = gradients(rnnext.keras, rnnext.GradientTape, case, policy)
    theirs = gradients(keras, tf.GradientTape, case, policy)
    assert 0 < distance(mine, truth) <= distance(theirs, truth)


def compiled(library: Any, case: str, policy: str, scale: float, growth: int) -> Any:
    model = model_of(library, case, policy)
    optimizer = library.optimizers.SGD(0.1, momentum=0.5)
    if policy == "mixed_float16":
        wrapper = library.optimizers.LossScaleOptimizer
        optimizer = wrapper(optimizer, initial_scale=scale, dynamic_growth_steps=growth)
    model.compile(optimizer, "mse")
    return model


@pytest.mark.parametrize(
    ("case", "scale", "growth"),
    [("SimpleRNN", 2.0**17, 2), ("SimpleRNN", 2.0**17, 2000), ("LSTM", 2.0**20, 3)],
)
def test_the_scale_and_the_steps_left_out_are_kerass(
    case: str, scale: float, growth: int, keras: ModuleType
) -> None:
    models = [compiled(lib, case, "mixed_float16", scale, growth) for lib in (rnnext.keras, keras)]
    courses: list[list[Any]] = [[], []]
    for _ in range(8):
        for model, course in zip(models, courses, strict=True):
            model.train_on_batch(X, Y)
            optimizer = model.optimizer
            numbers = optimizer.dynamic_scale, optimizer.step_counter, optimizer.iterations
            course.append([float(number.numpy()) for number in numbers])
    assert courses[0] == courses[1]
    taken = int(courses[0][-1][-1])
    assert 0 < taken < 8, "steps are taken and steps are left out"
    plain = compiled(rnnext.keras, case, "float32", scale, growth)
    for _ in range(taken):
        plain.train_on_batch(X, Y)
    # What is not trained, the averages of batches, moves in the steps that are left out, too.
    weights = [[w.numpy() for w in m.trainable_weights] for m in (*models, plain)]
    assert distance(weights[0], weights[2]) <= distance(weights[1], weights[2])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float32"])
def test_compile_wraps_the_optimizer_as_keras_does(policy: str, keras: ModuleType) -> None:
    for library in (rnnext.keras, keras):
        optimizers, before = library.optimizers, library.mixed_precision.dtype_policy()
        library.mixed_precision.set_global_policy(policy)
        try:
            model = library.Sequential([library.layers.Dense(1)])
        finally:
            library.mixed_precision.set_global_policy(before)
        model.compile("adam", "mse")
        wraps = isinstance(model.optimizer, optimizers.LossScaleOptimizer)
        assert wraps == (policy == "mixed_float16")
        if wraps:
            assert model.optimizer.name == "loss_scale_optimizer"
            model.optimizer.learning_rate = 0.25
            assert float(model.optimizer.inner_optimizer.learning_rate) == 0.25
            assert model.optimizer.initial_scale == 2.0**15
            model.compile(model.optimizer, "mse")
            assert type(model.optimizer.inner_optimizer) is optimizers.Adam
        model.compile("adam", "mse", auto_scale_loss=False)
        assert type(model.optimizer) is optimizers.Adam


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("begun_in", ["keras", "rnnext"])
def test_a_saved_run_goes_on(begun_in: str, suffix: str, tmp_path: Path, keras: ModuleType) -> None:
    first = keras if begun_in == "keras" else rnnext.keras
    path = str(tmp_path / f"m{suffix}")
    begun = compiled(first, "SimpleRNN", "mixed_float16", 2.0**17, 2)
    for _ in range(5):
        begun.train_on_batch(X, Y)
    begun.save(path)
    for library in (rnnext.keras, keras)[: 1 if suffix == ".h5" else 2]:
        rest = library.models.load_model(path)
        assert isinstance(rest.optimizer, library.optimizers.LossScaleOptimizer)
        for mine, theirs in zip(rest.optimizer.variables, begun.optimizer.variables, strict=True):
            np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
        steps, loss = int(rest.optimizer.iterations.numpy()), float(rest.train_on_batch(X, Y))
        assert np.isfinite(loss)
        assert int(rest.optimizer.iterations.numpy()) == steps + 1


def test_config_is_that_of_keras(keras: ModuleType) -> None:
    made = [
        library.optimizers.LossScaleOptimizer(
            library.optimizers.SGD(0.5, momentum=0.9, name="inner"), 2.0**10, 7, name="scaled"
        )
        for library in (rnnext.keras, keras)
    ]
    configs = [optimizer.get_config() for optimizer in made]
    assert configs[0] == configs[1]
    assert type(made[0]).from_config(configs[0]).get_config() == configs[1]


def test_refused() -> None:
    sgd = rnnext.optimizers.SGD
    scaled = rnnext.optimizers.LossScaleOptimizer
    with pytest.raises(UnsupportedError, match="dynamic must be True, received False"):
        scaled(sgd(), dynamic=False)
    with pytest.raises(UnsupportedError, match=r"clipnorm must be None, received 1\.0; set it on"):
        scaled(sgd(), clipnorm=1.0)
    with pytest.raises(UnsupportedError, match=r"unknown arguments \['scale'\]"):
        scaled(sgd(), scale=1.0)
    with pytest.raises(UnsupportedError, match="needs an optimizer that is built"):
        scaled(sgd()).apply([np.ones(2)])


def test_a_loop_without_fit() -> None:
    weight = Variable(np.ones(2, "float32"))
    optimizer = rnnext.optimizers.LossScaleOptimizer(rnnext.optimizers.SGD(0.5))
    for _ in range(2):
        with rnnext.GradientTape() as tape:
            loss = optimizer.scale_loss(np.sum(np.square(weight)))
        optimizer.apply_gradients([(tape.gradient(loss, weight), weight)])
    np.testing.assert_array_equal(weight.numpy(), [0.0, 0.0])


def test_compute_loss_beside_fit() -> None:
    """It keeps its own means: `fit` goes on with those that it has."""
    model = compiled(rnnext.keras, "LSTM", "float32", 1.0, 1)
    first = model.train_on_batch(X, Y)
    model.compute_loss(y=Y, y_pred=model(X))
    assert model.train_on_batch(X, Y) < first
