// What the tiles of product.h compute with: floating point, or integers for int8 weights.
#pragma once

#include "simd.h"
#include "table.h"

namespace rnnext::kernels {
namespace {

// An arithmetic has
//
//   Real     the type of what is added up in the end
//   Number   of a row
//   Element  of a panel: kSteps steps of the depth
//   Sum      of products, a vector
//   Scales   what finish() multiplies with
//   kFuses   whether add() is one instruction
//   kChain   steps of the depth in a chain
//
// and the operations of a tile: row() is a row's number (or kSteps of them) for all columns,
// weights() a vector of elements, add() adds their products to a sum, and finish() adds a chain's
// sum, in row r of the tile and from `column` on, to what was there before.
template <class T>
struct FloatingPoint {
  using Real = T;
  using Number = T;
  using Element = T;
  using Sum = Vec<T>;
  static constexpr int kSteps = 1;
  static constexpr bool kFuses = kFusesMultiplyAdd;
  static constexpr ptrdiff_t kChain = 64;

  struct Scales {
    Scales from_row(ptrdiff_t) const { return {}; }
  };

  static RNNEXT_INLINE Vec<T> row(const T* a) { return broadcast(*a); }
  static RNNEXT_INLINE Vec<T> weights(const T* p) { return load<T>(p); }
  static RNNEXT_INLINE Sum add(Vec<T> row, Vec<T> weights, Sum sum) {
    return fma(row, weights, sum);
  }
  static RNNEXT_INLINE Vec<T> finish(Sum sum, Scales, int, int, Vec<T> before) {
    return before + sum;
  }
};

// ---- integers ---------------------------------------------------------------------------------

// A vector of columns, each with two neighbouring steps as integers of 16 bits.
typedef int16_t Pairs __attribute__((vector_size(kVectorBytes)));

#if RNNEXT_ISA_ID == RNNEXT_ISA_IS_neon

// NEON has no sum of neighbouring products, but multiplies by one lane of a vector. So the first
// steps of all columns lie in the lower half, the second ones in the upper.
using PairOfRow = int16x4_t;
RNNEXT_INLINE PairOfRow broadcast_pair(int32_t pair) {
  return vreinterpret_s16_s32(vdup_n_s32(pair));
}
RNNEXT_INLINE Pairs load_pairs(const uint16_t* p) {
  const int16x4_t pairs = vreinterpret_s16_u16(vld1_u16(p));
  return vcombine_s16(vshr_n_s16(vshl_n_s16(pairs, 8), 8), vshr_n_s16(pairs, 8));
}
RNNEXT_INLINE IntVec<float> add_pairs(PairOfRow row, Pairs weights, IntVec<float> sum) {
  const int32x4_t first = vmlal_lane_s16(sum, vget_low_s16(weights), row, 0);
  return vmlal_high_lane_s16(first, weights, row, 1);
}

#else

// Two neighbouring numbers of a row for all columns, the first in the lower half of `pair`.
using PairOfRow = Pairs;
RNNEXT_INLINE PairOfRow broadcast_pair(int32_t pair) {
  return reinterpret_cast<Pairs>(pair - IntVec<float>{});
}

// load_pairs: a vector of pairs of int8. add_pairs: each column's sum plus its two products.
#if RNNEXT_ISA_ID == RNNEXT_ISA_IS_avx512
RNNEXT_INLINE Pairs load_pairs(const uint16_t* p) {
  return reinterpret_cast<Pairs>(_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)p)));
}
RNNEXT_INLINE IntVec<float> add_pairs(PairOfRow row, Pairs weights, IntVec<float> sum) {
  return sum + reinterpret_cast<IntVec<float> >(_mm512_madd_epi16((__m512i)row, (__m512i)weights));
}
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_avx2
RNNEXT_INLINE Pairs load_pairs(const uint16_t* p) {
  return reinterpret_cast<Pairs>(_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)p)));
}
RNNEXT_INLINE IntVec<float> add_pairs(PairOfRow row, Pairs weights, IntVec<float> sum) {
  return sum + reinterpret_cast<IntVec<float> >(_mm256_madd_epi16((__m256i)row, (__m256i)weights));
}
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_sse2
RNNEXT_INLINE Pairs load_pairs(const uint16_t* p) {
  const __m128i bytes = _mm_loadl_epi64((const __m128i*)p);
  return reinterpret_cast<Pairs>(_mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8));
}
RNNEXT_INLINE IntVec<float> add_pairs(PairOfRow row, Pairs weights, IntVec<float> sum) {
  return sum + reinterpret_cast<IntVec<float> >(_mm_madd_epi16((__m128i)row, (__m128i)weights));
}
#else
RNNEXT_INLINE Pairs load_pairs(const uint16_t* p) {
  int8_t bytes __attribute__((vector_size(kVectorBytes / 2)));
  __builtin_memcpy(&bytes, p, sizeof(bytes));
  return __builtin_convertvector(bytes, Pairs);
}
RNNEXT_INLINE IntVec<float> add_pairs(PairOfRow row, Pairs weights, IntVec<float> sum) {
  const auto a = reinterpret_cast<IntVec<float> >(row);
  const auto w = reinterpret_cast<IntVec<float> >(weights);
  return sum + (a << 16 >> 16) * (w << 16 >> 16) + (a >> 16) * (w >> 16);
}
#endif

#endif

// int8 weights and rows of int16 (quantised_rows.h). A chain's sum is exact, and rounded to float
// once. Weights that were widened to int16 for several rows at once took 1.03 to 1.2 times as long.
struct Integers {
  using Real = float;
  using Number = int16_t;
  using Element = uint16_t;
  using Sum = IntVec<float>;
  static constexpr int kSteps = steps_per_element(WeightType::int8);
  static constexpr bool kFuses = false;
  // The fewer chains, the fewer sums to convert (of 64 steps: 1.04 times as long); the rows'
  // numbers and a chain's weights fit the nearest cache.
  static constexpr ptrdiff_t kChain = 128;
  static_assert(kChain * 127 * 32767 <= INT32_MAX);

  struct Scales {
    const float* rows;
    const float* columns;
    Scales from_row(ptrdiff_t row) const { return {rows + row, columns}; }
  };

  static RNNEXT_INLINE PairOfRow row(const int16_t* a) {
    int32_t pair;
    __builtin_memcpy(&pair, a, sizeof(pair));
    return broadcast_pair(pair);
  }
  static RNNEXT_INLINE Pairs weights(const uint16_t* p) { return load_pairs(p); }
  static RNNEXT_INLINE Sum add(PairOfRow row, Pairs weights, Sum sum) {
    return add_pairs(row, weights, sum);
  }
  // Not times the product of both scales: of a row of numbers near 1e-36 it would be subnormal.
  static RNNEXT_INLINE VecF finish(Sum sum, Scales scales, int r, int column, VecF before) {
    const VecF of_row = __builtin_convertvector(sum, VecF) * broadcast(scales.rows[r]);
    return fma(of_row, load<float>(scales.columns + column), before);
  }
};

}  // namespace
}  // namespace rnnext::kernels
