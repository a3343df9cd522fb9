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

// Scratch memory for one call: the calling thread's own, kept from call to call, or, when that
// would keep more than kKept bytes alive, memory that ends with this object. One at a time in a
// thread.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes) {
    constexpr std::size_t kKept = std::size_t{4} << 20;
    thread_local AlignedArray<char> kept;
    thread_local std::size_t kept_size = 0;
    if (bytes > kKept) {
      own_ = make_aligned<char>(bytes);
      data_ = own_.get();
      return;
    }
    if (bytes > kept_size) {
      kept = make_aligned<char>(bytes);
      kept_size = bytes;
    }
    data_ = kept.get();
  }
  void* data() const { return data_; }

 private:
  AlignedArray<char> own_;
  void* data_;
};

}  // namespace rnnext::core
