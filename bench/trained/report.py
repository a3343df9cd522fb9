"""Figures of a model from its rounds, and the report as Markdown."""

from __future__ import annotations

from statistics import median
from typing import Any

from trained.engines import ENGINES
from trained.models import MODELS
from trained.start import render_starts

_PASSES = 3  # forwards, the gradients of inputs and states, those of weights
_FLOPS_OF_MULTIPLY_ADD = 2


def summarize(
    name: str, rounds: dict[str, list[dict[str, list[float]]]], limits: dict[int, float]
) -> Any:
    """The figures of one model.

    Args:
        name: The model.
        rounds: Engine -> round -> seconds of a step ("steps") and those that processors worked on
            it ("processor"), of each epoch.
        limits: Number of threads -> floating-point operations a second.

    Returns:
        Engine -> "median" (of rounds' medians) and "least" seconds of a step, the "processor"'s
        least, and of rnnext's its ratios to the others by each, and its share of the limit.
    """
    engines: dict[str, dict[str, float]] = {
        engine: {
            "median": median(median(turn["steps"]) for turn in turns),
            "least": min(min(turn["steps"]) for turn in turns),
            "processor": min(min(turn["processor"]) for turn in turns),
        }
        for engine, turns in rounds.items()
        if turns
    }
    for engine, figures in engines.items():
        if ENGINES[engine].library != "rnnext":
            continue
        for library, fused in (("torch", False), ("torch", True), ("keras", False)):
            others = [
                other
                for name_of, other in engines.items()
                if ENGINES[name_of].library == library and ENGINES[name_of].fused == fused
            ]
            if others:
                key = library + ("_fused" if fused else "")
                for by in ("median", "least", "processor"):
                    figures[f"{by}_of_{key}"] = figures[by] / min(other[by] for other in others)
        threads = ENGINES[engine].threads or 1
        if threads in limits and 1 in limits:
            figures["limit"] = least_seconds(name, limits[threads])
            figures["share"] = figures["limit"] / figures["median"]
            figures["least_share"] = figures["limit"] / figures["least"]
            figures["processor_share"] = least_seconds(name, limits[1]) / figures["processor"]
    return engines


def least_seconds(name: str, flops: float) -> float:
    """The multiply-adds of three forward passes at the peak that was measured.

    >>> round(least_seconds("LSTM(32) 30 x 1", 97e9) * 1e3, 2)
    0.25
    """
    return _PASSES * _FLOPS_OF_MULTIPLY_ADD * MODELS[name].multiply_adds() / flops


def render(report: dict[str, Any]) -> str:
    """The whole report.

    Args:
        report: What `training.py` writes as JSON.
    """
    machine, settings = report["machine"], report["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    parts = [
        "# A step of training",
        (
            f"{machine['processor']}, {machine['cores']} cores; {machine['system']}; Python "
            f"{machine['python']}; {machine['date']}. {versions}; rnnext on {report['isa']}."
        ),
        (
            f"Milliseconds of a step, the median of {settings['rounds']} turns, and in brackets "
            f"the least: an epoch of {settings['batches']} batches over their number. `keras` runs "
            "with its own number of threads, the others with the one in their name; `fused`: "
            "PyTorch's fused Adam, which it does not take by itself. A layer: forwards and "
            "backwards, with the gradients of its inputs. Where engines wait for processors that "
            "others use, the time that processors worked on a step says more: the least is below."
        ),
    ]
    for count, results in report["results"].items():
        beside = f"beside {count} busy processes" if int(count) else "by themselves"
        quiet = report["results"].get("0", {}) if int(count) else {}
        parts += [f"## The engines {beside}", _times(results), _ratios(results, quiet)]
        parts += ["Milliseconds that processors worked on a step, all threads together, the least:"]
        parts += [_processor_times(results)]
    if report["limits"]:
        rates = ", ".join(f"{n} threads {rate / 1e9:.0f}" for n, rate in report["limits"].items())
        parts.append(f"Peak of multiply-adds in GFLOP/s: {rates}.")
    if "starts" in report:
        parts.append(render_starts(report["starts"]))
    if report["cannot_run"]:
        parts.append("## What could not run\n\n" + "\n".join(report["cannot_run"]))
    return "\n\n".join(parts) + "\n"


def _times(results: dict[str, Any]) -> str:
    engines = list(dict.fromkeys(engine for result in results.values() for engine in result))
    lines = ["| model | " + " | ".join(engines) + " |", "| --- |" + " ---: |" * len(engines)]
    for name, result in results.items():
        cells = [name]
        for engine in engines:
            figures = result.get(engine)
            cells.append(
                f"{figures['median'] * 1e3:.2f} ({figures['least'] * 1e3:.2f})" if figures else "-"
            )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _processor_times(results: dict[str, Any]) -> str:
    engines = list(dict.fromkeys(engine for result in results.values() for engine in result))
    ours = [engine for engine in engines if ENGINES[engine].library == "rnnext"]
    heads = ["model", *engines]
    for engine in ours:
        heads += [f"{engine} of PyTorch's best", "of Keras", "share"]
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    for name, result in results.items():
        cells = [name]
        for engine in engines:
            figures = result.get(engine)
            cells.append(f"{figures['processor'] * 1e3:.2f}" if figures else "-")
        for engine in ours:
            for key in ("processor_of_torch", "processor_of_keras", "processor_share"):
                value = result.get(engine, {}).get(key)
                cells.append("-" if value is None else f"{value:.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _ratios(results: dict[str, Any], quiet: dict[str, Any]) -> str:
    """What rnnext takes of the others' times, by medians and (least times), and missed goals."""
    heads = ["model", "rnnext", "of PyTorch's best", "of its best fused", "of Keras", "share"]
    if quiet:
        heads.append("of its own quiet time")
    lines = ["| " + " | ".join(heads) + " |", "| --- | --- |" + " ---: |" * (len(heads) - 2)]
    for name, result in results.items():
        goal = MODELS[name].goal
        for engine, figures in result.items():
            if ENGINES[engine].library != "rnnext":
                continue
            cells = [name, engine]
            cells.append(_ratio(figures, "torch", goal.torch))
            cells.append(_ratio(figures, "torch_fused", None))
            cells.append(_ratio(figures, "keras", goal.keras))
            share = [figures.get(key) for key in ("share", "least_share")]
            cells.append(f"{share[0]:.2f} ({share[1]:.2f})" if share[0] and share[1] else "-")
            if quiet:
                before = quiet.get(name, {}).get(engine)
                cells.append(f"{figures['median'] / before['median']:.2f}" if before else "-")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _ratio(figures: dict[str, float], other: str, goal: float | None) -> str:
    ratio = figures.get(f"median_of_{other}")
    if ratio is None:
        return "-"
    missed = f" [at most {goal}]" if goal is not None and ratio > goal else ""
    return f"{ratio:.2f} ({figures[f'least_of_{other}']:.2f}){missed}"
