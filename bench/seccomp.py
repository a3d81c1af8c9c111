# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""How many system calls holdfast-seccomp-agent answers in a second, and what the container's burst
leaves in it.

A shell in the container calls chdir(2) again and again, and its filter hands each call over. What
the start and the end of a container take is measured with a container that makes no call, and left
out. It is to be 10 000 calls a second at least, with no more memory and no more descriptors
afterwards."""

import json
import os
import sys
import time

from kit import BenchError, median
from report import Row

BOUND = 10000
AGENT = "holdfast-seccomp-agent"
POLICY = {"rules": [{"syscalls": ["*"], "action": "log"}]}


def find_agent(bench):
    path = os.environ.get("HOLDFAST_SECCOMP_AGENT") or os.path.normpath(
        os.path.join(os.path.dirname(bench.monitors[0].path), "../seccomp-agent", AGENT))
    if not os.access(path, os.X_OK):
        raise BenchError(f"there is no {path}")
    return path


def add_filter(path, listener):
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": listener,
        "syscalls": [{"names": ["chdir"], "action": "SCMP_ACT_NOTIFY"}],
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)


def agent_of(container):
    """Its pid: the monitor's child of that name."""
    with open(f"/proc/{container.monitor_pid}/task/{container.monitor_pid}/children",
              encoding="ascii") as file:
        for pid in file.read().split():
            with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
                if AGENT.startswith(comm.read().strip()):
                    return int(pid)
    raise BenchError("the monitor has no agent")


def used_by(pid):
    """(KiB of memory of its own, descriptors)."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    private = sum(int(row[1]) for row in rows if row[0].startswith("Private_"))
    return private, len(os.listdir(f"/proc/{pid}/fd"))


def burst(bench, calls):
    """(seconds from start to end, what the agent used before, and after)."""
    script = f"i=0; while test $i -lt {calls}; do cd /; i=$((i+1)); done; echo > /done; " \
             "while ! test -e /go; do sleep 0.01; done"
    listener = os.path.join(bench.run_work, "seccomp")
    policy = os.path.join(bench.work, "policy.json")
    done, go = (os.path.join(bench.rootfs, name) for name in ("done", "go"))
    with open(policy, "w", encoding="utf-8") as file:
        json.dump(POLICY, file)
    container = bench.container(
        bench.monitors[0], ["sh", "-c", script], runtime=bench.real,
        arguments=["--seccomp-notify-socket", listener, "--seccomp-policy", policy])
    add_filter(os.path.join(container.folder, "config.json"), listener)
    try:
        container.create()
        agent = agent_of(container)
        before = used_by(agent)
        begin = time.perf_counter()
        container.start()
        while not os.path.exists(done):
            time.sleep(0.001)
        seconds = time.perf_counter() - begin
        after = used_by(agent)
        with open(go, "wb"):
            pass
    finally:
        container.finish()
        for path in (done, go):
            if os.path.exists(path):
                os.unlink(path)
    return seconds, before, after


def run(bench):
    if bench.real is None:
        print("seccomp: not measured, it takes a runtime that works here", file=sys.stderr)
        return []
    own = bench.monitors[0].label
    calls = 20000 if bench.quick else 200000
    plain = os.environ.get("HOLDFAST_SECCOMP_AGENT")
    os.environ["HOLDFAST_SECCOMP_AGENT"] = find_agent(bench)
    try:
        count = 3 if bench.quick else 10
        without = median([burst(bench, 0)[0] for _ in range(count)])
        runs = [burst(bench, calls) for _ in range(count)]
    finally:
        if plain is None:
            del os.environ["HOLDFAST_SECCOMP_AGENT"]
    rate = calls / (median([seconds for seconds, _, _ in runs]) - without)
    grown = median([after[0] - before[0] for _, before, after in runs])
    files = max(after[1] - before[1] for _, before, after in runs)
    if rate < BOUND or files > 0:
        print(f"seccomp: {rate:.0f} calls a second, {files} more descriptors", file=sys.stderr)
    return [
        Row("seccomp: calls answered in a second, median", "1/s", {own: rate}, 0),
        Row(f"seccomp: what {calls} calls leave in the agent, median", "KiB", {own: grown}, 0),
    ]
