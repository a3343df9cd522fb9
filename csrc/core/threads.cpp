#include "core/threads.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "core/floating_point_mode.h"
#include "core/openmp.h"
#include "core/processors.h"
#include "core/thread_pool.h"
#include "rnnext/rnnext.h"

namespace rnnext {
namespace {

// Multiply-adds: 5 us on AVX-512, 10 us on AVX2. Two threads took 1.0 of the time of one for twice
// as many on AVX-512, 0.6 on AVX2, and sleepecg's Dense of 0.7 million slowed the whole model down.
constexpr double kWorkPerThread = 450e3;

// Multiply-adds of a thread in a region of OpenMP, some 0.5 ms. The threads of a region wait for
// each other at its end: of shorter ones, a wait of one slice of the scheduler is many calls' time
// (LSTM 8,60,96,96 beside one busy process, 0.2 ms a thread: 4 times the pool's mean).
constexpr double kMinWorkOfRegion = 40e6;

std::atomic<int> threads_wanted{0};  // 0: not set

bool parse_threading(const std::string& name, const char* said_by) {
  if (name == "pool") return false;
  if (name == "openmp" && core::openmp::is_built_in()) return true;
  throw std::invalid_argument(std::string(said_by) + ": \"" + name +
                              "\" is unknown here; this build has: " +
                              (core::openmp::is_built_in() ? "openmp, pool" : "pool"));
}

bool initial_threading() {
  const char* forced = std::getenv("RNNEXT_THREADING");
  if (forced && *forced) return parse_threading(forced, "RNNEXT_THREADING in the environment");
  return core::openmp::is_built_in();
}

std::atomic<bool>& openmp_wanted() {
  static std::atomic<bool> wanted{initial_threading()};
  return wanted;
}

bool uses_openmp() { return openmp_wanted() && core::openmp::available(); }

}  // namespace

int get_num_threads_setting() {
  static const int initial =
      core::num_threads_of_environment().value_or(core::available_processors());
  const int wanted = threads_wanted;
  return wanted ? wanted : initial;
}

int get_num_threads() { return std::min(get_num_threads_setting(), core::openmp::thread_limit()); }

void set_num_threads(int n) {
  if (n < 1 || n > kMaxThreads)
    throw std::invalid_argument(
        "set_num_threads: received " + std::to_string(n) +
        ", accepted are integers >= 1 and <= " + std::to_string(kMaxThreads));
  threads_wanted = n;
}

std::string threading() { return uses_openmp() ? "openmp" : "pool"; }

void set_threading(const std::string& name) {
  openmp_wanted() = parse_threading(name, "set_threading");
}

namespace core {

int threads_worth(double work) {
  if (work < 2 * kWorkPerThread) return 1;
  const double worth = std::min(work / kWorkPerThread, 1e6);
  const int threads = std::min(get_num_threads(), static_cast<int>(worth));
  return threads > 1 && ThreadPool::of_process().oversubscribed() ? 1 : threads;
}

namespace {

auto flushing(const std::function<void(int)>& body) {
  return [&body](int part) {
    const FlushDenormals mode;
    body(part);
  };
}

}  // namespace

void in_parallel(int parts, double work, const std::function<void(int)>& body) {
  if (parts == 1) return flushing(body)(0);
  ThreadPool& pool = ThreadPool::of_process();
  Oversubscription& oversubscription = pool.oversubscription();
  // After calls that had to wait for a processor the pool tries first, as a part that no thread has
  // begun costs it nothing.
  const bool is_for_openmp = work >= parts * kMinWorkOfRegion && !oversubscription.recent();
  if (is_for_openmp && uses_openmp() &&
      openmp::parallel_for(parts, flushing(body), oversubscription))
    return;
  pool.parallel_for(parts, flushing(body));
}

bool together(int members, const std::function<void(int)>& body) {
  return ThreadPool::of_process().run_team(members, flushing(body));
}

int row_parts(std::ptrdiff_t rows, int most) {
  return static_cast<int>(std::min<std::ptrdiff_t>(most, rows));
}

std::ptrdiff_t row_boundary(std::ptrdiff_t rows, int part, int parts) {
  return rows / parts * part + std::min<std::ptrdiff_t>(rows % parts, part);
}

void parallel_rows(std::ptrdiff_t rows, double work,
                   const std::function<void(std::ptrdiff_t, std::ptrdiff_t)>& body) {
  if (rows <= 0) return;
  const int parts = row_parts(rows, threads_worth(work));
  in_parallel(parts, work, [&](int part) {
    body(row_boundary(rows, part, parts), row_boundary(rows, part + 1, parts));
  });
}

void Team::barrier() {
  const unsigned barrier = barriers_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
    arrived_.store(0, std::memory_order_relaxed);
    barriers_.store(barrier + 1, std::memory_order_release);
    return;
  }
  const auto over = [&] { return barriers_.load(std::memory_order_acquire) != barrier; };
  if (spin_until(over)) return;
  const Clock::time_point begin = Clock::now();
  while (!over()) std::this_thread::yield();
  const Clock::time_point now = Clock::now();
  ThreadPool::of_process().oversubscription().waited(now - begin, now);
}

}  // namespace core
}  // namespace rnnext
