"""The model that a command's arguments name."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rnnext
from rnnext.cli.custom_objects import add_custom_argument
from rnnext.errors import RnnextError
from rnnext.saving import model_from_json

# What a message of the library advises in Python, and the same on the command line.
_OPTIONS = {
    "custom_objects": "--custom FILE.py, a file that defines it",
    "load_weights": "--config MODEL.json, what model.to_json() wrote",
    "Limits": "in Python only: rnnext.load_model(file, limits=rnnext.saving.Limits(...))",
}


def add_model_arguments(
    parser: argparse.ArgumentParser, purpose: str = "a file of weights", name: str = "FILE"
) -> None:
    """Adds ``--config`` and ``--custom``.

    Args:
        parser: Of the command.
        purpose: What the file is when ``--config`` is needed, for the help.
        name: How the command calls the file.
    """
    parser.add_argument(
        "--config",
        metavar="MODEL.json",
        help=f"the architecture, as model.to_json() wrote it, where {name} is {purpose}",
    )
    add_custom_argument(parser)


def read_model(
    file: str, config: str | None = None, custom: Mapping[str, Any] | None = None
) -> Any:
    """The model of a file, or of a file of weights and one with its architecture.

    Args:
        file: Path of a model file, or of a weights file if `config` is given.
        config: Path of a JSON file, or None.
        custom: The user's classes and functions by name; see `custom_objects`.

    Raises:
        RnnextError: As `rnnext.load_model`; its message names the command's options.
        OSError: `config` cannot be read.
    """
    with _advising_options():
        if config is None:
            return rnnext.load_model(file, custom_objects=custom, compile=False)
        text = Path(config).read_bytes()
        with _naming(config):
            model = model_from_json(text, custom)
        model.load_weights(file)
        return model


@contextmanager
def _advising_options() -> Iterator[None]:
    """Adds to an error's advice for Python programs what does the same on the command line."""
    try:
        yield
    except RnnextError as error:
        message = str(error)
        options = [option for advice, option in _OPTIONS.items() if advice in message]
        if not options:
            raise
        raise type(error)(f"{message} On the command line: {'; '.join(options)}.") from error


@contextmanager
def _naming(file: str) -> Iterator[None]:
    """Puts a file's name before an error about its text."""
    try:
        yield
    except RnnextError as error:
        raise type(error)(f"{file}: {error}") from error
