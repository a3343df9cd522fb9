"""ONNX Runtime: called with arrays, and with inputs and outputs bound beforehand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import onnxruntime

from comparison.cases import Case
from comparison.onnx_model import build_onnx


def build(case: Case, threads: int) -> dict[str, Callable[[], Any]]:
    """Makes a session with all graph optimisations."""
    model, feeds = build_onnx(case)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for name, array in feeds.items():
        binding.bind_cpu_input(name, array)
    binding.bind_output(session.get_outputs()[0].name)

    def run_bound() -> Any:
        session.run_with_iobinding(binding)
        return binding.get_outputs()[0].numpy()

    return {"run": partial(_run, session, feeds), "run_with_iobinding": run_bound}


def _run(session: onnxruntime.InferenceSession, feeds: dict[str, Any]) -> Any:
    return session.run(None, feeds)[0]
