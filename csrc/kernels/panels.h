// A packed product walked panel by panel and block by block: the loop that every layer shares.
#pragma once

#include "product.h"
#include "table.h"

namespace rnnext::kernels {
namespace {

// Neighbouring panels: all of a layer's, or one thread's part of them.
struct PanelRange {
  ptrdiff_t first, last;
};

// Layers of up to so many units keep whole unit vectors (table.h): those of one tile of a row,
// whose panels are of one width. With a narrow last panel, by itself, GRU 1,50,8,20 and 1,50,16,34
// took 1.1 times as long.
template <class T>
constexpr ptrdiff_t whole_units(int gates) {
  return tile_unit_vectors(gates, 1) * kWidth<T>;
}

// How `units` fall into vectors and panels when each unit has `Gates` columns.
template <int Gates, class T>
struct PanelShape {
  static constexpr int kColumn = Gates * kWidth<T>;  // elements of a whole unit vector at one depth
  static constexpr int kPanel = panel_vectors(Gates);

  ptrdiff_t unit_vectors;
  ptrdiff_t last_step;  // from one gate of the last unit vector to the next

  explicit PanelShape(ptrdiff_t units)
      : unit_vectors((units + kWidth<T> - 1) / kWidth<T>),
        last_step(last_gate_step(Gates, units, kWidth<T>, whole_units<T>(Gates))) {}

  // Lanes from one gate of unit vector v to the next.
  ptrdiff_t gate_step(ptrdiff_t v) const { return v == unit_vectors - 1 ? last_step : kWidth<T>; }
  // Vectors of columns of the unit vectors [v, v + count).
  ptrdiff_t column_vectors(ptrdiff_t v, ptrdiff_t count) const {
    if (Gates == 1 || v + count < unit_vectors) return count * Gates;
    return count * Gates - (kColumn - Gates * last_step) / kWidth<T>;
  }

  ptrdiff_t panels() const { return (unit_vectors + kPanel - 1) / kPanel; }
  ptrdiff_t first(ptrdiff_t panel) const { return panel * kPanel; }
  ptrdiff_t end(ptrdiff_t panel) const {
    return first(panel + 1) < unit_vectors ? first(panel + 1) : unit_vectors;
  }
  // Those of [v, end) that fill whole panels.
  ptrdiff_t whole_vectors(ptrdiff_t v, ptrdiff_t end) const {
    if (Gates > 1 && end == unit_vectors && last_step < kWidth<T>) --end;
    return (end - v) / kPanel * kPanel;
  }
  // Part `member` of `members` nearly equal parts of the panels.
  PanelRange share(ptrdiff_t member, ptrdiff_t members) const {
    return {panels() * member / members, panels() * (member + 1) / members};
  }
  // The unit vectors of a range of panels: [begin, end).
  ptrdiff_t begin(const PanelRange& panels) const { return first(panels.first); }
  ptrdiff_t end(const PanelRange& panels) const {
    return panels.last == panels.first ? begin(panels) : end(panels.last - 1);
  }
  PanelRange all() const { return {0, panels()}; }
  // Elements of one row of a projection: [unit vector][gate][lane].
  ptrdiff_t row() const { return unit_vectors * kColumn; }
};

// Rows [row, row + rows) by unit vectors [v, v + vectors): sums that are held at once, at most
// kBlockVectors. Its columns, as wide as a tile, are taken last to first when `backwards`.
struct Block {
  ptrdiff_t v, vectors, row, rows;
  bool backwards;
  // Of the loop that it is part of. When all rows have passed by, the unit vectors [next, next +
  // next_vectors) are next, if these were not the last.
  ptrdiff_t all_vectors, all_rows, next, next_vectors;
};

// Calls body(i) for i = 0, step, 2 * step, ... below `end`, or for the same in reverse.
template <class Body>
RNNEXT_INLINE void for_each_step(ptrdiff_t end, ptrdiff_t step, bool backwards, Body body) {
  if (end <= step) return body(ptrdiff_t(0));
  const ptrdiff_t count = (end + step - 1) / step;
  for (ptrdiff_t i = 0; i < count; ++i) body((backwards ? count - 1 - i : i) * step);
}

// Unit vectors in a block: as many tiles as fit.
RNNEXT_INLINE ptrdiff_t block_width(int gates, ptrdiff_t rows) {
  const ptrdiff_t column = tile_unit_vectors(gates, rows);
  if (rows == 1) return kBlockVectors / (gates * column) * column;  // a constant
  const ptrdiff_t group = rows < kGroupRows ? rows : kGroupRows;
  const ptrdiff_t columns = kBlockVectors / (group * gates * column);
  return columns > 1 ? columns * column : column;
}

// Calls body(block) for blocks that cover `rows` rows and the units of `panels`. The units are the
// outer loop, so that all rows pass by while their weights are near. Few rows make wide blocks: the
// activations that follow a block's sums then have many independent vectors to work on.
//
// `backwards` takes the units last to first. A single row streams all weights once a step; turning
// round on alternate steps reads first what is still in the cache.
template <int Gates, class T, class Body>
RNNEXT_INLINE void for_each_block(const PanelShape<Gates, T>& shape, const PanelRange& panels,
                                  ptrdiff_t rows, bool backwards, Body body) {
  const ptrdiff_t width = block_width(Gates, rows);
  const ptrdiff_t begin = shape.begin(panels), vectors = shape.end(panels) - begin;
  if (vectors == 0) return;  // more threads than panels
  const auto vectors_from = [&](ptrdiff_t v) {
    if (v < 0 || v >= vectors) return ptrdiff_t(0);
    return vectors - v < width ? vectors - v : width;
  };
  for_each_step(vectors, width, backwards, [&](ptrdiff_t v) {
    const ptrdiff_t next = backwards ? v - width : v + width;
    for_each_part(rows, kGroupRows, [&](ptrdiff_t row, ptrdiff_t count) {
      body(Block{begin + v, vectors_from(v), row, count, backwards, vectors, rows, begin + next,
                 vectors_from(next)});
    });
  });
}

// The block's part, by its share of the rows, of the panels that come next: of a matrix too large
// for the second cache, which then comes from the third while these are multiplied. LSTM and GRU of
// 512 units, 64 to 256 samples: 0.97 to 0.98 of the time, with AVX2 0.95 to 0.96. Matrices that fit
// gain nothing and lose 1%; a single row reads as fast as it can anyway.
//
// vector_bytes: of a unit vector's part of `panels`.
RNNEXT_INLINE Ahead ahead_of(const Block& block, const char* panels, ptrdiff_t vector_bytes) {
  constexpr ptrdiff_t kSecondCache = 2 << 20;
  if (block.rows == 1 || block.next_vectors == 0 || block.all_vectors * vector_bytes < kSecondCache)
    return {};
  const char* next = panels + block.next * vector_bytes;
  const ptrdiff_t bytes = block.next_vectors * vector_bytes;
  return {next + bytes * block.row / block.all_rows,
          next + bytes * (block.row + block.rows) / block.all_rows};
}

// z (block.rows, block.vectors, Gates, W) += the block's rows of x (rows, depth) @ matrix.
template <int Gates, class T>
RNNEXT_INLINE void accumulate_block(const PanelShape<Gates, T>& shape, const Block& block,
                                    const Rows<T>& x, const PackedMatrix<T>& matrix,
                                    ptrdiff_t depth, T* z) {
  constexpr int C = PanelShape<Gates, T>::kColumn, kPanel = PanelShape<Gates, T>::kPanel;
  const ptrdiff_t packed = packed_depth(matrix.type, depth);
  const char* panels = static_cast<const char*>(matrix.panels);
  Ahead ahead = ahead_of(block, panels, C * packed * element_bytes<T>(matrix.type));
  const ptrdiff_t column = tile_unit_vectors(Gates, block.rows);
  for_each_step(block.vectors, column, block.backwards, [&](ptrdiff_t first) {
    const ptrdiff_t end = block.vectors - first < column ? block.vectors : first + column;
    // Whole panels, then the last one if it is not.
    for (ptrdiff_t i = first; i < end;) {
      const ptrdiff_t v = block.v + i;
      const ptrdiff_t whole = shape.whole_vectors(v, block.v + end);
      const ptrdiff_t vectors = whole > 0 ? whole : end - i;
      const Operand<T> operand = {x,
                                  block.row,
                                  matrix.type,
                                  panels + v * C * packed * element_bytes<T>(matrix.type),
                                  kPanel * C * packed,
                                  matrix.scale ? matrix.scale + v * C : nullptr,
                                  depth,
                                  &ahead};
      accumulate(operand, block.backwards, shape.column_vectors(v, vectors), block.rows, z + i * C,
                 block.vectors * C);
      i += vectors;
    }
  });
}

// out (rows, unit vectors, gate, lane) = bias + x (rows, depth) @ kernel for the units of `panels`.
template <int Gates, class T>
void project(const PanelShape<Gates, T>& shape, const PanelRange& panels,
             const PackedGates<T>& weights, const Rows<T>& x, ptrdiff_t depth, ptrdiff_t rows,
             T* out) {
  constexpr int C = PanelShape<Gates, T>::kColumn;
  for_each_block(shape, panels, rows, false, [&](const Block& block) {
    // Not summed in place: rows of `out` are often a power of two apart, and would fight for the
    // same sets of the nearest cache.
    alignas(64) T z[kBlockVectors * kWidth<T>];
    const ptrdiff_t z_stride = block.vectors * C, vectors = block.vectors * Gates;
    for (ptrdiff_t r = 0; r < block.rows; ++r)
      copy(z + r * z_stride, weights.bias + block.v * C, vectors);
    accumulate_block(shape, block, x, weights.kernel, depth, z);
    for (ptrdiff_t r = 0; r < block.rows; ++r)
      copy(out + (block.row + r) * shape.row() + block.v * C, z + r * z_stride, vectors);
  });
}

}  // namespace
}  // namespace rnnext::kernels
