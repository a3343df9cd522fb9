"""Writes coefficients.h: the constants and polynomials of math.h, for float and double.

    python csrc/kernels/coefficients.py > csrc/kernels/coefficients.h

A tool for developers (needs mpmath, which no extra installs); the build only reads the header. The
coefficients are fitted in 60 digits and rounded to the format one after the other from the constant
term on, each time fitting those that are left again: later ones make up for earlier roundings.
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
    digits: int  # decimal digits that identify a number
    suffix: str  # of a literal
    integer: str  # the integer type of the same size
    bits: int  # of the significand, the leading one included
    min_exponent: int  # of the smallest normal number
    lift: int  # exp is carried times 2^lift where it could be subnormal
    limits: dict[str, float]  # from here on a function does not change

    def literal(self, x: mp.mpf | float) -> str:
        """X rounded to this format, as C++ writes it."""
        return str(mp.nstr(round_to_bits(mp.mpf(x), self.bits), self.digits)) + self.suffix


FLOAT = Format(
    name="float",
    digits=9,
    suffix="f",
    integer="int32_t",
    bits=24,
    min_exponent=-126,
    lift=32,
    limits={
        "kExpLowest": -108,  # exp is 0 (and, lifted, still normal)
        "kExpHighest": 89,  # exp is infinity
        "kExpm1Lowest": -20,  # exp - 1 is -1
        "kTanhIsOne": 10,
        "kSigmoidIsOne": 20,
        "kCdfIsZero": 14.5,  # the normal distribution's tail
    },
)
DOUBLE = Format(
    name="double",
    digits=17,
    suffix="",
    integer="int64_t",
    bits=53,
    min_exponent=-1022,
    lift=64,
    limits={
        "kExpLowest": -750,
        "kExpHighest": 710,
        "kExpm1Lowest": -40,
        "kTanhIsOne": 20,
        "kSigmoidIsOne": 40,
        "kCdfIsZero": 38.7,
    },
)

# ---- fitting -------------------------------------------------------------------------------------


def round_to_bits(x: mp.mpf, bits: int) -> mp.mpf:
    """The nearest number of `bits` significant bits."""
    if x == 0:
        return x
    scale = mp.mpf(2) ** (bits - 1 - mp.floor(mp.log(abs(x), 2)))
    return mp.nint(x * scale) / scale


def chebyshev_nodes(low: mp.mpf, high: mp.mpf, count: int) -> list[mp.mpf]:
    """Points inside the interval; never its ends, nor (count is even) its middle."""
    middle, half = (high + low) / 2, (high - low) / 2
    return [middle - half * mp.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]


def evaluate(coefficients: list[mp.mpf], x: mp.mpf) -> mp.mpf:
    """c[0] + c[1] x + c[2] x^2 + ..."""
    return mp.polyval(coefficients[::-1], x)


@dataclass(frozen=True)
class Polynomial:
    """`function` on [low, high]; the error that counts is weight * (polynomial - function)."""

    name: str
    meaning: str
    function: Function
    weight: Function
    low: mp.mpf
    high: mp.mpf
    terms: dict[str, int]  # by name of the format
    leading: tuple[int, ...] = ()  # exact coefficients to print before the fitted ones

    def fit(self, form: Format) -> list[mp.mpf]:
        """The coefficients, rounded to `form`.

        Least squares over Chebyshev nodes: within a small factor of the minimax fit, and solvable
        with the first coefficients fixed.
        """
        count = self.terms[form.name]
        nodes = chebyshev_nodes(self.low, self.high, 8 * count)
        right = mp.matrix([self.weight(x) * self.function(x) for x in nodes])
        columns = mp.matrix([[self.weight(x) * x**k for k in range(count)] for x in nodes])
        rounded: list[mp.mpf] = []
        for k in range(count):
            free = columns[:, k:]
            first = mp.lu_solve(free.T * free, free.T * right)[0]
            rounded.append(round_to_bits(first, form.bits))
            right -= columns[:, k] * rounded[-1]
        return rounded

    def error(self, coefficients: list[mp.mpf]) -> mp.mpf:
        """The largest error that counts."""
        nodes = chebyshev_nodes(self.low, self.high, 1000)
        return max(
            abs(self.weight(x) * (evaluate(coefficients, x) - self.function(x))) for x in nodes
        )

    def print(self, form: Format) -> None:
        """The C++ array."""
        coefficients = self.fit(form)
        print(f"  // {self.meaning}: 2^{float(mp.log(self.error(coefficients), 2)):.1f}")
        print(f"  static constexpr {form.name} {self.name}[] = {{")
        for c in (*self.leading, *coefficients):
            print(f"      {form.literal(c)},")
        print("  };")


# ---- the functions -------------------------------------------------------------------------------

# Rounding to the nearest n may leave a little more than half.
HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0001")
CDF_POLE, CDF_SPLIT = mp.mpf(4), mp.mpf("0.75")


def cdf_middle(z: mp.mpf) -> mp.mpf:
    """(normal_cdf(a) - 1/2) / a with a = sqrt(z)."""
    return mp.erf(mp.sqrt(z / 2)) / (2 * mp.sqrt(z))


def cdf_tail(t: mp.mpf) -> mp.mpf:
    """normal_cdf(-a) exp(a^2 / 2) (a + pole) with t = (a - pole) / (a + pole)."""
    a = CDF_POLE * (1 + t) / (1 - t)
    return (a + CDF_POLE) * mp.exp(a * a / 2) * mp.erfc(a / mp.sqrt(2)) / 2


def cdf_tail_variable(a: mp.mpf) -> mp.mpf:
    """The t of cdf_tail."""
    return (a - CDF_POLE) / (a + CDF_POLE)


def polynomials(form: Format) -> list[Polynomial]:
    """All polynomials of math.h."""
    return [
        Polynomial(
            "kExpTail",
            "(exp(r) - 1 - r) / r^2, |r| <= ln2 / 2; error relative to exp(r) - 1",
            lambda r: (mp.expm1(r) - r) / r**2,
            lambda r: r**2 / mp.expm1(r),
            -HALF_LN2,
            HALF_LN2,
            {"float": 5, "double": 10},
        ),
        Polynomial(
            "kTanh",
            "tanh(h) / h in z = h^2, |h| <= ln2 / 4; relative error",
            lambda z: (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z,
            lambda z: z,
            mp.mpf(0),
            (HALF_LN2 / 2) ** 2,
            {"float": 3, "double": 7},
            leading=(1,),
        ),
        Polynomial(
            "kAtanhTail",
            "(2 atanh(s) - 2 s) / s^3 in z = s^2, |s| <= 1/3; error relative to 2 atanh(s)",
            lambda z: 2 * (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z,
            lambda z: z / 2,
            mp.mpf(0),
            mp.mpf(1) / 9,
            {"float": 4, "double": 10},
        ),
        Polynomial(
            "kCdfMiddle",
            "(normal_cdf(a) - 1/2) / a in z = a^2, a <= kCdfSplit; relative error",
            cdf_middle,
            lambda z: 1 / cdf_middle(z),
            mp.mpf(0),
            CDF_SPLIT**2,
            {"float": 5, "double": 10},
        ),
        Polynomial(
            "kCdfTail",
            "normal_cdf(-a) exp(a^2 / 2) (a + p) in (a - p) / (a + p), p = kCdfPole; relative",
            cdf_tail,
            lambda t: 1 / cdf_tail(t),
            cdf_tail_variable(CDF_SPLIT),
            cdf_tail_variable(mp.mpf(form.limits["kCdfIsZero"])),
            {"float": 9, "double": 20},
        ),
    ]


def scalars(form: Format) -> dict[str, mp.mpf | float]:
    """All other constants."""
    # n * kLn2High must be exact where the processor has no fma: leave room for n.
    room = (form.bits - 1 + form.lift - form.min_exponent).bit_length()
    ln2_high = round_to_bits(mp.log(2), form.bits - room)
    return {
        "kBias": 1 - form.min_exponent,
        "kMagic": mp.mpf(3) * 2 ** (form.bits - 2),
        "kLiftExponent": form.lift,
        "kLift": mp.mpf(2) ** form.lift,
        "kUnlift": mp.mpf(2) ** -form.lift,
        "kLog2E": 1 / mp.log(2),
        "kHalfLn2": mp.log(2) / 2,
        "kLn2High": ln2_high,
        "kLn2Low": mp.log(2) - ln2_high,
        "kSqrtHalf": mp.sqrt(mp.mpf(1) / 2),
        "kCdfPole": CDF_POLE,
        "kCdfSplit": CDF_SPLIT,
        **form.limits,
    }


def print_format(form: Format) -> None:
    """The specialisation of Coefficients for one format."""
    print(f"\ntemplate <>\nstruct Coefficients<{form.name}> {{")
    print(f"  static constexpr {form.integer} kMantissaBits = {form.bits - 1};")
    # Clearing so many low bits leaves a number whose square is exact.
    print(f"  static constexpr {form.integer} kSplitBits = {form.bits - form.bits // 2};")
    for name, value in scalars(form).items():
        print(f"  static constexpr {form.name} {name} = {form.literal(value)};")
    for polynomial in polynomials(form):
        polynomial.print(form)
    print("};")


def main() -> None:
    """Prints the header."""
    print("// Written by coefficients.py, which also says how; do not edit.")
    print("// clang-format off\n#pragma once\n")
    print("#include <stdint.h>\n")
    print("namespace rnnext::kernels {\nnamespace {\n")
    print("template <class T>\nstruct Coefficients;")
    print_format(FLOAT)
    print_format(DOUBLE)
    print("\n}  // namespace\n}  // namespace rnnext::kernels")


if __name__ == "__main__":
    main()
