// Calls that reach a kernel through CPython's own calling convention.
#pragma once

#include <pybind11/pybind11.h>

namespace rnnext::bindings {

// Adds run_plain and run_plain_beside to the registered classes, as methods of CPython's own:
// pybind11's take as long to be called as a small layer takes to run.
void add_fast_calls(pybind11::handle recurrent_kernel_class, pybind11::handle dense_kernel_class);

// Gives the class of recurrent layers a compiled __call__. A call with one plain array of a layer
// whose `_direct_flags` are a number, and not None, is run_plain(x, flags, None) of the kernel
// `layer.cell._packed`; any other call is what the class's __call__ was before.
void call_kernels_directly(pybind11::handle layer_class);

}  // namespace rnnext::bindings
