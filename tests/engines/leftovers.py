# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What a container engine leaves behind, found and removed: processes, cgroups, mounts, states.

A process belongs to a case if it is in a cgroup below the case's parent or runs the case's copy of
the monitor. The second finds a monitor that was not moved to its cgroup yet.
"""

import os
import shutil
import signal
import subprocess
import time

from processes import command_line, is_running

CGROUP_ROOT = "/sys/fs/cgroup"
RUNTIME_ROOTS = ("/run/runc", "/run/crun")


def hierarchies():
    """One directory with cgroup v2, one for each controller with v1."""
    yield CGROUP_ROOT
    for name in sorted(os.listdir(CGROUP_ROOT)):
        path = os.path.join(CGROUP_ROOT, name)
        if os.path.ismount(path) and not os.path.islink(path):
            yield path


def cgroup_directories(parent):
    """Those of the parent and below, the deepest first."""
    for hierarchy in hierarchies():
        for path, _, _ in os.walk(hierarchy + parent, topdown=False):
            yield path


def processes_in_cgroups(parent):
    found = set()
    for path in cgroup_directories(parent):
        try:
            with open(os.path.join(path, "cgroup.procs"), encoding="ascii") as file:
                found |= {int(line) for line in file.read().split()}
        except OSError:
            pass
    return found


def processes_running(program):
    found = set()
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            target = os.readlink(f"/proc/{name}/exe")
        except OSError:
            continue
        if target.removesuffix(" (deleted)") == program:
            found.add(int(name))
    return sorted(pid for pid in found if is_running(pid))


def processes_of(parent, program):
    found = processes_in_cgroups(parent).union(processes_running(program))
    return sorted(pid for pid in found if is_running(pid))


def describe(pid):
    return f"{pid} ({command_line(pid)[:160]})"


def end_processes(parent, program):
    """Kills until nothing comes after: an exit command may be on its way."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        left = processes_of(parent, program)
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


def mounts_below(directory):
    """Mount points, the innermost first."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        points = [line.split()[4] for line in file]
    return [point for point in reversed(points) if point.startswith(directory + "/")]


def unmount_below(directory):
    for point in mounts_below(directory):
        subprocess.run(["umount", "--lazy", point], check=False, stderr=subprocess.DEVNULL)


def runtime_states(ids):
    paths = [os.path.join(root, container) for root in RUNTIME_ROOTS for container in ids]
    return [path for path in paths if os.path.exists(path)]


def remove_runtime_states(ids):
    for path in runtime_states(ids):
        shutil.rmtree(path, ignore_errors=True)


def remove_cgroups(parent):
    for path in cgroup_directories(parent):
        end = time.monotonic() + 5
        while not remove_cgroup(path) and time.monotonic() < end:
            time.sleep(0.02)


def remove_cgroup(path):
    """False while the kernel is still busy with its last process."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True
