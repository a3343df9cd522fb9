"""What belongs to which output of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnext import nest
from rnnext.errors import UnsupportedError

__all__ = ["are_arrays", "by_output", "in_order", "is_binary_or_sparse", "named_outputs"]


def named_outputs(y_pred: Any, output_names: Sequence[str] | None) -> tuple[list[str], list[Any]]:
    """Returns the names and values of a model's outputs; keys are names where it returns a dict."""
    if isinstance(y_pred, Mapping):
        same = output_names and set(output_names) == set(y_pred)
        names = list(output_names or ()) if same else sorted(y_pred)
        return names, [y_pred[name] for name in names]
    values = nest.flatten(y_pred)
    names = list(output_names or ())
    if len(names) != len(values):
        names = [f"output_{i}" for i in range(len(values))]
    return names, values


def by_output(
    what: str, value: Any, names: Sequence[str], used: Sequence[int] | None = None
) -> Any:
    """Returns a list with an item for each output.

    Args:
        what: What it is, for the error.
        value: A dict by names of outputs, or nested like the outputs.
        names: Names of the outputs.
        used: Outputs that have an item, if some may lack one; None: all.

    Raises:
        UnsupportedError: If names or numbers do not fit the outputs.
    """
    used = range(len(names)) if used is None else used
    found: list[Any] = [None] * len(names)
    if isinstance(value, Mapping):
        unknown = [key for key in value if key not in names]
        missing = [names[i] for i in used if names[i] not in value]
        if unknown or missing:
            raise UnsupportedError(
                f"{what}: expected a dict with the keys {list(names)}, received {list(value)}."
            )
        return [value.get(name) for name in names]
    items = nest.flatten(value) if nest.is_nested(value) else [value]
    if len(items) == len(names):
        return items
    if len(items) != len(used):
        raise UnsupportedError(
            f"{what}: expected {len(names)} for the outputs {list(names)}, received {len(items)}."
        )
    for i, item in zip(used, items, strict=True):
        found[i] = item
    return found


def is_binary_or_sparse(y_true: Any, y_pred: Any) -> tuple[bool, bool]:
    """Returns whether predictions are of one label, and whether labels are numbers of classes."""
    true, predicted = y_true.shape, y_pred.shape
    sparse = len(true) < len(predicted) or (true[-1] == 1 and predicted[-1] > 1)
    return predicted[-1] == 1, sparse


def are_arrays(*values: Any) -> bool:
    """Returns whether each is one array or None, and no structure of arrays."""
    return all(value is None or isinstance(value, np.ndarray) for value in values)


def in_order(logs: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Returns results as `evaluate` lists them: by metric, then those of other names, sorted.

    Args:
        logs: Results by name.
        names: `"loss"`, the names of the metrics, then those of the losses of outputs.

    Example:
        >>> in_order({"a_mae": 1, "loss": 2, "b_mae": 3, "a_loss": 4}, ["loss", "mae", "a_loss"])
        [2, 4, 1, 3]
    """
    listed = [logs[name] for name in names if name in logs]
    return listed + [logs[name] for name in sorted(logs) if name not in names]
