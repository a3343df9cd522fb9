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
  static constexpr float kHalfLn2 = 3.46573591e-1f;
  static constexpr float kLn2High = 6.93145752e-1f;
  static constexpr float kLn2Low = 1.42860677e-6f;
  static constexpr float kMagic = 1.25829120e+7f;
  static constexpr float kLift = 4.29496730e+9f;
  static constexpr float kUnlift = 2.32830644e-10f;
  static constexpr float kSqrtHalf = 7.07106769e-1f;
  static constexpr float kCdfPole = 4.00000000f;
  static constexpr float kExpLowest = -1.08000000e+2f;
  static constexpr float kExpHighest = 8.90000000e+1f;
  static constexpr float kExpm1Lowest = -2.00000000e+1f;
  static constexpr float kTanhIsOne = 1.00000000e+1f;
  static constexpr float kCdfIsZero = 1.45000000e+1f;
  static constexpr int32_t kSplitBits = 12;
  // (exp(r) - 1 - r) / r^2 for |r| <= ln2 / 2, relative to exp(r) - 1; error 2^-26.1
  static constexpr float kExpTail[] = {
      5.00000000e-1f,
      1.66665405e-1f,
      4.16664779e-2f,
      8.36682133e-3f,
      1.39336928e-3f,
  };
  // (tanh(h) - h) / h^3 in h^2, for |h| <= ln2 / 4, relative to tanh(h); error 2^-32.5
  static constexpr float kTanhTail[] = {
      -3.33333224e-1f,
      1.33311540e-1f,
      -5.27204685e-2f,
  };
  // (2 atanh(s) - 2 s) / s^3 in s^2, for 0 <= s <= 1/3, relative to 2 atanh(s); error 2^-27.7
  static constexpr float kAtanhTail[] = {
      6.66664124e-1f,
      4.00217026e-1f,
      2.79994160e-1f,
      2.80221939e-1f,
  };
  // the normal distribution's tail, see math.h; relative; error 2^-25.7
  static constexpr float kCdf[] = {
      7.55285144e-1f,
      -6.07896626e-1f,
      3.87136877e-1f,
      -1.86522186e-1f,
      6.04022406e-2f,
      -7.53686577e-3f,
      -3.50454869e-3f,
      1.61332067e-3f,
      1.80249321e-4f,
      -1.89835613e-4f,
      -3.21507869e-5f,
  };
};

template <>
struct Coefficients<double> {
  static constexpr int64_t kMantissaBits = 52;
  static constexpr double kBias = 1023, kLiftExponent = 64;
  static constexpr double kLog2E = 1.4426950408889634;
  static constexpr double kHalfLn2 = 3.4657359027997264e-1;
  static constexpr double kLn2High = 6.9314718055989033e-1;
  static constexpr double kLn2Low = 5.4979230187083712e-14;
  static constexpr double kMagic = 6.7553994410557440e+15;
  static constexpr double kLift = 1.8446744073709552e+19;
  static constexpr double kUnlift = 5.4210108624275222e-20;
  static constexpr double kSqrtHalf = 7.0710678118654757e-1;
  static constexpr double kCdfPole = 4.0000000000000000;
  static constexpr double kExpLowest = -7.5000000000000000e+2;
  static constexpr double kExpHighest = 7.1000000000000000e+2;
  static constexpr double kExpm1Lowest = -4.0000000000000000e+1;
  static constexpr double kTanhIsOne = 2.0000000000000000e+1;
  static constexpr double kCdfIsZero = 3.8700000000000003e+1;
  static constexpr int64_t kSplitBits = 27;
  // (exp(r) - 1 - r) / r^2 for |r| <= ln2 / 2, relative to exp(r) - 1; error 2^-55.6
  static constexpr double kExpTail[] = {
      5.0000000000000056e-1,
      1.6666666666666677e-1,
      4.1666666666573635e-2,
      8.3333333333214521e-3,
      1.3888888932373862e-3,
      1.9841269886523188e-4,
      2.4801504452355815e-5,
      2.7557243850011985e-6,
      2.7626323994616916e-7,
      2.5109151336058590e-8,
  };
  // (tanh(h) - h) / h^3 in h^2, for |h| <= ln2 / 4, relative to tanh(h); error 2^-65.9
  static constexpr double kTanhTail[] = {
      -3.3333333333333331e-1,
      1.3333333333331265e-1,
      -5.3968253961529877e-2,
      2.1869487551979708e-2,
      -8.8631602872148336e-3,
      3.5890031994425852e-3,
      -1.3888132659562033e-3,
  };
  // (2 atanh(s) - 2 s) / s^3 in s^2, for 0 <= s <= 1/3, relative to 2 atanh(s); error 2^-59.3
  static constexpr double kAtanhTail[] = {
      6.6666666666666297e-1,
      4.0000000000158592e-1,
      2.8571428547771621e-1,
      2.2222223971452873e-1,
      1.8181743943794690e-1,
      1.5386558339496190e-1,
      1.3301005545359565e-1,
      1.2105768392521329e-1,
      8.3417031003672065e-2,
      1.7015308255145345e-1,
  };
  // the normal distribution's tail, see math.h; relative; error 2^-54.9
  static constexpr double kCdf[] = {
      7.5528513041575152e-1,
      -6.0789664197189208e-1,
      3.8713740074221198e-1,
      -1.8652185795965884e-1,
      6.0396574891023305e-2,
      -7.5401889666882388e-3,
      -3.4796923687477510e-3,
      1.6308184570696127e-3,
      1.3334432416304136e-4,
      -2.3109493076483204e-4,
      -1.9083209298153272e-6,
      3.5144661460733010e-5,
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
