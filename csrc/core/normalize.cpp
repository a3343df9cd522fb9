#include "core/check.h"
#include "rnnext/rnnext.h"

namespace rnnext {

using core::check_size;

template <class T>
void normalize(std::ptrdiff_t rows, std::ptrdiff_t n, Span<const T> x, Span<const T> mean,
               Span<const T> factor, Span<const T> offset, Span<T> y) {
  const std::ptrdiff_t size = core::checked_size("x", {rows, n});
  check_size("x", x, size);
  check_size("y", y, size);
  check_size("mean", mean, n);
  check_size("factor", factor, n);
  check_size("offset", offset, n);
  for (std::ptrdiff_t first = 0; first < size; first += n)
    for (std::ptrdiff_t i = 0; i < n; ++i)
      y.data[first + i] = (x.data[first + i] - mean.data[i]) * factor.data[i] + offset.data[i];
}

template void normalize(std::ptrdiff_t, std::ptrdiff_t, Span<const float>, Span<const float>,
                        Span<const float>, Span<const float>, Span<float>);
template void normalize(std::ptrdiff_t, std::ptrdiff_t, Span<const double>, Span<const double>,
                        Span<const double>, Span<const double>, Span<double>);

}  // namespace rnnext
