#include "core/threads.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "core/floating_point_mode.h"
#include "core/thread_pool.h"
#include "rnnext/rnnext.h"

#ifdef __linux__
#include <sched.h>
#endif

namespace rnnext {
namespace {

// Multiply-adds: 5 us on AVX-512, 10 us on AVX2. Two threads took 1.0 of the time of one for twice
// as many on AVX-512, 0.6 on AVX2, and sleepecg's Dense of 0.7 million slowed the whole model down.
constexpr double kWorkPerThread = 450e3;

std::atomic<int> threads_wanted{0};  // 0: not set

int processors() {
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return CPU_COUNT(&allowed);
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// OMP_NUM_THREADS is what people set for every library of numbers; of a list, which is for nested
// regions, the first number counts.
int threads_offered() {
  const char* wish = std::getenv("OMP_NUM_THREADS");
  const long wanted = wish ? std::strtol(wish, nullptr, 10) : 0;
  constexpr long kMost = 1024;
  return wanted >= 1 ? static_cast<int>(std::min(wanted, kMost)) : processors();
}

}  // namespace

int get_num_threads() {
  static const int offered = threads_offered();
  const int wanted = threads_wanted;
  return wanted ? wanted : offered;
}

void set_num_threads(int n) {
  if (n < 1)
    throw std::invalid_argument("set_num_threads: received " + std::to_string(n) +
                                ", accepted are integers >= 1");
  threads_wanted = n;
}

namespace core {

int threads_worth(double work) {
  const double worth = std::min(work / kWorkPerThread, 1e6);
  const int threads = std::max(1, std::min(get_num_threads(), static_cast<int>(worth)));
  return threads > 1 && ThreadPool::of_process().crowded() ? 1 : threads;
}

namespace {

auto flushing(const std::function<void(int)>& body) {
  return [&body](int part) {
    const FlushDenormals mode;
    body(part);
  };
}

}  // namespace

void in_parallel(int parts, const std::function<void(int)>& body) {
  if (parts == 1) return flushing(body)(0);
  ThreadPool::of_process().share(parts, flushing(body));
}

bool together(int members, const std::function<void(int)>& body) {
  return ThreadPool::of_process().gather(members, flushing(body));
}

int row_parts(std::ptrdiff_t rows, int most) {
  return static_cast<int>(std::min<std::ptrdiff_t>(most, rows));
}

std::ptrdiff_t row_boundary(std::ptrdiff_t rows, int part, int parts) {
  return rows / parts * part + std::min<std::ptrdiff_t>(rows % parts, part);
}

void parallel_rows(std::ptrdiff_t rows, int threads,
                   const std::function<void(std::ptrdiff_t, std::ptrdiff_t)>& body) {
  if (rows <= 0) return;
  const int parts = row_parts(rows, threads);
  in_parallel(parts, [&](int part) {
    body(row_boundary(rows, part, parts), row_boundary(rows, part + 1, parts));
  });
}

void Team::meet() {
  const unsigned meeting = meetings_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
    arrived_.store(0, std::memory_order_relaxed);
    meetings_.store(meeting + 1, std::memory_order_release);
    return;
  }
  const auto over = [&] { return meetings_.load(std::memory_order_acquire) != meeting; };
  if (spin_until(over)) return;
  const Clock::time_point begin = Clock::now();
  while (!over()) std::this_thread::yield();
  const Clock::time_point now = Clock::now();
  ThreadPool::of_process().crowding().waited(now - begin, now);
}

}  // namespace core
}  // namespace rnnext
