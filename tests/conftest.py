"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from keras_reference import THIRD_PARTY_WARNINGS, load_keras

import rnnext
from rnnext import _core, demo


def pytest_configure(config: pytest.Config) -> None:
    for line in THIRD_PARTY_WARNINGS:
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    """Keras on TensorFlow; a test that asks for it is skipped where TensorFlow is missing."""
    return load_keras()


@pytest.fixture(params=_core.available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every instruction set in turn: what is packed during the test runs on it."""
    before = _core.isa()
    _core.set_isa(request.param)
    yield request.param
    _core.set_isa(before)


@pytest.fixture
def set_num_threads() -> Iterator[Callable[[int], None]]:
    """`_core.set_num_threads`, undone after the test."""
    before = _core.get_num_threads()
    yield _core.set_num_threads
    _core.set_num_threads(before)


@pytest.fixture
def x_file(tmp_path: Path) -> str:
    """Five inputs of the demo's model."""
    np.save(tmp_path / "x.npy", demo.windows(*demo.series())[0][:5])
    return str(tmp_path / "x.npy")


@pytest.fixture
def twice_file(tmp_path: Path) -> str:
    """A model with one layer called on both of its inputs, and two outputs."""
    a, b = (rnnext.Input((None, 2), name=name) for name in "ab")
    shared = rnnext.layers.GRU(3, name="shared")
    head = rnnext.layers.Dense(1, name="head")
    model = rnnext.Model([a, b], [shared(a), head(shared(b))], name="twice")
    model.save(tmp_path / "twice.keras")
    return str(tmp_path / "twice.keras")
