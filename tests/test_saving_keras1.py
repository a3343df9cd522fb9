"""Keras 1: the layouts of its arrays, and how its backend is known.

The files of `data/saving` with keras122 in their names are opened by test_saving_golden.py.
"""

from __future__ import annotations

import io
import json
from typing import Any

import golden_files
import h5py
import numpy as np
import pytest

from rnnext import saving
from rnnext.errors import FileError, UnsupportedError
from rnnext.layers import Conv1D, Conv2D, Input
from rnnext.models import Sequential

Config = dict[str, Any]

KERNEL = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")  # length, channels, ...
BIAS = np.ones(5, "float32")


def weights_file(*arrays: Any, suffix: str = ":0", **attributes: Any) -> bytes:
    """A weights-only file with one layer; Keras 1 writes it without any of the attributes."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs.update(layer_names=[b"c"], **attributes)
        names = [f"c_{i}{suffix}" for i in range(len(arrays))]
        file.create_group("c").attrs["weight_names"] = [name.encode() for name in names]
        for name, array in zip(names, arrays, strict=True):
            file["c"][name] = array
    return buffer.getvalue()


def model_file(class_name: str, shape: list[int], options: Config, *arrays: Any) -> bytes:
    """A whole model of one layer, saved by Keras 1.2.2 on TensorFlow."""
    config = {"name": "c", "batch_input_shape": [None, *shape], **options}
    model = {"class_name": "Sequential", "config": [{"class_name": class_name, "config": config}]}
    buffer = io.BytesIO(weights_file(*arrays))
    with h5py.File(buffer, "r+") as file:
        file.create_group("model_weights").attrs["layer_names"] = [b"c"]
        file.move("c", "model_weights/c")
        del file.attrs["layer_names"]
        file.attrs.update(model_config=json.dumps(model), keras_version="1.2.2")
    return buffer.getvalue()


def loaded_kernel(content: bytes) -> Any:
    model = Sequential([Input((6, 4)), Conv1D(5, 3, name="c")])
    model.load_weights(content)
    return model.get_weights()[0]


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(KERNEL[:, None], id="1.2"),
        pytest.param(KERNEL.transpose(2, 1, 0)[..., None], id="before 1.2"),
    ],
)
def test_kernels_of_conv1d_have_a_row_of_one(stored: Any) -> None:
    np.testing.assert_array_equal(loaded_kernel(weights_file(stored, BIAS)), KERNEL)


def test_kernel_of_conv1d_that_does_not_fit() -> None:
    with pytest.raises(FileError, match=r"weight 'kernel': shape \(3, 4, 5\) is expected"):
        loaded_kernel(weights_file(np.ones((2, 1, 4, 5)), BIAS))


@pytest.mark.parametrize(
    ("suffix", "attributes", "turned"),
    [
        (":0", {}, False),
        ("", {}, True),  # Theano
        ("", {"backend": "theano", "keras_version": "2.0.8"}, True),
        ("", {"backend": "cntk", "keras_version": "2.0.8"}, False),
        (":0", {"backend": "tensorflow", "keras_version": "2.0.8"}, False),
    ],
)
def test_theano_is_known_by_its_names(suffix: str, attributes: Config, turned: bool) -> None:
    stored = KERNEL if attributes else KERNEL[:, None]
    kernel = loaded_kernel(weights_file(stored, BIAS, suffix=suffix, **attributes))
    np.testing.assert_array_equal(kernel, KERNEL[::-1] if turned else KERNEL)


@pytest.mark.parametrize("rank", [2, 3])
def test_kernels_with_channels_first(rank: int) -> None:
    sizes = ("nb_row", "nb_col") if rank == 2 else ("kernel_dim1", "kernel_dim2", "kernel_dim3")
    window = tuple(range(2, 2 + rank))
    stored = np.random.default_rng(1).normal(size=(5, 4, *window)).astype("float32")
    options = {"nb_filter": 5, "dim_ordering": "th", **dict(zip(sizes, window, strict=True))}
    content = model_file(f"Convolution{rank}D", [4, 6, 6, 6][: rank + 1], options, stored, BIAS)
    kernel = saving.load_model(content).get_weights()[0]
    np.testing.assert_array_equal(kernel, stored.transpose(*range(2, rank + 2), 1, 0))


def test_gates_of_conv_lstm_are_joined() -> None:
    name = "keras122tf_convolutions_tf.h5"
    with h5py.File(io.BytesIO(golden_files.content(name))) as file:
        group = file["model_weights"][file["model_weights"].attrs["layer_names"][0]]
        arrays = [group[weight][()] for weight in group.attrs["weight_names"]]
    kernel, recurrent, bias = saving.load_model(golden_files.content(name)).layers[0].get_weights()
    for part, joined in enumerate((kernel, recurrent, bias)):
        i, c, f, o = arrays[part::3]  # Keras 1's order of the gates
        np.testing.assert_array_equal(joined, np.concatenate([i, f, c, o], axis=-1))


PADDED = {"filters": 5, "padding": "same", "name": "c"}


@pytest.mark.parametrize(
    ("options", "is_read"),
    [
        ({"kernel_size": 3}, True),
        ({"kernel_size": 2}, False),
        ({"kernel_size": 2, "padding": "valid"}, True),
        ({"kernel_size": 2, "dilation_rate": 2}, True),
        ({"kernel_size": 3, "strides": 2}, False),
        ({"kernel_size": 3, "strides": 2, "padding": "valid"}, True),
    ],
)
def test_windows_that_theano_places_elsewhere(options: Config, is_read: bool) -> None:
    model = Sequential([Input((6, 6, 4)), Conv2D(**{**PADDED, **options})])
    content = weights_file(*model.get_weights(), backend="theano", keras_version="2.0.8")
    if is_read:
        model.load_weights(content)
        return
    with pytest.raises(UnsupportedError, match=r"layer 'c' \(Conv2D\): with padding 'same', Th"):
        model.load_weights(content)


@pytest.mark.parametrize(
    ("class_name", "options", "reason"),
    [
        ("UpSampling2D", {"size": [2, 2]}, r"channels of a UpSampling2D come first or last"),
        ("ZeroPadding3D", {}, r"channels of a ZeroPadding3D come first or last"),
        ("MaxPooling2D", {"dim_ordering": "default"}, r"dim_ordering 'default'; .*'tf', 'th'"),
        ("Convolution2D", {"nb_filter": 1, "nb_row": 1, "nb_col": 1, "border_mode": "full"},
         r"padding must be .*'full'"),
    ],
)  # fmt: skip
def test_refused(class_name: str, options: Config, reason: str) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        saving.load_model(model_file(class_name, [6, 6, 4], options))
