"""Ctrl-C and errors inside a step: it is taken whole or not at all, and training can go on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext.interrupts import HeldInterrupts, HoldableInterrupts

N, T, F = 24, 5, 3
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, T, F)).astype("float32")
Y = RNG.standard_normal((N, 1)).astype("float32")
FIT: dict[str, Any] = {"batch_size": 4, "shuffle": False, "verbose": 0}

needs_main_thread = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="only it is interrupted"
)


@pytest.fixture(autouse=True)
def _python_s_handler() -> Iterator[None]:
    """A shell ignores SIGINT in what it starts in the background, and so do the tests then."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Passing(rnnext.layers.Layer):
    """Counts its calls in a weight, and does something in each."""

    def __init__(self, what: Callable[[], None], **options: Any) -> None:
        super().__init__(**options)
        self.what = what

    def build(self, _shape: Any) -> None:
        self.count = self.add_weight((), "zeros", name="count", trainable=False)

    def call(self, x: Any, training: bool = False) -> Any:
        if training:
            self.count.assign_add(1.0)
            self.what()
        return x * 1.0


def nothing() -> None:
    pass


def model_of(in_layer: Callable[[], None] = nothing, in_loss: Any = nothing, **options: Any) -> Any:
    """A model of which a forward pass moves averages, a count and states."""
    rnnext.utils.set_random_seed(1)
    k = rnnext.layers
    model = rnnext.Sequential(
        [
            k.Input(batch_shape=(4, T, F)),
            k.LSTM(4, return_sequences=True, stateful=True),
            k.BatchNormalization(),
            Passing(in_layer),
            k.GRU(3, **options),
            k.Dense(1),
        ]
    )

    def loss(y: Any, p: Any) -> Any:
        in_loss()
        return rnnext.ops.mean(rnnext.ops.square(y - p), axis=-1)

    model.compile("adam", loss)
    return model


def state_of(model: Any) -> list[Any]:
    """All weights, states and what the optimizer keeps."""
    states = [np.array(s) for s in model.layers[0].states]
    return [*model.get_weights(), *states, *model.optimizer.get_weights()]


def assert_same(received: list[Any], expected: list[Any]) -> None:
    for ours, wanted in zip(received, expected, strict=True):
        np.testing.assert_array_equal(ours, wanted)


class Course(rnnext.callbacks.Callback):
    """Keeps the state after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[list[Any]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.states.append(state_of(self.model))


def course(epochs: int = 2) -> list[list[Any]]:
    kept = Course()
    model_of().fit(X, Y, epochs=epochs, callbacks=[kept], **FIT)
    return kept.states


class Nth:
    """Raises at its n-th call."""

    def __init__(self, n: int, raises: type[BaseException]) -> None:
        self.left, self.raises = n, raises

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.raises("here")


@pytest.mark.parametrize("raises", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("where", ["in_layer", "in_loss"])
def test_a_step_that_fails_is_not_taken(where: str, raises: type[BaseException]) -> None:
    expected = course()
    model = model_of(**{where: Nth(4, raises)})
    with pytest.raises(raises, match="here"):
        model.fit(X, Y, **FIT)
    assert_same(state_of(model), expected[2])
    model.fit(X[12:], Y[12:], **FIT)  # the three batches that are left
    assert_same(state_of(model), expected[5])


@needs_main_thread
def test_ctrl_c_inside_the_optimizer_finishes_the_step() -> None:
    """A constraint is code that the optimizer calls while weights change."""
    expected = course()
    calls = 0

    class Interrupts(rnnext.constraints.Constraint):
        def __call__(self, w: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 3:
                signal.raise_signal(signal.SIGINT)
            return w

    model = model_of(kernel_constraint=Interrupts())
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, **FIT)
    assert calls == 3
    assert_same(state_of(model), expected[2])
    model.fit(X[12:], Y[12:], **FIT)
    assert_same(state_of(model), expected[5])


@needs_main_thread
def test_ctrl_c_at_any_time() -> None:
    """From outside, at no particular moment: the state is always that of whole steps."""
    expected = [None, *course(epochs=40)]
    rng = np.random.default_rng(3)
    for _ in range(15):
        model = model_of()
        timer = threading.Timer(rng.uniform(0.005, 0.05), os.kill, (os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            timer.start()
            model.fit(X, Y, epochs=40, **FIT)
            timer.join()
            time.sleep(10)  # it was too quick: the signal is still to come
        timer.join()
        taken = int(model.optimizer.iterations)
        if expected[taken] is not None:
            assert_same(state_of(model), expected[taken])


@needs_main_thread
def test_held_interrupts_nest() -> None:
    finished = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        with HeldInterrupts():
            with HeldInterrupts():
                signal.raise_signal(signal.SIGINT)
                finished.append("inner")
            finished.append("outer")
        finished.append("after")
    assert finished == ["inner", "outer"]
    assert signal.getsignal(signal.SIGINT) is before


@needs_main_thread
def test_interrupts_between_held_ones_come_at_once() -> None:
    before, finished = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt), HoldableInterrupts():  # noqa: PT012
        with HeldInterrupts():
            finished.append("held")
        signal.raise_signal(signal.SIGINT)
        finished.append("after")
    assert finished == ["held"]
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt), HoldableInterrupts():  # noqa: PT012
        with HeldInterrupts():
            signal.raise_signal(signal.SIGINT)
            finished.append("held again")
        finished.append("after")
    assert finished == ["held", "held again"]
    assert signal.getsignal(signal.SIGINT) is before


@needs_main_thread
def test_a_handler_that_a_callback_sets_stays() -> None:
    before, received = signal.getsignal(signal.SIGINT), []

    def own(number: int, _frame: Any) -> None:
        received.append(number)

    class Sets(rnnext.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            if batch == 0:
                signal.signal(signal.SIGINT, own)

    try:
        model_of().fit(X, Y, epochs=1, callbacks=[Sets()], **FIT)
        assert signal.getsignal(signal.SIGINT) is own
        signal.raise_signal(signal.SIGINT)
        assert received == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_interrupts_are_held_in_the_main_thread_only() -> None:
    def run() -> None:
        with HeldInterrupts():
            handlers.append(signal.getsignal(signal.SIGINT))

    handlers: list[Any] = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]


# Weights that others change ----------------------------------------------------------------------


@pytest.mark.parametrize("event", ["on_train_batch_begin", "on_train_batch_end", "on_epoch_begin"])
def test_weights_that_a_callback_sets_take_effect(event: str, keras: Any) -> None:
    def run(library: Any, weights: list[Any]) -> list[Any]:
        k = library.layers
        model = library.Sequential([k.Input((T, F)), k.LSTM(4), k.Dense(1)])
        model.set_weights(weights)
        model.compile("adam", "mse")

        class Sets(library.callbacks.Callback):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.calls = 0

        def sets(self: Any, *_: Any, **__: Any) -> None:
            self.calls += 1
            if self.calls == 2:
                self.model.set_weights([w / 2 for w in self.model.get_weights()])

        setattr(Sets, event, sets)
        history = model.fit(X, Y, epochs=3, callbacks=[Sets()], **FIT).history
        return [np.asarray(history["loss"]), *model.get_weights()]

    start = rnnext.Sequential(
        [rnnext.layers.Input((T, F)), rnnext.layers.LSTM(4), rnnext.layers.Dense(1)]
    ).get_weights()
    for ours, theirs in zip(run(rnnext, start), run(keras, start), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_weights_that_another_thread_sets_are_not_lost() -> None:
    """Each assignment is seen before or after a step, never overwritten by an older value."""
    k = rnnext.layers
    model = rnnext.Sequential([k.Input((T, F)), k.GRU(16), k.Dense(1)])
    model.compile(rnnext.optimizers.SGD(0.0), "mse")  # steps change nothing
    bias = model.layers[-1].bias
    lost = []
    done = threading.Event()

    def sets() -> None:
        for i in range(1, 300):
            bias.assign([float(i)])
            if float(bias.numpy()[0]) != i:
                lost.append(i)
        done.set()

    thread = threading.Thread(target=sets)
    thread.start()
    while not done.is_set():
        model.train_on_batch(X, Y)
        if float(bias.numpy()[0]) not in range(300):
            lost.append(-1)
    thread.join()
    model.train_on_batch(X, Y)
    assert not lost
    assert float(bias.numpy()[0]) == 299
