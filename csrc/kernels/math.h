// Elementary functions on vectors of floats or doubles, one formula for every instruction set.
//
// No branch depends on data and no sum on the vector's width, so every instruction set with fma
// gives the same bits. NaN stays NaN; infinities, zeros of either sign and subnormal numbers are
// handled like any other number. The polynomials are in coefficients.h.
//
// "Error" is the largest found, in units in the last place (0.5 would be correctly rounded), with
// fma / without: for float over all 2^32 numbers, for double over 3e7 or more random ones, against
// the reference in the next wider type. test_activations measures a sample of it.
#pragma once

#include "coefficients.h"
#include "simd.h"

namespace rnnext::kernels {
namespace {

// C<V>::k...: the coefficients for the scalars of V.
template <class V>
using C = Coefficients<Scalar<V>>;

// c[0] + c[1] x + c[2] x^2 + ...
template <int I = 0, class V, int N>
RNNEXT_INLINE V polynomial(const Scalar<V> (&c)[N], V x) {
  if constexpr (I == N - 1)
    return broadcast(c[I]);
  else
    return fma(polynomial<I + 1>(c, x), x, broadcast(c[I]));
}

// The same, with x2 = x^2 at hand: even and odd terms apart take as many operations in a chain of
// half the length.
template <int I, class V, int N>
RNNEXT_INLINE V every_other_term(const Scalar<V> (&c)[N], V x2) {
  if constexpr (I + 2 >= N)
    return broadcast(c[I]);
  else
    return fma(every_other_term<I + 2>(c, x2), x2, broadcast(c[I]));
}
template <class V, int N>
RNNEXT_INLINE V polynomial(const Scalar<V> (&c)[N], V x, V x2) {
  return fma(every_other_term<1>(c, x2), x, every_other_term<0>(c, x2));
}

// ---- exponentials -----------------------------------------------------------------------------

// n = round(y * factor) and 2^(n + exponent). `magic` is 1.5 * 2^mantissa bits, plus the format's
// exponent bias and `exponent`: a sum with it has no fraction bits left, so that it rounds, and its
// low bits are the power's biased exponent. That must be a normal number's.
template <class V>
struct PowerOfTwo {
  V n, scale;
};
template <class V>
RNNEXT_INLINE PowerOfTwo<V> nearest_power_of_two(V y, Scalar<V> factor, V exponent) {
  const V magic = exponent + (C<V>::kMagic + C<V>::kBias);
  const V sum = fma(y, broadcast(factor), magic);
  return {sum - magic, from_bits<Scalar<V>>(to_bits(sum) << C<V>::kMantissaBits)};
}

// y - n ln2, to about twice the precision: n * kLn2High is exact, with fma or without.
template <class V>
RNNEXT_INLINE V remainder_of_ln2(V y, V n) {
  return fma(n, broadcast(-C<V>::kLn2Low), fma(n, broadcast(-C<V>::kLn2High), y));
}

// exp(r) - 1 for |r| <= ln2 / 2.
template <class V>
RNNEXT_INLINE V expm1_near_zero(V r) {
  const V r2 = r * r;
  return fma(r2, polynomial(C<V>::kExpTail, r, r2), r);
}

// exp(y) * kLift. The factor keeps the result normal wherever exp(y) is not rounded to zero, so
// that one multiplication or division by kLift rounds it into the subnormals, correctly. Where y is
// above `highest`, the result is that of `highest`.
template <class V>
RNNEXT_INLINE V exp_lifted(V y, Scalar<V> highest) {
  y = min(broadcast(highest), max(broadcast(C<V>::kExpLowest), y));
  const auto power = nearest_power_of_two(y, C<V>::kLog2E, broadcast(C<V>::kLiftExponent));
  return fma(power.scale, expm1_near_zero(remainder_of_ln2(y, power.n)), power.scale);
}

// exp(-|x|)
template <class V>
RNNEXT_INLINE V exp_of_minus_abs(V x) {
  return exp_lifted(-abs(x), Scalar<V>(0)) * C<V>::kUnlift;
}

// exp(x) in two factors, neither of which leaves the normal range.
// Error: float 1.08 / 1.04, double 1.03 / 1.00.
template <class V>
RNNEXT_INLINE V exp(V x) {
  const V y = min(broadcast(C<V>::kExpHighest), max(broadcast(C<V>::kExpLowest), x));
  const auto negative = y < 0;
  const V lift = broadcast(C<V>::kLiftExponent);
  const auto power = nearest_power_of_two(y, C<V>::kLog2E, negative ? lift : -lift);
  const V lifted = fma(power.scale, expm1_near_zero(remainder_of_ln2(y, power.n)), power.scale);
  return lifted * (negative ? broadcast(C<V>::kUnlift) : broadcast(C<V>::kLift));
}

// exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1)
// Error for x <= 0: float 1.01 / 1.16, double 1.17 / 1.13.
template <class V>
RNNEXT_INLINE V expm1(V x) {
  const V y = min(broadcast(C<V>::kExpHighest), max(broadcast(C<V>::kExpm1Lowest), x));
  const auto large = y > 1;
  const V exponent = large ? broadcast(-C<V>::kLiftExponent) : broadcast(Scalar<V>(0));
  const V factor = large ? broadcast(C<V>::kLift) : broadcast(Scalar<V>(1));
  const V unit = large ? broadcast(C<V>::kUnlift) : broadcast(Scalar<V>(1));
  const auto power = nearest_power_of_two(y, C<V>::kLog2E, exponent);
  const V r = expm1_near_zero(remainder_of_ln2(y, power.n));
  return fma(power.scale, r, power.scale - unit) * factor;
}

// ---- sigmoid and tanh, the inner loop of the LSTM ---------------------------------------------

// e / (1 + e) with e = exp(x), both sides times kLift; 1 where 1 + e == e. It is as accurate as the
// textbook's case for each sign of x, and takes no selection.
//
// Error: float 2.41 / 2.41, double 2.32 / 2.32.
template <class V>
RNNEXT_INLINE V sigmoid(V x) {
  const V e = exp_lifted(x, C<V>::kSigmoidIsOne);
  return e / (e + C<V>::kLift);
}

// x = n ln2 / 2 + h, and with A = tanh(n ln2 / 2) = (2^n - 1) / (2^n + 1) and b = tanh(h) the
// addition theorem tanh(x) = (A + b) / (1 + A b), times 2^n + 1. Near zero n = 0 and this is b. One
// step of reduction is enough: where n is large the result is near 1 and forgives the error of h.
// `minus` is 1 - 2^n and not its negative, as plus * b - 0 keeps the sign of a zero b.
//
// Error: float 2.50 / 2.50, double 2.65 / 2.63.
//
// Lost: taking |x| and putting its sign back (2 operations more); b = h + h^3 ... (half a unit
// better near zero, but it makes +0 of -0); one term less (18 units).
template <class V>
RNNEXT_INLINE V tanh(V x) {
  using T = Scalar<V>;
  const V y = min(broadcast(C<V>::kTanhIsOne), max(broadcast(-C<V>::kTanhIsOne), x));
  const auto power = nearest_power_of_two(y, 2 * C<V>::kLog2E, broadcast(T(0)));
  const V h = fnma(power.n, broadcast(C<V>::kHalfLn2), y);
  const V b = h * polynomial(C<V>::kTanh, h * h);
  const V minus = 1 - power.scale, plus = power.scale + 1;
  return fma(plus, b, -minus) / fnma(minus, b, plus);
}

// ---- logarithms -------------------------------------------------------------------------------

// log(1 + w) for -0.3 <= w <= 1: 2 atanh(s) with s = w / (2 + w), where 2 s = w - s w.
template <class V>
RNNEXT_INLINE V log1p(V w) {
  const V s = w / (w + 2);
  const V z = s * s;
  return fnma(s, w - z * polynomial(C<V>::kAtanhTail, z, z * z), w);
}

// log(x) for finite x >= 1: x = 2^n m with m from sqrt(1/2) to sqrt(2).
template <class V>
RNNEXT_INLINE V log(V x) {
  using T = Scalar<V>;
  const auto n_bits = (to_bits(x) - to_bits(broadcast(C<V>::kSqrtHalf))) >> C<V>::kMantissaBits;
  const V m = from_bits<T>(to_bits(x) - (n_bits << C<V>::kMantissaBits));
  const V n = from_bits<T>(to_bits(broadcast(C<V>::kMagic)) + n_bits) - C<V>::kMagic;
  const V result =
      fma(n, broadcast(C<V>::kLn2High), fma(n, broadcast(C<V>::kLn2Low), log1p(m - 1)));
  return x == x ? result : x;
}

// log(1 + exp(x))
// Error: float 1.85 / 2.08, double 1.77 / 2.04.
template <class V>
RNNEXT_INLINE V softplus(V x) {
  return max(broadcast(Scalar<V>(0)), x) + log1p(exp_of_minus_abs(x));
}

// ---- normal distribution ----------------------------------------------------------------------

// exp(-a^2 / 2) * kLift for a >= 0. The square is taken in two parts, the first exact, as exp would
// magnify its rounding.
template <class V>
RNNEXT_INLINE V gaussian_lifted(V a) {
  using T = Scalar<V>;
  const V high = from_bits<T>((to_bits(a) >> C<V>::kSplitBits) << C<V>::kSplitBits);
  const V y_high = high * high * T(-0.5), y_low = (a - high) * (a + high) * T(-0.5);
  const auto power =
      nearest_power_of_two(y_high + y_low, C<V>::kLog2E, broadcast(C<V>::kLiftExponent));
  const V r = remainder_of_ln2(y_high, power.n) + y_low;
  return fma(power.scale, expm1_near_zero(r), power.scale);
}

// P(X <= x) = (1 + erf(x / sqrt 2)) / 2 without its cancellation: near zero 1/2 + x * polynomial;
// beyond, with a = |x|, the tail is exp(-a^2 / 2) times a polynomial in (a - p) / (a + p), divided
// by a + p.
//
// Error of x * normal_cdf(x): float 5.66 / 5.66 (of every 127th), double 6.53 / 6.53.
template <class V>
RNNEXT_INLINE V normal_cdf(V x) {
  using T = Scalar<V>;
  const V a = min(broadcast(C<V>::kCdfIsZero), abs(x));
  const V middle = fma(x, polynomial(C<V>::kCdfMiddle, x * x), broadcast(T(0.5)));
  const V reciprocal = T(1) / (a + C<V>::kCdfPole);
  const V t = fnma(reciprocal, broadcast(2 * C<V>::kCdfPole), broadcast(T(1)));
  const V factor = reciprocal * polynomial(C<V>::kCdfTail, t, t * t);
  const V tail = gaussian_lifted(a) * factor * C<V>::kUnlift;
  const V outside = x < 0 ? tail : T(1) - tail;
  return a < C<V>::kCdfSplit ? middle : outside;
}

}  // namespace
}  // namespace rnnext::kernels
