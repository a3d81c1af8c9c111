#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The tests that want cgroup v2 or CRIU, in one virtual machine; prints their TAP as one program's.

    run-vm-cases.py BUILD_DIR [WORD]      boots the machine, if it can
    run-vm-cases.py --inside BUILD_DIR [WORD]      what runs in there

WORD picks the programs that have it in their names, in the table below.
"""

import glob
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TESTS = os.path.dirname(HERE)
SOURCE = os.path.dirname(TESTS)

# A file of tests/integration and the word that picks its cases; those of the fake runtime, and of
# runc where it makes no difference, run elsewhere.
INTEGRATION = (
    ("oom", ""),
    ("adoption_oom", ""),
    ("cgroup_stats", ""),
    ("checkpoint", ""),
    ("command_checkpoint", ""),
    ("command_limits", ""),
    ("real_runtime", "crun: "),
)
# The processor is emulated there: fewer repetitions, more patience.
ENVIRONMENT = {"HOLDFAST_TEST_REPEATS": "20", "HOLDFAST_TEST_DEADLINE": "150"}
PROGRAM_SECONDS = 600
MACHINE_SECONDS = 1440

POINT = re.compile(r"(ok|not ok)\s+\d+\s*(?:- )?(.*)$")
PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?$", re.IGNORECASE)


class Tap:
    """The points of many programs under one numbering. The plan comes last."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def point(self, verdict, name):
        self.count += 1
        self.failed += verdict != "ok"
        print(f"{verdict} {self.count} - {name}", flush=True)

    def run(self, name, argv, env):
        """Runs one TAP program; what it owes and how it ended badly count as failures."""
        planned, points, failed = None, 0, self.failed
        start = time.monotonic()
        with subprocess.Popen(["timeout", str(PROGRAM_SECONDS), *argv], env={**os.environ, **env},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace") as program:
            for line in program.stdout:
                point, plan = POINT.match(line), PLAN.match(line)
                if point:
                    points += 1
                    self.point(point.group(1), f"{name}: {point.group(2)}")
                elif plan:
                    planned = int(plan.group(1))
                    if planned == 0:
                        self.point("ok", f"{name} # SKIP {plan.group(2) or 'no reason given'}")
                else:
                    print(line if line.startswith("#") else f"# {line}", end="", flush=True)
        print(f"# {name}: {time.monotonic() - start:.0f} s", flush=True)
        if planned is None or points < planned:
            self.point("not ok", f"{name}: {points} of {planned} results, "
                       f"exit status {program.returncode}")
        elif program.returncode != 0 and self.failed == failed:
            self.point("not ok", f"{name}: exit status {program.returncode}")


def programs(build_dir):
    """(name, argv, env) of each."""
    unit_env = {"G_DEBUG": "fatal-warnings", "G_TEST_SRCDIR": TESTS,
                "G_TEST_BUILDDIR": f"{build_dir}/tests"}
    for path in sorted(glob.glob(f"{build_dir}/tests/test-cgroup-*")):
        if os.path.isfile(path):
            name = os.path.basename(path).removeprefix("test-cgroup-")
            yield f"cgroup/{name}", [path], unit_env
    run_cases = [sys.executable, "-B", f"{TESTS}/lib/run-cases.py", build_dir]
    for name, word in INTEGRATION:
        path = f"{TESTS}/integration/test_{name}.py"
        if os.path.exists(path):
            yield f"integration/{name}", [*run_cases, path, word], ENVIRONMENT


def run_inside(build_dir, word):
    tap = Tap()
    for name, argv, env in programs(build_dir):
        if word in name:
            tap.run(name, argv, env)
    print(f"1..{tap.count}", flush=True)
    return 1 if tap.failed or tap.count == 0 else 0


def run_outside(build_dir, word):
    run_in_vm = f"{HERE}/run-in-vm"
    check = subprocess.run([run_in_vm, "--check"], stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, errors="replace", check=False)
    if check.returncode != 0:
        words = check.stderr.strip().splitlines()[-1:] or [f"status {check.returncode}"]
        print(f"1..0 # SKIP this machine cannot run a virtual one: {words[0]}")
        return 0
    # The distribution's Python, whatever is first in this PATH.
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    inside = [python, "-B", os.path.realpath(__file__), "--inside", build_dir, word]
    return subprocess.run([run_in_vm, "--share", SOURCE, "--share", build_dir, *inside],
                          env={"VM_TIMEOUT": str(MACHINE_SECONDS), **os.environ},
                          stdin=subprocess.DEVNULL, check=False).returncode


def main():
    arguments = sys.argv[1:]
    is_inside = arguments[:1] == ["--inside"]
    build_dir = os.path.realpath(arguments[is_inside])
    word = "".join(arguments[is_inside + 1:is_inside + 2])
    return run_inside(build_dir, word) if is_inside else run_outside(build_dir, word)


if __name__ == "__main__":
    sys.exit(main())
