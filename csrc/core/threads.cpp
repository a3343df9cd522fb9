#include "core/threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

#include "core/floating_point_mode.h"
#include "rnnext/rnnext.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

#ifdef _OPENMP
#include <omp.h>
#ifndef _WIN32
#include <pthread.h>
#endif
#endif

namespace rnnext {
namespace {

// Waking a team and joining it costs a few microseconds: less work than this for each thread (about
// 10 us of multiply-adds) is faster alone.
constexpr double kWorkPerThread = 250e3;

std::atomic<int> threads_wanted{0};  // 0: not set, OpenMP's own default

#ifdef _OPENMP
std::atomic<bool> pool_used{false};
std::atomic<bool> pool_lost{false};

// A forked child has the pool's data and not its threads; libgomp would wait for them for ever.
#ifndef _WIN32
[[maybe_unused]] const int fork_handler_registered =
    pthread_atfork(nullptr, nullptr, [] { pool_lost = pool_used.load(); });
#endif
#endif

void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

}  // namespace

bool has_openmp() {
#ifdef _OPENMP
  return true;
#else
  return false;
#endif
}

int get_num_threads() {
#ifdef _OPENMP
  if (pool_lost) return 1;
  const int wanted = threads_wanted;
  return wanted ? wanted : omp_get_max_threads();
#else
  return 1;
#endif
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
  return std::max(1, std::min(get_num_threads(), static_cast<int>(worth)));
}

bool in_parallel(int parts, const std::function<void(int)>& body) {
  if (parts == 1) {
    const FlushDenormals mode;
    body(0);
    return true;
  }
#ifdef _OPENMP
  pool_used = true;
  std::exception_ptr problem;
  bool enough = false;
#pragma omp parallel num_threads(parts)
  if (omp_get_num_threads() == parts) {
    const FlushDenormals mode;
    try {
      body(omp_get_thread_num());
    } catch (...) {
#pragma omp critical(rnnext_problem)
      problem = std::current_exception();
    }
    if (omp_get_thread_num() == 0) enough = true;
  }
  if (problem) std::rethrow_exception(problem);
  return enough;
#else
  return false;
#endif
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
  const bool done = in_parallel(parts, [&](int part) {
    body(row_boundary(rows, part, parts), row_boundary(rows, part + 1, parts));
  });
  if (!done) in_parallel(1, [&](int) { body(0, rows); });
}

void Team::meet() {
  constexpr int kSpins = 4000;  // some 50 us
  const unsigned meeting = meetings_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
    arrived_.store(0, std::memory_order_relaxed);
    meetings_.store(meeting + 1, std::memory_order_release);
    return;
  }
  for (int spins = 0; meetings_.load(std::memory_order_acquire) == meeting; ++spins) {
    if (spins < kSpins)
      pause();
    else
      std::this_thread::yield();
  }
}

}  // namespace core
}  // namespace rnnext
