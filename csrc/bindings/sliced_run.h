// Long runs of a layer in slices, between which Ctrl-C is noticed.
//
// Python's handler of a signal runs in the interpreter, which a kernel does not return to. A run
// that takes long is therefore cut: into groups of samples, and these into consecutive steps. An
// answer depends on neither, so its bits are those of one run.
#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <vector>

#include "rnnext/rnnext.h"

namespace rnnext::bindings {

namespace py = pybind11;

// Multiply-adds of a slice: 0.1 s of a slow thread with AVX2, half a second with SSE2.
constexpr double kSliceWork = 2e9;
// Samples of a group for each thread: a kernel takes up to 48 rows through its weights at once.
constexpr std::ptrdiff_t kGroupRows = 48;

// Raises what a signal's handler raised, such as KeyboardInterrupt. Without the GIL.
inline void raise_if_interrupted() {
  const py::gil_scoped_acquire locked;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

// layer.run(io) in slices. The GIL is not held.
template <class T>
class SlicedRun {
 public:
  SlicedRun(const Recurrent<T>& layer, const RecurrentIo<T>& io) : layer_(layer), io_(io) {
    const RecurrentConfig& config = layer.config();
    H_ = config.units;
    D_ = config.features;
    states_ = config.states();
    step_work_ = static_cast<double>(config.gates() * H_) * static_cast<double>(D_ + H_);
  }

  // Whether the run is short enough for one slice, or fills what cannot be cut.
  bool is_whole() const {
    return io_.tape.given() || io_.residuals.given() ||
           static_cast<double>(io_.batch * io_.steps) * step_work_ <= kSliceWork;
  }

  void run() const {
    if (is_whole()) return layer_.run(io_);
    const std::ptrdiff_t most = kGroupRows * get_num_threads();
    for (std::ptrdiff_t first = 0; first < io_.batch; first += most)
      run_group(first, std::min(most, io_.batch - first));
  }

 private:
  // The samples [first, first + count), step after step.
  void run_group(std::ptrdiff_t first, std::ptrdiff_t count) const {
    const double work = static_cast<double>(count) * step_work_;
    const auto steps = std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(kSliceWork / work), 1);
    if (steps >= io_.steps) {
      layer_.run(samples(first, count));
      return raise_if_interrupted();
    }
    Group group(*this, first, count, steps);
    for (std::ptrdiff_t begin = 0; begin < io_.steps; begin += steps) {
      group.run(begin, std::min(steps, io_.steps - begin));
      raise_if_interrupted();
    }
    group.finish();
  }

  template <class U>
  static Span<U> rows(const Span<U>& whole, std::ptrdiff_t first, std::ptrdiff_t count,
                      std::ptrdiff_t row) {
    return whole.given() ? Span<U>(whole.data + first * row, count * row) : Span<U>();
  }

  RecurrentIo<T> samples(std::ptrdiff_t first, std::ptrdiff_t count) const {
    RecurrentIo<T> io = io_;
    io.batch = count;
    io.x = rows(io_.x, first, count, io_.steps * D_);
    io.mask = rows(io_.mask, first, count, io_.steps);
    io.sequence = rows(io_.sequence, first, count, io_.steps * H_);
    io.last_output = rows(io_.last_output, first, count, H_);
    for (int s = 0; s < states_; ++s) {
      io.initial_state[s] = rows(io_.initial_state[s], first, count, H_);
      io.final_state[s] = rows(io_.final_state[s], first, count, H_);
    }
    return io;
  }

  // Some samples that are run by consecutive steps, whose states go from one slice to the next.
  class Group {
   public:
    Group(const SlicedRun& all, std::ptrdiff_t first, std::ptrdiff_t count, std::ptrdiff_t steps)
        : all_(all), io_(all.samples(first, count)), count_(count), D_(all.D_), H_(all.H_) {
      x_.resize(size(count * steps * D_));
      outputs_.resize(size(count * steps * H_));
      shown_.assign(size(count * H_), T(0));
      if (io_.mask.given()) mask_.resize(size(count * steps));
      for (int s = 0; s < all.states_; ++s) {
        states_[s].assign(size(count * H_), T(0));
        new_states_[s].resize(size(count * H_));
        const Span<const T>& initial = io_.initial_state[s];
        if (initial.given()) std::copy_n(initial.data, initial.size, states_[s].data());
      }
    }

    // The steps [begin, begin + count) in the order in which they are taken.
    void run(std::ptrdiff_t begin, std::ptrdiff_t count) {
      const std::ptrdiff_t place = io_.go_backwards ? io_.steps - begin - count : begin;
      for (std::ptrdiff_t b = 0; b < count_; ++b) {
        const T* from = io_.x.data + (b * io_.steps + place) * D_;
        std::copy_n(from, count * D_, x_.data() + b * count * D_);
        if (io_.mask.given())
          std::copy_n(io_.mask.data + b * io_.steps + place, count, mask_.data() + b * count);
      }
      RecurrentIo<T> slice;
      slice.batch = count_;
      slice.steps = count;
      slice.go_backwards = io_.go_backwards;
      slice.zero_output_for_mask = io_.zero_output_for_mask;
      slice.x = {x_.data(), count_ * count * D_};
      if (io_.mask.given()) slice.mask = {mask_.data(), count_ * count};
      slice.sequence = {outputs_.data(), count_ * count * H_};
      for (int s = 0; s < all_.states_; ++s) {
        slice.initial_state[s] = {states_[s].data(), count_ * H_};
        slice.final_state[s] = {new_states_[s].data(), count_ * H_};
      }
      all_.layer_.run(slice);
      for (int s = 0; s < all_.states_; ++s) states_[s].swap(new_states_[s]);
      for (std::ptrdiff_t b = 0; b < count_; ++b) keep(b, begin, count);
    }

    void finish() const {
      if (io_.last_output.given())
        std::copy_n(shown_.data(), io_.last_output.size, io_.last_output.data);
      for (int s = 0; s < all_.states_; ++s)
        if (io_.final_state[s].given())
          std::copy_n(states_[s].data(), io_.final_state[s].size, io_.final_state[s].data);
    }

   private:
    static std::size_t size(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }

    // Puts a sample's outputs in their place. Masked steps at the beginning of the slice repeat the
    // output of the slice before.
    void keep(std::ptrdiff_t b, std::ptrdiff_t begin, std::ptrdiff_t count) {
      T* outputs = outputs_.data() + b * count * H_;
      T* shown = shown_.data() + b * H_;
      if (io_.mask.given() && !io_.zero_output_for_mask)
        for (std::ptrdiff_t t = 0; t < count && !is_taken(b, t, count); ++t)
          std::copy_n(shown, H_, outputs + t * H_);
      if (io_.sequence.given())
        std::copy_n(outputs, count * H_, io_.sequence.data + (b * io_.steps + begin) * H_);
      std::copy_n(outputs + (count - 1) * H_, H_, shown);
    }

    bool is_taken(std::ptrdiff_t b, std::ptrdiff_t t, std::ptrdiff_t count) const {
      return mask_[size(b * count + (io_.go_backwards ? count - 1 - t : t))] != 0;
    }

    const SlicedRun& all_;
    const RecurrentIo<T> io_;
    const std::ptrdiff_t count_, D_, H_;
    std::vector<T> x_, outputs_;
    std::vector<T> shown_;  // the output of the last step so far
    std::vector<std::uint8_t> mask_;
    std::vector<T> states_[2], new_states_[2];
  };

  const Recurrent<T>& layer_;
  const RecurrentIo<T>& io_;
  std::ptrdiff_t H_, D_;
  int states_;
  double step_work_;
};

}  // namespace rnnext::bindings
