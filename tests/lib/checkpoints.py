# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Containers that count, for checkpoints by a real CRIU."""

import os
import shutil

from harness import Skip
from memory_cgroup import change_config
from oci import Container, call, find_runtime
from peers import logged_bytes, parse_log
from processes import run_plain

# Ends with status 7 when the file is there. The numbers are the memory that a checkpoint keeps.
COUNTER = "i=0; while [ ! -e /stop ]; do i=$((i+1)); echo $i; sleep 0.1; done; exit 7"
STATUS = b"7"
# What the runtime and CRIU write to the bundle at a restore.
RESTORE_FILES = {"restore.log", "stats-restore", "criu.work", "descriptors.json"}


def require_criu():
    """The runtime's path, or a Skip with the reason."""
    runtime = find_runtime("runc")
    if shutil.which("criu") is None:
        raise Skip("this machine has no criu")
    status, out, err = run_plain("criu", "check")
    if status != 0:
        words = [line for line in (out + err).splitlines() if "Error" in line] or ["?"]
        raise Skip(f"this machine: criu does not work: {words[0]}")
    return runtime


def share_network(config):
    """With a network of its own a container is not dumped where CRIU cannot dump the network."""
    namespaces = config["linux"]["namespaces"]
    config["linux"]["namespaces"] = [n for n in namespaces if n["type"] != "network"]


class Counter(Container):
    """Counts on stdout, from 1 up."""

    def __init__(self, box, runtime, **options):
        super().__init__(box, runtime, ["sh", "-c", COUNTER], **options)
        box.ignored_files |= RESTORE_FILES
        change_config(self, share_network)

    def checkpoint(self, name, leaves_running=False):
        """The folder with the images."""
        images = self.box.at("state", name)
        work = self.box.at("state", f"{name}-work")
        flags = ["--leave-running"] if leaves_running else []
        result = call(self.runtime, f"--root={self.root}", "checkpoint", "--image-path", images,
                      "--work-path", work, *flags, self.monitor.cid)
        log = self.box.read(os.path.join(work, "dump.log")) or b""
        errors = [line for line in log.decode(errors="replace").splitlines() if "Error" in line]
        assert result.returncode == 0, f"checkpoint: {result.stderr} {errors}"
        return images

    def restore(self, images, **options):
        """A monitor that brings the container back. The one before it has ended."""
        old = self.monitor
        args = ["--runtime-arg", f"--root={self.root}", "--restore", images]
        self.monitor = self.box.create(bundle=old.bundle_dir, runtime=self.runtime,
                                       terminal=old.terminal, args=args, **options)
        # The engine's part after an end.
        for name in self.box.LEFT_TO_ENGINE:
            path = os.path.join(old.bundle_dir, name)
            if os.path.lexists(path):
                os.unlink(path)
        self.monitor.created()
        return self.monitor

    def stop(self):
        self.box.write(self.stop_file(), "")

    def stop_file(self):
        return os.path.join(self.monitor.bundle_dir, "rootfs", "stop")

    def numbers(self):
        """What is in the log, as numbers; the line that is being written is not looked at."""
        data = self.box.read(self.monitor.log_path) or b""
        records = parse_log(data[: data.rfind(b"\n") + 1])
        return [int(line) for line in logged_bytes(records).split()]
