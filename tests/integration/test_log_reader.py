# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The log reader gives back what a container wrote, from the logs of the monitor and of conmon."""

import os
import re
import shutil
import subprocess

import oniguruma
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


def is_compressed(box, path):
    """Every full file but the newest, and the monitor at rest."""
    folder, log = os.path.split(path)
    names = os.listdir(folder)
    plain = [name for name in names if re.fullmatch(re.escape(log) + r"\.\d+", name)]
    return len(plain) <= 1 and log + ".gz.tmp" not in names


@case("a log whose older files are compressed is read whole, and from any line of its end",
      conmon="2.1.6 has no rotation")
def compressed_log(box):
    monitor = box.create(LINES + "; read x", stdin=True, args=[*ROTATING, "--log-compress"])
    monitor.created()
    client = monitor.attach()
    monitor.wait_logged(b"line-%d\n" % (COUNT - 1))
    wait_until(lambda: is_compressed(box, monitor.log_path), "compressed files")
    lines = EXPECTED.splitlines(keepends=True)

    equal(read(box, monitor.log_path), EXPECTED)
    for count in (1, 200, COUNT // 2, COUNT - 1):
        equal(read(box, monitor.log_path, "--tail", str(count)), b"".join(lines[-count:]), count)

    client.send(b"\n")
    monitor.wait_exited()
    client.close()


@case("a log is followed while its files are compressed", conmon="2.1.6 has no rotation")
def followed_compression(box):
    monitor = box.create(LINES, args=[*ROTATING, "--log-compress"], autostart=False).created()
    reader = start_following(box, monitor.log_path, "--stop-after", f"line-{COUNT - 1}")
    monitor.start()
    out = finish_following(reader)
    monitor.wait_exited()

    equal(out, EXPECTED)


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


def text_between(name, beginning, end):
    """What stands in a page or an example."""
    with open(os.path.join(DOCS, name)) as file:
        text = file.read()
    start = text.index(beginning) + len(beginning)
    return text[start : text.index(end, start)].replace("\\e", "\\").encode()


def expression(name, beginning, end):
    return re.compile(text_between(name, beginning, end), re.DOTALL)


# Lines of every kind, pieces, and what has no newline at the end.
ODD_LINES = "printf 'a\\000\\377\\r\\n\\n  P \\n\\303\\244\\n'; echo '2 stdout F x' >&2; " + PIECES
PAGE = ("holdfast-log.5", "on bytes:\n.Bd -literal\n", "\n")
FLUENT_BIT = ("examples/fluent-bit-parsers.conf", "Regex       ", "\n")
VECTOR = ("examples/vector.toml", ", r'", "'")


def cri_lines(box):
    monitor = finished(box, ODD_LINES)
    lines = [line for line in box.read(monitor.log_path).split(b"\n") if line]
    check(len(lines) > 8, "records")
    return lines


@case("the page's regular expression and Vector's match every record")
def expressions(box):
    page, vector = expression(*PAGE), expression(*VECTOR)

    for line in cri_lines(box):
        fields = tuple(line.split(b" ", 3))
        equal(page.match(line).group(1, 3, 4, 6), fields)
        equal(vector.match(line).group("time", "stream", "tag", "text"), fields)


@case("Fluent Bit's regular expression matches every record, as Ruby understands it")
def fluent_bit_expression(box):
    parser = oniguruma.Expression(text_between(*FLUENT_BIT))

    for line in cri_lines(box):
        found = parser.match(line)
        fields = line.split(b" ", 3)
        equal(found, dict(zip(("time", "stream", "logtag", "log"), fields)), line)


@case("grep understands the page's regular expression")
def grep_expression(box):
    lines = cri_lines(box)
    environment = {**os.environ, "LC_ALL": "C"}

    done = subprocess.run(["grep", "-aczE", text_between(*PAGE).decode()], input=b"\0".join(
        line.replace(b"\0", b"?") for line in lines), capture_output=True, env=environment)

    equal(done.stdout, b"%d\n" % len(lines))


def example(beginning, path):
    """A command of the page's examples, for a log at the path."""
    text = text_between("holdfast-log.5", beginning, ".Ed" if "literal" in beginning else "\n")
    return text.decode().strip().removeprefix("$ ").replace("PATH", path)


def printed(command):
    return subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, check=True).stdout


@case("the page's commands print what the container wrote", conmon="2.1.6 has no rotation")
def page_commands(box):
    command = LINES + "; echo no >&2; printf 'prompt: '; read x"
    path, as_json = box.at("logs", "cri"), box.at("logs", "json")
    args = ["--log-size-max", "40000", "--log-rotate", "--log-max-files", "99", "--log-compress"]
    monitor = box.create(command, stdin=True, args=args,
                         log=[f"k8s-file:{path}", f"json-file:{as_json}"]).created()
    client = monitor.attach()
    wait_until(lambda: all(b"prompt" in (box.read(log) or b"") and is_compressed(box, log)
                           for log in (path, as_json)), "compressed files")
    whole = [box.at("out", name) for name in ("cri", "json")]
    for source, target in zip((path, as_json), whole):
        check(f"{os.path.basename(source)}.2.gz" in os.listdir(box.at("logs")), "compressed files")
        box.write(target, printed(example("some of them compressed:\n.Bd -literal -offset indent\n",
                                          source)))

    expected = EXPECTED + b"prompt: "
    equal(printed(example("pieces joined:\n.Bd -literal -offset indent\n", whole[0])), expected)
    if shutil.which("jq"):
        equal(printed(example("The same of json-file:\n.Pp\n.Dl ", whole[1])), expected)

    client.send(b"\n")
    monitor.wait_exited()
    client.close()


@case("no regular expression matches what is no record")
def no_records(box):
    python = [expression(*PAGE), expression(*VECTOR)]
    parser = oniguruma.Expression(text_between(*FLUENT_BIT))
    stamp = b"2026-01-31T23:59:59.123456789+01:00"
    bad = [b"", b"x", stamp, stamp + b" stdout", stamp + b" stdout F", stamp + b" std F x",
           stamp + b" stdout X x", stamp + b"  stdout F x", stamp[:-6] + b" stdout F x",
           stamp[1:] + b" stdout F x", b'{"log":"x","stream":"stdout","time":"x"}']

    for line in bad:
        equal([each.match(line) for each in python] + [parser.match(line)], [None] * 3, line)


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
