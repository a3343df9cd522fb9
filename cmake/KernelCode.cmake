# Tests of machine code: check_kernel_code.py, on the kernels that are shipped and on small objects
# that it must refuse.

find_package(Python3 COMPONENTS Interpreter)
set(not_run)
if(NOT Python3_Interpreter_FOUND)
  set(not_run "there is no Python to read the kernels' machine code")
elseif(NOT CMAKE_OBJDUMP)
  set(not_run "there is no objdump to read the kernels' machine code")
elseif(RNNEXT_SANITIZE)
  set(not_run "sanitizers put code of their own into the kernels")
endif()

# A test that `objects`, compiled for `isa`, pass; or fail with output that matches `refusal`.
function(rnnext_check_code name isa objects refusal)
  if(not_run)
    add_test(NAME ${name} COMMAND "${CMAKE_COMMAND}" -E echo "NOT RUN: ${not_run}")
  else()
    # The variable, because an emulator is put in front of targets.
    add_test(NAME ${name} COMMAND "${Python3_EXECUTABLE}"
      "${PROJECT_SOURCE_DIR}/cmake/check_kernel_code.py"
      --isa ${isa} --objdump "${CMAKE_OBJDUMP}" "${objects}")
  endif()
  set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "NOT RUN")
  if(refusal)
    set_tests_properties(${name} PROPERTIES PASS_REGULAR_EXPRESSION "${refusal}")
  endif()
endfunction()

# The same for the tile of tests/cpp/tile_of_code.cpp, compiled with definitions for `isa`.
function(rnnext_check_example name isa refusal)
  add_library(${name} OBJECT "${PROJECT_SOURCE_DIR}/tests/cpp/tile_of_code.cpp")
  target_compile_definitions(${name} PRIVATE ${ARGN})
  rnnext_compile_options(${name} PRIVATE -O3 ${RNNEXT_FLAGS_${isa}})
  set_target_properties(${name} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
  rnnext_check_code(${name} ${isa} "$<TARGET_OBJECTS:${name}>" "${refusal}")
endfunction()

set(leak_sse2 "haddps %xmm0, %xmm0")
set(leak_avx2 "vpternlogd $0, %xmm0, %xmm0, %xmm0")
set(leak_avx512 "vpdpbusd %zmm0, %zmm0, %zmm0")
foreach(isa IN LISTS RNNEXT_ISAS)
  rnnext_check_code(code_${isa} ${isa} "$<TARGET_OBJECTS:rnnext_kernels_${isa}>" "")
  rnnext_check_example(code_fits_${isa} ${isa} "" ROWS=2)
  rnnext_check_example(code_spills_${isa} ${isa}
    "accumulate_tile<40, .*: a loop of .* vectors" ROWS=40)
  if(DEFINED leak_${isa})
    rnnext_check_example(code_leaks_${isa} ${isa}
      "accumulate_tile<2, .*: 1 instructions are beyond ${isa}" ROWS=2 "LEAK=\"${leak_${isa}}\"")
  endif()
endforeach()
