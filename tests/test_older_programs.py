"""What programs of Keras 2 write and Keras 3 gave up: it does what Keras 3's own words do."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from numpy.typing import NDArray

import rnnext
from rnnext import errors, layers, optimizers
from rnnext.callbacks import ModelCheckpoint
from rnnext.errors import UnsupportedError

keras = load_keras()
Array = NDArray[Any]
N, T, F = 12, 5, 3

RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, T, F)).astype("float32")
CLASSES = RNG.integers(0, 3, N)
ONE = RNG.integers(0, 2, (N, 1)).astype("float32")


def classifier(k: Any, outputs: int = 3) -> Any:
    last = k.layers.Dense(outputs, activation="softmax" if outputs > 1 else "sigmoid")
    return k.Sequential([k.layers.Input((T, F)), k.layers.LSTM(4), last])


def twins(outputs: int = 3) -> tuple[Any, Any]:
    theirs, ours = classifier(keras, outputs), classifier(rnnext, outputs)
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def loss_of(outputs: int) -> str:
    return "sparse_categorical_crossentropy" if outputs > 1 else "binary_crossentropy"


def batches(x: Array, y: Array) -> Iterator[tuple[Array, Array]]:
    while True:
        for i in range(0, len(x), 4):
            yield x[i : i + 4], y[i : i + 4]


# Generators ---------------------------------------------------------------------------------------


def test_fit_generator_and_its_kin() -> None:
    theirs, ours = twins()
    for model in (theirs, ours):
        model.compile("adam", loss_of(3), metrics=["accuracy"])
    expected = theirs.fit(
        batches(X, CLASSES),
        shuffle=False,
        steps_per_epoch=3,
        epochs=2,
        validation_data=batches(X, CLASSES),
        validation_steps=2,
        verbose=0,
    )
    history = ours.fit_generator(
        batches(X, CLASSES),
        3,
        2,
        0,
        validation_data=batches(X, CLASSES),
        validation_steps=2,
        max_queue_size=5,
        workers=4,
        use_multiprocessing=True,
    )
    assert history.history.keys() == expected.history.keys()
    for name, values in expected.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5)
    np.testing.assert_allclose(
        ours.evaluate_generator(batches(X, CLASSES), 3, workers=2),
        theirs.evaluate(batches(X, CLASSES), steps=3, verbose=0),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        ours.predict_generator(batches(X, CLASSES), 3, workers=2),
        theirs.predict(batches(X, CLASSES), steps=3, verbose=0),
        rtol=1e-5,
    )


class Batches(rnnext.utils.Sequence):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        return X[4 * index : 4 * index + 4], CLASSES[4 * index : 4 * index + 4]


def test_fit_generator_of_a_sequence() -> None:
    _, ours = twins()
    ours.compile("adam", loss_of(3))
    start = ours.get_weights()
    losses = ours.fit_generator(Batches(), epochs=2, verbose=0, shuffle=False).history["loss"]
    ours.compile("adam", loss_of(3))
    ours.set_weights(start)
    expected = ours.fit(X, CLASSES, batch_size=4, epochs=2, verbose=0, shuffle=False)
    assert losses == expected.history["loss"]


@pytest.mark.parametrize("outputs", [3, 1])
def test_predict_classes_and_probabilities(outputs: int) -> None:
    theirs, ours = twins(outputs)
    outs = theirs.predict(X, verbose=0)
    expected = outs.argmax(axis=-1) if outputs > 1 else (outs > 0.5).astype("int32")
    received = ours.predict_classes(X, 4, 0)
    np.testing.assert_array_equal(received, expected)
    assert received.dtype == expected.dtype
    np.testing.assert_allclose(ours.predict_proba(X), outs, rtol=1e-5)
    assert not hasattr(rnnext.Model, "predict_classes")  # Keras 2 has it for Sequential alone


# Arguments ----------------------------------------------------------------------------------------


def test_arguments_of_queues_change_nothing() -> None:
    _, ours = twins()
    ours.compile("sgd", loss_of(3))
    older = {"workers": 3, "max_queue_size": 4, "use_multiprocessing": False}
    ours.fit(X, CLASSES, verbose=0, **older)
    ours.evaluate(X, CLASSES, verbose=0, **older)


def test_nb_epoch() -> None:
    _, ours = twins()
    ours.compile("sgd", loss_of(3))
    with pytest.warns(UserWarning, match=r"nb_epoch is called epochs since Keras 2\."):
        assert len(ours.fit(X, CLASSES, nb_epoch=3, verbose=0).epoch) == 3


@pytest.mark.parametrize("metric", ["acc", "mae", rnnext.metrics.MeanSquaredError(name="m")])
def test_one_metric_is_a_list_of_one(metric: Any) -> None:
    _, ours = twins(1)
    ours.compile("sgd", "mse", metrics=metric)
    name = metric if isinstance(metric, str) else metric.name
    assert ours.fit(X, ONE, verbose=0).history.keys() == {"loss", name}


def test_sample_weight_mode() -> None:
    _, ours = twins()
    ours.compile("sgd", loss_of(3), sample_weight_mode="temporal")
    assert ours.compiled


@pytest.mark.parametrize("name", ["Adam", "SGD", "RMSprop", "Nadam", "Adagrad"])
def test_lr(name: str) -> None:
    optimizer = getattr(optimizers, name)(lr=0.25)
    assert float(optimizer.learning_rate) == float(optimizer.lr) == 0.25
    assert optimizer.get_config()["learning_rate"] == 0.25


@pytest.mark.parametrize(
    "name", ["Adadelta", "Adagrad", "Adam", "Adamax", "Nadam", "RMSprop", "SGD"]
)
def test_optimizers_in_lower_case(name: str) -> None:
    """Also when the module that defines the class is imported: it has another name."""
    code = f"from rnnext.keras.optimizers import {name.lower()}"
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    assert namespace[name.lower()] is getattr(optimizers, name.lower()) is getattr(optimizers, name)


def test_reduction_auto() -> None:
    assert rnnext.losses.Reduction.NONE == "none"
    loss = rnnext.losses.MeanSquaredError(reduction=rnnext.losses.Reduction.AUTO)
    assert float(loss([[1.0]], [[3.0]])) == 4.0
    assert loss.get_config()["reduction"] == "sum_over_batch_size"


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: layers.LSTM(2, input_length=T, input_dim=F), (None, T, F)),
        (lambda: layers.GRU(2, input_dim=F), (None, None, F)),
        (lambda: layers.SimpleRNN(2, input_shape=(T, F), batch_size=4), (4, T, F)),
        (lambda: layers.LSTM(2, batch_input_shape=(4, T, F), batch_size=4), (4, T, F)),
        (lambda: layers.Dense(2, input_dim=F, batch_size=4), (4, F)),
    ],
)
def test_shape_of_a_first_layer(make: Callable[[], Any], shape: tuple[int | None, ...]) -> None:
    assert rnnext.Sequential([make()]).input_shape == shape


def test_batch_size_of_another_layer_is_ignored() -> None:
    model = rnnext.Sequential([layers.Input((T, F)), layers.LSTM(2, batch_size=4)])
    assert model.output_shape == (None, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.fit(X, CLASSES, epoch=2), r"fit\(\) has no arguments \['epoch'\]; accepted:"),
        (lambda m: m.fit(X, CLASSES, epoch=2), "Did you mean 'epochs'"),
        (lambda m: m.evaluate(X, CLASSES, nb_epoch=2), r"evaluate\(\) has no arguments \['nb_ep"),
        (lambda m: m.compile("sgd", "mse", metric=["acc"]), "Did you mean 'metrics'"),
        (lambda m: m.compile("sgd", "mse", metrics=3) or m.fit(X, ONE), "must be a metric, or a"),
        (lambda _: ModelCheckpoint("m.keras", periods=2), r"unknown arguments \['periods'\]"),
    ],
)
def test_what_no_keras_has(call: Callable[[Any], Any], message: str) -> None:
    _, ours = twins(1)
    ours.compile("sgd", "mse")
    with pytest.raises(UnsupportedError, match=message):
        call(ours)


# Files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".hdf5", ".h5", ".keras"])
@pytest.mark.filterwarnings("ignore:You are saving your model")
def test_checkpoints_have_the_endings_of_files(ending: str, tmp_path: Path) -> None:
    _, ours = twins()
    ours.compile("sgd", loss_of(3))
    files = [ModelCheckpoint(tmp_path / "sub" / f"{{epoch}}{ending}", period=2)]
    if ending != ".keras":
        files.append(ModelCheckpoint(tmp_path / f"w{ending}", save_weights_only=True))
    ours.fit(X, CLASSES, epochs=3, verbose=0, callbacks=files)
    assert [f.name for f in (tmp_path / "sub").iterdir()] == [f"2{ending}"]
    assert rnnext.load_model(tmp_path / "sub" / f"2{ending}").output_shape == (None, 3)
    if ending != ".keras":
        other = classifier(rnnext)
        other.load_weights(tmp_path / f"w{ending}")
        for a, b in zip(other.get_weights(), ours.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("ending", [".h5", ".hdf5"])
def test_a_folder_is_made_for_a_legacy_file(ending: str, tmp_path: Path) -> None:
    for model in twins():
        name = type(model).__module__.split(".")[0]
        model.save(tmp_path / name / "new" / f"m{ending}")
        assert (tmp_path / name / "new" / f"m{ending}").exists()


# Names --------------------------------------------------------------------------------------------

IMPORTS = [
    "from rnnext.keras.models import Model, Input, Sequential",
    "from rnnext.keras import objectives; assert objectives.mse is objectives.mean_squared_error",
    "from rnnext.keras.optimizers.legacy import Adam",
    "import rnnext as tf; assert tf.keras.optimizers.legacy.SGD is tf.keras.optimizers.SGD",
    "from rnnext.keras.backend.tensorflow_backend import set_session; set_session(None)",
    (
        "import rnnext.keras.backend as K; assert K.tensorflow_backend.zeros is K.zeros; "
        "assert K.tensorflow_backend._get_available_gpus() == []"
    ),
]


def test_names() -> None:
    """In a new process: a module that is imported becomes an attribute of its package."""
    subprocess.run([sys.executable, "-W", "error", "-c", "\n".join(IMPORTS)], check=True)


@pytest.mark.parametrize("name", ["Merge", "Recurrent", "TimeDistributedDense"])
def test_layers_of_keras_1(name: str) -> None:
    with pytest.raises(ImportError, match=f"layers.{name} is not there: Keras 2 gave it up"):
        exec(f"from rnnext.keras.layers import {name}")


def test_settings_of_sessions() -> None:
    tf: Any = rnnext
    for names in (tf, tf.compat.v1):
        config = names.ConfigProto(gpu_options=names.GPUOptions(allow_growth=True))
        config.gpu_options.per_process_gpu_memory_fraction = 0.4
        config.log_device_placement = True
        with names.Session(config=config) as session:
            tf.keras.backend.set_session(session)
        names.InteractiveSession(config=config).close()
        names.reset_default_graph()
    tf.compat.v1.keras.backend.set_session(session)
    tf.compat.v1.disable_v2_behavior()
    tf.compat.v1.disable_eager_execution()
    with pytest.raises(UnsupportedError, match=r"Session\.run is not there: it belongs to the gr"):
        session.run(3)


def test_warnings_of_steps_are_rare() -> None:
    """What does what it says warns of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, ours = twins()
        ours.compile(optimizers.Adam(lr=0.1), loss_of(3), metrics="acc")
        ours.fit_generator(Batches(), verbose=0)
        assert errors.UnsupportedError is UnsupportedError


# Arrays -------------------------------------------------------------------------------------------


def test_elements_are_hashable() -> None:
    tf: Any = rnnext
    classes = tf.argmax(tf.constant([[0.0, 1.0], [2.0, 1.0], [0.0, 3.0]]), axis=1)
    assert set(classes) == {0, 1}
    with pytest.raises(TypeError, match=r"unhashable: an array of shape \(3,\)\."):
        hash(classes)


def test_layers_return_numpy_for_what_has_it() -> None:
    tf: Any = rnnext
    x = tf.random.normal((2, T, F))
    output, state = tf.keras.layers.GRU(4, return_state=True)(x)
    np.testing.assert_array_equal(output.numpy(), state.numpy())
    assert tf.keras.layers.Embedding(5, 2)([1, 2]).numpy().shape == (2, 2)
    vectorize = tf.keras.layers.TextVectorization(output_sequence_length=3)
    vectorize.adapt(["one two", "one"])
    assert vectorize("one two").numpy().tolist() == [2, 3, 0]
    assert type(tf.keras.layers.GRU(4)(X)) is np.ndarray


def test_matrix_transpose() -> None:
    import tensorflow

    for x in (X, X[0]):
        expected = tensorflow.linalg.matrix_transpose(x).numpy()
        np.testing.assert_array_equal(rnnext.linalg.matrix_transpose(x).numpy(), expected)


SHAPE_QUESTIONS: list[Callable[[Any], Any]] = [
    lambda s: s([None, 3]).as_list(),
    lambda s: (s([2, 3]).rank, s([2, 3]).ndims, len(s([2, 3]))),
    lambda s: (s([2, 3]).num_elements(), s([2, None]).num_elements()),
    lambda s: (s([2, 3]).is_fully_defined(), s([2, None]).is_fully_defined()),
    lambda s: (s([2, None])[0], s([2, None])[-1], s([2, 3, 4])[1:].as_list()),
    lambda s: s([2]).concatenate([None, 3]).as_list(),
    lambda s: s([None, 3]).is_compatible_with([2, 3]),
    lambda s: s([None, 3]).is_compatible_with([2, 4]),
    lambda s: s([2]).is_compatible_with([2, 4]),
    lambda s: (s(3).as_list(), s([2, 3]) == (2, 3), [*s([2, 3])]),
    lambda s: repr(s([2, None, 3])),
]


@pytest.mark.parametrize("question", SHAPE_QUESTIONS)
def test_tensor_shape(question: Callable[[Any], Any]) -> None:
    import tensorflow

    tf: Any = rnnext
    assert question(tf.TensorShape) == question(tensorflow.TensorShape)


def test_tensor_shape_builds() -> None:
    tf: Any = rnnext
    model = rnnext.Sequential([layers.LSTM(2), layers.Dense(1)])
    model.build(tf.TensorShape([None, T, F]))
    assert model.output_shape == (None, 1)
    with pytest.raises(UnsupportedError, match="dims must be the sizes of the axes"):
        tf.TensorShape(None)


def test_make_predict_function() -> None:
    model = rnnext.Sequential([rnnext.layers.Input((5, 3)), rnnext.layers.LSTM(2)])
    x = np.ones((4, 5, 3), "float32")
    model._make_predict_function()  # Keras 2 before TensorFlow 2, for predictions in threads
    predict = model.make_predict_function()
    for batch in (x, (x,)):
        np.testing.assert_array_equal(predict(iter([batch])), model.predict(x))


def test_arguments_that_change_nothing() -> None:
    rnnext.keras.backend.clear_session(free_memory=False)
    model = rnnext.Sequential([rnnext.layers.Input((5, 3))])
    model.add(rnnext.layers.LSTM(2), rebuild=False)
    model.add(rnnext.layers.Dense(1), rebuild=False)
    model.pop(rebuild=False)
    assert model.output_shape == (None, 2)
