"""What is wrong with the data or the arguments of training: named errors, and warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext import callbacks
from rnnext.errors import DataError, ShapeError, UnsupportedError

N, T, F = 6, 4, 3
X = np.random.default_rng(0).standard_normal((N, T, F)).astype("float32")
Y = np.ones((N, 1), "float32")
IDS = np.arange(N) % 3


def model_of(
    units: int = 1, activation: str | None = None, loss: Any = "mse", **options: Any
) -> Any:
    k = rnnext.layers
    model = rnnext.Sequential(
        [k.Input((T, F)), k.LSTM(4, name="lstm"), k.Dense(units, activation=activation, name="out")]
    )
    model.compile("sgd", loss, **options)
    return model


def fit(*args: Any, of: Any = None, **options: Any) -> Any:
    model = model_of() if of is None else of
    return model.fit(*args, **{"verbose": 0, **options})


def classes(loss: str = "sparse_categorical_crossentropy") -> Any:
    return model_of(3, "softmax", loss)


BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "y shorter": (lambda: fit(X, Y[:4]), ShapeError, "x sizes: 6, y sizes: 4"),
    "y missing": (lambda: fit(X), DataError, r"no labels .* pass y, or batches \(x, y\)"),
    "y in batches missing": (lambda: fit([X] and iter([X]), shuffle=False), DataError, "no labels"),
    "y in validation missing": (lambda: fit(X, Y, validation_data=X), DataError, "no labels"),
    "y of strings": (lambda: fit(X, np.array(list("abcdef"))), DataError, "y: expected numbers"),
    "y of objects": (lambda: fit(X, np.array([1, None] * 3, object)), DataError, "y: expected"),
    "y too wide": (
        lambda: fit(X, np.ones((N, 3)), of=model_of(2)),
        ShapeError,
        r"y_true of shape \(6, 3\) and y_pred of shape \(6, 2\) do not fit",
    ),
    "metrics in the place of loss_weights": (
        lambda: fit(X, Y, of=model_of(loss_weights=["accuracy"])),
        UnsupportedError,
        r"loss_weights: expected numbers, received 'accuracy'.* metrics are given as metrics=",
    ),
    "ids for a categorical loss": (
        lambda: fit(X, IDS[:, None], of=classes("categorical_crossentropy")),
        ShapeError,
        r"same shape, received \(6, 1\) and \(6, 3\)",
    ),
    "rows for a sparse loss": (
        lambda: fit(X, np.eye(3)[IDS], of=classes()),
        ShapeError,
        r"expected y_true of shape \(6,\).* received \(6, 3\)",
    ),
    "negative classes": (
        lambda: fit(X, IDS - 1, of=classes()),
        UnsupportedError,
        "0 to 2, received -1 to 1",
    ),
    "classes too large": (
        lambda: fit(X, IDS + 1, of=classes()),
        UnsupportedError,
        "0 to 2, received 1 to 3",
    ),
    "classes NaN": (
        lambda: fit(X, np.where(IDS == 1, np.nan, IDS), of=classes()),
        DataError,
        "numbers of classes, received NaN",
    ),
    "two lists of labels": (
        lambda: fit(X, [Y, Y]),
        UnsupportedError,
        r"y_true: expected 1 for .*'out'",
    ),
    "no samples": (lambda: fit(X[:0], Y[:0]), DataError, "x has no samples"),
    "an empty generator": (lambda: fit(iter([]), shuffle=False), DataError, "yields no batch"),
    "split of a generator": (
        lambda: fit(iter([(X, Y)]), validation_split=0.5),
        UnsupportedError,
        "validation_split=0.5 needs arrays",
    ),
    "features missing": (
        lambda: fit(X[..., :2], Y),
        ShapeError,
        r"\(None, 4, 3\), received .*\(6, 4, 2\)",
    ),
    "weights shorter": (
        lambda: fit(X, Y, sample_weight=np.ones(3)),
        ShapeError,
        "sample_weight sizes: 3",
    ),
    "weights too wide": (
        lambda: fit(X, Y, sample_weight=np.ones((N, 2))),
        ShapeError,
        r"sample_weight of shape \(6, 2\) does not fit losses of shape \(6,\)",
    ),
    "class weights in a list": (
        lambda: fit(X, IDS, of=classes(), class_weight=[1, 2, 3]),
        UnsupportedError,
        r"class_weight must be a dictionary .* received \[1, 2, 3\]",
    ),
    "unknown loss": (
        lambda: model_of(loss="msee").fit(X, Y),
        UnsupportedError,
        "loss 'msee' is not known",
    ),
    "unknown metric": (
        lambda: fit(X, Y, of=model_of(metrics=["acuracy"])),
        UnsupportedError,
        "metric 'acuracy' is not known",
    ),
    "loss of an unknown output": (
        lambda: fit(X, Y, of=model_of(loss={"nope": "mse"})),
        UnsupportedError,
        r"loss: expected a dict with the keys \['out'\], received \['nope'\]",
    ),
    "a callback's class": (
        lambda: fit(X, Y, callbacks=[callbacks.EarlyStopping]),
        UnsupportedError,
        r"EarlyStopping is a class; make an object of it, EarlyStopping\(\.\.\.\)",
    ),
    "half an epoch": (
        lambda: fit(X, Y, epochs=1.5),
        UnsupportedError,
        "epochs must be an integer, received 1.5",
    ),
    "validated never": (
        lambda: fit(X, Y, validation_data=(X, Y), validation_freq=0),
        UnsupportedError,
        "validation_freq must be an integer >= 1",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_named_errors(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()


def test_nothing_changes_before_the_error() -> None:
    """A layer that cannot be trained is named before the first step."""
    k = rnnext.layers
    model = rnnext.Sequential(
        [k.Input((T, F)), k.BatchNormalization(), k.Lambda(lambda x: np.partition(x, 1)), k.LSTM(2)]
    )
    model.compile("adam", "mse")
    before = model.get_weights()
    with pytest.raises(UnsupportedError, match=r"numpy\.partition has no gradient rule"):
        model.fit(X, np.ones((N, 2)), verbose=0)
    for received, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(received, expected)


def test_a_generator_that_ends_early_is_keras_s(keras: Any) -> None:
    def course(library: Any) -> tuple[int, list[str]]:
        k = library.layers
        model = library.Sequential([k.Input((T, F)), k.LSTM(2), k.Dense(1)])
        model.compile("sgd", "mse")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            batches = ((X, Y) for _ in range(3))
            history = model.fit(batches, steps_per_epoch=5, epochs=2, shuffle=False, verbose=0)
        messages = [str(w.message) for w in caught if "ran out of data" in str(w.message)]
        return len(history.history["loss"]), messages[:1]

    ours, (our_message,) = course(rnnext)
    theirs, (their_message,) = course(keras)
    assert ours == theirs
    assert our_message.startswith(their_message.split(".")[0])


# A loss that is no finite number ------------------------------------------------------------------


def messages_of(call: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if "the loss of a batch is" in str(w.message)]


def test_inputs_that_are_not_finite_are_named() -> None:
    x = X.copy()
    x[2, 1] = np.nan
    messages = messages_of(lambda: fit(x, Y, epochs=3, batch_size=2))
    assert len(messages) == 1  # once in a fit
    assert "the loss of a batch is nan: the inputs of the batch are not finite" in messages[0]


def test_labels_that_are_not_finite_are_named() -> None:
    messages = messages_of(lambda: fit(X, np.inf * Y))
    assert "the labels of the batch are not finite" in messages[0]


def test_the_layer_with_a_weight_that_is_not_finite_is_named() -> None:
    model = model_of()
    lstm = model.get_layer("lstm")
    lstm.set_weights([np.full_like(lstm.get_weights()[0], np.inf), *lstm.get_weights()[1:]])
    (message,) = messages_of(lambda: fit(X, Y, of=model))
    assert "layer 'lstm' (LSTM) is the first whose output is not finite, nor is its " in message
    assert "kernel'" in message
    assert messages_of(lambda: fit(X, Y, of=model))  # the next fit warns again


@pytest.mark.parametrize("kind", ["functional", "subclass", "nested"])
def test_the_first_layer_whose_output_is_not_finite_is_named(kind: str) -> None:
    k = rnnext.layers
    names = {"name": "explodes"}

    def explodes(x: Any) -> Any:
        return np.exp(1e5 * np.abs(x))

    made = [k.LSTM(3), k.Lambda(explodes, **names), k.Dense(1)]
    if kind == "subclass":

        class Own(rnnext.Model):
            def __init__(self) -> None:
                super().__init__()
                self.made = made

            def call(self, x: Any) -> Any:
                for layer in self.made:
                    x = layer(x)
                return x

        model: Any = Own()
    elif kind == "nested":
        inner = rnnext.Sequential([k.Input((3,)), made[1]], name="inner")
        model = rnnext.Sequential([k.Input((T, F)), made[0], inner, made[2]])
    else:
        model = rnnext.Sequential([k.Input((T, F)), *made])
    model.compile("sgd", "mse")
    before = list(vars(made[0]))
    (message,) = messages_of(lambda: fit(X, Y, of=model))
    assert "layer 'explodes' (Lambda) is the first whose output is not finite." in message
    assert "record" not in vars(made[0])
    assert set(before) <= set(vars(made[0]))


def test_a_loss_function_that_is_not_finite_is_named() -> None:
    loss = model_of(loss=lambda y, p: rnnext.ops.mean(rnnext.ops.log(0 * (y - p)), axis=-1))
    (message,) = messages_of(lambda: fit(X, Y, of=loss))
    assert "all inputs, labels and outputs are finite, the loss function is not" in message


def test_terminate_on_nan_stops(keras: Any) -> None:
    x = np.where(np.arange(N)[:, None, None] == 4, np.float32(np.nan), X)

    def course(library: Any) -> list[int]:
        k = library.layers
        model = library.Sequential([k.Input((T, F)), k.LSTM(2), k.Dense(1)])
        model.compile("sgd", "mse")
        seen: list[int] = []

        def note(batch: int, logs: Any) -> None:  # noqa: ARG001
            seen.append(batch)

        notes = library.callbacks.LambdaCallback(on_train_batch_end=note)
        guard = library.callbacks.TerminateOnNaN(
            **({} if library is rnnext else {"raise_error": False})
        )
        model.fit(x, Y, batch_size=2, epochs=3, shuffle=False, verbose=0, callbacks=[notes, guard])
        return seen

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert course(rnnext) == course(keras)


def test_nothing_to_train_is_said() -> None:
    model = model_of()
    model.trainable = False
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="it has no weights that are trained"):
        fit(X, Y, of=model)
