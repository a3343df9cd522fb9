#include <algorithm>

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "core/instruction_set.h"
#include "core/packing.h"
#include "core/threads.h"
#include "rnnext/rnnext.h"

namespace rnnext {

using core::check_size;
using core::check_size_if_given;
using core::checked_size;
using core::GateColumns;

template <class T>
struct Dense<T>::Packed {
  std::ptrdiff_t features, units;
  Activation activation;
  const kernels::KernelTable* table;
  core::PackedProduct<T> weights;

  // x (rows, features), row r at x + r * x_stride; y (rows, units).
  void run_rows(std::ptrdiff_t rows, const T* x, std::ptrdiff_t x_stride, T* y) const;
};

template <class T>
Dense<T>::Dense(std::ptrdiff_t features, std::ptrdiff_t units, const Activation& activation,
                Span<const T> kernel, Span<const T> bias, const std::string& isa,
                WeightType weights)
    : packed_(std::make_unique<Packed>()) {
  if (units < 1)
    throw std::invalid_argument("units: received " + std::to_string(units) +
                                ", accepted are integers >= 1");
  core::check_weight_type<T>(weights);
  check_size("kernel", kernel, checked_size("kernel", {features, units}));
  check_size_if_given("bias", bias, units);
  packed_->features = features;
  packed_->units = units;
  packed_->activation = activation;
  packed_->table = &core::kernel_table(isa);
  const auto columns = [units](const T* matrix, std::ptrdiff_t depth) {
    return GateColumns<T>{matrix, depth, units, 0, 1, units};
  };
  packed_->weights = core::PackedProduct<T>(kernels::kernels_of<T>(*packed_->table),
                                            columns(kernel.data, features), columns(nullptr, 0),
                                            columns(bias.data, 1), weights);
}

template <class T>
Dense<T>::~Dense() = default;
template <class T>
Dense<T>::Dense(Dense&&) noexcept = default;
template <class T>
Dense<T>& Dense<T>::operator=(Dense&&) noexcept = default;

template <class T>
std::ptrdiff_t Dense<T>::features() const {
  return packed_->features;
}
template <class T>
std::ptrdiff_t Dense<T>::units() const {
  return packed_->units;
}
template <class T>
const char* Dense<T>::isa() const {
  return packed_->table->isa;
}

template <class T>
void Dense<T>::Packed::run_rows(std::ptrdiff_t rows, const T* x, std::ptrdiff_t x_stride,
                                T* y) const {
  const kernels::KernelsOf<T>& kernels = kernels::kernels_of<T>(*table);
  const bool row_wise = is_row_wise(activation.kind);
  kernels::DenseCall<T> call = {};
  call.rows = rows;
  call.features = features;
  call.units = units;
  call.activation = row_wise ? Activation{ActivationKind::linear} : activation;
  call.weights = weights.view();
  call.x = x;
  call.x_stride = x_stride;
  call.y = y;
  const core::Workspace workspace(kernels.dense.workspace_bytes(&call));
  call.workspace = workspace.data();
  kernels.dense.run(&call);
  if (row_wise) kernels.activate(&activation, y, y, rows, units);
}

template <class T>
void Dense<T>::run(std::ptrdiff_t rows, Span<const T> x, Span<T> y) const {
  check_size("x", x, checked_size("x", {rows, packed_->features}));
  run({1, rows, 0, packed_->features}, x, y);
}

template <class T>
void Dense<T>::run(const Windows& windows, Span<const T> x, Span<T> y) const {
  const Packed& packed = *packed_;
  const std::ptrdiff_t rows = checked_size("windows", {windows.samples, windows.count});
  check_size("y", y, checked_size("y", {rows, packed.units}));
  if (rows == 0) return;
  const std::ptrdiff_t of_sample =
      checked_size("x", {windows.count - 1, windows.stride}) + packed.features;
  if (windows.samples > 1 && of_sample > windows.sample_stride)
    throw std::invalid_argument("windows: those of a sample take " + std::to_string(of_sample) +
                                " elements, the samples are " +
                                std::to_string(windows.sample_stride) + " apart");
  const std::ptrdiff_t end =
      checked_size("x", {windows.samples - 1, windows.sample_stride}) + of_sample;
  if (x.size < end || (end && !x.data))
    throw std::invalid_argument("x: received " + std::to_string(x.size) +
                                " elements, expected at least " + std::to_string(end));
  const double work = static_cast<double>(rows) * static_cast<double>(packed.features) *
                      static_cast<double>(packed.units);
  const auto run_some = [&](std::ptrdiff_t first, std::ptrdiff_t last) {
    for (std::ptrdiff_t row = first, next = first; row < last; row = next) {
      const std::ptrdiff_t n = row / windows.count, i = row % windows.count;
      next = std::min(last, (n + 1) * windows.count);
      packed.run_rows(next - row, x.data + n * windows.sample_stride + i * windows.stride,
                      windows.stride, y.data + row * packed.units);
    }
  };
  core::parallel_rows(rows, work, run_some);
}

template <class T>
void activate(const Activation& activation, std::ptrdiff_t rows, std::ptrdiff_t n, Span<const T> x,
              Span<T> y, const std::string& isa) {
  const std::ptrdiff_t size = checked_size("x", {rows, n});
  check_size("x", x, size);
  check_size("y", y, size);
  if (size)
    kernels::kernels_of<T>(core::kernel_table(isa)).activate(&activation, x.data, y.data, rows, n);
}

template class Dense<float>;
template class Dense<double>;
template void activate(const Activation&, std::ptrdiff_t, std::ptrdiff_t, Span<const float>,
                       Span<float>, const std::string&);
template void activate(const Activation&, std::ptrdiff_t, std::ptrdiff_t, Span<const double>,
                       Span<double>, const std::string&);

const char* version() { return RNNEXT_VERSION; }

}  // namespace rnnext
