"""Losses, their gradients, metrics and what `compile` makes of them, beside Keras on TensorFlow."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnext import losses, metrics
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.masked_array import attach_mask
from rnnext.training import CompileLoss, CompileMetrics, in_order
from rnnext.training.arrays import class_weights_of

RNG = np.random.default_rng(1)


def numbers(*shape: int) -> Any:
    return RNG.normal(size=shape)


def parts(*shape: int) -> Any:
    return RNG.uniform(0.02, 0.98, size=shape)


def labels(*shape: int) -> Any:
    return RNG.integers(0, 2, shape).astype("float64")


def rows(*shape: int) -> Any:
    return np.eye(shape[-1])[RNG.integers(0, shape[-1], shape[:-1])]


def units(*shape: int) -> Any:
    x = numbers(*shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


SEVERAL = (5, 4, 3)
SPARSE = RNG.integers(0, 3, (5, 4))
LOSSES: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("MeanSquaredError", {}, numbers(*SEVERAL), numbers(*SEVERAL)),
    ("MeanAbsoluteError", {}, numbers(*SEVERAL), numbers(*SEVERAL)),
    ("MeanAbsolutePercentageError", {}, numbers(*SEVERAL), numbers(*SEVERAL)),
    ("MeanSquaredLogarithmicError", {}, parts(*SEVERAL), numbers(*SEVERAL)),
    ("Huber", {"delta": 0.7}, numbers(*SEVERAL), numbers(*SEVERAL)),
    ("LogCosh", {}, numbers(*SEVERAL), numbers(*SEVERAL)),
    ("CosineSimilarity", {}, numbers(*SEVERAL), numbers(*SEVERAL)),
    ("Poisson", {}, parts(*SEVERAL), parts(*SEVERAL)),
    ("KLDivergence", {}, parts(*SEVERAL), 1.5 * parts(*SEVERAL)),
    ("Hinge", {}, labels(*SEVERAL), numbers(*SEVERAL)),
    ("SquaredHinge", {}, 2 * labels(*SEVERAL) - 1, numbers(*SEVERAL)),
    ("CategoricalHinge", {}, rows(*SEVERAL), numbers(*SEVERAL)),
    ("BinaryCrossentropy", {}, labels(*SEVERAL), 1.2 * parts(*SEVERAL) - 0.1),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, labels(*SEVERAL), parts(*SEVERAL)),
    ("BinaryCrossentropy", {"from_logits": True}, labels(*SEVERAL), 4 * numbers(*SEVERAL)),
    ("BinaryFocalCrossentropy", {}, labels(*SEVERAL), parts(*SEVERAL)),
    (
        "BinaryFocalCrossentropy",
        {"from_logits": True, "apply_class_balancing": True, "gamma": 3.0},
        labels(*SEVERAL),
        numbers(*SEVERAL),
    ),
    ("CategoricalCrossentropy", {}, rows(*SEVERAL), parts(*SEVERAL)),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, rows(*SEVERAL), parts(*SEVERAL)),
    ("CategoricalCrossentropy", {"from_logits": True}, parts(*SEVERAL), numbers(*SEVERAL)),
    ("CategoricalFocalCrossentropy", {}, rows(*SEVERAL), parts(*SEVERAL)),
    ("CategoricalFocalCrossentropy", {"from_logits": True}, rows(*SEVERAL), numbers(*SEVERAL)),
    ("SparseCategoricalCrossentropy", {}, SPARSE, parts(*SEVERAL)),
    ("SparseCategoricalCrossentropy", {}, SPARSE[..., None].astype("float32"), parts(*SEVERAL)),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, SPARSE, numbers(*SEVERAL)),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, SPARSE, parts(*SEVERAL)),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.7}, SPARSE, parts(*SEVERAL)),
    ("Dice", {}, labels(*SEVERAL), parts(*SEVERAL)),
    ("Dice", {"axis": (1, 2)}, labels(*SEVERAL), parts(*SEVERAL)),
    ("Tversky", {"alpha": 0.3, "beta": 0.8}, labels(*SEVERAL), parts(*SEVERAL)),
    ("Circle", {"gamma": 4.0}, np.array([0, 1, 1, 0, 2, 2]), units(6, 4)),
    ("MeanSquaredError", {}, numbers(6), numbers(6, 1)),
    ("MeanAbsoluteError", {}, numbers(6, 1), numbers(6)),
    ("BinaryCrossentropy", {}, labels(6).astype(int), parts(6, 1)),
]


def of_keras(loss: Any, true: Any, predicted: Any, *rest: Any) -> Any:
    import tensorflow as tf

    weights, mask = rest or (None, None)
    y = tf.Variable(predicted)
    with tf.GradientTape() as tape:
        x = tf.convert_to_tensor(y)
        if mask is not None:
            x._keras_mask = tf.convert_to_tensor(mask)
        value = loss(true, x, weights)
    return np.asarray(value), np.asarray(tf.convert_to_tensor(tape.gradient(value, y)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "options", "true", "predicted"), LOSSES)
def test_values_and_gradients(
    name: str, options: Any, true: Any, predicted: Any, dtype: str, keras: ModuleType
) -> None:
    options = {**options, "dtype": dtype}
    predicted = predicted.astype(dtype)
    theirs = of_keras(getattr(keras.losses, name)(**options), true, predicted)
    loss = getattr(losses, name)(**options)
    value, gradient = loss.value_and_gradient(true, predicted)
    close = {"rtol": 1e-5, "atol": 2e-7} if dtype == "float32" else {"rtol": 1e-6, "atol": 1e-9}
    np.testing.assert_allclose(value, theirs[0], **close)
    np.testing.assert_allclose(loss(true, predicted), theirs[0], **close)
    np.testing.assert_allclose(gradient, theirs[1], **close)
    assert gradient.shape == predicted.shape
    assert gradient.dtype == dtype
    assert isinstance(value, float)


@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight", "none"]
)
@pytest.mark.parametrize("weighted", ["", "samples", "steps", "columns"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("index", [0, 17, 22, 25])
def test_weights_and_masks(
    reduction: str, weighted: str, masked: bool, index: int, keras: ModuleType
) -> None:
    name, options, true, predicted = LOSSES[index]
    shapes = {"samples": (5, 1), "steps": (5, 4), "columns": (5, 4, 1)}
    weights = parts(*shapes[weighted]).astype("float32") if weighted else None
    mask = RNG.integers(0, 2, (5, 4)).astype(bool) if masked else None
    options = {**options, "reduction": reduction}
    predicted = predicted.astype("float32")
    loss = getattr(keras.losses, name)(**options)
    theirs = of_keras(loss, true, predicted, weights, mask)
    loss = getattr(losses, name)(**options)
    value, gradient = loss.value_and_gradient(true, predicted, weights, mask)
    np.testing.assert_allclose(value, theirs[0].mean(), rtol=2e-5, atol=1e-7)
    np.testing.assert_allclose(gradient, theirs[1], rtol=2e-5, atol=1e-7)


def test_corners(keras: ModuleType) -> None:
    zeros = np.zeros((2, 2), "float32")
    ends = np.array([[0, 1], [1, 0]], "float32")
    for name, true, predicted in [
        ("MeanAbsoluteError", zeros, zeros),
        ("BinaryCrossentropy", 1 - ends, ends),
        ("CategoricalCrossentropy", 1 - ends, ends),
        ("SparseCategoricalCrossentropy", np.array([0, 1]), ends),
        ("Hinge", ends, 2 * ends - 1),
        ("KLDivergence", ends, 1 - ends),
    ]:
        theirs = of_keras(getattr(keras.losses, name)(), true, predicted)
        ours = getattr(losses, name)().value_and_gradient(true, predicted)
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
@pytest.mark.parametrize(
    "name", ["binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"]
)
def test_keras_computes_from_logits(name: str, activation: str, keras: ModuleType) -> None:
    """What an activation saturates, the loss of a model sees whole."""
    x = np.array([[40.0, -30.0, 10.0], [-60.0, 20.0, 3.0]], "float32")
    true = np.array([1, 0]) if name.startswith("sparse") else np.eye(3, dtype="float32")[[1, 0]]
    model = keras.Sequential([keras.Input((3,)), keras.layers.Activation(activation)])
    model.compile("sgd", name)
    expected = model.evaluate(x, true, verbose=0)
    y = np.asarray(getattr(keras.activations, activation)(x))
    loss = CompileLoss(name, output_names=["a"])
    total, gradients, _ = loss.value_and_gradients(true, y, logits=[x])
    assert total == pytest.approx(expected, rel=1e-5)
    assert loss.uses_logits() == [True]
    assert gradients[0] is not None


def test_a_function_that_does_what_has_no_gradient() -> None:
    loss = CompileLoss(lambda a, b: np.spacing(b - a).mean(axis=-1), output_names=["a"])
    ones = np.ones((2, 1), "float32")
    with pytest.raises(UnsupportedError, match=r"numpy\.spacing has no gradient rule"):
        loss.value_and_gradients(ones, ones)


def test_refused() -> None:
    with pytest.raises(
        ShapeError, match=r"y_true of shape \(2, 2\) and y_pred of shape \(2, 3\) do not"
    ):
        losses.CategoricalCrossentropy()(np.zeros((2, 2)), np.ones((2, 3)))
    with pytest.raises(UnsupportedError, match="recall must be from 0 to 1, received 2"):
        metrics.PrecisionAtRecall(2)
    with pytest.raises(UnsupportedError, match=r"curve must be one of .*received 'XY'"):
        metrics.AUC(curve="XY")


# Metrics ------------------------------------------------------------------------------------------

BINARY = [(labels(6, 3), parts(6, 3)) for _ in range(3)]
ONE = [(labels(6, 1), parts(6, 1)) for _ in range(3)]
ROWS = [(rows(6, 3), parts(6, 3)) for _ in range(3)]
NUMBERED = [(RNG.integers(0, 3, (6, 1)), parts(6, 3)) for _ in range(3)]
REAL = [(numbers(6, 3), numbers(6, 3)) for _ in range(3)]
CLASSES = [(RNG.integers(0, 3, 6), RNG.integers(0, 3, 6)) for _ in range(3)]

REGRESSION = [
    *("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError"),
    *("MeanAbsolutePercentageError", "LogCoshError", "CosineSimilarity", "R2Score"),
    *("PearsonCorrelation", "ConcordanceCorrelation"),
]
METRICS: list[tuple[str, dict[str, Any], Any]] = [
    ("Accuracy", {}, CLASSES),
    ("BinaryAccuracy", {"threshold": 0.3}, BINARY),
    ("CategoricalAccuracy", {}, ROWS),
    ("SparseCategoricalAccuracy", {}, NUMBERED),
    ("TopKCategoricalAccuracy", {"k": 2}, ROWS),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, [(a[:, 0], b) for a, b in NUMBERED]),
    *[(name, {}, REAL) for name in REGRESSION],
    ("R2Score", {"class_aggregation": None}, REAL),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, REAL),
    ("MeanSquaredLogarithmicError", {}, BINARY),
    ("Poisson", {}, BINARY),
    ("KLDivergence", {}, ROWS),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, BINARY),
    ("CategoricalCrossentropy", {}, ROWS),
    ("SparseCategoricalCrossentropy", {}, [(a[:, 0], b) for a, b in NUMBERED]),
    ("Hinge", {}, BINARY),
    ("SquaredHinge", {}, BINARY),
    ("CategoricalHinge", {}, ROWS),
    *[("AUC", {"curve": c}, ONE) for c in ("ROC", "PR", "PRGAIN")],
    ("AUC", {"summation_method": "minoring", "curve": "PR"}, ONE),
    ("AUC", {"summation_method": "majoring", "num_thresholds": 20}, BINARY),
    ("AUC", {"thresholds": [0.2, 0.3, 0.9]}, BINARY),
    ("AUC", {"from_logits": True}, [(a, 4 * b - 2) for a, b in ONE]),
    ("AUC", {"multi_label": True, "label_weights": [1.0, 2.0, 3.0]}, BINARY),
    ("AUC", {"multi_label": True, "num_labels": 3, "curve": "PR"}, BINARY),
    ("AUC", {"label_weights": [1.0, 2.0, 3.0]}, BINARY),
    *[
        (name, options, BINARY)
        for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")
        for options in ({}, {"thresholds": [0.7, 0.2]}, {"thresholds": [0.0, 0.5, 1.0]})
    ],
    *[
        (name, options, ROWS)
        for name in ("Precision", "Recall")
        for options in ({}, {"thresholds": [0.3, 0.8]}, {"top_k": 2}, {"class_id": 1})
    ],
    ("PrecisionAtRecall", {"recall": 0.6}, ONE),
    ("RecallAtPrecision", {"precision": 0.6}, ONE),
    ("SensitivityAtSpecificity", {"specificity": 0.4}, ONE),
    ("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 1}, ONE),
    *[("F1Score", {"average": a}, ROWS) for a in (None, "micro", "macro", "weighted")],
    ("FBetaScore", {"beta": 2.0, "threshold": 0.4}, BINARY),
    ("MeanIoU", {"num_classes": 3}, CLASSES),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2], "ignore_class": 1}, CLASSES),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.4}, ONE),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [1]}, ROWS),
    ("OneHotMeanIoU", {"num_classes": 3}, ROWS),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "options", "batches"), METRICS)
def test_metrics(name: str, options: Any, batches: Any, weighted: bool, keras: ModuleType) -> None:
    ours, theirs = getattr(metrics, name)(**options), getattr(keras.metrics, name)(**options)
    for _ in range(2):
        for true, predicted in batches:
            weights = np.arange(6) % 3 if weighted else None
            if weighted and "IoU" not in name:
                weights = weights.astype("float32")
            y = predicted.astype("float32") if predicted.dtype.kind == "f" else predicted
            ours.update_state(true, y, sample_weight=weights)
            theirs.update_state(true, y, sample_weight=weights)
            expected = np.asarray(theirs.result())
            np.testing.assert_allclose(ours.result(), expected, rtol=2e-6, atol=1e-6)
        assert [v.shape for v in ours.variables] == [tuple(v.shape) for v in theirs.variables]
        ours.reset_state()
        theirs.reset_state()


@pytest.mark.parametrize("weighted", [False, True])
def test_masked_metric(weighted: bool, keras: ModuleType) -> None:
    mask = np.array([[True, False], [True, True], [False, False]])
    true, predicted = numbers(3, 2, 4), numbers(3, 2, 4).astype("float32")
    weights = np.array([1.0, 2.0, 3.0], "float32")[:, None] if weighted else None
    theirs, tensor = keras.metrics.MeanAbsoluteError(), keras.ops.convert_to_tensor(predicted)
    tensor._keras_mask = keras.ops.convert_to_tensor(mask)
    expected = float(theirs(true, tensor, sample_weight=weights))
    ours = metrics.MeanAbsoluteError()(true, attach_mask(predicted, mask), sample_weight=weights)
    assert float(ours) == pytest.approx(expected, rel=1e-6)


def test_user_metric() -> None:
    class Count(metrics.Metric):
        def __init__(self, name: str = "count") -> None:
            super().__init__(name=name)
            self.seen = self.add_weight(name="seen", initializer="zeros")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # noqa: ARG002
            self.seen.assign_add(len(y_pred))

        def result(self) -> Any:
            return self.seen

    count = Count()
    assert count(np.ones(3), np.ones(3)).numpy() == 3
    assert count(np.ones(3), np.ones(3)).numpy() == 6
    count.reset_state()
    assert count.result().numpy() == 0


# compile ------------------------------------------------------------------------------------------

TWO: list[dict[str, Any]] = [
    {"loss": "mse", "metrics": [["mae"], ["accuracy", "AUC"]]},
    {"loss": ["mse", "bce"], "loss_weights": [1.0, 0.3], "metrics": ["mae", "acc"]},
    {"loss": {"a": "mae", "b": "crossentropy"}, "loss_weights": {"a": 2.0, "b": 0.5}},
    {"loss": {"b": "bce", "a": "huber"}, "metrics": {"b": "accuracy"}},
    {"loss": ["mse", "bce"], "metrics": {"a": ["mae"]}, "weighted_metrics": {"a": ["mae", "mse"]}},
]


@pytest.mark.parametrize("options", TWO)
@pytest.mark.parametrize("as_dict", [False, True])
def test_two_outputs(options: Any, as_dict: bool, keras: ModuleType) -> None:
    inputs = keras.Input((3,))
    outputs = [
        keras.layers.Dense(2, name="a")(inputs),
        keras.layers.Dense(1, activation="sigmoid", name="b")(inputs),
    ]
    model = keras.Model(inputs, outputs)
    x = numbers(8, 3).astype("float32")
    y: Any = [numbers(8, 2).astype("float32"), labels(8, 1).astype("float32")]
    weights: Any = [parts(8).astype("float32"), parts(8).astype("float32")]
    if as_dict:  # Keras takes no weights with labels in a dict for outputs in a list
        y, weights = dict(zip("ab", y, strict=True)), None
    model.compile("sgd", run_eagerly=True, **options)
    logs = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True, batch_size=8)
    listed = model.evaluate(x, y, sample_weight=weights, verbose=0, batch_size=8)
    predicted = model.predict(x, verbose=0)

    loss = CompileLoss(options["loss"], options.get("loss_weights"), ["a", "b"])
    compiled = CompileMetrics(options.get("metrics"), options.get("weighted_metrics"), ["a", "b"])
    total, _, of_outputs = loss.value_and_gradients(y, predicted, weights)
    loss.track(total, of_outputs, 8)
    compiled.update(y, predicted, weights)
    results = {**loss.results(), **compiled.results()}
    assert set(results) == set(logs)
    for name, value in logs.items():
        assert results[name] == pytest.approx(value, rel=1e-5), name
    names = ["loss", *(m.name for m in compiled.metrics), *loss.output_loss_names]
    np.testing.assert_allclose(in_order(results, names), listed, rtol=1e-5)


@pytest.mark.parametrize("metric", ["accuracy", "acc", "mae", "AUC", "auc", "cosine_similarity"])
@pytest.mark.parametrize("kind", ["binary", "rows", "numbers"])
def test_one_output(metric: str, kind: str, keras: ModuleType) -> None:
    if metric in ("AUC", "auc") and kind == "numbers":
        pytest.skip("Keras refuses these shapes")
    units_ = 1 if kind == "binary" else 3
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units_, activation="sigmoid")])
    y = {"binary": labels(8, 1), "rows": rows(8, 3), "numbers": RNG.integers(0, 3, 8)}[kind]
    y = y.astype("float32")
    x = numbers(8, 3).astype("float32")
    if kind == "numbers" and metric != "accuracy":
        y = rows(8, 3).astype("float32")
    model.compile("sgd", "crossentropy", metrics=[metric], run_eagerly=True)
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    predicted = model.predict(x, verbose=0)
    compiled = CompileMetrics([metric], None, ["dense"])
    compiled.update(y, predicted)
    for name, value in compiled.results().items():
        assert value == pytest.approx(logs[name], rel=1e-5)
    assert list(compiled.results()) == [n for n in logs if n != "loss"]


def test_class_weights(keras: ModuleType) -> None:
    from keras.src.trainers.data_adapters.data_adapter_utils import (
        class_weight_to_sample_weights as of_keras_,
    )

    assert keras
    for y in (np.array([0, 1, 2, 1]), np.array([[0.0], [2.0]]), rows(5, 3)):
        expected = of_keras_(y, {0: 0.5, 2: 3.0})
        np.testing.assert_array_equal(class_weights_of(y, {0: 0.5, 2: 3.0}), expected)
