# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Which containers the OOM killer met, with real runtimes, real limits and real eaters.

What the kernel counted in the container's cgroup is there until the runtime deletes it; each case
compares with that, so that an eater which did not get to its limit proves nothing by accident.
"""

import os
import shutil

from harness import Skip, case, check, equal
from memory_cgroup import change_config, directory_of, is_v2, kills_in, make_nested, value_in, wait_watched
from oci import Container, call, find_runtime, left_cgroups, require_works
from processes import run_plain

# The virtual machine, which emulates its processor, asks for fewer.
REPEATS = int(os.environ.get("HOLDFAST_TEST_REPEATS", "200"))
AT_ONCE = 4
LIMIT = 16 << 20
EAT = "x=0123456789abcdef; while :; do x=$x$x; done"

# (command, exit status): the first process is killed, or another one and it ends at once.
EATERS = (
    (EAT, 137),
    (f"sh -c '{EAT}'; exit 3", 3),
    (f"sh -c '{EAT}' & wait; exit 0", 0),
)


working = set()


def oom_case(name, conmon=None):
    """A case for each runtime. conmon: see case()."""

    def register(function):
        for runtime in ("runc", "crun"):

            @case(f"{runtime}: {name}", conmon)
            def with_runtime(box, runtime=runtime):
                path = find_runtime(runtime)
                if runtime not in working:
                    require_works(box, path)
                working.add(runtime)
                function(box, path)

        return function

    return register


def shell(box, runtime, command, name="bundle", **options):
    return Container(box, runtime, ["sh", "-c", command], name=name, memory=LIMIT, **options)


def oom_files(box, container):
    """The contents of both marks that engines look for; None for one that is not there."""
    monitor = container.monitor
    return [box.read(os.path.join(d, "oom")) for d in (monitor.persist_dir, monitor.bundle_dir)]


def dispose(box, container):
    """Gives back what a container has, so that hundreds can follow."""
    container.delete()
    box.cleanups.remove(container.delete)
    shutil.rmtree(os.path.join(container.monitor.bundle_dir, "rootfs"))


def run_row(box, make, judge):
    """REPEATS containers, a few at a time: make(number) one, judge(number, container) its end."""
    waiting = []
    for number in range(REPEATS):
        waiting.append((number, make(number)))
        if len(waiting) == AT_ONCE:
            judge(*waiting.pop(0))
    for number, container in waiting:
        judge(number, container)


@oom_case(f"{REPEATS} in a row that were killed for memory each have the oom files",
          conmon="2.1.6 makes one of them in its working directory")
def killed_for_memory(box, runtime):
    def make(number):
        command = EATERS[number % len(EATERS)][0]
        return shell(box, runtime, command, name=f"n{number}").create().start()

    def judge(number, container):
        status = container.monitor.wait_exited()
        marks = oom_files(box, container)

        equal(status, str(EATERS[number % len(EATERS)][1]).encode(), f"status of {number}")
        check(kills_in(directory_of(container)) > 0, f"the kernel killed in {number}")
        equal(marks, [b"", b""], f"oom files of {number}, as soon as it has exited")
        container.monitor.wait_gone()
        dispose(box, container)

    run_row(box, make, judge)
    equal(left_cgroups(), [])


@oom_case(f"{REPEATS} in a row that end with 137 for other reasons have no oom file")
def killed_otherwise(box, runtime):
    def make(number):
        command = "exit 137" if number % 3 == 2 else "sleep 1000"
        container = shell(box, runtime, command, name=f"n{number}").create().start()
        if number % 3 == 0:
            os.kill(container.monitor.container_pid, 9)
        elif number % 3 == 1:
            call(runtime, f"--root={container.root}", "kill", container.monitor.cid, "KILL")
        return container

    def judge(number, container):
        equal(container.monitor.wait_exited(), b"137", f"status of {number}")
        container.monitor.wait_gone()

        equal(kills_in(directory_of(container)), 0, f"the kernel's count in {number}")
        equal(oom_files(box, container), [None, None], f"oom files of {number}")
        dispose(box, container)

    run_row(box, make, judge)
    equal(left_cgroups(), [])


@oom_case("a kill is told while the container goes on")
def told_at_once(box, runtime):
    command = f"sh -c '{EAT}'; echo over; sleep 1000"
    container = shell(box, runtime, command).create().start()
    monitor = container.monitor
    monitor.wait_logged(b"over\n")

    box.wait_file(os.path.join(monitor.persist_dir, "oom"))

    equal(box.read(monitor.exit_file()), None, "the exit file")
    equal(kills_in(directory_of(container)), 1)


@oom_case("the oom file of a process directory has the kernel's count",
          conmon="it has no --process-dir")
def counted(box, runtime):
    directory = box.at("state", "init")
    os.mkdir(directory, 0o700)
    command = f"for i in 1 2 3; do sh -c '{EAT}'; done; exit 3"
    container = shell(box, runtime, command)
    container.monitor.args = [*container.monitor.args, "--process-dir", directory]
    container.create().start()

    equal(container.monitor.wait_exited(), b"3")
    count = box.read(os.path.join(directory, "oom"))

    equal(count, b"%d" % kills_in(directory_of(container)))
    check(int(count) >= 3, f"three processes were killed, {count} counted")


@oom_case("an exec that is killed marks its container", conmon="2.1.6 does not")
def exec_killed(box, runtime):
    container = shell(box, runtime, "sleep 1000").create().start()
    monitor = container.exec_sync(["sh", "-c", EAT]).spawn().go()

    equal(monitor.rest(), b'{"exit_code": 137}\n')

    box.wait_file(os.path.join(container.monitor.persist_dir, "oom"))
    equal(kills_in(directory_of(container)), 1)
    equal(box.read(container.monitor.exit_file()), None, "the exit file")


def file_system_of(path):
    mounts = [line.split() for line in run_plain("cat", "/proc/self/mounts")[1].splitlines()]
    fitting = [m for m in mounts if os.path.commonpath([m[1], path]) == m[1]]
    return max(fitting, key=lambda mount: len(mount[1]))[2]


@oom_case("a limit that is only touched leaves no oom file")
def touched(box, runtime):
    if file_system_of(box.path) == "tmpfs":
        raise Skip("this machine has /tmp in memory: a file's pages there cannot be given up")
    container = shell(box, runtime, f"head -c {4 * LIMIT} /dev/zero >/tmp/file; exit 137")
    container.create().start()
    monitor = container.monitor

    equal(monitor.wait_exited(), b"137")
    monitor.wait_gone()

    check(was_at_limit(directory_of(container)), "the limit was touched")
    equal(oom_files(box, container), [None, None])


def was_at_limit(directory):
    if is_v2():
        return value_in(directory, "memory.events", "max") > 0
    return value_in(directory, "memory.max_usage_in_bytes") >= LIMIT


@oom_case("a group kill takes the first process too, and marks the container",
          conmon="2.1.6 makes one of them in its working directory")
def group_kill(box, runtime):
    if not is_v2():
        raise Skip("this machine has no memory.oom.group, its memory controller is v1")
    container = shell(box, runtime, f"sh -c '{EAT}' & sleep 1000")
    change_config(container, lambda config: config["linux"]["resources"].update(
        unified={"memory.oom.group": "1"}))
    container.create().start()

    equal(container.monitor.wait_exited(), b"137")
    marks = oom_files(box, container)

    check(kills_in(directory_of(container)) > 1, "more than one process was killed")
    equal(marks, [b"", b""])


def eat_below(box, runtime, limit):
    """A container whose processes are all in a cgroup below its own, as systemd's are."""
    container = shell(box, runtime, f"sh -c '{EAT}'; exit 3").create()
    wait_watched(container.monitor)
    directory = directory_of(container)
    nested = make_nested(directory, container.monitor.container_pid, limit)
    container.start()
    return container, directory, nested


@oom_case("a kill in a cgroup below, by the container's limit, marks the container",
          conmon="its watch cannot be seen")
def nested_by_own_limit(box, runtime):
    container, _, nested = eat_below(box, runtime, None)

    equal(container.monitor.wait_exited(), b"3")
    marks = oom_files(box, container)

    check(kills_in(nested) > 0, "the kernel's count below")
    equal(marks, [b"", b""])


@oom_case("a kill in a cgroup below, by a limit there, marks the container",
          conmon="its watch cannot be seen")
def nested_by_limit_below(box, runtime):
    container, _, nested = eat_below(box, runtime, LIMIT // 2)

    equal(container.monitor.wait_exited(), b"3")
    marks = oom_files(box, container)

    check(kills_in(nested) > 0, "the kernel's count below")
    equal(marks, [b"", b""])
