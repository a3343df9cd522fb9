// Subnormal numbers read and written as zero for the time of a call.
#pragma once

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace rnnext::core {

// A fading state (f * c with f < 1) passes through the subnormals, where some processors take a
// hundred cycles an operation. TensorFlow's threads flush them too. The caller's mode comes back
// when the object ends.
//
// The one place where processors disagree: x86 flushes what is subnormal after rounding, ARM what
// is before. A result that rounds up to the smallest normal number is that number on x86 and 0 on
// ARM.
class FlushDenormals {
#if defined(__x86_64__) || defined(_M_X64)
 public:
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | kFlushToZero | kDenormalsAreZero); }
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  static constexpr unsigned kFlushToZero = 1u << 15, kDenormalsAreZero = 1u << 6;
  const unsigned saved_;
#elif defined(__aarch64__)
 public:
  FlushDenormals() : saved_(read()) { write(saved_ | kFlushToZero); }
  ~FlushDenormals() { write(saved_); }

 private:
  static std::uint64_t read() {
    std::uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return fpcr;
  }
  static void write(std::uint64_t fpcr) { __asm__ volatile("msr fpcr, %0" : : "r"(fpcr)); }
  static constexpr std::uint64_t kFlushToZero = std::uint64_t{1} << 24;
  const std::uint64_t saved_;
#else
 public:
  FlushDenormals() {}  // no portable way: subnormals stay what they are
#endif

 public:
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
};

}  // namespace rnnext::core
