# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The log: every byte of the container, as CRI records."""

import hashlib
import os

from harness import case, check, equal

SIZES = (8190, 8191, 8192, 8193, 16383, 16384, 16385)


def finished(box, command, **options):
    monitor = box.create(command, **options).created()
    monitor.wait_exited()
    return monitor


def shown(records):
    return [(record.stream, record.tag, record.text) for record in records]


@case("lines of stdout and stderr are told apart")
def streams(box):
    monitor = finished(box, "echo out; echo err >&2")

    equal(sorted(shown(monitor.records())), [("stderr", "F", b"err"), ("stdout", "F", b"out")])


@case("output without a newline at the end is a partial record")
def partial(box):
    monitor = finished(box, "printf 'one\\ntwo'")

    equal(shown(monitor.records()), [("stdout", "F", b"one"), ("stdout", "P", b"two")])


@case("an empty line is a record with an empty message")
def empty_lines(box):
    monitor = finished(box, "printf 'a\\n\\n\\nb\\n'")

    texts = [record.text for record in monitor.records()]

    equal(texts, [b"a", b"", b"", b"b"])
    check(b" stdout F \n" in box.read(monitor.log_path), "the blank before the empty message")


@case("NUL and bytes that are not UTF-8 are logged as they are")
def binary(box):
    monitor = finished(box, "printf '\\000\\377\\001\\r\\n'")

    equal(monitor.logged(), b"\0\xff\1\r\n")


@case("lines around the size of a record come out whole")
def long_lines(box):
    commands = [f"head -c {size} /dev/zero | tr '\\0' x; echo" for size in SIZES]
    monitor = finished(box, "; ".join(commands))

    expected = b"".join(b"x" * size + b"\n" for size in SIZES)

    equal(len(monitor.logged()), len(expected), "length")
    equal(hashlib.sha256(monitor.logged()).digest(), hashlib.sha256(expected).digest(), "digest")


@case("every piece of a long line but the last is partial")
def long_line_tags(box):
    monitor = finished(box, "head -c 100000 /dev/zero | tr '\\0' x; echo")

    tags = "".join(record.tag for record in monitor.records())

    equal(tags, "P" * (len(tags) - 1) + "F")
    check(len(tags) > 1, "several records")


@case("a record is not longer than what kubelet and Podman read")
def record_size(box):
    monitor = finished(box, "head -c 100000 /dev/zero | tr '\\0' x; echo")

    check(max(len(record.text) for record in monitor.records()) <= 16384, "at most 16 KiB")


@case("partial lines of both streams do not mix")
def interleaved(box):
    command = "; ".join(f"printf o{i}; printf e{i} >&2" for i in range(20)) + "; echo; echo >&2"
    monitor = finished(box, command)

    equal(monitor.logged("stdout"), b"".join(b"o%d" % i for i in range(20)) + b"\n")
    equal(monitor.logged("stderr"), b"".join(b"e%d" % i for i in range(20)) + b"\n")


@case("10 MiB are complete though the container ends at once")
def large_output(box):
    command = "i=0; while [ $i -lt 10 ]; do cat big; i=$((i + 1)); done"
    text = b"".join(b"%07d abcdefgh\n" % i for i in range(65536))
    box.write(os.path.join(box.bundle, "big"), text)
    box.ignored_files.add("big")

    monitor = finished(box, command)

    equal(len(monitor.logged()), 10 * len(text), "length")
    equal(hashlib.sha256(monitor.logged()).digest(), hashlib.sha256(text * 10).digest(), "digest")


@case("1 MiB written in one go just before the end is complete, also on stderr")
def burst_before_end(box):
    monitor = finished(box, "head -c 1048576 /dev/zero | tr '\\0' y >&2")

    equal(monitor.logged("stderr"), b"y" * 1048576)


@case("a mebibyte of newlines is as many records")
def newlines(box):
    monitor = finished(box, "head -c 1048576 /dev/zero | tr '\\0' '\\n'", log="none")
    equal(monitor.wait_gone(), 0)
    monitor = finished(box, "head -c 100000 /dev/zero | tr '\\0' '\\n'", bundle=box.add_bundle("b"))

    equal(len(monitor.records()), 100000)


@case("a grandchild that keeps stdout open does not delay the exit")
def grandchild(box):
    monitor = finished(box, "sleep 1000 & echo $! > left-behind; echo done; exit 3")
    box.ignored_files.add("left-behind")

    status = monitor.wait_gone()

    equal(status, 3)
    equal(monitor.logged(), b"done\n")
    os.kill(int(box.read(os.path.join(box.bundle, "left-behind"))), 9)


@case("a grandchild that goes on printing does not delay the exit")
def printing_grandchild(box):
    monitor = finished(box, "(while :; do echo more; done) & echo $! > left-behind; exit 3")
    box.ignored_files.add("left-behind")

    status = monitor.wait_gone()

    try:
        os.kill(int(box.read(os.path.join(box.bundle, "left-behind"))), 9)
    except ProcessLookupError:
        pass
    equal(status, 3)


@case("a log that was there is added to")
def appended(box):
    old = "2020-01-01T00:00:00.000000000+00:00 stdout F before\n"
    monitor = box.create("echo after")
    box.write(monitor.log_path, old)
    monitor.created().wait_exited()

    equal([record.text for record in monitor.records()], [b"before", b"after"])


@case("a path with colons is a path", conmon="it cuts the path at the second colon")
def colon_in_path(box):
    path = box.at("logs", "a:b:c.log")
    monitor = box.create("echo x", log=f"k8s-file:{path}").created()
    monitor.wait_exited()

    check(box.read(path) is not None, path)
    equal(os.listdir(box.at("logs")), ["a:b:c.log"])


@case("a path without driver is a k8s-file")
def bare_path(box):
    path = box.at("logs", "bare.log")
    monitor = box.create("echo x", log=":" + path).created()
    monitor.wait_exited()

    check((box.read(path) or b"").endswith(b" stdout F x\n"), "a record")


@case("none, off and null write no log")
def no_log(box):
    for number, name in enumerate(("none", "off", "null", "none:/x", "off:", "null:")):
        monitor = box.create("echo x", log=name, bundle=box.add_bundle(f"b{number}")).created()
        equal(monitor.wait_exited(), b"0", name)

    equal(os.listdir(box.at("logs")), [])


@case("two drivers at once both get the output", conmon="2.1.6 takes one k8s-file only")
def two_drivers(box):
    paths = [box.at("logs", "one.log"), box.at("logs", "two.log")]
    monitor = box.create("echo x", log=[f"k8s-file:{path}" for path in paths]).created()
    monitor.wait_exited()

    for path in paths:
        check((box.read(path) or b"").endswith(b" stdout F x\n"), path)


@case("none beside a log file does not switch it off")
def none_beside_file(box):
    path = box.at("logs", "one.log")
    monitor = box.create("echo x", log=["none", f"k8s-file:{path}"]).created()
    monitor.wait_exited()

    check((box.read(path) or b"").endswith(b" stdout F x\n"), "a record")


@case("with passthrough the container has the engine's stdio")
def passthrough(box):
    read_end, write_end = os.pipe()
    null = os.open("/dev/null", os.O_RDWR)
    box.keep(read_end, null)
    monitor = box.create("echo through", log="passthrough", stdio=[null, write_end, write_end])
    monitor.spawn().go()
    os.close(write_end)

    equal(monitor.wait_exited(), b"0")
    equal(os.read(read_end, 100), b"through\n")


@case("with passthrough there is no attach socket and no control FIFO")
def passthrough_makes_no_socket(box):
    monitor = box.create("exec sleep 1000", log="passthrough").created()

    present = [name for name in ("attach", "ctl", "winsz")
               if os.path.exists(os.path.join(box.bundle, name))]

    equal(present, [])


@case("a slow container's line is in the log as soon as it is written")
def no_delay(box):
    monitor = box.create("echo now; exec sleep 1000").created()

    monitor.wait_logged(b"now\n")


@case("a partial line is completed by what follows")
def partial_completed(box):
    monitor = box.create("printf one; read x; echo two", stdin=True, autostart=False).created()
    client = monitor.attach()
    monitor.start()
    client.read_until(b"one")
    client.send(b"\n")

    monitor.wait_exited()

    client.close()
    equal(monitor.logged(), b"onetwo\n")


@case("a log that is a FIFO without a reader does not hold up the start",
      conmon="it waits for a reader before it daemonises")
def fifo_without_reader(box):
    path = box.at("logs", "fifo")
    os.mkfifo(path)
    box.ignored_files.add("fifo")
    monitor = box.create("echo x; exit 4", log=f"k8s-file:{path}").created()

    equal(monitor.wait_exited(), b"4")


@case("a log on a full device does not hold up the container")
def full_device(box):
    command = "i=0; while [ $i -lt 3000 ]; do echo 012345678901234567; i=$((i + 1)); done"
    monitor = box.create(command + "; exit 4", log="k8s-file:/dev/full").created()

    equal(monitor.wait_exited(), b"4")
    equal(monitor.wait_gone(), 4)
