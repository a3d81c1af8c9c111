#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Runs the cases of one file against Podman and prints TAP.

    run-podman-cases.py BUILD_DIR TEST_FILE [WORD]

WORD picks the cases that have it in their names. $HOLDFAST_MONITOR names another monitor than that
of BUILD_DIR; with conmon the cases that conmon is known to fail are skipped, unless
$HOLDFAST_TEST_ALL is set.
"""

import importlib.util
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True

import podman_kit  # noqa: E402
import harness  # noqa: E402

CASE_SECONDS = 300


def load(path):
    name = os.path.basename(path)[: -len(".py")]
    spec = importlib.util.spec_from_file_location(name, path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def is_conmon(monitor):
    version = subprocess.run([monitor, "--version"], capture_output=True, text=True, check=False)
    return "holdfast" not in version.stdout.lower()


def only_asserting(function):
    """A case that stumbles over an answer of Podman has failed like one that compared it."""

    def guarded(box):
        try:
            function(box)
        except (AssertionError, OSError, harness.Skip):
            raise
        except Exception as error:
            raise AssertionError(repr(error)).with_traceback(error.__traceback__) from None

    return guarded


def run_one(monitor, function):
    """Words after the TAP line, and the faults."""
    box = podman_kit.PodmanBox(monitor)
    try:
        return "", harness.run_case(only_asserting(function), box, CASE_SECONDS)
    except harness.Skip as reason:
        return f" # SKIP {reason}", []


def is_taken(monitor):
    box = podman_kit.PodmanBox(monitor)
    try:
        return box.uses_the_monitor()
    finally:
        box.close()


def run_all(chosen, monitor):
    skips_known = is_conmon(monitor) and not os.environ.get("HOLDFAST_TEST_ALL")
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, (name, function, conmon) in enumerate(chosen, 1):
        if conmon and skips_known:
            words, faults = f" # SKIP conmon: {conmon}", []
        else:
            words, faults = run_one(monitor, function)
        print(f"{'not ok' if faults else 'ok'} {number} - {name}{words}", flush=True)
        for line in "\n".join(faults).splitlines():
            print(f"# {line}", flush=True)
        failed += bool(faults)
    return failed


def main():
    build_dir, path = sys.argv[1:3]
    word = sys.argv[3] if len(sys.argv) > 3 else ""
    monitor = os.environ.get("HOLDFAST_MONITOR") or f"{build_dir}/src/monitor/holdfast-monitor"
    reason = podman_kit.why_not()
    if not reason and not os.path.exists(monitor):
        reason = f"there is no {monitor}"
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    # Meson's way to end a test that takes too long: the box is closed on the way out.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    load(path)
    chosen = [entry for entry in harness.cases if word in entry[0]]
    monitor = os.path.realpath(monitor)
    if not is_taken(monitor):
        print(f"Bail out! podman does not take {monitor} for a conmon")
        return 1
    return 1 if run_all(chosen, monitor) else 0


if __name__ == "__main__":
    sys.exit(main())
