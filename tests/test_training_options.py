"""Regularizers and constraints: what layers keep for training, beside Keras's."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext import constraints, layers, regularizers
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.recording import Recording

W = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)

OPTIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("regularizers", "L1", {}),
    ("regularizers", "l2", {"l2": 0.5}),
    ("regularizers", "L1L2", {"l1": 0.1, "l2": 0.2}),
    ("regularizers", "l1_l2", {"l2": 1}),
    ("regularizers", "OrthogonalRegularizer", {}),
    ("regularizers", "OrthogonalRegularizer", {"factor": 0.3, "mode": "columns"}),
    ("constraints", "MaxNorm", {}),
    ("constraints", "max_norm", {"max_value": 0.5, "axis": 1}),
    ("constraints", "MaxNorm", {"max_value": 0.5, "axis": [0, 1]}),
    ("constraints", "MinMaxNorm", {"min_value": 1.5, "max_value": 1.8, "rate": 0.7}),
    ("constraints", "NonNeg", {}),
    ("constraints", "unit_norm", {"axis": 1}),
]


def near(config: dict[str, Any]) -> dict[str, Any]:
    """Keras rounds some factors to float32."""
    return {k: pytest.approx(v) if type(v) is float else v for k, v in config.items()}


@pytest.mark.parametrize(("module", "name", "options"), OPTIONS)
def test_value_and_config_are_those_of_keras(
    module: str, name: str, options: dict[str, Any], keras: ModuleType
) -> None:
    theirs = getattr(getattr(keras, module), name)(**options)
    ours = getattr(getattr(rnnext, module), name)(**options)
    np.testing.assert_allclose(
        ours(W), np.asarray(theirs(keras.ops.convert_to_tensor(W))), rtol=1e-5
    )
    assert ours.get_config() == near(theirs.get_config())
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()


@pytest.mark.parametrize(
    ("layer", "options"),
    [
        ("LSTM", {"kernel_regularizer": "l2", "recurrent_constraint": "max_norm"}),
        ("GRU", {"activity_regularizer": "l1", "bias_regularizer": "L1L2"}),
        ("Dense", {"kernel_regularizer": "l1l2", "bias_constraint": "non_neg"}),
        ("Conv1D", {"kernel_regularizer": "orthogonal_regularizer", "kernel_constraint": "NonNeg"}),
        ("Embedding", {"embeddings_constraint": "unit_norm", "embeddings_regularizer": "l2"}),
        ("BatchNormalization", {"gamma_constraint": "min_max_norm", "beta_regularizer": "l1"}),
    ],
)
def test_names_in_the_config_of_a_layer(
    layer: str, options: dict[str, Any], keras: ModuleType
) -> None:
    sizes = {"Conv1D": (2, 3), "Embedding": (5, 2), "BatchNormalization": ()}.get(layer, (2,))
    ours = getattr(layers, layer)(*sizes, **options).get_config()
    theirs = getattr(keras.layers, layer)(*sizes, **options).get_config()
    for option in options:
        assert ours[option] == {**theirs[option], "config": near(theirs[option]["config"])}
    assert getattr(layers, layer).from_config(ours).get_config() == ours


@pytest.mark.parametrize("layer", ["LSTM", "SimpleRNNCell", "Dense", "ConvLSTM1D", "Conv2D"])
@pytest.mark.parametrize("option", ["kernel_regularizer", "kernel_constraint"])
@pytest.mark.parametrize("value", ["nonsense", 3])
def test_refused_at_construction(layer: str, option: str, value: Any) -> None:
    sizes = (2, 3) if "Conv" in layer else (2,)
    with pytest.raises(UnsupportedError, match=rf"{option[7:]} {value!r} is not known; accepted"):
        getattr(layers, layer)(*sizes, **{option: value})


def test_a_class_that_only_the_user_has_is_kept() -> None:
    config = {"class_name": "Mine", "config": {"a": 1}, "module": "m", "registered_name": "Mine"}
    layer = layers.Dense(2, kernel_regularizer=config)
    assert layer.get_config()["kernel_regularizer"] == config


def test_bad_arguments() -> None:
    with pytest.raises(UnsupportedError, match="l2 must be a number, received 'a'"):
        regularizers.L2("a")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedError, match="mode must be 'rows' or 'columns', received 'x'"):
        regularizers.OrthogonalRegularizer(mode="x")
    with pytest.raises(ShapeError, match=r"two axes, received \(3,\)"):
        regularizers.OrthogonalRegularizer()(np.ones(3))
    assert constraints.get(None) is None


@pytest.mark.parametrize(("name", "arguments"), [c[1:] for c in OPTIONS if c[0] == "regularizers"])
def test_gradients_of_penalties_are_those_of_tensorflow(
    name: str, arguments: dict[str, Any], keras: ModuleType
) -> None:
    import tensorflow as tf

    weight = np.random.default_rng(5).normal(size=(4, 6)).astype("float32")
    weight[2, :3] = 0
    weight[3] = 0  # a row without a direction
    variable = tf.Variable(weight)
    with tf.GradientTape() as tape:
        penalty = getattr(keras.regularizers, name)(**arguments)(variable)
    found = getattr(regularizers, name)(**arguments).gradient(weight)
    assert found.dtype == np.float32
    expected = np.asarray(tape.gradient(penalty, variable))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_a_regularizer_without_a_gradient_is_traced() -> None:
    class Mine(regularizers.Regularizer):
        def __call__(self, x: Any) -> Any:
            return 0.5 * np.sum(np.square(x)) + abs(x[0])

    np.testing.assert_allclose(Mine().gradient([3.0, -2.0]), [4.0, -2.0])

    class Singular(regularizers.Regularizer):
        def __call__(self, x: Any) -> Any:
            return np.linalg.svd(x)[1].sum()

    with pytest.raises(UnsupportedError, match=r"svd has no gradient rule"):
        Singular().gradient([[1.0]])


@pytest.mark.parametrize("regularizer", ["l2", "L1L2"])  # L1L2() has both factors 0
@pytest.mark.parametrize("optimizer", ["Adam", "Adagrad", "RMSprop"])
def test_a_regularized_embedding_is_trained_as_in_keras(
    regularizer: str, optimizer: str, keras: ModuleType
) -> None:
    """Its gradient is that of a whole matrix, or of rows if nothing is added to the loss."""
    ids = np.array([[0, 1, 1], [2, 1, 0]])
    start = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")

    def trained(library: Any) -> Any:
        table = library.layers.Embedding(4, 2, embeddings_regularizer=regularizer)
        model = library.Sequential([library.layers.Input((3,), dtype="int32"), table])
        model.set_weights([start])
        model.compile(getattr(library.optimizers, optimizer)(0.05), "mse")
        for _ in range(3):
            model.train_on_batch(ids, np.ones((2, 3, 2), "float32"))
        return model.get_weights()[0]

    np.testing.assert_allclose(trained(rnnext), trained(keras), rtol=1e-5)


def test_the_gradient_of_a_zero_vector_of_length_one() -> None:
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    outputs, pullback = layers.UnitNormalization(dtype="float64").record(
        Recording(training=True), x
    )
    (gradient,) = pullback([np.ones_like(outputs)])
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(gradient[1], [0.2 - 21 / 125, 0.2 - 28 / 125])
