// A tile as in csrc/kernels/product.h, for tests of cmake/check_kernel_code.py: with 40 ROWS it
// cannot keep its sums in any processor's registers; LEAK is an instruction put into it.

using Vector = float __attribute__((vector_size(16)));

template <int R, class T>
void accumulate_tile(const T* a, long a_stride, const Vector* w, long depth, Vector* z) {
  Vector sum[R] = {};
  for (long k = 0; k < depth; ++k)
    for (int r = 0; r < R; ++r) sum[r] += a[r * a_stride + k] * w[k];
  for (int r = 0; r < R; ++r) z[r] += sum[r];
#ifdef LEAK
  __asm__ volatile(LEAK);
#endif
}

template void accumulate_tile<ROWS, float>(const float*, long, const Vector*, long, Vector*);
