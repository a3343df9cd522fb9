"""What a metric is: the options that all of them have."""

from __future__ import annotations

from typing import Any, NoReturn

from rnnext.dtypes import DTypePolicy, standard_dtype_name
from rnnext.errors import UnsupportedError
from rnnext.kept_option import KeptArguments
from rnnext.naming import unique_name

__all__ = ["Metric"]


class Metric(KeptArguments):
    """Base class of metrics; they hold their options, and training will compute them.

    Args:
        dtype: Dtype to compute in.
        name: Name of the metric.

    Example:
        >>> from rnnext.metrics import AUC
        >>> AUC(curve="PR").get_config()["curve"]
        'PR'
    """

    _keras_module = "keras.metrics"

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or unique_name(type(self).__name__)
        given = dtype.compute_dtype if isinstance(dtype, DTypePolicy) else dtype
        self.dtype = standard_dtype_name(given)

    def update_state(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        """Raises UnsupportedError; subclasses override it."""
        self._refuse("update_state")

    def result(self) -> Any:
        """Raises UnsupportedError; subclasses override it."""
        self._refuse("result")

    def reset_state(self) -> None:
        """Does nothing: the metric has no state."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Updates the state and returns the result."""
        self.update_state(*args, **kwargs)
        return self.result()

    def _refuse(self, method: str) -> NoReturn:
        raise UnsupportedError(
            f"metric {self.name!r} ({type(self).__name__}): {method}() is part of training, which "
            "comes in a later version of rnnext."
        )
