# The arithmetic (one object file per instruction set) and the library around it.

# rnnext_kernels_<isa>: csrc/kernels/kernels.cpp compiled for one instruction set.
function(rnnext_add_kernels isa)
  set(target rnnext_kernels_${isa})
  add_library(${target} OBJECT "${PROJECT_SOURCE_DIR}/csrc/kernels/kernels.cpp")
  target_include_directories(${target} PRIVATE
    "${PROJECT_SOURCE_DIR}/csrc" "${PROJECT_SOURCE_DIR}/csrc/include")
  target_compile_definitions(${target} PRIVATE RNNEXT_ISA=${isa})
  # Contraction is off because it may differ between vector widths: where a fused multiply-add
  # belongs to the answer, the kernels say fma. No link-time optimisation: it would mix code of
  # different instruction sets. -Wno-psabi: vectors wider than the baseline's registers cross no
  # function boundary but inlined ones.
  # Under sanitizers -O3 would take minutes per object.
  set(optimisation -O3)
  if(RNNEXT_SANITIZE)
    set(optimisation -O1)
  endif()
  rnnext_compile_options(${target} PRIVATE
    ${optimisation} -ffp-contract=off -fno-math-errno -fno-trapping-math
    -fno-exceptions -fno-rtti -fvisibility=hidden -Wno-psabi
    ${RNNEXT_FLAGS_${isa}})
  set_target_properties(${target} PROPERTIES
    POSITION_INDEPENDENT_CODE ON INTERPROCEDURAL_OPTIMIZATION OFF)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:rnnext_warnings>)
  rnnext_check_symbols(${isa})
endfunction()

# Every build looks at what the kernel object exports: exactly one symbol, nothing weak. An inline
# function of the standard library compiled with AVX-512 flags would be a weak symbol, and the
# linker may pick that copy for every processor. (Sanitizers add symbols of their own.)
function(rnnext_check_symbols isa)
  if(RNNEXT_SANITIZE OR NOT CMAKE_NM)
    return()
  endif()
  set(stamp "${PROJECT_BINARY_DIR}/kernels_${isa}.symbols-checked")
  add_custom_command(
    OUTPUT "${stamp}"
    COMMAND "${CMAKE_COMMAND}" -DNM=${CMAKE_NM} -DISA=${isa}
            "-DOBJECT=$<TARGET_OBJECTS:rnnext_kernels_${isa}>" "-DSTAMP=${stamp}"
            -P "${PROJECT_SOURCE_DIR}/cmake/check_kernel_symbols.cmake"
    DEPENDS rnnext_kernels_${isa} $<TARGET_OBJECTS:rnnext_kernels_${isa}>
            "${PROJECT_SOURCE_DIR}/cmake/check_kernel_symbols.cmake"
    COMMENT "Checking what the ${isa} kernels export"
    VERBATIM)
  add_custom_target(rnnext_symbols_${isa} ALL DEPENDS "${stamp}")
endfunction()

# A static library of csrc/core and the kernel tables named after `target`. The core is told which
# tables it holds by RNNEXT_HAVE_<ISA>; it has no instruction-set flags of its own.
function(rnnext_add_core target)
  # A glob, checked again at every build: a new file in csrc/core needs no second list.
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/csrc/core/*.cpp")
  add_library(${target} STATIC ${sources})
  # The scalar reference runs layers too (softmax in a cell): it must round alike everywhere.
  rnnext_compile_options(${target} PRIVATE -ffp-contract=off)
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/csrc/include>
           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE "${PROJECT_SOURCE_DIR}/csrc")
  target_compile_features(${target} PUBLIC cxx_std_17)
  target_compile_definitions(${target} PRIVATE RNNEXT_VERSION="${PROJECT_VERSION}")
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:rnnext_warnings>)
  target_link_libraries(${target} PRIVATE Threads::Threads)
  if(OpenMP_CXX_FOUND)
    target_link_libraries(${target} PRIVATE OpenMP::OpenMP_CXX)
    target_compile_definitions(${target} PRIVATE RNNEXT_OPENMP)
  endif()
  foreach(isa IN LISTS ARGN)
    string(TOUPPER ${isa} name)
    target_compile_definitions(${target} PRIVATE RNNEXT_HAVE_${name})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:rnnext_kernels_${isa}>)
  endforeach()
endfunction()
