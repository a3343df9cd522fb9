// rnnext_bench: every cell over named shapes (cell B,T,D,H), without Python.
//
//   rnnext_bench [--threads=N] [Google Benchmark's own options, e.g. --benchmark_filter=lstm]
//
// Reported for each: time of one call, GFLOP/s (a fused multiply-add counts as two), and
// share_of_peak: that rate over the processor's peak, which a loop of independent fused
// multiply-adds measures just before, on the same threads. RNNEXT_ISA forces an instruction set.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/instruction_set.h"
#include "core/threads.h"
#include "rnnext/rnnext.h"

namespace {

using namespace rnnext;

struct Workload {
  const char* name;
  Cell cell;
  bool reset_after;
  std::ptrdiff_t B, T, D, H;
};

// bench/compare.py runs the same ones through Python and against other engines.
const Workload kWorkloads[] = {
    {"simple_rnn", Cell::simple_rnn, true, 1, 10, 3, 5},
    {"simple_rnn", Cell::simple_rnn, true, 1, 100, 64, 128},
    {"simple_rnn", Cell::simple_rnn, true, 64, 100, 64, 128},
    {"lstm", Cell::lstm, true, 1, 1, 16, 64},
    {"lstm", Cell::lstm, true, 1, 100, 64, 128},
    {"lstm", Cell::lstm, true, 1, 100, 256, 256},
    {"lstm", Cell::lstm, true, 1, 100, 512, 512},
    {"lstm", Cell::lstm, true, 32, 100, 128, 256},
    {"lstm", Cell::lstm, true, 256, 50, 256, 512},
    {"gru", Cell::gru, true, 1, 1, 64, 256},
    {"gru", Cell::gru, true, 1, 100, 64, 128},
    {"gru", Cell::gru, true, 64, 100, 128, 256},
    {"gru_reset_before", Cell::gru, false, 1, 100, 64, 128},
    {"gru_reset_before", Cell::gru, false, 64, 100, 128, 256},
};

// GFLOP/s of fused multiply-adds in registers: the best of a few short runs on every thread at
// once.
template <class T>
double fma_peak_gflops() {
  const kernels::KernelTable& table = core::kernel_table("");
  constexpr std::ptrdiff_t kCount = 200000, kChains = 10;
  const double flops = 2.0 * kCount * kChains * kernels::kernels_of<T>(table).width;
  const int threads = get_num_threads();
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    const auto measure = [&](int) { benchmark::DoNotOptimize(table.fma_peak(kCount)); };
    auto start = std::chrono::steady_clock::now();
    while (!core::together(threads, measure))  // the threads were not awake yet
      start = std::chrono::steady_clock::now();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::max(best, flops * threads / time.count() * 1e-9);
  }
  return best;
}

template <class T>
std::vector<T> random_array(std::ptrdiff_t size, double bound) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<double> uniform(-bound, bound);
  std::vector<T> values(static_cast<std::size_t>(size));
  for (T& value : values) value = static_cast<T>(uniform(generator));
  return values;
}

template <class T>
void run(benchmark::State& state, const Workload& w) {
  RecurrentConfig config;
  config.cell = w.cell;
  config.features = w.D;
  config.units = w.H;
  config.reset_after = w.reset_after;
  const std::ptrdiff_t columns = config.gates() * w.H;
  const double bound = 1 / std::sqrt(static_cast<double>(w.H));
  const std::vector<T> kernel = random_array<T>(w.D * columns, bound);
  const std::vector<T> recurrent_kernel = random_array<T>(w.H * columns, bound);
  const std::vector<T> bias = random_array<T>(config.bias_size(), bound);
  const std::vector<T> x = random_array<T>(w.B * w.T * w.D, 1);
  std::vector<T> y(static_cast<std::size_t>(w.B * w.H));
  const Recurrent<T> layer(config, kernel, recurrent_kernel, bias);
  RecurrentIo<T> io;
  io.batch = w.B;
  io.steps = w.T;
  io.x = x;
  io.last_output = y;

  const double peak = fma_peak_gflops<T>();
  for (auto _ : state) {
    layer.run(io);
    benchmark::ClobberMemory();
  }
  const double gflop = 2e-9 * static_cast<double>(w.B * w.T * columns * (w.D + w.H));
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(gflop, Counter::kIsIterationInvariantRate);
  state.counters["share_of_peak"] = Counter(gflop / peak, Counter::kIsIterationInvariantRate);
}

void register_benchmarks() {
  for (const Workload& w : kWorkloads) {
    const std::string shape = std::to_string(w.B) + "," + std::to_string(w.T) + "," +
                              std::to_string(w.D) + "," + std::to_string(w.H);
    const auto add = [&](const char* dtype, auto function) {
      const std::string name = std::string(w.name) + "/" + shape + "/" + dtype;
      benchmark::RegisterBenchmark(name.c_str(), function, w)
          ->UseRealTime()
          ->Unit(benchmark::kMicrosecond);
    };
    add("f32", run<float>);
    add("f64", run<double>);
  }
}

// Takes --threads=N out of the arguments.
int take_threads(int& argc, char** argv) {
  int threads = 1;
  int kept = 0;
  for (int i = 0; i < argc; ++i) {
    if (std::strncmp(argv[i], "--threads=", 10) == 0)
      threads = std::atoi(argv[i] + 10);
    else
      argv[kept++] = argv[i];
  }
  argc = kept;
  return threads;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    set_num_threads(take_threads(argc, argv));
    benchmark::AddCustomContext("rnnext_isa", isa());
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  benchmark::AddCustomContext("rnnext_version", version());
  benchmark::AddCustomContext("rnnext_threads", std::to_string(get_num_threads()));
  register_benchmarks();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
