# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Many attach clients: those that come and go, a hundred that read, one that never does.

conmon keeps a descriptor for each client of a quiet container, so it gets only as many as it has
descriptors for, and the figures are per thousand clients. It gets no client that never reads: it
would stand still for as long as that client stays."""

import os
import select
import socket
import time

from kit import LIMIT_SECONDS, BenchError, median
from report import Row
from throughput import let_go, make_fifo

LINE_LENGTH = 100
READERS = 100
PEER_CYCLES = 400
SETTLE_SECONDS = 1


def attach(container):
    """A client, also while as many as may wait for the monitor do."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        try:
            return container.attach()
        except BlockingIOError:
            time.sleep(0.001)
    raise BenchError(f"{container.monitor.label} accepts no client")


def footprint(container):
    return (len(os.listdir(f"/proc/{container.monitor_pid}/fd")),
            container.memory()["Private_Dirty"])


def come_and_go(bench, monitor, count):
    """Descriptors and KiB that the monitor has more for each thousand clients that left."""
    container = bench.container(monitor, ["sleep", "1000000"])
    try:
        container.create()
        container.start()
        attach(container).close()
        time.sleep(SETTLE_SECONDS)
        before = footprint(container)
        for _ in range(count):
            attach(container).close()
        time.sleep(SETTLE_SECONDS)
        after = footprint(container)
    finally:
        container.finish()
    return [1000 * (a - b) / count for a, b in zip(after, before)]


def read_to_the_ends(clients):
    """Counts what each client gets, without copying it here."""
    counts = {client.fileno(): 0 for client in clients}
    packets = {client.fileno(): client for client in clients}
    buffer = bytearray(1)
    with select.epoll() as poll:
        for client in clients:
            client.setblocking(False)
            poll.register(client, select.EPOLLIN)
        while packets:
            for fd, _ in poll.poll(LIMIT_SECONDS):
                length = packets[fd].recv_into(buffer, 1, socket.MSG_TRUNC)
                counts[fd] += max(0, length - 1)
                if length == 0:
                    poll.unregister(fd)
                    del packets[fd]
    return list(counts.values())


def produce(bench, monitor, total, clients, action):
    """The seconds that a container needs to write @total bytes while @action deals with clients."""
    fifo = make_fifo(bench)
    runtime = bench.runtime
    command = [runtime.inner(bench.producer), str(LINE_LENGTH), str(total // LINE_LENGTH),
               runtime.inner(fifo)]
    container = bench.container(monitor, command)
    watch = container.exit_watch()
    connections = []
    try:
        container.create()
        connections = [attach(container) for _ in range(clients)]
        container.start()
        begin = let_go(fifo)
        action(connections)
        watch.wait_for(container.id)
        return time.perf_counter() - begin
    finally:
        for connection in connections:
            connection.close()
        watch.close()
        container.finish()


def speed(bench, monitor, total, clients, count):
    """MB/s of the container's output, with all of it at each client."""
    expected = total // LINE_LENGTH * LINE_LENGTH

    def read(connections):
        got = read_to_the_ends(connections)
        if got != [expected] * clients:
            raise BenchError(f"{monitor.label}: of {expected} bytes clients got {sorted(set(got))}")

    seconds = [produce(bench, monitor, total, clients, read) for _ in range(count)]
    return total / 1e6 / median(seconds)


def rows_of_cycles(bench):
    count = 500 if bench.quick else 10000
    own, *peers = bench.monitors
    results = {own.label: come_and_go(bench, own, count)}
    results.update({p.label: come_and_go(bench, p, min(count, PEER_CYCLES)) for p in peers})
    return [
        Row("attach: descriptors kept of 1000 clients that left", "",
            {k: v[0] for k, v in results.items()}),
        Row("attach: memory kept of 1000 clients that left", "KiB",
            {k: v[1] for k, v in results.items()}),
    ]


def rows_of_readers(bench):
    total = (8 if bench.quick else 64) << 20
    count = 1 if bench.quick else 3
    rows = []
    for clients in (1, READERS):
        values = {m.label: speed(bench, m, total, clients, count) for m in bench.monitors}
        rows.append(Row(f"attach: output with clients that read: {clients}", "MB/s", values, 0))
    return rows


def rows_of_silence(bench):
    total = (8 if bench.quick else 64) << 20
    own = bench.monitors[0]

    def nothing(_):
        pass

    return [
        Row("attach: wall time without a client", "s",
            {own.label: produce(bench, own, total, 0, nothing)}, 2),
        Row("attach: wall time with a client that never reads", "s",
            {own.label: produce(bench, own, total, 1, nothing)}, 2),
    ]


def run(bench):
    return rows_of_cycles(bench) + rows_of_readers(bench) + rows_of_silence(bench)
