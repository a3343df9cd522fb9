// The backward pass: the reference against differences of the forward reference, every kernel on
// every instruction set against the reference, and gradients of the same bits on any number of
// threads.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>

#include "core/instruction_set.h"
#include "core/reference_gradient.h"
#include "rnnext/rnnext.h"
#include "testing.h"

namespace {

using namespace rnnext;
using testing::check;
using testing::Random;

struct Shape {
  std::ptrdiff_t B, T, D, H;
};

enum class Masking { none, random, padded, all };
// What is taken times factors of each gate.
enum class Dropping { none, inputs, states, both };

struct Case {
  RecurrentConfig config;
  Shape shape;
  Masking masking = Masking::none;
  bool go_backwards = false, zero_output_for_mask = false, with_states = true, bias = true;
  Dropping dropping = Dropping::none;
  bool drops_inputs() const { return dropping == Dropping::inputs || dropping == Dropping::both; }
  bool drops_states() const { return dropping == Dropping::states || dropping == Dropping::both; }
};

std::string name(const Case& c) {
  const char* cells[] = {"simple_rnn", "lstm", "gru"};
  return std::string(cells[static_cast<int>(c.config.cell)]) +
         (c.config.cell == Cell::gru ? (c.config.reset_after ? " after" : " before") : "") +
         " act " + std::to_string(static_cast<int>(c.config.activation.kind)) + " rec " +
         std::to_string(static_cast<int>(c.config.recurrent_activation.kind)) + " (B,T,D,H) " +
         std::to_string(c.shape.B) + "," + std::to_string(c.shape.T) + "," +
         std::to_string(c.shape.D) + "," + std::to_string(c.shape.H) + " mask " +
         std::to_string(static_cast<int>(c.masking)) + (c.go_backwards ? " backwards" : "") +
         (c.zero_output_for_mask ? " zero" : "") + (c.with_states ? " states" : "") +
         (c.bias ? "" : " no bias") + (c.drops_inputs() ? " drops inputs" : "") +
         (c.drops_states() ? " drops states" : "");
}

// Everything that a pass reads, and what it writes.
template <class T>
struct Data {
  std::vector<T> kernel, recurrent_kernel, bias, x, initial[2], d_sequence, d_last, d_final[2];
  std::vector<T> input_factors, state_factors;
  std::vector<std::uint8_t> mask;
};

Data<double> drawn(const Case& c) {
  Random random(77 + static_cast<std::uint64_t>(c.shape.H));
  const std::ptrdiff_t B = c.shape.B, T_ = c.shape.T, D = c.shape.D, H = c.shape.H;
  const std::ptrdiff_t columns = c.config.gates() * H;
  Data<double> data;
  // Numbers that are floats, so that both dtypes compute with the same.
  const auto array = [&](std::ptrdiff_t size, double bound) {
    const std::vector<float> values = random.array<float>(size, bound);
    return std::vector<double>(values.begin(), values.end());
  };
  data.kernel = array(D * columns, 1 / std::sqrt(static_cast<double>(D + 1)));
  data.recurrent_kernel = array(H * columns, 1 / std::sqrt(static_cast<double>(H)));
  if (c.bias) data.bias = array(c.config.bias_size(), 0.5);
  data.x = array(B * T_ * D, 1);
  data.d_sequence = array(B * T_ * H, 1);
  data.d_last = array(B * H, 1);
  for (int s = 0; s < c.config.states() && c.with_states; ++s) {
    data.initial[s] = array(B * H, 1);
    data.d_final[s] = array(B * H, 1);
  }
  // Dropout's are 0 or one number; these are any, and some 0.
  const auto factors = [&](std::ptrdiff_t depth) {
    std::vector<double> drawn = array(B * c.config.gates() * depth, 1.5);
    for (double& factor : drawn) factor = factor < -0.8 ? 0 : factor;
    return drawn;
  };
  if (c.drops_inputs()) data.input_factors = factors(D);
  if (c.drops_states()) data.state_factors = factors(H);
  if (c.masking == Masking::none) return data;
  for (std::ptrdiff_t b = 0; b < B; ++b)
    for (std::ptrdiff_t t = 0; t < T_; ++t)
      data.mask.push_back(c.masking == Masking::random
                              ? random.next() % 3 != 0
                              : c.masking == Masking::padded && t < T_ - b);
  for (std::size_t step = 0; step < data.mask.size(); ++step)  // must not matter
    if (!data.mask[step])
      std::fill_n(data.x.begin() + static_cast<std::ptrdiff_t>(step) * D, D,
                  std::numeric_limits<double>::quiet_NaN());
  return data;
}

template <class T>
Data<T> as(const Data<double>& wide) {
  const auto cast = [](const std::vector<double>& v) { return std::vector<T>(v.begin(), v.end()); };
  Data<T> data;
  data.kernel = cast(wide.kernel);
  data.recurrent_kernel = cast(wide.recurrent_kernel);
  data.bias = cast(wide.bias);
  data.x = cast(wide.x);
  data.d_sequence = cast(wide.d_sequence);
  data.d_last = cast(wide.d_last);
  for (int s = 0; s < 2; ++s) {
    data.initial[s] = cast(wide.initial[s]);
    data.d_final[s] = cast(wide.d_final[s]);
  }
  data.input_factors = cast(wide.input_factors);
  data.state_factors = cast(wide.state_factors);
  data.mask = wide.mask;
  return data;
}

template <class T>
struct Gradients {
  std::vector<T> x, kernel, recurrent_kernel, bias, initial[2];

  explicit Gradients(const Case& c) {
    const auto [B, T_, D, H] = c.shape;
    const std::ptrdiff_t columns = c.config.gates() * H;
    x.assign(B * T_ * D, T(-7));
    kernel.assign(D * columns, T(-7));
    recurrent_kernel.assign(H * columns, T(-7));
    if (c.bias) bias.assign(c.config.bias_size(), T(-7));
    for (int s = 0; s < c.config.states(); ++s) initial[s].assign(B * H, T(-7));
  }
  std::vector<std::pair<const char*, const std::vector<T>*>> all() const {
    return {{"x", &x},       {"kernel", &kernel},      {"recurrent_kernel", &recurrent_kernel},
            {"bias", &bias}, {"initial", &initial[0]}, {"initial carry", &initial[1]}};
  }
};

template <class T>
RecurrentGradientIo<T> io_of(const Case& c, const Data<T>& data, const std::vector<T>& residuals,
                             Gradients<T>& out) {
  RecurrentGradientIo<T> io;
  io.batch = c.shape.B;
  io.steps = c.shape.T;
  io.go_backwards = c.go_backwards;
  io.zero_output_for_mask = c.zero_output_for_mask;
  io.x = data.x;
  io.mask = data.mask;
  io.input_factors = data.input_factors;
  io.state_factors = data.state_factors;
  io.residuals = residuals;
  io.d_sequence = data.d_sequence;
  io.d_last_output = data.d_last;
  io.d_x = out.x;
  io.d_kernel = out.kernel;
  io.d_recurrent_kernel = out.recurrent_kernel;
  io.d_bias = out.bias;
  for (int s = 0; s < c.config.states(); ++s) {
    io.initial_state[s] = data.initial[s];
    io.d_final_state[s] = data.d_final[s];
    io.d_initial_state[s] = out.initial[s];
  }
  return io;
}

RecurrentConfig config_of(const Case& c) {
  RecurrentConfig config = c.config;
  config.features = c.shape.D;
  config.units = c.shape.H;
  config.takes_factors = c.dropping != Dropping::none;
  return config;
}

// What of a forward pass a gradient is of: the sum of all outputs, each times its d_...
struct Outputs {
  std::vector<double> sequence, last, state[2];
};

template <class T>
RecurrentIo<T> forward_io(const Case& c, const Data<T>& data) {
  RecurrentIo<T> io;
  io.batch = c.shape.B;
  io.steps = c.shape.T;
  io.go_backwards = c.go_backwards;
  io.zero_output_for_mask = c.zero_output_for_mask;
  io.x = data.x;
  io.mask = data.mask;
  io.input_factors = data.input_factors;
  io.state_factors = data.state_factors;
  for (int s = 0; s < c.config.states(); ++s) io.initial_state[s] = data.initial[s];
  return io;
}

double loss(const Case& c, const Data<double>& data) {
  const auto [B, T_, D, H] = c.shape;
  Outputs out;
  out.sequence.resize(static_cast<std::size_t>(B * T_ * H));
  out.last.resize(static_cast<std::size_t>(B * H));
  RecurrentIo<double> io = forward_io(c, data);
  io.sequence = out.sequence;
  io.last_output = out.last;
  for (int s = 0; s < c.config.states(); ++s) {
    out.state[s].resize(static_cast<std::size_t>(B * H));
    io.final_state[s] = out.state[s];
  }
  const RecurrentConfig config = config_of(c);
  reference::Layer<double>(config, {data.kernel.data(), data.recurrent_kernel.data(),
                                    c.bias ? data.bias.data() : nullptr})
      .run(io);
  double sum = 0;
  const auto add = [&](const std::vector<double>& y, const std::vector<double>& d) {
    for (std::size_t i = 0; i < d.size(); ++i) sum += y[i] * d[i];
  };
  add(out.sequence, data.d_sequence);
  add(out.last, data.d_last);
  for (int s = 0; s < 2; ++s) add(out.state[s], data.d_final[s]);
  return sum;
}

Gradients<double> reference_gradients(const Case& c, const Data<double>& data) {
  Gradients<double> out(c);
  const RecurrentConfig config = config_of(c);
  reference::LayerGradient<double>(config, {data.kernel.data(), data.recurrent_kernel.data(),
                                            c.bias ? data.bias.data() : nullptr})
      .run(io_of(c, data, {}, out));
  return out;
}

// ---- the reference ------------------------------------------------------------------------------

// A gradient against the central difference of the loss, for some elements of an array.
void test_differences(const Case& c, Data<double>& data, std::vector<double>& values,
                      const std::vector<double>& gradient, const char* what) {
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < values.size(); i += 1 + values.size() / 7) {
    const double before = values[i];
    if (std::isnan(before)) {
      check(gradient[i] == 0, name(c) + ": the gradient of a masked input");
      continue;
    }
    values[i] = before + kStep;
    const double above = loss(c, data);
    values[i] = before - kStep;
    const double below = loss(c, data);
    values[i] = before;
    const double difference = (above - below) / (2 * kStep);
    check(std::abs(difference - gradient[i]) <= 1e-6 * std::max(1.0, std::abs(difference)),
          name(c) + ": reference gradient of " + what + "[" + std::to_string(i) + "] is " +
              std::to_string(gradient[i]) + ", the difference " + std::to_string(difference));
  }
}

void test_reference(const Case& c) {
  Data<double> data = drawn(c);
  const Gradients<double> gradients = reference_gradients(c, data);
  test_differences(c, data, data.x, gradients.x, "x");
  test_differences(c, data, data.kernel, gradients.kernel, "kernel");
  test_differences(c, data, data.recurrent_kernel, gradients.recurrent_kernel, "recurrent_kernel");
  if (c.bias) test_differences(c, data, data.bias, gradients.bias, "bias");
  for (int s = 0; s < c.config.states() && c.with_states; ++s)
    test_differences(c, data, data.initial[s], gradients.initial[s], "initial state");
}

// ---- the kernels --------------------------------------------------------------------------------

template <class T>
Gradients<T> kernel_gradients(const Case& c, const Data<T>& data, const std::string& isa) {
  const RecurrentConfig config = config_of(c);
  std::vector<T> residuals(static_cast<std::size_t>(residual_size(config, c.shape.B, c.shape.T)),
                           T(-7));
  RecurrentIo<T> io = forward_io(c, data);
  io.residuals = residuals;
  Recurrent<T>(config, data.kernel, data.recurrent_kernel, data.bias, isa).run(io);
  Gradients<T> out(c);
  RecurrentGradient<T>(config, data.kernel, data.recurrent_kernel, data.bias, isa)
      .run(io_of(c, data, residuals, out));
  return out;
}

template <class T>
void compare_with_reference(const Case& c, const std::string& isa) {
  const Data<double> wide = drawn(c);
  const Gradients<T> got = kernel_gradients(c, as<T>(wide), isa);
  const Gradients<double> truth = reference_gradients(c, wide);
  const auto got_all = got.all();
  const auto truth_all = truth.all();
  for (std::size_t a = 0; a < got_all.size(); ++a) {
    const std::vector<double>& expected = *truth_all[a].second;
    double scale = 1, worst = 0;
    for (const double value : expected) scale = std::max(scale, std::abs(value));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double error =
          std::abs(static_cast<double>((*got_all[a].second)[i]) - expected[i]) / scale;
      worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
    }
    // Sums over B * T steps of a D + H terms deep recurrence, of gain about 1.
    const double tolerance = 256 * std::numeric_limits<T>::epsilon();
    check(worst <= tolerance, isa + (sizeof(T) == 4 ? " float " : " double ") + name(c) +
                                  ": gradient of " + got_all[a].first + " is off by " +
                                  std::to_string(worst / tolerance) + " of the tolerance");
  }
}

std::vector<RecurrentConfig> cells() {
  std::vector<RecurrentConfig> all(4);
  all[0].cell = Cell::simple_rnn;
  all[1].cell = Cell::lstm;
  all[2].cell = all[3].cell = Cell::gru;
  all[3].reset_after = false;
  return all;
}

// Every activation with parameters that make each of its branches matter.
std::vector<Activation> activations() {
  std::vector<Activation> all;
  for (const ActivationSpec& spec : kActivations) {
    Activation activation{spec.kind, spec.defaults[0], spec.defaults[1], spec.defaults[2]};
    if (spec.kind == ActivationKind::threshold) activation = {spec.kind, 0.1, -0.2, 0};
    all.push_back(activation);
  }
  all.push_back({ActivationKind::relu, 0.2, 0.7, 0});
  all.push_back({ActivationKind::relu, 0.3, 0.9, 0.1});
  all.push_back({ActivationKind::sparsemax, 0, 0, 0});
  return all;
}

// A difference at a corner is no derivative; only smooth ones are compared with it.
bool is_smooth(const Activation& a) {
  switch (a.kind) {
    case ActivationKind::linear:
    case ActivationKind::celu:
    case ActivationKind::gelu:
    case ActivationKind::gelu_tanh:
    case ActivationKind::silu:
    case ActivationKind::mish:
    case ActivationKind::softplus:
    case ActivationKind::softsign:
    case ActivationKind::tanh_shrink:
    case ActivationKind::squareplus:
    case ActivationKind::log_sigmoid:
    case ActivationKind::exponential:
    case ActivationKind::sigmoid:
    case ActivationKind::tanh:
    case ActivationKind::softmax:
    case ActivationKind::log_softmax:
      return true;
    default:
      return false;
  }
}

constexpr Dropping kDroppings[] = {Dropping::none, Dropping::inputs, Dropping::states,
                                   Dropping::both};

// Calls body for every cell with every way to call it.
void for_each_case(const Shape& shape, const std::function<void(const Case&)>& body) {
  for (const RecurrentConfig& config : cells())
    for (const Masking masking : {Masking::none, Masking::random, Masking::padded, Masking::all})
      for (const bool go_backwards : {false, true})
        for (const bool zero : {false, true})
          for (const bool states : {false, true}) {
            if (zero && masking == Masking::none) continue;
            Case c{config, shape};
            c.masking = masking;
            c.go_backwards = go_backwards;
            c.zero_output_for_mask = zero;
            c.with_states = states;
            c.bias = states || go_backwards;
            for (const Dropping dropping : kDroppings) {
              c.dropping = dropping;
              body(c);
            }
          }
}

void test_reference_is_the_gradient() {
  for_each_case({3, 4, 2, 3}, test_reference);
  for (const RecurrentConfig& cell : cells())
    for (const Activation& activation : activations()) {
      if (!is_smooth(activation)) continue;
      RecurrentConfig config = cell;
      config.activation = activation;
      test_reference({config, {2, 3, 3, 4}});
      config.recurrent_activation = activation;
      if (activation.kind != ActivationKind::exponential) test_reference({config, {2, 3, 3, 4}});
    }
}

void test_kernels(const std::string& isa) {
  for_each_case({3, 5, 3, 7}, [&](const Case& c) {
    compare_with_reference<float>(c, isa);
    compare_with_reference<double>(c, isa);
  });
  for (const RecurrentConfig& config : cells()) {
    for (const std::ptrdiff_t units : {1, 8, 15, 16, 17, 33, 64, 70})
      compare_with_reference<float>({config, {5, 4, 6, units}}, isa);
    for (const std::ptrdiff_t batch : {1, 7, 40, 70})
      compare_with_reference<float>({config, {batch, 3, 13, 20}}, isa);
    compare_with_reference<double>({config, {33, 3, 9, 37}}, isa);
    compare_with_reference<float>({config, {2, 3, 0, 5}}, isa);
    compare_with_reference<float>({config, {0, 3, 2, 5}}, isa);
    for (const Dropping dropping : kDroppings)
      for (const Shape& shape : {Shape{1, 5, 3, 17}, Shape{5, 4, 70, 8}, Shape{40, 3, 13, 70},
                                 Shape{2, 3, 0, 5}, Shape{0, 3, 2, 5}}) {
        Case c{config, shape};
        c.dropping = dropping;
        compare_with_reference<float>(c, isa);
        compare_with_reference<double>(c, isa);
      }
  }
}

void test_activations(const std::string& isa) {
  for (const RecurrentConfig& cell : cells())
    for (const Activation& activation : activations()) {
      RecurrentConfig config = cell;
      config.activation = activation;
      // e to the power of a carry that was one grows beyond measure.
      if (activation.kind == ActivationKind::exponential && cell.cell == Cell::lstm) continue;
      compare_with_reference<double>({config, {3, 4, 3, 9}}, isa);
      compare_with_reference<float>({config, {3, 4, 3, 9}}, isa);
      if (activation.kind == ActivationKind::exponential) continue;  // grows beyond measure
      config.recurrent_activation = activation;
      compare_with_reference<double>({config, {2, 3, 3, 9}}, isa);
    }
}

void check_same_bits(const Gradients<float>& a, const Gradients<float>& b,
                     const std::string& what) {
  for (std::size_t i = 0; i < a.all().size(); ++i)
    check(*a.all()[i].second == *b.all()[i].second,
          what + ": the gradient of " + a.all()[i].first + " has other bits");
}

void test_threads_do_not_matter(const std::string& isa) {
  for (const Dropping dropping : kDroppings)
    for (const RecurrentConfig& config : cells()) {
      Case c{config, {37, 9, 70, 90}};
      c.masking = Masking::padded;
      c.dropping = dropping;
      const Data<float> data = as<float>(drawn(c));
      set_num_threads(1);
      const Gradients<float> one = kernel_gradients(c, data, isa);
      const std::string before = threading();
      for (const std::string& by : {std::string("pool"), before}) {
        set_threading(by);
        for (const int threads : {2, 3, 4, 7}) {
          set_num_threads(threads);
          check_same_bits(
              one, kernel_gradients(c, data, isa),
              isa + " " + name(c) + " on " + std::to_string(threads) + " threads, " + by);
        }
      }
      set_num_threads(1);
    }
}

// Those with fused multiply-adds: "generic" and "sse2" round twice.
void test_instruction_sets_agree() {
  for (const RecurrentConfig& config : cells())
    for (const Dropping dropping : kDroppings)
      for (const Shape& shape : {Shape{5, 30, 3, 18}, Shape{2, 70, 33, 50}}) {
        Case c{config, shape};
        c.masking = Masking::random;
        c.dropping = dropping;
        const Data<float> data = as<float>(drawn(c));
        std::string first;
        for (const std::string& isa : available_isas()) {
          if (isa == "sse2" || isa == "generic") continue;
          if (first.empty()) first = isa;
          check_same_bits(kernel_gradients(c, data, first), kernel_gradients(c, data, isa),
                          name(c) + " with " + isa + " and " + first);
        }
      }
}

void test_only_what_is_wanted_is_written() {
  Case c{cells()[1], {3, 4, 2, 5}};
  const Data<float> data = as<float>(drawn(c));
  const Gradients<float> all = kernel_gradients(c, data, "");
  const RecurrentConfig config = config_of(c);
  std::vector<float> residuals(static_cast<std::size_t>(residual_size(config, 3, 4)));
  RecurrentIo<float> forward = forward_io(c, data);
  forward.residuals = residuals;
  Recurrent<float>(config, data.kernel, data.recurrent_kernel, data.bias).run(forward);
  Gradients<float> some(c);
  RecurrentGradientIo<float> io = io_of(c, data, residuals, some);
  io.d_x = {};
  io.d_kernel = {};
  io.d_initial_state[1] = {};
  std::vector<float> scratch(static_cast<std::size_t>(gradient_scratch_size(config, 3, 4)));
  io.scratch = scratch;
  RecurrentGradient<float>(config, data.kernel, data.recurrent_kernel, data.bias).run(io);
  check(some.recurrent_kernel == all.recurrent_kernel && some.bias == all.bias &&
            some.initial[0] == all.initial[0],
        "some gradients alone are other than with all");
  check(std::all_of(some.x.begin(), some.x.end(), [](float v) { return v == -7; }) &&
            std::all_of(some.kernel.begin(), some.kernel.end(), [](float v) { return v == -7; }),
        "a gradient that nobody wanted was written");
}

void test_sizes_are_checked() {
  const Case c{cells()[1], {3, 4, 2, 5}};
  const Data<float> data = as<float>(drawn(c));
  const RecurrentConfig config = config_of(c);
  const RecurrentGradient<float> layer(config, data.kernel, data.recurrent_kernel, data.bias);
  std::vector<float> residuals(static_cast<std::size_t>(residual_size(config, 3, 4)));
  const auto refuses = [&](const char* what,
                           const std::function<void(RecurrentGradientIo<float>&)>& change) {
    Gradients<float> out(c);
    RecurrentGradientIo<float> io = io_of(c, data, residuals, out);
    change(io);
    try {
      layer.run(io);
      check(false, std::string(what) + " of another size is accepted");
    } catch (const std::invalid_argument& error) {
      check(std::string(error.what()).find(what) == 0, std::string(what) + ": " + error.what());
    }
  };
  using Io = RecurrentGradientIo<float>;
  refuses("x", [](Io& io) { --io.x.size; });
  refuses("residuals", [](Io& io) { io.residuals = {}; });
  refuses("d_sequence", [](Io& io) { --io.d_sequence.size; });
  refuses("d_last_output", [](Io& io) { --io.d_last_output.size; });
  refuses("d_kernel", [](Io& io) { --io.d_kernel.size; });
  refuses("d_recurrent_kernel", [](Io& io) { --io.d_recurrent_kernel.size; });
  refuses("d_bias", [](Io& io) { --io.d_bias.size; });
  refuses("d_x", [](Io& io) { --io.d_x.size; });
  refuses("d_initial_state", [](Io& io) { --io.d_initial_state[0].size; });
  refuses("mask", [&](Io& io) { io.mask = {data.mask.data(), 5}; });
  refuses("input_factors", [&](Io& io) { io.input_factors = data.x; });
  refuses("state_factors", [&](Io& io) { io.state_factors = data.x; });
  RecurrentIo<float> io = forward_io(c, data);
  io.residuals = residuals;
  std::vector<float> tape(static_cast<std::size_t>(3 * 4 * 6 * 5));
  io.tape = tape;
  try {
    Recurrent<float>(config, data.kernel, data.recurrent_kernel, data.bias).run(io);
    check(false, "a tape beside residuals is accepted");
  } catch (const std::invalid_argument&) {
    check(true, "");
  }
}

template <class T>
void test_outer_product(const std::string& isa) {
  Random random(5);
  for (const std::ptrdiff_t rows : {1, 63, 64, 65, 200})
    for (const std::ptrdiff_t k : {1, 5, 6, 7, 13})
      for (const std::ptrdiff_t columns : {1, 15, 64, 65, 131, 300}) {
        const std::vector<T> a = random.array<T>(rows * k, 1),
                             b = random.array<T>(rows * columns, 1);
        std::vector<T> out(static_cast<std::size_t>(k * columns), T(2));
        add_outer_product<T>(rows, k, columns, a, b, out, isa);
        double worst = 0;
        for (std::ptrdiff_t i = 0; i < k; ++i)
          for (std::ptrdiff_t n = 0; n < columns; ++n) {
            double sum = 2;
            for (std::ptrdiff_t row = 0; row < rows; ++row)
              sum +=
                  static_cast<double>(a[row * k + i]) * static_cast<double>(b[row * columns + n]);
            worst = std::max(worst, std::abs(static_cast<double>(out[i * columns + n]) - sum));
          }
        // Chains of at most 64 terms, of at most unit size.
        check(worst <= 128 * std::numeric_limits<T>::epsilon(),
              isa + " outer product " + std::to_string(rows) + "," + std::to_string(k) + "," +
                  std::to_string(columns) + " is off by " + std::to_string(worst));
      }
}

}  // namespace

int main() {
  rnnext::set_num_threads(1);
  test_reference_is_the_gradient();
  for (const std::string& isa : available_isas()) {
    test_kernels(isa);
    test_activations(isa);
    test_outer_product<float>(isa);
    test_outer_product<double>(isa);
    test_threads_do_not_matter(isa);
  }
  test_instruction_sets_agree();
  test_only_what_is_wanted_is_written();
  test_sizes_are_checked();
  return testing::finish();
}
