"""Keras 2's estimators of scikit-learn, beside models of live Keras that are trained by hand.

No Keras of today has them; what they do was read in Keras 2.
"""

from __future__ import annotations

import copy
import functools
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from numpy.typing import NDArray

import rnnext
from rnnext.callbacks import EarlyStopping
from rnnext.errors import RnnextError, ShapeError, UnsupportedError
from rnnext.keras.wrappers.scikit_learn import BaseWrapper, KerasClassifier, KerasRegressor

keras = load_keras()
Array = NDArray[Any]
N, T, F, C = 24, 5, 3, 3

RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, T, F))
CLASSES = np.arange(N) % C
NAMES = np.array(["down", "same", "up"])[CLASSES]
SIGNS = np.array(["no", "yes"])[(X[:, -1, 0] > 0).astype(int)]
VALUES = X[:, :, 0].sum(axis=1)
PLAIN: dict[str, Any] = {"shuffle": False, "verbose": 0}  # batches in order


def recurrent(
    k: Any = rnnext,
    units: int = 4,
    outputs: int = C,
    activation: str | None = "softmax",
    loss: Any = "categorical_crossentropy",
    metrics: tuple[str, ...] = ("accuracy",),
    name: str | None = None,
) -> Any:
    """A compiled model with the same weights in both packages."""
    head = k.layers.Dense(outputs, activation=activation)
    model = k.Sequential([k.layers.Input((T, F)), k.layers.LSTM(units), head], name=name)
    model.compile(k.optimizers.Adam(0.05), loss, metrics=list(metrics))
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(-0.5, 0.5, w.shape) for w in model.get_weights()])
    return model


BINARY = {"outputs": 1, "activation": "sigmoid", "loss": "binary_crossentropy"}
REGRESSION: dict[str, Any] = {"outputs": 1, "activation": None, "loss": "mse", "metrics": ("mae",)}


def of_keras(x: Array, y: Array, epochs: int, batch_size: int = 32, **options: Any) -> Any:
    model = recurrent(keras, **options)
    model.fit(x, y, epochs=epochs, batch_size=batch_size, **PLAIN)
    return model


def one_hot(codes: Array) -> Array:
    return np.eye(C)[codes]


# Beside Keras -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "options", "target"),
    [
        (NAMES, {}, one_hot(CLASSES)),
        (one_hot(CLASSES), {}, one_hot(CLASSES)),
        (CLASSES[:, None], {"loss": "sparse_categorical_crossentropy"}, CLASSES[:, None]),
        (SIGNS, BINARY, (SIGNS == "yes").astype(int)),
    ],
    ids=["names", "one-hot", "sparse", "binary"],
)
def test_a_classifier(y: Array, options: dict[str, Any], target: Array) -> None:
    classifier = KerasClassifier(recurrent, epochs=3, batch_size=8, **PLAIN, **options)
    history = classifier.fit(X, y)
    model = of_keras(X, target, 3, 8, **options)
    np.testing.assert_allclose(history.history["loss"], model.history.history["loss"], rtol=1e-5)
    outputs = model.predict(X, verbose=0)
    single = outputs.shape[1] == 1
    expected = np.hstack([1 - outputs, outputs]) if single else outputs
    np.testing.assert_allclose(classifier.predict_proba(X), expected, atol=1e-6)
    chosen = classifier.classes_[(outputs > 0.5).astype(int) if single else outputs.argmax(1)]
    assert np.array_equal(classifier.predict(X), chosen)
    assert classifier.n_classes_ == len(classifier.classes_) == max(outputs.shape[1], 2)
    results = model.evaluate(X, target, verbose=0, return_dict=True)
    assert classifier.score(X, y) == pytest.approx(results["accuracy"])


def test_a_regressor() -> None:
    regressor = KerasRegressor(build_fn=recurrent, epochs=3, batch_size=8, **PLAIN, **REGRESSION)
    regressor.fit(X, VALUES)
    model = of_keras(X, VALUES, 3, 8, **REGRESSION)
    np.testing.assert_allclose(regressor.predict(X), model.predict(X, verbose=0)[:, 0], atol=1e-6)
    assert regressor.predict(X).shape == (N,)
    assert regressor.score(X, VALUES) == pytest.approx(
        -model.evaluate(X, VALUES, verbose=0)[0], rel=1e-5
    )


def test_arguments_of_a_call_come_before_the_parameters() -> None:
    classifier = KerasClassifier(recurrent, epochs=3, **PLAIN)
    assert len(classifier.fit(X, NAMES, epochs=2).epoch) == 2
    weights = np.linspace(0, 1, N)
    classifier.fit(X, NAMES, weights)
    model = recurrent(keras)
    model.fit(X, one_hot(CLASSES), sample_weight=weights, epochs=3, **PLAIN)
    np.testing.assert_allclose(classifier.predict_proba(X), model.predict(X, verbose=0), atol=1e-6)


# What makes the model ---------------------------------------------------------------------------


class Builder:
    def __call__(self, units: int = 4) -> Any:
        return recurrent(units=units)

    def build(self, units: int = 4) -> Any:
        return recurrent(units=units)


class OwnClassifier(KerasClassifier):
    def __call__(self, units: int = 4) -> Any:
        return recurrent(units=units)


@pytest.mark.parametrize(
    "make",
    [
        functools.partial(KerasClassifier, recurrent),
        functools.partial(KerasClassifier, Builder()),
        functools.partial(KerasClassifier, Builder().build),
        functools.partial(KerasClassifier, functools.partial(recurrent, outputs=C)),
        OwnClassifier,
    ],
    ids=["function", "object", "method", "partial", "own class"],
)
def test_what_may_build_the_model(make: Callable[..., Any]) -> None:
    classifier = make(units=7, verbose=0)
    classifier.fit(X, NAMES)
    assert classifier.model.layers[0].units == 7


def test_words_of_keras_1_and_2_are_parameters() -> None:
    classifier = KerasClassifier(recurrent, nb_epoch=3, workers=2, verbose=0)
    with pytest.warns(UserWarning, match="nb_epoch is called epochs"):
        assert len(classifier.fit(X, NAMES).epoch) == 3


def test_parameters() -> None:
    classifier = KerasClassifier(build_fn=recurrent, units=5, epochs=2)
    expected = {"units": 5, "epochs": 2, "build_fn": recurrent}
    assert classifier.get_params() == classifier.get_params(deep=False) == expected
    assert classifier.set_params(units=6, batch_size=8) is classifier
    assert classifier.sk_params == {"units": 6, "epochs": 2, "batch_size": 8}
    assert classifier.set_params(build_fn=len).build_fn is len
    assert classifier.sk_params["units"] == 6
    assert classifier.filter_sk_params(rnnext.Model.predict) == {"batch_size": 8}
    assert classifier.filter_sk_params(recurrent, {"outputs": 1}) == {"units": 6, "outputs": 1}


def without_accuracy() -> KerasClassifier:
    classifier = KerasClassifier(recurrent, metrics=("mae",), verbose=0)
    classifier.fit(X, NAMES)
    return classifier


@pytest.mark.parametrize(
    ("run", "error", "message"),
    [
        (
            lambda: KerasClassifier(recurrent, epoch=3),
            UnsupportedError,
            (
                "KerasClassifier: epoch is not a legal parameter; build_fn takes ['k', 'units', "
                "'outputs', 'activation', 'loss', 'metrics', 'name'], and the others are the "
                "arguments of fit, predict and evaluate. Did you mean 'epochs'?"
            ),
        ),
        (
            lambda: KerasRegressor(lambda **options: recurrent(**options), units=3),
            UnsupportedError,
            "KerasRegressor: units is not a legal parameter; build_fn takes []",
        ),
        (
            lambda: KerasClassifier(recurrent).set_params(unit=3),
            UnsupportedError,
            "unit is not a legal parameter",
        ),
        (
            lambda: KerasClassifier(epochs=3),
            UnsupportedError,
            (
                "KerasClassifier: build_fn must be a function that returns a compiled model, or "
                "None for a class with a method __call__; received None."
            ),
        ),
        (
            lambda: KerasRegressor(recurrent(name="m")).fit(X, VALUES),
            UnsupportedError,
            (
                "KerasRegressor: build_fn must be a function that returns a compiled model; "
                "received layer 'm' (Sequential)."
            ),
        ),
        (
            lambda: KerasRegressor(lambda: None).fit(X, VALUES),
            UnsupportedError,
            "build_fn must be a function that returns a compiled model; it returned None.",
        ),
        (
            lambda: KerasClassifier(model=recurrent),
            UnsupportedError,
            "KerasClassifier: model is not a legal parameter: it is SciKeras's name of build_fn.",
        ),
        (
            lambda: KerasClassifier(recurrent).fit(X, np.zeros((N, T, 2))),
            ShapeError,
            (
                "KerasClassifier: Invalid shape for y: (24, 5, 2); accepted are (N,), (N, 1) and "
                "(N, classes)."
            ),
        ),
        (
            lambda: KerasClassifier(recurrent).predict(X),
            RnnextError,
            "KerasClassifier: call fit first; there is no model yet.",
        ),
        (
            lambda: without_accuracy().score(X, NAMES),
            RnnextError,
            (
                "The model is not configured to compute accuracy. You should pass "
                "`metrics=[\"accuracy\"]` to the `model.compile()` method; it computes ['loss', "
                "'mae']."
            ),
        ),
    ],
)
def test_messages(run: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        run()


def test_a_parameter_that_is_refused_changes_nothing() -> None:
    classifier = KerasClassifier(recurrent, units=5)
    with pytest.raises(UnsupportedError, match="unit is not a legal"):
        classifier.set_params(build_fn=len, unit=3)
    assert (classifier.build_fn, classifier.sk_params) == (recurrent, {"units": 5})


def test_a_model_from_a_file_stands_in_for_fit() -> None:
    """As programs of Keras 2 write it."""
    model = recurrent(**REGRESSION)
    regressor = KerasRegressor(model)
    regressor.model = model
    assert np.array_equal(regressor.predict(X), model.predict(X)[:, 0])


class OwnConstructor(KerasClassifier):
    """As a program of Keras 2 wrote it: no model before fit, and a parameter of its own."""

    def __init__(self, classes: int, build_fn: Any = None, **options: Any) -> None:
        super().__init__(build_fn=build_fn, **options)
        self.model = None
        self.sk_params["outputs"] = classes

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        parameters = super().get_params(deep)
        return {**parameters, "classes": parameters.pop("outputs")}

    def fit(self, x: Any, y: Any, **options: Any) -> Any:
        self.n_classes_ = self.sk_params["outputs"]
        self.classes_ = np.arange(self.n_classes_)
        return BaseWrapper.fit(self, x, y, **options)


def test_a_class_with_its_own_constructor() -> None:
    classifier = OwnConstructor(C + 1, recurrent, verbose=0)
    with pytest.raises(RnnextError, match="OwnConstructor: call fit first"):
        classifier.predict(X)
    classifier.fit(X, CLASSES, epochs=2)
    assert classifier.predict_proba(X).shape == (N, C + 1)


def test_a_fitted_estimator_is_copied() -> None:
    classifier = KerasClassifier(recurrent, units=5, verbose=0)
    classifier.fit(X, NAMES)
    for again in (pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier)):
        assert again.get_params() == classifier.get_params()
        assert np.array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_it_needs_no_scikit_learn() -> None:
    """And the module says which package is missing where one is needed."""
    code = """
import sys
sys.modules["sklearn"] = sys.modules["sklearn.base"] = None
from rnnext.keras.wrappers import SKLearnClassifier
from rnnext.keras.wrappers.scikit_learn import KerasRegressor
from rnnext.layers import Dense
def build():
    model = rnnext.Sequential([Dense(1)])
    model.compile("sgd", "mse")
    return model
import rnnext
regressor = KerasRegressor(build, verbose=0)
regressor.fit([[1.0], [2.0]], [1.0, 2.0])
print(regressor.predict([[1.0], [2.0]]).shape)
try:
    SKLearnClassifier(build)
except ImportError as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "(2,)",
        (
            "MissingPackageError SKLearnClassifier needs sklearn, which is not installed: "
            "python3 -m pip install 'rnnext[sklearn]'"
        ),
    ]


def test_scikit_learn_is_imported_with_the_estimators_alone() -> None:
    code = """
import sys
import rnnext.keras.wrappers.scikit_learn
print("sklearn" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


# In scikit-learn ----------------------------------------------------------------------------------


@pytest.fixture
def selection() -> Any:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    return __import__("sklearn.model_selection").model_selection


def scores_of_keras(folds: Any, epochs: int, batch_size: int = 32, units: int = 4) -> list[float]:
    scores = []
    for train, test in folds.split(X, CLASSES):
        target = one_hot(CLASSES)
        model = of_keras(X[train], target[train], epochs, batch_size, units=units)
        results = model.evaluate(X[test], target[test], verbose=0, return_dict=True)
        scores.append(results["accuracy"])
    return scores


def test_cross_val_score(selection: Any) -> None:
    classifier = KerasClassifier(recurrent, epochs=3, batch_size=8, **PLAIN)
    folds = selection.KFold(3)
    found = selection.cross_val_score(classifier, X, NAMES, cv=folds)
    np.testing.assert_allclose(found, scores_of_keras(folds, 3, 8), atol=1e-6)
    stratified = selection.cross_val_score(classifier, X, NAMES, cv=3)
    expected = scores_of_keras(selection.StratifiedKFold(3), 3, 8)
    np.testing.assert_allclose(stratified, expected, atol=1e-6)


def test_cross_val_score_of_a_regressor(selection: Any) -> None:
    regressor = KerasRegressor(recurrent, epochs=2, **PLAIN, **REGRESSION)
    found = selection.cross_val_score(regressor, X, VALUES, cv=2)
    scores = []
    for train, test in selection.KFold(2).split(X):
        model = of_keras(X[train], VALUES[train], 2, **REGRESSION)
        scores.append(-model.evaluate(X[test], VALUES[test], verbose=0)[0])
    np.testing.assert_allclose(found, scores, rtol=1e-5)
    errors = selection.cross_val_score(regressor, X, VALUES, cv=2, scoring="neg_mean_squared_error")
    np.testing.assert_allclose(errors, scores, rtol=1e-5)


def test_grid_search(selection: Any) -> None:
    folds = selection.KFold(2)
    grid = [{"epochs": [1, 3]}, {"epochs": [2], "units": [6], "batch_size": [8]}]
    search = selection.GridSearchCV(KerasClassifier(recurrent, **PLAIN), grid, cv=folds)
    search.fit(X, NAMES)
    expected = [
        np.mean(scores_of_keras(folds, **parameters)) for parameters in search.cv_results_["params"]
    ]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], expected, atol=1e-6)
    assert search.best_score_ == pytest.approx(max(expected))
    assert search.best_estimator_.model.layers[0].units == search.best_params_.get("units", 4)
    assert search.predict(X).shape == (N,)


def test_a_search_in_processes_and_at_random(selection: Any) -> None:
    search = selection.RandomizedSearchCV(
        KerasClassifier(Builder(), verbose=0), {"units": [2, 3], "epochs": [1]}, n_iter=2, n_jobs=2
    )
    assert search.fit(X, NAMES).best_params_["units"] in (2, 3)


def test_pipeline(selection: Any) -> None:
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    steps = [
        ("scale", StandardScaler()),
        ("shape", FunctionTransformer(np.reshape, kw_args={"shape": (-1, T, F)})),
        ("net", KerasClassifier(recurrent, epochs=2, **PLAIN)),
    ]
    flat = X.reshape(N, -1)
    pipeline = Pipeline(steps).fit(flat, NAMES)
    scaled = StandardScaler().fit_transform(flat).reshape(N, T, F)
    model = of_keras(scaled, one_hot(CLASSES), 2)
    np.testing.assert_allclose(
        pipeline.predict_proba(flat), model.predict(scaled, verbose=0), atol=1e-6
    )
    found = selection.GridSearchCV(pipeline, {"net__epochs": [1, 4]}, cv=2).fit(flat, NAMES)
    assert found.best_params_["net__epochs"] in (1, 4)


def test_parameters_that_are_objects_are_cloned(selection: Any) -> None:
    """In Keras 2 scikit-learn refused such estimators."""
    from sklearn.base import clone, is_classifier, is_regressor

    stopping = EarlyStopping(monitor="loss", patience=1)
    classifier = KerasClassifier(recurrent, callbacks=[stopping], metrics=["acc"], verbose=0)
    copied = clone(classifier)
    assert copied.get_params()["callbacks"] is not classifier.get_params()["callbacks"]
    copied.fit(X, NAMES)
    assert 0 <= copied.score(X, NAMES) <= 1
    assert copied.predict(X).shape == (N,)  # Keras 2 hands the callbacks on to predict, too
    assert len(selection.cross_val_score(classifier, X, NAMES, cv=2)) == 2
    assert is_classifier(classifier)
    assert is_regressor(KerasRegressor(recurrent))


def test_scores_that_need_probabilities(selection: Any) -> None:
    classifier = KerasClassifier(recurrent, verbose=0, **BINARY)
    for scoring in ("roc_auc", "neg_log_loss", "accuracy", "f1_macro"):
        found = selection.cross_val_score(classifier, X, SIGNS, cv=2, scoring=scoring)
        assert np.isfinite(found).all()
    assert selection.cross_val_predict(classifier, X, SIGNS, cv=2).shape == (N, 1)


def test_an_ensemble(selection: Any) -> None:  # noqa: ARG001
    from sklearn.ensemble import VotingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    shape = FunctionTransformer(np.reshape, kw_args={"shape": (-1, T, F)})
    voters = [
        (f"net{units}", make_pipeline(shape, KerasClassifier(recurrent, units=units, verbose=0)))
        for units in (2, 3)
    ]
    ensemble = VotingClassifier(voters, voting="soft").fit(X.reshape(N, -1), NAMES)
    assert set(ensemble.predict(X.reshape(N, -1))) <= set(NAMES)


def test_the_base_class_is_public() -> None:
    assert issubclass(KerasClassifier, BaseWrapper)
    assert issubclass(KerasRegressor, BaseWrapper)
