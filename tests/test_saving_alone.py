"""Every public class opens in a process that has not used it before.

Names stand for several things: there is a layer and an initializer `Identity`. What a name finds
must not depend on which modules happen to be imported.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from parity_cases import CASES
from test_saving_layer_classes import (
    CLASSES,
    MORE_CASES,
    answers,
    call_arguments,
    graph_input,
)

from rnnext import (
    constraints,
    initializers,
    layers,
    nest,
    regularizers,
    serialization,
)
from rnnext.activations import activation
from rnnext.layers import Dense, Input
from rnnext.models import Model, Sequential
from rnnext.saving.legacy.weight_order import legacy_order

# Opens each file in a process forked from one that has imported only what opening a model without
# layers imports. Its answers must have the same bits.
RUNNER = """
import os, pickle, sys, traceback
import numpy as np
import rnnext
from rnnext import saving
from rnnext.models import Model, Sequential

class Live:  # a live model of Keras, as far as from_keras looks at it
    def __init__(self, name, config, layers):
        self.name, self.to_json = name, lambda: config
        self.layers = [LiveLayer(*layer) for layer in layers]
        self.get_weights = list

class LiveLayer:
    def __init__(self, name, weights, state):
        self.name, self.non_trainable_weights = name, []
        if "bin_boundaries" in state:
            self.bin_boundaries = state["bin_boundaries"]
        if "terms" in state:  # in the layer itself, or in one inside a TextVectorization
            self._lookup_layer = LiveTerms(**state)
            vars(self).update(vars(self._lookup_layer))
        self.weights = self.trainable_weights = [LiveWeight(*weight) for weight in weights]

class LiveTerms:  # of a layer that looks up terms
    def __init__(self, terms, idf_weights):
        self.get_vocabulary = lambda include_special_tokens: terms
        self.idf_weights = idf_weights

class LiveWeight:
    def __init__(self, path, values):
        self.path = self.name = path
        self.numpy = lambda: values

def opened(form, content, weights):
    if form in ("keras", "h5"):
        return saving.load_model(content)
    if form == "live":
        return rnnext.from_keras(Live(*content))
    model = saving.model_from_json(content)
    model.set_weights(weights)
    return model

def check(form, content, weights, inputs, expected):
    outputs = opened(form, content, weights)(inputs)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    for output, right in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(output), right)

with open(sys.argv[1], "rb") as file:
    cases = pickle.load(file)
saving.load_model(cases.pop(0)[2])
for label, form, *case in cases:
    child = os.fork()
    if child == 0:
        try:
            check(form, *case)
        except BaseException as error:
            print(label, form, type(error).__name__, str(error)[:300], flush=True)
            os._exit(1)
        os._exit(0)
    os.waitpid(child, 0)
"""


def without_modules(config: Any) -> Any:
    """Keras 3's config in an HDF5 file: layers and models without their modules."""
    if isinstance(config, list):
        return [without_modules(item) for item in config]
    if not isinstance(config, dict):
        return config
    changed = {key: without_modules(value) for key, value in config.items()}
    if str(config.get("module")).startswith(("keras.layers", "keras.src.models", "keras.src.ops")):
        for key in ("module", "registered_name", "build_config"):
            changed.pop(key, None)
    return changed


def legacy_content(model: Any, config: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["keras_version"] = "3.15.0"
        file.attrs["model_config"] = json.dumps(without_modules(config))
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [layer.name for layer in model.layers]
        for layer in model.layers:
            group = weights.create_group(layer.name)
            names = [f"{number}/{v.path}" for number, v in enumerate(legacy_order(layer))]
            group.attrs["weight_names"] = names
            for name, variable in zip(names, legacy_order(layer), strict=True):
                group[name] = variable.numpy()
    return buffer.getvalue()


def state_of(layer: Any) -> dict[str, Any]:
    """What a live layer of Keras has beside its weights: boundaries, or terms."""
    if isinstance(layer, layers.Discretization):
        return {"bin_boundaries": layer.bin_boundaries}
    lookup = getattr(layer, "_lookup_layer", layer)
    if not hasattr(lookup, "get_vocabulary"):
        return {}
    terms = lookup.get_vocabulary(include_special_tokens=False)
    return {"terms": terms, "idf_weights": lookup.idf_weights}


def forms(label: str, model: Any, inputs: list[Any]) -> list[tuple[Any, ...]]:
    """A model in every form in which it can be opened."""
    file = io.BytesIO()
    model.save(file)
    with zipfile.ZipFile(file) as archive:
        config = json.loads(archive.read("config.json"))
    text = json.dumps({**config, "keras_version": "3.15.0"})
    live = [
        (layer.name, [(v.path, v.numpy()) for v in legacy_order(layer)], state_of(layer))
        for layer in model.layers
    ]
    contents = {
        "keras": file.getvalue(),
        "h5": legacy_content(model, config),
        "json": text,
        "live": (model.name, text, live),
    }
    expected = answers(model, inputs)
    weights = model.get_weights()
    return [(label, form, content, weights, inputs, expected) for form, content in contents.items()]


def small_model(class_name: str) -> tuple[Model, list[Any]]:
    """A model of one layer of a class."""
    case = next(case for case in (*CASES.values(), *MORE_CASES) if case.layer == class_name)
    values = case.inputs()
    call = call_arguments(case)
    values += [value for value in nest.flatten(call) if isinstance(value, np.ndarray)]
    inputs = [graph_input(value) for value in values]
    further = iter(inputs[len(case.inputs()) :])
    call = nest.map_structure(lambda x: next(further) if isinstance(x, np.ndarray) else x, call)
    first = inputs[: len(case.inputs())]
    outputs = case.make(layers)(first if len(first) > 1 else first[0], **call)
    return Model(inputs, outputs), values


def options() -> dict[str, dict[str, Any]]:
    """A Dense layer's options with each public initializer, regularizer, ... in one of them."""
    found: dict[str, dict[str, Any]] = {}
    for module, option in (
        (initializers, "kernel_initializer"),
        (regularizers, "kernel_regularizer"),
        (constraints, "kernel_constraint"),
    ):
        for name in module.__all__:
            cls = getattr(module, name)
            bases = (initializers.Initializer, regularizers.Regularizer, constraints.Constraint)
            is_class = isinstance(cls, type) and cls not in bases and name == cls.__name__
            if is_class and name != "STFT":  # which is of kernels of three axes
                found[f"{module.__name__}.{name}"] = {option: cls()}
    for name in activation._FORMULAS:
        if name not in (
            "glu",
            "keras2_hard_sigmoid",
            "threshold",
        ):  # not of a name alone, or not saved
            found[f"activations.{name}"] = {"activation": name}
    return found


OPTIONS = options()


def run(cases: list[tuple[Any, ...]], folder: Path) -> str:
    x = Input((3,))
    first = forms("none", Model(x, x), [np.zeros((1, 3), "f4")])[0]
    (folder / "cases").write_bytes(pickle.dumps([first, *cases]))
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(folder / "cases")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each file is opened by a forked process")
def test_every_layer_alone(tmp_path: Path) -> None:
    cases = [case for name in CLASSES for case in forms(name, *small_model(name))]
    assert run(cases, tmp_path) == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each file is opened by a forked process")
def test_every_initializer_regularizer_constraint_and_activation_alone(tmp_path: Path) -> None:
    x = np.linspace(-2, 2, 6, dtype="f4").reshape(2, 3)
    cases = []
    for label, each in OPTIONS.items():
        cases += forms(label, Sequential([Input((3,)), Dense(3, **each)]), [x])
    assert len(OPTIONS) > 40
    assert run(cases, tmp_path) == ""


@pytest.mark.parametrize(
    ("module", "package"), [("keras.layers", "layers"), ("keras.initializers", "initializers")]
)
def test_the_module_says_which_identity_is_meant(module: str, package: str) -> None:
    found = serialization.deserialize({"module": module, "class_name": "Identity", "config": {}})
    assert type(found).__module__.startswith(f"rnnext.{package}")


def test_a_name_without_a_module() -> None:
    def made(name: str) -> str:
        return type(serialization.deserialize({"class_name": name, "config": {}})).__module__

    assert made("Identity").startswith("rnnext.layers")
    assert made("Zeros").startswith("rnnext.initializers")
    assert made("L2").startswith("rnnext.regularizers")
    assert nest.flatten(made("NonNeg")) == ["rnnext.constraints.constraint"]
