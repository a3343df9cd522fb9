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

#include "rnnext/weight_type.h"
#include "simd.h"

namespace rnnext::kernels {
namespace {

// rows @ panel: rows (R, depth), row r at rows + r * row_stride; panel (depth, N vectors) of
// weights of one type, step k begins panel_stride weights after step k - 1. Not owned.
template <class T>
struct Operand {
  const T* rows;
  ptrdiff_t row_stride;
  WeightType type;
  const char* panel;
  ptrdiff_t panel_stride;
  const T* scale;  // int8: (N vectors)
  ptrdiff_t depth;
};

// Weights as they are stored: S is T, uint16_t for bfloat16 or int8_t.
template <class T, class S>
RNNEXT_INLINE Vec<T> load_weights(const S* p) {
  if constexpr (same<S, T>)
    return load<T>(p);
  else if constexpr (same<T, float> && same<S, uint16_t>)
    return load_bf16(p);
  else if constexpr (same<T, float>)
    return load_int8(p);
  else
    return Vec<T>{};  // doubles have no narrow weights
}

template <class T>
constexpr ptrdiff_t weight_bytes(WeightType type) {
  return type == WeightType::full ? sizeof(T) : type == WeightType::bf16 ? 2 : 1;
}

// Accumulators of a tile: what is left of the register file after one operand's broadcasts or
// weights (whichever are fewer) and the other's current vector. 3 x 4 or 4 x 3 of 16 registers,
// 6 x 4 or 8 x 3 of 32.
constexpr int kAccumulators = kRegisters == 32 ? 24 : 12;
constexpr int kMaxTileVectors = 9;
constexpr int kMaxTileRows = 8;
constexpr ptrdiff_t kChain = 64;
// Rows that share one pass over a chain's weights. A chain's weights for a tile of four vectors,
// the rows' numbers and their sums then take 26 KiB (AVX2) or 28 KiB (AVX-512).
constexpr ptrdiff_t kGroupRows = kVectorBytes == 64 ? 24 : 48;
// Vectors in the largest block of sums.
constexpr ptrdiff_t kBlockVectors = kGroupRows * 4;
static_assert(kBlockVectors >= kMaxTileVectors);
// Vectors of a tile that has more than one row: see tile_unit_vectors.
constexpr int kWidestTall = 4;

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

// sum (R, N vectors) += a @ w over `depth` steps. a (R, depth), row r at a + r * a_stride; w
// (depth, N vectors), step k at w + k * w_stride.
template <int R, int N, class T, class S>
RNNEXT_INLINE void add_products(const T* a, ptrdiff_t a_stride, const S* w, ptrdiff_t w_stride,
                                ptrdiff_t depth, Vec<T> (&sum)[R][N]) {
  constexpr int W = kWidth<T>;
  for (ptrdiff_t k = 0; k < depth; ++k, w += w_stride) {
    // Hold the fewer of the two in registers and stream the other: in the other order a tile of 16
    // registers spills and runs at half the speed.
    if constexpr (R <= N) {
      Vec<T> row[R];
      for (int r = 0; r < R; ++r) row[r] = broadcast(a[r * a_stride + k]);
      for (int n = 0; n < N; ++n) {
        const Vec<T> weight = load_weights<T>(w + n * W);
        for (int r = 0; r < R; ++r) sum[r][n] = fma(row[r], weight, sum[r][n]);
      }
    } else {
      Vec<T> weight[N];
      for (int n = 0; n < N; ++n) weight[n] = load_weights<T>(w + n * W);
      for (int r = 0; r < R; ++r) {
        const Vec<T> row = broadcast(a[r * a_stride + k]);
        for (int n = 0; n < N; ++n) sum[r][n] = fma(row, weight[n], sum[r][n]);
      }
    }
  }
}

// One chain: z += a @ w, times scale (N vectors) unless it is null; z (R, N vectors), row r at
// z + r * z_stride.
template <int R, int N, class T, class S>
RNNEXT_INLINE void add_chain(const T* a, ptrdiff_t a_stride, const S* w, ptrdiff_t w_stride,
                             const T* scale, ptrdiff_t depth, T* z, ptrdiff_t z_stride) {
  Vec<T> sum[R][N] = {};
  add_products<R, N, T, S>(a, a_stride, w, w_stride, depth, sum);
  for (int r = 0; r < R; ++r)
    for (int n = 0; n < N; ++n) {
      T* out = z + r * z_stride + n * kWidth<T>;
      const Vec<T> before = load<T>(out);
      store<T>(out,
               scale ? fma(sum[r][n], load<T>(scale + n * kWidth<T>), before) : before + sum[r][n]);
    }
}

// That a full chain's length is a constant is worth a tenth of the time.
template <int R, int N, class T, class S>
void accumulate_tile(const T* a, ptrdiff_t a_stride, const void* weights, ptrdiff_t w_stride,
                     const T* scale, ptrdiff_t depth, T* z, ptrdiff_t z_stride) {
  const S* w = static_cast<const S*>(weights);
  if (depth == kChain)
    return add_chain<R, N, T, S>(a, a_stride, w, w_stride, scale, kChain, z, z_stride);
  add_chain<R, N, T, S>(a, a_stride, w, w_stride, scale, depth, z, z_stride);
}

template <class T>
using AccumulateTile = void (*)(const T* a, ptrdiff_t a_stride, const void* w, ptrdiff_t w_stride,
                                const T* scale, ptrdiff_t depth, T* z, ptrdiff_t z_stride);

// Every tile that fits the register file: of[N][R].
template <class T, class S>
struct Tiles {
  AccumulateTile<T> of[kMaxTileVectors + 1][kMaxTileRows + 1] = {};

  constexpr Tiles() { fill<kMaxTileVectors, tile_rows(kMaxTileVectors)>(); }

  template <int N, int R>
  constexpr void fill() {
    of[N][R] = accumulate_tile<R, N, T, S>;
    if constexpr (R > 1)
      fill<N, R - 1>();
    else if constexpr (N > 1)
      fill<N - 1, tile_rows(N - 1)>();
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

// The tiles of `vectors` vectors, by rows. Only floats have narrow weights.
template <class T>
RNNEXT_INLINE const AccumulateTile<T>* tiles_of(WeightType type, ptrdiff_t vectors) {
  static constexpr Tiles<T, T> full;
  if constexpr (same<T, float>) {
    static constexpr Tiles<T, uint16_t> bf16;
    static constexpr Tiles<T, int8_t> int8;
    if (type == WeightType::bf16) return bf16.of[vectors];
    if (type == WeightType::int8) return int8.of[vectors];
  }
  return full.of[vectors];
}

// wide (depth, vectors) = narrow weights w (depth, vectors), step k at w + k * w_stride.
template <class T, class S>
RNNEXT_INLINE void widen(const S* w, ptrdiff_t w_stride, ptrdiff_t depth, ptrdiff_t vectors,
                         T* wide) {
  for (ptrdiff_t k = 0; k < depth; ++k, w += w_stride)
    for (ptrdiff_t n = 0; n < vectors; ++n, wide += kWidth<T>)
      store<T>(wide, load_weights<T>(w + n * kWidth<T>));
}

// z (rows, vectors), row r at z + r * z_stride: z += operand.rows @ operand.panel.
template <class T>
RNNEXT_INLINE void accumulate(const Operand<T>& operand, ptrdiff_t vectors, ptrdiff_t rows, T* z,
                              ptrdiff_t z_stride) {
  const ptrdiff_t tallest = tile_rows(static_cast<int>(vectors));
  // Rows of several tiles have the weights widened once for all of them.
  const bool widens = operand.type != WeightType::full && rows > tallest;
  const AccumulateTile<T>* tile = tiles_of<T>(widens ? WeightType::full : operand.type, vectors);
  const ptrdiff_t step_bytes = operand.panel_stride * weight_bytes<T>(operand.type);
  for (ptrdiff_t k = 0; k < operand.depth; k += kChain) {
    const ptrdiff_t left = operand.depth - k, depth = left < kChain ? left : kChain;
    const void* weights = operand.panel + k * step_bytes;
    ptrdiff_t stride = operand.panel_stride;
    alignas(64) T wide[kChain * kWidestTall * kWidth<T>];
    if (widens) {
      if (operand.type == WeightType::bf16)
        widen<T>(static_cast<const uint16_t*>(weights), stride, depth, vectors, wide);
      else
        widen<T>(static_cast<const int8_t*>(weights), stride, depth, vectors, wide);
      weights = wide;
      stride = vectors * kWidth<T>;
    }
    for_each_part(rows, tallest, [&](ptrdiff_t row, ptrdiff_t count) {
      tile[count](operand.rows + row * operand.row_stride + k, operand.row_stride, weights, stride,
                  operand.scale, depth, z + row * z_stride, z_stride);
    });
  }
}

}  // namespace
}  // namespace rnnext::kernels
