# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Monitors that are killed, and those that take their place."""

import os
import signal
import subprocess

from processes import DEADLINE, end_process, wait_exit, wait_until


def adoptable(box, command="exit 0", kind="create", **options):
    """A monitor whose directory is below the box."""
    args = ["--adoptable", "--adoption-dir", box.at("state", "monitors"), *options.pop("args", [])]
    # It is killed with SIGSEGV too, which is no finding of the sanitizer's.
    sanitizer = [os.environ.get("ASAN_OPTIONS"), f"log_path={box.at('out', 'sanitizer')}",
                 "handle_segv=0"]
    env = {"ASAN_OPTIONS": ":".join(filter(None, sanitizer)), **options.pop("env", {})}
    options["env"] = env
    make = box.create if kind == "create" else box.exec
    return make(command, args=args, **options)


def directory(monitor, *names):
    return os.path.join(monitor.box.at("state", "monitors"), monitor.uuid, *names)


def kill_monitor(monitor, how=signal.SIGKILL):
    os.kill(monitor.daemon_pid, how)
    wait_exit(monitor.daemon_pid, "the monitor that was killed")


def adopt_process(monitor, env=None, pass_fds=()):
    """Runs --adopt to the end of the first process: status and stderr."""
    result = subprocess.run(
        [monitor.box.monitor_path, "--adopt", directory(monitor)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        pass_fds=pass_fds,
        env={**os.environ, **(env or {})},
    )
    return result.returncode, result.stderr


def adopt(monitor, **options):
    """The monitor object stands for the new monitor from here on."""
    status, text = adopt_process(monitor, **options)
    assert status == 0, f"not adopted: {status} {text}"
    monitor.learn_daemon()
    return monitor


def wait_removed(monitor):
    """The session is over, and its directory gone."""
    wait_until(lambda: not os.path.exists(directory(monitor)), directory(monitor))


__all__ = ["adopt", "adopt_process", "adoptable", "directory", "end_process", "kill_monitor",
           "wait_removed"]
