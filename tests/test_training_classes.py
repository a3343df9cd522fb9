"""Optimizers, schedules, losses, metrics and callbacks, beside Keras's."""

from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext import callbacks, losses, metrics, optimizers
from rnnext.callbacks import EarlyStopping, LambdaCallback, ModelCheckpoint
from rnnext.errors import UnsupportedError
from rnnext.graph.masked_array import attach_mask
from rnnext.layers import Dense, Input
from rnnext.models import Sequential
from rnnext.optimizers import SGD, Adam, schedules
from rnnext.optimizers.schedules import ExponentialDecay

MODULES: dict[str, Any] = {
    "optimizers": optimizers,
    "optimizers.schedules": schedules,
    "losses": losses,
    "metrics": metrics,
    "callbacks": callbacks,
}
CLASSES = [
    (module, name)
    for module, package in MODULES.items()
    for name in package.__all__
    if inspect.isclass(getattr(package, name))
    and getattr(package, name).__name__ == name  # not a name of Keras 2 for it
    and inspect.signature(getattr(package, name)).parameters
]
# What a constructor needs.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "BackupAndRestore": {"backup_dir": "d"},
    "CSVLogger": {"filename": "f.csv"},
    "CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 10},
    "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 10},
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    "IoU": {"num_classes": 3, "target_class_ids": [0]},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    "LearningRateScheduler": {"schedule": abs},
    "MeanIoU": {"num_classes": 3},
    "MeanMetricWrapper": {"fn": losses.mean_squared_error},
    "ModelCheckpoint": {"filepath": "m.keras"},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 3},
    "Optimizer": {"learning_rate": 0.1},
    "PiecewiseConstantDecay": {"boundaries": [5, 10], "values": [0.3, 0.2, 0.1]},
    "PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 10},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}
# Base classes, whose constructors take more here, or more in Keras.
BASES = {"LearningRateSchedule", "Optimizer"}
# It takes an optimizer of its own library; tests/test_mixed_precision_training.py has its config.
WRAPPERS = {"LossScaleOptimizer"}


def both(module: str, name: str, keras: ModuleType) -> tuple[Any, Any]:
    theirs = keras
    for part in module.split("."):
        theirs = getattr(theirs, part)
    return getattr(MODULES[module], name), getattr(theirs, name)


def arguments(cls: Any) -> dict[str, Any]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD,)
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.kind in kinds}


def plain(value: Any) -> Any:
    """Tuples as JSON has them; Keras rounds some numbers to float32."""
    if isinstance(value, float):
        return pytest.approx(value)
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize(("module", "name"), [c for c in CLASSES if c[1] not in BASES])
def test_arguments_are_those_of_keras(module: str, name: str, keras: ModuleType) -> None:
    ours, theirs = both(module, name, keras)
    assert list(arguments(ours).items()) == list(arguments(theirs).items())


@pytest.mark.parametrize(
    ("module", "name"),
    [
        c
        for c in CLASSES
        if c[0] != "callbacks" and c[1] not in {*BASES, *WRAPPERS, "MeanMetricWrapper"}
    ],
)
def test_config_is_that_of_keras(module: str, name: str, keras: ModuleType) -> None:
    ours, theirs = (cls(**ARGUMENTS.get(name, {})) for cls in both(module, name, keras))
    expected = theirs.get_config()
    if name in ("Loss", "Metric") or module == "optimizers":  # a default name is counted
        assert ours.name.replace("_", "").startswith(name.lower())
        expected.pop("name")
    found = ours.get_config()
    if module == "metrics" and "name" in expected:  # default names are counted, by both
        for config in (found, expected):
            config["name"] = re.sub(r"_\d+$", "", config["name"])
    # Keras leaves out `axis` and `delta` of some losses, and what one of its bases fixes.
    assert {key: plain(found.get(key)) for key in expected} == {
        key: plain(value) for key, value in expected.items()
    }
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()


@pytest.mark.parametrize(("module", "name"), [c for c in CLASSES if c[1] not in WRAPPERS])
def test_an_object_can_be_made(module: str, name: str) -> None:
    made = getattr(MODULES[module], name)(**ARGUMENTS.get(name, {}))
    for option, value in ARGUMENTS.get(name, {}).items():
        assert getattr(made, option) == value


# Optimizers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adam", "Adam", "ADAM", "sgd", "rmsprop", "AdamW", "nadam"])
def test_optimizers_by_name(name: str, keras: ModuleType) -> None:
    assert type(optimizers.get(name)).__name__ == type(keras.optimizers.get(name)).__name__


def test_config_with_class_is_that_of_keras(keras: ModuleType) -> None:
    ours = SGD(ExponentialDecay(0.1, 100, 0.9, staircase=True), momentum=0.9, name="mine")
    theirs = keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.9, staircase=True),
        momentum=0.9,
        name="mine",
    )
    assert optimizers.serialize(ours) == keras.optimizers.serialize(theirs)
    again = optimizers.deserialize(optimizers.serialize(ours))
    assert again.get_config()["learning_rate"] == ours.get_config()["learning_rate"]
    assert keras.optimizers.deserialize(optimizers.serialize(ours)).momentum == 0.9


@pytest.mark.parametrize("name", [n for n in schedules.__all__ if n in ARGUMENTS])
@pytest.mark.parametrize(
    "options", [{}, {"staircase": True}, {"cycle": True}, {"warmup_target": 0.2, "warmup_steps": 4}]
)
def test_schedules_are_those_of_keras(
    name: str, options: dict[str, Any], keras: ModuleType
) -> None:
    ours, theirs = both("optimizers.schedules", name, keras)
    accepted = {**ARGUMENTS[name], **{k: v for k, v in options.items() if k in arguments(ours)}}
    for step in (0, 1, 5, 9, 10, 11, 25, 40):
        expected = float(theirs(**accepted)(step))
        assert ours(**accepted)(step) == pytest.approx(expected, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adam(beta1=0.1), r"unknown arguments \['beta1'\].*Did you mean 'beta_1'"),
        (lambda: SGD(clipnorm=1.0, clipvalue=1.0), "only one of"),
        (lambda: SGD(1), "learning_rate must be a float.*received 1"),
        (lambda: SGD(use_ema=True, ema_momentum=2), "ema_momentum must be a number from 0 to 1"),
        (lambda: SGD(gradient_accumulation_steps=1), "must be None or an integer >= 2, received 1"),
        (lambda: optimizers.get("adm"), "optimizer 'adm' is not known.*Did you mean 'adam'"),
        (lambda: optimizers.get(3), "optimizer 3 is not known"),
        (lambda: ExponentialDecay(0.1, 0, 0.5), "decay_steps must be above 0, received 0"),
        (lambda: schedules.PiecewiseConstantDecay([1], [1.0]), "1 values and 1 boundaries"),
        (lambda: losses.get("mean_squared_loss"), "Did you mean 'mean_squared_error'"),
        (lambda: losses.Hinge(reduction="x"), "reduction must be one of.*received 'x'"),
        (lambda: metrics.get("acuracy"), "metric 'acuracy' is not known"),
        (lambda: EarlyStopping(mode="most"), "mode must be one of.*received 'most'"),
        (lambda: ModelCheckpoint("m.ckpt"), "must end in one of .*'m.ckpt'"),
        (lambda: ModelCheckpoint("m.keras", save_freq="x"), "save_freq must be 'epoch' or an int"),
        (lambda: LambdaCallback(on_epoch=print), r"unknown arguments \['on_epoch'\]"),
        (lambda: callbacks.ReduceLROnPlateau(factor=1.5), "factor must be below 1, received 1.5"),
    ],
)
def test_refused(make: Any, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        make()


def test_decay_does_nothing_and_says_so() -> None:
    with pytest.warns(UserWarning, match="decay does nothing, as in Keras 3"):
        SGD(decay=1e-6)


# Losses -------------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
NUMBERS = (RNG.normal(size=(4, 3)).astype("float32"), RNG.normal(size=(4, 3)).astype("float32"))
LABELS = (RNG.integers(0, 2, (4, 3)).astype("float32"), RNG.uniform(size=(4, 3)).astype("float32"))
ROWS = (np.eye(3, dtype="float32")[[0, 2, 1, 1]], RNG.dirichlet(np.ones(3), 4).astype("float32"))
CLASSES_AND_ROWS = (np.array([0, 2, 1, 1]), ROWS[1])

FUNCTIONS: list[tuple[str, Any, dict[str, Any]]] = [
    ("mean_squared_error", NUMBERS, {}),
    ("mean_absolute_error", NUMBERS, {}),
    ("mean_absolute_percentage_error", NUMBERS, {}),
    ("mean_squared_logarithmic_error", LABELS, {}),
    ("huber", NUMBERS, {}),
    ("huber", NUMBERS, {"delta": 0.5}),
    ("log_cosh", NUMBERS, {}),
    ("cosine_similarity", NUMBERS, {}),
    ("cosine_similarity", NUMBERS, {"axis": 0}),
    ("hinge", NUMBERS, {}),
    ("hinge", LABELS, {}),
    ("squared_hinge", LABELS, {}),
    ("categorical_hinge", ROWS, {}),
    ("kl_divergence", ROWS, {}),
    ("poisson", LABELS, {}),
    ("binary_crossentropy", LABELS, {}),
    ("binary_crossentropy", LABELS, {"label_smoothing": 0.1}),
    ("binary_crossentropy", (LABELS[0], NUMBERS[0]), {"from_logits": True}),
    ("categorical_crossentropy", ROWS, {}),
    ("categorical_crossentropy", ROWS, {"label_smoothing": 0.1}),
    ("categorical_crossentropy", (ROWS[0], NUMBERS[0]), {"from_logits": True}),
    ("sparse_categorical_crossentropy", CLASSES_AND_ROWS, {}),
    ("sparse_categorical_crossentropy", (CLASSES_AND_ROWS[0][:, None], ROWS[1]), {}),
    ("sparse_categorical_crossentropy", (CLASSES_AND_ROWS[0], NUMBERS[0]), {"from_logits": True}),
]


@pytest.mark.parametrize(("name", "values", "options"), FUNCTIONS)
def test_losses_are_those_of_keras(
    name: str, values: Any, options: dict[str, Any], keras: ModuleType
) -> None:
    ours = getattr(losses, name)(*values, **options)
    theirs = np.asarray(getattr(keras.losses, name)(*values, **options))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert ours.shape == theirs.shape
    assert ours.dtype == "float32"


def test_ignored_class(keras: ModuleType) -> None:
    options = {"ignore_class": 1}
    theirs = keras.losses.sparse_categorical_crossentropy(
        *map(np.asarray, CLASSES_AND_ROWS), **options
    )
    ours = losses.sparse_categorical_crossentropy(*CLASSES_AND_ROWS, **options)
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("MeanSquaredError", NUMBERS),
        ("Huber", NUMBERS),
        ("BinaryCrossentropy", LABELS),
        ("SparseCategoricalCrossentropy", CLASSES_AND_ROWS),
    ],
)
@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "sum", "none", "mean", "mean_with_sample_weight"]
)
@pytest.mark.parametrize("weights", [None, [1.0, 0.0, 2.0, 3.0], [[1.0], [0.0], [2.0], [3.0]]])
def test_loss_of_a_batch_is_that_of_keras(
    name: str, values: Any, reduction: str, weights: Any, keras: ModuleType
) -> None:
    weights = None if weights is None else np.array(weights, "float32")
    ours, theirs = (
        np.asarray(cls(reduction=reduction)(*values, sample_weight=weights))
        for cls in both("losses", name, keras)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert ours.shape == theirs.shape


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
def test_masked_steps_do_not_count(reduction: str, keras: ModuleType) -> None:
    mask = np.array([[True, True, False], [True, False, False]])
    true, predicted = (RNG.normal(size=(2, 3, 2)).astype("float32") for _ in range(2))
    theirs = keras.ops.convert_to_tensor(predicted)
    theirs._keras_mask = keras.ops.convert_to_tensor(mask)
    expected = float(keras.losses.MeanSquaredError(reduction=reduction)(true, theirs))
    ours = losses.MeanSquaredError(reduction=reduction)(true, attach_mask(predicted, mask))
    assert float(ours) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "name", ["mse", "MSE", "mean_squared_error", "MeanSquaredError", "kld", "bce", "huber"]
)
def test_losses_by_name(name: str, keras: ModuleType) -> None:
    ours, theirs = losses.get(name), keras.losses.get(name)
    assert getattr(ours, "__name__", ours.__class__.__name__) == getattr(
        theirs, "__name__", theirs.__class__.__name__
    )


def test_user_defined_loss() -> None:
    class Doubled(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return 2 * losses.mean_absolute_error(y_true, y_pred)

    assert float(Doubled()(np.zeros((2, 1)), np.ones((2, 1)))) == 2.0
    with rnnext.utils.custom_object_scope({"Doubled": Doubled}):
        assert isinstance(losses.get("Doubled"), Doubled)
        assert isinstance(losses.deserialize(losses.serialize(Doubled())), Doubled)


# Metrics ------------------------------------------------------------------------------------------

ACCURACIES: list[tuple[str, Any, dict[str, Any]]] = [
    ("binary_accuracy", LABELS, {}),
    ("binary_accuracy", LABELS, {"threshold": 0.3}),
    ("categorical_accuracy", ROWS, {}),
    ("sparse_categorical_accuracy", CLASSES_AND_ROWS, {}),
    ("top_k_categorical_accuracy", ROWS, {"k": 2}),
    ("sparse_top_k_categorical_accuracy", CLASSES_AND_ROWS, {"k": 2}),
    # Of other kinds, which Keras has beside them
    ("binary_focal_crossentropy", LABELS, {"gamma": 1.5}),
    ("categorical_focal_crossentropy", ROWS, {}),
    ("concordance_correlation", ROWS, {}),
    ("pearson_correlation", ROWS, {"axis": 0}),
]


@pytest.mark.parametrize(("name", "values", "options"), ACCURACIES)
def test_accuracies_are_those_of_keras(
    name: str, values: Any, options: dict[str, Any], keras: ModuleType
) -> None:
    ours = getattr(metrics, name)(*values, **options)
    np.testing.assert_allclose(
        ours, np.asarray(getattr(keras.metrics, name)(*values, **options)), rtol=1e-6
    )


@pytest.mark.parametrize("name", ["pearson_correlation", "concordance_correlation"])
def test_a_name_of_a_class_and_of_a_function_is_the_class(name: str, keras: ModuleType) -> None:
    assert type(metrics.get(name)).__name__ == type(keras.metrics.get(name)).__name__


# compile ------------------------------------------------------------------------------------------


def model() -> Any:
    return Sequential([Input((3,)), Dense(2)], name="m")


def test_compile_keeps_what_it_is_given() -> None:
    compiled = model()
    assert (compiled.optimizer, compiled.loss, compiled.compiled) == (None, None, False)
    compiled.compile(optimizer=Adam(0.01), loss="mse", metrics=["mae", metrics.AUC()])
    assert compiled.optimizer.learning_rate == 0.01
    assert (compiled.loss, compiled.compiled) == ("mse", True)
    compiled.compile()
    assert isinstance(compiled.optimizer, optimizers.RMSprop)


def test_compile_does_not_slow_the_next_call() -> None:
    compiled = model()
    x = np.zeros((1, 3), "float32")
    compiled(x)
    packed = compiled.layers[0]._packed
    compiled.compile("adam", "mse")
    assert compiled.layers[0]._packed is packed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bogus": 3}, r"model 'm': compile\(\) has no arguments \['bogus'\]; accepted: \['optim"),
        ({"lose": "mse"}, r"\['lose'\]; accepted: .* Did you mean 'loss'\?"),
        ({"metric": ["mae"]}, r"\['metric'\].* Did you mean 'metrics'\?"),
        ({"optimizer": "adm"}, r"optimizer 'adm' is not known; .* Did you mean 'adam'\?"),
        ({"optimizer": 3}, "optimizer 3 is not known"),
    ],
)
def test_compile_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        model().compile(**options)


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_an_unknown_loss_is_an_error_when_it_is_needed(method: str) -> None:
    compiled = model()
    compiled.compile(optimizer="Adam", loss="mean_squared_loss")
    compiled.predict(np.zeros((1, 3)))
    with pytest.raises(UnsupportedError, match=r"loss 'mean_squared_loss' is not known.*Did you"):
        getattr(compiled, method)(np.zeros((1, 3)), np.zeros((1, 2)))
    compiled.compile(optimizer="Adam", loss=["nonsense"])
    with pytest.raises(UnsupportedError, match="loss 'nonsense' is not known"):
        getattr(compiled, method)(np.zeros((1, 3)), np.zeros((1, 2)))
