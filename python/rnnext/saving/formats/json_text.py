"""Parses configuration text with bounds on its size and depth."""

from __future__ import annotations

import json
import re
from typing import Any

from rnnext.errors import FileError
from rnnext.saving.formats.limits import Limits

__all__ = ["parse_object"]

# Brackets outside strings. A string is matched whole so that brackets inside it do not count.
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def parse_object(text: str | bytes, label: str, part: str, limits: Limits) -> dict[str, Any]:
    """Parses a JSON object.

    Args:
        text: JSON text, or its UTF-8 bytes.
        label: How errors call the file.
        part: How errors call this text inside the file.
        limits: Bounds on size and depth.

    Returns:
        The object.

    Raises:
        FileError: Too large, too deep, not UTF-8, not JSON, or not an object.
    """
    where = f"{label}: {part}"
    if len(text) > limits.config_bytes:
        raise FileError(
            f"{where}: {len(text)} bytes, at most {limits.config_bytes} are accepted "
            "(Limits.config_bytes)."
        )
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise FileError(f"{where}: not UTF-8 text ({error}).") from error
    _check_depth(decoded, where, limits)
    try:
        parsed = json.loads(decoded)
    except ValueError as error:
        raise FileError(f"{where}: not JSON ({error}).") from error
    if not isinstance(parsed, dict):
        raise FileError(f"{where}: a JSON object is expected, received {type(parsed).__name__}.")
    return parsed


def _check_depth(text: str, where: str, limits: Limits) -> None:
    """Rejects deep nesting before the parser recurses into it."""
    depth = 0
    for match in _BRACKET.finditer(text):
        bracket = match.group()
        if bracket in "[{":
            depth += 1
            if depth > limits.config_depth:
                raise FileError(
                    f"{where}: nested deeper than {limits.config_depth} levels "
                    "(Limits.config_depth)."
                )
        elif bracket in "]}":
            depth -= 1
