# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""A real systemd with one service, as a user's manager, in a mount namespace of its own.

It believes that systemd runs the machine, by a directory in a /run of its own; everything else it
sees as it is. The services it starts are in cgroups below the test program's.
"""

import os
import shlex
import signal
import subprocess

from harness import Skip
from processes import DEADLINE, Expired, end_process, is_running, wait_exit, wait_until

PATHS = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
BEGIN = 'mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/systemd/system && exec "$0" --user'
SERVICE = """\
[Unit]
DefaultDependencies=no
[Service]
KillMode=process
{lines}
ExecStart=/bin/sh {script}
"""


def find_systemd():
    if os.geteuid() != 0:
        raise Skip("this machine: a systemd of one's own needs root")
    path = next(filter(os.path.exists, PATHS), None)
    if path is None:
        raise Skip("systemd is not installed")
    return path


class Service:
    """A service `lines` that runs the shell script `commands`; it is not started yet."""

    def __init__(self, box, lines, commands, environment):
        self.box = box
        self.place = box.at("out", "systemd")
        os.makedirs(os.path.join(self.place, "units"))
        self.log = os.path.join(self.place, "log")
        exports = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
        script = box.write(os.path.join(self.place, "script"), "\n".join([*exports, *commands]))
        text = SERVICE.format(lines="\n".join(lines), script=script)
        box.write(os.path.join(self.place, "units", "monitor.service"), text)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": "/", "XDG_RUNTIME_DIR": self.place,
            "SYSTEMD_UNIT_PATH": os.path.join(self.place, "units") + ":",
            "SYSTEMD_LOG_TARGET": "console", "SYSTEMD_LOG_LEVEL": "info",
        }
        self.manager = self.start_manager(find_systemd())
        box.cleanups.append(self.end_manager)

    def start_manager(self, path):
        with open(self.log, "wb") as log:
            manager = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", BEGIN, path],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: self.is_ready() or not is_running(manager.pid), "systemd", 60)
        except Expired:
            pass
        if not is_running(manager.pid) or not self.is_ready():
            end_process(manager.pid)
            with open(self.log, encoding="utf-8", errors="replace") as log:
                said = log.read().strip().splitlines()[-1:]
            raise Skip(f"this machine does not run systemd as a user's manager: {said}")
        return manager

    def is_ready(self):
        return os.path.exists(os.path.join(self.place, "systemd", "private")) and \
            self.control("show", "--property=Version").returncode == 0

    def control(self, *words):
        return subprocess.run(["systemctl", "--user", "--no-pager", *words], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=DEADLINE, check=False)

    def start(self):
        done = self.control("start", "monitor.service")
        assert done.returncode == 0, f"{done.stderr} {self.box.read(self.log)}"

    def property(self, name):
        shown = self.control("show", f"--property={name}", "--value", "monitor.service")
        return shown.stdout.strip()

    def end_manager(self):
        """Its service as well, but nothing that is not the service's main process."""
        if is_running(self.manager.pid):
            self.control("stop", "monitor.service")
            os.kill(self.manager.pid, signal.SIGTERM)
            wait_exit(self.manager.pid, "systemd")
