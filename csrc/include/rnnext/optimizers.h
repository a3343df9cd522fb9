// Steps of Keras's optimizers: weights changed by their gradients, in one pass over memory.
//
// Every element is computed by itself and rounded after each operation, as NumPy and TensorFlow do,
// so the bits depend neither on the instruction set nor on the number of threads. Subnormals are
// flushed to zero. Every size is checked; what does not fit throws std::invalid_argument.
#pragma once

#include <cstdint>

#include "rnnext/rnnext.h"

namespace rnnext {

// What every step reads and writes: the weights of one variable, or of several side by side.
template <class T>
struct UpdateIo {
  Span<const T> before;     // the weights
  Span<T> weights;          // what becomes of them, of the same size; may be `before`
  Span<const T> gradients;  // of the same size, unless `rows` are given
  Span<const T> squares;    // in place of the gradients' squares; none: those
  // Of a table of which a batch used some rows: for each of its rows, which row of `gradients` and
  // `squares` it has, or -1, which stands for zeros.
  Span<const std::int32_t> rows;
  // Weight decay: decay * rate of a weight is first taken off it.
  bool decays = false;
  T decay = 0, rate = 0;
};

// m += (g - m) * part_1, v += (g^2 - v) * part_2, w -= m * step / (sqrt(v) + epsilon). With
// `largest`, it keeps the largest v so far, which then takes v's place in the last formula.
template <class T>
void update_adam(const UpdateIo<T>& io, Span<T> momentum, Span<T> velocity, Span<T> largest, T step,
                 T part_1, T part_2, T epsilon);

// w -= g * step. With `momentum`, m = m * kept - g * step, and w += m, or (nesterov)
// w += m * kept - g * step.
template <class T>
void update_sgd(const UpdateIo<T>& io, Span<T> momentum, T step, T kept, bool nesterov);

// v = v * rho + g^2 * rest, w -= g * step / sqrt(v + epsilon). With `average`, the average gradient
// a = a * rho + g * rest, a^2 is taken off v in the root. With `momentum`, m = m * kept plus what
// would be taken off w, and m is taken off in its place.
template <class T>
void update_rmsprop(const UpdateIo<T>& io, Span<T> velocity, Span<T> momentum, Span<T> average,
                    T step, T rho, T rest, T epsilon, T kept);

// Adds up the gradients of look-ups, (size of `indices`, columns), in their order: row r of the
// table has sums at row rows[r] of `sums` (and `squares`, sums of squares, if given), or -1.
// Returns how many rows were used. `sums` and `squares` have as many rows as there are look-ups.
template <class T>
std::ptrdiff_t add_look_ups(std::ptrdiff_t columns, Span<const T> values,
                            Span<const std::int64_t> indices, Span<std::int32_t> rows, Span<T> sums,
                            Span<T> squares);

}  // namespace rnnext
