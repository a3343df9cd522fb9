"""`rnnext info`: what this installation is and what it runs on."""

from __future__ import annotations

import argparse
import platform
from typing import TYPE_CHECKING

import numpy as np

import rnnext
from rnnext import settings

if TYPE_CHECKING:
    from rnnext.cli.types import Commands


def add_parser(commands: Commands) -> None:
    """Adds the subcommand."""
    parser = commands.add_parser(
        "info",
        help="version, instruction sets, threads",
        description="Shows the version, the instruction sets of this build and processor, the one "
        "in use (RNNEXT_ISA in the environment forces one), how many threads a call may use, and "
        "who shares out work to them (RNNEXT_THREADING).",
    )
    parser.set_defaults(run=run)


def run(_arguments: argparse.Namespace) -> int:
    """Prints the facts."""
    facts = {
        "rnnext": rnnext.__version__,
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "NumPy": np.__version__,
        "instruction set": settings.isa(),
        "available": ", ".join(settings.available_isas()),
        "threads": str(settings.get_num_threads()),
        "threading": settings.get_threading(),
    }
    for name, value in facts.items():
        print(f"{name:16} {value}")
    return 0
