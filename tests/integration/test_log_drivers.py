# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The log drivers that conmon has not, and what each does when its target is slow, full or gone."""

import contextlib
import glob
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import threading

from harness import Skip, case, check, equal
from peers import logged_bytes, parse_log
from processes import wait_until
from syslogd import Server

CONMON = "it has no such driver or option"
COUNT = 3000
LINES = f"i=0; while [ $i -lt {COUNT} ]; do echo line-$i; i=$((i + 1)); done"
EXPECTED = b"".join(b"line-%d\n" % i for i in range(COUNT))
# Bytes of every kind: UTF-8, what is not, control characters, quotes, HTML, line separators.
ODD = r"""printf '\303\244 \377\376 \001\t "q" \\ <&> \342\200\250\n'; printf part"""
LOSS = re.compile(rb"holdfast: (\d+) bytes in (\d+) records were not logged: ")


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def json_bytes(records, stream="stdout"):
    return "".join(r["log"] for r in records if r["stream"] == stream).encode()


def finished(box, command, **options):
    monitor = box.create(command, **options).created()
    monitor.wait_exited()
    return monitor


def rotated(path):
    """All files of a log, oldest first; what is compressed is unpacked."""
    text = b""
    numbers = [int(re.search(r"\.(\d+)(\.gz)?$", name)[1]) for name in glob.glob(path + ".*[0-9z]")]
    for number in sorted(set(numbers), reverse=True):
        plain = f"{path}.{number}"
        with (open(plain, "rb") if os.path.exists(plain) else gzip.open(plain + ".gz")) as file:
            text += file.read()
    with open(path, "rb") as file:
        return text + file.read()


@case("json-file is JSON lines whatever the bytes", conmon=CONMON)
def json_file(box):
    path = box.at("logs", "ctr-json.log")
    finished(box, ODD, log=f"json-file:{path}")

    first, second = json_lines(box.read(path))

    equal(first["log"], 'ä �� \x01\t "q" \\ <&> \u2028\n')
    equal(second["log"], "part")
    equal(first["stream"], "stdout")
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z", first["time"]),
          first["time"])
    check(b"\\u003c\\u0026\\u003e \\u2028" in box.read(path), "escaped as Docker does")


def jq(*arguments):
    if shutil.which("jq") is None:
        raise Skip("jq is not installed")
    done = subprocess.run(["jq", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    equal((done.returncode, done.stderr), (0, b""), "jq's status and complaints")
    return done.stdout


@case("jq reads json-file", conmon=CONMON)
def json_file_jq(box):
    path = box.at("logs", "ctr-json.log")
    finished(box, LINES, log=f"json-file:{path}")

    equal(jq("-j", ".log", path), EXPECTED)


@case("jq reads every line of json-file whatever the bytes", conmon=CONMON)
def json_file_jq_bytes(box):
    # Every byte, every pair of one that begins a character of UTF-8 and another, and noise. Not more
    # than an idle pipe holds, so that no pause cuts a character in two.
    text = bytes(range(256)) + b"\n" + b"".join(
        bytes([first, second]) for first in range(0xC0, 0x100) for second in range(0, 256, 7))
    text += b"\xed\xa0\x80 \xf4\x90\x80\x80 \xc0\xaf \xef\xbf\xbf \xf0\x9f\x90\x9f\n"
    text += os.urandom(24000)
    check(len(text) < 32768, "all in one write")
    box.write(os.path.join(box.bundle, "odd"), text)
    box.ignored_files.add("odd")
    path = box.at("logs", "ctr-json.log")
    finished(box, "cat odd", log=f"json-file:{path}", args=["--log-line-max", "1048576"])

    out = jq("-j", "if .stream == \"stdout\" then .log else error end", path)

    # Each line as Docker's decoder takes it: one replacement for each byte that is no character.
    equal(out == replace_as_go_does(text).encode(), True, "what jq gives back")
    equal(jq("-r", ".time", path).count(b"\n"), box.read(path).count(b"\n"), "lines")


def replace_as_go_does(text):
    """Each byte that is not part of a character becomes U+FFFD."""
    found = []
    while text:
        try:
            found.append(text.decode())
            break
        except UnicodeDecodeError as error:
            found.append(text[: error.start].decode() + "\ufffd")
            text = text[error.start + 1 :]
    return "".join(found)


@case("tag and labels are the attrs of json-file", conmon=CONMON)
def json_file_attrs(box):
    path = box.at("logs", "ctr-json.log")
    args = ["--log-tag", "web", "--log-label", "com.example.a=b=c"]
    finished(box, "echo x", log=f"json-file:{path}", args=args)

    equal(json_lines(box.read(path))[0]["attrs"], {"com.example.a": "b=c", "tag": "web"})


@case("json-file rotates between lines and loses none", conmon=CONMON)
def json_file_rotation(box):
    path = box.at("logs", "ctr-json.log")
    args = ["--log-size-max", "20000", "--log-rotate", "--log-max-files", "100"]
    finished(box, LINES, log=f"json-file:{path}", args=args)

    equal(json_bytes(json_lines(rotated(path))), EXPECTED)
    check(os.path.getsize(path) <= 20000, "the limit")


@case("four logs at once each get all of it", conmon=CONMON)
def four_sinks(box):
    paths = {name: box.at("logs", name) for name in ("cri", "json", "raw", "fifo")}
    drivers = [f"k8s-file:{paths['cri']}", f"json-file:{paths['json']}", f"raw:{paths['raw']}",
               f"fifo:{paths['fifo']}"]
    box.ignored_files.add("fifo")
    monitor = box.create(LINES + "; echo err >&2", log=drivers, autostart=False).created()
    reader = box.keep(os.open(paths["fifo"], os.O_RDONLY))
    received = []
    thread = threading.Thread(target=lambda: received.extend(iter(lambda: os.read(reader, 65536), b"")))
    thread.start()
    monitor.start()
    monitor.wait_exited()
    thread.join(60)

    equal(logged_bytes(parse_log(box.read(paths["cri"]))), EXPECTED, "k8s-file")
    equal(json_bytes(json_lines(box.read(paths["json"]))), EXPECTED, "json-file")
    equal(json_bytes(json_lines(box.read(paths["json"])), "stderr"), b"err\n", "json-file, stderr")
    equal(box.read(paths["raw"]).replace(b"err\n", b""), EXPECTED, "raw")
    equal(b"".join(received).replace(b"err\n", b""), EXPECTED, "fifo")


@case("raw is the bytes as they are", conmon=CONMON)
def raw(box):
    path = box.at("logs", "raw")
    finished(box, r"printf 'a\000\377\n\nend'", log=f"raw:{path}")

    equal(box.read(path), b"a\0\xff\n\nend")


@case("a fifo without a reader holds nothing up and tells what it lost", conmon=CONMON)
def fifo_without_reader(box):
    path = box.at("logs", "fifo")
    box.ignored_files.add("fifo")
    command = "head -c 4000000 /dev/zero | tr '\\0' 'x' | fold -w 99; exit 4"
    other = box.at("logs", "cri")
    monitor = box.create(command, log=[f"fifo:{path}", f"k8s-file:{other}"]).created()

    equal(monitor.wait_exited(), b"4")
    check(len(box.read(other)) > 4000000, "the other log has all of it")


def syslog_case(box, server, address):
    monitor = box.create(LINES + "; echo err >&2", log=f"syslog:{address}").created()
    monitor.wait_exited()

    wait_until(lambda: len(server.messages()) == COUNT + 1, "all messages")
    pattern = re.compile(rb"<(30|27)>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d \S+ \S+ \S+"
                         rb" (stdout|stderr) - (.*)")
    parts = [pattern.fullmatch(message).groups() for message in server.messages()]
    equal([text for _, stream, text in parts if stream == b"stdout"], EXPECTED.splitlines())
    equal([text for priority, _, text in parts if priority == b"27"], [b"err"])
    server.close()


@case("syslog over UDP", conmon=CONMON)
def syslog_udp(box):
    server = Server(socket.SOCK_DGRAM)
    syslog_case(box, server, f"udp://127.0.0.1:{server.port}")


@case("syslog over TCP", conmon=CONMON)
def syslog_tcp(box):
    server = Server(socket.SOCK_STREAM)
    syslog_case(box, server, f"tcp://127.0.0.1:{server.port}")


@case("syslog to a local socket", conmon=CONMON)
def syslog_local(box):
    path = box.at("out", "log")
    server = Server(socket.SOCK_DGRAM, path)
    syslog_case(box, server, f"unix://{path}")
    os.unlink(path)


@case("a syslog server that is not there holds nothing up", conmon=CONMON)
def syslog_absent(box):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    other = box.at("logs", "cri")
    command = "head -c 4000000 /dev/zero | tr '\\0' 'x' | fold -w 99; exit 4"
    log = [f"syslog:tcp://127.0.0.1:{port}", f"k8s-file:{other}"]
    monitor = box.create(command, log=log).created()

    equal(monitor.wait_exited(), b"4")
    check(len(box.read(other)) > 4000000, "the other log has all of it")


@case("a bad syslog address is refused", conmon=CONMON)
def syslog_bad_address(box):
    monitor = box.create("exit 0", log="syslog:udp://name.example:514")
    monitor.spawn()

    check(monitor.wait_gone() != 0, "a status that is not 0")
    check("no HOST:PORT" in monitor.stderr_text(), monitor.stderr_text())


@case("a log on a full device beside another holds nothing up", conmon=CONMON)
def full_device(box):
    other = box.at("logs", "cri")
    monitor = box.create(LINES + "; exit 4", log=["json-file:/dev/full", f"k8s-file:{other}"],
                         args=["--log-mode", "non-blocking", "--log-buffer", "4k"]).created()

    equal(monitor.wait_exited(), b"4")
    equal(logged_bytes(parse_log(box.read(other))), EXPECTED)


@contextlib.contextmanager
def tmpfs(path, size):
    os.mkdir(path)
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", path],
                                          check=False, stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("this machine: no tmpfs can be mounted")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def press_enter(monitor):
    """Clients that do not read would hold the container up."""
    client = monitor.attach()
    client.send(b"\n")
    client.close()


def missing(texts):
    """Bytes and records that reports tell of."""
    reports = [LOSS.match(text) for text in texts]
    check(reports and all(reports), f"only reports: {texts!r:.2000}")
    return sum(int(report[1]) for report in reports), sum(int(report[2]) for report in reports)


def full_disk(box, driver, parse, args=()):
    """Fills the log's file system and frees it: what was printed is in the log or reported.

    parse gives (stream, text, is_partial) of each record. How many records there are is left open:
    where the container pauses within a line, the line becomes two."""
    command = ("read x; head -c 4000000 /dev/zero | tr '\\0' x | fold -w 99; echo filled; "
               "read x; echo after; read x")
    with tmpfs(box.at("small"), "1m") as folder:
        path = os.path.join(folder, "log")
        obstacle = box.write(os.path.join(folder, "obstacle"), b"o" * 500000)
        other = box.at("logs", "other")
        monitor = box.create(command, stdin=True, args=[*args, "--leave-stdin-open"],
                             log=[f"{driver}:{path}", f"k8s-file:{other}"]).created()
        press_enter(monitor)
        wait_until(lambda: b"filled" in (box.read(other) or b""), "a full disk")
        # From the first of these on the monitor may write again, so the log is emptied first: what
        # is read before and what is there at the end are then all of it, without a gap.
        before = box.read(path)
        os.truncate(path, 0)
        os.unlink(obstacle)
        wait_until(lambda: LOSS.search(box.read(path)), "the report")
        press_enter(monitor)
        wait_until(lambda: b"after" in box.read(path), "the log goes on")
        press_enter(monitor)
        monitor.wait_exited()
        records = parse(before + box.read(path))
    printed = logged_bytes(parse_log(box.read(other)))
    lost_bytes, lost_records = missing([text for stream, text, _ in records if stream == "stderr"])
    kept = [(text, is_partial) for stream, text, is_partial in records if stream == "stdout"]
    lines = printed.splitlines()
    equal(sum(len(text) for text, _ in kept) + lost_bytes, sum(map(len, lines)), "bytes")
    check(lost_bytes <= 99 * lost_records, "no record is longer than the longest line")
    check(sum(not is_partial for _, is_partial in kept) + lost_records >= len(lines), "all lines")


def parse_json(text):
    return [(record["stream"], record["log"].encode().rstrip(b"\n"), record["log"][-1:] != "\n")
            for record in json_lines(text)]


def parse_cri(text):
    return [(record.stream, record.text, record.tag == "P") for record in parse_log(text)]


@case("json-file on a full disk goes on with whole lines and tells what is missing", conmon=CONMON)
def full_disk_json(box):
    full_disk(box, "json-file", parse_json)


@case("k8s-file on a full disk with a small buffer tells what is missing", conmon=CONMON)
def full_disk_buffer(box):
    full_disk(box, "k8s-file", parse_cri, ["--log-mode", "non-blocking", "--log-buffer", "64k"])


@case("under full load every byte is in one of the rotated files of each log", conmon=CONMON)
def rotation_under_load(box):
    block = b"".join(b"%07d abcdefgh\n" % i for i in range(65536))
    box.write(os.path.join(box.bundle, "big"), block)
    box.ignored_files.add("big")
    cri, as_json = box.at("logs", "cri"), box.at("logs", "json")
    args = ["--log-size-max", "1000000", "--log-rotate", "--log-max-files", "1000"]
    finished(box, "i=0; while [ $i -lt 10 ]; do cat big; i=$((i + 1)); done", args=args,
             log=[f"k8s-file:{cri}", f"json-file:{as_json}"])

    check(logged_bytes(parse_log(rotated(cri))) == block * 10, "k8s-file")
    check(json_bytes(json_lines(rotated(as_json))) == block * 10, "json-file")
    check(len(glob.glob(cri + ".*")) > 10, "many files")


@case("--log-compress packs full files but the newest, and loses no byte", conmon=CONMON)
def compress(box):
    path = box.at("logs", "cri")
    args = ["--log-size-max", "20000", "--log-rotate", "--log-max-files", "100", "--log-compress"]
    monitor = box.create(LINES + "; read x; exit 3", log=f"k8s-file:{path}", args=args,
                         stdin=True).created()
    client = monitor.attach()

    def is_packed():
        plain = [name for name in os.listdir(box.at("logs")) if re.search(r"\.\d+$", name)]
        packed = [name for name in os.listdir(box.at("logs")) if name.endswith(".gz")]
        return plain == ["cri.1"] and packed and not os.path.exists(path + ".gz.tmp")

    def has_all():
        data = rotated_or_none(path)
        # A record that is being written may be there in part.
        return data.endswith(b"\n") and logged_bytes(parse_log(data)) == EXPECTED

    wait_until(lambda: has_all() and is_packed(), "all full files packed")
    client.send(b"\n")
    equal(monitor.wait_exited(), b"3")
    client.close()
    equal(logged_bytes(parse_log(rotated(path))), EXPECTED)


def rotated_or_none(path):
    """Empty while a file is renamed under the reader."""
    try:
        return rotated(path)
    except FileNotFoundError:
        return b""


@case("--log-compress without rotation is refused", conmon=CONMON)
def compress_without_rotation(box):
    monitor = box.create("exit 0", args=["--log-compress"])
    monitor.spawn()

    check(monitor.wait_gone() != 0, "a status that is not 0")
    check("log-compress needs" in monitor.stderr_text(), monitor.stderr_text())
