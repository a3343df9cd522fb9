"""`plot_model`, `model_to_dot` and what notebooks show of models and layers."""

from __future__ import annotations

import importlib
import itertools
import re
import shutil
import sys
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext.layers import GRU, LSTM, Bidirectional, Concatenate, Dense, Input
from rnnext.models.diagram import diagram_of
from rnnext.utils import model_to_dot, plot_model

SVG = "{http://www.w3.org/2000/svg}"


def branched() -> Any:
    a, b = Input((5, 3), name="a"), Input((4,), name="b")
    inner = rnnext.Sequential(
        [Input((5, 8), name="in"), LSTM(6, return_sequences=True, name="lstm"), GRU(4, name="gru")],
        name="inner",
    )
    y = inner(Dense(8, activation="relu", name="dense")(a))
    joined = Concatenate(name="join")([y, b])
    return rnnext.Model([a, b], [Dense(1, name="one")(joined), Dense(2, name="two")(y)])


def drawn(model: Any, **options: Any) -> ElementTree.Element:
    return ElementTree.fromstring(plot_model(model, to_file=None, **options))


def titles(svg: ElementTree.Element) -> list[str]:
    return [str(t.text) for t in svg.iter(f"{SVG}text") if t.get("class") == "name"]


def lines(svg: ElementTree.Element) -> list[str]:
    return [str(t.text) for t in svg.iter(f"{SVG}text") if t.get("class") == "line"]


def boxes(svg: ElementTree.Element) -> dict[str, tuple[float, float, float, float]]:
    rects = [r for r in svg.iter(f"{SVG}rect") if r.get("class") == "box"]
    places = [tuple(float(r.get(k, 0)) for k in ("x", "y", "width", "height")) for r in rects]
    return dict(zip(titles(svg), places, strict=True))  # type: ignore[arg-type]


@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
def test_a_box_for_each_layer_and_none_on_top_of_another(rankdir: str, expand: bool) -> None:
    svg = drawn(branched(), show_layer_names=True, rankdir=rankdir, expand_nested=expand)
    found = boxes(svg)
    nested = ["in (InputLayer)", "lstm (LSTM)", "gru (GRU)"] if expand else ["inner (Sequential)"]
    others = ["a (InputLayer)", "b (InputLayer)", "dense (Dense)", "join (Concatenate)"]
    assert sorted(found) == sorted([*nested, *others, "one (Dense)", "two (Dense)"])
    places = list(found.values())
    for i, (x, y, w, h) in enumerate(places):
        for u, v, p, q in places[i + 1 :]:
            assert x + w <= u or u + p <= x or y + h <= v or v + q <= y
    edges = [e for e in svg.iter(f"{SVG}path") if e.get("class") == "edge"]
    assert len(edges) == (8 if expand else 6)
    first, last = found["a (InputLayer)"], found["one (Dense)"]
    axis = 1 if rankdir in ("TB", "BT") else 0
    assert (first[axis] < last[axis]) == (rankdir in ("TB", "LR"))


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_a_long_line_passes_beside_the_boxes_of_the_rows_between(rankdir: str) -> None:
    x, y = Input((None, 8), name="x"), Input((4,), name="y")
    steps = Bidirectional(LSTM(32, return_sequences=True))(x)
    model = rnnext.Model([x, y], Dense(1)(Concatenate()([GRU(16)(steps), y])))
    svg = drawn(model, rankdir=rankdir, show_shapes=True)
    boxes = [
        [float(box.get(name) or "") for name in ("x", "y", "width", "height")]
        for box in svg.iter(f"{SVG}rect")
    ]
    paths = [path.get("d") or "" for path in svg.iter(f"{SVG}path") if path.get("class") == "edge"]
    assert max(path.count("C") for path in paths) == 3  # from y past two rows
    for path in paths:
        points = [
            tuple(map(float, point.split(","))) for point in re.findall(r"[\d.]+,[\d.]+", path)
        ]
        for (x1, y1), (x2, y2) in itertools.pairwise(points):
            middle = (x1 + x2) / 2, (y1 + y2) / 2
            for left, top, width, height in boxes:
                inside = left < middle[0] < left + width and top < middle[1] < top + height
                assert not inside, path


def test_each_output_of_a_model_in_a_model_in_a_model_has_its_own_line() -> None:
    def wrapped(inner: Any, name: str) -> Any:
        x = Input((3,))
        return rnnext.Model(x, inner(x), name=name)

    x = Input((3,))
    two = rnnext.Model(x, [Dense(1, name="first")(x), Dense(1, name="second")(x)], name="two")
    outer = wrapped(two, "outer")
    y = Input((3,))
    first, second = outer(y)
    model = rnnext.Model(y, [Dense(1, name="a")(first), Dense(1, name="b")(second)])
    edges = diagram_of(model, lambda _: ("box",), expand_nested=True).edges
    ends = {end: start.rpartition("/")[2] for start, end in edges if end in ("a", "b")}
    assert ends == {"a": "first", "b": "second"}


def test_what_boxes_say() -> None:
    model = branched()
    model.get_layer("dense").trainable = False
    svg = drawn(
        model, show_shapes=True, show_dtype=True, show_layer_activations=True, show_trainable=True
    )
    assert titles(svg).count("InputLayer") == 2
    said = lines(svg)
    assert "in: (None, 4), (None, 4)" in said
    assert {"out: (None, 5, 8)", "activation: relu", "dtype: float32", "not trainable"} <= set(said)
    assert lines(drawn(model)) == []


def test_a_sequential_is_a_chain() -> None:
    model = rnnext.Sequential([Input((5, 3)), Bidirectional(LSTM(4)), Dense(1)])
    svg = drawn(model)
    assert titles(svg) == ["InputLayer", "Bidirectional", "Dense"]
    tops = [y for _, y, _, _ in boxes(svg).values()]
    assert tops == sorted(tops)


def test_a_class_of_the_users_shows_its_layers() -> None:
    class Own(rnnext.Model):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = GRU(2), Dense(1)

        def call(self, x: Any) -> Any:
            return self.head(self.rnn(x))

    assert titles(drawn(Own())) == ["GRU", "Dense"]


def test_messages() -> None:
    unsupported = rnnext.UnsupportedError
    with pytest.raises(
        unsupported, match="is not built, so its graph is not known; call it, or gi"
    ):
        plot_model(rnnext.Sequential([LSTM(2)]), to_file=None)
    with pytest.raises(unsupported, match="rankdir='UP'; accepted are TB, BT, LR, RL"):
        plot_model(branched(), to_file=None, rankdir="UP")


def test_without_graphviz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydot", None)
    plot_model(branched(), to_file=tmp_path / "m.svg")
    assert (tmp_path / "m.svg").read_text("utf-8").startswith("<svg")
    with pytest.warns(
        UserWarning, match=r"\.png needs pydot and Graphviz, which are not installed"
    ):
        plot_model(branched(), to_file=tmp_path / "n.png")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["m.svg", "n.svg"]
    with pytest.raises(
        rnnext.RnnextError, match="model_to_dot needs pydot, which is not installed"
    ):
        model_to_dot(branched())


@pytest.mark.parametrize("expand", [False, True])
def test_with_pydot(expand: bool, tmp_path: Path) -> None:
    pydot = pytest.importorskip("pydot")
    dot = model_to_dot(branched(), show_shapes=True, expand_nested=expand)
    assert isinstance(dot, pydot.Dot)
    text = dot.to_string()
    assert 'label="join (Concatenate)\\nin: (None, 4), (None, 4)\\nout: (None, 8)"' in text
    assert ("subgraph" in text) == expand
    assert isinstance(model_to_dot(branched(), subgraph=True), pydot.Cluster)
    if shutil.which("dot"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            plot_model(branched(), to_file=tmp_path / "m.png", expand_nested=expand)
        assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")


def cells(markup: str) -> list[str]:
    root = ElementTree.fromstring(f"<div>{markup.replace('<br>', '<br/>')}</div>")
    return ["".join(cell.itertext()) for cell in root.iter("td")]


def test_models_in_notebooks() -> None:
    found = cells(branched()._repr_html_())
    assert found[:4] == ["a (InputLayer)", "(None, 5, 3)", "0", "-"]
    assert "join (Concatenate)" in found
    chain = rnnext.Sequential([Input((5, 3)), LSTM(4, name="lstm")], name="chain")
    assert cells(chain._repr_html_())[-3:] == ["lstm (LSTM)", "(None, 4)", "128"]
    assert "128 (512.00 B)" in chain._repr_html_()
    assert "&lt;Sequential name=" in rnnext.Sequential()._repr_html_()


def test_layers_in_notebooks() -> None:
    layer = LSTM(4, kernel_regularizer="l2")
    assert "not built yet" in layer._repr_html_()
    layer(np.zeros((1, 2, 3)))
    found = cells(layer._repr_html_())
    shown = dict(zip(found[::2], found[1::2], strict=True))
    assert (shown["units"], shown["kernel_regularizer"]) == ("4", "L2")
    assert shown["recurrent_kernel"] == "(4, 16) float32"

    class Plain(rnnext.Layer):
        def __init__(self, size: object) -> None:
            super().__init__()
            self.size = size

    assert "(Plain)" in Plain(object())._repr_html_()


def test_dir_shows_what_is_public() -> None:
    model = branched()
    names = dir(model)
    assert {"fit", "predict", "trace", "stream", "layers", "save"} <= set(names)
    assert not [name for name in names if name.startswith("_")]
    importlib.import_module("copy").deepcopy(model)
