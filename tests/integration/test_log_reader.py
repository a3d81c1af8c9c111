# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The log reader gives back what a container wrote, from the logs of the monitor and of conmon."""

import os
import re
import shutil
import subprocess

from harness import Skip, case, check, equal
from processes import DEADLINE, wait_until

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
COUNT = 5000
LINES = f"i=0; while [ $i -lt {COUNT} ]; do echo line-$i; i=$((i + 1)); done"
EXPECTED = b"".join(b"line-%d\n" % i for i in range(COUNT))
ROTATING = ["--log-size-max", "5000", "--log-rotate", "--log-max-files", "1000"]
PIECES = "head -c 100000 /dev/zero | tr '\\0' x; echo; printf 'prompt: '"


def program(box):
    return os.environ.get("LOG_READER") or os.path.join(os.path.dirname(box.runtime_path),
                                                        "log-reader")


def read(box, path, *options):
    """What the reader prints; it must have nothing to complain about."""
    done = subprocess.run([program(box), *options, path], capture_output=True, timeout=DEADLINE)
    equal((done.returncode, done.stderr), (0, b""), "status and complaints")
    return done.stdout


def start_following(box, path, *options):
    reader = subprocess.Popen([program(box), "--follow", *options, path], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    box.cleanups.append(reader.kill)
    return reader


def finish_following(reader):
    out, err = reader.communicate(timeout=DEADLINE)
    equal((reader.returncode, err), (0, b""), "status and complaints")
    return out


def use_conmon(box):
    path = shutil.which("conmon") or "/usr/bin/conmon"
    if not os.path.exists(path):
        raise Skip("there is no conmon")
    box.monitor_path = os.path.realpath(path)
    box.is_conmon = True


def finished(box, command, **options):
    monitor = box.create(command, **options).created()
    monitor.wait_exited()
    monitor.wait_gone()
    return monitor


@case("both streams are given back byte for byte")
def whole_log(box):
    monitor = finished(box, "printf 'a\\000\\377\\n\\n  b\\n'; echo err >&2; printf end")

    equal(read(box, monitor.log_path, "--stream", "stdout"), b"a\0\xff\n\n  b\nend")
    equal(read(box, monitor.log_path, "--stream", "stderr"), b"err\n")


@case("a long line is given back whole, and what has no newline has none")
def long_line(box):
    monitor = finished(box, PIECES)

    expected = b"x" * 100000 + b"\nprompt: "
    equal(read(box, monitor.log_path), expected)
    equal(read(box, monitor.log_path, "--join"), expected)


@case("a log in several files is read from the oldest on",
      conmon="2.1.6 has no rotation")
def rotated_log(box):
    monitor = finished(box, LINES, args=ROTATING)

    equal(read(box, monitor.log_path), EXPECTED)
    tail = read(box, monitor.log_path, "--tail", "777")
    equal(tail, b"".join(EXPECTED.splitlines(keepends=True)[-777:]))


@case("a log is followed while it is rotated", conmon="2.1.6 has no rotation")
def followed_rotation(box):
    monitor = box.create(LINES, args=ROTATING, autostart=False).created()
    reader = start_following(box, monitor.log_path, "--stop-after", f"line-{COUNT - 1}")
    monitor.start()
    out = finish_following(reader)
    monitor.wait_exited()

    equal(out, EXPECTED)


@case("a log that is not there yet is followed")
def followed_from_before(box):
    monitor = box.create("echo one; echo end")
    reader = start_following(box, monitor.log_path, "--tail", "0", "--stop-after", "end")
    monitor.created().wait_exited()

    equal(finish_following(reader), b"one\nend\n")


@case("a log is followed across a rename and a reopen")
def followed_reopen(box):
    monitor = box.create("while read line; do echo $line; done", stdin=True,
                         autostart=False).created()
    client = monitor.attach()
    reader = start_following(box, monitor.log_path, "--stop-after", "after")
    monitor.start()
    client.send(b"before\n")
    equal(reader.stdout.readline(), b"before\n")
    os.rename(monitor.log_path, monitor.log_path + ".20260101-000000")
    client.send(b"between\n")
    client.read_until(b"between\n")
    monitor.control(b"2 0 0\n")
    wait_until(lambda: os.path.exists(monitor.log_path), "the new file")
    client.send(b"after\n")
    out = finish_following(reader)

    client.close()
    equal(out, b"between\nafter\n")


@case("since and until cut where the records' times say")
def times(box):
    monitor = finished(box, "echo one; sleep 0.05; echo two; sleep 0.05; echo three")
    records = box.read(monitor.log_path).splitlines()
    middle = records[1].split(b" ")[0].decode()

    equal(read(box, monitor.log_path, "--since", middle), b"two\nthree\n")
    equal(read(box, monitor.log_path, "--until", middle), b"one\n")


def expression(name, beginning, end):
    """A regular expression of a page or an example, in Python's words."""
    with open(os.path.join(DOCS, name)) as file:
        text = file.read()
    start = text.index(beginning) + len(beginning)
    found = text[start : text.index(end, start)].replace("\\e", "\\").replace("(?<", "(?P<")
    return re.compile(found.encode(), re.DOTALL)


@case("the regular expressions for shippers match every record")
def expressions(box):
    monitor = finished(box, "printf 'a\\000\\377\\r\\n\\n'; " + PIECES)
    page = expression("holdfast-log.5", "on bytes:\n.Bd -literal\n", "\n")
    fluent_bit = expression("examples/fluent-bit-parsers.conf", "Regex       ", "\n")
    vector = expression("examples/vector.toml", ", r'", "'")

    records = [line for line in box.read(monitor.log_path).split(b"\n") if line]

    for record in records:
        fields = record.split(b" ", 3)
        equal(page.match(record).group(1, 3, 4, 6), tuple(fields))
        equal(fluent_bit.match(record).group("time", "stream", "logtag", "log"), tuple(fields))
        equal(vector.match(record).group("time", "stream", "tag", "text"), tuple(fields))
    check(len(records) > 3, "records")


@case("a log of json-file is read", conmon="2.1.6 has no json-file")
def json_file(box):
    path = box.at("logs", "json.log")
    monitor = finished(box, "printf 'a\\001\"\\\\\\n'; " + PIECES, log=f"json-file:{path}")
    if not (box.read(path) or b"").startswith(b"{"):
        raise Skip("the monitor has no json-file yet")

    expected = b'a\1"\\\n' + b"x" * 100000 + b"\nprompt: "
    equal(read(box, path), expected)
    equal(read(box, path, "--join", "--tail", "1"), b"x" * 100000 + b"\nprompt: ")
    page = expression("holdfast-log.5", "JSON parser:\n.Bd -literal\n", "\n")
    for record in box.read(path).splitlines():
        check(page.match(record), record)


@case("conmon's long lines of 8 KiB pieces are given back whole")
def conmon_pieces(box):
    use_conmon(box)
    monitor = finished(box, PIECES)

    expected = b"x" * 100000 + b"\nprompt: "
    check(b" stdout P " in box.read(monitor.log_path), "pieces")
    equal(read(box, monitor.log_path), expected)
    equal(read(box, monitor.log_path, "--join", "--tail", "1"), expected)


@case("conmon's log is followed")
def conmon_followed(box):
    use_conmon(box)
    monitor = box.create(LINES, autostart=False).created()
    reader = start_following(box, monitor.log_path, "--stop-after", f"line-{COUNT - 1}")
    monitor.start()
    out = finish_following(reader)
    monitor.wait_exited()

    equal(out, EXPECTED)
