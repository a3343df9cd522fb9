// The backward passes for Python.
#include <optional>
#include <string>

#include "arrays.h"
#include "layers.h"
#include "rnnext/rnnext.h"

namespace rnnext::bindings {
namespace {

RecurrentConfig config_of(const std::string& cell, const py::tuple& activation,
                          const py::object& recurrent_activation, bool reset_after,
                          bool takes_factors) {
  RecurrentConfig config;
  config.takes_factors = takes_factors;
  config.cell = to_cell(cell);
  config.reset_after = reset_after;
  config.activation = to_activation(activation);
  if (!recurrent_activation.is_none())
    config.recurrent_activation = to_activation(py::tuple(recurrent_activation));
  return config;
}

template <class T>
class RecurrentGradientOf final : public RecurrentGradientKernel {
 public:
  RecurrentGradientOf(RecurrentConfig config, py::handle kernel, py::handle recurrent_kernel,
                      py::handle bias, const std::string& isa)
      : layer_(build(config, ArrayView<T>("kernel", kernel, 2), recurrent_kernel, bias, isa)) {}

  py::tuple run(py::handle x_object, py::handle states, py::handle mask_object, long bits,
                py::handle residuals, py::handle d_output, const py::tuple& d_states, bool wants_x,
                bool wants_bias, py::handle scratch, py::handle input_factors,
                py::handle state_factors) const override {
    const CallFlags flags(bits);
    const RecurrentConfig& config = layer_.config();
    const ArrayView<T> x("x", x_object, 3);
    RecurrentGradientIo<T> io;
    io.batch = x.extent(0);
    io.steps = x.extent(1);
    io.go_backwards = flags.go_backwards;
    io.zero_output_for_mask = flags.zero_output_for_mask;
    io.x = x.span();
    io.mask = mask_of(mask_object);
    io.input_factors = optional_span<T>("input_factors", input_factors, 3);
    io.state_factors = optional_span<T>("state_factors", state_factors, 3);
    io.residuals = ArrayView<T>("residuals", residuals, -1).span();
    if (!scratch.is_none()) io.scratch = WritableView<T>("scratch", scratch).span();
    (flags.return_sequences ? io.d_sequence : io.d_last_output) =
        optional_span<T>("d_output", d_output, flags.return_sequences ? 3 : 2);
    if (d_states.size() != static_cast<std::size_t>(config.states()))
      throw py::value_error("d_states: received " + std::to_string(d_states.size()) +
                            ", expected " + std::to_string(config.states()));
    py::tuple d_initial(config.states());
    for (int s = 0; s < config.states(); ++s) {
      const auto index = static_cast<std::size_t>(s);
      if (!states.is_none())
        io.initial_state[s] =
            ArrayView<T>("states", py::reinterpret_borrow<py::tuple>(states)[index], 2).span();
      io.d_final_state[s] = optional_span<T>("d_states", d_states[index], 2);
      NewArray<T> d({io.batch, config.units});
      io.d_initial_state[s] = d.span();
      d_initial[index] = d.take();
    }
    const py::ssize_t columns = config.gates() * config.units;
    NewArray<T> d_kernel({config.features, columns}), d_recurrent({config.units, columns});
    io.d_kernel = d_kernel.span();
    io.d_recurrent_kernel = d_recurrent.span();
    py::object d_x = py::none(), d_bias = py::none();
    if (wants_x) {
      NewArray<T> d({io.batch, io.steps, config.features});
      io.d_x = d.span();
      d_x = d.take();
    }
    if (wants_bias) {
      const bool two_rows = config.bias_size() == 2 * columns;
      const py::ssize_t shape[] = {two_rows ? 2 : columns, columns};
      NewArray<T> d(two_rows ? 2 : 1, shape);
      io.d_bias = d.span();
      d_bias = d.take();
    }
    {
      const py::gil_scoped_release unlocked;
      layer_.run(io);
    }
    return py::make_tuple(d_x, d_kernel.take(), d_recurrent.take(), d_bias, d_initial);
  }

  py::ssize_t scratch_size(py::ssize_t batch, py::ssize_t steps) const override {
    return gradient_scratch_size(layer_.config(), batch, steps);
  }

 private:
  static RecurrentGradient<T> build(RecurrentConfig config, const ArrayView<T>& kernel,
                                    py::handle recurrent_object, py::handle bias_object,
                                    const std::string& isa) {
    config.features = kernel.extent(0);
    config.units = kernel.extent(1) / config.gates();
    const ArrayView<T> recurrent_kernel("recurrent_kernel", recurrent_object, 2);
    return RecurrentGradient<T>(config, kernel.span(), recurrent_kernel.span(),
                                optional_span<T>("bias", bias_object, -1), isa);
  }

  static Span<const std::uint8_t> mask_of(py::handle object) {
    if (object.is_none()) return {};
    const ArrayView<bool> mask("mask", object, 2);
    return {reinterpret_cast<const std::uint8_t*>(mask.span().data), mask.size()};
  }

  const RecurrentGradient<T> layer_;
};

template <class T>
void add_outer_product_as(py::handle a_object, py::handle b_object, py::handle out_object) {
  const ArrayView<T> a("a", a_object, 2), b("b", b_object, 2);
  const WritableView<T> out("out", out_object);
  check_shape("out", out.view(), out_object, {a.extent(1), b.extent(1)});
  if (a.extent(0) != b.extent(0))
    throw py::value_error("b: received " + describe(b_object) + ", expected " +
                          std::to_string(a.extent(0)) + " rows");
  const py::gil_scoped_release unlocked;
  add_outer_product<T>(a.extent(0), a.extent(1), b.extent(1), a.span(), b.span(), out.span());
}

template <class T>
py::object differentiate_as(const Activation& activation, py::handle x_object, py::handle y_object,
                            py::handle d_object) {
  const ArrayView<T> y("y", y_object, -1), d("d", d_object, -1);
  const std::vector<py::ssize_t> shape = y.shape();
  NewArray<T> out(y.ndim(), shape.data());
  const std::ptrdiff_t n = shape.empty() ? 1 : shape.back();
  differentiate<T>(activation, n ? y.size() / n : 0, n, optional_span<T>("x", x_object, -1),
                   y.span(), d.span(), out.span());
  return out.take();
}

}  // namespace

std::unique_ptr<RecurrentGradientKernel> RecurrentGradientKernel::make(
    const std::string& cell, py::handle kernel, py::handle recurrent_kernel, py::handle bias,
    const py::tuple& activation, const py::object& recurrent_activation, bool reset_after,
    const py::object& isa, bool takes_factors) {
  const RecurrentConfig config =
      config_of(cell, activation, recurrent_activation, reset_after, takes_factors);
  const std::string name = isa.is_none() ? std::string() : isa.cast<std::string>();
  if (is_float64(kernel))
    return std::make_unique<RecurrentGradientOf<double>>(config, kernel, recurrent_kernel, bias,
                                                         name);
  return std::make_unique<RecurrentGradientOf<float>>(config, kernel, recurrent_kernel, bias, name);
}

void add_outer_product_of(py::handle a, py::handle b, py::handle out) {
  is_float64(a) ? add_outer_product_as<double>(a, b, out) : add_outer_product_as<float>(a, b, out);
}

py::object differentiate_array(const py::tuple& activation, py::handle x, py::handle y,
                               py::handle d) {
  const Activation act = to_activation(activation);
  return is_float64(y) ? differentiate_as<double>(act, x, y, d)
                       : differentiate_as<float>(act, x, y, d);
}

}  // namespace rnnext::bindings
