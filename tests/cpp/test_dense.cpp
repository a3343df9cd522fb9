// Dense on every instruction set and in every weight type: against double loops over the weights
// as they are stored, and the same bits on every set that has fused multiply-adds; int8 at sizes
// that leave float's range.
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "rnnext/rnnext.h"
#include "stored_weights.h"
#include "testing.h"

namespace {

using namespace rnnext;
using testing::check;

// y (B, H) of every shape, one after the other, each compared with the double loops.
template <class T>
std::vector<T> outputs(const std::string& isa, WeightType type, double tolerance) {
  std::vector<T> all;
  for (std::ptrdiff_t B : {1, 2, 3, 7, 13, 49})
    for (std::ptrdiff_t D : {1, 17, 64, 65, 130, 259})
      for (std::ptrdiff_t H : {1, 4, 15, 33, 70}) {
        testing::Random random(static_cast<unsigned>(B * 10000 + D * 100 + H));
        const std::vector<T> kernel = random.array<T>(D * H, 1 / std::sqrt(D + 1.0));
        const std::vector<T> bias = random.array<T>(H, 0.5), x = random.array<T>(B * D, 1);
        std::vector<T> y(static_cast<std::size_t>(B * H));
        Dense<T>(D, H, {ActivationKind::tanh}, kernel, bias, isa, type).run(B, x, y);
        const std::vector<double> stored = testing::as_stored(kernel, H, type);
        const std::vector<double> rows = testing::as_read(x, D, type);
        double worst = 0;
        for (std::ptrdiff_t r = 0; r < B; ++r)
          for (std::ptrdiff_t u = 0; u < H; ++u) {
            double sum = bias[u];
            for (std::ptrdiff_t d = 0; d < D; ++d) sum += rows[r * D + d] * stored[d * H + u];
            worst = std::fmax(worst, std::fabs(std::tanh(sum) - y[r * H + u]));
          }
        check(worst <= tolerance, isa + ": Dense of " + std::to_string(B) + " x " +
                                      std::to_string(D) + " x " + std::to_string(H) +
                                      ", weight type " + std::to_string(static_cast<int>(type)) +
                                      ": error " + std::to_string(worst));
        all.insert(all.end(), y.begin(), y.end());
      }
  return all;
}

// tolerance: a sum of 259 products of size 1, rounded to T a few times.
template <class T>
void every_set(WeightType type, double tolerance) {
  std::vector<T> first;
  for (const std::string& isa : available_isas()) {
    const std::vector<T> y = outputs<T>(isa, type, tolerance);
    if (isa == "sse2" || isa == "generic") continue;
    if (first.empty()) first = y;
    check(std::memcmp(first.data(), y.data(), y.size() * sizeof(T)) == 0,
          isa + ": other bits than the set before, weight type " +
              std::to_string(static_cast<int>(type)));
  }
}

// y = x @ kernel of a linear int8 layer.
std::vector<float> int8_product(const std::string& isa, const std::vector<float>& x,
                                const std::vector<float>& kernel, std::ptrdiff_t units) {
  const auto features = static_cast<std::ptrdiff_t>(kernel.size()) / units;
  const auto rows = static_cast<std::ptrdiff_t>(x.size()) / features;
  std::vector<float> y(static_cast<std::size_t>(rows * units));
  Dense<float>(features, units, {ActivationKind::linear}, kernel, {}, isa, WeightType::int8)
      .run(rows, x, y);
  return y;
}

// Rows of any size: the scale of each is its own, and neither it nor a product of scales may
// underflow or overflow where the answer does not.
void test_int8_rows_of_every_size(const std::string& isa) {
  const std::vector<float> kernel = {0.5f, -1.f / 1024, 0.25f, 1.f / 1024, 0.125f, 0};  // (3, 2)
  for (const float size : {0.f, 1e-44f, 1e-37f, 1e-36f, 1e-20f, 1.f, 1e20f, 1e36f}) {
    const std::vector<float> x = {size / 2, size / 4, -size, 0, 0, 0};
    const std::vector<double> stored = testing::as_stored(kernel, 2, WeightType::int8);
    const std::vector<float> y = int8_product(isa, x, kernel, 2);
    for (int u = 0; u < 2; ++u) {
      double truth = 0;
      for (int d = 0; d < 3; ++d) truth += double{x[d]} * stored[d * 2 + u];
      // Half of a row's step, which is never below the smallest normal number, a weight.
      const double tolerance = 1.5 * std::fmax(size / 32767, 1.2e-38f) * (u ? 1. / 1024 : 0.5);
      check(std::fabs(y[u] - truth) <= std::fmax(tolerance, 1.2e-38),
            isa + ": int8 row of size " + std::to_string(size) + ": " +
                std::to_string(y[u] / size) + " of it, expected " + std::to_string(truth / size));
      check(y[2 + u] == 0, isa + ": int8 row of zeros beside size " + std::to_string(size));
    }
  }
}

// What is not finite must not look finite, wherever in a row it stands, and concerns its row alone.
void test_int8_rows_that_are_not_finite(const std::string& isa) {
  constexpr std::ptrdiff_t kRows = 5, kFeatures = 67, kUnits = 19;
  testing::Random random(5);
  const std::vector<float> kernel = random.array<float>(kFeatures * kUnits, 1);
  const std::vector<float> x = random.array<float>(kRows * kFeatures, 1);
  const std::vector<float> finite = int8_product(isa, x, kernel, kUnits);
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float value : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN(),
                            -std::numeric_limits<float>::quiet_NaN()})
    for (const std::ptrdiff_t at : {0, 1, 31, 63, 64, 66}) {
      std::vector<float> changed = x;
      changed[2 * kFeatures + at] = value;
      const std::vector<float> y = int8_product(isa, changed, kernel, kUnits);
      for (std::ptrdiff_t i = 0; i < kRows * kUnits; ++i)
        check(i / kUnits == 2 ? std::isnan(y[i]) : y[i] == finite[i],
              isa + ": int8 output " + std::to_string(i) + " where x[2, " + std::to_string(at) +
                  "] is " + std::to_string(value) + ": " + std::to_string(y[i]));
    }
}

// Windows that share elements give the bits of the same rows copied out.
void windows_are_rows(const std::string& isa) {
  constexpr std::ptrdiff_t kSamples = 3, kSteps = 29, kChannels = 5, kUnits = 19;
  testing::Random random(7);
  for (std::ptrdiff_t length : {1, 3, 29})
    for (std::ptrdiff_t stride : {1, 2, 7}) {
      const std::ptrdiff_t D = length * kChannels, count = (kSteps - length) / stride + 1;
      const std::vector<float> x = random.array<float>(kSamples * kSteps * kChannels, 1);
      const std::vector<float> kernel = random.array<float>(D * kUnits, 1);
      std::vector<float> rows;
      for (std::ptrdiff_t n = 0; n < kSamples; ++n)
        for (std::ptrdiff_t i = 0; i < count; ++i) {
          const auto first = x.begin() + (n * kSteps + i * stride) * kChannels;
          rows.insert(rows.end(), first, first + D);
        }
      const Dense<float> layer(D, kUnits, {ActivationKind::softmax}, kernel, {}, isa);
      std::vector<float> expected(static_cast<std::size_t>(kSamples * count * kUnits));
      std::vector<float> y(expected.size());
      layer.run(kSamples * count, rows, expected);
      layer.run({kSamples, count, kSteps * kChannels, stride * kChannels}, x, y);
      check(y == expected, isa + ": windows of " + std::to_string(length) + ", " +
                               std::to_string(stride) + " apart, are not their rows");
    }
}

void windows_must_fit() {
  const std::vector<float> kernel(6 * 2), x(2 * 5 * 3);
  std::vector<float> y(2 * 4 * 2);
  const Dense<float> layer(6, 2, {}, kernel, {});
  layer.run({2, 4, 15, 3}, x, y);
  const auto refused = [&](const Windows& windows, const std::string& message) {
    std::vector<float> out(static_cast<std::size_t>(windows.samples * windows.count * 2));
    try {
      layer.run(windows, x, out);
      check(false, "windows that do not fit: no error");
    } catch (const std::invalid_argument& error) {
      check(error.what() == message, "windows that do not fit: " + std::string(error.what()));
    }
  };
  refused({2, 5, 15, 3}, "windows: those of a sample take 18 elements, the samples are 15 apart");
  refused({1, 10, 30, 3}, "x: received 30 elements, expected at least 33");
  refused({1, 2, 30, -3}, "x: received an extent of -3, accepted are extents >= 0");
}

}  // namespace

int main() {
  for (const std::string& isa : available_isas()) {
    test_int8_rows_of_every_size(isa);
    test_int8_rows_that_are_not_finite(isa);
    windows_are_rows(isa);
  }
  windows_must_fit();

  every_set<float>(WeightType::full, 2e-6);
  every_set<double>(WeightType::full, 4e-15);
  every_set<float>(WeightType::bf16, 2e-6);
  every_set<float>(WeightType::int8, 2e-6);
  return testing::finish();
}
