# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What a container uses, read from cgroupfs and asked of `runc events --stats`.

The reading is that of src/cgroup with the cgroups known, as a program has them that shows the
figures again and again; finding them from a pid is measured apart, with the start of a program. It
is to take a twentieth of runc's time at most."""

import os
import subprocess
import sys
import time

from kit import BenchError, median, turns
from report import Row
from throughput import REFERENCE

BOUND = 1 / 20
PROGRAM = "../../tests/programs/cgroup-stats"


def find_program(bench):
    path = os.environ.get("CGROUP_STATS") or os.path.normpath(
        os.path.join(os.path.dirname(bench.monitors[0].path), PROGRAM))
    if not os.access(path, os.X_OK):
        raise BenchError(f"there is no {path}")
    return path


def timed(command):
    begin = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return 1000 * (time.perf_counter() - begin)


def read_often(program, pid, count):
    done = subprocess.run([program, "time", str(pid), str(count)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=True)
    return [int(line) / 1e6 for line in done.stdout.split()]


def measure(bench, program, container, count):
    """Milliseconds: one reading, one by a program of its own, one by runc."""
    runc = [bench.real.path, f"--root={bench.real.state}", "events", "--stats", container.id]
    once = [program, "stats", str(container.pid)]
    readings, programs, runcs = [], [], []
    for _, kind in turns(["reading", "program", "runc"], count):
        if kind == "reading":
            readings += read_often(program, container.pid, 20)
        elif kind == "program":
            programs.append(timed(once))
        else:
            runcs.append(timed(runc))
    return median(readings), median(programs), median(runcs)


def run(bench):
    if bench.real is None or bench.real.name != "runc":
        print("stats: not measured, it takes a runc that works here", file=sys.stderr)
        return []
    program = find_program(bench)
    own = bench.monitors[0].label
    container = bench.container(bench.monitors[0], ["sleep", "1000000"], runtime=bench.real)
    try:
        container.create()
        container.start()
        reading, spawned, runc = measure(bench, program, container, 10 if bench.quick else 50)
    finally:
        container.finish()
    if reading > runc * BOUND:
        print(f"stats: a reading takes {reading:.3f} ms, more than a twentieth of runc's "
              f"{runc:.3f} ms", file=sys.stderr)
    other = f"{REFERENCE}: runc events --stats"
    return [
        Row(f"stats: one reading ({other}), median", "ms", {own: reading, REFERENCE: runc}, 3),
        Row(f"stats: a program for one reading ({other}), median", "ms",
            {own: spawned, REFERENCE: runc}, 3),
    ]
