"""Metrics of segmented images."""

from __future__ import annotations

from typing import Any

from rnnext.metrics.metric import Metric

__all__ = ["BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]


class IoU(Metric):
    """Intersection over union of some classes.

    Args:
        num_classes: How many classes there are.
        target_class_ids: The classes that are averaged.
        ignore_class: A class whose samples do not count.
        sparse_y_true: Whether labels are numbers of classes, not rows.
        sparse_y_pred: Whether predictions are numbers of classes, not rows.
        axis: The axis of the classes or features.
    """

    def __init__(
        self,
        num_classes: int | None,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        dtype = dtype or "int64"
        self._keep(locals())


class BinaryIoU(Metric):
    """Intersection over union of two classes.

    Args:
        target_class_ids: The classes that are averaged.
        threshold: Probability from which on a sample is of the class.
    """

    def __init__(
        self,
        target_class_ids: Any = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        dtype = dtype or "int64"
        self._keep(locals())


class MeanIoU(Metric):
    """Mean intersection over union of all classes.

    Args:
        num_classes: How many classes there are.
        ignore_class: A class whose samples do not count.
        sparse_y_true: Whether labels are numbers of classes, not rows.
        sparse_y_pred: Whether predictions are numbers of classes, not rows.
        axis: The axis of the classes or features.
    """

    def __init__(
        self,
        num_classes: int | None,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        dtype = dtype or "int64"
        self._keep(locals())


class OneHotIoU(Metric):
    """Intersection over union of some classes; labels are rows.

    Args:
        num_classes: How many classes there are.
        target_class_ids: The classes that are averaged.
        ignore_class: A class whose samples do not count.
        sparse_y_pred: Whether predictions are numbers of classes, not rows.
        axis: The axis of the classes or features.
    """

    def __init__(
        self,
        num_classes: int | None,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        dtype = dtype or "int64"
        self._keep(locals())


class OneHotMeanIoU(Metric):
    """Mean intersection over union of all classes; labels are rows.

    Args:
        num_classes: How many classes there are.
        ignore_class: A class whose samples do not count.
        sparse_y_pred: Whether predictions are numbers of classes, not rows.
        axis: The axis of the classes or features.
    """

    def __init__(
        self,
        num_classes: int | None,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        dtype = dtype or "int64"
        self._keep(locals())
