"""One answer: the same bits whatever runs beside a sample, on how many threads, in what chunks.

For one sample the result does not depend on the batch it sits in, its place there, the number of
threads, where a sequence is cut, how predict() divides its input, or which instruction set with
fused multiply-add runs. Numbers are compared by their bits; a NaN is a NaN, whatever its payload.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

import rnnext
from rnnext import _core, layers

Array = NDArray[Any]

# The same examples in every run, and no limit on their time.
bounded = hypothesis.settings(max_examples=60, derandomize=True, deadline=None, database=None)

GATES = {"simple_rnn": 1, "lstm": 4, "gru": 3, "gru_reset_before": 3}
ISAS = _core.available_isas()
WITH_FMA = [isa for isa in ISAS if isa not in ("generic", "sse2")]


def same_bits(a: Array, b: Array) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    nan = np.isnan(a)
    return np.array_equal(nan, np.isnan(b)) and a[~nan].tobytes() == b[~nan].tobytes()


# ---- recurrent kernels ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Problem:
    """A recurrent layer and the random data it runs on."""

    cell: str
    B: int
    T: int
    D: int
    H: int
    dtype: str = "float32"
    default_activations: bool = True
    masked: bool = False
    go_backwards: bool = False
    bad_neighbour: bool = False  # sample 0 is NaN, infinite and huge

    def kernel(self, isa: str) -> Callable[[Array, tuple[Array, ...], Array | None], list[Array]]:
        """A function of (x, states, mask) that returns the sequence of outputs and the states."""
        rng = np.random.default_rng(1)
        columns = GATES[self.cell] * self.H
        reset_after = self.cell == "gru"
        names = ("tanh", "sigmoid") if self.default_activations else ("softsign", "hard_sigmoid")
        kernel = _core.RecurrentKernel(
            self.cell.removesuffix("_reset_before"),
            self._normal(rng, (self.D, columns), self.D**-0.5),
            self._normal(rng, (self.H, columns), self.H**-0.5),
            self._normal(rng, (2, columns) if reset_after else (columns,), 0.5),
            (names[0],),
            None if self.cell == "simple_rnn" else (names[1],),
            reset_after,
            isa,
        )

        def run(x: Array, states: tuple[Array, ...], mask: Array | None) -> list[Array]:
            x, mask = np.ascontiguousarray(x), None if mask is None else np.ascontiguousarray(mask)
            states = tuple(np.ascontiguousarray(state) for state in states)
            flags = _core.RETURN_SEQUENCES | _core.RETURN_STATE | _core.STRICT
            backwards = _core.GO_BACKWARDS * self.go_backwards
            return list(kernel.run(x, states, mask, flags | backwards))

        return run

    def data(self) -> tuple[Array, tuple[Array, ...], Array | None]:
        """x (B, T, D), the initial states (B, H) and the mask (B, T) or None."""
        rng = np.random.default_rng(2)
        x = self._normal(rng, (self.B, self.T, self.D), 1)
        states = tuple(
            self._normal(rng, (self.B, self.H), 1) for _ in range(2 if self.cell == "lstm" else 1)
        )
        if self.bad_neighbour:
            x[0] = np.resize([np.nan, np.inf, -np.inf, np.finfo(self.dtype).max], x[0].shape)
        mask = rng.random((self.B, self.T)) < 0.6 if self.masked else None
        return x, states, mask

    def _normal(self, rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> Array:
        return (scale * rng.standard_normal(shape)).astype(self.dtype)


# Sums are made of chains of 64 terms: sizes with none, one and two full chains.
problems = st.builds(
    Problem,
    cell=st.sampled_from(list(GATES)),
    B=st.integers(1, 40),
    T=st.integers(1, 12),
    D=st.integers(1, 140),
    H=st.integers(1, 140),
    dtype=st.sampled_from(["float32", "float64"]),
    default_activations=st.booleans(),
    masked=st.booleans(),
    go_backwards=st.booleans(),
    bad_neighbour=st.booleans(),
)


@pytest.mark.parametrize("isa", ISAS)
@hypothesis.given(problem=problems, data=st.data())
@bounded
def test_any_batch(isa: str, problem: Problem, data: st.DataObject) -> None:
    run = problem.kernel(isa)
    x, states, mask = problem.data()
    everyone = run(x, states, mask)
    # Any samples in any order, also several times, also one alone.
    rows = data.draw(st.lists(st.integers(0, problem.B - 1), min_size=1, max_size=40), "rows")
    chosen = run(x[rows], tuple(s[rows] for s in states), None if mask is None else mask[rows])
    for whole, part in zip(everyone, chosen, strict=True):
        assert same_bits(whole[rows], part)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("H", [37, 150])
def test_one_sample_in_batches_of_every_size(isa: str, cell: str, dtype: str, H: int) -> None:
    """Row tiles of every height, below and above the batch that fuses the input's product.

    150 units are three chains, which a single sample takes last to first in every other step.
    """
    problem = Problem(cell, 70, 3, 5, H, dtype)
    run = problem.kernel(isa)
    x, states, _ = problem.data()
    everyone = run(x, states, None)
    for B in [*range(1, 36), 63, 64, 65, 70]:
        last = slice(70 - B, 70)
        for whole, part in zip(
            everyone, run(x[last], tuple(s[last] for s in states), None), strict=True
        ):
            assert same_bits(whole[last], part), B


@pytest.mark.parametrize("isa", WITH_FMA)  # without, a product is rounded to -0 and then added to 0
def test_signs_of_zeros_in_chains(isa: str) -> None:
    """Sums of zeros, all of them -0 because their products are too small for a number."""
    units, last = 150, -1
    tiny = np.float32(1e-30)
    bias = np.full(units, -tiny)
    bias[last] = -0.0
    kernel = np.full((1, units), tiny)
    recurrent_kernel = np.zeros((units, units), np.float32)
    recurrent_kernel[:, last] = tiny
    layer = _core.RecurrentKernel(
        "simple_rnn", kernel, recurrent_kernel, bias, ("linear",), None, False, isa
    )
    for batch_size in (1, 20):
        x, state = np.full((batch_size, 4, 1), -tiny), np.full((batch_size, units), -tiny)
        flags = _core.RETURN_SEQUENCES | _core.STRICT
        outputs = layer.run(x, (state,), None, flags)
        assert (outputs[..., last] == 0).all()
        assert np.signbit(outputs).all(), batch_size


@pytest.mark.parametrize("isa", ISAS)
@hypothesis.given(problem=problems, data=st.data())
@bounded
def test_any_chunks(isa: str, problem: Problem, data: st.DataObject) -> None:
    problem = dataclasses.replace(problem, go_backwards=False)
    run = problem.kernel(isa)
    x, states, mask = problem.data()
    outputs, *final = run(x, states, mask)
    cuts = data.draw(st.sets(st.integers(1, problem.T)), "cuts")
    edges = sorted({0, *cuts, problem.T})
    pieces = []
    for start, stop in itertools.pairwise(edges):
        part = None if mask is None else mask[:, start:stop]
        piece, *states = run(x[:, start:stop], tuple(states), part)
        pieces.append(piece)
    streamed = np.concatenate(pieces, axis=1)
    # A masked step repeats the output before it, which a chunk that begins with it has not seen.
    counts = np.ones(streamed.shape[:2], bool) if mask is None else mask
    assert same_bits(streamed[counts], outputs[counts])
    for end, whole in zip(states, final, strict=True):
        assert same_bits(end, whole)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("cell", GATES)
def test_long_sequences_in_chunks(isa: str, cell: str) -> None:
    """So long that the input's product is computed in several blocks of steps."""
    steps = 1100 // GATES[cell]
    problem = Problem(cell, 1, steps, 3, 256)
    run = problem.kernel(isa)
    x, states, _ = problem.data()
    whole = run(x, states, None)
    for length in (1, 16, steps - 1):
        carried, pieces = states, []
        for start in range(0, steps, length):
            piece, *carried = run(x[:, start : start + length], tuple(carried), None)
            pieces.append(piece)
        assert same_bits(np.concatenate(pieces, axis=1), whole[0]), length


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batches_that_run_in_parts(
    set_num_threads: Callable[[int], None], isa: str, cell: str, masked: bool, dtype: str
) -> None:
    """From 192 samples on a batch whose states fill the second cache runs in several parts."""
    units = 230 if dtype == "float32" else 110
    problem = Problem(cell, 431, 2, 7, units, dtype, masked=masked)
    run = problem.kernel(isa)
    x, states, mask = problem.data()
    for threads in (1, 2):
        set_num_threads(threads)
        everyone = run(x, states, mask)
        for first in (0, 83, 215, 400):
            some = slice(first, first + 31)
            part_mask = None if mask is None else mask[some]
            part = run(x[some], tuple(state[some] for state in states), part_mask)
            for whole, alone in zip(everyone, part, strict=True):
                assert same_bits(whole[some], alone), (threads, first)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_number_of_threads(
    set_num_threads: Callable[[int], None], isa: str, cell: str, masked: bool, dtype: str
) -> None:
    problem = Problem(cell, 67, 10, 40, 96, dtype, masked=masked, bad_neighbour=True)
    run, data = problem.kernel(isa), problem.data()
    set_num_threads(1)
    alone = run(*data)
    for threads in (2, 3, 4, 7):
        set_num_threads(threads)
        for one, several in zip(alone, run(*data), strict=True):
            assert same_bits(one, several), threads


@hypothesis.given(problem=problems)
@bounded
def test_any_fma_set(problem: Problem) -> None:
    answers = [problem.kernel(isa)(*problem.data()) for isa in WITH_FMA]
    for other in answers[1:]:
        for a, b in zip(answers[0], other, strict=True):
            assert same_bits(a, b)


# ---- Dense ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("isa", ISAS)
@hypothesis.given(
    rows=st.integers(1, 60),
    D=st.integers(0, 140),
    K=st.integers(1, 70),
    dtype=st.sampled_from(["float32", "float64"]),
    activation=st.sampled_from(["linear", "tanh", "softmax", "gelu", "sparsemax"]),
    data=st.data(),
)
@bounded
def test_dense_rows(
    isa: str, rows: int, D: int, K: int, dtype: str, activation: str, data: st.DataObject
) -> None:
    rng = np.random.default_rng(3)
    kernel, bias, x = (rng.standard_normal(shape).astype(dtype) for shape in ((D, K), K, (rows, D)))
    dense = _core.DenseKernel(kernel, bias, (activation,), isa)
    everyone = dense.run(x, True)
    chosen = data.draw(st.lists(st.integers(0, rows - 1), min_size=1, max_size=60), "rows")
    assert same_bits(everyone[chosen], dense.run(x[chosen], True))
    assert same_bits(everyone[:, None], dense.run(x[:, None], True))
    for other in WITH_FMA if isa in WITH_FMA else []:
        assert same_bits(
            everyone, _core.DenseKernel(kernel, bias, (activation,), other).run(x, True)
        )


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("activation", ["tanh", "softmax"])
def test_dense_threads(set_num_threads: Callable[[int], None], isa: str, activation: str) -> None:
    rng = np.random.default_rng(4)
    kernel, bias, x = (
        rng.standard_normal(s).astype("float32") for s in ((90, 130), 130, (203, 90))
    )
    dense = _core.DenseKernel(kernel, bias, (activation,), isa)
    set_num_threads(1)
    alone = dense.run(x, True)
    for threads in (2, 3, 4, 7):
        set_num_threads(threads)
        assert same_bits(alone, dense.run(x, True)), threads


# ---- layers and models ---------------------------------------------------------------------------


def make_model() -> Any:
    """Embedding -> LSTM -> Dense softmax, with a mask."""
    rnnext.set_random_seed(5)
    return rnnext.Sequential(
        [
            rnnext.Input((None,), dtype="int32"),
            layers.Embedding(50, 24, mask_zero=True),
            layers.LSTM(48),
            layers.Dense(11, activation="softmax"),
        ]
    )


cached_model = functools.cache(make_model)


def random_words(rows: int) -> Array:
    """Ids (rows, 9), 0 behind the end of each text."""
    rng = np.random.default_rng(6)
    words = rng.integers(1, 50, (rows, 9), dtype=np.int32)
    words[np.arange(9) >= rng.integers(1, 10, (rows, 1))] = 0
    return words


@pytest.mark.usefixtures("isa")
def test_model_in_any_batch_size() -> None:
    model, words = make_model(), random_words(157)
    whole = model.predict(words)
    assert whole.shape == (157, 11)
    assert same_bits(np.asarray(model(words)), whole)
    for batch_size in (1, 2, 3, 7, 31, 32, 33, 100, 156, 157, 1000):
        assert same_bits(model.predict(words, batch_size=batch_size), whole), batch_size


def test_model_in_batches_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """More samples than predict() runs at once when it is left to choose."""
    model, words = cached_model(), np.tile(random_words(157), (400, 1))
    chosen = model.predict(words, verbose=1)
    assert "1/1" not in capsys.readouterr().out
    assert same_bits(chosen, np.tile(model.predict(words[:157]), (400, 1)))
    assert same_bits(chosen, model.predict(words, batch_size=len(words)))


@pytest.mark.usefixtures("isa")
def test_model_on_any_number_of_threads(set_num_threads: Callable[[int], None]) -> None:
    model, words = make_model(), random_words(157)
    set_num_threads(1)
    alone = model.predict(words)
    for threads in (2, 3, 7):
        set_num_threads(threads)
        assert same_bits(model.predict(words), alone), threads
        assert same_bits(model.predict(words, batch_size=50), alone), threads


def test_model_on_any_fma_set() -> None:
    before = _core.isa()
    answers = []
    try:
        for isa in WITH_FMA:
            _core.set_isa(isa)
            answers.append(make_model().predict(random_words(157)))
    finally:
        _core.set_isa(before)
    assert all(same_bits(answer, answers[0]) for answer in answers)


@hypothesis.given(rows=st.lists(st.integers(0, 59), min_size=1, max_size=60))
@bounded
def test_model_on_any_samples(rows: list[int]) -> None:
    model, words = cached_model(), random_words(60)
    assert same_bits(model.predict(words[rows]), model.predict(words)[rows])


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("make", [layers.SimpleRNN, layers.LSTM, layers.GRU])
def test_stateful_layer_in_chunks(make: Callable[..., Any]) -> None:
    rng = np.random.default_rng(8)
    x = rng.standard_normal((3, 24, 5)).astype("float32")
    rnnext.set_random_seed(9)
    layer = make(19, return_sequences=True)
    whole = layer(x)
    stateful = make(19, return_sequences=True, stateful=True)
    stateful.build(x.shape)
    stateful.set_weights(layer.get_weights())
    for length in (1, 5, 24):
        stateful.reset_states()
        parts = [stateful(x[:, start : start + length]) for start in range(0, 24, length)]
        assert same_bits(np.concatenate(parts, axis=1), whole), length


@pytest.mark.usefixtures("isa")
def test_the_same_call_again() -> None:
    model, words = make_model(), random_words(33)
    first = model.predict(words)
    assert all(same_bits(model.predict(words), first) for _ in range(5))
