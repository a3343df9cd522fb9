"""Models as estimators of scikit-learn: Keras 3's classes beside those of live Keras."""

from __future__ import annotations

import functools
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from numpy.typing import NDArray

import rnnext
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.keras.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

pytest.importorskip("sklearn", reason="the estimators are those of scikit-learn")
import sklearn
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

keras = load_keras()
Array = NDArray[Any]
N, T, F, C = 24, 5, 3, 3

RNG = np.random.default_rng(0)
FLAT = RNG.standard_normal((N, T * F))
SEQUENCES = FLAT.reshape(N, T, F)
CLASSES = np.arange(N) % C
NAMES = np.array(["down", "same", "up"])[CLASSES]
VALUES = FLAT[:, :2].sum(axis=1)
PLAIN: dict[str, Any] = {"shuffle": False, "verbose": 0}  # batches in order


def with_same_weights(model: Any) -> Any:
    """The same weights in both packages, whatever their random numbers are."""
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(-0.5, 0.5, w.shape) for w in model.get_weights()])
    return model


def recurrent(
    k: Any, outputs: int, activation: str | None, loss: Any, units: int = 4, rate: float = 0.05
) -> Any:
    """A model of flat samples (N, T * F), as Keras's estimators take no sequences."""
    model = k.Sequential(
        [
            k.layers.Input((T * F,)),
            k.layers.Reshape((T, F)),
            k.layers.LSTM(units),
            k.layers.Dense(outputs, activation=activation),
        ]
    )
    model.compile(k.optimizers.Adam(rate), loss, metrics=["accuracy"] if activation else None)
    return with_same_weights(model)


def classifier_of(k: Any) -> Callable[..., Any]:
    def build(X: Any, y: Any, units: int = 4) -> Any:  # noqa: ARG001
        return recurrent(k, y.shape[1], "softmax", "categorical_crossentropy", units)

    return build


def regressor_of(k: Any) -> Callable[..., Any]:
    def build(X: Any, y: Any, units: int = 4) -> Any:  # noqa: ARG001
        return recurrent(k, y.shape[1], None, "mse", units)

    return build


BUILDERS = {
    "SKLearnClassifier": (classifier_of, NAMES),
    "SKLearnRegressor": (regressor_of, VALUES),
    "SKLearnTransformer": (regressor_of, VALUES),
}


def twins(name: str, **options: Any) -> tuple[Any, Any]:
    """An estimator of Keras and one of rnnext, of the same weights."""
    build = BUILDERS[name][0]
    theirs = getattr(keras.wrappers, name)(build(keras), fit_kwargs={**PLAIN}, **options)
    ours = getattr(rnnext.wrappers, name)(build(rnnext), fit_kwargs={**PLAIN}, **options)
    return theirs, ours


# Keras 3's, beside Keras ------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILDERS)
def test_fit_and_predict(name: str) -> None:
    theirs, ours = twins(name, model_kwargs={"units": 5})
    for estimator in (theirs, ours):
        assert estimator.fit(FLAT, BUILDERS[name][1], epochs=3, batch_size=8) is estimator
    np.testing.assert_allclose(
        ours.history_.history["loss"], theirs.history_.history["loss"], rtol=1e-5
    )
    assert ours.model_.layers[1].units == 5
    ours_, theirs_ = ours.predict(FLAT), theirs.predict(FLAT)
    assert (ours_.shape, ours_.dtype) == (theirs_.shape, theirs_.dtype)
    if name == "SKLearnClassifier":
        assert list(ours_) == list(theirs_)
        assert list(ours.classes_) == list(theirs.classes_)
        scores = ours.decision_function(FLAT), theirs.decision_function(FLAT)
        np.testing.assert_allclose(*scores, atol=1e-6)
        assert ours.score(FLAT, NAMES) == theirs.score(FLAT, NAMES)
    else:
        np.testing.assert_allclose(ours_, theirs_, atol=1e-6)
    if name == "SKLearnRegressor":
        assert ours.score(FLAT, VALUES) == pytest.approx(theirs.score(FLAT, VALUES), abs=1e-5)
    if name == "SKLearnTransformer":
        outputs = ours.transform(FLAT), theirs.transform(FLAT)
        np.testing.assert_allclose(*outputs, atol=1e-6)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_model_is_cloned_by_each_fit(name: str) -> None:
    build, y = BUILDERS[name]
    example = np.eye(C)[CLASSES] if name == "SKLearnClassifier" else y[:, None]
    for k in (keras, rnnext):
        model = build(k)(FLAT, example)
        before = model.get_weights()
        estimator = getattr(k.wrappers, name)(model, fit_kwargs={**PLAIN})
        estimator.fit(FLAT, y)
        assert estimator.model_ is not model
        assert estimator.model_.loss == model.loss
        assert all(map(np.array_equal, model.get_weights(), before))


@pytest.mark.parametrize("name", ["SKLearnClassifier", "SKLearnRegressor"])
def test_cross_val_score(name: str) -> None:
    theirs, ours = twins(name)
    # Keras 3.15 loses `fit_kwargs` in a clone, so it shuffles: one batch has no order.
    options = {"cv": KFold(3), "params": {"batch_size": N, "verbose": 0}}
    y = BUILDERS[name][1]
    found = cross_val_score(ours, FLAT, y, **options)
    np.testing.assert_allclose(found, cross_val_score(theirs, FLAT, y, **options), atol=1e-5)


def test_grid_search() -> None:
    grid = {"model_kwargs": [{"units": 2}, {"units": 6}], "fit_kwargs": [{**PLAIN, "epochs": 3}]}
    found = [
        GridSearchCV(estimator, grid, cv=KFold(2)).fit(FLAT, VALUES)
        for estimator in twins("SKLearnRegressor")
    ]
    np.testing.assert_allclose(
        found[1].cv_results_["mean_test_score"], found[0].cv_results_["mean_test_score"], atol=1e-5
    )
    assert found[1].best_params_ == found[0].best_params_


def test_pipeline() -> None:
    predictions = []
    for estimator in twins("SKLearnRegressor"):
        pipeline = make_pipeline(StandardScaler(), estimator).fit(
            FLAT, VALUES, **{f"{type(estimator).__name__.lower()}__epochs": 2}
        )
        predictions.append(pipeline.predict(FLAT))
    np.testing.assert_allclose(*predictions, atol=1e-6)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (VALUES, "Only binary and multiclass target types are supported. Target type: continuous"),
        (np.zeros(N, int), "Classifier can't train when only one class is present."),
    ],
)
def test_targets_that_no_classifier_takes(y: Array, message: str) -> None:
    for estimator in twins("SKLearnClassifier"):
        with pytest.raises(ValueError, match=re.escape(message)):
            estimator.fit(FLAT, y)


def test_the_parameters_are_keras_s() -> None:
    for name in BUILDERS:
        theirs, ours = (getattr(k.wrappers, name)(len) for k in (keras, rnnext))
        assert ours.get_params() == theirs.get_params()
        assert is_classifier(ours) == is_classifier(theirs)
        assert is_regressor(ours) == is_regressor(theirs)
        assert ours.epoch_ == theirs.epoch_ == 0


# Keras 3's, of rnnext alone ---------------------------------------------------------------------


def sequence_model(outputs: int = 1, units: int = 4) -> rnnext.Model:
    layers = rnnext.layers
    model = rnnext.Sequential([layers.Input((T, F)), layers.GRU(units), layers.Dense(outputs)])
    model.compile("adam", "mse")
    return model


def test_sequences_and_several_outputs() -> None:
    y = np.stack([VALUES, -VALUES], axis=1)
    regressor = SKLearnRegressor(sequence_model(2), fit_kwargs=PLAIN).fit(SEQUENCES, y)
    assert regressor.predict(SEQUENCES).shape == (N, 2)
    transformer = SKLearnTransformer(sequence_model(2))
    assert transformer.fit(SEQUENCES, y, verbose=0).transform(SEQUENCES).shape == (N, 2)
    classifier = SKLearnClassifier(sequence_model(C)).fit(SEQUENCES, NAMES, verbose=0)
    assert set(classifier.predict(SEQUENCES)) <= set(NAMES)


def test_a_clone_keeps_fit_kwargs() -> None:
    regressor = SKLearnRegressor(sequence_model(), fit_kwargs={**PLAIN, "epochs": 2})
    copied = clone(regressor)
    assert copied.model is not regressor.model
    assert copied.fit(SEQUENCES, VALUES).epoch_ == 2


def test_arguments_of_fit_are_not_kept() -> None:
    regressor = SKLearnRegressor(sequence_model(), fit_kwargs={**PLAIN, "epochs": 2})
    assert regressor.fit(SEQUENCES, VALUES, epochs=3).epoch_ == 3
    assert regressor.fit_kwargs == {**PLAIN, "epochs": 2}


def test_warm_start_goes_on() -> None:
    model = sequence_model()
    regressor = SKLearnRegressor(model, warm_start=True, fit_kwargs=PLAIN)
    assert regressor.fit(SEQUENCES, VALUES).model_ is model
    assert regressor.fit(SEQUENCES, VALUES).model_ is model
    assert model.optimizer.iterations == 2

    built = SKLearnRegressor(lambda **_: sequence_model(), warm_start=True, fit_kwargs=PLAIN)
    first = built.fit(SEQUENCES, VALUES).model_
    assert built.fit(SEQUENCES, VALUES).model_ is first


def test_fitted_estimators_are_pickled() -> None:
    regressor = SKLearnRegressor(sequence_model(), fit_kwargs=PLAIN).fit(SEQUENCES, VALUES)
    again = pickle.loads(pickle.dumps(regressor))
    assert np.array_equal(again.predict(SEQUENCES), regressor.predict(SEQUENCES))


def test_metadata_routing() -> None:
    regressor = SKLearnRegressor(sequence_model(), fit_kwargs=PLAIN)
    with pytest.raises(
        RuntimeError, match=r"SKLearnRegressor\.set_fit_request is only there after"
    ):
        regressor.set_fit_request(sample_weight=True)
    with sklearn.config_context(enable_metadata_routing=True):
        asking = regressor.set_fit_request(sample_weight=True)
        weights = np.zeros(N)
        scores = cross_val_score(asking, SEQUENCES, VALUES, cv=2, params={"sample_weight": weights})
    assert len(scores) == 2


@pytest.mark.parametrize(
    ("run", "error", "message"),
    [
        (
            lambda: SKLearnRegressor(rnnext.Sequential([rnnext.layers.Dense(1)], name="m")).fit(
                FLAT, VALUES
            ),
            UnsupportedError,
            "layer 'm' (Sequential) must be compiled with a loss and an optimizer; it is",
        ),
        (
            lambda: SKLearnRegressor(sequence_model()).predict(SEQUENCES),
            NotFittedError,
            "This SKLearnRegressor instance is not fitted yet.",
        ),
        (
            lambda: (
                SKLearnClassifier(sequence_model(C))
                .fit(SEQUENCES, CLASSES % 2, epochs=0)
                .predict(SEQUENCES)
            ),
            ShapeError,
            "must return (N, 2), a column for each class; it returned (24, 3).",
        ),
        (
            lambda: (
                SKLearnRegressor(sequence_model(2))
                .fit(SEQUENCES, VALUES, epochs=0)
                .predict(SEQUENCES)
            ),
            ShapeError,
            "y of fit had one value for each sample, shape (N,), and layer",
        ),
    ],
)
def test_messages(run: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        run()


def dense(X: Any, y: Any, loss: str, activation: str | None = "softmax") -> rnnext.Model:
    rnnext.set_random_seed(0)  # several checks compare two estimators
    layers = rnnext.layers
    outputs = y.shape[1]
    hidden = [layers.Dense(20, activation="relu") for _ in range(3)]
    model = rnnext.Sequential([layers.Input(X.shape[1:]), *hidden, layers.Dense(outputs)])
    if activation:
        model.add(layers.Activation(activation))
    model.compile(rnnext.optimizers.RMSprop(0.01), loss)
    return model


# What scikit-learn asks of estimators that Keras's own do not hold either, and of these.
_NOT_HELD = {
    "SKLearnClassifier": {
        "check_classifiers_classes": "decision_function returns (N, 2) of two classes, as Keras's",
        "check_classifiers_train": "decision_function returns probabilities or logits",
    },
    "SKLearnRegressor": {"check_regressor_multioutput": "outputs are float32"},
    "SKLearnTransformer": {},
}


ESTIMATORS = [
    SKLearnClassifier(
        dense,
        model_kwargs={"loss": "categorical_crossentropy"},
        fit_kwargs={"epochs": 10, "verbose": 0},
    ),
    SKLearnRegressor(
        dense, model_kwargs={"loss": "mse", "activation": None}, fit_kwargs={"verbose": 0}
    ),
    SKLearnTransformer(
        dense, model_kwargs={"loss": "mse", "activation": None}, fit_kwargs={"verbose": 0}
    ),
]


def name_of(parameter: Any) -> str:
    """The same in every process: scikit-learn's own names hold addresses."""
    if isinstance(parameter, functools.partial):
        return "-".join([parameter.func.__name__, *map(str, parameter.keywords.values())])
    return getattr(parameter, "__name__", type(parameter).__name__)


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        case
        for estimator in ESTIMATORS
        for case in estimator_checks_generator(
            estimator, expected_failed_checks=_NOT_HELD[type(estimator).__name__], mark="xfail"
        )
    ],
    ids=name_of,
)
def test_scikit_learn_s_own_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)
