// What layers do with short rows: NumPy starts anew for each of them.
#pragma once

#include <pybind11/pybind11.h>

namespace rnnext::bindings {

namespace py = pybind11;

// (x - mean) * factor + offset over the last axis of x, of one dtype all four.
py::object normalize_rows(py::handle x, py::handle mean, py::handle factor, py::handle offset);

// The outputs (B, T, ...) of two directions side by side in the order of the input, the backward
// ones taken from the last step to the first.
py::object concatenate_directions(py::handle forward, py::handle backward);

}  // namespace rnnext::bindings
