// Every activation on every instruction set against the scalar reference: errors in units of the
// last place over the whole range of floats, special values, the same bits from every instruction
// set with fma, rows, tails.
//
//   test_activations [N [NAME]]    every N-th float (default 4093; 1: all of them), of one kind
//   only
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "core/instruction_set.h"
#include "core/reference_activations.h"
#include "rnnext/rnnext.h"
#include "testing.h"

namespace {

using rnnext::Activation;
using rnnext::ActivationKind;
using rnnext::testing::check;

template <class T>
using Limits = std::numeric_limits<T>;
// What a result of type T is measured against.
template <class T>
using Exact = std::conditional_t<sizeof(T) == sizeof(float), double, long double>;
template <class T>
using Bits = std::conditional_t<sizeof(T) == sizeof(float), std::uint32_t, std::uint64_t>;

constexpr double kInfinity = Limits<double>::infinity();

// The largest error allowed, in units (see `unit`), on every instruction set.
struct Case {
  const char* name;
  std::vector<double> parameters;
  double f32_bound, f64_bound;
};
const std::vector<Case> kCases = {
    {"linear", {}, 0, 0},
    {"relu", {}, 0, 0},
    {"relu", {0.1}, 0.5, 0.5},
    {"relu", {0, 6}, 0, 0},
    {"relu", {0, kInfinity, 1}, 0, 0},
    {"relu", {0, 4, -2}, 0, 0},
    {"relu", {0.1, 4, -2}, 1.5, 1.5},
    {"elu", {}, 1.2, 1.2},
    {"elu", {0.3}, 2, 2},
    {"selu", {}, 2, 2},
    {"celu", {}, 1.2, 1.2},
    {"celu", {0.7}, 3, 3},
    {"gelu", {}, 6.5, 7},
    {"gelu_tanh", {}, 5, 5},
    {"silu", {}, 3.5, 3.5},
    {"mish", {}, 5, 5},
    {"softplus", {}, 2.5, 2.5},
    {"softsign", {}, 1.5, 1.5},
    {"hard_sigmoid", {}, 1, 1},
    {"hard_sigmoid", {0.2}, 1, 1},
    {"hard_silu", {}, 2, 2},
    {"hard_tanh", {}, 0, 0},
    {"hard_shrink", {}, 0, 0},
    {"soft_shrink", {}, 0.5, 0.5},
    {"tanh_shrink", {}, 3, 3},
    {"threshold", {0.5, 9}, 0, 0},
    {"squareplus", {}, 3, 3},
    {"squareplus", {0}, 3, 3},
    {"sparse_plus", {}, 2, 2},
    {"sparse_sigmoid", {}, 0.5, 0.5},
    {"log_sigmoid", {}, 2.5, 2.5},
    {"exponential", {}, 1.1, 1.1},
    {"sigmoid", {}, 2.41, 2.4},
    {"tanh", {}, 2.5, 2.7},
};

// A hash of all results' bits. It must be the same on every processor with fma, x86-64 or aarch64:
// where a formula is changed on purpose, take the new value from one and see it agree on the other.
constexpr std::uint64_t kExpectedHash = 0xedc760d887677acb;

// ---- instruction sets and their results ---------------------------------------------------------

bool has_fma(const std::string& isa) { return isa != "sse2" && isa != "generic"; }

template <class T>
std::vector<T> run(const std::string& isa, const Activation& activation, const std::vector<T>& x,
                   std::ptrdiff_t rows = 1) {
  std::vector<T> y(x.size());
  const auto& kernels = rnnext::kernels::kernels_of<T>(rnnext::core::kernel_table(isa));
  kernels.activate(&activation, x.data(), y.data(), rows,
                   static_cast<std::ptrdiff_t>(x.size()) / rows);
  return y;
}

// A value's bits; all NaN are one.
template <class T>
Bits<T> bits(T value) {
  if (std::isnan(value)) value = Limits<T>::quiet_NaN();
  Bits<T> result;
  std::memcpy(&result, &value, sizeof(result));
  return result & (std::isnan(value) ? ~(Bits<T>(1) << (8 * sizeof(T) - 1)) : ~Bits<T>(0));
}

template <class T>
T from_bits(Bits<T> bits) {
  T value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (bits(a[i]) != bits(b[i])) return false;
  return a.size() == b.size();
}

// FNV-1a
template <class T>
void add_to_hash(std::uint64_t& hash, const std::vector<T>& values) {
  for (T value : values) hash = (hash ^ bits(value)) * 0x100000001b3;
}

// The activation whose parameters are what a kernel of type T makes of them.
template <class T>
Activation make(const Case& c) {
  std::vector<T> rounded(c.parameters.begin(), c.parameters.end());
  std::vector<double> parameters(rounded.begin(), rounded.end());
  Activation a = rnnext::make_activation(c.name, parameters.data(), parameters.size());
  a.p0 = static_cast<T>(a.p0);  // a default
  return a;
}

std::string describe(const Case& c) {
  std::string text = std::string(c.name) + "(";
  for (std::size_t i = 0; i < c.parameters.size(); ++i)
    text += (i ? ", " : "") + std::to_string(c.parameters[i]);
  return text + ")";
}

// ---- errors -------------------------------------------------------------------------------------

// The distance of neighbouring numbers of type T around y.
template <class T>
Exact<T> spacing(Exact<T> y) {
  const int lowest = Limits<T>::min_exponent - Limits<T>::digits;
  const int exponent = y == 0 ? lowest : std::ilogb(y) + 1 - Limits<T>::digits;
  return std::ldexp(Exact<T>(1), exponent < lowest ? lowest : exponent);
}

// The unit of an error at x: the spacing around the result y, except that
// - x * f(x) where f is subnormal has that number's spacing, times x;
// - a sum whose terms cancel has the spacing of the larger term;
// - gelu_tanh raises e to 2 u, and a relative error of 2 u grows with 2 u.
template <class T>
Exact<T> unit(const Activation& activation, Exact<T> x, Exact<T> y) {
  const Exact<T> smallest = Limits<T>::denorm_min() * std::abs(x);
  switch (activation.kind) {
    case ActivationKind::gelu:
    case ActivationKind::silu:
    case ActivationKind::mish:
    case ActivationKind::hard_silu:
      return std::max(spacing<T>(y), smallest);
    case ActivationKind::gelu_tanh:
      return std::max(spacing<T>(y), smallest) *
             (1 + std::abs(x * (Exact<T>(1.6L) + Exact<T>(0.0714L) * x * x)));
    case ActivationKind::hard_sigmoid:
      return spacing<T>(Exact<T>(0.5));
    case ActivationKind::tanh_shrink:
      return std::max(spacing<T>(std::tanh(x)), spacing<T>(y));
    default:
      return spacing<T>(y);
  }
}

template <class T>
double error_in_units(const Activation& activation, T x, T got, Exact<T> exact) {
  if (std::isnan(got) || std::isnan(exact)) return std::isnan(got) == std::isnan(exact) ? 0 : 1e30;
  if (got == exact) return 0;
  // Beyond the largest number counts as the next power of two.
  const Exact<T> limit = std::ldexp(Exact<T>(1), Limits<T>::max_exponent);
  const Exact<T> g = std::isinf(got) ? std::copysign(limit, Exact<T>(got)) : Exact<T>(got);
  const Exact<T> e = std::abs(exact) > limit ? std::copysign(limit, exact) : exact;
  return static_cast<double>(std::abs(g - e) / unit<T>(activation, x, e));
}

// ---- inputs -------------------------------------------------------------------------------------

constexpr std::size_t kBlock = 1 << 14;

// Calls body with blocks of inputs that cover the range of T.
void for_each_block(float /*type*/, std::uint32_t stride,
                    const std::function<void(const std::vector<float>&)>& body) {
  std::vector<float> x;
  for (std::uint64_t pattern = 0; pattern < (std::uint64_t(1) << 32);) {
    x.clear();
    for (; x.size() < kBlock && pattern < (std::uint64_t(1) << 32); pattern += stride)
      x.push_back(from_bits<float>(static_cast<std::uint32_t>(pattern)));
    body(x);
  }
}

// Random bit patterns; and every second block, numbers between 2^-30 and 2^12 in size.
void for_each_block(double /*type*/, std::uint32_t stride,
                    const std::function<void(const std::vector<double>&)>& body) {
  rnnext::testing::Random random(7);
  const std::uint64_t blocks = (std::uint64_t(1) << 32) / stride / kBlock;
  for (std::uint64_t block = 0; block < blocks; ++block) {
    std::vector<double> x(kBlock);
    for (double& value : x) {
      const std::uint64_t pattern = random.next();
      value = from_bits<double>(pattern);
      if (block % 2 == 0) continue;
      value = std::ldexp(from_bits<double>((pattern & 0x800fffffffffffff) | 0x3ff0000000000000),
                         static_cast<int>(random.next() % 42) - 30);
    }
    body(x);
  }
}

template <class T>
std::vector<T> special_values() {
  const T infinity = Limits<T>::infinity(), tiny = Limits<T>::denorm_min(),
          least = Limits<T>::min();
  std::vector<T> values = {0,        Limits<T>::quiet_NaN(),
                           infinity, Limits<T>::max(),
                           tiny,     3 * tiny,
                           least,    least - tiny,
                           T(1),     T(3),
                           T(6),     T(0.5),
                           T(2),     T(20),
                           T(87.5),  T(103.5),
                           T(745)};
  for (std::size_t i = 0, n = values.size(); i < n; ++i) values.push_back(-values[i]);
  return values;
}

// ---- tests --------------------------------------------------------------------------------------

// Errors against the reference, and the same bits from every instruction set with fma.
template <class T>
void test_range(const Case& c, double bound, std::uint32_t stride) {
  const Activation activation = make<T>(c);
  const std::vector<std::string> isas = rnnext::available_isas();
  std::vector<double> worst(isas.size(), 0);
  std::vector<T> worst_x(isas.size(), 0);
  std::string differing;
  for_each_block(T(), stride, [&](const std::vector<T>& x) {
    std::vector<Exact<T>> exact(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      exact[i] = rnnext::reference::activate<Exact<T>>(activation, x[i]);
    std::vector<T> fused;
    for (std::size_t k = 0; k < isas.size(); ++k) {
      const std::vector<T> y = run<T>(isas[k], activation, x);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double error = error_in_units<T>(activation, x[i], y[i], exact[i]);
        if (error > worst[k]) worst[k] = error, worst_x[k] = x[i];
      }
      if (!has_fma(isas[k])) continue;
      if (fused.empty()) fused = y;
      if (!same_bits(y, fused)) differing = isas[k];
    }
  });
  const char* type = sizeof(T) == sizeof(float) ? "f32" : "f64";
  std::printf("%-34s %s", describe(c).c_str(), type);
  for (std::size_t k = 0; k < isas.size(); ++k) {
    std::printf("  %s %.2f", isas[k].c_str(), worst[k]);
    check(worst[k] <= bound, describe(c) + " " + type + " on " + isas[k] + " is off by " +
                                 std::to_string(worst[k]) + " units at " +
                                 std::to_string(worst_x[k]));
  }
  std::printf("\n");
  check(differing.empty(), describe(c) + " has other bits on " + differing);
}

// NaN, infinities and zeros come out as from the reference.
template <class T>
void test_special_values(const Case& c) {
  const Activation activation = make<T>(c);
  const bool odd = std::string("linear tanh softsign hard_tanh").find(c.name) != std::string::npos;
  const std::vector<T> x = special_values<T>();
  for (const std::string& isa : rnnext::available_isas()) {
    const std::vector<T> y = run<T>(isa, activation, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const T expected = static_cast<T>(rnnext::reference::activate<Exact<T>>(activation, x[i]));
      const std::string what = describe(c) + " on " + isa + " of " + std::to_string(x[i]) + " is " +
                               std::to_string(y[i]);
      check(std::isnan(y[i]) == std::isnan(expected), what);
      check(std::isinf(y[i]) == std::isinf(expected), what);
      if (std::isinf(expected) || (expected == 0 && !std::isnormal(x[i])))
        check(y[i] == expected, what);
      if (odd && x[i] == 0) check(bits(y[i]) == bits(x[i]), what);
    }
  }
}

// An element's bits do not depend on where it stands; nothing behind the array is written.
template <class T>
void test_tails(const Case& c) {
  const Activation activation = make<T>(c);
  rnnext::testing::Random random(3);
  const std::vector<T> x = random.array<T>(70, 5);
  for (const std::string& isa : rnnext::available_isas()) {
    const auto& kernels = rnnext::kernels::kernels_of<T>(rnnext::core::kernel_table(isa));
    const std::vector<T> whole = run<T>(isa, activation, x);
    for (std::ptrdiff_t first = 0; first < 3; ++first) {
      for (std::ptrdiff_t n = 0; n <= 2 * kernels.width + 1; ++n) {
        std::vector<T> y(x.begin() + first, x.end()), expected = y;
        std::copy_n(whole.begin() + first, n, expected.begin());
        kernels.activate(&activation, y.data(), y.data(), 1, n);
        check(same_bits(y, expected), describe(c) + " in place, n = " + std::to_string(n));
      }
    }
  }
}

// A row-wise kind's result against the reference, in units of `scale`'s last place.
template <class T>
void check_row(const std::string& what, const std::vector<T>& y, const std::vector<Exact<T>>& exact,
               Exact<T> scale, double bound) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    const T rounded = static_cast<T>(exact[i]);
    const double error = static_cast<double>(std::abs(y[i] - exact[i]) / spacing<T>(scale));
    check(std::isfinite(rounded) ? error <= bound : bits(y[i]) == bits(rounded),
          what + " gives " + std::to_string(y[i]) + ", off by " + std::to_string(error));
  }
}

template <class T>
void test_row(const Case& c, const std::vector<T>& row, double bound) {
  const Activation activation = make<T>(c);
  std::vector<Exact<T>> exact(row.begin(), row.end());
  rnnext::reference::activate_row(activation, exact.data(),
                                  static_cast<std::ptrdiff_t>(row.size()));
  // Sums are as exact as their largest term: of the results, and sparsemax's of the inputs.
  Exact<T> scale = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const T input = activation.kind == ActivationKind::sparsemax ? row[i] : 0;
    for (T term : {static_cast<T>(exact[i]), input})
      if (std::isfinite(term)) scale = std::max(scale, Exact<T>(std::abs(term)));
  }
  std::vector<T> two_rows(row), fused;
  two_rows.insert(two_rows.end(), row.begin(), row.end());
  for (const std::string& isa : rnnext::available_isas()) {
    const std::string what = describe(c) + " on " + isa + " of " + std::to_string(row.size());
    const std::vector<T> y = run<T>(isa, activation, row);
    check_row<T>(what, y, exact, scale, bound);
    std::vector<T> y_twice(y);
    y_twice.insert(y_twice.end(), y.begin(), y.end());
    check(same_bits(run<T>(isa, activation, two_rows, 2), y_twice), what + " depends on its place");
    if (!has_fma(isa)) continue;
    if (fused.empty()) fused = y;
    check(same_bits(y, fused), what + " has other bits");
  }
}

template <class T>
std::vector<std::vector<T>> rows() {
  const T infinity = Limits<T>::infinity(), nan = Limits<T>::quiet_NaN();
  const T largest = Limits<T>::max();
  std::vector<std::vector<T>> rows = {{nan, 1, 2},
                                      {1, 2, nan},
                                      {infinity, 1, 2},
                                      {-infinity, 1, 2},
                                      {-infinity, -infinity},
                                      {infinity, 1},
                                      {1000, 999, -1000},
                                      {largest, -largest},
                                      {1, 1, 1, 0.5},
                                      {0}};
  rnnext::testing::Random random(5);
  for (std::ptrdiff_t n : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 1000})
    for (double bound : {0.01, 1.0, 30.0}) rows.push_back(random.array<T>(n, bound));
  return rows;
}

template <class T>
void test_rows() {
  for (const std::vector<T>& row : rows<T>()) {
    test_row<T>({"softmax", {}, 0, 0}, row, 4);
    test_row<T>({"log_softmax", {}, 0, 0}, row, 4);
    test_row<T>({"sparsemax", {0}, 0, 0}, row, 40);
    test_row<T>({"sparsemax", {1}, 0, 0}, row, 40);
  }
}

// Rows of one length that are given together have the bits that each has alone.
template <class T>
void test_rows_together() {
  constexpr std::ptrdiff_t kTimes = 7;  // not a multiple of any width
  for (const std::string& isa : rnnext::available_isas())
    for (const char* name : {"softmax", "log_softmax", "sparsemax"})
      for (const std::vector<T>& first : rows<T>()) {
        const Activation activation = make<T>({name, {}, 0, 0});
        std::vector<T> all, alone;
        for (const std::vector<T>& row : rows<T>()) {
          if (row.size() != first.size()) continue;
          for (std::ptrdiff_t i = 0; i < kTimes; ++i) all.insert(all.end(), row.begin(), row.end());
          const std::vector<T> y = run<T>(isa, activation, row);
          for (std::ptrdiff_t i = 0; i < kTimes; ++i) alone.insert(alone.end(), y.begin(), y.end());
        }
        const auto n = static_cast<std::ptrdiff_t>(first.size());
        rnnext::activate<T>(activation, static_cast<std::ptrdiff_t>(all.size()) / n, n, all, all,
                            isa);
        const bool same = std::memcmp(all.data(), alone.data(), all.size() * sizeof(T)) == 0;
        check(same, std::string(name) + " of " + isa + ": rows of " + std::to_string(n) +
                        " together have other bits than alone");
      }
}

template <class T>
void add_to_hash(std::uint64_t& hash, const std::string& isa) {
  for (const Case& c : kCases)
    for_each_block(T(), 65521,
                   [&](const std::vector<T>& x) { add_to_hash(hash, run<T>(isa, make<T>(c), x)); });
  for (const char* name : {"softmax", "log_softmax", "sparsemax"})
    for (const std::vector<T>& row : rows<T>())
      add_to_hash(hash, run<T>(isa, make<T>({name, {}, 0, 0}), row));
}

// Promise: the answer does not depend on the processor.
void test_hash() {
  for (const std::string& isa : rnnext::available_isas()) {
    if (!has_fma(isa)) continue;
    std::uint64_t hash = 0xcbf29ce484222325;
    add_to_hash<float>(hash, isa);
    add_to_hash<double>(hash, isa);
    char text[40];
    std::snprintf(text, sizeof(text), "0x%016llx", static_cast<unsigned long long>(hash));
    check(hash == kExpectedHash, "the hash of all results on " + isa + " is " + text);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint32_t stride = argc > 1 ? static_cast<std::uint32_t>(std::atoi(argv[1])) : 4093;
  for (const Case& c : kCases) {
    if (argc > 2 && std::string(argv[2]) != c.name) continue;
    test_range<float>(c, c.f32_bound, stride);
    test_range<double>(c, c.f64_bound, stride);
    test_special_values<float>(c);
    test_special_values<double>(c);
    test_tails<float>(c);
    test_tails<double>(c);
  }
  test_rows<float>();
  test_rows<double>();
  test_rows_together<float>();
  test_rows_together<double>();
  test_hash();
  return rnnext::testing::finish();
}
