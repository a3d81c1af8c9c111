# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""From the SIGKILL of a container's process to the exit file in its place."""

import os
import signal
import time

from kit import median, percentile, turns
from report import Row


def measure(bench, monitor):
    container = bench.container(monitor, ["sleep", "1000000"])
    watch = container.exit_watch()
    try:
        container.create()
        container.start()
        begin = time.perf_counter()
        os.kill(container.pid, signal.SIGKILL)
        watch.wait_for(container.id)
        return 1000 * (time.perf_counter() - begin)
    finally:
        watch.close()
        container.finish()


def run(bench):
    results = {monitor.label: [] for monitor in bench.monitors}
    for _, monitor in turns(bench.monitors, 10 if bench.quick else 40):
        results[monitor.label].append(measure(bench, monitor))
    return [
        Row("exit: kill to exit file, median", "ms", {k: median(v) for k, v in results.items()}, 2),
        Row("exit: kill to exit file, p90", "ms",
            {k: percentile(v, 90) for k, v in results.items()}, 2),
    ]
