"""Metrics of segmented images."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from rnnext.errors import UnsupportedError
from rnnext.metrics.metric import Metric
from rnnext.ops.promotion import as_tensor
from rnnext.settings import epsilon

__all__ = ["BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]


class _Overlap(Metric):
    """Intersection over union from a table of labels and predictions."""

    def _start(self, num_classes: int, ids: Any = None) -> None:
        """Makes the table; called at the end of a constructor."""
        self._ids = list(range(num_classes)) if ids is None else list(ids)
        if max(self._ids) >= num_classes:
            raise UnsupportedError(
                f"metric {self.name!r}: target_class_ids must be below num_classes="
                f"{num_classes}, received {self._ids}."
            )
        shape = (num_classes, num_classes)
        self._table = self.add_variable(shape, "zeros", self.dtype, "total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch to the table.

        Args:
            y_true: Numbers of classes, or rows.
            y_pred: Numbers of classes, or rows.
            sample_weight: Weights of the numbers.
        """
        true, predicted = np.asarray(as_tensor(y_true)), np.asarray(as_tensor(y_pred))
        options = vars(self)
        if not options.get("sparse_y_true", not type(self).__name__.startswith("OneHot")):
            true = true.argmax(axis=self.axis)
        if not options.get("sparse_y_pred", True):
            predicted = predicted.argmax(axis=self.axis)
        true, predicted = (y.astype(np.int64).reshape(-1) for y in (true, predicted))
        weights = np.asarray(1 if sample_weight is None else as_tensor(sample_weight))
        if weights.dtype.kind == "f" and np.dtype(self.dtype).kind == "i":
            warnings.warn(
                f"metric {self.name!r}: float weights are rounded down, as in Keras.", stacklevel=2
            )
        weights = np.broadcast_to(weights.astype(self.dtype).reshape(-1), true.shape)
        classes = self._table.shape[0]
        counted = (true >= 0) & (true < classes) & (predicted >= 0) & (predicted < classes)
        if options.get("ignore_class") is not None:
            counted &= true != self.ignore_class
        table = np.zeros(self._table.shape, self.dtype)
        np.add.at(table, (true[counted], predicted[counted]), weights[counted])
        self._table.assign_add(table)

    def result(self) -> Any:
        """Returns the mean over the classes that occur so far."""
        table = self._table.numpy()
        both = np.diag(table)
        either = (table.sum(axis=0) + table.sum(axis=1) - both)[self._ids].astype(np.float32)
        occurs = either > 1e-9
        small = np.float32(epsilon())
        overlaps = np.where(occurs, both[self._ids].astype(np.float32) / (either + small), 0)
        return overlaps.sum(dtype=np.float32) / (occurs.sum(dtype=np.float32) + small)


class IoU(_Overlap):
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
        num_classes: int,
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
        self._start(num_classes, target_class_ids)


class BinaryIoU(_Overlap):
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
        self._start(2, target_class_ids)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch to the table.

        Args:
            y_true: Labels, 0 or 1.
            y_pred: Probabilities.
            sample_weight: Weights of the labels.
        """
        said = np.asarray(as_tensor(y_pred)).astype(np.float32) >= np.float32(self.threshold)
        super().update_state(y_true, said, sample_weight)


class MeanIoU(_Overlap):
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
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        dtype = dtype or "int64"
        self._keep(locals())
        self._start(num_classes)


class OneHotIoU(_Overlap):
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
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        dtype = dtype or "int64"
        self._keep(locals())
        self._start(num_classes, target_class_ids)


class OneHotMeanIoU(_Overlap):
    """Mean intersection over union of all classes; labels are rows.

    Args:
        num_classes: How many classes there are.
        ignore_class: A class whose samples do not count.
        sparse_y_pred: Whether predictions are numbers of classes, not rows.
        axis: The axis of the classes or features.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        dtype = dtype or "int64"
        self._keep(locals())
        self._start(num_classes)
