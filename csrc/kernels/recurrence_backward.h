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
    rows_ = arena.template take<T>(call.rows * sums_stride_);
    if (kResetBefore) candidate_rows_ = arena.template take<T>(call.rows * stride_);
    first_active_ = arena.template take<ptrdiff_t>(call.rows);
    workspace_bytes_ = arena.used();
  }

  size_t workspace_bytes() const { return workspace_bytes_; }

  void run() {
    for (ptrdiff_t r = 0; r < call_.rows; ++r) begin(r);
    for (ptrdiff_t t = call_.steps - 1; t >= 0; --t) {
      for (ptrdiff_t r = 0; r < call_.rows; ++r) {
        if (is_active(r, t))
          for_units([&](ptrdiff_t v) { step(r, t, v); });
        else
          skip(r, t);
      }
      if constexpr (kResetBefore) {
        multiply(candidate_rows_, stride_, call_.candidate, call_.units, d_reset_, false);
        for (ptrdiff_t r = 0; r < call_.rows; ++r)
          if (is_active(r, t)) for_units([&](ptrdiff_t v) { un_reset(r, t, v); });
      }
      multiply(rows_, sums_stride_, call_.recurrent_kernel, Cell::kGates * call_.units, dh_, true);
    }
    for (ptrdiff_t r = 0; r < call_.rows; ++r) finish(r);
  }

 private:
  template <class Body>
  RNNEXT_INLINE void for_units(Body body) const {
    for (ptrdiff_t v = 0; v < shape_.unit_vectors; ++v) body(v);
  }

  // Elements of unit vector v that are units.
  ptrdiff_t left(ptrdiff_t v) const { return call_.units - v * W; }
  ptrdiff_t time(ptrdiff_t t) const { return call_.go_backwards ? call_.steps - 1 - t : t; }
  bool is_active(ptrdiff_t r, ptrdiff_t t) const {
    return !call_.mask || call_.mask[r * call_.steps + time(t)] != 0;
  }

  V at(const T* state, ptrdiff_t r, ptrdiff_t v) const {
    return state ? load_first<T>(state + r * call_.units + v * W, left(v)) : V{};
  }
  // The tape's slot of a step, and there of unit vector v.
  const T* slot(ptrdiff_t r, ptrdiff_t t, int slot, ptrdiff_t v) const {
    return call_.residuals + ((r * call_.steps + t) * kTapeSlots + slot) * call_.units + v * W;
  }
  // A state (0: h, 1: c) before step t.
  V state_before(ptrdiff_t r, ptrdiff_t t, int state, ptrdiff_t v) const {
    if (t == 0) return at(call_.initial_state[state], r, v);
    return load_first<T>(slot(r, t - 1, kKept + state, v), left(v));
  }

  // ---- before and after the steps ---------------------------------------------------------------

  void begin(ptrdiff_t r) {
    first_active_[r] = 0;
    while (first_active_[r] < call_.steps && !is_active(r, first_active_[r])) ++first_active_[r];
    // The last output is that of the last step, or what a masked one repeats.
    const bool ended = call_.steps > 0 && is_active(r, call_.steps - 1);
    const bool repeats = first_active_[r] < call_.steps && !call_.zero_output_for_mask;
    const T* last = ended || repeats ? call_.d_last_output : nullptr;
    for_units([&](ptrdiff_t v) {
      store<T>(dh_ + r * stride_ + v * W, at(call_.d_final_state[0], r, v) + at(last, r, v));
      if (kCarry) store<T>(dc_ + r * stride_ + v * W, at(call_.d_final_state[1], r, v));
    });
  }

  void finish(ptrdiff_t r) const {
    const T* gradients[2] = {dh_, dc_};
    for (int s = 0; s < Cell::kStates; ++s)
      if (call_.d_initial_state[s])
        for_units([&](ptrdiff_t v) {
          store_first<T>(call_.d_initial_state[s] + r * call_.units + v * W,
                         load<T>(gradients[s] + r * stride_ + v * W), left(v));
        });
  }

  // ---- one step
  // -----------------------------------------------------------------------------------

  // The gradient of the state after step t: what later steps gave, and what the output gives.
  V output_gradient(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v) const {
    const V dh = load<T>(dh_ + r * stride_ + v * W);
    if (!call_.d_sequence) return dh;
    const T* d = call_.d_sequence + (r * call_.steps + t) * call_.units + v * W;
    return dh + load_first<T>(d, left(v));
  }

  // Puts the gradient of a gate's sum where the product reads it and where it is wanted.
  RNNEXT_INLINE void put(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v, int gate, V dz) const {
    T* to = call_.d_sums + ((r * call_.steps + time(t)) * kSums + gate) * call_.units + v * W;
    store_first<T>(to, dz, left(v));
  }
  RNNEXT_INLINE void put_row(ptrdiff_t r, ptrdiff_t v, int gate, V dz) const {
    store_first<T>(rows_ + r * sums_stride_ + gate * call_.units + v * W, dz, left(v));
  }

  RNNEXT_INLINE void step(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v) const {
    V kept[kKept], dz[kSums];
    for (int i = 0; i < kKept; ++i) kept[i] = load_first<T>(slot(r, t, i, v), left(v));
    const V dh = output_gradient(r, t, v), h = state_before(r, t, 0, v);
    const ptrdiff_t here = r * stride_ + v * W;
    V before;
    if constexpr (kResetBefore) {
      before = Cell::un_update(kept, h, dh, dz, act_, rec_);
      store<T>(candidate_rows_ + here, dz[2]);
      put_row(r, v, 0, dz[0]);
      put(r, t, v, 0, dz[0]);
      put(r, t, v, 2, dz[2]);
      store_first<T>(call_.reset_h + (r * call_.steps + time(t)) * call_.units + v * W,
                     rec_.value(kept[1]) * h, left(v));
    } else {
      if constexpr (kCarry) {
        V dc = load<T>(dc_ + here);
        const V c = load_first<T>(slot(r, t, kKept + 1, v), left(v));
        before = Cell::backward(kept, state_before(r, t, 1, v), c, dh, dc, dz, act_, rec_);
        store<T>(dc_ + here, dc);
      } else if constexpr (kResetAfter) {
        before = Cell::backward(kept, h, dh, dz, act_, rec_);
      } else {
        before = Cell::backward(kept, dh, dz, act_, rec_);
      }
      for (int gate = 0; gate < kSums; ++gate) put(r, t, v, gate, dz[gate]);
      for (int gate = 0; gate < kGates; ++gate)
        put_row(r, v, gate, dz[kResetAfter && gate == 2 ? 3 : gate]);
    }
    store<T>(dh_ + here, before);
  }

  // GruResetBefore: what the candidate's product gives the reset gate and the state.
  RNNEXT_INLINE void un_reset(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v) const {
    V kept[2] = {V{}, load_first<T>(slot(r, t, 1, v), left(v))}, dz[2];
    const ptrdiff_t here = r * stride_ + v * W;
    const V before = GruResetBefore<T>::un_reset(kept, state_before(r, t, 0, v),
                                                 load<T>(d_reset_ + here), dz, rec_);
    store<T>(dh_ + here, load<T>(dh_ + here) + before);
    put_row(r, v, 1, dz[1]);
    put(r, t, v, 1, dz[1]);
  }

  // A masked step: the state stays, and with it its gradient.
  void skip(ptrdiff_t r, ptrdiff_t t) const {
    const bool repeats = t > first_active_[r] && !call_.zero_output_for_mask;
    for_units([&](ptrdiff_t v) {
      if (repeats) store<T>(dh_ + r * stride_ + v * W, output_gradient(r, t, v));
      for (int gate = 0; gate < kSums; ++gate) put(r, t, v, gate, V{});
      for (int gate = 0; gate < Cell::kGates; ++gate) put_row(r, v, gate, V{});
      if (kResetBefore) {
        store<T>(candidate_rows_ + r * stride_ + v * W, V{});
        store_first<T>(call_.reset_h + (r * call_.steps + time(t)) * call_.units + v * W, V{},
                       left(v));
      }
    });
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
  T* candidate_rows_ = nullptr;  // of the candidate's sum
  T* rows_;                      // (rows, sums_stride_): of the sums at this step
  ptrdiff_t* first_active_;      // (rows): a sample's first step that counts
};

}  // namespace
}  // namespace rnnext::kernels
