#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The page of `finale bench --html` in a real browser: Chromium, headless. See page.mjs.
#
# usage: page.sh PROGRAM_THAT_WRITES_PAGES
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

chromium=''
for candidate in chromium chromium-browser google-chrome; do
  if command -v "$candidate" >/dev/null; then
    chromium=$candidate
    break
  fi
done
if [ -z "$chromium" ]; then
  echo "SKIP: no chromium (scripts/deps.sh test installs it)"
  exit 77
fi
if ! command -v node >/dev/null; then
  echo "SKIP: no node, which speaks with the browser (scripts/deps.sh test installs it)"
  exit 77
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$1" "$scratch"
node "$here/page.mjs" "$chromium" "$scratch"
