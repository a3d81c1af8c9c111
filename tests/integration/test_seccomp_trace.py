# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""holdfast run --seccomp-trace with runc: the profile that it makes, and that it suffices."""

import functools
import glob
import json
import os

from command import FAILED, command_case
from harness import check, equal
from seccomp import find_agent


def trace_case(name):
    """A case whose command finds the agent, and which may leave no traced bundle."""

    def register(function):
        @command_case(name)
        @functools.wraps(function)
        def with_agent(command):
            plain = command.environment
            agent = find_agent()
            place = command.box.at("out", "traces")
            os.mkdir(place)
            command.environment = lambda: {
                **plain(), "HOLDFAST_SECCOMP_AGENT": agent, "TMPDIR": place,
            }
            function(command)
            equal(glob.glob(f"{place}/*"), [], "what is left")
            os.rmdir(place)

        return with_agent

    return register


def allowed(profile):
    [rule] = profile["syscalls"]
    equal(rule["action"], "SCMP_ACT_ALLOW", "action")
    return rule["names"]


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def set_in_config(bundle, change):
    path = os.path.join(bundle, "config.json")
    config = read(path)
    change(config)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)


@trace_case("the profile has what was called, sorted, and no more")
def profile(command):
    bundle = command.bundle("busybox mkdir /tmp/x; cat /proc/self/stat >/dev/null; exit 7")
    path = command.box.at("out", "profile.json")

    result = command.run("run", f"--seccomp-trace={path}", *command.bundle_of(bundle),
                         command.name())

    equal((result.status, result.err), (7, ""), "result")
    made = read(path)
    names = allowed(made)
    equal(made["defaultAction"], "SCMP_ACT_ERRNO", "default")
    check(made["architectures"], "no architecture")
    equal(names, sorted(set(names)), "names")
    check({"execve", "mkdir", "exit_group", "write"} <= set(names), names)
    check(not {"reboot", "mount", "chroot", "symlink"} & set(names), names)
    equal(command.names(), [], "the root")


@trace_case("the container runs under its profile, and not with another call")
def suffices(command):
    script = "busybox mkdir -p /tmp/x; if test -e /tmp/link; then busybox chroot / true; fi"
    bundle = command.bundle(f"{script}; echo ok")
    path = command.box.at("out", "profile.json")
    command.ok("run", f"--seccomp-trace={path}", *command.bundle_of(bundle), command.name())
    made = read(path)
    set_in_config(bundle, lambda config: config["linux"].update(seccomp=made))

    again = command.run("run", "--rm", *command.bundle_of(bundle), command.name())
    command.box.write(os.path.join(bundle, "rootfs", "tmp", "link"), "")
    other = command.run("run", "--rm", *command.bundle_of(bundle), command.name())

    equal((again.status, again.out), (0, b"ok\n"), "the same")
    check("Operation not permitted" in other.err, other)


@trace_case("limits above 2^63 and relative mounts are the container's as before")
def config_is_kept(command):
    bundle = command.bundle("cat /mnt/file")
    command.box.ignored_files.add("shared")
    os.mkdir(os.path.join(bundle, "shared"))
    os.mkdir(os.path.join(bundle, "rootfs", "mnt"))
    command.box.write(os.path.join(bundle, "shared", "file"), "shared\n")

    def change(config):
        config["mounts"].append({"destination": "/mnt", "type": "bind", "source": "shared",
                                 "options": ["rbind"]})
        config["process"]["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 2**64 - 1,
                                         "hard": 2**64 - 1}]

    set_in_config(bundle, change)
    path = command.box.at("out", "profile.json")

    result = command.run("run", f"--seccomp-trace={path}", *command.bundle_of(bundle),
                         command.name())

    equal((result.status, result.out), (0, b"shared\n"), "result")


@trace_case("- prints the profile behind the output")
def printed(command):
    bundle = command.bundle("echo out")

    result = command.ok("run", "--seccomp-trace=-", *command.bundle_of(bundle), command.name())

    first, _, rest = result.text.partition("\n")
    equal(first, "out", "the output")
    check("execve" in allowed(json.loads(rest)), rest)


@trace_case("a container that cannot be made leaves nothing")
def no_container(command):
    bundle = command.bundle("true")
    set_in_config(bundle, lambda config: config["process"].update(args=["/no/such/program"]))
    path = command.box.at("out", "profile.json")

    result = command.run("run", f"--seccomp-trace={path}", *command.bundle_of(bundle),
                         command.name())

    check(result.status != 0 and not os.path.exists(path), result)
    equal(command.names(), [], "the root")


@trace_case("--detach is refused")
def detached(command):
    bundle = command.bundle("true")

    said = command.fails("run", "-d", "--seccomp-trace=-", *command.bundle_of(bundle),
                         command.name(), status=FAILED)

    equal(said, "--seccomp-trace: not with --detach", "message")


@trace_case("a terminal is shown how much was seen")
def progress(command):
    bundle = command.bundle("sleep 1")
    path = command.box.at("out", "profile.json")

    terminal = command.terminal("run", f"--seccomp-trace={path}", *command.bundle_of(bundle),
                                command.name())

    terminal.read_until(b" system calls, ")
    equal(terminal.wait(), 0, "status")
