#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs what is missing, builds with sanitizers and runs every test. The last line of the output
# is "N passed, N failed, N skipped": test cases and checks. Exit status 0 if nothing failed.
#
# usage: scripts/test.sh [--preset NAME] [CTEST OPTION ...]
#   --preset NAME   another of the presets with tests (asan)
#   CTEST OPTION    for example: -R net
set -euo pipefail
cd "$(dirname "$0")/.."

preset=asan
if [ "${1-}" = --preset ]; then
  preset=${2:?--preset needs a name}
  shift 2
fi

give_up() {
  printf '\n  failed:  %s, see above\n0 passed, 1 failed, 0 skipped\n' "$1"
  exit 1
}

scripts/deps.sh test || give_up "scripts/deps.sh test"
cmake --preset "$preset" || give_up "cmake --preset $preset"
cmake --build --preset "$preset" || give_up "cmake --build --preset $preset"

results=$PWD/build/$preset/results
mkdir -p "$results"
rm -f "$results"/*.tap "$results"/junit.xml

# Sanitizers of older compilers cannot live with the 32 random address bits of newer systems.
fixed=()
bits=$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)
if [ "$bits" -gt 28 ] && setarch -R true 2>/dev/null; then fixed=(setarch -R); fi

status=0
${fixed[@]+"${fixed[@]}"} ctest --preset "$preset" --output-junit "$results/junit.xml" "$@" || status=$?

# What ctest calls a test is a program with many test cases (its TAP file counts them) or one check.
summary() {
  awk -v results="$results" -v status="$status" '
    function unescape(text) {
      gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text)
      gsub(/&apos;/, "\047", text); gsub(/&amp;/, "\\&", text)
      return text
    }
    function attribute(line, key) {
      if (!match(line, " " key "=\"[^\"]*\"")) return ""
      return unescape(substr(line, RSTART + length(key) + 3, RLENGTH - length(key) - 4))
    }
    function bad(what) {
      failed++
      sub(/ +\([0-9.]+s\)$/, "", what)
      failures = failures "  failed:  " what "\n"
    }
    function skip(what) {
      skipped++
      skips = skips "  skipped: " what "\n"
    }

    # Test cases of a Criterion program. What is wrong with the program as a whole counts as one.
    function count(name, outcome,    file, line, planned, seen, before, reason, title) {
      file = results "/" name ".tap"
      before = failed
      while ((getline line < file) > 0) {
        if (line ~ /^1\.\.[0-9]+/) planned = substr(line, 4) + 0
        else if (line ~ /^not ok /) { seen++; bad(substr(line, 10)) }
        else if (line ~ /^ok .*# SKIP/) {
          seen++
          reason = line
          sub(/^ok - /, "", reason); sub(/ +# SKIP/, ":", reason)
          skip(reason)
        } else if (line ~ /^ok /) {
          seen++
          title = line
          sub(/^ok - /, "", title); sub(/ +\([0-9.]+s\)$/, "", title)
          if (title in late) bad(title ": crashed after its end, see above (a leak?)")
          else passed++
        }
      }
      close(file)
      if (seen + 0 != planned + 0) bad(name ": " seen + 0 " of " planned + 0 " test cases reported")
      else if (outcome != "run" && failed == before) bad(name ": the program, see above")
      else if (!seen) bad(name ": no test cases")
    }
    function finish() {
      if (name == "") return
      if (name !~ /\//) count(name, outcome)
      else if (outcome == "run") passed++
      else if (outcome == "fail") bad(name)
      else skip(name ": " (reason == "" ? "not run" : reason))
      name = ""
    }

    /^[ \t]*<testcase / {
      finish()
      name = attribute($0, "name"); outcome = attribute($0, "status"); reason = ""
    }
    { sub(/^[ \t]*<system-out>/, "") }
    /Warning! The test `.*` crashed during its/ { split($0, part, "`"); late[part[2]] = 1 }
    /^SKIP: / { reason = unescape(substr($0, 7)); sub(/<\/system-out>.*/, "", reason) }
    /^([a-z]+ )?(model|mutation|simulation): / { # what these explored is worth a line
      sub(/<\/system-out>.*/, "")
      shown = shown "  " unescape($0) "\n"
    }
    END {
      finish()
      if (status != 0 && !failed) bad("ctest, see above")
      printf "\n%s%s%s", shown, skips, failures
      printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
      exit failed > 0
    }' "$results/junit.xml"
}

[ -s "$results/junit.xml" ] || give_up "ctest --preset $preset"
summary || status=1
exit "$status"
