"""TensorFlow's dtypes, which NumPy's stand for: `np.zeros(3, tf.float32)`."""

from __future__ import annotations

import numpy as np

__all__ = [
    "bfloat16",
    "bool",
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "newaxis",
    "string",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]

bool = np.dtype("bool")  # noqa: A001
int8, int16, int32, int64 = (np.dtype(f"int{bits}") for bits in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64))
float16, float32, float64 = (np.dtype(f"float{bits}") for bits in (16, 32, 64))
# NumPy has the first only with the package ml_dtypes, and strings of no fixed length not at all.
bfloat16, string = "bfloat16", "string"

# What an index adds an axis with.
newaxis = None
