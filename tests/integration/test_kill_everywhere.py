# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Monitors of libholdfast's containers that are killed at each system call of a start, an end, an
adoption and an upgrade.

What may be seen afterwards: a container that is new, created or running, and then usable; or one
that has ended, with its own status or an unknown one, never another. Who had learnt a status keeps
it. A second monitor takes over where a process lives, and a deletion leaves nothing.

tests/lib/syscalls.py says how many of the calls a run covers."""

import os
import signal

from command import Command
from harness import check, equal
from library import Failed
from peers import logged_bytes, parse_log
from processes import (
    command_line,
    descendants,
    end_process,
    is_running,
    reap,
    stat_fields,
    wait_until,
)
from syscalls import (
    NO_LEAK_CHECK,
    STATUS,
    WAITS,
    Killer,
    kernel_tells,
    wait_no_process,
    walk_case,
)
from upgrade import image

UNKNOWN = 255
SHIM = "holdfast-shim"
# Within a line most of the time, and seldom for so long that the half of it is logged.
HALVES = ("trap end=1 TERM; i=0; while [ -z \"$end\" ]; do i=$((i + 1)); printf begin-%d $i; "
          f"sleep 0.004; echo -end; done; echo bye; exit {STATUS}")


class Traced(Command):
    """A command that can be run under the driver."""

    def __init__(self, box):
        super().__init__(box, None)
        self.tracer = []
        self.env["ASAN_OPTIONS"] = f"{super().environment()['ASAN_OPTIONS']}:{NO_LEAK_CHECK}"

    def argv(self):
        return [*self.tracer, *super().argv()]

    def run_killed(self, at, *words, options=()):
        """The result, and what the driver reported."""
        killer = Killer(self.box, at)
        self.tracer = killer.command(SHIM, *options)
        try:
            result = self.run(*words)
        finally:
            self.tracer = []
        return result, killer.read()

    def entry(self, name):
        """What list and inspect say, which has to be the same: None if there is no container."""
        listed = [entry for entry in self.ok("--format", "json", "list").json
                  if entry["id"] == name]
        if not listed:
            return None
        (inspected,) = self.ok("--format", "json", "inspect", name).json
        equal(inspected["state"], listed[0]["state"], "the state in inspect and in list")
        return inspected

    def log(self, name):
        text = self.box.read(self.at(name, "init", "ctr.log")) or b""
        return [line.split(b" ", 3)[3] for line in text.splitlines()]

    def lines(self, name):
        """The output, parts of lines put together; the last is what follows the last newline."""
        data = self.box.read(self.at(name, "init", "ctr.log")) or b""
        whole = data[: data.rfind(b"\n") + 1]
        return logged_bytes(parse_log(whole), "stdout").split(b"\n")

    def wait_started(self, name):
        wait_until(lambda: b"started" in self.log(name), "the container to say so")

    def end(self, name):
        """Of a container that runs and has a monitor: its output, its status."""
        self.wait_started(name)
        self.ok("kill", name)
        check_status(self.run("wait", name).status, kernel_tells())
        equal(self.log(name), [b"started", b"bye"], "the log")

    def check_removed(self):
        """`delete` has left nothing."""
        equal(self.nothing_left(), [], "what is left")
        wait_no_process()

    def monitors(self, name):
        """A child of one, between fork and exec, looks like one."""
        reap()
        pids = {pid for pid in descendants(os.getpid()) if f"--cid {name} " in command_line(pid)}
        return [pid for pid in pids if int(stat_fields(pid)[1]) not in pids]


def check_status(status, is_known):
    allowed = (STATUS,) if is_known else (STATUS, UNKNOWN)
    check(status in allowed, f"status {status}, not one of {allowed}")


@walk_case("a container's start, with a caller who lives on", 18)
def run(box, at):
    command = traced(box)
    name = command.name()

    result, report = command.run_killed(at, "run", "-d", *command.bundle_of(command.bundle(WAITS)),
                                        name)

    entry = command.entry(name)
    if result.status == 0:
        equal(entry["state"], "running", "state")
        command.ok("adopt", name)
        command.end(name)
        command.ok("delete", name)
    else:
        check(result.status == 125 and result.err.startswith("holdfast: "), f"{result}")
        check(report[1] is not None, f"failed without a kill: {result}")
        equal(entry, None, "the container of a failed run")
    command.check_removed()
    return report


def traced(box):
    """One for all rounds; its bundles are not kept."""
    if not hasattr(box, "traced"):
        box.traced = Traced(box)
    return box.traced


def start_both_killed(command, at):
    """A container whose caller was killed together with its monitor."""
    name = command.name()
    words = [*command.bundle_of(command.bundle(WAITS)), name]
    _, report = command.run_killed(at, "create", *words, options=["--with-command"])
    entry = command.entry(name)
    check(entry["state"] in ("new", "created"), f"state {entry['state']}")
    check("exitStatus" not in entry, f"an exit status: {entry}")
    return name, report


@walk_case("a container's start, whose caller is killed too: the next one starts it", 18)
def start_again(box, at):
    command = traced(box)
    name, report = start_both_killed(command, at)

    settle(command, "start", name)

    equal(command.entry(name)["state"], "created", "state")
    equal(command.call("problems", name), [], "problems")
    command.ok("adopt", name)
    equal(len(command.monitors(name)), 1, "monitors")
    command.ok("start", name)
    equal(command.entry(name)["state"], "running", "state")
    command.end(name)
    command.ok("delete", name)
    command.check_removed()
    return report


def settle(command, *words):
    """It may have been started; what is at work there ends."""

    def is_done():
        try:
            command.call(*words)
            return True
        except Failed as error:
            check(error.code in ("EXISTS", "BUSY"), f"{words}: {error.code}: {error}")
            return error.code == "EXISTS"

    wait_until(is_done, f"{words}")


@walk_case("a container's start, whose caller is killed too: it is deleted", 18)
def delete_started(box, at):
    command = traced(box)
    name, report = start_both_killed(command, at)

    command.ok("delete", "--force", name)

    equal(command.entry(name), None, "the container")
    command.check_removed()
    return report


@walk_case("a container's end", 20)
def end(box, at):
    command = traced(box)
    name = command.start(WAITS)
    command.wait_started(name)
    pid = command.entry(name)["pid"]
    killer = Killer(box, at).attach(command.entry(name)["monitorPid"])
    os.kill(pid, signal.SIGTERM)
    report = killer.finish().read()
    wait_until(lambda: reap() or not is_running(pid), "the end of the process")
    told = command.box.read(command.at(name, "init", "exitStatus"))
    is_known = b"%d" % STATUS in (told, command.box.read(command.at(name, "init", "ending")))

    entry = command.entry(name)

    equal(entry["state"], "stopped", "state")
    check_status(entry["exitStatus"], told is not None)
    check_ended_log(command.log(name), told is not None)
    if at % 2 == 0:
        command.ok("adopt", name)
        check_status(command.run("wait", name).status, is_known)
        check_ended_log(command.log(name), told is not None)
    command.ok("delete", "--force", name)
    command.check_removed()
    return report


def check_ended_log(lines, is_whole):
    """What is in the pipes when their last process ends without a monitor is lost."""
    whole = [b"started", b"bye"]
    check(lines == whole or (not is_whole and lines == whole[:1]), f"the log: {lines}")


@walk_case("the monitor that takes over", 18)
def adopter(box, at):
    command = traced(box)
    name = command.start(WAITS)
    command.wait_started(name)
    end_process(command.entry(name)["monitorPid"])
    wait_until(lambda: not command.monitors(name), "the monitor's end")

    result, report = command.run_killed(at, "adopt", name)

    check(result.status == 0 or report[1] is not None, f"failed without a kill: {result}")
    equal(command.entry(name)["state"], "running", "state")
    command.ok("adopt", name)
    equal(len(command.monitors(name)), 1, "monitors")
    command.end(name)
    command.ok("delete", name)
    command.check_removed()
    return report


@walk_case("a monitor that is upgraded while its container is within a line", 25)
def upgraded(box, at):
    command = traced(box)
    name = command.start(HALVES)
    wait_until(lambda: len(command.lines(name)) > 2, "some lines")
    pid, monitor = (command.entry(name)[key] for key in ("pid", "monitorPid"))
    before = image(monitor)
    killer = Killer(box, at).attach(monitor)
    os.kill(monitor, signal.SIGUSR2)
    wait_until(lambda: reap() or not is_running(monitor) or is_another(monitor, before),
               "an upgrade")
    seen = len(command.lines(name))
    wait_until(lambda: reap() or not is_running(monitor) or len(command.lines(name)) > seen + 2,
               "output after it")
    was_killed = not is_running(monitor)
    equal(command.entry(name)["state"], "running", "state")
    if was_killed:
        command.ok("adopt", name)

    os.kill(pid, signal.SIGTERM)

    report = killer.finish().read()
    wait_until(lambda: reap() or not is_running(pid), "the end of the process")
    check_status(command.run("wait", name).status, was_killed and kernel_tells())
    check(command.box.read(command.at(name, "init", "exitStatus")), "the status is written")
    check_halves(command.lines(name), was_killed or report[1] is None)
    command.ok("delete", "--force", name)
    command.check_removed()
    return report


def is_another(pid, before):
    try:
        return image(pid) not in (before, b"")
    except OSError:  # it was killed
        return False


def check_halves(lines, is_whole):
    """What is in the pipes when their last process ends without a monitor is lost."""
    if is_whole:
        equal(lines[-2:], [b"bye", b""], "the end of the output")
        lines = lines[:-2]
    for i, line in enumerate(lines, 1):
        whole = b"begin-%d-end" % i
        is_last = i >= len(lines) - 2 and not is_whole
        check(line == whole or is_last, f"{line!r} in the place of {whole!r}")
