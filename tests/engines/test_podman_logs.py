# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""podman logs, and where the output goes with each log driver."""

import contextlib
import os
import re
import subprocess

from podman_kit import case, check, equal, Journal

# Podman's own print of a time leaves trailing zeros out.
STAMP = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(Z|[+-]\d\d:\d\d)"
RECORD = re.compile(STAMP.replace(b"1,9", b"9") + rb" (stdout|stderr) [FP] ")
COUNT_TO_300 = "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i + 1)); done"


def finished(box, script, *options):
    container = box.start(script, *options)
    box.wait(container)
    return container


def numbers_of(lines):
    return [int(line.removeprefix(b"line ")) for line in lines]


@case("logs gives standard output and standard error, each by itself and in order")
def logs_streams(box):
    container = finished(box, "echo o1; echo e1 >&2; echo o2; echo e2 >&2")

    logs = box.logs(container)

    equal((logs.out, logs.err), (b"o1\no2\n", b"e1\ne2\n"))


@case("each record has a time with nine digits, a stream and a mark")
def logs_format(box):
    container = finished(box, "echo one; echo; echo two >&2; printf end")

    with open(box.log_path(container), "rb") as file:
        lines = file.read().splitlines()

    equal([line for line in lines if not RECORD.match(line)], [])
    told = [line.split(b" ", 1)[1] for line in lines if b" stdout " in line]
    equal(told, [b"stdout F one", b"stdout F ", b"stdout P end"])


@case("logs --timestamps puts the time of writing before each line")
def logs_timestamps(box):
    container = finished(box, "echo one; echo two")

    out = box.logs(container, "--timestamps").out

    check(re.fullmatch(STAMP + rb" one\n" + STAMP + rb" two\n", out), out)


@case("logs --tail gives the last lines only")
def logs_tail(box):
    container = finished(box, COUNT_TO_300)

    equal(box.logs(container, "--tail", "2").out, b"line 298\nline 299\n")


@case("logs --since a time after the last line gives nothing")
def logs_since(box):
    container = finished(box, "echo one")

    equal(box.logs(container, "--since", "2000-01-01T00:00:00Z").out, b"one\n")
    equal(box.logs(container, "--since", "2100-01-01T00:00:00Z").out, b"")


@case("logs --follow gives what was and what comes, and ends with the container")
def logs_follow(box):
    container = box.start("echo was; until test -e /tmp/go; do usleep 20000; done; echo comes")
    client = box.spawn("logs", "--follow", container, stdout=subprocess.PIPE)
    equal(client.stdout.readline(), b"was\n")

    with open(box.at("rootfs/tmp/go"), "wb"):
        pass

    equal(client.communicate(timeout=60)[0], b"comes\n")
    equal(client.returncode, 0)


@case("logs keeps a last line that has no newline as it is")
def logs_partial(box):
    container = finished(box, "printf 'a\\nb'")

    equal(box.logs(container).out, b"a\nb")


@case("logs keeps empty lines and spaces")
def logs_empty_lines(box):
    text = b"\n  two spaces  \n\n\ttab\n"
    container = finished(box, "printf '\\n  two spaces  \\n\\n\\ttab\\n'")

    equal(box.logs(container).out, text)


@case("logs joins a line of 100000 bytes again")
def logs_long_line(box):
    container = finished(box, "yes 0123456789 | tr -d '\\n' | head -c 100000; echo; echo next")

    line, following, rest = box.logs(container).out.split(b"\n")

    equal((len(line), following, rest), (100000, b"next", b""))
    equal(line.replace(b"0123456789", b""), b"")


@case("logs gives all of 5 MB written just before the exit")
def logs_volume(box):
    container = finished(box, "yes 0123456789abcdef0123456789abcde | head -c 5242880")

    out = box.logs(container).out

    equal(len(out), 5242880)
    equal(out.replace(b"0123456789abcdef0123456789abcde\n", b""), b"")


@case("logs of a terminal has the carriage returns that the terminal made")
def logs_terminal(box):
    container = finished(box, "echo line; echo oops >&2", "-t")

    logs = box.logs(container)

    equal((logs.out, logs.err), (b"line\r\noops\r\n", b""))


@case("logs keeps what was before a restart")
def logs_restart(box):
    container = finished(box, "echo run")

    box.podman("start", container, expect=0)
    box.wait(container)

    equal(box.logs(container).out, b"run\nrun\n")


@case("max-size bounds the log and keeps the newest lines without a gap")
def logs_max_size(box):
    limit = 20480
    script = COUNT_TO_300.replace("300", "3000")
    container = finished(box, script, "--log-opt", f"max-size={limit}")

    check(os.path.getsize(box.log_path(container)) <= limit, "the file's size")
    numbers = numbers_of(box.logs(container).out.splitlines())
    equal(numbers, list(range(numbers[0], 3000)))


@case("a log option path says where the log is written")
def logs_path(box):
    path = box.at("elsewhere.log")

    container = finished(box, "echo there", "--log-opt", f"path={path}")

    with open(path, "rb") as file:
        check(file.read().endswith(b" stdout F there\n"), "the log's record")
    equal(box.logs(container).out, b"there\n")


@case("the driver json-file writes what podman logs reads")
def logs_json_file(box):
    equal(box.logs(finished(box, "echo hello", "--log-driver", "json-file")).out, b"hello\n")


@case("the driver none writes nothing and still hands the output on")
def logs_none(box):
    result = box.run("echo hello; exit 3", "--log-driver", "none", "--name", "mute")

    equal((result.status, result.out), (3, b"hello\n"))
    equal(box.podman("logs", "mute").status, 125)


@contextlib.contextmanager
def journald(box):
    """A journald of its own, in which containers log and are removed at the end."""
    with Journal() as journal:
        yield journal
        box.podman("rm", "--all", "--force", "--time", "0", expect=0)


def journald_logs(box, journal, container, *options):
    """podman logs once all is in the journal."""
    journal.sync()
    return box.logs(container, *options)


ON_JOURNALD = ("--log-driver", "journald")


@case("the driver journald gives both streams back")
def logs_journald(box):
    with journald(box) as journal:
        container = finished(box, "echo o1; echo e1 >&2; echo o2; echo e2 >&2", *ON_JOURNALD)

        logs = journald_logs(box, journal, container)

    equal((logs.out, logs.err), (b"o1\no2\n", b"e1\ne2\n"))


@case("from journald podman makes long, empty and unfinished lines what they were")
def logs_journald_lines(box):
    script = ("yes 0123456789 | tr -d '\\n' | head -c 100000; echo; echo; "
              "echo '<4>no priority'; echo '  two  '; printf end")
    with journald(box) as journal:
        container = finished(box, script, *ON_JOURNALD)

        out = journald_logs(box, journal, container).out

    equal(out, b"0123456789" * 10000 + b"\n\n<4>no priority\n  two  \nend")


@case("from journald podman gives the last lines, and each of 5000")
def logs_journald_tail(box):
    with journald(box) as journal:
        container = finished(box, COUNT_TO_300.replace("300", "5000"), *ON_JOURNALD)

        out = journald_logs(box, journal, container).out
        tail = journald_logs(box, journal, container, "--tail", "2").out

    equal(numbers_of(out.splitlines()), list(range(5000)))
    equal(tail, b"line 4998\nline 4999\n")


@case("from journald podman follows what comes")
def logs_journald_follow(box):
    with journald(box):
        script = "echo was; until test -e /tmp/go; do usleep 20000; done; echo comes"
        container = box.start(script, *ON_JOURNALD)
        # Podman refuses to follow the journal with its events elsewhere.
        client = box.spawn("--events-backend", "journald", "logs", "--follow", container,
                           stdout=subprocess.PIPE)
        equal(client.stdout.readline(), b"was\n")
        with open(box.at("rootfs/tmp/go"), "wb"):
            pass
        equal(client.stdout.readline(), b"comes\n")


@case("a tag for the driver journald is a field and the identifier")
def logs_journald_tag(box):
    options = (*ON_JOURNALD, "--log-opt", "tag=web/{{.Name}}", "--name", "tagged")
    with journald(box) as journal:
        container = finished(box, "echo hello", *options)

        (entry,) = journal.entries(CONTAINER_ID_FULL=container)

    names = ("MESSAGE", "CONTAINER_NAME", "CONTAINER_TAG", "SYSLOG_IDENTIFIER", "PRIORITY")
    equal([entry[name] for name in names], [b"hello", "tagged", "web/tagged", "web/tagged", "6"])


@case("a log option tag with the driver k8s-file is refused with the reason")
def logs_tag(box):
    result = box.run("echo hello", "--log-opt", "tag=name")

    check(result.status in (125, 126, 127), result)
    check(b"k8s-file doesn't support --log-tag" in result.err, result)


@case("a log that cannot be opened is refused and no container runs")
def logs_unwritable(box):
    result = box.run("touch /tmp/ran", "--log-opt", "path=/no/such/directory/log")

    check(result.status in (125, 126, 127), result)
    check(not os.path.exists(box.at("rootfs/tmp/ran")), "the container ran")


@case("the driver passthrough gives the container podman's own streams")
def logs_passthrough(box):
    result = box.run("echo out; echo err >&2; exit 3", "--log-driver", "passthrough")

    equal((result.status, result.out, result.err), (3, b"out\n", b"err\n"))


@case("the driver passthrough with -d leaves the streams to the container")
def logs_passthrough_detached(box):
    script = "until test -e /tmp/go; do usleep 20000; done; readlink /proc/self/fd/1; cat; exit 3"
    with open(box.at("output"), "wb") as output, open(box.at("input"), "w+b") as source:
        source.write(b"from the caller\n")
        source.seek(0)
        options = ("-d", "--log-driver", "passthrough", "--name", "direct")
        box.run(script, *options, stdin=source, stdout=output, stderr=output, expect=0)
    with open(box.at("rootfs/tmp/go"), "wb"):
        pass

    equal(box.wait("direct"), 3)
    with open(box.at("output"), "rb") as file:
        told = file.read()
    check(b"from the caller\n" in told, told)


@case("the driver passthrough is refused on a terminal")
def logs_passthrough_terminal(box):
    terminal = box.run_on_terminal("echo out", "-d", "--log-driver", "passthrough")

    check(b"passthrough" in terminal.read_all(), "the reason")
    equal(terminal.ended(), 125)
