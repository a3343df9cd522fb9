// One recurrent layer over a whole sequence: time steps, masks, outputs. The cell's formula is in
// cells.h, the matrix product in product.h.
#pragma once

#include "arena.h"
#include "cells.h"
#include "gate_products.h"
#include "panels.h"
#include "quantised_rows.h"
#include "scaling.h"
#include "short_steps.h"

namespace rnnext::kernels {
namespace {

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
  // Gates of one step on the tape: GruResetBefore's candidate is its third.
  static constexpr int kTapeGates = kGates + (kResetBefore ? 1 : 0);

 public:
  Recurrence(const RecurrentCall<T>& call, Act act, Rec rec)
      : call_(call),
        act_(act),
        rec_(rec),
        shape_(call.units),
        candidate_shape_(call.units),
        panels_(shape_.share(call.member, call.members)),
        candidate_panels_(candidate_shape_.share(call.member, call.members)) {
    tape_states_ = kTapeGates + (kResetAfter && call.for_gradient ? 1 : 0);
    tape_slots_ = tape_states_ + Cell::kStates;
    act_sum_ = call.for_gradient && needs_sum(call.activation);
    rec_sum_ = call.for_gradient && needs_sum(call.recurrent_activation);
    first_ = kResetBefore ? candidate_shape_.begin(candidate_panels_) : shape_.begin(panels_);
    last_ = kResetBefore ? candidate_shape_.end(candidate_panels_) : shape_.end(panels_);
    // A row's stride is never a power of two: rows 4 KiB apart would fight for the same cache set.
    constexpr ptrdiff_t kPad = 64 / static_cast<ptrdiff_t>(sizeof(T));
    stride_ = shape_.unit_vectors * W + kPad;
    x_stride_ = (call.features + W - 1) / W * W + kPad;

    Arena arena(call.workspace);
    for (T*& h : h_) h = arena.template take<T>(call.rows * stride_);
    if (kCarry) c_ = arena.template take<T>(call.rows * stride_);
    if (kResetBefore) {
      update_gate_ = arena.template take<T>(call.rows * stride_);
      reset_h_ = arena.template take<T>(call.rows * stride_);
      candidate_projected_ =
          arena.template take<T>(call.rows * call.block * candidate_shape_.row());
    }
    const ptrdiff_t projected = call.input_factors ? 1 : call.block;
    projected_ = arena.template take<T>(call.rows * projected * shape_.row());
    if (call.state_factors) state_sums_ = arena.template take<T>(call.rows * shape_.row());
    sample_ = take_own<ptrdiff_t>(arena, call.rows);
    active_ = take_own<uint8_t>(arena, call.rows);
    seen_ = take_own<uint8_t>(arena, call.rows);
    x_rows_ = take_own<T>(arena, (call.block > 0 ? call.block : call.rows) * x_stride_);
    if (call.mask || call.state_factors) h_rows_ = take_own<T>(arena, call.rows * stride_);
    if (call.gates.kernel.type == WeightType::int8) {
      quantise_x_ = take_quantiser(arena, call.block > 0 ? call.block : call.rows, call.features);
      quantise_h_ = take_quantiser(arena, call.rows, call.units);
    }
    workspace_bytes_ = arena.used();
  }

  size_t workspace_bytes() const { return workspace_bytes_; }

  void run() {
    if (is_short()) return run_short<1>({this});
    begin();
    for (ptrdiff_t t = 0; t < call_.steps; ++t) {
      if (call_.block) {
        step_of_block_ = t % call_.block;
        if (step_of_block_ == 0) project_block(t);
      }
      if (call_.mask) read_mask(t);
      if (active_rows_ < call_.rows) keep(t);
      if (active_rows_ == 0) continue;
      if constexpr (kResetBefore)
        step_reset_before(t);
      else
        step(t);
      if (call_.mask)
        for (ptrdiff_t i = 0; i < active_rows_; ++i) seen_[sample_[i]] = 1;
    }
    finish();
  }

  // Whether run_in_turn() takes both.
  bool takes_turns(const Recurrence& other) const {
    return is_short() && other.is_short() && call_.units == other.call_.units &&
           call_.steps == other.call_.steps && call_.block == other.call_.block;
  }

  static void run_in_turn(Recurrence& first, Recurrence& second) {
    run_short<2>({&first, &second});
  }

 private:
  // Whether the steps are those of short_steps.h.
  bool is_short() const {
    return call_.rows == 1 && call_.members == 1 && call_.units <= kMaxShortUnits<T> &&
           call_.block > 0 && !call_.mask && !call_.tape && !call_.state_factors &&
           call_.gates.recurrent_kernel.type == WeightType::full;
  }

  template <int Runs>
  static void run_short(Recurrence* const (&runs)[Runs]) {
    const RecurrentCall<T>& call = runs[0]->call_;
    for (Recurrence* run : runs) run->begin();
    for (ptrdiff_t t = 0; t < call.steps; t += call.block) {
      const ptrdiff_t left = call.steps - t, steps = left < call.block ? left : call.block;
      ShortRun<T> short_runs[Runs];
      for (int i = 0; i < Runs; ++i) {
        runs[i]->project_block(t);
        short_runs[i] = runs[i]->short_run(t);
      }
      const auto act = runs[0]->act_;
      const auto rec = runs[0]->rec_;
      if (call.units <= W)
        take_short_steps<CellOf, 1>(short_runs, call.units, steps, act, rec);
      else if constexpr (W < kMaxShortUnits<T>)
        take_short_steps<CellOf, 2>(short_runs, call.units, steps, act, rec);
    }
    for (Recurrence* run : runs) run->finish();
  }

  // From step t on, where a block begins.
  ShortRun<T> short_run(ptrdiff_t t) const {
    const auto panels = [](const PackedGates<T>& gates) {
      return static_cast<const T*>(gates.recurrent_kernel.panels);
    };
    return {projected_,
            candidate_projected_,
            panels(call_.gates),
            panels(call_.candidate),
            call_.recurrent_bias,
            h_[current_],
            c_,
            call_.sequence ? call_.sequence + t * call_.units : nullptr};
  }

  // A piece for each member of the team; the answer is this member's.
  template <class U>
  U* take_own(Arena& arena, ptrdiff_t count) const {
    U* own = nullptr;
    for (int member = 0; member < call_.members; ++member) {
      U* piece = arena.template take<U>(count);
      if (member == call_.member) own = piece;
    }
    return own;
  }

  // Each member quantises all rows for itself: that takes less time than a barrier.
  RowQuantiser<T> take_quantiser(Arena& arena, ptrdiff_t rows, ptrdiff_t depth) const {
    const ptrdiff_t stride = RowQuantiser<T>::stride(depth);
    return {depth, take_own<int16_t>(arena, rows * stride), take_own<float>(arena, rows)};
  }

  // Waits until every member of the team is here: what each wrote, the others may read.
  void barrier() const {
    if (call_.members > 1) call_.barrier(call_.team);
  }

  // ---- before, between and after the steps --------------------------------------------------

  void begin() {
    current_ = 0;
    active_rows_ = call_.rows;
    load_state(h_[0], call_.initial_state[0]);
    if (kCarry) load_state(c_, call_.initial_state[1]);
    for (ptrdiff_t r = 0; r < call_.rows; ++r) {
      sample_[r] = r;
      seen_[r] = 0;
      active_[r] = 1;
    }
    barrier();
  }

  void load_state(T* state, const T* initial) const {
    for (ptrdiff_t r = 0; r < call_.rows; ++r)
      for (ptrdiff_t v = first_; v < last_; ++v)
        store<T>(state + r * stride_ + v * W,
                 initial ? load_first<T>(initial + r * call_.units + v * W, left(v)) : V{});
  }

  // Elements of unit vector v that are units, not padding.
  ptrdiff_t left(ptrdiff_t v) const { return call_.units - v * W; }

  ptrdiff_t time(ptrdiff_t t) const { return call_.go_backwards ? call_.steps - 1 - t : t; }

  bool is_active(ptrdiff_t row, ptrdiff_t t) const {
    return !call_.mask || call_.mask[row * call_.mask_stride + time(t)] != 0;
  }

  // Inputs of steps [t, t + block) of every sample, as rows (sample, step) of `projected_`; not
  // those before a sample's first active step of the block or after its last.
  void project_block(ptrdiff_t t) {
    const ptrdiff_t end = t + call_.block < call_.steps ? t + call_.block : call_.steps;
    for (ptrdiff_t r = 0; r < call_.rows; ++r) {
      ptrdiff_t from = t, to = end;
      while (from < to && !is_active(r, from)) ++from;
      while (from < to && !is_active(r, to - 1)) --to;
      if (from == to) continue;
      for (ptrdiff_t step = from; step < to; ++step) copy_input(step - from, r, step);
      const Rows<T> x = quantise_x_(x_rows_, x_stride_, to - from);
      const ptrdiff_t row = r * call_.block + from - t;
      project(shape_, panels_, call_.gates, x, call_.features, to - from,
              projected_ + row * shape_.row());
      if (kResetBefore)
        project(candidate_shape_, candidate_panels_, call_.candidate, x, call_.features, to - from,
                candidate_projected_ + row * candidate_shape_.row());
    }
  }

  // Puts an input where a product reads it. As they come, samples are steps * features apart and
  // steps `features`: often a multiple of the distance of a cache set.
  void copy_input(ptrdiff_t row, ptrdiff_t sample, ptrdiff_t t) const {
    if (call_.features == 0) return;  // memcpy must not be given the null that x then may be
    __builtin_memcpy(x_rows_ + row * x_stride_,
                     call_.x + sample * call_.x_stride + time(t) * call_.features,
                     static_cast<size_t>(call_.features) * sizeof(T));
  }

  // Lists the samples that take step t.
  void read_mask(ptrdiff_t t) {
    active_rows_ = 0;
    for (ptrdiff_t r = 0; r < call_.rows; ++r) {
      active_[r] = is_active(r, t);
      if (active_[r]) sample_[active_rows_++] = r;
    }
  }

  // The samples that do not take step t: their states stay what they are.
  void keep(ptrdiff_t t) const {
    for (ptrdiff_t r = 0; r < call_.rows; ++r) {
      if (active_[r]) continue;
      for (ptrdiff_t v = first_; v < last_; ++v) {
        const ptrdiff_t at = r * stride_ + v * W;
        const V h = load<T>(h_[current_] + at);
        store<T>(h_[1 - current_] + at, h);
        emit(r, t, v, masked_output(r, v));
        if (call_.for_gradient) {
          const Place tape = place(r, t, v);
          tape.put(tape_states_, h);
          if (kCarry) tape.put(tape_states_ + 1, load<T>(c_ + at));
        }
      }
    }
  }

  void finish() const {
    for (ptrdiff_t r = 0; r < call_.rows; ++r)
      for (ptrdiff_t v = first_; v < last_; ++v) {
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

  // A unit vector's place on the tape at a step, found once for all slots: a store may change any
  // number, for all that the compiler knows.
  struct Place {
    T* to;
    ptrdiff_t units, left;
    bool act_sum, rec_sum;

    RNNEXT_INLINE void put(int slot, V value) const {
      store_first<T>(to + slot * units, value, left);
    }
    // Whether the tape has a gate's sum in place of its value.
    RNNEXT_INLINE bool keeps_sum(int gate) const {
      const bool is_candidate = kCarry ? gate == 2 : gate == kTapeGates - 1;
      return is_candidate ? act_sum : rec_sum;
    }
    // The gates [first, last), or the sums of those, that the tape keeps.
    RNNEXT_INLINE void put_gates(const V* z, int first, int last, bool are_sums) const {
      for (int g = first; g < last; ++g)
        if (keeps_sum(g) == are_sums) put(g, z[g]);
    }
  };
  // There is a tape.
  RNNEXT_INLINE Place place(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v) const {
    return {call_.tape + (r * call_.steps + t) * tape_slots_ * call_.units + v * W, call_.units,
            left(v), act_sum_, rec_sum_};
  }

  // ---- one step -------------------------------------------------------------------------------
  //
  // Products run over the active samples alone, one after the other: row i is sample_[i].

  // Their states; none when each gate's product of them is made already.
  Rows<T> active_states() const {
    const T* h = h_[current_];
    if (__builtin_expect(call_.state_factors != nullptr, 0)) return sum_states_by_gate(), Rows<T>{};
    if (active_rows_ == call_.rows) return quantise_h_(h, stride_, active_rows_);
    for (ptrdiff_t i = 0; i < active_rows_; ++i)
      copy(h_rows_ + i * stride_, h + sample_[i] * stride_, shape_.unit_vectors);
    return quantise_h_(h_rows_, stride_, active_rows_);
  }

  // Their inputs; none when they are projected already.
  Rows<T> active_inputs(ptrdiff_t t) const {
    if (call_.block) return {};
    if (__builtin_expect(call_.input_factors != nullptr, 0)) return project_by_gate(t), Rows<T>{};
    for (ptrdiff_t i = 0; i < active_rows_; ++i) copy_input(i, sample_[i], t);
    return quantise_x_(x_rows_, x_stride_, active_rows_);
  }

  // With factors, each gate by itself. Not inlined: steps without would be slower beside them.
  [[gnu::noinline]] void sum_states_by_gate() const {
    const T* h = h_[current_];
    const auto size = static_cast<size_t>(active_rows_ * shape_.row());
    __builtin_memset(state_sums_, 0, size * sizeof(T));
    add_gate_products(shape_, call_.gate_recurrent_kernels, call_.units, call_.units, active_rows_,
                      state_sums_, [&](int gate) {
                        for (ptrdiff_t i = 0; i < active_rows_; ++i)
                          scale(h + sample_[i] * stride_, state_factors(sample_[i], gate),
                                h_rows_ + i * stride_, call_.units);
                        return Rows<T>{h_rows_, stride_, {}};
                      });
  }
  [[gnu::noinline]] void project_by_gate(ptrdiff_t t) const {
    for (ptrdiff_t i = 0; i < active_rows_; ++i)
      copy(projected_ + i * shape_.row(), call_.gates.bias, shape_.unit_vectors * kGates);
    add_gate_products(shape_, call_.gate_kernels, call_.units, call_.features, active_rows_,
                      projected_, [&](int gate) { return inputs_of_gate(t, gate); });
  }
  [[gnu::noinline]] Rows<T> inputs_of_gate(ptrdiff_t t, int gate) const {
    for (ptrdiff_t i = 0; i < active_rows_; ++i) {
      const ptrdiff_t r = sample_[i];
      scale(call_.x + r * call_.x_stride + time(t) * call_.features,
            call_.input_factors + (r * kTapeGates + gate) * call_.features, x_rows_ + i * x_stride_,
            call_.features);
    }
    return quantise_x_(x_rows_, x_stride_, active_rows_);
  }

  const T* state_factors(ptrdiff_t r, int gate) const {
    return call_.state_factors + (r * kTapeGates + gate) * call_.units;
  }

  // z (block.rows, block.vectors, Gates, W) = the gates' sums at this step of the active rows'
  // inputs x, or of `projected`, which holds the inputs' part when it was computed ahead, and
  // `states`, which the recurrent kernel multiplies, or state_sums_, if there are none. between()
  // is called when the input's part is complete and the state's has not begun.
  template <int Gates, class Between>
  RNNEXT_INLINE void sum_gates(const PanelShape<Gates, T>& shape, const PackedGates<T>& weights,
                               const T* projected, const Rows<T>& x, const Rows<T>& states,
                               const Block& block, T* z, Between between) const {
    constexpr int C = PanelShape<Gates, T>::kColumn;
    const ptrdiff_t vectors = block.vectors * Gates, z_stride = vectors * W;
    for (ptrdiff_t i = 0; i < block.rows; ++i) {
      const T* start = weights.bias;
      if (call_.block)
        start = projected + (sample_[block.row + i] * call_.block + step_of_block_) * shape.row();
      else if (!x.numbers)
        start = projected + (block.row + i) * shape.row();
      copy(z + i * z_stride, start + block.v * C, vectors);
    }
    if (x.numbers) accumulate_block(shape, block, x, weights.kernel, call_.features, z);
    between();
    if (__builtin_expect(!states.numbers, 0)) return add_state_sums(block, z);
    accumulate_block(shape, block, states, weights.recurrent_kernel, call_.units, z);
  }

  [[gnu::noinline]] void add_state_sums(const Block& block, T* z) const {
    for (ptrdiff_t i = 0; i < block.rows; ++i) {
      const T* sums = state_sums_ + (block.row + i) * shape_.row() + block.v * kColumn;
      for (ptrdiff_t n = 0; n < block.vectors * kColumn; n += W, z += W)
        store<T>(z, load<T>(z) + load<T>(sums + n));
    }
  }

  // Calls update(sample, unit vector, i) for every unit vector of a block, i counting them.
  template <class Update>
  RNNEXT_INLINE void update_block(const Block& block, Update update) const {
    for (ptrdiff_t row = 0, i = 0; row < block.rows; ++row)
      for (ptrdiff_t v = 0; v < block.vectors; ++v, ++i)
        update(sample_[block.row + row], block.v + v, i);
  }

  void set_state(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v, V h) const {
    store<T>(h_[1 - current_] + r * stride_ + v * W, h);
    emit(r, t, v, h);
  }

  void end_step() {
    current_ = 1 - current_;
    barrier();
  }

  // SimpleRnn, Lstm, GruResetAfter: one product.
  void step(ptrdiff_t t) {
    const Rows<T> x = active_inputs(t), states = active_states();
    for_each_block(shape_, panels_, active_rows_, t & 1, [&](const Block& block) {
      alignas(64) T z[kBlockVectors * W];
      V x_h[kResetAfter ? kBlockVectors / kGates : 1];
      sum_gates(shape_, call_.gates, projected_, x, states, block, z, [&] {
        if (kResetAfter) split_candidate(block, z, x_h);
      });
      if (kGates > 1)
        update_block(block, [&](ptrdiff_t r, ptrdiff_t v, ptrdiff_t i) {
          begin_units(r, t, v, z + i * kColumn, kResetAfter ? x_h[i] : V{});
        });
      update_block(block, [&](ptrdiff_t r, ptrdiff_t v, ptrdiff_t i) {
        finish_units(r, t, v, z + i * kColumn);
      });
    });
    end_step();
  }

  // The sums of unit vector v. Of the last one, lanes that are no units hold anything.
  template <int Gates>
  RNNEXT_INLINE void load_gates(const T* sums, ptrdiff_t v, V (&z)[Gates]) const {
    const ptrdiff_t step = shape_.gate_step(v);
    for (int g = 0; g < Gates; ++g) z[g] = load<T>(sums + g * step);
  }

  // Puts the input's part of the candidate aside and starts its recurrent part.
  RNNEXT_INLINE void split_candidate(const Block& block, T* z, V* x_h) const {
    update_block(block, [&](ptrdiff_t, ptrdiff_t v, ptrdiff_t i) {
      T* candidate = z + i * kColumn + 2 * shape_.gate_step(v);
      x_h[i] = load<T>(candidate);
      store<T>(candidate, load<T>(call_.recurrent_bias + v * W));
    });
  }

  // Puts gates in the place of their sums, W apart even if those were not.
  RNNEXT_INLINE void begin_units(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v, T* sums, V x_h) const {
    V z[kGates];
    load_gates(sums, v, z);
    if (__builtin_expect(call_.for_gradient, 0)) {
      const Place tape = place(r, t, v);
      tape.put_gates(z, 0, kResetAfter ? 2 : kGates, true);
      if (kResetAfter) tape.put(kTapeGates, z[2]);
    }
    T* carry = c_ + (kCarry ? r * stride_ + v * W : 0);
    V c = kCarry ? load<T>(carry) : x_h;
    Cell::begin(z, c, act_, rec_);
    if (kCarry) store<T>(carry, c);
    for (int g = 0; g < kGates; ++g) store<T>(sums + g * W, z[g]);
  }

  RNNEXT_INLINE void finish_units(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v, const T* gates) const {
    const ptrdiff_t at = r * stride_ + v * W;
    V z[kGates];
    for (int g = 0; g < kGates; ++g) z[g] = load<T>(gates + g * W);
    const V c = kCarry ? load<T>(c_ + at) : V{};
    const V sum = z[kGates - 1];  // of a cell whose candidate is activated here
    const V h = Cell::finish(z, load<T>(h_[current_] + at), c, act_);
    set_state(r, t, v, h);
    if (__builtin_expect(call_.tape == nullptr, 1)) return;
    const Place tape = place(r, t, v);
    const int states = tape_states_;
    tape.put_gates(z, 0, kGates, false);
    if (!kCarry && tape.act_sum) tape.put(kGates - 1, sum);
    tape.put(states, h);
    if (kCarry) tape.put(states + 1, c);
  }

  // GruResetBefore: the product of its gates, then that of the candidate over r * h.
  void step_reset_before(ptrdiff_t t) {
    const auto nothing = [] {};
    const Rows<T> x = active_inputs(t), states = active_states();
    for_each_block(shape_, panels_, active_rows_, t & 1, [&](const Block& block) {
      alignas(64) T z[kBlockVectors * W];
      sum_gates(shape_, call_.gates, projected_, x, states, block, z, nothing);
      update_block(block, [&](ptrdiff_t r, ptrdiff_t v, ptrdiff_t i) {
        reset_units(r, t, v, z + i * kColumn, block.row + i / block.vectors);
      });
    });
    barrier();
    const Rows<T> reset = quantise_h_(reset_h_, stride_, active_rows_);
    const Rows<T> candidate_x = call_.input_factors ? inputs_of_gate(t, 2) : x;
    for_each_block(candidate_shape_, candidate_panels_, active_rows_, t & 1,
                   [&](const Block& block) {
                     alignas(64) T z[kBlockVectors * W];
                     sum_gates(candidate_shape_, call_.candidate, candidate_projected_, candidate_x,
                               reset, block, z, nothing);
                     update_block(block, [&](ptrdiff_t r, ptrdiff_t v, ptrdiff_t i) {
                       update_candidate(r, t, v, load<T>(z + i * W));
                     });
                   });
    end_step();
  }

  // `row`: where the candidate's product reads r * h.
  RNNEXT_INLINE void reset_units(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v, const T* sums,
                                 ptrdiff_t row) const {
    const ptrdiff_t at = r * stride_ + v * W;
    V z[2];
    load_gates(sums, v, z);
    if (__builtin_expect(call_.for_gradient, 0)) place(r, t, v).put_gates(z, 0, 2, true);
    V h = load<T>(h_[current_] + at);
    if (__builtin_expect(call_.state_factors != nullptr, 0))
      h *= load_first<T>(state_factors(r, 2) + v * W, left(v));
    store<T>(reset_h_ + row * stride_ + v * W, GruResetBefore<T>::reset(z, h, rec_));
    store<T>(update_gate_ + at, z[0]);
    if (__builtin_expect(call_.tape != nullptr, 0)) place(r, t, v).put_gates(z, 0, 2, false);
  }

  RNNEXT_INLINE void update_candidate(ptrdiff_t r, ptrdiff_t t, ptrdiff_t v, V z) const {
    const ptrdiff_t at = r * stride_ + v * W;
    const V sum = z;
    const V h =
        GruResetBefore<T>::update(z, load<T>(update_gate_ + at), load<T>(h_[current_] + at), act_);
    set_state(r, t, v, h);
    if (__builtin_expect(call_.tape == nullptr, 1)) return;
    const Place tape = place(r, t, v);
    tape.put(2, tape.act_sum ? sum : z);
    tape.put(3, h);
  }

  const RecurrentCall<T>& call_;
  const Act act_;
  const Rec rec_;
  const PanelShape<kGates, T> shape_;
  const PanelShape<1, T> candidate_shape_;
  const PanelRange panels_, candidate_panels_;  // this member's
  ptrdiff_t first_, last_;                      // this member's unit vectors of the state
  ptrdiff_t stride_, x_stride_;
  size_t workspace_bytes_;
  int tape_states_, tape_slots_;  // where a step's states are on the tape, and what it has in all
  bool act_sum_, rec_sum_;        // whether the tape has sums in place of activated gates
  ptrdiff_t step_of_block_ = 0;   // the present step's, of those projected ahead
  int current_ = 0;            // h_[current_] is the state before a step, the other the one after
  ptrdiff_t active_rows_ = 0;  // samples that take the present step

  // Pieces of the caller's workspace; states are (rows, stride_). The team's:
  T* h_[2];
  T* c_ = nullptr;
  T* update_gate_ = nullptr;
  T* reset_h_ = nullptr;
  T* projected_ = nullptr;            // (rows, block or 1, shape_.row())
  T* candidate_projected_ = nullptr;  // (rows, block, candidate_shape_.row())
  T* state_sums_ = nullptr;           // (active_rows_, shape_.row()): see sum_gates()
  // This member's:
  ptrdiff_t* sample_;    // (active_rows_,): the samples that take the present step
  uint8_t* active_;      // (rows,): takes the present step
  uint8_t* seen_;        // (rows,): has taken a step; kept up for masks alone
  T* x_rows_;            // inputs (active samples or steps of a block, x_stride_)
  T* h_rows_ = nullptr;  // (active_rows_, stride_)
  // int8 weights: the rows of the product that comes next, as integers.
  RowQuantiser<T> quantise_x_, quantise_h_;
};

}  // namespace
}  // namespace rnnext::kernels
