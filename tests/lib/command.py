# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The command holdfast as people and scripts use it: its arguments, its streams, its exit status."""

import json
import os
import subprocess
import time

from harness import Skip, case, equal
from library import REAP_SECONDS, Library
from processes import DEADLINE, reap, status_of
from terminal import Terminal

# Its exit statuses besides those of containers.
FAILED = 125
CANNOT_INVOKE = 126
NO_COMMAND = 127
NOT_READ = 141


class Result:
    def __init__(self, argv, status, out, err):
        self.argv = argv
        self.status = status
        self.out = out
        self.err = err.decode(errors="replace")

    @property
    def text(self):
        return self.out.decode()

    @property
    def lines(self):
        return self.text.splitlines()

    @property
    def json(self):
        return json.loads(self.text)

    def __repr__(self):
        return f"{self.argv}: status {self.status}, {self.out!r:.500}, {self.err!r:.500}"


class Running:
    """The command under way; stdin is a pipe that stays open until close_stdin()."""

    def __init__(self, command, words, stdin, stdout):
        self.argv = [*command.argv(), *map(str, words)]
        self.child = subprocess.Popen(self.argv, stdin=stdin, stdout=stdout,
                                      stderr=subprocess.PIPE, env=command.environment(),
                                      process_group=0)
        self.pid = self.child.pid

    def write(self, data):
        self.child.stdin.write(data)
        self.child.stdin.flush()

    def close_stdin(self):
        self.child.stdin.close()
        self.child.stdin = None

    def read_line(self):
        return self.child.stdout.readline().decode().rstrip("\n")

    def finish(self, stdin=None):
        """Orphans are reaped meanwhile: a pid namespace ends only then."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                out, err = self.child.communicate(stdin, timeout=REAP_SECONDS)
                status = status_of(self.pid, self.child.returncode)
                return Result(self.argv[1:], status, out, err)
            except subprocess.TimeoutExpired:
                stdin = None
                reap()
                if time.monotonic() > end:
                    self.child.kill()
                    raise


class Command(Library):
    def __init__(self, box, real="runc"):
        super().__init__(box, real)
        folder = os.path.dirname(self.shim)
        paths = (f"{folder}/../cli/holdfast", f"{folder}/holdfast")
        found = [path for path in paths if os.path.exists(path)]
        if not found:
            raise Skip("the command is not built")
        self.path = os.path.realpath(found[0])

    def environment(self):
        return {**super().environment(), "TZ": "UTC", "LC_ALL": "C.UTF-8"}

    def argv(self):
        return [self.path, f"--root={self.root}"]

    def begin_command(self, *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE):
        return Running(self, words, stdin, stdout)

    def run(self, *words, stdin=None, **files):
        """Waits for its end. `stdin`: bytes, which end."""
        if stdin is not None:
            files["stdin"] = subprocess.PIPE
        return self.begin_command(*words, **files).finish(stdin)

    def ok(self, *words, **options):
        result = self.run(*words, **options)
        if result.status != 0:
            raise AssertionError(str(result))
        return result

    def fails(self, *words, status=FAILED, **options):
        """What it says of a failure: one line, without its name."""
        result = self.run(*words, **options)
        equal(result.status, status, f"status of {result}")
        lines = result.err.splitlines()
        if len(lines) != 1 or not lines[0].startswith("holdfast: "):
            raise AssertionError(f"not one line of the command: {result}")
        return lines[0][len("holdfast: "):]

    def new_options(self):
        """What run, create and restore need of this machine."""
        words = [f"--runtime={self.runtime}"]
        return words + ([f"--runtime-arg=--root={self.runtime_root}"] if self.is_real else [])

    def bundle_of(self, bundle):
        return [*self.new_options(), f"--bundle={bundle}"]

    def start(self, command="sleep 1000", *words, **bundle_options):
        """A container that runs by itself: its id."""
        name = self.name()
        self.ok("run", "-d", *words, *self.bundle_of(self.bundle(command, **bundle_options)), name)
        return name

    def terminal(self, *words, size=(24, 80)):
        """The command on a terminal."""
        terminal = Terminal([*self.argv(), *words], self.environment(), size)
        self.box.keep(terminal.master_fd)
        return terminal


def command_case(name, real="runc"):
    """A case that gets a Command, and may leave nothing but containers."""

    def register(function):
        @case(name)
        def with_command(box):
            command = Command(box, real)
            function(command)
            for left in command.names():
                command.call("delete", left, "force")
            equal(command.nothing_left(), [], "what is left")

        return function

    return register


def fake_command_case(name):
    """No root is needed; the container is a plain process."""
    return command_case(name, real=None)
