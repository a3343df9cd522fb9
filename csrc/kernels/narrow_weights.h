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
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_neon
    int32_t four;
    __builtin_memcpy(&four, p, sizeof(four));
    const int16x8_t wide = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
#else
    int8_t bytes __attribute__((vector_size(kWidth<float>)));
    __builtin_memcpy(&bytes, p, sizeof(bytes));
    return __builtin_convertvector(__builtin_convertvector(bytes, IntVec<float>), VecF);
#endif
  }
};

// wide (depth, vectors) = a panel's narrow weights (depth, vectors).
template <class Narrow>
void widen(const typename Narrow::Element* panel, ptrdiff_t depth, ptrdiff_t vectors, float* wide) {
  const ptrdiff_t width = vectors * kWidth<float>;
  for (ptrdiff_t k = 0; k < depth; ++k)
    for (ptrdiff_t i = 0; i < width; i += kWidth<float>)
      store<float>(wide + k * width + i, Narrow::unpack(panel + k / Narrow::kSteps * width + i,
                                                        static_cast<int>(k % Narrow::kSteps)));
}

}  // namespace
}  // namespace rnnext::kernels
