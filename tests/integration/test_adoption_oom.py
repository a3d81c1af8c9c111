# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""A monitor that the kernel's OOM killer takes, in a memory cgroup of its own, is replaced."""

import os

from adoption import adopt, adoptable
from harness import Skip, case, check, equal
from memory_cgroup import MOUNT, is_v2, kills_in, write
from processes import end_process, wait_exit

LINES = 10000
EXPECTED = b"".join(b"%d\n" % number for number in range(1, LINES + 1))


def make_cgroup(box):
    """An empty one that has a memory controller."""
    try:
        if is_v2():
            write(f"{MOUNT}/cgroup.subtree_control", "+memory")
        path = os.path.join(MOUNT, "" if is_v2() else "memory", f"hf-monitor-{os.getpid()}")
        os.mkdir(path)
    except OSError as error:
        raise Skip(f"this machine lets nobody make a memory cgroup: {error}") from error
    box.cleanups.append(lambda: remove_cgroup(path))
    return path


def remove_cgroup(path):
    with open(os.path.join(path, "cgroup.procs"), encoding="ascii") as file:
        for pid in map(int, file):
            end_process(pid)
    os.rmdir(path)


def leave_no_memory(path, pid):
    """What the process has is not charged anew, so it lives until it wants one page more. root's
    monitors are spared by the OOM killer (oom_score_adj); this one is to be as a user's."""
    write(f"/proc/{pid}/oom_score_adj", 0)
    write(os.path.join(path, "cgroup.procs"), pid)
    write(os.path.join(path, "memory.max" if is_v2() else "memory.limit_in_bytes"), 0)


@case("no line is lost when the OOM killer takes the monitor of a container that writes",
      conmon="it is not replaced")
def killed(box):
    path = make_cgroup(box)
    go, end = box.at("out", "go"), box.at("out", "end")
    wait = "while ! test -e {}; do sleep 0.05; done"
    command = f"echo one; {wait.format(go)}; seq 1 {LINES}; {wait.format(end)}; exit 6"
    monitor = adoptable(box, command).created()
    monitor.wait_logged(b"one\n")

    leave_no_memory(path, monitor.daemon_pid)
    box.write(go, "")
    equal(wait_exit(monitor.daemon_pid, "the monitor"), -9, "how the monitor ended")
    equal(kills_in(path), 1, "the kernel's count")
    adopt(monitor)
    box.write(end, "")

    equal(monitor.wait_exited(), b"6")
    monitor.wait_gone()
    check(monitor.logged() == b"one\n" + EXPECTED, "the log is whole")
