// Keras's activations on vectors, arrays and rows; core/reference_activations.h is their
// specification. Branches depend on an activation's kind and parameters, never on data.
#pragma once

#include "math.h"
#include "rnnext/activation.h"

namespace rnnext::kernels {
namespace {

// ---- formulas ---------------------------------------------------------------------------------

// Above `threshold` x (at most max_value, at least 0), below it -negative_slope * (threshold - x).
template <class V>
RNNEXT_INLINE V relu(V x, Scalar<V> negative_slope, Scalar<V> max_value, Scalar<V> threshold) {
  using T = Scalar<V>;
  const V zero = broadcast(T(0));
  V y = threshold == 0 ? max(zero, x) : (x > threshold ? x : zero);
  if (max_value < T(__builtin_huge_val())) y = min(broadcast(max_value), max(zero, y));
  if (negative_slope != 0) y = fma(broadcast(-negative_slope), max(zero, threshold - x), y);
  return y;
}

template <class V>
RNNEXT_INLINE V elu(V x, Scalar<V> scale, Scalar<V> alpha) {
  return x > 0 ? x * scale : expm1(x) * alpha;
}

template <class V>
RNNEXT_INLINE V hard_sigmoid(V x, Scalar<V> slope) {
  using T = Scalar<V>;
  return min(broadcast(T(1)), max(broadcast(T(0)), fma(x, broadcast(slope), broadcast(T(0.5)))));
}

// x (1 + tanh(u)) / 2 = x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3)
template <class V>
RNNEXT_INLINE V gelu_tanh(V x) {
  using T = Scalar<V>;
  const T linear = T(1.5957691216057307118), cubic = T(0.071354816272600247793);
  return x * sigmoid(x * fma(x * x, broadcast(cubic), broadcast(linear)));
}

// x tanh(softplus(x)): with e = exp(x) it is x n / (n + 2), n = e (e + 2); for positive x both
// sides are multiplied by exp(-2 x).
template <class V>
RNNEXT_INLINE V mish(V x) {
  using T = Scalar<V>;
  const V e = exp_of_minus_abs(x);
  const auto negative = to_bits(x) < 0;
  const V n = negative ? e * (e + 2) : e * 2 + 1;
  return x * (n / (n + T(2) * (negative ? broadcast(T(1)) : e * e)));
}

// (x + sqrt(x^2 + b)) / 2, for negative x as (b / 2) / (sqrt(x^2 + b) - x). Large x are scaled down
// while they are squared.
template <class V>
RNNEXT_INLINE V squareplus(V x, Scalar<V> b) {
  using T = Scalar<V>;
  if (b == 0) return max(V{}, x);
  const T limit = sizeof(T) == 4 ? T(0x1p60) : T(0x1p500);
  const T down = sizeof(T) == 4 ? T(0x1p-66) : T(0x1p-520);
  const V a = abs(x);
  const auto large = a > limit;
  const V scale = large ? broadcast(down) : broadcast(T(1));
  const V unscale = large ? broadcast(1 / down) : broadcast(T(1));
  const V root = sqrt(fma(a * scale, a * scale, (b * scale) * scale)) * unscale;
  const V half = a * T(0.5) + root * T(0.5);
  return x < 0 ? b * T(0.25) / half : half;
}

template <class V>
RNNEXT_INLINE V sparse_plus(V x) {
  const V y = x < 1 ? (x + 1) * (x + 1) * Scalar<V>(0.25) : x;
  return x <= -1 ? V{} : y;
}

template <class V>
RNNEXT_INLINE V soft_shrink(V x, Scalar<V> threshold) {
  const V below = x < -threshold ? x + threshold : V{};
  return x > threshold ? x - threshold : below;
}

// Any kind that is not row-wise.
template <class V>
RNNEXT_INLINE V activate(const Activation& activation, V x) {
  using T = Scalar<V>;
  const T p0 = static_cast<T>(activation.p0), p1 = static_cast<T>(activation.p1);
  const V zero = {}, one = broadcast(T(1));
  switch (activation.kind) {
    case ActivationKind::linear:
      return x;
    case ActivationKind::relu:
      return relu(x, p0, p1, static_cast<T>(activation.p2));
    case ActivationKind::elu:
      return elu(x, T(1), p0);
    case ActivationKind::selu:
      return elu(x, T(1.0507009873554804934), T(1.7580993408473768600));
    case ActivationKind::celu:
      return x > 0 ? x : expm1(x / p0) * p0;
    case ActivationKind::gelu:
      return x * normal_cdf(x);
    case ActivationKind::gelu_tanh:
      return gelu_tanh(x);
    case ActivationKind::silu:
      return x * sigmoid(x);
    case ActivationKind::mish:
      return mish(x);
    case ActivationKind::softplus:
      return softplus(x);
    case ActivationKind::softsign:
      return x / (abs(x) + 1);
    case ActivationKind::hard_sigmoid:
      return hard_sigmoid(x, p0);
    case ActivationKind::hard_silu:
      return x * (min(broadcast(T(6)), max(zero, x + 3)) / 6);
    case ActivationKind::hard_tanh:
      return min(one, max(-one, x));
    case ActivationKind::hard_shrink:
      return abs(x) > p0 ? x : zero;
    case ActivationKind::soft_shrink:
      return soft_shrink(x, p0);
    case ActivationKind::tanh_shrink:
      return x - tanh(x);
    case ActivationKind::threshold:
      return x > p0 ? x : broadcast(p1);
    case ActivationKind::squareplus:
      return squareplus(x, p0);
    case ActivationKind::sparse_plus:
      return sparse_plus(x);
    case ActivationKind::sparse_sigmoid:
      return min(one, max(zero, (x + 1) * T(0.5)));
    case ActivationKind::log_sigmoid:
      return -softplus(-x);
    case ActivationKind::exponential:
      return exp(x);
    case ActivationKind::sigmoid:
      return sigmoid(x);
    case ActivationKind::tanh:
      return tanh(x);
    case ActivationKind::softmax:
    case ActivationKind::log_softmax:
    case ActivationKind::sparsemax:
      break;  // activate_row; the core lets none of them come here
  }
  return broadcast(T(__builtin_nan("")));
}

// ---- policies of the cells --------------------------------------------------------------------

struct TanhActivation {
  template <class V>
  RNNEXT_INLINE V operator()(V x) const {
    return tanh(x);
  }
};

struct SigmoidActivation {
  template <class V>
  RNNEXT_INLINE V operator()(V x) const {
    return sigmoid(x);
  }
};

struct ReluActivation {
  Activation activation;

  template <class V>
  RNNEXT_INLINE V operator()(V x) const {
    using T = Scalar<V>;
    return relu(x, static_cast<T>(activation.p0), static_cast<T>(activation.p1),
                static_cast<T>(activation.p2));
  }
};

// One copy of the switch per scalar type. By pointer: vectors wider than the instruction set's
// registers (`wide`) have no stable way to be passed by value.
template <class T>
__attribute__((noinline)) void activate_in_place(const Activation* activation, Vec<T>* x) {
  *x = activate(*activation, *x);
}

struct AnyActivation {
  Activation activation;

  template <class V>
  RNNEXT_INLINE V operator()(V x) const {
    activate_in_place<Scalar<V>>(&activation, &x);
    return x;
  }
};

// ---- arrays -----------------------------------------------------------------------------------

template <class T, class Policy>
RNNEXT_INLINE void transform(Policy policy, const T* x, T* y, ptrdiff_t n) {
  constexpr ptrdiff_t W = kWidth<T>;
  ptrdiff_t i = 0;
  for (; i + W <= n; i += W) store<T>(y + i, policy(load<T>(x + i)));
  if (i < n) store_first<T>(y + i, policy(load_first<T>(x + i, n - i)), n - i);
}

// y[i] = activation(x[i]) for n elements, any kind that is not row-wise; x may be y.
template <class T>
void activate_array(const Activation& activation, const T* x, T* y, ptrdiff_t n) {
  if (activation.kind == ActivationKind::tanh)
    transform<T>(TanhActivation{}, x, y, n);
  else if (activation.kind == ActivationKind::sigmoid)
    transform<T>(SigmoidActivation{}, x, y, n);
  else if (activation.kind == ActivationKind::relu)
    transform<T>(ReluActivation{activation}, x, y, n);
  else
    transform<T>(AnyActivation{activation}, x, y, n);
}

// ---- rows -------------------------------------------------------------------------------------

// Sums over a row do not depend on the width of a vector: element i goes to partial sum i mod 16.
constexpr int kPartialSums = 16;

// The row's largest element; NaN is passed over.
template <class T>
RNNEXT_INLINE T largest(const T* x, ptrdiff_t n) {
  constexpr ptrdiff_t W = kWidth<T>;
  Vec<T> lanes = broadcast(-T(__builtin_huge_val()));
  ptrdiff_t i = 0;
  for (; i + W <= n; i += W) lanes = max(load<T>(x + i), lanes);
  T result = -T(__builtin_huge_val());
  for (ptrdiff_t lane = 0; lane < W && lane < n; ++lane)
    result = lanes[lane] > result ? lanes[lane] : result;
  for (; i < n; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

// The sum over i < n of exp(x[i] - shift), whose terms go to `terms` (which may be x) if not null.
template <class T>
RNNEXT_INLINE T sum_of_exp(const T* x, T shift, ptrdiff_t n, T* terms) {
  constexpr int W = kWidth<T>, kVectors = kPartialSums / W;
  Vec<T> sums[kVectors] = {};
  for (ptrdiff_t i = 0; i < n; i += kPartialSums) {
    for (int v = 0; v < kVectors && i + v * W < n; ++v) {
      const ptrdiff_t first = i + v * W, count = n - first;
      const Vec<T> e = exp(load_first<T>(x + first, count) - shift);
      if (terms) store_first<T>(terms + first, e, count);
      sums[v] += first_lanes(e, count);
    }
  }
  T partial[kPartialSums];
  for (int v = 0; v < kVectors; ++v) store<T>(partial + v * W, sums[v]);
  int half = kPartialSums / 2;
  while (half >= n) half /= 2;  // those of a short row are zeros
  for (; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) partial[i] += partial[i + half];
  return partial[0];
}

// exp(x) / sum exp(x), shifted so that it cannot overflow.
template <class T>
void softmax_row(const T* x, T* y, ptrdiff_t n) {
  const T sum = sum_of_exp<T>(x, largest<T>(x, n), n, y);
  transform<T>([&](Vec<T> e) { return e / sum; }, y, y, n);
}

// The same, to the bit, for kWidth<T> rows of at most kPartialSums elements: a lane for each row.
// Row by row, four classes took 6 times as long, ten 5 times.
template <class T>
void softmax_short_rows(const T* x, T* y, ptrdiff_t n) {
  constexpr int W = kWidth<T>;
  T columns[kPartialSums * W];
  Vec<T> terms[kPartialSums], largest = broadcast(-T(__builtin_huge_val()));
  for (ptrdiff_t i = 0; i < n; ++i)
    for (ptrdiff_t row = 0; row < W; ++row) columns[i * W + row] = x[row * n + i];
  for (ptrdiff_t i = 0; i < n; ++i) largest = max(load<T>(columns + i * W), largest);
  for (ptrdiff_t i = 0; i < n; ++i) terms[i] = exp(load<T>(columns + i * W) - largest);
  for (ptrdiff_t i = 0; i < n; ++i) store<T>(columns + i * W, terms[i]);
  ptrdiff_t partial_sums = n;
  for (ptrdiff_t half = kPartialSums / 2; half > 0; half /= 2) {
    for (ptrdiff_t i = half; i < partial_sums; ++i) terms[i - half] += terms[i];
    partial_sums = partial_sums < half ? partial_sums : half;
  }
  for (ptrdiff_t i = 0; i < n; ++i) store<T>(columns + i * W, load<T>(columns + i * W) / terms[0]);
  for (ptrdiff_t i = 0; i < n; ++i)
    for (ptrdiff_t row = 0; row < W; ++row) y[row * n + i] = columns[i * W + row];
}

template <class T>
void log_softmax_row(const T* x, T* y, ptrdiff_t n) {
  const T shift = largest<T>(x, n);
  const T log_sum = log(broadcast(sum_of_exp<T>(x, shift, n, nullptr)))[0];
  transform<T>([&](Vec<T> v) { return v - shift - log_sum; }, x, y, n);
}

// The largest element below `bound` and how many there are of it.
template <class T>
struct Rank {
  T value;
  ptrdiff_t times;
};
template <class T>
RNNEXT_INLINE Rank<T> largest_below(T bound, const T* x, ptrdiff_t n) {
  Rank<T> rank = {0, 0};
  for (ptrdiff_t i = 0; i < n; ++i) {
    if (!(x[i] < bound)) continue;
    if (rank.times == 0 || x[i] > rank.value) rank = {x[i], 0};
    rank.times += x[i] == rank.value;
  }
  return rank;
}

// max(x - tau, 0). tau comes from the row's k largest elements, the support. They are walked in
// descending order, one distinct value a pass: no memory is needed, and supports are small. A row
// with NaN or infinity has none, as in Keras: tau is then -infinity.
template <class T>
void sparsemax_row(bool sum_of_cumulative_sums, const T* x, T* y, ptrdiff_t n) {
  const T infinity = T(__builtin_huge_val());
  bool inside = true;
  for (ptrdiff_t i = 0; i < n; ++i) inside = inside && x[i] < infinity;
  T cumulative = 0, support_sum = 0, cumulative_sums = 0, k = 0;
  Rank<T> rank = largest_below<T>(infinity, x, n);
  for (; inside && rank.times > 0; rank = largest_below<T>(rank.value, x, n)) {
    for (ptrdiff_t i = 0; inside && i < rank.times; ++i) {
      cumulative += rank.value;
      inside = rank.value - (cumulative - 1) / (k + 1) > 0;
      if (!inside) break;
      k += 1;
      support_sum += rank.value;
      cumulative_sums += cumulative;
    }
  }
  const T tau = ((sum_of_cumulative_sums ? cumulative_sums : support_sum) - 1) / k;
  transform<T>([&](Vec<T> v) { return max(Vec<T>{}, v - tau); }, x, y, n);
}

template <class T>
void activate_row(const Activation& activation, const T* x, T* y, ptrdiff_t n) {
  if (activation.kind == ActivationKind::softmax) return softmax_row<T>(x, y, n);
  if (activation.kind == ActivationKind::log_softmax) return log_softmax_row<T>(x, y, n);
  sparsemax_row<T>(activation.p0 != 0, x, y, n);
}

// (rows, n) of a row-wise kind; x may be y.
template <class T>
void activate_rows(const Activation& activation, const T* x, T* y, ptrdiff_t rows, ptrdiff_t n) {
  if (n <= 0) return;
  ptrdiff_t row = 0;
  if (activation.kind == ActivationKind::softmax && n <= kPartialSums)
    for (; row + kWidth<T> <= rows; row += kWidth<T>)
      softmax_short_rows<T>(x + row * n, y + row * n, n);
  for (; row < rows; ++row) activate_row<T>(activation, x + row * n, y + row * n, n);
}

}  // namespace
}  // namespace rnnext::kernels
