// y = activation(x @ kernel + bias), rows independent of each other to the last bit.
#pragma once

#include "activations.h"
#include "panels.h"

namespace rnnext::kernels {
namespace {

template <class T>
void dense(const DenseCall<T>* call) {
  constexpr int W = kWidth<T>;
  const PanelShape<1, T> shape(call->units);
  for_each_block(shape, shape.all(), call->rows, false, [&](const Block& block) {
    alignas(64) T z[kBlockVectors * W];
    const ptrdiff_t z_stride = block.vectors * W;
    for (ptrdiff_t r = 0; r < block.rows; ++r)
      copy(z + r * z_stride, call->weights.bias + block.v * W, block.vectors);
    accumulate_block<1>(block, call->x, call->x_stride, call->weights.kernel, call->features, z);
    if (call->activation.kind != ActivationKind::linear)
      activate_array<T>(call->activation, z, z, block.rows * z_stride);
    for (ptrdiff_t r = 0; r < block.rows; ++r)
      for (ptrdiff_t i = 0; i < block.vectors; ++i) {
        const ptrdiff_t unit = (block.v + i) * W;
        store_first<T>(call->y + (block.row + r) * call->units + unit,
                       load(z + r * z_stride + i * W), call->units - unit);
      }
  });
}

}  // namespace
}  // namespace rnnext::kernels
