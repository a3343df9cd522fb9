// The one matrix product: a register tile of R rows by N vectors, accumulated in place.
//
// Every element is a sum of chains of fused multiply-adds, each over kChain steps of an operand's
// depth in order, and added to what is in `z` in order. Where a chain begins depends on the depth
// alone, so an element's bits do not depend on the tile it happens to sit in.
//
// Why not one chain from end to end: its rounding errors add up. At depth 128 + 512 the mean error
// of an LSTM against float64 was 1.65 times TensorFlow's (of a GRU 1.32, a SimpleRNN 1.39); in
// chains of 64 all are below 0.95 of it, for one more addition in 64.
#pragma once

#include "simd.h"

namespace rnnext::kernels {
namespace {

// rows @ panel: rows (R, depth), row r at rows + r * row_stride; panel (depth, N vectors), step k
// at panel + k * panel_stride. Not owned.
template <class T>
struct Operand {
  const T* rows;
  ptrdiff_t row_stride;
  const T* panel;
  ptrdiff_t panel_stride;
  ptrdiff_t depth;
};

// Accumulators of a tile: what is left of the register file after one operand's broadcasts or
// weights (whichever are fewer) and the other's current vector. 3 x 4 or 4 x 3 of 16 registers,
// 6 x 4 or 8 x 3 of 32.
constexpr int kAccumulators = kRegisters == 32 ? 24 : 12;
constexpr int kMaxTileVectors = 9;
constexpr int kMaxTileRows = 8;
constexpr ptrdiff_t kChain = 64;
// The largest tile: the accumulators, or the wide panel of a single row.
constexpr int kTileArea = kAccumulators > kMaxTileVectors ? kAccumulators : kMaxTileVectors;

constexpr int tile_rows(int vectors) {
  int rows = kAccumulators / vectors;
  return rows < 1 ? 1 : rows > kMaxTileRows ? kMaxTileRows : rows;
}

// Panels are wide enough for a single row to keep at least 8 chains in flight (2 units of latency
// 4); tall tiles take a part of the panel at a time.
constexpr int panel_vectors(int gates) { return gates == 3 ? 3 : 8 / gates; }
constexpr int tile_unit_vectors(int gates, ptrdiff_t rows) {
  return rows == 1 ? panel_vectors(gates) : gates == 3 ? 1 : 4 / gates;
}

// z (R, N vectors), row r at z + r * z_stride: z += sum over operands of rows @ panel.
template <int R, int N, class T>
void accumulate_tile(const Operand<T>* operands, int count, T* z, ptrdiff_t z_stride) {
  constexpr int W = kWidth<T>;
  for (int i = 0; i < count; ++i) {
    const Operand<T> operand = operands[i];
    const T* a = operand.rows;
    const T* w = operand.panel;
    for (ptrdiff_t first = 0; first < operand.depth; first += kChain) {
      const ptrdiff_t left = operand.depth - first;
      const ptrdiff_t last = first + (left < kChain ? left : kChain);
      Vec<T> sum[R][N] = {};
      for (ptrdiff_t k = first; k < last; ++k, w += operand.panel_stride) {
        // Hold the fewer of the two in registers and stream the other: in the other order a tile of
        // 16 registers spills and runs at half the speed.
        if constexpr (R <= N) {
          Vec<T> row[R];
          for (int r = 0; r < R; ++r) row[r] = broadcast(a[r * operand.row_stride + k]);
          for (int n = 0; n < N; ++n) {
            const Vec<T> weight = load<T>(w + n * W);
            for (int r = 0; r < R; ++r) sum[r][n] = fma(row[r], weight, sum[r][n]);
          }
        } else {
          Vec<T> weight[N];
          for (int n = 0; n < N; ++n) weight[n] = load<T>(w + n * W);
          for (int r = 0; r < R; ++r) {
            const Vec<T> row = broadcast(a[r * operand.row_stride + k]);
            for (int n = 0; n < N; ++n) sum[r][n] = fma(row, weight[n], sum[r][n]);
          }
        }
      }
      for (int r = 0; r < R; ++r)
        for (int n = 0; n < N; ++n) {
          T* out = z + r * z_stride + n * W;
          store<T>(out, load<T>(out) + sum[r][n]);
        }
    }
  }
}

template <class T>
using Accumulate = void (*)(const Operand<T>* operands, int count, T* z, ptrdiff_t z_stride);

// Every tile that fits the register file: of[N][R].
template <class T>
struct Tiles {
  Accumulate<T> of[kMaxTileVectors + 1][kMaxTileRows + 1] = {};

  constexpr Tiles() { fill<kMaxTileVectors, tile_rows(kMaxTileVectors)>(); }

  template <int N, int R>
  constexpr void fill() {
    of[N][R] = accumulate_tile<R, N, T>;
    if constexpr (R > 1)
      fill<N, R - 1>();
    else if constexpr (N > 1)
      fill<N - 1, tile_rows(N - 1)>();
  }
};

// The function for a tile of `rows` in 1..tile_rows(vectors).
template <class T>
RNNEXT_INLINE Accumulate<T> tile_function(ptrdiff_t vectors, ptrdiff_t rows) {
  static constexpr Tiles<T> tiles;
  return tiles.of[vectors][rows];
}

// Calls body(first, count) for tiles of at most `tallest` rows that cover [0, rows) in sizes that
// differ by at most one: a last tile of one row would run at a third of the speed.
template <class Body>
RNNEXT_INLINE void for_each_tile(ptrdiff_t rows, ptrdiff_t tallest, Body body) {
  const ptrdiff_t tiles = (rows + tallest - 1) / tallest;
  for (ptrdiff_t i = 0, first = 0; i < tiles; ++i) {
    const ptrdiff_t count = rows / tiles + (i < rows % tiles ? 1 : 0);
    body(first, count);
    first += count;
  }
}

}  // namespace
}  // namespace rnnext::kernels
