// Arrays times factors, element by element.
#pragma once

#include "simd.h"

namespace rnnext::kernels {
namespace {

// to = from * factors, n elements each.
template <class T>
void scale(const T* from, const T* factors, T* to, ptrdiff_t n) {
  constexpr int W = kWidth<T>;
  for (ptrdiff_t i = 0; i < n; i += W)
    store_first<T>(to + i, load_first<T>(from + i, n - i) * load_first<T>(factors + i, n - i),
                   n - i);
}

// out += x * factors, n elements each.
template <class T>
void add_scaled(const T* x, const T* factors, T* out, ptrdiff_t n) {
  constexpr int W = kWidth<T>;
  for (ptrdiff_t i = 0; i < n; i += W) {
    const Vec<T> scaled = load_first<T>(x + i, n - i) * load_first<T>(factors + i, n - i);
    store_first<T>(out + i, load_first<T>(out + i, n - i) + scaled, n - i);
  }
}

}  // namespace
}  // namespace rnnext::kernels
