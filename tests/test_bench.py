"""`bench/compare.py` and `rnnext bench` measure what they say. No test asserts a time."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext import demo
from rnnext.cli import main

BENCH = Path(__file__).parents[1] / "bench"
sys.path.insert(0, str(BENCH))

from comparison.case_builder import build_case  # noqa: E402 - bench/ is no package of rnnext
from comparison.cases import Case  # noqa: E402
from comparison.goals import Goal, misses  # noqa: E402
from comparison.limits import least_seconds  # noqa: E402
from comparison.machine import Caches  # noqa: E402
from comparison.markdown import format_seconds, render  # noqa: E402
from comparison.processes import EndedError, start_worker  # noqa: E402
from comparison.rounds import Outcome  # noqa: E402
from comparison.summary import summarize  # noqa: E402
from comparison.worker import measure  # noqa: E402
from comparison.workloads import LayerWorkload, find_workload  # noqa: E402

MODEL = str(demo.MODEL_FILE)
CACHES = Caches(L1=32 << 10, L2=512 << 10, L3=32 << 20)
RATES = {"flops": 1e11, "L1": 4e11, "L2": 2e11, "L3": 1e11, "DRAM": 2e10}
PEERS = {
    "onnxruntime": ("onnxruntime", "onnx"),
    "openvino": ("openvino", "onnx"),
    "torch": ("torch",),
    "tensorflow": ("tensorflow",),
    "litert": ("ai_edge_litert", "tensorflow"),
}


# ---- workloads and their limits ------------------------------------------------------------------


def test_names_of_workloads() -> None:
    workload = find_workload("ragged 2xGRU 4,10,3,8 Dense 5")
    assert workload == LayerWorkload(
        "ragged 2xGRU 4,10,3,8 Dense 5", "GRU", 4, 10, 3, 8, depth=2, ragged=True, dense=5
    )
    assert workload.recurrences == [(3, 3), (8, 3)]
    assert find_workload("BiLSTM 1,2,3,4").recurrences == [(3, 4), (3, 4)]
    with pytest.raises(ValueError, match=r"'LTSM 1,2,3,4'.*sleepecg.*CELL B,T,D,H"):
        find_workload("LTSM 1,2,3,4")


def test_limit_of_one_sample_is_projection_and_weights_read() -> None:
    workload = find_workload("LSTM 1,100,64,128")
    projection = 2 * 100 * 64 * 512 / RATES["flops"]
    weights = 4 * 128 * 512  # fit the second level, and in halves too
    assert least_seconds(workload, RATES, 1, CACHES, 100) == pytest.approx(
        projection + 100 * weights / RATES["L2"]
    )
    larger = find_workload("LSTM 1,100,64,256")
    assert least_seconds(larger, RATES, 1, CACHES, 100) == pytest.approx(
        2 * 100 * 64 * 1024 / RATES["flops"] + 100 * 4 * 256 * 1024 / RATES["L3"]
    )


def test_limit_of_a_batch_is_its_arithmetic() -> None:
    workload = find_workload("BiGRU 8,10,16,32 Dense 4")
    flops = 2 * (2 * 80 * (16 + 32) * 96) + 2 * 8 * 64 * 4
    assert least_seconds(workload, RATES, 1, CACHES, 80) == pytest.approx(flops / RATES["flops"])
    half_padding = least_seconds(find_workload("ragged GRU 8,10,16,32"), RATES, 1, CACHES, 40)
    assert half_padding == pytest.approx(2 * 40 * 48 * 96 / RATES["flops"])


# ---- figures -------------------------------------------------------------------------------------


def outcome(*medians: float) -> Outcome:
    rounds = [{"call": {"median": m, "min": m / 2, "calls": 1.0}} for m in medians]
    return Outcome(max_error={"call": 0.0}, rounds=rounds)


def test_ratio_and_share_are_taken_within_each_round() -> None:
    outcomes = {
        "rnnext": outcome(1.0, 2.0, 4.0),  # the machine slows down
        "torch": outcome(2.0, 4.0, 8.0),
        "openvino": outcome(3.0, 6.0, 12.0),
        "litert": Outcome(cannot_run="because"),
    }
    workload = find_workload("LSTM 1,100,64,128")
    result = summarize(workload, 1, outcomes, {"rnnext": [0.5, 1.0, 2.0]})
    ours = result["engines"]["rnnext"]
    assert result["best_peer"] == "torch"
    assert (ours["seconds"], ours["least"]) == (2.0, 0.5)
    assert (ours["ratio"], ours["share"]) == (0.5, 0.5)
    assert misses(Goal(**result["goal"]), ours) == ["share"]
    assert result["engines"]["litert"] == {"cannot_run": "because"}


def test_two_threads_are_compared_with_one() -> None:
    outcomes = {"rnnext": outcome(1.0, 2.0, 3.0), "rnnext-1-thread": outcome(2.0, 2.5, 5.0)}
    result = summarize(find_workload("LSTM 1,100,512,512"), 2, outcomes, {})
    ours = result["engines"]["rnnext"]
    assert result["best_peer"] is None
    assert ours["of_one_thread"] == 0.6
    assert misses(Goal(**result["goal"]), ours) == ["of_one_thread"]


def test_fastest_way_of_calling_counts() -> None:
    both = Outcome(
        max_error={"slow": 0.0, "fast": 0.0},
        rounds=[{name: {"median": m, "min": m} for name, m in (("slow", 3.0), ("fast", 1.0))}],
    )
    result = summarize(find_workload("GRU 1,1,1,1"), 1, {"rnnext": both}, {})
    assert result["engines"]["rnnext"]["way"] == "fast"
    assert result["best_peer"] is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(9.4e-7, "0.94 us"), (1.234e-5, "12.3 us"), (4.2e-3, "4200 us"), (0.0512, "51.2 ms")],
)
def test_times_are_written_with_three_digits(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_measure_counts_calls() -> None:
    calls = []
    figures = measure(lambda: calls.append(1), 0.001)
    assert 0 < figures["min"] <= figures["median"]
    assert 0 < figures["calls"] < len(calls)


# ---- cases and engines ---------------------------------------------------------------------------


def test_case_is_read_as_it_was_written(tmp_path: Path) -> None:
    case = build_case(find_workload("ragged LSTM 5,7,3,4"), tmp_path)
    read = Case.load(tmp_path)
    assert read.one_layer
    assert [layer.class_name for layer in read.layers] == ["Masking", "LSTM"]
    np.testing.assert_array_equal(read.x, case.x)
    np.testing.assert_array_equal(read.lengths, case.lengths)
    assert read.mask is not None
    assert read.mask.sum() == case.lengths.sum()
    np.testing.assert_array_equal(rnnext.load_model(read.model_file).predict(read.x), read.expected)


TRANSLATED = [
    "SimpleRNN 2,5,3,4",
    "LSTM 2,5,3,4",
    "GRU 2,5,3,4",
    "BiLSTM 2,5,3,4",
    "BiGRU 1,5,3,4",
    "2xGRU 2,5,3,4 Dense 3",
    "ragged LSTM 4,6,3,4",
    "ragged BiGRU 4,6,3,4",
]


LOADED = ["BiLSTM 2,5,3,4", "ragged GRU 4,6,3,4"]  # Keras reads the file; compiling takes long


@pytest.mark.parametrize("engine", PEERS)
def test_every_engine_computes_the_same(engine: str, tmp_path: Path) -> None:
    for module in PEERS[engine]:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    names = LOADED if "tensorflow" in PEERS[engine] else TRANSLATED
    report = compare(tmp_path, "--engines", "rnnext", engine, "--workloads", *names)
    for result in report["results"]:
        figures = result["engines"][engine]
        assert "cannot_run" not in figures, f"{result['workload']}: {figures['cannot_run']}"
        assert result["best_peer"] == engine
        assert max(figures["max_error"].values()) < 1e-5


def compare(folder: Path, *arguments: str) -> dict[str, Any]:
    """Runs compare.py on one thread, as briefly as it can; returns its JSON."""
    for module in ("rich", "matplotlib"):
        pytest.importorskip(module)
    if shutil.which("c++") is None or not Path("/sys/devices/system/cpu/cpu0/cache").exists():
        pytest.skip("compare.py needs Linux and a C++ compiler")
    command = [sys.executable, str(BENCH / "compare.py"), "--threads", "1", "--rounds", "2"]
    command += ["--seconds", "0.001", "--output", str(folder / "report"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    assert (folder / "report.md").read_text() == render(report)
    assert done.stdout.strip() == render(report).strip()
    assert (folder / "report.png").read_bytes().startswith(b"\x89PNG")
    return report


def test_compare_on_rnnext_alone(tmp_path: Path) -> None:
    report = compare(tmp_path, "--engines", "rnnext", "--workloads", "LSTM 1,3,4,5")
    (result,) = report["results"]
    assert result["workload"] == "LSTM 1,3,4,5"
    assert result["engines"]["rnnext"]["share"] > 0
    assert set(report["limits"][rnnext.isa()]["1"]) == {"flops", "L1", "L2", "L3", "DRAM"}
    assert report["versions"]["rnnext"] == rnnext.__version__
    assert "| LSTM 1,3,4,5 | **" in (tmp_path / "report.md").read_text()


def test_wrong_answer_is_no_figure(tmp_path: Path) -> None:
    case = build_case(find_workload("GRU 1,3,4,5"), tmp_path)
    case.expected = case.expected + np.float32(0.01)
    case.save()
    worker = start_worker("rnnext", tmp_path, 1)
    assert worker.answer() == {"cannot_run": "layer(x): answer differs by 1.0e-02, over 1e-04"}
    worker.close()


def test_worker_measures_when_told_to(tmp_path: Path) -> None:
    build_case(find_workload("GRU 1,3,4,5"), tmp_path)
    worker = start_worker("rnnext", tmp_path, 1)
    assert worker.answer() == {"max_error": {"layer(x)": 0.0}}
    for _ in range(2):
        assert worker.measure(0.001)["layer(x)"]["median"] > 0
    worker.close()


def test_worker_that_dies_is_reported_with_its_last_words(tmp_path: Path) -> None:
    worker = start_worker("rnnext", tmp_path, 1)  # there is no case in this folder
    with pytest.raises(EndedError, match=r"status 1: [\s\S]*layers\.json"):
        worker.answer()
    worker.close()


# ---- rnnext bench --------------------------------------------------------------------------------


def test_bench_prints_a_row_per_call(capsys: pytest.CaptureFixture[str]) -> None:
    before = rnnext.get_num_threads()
    options = ["--no-tensorflow", "--seconds", "0.001", "--threads", "1", "--batch", "1", "3"]
    assert main(["bench", MODEL, *options]) == 0
    head, _, titles, *rows = capsys.readouterr().out.splitlines()
    assert f"rnnext {rnnext.__version__} on {rnnext.isa()}" in head
    assert titles.split() == ["engine", "call", "batch", "threads", "median", "p99"]
    calls = [row.split()[:4] for row in rows]
    assert calls == [
        ["rnnext", way, batch, "1"]
        for batch in ("1", "3")
        for way in ("model.predict(x)", "model(x)")
    ]
    assert rnnext.get_num_threads() == before


def test_bench_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", MODEL, "--no-tensorflow", "--seconds", "0.001", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["isa"] == rnnext.isa()
    threads = {1, rnnext.get_num_threads()}
    assert len(report["rows"]) == 2 * 2 * len(threads)
    assert {row["threads"] for row in report["rows"]} == threads
    assert all(0 < row["median"] <= row["p99"] for row in report["rows"])


def test_bench_beside_tensorflow() -> None:
    pytest.importorskip("tensorflow")
    command = [sys.executable, "-m", "rnnext", "bench", MODEL, "--batch", "1", "--json"]
    command += ["--threads", "1", "--seconds", "0.01"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert report["note"] == ""
    assert [row["engine"] for row in report["rows"]] == ["rnnext"] * 2 + ["TensorFlow"] * 2


def test_bench_without_tensorflow_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert main(["bench", MODEL, "--seconds", "0.001", "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert "without TensorFlow: TensorFlow's rows of `rnnext bench` need" in printed
    assert "TensorFlow  model" not in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no.keras"], "no.keras"),
        ([MODEL, "--threads", "0"], "--threads must be at least 1, received 0"),
        ([MODEL, "--seconds", "0"], "--seconds must be more than 0, received 0.0"),
        ([MODEL, "--batch", "0"], "samples and steps must be at least 1, received 0 and 20"),
    ],
)
def test_bench_refuses(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *arguments]) == 2
    assert message in capsys.readouterr().err
