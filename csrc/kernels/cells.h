// The three cells' formulas, as a textbook prints them, on one vector of units.
//
// `z` are the gates' sums (bias + x @ kernel + h @ recurrent_kernel) in Keras's order and leave as
// activated gates; `h` is the state before the step, the answer the one after. Activations are
// policies: act is the layer's `activation`, rec its `recurrent_activation`.
//
// A step is `begin`, which makes what the new state waits for, then `finish`. Over a block of units
// each is a pass of its own: more units are then under way at once than when every unit goes
// through one long chain of operations (GRU 0.97 of the time, LSTM 0.97 to 1.00).
#pragma once

#include "activations.h"

namespace rnnext::kernels {
namespace {

// h' = act(z)
template <class T>
struct SimpleRnn {
  static constexpr int kGates = 1, kStates = 1;

  template <class Act, class Rec>
  static RNNEXT_INLINE void begin(Vec<T>* /*z*/, Vec<T>& /*c*/, Act /*act*/, Rec /*rec*/) {}
  template <class Act>
  static RNNEXT_INLINE Vec<T> finish(Vec<T>* z, Vec<T> /*h*/, Vec<T> /*c*/, Act act) {
    return z[0] = act(z[0]);
  }
};

// i, f, o = rec(z_i), rec(z_f), rec(z_o);  g = act(z_c);  c' = f * c + i * g;  h' = o * act(c')
template <class T>
struct Lstm {
  static constexpr int kGates = 4, kStates = 2;

  template <class Act, class Rec>
  static RNNEXT_INLINE void begin(Vec<T>* z, Vec<T>& c, Act act, Rec rec) {
    z[0] = rec(z[0]);
    z[1] = rec(z[1]);
    z[2] = act(z[2]);
    z[3] = rec(z[3]);
    c = fma(z[1], c, z[0] * z[2]);
  }
  template <class Act>
  static RNNEXT_INLINE Vec<T> finish(Vec<T>* z, Vec<T> /*h*/, Vec<T> c, Act act) {
    return z[3] * act(c);
  }
};

// u, r = rec(z_z), rec(z_r);  g = act(x_h + r * (h @ U_h + b_h));  h' = u * h + (1 - u) * g
// The candidate's two sums meet only here: z[2] holds the recurrent one, `x_h` the input's.
template <class T>
struct GruResetAfter {
  static constexpr int kGates = 3, kStates = 1;

  template <class Act, class Rec>
  static RNNEXT_INLINE void begin(Vec<T>* z, Vec<T>& x_h, Act /*act*/, Rec rec) {
    z[0] = rec(z[0]);
    z[1] = rec(z[1]);
    z[2] = fma(z[1], z[2], x_h);
  }
  template <class Act>
  static RNNEXT_INLINE Vec<T> finish(Vec<T>* z, Vec<T> h, Vec<T> /*x_h*/, Act act) {
    z[2] = act(z[2]);
    return fma(z[0], h, (T(1) - z[0]) * z[2]);
  }
};

// u, r = rec(z_z), rec(z_r);  g = act(x_h + (r * h) @ U_h);  h' = u * h + (1 - u) * g
// Two products: the candidate's needs r * h of every unit, so it starts when all of them are known.
template <class T>
struct GruResetBefore {
  static constexpr int kGates = 2, kStates = 1;

  // The answer is r * h; z[0] leaves as the update gate u.
  template <class Rec>
  static RNNEXT_INLINE Vec<T> reset(Vec<T>* z, Vec<T> h, Rec rec) {
    z[0] = rec(z[0]);
    z[1] = rec(z[1]);
    return z[1] * h;
  }
  template <class Act>
  static RNNEXT_INLINE Vec<T> update(Vec<T>& z, Vec<T> u, Vec<T> h, Act act) {
    z = act(z);
    return fma(u, h, (T(1) - u) * z);
  }
};

}  // namespace
}  // namespace rnnext::kernels
