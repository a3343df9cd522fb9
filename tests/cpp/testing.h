// What the C++ tests share: a check that counts, and random arrays that are the same everywhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace rnnext::testing {

inline int checks = 0, failures = 0;

// Counts a check and prints the first failures.
inline void check(bool passed, const std::string& what) {
  ++checks;
  if (!passed && ++failures <= 20) std::printf("FAILED: %s\n", what.c_str());
}

// A program's exit status: fails when a check failed, or when none ran.
inline int finish() {
  std::printf("%d checks, %d failed\n", checks, failures);
  return checks > 0 && failures == 0 ? 0 : 1;
}

// SplitMix64 (Steele, Lea, Flood 2014): the same numbers from every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(next() >> 11) * 0x1p-53;
  }
  template <class T>
  std::vector<T> array(std::ptrdiff_t size, double bound) {
    std::vector<T> values(static_cast<std::size_t>(size));
    for (T& value : values) value = static_cast<T>(uniform(-bound, bound));
    return values;
  }

 private:
  std::uint64_t state_;
};

}  // namespace rnnext::testing
