"""The model that a command's arguments name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import rnnext
from rnnext.saving import model_from_json


def add_config_argument(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add ``--config``.

    Args:
        parser: Of the command.
        purpose: What FILE is when the option is needed, for the help.
    """
    parser.add_argument(
        "--config",
        metavar="MODEL.json",
        help=f"the architecture, as model.to_json() wrote it, where FILE is {purpose}",
    )


def read_model(file: str, config: str | None) -> Any:
    """The model of a file, or of a file of weights and one with its architecture.

    Args:
        file: Path of a model file, or of a weights file if `config` is given.
        config: Path of a JSON file, or None.

    Raises:
        FileError: As `rnnext.load_model`.
        OSError: `config` cannot be read.
    """
    if config is None:
        return rnnext.load_model(file)
    model = model_from_json(Path(config).read_bytes())
    model.load_weights(file)
    return model
