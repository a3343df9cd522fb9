// The one matrix product: a register tile of R rows by N vectors, accumulated in place.
//
// Every element is a sum of chains of fused multiply-adds, each over kChain steps of an operand's
// depth in order, and added to what is in `z` in order. Where a chain begins depends on the depth
// alone, so an element's bits do not depend on the tile it happens to sit in.
//
// Why not one chain from end to end: its rounding errors add up. At depth 128 + 512 the mean error
// of an LSTM against float64 was 1.65 times TensorFlow's (of a GRU 1.32, a SimpleRNN 1.39); in
// chains of 64 all are below 0.95 of it, for one more addition in 64.
//
// Chains are also the blocks of the cache: a group of rows passes by one chain's weights before the
// next chain's are read.
#pragma once

#include "narrow_weights.h"
#include "table.h"

namespace rnnext::kernels {
namespace {

// rows @ panels: rows (R, depth), row r at rows + r * row_stride; each panel (depth, P vectors)
// of elements of one type (table.h), contiguous and panel_stride after the one before. Not owned.
template <class T>
struct Operand {
  const T* rows;
  ptrdiff_t row_stride;
  WeightType type;
  const void* panels;
  ptrdiff_t panel_stride;
  const T* scale;  // int8: (N vectors)
  ptrdiff_t depth;
};

// Accumulators of a tile: what is left of the register file after one operand's broadcasts or
// weights (whichever are fewer) and the other's current vector. 3 x 4 or 4 x 3 of 16 registers,
// 6 x 4 or 8 x 3 of 32. Without fused multiply-adds a product needs a register of its own: 2 x 4
// or 3 x 3 of 16 are left. NEON has no operands in memory, and GCC loads ahead: 5 x 4 or 6 x 3.
constexpr int kAccumulators = kRegisters == 16                      ? (kFusesMultiplyAdd ? 12 : 9)
                              : RNNEXT_ISA_ID == RNNEXT_ISA_IS_neon ? 20
                                                                    : 24;
constexpr int kMaxTileVectors = 9;
constexpr int kMaxTileRows = 8;
constexpr ptrdiff_t kChain = 64;
// Rows that share one pass over a chain's weights. A chain's weights for a tile of four vectors,
// the rows' numbers and their sums then take 26 KiB (AVX2) or 28 KiB (AVX-512).
constexpr ptrdiff_t kGroupRows = kVectorBytes == 64 ? 24 : 48;
// Vectors in the largest block of sums.
constexpr ptrdiff_t kBlockVectors = kGroupRows * 4;
static_assert(kBlockVectors >= kMaxTileVectors);
// Vectors of the widest panel.
constexpr int kMaxPanelVectors = 4;

constexpr int tile_rows(int vectors) {
  if (vectors > kMaxPanelVectors) return 1;
  const int rows = kAccumulators / vectors;
  return rows > kMaxTileRows ? kMaxTileRows : rows;
}

// Unit vectors in a panel. A tile of several rows reads one panel from end to end: of a part of a
// wider one its lines would lie in a part of the cache's sets (half of a panel of 8 vectors: 1.03
// times as long, and more beside busy neighbours).
constexpr int panel_vectors(int gates) { return gates == 3 ? 1 : kMaxPanelVectors / gates; }
// A tile of a single row takes so many panels beside each other, to keep at least 8 chains in
// flight (2 units of latency 4). With one panel's 3 or 4 it took 1.02 to 1.08 times as long.
constexpr int panels_of_row(int gates) { return gates == 3 ? 3 : 2; }
// Unit vectors in a tile.
constexpr int tile_unit_vectors(int gates, ptrdiff_t rows) {
  return panel_vectors(gates) * (rows == 1 ? panels_of_row(gates) : 1);
}
// Vectors that a tile of N vectors takes from each of its panels.
constexpr int vectors_of_panel(int N) { return N <= kMaxPanelVectors ? N : N % 3 == 0 ? 3 : 4; }
constexpr bool is_tile(int N) { return N % vectors_of_panel(N) == 0; }

// Where vector n of a tile's N begins, in panels that are panel_stride apart.
template <int N>
RNNEXT_INLINE ptrdiff_t vector_of_tile(int n, ptrdiff_t panel_stride, int width) {
  constexpr int P = vectors_of_panel(N);
  return n / P * panel_stride + n % P * width;
}

// sum (R, N vectors) += a @ panels over `depth` steps. a (R, depth), row r at a + r * a_stride;
// `panels`: the first step of the tile's first panel.
template <int R, int N, class T>
RNNEXT_INLINE void add_products(const T* a, ptrdiff_t a_stride, const T* panels,
                                ptrdiff_t panel_stride, ptrdiff_t depth, Vec<T> (&sum)[R][N]) {
  constexpr int W = kWidth<T>, P = vectors_of_panel(N);
  ptrdiff_t k = 0;
  do {  // there is a first step: GCC stored the sums at every step of a loop that might have none
    // Hold the fewer of the two in registers and stream the other: in the other order a tile of 16
    // registers spills and runs at half the speed.
    if constexpr (R <= N) {
      Vec<T> row[R];
      for (int r = 0; r < R; ++r) row[r] = broadcast(a[r * a_stride + k]);
      for (int n = 0; n < N; ++n) {
        const Vec<T> weight = load<T>(panels + vector_of_tile<N>(n, panel_stride, W));
        for (int r = 0; r < R; ++r) sum[r][n] = fma(row[r], weight, sum[r][n]);
      }
    } else {
      Vec<T> weight[N];
      for (int n = 0; n < N; ++n)
        weight[n] = load<T>(panels + vector_of_tile<N>(n, panel_stride, W));
      for (int r = 0; r < R; ++r) {
        const Vec<T> row = broadcast(a[r * a_stride + k]);
        for (int n = 0; n < N; ++n) sum[r][n] = fma(row, weight[n], sum[r][n]);
      }
    }
    panels += P * W;
  } while (++k < depth);
}

// z (N vectors) += sum, times scale (N vectors) unless it is null.
template <int N, class T>
RNNEXT_INLINE void add_sums(const Vec<T> (&sum)[N], const T* scale, T* z) {
  for (int n = 0; n < N; ++n) {
    const Vec<T> before = load<T>(z + n * kWidth<T>);
    store<T>(z + n * kWidth<T>,
             scale ? fma(sum[n], load<T>(scale + n * kWidth<T>), before) : before + sum[n]);
  }
}

// One chain: z += (a @ panels) * scale, z (R, N vectors), row r at z + r * z_stride.
template <int R, int N, class T>
RNNEXT_INLINE void add_chain(const T* a, ptrdiff_t a_stride, const T* panels,
                             ptrdiff_t panel_stride, const T* scale, ptrdiff_t depth, T* z,
                             ptrdiff_t z_stride) {
  Vec<T> sum[R][N];
  for (int r = 0; r < R; ++r)  // not "= {}": GCC clears that in memory
    for (int n = 0; n < N; ++n) sum[r][n] = Vec<T>{};
  add_products<R, N, T>(a, a_stride, panels, panel_stride, depth, sum);
  for (int r = 0; r < R; ++r) add_sums<N, T>(sum[r], scale, z + r * z_stride);
}

// depth: 1..kChain. That a full chain's length is a constant is worth a tenth of the time.
template <int R, int N, class T>
void accumulate_tile(const T* a, ptrdiff_t a_stride, const T* panels, ptrdiff_t panel_stride,
                     const T* scale, ptrdiff_t depth, T* z, ptrdiff_t z_stride) {
  if (depth == kChain)
    return add_chain<R, N, T>(a, a_stride, panels, panel_stride, scale, kChain, z, z_stride);
  add_chain<R, N, T>(a, a_stride, panels, panel_stride, scale, depth, z, z_stride);
}

// sum (N vectors) += a (Steps,) @ the first `Steps` steps of an element of the tile's narrow
// panels.
template <int Steps, int N, class Narrow>
RNNEXT_INLINE void add_narrow_steps(const float* a, const typename Narrow::Element* panels,
                                    ptrdiff_t panel_stride, VecF (&sum)[N]) {
  for (int n = 0; n < N; ++n) {
    const auto* element = panels + vector_of_tile<N>(n, panel_stride, kWidth<float>);
    for (int step = 0; step < Steps; ++step)
      sum[n] = fma(broadcast(a[step]), Narrow::unpack(element, step), sum[n]);
  }
}

// The same for one row and narrow weights: sum (N vectors) += a (depth,) @ the tile's panels.
template <int N, class Narrow>
RNNEXT_INLINE void add_narrow_products(const float* a, const typename Narrow::Element* panels,
                                       ptrdiff_t panel_stride, ptrdiff_t depth, VecF (&sum)[N]) {
  constexpr int kSteps = Narrow::kSteps;
  const float* const end = a + depth / kSteps * kSteps;
  // As in add_products a loop that surely has a first step, where that is known.
  for (bool more = kSteps == 1 || a < end; more; more = a < end) {
    add_narrow_steps<kSteps, N, Narrow>(a, panels, panel_stride, sum);
    panels += vectors_of_panel(N) * kWidth<float>;
    a += kSteps;
  }
  if (depth % kSteps) add_narrow_steps<1, N, Narrow>(a, panels, panel_stride, sum);
}

template <int N, class Narrow>
RNNEXT_INLINE void add_narrow_chain(const float* a, const typename Narrow::Element* panels,
                                    ptrdiff_t panel_stride, const float* scale, ptrdiff_t depth,
                                    float* z) {
  VecF sum[N];
  for (int n = 0; n < N; ++n) sum[n] = VecF{};
  add_narrow_products<N, Narrow>(a, panels, panel_stride, depth, sum);
  add_sums<N, float>(sum, scale, z);
}

template <int N, class Narrow>
void accumulate_narrow_row(const float* a, const typename Narrow::Element* panels,
                           ptrdiff_t panel_stride, const float* scale, ptrdiff_t depth, float* z) {
  if (depth == kChain)
    return add_narrow_chain<N, Narrow>(a, panels, panel_stride, scale, kChain, z);
  add_narrow_chain<N, Narrow>(a, panels, panel_stride, scale, depth, z);
}

template <class T>
using AccumulateTile = void (*)(const T* a, ptrdiff_t a_stride, const T* panels,
                                ptrdiff_t panel_stride, const T* scale, ptrdiff_t depth, T* z,
                                ptrdiff_t z_stride);
template <class Narrow>
using AccumulateNarrowRow = void (*)(const float* a, const typename Narrow::Element* panels,
                                     ptrdiff_t panel_stride, const float* scale, ptrdiff_t depth,
                                     float* z);

// Every tile that a panel or a row's panels ask for and that fits the register file: of[N][R].
template <class T>
struct Tiles {
  AccumulateTile<T> of[kMaxTileVectors + 1][kMaxTileRows + 1] = {};

  constexpr Tiles() { fill<kMaxTileVectors, tile_rows(kMaxTileVectors)>(); }

  template <int N, int R>
  constexpr void fill() {
    if constexpr (is_tile(N)) of[N][R] = accumulate_tile<R, N, T>;
    if constexpr (R > 1)
      fill<N, R - 1>();
    else if constexpr (N > 1)
      fill<N - 1, tile_rows(N - 1)>();
  }
};

// Every row of narrow weights: of[N].
template <class Narrow>
struct NarrowRows {
  AccumulateNarrowRow<Narrow> of[kMaxTileVectors + 1] = {};

  constexpr NarrowRows() { fill<kMaxTileVectors>(); }

  template <int N>
  constexpr void fill() {
    if constexpr (is_tile(N)) of[N] = accumulate_narrow_row<N, Narrow>;
    if constexpr (N > 1) fill<N - 1>();
  }
};

// Calls body(first, count) for neighbouring parts of at most `most` that cover [0, rows) in sizes
// that differ by at most one: a last tile of one row would run at a third of the speed.
template <class Body>
RNNEXT_INLINE void for_each_part(ptrdiff_t rows, ptrdiff_t most, Body body) {
  if (rows <= most) return body(ptrdiff_t(0), rows);
  const ptrdiff_t parts = (rows + most - 1) / most;
  for (ptrdiff_t i = 0, first = 0; i < parts; ++i) {
    const ptrdiff_t count = rows / parts + (i < rows % parts ? 1 : 0);
    body(first, count);
    first += count;
  }
}

// Calls body(first step, steps) for each chain of a sum over `depth` steps.
template <class Body>
RNNEXT_INLINE void for_each_chain(ptrdiff_t depth, Body body) {
  for (ptrdiff_t k = 0; k < depth; k += kChain) body(k, depth - k < kChain ? depth - k : kChain);
}

// One chain of `rows` rows: z += (a @ panels) * scale.
template <class T>
RNNEXT_INLINE void accumulate_chain(const T* a, ptrdiff_t a_stride, const T* panels,
                                    ptrdiff_t panel_stride, const T* scale, ptrdiff_t depth,
                                    ptrdiff_t vectors, ptrdiff_t rows, T* z, ptrdiff_t z_stride) {
  static constexpr Tiles<T> tiles;
  for_each_part(rows, tile_rows(static_cast<int>(vectors)), [&](ptrdiff_t row, ptrdiff_t count) {
    tiles.of[vectors][count](a + row * a_stride, a_stride, panels, panel_stride, scale, depth,
                             z + row * z_stride, z_stride);
  });
}

// A single row reads narrow weights as they are; for more they are widened first, once for all.
template <class Narrow>
void accumulate_narrow(const Operand<float>& operand, ptrdiff_t vectors, ptrdiff_t rows, float* z,
                       ptrdiff_t z_stride) {
  static constexpr NarrowRows<Narrow> row;
  const ptrdiff_t width = vectors_of_panel(static_cast<int>(vectors)) * kWidth<float>;
  for_each_chain(operand.depth, [&](ptrdiff_t k, ptrdiff_t depth) {
    const float* a = operand.rows + k;
    const auto* panels =
        static_cast<const typename Narrow::Element*>(operand.panels) + k / Narrow::kSteps * width;
    if (rows == 1) return row.of[vectors](a, panels, operand.panel_stride, operand.scale, depth, z);
    alignas(64) float wide[kChain * kMaxPanelVectors * kWidth<float>];
    widen<Narrow>(panels, depth, vectors, wide);
    accumulate_chain<float>(a, operand.row_stride, wide, 0, operand.scale, depth, vectors, rows, z,
                            z_stride);
  });
}

// z (rows, vectors), row r at z + r * z_stride: z += operand.rows @ operand.panels. Several rows
// take one panel.
template <class T>
RNNEXT_INLINE void accumulate(const Operand<T>& operand, ptrdiff_t vectors, ptrdiff_t rows, T* z,
                              ptrdiff_t z_stride) {
  if constexpr (same<T, float>) {  // check_weight_type refuses narrow weights of doubles
    if (operand.type == WeightType::bf16)
      return accumulate_narrow<Bf16>(operand, vectors, rows, z, z_stride);
    if (operand.type == WeightType::int8)
      return accumulate_narrow<Int8>(operand, vectors, rows, z, z_stride);
  }
  const ptrdiff_t width = vectors_of_panel(static_cast<int>(vectors)) * kWidth<T>;
  for_each_chain(operand.depth, [&](ptrdiff_t k, ptrdiff_t depth) {
    accumulate_chain<T>(operand.rows + k, operand.row_stride,
                        static_cast<const T*>(operand.panels) + k * width, operand.panel_stride,
                        nullptr, depth, vectors, rows, z, z_stride);
  });
}

}  // namespace
}  // namespace rnnext::kernels
