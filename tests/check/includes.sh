#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Includes go one way.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Extended regular expressions for the paths in #include lines.
own='[^/]*' # a neighbour, named without its directory
libc='[a-z_0-9]+\.h|(sys|net|netinet|arpa|linux)/[a-z_0-9]+\.h'
public='finale/[a-z_0-9]+\.h'
foreign='uv\.h|uv/.*|event2/.*|llhttp\.h|jansson\.h|libmnl/.*|criterion/.*'
none='-'
status=0

# may WHERE QUOTED ANGLED FOREIGN [DEPTH]: what its files may include as "...", as <...>, and of the
# libraries under us.
may() {
  local where=$1 quoted=$2 angled=$3 library=$4 depth=${5:-9} found
  found=$(find "$where" -maxdepth "$depth" -name '*.[ch]' -print0 2>/dev/null |
    xargs -0 -r grep -HnE '^[[:space:]]*#[[:space:]]*include' |
    awk -v quoted="^($quoted)$" -v angled="^($angled)$" -v library="^($library)$" \
      -v foreign="^($foreign)$" '
      {
        split($0, part, /[<>"]/)
        if (part[2] ~ foreign) good = part[2] ~ library
        else if ($0 ~ /"/) good = part[2] ~ quoted
        else good = part[2] ~ angled
        if (!good) print
      }')
  if [ -n "$found" ]; then
    printf 'against the direction of includes in %s:\n%s\n' "$where" "$found"
    status=1
  fi
}

may include/finale "$none"                       "$libc|$public"           "$none"
may src/lifecycle  'lifecycle/.*'                'std(int|def|bool)\.h'    "$none"
may src/base       'base/.*'                     "$libc|finale/finale\.h"  "$none"
may src/io         '(io|base)/.*'                "$libc"                   'uv\.h'
may src/core       '(core|lifecycle|base|io)/.*' "$libc|$public"           "$none"
may src/proto      'proto/.*|base/mem\.h'        "$libc|$public"           'llhttp\.h'
may src/observe    '(observe|base)/.*'           "$libc|$public"           'libmnl/.*'
may src/cli        "$own|cli/.*|(lab|load|server|report|compare)/[a-z_]*\.h" "$libc|$public" 'uv\.h|jansson\.h'
may src/lab        'lab/.*'                      "$libc|$public"           'uv\.h|libmnl/.*|jansson\.h'
may examples       "$own"                        "$libc|$public"           'uv\.h'

# What `finale bench` is made of: load <- server <- report <- compare <- src/cli.
may bench/load     'load/.*'                                 "$libc"            'llhttp\.h'
may bench/server   '(server|load)/.*'                        "$libc|$public"    "$none"
may bench/report   '(report|server|load)/.*'                 "$libc|$public"    'jansson\.h'
may bench/compare  '(compare|report|server|load)/.*'         "$libc|$public"    'jansson\.h'

# The programs beside it, which share with the tests what those support; the peers know nothing of
# ours.
may bench          '(compare|load|base|support)/.*'          "$libc"            'jansson\.h' 1
may bench/peers    "$own"                                    "$libc"            'uv\.h|event2/.*'

# Of the command's files only the naive server, which is not ours by design, knows libuv.
if grep -lE '#[[:space:]]*include[[:space:]]*<uv\.h>' src/cli/* 2>/dev/null | grep -v naive; then
  echo "only the naive server of the command may include uv.h"
  status=1
fi
exit "$status"
