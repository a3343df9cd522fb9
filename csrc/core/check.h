// Sizes checked before a pointer moves; every message says what came and what is accepted.
#pragma once

#include <limits>
#include <stdexcept>
#include <string>

#include "rnnext/rnnext.h"

namespace rnnext::core {

// The product of non-negative extents, or an error naming `what` when one is negative or the result
// overflows.
inline std::ptrdiff_t checked_size(const char* what,
                                   std::initializer_list<std::ptrdiff_t> extents) {
  std::ptrdiff_t size = 1;
  for (const std::ptrdiff_t extent : extents) {
    if (extent < 0)
      throw std::invalid_argument(std::string(what) + ": received an extent of " +
                                  std::to_string(extent) + ", accepted are extents >= 0");
    // Not by a division: several of those were a tenth of the shortest calls.
    constexpr std::ptrdiff_t kMost = std::numeric_limits<std::ptrdiff_t>::max() / 16;
    if (__builtin_mul_overflow(size, extent, &size) || size > kMost)
      throw std::invalid_argument(std::string(what) + ": its size overflows");
  }
  return size;
}

template <class T>
void check_size(const char* what, const Span<T>& span, std::ptrdiff_t expected) {
  if (span.size != expected)
    throw std::invalid_argument(std::string(what) + ": received " + std::to_string(span.size) +
                                " elements, expected " + std::to_string(expected));
  if (expected && !span.data)
    throw std::invalid_argument(std::string(what) + ": received a null pointer, expected " +
                                std::to_string(expected) + " elements");
}

template <class T>
void check_size_if_given(const char* what, const Span<T>& span, std::ptrdiff_t expected) {
  if (span.given() || span.size) check_size(what, span, expected);
}

// The factors of a forward or a backward pass; of the short calls that have none, in no time.
template <class Io>
void check_factors(const RecurrentConfig& config, const Io& io) {
  const auto check = [&](const char* what, const auto& factors, std::ptrdiff_t depth) {
    if (!factors.given() && factors.size == 0) return;
    check_size_if_given(what, factors, checked_size(what, {io.batch, config.gates(), depth}));
    if (factors.given() && !config.takes_factors)
      throw std::invalid_argument(std::string(what) +
                                  ": received by a layer whose config does not take factors");
  };
  check("input_factors", io.input_factors, config.features);
  check("state_factors", io.state_factors, config.units);
}

}  // namespace rnnext::core
