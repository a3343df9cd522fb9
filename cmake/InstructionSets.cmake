# RNNEXT_ISAS: the kernel tables this build holds; which one runs is chosen at run time.
# RNNEXT_FLAGS_<isa>: the compiler flags of that table's one object file.
#
# The compiler is asked what it compiles for, because CMAKE_SYSTEM_PROCESSOR names the machine it
# runs on: wrong for a 32-bit compiler, a cross compiler, or macOS building for its other family.

list(LENGTH CMAKE_OSX_ARCHITECTURES architectures)
if(architectures GREATER 1)
  message(FATAL_ERROR
    "rnnext: one build holds the kernels of one processor family, CMAKE_OSX_ARCHITECTURES asks for "
    "\"${CMAKE_OSX_ARCHITECTURES}\". Build each of them by itself and join the results "
    "(lipo for libraries, delocate-merge for wheels).")
endif()

include(CheckCXXSourceCompiles)
check_cxx_source_compiles(
  "#if !defined(__x86_64__) && !defined(_M_X64)\n#error\n#endif\nint main() { return 0; }"
  RNNEXT_TARGET_X86_64)
check_cxx_source_compiles(
  "#if !defined(__aarch64__) && !defined(_M_ARM64)\n#error\n#endif\nint main() { return 0; }"
  RNNEXT_TARGET_AARCH64)

if(RNNEXT_TARGET_X86_64)
  set(RNNEXT_ISAS sse2 avx2 avx512)
  set(RNNEXT_FLAGS_sse2)
  set(RNNEXT_FLAGS_avx2 -mavx2 -mfma)
  set(RNNEXT_FLAGS_avx512 -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC's bug 105593: its own avx512fintrin.h warns when min, max and sqrt are inlined.
    list(APPEND RNNEXT_FLAGS_avx512 -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
  # Only for the C++ tests: the 16-float tile shapes of AVX-512 on vectors made of two halves,
  # so that a machine with no more than AVX2 tests them.
  set(RNNEXT_TEST_ISAS wide)
  set(RNNEXT_FLAGS_wide ${RNNEXT_FLAGS_avx2})
elseif(RNNEXT_TARGET_AARCH64)
  set(RNNEXT_ISAS neon) # part of every aarch64, no flag needed
  set(RNNEXT_TEST_ISAS)
else()
  set(RNNEXT_ISAS generic)
  set(RNNEXT_TEST_ISAS)
endif()
message(STATUS "rnnext: kernel tables ${RNNEXT_ISAS}")
