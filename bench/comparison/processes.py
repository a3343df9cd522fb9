"""Processes that measure when told to: an engine's worker, and the machine's limits."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from comparison.engines import ENGINES, thread_environment

BENCH_FOLDER = Path(__file__).parents[1]


class EndedError(RuntimeError):
    """A process ended that should have answered."""


class Measurer:
    """A child process that answers every line it is sent with a line of JSON.

    Args:
        command: To start it.
        environment: Added to this process's.
        log: Where its standard error goes.
    """

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                bufsize=1,
            )

    def answer(self) -> dict[str, Any]:
        """Wait for its next line.

        Raises:
            EndedError: It has; with its status and the end of what it wrote.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            last_words = self._log.read_text(errors="replace").strip()[-500:]
            raise EndedError(f"its process ended with status {self._process.wait()}: {last_words}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def measure(self, seconds: float) -> dict[str, Any]:
        """One round."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: `answer` says how
            self._process.stdin.write(f"{seconds}\n")
        return self.answer()

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def start_worker(engine: str, case_folder: Path, threads: int) -> Measurer:
    """The worker of an engine on a case; its first answer says whether it can run."""
    path = os.pathsep.join(filter(None, (str(BENCH_FOLDER), os.environ.get("PYTHONPATH"))))
    threads = ENGINES[engine].threads or threads
    environment = {
        **thread_environment(threads),
        **ENGINES[engine].environment,
        "PYTHONPATH": path,
    }
    command = [sys.executable, "-m", "comparison.worker", engine, str(case_folder), str(threads)]
    return Measurer(command, environment, case_folder / f"{engine}-{threads}.log")
