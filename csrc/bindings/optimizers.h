// Steps of optimizers for Python.
#pragma once

#include <pybind11/pybind11.h>

namespace rnnext::bindings {

// Adds update_adam, update_sgd, update_rmsprop and add_look_ups to the module.
void add_optimizers(pybind11::module_& m);

}  // namespace rnnext::bindings
