#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A client that people use, in what it does with HTTP/1.1 and 1.0, against `finale serve http`: its
# answers are right, connections are kept, and it leaves nothing behind.
#
# usage: real_clients.sh BUILD_DIRECTORY curl|wrk|ab|h2load|node|python
set -euo pipefail
finale=$1/finale
client=$2
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/http/serving.sh
source "$here/serving.sh"

case $client in
  python) program=python3 ;;
  *) program=$client ;;
esac
if ! command -v "$program" >/dev/null; then
  echo "SKIP: no $program (scripts/deps.sh test installs it)"
  exit 77
fi
needs_finale_http

server=''
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; if [ "$server" ]; then kill -KILL "$server" 2>/dev/null || true; fi' EXIT

fail() {
  echo "FAILED: $*"
  exit 1
}

same() { # same WHAT EXPECTED FOUND
  if [ "$2" != "$3" ]; then fail "$1: expected '$2', found '$3'"; fi
  echo "$1: $3"
}

begin() { # begin OPTION ...
  serve "$@"
  url=http://127.0.0.1:$port
}

end() {
  if ! await_nothing_left 5000; then
    "$finale" census --port "$port"
    fail "$owned sockets and $beyond descriptors are left"
  fi
  drain || fail "the server's exit status is $?"
}

# ---- curl ----

get() { curl -sS --max-time 20 "$@"; }

curl_connections() {
  local discard=(-o /dev/null -o /dev/null -o /dev/null) thrice=("$url/" "$url/bytes?n=100k" "$url/")
  same 'connections of three requests' '1 0 0 ' "$(get "${discard[@]}" -w '%{num_connects} ' "${thrice[@]}")"
  same '...with HTTP/1.0' '1 1 1 ' "$(get "${discard[@]}" -w '%{num_connects} ' --http1.0 "${thrice[@]}")"
  same 'chunks with HTTP/1.0, up to our FIN' 'chunk 5' "$(get --http1.0 "$url/stream?chunks=5&ms=1" | tail -n1)"
  same 'HEAD' '200 0' "$(get -I -o "$scratch/head" -w '%{http_code} %{size_download}' "$url/bytes?n=1000")"
  same '...with the length' 'Content-Length: 1000' "$(tr -d '\r' <"$scratch/head" | grep -i '^content-length')"
}

curl_bodies() {
  get -o "$scratch/sent" "$url/bytes?n=900k"
  get -o "$scratch/chunks" -X POST -T - "$url/echo" <"$scratch/sent"
  cmp "$scratch/sent" "$scratch/chunks"
  get -v -o "$scratch/continued" -H 'Expect: 100-continue' --expect100-timeout 15 \
    --data-binary "@$scratch/sent" "$url/echo" 2>"$scratch/log"
  cmp "$scratch/sent" "$scratch/continued"
  same 'Expect: 100-continue' '< HTTP/1.1 100 Continue' "$(tr -d '\r' <"$scratch/log" | grep '^< HTTP/1.1 100')"
  truncate -s 50M "$scratch/large"
  same 'a body that is too long' 413 \
    "$(get -o "$scratch/413" -w '%{http_code}' -H Expect: --data-binary "@$scratch/large" "$url/echo")"
  same '...and what is said about it' 1 "$(grep -c '^413 ' "$scratch/413")"
}

curl_files() {
  local code=(-o /dev/null -w '%{http_code}')
  same 'a range' 'range' "$(get -r 8-12 "$url/file.txt")"
  same 'the last bytes' 'here' "$(get -r -4 "$url/file.txt")"
  same 'bytes that are not there' 416 "$(get "${code[@]}" -r 100- "$url/file.txt")"
  get -o /dev/null --etag-save "$scratch/etag" "$url/file.txt"
  same 'the same file again' 304 "$(get "${code[@]}" --etag-compare "$scratch/etag" "$url/file.txt")"
  same 'a way out' 404 "$(get "${code[@]}" --path-as-is "$url/../etag")"
  get -o "$scratch/part" -r 0-999999 "$url/large"
  get -o "$scratch/part" -C - "$url/large"
  cmp "$scratch/part" "$scratch/root/large"
  echo 'a download that is taken up again: whole'
}

test_curl() {
  begin
  curl_connections
  curl_bodies
  end
  mkdir "$scratch/root"
  printf 'Here is range after range, here' >"$scratch/root/file.txt"
  head -c 3000000 /dev/urandom >"$scratch/root/large"
  begin --root "$scratch/root"
  curl_files
  end
}

# ---- load generators ----

test_wrk() {
  begin
  wrk -t1 -c32 -d2s "$url/" >"$scratch/log"
  cat "$scratch/log"
  if grep -q 'Socket errors\|Non-2xx' "$scratch/log"; then fail 'errors'; fi
  grep -q ' [1-9][0-9]* requests in' "$scratch/log" || fail 'no requests'
  end
}

run_ab() { # run_ab REQUESTS KEPT OPTION ...
  ab -q -s 10 -c 8 -n "$1" "${@:3}" "$url/bytes?n=1000" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail ab; }
  same "complete, failed, on kept connections" "$1 0 $2" \
    "$(awk -F ': *' '/^Complete requests/ { n = $2 } /^Failed/ { f = $2 } /^Keep-Alive req/ { k = $2 }
        END { print n, f + 0, k + 0 }' "$scratch/log")"
  if grep -q Non-2xx "$scratch/log"; then fail 'other replies than 2xx'; fi
}

test_ab() {
  begin
  run_ab 2000 2000 -k
  run_ab 500 0
  end
}

test_h2load() {
  begin
  h2load --h1 -t1 -c8 -n2000 "$url/" >"$scratch/log"
  same 'requests' '2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout' \
    "$(sed -n 's/^requests: //p' "$scratch/log")"
  end
}

# ---- clients of languages ----

# The server closes an idle connection after 3 s and tells clients 2 s, of which newer versions of
# Node deduct another.
test_node() {
  begin --keep-alive 3s
  node "$here/clients/keep_alive.js" "$port" || fail node
  end
}

test_python() {
  begin
  python3 "$here/clients/http_client.py" "$port" || fail python
  end
}

"test_$client"
