# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The memory cgroup of a container as the kernel shows it, v1 or v2: the truth to compare with."""

import json
import os

from processes import open_files, wait_until

MOUNT = "/sys/fs/cgroup"


def is_v2():
    """Whether the memory controller is one of the unified hierarchy."""
    controllers = f"{MOUNT}/cgroup.controllers"
    if not os.path.exists(controllers):
        return False
    with open(controllers, encoding="ascii") as file:
        return "memory" in file.read().split()


def config_of(container):
    with open(config_path(container), encoding="utf-8") as file:
        return json.load(file)


def config_path(container):
    return os.path.join(container.monitor.bundle_dir, "config.json")


def change_config(container, change):
    """change(config) before the container is created."""
    config = config_of(container)
    change(config)
    with open(config_path(container), "w", encoding="utf-8") as file:
        json.dump(config, file)


def directory_of(container):
    below = MOUNT if is_v2() else f"{MOUNT}/memory"
    return below + config_of(container)["linux"]["cgroupsPath"]


def value_in(directory, name, key=None):
    """The number in a cgroup's file, or behind a key of it."""
    with open(os.path.join(directory, name), encoding="ascii") as file:
        text = file.read()
    return int(dict(line.split() for line in text.splitlines())[key] if key else text)


def kills_in(directory):
    """What the kernel has counted. On v1 without what is in cgroups below."""
    return value_in(directory, "memory.events" if is_v2() else "memory.oom_control", "oom_kill")


def wait_watched(monitor):
    """The engine gets the pid before the monitor opens the counter."""
    def has_counter():
        names = open_files(monitor.daemon_pid).values()
        return any("/memory.events" in n or "/memory.oom_control" in n for n in names)

    wait_until(has_counter, "the monitor's watch")


def make_nested(directory, pid, limit=None):
    """Moves process @pid into a cgroup below @directory that has a memory controller."""
    nested = os.path.join(directory, "nested")
    os.mkdir(nested)
    write(os.path.join(nested, "cgroup.procs"), pid)
    if is_v2():
        # v2 allows it only where no process is in between.
        write(os.path.join(directory, "cgroup.subtree_control"), "+memory")
    if limit:
        name = "memory.max" if is_v2() else "memory.limit_in_bytes"
        write(os.path.join(nested, name), limit)
    return nested


def write(path, value):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(value))
