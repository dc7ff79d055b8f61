# Debian's libcaf-dev 0.17 ships headers and shared libraries but no CMake package files.
#   find_package(CAF 0.17.6 REQUIRED COMPONENTS core)  ->  CAF::core
# -DCAF_ROOT=<prefix> picks another build, such as an instrumented one for ThreadSanitizer.
find_package(Threads REQUIRED)
find_path(CAF_INCLUDE_DIR caf/config.hpp HINTS ${CAF_ROOT} PATH_SUFFIXES include)
if(CAF_INCLUDE_DIR)
  # "#define CAF_VERSION 1706": two digits each for major, minor and patch, without leading zeros.
  file(STRINGS "${CAF_INCLUDE_DIR}/caf/config.hpp" _caf_line REGEX "^#define CAF_VERSION [0-9]+")
  string(REGEX REPLACE "[^0-9]" "" _caf_number "${_caf_line}")
  math(EXPR _caf_major "${_caf_number} / 10000")
  math(EXPR _caf_minor "(${_caf_number} / 100) % 100")
  math(EXPR _caf_patch "${_caf_number} % 100")
  set(CAF_VERSION "${_caf_major}.${_caf_minor}.${_caf_patch}")
endif()
foreach(_component IN LISTS CAF_FIND_COMPONENTS)
  find_library(CAF_${_component}_LIBRARY NAMES caf_${_component} caf_${_component}_static
               NAMES_PER_DIR HINTS ${CAF_ROOT} PATH_SUFFIXES lib)
  if(CAF_${_component}_LIBRARY)
    set(CAF_${_component}_FOUND TRUE)
  endif()
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAF REQUIRED_VARS CAF_INCLUDE_DIR VERSION_VAR CAF_VERSION
                                  HANDLE_COMPONENTS)
foreach(_component IN LISTS CAF_FIND_COMPONENTS)
  if(CAF_FOUND AND CAF_${_component}_FOUND AND NOT TARGET CAF::${_component})
    add_library(CAF::${_component} UNKNOWN IMPORTED)
    set_target_properties(
      CAF::${_component}
      PROPERTIES IMPORTED_LOCATION "${CAF_${_component}_LIBRARY}"
                 INTERFACE_INCLUDE_DIRECTORIES "${CAF_INCLUDE_DIR}"
                 INTERFACE_LINK_LIBRARIES Threads::Threads)
  endif()
endforeach()
mark_as_advanced(CAF_INCLUDE_DIR)
