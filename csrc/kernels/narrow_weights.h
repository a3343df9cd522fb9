// Weights narrower than the float they are computed with (table.h has their layout).
//
// bfloat16 is widened and computed with as float. int8 is multiplied as integers: the rows, too, are
// integers then (quantised_rows.h), and a chain of products is summed without rounding.
#pragma once

#include "simd.h"
#include "table.h"

namespace rnnext::kernels {
namespace {

// ---- bfloat16 ---------------------------------------------------------------------------------

typedef uint32_t Words __attribute__((vector_size(kVectorBytes)));

// bfloat16 is the upper half of a float's bits, and a word holds two steps: one shift or one mask a
// vector of weights. Widening a vector of single ones (vpmovzxwd) takes a shuffle more: 1.15 times
// as long.
RNNEXT_INLINE VecF unpack_bf16(const uint32_t* p, int step) {
  Words words;
  __builtin_memcpy(&words, p, sizeof(words));
  return reinterpret_cast<VecF>(step == 0 ? words << 16 : words & 0xffff0000u);
}

// wide (depth, vectors) = a panel's bfloat16 weights (depth, vectors).
inline void widen_bf16(const uint32_t* panel, ptrdiff_t depth, ptrdiff_t vectors, float* wide) {
  constexpr ptrdiff_t kSteps = steps_per_element(WeightType::bf16);
  const ptrdiff_t width = vectors * kWidth<float>;
  for (ptrdiff_t k = 0; k < depth; ++k)
    for (ptrdiff_t i = 0; i < width; i += kWidth<float>)
      store<float>(wide + k * width + i,
                   unpack_bf16(panel + k / kSteps * width + i, static_cast<int>(k % kSteps)));
}

// ---- int8 -------------------------------------------------------------------------------------

// A vector of columns, each with two neighbouring steps as integers of 16 bits.
typedef int16_t Pairs __attribute__((vector_size(kVectorBytes)));

// Per instruction set: a vector of int8 pairs widened; two neighbouring numbers of a row for all of
// its columns; and sum[i] + row[0] * weights[i][0] + row[1] * weights[i][1], which does not
// overflow within a chain: 64 * 127 * 32767 < 2^31.
#if RNNEXT_ISA_ID == RNNEXT_ISA_IS_avx512
using PairOfRow = Pairs;
RNNEXT_INLINE Pairs load_pairs(const uint16_t* p) {
  return reinterpret_cast<Pairs>(_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)p)));
}
RNNEXT_INLINE PairOfRow broadcast_pair(int32_t pair) {
  return reinterpret_cast<Pairs>(_mm512_set1_epi32(pair));
}
RNNEXT_INLINE IntVec<float> add_pairs(PairOfRow row, Pairs weights, IntVec<float> sum) {
  return sum + reinterpret_cast<IntVec<float>>(_mm512_madd_epi16((__m512i)row, (__m512i)weights));
}
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_avx2
using PairOfRow = Pairs;
RNNEXT_INLINE Pairs load_pairs(const uint16_t* p) {
  return reinterpret_cast<Pairs>(_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)p)));
}
RNNEXT_INLINE PairOfRow broadcast_pair(int32_t pair) {
  return reinterpret_cast<Pairs>(_mm256_set1_epi32(pair));
}
RNNEXT_INLINE IntVec<float> add_pairs(PairOfRow row, Pairs weights, IntVec<float> sum) {
  return sum + reinterpret_cast<IntVec<float>>(_mm256_madd_epi16((__m256i)row, (__m256i)weights));
}
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_sse2
using PairOfRow = Pairs;
RNNEXT_INLINE Pairs load_pairs(const uint16_t* p) {
  const __m128i bytes = _mm_loadl_epi64((const __m128i*)p);
  return reinterpret_cast<Pairs>(_mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8));
}
RNNEXT_INLINE PairOfRow broadcast_pair(int32_t pair) {
  return reinterpret_cast<Pairs>(_mm_set1_epi32(pair));
}
RNNEXT_INLINE IntVec<float> add_pairs(PairOfRow row, Pairs weights, IntVec<float> sum) {
  return sum + reinterpret_cast<IntVec<float>>(_mm_madd_epi16((__m128i)row, (__m128i)weights));
}
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_neon
// The weights' first steps lie in the lower half, the second ones in the upper: NEON has no sum of
// neighbouring products, but multiplies each half by one lane of the row's pair.
using PairOfRow = int16x4_t;
RNNEXT_INLINE Pairs load_pairs(const uint16_t* p) {
  const int16x4_t pairs = vreinterpret_s16_u16(vld1_u16(p));
  return vcombine_s16(vshr_n_s16(vshl_n_s16(pairs, 8), 8), vshr_n_s16(pairs, 8));
}
RNNEXT_INLINE PairOfRow broadcast_pair(int32_t pair) {
  return vreinterpret_s16_s32(vdup_n_s32(pair));
}
RNNEXT_INLINE IntVec<float> add_pairs(PairOfRow row, Pairs weights, IntVec<float> sum) {
  const int32x4_t first = vmlal_lane_s16(sum, vget_low_s16(weights), row, 0);
  return vmlal_high_lane_s16(first, weights, row, 1);
}
#else
// Each pair in one integer of 32 bits, the first step in its lower half.
using PairOfRow = IntVec<float>;
RNNEXT_INLINE Pairs load_pairs(const uint16_t* p) {
  int8_t bytes __attribute__((vector_size(2 * kWidth<float>)));
  __builtin_memcpy(&bytes, p, sizeof(bytes));
  return __builtin_convertvector(bytes, Pairs);
}
RNNEXT_INLINE PairOfRow broadcast_pair(int32_t pair) { return pair - IntVec<float>{}; }
RNNEXT_INLINE IntVec<float> add_pairs(PairOfRow row, Pairs weights, IntVec<float> sum) {
  const auto both = reinterpret_cast<IntVec<float>>(weights);
  return sum + (row << 16 >> 16) * (both << 16 >> 16) + (row >> 16) * (both >> 16);
}
#endif

}  // namespace
}  // namespace rnnext::kernels
