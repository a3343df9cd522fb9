"""Configs and messages of every option of every layer: a changed key order is seen, too."""

from __future__ import annotations

import json

import layer_options
import pytest

RECORD = json.loads(layer_options.RECORD.read_text())


def test_all_layers_are_recorded() -> None:
    assert set(RECORD) == set(layer_options.classes())


@pytest.mark.parametrize("name", RECORD)
def test_same_as_recorded(name: str) -> None:
    """`python tests/layer_options.py NAME`, before and after a change, shows what differs."""
    assert layer_options.record(layer_options.classes()[name]) == RECORD[name]
