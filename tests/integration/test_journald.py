# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The journald driver against a real systemd-journald, read back with journalctl."""

import contextlib
import os
import re
import time

from harness import case, check, equal
from journald import Journal
from peers import STDERR
from processes import descendants, stat_fields, wait_quiet, wait_until

CONMON = "it may be built without journald"
ONLY_MESSAGES = "--output-fields=MESSAGE,CONTAINER_PARTIAL_MESSAGE"
ECHO = "while read line; do echo $line; done; exit 3"


@contextlib.contextmanager
def logging(box, command, **options):
    """A journal, and a monitor that logs to it; at the end the monitor is gone."""
    with Journal() as journal:
        monitor = box.create(command, log="journald", **options).created()
        yield journal, monitor
        monitor.end_container()
        monitor.wait_gone()


def entries_of(box, command, only="--all", **options):
    """What a container that has ended has in the journal."""
    with logging(box, command, **options) as (journal, monitor):
        monitor.wait_exited()
        monitor.wait_gone()
        return monitor, journal.of(monitor, only)


def wait_entry(journal, monitor, text):
    """Until a message with the text is in the journal."""
    def has_it():
        return [e for e in journal.of(monitor, "--lines=3") if text in e["MESSAGE"]]

    return wait_until(has_it, f"{text!r} in the journal")


def messages(entries):
    return [entry["MESSAGE"] for entry in entries]


def joined(entries):
    """What the container wrote to both streams, put together again."""
    return b"".join(entry["MESSAGE"] + (b"" if "CONTAINER_PARTIAL_MESSAGE" in entry else b"\n")
                    for entry in entries)


@case("an entry has the fields that Podman and journalctl look for", conmon=CONMON)
def fields(box):
    monitor, entries = entries_of(box, "echo out; sleep 0.05; echo err >&2")

    shown = [{name: value for name, value in entry.items() if not name.startswith("_")}
             for entry in entries]

    common = {"CONTAINER_ID_FULL": monitor.cid, "CONTAINER_ID": monitor.cid[:12],
              "CONTAINER_NAME": "ctr", "SYSLOG_IDENTIFIER": "ctr"}
    equal(shown, [{"MESSAGE": b"out", "PRIORITY": "6", **common},
                  {"MESSAGE": b"err", "PRIORITY": "3", **common}])
    equal([entry["_UID"] for entry in entries], [str(os.getuid())] * 2)
    equal({entry["_PID"] for entry in entries}, {str(monitor.daemon_pid)})


@case("tag and labels are fields, and the tag is the identifier", conmon=CONMON)
def tag_and_labels(box):
    args = ["--log-tag", "web tag", "--log-label", "APP=one", "--log-label", "LEVEL_2=x y"]
    _, (entry,) = entries_of(box, "echo x", args=args)

    names = ("CONTAINER_TAG", "SYSLOG_IDENTIFIER", "APP", "LEVEL_2")
    equal([entry[name] for name in names], ["web tag", "web tag", "one", "x y"])


@case("a priority prefix is text unless it is asked for", conmon=CONMON)
def no_priority_prefix(box):
    _, (entry,) = entries_of(box, "echo '<4>careful'")

    equal((entry["MESSAGE"], entry["PRIORITY"]), (b"<4>careful", "6"))


@case("with --log-priority-prefix a line's prefix is its priority", conmon=CONMON)
def priority_prefix(box):
    command = "echo '<4>careful'; echo '<9>text'; echo plain; echo '<0>help' >&2"
    _, entries = entries_of(box, command, args=["--log-priority-prefix"])

    equal(sorted((entry["MESSAGE"], entry["PRIORITY"]) for entry in entries),
          [(b"<9>text", "6"), (b"careful", "4"), (b"help", "0"), (b"plain", "6")])


@case("pieces of a line are marked, and make the line again", conmon=CONMON)
def partial(box):
    command = "head -c 40000 /dev/zero | tr '\\0' x; echo; echo; printf 'prompt: '"
    _, entries = entries_of(box, command)

    marks = [entry.get("CONTAINER_PARTIAL_MESSAGE") for entry in entries]

    equal(joined(entries), b"x" * 40000 + b"\n\nprompt: ")
    equal((marks.count(None), marks[-1]), (2, "true"))
    check(max(len(message) for message in messages(entries)) == 16384, "as long as may be")


@case("with --no-container-partial-message pieces are not marked", conmon=CONMON)
def no_partial_mark(box):
    _, entries = entries_of(box, "printf 'no end'", args=["--no-container-partial-message"])

    equal(messages(entries), [b"no end"])
    check("CONTAINER_PARTIAL_MESSAGE" not in entries[0], entries)


@case("bytes of any kind are one message, and make no field", conmon=CONMON)
def binary(box):
    _, entries = entries_of(
        box, r"printf 'a\000b\377\r\033\n'; printf 'X\000\nPRIORITY=0\nMESSAGE\n'; echo '  two  '")

    equal(messages(entries), [b"a\0b\xff\r\x1b", b"X\0", b"PRIORITY=0", b"MESSAGE", b"  two  "])
    equal({entry["PRIORITY"] for entry in entries}, {"6"})


@case("a message too large for a datagram arrives whole", conmon=CONMON)
def large_message(box):
    path = box.write(os.path.join(box.bundle, "big"), os.urandom(450000).hex() + "\nnext\n")
    box.ignored_files.add("big")
    _, entries = entries_of(box, "cat big", args=["--log-line-max", "1048576"])

    equal(joined(entries) == box.read(path), True, "every byte")
    check(max(len(message) for message in messages(entries)) > 300000, "a message in one piece")


@case("of 100000 lines in one burst each is in the journal, in order", conmon=CONMON)
def burst(box):
    _, entries = entries_of(box, "seq -f 'line %.0f of a burst' 100000", only=ONLY_MESSAGES)

    expected = b"".join(b"line %d of a burst\n" % i for i in range(1, 100001))
    equal(joined(entries) == expected, True, "every byte")


@case("while journald is stopped clients are served, and all of it is logged after", conmon=CONMON)
def stopped_journald(box):
    with logging(box, ECHO, stdin=True) as (journal, monitor):
        client = monitor.attach()
        client.send(b"before\n")
        wait_entry(journal, monitor, b"before")
        journal.stop()
        for i in range(1000):
            client.send(b"line %d\n" % i)
            client.read_until(b"line %d\n" % i)
        second = monitor.attach()
        second.send(b"from another\n")
        second.read_until(b"from another\n")
        journal.resume()
        client.half_close()
        second.half_close()
        equal(monitor.wait_exited(), b"3")
        entries = journal.of(monitor)
        client.close()
        second.close()

    expected = [b"before"] + [b"line %d" % i for i in range(1000)] + [b"from another"]
    equal(messages(entries), expected)


def hold_up(box, journal, monitor):
    """Stops journald, and lets the container print until it cannot; what it would print."""
    text = b"".join(b"%07d %s\n" % (i, b"x" * 190) for i in range(25000))
    box.write(os.path.join(box.bundle, "big"), text)
    box.ignored_files.add("big")
    journal.stop()
    monitor.start()
    wait_quiet(monitor.daemon_pid)
    pids = [monitor.container_pid, *descendants(monitor.container_pid)]
    waiting = [pid for pid in pids if stat_fields(pid)[0] == "S"]
    check(waiting and box.read(monitor.exit_file()) is None, "a container that is held up")
    return text


@case("a journald that is stopped under load holds the output up and loses nothing",
      conmon=CONMON)
def stopped_under_load(box):
    with logging(box, "cat big; exit 3", autostart=False) as (journal, monitor):
        text = hold_up(box, journal, monitor)
        client = monitor.attach()  # the loop goes on
        monitor.control(b"2 0 0\n")
        journal.resume()
        client.read_all()
        equal(monitor.wait_exited(), b"3")
        client.close()
        entries = journal.of(monitor, ONLY_MESSAGES)

    equal(joined(entries) == text, True, "every byte")


@case("the end of a container that is held up by a stopped journald is told", conmon=CONMON)
def exit_while_stopped(box):
    with logging(box, "exec cat big", autostart=False) as (journal, monitor):
        text = hold_up(box, journal, monitor)
        monitor.end_container()

        equal(monitor.wait_exited(), b"137")
        equal(monitor.wait_gone(), 137)
        journal.resume()
        entries = journal.of(monitor, ONLY_MESSAGES)

    check(entries and text.startswith(joined(entries)[:-1]), "what the journal took")


@case("a journald that is slow gets all of what a container that has ended printed", conmon=CONMON)
def slow_journald(box):
    with logging(box, "seq 60000; exit 3", autostart=False) as (journal, monitor):
        journal.stop()
        monitor.start()
        while not os.path.exists(monitor.exit_file()):
            journal.resume()
            time.sleep(0.002)
            journal.stop()
            time.sleep(0.1)
        journal.resume()
        equal(monitor.wait_gone(), 3)
        entries = journal.of(monitor, ONLY_MESSAGES)

    expected = b"".join(b"%d\n" % i for i in range(1, 60001))
    equal(joined(entries) == expected, True, "every byte")


@case("records wait for a journald that is not there", conmon=CONMON)
def absent_journald(box):
    with logging(box, ECHO, stdin=True) as (journal, monitor):
        client = monitor.attach()
        client.send(b"before\n")
        wait_entry(journal, monitor, b"before")
        journal.end()
        client.send(b"between\n")
        client.read_until(b"between\n")
        journal.start()
        client.send(b"after\n")
        wait_entry(journal, monitor, b"after")
        client.half_close()
        equal(monitor.wait_exited(), b"3")
        entries = journal.of(monitor)
        client.close()

    equal(messages(entries), [b"before", b"between", b"after"])


@case("a monitor starts without a journald, and logs once there is one", conmon=CONMON)
def journald_comes_later(box):
    with Journal() as journal:
        journal.end()
        monitor = box.create(ECHO, stdin=True, log="journald", autostart=False).created()
        client = monitor.attach()
        monitor.start()
        client.send(b"early\n")
        client.read_until(b"early\n")
        journal.start()
        client.send(b"late\n")
        wait_entry(journal, monitor, b"late")
        client.half_close()
        equal(monitor.wait_exited(), b"3")
        monitor.wait_gone()
        client.close()
        entries = journal.of(monitor)

    equal(messages(entries), [b"early", b"late"])


@case("without a journald a container runs to its end", conmon=CONMON)
def no_journald(box):
    with Journal() as journal:
        journal.end()
        monitor = box.create("echo x; exit 3", log="journald").created()

        equal(monitor.wait_exited(), b"3")
        equal(monitor.wait_gone(), 3)


@case("a journald that restarts under load is found again", conmon=CONMON)
def restarted_under_load(box):
    command = "seq 300000; read x; echo end; exit 3"
    with logging(box, command, stdin=True, autostart=False) as (journal, monitor):
        client = monitor.attach()
        monitor.start()
        for number in (b"100000\n", b"200000\n", b"300000\n"):
            client.read_until(number)
            journal.end()
            journal.start()
        client.send(b"\n")
        wait_entry(journal, monitor, b"end")
        equal(monitor.wait_exited(), b"3")
        entries = journal.of(monitor, ONLY_MESSAGES)
        client.close()

    # Nobody knows what was in the socket of a journald that died; the rest is in order, once.
    whole = [entry["MESSAGE"] for before, entry in zip([{}] + entries, entries)
             if not any("CONTAINER_PARTIAL_MESSAGE" in each for each in (before, entry))]
    numbers = [int(message) for message in whole if message.isdigit()]
    check(numbers == sorted(set(numbers)), "each at most once, in order")
    check(len(numbers) > 1000, len(numbers))


LOSS = re.compile(rb"holdfast: (\d+) bytes in (\d+) records were not logged: ")


@case("with --log-mode non-blocking a journald that is stopped costs records, and one tells",
      conmon=CONMON)
def non_blocking(box):
    command = "seq -f '%099.0f' 100000; echo printed >&2; read x; echo after; exit 3"
    args = ["--log-mode", "non-blocking", "--log-buffer", "64k"]
    with logging(box, command, stdin=True, autostart=False, args=args) as (journal, monitor):
        client = monitor.attach()
        journal.stop()
        monitor.start()
        client.read_until(b"printed\n", stream=STDERR)
        journal.resume()
        (report,) = wait_entry(journal, monitor, b"were not logged")
        client.send(b"go on\n")
        equal(monitor.wait_exited(), b"3")
        monitor.wait_gone()
        client.close()
        entries = journal.of(monitor, ONLY_MESSAGES)

    lost, lost_records = map(int, LOSS.match(report["MESSAGE"]).groups())
    kept = [m for m in messages(entries) if m.isdigit() or m == b"printed"]
    equal((report["PRIORITY"], messages(entries)[-1]), ("3", b"after"))
    equal(lost, 99 * 100000 + len(b"printed") - sum(map(len, kept)), "bytes that are missing")
    # A line may be lost in two pieces.
    missing = 100001 - len(kept)
    check(missing <= lost_records <= missing + 10, (lost_records, missing))
