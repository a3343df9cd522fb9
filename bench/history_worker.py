"""Measures the rnnext that PYTHONPATH names; bench/history.py starts one for each commit.

Uses only what rnnext has had since its first layers. Writes a line of JSON when it is ready, then
one for every line it reads, which says for how many seconds to measure each call: the least time of
a call in seconds of this thread's processor time, which a busy neighbour lengthens least. A call
that the commit does not have has no figure.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

import rnnext
from rnnext import demo, layers

_SAMPLE_SECONDS = 1e-3  # one reading of the clock must not matter

LAYERS = {
    "SimpleRNN 1,10,3,5": ("SimpleRNN", 1, 10, 3, 5),
    "LSTM 1,1,16,64": ("LSTM", 1, 1, 16, 64),
    "GRU 1,1,64,256": ("GRU", 1, 1, 64, 256),
    "LSTM 1,100,64,128": ("LSTM", 1, 100, 64, 128),
    "SimpleRNN 64,100,64,128": ("SimpleRNN", 64, 100, 64, 128),
    "LSTM 32,100,128,256": ("LSTM", 32, 100, 128, 256),
    "GRU 64,100,128,256": ("GRU", 64, 100, 128, 256),
}


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def layer_call(cell: str, B: int, T: int, D: int, H: int) -> Callable[[], object]:
    layer, x = getattr(layers, cell)(H), random(B, T, D)
    return lambda: layer(x)


def predict_call() -> Callable[[], object]:
    model = rnnext.load_model(demo.MODEL_FILE)
    x = random(1, 33, 1)
    return lambda: model.predict(x)


def training_call() -> Callable[[], object]:
    model = rnnext.Sequential([layers.Input((30, 1)), layers.LSTM(32), layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    x, y = random(32, 30, 1), random(32, 1)
    return lambda: model.train_on_batch(x, y)


def calls() -> Iterator[tuple[str, Callable[[], object]]]:
    """Every call that this rnnext can make, made once."""
    builders: dict[str, Callable[[], Callable[[], object]]] = {
        name: (lambda sizes=sizes: layer_call(*sizes)) for name, sizes in LAYERS.items()
    }
    builders["predict of the demo's model"] = predict_call
    builders["training step of LSTM 32,30,1,32"] = training_call
    for name, build in builders.items():
        try:
            call = build()
            call()
        except (AttributeError, NotImplementedError, TypeError, ValueError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        yield name, call


def least_time(call: Callable[[], object], seconds: float) -> float:
    """The least processor time of a call, of samples of a millisecond or one call."""
    count, least = 1, np.inf
    end = time.perf_counter() + seconds
    while least == np.inf or time.perf_counter() < end:
        before = time.thread_time()
        for _ in range(count):
            call()
        took = time.thread_time() - before
        if took < _SAMPLE_SECONDS:
            count *= 2
        else:
            least = min(least, took / count)
    return float(least)


def main() -> None:
    measured = dict(calls())
    print(json.dumps({"isa": rnnext.isa(), "calls": list(measured)}), flush=True)
    for line in sys.stdin:
        times = {name: least_time(call, float(line)) for name, call in measured.items()}
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main()
