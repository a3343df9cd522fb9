// Products whose gates read operands of their own, as with dropout in cells: the same rows, but
// times factors of each gate.
//
// The gates of a unit then cannot share a tile (product.h), whose numbers of a row all of its
// columns multiply. Each gate is a product with a matrix of its own, and its sums are put where the
// cell's formula reads them.
#pragma once

#include "panels.h"

namespace rnnext::kernels {
namespace {

// sums (rows, unit vectors, Gates, W) += rows_of(gate) (rows, depth) @ kernels[gate].
template <int Gates, class T, class RowsOf>
void add_gate_products(const PanelShape<Gates, T>& shape, const PackedMatrix<T>* kernels,
                       ptrdiff_t units, ptrdiff_t depth, ptrdiff_t rows, T* sums, RowsOf rows_of) {
  constexpr int W = kWidth<T>, C = PanelShape<Gates, T>::kColumn;
  const PanelShape<1, T> gate_shape(units);
  for (int gate = 0; gate < Gates; ++gate) {
    const Rows<T> operand = rows_of(gate);
    for_each_block(gate_shape, gate_shape.all(), rows, false, [&](const Block& block) {
      alignas(64) T z[kBlockVectors * W];
      const ptrdiff_t z_stride = block.vectors * W;
      for (ptrdiff_t i = 0; i < block.rows * z_stride; i += W) store<T>(z + i, Vec<T>{});
      accumulate_block(gate_shape, block, operand, kernels[gate], depth, z);
      for (ptrdiff_t r = 0; r < block.rows; ++r)
        for (ptrdiff_t i = 0; i < block.vectors; ++i) {
          // Where the gates of the last unit vector lie side by side, z is 0 beyond this one.
          const ptrdiff_t v = block.v + i;
          T* to = sums + (block.row + r) * shape.row() + v * C + gate * shape.gate_step(v);
          store<T>(to, load<T>(to) + load<T>(z + r * z_stride + i * W));
        }
    });
  }
}

}  // namespace
}  // namespace rnnext::kernels
