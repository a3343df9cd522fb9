// One recurrent layer's steps backwards: from the gradients of its outputs to those of its gates'
// sums and of the states it began with. The cell's formula is in cells.h, beside the one forwards.
//
// Only what has to wait for the step after is here: dz(t) from the tape, then dh(t - 1) from dz(t)
// @ U'. The gradients of the kernels and of the inputs are products over all steps at once, which
// the core makes of dz.
#pragma once

#include "arena.h"
#include "cells.h"
#include "panels.h"
#include "scaling.h"

namespace rnnext::kernels {
namespace {

template <template <class> class CellOf, class T, class Act, class Rec>
class RecurrenceBackward {
  using Cell = CellOf<T>;
  using V = Vec<T>;
  static constexpr int W = kWidth<T>;
  static constexpr bool kResetAfter = same<Cell, GruResetAfter<T>>;
  static constexpr bool kResetBefore = same<Cell, GruResetBefore<T>>;
  static constexpr bool kCarry = same<Cell, Lstm<T>>;
  static constexpr int kGates = Cell::kGates + (kResetBefore ? 1 : 0);
  // Slots that a step of the tape has before its states, and gradients of sums that a step has.
  static constexpr int kKept = kGates + (kResetAfter ? 1 : 0);
  static constexpr int kSums = kKept;
  static constexpr int kTapeSlots = kKept + Cell::kStates;

 public:
  RecurrenceBackward(const RecurrentBackwardCall<T>& call, Act act, Rec rec)
      : call_(call), act_(act), rec_(rec), shape_(call.units) {
    constexpr ptrdiff_t kPad = 64 / static_cast<ptrdiff_t>(sizeof(T));
    stride_ = shape_.unit_vectors * W + kPad;
    // The rows that the products read: gradients of the sums that the recurrent kernel is part of.
    // A whole vector may be stored at any unit.
    sums_stride_ = (kGates * call.units + W) / W * W + kPad;
    Arena arena(call.workspace);
    dh_ = arena.template take<T>(call.rows * stride_);
    if (kCarry) dc_ = arena.template take<T>(call.rows * stride_);
    if (kResetBefore) d_reset_ = arena.template take<T>(call.rows * stride_);
    if (call.state_factors) dropped_ = arena.template take<T>(call.rows * stride_);
    rows_ = arena.template take<T>(call.rows * sums_stride_);
    if (kResetBefore) candidate_rows_ = arena.template take<T>(call.rows * stride_);
    first_active_ = arena.template take<ptrdiff_t>(call.rows);
    workspace_bytes_ = arena.used();
  }

  size_t workspace_bytes() const { return workspace_bytes_; }

  void run() {
    for (ptrdiff_t r = 0; r < call_.rows; ++r) begin(r);
    for (ptrdiff_t t = call_.steps - 1; t >= 0; --t) {
      for (ptrdiff_t r = 0; r < call_.rows; ++r) is_active(r, t) ? step(r, t) : skip(r, t);
      if constexpr (kResetBefore) {
        multiply(candidate_rows_, stride_, call_.candidate, call_.units, d_reset_, false);
        for (ptrdiff_t r = 0; r < call_.rows; ++r)
          if (is_active(r, t)) un_reset(r, t);
      }
      if (call_.state_factors)
        multiply_by_gate();
      else
        multiply(rows_, sums_stride_, call_.recurrent_kernel, Cell::kGates * call_.units, dh_,
                 true);
    }
    for (ptrdiff_t r = 0; r < call_.rows; ++r) finish(r);
  }

 private:
  // Calls body(u, count) for each vector of units, from unit u on. `count` is a constant but for
  // the last one, if that is not whole.
  template <class Body>
  RNNEXT_INLINE void for_units(Body body) const {
    const ptrdiff_t units = call_.units;
    ptrdiff_t u = 0;
    for (; u + W <= units; u += W) body(u, ptrdiff_t(W));
    if (u < units) body(u, units - u);
  }

  ptrdiff_t time(ptrdiff_t t) const { return call_.go_backwards ? call_.steps - 1 - t : t; }
  bool is_active(ptrdiff_t r, ptrdiff_t t) const {
    return !call_.mask || call_.mask[r * call_.steps + time(t)] != 0;
  }

  // What is null is zeros.
  static RNNEXT_INLINE V load_given(const T* from, ptrdiff_t u, ptrdiff_t count) {
    return from ? load_first<T>(from + u, count) : V{};
  }
  // A sample's row of an array (rows, units); null if there is none.
  template <class U>
  U* row_of(U* array, ptrdiff_t r) const {
    return array ? array + r * call_.units : nullptr;
  }
  // The tape's slot of a step.
  const T* slot(ptrdiff_t r, ptrdiff_t t, int slot) const {
    return call_.residuals + ((r * call_.steps + t) * kTapeSlots + slot) * call_.units;
  }
  // A state (0: h, 1: c) before step t, and the gradient of an output.
  const T* state_before(ptrdiff_t r, ptrdiff_t t, int state) const {
    return t ? slot(r, t - 1, kKept + state) : row_of(call_.initial_state[state], r);
  }
  const T* output_gradient(ptrdiff_t r, ptrdiff_t t) const {
    return row_of(call_.d_sequence, r * call_.steps + t);
  }
  // Where the gradients of a step's sums are wanted, and r * h of gru without reset_after.
  T* sums_of(ptrdiff_t r, ptrdiff_t t) const {
    return call_.d_sums + (r * call_.steps + time(t)) * kSums * call_.units;
  }
  const T* state_factors(ptrdiff_t r, int gate) const {
    return call_.state_factors + (r * kGates + gate) * call_.units;
  }
  T* reset_h_of(ptrdiff_t r, ptrdiff_t t) const {
    return call_.reset_h + (r * call_.steps + time(t)) * call_.units;
  }

  // ---- before and after the steps ---------------------------------------------------------------

  void begin(ptrdiff_t r) {
    first_active_[r] = 0;
    while (first_active_[r] < call_.steps && !is_active(r, first_active_[r])) ++first_active_[r];
    // The last output is that of the last step, or what a masked one repeats.
    const bool ended = call_.steps > 0 && is_active(r, call_.steps - 1);
    const bool repeats = first_active_[r] < call_.steps && !call_.zero_output_for_mask;
    const T* last = ended || repeats ? row_of(call_.d_last_output, r) : nullptr;
    const T* h = row_of(call_.d_final_state[0], r);
    const T* c = row_of(call_.d_final_state[1], r);
    for_units([&](ptrdiff_t u, ptrdiff_t count) {
      store<T>(dh_ + r * stride_ + u, load_given(h, u, count) + load_given(last, u, count));
      if (kCarry) store<T>(dc_ + r * stride_ + u, load_given(c, u, count));
    });
  }

  void finish(ptrdiff_t r) const {
    const T* gradients[2] = {dh_, dc_};
    for (int s = 0; s < Cell::kStates; ++s)
      if (T* to = row_of(call_.d_initial_state[s], r))
        for_units([&](ptrdiff_t u, ptrdiff_t count) {
          store_first<T>(to + u, load<T>(gradients[s] + r * stride_ + u), count);
        });
  }

  // ---- one step ---------------------------------------------------------------------------------
  //
  // Where a row begins is found once for all of its units: a store may change any number, for all
  // that the compiler knows, and it would find every address again after each.

  void step(ptrdiff_t r, ptrdiff_t t) const {
    const ptrdiff_t units = call_.units;
    const T *tape = slot(r, t, 0), *d_output = output_gradient(r, t);
    const T *h_before = state_before(r, t, 0), *c_before = kCarry ? state_before(r, t, 1) : nullptr;
    T *const dh_row = dh_ + r * stride_, *const dc_row = kCarry ? dc_ + r * stride_ : nullptr;
    T *const sums = sums_of(r, t), *const row = rows_ + r * sums_stride_;
    T* const reset_h = kResetBefore ? reset_h_of(r, t) : nullptr;
    T* const candidate_row = kResetBefore ? candidate_rows_ + r * stride_ : nullptr;
    const Act act = act_;
    const Rec rec = rec_;
    for_units([&](ptrdiff_t u, ptrdiff_t count) __attribute__((always_inline)) {
      V kept[kKept], dz[kSums];
      for (int i = 0; i < kKept; ++i) kept[i] = load_first<T>(tape + i * units + u, count);
      const V dh = load<T>(dh_row + u) + load_given(d_output, u, count);
      V before;
      if constexpr (kCarry) {
        V dc = load<T>(dc_row + u);
        const V c = load_first<T>(tape + (kKept + 1) * units + u, count);
        before = Cell::backward(kept, load_given(c_before, u, count), c, dh, dc, dz, act, rec);
        store<T>(dc_row + u, dc);
      } else if constexpr (kResetBefore) {
        const V h = load_given(h_before, u, count);
        before = Cell::un_update(kept, h, dh, dz, act, rec);
        store<T>(candidate_row + u, dz[2]);
        store_first<T>(reset_h + u, rec.value(kept[1]) * dropped(h, r, u, count), count);
        dz[1] = V{};  // un_reset() has it
      } else if constexpr (kResetAfter) {
        before = Cell::backward(kept, load_given(h_before, u, count), dh, dz, act, rec);
      } else {
        before = Cell::backward(kept, dh, dz, act, rec);
      }
      store<T>(dh_row + u, before);
      for (int gate = 0; gate < kSums; ++gate)
        store_first<T>(sums + gate * units + u, dz[gate], count);
      for (int gate = 0; gate < Cell::kGates; ++gate)
        store_first<T>(row + gate * units + u, dz[kResetAfter && gate == 2 ? 3 : gate], count);
    });
  }

  // GruResetBefore: a state times the factors of the candidate, which is what is reset.
  RNNEXT_INLINE V dropped(V h, ptrdiff_t r, ptrdiff_t u, ptrdiff_t count) const {
    if (__builtin_expect(call_.state_factors == nullptr, 1)) return h;
    return h * load_first<T>(state_factors(r, 2) + u, count);
  }

  // GruResetBefore: what the candidate's product gives the reset gate and the state.
  void un_reset(ptrdiff_t r, ptrdiff_t t) const {
    const ptrdiff_t units = call_.units;
    const T *reset_gate = slot(r, t, 1), *h_before = state_before(r, t, 0);
    const T* d_reset = d_reset_ + r * stride_;
    T *dh_row = dh_ + r * stride_, *sums = sums_of(r, t) + units;
    T* row = rows_ + r * sums_stride_ + units;
    for_units([&](ptrdiff_t u, ptrdiff_t count) {
      V kept[2] = {V{}, load_first<T>(reset_gate + u, count)}, dz[2];
      const V h = dropped(load_given(h_before, u, count), r, u, count);
      const V before = GruResetBefore<T>::un_reset(kept, h, load<T>(d_reset + u), dz, rec_);
      store<T>(dh_row + u, load<T>(dh_row + u) + dropped(before, r, u, count));
      store_first<T>(row + u, dz[1], count);
      store_first<T>(sums + u, dz[1], count);
    });
  }

  // A masked step: the state stays, and with it its gradient.
  void skip(ptrdiff_t r, ptrdiff_t t) const {
    const ptrdiff_t units = call_.units;
    const bool repeats = t > first_active_[r] && !call_.zero_output_for_mask;
    const T* d_output = repeats ? output_gradient(r, t) : nullptr;
    T *dh_row = dh_ + r * stride_, *sums = sums_of(r, t), *row = rows_ + r * sums_stride_;
    for_units([&](ptrdiff_t u, ptrdiff_t count) {
      if (d_output) store<T>(dh_row + u, load<T>(dh_row + u) + load_first<T>(d_output + u, count));
      for (int gate = 0; gate < kSums; ++gate) store_first<T>(sums + gate * units + u, V{}, count);
      for (int gate = 0; gate < Cell::kGates; ++gate)
        store_first<T>(row + gate * units + u, V{}, count);
      if (kResetBefore) {
        store<T>(candidate_rows_ + r * stride_ + u, V{});
        store_first<T>(reset_h_of(r, t) + u, V{}, count);
      }
    });
  }

  // What the products of the states give them, each gate's times its factors.
  void multiply_by_gate() const {
    const ptrdiff_t units = call_.units;
    for (int gate = 0; gate < Cell::kGates; ++gate) {
      multiply(rows_ + gate * units, sums_stride_, call_.gate_recurrent_kernels[gate], units,
               dropped_, false);
      for (ptrdiff_t r = 0; r < call_.rows; ++r)
        add_scaled(dropped_ + r * stride_, state_factors(r, gate), dh_ + r * stride_, units);
    }
  }

  // out (rows, units) = a (rows, depth) @ matrix, or that added to what is there.
  void multiply(const T* a, ptrdiff_t a_stride, const PackedMatrix<T>& matrix, ptrdiff_t depth,
                T* out, bool adds) const {
    const Rows<T> rows = {a, a_stride, {}};
    for_each_block(shape_, shape_.all(), call_.rows, false, [&](const Block& block) {
      alignas(64) T z[kBlockVectors * W];
      const ptrdiff_t z_stride = block.vectors * W;
      for (ptrdiff_t i = 0; i < block.rows; ++i)
        for (ptrdiff_t v = 0; v < block.vectors; ++v) {
          const T* from = out + (block.row + i) * stride_ + (block.v + v) * W;
          store<T>(z + i * z_stride + v * W, adds ? load<T>(from) : V{});
        }
      accumulate_block(shape_, block, rows, matrix, depth, z);
      for (ptrdiff_t i = 0; i < block.rows; ++i)
        copy(out + (block.row + i) * stride_ + block.v * W, z + i * z_stride, block.vectors);
    });
  }

  const RecurrentBackwardCall<T>& call_;
  const Act act_;
  const Rec rec_;
  const PanelShape<1, T> shape_;
  ptrdiff_t stride_, sums_stride_;
  size_t workspace_bytes_;

  // Pieces of the caller's workspace, (rows, stride_): the gradients of the states.
  T* dh_;
  T* dc_ = nullptr;
  T* d_reset_ = nullptr;         // of r * h
  T* dropped_ = nullptr;         // of the states times a gate's factors
  T* candidate_rows_ = nullptr;  // of the candidate's sum
  T* rows_;                      // (rows, sums_stride_): of the sums at this step
  ptrdiff_t* first_active_;      // (rows): a sample's first step that counts
};

}  // namespace
}  // namespace rnnext::kernels
