"""Pictures of models: `plot_model` and `model_to_dot`."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

from rnnext import nest
from rnnext.errors import UnsupportedError
from rnnext.models.diagram import diagram_of
from rnnext.packages import MissingPackageError, load_package
from rnnext.plots.diagram import Diagram, svg_of
from rnnext.saving.formats.replacement import replaced

__all__ = ["model_to_dot", "plot_model"]

_RANKDIRS = ("TB", "BT", "LR", "RL")


class _Description:
    """What a box says, by the options of `plot_model`."""

    def __init__(self, **shown: bool) -> None:
        self._shown = shown

    def __call__(self, operation: Any) -> tuple[str, ...]:
        shown, kind = self._shown, type(operation).__name__
        title = f"{operation.name} ({kind})" if shown["layer_names"] else kind
        lines = [title]
        activation = getattr(operation, "activation", None)
        if shown["layer_activations"] and activation is not None:
            lines.append(f"activation: {getattr(activation, 'name', activation)}")
        if shown["shapes"]:
            lines += _shapes(operation)
        if shown["dtype"]:
            lines.append(f"dtype: {getattr(operation, 'compute_dtype', '?')}")
        if shown["trainable"] and getattr(operation, "weights", []):
            lines.append("trainable" if operation.trainable else "not trainable")
        return tuple(lines)


def _shapes(operation: Any) -> list[str]:
    if not operation.inbound_nodes:
        return []
    node = operation.inbound_nodes[-1]
    lines = []
    for role, tensors in (("in", node.input_tensors), ("out", node.outputs)):
        if tensors:
            lines.append(f"{role}: {', '.join(str(t.shape) for t in nest.flatten(tensors))}")
    return lines


def _diagram(model: Any, options: dict[str, Any]) -> Diagram:
    if options["rankdir"] not in _RANKDIRS:
        raise UnsupportedError(
            f"plot_model: rankdir={options['rankdir']!r}; accepted are {', '.join(_RANKDIRS)}."
        )
    description = _Description(
        **{key.removeprefix("show_"): bool(v) for key, v in options.items() if key[:5] == "show_"}
    )
    return diagram_of(model, description, options["expand_nested"])


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Any:
    """Returns a model's graph as an object of the package `pydot`.

    Args:
        model: A model that is built.
        show_shapes: Whether boxes say the shapes of inputs and outputs.
        show_dtype: Whether they say the dtype that the layer computes in.
        show_layer_names: Whether they say the layer's name.
        rankdir: "TB" from top to bottom, "LR" from left to right, "BT", "RL".
        expand_nested: Whether models inside the model are drawn by their layers.
        dpi: Dots per inch of pictures made of pixels.
        subgraph: Whether to return a `pydot.Cluster` instead of a `pydot.Dot`.
        show_layer_activations: Whether boxes say the activation.
        show_trainable: Whether they say if the weights are trained.
        splines: How Graphviz draws lines.

    Raises:
        MissingPackageError: If `pydot` is not installed.
        UnsupportedError: If the model is not built, or rankdir is none of these.
    """
    pydot = load_package("pydot", "model_to_dot", "pydot")
    diagram = _diagram(
        model,
        {
            "rankdir": rankdir,
            "expand_nested": expand_nested,
            "show_shapes": show_shapes,
            "show_dtype": show_dtype,
            "show_layer_names": show_layer_names,
            "show_layer_activations": show_layer_activations,
            "show_trainable": show_trainable,
        },
    )
    dot = pydot.Cluster(model.name, label=model.name) if subgraph else pydot.Dot()
    dot.set("rankdir", rankdir)
    dot.set("dpi", dpi)
    dot.set("splines", splines)
    dot.set_node_defaults(shape="box", fontname="Helvetica")
    clusters: dict[str, Any] = {}
    for box in diagram.boxes:
        if box.group and box.group not in clusters:
            clusters[box.group] = pydot.Cluster(box.group, label=box.group, style="dashed")
            dot.add_subgraph(clusters[box.group])
        node = pydot.Node(_quoted(box.key), label=_quoted("\\n".join(box.lines)))
        (clusters[box.group] if box.group else dot).add_node(node)
    for a, b in diagram.edges:
        dot.add_edge(pydot.Edge(_quoted(a), _quoted(b)))
    return dot


def _quoted(text: str) -> str:
    escaped = text.replace('"', "'")
    return f'"{escaped}"'


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Any:
    """Draws a model's graph into a file.

    With the package `pydot` and the program Graphviz it writes any format they have. Without them
    it draws an SVG of the same layout; where another ending was asked for, it says so in a warning
    and writes `.svg` beside it.

    Args:
        model: A model that is built.
        to_file: The file; its ending is the format. None: the picture is returned alone.
        show_shapes: Whether boxes say the shapes of inputs and outputs.
        show_dtype: Whether they say the dtype that the layer computes in.
        show_layer_names: Whether they say the layer's name.
        rankdir: "TB" from top to bottom, "LR" from left to right, "BT", "RL".
        expand_nested: Whether models inside the model are drawn by their layers.
        dpi: Dots per inch of pictures made of pixels.
        show_layer_activations: Whether boxes say the activation.
        show_trainable: Whether they say if the weights are trained.
        splines: How Graphviz draws lines.

    Returns:
        In a notebook the picture, else None; with to_file=None the text of the SVG.

    Raises:
        UnsupportedError: If the model is not built, or rankdir is none of these.

    Example:
        >>> import rnnext
        >>> from rnnext.layers import LSTM, Input
        >>> model = rnnext.Sequential([Input((5, 3)), LSTM(4)])
        >>> rnnext.utils.plot_model(model, to_file=None, show_shapes=True)[:4]
        '<svg'
    """
    shown = {
        "show_shapes": show_shapes,
        "show_dtype": show_dtype,
        "show_layer_names": show_layer_names,
        "show_layer_activations": show_layer_activations,
        "show_trainable": show_trainable,
    }
    diagram = _diagram(model, {"rankdir": rankdir, "expand_nested": expand_nested, **shown})
    if to_file is not None and _written_by_graphviz(
        model,
        Path(to_file),
        {
            "rankdir": rankdir,
            "expand_nested": expand_nested,
            "dpi": dpi,
            "splines": splines,
            **shown,
        },
    ):
        return _displayed(Path(to_file))
    svg = svg_of(_turned(diagram, rankdir), horizontal=rankdir in ("LR", "RL"))
    if to_file is None:
        return svg
    file = Path(to_file)
    if file.suffix.lower() != ".svg":
        warnings.warn(
            f"plot_model: {file.suffix or 'no ending'} needs pydot and Graphviz, which are not "
            f"installed; wrote {file.with_suffix('.svg')}.",
            stacklevel=2,
        )
        file = file.with_suffix(".svg")
    with replaced(file) as stream:
        stream.write(svg.encode())
    return _displayed(file)


def _turned(diagram: Diagram, rankdir: str) -> Diagram:
    """With the last row first, for the directions that go backwards."""
    if rankdir in ("TB", "LR"):
        return diagram
    last = max(box.row for box in diagram.boxes)
    return diagram._replace(boxes=tuple(box._replace(row=last - box.row) for box in diagram.boxes))


def _written_by_graphviz(model: Any, file: Path, options: dict[str, Any]) -> bool:
    """Writes the file by Graphviz; False if that, or pydot, is not installed."""
    try:
        dot = model_to_dot(model, **options)
        dot.write(str(file), format=file.suffix[1:].lower())
    except (MissingPackageError, FileNotFoundError):
        return False
    return True


def _displayed(file: Path) -> Any:
    """What a notebook shows of a file; None where there is no IPython."""
    try:
        display = importlib.import_module("IPython.display")
    except ImportError:
        return None
    if file.suffix.lower() == ".svg":
        return display.SVG(filename=str(file))
    return None if file.suffix.lower() == ".pdf" else display.Image(filename=str(file))
