"""Attention layers and EinsumDense beside Keras's."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from keras_reference import arrays
from layer_twins import (
    DTYPES,
    Array,
    assert_same_config,
    assert_same_layer,
    assert_same_output,
    random_array,
)

import rnnext
from rnnext import Model, layers
from rnnext.errors import FileError, ShapeError, UnsupportedError
from rnnext.layers import Embedding, Input, MultiHeadAttention

NAMES = (
    "Attention",
    "AdditiveAttention",
    "MultiHeadAttention",
    "GroupQueryAttention",
    "EinsumDense",
)
QUERY_MASK = np.array([[True, True, True, False, False], [True] * 5])
# In the second sample there is no value to look at.
VALUE_MASK = np.array([[True, True, False, True, False, False, False], [False] * 7])
ATTENTION_MASK = random_array((2, 5, 7), seed="mask") > 0

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("Attention", {}),
    ("Attention", {"use_scale": True}),
    ("Attention", {"score_mode": "concat"}),
    ("Attention", {"use_scale": True, "score_mode": "concat", "dropout": 0.2, "seed": 3}),
    ("AdditiveAttention", {}),
    ("AdditiveAttention", {"use_scale": False, "dropout": 0.5}),
]
HEADED: list[tuple[str, dict[str, Any]]] = [
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}),
    ("MultiHeadAttention", {"num_heads": 3, "key_dim": 2, "value_dim": 5, "use_bias": False}),
    ("MultiHeadAttention", {"num_heads": 1, "key_dim": 4, "output_shape": 6, "dropout": 0.5}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "output_shape": (3, 2)}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "use_gate": True, "value_dim": 4}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "sliding_window": 2}),
    ("GroupQueryAttention", {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}),
    (
        "GroupQueryAttention",
        {"head_dim": 2, "num_query_heads": 3, "num_key_value_heads": 1, "use_gate": True},
    ),
    (
        "GroupQueryAttention",
        {
            "head_dim": 2,
            "num_query_heads": 2,
            "num_key_value_heads": 2,
            "sliding_window": 3,
            "use_bias": False,
            "dropout": 0.1,
        },
    ),
]
LIST_CALLS: list[dict[str, Any]] = [
    {},
    {"mask": [QUERY_MASK, VALUE_MASK]},
    {"mask": [None, VALUE_MASK], "return_attention_scores": True},
    {"mask": [QUERY_MASK, None], "use_causal_mask": True},
    {"mask": [QUERY_MASK, VALUE_MASK], "use_causal_mask": True, "return_attention_scores": True},
]
HEADED_CALLS: list[dict[str, Any]] = [
    {},
    {"value_mask": VALUE_MASK},
    {"key_mask": VALUE_MASK, "return_attention_scores": True},
    {"attention_mask": ATTENTION_MASK},
    {"attention_mask": np.zeros((2, 5, 7), bool)},
    {"attention_mask": np.zeros((2, 5, 7), bool), "return_attention_scores": True},
    {"attention_mask": ATTENTION_MASK[:, None], "use_causal_mask": True},
    {"use_causal_mask": True},
    {"use_causal_mask": True, "value_mask": VALUE_MASK, "return_attention_scores": True},
]


def twins(keras: ModuleType, name: str, options: dict[str, Any], *inputs: Any) -> tuple[Any, Any]:
    """Keras's layer and rnnext's, called once on these inputs, with equal random weights."""
    theirs = getattr(keras.layers, name)(**options)
    ours = getattr(layers, name)(**options)
    theirs(*inputs)
    ours(*inputs)
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    dtype = options.get("dtype", "float32")
    weights = [random_array(w.shape, dtype, f"weight {i}") for i, w in enumerate(ours.weights)]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return theirs, ours


def assert_same_outputs(received: Any, expected: Any) -> None:
    for ours, theirs in zip(arrays(received), arrays(expected), strict=True):
        assert_same_output(ours, theirs)


def query_value(dtype: str = "float32") -> tuple[Array, Array]:
    return random_array((2, 5, 4), dtype), random_array((2, 7, 4), dtype)


class TestListLayers:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize(("name", "options"), OPTIONS)
    def test_against_keras(
        self, keras: ModuleType, name: str, options: dict[str, Any], dtype: str
    ) -> None:
        inputs = list(query_value(dtype))
        theirs, ours = twins(keras, name, {**options, "dtype": dtype}, inputs)
        for call in LIST_CALLS:
            assert_same_outputs(ours(inputs, **call), theirs(inputs, **call))
        assert_same_config(theirs, ours)

    @pytest.mark.parametrize(("name", "options"), OPTIONS)
    def test_a_key_that_is_not_the_value(
        self, keras: ModuleType, name: str, options: dict[str, Any]
    ) -> None:
        inputs = [*query_value()[:1], random_array((2, 7, 3)), random_array((2, 7, 4), seed="key")]
        theirs, ours = twins(keras, name, options, inputs)
        call = {"mask": [QUERY_MASK, VALUE_MASK, None], "return_attention_scores": True}
        assert_same_outputs(ours(inputs, **call), theirs(inputs, **call))
        shapes = [x.shape for x in inputs]
        assert ours.compute_output_shape(shapes) == theirs.compute_output_shape(shapes)

    def test_more_axes(self, keras: ModuleType) -> None:
        inputs = [random_array((2, 3, 5, 4)), random_array((2, 3, 7, 4))]
        theirs, ours = twins(keras, "Attention", {"use_scale": True}, inputs)
        call = {"return_attention_scores": True, "use_causal_mask": True}
        assert_same_outputs(ours(inputs, **call), theirs(inputs, **call))

    def test_the_output_has_the_querys_mask(self) -> None:
        layer = layers.Attention()
        inputs = list(query_value())
        y = layer(inputs, mask=[QUERY_MASK, None])
        np.testing.assert_array_equal(y._keras_mask, QUERY_MASK)
        assert getattr(layer(inputs, mask=[None, VALUE_MASK]), "_keras_mask", None) is None


class TestHeads:
    @pytest.mark.parametrize(("name", "options"), HEADED)
    def test_against_keras(self, keras: ModuleType, name: str, options: dict[str, Any]) -> None:
        query, value = query_value()
        theirs, ours = twins(keras, name, options, query, value)
        for call in HEADED_CALLS:
            assert_same_outputs(ours(query, value, **call), theirs(query, value, **call))
        assert_same_config(theirs, ours)

    @pytest.mark.parametrize(("name", "options"), HEADED)
    def test_float64(self, keras: ModuleType, name: str, options: dict[str, Any]) -> None:
        """TensorFlow has 1 / sqrt(size of a head) in float32 even here."""
        query, value = query_value("float64")
        theirs, ours = twins(keras, name, {**options, "dtype": "float64"}, query, value)
        call = {"attention_mask": ATTENTION_MASK, "return_attention_scores": True}
        received, expected = ours(query, value, **call), theirs(query, value, **call)
        for y, reference in zip(received, expected, strict=True):
            assert y.dtype == np.float64
            np.testing.assert_allclose(y, np.asarray(reference), rtol=0, atol=1e-7)

    def test_other_sizes_of_value_and_key(self, keras: ModuleType) -> None:
        inputs = random_array((2, 5, 4)), random_array((2, 7, 6)), random_array((2, 7, 3))
        theirs, ours = twins(keras, "MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, *inputs)
        assert_same_outputs(ours(*inputs), theirs(*inputs))
        query, value, key = inputs
        named = {"query": query, "value": value, "key": key}
        np.testing.assert_array_equal(ours(**named), ours(*inputs))

    @pytest.mark.parametrize("scores", [False, True])
    @pytest.mark.parametrize(
        ("axes", "query", "value", "mask"),
        [
            (None, (2, 3, 4, 5), (2, 2, 6, 5), (2, 3, 4, 2, 6)),
            ((2,), (2, 3, 4, 5), (2, 3, 6, 5), (4, 6)),
            (2, (2, 3, 4, 5), (2, 3, 6, 5), (2, 4, 6)),
            (-2, (2, 3, 4, 5), (2, 3, 6, 5), (2, 1, 1, 4, 6)),
            ((1,), (2, 3, 4, 5), (2, 6, 4, 5), None),
            ((1, 2), (2, 3, 4, 5), (2, 2, 6, 5), (3, 4, 2, 6)),
            ((2, 3), (2, 3, 2, 4, 5), (2, 3, 3, 2, 5), (2, 4, 3, 2)),
        ],
    )
    def test_attention_axes(
        self,
        keras: ModuleType,
        axes: Any,
        query: tuple[int, ...],
        value: tuple[int, ...],
        mask: tuple[int, ...] | None,
        scores: bool,
    ) -> None:
        inputs = random_array(query), random_array(value, seed="value")
        options = {"num_heads": 2, "key_dim": 3, "attention_axes": axes}
        theirs, ours = twins(keras, "MultiHeadAttention", options, *inputs)
        call: dict[str, Any] = {"return_attention_scores": scores}
        if mask is not None:
            call["attention_mask"] = random_array(mask, seed="mask") > -0.3
        assert_same_outputs(ours(*inputs, **call), theirs(*inputs, **call))
        assert_same_config(theirs, ours)

    def test_one_answer_whatever_the_batch(self) -> None:
        query, value = random_array((9, 5, 4)), random_array((9, 7, 4))
        for layer in (
            MultiHeadAttention(2, 3),
            layers.GroupQueryAttention(3, 4, 2),
        ):
            whole = layer(query, value)
            for i in (0, 4, 8):
                alone = layer(query[i : i + 1], value[i : i + 1])
                np.testing.assert_array_equal(alone[0], whole[i])

    def test_fresh_projections_differ(self) -> None:
        layer = MultiHeadAttention(2, 4, kernel_initializer="glorot_uniform")
        layer.build((None, 5, 8), (None, 7, 8))
        query, key = layer.query_dense.get_weights(), layer.key_dense.get_weights()
        assert not np.array_equal(query[0], key[0])

    @pytest.mark.filterwarnings("ignore:.*You are using a softmax over axis")
    @hypothesis.settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
    )
    @hypothesis.given(data=st.data())
    def test_random_layers(self, keras: ModuleType, data: st.DataObject) -> None:
        draw = data.draw
        size = st.integers(1, 5)
        batch, steps, values, features = (draw(size) for _ in range(4))
        options = {
            "num_heads": draw(st.integers(1, 3)),
            "key_dim": draw(size),
            "value_dim": draw(st.none() | size),
            "use_bias": draw(st.booleans()),
            "output_shape": draw(st.none() | size),
            "dropout": draw(st.sampled_from([0.0, 0.1])),
            "sliding_window": draw(st.none() | st.integers(1, 3)),
            "use_gate": draw(st.booleans()),
        }
        query = random_array((batch, steps, features))
        value = random_array((batch, values, features), seed="value")
        call: dict[str, Any] = {
            "use_causal_mask": draw(st.booleans()),
            "return_attention_scores": draw(st.booleans()),
        }
        if draw(st.booleans()):
            call["value_mask"] = random_array((batch, values), seed="mask") > draw(st.floats(-1, 1))
        theirs, ours = twins(keras, "MultiHeadAttention", options, query, value)
        assert_same_outputs(ours(query, value, **call), theirs(query, value, **call))


class TestCasesOfKerasTests:
    """What Keras's own tests of these layers try, beyond the options above."""

    def check(
        self, keras: ModuleType, name: str, options: dict[str, Any], shapes: Any, **call: Any
    ) -> None:
        inputs = [random_array(shape, seed=str(i)) for i, shape in enumerate(shapes)]
        theirs, ours = getattr(keras.layers, name)(**options), getattr(layers, name)(**options)
        theirs(*inputs, **call)
        ours(*inputs, **call)
        weights = [random_array(tuple(w.shape), seed=w.path) / 2 for w in theirs.weights]
        theirs.set_weights(weights)
        ours.set_weights(weights)
        assert_same_output(ours(*inputs, **call), theirs(*inputs, **call))

    @pytest.mark.parametrize("use_gate", [False, True])
    @pytest.mark.parametrize(
        ("query", "value", "mask", "axes"),
        [
            ((3, 4), (3, 2), (4, 2), (2,)),
            ((3, 4), (3, 2), (3, 4, 2), (2,)),
            ((3, 4), (3, 2), (3, 2, 4, 2), (2,)),
            ((3, 4), (3, 2), (3, 4, 3, 2), (1, 2)),
            ((5, 3, 4), (5, 3, 2), (3, 4, 3, 2), (2, 3)),
            ((5, 3, 4), (5, 3, 2), (5, 3, 4, 3, 2), (2, 3)),
        ],
    )
    def test_masks_over_more_axes(
        self, keras: ModuleType, query: Any, value: Any, mask: Any, axes: Any, use_gate: bool
    ) -> None:
        options = {"num_heads": 2, "key_dim": 2, "attention_axes": axes, "use_gate": use_gate}
        allowed = random_array((3, *mask)) > 0
        shapes = [(3, *query, 8), (3, *value, 8)]
        self.check(keras, "MultiHeadAttention", options, shapes, attention_mask=allowed)

    def test_negative_attention_axes(self, keras: ModuleType) -> None:
        options = {"num_heads": 2, "key_dim": 4, "attention_axes": -2}
        self.check(keras, "MultiHeadAttention", options, [(2, 3, 8, 4)] * 2)

    @pytest.mark.parametrize("leading", [(), (2,), (2, 1), (2, 4)])
    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("MultiHeadAttention", {"num_heads": 4, "key_dim": 3}),
            (
                "GroupQueryAttention",
                {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2},
            ),
        ],
    )
    def test_masks_of_numbers_and_of_fewer_axes(
        self, keras: ModuleType, name: str, options: dict[str, Any], leading: tuple[int, ...]
    ) -> None:
        mask = np.broadcast_to(np.tril(np.ones((5, 5))), (*leading, 5, 5))
        self.check(keras, name, options, [(2, 5, 8)] * 2, attention_mask=mask)

    @pytest.mark.parametrize("key", [(2, 7, 6), (2, 7, 5)])
    def test_grouped_values_and_keys_of_other_widths(self, keras: ModuleType, key: Any) -> None:
        options = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
        self.check(keras, "GroupQueryAttention", options, [(2, 5, 8), (2, 7, 6), key])

    def test_axes_that_broadcast(self, keras: ModuleType) -> None:
        options = {"num_heads": 2, "key_dim": 2, "output_shape": (3, 2)}
        shapes = [(7, 4, 2, 3, 8), (7, 1, 1, 5, 8), (7, 1, 1, 5, 2)]
        self.check(keras, "MultiHeadAttention", options, shapes)


class TestModels:
    def test_every_layer_from_a_file(self, keras: ModuleType, tmp_path: Path) -> None:
        query, value = keras.Input((5, 4)), keras.Input((7, 4))
        outputs: list[Any] = []
        for name, options in (*OPTIONS, *HEADED):
            layer = getattr(keras.layers, name)(**options)
            given = (
                ([query, value],)
                if name.endswith("tion") and (name, options) in OPTIONS
                else (
                    query,
                    value,
                )
            )
            outputs += layer(*given, return_attention_scores=True)
            outputs.append(getattr(keras.layers, name)(**options)(*given, use_causal_mask=True))
        model = keras.Model([query, value], outputs)
        model.save(tmp_path / "m.keras")
        ours = rnnext.load_model(tmp_path / "m.keras")
        batch = list(query_value())
        for received, expected in zip(ours(batch), model(batch), strict=True):
            assert_same_output(received, np.asarray(expected))
        ours.save(tmp_path / "copy.keras")
        copy = keras.models.load_model(tmp_path / "copy.keras")
        for received, expected in zip(copy(batch), model(batch), strict=True):
            assert_same_output(np.asarray(received), np.asarray(expected))

    @staticmethod
    def transformer(library: Any) -> Any:
        k = library.layers
        ids = k.Input((6,), dtype="int32")
        embedded = x = k.Embedding(10, 4, mask_zero=True)(ids)
        for _ in range(2):
            x = k.LayerNormalization()(k.Add()([x, k.MultiHeadAttention(2, 3)(x, x)]))
            x = k.LayerNormalization()(k.Add()([x, k.Dense(4, activation="relu")(x)]))
        return library.Model(
            ids,
            [
                k.LSTM(3)(x),
                k.LSTM(3)(x, training=False),
                k.GlobalAveragePooling1D()(x),
                k.MultiHeadAttention(1, 3)(embedded, x),
                k.MultiHeadAttention(1, 2)(x, embedded),
                k.GroupQueryAttention(2, 2, 1)(x, embedded),
                k.Attention()([embedded, x]),
                k.AdditiveAttention()([x, embedded]),
                k.LSTM(2)(k.Dropout(0.5)(embedded)),
            ],
        )

    @pytest.mark.filterwarnings("ignore:Layer '.*' .* was passed an input with a mask")
    def test_masks_through_a_transformer(self, keras: ModuleType, tmp_path: Path) -> None:
        """Keras takes the mask off what a MultiHeadAttention reads: later layers see none.

        But those that are called on one tensor alone have its mask noted before, whether the
        model comes from a file or is written here.
        """
        keras.backend.clear_session()
        rnnext.clear_session()
        theirs, written = self.transformer(keras), self.transformer(rnnext)
        assert [layer.name for layer in written.layers] == [layer.name for layer in theirs.layers]
        written.set_weights(theirs.get_weights())
        theirs.save(tmp_path / "m.keras")
        batch = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 0], [0, 0, 3, 9, 1, 2]])
        for ours in (written, rnnext.load_model(tmp_path / "m.keras")):
            for received, expected in zip(ours(batch), theirs(batch), strict=True):
                assert_same_output(received, np.asarray(expected))

    def test_masks_of_eager_tensors(self) -> None:
        ids = np.array([[1, 2, 0], [3, 0, 0]])
        embedding = Embedding(5, 4, mask_zero=True)
        kept, dropping = (
            MultiHeadAttention(1, 3, name=f"a{keeps}", keeps_masks=keeps) for keeps in (True, False)
        )
        x = embedding(ids)
        y = kept(x, x)
        dropping.build(x.shape, x.shape)
        dropping.set_weights(kept.get_weights())
        np.testing.assert_array_equal(dropping(x, x), y)
        np.testing.assert_array_equal(y._keras_mask, ids != 0)
        assert x._keras_mask is None  # as in Keras since 3.8
        assert not np.array_equal(kept(x, x), y)
        masked = embedding(ids)
        np.testing.assert_array_equal(kept(masked, masked), kept(masked, masked))

    def test_older_files_keep_masks(self) -> None:
        ids = Input((4,), dtype="int32")
        x = Embedding(5, 4, mask_zero=True)(ids)
        first, second = MultiHeadAttention(1, 3)(x, x), MultiHeadAttention(1, 3)(x, x)
        config = rnnext.serialization.serialize(Model(ids, [first, second]))
        from rnnext.saving.legacy.models import to_keras3_config

        outputs = {}
        for version in ("3.7.0", "3.8.0"):
            model = rnnext.serialization.deserialize(to_keras3_config(config, version, "m"))
            a, b = (layer for layer in model.layers if isinstance(layer, MultiHeadAttention))
            b.set_weights(a.get_weights())
            y = model(np.array([[1, 2, 0, 0]]))
            outputs[version] = np.array_equal(*y)
            assert ("keeps_masks" in a.get_config()) == (version == "3.7.0")
        assert outputs == {"3.7.0": True, "3.8.0": False}

    def test_symbolic_shapes(self) -> None:
        query, value = Input((5, 4)), Input((None, 4))
        y, weights = MultiHeadAttention(2, 3)(query, value, return_attention_scores=True)
        assert (y.shape, weights.shape) == ((None, 5, 4), (None, 2, 5, None))
        y, weights = layers.GroupQueryAttention(3, 4, 2)(query, value, return_attention_scores=True)
        assert (y.shape, weights.shape) == ((None, 5, 4), (None, 4, 5, None))
        y, weights = layers.Attention()([query, value], return_attention_scores=True)
        assert (y.shape, weights.shape) == ((None, 5, 4), (None, 5, None))

    def test_missing_projection_in_a_file(self, keras: ModuleType, tmp_path: Path) -> None:
        h5py = pytest.importorskip("h5py")
        query = keras.Input((5, 4))
        model = keras.Model(query, keras.layers.MultiHeadAttention(2, 3)(query, query))
        model.save_weights(tmp_path / "m.weights.h5")
        with h5py.File(tmp_path / "m.weights.h5", "a") as file:
            del file["layers/multi_head_attention/key_dense"]
        x = Input((5, 4))
        ours = Model(x, MultiHeadAttention(2, 3)(x, x))
        with pytest.raises(FileError, match="key_dense"):
            ours.load_weights(tmp_path / "m.weights.h5")


class TestEinsumDense:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("activation", [None, "tanh", "softmax"])
    @pytest.mark.parametrize(
        ("equation", "output_shape", "bias_axes", "shape"),
        [
            ("ab,bc->ac", 4, "c", (2, 3)),
            ("abc,bde->acde", (7, 2, 4), None, (2, 3, 7)),
            ("abc,cd->abd", (None, 5), "d", (2, 3, 4)),
            ("abc,cde->abde", (None, 2, 4), "de", (2, 3, 4)),
            ("abc,cde->abde", (None, 2, 4), "d", (2, 3, 4)),
            ("abc,cde->abde", (None, 2, 4), "e", (2, 3, 4)),
            ("abcd,cde->abe", (None, 5), "e", (2, 3, 4, 6)),
            ("abc,dce->abde", (None, 2, 5), None, (2, 3, 4)),
            ("abc,cd->adb", (5, None), "d", (2, 3, 4)),
            ("ibd,nd->ibn", (2, 2), None, (2, 2, 1)),
            ("abc,bc->ab", (3,), "b", (2, 3, 4)),
            ("...x,xy->...y", 5, "y", (2, 3, 4)),
            ("...x,xy->...y", 5, "y", (2, 4)),
            ("...bc,bc->...b", 3, None, (2, 3, 4)),
            ("...c,cde->...de", (3, 4), "d", (2, 1, 2)),
            ("bc...,cd->bd...", 4, "d", (2, 1, 2, 3)),
            ("bc...,cde->bde...", (3, 4), "de", (2, 1, 2)),
            ("bc...,cde->bde...", (3, 4), "e", (2, 1, 2)),
        ],
    )
    def test_against_keras(
        self,
        keras: ModuleType,
        equation: str,
        output_shape: Any,
        bias_axes: str | None,
        shape: tuple[int, ...],
        activation: str | None,
        dtype: str,
    ) -> None:
        options = {
            "equation": equation,
            "output_shape": output_shape,
            "bias_axes": bias_axes,
            "activation": activation,
            "dtype": dtype,
        }
        assert_same_layer(keras, "EinsumDense", options, random_array(shape, dtype))

    def test_one_answer_whatever_the_batch(self) -> None:
        layer = layers.EinsumDense("abc,cde->abde", (None, 2, 7), bias_axes="de")
        x = random_array((33, 3, 50))
        whole = layer(x)
        np.testing.assert_array_equal(layer(x[17:18])[0], whole[17])

    def test_the_scale_of_fresh_kernels(self, keras: ModuleType) -> None:
        theirs = keras.layers.EinsumDense("abc,cde->abde", (None, 40, 50))
        ours = layers.EinsumDense("abc,cde->abde", (None, 40, 50))
        theirs.build((None, 2, 60))
        ours.build((None, 2, 60))
        expected = np.abs(np.asarray(theirs.kernel)).max()
        assert np.abs(ours.kernel.value).max() == pytest.approx(expected, rel=1e-2)


def test_large_scores_are_computed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory for scores is bounded; the bits are those of the batch as a whole."""
    query, value = random_array((5, 4, 3)), random_array((5, 6, 3), seed="value")
    mask = random_array((5, 6), seed="mask") > 0
    calls: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        (layers.Attention(use_scale=True), ([query, value],), {"mask": [None, mask]}),
        (layers.Attention(score_mode="concat"), ([query, value],), {"use_causal_mask": True}),
        (layers.AdditiveAttention(), ([query, value],), {"mask": [None, mask]}),
        (MultiHeadAttention(2, 3), (query, value), {"value_mask": mask}),
        (layers.GroupQueryAttention(2, 4, 2), (query, value), {"use_causal_mask": True}),
    ]
    for layer, inputs, options in calls:
        whole = layer(*inputs, return_attention_scores=True, **options)
        alone = layer(*inputs, **options)
        with monkeypatch.context() as patch:
            patch.setattr("rnnext.ops.attention._SCORES_AT_ONCE", 50)
            blocks = layer(*inputs, return_attention_scores=True, **options)
            np.testing.assert_array_equal(layer(*inputs, **options), alone)
        for received, expected in zip(blocks, whole, strict=True):
            np.testing.assert_array_equal(received, expected)


def test_infinities_and_nan_come_without_warnings() -> None:
    query, value = query_value()
    query[0, 0, 0], value[1, 0, 0] = np.inf, np.nan
    for name, options in OPTIONS:
        getattr(layers, name)(**options)([query, value], mask=[QUERY_MASK, VALUE_MASK])
    for name, options in HEADED:
        y = getattr(layers, name)(**options)(query, value, value_mask=VALUE_MASK)
        assert np.isnan(y[1]).any()
        assert not np.isnan(y[0, 2]).any()
    layers.EinsumDense("abc,bd->adc", (3, 4))(value)


class TestBadInput:
    @pytest.mark.parametrize("name", NAMES)
    def test_signatures(self, keras: ModuleType, name: str) -> None:
        ours = inspect.signature(getattr(layers, name).__init__).parameters
        theirs = inspect.signature(getattr(keras.layers, name).__init__).parameters
        for parameter, default in theirs.items():
            if parameter in ours and parameter not in ("self", "kwargs"):
                assert ours[parameter].default == default.default, parameter
        positional = [p for p in ours if p not in ("kwargs",)]
        assert positional == [p for p in theirs if p != "kwargs"][: len(positional)]

    @pytest.mark.parametrize(
        ("name", "args", "kwargs", "message"),
        [
            ("Attention", (), {"score_mode": "sum"}, "score_mode must be 'dot' or 'concat'"),
            ("Attention", (), {"heads": 2}, r"unknown arguments \['heads'\]; accepted"),
            ("MultiHeadAttention", (0, 2), {}, "num_heads must be an integer >= 1, received 0"),
            ("MultiHeadAttention", (2, 1.5), {}, "key_dim must be an integer >= 1, received 1.5"),
            ("MultiHeadAttention", (2, 2), {"value_dim": -1}, "value_dim must be .* received -1"),
            ("MultiHeadAttention", (2, 2), {"value_dim": 0}, "value_dim must be .* received 0"),
            ("MultiHeadAttention", (2, 2), {"attention_axes": "1"}, "attention_axes must be"),
            ("MultiHeadAttention", (2, 2), {"output_shape": "3"}, "output_shape must be"),
            ("MultiHeadAttention", (2, 2), {"sliding_window": 0}, "sliding_window must be"),
            ("MultiHeadAttention", (2, 2), {"flash_attention": True}, "flash_attention=True"),
            ("GroupQueryAttention", (2, 3, 2), {}, "num_query_heads=3 must be a multiple of"),
            ("EinsumDense", ("ab->ac", 2), {}, r"equation must be of the form .* 'ab->ac'"),
            ("EinsumDense", ("ab,bc->ad", 2), {}, r"\['d'\] of output 'ad' occur nowhere else"),
            ("EinsumDense", ("ab,bcz->ac", 2), {}, r"\['z'\] of kernel 'bcz'"),
            ("EinsumDense", ("ab,bc->ac", 2), {"bias_axes": "x"}, r"\['x'\] of bias_axes"),
            ("EinsumDense", ("ab,bc->ac", 2), {"lora_rank": 2}, "lora_rank=2"),
        ],
    )
    def test_options(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(UnsupportedError, match=message):
            getattr(layers, name)(*args, **kwargs)

    def test_inputs_of_attention(self) -> None:
        x = random_array((1, 2, 3))
        layer = layers.Attention()
        for inputs in (x, [x], [x, x, x, x]):
            with pytest.raises(ShapeError, match="must be called on a list"):
                layer(inputs)
        with pytest.raises(ShapeError, match="mask must be a list"):
            layer([x, x], mask=np.ones((1, 2), bool))
        with pytest.raises(ShapeError, match=r"query \(1, 2, 3\).* do not fit"):
            layer([x, random_array((1, 2, 4))])

    @pytest.mark.parametrize(
        ("shapes", "message"),
        [
            (((None, 5, 4), (None, 7, 4), (None, 6, 4)), "must agree in all axes but the last"),
            (((None, 5, 4), (None, 7, 2, 4)), "at least three axes and equally many"),
            (((None, 4), (None, 4)), "at least three axes"),
            (((2, 5, 4), (3, 7, 4)), r"one batch size, received shapes \(2, 5, 4\), \(3, 7, 4\)"),
        ],
    )
    def test_shapes_of_heads(self, shapes: Any, message: str) -> None:
        with pytest.raises(ShapeError, match=message):
            MultiHeadAttention(2, 3)(*(Input(batch_shape=shape) for shape in shapes))
        with pytest.raises(ShapeError):
            layers.GroupQueryAttention(3, 2, 1)(*(Input(batch_shape=shape) for shape in shapes))

    def test_masks_that_do_not_fit(self) -> None:
        query, value = query_value()
        with pytest.raises(ShapeError, match="do not broadcast"):
            MultiHeadAttention(2, 3)(
                query, value, value_mask=VALUE_MASK, attention_mask=np.ones((2, 5, 6), bool)
            )
        with pytest.raises(ShapeError, match=r"mask of shape \(2, 1, 5, 6\) does not broadcast"):
            MultiHeadAttention(2, 3)(query, value, attention_mask=np.ones((2, 5, 6), bool))
        with pytest.raises(ShapeError, match=r"mask of shape \(2, 1, 5, 6\) does not broadcast"):
            layers.GroupQueryAttention(3, 2, 1)(
                query, value, attention_mask=np.ones((2, 5, 6), bool)
            )

    def test_a_built_layer_checks_each_call(self) -> None:
        query, value = query_value()
        wide, short = random_array((2, 7, 6)), random_array((2, 6, 4))
        for layer in (MultiHeadAttention(2, 3), layers.GroupQueryAttention(3, 2, 1)):
            layer(query, value)
            with pytest.raises(ShapeError, match=r"\(2, 7, 6\)"):
                layer(query, wide)
            with pytest.raises(ShapeError, match=r"value \(2, 7, 4\)|key \(2, 6, 4\)"):
                layer(query, value, short)

    def test_einsum_shapes(self) -> None:
        layer = layers.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d")
        with pytest.raises(ShapeError, match="'abc' in 'abc,cd->abd' does not fit"):
            layer.build((None, 3))
        with pytest.raises(ShapeError, match=r"sizes of 'cd' .* must be known"):
            layer.build((None, 3, None))
        with pytest.raises(ShapeError, match=r"output_shape=.* does not fit the outputs 'abd'"):
            layers.EinsumDense("abc,cd->abd", 5).build((None, 3, 4))
        with pytest.raises(ShapeError, match=r"'b' of .* is 3 in the input shape .* and 2"):
            layers.EinsumDense("abc,cd->abd", (2, 5)).build((None, 3, 4))

    def test_training(self) -> None:
        query, value = query_value()
        for layer in (MultiHeadAttention(1, 2, dropout=0.5), layers.Attention(dropout=0.5)):
            inputs = (query, value) if isinstance(layer, MultiHeadAttention) else ([query, value],)
            layer(*inputs)
            rnnext.set_random_seed(0)
            first = np.asarray(layer(*inputs, training=True))
            assert np.abs(first - layer(*inputs)).max() > 0.01
            rnnext.set_random_seed(0)
            np.testing.assert_array_equal(layer(*inputs, training=True), first)
