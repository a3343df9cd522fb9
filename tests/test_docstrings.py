"""What `help()` shows: everything public says what it does, and the examples run."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import pydoc
from types import ModuleType
from typing import Any

import pytest

import rnnext
from rnnext import layers

MODULES = [
    found.name
    for found in pkgutil.walk_packages(rnnext.__path__, "rnnext.")
    if found.name.rpartition(".")[2] not in ("__main__", "_core")
    and (not found.name.startswith("rnnext.torch") or importlib.util.find_spec("torch"))
]
PUBLIC = [
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "datasets.imdb",
    "datasets.reuters",
    "errors",
    "initializers",
    "interop",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "optimizers.schedules",
    "preprocessing",
    "preprocessing.sequence",
    "preprocessing.text",
    "random",
    "regularizers",
    "saving",
    "utils",
    "wrappers",
    "wrappers.scikit_learn",
]


def examples_of(module: ModuleType) -> list[doctest.DocTest]:
    return [test for test in doctest.DocTestFinder().find(module) if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    module = importlib.import_module(name)
    tests = examples_of(module)
    source = "".join(example.source for test in tests for example in test.examples)
    for word, package in (("torch", "torch"), ("SKLearn", "sklearn")):
        if word in source:
            pytest.importorskip(package)
    runner = doctest.DocTestRunner()
    for test in tests:
        rnnext.clear_session()  # error messages show default names
        runner.run(test)
    assert runner.failures == 0


def test_examples_are_found() -> None:
    """If none were, all of the tests above would pass."""
    found = [test for name in MODULES for test in examples_of(importlib.import_module(name))]
    assert len(found) > 80
    assert {"Stream", "Stream.state", "load_model", "LSTM", "Model.stream"} <= {
        test.name.removeprefix(test.globs["__name__"] + ".") for test in found
    }


def own_doc(thing: Any) -> str | None:
    """Its docstring, not one that a class inherits."""
    doc: str | None = vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
    return doc


@pytest.mark.parametrize("module", ["rnnext", *(f"rnnext.{name}" for name in PUBLIC)])
def test_everything_public_says_what_it_does(module: str) -> None:
    package = importlib.import_module(module)
    assert [name for name in package.__all__ if not own_doc(getattr(package, name))] == []
    assert set(dir(package)) >= set(package.__all__)


@pytest.mark.parametrize(
    "name",
    [
        *("RNN", "SimpleRNN", "LSTM", "GRU", "Bidirectional", "TimeDistributed"),
        *("SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells"),
        *("Dense", "Embedding", "Input", "Layer", "Masking"),
    ],
)
def test_what_recurrent_networks_are_made_of_has_examples(name: str) -> None:
    assert ">>>" in getattr(layers, name).__doc__


def test_help_of_what_one_meets_first() -> None:
    for thing, words in [
        (rnnext.load_model, ["custom_objects", "precision", "FileError", ">>> model = "]),
        (rnnext.from_keras, ["keras_model", "UnsupportedError"]),
        (rnnext.Stream, ["step(self, x", "chunk(self, x", "batch_size"]),
    ]:
        text = pydoc.render_doc(thing, renderer=pydoc.plaintext)
        assert all(word in text for word in words)


def test_dir_lists_what_is_public_and_nothing_else() -> None:
    assert dir(rnnext) == sorted(rnnext.__all__)
    assert all(hasattr(rnnext, name) for name in dir(rnnext))
    assert dir(layers) == sorted(layers.__all__)
