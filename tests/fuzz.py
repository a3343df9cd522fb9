"""Looks for model files that rnnext does not survive, for a given time.

    python3 tests/fuzz.py --seconds 300

Every target of fuzz_targets.py runs in a process of its own, with a bound on its memory (on Linux)
and on the time of a single input. A finding is an exception that is not rnnext's own, too much
memory, a crash or a hang; it is printed with what reproduces it, and the command fails. Only the
target of damaged HDF5 may crash or hang, inside libhdf5: that is printed and does not fail.
"""

from __future__ import annotations

import argparse
import base64
import faulthandler
import importlib
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

MEMORY_BYTES = 1 << 30  # beyond what the process has when it starts
ROUND = 100  # inputs between two looks at the clock


def main() -> int:
    """Runs the command; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300, help="for all targets together")
    parser.add_argument("--input-seconds", type=float, default=30, help="at most for one input")
    parser.add_argument("--targets", default="fuzz_targets", help="module that has them")
    parser.add_argument("--only", metavar="TARGET", help="a single target")
    parser.add_argument("--search-here", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    targets = importlib.import_module(args.targets)
    if args.search_here:
        search(targets, args.only, args.seconds, args.input_seconds, args.search_here)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # the targets' process, too
    names = [args.only] if args.only else list(targets.TARGETS)
    clean = [
        supervise(name, args.seconds / len(names), targets.TARGETS[name].may_die, sys.argv[1:])
        for name in names
    ]
    print("clean" if all(clean) else "there are findings")
    return 0 if all(clean) else 1


# In the process of a target ----------------------------------------------------------------------


def search(targets: Any, name: str, seconds: float, input_seconds: float, last_input: Path) -> None:
    """Tries inputs until the time is over; what a target raises ends it."""
    faulthandler.enable()
    bound_memory()

    def note(content: bytes) -> None:
        last_input.write_bytes(content)
        faulthandler.dump_traceback_later(input_seconds, exit=True)

    targets.before_loading.append(note)
    function, strategies, _ = targets.TARGETS[name]
    limits = settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        derandomize=False,  # which is the default where CI is set, and would repeat one round
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    end = time.monotonic() + seconds
    inputs = 0
    while time.monotonic() < end:
        limits(given(**strategies)(function))()
        inputs += ROUND
    print(f"{name}: {inputs} inputs", flush=True)


def bound_memory() -> None:
    """Makes allocations beyond the bound fail, so that they are found as a MemoryError."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


# In the first process ----------------------------------------------------------------------------


def supervise(name: str, seconds: float, may_die: bool, arguments: list[str]) -> bool:
    """Runs a target, again after a death that it may die; returns whether it found nothing."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        with tempfile.TemporaryDirectory() as folder:
            last_input = Path(folder) / "input"
            options = ["--only", name, "--seconds", str(left), "--search-here", str(last_input)]
            run = subprocess.run(
                [sys.executable, __file__, *arguments, *options],
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            if run.returncode == 0:
                return True
            hung = "Timeout (" in run.stderr
            died = hung or run.returncode < 0
            print(f"{name}: {'hung' if hung else f'ended with status {run.returncode}'}")
            print(run.stderr, flush=True)
            if not (died and may_die):
                if died:
                    print_input(last_input.read_bytes())
                return False
    return True


def print_input(content: bytes) -> None:
    """Prints what was being loaded, so that a log is enough to have it again."""
    print("the input, as zlib.decompress(base64.b85decode(...)):")
    print(base64.b85encode(zlib.compress(content)).decode(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
