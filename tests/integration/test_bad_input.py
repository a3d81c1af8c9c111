# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Command lines and surroundings that cannot work: a clear message, a failure, nothing left."""

import json
import os

from harness import case, check, equal
from processes import wait_exit

NOT_IN_CONMON = "2.1.6 does not know the option"
SILENT = "it ends without a word"


def refusal(box, monitor):
    """Runs a monitor that must fail; the message it gave, on stderr or on the sync pipe."""
    box.expects_nothing_left = True
    monitor.spawn()
    try:
        monitor.go()
    except BrokenPipeError:
        pass
    told = monitor.rest().splitlines() if monitor.sync_fd >= 0 else []
    status = monitor.wait_gone()

    check(status != 0, f"status {status}")
    check(len(told) <= 1, f"one line: {told}")
    equal(box.read(monitor.exit_file()) if monitor.exits else None, None, "exit file")
    if told:
        message = json.loads(told[0])
        check(min(v for v in message.values() if isinstance(v, int)) < 0, message)
        check(message["message"], "a message on the sync pipe")
        return message["message"]
    check(monitor.stderr_text().strip(), "a message on stderr")
    return monitor.stderr_text()


def refused_at_once(box, text, kind="create", **options):
    """The first process itself says so on stderr and ends, before it daemonises."""
    monitor = getattr(box, kind)(**options)
    refusal(box, monitor)

    check(text in monitor.stderr_text(), f"{text!r} in {monitor.stderr_text()!r}")
    check(wait_exit(monitor.pid) != 0, "the first process fails")
    equal(os.path.exists(monitor.conmon_pid_file), False, "pid file")


@case("an unknown option is named",
      conmon=SILENT)
def unknown_option(box):
    refused_at_once(box, "--no-such-option", args=["--no-such-option"])


MISSING = [
    ("create", "-c", "Container ID not provided. Use --cid"),
    ("create", "-u", "Container UUID not provided. Use --cuuid"),
    ("create", "-r", "Runtime path not provided. Use --runtime"),
    ("create", "-l", "Log driver not provided. Use --log-path"),
    ("exec", "-u", "Container UUID not provided. Use --cuuid"),
    ("exec", "--exec-process-spec", "Exec process spec path not provided. Use --exec-process-spec"),
    ("exec_sync", "--exec-process-spec",
     "Exec process spec path not provided. Use --exec-process-spec"),
]

for kind, option, words in MISSING:

    @case(f"{kind} without {option} says: {words}")
    def missing_option(box, kind=kind, option=option, words=words):
        refused_at_once(box, words, kind=kind, without=[option])


WRONG = [
    (["--log-max-files", "-1"], "log-max-files must be non-negative", NOT_IN_CONMON),
    (["--log-max-files", "1001"], "log-max-files cannot exceed 1000", NOT_IN_CONMON),
    (["--log-rotate", "--log-max-files", "0"],
     "log-max-files must be at least 1 when log-rotate is enabled", NOT_IN_CONMON),
    (["--log-tag", "x"], "k8s-file doesn't support --log-tag", None),
    (["--log-label", "A=b"], "k8s-file doesn't support --log-label", NOT_IN_CONMON),
    (["--timeout", "soon"], "soon", SILENT),
    (["--log-size-max", "big"], "big", SILENT),
    (["--exit-delay", "1.5"], "1.5", SILENT),
    (["-l", "fluentd:/x"], "No such log driver fluentd", None),
    (["-l", "k8s-file:"], "k8s-file requires a filename", None),
    (["-l", ""], "log-path must not be empty", None),
]

for words, text, conmon in WRONG:

    @case(f"{' '.join(words) or 'an empty argument'} says: {text}", conmon=conmon)
    def wrong_option(box, words=words, text=text):
        refused_at_once(box, text, args=words)


@case("--exec-attach without --api-version is refused in conmon's words")
def attach_of_legacy_exec(box):
    refused_at_once(box, "Attach can only be specified for a non-legacy exec session",
                    kind="exec", api=False, exec_attach=True)


@case("--exec-attach without an attach pipe is refused in conmon's words",
      conmon="it says so after it has daemonised")
def attach_without_pipe(box):
    refused_at_once(box, "--attach specified but _OCI_ATTACHPIPE was not",
                    kind="exec", exec_attach=True, attach_pipe=False)


@case("journald wants an id of more than 12 characters")
def short_id(box):
    monitor = box.create(log="journald")
    monitor.cid = "short"
    refusal(box, monitor)

    check("Container ID must be longer than 12 characters" in monitor.stderr_text(),
          monitor.stderr_text())


@case("--no-container-partial-message without journald is only a warning", conmon=NOT_IN_CONMON)
def partial_message_warning(box):
    monitor = box.create("exit 3", args=["--no-container-partial-message"]).created()

    equal(monitor.wait_exited(), b"3")
    check("no effect without journald log driver" in monitor.stderr_text(), monitor.stderr_text())


@case("a log label that is none is refused", conmon=NOT_IN_CONMON)
def bad_labels(box):
    refused_at_once(box, "Container labels must be in format LABEL=VALUE", log="journald",
                    args=["--log-label", "NOVALUE"])


@case("an id that is no file name is refused", conmon="it makes paths of it")
def id_with_slash(box):
    monitor = box.create()
    monitor.cid = "../escape"
    refusal(box, monitor)


@case("a runtime that is not there is named")
def missing_runtime(box):
    refused_at_once(box, "Runtime path /nonexistent/runc is not valid", runtime="/nonexistent/runc")


@case("a runtime that is not executable is named")
def runtime_not_executable(box):
    path = box.write(box.at("runtime"), "#!/bin/sh\n", 0o644)
    refused_at_once(box, f"Runtime path {path} is not valid", runtime=path)


@case("a runtime that is a directory is a failure",
      conmon=SILENT)
def runtime_is_directory(box):
    refusal(box, box.create(runtime=box.at("tmp")))


@case("a runtime whose interpreter is not there is a failure",
      conmon=SILENT)
def runtime_without_interpreter(box):
    path = box.write(box.at("runtime"), "#!/nonexistent/interpreter\n", 0o755)
    refusal(box, box.create(runtime=path))


@case("a bundle that is not there is a failure",
      conmon=SILENT)
def missing_bundle(box):
    monitor = box.create()
    monitor.bundle_dir = box.at("no-bundle")
    refusal(box, monitor)


@case("a bundle that is a file is a failure",
      conmon=SILENT)
def bundle_is_file(box):
    monitor = box.create()
    monitor.bundle_dir = box.at("bundle", "config.json")
    refusal(box, monitor)


@case("a bundle without write permission is a failure",
      conmon=SILENT)
def unwritable_bundle(box):
    bundle = box.add_bundle("b")
    monitor = box.create()
    monitor.bundle_dir = "/proc/self" if os.geteuid() == 0 else bundle
    os.chmod(bundle, 0o500)
    box.cleanups.append(lambda: os.chmod(bundle, 0o700))
    refusal(box, monitor)


@case("an attach path in the bundle that is no socket is a failure and is left alone",
      conmon="it removes it")
def attach_is_file(box):
    path = box.write(os.path.join(box.bundle, "attach"), "precious")
    box.ignored_files.add("attach")
    refusal(box, box.create())

    equal(box.read(path), b"precious")


@case("a log that cannot be opened is told in conmon's words")
def unwritable_log(box):
    text = refusal(box, box.create(log="k8s-file:/nonexistent/ctr.log"))

    check("Failed to open log file" in text, text)


@case("a log that is a directory is told in conmon's words")
def log_is_directory(box):
    text = refusal(box, box.create(log=f"k8s-file:{box.at('logs')}"))

    check("Failed to open log file" in text, text)


@case("a socket dir that is not there is a failure with a message",
      conmon="its message goes to /dev/null")
def missing_socket_dir(box):
    refusal(box, box.create(full_attach=False, socket_dir="/nonexistent/sockets"))


@case("a socket dir that is a file is a failure with a message",
      conmon="its message goes to /dev/null")
def socket_dir_is_file(box):
    refusal(box, box.create(full_attach=False, socket_dir=box.at("bundle", "config.json")))


@case("an exit dir that is not there is a failure", conmon="it notices at the container's end")
def missing_exit_dir(box):
    refusal(box, box.create(exit_dir="/nonexistent/exits"))


@case("a persist dir that is not there is a failure", conmon="it notices at the container's end")
def missing_persist_dir(box):
    refusal(box, box.create(persist="/nonexistent/persist"))


@case("a pid file for the monitor that cannot be written is a failure",
      conmon="it goes on")
def unwritable_monitor_pid_file(box):
    monitor = box.create()
    monitor.conmon_pid_file = "/nonexistent/pid"
    refusal(box, monitor)


@case("a pid file for the container that cannot be written is a failure")
def unwritable_container_pid_file(box):
    monitor = box.create()
    monitor.pid_file = "/nonexistent/pid"
    text = refusal(box, monitor)

    check("/nonexistent/pid" in text, text)


@case("a sync pipe that is no number is a failure")
def sync_pipe_is_text(box):
    monitor = box.create(env={"_OCI_SYNCPIPE": "three"})
    refusal(box, monitor)


@case("a start pipe that is not open is a failure")
def start_pipe_is_closed(box):
    monitor = box.create(env={"_OCI_STARTPIPE": "77"})
    refusal(box, monitor)


@case("no arguments at all is a failure")
def no_arguments(box):
    monitor = box.create(pipes=False)
    monitor.argv = []
    box.expects_nothing_left = True
    monitor.spawn()

    check(wait_exit(monitor.pid) != 0, "a failure")
    check("Container ID not provided. Use --cid" in monitor.stderr_text(), monitor.stderr_text())
