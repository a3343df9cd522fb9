// Work shared out to threads, by the pool and by OpenMP: every part once, members together, errors,
// many callers, processors that others take.
#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/openmp.h"
#include "core/thread_pool.h"
#include "core/threads.h"
#include "rnnext/rnnext.h"
#include "testing.h"

namespace {

using namespace rnnext;
using core::Clock;
using core::Oversubscription;
using core::ThreadPool;
using testing::check;

ThreadPool& pool() { return ThreadPool::of_process(); }

bool run_on_openmp(int parts, const ThreadPool::Body& body) {
  return core::openmp::parallel_for(parts, body, pool().oversubscription());
}

template <class Run>
void expect_every_part_once(Run run) {
  for (const int parts : {1, 2, 3, 8, 40}) {
    std::vector<std::atomic<int>> calls(static_cast<std::size_t>(parts));
    run(parts, [&](int part) { ++calls[static_cast<std::size_t>(part)]; });
    check(std::all_of(calls.begin(), calls.end(), [](const auto& n) { return n == 1; }),
          std::to_string(parts) + " parts: one was not called once");
  }
}

void test_every_part_once() {
  expect_every_part_once([](int parts, const auto& body) { pool().parallel_for(parts, body); });
}

// Part 0 ends only when another thread has begun part 1.
void test_workers_take_parts() {
  std::atomic<bool> begun{false};
  std::thread::id other;
  pool().parallel_for(2, [&](int part) {
    if (part == 0) {
      while (!begun) std::this_thread::yield();
    } else {
      other = std::this_thread::get_id();
      begun = true;
    }
  });
  check(other != std::this_thread::get_id(), "one thread ran two parts at the same time");
}

// A worker that is busy elsewhere is not waited for.
void test_the_caller_takes_what_nobody_has_begun() {
  pool().parallel_for(2, [](int) {});
  std::atomic<int> held{0};
  std::atomic<bool> release{false};
  // Workers are hired for the most parts asked for so far, 40 above: hold them all.
  std::thread holder([&] {
    pool().parallel_for(40, [&](int) {
      ++held;
      while (!release) std::this_thread::yield();
    });
  });
  while (held < 40) std::this_thread::yield();
  std::vector<std::thread::id> threads(5);
  pool().parallel_for(
      5, [&](int part) { threads[static_cast<std::size_t>(part)] = std::this_thread::get_id(); });
  check(std::count(threads.begin(), threads.end(), std::this_thread::get_id()) == 5,
        "a part ran elsewhere though all workers were held");
  while (pool().oversubscribed()) std::this_thread::yield();  // since an earlier test, perhaps
  check(!pool().run_team(2, [](int) { check(false, "a member ran alone"); }),
        "two members gathered though all workers were held");
  check(pool().oversubscribed(),
        "a team that found no members is no sign that processors are taken");
  release = true;
  holder.join();
}

void test_members_run_at_the_same_time() {
  pool().set_always_gather(true);
  for (const int members : {2, 3, 6}) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      core::Team team(members);
      std::vector<int> steps(static_cast<std::size_t>(members));
      bool in_step = true;
      const bool gathered = pool().run_team(members, [&](int member) {
        for (int step = 1; step <= 50; ++step) {
          steps[static_cast<std::size_t>(member)] = step;
          team.barrier();
          if (member == 0)
            in_step = in_step &&
                      std::all_of(steps.begin(), steps.end(), [step](int s) { return s == step; });
          team.barrier();
        }
      });
      check(gathered && in_step,
            std::to_string(members) + " members: one was behind after a barrier");
    }
  }
  pool().set_always_gather(false);
}

template <class Run>
void expect_error_of_part(int part, Run run) {
  std::atomic<int> ended{0};
  try {
    run([&](int i) {
      if (i == part) throw std::runtime_error("part " + std::to_string(i));
      ++ended;
    });
    check(false, "what a part threw was lost");
  } catch (const std::runtime_error& error) {
    check(error.what() == "part " + std::to_string(part), error.what());
  }
  check(ended == 2, "the other parts did not end before the error was thrown");
}

void test_errors() {
  pool().set_always_gather(true);
  for (const int part : {0, 1, 2}) {
    expect_error_of_part(part, [](const auto& body) { pool().parallel_for(3, body); });
    expect_error_of_part(part, [](const auto& body) { pool().run_team(3, body); });
  }
  pool().set_always_gather(false);
  test_every_part_once();
}

void test_many_callers() {
  std::vector<std::thread> callers;
  std::atomic<int> parts{0};
  for (int i = 0; i < 8; ++i)
    callers.emplace_back([&, i] {
      for (int repeat = 0; repeat < 300; ++repeat) {
        if ((repeat + i) % 3 == 0) {
          core::Team team(2);
          const auto member = [&](int) {
            team.barrier();
            ++parts;
          };
          if (!pool().run_team(2, member)) parts += 2;
        } else {
          pool().parallel_for(2, [&](int) { ++parts; });
        }
      }
    });
  for (std::thread& caller : callers) caller.join();
  check(parts == 8 * 300 * 2, "parts of many callers were lost or run twice");
}

void test_oversubscription() {
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  Oversubscription found;
  Clock::time_point now = Clock::now();
  const auto well = [&] { found.call_ended(now - milliseconds(2), now - milliseconds(1), now); };
  check(!found.active(now) && !found.recent(), "oversubscribed before anything happened");
  found.waited(microseconds(400), now);
  found.call_ended(now - milliseconds(3), now - milliseconds(1), now);  // waited less than worked
  check(!found.active(now) && !found.recent(), "oversubscribed after a wait as hosts make one");
  // Each pause is twice as long as the one before, up to 1280 ms.
  for (const int pause : {10, 20, 40, 80, 160, 320, 640, 1280, 1280}) {
    found.waited(milliseconds(2), now);
    found.waited(milliseconds(2), now);  // known already
    check(
        found.active(now + milliseconds(pause - 1)) && !found.active(now + milliseconds(pause + 1)),
        "a pause is not " + std::to_string(pause) + " ms");
    now += milliseconds(pause + 1);
  }
  // And shorter by half for each call that goes well.
  check(found.recent(), "a pause that is over is forgotten at once");
  for (int i = 0; i < 20; ++i) well();
  check(!found.recent(), "calls that went well are not remembered");
  found.call_ended(now - milliseconds(3), now - milliseconds(2), now);  // does not go well
  check(found.active(now + milliseconds(9)) && !found.active(now + milliseconds(11)),
        "calls that went well shorten no pause");
  well();  // a call that ends within the pause did not go well
  now += milliseconds(11);
  found.waited(milliseconds(2), now);
  check(found.active(now + milliseconds(19)), "a call that ended in a pause shortened it");
}

// OpenMP's loop where there is one: every part, what a part throws, and one owner of the workers.
void test_openmp() {
  if (!core::openmp::available()) {
    check(!core::openmp::is_built_in(), "OpenMP is not available in a process that has not forked");
    check(!run_on_openmp(2, [](int) {}), "a loop of OpenMP ran without it");
    return;
  }
  expect_every_part_once([](int parts, const auto& body) {
    check(run_on_openmp(parts, body), "this thread's loop found another owner");
  });
  for (const int part : {0, 1, 2})
    expect_error_of_part(part, [](const auto& body) { run_on_openmp(3, body); });
  check(run_on_openmp(3, [](int) {}), "no loop after an error");

  const auto loop_of_another_thread = [] {
    bool ran = false;
    std::thread([&] { ran = run_on_openmp(2, [](int) {}); }).join();
    return ran;
  };
  check(!loop_of_another_thread(), "two threads have workers of OpenMP");
}

void test_openmp_changes_owners() {
  if (!core::openmp::available()) return;
  for (int i = 0; i < 3; ++i) {
    bool ran = false;
    std::thread([&] { ran = run_on_openmp(2, [](int) {}); }).join();
    check(ran, "the workers of a thread that has ended are not free");
  }
}

// Through the function that layers call: either way, short and long.
void test_in_parallel() {
  const std::string before = threading();
  for (const char* name : {"pool", "openmp"}) {
    if (!core::openmp::is_built_in() && std::string(name) == "openmp") continue;
    set_threading(name);
    check(threading() == name, std::string("threading() is not ") + name);
    for (const double work : {0.0, 1e12}) {
      expect_every_part_once(
          [&](int parts, const auto& body) { core::in_parallel(parts, work, body); });
      for (const int part : {0, 1, 2})
        expect_error_of_part(part, [&](const auto& body) { core::in_parallel(3, work, body); });
    }
  }
  for (const char* name : {"", "OpenMP", "tbb"}) try {
      set_threading(name);
      check(false, std::string("set_threading accepts ") + name);
    } catch (const std::invalid_argument& error) {
      const std::string expected = std::string("set_threading: \"") + name +
                                   "\" is unknown here; this build has: " +
                                   (core::openmp::is_built_in() ? "openmp, pool" : "pool");
      check(error.what() == expected, error.what());
    }
  set_threading(before);
}

void test_number_of_threads() {
  for (const int n : {0, -1, kMaxThreads + 1, 1000000000}) try {
      set_num_threads(n);
      check(false, "set_num_threads accepts " + std::to_string(n));
    } catch (const std::invalid_argument& error) {
      check(error.what() == "set_num_threads: received " + std::to_string(n) +
                                ", accepted are integers >= 1 and <= 1024",
            error.what());
    }
  set_num_threads(kMaxThreads);
  check(get_num_threads_setting() == kMaxThreads, "the largest number is not kept");
}

void test_threads_worth() {
  set_num_threads(4);
  check(core::threads_worth(1e9) == 4, "much work is not worth all threads");
  check(core::threads_worth(1e3) == 1, "a little work is worth more than one thread");
  pool().oversubscription().found(Clock::now());
  check(core::threads_worth(1e9) == 1, "several threads where the processors are taken");
}

}  // namespace

int main() {
  test_every_part_once();
  test_workers_take_parts();
  test_oversubscription();
  test_members_run_at_the_same_time();
  test_errors();
  test_many_callers();
  test_the_caller_takes_what_nobody_has_begun();
  while (pool().oversubscribed()) std::this_thread::yield();
  test_openmp_changes_owners();  // before the main thread becomes one
  test_openmp();
  test_in_parallel();
  while (pool().oversubscribed()) std::this_thread::yield();
  test_number_of_threads();
  test_threads_worth();
  return testing::finish();
}
