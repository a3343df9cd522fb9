#include "array_functions.h"

#include <algorithm>
#include <vector>

#include "arrays.h"
#include "rnnext/rnnext.h"

namespace rnnext::bindings {
namespace {

template <class T>
py::object normalized(py::handle x_object, py::handle mean_object, py::handle factor_object,
                      py::handle offset_object) {
  const ArrayView<T> x("x", x_object, -1), mean("mean", mean_object, 1);
  const ArrayView<T> factor("factor", factor_object, 1), offset("offset", offset_object, 1);
  const std::vector<py::ssize_t> shape = x.shape();
  if (shape.empty() || shape.back() != mean.size())
    throw py::value_error("x: received " + describe(x_object) + ", expected " +
                          std::to_string(mean.size()) + " features on the last axis");
  NewArray<T> y(x.ndim(), shape.data());
  const std::ptrdiff_t rows = mean.size() ? x.size() / mean.size() : 0;
  normalize<T>(rows, mean.size(), x.span(), mean.span(), factor.span(), offset.span(), y.span());
  return y.take();
}

template <class T>
py::object side_by_side(py::handle forward_object, py::handle backward_object) {
  const ArrayView<T> forward("forward", forward_object, 3);
  const ArrayView<T> backward("backward", backward_object, 3);
  const std::ptrdiff_t batch = forward.extent(0), steps = forward.extent(1);
  const std::ptrdiff_t m = forward.extent(2), n = backward.extent(2);
  check_shape("backward", backward, backward_object, {batch, steps, n});
  NewArray<T> y({batch, steps, m + n});
  const T *mine = forward.span().data, *theirs = backward.span().data;
  T* out = y.span().data;
  for (std::ptrdiff_t b = 0; b < batch; ++b)
    for (std::ptrdiff_t t = 0; t < steps; ++t, out += m + n) {
      std::copy_n(mine + (b * steps + t) * m, m, out);
      std::copy_n(theirs + ((b + 1) * steps - 1 - t) * n, n, out + m);
    }
  return y.take();
}

}  // namespace

py::object normalize_rows(py::handle x, py::handle mean, py::handle factor, py::handle offset) {
  return is_float64(x) ? normalized<double>(x, mean, factor, offset)
                       : normalized<float>(x, mean, factor, offset);
}

py::object concatenate_directions(py::handle forward, py::handle backward) {
  return is_float64(forward) ? side_by_side<double>(forward, backward)
                             : side_by_side<float>(forward, backward);
}

}  // namespace rnnext::bindings
