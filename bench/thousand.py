# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""A thousand idle containers on this machine, each with its monitor, made by the command: what all of
the monitors cost, and how long it takes another program to load and list them.

They are removed by the command too, so each is started, loaded and deleted once."""

import concurrent.futures
import json
import os
import subprocess
import sys
import time

from kit import BenchError, median
from load_all import LIST_BOUND_MS, LOAD_BOUND_MS, find_program, measure_library, warn
from report import Row

COUNT = 1000
QUICK_COUNT = 50
SLEEP = ["sleep", "1000000"]
DELETED_AT_ONCE = 50


class Containers:
    def __init__(self, bench, count):
        own = bench.monitors[0].path
        self.runtime = bench.runtime
        self.program = find_program(bench, "../cli/holdfast")
        self.environment = dict(os.environ, HOLDFAST_MONITOR=own,
                                HOLDFAST_SHIM=find_program(bench, "../shim/holdfast-shim"))
        self.root = os.path.join(bench.run_work, "thousand")
        self.bundle = os.path.join(bench.work, "thousand-bundle")
        self.names = [f"idle-{number:04}" for number in range(count)]
        bench.runtime.write_bundle(self.bundle, SLEEP, False)

    def call(self, *arguments):
        done = subprocess.run([self.program, f"--root={self.root}", *arguments], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.environment, check=False)
        if done.returncode != 0:
            raise BenchError(f"holdfast {' '.join(arguments[:3])}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def start(self, name):
        self.call("run", "--detach", f"--runtime={self.runtime.path}",
                  f"--runtime-arg=--root={self.runtime.state}", f"--bundle={self.bundle}", name)

    def start_all(self):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self.start, self.names))

    def delete_all(self):
        names = self.call("list", "--quiet").split()
        for begin in range(0, len(names), DELETED_AT_ONCE):
            self.call("delete", "--force", *names[begin:begin + DELETED_AT_ONCE])

    def list_ms(self):
        begin = time.perf_counter()
        text = self.call("list")
        milliseconds = 1000 * (time.perf_counter() - begin)
        if text.count(" running ") != len(self.names):
            raise BenchError(f"{text.count(' running ')} of {len(self.names)} run")
        return milliseconds

    def monitor_pids(self):
        return [entry["monitorPid"] for entry in json.loads(self.call("--format=json", "list"))]


def memory_of(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        fields = {line.split()[0]: int(line.split()[1]) for line in file.readlines()[1:]}
    return fields["Private_Dirty:"], fields["Pss:"]


def measure(bench, containers):
    count = 3 if bench.quick else 11
    own = bench.monitors[0].label
    much = f"{len(containers.names)} idle containers"
    memory = [memory_of(pid) for pid in containers.monitor_pids()]
    load, _ = measure_library(find_program(bench, "../../bench/micro/bench-load-all"),
                              containers.root, count)
    listed = median([containers.list_ms() for _ in range(count + 1)][1:])
    warn(f"loading {much}", load, LOAD_BOUND_MS)
    warn(f"holdfast list of {much}", listed, LIST_BOUND_MS)
    return [
        Row(f"{much}: private dirty memory of all monitors", "MiB",
            {own: sum(dirty for dirty, _ in memory) / 1024}, 1),
        Row(f"{much}: proportional set size of all monitors", "MiB",
            {own: sum(pss for _, pss in memory) / 1024}, 1),
        Row(f"{much}: loaded by the library, median", "ms", {own: load}, 1),
        Row(f"{much}: holdfast list, median", "ms", {own: listed}, 1),
    ]


def run(bench):
    containers = Containers(bench, QUICK_COUNT if bench.quick else COUNT)
    try:
        containers.start_all()
        return measure(bench, containers)
    finally:
        try:
            containers.delete_all()
        except BenchError as error:
            print(f"clean-up of the idle containers: {error}", file=sys.stderr)
