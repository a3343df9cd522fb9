// The activations that layers can use: their names, parameters and defaults.
//
// The kernels include this header too, so it uses no standard library header.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace rnnext {

// Formulas are those of Keras 3; core/reference_activations.h writes them out.
enum class ActivationKind : int32_t {
  linear,
  relu,
  elu,
  selu,
  celu,
  gelu,
  gelu_tanh,
  silu,
  mish,
  softplus,
  softsign,
  hard_sigmoid,
  hard_silu,
  hard_tanh,
  hard_shrink,
  soft_shrink,
  tanh_shrink,
  threshold,
  squareplus,
  sparse_plus,
  sparse_sigmoid,
  log_sigmoid,
  exponential,
  sigmoid,
  tanh,
  // Row-wise: every element of a row depends on all of them.
  softmax,
  log_softmax,
  sparsemax,
};

// A kind with its parameters, in the order of kActivations. Kinds with parameters come from
// make_activation(), which knows their defaults.
struct Activation {
  ActivationKind kind = ActivationKind::linear;
  double p0 = 0, p1 = 0, p2 = 0;
};

struct ActivationSpec {
  ActivationKind kind;
  const char* name;
  int required;    // parameters that have no default
  int parameters;  // parameters in all
  const char* parameter_names[3];
  double defaults[3];
};

// In the order of the enumeration.
inline constexpr ActivationSpec kActivations[] = {
    {ActivationKind::linear, "linear", 0, 0, {}, {}},
    // max_value: infinity for none.
    {ActivationKind::relu,
     "relu",
     0,
     3,
     {"negative_slope", "max_value", "threshold"},
     {0, __builtin_huge_val(), 0}},
    {ActivationKind::elu, "elu", 0, 1, {"alpha"}, {1}},
    {ActivationKind::selu, "selu", 0, 0, {}, {}},
    {ActivationKind::celu, "celu", 0, 1, {"alpha"}, {1}},
    {ActivationKind::gelu, "gelu", 0, 0, {}, {}},
    {ActivationKind::gelu_tanh, "gelu_tanh", 0, 0, {}, {}},
    {ActivationKind::silu, "silu", 0, 0, {}, {}},
    {ActivationKind::mish, "mish", 0, 0, {}, {}},
    {ActivationKind::softplus, "softplus", 0, 0, {}, {}},
    {ActivationKind::softsign, "softsign", 0, 0, {}, {}},
    // Keras 3's slope; that of Keras 1 and 2 is 0.2.
    {ActivationKind::hard_sigmoid, "hard_sigmoid", 0, 1, {"slope"}, {1.0 / 6}},
    {ActivationKind::hard_silu, "hard_silu", 0, 0, {}, {}},
    {ActivationKind::hard_tanh, "hard_tanh", 0, 0, {}, {}},
    {ActivationKind::hard_shrink, "hard_shrink", 0, 1, {"threshold"}, {0.5}},
    {ActivationKind::soft_shrink, "soft_shrink", 0, 1, {"threshold"}, {0.5}},
    {ActivationKind::tanh_shrink, "tanh_shrink", 0, 0, {}, {}},
    {ActivationKind::threshold, "threshold", 2, 2, {"threshold", "default_value"}, {}},
    {ActivationKind::squareplus, "squareplus", 0, 1, {"b"}, {4}},
    {ActivationKind::sparse_plus, "sparse_plus", 0, 0, {}, {}},
    {ActivationKind::sparse_sigmoid, "sparse_sigmoid", 0, 0, {}, {}},
    {ActivationKind::log_sigmoid, "log_sigmoid", 0, 0, {}, {}},
    {ActivationKind::exponential, "exponential", 0, 0, {}, {}},
    {ActivationKind::sigmoid, "sigmoid", 0, 0, {}, {}},
    {ActivationKind::tanh, "tanh", 0, 0, {}, {}},
    {ActivationKind::softmax, "softmax", 0, 0, {}, {}},
    {ActivationKind::log_softmax, "log_softmax", 0, 0, {}, {}},
    // 1: the threshold as Keras computed it up to 3.15, from the sum of the support's cumulative
    // sums; 0: the published definition (Martins and Astudillo 2016), to which Keras was corrected.
    {ActivationKind::sparsemax, "sparsemax", 0, 1, {"sum_of_cumulative_sums"}, {1}},
};

// Always inlined: no copy compiled for one instruction set may be linked for all.
[[gnu::always_inline]] inline constexpr bool is_row_wise(ActivationKind kind) {
  return kind >= ActivationKind::softmax;
}

// `params` holds `count` values in the order of the kind's parameter_names; defaults fill the rest.
// Throws std::invalid_argument for an unknown name, and for too many or too few parameters.
Activation make_activation(const char* name, const double* params, size_t count);

}  // namespace rnnext
