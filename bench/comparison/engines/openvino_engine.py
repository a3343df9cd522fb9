"""OpenVINO, which reads the ONNX model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openvino

from comparison.cases import Case
from comparison.onnx_model import build_onnx


def build(case: Case, threads: int) -> dict[str, Callable[[], Any]]:
    """Compile for latency in float32, with inputs that stay where they are."""
    model, feeds = build_onnx(case)
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(model),
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
    request = compiled.create_infer_request()

    def infer() -> Any:
        request.infer()
        return request.get_output_tensor(0).data

    for name, array in feeds.items():
        request.set_tensor(name, openvino.Tensor(array))
    return {"infer": infer}
