#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs what finale needs and this machine has not.
#
# usage: scripts/deps.sh [build | test | ci]
#   build   to build the library and the command (default)
#   test    ...and to run the tests, with the clients and servers that they try it with
#   ci      ...and to run .ci/run, which compiles with clang
#
# POSIX sh: it must run before anything is installed.
set -eu

case ${1-build} in
  build) level=1 ;;
  test) level=2 ;;
  ci) level=3 ;;
  *)
    echo "deps: unknown argument '$1': use build, test or ci" >&2
    exit 2
    ;;
esac

PATH=$PATH:/usr/sbin:/sbin # where nft, ip and nginx are, also for users who have no use for them

# ---- what is there ----

c_compiler() { command -v "${CC:-cc}" 2>/dev/null || command -v gcc || command -v clang; }
compiles() { # compiles COMPILER FLAG ...: a program on stdin
  command -v "$1" >/dev/null 2>&1 && "$@" -x c -o /dev/null - >/dev/null 2>&1
}
module() { command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$1"; }
linux() { [ "$(uname -s)" = Linux ]; }

has_compiler() {
  compiler=$(c_compiler) && echo '#include <stdio.h>
    int main(void) { return puts("") < 0; }' | compiles "$compiler"
}
has_cmake() {
  command -v cmake >/dev/null 2>&1 && cmake --version | awk '
    NR == 1 { split($3, v, "."); exit !(v[1] > 3 || (v[1] == 3 && v[2] >= 25)) }'
}
has_libuv() { module 'libuv >= 1.44'; }
has_libmnl() { ! linux || module libmnl; }
has_jansson() { module jansson; }
has_llhttp() { [ -f /usr/share/llhttp/llhttp.c ] || module 'libllhttp >= 9'; }
has_criterion() { module criterion; }
has_sanitizers() {
  compiler=$(c_compiler) &&
    echo 'int main(void) { return 0; }' | compiles "$compiler" -fsanitize=address,undefined
}
has_ip() { ! linux || { command -v ip >/dev/null 2>&1 && command -v ss >/dev/null 2>&1; }; }
has_nft() { ! linux || command -v nft >/dev/null 2>&1; }
has_node() { command -v node >/dev/null 2>&1 || command -v nodejs >/dev/null 2>&1; }
has_libevent() { module 'libevent >= 2.1'; }
has_chromium() {
  command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
    command -v google-chrome >/dev/null 2>&1
}
has_format() {
  command -v clang-format-14 >/dev/null 2>&1 ||
    { command -v clang-format && clang-format --version; } 2>/dev/null | grep -q 'version 14\.'
}
has_gcc() {
  echo 'int main(void) { return 0; }' | compiles gcc -fsanitize=thread
}
has_clang() {
  echo 'int main(void) { return 0; }' | compiles clang -fsanitize=address,fuzzer-no-link
}

# ---- what is wanted: level, what, its check, and its names for apt, dnf, brew and apk ----
# The check is a function above, or the name of a command. "-": comes with something else, or does
# not exist there. A level with "?" is good to have: without it a test is skipped.

wanted() {
  cat <<'TABLE'
1|a C compiler|has_compiler|gcc libc6-dev|gcc glibc-devel|-|gcc musl-dev
1|cmake >= 3.25|has_cmake|cmake|cmake|cmake|cmake
1|ninja|ninja|ninja-build|ninja-build|ninja|samurai
1|pkg-config|pkg-config|pkg-config|pkgconf-pkg-config|pkg-config|pkgconf
1|libuv >= 1.44|has_libuv|libuv1-dev|libuv-devel|libuv|libuv-dev
1|libmnl|has_libmnl|libmnl-dev|libmnl-devel|-|libmnl-dev
1|jansson|has_jansson|libjansson-dev|jansson-devel|jansson|jansson-dev
1|llhttp|has_llhttp|LLHTTP|llhttp-devel|llhttp|llhttp-dev
2|bash|bash|bash|bash|bash|bash
2|Criterion|has_criterion|libcriterion-dev|criterion-devel|criterion|criterion-dev
2|the compiler's sanitizers|has_sanitizers|gcc|libasan libubsan|-|-
2?|ip and ss|has_ip|iproute2|iproute|-|iproute2
2?|nft|has_nft|nftables|nftables|-|nftables
2?|clang-format 14|has_format|clang-format-14|-|-|-
2?|curl|curl|curl|curl|curl|curl
2?|wrk|wrk|wrk|wrk|wrk|wrk
2?|ab|ab|apache2-utils|httpd-tools|httpd|apache2-utils
2?|h2load|h2load|nghttp2-client|nghttp2|nghttp2|nghttp2
2?|Node|has_node|nodejs|nodejs|node|nodejs
2?|Python|python3|python3|python3|python3|python3
2?|nginx|nginx|nginx|nginx|nginx|nginx
2?|HAProxy|haproxy|haproxy|haproxy|haproxy|haproxy
2?|h2o|h2o|h2o|-|h2o|h2o
2?|lighttpd|lighttpd|lighttpd|lighttpd|lighttpd|lighttpd
2?|libevent|has_libevent|libevent-dev|libevent-devel|libevent|libevent-dev
2?|valgrind|valgrind|valgrind|valgrind|-|valgrind
2?|Chromium|has_chromium|chromium fonts-dejavu-core|chromium dejavu-sans-fonts|-|chromium font-dejavu
3|gcc with its sanitizers|has_gcc|gcc|gcc libasan libubsan libtsan|gcc|gcc
3|clang with its sanitizers|has_clang|clang CLANG_RT|clang compiler-rt|llvm|clang compiler-rt
TABLE
}

passes() {
  case $1 in
    has_*) "$1" ;;
    *) command -v "$1" ;;
  esac >/dev/null 2>&1
}

# Sets `missing` and `good_to_have` (what is not there), `packages` and `extras` (what has it, for
# manager $1).
look() {
  missing='' good_to_have='' packages='' extras=''
  while IFS='|' read -r at what check apt dnf brew apk; do
    if [ "${at%\?}" -gt "$level" ] || passes "$check"; then continue; fi
    case $1 in
      apt) names=$apt ;;
      dnf) names=$dnf ;;
      brew) names=$brew ;;
      apk) names=$apk ;;
      *) names=- ;;
    esac
    if [ "$names" = - ]; then names=''; fi
    case $at in
      *\?) good_to_have="$good_to_have${good_to_have:+, }$what" extras="$extras $names" ;;
      *) missing="$missing${missing:+, }$what" packages="$packages $names" ;;
    esac
  done <<TABLE
$(wanted)
TABLE
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    echo "deps: this must be run as root, and there is no sudo: $*" >&2
    exit 1
  fi
}

# apt refuses a whole list for one name it does not know: leave such names out, and say so.
known_to_apt() {
  for name in "$@"; do
    case $name in
      CLANG_RT) # clang's runtime has the compiler's version in its name
        name=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p')
        if ! apt-cache show "$name" >/dev/null 2>&1; then continue; fi
        ;;
      LLHTTP) # Debian 12 has its sources only, newer ones a library
        name=libllhttp-dev
        if ! apt-cache show "$name" >/dev/null 2>&1; then name=node-llhttp; fi
        ;;
    esac
    if apt-cache show "$name" >/dev/null 2>&1; then
      printf '%s ' "$name"
    else
      echo "deps: apt has no package $name" >&2
    fi
  done
}

# Of servers we want the programs only: Debian would run them at once, and whenever the machine
# starts. Its way to prevent the first is a policy-rc.d(8), for as long as it takes.
# shellcheck disable=SC2016
apt_install='
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    trap "exit 1" HUP INT TERM
    printf "#!/bin/sh\nexit 101\n" >"$policy"
    chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@" || exit 1
  for name in "$@"; do
    case $name in
      nginx | haproxy | h2o | lighttpd)
        if command -v systemctl >/dev/null; then systemctl --quiet disable "$name"; fi ;;
    esac
  done'

updated=''
install() { # install [PACKAGE ...]
  if [ "$manager" = apt ] && [ $# -gt 0 ]; then
    if [ -z "$updated" ]; then as_root apt-get update -qq </dev/null; fi
    updated=yes
    # shellcheck disable=SC2046
    set -- $(known_to_apt "$@")
  fi
  if [ $# -eq 0 ]; then return; fi
  echo "deps: installing $*"
  case $manager in
    apt) as_root sh -c "$apt_install" sh "$@" ;;
    dnf) as_root dnf install -y "$@" ;;
    brew) brew install "$@" ;;
    apk) as_root apk add "$@" ;;
  esac </dev/null
}

manager=''
for candidate in apt-get dnf brew apk; do
  if command -v "$candidate" >/dev/null 2>&1; then
    manager=${candidate%-get}
    break
  fi
done

look "$manager"
if [ -z "$missing$good_to_have" ]; then
  echo "deps: nothing is missing"
  exit 0
fi
echo "deps: missing: $missing${missing:+${good_to_have:+, }}$good_to_have"

# What is only good to have is no reason to fail.
if [ -n "$packages" ]; then
  # Package names contain neither blanks nor wildcards: the lists are split on purpose.
  # shellcheck disable=SC2086
  install $packages
fi
if [ -n "$extras" ] && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1; }; then
  # shellcheck disable=SC2086
  install $extras || for package in $extras; do install "$package" || true; done
fi
look "$manager"

if [ -n "$good_to_have" ]; then
  echo "deps: goes without: $good_to_have (tests that need it are skipped)"
fi
if [ -n "$missing" ]; then
  echo "deps: still missing: $missing" >&2
  if [ -z "$manager" ]; then
    echo "deps: no apt, dnf, brew or apk here: install these by hand, then run this again" >&2
  fi
  exit 1
fi
echo "deps: complete"
