# SPDX-License-Identifier: MIT
#
# Finds llhttp: installed as a library, or as sources to compile into ours, which is what Debian 12
# has.
#
# Adds to finale_objects, or to finale_libraries, finale_find_libraries and finale_pc_requires.

# As shipped llhttp 8 is lenient, and a CR alone could smuggle a header: 9 is strict.
pkg_check_modules(FINALE_LLHTTP QUIET IMPORTED_TARGET libllhttp>=9)
if(FINALE_LLHTTP_FOUND)
  message(STATUS "llhttp: library ${FINALE_LLHTTP_VERSION}")
  target_link_libraries(finale_proto PRIVATE PkgConfig::FINALE_LLHTTP)
  list(APPEND finale_libraries PkgConfig::FINALE_LLHTTP)
  string(APPEND finale_pc_requires ", libllhttp >= 9")
  string(APPEND finale_find_libraries
         "pkg_check_modules(FINALE_LLHTTP QUIET REQUIRED IMPORTED_TARGET libllhttp>=9)\n  ")
  return()
endif()

find_path(FINALE_LLHTTP_SOURCES llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)
find_path(FINALE_LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH)
if(NOT FINALE_LLHTTP_SOURCES OR NOT FINALE_LLHTTP_INCLUDE)
  message(FATAL_ERROR "llhttp was not found: scripts/deps.sh build installs what is missing, "
                      "-DFINALE_HTTP=OFF does without HTTP")
endif()
message(STATUS "llhttp: sources in ${FINALE_LLHTTP_SOURCES}")

# Objects rather than a library of its own: that one would have to be installed with ours. The macro
# makes version 8 strict. Its state machine gains from -O3, unlike the rest.
add_library(
  finale_llhttp OBJECT ${FINALE_LLHTTP_SOURCES}/api.c ${FINALE_LLHTTP_SOURCES}/http.c
                       ${FINALE_LLHTTP_SOURCES}/llhttp.c)
target_compile_definitions(finale_llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_compile_options(finale_llhttp PRIVATE -w $<$<CONFIG:Release,RelWithDebInfo>:-O3>)
target_include_directories(finale_llhttp SYSTEM PUBLIC ${FINALE_LLHTTP_INCLUDE})
target_compile_definitions(finale_proto PRIVATE LLHTTP_STRICT_MODE=1)
target_include_directories(finale_proto SYSTEM PRIVATE ${FINALE_LLHTTP_INCLUDE})
list(APPEND finale_objects $<TARGET_OBJECTS:finale_llhttp>)
