// One recurrent layer over a whole sequence: time steps, masks, outputs. The cell's formula is in
// cells.h, the matrix product in product.h.
#pragma once

#include "cells.h"
#include "panels.h"

namespace rnnext::kernels {
namespace {

// Hands out consecutive pieces of the caller's workspace; with no base it only measures.
class Arena {
 public:
  explicit Arena(void* base) : base_(static_cast<char*>(base)) {}

  template <class U>
  U* take(ptrdiff_t count) {
    U* piece = base_ ? reinterpret_cast<U*>(base_ + used_) : nullptr;
    used_ += (static_cast<size_t>(count) * sizeof(U) + 63) / 64 * 64;
    return piece;
  }
  size_t used() const { return used_; }

 private:
  char* base_;
  size_t used_ = 0;
};

template <template <class> class CellOf, class T, class Act, class Rec>
class Recurrence {
  using Cell = CellOf<T>;
  using V = Vec<T>;
  static constexpr int W = kWidth<T>;
  static constexpr int kGates = Cell::kGates;
  static constexpr int kColumn = PanelShape<kGates, T>::kColumn;
  static constexpr bool kResetAfter = same<Cell, GruResetAfter<T>>;
  static constexpr bool kResetBefore = same<Cell, GruResetBefore<T>>;
  static constexpr bool kCarry = same<Cell, Lstm<T>>;
  // Gates and states of one step on the tape (GruResetBefore's candidate is its third gate).
  static constexpr int kTapeSlots = kGates + (kResetBefore ? 1 : 0) + Cell::kStates;

 public:
  Recurrence(const RecurrentCall<T>& call, Act act, Rec rec)
      : call_(call), act_(act), rec_(rec), shape_(call.units), candidate_shape_(call.units) {
    Arena arena(call.workspace);
    // A row's stride is never a power of two: rows 4 KiB apart would fight for the same cache set.
    stride_ = shape_.unit_vectors * W + 64 / static_cast<ptrdiff_t>(sizeof(T));
    for (T*& h : h_) h = arena.template take<T>(call.rows * stride_);
    if (kCarry) c_ = arena.template take<T>(call.rows * stride_);
    if (kResetBefore) {
      update_gate_ = arena.template take<T>(call.rows * stride_);
      reset_h_ = arena.template take<T>(call.rows * stride_);
      candidate_projected_ =
          arena.template take<T>(call.rows * call.block * candidate_shape_.row());
    }
    projected_ = arena.template take<T>(call.rows * call.block * shape_.row());
    active_ = arena.template take<uint8_t>(call.rows);
    seen_ = arena.template take<uint8_t>(call.rows);
    workspace_bytes_ = arena.used();
  }

  size_t workspace_bytes() const { return workspace_bytes_; }

  void run() {
    begin();
    for (ptrdiff_t t = 0; t < call_.steps; ++t) {
      if (call_.block && t % call_.block == 0) project_block(t);
      if (read_mask(t)) {
        if constexpr (kResetBefore)
          step_reset_before(t);
        else
          step(t);
      } else {
        skip(t);
      }
      for (ptrdiff_t r = 0; r < call_.rows; ++r) seen_[r] |= active_[r];
    }
    finish();
  }

 private:
  // ---- before, between and after the steps --------------------------------------------------

  void begin() {
    current_ = 0;
    load_state(h_[0], call_.initial_state[0]);
    if (kCarry) load_state(c_, call_.initial_state[1]);
    for (ptrdiff_t r = 0; r < call_.rows; ++r) {
      seen_[r] = 0;
      active_[r] = 1;
    }
  }

  void load_state(T* state, const T* initial) const {
    for (ptrdiff_t r = 0; r < call_.rows; ++r)
      for (ptrdiff_t v = 0; v < shape_.unit_vectors; ++v)
        store<T>(state + r * stride_ + v * W,
                 initial ? load_first<T>(initial + r * call_.units + v * W, left(v)) : V{});
  }

  // Elements of unit vector v that are units, not padding.
  ptrdiff_t left(ptrdiff_t v) const { return call_.units - v * W; }

  ptrdiff_t time(ptrdiff_t t) const { return call_.go_backwards ? call_.steps - 1 - t : t; }

  const T* input(ptrdiff_t row, ptrdiff_t t) const {
    return call_.x + row * call_.x_stride + time(t) * call_.features;
  }

  // Inputs of steps [t, t + block) of every sample, as rows (sample, step) of `projected_`.
  void project_block(ptrdiff_t t) {
    const ptrdiff_t left = call_.steps - t, steps = left < call_.block ? left : call_.block;
    const ptrdiff_t stride = call_.go_backwards ? -call_.features : call_.features;
    for (ptrdiff_t r = 0; r < call_.rows; ++r) {
      project(shape_, call_.gates, input(r, t), stride, call_.features, steps,
              projected_ + r * call_.block * shape_.row());
      if (kResetBefore)
        project(candidate_shape_, call_.candidate, input(r, t), stride, call_.features, steps,
                candidate_projected_ + r * call_.block * candidate_shape_.row());
    }
  }

  // Which samples take step t; false when none does.
  bool read_mask(ptrdiff_t t) {
    if (!call_.mask) return true;
    bool any = false;
    for (ptrdiff_t r = 0; r < call_.rows; ++r) {
      active_[r] = call_.mask[r * call_.mask_stride + time(t)] != 0;
      any |= active_[r] != 0;
    }
    return any;
  }

  // A step that is masked for every sample: the states stay where they are.
  void skip(ptrdiff_t t) const {
    if (!call_.sequence) return;
    for (ptrdiff_t r = 0; r < call_.rows; ++r)
      for (ptrdiff_t v = 0; v < shape_.unit_vectors; ++v) emit(r, t, v, masked_output(r, v));
  }

  void finish() const {
    for (ptrdiff_t r = 0; r < call_.rows; ++r)
      for (ptrdiff_t v = 0; v < shape_.unit_vectors; ++v) {
        const ptrdiff_t at = r * stride_ + v * W, to = r * call_.units + v * W;
        const V h = load<T>(h_[current_] + at);
        const bool ended = call_.steps > 0 && active_[r];
        if (call_.last_output)
          store_first<T>(call_.last_output + to, ended ? h : masked_output(r, v), left(v));
        if (call_.final_state[0]) store_first<T>(call_.final_state[0] + to, h, left(v));
        if (kCarry && call_.final_state[1])
          store_first<T>(call_.final_state[1] + to, load<T>(c_ + at), left(v));
      }
  }

  // ---- outputs --------------------------------------------------------------------------------

  // A masked step repeats the previous output. Outputs are states once a step has run, so that is
  // the kept state; before the first unmasked step it is zero, whatever the initial state.
  V masked_output(ptrdiff_t r, ptrdiff_t v) const {
    if (call_.zero_output_for_mask || !seen_[r]) return V{};
    return load<T>(h_[current_] + r * stride_ + v * W);
  }

  void emit(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v, V y) const {
    if (call_.sequence)
      store_first<T>(call_.sequence + r * call_.sequence_stride + t * call_.units + v * W, y,
                     left(v));
  }

  void record(ptrdiff_t r, ptrdiff_t t, int slot, ptrdiff_t v, V value) const {
    if (__builtin_expect(call_.tape != nullptr, 0))
      store_first<T>(call_.tape + ((r * call_.steps + t) * kTapeSlots + slot) * call_.units + v * W,
                     value, left(v));
  }

  // ---- one step -------------------------------------------------------------------------------

  bool any_active(const Tile& tile) const {
    for (ptrdiff_t r = tile.row; r < tile.row + tile.rows; ++r)
      if (active_[r]) return true;
    return false;
  }

  // z (tile.rows, tile.vectors, Gates, W) = the gates' sums at step t. `state` (rows, stride_) is
  // what the recurrent kernel multiplies; `projected` holds the inputs' part when it was computed
  // ahead. between(z) is called when the input's part is complete and the state's has not begun.
  template <int Gates, class Between>
  RNNEXT_INLINE void sum_gates(const PanelShape<Gates, T>& shape, const PackedGates<T>& weights,
                               const T* projected, const T* state, ptrdiff_t t, const Tile& tile,
                               T* z, Between between) const {
    constexpr int C = PanelShape<Gates, T>::kColumn;
    const ptrdiff_t z_stride = tile.vectors * C;
    const T* start = weights.bias + tile.v * C;
    ptrdiff_t start_stride = 0;
    if (call_.block) {
      start_stride = call_.block * shape.row();
      start = projected + tile.row * start_stride + t % call_.block * shape.row() + tile.v * C;
    }
    for (ptrdiff_t r = 0; r < tile.rows; ++r)
      copy(z + r * z_stride, start + r * start_stride, tile.vectors * Gates);

    const Accumulate<T> accumulate = tile_function<T>(tile.vectors * Gates, tile.rows);
    Operand<T> operands[2];
    int count = 0;
    if (!call_.block)
      operands[count++] = operand(shape, tile.panel, tile.v, weights.kernel, call_.features,
                                  input(tile.row, t), call_.x_stride);
    if (kResetAfter) {
      accumulate(operands, count, z, z_stride);
      count = 0;
    }
    between(z);
    operands[count++] = operand(shape, tile.panel, tile.v, weights.recurrent_kernel, call_.units,
                                state + tile.row * stride_, stride_);
    accumulate(operands, count, z, z_stride);
  }

  // Calls update(r, v, z, index) for each unit vector of the tile's active samples, where z points
  // to the sums of its gates and index counts the tile's unit vectors; the others keep their state.
  template <int Gates, class Update>
  RNNEXT_INLINE void update_tile(const Tile& tile, T* z, ptrdiff_t t, Update update) const {
    ptrdiff_t index = 0;
    for (ptrdiff_t r = tile.row; r < tile.row + tile.rows; ++r) {
      if (!active_[r]) {
        keep(r, t, tile);
        index += tile.vectors;
        continue;
      }
      for (ptrdiff_t v = tile.v; v < tile.v + tile.vectors; ++v, ++index)
        update(r, v, z + index * Gates * W, index);
    }
  }

  void keep(ptrdiff_t r, ptrdiff_t t, const Tile& tile) const {
    for (ptrdiff_t v = tile.v; v < tile.v + tile.vectors; ++v) {
      const ptrdiff_t at = r * stride_ + v * W;
      store<T>(h_[1 - current_] + at, load<T>(h_[current_] + at));
      emit(r, t, v, masked_output(r, v));
    }
  }

  void keep_all(ptrdiff_t t, const Tile& tile) const {
    for (ptrdiff_t r = tile.row; r < tile.row + tile.rows; ++r) keep(r, t, tile);
  }

  void set_state(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v, V h) const {
    store<T>(h_[1 - current_] + r * stride_ + v * W, h);
    emit(r, t, v, h);
  }

  // SimpleRnn, Lstm, GruResetAfter: one product.
  void step(ptrdiff_t t) {
    for_each_panel_tile(shape_, call_.rows, t & 1, [&](const Tile& tile) {
      if (!any_active(tile)) return keep_all(t, tile);
      alignas(64) T z[kTileArea * W];
      V x_h[kTileArea];
      sum_gates(shape_, call_.gates, projected_, h_[current_], t, tile, z, [&](T* sums) {
        if (kResetAfter) split_candidate(tile, sums, x_h);
      });
      update_tile<kGates>(tile, z, t, [&](ptrdiff_t r, ptrdiff_t v, T* sums, ptrdiff_t index) {
        update_units(r, t, v, sums, kResetAfter ? x_h[index] : V{});
      });
    });
    current_ = 1 - current_;
  }

  // Puts the input's part of the candidate aside and starts its recurrent part.
  RNNEXT_INLINE void split_candidate(const Tile& tile, T* z, V* x_h) const {
    for (ptrdiff_t i = 0; i < tile.rows * tile.vectors; ++i) {
      T* candidate = z + i * kColumn + 2 * W;
      x_h[i] = load<T>(candidate);
      store<T>(candidate, load<T>(call_.recurrent_bias + (tile.v + i % tile.vectors) * W));
    }
  }

  RNNEXT_INLINE void update_units(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v, const T* sums,
                                  V x_h) const {
    const ptrdiff_t at = r * stride_ + v * W;
    V z[kGates];
    for (int g = 0; g < kGates; ++g) z[g] = load<T>(sums + g * W);
    V c = kCarry ? load<T>(c_ + at) : x_h;
    const V h = Cell::update(z, load<T>(h_[current_] + at), c, act_, rec_);
    if (kCarry) store<T>(c_ + at, c);
    set_state(r, t, v, h);
    for (int g = 0; g < kGates; ++g) record(r, t, g, v, z[g]);
    record(r, t, kGates, v, h);
    if (kCarry) record(r, t, kGates + 1, v, c);
  }

  // GruResetBefore: the product of its gates, then that of the candidate over r * h.
  void step_reset_before(ptrdiff_t t) {
    const auto nothing = [](T*) {};
    for_each_panel_tile(shape_, call_.rows, t & 1, [&](const Tile& tile) {
      if (!any_active(tile)) return;
      alignas(64) T z[kTileArea * W];
      sum_gates(shape_, call_.gates, projected_, h_[current_], t, tile, z, nothing);
      for (ptrdiff_t i = 0; i < tile.rows * tile.vectors; ++i)
        reset_units(tile.row + i / tile.vectors, t, tile.v + i % tile.vectors, z + i * kColumn);
    });
    for_each_panel_tile(candidate_shape_, call_.rows, t & 1, [&](const Tile& tile) {
      if (!any_active(tile)) return keep_all(t, tile);
      alignas(64) T z[kTileArea * W];
      sum_gates(candidate_shape_, call_.candidate, candidate_projected_, reset_h_, t, tile, z,
                nothing);
      update_tile<1>(tile, z, t, [&](ptrdiff_t r, ptrdiff_t v, const T* sums, ptrdiff_t) {
        update_candidate(r, t, v, load<T>(sums));
      });
    });
    current_ = 1 - current_;
  }

  RNNEXT_INLINE void reset_units(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v, const T* sums) const {
    const ptrdiff_t at = r * stride_ + v * W;
    V z[2] = {load<T>(sums), load<T>(sums + W)};
    store<T>(reset_h_ + at, GruResetBefore<T>::reset(z, load<T>(h_[current_] + at), rec_));
    store<T>(update_gate_ + at, z[0]);
    if (!active_[r]) return;
    for (int g = 0; g < 2; ++g) record(r, t, g, v, z[g]);
  }

  RNNEXT_INLINE void update_candidate(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v, V z) const {
    const ptrdiff_t at = r * stride_ + v * W;
    const V h =
        GruResetBefore<T>::update(z, load<T>(update_gate_ + at), load<T>(h_[current_] + at), act_);
    set_state(r, t, v, h);
    record(r, t, 2, v, z);
    record(r, t, 3, v, h);
  }

  const RecurrentCall<T>& call_;
  const Act act_;
  const Rec rec_;
  const PanelShape<kGates, T> shape_;
  const PanelShape<1, T> candidate_shape_;
  ptrdiff_t stride_;
  size_t workspace_bytes_;
  int current_ = 0;  // h_[current_] is the state before a step, the other the one after

  // Pieces of the caller's workspace; states are (rows, stride_).
  T* h_[2];
  T* c_ = nullptr;
  T* update_gate_ = nullptr;
  T* reset_h_ = nullptr;
  T* projected_ = nullptr;            // (rows, block, shape_.row())
  T* candidate_projected_ = nullptr;  // (rows, block, candidate_shape_.row())
  uint8_t* active_;                   // (rows,): takes the present step
  uint8_t* seen_;                     // (rows,): has taken a step
};

}  // namespace
}  // namespace rnnext::kernels
