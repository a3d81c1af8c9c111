#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
#
# One fuzz target for a short time: smoke.sh PROGRAM TARGET CORPORA DICTIONARY. The input of a fault
# is left beside the program. libFuzzer's own exit statuses are not handed on: one of them is meson's
# for a skip.

set -u
program=$1
target=$2
corpora=$3
dictionary=$4
UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
G_DEBUG=fatal-warnings
export UBSAN_OPTIONS G_DEBUG
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/corpus" "$work/tmp" || exit 1
TMPDIR=$work/tmp
export TMPDIR
"$program" --target="$target" -max_total_time="${HF_FUZZ_SECONDS:-30}" -timeout=25 \
  -rss_limit_mb=2048 -max_len=4096 -dict="$dictionary" -print_final_stats=1 \
  -artifact_prefix="$(dirname "$program")/$target-" "$work/corpus" "$corpora/$target" || exit 1
