#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Runs the cases of one file and prints TAP.

    run-cases.py BUILD_DIR TEST_FILE [WORD]

WORD picks the cases that have it in their names. $HOLDFAST_MONITOR and $FAKE_RUNTIME name other
programs than those of BUILD_DIR; with conmon in place of the monitor the cases that conmon is known
to fail are skipped, unless $HOLDFAST_TEST_ALL is set.
"""

import importlib.util
import os
import signal
import sys

sys.dont_write_bytecode = True

import harness  # noqa: E402
import processes  # noqa: E402
from processes import run_plain  # noqa: E402

CASE_SECONDS = 170


def load(path):
    name = os.path.basename(path)[: -len(".py")]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def programs(build_dir):
    monitor = os.environ.get("HOLDFAST_MONITOR") or f"{build_dir}/src/monitor/holdfast-monitor"
    runtime = os.environ.get("FAKE_RUNTIME") or f"{build_dir}/tests/programs/fake-runtime"
    return os.path.realpath(monitor), os.path.realpath(runtime)


def is_conmon(monitor):
    _, out, _ = run_plain(monitor, "--help")
    return "--attach-timeout" not in out


def report(number, name, faults):
    print(f"{'not ok' if faults else 'ok'} {number} - {name}", flush=True)
    for fault in faults:
        for line in fault.splitlines():
            print(f"# {line}", flush=True)


def run_all(chosen, monitor, runtime):
    conmon_runs = is_conmon(monitor)
    skips_known = conmon_runs and not os.environ.get("HOLDFAST_TEST_ALL")
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, (name, function, conmon) in enumerate(chosen, 1):
        if conmon and skips_known:
            print(f"ok {number} - {name} # SKIP conmon: {conmon}", flush=True)
            continue
        try:
            box = harness.Box(monitor, runtime, conmon_runs)
            faults = harness.run_case(function, box, CASE_SECONDS)
        except harness.Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
            continue
        report(number, name, faults)
        failed += bool(faults)
    return failed


def keep_descriptors_to_ourselves():
    """What this program was started with is not for the monitors."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and os.path.exists(f"/proc/self/fd/{name}"):
            os.set_inheritable(int(name), False)


def main():
    build_dir, path = sys.argv[1:3]
    word = sys.argv[3] if len(sys.argv) > 3 else ""
    monitor, runtime = programs(build_dir)
    if not os.path.exists(monitor):
        print(f"1..0 # SKIP there is no {monitor}")
        return 0
    keep_descriptors_to_ourselves()
    # So that a run that is cut short ends what it started.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(f"Bail out! signal {number}"))
    processes.become_subreaper()
    load(path)
    chosen = [entry for entry in harness.cases if word in entry[0]]
    return 1 if run_all(chosen, monitor, runtime) else 0


if __name__ == "__main__":
    sys.exit(main())
