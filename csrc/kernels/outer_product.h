// out += a' b, the gradients of kernels: sums over rows of rank-one updates of a register tile.
//
// The sum over the rows falls into chains in order, as the sums of product.h do along their depth:
// an element's bits depend neither on the tile it is in nor on which columns a thread has. The
// factors a of all gradients that have the same b (inputs, states) lie side by side. Where a factor
// is ones, as for the gradient of a bias, the rows of b are added while they are copied.
#pragma once

#include "arena.h"
#include "product.h"
#include "scaling.h"

namespace rnnext::kernels {
namespace {

constexpr ptrdiff_t kOuterChain = 64;
// Where a factor is ones nothing but additions rounds, and there is hardly anything to compute: a
// chain's rows are added in shorter ones, these to each other, and what rounding takes from the sum
// of the chains is kept beside it (Neumaier, 1974). Of thousands of rows in chains alone the error
// of a GRU's bias was 1.3 times PyTorch's.
constexpr ptrdiff_t kSumChain = 8;
// A tile: so many rows of `out` by so many vectors of its columns.
constexpr int kOuterVectors = kRegisters == 32 ? 4 : 2;
constexpr int kOuterRows = kFusesMultiplyAdd ? 6 : 4;

// Columns of which all rows pass by before the next ones: where they are added up stays in the
// second cache meanwhile.
constexpr int kOuterBlockTiles = 4;

// out (R, N vectors) += the rank-one updates of `rows` rows. a: row i at a + i * a_stride; b:
// (rows, kOuterVectors vectors); row r of out from out[r] + first on. The last vector has `last`
// columns.
template <int R, int N, class T>
RNNEXT_INLINE void add_outer_rows(const T* a, ptrdiff_t a_stride, const T* b, ptrdiff_t rows,
                                  T* const* out, ptrdiff_t first, ptrdiff_t last) {
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
    a += a_stride;
    b += kOuterVectors * W;
  } while (++i < rows);
  for (int r = 0; r < R; ++r)
    for (int n = 0; n < N; ++n) {
      T* to = out[r] + first + n * W;
      const ptrdiff_t count = n == N - 1 ? last : W;
      store_first<T>(to, load_first<T>(to, count) + sum[r][n], count);
    }
}

// That a full chain's length is a constant shortens it, as in product.h.
template <int R, int N, class T>
void add_outer_tile(const T* a, ptrdiff_t a_stride, const T* b, ptrdiff_t rows, T* const* out,
                    ptrdiff_t first, ptrdiff_t last) {
  if (rows == kOuterChain)
    return add_outer_rows<R, N>(a, a_stride, b, kOuterChain, out, first, last);
  add_outer_rows<R, N>(a, a_stride, b, rows, out, first, last);
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
  static constexpr ptrdiff_t kBlockColumns = kOuterBlockTiles * kTileColumns;

 public:
  explicit OuterProduct(const OuterProductCall<T>& call) : call_(call) {
    for (ptrdiff_t i = 0; i < call.factor_count; ++i) {
      if (call.factors[i].rows)
        k_ += call.factors[i].k;
      else
        sum_ = call.factors[i].out;
    }
    // An odd number of cache lines: rows that a tile reads lie in different sets.
    constexpr ptrdiff_t kLine = 64 / static_cast<ptrdiff_t>(sizeof(T));
    a_stride_ = ((k_ + kLine - 1) / kLine | 1) * kLine;
    Arena arena(call.workspace);
    a_ = arena.template take<T>(kOuterChain * a_stride_);
    b_ = arena.template take<T>(kOuterChain * kTileColumns);
    out_ = arena.template take<T*>(k_);
    if (sum_) lost_ = arena.template take<T>(call.columns + W);
    workspace_bytes_ = arena.used();
  }

  size_t workspace_bytes() const { return workspace_bytes_; }

  void run() {
    find_out();
    for (ptrdiff_t i = 0; sum_ && i < call_.columns; i += W) store<T>(lost_ + i, Vec<T>{});
    for (ptrdiff_t first = 0; first < call_.columns; first += kBlockColumns) {
      const ptrdiff_t end = lesser(first + kBlockColumns, call_.columns);
      for (ptrdiff_t row = 0; row < call_.rows; row += kOuterChain) {
        const ptrdiff_t rows = lesser(kOuterChain, call_.rows - row);
        pack_a(row, rows);
        for (ptrdiff_t column = first; column < end; column += kTileColumns)
          add_columns(row, rows, column);
      }
    }
    for (ptrdiff_t i = 0; sum_ && i < call_.columns; ++i)
      if (lost_[i] == lost_[i]) sum_[i] += lost_[i];  // not a number: the sum is infinite
  }

 private:
  static ptrdiff_t lesser(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

  // Where each row of the gradients is.
  void find_out() {
    T** out = out_;
    for (ptrdiff_t f = 0; f < call_.factor_count; ++f)
      for (ptrdiff_t i = 0; call_.factors[f].rows && i < call_.factors[f].k; ++i)
        *out++ = call_.factors[f].out + i * call_.factors[f].out_stride;
  }

  // The factors of a chain's rows, side by side.
  void pack_a(ptrdiff_t row, ptrdiff_t rows) {
    T* to = a_;
    for (ptrdiff_t f = 0; f < call_.factor_count; ++f) {
      const OuterFactor<T>& factor = call_.factors[f];
      if (!factor.rows) continue;
      for (ptrdiff_t i = 0; i < rows; ++i)
        if (factor.factors)
          scale(factor.rows[row + i], factor.factors[row + i], to + i * a_stride_, factor.k);
        else
          __builtin_memcpy(to + i * a_stride_, factor.rows[row + i],
                           static_cast<size_t>(factor.k) * sizeof(T));
      to += factor.k;
    }
  }

  // The tiles of columns [first, first + kTileColumns).
  void add_columns(ptrdiff_t row, ptrdiff_t rows, ptrdiff_t first) {
    static constexpr OuterTiles<T> tiles;
    const ptrdiff_t count = lesser(call_.columns - first, kTileColumns);
    const ptrdiff_t vectors = (count + W - 1) / W, last = count - (vectors - 1) * W;
    for (ptrdiff_t i = 0; i < rows; ++i) {
      const T* from = call_.b[row + i] + call_.b_first + first;
      T* to = b_ + i * kTileColumns;
      copy(to, from, vectors - 1);
      store<T>(to + (vectors - 1) * W, load_first<T>(from + (vectors - 1) * W, last));
    }
    if (sum_)
      for (ptrdiff_t n = 0; n < vectors; ++n)
        add_rows(b_ + n * W, rows, first + n * W, n == vectors - 1 ? last : W);
    for_each_part(k_, kOuterRows, [&](ptrdiff_t k, ptrdiff_t height) {
      tiles.of[height][vectors](a_ + k, a_stride_, b_, rows, out_ + k, first, last);
    });
  }

  // The sum from `column` on, `count` numbers, += a chain's rows of b, a vector each.
  void add_rows(const T* b, ptrdiff_t rows, ptrdiff_t column, ptrdiff_t count) const {
    const auto sum_from = [&](ptrdiff_t first) {
      const ptrdiff_t end = lesser(first + kSumChain, rows);
      Vec<T> sum = load<T>(b + first * kTileColumns);
      for (ptrdiff_t i = first + 1; i < end; ++i) sum = sum + load<T>(b + i * kTileColumns);
      return sum;
    };
    Vec<T> sum = sum_from(0);
    for (ptrdiff_t first = kSumChain; first < rows; first += kSumChain) sum = sum + sum_from(first);
    T *out = sum_ + column, *lost = lost_ + column;
    const Vec<T> before = load_first<T>(out, count), after = before + sum, added = after - before;
    store_first<T>(out, after, count);
    store<T>(lost, load<T>(lost) + ((before - (after - added)) + (sum - added)));
  }

  const OuterProductCall<T>& call_;
  ptrdiff_t k_ = 0;    // of all factors that are not ones
  T* sum_ = nullptr;   // (columns): where the sum of the rows of b goes
  T* lost_ = nullptr;  // (columns): what rounding has taken from it
  ptrdiff_t a_stride_;
  T *a_, *b_;
  T** out_;
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
