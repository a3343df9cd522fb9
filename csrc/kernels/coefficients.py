"""Writes coefficients.h: the polynomials and constants of math.h, for float and double.

    python csrc/kernels/coefficients.py > csrc/kernels/coefficients.h

A tool for developers (needs mpmath); the build only reads the header. The coefficients are fitted in
60 digits and rounded to the format one after the other from the constant term on, each time fitting
those that are left again: the later ones make up for the rounding of the earlier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mpmath as mp

mp.mp.dps = 60

Function = Callable[[mp.mpf], mp.mpf]


@dataclass(frozen=True)
class Format:
    """A floating-point format and what math.h needs to know of it."""

    name: str
    bits: int  # of the significand, the leading one included
    min_exponent: int  # of the smallest normal number
    lift: int  # exp of a negative number is carried times 2^lift, so that it stays normal
    limits: dict[str, float]  # where functions are constant in this format, and beyond

    def round(self, x: mp.mpf) -> mp.mpf:
        return self.truncate(x, self.bits)

    @staticmethod
    def truncate(x: mp.mpf, bits: int) -> mp.mpf:
        """x to the nearest number of `bits` significant bits."""
        if x == 0:
            return x
        scale = mp.mpf(2) ** (bits - 1 - mp.floor(mp.log(abs(x), 2)))
        return mp.nint(x * scale) / scale


FLOAT = Format(
    "float",
    24,
    -126,
    32,
    {
        "kExpLowest": -108,  # exp: 0, and 2^lift exp is still normal
        "kExpHighest": 89,  # exp: infinity
        "kExpm1Lowest": -20,  # expm1: -1
        "kTanhIsOne": 10,
        "kSigmoidIsOne": 20,
        "kCdfIsZero": 14.5,
    },
)
DOUBLE = Format(
    "double",
    53,
    -1022,
    64,
    {
        "kExpLowest": -750,
        "kExpHighest": 710,
        "kExpm1Lowest": -40,
        "kTanhIsOne": 20,
        "kSigmoidIsOne": 40,
        "kCdfIsZero": 38.7,
    },
)


def evaluate(coefficients: list[mp.mpf], x: mp.mpf) -> mp.mpf:
    value = mp.mpf(0)
    for c in reversed(coefficients):
        value = value * x + c
    return value


def fit(
    form: Format, target: Function, weight: Function, low: mp.mpf, high: mp.mpf, count: int
) -> tuple[list[mp.mpf], mp.mpf]:
    """Coefficients rounded to `form`, and the largest weighted error of the rounded polynomial.

    Least squares of weight * (polynomial - target) over Chebyshev points: within a small factor of
    the minimax fit, and it stays solvable when the first coefficients are already fixed.
    """
    middle, half = (mp.mpf(high) + low) / 2, (mp.mpf(high) - low) / 2
    size = 8 * count
    points = [middle - half * mp.cos(mp.pi * (2 * i + 1) / (2 * size)) for i in range(size)]
    right = mp.matrix([weight(x) * target(x) for x in points])
    system = mp.matrix([[weight(x) * x**k for k in range(count)] for x in points])
    rounded: list[mp.mpf] = []
    for k in range(count):
        open_columns = system[:, k:]
        normal = open_columns.T * open_columns
        rounded.append(form.round(mp.lu_solve(normal, open_columns.T * right)[0]))
        right -= system[:, k] * rounded[-1]
    checks = [middle - half * mp.cos(mp.pi * i / 1000) for i in range(1001)]
    return rounded, max(abs(weight(x) * (evaluate(rounded, x) - target(x))) for x in checks)


# ---- the functions -------------------------------------------------------------------------------

HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0001")  # rounding to the nearest n may leave a little more


def expm1_tail(r: mp.mpf) -> mp.mpf:
    """(exp(r) - 1 - r) / r^2"""
    if abs(r) < 1e-6:
        return sum((r**k / mp.factorial(k + 2) for k in range(8)), mp.mpf(0))
    return (mp.expm1(r) - r) / r**2


def tanh_tail(z: mp.mpf) -> mp.mpf:
    """(tanh(h) - h) / h^3 with z = h^2"""
    if z < 1e-8:
        return -mp.mpf(1) / 3 + 2 * z / 15 - 17 * z**2 / 315 + 62 * z**3 / 2835
    h = mp.sqrt(z)
    return (mp.tanh(h) - h) / h**3


def atanh_tail(z: mp.mpf) -> mp.mpf:
    """(2 atanh(s) - 2 s) / s^3 with z = s^2"""
    if z < 1e-8:
        return sum((2 * z**k / (2 * k + 3) for k in range(8)), mp.mpf(0))
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / s**3


# normal_cdf(-a) = exp(-a^2 / 2) / (a + pole) * polynomial(t), t = 1 - 2 pole / (a + pole), for a from
# CDF_SPLIT on; below, normal_cdf(a) = 1 / 2 + a * polynomial(a^2).
CDF_POLE, CDF_SPLIT = mp.mpf(4), mp.mpf(0.75)


def cdf_tail(t: mp.mpf) -> mp.mpf:
    a = CDF_POLE * (1 + t) / (1 - t)
    return (a + CDF_POLE) * mp.exp(a * a / 2) * mp.erfc(a / mp.sqrt(2)) / 2


def cdf_tail_variable(a: mp.mpf) -> mp.mpf:
    return (a - CDF_POLE) / (a + CDF_POLE)


def cdf_middle(z: mp.mpf) -> mp.mpf:
    if z < 1e-20:
        return 1 / mp.sqrt(2 * mp.pi)
    return mp.erf(mp.sqrt(z / 2)) / (2 * mp.sqrt(z))


# ---- printing ------------------------------------------------------------------------------------


def literal(form: Format, x: mp.mpf) -> str:
    digits, suffix = (9, "f") if form is FLOAT else (17, "")
    return mp.nstr(mp.mpf(x), digits) + suffix


def print_array(
    form: Format,
    name: str,
    comment: str,
    fitted: tuple[list[mp.mpf], mp.mpf],
    leading: tuple[int, ...] = (),
) -> None:
    """The coefficients, after the `leading` ones that are given exactly."""
    coefficients, worst = fitted
    print(f"  // {comment}; error 2^{float(mp.log(worst, 2)):.1f}")
    print(f"  static constexpr {form.name} {name}[] = {{")
    for c in (*leading, *coefficients):
        print(f"      {literal(form, c)},")
    print("  };")


def print_format(form: Format, terms: dict[str, int]) -> None:
    # n * kLn2High must be exact where the processor has no fma: leave room for n.
    room = (form.bits - 1 + form.lift - form.min_exponent).bit_length()
    high = Format.truncate(mp.log(2), form.bits - room)
    integer = "int32_t" if form is FLOAT else "int64_t"
    magic = mp.mpf(3) * 2 ** (form.bits - 2)
    scalars = {
        "kLog2E": 1 / mp.log(2),
        "kHalfLn2": mp.log(2) / 2,
        "kLn2High": high,
        "kLn2Low": mp.log(2) - high,
        "kMagic": magic,
        "kLift": mp.mpf(2) ** form.lift,
        "kUnlift": mp.mpf(2) ** -form.lift,
        "kSqrtHalf": mp.sqrt(mp.mpf(1) / 2),
        "kCdfPole": CDF_POLE,
        "kCdfSplit": CDF_SPLIT,
        **form.limits,
    }
    print(f"\ntemplate <>\nstruct Coefficients<{form.name}> {{")
    print(f"  static constexpr {integer} kMantissaBits = {form.bits - 1};")
    print(f"  static constexpr {form.name} kBias = {1 - form.min_exponent}, kLiftExponent = {form.lift};")
    for name, value in scalars.items():
        print(f"  static constexpr {form.name} {name} = {literal(form, form.round(mp.mpf(value)))};")
    # Clearing so many low bits leaves a number whose square is exact.
    print(f"  static constexpr {integer} kSplitBits = {form.bits - form.bits // 2};")
    print_array(
        form,
        "kExpTail",
        "(exp(r) - 1 - r) / r^2 for |r| <= ln2 / 2, relative to exp(r) - 1",
        fit(form, expm1_tail, lambda r: abs(r) + mp.mpf(2) ** -20, -HALF_LN2, HALF_LN2, terms["exp"]),
    )
    print_array(
        form,
        "kTanh",
        "tanh(h) / h in h^2, for |h| <= ln2 / 4; relative",
        fit(form, tanh_tail, lambda z: z + mp.mpf(2) ** -20, mp.mpf(0), (HALF_LN2 / 2) ** 2, terms["tanh"]),
        leading=(1,),
    )
    print_array(
        form,
        "kAtanhTail",
        "(2 atanh(s) - 2 s) / s^3 in s^2, for 0 <= s <= 1/3, relative to 2 atanh(s)",
        fit(form, atanh_tail, lambda z: z / 2 + mp.mpf(2) ** -20, mp.mpf(0), mp.mpf(1) / 9, terms["log"]),
    )
    print_array(
        form,
        "kCdfMiddle",
        "(normal_cdf(a) - 1/2) / a in a^2, for 0 <= a <= kCdfSplit; relative",
        fit(form, cdf_middle, lambda z: 1 / cdf_middle(z), mp.mpf(0), CDF_SPLIT**2, terms["cdf_middle"]),
    )
    low, end = (cdf_tail_variable(a) for a in (CDF_SPLIT, mp.mpf(form.limits["kCdfIsZero"])))
    print_array(
        form,
        "kCdfTail",
        "normal_cdf(-a) exp(a^2 / 2) (a + p) in t = (a - p) / (a + p), p = kCdfPole, for larger a; relative",
        fit(form, cdf_tail, lambda t: 1 / cdf_tail(t), low, end, terms["cdf_tail"]),
    )
    print("};")


def main() -> None:
    print("// Written by coefficients.py; do not edit. See there for how the polynomials were fitted.")
    print("#pragma once\n\n#include <stdint.h>\n")
    print("namespace rnnext::kernels {\nnamespace {\n")
    print("template <class T>\nstruct Coefficients;")
    print_format(FLOAT, {"exp": 5, "tanh": 3, "log": 4, "cdf_middle": 5, "cdf_tail": 9})
    print_format(DOUBLE, {"exp": 10, "tanh": 7, "log": 10, "cdf_middle": 10, "cdf_tail": 20})
    print("\n}  // namespace\n}  // namespace rnnext::kernels")


if __name__ == "__main__":
    main()
