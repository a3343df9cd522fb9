#include "optimizers.h"

#include "arrays.h"
#include "rnnext/optimizers.h"

namespace rnnext::bindings {
namespace {

// What every update is given first.
struct Arrays {
  py::handle before, weights, gradients, squares, rows, decay;
};

template <class T>
Span<T> optional_slot(const char* name, py::handle object) {
  return object.is_none() ? Span<T>() : WritableView<T>(name, object).span();
}

// The spans of the arrays; they stay as long as the caller holds these.
template <class T>
UpdateIo<T> io_of(const Arrays& arrays) {
  UpdateIo<T> io;
  io.before = ArrayView<T>("before", arrays.before, -1).span();
  io.weights = WritableView<T>("weights", arrays.weights).span();
  io.gradients = ArrayView<T>("gradients", arrays.gradients, -1).span();
  io.squares = optional_span<T>("squares", arrays.squares, -1);
  io.rows = optional_span<std::int32_t>("rows", arrays.rows, 1);
  io.decays = !arrays.decay.is_none();
  if (io.decays) {
    const auto pair = arrays.decay.cast<std::pair<T, T>>();
    io.decay = pair.first;
    io.rate = pair.second;
  }
  return io;
}

template <class T>
void adam(const Arrays& arrays, py::handle momentum, py::handle velocity, py::handle largest,
          double step, double part_1, double part_2, double epsilon) {
  const UpdateIo<T> io = io_of<T>(arrays);
  const auto m = WritableView<T>("momentum", momentum).span();
  const auto v = WritableView<T>("velocity", velocity).span();
  const auto most = optional_slot<T>("largest", largest);
  const py::gil_scoped_release unlocked;
  update_adam<T>(io, m, v, most, static_cast<T>(step), static_cast<T>(part_1),
                 static_cast<T>(part_2), static_cast<T>(epsilon));
}

template <class T>
void sgd(const Arrays& arrays, py::handle momentum, double step, double kept, bool nesterov) {
  const UpdateIo<T> io = io_of<T>(arrays);
  const auto m = optional_slot<T>("momentum", momentum);
  const py::gil_scoped_release unlocked;
  update_sgd<T>(io, m, static_cast<T>(step), static_cast<T>(kept), nesterov);
}

template <class T>
void rmsprop(const Arrays& arrays, py::handle velocity, py::handle momentum, py::handle average,
             double step, double rho, double rest, double epsilon, double kept) {
  const UpdateIo<T> io = io_of<T>(arrays);
  const auto v = WritableView<T>("velocity", velocity).span();
  const auto m = optional_slot<T>("momentum", momentum);
  const auto a = optional_slot<T>("average", average);
  const py::gil_scoped_release unlocked;
  update_rmsprop<T>(io, v, m, a, static_cast<T>(step), static_cast<T>(rho), static_cast<T>(rest),
                    static_cast<T>(epsilon), static_cast<T>(kept));
}

template <class T>
std::ptrdiff_t look_ups(py::handle values_object, py::handle indices_object, py::handle rows,
                        py::handle sums, py::handle squares) {
  const ArrayView<T> values("values", values_object, 2);
  const ArrayView<std::int64_t> indices("indices", indices_object, 1);
  const auto places = WritableView<std::int32_t>("rows", rows).span();
  const auto total = WritableView<T>("sums", sums).span();
  const auto of_squares = optional_slot<T>("squares", squares);
  const py::gil_scoped_release unlocked;
  return add_look_ups<T>(values.extent(1), values.span(), indices.span(), places, total,
                         of_squares);
}

}  // namespace

void add_optimizers(py::module_& m) {
  m.def(
      "update_adam",
      [](py::handle before, py::handle weights, py::handle gradients, py::handle squares,
         py::handle rows, py::handle decay, py::handle momentum, py::handle velocity,
         py::handle largest, double step, double part_1, double part_2, double epsilon) {
        const Arrays arrays = {before, weights, gradients, squares, rows, decay};
        const auto run = is_float64(weights) ? adam<double> : adam<float>;
        run(arrays, momentum, velocity, largest, step, part_1, part_2, epsilon);
      },
      py::arg("before"), py::arg("weights"), py::arg("gradients"), py::arg("squares"),
      py::arg("rows"), py::arg("decay"), py::arg("momentum"), py::arg("velocity"),
      py::arg("largest"), py::arg("step"), py::arg("part_1"), py::arg("part_2"),
      py::arg("epsilon"));
  m.def(
      "update_sgd",
      [](py::handle before, py::handle weights, py::handle gradients, py::handle squares,
         py::handle rows, py::handle decay, py::handle momentum, double step, double kept,
         bool nesterov) {
        const Arrays arrays = {before, weights, gradients, squares, rows, decay};
        const auto run = is_float64(weights) ? sgd<double> : sgd<float>;
        run(arrays, momentum, step, kept, nesterov);
      },
      py::arg("before"), py::arg("weights"), py::arg("gradients"), py::arg("squares"),
      py::arg("rows"), py::arg("decay"), py::arg("momentum"), py::arg("step"), py::arg("kept"),
      py::arg("nesterov"));
  m.def(
      "update_rmsprop",
      [](py::handle before, py::handle weights, py::handle gradients, py::handle squares,
         py::handle rows, py::handle decay, py::handle velocity, py::handle momentum,
         py::handle average, double step, double rho, double rest, double epsilon, double kept) {
        const Arrays arrays = {before, weights, gradients, squares, rows, decay};
        const auto run = is_float64(weights) ? rmsprop<double> : rmsprop<float>;
        run(arrays, velocity, momentum, average, step, rho, rest, epsilon, kept);
      },
      py::arg("before"), py::arg("weights"), py::arg("gradients"), py::arg("squares"),
      py::arg("rows"), py::arg("decay"), py::arg("velocity"), py::arg("momentum"),
      py::arg("average"), py::arg("step"), py::arg("rho"), py::arg("rest"), py::arg("epsilon"),
      py::arg("kept"));
  m.def(
      "add_look_ups",
      [](py::handle values, py::handle indices, py::handle rows, py::handle sums,
         py::handle squares) {
        return is_float64(values) ? look_ups<double>(values, indices, rows, sums, squares)
                                  : look_ups<float>(values, indices, rows, sums, squares);
      },
      py::arg("values"), py::arg("indices"), py::arg("rows"), py::arg("sums"), py::arg("squares"));
}

}  // namespace rnnext::bindings
