# Flags of every target of this project, whatever it is for.

# Appends GCC-style compile options; clang-cl takes them behind /clang:.
function(rnnext_compile_options target scope)
  set(options ${ARGN})
  if(CMAKE_CXX_COMPILER_FRONTEND_VARIANT STREQUAL "MSVC")
    list(TRANSFORM options PREPEND "/clang:")
  endif()
  target_compile_options(${target} ${scope} ${options})
endfunction()

add_library(rnnext_warnings INTERFACE)
rnnext_compile_options(rnnext_warnings INTERFACE -Wall -Wextra -Wshadow)
if(RNNEXT_WERROR)
  rnnext_compile_options(rnnext_warnings INTERFACE -Werror)
endif()

if(RNNEXT_SANITIZE)
  add_compile_options(-fsanitize=${RNNEXT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${RNNEXT_SANITIZE})
endif()
