// What layers with narrow weights compute with: their weights, and for int8 their rows, as stored.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/packing.h"

namespace rnnext::testing {

// What the weights w (depth, columns) are worth after they have been stored as `type`.
template <class T>
std::vector<double> as_stored(const std::vector<T>& w, std::ptrdiff_t columns, WeightType type) {
  std::vector<double> stored(w.begin(), w.end());
  for (std::ptrdiff_t u = 0; u < columns; ++u) {
    float scale = 0;
    for (std::size_t i = u; i < w.size(); i += columns)
      scale = std::fmax(scale, std::fabs(static_cast<float>(w[i])) / 127);
    for (std::size_t i = u; i < w.size(); i += columns) {
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

// What products with weights of `type` read of the rows x (rows, depth): int8's are integers of 16
// bits times a scale of each row.
template <class T>
std::vector<double> as_read(const std::vector<T>& x, std::ptrdiff_t depth, WeightType type) {
  std::vector<double> read(x.begin(), x.end());
  if (type != WeightType::int8) return read;
  for (std::size_t row = 0; row < x.size(); row += depth) {
    float largest = 0;
    for (std::size_t i = row; i < row + depth; ++i)
      largest = std::fmax(largest, std::fabs(static_cast<float>(x[i])));
    if (largest == 0) continue;
    for (std::size_t i = row; i < row + depth; ++i)
      read[i] =
          std::nearbyint(static_cast<float>(x[i]) * (32767 / largest)) * double{largest / 32767};
  }
  return read;
}

}  // namespace rnnext::testing
