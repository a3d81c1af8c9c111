# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""A Podman of its own for each case, with the monitor under test in conmon's place.

    @case("what Podman does")
    def does_it(box): ...

Everything that Podman keeps is in one temporary directory: storage, locks, events, exit files and
a root file system made of busybox. The containers and their monitors are in cgroups below a parent
named after that directory, so whatever is still running in them was started by the case. When a
case is over, its containers are removed; what is left then fails it: a process, a mount, a state
directory of the OCI runtime, a report of a sanitizer.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(__file__)), "lib"))

import leftovers  # noqa: E402
from harness import case, check, equal, Skip  # noqa: E402, F401
from journald import Journal  # noqa: E402, F401
from processes import DEADLINE, Expired, wait_until  # noqa: E402
from terminal import Terminal  # noqa: E402

APPLETS = (
    "cat chmod cp cut date dd echo env false grep head id kill ls mkdir mount mv od ps printf"
    " readlink rm seq sh sha256sum sleep sort stty sync tail tee test touch tr true tty"
    " uname usleep wc yes"
).split()

CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
log_driver = "k8s-file"
pids_limit = 0

[engine]
cgroup_manager = "cgroupfs"
conmon_env_vars = [{variables}]
events_logger = "file"
lock_type = "file"
runtime = "{runtime}"
"""


class Result:
    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err

    def __repr__(self):
        return f"status {self.status}, stdout {self.out!r:.1000}, stderr {self.err!r:.1000}"


def printed_id(result):
    """Of `podman create` and `podman run -d`."""
    return result.out.decode().strip()


def oci_runtime():
    return "runc" if shutil.which("runc") else "crun"


def why_not():
    """Why this machine cannot run these tests, None if it can."""
    if os.geteuid() != 0:
        return "this machine: the tests with Podman need root"
    if not shutil.which("podman"):
        return "this machine has no podman"
    if not shutil.which("runc") and not shutil.which("crun"):
        return "this machine has neither runc nor crun"
    if not busybox():
        return "this machine has no static busybox"
    return None


def busybox():
    path = shutil.which("busybox")
    if not path:
        return None
    with open(path, "rb") as file:
        is_dynamic = b"ld-linux" in file.read(4096) or b"ld-musl" in file.read(4096)
    return None if is_dynamic else path


def limit_for(which):
    """No higher than what this process has: raising it takes CAP_SYS_RESOURCE."""
    hard = resource.getrlimit(which)[1]
    return 1024 if hard == resource.RLIM_INFINITY else min(1024, hard)


class PodmanBox:
    def __init__(self, monitor_path):
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="hfp-", dir="/tmp"))
        self.cgroup = "/" + os.path.basename(self.path)
        self.cleanups = []
        self.clients = []
        self.terminals = []
        self.ignores_runtime_state = False
        self.rootfs = self.make_rootfs()
        self.monitor = self.install_monitor(monitor_path)
        self.conf = self.write_conf()

    def at(self, *names):
        return os.path.join(self.path, *names)

    def make_rootfs(self):
        for name in ("bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "var"):
            os.makedirs(self.at("rootfs", name))
        os.chmod(self.at("rootfs/tmp"), 0o1777)
        shutil.copy(busybox(), self.at("rootfs/bin/busybox"))
        for applet in APPLETS:
            os.symlink("busybox", self.at("rootfs/bin", applet))
        return self.at("rootfs")

    def install_monitor(self, monitor_path):
        """Under the name and in the place of the installed one: Podman looks at the name."""
        directory = self.at("libexec/holdfast")
        os.makedirs(directory)
        return shutil.copy(monitor_path, os.path.join(directory, "conmon"))

    def write_conf(self):
        reports = self.at("sanitizer")
        variables = [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            f"ASAN_OPTIONS=log_path={reports}",
            f"UBSAN_OPTIONS=log_path={reports}",
        ]
        text = CONTAINERS_CONF.format(
            files=limit_for(resource.RLIMIT_NOFILE),
            processes=limit_for(resource.RLIMIT_NPROC),
            variables=", ".join(json.dumps(variable) for variable in variables),
            runtime=oci_runtime(),
        )
        path = self.at("containers.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def command(self, *arguments):
        return [
            "podman", "--root", self.at("root"), "--runroot", self.at("runroot"),
            "--tmpdir", self.at("tmp"), "--storage-driver", "vfs",
            "--cgroup-manager", "cgroupfs", "--events-backend", "file",
            "--runtime", oci_runtime(), "--conmon", self.monitor, *arguments,
        ]  # fmt: skip

    def environment(self, **more):
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {**kept, "CONTAINERS_CONF": self.conf, **more}

    def spawn(self, *arguments, environment=None, **options):
        """Podman in the background; ended with the case."""
        client = subprocess.Popen(
            self.command(*arguments),
            env=self.environment(**(environment or {})),
            **{**dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL), **options},
        )
        self.clients.append(client)
        return client

    def podman(self, *arguments, input=None, expect=None, **options):
        """Runs Podman. `expect` is the status it must end with, None for any."""
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        client = self.spawn(*arguments, **{**pipes, **options})
        try:
            out, err = client.communicate(input, timeout=DEADLINE * 2)
        except subprocess.TimeoutExpired:
            raise Expired(f"podman {' '.join(arguments)} does not end") from None
        result = Result(client.returncode, out, err)
        if expect is not None and result.status != expect:
            raise AssertionError(f"podman {' '.join(arguments)}: {result}")
        return result

    def placed(self, *options):
        """The options of each container: its cgroup, no network, the root file system."""
        return ("--network", "none", "--cgroup-parent", self.cgroup, *options,
                "--rootfs", self.rootfs)  # fmt: skip

    def uses_the_monitor(self):
        """False if Podman found that it is no conmon: then it looks for another one."""
        told = self.podman("info", "--format", "{{.Host.Conmon.Path}}").out.decode()
        return told.strip() == self.monitor

    def run(self, script, *options, **more):
        """`podman run` of a shell script."""
        return self.podman("run", *self.placed(*options), "sh", "-c", script, **more)

    def create(self, script, *options):
        """A container that is not started; its id."""
        made = self.podman("create", *self.placed(*options), "sh", "-c", script, expect=0)
        return printed_id(made)

    def start(self, script, *options):
        """A container in the background; its id."""
        return printed_id(self.run(script, "-d", *options, expect=0))

    def terminal(self, *arguments, size=(24, 80)):
        """Podman with a pseudo terminal of its own."""
        terminal = Terminal(self.command(*arguments), self.environment(), size)
        self.terminals.append(terminal)
        return terminal

    def run_on_terminal(self, script, *options, size=(24, 80)):
        return self.terminal("run", *self.placed(*options), "sh", "-c", script, size=size)

    def inspect(self, container, field):
        result = self.podman("inspect", "--format", "{{." + field + "}}", container, expect=0)
        return result.out.decode().strip()

    def status(self, container):
        return self.inspect(container, "State.Status")

    def wait_status(self, container, status):
        wait_until(lambda: self.status(container) == status, f"{container} to be {status}")

    def wait(self, container):
        """The exit status as Podman tells it."""
        return int(self.podman("wait", container, expect=0).out)

    def logs(self, container, *options):
        return self.podman("logs", *options, container, expect=0)

    def wait_log(self, container, text):
        """The standard output in the log once `text` (bytes) is in it."""

        def found():
            out = self.logs(container).out
            return out if text in out else None

        return wait_until(found, f"{text!r} in the log of {container}")

    def conmon_pid(self, container):
        return int(self.inspect(container, "State.ConmonPid"))

    def container_pid(self, container):
        return int(self.inspect(container, "State.Pid"))

    def log_path(self, container):
        return self.inspect(container, "HostConfig.LogConfig.Path")

    def events(self, container, status):
        """Podman's events of one kind. Read from the file: it wakes no Podman up."""
        return [
            event
            for event in self.all_events()
            if event["Status"] == status and container in (event["ID"], event["Name"])
        ]

    def all_events(self):
        try:
            with open(self.at("tmp/events/events.log"), encoding="utf-8") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def container_ids(self):
        return {event["ID"] for event in self.all_events() if event["Type"] == "container"}

    def started(self):
        """Every process that was started by the case and still runs."""
        return leftovers.processes_of(self.cgroup, self.monitor)

    def monitors(self):
        """Those of the started processes that run the monitor."""
        return leftovers.processes_running(self.monitor)

    def finish(self):
        """Removes the containers, then says what is still there."""
        faults = self.remove_containers()
        faults += self.left_processes()
        faults += [f"mount left: {point}" for point in leftovers.mounts_below(self.path)]
        if not self.ignores_runtime_state:
            states = leftovers.runtime_states(self.container_ids())
            faults += [f"runtime state left: {path}" for path in states]
        faults += self.sanitizer_reports()
        return faults

    def remove_containers(self):
        for client in self.clients + self.terminals:
            client.kill()
            client.wait()
        removed = self.podman("rm", "--all", "--force", "--time", "0")
        return [] if removed.status == 0 else [f"podman rm: {removed}"]

    def left_processes(self):
        # The exit command of a container that was just removed may still be running.
        end = time.monotonic() + 20
        while self.started() and time.monotonic() < end:
            time.sleep(0.02)
        return [f"process left: {leftovers.describe(pid)}" for pid in self.started()]

    def sanitizer_reports(self):
        reports = []
        for name in os.listdir(self.path):
            if name.startswith("sanitizer."):
                with open(self.at(name), encoding="utf-8", errors="replace") as file:
                    reports.append(file.read())
        return reports

    def diagnosis(self):
        lines = [leftovers.describe(pid) for pid in self.started()]
        return ["still running: " + line for line in lines]

    def close(self):
        for client in self.clients + self.terminals:
            client.kill()
            client.wait()
        for terminal in self.terminals:
            terminal.close()
        leftovers.end_processes(self.cgroup, self.monitor)
        leftovers.remove_runtime_states(self.container_ids())
        leftovers.unmount_below(self.path)
        leftovers.remove_cgroups(self.cgroup)
        shutil.rmtree(self.path, ignore_errors=True)
