"""The engines compared.

Each is a module with `build(case, threads)`, which makes everything a call needs and returns the
ways to call it, name -> function without arguments that returns the answer as an array. Where there
are several, the fastest counts. It raises `CannotRun` where the engine has no such thing.
"""

from __future__ import annotations

from typing import NamedTuple


class Engine(NamedTuple):
    """One engine.

    Attributes:
        module: In this package.
        distributions: The packages whose versions are reported.
        environment: What its process needs beside the number of threads.
        threads: What it always has; None: what the others have.
    """

    module: str
    distributions: tuple[str, ...]
    environment: dict[str, str]
    threads: int | None = None


_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""}

ENGINES = {
    "rnnext": Engine("rnnext_engine", ("rnnext", "numpy"), {}),
    "rnnext-avx2": Engine("rnnext_engine", ("rnnext",), {"RNNEXT_ISA": "avx2"}),
    "rnnext-1-thread": Engine("rnnext_engine", ("rnnext",), {}, threads=1),
    "onnxruntime": Engine("onnxruntime_engine", ("onnxruntime",), {}),
    "openvino": Engine("openvino_engine", ("openvino",), {}),
    "torch": Engine("torch_engine", ("torch",), {}),
    "tensorflow": Engine("tensorflow_engine", ("tensorflow-cpu", "keras"), _QUIET),
    "litert": Engine("litert_engine", ("ai-edge-litert",), _QUIET),
}

OURS = ("rnnext", "rnnext-avx2")
ONE_THREAD = "rnnext-1-thread"
PEERS = tuple(name for name in ENGINES if name not in (*OURS, ONE_THREAD))


def thread_environment(threads: int) -> dict[str, str]:
    """What tells every engine's libraries how many threads to use."""
    variables = (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    )
    return dict.fromkeys(variables, str(threads))
