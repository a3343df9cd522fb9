"""Looks into an LSTM that counts: as many b as there were a.

    python examples/count_letters.py

"aaabbb." is a word, "aaabb." is none. An LSTM of three units learns which letters may come next:
after an a either letter, after the last b only the end. It is trained on words of up to 12 a and
tried on longer ones. Its gates and states show how: a cell counts up with each a and down with each
b. It takes a few seconds.
"""

from __future__ import annotations

from typing import Any

import gallery
import numpy as np

import rnnext
from rnnext.layers import LSTM, Dense, Input
from rnnext.utils import pad_sequences

LETTERS = "ab."
MOST = 12  # of a letter in a word that it is trained on
SHOWN = 20


def one_hot(n: int) -> np.ndarray:
    """The word of n a and n b, without its end, (2n, 3)."""
    return np.eye(len(LETTERS), dtype="float32")[[0] * n + [1] * n]


def may_follow(n: int) -> np.ndarray:
    """What may come after each of its letters, (2n, 3)."""
    return np.array([[1, 1, 0]] * n + [[0, 1, 0]] * (n - 1) + [[0, 0, 1]], "float32")


def train(epochs: int = 600) -> rnnext.Model:
    """The network, after it has seen all words of up to MOST a."""
    layers = [Input((None, 3)), LSTM(3, return_sequences=True, name="lstm"), Dense(3, "sigmoid")]
    model = rnnext.Sequential(layers)
    model.compile(rnnext.optimizers.Adam(0.02), "binary_crossentropy")
    lengths = np.arange(1, MOST + 1)
    x = pad_sequences([one_hot(n) for n in lengths], dtype="float32", padding="post")
    y = pad_sequences([may_follow(n) for n in lengths], dtype="float32", padding="post")
    counts = x.any(axis=-1).astype("float32")  # steps after the end of a word do not count
    history = model.fit(x, y, sample_weight=counts, batch_size=4, epochs=epochs, verbose=0)
    losses = history.history["loss"]
    print(f"loss {losses[0]:.3f}, after {epochs} epochs {losses[-1]:.5f}")
    return model


def counts_right(model: rnnext.Model, n: int) -> bool:
    """Whether it knows at each letter what may come next."""
    answer = model.predict(one_hot(n)[np.newaxis], verbose=0)[0]
    return np.array_equal(answer > 0.5, may_follow(n) > 0.5)


def plot(trace: rnnext.Trace) -> Any:
    """Gates and states, with the word's letters below."""
    figure = trace.plot()
    figure.axes[len(trace) - 1].set_xticks(range(2 * SHOWN), "a" * SHOWN + "b" * SHOWN)
    figure.axes[len(trace) - 1].set_xlabel("")
    return figure


def main() -> None:
    """Runs the program."""
    options = gallery.options(__doc__)
    rnnext.set_random_seed(0)
    model = train()
    right = [counts_right(model, n) for n in range(1, 100)]
    print(f"trained on words of up to {MOST} a, right for all up to {right.index(False)}")

    trace = model.trace(one_hot(SHOWN)[np.newaxis], layer="lstm")
    cell = trace["c"][0]
    change = np.diff(cell, axis=0)
    up, down = change[: SHOWN - 1].mean(axis=0), change[SHOWN:].mean(axis=0)
    for unit in range(3):
        print(f"cell {unit}: {up[unit]:+.2f} with each a, {down[unit]:+.2f} with each b")
    gallery.save(options.picture, lambda: plot(trace))


if __name__ == "__main__":
    main()
