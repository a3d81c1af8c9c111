# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What the monitor adds to the creation of a container.

From the spawn of the monitor to the pid on the sync pipe, less the time of the bare runtime's own
`create`. The runs take turns, and the difference is taken within a turn before the median."""

import os
import shutil
import subprocess
import time

from kit import BenchError, median, turns
from report import Row


def bare_create(bench, runtime):
    """The seconds of `create` without a monitor."""
    folder = os.path.join(bench.work, "bare")
    name = f"bench-bare-{os.getpid()}"
    runtime.write_bundle(folder, ["sleep", "1000000"], False)
    command = [runtime.path, f"--root={runtime.state}", "create", "--bundle", folder,
               "--pid-file", os.path.join(folder, "pid"), name]
    begin = time.perf_counter()
    # Not to a pipe: the container keeps it open.
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False)
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        raise BenchError(f"{runtime.name} create: exit status {done.returncode}")
    runtime.call("delete", "--force", name)
    shutil.rmtree(folder)
    return seconds


def monitored_create(bench, monitor, runtime):
    container = bench.container(monitor, ["sleep", "1000000"], runtime)
    try:
        return container.create()
    finally:
        container.finish()


class Bare:
    label = "bare"


def measure(bench, runtime, count):
    """({monitor: what it adds}, the bare runtime's time), in ms."""
    seconds = {Bare.label: []} | {monitor.label: [] for monitor in bench.monitors}
    for _, program in turns([Bare, *bench.monitors], count):
        if program is Bare:
            seconds[Bare.label].append(bare_create(bench, runtime))
        else:
            seconds[program.label].append(monitored_create(bench, program, runtime))
    bare = seconds.pop(Bare.label)
    added = {label: median([with_it - without for with_it, without in zip(values, bare)])
             for label, values in seconds.items()}
    return {label: 1000 * value for label, value in added.items()}, 1000 * median(bare)


def run(bench):
    count = 10 if bench.quick else 40
    rows = []
    for runtime in filter(None, (bench.real, bench.fake)):
        added, bare = measure(bench, runtime, count)
        rows.append(Row(f"create: added to {runtime.name}'s {bare:.1f} ms", "ms", added, 2))
    return rows
