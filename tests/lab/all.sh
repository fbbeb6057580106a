#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every lab is as it says: what is broken shows it, what is fixed does not, a wrong fix is refused.
#
# usage: all.sh BUILD-DIRECTORY [--all-broken | --all-fixed | --all-wrong]
set -euo pipefail
finale=$(cd "$1" && pwd)/finale
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch
[ $# -gt 0 ] || set -- --all-broken --all-fixed --all-wrong

status=0
"$finale" lab check "$@" --labs "$(dirname "$0")/../../examples/labs" || status=$?
left=$(find "$scratch" -mindepth 1)
if [ -n "$left" ]; then
  printf 'left behind:\n%s\n' "$left"
  status=1
fi
exit "$status"
