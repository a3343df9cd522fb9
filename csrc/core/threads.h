// Work shared out to threads. Who runs it is decided here alone: OpenMP (openmp.h) the long loops
// over samples, the pool (thread_pool.h) everything else.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>

namespace rnnext::core {

// How many threads `work` multiply-adds in all are worth, at most get_num_threads(). 1 while others
// take the processors.
int threads_worth(double work);

// Calls body(part) for each part in [0, parts), at most so many at the same time, in threads that
// flush subnormals. Rethrows what a body threw when all have ended. `work`: multiply-adds of all
// parts together.
void in_parallel(int parts, double work, const std::function<void(int part)>& body);

// The same, but for members that wait for each other: all run at the same time. False, with nothing
// called, when there are not so many threads.
bool together(int members, const std::function<void(int member)>& body);

// Parts that `rows` can be split into, at most `most`.
int row_parts(std::ptrdiff_t rows, int most);
// Where part `part` of `parts` begins. Parts differ by one row at most: in multiples of a register
// tile 8 rows fell into 3 and 5, and two threads took 1.2 times as long.
std::ptrdiff_t row_boundary(std::ptrdiff_t rows, int part, int parts);

// Calls body(first, last) for ranges that cover [0, rows), in as many threads as `work` is worth.
void parallel_rows(std::ptrdiff_t rows, double work,
                   const std::function<void(std::ptrdiff_t, std::ptrdiff_t)>& body);

// Threads that work on one thing together, with a barrier after every step of it.
class Team {
 public:
  explicit Team(int members) : members_(members) {}

  // Returns when every member has called it; what each wrote before, all may read after. Waiting
  // threads spin, as a step takes microseconds, but not for long: when a member has lost its
  // processor, the others give up theirs, and the next calls have one thread.
  void barrier();

 private:
  const int members_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> barriers_{0};
};

}  // namespace rnnext::core
