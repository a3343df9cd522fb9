// Every recurrent kernel on every instruction set against the scalar reference in double, and the
// promise of one answer: the same bits in any batch, on any number of threads, in any chunks, and
// on every instruction set that has fused multiply-add.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/instruction_set.h"
#include "core/reference.h"
#include "core/thread_pool.h"
#include "rnnext/rnnext.h"
#include "stored_weights.h"
#include "testing.h"

namespace {

using namespace rnnext;
using testing::check;
using testing::Random;

struct Shape {
  std::ptrdiff_t B, T, D, H;
};

enum class Masking { none, random, padded, all };

struct Case {
  RecurrentConfig config;
  Shape shape;
  bool bias = true, initial_state = false, go_backwards = false, zero_output_for_mask = false;
  Masking masking = Masking::none;
  WeightType weights = WeightType::full;
};

std::string name(const Case& c) {
  const char* cells[] = {"simple_rnn", "lstm", "gru"};
  return std::string(cells[static_cast<int>(c.config.cell)]) +
         (c.config.cell == Cell::gru ? (c.config.reset_after ? " after" : " before") : "") +
         " act " + std::to_string(static_cast<int>(c.config.activation.kind)) + " rec " +
         std::to_string(static_cast<int>(c.config.recurrent_activation.kind)) + " (B,T,D,H) " +
         std::to_string(c.shape.B) + "," + std::to_string(c.shape.T) + "," +
         std::to_string(c.shape.D) + "," + std::to_string(c.shape.H) + (c.bias ? "" : " no bias") +
         (c.initial_state ? " initial" : "") + (c.go_backwards ? " backwards" : "") + " mask " +
         std::to_string(static_cast<int>(c.masking)) + (c.zero_output_for_mask ? " zero" : "") +
         " weights " + std::to_string(static_cast<int>(c.weights));
}

template <class T>
struct Data {
  std::vector<T> kernel, recurrent_kernel, bias, x, initial[2];
  std::vector<std::uint8_t> mask;

  explicit Data(const Case& c) {
    Random random(1234 + static_cast<std::uint64_t>(c.shape.H));
    const auto [B, T_, D, H] = c.shape;
    const std::ptrdiff_t columns = c.config.gates() * H;
    // Kernels of about unit gain, so that no activation drives the state to infinity.
    kernel = random.array<T>(D * columns, 1 / std::sqrt(static_cast<double>(D + 1)));
    recurrent_kernel = random.array<T>(H * columns, 1 / std::sqrt(static_cast<double>(H)));
    if (c.bias) bias = random.array<T>(c.config.bias_size(), 0.5);
    x = random.array<T>(B * T_ * D, 1);
    if (c.initial_state)
      for (int s = 0; s < c.config.states(); ++s) initial[s] = random.array<T>(B * H, 1);
    if (c.masking == Masking::none) return;
    for (std::ptrdiff_t b = 0; b < B; ++b)
      for (std::ptrdiff_t t = 0; t < T_; ++t)
        mask.push_back(c.masking == Masking::random ? random.next() % 3 != 0
                                                    : c.masking == Masking::padded && t < T_ - b);
    // What is masked must not matter, not even a NaN.
    for (std::size_t step = 0; step < mask.size(); ++step)
      if (!mask[step])
        std::fill_n(x.begin() + static_cast<std::ptrdiff_t>(step) * D, D,
                    std::numeric_limits<T>::quiet_NaN());
  }
};

template <class T>
struct Outputs {
  std::vector<T> sequence, last, state[2], tape;

  explicit Outputs(const Case& c) {
    const auto [B, T_, D, H] = c.shape;
    sequence.assign(B * T_ * H, T(-7));
    last.assign(B * H, T(-7));
    for (int s = 0; s < c.config.states(); ++s) state[s].assign(B * H, T(-7));
    tape.assign(B * T_ * (c.config.gates() + c.config.states()) * H, T(-7));
  }
  bool operator==(const Outputs& o) const {
    return sequence == o.sequence && last == o.last && state[0] == o.state[0] &&
           state[1] == o.state[1] && tape == o.tape;
  }
};

template <class T>
RecurrentIo<T> io_of(const Case& c, const Data<T>& data, Outputs<T>& out) {
  RecurrentIo<T> io;
  io.batch = c.shape.B;
  io.steps = c.shape.T;
  io.go_backwards = c.go_backwards;
  io.zero_output_for_mask = c.zero_output_for_mask;
  io.x = data.x;
  io.mask = data.mask;
  io.sequence = out.sequence;
  io.last_output = out.last;
  io.tape = out.tape;
  for (int s = 0; s < c.config.states(); ++s) {
    io.initial_state[s] = data.initial[s];
    io.final_state[s] = out.state[s];
  }
  return io;
}

RecurrentConfig with_shape(RecurrentConfig config, const Shape& shape) {
  config.features = shape.D;
  config.units = shape.H;
  return config;
}

template <class T>
Recurrent<T> layer_of(const Case& c, const Data<T>& data, const std::string& isa) {
  return Recurrent<T>(with_shape(c.config, c.shape), data.kernel, data.recurrent_kernel, data.bias,
                      isa, c.weights);
}

template <class T>
Outputs<T> run(const Case& c, const Data<T>& data, const std::string& isa) {
  Outputs<T> out(c);
  layer_of(c, data, isa).run(io_of(c, data, out));
  return out;
}

std::vector<double> widened(const std::vector<float>& v) { return {v.begin(), v.end()}; }
std::vector<double> widened(const std::vector<double>& v) { return v; }

// The reference in double on the same (possibly float) weights, as they are stored, and inputs.
template <class T>
Outputs<double> run_reference(const Case& c, const Data<T>& data) {
  Data<double> wide(c);
  const std::ptrdiff_t columns = c.config.gates() * c.shape.H;
  wide.kernel = testing::as_stored(data.kernel, columns, c.weights);
  wide.recurrent_kernel = testing::as_stored(data.recurrent_kernel, columns, c.weights);
  wide.bias = widened(data.bias);
  wide.x = widened(data.x);
  for (int s = 0; s < 2; ++s) wide.initial[s] = widened(data.initial[s]);
  Outputs<double> out(c);
  const RecurrentConfig config = with_shape(c.config, c.shape);
  reference::Layer<double>(config, {wide.kernel.data(), wide.recurrent_kernel.data(),
                                    c.bias ? wide.bias.data() : nullptr})
      .run(io_of(c, wide, out));
  return out;
}

template <class T>
double largest_error(const std::vector<T>& got, const std::vector<double>& truth) {
  double largest = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double error =
        std::abs(static_cast<double>(got[i]) - truth[i]) / std::max(1.0, std::abs(truth[i]));
    largest =
        std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(largest, error);
  }
  return largest;
}

// Rounding errors of a step (a sum of D + H terms of at most unit size, a few ULP of activations)
// carried through some ten steps of gain about 1.
template <class T>
constexpr double kTolerance = 64 * std::numeric_limits<T>::epsilon();

// int8: a step's rows, of at most unit size, are rounded to 1/65534.
template <class T>
double tolerance_of(const Case& c) {
  return c.weights == WeightType::int8 ? 5.0 / 65534 : kTolerance<T>;
}

template <class T>
void compare_with_reference(const Case& c, const std::string& isa) {
  const Data<T> data(c);
  const Outputs<T> got = run(c, data, isa);
  const Outputs<double> truth = run_reference(c, data);
  double error =
      std::max(largest_error(got.sequence, truth.sequence), largest_error(got.last, truth.last));
  error = std::max(error, largest_error(got.tape, truth.tape));
  for (int s = 0; s < 2; ++s) error = std::max(error, largest_error(got.state[s], truth.state[s]));
  const double tolerance = tolerance_of<T>(c);
  check(error <= tolerance, isa + (sizeof(T) == 4 ? " float " : " double ") + name(c) + ": error " +
                                std::to_string(error / tolerance) + " of the tolerance");
}

std::vector<RecurrentConfig> cells() {
  std::vector<RecurrentConfig> all(4);
  all[0].cell = Cell::simple_rnn;
  all[1].cell = Cell::lstm;
  all[2].cell = all[3].cell = Cell::gru;
  all[3].reset_after = false;
  return all;
}

// Units around every multiple of a vector and of a panel, rows around every tile height.
const std::vector<Shape> kShapes = {
    {1, 1, 1, 1},   {1, 7, 3, 5},    {2, 4, 4, 4},   {3, 5, 2, 7},  {1, 40, 5, 8},  {4, 3, 1, 9},
    {5, 6, 8, 15},  {6, 3, 7, 16},   {7, 4, 9, 17},  {8, 2, 3, 31}, {9, 3, 16, 32}, {13, 2, 5, 33},
    {33, 3, 6, 20}, {40, 2, 11, 65}, {1, 5, 3, 130}, {2, 3, 0, 6},  {0, 3, 2, 4},   {3, 3, 129, 64},
};

void test_against_reference(const std::string& isa) {
  for (const RecurrentConfig& config : cells())
    for (const Shape& shape : kShapes)
      for (const Masking masking :
           {Masking::none, Masking::random, Masking::padded, Masking::all}) {
        Case c{config, shape};
        c.masking = masking;
        compare_with_reference<float>(c, isa);
        compare_with_reference<double>(c, isa);
        c.initial_state = c.go_backwards = true;
        compare_with_reference<float>(c, isa);
        c.weights = WeightType::int8;
        compare_with_reference<float>(c, isa);
        c.weights = WeightType::full;
        c.bias = false;
        c.zero_output_for_mask = true;
        compare_with_reference<double>(c, isa);
      }
}

void test_activations(const std::string& isa) {
  for (RecurrentConfig config : cells())
    for (const ActivationSpec& spec : kActivations) {
      // An exponential of a recurrent state has no bound to compare within.
      if (spec.kind == ActivationKind::exponential) continue;
      const double parameters[] = {0.25, 0.5, 0.125};
      config.activation =
          make_activation(spec.name, parameters, static_cast<std::size_t>(spec.required));
      for (const auto rec : {ActivationKind::sigmoid, ActivationKind::hard_sigmoid}) {
        config.recurrent_activation = {rec, 0.2, 0, 0};
        Case c{config, {5, 4, 3, 19}};
        c.masking = Masking::random;
        compare_with_reference<float>(c, isa);
        compare_with_reference<double>(c, isa);
      }
      config.recurrent_activation = config.activation;
      compare_with_reference<double>({config, {2, 3, 3, 9}}, isa);
    }
}

// ---- one answer ---------------------------------------------------------------------------------

template <class T>
std::vector<T> rows_of(const std::vector<T>& all, std::ptrdiff_t batch, std::ptrdiff_t b) {
  const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(all.size()) / batch;
  return {all.begin() + b * n, all.begin() + (b + 1) * n};
}

template <class T>
Data<T> sample_of(const Data<T>& all, const Case& one, std::ptrdiff_t batch, std::ptrdiff_t b) {
  Data<T> data(one);
  data.kernel = all.kernel;
  data.recurrent_kernel = all.recurrent_kernel;
  data.bias = all.bias;
  data.x = rows_of(all.x, batch, b);
  data.mask = rows_of(all.mask, batch, b);
  for (int s = 0; s < 2; ++s) data.initial[s] = rows_of(all.initial[s], batch, b);
  return data;
}

template <class T>
void test_batch_size_does_not_matter(const Case& c, const std::string& isa) {
  const Data<T> data(c);
  const Outputs<T> all = run(c, data, isa);
  for (std::ptrdiff_t b = 0; b < c.shape.B; ++b) {
    Case one = c;
    one.shape.B = 1;
    const Outputs<T> alone = run(one, sample_of(data, one, c.shape.B, b), isa);
    check(alone.sequence == rows_of(all.sequence, c.shape.B, b) &&
              alone.last == rows_of(all.last, c.shape.B, b) &&
              alone.state[0] == rows_of(all.state[0], c.shape.B, b) &&
              alone.state[1] == rows_of(all.state[1], c.shape.B, b) &&
              alone.tape == rows_of(all.tape, c.shape.B, b),
          isa + " " + name(c) + ": sample " + std::to_string(b) + " alone has other bits");
  }
}

// The last unit vector of a layer can have as many units as any, its gates apart or side by side.
void test_last_unit_vector(const std::string& isa) {
  for (const RecurrentConfig& config : cells())
    for (std::ptrdiff_t units = 17; units <= 81; ++units)
      for (const WeightType weights : {WeightType::full, WeightType::bf16, WeightType::int8}) {
        Case c{config, {3, 3, 2, units}};
        c.weights = weights;
        c.initial_state = true;
        compare_with_reference<float>(c, isa);
        test_batch_size_does_not_matter<float>(c, isa);
        if (weights == WeightType::full) compare_with_reference<double>(c, isa);
      }
}

template <class T>
void test_threads_do_not_matter(const Case& c, const std::string& isa) {
  const Data<T> data(c);
  set_num_threads(1);
  const Outputs<T> one = run(c, data, isa);
  for (const int threads : {2, 3, 7}) {
    set_num_threads(threads);
    check(run(c, data, isa) == one,
          isa + " " + name(c) + ": other bits on " + std::to_string(threads) + " threads");
  }
  set_num_threads(1);
}

// Both runs of run_both give what each gives alone, whoever shares the threads with whom.
template <class T>
void test_two_layers_at_once(const Case& c, const std::string& isa) {
  Case other = c;
  other.go_backwards = !c.go_backwards;
  other.shape.H = c.shape.H / 2 + 1;
  const Data<T> data(c), other_data(other);
  const Recurrent<T> layer = layer_of(c, data, isa), other_layer = layer_of(other, other_data, isa);
  set_num_threads(1);
  const Outputs<T> alone = run(c, data, isa), other_alone = run(other, other_data, isa);
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    Outputs<T> out(c), other_out(other);
    Recurrent<T>::run_both(layer, io_of(c, data, out), other_layer,
                           io_of(other, other_data, other_out));
    check(out == alone && other_out == other_alone, isa + " " + name(c) +
                                                        ": other bits beside another layer on " +
                                                        std::to_string(threads) + " threads");
  }
  set_num_threads(1);
}

// A layer that both can take: short_steps.h or, for the sake of the tape, recurrence.h.
template <class T>
Outputs<T> run_without_tape(const Recurrent<T>& layer, const Case& c, const Data<T>& data) {
  Outputs<T> out(c);
  RecurrentIo<T> io = io_of(c, data, out);
  io.tape = {};
  layer.run(io);
  return out;
}

template <class T>
bool same_but_for_tape(const Outputs<T>& a, const Outputs<T>& b) {
  return a.sequence == b.sequence && a.last == b.last && a.state[0] == b.state[0] &&
         a.state[1] == b.state[1];
}

template <class T>
void test_short_steps(const Case& c, const std::string& isa) {
  Case other = c;
  other.go_backwards = !c.go_backwards;
  const Data<T> data(c);
  Data<T> other_data(other);
  for (T& weight : other_data.recurrent_kernel) weight = -weight;
  const Recurrent<T> layer = layer_of(c, data, isa), other_layer = layer_of(other, other_data, isa);
  const Outputs<T> expected = run(c, data, isa), other_expected = run(other, other_data, isa);
  check(same_but_for_tape(run_without_tape(layer, c, data), expected),
        isa + " " + name(c) + ": other bits in short steps");
  Outputs<T> out(c), other_out(other);
  RecurrentIo<T> io = io_of(c, data, out), other_io = io_of(other, other_data, other_out);
  io.tape = other_io.tape = {};
  Recurrent<T>::run_both(layer, io, other_layer, other_io);
  check(same_but_for_tape(out, expected) && same_but_for_tape(other_out, other_expected),
        isa + " " + name(c) + ": other bits in turn with another layer");
}

void test_short_steps_of_all_sizes() {
  for (const RecurrentConfig& cell : cells())
    for (const bool default_activations : {true, false}) {
      Case c{cell, {1, 7, 3, 0}};
      if (!default_activations) c.config.activation = {ActivationKind::softsign};
      for (const std::string& isa : available_isas()) {
        for (c.shape.H = 1; c.shape.H <= 18; ++c.shape.H)
          for (const bool initial_state : {false, true}) {
            c.initial_state = c.go_backwards = initial_state;
            test_short_steps<float>(c, isa);
            test_short_steps<double>(c, isa);
          }
        // The inputs of more steps than a block of a MiB holds.
        Case blocks = c;
        blocks.shape = {1, (1 << 20) / 8 / 8 / c.config.gates() + 3, 2, 8};
        test_short_steps<double>(blocks, isa);
        // No steps of this kind: a single one, and one sample of several.
        blocks.shape = {1, 1, 2, 8};
        test_short_steps<float>(blocks, isa);
        blocks.shape = {2, 5, 2, 8};
        test_short_steps<float>(blocks, isa);
      }
    }
}

// That such layers take turns at all.
void test_which_layers_take_turns() {
  for (const std::string& isa : available_isas()) {
    const kernels::KernelsOf<float>& table = core::kernel_table(isa).f32;
    for (const auto* kernel :
         {&table.simple_rnn, &table.lstm, &table.gru_reset_after, &table.gru_reset_before}) {
      kernels::RecurrentCall<float> a = {};
      a.rows = a.members = 1;
      a.steps = a.block = 20;
      a.units = 8;
      const auto takes_turns = [&](auto change) {
        kernels::RecurrentCall<float> b = a;
        change(b);
        return kernel->takes_turns(&a, &b) && kernel->takes_turns(&b, &a);
      };
      float tape = 0;
      const std::uint8_t mask = 1;
      check(takes_turns([](auto&) {}), isa + ": two layers of 8 units do not take turns");
      check(!takes_turns([](auto& b) { b.units = 7; }) &&
                !takes_turns([](auto& b) { b.rows = 2; }) &&
                !takes_turns([](auto& b) { b.steps = 19; }) &&
                !takes_turns([](auto& b) { b.block = 10; }) &&
                !takes_turns([](auto& b) { b.members = 2; }) &&
                !takes_turns([&](auto& b) { b.tape = &tape; }) &&
                !takes_turns([&](auto& b) { b.mask = &mask; }) &&
                !takes_turns([](auto& b) { b.gates.recurrent_kernel.type = WeightType::int8; }),
            isa + ": layers take turns that cannot");
    }
  }
}

// One sample in two chunks, the second starting from the first one's states.
template <class T>
void test_chunks_do_not_matter(Case c, const std::string& isa) {
  c.shape.B = 1;
  c.initial_state = true;
  c.masking = Masking::none;
  const Data<T> data(c);
  const Outputs<T> whole = run(c, data, isa);
  const std::ptrdiff_t T_ = c.shape.T, D = c.shape.D;
  for (std::ptrdiff_t cut = 1; cut < T_; ++cut) {
    Case first = c, second = c;
    first.shape.T = cut;
    second.shape.T = T_ - cut;
    Data<T> data1 = data, data2 = data;
    data1.x.resize(static_cast<std::size_t>(cut * D));
    data2.x.erase(data2.x.begin(), data2.x.begin() + cut * D);
    Outputs<T> out1 = run(first, data1, isa);
    for (int s = 0; s < c.config.states(); ++s) data2.initial[s] = out1.state[s];
    const Outputs<T> out2 = run(second, data2, isa);
    out1.sequence.insert(out1.sequence.end(), out2.sequence.begin(), out2.sequence.end());
    check(out1.sequence == whole.sequence && out2.state[0] == whole.state[0] &&
              out2.state[1] == whole.state[1],
          isa + " " + name(c) + ": other bits when cut at step " + std::to_string(cut));
  }
}

bool has_fma(const std::string& isa) { return isa != "sse2" && isa != "generic"; }

template <class T>
void test_instruction_sets_agree(const Case& c) {
  const Data<T> data(c);
  std::string first;
  for (const std::string& isa : available_isas()) {
    if (!has_fma(isa)) continue;
    if (first.empty()) first = isa;
    check(run(c, data, isa) == run(c, data, first),
          name(c) + ": " + isa + " and " + first + " differ in bits");
  }
}

void test_one_answer_of_narrow_weights() {
  for (const RecurrentConfig& config : cells())
    for (const WeightType weights : {WeightType::bf16, WeightType::int8})
      for (const Masking masking : {Masking::none, Masking::random}) {
        Case c{config, {37, 6, 5, 21}};
        c.weights = weights;
        c.masking = masking;
        c.initial_state = true;
        Case wide = c, few = c;
        wide.shape = {67, 20, 40, 64};
        few.shape = {3, 5, 131, 337};
        for (const std::string& isa : available_isas()) {
          test_batch_size_does_not_matter<float>(c, isa);
          test_batch_size_does_not_matter<float>(few, isa);
          test_threads_do_not_matter<float>(wide, isa);
          test_threads_do_not_matter<float>(few, isa);
          test_two_layers_at_once<float>(few, isa);
          test_chunks_do_not_matter<float>(c, isa);
        }
        test_instruction_sets_agree<float>(c);
        test_instruction_sets_agree<float>(few);
      }
}

void test_one_answer() {
  for (const RecurrentConfig& cell : cells())
    for (const bool default_activations : {true, false}) {
      RecurrentConfig config = cell;
      if (!default_activations) config.activation = {ActivationKind::softsign};
      for (const Masking masking : {Masking::none, Masking::random}) {
        Case c{config, {37, 6, 5, 21}};
        c.masking = masking;
        c.initial_state = true;
        for (const std::string& isa : available_isas()) {
          test_batch_size_does_not_matter<float>(c, isa);
          test_batch_size_does_not_matter<double>(c, isa);
          Case wide = c;  // enough work that the threads are really used
          wide.shape = {67, 20, 40, 64};
          test_threads_do_not_matter<float>(wide, isa);
          Case few = c;  // samples for one thread, units for all of them
          for (const std::ptrdiff_t samples : {1, 3}) {
            few.shape = {samples, 7, 9, 401};
            test_threads_do_not_matter<float>(few, isa);
            test_two_layers_at_once<float>(few, isa);
          }
          test_two_layers_at_once<float>(wide, isa);
          few.shape.H = 385;
          test_threads_do_not_matter<double>(few, isa);
          test_chunks_do_not_matter<float>(c, isa);
          test_chunks_do_not_matter<double>(c, isa);
        }
        test_instruction_sets_agree<float>(c);
        test_instruction_sets_agree<double>(c);
      }
      // Steps projected ahead come in blocks of a MiB: enough of them for two.
      test_instruction_sets_agree<float>({config, {1, 1100 / config.gates(), 3, 256}});
    }
}

// What AVX2 computes on this test's data; to be renewed when a formula changes on purpose.
constexpr std::uint64_t kHashF32 = 0x009d3c788557b474, kHashF64 = 0xce88b703486deaf1;

// FNV-1a (Fowler, Noll, Vo) over the bits of an array.
template <class T>
std::uint64_t hash(const std::vector<T>& values, std::uint64_t h) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
  for (std::size_t i = 0; i < values.size() * sizeof(T); ++i) h = (h ^ bytes[i]) * 0x100000001b3;
  return h;
}

template <class T>
std::uint64_t hash_of_cells(const std::string& isa) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (const RecurrentConfig& config : cells()) {
    Case c{config, {5, 40, 6, 37}};
    c.initial_state = true;
    const Outputs<T> out = run(c, Data<T>(c), isa);
    h = hash(out.last, hash(out.state[1], hash(out.tape, h)));
  }
  return h;
}

// The same bits on every processor: the instruction sets of one machine are compared above, those
// of different machines through what one of them computed.
void test_processors_agree() {
  for (const std::string& isa : available_isas()) {
    if (!has_fma(isa)) continue;
    const std::uint64_t f32 = hash_of_cells<float>(isa), f64 = hash_of_cells<double>(isa);
    char message[128];
    std::snprintf(message, sizeof message,
                  "%s: bits of other processors: float %016llx, double %016llx", isa.c_str(),
                  static_cast<unsigned long long>(f32), static_cast<unsigned long long>(f64));
    check(f32 == kHashF32 && f64 == kHashF64, message);
  }
}

// A sum of two products, -1 and a * a, that a plain multiplication would round differently than a
// fused one: proof that a table named for its fused multiply-add has it.
void test_fma_is_real() {
  RecurrentConfig config;
  config.cell = Cell::simple_rnn;
  config.activation = {ActivationKind::linear};
  config.features = 2;
  config.units = 1;
  const float a = 1 + 0x1p-12f;
  const std::vector<float> kernel = {1, a}, recurrent_kernel = {0}, bias = {0}, x = {-1, a};
  for (const std::string& isa : available_isas()) {
    std::vector<float> y(1);
    RecurrentIo<float> io;
    io.batch = io.steps = 1;
    io.x = x;
    io.last_output = y;
    Recurrent<float>(config, kernel, recurrent_kernel, bias, isa).run(io);
    const float fused = 0x1p-11f + 0x1p-24f, separate = 0x1p-11f;
    check(y[0] == (has_fma(isa) ? fused : separate), isa + " does not round as its name says");
  }
}

// ---- int8 ---------------------------------------------------------------------------------------

template <class T>
bool all_nan(const std::vector<T>& values) {
  return std::all_of(values.begin(), values.end(), [](T value) { return std::isnan(value); });
}

// A sample whose input or state is not finite has no finite output from there on, and leaves the
// samples beside it alone.
void test_int8_does_not_hide_what_is_not_finite(const std::string& isa) {
  for (const RecurrentConfig& config : cells())
    for (const float value :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
      for (const bool in_state : {false, true}) {
        Case c{config, {3, 4, 7, 21}};
        c.initial_state = true;
        c.weights = WeightType::int8;
        Data<float> data(c);
        const Outputs<float> finite = run(c, data, isa);
        // Sample 1: its first state, or its second input.
        in_state ? data.initial[0][21 + 20] = value : data.x[(4 + 1) * 7 + 6] = value;
        const Outputs<float> got = run(c, data, isa);
        const std::vector<float> sequence = rows_of(got.sequence, 3, 1);
        const auto begin = sequence.begin() + (in_state ? 0 : 21);
        const std::string what = isa + " " + name(c) + ": " + std::to_string(value) +
                                 (in_state ? " in a state" : " in an input");
        check(
            all_nan(std::vector<float>(begin, sequence.end())) && all_nan(rows_of(got.last, 3, 1)),
            what + " looks finite");
        for (const std::ptrdiff_t other : {0, 2})
          check(rows_of(got.sequence, 3, other) == rows_of(finite.sequence, 3, other),
                what + " changes another sample");
      }
}

// ---- sizes --------------------------------------------------------------------------------------

template <class Body>
void expect_error(const std::string& part_of_message, Body body) {
  try {
    body();
  } catch (const std::invalid_argument& error) {
    check(std::string(error.what()).find(part_of_message) != std::string::npos,
          "message \"" + std::string(error.what()) + "\" lacks \"" + part_of_message + "\"");
    return;
  }
  check(false, "no error that says \"" + part_of_message + "\"");
}

void test_sizes_are_checked() {
  Case c{cells()[1], {2, 3, 4, 5}};
  const Data<float> data(c);
  const RecurrentConfig config = with_shape(c.config, c.shape);
  const std::vector<float> wrong(3);
  expect_error("kernel: received 3 elements, expected 80",
               [&] { Recurrent<float>(config, wrong, data.recurrent_kernel, data.bias); });
  expect_error("recurrent_kernel: received 3",
               [&] { Recurrent<float>(config, data.kernel, wrong, data.bias); });
  expect_error("bias: received 3",
               [&] { Recurrent<float>(config, data.kernel, data.recurrent_kernel, wrong); });
  expect_error("units: received 0", [&] {
    Recurrent<float>(RecurrentConfig(), data.kernel, data.recurrent_kernel, data.bias);
  });
  expect_error("instruction set \"mmx\" is unknown here", [&] { layer_of(c, data, "mmx"); });
  Outputs<float> out(c);
  const auto run_with = [&](auto change) {
    RecurrentIo<float> io = io_of(c, data, out);
    change(io);
    layer_of(c, data, "").run(io);
  };
  expect_error("x: received 3", [&] { run_with([&](auto& io) { io.x = wrong; }); });
  expect_error("x: received a null pointer, expected 24 elements",
               [&] { run_with([&](auto& io) { io.x.data = nullptr; }); });
  // Of what may be left out: an array of some size is not left out.
  expect_error("sequence: received a null pointer",
               [&] { run_with([&](auto& io) { io.sequence.data = nullptr; }); });
  expect_error("last_output: received 9",
               [&] { run_with([&](auto& io) { io.last_output.size = 9; }); });
  expect_error("sequence: received", [&] { run_with([&](auto& io) { io.sequence.size -= 1; }); });
  expect_error("final_state: received",
               [&] { run_with([&](auto& io) { io.final_state[1].size = 1; }); });
  expect_error("extent of -1", [&] { run_with([&](auto& io) { io.batch = -1; }); });
  expect_error("overflows", [&] { run_with([&](auto& io) { io.steps = PTRDIFF_MAX / 2; }); });
}

}  // namespace

int main() {
  rnnext::set_num_threads(1);
  core::ThreadPool::of_process().set_always_gather(true);  // or a busy machine would run no teams
  for (const std::string& isa : available_isas()) {
    test_against_reference(isa);
    test_activations(isa);
    test_int8_does_not_hide_what_is_not_finite(isa);
    test_last_unit_vector(isa);
  }
  test_short_steps_of_all_sizes();
  test_which_layers_take_turns();
  test_one_answer();
  test_one_answer_of_narrow_weights();
  test_processors_agree();
  test_fma_is_real();
  test_sizes_are_checked();
  return testing::finish();
}
