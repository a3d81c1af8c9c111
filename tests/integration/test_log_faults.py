# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Logs whose target fails, is taken away or cut, and monitors that are killed while they write."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess

from harness import Skip, case, check, equal
from peers import logged_bytes, parse_log
from processes import wait_exit, wait_until

CONMON = "it loses records, or ends"
LOSS = re.compile(rb"holdfast: (\d+) bytes in (\d+) records were not logged: (.*)")
# What a disk has room for.
FREE = 100000
ECHO = "while read line; do echo $line; done"


@contextlib.contextmanager
def tmpfs(path, size):
    os.mkdir(path)
    if os.getuid() != 0 or subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", path],
        check=False, stderr=subprocess.DEVNULL,
    ).returncode:  # fmt: skip
        raise Skip("this machine: no tmpfs can be mounted")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def json_records(text):
    """(stream, message) of each line."""
    lines = [json.loads(line) for line in text.splitlines()]
    return [(line["stream"], line["log"].encode()) for line in lines]


def cri_records(text):
    return [(record.stream, record.text + (b"\n" if record.tag == "F" else b""))
            for record in parse_log(text)]


FORMATS = {"k8s-file": cri_records, "json-file": json_records}


def print_on_full_disk(box, driver, count, sign):
    """Lets a container print `count` lines of 100 bytes into a log whose disk is soon full, then
    makes room, and waits for a sign of it; returns the log's records at the end."""
    with tmpfs(box.at("small"), "32m") as folder:
        path = os.path.join(folder, "log")
        status = os.statvfs(folder)
        size = status.f_bavail * status.f_frsize - FREE
        obstacle = box.write(os.path.join(folder, "obstacle"), b"o" * size)
        other = box.at("logs", "other")
        command = f"read x; seq -f %099.0f {count}; echo filled; read x; echo after; exit 3"
        monitor = box.create(command, stdin=True, args=["--leave-stdin-open"],
                             log=[f"{driver}:{path}", f"k8s-file:{other}"]).created()
        press_enter(monitor)
        wait_until(lambda: b" filled\n" in (box.read(other) or b""), "the container to go on")
        full = box.read(path)
        check(FREE - 2 * 4096 <= len(full) <= FREE, f"a full disk, {len(full)} bytes")
        os.unlink(obstacle)
        wait_until(lambda: sign in box.read(path), "the log goes on")
        press_enter(monitor)
        equal(monitor.wait_exited(), b"3")
        monitor.wait_gone()
        text = box.read(path)
    # What was there is there still, and the record that was cut off is whole.
    check(text.startswith(full), "the beginning")
    return FORMATS[driver](text)


def press_enter(monitor):
    """Clients that do not read would hold the container up."""
    client = monitor.attach()
    client.send(b"\n")
    client.close()


def expected_lines(count):
    return [b"%099d\n" % i for i in range(1, count + 1)] + [b"filled\n", b"after\n"]


@case("a full k8s-file disk that has room again in time costs nothing", conmon=CONMON)
def full_disk_cri(box):
    records = print_on_full_disk(box, "k8s-file", 3000, b"filled")

    equal(b"".join(text for _, text in records) == b"".join(expected_lines(3000)), True)


@case("a full json-file disk that has room again in time costs nothing", conmon=CONMON)
def full_disk_json(box):
    records = print_on_full_disk(box, "json-file", 3000, b"filled")

    equal(b"".join(text for _, text in records) == b"".join(expected_lines(3000)), True)


def check_loss(records, count):
    """What is missing is told of where it is missing, to the byte."""
    place = next(i for i, (_, text) in enumerate(records) if LOSS.match(text))
    lost, lost_records, cause = LOSS.match(records[place][1]).groups()
    stream, _ = records.pop(place)
    output = b"".join(text for _, text in records)
    lines = expected_lines(count)
    before = output[: sum(len(text) for _, text in records[:place])]
    after = output[len(before):]
    whole = b"".join(lines)

    equal(stream, "stderr")
    check(b"No space left on device" in cause, cause)
    check(whole.startswith(before) and whole.endswith(after), "one gap, where it is told of")
    missing = whole[len(before): len(whole) - len(after)]
    equal(int(lost), len(missing.replace(b"\n", b"")), "bytes that are missing")
    # A line may be lost in two pieces.
    check(0 < missing.count(b"\n") <= int(lost_records) <= missing.count(b"\n") + 10, lost_records)


@case("a k8s-file disk that stays full costs records, and one tells how many", conmon=CONMON)
def full_disk_cri_loss(box):
    check_loss(print_on_full_disk(box, "k8s-file", 60000, b"holdfast: "), 60000)


@case("a json-file disk that stays full costs records, and one tells how many", conmon=CONMON)
def full_disk_json_loss(box):
    check_loss(print_on_full_disk(box, "json-file", 60000, b"holdfast: "), 60000)


def traced(box, calls, command, **options):
    """Runs a monitor to its end, and returns what strace tells of those system calls."""
    if shutil.which("strace") is None:
        raise Skip("strace is not installed")
    number = len(box.monitors)
    trace = box.at("out", f"trace{number}")
    plain, box.monitor_path = box.monitor_path, box.script(
        f"traced{number}",
        f"exec strace -f -qq -s 200 -e trace={calls},exit_group -o {trace} {box.monitor_path} \"$@\"")
    # A leak cannot be looked for under ptrace.
    monitor = box.create(command, sync=True, bundle=box.add_bundle(f"traced-bundle{number}"),
                         env={"ASAN_OPTIONS": "detect_leaks=0"}, **options).spawn().go()
    monitor.wait_exited()
    monitor.wait_gone()
    box.monitor_path = plain
    text = box.read(trace)
    if not text:
        raise Skip("this machine lets nobody trace")
    return text


@case("a log that cannot be written to for I/O errors holds nothing up, and that is told once",
      conmon=CONMON)
def io_error(box):
    # A write to this file at its beginning, where no memory is mapped, is EIO.
    other = box.at("logs", "other")
    trace = traced(box, "write", "seq 100000; sleep 2.5; seq 100000; exit 4",
                   log=["raw:/proc/self/mem", f"k8s-file:{other}"])

    expected = b"".join(b"%d\n" % i for i in range(1, 100001)) * 2
    equal(logged_bytes(parse_log(box.read(other))) == expected, True, "the other log")
    check(len(re.findall(rb"= -1 EIO", trace)) >= 3, "it is tried again")
    equal(len(re.findall(rb'write\(2, "[^"]*log raw: [^"]*Input/output error', trace)), 1, "told")


def remove_directory(box, *args):
    """A container that prints before, while and after its log's directory is away."""
    directory = box.at("logs", "container")
    path = os.path.join(directory, "0.log")
    os.mkdir(directory)
    monitor = box.create(ECHO, stdin=True, autostart=False, log=f"k8s-file:{path}", args=args)
    monitor.log_path = path
    client = monitor.created().attach()
    monitor.start()
    client.send(b"before\n")
    monitor.wait_logged(b"before\n")
    shutil.rmtree(directory)
    for i in range(100):
        client.send(b"line-%d\n" % i)
        client.read_until(b"line-%d\n" % i)
    os.mkdir(directory)
    return monitor, client


@case("a log whose directory was removed goes on once it is reopened")
def removed_directory(box):
    monitor, client = remove_directory(box)

    monitor.control(b"2 0 0\n")
    wait_until(lambda: os.path.exists(monitor.log_path), "the new log")
    client.send(b"after\n")
    monitor.wait_logged(b"after\n")

    client.half_close()
    equal(monitor.wait_exited(), b"0")
    client.close()
    equal(monitor.logged(), b"after\n")


@case("a full log whose directory was removed goes on there once there is one", conmon=CONMON)
def removed_directory_rotation(box):
    monitor, client = remove_directory(box, "--log-size-max", "1000", "--log-rotate")

    client.send(b"after\n")
    wait_until(lambda: os.path.exists(monitor.log_path), "the new log, without a reopen")
    monitor.wait_logged(b"after\n")

    client.half_close()
    equal(monitor.wait_exited(), b"0")
    client.close()


@case("somebody who truncates the log leaves whole records and the limit counts anew",
      conmon=CONMON)
def truncated(box):
    monitor = box.create(ECHO, stdin=True, autostart=False,
                         args=["--log-size-max", "3000", "--log-rotate"]).created()
    client = monitor.attach()
    monitor.start()
    for i in range(30):
        client.send(b"line-%d\n" % i)
        monitor.wait_logged(b"line-%d\n" % i)
        if i % 10 == 9:
            os.truncate(monitor.log_path, 0)
    client.send(b"after\n")
    monitor.wait_logged(b"after\n")

    client.half_close()
    monitor.wait_exited()
    client.close()
    equal(monitor.logged(), b"after\n")
    equal(os.listdir(box.at("logs")), ["ctr0.log"])


@case("a log that is truncated again and again under load has whole records")
def truncated_under_load(box):
    monitor = box.create("seq -f %0120.0f 300000").created()
    cuts = 0
    while not os.path.exists(monitor.exit_file()):
        if os.path.getsize(monitor.log_path) > 0:
            os.truncate(monitor.log_path, 0)
            cuts += 1
    monitor.wait_gone()

    # Of the first line, which may be in two records, a part may have been cut off.
    numbers = [int(line) for line in monitor.logged().splitlines()[1:]]

    check(cuts > 0, "it was cut")
    equal(numbers, list(range(300001 - len(numbers), 300001)))


class Victim:
    """Monitors that write two logs at full speed, and are killed one after the other."""

    ARGS = ("--log-size-max", "3000000", "--log-rotate", "--log-max-files", "1000")

    def __init__(self, box):
        self.box = box
        self.paths = {"k8s-file": box.at("logs", "cri"), "json-file": box.at("logs", "json")}
        self.count = 0

    def kill_one(self):
        run = self.count
        self.count += 1
        monitor = self.box.create(
            f"exec seq -f 'run {run} line %07.0f end' 9000000", args=self.ARGS,
            bundle=self.box.add_bundle(f"b{run}"),
            log=[f"{driver}:{path}" for driver, path in self.paths.items()],
        ).created()  # fmt: skip
        size = random.randrange(2000000)
        path = self.paths[random.choice(list(self.paths))]
        start = self.size_of(path)
        wait_until(lambda: self.size_of(path) - start >= size, "some output")
        os.kill(monitor.daemon_pid, signal.SIGKILL)
        wait_exit(monitor.daemon_pid, "the monitor")
        monitor.end_container()

    def files_of(self, path):
        """The oldest first."""
        names = [name for name in os.listdir(self.box.at("logs"))
                 if name.startswith(os.path.basename(path))]
        numbers = sorted((int(name.partition(".")[2] or 0) for name in names), reverse=True)
        return [f"{path}.{number}" if number else path for number in numbers]

    def size_of(self, path):
        total = 0
        for name in self.files_of(path) if os.path.exists(path) else []:
            with contextlib.suppress(FileNotFoundError):
                total += os.path.getsize(name)
        return total

    def text_of(self, path):
        return b"".join(self.box.read(name) for name in self.files_of(path))


def message_of(driver, line):
    """What the container printed, of a line of its log; None if it is no record."""
    try:
        (_, message), = FORMATS[driver](line + b"\n")
        return message
    except (ValueError, AssertionError):
        return None


def check_after_kills(victim, driver):
    """Each run's lines are there up to some place, and few lines of the log are no records."""
    text = victim.text_of(victim.paths[driver])
    found = [message_of(driver, line) for line in text.splitlines()]
    output = b"".join(message for message in found if message is not None)
    last = [0] * victim.count
    # What a killed monitor had of a line without its end stands in front of the next one's first.
    for match in re.finditer(rb"run (\d+) line (\d+) end\n", output):
        run, number = int(match[1]), int(match[2])
        last[run] += 1
        equal(number, last[run], f"{driver}: the number of a line of run {run}")
    torn = found.count(None)
    check(torn <= victim.count, f"{torn} torn lines of {driver} after {victim.count} kills")
    check(min(last) > 0, "lines of each run")
    rest = re.sub(rb"run \d+ line \d+ end\n", b"", output)
    check(len(rest) <= 30 * victim.count, f"at most a part of a line for each run: {rest!r}")


@case("a monitor that is killed leaves at most one torn line, and the next one goes on",
      conmon=CONMON)
def killed(box):
    victim = Victim(box)
    for _ in range(12):
        victim.kill_one()

    for driver in victim.paths:
        check_after_kills(victim, driver)


def tear(box, driver, half):
    """The log of a monitor that was killed within a record; what the next one makes of it."""
    path = box.write(box.at("logs", "log"), half)
    monitor = box.create("echo one; echo two", log=f"{driver}:{path}").created()
    monitor.wait_exited()
    monitor.wait_gone()
    first, *rest = box.read(path).split(b"\n")
    equal(first, half.encode(), "what was there")
    return FORMATS[driver](b"\n".join(rest))


@case("half a line that is there is ended before the first record", conmon=CONMON)
def half_line(box):
    whole = [("stdout", b"one\n"), ("stdout", b"two\n")]

    equal(tear(box, "k8s-file", "2020-01-01T00:00:00.000000000+00:00 stdout F ha"), whole)
    equal(tear(box, "json-file", '{"log":"ha'), whole)


def count_synced(box, *args):
    """How many descriptors are synced by a monitor with two logs."""
    logs = [f"k8s-file:{box.at('logs', 'one')}", f"json-file:{box.at('logs', 'two')}"]
    trace = traced(box, "fsync,fdatasync", "echo x; exit 3", log=logs, args=args)
    return len(re.findall(rb"f(?:data)?sync\(\d+\) += 0", trace + b"\n"))


@case("logs are synced to disk at the end")
def synced(box):
    others = count_synced(box, "--no-sync-log")

    equal(count_synced(box) - others, 2, f"what is synced beside {others} others")
