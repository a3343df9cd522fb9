"""Random models, trained a few steps in Keras and in rnnext from the same weights.

The number of models and the seed can be set; a long run is

    RNNEXT_RANDOM_TRAININGS=2000 RNNEXT_RANDOM_SEED=$RANDOM pytest -s tests/test_random_training.py

Losses, metrics and weights must be the same: in float64 within TOLERANCE. In float32 a step can
make more of a rounding; where it does, the errors of both libraries from Keras's training in
float64 are compared, and rnnext's may be MARGIN times Keras's.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from numpy.typing import NDArray
from random_models import Node, build, sample_inputs, sample_weights, smaller
from random_training import EPOCHS, SAMPLES, Training, draw_training, floatx_of
from test_random_models import KerasRefusesError, in_float64, way_of

import rnnext
from rnnext.errors import UnsupportedError

keras = load_keras()

# Keras warns where a layer drops a mask, and of weights without gradients.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

Array = NDArray[Any]
Results = dict[str, Array]

MODELS = int(os.environ.get("RNNEXT_RANDOM_TRAININGS", "48"))
SEED = os.environ.get("RNNEXT_RANDOM_SEED", "1")
PARTS = 6
SHRINKING_STEPS = 80
# Keras rounds the factors of regularizers to float32 in float64, too: 6e-8 of what they add.
TOLERANCE = {"float32": 1e-4, "float64": 1e-7}
MARGIN = 5.0


class NotTrainedError(Exception):
    """rnnext says by name that it does not train a layer."""


@contextlib.contextmanager
def default_float(name: str) -> Iterator[None]:
    """Both libraries compute losses and cast data in this type."""
    before = keras.config.floatx()
    try:
        for library in (keras, rnnext):
            library.config.set_floatx(name)
        yield
    finally:
        for library in (keras, rnnext):
            library.config.set_floatx(before)
        # Keras makes its policy of the type that is set when it is first asked for, and keeps it.
        keras.config.set_dtype_policy(before)


def data_of(training: Training) -> list[Array]:
    """The inputs: so many times what a batch has."""
    rng = np.random.default_rng(zlib.crc32(str(training).encode()))
    drawn = [sample_inputs(training.model, rng) for _ in range(SAMPLES // 3)]
    return [np.concatenate(parts) for parts in zip(*drawn, strict=True)]


def targets_of(training: Training, outputs: list[Array]) -> list[Array]:
    """Of each output, what its loss takes."""
    rng = np.random.default_rng(7)
    found = []
    for loss, y in zip(training.losses, outputs, strict=True):
        if loss.startswith("sparse"):
            found.append(rng.integers(0, y.shape[-1], y.shape[:-1]))
        elif loss.startswith("categorical"):
            found.append(np.eye(y.shape[-1])[rng.integers(0, y.shape[-1], y.shape[:-1])])
        elif loss.startswith("binary"):
            found.append(rng.integers(0, 2, y.shape).astype("float64"))
        else:
            found.append(np.abs(rng.standard_normal(y.shape)))
    return [y.astype(floatx_of(training)) if y.dtype.kind == "f" else y for y in found]


def weights_of(loss: str, y: Array) -> Array:
    """A weight for each element that the loss has a value of."""
    shape = y.shape if loss.startswith("sparse") else y.shape[:-1]
    return np.linspace(0.5, 2, int(np.prod(shape))).reshape(shape).astype("float32")


def compile_alike(library: Any, model: Any, training: Training) -> None:
    name, options = training.optimizer
    several = len(training.losses) > 1
    metrics, weighted = list(training.metrics), list(training.weighted_metrics)
    model.compile(
        getattr(library.optimizers, name)(**options),
        list(training.losses) if several else training.losses[0],
        loss_weights=None if training.loss_weights is None else list(training.loss_weights),
        metrics=[metrics] * len(training.losses) if several else metrics,
        weighted_metrics=[weighted] * len(training.losses) if several else weighted,
        run_eagerly=True,
    )


def freeze(model: Any, training: Training) -> None:
    rng = random.Random(3)
    for layer in model.layers:
        if rng.random() < training.frozen:
            layer.trainable = False


def trained(model: Any, training: Training, x: list[Array], y: list[Array]) -> Results:
    """All losses and metrics by name, and the weights by number."""
    several = len(y) > 1
    options: dict[str, Any] = {"batch_size": 3, "verbose": 0}
    targets = y if several else y[0]
    weights: Any = None
    if training.sample_weight:
        weights = [weights_of(loss, t) for loss, t in zip(training.losses, y, strict=True)]
        weights = weights if several else weights[0]
    history = model.fit(
        x,
        targets,
        epochs=EPOCHS,
        shuffle=False,
        sample_weight=weights,
        class_weight=training.class_weight,
        validation_data=([a[::-1].copy() for a in x], targets) if training.validation else None,
        **options,
    ).history
    results = {name: np.asarray(values, np.float64) for name, values in history.items()}
    logs = model.evaluate(x, targets, return_dict=True, **options)
    results |= {f"evaluated {k}": np.asarray(v, np.float64) for k, v in logs.items()}
    for i, w in enumerate(model.get_weights()):
        results[f"weight {i}"] = np.asarray(w, np.float64)
    return results


def in_keras(
    training: Training, weights: list[Array] | None = None
) -> tuple[Results, list[Array], list[Array], list[Array]]:
    """Results, the weights before, inputs and targets."""
    try:
        keras.utils.clear_session()  # names of outputs count from 1
        model = build(keras, training.model)
        if weights is None:
            names = [w.name for w in model.weights]
            weights = sample_weights(model.get_weights(), names, np.random.default_rng(0))
        model.set_weights(weights)
        before = model.get_weights()
        freeze(model, training)
        if not model.trainable_weights:
            raise KerasRefusesError("nothing to train")
        x = data_of(training)
        outputs = model([a[:3] for a in x] if len(x) > 1 else x[0][:3])  # of shapes only
        several = isinstance(outputs, (list, tuple))
        parts = [np.asarray(o) for o in (outputs if several else [outputs])]
        y = targets_of(training, [np.concatenate([o] * (SAMPLES // 3)) for o in parts])
        reset_states(model)
        compile_alike(keras, model, training)
        results = trained(model, training, x, y)
    except KerasRefusesError:
        raise
    except Exception as error:
        raise KerasRefusesError(f"{type(error).__name__}: {error}") from error
    if not all(np.isfinite(r).all() and np.abs(r).max(initial=0) < 1e6 for r in results.values()):
        raise KerasRefusesError("results that are not finite, or very large")
    return results, before, x, y


def reset_states(model: Any) -> None:
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False):
            layer.reset_state()


def in_rnnext(training: Training, weights: list[Array], x: Any, y: Any) -> Results:
    rnnext.utils.clear_session()
    model = build(rnnext, training.model)
    model.set_weights(weights)
    freeze(model, training)
    compile_alike(rnnext, model, training)
    try:
        return trained(model, training, x, y)
    except UnsupportedError as error:
        raise NotTrainedError(str(error)) from error


def apart(results: Results, expected: Results) -> tuple[float, str]:
    """The largest difference, relative to the largest element but at least 1, and where it is."""
    worst = 0.0, ""
    for name, value in expected.items():
        difference = np.abs(results[name] - value) / max(float(np.abs(value).max(initial=0)), 1.0)
        found = float(difference.max(initial=0)) if np.isfinite(difference).all() else np.inf
        worst = max(worst, (found, name))
    return worst


def complaint(training: Training) -> str | None:
    """What is wrong with rnnext's training of a model; None if nothing is."""
    with default_float(floatx_of(training)):
        expected, weights, x, y = in_keras(training)
        try:
            received = in_rnnext(training, weights, x, y)
        except NotTrainedError:
            raise
        except Exception as error:  # the complaint is whatever went wrong
            return f"{type(error).__name__}: {error}"
    if list(received) != list(expected):
        return f"results {list(received)} where Keras has {list(expected)}"
    difference, where = apart(received, expected)
    if difference <= TOLERANCE[training.model.dtype]:
        return None
    if training.model.dtype == "float64" or not np.isfinite(difference):
        return f"{where}: {difference:.1e} from Keras"
    wide = dataclasses.replace(training, model=in_float64(training.model))
    with default_float("float64"):
        truth, *_ = in_keras(wide, [np.asarray(w, np.float64) for w in weights])
    ours, theirs = apart(received, truth)[0], apart(expected, truth)[0]
    if ours <= MARGIN * theirs:
        return None
    return f"{where}: {ours:.1e} from float64, Keras {theirs:.1e}"


def simpler(training: Training) -> Iterator[Training]:
    """Trainings with one thing less; some of them cannot be done."""
    plain = {"metrics": (), "weighted_metrics": (), "sample_weight": False, "class_weight": None,
             "validation": False, "frozen": 0.0, "loss_weights": None,
             "optimizer": ("SGD", {"learning_rate": 0.01})}  # fmt: skip
    for name, value in plain.items():
        if getattr(training, name) != value:
            yield dataclasses.replace(training, **{name: value})
    for loss in training.losses:
        if loss != "mse":
            losses = tuple("mse" if one == loss else one for one in training.losses)
            yield dataclasses.replace(training, losses=losses)
    for model in smaller(training.model):
        kept = [o in model.outputs for o in training.model.outputs]
        losses = training.losses
        if len(model.outputs) < len(losses):
            losses = tuple(one for one, keep in zip(losses, kept, strict=True) if keep)
            losses = (losses or training.losses)[: len(model.outputs)]
        yield dataclasses.replace(training, model=model, losses=losses, loss_weights=None)


def shrunk(training: Training, message: str) -> tuple[Training, str]:
    """A simpler training that fails in the same way, and how."""
    tries = 0
    found = True
    while found and tries < SHRINKING_STEPS:
        found = False
        for candidate in simpler(training):
            tries += 1
            try:
                problem = complaint(candidate)
            except (KerasRefusesError, NotTrainedError):
                continue
            if problem is not None and way_of(problem) == way_of(message):
                training, message, found = candidate, problem, True
                break
            if tries >= SHRINKING_STEPS:
                break
    return training, message


@pytest.mark.parametrize("part", range(PARTS))
def test_random_trainings(part: int) -> None:
    refused: list[str] = []
    count = len(range(part, MODELS, PARTS))
    for number in range(part, MODELS, PARTS):
        seed = f"{SEED}-{number}"
        training = draw_training(seed)
        try:
            problem = complaint(training)
        except (KerasRefusesError, NotTrainedError) as error:
            refused.append(f"{seed}: {type(error).__name__}: {error}")
            continue
        if problem is not None:
            smallest, message = shrunk(training, problem)
            pytest.fail(
                f"RNNEXT_RANDOM_SEED={SEED}, training {number}: {problem}\n"
                f"smallest that fails: {message}\n{smallest}"
            )
    print(f"seed {SEED}: {count} trainings, {len(refused)} of them refused")
    assert len(refused) <= max(3, 0.35 * count), "\n".join(refused)


def test_a_wrong_step_is_found() -> None:
    """What compares the trainings notices a single weight that is off by a millionth."""
    for number in range(100):
        training = draw_training(f"check-{number}")
        if training.model.dtype != "float64":
            continue
        try:
            with default_float("float64"):
                expected, *_ = in_keras(training)
        except KerasRefusesError:
            continue
        received = {name: value.copy() for name, value in expected.items()}
        received["weight 0"].flat[0] += 1e-6
        assert apart(received, expected)[0] > TOLERANCE["float64"]
        return
    raise AssertionError("Keras refused everything")


def test_every_node_is_described() -> None:
    """The descriptions hold plain data, so that a failure can be printed and tried again."""
    training = draw_training("0")
    assert all(isinstance(node, Node) for node in training.model.nodes)
    assert draw_training("0") == training
