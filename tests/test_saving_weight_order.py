"""The order of weights in legacy HDF5 files of which a part was frozen before it was saved.

Keras writes what is trained first. Its own reload of such a file is wrong where the config does
not say what was frozen; the trained model's answer is right.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import golden_files
import h5py
import numpy as np
import pytest

import rnnext
from rnnext import saving
from rnnext.errors import FileError
from rnnext.layers import LSTM, Bidirectional, Dense, Input
from rnnext.models import Model, Sequential

NOT_TRAINED = ("moving_mean", "moving_variance", "running_mean", "running_std")
FILES = [
    name
    for name in golden_files.names("*.h5")
    if any(part in name for part in ("_bidirectional", "_stacked", "_nested", "_functional"))
]


def blocks(names: list[str]) -> list[list[str]]:
    """The names of a layer's weights, cut where another cell or layer begins."""
    found: list[list[str]] = []
    for name in names:
        leaf = name.split(":")[0].rpartition("/")[2]
        begins = leaf.startswith(("kernel", "gamma")) or leaf.endswith(("_W", "_W_i", "_W_z"))
        if begins or not found or any(word in name for word in NOT_TRAINED):
            found.append([])
        found[-1].append(name)
    return found


def frozen_orders(names: list[str]) -> Iterator[list[str]]:
    """The orders in which the names stand if one block, or all but one, was frozen."""
    cut = blocks(names)
    trained = [b for b in cut if not any(word in b[0] for word in NOT_TRAINED)]
    others = [name for b in cut if b not in trained for name in b]
    for some in ([[b] for b in trained], [[c for c in trained if c is not b] for b in trained]):
        for frozen in some:
            first = [name for b in trained if b not in frozen for name in b]
            yield [*first, *(name for b in frozen for name in b), *others]


def reordered(name: str, number: int) -> bytes | None:
    """A golden file whose weights stand as if a part of each layer had been frozen."""
    buffer = io.BytesIO(golden_files.content(name))
    changed = False
    with h5py.File(buffer, "r+") as file:
        weights = file["model_weights"]
        for layer in weights.attrs["layer_names"]:
            names = [
                n if isinstance(n, str) else n.decode()
                for n in weights[layer].attrs["weight_names"]
            ]
            orders = list(frozen_orders(names))
            if number < len(orders):
                changed = changed or orders[number] != names
                weights[layer].attrs["weight_names"] = [n.encode() for n in orders[number]]
    return buffer.getvalue() if changed else None


@pytest.mark.parametrize("name", FILES)
def test_names_prove_the_order_in_files_of_every_age(name: str) -> None:
    contents = [content for n in range(8) if (content := reordered(name, n)) is not None]
    for content in contents:
        golden_files.assert_gives_recorded_outputs(saving.load_model(content), name)
    assert contents or "functional" in name or "nested" in name


@pytest.mark.parametrize("name", ["tfkeras221_frozen.h5"])
def test_frozen_parts_that_keras_2_saved(name: str) -> None:
    golden_files.assert_gives_recorded_outputs(saving.load_model(golden_files.content(name)), name)


# Random models, saved by Keras 2 and 3 -------------------------------------------------------

SEQUENCES = {"return_sequences": True}
D = 3


def layer_of(k: Any, choose: random.Random, depth: int = 0) -> Any:
    """A layer that keeps the shape (B, 5, 3)."""
    layers = k.layers
    makers: list[Callable[[], Any]] = [
        lambda: layers.Dense(D),
        lambda: layers.BatchNormalization(),
        lambda: layers.LSTM(D, **SEQUENCES),
        lambda: layers.Bidirectional(layers.LSTM(D, **SEQUENCES), merge_mode="sum"),
        lambda: layers.RNN([layers.LSTMCell(D), layers.LSTMCell(D)], **SEQUENCES),
        lambda: layers.TimeDistributed(layers.Dense(D)),
        lambda: layers.Bidirectional(
            layers.RNN([layers.LSTMCell(D), layers.LSTMCell(D)], **SEQUENCES), merge_mode="sum"
        ),
        lambda: layers.Bidirectional(
            layers.LSTM(D, **SEQUENCES),
            backward_layer=layers.LSTM(D, go_backwards=True, name=f"b{depth}", **SEQUENCES),
            merge_mode="sum",
        ),
        lambda: layers.TimeDistributed(
            k.Sequential([k.Input((D,)), layers.Dense(D), layers.BatchNormalization()])
        ),
    ]
    if depth < 2:
        inner = depth + 1
        makers += 2 * [
            lambda: k.Sequential(
                [k.Input((5, D)), *(layer_of(k, choose, inner) for _ in range(3))]
            ),
            lambda: graph_of(k, *(layer_of(k, choose, inner) for _ in range(3))),
        ]
    return choose.choice(makers)()


def graph_of(k: Any, first: Any, second: Any, last: Any) -> Any:
    x = k.Input((5, D))
    y = k.layers.Add()([last(first(x)), second(x)])
    return k.Model(x, k.layers.MultiHeadAttention(2, 2)(y, x))


def parts(layer: Any) -> list[Any]:
    """A Keras layer and everything inside it that can be frozen."""
    names = ("forward_layer", "backward_layer", "cell", "_query_dense", "_key_dense")
    inside = [getattr(layer, name) for name in names if hasattr(layer, name)]
    if hasattr(layer, "layer") and not hasattr(layer, "forward_layer"):
        inside.append(layer.layer)
    inside += [*getattr(layer, "layers", []), *getattr(layer, "cells", [])]
    return [layer, *(part for child in inside for part in parts(child))]


def frozen_model(k: Any, seed: int) -> Any:
    choose, values = random.Random(seed), np.random.default_rng(seed)
    layers = [layer_of(k, choose) for _ in range(2)]
    model = k.Sequential([k.Input((5, D)), *layers])
    shapes = [weight.shape for weight in model.get_weights()]
    model.set_weights([values.uniform(0.1, 0.9, shape).astype("f4") for shape in shapes])
    every = [part for layer in layers for part in parts(layer)]
    for part in every:
        if choose.random() < 0.25:
            part.trainable = False
    for part in every:
        if choose.random() < 0.1:
            part.trainable = True
    return model


@pytest.fixture(params=["keras", "tf_keras"])
def library(request: pytest.FixtureRequest, keras: ModuleType) -> Any:
    return keras if request.param == "keras" else pytest.importorskip("tf_keras")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", [5, 1, 6])
def test_random_models_with_frozen_parts(library: Any, seed: int, tmp_path: Path) -> None:
    model = frozen_model(library, seed)
    x = np.random.default_rng(seed).normal(size=(2, 5, D)).astype("f4")
    expected = np.asarray(model(x))
    model.save(tmp_path / "m.h5")
    ours = [saving.load_model(tmp_path / "m.h5"), rnnext.from_keras(model)]
    for our, weight in zip(ours[1].get_weights(), ours[0].get_weights(), strict=True):
        np.testing.assert_array_equal(our, weight)
    ours[1].set_weights([np.zeros_like(weight) for weight in ours[1].get_weights()])
    ours[1].load_weights(tmp_path / "m.h5")
    for our in ours:
        close = 2e-5 * abs(expected).max()
        np.testing.assert_allclose(our.predict(x), expected, rtol=0, atol=close)
    if library.__name__ == "keras":  # Keras 2 has the weights of a model itself last
        for our, weight in zip(ours[0].get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(our, weight)


# What names do not say -----------------------------------------------------------------------


def legacy_file(layer_name: str, weights: list[tuple[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs.update({"keras_version": "2.15.0", "backend": "tensorflow"})
        file.attrs["layer_names"] = [layer_name]
        group = file.create_group(layer_name)
        group.attrs["weight_names"] = [name for name, _ in weights]
        for name, values in weights:
            group[name] = np.asarray(values, "f4")
    return buffer.getvalue()


def two_layers(*names: str) -> Model:
    inner = Sequential([Input((2,)), *(Dense(2, use_bias=False, name=name) for name in names)])
    return Sequential([Input((2,)), inner])


ONES, TWOS = np.ones((2, 2)), np.full((2, 2), 2)


@pytest.mark.parametrize(
    ("in_file", "in_model", "swapped"),
    [
        (("dense_8", "dense_7"), ("dense_3", "dense_4"), True),  # the same program, run again
        (("dense_7", "dense_8"), ("dense_3", "dense_4"), False),
        (("top", "bottom"), ("bottom", "top"), True),
        (("top", "bottom"), ("a", "b"), False),  # nothing in common: Keras's rule
        (("top_1", "top"), ("a", "b"), False),
    ],
)
@pytest.mark.parametrize("suffix", [":0", ""])
def test_weights_only(in_file: Any, in_model: Any, swapped: bool, suffix: str) -> None:
    stored = [(f"{name}/kernel{suffix}", v) for name, v in zip(in_file, (ONES, TWOS), strict=True)]
    model = two_layers(*in_model)
    model.load_weights(legacy_file("x", stored))
    expected = [TWOS, ONES] if swapped else [ONES, TWOS]
    for weight, right in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, right)


def test_flags_of_the_model_decide_where_names_do_not() -> None:
    model = two_layers("a", "b")
    model.layers[0].layers[0].trainable = False
    model.load_weights(legacy_file("x", [("top/kernel:0", ONES), ("bottom/kernel:0", TWOS)]))
    np.testing.assert_array_equal(model.get_weights()[0], TWOS)


def test_an_order_that_no_freezing_explains_is_the_order_of_the_layers() -> None:
    values = [np.full((2, 2), n) for n in range(3)]
    names = ("dense_3", "dense_2", "dense_1")
    model = two_layers("dense_5", "dense_6", "dense_7")
    model.load_weights(
        legacy_file("x", [(f"{name}/kernel:0", v) for name, v in zip(names, values, strict=True)])
    )
    assert [weight[0, 0] for weight in model.get_weights()] == [0, 1, 2]


def direction(name: str, value: float) -> list[tuple[str, Any]]:
    cell = f"bidirectional_4/{name}/lstm_cell_9"
    shapes = {"kernel": (3, 8), "recurrent_kernel": (2, 8), "bias": (8,)}
    return [(f"{cell}/{leaf}:0", np.full(shape, value)) for leaf, shape in shapes.items()]


@pytest.mark.parametrize("by_name", [False, True])
def test_directions_by_order_and_by_name(by_name: bool) -> None:
    model = Sequential([Input((5, 3)), Bidirectional(LSTM(2), name="both")])
    stored = direction("backward_lstm_8", 2) + direction("forward_lstm_8", 1)
    model.load_weights(legacy_file("both", stored), by_name=by_name)
    assert [weight.flat[0] for weight in model.get_weights()] == [1, 1, 1, 2, 2, 2]


def test_names_that_lead_to_other_shapes_change_nothing() -> None:
    model = Sequential([Input((5, 3)), Bidirectional(LSTM(2), name="both")])
    before = model.get_weights()
    stored = direction("backward_lstm_8", 2) + direction("forward_lstm_8", 1)
    stored[3] = (stored[3][0], np.ones((4, 8)))
    with pytest.raises(FileError, match=r"both.*'kernel': shape \(3, 8\) .* has \(4, 8\)"):
        model.load_weights(legacy_file("both", stored))
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
