// A packed product walked panel by panel and tile by tile: the loop that every layer shares.
#pragma once

#include "product.h"
#include "table.h"

namespace rnnext::kernels {
namespace {

// How `units` fall into vectors and panels when each unit has `Gates` columns.
template <int Gates, class T>
struct PanelShape {
  static constexpr int kColumn = Gates * kWidth<T>;  // elements of one unit vector at one depth
  static constexpr int kPanel = panel_vectors(Gates);

  ptrdiff_t unit_vectors;

  explicit PanelShape(ptrdiff_t units) : unit_vectors((units + kWidth<T> - 1) / kWidth<T>) {}

  ptrdiff_t panels() const { return (unit_vectors + kPanel - 1) / kPanel; }
  ptrdiff_t first(ptrdiff_t panel) const { return panel * kPanel; }
  ptrdiff_t count(ptrdiff_t panel) const {
    const ptrdiff_t left = unit_vectors - first(panel);
    return left < kPanel ? left : kPanel;
  }
  // Elements of one row of a projection: [unit vector][gate][lane].
  ptrdiff_t row() const { return unit_vectors * kColumn; }
};

// Where unit vector `v` of panel `panel` begins in packed weights of that depth.
template <int Gates, class T>
Operand<T> operand(const PanelShape<Gates, T>& shape, ptrdiff_t panel, ptrdiff_t v, const T* packed,
                   ptrdiff_t depth, const T* rows, ptrdiff_t row_stride) {
  constexpr int C = PanelShape<Gates, T>::kColumn;
  const ptrdiff_t first = shape.first(panel);
  return {rows, row_stride, packed + (first * depth + (v - first)) * C, shape.count(panel) * C,
          depth};
}

// Samples [row, row + rows) by unit vectors [v, v + vectors) of one panel.
struct Tile {
  ptrdiff_t panel, v, vectors, row, rows;
};

// Calls body(tile) for tiles that cover `rows` samples and all units. The panel is the outer loop,
// so that its weights stay in the nearest cache while the rows pass by.
//
// `backwards` takes the panels last to first. A single row streams all weights once a step; turning
// round on alternate steps reads first what is still in the cache.
template <int Gates, class T, class Body>
RNNEXT_INLINE void for_each_panel_tile(const PanelShape<Gates, T>& shape, ptrdiff_t rows,
                                       bool backwards, Body body) {
  constexpr int tallest = tile_rows(Gates * tile_unit_vectors(Gates, 2));
  const ptrdiff_t panels = shape.panels();
  for (ptrdiff_t i = 0; i < panels; ++i) {
    const ptrdiff_t panel = backwards ? panels - 1 - i : i;
    const ptrdiff_t end = shape.first(panel) + shape.count(panel);
    for_each_tile(rows, tallest, [&](ptrdiff_t row, ptrdiff_t count) {
      const ptrdiff_t step = tile_unit_vectors(Gates, count);
      for (ptrdiff_t v = shape.first(panel); v < end; v += step)
        body(Tile{panel, v, end - v < step ? end - v : step, row, count});
    });
  }
}

// out (rows, unit vectors, gate, lane) = bias + x @ kernel; x (rows, depth), row r at
// x + r * x_stride (the stride may be negative).
template <int Gates, class T>
void project(const PanelShape<Gates, T>& shape, const PackedGates<T>& weights, const T* x,
             ptrdiff_t x_stride, ptrdiff_t depth, ptrdiff_t rows, T* out) {
  constexpr int C = PanelShape<Gates, T>::kColumn;
  for_each_panel_tile(shape, rows, false, [&](const Tile& tile) {
    T* z = out + tile.row * shape.row() + tile.v * C;
    for (ptrdiff_t r = 0; r < tile.rows; ++r)
      copy(z + r * shape.row(), weights.bias + tile.v * C, tile.vectors * Gates);
    const Operand<T> input = operand(shape, tile.panel, tile.v, weights.kernel, depth,
                                     x + tile.row * x_stride, x_stride);
    tile_function<T>(tile.vectors * Gates, tile.rows)(&input, 1, z, shape.row());
  });
}

}  // namespace
}  // namespace rnnext::kernels
