#include "rnnext/optimizers.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/check.h"
#include "core/instruction_set.h"
#include "core/threads.h"
#include "kernels/table.h"

namespace rnnext {
namespace {

using core::check_size;
using core::check_size_if_given;
using kernels::UpdateCall;

template <class T>
using Kernel = void (*)(const UpdateCall<T>*);

// A division and a root take as long as so many multiply-adds.
constexpr double kWorkOfElement = 20;

// The sizes of a step: a table of `rows` rows of `columns`, or one row of everything.
template <class T>
struct Table {
  std::ptrdiff_t rows, columns, used;

  explicit Table(const UpdateIo<T>& io) : rows(io.rows.size), columns(io.before.size), used(1) {
    check_size<const T>("before", io.before, columns);
    check_size("weights", io.weights, columns);
    if (!rows) rows = 1;
    if (columns % rows)
      throw std::invalid_argument("rows: received " + std::to_string(rows) +
                                  ", which do not divide " + std::to_string(columns) + " weights");
    columns /= rows;
    if (io.rows.size) used = columns ? io.gradients.size / columns : 0;
    check_size("gradients", io.gradients, used * columns);
    check_size_if_given("squares", io.squares, used * columns);
    for (std::ptrdiff_t r = 0; r < io.rows.size; ++r)
      if (io.rows.data[r] >= used)
        throw std::invalid_argument("rows: row " + std::to_string(r) + " has gradients at " +
                                    std::to_string(io.rows.data[r]) + ", but there are " +
                                    std::to_string(used));
  }
};

template <class T>
T* moved(T* pointer, std::ptrdiff_t by) {
  return pointer ? pointer + by : nullptr;
}

// Elements [first, first + n), whose gradients begin at `from` (-1: zeros).
template <class T>
void run(Kernel<T> kernel, const UpdateCall<T>& whole, std::ptrdiff_t first, std::ptrdiff_t n,
         std::ptrdiff_t from) {
  UpdateCall<T> call = whole;
  call.n = n;
  call.before = whole.before + first;
  call.weights = whole.weights + first;
  call.gradients = from < 0 ? nullptr : whole.gradients + from;
  call.squares = from < 0 ? nullptr : moved(whole.squares, from);
  for (int s = 0; s < kernels::kMaxSlots; ++s) call.slots[s] = moved(whole.slots[s], first);
  kernel(&call);
}

// Rows [first, last) of a table. Neighbours without gradients go in one call.
template <class T>
void run_rows(Kernel<T> kernel, const UpdateCall<T>& call, const std::int32_t* rows,
              std::ptrdiff_t columns, std::ptrdiff_t first, std::ptrdiff_t last) {
  for (std::ptrdiff_t row = first; row < last;) {
    std::ptrdiff_t end = row + 1;
    if (rows[row] < 0)
      while (end < last && rows[end] < 0) ++end;
    run(kernel, call, row * columns, (end - row) * columns,
        rows[row] < 0 ? -1 : rows[row] * columns);
    row = end;
  }
}

template <class T>
void update(const UpdateIo<T>& io, Kernel<T> kernel, std::initializer_list<Span<T>> slots,
            std::initializer_list<T> options) {
  const Table<T> table(io);
  const std::ptrdiff_t size = io.before.size;
  if (!size) return;
  UpdateCall<T> call = {};
  call.before = io.before.data;
  call.weights = io.weights.data;
  call.gradients = io.gradients.data;
  call.squares = io.squares.data;
  int s = 0;
  for (const Span<T>& slot : slots) {
    check_size_if_given("slot", slot, size);
    call.slots[s++] = slot.data;
  }
  std::copy(options.begin(), options.end(), call.options);
  call.decays = io.decays;
  call.decay = io.decay;
  call.rate = io.rate;
  const double work = kWorkOfElement * static_cast<double>(size);
  if (io.rows.size) {
    core::parallel_rows(table.rows, work, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
      run_rows(kernel, call, io.rows.data, table.columns, first, last);
    });
    return;
  }
  core::parallel_rows(size, work, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
    run(kernel, call, first, last - first, first);
  });
}

template <class T>
const auto& update_kernels() {
  return kernels::kernels_of<T>(core::kernel_table("")).update;
}

}  // namespace

template <class T>
void update_adam(const UpdateIo<T>& io, Span<T> momentum, Span<T> velocity, Span<T> largest, T step,
                 T part_1, T part_2, T epsilon) {
  check_size("momentum", momentum, io.before.size);
  check_size("velocity", velocity, io.before.size);
  update<T>(io, update_kernels<T>().adam, {momentum, velocity, largest},
            {step, part_1, part_2, epsilon});
}

template <class T>
void update_sgd(const UpdateIo<T>& io, Span<T> momentum, T step, T kept, bool nesterov) {
  update<T>(io, update_kernels<T>().sgd, {momentum}, {step, kept, static_cast<T>(nesterov)});
}

template <class T>
void update_rmsprop(const UpdateIo<T>& io, Span<T> velocity, Span<T> momentum, Span<T> average,
                    T step, T rho, T rest, T epsilon, T kept) {
  check_size("velocity", velocity, io.before.size);
  update<T>(io, update_kernels<T>().rmsprop, {velocity, momentum, average},
            {step, rho, rest, epsilon, kept});
}

template <class T>
std::ptrdiff_t add_look_ups(std::ptrdiff_t columns, Span<const T> values,
                            Span<const std::int64_t> indices, Span<std::int32_t> rows, Span<T> sums,
                            Span<T> squares) {
  const std::ptrdiff_t size = core::checked_size("values", {indices.size, columns});
  check_size("values", values, size);
  check_size("sums", sums, size);
  check_size_if_given("squares", squares, size);
  for (std::ptrdiff_t i = 0; i < indices.size; ++i)
    if (indices.data[i] < 0 || indices.data[i] >= rows.size)
      throw std::invalid_argument("indices: received " + std::to_string(indices.data[i]) +
                                  ", accepted are 0 to " + std::to_string(rows.size - 1));
  std::fill_n(rows.data, rows.size, -1);
  std::int32_t used = 0;
  for (std::ptrdiff_t i = 0; i < indices.size; ++i) {
    std::int32_t& row = rows.data[indices.data[i]];
    const bool is_first = row < 0;
    if (is_first) row = used++;
    const T* from = values.data + i * columns;
    T* sum = sums.data + row * columns;
    T* square = squares.given() ? squares.data + row * columns : nullptr;
    for (std::ptrdiff_t c = 0; c < columns; ++c) sum[c] = is_first ? from[c] : sum[c] + from[c];
    if (!square) continue;
    for (std::ptrdiff_t c = 0; c < columns; ++c)
      square[c] = is_first ? from[c] * from[c] : square[c] + from[c] * from[c];
  }
  return used;
}

#define RNNEXT_INSTANTIATE(T)                                                                   \
  template void update_adam(const UpdateIo<T>&, Span<T>, Span<T>, Span<T>, T, T, T, T);         \
  template void update_sgd(const UpdateIo<T>&, Span<T>, T, T, bool);                            \
  template void update_rmsprop(const UpdateIo<T>&, Span<T>, Span<T>, Span<T>, T, T, T, T, T);   \
  template std::ptrdiff_t add_look_ups(std::ptrdiff_t, Span<const T>, Span<const std::int64_t>, \
                                       Span<std::int32_t>, Span<T>, Span<T>);
RNNEXT_INSTANTIATE(float)
RNNEXT_INSTANTIATE(double)
#undef RNNEXT_INSTANTIATE

}  // namespace rnnext
