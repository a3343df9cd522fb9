"""Metrics by name and by config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnext import metrics, serialization
from rnnext.kept_option import classes_by_name, named_object

__all__ = ["deserialize", "get", "serialize"]

_NO_METRIC = ("Metric", "deserialize", "get", "serialize")
# Functions that Keras has, but not by their names: two of these are those of classes.
_NO_NAMES = (
    *("binary_focal_crossentropy", "categorical_focal_crossentropy"),
    *("concordance_correlation", "pearson_correlation"),
)


def get(identifier: Any) -> Any:
    """Returns a metric by name.

    Args:
        identifier: None, a name (`"mae"`, `"AUC"`), a config, a metric or a function.

    Raises:
        UnsupportedError: If it is none of these.

    Example:
        >>> get("AUC").name
        'auc'
    """
    return named_object("metric", object, _by_name(), identifier)


def _by_name() -> Mapping[str, Any]:
    others = (*_NO_METRIC, *_NO_NAMES)
    known = {name: getattr(metrics, name) for name in dir(metrics) if name not in others}
    crossentropy = metrics.binary_crossentropy
    classes = [value for value in known.values() if isinstance(value, type)]
    known = {**classes_by_name(*classes), **known}
    known["cosine_similarity"] = metrics.CosineSimilarity
    return {**known, "bce": crossentropy, "BCE": crossentropy}


def serialize(metric: Any) -> Any:
    """Returns the config of a metric, with its class, or of a function."""
    return serialization.serialize(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the metric of a config; the inverse of `serialize`.

    Args:
        config: What `serialize` returned.
        custom_objects: Classes and functions by the name the config uses for them.
    """
    with serialization.custom_object_scope(custom_objects):
        return get(config)
