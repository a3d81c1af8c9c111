# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Monitors that are killed at each system call of their start and of their end.

What may be seen afterwards: a container that is new, created or running, and then usable; or one
that has ended, with its own status or an unknown one, never another. Who had learnt a status keeps
it. A second monitor takes over where a process lives, and a deletion leaves nothing.

tests/lib/syscalls.py says how many of the calls a run covers."""

import os
import shutil
import signal

import adoption
import harness
from adoption import adopt_process, adoptable, directory
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
    run_plain,
    stat_fields,
    wait_exit,
    wait_until,
)
from syscalls import NO_LEAK_CHECK, Killer, Walk, check_may_trace
from upgrade import image

STATUS = 3
UNKNOWN = 255
SHIM = "holdfast-shim"
MONITOR = "holdfast-monitor"
WAITS = f"trap 'echo bye; exit {STATUS}' TERM; echo started; while :; do sleep 0.01; done"
# Within a line most of the time, and seldom for so long that the half of it is logged.
HALVES = ("trap end=1 TERM; i=0; while [ -z \"$end\" ]; do i=$((i + 1)); printf begin-%d $i; "
          f"sleep 0.004; echo -end; done; echo bye; exit {STATUS}")
ENDED = b"%d" % STATUS
ENDED_UNKNOWN = b"-1"


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


# --- libholdfast's containers ---


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

    def check_removed(self, name):
        """`delete` has left nothing."""
        equal(self.nothing_left(), [], "what is left")
        wait_until(lambda: reap() or not descendants(os.getpid()),
                   f"the last process of {name}: {lines_of(descendants(os.getpid()))}")

    def monitors(self, name):
        """A child of one, between fork and exec, looks like one."""
        reap()
        pids = {pid for pid in descendants(os.getpid()) if f"--cid {name} " in command_line(pid)}
        return [pid for pid in pids if int(stat_fields(pid)[1]) not in pids]


def lines_of(pids):
    return [command_line(pid) for pid in pids]


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
    command.check_removed(name)
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
    command.check_removed(name)
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
    command.check_removed(name)
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
    command.check_removed(name)
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
    command.check_removed(name)
    return report


@walk_case("a monitor that is upgraded while its container is within a line", 25)
def upgraded(box, at):
    command = traced(box)
    name = command.start(HALVES)
    wait_until(lambda: len(command.lines(name)) > 2, "some lines")
    pid, monitor = (command.entry(name)[key] for key in ("pid", "monitorPid"))
    killer = Killer(box, at).attach(monitor)
    before = image(monitor)
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
    command.check_removed(name)
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


# --- engines' containers ---


class EngineRound:
    """An engine's container whose monitor is started under the driver."""

    def __init__(self, box, at, command, *options, autostart):
        self.box = box
        self.exit_mark = box.at("out", f"exit-commands{len(box.monitors)}")
        bundle = box.add_bundle("bundle", f"b{len(box.monitors)}")
        self.killer = Killer(box, at)
        real_path = box.monitor_path
        told = box.at("out", "told")
        words = " ".join(self.killer.command(MONITOR, "--forks=1", f"--until={told}", *options))
        self.monitor = adoptable(
            box, command, bundle=bundle, autostart=autostart, env={"ASAN_OPTIONS": NO_LEAK_CHECK},
            args=["--exit-command", "/bin/sh", "--exit-command-arg", "-c", "--exit-command-arg",
                  f"echo x >> {self.exit_mark}"])
        # The runtime's, which dies with its monitor.
        box.ignored_files.add(os.path.basename(self.monitor.pid_file) + ".tmp")
        box.monitor_path = box.script("out/traced", f'exec {words} {real_path} "$@"')
        try:
            self.monitor.spawn().go()
        finally:
            box.monitor_path = real_path
        self.monitor.line()
        box.write(told, "")
        wait_exit(self.monitor.pid, "the driver")
        os.unlink(told)
        self.report = self.killer.read()
        self.monitor.learn_daemon()

    def has_session(self):
        """cwd is the last file that a session makes and the first that it removes."""
        return os.path.exists(directory(self.monitor, "cwd"))

    def adopt(self):
        """As `holdfast adopt` does it: who has a monitor needs none."""
        if not os.path.exists(directory(self.monitor)):
            return
        status, text = adopt_process(self.monitor)
        check(status == 0 or "has a monitor" in text, f"not adopted: {status} {text}")
        self.monitor.learn_daemon()

    def adopt_killed(self, at):
        """Under the driver, which reports."""
        killer = Killer(self.box, at)
        words = [*killer.command(MONITOR, "--forks=1"), self.box.monitor_path, "--adopt"]
        run_plain(*words, directory(self.monitor))
        return killer.read()

    def run_container(self):
        """One that was created, and has a monitor: to its end."""
        monitor = self.monitor
        monitor.container_pid = self.pid()
        check(is_running(self.pid()), "the container lives")
        monitor.start()
        monitor.wait_logged(b"started\n")
        os.kill(self.pid(), signal.SIGTERM)
        allowed = (ENDED,) if kernel_tells() else (ENDED, ENDED_UNKNOWN)
        check(monitor.wait_exited() in allowed, f"an exit file of {self.exit_text()!r}")
        equal(monitor.logged(), b"started\nbye\n", "the log")

    def pid(self):
        text = self.box.read(self.monitor.pid_file) or b""
        return int(text) if text.strip().isdigit() else None

    def exit_text(self):
        return self.box.read(self.monitor.exit_file())

    def exit_commands(self):
        return len((self.box.read(self.exit_mark) or b"").splitlines())

    def wait_over(self, had_session):
        wait_until(lambda: reap() or not os.path.exists(directory(self.monitor)),
                   "the end of the session")
        if had_session:
            wait_until(lambda: self.exit_commands() == 1, "the exit command")

    def delete(self):
        """What the engine does at the end; the fake runtime knows what it made."""
        os.environ["FAKE_RUNTIME_ROOT"] = self.box.at("state")
        run_plain(self.box.runtime_path, "delete", "--force", self.monitor.cid)
        wait_until(lambda: reap() or not descendants(os.getpid()),
                   f"the last process: {lines_of(descendants(os.getpid()))}")
        check(self.exit_commands() <= 1, "the exit command was run more than once")
        self.forget()

    def forget(self):
        """So that a case may have any number of rounds."""
        box, monitor = self.box, self.monitor
        monitor.close_pipes()
        equal(monitor.end() + box.left_files(), [], "what is left")
        box.monitors.remove(monitor)
        box.bundles.remove(monitor.bundle_dir)
        shutil.rmtree(monitor.bundle_dir)
        shutil.rmtree(monitor.persist_dir)
        for path in (monitor.exit_file(), monitor.log_path, self.exit_mark):
            if os.path.exists(path):
                os.unlink(path)


@walk_case("an engine's container, whose monitor is killed while it starts", 18)
def engine_start(box, at):
    around = EngineRound(box, at, WAITS, autostart=False)
    monitor = around.monitor
    had_session = around.has_session()
    equal(around.exit_text(), None, "an exit file")

    around.adopt()

    if had_session and around.pid():
        around.run_container()
    around.wait_over(had_session)
    around.delete()
    return around.report


@walk_case("the monitor that takes over an engine's container", 18)
def engine_adopter(box, at):
    around = EngineRound(box, 0, WAITS, autostart=False)
    adoption.kill_monitor(around.monitor)

    report = around.adopt_killed(at)

    check(around.has_session(), "the session is there")
    equal(around.exit_text(), None, "an exit file")
    around.adopt()
    around.run_container()
    around.wait_over(True)
    around.delete()
    return report


@walk_case("an engine's container, whose monitor is killed at any time of a short life", 36)
def engine_life(box, at):
    around = EngineRound(box, at, f"echo out; exit {STATUS}", "--to-end", autostart=True)
    monitor = around.monitor
    had_session = around.has_session()
    told = around.exit_text()
    check(told in (None, ENDED), f"an exit file of {told!r}")
    is_known = ENDED in (told, box.read(directory(monitor, "ending")))

    around.adopt()

    around.wait_over(had_session)
    if around.pid() and (had_session or told):
        check(around.exit_text() in ((ENDED,) if is_known else (ENDED, ENDED_UNKNOWN)),
              f"an exit file of {around.exit_text()!r}")
        equal(box.read(os.path.join(monitor.persist_dir, "exit")), around.exit_text(), "the other")
        check(monitor.logged() == b"out\n" or (not told and monitor.logged() == b""),
              f"the log: {monitor.logged()!r}")
    if around.report[1] is None:
        equal((told, around.exit_commands()), (ENDED, 1), "an undisturbed end")
    around.delete()
    return around.report
