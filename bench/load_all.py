# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""A thousand containers that somebody else started: loaded by the library, told their states, and
listed by the command.

Their directories are those of running containers. All of them name one sleeping process: what is
read of it, and how often, is the same, and there is room for it on every machine. The first of each
series is not counted: it fills the caches."""

import os
import subprocess
import sys
import time

from kit import BenchError, median
from report import Row

COUNT = 1000
LOAD_BOUND_MS = 100
LIST_BOUND_MS = 150
STATE = ('{"bundle":"/bundles/%(id)s","labels":["app=web","tier=front"],"stdin":"","stdout":"",'
         '"stderr":"","runtime":"/usr/bin/runc","runtimeArgs":null,"shim":"","noPivotRoot":false,'
         '"created":"2026-01-31T23:59:59.000042Z"}\n')
PROCESS = ('{"user":{"uid":0,"gid":0},"args":["sleep","1000000"],"env":["PATH=/usr/bin:/bin",'
           '"TERM=xterm"],"cwd":"/","capabilities":{"bounding":["CAP_KILL","CAP_CHOWN"]},'
           '"exec":false,"containerdStdin":"/dev/null","containerdStdout":"/dev/null",'
           '"containerdStderr":"/dev/null","runtimeArgs":null,"noPivotRoot":false,'
           '"checkpoint":"","rootUID":0,"rootGID":0,'
           '"monitorArgs":["--log-path=k8s-file:%(path)s/ctr.log"]}\n')


def find_program(bench, path):
    found = os.path.normpath(os.path.join(os.path.dirname(bench.monitors[0].path), path))
    if not os.access(found, os.X_OK):
        raise BenchError(f"there is no {found}")
    return found


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def start_time(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[19]


def make_containers(root, pid):
    os.mkdir(root, 0o700)
    ticks = start_time(pid)
    for number in range(COUNT):
        facts = {"id": f"container-{number:04}"}
        facts["path"] = os.path.join(root, facts["id"], "init")
        os.makedirs(facts["path"], 0o700)
        write(os.path.join(root, facts["id"], "state.json"), STATE % facts)
        write(os.path.join(facts["path"], "process.json"), PROCESS % facts)
        write(os.path.join(facts["path"], "pid"), str(pid))
        write(os.path.join(facts["path"], "starttime"), ticks)
        os.mkfifo(os.path.join(facts["path"], "exit"), 0o600)
        os.mkfifo(os.path.join(facts["path"], "control"), 0o600)


def measure_library(program, root, count):
    """Milliseconds: loading, and the states after it."""
    done = subprocess.run([program, root, str(count + 1)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()[1:]]
    return [median(int(line[column]) / 1e6 for line in lines) for column in (0, 1)]


def list_once(program, root):
    begin = time.perf_counter()
    done = subprocess.run([program, "--root", root, "list"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - begin
    running = sum(" running " in line for line in done.stdout.splitlines())
    if running != COUNT:
        raise BenchError(f"holdfast list shows {running} running containers, not {COUNT}")
    return 1000 * seconds


def warn(what, milliseconds, bound):
    if milliseconds > bound:
        print(f"load: {what} takes {milliseconds:.0f} ms, more than {bound} ms", file=sys.stderr)


def run(bench):
    own = bench.monitors[0].label
    library = find_program(bench, "../../bench/micro/bench-load-all")
    command = find_program(bench, "../cli/holdfast")
    count = 5 if bench.quick else 25
    root = os.path.join(bench.run_work, "load")
    with subprocess.Popen(["sleep", "1000000"], stdin=subprocess.DEVNULL) as sleeper:
        try:
            make_containers(root, sleeper.pid)
            load, states = measure_library(library, root, count)
            listed = median([list_once(command, root) for _ in range(count + 1)][1:])
        finally:
            sleeper.kill()
    warn("loading", load, LOAD_BOUND_MS)
    warn("holdfast list", listed, LIST_BOUND_MS)
    return [
        Row(f"load: {COUNT} containers by the library, median", "ms", {own: load}, 1),
        Row(f"load: the states of {COUNT}, median", "ms", {own: states}, 1),
        Row(f"load: holdfast list of {COUNT}, median", "ms", {own: listed}, 1),
    ]
