# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Monitors of engines' containers (--adoptable) that are killed at each system call of a start, of
a whole life and of an adoption.

Whatever was reached, one adoption later the exit files hold the container's status or an unknown
one, never another, the exit command was run once, and the session's directory is gone.

tests/lib/syscalls.py says how many of the calls a run covers."""

import os
import shutil
import signal

import adoption
from adoption import adopt_process, adoptable, directory
from harness import check, equal
from processes import is_running, reap, run_plain, wait_exit, wait_until
from syscalls import (
    NO_LEAK_CHECK,
    STATUS,
    WAITS,
    Killer,
    kernel_tells,
    wait_no_process,
    walk_case,
)

MONITOR = "holdfast-monitor"
ENDED = b"%d" % STATUS
ENDED_UNKNOWN = b"-1"


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
        wait_no_process()
        check(self.exit_commands() <= 1, "the exit command was run more than once")
        self.forget()

    def forget(self):
        """So that a case may have any number of rounds."""
        box, monitor = self.box, self.monitor
        monitor.close_pipes()
        # What was to replace the pid file when its writer was killed; it goes with the bundle.
        prefix = f".{os.path.basename(monitor.conmon_pid_file)}."
        left = {name for name in os.listdir(monitor.bundle_dir) if name.startswith(prefix)}
        check(len(left) <= 1, f"several files of one writer: {left}")
        box.ignored_files |= left
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
