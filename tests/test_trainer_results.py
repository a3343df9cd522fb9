"""Names and values that a compiled model gives out, and SwapEMAWeights, beside Keras."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext.errors import UnsupportedError

X = np.random.default_rng(0).normal(size=(12, 5, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(12, 2)).astype("float32")
EACH = [["mae"], ["mae", "mse", "mae"]]


def compiled(library: Any, outputs: str, **options: Any) -> Any:
    """A model with one output, two, or two of one name."""
    layers = library.layers
    first, second = layers.Input((5, 3)), layers.Input((5, 3))
    hidden, dense = layers.GRU(3), layers.Dense(2, name="d")
    made: Any = {
        "one": lambda: library.Model(first, dense(hidden(first))),
        "two": lambda: library.Model(
            [first, second], [dense(hidden(first)), layers.Dense(2, name="e")(hidden(second))]
        ),
        "one name": lambda: library.Model(
            [first, second], [dense(hidden(first)), dense(hidden(second))]
        ),
    }[outputs]()
    random = np.random.default_rng(2)
    made.set_weights([random.normal(0, 0.3, w.shape) for w in made.get_weights()])
    made.compile(**{"optimizer": "sgd", "loss": "mse", "run_eagerly": True, **options})
    return made


def data_of(outputs: str) -> tuple[Any, Any]:
    return (X, Y) if outputs == "one" else ([X, X[::-1].copy()], [Y, Y])


def check_same(mine: Any, theirs: Any) -> None:
    assert list(mine) == list(theirs)
    for name, value in mine.items():
        np.testing.assert_allclose(value, np.asarray(theirs[name]), rtol=1e-5)


CASES = [
    ("one", {}),
    ("one", {"metrics": ["mae"], "weighted_metrics": ["mae", "mae"]}),
    ("two", {}),
    ("two", {"metrics": EACH}),
    ("one name", {}),
    ("one name", {"metrics": EACH}),
    ("one name", {"metrics": EACH, "weighted_metrics": EACH}),
]


@pytest.mark.parametrize(("outputs", "options"), CASES)
def test_metrics_are_listed(outputs: str, options: dict[str, Any], keras: ModuleType) -> None:
    models = [compiled(library, outputs, **options) for library in (rnnext.keras, keras)]
    x, y = data_of(outputs)
    for _ in range(2):
        mine, theirs = ([metric.name for metric in model.metrics] for model in models)
        assert mine == theirs
        for model in models:
            model.train_on_batch(x, y)
    for mine, theirs in zip(*(model.metrics for model in models), strict=True):
        if isinstance(mine.result(), dict):
            check_same(mine.result(), theirs.result())
            assert [m.name for m in mine.metrics] == [m.name for m in theirs.metrics]
        else:
            assert float(mine.result()) == pytest.approx(float(theirs.result()), rel=1e-5)
    assert models[0].metrics[0] is models[0].metrics[0]
    for metric in models[0].metrics:
        metric.reset_state()
    assert set(models[0].get_metrics_result().values()) == {0.0}
    with pytest.raises(UnsupportedError, match="'loss' is the mean that fit and evaluate keep"):
        models[0].metrics[0].update_state(1.0)


def test_no_metrics_before_compile() -> None:
    x = rnnext.layers.Input((3,))
    assert rnnext.Model(x, rnnext.layers.Dense(1)(x)).metrics == []


@pytest.mark.parametrize(("outputs", "options"), CASES)
def test_results_and_names(outputs: str, options: dict[str, Any], keras: ModuleType) -> None:
    models = [compiled(library, outputs, **options) for library in (rnnext.keras, keras)]
    x, y = data_of(outputs)
    assert models[0].metrics_names == models[1].metrics_names
    for model in models:
        model.train_on_batch(x, y)
    check_same(*(model.get_metrics_result() for model in models))
    assert models[0].metrics_names == models[1].metrics_names
    check_same(*(model.evaluate(x, y, verbose=0, return_dict=True) for model in models))
    listed = [np.atleast_1d(model.evaluate(x, y, verbose=0)) for model in models]
    np.testing.assert_allclose(*listed, rtol=1e-5)
    check_same(*(m.fit(x, y, verbose=0, shuffle=False, epochs=2).history for m in models))
    for model in models:
        model.reset_metrics()
    assert set(models[0].get_metrics_result().values()) == {0.0}
    check_same(*(model.get_metrics_result() for model in models))


@pytest.mark.parametrize("outputs", ["one", "two"])
def test_predict_on_batch_and_compiled_loss(outputs: str, keras: ModuleType) -> None:
    models = [compiled(library, outputs) for library in (rnnext.keras, keras)]
    x, y = data_of(outputs)
    predicted = [np.asarray(model.predict_on_batch(x)) for model in models]
    np.testing.assert_allclose(*predicted, rtol=1e-5, atol=1e-6)
    losses = []
    for model in models:
        with pytest.warns(UserWarning, match="compiled_loss"):
            losses.append(float(model.compiled_loss(y, model(x))))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("on_epoch", [False, True])
def test_weights_are_swapped_as_in_keras(on_epoch: bool, keras: ModuleType) -> None:
    found = []
    for library in (rnnext.keras, keras):
        optimizer = library.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.6)
        model = compiled(library, "one", optimizer=optimizer)
        swap = library.callbacks.SwapEMAWeights(swap_on_epoch=on_epoch)
        options = {"epochs": 3, "shuffle": False, "verbose": 0, "batch_size": 4}
        history = model.fit(X, Y, validation_data=(X[:6], Y[:6]), callbacks=[swap], **options)
        plain = model.evaluate(X, Y, verbose=0)
        swapped = model.evaluate(X, Y, verbose=0, callbacks=[library.callbacks.SwapEMAWeights()])
        found.append(([*history.history.values(), plain, swapped], model.get_weights()))
    for mine, theirs in zip(*(numbers for numbers, _ in found), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)
    for weight, expected in zip(*(weights for _, weights in found), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-6)
