// A call's workspace in pieces.
#pragma once

#include <stddef.h>

namespace rnnext::kernels {
namespace {

// Hands out consecutive pieces of the caller's workspace; with no base it only measures.
class Arena {
 public:
  explicit Arena(void* base) : base_(static_cast<char*>(base)) {}

  template <class U>
  U* take(ptrdiff_t count) {
    U* piece = base_ ? reinterpret_cast<U*>(base_ + used_) : nullptr;
    used_ += (static_cast<size_t>(count) * sizeof(U) + 63) / 64 * 64;
    return piece;
  }
  size_t used() const { return used_; }

 private:
  char* base_;
  size_t used_ = 0;
};

}  // namespace
}  // namespace rnnext::kernels
