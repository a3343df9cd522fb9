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
  if (!kernel) throw py::type_error("a plain call: the object has not been initialised");
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
    throw py::type_error("a plain call received " + std::to_string(received) +
                         " arguments, expected " + std::to_string(expected));
}

OutputFlags to_flags(PyObject* bits) {
  const long flags = PyLong_AsLong(bits);
  if (flags == -1 && PyErr_Occurred()) throw py::error_already_set();
  return OutputFlags(flags);
}

PyObject* recurrent_plain(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  return as_method([&] {
    check_count(count, 3);
    return kernel_of<RecurrentKernel>(self).run_plain(args[0], to_flags(args[1]), args[2]);
  });
}

PyObject* recurrent_plain_from(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  return as_method([&] {
    check_count(count, 3);
    return kernel_of<RecurrentKernel>(self).run_plain_from(args[0], to_flags(args[1]), args[2]);
  });
}

PyObject* recurrent_plain_beside(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  return as_method([&] {
    check_count(count, 5);
    const auto& other = py::handle(args[2]).cast<const RecurrentKernel&>();
    return kernel_of<RecurrentKernel>(self).run_plain_beside(args[0], to_flags(args[1]), other,
                                                             to_flags(args[3]), args[4]);
  });
}

PyObject* dense_plain(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  return as_method([&] {
    check_count(count, 1);
    return kernel_of<DenseKernel>(self).run_plain(args[0]);
  });
}

// What call_kernels_directly has noted, for the life of the process.
struct DirectCalls {
  PyTypeObject* kernel_class;
  PyObject* careful_call;           // the __call__ before
  PyObject *flags, *cell, *packed;  // names of attributes
};
DirectCalls direct_calls;

py::object attribute(PyObject* object, PyObject* name) {
  PyObject* value = PyObject_GetAttr(object, name);
  if (!value) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(value);
}

// The output, or None if the call needs more care.
py::object direct_output(PyObject* layer, PyObject* x) {
  const py::object flags = attribute(layer, direct_calls.flags);
  if (flags.is_none()) return flags;
  const py::object kernel =
      attribute(attribute(layer, direct_calls.cell).ptr(), direct_calls.packed);
  if (Py_TYPE(kernel.ptr()) != direct_calls.kernel_class) return py::none();
  return kernel_of<RecurrentKernel>(kernel.ptr()).run_plain(x, to_flags(flags.ptr()), py::none());
}

// The __call__ before. `names`: of the last arguments, null or a tuple.
py::object careful_output(PyObject* layer, PyObject* const* args, Py_ssize_t count,
                          PyObject* names) {
  const Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
  std::vector<PyObject*> all = {layer};
  all.insert(all.end(), args, args + count + named);
  PyObject* output = PyObject_Vectorcall(direct_calls.careful_call, all.data(),
                                         static_cast<std::size_t>(count) + 1, names);
  if (!output) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(output);
}

PyObject* layer_call(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return as_method([&] {
    py::object output = py::none();
    if (count == 1 && !names) output = direct_output(self, args[0]);
    return output.is_none() ? careful_output(self, args, count, names) : output;
  });
}

void add_method(py::handle type, PyMethodDef& definition) {
  type.attr(definition.ml_name) = py::reinterpret_steal<py::object>(
      PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type.ptr()), &definition));
}

template <class Function>
PyCFunction as_c_function(Function* method) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(method));
}

}  // namespace

void add_fast_calls(py::handle recurrent_kernel_class, py::handle dense_kernel_class) {
  static PyMethodDef recurrent = {
      "run_plain", as_c_function(recurrent_plain), METH_FASTCALL,
      "run_plain(x, flags, mask): the outputs from zero states, or None unless x is a plain array "
      "that fits, and mask one or None. flags: 1 return_sequences, 2 return_state, 4 go_backwards, "
      "8 zero_output_for_mask."};
  static PyMethodDef from = {"run_plain_from", as_c_function(recurrent_plain_from), METH_FASTCALL,
                             "run_plain_from(x, flags, states): the same from a tuple of states; "
                             "None unless they are plain "
                             "arrays that fit, too."};
  static PyMethodDef beside = {
      "run_plain_beside", as_c_function(recurrent_plain_beside), METH_FASTCALL,
      "run_plain_beside(x, flags, other, others_flags, mask): (run_plain(x, flags, mask), "
      "other.run_plain(x, others_flags, mask)), at the same time if there are threads for it; None "
      "where one of them is None, or the other is of another dtype."};
  static PyMethodDef dense = {"run_plain", as_c_function(dense_plain), METH_FASTCALL,
                              "run_plain(x): the outputs, or None unless x is a plain array of two "
                              "axes or more that fits."};
  add_method(recurrent_kernel_class, recurrent);
  add_method(recurrent_kernel_class, from);
  add_method(recurrent_kernel_class, beside);
  add_method(dense_kernel_class, dense);
}

void call_kernels_directly(py::handle layer_class) {
  static PyMethodDef call = {"__call__", as_c_function(layer_call), METH_FASTCALL | METH_KEYWORDS,
                             "__call__($self, /, inputs, *args, **kwargs)\n--\n\n"
                             "Applies the layer; see `Layer.__call__`."};
  const auto kept = [](py::object object) { return object.release().ptr(); };
  direct_calls = {reinterpret_cast<PyTypeObject*>(kept(py::type::of<RecurrentKernel>())),
                  kept(layer_class.attr("__call__")), PyUnicode_InternFromString("_direct_flags"),
                  PyUnicode_InternFromString("cell"), PyUnicode_InternFromString("_packed")};
  add_method(layer_class, call);
}

}  // namespace rnnext::bindings
