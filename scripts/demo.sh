#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs what is missing, builds the release and runs `finale demo` with the arguments given.
set -eu
cd "$(dirname "$0")/.."

scripts/deps.sh build
cmake --preset release
cmake --build --preset release --target finale_command
exec build/release/finale demo "$@"
