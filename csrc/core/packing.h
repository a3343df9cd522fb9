// From Keras's weight layout to the kernels' panels (kernels/table.h says what those are).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/aligned_buffer.h"
#include "kernels/table.h"

namespace rnnext::core {

// Some gates of a Keras matrix (depth, stride): gate g of unit u is column first + g * units + u.
template <class T>
struct GateColumns {
  const T* matrix;
  std::ptrdiff_t depth, stride, first, gates, units;

  const T* from(std::ptrdiff_t k, std::ptrdiff_t gate, std::ptrdiff_t unit) const {
    return matrix + k * stride + first + gate * units + unit;
  }
  T at(std::ptrdiff_t k, std::ptrdiff_t gate, std::ptrdiff_t unit) const {
    return *from(k, gate, unit);
  }
};

// What panels look like; kernels/table.h says what the numbers are.
struct PanelLayout {
  std::ptrdiff_t width, panel_vectors, whole_units;

  template <class T>
  PanelLayout(const kernels::KernelsOf<T>& kernels, std::ptrdiff_t gates)
      : width(kernels.width),
        panel_vectors(kernels.panel_vectors[gates]),
        whole_units(kernels.whole_units[gates]) {}
};

// Lays `columns` out as [panel][depth][unit vector][gate][lane], padding with zeros. An element
// stands for `steps` neighbouring steps of a column; put(out, k, gate, unit, count) writes those of
// the units from `unit` on, k the first of their steps.
template <class Element, class T, class Put>
AlignedArray<Element> pack_as(const GateColumns<T>& columns, const PanelLayout& layout,
                              std::ptrdiff_t steps, Put put) {
  const std::ptrdiff_t width = layout.width, gates = columns.gates, units = columns.units;
  const std::ptrdiff_t vectors = (units + width - 1) / width;
  const std::ptrdiff_t elements = (columns.depth + steps - 1) / steps;
  const std::ptrdiff_t size = elements * vectors * gates * width;
  AlignedArray<Element> packed = make_aligned<Element>(size);
  std::fill_n(packed.get(), size, Element(0));
  Element* out = packed.get();
  for (std::ptrdiff_t panel = 0; panel < vectors; panel += layout.panel_vectors)
    for (std::ptrdiff_t k = 0; k < columns.depth; k += steps)
      for (std::ptrdiff_t v = panel; v < std::min(panel + layout.panel_vectors, vectors); ++v) {
        const std::ptrdiff_t first = v * width, count = std::min(width, units - first);
        const std::ptrdiff_t step =
            v == vectors - 1 ? kernels::last_gate_step(gates, units, width, layout.whole_units)
                             : width;
        for (std::ptrdiff_t gate = 0; gate < gates; ++gate)
          put(out + gate * step, k, gate, first, count);
        out += (gates * step + width - 1) / width * width;
      }
  return packed;
}

// Numbers of full width. One row, such as a bias, may have any panel_vectors.
template <class T>
AlignedArray<T> pack(const GateColumns<T>& columns, const PanelLayout& layout) {
  return pack_as<T>(
      columns, layout, 1,
      [&](T* out, std::ptrdiff_t k, std::ptrdiff_t gate, std::ptrdiff_t unit,
          std::ptrdiff_t count) { std::copy_n(columns.from(k, gate, unit), count, out); });
}

// One by one: element(k, gate, unit).
template <class Element, class T, class ElementOf>
AlignedArray<Element> pack_elements(const GateColumns<T>& columns, const PanelLayout& layout,
                                    std::ptrdiff_t steps, ElementOf element) {
  return pack_as<Element>(columns, layout, steps,
                          [&](Element* out, std::ptrdiff_t k, std::ptrdiff_t gate,
                              std::ptrdiff_t unit, std::ptrdiff_t count) {
                            for (std::ptrdiff_t i = 0; i < count; ++i)
                              out[i] = element(k, gate, unit + i);
                          });
}

// The transpose of columns [first, first + depth) of a Keras matrix (units, stride), as one gate:
// tile by tile, as a line of the matrix holds numbers of a column of the transpose.
template <class T>
AlignedArray<T> pack_transposed(const T* matrix, std::ptrdiff_t units, std::ptrdiff_t stride,
                                std::ptrdiff_t first, std::ptrdiff_t depth,
                                const PanelLayout& layout) {
  constexpr std::ptrdiff_t kTile = 16;
  const std::ptrdiff_t width = layout.width, panel = layout.panel_vectors * width;
  const std::ptrdiff_t padded = (units + width - 1) / width * width;
  AlignedArray<T> packed = make_aligned<T>(static_cast<std::size_t>(padded * depth));
  for (std::ptrdiff_t begin = 0; begin < padded; begin += panel) {
    const std::ptrdiff_t row = std::min(panel, padded - begin);  // of the panel
    T* out = packed.get() + begin * depth;
    for (std::ptrdiff_t k = 0; k < depth; k += kTile)
      for (std::ptrdiff_t u = 0; u < row; u += kTile) {
        const std::ptrdiff_t end_k = std::min(depth, k + kTile), end_u = std::min(row, u + kTile);
        for (std::ptrdiff_t j = k; j < end_k; ++j)
          for (std::ptrdiff_t i = u; i < end_u; ++i)
            out[j * row + i] = begin + i < units ? matrix[(begin + i) * stride + first + j] : T(0);
      }
  }
  return packed;
}

// The upper half of a float's bits, rounded to nearest, ties to even. NaN stays NaN.
inline std::uint16_t to_bf16(float w) {
  std::uint32_t bits;
  std::memcpy(&bits, &w, sizeof bits);
  if (w != w) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// One matrix's weights, owned, in the type they are stored in.
template <class T>
class PackedWeights {
 public:
  PackedWeights() = default;

  PackedWeights(const GateColumns<T>& columns, const PanelLayout& layout, WeightType type)
      : type_(type) {
    if (type == WeightType::full)
      full_ = pack(columns, layout);
    else if (type == WeightType::bf16)
      pack_bf16(columns, layout);
    else
      pack_int8(columns, layout);
  }

  kernels::PackedMatrix<T> view() const {
    const void* panels = type_ == WeightType::full   ? static_cast<const void*>(full_.get())
                         : type_ == WeightType::bf16 ? static_cast<const void*>(bf16_.get())
                                                     : static_cast<const void*>(int8_.get());
    return {type_, panels, scale_.get()};
  }

 private:
  void pack_bf16(const GateColumns<T>& columns, const PanelLayout& layout) {
    const auto at = [&](std::ptrdiff_t k, std::ptrdiff_t gate, std::ptrdiff_t unit) {
      return k < columns.depth ? to_bf16(static_cast<float>(columns.at(k, gate, unit))) : 0u;
    };
    bf16_ = pack_elements<std::uint32_t>(
        columns, layout, kernels::steps_per_element(WeightType::bf16),
        [&](std::ptrdiff_t k, std::ptrdiff_t gate, std::ptrdiff_t unit) {
          return at(k, gate, unit) | at(k + 1, gate, unit) << 16;
        });
  }

  // Throws std::invalid_argument for a weight that is not finite: no scale has room for it.
  void pack_int8(const GateColumns<T>& columns, const PanelLayout& layout) {
    std::vector<T> scale(static_cast<std::size_t>(columns.gates * columns.units), T(0));
    const auto scale_of = [&](std::ptrdiff_t gate, std::ptrdiff_t unit) -> T& {
      return scale[static_cast<std::size_t>(gate * columns.units + unit)];
    };
    for (std::ptrdiff_t k = 0; k < columns.depth; ++k)
      for (std::ptrdiff_t gate = 0; gate < columns.gates; ++gate)
        for (std::ptrdiff_t unit = 0; unit < columns.units; ++unit) {
          const T size = std::abs(columns.at(k, gate, unit));
          if (!(size <= std::numeric_limits<T>::max()))
            throw std::invalid_argument("int8 weights: received a weight that is not finite");
          scale_of(gate, unit) = std::max(scale_of(gate, unit), size / 127);
        }
    const auto byte_at = [&](std::ptrdiff_t k, std::ptrdiff_t gate, std::ptrdiff_t unit) {
      const T s = scale_of(gate, unit);
      const T integer =
          k < columns.depth && s > 0 ? std::nearbyint(columns.at(k, gate, unit) / s) : 0;
      return static_cast<int>(integer) & 0xff;
    };
    int8_ = pack_elements<std::uint16_t>(
        columns, layout, kernels::steps_per_element(WeightType::int8),
        [&](std::ptrdiff_t k, std::ptrdiff_t gate, std::ptrdiff_t unit) {
          return static_cast<std::uint16_t>(byte_at(k, gate, unit) | byte_at(k + 1, gate, unit)
                                                                         << 8);
        });
    const GateColumns<T> row = {scale.data(), 1, 0, 0, columns.gates, columns.units};
    scale_ = pack(row, layout);
  }

  WeightType type_ = WeightType::full;
  AlignedArray<T> full_, scale_;
  AlignedArray<std::uint32_t> bf16_;
  AlignedArray<std::uint16_t> int8_;
};

// One product's weights, owned.
template <class T>
class PackedProduct {
 public:
  PackedProduct() = default;

  // `recurrent_kernel` and `bias` (1 row) may have a null matrix: none.
  PackedProduct(const kernels::KernelsOf<T>& table, const GateColumns<T>& kernel,
                const GateColumns<T>& recurrent_kernel, const GateColumns<T>& bias,
                WeightType type) {
    const PanelLayout layout(table, kernel.gates);
    kernel_ = PackedWeights<T>(kernel, layout, type);
    if (recurrent_kernel.matrix)
      recurrent_kernel_ = PackedWeights<T>(recurrent_kernel, layout, type);
    if (bias.matrix) {
      bias_ = pack(bias, layout);
    } else {
      const std::ptrdiff_t vectors = (kernel.units + layout.width - 1) / layout.width;
      const std::ptrdiff_t size = vectors * kernel.gates * layout.width;
      bias_ = make_aligned<T>(size);
      std::fill_n(bias_.get(), size, T(0));
    }
  }

  kernels::PackedGates<T> view() const {
    return {bias_.get(), kernel_.view(), recurrent_kernel_.view()};
  }

 private:
  AlignedArray<T> bias_;
  PackedWeights<T> kernel_, recurrent_kernel_;
};

// Throws std::invalid_argument unless weights of T may be stored like this.
template <class T>
void check_weight_type(WeightType type) {
  if (sizeof(T) != sizeof(float) && type != WeightType::full)
    throw std::invalid_argument("weights: bf16 and int8 are for float32 layers, not for float64");
}

}  // namespace rnnext::core
