#include "layers.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "arrays.h"
#include "rnnext/rnnext.h"

namespace rnnext::bindings {
namespace {

template <class T>
constexpr const char* kDtype = sizeof(T) == sizeof(float) ? "float32" : "float64";

// Gives up the GIL for calls long enough to be worth the two switches; a shorter call ends before
// another thread could have been woken.
class Unlocked {
 public:
  explicit Unlocked(double multiply_adds) {
    if (multiply_adds > 100e3) release_.emplace();
  }

 private:
  std::optional<py::gil_scoped_release> release_;
};

Cell to_cell(const std::string& name) {
  if (name == "simple_rnn") return Cell::simple_rnn;
  if (name == "lstm") return Cell::lstm;
  if (name == "gru") return Cell::gru;
  throw py::value_error("cell: received \"" + name +
                        "\", accepted are \"simple_rnn\", \"lstm\", \"gru\"");
}

std::string to_isa(const py::object& isa) {
  return isa.is_none() ? std::string() : isa.cast<std::string>();
}

WeightType to_weight_type(const py::object& weights) {
  if (weights.is_none()) return WeightType::full;
  const std::string name = weights.cast<std::string>();
  if (name == "bf16") return WeightType::bf16;
  if (name == "int8") return WeightType::int8;
  throw py::value_error("weights: received \"" + name +
                        "\", accepted are None, \"bf16\", \"int8\"");
}

template <class T>
class RecurrentOf final : public RecurrentKernel {
 public:
  RecurrentOf(RecurrentConfig config, py::handle kernel, py::handle recurrent_kernel,
              py::handle bias, const std::string& isa, WeightType weights)
      : layer_(build(config, ArrayView<T>("kernel", kernel, 2), recurrent_kernel, bias, isa,
                     weights)) {}

  py::object run(const RecurrentArguments& arguments) const override {
    RecurrentIo<T> io = checked(arguments);
    return run_into(io, arguments.return_sequences, arguments.return_state);
  }

  py::tuple run_beside(const RecurrentArguments& arguments, const RecurrentKernel& other,
                       const RecurrentArguments& others) const override {
    const auto* second = dynamic_cast<const RecurrentOf*>(&other);
    if (!second) return py::make_tuple(run(arguments), other.run(others));  // of another dtype
    RecurrentIo<T> io = checked(arguments), other_io = second->checked(others);
    return run_both_into(io, arguments.return_sequences, arguments.return_state, *second, other_io,
                         others.return_sequences, others.return_state);
  }

  py::object run_plain(py::handle x, OutputFlags flags, py::handle mask) const override {
    RecurrentIo<T> io;
    if (!set_plain(io, x, flags, mask)) return py::none();
    return run_into(io, flags.return_sequences, flags.return_state);
  }

  py::object run_plain_from(py::handle x, OutputFlags flags, py::handle states) const override {
    RecurrentIo<T> io;
    if (!set_plain(io, x, flags, py::none()) || !set_plain_states(io, states)) return py::none();
    return run_into(io, flags.return_sequences, flags.return_state);
  }

  py::object run_plain_beside(py::handle x, OutputFlags flags, const RecurrentKernel& other,
                              OutputFlags others, py::handle mask) const override {
    const auto* second = dynamic_cast<const RecurrentOf*>(&other);
    RecurrentIo<T> io, other_io;
    if (!second || !set_plain(io, x, flags, mask) || !second->set_plain(other_io, x, others, mask))
      return py::none();
    return run_both_into(io, flags.return_sequences, flags.return_state, *second, other_io,
                         others.return_sequences, others.return_state);
  }

  const char* isa() const override { return layer_.isa(); }
  const char* dtype() const override { return kDtype<T>; }
  const char* cell() const override {
    switch (layer_.config().cell) {
      case Cell::simple_rnn:
        return "simple_rnn";
      case Cell::lstm:
        return "lstm";
      case Cell::gru:
        break;
    }
    return "gru";
  }
  py::ssize_t units() const override { return layer_.config().units; }
  py::ssize_t input_dim() const override { return layer_.config().features; }

 private:
  static Recurrent<T> build(RecurrentConfig config, const ArrayView<T>& kernel,
                            py::handle recurrent_object, py::handle bias_object,
                            const std::string& isa, WeightType weights) {
    config.features = kernel.extent(0);
    config.units = kernel.extent(1) / config.gates();
    const std::ptrdiff_t columns = config.gates() * config.units;
    if (columns != kernel.extent(1))
      throw py::value_error("kernel: received " + std::to_string(kernel.extent(1)) +
                            " columns, expected a multiple of " + std::to_string(config.gates()));
    const ArrayView<T> recurrent_kernel("recurrent_kernel", recurrent_object, 2);
    check_shape("recurrent_kernel", recurrent_kernel, recurrent_object, {config.units, columns});
    if (bias_object.is_none())
      return Recurrent<T>(config, kernel.span(), recurrent_kernel.span(), {}, isa, weights);
    const ArrayView<T> bias("bias", bias_object, -1);
    const bool two_rows = config.bias_size() == 2 * columns;
    check_shape(
        "bias", bias, bias_object,
        two_rows ? std::vector<std::ptrdiff_t>{2, columns} : std::vector<std::ptrdiff_t>{columns});
    return Recurrent<T>(config, kernel.span(), recurrent_kernel.span(), bias.span(), isa, weights);
  }

  static void set_mask(RecurrentIo<T>& io, py::handle object) {
    if (object.is_none()) return;
    const ArrayView<bool> mask("mask", object, 2);
    if (mask.extent(0) != io.batch || mask.extent(1) != io.steps)
      throw py::value_error("mask: received " + describe(object) + ", expected shape (" +
                            std::to_string(io.batch) + ", " + std::to_string(io.steps) + ")");
    use_mask(io, mask);
  }

  // A mask that masks nothing is none: the steps then need not look at it.
  static void use_mask(RecurrentIo<T>& io, const ArrayView<bool>& mask) {
    static_assert(sizeof(bool) == 1);
    const std::ptrdiff_t size = mask.size();
    const auto* steps = reinterpret_cast<const std::uint8_t*>(mask.span().data);
    if (size && std::memchr(steps, 0, static_cast<std::size_t>(size))) io.mask = {steps, size};
  }

  // What run_plain runs on, or false if it is not for it.
  bool set_plain(RecurrentIo<T>& io, py::handle x_object, OutputFlags flags,
                 py::handle mask_object) const {
    if (!ArrayView<T>::accepts(x_object, 3)) return false;
    const ArrayView<T> x(x_object);
    if (x.extent(2) != layer_.config().features || x.size() == 0) return false;
    io.batch = x.extent(0);
    io.steps = x.extent(1);
    io.x = x.span();
    io.go_backwards = flags.go_backwards;
    io.zero_output_for_mask = flags.zero_output_for_mask;
    if (mask_object.is_none()) return true;
    if (!ArrayView<bool>::accepts(mask_object, 2)) return false;
    const ArrayView<bool> mask(mask_object);
    if (mask.extent(0) != io.batch || mask.extent(1) != io.steps) return false;
    use_mask(io, mask);
    return true;
  }

  // The same of states.
  bool set_plain_states(RecurrentIo<T>& io, py::handle states) const {
    const int count = layer_.config().states();
    if (!PyTuple_CheckExact(states.ptr()) || PyTuple_GET_SIZE(states.ptr()) != count) return false;
    for (int s = 0; s < count; ++s) {
      const py::handle object = PyTuple_GET_ITEM(states.ptr(), s);
      if (!ArrayView<T>::accepts(object, 2)) return false;
      const ArrayView<T> state(object);
      if (state.extent(0) != io.batch || state.extent(1) != layer_.config().units) return false;
      io.initial_state[s] = state.span();
    }
    return true;
  }

  void set_initial_state(RecurrentIo<T>& io, py::handle object) const {
    if (object.is_none()) return;
    const int expected = layer_.config().states();
    if (!py::isinstance<py::tuple>(object) || py::len(object) != static_cast<std::size_t>(expected))
      throw py::value_error("initial_state: expected a tuple of " + std::to_string(expected) +
                            " arrays");
    const auto states = py::reinterpret_borrow<py::tuple>(object);
    for (int s = 0; s < expected; ++s) {
      const ArrayView<T> state("initial_state", states[s], 2);
      if (state.extent(0) != io.batch || state.extent(1) != layer_.config().units)
        throw py::value_error("initial_state: received " + describe(states[s]) +
                              ", expected shape (" + std::to_string(io.batch) + ", " +
                              std::to_string(layer_.config().units) + ")");
      io.initial_state[s] = state.span();
    }
  }

  RecurrentIo<T> checked(const RecurrentArguments& arguments) const {
    const ArrayView<T> x("x", arguments.x, 3);
    const RecurrentConfig& config = layer_.config();
    if (x.extent(2) != config.features)
      throw py::value_error("x: received " + describe(arguments.x) + ", expected " +
                            std::to_string(config.features) + " features on the last axis");
    RecurrentIo<T> io;
    io.batch = x.extent(0);
    io.steps = x.extent(1);
    io.x = x.span();
    io.go_backwards = arguments.go_backwards;
    io.zero_output_for_mask = arguments.zero_output_for_mask;
    set_mask(io, arguments.mask);
    set_initial_state(io, arguments.initial_state);
    return io;
  }

  // New arrays for the outputs, to be filled by a run: the output, or with return_state a tuple of
  // it and the states.
  py::object allocate(RecurrentIo<T>& io, bool return_sequences, bool return_state) const {
    const RecurrentConfig& config = layer_.config();
    const py::ssize_t shape[] = {io.batch, return_sequences ? io.steps : config.units,
                                 config.units};
    NewArray<T> y(return_sequences ? 3 : 2, shape);
    (return_sequences ? io.sequence : io.last_output) = y.span();
    if (!return_state) return y.take();
    py::tuple results(1 + config.states());
    results[0] = y.take();
    for (int s = 0; s < config.states(); ++s) {
      NewArray<T> state({io.batch, config.units});
      io.final_state[s] = state.span();
      results[1 + s] = state.take();
    }
    return results;
  }

  py::object run_into(RecurrentIo<T>& io, bool return_sequences, bool return_state) const {
    py::object outputs = allocate(io, return_sequences, return_state);
    const Unlocked unlocked(work(io));
    layer_.run(io);
    return outputs;
  }

  py::tuple run_both_into(RecurrentIo<T>& io, bool return_sequences, bool return_state,
                          const RecurrentOf& other, RecurrentIo<T>& other_io, bool other_sequences,
                          bool other_state) const {
    py::object mine = allocate(io, return_sequences, return_state);
    py::object theirs = other.allocate(other_io, other_sequences, other_state);
    {
      const Unlocked unlocked(work(io) + other.work(other_io));
      Recurrent<T>::run_both(layer_, io, other.layer_, other_io);
    }
    return py::make_tuple(mine, theirs);
  }

  // Multiply-adds.
  double work(const RecurrentIo<T>& io) const {
    const RecurrentConfig& config = layer_.config();
    return static_cast<double>(io.batch * io.steps) *
           static_cast<double>(config.gates() * config.units) *
           static_cast<double>(config.features + config.units);
  }

  const Recurrent<T> layer_;
};

template <class T>
class DenseOf final : public DenseKernel {
 public:
  DenseOf(py::handle kernel, py::handle bias, const Activation& activation, const std::string& isa,
          WeightType weights)
      : layer_(build(ArrayView<T>("kernel", kernel, 2), bias, activation, isa, weights)) {}

  py::object run(py::handle x_object) const override {
    const ArrayView<T> x("x", x_object, -1);
    if (!fits(x))
      throw py::value_error("x: received " + describe(x_object) + ", expected " +
                            std::to_string(layer_.features()) + " features on the last axis");
    return product(x);
  }

  py::object run_plain(py::handle x_object) const override {
    if (!ArrayView<T>::accepts(x_object, -1)) return py::none();
    const ArrayView<T> x(x_object);
    return x.ndim() > 1 && fits(x) ? product(x) : py::none();
  }

  py::object run_windows(py::handle x_object, py::ssize_t count, py::ssize_t step) const override {
    const ArrayView<T> x("x", x_object, 3);
    const std::ptrdiff_t samples = x.extent(0), steps = x.extent(1), channels = x.extent(2);
    if (count < 0 || step < 1)
      throw py::value_error("windows: received a count of " + std::to_string(count) +
                            " and a step of " + std::to_string(step) +
                            ", accepted are a count >= 0 and a step >= 1");
    NewArray<T> y({samples, count, layer_.units()});
    const Unlocked unlocked(static_cast<double>(samples * count) *
                            static_cast<double>(layer_.features() * layer_.units()));
    // Several windows begin less than `steps` apart, or the layer finds that they do not fit.
    layer_.run(Windows{samples, count, steps * channels, std::min(step, steps) * channels},
               x.span(), y.span());
    return y.take();
  }

  const char* isa() const override { return layer_.isa(); }
  const char* dtype() const override { return kDtype<T>; }
  py::ssize_t units() const override { return layer_.units(); }
  py::ssize_t input_dim() const override { return layer_.features(); }

 private:
  static Dense<T> build(const ArrayView<T>& kernel, py::handle bias, const Activation& activation,
                        const std::string& isa, WeightType weights) {
    return Dense<T>(kernel.extent(0), kernel.extent(1), activation, kernel.span(),
                    optional_span<T>("bias", bias, 1), isa, weights);
  }

  bool fits(const ArrayView<T>& x) const {
    return x.ndim() > 0 && x.extent(x.ndim() - 1) == layer_.features();
  }

  py::object product(const ArrayView<T>& x) const {
    std::vector<py::ssize_t> shape = x.shape();
    shape.back() = layer_.units();
    NewArray<T> y(x.ndim(), shape.data());
    const std::ptrdiff_t rows = y.span().size / layer_.units();
    const Unlocked unlocked(static_cast<double>(x.size()) * static_cast<double>(layer_.units()));
    layer_.run(rows, x.span(), y.span());
    return y.take();
  }

  const Dense<T> layer_;
};

template <class T>
py::object activate_as(const Activation& activation, py::handle x_object) {
  const ArrayView<T> x("x", x_object, -1);
  const std::vector<py::ssize_t> shape = x.shape();
  NewArray<T> y(x.ndim(), shape.data());
  const std::ptrdiff_t n = shape.empty() ? 1 : shape.back();
  {
    const Unlocked unlocked(8.0 * static_cast<double>(x.size()));
    activate<T>(activation, n ? x.size() / n : 0, n, x.span(), y.span());
  }
  return y.take();
}

}  // namespace

std::unique_ptr<RecurrentKernel> RecurrentKernel::make(const std::string& cell, py::handle kernel,
                                                       py::handle recurrent_kernel, py::handle bias,
                                                       const py::tuple& activation,
                                                       const py::object& recurrent_activation,
                                                       bool reset_after, const py::object& isa,
                                                       const py::object& weights) {
  RecurrentConfig config;
  config.cell = to_cell(cell);
  config.reset_after = reset_after;
  config.activation = to_activation(activation);
  if (!recurrent_activation.is_none())
    config.recurrent_activation = to_activation(py::tuple(recurrent_activation));
  const std::string name = to_isa(isa);
  const WeightType type = to_weight_type(weights);
  if (is_float64(kernel))
    return std::make_unique<RecurrentOf<double>>(config, kernel, recurrent_kernel, bias, name,
                                                 type);
  return std::make_unique<RecurrentOf<float>>(config, kernel, recurrent_kernel, bias, name, type);
}

std::unique_ptr<DenseKernel> DenseKernel::make(py::handle kernel, py::handle bias,
                                               const py::tuple& activation, const py::object& isa,
                                               const py::object& weights) {
  const Activation act = to_activation(activation);
  const std::string name = to_isa(isa);
  const WeightType type = to_weight_type(weights);
  if (is_float64(kernel)) return std::make_unique<DenseOf<double>>(kernel, bias, act, name, type);
  return std::make_unique<DenseOf<float>>(kernel, bias, act, name, type);
}

py::tuple run_both(const py::tuple& first, const py::tuple& second) {
  const auto arguments = [](const py::tuple& call) {
    if (call.size() != 8)
      throw py::type_error("run_both: received a tuple of " + std::to_string(call.size()) +
                           ", expected a RecurrentKernel and its 7 arguments");
    return RecurrentArguments{call[1],
                              call[2],
                              call[3],
                              call[4].cast<bool>(),
                              call[5].cast<bool>(),
                              call[6].cast<bool>(),
                              call[7].cast<bool>()};
  };
  const RecurrentArguments mine = arguments(first), theirs = arguments(second);
  return first[0].cast<const RecurrentKernel&>().run_beside(
      mine, second[0].cast<const RecurrentKernel&>(), theirs);
}

py::object activate_array(const py::tuple& activation, py::handle x) {
  const Activation act = to_activation(activation);
  return is_float64(x) ? activate_as<double>(act, x) : activate_as<float>(act, x);
}

}  // namespace rnnext::bindings
