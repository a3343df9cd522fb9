// Written by coefficients.py; do not edit. See there for how the polynomials were fitted.
#pragma once

#include <stdint.h>

namespace rnnext::kernels {
namespace {

template <class T>
struct Coefficients;

template <>
struct Coefficients<float> {
  static constexpr int32_t kMantissaBits = 23;
  static constexpr float kBias = 127, kLiftExponent = 32;
  static constexpr float kLog2E = 1.44269502f;
  static constexpr float kHalfLn2 = 0.346573591f;
  static constexpr float kLn2High = 0.693145752f;
  static constexpr float kLn2Low = 1.42860677e-6f;
  static constexpr float kMagic = 12582912.0f;
  static constexpr float kLift = 4.2949673e+9f;
  static constexpr float kUnlift = 2.32830644e-10f;
  static constexpr float kSqrtHalf = 0.707106769f;
  static constexpr float kCdfPole = 4.0f;
  static constexpr float kExpLowest = -108.0f;
  static constexpr float kExpHighest = 89.0f;
  static constexpr float kExpm1Lowest = -20.0f;
  static constexpr float kTanhIsOne = 10.0f;
  static constexpr float kSigmoidIsOne = 20.0f;
  static constexpr float kCdfIsZero = 14.5f;
  static constexpr int32_t kSplitBits = 12;
  // (exp(r) - 1 - r) / r^2 for |r| <= ln2 / 2, relative to exp(r) - 1; error 2^-26.1
  static constexpr float kExpTail[] = {
      0.5f,
      0.166665405f,
      0.0416664779f,
      0.00836682133f,
      0.00139336928f,
  };
  // tanh(h) / h in h^2, for |h| <= ln2 / 4; relative; error 2^-32.5
  static constexpr float kTanh[] = {
      1.0f,
      -0.333333224f,
      0.13331154f,
      -0.0527204685f,
  };
  // (2 atanh(s) - 2 s) / s^3 in s^2, for 0 <= s <= 1/3, relative to 2 atanh(s); error 2^-27.7
  static constexpr float kAtanhTail[] = {
      0.666664124f,
      0.400217026f,
      0.27999416f,
      0.280221939f,
  };
  // the normal distribution's tail, see math.h; relative; error 2^-25.7
  static constexpr float kCdf[] = {
      0.755285144f,
      -0.607896626f,
      0.387136877f,
      -0.186522186f,
      0.0604022406f,
      -0.00753686577f,
      -0.00350454869f,
      0.00161332067f,
      0.000180249321f,
      -0.000189835613f,
      -3.21507869e-5f,
  };
};

template <>
struct Coefficients<double> {
  static constexpr int64_t kMantissaBits = 52;
  static constexpr double kBias = 1023, kLiftExponent = 64;
  static constexpr double kLog2E = 1.4426950408889634;
  static constexpr double kHalfLn2 = 0.34657359027997264;
  static constexpr double kLn2High = 0.69314718055989033;
  static constexpr double kLn2Low = 5.4979230187083712e-14;
  static constexpr double kMagic = 6755399441055744.0;
  static constexpr double kLift = 1.8446744073709552e+19;
  static constexpr double kUnlift = 5.4210108624275222e-20;
  static constexpr double kSqrtHalf = 0.70710678118654757;
  static constexpr double kCdfPole = 4.0;
  static constexpr double kExpLowest = -750.0;
  static constexpr double kExpHighest = 710.0;
  static constexpr double kExpm1Lowest = -40.0;
  static constexpr double kTanhIsOne = 20.0;
  static constexpr double kSigmoidIsOne = 40.0;
  static constexpr double kCdfIsZero = 38.700000000000003;
  static constexpr int64_t kSplitBits = 27;
  // (exp(r) - 1 - r) / r^2 for |r| <= ln2 / 2, relative to exp(r) - 1; error 2^-55.6
  static constexpr double kExpTail[] = {
      0.50000000000000056,
      0.16666666666666677,
      0.041666666666573635,
      0.0083333333333214521,
      0.0013888888932373862,
      0.00019841269886523188,
      2.4801504452355815e-5,
      2.7557243850011985e-6,
      2.7626323994616916e-7,
      2.510915133605859e-8,
  };
  // tanh(h) / h in h^2, for |h| <= ln2 / 4; relative; error 2^-65.9
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
  // (2 atanh(s) - 2 s) / s^3 in s^2, for 0 <= s <= 1/3, relative to 2 atanh(s); error 2^-59.3
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
  // the normal distribution's tail, see math.h; relative; error 2^-54.9
  static constexpr double kCdf[] = {
      0.75528513041575152,
      -0.60789664197189208,
      0.38713740074221198,
      -0.18652185795965884,
      0.060396574891023305,
      -0.0075401889666882388,
      -0.003479692368747751,
      0.0016308184570696127,
      0.00013334432416304136,
      -0.00023109493076483204,
      -1.9083209298153272e-6,
      3.514466146073301e-5,
      7.1688004276539241e-7,
      -5.9200818065275047e-6,
      -6.3017766764438635e-7,
      1.0213273904214973e-6,
      2.7251336916033025e-7,
      -1.5459763660001177e-7,
      -8.6066784704893615e-8,
      1.2907806016336479e-8,
      1.9969532865963775e-8,
      2.1332686071779503e-9,
      -2.6032658258858668e-9,
      -7.7984938464254869e-10,
  };
};

}  // namespace
}  // namespace rnnext::kernels
