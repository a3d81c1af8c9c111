# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Containers of a real OCI runtime: a busybox root file system, a config, and their removal."""

import glob
import json
import os
import shutil
import subprocess

from harness import Skip
from processes import DEADLINE, reap

PARENT_CGROUP = "holdfast-test"
PATH = "PATH=/bin"


def find_runtime(name):
    """The path of a runtime that works here, or a Skip with the reason."""
    if os.geteuid() != 0:
        raise Skip("a real runtime needs root")
    path = shutil.which(name)
    busybox = shutil.which("busybox")
    if path is None or busybox is None:
        raise Skip(f"{name if path is None else 'busybox'} is not installed")
    return path


def require_works(box, path):
    """A runtime that cannot start a container at all is the machine's matter."""
    bundle = make_bundle(box, "probe", ["true"])
    root = box.at("state", "probe-root")
    identity = f"holdfast-probe-{os.getpid()}"
    try:
        result = call(path, "--root", root, "run", "--bundle", bundle, identity)
    finally:
        call(path, "--root", root, "delete", "--force", identity)
        remove_parent_cgroup()
    if result.returncode != 0:
        words = (result.stderr or result.stdout).strip().splitlines()
        name = os.path.basename(path)
        raise Skip(f"this machine: {name} cannot start a container: {words[-1] if words else '?'}")


def call(*argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE, check=False)
    finally:
        reap()


def make_bundle(box, name, args, terminal=False, memory=None):
    bundle = box.add_bundle(name)
    bin_dir = os.path.join(bundle, "rootfs", "bin")
    os.makedirs(bin_dir)
    for folder in ("proc", "dev", "sys", "tmp"):
        os.mkdir(os.path.join(bundle, "rootfs", folder))
    shutil.copy(shutil.which("busybox"), bin_dir)
    for tool in ("sh", "true", "echo", "cat", "sleep", "stty", "test", "head", "tr", "wc", "kill"):
        os.symlink("busybox", os.path.join(bin_dir, tool))
    box.write(os.path.join(bundle, "config.json"), json.dumps(config(name, args, terminal, memory)))
    return bundle


def process(args, terminal=False):
    """The process object of the OCI specification; an exec's spec is one."""
    return {
        "terminal": terminal,
        "user": {"uid": 0, "gid": 0},
        "args": args,
        "env": [PATH, "TERM=xterm"],
        "cwd": "/",
        "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"],
                         "permitted": ["CAP_KILL"]},
    }


def config(name, args, terminal, memory):
    resources = {"memory": {"limit": memory, "swap": memory}} if memory else {}
    return {
        "ociVersion": "1.0.2",
        "process": process(args, terminal),
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "test",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
        ],
        "linux": {
            "cgroupsPath": f"/{PARENT_CGROUP}/{name}-{os.getpid()}",
            "resources": resources,
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")],
        },
    }


class Container:
    """A container of a real runtime with its monitor."""

    def __init__(self, box, runtime, args, name="bundle", terminal=False, memory=None, **options):
        self.box = box
        self.runtime = runtime
        self.root = box.at("state", "root")
        bundle = make_bundle(box, f"c-{name}", args, terminal, memory)
        extra = ["--runtime-arg", f"--root={self.root}", *options.pop("args", [])]
        self.monitor = box.create(bundle=bundle, runtime=runtime, terminal=terminal, args=extra,
                                  **options)
        box.cleanups.append(self.delete)

    def create(self):
        self.monitor.created()
        return self

    def start(self):
        result = call(self.runtime, f"--root={self.root}", "start", self.monitor.cid)
        assert result.returncode == 0, f"start: {result.stderr}"
        return self

    def delete(self):
        call(self.runtime, f"--root={self.root}", "delete", "--force", self.monitor.cid)
        remove_parent_cgroup()

    def exec(self, args, **options):
        spec = json.dumps(process(args, options.get("terminal", False)))
        return self.box.exec(container=self.monitor, runtime=self.runtime, process=spec, log="none",
                             args=["--runtime-arg", f"--root={self.root}"], **options)

    def exec_sync(self, args, **options):
        spec = json.dumps(process(args, options.get("terminal", False)))
        return self.box.exec_sync(container=self.monitor, runtime=self.runtime, process=spec,
                                  args=["--runtime-arg", f"--root={self.root}"], **options)


def remove_parent_cgroup():
    for folder in glob.glob(f"/sys/fs/cgroup/{PARENT_CGROUP}") + glob.glob(
        f"/sys/fs/cgroup/*/{PARENT_CGROUP}"
    ):
        try:
            os.rmdir(folder)
        except OSError:
            pass


def left_cgroups():
    pattern = f"{PARENT_CGROUP}/*-{os.getpid()}"
    return glob.glob(f"/sys/fs/cgroup/{pattern}") + glob.glob(f"/sys/fs/cgroup/*/{pattern}")
