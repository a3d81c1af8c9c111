# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What a container prints, and what others wrote into labels and names, forges nothing: no record
of a log, no field, no attribute, and nothing that acts on a terminal."""

import json
import os
import re
import subprocess

from command import fake_command_case
from harness import case, check, equal
from journald import Journal
from processes import DEADLINE

FORGED_CRI = "2026-01-31T00:00:00.000000000+00:00 stderr F forged"
FORGED_JSON = '{"log":"forged\\n","stream":"stderr","time":"2026-01-31T00:00:00Z"}'
# Red, a title, C1's CSI, right-to-left override, a bell, bytes that are no UTF-8.
NASTY = b"a\x1b[31mb\x1b]0;title\x07c\xc2\x9b5nd\xe2\x80\xaee\xff\x9b6n\rf\x08\x7fg"
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def check_harmless(data, what):
    """Only tabs, newlines and what can be seen. A terminal adds a return to each newline."""
    text = data.replace(b"\r\n", b"\n").decode()
    found = ACTS.search(text)
    check(found is None, f"{what}: {found} in {text!r:.300}")


# --- files


@case("no line of a container is a record of its own in a CRI log")
def cri_records(box):
    lines = ["one", FORGED_CRI, f"tail\r{FORGED_CRI}", ""]
    box.write(box.at("out", "input"), "\n".join(lines) + "\n")
    monitor = box.create(f"cat {box.at('out', 'input')}").created()
    monitor.wait_exited()
    monitor.wait_gone()

    records = box.read(monitor.log_path).decode().split("\n")[:-1]

    equal([record.split(" ", 3)[1:] for record in records], [["stdout", "F", text] for text in lines],
          "records")
    check(not any(record.startswith("2026-01-31T00:00:00.000000000") for record in records), "times")


@case("no line of a container, tag or label is a record or an attribute of a json-file log",
      conmon="it has no json-file driver")
def json_records(box):
    lines = ["one", FORGED_JSON, f'two"{FORGED_JSON}', '","attrs":{"a":"b"},"x":"', "\x1b[31m\x7f"]
    path = box.at("logs", "json")
    box.write(box.at("out", "input"), "\n".join(lines) + "\n")
    tag = 'x","b":"c\n{}'
    monitor = box.create(f"cat {box.at('out', 'input')}", log=f"json-file:{path}",
                         args=["--log-tag", tag, "--log-label", 'A=","b":"c']).created()
    monitor.wait_exited()
    monitor.wait_gone()

    records = [json.loads(line) for line in box.read(path).decode().split("\n")[:-1]]

    equal([(r["log"], r["stream"]) for r in records], [(f"{text}\n", "stdout") for text in lines],
          "records")
    for record in records:
        equal(record["attrs"], {"A": '","b":"c', "tag": tag}, "attributes")
        equal(sorted(record), ["attrs", "log", "stream", "time"], "keys")


@case("no byte of a container, name, tag or label is a field of the journal",
      conmon="it may be built without journald")
def journal_fields(box):
    text = b"one\nPRIORITY=0\nMESSAGE=forged\nCONTAINER_ID_FULL=other\n\0\x1b[31m\xff\n"
    path = box.at("out", "input")
    with open(path, "wb") as file:
        file.write(text)
    with Journal() as journal:
        monitor = box.create(f"cat {path}", log="journald", args=[
            "--log-tag", "tag\nPRIORITY=0\nFORGED=1", "--log-label", "LABEL=x\nFORGED\n2"]).created()
        monitor.wait_exited()
        monitor.wait_gone()
        entries = journal.of(monitor)

    equal([entry["MESSAGE"] for entry in entries], text.split(b"\n")[:-1], "messages")
    for entry in entries:
        equal(entry["PRIORITY"], "6", "priority")
        equal(entry["CONTAINER_TAG"], "tag\nPRIORITY=0\nFORGED=1", "tag")
        equal(entry["LABEL"], "x\nFORGED\n2", "label")
        check("FORGED" not in entry, "no field was forged")


# --- the command


def forge(command, name, log=b"", labels=(), bundle=None):
    """A container that was never started, with a log."""
    os.makedirs(command.at(name, "init"), mode=0o700)
    state = {"bundle": bundle or command.box.bundle, "labels": list(labels),
             "runtime": command.runtime, "runtimeArgs": ["--x\x1b[31m\x9b"], "shim": "",
             "noPivotRoot": False}
    process = {"args": ["sh", "\x1b[31m\x9b5n\u202e"], "cwd": "/", "user": {"uid": 0, "gid": 0},
               "monitorArgs": [f"--log-path=k8s-file:{command.at(name, 'init', 'ctr.log')}"]}
    command.box.write(command.at(name, "state.json"), json.dumps(state), 0o600)
    command.box.write(command.at(name, "init", "process.json"), json.dumps(process), 0o600)
    command.box.write(command.at(name, "init", "ctr.log"), log, 0o600)


def record(stream, message):
    return b"2026-01-31T12:00:00.000000000+00:00 %s F %s\n" % (stream, message)


def remove(command, name):
    subprocess.run(["rm", "-r", command.at(name)], check=True, timeout=DEADLINE)


@fake_command_case("logs on a terminal shows control characters, and --raw lets them act")
def logs_on_terminal(command):
    os.makedirs(command.root, mode=0o700)
    forge(command, "web", record(b"stdout", NASTY) + record(b"stderr", NASTY))

    shown = command.terminal("logs", "-t", "web").read_all()
    as_json = command.terminal("--format=json", "logs", "web").read_all()
    raw = command.terminal("logs", "--raw", "web").read_all()

    check_harmless(shown, "logs")
    equal(shown.count(b"\\x1b[31m"), 2, "escapes of both streams are shown")
    check_harmless(as_json, "JSON")
    entries = [json.loads(line) for line in as_json.decode().splitlines()]
    equal([entry["log"] for entry in entries], [NASTY.decode(errors="replace")] * 2, "JSON")
    equal(raw.count(NASTY), 2, "raw")
    remove(command, "web")


@fake_command_case("logs shows stderr's control characters if only stderr is a terminal")
def logs_stderr_on_terminal(command):
    os.makedirs(command.root, mode=0o700)
    forge(command, "web", record(b"stdout", NASTY) + record(b"stderr", NASTY))
    out = command.box.at("tmp", "out")
    words = " ".join(f"'{word}'" for word in [*command.argv(), "logs", "web"])
    terminal = command.terminal("version")
    terminal.read_all()

    master, slave = os.openpty()
    with open(out, "wb") as file:
        result = subprocess.run([*command.argv(), "logs", "web"], stdin=subprocess.DEVNULL,
                                stdout=file, stderr=slave, env=command.environment(),
                                timeout=DEADLINE)
    os.close(slave)
    command.box.keep(master)
    shown = os.read(master, 65536)

    equal(result.returncode, 0, words)
    check_harmless(shown, "stderr")
    check(b"\\x1b[31m" in shown, f"{shown!r}")
    equal(command.box.read(out), NASTY + b"\n", "a file has what was printed")
    os.unlink(out)
    remove(command, "web")


@fake_command_case("nothing of a container's names, labels and files acts on a terminal")
def names(command):
    os.makedirs(command.root, mode=0o700)
    nasty = "x\x1b[31m\x9b5n\u202e\x07\x1f\x7f"
    forge(command, "web", labels=[f"{nasty}={nasty}"], bundle=f"/nowhere/{nasty}\n{nasty}")
    command.box.write(command.at("web", "checkpointed"), nasty, 0o600)
    os.mkdir(command.at("bad"), 0o700)
    command.box.write(command.at("bad", "state.json"), f'{{"{nasty}', 0o600)
    os.mkdir(command.at(nasty), 0o700)

    for words in (["list"], ["--format=json", "list"], ["inspect", "web"], ["inspect", "bad"],
                  ["inspect", nasty], ["events"], ["--format=json", "events"], ["start", "web"],
                  ["kill", nasty], ["exec", "web", nasty], ["checkpoint", "list", "web"],
                  ["checkpoint", "create", "web", nasty], ["wait", nasty], ["delete", nasty],
                  ["logs", f"--since={nasty}", "web"], ["logs", "-p", nasty, "web"],
                  ["list", f"--{nasty}"], [nasty]):
        result = command.run(*words)
        check_harmless(result.out, f"{words}: stdout")
        check_harmless(result.err.encode(), f"{words}: stderr")
    listed = command.ok("--format=json", "list").json
    equal(listed[0]["labels"], {nasty: nasty}, "labels")
    for name in ("web", "bad", nasty):
        remove(command, name)
