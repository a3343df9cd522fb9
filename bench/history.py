"""Time of the same calls at commits of the past, so that a slower kernel is seen.

    python3 bench/history.py --output bench/results/history    # history.md, .json and .png

Builds rnnext at commits that changed csrc/, evenly spread over the history, and at the newest. All
builds then measure in turns, in one run, because a machine's speed drifts: bench/history_worker.py.
Builds stay in build/history; the next run makes only those that it lacks. Needs a clone with its
history, a C++ compiler, CMake, Ninja, pybind11 and Matplotlib.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from comparison.machine import describe_machine, read_caches
from comparison.markdown import format_seconds
from comparison.plots import draw_history
from comparison.processes import BENCH_FOLDER, EndedError, Measurer

ROOT = BENCH_FOLDER.parent
SLOWER = 1.1  # a call that takes so many times its least time before is reported


def main() -> int:
    arguments = parse_arguments()
    chosen = arguments.commits or choose_commits(arguments.count)
    commits = [describe(commit) for commit in chosen]
    for commit in commits:
        commit["cannot_run"] = build(commit["hash"], arguments.builds, arguments.jobs)
    working = [commit for commit in commits if commit["cannot_run"] is None]
    times = measure(working, arguments)
    report = {
        "machine": describe_machine(read_caches()),
        "settings": {"rounds": arguments.rounds, "seconds": arguments.seconds},
        "load": round(os.getloadavg()[1], 1),
        "commits": commits,
        "times": times,
    }
    arguments.output.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    arguments.output.with_suffix(".md").write_text(render(report))
    draw_history(report, arguments.output.with_suffix(".png"))
    print(render(report))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=12, help="how many commits, at least 2")
    parser.add_argument("--commits", nargs="+", metavar="COMMIT", help="these, the oldest first")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.1, help="for every call and round")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="of a build")
    parser.add_argument("--builds", type=Path, default=ROOT / "build" / "history")
    parser.add_argument("--output", type=Path, default=Path("history"), metavar="NAME")
    return parser.parse_args()


def git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def choose_commits(count: int) -> list[str]:
    """Commits of the main line that changed csrc/, evenly spread, and the newest.

    None is older than the package of models, the last thing that the worker needs.
    """
    history = ["rev-list", "--first-parent", "--reverse"]
    models = git(*history, "HEAD", "--", "python/rnnext/models").split()
    changed = git(*history, f"{models[0]}..HEAD", "--", "csrc").split()
    changed[-1] = git("rev-parse", "HEAD")  # it has the kernels of the last change
    last = len(changed) - 1
    return list(dict.fromkeys(changed[round(i * last / (count - 1))] for i in range(count)))


def describe(commit: str) -> dict[str, Any]:
    full, date, subject = git("log", "-1", "--format=%H%n%cs%n%s", commit).split("\n")
    return {"hash": full, "date": date, "subject": subject}


def build(commit: str, folder: Path, jobs: int) -> str | None:
    """Makes the Python package of a commit; returns why it cannot be made, or None."""
    tree = folder / commit
    if (tree / "built").exists():
        return None
    print(f"building {commit[:9]}", flush=True)
    tree.mkdir(parents=True, exist_ok=True)
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit, "CMakeLists.txt", "cmake", "csrc", "python"],
        capture_output=True,
    )
    if archive.returncode:
        return archive.stderr.decode().strip()
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive.stdout, check=True)
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_LIBRARY_OUTPUT_DIRECTORY": tree / "python" / "rnnext",
        "Python_EXECUTABLE": sys.executable,
        "RNNEXT_BUILD_PYTHON": "ON",
    }
    configure = ["cmake", "-S", tree, "-B", tree / "build", "-G", "Ninja"]
    configure += [f"-D{name}={value}" for name, value in options.items()]
    for command in (configure, ["cmake", "--build", tree / "build", "--parallel", str(jobs)]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            output = (done.stdout + done.stderr).replace(f"{tree}/", "")
            return output.strip()[-500:]
    (tree / "built").touch()
    return None


def measure(
    commits: list[dict[str, Any]], arguments: argparse.Namespace
) -> dict[str, list[float | None]]:
    """The least time of every call at each commit, in the order of the commits.

    A commit whose process ends is marked and has no figures.
    """
    workers: dict[str, Measurer] = {}
    rounds: dict[str, list[dict[str, float]]] = {commit["hash"]: [] for commit in commits}
    names: list[str] = []
    try:
        for commit in commits:
            tree = arguments.builds / commit["hash"]
            environment = {"PYTHONPATH": str(tree / "python"), "OMP_NUM_THREADS": "1"}
            command = [sys.executable, str(BENCH_FOLDER / "history_worker.py")]
            worker = Measurer(command, environment, tree / "worker.log")
            workers[commit["hash"]] = worker
            try:
                ready = worker.answer()
            except EndedError as error:
                commit["cannot_run"] = str(error)
                continue
            commit["isa"] = ready["isa"]
            names += [name for name in ready["calls"] if name not in names]
        for i in range(arguments.rounds):
            print(f"round {i + 1} of {arguments.rounds}", flush=True)
            for commit in commits:
                if commit["cannot_run"] is None:
                    rounds[commit["hash"]].append(
                        workers[commit["hash"]].measure(arguments.seconds)
                    )
    finally:
        for worker in workers.values():
            worker.close()
    return {
        name: [
            min((r[name] for r in rounds[commit["hash"]] if name in r), default=None)
            for commit in commits
            if commit["cannot_run"] is None
        ]
        for name in names
    }


def slower_steps(report: dict[str, Any]) -> list[str]:
    """Where a call became slower than it had ever been before, by more than the noise."""
    commits = [commit for commit in report["commits"] if commit["cannot_run"] is None]
    found = []
    for name, times in report["times"].items():
        best: float | None = None
        for commit, seconds in zip(commits, times, strict=True):
            if seconds is None:
                continue
            if best is not None and seconds > SLOWER * best:
                found.append(
                    f"- {name}: {seconds / best:.2f} times its least time before, at "
                    f"`{commit['hash'][:9]}` ({commit['subject']})"
                )
            best = seconds if best is None else min(best, seconds)
    return found


def render(report: dict[str, Any]) -> str:
    """The report as Markdown: times relative to the newest commit's."""
    commits = [commit for commit in report["commits"] if commit["cannot_run"] is None]
    machine, settings = report["machine"], report["settings"]
    lines = [
        "# Speed at commits of the past",
        "",
        f"One thread, {machine['processor']} ({commits[-1]['isa']}), {machine['date'][:10]}.",
        "Time of one call by that of the newest commit: the least processor time of",
        f"{settings['rounds']} interleaved rounds of {settings['seconds']:g} s.",
        "",
        f"The machine's load was {report['load']}. From 2 on, neighbours on the same core make",
        "figures of 0.8 to 1.2 of what has not changed: measure again what is reported below.",
        "",
        "| commit | " + " | ".join(report["times"]) + " |",
        "| --- |" + " ---: |" * len(report["times"]),
    ]
    newest = [times[-1] for times in report["times"].values()]
    for i, commit in enumerate(commits):
        row = [times[i] for times in report["times"].values()]
        cells = [
            "" if one is None or last is None else f"{one / last:.2f}"
            for one, last in zip(row, newest, strict=True)
        ]
        lines.append(f"| {commit['date']} `{commit['hash'][:9]}` | " + " | ".join(cells) + " |")
    cells = ["" if last is None else format_seconds(last) for last in newest]
    lines.append("| the newest | " + " | ".join(cells) + " |")
    slower = slower_steps(report)
    lines += ["", f"More than {SLOWER:g} times the least time before:", ""]
    lines += slower or ["- none"]
    for commit in report["commits"]:
        if commit["cannot_run"] is not None:
            lines += ["", f"`{commit['hash'][:9]}` could not be measured."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
