// The specification: every recurrent cell as plain scalar loops, in double.
//
// Each fast kernel is tested against this on every instruction set. It also runs the layers whose
// activation mixes the units of a row (softmax, log_softmax, sparsemax), which no vector of units
// can do alone. One sample at a time, so batch size and threads cannot matter; the state is rounded
// to T after each step, so it does not matter where a sequence is cut.
#pragma once

#include <vector>

#include "core/reference_activations.h"
#include "rnnext/rnnext.h"

namespace rnnext::reference {

// Weights in Keras's layout, not owned. bias may be nullptr.
template <class T>
struct Weights {
  const T* kernel;            // (features, gates * units)
  const T* recurrent_kernel;  // (units, gates * units)
  const T* bias;              // (gates * units), gru with reset_after: (2, gates * units)
};

inline void activate(const Activation& activation, double* row, std::ptrdiff_t n) {
  if (is_row_wise(activation.kind)) return activate_row(activation, row, n);
  for (std::ptrdiff_t i = 0; i < n; ++i) row[i] = activate(activation, row[i]);
}

// What a sample's operands are taken times, (gates, features) and (gates, units); nullptr: ones.
template <class T>
struct Factors {
  const T *input = nullptr, *state = nullptr;

  Factors() = default;
  template <class Io>
  Factors(const RecurrentConfig& config, const Io& io, std::ptrdiff_t b) {
    const auto of_sample = [&](const Span<const T>& all, std::ptrdiff_t depth) {
      return all.given() ? all.data + b * config.gates() * depth : nullptr;
    };
    input = of_sample(io.input_factors, config.features);
    state = of_sample(io.state_factors, config.units);
  }
};

template <class T>
double factor(const T* factors, std::ptrdiff_t gate, std::ptrdiff_t k, std::ptrdiff_t depth) {
  return factors ? static_cast<double>(factors[gate * depth + k]) : 1;
}

template <class T>
class Layer {
  using Row = std::vector<double>;

 public:
  Layer(const RecurrentConfig& config, const Weights<T>& weights)
      : config_(config),
        weights_(weights),
        H(config.units),
        columns_(config.gates() * config.units) {}

  // The caller has checked every size of `io`.
  void run(const RecurrentIo<T>& io) const {
    for (std::ptrdiff_t b = 0; b < io.batch; ++b) run_sample(io, b);
  }

 private:
  void run_sample(const RecurrentIo<T>& io, std::ptrdiff_t b) const {
    Row h = initial(io.initial_state[0], b), c = initial(io.initial_state[1], b);
    Row output(H, 0.0);  // what a masked step repeats
    const Factors<T> factors(config_, io, b);
    for (std::ptrdiff_t t = 0; t < io.steps; ++t) {
      const std::ptrdiff_t time = io.go_backwards ? io.steps - 1 - t : t;
      if (!io.mask.given() || io.mask.data[b * io.steps + time]) {
        Row gates = step(io.x.data + (b * io.steps + time) * config_.features, h, c, factors);
        round(h);
        round(c);
        output = h;
        if (io.tape.given()) record(io, b * io.steps + t, gates, h, c);
      } else if (io.zero_output_for_mask) {
        output.assign(H, 0.0);
      }
      if (io.sequence.given()) put(output, io.sequence.data + (b * io.steps + t) * H);
    }
    if (io.last_output.given()) put(output, io.last_output.data + b * H);
    if (io.final_state[0].given()) put(h, io.final_state[0].data + b * H);
    if (io.final_state[1].given()) put(c, io.final_state[1].data + b * H);
  }

  // The gates in Keras's order, activated, and h and c after one step of x (features).
  Row step(const T* x, Row& h, Row& c, const Factors<T>& factors) const {
    switch (config_.cell) {
      case Cell::simple_rnn:
        return step_simple_rnn(x, h, factors);
      case Cell::lstm:
        return step_lstm(x, h, c, factors);
      case Cell::gru:
        break;
    }
    return config_.reset_after ? step_gru_reset_after(x, h, factors)
                               : step_gru_reset_before(x, h, factors);
  }

  // h' = act(b + x @ W + h @ U)
  Row step_simple_rnn(const T* x, Row& h, const Factors<T>& factors) const {
    Row z = bias(0);
    add_product(z, x, factors.input, weights_.kernel, config_.features, 0, H);
    add_product(z, h.data(), factors.state, weights_.recurrent_kernel, H, 0, H);
    act(z, 0);
    h = z;
    return z;
  }

  // i, f, o = rec(.);  g = act(.);  c' = f * c + i * g;  h' = o * act(c')
  Row step_lstm(const T* x, Row& h, Row& c, const Factors<T>& factors) const {
    Row z = bias(0);
    add_product(z, x, factors.input, weights_.kernel, config_.features, 0, 4 * H);
    add_product(z, h.data(), factors.state, weights_.recurrent_kernel, H, 0, 4 * H);
    rec(z, 0);
    rec(z, 1);
    act(z, 2);
    rec(z, 3);
    for (std::ptrdiff_t u = 0; u < H; ++u) c[u] = z[H + u] * c[u] + z[u] * z[2 * H + u];
    Row squashed = c;
    act(squashed, 0);
    for (std::ptrdiff_t u = 0; u < H; ++u) h[u] = z[3 * H + u] * squashed[u];
    return z;
  }

  // u, r = rec(.);  g = act(x_h + r * (h @ U_h + b_h));  h' = u * h + (1 - u) * g
  Row step_gru_reset_after(const T* x, Row& h, const Factors<T>& factors) const {
    Row z = bias(0), recurrent = bias(1);
    add_product(z, x, factors.input, weights_.kernel, config_.features, 0, 3 * H);
    add_product(recurrent, h.data(), factors.state, weights_.recurrent_kernel, H, 0, 3 * H);
    for (std::ptrdiff_t u = 0; u < 2 * H; ++u) z[u] += recurrent[u];
    rec(z, 0);
    rec(z, 1);
    for (std::ptrdiff_t u = 0; u < H; ++u) z[2 * H + u] += z[H + u] * recurrent[2 * H + u];
    act(z, 2);
    interpolate(z, h);
    return z;
  }

  // u, r = rec(.);  g = act(x_h + (r * h) @ U_h);  h' = u * h + (1 - u) * g
  Row step_gru_reset_before(const T* x, Row& h, const Factors<T>& factors) const {
    Row z = bias(0);
    add_product(z, x, factors.input, weights_.kernel, config_.features, 0, 3 * H);
    add_product(z, h.data(), factors.state, weights_.recurrent_kernel, H, 0, 2 * H);
    rec(z, 0);
    rec(z, 1);
    Row reset_h(H);
    for (std::ptrdiff_t u = 0; u < H; ++u) reset_h[u] = z[H + u] * h[u];
    add_product(z, reset_h.data(), factors.state, weights_.recurrent_kernel, H, 2 * H, 3 * H);
    act(z, 2);
    interpolate(z, h);
    return z;
  }

  void interpolate(const Row& z, Row& h) const {
    for (std::ptrdiff_t u = 0; u < H; ++u) h[u] = z[u] * h[u] + (1 - z[u]) * z[2 * H + u];
  }

  // z[first, last) += row @ matrix[:, first:last], the row times the factors of a column's gate
  template <class R>
  void add_product(Row& z, const R* row, const T* factors, const T* matrix, std::ptrdiff_t depth,
                   std::ptrdiff_t first, std::ptrdiff_t last) const {
    for (std::ptrdiff_t k = 0; k < depth; ++k)
      for (std::ptrdiff_t n = first; n < last; ++n)
        z[n] += static_cast<double>(row[k]) * factor(factors, n / H, k, depth) *
                static_cast<double>(matrix[k * columns_ + n]);
  }

  void act(Row& z, std::ptrdiff_t gate) const {
    activate(config_.activation, z.data() + gate * H, H);
  }
  void rec(Row& z, std::ptrdiff_t gate) const {
    activate(config_.recurrent_activation, z.data() + gate * H, H);
  }

  Row bias(std::ptrdiff_t row) const {
    if (!weights_.bias) return Row(columns_, 0.0);
    return Row(weights_.bias + row * columns_, weights_.bias + (row + 1) * columns_);
  }

  Row initial(const Span<const T>& state, std::ptrdiff_t b) const {
    if (!state.given()) return Row(H, 0.0);
    return Row(state.data + b * H, state.data + (b + 1) * H);
  }

  static void round(Row& row) {
    for (double& value : row) value = static_cast<T>(value);
  }
  static void put(const Row& row, T* out) {
    for (const double value : row) *out++ = static_cast<T>(value);
  }

  void record(const RecurrentIo<T>& io, std::ptrdiff_t step, const Row& gates, const Row& h,
              const Row& c) const {
    T* out = io.tape.data + step * (config_.gates() + config_.states()) * H;
    put(gates, out);
    put(h, out + columns_);
    if (config_.states() == 2) put(c, out + columns_ + H);
  }

  const RecurrentConfig& config_;
  const Weights<T> weights_;
  const std::ptrdiff_t H, columns_;
};

}  // namespace rnnext::reference
