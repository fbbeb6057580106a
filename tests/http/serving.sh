# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# For scripts that let clients loose on `finale serve http` and look what they leave behind. $finale
# is the command.
# shellcheck disable=SC2154,SC2034

# Ends the script with its reason where it cannot run.
needs_finale_http() {
  if ! "$finale" serve http --help >/dev/null 2>&1; then
    echo "SKIP: no $finale, or one without HTTP"
    exit 77
  fi
  if ! "$finale" census >/dev/null; then
    echo "SKIP: no census"
    exit 77
  fi
}

# serve OPTION ...: starts $server, which listens on $port and holds $baseline descriptors.
serve() {
  local line connection owned
  exec {said}< <(exec "$finale" serve http --listen 127.0.0.1:0 "$@")
  server=$!
  IFS= read -r -t 30 line <&"$said" || line=''
  port=${line##*:}
  if [[ $line != 'listening on '* ]]; then
    echo "the server said '$line' in place of where it listens"
    exit 1
  fi
  # The first connection causes descriptors that stay: it does not count.
  exec {connection}<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&"$connection"
  cat <&"$connection" >/dev/null
  exec {connection}>&-
  until read -r owned _ < <(census) && ((owned == 0)); do sleep 0.02; done
  baseline=$(descriptors)
}

# drain: SIGTERM; says what the server says, and fails if it was not content.
drain() {
  local status=0
  kill -TERM "$server"
  cat <&"$said"
  exec {said}<&-
  wait "$server" || status=$?
  server=''
  return "$status"
}

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
descriptors() { find "/proc/$server/fd" -mindepth 1 | wc -l; }

# Sockets with the server's port: held by a process or waiting to be accepted, orphans, TIME_WAIT.
census() {
  "$finale" census --port "$port" |
    awk '$1 == "LISTEN" { listeners = $2 } $1 == "total" { print $2 + $3 - listeners, $4 + 0, $5 + 0; exit }'
}

# await_nothing_left WITHIN_MS: sets $owned, $beyond (descriptors), $orphans, $time_wait and $elapsed
# in ms. Fails if sockets or descriptors are left by then.
await_nothing_left() {
  local begun
  begun=$(now_ms)
  while :; do
    read -r owned orphans time_wait < <(census)
    beyond=$(($(descriptors) - baseline))
    elapsed=$(($(now_ms) - begun))
    if ((owned == 0 && beyond == 0)); then return 0; fi
    if ((elapsed > $1)); then return 1; fi
    sleep 0.02
  done
}
