# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Size limits of the log, rotation, and reopening after somebody else renamed the file."""

import glob
import os
import signal
import time

from harness import case, check, equal
from peers import IN_CREATE, IN_MODIFY, IN_MOVED_TO, Watch, logged_bytes, parse_log
from processes import stat_fields, wait_until

COUNT = 2000
LINES = f"i=0; while [ $i -lt {COUNT} ]; do echo line-$i; i=$((i + 1)); done"
EXPECTED = b"".join(b"line-%d\n" % i for i in range(COUNT))
# How long the monitor waits for clients before it tells of the exit (FLUSH_MS).
FLUSH_SECONDS = 1.5
ECHO = "while read line; do echo $line; done"


def rotated(monitor):
    """All files of a log, oldest first."""
    paths = glob.glob(monitor.log_path + ".*")
    paths.sort(key=lambda path: -int(path.rpartition(".")[2]))
    return [path for path in paths + [monitor.log_path] if os.path.exists(path)]


def everything(monitor):
    return logged_bytes([r for path in rotated(monitor) for r in parse_log(monitor.box.read(path))])


@case("no log file grows beyond --log-size-max")
def size_max(box):
    monitor = box.create(LINES, args=["--log-size-max", "20000"]).created()
    monitor.wait_exited()

    for path in rotated(monitor):
        check(os.path.getsize(path) <= 20000, f"{path}: {os.path.getsize(path)}")


@case("at the size limit the newest lines are kept, as many as the limit has room for",
      conmon="it throws the whole file away")
def size_max_keeps_history(box):
    monitor = box.create(LINES, args=["--log-size-max", "20000"]).created()
    monitor.wait_exited()

    kept = everything(monitor)

    check(EXPECTED.endswith(kept), "the end of the output without a gap")
    check(sum(map(os.path.getsize, rotated(monitor))) >= 20000, "at least the limit's worth")


@case("with rotation every line is in one of the files", conmon="2.1.6 has no rotation")
def rotation(box):
    args = ["--log-size-max", "20000", "--log-rotate", "--log-max-files", "100"]
    monitor = box.create(LINES, args=args).created()
    monitor.wait_exited()

    equal(everything(monitor), EXPECTED)
    check(len(rotated(monitor)) > 3, "several files")


@case("not more full files are kept than asked for", conmon="2.1.6 has no rotation")
def rotation_count(box):
    args = ["--log-size-max", "10000", "--log-rotate", "--log-max-files", "3"]
    monitor = box.create(LINES, args=args).created()
    monitor.wait_exited()

    names = sorted(os.path.basename(path) for path in rotated(monitor))

    equal(names, ["ctr0.log", "ctr0.log.1", "ctr0.log.2", "ctr0.log.3"])


@case("what is in the file already counts for the size limit",
      conmon="2.1.6 counts from 0")
def existing_file_counts(box):
    old = "2020-01-01T00:00:00.000000000+00:00 stdout F before\n" * 200
    monitor = box.create("echo after; head -c 3000 /dev/zero | tr '\\0' 'x'",
                         args=["--log-size-max", "11000"])
    box.write(monitor.log_path, old)
    monitor.created().wait_exited()

    check(os.path.getsize(monitor.log_path) <= 11000, "the limit holds for the old file too")
    check(b"x" * 3000 in monitor.logged(), "the new output is there")


@case("a record that is larger than the size limit is logged all the same")
def record_beyond_limit(box):
    monitor = box.create("head -c 6000 /dev/zero | tr '\\0' x; echo; echo end",
                         args=["--log-size-max", "1000"]).created()
    monitor.wait_exited()

    check(everything(monitor).endswith(b"end\n"), "it goes on")


@case("after --log-global-size-max bytes nothing is logged and the container goes on",
      conmon="it writes a little more")
def global_size_max(box):
    monitor = box.create(LINES + "; exit 3", args=["--log-global-size-max", "5000"]).created()

    equal(monitor.wait_exited(), b"3")
    kept = monitor.logged()
    check(0 < os.path.getsize(monitor.log_path) <= 5000, "the limit")
    check(EXPECTED.startswith(kept), "the beginning of the output")


@case("exec sync stops logging at the limit and tells the status",
      conmon="it writes a little more")
def global_size_max_exec(box):
    monitor = box.exec_sync(LINES + "; exit 3", args=["--log-global-size-max", "5000"])
    monitor.spawn().go()

    equal(monitor.rest(), b'{"exit_code": 3}\n')
    check(os.path.getsize(monitor.log_path) <= 5000, "the limit")


def echoing(box):
    monitor = box.create(ECHO, stdin=True, autostart=False).created()
    client = monitor.attach()
    monitor.start()
    client.send(b"before\n")
    monitor.wait_logged(b"before\n")
    return monitor, client


def reopen(monitor):
    """Asks for it and waits the way CRI-O does: for an event on exactly the log's path."""
    directory, name = os.path.split(monitor.log_path)
    watch = Watch(directory, mask=IN_CREATE | IN_MODIFY | IN_MOVED_TO)
    monitor.control(b"2 0 0\n")
    wait_until(lambda: name in watch.names(directory), "an event of the log's path")
    watch.close()


@case("after a rename and reopen new lines go to a new file, and none is lost")
def reopen_after_rename(box):
    monitor, client = echoing(box)
    moved = monitor.log_path + ".moved"
    os.rename(monitor.log_path, moved)
    client.send(b"between\n")
    client.read_until(b"between\n")

    reopen(monitor)
    client.send(b"after\n")
    monitor.wait_logged(b"after\n")

    client.close()
    old = logged_bytes(parse_log(box.read(moved)))
    check(old.startswith(b"before\n"), old)
    equal(old + monitor.logged(), b"before\nbetween\nafter\n")


@case("a reopen without a rename keeps the log and raises an event",
      conmon="it replaces the log by an empty file")
def reopen_in_place(box):
    monitor, client = echoing(box)

    reopen(monitor)
    client.send(b"after\n")
    monitor.wait_logged(b"after\n")

    client.close()
    equal(monitor.logged(), b"before\nafter\n")


@case("a reopen after the file was removed makes it again")
def reopen_after_removal(box):
    monitor, client = echoing(box)
    os.unlink(monitor.log_path)

    reopen(monitor)
    client.send(b"after\n")
    monitor.wait_logged(b"after\n")

    client.close()
    equal(monitor.logged(), b"after\n")


@case("reopening while the container prints loses no line")
def reopen_under_load(box):
    count = 20000
    command = f"i=0; while [ $i -lt {count} ]; do echo line-$i; i=$((i + 1)); done"
    monitor = box.create(command).created()
    moved = []
    while not os.path.exists(monitor.exit_file()) and len(moved) < 50:
        wait_until(lambda: box.read(monitor.log_path) or os.path.exists(monitor.exit_file()),
                   "a line in the log, or the end")
        moved.append(monitor.log_path + f".{1000 - len(moved)}")
        try:
            os.rename(monitor.log_path, moved[-1])
            reopen(monitor)
        except OSError:
            break
    monitor.wait_gone()

    equal(everything(monitor), b"".join(b"line-%d\n" % i for i in range(count)))


def asks_at_end(box):
    """A monitor that was asked for a reopen right before its last step; None: it was faster.

    A client that does not read keeps it from that step until a deadline, which counts before what
    stands in a FIFO. The socket's name goes when that deadline is set."""
    monitor = box.create("head -c 700000 /dev/zero; exit 3", autostart=False).created()
    client = monitor.attach()
    monitor.start()
    wait_until(lambda: not os.path.exists(monitor.attach_path()), "the last step but one")
    os.kill(monitor.daemon_pid, signal.SIGSTOP)
    try:
        wait_until(lambda: stat_fields(monitor.daemon_pid)[0] in "TZ", "it stands still")
        over = time.monotonic() + FLUSH_SECONDS
        os.rename(monitor.log_path, monitor.log_path + ".moved")
        monitor.control(b"2 0 0\n")
        wait_until(lambda: time.monotonic() > over, "the deadline")
    except OSError:
        monitor = None
    finally:
        os.kill(box.monitors[-1].daemon_pid, signal.SIGCONT)
    box.monitors[-1].wait_exited()
    client.close()
    box.monitors[-1].wait_gone()
    return monitor


@case("a reopen that the end of the container overtakes is carried out",
      conmon="its end has no such deadline")
def reopen_at_end(box):
    monitor = wait_until(lambda: asks_at_end(box), "a monitor that is asked in time")

    equal(monitor.wait_exited(), b"3")
    check(os.path.exists(monitor.log_path), "a new log")


@case("a log that cannot be reopened goes on in the old file", conmon="it ends")
def reopen_fails(box):
    monitor, client = echoing(box)
    moved = box.at("out", "moved")
    os.rename(box.at("logs"), moved)

    monitor.control(b"2 0 0\n")
    client.send(b"after\n")
    path = os.path.join(moved, os.path.basename(monitor.log_path))
    box.wait_text(path, b" stdout F after\n")

    os.rename(moved, box.at("logs"))
    client.close()
    equal(monitor.logged(), b"before\nafter\n")


@case("--no-sync-log changes nothing that can be seen")
def no_sync_log(box):
    monitor = box.create("echo x; exit 3", args=["--no-sync-log"]).created()

    equal(monitor.wait_exited(), b"3")
    equal(monitor.logged(), b"x\n")
