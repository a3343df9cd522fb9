// y = activation(x @ kernel + bias), rows independent of each other to the last bit.
#pragma once

#include "activations.h"
#include "arena.h"
#include "panels.h"
#include "quantised_rows.h"

namespace rnnext::kernels {
namespace {

template <class T>
RowQuantiser<T> take_quantiser(const DenseCall<T>& call, Arena& arena) {
  if (call.weights.kernel.type != WeightType::int8) return {};
  const ptrdiff_t stride = RowQuantiser<T>::stride(call.features);
  return {call.features, arena.take<int16_t>(call.rows * stride), arena.take<float>(call.rows)};
}

template <class T>
size_t dense_workspace_bytes(const DenseCall<T>* call) {
  Arena arena(nullptr);
  take_quantiser(*call, arena);
  return arena.used();
}

template <class T>
void dense(const DenseCall<T>* call) {
  constexpr int W = kWidth<T>;
  Arena arena(call->workspace);
  const Rows<T> x = take_quantiser(*call, arena)(call->x, call->x_stride, call->rows);
  const PanelShape<1, T> shape(call->units);
  for_each_block(shape, shape.all(), call->rows, false, [&](const Block& block) {
    alignas(64) T z[kBlockVectors * W];
    const ptrdiff_t z_stride = block.vectors * W;
    for (ptrdiff_t r = 0; r < block.rows; ++r)
      copy(z + r * z_stride, call->weights.bias + block.v * W, block.vectors);
    accumulate_block(shape, block, x, call->weights.kernel, call->features, z);
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
