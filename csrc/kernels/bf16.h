// Weights stored as bfloat16, which are widened and computed with as float (table.h has their
// layout).
#pragma once

#include "simd.h"
#include "table.h"

namespace rnnext::kernels {
namespace {

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

}  // namespace
}  // namespace rnnext::kernels
