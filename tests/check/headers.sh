#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every public header can be included alone, by strict C11, without libuv's headers.
set -euo pipefail
cd "$(dirname "$0")/../.."

status=0
for header in include/finale/*.h; do
  # Twice: the guard is looked at too.
  printf '#include <finale/%s>\n' "${header##*/}" "${header##*/}" |
    "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Werror -Iinclude \
      -fsyntax-only -x c - || status=1
  if grep -Hn '#include *<uv' "$header"; then status=1; fi
done
exit "$status"
