"""`explain`: a recurrent layer's formulas with its shapes, and one step computed by hand."""

from __future__ import annotations

import html
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import ShapeError, UnsupportedError
from rnnext.inspection.formulas import Formula, by_hand, formulas_of
from rnnext.layers.rnn.bidirectional import Bidirectional
from rnnext.layers.rnn.kernel_cell import KernelCell
from rnnext.layers.rnn.rnn import RNN

__all__ = ["Explanation", "explain"]

Array = NDArray[Any]

_SHOWN = 4  # units of a vector that are printed
_STEPS = 3  # of the input that is made if none is given


class Line(NamedTuple):
    """One formula, and its value by hand and from the kernel, each (H,)."""

    formula: Formula
    by_hand: Array
    kernel: Array

    @property
    def difference(self) -> float:
        """The largest difference of the two."""
        return float(np.abs(self.by_hand - self.kernel).max())


class Section(NamedTuple):
    """What is told of one cell."""

    title: str
    shapes: list[tuple[str, str, tuple[int, ...]]]  # letter, name, shape
    gates: tuple[str, ...]
    step: int
    x: Array
    before: dict[str, Array]
    lines: list[Line]


class Explanation:
    """What `explain` returns: text when it is printed, a table in a notebook.

    Attributes:
        sections: What is told of each cell; a Bidirectional has two.
    """

    def __init__(self, sections: list[Section]) -> None:
        self.sections = sections

    def __str__(self) -> str:
        return "\n\n".join(_text(section) for section in self.sections)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(_html(section) for section in self.sections)


def explain(layer: Any, x: Any = None, step: int = -1, sample: int = 0) -> Explanation:
    """Explains a SimpleRNN, LSTM or GRU: formulas, shapes, and one step by hand.

    The step is computed twice from the same weights: with the textbook's formulas in NumPy and
    float64, and by the compiled kernel. The two differ by rounding.

    Args:
        layer: A layer with weights, or a Bidirectional of one.
        x: Its input (B, T, D); default: three steps of random numbers, always the same.
        step: Which of the steps, in the order in which the layer takes them.
        sample: Which of the samples.

    Returns:
        An `Explanation`: `print` shows text, a notebook shows a table.

    Raises:
        UnsupportedError: If the layer is none of these, or has no weights yet.
        ShapeError: If there is no such step or sample.

    Example:
        >>> import rnnext
        >>> layer = rnnext.layers.SimpleRNN(2, name="rnn")
        >>> layer.build((None, None, 3))
        >>> print(str(rnnext.explain(layer)).splitlines()[0])
        layer 'rnn' (SimpleRNN): one step takes x (3,) and h' (2,), and makes h (2,)
    """
    if isinstance(layer, Bidirectional):
        both = (layer.forward_layer, layer.backward_layer)
        return Explanation([s for each in both for s in explain(each, x, step, sample).sections])
    cell = getattr(layer, "cell", None)
    if not isinstance(layer, RNN) or not isinstance(cell, KernelCell):
        label = getattr(layer, "label", repr(layer))
        raise UnsupportedError(
            f"explain: received {label}; accepted are SimpleRNN, LSTM, GRU and a Bidirectional of "
            "one, e.g. model.get_layer('lstm')."
        )
    if not layer.built:
        raise UnsupportedError(
            f"explain: {layer.label} has no weights yet; build it or call it first."
        )
    return Explanation([_section(layer, cell, x, step, sample)])


def _section(layer: RNN, cell: KernelCell, x: Any, step: int, sample: int) -> Section:
    features = cell.kernel.shape[0]
    if x is None:
        x = np.random.default_rng(0).standard_normal((1, _STEPS, features))
    x = np.asarray(x, layer.compute_dtype)
    trace: Any = layer.trace(x)
    samples, steps = trace["h"].shape[:2]
    if not (-samples <= sample < samples and -steps <= step < steps):
        raise ShapeError(
            f"explain: sample {sample}, step {step} of an input of {samples} samples and {steps} "
            "steps; there is no such step."
        )
    step %= steps
    names = ["h", "c"][: cell.state_count]
    start = cell.get_initial_state(samples)
    before = {
        name: trace[name][sample, step - 1] if step else start[i][sample]
        for i, name in enumerate(names)
    }
    x_t = x[sample, trace.steps[step]]
    values = by_hand(cell, x_t, list(before.values()))
    lines = [
        Line(f, values[f.name], np.asarray(trace[f.name][sample, step])) for f in formulas_of(cell)
    ]
    letters = [("W", "kernel", cell.kernel), ("U", "recurrent_kernel", cell.recurrent_kernel)]
    if cell.bias is not None:
        two_rows = len(cell.bias.shape) == 2
        letters.append(("b, d" if two_rows else "b", "bias", cell.bias))
    shapes = [(letter, name, tuple(weight.shape)) for letter, name, weight in letters]
    gates = tuple(name for name in cell.tape_names[: cell._gates] if name is not None)
    made = " and ".join(f"{name} ({cell.units},)" for name in reversed(names))
    taken = ", ".join([f"x ({features},)", *(f"{name}' ({cell.units},)" for name in names[:-1])])
    title = (
        f"{layer.label}: one step takes {taken} and {names[-1]}' ({cell.units},), and makes {made}"
    )
    return Section(title, shapes, gates, step, x_t, before, lines)


def _columns(section: Section) -> str:
    units = section.lines[-1].kernel.size
    parts = (f"{name} {k * units}:{(k + 1) * units}" for k, name in enumerate(section.gates))
    return ", ".join(parts)


def _text(section: Section) -> str:
    lines = [section.title, ""]
    lines += [f"  {letter:<5}{name} {shape}" for letter, name, shape in section.shapes]
    if section.gates:
        lines.append(f"       their columns are {_columns(section)}")
    lines.append("")
    width = max(len(line.formula.text) for line in section.lines)
    lines += [
        f"  {line.formula.name} = {line.formula.text:<{width}}   {line.formula.meaning}"
        for line in section.lines
    ]
    lines += ["", f"  step {section.step}: x = {_vector(section.x)}"]
    lines += [f"          {name}' = {_vector(values)}" for name, values in section.before.items()]
    rows = [
        (line.formula.name, _vector(line.by_hand), _vector(line.kernel), f"{line.difference:.1e}")
        for line in section.lines
    ]
    head = ("", "by hand, float64", f"kernel, {section.lines[-1].kernel.dtype}", "difference")
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(4)]
    lines.append("")
    lines += [
        "  " + "  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join(lines)


def _vector(values: Array) -> str:
    numbers = " ".join(f"{value:9.6f}" for value in values[:_SHOWN])
    return f"[{numbers}{' ...' if len(values) > _SHOWN else ''}]"


def _html(section: Section) -> str:
    def cells(tag: str, texts: Any) -> str:
        return "".join(f"<{tag} style='text-align:left'>{html.escape(t)}</{tag}>" for t in texts)

    weights = "; ".join(f"{letter} = {name} {shape}" for letter, name, shape in section.shapes)
    gates = f"; columns {_columns(section)}" if section.gates else ""
    given = {"x": section.x, **{f"{name}'": v for name, v in section.before.items()}}
    inputs = ", ".join(f"{name} = {_vector(values)}" for name, values in given.items())
    dtype = section.lines[-1].kernel.dtype
    head = cells("th", ("", "formula", "", "by hand, float64", f"kernel, {dtype}", "difference"))
    rows = "".join(
        "<tr>"
        + cells(
            "td",
            (
                line.formula.name,
                line.formula.text,
                line.formula.meaning,
                _vector(line.by_hand),
                _vector(line.kernel),
                f"{line.difference:.1e}",
            ),
        )
        + "</tr>"
        for line in section.lines
    )
    return (
        f"<p><b>{html.escape(section.title)}</b><br>{html.escape(weights + gates)}</p>"
        f"<p>step {section.step}: {html.escape(inputs)}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )
