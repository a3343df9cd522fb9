#include "layers.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "arrays.h"
#include "rnnext/rnnext.h"
#include "sliced_run.h"

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

  py::object run(py::handle x, py::handle states, py::handle mask, CallFlags flags) const override {
    RecurrentIo<T> io;
    if (!read(io, x, states, mask, flags)) return py::none();
    py::object outputs = allocate(io, flags);
    const Unlocked unlocked(work(io));
    SlicedRun<T>(layer_, io).run();
    return outputs;
  }

  py::object run_pair(py::handle x, py::handle mask, py::handle states, CallFlags flags,
                      const RecurrentKernel& other_kernel, py::handle other_states,
                      CallFlags other_flags) const override {
    const auto* other = dynamic_cast<const RecurrentOf*>(&other_kernel);
    if (!require(other != nullptr, flags.strict,
                 [] { return "run_pair: the kernels must have the same dtype"; }))
      return py::none();
    RecurrentIo<T> io, other_io;
    if (!read(io, x, states, mask, flags) ||
        !other->read(other_io, x, other_states, mask, other_flags))
      return py::none();
    py::object mine = allocate(io, flags), theirs = other->allocate(other_io, other_flags);
    {
      const Unlocked unlocked(work(io) + other->work(other_io));
      const SlicedRun<T> run(layer_, io), other_run(other->layer_, other_io);
      if (run.is_whole() && other_run.is_whole()) {
        Recurrent<T>::run_both(layer_, io, other->layer_, other_io);
      } else {
        run.run();
        other_run.run();
      }
    }
    return py::make_tuple(mine, theirs);
  }

  py::object run_recorded(py::handle x, py::handle states, py::handle mask, long flags,
                          py::handle residuals, py::handle input_factors,
                          py::handle state_factors) const override {
    const WritableView<T> filled("residuals", residuals);
    RecurrentIo<T> io;
    io.residuals = filled.span();
    io.input_factors = optional_span<T>("input_factors", input_factors, 3);
    io.state_factors = optional_span<T>("state_factors", state_factors, 3);
    return run_strictly(io, x, states, mask, flags);
  }

  py::object run_traced(py::handle x, py::handle states, py::handle mask, long flags,
                        py::handle tape) const override {
    const WritableView<T> filled("tape", tape);
    RecurrentIo<T> io;
    io.tape = filled.span();
    return run_strictly(io, x, states, mask, flags);
  }

  py::ssize_t residual_size(py::ssize_t batch, py::ssize_t steps) const override {
    return rnnext::residual_size(layer_.config(), batch, steps);
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

  // Whether `holds`; if it does not and the call is strict, an error with the message.
  template <class Message>
  static bool require(bool holds, bool strict, Message message) {
    if (!holds && strict) throw py::value_error(message());
    return holds;
  }

  // A strict run with what else `io` names.
  py::object run_strictly(RecurrentIo<T>& io, py::handle x, py::handle states, py::handle mask,
                          long flags) const {
    const CallFlags strict(flags | CallFlags::kStrict);
    read(io, x, states, mask, strict);
    py::object outputs = allocate(io, strict);
    const Unlocked unlocked(work(io));
    layer_.run(io);
    return outputs;
  }

  // Points io at the arguments. False if one does not fit and the call is not strict.
  bool read(RecurrentIo<T>& io, py::handle x_object, py::handle states, py::handle mask,
            CallFlags flags) const {
    const auto x = ArrayView<T>::read("x", x_object, 3, flags.strict);
    if (!x || !require(x->extent(2) == layer_.config().features, flags.strict, [&] {
          return "x: received " + describe(x_object) + ", expected " +
                 std::to_string(layer_.config().features) + " features on the last axis";
        }))
      return false;
    if (x->size() == 0 && !flags.strict) return false;
    io.batch = x->extent(0);
    io.steps = x->extent(1);
    io.x = x->span();
    io.go_backwards = flags.go_backwards;
    io.zero_output_for_mask = flags.zero_output_for_mask;
    return (mask.is_none() || read_mask(io, mask, flags.strict)) &&
           (states.is_none() || read_states(io, states, flags.strict));
  }

  bool read_mask(RecurrentIo<T>& io, py::handle object, bool strict) const {
    const auto mask = ArrayView<bool>::read("mask", object, 2, strict);
    if (!mask || !require(mask->extent(0) == io.batch && mask->extent(1) == io.steps, strict, [&] {
          return "mask: received " + describe(object) + ", expected shape (" +
                 std::to_string(io.batch) + ", " + std::to_string(io.steps) + ")";
        }))
      return false;
    static_assert(sizeof(bool) == 1);
    const std::ptrdiff_t size = mask->size();
    const auto* steps = reinterpret_cast<const std::uint8_t*>(mask->span().data);
    // A mask that masks nothing is dropped: the steps then skip the check.
    if (size && std::memchr(steps, 0, static_cast<std::size_t>(size))) io.mask = {steps, size};
    return true;
  }

  bool read_states(RecurrentIo<T>& io, py::handle states, bool strict) const {
    const int count = layer_.config().states();
    const bool is_tuple =
        PyTuple_CheckExact(states.ptr()) && PyTuple_GET_SIZE(states.ptr()) == count;
    if (!require(is_tuple, strict, [&] {
          return "initial_state: expected a tuple of " + std::to_string(count) + " arrays";
        }))
      return false;
    for (int s = 0; s < count; ++s) {
      const py::handle object = PyTuple_GET_ITEM(states.ptr(), s);
      const auto state = ArrayView<T>::read("initial_state", object, 2, strict);
      const std::ptrdiff_t units = layer_.config().units;
      if (!state ||
          !require(state->extent(0) == io.batch && state->extent(1) == units, strict, [&] {
            return "initial_state: received " + describe(object) + ", expected shape (" +
                   std::to_string(io.batch) + ", " + std::to_string(units) + ")";
          }))
        return false;
      io.initial_state[s] = state->span();
    }
    return true;
  }

  // New arrays for the outputs, to be filled by a run: the output, or with return_state a tuple of
  // it and the states.
  py::object allocate(RecurrentIo<T>& io, CallFlags flags) const {
    const RecurrentConfig& config = layer_.config();
    const py::ssize_t shape[] = {io.batch, flags.return_sequences ? io.steps : config.units,
                                 config.units};
    NewArray<T> y(flags.return_sequences ? 3 : 2, shape);
    (flags.return_sequences ? io.sequence : io.last_output) = y.span();
    if (!flags.return_state) return y.take();
    py::tuple results(1 + config.states());
    results[0] = y.take();
    for (int s = 0; s < config.states(); ++s) {
      NewArray<T> state({io.batch, config.units});
      io.final_state[s] = state.span();
      results[1 + s] = state.take();
    }
    return results;
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

  py::object run(py::handle x_object, bool strict) const override {
    const auto x = ArrayView<T>::read("x", x_object, -1, strict);
    if (!x || (!strict && x->ndim() < 2)) return py::none();
    if (x->ndim() > 0 && x->extent(x->ndim() - 1) == layer_.features()) return product(*x);
    if (!strict) return py::none();
    throw py::value_error("x: received " + describe(x_object) + ", expected " +
                          std::to_string(layer_.features()) + " features on the last axis");
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

  py::object product(const ArrayView<T>& x) const {
    std::vector<py::ssize_t> shape = x.shape();
    shape.back() = layer_.units();
    NewArray<T> y(x.ndim(), shape.data());
    const std::ptrdiff_t rows = y.span().size / layer_.units();
    const double row_work =
        static_cast<double>(layer_.features()) * static_cast<double>(layer_.units());
    const Unlocked unlocked(static_cast<double>(rows) * row_work);
    const auto most =
        std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(kSliceWork / row_work), 1);
    if (rows <= most) {
      layer_.run(rows, x.span(), y.span());
      return y.take();
    }
    for (std::ptrdiff_t first = 0; first < rows; first += most) {
      const std::ptrdiff_t count = std::min(most, rows - first);
      layer_.run(count, {x.span().data + first * layer_.features(), count * layer_.features()},
                 {y.span().data + first * layer_.units(), count * layer_.units()});
      raise_if_interrupted();
    }
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

Cell to_cell(const std::string& name) {
  if (name == "simple_rnn") return Cell::simple_rnn;
  if (name == "lstm") return Cell::lstm;
  if (name == "gru") return Cell::gru;
  throw py::value_error("cell: received \"" + name +
                        "\", accepted are \"simple_rnn\", \"lstm\", \"gru\"");
}

std::unique_ptr<RecurrentKernel> RecurrentKernel::make(
    const std::string& cell, py::handle kernel, py::handle recurrent_kernel, py::handle bias,
    const py::tuple& activation, const py::object& recurrent_activation, bool reset_after,
    const py::object& isa, const py::object& weights, bool takes_factors) {
  RecurrentConfig config;
  config.takes_factors = takes_factors;
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

py::object activate_array(const py::tuple& activation, py::handle x) {
  const Activation act = to_activation(activation);
  return is_float64(x) ? activate_as<double>(act, x) : activate_as<float>(act, x);
}

}  // namespace rnnext::bindings
