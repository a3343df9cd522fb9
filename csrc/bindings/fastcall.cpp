#include "fastcall.h"

#include <new>
#include <string>
#include <vector>

#include "layers.h"

namespace rnnext::bindings {
namespace {

// The C++ object of a registered class's instance.
template <class Kernel>
const Kernel& kernel_of(PyObject* self) {
  const void* kernel =
      reinterpret_cast<py::detail::instance*>(self)->get_value_and_holder().value_ptr();
  if (!kernel) throw py::type_error("a kernel's run: the object has not been initialised");
  return *static_cast<const Kernel*>(kernel);
}

// What body() returns, for CPython: C++ errors become Python's.
template <class Body>
PyObject* as_method(Body body) {
  try {
    return body().release().ptr();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const py::builtin_exception& error) {
    error.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

void check_count(Py_ssize_t received, Py_ssize_t expected) {
  if (received != expected)
    throw py::type_error("a kernel's run received " + std::to_string(received) +
                         " arguments, expected " + std::to_string(expected));
}

long to_long(PyObject* number) {
  const long value = PyLong_AsLong(number);
  if (value == -1 && PyErr_Occurred()) throw py::error_already_set();
  return value;
}

PyObject* recurrent_run(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  return as_method([&] {
    check_count(count, 4);
    return kernel_of<RecurrentKernel>(self).run(args[0], args[1], args[2],
                                                CallFlags(to_long(args[3])));
  });
}

PyObject* recurrent_run_pair(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  return as_method([&] {
    check_count(count, 7);
    const auto& other = py::handle(args[4]).cast<const RecurrentKernel&>();
    return kernel_of<RecurrentKernel>(self).run_pair(args[0], args[1], args[2],
                                                     CallFlags(to_long(args[3])), other, args[5],
                                                     CallFlags(to_long(args[6])));
  });
}

PyObject* dense_run(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  return as_method([&] {
    check_count(count, 2);
    return kernel_of<DenseKernel>(self).run(args[0], to_long(args[1]) != 0);
  });
}

// What compiled_call was given, for the life of the process.
struct CompiledCall {
  PyTypeObject* kernel_class;
  PyObject* slow_path;              // the class's __call__ in Python
  PyObject *flags, *cell, *kernel;  // names of attributes: of the layer, of the layer, of its cell
};
CompiledCall compiled;

py::object attribute(PyObject* object, PyObject* name) {
  PyObject* value = PyObject_GetAttr(object, name);
  if (!value) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(value);
}

// The output, or None if the call takes the slow path.
py::object kernel_output(PyObject* layer, PyObject* x) {
  const py::object flags = attribute(layer, compiled.flags);
  if (flags.is_none()) return flags;
  const py::object kernel = attribute(attribute(layer, compiled.cell).ptr(), compiled.kernel);
  if (Py_TYPE(kernel.ptr()) != compiled.kernel_class) return py::none();
  return kernel_of<RecurrentKernel>(kernel.ptr())
      .run(x, py::none(), py::none(), CallFlags(to_long(flags.ptr())));
}

// `names`: of the last arguments, null or a tuple.
py::object slow_output(PyObject* layer, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
  std::vector<PyObject*> all = {layer};
  all.insert(all.end(), args, args + count + named);
  PyObject* output = PyObject_Vectorcall(compiled.slow_path, all.data(),
                                         static_cast<std::size_t>(count) + 1, names);
  if (!output) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(output);
}

PyObject* layer_call(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return as_method([&] {
    py::object output = py::none();
    if (count == 1 && !names) output = kernel_output(self, args[0]);
    return output.is_none() ? slow_output(self, args, count, names) : output;
  });
}

template <class Function>
PyCFunction as_c_function(Function* method) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(method));
}

py::object method_of(py::handle type, PyMethodDef& definition) {
  return py::reinterpret_steal<py::object>(
      PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type.ptr()), &definition));
}

}  // namespace

void add_fast_calls(py::handle recurrent_kernel_class, py::handle dense_kernel_class) {
  static PyMethodDef run = {
      "run", as_c_function(recurrent_run), METH_FASTCALL,
      "run(x, states, mask, flags): the outputs; see the constants of this module for the flags."};
  static PyMethodDef run_pair = {
      "run_pair", as_c_function(recurrent_run_pair), METH_FASTCALL,
      "run_pair(x, mask, states, flags, other, other_states, other_flags): the outputs of this and "
      "of another kernel, run at the same time if there are threads for it."};
  static PyMethodDef dense = {"run", as_c_function(dense_run), METH_FASTCALL,
                              "run(x, strict): the outputs (..., units) for x (..., features)."};
  recurrent_kernel_class.attr("run") = method_of(recurrent_kernel_class, run);
  recurrent_kernel_class.attr("run_pair") = method_of(recurrent_kernel_class, run_pair);
  dense_kernel_class.attr("run") = method_of(dense_kernel_class, dense);
}

py::object compiled_call(py::handle layer_class, py::handle slow_path, const std::string& flags,
                         const std::string& cell, const std::string& kernel) {
  static PyMethodDef call = {"__call__", as_c_function(layer_call), METH_FASTCALL | METH_KEYWORDS,
                             "__call__($self, /, inputs, *args, **kwargs)\n--\n\n"
                             "Applies the layer; see `Layer.__call__`."};
  const auto kept = [](py::object object) { return object.release().ptr(); };
  const auto name = [](const std::string& text) {
    return PyUnicode_InternFromString(text.c_str());
  };
  compiled = {reinterpret_cast<PyTypeObject*>(kept(py::type::of<RecurrentKernel>())),
              slow_path.inc_ref().ptr(), name(flags), name(cell), name(kernel)};
  return method_of(layer_class, call);
}

}  // namespace rnnext::bindings
