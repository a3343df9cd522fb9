// Threads that are kept from call to call, for work that must not wait for one of them.
//
// OpenMP's threads wait for each other at the end of every region: while another program held a
// processor, a call of 0.2 ms took 8 ms on two threads, two slices of the scheduler. Here the
// caller does itself what no worker has begun, no thread spins for longer than it takes to wake a
// thread, and the pool notices when sharing costs more than it gains.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "core/oversubscription.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace rnnext::core {

class ThreadPool {
 public:
  using Body = std::function<void(int part)>;

  // This process's. A forked child, which has none of its parent's threads, gets another.
  static ThreadPool& of_process();

  // Calls body(part) once for each part in [0, parts), in this thread and in workers that have
  // nothing else to do. Returns when all have ended, and rethrows what one of them threw.
  void parallel_for(int parts, const Body& body);

  // Calls body(member) for each member in [0, members), all at the same time. False, with nothing
  // called, when not so many threads come within the time it takes to wake them.
  bool run_team(int members, const Body& body);

  // Whether others take so much of the processors that sharing costs more than it gains.
  bool oversubscribed() const { return !always_gather_ && oversubscription_.active(Clock::now()); }
  Oversubscription& oversubscription() { return oversubscription_; }

  // For tests: teams wait for their members as long as it takes, and calls never keep to one
  // thread.
  void set_always_gather(bool always) { always_gather_ = always; }

 private:
  struct Task;

  ThreadPool() = default;
  void submit(Task& task);
  bool take_part(Task& task, int& part);
  int next_part(Task& task);
  bool withdraw(Task& task);
  void run_part(Task& task, int part);
  void wait_for_workers(Task& task, Clock::time_point begin);
  void hire(int workers);
  void work();

  std::mutex mutex_;
  std::condition_variable work_, end_;
  // Guarded by mutex_:
  std::vector<Task*> tasks_;  // those with parts that no thread has taken
  int workers_ = 0, sleeping_ = 0, callers_waiting_ = 0;

  std::atomic<int> open_parts_{0};  // that no thread has taken, of all tasks
  Oversubscription oversubscription_;
  std::atomic<bool> always_gather_{false};
};

inline void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");  // waits as pause does on x86-64; `yield` is nothing on most processors
#endif
}

// Waits until done() is true, without giving up the processor, for some 50 us at most: about as
// long as it takes to wake a thread. Returns done().
template <class Done>
bool spin_until(Done done, Clock::duration longest = std::chrono::microseconds(50)) {
  Clock::time_point begin;
  for (int round = 0;; ++round) {  // most waits end before the clock is read
    for (int spins = 0; spins < 16; ++spins) {
      if (done()) return true;
      pause();
    }
    if (round == 0)
      begin = Clock::now();
    else if (Clock::now() - begin > longest)
      return done();
  }
}

}  // namespace rnnext::core
