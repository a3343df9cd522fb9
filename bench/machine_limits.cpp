// machine_limits: what the processor can do, measured when told to.
//
//   machine_limits THREADS NAME=BYTES...
//
// For every line read, which says for how many seconds to measure, it writes one line of JSON:
// "flops", fused multiply-adds in registers, two operations each, and for every NAME the bytes per
// second read from buffers of BYTES a thread; all threads together. Compiled for an instruction set
// by its flags; the vectors are as wide as those allow.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif
typedef float Vector __attribute__((vector_size(kVectorBytes)));
constexpr int kLanes = kVectorBytes / 4;
constexpr int kChains = 12;  // latency 4 or 5, two or three units: enough to fill them

using Clock = std::chrono::steady_clock;

// Keeps the compiler from dropping the work that made `value`.
void use(Vector& value) { asm volatile("" : "+m"(value)); }

// Uses the sums together: they stay in registers, which they would not if each had an address.
template <std::size_t N>
void use_sum(const Vector (&sums)[N]) {
  Vector total = {};
  for (const Vector& sum : sums) total += sum;
  use(total);
}

// Returns the floating-point operations done.
double multiply_add(std::ptrdiff_t count) {
  Vector sums[kChains] = {}, factor = Vector{} + 0.5f, term = Vector{} + 1.0f;
  use(factor);
  use(term);
  for (std::ptrdiff_t i = 0; i < count; ++i)
    for (Vector& sum : sums) sum = sum * factor + term;
  use_sum(sums);
  return 2.0 * static_cast<double>(count) * kChains * kLanes;
}

// Reads a buffer again and again, so long that the reading of a clock does not matter. Returns the
// bytes read.
double read(const std::vector<Vector>& buffer) {
  constexpr std::size_t kSums = 8;  // enough for the latency of an addition
  constexpr std::size_t kMin = (std::size_t{4} << 20) / kVectorBytes;
  const Vector* const vectors = buffer.data();
  const std::size_t count = buffer.size() / kSums * kSums;
  Vector sums[kSums] = {};
  std::size_t done = 0;
  do {
    for (std::size_t i = 0; i < count; i += kSums)
      for (std::size_t j = 0; j < kSums; ++j) sums[j] += vectors[i + j];
    done += count;
  } while (done < kMin);
  use_sum(sums);
  return static_cast<double>(done * kVectorBytes);
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Repeats `work` on every thread at once; the sum of the threads' rates, each the median over its
// repetitions: one that the system interrupted tells nothing about the processor.
double rate(int threads, double seconds, const std::function<double(int)>& work) {
  std::atomic<int> waiting{threads};
  std::vector<double> rates(static_cast<std::size_t>(threads));
  const auto repeat = [&](int thread) {
    work(thread);  // brings the buffer into its cache
    for (--waiting; waiting > 0;) std::this_thread::yield();
    std::vector<double> seen;
    const auto begin = Clock::now();
    auto stop = begin;
    do {
      const auto start = stop;
      const double done = work(thread);
      stop = Clock::now();
      seen.push_back(done / std::chrono::duration<double>(stop - start).count());
    } while (std::chrono::duration<double>(stop - begin).count() < seconds);
    rates[static_cast<std::size_t>(thread)] = median(seen);
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(repeat, thread);
  repeat(0);
  for (std::thread& other : others) other.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

struct Level {
  std::string name;
  std::vector<std::vector<Vector>> buffers;  // one a thread
};

Level make_level(const std::string& argument, int threads) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string::npos) throw std::invalid_argument(argument + ": not NAME=BYTES");
  const std::size_t vectors = std::stoull(argument.substr(equals + 1)) / kVectorBytes;
  if (vectors < 8) throw std::invalid_argument(argument + ": too small a buffer");
  Level level{argument.substr(0, equals), {}};
  for (int i = 0; i < threads; ++i) level.buffers.emplace_back(vectors, Vector{} + 1.0f);
  return level;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 0;
  if (threads < 1) {
    std::fprintf(stderr, "usage: machine_limits THREADS NAME=BYTES...\n");
    return 2;
  }
  std::vector<Level> levels;
  try {
    for (int i = 2; i < argc; ++i) levels.push_back(make_level(argv[i], threads));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "machine_limits: %s\n", error.what());
    return 2;
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    const double seconds = std::atof(line.c_str()) / static_cast<double>(levels.size() + 1);
    std::printf("{\"flops\": %.6g",
                rate(threads, seconds, [](int) { return multiply_add(20000); }));
    for (const Level& level : levels)
      std::printf(", \"%s\": %.6g", level.name.c_str(), rate(threads, seconds, [&](int thread) {
                    return read(level.buffers[static_cast<std::size_t>(thread)]);
                  }));
    std::printf("}\n");
    std::fflush(stdout);
  }
  return 0;
}
