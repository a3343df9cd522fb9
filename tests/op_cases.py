"""Calls of operations beside keras.ops: name, arguments, options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from layer_twins import Array, random_array

Case = tuple[str, Sequence[Any], dict[str, Any]]

X = random_array((2, 3, 4), seed="x")
Y = random_array((2, 3, 4), seed="y")
ROW = random_array((4,), seed="row")
IDS = np.array([[1, 0, 3], [2, 2, 1]], np.int32)
SIGNED = np.array([-12, 0, 7, 8], np.int32)
HOLES = np.where(Y > -0.5, X, np.float32(np.nan))
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0], np.float32)
VECTORS = random_array((2, 3), seed="vectors")
BITWISE = ("bitwise_and", "bitwise_or", "bitwise_xor")
QUANTILE_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _elementwise() -> list[Case]:
    found: list[Case] = [
        (name, (x,), {})
        for name in ("fabs", "sinc", "isreal", "isneginf", "isposinf", "signbit", "angle")
        for x in (X, IDS)
    ]
    found += [(name, (X,), {}) for name in ("real", "imag", "conj", "conjugate")]
    found += [
        ("logaddexp2", (X, Y), {}),
        ("logaddexp2", (IDS, 0.5), {}),
        ("heaviside", (np.where(X > 0, X, np.float32(0)), Y), {}),
        ("ldexp", (X, np.int32(3)), {}),
        ("ldexp", (ROW, SIGNED), {}),
        ("nextafter", (X, Y), {}),
        ("erfc", (X * 3,), {}),
        ("erfinv", (np.tanh(X),), {}),
        ("erfinv", (np.array([1e-6, 0, -0.9999, 0.5], np.float32),), {}),
        ("isclose", (X, X + np.float32(1e-7)), {}),
        ("isclose", (SPECIAL, SPECIAL), {"equal_nan": True}),
        ("isclose", (IDS, 2), {}),
        ("isclose", (X, Y, 0.5, 0.1), {}),
        ("allclose", (X, X), {}),
        ("allclose", (X, Y, 0.5), {}),
        ("allclose", (SPECIAL, SPECIAL), {"equal_nan": True}),
        ("select", ([X > 0.5, X > 0], [X, Y], 1.0), {}),
        ("select", ([X > 0.5, Y > 0], [X * 2, Y]), {}),
    ]
    for name in ("gcd", "lcm"):
        found += [(name, (SIGNED, IDS[:, :1] + 4), {}), (name, (SIGNED.astype("int64"), 6), {})]
    for name in BITWISE:
        found += [(name, (SIGNED, SIGNED[::-1]), {})]
    for name in ("left_shift", "right_shift", "bitwise_left_shift", "bitwise_right_shift"):
        found += [(name, (SIGNED, np.abs(SIGNED) % 5), {}), (name, (SIGNED.astype("int64"), 2), {})]
    return [*found, ("bitwise_not", (SIGNED,), {}), ("bitwise_invert", (IDS,), {})]


def _arrays() -> list[Case]:
    return [
        ("array", (X,), {}),
        ("array", (IDS, "float32"), {}),
        ("size", (X,), {}),
        ("empty_like", (X,), {}),
        ("empty_like", (X, "int32"), {}),
        ("view", (X, "int32"), {}),
        ("view", (X, "int16"), {}),
        ("view", (X.astype("float64"), "float32"), {}),
        ("linspace", (X, Y, 5), {}),
        ("linspace", (X, 1.0, 4), {"endpoint": False, "axis": -1}),
        ("linspace", (0, 10, 4), {"dtype": "int32"}),
        ("logspace", (X, Y, 3), {}),
        ("logspace", (X, Y, 4), {"base": 2, "axis": 1}),
        ("geomspace", (np.abs(X) + 1, 9.0, 4), {}),
        ("meshgrid", (ROW, ROW[:2]), {}),
        ("meshgrid", (ROW, X[0, 0], X[0, :, 0]), {"indexing": "ij"}),
        ("vander", (ROW,), {}),
        ("vander", (ROW, 3), {"increasing": True}),
        ("append", (X, Y), {}),
        ("append", (X, IDS[..., None]), {"axis": 2}),
        ("diag", (ROW, 1), {}),
        ("diag", (X[0], -1), {}),
        ("diagflat", (X[0],), {}),
        ("rot90", (X,), {}),
        ("rot90", (X[:, :2, :2], 2, (1, 2)), {}),
        ("rot90", (X, -1, (0, 2)), {}),
        ("fliplr", (X,), {}),
        ("flipud", (X,), {}),
        ("dstack", ([X, Y],), {}),
        ("dstack", ([X[0], Y[0]],), {}),
        ("dstack", ([ROW, ROW],), {}),
        ("hsplit", (X, 3), {}),
        ("hsplit", (X, [1]), {}),
        ("vsplit", (X, 2), {}),
        ("dsplit", (X, 2), {}),
        ("array_split", (X, 3, 2), {}),
        ("rearrange", (X, "b t k -> t (b k)"), {}),
        ("rearrange", (X, "b t (k h) -> (b k) t h"), {"h": 2}),
    ]


def _counts() -> list[Case]:
    return [
        ("searchsorted", (np.sort(ROW), X[0, 0]), {}),
        ("searchsorted", (np.array([1.0, 2.0, 2.0, 3.0], "float32"), ROW * 3), {"side": "right"}),
        ("isin", (IDS, [2, 3]), {}),
        ("isin", (IDS, np.array([], "int32")), {"invert": True}),
        ("isin", (IDS, [2, 3]), {"invert": True}),
    ]


def _reductions() -> list[Case]:
    found: list[Case] = []
    for name in ("nanmax", "nanmin", "nanargmax", "nanargmin", "nanmedian"):
        found += [(name, (HOLES,), options) for options in ({}, {"axis": 1}, {"axis": -1})]
        found += [(name, (HOLES,), {"axis": 1, "keepdims": True})]
    for name in ("nancumsum", "nancumprod"):
        found += [(name, (HOLES,), {}), (name, (HOLES, 1), {})]
    for method in QUANTILE_METHODS:
        found += [("nanquantile", (HOLES, 0.3), {"method": method, "axis": 1})]
    return [
        *found,
        ("quantile", (X, [0.1, 0.55, 1.0]), {"axis": -1}),
        ("quantile", (HOLES, 0.5), {"axis": 1}),
        ("quantile", (IDS, 0.4), {"axis": 1}),
        ("percentile", (X, 30), {"axis": 1}),
        ("nanpercentile", (HOLES, [30.0, 60.0]), {"axis": 1}),
        ("trace", (X,), {}),
        ("trace", (X, 1, 1, 2), {}),
        ("trapezoid", (X,), {}),
        ("trapezoid", (X, None, 0.5, 1), {}),
        ("trapezoid", (X, [0.0, 1.0, 3.0, 3.5]), {}),
        ("correlate", (X[0].ravel(), ROW[:3]), {}),
        ("correlate", (X[0].ravel(), ROW), {"mode": "same"}),
        ("correlate", (ROW, X[0].ravel()), {"mode": "same"}),
        ("correlate", (ROW, X[0].ravel()[:5]), {"mode": "full"}),
    ]


def _products() -> list[Case]:
    return [
        ("vdot", (X, Y), {}),
        ("vdot", (IDS, IDS), {}),
        ("kron", (X[0], Y[0]), {}),
        ("cross", (VECTORS, VECTORS[::-1]), {}),
        ("cross", (VECTORS, VECTORS[:, :2]), {}),
        ("cross", (VECTORS[:, :2], VECTORS[::-1, :2]), {}),
        ("cross", (X, Y), {"axis": 1}),
        ("cdist", (X, Y[:, :2]), {}),
    ]


SIGNAL = random_array((2, 40), seed="signal")
SPECTRUM = [random_array((2, 9, 9), seed="real"), random_array((2, 9, 9), seed="imag")]

OF_WINDOWS = {"sequence_length": 12, "sequence_stride": 4, "fft_length": 16}
OWN_WINDOW = {"window": np.linspace(0.5, 1.0, 12).astype(np.float32)}


def _spectra() -> list[Case]:
    found: list[Case] = [("extract_sequences", (x, 7, 3), {}) for x in (SIGNAL, SIGNAL.astype(int))]
    found += [(name, (SPECTRUM,), {}) for name in ("fft", "fft2", "ifft2", "irfft")]
    found += [("irfft", (SPECTRUM, length), {}) for length in (9, 13, 15, 20)]
    found += [("rfft", (SIGNAL, length), {}) for length in (None, 17, 32, 64)]
    for options in (
        {},
        {"window": "hamming", "sequence_length": 11},
        {"window": None, "sequence_length": 16},
        {"center": False},
    ):
        found.append(("stft", (SIGNAL,), {**OF_WINDOWS, **options}))
        found.append(("istft", (SPECTRUM,), {**OF_WINDOWS, **options}))
    return [*found, ("istft", (SPECTRUM,), {**OF_WINDOWS, "length": 20})]


PROBABILITIES = np.exp(X) / np.exp(X).sum(axis=-1, keepdims=True)
LABELS = (Y > 0).astype(np.float32)


def _losses() -> list[Case]:
    classes = IDS % 3 + 1
    return [
        ("binary_crossentropy", (LABELS, PROBABILITIES), {}),
        ("binary_crossentropy", (LABELS, np.round(PROBABILITIES)), {}),
        ("binary_crossentropy", (LABELS, X * 5), {"from_logits": True}),
        ("binary_crossentropy", (LABELS, X - X), {"from_logits": True}),
        ("categorical_crossentropy", (LABELS, PROBABILITIES * 2), {}),
        ("categorical_crossentropy", (LABELS, np.round(PROBABILITIES, 1)), {}),
        ("categorical_crossentropy", (LABELS, X * 5), {"from_logits": True}),
        ("sparse_categorical_crossentropy", (IDS, PROBABILITIES), {}),
        ("sparse_categorical_crossentropy", (IDS[..., None], PROBABILITIES), {}),
        ("sparse_categorical_crossentropy", (IDS, X * 5), {"from_logits": True}),
        ("in_top_k", (IDS[0], X[0], 2), {}),
        ("ctc_decode", (X, np.array([3, 2])), {}),
        ("ctc_decode", (X, np.array([3, 3])), {"mask_index": 2, "merge_repeated": False}),
        ("ctc_decode", (X, np.array([3, 3])), {"mask_index": None}),
        ("ctc_loss", (classes[:, :2], X, np.array([1, 1]), np.array([3, 2])), {}),
        ("ctc_loss", (IDS[:, :1] % 2, X, np.array([1, 1]), np.array([3, 2]), 3), {}),
    ]


SCATTERED = np.array([[1], [0], [1]], np.int32)
PLACES = np.array([[0, 2], [1, 1], [0, 2], [1, 0]], np.int32)
# Without num_segments the values say how many there are.
SEGMENT_REDUCTIONS = ("segment_sum", "segment_max", "segment_min", "segment_prod")
SEGMENTS = np.array([2, 0, 2], np.int32)


def _scattering() -> list[Case]:
    found: list[Case] = [
        ("slice_update", (X, (0, 1, 2), Y[:, :2, :1]), {}),
        ("slice_update", (X, np.array([1, 1, 3]), Y[:1, :2, :1]), {}),
        ("slice_update", (X, (1, 2, 3), Y[:, :2, :2]), {}),
        ("scatter", (PLACES, ROW, (2, 3)), {}),
        ("scatter", (SCATTERED, VECTORS[[0, 1, 0]], (4, 3)), {}),
        ("scatter_update", (X, PLACES[1:], Y[0, :3]), {}),
        ("unravel_index", (np.array([5, 11, 0], np.int32), (3, 4)), {}),
        ("unravel_index", (np.array([5, 23]), (2, 3, 4)), {}),
    ]
    for reduction in ("add", "max", "min", "mul"):
        found += [
            ("scatter_update", (X, PLACES, Y[0, [0, 1, 2, 0]], reduction), {}),
            ("scatter_update", (X[0], PLACES[:, ::-1] % 3, ROW), {"reduction": reduction}),
        ]
    for name in SEGMENT_REDUCTIONS:
        found += [
            (name, (Y[:, :, 0].T, SEGMENTS, 4), {}),
            (name, (IDS.T, np.array([0, 1, 1], np.int32)), {}),
            (name, (np.round(X[0]), np.array([0, -1, 0], np.int32), 2), {}),
            (name, (VECTORS.T, np.array([0, 0, 2], np.int32)), {"sorted": True}),
        ]
    return found


STEPS = random_array((2, 9, 4), seed="steps")
IMAGE = random_array((2, 6, 5, 4), seed="image")
VOLUME = random_array((1, 4, 3, 5, 2), seed="volume")


def _kernel(*shape: int) -> Array:
    return random_array(shape, seed=f"kernel {shape}")


def _windows() -> list[Case]:
    first = {"data_format": "channels_first"}
    return [
        ("conv", (STEPS, _kernel(3, 4, 5)), {}),
        ("conv", (STEPS, _kernel(3, 4, 5), 2, "same"), {}),
        ("conv", (STEPS, _kernel(2, 4, 5)), {"dilation_rate": 3}),
        ("conv", (np.swapaxes(STEPS, 1, 2).copy(), _kernel(3, 4, 5)), first),
        ("conv", (IMAGE, _kernel(3, 2, 4, 5), (2, 1)), {}),
        ("conv", (IMAGE, _kernel(3, 2, 4, 5)), {"padding": "same", "dilation_rate": (1, 2)}),
        ("conv", (VOLUME, _kernel(2, 2, 2, 2, 3)), {"padding": "same"}),
        ("depthwise_conv", (STEPS, _kernel(3, 4, 2)), {}),
        ("depthwise_conv", (IMAGE, _kernel(3, 2, 4, 1), 2, "same"), {}),
        ("depthwise_conv", (np.swapaxes(STEPS, 1, 2).copy(), _kernel(3, 4, 2)), first),
        ("separable_conv", (STEPS, _kernel(3, 4, 2), _kernel(1, 8, 3)), {}),
        ("separable_conv", (IMAGE, _kernel(2, 2, 4, 1), _kernel(1, 1, 4, 3), 1, "same"), {}),
        ("max_pool", (STEPS, 2), {}),
        ("max_pool", (STEPS, 3, 2, "same"), {}),
        ("max_pool", (IMAGE, (2, 3), 1), {}),
        ("max_pool", (np.swapaxes(STEPS, 1, 2).copy(), 2), first),
        ("average_pool", (STEPS, 2), {}),
        ("average_pool", (STEPS, 4, 3, "same"), {}),
        ("average_pool", (VOLUME, 2, 1), {}),
    ]


CASES: list[Case] = [
    *_elementwise(),
    *_arrays(),
    *_counts(),
    *_reductions(),
    *_products(),
    *_losses(),
    *_spectra(),
    *_scattering(),
    *_windows(),
]

# What Keras computes, but does not record, or with a wrong shape or without an option.
UNRECORDED: list[Case] = [
    ("conv", (STEPS, _kernel(3, 2, 6)), {}),
    ("conv_transpose", (STEPS, _kernel(3, 5, 4)), {}),
    ("conv_transpose", (STEPS, _kernel(3, 5, 4), 2, "same"), {}),
    ("conv_transpose", (IMAGE, _kernel(3, 3, 2, 4), 2), {"output_padding": 1}),
    ("categorical_crossentropy", (LABELS, PROBABILITIES), {"axis": 1}),
    ("categorical_crossentropy", (LABELS, X), {"from_logits": True, "axis": 1}),
    *(("quantile", (X, 0.3), {"method": method}) for method in QUANTILE_METHODS),
    *((name, (SIGNED, IDS[:, :1]), {}) for name in BITWISE),
    ("heaviside", (SIGNED.astype("int64"), 0.5), {}),
    *((name, (SIGNED.astype("int64"), 6), {}) for name in BITWISE),
    ("heaviside", (SIGNED, 0.5), {}),
    ("linspace", (X, Y, 3), {"retstep": True}),
    ("digitize", (X, [-1.0, 0.0, 0.5]), {}),
    ("digitize", (SIGNED, (0, 7)), {}),
    ("histogram", (X.ravel(),), {}),
    ("histogram", (X.ravel(), 4, (-1.0, 0.5)), {}),
    ("quantile", (X, [[0.1], [0.9]]), {"axis": (0, 2), "keepdims": True}),
    ("corrcoef", (X[0],), {}),
    ("kron", (X[0], ROW), {}),
    ("stft", (SIGNAL,), {**OF_WINDOWS, **OWN_WINDOW}),
    ("istft", (SPECTRUM,), {**OF_WINDOWS, **OWN_WINDOW}),
]

__all__ = ["CASES", "UNRECORDED", "Array", "Case"]
