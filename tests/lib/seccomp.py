# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Containers whose seccomp filter hands calls over, and what the agent made of them."""

import json
import os
import sys

from harness import Skip
from oci import Container
from processes import children, command_line, descendants, reap, wait_until

PROGRAM = "holdfast-seccomp-agent"


def find_agent():
    named = os.environ.get("HOLDFAST_SECCOMP_AGENT")
    path = named or f"{os.path.realpath(sys.argv[1])}/src/seccomp-agent/{PROGRAM}"
    if not os.path.exists(path):
        raise Skip(f"there is no {PROGRAM} in this build")
    return path


def rule(syscalls, action, **more):
    return {"syscalls": syscalls, "action": action, **more}


def add_filter(box, bundle, listener, notify):
    """The calls of `notify` are handed over at `listener`."""
    path = os.path.join(bundle, "config.json")
    config = json.loads(box.read(path))
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": listener,
        "syscalls": [{"names": list(notify), "action": "SCMP_ACT_NOTIFY"}],
    }
    box.write(path, json.dumps(config))


class Guarded:
    """A real runtime's container. `notify`: the calls that are handed over; `rules`: those of the
    policy, None for no policy, or a text in place of a policy."""

    def __init__(self, box, runtime, command, notify=("mkdir",), rules=None, per_minute=None,
                 **options):
        self.box = box
        self.socket = box.at("run", "notify")
        args = ["--seccomp-notify-socket", self.socket, *options.pop("args", [])]
        policy = self.write_policy(rules, per_minute)
        args += ["--seccomp-policy", policy] if policy else []
        self.container = Container(box, runtime, ["sh", "-c", command], sync=True,
                                   env={"HOLDFAST_SECCOMP_AGENT": find_agent()}, **options)
        self.monitor = self.container.monitor
        self.monitor.args = [*self.monitor.args, *args]
        self.record_path = self.monitor.log_path + ".seccomp.json"
        add_filter(box, self.monitor.bundle_dir, self.socket, notify)

    def write_policy(self, rules, per_minute):
        if rules is None:
            return None
        policy = {"rules": rules, **({"perMinute": per_minute} if per_minute else {})}
        text = rules if isinstance(rules, str) else json.dumps(policy)
        return self.box.write(self.box.at("out", "policy.json"), text)

    def create(self):
        self.container.create()
        return self

    def start(self):
        self.create().container.start()
        return self

    def agent_pid(self):
        pids = [pid for pid in children(self.monitor.pid) if PROGRAM in command_line(pid)]
        assert len(pids) == 1, f"agents: {pids}"
        return pids[0]

    def ended(self):
        """The container's exit status, when the monitor has gone too, and the records are whole."""
        status = int(self.monitor.wait_exited())
        self.monitor.wait_gone()
        wait_until(lambda: reap() or not self.agents(), "the agent's end")
        return status

    @staticmethod
    def agents():
        return [pid for pid in descendants(os.getpid()) if PROGRAM in command_line(pid)]

    def records(self):
        text = self.box.read(self.record_path) or b""
        return [json.loads(line) for line in text.splitlines()]

    def wait_records(self, count):
        wait_until(lambda: len(self.records()) >= count, f"{count} records")
        return self.records()

    def use_process_dir(self):
        """Where the monitor's messages are, as its stderr is nowhere, and the records."""
        directory = self.box.at("out", "process")
        os.mkdir(directory, 0o700)
        self.monitor.args += ["--process-dir", directory]
        self.record_path = os.path.join(directory, "seccomp.json")
        self.message_path = os.path.join(directory, "shim-log.json")
        return self
