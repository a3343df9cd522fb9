// The derivative of every activation as one plain formula in double: the specification that the
// kernels' derivatives are tested against. Where an activation has a corner, the derivative there
// is the one that TensorFlow takes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "core/reference_activations.h"

namespace rnnext::reference {

// d activate(x) / dx, for any kind that is not row-wise.
inline double derivative(const Activation& activation, double x) {
  const double p0 = activation.p0, p1 = activation.p1, p2 = activation.p2;
  const double y = activate(activation, x);
  switch (activation.kind) {
    case ActivationKind::linear:
      return 1;
    case ActivationKind::relu:
      if (x > p2) return x < p1 ? 1 : 0;
      return p0;
    case ActivationKind::elu:
      return x > 0 ? 1 : y + p0;
    case ActivationKind::selu:
      return x > 0 ? 1.0507009873554804934 : y + 1.7580993408473768600;
    case ActivationKind::celu:
      return x > 0 ? 1 : std::exp(x / p0);
    case ActivationKind::gelu:
      return normal_cdf(x) + x * 0.39894228040143267794 * std::exp(-x * x / 2);
    case ActivationKind::gelu_tanh: {
      const double linear = 1.5957691216057307118, cubic = 0.071354816272600247793;
      const double s = sigmoid(x * (linear + cubic * x * x));
      return s + x * s * (1 - s) * (linear + 3 * cubic * x * x);
    }
    case ActivationKind::silu: {
      const double s = sigmoid(x);
      return s + x * s * (1 - s);
    }
    case ActivationKind::mish: {
      const double t = std::tanh(softplus(x));
      return t + x * (1 - t * t) * sigmoid(x);
    }
    case ActivationKind::softplus:
      return sigmoid(x);
    case ActivationKind::softsign:
      return 1 / ((1 + std::abs(x)) * (1 + std::abs(x)));
    case ActivationKind::hard_sigmoid:
      return y > 0 && y < 1 ? p0 : 0;
    case ActivationKind::hard_silu: {
      const double inner = clip(x + 3, 0.0, 6.0);
      return (inner + (inner > 0 && inner < 6 ? x : 0)) / 6;
    }
    case ActivationKind::hard_tanh:
      return y > -1 && y < 1 ? 1 : 0;
    case ActivationKind::hard_shrink:
      return std::abs(x) > p0 ? 1 : 0;
    case ActivationKind::soft_shrink:
      return x > p0 || x < -p0 ? 1 : 0;
    case ActivationKind::tanh_shrink:
      return std::tanh(x) * std::tanh(x);
    case ActivationKind::threshold:
      return x > p0 ? 1 : 0;
    case ActivationKind::squareplus:
      return (1 + x / std::sqrt(x * x + p0)) / 2;
    case ActivationKind::sparse_plus:
      return x <= -1 ? 0 : x < 1 ? (x + 1) / 2 : 1;
    case ActivationKind::sparse_sigmoid:
      return x <= -1 || x >= 1 ? 0 : 0.5;
    case ActivationKind::log_sigmoid:
      return sigmoid(-x);
    case ActivationKind::exponential:
      return y;
    case ActivationKind::sigmoid:
      return y * (1 - y);
    case ActivationKind::tanh:
      return 1 - y * y;
    case ActivationKind::softmax:
    case ActivationKind::log_softmax:
    case ActivationKind::sparsemax:
      break;  // row-wise: differentiate_row
  }
  return std::numeric_limits<double>::quiet_NaN();
}

// tau of sparsemax_row weighs the i-th largest element of the support of k by (k - i) / k if it is
// made of cumulative sums, else by 1 / k.
inline void differentiate_sparsemax(bool sum_of_cumulative_sums, const double* y, double* d,
                                    const double* x, std::ptrdiff_t n) {
  std::vector<std::ptrdiff_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return x[a] > x[b]; });
  std::ptrdiff_t support = 0;
  double cumulative = 0, shown = 0;
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    cumulative += x[order[static_cast<std::size_t>(i)]];
    if (x[order[static_cast<std::size_t>(i)]] - (cumulative - 1) / static_cast<double>(i + 1) > 0)
      support = i + 1;
    if (y[i] > 0) shown += d[i];
  }
  for (std::ptrdiff_t i = 0; i < n; ++i)
    if (!(y[i] > 0)) d[i] = 0;
  const double k = static_cast<double>(support);
  for (std::ptrdiff_t i = 0; i < support; ++i) {
    const double weight = sum_of_cumulative_sums ? k - static_cast<double>(i) : 1;
    d[order[static_cast<std::size_t>(i)]] -= shown * weight / k;
  }
}

// d (n), the gradient of a row's values y = activate_row(x), becomes that of its sums x.
inline void differentiate_row(const Activation& activation, const double* x, double* d,
                              std::ptrdiff_t n) {
  std::vector<double> y(x, x + n);
  activate_row(activation, y.data(), n);
  double sum = 0;
  switch (activation.kind) {
    case ActivationKind::softmax:
      for (std::ptrdiff_t i = 0; i < n; ++i) sum += d[i] * y[i];
      for (std::ptrdiff_t i = 0; i < n; ++i) d[i] = y[i] * (d[i] - sum);
      return;
    case ActivationKind::log_softmax:
      for (std::ptrdiff_t i = 0; i < n; ++i) sum += d[i];
      for (std::ptrdiff_t i = 0; i < n; ++i) d[i] -= std::exp(y[i]) * sum;
      return;
    case ActivationKind::sparsemax:
      return differentiate_sparsemax(activation.p0 != 0, y.data(), d, x, n);
    default:
      for (std::ptrdiff_t i = 0; i < n; ++i) d[i] *= derivative(activation, x[i]);
  }
}

}  // namespace rnnext::reference
