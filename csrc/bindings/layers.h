// The packed layers as Python objects: one class each, whatever the dtype.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

namespace rnnext::bindings {

namespace py = pybind11;

// What a recurrent layer returns, and which way it reads: bits of run_plain's second argument.
struct OutputFlags {
  bool return_sequences, return_state, go_backwards, zero_output_for_mask;

  explicit OutputFlags(long bits)
      : return_sequences(bits & 1),
        return_state(bits & 2),
        go_backwards(bits & 4),
        zero_output_for_mask(bits & 8) {}
};

// What a recurrent layer is called with.
struct RecurrentArguments {
  py::handle x, initial_state, mask;
  bool return_sequences, return_state, go_backwards, zero_output_for_mask;
};

// What both dtypes of a recurrent layer offer to Python.
class RecurrentKernel {
 public:
  virtual ~RecurrentKernel() = default;
  virtual py::object run(const RecurrentArguments& arguments) const = 0;
  // (run(arguments), other.run(others)), at the same time if there are threads for it.
  virtual py::tuple run_beside(const RecurrentArguments& arguments, const RecurrentKernel& other,
                               const RecurrentArguments& others) const = 0;
  // The same from zero states. None when x or the mask (which may be None) is not just such an
  // array as the kernel reads, or is empty: run() says what is wrong with it. Nothing but plain
  // arrays come here fast.
  virtual py::object run_plain(py::handle x, OutputFlags flags, py::handle mask) const = 0;
  // The same from `states`, a tuple, without a mask.
  virtual py::object run_plain_from(py::handle x, OutputFlags flags, py::handle states) const = 0;
  // Both run_plain of this and of another kernel, as run_beside.
  virtual py::object run_plain_beside(py::handle x, OutputFlags flags, const RecurrentKernel& other,
                                      OutputFlags others, py::handle mask) const = 0;
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
                                               bool reset_after, const py::object& isa,
                                               const py::object& weights);
};

class DenseKernel {
 public:
  virtual ~DenseKernel() = default;
  virtual py::object run(py::handle x) const = 0;
  // None when x is not just such an array as the kernel reads.
  virtual py::object run_plain(py::handle x) const = 0;
  // (N, count, units) of the windows of x (N, T, C) that begin at 0, step, 2 * step, ... of T.
  virtual py::object run_windows(py::handle x, py::ssize_t count, py::ssize_t step) const = 0;
  virtual const char* isa() const = 0;
  virtual const char* dtype() const = 0;
  virtual py::ssize_t units() const = 0;
  virtual py::ssize_t input_dim() const = 0;

  static std::unique_ptr<DenseKernel> make(py::handle kernel, py::handle bias,
                                           const py::tuple& activation, const py::object& isa,
                                           const py::object& weights);
};

// Each call is a tuple: a RecurrentKernel and the seven arguments of its __call__.
py::tuple run_both(const py::tuple& first, const py::tuple& second);

py::object activate_array(const py::tuple& activation, py::handle x);

}  // namespace rnnext::bindings
