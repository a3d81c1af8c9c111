# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""libholdfast through tests/programs/library-driver: each call is a program of its own, so what one
call leaves the next one loads."""

import glob
import json
import os
import signal
import subprocess
import time

from harness import Skip
from oci import call, find_runtime, make_bundle, process
from processes import DEADLINE, end_process, is_running, reap, wait_until
from shim import shim_path

# enum HfError
CODES = (
    "FAILED INVALID_ARGUMENT INVALID_STATE NOT_FOUND EXISTS RUNTIME_FAILED PROTOCOL TIMED_OUT "
    "NOT_SUPPORTED LIMIT BUSY CONTAINER_EXITED PROCESS_NOT_EXITED CONTAINER_NOT_STARTED "
    "START_TIMED_OUT MONITOR_EXITED"
).split()
DOMAIN = "hf-error-quark"
SHELL = ["sh", "-c"]
REAP_SECONDS = 0.02


class Failed(Exception):
    """A call's error: code is its name in HF_ERROR, or the name of another domain."""

    def __init__(self, answer):
        super().__init__(answer["error"])
        is_ours = answer["domain"] == DOMAIN
        self.code = CODES[answer["code"]] if is_ours else answer["domain"]


class Call:
    """A call under way."""

    def __init__(self, library, words, options):
        self.argv = [library.driver, *library.options(options), library.root, *map(str, words)]
        self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, env=library.environment(),
                                      process_group=0)
        self.pid = self.child.pid

    def kill(self):
        self.child.kill()
        return self.finish()

    def finish(self):
        """stdout and stderr. Orphans are reaped meanwhile: a pid namespace ends only then."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                out, err = self.child.communicate(timeout=REAP_SECONDS)
                return out.decode(), err.decode()
            except subprocess.TimeoutExpired:
                reap()
                if time.monotonic() > end:
                    raise

    def result(self):
        out, err = self.finish()
        lines = out.splitlines()
        if not lines:
            raise AssertionError(f"{self.argv[1:]} said nothing: {err!r}")
        answer = json.loads(lines[-1])
        if "error" in answer:
            raise Failed(answer)
        return answer["result"]


class Library:
    """Containers below one root. With real=None the fake runtime stands for an OCI runtime."""

    def __init__(self, box, real="runc"):
        self.box = box
        self.is_real = real is not None
        self.runtime = find_runtime(real) if real else box.runtime_path
        self.driver = os.path.join(os.path.dirname(box.runtime_path), "library-driver")
        if not os.path.exists(self.driver):
            raise Skip("libholdfast is not built: there is no json-glib")
        self.shim = shim_path(box)
        self.root = box.at("state", "holdfast")
        self.runtime_root = box.at("state", "runtime-root")
        self.env = {}
        self.prefix = f"hf-lib-{os.getpid()}"
        self.count = 0
        box.ignored_files.add("fake-runtime.script")
        box.cleanups.append(self.clean)

    def environment(self):
        env = {
            "PATH": os.environ["PATH"],
            "HOLDFAST_MONITOR": self.box.monitor_path,
            "HOLDFAST_SHIM": self.shim,
            "FAKE_RUNTIME_ROOT": self.box.at("run"),
            "TMPDIR": self.box.at("tmp"),
            "G_DEBUG": "fatal-warnings",
        }
        report = self.box.at("out", "sanitizer")
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            env[name] = ":".join(filter(None, [os.environ.get(name), f"log_path={report}"]))
        return {**env, **self.env}

    def set_script(self, text):
        """How every fake runtime behaves from here on; None: as its bundle says."""
        self.env.pop("FAKE_RUNTIME_SCRIPT", None)
        if text is not None:
            path = self.box.write(self.box.at("out", "script"), text)
            self.env["FAKE_RUNTIME_SCRIPT"] = path

    def options(self, options):
        words = []
        if self.is_real:
            words += [f"--runtime-arg=--root={self.runtime_root}"]
        options = {"runtime": self.runtime, **options}
        for name, value in options.items():
            name = name.replace("_", "-")
            words += [f"--{name}"] if value is True else [f"--{name}={value}"]
        return words

    def begin(self, *words, **options):
        """A call that is not waited for."""
        return Call(self, words, options)

    def call(self, *words, **options):
        return self.begin(*words, **options).result()

    def fails(self, *words, **options):
        """The error of a call that has to fail."""
        try:
            result = self.call(*words, **options)
        except Failed as error:
            return error
        raise AssertionError(f"{words} gave {result!r}")

    def bundle(self, command="sleep 1000", **options):
        self.count += 1
        name = f"b{self.count}"
        if not self.is_real:
            bundle = self.box.add_bundle(name)
            config = {"ociVersion": "1.0.2", "process": process(["sh"], options.get("terminal")),
                      "root": {"path": "rootfs"}}
            self.box.write(os.path.join(bundle, "config.json"), json.dumps(config))
            self.box.write(os.path.join(bundle, "fake-runtime.script"), f"command {command}\n")
            os.makedirs(os.path.join(bundle, "rootfs"))
            return bundle
        bundle = make_bundle(self.box, name, [*SHELL, command], **options)
        path = os.path.join(bundle, "config.json")
        config = json.loads(self.box.read(path))
        # Other test programs remove the parent that they have in common.
        config["linux"]["cgroupsPath"] = f"/{self.prefix}/{name}"
        self.box.write(path, json.dumps(config))
        return bundle

    def cgroups(self):
        """Those of containers, then their parents."""
        places = ("/sys/fs/cgroup/", "/sys/fs/cgroup/*/")
        return [folder for end in ("/*/", "/") for place in places
                for folder in glob.glob(f"{place}{self.prefix}{end}")]

    def name(self):
        self.count += 1
        return f"{self.prefix}-{self.count}"

    def new(self, command="sleep 1000", options=None, **bundle_options):
        name = self.name()
        self.call("new", name, self.bundle(command, **bundle_options), **(options or {}))
        return name

    def created(self, command="sleep 1000", **options):
        name = self.new(command, **options)
        self.call("start", name)
        return name

    def running(self, command="sleep 1000", **options):
        name = self.created(command, **options)
        self.call("begin", name)
        return name

    def exec(self, name, identity, command, **options):
        return self.call("exec", name, identity, self.spec(command), **options)

    @staticmethod
    def spec(command):
        return json.dumps(process([*SHELL, command]))

    def at(self, *names):
        return os.path.join(self.root, *names)

    def has_runtime_state(self, name):
        if not self.is_real:
            return os.path.exists(self.box.at("run", name))
        return os.path.exists(os.path.join(self.runtime_root, name))

    def names(self):
        return sorted(os.listdir(self.root)) if os.path.isdir(self.root) else []

    def clean(self):
        """What a failed case left."""
        for name in self.names():
            try:
                self.call("delete", name, "force")
            except Exception:  # the case has failed already
                if self.is_real:
                    call(self.runtime, f"--root={self.runtime_root}", "delete", "--force", name)
        self.remove_parent_cgroups()

    def remove_parent_cgroups(self):
        for folder in self.cgroups():
            try:
                os.rmdir(folder)
            except OSError:  # in use
                pass

    def container_cgroups(self):
        return [folder for folder in self.cgroups() if folder.count(self.prefix + "/b")]

    def nothing_left(self):
        """A text for each thing that is left, after the containers were deleted."""
        faults = [f"in the root: {name}" for name in self.names()]
        if os.path.isdir(self.runtime_root):
            faults += [f"the runtime has {name}" for name in os.listdir(self.runtime_root)]
        faults += [f"the fake runtime has {name}" for name in os.listdir(self.box.at("run"))]
        if self.is_real:
            wait_until(lambda: not self.container_cgroups(), "the cgroups to be gone")
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            faults += [f"mounted: {line}" for line in file if self.box.path in line]
        return faults

    def kill_monitor(self, name, identity="init"):
        pid = self.call("monitor-pid", name, identity)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: reap() or not is_running(pid), f"the end of monitor {pid}")

    @staticmethod
    def kill(pid):
        end_process(pid)
        wait_until(lambda: reap() or not is_running(pid), f"the end of process {pid}")
