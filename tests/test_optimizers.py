"""Steps of the optimizers, beside Keras's: weights, state, and every option they share."""

from __future__ import annotations

import re
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnext import constraints, optimizers
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.row_gradient import RowGradient
from rnnext.layers.variable import Variable

SHAPES = {"kernel": (5, 12), "recurrent": (3, 12), "bias": (12,), "filters": (3, 4, 6), "s": ()}
OPTIMIZERS = {
    "SGD": ("SGD", {"learning_rate": 0.05}),
    "SGD momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "SGD nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    "RMSprop": ("RMSprop", {}),
    "RMSprop centered": ("RMSprop", {"rho": 0.8, "momentum": 0.5, "centered": True}),
    "Adam": ("Adam", {"learning_rate": 0.01}),
    "Adam amsgrad": ("Adam", {"amsgrad": True, "beta_2": 0.9}),
    "AdamW": ("AdamW", {"learning_rate": 0.01}),
    "Nadam": ("Nadam", {}),
    "Adamax": ("Adamax", {}),
    "Adagrad": ("Adagrad", {}),
    "Adadelta": ("Adadelta", {"learning_rate": 1.0}),
    "Adafactor": ("Adafactor", {"learning_rate": 0.01}),
    "Adafactor absolute": ("Adafactor", {"learning_rate": 0.9, "relative_step": False}),
    "Ftrl": ("Ftrl", {"learning_rate": 0.1}),
    "Ftrl regularised": (
        "Ftrl",
        {
            "learning_rate": 0.1,
            "l1_regularization_strength": 0.01,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.05,
            "beta": 0.2,
        },
    ),
    "Lion": ("Lion", {}),
    "Lamb": ("Lamb", {"learning_rate": 0.01}),
    "ScheduleFreeAdamW": ("ScheduleFreeAdamW", {"warmup_steps": 4}),
    "Muon": ("Muon", {"learning_rate": 0.01, "exclude_layers": ["recurrent"]}),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "weight_decay": {"weight_decay": 0.05},
    "clipnorm": {"clipnorm": 0.7},
    "global_clipnorm": {"global_clipnorm": 1.5},
    "clipvalue": {"clipvalue": 0.3},
    "ema": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 5},
    "accumulation": {"gradient_accumulation_steps": 3, "use_ema": True, "clipnorm": 1.0},
    "loss_scale_factor": {"loss_scale_factor": 128.0},
    "schedule": {"learning_rate": ["ExponentialDecay", 0.05, 3, 0.7]},
}


def values(seed: int) -> list[NDArray[Any]]:
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.normal(size=shape), "float32") for shape in SHAPES.values()]


def variables(make: Any) -> list[Any]:
    return [make(v, name=name) for name, v in zip(SHAPES, values(0), strict=True)]


def pair(keras: ModuleType, case: str, options: dict[str, Any]) -> tuple[Any, Any]:
    name, own = OPTIMIZERS[case]
    made = []
    for module in (optimizers, keras.optimizers):
        arguments = {**own, **options}
        rate = arguments.get("learning_rate")
        if isinstance(rate, list):
            arguments["learning_rate"] = getattr(module.schedules, rate[0])(*rate[1:])
        made.append(getattr(module, name)(**arguments))
    return made[0], made[1]


def assert_same(ours: Any, theirs: Any) -> None:
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        expected = np.asarray(other.numpy())
        # Sums that cancel keep the rounding of what they are made of: 8 units of the largest.
        rounding = 1e-6 * max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(
            mine.numpy(), expected, rtol=1e-6, atol=rounding, err_msg=str(other.path)
        )


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("case", OPTIMIZERS)
def test_steps_are_those_of_keras(case: str, option: str, keras: ModuleType) -> None:
    counted = re.compile(r"(?<=^variable)_\d+$")  # Keras counts the one of Nadam without a name
    ours, theirs = pair(keras, case, OPTIONS[option])
    mine, other = variables(Variable), variables(keras.Variable)
    for step in range(12 if option == "plain" else 6):
        gradients = values(step + 1)
        ours.apply_gradients(zip(gradients, mine, strict=True))
        theirs.apply_gradients(zip(map(keras.ops.array, gradients), other, strict=True))
    assert_same(mine, other)
    assert_same(ours.variables, theirs.variables)
    assert [v.name for v in ours.variables] == [counted.sub("", v.name) for v in theirs.variables]
    assert int(ours.iterations) == int(theirs.iterations)
    ours.finalize_variable_values(mine)
    theirs.finalize_variable_values(other)
    assert_same(mine, other)


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_variables_without_gradients_stay(case: str, keras: ModuleType) -> None:
    ours, theirs = pair(keras, case, {"weight_decay": 0.1})
    for optimizer in (ours, theirs):
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    mine, other = variables(Variable), variables(keras.Variable)
    for optimizer, weights in ((ours, mine), (theirs, other)):
        optimizer.build(weights)
        for step in range(4):
            gradients: list[Any] = [np.asarray(g) for g in values(step + 1)]
            gradients[step] = None
            with pytest.warns(UserWarning, match="Gradients do not exist for variables"):
                optimizer.apply(gradients)
    assert_same(mine, other)
    assert_same(ours.variables, theirs.variables)


@pytest.mark.parametrize("option", ["plain", "clipnorm", "global_clipnorm", "clipvalue"])
@pytest.mark.parametrize("case", OPTIMIZERS)
def test_rows_looked_up_count_one_by_one(case: str, option: str, keras: ModuleType) -> None:
    import tensorflow as tf

    ours, theirs = pair(keras, case, OPTIONS[option])
    table = np.asarray(np.random.default_rng(3).normal(size=(6, 4)), "float32")
    mine, other = [Variable(table, name="table")], [keras.Variable(table, name="table")]
    indices = np.array([1, 4, 1, 1, 2])
    for step in range(2):
        rows = np.random.default_rng(step).normal(size=(5, 4)).astype("float32")
        ours.apply([RowGradient(rows, indices, (6, 4))], mine)
        theirs.apply([tf.IndexedSlices(rows, indices, (6, 4))], other)
    assert_same(mine, other)
    assert_same(ours.variables, theirs.variables)


def test_constraints_come_last(keras: ModuleType) -> None:
    mine = variables(Variable)
    other = variables(keras.Variable)
    for weights, module in ((mine, constraints), (other, keras.constraints)):
        weights[0].constraint = module.MaxNorm(0.5)  # type: ignore[attr-defined]
        weights[2].constraint = module.NonNeg()  # type: ignore[attr-defined]
    ours, theirs = optimizers.Adam(0.1, use_ema=True), keras.optimizers.Adam(0.1, use_ema=True)
    for step in range(3):
        ours.apply(values(step + 1), mine)
        theirs.apply(values(step + 1), other)
    assert_same(mine, other)
    assert_same(ours.variables, theirs.variables)


def test_state_goes_to_keras_and_back(keras: ModuleType) -> None:
    ours, theirs = optimizers.Nadam(), keras.optimizers.Nadam()
    mine, other = variables(Variable), variables(keras.Variable)
    for step in range(3):
        ours.apply(values(step + 1), mine)
    store: dict[str, Any] = {}
    ours.save_own_variables(store)
    theirs.build(other)
    theirs.load_own_variables(store)
    again = optimizers.Nadam()
    copies = [Variable(v.numpy(), name=v.name) for v in mine]
    again.build(copies)
    theirs.save_own_variables(store)
    again.load_own_variables(store)
    for weights, given in zip(other, mine, strict=True):
        weights.assign(given.numpy())
    for optimizer, weights in ((ours, mine), (theirs, other), (again, copies)):
        optimizer.apply(values(9), weights)
    assert_same(mine, other)
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(mine, copies, strict=True))


def test_float64_beside_float32(keras: ModuleType) -> None:
    weights = [np.ones(3, "float32"), np.ones((2, 2), "float64"), np.full(4, 0.5, "float64")]
    gradients = [np.arange(w.size, dtype=w.dtype).reshape(w.shape) - 1 for w in weights]
    mine = [Variable(w, name=f"w{i}") for i, w in enumerate(weights)]
    other = [keras.Variable(w, dtype=w.dtype.name, name=f"w{i}") for i, w in enumerate(weights)]
    ours, theirs = (m.Adam(0.1, clipvalue=0.5) for m in (optimizers, keras.optimizers))
    for _ in range(4):
        ours.apply(gradients, mine)
        theirs.apply(gradients, other)
    assert [v.dtype for v in mine] == ["float32", "float64", "float64"]
    assert_same(mine, other)


def test_values_read_before_a_step_stay() -> None:
    optimizer, weights = optimizers.SGD(0.5), variables(Variable)
    seen = []
    for step in range(5):
        seen.append((weights[0].stored, weights[0].stored.copy()))
        optimizer.apply(values(step), weights)
    assert all(np.array_equal(kept, copy) for kept, copy in seen)
    weights[0].assign(np.zeros((5, 12)))  # set between steps: the next step begins there
    optimizer.apply([np.ones_like(v.stored) for v in weights])
    assert np.all(weights[0].stored == -0.5)
    assert not weights[0].stored.flags.writeable


def test_learning_rate() -> None:
    optimizer = optimizers.Adam(0.5)
    optimizer.build([])
    assert float(optimizer.learning_rate) == 0.5
    assert f"{optimizer.lr:.2f}" == "0.50"
    optimizer.learning_rate = 0.25
    assert optimizer.variables[1].numpy() == 0.25
    optimizer.learning_rate.assign(0.125)
    assert optimizer.get_config()["learning_rate"] == 0.125
    optimizer.learning_rate = optimizers.schedules.ExponentialDecay(1.0, 1, 0.5)
    assert [v.name for v in optimizer.variables] == ["iteration"]
    optimizer.iterations.assign(2)
    assert optimizer.learning_rate == 0.25
    with pytest.raises(UnsupportedError, match=r"comes from .* and cannot be set to 0\.1"):
        optimizer.lr = 0.1
    assert optimizers.SGD(lambda: 0.3).learning_rate == 0.3


def test_refused() -> None:
    optimizer, weights = optimizers.Adam(name="a"), variables(Variable)
    before = [v.stored for v in weights]
    with pytest.raises(UnsupportedError, match="needs an optimizer that is built"):
        optimizer.apply([np.ones(2)])
    with pytest.raises(UnsupportedError, match=r"set_weights\(\) needs an optimizer that is built"):
        optimizer.set_weights([])
    optimizer.apply([], weights)
    assert not optimizer.built
    with pytest.raises(UnsupportedError, match="No gradients provided for any variable"):
        optimizer.apply([None] * 5, weights)
    with pytest.raises(ShapeError, match="1 gradients were given for 5"):
        optimizer.apply([np.ones(2)])
    wrong = [*values(1)[:-1], np.ones(2)]
    with pytest.raises(ShapeError, match=r"gradient of weight 's': expected shape \(\), received"):
        optimizer.apply(wrong)
    with pytest.raises(UnsupportedError, match=r"unknown variable .* was built with others"):
        optimizer.apply([np.ones(2)], [Variable(np.ones(2))])
    with pytest.raises(UnsupportedError, match="must be called before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    with pytest.raises(ShapeError, match="received 1 arrays; the optimizer has 12 variables"):
        optimizer.set_weights([0])
    with pytest.warns(UserWarning, match="the state is not loaded; the optimizer has 12"):
        optimizer.load_own_variables({"0": 1})
    assert all(v.stored is array for v, array in zip(weights, before, strict=True))
    assert int(optimizer.iterations) == 0
    with pytest.raises(UnsupportedError, match="momentum must be a float from 0 to 1, received 2"):
        optimizers.SGD(momentum=2)
    with pytest.raises(UnsupportedError, match="beta_1 must be above 0 and at most 1, received 0"):
        optimizers.Lion(beta_1=0)


def test_a_gradient_that_is_not_finite_gives_no_numpy_warning() -> None:
    weights = [Variable(np.ones(2, "float32"))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizers.Adam(global_clipnorm=1.0).apply([np.array([np.nan, np.inf])], weights)
    assert np.isnan(weights[0].numpy()).all()


def half_steps(name: str, options: dict[str, Any], dtype: str) -> Any:
    weight = Variable(np.linspace(-1, 1, 8).astype("float16").astype(dtype), name="w")
    optimizer = getattr(optimizers, name)(0.25, **options)
    for step in range(3):
        optimizer.apply([np.linspace(1, step, 8).astype("float16")], [weight])
    assert weight.dtype == dtype
    return weight.numpy()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adam", {}),
        ("SGD", {"momentum": 0.5}),
        ("RMSprop", {"centered": True, "weight_decay": 0.1}),
    ],
)
def test_half_precision_is_computed_in_float32(name: str, options: dict[str, Any]) -> None:
    narrow, wide = (half_steps(name, options, dtype) for dtype in ("float16", "float32"))
    np.testing.assert_allclose(narrow, wide, rtol=2e-2, atol=2e-3)
