"""What is installed, and what `import rnnext` brings in."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import runpy
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import rnnext
from rnnext import demo

PACKAGE = Path(rnnext.__file__).parent


def modules_after(statement: str) -> set[str]:
    """Top-level modules of a new process that ran `statement`."""
    code = f"import sys\n{statement}\nimport json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def distribution() -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution("rnnext")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("rnnext runs from a source tree here; only an installation has metadata")


def test_import_brings_in_numpy_and_nothing_else() -> None:
    added = modules_after("import rnnext") - modules_after("import numpy")
    assert added - sys.stdlib_module_names == {"rnnext"}


@pytest.mark.parametrize(
    "module", ["rnnext.cli", "rnnext.layers", "rnnext.models", "rnnext.datasets"]
)
def test_no_heavy_module_until_a_file_is_read(module: str) -> None:
    heavy = {"tensorflow", "keras", "h5py", "matplotlib", "rich", "pooch", "requests"}
    assert not modules_after(f"import {module}") & heavy


@pytest.mark.parametrize(
    "module",
    [
        *("activations", "datasets", "initializers", "interop", "layers", "losses"),
        *("models", "ops", "preprocessing", "saving", "utils"),
    ],
)
def test_any_module_may_be_imported_first(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import rnnext.{module}"], check=True)


@pytest.mark.parametrize(
    ("package", "not_public"),
    [
        *[(name, set()) for name in ("activations", "callbacks", "constraints", "initializers")],
        *[(name, set()) for name in ("losses", "metrics", "models", "optimizers", "regularizers")],
        ("layers", {"GroupedQueryAttention"}),
        ("ops", {"slice_"}),
        ("random", {"set_random_seed"}),
        ("saving", {"deserialize", "serialize"}),
        ("utils", {"deserialize", "serialize", "standard_dtype_name", "utils"}),
        ("preprocessing.sequence", set()),
        ("preprocessing.text", set()),
    ],
)
def test_type_checkers_see_the_names_that_are_imported_on_demand(
    package: str, not_public: set[str]
) -> None:
    module = importlib.import_module(f"rnnext.{package}")
    stub = runpy.run_path(str(Path(str(module.__file__)).with_suffix(".pyi")))
    told = {name: value for name, value in stub.items() if not name.startswith("__")}
    assert told.keys() - not_public == set(module.__all__)
    assert all(told[name] is getattr(module, name) for name in module.__all__)


def test_a_layer_brings_in_its_own_module_only() -> None:
    code = (
        "import sys, rnnext; rnnext.layers.Dense(1);"
        "names = 'rnnext.layers.core.dense', 'rnnext.layers.pooling.pooling';"
        "print(*(name in sys.modules for name in names))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False"]


def test_names_on_demand_are_listed_and_others_refused() -> None:
    assert {"LSTM", "AvgPool1D", "add"} <= set(dir(rnnext.layers))
    with pytest.raises(AttributeError, match=r"'rnnext\.layers' has no attribute 'LSTMM'"):
        rnnext.layers.LSTMM  # noqa: B018
    assert not hasattr(rnnext.layers, "GroupedQueryAttention")


def test_every_public_name_is_there_after_importing_the_package_alone() -> None:
    script = "import rnnext; print([n for n in rnnext.__all__ if not hasattr(rnnext, n)])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


def test_the_extension_is_loaded_while_openmp_is_told_how_to_wait() -> None:
    code = "import sys, rnnext; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = done.stdout.split()  # in the order in which their imports ended
    assert loaded.index("rnnext.openmp_waiting") < loaded.index("rnnext._core")


def test_from_torch_does_not_import_torch() -> None:
    assert "torch" not in modules_after("import rnnext; rnnext.from_torch")


def test_rnnext_torch_says_that_torch_is_missing() -> None:
    code = """
import sys
sys.modules["torch"] = None
import rnnext
try:
    import rnnext.torch
except ImportError as error:
    print(type(error).__name__, error)
print(hasattr(rnnext, "LSTM"), "torch" in dir(rnnext))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        (
            "MissingPackageError rnnext.torch needs torch, which is not installed: "
            "python3 -m pip install 'rnnext[torch]'"
        ),
        "False False",
    ]


def test_type_information_is_installed() -> None:
    assert (PACKAGE / "py.typed").is_file()
    assert (PACKAGE / "_core.pyi").is_file()


def test_one_version_everywhere(distribution: importlib.metadata.Distribution) -> None:
    assert rnnext.__version__ == distribution.version


def test_the_citation_names_this_version() -> None:
    citation = Path(__file__).parents[1] / "CITATION.cff"
    assert f"\nversion: {rnnext.__version__}\n" in citation.read_text("utf-8")


def test_the_command_is_installed(distribution: importlib.metadata.Distribution) -> None:
    (command,) = distribution.entry_points.select(group="console_scripts")
    assert (command.name, command.value) == ("rnnext", "rnnext.cli:main")


def test_runs_on_numpy_and_h5py_alone(distribution: importlib.metadata.Distribution) -> None:
    needed = [line for line in distribution.requires or [] if "extra ==" not in line]
    assert {line.partition(">")[0].strip() for line in needed} == {"h5py", "numpy"}


def test_wheel_is_under_3_megabytes(distribution: importlib.metadata.Distribution) -> None:
    paths = [Path(str(file.locate())) for file in distribution.files or []]
    # a wheel is a zip of these files; what Python compiled at installation is not in it
    packed = [path for path in paths if path.is_file() and path.suffix != ".pyc"]
    assert sum(len(zlib.compress(path.read_bytes())) for path in packed) < 3_000_000


def test_bundled_model_is_small() -> None:
    files = [path for path in demo.MODEL_FILE.parent.iterdir() if path.is_file()]
    assert demo.MODEL_FILE in files
    assert sum(path.stat().st_size for path in files) <= 200_000
