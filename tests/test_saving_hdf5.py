"""The HDF5 reader: what Keras writes comes out unchanged, the rest raises a named error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import golden_files
import h5py
import numpy as np
import pytest

from rnnext import saving
from rnnext.errors import FileError
from rnnext.saving import Limits
from rnnext.saving.formats.hdf5 import Group, read_hdf5


def read(path: Path, limits: Limits | None = None) -> Group:
    return read_hdf5(path, "m.h5", limits or Limits())


def refused(path: Path, match: str, limits: Limits | None = None) -> None:
    with pytest.raises(FileError, match=match) as caught:
        read(path, limits)
    assert str(caught.value).startswith("m.h5: ")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.h5"


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8", "<f2", "<i8", ">i4", "u1", "?"])
def test_arrays_of_numbers(path: Path, dtype: str) -> None:
    values = np.arange(6).reshape(2, 3).astype(dtype)
    with h5py.File(path, "w") as file:
        file["a/b/c"] = values
        file["scalar"] = values[1, 1]
        file["nothing"] = np.zeros((0, 3), dtype)
    root = read(path)
    array = root.array("a/b/c")
    assert array is not None
    np.testing.assert_array_equal(array, values)
    assert array.dtype.isnative
    assert array.flags.c_contiguous
    assert root.arrays["scalar"].shape == ()
    assert root.arrays["nothing"].shape == (0, 3)
    assert root.array("a/b/x") is None
    assert root.group("a/x/b") is None


@pytest.mark.parametrize("compression", [None, "gzip", "lzf"])
def test_chunks_and_compression(path: Path, compression: str | None) -> None:
    values = np.random.default_rng(0).normal(size=(40, 30)).astype("float32")
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=values, chunks=(7, 8), compression=compression, shuffle=True)
    np.testing.assert_array_equal(read(path).arrays["a"], values)


def test_nan_and_infinity_are_weights_too(path: Path) -> None:
    values = np.array([np.nan, np.inf, -np.inf, -0.0], "float32")
    with h5py.File(path, "w") as file:
        file["a"] = values
    np.testing.assert_array_equal(read(path).arrays["a"], values)


def test_bfloat16(path: Path) -> None:
    """Keras stores the upper halves of float32 numbers as opaque bytes with an attribute."""
    values = np.array([[1.5, -2.0, 3e38], [np.nan, np.inf, 0.0]], "float32")
    halves = (values.view("<u4") >> 16).astype("<u2").view("V2")
    with h5py.File(path, "w") as file:
        file["a"] = halves
        file["a"].attrs["dtype"] = "bfloat16"
        file["legacy"] = halves
    expected = (values.view("<u4") & 0xFFFF0000).view("<f4")
    for array in read(path).arrays.values():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, expected)


def test_a_single_bfloat16(path: Path) -> None:
    """Such as the scale of an Attention: its shape is () as that of other types."""
    with h5py.File(path, "w") as file:
        file["a"] = np.array(0x3FC0, "<u2").view("V2")
        file["a"].attrs["dtype"] = "bfloat16"
    (array,) = read(path).arrays.values()
    np.testing.assert_array_equal(array, np.float32(1.5), strict=True)


def test_names_in_chunks(path: Path) -> None:
    """Keras cuts a list of names of more than 64 KB into name0, name1, ..."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names0"] = [b"a", b"b"]
        file.attrs["layer_names1"] = ["c"]
        file.attrs["layer_names3"] = [b"not reached"]
        file.attrs["weight_names"] = np.array([])
        file.attrs["keras_version"] = b"2.1.6"
        file.attrs["something"] = np.arange(3)
    root = read(path)
    assert root.names("layer_names") == ["a", "b", "c"]
    assert root.names("weight_names") == []
    assert root.names("other") is None
    assert root.text("keras_version") == "2.1.6"
    assert "something" not in root.attributes


def test_ignored_groups_are_not_looked_into(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["optimizer/vars/0"] = h5py.SoftLink("/nowhere")
        file["layers/optimizer/vars/0"] = np.ones(2)
    root = read_hdf5(path, "m.h5", Limits(), ignored={"optimizer"})
    assert list(root.groups) == ["layers"]
    assert root.array("layers/optimizer/vars/0") is not None


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        (h5py.SoftLink("/a"), "/x: a SoftLink; only hard links are read"),
        (h5py.ExternalLink("/etc/passwd", "/"), "/x: a ExternalLink; only hard links are read"),
    ],
)
def test_links(path: Path, link: Any, reason: str) -> None:
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(2)
        file["x"] = link
    refused(path, reason)


def test_virtual_dataset(path: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["a"] = np.ones(3)
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "a", (3,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("x", layout)
    refused(path, "/x: a virtual dataset")


def test_external_storage(path: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(24))
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (3,), "f8", external=[(str(tmp_path / "secret"), 0, 24)])
    refused(path, "/x: external storage")


@pytest.mark.parametrize(
    "dtype", [h5py.string_dtype(), h5py.vlen_dtype("f4"), h5py.ref_dtype, "S3", [("a", "f4")], "c8"]
)
def test_dtypes_that_are_no_numbers(path: Path, dtype: Any) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (2,), dtype)
    refused(path, "/x: dtype .*; numbers are expected")


def test_empty_dataspace_and_named_type(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"] = h5py.Empty("f4")
    refused(path, "/x: an empty dataspace")
    with h5py.File(path, "w") as file:
        file["x"] = np.dtype("f4")
    refused(path, "/x: a Datatype, not data")


def test_other_filters(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.arange(100), chunks=(10,), scaleoffset=0)
    refused(path, "/x: HDF5 filter 6; accepted are deflate")


def test_text_attribute_of_another_kind(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = np.arange(3)
    refused(path, "attribute 'model_config': text is expected")
    with h5py.File(path, "w") as file:
        file.attrs["weight_names"] = [b"\xff\xfe"]
    refused(path, "attribute 'weight_names': not UTF-8")


def test_declared_size_without_data(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024), compression="gzip")
    refused(path, "/x: an expansion bomb: 0 stored bytes declare shape")
    refused(path, "/x: shape .* at most 4294967296", Limits(expansion_floor=1 << 50))


def test_limits(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for index in range(5):
            file[f"a/{index}"] = np.ones(10, "f4")
        file["b/c/d/e"] = np.ones(1)
        file.attrs["model_config"] = b"x" * 100
    refused(path, "more than 4 objects", Limits(hdf5_objects=4))
    refused(path, "groups nested deeper than 2", Limits(hdf5_depth=2))
    refused(path, "at most 100 are accepted", Limits(weights_bytes=100))
    refused(path, "attribute 'model_config'.* 100 bytes", Limits(config_bytes=99))


def test_ring_of_hard_links(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_group("a/b")
        file["a/b/c"] = file["a"]
    refused(path, "groups nested deeper than 64")


@pytest.mark.parametrize("name", ["tf25_functional.h5", "keras315_weights.weights.h5"])
def test_truncated_at_every_length(name: str) -> None:
    content = golden_files.content(name)
    for length in [*range(0, 2000, 7), *range(2000, len(content), 331), len(content) - 1]:
        with pytest.raises(FileError, match=r"^m\.h5: HDF5: "):
            read_hdf5(content[:length], "m.h5", Limits())
        with pytest.raises(FileError, match=r"^<bytes>: "):
            saving.load_model(content[:length])


def test_heap_that_makes_the_library_run_forever() -> None:
    """Found by fuzzing: a length of an object in a global heap that leads nowhere."""
    content = bytearray(golden_files.content("keras122_functional.h5"))
    heap = content.index(b"GCOL")
    second_object = heap + 16 + 24  # the first one is the text "1.2.2"
    for length in (0xFFFFFFFFFFFFFFF0, 1 << 40, 4096, 3):
        content[second_object + 8 : second_object + 16] = length.to_bytes(8, "little")
        with pytest.raises(FileError, match=f"damaged global heap at byte {heap}"):
            saving.load_model(content)


def test_heap_signature_among_weights(path: Path) -> None:
    values = np.frombuffer(b"GCOL\x01\x00\x00\x00" + b"\xff" * 8, "f4")
    with h5py.File(path, "w") as file:
        file["x"] = values
    np.testing.assert_array_equal(read(path).arrays["x"], values)
