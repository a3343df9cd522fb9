# Compiles for another system with Zig's C++ compiler: Clang with the headers and libraries of every
# target, which PyPI has as the package ziglang. The presets "musl", "windows" and "macos" use it,
# with RNNEXT_ZIG_TARGET x86_64-linux-musl, x86_64-windows-gnu and aarch64-macos. The tests for musl
# run on any Linux, those for Windows in Wine (wine64), those for macOS only there.

set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES RNNEXT_ZIG_TARGET)
string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR "${RNNEXT_ZIG_TARGET}")
if(RNNEXT_ZIG_TARGET MATCHES "windows")
  set(CMAKE_SYSTEM_NAME Windows)
  find_program(RNNEXT_WINE NAMES wine64 wine64-stable wine PATHS /usr/lib/wine)
  if(RNNEXT_WINE)
    set(CMAKE_CROSSCOMPILING_EMULATOR ${RNNEXT_WINE})
  endif()
elseif(RNNEXT_ZIG_TARGET MATCHES "macos")
  set(CMAKE_SYSTEM_NAME Darwin)
else()
  set(CMAKE_SYSTEM_NAME Linux)
endif()
set(CMAKE_CXX_COMPILER python-zig c++ -target ${RNNEXT_ZIG_TARGET})
# GNU's ar writes archives that the linker of macOS does not read.
set(CMAKE_CXX_ARCHIVE_CREATE "python-zig ar qc <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_FINISH "python-zig ranlib <TARGET>")
