"""LiteRT, with XNNPACK, on the model that TensorFlow's converter makes of the Keras file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from comparison.cases import CannotRun, Case


def build(case: Case, threads: int) -> dict[str, Callable[[], Any]]:
    """Convert, and set the input: it stays where it is."""
    file = case.folder / "model.tflite"
    if not file.exists():
        command = [
            sys.executable,
            "-m",
            "comparison.litert_conversion",
            str(case.folder),
            str(file),
        ]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise CannotRun(f"conversion failed: {run.stderr.strip().splitlines()[-1][:300]}")
    interpreter = Interpreter(model_path=str(file), num_threads=threads)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], case.x)
    output = interpreter.get_output_details()[0]["index"]

    def invoke() -> Any:
        interpreter.invoke()
        return interpreter.get_tensor(output)

    return {"invoke": invoke}
