// Calls that reach a kernel through CPython's own calling convention.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace rnnext::bindings {

// Adds run and run_pair to the registered classes, as methods of CPython's own: pybind11's take as
// long to be called as a small layer takes to run.
void add_fast_calls(pybind11::handle recurrent_kernel_class, pybind11::handle dense_kernel_class);

// A compiled __call__ for the class of recurrent layers. With one argument it is run(x, None, None,
// flags) of the kernel `layer.cell.kernel` while `layer.flags` is a number, and not None; where
// that returns None, and for any other call, it is `slow_path`. The attributes have the given
// names. One class can have one.
pybind11::object compiled_call(pybind11::handle layer_class, pybind11::handle slow_path,
                               const std::string& flags, const std::string& cell,
                               const std::string& kernel);

}  // namespace rnnext::bindings
