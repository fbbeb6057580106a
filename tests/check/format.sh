#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every C file is as clang-format 14 would have it. Other versions differ in details.
set -euo pipefail
cd "$(dirname "$0")/../.."

format=''
for candidate in clang-format-14 clang-format; do
  if command -v "$candidate" >/dev/null && "$candidate" --version | grep -q 'version 14\.'; then
    format=$candidate
    break
  fi
done
if [ -z "$format" ]; then
  echo "SKIP: no clang-format 14"
  exit 77
fi

# An unpacked archive has no git to ask.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  files() { git ls-files -z --cached --others --exclude-standard -- '*.c' '*.h'; }
else
  files() { find . -path ./build -prune -o -name '*.[ch]' -print0; }
fi

status=0
while IFS= read -r -d '' file; do
  if ! "$format" --dry-run -Werror "$file" 2>/dev/null; then
    echo "$format -i $file"
    status=1
  fi
done < <(files)
exit "$status"
