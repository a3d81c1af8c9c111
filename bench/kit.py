# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What the measurements share: monitors, OCI runtimes, and containers of the one under the other.

The benchmark plays the engine: it spawns the monitor with conmon's command line, a sync pipe and a
start pipe, reads the container's pid, and lets the monitor go on by itself. It makes itself the
subreaper, so that the monitor comes back to it and its CPU time can be read when it has ended."""

import contextlib
import ctypes
import fcntl
import itertools
import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TREE, "tools"))

from make_bundle import make_bundle, make_rootfs  # noqa: E402

LIMIT_SECONDS = 300
PREFIX = "holdfast-bench."
SHM = "/dev/shm"
PR_SET_CHILD_SUBREAPER = 36
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
LIBC = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    pass


def run(command, **options):
    """Runs @command to its end; its output is the error's text if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        raise BenchError(f"{shlex.join(command)}: {done.stdout.strip()[-2000:]}")
    return done.stdout


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def cpu_seconds(pid):
    """User and system time of @pid alone, also while it is a zombie. Clock ticks are too coarse for
    a short run; what the scheduler counts is finer, but of the first thread only: idle_memory.py
    has a row that shows whether there are more."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class DirectoryWatch:
    """Tells when a name appears in a directory."""

    def __init__(self, path):
        self.path = path
        self.fd = LIBC.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        events = IN_CREATE | IN_MOVED_TO
        if self.fd < 0 or LIBC.inotify_add_watch(self.fd, path.encode(), events) < 0:
            raise BenchError(f"cannot watch {path}")

    def wait_for(self, name):
        path = os.path.join(self.path, name)
        deadline = time.monotonic() + LIMIT_SECONDS
        while not os.path.exists(path):
            left = deadline - time.monotonic()
            if left <= 0:
                raise BenchError(f"no {path} after {LIMIT_SECONDS} s")
            if select.select([self.fd], [], [], left)[0]:
                os.read(self.fd, 65536)

    def close(self):
        os.close(self.fd)


class Monitor:
    def __init__(self, label, path):
        self.label = label
        self.path = path
        self.version = run([path, "--version"]).splitlines()[0]


class DatagramSink:
    """Stands for a journal, or a syslog server, that takes all. close() returns how much it took."""

    def __init__(self, bench, what):
        path = os.path.join(bench.work, "datagram-sink")
        if not os.path.exists(path):
            run(["gcc", "-O2", "-D_GNU_SOURCE", "-o", path,
                 os.path.join(TREE, "bench/datagram-sink.c")])
        self.process = subprocess.Popen([path, what], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        ready = self.process.stdout.readline().split()
        if not ready:
            raise BenchError(self.process.communicate()[1].strip())
        self.count = None
        self.port = int(ready[1])
        # What a monitor is started by to meet this journal and not the machine's.
        self.prefix = [shutil.which("nsenter"), f"--mount=/proc/{self.process.pid}/ns/mnt"]

    def close(self):
        """May be called again."""
        if self.count is None:
            self.count = int(self.process.communicate()[0] or 0)
        return self.count


def open_journal(bench):
    """None where there may be no mount name space for it."""
    try:
        return DatagramSink(bench, "journal")
    except BenchError as error:
        print(f"no rows about journald: {error}", file=sys.stderr)
        return None


class Runtime:
    """An OCI runtime and the root file system its containers share."""

    def __init__(self, path, state, rootfs, is_fake):
        self.path = path
        self.state = state
        self.rootfs = rootfs
        self.is_fake = is_fake
        self.name = os.path.basename(path)

    def call(self, *arguments):
        return run([self.path, f"--root={self.state}", *arguments])

    def inner(self, path):
        """How a container sees a file of the root file system."""
        inside = os.path.relpath(path, self.rootfs)
        return path if self.is_fake else "/" + inside

    def write_bundle(self, folder, command, terminal):
        make_bundle(folder, command, terminal, self.rootfs)
        if self.is_fake:
            with open(os.path.join(folder, "fake-runtime.script"), "w", encoding="utf-8") as file:
                file.write(f"command exec {shlex.join(command)}\n")

    def runs_containers(self, folder):
        self.write_bundle(folder, ["true"], False)
        name = f"bench-probe-{os.getpid()}"
        try:
            self.call("run", "--bundle", folder, name)
        except BenchError as error:
            print(f"{self.name} does not run a container here: {error}", file=sys.stderr)
            return False
        return True


class Container:
    """One container under one monitor. create(), start(), then finish()."""

    _numbers = itertools.count()

    def __init__(self, bench, monitor, runtime, command, **options):
        self.bench = bench
        self.monitor = monitor
        self.runtime = runtime
        # conmon's journald wants more than twelve characters.
        self.id = f"bench-{os.getpid():08d}-{next(self._numbers)}"
        self.folder = os.path.join(bench.work, self.id)
        self.run_folder = os.path.join(bench.run_work, self.id)
        self.exit_dir = os.path.join(self.run_folder, "exits")
        self.persist_dir = os.path.join(self.run_folder, "persist")
        self.log = options.get("log") or os.path.join(self.folder, "log")
        self.drivers = options.get("drivers") or [f"k8s-file:{self.log}"]
        self.arguments = options.get("arguments", [])
        self.prefix = options.get("prefix", [])
        self.terminal = options.get("terminal", False)
        self.stdin = options.get("stdin", False)
        self.pid = None
        self.monitor_pid = None
        self.sockets = []
        runtime.write_bundle(self.folder, command, self.terminal)
        os.makedirs(self.exit_dir)
        os.mkdir(self.persist_dir)

    def _command(self):
        path = {name: os.path.join(self.folder, name) for name in ("pid", "monitor.pid")}
        command = [
            self.monitor.path, "--api-version", "1", "-c", self.id, "-u", self.id, "-n", self.id,
            "-r", self.runtime.path, "--runtime-arg", f"--root={self.runtime.state}",
            "-b", self.folder, "-p", path["pid"], "--conmon-pidfile", path["monitor.pid"],
            "--exit-dir", self.exit_dir, "--persist-dir", self.persist_dir,
            "--full-attach",
        ]
        for driver in self.drivers:
            command += ["-l", driver]
        command += ["-t"] * self.terminal + ["-i"] * self.stdin
        return [*self.prefix, *command, *self.arguments]

    def create(self):
        """Returns the seconds from the spawn of the monitor to the pid on the sync pipe."""
        ours, sync = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        go, start = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sockets = [ours, go]
        environment = dict(os.environ, _OCI_SYNCPIPE=str(sync.fileno()),
                           _OCI_STARTPIPE=str(start.fileno()))
        command = self._command()
        ours.settimeout(LIMIT_SECONDS)
        go.send(b"\0")
        with open(os.path.join(self.folder, "output"), "w+b") as output:
            begin = time.perf_counter()
            first = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                     stderr=output, env=environment,
                                     pass_fds=(sync.fileno(), start.fileno()))
            sync.close()
            start.close()
            reply = ours.recv(8192)
            seconds = time.perf_counter() - begin
            status = first.wait(LIMIT_SECONDS)
            output.seek(0)
            self._read_reply(status, reply, output.read().decode(errors="replace"))
        return seconds

    def _read_reply(self, status, reply, output):
        if status != 0:
            raise BenchError(f"{self.monitor.label}: exit status {status}: {reply!r} {output}")
        with open(os.path.join(self.folder, "monitor.pid"), encoding="ascii") as file:
            self.monitor_pid = int(file.read())
        self.bench.living.append(self)
        try:
            self.pid = json.loads(reply)["data"]
        except (ValueError, KeyError) as error:
            raise BenchError(f"{self.monitor.label} said {reply!r} ({error}) {output}") from error
        if self.pid <= 0:
            raise BenchError(f"{self.monitor.label}: {reply.decode()} {output}")

    def start(self):
        self.runtime.call("start", self.id)

    def wait_for_exit(self):
        """Returns the monitor's own CPU seconds; it has ended when this returns."""
        pidfd = os.pidfd_open(self.monitor_pid)
        try:
            if not select.select([pidfd], [], [], LIMIT_SECONDS)[0]:
                raise BenchError(f"{self.monitor.label} is still there after its container")
        finally:
            os.close(pidfd)
        return cpu_seconds(self.monitor_pid)

    def finish(self):
        """Ends what is left and removes it."""
        if self in self.bench.living:
            self.bench.living.remove(self)
            subprocess.run([self.runtime.path, f"--root={self.runtime.state}", "delete", "--force",
                            self.id], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
            self.wait_for_exit()
            os.waitpid(self.monitor_pid, 0)
        for end in self.sockets:
            end.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.run_folder, ignore_errors=True)
        if os.path.exists(self.log):
            os.unlink(self.log)

    def exit_watch(self):
        return DirectoryWatch(self.exit_dir)

    def attach(self):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        folder = os.open(self.folder, os.O_PATH | os.O_CLOEXEC)
        try:
            client.settimeout(LIMIT_SECONDS)
            client.connect(f"/proc/self/fd/{folder}/attach")
        finally:
            os.close(folder)
        return client

    def memory(self):
        """The fields of smaps_rollup, in KiB."""
        with open(f"/proc/{self.monitor_pid}/smaps_rollup", encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        return {row[0].rstrip(":"): int(row[1]) for row in rows}

    def pipe_bytes(self):
        """How large the pipes of its stdout and stderr are together."""
        total = 0
        for number in (1, 2):
            fd = os.open(f"/proc/{self.pid}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK)
            total += fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
            os.close(fd)
        return total

    def status(self, name):
        with open(f"/proc/{self.monitor_pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1])
        raise BenchError(f"no {name} in the status of {self.monitor_pid}")


class Bench:
    """The machine's side: monitors, runtimes, the working folder, what must be cleaned up."""

    def __init__(self, monitors, quick):
        self.monitors = monitors
        self.quick = quick
        self.living = []
        self.work = tempfile.mkdtemp(prefix=PREFIX)
        # As with engines: bundles and logs on a disk, exit files on a tmpfs.
        shm = SHM if os.access(SHM, os.W_OK) else None
        self.run_work = tempfile.mkdtemp(prefix=PREFIX, dir=shm)
        self.rootfs = os.path.join(self.work, "rootfs")
        self.producer = os.path.join(self.rootfs, "bin/producer")
        self.real = None
        self.fake = None
        self.runtime = None

    def prepare(self, runtimes, fake_runtime):
        make_rootfs(self.rootfs)
        run(["gcc", "-O2", "-static", "-o", self.producer, os.path.join(TREE, "bench/producer.c")])
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.real = self._first_that_works(runtimes)
        self.fake = self._runtime(os.path.abspath(fake_runtime), True) if fake_runtime else None
        self.runtime = self.real or self.fake
        if self.runtime is None:
            raise BenchError("no OCI runtime works here, and there is no fake-runtime")

    def _runtime(self, path, is_fake):
        state = os.path.join(self.work, "state-" + os.path.basename(path))
        return Runtime(path, state, self.rootfs, is_fake)

    def _first_that_works(self, names):
        search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        paths = [shutil.which(name, path=search) for name in names]
        for path in filter(None, paths):
            runtime = self._runtime(path, False)
            if runtime.runs_containers(os.path.join(self.work, "probe")):
                return runtime
        return None

    def container(self, monitor, command, runtime=None, **options):
        return Container(self, monitor, runtime or self.runtime, command, **options)

    def log_folder(self, needed_bytes):
        """A tmpfs if it has the room, so that a disk's speed is not what is measured."""
        room = os.statvfs(self.run_work)
        return self.run_work if room.f_bavail * room.f_frsize > needed_bytes else self.work

    def close(self):
        for container in list(self.living):
            try:
                container.finish()
            except (BenchError, OSError) as error:
                print(f"clean-up of {container.id}: {error}", file=sys.stderr)
                os.kill(container.monitor_pid, signal.SIGKILL)
        for folder in (self.work, self.run_work):
            shutil.rmtree(folder, ignore_errors=True)


def turns(monitors, count):
    """(run, monitor) with the monitors taking turns, each first as often as the others."""
    for number in range(count):
        first = number % len(monitors)
        for monitor in monitors[first:] + monitors[:first]:
            yield number, monitor
