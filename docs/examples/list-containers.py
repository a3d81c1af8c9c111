#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Lists all containers with their processes, whoever started them.

    list-containers.py [ROOT]"""

import sys

import gi

gi.require_version("Holdfast", "1")
from gi.repository import GLib, Holdfast  # noqa: E402


def exit_status(process):
    """None while it runs."""
    try:
        _, status = process.get_exit_status()
        return status
    except GLib.Error as error:
        if not error.matches(Holdfast.error_quark(), Holdfast.Error.PROCESS_NOT_EXITED):
            raise
        return None


def describe(process):
    status = exit_status(process)
    state = Holdfast.process_state_to_string(process.get_state())
    return f"{state} ({status})" if status is not None else f"{state}, pid {process.get_system_pid()}"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else Holdfast.default_root()
    containers, problems = Holdfast.Container.load_all(root)
    for container in containers:
        state = Holdfast.container_state_to_string(container.get_state())
        print(f"{container.get_id()}: {state}, bundle {container.get_bundle()}")
        for process in container.list_processes():
            print(f"  {process.get_id()}: {describe(process)}")
    # A container that cannot be loaded does not keep the others from being listed.
    for problem in problems:
        print(problem, file=sys.stderr)


if __name__ == "__main__":
    main()
