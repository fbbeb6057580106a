#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds as a packager would, installs into a prefix of its own, moves that, and from there builds
# and runs the project outside/, by find_package and by pkg-config, shared and static.
#
# usage: install.sh [BUILD DIRECTORY]
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
scratch=${1:-build/check}/install
rm -rf "$scratch"
mkdir -p "$scratch"
scratch=$(cd "$scratch" && pwd)
cc=${CC:-cc}
version=$(awk '/^#define FIN_VERSION_(MAJOR|MINOR|PATCH) / { v = v sep $3; sep = "." } END { print v }' \
  "$source/include/finale/finale.h")

quiet() { # its output only if it fails
  "$@" >"$scratch/log" 2>&1 || {
    printf '%s: failed\n' "$*"
    cat "$scratch/log"
    exit 1
  }
}

same() { # same WHAT EXPECTED FOUND
  if [ "$2" != "$3" ]; then
    printf '%s: expected "%s", found "%s"\n' "$1" "$2" "$3"
    exit 1
  fi
  printf '%s: %s\n' "$1" "$3"
}

quiet cmake -S "$source" -B "$scratch/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_C_COMPILER="$cc" -DFINALE_EXAMPLES=OFF -DCMAKE_INSTALL_LIBDIR=lib/deep
quiet cmake --build "$scratch/build"
quiet cmake --install "$scratch/build" --prefix "$scratch/first"
mv "$scratch/first" "$scratch/prefix"
prefix=$scratch/prefix

same 'finale --version' "finale $version" "$("$prefix/bin/finale" --version)"

for kind in finale finale_static; do
  quiet cmake -S "$source/tests/check/outside" -B "$scratch/outside-$kind" -G Ninja \
    -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$prefix/lib/deep/cmake" -DFINALE="$kind"
  quiet cmake --build "$scratch/outside-$kind"
  same "find_package, $kind" "$version" "$("$scratch/outside-$kind/outside")"
done

export PKG_CONFIG_PATH=$prefix/lib/deep/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
same 'pkg-config --modversion' "$version" "$(pkg-config --modversion finale)"
outside() { # outside NAME PKG-CONFIG OPTION ...
  local flags
  read -r -a flags <<<"$(pkg-config --cflags --libs "${@:2}" finale)"
  quiet "$cc" -o "$scratch/outside-$1" "$source/tests/check/outside/main.c" "${flags[@]}"
}
outside pc-shared
path=$prefix/lib/deep${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
same 'pkg-config, shared' "$version" "$(LD_LIBRARY_PATH=$path "$scratch/outside-pc-shared")"

# The linker prefers a shared library where it finds one.
rm "$prefix"/lib/deep/libfinale.so* "$prefix"/lib/deep/libfinale*.dylib 2>/dev/null || true
outside pc-static --static
same 'pkg-config, static' "$version" "$("$scratch/outside-pc-static")"
