// Rows of inputs or states as integers of 16 bits, for products with int8 weights.
//
// Each row has a scale of its own, the one that makes its largest number +-32767, so it does not
// depend on the rows beside it. Where a row holds infinity or NaN, the scale is NaN, and with it
// every sum of that row: no scale has room for them, and a product must not look finite.
#pragma once

#include "product.h"

namespace rnnext::kernels {
namespace {

// numbers (depth,) = row (depth,) / scale, rounded to nearest, ties to even. Whole vectors are
// written, zeros past the depth. Returns the scale.
inline float quantise_row(const float* row, ptrdiff_t depth, int16_t* numbers) {
  constexpr int W = kWidth<float>;
  constexpr float kMax = 32767;
  // Of numbers that are all smaller the scale would be subnormal, which processors flush to zero.
  constexpr float kMinSize = 0x1p-111f;
  // Added to a float below 2^22 it leaves the nearest integer in the sum's last bits.
  constexpr float kRound = 0x1.8p23f;

  // The bits of sizes are in the order of the sizes, and NaN is above infinity.
  IntVec<float> largest = to_bits(broadcast(kMinSize));
  for (ptrdiff_t k = 0; k < depth; k += W) {
    const IntVec<float> size = to_bits(abs(load_first<float>(row + k, depth - k)));
    largest = size > largest ? size : largest;
  }
  int32_t bits = largest[0];
  for (int i = 1; i < W; ++i) bits = largest[i] > bits ? largest[i] : bits;
  float size;
  __builtin_memcpy(&size, &bits, sizeof(size));

  const VecF inverse = broadcast(kMax / size), round = broadcast(kRound);
  for (ptrdiff_t k = 0; k < depth; k += W) {
    const VecF sum = load_first<float>(row + k, depth - k) * inverse + round;
    store_int16(numbers + k, to_bits(sum) - to_bits(round));
  }
  return size <= __FLT_MAX__ ? size / kMax : __builtin_nanf("");
}

// Makes the rows of one operand that a product reads. Without memory for integers they stay as
// they are.
template <class T>
struct RowQuantiser {
  ptrdiff_t depth = 0;
  int16_t* numbers = nullptr;  // (rows, stride(depth))
  float* scales = nullptr;     // (rows,)

  // Whole vectors, and like every stride of rows no power of two.
  static constexpr ptrdiff_t stride(ptrdiff_t depth) {
    return (depth + kWidth<float> - 1) / kWidth<float> * kWidth<float> + 32;
  }

  // `count` rows (depth,), row r at rows + r * row_stride.
  Rows<T> operator()(const T* rows, ptrdiff_t row_stride, ptrdiff_t count) const {
    if constexpr (same<T, float>)
      if (numbers)
        for (ptrdiff_t r = 0; r < count; ++r)
          scales[r] = quantise_row(rows + r * row_stride, depth, numbers + r * stride(depth));
    return {rows, row_stride, {numbers, stride(depth), scales}};
  }
};

}  // namespace
}  // namespace rnnext::kernels
