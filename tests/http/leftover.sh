#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What load generators leave behind in `finale serve http`, the last of them killed in the middle of
# its load: sockets and descriptors that the server still holds, until there are none, and its CPU
# time when nobody asks anything any more. Orphans and TIME_WAIT, which the kernel holds alone, are
# shown beside them. Exit status 1 if something is left at the deadline or a load saw an error.
#
# usage: leftover.sh [BUILD DIRECTORY] [SECONDS OF WRK]
set -euo pipefail
finale=${1:-build/release}/finale
seconds=${2:-2}
within_ms=10000      # from the end of a load until nothing is left
idle_cpu_max_us=5000 # in a second without connections

# shellcheck source=tests/http/serving.sh
source "$(dirname "$0")/serving.sh"
needs_finale_http
ulimit -n "$(ulimit -H -n)"
status=0
load=''
server=''
output=$(mktemp)
trap 'rm -f "$output"; kill -KILL $load $server 2>/dev/null || true' EXIT

serve
url=http://127.0.0.1:$port/

# ---- what is left ----

cpu_us() { awk '{ ns += $1 } END { print int(ns / 1000) }' "/proc/$server"/task/*/schedstat; }
owned_open() { "$finale" census --port "$port" --state ESTAB | awk '$1 == "total" { print $2; exit }'; }

row='%-22s %9s %7s %9s %11s %9s %8s %9s\n'
# shellcheck disable=SC2059
report() { printf "$row" "$@"; }

# look NAME REQUESTS ERRORS: waits until the load that has just ended has left nothing.
look() {
  if ! await_nothing_left "$within_ms"; then
    status=1
    elapsed='never'
    "$finale" census --port "$port"
  fi
  if [ "$3" != 0 ]; then status=1; fi
  report "$1" "$2" "$3" "$owned" "$beyond" "$elapsed" "$orphans" "$time_wait"
}

# ---- the loads ----

installed() { # installed PROGRAM PACKAGE
  if command -v "$1" >/dev/null; then return 0; fi
  echo "without $1, which is not installed (Debian: apt-get install $2)"
  return 1
}

# run NAME AWK-PROGRAM COMMAND ...: the program prints requests and errors of the command's output.
run() {
  local requests errors
  if ! "${@:3}" >"$output" 2>&1; then
    cat "$output"
    status=1
  fi
  read -r requests errors < <(awk "$2" "$output")
  look "$1" "$requests" "$errors"
}

of_wrk='/requests in/ { n = $1 } /Socket errors|Non-2xx/ { e++ } END { print n + 0, e + 0 }'
of_ab='/^Complete requests:/ { n = $3 } /^(Failed requests|Non-2xx responses):/ { e += $3 }
  END { print n + 0, e + 0 }'
of_h2load='/^requests:/ { n = $8; e = $2 - $8 } END { print n + 0, e + 0 }'

printf 'Left by each load in the server on port %s, which holds %s descriptors before\n\n' \
  "$port" "$baseline"
report '' requests errors sockets descriptors 'after ms' orphans TIME_WAIT
if installed wrk wrk; then
  run 'wrk -c64' "$of_wrk" wrk -t1 -c64 "-d${seconds}s" "$url"
fi
if installed ab apache2-utils; then
  run 'ab -k -c64' "$of_ab" ab -q -k -s 10 -c 64 -n 20000 "$url"
  run 'ab -c64' "$of_ab" ab -q -s 10 -c 64 -n 5000 "$url"
fi
if installed h2load nghttp2-client; then
  run 'h2load --h1 -c64' "$of_h2load" h2load --h1 -t1 -c64 -n 20000 "$url"
fi
if installed wrk wrk; then
  wrk -t1 -c1000 -d60s "$url" >"$output" 2>&1 &
  load=$!
  deadline=$(($(now_ms) + within_ms))
  until (($(owned_open) >= 2000)); do # both ends count
    if (($(now_ms) > deadline)); then
      status=1
      echo 'wrk did not get its 1,000 connections'
      break
    fi
    sleep 0.02
  done
  kill -KILL "$load"
  wait "$load" 2>/dev/null || true
  load=''
  look 'wrk -c1000, killed' - 0
fi

# ---- the end ----

before=$(cpu_us)
sleep 1
idle_us=$(($(cpu_us) - before))
printf '\nCPU time in a second afterwards: %s us\n\n' "$idle_us"
if ((idle_us > idle_cpu_max_us)); then status=1; fi

drain || status=1
if [ "$status" != 0 ]; then echo "FAILED"; fi
exit "$status"
