"""The command line: `rnnext demo | summary | predict | plot | verify | convert | bench | info`.

One module per subcommand; each has `add_parser` and a `run` that returns the exit status:
0 done, 1 the answers disagree, 2 it could not be done, 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from rnnext import __version__
from rnnext.cli import bench, convert, demo, info, plot, predict, summary, verify
from rnnext.errors import RnnextError

_EPILOG = """\
examples:
  rnnext demo                          the bundled model, beside TensorFlow's recorded answers
  rnnext summary model.keras           its layers, shapes and numbers of weights
  rnnext predict model.h5 x.npy -o y.npy
  rnnext plot model.keras x.npy -o gates.png
                                       gates and states of a recurrent layer, step by step
  rnnext verify model.h5               layer by layer against TensorFlow on this machine
  rnnext convert old.h5 new.keras      for Keras 3; also SavedModel folders, by TensorFlow
  rnnext bench model.keras             how long it takes here

`rnnext COMMAND --help` tells more.
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="rnnext",
        description="Runs and trains Keras recurrent networks without TensorFlow.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rnnext {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    commands.required = True
    for command in (demo, summary, predict, plot, verify, convert, bench, info):
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: Arguments without the program's name; None: those of the process.

    Returns:
        Exit status.

    Raises:
        SystemExit: With status 2 when the arguments cannot be understood (from argparse), with 0
            after --help and --version.
    """
    arguments = build_parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Tables have lines that a Windows code page may lack: question marks, not a traceback.
        sys.stdout.reconfigure(errors="replace")
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`rnnext summary m.keras | head`). Python
        # flushes stdout once more on its way out, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print(f"rnnext {arguments.command}: interrupted", file=sys.stderr)
        return 130  # as a shell says of a program that SIGINT ended
    except (RnnextError, OSError) as error:
        message = " ".join(str(error).split())
        print(f"rnnext {arguments.command}: error: {message}", file=sys.stderr)
        return 2
    return status
