// The pool of threads: every part once, members together, errors, many callers, crowded processors.
#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/thread_pool.h"
#include "core/threads.h"
#include "rnnext/rnnext.h"
#include "testing.h"

namespace {

using namespace rnnext;
using core::Clock;
using core::Crowding;
using core::ThreadPool;
using testing::check;

ThreadPool& pool() { return ThreadPool::of_process(); }

void test_every_part_once() {
  for (const int parts : {1, 2, 3, 8, 40}) {
    std::vector<std::atomic<int>> calls(static_cast<std::size_t>(parts));
    pool().share(parts, [&](int part) { ++calls[static_cast<std::size_t>(part)]; });
    check(std::all_of(calls.begin(), calls.end(), [](const auto& n) { return n == 1; }),
          std::to_string(parts) + " parts: one was not called once");
  }
}

// Part 0 ends only when another thread has begun part 1.
void test_workers_take_parts() {
  std::atomic<bool> begun{false};
  std::thread::id other;
  pool().share(2, [&](int part) {
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
  pool().share(2, [](int) {});
  std::atomic<int> held{0};
  std::atomic<bool> release{false};
  // Workers are hired for the most parts asked for so far, 40 above: hold them all.
  std::thread holder([&] {
    pool().share(40, [&](int) {
      ++held;
      while (!release) std::this_thread::yield();
    });
  });
  while (held < 40) std::this_thread::yield();
  std::vector<std::thread::id> threads(5);
  pool().share(
      5, [&](int part) { threads[static_cast<std::size_t>(part)] = std::this_thread::get_id(); });
  check(std::count(threads.begin(), threads.end(), std::this_thread::get_id()) == 5,
        "a part ran elsewhere though all workers were held");
  while (pool().crowded()) std::this_thread::yield();  // since an earlier test, perhaps
  check(!pool().gather(2, [](int) { check(false, "a member ran alone"); }),
        "two members gathered though all workers were held");
  check(pool().crowded(), "a gathering in vain is no sign that processors are taken");
  release = true;
  holder.join();
}

void test_members_run_at_the_same_time() {
  pool().insist(true);
  for (const int members : {2, 3, 6}) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      core::Team team(members);
      std::vector<int> steps(static_cast<std::size_t>(members));
      bool in_step = true;
      const bool gathered = pool().gather(members, [&](int member) {
        for (int step = 1; step <= 50; ++step) {
          steps[static_cast<std::size_t>(member)] = step;
          team.meet();
          if (member == 0)
            in_step = in_step &&
                      std::all_of(steps.begin(), steps.end(), [step](int s) { return s == step; });
          team.meet();
        }
      });
      check(gathered && in_step,
            std::to_string(members) + " members: one was behind after a meeting");
    }
  }
  pool().insist(false);
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
  pool().insist(true);
  for (const int part : {0, 1, 2}) {
    expect_error_of_part(part, [](const auto& body) { pool().share(3, body); });
    expect_error_of_part(part, [](const auto& body) { pool().gather(3, body); });
  }
  pool().insist(false);
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
            team.meet();
            ++parts;
          };
          if (!pool().gather(2, member)) parts += 2;
        } else {
          pool().share(2, [&](int) { ++parts; });
        }
      }
    });
  for (std::thread& caller : callers) caller.join();
  check(parts == 8 * 300 * 2, "parts of many callers were lost or run twice");
}

void test_crowding() {
  using std::chrono::milliseconds;
  Crowding crowding;
  Clock::time_point now = Clock::now();
  check(!crowding.crowded(now), "crowded before anything happened");
  crowding.waited(std::chrono::microseconds(400), now);
  check(!crowding.crowded(now), "crowded after a wait as hosts make one");
  // Each pause is twice as long as the one before, up to 1280 ms.
  for (const int pause : {10, 20, 40, 80, 160, 320, 640, 1280, 1280}) {
    crowding.waited(milliseconds(2), now);
    crowding.waited(milliseconds(2), now);  // known already
    check(crowding.crowded(now + milliseconds(pause - 1)) &&
              !crowding.crowded(now + milliseconds(pause + 1)),
          "a pause is not " + std::to_string(pause) + " ms");
    now += milliseconds(pause + 1);
  }
  // And shorter by half for each call that goes well.
  for (int i = 0; i < 20; ++i) crowding.ended(now);
  crowding.waited(milliseconds(2), now);
  crowding.ended(now);  // a call that ends within the pause did not go well
  check(!crowding.crowded(now + milliseconds(11)), "calls that went well shorten no pause");
  now += milliseconds(11);
  crowding.waited(milliseconds(2), now);
  check(crowding.crowded(now + milliseconds(19)), "a call that ended in a pause shortened it");
}

void test_threads_worth() {
  set_num_threads(4);
  check(core::threads_worth(1e9) == 4, "much work is not worth all threads");
  check(core::threads_worth(1e3) == 1, "a little work is worth more than one thread");
  pool().crowding().found(Clock::now());
  check(core::threads_worth(1e9) == 1, "several threads where the processors are taken");
}

}  // namespace

int main() {
  test_every_part_once();
  test_workers_take_parts();
  test_crowding();
  test_members_run_at_the_same_time();
  test_errors();
  test_many_callers();
  test_the_caller_takes_what_nobody_has_begun();
  while (pool().crowded()) std::this_thread::yield();
  test_threads_worth();
  return testing::finish();
}
