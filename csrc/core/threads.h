// Work shared out to threads: samples, or the units of samples that are too few.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>

namespace rnnext::core {

// How many threads `work` multiply-adds in all are worth, at most get_num_threads().
int threads_worth(double work);

// Calls body(first, last) for disjoint ranges that cover [0, rows), in at most `threads` threads.
// Ranges begin at multiples of `granule` where they can. An exception of a body is rethrown here,
// after all have ended.
void parallel_rows(std::ptrdiff_t rows, std::ptrdiff_t granule, int threads,
                   const std::function<void(std::ptrdiff_t, std::ptrdiff_t)>& body);

// Threads that work on one thing together and meet after every step of it.
class Team {
 public:
  explicit Team(int members) : members_(members) {}

  int members() const { return members_; }

  // Returns when every member has called it; what each wrote before, all may read after. Waiting
  // threads spin, as a step takes microseconds, but not for long: when a member has lost its
  // processor, the others give up theirs.
  void meet();

 private:
  const int members_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> meetings_{0};
};

// Calls body(member, team) in at most `most` threads, one for each member. It must not throw: the
// others would wait for ever.
void parallel_team(int most, const std::function<void(int member, Team& team)>& body);

}  // namespace rnnext::core
