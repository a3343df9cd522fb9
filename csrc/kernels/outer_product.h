// out += a' b, the gradient of a kernel: a sum over rows of rank-one updates of a register tile.
//
// The sum over the rows falls into chains in order, as the sums of product.h do along their depth:
// an element's bits depend neither on the tile it is in nor on which columns a thread has. A chain
// has 64 rows; 16 where `out` has one row only.
#pragma once

#include "arena.h"
#include "product.h"

namespace rnnext::kernels {
namespace {

constexpr ptrdiff_t kOuterChain = 64;
// Where `a` is a column of ones, as for the gradient of a bias, nothing but these additions rounds:
// shorter chains keep the sum closer to the truth, and there is hardly anything to compute.
constexpr ptrdiff_t kSumChain = 16;
// A tile: so many rows of `out` by so many vectors of its columns.
constexpr int kOuterVectors = kRegisters == 32 ? 4 : 2;
constexpr int kOuterRows = kFusesMultiplyAdd ? 6 : 4;

// out (R, N vectors) += the rank-one updates of `rows` rows. a: (rows, kOuterRows), b: (rows,
// kOuterVectors vectors), both packed. The last vector has `last` columns.
template <int R, int N, class T>
void add_outer_tile(const T* a, const T* b, ptrdiff_t rows, T* out, ptrdiff_t stride,
                    ptrdiff_t last) {
  constexpr int W = kWidth<T>;
  Vec<T> sum[R][N];
  for (int r = 0; r < R; ++r)
    for (int n = 0; n < N; ++n) sum[r][n] = Vec<T>{};
  ptrdiff_t i = 0;
  do {  // there is a first row
    Vec<T> columns[N];
    for (int n = 0; n < N; ++n) columns[n] = load<T>(b + n * W);
    for (int r = 0; r < R; ++r) {
      const Vec<T> row = broadcast(a[r]);
      for (int n = 0; n < N; ++n) sum[r][n] = fma(row, columns[n], sum[r][n]);
    }
    a += kOuterRows;
    b += kOuterVectors * W;
  } while (++i < rows);
  for (int r = 0; r < R; ++r)
    for (int n = 0; n < N; ++n) {
      T* to = out + r * stride + n * W;
      const ptrdiff_t count = n == N - 1 ? last : W;
      store_first<T>(to, load_first<T>(to, count) + sum[r][n], count);
    }
}

// of[R][N]
template <class T>
struct OuterTiles {
  decltype(&add_outer_tile<1, 1, T>) of[kOuterRows + 1][kOuterVectors + 1] = {};

  template <int R, int N>
  constexpr void fill() {
    of[R][N] = add_outer_tile<R, N, T>;
    if constexpr (N > 1)
      fill<R, N - 1>();
    else if constexpr (R > 1)
      fill<R - 1, kOuterVectors>();
  }

  constexpr OuterTiles() { fill<kOuterRows, kOuterVectors>(); }
};

template <class T>
class OuterProduct {
  static constexpr int W = kWidth<T>;
  static constexpr ptrdiff_t kTileColumns = kOuterVectors * W;

 public:
  explicit OuterProduct(const OuterProductCall<T>& call) : call_(call) {
    Arena arena(call.workspace);
    tiles_ = (call.k + kOuterRows - 1) / kOuterRows;
    a_ = arena.template take<T>(tiles_ * kOuterChain * kOuterRows);
    b_ = arena.template take<T>(kOuterChain * kTileColumns);
    workspace_bytes_ = arena.used();
  }

  size_t workspace_bytes() const { return workspace_bytes_; }

  void run() {
    const ptrdiff_t chain = call_.k == 1 ? kSumChain : kOuterChain;
    for (ptrdiff_t row = 0; row < call_.rows; row += chain) {
      const ptrdiff_t left = call_.rows - row, rows = left < chain ? left : chain;
      pack_a(row, rows);
      for (ptrdiff_t first = 0; first < call_.columns; first += kTileColumns)
        add_columns(row, rows, first);
    }
  }

 private:
  // a of a chain's rows, tile by tile: [tile][row][kOuterRows].
  void pack_a(ptrdiff_t row, ptrdiff_t rows) {
    for (ptrdiff_t i = 0; i < rows; ++i) {
      const T* from = call_.a[row + i];
      for (ptrdiff_t tile = 0; tile < tiles_; ++tile)
        for (ptrdiff_t r = 0; r < kOuterRows && tile * kOuterRows + r < call_.k; ++r)
          a_[(tile * kOuterChain + i) * kOuterRows + r] = from[tile * kOuterRows + r];
    }
  }

  // The tiles of columns [first, first + kTileColumns).
  void add_columns(ptrdiff_t row, ptrdiff_t rows, ptrdiff_t first) {
    static constexpr OuterTiles<T> tiles;
    const ptrdiff_t left = call_.columns - first, count = left < kTileColumns ? left : kTileColumns;
    const ptrdiff_t vectors = (count + W - 1) / W, last = count - (vectors - 1) * W;
    for (ptrdiff_t i = 0; i < rows; ++i)
      for (ptrdiff_t v = 0; v < vectors; ++v)
        store<T>(b_ + i * kTileColumns + v * W,
                 load_first<T>(call_.b[row + i] + first + v * W, v == vectors - 1 ? last : W));
    for (ptrdiff_t tile = 0; tile < tiles_; ++tile) {
      const ptrdiff_t k = tile * kOuterRows, of_tile = call_.k - k;
      const ptrdiff_t height = of_tile < kOuterRows ? of_tile : kOuterRows;
      tiles.of[height][vectors](a_ + tile * kOuterChain * kOuterRows, b_, rows,
                                call_.out + k * call_.out_stride + first, call_.out_stride, last);
    }
  }

  const OuterProductCall<T>& call_;
  ptrdiff_t tiles_;
  T *a_, *b_;
  size_t workspace_bytes_;
};

template <class T>
size_t outer_product_workspace_bytes(const OuterProductCall<T>* call) {
  return OuterProduct<T>(*call).workspace_bytes();
}

template <class T>
void outer_product(const OuterProductCall<T>* call) {
  OuterProduct<T>(*call).run();
}

}  // namespace
}  // namespace rnnext::kernels
