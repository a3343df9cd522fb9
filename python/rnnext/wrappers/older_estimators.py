"""Keras 2's estimators of scikit-learn: `KerasClassifier` and `KerasRegressor`.

They have the methods that scikit-learn calls and work without it, too.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import RnnextError, ShapeError, UnsupportedError
from rnnext.models import Model
from rnnext.models.older_methods import OlderEvaluateOptions, OlderFitOptions
from rnnext.naming import did_you_mean
from rnnext.packages import load_package
from rnnext.utils import to_categorical

if TYPE_CHECKING:
    from typing_extensions import Self

    from rnnext.callbacks import History

__all__ = ["BaseWrapper", "KerasClassifier", "KerasRegressor"]

# What these methods of a model take beside what is in their signatures.
_OLDER: dict[Callable[..., Any], Any] = {
    Model.fit: OlderFitOptions,
    Model.evaluate: OlderEvaluateOptions,
}
_METHODS = (Model.fit, Model.predict, Model.evaluate)


class BaseWrapper:
    """What `KerasClassifier` and `KerasRegressor` share.

    Args:
        build_fn: A function, or another callable, that returns a compiled model. None: the class
            has a method `__call__` that does.
        **sk_params: Arguments of `build_fn`, and of the model's `fit`, `predict` and `evaluate`.

    Attributes:
        model: The model of the last `fit`.

    Raises:
        UnsupportedError: If neither `build_fn` nor one of these methods has such an argument, or
            there is no `build_fn`.
    """

    _estimator_type: str
    model: Any

    def __init__(self, build_fn: Callable[..., Any] | None = None, **sk_params: Any) -> None:
        self.build_fn = build_fn
        self.sk_params = sk_params
        if build_fn is None and "model" in sk_params:
            raise UnsupportedError(
                f"{type(self).__name__}: model is not a legal parameter: it is SciKeras's name of "
                "build_fn."
            )
        self.check_params(sk_params)

    # What scikit-learn asks ----------------------------------------------------------------------

    def __sklearn_tags__(self) -> Any:
        utils = load_package("sklearn.utils", type(self).__name__, "'rnnext[sklearn]'")
        kind = self._estimator_type
        return utils.Tags(
            estimator_type=kind,
            target_tags=utils.TargetTags(required=True),
            classifier_tags=utils.ClassifierTags() if kind == "classifier" else None,
            regressor_tags=utils.RegressorTags() if kind == "regressor" else None,
            input_tags=utils.InputTags(three_d_array=True),
            non_deterministic=True,
        )

    def __sklearn_is_fitted__(self) -> bool:
        return getattr(self, "model", None) is not None

    def check_params(self, params: Mapping[str, Any]) -> None:
        """Checks the names of parameters.

        Args:
            params: Parameters by name.

        Raises:
            UnsupportedError: If one is an argument of neither `build_fn` nor of the model's `fit`,
                `predict` and `evaluate`.
        """
        own = _arguments(self._builder())
        of_methods = [name for method in _METHODS for name in _arguments(method)]
        for name in params:
            if name not in own and name not in of_methods:
                legal = [*own, *dict.fromkeys(of_methods)]
                raise UnsupportedError(
                    f"{type(self).__name__}: {name} is not a legal parameter; build_fn takes {own}"
                    ", and the others are the arguments of fit, predict and evaluate."
                    + did_you_mean([name], legal)
                )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Returns the parameters by name, `build_fn` among them.

        Args:
            deep: Changes nothing; scikit-learn passes it.
        """
        del deep
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> Self:
        """Sets parameters.

        Args:
            **params: Parameters by name.

        Returns:
            The estimator.

        Raises:
            UnsupportedError: As `check_params`.
        """
        before = self.build_fn
        self.build_fn = params.pop("build_fn", before)
        try:
            self.check_params(params)
        except RnnextError:
            self.build_fn = before
            raise
        self.sk_params.update(params)
        return self

    def filter_sk_params(
        self, fn: Callable[..., Any], override: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Returns the parameters that are arguments of a function.

        Args:
            fn: The function.
            override: Arguments that come before the parameters; all are returned.

        Example:
            >>> from rnnext.wrappers.scikit_learn import KerasRegressor
            >>> def build(units=4):
            ...     ...
            >>> KerasRegressor(build, units=8, epochs=2).filter_sk_params(build)
            {'units': 8}
        """
        accepted = _arguments(fn)
        found = {name: value for name, value in self.sk_params.items() if name in accepted}
        return {**found, **(override or {})}

    # What the estimators do ----------------------------------------------------------------------

    def fit(self, x: Any, y: Any, **kwargs: Any) -> History:
        """Makes a model by `build_fn` and trains it.

        Args:
            x: Inputs (N, ...).
            y: Targets (N,) or (N, outputs).
            **kwargs: Arguments of `Model.fit`; they come before those of the constructor.

        Returns:
            The `History`, as in Keras 2; not the estimator.

        Raises:
            RnnextError: As `Model.fit`.
        """
        self.model = self._build()
        options = copy.deepcopy(self.filter_sk_params(Model.fit))
        history: History = self.model.fit(x, self._targets(y), **{**options, **kwargs})
        return history

    def _build(self) -> Any:
        build = self._builder()
        if isinstance(build, Model):
            came = f"received {build.label}"
        else:
            model = build(**self.filter_sk_params(build))
            if isinstance(model, Model):
                return model
            came = f"it returned {model!r}"
        raise UnsupportedError(
            f"{type(self).__name__}: build_fn must be a function that returns a compiled model; "
            f"{came}."
        )

    def _builder(self) -> Callable[..., Any]:
        build = self if self.build_fn is None else self.build_fn
        if not callable(build):
            raise UnsupportedError(
                f"{type(self).__name__}: build_fn must be a function that returns a compiled model,"
                f" or None for a class with a method __call__; received {self.build_fn!r}."
            )
        return build

    def _fitted(self) -> Any:
        if not self.__sklearn_is_fitted__():
            raise RnnextError(f"{type(self).__name__}: call fit first; there is no model yet.")
        return self.model

    def _targets(self, y: Any) -> Any:
        """Targets as the loss takes them: categorical_crossentropy, a column for each class."""
        loss = self.model.loss
        name = getattr(loss, "__name__", None) or getattr(loss, "name", loss)
        if name != "categorical_crossentropy" or np.ndim(y) == 2:
            return y
        return to_categorical(y, getattr(self, "n_classes_", None))


class KerasClassifier(BaseWrapper):
    """A model as scikit-learn's classifier, with the methods of Keras 2.

    Args:
        build_fn: A function, or another callable, that returns a compiled model. None: the class
            has a method `__call__` that does.
        **sk_params: Arguments of `build_fn`, and of the model's `fit`, `predict` and `evaluate`:
            `epochs=10`, `batch_size=32`, `verbose=0`. `GridSearchCV` tries values of all of them.

    Attributes:
        model: The model of the last `fit`.
        classes_: The classes (C,), in order.
        n_classes_: Their number.

    Raises:
        UnsupportedError: If neither `build_fn` nor one of these methods has such an argument.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import LSTM, Dense, Input
        >>> from rnnext.models import Sequential
        >>> from rnnext.wrappers.scikit_learn import KerasClassifier
        >>> def build(units=4):
        ...     model = Sequential([Input((5, 3)), LSTM(units), Dense(1, activation="sigmoid")])
        ...     model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        ...     return model
        >>> x, y = np.ones((6, 5, 3)), np.array(["down", "up"] * 3)
        >>> classifier = KerasClassifier(build, units=8, epochs=2, verbose=0)
        >>> len(classifier.fit(x, y).history["loss"])
        2
        >>> classifier.predict(x).shape, classifier.predict_proba(x).shape
        ((6, 1), (6, 2))
        >>> classifier.score(x, y)
        0.5
    """

    _estimator_type = "classifier"
    classes_: NDArray[Any]
    n_classes_: int

    def fit(self, x: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> History:
        """Makes a model by `build_fn` and trains it.

        Args:
            x: Inputs (N, ...).
            y: Classes (N,) or (N, 1), of any kind that sorts; or (N, C), one column for each class.
            sample_weight: Weights (N,) of samples.
            **kwargs: Arguments of `Model.fit`; they come before those of the constructor.

        Returns:
            The `History`, as in Keras 2; not the estimator.

        Raises:
            ShapeError: If `y` has another shape.
        """
        y = np.array(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        elif y.ndim == 1 or y.ndim == 2:
            self.classes_ = np.unique(y)
            y = np.searchsorted(self.classes_, y)
        else:
            raise ShapeError(
                f"KerasClassifier: Invalid shape for y: {y.shape}; accepted are (N,), (N, 1) and "
                "(N, classes)."
            )
        self.n_classes_ = len(self.classes_)
        if sample_weight is not None:
            kwargs["sample_weight"] = sample_weight
        return super().fit(x, y, **kwargs)

    def predict(self, x: Any, **kwargs: Any) -> NDArray[Any]:
        """Predicts classes.

        Args:
            x: Inputs (N, ...).
            **kwargs: Arguments of `Model.predict`.

        Returns:
            Values of `classes_`: (N,) for a model with several outputs; for one with a single
            output (N, 1), as in Keras 2.

        Raises:
            RnnextError: If `fit` was not called.
        """
        outputs = self._outputs(x, kwargs)
        several = outputs.shape[-1] > 1
        indices = outputs.argmax(axis=-1) if several else (outputs > 0.5).astype(np.int32)
        classes: NDArray[Any] = self.classes_[indices]
        return classes

    def predict_proba(self, x: Any, **kwargs: Any) -> NDArray[Any]:
        """Predicts probabilities of the classes.

        Args:
            x: Inputs (N, ...).
            **kwargs: Arguments of `Model.predict`.

        Returns:
            The outputs (N, C) of the model; for a single output p, the columns 1 - p and p.

        Raises:
            RnnextError: If `fit` was not called.
        """
        outputs = self._outputs(x, kwargs)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Returns the accuracy that `Model.evaluate` computes.

        Args:
            x: Inputs (N, ...).
            y: Classes, as in `fit`.
            **kwargs: Arguments of `Model.evaluate`.

        Raises:
            RnnextError: If `fit` was not called, or the model has no accuracy.
        """
        model = self._fitted()
        y = self._targets(np.searchsorted(self.classes_, y))
        options = self.filter_sk_params(Model.evaluate, {**kwargs, "return_dict": True})
        results = model.evaluate(x, y, **options)
        for name in ("accuracy", "acc"):
            if name in results:
                return float(results[name])
        raise RnnextError(
            "KerasClassifier: The model is not configured to compute accuracy. You should pass "
            f'`metrics=["accuracy"]` to the `model.compile()` method; it computes {list(results)}.'
        )

    def _outputs(self, x: Any, options: Mapping[str, Any]) -> NDArray[Any]:
        return np.asarray(
            self._fitted().predict(x, **self.filter_sk_params(Model.predict, options))
        )


class KerasRegressor(BaseWrapper):
    """A model as scikit-learn's regressor, with the methods of Keras 2.

    Args:
        build_fn: A function, or another callable, that returns a compiled model. None: the class
            has a method `__call__` that does.
        **sk_params: Arguments of `build_fn`, and of the model's `fit`, `predict` and `evaluate`.

    Attributes:
        model: The model of the last `fit`.

    Raises:
        UnsupportedError: If neither `build_fn` nor one of these methods has such an argument.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import GRU, Dense, Input
        >>> from rnnext.models import Sequential
        >>> from rnnext.wrappers.scikit_learn import KerasRegressor
        >>> def build():
        ...     model = Sequential([Input((5, 3)), GRU(4), Dense(1)])
        ...     model.compile("adam", "mse")
        ...     return model
        >>> x, y = np.ones((6, 5, 3)), np.zeros(6)
        >>> regressor = KerasRegressor(build_fn=build, epochs=2, verbose=0)
        >>> history = regressor.fit(x, y)
        >>> regressor.predict(x).shape, regressor.score(x, y) <= 0
        ((6,), True)
    """

    _estimator_type = "regressor"

    def predict(self, x: Any, **kwargs: Any) -> NDArray[Any]:
        """Predicts.

        Args:
            x: Inputs (N, ...).
            **kwargs: Arguments of `Model.predict`.

        Returns:
            The outputs of the model without axes of size 1: (N,) for one output.

        Raises:
            RnnextError: If `fit` was not called.
        """
        options = self.filter_sk_params(Model.predict, kwargs)
        return np.squeeze(np.asarray(self._fitted().predict(x, **options)))

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Returns the loss with its sign changed, so that more is better.

        Args:
            x: Inputs (N, ...).
            y: Targets.
            **kwargs: Arguments of `Model.evaluate`.

        Raises:
            RnnextError: If `fit` was not called.
        """
        model = self._fitted()
        options = self.filter_sk_params(Model.evaluate, {**kwargs, "return_dict": True})
        return -float(model.evaluate(x, self._targets(y), **options)["loss"])


def _arguments(function: Callable[..., Any]) -> list[str]:
    """Names of the arguments of a function; `*args` and `**kwargs` are none."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    names = [p.name for p in parameters if p.kind not in variable and p.name != "self"]
    older = _OLDER.get(function)
    return names if older is None else [*names, *sorted(older.__optional_keys__)]
