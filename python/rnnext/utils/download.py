"""`get_file`: a file from the internet, kept in Keras's cache."""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rnnext.errors import FileError, UnsupportedError

__all__ = ["get_file"]

_ARCHIVES = ("tar", "zip")


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Returns the path of a file, which is downloaded if it is not in the cache yet.

    The download itself is done by the package `pooch`, of the extra `rnnext[datasets]`.

    Args:
        fname: Name of the file in the cache; default: the last part of `origin`. Where an archive
            is extracted, the name of the folder.
        origin: URL of the file.
        untar: Means `extract=True, archive_format="tar"`.
        md5_hash: Means `file_hash` with `hash_algorithm="md5"`.
        file_hash: What the file's hash must be, in hexadecimal. A cached file of another hash is
            downloaded again.
        cache_subdir: Folder inside of `cache_dir`, or an absolute one.
        hash_algorithm: `"md5"`, `"sha256"`, or `"auto"`: told by the length of the hash.
        extract: Whether the file is an archive to be extracted.
        archive_format: `"tar"` (compressed or not), `"zip"`, `"auto"`, or a list of them.
        cache_dir: Default: the environment variable KERAS_HOME, or else `~/.keras`.
        force_download: Whether to download a file that is in the cache.

    Returns:
        The path of the file, or of the folder into which the archive was extracted.

    Raises:
        FileError: If the download fails, its hash is another one, or it is no such archive.
        UnsupportedError: If an argument is none of these, or `pooch` is missing.

    Example:
        >>> import pathlib, tempfile
        >>> home = pathlib.Path(tempfile.mkdtemp())
        >>> (home / "datasets").mkdir()
        >>> _ = (home / "datasets" / "notes.txt").write_text("cached")
        >>> path = get_file("notes.txt", "https://example.com/notes.txt", cache_dir=home)
        >>> pathlib.Path(path).read_text()
        'cached'
    """
    if origin is None:
        raise UnsupportedError("get_file needs origin, the URL of the file.")
    if hash_algorithm not in ("auto", "md5", "sha256"):
        raise UnsupportedError(
            f"get_file: hash_algorithm must be 'auto', 'md5' or 'sha256', received "
            f"{hash_algorithm!r}."
        )
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    folder = _cache_folder(cache_dir, cache_subdir)
    name = _file_name(fname, origin)
    if not (extract or untar):
        target = folder / name
        _ensure_downloaded(target, origin, file_hash, hash_algorithm, force_download)
        return str(target)
    target, extracted = folder / f"{name}_archive", folder / name
    if fname is not None and "." in name:
        target, extracted = folder / name, folder / f"{name.partition('.')[0]}_extracted"
    _ensure_downloaded(target, origin, file_hash, hash_algorithm, force_download)
    _extract(target, extracted, ["tar"] if untar else _formats(archive_format))
    return str(extracted)


def _cache_folder(cache_dir: Any, cache_subdir: str) -> Path:
    home = Path(cache_dir or os.environ.get("KERAS_HOME") or Path("~") / ".keras").expanduser()
    try:
        home.mkdir(parents=True, exist_ok=True)
        writable = os.access(home, os.W_OK)
    except OSError:
        writable = False
    if not writable:  # where Keras goes then
        home = Path(tempfile.gettempdir()) / ".keras"
    folder = home / cache_subdir
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _file_name(fname: Any, origin: str) -> str:
    if fname is None or not os.fspath(fname):
        name = urlsplit(origin).path.rpartition("/")[2]
        if not name:
            raise UnsupportedError(
                f"get_file: {origin!r} does not end in a file's name; give fname."
            )
        return name
    name = str(os.fspath(fname))
    if os.path.basename(name) != name:
        raise UnsupportedError(
            f"get_file: fname must be a name without folders, received {name!r}; folders go into "
            "cache_dir and cache_subdir."
        )
    return name


def _ensure_downloaded(
    target: Path, origin: str, file_hash: str | None, algorithm: str, force: bool
) -> None:
    if not force and target.exists():
        if file_hash is None or _hash_of(target, file_hash, algorithm) == file_hash.lower():
            return
        print(f"{target} has not the hash {file_hash}: downloading it again.", file=sys.stderr)
    print(f"Downloading data from {origin}", file=sys.stderr)
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        _download(origin, partial)
        received = _hash_of(partial, file_hash, algorithm)
        if file_hash is not None and received != file_hash.lower():
            raise FileError(
                f"get_file: {origin} is incomplete, damaged or another file: expected the hash "
                f"{file_hash}, received {received}."
            )
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _hash_of(path: Path, expected: str | None, algorithm: str) -> str | None:
    if expected is None:
        return None
    is_sha256 = algorithm == "sha256" or (algorithm == "auto" and len(expected) == 64)
    hasher = hashlib.new("sha256" if is_sha256 else "md5", usedforsecurity=False)
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(2**20), b""):
            hasher.update(block)
    return hasher.hexdigest()


def _download(origin: str, target: Path) -> None:
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise UnsupportedError(
            f"get_file: downloading {origin} needs the package pooch, which is not installed: "
            "python3 -m pip install 'rnnext[datasets]'. Or put the file "
            f"there by hand: {target.parent}."
        ) from error
    scheme = urlsplit(origin).scheme
    if scheme not in ("http", "https", "ftp"):
        raise UnsupportedError(
            f"get_file: origin must be a URL of http, https or ftp, received {origin!r}."
        )
    download = pooch.FTPDownloader() if scheme == "ftp" else pooch.HTTPDownloader()
    try:
        download(origin, str(target), None)
    except (OSError, ValueError) as error:  # those of requests are OSErrors
        raise FileError(f"get_file: cannot download {origin}: {error}") from error


# Archives ----------------------------------------------------------------------------------------


def _formats(archive_format: Any) -> list[str]:
    if archive_format == "auto":
        return list(_ARCHIVES)
    formats = [archive_format] if isinstance(archive_format, str) else list(archive_format or [])
    if not formats or not set(formats) <= set(_ARCHIVES):
        raise UnsupportedError(
            f"get_file: archive_format must be 'auto', 'tar', 'zip' or a list of them, received "
            f"{archive_format!r}."
        )
    return formats


def _extract(archive: Path, folder: Path, formats: list[str]) -> None:
    """Extracts an archive.

    Raises:
        FileError: If it is none of the formats, or a member would be written elsewhere.
    """
    try:
        if "tar" in formats and tarfile.is_tarfile(archive):
            _extract_tar(archive, folder)
        elif "zip" in formats and zipfile.is_zipfile(archive):
            _extract_zip(archive, folder)
        else:
            raise FileError(f"get_file: {archive} is no archive of the format {formats}.")
    except (tarfile.TarError, zipfile.BadZipFile) as error:
        raise FileError(f"get_file: cannot extract {archive}: {error}") from error


def _extract_tar(archive: Path, folder: Path) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise UnsupportedError(
            "get_file: this Python cannot extract tar archives safely; 3.10.12, 3.11.4 and newer "
            "can."
        )
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")  # raises TarError for members outside of the folder


def _extract_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as members:
        for name in members.namelist():
            if not (folder / name).resolve().is_relative_to(folder.resolve()):
                raise FileError(
                    f"get_file: {archive} has a member outside of its folder: {name!r}."
                )
        members.extractall(folder)
