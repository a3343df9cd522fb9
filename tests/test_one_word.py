"""A Keras program runs with the word `tensorflow` replaced by `rnnext` in its import lines."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import subprocess
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnext
import rnnext as tf
from rnnext import imports
from rnnext.errors import UnsupportedError

# Under a name of Keras's or TensorFlow's, and what it is.
ALIASES = [
    ("rnnext.keras", "rnnext"),
    ("rnnext.keras.keras", "rnnext"),
    ("rnnext.keras.layers", "rnnext.layers"),
    ("rnnext.keras.models", "rnnext.models"),
    ("rnnext.keras.optimizers.schedules", "rnnext.optimizers.schedules"),
    ("rnnext.keras.utils", "rnnext.utils"),
    ("rnnext.keras.backend", "rnnext.backend"),
    ("rnnext.compat.v1.keras", "rnnext"),
    ("rnnext.compat.v1.keras.layers", "rnnext.layers"),
    ("rnnext.compat.v2.keras.losses", "rnnext.losses"),
    ("rnnext.nn", "rnnext.tensorflow.nn"),
    ("rnnext.data", "rnnext.tensorflow.data"),
    ("rnnext.data.experimental", "rnnext.tensorflow.data.experimental"),
    ("rnnext.python.keras", "rnnext"),
    ("rnnext.python.keras.layers", "rnnext.layers"),
    ("rnnext.math", "rnnext.tensorflow.math"),
]


def run(code: str) -> str:
    """What a new process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("alias", "real"), ALIASES)
def test_a_module_is_one_object(alias: str, real: str) -> None:
    assert importlib.import_module(alias) is importlib.import_module(real)


@pytest.mark.parametrize(("alias", "real"), ALIASES)
def test_whichever_name_is_imported_first(alias: str, real: str) -> None:
    code = f"import {alias}, {real}, sys; print({alias} is {real} is sys.modules['{alias}'])"
    assert run(code) == "True"
    assert run(f"import {alias}, sys; print(sys.modules['{real}'].__spec__.name)") == real


@pytest.mark.parametrize(
    "lines",
    [
        "from rnnext.keras.layers import LSTM",
        "import rnnext.keras.layers as L; LSTM = L.LSTM",
        "from rnnext.keras import layers; LSTM = layers.LSTM",
        "import rnnext as tf; LSTM = tf.keras.layers.LSTM",
        "import rnnext.keras as keras; LSTM = keras.layers.LSTM",
        "from rnnext import keras; LSTM = keras.layers.LSTM",
        "import rnnext as keras; LSTM = keras.layers.LSTM",
        "import rnnext.compat.v1 as tf; LSTM = tf.keras.layers.LSTM",
        "import rnnext.compat.v2 as tf; LSTM = tf.keras.layers.LSTM",
        "from rnnext.keras.layers import *",
    ],
)
def test_a_class_is_one_object(lines: str) -> None:
    namespace: dict[str, Any] = {}
    exec(lines, namespace)
    assert namespace["LSTM"] is rnnext.layers.LSTM


IMPORTS = """
from rnnext.keras import Sequential, layers, models, backend as K
from rnnext.keras.models import Model, Sequential, load_model, model_from_json, save_model
from rnnext.keras.layers import LSTM, Dense, CuDNNLSTM, CuDNNGRU
from rnnext.keras.optimizers import SGD, Adam, RMSprop
from rnnext.keras.optimizers.schedules import ExponentialDecay
from rnnext.keras.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau, TensorBoard
from rnnext.keras.losses import MeanSquaredError, mean_squared_error
from rnnext.keras.metrics import RootMeanSquaredError
from rnnext.keras.regularizers import l2
from rnnext.keras.initializers import glorot_uniform
from rnnext.keras.utils import to_categorical, Sequence, PyDataset
from rnnext.keras import Input, Layer, Model, Variable
print(K.floatx(), Sequence is PyDataset)
"""


def test_what_programs_import_at_their_top() -> None:
    assert run(IMPORTS) == "float32 True"


OLD_IMPORTS = """
from rnnext.keras.layers.core import Dense, Dropout, Activation
from rnnext.keras.layers.recurrent import LSTM
from rnnext.keras.layers.embeddings import Embedding
from rnnext.keras.layers.convolutional import Conv1D
from rnnext.keras.layers.pooling import MaxPooling1D
from rnnext.keras.layers.normalization import BatchNormalization
from rnnext.keras.layers.merge import concatenate
from rnnext.keras.layers.wrappers import Bidirectional
from rnnext.keras.layers.advanced_activations import LeakyReLU
from rnnext.keras.engine.topology import Layer
from rnnext.keras.utils import np_utils
from rnnext.keras.utils.data_utils import get_file
from rnnext.python.keras.utils.vis_utils import plot_model
from rnnext.utils.np_utils import to_categorical
from rnnext.layers.core import Dense as D
import rnnext
print(D is Dense is rnnext.layers.Dense, Layer is rnnext.layers.Layer, np_utils is rnnext.utils)
"""


def test_modules_of_keras_2() -> None:
    assert run(OLD_IMPORTS) == "True True True"


def test_walking_the_package_ends() -> None:
    """Tools walk packages; rnnext.keras, which is rnnext, must not be one that they enter."""
    walked = [found.name for found in pkgutil.walk_packages(rnnext.__path__, "rnnext.")]
    assert "rnnext.layers" in walked
    assert "rnnext.keras" not in walked


def test_the_finder_knows_where_to_look() -> None:
    """It asks `rnnext.imports` for nothing else: other imports shall not become slower."""
    begins = [finder._names for finder in sys.meta_path if hasattr(finder, "_names")]
    assert len(begins) == 1
    assert all(name.startswith(begins[0]) for name in imports._STANDS_FOR)
    code = "import sys, rnnext; rnnext.layers.LSTM(2); print('rnnext.imports' in sys.modules)"
    assert run(code) == "False"


# What is not there --------------------------------------------------------------------------------

ABSENT = [
    ("rnnext.keras.layers", "RandomFlip", "layers.RandomFlip is not there: it is about images"),
    ("rnnext.keras", "applications", "applications is not there: it is about images"),
    ("rnnext", "gradients", "gradients is not there: it belongs to the graphs and sessions"),
    (
        "rnnext",
        "TFRecordReader",
        "TFRecordReader is not there: it belongs to tf.data; pass NumPy arrays",
    ),
    ("rnnext.compat.v1", "Graph", "compat.v1.Graph is not there: it belongs to the graphs"),
    ("rnnext.keras.backend", "function", "backend.function is not there: it belongs to the graphs"),
    ("rnnext.keras.utils", "split_dataset", "utils.split_dataset is not there: it belongs to tf.d"),
]


@pytest.mark.parametrize(("module", "name", "message"), ABSENT)
def test_what_is_absent_says_why(module: str, name: str, message: str) -> None:
    with pytest.raises(ImportError, match=message) as imported:
        exec(f"from {module} import {name}")
    with pytest.raises(AttributeError, match=message) as asked_for:
        getattr(importlib.import_module(module), name)
    for caught in (imported, asked_for):
        assert isinstance(caught.value, UnsupportedError)
    assert not hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("import rnnext.keras.applications.vgg16", "applications is not there: it is about images"),
        ("from rnnext.keras.applications.vgg16 import VGG16", "applications is not there"),
        ("import rnnext.python.client", "python.client is not there: it belongs to TensorFlow"),
        ("from rnnext.contrib import rnn", "contrib is not there: it belongs to the graphs"),
        ("from rnnext.keras.layers import Merge", "layers.Merge is not there: Keras 2 gave it up"),
    ],
)
def test_absent_modules_say_why(statement: str, message: str) -> None:
    with pytest.raises(ImportError, match=message):
        exec(statement)


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match=r"module 'rnnext' has no attribute 'nonsense'"):
        rnnext.nonsense  # noqa: B018
    with pytest.raises(ImportError, match=r"cannot import name 'LSTMM' from 'rnnext\.layers'"):
        exec("from rnnext.keras.layers import LSTMM")
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'rnnext\.nonsense'"):
        importlib.import_module("rnnext.nonsense")


# No module leaks names ----------------------------------------------------------------------------


def public_modules() -> list[str]:
    """Every module that a program can reach by public names, and TensorFlow's."""
    found, waiting = [], ["rnnext", "rnnext.tensorflow", "rnnext.errors", "rnnext.interop"]
    while waiting:
        name = waiting.pop()
        found.append(name)
        module = importlib.import_module(name)
        for public in module.__all__:
            value = getattr(module, public)
            if isinstance(value, ModuleType) and value.__name__ not in [*found, *waiting]:
                waiting.append(value.__name__)
    return sorted(found)


@pytest.mark.parametrize("name", public_modules())
def test_no_module_leaks_names(name: str) -> None:
    module = importlib.import_module(name)
    assert set(dir(module)) - {"__builtins__"} >= set(module.__all__)
    assert {n for n in dir(module) if not n.startswith("_")} <= set(module.__all__)
    allowed = set(module.__all__)
    if hasattr(module, "__path__"):  # modules become attributes of their package
        allowed |= {found.name for found in pkgutil.iter_modules(module.__path__)}
    if name == "rnnext":
        allowed |= set(importlib.import_module("rnnext.tensorflow").__all__)
    assert {n for n in vars(module) if not n.startswith("_")} <= allowed


@pytest.mark.parametrize("name", public_modules())
def test_every_public_name_can_be_had(name: str) -> None:
    module = importlib.import_module(name)
    assert [n for n in module.__all__ if not hasattr(module, n)] == []


# import rnnext as tf ------------------------------------------------------------------------------


def test_settings_that_only_configure() -> None:
    before = rnnext.get_num_threads()
    assert tf.config.list_physical_devices("GPU") == []
    assert [device.device_type for device in tf.config.list_physical_devices()] == ["CPU"]
    for gpu in tf.config.experimental.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.set_visible_devices([], "GPU")
    tf.config.run_functions_eagerly(True)
    tf.config.threading.set_intra_op_parallelism_threads(0)
    assert rnnext.get_num_threads() == before
    tf.config.threading.set_intra_op_parallelism_threads(1)
    assert tf.config.threading.get_intra_op_parallelism_threads() == rnnext.get_num_threads() == 1
    rnnext.set_num_threads(before)
    tf.get_logger().setLevel("ERROR")
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    assert tf.get_logger().level == logging.ERROR
    assert tf.executing_eagerly()
    assert not tf.test.is_gpu_available()
    with tf.device("/CPU:0"), tf.name_scope("block"):
        assert tf.constant([1.0]).dtype == tf.float32
    with pytest.raises(UnsupportedError, match="'/GPU:0' is not there; accepted: '/CPU:0'"):
        tf.device("/GPU:0").__enter__()


def test_random_numbers_are_repeatable() -> None:
    drawn = []
    for _ in range(2):
        tf.random.set_seed(3)
        dense = tf.keras.layers.Dense(2)
        dense.build((None, 3))
        drawn.append([dense.get_weights()[0], tf.random.normal((2, 3)), tf.random.uniform([2])])
    for first, second in zip(*drawn, strict=True):
        np.testing.assert_array_equal(first, second)
    assert tf.random.normal((2,), dtype=tf.float64).dtype == "float64"
    assert set(tf.random.uniform((50,), 0, 3, dtype=tf.int32).numpy()) == {0, 1, 2}
    assert sorted(tf.random.shuffle([3, 1, 2])) == [1, 2, 3]


def test_keras_seeds_numpy_and_python_as_well() -> None:
    drawn = []
    for _ in range(2):
        tf.keras.utils.set_random_seed(3)
        drawn.append(np.random.rand())  # noqa: NPY002
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("name", ["float16", "float32", "float64", "int32", "int64", "bool"])
def test_dtypes(name: str) -> None:
    dtype = getattr(tf, name)
    assert np.zeros(2, dtype).dtype == name
    assert tf.cast([0, 1], dtype).dtype == name
    assert dtype == name
    assert dtype.name == name


def test_dtypes_of_layers() -> None:
    assert tf.keras.layers.Dense(2, dtype=tf.float64).compute_dtype == "float64"
    assert tf.keras.Input((2,), dtype=tf.int32).dtype == "int32"


A = np.arange(6, dtype="float32").reshape(2, 3)
B = A[::-1].copy()

FUNCTIONS = [
    "tf.constant([[1, 2], [3, 4]])",
    "tf.constant([1.5, 2])",
    "tf.constant(3, shape=(2, 2))",
    "tf.convert_to_tensor(A)",
    "tf.cast(A, tf.int32)",
    "tf.reshape(A, [3, -1])",
    "tf.concat([A, B], axis=1)",
    "tf.stack([A, B], axis=1)",
    "tf.expand_dims(A, axis=0)",
    "tf.squeeze(A[None], axis=0)",
    "tf.transpose(A)",
    "tf.transpose(A[None], perm=[2, 0, 1])",
    "tf.reduce_mean(A)",
    "tf.reduce_sum(A, axis=1)",
    "tf.reduce_max(A, axis=0, keepdims=True)",
    "tf.reduce_min(A)",
    "tf.matmul(A, B, transpose_b=True)",
    "tf.linalg.matmul(A, B, transpose_a=True)",
    "tf.argmax(A)",
    "tf.argmin(A, axis=1)",
    "tf.cumsum(A)",
    "tf.zeros((2, 2))",
    "tf.ones([2], dtype=tf.int32)",
    "tf.zeros_like(A)",
    "tf.fill([2, 2], 7)",
    "tf.eye(3)",
    "tf.range(3)",
    "tf.range(1, 10, 3)",
    "tf.one_hot([0, 2], depth=3)",
    "tf.one_hot([0, 2], 3, on_value=5.0, off_value=-1.0)",
    "tf.where(A > 2, A, B)",
    "tf.where(A > 2)",
    "tf.gather(A, [1, 0])",
    "tf.gather(A, [2], axis=1)",
    "tf.tile(A, [1, 2])",
    "tf.split(A, [1, 2], axis=1)[1]",
    "tf.split(A, 3, axis=1)[2]",
    "tf.shape(A)",
    "tf.rank(A)",
    "tf.clip_by_value(A, 1.0, 2.0)",
    "tf.maximum(A, B)",
    "tf.pow(A, 2.0)",
    "tf.abs(-A)",
    "tf.square(A)",
    "tf.sqrt(A)",
    "tf.exp(A)",
    "tf.tanh(A)",
    "tf.sigmoid(A)",
    "tf.reverse(A, axis=[0])",
    "tf.math.log(A + 1)",
    "tf.math.reduce_std(A, axis=0)",
    "tf.math.reduce_variance(A)",
    "tf.math.argmax(A)",
    "tf.math.is_nan(A)",
    "tf.math.pow(A, 2.0)",
    "tf.nn.relu(A - 2)",
    "tf.nn.softmax(A)",
    "tf.nn.softmax(A, axis=0)",
    "tf.nn.leaky_relu(A - 2, alpha=0.1)",
    "tf.nn.gelu(A)",
    "tf.nn.elu(A - 2)",
    "tf.nn.l2_normalize(A, axis=1)",
    "tf.linalg.norm(A)",
    "tf.Variable(A) + 1",
    "tf.function(lambda x: x + 1)(A)",
]


@pytest.mark.parametrize("expression", FUNCTIONS)
def test_functions_are_those_of_tensorflow(expression: str, keras: ModuleType) -> None:  # noqa: ARG001
    tensorflow = importlib.import_module("tensorflow")
    theirs = np.asarray(eval(expression, {"tf": tensorflow, "A": A, "B": B}))
    ours = np.asarray(eval(expression, {"tf": tf, "A": A, "B": B}))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert ours.shape == theirs.shape
    assert ours.dtype.kind == theirs.dtype.kind


def test_functions_record_on_symbolic_tensors() -> None:
    x = tf.keras.Input((3, 4))
    y = tf.reduce_mean(tf.concat([x, tf.nn.relu(x)], axis=-1), axis=1)
    model = tf.keras.Model(x, tf.transpose(y, perm=[0, 1]))
    values = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    expected = np.concatenate([values, np.maximum(values, 0)], -1).mean(1)
    np.testing.assert_allclose(model.predict(values), expected, rtol=1e-5, atol=1e-6)


def test_activation_of_tensorflow_is_the_fast_one() -> None:
    layer = tf.keras.layers.LSTM(3, activation=tf.nn.tanh, recurrent_activation=tf.nn.sigmoid)
    assert layer.get_config()["activation"] == "tanh"
    assert tf.keras.activations.get(tf.nn.relu) is tf.keras.activations.relu
    assert tf.nn.softmax(logits=[[1.0, 1.0]], axis=-1).numpy().tolist() == [[0.5, 0.5]]


def test_function_is_a_decorator() -> None:
    @tf.function
    def plain(x: int) -> int:
        return x + 1

    @tf.function(jit_compile=True)
    def with_options(x: int) -> int:
        return x + 2

    assert (plain(1), with_options(1)) == (2, 3)


def test_variable() -> None:
    variable = tf.Variable([1.0, 2.0], name="v", dtype=tf.float64)
    variable.assign([3.0, 4.0])
    assert variable.dtype == "float64"
    np.testing.assert_array_equal(variable.numpy(), [3.0, 4.0])
    np.testing.assert_array_equal(variable * 2, [6.0, 8.0])
    variable.assign_add([1.0, 1.0])
    variable.assign_sub(2.0)
    np.testing.assert_array_equal(variable.numpy(), [2.0, 3.0])
    assert (tf.Variable(1).dtype, tf.Variable(0.5).dtype) == ("int32", "float32")
    made = tf.keras.Variable(tf.keras.initializers.Ones(), shape=(2, 3))
    np.testing.assert_array_equal(made, np.ones((2, 3)))
    dense = tf.keras.layers.Dense(2)
    dense.build((None, 3))
    assert all(isinstance(weight, tf.Variable) for weight in dense.weights)


# keras.backend, cuDNN, dtype policies -------------------------------------------------------------

BACKEND = [
    "K.mean(A, axis=1)",
    "K.concatenate([A, B])",
    "K.expand_dims(A)",
    "K.argmax(A)",
    "K.cumsum(A)",
    "K.sqrt(A - 2)",
    "K.relu(A - 2, alpha=0.1, max_value=2.0)",
    "K.clip(A, 1.0, 2.0)",
    "K.flatten(A)",
    "K.gather(A, [1])",
    "K.l2_normalize(A, axis=1)",
    "K.permute_dimensions(A, (1, 0))",
    "K.pow(A, 2)",
    "K.reverse(A, 0)",
    "K.switch(A > 1, A, B)",
    "K.repeat_elements(A, 2, 1)",
    "K.dot(A, K.transpose(B))",
    "K.softmax(A)",
    "K.one_hot(np.array([0, 2]), 3)",
    "K.cast_to_floatx([1, 2])",
    "K.constant([1, 2])",
    "K.eval(K.variable(A))",
]


@pytest.mark.parametrize("expression", BACKEND)
def test_backend_is_that_of_keras(expression: str, keras: ModuleType) -> None:
    theirs_backend = importlib.import_module("keras._tf_keras.keras.backend")
    tensors = {"A": keras.ops.convert_to_tensor(A), "B": keras.ops.convert_to_tensor(B)}
    theirs = np.asarray(eval(expression, {"K": theirs_backend, "np": np, **tensors}))
    ours = np.asarray(eval(expression, {"K": tf.keras.backend, "np": np, "A": A, "B": B}))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert ours.shape == theirs.shape


def test_backend_settings_and_values() -> None:
    K = tf.keras.backend
    K.clear_session()
    assert tf.keras.layers.Dense(1).name == "dense"
    assert (K.floatx(), K.epsilon(), K.image_data_format()) == ("float32", 1e-7, "channels_last")
    with pytest.raises(UnsupportedError, match="only 'channels_last' is accepted, received 'chann"):
        K.set_image_data_format("channels_first")
    x = tf.keras.Input((5, 3))
    assert K.int_shape(x) == (None, 5, 3)
    assert K.is_keras_tensor(x)
    assert K.ndim(x) == 3
    dense = tf.keras.layers.Dense(2)
    dense.build((None, 3))
    K.set_value(dense.bias, [1.0, 2.0])
    np.testing.assert_array_equal(K.get_value(dense.bias), [1.0, 2.0])


@pytest.mark.parametrize(("name", "like"), [("CuDNNLSTM", "LSTM"), ("CuDNNGRU", "GRU")])
def test_layers_for_cudnn(name: str, like: str) -> None:
    rnnext.set_random_seed(0)
    ours = getattr(tf.compat.v1.keras.layers, name)(4, return_sequences=True, stateful=True)
    rnnext.set_random_seed(0)
    theirs = getattr(rnnext.layers, like)(4, return_sequences=True, stateful=True)
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    np.testing.assert_array_equal(ours(x), theirs(x))
    with pytest.raises(
        UnsupportedError, match=rf"{name}: arguments \['dropout'\] are not accepted"
    ):
        getattr(rnnext.layers, name)(4, dropout=0.1)


def test_global_dtype_policy() -> None:
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        assert tf.keras.layers.Dense(1).dtype_policy.name == "mixed_float16"
        assert tf.keras.mixed_precision.global_policy().name == "mixed_float16"
    finally:
        tf.keras.config.set_dtype_policy(None)
    assert tf.keras.layers.Dense(1).compute_dtype == "float32"
