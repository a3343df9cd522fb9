// Memory on cache-line boundaries.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace rnnext::core {

constexpr std::size_t kAlignment = 64;

struct AlignedDelete {
  void operator()(void* p) const { ::operator delete(p, std::align_val_t(kAlignment)); }
};

// `count` elements, not initialised. T is a plain number.
template <class T>
using AlignedArray = std::unique_ptr<T[], AlignedDelete>;

template <class T>
AlignedArray<T> make_aligned(std::size_t count) {
  return AlignedArray<T>(
      static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t(kAlignment))));
}

// Scratch memory of the calling thread, kept between calls unless it is large. Valid until the
// thread's next call.
inline void* thread_workspace(std::size_t bytes) {
  constexpr std::size_t kKept = std::size_t{8} << 20;
  thread_local AlignedArray<char> buffer;
  thread_local std::size_t size = 0;
  if (bytes > size || (size > kKept && bytes <= kKept)) {
    buffer.reset();
    size = 0;
    buffer = make_aligned<char>(bytes);
    size = bytes;
  }
  return buffer.get();
}

}  // namespace rnnext::core
