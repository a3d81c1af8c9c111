#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
#
# Builds Holdfast, runs one container under its monitor and shows what the monitor does:
#
#   sh tools/try.sh
#
# HOLDFAST_MONITOR=PATH tries another monitor with the same command line instead of building one,
# RUNTIME=NAME another OCI runtime than runc or crun. Everything made is removed at the end, except
# the folder build.

set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
id=holdfast-try-$$
work=
runtime=
candidate=
monitor_pid=
keeper_pid=

# What runs in the container: it repeats each line it is given and ends with 7.
# shellcheck disable=SC2016 # the container's shell expands it
program='echo "hello from the container"; while read -r line; do echo "you typed: $line"; done'
program=$program'; echo "input closed, going" >&2; exit 7'

say() {
  printf '%s\n' "$*"
}

fail() {
  printf '\ntry.sh: %s\n' "$*" >&2
  exit 1
}

is_our_monitor() {
  [ -n "$monitor_pid" ] && grep -q -e "$id" "/proc/$monitor_pid/cmdline" 2>/dev/null
}

clean_up() {
  [ -n "$work" ] || return
  if [ -n "$candidate" ]; then
    "$candidate" --root="$work/probe-state" delete --force "$id-probe" >/dev/null 2>&1
  fi
  if [ -n "$runtime" ]; then
    "$runtime" --root="$work/state" delete --force "$id" >/dev/null 2>&1
  fi
  [ -n "$keeper_pid" ] && kill "$keeper_pid" 2>/dev/null
  is_our_monitor && kill "$monitor_pid" 2>/dev/null
  rm -rf "$work"
  work=
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM HUP

build_monitor() {
  sh tools/install-deps.sh build || fail "what the build needs is not there"
  say "Building in ./build (its log: build/try.log) ..."
  mkdir -p build
  {
    { [ -f build/build.ninja ] || meson setup build --buildtype=release; } &&
      ninja -C build src/monitor/holdfast-monitor tests/programs/fake-runtime
  } >build/try.log 2>&1 || {
    tail -n 30 build/try.log
    fail "the build failed"
  }
  monitor=$PWD/build/src/monitor/holdfast-monitor
  # Pages of a file that is not yet on the disk would count as the process's own dirty memory.
  sync "$monitor"
}

# An OCI runtime is taken only after it has run a container: crun, for one, refuses a machine where
# cgroup v1 and v2 are mixed.
choose_runtime() {
  python3 tools/make_bundle.py "$work/probe" true || fail "cannot make a bundle"
  for name in ${RUNTIME:-runc crun}; do
    candidate=$(command -v "$name") || { say "  $name is not installed"; continue; }
    if "$candidate" --root="$work/probe-state" run --bundle "$work/probe" "$id-probe" \
      </dev/null >"$work/probe.log" 2>&1; then
      runtime=$candidate
      return 0
    fi
    say "  $name does not run a container here: $(tail -n 1 "$work/probe.log")"
  done
  [ -x build/tests/programs/fake-runtime ] || fail "no OCI runtime works on this machine"
  say "  So the container is a plain process, started by the tests' stand-in for a runtime:"
  say "  the monitor does the same work, but nothing is isolated."
  runtime=$PWD/build/tests/programs/fake-runtime
}

make_bundle() {
  python3 tools/make_bundle.py "$work/bundle" sh -c "$program" || fail "cannot make a bundle"
  printf 'command %s\n' "$program" >"$work/bundle/fake-runtime.script"
}

# As an engine does it: the monitor gets a pipe on which it says the container's pid, goes on by
# itself and leaves its own pid in a file.
start_monitor() {
  mkdir "$work/exits" "$work/persist"
  mkfifo "$work/sync"
  timeout 60 head -n 1 "$work/sync" >"$work/reply" &
  keeper_pid=$!
  _OCI_SYNCPIPE=3 "$monitor" --api-version 1 --cid "$id" --cuuid "$id" --name try \
    --runtime "$runtime" --runtime-arg --root="$work/state" \
    --bundle "$work/bundle" --container-pidfile "$work/pid" --conmon-pidfile "$work/monitor.pid" \
    --exit-dir "$work/exits" --persist-dir "$work/persist" \
    --log-path "k8s-file:$work/log" --full-attach --stdin \
    3>"$work/sync" </dev/null >"$work/output" 2>&1 || fail "the monitor: $(cat "$work/output")"
  wait "$keeper_pid"
  keeper_pid=
  monitor_pid=$(cat "$work/monitor.pid" 2>/dev/null)
  container_pid=$(cat "$work/pid" 2>/dev/null)
  [ -n "$container_pid" ] || fail "no container: $(cat "$work/reply" "$work/output")"
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

memory() {
  awk -v name="$1:" '$1 == name { print $2 " KiB" }' "/proc/$monitor_pid/smaps_rollup"
}

log_has() {
  grep -q "$1" "$work/log" 2>/dev/null
}

show_log() {
  sed 's/^/     /' "$work/log"
}

# A program cannot look at another user's or a hardened process's memory without root.
show_memory() {
  if [ -r "/proc/$monitor_pid/smaps_rollup" ] && [ -n "$(memory Private_Dirty)" ]; then
    say "     its private dirty memory: $(memory Private_Dirty)," \
      "with its share of shared pages: $(memory Pss)"
  else
    say "     its memory cannot be read by this user"
  fi
}

sh tools/install-deps.sh try || say "Going on with what is here."
if [ -n "${HOLDFAST_MONITOR-}" ]; then
  monitor=$HOLDFAST_MONITOR
  [ -x "$monitor" ] || fail "no program $monitor"
else
  build_monitor
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-try.XXXXXX") || fail "cannot make a folder"
make_bundle
choose_runtime
[ "$(id -u)" -eq 0 ] ||
  say "Not root: the container has a user namespace and no cgroup of its own, so no OOM is watched."

say ""
say "1. A container starts under the monitor"
start_monitor
say "     $("$monitor" --version | tr '\n' ' '), $("$runtime" --version | head -n 1)"
say "     container pid $container_pid, monitor pid $monitor_pid"
"$runtime" --root="$work/state" start "$id" || fail "the runtime could not start the container"
wait_for 20 log_has hello || fail "the container's output did not reach the log"
show_memory

say "2. The log the monitor writes"
show_log

say "3. A line typed in through the attach socket"
python3 tools/attach_line.py "$work/bundle" "good morning" || fail "attach did not work"

say "4. The container has ended and the monitor says how"
wait_for 20 test -s "$work/exits/$id" || fail "there is no exit file"
status=$(cat "$work/exits/$id")
say "     $work/exits/$id: $status"
[ "$status" = 7 ] || fail "the exit status should be 7"
wait_for 20 sh -c "! kill -0 $monitor_pid 2>/dev/null" || fail "the monitor is still there"
say "     the log at the end:"
show_log
say ""
say "Done; container and temporary files are removed."
