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

}  // namespace

int main() {
  every_set<float>(WeightType::full, 2e-6);
  every_set<double>(WeightType::full, 4e-15);
  every_set<float>(WeightType::bf16, 2e-6);
  every_set<float>(WeightType::int8, 2e-6);
  return testing::finish();
}
