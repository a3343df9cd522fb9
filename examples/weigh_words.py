"""Shows which words a classifier of film reviews attends to.

    python examples/weigh_words.py

The package vaderSentiment 2.5 (MIT licence) ships ten thousand sentences of film reviews, each
judged by some fifteen people from -4 to 4. A bidirectional LSTM reads a sentence; its last states
ask and its states at each word reply, which gives the word a weight; the weighted mean of the words
alone decides whether the sentence is praise. A second model of the same layers returns the weights.
It takes some ten seconds.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from typing import Any

import gallery
import numpy as np

import rnnext
from rnnext.layers import (
    LSTM,
    Attention,
    Bidirectional,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Reshape,
)
from rnnext.utils import pad_sequences

REVIEWS = gallery.Published(
    "vaderSentiment==2.5",
    (
        "additional_resources/hutto_ICWSM_2014.tar.gz",
        "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
    ),
    "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350",
    ("--no-binary=vaderSentiment",),  # the wheel does not have the file
)
WORDS = 6000  # with an id of their own: from 2; 0 is padding, 1 any other word
LENGTH = 32
UNITS = 24
TEST = 1000


def read(content: str) -> tuple[list[list[str]], np.ndarray]:
    """The words of sentences that are praise or blame, and which of them are praise."""
    rows = [line.split("\t") for line in content.splitlines()]
    rows = [row for row in rows if abs(float(row[1])) > 0.5]
    words = [re.findall(r"[a-z']+|[!?]", text.lower()) for _, _, text in rows]
    return words, np.array([float(judged) > 0 for _, judged, _ in rows])


def encode(sentences: list[list[str]], ids: dict[str, int]) -> np.ndarray:
    """Ids of words, (N, LENGTH), padded and cut at the end."""
    rows = [[ids.get(word, 1) for word in sentence] for sentence in sentences]
    return pad_sequences(rows, maxlen=LENGTH, padding="post", truncating="post")


def make_models() -> tuple[rnnext.Model, rnnext.Model]:
    """The classifier, and a model of the same layers that returns the weights of the words, too."""
    ids = Input((None,), dtype="int32")
    words = Dropout(0.5)(Embedding(WORDS, 32, mask_zero=True)(ids))
    reader = Bidirectional(LSTM(UNITS, return_sequences=True, return_state=True))
    states, h_forward, _, h_backward, _ = reader(words)
    query = Reshape((1, 2 * UNITS))(Concatenate()([h_forward, h_backward]))
    mean, weights = Attention()([query, words, states], return_attention_scores=True)
    answer = Dense(1, "sigmoid")(Dropout(0.5)(Flatten()(mean)))
    return rnnext.Model(ids, answer), rnnext.Model(ids, [answer, weights])


def paint(figure: Any, sentences: list[list[str]], answers: np.ndarray, weights: Any) -> None:
    """Sentences as text, a word the darker the more it weighs; blue is praise, red blame."""
    axes = figure.subplots()
    columns = max(len(" ".join(words)) for words in sentences) + 6
    axes.set(xlim=(0, columns), ylim=(len(sentences), 0))
    axes.axis("off")
    for row, (words, answer, weight) in enumerate(zip(sentences, answers, weights, strict=True)):
        colour, place = gallery.COLOURS["blue" if answer > 0.5 else "red"], 6
        write = functools.partial(axes.text, y=row + 0.5, family="monospace", va="center")
        write(0, s=f"{answer:.2f}", color=colour, fontsize=10, weight="bold")
        for word, share in zip(words, weight, strict=False):
            box = place - 0.3, len(word) + 0.6, row + 0.12, 0.76
            axes.broken_barh([box[:2]], box[2:], color=colour, alpha=min(1.0, 1.2 * share), lw=0)
            write(place, s=word, color="white" if share > 0.45 else "black", fontsize=10)
            place += len(word) + 1


def main() -> None:
    """Runs the program."""
    options = gallery.options(__doc__)
    rnnext.set_random_seed(1)
    sentences, is_praise = read(gallery.fetch(REVIEWS, options.packages).decode())
    order = np.random.default_rng(1).permutation(len(sentences))
    sentences, is_praise = [sentences[i] for i in order], is_praise[order]
    counts = Counter(word for words in sentences[TEST:] for word in words)
    ids = {word: i for i, (word, _) in enumerate(counts.most_common(WORDS - 2), 2)}
    x = encode(sentences, ids)

    model, with_weights = make_models()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.summary()
    model.fit(x[TEST:], is_praise[TEST:], epochs=6, batch_size=64, verbose=2)
    _, accuracy = model.evaluate(x[:TEST], is_praise[:TEST], verbose=0)
    print(f"right for {100 * accuracy:.1f} % of {TEST} other sentences")

    answers, weights = with_weights.predict(x[:TEST], verbose=0)
    answers, weights = answers[:, 0], weights[:, 0]
    shown = [i for i in range(TEST) if 4 <= len(sentences[i]) <= 14][:12]
    for i in shown:
        heaviest = np.argsort(-weights[i])[:3]
        words = ", ".join(f"{sentences[i][j]} {weights[i, j]:.2f}" for j in heaviest)
        print(f"{answers[i]:.2f} {' '.join(sentences[i])}\n     {words}")
    rows = [sentences[i] for i in shown]
    gallery.draw(options.picture, (9, 4), lambda f: paint(f, rows, answers[shown], weights[shown]))


if __name__ == "__main__":
    main()
