// Whether more threads want to run than there are processors.
#pragma once

#include <atomic>
#include <chrono>

namespace rnnext::core {

using Clock = std::chrono::steady_clock;

// Once the processors are found oversubscribed, calls keep to one thread for 10 ms, the next time
// for 20 ms, and so on up to 1.28 s; each call that goes well shortens the next pause.
class Oversubscription {
 public:
  // Whether a pause lasts.
  bool active(Clock::time_point now) const { return now.time_since_epoch().count() < until_; }
  // Whether it was found lately: too few calls have gone well since.
  bool recent() const { return level_ > 0; }
  // A thread has waited for another one, or for so much longer than it worked itself.
  void waited(Clock::duration wait, Clock::time_point now);
  void found(Clock::time_point now);
  // A call that used several threads has ended: its own thread worked from `begin` to `end`, and
  // then waited for the others until `now`.
  void call_ended(Clock::time_point begin, Clock::time_point end, Clock::time_point now);

 private:
  std::atomic<Clock::rep> until_{0};
  std::atomic<int> level_{0};
};

}  // namespace rnnext::core
