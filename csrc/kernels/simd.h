// The vector type of one instruction set, and the dozen operations the kernels need on it.
//
// Every kernel is written once over `Vec<float>` and `Vec<double>`; this header decides how wide
// they are. It is included by one translation unit per instruction set, each compiled with its own
// flags and -DRNNEXT_ISA=<name>. Everything lives in an unnamed namespace: an inline function
// compiled with AVX-512 flags must never be the copy that the linker picks for every processor.
//
// Arithmetic, comparisons and `condition ? a : b` are the compilers' own vector extensions (GCC,
// Clang). Intrinsics stand only where those give no way to ask (fma, sqrt) or measurably worse code
// (min, max: 15% of an LSTM's activations).
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define RNNEXT_INLINE inline __attribute__((always_inline))

#define RNNEXT_ISA_IS_sse2 1
#define RNNEXT_ISA_IS_avx2 2
#define RNNEXT_ISA_IS_avx512 3
#define RNNEXT_ISA_IS_wide 4
#define RNNEXT_ISA_IS_neon 5
#define RNNEXT_ISA_IS_generic 6
#define RNNEXT_CONCAT_(a, b) a##b
#define RNNEXT_CONCAT(a, b) RNNEXT_CONCAT_(a, b)
#define RNNEXT_STRING_(a) #a
#define RNNEXT_STRING(a) RNNEXT_STRING_(a)
#define RNNEXT_ISA_ID RNNEXT_CONCAT(RNNEXT_ISA_IS_, RNNEXT_ISA)

namespace rnnext::kernels {
namespace {

// `kRegisters` is how many vectors fit in the register file: it sizes the tiles of product.h.
// `wide` is AVX-512's shape in pairs of AVX2 registers, so that its tiles can be tested where there
// is no AVX-512; it spills, and is never shipped.
#if RNNEXT_ISA_ID == RNNEXT_ISA_IS_avx512
constexpr int kVectorBytes = 64, kRegisters = 32;
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_wide
constexpr int kVectorBytes = 64, kRegisters = 32;
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_avx2
constexpr int kVectorBytes = 32, kRegisters = 16;
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_neon
constexpr int kVectorBytes = 16, kRegisters = 32;
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_sse2 || RNNEXT_ISA_ID == RNNEXT_ISA_IS_generic
constexpr int kVectorBytes = 16, kRegisters = 16;
#else
#error "RNNEXT_ISA must be one of sse2, avx2, avx512, wide, neon, generic"
#endif

// Whether fma is an instruction; otherwise it is two, and rounds twice.
constexpr bool kFusesMultiplyAdd =
    RNNEXT_ISA_ID != RNNEXT_ISA_IS_sse2 && RNNEXT_ISA_ID != RNNEXT_ISA_IS_generic;

// Scalars a vector is made of, and the integer vector that its comparisons give.
template <class T>
struct VectorTypes;
template <>
struct VectorTypes<float> {
  typedef float vector __attribute__((vector_size(kVectorBytes)));
  typedef int32_t integers __attribute__((vector_size(kVectorBytes)));
};
template <>
struct VectorTypes<double> {
  typedef double vector __attribute__((vector_size(kVectorBytes)));
  typedef int64_t integers __attribute__((vector_size(kVectorBytes)));
};

template <class T>
using Vec = typename VectorTypes<T>::vector;
template <class T>
using IntVec = typename VectorTypes<T>::integers;
template <class T>
constexpr int kWidth = kVectorBytes / static_cast<int>(sizeof(T));

using VecF = Vec<float>;
using VecD = Vec<double>;

template <class V>
struct ScalarOf;
template <>
struct ScalarOf<VecF> {
  using type = float;
};
template <>
struct ScalarOf<VecD> {
  using type = double;
};
template <class V>
using Scalar = typename ScalarOf<V>::type;

template <class A, class B>
constexpr bool same = false;
template <class A>
constexpr bool same<A, A> = true;

// ---- memory -----------------------------------------------------------------------------------

// `p` needs no alignment; reads kWidth<T> elements.
template <class T>
RNNEXT_INLINE Vec<T> load(const T* p) {
  Vec<T> v;
  __builtin_memcpy(&v, p, sizeof(v));
  return v;
}

template <class T>
RNNEXT_INLINE void store(T* p, Vec<T> v) {
  __builtin_memcpy(p, &v, sizeof(v));
}

// The first `count` elements only; the rest of the vector reads as zero, or is not written. Memory
// behind them is not touched. Copies of a variable length took a tenth of the time of training an
// LSTM of 50 units; AVX2's masked stores are no faster than those on many processors.
#if RNNEXT_ISA_ID == RNNEXT_ISA_IS_avx512
RNNEXT_INLINE VecF load_lanes(const float* p, ptrdiff_t count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p);
}
RNNEXT_INLINE VecD load_lanes(const double* p, ptrdiff_t count) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << count) - 1), p);
}
RNNEXT_INLINE void store_lanes(float* p, VecF v, ptrdiff_t count) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), v);
}
RNNEXT_INLINE void store_lanes(double* p, VecD v, ptrdiff_t count) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << count) - 1), v);
}
#else
template <class T>
RNNEXT_INLINE Vec<T> load_lanes(const T* p, ptrdiff_t count) {
  Vec<T> v = {};
  __builtin_memcpy(&v, p, static_cast<size_t>(count) * sizeof(T));
  return v;
}
template <class T>
RNNEXT_INLINE void store_lanes(T* p, Vec<T> v, ptrdiff_t count) {
  __builtin_memcpy(p, &v, static_cast<size_t>(count) * sizeof(T));
}
#endif

template <class T>
RNNEXT_INLINE Vec<T> load_first(const T* p, ptrdiff_t count) {
  return count >= kWidth<T> ? load<T>(p) : load_lanes(p, count);
}

template <class T>
RNNEXT_INLINE void store_first(T* p, Vec<T> v, ptrdiff_t count) {
  count >= kWidth<T> ? store<T>(p, v) : store_lanes(p, v, count);
}

// The lower halves of v's elements.
RNNEXT_INLINE void store_int16(int16_t* p, IntVec<float> v) {
  typedef int16_t Halves __attribute__((vector_size(kVectorBytes / 2)));
  const Halves halves = __builtin_convertvector(v, Halves);
  __builtin_memcpy(p, &halves, sizeof(halves));
}

// `count` vectors from p to q.
template <class T>
RNNEXT_INLINE void copy(T* q, const T* p, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; ++i) store<T>(q + i * kWidth<T>, load<T>(p + i * kWidth<T>));
}

// ---- arithmetic -------------------------------------------------------------------------------

// fma(a, b, c) = a * b + c and fnma(a, b, c) = c - a * b, rounded once where the processor can (on
// `sse2` and `generic`, twice). fnma stands here because GCC does not fold a negation that is used
// more than once into the multiplication: that costs tanh an operation.
// min(a, b) is `a < b ? a : b` and max(a, b) is `a > b ? a : b`: when either is NaN the answer is
// b, so clamping as min(limit, x) and max(limit, x) keeps a NaN in x.
#if RNNEXT_ISA_ID == RNNEXT_ISA_IS_avx512
RNNEXT_INLINE VecF broadcast(float s) { return _mm512_set1_ps(s); }
RNNEXT_INLINE VecD broadcast(double s) { return _mm512_set1_pd(s); }
RNNEXT_INLINE VecF fma(VecF a, VecF b, VecF c) { return _mm512_fmadd_ps(a, b, c); }
RNNEXT_INLINE VecD fma(VecD a, VecD b, VecD c) { return _mm512_fmadd_pd(a, b, c); }
RNNEXT_INLINE VecF fnma(VecF a, VecF b, VecF c) { return _mm512_fnmadd_ps(a, b, c); }
RNNEXT_INLINE VecD fnma(VecD a, VecD b, VecD c) { return _mm512_fnmadd_pd(a, b, c); }
RNNEXT_INLINE VecF min(VecF a, VecF b) { return _mm512_min_ps(a, b); }
RNNEXT_INLINE VecD min(VecD a, VecD b) { return _mm512_min_pd(a, b); }
RNNEXT_INLINE VecF max(VecF a, VecF b) { return _mm512_max_ps(a, b); }
RNNEXT_INLINE VecD max(VecD a, VecD b) { return _mm512_max_pd(a, b); }
RNNEXT_INLINE VecF sqrt(VecF a) { return _mm512_sqrt_ps(a); }
RNNEXT_INLINE VecD sqrt(VecD a) { return _mm512_sqrt_pd(a); }
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_avx2
RNNEXT_INLINE VecF broadcast(float s) { return _mm256_set1_ps(s); }
RNNEXT_INLINE VecD broadcast(double s) { return _mm256_set1_pd(s); }
RNNEXT_INLINE VecF fma(VecF a, VecF b, VecF c) { return _mm256_fmadd_ps(a, b, c); }
RNNEXT_INLINE VecD fma(VecD a, VecD b, VecD c) { return _mm256_fmadd_pd(a, b, c); }
RNNEXT_INLINE VecF fnma(VecF a, VecF b, VecF c) { return _mm256_fnmadd_ps(a, b, c); }
RNNEXT_INLINE VecD fnma(VecD a, VecD b, VecD c) { return _mm256_fnmadd_pd(a, b, c); }
RNNEXT_INLINE VecF min(VecF a, VecF b) { return _mm256_min_ps(a, b); }
RNNEXT_INLINE VecD min(VecD a, VecD b) { return _mm256_min_pd(a, b); }
RNNEXT_INLINE VecF max(VecF a, VecF b) { return _mm256_max_ps(a, b); }
RNNEXT_INLINE VecD max(VecD a, VecD b) { return _mm256_max_pd(a, b); }
RNNEXT_INLINE VecF sqrt(VecF a) { return _mm256_sqrt_ps(a); }
RNNEXT_INLINE VecD sqrt(VecD a) { return _mm256_sqrt_pd(a); }
#else
template <class V>
RNNEXT_INLINE V elementwise(V a, V b, V c, Scalar<V> (*f)(Scalar<V>, Scalar<V>, Scalar<V>)) {
  V r = {};
  for (int i = 0; i < kWidth<Scalar<V>>; ++i) r[i] = f(a[i], b[i], c[i]);
  return r;
}
// An operation with a scalar broadcasts it; this one changes no bit (-0 - 0 is -0) and compiles to
// nothing. A loop over the lanes compiles to a dozen shuffles.
RNNEXT_INLINE VecF broadcast(float s) { return s - VecF{}; }
RNNEXT_INLINE VecD broadcast(double s) { return s - VecD{}; }
#if RNNEXT_ISA_ID == RNNEXT_ISA_IS_sse2
RNNEXT_INLINE VecF min(VecF a, VecF b) { return _mm_min_ps(a, b); }
RNNEXT_INLINE VecD min(VecD a, VecD b) { return _mm_min_pd(a, b); }
RNNEXT_INLINE VecF max(VecF a, VecF b) { return _mm_max_ps(a, b); }
RNNEXT_INLINE VecD max(VecD a, VecD b) { return _mm_max_pd(a, b); }
#else
template <class V>
RNNEXT_INLINE V min(V a, V b) {
  return a < b ? a : b;
}
template <class V>
RNNEXT_INLINE V max(V a, V b) {
  return a > b ? a : b;
}
#endif
template <class V>
RNNEXT_INLINE V sqrt(V a) {
  return elementwise<V>(a, a, a, [](Scalar<V> x, Scalar<V>, Scalar<V>) {
    if constexpr (sizeof(x) == sizeof(float)) return __builtin_sqrtf(x);
    return static_cast<Scalar<V>>(__builtin_sqrt(x));
  });
}
#if RNNEXT_ISA_ID == RNNEXT_ISA_IS_neon
RNNEXT_INLINE VecF fma(VecF a, VecF b, VecF c) { return vfmaq_f32(c, a, b); }
RNNEXT_INLINE VecD fma(VecD a, VecD b, VecD c) { return vfmaq_f64(c, a, b); }
RNNEXT_INLINE VecF fnma(VecF a, VecF b, VecF c) { return vfmsq_f32(c, a, b); }
RNNEXT_INLINE VecD fnma(VecD a, VecD b, VecD c) { return vfmsq_f64(c, a, b); }
#elif RNNEXT_ISA_ID == RNNEXT_ISA_IS_wide
template <class V>
RNNEXT_INLINE V fma(V a, V b, V c) {
  return elementwise<V>(a, b, c, [](Scalar<V> x, Scalar<V> y, Scalar<V> z) {
    if constexpr (sizeof(x) == sizeof(float)) return __builtin_fmaf(x, y, z);
    return static_cast<Scalar<V>>(__builtin_fma(x, y, z));
  });
}
template <class V>
RNNEXT_INLINE V fnma(V a, V b, V c) {
  return fma(-a, b, c);
}
#else
template <class V>
RNNEXT_INLINE V fma(V a, V b, V c) {
  return a * b + c;
}
template <class V>
RNNEXT_INLINE V fnma(V a, V b, V c) {
  return c - a * b;
}
#endif
#endif

// ---- bits -------------------------------------------------------------------------------------

template <class V>
RNNEXT_INLINE IntVec<Scalar<V>> to_bits(V v) {
  return reinterpret_cast<IntVec<Scalar<V>>>(v);
}
template <class T>
RNNEXT_INLINE Vec<T> from_bits(IntVec<T> v) {
  return reinterpret_cast<Vec<T>>(v);
}
// The first `count` elements, and zeros in place of the others.
template <class V>
RNNEXT_INLINE V first_lanes(V v, ptrdiff_t count) {
  using T = Scalar<V>;
  IntVec<T> lane = {};
  for (int i = 0; i < kWidth<T>; ++i) lane[i] = i;  // a constant
  const auto end = static_cast<decltype(lane[0] + 0)>(count < kWidth<T> ? count : kWidth<T>);
  return from_bits<T>(to_bits(v) & (lane < end));
}
// A vector with only the sign bit set in each element.
template <class T>
RNNEXT_INLINE IntVec<T> sign_bits() {
  return to_bits(broadcast(T(-0.0)));
}
template <class V>
RNNEXT_INLINE V abs(V v) {
  return from_bits<Scalar<V>>(to_bits(v) & ~sign_bits<Scalar<V>>());
}
// |magnitude| with the sign of `sign`, zeros and NaN included.
template <class V>
RNNEXT_INLINE V copysign(V magnitude, V sign) {
  return from_bits<Scalar<V>>(to_bits(abs(magnitude)) | (to_bits(sign) & sign_bits<Scalar<V>>()));
}

}  // namespace
}  // namespace rnnext::kernels
