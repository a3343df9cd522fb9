# `cmake --install` for C++ programs: the library, its headers, and a package that
# find_package(rnnext) finds. (A wheel holds the Python extension alone.)

include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/rnnext")

install(TARGETS rnnext_core EXPORT rnnextTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/csrc/include/rnnext"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT rnnextTargets NAMESPACE rnnext:: DESTINATION "${package_dir}")

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/rnnextConfig.cmake.in" "${PROJECT_BINARY_DIR}/rnnextConfig.cmake"
  INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/rnnextConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/rnnextConfig.cmake"
              "${PROJECT_BINARY_DIR}/rnnextConfigVersion.cmake"
        DESTINATION "${package_dir}")
