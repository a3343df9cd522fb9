"""TensorFlow's logger, to which rnnext says nothing."""

from __future__ import annotations

import logging

__all__ = ["DEBUG", "ERROR", "FATAL", "INFO", "WARN", "get_logger", "set_verbosity"]

DEBUG, INFO, WARN = logging.DEBUG, logging.INFO, logging.WARNING
ERROR, FATAL = logging.ERROR, logging.CRITICAL


def get_logger() -> logging.Logger:
    """Returns a logger of Python's, named rnnext."""
    return logging.getLogger("rnnext")


def set_verbosity(level: int) -> None:
    """Sets the level of the logger."""
    get_logger().setLevel(level)
