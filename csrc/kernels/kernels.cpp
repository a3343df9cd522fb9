// All kernels of one instruction set, as the table that crosses the boundary. Compiled once per
// instruction set with that set's flags and -DRNNEXT_ISA=<name>; see CMakeLists.txt.
#include "dense.h"
#include "optimizers.h"
#include "outer_product.h"
#include "recurrence.h"
#include "recurrence_backward.h"
#include "table.h"

namespace rnnext::kernels {
namespace {

// Keras's default activations are built into the formula; any other goes through one switch a
// vector. Calls body(act, rec).
template <class Body>
RNNEXT_INLINE void with_activations(const Activation& act, const Activation& rec, bool uses_rec,
                                    Body body) {
  if (act.kind == ActivationKind::tanh && (!uses_rec || rec.kind == ActivationKind::sigmoid))
    body(TanhActivation{}, SigmoidActivation{});
  else
    body(AnyActivation{act}, AnyActivation{rec});
}

template <template <class> class Cell, class T, class Body>
RNNEXT_INLINE void with_activations_of(const RecurrentCall<T>* call, Body body) {
  with_activations(call->activation, call->recurrent_activation, !same<Cell<T>, SimpleRnn<T>>,
                   body);
}

template <template <class> class Cell, class T>
void recurrent(const RecurrentCall<T>* call) {
  with_activations_of<Cell>(call, [&](auto act, auto rec) {
    Recurrence<Cell, T, decltype(act), decltype(rec)>(*call, act, rec).run();
  });
}

template <template <class> class Cell, class T>
void recurrent_in_turn(const RecurrentCall<T>* first, const RecurrentCall<T>* second) {
  with_activations_of<Cell>(first, [&](auto act, auto rec) {
    using Run = Recurrence<Cell, T, decltype(act), decltype(rec)>;
    Run a(*first, act, rec), b(*second, act, rec);
    Run::run_in_turn(a, b);
  });
}

// Neither the workspace nor taking turns depends on the cell's activations.
template <template <class> class Cell, class T>
using AnyRecurrence = Recurrence<Cell, T, TanhActivation, SigmoidActivation>;

template <template <class> class Cell, class T>
size_t workspace_bytes(const RecurrentCall<T>* call) {
  return AnyRecurrence<Cell, T>(*call, {}, {}).workspace_bytes();
}

template <template <class> class Cell, class T>
bool takes_turns(const RecurrentCall<T>* first, const RecurrentCall<T>* second) {
  return AnyRecurrence<Cell, T>(*first, {}, {}).takes_turns({*second, {}, {}});
}

template <template <class> class Cell, class T>
constexpr RecurrentKernel<T> recurrent_kernel() {
  return {{workspace_bytes<Cell, T>, recurrent<Cell, T>},
          takes_turns<Cell, T>,
          recurrent_in_turn<Cell, T>};
}

template <template <class> class Cell, class T>
void backward(const RecurrentBackwardCall<T>* call) {
  const bool is_default =
      call->activation.kind == ActivationKind::tanh &&
      (same<Cell<T>, SimpleRnn<T>> || call->recurrent_activation.kind == ActivationKind::sigmoid);
  if (is_default)
    return RecurrenceBackward<Cell, T, TanhGradient, SigmoidGradient>(*call, {}, {}).run();
  RecurrenceBackward<Cell, T, AnyGradient, AnyGradient>(*call, AnyGradient(call->activation),
                                                        AnyGradient(call->recurrent_activation))
      .run();
}

template <template <class> class Cell, class T>
size_t backward_workspace_bytes(const RecurrentBackwardCall<T>* call) {
  return RecurrenceBackward<Cell, T, TanhGradient, SigmoidGradient>(*call, {}, {})
      .workspace_bytes();
}

template <template <class> class Cell, class T>
constexpr Kernel<RecurrentBackwardCall<T>> backward_kernel() {
  return {backward_workspace_bytes<Cell, T>, backward<Cell, T>};
}

template <class T>
void activate(const Activation* activation, const T* x, T* y, ptrdiff_t rows, ptrdiff_t n) {
  if (is_row_wise(activation->kind)) return activate_rows<T>(*activation, x, y, rows, n);
  activate_array<T>(*activation, x, y, rows * n);
}

template <class T>
void differentiate(const Activation* activation, const T* x, const T* y, const T* d, T* out,
                   ptrdiff_t n) {
  differentiate_array<T>(*activation, x, y, d, out, n);
}

float fma_peak(ptrdiff_t count) {
  constexpr int kChains = 10;
  VecF sum[kChains];
  for (int i = 0; i < kChains; ++i) sum[i] = broadcast(static_cast<float>(i));
  const VecF factor = broadcast(0.999f), term = broadcast(0.001f);
  for (ptrdiff_t n = 0; n < count; ++n)
    for (int i = 0; i < kChains; ++i) sum[i] = fma(sum[i], factor, term);
  float total = 0;
  for (int i = 0; i < kChains; ++i) total += sum[i][0];
  return total;
}

template <class T>
constexpr KernelsOf<T> kernels() {
  KernelsOf<T> k = {};
  k.width = kWidth<T>;
  for (int gates = 1; gates <= kMaxGates; ++gates) {
    k.panel_vectors[gates] = panel_vectors(gates);
    k.whole_units[gates] = whole_units<T>(gates);
  }
  k.simple_rnn = recurrent_kernel<SimpleRnn, T>();
  k.lstm = recurrent_kernel<Lstm, T>();
  k.gru_reset_after = recurrent_kernel<GruResetAfter, T>();
  k.gru_reset_before = recurrent_kernel<GruResetBefore, T>();
  k.dense = {dense_workspace_bytes<T>, dense<T>};
  k.backward = {backward_kernel<SimpleRnn, T>(), backward_kernel<Lstm, T>(),
                backward_kernel<GruResetAfter, T>(), backward_kernel<GruResetBefore, T>()};
  k.outer_product = {outer_product_workspace_bytes<T>, outer_product<T>};
  k.update = {update_adam<T>, update_sgd<T>, update_rmsprop<T>};
  k.add_scaled = add_scaled<T>;
  k.activate = activate<T>;
  k.differentiate = differentiate<T>;
  return k;
}

constexpr KernelTable kTable = {RNNEXT_STRING(RNNEXT_ISA), kernels<float>(), kernels<double>(),
                                fma_peak};

}  // namespace
}  // namespace rnnext::kernels

extern "C" const rnnext::kernels::KernelTable* RNNEXT_CONCAT(rnnext_kernel_table_, RNNEXT_ISA)();

extern "C" const rnnext::kernels::KernelTable* RNNEXT_CONCAT(rnnext_kernel_table_, RNNEXT_ISA)() {
  return &rnnext::kernels::kTable;
}
