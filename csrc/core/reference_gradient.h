// The specification of the backward pass: backpropagation through time of every cell, as plain
// scalar loops in double.
//
// It takes a forward pass of its own, step by step as reference.h writes it, keeps what every step
// saw, and goes back over the steps. Each fast kernel is tested against it, and it runs the layers
// whose activation mixes the units of a row.
#pragma once

#include <vector>

#include "core/reference.h"
#include "core/reference_derivatives.h"

namespace rnnext::reference {

template <class T>
class LayerGradient {
  using Row = std::vector<double>;

  // One step that counts: what it read and the sums that its activations saw.
  struct Step {
    std::ptrdiff_t t, time;  // in order of processing, and of the input
    Row h, c;                // the states before
    Row sums, values;        // (gates * units)
    Row recurrent;           // gru with reset_after: h @ U_h + b_h
    Row new_c;
  };

 public:
  LayerGradient(const RecurrentConfig& config, const Weights<T>& weights)
      : config_(config),
        weights_(weights),
        H(config.units),
        D(config.features),
        columns_(config.gates() * config.units) {}

  // The caller has checked every size of `io`.
  void run(const RecurrentGradientIo<T>& io) {
    d_kernel_.assign(D * columns_, 0.0);
    d_recurrent_.assign(H * columns_, 0.0);
    d_bias_.assign(2 * columns_, 0.0);
    for (std::ptrdiff_t b = 0; b < io.batch; ++b) run_sample(io, b);
    put(d_kernel_, io.d_kernel);
    put(d_recurrent_, io.d_recurrent_kernel);
    put(d_bias_, io.d_bias);
  }

 private:
  void run_sample(const RecurrentGradientIo<T>& io, std::ptrdiff_t b) {
    Row h = initial(io.initial_state[0], b), c = initial(io.initial_state[1], b);
    factors_ = Factors<T>(config_, io, b);
    const std::vector<Step> steps = forward(io, b, h, c);
    Row dh = output_gradient(io.d_final_state[0], b), dc = output_gradient(io.d_final_state[1], b);
    const bool ended = io.steps > 0 && is_active(io, b, io.steps - 1);
    if (ended || (!steps.empty() && !io.zero_output_for_mask)) add(dh, io.d_last_output, b * H);
    clear_input(io, b);
    std::ptrdiff_t t = io.steps - 1;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      // The masked steps after it repeat its output.
      for (; t >= step->t; --t)
        if (t == step->t || !io.zero_output_for_mask)
          add(dh, io.d_sequence, (b * io.steps + t) * H);
      back(io, b, *step, dh, dc);
    }
    if (io.d_initial_state[0].given()) put_row(dh, io.d_initial_state[0].data + b * H);
    if (io.d_initial_state[1].given()) put_row(dc, io.d_initial_state[1].data + b * H);
  }

  static bool is_active(const RecurrentGradientIo<T>& io, std::ptrdiff_t b, std::ptrdiff_t t) {
    const std::ptrdiff_t time = io.go_backwards ? io.steps - 1 - t : t;
    return !io.mask.given() || io.mask.data[b * io.steps + time];
  }

  std::vector<Step> forward(const RecurrentGradientIo<T>& io, std::ptrdiff_t b, Row& h,
                            Row& c) const {
    std::vector<Step> steps;
    for (std::ptrdiff_t t = 0; t < io.steps; ++t) {
      if (!is_active(io, b, t)) continue;
      Step step;
      step.t = t;
      step.time = io.go_backwards ? io.steps - 1 - t : t;
      step.h = h;
      step.c = c;
      take(step, input(io, b, step.time), h, c);
      round(h);
      round(c);
      step.new_c = c;
      steps.push_back(step);
    }
    return steps;
  }

  const T* input(const RecurrentGradientIo<T>& io, std::ptrdiff_t b, std::ptrdiff_t time) const {
    return io.x.data + (b * io.steps + time) * D;
  }

  // ---- forward: reference.h's formulas, with the sums kept -------------------------------------

  void take(Step& step, const T* x, Row& h, Row& c) const {
    step.sums = bias(0);
    add_product(step.sums, x, factors_.input, weights_.kernel, D, 0, columns_);
    if (config_.cell == Cell::gru) return take_gru(step, h);
    add_product(step.sums, step.h.data(), factors_.state, weights_.recurrent_kernel, H, 0,
                columns_);
    step.values = step.sums;
    if (config_.cell == Cell::simple_rnn) {
      act(step.values, 0);
      h = step.values;
      return;
    }
    for (const int gate : {0, 1, 3}) rec(step.values, gate);
    act(step.values, 2);
    const double* z = step.values.data();
    for (std::ptrdiff_t u = 0; u < H; ++u) c[u] = z[H + u] * c[u] + z[u] * z[2 * H + u];
    Row squashed = c;
    act(squashed, 0);
    for (std::ptrdiff_t u = 0; u < H; ++u) h[u] = z[3 * H + u] * squashed[u];
  }

  void take_gru(Step& step, Row& h) const {
    Row& z = step.values;
    if (config_.reset_after) {
      step.recurrent = bias(1);
      add_product(step.recurrent, step.h.data(), factors_.state, weights_.recurrent_kernel, H, 0,
                  columns_);
      for (std::ptrdiff_t u = 0; u < 2 * H; ++u) step.sums[u] += step.recurrent[u];
    } else {
      add_product(step.sums, step.h.data(), factors_.state, weights_.recurrent_kernel, H, 0, 2 * H);
    }
    z = step.sums;
    rec(z, 0);
    rec(z, 1);
    if (config_.reset_after) {
      for (std::ptrdiff_t u = 0; u < H; ++u) z[2 * H + u] += z[H + u] * step.recurrent[2 * H + u];
    } else {
      Row reset_h(H);
      for (std::ptrdiff_t u = 0; u < H; ++u) reset_h[u] = z[H + u] * step.h[u];
      add_product(z, reset_h.data(), factors_.state, weights_.recurrent_kernel, H, 2 * H, 3 * H);
    }
    std::copy(z.begin() + 2 * H, z.end(), step.sums.begin() + 2 * H);
    act(z, 2);
    for (std::ptrdiff_t u = 0; u < H; ++u) h[u] = z[u] * step.h[u] + (1 - z[u]) * z[2 * H + u];
  }

  // ---- backward
  // ----------------------------------------------------------------------------------

  // dh and dc, the gradients of the states after a step, become those of the states before.
  void back(const RecurrentGradientIo<T>& io, std::ptrdiff_t b, const Step& step, Row& dh,
            Row& dc) {
    switch (config_.cell) {
      case Cell::simple_rnn:
        return back_simple_rnn(io, b, step, dh);
      case Cell::lstm:
        return back_lstm(io, b, step, dh, dc);
      case Cell::gru:
        return back_gru(io, b, step, dh);
    }
  }

  void back_simple_rnn(const RecurrentGradientIo<T>& io, std::ptrdiff_t b, const Step& step,
                       Row& dh) {
    Row dz = dh;
    un_act(step, dz, 0);
    from_input(io, b, step, dz);
    dh = from_state(step.h, dz, 0, columns_);
  }

  // dc' = dc + dh o act'(c');  di = dc' g, df = dc' c, dg = dc' i, do = dh act(c');  dc = dc' f
  void back_lstm(const RecurrentGradientIo<T>& io, std::ptrdiff_t b, const Step& step, Row& dh,
                 Row& dc) {
    const double* z = step.values.data();
    Row squashed = step.new_c, carry(H), dz(columns_);
    act(squashed, 0);
    for (std::ptrdiff_t u = 0; u < H; ++u) carry[u] = dh[u] * z[3 * H + u];
    differentiate_row(config_.activation, step.new_c.data(), carry.data(), H);
    for (std::ptrdiff_t u = 0; u < H; ++u) {
      dc[u] += carry[u];
      dz[u] = dc[u] * z[2 * H + u];
      dz[H + u] = dc[u] * step.c[u];
      dz[2 * H + u] = dc[u] * z[u];
      dz[3 * H + u] = dh[u] * squashed[u];
      dc[u] *= z[H + u];
    }
    for (const int gate : {0, 1, 3}) un_rec(step, dz, gate);
    un_act(step, dz, 2);
    from_input(io, b, step, dz);
    dh = from_state(step.h, dz, 0, columns_);
  }

  // du = dh (h - g), dg = dh (1 - u), dr = dg times what r multiplies;  dh = dh u + ...
  void back_gru(const RecurrentGradientIo<T>& io, std::ptrdiff_t b, const Step& step, Row& dh) {
    const double* z = step.values.data();
    Row dz(columns_), before(H);
    for (std::ptrdiff_t u = 0; u < H; ++u) {
      dz[u] = dh[u] * (step.h[u] - z[2 * H + u]);
      dz[2 * H + u] = dh[u] * (1 - z[u]);
      before[u] = dh[u] * z[u];
    }
    un_rec(step, dz, 0);
    un_act(step, dz, 2);
    Row recurrent_dz;
    if (config_.reset_after) {
      for (std::ptrdiff_t u = 0; u < H; ++u) dz[H + u] = dz[2 * H + u] * step.recurrent[2 * H + u];
      un_rec(step, dz, 1);
      recurrent_dz = dz;
      for (std::ptrdiff_t u = 0; u < H; ++u) recurrent_dz[2 * H + u] *= z[H + u];
      dh = from_state(step.h, recurrent_dz, 0, columns_);
      for (std::ptrdiff_t n = 0; n < columns_; ++n) d_bias_[columns_ + n] += recurrent_dz[n];
    } else {
      Row reset_h(H);
      for (std::ptrdiff_t u = 0; u < H; ++u) reset_h[u] = z[H + u] * step.h[u];
      const Row d_reset = from_state(reset_h, dz, 2 * H, 3 * H);
      for (std::ptrdiff_t u = 0; u < H; ++u) {
        dz[H + u] = d_reset[u] * step.h[u];
        before[u] += d_reset[u] * z[H + u];
      }
      un_rec(step, dz, 1);
      dh = from_state(step.h, dz, 0, 2 * H);
    }
    for (std::ptrdiff_t u = 0; u < H; ++u) dh[u] += before[u];
    from_input(io, b, step, dz);
  }

  // What the product of the input gives its kernel, the bias and the input.
  void from_input(const RecurrentGradientIo<T>& io, std::ptrdiff_t b, const Step& step,
                  const Row& dz) {
    const T* x = input(io, b, step.time);
    for (std::ptrdiff_t n = 0; n < columns_; ++n) d_bias_[n] += dz[n];
    for (std::ptrdiff_t k = 0; k < D; ++k) {
      double sum = 0;
      for (std::ptrdiff_t n = 0; n < columns_; ++n) {
        const double d = dz[n] * factor(factors_.input, n / H, k, D);
        d_kernel_[k * columns_ + n] += static_cast<double>(x[k]) * d;
        sum += d * static_cast<double>(weights_.kernel[k * columns_ + n]);
      }
      if (io.d_x.given()) io.d_x.data[(b * io.steps + step.time) * D + k] = static_cast<T>(sum);
    }
  }

  // What the product of a state gives columns [first, last) of its kernel, and the state.
  Row from_state(const Row& state, const Row& dz, std::ptrdiff_t first, std::ptrdiff_t last) {
    Row d(H, 0.0);
    for (std::ptrdiff_t k = 0; k < H; ++k)
      for (std::ptrdiff_t n = first; n < last; ++n) {
        const double d_sum = dz[n] * factor(factors_.state, n / H, k, H);
        d_recurrent_[k * columns_ + n] += state[k] * d_sum;
        d[k] += d_sum * static_cast<double>(weights_.recurrent_kernel[k * columns_ + n]);
      }
    return d;
  }

  void clear_input(const RecurrentGradientIo<T>& io, std::ptrdiff_t b) const {
    if (!io.d_x.given()) return;
    T* row = io.d_x.data + b * io.steps * D;
    std::fill(row, row + io.steps * D, T(0));
  }

  // ---- pieces -----------------------------------------------------------------------------------

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
  void un_act(const Step& step, Row& dz, std::ptrdiff_t gate) const {
    differentiate_row(config_.activation, step.sums.data() + gate * H, dz.data() + gate * H, H);
  }
  void un_rec(const Step& step, Row& dz, std::ptrdiff_t gate) const {
    differentiate_row(config_.recurrent_activation, step.sums.data() + gate * H,
                      dz.data() + gate * H, H);
  }

  Row bias(std::ptrdiff_t row) const {
    if (!weights_.bias) return Row(columns_, 0.0);
    return Row(weights_.bias + row * columns_, weights_.bias + (row + 1) * columns_);
  }

  Row initial(const Span<const T>& state, std::ptrdiff_t b) const {
    if (!state.given()) return Row(H, 0.0);
    return Row(state.data + b * H, state.data + (b + 1) * H);
  }
  Row output_gradient(const Span<const T>& d, std::ptrdiff_t b) const { return initial(d, b); }

  void add(Row& row, const Span<const T>& d, std::ptrdiff_t at) const {
    if (!d.given()) return;
    for (std::ptrdiff_t u = 0; u < H; ++u) row[u] += static_cast<double>(d.data[at + u]);
  }

  static void round(Row& row) {
    for (double& value : row) value = static_cast<T>(value);
  }
  static void put_row(const Row& row, T* out) {
    for (const double value : row) *out++ = static_cast<T>(value);
  }
  static void put(const Row& sums, const Span<T>& out) {
    for (std::ptrdiff_t i = 0; i < out.size; ++i) out.data[i] = static_cast<T>(sums[i]);
  }

  const RecurrentConfig& config_;
  const Weights<T> weights_;
  const std::ptrdiff_t H, D, columns_;
  Factors<T> factors_;  // those of the present sample
  Row d_kernel_, d_recurrent_, d_bias_;
};

}  // namespace rnnext::reference
