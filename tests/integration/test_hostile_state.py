# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""State directories as somebody else may have left them: what is wrong is refused in words, nothing
is followed, nothing outside is read, changed or removed, and nothing waits for ever."""

import json
import os
import shutil
import socket
import stat

from command import fake_command_case
from harness import Skip, check, equal

SECRET = "the-words-of-a-secret"
STRANGER = 54321
HUGE = 6 * 1024 * 1024 * 1024


class Outside:
    """What must stay as it is: a container that is whole, and a secret."""

    def __init__(self, command):
        self.path = command.box.at("out", "outside")
        forge(command, self.path)
        self.secret = command.box.write(os.path.join(self.path, "secret"), SECRET, 0o600)
        self.before = self.look()

    def look(self):
        found = {}
        for folder, folders, names in os.walk(self.path):
            for name in folders + names:
                path = os.path.join(folder, name)
                info = os.lstat(path)
                text = None
                if stat.S_ISREG(info.st_mode):
                    with open(path, "rb") as file:
                        text = file.read()
                found[path] = (info.st_mode, info.st_uid, info.st_ino, text)
        return found

    def check(self, what):
        equal(self.look(), self.before, f"what lies outside, after {what}")


def forge(command, path):
    """A container with one process, as the library leaves one that was never started."""
    init = os.path.join(path, "init")
    os.makedirs(init, mode=0o700)
    os.chmod(path, 0o700)
    state = {"bundle": command.box.bundle, "labels": None, "runtime": command.runtime,
             "runtimeArgs": None, "shim": command.shim, "noPivotRoot": False}
    process = {"args": ["sh"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "exec": False,
               "monitorArgs": [f"--log-path=k8s-file:{init}/ctr.log"]}
    command.box.write(os.path.join(path, "state.json"), json.dumps(state), 0o600)
    command.box.write(os.path.join(init, "process.json"), json.dumps(process), 0o600)
    return path


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def only_root():
    if os.geteuid() != 0:
        raise Skip("this machine lets only root make devices and give files away")


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        folder = os.open(os.path.dirname(path), os.O_PATH)
        listener.bind(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
        os.close(folder)


def give_away(path):
    only_root()
    os.chown(path, STRANGER, STRANGER)


def write(path, data=b"", size=None):
    with open(path, "wb") as file:
        file.write(data)
        if size is not None:
            file.truncate(size)


def make_device(path):
    only_root()
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))


# What comes in place of a thing that is not there; and what is done to one that is.
PLACED = {
    "a FIFO": lambda path, outside: os.mkfifo(path, 0o600),
    "a socket": lambda path, outside: make_socket(path),
    "a device": lambda path, outside: make_device(path),
}


def in_place_of_directory(outside):
    return {
        **PLACED,
        "a link": lambda path, _: os.symlink(outside.path, path),
        "a link to nothing": lambda path, _: os.symlink("nowhere", path),
        "a file": lambda path, _: write(path),
    }


def in_place_of_file(outside):
    return {
        **PLACED,
        "a link": lambda path, _: os.symlink(outside.secret, path),
        "a directory": lambda path, _: os.mkdir(path, 0o700),
        "a huge file": lambda path, _: write(path, size=HUGE),
        "garbage": lambda path, _: write(path, b"\xff\0{[\x1b[31m"),
    }


CHANGED = {
    "open to everybody": lambda path: os.chmod(path, 0o777),
    "of a stranger": give_away,
}


def run_all(command, name, outside, what):
    """Every command that reads state; each ends, and none tells the secret."""
    results = {}
    for words in (["list"], ["--format=json", "list"], ["inspect", name], ["events"],
                  ["logs", name], ["wait", name], ["upgrade", name], ["kill", name], ["top", name],
                  ["delete", name], ["delete", "--force", name]):
        result = command.run(*words)
        said = result.out.decode(errors="replace") + result.err
        check(SECRET not in said, f"{what}: {result} tells the secret")
        check("\x1b" not in said, f"{what}: {result} acts on a terminal")
        check(result.status >= 0, f"{what}: {result} was ended by a signal")
        outside.check(f"{words} with {what}")
        results[words[-1] if words[-1] == "list" else words[0]] = result
    return results


def refused(result, name, what):
    """With a line on stderr that names the thing."""
    check(result.status != 0, f"{what}: {result} is no failure")
    check(name in result.err, f"{what}: {result} does not name '{name}'")


@fake_command_case("a root that is no directory of ours is refused by every command")
def roots(command):
    outside = Outside(command)
    kinds = [(what, put, None) for what, put in in_place_of_directory(outside).items()]
    kinds += [(what, None, change) for what, change in CHANGED.items()]
    for what, put, change in kinds:
        if put:
            put(command.root, outside)
        else:
            os.makedirs(command.root, mode=0o700)
            change(command.root)
        for words in (["list"], ["inspect", "web"], ["delete", "-f", "web"], ["logs", "web"],
                      ["create", *command.bundle_of(command.box.bundle), "web"]):
            refused(command.run(*words), command.root, what)
            outside.check(f"{words} with {what} for a root")
        remove(command.root)


@fake_command_case("what is no container's directory is refused, and does not hide the others")
def containers(command):
    outside = Outside(command)
    os.makedirs(command.root, mode=0o700)
    forge(command, command.at("good"))
    kinds = [(what, put, None) for what, put in in_place_of_directory(outside).items()]
    kinds += [(what, None, change) for what, change in CHANGED.items()]
    for what, put, change in kinds:
        if put:
            put(command.at("bad"), outside)
        else:
            change(forge(command, command.at("bad")))
        results = run_all(command, "bad", outside, f"{what} for a container")
        equal([entry["id"] for entry in results["list"].json], ["good"], what)
        for words in ("inspect", "logs", "delete"):
            refused(results[words], "bad", what)
        check(os.path.lexists(command.at("bad")), f"{what} is still there")
        remove(command.at("bad"))
    remove(command.at("good"))


@fake_command_case("what is no process's directory is refused, and its container can be deleted")
def processes(command):
    outside = Outside(command)
    os.makedirs(command.root, mode=0o700)
    for what, put in in_place_of_directory(outside).items():
        forge(command, command.at("web"))
        shutil.rmtree(command.at("web", "init"))
        put(command.at("web", "init"), outside)
        results = run_all(command, "web", outside, f"{what} for a process")
        refused(results["logs"], "init", what)
        remove(command.at("web"))
    for what, change in CHANGED.items():
        change(os.path.join(forge(command, command.at("web")), "init"))
        refused(run_all(command, "web", outside, f"a process {what}")["logs"], "init", what)
        remove(command.at("web"))


@fake_command_case("a state.json that is none, or somebody else's, is refused")
def state_files(command):
    outside = Outside(command)
    os.makedirs(command.root, mode=0o700)
    kinds = [(what, put, None) for what, put in in_place_of_file(outside).items()]
    kinds += [(what, None, change) for what, change in CHANGED.items()]
    for what, put, change in kinds:
        path = os.path.join(forge(command, command.at("web")), "state.json")
        if put:
            os.unlink(path)
            put(path, outside)
        else:
            change(path)
        results = run_all(command, "web", outside, f"{what} for state.json")
        equal(results["list"].json, [], what)
        for words in ("inspect", "logs", "delete"):
            refused(results[words], "state.json", what)
        check(os.path.lexists(path), f"{what} is still there")
        remove(command.at("web"))


@fake_command_case("a process.json that is none, or somebody else's, is refused")
def process_files(command):
    outside = Outside(command)
    os.makedirs(command.root, mode=0o700)
    kinds = [(what, put, None) for what, put in in_place_of_file(outside).items()]
    kinds += [(what, None, change) for what, change in CHANGED.items()]
    for what, put, change in kinds:
        path = os.path.join(forge(command, command.at("web")), "init", "process.json")
        if put:
            os.unlink(path)
            put(path, outside)
        else:
            change(path)
        results = run_all(command, "web", outside, f"{what} for process.json")
        refused(results["logs"], "process.json", what)
        remove(command.at("web"))


NAMES = ["paused", "checkpointed", "lock", "init/pid", "init/starttime", "init/exitStatus",
         "init/exit", "init/control", "init/lock", "init/monitor.pid", "init/monitor.start",
         "init/attach", "init/oom", "init/started", "init/log.json", "init/shim-log.json",
         "init/ctr.log", "init/streams.json", "init/seccomp.json", "init/seccomp.json.1",
         "init/monitor.version", "init/upgrade"]


def each_file(kinds):
    def run(command):
        outside = Outside(command)
        os.makedirs(command.root, mode=0o700)
        for name in NAMES:
            for what in kinds:
                path = os.path.join(forge(command, command.at("web")), name)
                in_place_of_file(outside)[what](path, outside)
                run_all(command, "web", outside, f"{what} for {name}")
                remove(command.at("web"))
    return run


for pair in (["a link", "a FIFO"], ["a directory", "a socket"], ["a huge file", "garbage"]):
    fake_command_case(f"no command follows or waits for {' or '.join(pair)} in place of any file"
                      )(each_file(pair))
