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
  for_each_panel_tile(shape, call->rows, false, [&](const Tile& tile) {
    alignas(64) T z[kTileArea * W];
    const ptrdiff_t z_stride = tile.vectors * W;
    for (ptrdiff_t r = 0; r < tile.rows; ++r)
      copy(z + r * z_stride, call->weights.bias + tile.v * W, tile.vectors);
    const Operand<T> input =
        operand(shape, tile.panel, tile.v, call->weights.kernel, call->features,
                call->x + tile.row * call->features, call->features);
    tile_function<T>(tile.vectors, tile.rows)(&input, 1, z, z_stride);
    for (ptrdiff_t i = 0; i < tile.rows * tile.vectors; ++i) {
      const ptrdiff_t unit = (tile.v + i % tile.vectors) * W;
      store_first<T>(call->y + (tile.row + i / tile.vectors) * call->units + unit, load(z + i * W),
                     call->units - unit);
    }
  });
  if (call->activation.kind != ActivationKind::linear)
    activate_array<T>(call->activation, call->y, call->y, call->rows * call->units);
}

}  // namespace
}  // namespace rnnext::kernels
