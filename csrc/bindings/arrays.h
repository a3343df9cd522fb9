// NumPy arrays as the core's spans, and back. Nothing is converted here: an array that is not what
// the kernel reads raises TypeError or ValueError with what came, and Python prepares another.
#pragma once

#include <pybind11/gil_safe_call_once.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "rnnext/rnnext.h"

namespace rnnext::bindings {

namespace py = pybind11;

inline std::string describe(py::handle object) {
  if (!py::isinstance<py::array>(object))
    return py::str(py::type::of(object).attr("__name__")).cast<std::string>();
  const auto array = py::reinterpret_borrow<py::array>(object);
  return "an array of dtype " + py::str(array.dtype()).cast<std::string>() + " and shape " +
         py::str(array.attr("shape")).cast<std::string>();
}

inline bool is_float64(py::handle object) {
  return py::isinstance<py::array_t<double, py::array::c_style>>(object);
}

// NumPy's own dtype object of T, for the life of the process. Looking it up takes as long as a
// small layer.
template <class T>
PyObject* dtype_object() {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::dtype> dtype;
  return dtype.call_once_and_store_result([] { return py::dtype::of<T>(); }).get_stored().ptr();
}

// An aligned, C-contiguous array of T with `ndim` axes (-1: any), borrowed from Python.
template <class T>
class ArrayView {
 public:
  // One that is known to be such an array.
  explicit ArrayView(py::handle object) : array_(object.ptr()) {}

  ArrayView(const char* name, py::handle object, int ndim) : array_(object.ptr()) {
    using Array = py::array_t<T, py::array::c_style>;
    if (!py::isinstance<Array>(object))
      throw py::type_error(std::string(name) + ": received " + describe(object) +
                           ", expected a C-contiguous array of dtype " +
                           py::str(py::dtype::of<T>()).cast<std::string>());
    if (!(proxy()->flags & py::detail::npy_api::NPY_ARRAY_ALIGNED_))
      throw py::type_error(std::string(name) + ": received an array that is not aligned in memory");
    if (ndim >= 0 && proxy()->nd != ndim)
      throw py::value_error(std::string(name) + ": received " + describe(object) + ", expected " +
                            std::to_string(ndim) + " axes");
  }

  int ndim() const { return proxy()->nd; }
  std::ptrdiff_t extent(int axis) const { return proxy()->dimensions[axis]; }
  std::vector<py::ssize_t> shape() const {
    return {proxy()->dimensions, proxy()->dimensions + ndim()};
  }
  std::ptrdiff_t size() const {
    std::ptrdiff_t size = 1;
    for (int axis = 0; axis < ndim(); ++axis) size *= extent(axis);
    return size;
  }
  // Whether `object` is just what the kernels read, with `ndim` axes (-1: any), told without
  // raising: an array of exactly NumPy's class and dtype object.
  static bool accepts(py::handle object, int ndim) {
    constexpr int kFlags =
        py::detail::npy_api::NPY_ARRAY_ALIGNED_ | py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_;
    if (reinterpret_cast<PyTypeObject*>(Py_TYPE(object.ptr())) !=
        py::detail::npy_api::get().PyArray_Type_)
      return false;
    const auto* array = py::detail::array_proxy(object.ptr());
    return array->descr == dtype_object<T>() && (ndim < 0 || array->nd == ndim) &&
           (array->flags & kFlags) == kFlags;
  }

  // The array, if it fits. One that does not is an error in a strict call and otherwise nothing.
  static std::optional<ArrayView> read(const char* name, py::handle object, int ndim, bool strict) {
    if (accepts(object, ndim)) return ArrayView(object);
    if (!strict) return std::nullopt;
    return ArrayView(name, object, ndim);
  }

  Span<const T> span() const { return {reinterpret_cast<const T*>(proxy()->data), size()}; }

 private:
  const py::detail::PyArray_Proxy* proxy() const { return py::detail::array_proxy(array_); }
  PyObject* array_;
};

// An error unless the array has just these extents.
template <class T>
void check_shape(const char* name, const ArrayView<T>& array, py::handle object,
                 const std::vector<std::ptrdiff_t>& expected) {
  bool fits = array.ndim() == static_cast<int>(expected.size());
  for (int axis = 0; fits && axis < array.ndim(); ++axis)
    fits = array.extent(axis) == expected[static_cast<std::size_t>(axis)];
  if (fits) return;
  throw py::value_error(std::string(name) + ": received " + describe(object) + ", expected shape " +
                        py::repr(py::tuple(py::cast(expected))).cast<std::string>());
}

template <class T>
Span<const T> optional_span(const char* name, py::handle object, int ndim) {
  return object.is_none() ? Span<const T>() : ArrayView<T>(name, object, ndim).span();
}

// A new C-contiguous array of T and the span that writes it. py::array_t's constructor takes three
// times as long.
template <class T>
class NewArray {
 public:
  NewArray(int ndim, const py::ssize_t* shape) {
    auto& numpy = py::detail::npy_api::get();
    PyObject* dtype = dtype_object<T>();
    Py_INCREF(dtype);  // which the call takes over
    array_ = py::reinterpret_steal<py::object>(numpy.PyArray_NewFromDescr_(
        numpy.PyArray_Type_, dtype, ndim, shape, nullptr, nullptr, 0, nullptr));
    if (!array_) throw py::error_already_set();
    for (int axis = 0; axis < ndim; ++axis) size_ *= shape[axis];
  }
  NewArray(std::initializer_list<py::ssize_t> shape)
      : NewArray(static_cast<int>(shape.size()), shape.begin()) {}
  Span<T> span() {
    return {reinterpret_cast<T*>(py::detail::array_proxy(array_.ptr())->data), size_};
  }
  py::object take() { return std::move(array_); }

 private:
  py::object array_;
  std::ptrdiff_t size_ = 1;
};

// ("relu", 0.0, 6.0, 0.0) as an Activation.
inline Activation to_activation(const py::tuple& spec) {
  if (spec.size() < 1 || !py::isinstance<py::str>(spec[0]))
    throw py::type_error("activation: received " + py::repr(spec).cast<std::string>() +
                         ", expected a tuple (name, parameters...)");
  std::vector<double> parameters;
  for (std::size_t i = 1; i < spec.size(); ++i) parameters.push_back(spec[i].cast<double>());
  return make_activation(spec[0].cast<std::string>().c_str(), parameters.data(), parameters.size());
}

}  // namespace rnnext::bindings
