// Registers rnnext._core; what is registered lives in the other files.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>

#include "array_functions.h"
#include "fastcall.h"
#include "layers.h"
#include "optimizers.h"
#include "rnnext/rnnext.h"

namespace py = pybind11;
using rnnext::bindings::CallFlags;
using rnnext::bindings::DenseKernel;
using rnnext::bindings::RecurrentGradientKernel;
using rnnext::bindings::RecurrentKernel;

// For threadpoolctl, which knows libraries by their symbols (python/rnnext/threadpoolctl.py).
extern "C" {
PYBIND11_EXPORT int rnnext_get_num_threads() { return rnnext::get_num_threads_setting(); }
PYBIND11_EXPORT void rnnext_set_num_threads(int n) {
  rnnext::set_num_threads(std::clamp(n, 1, rnnext::kMaxThreads));
}
}

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  m.doc() =
      "Compiled kernels of rnnext. Use rnnext.layers; this module checks, and converts nothing.";
  m.attr("__version__") = rnnext::version();
  rnnext::isa();        // an unknown RNNEXT_ISA is an error at import, not at the first prediction
  rnnext::threading();  // likewise RNNEXT_THREADING

  py::class_<RecurrentKernel>(
      m, "RecurrentKernel",
      "A SimpleRNN, LSTM or GRU with its weights packed for one instruction "
      "set. Immutable: callable from many threads at once.")
      .def(py::init(&RecurrentKernel::make), py::arg("cell"), py::arg("kernel"),
           py::arg("recurrent_kernel"), py::arg("bias"), py::arg("activation"),
           py::arg("recurrent_activation"), py::arg("reset_after") = true,
           py::arg("isa") = py::none(), py::arg("weights") = py::none(),
           py::arg("takes_factors") = false)
      .def("run_recorded", &RecurrentKernel::run_recorded, py::arg("x"), py::arg("states"),
           py::arg("mask"), py::arg("flags"), py::arg("residuals"),
           py::arg("input_factors") = py::none(), py::arg("state_factors") = py::none())
      .def("residual_size", &RecurrentKernel::residual_size, py::arg("batch"), py::arg("steps"))
      .def("run_traced", &RecurrentKernel::run_traced, py::arg("x"), py::arg("states"),
           py::arg("mask"), py::arg("flags"), py::arg("tape"))
      .def_property_readonly("isa", &RecurrentKernel::isa)
      .def_property_readonly("dtype", &RecurrentKernel::dtype)
      .def_property_readonly("cell", &RecurrentKernel::cell)
      .def_property_readonly("units", &RecurrentKernel::units)
      .def_property_readonly("input_dim", &RecurrentKernel::input_dim);

  py::class_<RecurrentGradientKernel>(m, "RecurrentGradientKernel",
                                      "The backward pass of a RecurrentKernel of the same weights.")
      .def(py::init(&RecurrentGradientKernel::make), py::arg("cell"), py::arg("kernel"),
           py::arg("recurrent_kernel"), py::arg("bias"), py::arg("activation"),
           py::arg("recurrent_activation"), py::arg("reset_after") = true,
           py::arg("isa") = py::none(), py::arg("takes_factors") = false)
      .def("run", &RecurrentGradientKernel::run, py::arg("x"), py::arg("states"), py::arg("mask"),
           py::arg("flags"), py::arg("residuals"), py::arg("d_output"), py::arg("d_states"),
           py::arg("wants_x"), py::arg("wants_bias"), py::arg("scratch") = py::none(),
           py::arg("input_factors") = py::none(), py::arg("state_factors") = py::none())
      .def("scratch_size", &RecurrentGradientKernel::scratch_size, py::arg("batch"),
           py::arg("steps"));

  py::class_<DenseKernel>(m, "DenseKernel",
                          "activation(x @ kernel + bias), the same bits for a row in any batch.")
      .def(py::init(&DenseKernel::make), py::arg("kernel"), py::arg("bias"), py::arg("activation"),
           py::arg("isa") = py::none(), py::arg("weights") = py::none())
      .def("run_windows", &DenseKernel::run_windows, py::arg("x"), py::arg("count"),
           py::arg("step"))
      .def_property_readonly("isa", &DenseKernel::isa)
      .def_property_readonly("dtype", &DenseKernel::dtype)
      .def_property_readonly("units", &DenseKernel::units)
      .def_property_readonly("input_dim", &DenseKernel::input_dim);

  rnnext::bindings::add_fast_calls(m.attr("RecurrentKernel"), m.attr("DenseKernel"));

  m.attr("RETURN_SEQUENCES") = long{CallFlags::kReturnSequences};
  m.attr("RETURN_STATE") = long{CallFlags::kReturnState};
  m.attr("GO_BACKWARDS") = long{CallFlags::kGoBackwards};
  m.attr("ZERO_OUTPUT_FOR_MASK") = long{CallFlags::kZeroOutputForMask};
  m.attr("STRICT") = long{CallFlags::kStrict};
  m.def("compiled_call", &rnnext::bindings::compiled_call, py::arg("layer_class"),
        py::arg("slow_path"), py::arg("flags"), py::arg("cell"), py::arg("kernel"));
  m.def("activate", &rnnext::bindings::activate_array, py::arg("activation"), py::arg("x"));
  m.def("differentiate", &rnnext::bindings::differentiate_array, py::arg("activation"),
        py::arg("x"), py::arg("y"), py::arg("d"));
  m.def("add_outer_product", &rnnext::bindings::add_outer_product_of, py::arg("a"), py::arg("b"),
        py::arg("out"));
  m.def("normalize", &rnnext::bindings::normalize_rows, py::arg("x"), py::arg("mean"),
        py::arg("factor"), py::arg("offset"));
  m.def("concatenate_directions", &rnnext::bindings::concatenate_directions, py::arg("forward"),
        py::arg("backward"));
  rnnext::bindings::add_optimizers(m);
  m.def("set_num_threads", &rnnext::set_num_threads, py::arg("n"));
  m.def("get_num_threads", &rnnext::get_num_threads);
  m.attr("MAX_THREADS") = rnnext::kMaxThreads;
  m.def("threading", &rnnext::threading);
  m.def("set_threading", &rnnext::set_threading, py::arg("name"));
  m.def("isa", &rnnext::isa);
  m.def("set_isa", &rnnext::set_isa, py::arg("name"));
  m.def("available_isas", &rnnext::available_isas);
}
