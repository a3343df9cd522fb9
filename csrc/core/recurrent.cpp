#include <algorithm>
#include <functional>
#include <optional>
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
  WeightType weight_type;
  const kernels::KernelTable* table;
  const kernels::RecurrentKernel<T>* kernel;
  core::PackedProduct<T> gates, candidate;
  core::AlignedArray<T> recurrent_bias;
  // Each gate's, of full width; packed if the config takes factors.
  core::PackedWeights<T> gate_kernels[kernels::kMaxGates];
  core::PackedWeights<T> gate_recurrent_kernels[kernels::kMaxGates];
  kernels::PackedMatrix<T> gate_kernel_views[kernels::kMaxGates] = {};
  kernels::PackedMatrix<T> gate_recurrent_views[kernels::kMaxGates] = {};
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
  void pack_gates(const T* kernel, const T* recurrent_kernel);
  void pack_gru_reset_after(const GateColumns<T>& kernel, const GateColumns<T>& recurrent_kernel,
                            const T* bias);
  RecurrentCall<T> call(const RecurrentIo<T>& io, std::ptrdiff_t first, std::ptrdiff_t last) const;
  void run_rows(const RecurrentIo<T>& io, std::ptrdiff_t first, std::ptrdiff_t last) const;
  int row_chunks(std::ptrdiff_t rows) const;
  void run_on_reference(const RecurrentIo<T>& io) const;
  bool run_in_turn(const RecurrentIo<T>& io, const Packed& other,
                   const RecurrentIo<T>& other_io) const;
  void check(const RecurrentIo<T>& io) const;
  // Multiply-adds.
  double work(const RecurrentIo<T>& io) const;
  double recurrent_work_of_step(const RecurrentIo<T>& io) const;
  std::ptrdiff_t panels() const {
    const kernels::KernelsOf<T>& kernels = kernels::kernels_of<T>(*table);
    return config.units / (kernels.width * kernels.panel_vectors[tile_gates()]);
  }
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
// enough, and the detour through memory costs more than it saves (16 samples: fused 0.92 to 0.97 of
// the time ahead, 8 samples up to 1.1, 2 samples 1.4).
//
// Blocks are long, because each has to bring the kernel back, which the recurrent weights have
// pushed out of a cache: of 1 MiB in place of 256 KiB, LSTM 1,100,512,512 took 0.96 of the time.
std::ptrdiff_t steps_ahead(std::ptrdiff_t rows, std::ptrdiff_t steps, std::ptrdiff_t row_bytes) {
  constexpr std::ptrdiff_t kFused = 16, kBytes = 1 << 20, kMin = 16;
  if (steps < 2 || rows >= kFused) return 0;
  return std::min(steps, std::max(kMin, kBytes / std::max<std::ptrdiff_t>(1, rows * row_bytes)));
}

}  // namespace

template <class T>
void Recurrent<T>::Packed::pack(const T* kernel_weights, const T* recurrent_weights,
                                const T* bias_weights) {
  const kernels::KernelsOf<T>& kernels = kernels::kernels_of<T>(*table);
  const std::ptrdiff_t H = config.units, columns = config.gates() * H;
  const auto columns_of = [&](const T* matrix, std::ptrdiff_t depth, std::ptrdiff_t first_gate,
                              std::ptrdiff_t count) {
    return GateColumns<T>{matrix, depth, columns, first_gate * H, count, H};
  };
  if (config.cell == Cell::gru && config.reset_after) {
    pack_gru_reset_after(columns_of(kernel_weights, config.features, 0, 3),
                         columns_of(recurrent_weights, H, 0, 3), bias_weights);
    return;
  }
  const std::ptrdiff_t first = tile_gates();
  gates = core::PackedProduct<T>(kernels, columns_of(kernel_weights, config.features, 0, first),
                                 columns_of(recurrent_weights, H, 0, first),
                                 columns_of(bias_weights, 1, 0, first), weight_type);
  if (config.cell == Cell::gru)
    candidate = core::PackedProduct<T>(kernels, columns_of(kernel_weights, config.features, 2, 1),
                                       columns_of(recurrent_weights, H, 2, 1),
                                       columns_of(bias_weights, 1, 2, 1), weight_type);
}

template <class T>
void Recurrent<T>::Packed::pack_gates(const T* kernel_weights, const T* recurrent_weights) {
  const std::ptrdiff_t H = config.units, columns = config.gates() * H;
  const core::PanelLayout layout(kernels::kernels_of<T>(*table), 1);
  for (std::ptrdiff_t gate = 0; gate < tile_gates(); ++gate) {
    const auto packed = [&](const T* matrix, std::ptrdiff_t depth) {
      const GateColumns<T> of_gate = {matrix, depth, columns, gate * H, 1, H};
      return core::PackedWeights<T>(of_gate, layout, WeightType::full);
    };
    gate_kernels[gate] = packed(kernel_weights, config.features);
    gate_recurrent_kernels[gate] = packed(recurrent_weights, H);
    gate_kernel_views[gate] = gate_kernels[gate].view();
    gate_recurrent_views[gate] = gate_recurrent_kernels[gate].view();
  }
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
                                 {start.data(), 1, 3 * H, 0, 3, H}, weight_type);
  recurrent_bias = core::pack(GateColumns<T>{candidate_bias.data(), 1, H, 0, 1, H},
                              core::PanelLayout(kernels, 1));
}

template <class T>
Recurrent<T>::Recurrent(const RecurrentConfig& config, Span<const T> kernel,
                        Span<const T> recurrent_kernel, Span<const T> bias, const std::string& isa,
                        WeightType weights)
    : packed_(std::make_unique<Packed>()) {
  if (config.units < 1)
    throw std::invalid_argument("units: received " + std::to_string(config.units) +
                                ", accepted are integers >= 1");
  const std::ptrdiff_t columns = checked_size("units", {config.gates(), config.units});
  check_size("kernel", kernel, checked_size("kernel", {config.features, columns}));
  check_size("recurrent_kernel", recurrent_kernel,
             checked_size("recurrent_kernel", {config.units, columns}));
  check_size_if_given("bias", bias, config.bias_size());
  core::check_weight_type<T>(weights);
  packed_->config = config;
  packed_->weight_type = weights;
  packed_->table = &core::kernel_table(isa);
  packed_->kernel = &kernel_for(kernels::kernels_of<T>(*packed_->table), config);
  if (packed_->runs_on_reference()) {
    if (weights != WeightType::full)
      throw std::invalid_argument(
          "weights: bf16 and int8 need an activation of single numbers, not softmax, log_softmax "
          "or sparsemax");
    packed_->plain_kernel.assign(kernel.data, kernel.data + kernel.size);
    packed_->plain_recurrent_kernel.assign(recurrent_kernel.data,
                                           recurrent_kernel.data + recurrent_kernel.size);
    packed_->plain_bias.assign(bias.data, bias.data + bias.size);
  } else {
    packed_->pack(kernel.data, recurrent_kernel.data, bias.data);
    if (config.takes_factors) packed_->pack_gates(kernel.data, recurrent_kernel.data);
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
  c.for_gradient = io.residuals.given();
  c.tape = c.for_gradient ? from(io.residuals, residual_size(config, 1, T_))
                          : from(io.tape, T_ * (config.gates() + config.states()) * H);
  for (int s = 0; s < config.states(); ++s) {
    c.initial_state[s] = from(io.initial_state[s], H);
    c.final_state[s] = from(io.final_state[s], H);
  }
  c.input_factors = from(io.input_factors, config.gates() * D);
  c.state_factors = from(io.state_factors, config.gates() * H);
  c.gate_kernels = gate_kernel_views;
  c.gate_recurrent_kernels = gate_recurrent_views;
  const std::ptrdiff_t row_bytes = config.gates() * H * static_cast<std::ptrdiff_t>(sizeof(T));
  c.block = io.input_factors.given() ? 0 : steps_ahead(c.rows, T_, row_bytes);
  c.members = 1;
  return c;
}

// Chunks of samples of which each takes all steps before the next one begins. Each panel reads the
// inputs and states of a whole chunk, which should not come from farther than the second cache. On
// the other hand each chunk reads all weights: where that holds fewer than 96 samples, nothing is
// gained (256 samples of 256 features and 512 units in chunks of 48: 1.03 to 1.15 times as long).
template <class T>
int Recurrent<T>::Packed::row_chunks(std::ptrdiff_t rows) const {
  constexpr std::ptrdiff_t kBytes = 256 << 10, kMin = 96;
  const std::ptrdiff_t elements = config.features + 2 * config.units;  // x, h, and the next h
  const std::ptrdiff_t most = kBytes / static_cast<std::ptrdiff_t>(sizeof(T)) / elements;
  return most < kMin || rows < 2 * kMin ? 1 : static_cast<int>((rows + most - 1) / most);
}

template <class T>
void Recurrent<T>::Packed::run_rows(const RecurrentIo<T>& io, std::ptrdiff_t first,
                                    std::ptrdiff_t last) const {
  const std::ptrdiff_t rows = last - first;
  const int chunks = row_chunks(rows);
  const auto boundary = [&](int i) { return first + core::row_boundary(rows, i, chunks); };
  for (int i = 0; i < chunks; ++i) {
    RecurrentCall<T> c = call(io, boundary(i), boundary(i + 1));
    const core::Workspace workspace(kernel->workspace_bytes(&c));
    c.workspace = workspace.data();
    kernel->run(&c);
  }
}

template <class T>
void Recurrent<T>::Packed::run_on_reference(const RecurrentIo<T>& io) const {
  const reference::Weights<T> weights = {plain_kernel.data(), plain_recurrent_kernel.data(),
                                         plain_bias.empty() ? nullptr : plain_bias.data()};
  reference::Layer<T>(config, weights).run(io);
}

// Both runs step by step in turn, on this thread. False, with nothing done, where that gains
// nothing.
template <class T>
bool Recurrent<T>::Packed::run_in_turn(const RecurrentIo<T>& io, const Packed& other,
                                       const RecurrentIo<T>& other_io) const {
  const auto equal = [](const Activation& a, const Activation& b) {
    return a.kind == b.kind && a.p0 == b.p0 && a.p1 == b.p1 && a.p2 == b.p2;
  };
  if (kernel != other.kernel || !equal(config.activation, other.config.activation) ||
      !equal(config.recurrent_activation, other.config.recurrent_activation))
    return false;
  RecurrentCall<T> c = call(io, 0, io.batch), other_c = other.call(other_io, 0, other_io.batch);
  if (!kernel->takes_turns(&c, &other_c)) return false;
  const std::size_t bytes = kernel->workspace_bytes(&c);
  const core::Workspace workspace(bytes + kernel->workspace_bytes(&other_c));
  c.workspace = workspace.data();
  other_c.workspace = static_cast<char*>(workspace.data()) + bytes;
  // One part: on this thread, which flushes subnormals meanwhile.
  core::in_parallel(1, 0, [&](int) { kernel->run_in_turn(&c, &other_c); });
  return true;
}

template <class T>
void Recurrent<T>::Packed::check(const RecurrentIo<T>& io) const {
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
  check_size_if_given("residuals", io.residuals, residual_size(config, io.batch, io.steps));
  core::check_factors(config, io);
  if (io.tape.given() && io.residuals.given())
    throw std::invalid_argument("residuals: received beside a tape, accepted is one of them");
  for (int s = 0; s < 2; ++s) {
    const std::ptrdiff_t expected = s < config.states() ? state : 0;
    check_size_if_given("initial_state", io.initial_state[s], expected);
    check_size_if_given("final_state", io.final_state[s], expected);
  }
}

template <class T>
double Recurrent<T>::Packed::work(const RecurrentIo<T>& io) const {
  return static_cast<double>(io.batch) * static_cast<double>(io.steps) *
         static_cast<double>(config.gates() * config.units) *
         static_cast<double>(config.features + config.units);
}

template <class T>
double Recurrent<T>::Packed::recurrent_work_of_step(const RecurrentIo<T>& io) const {
  return static_cast<double>(io.batch) * static_cast<double>(config.gates() * config.units) *
         static_cast<double>(config.units);
}

// One run, shared out to at most `threads` threads: by samples, or, when those are too few, by
// units, by a team.
template <class T>
class Recurrent<T>::SharedRun {
 public:
  SharedRun(const Packed& packed, const RecurrentIo<T>& io, int threads)
      : packed_(packed), io_(io), parts_(core::row_parts(io.batch, threads)) {
    // A barrier takes some 0.1 us, 0.3 when the processors are virtual: below this many
    // multiply-adds a member and step (3 us) a team was at times slower than one thread.
    constexpr double kMin = 64e3;
    // Two samples a thread use every weight twice; a single one leaves each thread to read them all
    // (lstm 2,50,256,256 by samples: 1.2 times as long). More samples by units were at times 0.8
    // and at times, with the steps of 96 units, 1.2 times as long.
    if (io.batch >= 2 * threads || io.input_factors.given() || io.state_factors.given()) return;
    const double members =
        std::min({static_cast<double>(threads), packed.recurrent_work_of_step(io) / kMin,
                  static_cast<double>(packed.panels())});
    if (members >= std::max(2, parts_)) gather_team(static_cast<int>(members));
  }

  int parts() const { return parts_; }
  // Whether all parts must run at the same time.
  bool is_team() const { return team_.has_value(); }

  void operator()(int part) {
    if (!team_) {
      const auto boundary = [this](int i) { return core::row_boundary(io_.batch, i, parts_); };
      return packed_.run_rows(io_, boundary(part), boundary(part + 1));
    }
    RecurrentCall<T> call = team_call_;
    call.member = part;
    packed_.kernel->run(&call);
  }

 private:
  void gather_team(int members) {
    parts_ = members;
    team_.emplace(members);
    team_call_ = packed_.call(io_, 0, io_.batch);
    team_call_.members = members;
    team_call_.team = &*team_;
    team_call_.barrier = [](void* team) { static_cast<core::Team*>(team)->barrier(); };
    workspace_ = core::make_aligned<char>(packed_.kernel->workspace_bytes(&team_call_));
    team_call_.workspace = workspace_.get();
  }

  const Packed& packed_;
  const RecurrentIo<T>& io_;
  int parts_;
  std::optional<core::Team> team_;
  core::AlignedArray<char> workspace_;  // the team's; core::Workspace is one thread's
  RecurrentCall<T> team_call_ = {};
};

template <class T>
void Recurrent<T>::run(const RecurrentIo<T>& io) const {
  packed_->check(io);
  if (packed_->runs_on_reference()) return packed_->run_on_reference(io);
  if (io.batch == 0) return;
  const double work = packed_->work(io);
  const int threads = core::threads_worth(work);
  if (threads > 1) {
    SharedRun run(*packed_, io, threads);
    if (!run.is_team()) return core::in_parallel(run.parts(), work, std::ref(run));
    if (core::together(run.parts(), std::ref(run))) return;
  }
  core::in_parallel(1, work, [&](int) { packed_->run_rows(io, 0, io.batch); });
}

template <class T>
void Recurrent<T>::run_both(const Recurrent& first, const RecurrentIo<T>& first_io,
                            const Recurrent& second, const RecurrentIo<T>& second_io) {
  const Packed &a = *first.packed_, &b = *second.packed_;
  a.check(first_io);
  b.check(second_io);
  const bool on_kernels = !a.runs_on_reference() && !b.runs_on_reference();
  // With more units, where another thread is free, two threads take 0.7 to 0.9 of that time.
  constexpr std::ptrdiff_t kInTurn = 8;
  if (on_kernels && (a.config.units <= kInTurn || get_num_threads() == 1) &&
      a.run_in_turn(first_io, b, second_io))
    return;
  // A step of a small layer takes some 80 ns, however little it multiplies: the time of that many
  // multiply-adds. Only here does another thread shorten it.
  constexpr double kStep = 2e3;
  const double steps = static_cast<double>(first_io.steps) + static_cast<double>(second_io.steps);
  const double work = a.work(first_io) + b.work(second_io);
  const int threads = core::threads_worth(work + steps * kStep);
  if (threads > 1 && on_kernels && first_io.batch > 0 && second_io.batch > 0) {
    // Each has half of the threads, and of their caches.
    SharedRun run_a(a, first_io, threads - threads / 2), run_b(b, second_io, threads / 2);
    const auto run_part = [&](int part) {
      part < run_a.parts() ? run_a(part) : run_b(part - run_a.parts());
    };
    const int parts = run_a.parts() + run_b.parts();
    // Directions alone, one part each, are the pool's: 0 is too little work for OpenMP.
    if (!run_a.is_team() && !run_b.is_team())
      return core::in_parallel(parts, parts > 2 ? work : 0, run_part);
    if (core::together(parts, run_part)) return;
  }
  first.run(first_io);
  second.run(second_io);
}

template class Recurrent<float>;
template class Recurrent<double>;

}  // namespace rnnext
