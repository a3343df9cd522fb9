"""A layer as notebooks show it: its options and its weights."""

from __future__ import annotations

import html
from typing import Any

from rnnext.errors import UnsupportedError

__all__ = ["layer_html"]


def layer_html(layer: Any) -> str:
    """Returns a table of a layer's options and weights.

    Args:
        layer: Any layer; one whose options are not known has its weights alone.
    """
    try:
        options = layer.get_config()
    except (NotImplementedError, UnsupportedError):  # a class of the user's without a config
        options = {}
    hidden = ("name", "trainable", "dtype")
    rows = [(key, _short(value)) for key, value in options.items() if key not in hidden]
    weights = [(weight.name, f"{tuple(weight.shape)} {weight.dtype}") for weight in layer.weights]
    title = f"{html.escape(layer.name)}</b> ({html.escape(type(layer).__name__)})"
    state = f"{layer.count_params():,} parameters" if layer.built else "not built yet"
    return f"<p><b>{title}: {state}</p>{_table('option', rows)}{_table('weight', weights)}"


def _short(value: Any) -> str:
    """An option as people write it: a serialized object by its class."""
    if isinstance(value, dict) and "class_name" in value:
        return str(value["class_name"])
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _table(kind: str, rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td style='text-align:left'>{html.escape(name)}</td>"
        f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
        for name, value in rows
    )
    return f"<table><thead><tr><th>{kind}</th><th></th></tr></thead><tbody>{cells}</tbody></table>"
