// Every activation as one plain formula over the standard library's functions: the specification
// that the kernels are tested against.
//
// The formulas, their behaviour at boundaries, at infinities and for NaN are those of Keras 3 on
// TensorFlow. Where its text would cancel or overflow for finite x (gelu, squareplus), an equal one
// stands here. NaN stays NaN, except where Keras asks only whether x is above a threshold: there
// relu (with a threshold but no slope), hard_shrink, soft_shrink and threshold give what they give
// below it. gelu, silu, mish and hard_silu of -infinity and softsign of either are NaN, as in
// Keras.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

#include "rnnext/activation.h"

namespace rnnext::reference {

template <class Real>
Real sigmoid(Real x) {
  const Real e = std::exp(-std::abs(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

template <class Real>
Real softplus(Real x) {
  return (x > 0 ? x : x < 0 ? 0 : x) + std::log1p(std::exp(-std::abs(x)));
}

// P(X <= x) of the standard normal distribution: (1 + erf(x / sqrt 2)) / 2.
template <class Real>
Real normal_cdf(Real x) {
  return std::erfc(-x / std::sqrt(Real(2))) / 2;
}

// min(max(x, low), high) that keeps NaN.
template <class Real>
Real clip(Real x, Real low, Real high) {
  return x < low ? low : x > high ? high : x;
}

template <class Real>
Real hard_sigmoid(Real x, Real slope) {
  return clip(slope * x + Real(0.5), Real(0), Real(1));
}

// With a threshold, x counts only above it, and the slope applies to threshold - x below it.
template <class Real>
Real relu(Real x, Real negative_slope, Real max_value, Real threshold) {
  Real positive = threshold == 0 ? (x < 0 ? 0 : x) : (x > threshold ? x : 0);
  if (max_value < std::numeric_limits<Real>::infinity())
    positive = clip(positive, Real(0), max_value);
  if (negative_slope == 0) return positive;
  const Real below = threshold - x;
  return positive - negative_slope * (below < 0 ? 0 : below);
}

template <class Real>
Real squareplus(Real x, Real b) {
  if (b == 0) return x < 0 ? 0 : x;
  const Real root = b < 0 ? std::sqrt(x * x + b) : std::hypot(x, std::sqrt(b));
  return x < 0 ? b / (root - x) / 2 : (x + root) / 2;
}

// One element of any kind that is not row-wise.
template <class Real>
Real activate(const Activation& activation, Real x) {
  const Real p0 = activation.p0, p1 = activation.p1, p2 = activation.p2;
  const Real selu_scale = 1.0507009873554804934193349852946L;
  const Real selu_alpha = 1.6732632423543772848170429916717L;
  const Real sqrt_2_over_pi = 0.79788456080286535587989211986876L;
  switch (activation.kind) {
    case ActivationKind::linear:
      return x;
    case ActivationKind::relu:
      return relu(x, p0, p1, p2);
    case ActivationKind::elu:
      return x > 0 ? x : p0 * std::expm1(x);
    case ActivationKind::selu:
      return selu_scale * (x > 0 ? x : selu_alpha * std::expm1(x));
    case ActivationKind::celu:
      return x > 0 ? x : p0 * std::expm1(x / p0);
    case ActivationKind::gelu:
      return x * normal_cdf(x);
    case ActivationKind::gelu_tanh:  // x (1 + tanh(u)) / 2 = x sigmoid(2 u)
      return x * sigmoid(2 * sqrt_2_over_pi * (x + Real(0.044715L) * x * x * x));
    case ActivationKind::silu:
      return x * sigmoid(x);
    case ActivationKind::mish:
      return x * std::tanh(softplus(x));
    case ActivationKind::softplus:
      return softplus(x);
    case ActivationKind::softsign:
      return x / (1 + std::abs(x));
    case ActivationKind::hard_sigmoid:
      return hard_sigmoid(x, p0);
    case ActivationKind::hard_silu:
      return x * (clip(x + 3, Real(0), Real(6)) / 6);
    case ActivationKind::hard_tanh:
      return clip(x, Real(-1), Real(1));
    case ActivationKind::hard_shrink:
      return std::abs(x) > p0 ? x : 0;
    case ActivationKind::soft_shrink:
      return x > p0 ? x - p0 : x < -p0 ? x + p0 : 0;
    case ActivationKind::tanh_shrink:
      return x - std::tanh(x);
    case ActivationKind::threshold:
      return x > p0 ? x : p1;
    case ActivationKind::squareplus:
      return squareplus(x, p0);
    case ActivationKind::sparse_plus:
      return x <= -1 ? 0 : x < 1 ? (x + 1) * (x + 1) / 4 : x;
    case ActivationKind::sparse_sigmoid:
      return x <= -1 ? 0 : x >= 1 ? 1 : (x + 1) / 2;
    case ActivationKind::log_sigmoid:
      return -softplus(-x);
    case ActivationKind::exponential:
      return std::exp(x);
    case ActivationKind::sigmoid:
      return sigmoid(x);
    case ActivationKind::tanh:
      return std::tanh(x);
    case ActivationKind::softmax:
    case ActivationKind::log_softmax:
    case ActivationKind::sparsemax:
      break;  // row-wise: activate_row
  }
  return std::numeric_limits<Real>::quiet_NaN();
}

// exp(x) / sum exp(x), in the form that cannot overflow.
template <class Real>
void softmax_row(Real* row, std::ptrdiff_t n) {
  const Real largest = *std::max_element(row, row + n);
  Real sum = 0;
  for (std::ptrdiff_t i = 0; i < n; ++i) sum += row[i] = std::exp(row[i] - largest);
  for (std::ptrdiff_t i = 0; i < n; ++i) row[i] /= sum;
}

template <class Real>
void log_softmax_row(Real* row, std::ptrdiff_t n) {
  const Real largest = *std::max_element(row, row + n);
  Real sum = 0;
  for (std::ptrdiff_t i = 0; i < n; ++i) sum += std::exp(row[i] - largest);
  for (std::ptrdiff_t i = 0; i < n; ++i) row[i] = row[i] - largest - std::log(sum);
}

// max(x - tau, 0), with tau from the `k` largest elements (the support). See kActivations for the
// two definitions of tau; they agree while the support is one element.
template <class Real>
void sparsemax_row(bool sum_of_cumulative_sums, Real* row, std::ptrdiff_t n) {
  std::vector<Real> sorted(row, row + n);
  // NaN first, as TensorFlow sorts it.
  std::sort(sorted.begin(), sorted.end(),
            [](Real a, Real b) { return a > b || (a != a && b == b); });
  Real cumulative = 0, cumulative_sums = 0, support_sum = 0, k = 0;
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    cumulative += sorted[i];
    if (!(sorted[i] - (cumulative - 1) / Real(i + 1) > 0)) continue;
    k += 1;
    support_sum += sorted[i];
    cumulative_sums += cumulative;
  }
  const Real tau = ((sum_of_cumulative_sums ? cumulative_sums : support_sum) - 1) / k;
  for (std::ptrdiff_t i = 0; i < n; ++i) row[i] = row[i] - tau < 0 ? 0 : row[i] - tau;
}

// A row of n elements, in place. Kinds that are not row-wise work on each element.
template <class Real>
void activate_row(const Activation& activation, Real* row, std::ptrdiff_t n) {
  if (n <= 0) return;
  switch (activation.kind) {
    case ActivationKind::softmax:
      return softmax_row(row, n);
    case ActivationKind::log_softmax:
      return log_softmax_row(row, n);
    case ActivationKind::sparsemax:
      return sparsemax_row(activation.p0 != 0, row, n);
    default:
      for (std::ptrdiff_t i = 0; i < n; ++i) row[i] = activate(activation, row[i]);
  }
}

}  // namespace rnnext::reference
