// Dense on every instruction set and in every weight type: against double loops over the weights
// as they are stored, and the same bits on every set that has fused multiply-adds.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/packing.h"
#include "rnnext/rnnext.h"
#include "testing.h"

namespace {

using namespace rnnext;
using testing::check;

// What the weights w (D, H) are worth after they have been stored as `type`.
template <class T>
std::vector<double> as_stored(const std::vector<T>& w, std::ptrdiff_t H, WeightType type) {
  std::vector<double> stored(w.begin(), w.end());
  for (std::ptrdiff_t u = 0; u < H; ++u) {
    float scale = 0;
    for (std::size_t i = u; i < w.size(); i += H)
      scale = std::fmax(scale, std::fabs(static_cast<float>(w[i])) / 127);
    for (std::size_t i = u; i < w.size(); i += H) {
      const float weight = static_cast<float>(w[i]);
      if (type == WeightType::int8) {
        stored[i] = scale > 0 ? std::nearbyint(weight / scale) * double{scale} : 0;
      } else if (type == WeightType::bf16) {
        const std::uint32_t bits = std::uint32_t{core::to_bf16(weight)} << 16;
        float rounded;
        std::memcpy(&rounded, &bits, sizeof rounded);
        stored[i] = rounded;
      }
    }
  }
  return stored;
}

// y (B, H) of every shape, one after the other, each compared with the double loops.
template <class T>
std::vector<T> outputs(const std::string& isa, WeightType type, double tolerance) {
  std::vector<T> all;
  for (std::ptrdiff_t B : {1, 2, 3, 7, 13, 49})
    for (std::ptrdiff_t D : {1, 17, 64, 65, 130})
      for (std::ptrdiff_t H : {1, 4, 15, 33, 70}) {
        testing::Random random(static_cast<unsigned>(B * 10000 + D * 100 + H));
        const std::vector<T> kernel = random.array<T>(D * H, 1 / std::sqrt(D + 1.0));
        const std::vector<T> bias = random.array<T>(H, 0.5), x = random.array<T>(B * D, 1);
        std::vector<T> y(static_cast<std::size_t>(B * H));
        Dense<T>(D, H, {ActivationKind::tanh}, kernel, bias, isa, type).run(B, x, y);
        const std::vector<double> stored = as_stored(kernel, H, type);
        double worst = 0;
        for (std::ptrdiff_t r = 0; r < B; ++r)
          for (std::ptrdiff_t u = 0; u < H; ++u) {
            double sum = bias[u];
            for (std::ptrdiff_t d = 0; d < D; ++d) sum += double{x[r * D + d]} * stored[d * H + u];
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

// tolerance: a sum of 130 products of size 1, rounded to T a few times.
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
  for (const std::string& isa : available_isas()) windows_are_rows(isa);
  windows_must_fit();

  every_set<float>(WeightType::full, 2e-6);
  every_set<double>(WeightType::full, 4e-15);
  every_set<float>(WeightType::bf16, 2e-6);
  every_set<float>(WeightType::int8, 2e-6);
  return testing::finish();
}
