// Time steps of the smallest layers: one sample, a vector or two of units.
//
// Such a step is a chain of some 200 cycles of operations that wait for each other: multiply-adds
// over the state, then activations. Here sums, gates and states stay in registers; through memory,
// as the steps of recurrence.h take them, it is 1.05 to 1.1 times as long. And it is few
// instructions, so that the processor begins with another layer's while one's wait: the two
// directions of a Bidirectional, in turn, take 1.2 to 1.3 times as long as one of them.
#pragma once

#include "cells.h"
#include "panels.h"

namespace rnnext::kernels {
namespace {

// More units than 16 are more multiply-adds than one direction leaves room for: in turn, LSTMs of
// 32 take as long as one after the other. More vectors than two do not fit 16 registers.
template <class T>
constexpr ptrdiff_t kMaxShortUnits = kWidth<T> < 8 ? 2 * kWidth<T> : 16;

// One layer's steps, every pointer not owned. Sums are in the order of table.h.
template <class T>
struct ShortRun {
  const T* inputs;                      // (steps, unit vectors, gates, W): bias + x @ kernel
  const T* candidate_inputs;            // GruResetBefore: (steps, unit vectors, W)
  const T* recurrent_kernel;            // packed, as the two below
  const T* candidate_recurrent_kernel;  // GruResetBefore
  const T* recurrent_bias;              // GruResetAfter
  T *h, *c;     // (unit vectors, W): the state before the first step, and after the last
  T* sequence;  // (steps, units); nullptr: unwanted
};

// Where the packed weights of gate g and unit vector v for state k begin.
template <int Gates, int Vectors, class T>
RNNEXT_INLINE ptrdiff_t packed_weight(ptrdiff_t units, ptrdiff_t k, int v, int g) {
  static_assert(Gates == 1 || kMaxShortUnits<T> <= whole_units<T>(Gates));  // gates are W apart
  constexpr int kPanel = PanelShape<Gates, T>::kPanel, C = PanelShape<Gates, T>::kColumn;
  const int first = v / kPanel * kPanel;
  const int width = Vectors - first < kPanel ? Vectors - first : kPanel;
  return first * C * units + k * width * C + (v - first) * C + g * kWidth<T>;
}

// z += h (units,) @ packed. One chain, as in product.h: summed from zero, then added.
template <int Gates, int Vectors, class T>
RNNEXT_INLINE void add_state(const T* h, const T* packed, ptrdiff_t units,
                             Vec<T> (&z)[Vectors][Gates]) {
  static_assert(kMaxShortUnits<T> <= FloatingPoint<T>::kChain);
  Vec<T> sum[Vectors][Gates];
  for (int v = 0; v < Vectors; ++v)
    for (int g = 0; g < Gates; ++g) sum[v][g] = Vec<T>{};
  for (ptrdiff_t k = 0; k < units; ++k) {
    const Vec<T> state = broadcast(h[k]);
    for (int v = 0; v < Vectors; ++v)
      for (int g = 0; g < Gates; ++g)
        sum[v][g] = fma(state, load<T>(packed + packed_weight<Gates, Vectors, T>(units, k, v, g)),
                        sum[v][g]);
  }
  for (int v = 0; v < Vectors; ++v)
    for (int g = 0; g < Gates; ++g) z[v][g] += sum[v][g];
}

template <int Gates, int Vectors, class T>
RNNEXT_INLINE void load_sums(const T* from, Vec<T> (&z)[Vectors][Gates]) {
  for (int v = 0; v < Vectors; ++v)
    for (int g = 0; g < Gates; ++g) z[v][g] = load<T>(from + (v * Gates + g) * kWidth<T>);
}

// The registers of one layer.
template <template <class> class CellOf, int Vectors, class T>
struct ShortLayer {
  using Cell = CellOf<T>;
  using V = Vec<T>;
  static constexpr int W = kWidth<T>, kGates = Cell::kGates;
  static constexpr bool kResetAfter = same<Cell, GruResetAfter<T>>;
  static constexpr bool kResetBefore = same<Cell, GruResetBefore<T>>;
  static constexpr bool kCarry = same<Cell, Lstm<T>>;

  // z: the gates' sums, then the gates. c: Lstm's carry; the input's part of GruResetAfter's
  // candidate; GruResetBefore's candidate.
  V h[Vectors], c[Vectors], z[Vectors][kGates];
  T operand[Vectors * W];  // what the next product multiplies, number by number: h, or r * h

  RNNEXT_INLINE void begin(const ShortRun<T>& run) {
    for (int v = 0; v < Vectors; ++v) {
      h[v] = load<T>(run.h + v * W);
      c[v] = kCarry ? load<T>(run.c + v * W) : V{};
    }
  }

  RNNEXT_INLINE void end(const ShortRun<T>& run) const {
    for (int v = 0; v < Vectors; ++v) {
      store<T>(run.h + v * W, h[v]);
      if (kCarry) store<T>(run.c + v * W, c[v]);
    }
  }

  // The five stages of a step t, in this order. Every layer's run one stage before any runs the
  // next, so that the processor has another layer's instructions while one's wait.
  RNNEXT_INLINE void sum_gates(const ShortRun<T>& run, ptrdiff_t t, ptrdiff_t units) {
    for (int v = 0; v < Vectors; ++v) store<T>(operand + v * W, h[v]);
    load_sums(run.inputs + t * Vectors * kGates * W, z);
    if (kResetAfter)
      for (int v = 0; v < Vectors; ++v) {
        c[v] = z[v][2];
        z[v][2] = load<T>(run.recurrent_bias + v * W);
      }
    add_state(operand, run.recurrent_kernel, units, z);
  }

  template <class Act, class Rec>
  RNNEXT_INLINE void activate_gates(Act act, Rec rec) {
    for (int v = 0; v < Vectors; ++v) {
      if constexpr (kResetBefore)
        store<T>(operand + v * W, Cell::reset(z[v], h[v], rec));
      else
        Cell::begin(z[v], c[v], act, rec);
    }
  }

  RNNEXT_INLINE void sum_candidate(const ShortRun<T>& run, ptrdiff_t t, ptrdiff_t units) {
    if constexpr (kResetBefore) {
      V candidate[Vectors][1];
      load_sums(run.candidate_inputs + t * Vectors * W, candidate);
      add_state(operand, run.candidate_recurrent_kernel, units, candidate);
      for (int v = 0; v < Vectors; ++v) c[v] = candidate[v][0];
    }
  }

  template <class Act>
  RNNEXT_INLINE void update_state(Act act) {
    for (int v = 0; v < Vectors; ++v) {
      if constexpr (kResetBefore)
        h[v] = Cell::update(c[v], z[v][0], h[v], act);
      else
        h[v] = Cell::finish(z[v], h[v], c[v], act);
    }
  }

  RNNEXT_INLINE void emit(const ShortRun<T>& run, ptrdiff_t t, ptrdiff_t units) const {
    if (!run.sequence) return;
    for (int v = 0; v < Vectors; ++v)
      store_first<T>(run.sequence + t * units + v * W, h[v], units - v * W);
  }
};

// `steps` steps of each run, of layers with the same `units`.
template <template <class> class Cell, int Vectors, class T, class Act, class Rec, int Runs>
void take_short_steps(const ShortRun<T> (&runs)[Runs], ptrdiff_t units, ptrdiff_t steps, Act act,
                      Rec rec) {
  ShortLayer<Cell, Vectors, T> layers[Runs];
  for (int i = 0; i < Runs; ++i) layers[i].begin(runs[i]);
  for (ptrdiff_t t = 0; t < steps; ++t) {
    for (int i = 0; i < Runs; ++i) layers[i].sum_gates(runs[i], t, units);
    for (int i = 0; i < Runs; ++i) layers[i].activate_gates(act, rec);
    for (int i = 0; i < Runs; ++i) layers[i].sum_candidate(runs[i], t, units);
    for (int i = 0; i < Runs; ++i) layers[i].update_state(act);
    for (int i = 0; i < Runs; ++i) layers[i].emit(runs[i], t, units);
  }
  for (int i = 0; i < Runs; ++i) layers[i].end(runs[i]);
}

}  // namespace
}  // namespace rnnext::kernels
