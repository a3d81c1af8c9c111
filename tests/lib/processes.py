# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Processes as /proc shows them, and the one place that reaps.

The test program is a child subreaper: whatever a monitor leaves behind becomes a child of the test
program, so its descendants are all that it ever caused, and their exit statuses can be learnt.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time

DEADLINE = float(os.environ.get("HOLDFAST_TEST_DEADLINE", "60"))
PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None, use_errno=True)
_statuses = {}


class Expired(AssertionError):
    """Something that must come did not come in DEADLINE seconds."""


def become_subreaper():
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def wait_until(condition, what, deadline=None):
    """Returns the first true value of condition()."""
    end = time.monotonic() + (deadline or DEADLINE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Expired("waited in vain for " + what)
        time.sleep(0.002)


def reap():
    """Takes the status of every child that has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _statuses[pid] = os.waitstatus_to_exitcode(status)


def status_of(pid, otherwise):
    """Of a child whose end another waiter saw, who was told nothing if reap() was faster."""
    return _statuses.get(pid, otherwise)


def wait_exit(pid, what="process", deadline=None):
    """The exit status of a child; -N if signal N ended it."""

    def ended():
        reap()
        return pid in _statuses

    wait_until(ended, f"the end of {what} {pid}", deadline)
    return _statuses[pid]


def forget_statuses():
    """Between two cases: a pid may come again."""
    _statuses.clear()


def read_proc(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


def stat_fields(pid):
    """/proc/PID/stat from the state on: [0] state, [1] ppid, [2] pgrp, [3] session, ..."""
    text = read_proc(pid, "stat").decode(errors="replace")
    return text.rpartition(") ")[2].split()


def is_running(pid):
    fields = stat_fields(pid)
    return bool(fields) and fields[0] not in "ZX"


def parent_of(pid):
    return int(stat_fields(pid)[1])


def session_of(pid):
    return int(stat_fields(pid)[3])


def cpu_ticks(pid):
    fields = stat_fields(pid)
    return int(fields[11]) + int(fields[12])


def status_field(status, name):
    """A field of the text of /proc/PID/status."""
    for line in status.splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value.strip()
    raise AssertionError(f"no {name} in {status!r}")


def switches(pid):
    text = read_proc(pid, "status").decode()
    return int(status_field(text, "voluntary_ctxt_switches"))


def command_line(pid):
    return read_proc(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += [int(child) for child in read_proc(pid, f"task/{task}/children").split()]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child] + descendants(child)
    return found


def wait_quiet(pid):
    """Until the process sleeps and has not been woken for five looks: it waits for someone."""
    seen = []

    def quiet():
        fields = stat_fields(pid)
        if not fields:
            raise AssertionError(f"process {pid} has ended")
        seen.append((fields[0], switches(pid)))
        time.sleep(0.008)
        return len(seen) >= 5 and len(set(seen[-5:])) == 1 and fields[0] == "S"

    wait_until(quiet, f"process {pid} to be idle")


def end_process(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def open_files(pid):
    """Descriptor number -> what it is."""
    found = {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
    return found


def run_plain(path, *arguments):
    """Runs a program to its end: its status, stdout and stderr."""
    result = subprocess.run(
        [path, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    return result.returncode, result.stdout, result.stderr
