# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Upgrades in place: the monitor becomes another program, and nobody notices."""

import glob
import gzip
import hashlib
import json
import os
import re
import subprocess
import threading

from harness import case, check, equal
from peers import logged_bytes, parse_log, read_until_end
from procdir import ProcessDir
from processes import open_files, read_proc, wait_until
from upgrade import (
    Counter,
    Reader,
    check_counted,
    image,
    install,
    place,
    request,
    rotated,
    upgrade,
)

CONMON = "it has no upgrade"
WAIT = "exec sleep 1000"


def ours(name):
    return case(name, conmon=CONMON)


@ours("an idle container's monitor goes on as the program that is installed")
def idle(box):
    install(box)
    monitor = box.create("read x; echo got $x; exit 3", stdin=True).created()
    pid = monitor.daemon_pid
    install(box)

    check(os.readlink(f"/proc/{pid}/exe").endswith(" (deleted)"), "the old program")
    arguments = read_proc(pid, "cmdline")
    upgrade(monitor)

    equal(os.readlink(f"/proc/{pid}/exe"), box.monitor_path)
    equal(read_proc(pid, "comm"), b"holdfast-monito\n")
    rest = arguments.split(b"\0", 1)[1]
    wait_until(lambda: read_proc(pid, "cmdline").endswith(rest), "its arguments")
    client = monitor.attach()
    client.send(b"this\n")
    client.read_until(b"got this\n")
    equal(monitor.wait_exited(), b"3")
    monitor.wait_gone()
    equal(monitor.logged(), b"got this\n")


@ours("a line on ctl asks for it too, and lines around it are all performed")
def by_control(box):
    monitor = box.create(WAIT, terminal=True).created()
    upgrade(monitor, lambda m: m.control(b"1 20 30\n3 0 0\n1 40"))
    monitor.wait_size(20, 30)

    monitor.control(b" 50\n")

    monitor.wait_size(40, 50)


def count_through_upgrades(box, times, newline=b"\n", clients=(0.0,), **options):
    """Counts aloud into two logs, one of which rotates, and to clients."""
    install(box)
    first, second = box.at("logs", "first"), box.at("logs", "second")
    args = ["--log-size-max", "3000000", "--log-rotate", "--log-max-files", "1000"]
    args += options.pop("args", [])
    counter = Counter(box, log=[f"k8s-file:{first}", f"json-file:{second}"], args=args, **options)
    monitor = counter.monitor
    readers = [Reader(monitor.attach(), rest) for rest in clients]
    monitor.start()
    fds = None
    for i in range(times):
        install(box) if i % 5 == 0 else None
        upgrade(monitor)
        fds = fds or sorted(open_files(monitor.daemon_pid))
    counter.stop()

    outputs = [reader.output() for reader in readers]
    equal(monitor.wait_exited(), b"%d" % counter.status)
    monitor.wait_gone()
    last = check_counted(logged_bytes(parse_log(rotated(first))), newline, "the log")
    records = (json.loads(line)["log"].encode() for line in rotated(second).splitlines())
    equal(check_counted(b"".join(records), newline, "the second log"), last)
    for output in outputs:
        equal(check_counted(output, newline, "what a client got"), last)
    return last


@ours("a container that counts at full speed: every number is there once, in logs and at clients")
def full_speed(box):
    count_through_upgrades(box, 15, clients=(0.0, 0.0, 0.002))


@ours("the same without clients")
def full_speed_alone(box):
    count_through_upgrades(box, 15, clients=())


@ours("the same with a terminal")
def full_speed_terminal(box):
    count_through_upgrades(box, 15, newline=b"\r\n", clients=(0.0, 0.001), terminal=True)


@ours("what is typed arrives once and in order")
def typed(box):
    install(box)
    monitor = box.create("exec cat", stdin=True).created()
    client = monitor.attach()
    reader = Reader(client)
    data = b"".join(b"%d\n" % i for i in range(1, 60001))
    pieces = [data[i : i + 4000] for i in range(0, len(data), 4000)]

    for i, piece in enumerate(pieces):
        client.send(piece)
        if i % 8 == 0:
            upgrade(monitor)
    client.half_close()

    equal(reader.output() == data, True)
    equal(monitor.wait_exited(), b"0")
    equal(monitor.logged() == data, True)


@ours("a container that does not read its stdin, and a client that waits for it")
def typed_and_not_read(box):
    install(box)
    stop = box.at("out", "stop")
    command = f"while [ ! -e {stop} ]; do sleep 0.05; done; exec sha256sum"
    monitor = box.create(command, stdin=True).created()
    client = monitor.attach()
    data = os.urandom(100) * 4000
    sent = 0
    client.socket.setblocking(False)
    try:
        while sent < len(data):
            sent += client.socket.send(data[sent : sent + 8000])
    except BlockingIOError:
        pass
    upgrade(monitor, times=3)
    box.write(stop, "")

    client.socket.setblocking(True)
    while sent < len(data):
        sent += client.socket.send(data[sent : sent + 8000])
    client.half_close()

    client.read_until(hashlib.sha256(data).hexdigest().encode())
    client.read_all()
    equal(monitor.wait_exited(), b"0")


@ours("half of a line before and half of it after make one record")
def half_line(box):
    install(box)
    monitor = box.create("printf one; read x; printf 'two\\n'; read x", stdin=True).created()
    client = monitor.attach()
    # It is a partial record as soon as nothing follows.
    monitor.wait_logged(b"one")
    upgrade(monitor)
    client.send(b"\n")
    client.read_until(b"two\n")
    client.send(b"\n")
    monitor.wait_exited()

    equal(monitor.logged(), b"onetwo\n")


@ours("the end of the process during an upgrade is not lost")
def ends_meanwhile(box):
    install(box)
    for i in range(12):
        # A check that is killed while it looks for leaks would be a complaint of the sanitizer.
        monitor = box.create(f"read x; exit {i + 1}", stdin=True,
                             env={"ASAN_OPTIONS": "detect_leaks=0"}).created()
        client = monitor.attach()
        request(monitor)
        client.send(b"\n")

        equal(monitor.wait_exited(), b"%d" % (i + 1))
        monitor.wait_gone()


@ours("--timeout goes on from where it was")
def deadline(box):
    install(box)
    monitor = box.create(WAIT, args=["--timeout", "2"]).created()
    upgrade(monitor, times=3)

    equal(monitor.wait_exited(), b"-1")


@ours("signals for the container are passed on afterwards")
def signals(box):
    install(box)
    monitor = box.create(WAIT).created()
    upgrade(monitor)
    os.kill(monitor.daemon_pid, 15)

    equal(monitor.wait_exited(), b"143")


@ours("an exec's status is told on the sync pipe afterwards")
def exec_status(box):
    install(box)
    container = box.create(WAIT).created()
    session = box.exec("read x; exit 5", container=container, stdin=True).created()
    upgrade(session, times=2)
    session.attach().send(b"\n")

    equal(session.line(), b'{"data": 5}\n')
    equal(session.rest(), b"")


@ours("asked for before the process runs, it waits for that")
def early(box):
    install(box)
    monitor = box.create(WAIT, script={"delay_pid_file": 500})
    monitor.spawn()
    monitor.go()
    wait_until(lambda: os.path.exists(monitor.conmon_pid_file), "the monitor")
    monitor.learn_daemon()
    before = image(monitor.daemon_pid)
    request(monitor)
    monitor.first_message()

    wait_until(lambda: image(monitor.daemon_pid) != before, "another program")
    check(monitor.container_pid, "a container")


@ours("a hundred upgrades leave as many descriptors and as much memory as the first")
def hundred(box):
    install(box)
    monitor = box.create(WAIT).created()
    monitor.attach()
    upgrade(monitor)
    wait_until(lambda: read_proc(monitor.daemon_pid, "wchan") is not None, "it")
    first = settled(monitor)
    upgrade(monitor, times=99)
    last = settled(monitor)

    equal(last[0], first[0], "descriptors")
    # A sanitizer's heap, of megabytes, is not the same each time.
    room = max(8, first[1] // 100)
    check(last[1] <= first[1] + room, f"{last[1]} KiB of private memory after {first[1]}")


def private_kib(pid):
    text = read_proc(pid, "smaps_rollup").decode()
    return int(re.search(r"Private_Dirty:\s+(\d+)", text).group(1))


def settled(monitor):
    """Descriptors and memory once both stay as they are."""
    last = []

    def stays():
        now = (sorted(open_files(monitor.daemon_pid)), private_kib(monitor.daemon_pid))
        last.append(now)
        return len(last) > 25 and len(set(map(str, last[-25:]))) == 1

    wait_until(stays, "a monitor at rest")
    return last[-1]


def in_process_dir(box, command, fifos=(), **options):
    """A monitor as libholdfast starts it."""
    directory = ProcessDir(box, f"p{len(box.monitors)}", fifos=fifos)
    paths = [f"--{name}-path={directory.fifo(name)}" for name in fifos]
    args = ["--process-dir", directory.path, *paths, *options.pop("args", [])]
    monitor = box.create(command, args=args, without=["-P"], sync=True, persist=None,
                         exit_dir=None, socket_dir=None, **options)  # fmt: skip
    monitor.pid_file = directory.at("pid")
    monitor.attach_path = lambda: directory.at("attach")
    box.cleanups.append(directory.end)
    return directory, monitor


def by_control_file(directory):
    return lambda monitor: directory.control(b"3 0 0\n")


@ours("a process directory: lock, exit and control stay; a line on control asks for it")
def process_dir(box):
    install(box)
    directory, monitor = in_process_dir(box, "read x; echo $x; exit 6", stdin=True,
                                        args=["--adoptable"])
    monitor.created()
    before = [directory.read(name) for name in ("pid", "starttime", "monitor.pid", "monitor.start")]
    upgrade(monitor, by_control_file(directory), times=3)

    check(directory.is_locked(), "a lock")
    check(not directory.has_hung_up(), "an exit FIFO")
    after = [directory.read(name) for name in ("pid", "starttime", "monitor.pid", "monitor.start")]
    equal(after, before)
    client = monitor.attach()
    client.send(b"word\n")
    client.read_until(b"word\n")
    equal(directory.wait_exit(), b"6")
    monitor.wait_gone()
    check(not directory.is_locked(), "no lock")
    equal(directory.messages(), [])


@ours("clients' FIFOs, with a reader that is slow and a writer that goes on")
def fifos(box):
    install(box)
    directory, monitor = in_process_dir(box, "exec cat", fifos=("stdin", "stdout", "stderr"))
    monitor.created()
    for name in ("stdout", "stderr"):
        directory.open_reader(name)
    directory.open_writer()
    data = b"".join(b"%d\n" % i for i in range(1, 30001))
    writer = threading.Thread(target=write_all, args=(directory, data))
    writer.start()
    output = b""
    while len(output) < len(data):
        upgrade(monitor)
        output += directory.read_fifo("stdout", size=min(20000, len(data) - len(output)))
    writer.join()
    directory.close("stdin")

    equal(output == data, True)
    equal(directory.wait_exit(), b"0")


def write_all(directory, data):
    view = memoryview(data)
    while view:
        view = view[os.write(directory.fds["stdin"], view[:4096]) :]


@ours("output that is held for the first client is held on")
def held(box):
    install(box)
    command = "echo early; echo err >&2; read x; exit 2"
    monitor = box.create(command, stdin=True, args=["--hold-output", "30"]).created()
    upgrade(monitor, times=2)
    check(b"early" not in (box.read(monitor.log_path) or b""), "output that is held")
    client = monitor.attach()

    client.read_until(b"early\n")
    client.read_until(b"err\n", stream=3)
    client.send(b"\n")
    equal(monitor.wait_exited(), b"2")


@ours("full files that are being compressed meanwhile")
def compressed(box):
    install(box)
    log = box.at("logs", "first")
    args = ["--log-size-max", "1000000", "--log-rotate", "--log-max-files", "900",
            "--log-compress"]  # fmt: skip
    counter = Counter(box, log=f"k8s-file:{log}", args=args)
    counter.monitor.start()
    upgrade(counter.monitor, times=12)
    wait_until(lambda: glob.glob(log + ".*.gz"), "a compressed file")
    upgrade(counter.monitor)
    counter.stop()
    equal(counter.monitor.wait_exited(), b"7")
    counter.monitor.wait_gone()

    files = {}
    for name in glob.glob(log + ".*"):
        number, _, ending = name[len(log) + 1 :].partition(".")
        check(ending in ("", "gz", "gz.tmp"), name)
        if ending != "gz.tmp":
            opener = gzip.open if ending == "gz" else open
            with opener(name, "rb") as file:
                files[int(number)] = file.read()
    whole = b"".join(files[number] for number in sorted(files, reverse=True)) + box.read(log)
    check_counted(logged_bytes(parse_log(whole)))


@ours("a log that is a full FIFO keeps what waits, and counts on what it dropped")
def full_fifo_log(box):
    install(box)
    path = box.at("logs", "fifo")
    os.mkfifo(path)
    fd = box.keep(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    counter = Counter(box, log=f"fifo:{path}")
    reader = Reader(counter.monitor.attach())
    counter.monitor.start()
    # More than may wait.
    while len(reader.client.output[2]) < 4000000:
        upgrade(counter.monitor)
    log = []
    thread = threading.Thread(target=lambda: log.append(read_until_end(fd)))
    thread.start()
    upgrade(counter.monitor, times=3)
    counter.stop()
    printed = reader.output()
    thread.join()
    data = log[0]
    # This reader may be too slow for the end as well.
    last = data.split(b"\n")[-2]
    check(data.endswith(b"\n") and (last == b"end" or last.startswith(b"holdfast: ")), last)

    # A record may be a piece of a line, and a report begins on a line of its own.
    lines = data.split(b"\n")
    losses = [line for line in lines if line.startswith(b"holdfast: ")]
    lost = sum(int(re.match(rb"holdfast: (\d+) bytes", line).group(1)) for line in losses)
    there = sum(len(line) for line in lines if line not in losses)
    check(losses, "a loss, which is told of")
    equal(there + lost, len(printed.replace(b"\n", b"")), "what is there and what is told of")
    os.unlink(path)


@ours("between two builds: the other one's version is what runs then")
def other_build(box):
    install(box)
    monitor = box.create(WAIT, args=["--log-level", "info"]).created()
    with open(box.monitor_path, "rb") as file:
        program = file.read()
    version = re.search(rb"commit: holdfast ([0-9.]+)", program).group(1)
    other = program.replace(b"holdfast " + version, b"holdfast " + b"9" * len(version))
    place(box, lambda path: box.write(path, other, 0o755))
    upgrade(monitor)

    said = subprocess.run([f"/proc/{monitor.daemon_pid}/exe", "--version"],
                          stdout=subprocess.PIPE, check=True).stdout  # fmt: skip
    check(b"holdfast " + b"9" * len(version) in said, said)
    install(box)
    upgrade(monitor)
