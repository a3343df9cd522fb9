"""Initializers that draw random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization, settings
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.initializers.base import Initializer, Shape

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
]


class RandomInitializer(Initializer):
    """Base class of the initializers that draw random numbers."""

    def __init__(self, seed: int | None = None) -> None:
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise UnsupportedError(
                f"initializer {type(self).__name__}: seed must be an integer or None, received "
                f"{seed!r}."
            )
        self.seed = seed
        self._generator_seed = settings.next_seed() if seed is None else abs(seed)

    def __call__(self, shape: Shape, dtype: Any = None) -> NDArray[Any]:
        """Returns an array of this shape and dtype."""
        values = self._draw(np.random.default_rng(self._generator_seed), tuple(shape))
        with np.errstate(over="ignore"):  # a stddev of 1e300 makes infinities, as in Keras
            return values.astype(dtype or settings.floatx())

    def _draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"seed": self.seed}


@serialization.builtin("keras.initializers")
class RandomNormal(RandomInitializer):
    """Normal distribution."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def _draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        return rng.normal(self.mean, self.stddev, shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


@serialization.builtin("keras.initializers")
class TruncatedNormal(RandomNormal):
    """Normal distribution without what is more than two standard deviations from the mean."""

    def _draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        return _truncated_normal(rng, self.mean, self.stddev, shape)


@serialization.builtin("keras.initializers")
class RandomUniform(RandomInitializer):
    """Uniform distribution on [minval, maxval)."""

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def _draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        return rng.uniform(self.minval, self.maxval, shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


@serialization.builtin("keras.initializers")
class VarianceScaling(RandomInitializer):
    """Random numbers whose variance is `scale` over the number of connections.

    Args:
        scale: Factor of the variance.
        mode: `"fan_in"`, `"fan_out"` or `"fan_avg"`: which connections count.
        distribution: `"truncated_normal"` (also `"normal"`), `"untruncated_normal"`, `"uniform"`.
        seed: Integer, or None to draw one.
        input_axes: Axes of the shape that are inputs, where the usual layout does not hold.
        output_axes: Axes of the shape that are outputs.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        distribution = "truncated_normal" if distribution == "normal" else distribution
        _check_choice(self, "mode", mode, ("fan_in", "fan_out", "fan_avg"))
        _check_choice(
            self,
            "distribution",
            distribution,
            ("truncated_normal", "untruncated_normal", "uniform"),
        )
        if not scale > 0:
            raise UnsupportedError(
                f"initializer {type(self).__name__}: scale must be > 0, received {scale!r}."
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def _draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        fan_in, fan_out = _fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return rng.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return rng.normal(0.0, math.sqrt(variance), shape)
        # The standard deviation of a unit normal cut at two is 0.8796...
        return _truncated_normal(rng, 0.0, math.sqrt(variance) / 0.87962566103423978, shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _FixedScaling(VarianceScaling):
    """A named combination of scale, mode and distribution."""

    _combination: tuple[float, str, str]

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self._combination, seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            "seed": self.seed,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


@serialization.builtin("keras.initializers")
class GlorotUniform(_FixedScaling):
    """Uniform on +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""

    _combination = (1.0, "fan_avg", "uniform")


@serialization.builtin("keras.initializers")
class GlorotNormal(_FixedScaling):
    """Truncated normal of standard deviation sqrt(2 / (fan_in + fan_out))."""

    _combination = (1.0, "fan_avg", "truncated_normal")


@serialization.builtin("keras.initializers")
class LecunNormal(_FixedScaling):
    """Truncated normal of standard deviation sqrt(1 / fan_in)."""

    _combination = (1.0, "fan_in", "truncated_normal")


@serialization.builtin("keras.initializers")
class LecunUniform(_FixedScaling):
    """Uniform on +-sqrt(3 / fan_in)."""

    _combination = (1.0, "fan_in", "uniform")


@serialization.builtin("keras.initializers")
class HeNormal(_FixedScaling):
    """Truncated normal of standard deviation sqrt(2 / fan_in) (He et al., 2015)."""

    _combination = (2.0, "fan_in", "truncated_normal")


@serialization.builtin("keras.initializers")
class HeUniform(_FixedScaling):
    """Uniform on +-sqrt(6 / fan_in) (He et al., 2015)."""

    _combination = (2.0, "fan_in", "uniform")


@serialization.builtin("keras.initializers")
class Orthogonal(RandomInitializer):
    """A random matrix with orthonormal rows or columns, times `gain` (Saxe et al., 2014).

    The Q of a QR factorisation of normal random numbers, with the signs of R's diagonal so that
    every orthogonal matrix is equally likely. Shapes of more axes are made as a matrix of
    (product of all axes but the last, last axis).
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def _draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        if len(shape) < 2:
            raise ShapeError(
                f"initializer Orthogonal needs a shape of 2 axes or more, received {shape}."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diagonal(r))
        if rows < columns:
            q = q.T
        return self.gain * q.reshape(shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "gain": self.gain}


def _truncated_normal(
    rng: np.random.Generator, mean: float, stddev: float, shape: tuple[int, ...]
) -> NDArray[Any]:
    values = rng.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(int(outside.sum()))
    return mean + stddev * values


def _fans(
    shape: tuple[int, ...], input_axes: Sequence[int] | None, output_axes: Sequence[int] | None
) -> tuple[int, int]:
    """Numbers of inputs and outputs of a weight; a convolution's are (..., inputs, outputs)."""
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def _check_choice(owner: Initializer, option: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise UnsupportedError(
            f"initializer {type(owner).__name__}: {option} must be one of {accepted}, received "
            f"{value!r}."
        )
