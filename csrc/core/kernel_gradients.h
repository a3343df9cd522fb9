// The gradients of a recurrent layer's kernels and bias, from what its products read and the
// gradients of their sums: outer products over all steps that count, in the order of the input,
// however many threads share their columns.
#pragma once

#include <algorithm>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/threads.h"
#include "kernels/table.h"
#include "rnnext/rnnext.h"

namespace rnnext::core {

// Gradients of sums that a step has: of gru with reset_after the candidate's two apart.
inline std::ptrdiff_t sums_of_step(const RecurrentConfig& config) {
  return config.gates() + (config.cell == Cell::gru && config.reset_after ? 1 : 0);
}

inline bool is_reset_before(const RecurrentConfig& config) {
  return config.cell == Cell::gru && !config.reset_after;
}

// Gradients that are products with the same columns of the rows b.
template <class T>
struct OuterProducts {
  std::ptrdiff_t b_first;  // where its columns begin in the rows of b
  std::ptrdiff_t columns;
  std::vector<kernels::OuterFactor<T>> factors;

  void add(const T* const* rows, const T* const* times, std::ptrdiff_t k, T* out,
           std::ptrdiff_t out_stride) {
    if (k) factors.push_back({rows, times, k, out, out_stride});
  }
  std::ptrdiff_t k() const {
    std::ptrdiff_t sum = 0;
    for (const kernels::OuterFactor<T>& factor : factors) sum += factor.k;
    return sum;
  }
};

// Adds columns [first, last) of a product over all rows.
template <class T>
void add_columns(const kernels::KernelsOf<T>& kernels, const OuterProducts<T>& product,
                 const T* const* b, std::ptrdiff_t rows, std::ptrdiff_t first,
                 std::ptrdiff_t last) {
  if (first >= last) return;
  std::vector<kernels::OuterFactor<T>> factors = product.factors;
  for (kernels::OuterFactor<T>& factor : factors) factor.out += first;
  kernels::OuterProductCall<T> call = {};
  call.rows = rows;
  call.columns = last - first;
  call.b = b;
  call.b_first = product.b_first + first;
  call.factors = factors.data();
  call.factor_count = static_cast<std::ptrdiff_t>(factors.size());
  const Workspace workspace(kernels.outer_product.workspace_bytes(&call));
  call.workspace = workspace.data();
  kernels.outer_product.run(&call);
}

// Adds all products over all rows. Threads share their columns, by the multiply-adds of each.
template <class T>
void add_products(const kernels::KernelsOf<T>& kernels,
                  const std::vector<OuterProducts<T>>& products, const T* const* b,
                  std::ptrdiff_t rows) {
  std::ptrdiff_t all = 0;
  for (const OuterProducts<T>& product : products) all += product.k() * product.columns;
  if (all == 0 || rows == 0) return;
  const double work = static_cast<double>(all) * static_cast<double>(rows);
  const int parts = threads_worth(work);
  in_parallel(parts, work, [&](int part) {
    std::ptrdiff_t before = 0;
    for (const OuterProducts<T>& product : products) {
      const std::ptrdiff_t k = product.k();
      const auto boundary = [&](int i) {
        if (k == 0) return std::ptrdiff_t(0);
        // Whole vectors; what is left of a vector is no more than one takes.
        constexpr std::ptrdiff_t kVector = 16;
        const std::ptrdiff_t share = row_boundary(all, i, parts) - before;
        const std::ptrdiff_t columns = (share / k + kVector / 2) / kVector * kVector;
        return i == parts ? product.columns
                          : std::clamp(columns, std::ptrdiff_t(0), product.columns);
      };
      add_columns(kernels, product, b, rows, boundary(part), boundary(part + 1));
      before += k * product.columns;
    }
  });
}

// scratch: what the kernel's steps left (RecurrentBackwardCall), d_sums and then reset_h.
template <class T>
class KernelGradients {
  using Rows = std::vector<const T*>;

 public:
  KernelGradients(const RecurrentConfig& config, const kernels::KernelsOf<T>& kernels,
                  const RecurrentGradientIo<T>& io, const T* scratch)
      : config_(config),
        kernels_(kernels),
        io_(io),
        H(config.units),
        columns_(config.gates() * config.units),
        zeros_(static_cast<std::size_t>(config.units), T(0)) {
    find_rows(scratch);
  }

  void run() {
    for (const Span<T>& out : {io_.d_kernel, io_.d_recurrent_kernel, io_.d_bias})
      std::fill_n(out.data, out.size, T(0));
    if (config_.cell != Cell::gru) {
      add(0, columns_, 0, true, &h_);
    } else if (!config_.reset_after) {
      add(0, 2 * H, 0, true, &h_);
      add(2 * H, H, 2 * H, true, &reset_h_);
    } else {
      add(0, 2 * H, 0, true, &h_);
      add(2 * H, H, 2 * H, true, nullptr);
      add(columns_, H, 2 * H, false, &h_);
    }
    add_products<T>(kernels_, products_, d_sums_.data(),
                    static_cast<std::ptrdiff_t>(d_sums_.size()));
    // Both biases of z and r are added to the same sums.
    if (io_.d_bias.size == 2 * columns_)
      std::copy_n(io_.d_bias.data, 2 * H, io_.d_bias.data + columns_);
  }

 private:
  void find_rows(const T* scratch) {
    const std::ptrdiff_t T_ = io_.steps, sums = sums_of_step(config_) * H;
    const std::ptrdiff_t slots = sums / H + config_.states();
    const auto most = static_cast<std::size_t>(io_.batch * T_);
    for (Rows* rows : {&x_, &h_, &d_sums_}) rows->reserve(most);
    for (std::ptrdiff_t b = 0; b < io_.batch; ++b)
      for (std::ptrdiff_t time = 0; time < T_; ++time) {
        const std::ptrdiff_t row = b * T_ + time, t = io_.go_backwards ? T_ - 1 - time : time;
        if (io_.mask.given() && !io_.mask.data[row]) continue;
        x_.push_back(io_.x.data + row * config_.features);
        const T* first =
            io_.initial_state[0].given() ? io_.initial_state[0].data + b * H : zeros_.data();
        h_.push_back(t ? io_.residuals.data + ((b * T_ + t - 1) * slots + sums / H) * H : first);
        d_sums_.push_back(scratch + row * sums);
        if (is_reset_before(config_)) reset_h_.push_back(scratch + io_.batch * T_ * sums + row * H);
        for (std::ptrdiff_t gate = 0; gate < config_.gates(); ++gate) {
          const std::ptrdiff_t of_gate = b * config_.gates() + gate;
          if (io_.input_factors.given())
            input_factors_[gate].push_back(io_.input_factors.data + of_gate * config_.features);
          if (io_.state_factors.given())
            state_factors_[gate].push_back(io_.state_factors.data + of_gate * H);
        }
      }
  }

  // Of the sums [first, first + count), which are the columns from `column` on: what they give the
  // kernel, if they are of the input, and the recurrent kernel, by the rows that it multiplied.
  // Gates whose operands have factors of their own are products of their own.
  void add(std::ptrdiff_t first, std::ptrdiff_t count, std::ptrdiff_t column, bool of_input,
           const Rows* states) {
    const bool by_gate = io_.input_factors.given() || io_.state_factors.given();
    const std::ptrdiff_t at_once = by_gate ? H : count;
    for (std::ptrdiff_t i = 0; i < count; i += at_once)
      products_.push_back(product(first + i, at_once, column + i, of_input, states));
  }

  OuterProducts<T> product(std::ptrdiff_t first, std::ptrdiff_t count, std::ptrdiff_t column,
                           bool of_input, const Rows* states) const {
    const std::ptrdiff_t gate = column / H;
    const auto given = [](const Rows& rows) { return rows.empty() ? nullptr : rows.data(); };
    OuterProducts<T> made = {first, count, {}};
    if (of_input && io_.d_kernel.given())
      made.add(x_.data(), given(input_factors_[gate]), config_.features, io_.d_kernel.data + column,
               columns_);
    if (states && io_.d_recurrent_kernel.given())  // r * h has its factors already
      made.add(states->data(), states == &h_ ? given(state_factors_[gate]) : nullptr, H,
               io_.d_recurrent_kernel.data + column, columns_);
    if (of_input && io_.d_bias.given())
      made.add(nullptr, nullptr, 1, io_.d_bias.data + column, columns_);
    if (states && !of_input && io_.d_bias.given())
      made.add(nullptr, nullptr, 1, io_.d_bias.data + columns_ + column, columns_);
    return made;
  }

  const RecurrentConfig& config_;
  const kernels::KernelsOf<T>& kernels_;
  const RecurrentGradientIo<T>& io_;
  const std::ptrdiff_t H, columns_;
  const std::vector<T> zeros_;
  Rows x_, h_, reset_h_, d_sums_;
  Rows input_factors_[kernels::kMaxGates], state_factors_[kernels::kMaxGates];
  std::vector<OuterProducts<T>> products_;
};

}  // namespace rnnext::core
