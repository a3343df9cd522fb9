// rnnext's C++ interface: the recurrent layers of Keras, and Dense, on plain arrays.
//
//   rnnext::RecurrentConfig config;
//   config.cell = rnnext::Cell::lstm;
//   config.features = 16;
//   config.units = 64;
//   rnnext::Recurrent<float> layer(config, {kernel, 16 * 256}, {recurrent, 64 * 256}, {bias, 256});
//   rnnext::RecurrentIo<float> io;
//   io.batch = 1;
//   io.steps = 100;
//   io.x = {x, 1 * 100 * 16};
//   io.last_output = {y, 1 * 64};
//   layer.run(io);
//
// Arrays are row-major, in Keras's layout, and stay the caller's. Every size is checked before a
// pointer moves; what does not fit throws std::invalid_argument. Layers are immutable: one may run
// in many threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rnnext/activation.h"
#include "rnnext/weight_type.h"

namespace rnnext {

// A borrowed array and its length; an empty one means "not given" or "not wanted".
template <class T>
struct Span {
  T* data = nullptr;
  std::ptrdiff_t size = 0;

  Span() = default;
  Span(T* data_, std::ptrdiff_t size_) : data(data_), size(size_) {}
  // A std::vector or another container of contiguous elements.
  template <class Container, class = decltype(std::data(std::declval<Container&>()))>
  Span(Container& from)
      : data(std::data(from)), size(static_cast<std::ptrdiff_t>(std::size(from))) {}
  bool given() const { return data != nullptr; }
};

enum class Cell { simple_rnn, lstm, gru };

struct RecurrentConfig {
  Cell cell = Cell::lstm;
  std::ptrdiff_t features = 0;  // D, the last axis of the input
  std::ptrdiff_t units = 0;     // H
  Activation activation{ActivationKind::tanh};
  Activation recurrent_activation{ActivationKind::sigmoid};  // not used by simple_rnn
  bool reset_after = true;                                   // gru only
  // Whether runs may be given factors of inputs and states, as dropout does. The kernels are then
  // packed gate by gate, too.
  bool takes_factors = false;

  // Columns of the kernels: 1 gate of simple_rnn, lstm's i, f, c, o, gru's z, r, h.
  std::ptrdiff_t gates() const { return cell == Cell::simple_rnn ? 1 : cell == Cell::lstm ? 4 : 3; }
  int states() const { return cell == Cell::lstm ? 2 : 1; }
  std::ptrdiff_t bias_size() const {
    return gates() * units * (cell == Cell::gru && reset_after ? 2 : 1);
  }
};

// What one run reads and writes. Outputs that are not given are not computed.
template <class T>
struct RecurrentIo {
  std::ptrdiff_t batch = 0, steps = 0;
  bool go_backwards = false;  // outputs stay in the order of processing, as in Keras
  bool zero_output_for_mask = false;

  Span<const T> x;                 // (batch, steps, features)
  Span<const std::uint8_t> mask;   // (batch, steps), 0: the step is skipped; none: all steps count
  Span<const T> initial_state[2];  // h, and lstm's c: (batch, units); none: zeros
  // What a gate's product takes its input and its state times, at every step the same: (batch,
  // gates, features) and (batch, gates, units); none: ones. Where gru without reset_after resets
  // the state for its candidate, it is the state times the factors that is reset.
  Span<const T> input_factors, state_factors;

  Span<T> sequence;        // (batch, steps, units): the output of every step
  Span<T> last_output;     // (batch, units)
  Span<T> final_state[2];  // (batch, units)
  // (batch, steps, gates + states, units): the activated gates and then the states after each step.
  // Places of masked steps are left as they were.
  Span<T> tape;
  // What RecurrentGradient reads: residual_size(config, batch, steps) elements, in a layout of its
  // own. Not together with a tape.
  Span<T> residuals;
};

// Elements of RecurrentIo::residuals. Throws std::invalid_argument where that overflows.
std::ptrdiff_t residual_size(const RecurrentConfig& config, std::ptrdiff_t batch,
                             std::ptrdiff_t steps);

// A SimpleRNN, LSTM or GRU layer with its weights packed for one instruction set. T: float, double.
template <class T>
class Recurrent {
 public:
  // kernel (features, gates * units), recurrent_kernel (units, gates * units), bias none, or
  // (gates * units), or for gru with reset_after (2, gates * units). The arrays are copied.
  // isa: one of available_isas(); empty: isa(). weights: how the two kernels are stored.
  // Throws std::invalid_argument.
  Recurrent(const RecurrentConfig& config, Span<const T> kernel, Span<const T> recurrent_kernel,
            Span<const T> bias, const std::string& isa = "", WeightType weights = WeightType::full);
  ~Recurrent();
  Recurrent(Recurrent&&) noexcept;
  Recurrent& operator=(Recurrent&&) noexcept;

  // Throws std::invalid_argument when an array's size does not fit, std::bad_alloc.
  void run(const RecurrentIo<T>& io) const;

  // first.run(first_io) and second.run(second_io), at the same time if there are threads for it:
  // the two directions of a bidirectional layer. Neither may read what the other writes.
  static void run_both(const Recurrent& first, const RecurrentIo<T>& first_io,
                       const Recurrent& second, const RecurrentIo<T>& second_io);

  const RecurrentConfig& config() const;
  const char* isa() const;

 private:
  struct Packed;
  class SharedRun;
  std::unique_ptr<Packed> packed_;
};

// What one backward pass reads and writes. Gradients of outputs that are not given are zero;
// gradients that are not given are not computed.
template <class T>
struct RecurrentGradientIo {
  // As the forward pass was called.
  std::ptrdiff_t batch = 0, steps = 0;
  bool go_backwards = false;
  bool zero_output_for_mask = false;
  Span<const T> x;
  Span<const std::uint8_t> mask;
  Span<const T> initial_state[2];
  Span<const T> input_factors, state_factors;
  Span<const T> residuals;  // which it wrote

  Span<const T> d_sequence;        // (batch, steps, units)
  Span<const T> d_last_output;     // (batch, units)
  Span<const T> d_final_state[2];  // (batch, units)

  Span<T> d_x;                 // (batch, steps, features)
  Span<T> d_kernel;            // (features, gates * units)
  Span<T> d_recurrent_kernel;  // (units, gates * units)
  Span<T> d_bias;              // as the bias
  Span<T> d_initial_state[2];  // (batch, units)

  // gradient_scratch_size(config, batch, steps) elements to work in; none: memory of the call's
  // own.
  Span<T> scratch;
};

std::ptrdiff_t gradient_scratch_size(const RecurrentConfig& config, std::ptrdiff_t batch,
                                     std::ptrdiff_t steps);

// The backward pass of a Recurrent<T> of the same weights. Gradients have the same bits on any
// number of threads.
template <class T>
class RecurrentGradient {
 public:
  // As Recurrent's. The arrays are copied.
  RecurrentGradient(const RecurrentConfig& config, Span<const T> kernel,
                    Span<const T> recurrent_kernel, Span<const T> bias,
                    const std::string& isa = "");
  ~RecurrentGradient();
  RecurrentGradient(RecurrentGradient&&) noexcept;
  RecurrentGradient& operator=(RecurrentGradient&&) noexcept;

  // Throws std::invalid_argument when an array's size does not fit, std::bad_alloc.
  void run(const RecurrentGradientIo<T>& io) const;

  const RecurrentConfig& config() const;
  const char* isa() const;

 private:
  struct Packed;
  std::unique_ptr<Packed> packed_;
};

// out (k, columns) += a' b for a (rows, k) and b (rows, columns): the gradient of a kernel from its
// inputs and the gradients of its sums. The same bits on any number of threads.
template <class T>
void add_outer_product(std::ptrdiff_t rows, std::ptrdiff_t k, std::ptrdiff_t columns,
                       Span<const T> a, Span<const T> b, Span<T> out, const std::string& isa = "");

// Rows that may overlap, as those that a convolution over time multiplies: window i of sample n
// begins at element n * sample_stride + i * stride of an array.
struct Windows {
  std::ptrdiff_t samples, count, sample_stride, stride;
};

// y = activation(x @ kernel + bias); the bits of a row do not depend on the rows around it.
template <class T>
class Dense {
 public:
  // kernel (features, units), bias (units) or none. The arrays are copied.
  Dense(std::ptrdiff_t features, std::ptrdiff_t units, const Activation& activation,
        Span<const T> kernel, Span<const T> bias, const std::string& isa = "",
        WeightType weights = WeightType::full);
  ~Dense();
  Dense(Dense&&) noexcept;
  Dense& operator=(Dense&&) noexcept;

  // x (rows, features), y (rows, units); they must not overlap.
  void run(std::ptrdiff_t rows, Span<const T> x, Span<T> y) const;
  // The same for windows of x; y (samples * count, units).
  void run(const Windows& windows, Span<const T> x, Span<T> y) const;

  std::ptrdiff_t features() const;
  std::ptrdiff_t units() const;
  const char* isa() const;

 private:
  struct Packed;
  std::unique_ptr<Packed> packed_;
};

// y = activation(x) over (rows, n); softmax, log_softmax and sparsemax work along n. y may be x.
template <class T>
void activate(const Activation& activation, std::ptrdiff_t rows, std::ptrdiff_t n, Span<const T> x,
              Span<T> y, const std::string& isa = "");

// out = the gradient of x from the gradient d of y = activate(x), all (rows, n); row-wise kinds
// along n. x may be none where needs_sum() of the kind is false. out may be d.
template <class T>
void differentiate(const Activation& activation, std::ptrdiff_t rows, std::ptrdiff_t n,
                   Span<const T> x, Span<const T> y, Span<const T> d, Span<T> out,
                   const std::string& isa = "");

// y = (x - mean) * factor + offset over (rows, n); mean, factor and offset: (n). y may be x.
template <class T>
void normalize(std::ptrdiff_t rows, std::ptrdiff_t n, Span<const T> x, Span<const T> mean,
               Span<const T> factor, Span<const T> offset, Span<T> y);

// ---- instruction set ----------------------------------------------------------------------------

// The instruction sets that this build holds and this processor and operating system run, best
// last: "sse2", "avx2", "avx512" on x86-64, "neon" on aarch64, "generic" elsewhere.
std::vector<std::string> available_isas();
// The one that new layers use: the best, or what RNNEXT_ISA in the environment or set_isa() names.
std::string isa();
// Throws std::invalid_argument for a name that is not available.
void set_isa(const std::string& name);

// ---- threads ------------------------------------------------------------------------------------

// More threads than this are a mistake.
constexpr int kMaxThreads = 1024;

// Threads that one call may use: the number that was set, or fewer where OpenMP was told so
// (omp_set_num_threads, OMP_THREAD_LIMIT).
int get_num_threads();
// The number that was set; initially OMP_NUM_THREADS of the environment, or the processors that the
// process may use.
int get_num_threads_setting();
// Throws std::invalid_argument unless 1 <= n <= kMaxThreads.
void set_num_threads(int n);

// Who shares out long loops over samples: "openmp" where the library is built with it, or "pool",
// which runs everything else, too. Initially RNNEXT_THREADING of the environment, or "openmp". A
// forked child has "pool", whatever was set.
std::string threading();
// Throws std::invalid_argument for a name that this build has not.
void set_threading(const std::string& name);

const char* version();

}  // namespace rnnext
