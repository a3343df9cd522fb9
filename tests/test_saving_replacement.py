"""A file is replaced whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import rnnext
from rnnext.errors import FileError
from rnnext.layers import LSTM, Input
from rnnext.saving.formats import replacement
from rnnext.saving.formats.replacement import replaced, write_file

posix = pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")
as_user = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


@posix
@pytest.mark.usefixtures("umask")
def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    write_file(tmp_path / "ours", b"1")
    (tmp_path / "other").write_bytes(b"1")
    assert mode(tmp_path / "ours") == mode(tmp_path / "other") == 0o640


@posix
def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o604)
    write_file(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o604


@posix
def test_links_stay_and_lead_to_the_new_content(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    target, link, dangling = folder / "target", tmp_path / "link", tmp_path / "dangling"
    target.write_bytes(b"old")
    link.symlink_to(target)
    dangling.symlink_to(folder / "new")
    write_file(link, b"1")
    write_file(dangling, b"2")
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert (target.read_bytes(), (folder / "new").read_bytes()) == (b"1", b"2")
    assert sorted(p.name for p in folder.iterdir()) == ["new", "target"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(28, "full")])
@pytest.mark.parametrize("old", [b"old", None])
def test_a_failure_leaves_everything_as_it_was(
    error: BaseException, old: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    if old is not None:
        path.write_bytes(old)

    def fail() -> None:
        with replaced(path) as stream:
            stream.write(b"half of")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if old is None else [old])


def test_a_failure_of_the_last_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def refuse(self: Path, _target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(replacement.Path, "replace", refuse)
    with pytest.raises(PermissionError) as caught:
        write_file(path, b"new")
    assert caught.value.filename == str(path)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


def test_errors_name_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        write_file(tmp_path / "no folder" / "file", b"")
    assert missing.value.filename == str(tmp_path / "no folder" / "file")
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path, b"")
    with pytest.raises(ValueError, match="null byte"):
        write_file("a\0b", b"")


@posix
@as_user
def test_a_read_only_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        write_file(path, b"new")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


@posix
def test_what_is_no_regular_file_is_written_to() -> None:
    write_file("/dev/null", b"gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5", "w.h5"])
def test_saving_over_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / name
    model = rnnext.Sequential([Input((None, 2)), LSTM(2)])
    save = model.save if name.startswith("m.") and "weights" not in name else model.save_weights
    path.write_bytes(b"old")
    with pytest.raises(FileError, match="the file exists; overwrite=True replaces it"):
        save(path, overwrite=False)
    monkeypatch.setattr("json.dumps", lambda *_, **__: 1 / 0)
    monkeypatch.setattr("h5py.File.create_group", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(path)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]
    monkeypatch.undo()
    save(path)
    assert path.stat().st_size > 1000
    assert len(list(tmp_path.iterdir())) == 1
