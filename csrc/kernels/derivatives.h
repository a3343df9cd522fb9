// Derivatives of Keras's activations on vectors; core/reference_derivatives.h is their
// specification.
//
// A tape holds an activation's value where its derivative follows from that, and its sum where it
// does not (needs_sum in table.h). A policy here reads what the tape holds.
#pragma once

#include "activations.h"
#include "table.h"

namespace rnnext::kernels {
namespace {

// From the value y = activation(x).
template <class V>
RNNEXT_INLINE V derivative_of_value(const Activation& activation, V y) {
  using T = Scalar<V>;
  const T p0 = static_cast<T>(activation.p0), p1 = static_cast<T>(activation.p1);
  const V zero = {}, one = broadcast(T(1));
  switch (activation.kind) {
    case ActivationKind::relu: {
      const V above = y < p1 ? one : zero;
      return y > 0 ? above : broadcast(p0);
    }
    case ActivationKind::elu:
      return y > 0 ? one : y + p0;
    case ActivationKind::selu:
      return y > 0 ? broadcast(T(1.0507009873554804934)) : y + T(1.7580993408473768600);
    case ActivationKind::celu:
      return y > 0 ? one : y / p0 + 1;
    case ActivationKind::hard_sigmoid: {
      const V inside = y < 1 ? broadcast(p0) : zero;
      return y > 0 ? inside : zero;
    }
    case ActivationKind::hard_tanh:
      return abs(y) < 1 ? one : zero;
    case ActivationKind::sparse_sigmoid: {
      const V inside = y < 1 ? broadcast(T(0.5)) : zero;
      return y > 0 ? inside : zero;
    }
    case ActivationKind::exponential:
      return y;
    case ActivationKind::sigmoid:
      return y * (1 - y);
    case ActivationKind::tanh:
      return fnma(y, y, one);
    default:
      return one;  // linear
  }
}

// From the sum x.
template <class V>
RNNEXT_INLINE V derivative_of_sum(const Activation& activation, V x) {
  using T = Scalar<V>;
  const T p0 = static_cast<T>(activation.p0), p1 = static_cast<T>(activation.p1);
  const T p2 = static_cast<T>(activation.p2);
  const V zero = {}, one = broadcast(T(1));
  switch (activation.kind) {
    case ActivationKind::relu: {
      const V above = x < p1 ? one : zero;
      return x > p2 ? above : broadcast(p0);
    }
    case ActivationKind::elu:
      return x > 0 ? one : exp(x) * p0;
    case ActivationKind::celu:
      return x > 0 ? one : exp(x / p0);
    case ActivationKind::gelu:
      return fma(x * T(0.39894228040143267794), exp(x * x * T(-0.5)), normal_cdf(x));
    case ActivationKind::gelu_tanh: {
      const T linear = T(1.5957691216057307118), cubic = T(0.071354816272600247793);
      const V square = x * x;
      const V s = sigmoid(x * fma(square, broadcast(cubic), broadcast(linear)));
      const V slope = fma(square, broadcast(3 * cubic), broadcast(linear));
      return fma(x * s * (1 - s), slope, s);
    }
    case ActivationKind::silu: {
      const V s = sigmoid(x);
      return fma(x * s, 1 - s, s);
    }
    case ActivationKind::mish: {
      const V t = tanh(softplus(x));
      return fma(x * sigmoid(x), fnma(t, t, one), t);
    }
    case ActivationKind::softplus:
      return sigmoid(x);
    case ActivationKind::softsign: {
      const V size = abs(x) + 1;
      return 1 / (size * size);
    }
    case ActivationKind::hard_silu: {
      const V inner = min(broadcast(T(6)), max(zero, x + 3));
      const V below = inner < 6 ? x : zero;
      return (inner + (inner > 0 ? below : zero)) / 6;
    }
    case ActivationKind::hard_shrink:
    case ActivationKind::soft_shrink:
      return abs(x) > p0 ? one : zero;
    case ActivationKind::tanh_shrink: {
      const V t = tanh(x);
      return t * t;
    }
    case ActivationKind::threshold:
      return x > p0 ? one : zero;
    case ActivationKind::squareplus:
      return fma(x / sqrt(fma(x, x, broadcast(p0))), broadcast(T(0.5)), broadcast(T(0.5)));
    case ActivationKind::sparse_plus: {
      const V inside = (x + 1) * T(0.5);
      const V y = x < 1 ? inside : one;
      return x <= -1 ? zero : y;
    }
    case ActivationKind::log_sigmoid:
      return sigmoid(-x);
    default:
      return one;
  }
}

// ---- policies of the cells --------------------------------------------------------------------

// value(kept) and derivative(kept) of what the tape kept; apply(x) and slope(x, y) of a sum x that
// it did not, with y = apply(x).
struct TanhGradient {
  template <class V>
  RNNEXT_INLINE V value(V y) const {
    return y;
  }
  template <class V>
  RNNEXT_INLINE V derivative(V y) const {
    return fnma(y, y, broadcast(Scalar<V>(1)));
  }
  template <class V>
  RNNEXT_INLINE V apply(V x) const {
    return tanh(x);
  }
  template <class V>
  RNNEXT_INLINE V slope(V /*x*/, V y) const {
    return derivative(y);
  }
};

struct SigmoidGradient {
  template <class V>
  RNNEXT_INLINE V value(V y) const {
    return y;
  }
  template <class V>
  RNNEXT_INLINE V derivative(V y) const {
    return fnma(y, y, y);
  }
};

// One copy of each switch per scalar type, by pointer, as activate_in_place.
template <class T>
__attribute__((noinline)) void differentiate_in_place(const Activation* activation, bool of_sum,
                                                      Vec<T>* kept) {
  *kept = of_sum ? derivative_of_sum(*activation, *kept) : derivative_of_value(*activation, *kept);
}

struct AnyGradient {
  Activation activation;
  bool of_sum;

  explicit AnyGradient(const Activation& a) : activation(a), of_sum(needs_sum(a)) {}

  template <class V>
  RNNEXT_INLINE V value(V kept) const {
    return of_sum ? apply(kept) : kept;
  }
  template <class V>
  RNNEXT_INLINE V derivative(V kept) const {
    differentiate_in_place<Scalar<V>>(&activation, of_sum, &kept);
    return kept;
  }
  template <class V>
  RNNEXT_INLINE V apply(V x) const {
    activate_in_place<Scalar<V>>(&activation, &x);
    return x;
  }
  template <class V>
  RNNEXT_INLINE V slope(V x, V y) const {
    return derivative(of_sum ? x : y);
  }
};

// ---- arrays -----------------------------------------------------------------------------------

// out = d * activation'(x) for n elements, any kind that is not row-wise; y: activation(x).
template <class T>
void differentiate_array(const Activation& activation, const T* x, const T* y, const T* d, T* out,
                         ptrdiff_t n) {
  constexpr ptrdiff_t W = kWidth<T>;
  const bool of_sum = needs_sum(activation);
  const T* kept = of_sum ? x : y;
  for (ptrdiff_t i = 0; i < n; i += W) {
    Vec<T> slope = load_first<T>(kept + i, n - i);
    differentiate_in_place<T>(&activation, of_sum, &slope);
    store_first<T>(out + i, load_first<T>(d + i, n - i) * slope, n - i);
  }
}

}  // namespace
}  // namespace rnnext::kernels
