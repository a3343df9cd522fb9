"""What a command is doing, on the standard error: the standard output is for answers alone."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator


def add_progress_argument(parser: argparse.ArgumentParser) -> None:
    """Adds ``--progress`` and ``--no-progress``."""
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show the progress on the standard error (default: if that is a terminal)",
    )


class Progress:
    """One line about what is going on; a new text takes the place of the last one.

    Where the standard error is no terminal, as in a log, each text is a line of its own.

    Args:
        wanted: What the user asked for; None: progress if the standard error is a terminal.
    """

    def __init__(self, wanted: bool | None) -> None:
        self._on_terminal = sys.stderr.isatty()
        self.is_shown = self._on_terminal if wanted is None else wanted
        self._shown = ""

    def say(self, text: str) -> None:
        """Shows a text."""
        if not self.is_shown:
            return
        if self._on_terminal:
            sys.stderr.write(f"\r{text.ljust(len(self._shown))}")
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
        self._shown = text

    def clear(self) -> None:
        """Takes the line away, before anything else is written to the terminal."""
        if self._shown and self._on_terminal:
            sys.stderr.write(f"\r{' ' * len(self._shown)}\r")
            sys.stderr.flush()
        self._shown = ""


@contextlib.contextmanager
def shown_progress(arguments: argparse.Namespace) -> Iterator[Progress]:
    """The progress of a command; its line is gone when the block ends, whatever happens.

    Args:
        arguments: With ``progress``, of `add_progress_argument`.
    """
    progress = Progress(arguments.progress)
    try:
        yield progress
    finally:
        progress.clear()


@contextlib.contextmanager
def printed_on_stderr() -> Iterator[None]:
    """What is printed in the block, such as Keras's progress bar, goes to the standard error."""
    sys.stdout.flush()
    with contextlib.redirect_stdout(sys.stderr):
        yield
