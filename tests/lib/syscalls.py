# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Monitors that are killed at the entry of one of their system calls, by
tests/programs/kill-at-syscall.

A walk goes over all system calls of a path: once without a kill, for their number, then killed at
each, or at every STEP-th of them from a random one on, so that runs by and by cover all.
HOLDFAST_KILL_STEP sets the step (1: every call), HOLDFAST_KILL_OFFSET the first one."""

import os
import random
import signal
import subprocess

import harness
from harness import Skip
from processes import DEADLINE, descendants, forget_statuses, reap, status_of, wait_until

STEP = int(os.environ.get("HOLDFAST_KILL_STEP", "0"))
OFFSET = int(os.environ.get("HOLDFAST_KILL_OFFSET", "0"))
NOT_ALLOWED = 77
STATUS = 3
# A container that ends with STATUS when it is told to.
WAITS = f"trap 'echo bye; exit {STATUS}' TERM; echo started; while :; do sleep 0.01; done"
ROUND_SECONDS = 150
# A leak checker traces as well, which one process at a time can do.
NO_LEAK_CHECK = "detect_leaks=0"


class Killer:
    """One run of the driver."""

    def __init__(self, box, at):
        self.box = box
        self.path = os.path.join(os.path.dirname(box.runtime_path), "kill-at-syscall")
        if not os.path.exists(self.path):
            raise Skip("kill-at-syscall is not built")
        self.report = box.at("out", "kill-report")
        if os.path.exists(self.report):
            os.unlink(self.report)
        self.options = [f"--at={at}", f"--report={self.report}"]
        self.driver = None

    def command(self, program, *options):
        """What stands before a command in which `program` is to be killed."""
        return [self.path, *self.options, f"--program={program}", *options, "--"]

    def attach(self, pid):
        """For a process that runs."""
        self.driver = subprocess.Popen([self.path, *self.options, f"--attach={pid}"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
        if self.driver.stdout.readline() != b"ready\n":
            raise may_not_trace(self.driver.communicate()[1].decode())
        return self

    def finish(self):
        """Of an attached one: the process has ended or was killed."""
        out, err = self.driver.communicate(timeout=DEADLINE)
        reap()
        if status_of(self.driver.pid, self.driver.returncode) != 0:
            raise AssertionError(f"kill-at-syscall: {err!r}")
        return self

    def read(self):
        """(how many calls were counted, the number of the one it was killed at or None)"""
        text = self.box.read(self.report)
        if text is None:
            raise AssertionError("kill-at-syscall has not reported")
        words = text.decode().split()
        return int(words[1]), int(words[3]) if len(words) > 2 else None


def may_not_trace(text):
    return Skip(f"this machine lets no process trace another: {text.strip()}")


def check_may_trace(box):
    killer = Killer(box, 0)
    result = subprocess.run([*killer.command("true"), "true"], stdin=subprocess.DEVNULL,
                            capture_output=True, timeout=DEADLINE, check=False)
    if result.returncode == NOT_ALLOWED:
        raise may_not_trace(result.stderr.decode())


class Walk:
    """Calls `round_at(N)`, which returns what Killer.read() does, for the calls of one path."""

    def __init__(self, round_at, rounds):
        self.round_at = round_at
        self.rounds = rounds

    def go(self):
        count, _ = self.one(0)
        step = STEP or max(1, count // self.rounds)
        first = OFFSET or random.randint(1, step)
        print(f"# {count} system calls, every {step} from {first} on", flush=True)
        at, is_killed = first, True
        # Runs differ by a few calls: the walk ends where one has fewer.
        while is_killed:
            is_killed = self.one(at)[1] is not None
            at += step

    def one(self, at):
        if STEP:
            signal.alarm(ROUND_SECONDS)  # in place of the case's limit
        forget_statuses()  # there are so many rounds that pids come again
        try:
            return self.round_at(at)
        except Exception as error:
            raise AssertionError(f"killed at system call {at} (HOLDFAST_KILL_STEP=1 "
                                 f"HOLDFAST_KILL_OFFSET={at}): {type(error).__name__}: "
                                 f"{error}") from error


def wait_no_process():
    """Orphans come to this program: nothing is below it."""
    wait_until(lambda: reap() or not descendants(os.getpid()), "the last process")


def kernel_tells():
    """From Linux 6.15 on a pidfd tells the status of a process that is nobody's child."""
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int("".join(filter(str.isdigit, minor)))) >= (6, 15)


def walk_case(name, rounds):
    """`function(box, at)` is one round, and returns what the driver reported."""

    def register(function):
        @harness.case(name, conmon="nobody takes over for it")
        def with_walk(box):
            check_may_trace(box)
            Walk(lambda at: function(box, at), rounds).go()

        return function

    return register
