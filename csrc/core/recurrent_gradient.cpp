#include <algorithm>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "core/instruction_set.h"
#include "core/packing.h"
#include "core/reference_gradient.h"
#include "core/threads.h"
#include "rnnext/rnnext.h"

namespace rnnext {

using core::check_size;
using core::check_size_if_given;
using core::checked_size;
using kernels::OuterFactor;
using kernels::OuterProductCall;
using kernels::RecurrentBackwardCall;

namespace {

// Gradients of sums that a step has: of gru with reset_after the candidate's two apart.
std::ptrdiff_t sums_of_step(const RecurrentConfig& config) {
  return config.gates() + (config.cell == Cell::gru && config.reset_after ? 1 : 0);
}

bool is_reset_before(const RecurrentConfig& config) {
  return config.cell == Cell::gru && !config.reset_after;
}

// Gradients that are products with the same columns of the rows b.
template <class T>
struct Product {
  std::ptrdiff_t b_first;  // where its columns begin in the rows of b
  std::ptrdiff_t columns;
  std::vector<OuterFactor<T>> factors;

  void add(const T* const* rows, std::ptrdiff_t k, T* out, std::ptrdiff_t out_stride) {
    if (k) factors.push_back({rows, k, out, out_stride});
  }
  std::ptrdiff_t k() const {
    std::ptrdiff_t sum = 0;
    for (const OuterFactor<T>& factor : factors) sum += factor.k;
    return sum;
  }
};

// Adds columns [first, last) of a product over all rows.
template <class T>
void add_columns(const kernels::KernelsOf<T>& kernels, const Product<T>& product, const T* const* b,
                 std::ptrdiff_t rows, std::ptrdiff_t first, std::ptrdiff_t last) {
  if (first >= last) return;
  std::vector<OuterFactor<T>> factors = product.factors;
  for (OuterFactor<T>& factor : factors) factor.out += first;
  OuterProductCall<T> call = {};
  call.rows = rows;
  call.columns = last - first;
  call.b = b;
  call.b_first = product.b_first + first;
  call.factors = factors.data();
  call.factor_count = static_cast<std::ptrdiff_t>(factors.size());
  const core::Workspace workspace(kernels.outer_product.workspace_bytes(&call));
  call.workspace = workspace.data();
  kernels.outer_product.run(&call);
}

// Adds all products over all rows. Threads share their columns, by the multiply-adds of each.
template <class T>
void add_products(const kernels::KernelsOf<T>& kernels, const std::vector<Product<T>>& products,
                  const T* const* b, std::ptrdiff_t rows) {
  std::ptrdiff_t all = 0;
  for (const Product<T>& product : products) all += product.k() * product.columns;
  if (all == 0 || rows == 0) return;
  const double work = static_cast<double>(all) * static_cast<double>(rows);
  const int parts = core::threads_worth(work);
  core::in_parallel(parts, work, [&](int part) {
    std::ptrdiff_t before = 0;
    for (const Product<T>& product : products) {
      const std::ptrdiff_t k = product.k();
      const auto boundary = [&](int i) {
        if (k == 0) return std::ptrdiff_t(0);
        // Whole vectors; what is left of a vector is no more than one takes.
        constexpr std::ptrdiff_t kVector = 16;
        const std::ptrdiff_t share = core::row_boundary(all, i, parts) - before;
        const std::ptrdiff_t columns = (share / k + kVector / 2) / kVector * kVector;
        return i == parts ? product.columns
                          : std::clamp(columns, std::ptrdiff_t(0), product.columns);
      };
      add_columns(kernels, product, b, rows, boundary(part), boundary(part + 1));
      before += k * product.columns;
    }
  });
}

}  // namespace

std::ptrdiff_t residual_size(const RecurrentConfig& config, std::ptrdiff_t batch,
                             std::ptrdiff_t steps) {
  return checked_size("residuals",
                      {batch, steps, sums_of_step(config) + config.states(), config.units});
}

std::ptrdiff_t gradient_scratch_size(const RecurrentConfig& config, std::ptrdiff_t batch,
                                     std::ptrdiff_t steps) {
  const std::ptrdiff_t slots = sums_of_step(config) + (is_reset_before(config) ? 1 : 0);
  return checked_size("scratch", {batch, steps, slots, config.units});
}

template <class T>
struct RecurrentGradient<T>::Packed {
  RecurrentConfig config;
  const kernels::KernelTable* table;
  const kernels::Kernel<RecurrentBackwardCall<T>>* kernel;
  // Transposed: of the recurrent kernel what the states of a step multiply at once, and gru's
  // candidate, if that is a product of its own; and the whole kernel.
  core::AlignedArray<T> recurrent, candidate, input, no_bias;
  // In Keras's layout, kept only for the layers that the reference runs.
  std::vector<T> plain_kernel, plain_recurrent_kernel, plain_bias;

  bool runs_on_reference() const {
    return is_row_wise(config.activation.kind) ||
           (config.cell != Cell::simple_rnn && is_row_wise(config.recurrent_activation.kind));
  }
  const kernels::KernelsOf<T>& kernels() const { return kernels::kernels_of<T>(*table); }
  void pack(const T* kernel, const T* recurrent_kernel);
  void check(const RecurrentGradientIo<T>& io) const;
  void run_on_reference(const RecurrentGradientIo<T>& io) const;

  void run_steps(const RecurrentGradientIo<T>& io, T* scratch, std::ptrdiff_t first,
                 std::ptrdiff_t last) const;
  void add_kernel_gradients(const RecurrentGradientIo<T>& io, const T* scratch) const;
  void input_gradient(const RecurrentGradientIo<T>& io, const T* d_sums) const;

  double work_of_steps(const RecurrentGradientIo<T>& io) const {
    return static_cast<double>(io.batch * io.steps) *
           static_cast<double>(config.gates() * config.units) * static_cast<double>(config.units);
  }
};

template <class T>
RecurrentGradient<T>::RecurrentGradient(const RecurrentConfig& config, Span<const T> kernel,
                                        Span<const T> recurrent_kernel, Span<const T> bias,
                                        const std::string& isa)
    : packed_(std::make_unique<Packed>()) {
  if (config.units < 1)
    throw std::invalid_argument("units: received " + std::to_string(config.units) +
                                ", accepted are integers >= 1");
  const std::ptrdiff_t columns = checked_size("units", {config.gates(), config.units});
  check_size("kernel", kernel, checked_size("kernel", {config.features, columns}));
  check_size("recurrent_kernel", recurrent_kernel,
             checked_size("recurrent_kernel", {config.units, columns}));
  check_size_if_given("bias", bias, config.bias_size());
  packed_->config = config;
  packed_->table = &core::kernel_table(isa);
  const auto& backward = packed_->kernels().backward;
  packed_->kernel = config.cell == Cell::simple_rnn ? &backward.simple_rnn
                    : config.cell == Cell::lstm     ? &backward.lstm
                    : config.reset_after            ? &backward.gru_reset_after
                                                    : &backward.gru_reset_before;
  if (packed_->runs_on_reference()) {
    packed_->plain_kernel.assign(kernel.data, kernel.data + kernel.size);
    packed_->plain_recurrent_kernel.assign(recurrent_kernel.data,
                                           recurrent_kernel.data + recurrent_kernel.size);
    packed_->plain_bias.assign(bias.data, bias.data + bias.size);
  } else {
    packed_->pack(kernel.data, recurrent_kernel.data);
  }
}

template <class T>
RecurrentGradient<T>::~RecurrentGradient() = default;
template <class T>
RecurrentGradient<T>::RecurrentGradient(RecurrentGradient&&) noexcept = default;
template <class T>
RecurrentGradient<T>& RecurrentGradient<T>::operator=(RecurrentGradient&&) noexcept = default;

template <class T>
const RecurrentConfig& RecurrentGradient<T>::config() const {
  return packed_->config;
}
template <class T>
const char* RecurrentGradient<T>::isa() const {
  return packed_->table->isa;
}

template <class T>
void RecurrentGradient<T>::Packed::pack(const T* kernel_weights, const T* recurrent_weights) {
  const std::ptrdiff_t H = config.units, columns = config.gates() * H;
  const core::PanelLayout layout(kernels(), 1);
  const std::ptrdiff_t at_once = is_reset_before(config) ? 2 * H : columns;
  recurrent = core::pack_transposed(recurrent_weights, H, columns, 0, at_once, layout);
  if (at_once < columns)
    candidate = core::pack_transposed(recurrent_weights, H, columns, at_once, H, layout);
  if (config.features == 0) return;
  input = core::pack_transposed(kernel_weights, config.features, columns, 0, columns, layout);
  const std::ptrdiff_t width = layout.width;
  const std::ptrdiff_t padded = (config.features + width - 1) / width * width;
  no_bias = core::make_aligned<T>(static_cast<std::size_t>(padded));
  std::fill_n(no_bias.get(), padded, T(0));
}

template <class T>
void RecurrentGradient<T>::Packed::check(const RecurrentGradientIo<T>& io) const {
  const std::ptrdiff_t H = config.units, columns = config.gates() * H;
  const std::ptrdiff_t steps = checked_size("x", {io.batch, io.steps});
  const std::ptrdiff_t state = checked_size("state", {io.batch, H});
  const std::ptrdiff_t inputs = checked_size("x", {steps, config.features});
  check_size("x", io.x, inputs);
  check_size("residuals", io.residuals, residual_size(config, io.batch, io.steps));
  check_size_if_given("mask", io.mask, steps);
  check_size_if_given("d_sequence", io.d_sequence, checked_size("d_sequence", {steps, H}));
  check_size_if_given("d_last_output", io.d_last_output, state);
  check_size_if_given("d_x", io.d_x, inputs);
  check_size_if_given("d_kernel", io.d_kernel, config.features * columns);
  check_size_if_given("d_recurrent_kernel", io.d_recurrent_kernel, H * columns);
  check_size_if_given("d_bias", io.d_bias, config.bias_size());
  check_size_if_given("scratch", io.scratch, gradient_scratch_size(config, io.batch, io.steps));
  for (int s = 0; s < 2; ++s) {
    const std::ptrdiff_t expected = s < config.states() ? state : 0;
    check_size_if_given("initial_state", io.initial_state[s], expected);
    check_size_if_given("d_final_state", io.d_final_state[s], expected);
    check_size_if_given("d_initial_state", io.d_initial_state[s], expected);
  }
}

template <class T>
void RecurrentGradient<T>::Packed::run_on_reference(const RecurrentGradientIo<T>& io) const {
  const reference::Weights<T> weights = {plain_kernel.data(), plain_recurrent_kernel.data(),
                                         plain_bias.empty() ? nullptr : plain_bias.data()};
  reference::LayerGradient<T>(config, weights).run(io);
}

// The steps of samples [first, last), last to first.
template <class T>
void RecurrentGradient<T>::Packed::run_steps(const RecurrentGradientIo<T>& io, T* scratch,
                                             std::ptrdiff_t first, std::ptrdiff_t last) const {
  const std::ptrdiff_t H = config.units, T_ = io.steps;
  const auto from = [first](const auto& span, std::ptrdiff_t row) {
    return span.given() ? span.data + first * row : nullptr;
  };
  RecurrentBackwardCall<T> call = {};
  call.rows = last - first;
  call.steps = T_;
  call.units = H;
  call.go_backwards = io.go_backwards;
  call.zero_output_for_mask = io.zero_output_for_mask;
  call.activation = config.activation;
  call.recurrent_activation = config.recurrent_activation;
  call.recurrent_kernel = {WeightType::full, recurrent.get(), nullptr};
  call.candidate = {WeightType::full, candidate.get(), nullptr};
  call.mask = from(io.mask, T_);
  call.residuals = from(io.residuals, residual_size(config, 1, T_));
  call.d_sequence = from(io.d_sequence, T_ * H);
  call.d_last_output = from(io.d_last_output, H);
  call.d_sums = scratch + first * T_ * sums_of_step(config) * H;
  call.reset_h = scratch + io.batch * T_ * sums_of_step(config) * H + first * T_ * H;
  for (int s = 0; s < config.states(); ++s) {
    call.initial_state[s] = from(io.initial_state[s], H);
    call.d_final_state[s] = from(io.d_final_state[s], H);
    call.d_initial_state[s] = from(io.d_initial_state[s], H);
  }
  const core::Workspace workspace(kernel->workspace_bytes(&call));
  call.workspace = workspace.data();
  kernel->run(&call);
}

// The gradients of the kernels and the bias: products over all steps that count, in the order of
// the input, however many threads share their columns.
template <class T>
void RecurrentGradient<T>::Packed::add_kernel_gradients(const RecurrentGradientIo<T>& io,
                                                        const T* scratch) const {
  const std::ptrdiff_t H = config.units, D = config.features, T_ = io.steps;
  const std::ptrdiff_t columns = config.gates() * H, sums = sums_of_step(config) * H;
  const std::ptrdiff_t slots = sums / H + config.states();
  const std::vector<T> zeros(static_cast<std::size_t>(H), T(0));
  const auto most = static_cast<std::size_t>(io.batch * T_);
  std::vector<const T*> pointers(most * (is_reset_before(config) ? 4 : 3));
  const T **x = pointers.data(), **h = x + most, **d_sums = h + most, **reset_h = d_sums + most;
  std::ptrdiff_t rows = 0;
  for (std::ptrdiff_t b = 0; b < io.batch; ++b)
    for (std::ptrdiff_t time = 0; time < T_; ++time) {
      const std::ptrdiff_t row = b * T_ + time, t = io.go_backwards ? T_ - 1 - time : time;
      if (io.mask.given() && !io.mask.data[row]) continue;
      x[rows] = io.x.data + row * D;
      const T* first =
          io.initial_state[0].given() ? io.initial_state[0].data + b * H : zeros.data();
      h[rows] = t ? io.residuals.data + ((b * T_ + t - 1) * slots + sums / H) * H : first;
      d_sums[rows] = scratch + row * sums;
      if (is_reset_before(config)) reset_h[rows] = scratch + io.batch * T_ * sums + row * H;
      ++rows;
    }

  for (const Span<T>& out : {io.d_kernel, io.d_recurrent_kernel, io.d_bias})
    std::fill_n(out.data, out.size, T(0));
  // The sums [first, first + count) are the columns from `column` on.
  const auto product = [&](std::ptrdiff_t first, std::ptrdiff_t count, std::ptrdiff_t column,
                           bool of_input, const T* const* states) {
    Product<T> made = {first, count, {}};
    if (of_input && io.d_kernel.given()) made.add(x, D, io.d_kernel.data + column, columns);
    if (states && io.d_recurrent_kernel.given())
      made.add(states, H, io.d_recurrent_kernel.data + column, columns);
    if (of_input && io.d_bias.given()) made.add(nullptr, 1, io.d_bias.data + column, columns);
    if (states && !of_input && io.d_bias.given())
      made.add(nullptr, 1, io.d_bias.data + columns + column, columns);
    return made;
  };
  if (config.cell != Cell::gru) {
    add_products<T>(kernels(), {product(0, columns, 0, true, h)}, d_sums, rows);
  } else if (!config.reset_after) {
    add_products<T>(kernels(),
                    {product(0, 2 * H, 0, true, h), product(2 * H, H, 2 * H, true, reset_h)},
                    d_sums, rows);
  } else {
    add_products<T>(kernels(),
                    {product(0, 2 * H, 0, true, h), product(2 * H, H, 2 * H, true, nullptr),
                     product(columns, H, 2 * H, false, h)},
                    d_sums, rows);
    // Both biases of z and r are added to the same sums.
    if (io.d_bias.given()) std::copy_n(io.d_bias.data, 2 * H, io.d_bias.data + columns);
  }
}

template <class T>
void RecurrentGradient<T>::Packed::input_gradient(const RecurrentGradientIo<T>& io,
                                                  const T* d_sums) const {
  const std::ptrdiff_t stride = sums_of_step(config) * config.units;
  const std::ptrdiff_t columns = config.gates() * config.units, rows = io.batch * io.steps;
  const double work = static_cast<double>(rows) * static_cast<double>(columns * config.features);
  core::parallel_rows(rows, work, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
    kernels::DenseCall<T> call = {};
    call.rows = last - first;
    call.features = columns;
    call.units = config.features;
    call.weights = {no_bias.get(), {WeightType::full, input.get(), nullptr}, {}};
    call.x = d_sums + first * stride;
    call.x_stride = stride;
    call.y = io.d_x.data + first * config.features;
    const core::Workspace workspace(kernels().dense.workspace_bytes(&call));
    call.workspace = workspace.data();
    kernels().dense.run(&call);
  });
}

template <class T>
void RecurrentGradient<T>::run(const RecurrentGradientIo<T>& io) const {
  const Packed& packed = *packed_;
  packed.check(io);
  if (packed.runs_on_reference()) return packed.run_on_reference(io);
  core::AlignedArray<T> own;
  T* scratch = io.scratch.data;
  if (!scratch) {
    const auto size = gradient_scratch_size(packed.config, io.batch, io.steps);
    own = core::make_aligned<T>(static_cast<std::size_t>(size));
    scratch = own.get();
  }
  core::parallel_rows(io.batch, packed.work_of_steps(io),
                      [&](std::ptrdiff_t first, std::ptrdiff_t last) {
                        packed.run_steps(io, scratch, first, last);
                      });
  packed.add_kernel_gradients(io, scratch);
  if (io.d_x.given() && packed.config.features) packed.input_gradient(io, scratch);
}

template <class T>
void add_outer_product(std::ptrdiff_t rows, std::ptrdiff_t k, std::ptrdiff_t columns,
                       Span<const T> a, Span<const T> b, Span<T> out, const std::string& isa) {
  check_size("a", a, checked_size("a", {rows, k}));
  check_size("b", b, checked_size("b", {rows, columns}));
  check_size("out", out, checked_size("out", {k, columns}));
  std::vector<const T*> a_rows(static_cast<std::size_t>(rows)), b_rows(a_rows.size());
  for (std::ptrdiff_t row = 0; row < rows; ++row) {
    a_rows[static_cast<std::size_t>(row)] = a.data + row * k;
    b_rows[static_cast<std::size_t>(row)] = b.data + row * columns;
  }
  Product<T> product = {0, columns, {}};
  product.add(a_rows.data(), k, out.data, columns);
  add_products<T>(kernels::kernels_of<T>(core::kernel_table(isa)), {product}, b_rows.data(), rows);
}

namespace {

// Rows whose activation mixes their elements, in double.
template <class T>
void differentiate_rows(const Activation& activation, std::ptrdiff_t rows, std::ptrdiff_t n,
                        const T* x, const T* d, T* out) {
  for (std::ptrdiff_t row = 0; row < rows; ++row, x += n, d += n, out += n) {
    const std::vector<double> wide_x(x, x + n);
    std::vector<double> gradient(d, d + n);
    reference::differentiate_row(activation, wide_x.data(), gradient.data(), n);
    for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = static_cast<T>(gradient[i]);
  }
}

}  // namespace

template <class T>
void differentiate(const Activation& activation, std::ptrdiff_t rows, std::ptrdiff_t n,
                   Span<const T> x, Span<const T> y, Span<const T> d, Span<T> out,
                   const std::string& isa) {
  const std::ptrdiff_t size = checked_size("x", {rows, n});
  check_size_if_given("x", x, size);
  check_size("y", y, size);
  check_size("d", d, size);
  check_size("out", out, size);
  const bool row_wise = is_row_wise(activation.kind);
  if (!x.given() && size && (row_wise || kernels::needs_sum(activation)))
    throw std::invalid_argument("x: received none, which the derivative of this activation needs");
  if (!size) return;
  if (row_wise) return differentiate_rows(activation, rows, n, x.data, d.data, out.data);
  kernels::kernels_of<T>(core::kernel_table(isa))
      .differentiate(&activation, x.data, y.data, d.data, out.data, size);
}

template void differentiate(const Activation&, std::ptrdiff_t, std::ptrdiff_t, Span<const float>,
                            Span<const float>, Span<const float>, Span<float>, const std::string&);
template void differentiate(const Activation&, std::ptrdiff_t, std::ptrdiff_t, Span<const double>,
                            Span<const double>, Span<const double>, Span<double>,
                            const std::string&);
template class RecurrentGradient<float>;
template class RecurrentGradient<double>;
template void add_outer_product(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, Span<const float>,
                                Span<const float>, Span<float>, const std::string&);
template void add_outer_product(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, Span<const double>,
                                Span<const double>, Span<double>, const std::string&);

}  // namespace rnnext
