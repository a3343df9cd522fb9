"""Keras 3's estimators of scikit-learn: `SKLearnClassifier` and its kin.

The module is imported without scikit-learn, too; then the constructors raise an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import ShapeError, UnsupportedError
from rnnext.models import Model, clone_model
from rnnext.packages import MissingPackageError, load_package

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]

_INSTALL = "'rnnext[sklearn]'"


def _base(name: str) -> Any:
    """A class that scikit-learn's estimators extend; an empty one where it is not installed."""
    try:
        return getattr(load_package("sklearn.base", "rnnext.wrappers", _INSTALL), name)
    except MissingPackageError:
        return type(name, (), {})


_BaseEstimator: Any = _base("BaseEstimator")
_ClassifierMixin: Any = _base("ClassifierMixin")
_RegressorMixin: Any = _base("RegressorMixin")
_TransformerMixin: Any = _base("TransformerMixin")


class SKLBase(_BaseEstimator):
    """What the three estimators share.

    Args:
        model: A compiled model, which each `fit` clones; or a function that takes the keyword
            arguments `X` and `y` and `model_kwargs`, and returns a compiled model.
        warm_start: Whether `fit` goes on with the model of the `fit` before: with `model` itself if
            it is a model.
        model_kwargs: More arguments of the function `model`.
        fit_kwargs: Arguments of `Model.fit`; those of the estimator's `fit` come before them.

    Attributes:
        model_: The fitted model.
        history_: The `History` of the last `fit`.

    Raises:
        MissingPackageError: If scikit-learn is not installed.
    """

    model_: Model
    history_: Any
    _has_one_output: bool
    _takes_several_outputs = True

    def __init__(
        self,
        model: Any,
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ) -> None:
        load_package("sklearn", type(self).__name__, _INSTALL)
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        tags.input_tags.three_d_array = True
        return tags

    @property
    def epoch_(self) -> int:
        """How many epochs the last `fit` took; 0 before the first one."""
        return len(self.history_.epoch) if hasattr(self, "history_") else 0

    def set_fit_request(self, **requests: bool | str | None) -> Self:
        """Says which metadata `fit` asks scikit-learn for, where its metadata routing is enabled.

        Args:
            **requests: True, False, None or another name, for each parameter of `fit`.

        Returns:
            The estimator.

        Raises:
            RuntimeError: If `sklearn.set_config(enable_metadata_routing=True)` was not called.
        """
        sklearn = load_package("sklearn", type(self).__name__, _INSTALL)
        if not sklearn.get_config().get("enable_metadata_routing", False):
            raise RuntimeError(
                f"{type(self).__name__}.set_fit_request is only there after "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        routing = load_package("sklearn.utils.metadata_routing", type(self).__name__, _INSTALL)
        request = getattr(self, "_metadata_request", None) or routing.MetadataRequest(owner=self)
        for parameter, alias in requests.items():
            request.fit.add_request(param=parameter, alias=alias)
        self._metadata_request = request
        return self

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Self:
        """Makes the model and trains it.

        Args:
            X: Inputs (N, F), or sequences (N, T, F).
            y: Targets (N,); of a regressor or a transformer also (N, outputs).
            **kwargs: Arguments of `Model.fit`.

        Returns:
            The estimator.

        Raises:
            ValueError: If scikit-learn refuses `X` or `y`.
            UnsupportedError: If the model is not compiled with a loss and an optimizer.
        """
        X, y = self._check(X, y, multi_output=self._takes_several_outputs)
        if y.ndim == 2 and y.shape[1] == 1:
            y = self._validation().column_or_1d(y, warn=True)  # as Keras, which takes no others
        y = self._encode(y)
        model = self._make_model(X, y)
        self.history_ = model.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Predicts.

        Args:
            X: Inputs (N, F), or sequences (N, T, F).

        Returns:
            What `y` of `fit` was like: (N,) or (N, outputs).

        Raises:
            sklearn.exceptions.NotFittedError: If `fit` was not called.
        """
        return self._decode(self._outputs(X))

    def _outputs(self, X: Any) -> NDArray[Any]:
        self._validation().check_is_fitted(self)
        return np.asarray(self.model_.predict(self._check(X, reset=False)))

    def _check(self, *data: Any, **options: Any) -> Any:
        """Data as arrays, after scikit-learn's checks; unlike in Keras, X may be sequences."""
        return self._validation().validate_data(self, *data, allow_nd=True, **options)

    def _validation(self) -> Any:
        return load_package("sklearn.utils.validation", type(self).__name__, _INSTALL)

    def _make_model(self, X: NDArray[Any], y: NDArray[Any]) -> Model:
        model: Model
        if isinstance(self.model, Model):
            model = self.model if self.warm_start else clone_model(self.model)
        elif self.warm_start and hasattr(self, "model_"):
            model = self.model_
        else:
            model = self.model(X=X, y=y, **(self.model_kwargs or {}))
        if not model.compiled or not model.loss or not model.optimizer:
            raise UnsupportedError(
                f"{type(self).__name__}: {model.label} must be compiled with a loss and an "
                f"optimizer; it is compiled with loss={model.loss!r} and "
                f"optimizer={model.optimizer!r}."
            )
        return model

    def _kind_of_target(self, y: NDArray[Any]) -> str:
        multiclass = load_package("sklearn.utils.multiclass", type(self).__name__, _INSTALL)
        kind: str = multiclass.type_of_target(y)
        if kind == "unknown":
            raise UnsupportedError(f"Unknown label type for data: {y!r}.")
        return kind

    def _encode(self, y: NDArray[Any]) -> NDArray[Any]:
        """The targets that the model is given."""
        self._kind_of_target(y)
        self._has_one_output = y.ndim == 1
        return y.reshape(-1, 1) if self._has_one_output else y

    def _decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Outputs of the model in the form of `y`."""
        if not self._has_one_output or outputs.ndim != 2:
            return outputs
        if outputs.shape[1] != 1:
            raise ShapeError(
                f"{type(self).__name__}: y of fit had one value for each sample, shape (N,), and "
                f"{self.model_.label} returns {outputs.shape[1]}; it must return one."
            )
        return outputs[:, 0]


class SKLearnClassifier(_ClassifierMixin, SKLBase):
    """A model as scikit-learn's classifier.

    The model is trained on targets (N, C), 1 in the column of the sample's class: compile it with
    "categorical_crossentropy", and let it return (N, C).

    Args:
        model: A compiled model, which each `fit` clones; or a function that takes the keyword
            arguments `X` and `y`, the encoded targets, and `model_kwargs`, and returns a compiled
            model.
        warm_start: Whether `fit` goes on with the model of the `fit` before: with `model` itself if
            it is a model.
        model_kwargs: More arguments of the function `model`.
        fit_kwargs: Arguments of `Model.fit`; those of the estimator's `fit` come before them.

    Attributes:
        model_: The fitted model.
        history_: The `History` of the last `fit`.
        classes_: The classes (C,), in order.

    Raises:
        MissingPackageError: If scikit-learn is not installed.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import LSTM, Dense, Input
        >>> from rnnext.models import Sequential
        >>> from rnnext.wrappers import SKLearnClassifier
        >>> def build(X, y, units=4):
        ...     head = Dense(y.shape[1], activation="softmax")
        ...     model = Sequential([Input(X.shape[1:]), LSTM(units), head])
        ...     model.compile("adam", "categorical_crossentropy")
        ...     return model
        >>> X, y = np.ones((6, 5, 3)), np.array(["down", "up"] * 3)
        >>> classifier = SKLearnClassifier(build, model_kwargs={"units": 8})
        >>> classifier = classifier.fit(X, y, epochs=2, verbose=0)
        >>> classifier.classes_, classifier.predict(X).shape
        (array(['down', 'up'], dtype='<U4'), (6,))
    """

    classes_: NDArray[Any]
    _takes_several_outputs = False

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Returns the outputs of the model.

        Args:
            X: Inputs (N, F), or sequences (N, T, F).

        Returns:
            NumPy array (N, C).

        Raises:
            sklearn.exceptions.NotFittedError: If `fit` was not called.
        """
        return self._outputs(X)

    def _encode(self, y: NDArray[Any]) -> NDArray[Any]:
        kind = self._kind_of_target(y)
        if kind not in ("binary", "multiclass"):
            raise UnsupportedError(
                "Only binary and multiclass target types are supported. Target type: " + kind + "."
            )
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise UnsupportedError("Classifier can't train when only one class is present.")
        encoded: NDArray[Any] = np.eye(len(self.classes_))[codes]
        return encoded

    def _decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        if outputs.ndim != 2 or outputs.shape[1] != len(self.classes_):
            raise ShapeError(
                f"SKLearnClassifier: {self.model_.label} must return (N, {len(self.classes_)}), a "
                f"column for each class; it returned {outputs.shape}."
            )
        chosen: NDArray[Any] = self.classes_[outputs.argmax(axis=1)]
        return chosen

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(_RegressorMixin, SKLBase):
    """A model as scikit-learn's regressor.

    Args:
        model: A compiled model, which each `fit` clones; or a function that takes the keyword
            arguments `X` and `y`, the targets (N, outputs), and `model_kwargs`, and returns a
            compiled model.
        warm_start: Whether `fit` goes on with the model of the `fit` before: with `model` itself if
            it is a model.
        model_kwargs: More arguments of the function `model`.
        fit_kwargs: Arguments of `Model.fit`; those of the estimator's `fit` come before them.

    Attributes:
        model_: The fitted model.
        history_: The `History` of the last `fit`.

    Raises:
        MissingPackageError: If scikit-learn is not installed.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import GRU, Dense, Input
        >>> from rnnext.models import Sequential
        >>> from rnnext.wrappers import SKLearnRegressor
        >>> model = Sequential([Input((5, 3)), GRU(4), Dense(1)])
        >>> model.compile("adam", "mse")
        >>> X, y = np.ones((6, 5, 3)), np.arange(6)
        >>> SKLearnRegressor(model).fit(X, y, verbose=0).predict(X).shape
        (6,)
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        tags.target_tags.multi_output = True
        return tags


class SKLearnTransformer(_TransformerMixin, SKLBase):
    """A model as scikit-learn's transformer, whose `transform` returns the model's outputs.

    Args:
        model: A compiled model, which each `fit` clones; or a function that takes the keyword
            arguments `X` and `y`, the targets (N, outputs), and `model_kwargs`, and returns a
            compiled model.
        warm_start: Whether `fit` goes on with the model of the `fit` before: with `model` itself if
            it is a model.
        model_kwargs: More arguments of the function `model`.
        fit_kwargs: Arguments of `Model.fit`; those of the estimator's `fit` come before them.

    Attributes:
        model_: The fitted model.
        history_: The `History` of the last `fit`.

    Raises:
        MissingPackageError: If scikit-learn is not installed.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import GRU, Input
        >>> from rnnext.models import Sequential
        >>> from rnnext.wrappers import SKLearnTransformer
        >>> model = Sequential([Input((5, 3)), GRU(4)])
        >>> model.compile("adam", "mse")
        >>> X = np.ones((6, 5, 3))
        >>> SKLearnTransformer(model).fit(X, np.zeros((6, 4)), verbose=0).transform(X).shape
        (6, 4)
    """

    def transform(self, X: Any) -> NDArray[Any]:
        """Returns the outputs of the model.

        Args:
            X: Inputs (N, F), or sequences (N, T, F).

        Returns:
            NumPy array (N, ...).

        Raises:
            sklearn.exceptions.NotFittedError: If `fit` was not called.
        """
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        tags.target_tags.multi_output = True
        return tags
