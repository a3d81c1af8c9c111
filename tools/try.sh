#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
#
# Builds Holdfast, runs containers with the command holdfast and shows what is on disk and in memory
# meanwhile:
#
#   sh tools/try.sh
#
# RUNTIME=NAME tries another OCI runtime than runc or crun. Everything made is removed at the end,
# except the folder build.

set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
build=$PWD/build
holdfast=$build/src/cli/holdfast
work=
runtime=
candidate=
id=try-$$

# It counts, and ends with 7 when it is asked to.
# shellcheck disable=SC2016 # the container's shell expands it
counting='trap "echo going; exit 7" TERM; i=0
while :; do i=$((i + 1)); echo "count $i"; sleep 0.2; done'
# It repeats each line that it is given.
# shellcheck disable=SC2016 # the container's shell expands it
repeating='while read -r line; do echo "you typed: $line"; done; echo "input closed, going" >&2; exit 7'

say() {
  printf '%s\n' "$*"
}

fail() {
  printf '\ntry.sh: %s\n' "$*" >&2
  exit 1
}

clean_up() {
  [ -n "$work" ] || return
  if [ -n "$candidate" ]; then
    "$candidate" --root="$work/runtime-probe" delete --force "$id-probe" >/dev/null 2>&1
  fi
  if [ -d "$work/containers" ]; then
    for left in $("$holdfast" --root="$work/containers" list --quiet 2>/dev/null); do
      "$holdfast" --root="$work/containers" delete --force "$left" >/dev/null 2>&1
    done
  fi
  rm -rf "$work"
  work=
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM HUP

build_all() {
  sh tools/install-deps.sh build || fail "what the build needs is not there"
  say "Building in ./build (its log: build/try.log) ..."
  mkdir -p build
  {
    { [ -f build/build.ninja ] || meson setup build --buildtype=release -Dlibrary=enabled; } &&
      ninja -C build src/cli/holdfast src/shim/holdfast-shim src/monitor/holdfast-monitor \
        tests/programs/fake-runtime
  } >build/try.log 2>&1 || {
    tail -n 30 build/try.log
    fail "the build failed"
  }
  # What is installed finds these by itself.
  HOLDFAST_MONITOR=$build/src/monitor/holdfast-monitor
  HOLDFAST_SHIM=$build/src/shim/holdfast-shim
  export HOLDFAST_MONITOR HOLDFAST_SHIM
  # Pages of a file that is not yet on the disk would count as the process's own dirty memory.
  sync "$HOLDFAST_MONITOR"
}

# An OCI runtime is taken only after it has run a container: crun, for one, refuses a machine where
# cgroup v1 and v2 are mixed.
choose_runtime() {
  python3 tools/make_bundle.py "$work/probe" true || fail "cannot make a bundle"
  for name in ${RUNTIME:-runc crun}; do
    candidate=$(command -v "$name") || { say "  $name is not installed"; continue; }
    if "$candidate" --root="$work/runtime-probe" run --bundle "$work/probe" "$id-probe" \
      </dev/null >"$work/probe.log" 2>&1; then
      runtime=$candidate
      return 0
    fi
    say "  $name does not run a container here: $(tail -n 1 "$work/probe.log")"
  done
  [ -x build/tests/programs/fake-runtime ] || fail "no OCI runtime works on this machine"
  say "  So the container is a plain process, started by the tests' stand-in for a runtime:"
  say "  Holdfast does the same work, but nothing is isolated, and exec has no container to go to."
  runtime=$build/tests/programs/fake-runtime
}

is_real() {
  [ "$runtime" != "$build/tests/programs/fake-runtime" ]
}

# make_bundle NAME COMMAND
make_bundle() {
  python3 tools/make_bundle.py "$work/$1" sh -c "$2" || fail "cannot make a bundle"
  printf '%s\n' "$2" | sed 's/^/command /' >"$work/$1/fake-runtime.script"
}

# Shows a command and runs it, without the options that only keep this machine as it was. $status is
# its exit status.
holdfast() {
  printf '\n   $ holdfast'
  for word in "$@"; do
    case $word in
      *' '*) printf " '%s'" "$word" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
  command=$1
  shift
  case $command in
    run | create)
      set -- --runtime-arg="--root=$work/runtime" "$@"
      "$holdfast" --root="$work/containers" --runtime="$runtime" "$command" "$@"
      ;;
    *) "$holdfast" --root="$work/containers" "$command" "$@" ;;
  esac
  status=$?
}

expect() {
  [ "$status" = "$1" ] || fail "the exit status should be $1, and is $status"
}

# wait_for SECONDS COMMAND...
wait_for() {
  rounds=$(($1 * 20))
  shift
  until "$@"; do
    rounds=$((rounds - 1))
    [ "$rounds" -gt 0 ] || return 1
    sleep 0.05
  done
}

log_has() {
  grep -q "$1" "$work/containers/$id/init/ctr.log" 2>/dev/null
}

memory() {
  awk -v name="$1:" '$1 == name { print $2 " KiB" }' "/proc/$2/smaps_rollup" 2>/dev/null
}

# A program cannot look at another user's or a hardened process's memory without root.
show_memory() {
  monitor=$(cat "$work/containers/$id/init/monitor.pid")
  dirty=$(memory Private_Dirty "$monitor")
  if [ -n "$dirty" ]; then
    say "   Its monitor, process $monitor, has $dirty of private dirty memory, and with its share" \
      "of shared pages $(memory Pss "$monitor")."
  else
    say "   The memory of its monitor, process $monitor, cannot be read by this user."
  fi
}

sh tools/install-deps.sh try || say "Going on with what is here."
build_all
work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-try.XXXXXX") || fail "cannot make a folder"
choose_runtime
make_bundle counting "$counting"
make_bundle repeating "$repeating"
cd "$work" || exit 1
say ""
say "$("$holdfast" --version), $("$runtime" --version | head -n 1)"
[ "$(id -u)" -eq 0 ] ||
  say "Not root: the container has a user namespace and no cgroup of its own, so there are no stats."

say ""
say "1. A container in the foreground: a pipe in, its output and its status out."
printf 'good morning\n' >typed
holdfast run --rm --interactive --bundle repeating "$id" <typed
expect 7
say "   (exit status $status)"

say ""
say "2. One that is left to itself. Nobody holds it but its monitor; all else is on disk."
holdfast run --detach --label app=try --bundle counting "$id"
expect 0
wait_for 20 log_has 'count 3' || fail "its output did not reach the log"
holdfast list
show_memory
say "   On disk: $(cd "containers/$id/init" && echo *)"

say ""
say "3. What it printed so far, and another process in it."
holdfast logs --timestamps --tail 2 "$id"
if is_real; then
  # shellcheck disable=SC2016 # the container's shell expands it
  holdfast exec "$id" sh -c 'echo "I am in $(hostname)"; exit 3'
  expect 3
  say "   (exit status $status)"
fi
if is_real && [ "$(id -u)" -eq 0 ]; then
  holdfast stats --no-stream "$id"
fi

say ""
say "4. Its end."
holdfast kill "$id"
expect 0
holdfast wait "$id"
expect 7
holdfast logs --tail 1 "$id"
holdfast events "$id"
holdfast delete "$id"
expect 0

say ""
say "Done; containers and temporary files are removed."
