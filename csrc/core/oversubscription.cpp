#include "core/oversubscription.h"

#include <algorithm>

namespace rnnext::core {

void Oversubscription::waited(Clock::duration wait, Clock::time_point now) {
  // A host takes a virtual processor away for 50 to 200 us now and then; a slice of a scheduler is
  // a few milliseconds.
  constexpr Clock::duration kLongWait = std::chrono::microseconds(500);
  if (wait > kLongWait) found(now);
}

void Oversubscription::found(Clock::time_point now) {
  if (active(now)) return;  // known already
  constexpr int kMaxLevel = 7;
  const int level = level_;
  until_ = (now + std::chrono::milliseconds(10 << level)).time_since_epoch().count();
  level_ = std::min(level + 1, kMaxLevel);
}

void Oversubscription::call_ended(Clock::time_point begin, Clock::time_point end,
                                  Clock::time_point now) {
  waited(now - end - (end - begin), now);
  if (level_ > 0 && !active(now)) level_ = level_ - 1;
}

}  // namespace rnnext::core
