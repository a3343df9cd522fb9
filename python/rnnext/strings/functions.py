"""TensorFlow's functions on strings that programs give to TextVectorization.

They take strings, lists or arrays of them, and return arrays of byte strings; a single string stays
one. Like TensorFlow's they know bytes alone, unless `encoding="utf-8"` says that these are text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import as_strings
from rnnext.autodiff.watchable import with_numpy
from rnnext.errors import UnsupportedError

__all__ = [
    "join",
    "length",
    "lower",
    "regex_full_match",
    "regex_replace",
    "split",
    "strip",
    "substr",
    "unicode_split",
    "upper",
]

Array = NDArray[Any]


def _each(strings: Any, function: Callable[[bytes], Any], dtype: Any = object) -> Array:
    """Applies a function to every string."""
    array = as_strings(strings, "strings")
    results = np.empty(array.size, dtype)
    for i, string in enumerate(array.ravel().tolist()):
        results[i] = function(string)
    return results.reshape(array.shape)


def _is_text(encoding: str) -> bool:
    if encoding.lower() not in ("", "utf-8"):
        raise UnsupportedError(f"encoding must be '' or 'utf-8', received {encoding!r}.")
    return encoding != ""


@with_numpy
def lower(input: Any, encoding: str = "") -> Array:  # noqa: A002 - TensorFlow's name
    """Returns strings in lower case: their ASCII letters, or with "utf-8" all letters.

    Example:
        >>> lower(["AbC"])
        array([b'abc'], dtype=object)
    """
    if _is_text(encoding):
        return _each(input, lambda s: s.decode().lower().encode())
    return _each(input, bytes.lower)


@with_numpy
def upper(input: Any, encoding: str = "") -> Array:  # noqa: A002
    """Returns strings in upper case: their ASCII letters, or with "utf-8" all letters."""
    if _is_text(encoding):
        return _each(input, lambda s: s.decode().upper().encode())
    return _each(input, bytes.upper)


@with_numpy
def strip(input: Any) -> Array:  # noqa: A002
    """Returns strings without ASCII white space at both ends."""
    return _each(input, bytes.strip)


@with_numpy
def regex_replace(
    input: Any,  # noqa: A002
    pattern: str,
    rewrite: str,
    replace_global: bool = True,
) -> Array:
    r"""Returns strings in which what a regular expression matches is replaced.

    Args:
        input: The strings.
        pattern: The expression. TensorFlow's syntax is that of RE2, here it is Python's, with
            classes such as \w of ASCII, as there.
        rewrite: What to put in: text in which \1 to \9 are the groups and \0 is the whole match.
        replace_global: Whether to replace every match, or the first one.

    Example:
        >>> regex_replace(["a<br />b"], "<br />", " ")
        array([b'a b'], dtype=object)
    """
    import re

    expression = re.compile(_text(pattern), re.ASCII)
    parts = re.split(r"\\(\d|\\)", _text(rewrite))

    def written(match: re.Match[str]) -> str:
        groups = ("\\" if name == "\\" else match.group(int(name)) or "" for name in parts[1::2])
        return parts[0] + "".join(g + text for g, text in zip(groups, parts[2::2], strict=True))

    count = 0 if replace_global else 1

    def replaced(string: bytes) -> bytes:
        text = string.decode("utf-8", "surrogateescape")
        return expression.sub(written, text, count=count).encode("utf-8", "surrogateescape")

    return _each(input, replaced)


@with_numpy
def regex_full_match(input: Any, pattern: str) -> Array:  # noqa: A002
    """Returns which strings a regular expression matches from end to end."""
    import re

    expression = re.compile(_text(pattern), re.ASCII)
    decoded = "utf-8", "surrogateescape"
    return _each(input, lambda s: expression.fullmatch(s.decode(*decoded)) is not None, bool)


@with_numpy
def split(input: Any, sep: str | None = None) -> Array:  # noqa: A002
    """Returns a list of parts for each string, in an array of such lists.

    Args:
        input: The strings.
        sep: What stands between parts; None: ASCII white space, of which several are as one.

    Example:
        >>> split(["a b", "c"])
        array([list([b'a', b'b']), list([b'c'])], dtype=object)
    """
    separator = None if not sep else _text(sep).encode()
    return _each(input, lambda s: s.split(separator))


@with_numpy
def unicode_split(input: Any, input_encoding: str = "UTF-8") -> Array:  # noqa: A002
    """Returns a list of characters for each string, in an array of such lists."""
    _is_text(input_encoding)
    return _each(input, lambda s: [c.encode() for c in s.decode("utf-8", "replace")])


@with_numpy
def length(input: Any, unit: str = "BYTE") -> Array:  # noqa: A002
    """Returns how long strings are: in bytes, or characters with unit "UTF8_CHAR"."""
    if unit == "UTF8_CHAR":
        return _each(input, lambda s: len(s.decode("utf-8", "replace")), np.int32)
    return _each(input, len, np.int32)


@with_numpy
def substr(input: Any, pos: int, len: int) -> Array:  # noqa: A002
    """Returns `len` bytes of each string from `pos` on."""
    return _each(input, lambda s: s[pos:][:len])


@with_numpy
def join(inputs: Any, separator: str = "") -> Array:
    """Returns strings of several arrays joined element by element; single strings go to all.

    Example:
        >>> join([["a", "b"], "x"], separator="-")
        array([b'a-x', b'b-x'], dtype=object)
    """
    arrays = np.broadcast_arrays(*(as_strings(strings, "strings") for strings in inputs))
    between = _text(separator).encode()
    joined = np.empty(arrays[0].size, object)
    joined[:] = [between.join(row) for row in zip(*(a.ravel() for a in arrays), strict=True)]
    return joined.reshape(arrays[0].shape)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
