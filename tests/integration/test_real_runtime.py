# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The monitor with real OCI runtimes, as root: what a fake runtime cannot prove."""

import os
import random

from harness import case, check, equal
from oci import Container, find_runtime, left_cgroups, require_works
from peers import exchange
from processes import parent_of

# The virtual machine, which emulates its processor, asks for fewer.
SHORT_LIVED = int(os.environ.get("HOLDFAST_TEST_REPEATS", "200"))
OOM = "x=0123456789abcdef; while :; do x=$x$x; done"


def real_case(name, conmon=None):
    """A case for each runtime."""

    def register(function):
        for runtime in ("runc", "crun"):

            @case(f"{runtime}: {name}", conmon)
            def with_runtime(box, runtime=runtime):
                path = find_runtime(runtime)
                if runtime == "crun":
                    require_works(box, path)
                function(box, path)

        return function

    return register


def shell(box, runtime, command, **options):
    return Container(box, runtime, ["sh", "-c", command], **options)


@real_case("exit statuses are right")
def exit_statuses(box, runtime):
    for status in (0, 1, 42, 137):
        container = shell(box, runtime, f"exit {status}", name=f"b{status}").create().start()

        equal(container.monitor.wait_exited(), str(status).encode())


@real_case("output is logged, both streams")
def logged(box, runtime):
    container = shell(box, runtime, "echo out; echo err >&2").create().start()
    container.monitor.wait_exited()

    equal(container.monitor.logged(), b"out\n")
    equal(container.monitor.logged("stderr"), b"err\n")


@real_case("the container is the monitor's child")
def parent(box, runtime):
    container = shell(box, runtime, "sleep 1000").create().start()

    equal(parent_of(container.monitor.container_pid), container.monitor.daemon_pid)


@real_case("SIGKILL is 137")
def killed(box, runtime):
    container = shell(box, runtime, "sleep 1000").create().start()

    os.kill(container.monitor.container_pid, 9)

    equal(container.monitor.wait_exited(), b"137")


@real_case("a command that is not there is told in the runtime's words")
def missing_command(box, runtime):
    box.expects_nothing_left = True
    container = Container(box, runtime, ["/no/such/command"])
    container.monitor.spawn().go()

    text = container.monitor.rest().decode()

    check("no such file or directory" in text.lower(), text)
    check(container.monitor.wait_gone() != 0, "the monitor's status")


@real_case("exec statuses are right")
def exec_statuses(box, runtime):
    container = shell(box, runtime, "sleep 1000").create().start()
    for number, status in enumerate((0, 1, 42, 127)):
        exits = box.at("out", f"exits{number}")
        os.mkdir(exits)
        monitor = container.exec(["sh", "-c", f"exit {status}"], exit_dir=exits).spawn().go()

        check(b'"data": ' in monitor.line(), "a pid")
        equal(monitor.line(), b'{"data": %d}\n' % status)
        equal(monitor.wait_exited(), str(status).encode())


@real_case("an exec of a command that is not there is a failure in the runtime's words",
           conmon="it leaves its socket and FIFOs")
def exec_missing_command(box, runtime):
    container = shell(box, runtime, "sleep 1000").create().start()
    monitor = container.exec(["/no/such/command"]).spawn().go()

    text = monitor.rest().decode()

    check('"data": -1' in text, text)
    check("no such file or directory" in text.lower(), text)
    # The container goes on and keeps its own sockets; the exec's are gone.
    equal(sorted(set(os.listdir(monitor.bundle_dir)) - {"config.json", "conmon-pidfile1"}), [])
    os.kill(container.monitor.container_pid, 9)


@real_case("exec sync gives the output and the status")
def exec_sync(box, runtime):
    container = shell(box, runtime, "sleep 1000").create().start()
    monitor = container.exec_sync(["sh", "-c", "echo out; echo err >&2; exit 5"]).spawn().go()

    equal(monitor.rest(), b'{"exit_code": 5}\n')
    equal(monitor.logged() + monitor.logged("stderr"), b"out\nerr\n")
    os.kill(container.monitor.container_pid, 9)


@real_case("a terminal has the size that was given before the start")
def terminal(box, runtime):
    container = shell(box, runtime, "stty size", terminal=True).create()
    client = container.monitor.attach()
    container.monitor.control(b"1 31 97\n")
    container.monitor.wait_size(31, 97)
    container.start()

    client.read_all()

    equal(client.output[2], b"31 97\r\n")


@real_case("an exec with a terminal echoes")
def exec_terminal(box, runtime):
    container = shell(box, runtime, "sleep 1000").create().start()
    args = ["sh", "-c", "read line; echo got $line; exit 6"]
    monitor = container.exec(args, terminal=True, exec_attach=True).spawn().go()
    monitor.packet(monitor.attach_fd)
    client = monitor.attach()
    monitor.go()
    client.send(b"abc\r")

    client.read_all()

    check(client.output[2].endswith(b"got abc\r\n"), client.output[2])
    monitor.line()
    equal(monitor.line(), b'{"data": 6}\n')
    os.kill(container.monitor.container_pid, 9)


@real_case("3 MiB through stdin come back unchanged")
def stdin(box, runtime):
    data = random.Random(2).randbytes(3 << 20)
    container = Container(box, runtime, ["cat"], stdin=True).create()
    client = container.monitor.attach()
    container.start()

    echoed = exchange(client, data, len(data))
    client.half_close()
    client.read_all()

    check(echoed == data, "the same bytes")
    equal(container.monitor.wait_exited(), b"0")


@real_case("a container that is killed for memory leaves the oom files",
           conmon="2.1.6 makes one of them in its working directory")
def oom(box, runtime):
    # The parent shell is small and lives to tell; the child is the one that is killed.
    container = shell(box, runtime, f"sh -c '{OOM}'; exit 3", memory=16 << 20).create().start()
    monitor = container.monitor

    equal(monitor.wait_exited(), b"3")

    oom_files = [os.path.join(where, "oom") for where in (monitor.persist_dir, monitor.bundle_dir)]
    equal([box.read(path) for path in oom_files], [b"", b""])


@real_case("the first process killed for memory is 137 and leaves the oom files")
def oom_of_init(box, runtime):
    container = shell(box, runtime, OOM, memory=16 << 20).create().start()
    monitor = container.monitor

    equal(monitor.wait_exited(), b"137")

    equal(box.read(os.path.join(monitor.persist_dir, "oom")), b"")


@real_case("a container that was not killed for memory leaves no oom file")
def no_oom(box, runtime):
    container = shell(box, runtime, "exit 0", memory=16 << 20).create().start()
    monitor = container.monitor
    monitor.wait_exited()

    for where in (monitor.persist_dir, monitor.bundle_dir):
        equal(box.read(os.path.join(where, "oom")), None)


@real_case("a container that is deleted before its start ends the monitor")
def deleted_before_start(box, runtime):
    container = shell(box, runtime, "exit 0").create()

    container.delete()

    check(container.monitor.wait_exited() != b"0", "it was killed")


@real_case(f"{SHORT_LIVED} short-lived containers each have their own status")
def short_lived(box, runtime):
    bundles = 4
    containers = []
    for number in range(SHORT_LIVED):
        status = number % 200
        container = shell(box, runtime, f"exit {status}", name=f"n{number}").create().start()
        containers.append((container, status))
        if len(containers) >= bundles:
            finish_one(box, *containers.pop(0))
    for container, status in containers:
        finish_one(box, container, status)

    equal(left_cgroups(), [])


def finish_one(box, container, status):
    equal(container.monitor.wait_exited(), str(status).encode())
    equal(container.monitor.wait_gone(), status)
    container.delete()
    box.cleanups.remove(container.delete)
