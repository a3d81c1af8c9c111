#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Makes an OCI bundle whose root file system is a static busybox.

make_bundle.py [--terminal] FOLDER COMMAND [ARG...]

tools/try.sh runs it, bench/ imports it. Without root the container gets a user namespace, in which
the caller is root."""

import argparse
import json
import os
import shutil
import subprocess
import sys

NAMESPACES = ("pid", "mount", "ipc", "uts", "network")


def make_rootfs(folder):
    """Fills @folder with busybox and a link for each of its commands."""
    busybox = shutil.which("busybox", path=os.environ.get("PATH", "") + ":/bin:/sbin:/usr/sbin")
    if busybox is None:
        raise FileNotFoundError("busybox is not installed")
    for name in ("bin", "dev", "proc", "tmp"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    shutil.copy(busybox, os.path.join(folder, "bin/busybox"))
    applets = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True)
    for applet in applets.stdout.split():
        link = os.path.join(folder, "bin", applet)
        if not os.path.lexists(link):
            os.symlink("busybox", link)
    return folder


def mounts():
    quiet = ["nosuid", "noexec"]
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": [*quiet, "newinstance", "ptmxmode=0666", "mode=0620"]},
    ]


def linux_part():
    part = {"namespaces": [{"type": name} for name in NAMESPACES]}
    if os.geteuid() != 0:
        part["namespaces"].append({"type": "user"})
        part["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
        part["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    return part


def config(rootfs, command, terminal=False):
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": terminal,
            "user": {"uid": 0, "gid": 0},
            "args": command,
            "env": ["PATH=/bin", "HOME=/", "TERM=dumb"],
            "cwd": "/",
        },
        "root": {"path": rootfs, "readonly": False},
        "hostname": "holdfast",
        "mounts": mounts(),
        "linux": linux_part(),
    }


def make_bundle(folder, command, terminal=False, rootfs=None):
    """@rootfs: an existing root file system; None makes one inside the bundle."""
    os.makedirs(folder, exist_ok=True)
    rootfs = rootfs or make_rootfs(os.path.join(folder, "rootfs"))
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config(os.path.abspath(rootfs), command, terminal), file, indent=2)
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--terminal", action="store_true")
    parser.add_argument("folder")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    try:
        make_bundle(options.folder, options.command, options.terminal)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"make_bundle: {error}")


if __name__ == "__main__":
    main()
