// Written by coefficients.py, which also says how; do not edit.
// clang-format off
#pragma once

#include <stdint.h>

namespace rnnext::kernels {
namespace {

template <class T>
struct Coefficients;

template <>
struct Coefficients<float> {
  static constexpr int32_t kMantissaBits = 23;
  static constexpr int32_t kSplitBits = 12;
  static constexpr float kBias = 127.0f;
  static constexpr float kMagic = 12582912.0f;
  static constexpr float kLiftExponent = 32.0f;
  static constexpr float kLift = 4.2949673e+9f;
  static constexpr float kUnlift = 2.32830644e-10f;
  static constexpr float kLog2E = 1.44269502f;
  static constexpr float kHalfLn2 = 0.346573591f;
  static constexpr float kLn2High = 0.693145752f;
  static constexpr float kLn2Low = 1.42860677e-6f;
  static constexpr float kSqrtHalf = 0.707106769f;
  static constexpr float kCdfPole = 4.0f;
  static constexpr float kCdfSplit = 0.75f;
  static constexpr float kExpLowest = -108.0f;
  static constexpr float kExpHighest = 89.0f;
  static constexpr float kExpm1Lowest = -20.0f;
  static constexpr float kTanhIsOne = 10.0f;
  static constexpr float kSigmoidIsOne = 20.0f;
  static constexpr float kCdfIsZero = 14.5f;
  // (exp(r) - 1 - r) / r^2, |r| <= ln2 / 2; error relative to exp(r) - 1: 2^-26.1
  static constexpr float kExpTail[] = {
      0.49999997f,
      0.16666542f,
      0.0416675247f,
      0.00836667512f,
      0.00138624129f,
  };
  // tanh(h) / h in z = h^2, |h| <= ln2 / 4; relative error: 2^-32.5
  static constexpr float kTanh[] = {
      1.0f,
      -0.333333224f,
      0.13331154f,
      -0.0527204685f,
  };
  // (2 atanh(s) - 2 s) / s^3 in z = s^2, |s| <= 1/3; error relative to 2 atanh(s): 2^-27.7
  static constexpr float kAtanhTail[] = {
      0.666664124f,
      0.400217026f,
      0.27999416f,
      0.280221939f,
  };
  // (normal_cdf(a) - 1/2) / a in z = a^2, a <= kCdfSplit; relative error: 2^-25.1
  static constexpr float kCdfMiddle[] = {
      0.398942292f,
      -0.0664905831f,
      0.009974177f,
      -0.00118558982f,
      0.00010632482f,
  };
  // normal_cdf(-a) exp(a^2 / 2) (a + p) in (a - p) / (a + p), p = kCdfPole; relative: 2^-25.3
  static constexpr float kCdfTail[] = {
      0.755285144f,
      -0.607896507f,
      0.387136608f,
      -0.186526552f,
      0.0604077913f,
      -0.00749461353f,
      -0.00353355706f,
      0.00145993126f,
      0.000214377287f,
  };
};

template <>
struct Coefficients<double> {
  static constexpr int64_t kMantissaBits = 52;
  static constexpr int64_t kSplitBits = 27;
  static constexpr double kBias = 1023.0;
  static constexpr double kMagic = 6755399441055744.0;
  static constexpr double kLiftExponent = 64.0;
  static constexpr double kLift = 1.8446744073709552e+19;
  static constexpr double kUnlift = 5.4210108624275222e-20;
  static constexpr double kLog2E = 1.4426950408889634;
  static constexpr double kHalfLn2 = 0.34657359027997264;
  static constexpr double kLn2High = 0.69314718055989033;
  static constexpr double kLn2Low = 5.4979230187083712e-14;
  static constexpr double kSqrtHalf = 0.70710678118654757;
  static constexpr double kCdfPole = 4.0;
  static constexpr double kCdfSplit = 0.75;
  static constexpr double kExpLowest = -750.0;
  static constexpr double kExpHighest = 710.0;
  static constexpr double kExpm1Lowest = -40.0;
  static constexpr double kTanhIsOne = 20.0;
  static constexpr double kSigmoidIsOne = 40.0;
  static constexpr double kCdfIsZero = 38.700000000000003;
  // (exp(r) - 1 - r) / r^2, |r| <= ln2 / 2; error relative to exp(r) - 1: 2^-55.5
  static constexpr double kExpTail[] = {
      0.50000000000000056,
      0.16666666666666599,
      0.041666666666573884,
      0.0083333333333834893,
      0.0013888888932266797,
      0.00019841269731653646,
      2.4801504591101269e-5,
      2.7557396625489852e-6,
      2.7626267965548724e-7,
      2.505712585771943e-8,
  };
  // tanh(h) / h in z = h^2, |h| <= ln2 / 4; relative error: 2^-65.9
  static constexpr double kTanh[] = {
      1.0,
      -0.33333333333333331,
      0.13333333333331265,
      -0.053968253961529877,
      0.021869487551979708,
      -0.0088631602872148336,
      0.0035890031994425852,
      -0.0013888132659562033,
  };
  // (2 atanh(s) - 2 s) / s^3 in z = s^2, |s| <= 1/3; error relative to 2 atanh(s): 2^-59.3
  static constexpr double kAtanhTail[] = {
      0.66666666666666297,
      0.40000000000158592,
      0.28571428547771621,
      0.22222223971452873,
      0.1818174394379469,
      0.1538655833949619,
      0.13301005545359565,
      0.12105768392521329,
      0.083417031003672065,
      0.17015308255145345,
  };
  // (normal_cdf(a) - 1/2) / a in z = a^2, a <= kCdfSplit; relative error: 2^-53.8
  static constexpr double kCdfMiddle[] = {
      0.3989422804014327,
      -0.066490380066908078,
      0.009973557010117361,
      -0.0011873282166289449,
      0.0001154346963718133,
      -9.4446953984996207e-6,
      6.660746874792714e-7,
      -4.1393704188625434e-8,
      2.4150030643995214e-9,
      -1.5825172577748177e-10,
  };
  // normal_cdf(-a) exp(a^2 / 2) (a + p) in (a - p) / (a + p), p = kCdfPole; relative: 2^-53.7
  static constexpr double kCdfTail[] = {
      0.75528513041575152,
      -0.6078966419718933,
      0.38713740074220743,
      -0.18652185795950724,
      0.060396574891281092,
      -0.0075401889723078364,
      -0.0034796923730008849,
      0.0016308185523969574,
      0.00013334434322687463,
      -0.00023109581018517888,
      -1.9081688047994307e-6,
      3.5149443020741692e-5,
      7.1475678531492999e-7,
      -5.9358570586942071e-6,
      -6.1985647963077599e-7,
      1.0524688142790684e-6,
      2.4670038667044508e-7,
      -1.8882273573572079e-7,
      -5.2210770242802738e-8,
      3.0084836793836904e-8,
  };
};

}  // namespace
}  // namespace rnnext::kernels
