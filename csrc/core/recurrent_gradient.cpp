#include <algorithm>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "core/instruction_set.h"
#include "core/kernel_gradients.h"
#include "core/packing.h"
#include "core/reference_gradient.h"
#include "core/threads.h"
#include "rnnext/rnnext.h"

namespace rnnext {

using core::check_size;
using core::check_size_if_given;
using core::checked_size;
using kernels::RecurrentBackwardCall;

std::ptrdiff_t residual_size(const RecurrentConfig& config, std::ptrdiff_t batch,
                             std::ptrdiff_t steps) {
  return checked_size("residuals",
                      {batch, steps, core::sums_of_step(config) + config.states(), config.units});
}

std::ptrdiff_t gradient_scratch_size(const RecurrentConfig& config, std::ptrdiff_t batch,
                                     std::ptrdiff_t steps) {
  const std::ptrdiff_t slots = core::sums_of_step(config) + (core::is_reset_before(config) ? 1 : 0);
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
  // The same of each gate by itself, packed if the config takes factors.
  core::AlignedArray<T> gate_recurrent[kernels::kMaxGates], gate_input[kernels::kMaxGates];
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
  void input_gradient(const RecurrentGradientIo<T>& io, const T* d_sums) const;
  void multiply(const T* rows, std::ptrdiff_t count, std::ptrdiff_t depth, const T* packed,
                T* out) const;

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
  const std::ptrdiff_t at_once = core::is_reset_before(config) ? 2 * H : columns;
  recurrent = core::pack_transposed(recurrent_weights, H, columns, 0, at_once, layout);
  if (at_once < columns)
    candidate = core::pack_transposed(recurrent_weights, H, columns, at_once, H, layout);
  for (std::ptrdiff_t gate = 0; config.takes_factors && gate < config.gates(); ++gate) {
    const auto of_gate = [&](const T* matrix, std::ptrdiff_t rows) {
      return core::pack_transposed(matrix, rows, columns, gate * H, H, layout);
    };
    gate_recurrent[gate] = of_gate(recurrent_weights, H);
    gate_input[gate] = of_gate(kernel_weights, config.features);
  }
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
  core::check_factors(config, io);
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
  call.state_factors = from(io.state_factors, config.gates() * H);
  for (int gate = 0; gate < kernels::kMaxGates; ++gate)
    call.gate_recurrent_kernels[gate] = {WeightType::full, gate_recurrent[gate].get(), nullptr};
  call.mask = from(io.mask, T_);
  call.residuals = from(io.residuals, residual_size(config, 1, T_));
  call.d_sequence = from(io.d_sequence, T_ * H);
  call.d_last_output = from(io.d_last_output, H);
  call.d_sums = scratch + first * T_ * core::sums_of_step(config) * H;
  call.reset_h = scratch + io.batch * T_ * core::sums_of_step(config) * H + first * T_ * H;
  for (int s = 0; s < config.states(); ++s) {
    call.initial_state[s] = from(io.initial_state[s], H);
    call.d_final_state[s] = from(io.d_final_state[s], H);
    call.d_initial_state[s] = from(io.d_initial_state[s], H);
  }
  const core::Workspace workspace(kernel->workspace_bytes(&call));
  call.workspace = workspace.data();
  kernel->run(&call);
}

// out (count, columns of `packed`) = rows @ packed, rows (count, depth) core::sums_of_step() units
// apart.
template <class T>
void RecurrentGradient<T>::Packed::multiply(const T* rows, std::ptrdiff_t count,
                                            std::ptrdiff_t depth, const T* packed, T* out) const {
  kernels::DenseCall<T> call = {};
  call.rows = count;
  call.features = depth;
  call.units = config.features;
  call.weights = {no_bias.get(), {WeightType::full, packed, nullptr}, {}};
  call.x = rows;
  call.x_stride = core::sums_of_step(config) * config.units;
  call.y = out;
  const core::Workspace workspace(kernels().dense.workspace_bytes(&call));
  call.workspace = workspace.data();
  kernels().dense.run(&call);
}

template <class T>
void RecurrentGradient<T>::Packed::input_gradient(const RecurrentGradientIo<T>& io,
                                                  const T* d_sums) const {
  const std::ptrdiff_t H = config.units, D = config.features, T_ = io.steps;
  const std::ptrdiff_t columns = config.gates() * H, sums = core::sums_of_step(config) * H;
  const double work =
      static_cast<double>(io.batch * T_) * static_cast<double>(columns) * static_cast<double>(D);
  if (!io.input_factors.given())
    return core::parallel_rows(io.batch * T_, work, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
      multiply(d_sums + first * sums, last - first, columns, input.get(), io.d_x.data + first * D);
    });
  core::parallel_rows(io.batch, work, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
    std::fill_n(io.d_x.data + first * T_ * D, (last - first) * T_ * D, T(0));
    std::vector<T> product(static_cast<std::size_t>(T_ * D));
    for (std::ptrdiff_t b = first; b < last; ++b)
      for (std::ptrdiff_t gate = 0; gate < config.gates(); ++gate) {
        multiply(d_sums + b * T_ * sums + gate * H, T_, H, gate_input[gate].get(), product.data());
        const T* factors = io.input_factors.data + (b * config.gates() + gate) * D;
        for (std::ptrdiff_t t = 0; t < T_; ++t)
          kernels().add_scaled(product.data() + t * D, factors, io.d_x.data + (b * T_ + t) * D, D);
      }
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
  core::KernelGradients<T>(packed.config, packed.kernels(), io, scratch).run();
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
  core::OuterProducts<T> product = {0, columns, {}};
  product.add(a_rows.data(), nullptr, k, out.data, columns);
  core::add_products<T>(kernels::kernels_of<T>(core::kernel_table(isa)), {product}, b_rows.data(),
                        rows);
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
