#include <algorithm>
#include <vector>

#include "core/check.h"
#include "core/instruction_set.h"
#include "core/packing.h"
#include "core/reference.h"
#include "core/threads.h"
#include "rnnext/rnnext.h"

namespace rnnext {

using core::check_size;
using core::check_size_if_given;
using core::checked_size;
using core::GateColumns;
using kernels::RecurrentCall;

template <class T>
struct Recurrent<T>::Packed {
  RecurrentConfig config;
  const kernels::KernelTable* table;
  const kernels::RecurrentKernel<T>* kernel;
  core::PackedProduct<T> gates, candidate;
  core::AlignedArray<T> recurrent_bias;
  // In Keras's layout, kept only for the layers that the reference runs.
  std::vector<T> plain_kernel, plain_recurrent_kernel, plain_bias;

  bool runs_on_reference() const {
    return is_row_wise(config.activation.kind) ||
           (config.cell != Cell::simple_rnn && is_row_wise(config.recurrent_activation.kind));
  }
  // Columns of the kernel's tile: the two products of gru without reset_after count apart.
  int tile_gates() const {
    return config.cell == Cell::gru && !config.reset_after ? 2 : static_cast<int>(config.gates());
  }
  void pack(const T* kernel, const T* recurrent_kernel, const T* bias);
  void pack_gru_reset_after(const GateColumns<T>& kernel, const GateColumns<T>& recurrent_kernel,
                            const T* bias);
  RecurrentCall<T> call(const RecurrentIo<T>& io, std::ptrdiff_t first, std::ptrdiff_t last) const;
  void run_rows(const RecurrentIo<T>& io, std::ptrdiff_t first, std::ptrdiff_t last) const;
  void run_team(const RecurrentIo<T>& io, int members) const;
  int team_members(const RecurrentIo<T>& io, int threads, int granule) const;
};

namespace {

template <class T>
const kernels::RecurrentKernel<T>& kernel_for(const kernels::KernelsOf<T>& table,
                                              const RecurrentConfig& config) {
  switch (config.cell) {
    case Cell::simple_rnn:
      return table.simple_rnn;
    case Cell::lstm:
      return table.lstm;
    case Cell::gru:
      break;
  }
  return config.reset_after ? table.gru_reset_after : table.gru_reset_before;
}

// Steps projected ahead of time by one matrix product (RecurrentCall::block).
//
// Few samples: one product over many steps reads the kernel once for all of them, where fusing it
// into the step would stream it every step. Many samples: the step's tiles use each weight often
// enough, and the detour through memory costs more than it saves.
std::ptrdiff_t steps_ahead(std::ptrdiff_t rows, std::ptrdiff_t steps, std::ptrdiff_t row_bytes) {
  constexpr std::ptrdiff_t kFused = 32, kBytes = 256 << 10, kLeast = 16;
  if (steps < 2 || rows >= kFused) return 0;
  return std::min(steps, std::max(kLeast, kBytes / std::max<std::ptrdiff_t>(1, rows * row_bytes)));
}

}  // namespace

template <class T>
void Recurrent<T>::Packed::pack(const T* kernel_weights, const T* recurrent_weights,
                                const T* bias_weights) {
  const kernels::KernelsOf<T>& kernels = kernels::kernels_of<T>(*table);
  const std::ptrdiff_t H = config.units, columns = config.gates() * H;
  const auto some = [&](const T* matrix, std::ptrdiff_t depth, std::ptrdiff_t first_gate,
                        std::ptrdiff_t count) {
    return GateColumns<T>{matrix, depth, columns, first_gate * H, count, H};
  };
  if (config.cell == Cell::gru && config.reset_after) {
    pack_gru_reset_after(some(kernel_weights, config.features, 0, 3),
                         some(recurrent_weights, H, 0, 3), bias_weights);
    return;
  }
  const std::ptrdiff_t first = tile_gates();
  gates =
      core::PackedProduct<T>(kernels, some(kernel_weights, config.features, 0, first),
                             some(recurrent_weights, H, 0, first), some(bias_weights, 1, 0, first));
  if (config.cell == Cell::gru)
    candidate =
        core::PackedProduct<T>(kernels, some(kernel_weights, config.features, 2, 1),
                               some(recurrent_weights, H, 2, 1), some(bias_weights, 1, 2, 1));
}

// The gates z and r only ever see the sum of both biases; the candidate keeps them apart.
template <class T>
void Recurrent<T>::Packed::pack_gru_reset_after(const GateColumns<T>& kernel_columns,
                                                const GateColumns<T>& recurrent_columns,
                                                const T* bias_weights) {
  const kernels::KernelsOf<T>& kernels = kernels::kernels_of<T>(*table);
  const std::ptrdiff_t H = config.units;
  std::vector<T> start(3 * H, T(0)), candidate_bias(H, T(0));
  if (bias_weights) {
    std::copy_n(bias_weights, 3 * H, start.begin());
    for (std::ptrdiff_t u = 0; u < 2 * H; ++u) start[u] += bias_weights[3 * H + u];
    std::copy_n(bias_weights + 5 * H, H, candidate_bias.begin());
  }
  gates = core::PackedProduct<T>(kernels, kernel_columns, recurrent_columns,
                                 {start.data(), 1, 3 * H, 0, 3, H});
  recurrent_bias = core::pack(GateColumns<T>{candidate_bias.data(), 1, H, 0, 1, H}, kernels.width,
                              std::max<std::ptrdiff_t>(1, H));
}

template <class T>
Recurrent<T>::Recurrent(const RecurrentConfig& config, Span<const T> kernel,
                        Span<const T> recurrent_kernel, Span<const T> bias, const std::string& isa)
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
  packed_->kernel = &kernel_for(kernels::kernels_of<T>(*packed_->table), config);
  if (packed_->runs_on_reference()) {
    packed_->plain_kernel.assign(kernel.data, kernel.data + kernel.size);
    packed_->plain_recurrent_kernel.assign(recurrent_kernel.data,
                                           recurrent_kernel.data + recurrent_kernel.size);
    packed_->plain_bias.assign(bias.data, bias.data + bias.size);
  } else {
    packed_->pack(kernel.data, recurrent_kernel.data, bias.data);
  }
}

template <class T>
Recurrent<T>::~Recurrent() = default;
template <class T>
Recurrent<T>::Recurrent(Recurrent&&) noexcept = default;
template <class T>
Recurrent<T>& Recurrent<T>::operator=(Recurrent&&) noexcept = default;

template <class T>
const RecurrentConfig& Recurrent<T>::config() const {
  return packed_->config;
}
template <class T>
const char* Recurrent<T>::isa() const {
  return packed_->table->isa;
}

template <class T>
RecurrentCall<T> Recurrent<T>::Packed::call(const RecurrentIo<T>& io, std::ptrdiff_t first,
                                            std::ptrdiff_t last) const {
  const std::ptrdiff_t H = config.units, D = config.features, T_ = io.steps;
  const auto from = [first](const auto& span, std::ptrdiff_t row) {
    return span.given() ? span.data + first * row : nullptr;
  };
  RecurrentCall<T> c = {};
  c.rows = last - first;
  c.steps = T_;
  c.features = D;
  c.units = H;
  c.go_backwards = io.go_backwards;
  c.zero_output_for_mask = io.zero_output_for_mask;
  c.activation = config.activation;
  c.recurrent_activation = config.recurrent_activation;
  c.gates = gates.view();
  c.candidate = candidate.view();
  c.recurrent_bias = recurrent_bias.get();
  c.x = from(io.x, T_ * D);
  c.x_stride = T_ * D;
  c.mask = from(io.mask, T_);
  c.mask_stride = T_;
  c.sequence = from(io.sequence, T_ * H);
  c.sequence_stride = T_ * H;
  c.last_output = from(io.last_output, H);
  c.tape = from(io.tape, T_ * (config.gates() + config.states()) * H);
  for (int s = 0; s < config.states(); ++s) {
    c.initial_state[s] = from(io.initial_state[s], H);
    c.final_state[s] = from(io.final_state[s], H);
  }
  const std::ptrdiff_t row_bytes = config.gates() * H * static_cast<std::ptrdiff_t>(sizeof(T));
  c.block = steps_ahead(c.rows, T_, row_bytes);
  c.members = 1;
  return c;
}

template <class T>
void Recurrent<T>::Packed::run_rows(const RecurrentIo<T>& io, std::ptrdiff_t first,
                                    std::ptrdiff_t last) const {
  RecurrentCall<T> c = call(io, first, last);
  const core::Workspace workspace(kernel->workspace_bytes(&c));
  c.workspace = workspace.data();
  kernel->run(&c);
}

// Every thread takes all samples and its own part of the units.
template <class T>
void Recurrent<T>::Packed::run_team(const RecurrentIo<T>& io, int members) const {
  RecurrentCall<T> shared = call(io, 0, io.batch);
  shared.members = members;
  const core::Workspace workspace(kernel->workspace_bytes(&shared));
  shared.workspace = workspace.data();
  shared.meet = [](void* team) { static_cast<core::Team*>(team)->meet(); };
  core::parallel_team(members, [&](int member, core::Team& team) {
    RecurrentCall<T> c = shared;
    c.member = member;
    c.members = team.members();
    c.team = &team;
    kernel->run(&c);
  });
}

// Members of the team that should run `io`; 1: samples are shared out instead.
//
// A meeting takes some 0.1 us, 0.3 when the processors are virtual: below kStep multiply-adds a
// member and step (about 3 us) a team was sometimes slower than one thread.
template <class T>
int Recurrent<T>::Packed::team_members(const RecurrentIo<T>& io, int threads, int granule) const {
  constexpr double kStep = 64e3;
  if (threads <= 1 || io.batch > granule * (threads - 1)) return 1;
  const double step = static_cast<double>(io.batch) * static_cast<double>(config.gates()) *
                      static_cast<double>(config.units) * static_cast<double>(config.units);
  const std::ptrdiff_t width = kernels::kernels_of<T>(*table).width;
  const std::ptrdiff_t panels =
      config.units / (width * kernels::kernels_of<T>(*table).panel_vectors[tile_gates()]);
  return static_cast<int>(
      std::min({static_cast<double>(threads), step / kStep, static_cast<double>(panels)}));
}

template <class T>
void Recurrent<T>::run(const RecurrentIo<T>& io) const {
  const RecurrentConfig& config = packed_->config;
  const std::ptrdiff_t steps = checked_size("x", {io.batch, io.steps});
  const std::ptrdiff_t state = checked_size("state", {io.batch, config.units});
  check_size("x", io.x, checked_size("x", {io.batch, io.steps, config.features}));
  check_size_if_given("mask", io.mask, steps);
  check_size_if_given("sequence", io.sequence,
                      checked_size("sequence", {io.batch, io.steps, config.units}));
  check_size_if_given("last_output", io.last_output, state);
  check_size_if_given(
      "tape", io.tape,
      checked_size("tape", {steps, config.gates() + config.states(), config.units}));
  for (int s = 0; s < 2; ++s) {
    const std::ptrdiff_t expected = s < config.states() ? state : 0;
    check_size_if_given("initial_state", io.initial_state[s], expected);
    check_size_if_given("final_state", io.final_state[s], expected);
  }
  if (packed_->runs_on_reference()) {
    const reference::Weights<T> weights = {
        packed_->plain_kernel.data(), packed_->plain_recurrent_kernel.data(),
        packed_->plain_bias.empty() ? nullptr : packed_->plain_bias.data()};
    return reference::Layer<T>(config, weights).run(io);
  }
  const double work = static_cast<double>(steps) * static_cast<double>(config.gates()) *
                      static_cast<double>(config.units) *
                      static_cast<double>(config.features + config.units);
  const int granule = kernels::kernels_of<T>(*packed_->table).tile_rows[packed_->tile_gates()];
  const int threads = core::threads_worth(work);
  const int members = packed_->team_members(io, threads, granule);
  if (members > 1) return packed_->run_team(io, members);
  core::parallel_rows(io.batch, granule, threads, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
    packed_->run_rows(io, first, last);
  });
}

template class Recurrent<float>;
template class Recurrent<double>;

}  // namespace rnnext
