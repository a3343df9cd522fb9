"""Optimizers that users write for Keras 3, beside the same classes in Keras."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext.errors import UnsupportedError
from rnnext.graph.row_gradient import RowGradient
from rnnext.layers.variable import Variable

IDS = np.random.default_rng(1).integers(0, 7, (20, 5))
Y = np.random.default_rng(2).normal(size=(20, 1)).astype("float32")


def momentum(library: Any) -> Any:
    """The class that Keras's documentation of `Optimizer` shows."""
    ops = library.ops

    class Momentum(library.optimizers.Optimizer):  # type: ignore[misc]
        def __init__(self, learning_rate: float = 0.01, beta: float = 0.9, **kwargs: Any) -> None:
            super().__init__(learning_rate=learning_rate, **kwargs)
            self.beta = beta

        def build(self, variables: Any) -> None:
            super().build(variables)
            self.momentums = [
                self.add_variable_from_reference(reference_variable=v, name="momentum")
                for v in variables
            ]

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            learning_rate = ops.cast(learning_rate, variable.dtype)
            gradient = ops.cast(gradient, variable.dtype)
            m = self.momentums[self._get_variable_index(variable)]
            change = ops.subtract(
                ops.multiply(m, ops.cast(self.beta, variable.dtype)),
                ops.multiply(gradient, learning_rate),
            )
            self.assign(m, change)
            self.assign_add(variable, m)

        def get_config(self) -> Any:
            return {**super().get_config(), "beta": self.beta}

    return Momentum


def adaptive(library: Any) -> Any:
    """Squares of gradients, the number of the step, and variables of other shapes."""
    ops = library.ops

    class Adaptive(library.optimizers.Optimizer):  # type: ignore[misc]
        def __init__(self, learning_rate: float = 0.01, **kwargs: Any) -> None:
            super().__init__(learning_rate=learning_rate, **kwargs)
            self.factor = library.Variable(1.0, trainable=False, name="factor")

        def build(self, variables: Any) -> None:
            if self.built:
                return
            super().build(variables)
            self._m, self._v = self.add_optimizer_variables(
                variables, ["m", "v"], ["zeros", "ones"]
            )
            self._calls = self.add_variable(shape=(2,), initializer="ones", name="calls")

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            index = self._get_variable_index(variable)
            m, v = self._m[index], self._v[index]
            step = ops.cast(self.iterations + 1, variable.dtype)
            rate = ops.multiply(learning_rate, ops.power(ops.cast(0.9, variable.dtype), step))
            self.assign_add(m, ops.multiply(ops.subtract(gradient, m), 0.1))
            self.assign(v, ops.add(ops.multiply(v, 0.9), ops.multiply(ops.square(gradient), 0.1)))
            change = ops.divide(ops.multiply(m, rate), ops.add(ops.sqrt(v), 1e-3))
            self.assign_sub(variable, ops.multiply(change, self.factor))
            self.assign(self._calls, self._calls + 1.0)
            self.factor.assign(self.factor * 0.99)

    return Adaptive


def centred(library: Any) -> Any:
    """A subclass of an optimizer of Keras that changes the gradients."""
    ops = library.ops

    class Centred(library.optimizers.SGD):  # type: ignore[misc]
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            if len(gradient.shape) > 1:
                gradient = ops.add(gradient, 0.0)  # of rows looked up their sums
                gradient = ops.subtract(gradient, ops.mean(gradient, axis=0, keepdims=True))
            super().update_step(gradient, variable, learning_rate)

    return Centred


def scaled(library: Any) -> Any:
    """A subclass that multiplies rows looked up, and leaves them rows."""

    class Scaled(library.optimizers.Adam):  # type: ignore[misc]
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            super().update_step(library.ops.multiply(gradient, 3.0), variable, learning_rate)

    return Scaled


def outside(library: Any) -> Any:
    """A subclass that changes all gradients together."""

    class Outside(library.optimizers.SGD):  # type: ignore[misc]
        def apply_gradients(self, grads_and_vars: Any) -> Any:
            pairs = [(library.ops.multiply(g, 0.5), v) for g, v in grads_and_vars]
            return super().apply_gradients(pairs)

    return Outside


CLASSES = {f.__name__: f for f in (momentum, adaptive, centred, scaled, outside)}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "weight_decay": {"weight_decay": 0.05},
    "clipnorm": {"clipnorm": 0.2},
    "global_clipnorm": {"global_clipnorm": 0.3},
    "clipvalue": {"clipvalue": 0.05},
    "ema": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 4},
    "accumulation": {"gradient_accumulation_steps": 2},
}


def compiled(library: Any, cls: Any, **options: Any) -> Any:
    layers = library.layers
    inputs = layers.Input((5,), dtype="int32")
    hidden = layers.LSTM(3, name="lstm")(layers.Embedding(7, 4, name="table")(inputs))
    model = library.Model(inputs, layers.Dense(1, name="dense")(hidden))
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, 0.4, w.shape) for w in model.get_weights()])
    model.compile(cls(learning_rate=0.05, **options), "mse")
    return model


def train(model: Any, epochs: int = 2) -> Any:
    return model.fit(IDS, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0).history["loss"]


def check_equal(model: Any, other: Any) -> None:
    for mine, theirs in zip(
        [*model.weights, *model.optimizer.variables],
        [*other.weights, *other.optimizer.variables],
        strict=True,
    ):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-5)


COURSES = [
    *(("adaptive", option) for option in OPTIONS),
    *((case, "plain") for case in CLASSES if case != "adaptive"),
    *(("outside", "clipvalue"), ("centred", "clipnorm"), ("scaled", "accumulation")),
]


@pytest.mark.parametrize(("case", "option"), COURSES)
def test_courses_are_those_of_keras(case: str, option: str, keras: ModuleType) -> None:
    # Adam divides by velocities: sums of rows in another order matter in proportion to them.
    mine, theirs = (
        compiled(library, CLASSES[case](library), **OPTIONS[option])
        for library in (rnnext.keras, keras)
    )
    np.testing.assert_allclose(train(mine), train(theirs), rtol=1e-5)
    check_equal(mine, theirs)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("case", ["momentum", "adaptive"])
@pytest.mark.parametrize("begun_in", ["keras", "rnnext"])
def test_a_saved_run_goes_on(
    begun_in: str, case: str, suffix: str, tmp_path: Path, keras: ModuleType
) -> None:
    library = keras if begun_in == "keras" else rnnext.keras
    cls = CLASSES[case](library)
    begun, path = compiled(library, cls, use_ema=True), str(tmp_path / f"m{suffix}")
    train(begun)
    begun.save(path)
    train(begun)
    for other in (rnnext.keras, keras)[: 1 if suffix == ".h5" else 2]:
        own = CLASSES[case](other)
        rest = other.models.load_model(path, custom_objects={own.__name__: own})
        train(rest)
        check_equal(rest, begun)


def test_a_registered_class_needs_no_custom_objects(tmp_path: Path, keras: ModuleType) -> None:
    for library, other in ((rnnext.keras, keras), (keras, rnnext.keras)):
        for each in (library, other):
            cls = each.saving.register_keras_serializable("mine")(momentum(each))
            if each is library:
                model = compiled(library, cls, clipnorm=0.5)
                train(model, 1)
                model.save(tmp_path / "m.keras")
        optimizer = other.models.load_model(tmp_path / "m.keras").optimizer
        assert type(optimizer) is cls
        assert (optimizer.beta, optimizer.clipnorm) == (0.9, 0.5)


def test_a_loop_without_fit() -> None:
    optimizer = momentum(rnnext.keras)(0.5, name="own")
    weight = Variable(np.ones(2, "float32"))
    for _ in range(2):
        with rnnext.GradientTape() as tape:
            loss = np.sum(np.square(weight))
        optimizer.apply_gradients([(tape.gradient(loss, weight), weight)])
    # w = 1, m = -1; w = 0, m = -0.9
    np.testing.assert_allclose(weight.numpy(), [-0.9, -0.9], rtol=1e-6)
    assert [v.path for v in optimizer.variables] == [
        "own/iteration",
        "own/learning_rate",
        "own/variable_momentum",
    ]


def test_an_error_in_a_step_changes_nothing() -> None:
    class Failing(rnnext.optimizers.Adam):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            super().update_step(gradient, variable, learning_rate)
            if variable.name == "second" and self.iterations > 0:
                raise KeyError("no")

    optimizer = Failing(0.5, weight_decay=0.1)
    weights = [Variable(np.ones(2, "float32"), name=name) for name in ("first", "second")]
    optimizer.apply([np.ones(2), np.ones(2)], weights)
    before = [v.numpy() for v in (*weights, *optimizer.variables)]
    with pytest.raises(KeyError):
        optimizer.apply([np.ones(2), np.ones(2)], weights)
    for variable, values in zip((*weights, *optimizer.variables), before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), values)


def test_refused() -> None:
    weight = Variable(np.ones(2, "float32"))

    class Keras2(rnnext.optimizers.Optimizer):
        def update_step(self, gradient: Any, variable: Any) -> None:  # type: ignore[override]
            pass

    class Unbuilt(rnnext.optimizers.Optimizer):
        def build(self, variables: Any) -> None:  # noqa: ARG002
            self.built = True

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            pass

    class Unmade(rnnext.optimizers.Optimizer):
        def __init__(self) -> None:
            self.factor = Variable(1.0)

    for cls, message in (
        (rnnext.optimizers.Optimizer, r"define update_step\(gradient, variable, learning_rate\)"),
        (Keras2, "must take gradient, variable, learning_rate, as in Keras 3; Keras 2 called it"),
        (Unbuilt, r"build\(variables\) must call super\(\).build\(variables\)"),
    ):
        with pytest.raises(UnsupportedError, match=message):
            cls(0.1).apply([np.ones(2)], [weight])
    with pytest.raises(UnsupportedError, match=r"must call super\(\).__init__\(\) before it keeps"):
        Unmade()
    optimizer = rnnext.optimizers.Adam()
    with pytest.raises(UnsupportedError, match="belongs to a step; call apply"):
        optimizer.update_step(np.ones(2), weight, 0.1)
    with pytest.raises(UnsupportedError, match="received 2 for the names"):
        optimizer.add_optimizer_variables([weight], ["a", "b", "c"], ["zeros", "ones"])


@pytest.mark.parametrize(
    "compute",
    [
        lambda ops, g, _: ops.square(g),
        lambda ops, g, _: ops.multiply(g, 2.0),
        lambda ops, g, table: ops.multiply(table, g),
        lambda ops, g, table: ops.divide(g, ops.add(table, 9.0)),
        lambda ops, g, _: ops.divide(ops.sign(g), 4.0),
        lambda ops, g, _: ops.add(ops.square(g), ops.multiply(g, 0.5)),
        lambda ops, g, table: ops.subtract(table, g),
        lambda ops, g, _: ops.sum(ops.convert_to_tensor(g)),
        lambda ops, g, _: ops.cast(g, "float64"),
    ],
    ids=lambda f: str(f.__code__.co_firstlineno),
)
def test_functions_of_rows_are_those_of_keras(compute: Any, keras: ModuleType) -> None:
    import tensorflow as tf

    rows = np.random.default_rng(3).normal(size=(4, 3)).astype("float32")
    table = np.random.default_rng(4).normal(size=(6, 3)).astype("float32")
    indices = np.array([1, 4, 1, 2])
    mine = compute(rnnext.ops, RowGradient(rows, indices, (6, 3)), table)
    theirs = compute(keras.ops, tf.IndexedSlices(rows, indices, (6, 3)), tf.constant(table))
    assert isinstance(mine, RowGradient) == isinstance(theirs, tf.IndexedSlices)
    expected = tf.convert_to_tensor(theirs).numpy()
    np.testing.assert_allclose(np.asarray(mine), expected, rtol=1e-6, atol=1e-6)
