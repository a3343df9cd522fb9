// The packed layers as Python objects: one class each, whatever the dtype.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

namespace rnnext::bindings {

namespace py = pybind11;

// What both dtypes of a recurrent layer offer to Python.
class RecurrentKernel {
 public:
  virtual ~RecurrentKernel() = default;
  virtual py::object run(py::handle x, py::handle initial_state, py::handle mask,
                         bool return_sequences, bool return_state, bool go_backwards,
                         bool zero_output_for_mask) const = 0;
  virtual const char* isa() const = 0;
  virtual const char* dtype() const = 0;
  virtual const char* cell() const = 0;
  virtual py::ssize_t units() const = 0;
  virtual py::ssize_t input_dim() const = 0;

  // The dtype is the kernel's.
  static std::unique_ptr<RecurrentKernel> make(const std::string& cell, py::handle kernel,
                                               py::handle recurrent_kernel, py::handle bias,
                                               const py::tuple& activation,
                                               const py::object& recurrent_activation,
                                               bool reset_after, const py::object& isa);
};

class DenseKernel {
 public:
  virtual ~DenseKernel() = default;
  virtual py::object run(py::handle x) const = 0;
  virtual const char* isa() const = 0;
  virtual const char* dtype() const = 0;
  virtual py::ssize_t units() const = 0;
  virtual py::ssize_t input_dim() const = 0;

  static std::unique_ptr<DenseKernel> make(py::handle kernel, py::handle bias,
                                           const py::tuple& activation, const py::object& isa);
};

py::object activate_array(const py::tuple& activation, py::handle x);

}  // namespace rnnext::bindings
