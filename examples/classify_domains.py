"""Tells machine-made domain names from real ones with dgaintel's published network.

    python examples/classify_domains.py

Malware draws the names of its servers from a generator; the package dgaintel 2.3 (MIT licence)
ships a network that recognises them: an Embedding, a convolution, an LSTM. pip downloads the
package without TensorFlow. The program first asks for the names of which the package's own page
prints the answers, then for well-known names, and for those with letters exchanged at random. It
takes a second.
"""

from __future__ import annotations

import re
import string
import time
from typing import Any

import gallery
import numpy as np

import rnnext

MODEL = gallery.Published(
    "dgaintel==2.3",
    ("dgaintel/domain_classifier_model.h5",),
    "b1b048885e6dc45bf79f129d2cb2d35521cf7a614b1334c700fc23e42d379f12",
)
PAGE = gallery.Published(
    "dgaintel==2.3",
    ("README.md",),
    "2844faa8ab4834ebae644d13f6f1963cf29c11d1a215d1386f5d7b7b15e4e3f6",
)
CHARACTERS = "-." + string.digits + "_" + string.ascii_lowercase  # the network's ids, from 0
LENGTH = 82
NAMES = [
    *("python.org", "numpy.org", "wikipedia.org", "openstreetmap.org", "archive.org", "debian.org"),
    *("kernel.org", "nature.com", "weather.gov", "stackoverflow.com", "britannica.com", "nasa.gov"),
]


def encode(names: list[str]) -> np.ndarray:
    """Ids of characters, (N, LENGTH), with zeros after the last."""
    x = np.zeros((len(names), LENGTH), "int32")
    for row, name in zip(x, names, strict=True):
        row[: len(name)] = [CHARACTERS.index(character) for character in name.lower()]
    return x


def printed_answers(page: str) -> dict[str, float]:
    """The names and probabilities that the package's page prints."""
    found = re.findall(r"^(\S+) is \w+ with probability (\d\.\d{6,})$", page, re.MULTILINE)
    return {name: float(probability) for name, probability in found}


def exchanged(name: str, rng: np.random.Generator) -> str:
    """The name with each letter before the dot exchanged for any."""
    first, dot, last = name.partition(".")
    return "".join(rng.choice(list(string.ascii_lowercase), len(first))) + dot + last


def paint(figure: Any, names: list[str], probabilities: np.ndarray, real: np.ndarray) -> None:
    """A dot for each name, by log-odds."""
    order = np.argsort(probabilities)
    axes = figure.subplots()
    colours = np.where(real[order], gallery.COLOURS["blue"], gallery.COLOURS["red"])
    odds = np.log10(probabilities[order] / (1 - probabilities[order]))
    axes.hlines(range(len(names)), 0, odds, colors=colours, linewidth=1)
    axes.scatter(odds, range(len(names)), c=colours, s=22, zorder=2)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), [names[i] for i in order], fontsize=8)
    axes.set_xticks([-4, -2, 0, 2], ["0.0001", "0.01", "0.5", "0.99"])
    axes.set_xlabel("probability that a program made the name")
    axes.margins(y=0.02)
    for label, colour in zip(axes.get_yticklabels(), colours, strict=True):
        label.set_color(colour)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def main() -> None:
    """Runs the program."""
    options = gallery.options(__doc__)
    model = rnnext.load_model(gallery.fetch(MODEL, options.packages))
    model.summary()

    printed = printed_answers(gallery.fetch(PAGE, options.packages).decode())
    for name, p in zip(printed, model.predict(encode(list(printed)), verbose=0)[:, 0], strict=True):
        print(f"{name}: {p:.6f}; the package's page prints {printed[name]:.6f}")

    rng = np.random.default_rng(1)
    names = NAMES + [exchanged(name, rng) for name in NAMES]
    real = np.arange(len(names)) < len(NAMES)
    begin = time.perf_counter()
    probabilities = model.predict(encode(names), verbose=0)[:, 0]
    seconds = time.perf_counter() - begin
    right = (probabilities < 0.5) == real
    print(f"right for {right[real].sum()} of {real.sum()} real names")
    print(f"right for {right[~real].sum()} of {(~real).sum()} with letters exchanged")
    print(f"{1e6 * seconds / len(names):.0f} microseconds a name")
    gallery.draw(options.picture, (8, 5), lambda figure: paint(figure, names, probabilities, real))


if __name__ == "__main__":
    main()
