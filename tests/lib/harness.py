# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Cases of the integration tests and the box that each of them gets.

    @case("what the monitor does")
    def does_it(box): ...

A box is a temporary directory with what an engine prepares for a container. After each case the
box looks for what was left behind: a process, a socket, a FIFO, a temporary file. Whatever is
there without a word in the documentation fails the case.
"""

import os
import shutil
import signal
import stat
import tempfile

import processes
from engine import Monitor
from processes import command_line, descendants, end_process, reap, wait_until

cases = []


class Skip(Exception):
    """Raised with a reason."""


def case(name, conmon=None):
    """Registers a case. `conmon` says how conmon 2.1.6 differs; with it the case is skipped."""

    def register(function):
        cases.append((name, function, conmon))
        return function

    return register


def equal(actual, expected, what="value"):
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r:.2000}, got {actual!r:.2000}")


def check(condition, what):
    if not condition:
        raise AssertionError(what)


class Box:
    # What a monitor leaves to the engine in a bundle once the container has run.
    LEFT_TO_ENGINE = {"attach", "ctl", "winsz"}
    FOLDERS = ("bundle", "cwd", "exits", "logs", "out", "persist", "run", "sockets", "state", "tmp")
    OF_THE_BOX = {"config.json", "rootfs", "process.json", "notify", "fake-runtime.start"}

    def __init__(self, monitor_path, runtime_path, is_conmon):
        self.monitor_path = monitor_path
        self.is_conmon = is_conmon
        self.runtime_path = runtime_path
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="hfi-", dir="/tmp"))
        self.monitors = []
        self.open_fds = []
        self.cleanups = []
        self.bundles = []
        self.expects_nothing_left = False
        # Written to by monitors of a build with sandbox_probe.
        self.sandbox_report = self.at("out", "sandbox")
        self.expects_denials = False
        os.environ["HOLDFAST_SANDBOX_REPORT"] = self.sandbox_report
        self.ignored_files = set()
        for name in self.FOLDERS:
            os.mkdir(self.at(name), 0o700)
        os.chdir(self.at("cwd"))
        self.bundle = self.add_bundle("bundle")

    def at(self, *names):
        return os.path.join(self.path, *names)

    def add_bundle(self, *names):
        path = self.at(*names)
        os.makedirs(path, exist_ok=True)
        self.write(os.path.join(path, "config.json"), "{}")
        self.bundles.append(path)
        return path

    @staticmethod
    def write(path, text, mode=0o644):
        with open(path, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        os.chmod(path, mode)
        return path

    @staticmethod
    def read(path):
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def wait_file(self, path):
        """The content of a file that will be there."""
        wait_until(lambda: os.path.exists(path), path)
        return self.read(path)

    def wait_text(self, path, text):
        """The content of a file that will hold `text`."""
        wait_until(lambda: text in (self.read(path) or b""), f"{text!r} in {path}")
        return self.read(path)

    def script(self, name, text):
        """An executable shell script, for example a runtime of a few lines."""
        return self.write(self.at(name), "#!/bin/sh\n" + text + "\n", 0o755)

    def keep(self, *fds):
        """Closes these at the end of the case."""
        self.open_fds += fds
        return fds if len(fds) > 1 else fds[0]

    def create(self, command="exit 0", **options):
        """Podman's create. See Monitor for the options."""
        monitor = Monitor(self, command, kind="create", **options)
        self.monitors.append(monitor)
        return monitor

    def exec(self, command="exit 0", **options):
        """Podman's exec."""
        monitor = Monitor(self, command, kind="exec", **options)
        self.monitors.append(monitor)
        return monitor

    def exec_sync(self, command="exit 0", **options):
        """CRI-O's exec sync: no bundle, no exit files, no attach socket, a plain pipe."""
        options = {"api": False, "transport": "pipe", "sync": True, **options}
        monitor = Monitor(self, command, kind="exec-sync", **options)
        self.monitors.append(monitor)
        return monitor

    def finish(self):
        """Ends the containers, then says what was left behind."""
        faults = []
        for monitor in self.monitors:
            monitor.end_container()
            monitor.close_pipes()
        for monitor in self.monitors:
            faults += monitor.end()
        faults += self.left_processes()
        faults += self.left_files()
        faults += ["a sanitizer complains"] if self.sanitizer_reports() else []
        faults += [] if self.expects_denials else self.denials()
        return faults

    def close(self):
        for fd in self.open_fds:
            try:
                os.close(fd)
            except OSError:
                pass
        for pid in descendants(os.getpid()):
            end_process(pid)
        wait_until(lambda: reap() or not descendants(os.getpid()), "the last child")
        processes.forget_statuses()
        os.chdir("/")
        shutil.rmtree(self.path, ignore_errors=True)

    def left_processes(self):
        """Orphans come to this program, a child subreaper: nothing may be below it."""
        try:
            wait_until(lambda: reap() or not descendants(os.getpid()), "the last process", 20)
        except processes.Expired:
            left = [f"{pid} ({command_line(pid)[:100]})" for pid in descendants(os.getpid())]
            return ["processes left: " + ", ".join(left)]
        return []

    def left_files(self):
        # conmon leaves all of it also after a failed start.
        is_clean = self.expects_nothing_left and not self.is_conmon
        allowed = set() if is_clean else self.LEFT_TO_ENGINE
        ids = {name for monitor in self.monitors for name in (monitor.cid, monitor.uuid)}
        faults = []
        for bundle in self.bundles:
            faults += self.unknown_names(bundle, self.OF_THE_BOX | allowed)
        for monitor in self.monitors:
            if os.path.isdir(monitor.persist_dir):
                faults += self.unknown_names(monitor.persist_dir, {"exit", "oom"})
        faults += self.unknown_names(self.at("exits"), set() if is_clean else ids)
        faults += self.unknown_names(self.at("sockets"), ids if self.is_conmon else set())
        for name in ("tmp", "run") if self.is_conmon else ("tmp", "run", "cwd"):
            faults += self.unknown_names(self.at(name), set())
        faults += self.special_files_outside_bundles()
        return faults

    def unknown_names(self, directory, known):
        known = known | {os.path.basename(monitor.pid_file) for monitor in self.monitors}
        known |= {os.path.basename(monitor.conmon_pid_file) for monitor in self.monitors}
        names = set(os.listdir(directory)) - known - {"oom"} - self.ignored_files
        names = {n for n in names if os.path.join(directory, n) not in self.bundles}
        return [f"left in {directory}: {name}" for name in sorted(names)]

    def special_files_outside_bundles(self):
        faults = []
        for folder in ("logs", "exits", "persist"):
            for root, _, names in os.walk(self.at(folder)):
                for name in names:
                    mode = os.lstat(os.path.join(root, name)).st_mode
                    if not stat.S_ISREG(mode) and name not in self.ignored_files:
                        faults.append(f"not a file: {os.path.join(root, name)}")
        return faults

    def sanitizer_reports(self):
        names = [name for name in os.listdir(self.at("out")) if name.startswith("sanitizer.")]
        return [self.read(self.at("out", name)).decode(errors="replace") for name in names]

    def denials(self):
        """What the sandbox of a monitor kept it from."""
        lines = (self.read(self.sandbox_report) or b"").decode().splitlines()
        return [f"the sandbox {line}" for line in lines if line.startswith("denied ")]

    def diagnosis(self):
        """What helps to understand a failure."""
        lines = self.sanitizer_reports() + self.denials()
        for monitor in self.monitors:
            lines += [f"monitor: {monitor.describe()}"]
            lines += [line for line in monitor.stderr_text().splitlines()[-20:]]
        return lines


def alarm(signum, frame):
    raise AssertionError("the case took too long")


def run_case(function, box, limit):
    """Returns the faults, none if the case holds."""
    signal.signal(signal.SIGALRM, alarm)
    box.cleanups = []
    faults = []
    try:
        signal.alarm(limit)
        function(box)
        faults += box.finish()
    except Skip:
        raise
    except Exception as error:  # a broken case is a failed case, and the next ones run
        faults += [f"{type(error).__name__}: {error}"] + trace_of(error)
    finally:
        signal.alarm(0)
        if faults:
            faults += box.diagnosis()
        for cleanup in box.cleanups:
            try:
                cleanup()
            except Exception as error:  # it must not hide the other faults
                faults += [f"clean-up: {type(error).__name__}: {error}"]
        box.close()
    return faults


def trace_of(error):
    lines = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        lines.append(f"  {os.path.basename(code.co_filename)}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return lines
