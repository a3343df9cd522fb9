// One step of an optimizer over an array of weights; include/rnnext/optimizers.h has the formulas.
//
// No multiply-add is fused: as NumPy and TensorFlow do, every operation rounds, and so every
// instruction set has the same bits.
#pragma once

#include "simd.h"
#include "table.h"

namespace rnnext::kernels {
namespace {

// Rule(w, g, squares, slots) returns the new weights, and changes the slots.
template <class T, class Rule>
RNNEXT_INLINE void update_vector(const UpdateCall<T>& call, const Rule& rule, ptrdiff_t i,
                                 ptrdiff_t count) {
  Vec<T> w = load_first(call.before + i, count);
  if (call.decays) w -= w * call.decay * call.rate;
  const Vec<T> g = call.gradients ? load_first(call.gradients + i, count) : Vec<T>{};
  const Vec<T> squares = call.squares ? load_first(call.squares + i, count) : g * g;
  Vec<T> slots[kMaxSlots] = {};
  for (int s = 0; s < kMaxSlots; ++s)
    if (call.slots[s]) slots[s] = load_first(call.slots[s] + i, count);
  w = rule(w, g, squares, slots);
  for (int s = 0; s < kMaxSlots; ++s)
    if (call.slots[s]) store_first(call.slots[s] + i, slots[s], count);
  store_first(call.weights + i, w, count);
}

template <class T, class Rule>
RNNEXT_INLINE void update_all(const UpdateCall<T>& call, const Rule& rule) {
  ptrdiff_t i = 0;
  for (; i + kWidth<T> <= call.n; i += kWidth<T>) update_vector(call, rule, i, kWidth<T>);
  if (i < call.n) update_vector(call, rule, i, call.n - i);
}

// Slots: momentum, velocity, largest velocity. Options: step, part_1, part_2, epsilon.
template <class T>
void update_adam(const UpdateCall<T>* call) {
  const bool keeps_largest = call->slots[2] != nullptr;
  const Vec<T> step = broadcast(call->options[0]), part_1 = broadcast(call->options[1]);
  const Vec<T> part_2 = broadcast(call->options[2]), epsilon = broadcast(call->options[3]);
  update_all(*call, [&](Vec<T> w, Vec<T> g, Vec<T> squares, Vec<T>* slots) {
    slots[0] += (g - slots[0]) * part_1;
    slots[1] += (squares - slots[1]) * part_2;
    if (keeps_largest) slots[2] = max(slots[2], slots[1]);
    return w - slots[0] * step / (sqrt(slots[keeps_largest ? 2 : 1]) + epsilon);
  });
}

// Slots: momentum. Options: step, kept, whether momentum is Nesterov's.
template <class T>
void update_sgd(const UpdateCall<T>* call) {
  const bool has_momentum = call->slots[0] != nullptr, nesterov = call->options[2] != 0;
  const Vec<T> step = broadcast(call->options[0]), kept = broadcast(call->options[1]);
  update_all(*call, [&](Vec<T> w, Vec<T> g, Vec<T>, Vec<T>* slots) {
    const Vec<T> move = g * step;
    if (!has_momentum) return w - move;
    slots[0] = slots[0] * kept - move;
    return nesterov ? w + (slots[0] * kept - move) : w + slots[0];
  });
}

// Slots: velocity, momentum, average gradient. Options: step, rho, rest, epsilon, kept.
template <class T>
void update_rmsprop(const UpdateCall<T>* call) {
  const bool has_momentum = call->slots[1] != nullptr, centered = call->slots[2] != nullptr;
  const Vec<T> step = broadcast(call->options[0]), rho = broadcast(call->options[1]);
  const Vec<T> rest = broadcast(call->options[2]), epsilon = broadcast(call->options[3]);
  const Vec<T> kept = broadcast(call->options[4]);
  update_all(*call, [&](Vec<T> w, Vec<T> g, Vec<T> squares, Vec<T>* slots) {
    slots[0] = slots[0] * rho + squares * rest;
    Vec<T> variance = slots[0];
    if (centered) {
      slots[2] = slots[2] * rho + g * rest;
      variance -= slots[2] * slots[2];
    }
    Vec<T> move = g * step / sqrt(variance + epsilon);
    if (has_momentum) move = slots[1] = slots[1] * kept + move;
    return w - move;
  });
}

}  // namespace
}  // namespace rnnext::kernels
