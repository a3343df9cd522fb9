// The one matrix product: a register tile of R rows by N vectors, accumulated in place.
//
// Every element is a sum of chains, each over kChain steps of an operand's depth and added to what
// is in `z` in order. A chain is one of fused multiply-adds, in order, or of integers, which are
// exact (arithmetic.h). Where it begins depends on the depth alone, so an element's bits do not
// depend on the tile it happens to sit in.
//
// Why not one chain of floats from end to end: its rounding errors add up. At depth 128 + 512 the
// mean error of an LSTM against float64 was 1.65 times TensorFlow's (of a GRU 1.32, a
// SimpleRNN 1.39); in chains of 64 all are below 0.95 of it, for one more addition in 64.
//
// Chains are also the blocks of the cache: a group of rows passes by one chain's weights before the
// next chain's are read.
#pragma once

#include "arithmetic.h"
#include "bf16.h"
#include "table.h"

namespace rnnext::kernels {
namespace {

// Rows as integers, (rows, depth): row r is the integers at numbers + r * stride times scales[r].
// Past an odd depth stands a zero. Not owned.
struct QuantisedRows {
  const int16_t* numbers;
  ptrdiff_t stride;
  const float* scales;
};

// What a product reads, (rows, depth): row r at numbers + r * stride. Not owned.
template <class T>
struct Rows {
  const T* numbers;
  ptrdiff_t stride;
  QuantisedRows quantised;  // the same rows; int8 weights alone read them
};

// Bytes that will be read next, [next, end), which tiles ask for a few lines at a time. Not owned.
struct Ahead {
  const char* next = nullptr;
  const char* end = nullptr;

  // A whole panel's lines at once would keep the tile's own loads waiting.
  RNNEXT_INLINE void ask() {
    constexpr int kLine = 64, kLines = 8;
    for (int i = 0; i < kLines && next < end; ++i, next += kLine)
      __builtin_prefetch(next, 0, 2);  // into the second cache
  }
};

// rows @ panels: rows from `row` on; each panel (depth, P vectors) of elements of one type
// (table.h), contiguous and panel_stride after the one before. Not owned.
template <class T>
struct Operand {
  const Rows<T>& rows;
  ptrdiff_t row;
  WeightType type;
  const void* panels;
  ptrdiff_t panel_stride;
  const T* scale;  // int8: (N vectors)
  ptrdiff_t depth;
  Ahead* ahead;  // not owned
};

// Accumulators of a tile: what is left of the register file after one operand's broadcasts or
// weights (whichever are fewer) and the other's current vector. 3 x 4 or 4 x 3 of 16 registers,
// 6 x 4 or 8 x 3 of 32. Without fused multiply-adds a product needs a register of its own: 2 x 4
// or 3 x 3 of 16 are left. NEON has no operands in memory, and GCC loads ahead: 5 x 4 or 6 x 3, of
// integers 4 x 4 or 5 x 3.
template <class Arithmetic>
constexpr int kAccumulators = kRegisters == 16                      ? (Arithmetic::kFuses ? 12 : 9)
                              : RNNEXT_ISA_ID == RNNEXT_ISA_IS_neon ? (Arithmetic::kFuses ? 20 : 16)
                                                                    : 24;
constexpr int kMaxTileVectors = 9;
constexpr int kMaxTileRows = 8;
// Rows that share one pass over a chain's weights. A chain's weights for a tile of four vectors,
// the rows' numbers and their sums then take 26 KiB (AVX2) or 28 KiB (AVX-512), integers less.
constexpr ptrdiff_t kGroupRows = kVectorBytes == 64 ? 24 : 48;
// Vectors in the largest block of sums.
constexpr ptrdiff_t kBlockVectors = kGroupRows * 4;
static_assert(kBlockVectors >= kMaxTileVectors);
// Vectors of the widest panel.
constexpr int kMaxPanelVectors = 4;

template <class Arithmetic>
constexpr int tile_rows(int vectors) {
  if (vectors > kMaxPanelVectors) return 1;
  const int rows = kAccumulators<Arithmetic> / vectors;
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

// sum (R, N vectors) += a @ panels over `elements` of the panels' elements. a (R, depth), row r at
// a + r * a_stride; `panels`: the first element of the tile's first panel.
template <int R, int N, class Arithmetic>
RNNEXT_INLINE void add_products(const typename Arithmetic::Number* a, ptrdiff_t a_stride,
                                const typename Arithmetic::Element* panels, ptrdiff_t panel_stride,
                                ptrdiff_t elements, typename Arithmetic::Sum (&sum)[R][N]) {
  using A = Arithmetic;
  constexpr int W = kWidth<typename A::Real>, P = vectors_of_panel(N);
  ptrdiff_t k = 0;
  do {  // there is a first step: GCC stored the sums at every step of a loop that might have none
    const auto* step = a + k * A::kSteps;
    // Hold the fewer of the two in registers and stream the other: in the other order a tile of 16
    // registers spills and runs at half the speed.
    if constexpr (R <= N) {
      decltype(A::row(a)) row[R];
      for (int r = 0; r < R; ++r) row[r] = A::row(step + r * a_stride);
      for (int n = 0; n < N; ++n) {
        const auto weights = A::weights(panels + vector_of_tile<N>(n, panel_stride, W));
        for (int r = 0; r < R; ++r) sum[r][n] = A::add(row[r], weights, sum[r][n]);
      }
    } else {
      decltype(A::weights(panels)) weights[N];
      for (int n = 0; n < N; ++n)
        weights[n] = A::weights(panels + vector_of_tile<N>(n, panel_stride, W));
      for (int r = 0; r < R; ++r) {
        const auto row = A::row(step + r * a_stride);
        for (int n = 0; n < N; ++n) sum[r][n] = A::add(row, weights[n], sum[r][n]);
      }
    }
    panels += P * W;
  } while (++k < elements);
}

// One chain: z += a @ panels, z (R, N vectors), row r at z + r * z_stride.
template <int R, int N, class Arithmetic>
RNNEXT_INLINE void add_chain(const typename Arithmetic::Number* a, ptrdiff_t a_stride,
                             const typename Arithmetic::Element* panels, ptrdiff_t panel_stride,
                             typename Arithmetic::Scales scales, ptrdiff_t elements,
                             typename Arithmetic::Real* z, ptrdiff_t z_stride) {
  using Real = typename Arithmetic::Real;
  typename Arithmetic::Sum sum[R][N];
  for (int r = 0; r < R; ++r)  // not "= {}": GCC clears that in memory
    for (int n = 0; n < N; ++n) sum[r][n] = typename Arithmetic::Sum{};
  add_products<R, N, Arithmetic>(a, a_stride, panels, panel_stride, elements, sum);
  for (int r = 0; r < R; ++r)
    for (int n = 0; n < N; ++n) {
      const int column = n * kWidth<Real>;
      Real* to = z + r * z_stride + column;
      store<Real>(to, Arithmetic::finish(sum[r][n], scales, r, column, load<Real>(to)));
    }
}

// depth: at most a chain. That a full chain's length is a constant is worth a tenth of the time.
template <int R, int N, class Arithmetic>
void accumulate_tile(const typename Arithmetic::Number* a, ptrdiff_t a_stride,
                     const typename Arithmetic::Element* panels, ptrdiff_t panel_stride,
                     typename Arithmetic::Scales scales, ptrdiff_t depth,
                     typename Arithmetic::Real* z, ptrdiff_t z_stride) {
  using A = Arithmetic;
  if (depth == A::kChain)
    return add_chain<R, N, A>(a, a_stride, panels, panel_stride, scales, A::kChain / A::kSteps, z,
                              z_stride);
  const ptrdiff_t elements = (depth + A::kSteps - 1) / A::kSteps;
  add_chain<R, N, A>(a, a_stride, panels, panel_stride, scales, elements, z, z_stride);
}

// sum (N vectors) += a (Steps,) @ the first `Steps` steps of an element of the tile's bfloat16
// panels.
template <int Steps, int N>
RNNEXT_INLINE void add_bf16_steps(const float* a, const uint32_t* panels, ptrdiff_t panel_stride,
                                  VecF (&sum)[N]) {
  for (int n = 0; n < N; ++n) {
    const uint32_t* element = panels + vector_of_tile<N>(n, panel_stride, kWidth<float>);
    for (int step = 0; step < Steps; ++step)
      sum[n] = fma(broadcast(a[step]), unpack_bf16(element, step), sum[n]);
  }
}

// One row and bfloat16 weights as they are: sum (N vectors) += a (depth,) @ the tile's panels.
template <int N>
RNNEXT_INLINE void add_bf16_products(const float* a, const uint32_t* panels, ptrdiff_t panel_stride,
                                     ptrdiff_t depth, VecF (&sum)[N]) {
  constexpr int kSteps = steps_per_element(WeightType::bf16);
  const float* const end = a + depth / kSteps * kSteps;
  for (; a < end; a += kSteps) {
    add_bf16_steps<kSteps, N>(a, panels, panel_stride, sum);
    panels += vectors_of_panel(N) * kWidth<float>;
  }
  if (depth % kSteps) add_bf16_steps<1, N>(a, panels, panel_stride, sum);
}

template <int N>
RNNEXT_INLINE void add_bf16_chain(const float* a, const uint32_t* panels, ptrdiff_t panel_stride,
                                  ptrdiff_t depth, float* z) {
  VecF sum[N];
  for (int n = 0; n < N; ++n) sum[n] = VecF{};
  add_bf16_products<N>(a, panels, panel_stride, depth, sum);
  for (int n = 0; n < N; ++n) {
    float* to = z + n * kWidth<float>;
    store<float>(to, load<float>(to) + sum[n]);
  }
}

// One chain of one row: z (N vectors) += a (depth,) @ the tile's panels. A constant depth gains 8%;
// not on SSE2, where Clang then stores sums in the loop.
template <int N>
void accumulate_bf16_row(const float* a, const uint32_t* panels, ptrdiff_t panel_stride,
                         ptrdiff_t depth, float* z) {
  constexpr ptrdiff_t kChain = FloatingPoint<float>::kChain;
  if (kFusesMultiplyAdd && depth == kChain)
    return add_bf16_chain<N>(a, panels, panel_stride, kChain, z);
  add_bf16_chain<N>(a, panels, panel_stride, depth, z);
}

// Every tile that a panel or a row's panels ask for and that fits the register file: of[N][R], and
// the most rows that one has: rows[N].
template <class Arithmetic>
struct Tiles {
  using Tile = decltype(&accumulate_tile<1, 1, Arithmetic>);
  Tile of[kMaxTileVectors + 1][kMaxTileRows + 1] = {};
  int rows[kMaxTileVectors + 1] = {};

  constexpr Tiles() { fill<kMaxTileVectors, tile_rows<Arithmetic>(kMaxTileVectors)>(); }

  template <int N, int R>
  constexpr void fill() {
    if constexpr (is_tile(N)) of[N][R] = accumulate_tile<R, N, Arithmetic>;
    rows[N] = tile_rows<Arithmetic>(N);
    if constexpr (R > 1)
      fill<N, R - 1>();
    else if constexpr (N > 1)
      fill<N - 1, tile_rows<Arithmetic>(N - 1)>();
  }
};

// Every row of bfloat16 weights: of[N].
struct Bf16Rows {
  decltype(&accumulate_bf16_row<1>) of[kMaxTileVectors + 1] = {};

  template <int N>
  constexpr void fill() {
    if constexpr (is_tile(N)) of[N] = accumulate_bf16_row<N>;
    if constexpr (N > 1) fill<N - 1>();
  }

  constexpr Bf16Rows() { fill<kMaxTileVectors>(); }
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
template <class Arithmetic, class Body>
RNNEXT_INLINE void for_each_chain(ptrdiff_t depth, Body body) {
  constexpr ptrdiff_t kChain = Arithmetic::kChain;
  for (ptrdiff_t k = 0; k < depth; k += kChain) body(k, depth - k < kChain ? depth - k : kChain);
}

// One chain of `rows` rows: z += a @ panels.
template <class Arithmetic>
RNNEXT_INLINE void accumulate_chain(Ahead* ahead, const typename Arithmetic::Number* a,
                                    ptrdiff_t a_stride, const typename Arithmetic::Element* panels,
                                    ptrdiff_t panel_stride, typename Arithmetic::Scales scales,
                                    ptrdiff_t depth, ptrdiff_t vectors, ptrdiff_t rows,
                                    typename Arithmetic::Real* z, ptrdiff_t z_stride) {
  static constexpr Tiles<Arithmetic> tiles;
  for_each_part(rows, tiles.rows[vectors], [&](ptrdiff_t row, ptrdiff_t count) {
    ahead->ask();
    tiles.of[vectors][count](a + row * a_stride, a_stride, panels, panel_stride,
                             scales.from_row(row), depth, z + row * z_stride, z_stride);
  });
}

// z += a @ operand.panels, chain by chain; a (rows, operand.depth), row r at a + r * a_stride.
template <class Arithmetic>
RNNEXT_INLINE void accumulate_chains(const typename Arithmetic::Number* a, ptrdiff_t a_stride,
                                     const Operand<typename Arithmetic::Real>& operand,
                                     typename Arithmetic::Scales scales, ptrdiff_t vectors,
                                     ptrdiff_t rows, typename Arithmetic::Real* z,
                                     ptrdiff_t z_stride) {
  const auto* panels = static_cast<const typename Arithmetic::Element*>(operand.panels);
  const ptrdiff_t width =
      vectors_of_panel(static_cast<int>(vectors)) * kWidth<typename Arithmetic::Real>;
  for_each_chain<Arithmetic>(operand.depth, [&](ptrdiff_t k, ptrdiff_t depth) {
    accumulate_chain<Arithmetic>(operand.ahead, a + k, a_stride,
                                 panels + k / Arithmetic::kSteps * width, operand.panel_stride,
                                 scales, depth, vectors, rows, z, z_stride);
  });
}

// The most chains that are held apart. Deeper weights are many times the nearest cache.
constexpr ptrdiff_t kMaxChainsApart = 16;

// The same for one row and floats, the last chain first: when the call before read these weights
// forwards, their end is still in the nearest cache. Each chain but the first, which is added to z
// as always, has its own place until its turn to be added has come. That is -0 at first, the number
// whose sum with any other is the other.
//
// Of the time on AVX-512 and a cache of 48 KiB: SimpleRNN 1,100,64,128 0.84, GRU 1,300,16,96 0.93,
// LSTM and GRU 1,100,64,128 0.98.
template <class T>
RNNEXT_INLINE void accumulate_row_backwards(const T* a, const Operand<T>& operand,
                                            ptrdiff_t vectors, T* z) {
  using Float = FloatingPoint<T>;
  constexpr ptrdiff_t kChain = Float::kChain;
  const auto* panels = static_cast<const T*>(operand.panels);
  const ptrdiff_t width = vectors_of_panel(static_cast<int>(vectors)) * kWidth<T>;
  const auto add_chain_to = [&](T* sums, ptrdiff_t k, ptrdiff_t depth) {
    accumulate_chain<Float>(operand.ahead, a + k, 0, panels + k * width, operand.panel_stride, {},
                            depth, vectors, 1, sums, 0);
  };
  alignas(64) T apart[kMaxChainsApart - 1][kMaxTileVectors * kWidth<T>];
  const ptrdiff_t later = (operand.depth - 1) / kChain;  // chains after the first
  for (ptrdiff_t i = later; i > 0; --i) {
    T* sums = apart[i - 1];
    for (ptrdiff_t n = 0; n < vectors; ++n) store<T>(sums + n * kWidth<T>, broadcast(T(-0.0)));
    add_chain_to(sums, i * kChain, i == later ? operand.depth - i * kChain : kChain);
  }
  add_chain_to(z, 0, kChain);
  for (ptrdiff_t n = 0; n < vectors; ++n) {
    Vec<T> sum = load<T>(z + n * kWidth<T>);
    for (ptrdiff_t i = 0; i < later; ++i) sum += load<T>(apart[i] + n * kWidth<T>);
    store<T>(z + n * kWidth<T>, sum);
  }
}

// A single row reads bfloat16 as it is; for more it is widened first, once for all.
inline void accumulate_bf16(const float* a, const Operand<float>& operand, ptrdiff_t vectors,
                            ptrdiff_t rows, float* z, ptrdiff_t z_stride) {
  using Float = FloatingPoint<float>;
  static constexpr Bf16Rows row;
  const ptrdiff_t width = vectors_of_panel(static_cast<int>(vectors)) * kWidth<float>;
  for_each_chain<Float>(operand.depth, [&](ptrdiff_t k, ptrdiff_t depth) {
    const uint32_t* panels = static_cast<const uint32_t*>(operand.panels) +
                             k / steps_per_element(WeightType::bf16) * width;
    if (rows == 1) return row.of[vectors](a + k, panels, operand.panel_stride, depth, z);
    alignas(64) float wide[Float::kChain * kMaxPanelVectors * kWidth<float>];
    widen_bf16(panels, depth, vectors, wide);
    accumulate_chain<Float>(operand.ahead, a + k, operand.rows.stride, wide, 0, {}, depth, vectors,
                            rows, z, z_stride);
  });
}

// z (rows, vectors), row r at z + r * z_stride: z += operand.rows @ operand.panels. Several rows
// take one panel. `backwards`: the panels were last read forwards.
template <class T>
RNNEXT_INLINE void accumulate(const Operand<T>& operand, bool backwards, ptrdiff_t vectors,
                              ptrdiff_t rows, T* z, ptrdiff_t z_stride) {
  const T* a = operand.rows.numbers + operand.row * operand.rows.stride;
  if constexpr (same<T, float>) {  // check_weight_type refuses narrow weights of doubles
    if (operand.type == WeightType::bf16)
      return accumulate_bf16(a, operand, vectors, rows, z, z_stride);
    if (operand.type == WeightType::int8) {
      const QuantisedRows& integers = operand.rows.quantised;
      return accumulate_chains<Integers>(
          integers.numbers + operand.row * integers.stride, integers.stride, operand,
          {integers.scales + operand.row, operand.scale}, vectors, rows, z, z_stride);
    }
  }
  using Float = FloatingPoint<T>;
  const ptrdiff_t depth = operand.depth;
  if (backwards && rows == 1 && depth > Float::kChain && depth <= kMaxChainsApart * Float::kChain)
    return accumulate_row_backwards(a, operand, vectors, z);
  accumulate_chains<Float>(a, operand.rows.stride, operand, {}, vectors, rows, z, z_stride);
}

}  // namespace
}  // namespace rnnext::kernels
