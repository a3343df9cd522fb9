// The boundary between the core and the kernels of one instruction set: plain structs and one table
// of functions. Nothing here depends on an instruction set, and no standard library type crosses.
//
// Packed weights. A matrix (depth, gates * units) in Keras's order becomes panels:
//
//   [panel][depth][unit vector of the panel][gate][lane]
//
// A unit vector is `width` neighbouring units; a panel is panel_vectors[gates] unit vectors, the
// last panel what is left. One step along `depth` reads one contiguous run that holds all gates of
// the same units, so a register tile ends with everything that the cell's formula needs. Biases
// and projected inputs use the same order with depth 1: [unit vector][gate][lane].
//
// The last unit vector may be fewer units than `width`. Each gate is then padded with zeros, or, if
// that takes fewer vectors, the gates lie side by side with zeros behind them: two units of an LSTM
// are 8 lanes of one vector in place of 2 of four. Layers of up to whole_units units do not do
// that. Where the depth is 1 such a unit vector takes the place of a whole one all the same.
//
// Narrow weights have this layout too. An element then holds the numbers of two neighbouring steps
// of a column, the first in its lower half: a word of 32 bits (bf16) or of 16 (int8). Past the
// depth they are zero.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rnnext/activation.h"
#include "rnnext/weight_type.h"

namespace rnnext::kernels {

constexpr int kMaxGates = 4;

// Lanes from one gate of a layer's last unit vector to the next.
constexpr ptrdiff_t last_gate_step(ptrdiff_t gates, ptrdiff_t units, ptrdiff_t width,
                                   ptrdiff_t whole_units) {
  const ptrdiff_t rest = units % width;
  return units > whole_units && rest && gates * rest <= (gates - 1) * width ? rest : width;
}

constexpr int steps_per_element(WeightType type) { return type == WeightType::full ? 1 : 2; }
template <class T>
constexpr ptrdiff_t element_bytes(WeightType type) {
  return type == WeightType::full ? sizeof(T) : type == WeightType::bf16 ? 4 : 2;
}
// Elements along the depth of a packed matrix. Asked for at every step, where a division by a
// variable would be felt in small layers.
constexpr ptrdiff_t packed_depth(WeightType type, ptrdiff_t depth) {
  static_assert(steps_per_element(WeightType::bf16) == 2);
  static_assert(steps_per_element(WeightType::int8) == 2);
  return type == WeightType::full ? depth : (depth + 1) / 2;
}

// A packed matrix whose numbers may be stored narrower than they are computed with.
template <class T>
struct PackedMatrix {
  WeightType type;
  const void* panels;  // of T (full), uint32_t (bf16) or uint16_t (int8)
  const T* scale;      // int8: what a column's sum is multiplied by, [unit vector][gate][lane]
};

// One packed product: start from `bias`, add x @ kernel, then h @ recurrent_kernel.
template <class T>
struct PackedGates {
  const T* bias;                     // [unit vector][gate][lane], zeros when the layer has no bias
  PackedMatrix<T> kernel;            // depth = features
  PackedMatrix<T> recurrent_kernel;  // depth = units; no panels for Dense
};

// Samples [0, rows) of one recurrent layer, every pointer not owned. The caller has checked every
// shape, and gives each thread its own rows.
template <class T>
struct RecurrentCall {
  ptrdiff_t rows, steps, features, units;
  bool go_backwards, zero_output_for_mask;
  Activation activation, recurrent_activation;

  // simple_rnn: its one product; lstm: gates i, f, c, o; gru: z, r, h (reset_after) or z, r.
  PackedGates<T> gates;
  // gru with reset_after=False: the product of the candidate h, which reads r * h_prev.
  PackedGates<T> candidate;
  // gru with reset_after=True: the recurrent bias of h, [unit vector][lane].
  const T* recurrent_bias;

  const T* x;  // (rows, steps, features), sample r at x + r * x_stride
  ptrdiff_t x_stride;
  const uint8_t* mask;  // (rows, steps), sample r at mask + r * mask_stride; nullptr: no mask
  ptrdiff_t mask_stride;
  const T* initial_state[2];  // h and (lstm) c, each (rows, units); nullptr: zeros

  // What each gate's product takes its operand times: (rows, gates, features) and (rows, gates,
  // units); nullptr: ones. Such a product reads a kernel of one gate, in panels of one gate, of
  // those of `gates`. Not with a block for inputs, nor with members.
  const T *input_factors, *state_factors;
  const PackedMatrix<T>*gate_kernels, *gate_recurrent_kernels;  // of each gate

  T* sequence;  // (rows, steps, units), sample r at sequence + r * sequence_stride; nullptr:
                // unwanted
  ptrdiff_t sequence_stride;
  T* last_output;     // (rows, units), nullptr: unwanted
  T* final_state[2];  // (rows, units) each, nullptr: unwanted
  // Every step's activated gates, then its states: (rows, steps, gates + states, units), unmasked
  // steps only (a masked step leaves its place as it was). nullptr, the usual case: not recorded.
  T* tape;
  // Whether the tape is for a backward pass. It then holds the gates' sums where an activation's
  // derivative is no function of its value (needs_sum); gru with reset_after has one slot more,
  // between gates and state, for h @ U_h + b_h; and masked steps have their states.
  bool for_gradient;

  // Steps whose inputs are projected by one matrix product before they run; 0: each step projects
  // its own input. The result has the same bits either way: it is one sum in one order.
  ptrdiff_t block;
  // The threads that run this call together, each for its own part of the units: every one is
  // handed the same call but for `member`. barrier(team) returns when all have called it.
  int member, members;
  void* team;
  void (*barrier)(void* team);

  void* workspace;  // workspace_bytes(call) bytes, aligned to 64; contents need no initialisation
};

// Whether the derivative of an activation is computed from its sum. Of the others it follows from
// the value, which the tape then holds.
[[gnu::always_inline]] inline constexpr bool needs_sum(const Activation& activation) {
  switch (activation.kind) {
    case ActivationKind::relu:
      return activation.p2 != 0 || activation.p0 < 0;
    case ActivationKind::elu:
    case ActivationKind::celu:
      return activation.p0 <= 0;
    case ActivationKind::gelu:
    case ActivationKind::gelu_tanh:
    case ActivationKind::silu:
    case ActivationKind::mish:
    case ActivationKind::softplus:
    case ActivationKind::softsign:
    case ActivationKind::hard_silu:
    case ActivationKind::soft_shrink:
    case ActivationKind::hard_shrink:
    case ActivationKind::tanh_shrink:
    case ActivationKind::threshold:
    case ActivationKind::squareplus:
    case ActivationKind::sparse_plus:
    case ActivationKind::log_sigmoid:
      return true;
    default:
      return false;
  }
}

// Samples [0, rows) of the backward pass of one recurrent layer; every pointer not owned.
template <class T>
struct RecurrentBackwardCall {
  ptrdiff_t rows, steps, units;
  bool go_backwards, zero_output_for_mask;
  Activation activation, recurrent_activation;

  // The transposed recurrent kernel, (columns, units) in panels of one gate: all columns; of gru
  // without reset_after those of z and r, and `candidate` has those of h.
  PackedMatrix<T> recurrent_kernel, candidate;
  // The forward pass's, (rows, gates, units). The gates of `recurrent_kernel` are then apart.
  const T* state_factors;
  PackedMatrix<T> gate_recurrent_kernels[kMaxGates];

  const uint8_t* mask;        // (rows, steps), in the order of the input; nullptr: no mask
  const T* initial_state[2];  // (rows, units); nullptr: zeros
  const T* residuals;         // (rows, steps, slots, units), the tape of the forward pass

  const T* d_sequence;        // (rows, steps, units); nullptr: zeros, as are those below
  const T* d_last_output;     // (rows, units)
  const T* d_final_state[2];  // (rows, units)

  // The gradients of the gates' sums, (rows, steps, columns) in the order of the input, zeros where
  // a step is masked. Of gru with reset_after units more: the candidate's recurrent sum.
  T* d_sums;
  // gru without reset_after: r * h, (rows, steps, units), which the candidate's product read.
  T* reset_h;
  T* d_initial_state[2];  // (rows, units); nullptr: unwanted

  void* workspace;  // workspace_bytes(call) bytes, aligned to 64; contents need no initialisation
};

// What a gradient is a sum of products with: rows of k elements, and where the products go.
template <class T>
struct OuterFactor {
  // Pointers to k elements each. nullptr: ones; then k is 1, and no other factor is ones.
  const T* const* rows;
  const T* const* factors;  // what the elements are taken times, as rows; nullptr: ones
  ptrdiff_t k;
  T* out;  // (k, columns), row i at out + i * out_stride
  ptrdiff_t out_stride;
};

// For each factor, out (k, columns) += the sum over rows of factor[row]' b[row].
template <class T>
struct OuterProductCall {
  ptrdiff_t rows, columns;
  const T* const* b;  // (rows): row i is `columns` elements from b[i] + b_first on
  ptrdiff_t b_first;
  const OuterFactor<T>* factors;
  ptrdiff_t factor_count;

  void* workspace;  // workspace_bytes(call) bytes, aligned to 64; contents need no initialisation
};

constexpr int kMaxSlots = 3;

// n weights changed by their gradients; every pointer not owned.
template <class T>
struct UpdateCall {
  ptrdiff_t n;
  const T* before;
  T* weights;           // may be `before`
  const T* gradients;   // nullptr: zeros
  const T* squares;     // nullptr: those of the gradients
  T* slots[kMaxSlots];  // nullptr: not kept
  T options[5];
  bool decays;
  T decay, rate;
};

// rows of y = activation(x @ kernel + bias).
template <class T>
struct DenseCall {
  ptrdiff_t rows, features, units;
  Activation activation;
  PackedGates<T> weights;
  const T* x;  // (rows, features), row r at x + r * x_stride; rows may overlap
  ptrdiff_t x_stride;
  T* y;  // (rows, units) row-major, does not overlap x

  void* workspace;  // workspace_bytes(call) bytes, aligned to 64; contents need no initialisation
};

template <class Call>
struct Kernel {
  // A multiple of 64. Reads sizes, weight types, members, whether there are a mask and factors.
  size_t (*workspace_bytes)(const Call*);
  void (*run)(const Call*);  // activations must not be row-wise
};
template <class T>
struct RecurrentKernel : Kernel<RecurrentCall<T>> {
  // Whether two small layers with equal activations can be interleaved step by step, and the
  // interleaved run.
  bool (*takes_turns)(const RecurrentCall<T>*, const RecurrentCall<T>*);
  void (*run_in_turn)(const RecurrentCall<T>*, const RecurrentCall<T>*);
};

template <class T>
struct KernelsOf {
  int width;  // lanes of a vector
  // Unit vectors in a panel, by number of gates.
  int panel_vectors[kMaxGates + 1];
  // The most units of layers that keep whole vectors, by number of gates.
  ptrdiff_t whole_units[kMaxGates + 1];

  RecurrentKernel<T> simple_rnn, lstm, gru_reset_after, gru_reset_before;
  Kernel<DenseCall<T>> dense;
  struct {
    Kernel<RecurrentBackwardCall<T>> simple_rnn, lstm, gru_reset_after, gru_reset_before;
  } backward;
  Kernel<OuterProductCall<T>> outer_product;
  struct {
    void (*adam)(const UpdateCall<T>*);
    void (*sgd)(const UpdateCall<T>*);
    void (*rmsprop)(const UpdateCall<T>*);
  } update;
  // out += x * factors, n elements each.
  void (*add_scaled)(const T* x, const T* factors, T* out, ptrdiff_t n);
  // y = activation(x) for x (rows, n), row-major; y may be x. Row-wise kinds work over n.
  void (*activate)(const Activation*, const T* x, T* y, ptrdiff_t rows, ptrdiff_t n);
  // out = d * activation'(x) for n elements, y = activation(x); not row-wise. out may be d.
  void (*differentiate)(const Activation*, const T* x, const T* y, const T* d, T* out, ptrdiff_t n);
};

struct KernelTable {
  const char* isa;
  KernelsOf<float> f32;
  KernelsOf<double> f64;
  // Runs 10 independent chains of `count` fused multiply-adds on `width` floats: the peak that the
  // benchmark measures others against. Returns their sum so that it is not optimised away.
  float (*fma_peak)(ptrdiff_t count);
};

template <class T>
const KernelsOf<T>& kernels_of(const KernelTable& table);
template <>
inline const KernelsOf<float>& kernels_of<float>(const KernelTable& table) {
  return table.f32;
}
template <>
inline const KernelsOf<double>& kernels_of<double>(const KernelTable& table) {
  return table.f64;
}

}  // namespace rnnext::kernels
