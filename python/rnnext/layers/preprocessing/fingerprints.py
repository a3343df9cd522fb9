"""The hash functions of TensorFlow's string operations, on bytes.

`farmhash64` is Fingerprint64 of Google's FarmHash, whose values are fixed for ever, and `siphash64`
is SipHash-2-4 (Aumasson and Bernstein, 2012). Numbers are 64-bit words; all arithmetic is modulo
2**64.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rnnext.errors import UnsupportedError
from rnnext.layers.integer_options import is_integer

__all__ = ["bucket_hash", "crossed", "farmhash64", "salt_option", "siphash64"]

_WORD = 2**64 - 1
_HALF_WORD = 2**32 - 1
# FarmHash's three odd constants.
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
# The factor and the start of TensorFlow's crossed features.
_CROSS_FACTOR, _CROSS_START = 0xC6A4A7935BD1E995, 0xDECAFCAFFE


def salt_option(salt: Any, label: str) -> list[int] | None:
    """Returns a salt as the two words of a key, or None.

    Raises:
        UnsupportedError: If it is no integer and no pair of integers.
    """
    pair = list(salt) if isinstance(salt, (list, tuple)) else [salt, salt]
    if salt is None:
        return None
    if len(pair) != 2 or not all(is_integer(word) for word in pair):
        raise UnsupportedError(
            f"{label}: salt must be an integer, two integers, or None, received {salt!r}."
        )
    return [int(word) for word in pair]


def bucket_hash(buckets: int, salt: Sequence[int] | None) -> Callable[[Iterable[bytes]], list[int]]:
    """Returns a function that sorts strings into buckets, as TensorFlow's `to_hash_bucket`.

    Args:
        buckets: Their number.
        salt: The key of a SipHash; None for FarmHash.

    Example:
        >>> bucket_hash(1000, None)([b"a", b"b"])
        [939, 822]
    """
    hashed = farmhash64 if salt is None else functools.partial(siphash64, key=salt)

    def sort(strings: Iterable[bytes]) -> list[int]:
        strings = list(strings)
        bucket_of = {string: hashed(string) % buckets for string in set(strings)}
        return [bucket_of[string] for string in strings]

    return sort


def crossed(words: Iterable[int]) -> int:
    """Returns the hash of several features' hashes, in order, as `cross_hashed` combines them."""
    result = _CROSS_START
    for word in words:
        result ^= _CROSS_FACTOR
        result ^= _folded(word * _CROSS_FACTOR & _WORD) * _CROSS_FACTOR & _WORD
        result = result * _CROSS_FACTOR & _WORD
        result = _folded(_folded(result) * _CROSS_FACTOR & _WORD)
    return result


def _rotated(word: int, right: int) -> int:
    """A word rotated to the right."""
    return (word >> right | word << (64 - right)) & _WORD


def _folded(word: int) -> int:
    return word ^ (word >> 47)


# SipHash ------------------------------------------------------------------------------------------


def siphash64(string: bytes, key: Sequence[int]) -> int:
    """Returns SipHash-2-4 of a string.

    Args:
        string: The string.
        key: Two words.
    """
    k0, k1 = (word & _WORD for word in key)
    state = (
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    )
    whole = len(string) // 8
    last = string[whole * 8 :].ljust(7, b"\0") + bytes([len(string) % 256])
    for word in struct.unpack(f"<{whole + 1}Q", string[: whole * 8] + last):
        v0, v1, v2, v3 = state
        v0, v1, v2, v3 = _sip_rounds((v0, v1, v2, v3 ^ word), 2)
        state = (v0 ^ word, v1, v2, v3)
    v0, v1, v2, v3 = state
    v0, v1, v2, v3 = _sip_rounds((v0, v1, v2 ^ 0xFF, v3), 4)
    return v0 ^ v1 ^ v2 ^ v3


def _sip_rounds(state: tuple[int, int, int, int], rounds: int) -> tuple[int, int, int, int]:
    v0, v1, v2, v3 = state
    for _ in range(rounds):
        v0 = (v0 + v1) & _WORD
        v1 = _rotated(v1, 51) ^ v0
        v0 = _rotated(v0, 32)
        v2 = (v2 + v3) & _WORD
        v3 = _rotated(v3, 48) ^ v2
        v0 = (v0 + v3) & _WORD
        v3 = _rotated(v3, 43) ^ v0
        v2 = (v2 + v1) & _WORD
        v1 = _rotated(v1, 47) ^ v2
        v2 = _rotated(v2, 32)
    return v0, v1, v2, v3


# FarmHash -----------------------------------------------------------------------------------------


def farmhash64(string: bytes) -> int:
    """Returns FarmHash's Fingerprint64 of a string.

    Example:
        >>> farmhash64(b"hello")
        13009744463427800296
    """
    size = len(string)
    if size > 64:
        return _of_many(string)
    if size > 32:
        return _of_33_to_64(string)
    if size > 16:
        return _of_17_to_32(string)
    if size >= 8:
        factor = (_K2 + size * 2) & _WORD
        a = (_word(string, 0) + _K2) & _WORD
        b = _word(string, size - 8)
        c = (_rotated(b, 37) * factor + a) & _WORD
        d = (_rotated(a, 25) + b) * factor & _WORD
        return _joined(c, d, factor)
    if size >= 4:
        factor = (_K2 + size * 2) & _WORD
        first, last = (struct.unpack_from("<I", string, at)[0] for at in (0, size - 4))
        return _joined((size + (first << 3)) & _WORD, last, factor)
    if size:
        y = (string[0] + (string[size >> 1] << 8)) & _HALF_WORD
        z = (size + (string[-1] << 2)) & _HALF_WORD
        return _folded(y * _K2 & _WORD ^ z * _K0 & _WORD) * _K2 & _WORD
    return _K2


def _word(string: bytes, at: int) -> int:
    return int.from_bytes(string[at : at + 8], "little")


def _joined(u: int, v: int, factor: int) -> int:
    a = _folded((u ^ v) * factor & _WORD)
    b = _folded((v ^ a) * factor & _WORD)
    return b * factor & _WORD


def _of_17_to_32(string: bytes) -> int:
    size = len(string)
    factor = (_K2 + size * 2) & _WORD
    a = _word(string, 0) * _K1 & _WORD
    b = _word(string, 8)
    c = _word(string, size - 8) * factor & _WORD
    d = _word(string, size - 16) * _K2 & _WORD
    return _joined(*_ends(a, b, c, d), factor)


def _ends(a: int, b: int, c: int, d: int) -> tuple[int, int]:
    """Two words of a string's first two and last two, already multiplied."""
    y = _rotated((a + b) & _WORD, 43) + _rotated(c, 30) + d
    z = a + _rotated((b + _K2) & _WORD, 18) + c
    return y & _WORD, z & _WORD


def _of_33_to_64(string: bytes) -> int:
    size = len(string)
    factor = (_K2 + size * 2) & _WORD
    a = _word(string, 0) * _K2 & _WORD
    b = _word(string, 8)
    c = _word(string, size - 8) * factor & _WORD
    d = _word(string, size - 16) * _K2 & _WORD
    y, z = _ends(a, b, c, d)
    z = _joined(y, z, factor)
    e = _word(string, 16) * factor & _WORD
    f = _word(string, 24)
    g = (y + _word(string, size - 32)) * factor & _WORD
    h = (z + _word(string, size - 24)) * factor & _WORD
    u = (_rotated((e + f) & _WORD, 43) + _rotated(g, 30) + h) & _WORD
    v = (e + _rotated((f + a) & _WORD, 18) + g) & _WORD
    return _joined(u, v, factor)


def _of_many(string: bytes) -> int:
    """Returns the hash of more than 64 bytes: blocks of 64, then the last 64 again."""
    seed = 81
    x = (seed * _K2 + _word(string, 0)) & _WORD
    y = (seed * _K1 + 113) & _WORD
    z = _folded((y * _K2 + 113) & _WORD) * _K2 & _WORD
    v, w = (0, 0), (0, 0)
    beyond = (len(string) - 1) % 64
    for at in range(0, len(string) - 1 - beyond, 64):
        x, y, z, v, w = _mixed(string, at, (x, y, z), v, w, _K1, 1)
    factor = (_K1 + ((z & 0xFF) << 1)) & _WORD
    w = (w[0] + beyond) & _WORD, w[1]
    v = (v[0] + w[0]) & _WORD, v[1]
    w = (w[0] + v[0]) & _WORD, w[1]
    x, y, z, v, w = _mixed(string, len(string) - 64, (x, y, z), v, w, factor, 9)
    first = (_joined(v[0], w[0], factor) + _folded(y) * _K0 + z) & _WORD
    second = (_joined(v[1], w[1], factor) + x) & _WORD
    return _joined(first, second, factor)


def _mixed(
    string: bytes,
    at: int,
    xyz: tuple[int, int, int],
    v: tuple[int, int],
    w: tuple[int, int],
    factor: int,
    weight: int,
) -> tuple[int, int, int, tuple[int, int], tuple[int, int]]:
    """The state after another 64 bytes; in the last step parts of it weigh nine times as much."""
    x, y, z = xyz
    x = _rotated((x + y + v[0] + _word(string, at + 8)) & _WORD, 37) * factor & _WORD
    y = _rotated((y + v[1] + _word(string, at + 48)) & _WORD, 42) * factor & _WORD
    x ^= w[1] * weight & _WORD
    y = (y + v[0] * weight + _word(string, at + 40)) & _WORD
    z = _rotated((z + w[0]) & _WORD, 33) * factor & _WORD
    v = _of_32(string, at, v[1] * factor & _WORD, (x + w[0]) & _WORD)
    w = _of_32(string, at + 32, (z + w[1]) & _WORD, (y + _word(string, at + 16)) & _WORD)
    return z, y, x, v, w


def _of_32(string: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    first, second, third, fourth = struct.unpack_from("<4Q", string, at)
    a = (a + first) & _WORD
    b = _rotated((b + a + fourth) & _WORD, 21)
    c = a
    a = (a + second + third) & _WORD
    b = (b + _rotated(a, 44)) & _WORD
    return (a + fourth) & _WORD, (b + c) & _WORD
