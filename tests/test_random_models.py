"""Random models, built in Keras, saved, loaded by rnnext: both must give the same answers.

The number of models and the seed can be set; a long run is

    RNNEXT_RANDOM_MODELS=20000 RNNEXT_RANDOM_SEED=$RANDOM pytest tests/test_random_models.py

A model that fails is made smaller as long as it fails, and its description is printed. The
models of a seed are always the same, so the printed seed finds it again.
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
from random_models import Description, build, draw, sample_inputs, sample_weights, smaller

import rnnext

keras = load_keras()

Array = NDArray[Any]

MODELS = int(os.environ.get("RNNEXT_RANDOM_MODELS", "500"))
SEED = os.environ.get("RNNEXT_RANDOM_SEED", "1")
PARTS = 10
SHRINKING_STEPS = 150
# Of the largest element. A model that rounding disturbs more is judged by the float64 answer.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
# How much farther from that than Keras rnnext may be: either may be the luckier one.
LUCK = 3.0


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
        scale = max(np.abs(reference).max(initial=0), 1e-3)
        errors.append(float(np.abs(y - reference.astype(np.float64)).max(initial=0) / scale))
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
    if description.dtype == "float32" and np.isfinite(error):
        theirs, ours = errors_from_truth(description, model, inputs, expected, answers)
        if ours <= LUCK * theirs:
            return None
        return f"{error:.1e} from Keras; {ours:.1e} from float64, Keras {theirs:.1e}"
    return f"{error:.1e} from Keras"


def errors_from_truth(
    description: Description, model: Any, inputs: Any, expected: Any, answers: Any
) -> tuple[float, float]:
    """Keras's and rnnext's errors against the same model in float64."""
    exact = keras_model(dataclasses.replace(description, dtype="float64"))
    exact.set_weights(model.get_weights())
    wide = [x.astype("float64") if x.dtype.kind == "f" else x for x in inputs]
    truth = keras_answers(exact, wide)
    return tuple(error_of([y.astype("float64") for y in ys], truth) for ys in (expected, answers))  # type: ignore[return-value]


def shrunk(description: Description, message: str) -> tuple[Description, str]:
    """A smaller model that fails, too, and how."""
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
            if problem is not None:
                description, message, found = candidate, problem, True
                break
            if tries >= SHRINKING_STEPS:
                break
    return description, message


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
    assert len(refused) <= 0.2 * count, "\n".join(refused)
