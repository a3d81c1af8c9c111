# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""A real systemd keeps the terminal of a container whose monitor is killed, and starts another."""

import os
import shlex
import signal

from adoption import adoptable, directory
from arguments import arguments
from harness import case, check, equal
from processes import is_running, wait_until
from systemd import Service

LINES = ("Type=forking", "NotifyAccess=all", "FileDescriptorStoreMax=4", "Restart=on-failure",
         "RestartSec=100ms")
COMMAND = "echo begin; read one; echo got $one; read two; echo got $two; exit 5"


def service_of(box, monitor):
    """What docs/adoption.md has: a directory that is there is a monitor's that died."""
    place = shlex.quote(directory(monitor))
    new = shlex.join([box.monitor_path, *arguments(monitor)])
    commands = [f"test -d {place} && exec {shlex.quote(box.monitor_path)} --adopt {place}",
                f"exec {new}"]
    lines = (*LINES, f"PIDFile={monitor.conmon_pid_file}")
    return Service(box, lines, commands, monitor.environment(0))


@case("systemd keeps a terminal, and starts a monitor that takes it back",
      conmon="nobody takes over for it")
def kept(box):
    monitor = adoptable(box, COMMAND, terminal=True, stdin=True, pipes=False)
    service = service_of(box, monitor)
    service.start()
    monitor.learn_daemon()
    monitor.wait_logged(b"begin\r\n")
    wait_until(lambda: service.property("NFileDescriptorStore") == "1", "the descriptor to be kept")
    equal(service.property("MainPID"), str(monitor.daemon_pid), "the service's main process")
    client = monitor.attach()
    client.send(b"first\n")
    client.read_until(b"got first\r\n")

    killed = monitor.daemon_pid
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: service.property("MainPID") not in ("0", str(killed)), "a new monitor")
    client.close()
    wait_until(lambda: service.property("SubState") == "running", "it to be ready")
    monitor.learn_daemon()
    equal(service.property("MainPID"), str(monitor.daemon_pid), "the service's main process")
    client = monitor.attach()
    client.send(b"second\n")
    client.read_until(b"got second\r\n")

    equal(monitor.wait_exited(), b"5")
    wait_until(lambda: not is_running(monitor.daemon_pid), "the end of the monitor")
    wait_until(lambda: service.property("NFileDescriptorStore") == "0", "the descriptor to go")
    client.close()
    check(b"got first" in box.read(monitor.log_path), "the log")
    service.end_manager()
