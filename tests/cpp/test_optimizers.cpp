// Optimizers' steps against plain loops: the same bits on every instruction set and number of
// threads, for sizes around a vector's, with rows and without.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "rnnext/optimizers.h"
#include "testing.h"

using namespace rnnext;
using rnnext::testing::check;
using rnnext::testing::Random;

namespace {

constexpr int kSlots = 3;

// One step's arrays, and what a plain loop makes of them.
template <class T>
struct Step {
  std::vector<T> before, weights, gradients, squares;
  std::vector<std::int32_t> rows;
  std::vector<T> slots[kSlots];
  bool decays = false;

  Step(std::ptrdiff_t rows_, std::ptrdiff_t columns, bool by_rows, std::uint64_t seed) {
    Random random(seed);
    const std::ptrdiff_t n = rows_ * columns;
    before = weights = random.array<T>(n, 1);
    gradients = random.array<T>(n, 1);
    for (const T g : random.array<T>(n, 1)) squares.push_back(g * g);
    for (std::vector<T>& slot : slots)
      for (const T v : random.array<T>(n, 1)) slot.push_back(v * v);
    if (!by_rows) return;
    // Of every three rows the first has no gradients, and the others have those of the row behind.
    for (std::ptrdiff_t row = 0; row < rows_; ++row)
      rows.push_back(row % 3 ? static_cast<std::int32_t>((row + 1) % rows_) : -1);
  }

  UpdateIo<T> io() {
    UpdateIo<T> io;
    io.before = before;
    io.weights = weights;
    io.gradients = gradients;
    io.squares = squares;
    io.rows = rows;
    io.decays = decays;
    io.decay = T(0.01);
    io.rate = T(0.5);
    return io;
  }

  // formula(w, g, g^2, slots) returns the new weight.
  template <class Formula>
  void run_plainly(Formula formula) {
    const std::size_t n = before.size(), columns = rows.empty() ? n : n / rows.size();
    for (std::size_t i = 0; i < n; ++i) {
      const std::ptrdiff_t row = rows.empty() ? 0 : rows[i / columns];
      const std::size_t from = rows.empty() ? i : row * columns + i % columns;
      const T g = row < 0 ? T(0) : gradients[from], g2 = row < 0 ? T(0) : squares[from];
      T w = before[i], s[kSlots] = {slots[0][i], slots[1][i], slots[2][i]};
      if (decays) w -= w * T(0.01) * T(0.5);
      weights[i] = formula(w, g, g2, s);
      for (int k = 0; k < kSlots; ++k) slots[k][i] = s[k];
    }
  }

  bool operator==(const Step& other) const {
    return weights == other.weights && slots[0] == other.slots[0] && slots[1] == other.slots[1] &&
           slots[2] == other.slots[2];
  }
};

// The kernel's step and the formula's, for several sizes.
template <class T, class Kernel, class Formula>
void compare(const std::string& what, Kernel kernel, Formula formula) {
  for (const std::ptrdiff_t rows : {1, 3, 10, 400})
    for (const std::ptrdiff_t columns : {1, 3, 16, 33, 128})
      for (const bool by_rows : {false, true})
        for (const bool decays : {false, true}) {
          Step<T> ours(rows, columns, by_rows, 7), plain = ours;
          ours.decays = plain.decays = decays;
          kernel(ours);
          plain.run_plainly(formula);
          check(ours == plain, what + " of " + std::to_string(rows) + " x " +
                                   std::to_string(columns) + (by_rows ? " by rows" : "") +
                                   (decays ? " with decay" : ""));
        }
}

template <class T>
void test_formulas(const std::string& isa) {
  const T step = T(0.01), kept = T(0.9), rest = T(0.1), epsilon = T(1e-7);
  for (const bool largest : {false, true})
    compare<T>(
        isa + " adam",
        [&](Step<T>& s) {
          update_adam<T>(s.io(), s.slots[0], s.slots[1], largest ? Span<T>(s.slots[2]) : Span<T>(),
                         step, rest, rest, epsilon);
        },
        [&](T w, T g, T g2, T* s) {
          s[0] += (g - s[0]) * rest;
          s[1] += (g2 - s[1]) * rest;
          if (largest) s[2] = std::max(s[2], s[1]);
          return w - s[0] * step / (std::sqrt(largest ? s[2] : s[1]) + epsilon);
        });
  for (const bool nesterov : {false, true})
    for (const bool momentum : {false, true})
      compare<T>(
          isa + " sgd",
          [&](Step<T>& s) {
            update_sgd<T>(s.io(), momentum ? Span<T>(s.slots[0]) : Span<T>(), step, kept, nesterov);
          },
          [&](T w, T g, T, T* s) {
            const T move = g * step;
            if (!momentum) return w - move;
            s[0] = s[0] * kept - move;
            return nesterov ? w + (s[0] * kept - move) : w + s[0];
          });
  for (const bool centered : {false, true})
    for (const bool momentum : {false, true})
      compare<T>(
          isa + " rmsprop",
          [&](Step<T>& s) {
            for (T& v : s.slots[0]) v += 4;  // a variance: larger than the square of the average
            update_rmsprop<T>(s.io(), s.slots[0], momentum ? Span<T>(s.slots[1]) : Span<T>(),
                              centered ? Span<T>(s.slots[2]) : Span<T>(), step, kept, rest, epsilon,
                              kept);
          },
          [&](T w, T g, T g2, T* s) {
            s[0] = (s[0] + 4) * kept + g2 * rest;
            T variance = s[0];
            if (centered) {
              s[2] = s[2] * kept + g * rest;
              variance -= s[2] * s[2];
            }
            T move = g * step / std::sqrt(variance + epsilon);
            if (momentum) move = s[1] = s[1] * kept + move;
            return w - move;
          });
}

template <class T>
void test_look_ups() {
  const std::vector<T> values = {1, 2, 3, 4, 5, 6};
  const std::vector<std::int64_t> indices = {2, 0, 2};
  std::vector<std::int32_t> rows(4);
  std::vector<T> sums(6), squares(6);
  const std::ptrdiff_t used = add_look_ups<T>(2, values, indices, rows, sums, squares);
  check(used == 2 && rows == std::vector<std::int32_t>{1, -1, 0, -1}, "look-ups: rows");
  check(std::vector<T>(sums.begin(), sums.begin() + 4) == std::vector<T>{6, 8, 3, 4},
        "look-ups: sums");
  check(std::vector<T>(squares.begin(), squares.begin() + 4) == std::vector<T>{26, 40, 9, 16},
        "look-ups: squares");
}

template <class Call>
void refused(const std::string& what, Call call) {
  try {
    call();
    check(false, what + " is accepted");
  } catch (const std::invalid_argument& error) {
    check(std::string(error.what()).find(what) != std::string::npos, error.what());
  }
}

void test_sizes_are_checked() {
  Step<float> s(3, 4, true, 1);
  UpdateIo<float> io = s.io();
  io.gradients.size -= 4;
  io.squares.size -= 4;
  io.rows = {};
  refused("gradients", [&] { update_sgd<float>(io, {}, 1, 0, false); });
  io = s.io();
  s.rows[1] = 3;
  refused("rows", [&] { update_sgd<float>(io, {}, 1, 0, false); });
  s.rows[1] = 2;
  refused("slot", [&] { update_sgd<float>(io, {s.slots[0].data(), 3}, 1, 0, false); });
  refused("momentum", [&] { update_adam<float>(io, {}, s.slots[1], {}, 1, 1, 1, 1); });
  const std::vector<std::int64_t> indices = {0, 4, 0};
  std::vector<std::int32_t> rows(4);
  refused("indices", [&] { add_look_ups<float>(4, s.before, indices, rows, s.weights, {}); });
}

}  // namespace

int main() {
  for (const std::string& isa : available_isas()) {
    set_isa(isa);
    for (const int threads : {1, 4}) {
      set_num_threads(threads);
      test_formulas<float>(isa);
      test_formulas<double>(isa);
    }
  }
  test_look_ups<float>();
  test_look_ups<double>();
  test_sizes_are_checked();
  return testing::finish();
}
