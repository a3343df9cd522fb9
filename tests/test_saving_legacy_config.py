"""Configs of Keras 1 and 2 in the Keras 3 form: one test per trap."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

from rnnext import layers, saving
from rnnext.errors import FileError, UnsupportedError
from rnnext.layers import Input, SimpleRNN
from rnnext.models import Model
from rnnext.saving.legacy.models import to_keras3_config

Config = dict[str, Any]


def layer(class_name: str, **config: Any) -> Config:
    return {"class_name": class_name, "config": {"name": "a", **config}}


def sequential(*layers: Config) -> Config:
    return {"class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}


def converted(item: Config, version: str | None = "2.3.1", **weights: Any) -> Config:
    """One layer after conversion in a Sequential of its own."""
    before = sequential(layer("InputLayer", batch_input_shape=[None, 5, 3]), item)
    untouched = copy.deepcopy(before)
    model = to_keras3_config(before, version, "m.h5", weights)
    assert before == untouched
    result: Config = model["config"]["layers"][1]
    return result


def options(item: Config, version: str | None = "2.3.1", **weights: Any) -> Config:
    result: Config = converted(item, version, **weights)["config"]
    return result


# What hard_sigmoid means ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("1.2.2", "keras2_hard_sigmoid"),
        ("2.0.6", "keras2_hard_sigmoid"),
        ("2.2.4-tf", "keras2_hard_sigmoid"),
        ("2.15.0", "keras2_hard_sigmoid"),
        ("2.21.0", "keras2_hard_sigmoid"),
        ("3.0.0", "hard_sigmoid"),
        ("3.15.1", "hard_sigmoid"),
    ],
)
def test_hard_sigmoid_by_version(version: str, name: str) -> None:
    plain = options(layer("Dense", units=1, activation="hard_sigmoid"), version)
    assert plain["activation"] == name
    gates = layer("LSTM", units=1, activation="tanh", recurrent_activation="hard_sigmoid")
    assert options(gates, version)["recurrent_activation"] == name


def test_hard_sigmoid_in_wrapped_layers_and_cells() -> None:
    cell = layer("LSTMCell", units=2, recurrent_activation="hard_sigmoid")
    stack = layer("StackedRNNCells", cells=[cell, cell])
    rnn = options(layer("RNN", cell=stack, return_sequences=False))
    for inner in rnn["cell"]["config"]["cells"]:
        assert inner["config"]["recurrent_activation"] == "keras2_hard_sigmoid"
    gru = layer("GRU", units=2, recurrent_activation="hard_sigmoid", reset_after=True)
    both = options(layer("Bidirectional", layer=gru, backward_layer=gru, merge_mode="sum"))
    for half in (both["layer"], both["backward_layer"]):
        assert half["config"]["recurrent_activation"] == "keras2_hard_sigmoid"
        assert half["module"] == "keras.layers"


def test_hard_sigmoid_as_a_serialized_function() -> None:
    function = {"class_name": "function", "config": "hard_sigmoid", "registered_name": "function"}
    item = layer("Activation", activation=function)
    assert options(item, "2.13.1")["activation"] == "keras2_hard_sigmoid"


# Defaults that depend on the version --------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("1.2.2", "keras2_hard_sigmoid"),
        ("2.2.5", "keras2_hard_sigmoid"),
        ("2.3.0", "sigmoid"),
        ("2.3.0-tf", "sigmoid"),
        ("2.4.0", "sigmoid"),
        ("2.15.0", "sigmoid"),
    ],
)
@pytest.mark.parametrize("class_name", ["LSTM", "GRU"])
def test_missing_recurrent_activation(class_name: str, version: str, name: str) -> None:
    assert options(layer(class_name, units=2), version)["recurrent_activation"] == name


def test_missing_recurrent_activation_of_two_meanings() -> None:
    with pytest.raises(UnsupportedError, match=r"layer 'a' \(LSTM\).*2\.2\.4-tf stands for two"):
        converted(layer("LSTM", units=2), "2.2.4-tf")


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([], False),
        ([(3, 6), (2, 6), (6,)], False),
        ([(3, 6), (2, 6), (2, 6)], True),
        ([(3, 6), (2, 6), (12,)], True),
        ([(2, 6), (2, 6), (6,)], False),
    ],
)
def test_missing_reset_after_is_proven_by_the_bias(shapes: list[Any], expected: bool) -> None:
    assert options(layer("GRU", units=2), "2.1.6", a=shapes)["reset_after"] is expected
    wrapped = layer("Bidirectional", layer={"class_name": "GRU", "config": {"units": 2}})
    both = options(wrapped, "2.1.6", a=shapes * 2)
    assert both["layer"]["config"]["reset_after"] is expected


def test_recorded_reset_after_is_kept() -> None:
    item = layer("GRU", units=2, reset_after=False)
    assert options(item, a=[(3, 6), (2, 6), (2, 6)])["reset_after"] is False


# Arguments without meaning, or with too much of it ------------------------------------------------


def test_time_major() -> None:
    assert "time_major" not in options(layer("LSTM", units=2, time_major=False))
    with pytest.raises(UnsupportedError, match=r"m\.h5: layer 'a' \(GRU\): time_major=True"):
        converted(layer("GRU", units=2, time_major=True))


@pytest.mark.parametrize(
    ("item", "dropped"),
    [
        (layer("LSTM", units=2, implementation=2), "implementation"),
        (layer("Embedding", input_dim=3, output_dim=2, input_length=5), "input_length"),
        (layer("Dense", units=2, batch_input_shape=[None, 3]), "batch_input_shape"),
        (layer("BatchNormalization", fused=True, renorm=False), "fused"),
        (layer("RNN", cell=layer("GRUCell", units=1), num_constants=None), "num_constants"),
    ],
)
def test_dropped_arguments(item: Config, dropped: str) -> None:
    assert dropped in item["config"]
    assert dropped not in options(item)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (layer("BatchNormalization", renorm=True), "renorm=True is not supported"),
        (layer("Attention", causal=True), "causal=True is not supported"),
        (layer("MultiHeadAttention", softmax_robust_masking=True), "softmax_robust_masking=True"),
        (layer("InputLayer", batch_input_shape=[None], sparse=True), "sparse=True"),
        (layer("InputLayer", batch_input_shape=[None], ragged=True), "ragged=True"),
    ],
)
def test_refused_arguments(item: Config, reason: str) -> None:
    with pytest.raises(UnsupportedError, match=f"layer 'a'.*{reason}"):
        converted(item)


def test_unknown_argument_reaches_the_layer_which_names_it() -> None:
    text = sequential(
        layer("InputLayer", batch_input_shape=[None, 3]), layer("Dense", units=1, depth=1)
    )
    with pytest.raises(ValueError, match=r"model JSON: .*'depth'"):
        saving.model_from_json(json.dumps({**text, "keras_version": "2.3.1"}))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("float64", "float64"),
        (None, "float32"),
        ({"class_name": "Policy", "config": {"name": "float64"}}, "float64"),
        ({"class_name": "PolicyV1", "config": {"name": "infer"}}, "float32"),
    ],
)
def test_dtype_policies(old: Any, new: str) -> None:
    assert options(layer("Dense", units=1, dtype=old))["dtype"] == new


def test_dtype_of_an_embedding_in_keras_2_0_is_of_its_ids() -> None:
    words = layer(
        "Embedding", input_dim=7, output_dim=2, dtype="int32", batch_input_shape=[None, 5]
    )
    model = to_keras3_config(sequential(words), "2.0.2", "m.h5")
    first, second = model["config"]["layers"]
    assert first["config"]["dtype"] == "int32"
    assert "dtype" not in second["config"]


def test_numpy_arrays_in_configs() -> None:
    alpha = {"type": "ndarray", "value": 0.25}
    assert options(layer("LeakyReLU", alpha=alpha), "2.0.6")["negative_slope"] == 0.25
    scale = {"type": "ndarray", "value": [1.0, 2.0]}
    scaled = layer("Lambda", function="scaled", function_type="function", arguments={"by": scale})
    scaled["config"].update(name="b", batch_input_shape=[None, 2])
    config = sequential(scaled)
    model = saving.model_from_json(
        json.dumps({**config, "keras_version": "2.2.4"}),
        custom_objects={"scaled": lambda x, by: by * x},
    )
    np.testing.assert_array_equal(model.predict(np.ones((1, 2))), [[1, 2]])


# Classes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("CuDNNLSTM", "LSTM"),
        ("CuDNNGRU", "GRU"),
        ("UnifiedLSTM", "LSTM"),
        ("LSTMV2", "LSTM"),
        ("GRUV1", "GRU"),
        ("BatchNormalizationV1", "BatchNormalization"),
        ("SyncBatchNormalization", "BatchNormalization"),
    ],
)
def test_renamed_classes(old: str, new: str) -> None:
    result = converted(layer(old))
    assert (result["class_name"], result["module"]) == (new, "keras.layers")
    assert result["registered_name"] is None


def test_operations_in_hdf5_of_keras3() -> None:
    """A layer and an operation may have one name; only the layer records `trainable`."""
    assert converted(layer("Add"), "3.3.3")["module"] == "keras.src.ops"
    assert converted(layer("Add", trainable=True), "3.3.3")["module"] == "keras.layers"
    assert converted(layer("Add"), "2.3.0")["module"] == "keras.layers"


def test_what_cudnn_layers_imply() -> None:
    result = options(layer("CuDNNGRU", units=2, return_sequences=True, unit_forget_bias=True))
    assert result["activation"] == "tanh"
    assert result["recurrent_activation"] == "sigmoid"
    assert result["reset_after"] is True
    assert result["use_bias"] is True


@pytest.mark.parametrize(
    ("version", "repeats"),
    [
        ("1.2.2", True),
        ("2.3.1", True),
        ("2.1.6-tf", True),
        ("2.2.4-tf", False),
        ("2.4.0", False),
        ("2.15.0", False),
        ("3.3.3", False),
    ],
)
def test_masked_steps_of_bidirectional_layers(version: str, repeats: bool) -> None:
    item = layer("Bidirectional", layer=layer("SimpleRNN", units=2))
    assert options(item, version).get("repeats_masked_outputs", False) is repeats


def test_unknown_class_is_named_with_the_nearest_ones() -> None:
    config = sequential(layer("InputLayer", batch_input_shape=[None, 5, 3]), layer("LSTMM"))
    with pytest.raises(UnsupportedError) as caught:
        saving.model_from_json(json.dumps({**config, "keras_version": "2.3.1"}))
    message = str(caught.value)
    assert "class 'LSTMM' (name 'a') of module 'keras.layers' is not known" in message
    assert "those of rnnext.layers.__all__ (the nearest there are ['LSTM', 'LSTMCell'])" in message
    assert "classes of your own: custom_objects={'LSTMM': cls}" in message


@pytest.mark.parametrize(
    ("version", "backend", "given", "expected"),
    [
        ("1.2.2", "tensorflow", {"stateful": True}, True),
        ("2.2.4", "tensorflow", {"stateful": True}, True),
        ("2.2.4", "cntk", {"stateful": True}, True),
        ("2.2.4", "theano", {"stateful": True}, False),
        ("2.2.4", "tensorflow", {"stateful": True, "unroll": True}, False),
        ("2.2.4", "tensorflow", {}, False),
        ("2.2.5", "tensorflow", {"stateful": True}, False),
        ("2.1.6-tf", "tensorflow", {"stateful": True}, True),
        ("2.2.4-tf", "tensorflow", {"stateful": True}, False),
    ],
)
def test_masked_steps_of_stateful_layers(
    version: str, backend: str, given: Config, expected: bool
) -> None:
    item = layer("SimpleRNN", units=2, return_sequences=True, **given)
    before = sequential(layer("InputLayer", batch_input_shape=[1, 5, 3]), item)
    model = to_keras3_config(before, version, "m.h5", backend=backend)
    config = model["config"]["layers"][1]["config"]
    assert config.get("outputs_initial_state", False) is expected


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_masked_steps_output_the_state_a_stateful_layer_kept(
    go_backwards: bool, return_sequences: bool
) -> None:
    flags = {"go_backwards": go_backwards, "return_sequences": return_sequences, "stateful": True}
    rnn = SimpleRNN(2, outputs_initial_state=True, return_state=True, **flags)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    _, kept = rnn(x)
    np.testing.assert_array_equal(rnn(x, mask=np.zeros((2, 3), bool))[1], kept)
    mask = np.array([[False, True, False], [False, False, False]])
    output, state = rnn(x, mask=mask)
    if not return_sequences:
        np.testing.assert_array_equal(output, state)
        np.testing.assert_array_equal(output[1], kept[1])
        return
    np.testing.assert_array_equal(output[1], np.stack([kept[1]] * 3))
    np.testing.assert_array_equal(output[0], [kept[0], state[0], state[0]])
    again = SimpleRNN.from_config(rnn.get_config())
    assert again.quirks.outputs_initial_state


def test_masks_over_several_cells_of_old_files() -> None:
    cells = [layer("LSTMCell", units=2), layer("GRUCell", units=3)]
    stack = {"class_name": "StackedRNNCells", "config": {"cells": cells}}
    config = sequential(
        layer("InputLayer", batch_input_shape=[None, 5, 3]),
        {"class_name": "Masking", "config": {"name": "m"}},
        {"class_name": "RNN", "config": {"name": "r", "cell": stack, "return_sequences": False}},
    )
    model = saving.model_from_json(json.dumps({**config, "keras_version": "2.2.4"}))
    assert model.predict(np.ones((1, 5, 3))).shape == (1, 3)  # nothing is masked
    with pytest.raises(UnsupportedError, match=r"'r'.*: masks are not supported over several cel"):
        model.predict(np.zeros((1, 5, 3)))
    newer = saving.model_from_json(json.dumps({**config, "keras_version": "2.3.1"}))
    assert newer.predict(np.zeros((1, 5, 3))).shape == (1, 3)


def test_renamed_arguments() -> None:
    assert options(layer("LeakyReLU", alpha=0.3))["negative_slope"] == 0.3
    result = converted(layer("ThresholdedReLU", theta=1.5))
    assert result["class_name"] == "ReLU"
    assert result["config"]["threshold"] == 1.5


@pytest.mark.parametrize(
    ("item", "class_name", "registered_name"),
    [
        (layer("Mine"), "Mine", None),
        (layer("package>Mine"), "Mine", "package>Mine"),
        ({**layer("Mine"), "registered_name": "package>Mine"}, "Mine", "package>Mine"),
    ],
)
def test_classes_of_users(item: Config, class_name: str, registered_name: str | None) -> None:
    result = converted(item)
    assert result["class_name"] == class_name
    assert result["registered_name"] == registered_name


def test_initializers_and_regularizers() -> None:
    item = layer(
        "Dense",
        units=1,
        kernel_initializer={"class_name": "GlorotUniform", "config": {"seed": 1, "dtype": "f"}},
        bias_regularizer={"class_name": "L2", "config": {"l2": 0.1}},
        kernel_constraint=None,
        bias_initializer="zeros",
    )
    result = options(item)
    assert result["kernel_initializer"]["module"] == "keras.initializers"
    assert result["kernel_initializer"]["config"] == {"seed": 1}
    assert result["bias_regularizer"]["module"] == "keras.regularizers"
    assert result["kernel_constraint"] is None
    assert result["bias_initializer"] == "zeros"


# Keras 1 ------------------------------------------------------------------------------------------


def test_keras1_arguments() -> None:
    gates = layer("LSTM", output_dim=4, inner_activation="hard_sigmoid", inner_init="orthogonal")
    gates["config"].update(init="glorot_uniform", dropout_W=0.1, dropout_U=0.2, consume_less="cpu")
    assert options(gates, "1.2.2") == {
        "name": "a",
        "units": 4,
        "recurrent_activation": "keras2_hard_sigmoid",
        "recurrent_initializer": "orthogonal",
        "kernel_initializer": "glorot_uniform",
        "dropout": 0.1,
        "recurrent_dropout": 0.2,
    }
    assert options(layer("GRU", output_dim=2), "1.0.8")["reset_after"] is False
    words = layer("Embedding", input_dim=7, output_dim=2, init="uniform", input_length=5, dropout=0)
    assert options(words, "1.2.2") == {
        "name": "a",
        "input_dim": 7,
        "output_dim": 2,
        "embeddings_initializer": "uniform",
    }
    assert options(layer("Dropout", p=0.3), "1.2.2")["rate"] == 0.3
    assert converted(layer("TimeDistributedDense", output_dim=2), "1.2.2")["class_name"] == "Dense"
    conv = layer("Convolution1D", nb_filter=2, filter_length=3, border_mode="same", bias=False)
    assert options(conv, "1.2.2") == {
        "name": "a",
        "filters": 2,
        "kernel_size": 3,
        "padding": "same",
        "use_bias": False,
    }


def test_keras1_merge() -> None:
    result = converted(layer("Merge", mode="concat", concat_axis=1), "1.2.2")
    merged = {"name": "a", "axis": 1, "all_masks_must_hold": True}
    assert (result["class_name"], result["config"]) == ("Concatenate", merged)
    assert converted(layer("Merge", mode="sum"), "1.2.2")["class_name"] == "Add"
    with pytest.raises(UnsupportedError, match="Merge with mode 'cos'"):
        converted(layer("Merge", mode="cos"), "1.2.2")


def test_keras1_by_its_argument_names() -> None:
    """Keras 1 recorded no version before 1.2."""
    item = layer("SimpleRNN", output_dim=2, inner_init="orthogonal", W_regularizer=None)
    assert options(item, None)["units"] == 2


def test_keras0_is_named() -> None:
    item = {"name": "Dense", "custom_name": "dense", "output_dim": 2, "W_regularizer": None}
    with pytest.raises(FileError, match=r"m\.h5: written by Keras 0, before April 2016"):
        to_keras3_config({"name": "Sequential", "layers": [item]}, None, "m.h5")


# Versions -----------------------------------------------------------------------------------------


def test_missing_version_of_keras2_is_refused() -> None:
    with pytest.raises(FileError, match="no keras_version is recorded"):
        converted(layer("Dense", units=1), None)


def test_version_inside_the_config() -> None:
    config = {
        **sequential(layer("Dense", units=1, activation="hard_sigmoid")),
        "keras_version": "2.2",
    }
    first = to_keras3_config(config, None, "m")["config"]["layers"][0]
    assert first["config"]["activation"] == "keras2_hard_sigmoid"


@pytest.mark.parametrize("version", ["4.0.0", "x", ""])
def test_unknown_versions(version: str) -> None:
    with pytest.raises(FileError, match="keras_version"):
        to_keras3_config(sequential(), version, "m")


def test_keras3_form_is_handed_on() -> None:
    config = {"module": "keras", **sequential(layer("Dense", time_major=True))}
    assert to_keras3_config(config, "3.1.0", "m") == config
    assert to_keras3_config(config, "3.15.0", "m") is config
    assert to_keras3_config(config, None, "m") is config


# Models -------------------------------------------------------------------------------------------


def layers_of(config: Config, version: str = "2.1.6") -> list[Config]:
    result: list[Config] = to_keras3_config(config, version, "m")["config"]["layers"]
    return result


def test_sequential_as_a_bare_list_without_input_layer() -> None:
    first = layer("LSTM", units=2, batch_input_shape=[None, 5, 3], dtype="float64")
    config = {"class_name": "Sequential", "config": [first, layer("Dense", units=1)]}
    implied = layers_of(config)[0]
    assert implied["class_name"] == "InputLayer"
    assert implied["config"] == {
        "batch_shape": [None, 5, 3],
        "dtype": "float64",
        "name": "a_input",
    }
    assert [item["class_name"] for item in layers_of(config)] == ["InputLayer", "LSTM", "Dense"]


def test_input_of_a_nested_model_and_of_a_built_shape() -> None:
    inner = sequential(layer("InputLayer", batch_input_shape=[None, 4], dtype="int32"))
    implied = layers_of(sequential(inner))[0]["config"]
    assert (implied["batch_shape"], implied["dtype"]) == ([None, 4], "int32")
    built = sequential(layer("Dense", units=1))
    built["config"]["build_input_shape"] = [32, 6]
    assert layers_of(built)[0]["config"]["batch_shape"] == [None, 6]
    assert layers_of(sequential(layer("Dense", units=1)))[0]["class_name"] == "Dense"


def functional(nodes: list[Any], outputs: list[Any], **layer_config: Any) -> Config:
    """A model of inputs x and h, and a layer f called at the given nodes."""
    inputs = [
        {"name": name, "inbound_nodes": [], **layer("InputLayer", batch_input_shape=[None, 3])}
        for name in "xh"
    ]
    called = {
        "name": "f",
        "inbound_nodes": nodes,
        **layer_config.pop("item", layer("LSTM", units=1)),
    }
    return {
        "class_name": "Model",
        "config": {
            "name": "m",
            "layers": [*inputs, called],
            "input_layers": [["x", 0, 0]],
            "output_layers": outputs,
        },
    }


def call_of(config: Config) -> Config:
    result: Config = to_keras3_config(config, "2.3.1", "m")["config"]["layers"][2]
    return result["inbound_nodes"][0]


def tensor(name: str, node: int = 0, index: int = 0) -> Config:
    history = {"shape": [], "dtype": "float32", "keras_history": [name, node, index]}
    return {"class_name": "__keras_tensor__", "config": history}


@pytest.mark.parametrize(
    "node", [[["x", 0, 0]], [["x", 0, 0, {}]], [["x", 0, 0, {"training": False}]], ["x", 0, 0, {}]]
)
def test_node_of_one_tensor(node: Any) -> None:
    model = to_keras3_config(functional([node], [["f", 0, 0]]), "2.3.1", "m")["config"]
    assert model["layers"][2]["inbound_nodes"] == [{"args": [tensor("x")], "kwargs": {}}]
    assert model["input_layers"] == ["x", 0, 0]
    assert model["output_layers"] == ["f", 0, 0]


def test_initial_state_is_appended_to_the_inputs() -> None:
    node = [["x", 0, 0, {}], ["h", 0, 0, {}], ["h", 0, 0, {}]]
    call = call_of(functional([node], [["f", 0, 0]]))
    assert call == {"args": [tensor("x")], "kwargs": {"initial_state": [tensor("h")] * 2}}
    merged = call_of(functional([node], [["f", 0, 0]], item=layer("Add")))
    assert merged == {"args": [[tensor("x"), tensor("h"), tensor("h")]], "kwargs": {}}


def test_tensors_among_keyword_arguments() -> None:
    node = [["x", 0, 0, {"mask": ["h", 0, 0], "initial_state": [["h", 0, 0]], "scale": [1, 2]}]]
    call = call_of(functional([node], [["f", 0, 0]]))
    assert call["kwargs"] == {
        "mask": tensor("h"),
        "initial_state": [tensor("h")],
        "scale": [1, 2],
    }


def test_constants_and_named_inputs() -> None:
    node = [["x", 0, 0, {}], ["_CONSTANT_VALUE", -1, 2.5, {}]]
    call = call_of(functional([node], [["f", 0, 0]], item=layer("Multiply")))
    assert call["args"] == [[tensor("x"), 2.5]]
    named = {"left": ["x", 0, 0, {}], "right": ["h", 0, 0, {}]}
    call = call_of(functional([named], [["f", 0, 0]], item=layer("Mine")))
    assert call["args"] == [{"left": tensor("x"), "right": tensor("h")}]


def test_nested_model_counts_its_calls_from_one() -> None:
    inner = sequential(layer("InputLayer", batch_input_shape=[None, 3]))
    config = functional(
        [[["x", 0, 0, {}]], [["h", 0, 0, {}]]], [["f", 1, 0], ["f", 2, 0]], item=inner
    )
    model = to_keras3_config(config, "2.3.1", "m")["config"]
    assert model["output_layers"] == [["f", 0, 0], ["f", 1, 0]]
    graph = functional([[["x", 0, 0, {}]]], [["f", 0, 0]])
    config = functional([[["x", 0, 0, {}]]], [["f", 1, 0]], item=graph)
    # Keras 3 too counts a functional model's calls from one, but only in output_layers.
    assert to_keras3_config(config, "2.3.1", "m")["config"]["output_layers"] == ["f", 1, 0]


@pytest.mark.parametrize(
    ("nodes", "outputs", "reason"),
    [
        ([5], [["f", 0, 0]], "layer 'f': inbound node 5"),
        ([[["nobody", 0, 0]]], [["f", 0, 0]], "layer 'f': inbound node 'nobody'"),
        ([[["x", 0, 0, 7]]], [["f", 0, 0]], "layer 'f': call arguments 7"),
        ([[["x", 0, 0]]], 5, "model inputs or outputs: received 5"),
    ],
)
def test_bad_nodes(nodes: Any, outputs: Any, reason: str) -> None:
    with pytest.raises(FileError, match=f"^m: model 'm': {reason}"):
        to_keras3_config(functional(nodes, outputs), "2.3.1", "m")


def test_layer_names_with_slashes() -> None:
    config = functional([[["x", 0, 0, {}]]], [["a/b", 0, 0]])
    config["config"]["layers"][2].update(name="a/b", **layer("Dense", units=1))
    config["config"]["layers"][2]["config"]["name"] = "a/b"
    model = saving.model_from_json(json.dumps({**config, "keras_version": "2.3.1"}))
    assert model.get_layer("a/b").units == 1


@pytest.mark.parametrize(("version", "by_and"), [("3.3.3", True), ("3.4.0", False)])
def test_merged_masks_by_version(version: str, by_and: bool) -> None:
    x, merged = Input((5, 3)), ("Add", "Concatenate", "Maximum")
    model = Model(x, [getattr(layers, name)()([x, x]) for name in merged])
    config = to_keras3_config(json.loads(model.to_json()), version, "m.keras")
    found = {
        layer["class_name"]: layer["config"].get("all_masks_must_hold", False)
        for layer in config["config"]["layers"]
    }
    assert found == {"InputLayer": False, **dict.fromkeys(merged, by_and)}
