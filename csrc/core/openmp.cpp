#include "core/openmp.h"

#include <climits>

#ifdef RNNEXT_OPENMP
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>

#include "core/blocked_signals.h"
#include "core/processors.h"

#ifndef _WIN32
#include <pthread.h>
#endif
#endif

namespace rnnext::core::openmp {

#ifdef RNNEXT_OPENMP

namespace {

std::atomic<bool> forked{false};
#ifndef _WIN32
[[maybe_unused]] const int fork_handler_registered =
    pthread_atfork(nullptr, nullptr, [] { forked = true; });
#endif

// What OpenMP uses unless it is told otherwise.
const int initial_threads = num_threads_of_environment().value_or(omp_get_num_procs());

std::atomic<bool> workers_have_owner{false};

// Of each thread: whether OpenMP's workers are its own.
struct Ownership {
  bool owns = false;

  ~Ownership() {
    if (owns) workers_have_owner = false;
  }
  bool acquire() {
    if (!owns) owns = !workers_have_owner.exchange(true);
    return owns;
  }
};
thread_local Ownership ownership;

}  // namespace

bool is_built_in() { return true; }

bool available() { return !forked; }

int thread_limit() {
  if (omp_get_active_level() >= omp_get_max_active_levels()) return 1;
  const int threads = omp_get_max_threads(), limit = omp_get_thread_limit();
  return threads < initial_threads ? std::min(threads, limit) : limit;
}

bool parallel_for(int parts, const std::function<void(int part)>& body,
                  Oversubscription& oversubscription) {
  if (!ownership.acquire()) return false;
  std::exception_ptr problem;  // an exception must not leave a region
  Clock::time_point begin, end;
  std::optional<BlockedSignals> blocked(std::in_place);  // in workers that are started here
#pragma omp parallel num_threads(parts)
  {
    const bool is_caller = omp_get_thread_num() == 0;
    if (is_caller) {
      blocked.reset();
      begin = Clock::now();
    }
    // Dynamic: a thread takes the parts of another one that has no processor yet.
#pragma omp for schedule(dynamic, 1) nowait
    for (int part = 0; part < parts; ++part) {
      try {
        body(part);
      } catch (...) {
#pragma omp critical(rnnext_problem)
        problem = std::current_exception();
      }
    }
    if (is_caller) end = Clock::now();
  }
  oversubscription.call_ended(begin, end, Clock::now());
  if (problem) std::rethrow_exception(problem);
  return true;
}

#else

bool is_built_in() { return false; }

bool available() { return false; }

int thread_limit() { return INT_MAX; }

bool parallel_for(int, const std::function<void(int part)>&, Oversubscription&) { return false; }

#endif

}  // namespace rnnext::core::openmp
