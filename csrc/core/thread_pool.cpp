#include "core/thread_pool.h"

#include <algorithm>
#include <exception>
#include <system_error>
#include <thread>

#ifndef _WIN32
#include <pthread.h>
#endif

#include "core/blocked_signals.h"

namespace rnnext::core {
namespace {

// Waking a thread takes 5 to 50 us, on virtual processors up to 200. So long a worker stays awake
// for the next call, and so long run_team() waits.
constexpr Clock::duration kWakes = std::chrono::microseconds(200);

// Never deleted: its workers run until the process ends.
std::atomic<ThreadPool*> process_pool{nullptr};

#ifndef _WIN32
[[maybe_unused]] const int fork_handler_registered =
    pthread_atfork(nullptr, nullptr, [] { process_pool = nullptr; });
#endif

}  // namespace

// On the stack of the caller, who waits for the workers in it.
struct ThreadPool::Task {
  enum Start { kWaiting, kStarted, kWithdrawn };

  const Body& body;
  const int parts;
  std::atomic<Start> start;
  // Changed under the pool's mutex:
  std::atomic<int> taken{1};  // parts, of which the first is the caller's
  std::atomic<int> workers{0};
  std::exception_ptr problem = nullptr;
};

ThreadPool& ThreadPool::of_process() {
  ThreadPool* pool = process_pool;
  if (pool) return *pool;
  auto* made = new ThreadPool;
  if (process_pool.compare_exchange_strong(pool, made)) return *made;
  delete made;
  return *pool;
}

void ThreadPool::parallel_for(int parts, const Body& body) {
  Task task = {body, parts, {Task::kStarted}};
  submit(task);
  const Clock::time_point begin = Clock::now();
  int part = 0;
  do {
    run_part(task, part);
  } while (take_part(task, part));
  wait_for_workers(task, begin);
  if (task.problem) std::rethrow_exception(task.problem);
}

bool ThreadPool::run_team(int members, const Body& body) {
  Task task = {body, members, {Task::kWaiting}};
  submit(task);
  const auto all_are_here = [&] { return task.taken == members; };
  const Clock::duration patience = kWakes + members * std::chrono::microseconds(10);
  while (!spin_until(all_are_here, patience) && always_gather_) std::this_thread::yield();
  const Clock::time_point begin = Clock::now();
  const bool complete = !withdraw(task);
  task.start = complete ? Task::kStarted : Task::kWithdrawn;
  if (complete)
    run_part(task, 0);
  else
    oversubscription_.found(begin);
  wait_for_workers(task, begin);
  if (task.problem) std::rethrow_exception(task.problem);
  return complete;
}

void ThreadPool::submit(Task& task) {
  const int parts = task.parts - 1;
  if (parts == 0) return;
  int sleeping = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    hire(parts);
    tasks_.push_back(&task);
    open_parts_ += parts;
    sleeping = sleeping_;
  }
  if (sleeping > 0 && sleeping <= parts) return work_.notify_all();  // one system call
  for (int i = 0; i < std::min(sleeping, parts); ++i) work_.notify_one();
}

// For the caller of parallel_for(): whether there is a part that no thread has taken, and which.
bool ThreadPool::take_part(Task& task, int& part) {
  if (task.taken == task.parts) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (task.taken == task.parts) return false;
  part = next_part(task);
  return true;
}

// Under the mutex, when there is one. With its last part a task leaves the list.
int ThreadPool::next_part(Task& task) {
  const int part = task.taken++;
  --open_parts_;
  if (task.taken == task.parts) tasks_.erase(std::find(tasks_.begin(), tasks_.end(), &task));
  return part;
}

// Takes a task off the list; false when every part has been taken already.
bool ThreadPool::withdraw(Task& task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (task.taken == task.parts) return false;
  open_parts_ -= task.parts - task.taken;
  tasks_.erase(std::find(tasks_.begin(), tasks_.end(), &task));
  return true;
}

void ThreadPool::run_part(Task& task, int part) {
  try {
    task.body(part);
  } catch (...) {
    const std::lock_guard<std::mutex> lock(mutex_);
    task.problem = std::current_exception();
  }
}

// `begin`: when the caller began with its own part.
void ThreadPool::wait_for_workers(Task& task, Clock::time_point begin) {
  const Clock::time_point end = Clock::now();
  const auto done = [&] { return task.workers == 0; };
  if (!spin_until(done)) {
    std::unique_lock<std::mutex> lock(mutex_);
    ++callers_waiting_;
    end_.wait(lock, done);
    --callers_waiting_;
  }
  oversubscription_.call_ended(begin, end, Clock::now());
}

// Under the mutex: there are so many workers afterwards, or as many as the system gives.
void ThreadPool::hire(int workers) {
  if (workers_ >= workers) return;
  const BlockedSignals blocked;
  try {
    for (; workers_ < workers; ++workers_) std::thread([this] { work(); }).detach();
  } catch (const std::system_error&) {
    return;  // callers do themselves what no worker takes
  }
}

void ThreadPool::work() {
  for (;;) {
    spin_until([this] { return open_parts_ > 0; }, kWakes);
    std::unique_lock<std::mutex> lock(mutex_);
    ++sleeping_;
    work_.wait(lock, [this] { return !tasks_.empty(); });
    --sleeping_;
    Task& task = *tasks_.front();
    ++task.workers;
    const int part = next_part(task);
    lock.unlock();
    while (!spin_until([&] { return task.start != Task::kWaiting; })) std::this_thread::yield();
    if (task.start == Task::kStarted) run_part(task, part);
    lock.lock();
    --task.workers;
    const bool waited_for = callers_waiting_ > 0;
    lock.unlock();
    if (waited_for) end_.notify_all();
  }
}

}  // namespace rnnext::core
