"""Malicious archives: each raises an error with file, part and reason."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import golden_files
import pytest

from rnnext import saving
from rnnext.errors import FileError, ShapeError
from rnnext.saving import Limits

NAME = "keras315_sequential.keras"


def members() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(golden_files.content(NAME))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(*extra: tuple[str | zipfile.ZipInfo, bytes]) -> bytearray:
    """The golden model with further members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members().items():
            archive.writestr(name, content)
        for item, content in extra:
            archive.writestr(item, content)
    return bytearray(buffer.getvalue())


def refused(content: bytes | bytearray, match: str, limits: Limits | None = None) -> None:
    with pytest.raises(FileError, match=match) as caught:
        saving.load_model(content, limits=limits)
    assert str(caught.value).startswith("<bytes>: ")


def test_extra_harmless_member_is_accepted() -> None:
    golden_files.assert_gives_recorded_outputs(saving.load_model(packed(("note", b"x"))), NAME)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/passwd", "absolute path"),
        ("C:/windows", "absolute path"),
        ("\\\\server\\share", "absolute path"),
        ("assets/../../x", "leaves the archive"),
        ("..\\x", "leaves the archive"),
    ],
)
def test_name_that_leaves_the_archive(name: str, reason: str) -> None:
    refused(packed((name, b"")), f"name refused: .*{reason}")


def test_name_with_nul() -> None:
    content = packed(("aXb", b""))
    refused(content.replace(b"aXb", b"a\x00b"), "NUL")


def test_duplicate_member() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = packed(("config.json", b"{}"))
    refused(content, "'config.json': listed twice")


def test_symbolic_link() -> None:
    link = zipfile.ZipInfo("link")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused(packed((link, b"/etc/passwd")), "'link': a symbolic link")


def test_encrypted_member() -> None:
    content = packed(("secret", b"x"))
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 8] |= 1
    refused(content, "'secret': encrypted")


def test_other_compression() -> None:
    info = zipfile.ZipInfo("note")
    info.compress_type = zipfile.ZIP_LZMA
    refused(packed((info, b"x")), "'note': compression method 14; accepted are stored and deflated")


def deflated(name: str, content: bytes, declared: int) -> bytes:
    """An archive of one deflated member whose headers declare any size."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(content) + packer.flush()
    crc = zlib.crc32(content[:declared])
    encoded = name.encode()
    common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, crc, len(data), declared, len(encoded), 0)
    local = b"PK\x03\x04" + common + encoded + data
    entry = b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0)
    entry += encoded
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local), 0)
    return local + entry + end


def test_declared_bomb() -> None:
    content = deflated("config.json", bytes(50_000_000), 50_000_000)
    refused(content, r"'config.json': an expansion bomb: \d+ bytes declare 50000000")


def test_undeclared_bomb() -> None:
    """More inside than declared, with a CRC-32 that fits the declared part."""
    content = deflated("config.json", b"{" + b" " * 50_000_000 + b"}", 100)
    refused(content, "holds 101 bytes or more, the directory declares 100")


def test_less_than_declared() -> None:
    refused(deflated("config.json", b"{}", 100), "holds 2 bytes or more, .* declares 100")


def test_expansion_limit_can_be_raised() -> None:
    limits = Limits(expansion=2000)
    content = deflated("config.json", b"{" + b" " * 50_000_000 + b"}", 50_000_002)
    refused(content, "model.weights.h5, .* is expected", limits)


def test_member_larger_than_its_limit() -> None:
    refused(packed(), r"config.json: \d+ bytes, at most 100 are accepted", Limits(config_bytes=100))
    refused(packed(), r"model.weights.h5: \d+ bytes, at most 9", Limits(weights_bytes=9))


def test_too_many_members() -> None:
    refused(packed(), "3 members, at most 2", Limits(archive_members=2))


def test_damaged_content() -> None:
    content = packed()
    content[content.index(b'"class_name"')] ^= 1
    refused(content, r"config\.json: damaged \(CRC-32")


def test_local_header_names_another_member() -> None:
    content = packed()
    content[content.index(b"config.json")] = ord("k")
    refused(content, "config.json: its local header names b'konfig.json'")


def test_local_header_outside_the_file() -> None:
    content = packed()
    entry = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", entry + 1)
    content[second + 42 : second + 46] = struct.pack("<I", 0x7FFFFFF0)
    refused(content, "config.json: its local header lies outside the file")


@pytest.mark.parametrize("missing", ["config.json", "model.weights.h5"])
def test_missing_member(missing: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members().items():
            if name != missing:
                archive.writestr(name, content)
    refused(buffer.getvalue(), f"{missing}.*the archive has")


def test_truncated_at_every_length() -> None:
    content = golden_files.content(NAME)
    for length in [*range(200), *range(200, len(content), 97), len(content) - 1]:
        with pytest.raises(FileError):
            saving.load_model(content[:length])


def archive_of_config(text: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "2.13.1"}')
        archive.writestr("config.json", text)
        archive.writestr("model.weights.h5", members()["model.weights.h5"])
    return buffer.getvalue()


def test_folder_with_a_link_that_leaves_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text("{}")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").symlink_to(outside)
    with pytest.raises(FileError, match=r"config\.json: a link that leaves the folder"):
        saving.load_model(folder)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[" * 50_000, "a JSON object is expected|nested deeper"),
        (b'{"a":' * 50_000, "nested deeper than 100 levels"),
        (b"[1, 2]", "a JSON object is expected, received list"),
        (b'{"a": }', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"{}", "model class None"),
        (b'{"class_name": "Sequential", "config": 3}', "a list of layers is expected"),
        (b'{"class_name": "Sequential", "config": {"layers": [5]}}', "a serialized object"),
        (b'{"class_name": "MyModel", "config": {}}', "a subclassed model cannot"),
    ],
)
def test_bad_config(text: bytes, reason: str) -> None:
    refused(archive_of_config(text), reason)


def test_brackets_inside_strings_are_no_depth() -> None:
    with pytest.raises(FileError, match="model class None"):
        saving.load_model(archive_of_config(b'{"note": "' + b"[{" * 1000 + b'\\""}'))


def test_architecture_that_asks_for_more_memory_than_allowed() -> None:
    text = members()["config.json"].replace(b'"units": 4', b'"units": 40000')
    limits = Limits(weights_bytes=1 << 20)
    with pytest.raises(
        ShapeError, match=r"weight of shape \(3, 160000\) .*at most 1048576"
    ) as caught:
        saving.load_model(archive_of_config(text), limits=limits)
    assert str(caught.value).startswith("<bytes>: ")
