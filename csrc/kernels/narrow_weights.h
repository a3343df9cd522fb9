// Weights narrower than the float they are computed with (table.h has their layout).
//
// Each type says what an element of a panel is, how many steps of the depth it holds (kSteps), and
// what floats step `step` of the vector of elements at p is.
#pragma once

#include "simd.h"
#include "table.h"

namespace rnnext::kernels {
namespace {

typedef uint32_t Words __attribute__((vector_size(kVectorBytes)));

// bfloat16 is the upper half of a float's bits, and a word holds two: one shift or one mask a
// vector of weights. Widening a vector of single ones (vpmovzxwd) takes a shuffle more: 1.15 times
// as long.
struct Bf16 {
  using Element = uint32_t;
  static constexpr int kSteps = steps_per_element(WeightType::bf16);

  static RNNEXT_INLINE VecF unpack(const Element* p, int step) {
    Words words;
    __builtin_memcpy(&words, p, sizeof(words));
    return reinterpret_cast<VecF>(step == 0 ? words << 16 : words & 0xffff0000u);
  }
};

// Four to a word, taken apart by shifts and masks, took 1.3 times as long.
struct Int8 {
  using Element = int8_t;
  static constexpr int kSteps = steps_per_element(WeightType::int8);

  static RNNEXT_INLINE VecF unpack(const Element* p, int /*step*/) {
#if RNNEXT_ISA_ID == RNNEXT_ISA_IS_avx512
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p)));
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_avx2
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)));
#else
    VecF v = {};
    for (int i = 0; i < kWidth<float>; ++i) v[i] = p[i];
    return v;
#endif
  }
};

// wide (depth, vectors) = a panel's narrow weights (depth, vectors), whose elements' rows are
// `stride` apart.
template <class Narrow>
void widen(const typename Narrow::Element* panel, ptrdiff_t stride, ptrdiff_t depth,
           ptrdiff_t vectors, float* wide) {
  constexpr int W = kWidth<float>;
  for (ptrdiff_t k = 0; k < depth; ++k) {
    const int step = static_cast<int>(k % Narrow::kSteps);
    const typename Narrow::Element* row = panel + k / Narrow::kSteps * stride;
    for (ptrdiff_t n = 0; n < vectors; ++n)
      store<float>(wide + (k * vectors + n) * W, Narrow::unpack(row + n * W, step));
  }
}

// sum (N vectors) += a (depth,) @ a panel's narrow weights (depth, N vectors).
template <int N, class Narrow>
RNNEXT_INLINE void add_narrow_products(const float* a, const typename Narrow::Element* panel,
                                       ptrdiff_t stride, ptrdiff_t depth, VecF (&sum)[N]) {
  constexpr int W = kWidth<float>, kSteps = Narrow::kSteps;
  // As in add_products, a loop that surely has a first step.
  ptrdiff_t k = 0;
  do {
    for (int n = 0; n < N; ++n)
      for (int step = 0; step < kSteps; ++step)
        if (step == 0 || depth % kSteps == 0 || k + step < depth)
          sum[n] = fma(broadcast(a[k + step]), Narrow::unpack(panel + n * W, step), sum[n]);
    panel += stride;
    k += kSteps;
  } while (k < depth);
}

}  // namespace
}  // namespace rnnext::kernels
