#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
#
# Fuzzes the parsers with libFuzzer (clang), AddressSanitizer and UBSan.
#
#   sh tools/fuzz.sh [--jobs N] [TARGET [SECONDS]]
#
# Without a target all of them take turns. SECONDS is for each of them: 60 by default, 0 is without
# an end. What is found worth keeping stays in build-fuzz/found/TARGET/ and is begun with the next
# time; the input of a fault is build-fuzz/fault-TARGET-*. To run one again:
#
#   build-fuzz/tests/fuzz/holdfast-fuzz --target=TARGET FILE
#
# The targets are listed in tests/fuzz/meson.build. Exit status: 0 if no fault was found.

set -u
cd "$(dirname "$0")/.." || exit 1

folder=build-fuzz
jobs=1

# A clang that has libFuzzer and AddressSanitizer.
find_clang() {
  for name in clang clang-20 clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do
    echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
      "$name" -x c -fsanitize=fuzzer,address -o /dev/null - 2>/dev/null && echo "$name" && return 0
  done
  return 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --jobs) jobs=${2:?}; shift ;;
    --print-clang) find_clang; exit ;;
    -*) sed -n '/^#   sh/s/^# \{0,3\}//p' "$0" >&2; exit 2 ;;
    *) break ;;
  esac
  shift
done

clang=$(find_clang) || {
  echo "fuzz: there is no clang with libFuzzer (sh tools/install-deps.sh test)" >&2
  exit 1
}

mkdir -p "$folder"
if [ ! -f "$folder/build.ninja" ]; then
  CC=$clang meson setup "$folder" -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
    -Dmonitor_static=disabled -Dintrospection=disabled -Dman=false >"$folder/fuzz.log" || {
    tail -n 20 "$folder/fuzz.log" >&2
    exit 1
  }
fi
ninja -C "$folder" tests/fuzz/holdfast-fuzz tests/fuzz/corpora >"$folder/fuzz.log" || {
  tail -n 60 "$folder/fuzz.log" >&2
  exit 1
}

# What a target that ends in a fault leaves behind.
TMPDIR=$(mktemp -d) || exit 1
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM
UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
G_DEBUG=fatal-warnings
export TMPDIR UBSAN_OPTIONS G_DEBUG
status=0
for target in ${1:-$(ls "$folder/tests/fuzz/corpora")}; do
  echo "== $target"
  found=$folder/found/$target
  mkdir -p "$found"
  "$folder/tests/fuzz/holdfast-fuzz" --target="$target" -max_total_time="${2:-60}" -timeout=25 \
    -rss_limit_mb=2048 -max_len=16384 -dict=tests/fuzz/holdfast.dict -fork="$jobs" \
    -artifact_prefix="$folder/fault-$target-" "$found" \
    "$folder/tests/fuzz/corpora/$target" || status=1
done
exit $status
