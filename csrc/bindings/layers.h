// The packed layers as Python objects: one class each, whatever the dtype.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "rnnext/rnnext.h"

namespace rnnext::bindings {

namespace py = pybind11;

Cell to_cell(const std::string& name);

// How a recurrent layer is called: the bits of `flags`.
struct CallFlags {
  enum : long {
    kReturnSequences = 1,
    kReturnState = 2,
    kGoBackwards = 4,
    kZeroOutputForMask = 8,
    kStrict = 16,
  };
  bool return_sequences, return_state, go_backwards, zero_output_for_mask;
  bool strict;  // what does not fit is an error that says so; otherwise the result is None

  explicit CallFlags(long bits)
      : return_sequences(bits & kReturnSequences),
        return_state(bits & kReturnState),
        go_backwards(bits & kGoBackwards),
        zero_output_for_mask(bits & kZeroOutputForMask),
        strict(bits & kStrict) {}
};

// What both dtypes of a recurrent layer offer to Python.
class RecurrentKernel {
 public:
  virtual ~RecurrentKernel() = default;
  // The output, or with return_state a tuple of it and the states. `states`: a tuple of arrays, or
  // None for zeros; `mask`: an array of booleans, or None. A call that is not strict returns None
  // unless all arrays are contiguous, aligned and of the right dtype and shape, and x is not empty;
  // a strict one reports the error.
  virtual py::object run(py::handle x, py::handle states, py::handle mask,
                         CallFlags flags) const = 0;
  // run() of this and of another kernel of the same dtype on the same x and mask, at the same time
  // if there are threads for it.
  virtual py::object run_pair(py::handle x, py::handle mask, py::handle states, CallFlags flags,
                              const RecurrentKernel& other, py::handle other_states,
                              CallFlags other_flags) const = 0;
  // run() of a strict call, which also fills `residuals`, an array of residual_size(batch, steps)
  // elements, for the backward pass. Inputs and states are taken times the factors of each gate,
  // (batch, gates, features or units), that are not None.
  virtual py::object run_recorded(py::handle x, py::handle states, py::handle mask, long flags,
                                  py::handle residuals, py::handle input_factors,
                                  py::handle state_factors) const = 0;
  virtual py::ssize_t residual_size(py::ssize_t batch, py::ssize_t steps) const = 0;
  // run() of a strict call, which also fills `tape` (batch, steps, gates + states, units) with the
  // activated gates and the states after each step; places of masked steps stay as they are.
  virtual py::object run_traced(py::handle x, py::handle states, py::handle mask, long flags,
                                py::handle tape) const = 0;
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
                                               const py::object& weights, bool takes_factors);
};

// The backward pass of a recurrent layer.
class RecurrentGradientKernel {
 public:
  virtual ~RecurrentGradientKernel() = default;
  // (d_x or None, d_kernel, d_recurrent_kernel, d_bias or None, d_states), from the gradients of
  // the output and of the states (each an array or None), for a forward pass with these arguments.
  virtual py::tuple run(py::handle x, py::handle states, py::handle mask, long flags,
                        py::handle residuals, py::handle d_output, const py::tuple& d_states,
                        bool wants_x, bool wants_bias, py::handle scratch, py::handle input_factors,
                        py::handle state_factors) const = 0;
  virtual py::ssize_t scratch_size(py::ssize_t batch, py::ssize_t steps) const = 0;

  // The dtype is the kernel's.
  static std::unique_ptr<RecurrentGradientKernel> make(const std::string& cell, py::handle kernel,
                                                       py::handle recurrent_kernel, py::handle bias,
                                                       const py::tuple& activation,
                                                       const py::object& recurrent_activation,
                                                       bool reset_after, const py::object& isa,
                                                       bool takes_factors);
};

class DenseKernel {
 public:
  virtual ~DenseKernel() = default;
  // The outputs (..., units) for x (..., features). A call that is not strict returns None
  // unless x is contiguous, aligned, of the right dtype and of two axes or more.
  virtual py::object run(py::handle x, bool strict) const = 0;
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

// out (k, columns) += a' b for a (rows, k), b (rows, columns).
void add_outer_product_of(py::handle a, py::handle b, py::handle out);

// The gradient of x from that of y = activation(x), d; all of one shape.
py::object differentiate_array(const py::tuple& activation, py::handle x, py::handle y,
                               py::handle d);

py::object activate_array(const py::tuple& activation, py::handle x);

}  // namespace rnnext::bindings
