"""Exceptions. Every message names the layer or file, what came, and what is accepted."""

__all__ = ["DataError", "FileError", "RnnextError", "ShapeError", "UnsupportedError"]


class RnnextError(ValueError):
    """Base class of every error rnnext raises on purpose (a `ValueError`)."""


class UnsupportedError(RnnextError):
    """A layer, option, option value or activation that rnnext does not accept."""


class ShapeError(RnnextError):
    """An array, or a list of arrays, whose rank, sizes or number do not fit."""


class DataError(RnnextError):
    """Input whose contents cannot be used: not numbers, not on the CPU, ids out of range."""


class FileError(RnnextError):
    """A file that is not a model, is damaged, or holds something rnnext cannot read."""
