# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""holdfast-shim as the daemon of containerd 0.2 runs it."""

import json
import os
import signal
import subprocess
import time

import processes
from harness import Skip
from processes import DEADLINE, Expired, end_process, is_running, wait_exit, wait_until
from procdir import ProcessDir

STDIO = ("stdin", "stdout", "stderr")
POLL_SECONDS = 0.015


def shim_path(box):
    """Beside the monitor that is tested, in its build tree or where it is installed."""
    folder = os.path.dirname(box.monitor_path)
    for path in (f"{folder}/../shim/holdfast-shim", f"{folder}/holdfast-shim"):
        if os.path.exists(path):
            return os.path.realpath(path)
    raise Skip("holdfast-shim is not built: there is no json-glib")


class NotStarted(Exception):
    """A start that failed, in the words the daemon has for it."""


class Shim:
    """`process` is the OCI process; `keys` replaces keys of process.json, None leaving them out.
    Without `fifos` the streams are /dev/null."""

    def __init__(self, box, command="exit 0", name=None, process=None, fifos=STDIO, script=None,
                 runtime=None, bundle=None, identity=None, keys=None, env=None, sync=False,
                 daemon=True):
        self.box = box
        self.shim = shim_path(box)
        self.number = len(box.monitors)
        self.cid = identity or f"c{self.number}"
        self.name = name or "init"
        self.directory = ProcessDir(box, f"{self.cid}/{self.name}", fifos=fifos, daemon=daemon)
        self.fifos = fifos
        self.bundle = bundle or box.bundle
        self.runtime = runtime or box.runtime_path
        self.env = env or {}
        self.wants_sync = sync
        self.sync_fd = -1
        self.pid = None
        self.stderr_path = box.at("out", f"stderr{self.number}")
        self.script_path = box.at("out", f"script{self.number}")
        lines = [f"command {line}" for line in command.splitlines()] + ["autostart 1"]
        for key, value in (script or {}).items():
            lines += [f"{key.replace('_', '-')} {line}" for line in str(value).splitlines()]
        box.write(self.script_path, "\n".join(lines) + "\n")
        self.write_process(process or {"args": ["sh"], "cwd": "/"}, keys or {})
        # What a box asks of its monitors.
        self.uuid = self.cid
        self.persist_dir = box.at("persist", "none")
        self.pid_file = self.directory.at("pid")
        self.conmon_pid_file = self.pid_file
        box.monitors.append(self)
        box.cleanups.append(self.directory.end)

    def write_process(self, process, keys):
        text = {
            **process,
            "exec": self.name != "init",
            "containerdStdin": "",
            "containerdStdout": "",
            "containerdStderr": "",
            "runtimeArgs": None,
            "noPivotRoot": False,
            "checkpoint": "",
            "rootUID": 0,
            "rootGID": 0,
        }
        for name in self.fifos:
            text[f"containerd{name.capitalize()}"] = self.directory.fifo(name)
        text.update(keys)
        text = {key: value for key, value in text.items() if value is not None
                or key == "runtimeArgs"}
        self.box.write(self.directory.at("process.json"), json.dumps(text))

    def environment(self):
        env = {
            "PATH": os.environ["PATH"],
            "HOLDFAST_MONITOR": self.box.monitor_path,
            "FAKE_RUNTIME_ROOT": self.box.at("run"),
            "FAKE_RUNTIME_SCRIPT": self.script_path,
            "TMPDIR": self.box.at("tmp"),
        }
        report = self.box.at("out", "sanitizer")
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            env[name] = ":".join(filter(None, [os.environ.get(name), f"log_path={report}"]))
        return {**env, **self.env}

    def spawn(self, *extra):
        passed = ()
        env = self.environment()
        if self.wants_sync:
            self.sync_fd, theirs = os.pipe()
            passed = (theirs,)
            env["_OCI_SYNCPIPE"] = str(theirs)
        argv = [self.shim, *extra, self.cid, self.bundle, self.runtime]
        with open(self.stderr_path, "ab") as stderr:
            child = subprocess.Popen(argv, cwd=self.directory.path, env=env, stderr=stderr,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     pass_fds=passed, process_group=0)
        self.pid = child.pid
        child.returncode = 0  # reaped by the test program, as every process
        for fd in passed:
            os.close(fd)
        return self

    def read_pid(self):
        text = (self.directory.read("pid") or b"").strip()
        return int(text) if text.isdigit() else None

    def failure(self):
        """Which words the daemon has for a shim that has ended and left no pid."""
        for file, words in (("shim-log.json", "shim error"), ("log.json", "oci runtime error")):
            text = self.directory.read(file)
            if text is None:
                return f"{file} is missing"
            for line in text.decode().splitlines():
                message = json.loads(line)
                if message["level"] == "error":
                    return f"{words}: {message['msg']}"
        return "container not started"

    def created(self):
        """As the daemon waits: for the pid, or for the end of the shim."""
        end = time.monotonic() + DEADLINE
        self.spawn()
        while self.read_pid() is None:
            processes.reap()
            if not is_running(self.pid) and self.read_pid() is None:
                raise NotStarted(self.failure())
            if time.monotonic() > end:
                raise Expired("no pid, and the shim lives")
            time.sleep(POLL_SECONDS)
        return self

    def must_fail(self):
        try:
            self.created()
        except NotStarted as error:
            return str(error)
        raise AssertionError("it has started")

    @property
    def container_pid(self):
        return self.read_pid()

    def wait_exit(self):
        return self.directory.wait_exit()

    def wait_gone(self):
        return wait_exit(self.pid, "the shim")

    def exec(self, command="exit 0", name="exec1", **options):
        return Shim(self.box, command, name=name, identity=self.cid, bundle=self.bundle,
                    runtime=self.runtime, **options)

    def end_container(self):
        pid = self.read_pid()
        if pid in processes.descendants(os.getpid()):
            for each in processes.descendants(pid) + [pid]:
                end_process(each)

    def close_pipes(self):
        if self.sync_fd >= 0:
            os.close(self.sync_fd)
            self.sync_fd = -1

    def end(self):
        if self.pid is None:
            return []
        # The rest of the output may be for clients that have gone.
        self.directory.end()
        try:
            self.wait_gone()
        except Expired as error:
            end_process(self.pid)
            return [f"the monitor goes on after its container: {error}"]
        return []

    def stderr_text(self):
        return (self.box.read(self.stderr_path) or b"").decode(errors="replace")

    def describe(self):
        return (f"{self.shim} {self.cid} in {self.directory.path}: {self.directory.messages()}"
                f" {self.directory.read('log.json')}")


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def wait_process(name, parent):
    """The pid of a descendant by the beginning of its command line."""

    def find():
        return [pid for pid in processes.descendants(parent)
                if processes.command_line(pid).startswith(name)]

    return wait_until(find, f"a process {name}")[0]
