"""Rewrites dates as people write them into ISO's form: an encoder, a decoder, and their states.

    python examples/translate_dates.py

"Friday, March 13th, 2009" becomes "2009-03-13". In training the decoder is given the right answer
up to each place (teacher forcing). Afterwards it is a model of one step: states go in and come out,
and its input is its own last answer. Every day of 70 years is written in one of eight forms; a
quarter of the days are for training, the rest for the test. It takes some twenty seconds.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Any

import gallery
import numpy as np

import rnnext
from rnnext.layers import LSTM, Dense, Embedding, Input
from rnnext.utils import pad_sequences

MONTHS = "January February March April May June July August September October November December"
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
READ = " -./,abcdefghijklmnopqrstuvwxyz0123456789"  # ids from 1; 0 is padding
WRITE = "-0123456789"  # ids from 1; 0 stands before the first
LENGTH = 10  # of "2009-03-13"
UNITS = 96
FIRST_YEAR, YEARS = 1960, 70


def ordinal(day: int) -> str:
    """1st, 2nd, 3rd, 4th, ..."""
    ending = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def month(date: datetime.date) -> str:
    """The English name, whatever the computer's language."""
    return MONTHS.split()[date.month - 1]


def weekday(date: datetime.date) -> str:
    """The English name."""
    return DAYS.split()[date.weekday()]


FORMS: list[Callable[[datetime.date], str]] = [
    lambda d: f"{weekday(d)}, {month(d)} {ordinal(d.day)}, {d.year}",
    lambda d: f"{month(d)} {d.day}, {d.year}",
    lambda d: f"{d.day} {month(d)} {d.year}",
    lambda d: f"{weekday(d)[:3]} {d.day} {month(d)[:3]} {d.year}",
    lambda d: f"the {ordinal(d.day)} of {month(d)} {d.year}",
    lambda d: f"{d.day}.{d.month}.{d.year}",
    lambda d: f"{d.month:02}/{d.day:02}/{d.year}",
    lambda d: f"{month(d)[:3]}. {d.day}, {d.year % 100:02}",
]


def encode(texts: list[str], alphabet: str) -> np.ndarray:
    """Ids of characters, (N, longest), padded with 0 at the end."""
    ids = {character: i for i, character in enumerate(alphabet, 1)}
    return pad_sequences([[ids[c] for c in text.lower()] for text in texts], padding="post")


def make_models() -> tuple[rnnext.Model, rnnext.Model, rnnext.Model]:
    """Three models of the same layers: the one that is trained, the encoder, the decoder's step."""
    embed = Embedding(len(READ) + 1, 24, mask_zero=True)
    embed_answer = Embedding(len(WRITE) + 1, 24)
    encoder = LSTM(UNITS, return_state=True)
    decoder = LSTM(UNITS, return_sequences=True, return_state=True)
    answer = Dense(len(WRITE) + 1, "softmax")

    text, right = Input((None,), dtype="int32"), Input((None,), dtype="int32")
    _, *states = encoder(embed(text))
    outputs, *_ = decoder(embed_answer(right), initial_state=states)
    trained = rnnext.Model([text, right], answer(outputs))

    before, h, c = Input((1,), dtype="int32"), Input((UNITS,)), Input((UNITS,))
    outputs, *after = decoder(embed_answer(before), initial_state=[h, c])
    return (
        trained,
        rnnext.Model(text, states),
        rnnext.Model([before, h, c], [answer(outputs), *after]),
    )


def pairs(days: np.ndarray, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Dates as people write them, each in a form drawn at random, and as ISO does."""
    dates = [datetime.date(FIRST_YEAR, 1, 1) + datetime.timedelta(int(day)) for day in days]
    forms = rng.integers(len(FORMS), size=len(dates))
    texts = [FORMS[form](date) for form, date in zip(forms, dates, strict=True)]
    return texts, [date.isoformat() for date in dates]


def translate(encoder: rnnext.Model, step: rnnext.Model, texts: list[str]) -> np.ndarray:
    """The decoder's probabilities, (N, LENGTH, characters); each answer is the next input."""
    states = encoder.predict(encode(texts, READ), verbose=0)
    before = np.zeros((len(texts), 1), "int32")
    steps = []
    for _ in range(LENGTH):
        probabilities, *states = step.predict([before, *states], verbose=0)
        before = probabilities.argmax(axis=-1)
        steps.append(probabilities[:, 0])
    return np.stack(steps, axis=1)


def written(probabilities: np.ndarray) -> list[str]:
    """The likeliest character at each place."""
    return ["".join(WRITE[i - 1] for i in ids) for ids in probabilities.argmax(axis=-1)]


def paint(figure: Any, probabilities: np.ndarray, texts: list[str], history: Any) -> None:
    """The decoder's probabilities for some dates, and the course of training."""
    *pictures, course = figure.subplots(1, len(texts) + 1)
    for axes, text, p in zip(pictures, texts, probabilities, strict=True):
        axes.imshow(p.T[1:], cmap="Blues", vmin=0, vmax=1)
        axes.set_yticks(range(len(WRITE)), list(WRITE), fontsize=9)
        axes.set_xticks(range(LENGTH), list(written(p[np.newaxis])[0]), fontsize=11)
        axes.set_title(text, fontsize=9)
    pictures[0].set_ylabel("character")
    course.plot(history.epoch, history.history["accuracy"], color=gallery.COLOURS["blue"])
    course.plot(history.epoch, history.history["val_accuracy"], color=gallery.COLOURS["red"])
    course.legend(["training", "validation"], fontsize=8)
    course.set(xlabel="epoch", title="accuracy")
    course.title.set_fontsize(9)
    course.locator_params(axis="x", integer=True)


def main() -> None:
    """Runs the program."""
    options = gallery.options(__doc__, has_quick=True)
    rnnext.set_random_seed(1)
    rng = np.random.default_rng(1)
    begin, end = datetime.date(FIRST_YEAR, 1, 1), datetime.date(FIRST_YEAR + YEARS, 1, 1)
    days = rng.permutation((end - begin).days)
    texts, answers = pairs(days[: len(days) // 4], rng)
    x, y = encode(texts, READ), encode(answers, WRITE)
    before = np.pad(y, ((0, 0), (1, 0)))[:, :-1]  # teacher forcing: the right answer, a place late

    model, encoder, step = make_models()
    model.compile(
        rnnext.optimizers.Adam(0.004), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.summary()
    epochs = 7 if options.quick else 12
    history = model.fit(
        [x, before], y, batch_size=64, epochs=epochs, validation_split=0.05, verbose=2
    )

    texts, answers = pairs(days[len(days) // 4 :], rng)
    started = time.perf_counter()
    found = written(translate(encoder, step, texts))
    seconds = time.perf_counter() - started
    for text, answer in zip(texts[:8], found[:8], strict=True):
        print(f"{text:>30} -> {answer}")
    right = np.mean([a == b for a, b in zip(found, answers, strict=True)])
    print(f"{100 * right:.1f} % of {len(texts)} days that it never saw are right in all places")
    print(f"{1e6 * seconds / len(texts):.0f} microseconds a date")
    shown = ["Friday, March 13th, 2009", "9.11.1989", "Jul. 20, 69"]
    probabilities = translate(encoder, step, shown)
    gallery.draw(options.picture, (11, 3), lambda f: paint(f, probabilities, shown, history))


if __name__ == "__main__":
    main()
