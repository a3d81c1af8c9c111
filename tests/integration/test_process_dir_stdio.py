# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""FIFOs of clients (--stdin-path and its like): nothing waits for a client, nothing is lost."""

import fcntl
import hashlib
import os
import random
import select
import struct
import termios

from harness import Skip, case, check, equal
from peers import AttachClient
from procdir import ProcessDir
from processes import open_files, wait_quiet, wait_until

OURS = dict(sync=True, persist=None, exit_dir=None, socket_dir=None, full_attach=False)
ALL = ("stdin", "stdout", "stderr")
MIB = 1 << 20


def ours(name):
    return case(name, conmon="it has no process directory")


def start(box, command, fifos=ALL, **options):
    """A process directory and its monitor, with FIFOs nobody has opened."""
    directory = ProcessDir(box, f"p{len(box.monitors)}", fifos=fifos)
    paths = [f"--{name}-path={directory.fifo(name)}" for name in fifos]
    args = ["--process-dir", directory.path, *paths, *options.pop("args", [])]
    without = ["-P"] + (["-l"] if "log" not in options else [])
    monitor = box.create(command, args=args, without=without, **{**OURS, **options})
    monitor.pid_file = directory.at("pid")
    box.cleanups.append(directory.end)
    return directory, monitor


def waiting_in(fd):
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0]


@ours("both streams go to their FIFOs, and everything is there when exit hangs up")
def both_streams(box):
    directory, monitor = start(box, "echo out; echo err >&2; exit 3")
    for name in ("stdout", "stderr"):
        directory.open_reader(name)
    monitor.created()

    equal(directory.wait_exit(), b"3")
    monitor.wait_gone()
    equal(directory.read_fifo("stdout"), b"out\n")
    equal(directory.read_fifo("stderr"), b"err\n")
    equal(directory.messages(), [])


@ours("FIFOs without clients hold nothing up: creation, output that fits, control")
def no_clients(box):
    directory, monitor = start(box, "echo out; echo err >&2; exec sleep 1000")
    monitor.created()
    fd = directory.open_reader("stdout")

    wait_until(lambda: waiting_in(fd) == 4, "the output in the FIFO")
    equal(directory.read_fifo("stdout", size=4), b"out\n")


@ours("a client that comes late reads all from the beginning")
def late_client(box):
    directory, monitor = start(box, "head -c 1000000 /dev/zero | tr '\\0' x; exit 0")
    monitor.created()
    wait_quiet(monitor.pid)

    directory.open_reader("stdout")
    data = directory.read_fifo("stdout", size=1000000)

    equal(len(data), 1000000)
    equal(directory.wait_exit(), b"0")


@ours("a client that goes and comes again loses nothing")
def client_restart(box):
    directory, monitor = start(box, "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
    expected = b"".join(b"line %d\n" % i for i in range(20000))
    data = b""
    monitor.created()

    while len(data) < len(expected):
        directory.open_reader("stdout")
        data += directory.read_fifo("stdout", size=min(10000, len(expected) - len(data)))
        directory.close("stdout")

    equal(hashlib.sha256(data).digest(), hashlib.sha256(expected).digest())
    equal(directory.wait_exit(), b"0")


@ours("a slow reader loses nothing, also what comes after the process has ended")
def slow_reader(box):
    directory, monitor = start(box, "head -c 3000000 /dev/urandom | tee /dev/stderr 2>{0}; exit 9"
                               .format(box.at("out", "copy")))
    fd = directory.open_reader("stdout")
    monitor.created()
    data = b""
    while len(data) < 3000000:
        select.select([fd], [], [], 30)
        piece = os.read(fd, random.choice((1, 100, 5000, 65536)))
        check(piece, f"an end after {len(data)} bytes")
        data += piece

    # tee(1) writes the copy after the output, so it is whole only when tee has ended.
    equal(directory.wait_exit(), b"9")
    equal(hashlib.sha256(data).digest(), hashlib.sha256(box.read(box.at("out", "copy"))).digest())
    equal(directory.messages(), [])


@ours("a full FIFO holds its own stream up and not the other")
def streams_apart(box):
    size = 5 * MIB
    directory, monitor = start(
        box, f"(head -c {size} /dev/zero >&2; echo >{box.at('out', 'done')}) & "
             f"head -c {size} /dev/zero; wait; exit 2")
    directory.open_reader("stdout")
    directory.open_reader("stderr")
    monitor.created()

    equal(len(directory.read_fifo("stdout", size=size)), size)
    check(not os.path.exists(box.at("out", "done")), "stderr is held up")
    equal(len(directory.read_fifo("stderr", size=size)), size)
    equal(directory.wait_exit(), b"2")


@ours("a full FIFO does not hold up attach, resize or the end")
def end_with_full_fifo(box):
    directory, monitor = start(box, "head -c 10000000 /dev/zero; exit 0")
    directory.open_reader("stdout")
    monitor.created()
    wait_quiet(monitor.pid)

    client = AttachClient(directory.at("attach"))
    os.kill(monitor.container_pid, 9)
    status = directory.wait_read("exitStatus")

    equal(status, b"137")
    client.close()
    check(not directory.has_hung_up(), "the client has not had all of it")
    total = len(directory.read_fifo("stdout"))
    check(total >= 65536, f"{total} bytes")
    directory.wait_exit()


@ours("what nobody reads is given up and told of")
def nobody_reads(box):
    directory, monitor = start(box, "head -c 1000 /dev/zero; exit 0")
    monitor.created()
    equal(directory.wait_read("exitStatus"), b"0")

    equal(directory.wait_exit(), b"0")

    (level, text), = directory.messages()
    equal(level, "error")
    check("the last 1000 bytes of stdout were not read" in text, text)


@ours("a client that has the FIFO open gets what is in it after the monitor is gone")
def reader_after_monitor(box):
    directory, monitor = start(box, "head -c 1000 /dev/zero; exit 0")
    directory.open_reader("stdout")
    monitor.created()

    directory.wait_exit()
    monitor.wait_gone()

    equal(len(directory.read_fifo("stdout")), 1000)
    equal(directory.messages(), [])


@ours("output may go to files, and to /dev/null")
def to_files(box):
    out = box.write(box.at("out", "file"), "before\n")
    directory, monitor = start(box, "echo out; echo err >&2", fifos=(),
                               args=["--stdout-path", out, "--stderr-path", "/dev/null"])
    monitor.created()

    equal(directory.wait_exit(), b"0")
    equal(box.read(out), b"before\nout\n")


@ours("a file that takes nothing is told of once, and the container goes on")
def to_full_device(box):
    directory, monitor = start(box, "echo one; echo two; exit 6", fifos=(),
                               args=["--stdout-path", "/dev/full"])
    monitor.created()

    equal(directory.wait_exit(), b"6")
    (level, text), = directory.messages()
    equal(level, "error")
    check("No space left" in text, text)


@ours("a path that is missing, or a directory, fails the start with its name")
def bad_paths(box):
    for option in ("--stdin-path", "--stdout-path", "--stderr-path"):
        for path in (box.at("missing"), box.at("out")):
            if option == "--stdin-path" and path == box.at("out"):
                continue
            directory, monitor = start(box, "exit 0", fifos=(), args=[option, path])

            message = monitor.run()

            equal(message["data"], -1)
            check(path in message["message"], message)
            monitor.wait_gone()
            check(any(path in text for _, text in directory.messages()), directory.messages())


@ours("stdin ends with the last writer, after all he wrote")
def stdin_ends(box):
    directory, monitor = start(box, "wc -c; exit 1")
    directory.open_reader("stdout")
    monitor.created()
    fd = directory.open_writer()
    second = os.open(directory.fifo("stdin"), os.O_WRONLY)

    view = memoryview(b"x" * 700000)
    while view:
        view = view[os.write(fd, view):]
    directory.close("stdin")
    os.write(second, b"y")
    os.close(second)

    equal(directory.wait_exit(), b"1")
    equal(directory.read_fifo("stdout"), b"700001\n")


@ours("no writer yet is no end of stdin")
def no_writer_yet(box):
    directory, monitor = start(box, "read line; echo got $line")
    directory.open_reader("stdout")
    monitor.created()
    wait_quiet(monitor.pid)
    os.write(directory.open_writer(), b"hello\n")

    equal(directory.read_fifo("stdout", text=b"\n"), b"got hello\n")


@ours("stdin stays open for one writer after the other with --leave-stdin-open")
def leave_open(box):
    directory, monitor = start(box, "read a; read b; echo $a $b; cat; exit 8",
                               args=["--leave-stdin-open"])
    directory.open_reader("stdout")
    monitor.created()
    for word in (b"one\n", b"two\n"):
        os.write(directory.open_writer(), word)
        directory.close("stdin")
    equal(directory.read_fifo("stdout", text=b"\n"), b"one two\n")
    wait_quiet(monitor.pid)

    directory.control(b"0 0 0\n")

    equal(directory.wait_exit(), b"8")


@ours("a control line closes stdin after what is in its FIFO, also with its writer there")
def close_stdin(box):
    directory, monitor = start(box, "sleep 0.2; wc -c; exit 1")
    directory.open_reader("stdout")
    monitor.created()
    fd = directory.open_writer()
    os.write(fd, b"x" * 60000)
    os.write(fd, b"y" * 60000)
    os.set_blocking(fd, False)
    size = 120000
    try:
        while True:
            size += os.write(fd, b"z" * 4096)
    except BlockingIOError:
        pass

    directory.control(b"0 0 0\n")

    equal(directory.wait_exit(), b"1")
    equal(directory.read_fifo("stdout"), b"%d\n" % size)


@ours("a writer learns that the container has closed its stdin")
def container_closes_stdin(box):
    directory, monitor = start(box, "exec <&-; exec sleep 1000")
    monitor.created()
    fd = directory.open_writer()

    def broken():
        try:
            os.write(fd, b"x" * 1000)
        except BrokenPipeError:
            return True
        return False

    wait_until(broken, "EPIPE")


@ours("stdin comes from the FIFO and from attach clients alike")
def both_inputs(box):
    directory, monitor = start(box, "read a; echo $a; read b; echo $b; exit 0")
    directory.open_reader("stdout")
    monitor.created()
    client = AttachClient(directory.at("attach"))

    os.write(directory.open_writer(), b"fifo\n")
    client.read_until(b"fifo\n")
    client.send(b"attach\n")

    equal(client.read_all()[2], b"fifo\nattach\n")
    equal(directory.wait_exit(), b"0")
    equal(directory.read_fifo("stdout"), b"fifo\nattach\n")


@ours("a terminal reads and writes its FIFOs, and a writer that leaves does not end it")
def terminal(box):
    directory, monitor = start(box, "stty size; read a; read b; echo $a $b; exit 4", terminal=True)
    directory.open_reader("stdout")
    directory.control(b"1 80 25\n")
    monitor.created()
    for word in (b"one\n", b"two\n"):
        os.write(directory.open_writer(), word)
        directory.close("stdin")

    equal(directory.wait_exit(), b"4")
    text = directory.read_fifo("stdout")
    check(b"25 80\r\n" in text and text.endswith(b"one two\r\n"), text)


@ours("a slow reader of a terminal holds it up and loses nothing")
def slow_terminal(box):
    directory, monitor = start(box, "stty -opost; head -c 1000000 /dev/zero; exit 0", terminal=True)
    directory.open_reader("stdout")
    monitor.created()
    wait_quiet(monitor.pid)

    equal(len(directory.read_fifo("stdout", size=1000000)), 1000000)
    equal(directory.wait_exit(), b"0")


@ours("an exec has FIFOs of its own")
def exec_process(box):
    _, container = start(box, "exec sleep 1000", fifos=())
    container.created()
    directory = ProcessDir(box, "exec1", fifos=ALL)
    box.cleanups.append(directory.end)
    args = ["--process-dir", directory.path]
    args += [f"--{name}-path={directory.fifo(name)}" for name in ALL]
    monitor = box.exec("read line; echo $line; exit 11", container=container, args=args,
                       without=["-l", "-P", "-b"], **OURS)
    monitor.pid_file = directory.at("pid")
    directory.open_reader("stdout")
    monitor.created()

    os.write(directory.open_writer(), b"hi\n")

    equal(directory.read_fifo("stdout", text=b"\n"), b"hi\n")
    equal(directory.wait_exit(), b"11")


@ours("the container's streams belong to --stdio-owner")
def owner(box):
    if os.geteuid() != 0:
        raise Skip("only root may give files away")
    directory, monitor = start(box, "exec sleep 1000", args=["--stdio-owner", "1234:5678"])
    monitor.created()

    for number in range(3):
        status = os.stat(f"/proc/{monitor.container_pid}/fd/{number}")
        equal((status.st_uid, status.st_gid), (1234, 5678), f"descriptor {number}")
    directory, monitor = start(box, "exec sleep 1000", args=["--stdio-owner", "1234:5678"],
                               terminal=True)
    monitor.created()
    status = os.stat(f"/proc/{monitor.container_pid}/fd/0")
    equal((status.st_uid, status.st_gid), (1234, 5678), "the terminal")


@ours("the container gets none of the FIFOs")
def no_leak(box):
    directory, monitor = start(box, "exec sleep 1000")
    monitor.created()

    def has_pipes_only():
        # A program that is being loaded has its libraries open for a moment.
        targets = open_files(monitor.container_pid).values()
        return len(targets) == 3 and all(target.startswith("pipe:") for target in targets)

    wait_until(has_pipes_only, "three pipes and nothing else")


@ours("logs and FIFOs have the same bytes")
def log_too(box):
    directory, monitor = start(box, "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done",
                               log=None)
    directory.open_reader("stdout")
    monitor.created()
    expected = b"".join(b"line %d\n" % i for i in range(3000))

    equal(directory.read_fifo("stdout", size=len(expected)), expected)
    directory.wait_exit()
    monitor.wait_gone()
    equal(monitor.logged(), expected)
