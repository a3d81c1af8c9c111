#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
#
# Builds the tree and runs its tests: lint, unit, integration, engines, those that want a virtual
# machine; then unit and integration with AddressSanitizer and UBSan, unit under valgrind, and each
# fuzz target for half a minute. The last line it prints is `N passed, N failed, N skipped`; the
# exit status is 0 only if nothing failed.
#
#   sh tools/check.sh [--quick] [--no-install] [--jobs N]
#
#   --quick       lint and unit only, no sanitizer, no valgrind, no fuzzing
#   --no-install  install nothing; what is missing may make tests skip
#   --jobs N      default: the number of processors
#
# With CI=true warnings are errors, and so is a skip that this machine does not excuse.
# Logs: build-check/meson-logs/, build-check-asan/meson-logs/ and check.log in both.

set -u
cd "$(dirname "$0")/.." || exit 1

plain=build-check
asan=build-check-asan
fuzz=build-check-fuzz
quick=no
install=yes
targets=all
jobs=$(nproc 2>/dev/null || echo 2)
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=yes ;;
    --no-install) install=no ;;
    --jobs) jobs=${2:?}; shift ;;
    *) sed -n '/^#   sh/,/^#   --jobs/s/^# \{0,3\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done
werror=false
strict=
if [ "${CI-}" = true ]; then
  werror=true
  strict=--strict
fi

say() {
  printf '\n== %s\n' "$*"
}

# The arguments of test-summary.py, one a line: what was run so far.
results=$(mktemp) || exit 1
trap 'rm -f "$results"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

finish() {
  set --
  while read -r line; do
    set -- "$@" "$line"
  done <"$results"
  python3 tools/test-summary.py $strict "$@"
  exit
}

install_missing() {
  [ "$install" = yes ] || return 0
  groups=build
  [ "$quick" = yes ] || groups='build test'
  # What the build cannot do without, meson says; tests say it when they skip.
  # shellcheck disable=SC2086 # a list of words
  sh tools/install-deps.sh $groups </dev/null || echo "Going on without it."
}

# build FOLDER OPTION...: configures the folder, again if the options changed, and builds $targets.
build() {
  folder=$1
  shift
  say "build $folder ($*)"
  mkdir -p "$folder"
  # shellcheck disable=SC2086 # a list of words
  if [ -f "$folder/build.ninja" ]; then
    meson configure "$folder" "$@"
  else
    meson setup "$folder" "$@"
  fi >"$folder/check.log" 2>&1 &&
    ninja -C "$folder" -j "$jobs" $targets >>"$folder/check.log" 2>&1 && return 0
  tail -n 60 "$folder/check.log"
  printf -- '--failure=build %s=see %s/check.log\n' "$folder" "$folder" >>"$results"
  return 1
}

# suite LABEL FOLDER SUITE OPTION...: runs one suite and notes where its results are.
suite() {
  label=$1
  folder=$2
  name=$3
  shift 3
  say "$label"
  if ! meson test -C "$folder" --no-rebuild --list --suite "$name" 2>/dev/null |
    grep -q -v '^No '; then
    echo "There are no tests in this suite."
    return 0
  fi
  base=$(echo "$label" | tr -cs 'a-z\n' '-')
  log=$folder/meson-logs/$base
  rm -f "$log"*.json
  meson test -C "$folder" --no-rebuild --suite "$name" --logbase "$base" \
    --num-processes "$jobs" --print-errorlogs "$@" </dev/null
  # meson adds the name of a wrapper.
  [ -e "$log-valgrind.json" ] && log=$log-valgrind
  echo "--suite=$label=$log.json" >>"$results"
}

# The monitor's stderr is /dev/null once it runs on its own: reports go to files. With gcc's shared
# libraries two runtimes stand side by side, and part of a report still goes to stderr.
sanitized_suites() {
  link=
  case $(gcc -print-file-name=libasan.a):$(gcc -print-file-name=libubsan.a) in
    */*:*/*) link='-static-libasan -static-libubsan' ;;
  esac
  # No werror: gcc warns wrongly of code that it has instrumented.
  build $asan -Dsandbox_probe=true -Dmonitor_static=disabled -Db_sanitize=address,undefined \
    -Db_lundef=false -Dc_link_args="$link" ||
    return 1
  rm -rf $asan/reports
  mkdir $asan/reports
  report=$PWD/$asan/reports/report
  ASAN_OPTIONS="log_path=$report:detect_leaks=1:strict_string_checks=1"
  ASAN_OPTIONS="$ASAN_OPTIONS:detect_stack_use_after_return=1"
  UBSAN_OPTIONS="log_path=$report:halt_on_error=1:print_stacktrace=1"
  export ASAN_OPTIONS UBSAN_OPTIONS
  suite 'unit, sanitizers' $asan unit -t 3
  suite 'integration, sanitizers' $asan integration -t 3
  unset ASAN_OPTIONS UBSAN_OPTIONS
  echo "--reports=sanitizer reports=$report*" >>"$results"
}

# Half a minute for each target, where clang brings libFuzzer; elsewhere the corpora that `unit` ran
# are all.
fuzz_suite() {
  clang=$(sh tools/fuzz.sh --print-clang)
  if [ -z "$clang" ]; then
    say "fuzz-smoke: left out, there is no clang with libFuzzer"
    return 0
  fi
  CC=$clang
  export CC
  targets='tests/fuzz/holdfast-fuzz tests/fuzz/corpora'
  build $fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
    -Dmonitor_static=disabled -Dintrospection=disabled
  is_built=$?
  unset CC
  [ $is_built -eq 0 ] && suite 'fuzz-smoke' $fuzz fuzz-smoke
}

valgrind_suite() {
  if ! valgrind --quiet true >/dev/null 2>&1; then
    say "unit under valgrind: left out, valgrind does not work here"
    return 0
  fi
  wrapper='valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite'
  wrapper="$wrapper --errors-for-leak-kinds=definite"
  suppressions=$(pkg-config --variable=prefix glib-2.0)/share/glib-2.0/valgrind/glib.supp
  [ -r "$suppressions" ] && wrapper="$wrapper --suppressions=$suppressions"
  suite 'unit, valgrind' $plain unit -t 10 --wrapper "$wrapper"
}

install_missing
build $plain -Dwerror=$werror -Dsandbox_probe=true || finish
suite lint $plain lint
suite unit $plain unit
[ $quick = yes ] && finish
suite integration $plain integration
suite engines $plain engines
suite vm $plain vm
sanitized_suites
valgrind_suite
fuzz_suite
finish
