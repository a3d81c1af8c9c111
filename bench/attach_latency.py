# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""One byte through the attach socket, `cat` in the container, and back; then attach_load.py."""

import time

import attach_load
from kit import BenchError, median, percentile, turns
from report import Row

PACKET_MAX = 8193
STDOUT_BYTE = b"\x02x"
WARM_UP = 50


def round_trips(client, count):
    seconds = []
    for _ in range(count):
        begin = time.perf_counter()
        client.send(b"x")
        packet = client.recv(PACKET_MAX)
        seconds.append(time.perf_counter() - begin)
        if packet != STDOUT_BYTE:
            raise BenchError(f"{packet!r} came back")
    return seconds


def measure(bench, monitor, count):
    container = bench.container(monitor, ["cat"], stdin=True)
    try:
        container.create()
        container.start()
        with container.attach() as client:
            round_trips(client, WARM_UP)
            return round_trips(client, count)
    finally:
        container.finish()


def run(bench):
    results = {monitor.label: [] for monitor in bench.monitors}
    for _, monitor in turns(bench.monitors, 3 if bench.quick else 6):
        results[monitor.label] += measure(bench, monitor, 500 if bench.quick else 2000)
    return [
        Row("attach: round trip of a byte, median", "us",
            {k: 1e6 * median(v) for k, v in results.items()}),
        Row("attach: round trip of a byte, p99", "us",
            {k: 1e6 * percentile(v, 99) for k, v in results.items()}),
        *attach_load.run(bench),
    ]
