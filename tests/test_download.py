"""`get_file`, beside Keras's, from a server on this machine."""

from __future__ import annotations

import hashlib
import http.server
import io
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rnnext.errors import FileError, UnsupportedError
from rnnext.utils import get_file

pytest.importorskip("pooch")

CONTENT = b"some numbers" * 1000


# Python before 3.10.12 and 3.11.4 cannot extract tar archives safely, which get_file says.
needs_safe_tar = pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"),
    reason="tar archives cannot be extracted safely",
)


def tar(name: str) -> Any:
    return pytest.param(name, marks=needs_safe_tar)


def tar_of(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def zip_of(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


FOLDER = {"folder/a.txt": b"a", "folder/b.txt": b"b"}
FILES = {
    "numbers.bin": CONTENT,
    "folder.tar.gz": tar_of(FOLDER),
    "folder.tar": tar_of(FOLDER, "w"),
    "folder.zip": zip_of(FOLDER),
    "outside.tar": tar_of({"../outside.txt": b"!"}, "w"),
    "outside.zip": zip_of({"../outside.txt": b"!"}),
}


class Server(http.server.ThreadingHTTPServer):
    """Serves FILES and counts the requests."""

    requests = 0


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.requests += 1  # type: ignore[attr-defined]
        data = FILES.get(self.path.lstrip("/"))
        self.send_response(200 if data else 404)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, *args: Any) -> None:
        """Prints nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def origin(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return f"http://127.0.0.1:{server.server_port}"


def test_a_file_is_downloaded_once(origin: str, server: Server, tmp_path: Path) -> None:
    path = get_file(origin=f"{origin}/numbers.bin", cache_dir=tmp_path)
    assert path == str(tmp_path / "datasets" / "numbers.bin")
    assert Path(path).read_bytes() == CONTENT
    assert get_file("numbers.bin", f"{origin}/numbers.bin", cache_dir=str(tmp_path)) == path
    assert server.requests == 1
    get_file("numbers.bin", f"{origin}/numbers.bin", cache_dir=tmp_path, force_download=True)
    assert server.requests == 2
    assert [file.name for file in (tmp_path / "datasets").iterdir()] == ["numbers.bin"]


def test_where_the_cache_is(origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    url = f"{origin}/numbers.bin"
    assert get_file("n", url) == str(tmp_path / "home" / "datasets" / "n")
    assert get_file("n", url, cache_subdir="x/y") == str(tmp_path / "home" / "x" / "y" / "n")
    absolute = tmp_path / "elsewhere"
    assert get_file("n", url, cache_subdir=str(absolute)) == str(absolute / "n")


@pytest.mark.parametrize("kind", ["md5", "sha256"])
@pytest.mark.parametrize("algorithm", ["auto", "own"])
def test_hashes(kind: str, algorithm: str, origin: str, server: Server, tmp_path: Path) -> None:
    right = hashlib.new(kind, CONTENT).hexdigest()
    options: dict[str, Any] = {
        "fname": "n",
        "origin": f"{origin}/numbers.bin",
        "cache_dir": tmp_path,
        "hash_algorithm": kind if algorithm == "own" else "auto",
    }
    path = Path(get_file(file_hash=right, **options))
    get_file(file_hash=right, **options)
    assert server.requests == 1
    path.write_bytes(b"damaged")
    get_file(file_hash=right, **options)
    assert server.requests == 2
    assert path.read_bytes() == CONTENT
    with pytest.raises(FileError, match=f"expected the hash {right[::-1]}, received {right}"):
        get_file(file_hash=right[::-1], **options)
    assert path.read_bytes() == CONTENT  # what was there before stays
    assert len(list(path.parent.iterdir())) == 1


def test_the_old_name_of_a_hash(origin: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="expected the hash 00, received"):
        get_file("n", f"{origin}/numbers.bin", md5_hash="00", cache_dir=tmp_path)
    assert list((tmp_path / "datasets").iterdir()) == []


@pytest.mark.parametrize("name", [tar("folder.tar.gz"), tar("folder.tar"), "folder.zip"])
@pytest.mark.parametrize("fname", [None, "own", "own.name"])
def test_archives(
    name: str, fname: str | None, origin: str, tmp_path: Path, keras: ModuleType
) -> None:
    places = []
    for i, function in enumerate((get_file, keras.utils.get_file)):
        cache = tmp_path / str(i)
        cache.mkdir()
        path = function(fname, f"{origin}/{name}", extract=True, cache_dir=str(cache))
        assert (Path(path) / "folder" / "b.txt").read_bytes() == b"b"
        files = sorted(str(file.relative_to(cache)) for file in cache.rglob("*"))
        places.append((str(Path(path).relative_to(cache)), files))
    assert places[0] == places[1]


@needs_safe_tar
def test_untar_and_formats(origin: str, tmp_path: Path) -> None:
    folder = get_file("f", f"{origin}/folder.tar.gz", untar=True, cache_dir=tmp_path)
    assert folder == str(tmp_path / "datasets" / "f")
    get_file("g", f"{origin}/folder.zip", extract=True, archive_format="zip", cache_dir=tmp_path)
    with pytest.raises(FileError, match=r"is no archive of the format \['tar'\]"):
        get_file("h", f"{origin}/folder.zip", untar=True, cache_dir=tmp_path)
    with pytest.raises(UnsupportedError, match=r"archive_format must be .* received 'rar'"):
        get_file("h", f"{origin}/a", extract=True, archive_format="rar", cache_dir=tmp_path)


@pytest.mark.parametrize("name", [tar("outside.tar"), "outside.zip"])
def test_archives_that_would_write_elsewhere(name: str, origin: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="outside"):
        get_file(origin=f"{origin}/{name}", extract=True, cache_dir=tmp_path)
    assert not list(tmp_path.rglob("outside.txt"))


def test_what_cannot_be_downloaded(origin: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot download .*/missing: 404"):
        get_file(origin=f"{origin}/missing", cache_dir=tmp_path)
    with pytest.raises(UnsupportedError, match="URL of http, https or ftp, received 'x://a/b'"):
        get_file(origin="x://a/b", cache_dir=tmp_path)
    assert list((tmp_path / "datasets").iterdir()) == []
    with pytest.raises(UnsupportedError, match="needs origin"):
        get_file("name")
    with pytest.raises(UnsupportedError, match="does not end in a file's name; give fname"):
        get_file(origin=origin, cache_dir=tmp_path)
    with pytest.raises(UnsupportedError, match="a name without folders, received 'a/b'"):
        get_file("a/b", origin, cache_dir=tmp_path)
    with pytest.raises(UnsupportedError, match=r"hash_algorithm must be .* received 'sha1'"):
        get_file("a", origin, hash_algorithm="sha1", cache_dir=tmp_path)


def test_without_pooch(
    origin: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'rnnext\[datasets\]'"):
        get_file("n", f"{origin}/numbers.bin", cache_dir=tmp_path)
    assert server.requests == 0
    (tmp_path / "datasets" / "n").write_bytes(b"put there by hand")
    assert get_file("n", f"{origin}/numbers.bin", cache_dir=tmp_path)
