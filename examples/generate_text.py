"""Writes headlines, character by character, with the published weights of textgenrnn.

    python examples/generate_text.py

The package textgenrnn 2.0.0 (MIT licence) ships a network that was trained on hundreds of thousands
of titles; pip downloads the package without TensorFlow. For each new character the package shows
its network the last 40 again. Here a stream takes the new one alone. The network never saw longer
texts, so the stream starts anew from the last 35 after every 8. It takes a few seconds.
"""

from __future__ import annotations

import json
import time
from typing import Any

import gallery
import numpy as np

import rnnext
from rnnext import ops
from rnnext.layers import LSTM, RNN, Concatenate, Dense, Embedding, Input, Layer

PACKAGE = "textgenrnn==2.0.0"
WEIGHTS = gallery.Published(
    PACKAGE,
    ("textgenrnn/textgenrnn_weights.hdf5",),
    "6a89ca4235ed9f00be7b2acd65d5fe4a099967d676bfe20afb696106286ffbca",
)
VOCABULARY = gallery.Published(
    PACKAGE,
    ("textgenrnn/textgenrnn_vocab.json",),
    "f9c6c0db9b07fb57da023d32df66e16a488d086c138e15706307bb5177c2be74",
)
WINDOW = 40  # characters that the package shows the network; zeros stand before a text's first
CONTEXT, FRESH = 35, 8  # of so many the stream starts anew, then takes so many one by one
START = "<s>"  # stands before and after each text
TEMPERATURES = (
    1.0,
    0.5,
    0.2,
    0.2,
)  # in turn, as in the package: one bold, then safer
LONGEST = 120
DRAWN = 3  # which of the texts is in the picture


class AttentionCell(Layer):
    """textgenrnn's attention as a recurrence: the mean of all steps so far, weighted by exp(x W).

    The states are the sums above and below the fraction, so that a stream can go on with them, and
    the largest x W so far, which both are divided by: exp(x W) itself would overflow.

    Args:
        features: Size of a step.
    """

    def __init__(self, features: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = features
        self.state_size = [features, 1, 1]

    def build(self, input_shape: Any) -> None:
        """Makes the weight."""
        self.W = self.add_weight(shape=(input_shape[-1], 1), name="W")

    def get_initial_state(self, batch_size: int) -> Any:
        """Nothing was summed yet."""
        lowest = np.full((batch_size, 1), -1e30, "float32")
        return [np.zeros((batch_size, self.output_size), "float32"), np.zeros_like(lowest), lowest]

    def call(self, x: Any, states: Any) -> Any:
        """Takes a step."""
        total, weights, largest = states
        score = ops.matmul(x, self.W)
        new = ops.maximum(score, largest)
        kept, weight = ops.exp(largest - new), ops.exp(score - new)
        total, weights = kept * total + weight * x, kept * weights + weight
        return total / weights, [total, weights, new]


def make_model(weights: bytes, characters: int) -> rnnext.Model:
    """The network of textgenrnn with its published weights."""
    ids = Input((None,), dtype="int32")
    embedded = Embedding(characters, 100, name="embedding")(ids)
    first = LSTM(128, return_sequences=True, name="rnn_1")(embedded)
    second = LSTM(128, return_sequences=True, name="rnn_2")(first)
    joined = Concatenate(name="rnn_concat")([embedded, first, second])
    context = RNN(AttentionCell(joined.shape[-1]), name="attention")(joined)
    model = rnnext.Model(ids, Dense(characters, "softmax", name="output")(context))
    rnnext.saving.load_weights(model, weights)
    return model


def last(ids: list[int], count: int) -> list[list[int]]:
    """The last so many characters as a batch of one, zeros before the first."""
    return [[0] * (count - len(ids)) + ids[-count:]]


def feed(stream: rnnext.Stream, ids: list[int], begun: int) -> np.ndarray:
    """Gives the stream the newest of a text's characters.

    Args:
        stream: It has seen all before.
        ids: The text so far.
        begun: Length of the text when the stream was first fed.

    Returns:
        The probabilities of the next character.
    """
    if (len(ids) - begun) % FRESH == 0:
        stream.reset()
        return stream.chunk(last(ids, CONTEXT))[0]
    return stream.step(ids[-1:])[0]


def draw_one(probabilities: np.ndarray, temperature: float, rng: np.random.Generator) -> int:
    """A character's id, of a distribution that a low temperature makes more certain."""
    p = probabilities.astype(float)
    p[0] = 0  # padding is no character
    p = p ** (1 / temperature)
    return int(rng.choice(len(p), p=p / p.sum()))


def write(
    stream: rnnext.Stream, prefix: list[int], end: int, rng: np.random.Generator
) -> tuple[list[int], np.ndarray]:
    """One text, prefix and all, and the probabilities (characters drawn, ids) it was drawn from."""
    ids, probabilities = list(prefix), []
    while len(ids) < LONGEST and (ids == prefix or ids[-1] != end):
        probabilities.append(feed(stream, ids, len(prefix)))
        ids.append(draw_one(probabilities[-1], TEMPERATURES[(len(ids) - 1) % 4], rng))
    return ids, np.array(probabilities)


def compare(model: rnnext.Model, texts: list[list[int]]) -> None:
    """Compares the stream with what the package does: a whole window for each character."""
    stream, same = model.stream(), 0
    for ids in texts:
        begun = [ids[:n] for n in range(1, len(ids) + 1)]
        windows = np.concatenate([last(text, WINDOW) for text in begun])
        by_stream = [feed(stream, text, 1).argmax() for text in begun]
        same += np.sum(by_stream == model.predict(windows, verbose=0).argmax(axis=1))
    count = sum(map(len, texts))
    print(f"the likeliest character is the same at {100 * same / count:.0f} % of {count} places")


def shown(character: str) -> str:
    """A character as the picture has it: an open box for a space, a full one for the end."""
    return {" ": "\u2423", START: "\u25a0"}.get(character, character)


def paint(figure: Any, ids: list[int], probabilities: np.ndarray, names: dict[int, str]) -> None:
    """The likeliest five for each character, and which was drawn."""
    drawn, rows = ids[-len(probabilities) :], 5
    order = np.argsort(-probabilities, axis=1)[:, :rows]
    likely = np.take_along_axis(probabilities, order, axis=1).T
    axes = figure.subplots()
    picture = axes.imshow(likely, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (rank, place), p in np.ndenumerate(likely):
        is_drawn = order[place, rank] == drawn[place]
        axes.text(
            place,
            rank,
            shown(names.get(order[place, rank], " ")),
            ha="center",
            va="center",
            color="white" if p > 0.6 else "black" if is_drawn else "#666",
            weight="bold" if is_drawn else "normal",
            fontsize=9,
        )
    axes.set_yticks([])
    axes.set_xticks([])
    axes.set_ylabel("likeliest on top,\nbold: drawn", fontsize=9)
    axes.set_title("".join(names[i] for i in ids[1:]).removesuffix(START), loc="left", fontsize=10)
    figure.colorbar(picture, ax=axes, label="probability", pad=0.01)


def main() -> None:
    """Runs the program."""
    options = gallery.options(__doc__)
    ids = json.loads(gallery.fetch(VOCABULARY, options.packages))
    model = make_model(gallery.fetch(WEIGHTS, options.packages), len(ids) + 1)
    names = {i: character for character, i in ids.items()}
    stream, rng, texts = model.stream(), np.random.default_rng(4), []
    begin = time.perf_counter()
    for beginning in ["", "", "", "", "My cat", "Why is the"]:
        prefix = [ids[START], *(ids[character] for character in beginning)]
        text, probabilities = write(stream, prefix, ids[START], rng)
        print("-", "".join(names[i] for i in text[1:]).removesuffix(START))
        texts.append((text, probabilities))
    microseconds = 1e6 * (time.perf_counter() - begin) / sum(len(text) for text, _ in texts)
    print(f"{microseconds:.0f} microseconds a character")
    compare(model, [text for text, _ in texts])
    gallery.draw(options.picture, (11, 2.2), lambda figure: paint(figure, *texts[DRAWN], names))


if __name__ == "__main__":
    main()
