# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""holdfast-shim with real OCI runtimes, the test in the daemon's place: it makes the directory and
its FIFOs, waits for the pid, runs `start`, and waits for the hang-up."""

import json
import os

from harness import case, check, equal
from oci import (call, find_runtime, left_cgroups, make_bundle, process, remove_parent_cgroup,
                 require_works)
from processes import is_running, wait_until
from shim import Shim

SHORT_LIVED = 30
OOM = "x=0123456789abcdef; while :; do x=$x$x; done"


def real_case(name):
    """A case for each runtime."""

    def register(function):
        for runtime in ("runc", "crun"):

            @case(f"{runtime}: {name}", conmon="it has no shim")
            def with_runtime(box, runtime=runtime):
                path = find_runtime(runtime)
                if runtime == "crun":
                    require_works(box, path)
                function(Daemon(box, path))

        return function

    return register


class Daemon:
    def __init__(self, box, runtime):
        self.box = box
        self.runtime = runtime
        self.root = box.at("state", "runtime-root")
        self.count = 0

    def container(self, command, terminal=False, namespaces=None, keys=None, memory=None,
                  **options):
        args = ["sh", "-c", command]
        # A real runtime has one set of ids for the whole machine's cgroups.
        identity = options.pop("identity", f"hf-shim-{os.getpid()}-{self.count}")
        self.count += 1
        bundle = make_bundle(self.box, f"c-{identity}-{self.count}", args, terminal, memory)
        if namespaces is not None:
            self.keep_namespaces(bundle, namespaces)
        keys = {"runtimeArgs": ["--root", self.root], **(keys or {})}
        shim = Shim(self.box, process=process(args, terminal), bundle=bundle, keys=keys,
                    runtime=self.runtime, identity=identity, **options)
        self.box.cleanups.append(lambda: self.delete(identity))
        return shim

    def keep_namespaces(self, bundle, kinds):
        path = os.path.join(bundle, "config.json")
        config = json.loads(self.box.read(path))
        config["linux"]["namespaces"] = [{"type": kind} for kind in kinds]
        self.box.write(path, json.dumps(config))

    def exec(self, container, args, terminal=False, changes=None, name="exec1", **options):
        spec = {**process(args, terminal), **(changes or {})}
        return container.exec(name=name, process=spec,
                              keys={"runtimeArgs": ["--root", self.root]}, **options)

    def call(self, *words):
        return call(self.runtime, "--root", self.root, *words)

    def start(self, container):
        """A container may have ended, and been deleted, before `start` has."""
        result = self.call("start", container.cid)
        has_ended = container.directory.read("exitStatus") is not None
        check(result.returncode == 0 or has_ended, f"start: {result.stderr}")
        return container

    def run(self, command, **options):
        return self.start(self.container(command, **options).created())

    def knows(self, container):
        return self.call("state", container.cid).returncode == 0

    def delete(self, identity):
        self.call("delete", "--force", identity)
        remove_parent_cgroup()


@real_case("exit statuses are right, and nothing is left of the container")
def exit_statuses(daemon):
    for status in (0, 1, 42, 137):
        shim = daemon.run(f"exit {status}")

        equal(shim.wait_exit(), b"%d" % status)
        check(not daemon.knows(shim), "the runtime has deleted it")
    equal(left_cgroups(), [])


@real_case("streams go through the FIFOs")
def streams(daemon):
    shim = daemon.container("read line; echo got $line; echo err >&2")
    for name in ("stdout", "stderr"):
        shim.directory.open_reader(name)
    shim.created()
    os.write(shim.directory.open_writer(), b"hello\n")
    daemon.start(shim)

    equal(shim.wait_exit(), b"0")
    equal(shim.directory.read_fifo("stdout"), b"got hello\n")
    equal(shim.directory.read_fifo("stderr"), b"err\n")
    equal(shim.directory.messages(), [])


@real_case("a terminal: size, echo, end")
def terminal(daemon):
    shim = daemon.container("stty size; read line; echo got $line; exit 3", terminal=True)
    shim.directory.control(b"1 77 33\n")
    shim.directory.open_reader("stdout")
    shim.created()
    daemon.start(shim)
    shim.directory.read_fifo("stdout", text=b"33 77\r\n")
    os.write(shim.directory.open_writer(), b"yes\n")

    equal(shim.wait_exit(), b"3")
    check(b"got yes\r\n" in shim.directory.read_fifo("stdout"), "the answer")


@real_case("a resize of a terminal that runs")
def resize(daemon):
    shim = daemon.container("read line; stty size", terminal=True)
    shim.directory.open_reader("stdout")
    shim.created()
    daemon.start(shim)
    shim.directory.control(b"1 120 40\n")
    os.write(shim.directory.open_writer(), b"go\n")

    shim.wait_exit()

    check(b"40 120\r\n" in shim.directory.read_fifo("stdout"), "the size")


@real_case("short-lived containers, one after the other: every status is there at the hang-up")
def short_lived(daemon):
    for number in range(SHORT_LIVED):
        shim = daemon.run(f"exit {number}", fifos=())

        equal(shim.wait_exit(), b"%d" % number)
        shim.wait_gone()


@real_case("exec: streams, status, and the container goes on")
def exec_process(daemon):
    container = daemon.run("sleep 1000", fifos=())
    shim = daemon.exec(container, ["sh", "-c", "read a; echo $a; exit 7"])
    shim.directory.open_reader("stdout")
    shim.created()
    os.write(shim.directory.open_writer(), b"word\n")

    equal(shim.wait_exit(), b"7")
    equal(shim.directory.read_fifo("stdout"), b"word\n")
    check(is_running(container.container_pid), "the container lives")
    os.kill(container.container_pid, 9)
    equal(container.wait_exit(), b"137")


@real_case("exec with capabilities as containerd 0.2 writes them")
def exec_capabilities(daemon):
    container = daemon.run("sleep 1000", fifos=())
    command = "while read k v; do test $k = CapEff: && echo $v; done </proc/self/status; exit 0"
    shim = daemon.exec(container, ["sh", "-c", command],
                       changes={"capabilities": ["CAP_CHOWN", "CAP_KILL"]})
    shim.directory.open_reader("stdout")
    shim.created()

    equal(shim.wait_exit(), b"0")
    equal(int(shim.directory.read_fifo("stdout"), 16), 1 << 0 | 1 << 5)
    os.kill(container.container_pid, 9)


@real_case("an exec with a terminal")
def exec_terminal(daemon):
    container = daemon.run("sleep 1000", fifos=())
    shim = daemon.exec(container, ["sh", "-c", "test -t 0 && echo terminal; exit 8"], terminal=True)
    shim.directory.open_reader("stdout")
    shim.created()

    equal(shim.wait_exit(), b"8")
    equal(shim.directory.read_fifo("stdout"), b"terminal\r\n")
    os.kill(container.container_pid, 9)


@real_case("a command that is not there is told in the runtime's words, of a container and an exec")
def missing_command(daemon):
    shim = daemon.container("", fifos=())
    path = os.path.join(shim.bundle, "config.json")
    config = json.loads(daemon.box.read(path))
    config["process"]["args"] = ["/no/such/command"]
    daemon.box.write(path, json.dumps(config))
    words = shim.must_fail()
    check(words.startswith("oci runtime error: ") and "no such file" in words.lower(), words)
    shim.wait_gone()
    check(not daemon.knows(shim), "the runtime does not know it")

    container = daemon.run("sleep 1000", fifos=())
    words = daemon.exec(container, ["/no/such/command"]).must_fail()
    check(words.startswith("oci runtime error: ") and "no such file" in words.lower(), words)
    check(is_running(container.container_pid), "the container lives")
    os.kill(container.container_pid, 9)


@real_case("a bundle without config.json")
def empty_bundle(daemon):
    shim = daemon.container("", fifos=())
    os.unlink(os.path.join(shim.bundle, "config.json"))

    words = shim.must_fail()

    check(words.startswith("oci runtime error: ") or "config.json" in words, words)


@real_case("an id that is taken: the container that has it lives on")
def taken_id(daemon):
    first = daemon.run("sleep 1000", fifos=())
    again = daemon.container("exit 0", identity=first.cid, name="init2", fifos=(),
                             keys={"exec": False})

    words = again.must_fail()

    check(words.startswith("oci runtime error: ") and "exist" in words, words)
    again.wait_gone()
    check(is_running(first.container_pid) and daemon.knows(first), "the first lives")
    os.kill(first.container_pid, 9)
    equal(first.wait_exit(), b"137")


@real_case("without a pid namespace, what the first process leaves is killed")
def left_processes(daemon):
    shim = daemon.container("sleep 12345 >/dev/null 2>&1 & echo $!; exit 4",
                            namespaces=("ipc", "uts", "mount", "network"))
    shim.directory.open_reader("stdout")
    shim.created()
    daemon.start(shim)

    equal(shim.wait_exit(), b"4")
    left = int(shim.directory.read_fifo("stdout"))
    wait_until(lambda: not is_running(left), "its end")
    check(not daemon.knows(shim), "the runtime has deleted it")


@real_case("a container that is killed before it was started")
def killed_before_start(daemon):
    shim = daemon.container("exit 0", fifos=()).created()

    os.kill(shim.container_pid, 9)

    equal(shim.wait_exit(), b"137")
    check(not daemon.knows(shim), "the runtime has deleted it")


@real_case("a process that the OOM killer takes is counted, and one that is killed is not")
def oom(daemon):
    killed = daemon.run("exec sleep 1000", fifos=(), memory=20 << 20)
    os.kill(killed.container_pid, 9)
    equal(killed.wait_exit(), b"137")
    equal(killed.directory.read("oom"), None)

    shim = daemon.run(OOM, fifos=(), memory=20 << 20)
    equal(shim.wait_exit(), b"137")
    equal(shim.directory.read("oom"), b"1")


@real_case("a slow reader gets every byte, also after the container's end")
def slow_reader(daemon):
    size = 2000000
    shim = daemon.container(f"head -c {size} /dev/zero; exit 5")
    shim.directory.open_reader("stdout")
    shim.created()
    daemon.start(shim)
    total = 0
    while total < size:
        total += len(shim.directory.read_fifo("stdout", size=1))

    equal(total, size)
    equal(shim.wait_exit(), b"5")
    equal(shim.directory.messages(), [])
