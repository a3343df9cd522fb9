"""What layers with a learned gamma (factor) and beta (offset) share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers.integer_options import is_integer
from rnnext.layers.layer import Layer
from rnnext.layers.variable import Variable
from rnnext.ops.shapes import axes_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import InitializerOption, KeptOption, LayerOptions

__all__ = ["ScaleAndOffset", "axes_option", "axis_list", "axis_option"]


def axis_option(axis: Any, label: str) -> int:
    """Returns an option that is one axis (also in a list), or raises UnsupportedError."""
    one = axis[0] if isinstance(axis, (list, tuple)) and len(axis) == 1 else axis
    if not is_integer(one):
        raise UnsupportedError(f"{label}: axis must be an integer, received {axis!r}.")
    return int(one)


def axis_list(axis: Any, label: str) -> list[int]:
    """Returns an option that is one axis or several as a list, or raises UnsupportedError."""
    several = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    if not several or not all(is_integer(item) for item in several):
        raise UnsupportedError(
            f"{label}: axis must be an integer or a list of integers, received {axis!r}."
        )
    return [int(item) for item in several]


def axes_option(axis: Any, label: str) -> int | list[int]:
    """Returns an option that is one axis or several, or raises UnsupportedError."""
    several = axis_list(axis, label)
    return several if isinstance(axis, (list, tuple)) else several[0]


class ScaleAndOffset(Layer):
    """Base class of normalisations: the options and weights of gamma and beta.

    Args:
        epsilon: Added to what is divided by.
        center: Whether there is a beta.
        scale: Whether there is a gamma.
        beta_initializer: How beta starts.
        gamma_initializer: How gamma starts.
        beta_regularizer: Adds to the loss in training.
        gamma_regularizer: Adds to the loss in training.
        beta_constraint: Applied to it after each training step.
        gamma_constraint: Applied to it after each training step.
        **kwargs: Arguments of `Layer`.
    """

    beta_initializer: Any
    gamma_initializer: Any

    gamma: Variable | None = None
    beta: Variable | None = None

    def __init__(
        self,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerOption = "zeros",
        gamma_initializer: InitializerOption = "ones",
        beta_regularizer: KeptOption = None,
        gamma_regularizer: KeptOption = None,
        beta_constraint: KeptOption = None,
        gamma_constraint: KeptOption = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._take(locals())
        self.supports_masking = True

    def _sizes(self, input_shape: Any, axis: int | list[int]) -> tuple[int, ...]:
        """The sizes of the input along `axis`, or a ShapeError that names what is wrong."""
        try:
            axes_of(axis, len(input_shape))
        except ShapeError as error:
            raise ShapeError(f"{self.label}: input shape {tuple(input_shape)}: {error}") from error
        sizes = tuple(input_shape[i] for i in (axis if isinstance(axis, list) else [axis]))
        if None in sizes:
            raise ShapeError(
                f"{self.label}: the sizes along axis {axis} of {tuple(input_shape)} must be known."
            )
        return sizes

    def _add_gamma(self, shape: tuple[int, ...]) -> None:
        self.gamma = self.add_weight(shape, self.gamma_initializer, name="gamma", autocast=False)

    def _add_beta(self, shape: tuple[int, ...]) -> None:
        self.beta = self.add_weight(shape, self.beta_initializer, name="beta", autocast=False)

    @staticmethod
    def _shaped(variable: Variable | None, shape: Any) -> NDArray[Any] | None:
        """A weight so that it broadcasts to the input; None if there is no such weight."""
        return None if variable is None else variable.value.reshape(shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape
