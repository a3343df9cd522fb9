"""One engine with one model, in a process of its own that trains an epoch when it is told to.

    python -m trained.worker ENGINE MODEL BATCHES

Writes one line of JSON when it is ready or cannot run, then one for every line it reads, which says
for how many seconds at least to train.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from trained.engines import ENGINES, build
from trained.models import MODELS


def main() -> None:
    engine, name, batches = sys.argv[1:]
    # What libraries print must not get between the lines of the protocol.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def say(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")

    try:
        run = build(ENGINES[engine], MODELS[name], int(batches))
        checked = run.check()
        run.epoch()  # Keras compiles its step in the first
    except Exception as error:  # an engine's own failure, of any kind, is a line of the table
        say({"cannot_run": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"})
        return
    say({"check": checked})
    for line in sys.stdin:
        seconds: list[float] = []
        processor: list[float] = []
        while not seconds or sum(seconds) < float(line):
            begin, busy = time.perf_counter(), time.process_time()
            run.epoch()
            seconds.append(time.perf_counter() - begin)
            processor.append(time.process_time() - busy)
        say(
            {
                name: [value / int(batches) for value in values]
                for name, values in (("steps", seconds), ("processor", processor))
            }
        )


if __name__ == "__main__":
    main()
