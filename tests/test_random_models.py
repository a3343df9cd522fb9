"""Random models, built in Keras, saved, loaded by rnnext: both must give the same answers.

The number of models and the seed can be set; a long run is

    RNNEXT_RANDOM_MODELS=20000 RNNEXT_RANDOM_SEED=$RANDOM pytest -s tests/test_random_models.py

A model that fails is made smaller as long as it fails, and its description is printed. The
models of a seed are always the same, so the printed seed finds it again.

What counts as the same answer: within TOLERANCE of Keras's, for float32 and float64. Where rounding
disturbs a model more, and always in half precision, where Keras rounds every operation and rnnext
only what layers return, the errors from the same model in float64 are compared. Keras's own error
is then measured DRAWS times more, on inputs that are one rounding away, and rnnext's may be MARGIN
times the largest of them. If errors are normally distributed and rnnext's are as large as Keras's,
then an output of a single number, the worst case, exceeds that once in 30,000 models judged so.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from numpy.typing import NDArray
from random_drawing import draw
from random_models import (
    HALF,
    Description,
    build,
    sample_inputs,
    sample_weights,
    smaller,
)

import rnnext

keras = load_keras()

Array = NDArray[Any]

MODELS = int(os.environ.get("RNNEXT_RANDOM_MODELS", "500"))
SEED = os.environ.get("RNNEXT_RANDOM_SEED", "1")
PARTS = 10
SHRINKING_STEPS = 150
# Of the largest element.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12, **dict.fromkeys(HALF, 0.0)}
DRAWS = 15  # and the one on the inputs themselves
MARGIN = 3.0


class KerasRefusesError(Exception):
    """Keras cannot build, run or save a model."""


def keras_model(description: Description) -> Any:
    """Keras's model, its weights drawn from the description."""
    try:
        model = build(keras, description)
        rng = np.random.default_rng(0)
        names = [weight.name for weight in model.weights]
        model.set_weights(sample_weights(model.get_weights(), names, rng))
    except Exception as error:
        raise KerasRefusesError(str(error)) from error
    return model


def keras_answers(model: Any, inputs: list[Array]) -> list[Array]:
    """The outputs of two calls: stateful layers go on where they were."""
    try:
        answers = []
        for _ in range(2):
            outputs = model(inputs)
            several = isinstance(outputs, (list, tuple))
            answers += [np.asarray(y) for y in (outputs if several else [outputs])]
    except Exception as error:
        raise KerasRefusesError(str(error)) from error
    return answers


def our_answers(model: Any, inputs: list[Array]) -> list[Array]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        loaded = rnnext.load_model(path)
    answers: list[Array] = []
    for _ in range(2):
        outputs = loaded.predict(inputs)
        answers += outputs if isinstance(outputs, list) else [outputs]
    return answers


def error_of(answers: list[Array], expected: list[Array]) -> float:
    """The largest difference, relative to the largest element of each output."""
    errors = [0.0]
    for y, reference in zip(answers, expected, strict=True):
        scale = max(float(np.abs(reference).max(initial=0)), 1e-3)
        difference = y.astype(np.float64) - reference.astype(np.float64)
        errors.append(float(np.abs(difference).max(initial=0) / scale))
    return max(errors) if np.isfinite(errors).all() else np.inf


def complaint(description: Description) -> str | None:
    """What is wrong with rnnext's answers to a model; None if nothing is."""
    rng = np.random.default_rng(zlib.crc32(str(description).encode()))
    inputs = sample_inputs(description, rng)
    model = keras_model(description)
    expected = keras_answers(model, inputs)
    if not all(np.isfinite(y).all() for y in expected):
        raise KerasRefusesError("answers that are not finite")
    try:
        answers = our_answers(model, inputs)
    except Exception as error:  # the complaint is whatever went wrong
        return f"{type(error).__name__}: {error}"
    for y, reference in zip(answers, expected, strict=True):
        if (y.shape, y.dtype) != (reference.shape, reference.dtype):
            return f"{y.shape} {y.dtype} where Keras returns {reference.shape} {reference.dtype}"
    error = error_of(answers, expected)
    if error <= TOLERANCE[description.dtype]:
        return None
    if description.dtype != "float64" and np.isfinite(error):
        return complaint_about_errors(description, model, inputs, expected, answers)
    return f"{error:.1e} from Keras"


def complaint_about_errors(
    description: Description, model: Any, inputs: Any, expected: Any, answers: Any
) -> str | None:
    """Compares Keras's and rnnext's errors from the same model in float64."""
    exact = keras_model(in_float64(description))
    exact.set_weights([np.asarray(w, np.float64) for w in model.get_weights()])
    truth = keras_answers(
        exact, [x if x.dtype == np.int32 else x.astype("float64") for x in inputs]
    )
    ours, theirs = error_of(answers, truth), error_of(expected, truth)
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        if ours <= MARGIN * theirs:
            return None
        reset_states(model)
        near = [one_rounding_away(x, description.dtype, rng) for x in inputs]
        theirs = max(theirs, error_of(keras_answers(model, near), truth))
    return f"{ours:.1e} from float64, Keras up to {theirs:.1e}" if ours > MARGIN * theirs else None


def in_float64(value: Any) -> Any:
    """A description, or a part of one, with every dtype float64."""
    if isinstance(value, Description):
        nodes = tuple(
            dataclasses.replace(n, options={k: in_float64(v) for k, v in n.options.items()})
            for n in value.nodes
        )
        return dataclasses.replace(value, dtype="float64", nodes=nodes)
    return value


def reset_states(model: Any) -> None:
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False):
            layer.reset_states()


def one_rounding_away(x: Array, policy: str, rng: np.random.Generator) -> Array:
    """Each float up or down by a unit of the type that the layers compute in; ids as they are."""
    if x.dtype == np.int32:
        return x
    dtype = np.dtype(policy.removeprefix("mixed_"))
    eps = 2.0 ** -{"float16": 10, "bfloat16": 7, "float32": 23}[dtype.name]
    return (x.astype("float64") * (1 + eps * rng.choice((-1, 1), x.shape))).astype(x.dtype)


def way_of(complaint: str) -> str:
    """The class of an error; answers that differ are one way to fail."""
    name = complaint.split(":")[0]
    return name if name.endswith("Error") else "answers"


def shrunk(description: Description, message: str) -> tuple[Description, str]:
    """A smaller model that fails in the same way, and how: another error may be Keras's laxness."""
    tries = 0
    found = True
    while found and tries < SHRINKING_STEPS:
        found = False
        for candidate in smaller(description):
            tries += 1
            try:
                problem = complaint(candidate)
            except KerasRefusesError:
                continue
            if problem is not None and way_of(problem) == way_of(message):
                description, message, found = candidate, problem, True
                break
            if tries >= SHRINKING_STEPS:
                break
    return description, message


def test_every_seed_draws_a_model() -> None:
    """Whatever its tensors' sizes are: of some only the rank is known."""
    for number in range(10_000):
        description = draw(f"every-{number}")
        assert description.outputs


# Keras warns where a layer drops a mask, and of a softmax over one element.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("part", range(PARTS))
def test_random_models(part: int) -> None:
    refused: list[str] = []
    count = len(range(part, MODELS, PARTS))
    for number in range(part, MODELS, PARTS):
        seed = f"{SEED}-{number}"
        description = draw(seed)
        try:
            problem = complaint(description)
        except KerasRefusesError as error:
            refused.append(f"{seed}: {error}")
            continue
        finally:
            if number % 100 < PARTS:
                keras.backend.clear_session()
        if problem is not None:
            smallest, message = shrunk(description, problem)
            pytest.fail(
                f"RNNEXT_RANDOM_SEED={SEED}, model {number}: {problem}\n"
                f"smallest model that fails: {message}\n{smallest}"
            )
    print(f"seed {SEED}: {count} models, {len(refused)} of them refused by Keras")
    # Of a few models, by chance, many more than usual may be refused.
    assert len(refused) <= max(3, 0.2 * count), "\n".join(refused)
