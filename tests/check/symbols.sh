#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The shared library exports what the public headers declare FIN_EXPORT, and nothing else.
#
# usage: symbols.sh [BUILD DIRECTORY]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}

library=$build/libfinale.so
if [ ! -e "$library" ]; then
  echo "SKIP: no $library (only ELF systems have one)"
  exit 77
fi

# Names that begin with two underscores are the toolchain's (sanitizers add some).
exported=$(nm --dynamic --defined-only "$library" | awk '$NF !~ /^__/ { print $NF }' | sort)

# A declaration ends with a semicolon; its name is the word before the first parenthesis.
declared=$(cat include/finale/*.h | sed '/^#/d' | tr '\n' ' ' | sed 's|\*/|&\n|g' | sed 's|/\*.*\*/||' |
  tr '\n;' ' \n' | sed -n 's/.*FIN_EXPORT [^(]*[ *]\([A-Za-z0-9_]*\)(.*/\1/p' | sort)

# In a build without HTTP its functions are declared in vain.
if grep -q '^FINALE_HTTP:BOOL=OFF' "$build/CMakeCache.txt"; then
  declared=$(grep -v '^fin_http_' <<<"$declared")
fi

if [ -z "$declared" ]; then
  echo "found no declaration in include/finale"
  exit 1
fi
difference=$(diff <(echo "$declared") <(echo "$exported")) || true
if [ -n "$difference" ]; then
  echo "$difference" | sed -n 's/^< /declared, not exported: /p; s/^> /exported, not declared: /p'
  exit 1
fi
echo "$(echo "$exported" | wc -l) symbols"
