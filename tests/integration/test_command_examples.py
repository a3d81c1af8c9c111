# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""libholdfast from Python, through its typelib: docs/examples, run as they stand, and what they do not
show."""

import os
import subprocess

from command import Running, command_case, fake_command_case
from harness import Skip, check, equal
from processes import wait_until

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The distribution's own: another one in PATH has no gi.
PYTHON = "/usr/bin/python3"
PRELUDE = """
import sys, gi
gi.require_version("Holdfast", "1")
from gi.repository import Gio, GLib, Holdfast
root, runtime, bundle = sys.argv[1:]
"""


class Python:
    def __init__(self, command):
        self.command = command
        folder = os.path.join(os.path.dirname(command.path), "..", "library")
        if os.path.exists(os.path.join(folder, "Holdfast-1.typelib")):
            self.env = {"GI_TYPELIB_PATH": folder, "LD_LIBRARY_PATH": folder}
        elif os.path.exists(os.path.join(os.path.dirname(command.path), "../lib/girepository-1.0")):
            self.env = {}
        else:
            raise Skip("there is no typelib: the build had no gobject-introspection")
        command.env = {**command.env, **self.env}
        if subprocess.run([PYTHON, "-c", "import gi"], stderr=subprocess.DEVNULL,
                          check=False).returncode != 0:
            raise Skip("python3-gi is not installed")

    def begin(self, *words):
        running = Running.__new__(Running)
        running.argv = [PYTHON, "-Bu", *words]
        running.child = subprocess.Popen(running.argv, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                         env=self.command.environment(), process_group=0)
        running.pid = running.child.pid
        return running

    def example(self, name, *words):
        return self.begin(os.path.join(TREE, "docs/examples", name), *words)

    def run(self, text, bundle):
        """A program of a test's own."""
        result = self.begin("-c", PRELUDE + text, self.command.root, self.command.runtime,
                            bundle).finish()
        equal((result.status, result.err), (0, ""), f"{result}")
        return result.lines


@fake_command_case("run-container.py runs a container, prints its output, and has its status")
def run_container(command):
    python = Python(command)
    bundle = command.bundle("echo out; echo err >&2; exit 3")

    result = python.example("run-container.py", "--root", command.root, "--runtime",
                            command.runtime, bundle, "example").finish()

    equal((result.status, result.out, result.err), (3, b"out\n", "err\n"), "result")
    equal(command.names(), [], "the root")


@fake_command_case("run-container.py tells what went wrong")
def run_container_fails(command):
    python = Python(command)

    result = python.example("run-container.py", "--root", command.root, "/no/bundle", "x").finish()

    equal(result.status, 125, "status")
    check("/no/bundle" in result.err and "Traceback" not in result.err, result.err)


@fake_command_case("list-containers.py lists containers and their processes")
def list_containers(command):
    python = Python(command)
    running = command.start("exec sleep 1000")
    ended = command.name()
    command.run("run", *command.bundle_of(command.bundle("exit 3")), ended)
    os.mkdir(command.at("broken"), 0o700)

    result = python.example("list-containers.py", command.root).finish()

    equal(result.status, 0, f"{result}")
    check(result.lines[0].startswith(f"{running}: running, bundle /"), result)
    check(result.lines[1].startswith("  init: running, pid "), result)
    check(result.lines[2].startswith(f"{ended}: stopped, "), result)
    equal(result.lines[3], "  init: stopped (3)", "the ended process")
    check("broken" in result.err, result)
    os.rmdir(command.at("broken"))


@fake_command_case("follow-events.py has both descriptors in asyncio, and ends with the container")
def follow_events(command):
    python = Python(command)
    name = command.start("trap 'exit 6' TERM; echo ready; while :; do sleep 0.02; done")
    command.box.wait_text(command.at(name, "init", "ctr.log"), b"ready")
    running = python.example("follow-events.py", command.root, name)
    check(running.read_line().split()[1:3] == ["created", f"{name}/init"], "created")
    check(running.read_line().split()[1:3] == ["started", f"{name}/init"], "started")

    command.ok("kill", name)

    equal(running.read_line().split()[1:], ["exited", f"{name}/init", "6"], "exited")
    equal(running.finish().status, 6, "status")


@command_case("checkpoint.py makes a checkpoint, or says why not")
def checkpoint(command):
    python = Python(command)
    command.box.ignored_files.add("checkpoints")
    name = command.start()

    result = python.example("checkpoint.py", command.root, name, "before").finish()

    if result.status == 0:
        equal(result.lines[0].split()[0], "before", "its name")
        return
    check(result.err.startswith("checkpoint: ") and name in result.err, result)
    check("Traceback" not in result.err, result)
    equal(command.ok("inspect", name).json[0]["state"], "running", "state")


@fake_command_case("each call of the life of a container works in Python")
def life(command):
    python = Python(command)
    command.set_script("command echo hello; exec sleep 1000\nexec: command exit 4")

    lines = python.run("""
container = Holdfast.Container.new(root, "py", bundle,
                                   Holdfast.ContainerOptions(runtime=runtime, labels=["a=b"]))
print(container.get_labels(), Holdfast.container_state_to_string(container.get_state()))
process = container.start(None, Holdfast.Stdio.new(None, None, None))
process.start()
spec = Holdfast.ProcessSpec.new(["sh", "-c", "exit 4"])
spec.set_user(5, 6)
print(tuple(spec.get_user()), spec.dup_args())
loop = GLib.MainLoop()

def on_exec(container, result):
    container.exec_finish(result).wait_async(None, on_wait)

def on_wait(process, result):
    print(process.get_id(), process.wait_finish(result).out_status)
    loop.quit()

container.exec_async("e1", spec, None, None, on_exec)
loop.run()
print([one.get_id() for one in container.list_processes()])
process.signal(9)
print(process.wait().out_status)
lines = []
process.read_log(None, None, lambda entry: lines.append(bytes(entry.get_bytes())) or True)
print(lines)
container.delete(False)
print(len(Holdfast.Container.load_all(root)[0]))
""", command.bundle())

    equal(lines, ["['a=b'] new", "(5, 6) ['sh', '-c', 'exit 4']", "e1 4", "['init', 'e1']", "137",
                  "[b'hello']", "0"], "output")


@fake_command_case("errors have codes, and cancelling is one")
def errors(command):
    python = Python(command)

    lines = python.run("""
def code(function, *arguments):
    try:
        function(*arguments)
    except GLib.Error as error:
        if error.matches(Holdfast.error_quark(), error.code):
            return error.code
        return error.domain

print(code(Holdfast.Container.load, root, "none") == Holdfast.Error.NOT_FOUND)
print(code(Holdfast.Container.load, root, "../x") == Holdfast.Error.INVALID_ARGUMENT)
print(code(Holdfast.ProcessSpec.new_from_json, "{") == Holdfast.Error.INVALID_ARGUMENT)
container = Holdfast.Container.new(root, "py", bundle, Holdfast.ContainerOptions(runtime=runtime))
process = container.start(None, None)
process.start()
print(code(process.get_exit_status) == Holdfast.Error.PROCESS_NOT_EXITED)
print(code(container.delete, False) == Holdfast.Error.INVALID_STATE)
cancellable = Gio.Cancellable()
cancellable.cancel()
print(code(process.wait, cancellable))
container.delete(True)
""", command.bundle("exec sleep 1000"))

    equal(lines, ["True"] * 5 + ["g-io-error-quark"], "codes")
    wait_until(lambda: not command.names(), "the container to be gone")
