// From Keras's weight layout to the kernels' panels (kernels/table.h says what those are).
#pragma once

#include <algorithm>
#include <cstddef>

#include "core/aligned_buffer.h"
#include "kernels/table.h"

namespace rnnext::core {

// Some gates of a Keras matrix (depth, stride): gate g of unit u is column first + g * units + u.
template <class T>
struct GateColumns {
  const T* matrix;
  std::ptrdiff_t depth, stride, first, gates, units;

  T at(std::ptrdiff_t k, std::ptrdiff_t gate, std::ptrdiff_t unit) const {
    return matrix[k * stride + first + gate * units + unit];
  }
};

// Lays `columns` out as [panel][depth][unit vector][gate][lane], padding with zeros. A vector
// (bias) is packed with depth 1 and one panel: panel_vectors = all unit vectors.
template <class T>
AlignedArray<T> pack(const GateColumns<T>& columns, std::ptrdiff_t width,
                     std::ptrdiff_t panel_vectors) {
  const std::ptrdiff_t vectors = (columns.units + width - 1) / width;
  AlignedArray<T> packed = make_aligned<T>(columns.depth * vectors * columns.gates * width);
  T* out = packed.get();
  for (std::ptrdiff_t panel = 0; panel < vectors; panel += panel_vectors)
    for (std::ptrdiff_t k = 0; k < columns.depth; ++k)
      for (std::ptrdiff_t v = panel; v < std::min(panel + panel_vectors, vectors); ++v)
        for (std::ptrdiff_t gate = 0; gate < columns.gates; ++gate)
          for (std::ptrdiff_t unit = v * width; unit < (v + 1) * width; ++unit)
            *out++ = unit < columns.units ? columns.at(k, gate, unit) : T(0);
  return packed;
}

// One product's weights, owned.
template <class T>
class PackedProduct {
 public:
  PackedProduct() = default;

  // `recurrent_kernel` and `bias` (1 row) may have a null matrix: none.
  PackedProduct(const kernels::KernelsOf<T>& table, const GateColumns<T>& kernel,
                const GateColumns<T>& recurrent_kernel, const GateColumns<T>& bias) {
    const std::ptrdiff_t width = table.width;
    const std::ptrdiff_t panel_vectors = table.panel_vectors[kernel.gates];
    kernel_ = pack(kernel, width, panel_vectors);
    if (recurrent_kernel.matrix) recurrent_kernel_ = pack(recurrent_kernel, width, panel_vectors);
    const std::ptrdiff_t vectors = (kernel.units + width - 1) / width;
    if (bias.matrix) {
      bias_ = pack(bias, width, vectors);
    } else {
      bias_ = make_aligned<T>(vectors * kernel.gates * width);
      std::fill_n(bias_.get(), vectors * kernel.gates * width, T(0));
    }
  }

  kernels::PackedGates<T> view() const {
    return {bias_.get(), kernel_.get(), recurrent_kernel_.get()};
  }

 private:
  AlignedArray<T> bias_, kernel_, recurrent_kernel_;
};

}  // namespace rnnext::core
