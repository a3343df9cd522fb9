# cmake -DNM=nm -DISA=avx2 -DOBJECT=kernels.o -DSTAMP=file -P check_kernel_symbols.cmake
#
# Fails unless OBJECT defines exactly one external symbol, rnnext_kernel_table_<ISA>, not weak, and
# asks nothing of the C++ runtime.

set(expected "rnnext_kernel_table_${ISA}")

execute_process(COMMAND "${NM}" -g "${OBJECT}"
  OUTPUT_VARIABLE listing ERROR_VARIABLE problem RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${NM} could not read ${OBJECT}: ${problem}")
endif()

set(found FALSE)
set(unwanted)
string(REGEX MATCHALL "[^\n]+" lines "${listing}")
foreach(line IN LISTS lines)
  # "<address, blank if undefined> <type> <name>"; macOS puts an underscore before every name
  string(REGEX MATCH "([A-Za-z?]) ([^ ]+)[ \r]*$" matched "${line}")
  set(type "${CMAKE_MATCH_1}")
  set(name "${CMAKE_MATCH_2}")
  if(type STREQUAL "U")
    if(name MATCHES "^_*(Z|cxa_|gxx_)")
      list(APPEND unwanted "${name} (needed from the C++ runtime)")
    endif()
  elseif(name MATCHES "^_?${expected}$" AND type MATCHES "^[TDRSB]$")
    set(found TRUE)
  else()
    list(APPEND unwanted "${name} (type ${type})")
  endif()
endforeach()

if(unwanted OR NOT found)
  list(JOIN unwanted "\n  " unwanted)
  message(FATAL_ERROR
    "The ${ISA} kernels must export ${expected} and nothing else: a function shared with objects of "
    "other instruction sets could run on a processor that lacks ${ISA}.\n"
    "  found ${expected}: ${found}\n  not allowed:\n  ${unwanted}")
endif()
file(TOUCH "${STAMP}")
