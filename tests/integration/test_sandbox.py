# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What a monitor gives up once its container runs, and what an intruder in it could still do."""

import os
import signal
import subprocess

from harness import Skip, case, check, equal
from procdir import ProcessDir
from processes import children, read_proc, status_field, wait_until
from upgrade import image, install, install_script, request, upgrade

CONMON = "it has no sandbox"
PROBE_SIGNAL = signal.SIGRTMIN + 5
CAP_KILL = 1 << 5
CAP_DAC_OVERRIDE = 1 << 1
STRICT = ["--sandbox", "strict"]
ECHO = "while read x; do echo got $x; done; exit 4"
# What an intruder tries and a filter or Landlock keeps him from.
TRIES = {
    "execve", "execveat", "socket", "read", "write", "create", "remove", "list", "mount", "kill",
    "pidfd", "set-owner", "ptrace", "memory", "unshare", "bpf", "io-uring", "keyctl", "code",
}


def ours(name):
    """These look at capabilities, and into /proc, which is root's to do."""

    def register(function):
        def as_root(box):
            if os.geteuid() != 0:
                raise Skip("needs root")
            function(box)

        return case(name, conmon=CONMON)(as_root)

    return register


def status(monitor, name, base=10):
    return int(status_field(read_proc(monitor.daemon_pid, "status").decode(), name), base)


def capabilities(monitor):
    return status(monitor, "CapEff", 16), status(monitor, "CapPrm", 16)


def is_filtered(monitor):
    return status(monitor, "Seccomp") == 2


def confined(box, command=ECHO, **options):
    """A monitor that has confined itself, if it can."""
    monitor = box.create(command, stdin=True, **options).created()
    wait_until(lambda: status(monitor, "CapEff", 16) in (CAP_KILL, 0), "few capabilities")
    wait_until(lambda: core_limit(monitor.daemon_pid) == "0", "no core dumps")
    return monitor


def filtered(box, command=ECHO, **options):
    skip_without_filter(box)
    monitor = box.create(command, stdin=True, **options).created()
    wait_until(lambda: is_filtered(monitor), "a filter")
    return monitor


def skip_without_filter(box):
    """A sanitizer's build has none, and says so for `strict`."""
    argv = [box.monitor_path, "-c", "x", "-u", "x", "-r", "/bin/true", "-l", "none", *STRICT,
            "--exit-dir", "/nowhere"]
    said = subprocess.run(argv, capture_output=True, check=False).stderr.decode()
    for reason in ("a build with a sanitizer", "this kind of processor", "no seccomp filters"):
        if reason in said:
            raise Skip(f"this machine has no filter for this build: {said.strip()}")


def core_limit(pid):
    for line in read_proc(pid, "limits").decode().splitlines():
        if line.startswith("Max core file size"):
            return line.split()[4]
    raise AssertionError("no limit for core dumps")


def ask(monitor, text):
    client = monitor.attach()
    client.send(text + b"\n")
    client.read_until(b"got " + text + b"\n")
    client.close()


def stop(monitor):
    """The container is killed, and the monitor tells that as ever."""
    monitor.end_container()
    monitor.wait_exited()
    monitor.wait_gone()


def is_probed(monitor):
    """Whether somebody waits for the signal: in builds with sandbox_probe."""
    return status(monitor, "SigBlk", 16) >> (PROBE_SIGNAL - 1) & 1


def intrude(box, args):
    victim = subprocess.Popen(["sleep", "1000"])
    end = lambda: (victim.kill(), victim.wait())  # noqa: E731
    box.cleanups.append(end)
    os.mkdir(box.sandbox_report + ".mount")
    box.write(box.sandbox_report + ".removed", "")
    monitor = box.create("sleep 1000", args=args,
                         env={"HOLDFAST_SANDBOX_VICTIM": str(victim.pid)}).created()
    if not is_probed(monitor):
        raise Skip("a build without sandbox_probe has no intruder")
    box.expects_denials = True
    if "off" not in args:
        wait_until(lambda: is_filtered(monitor), "a filter")
    os.kill(monitor.daemon_pid, PROBE_SIGNAL)
    lines = box.wait_text(box.sandbox_report, b"try end").decode().splitlines()
    results = [line.split() for line in lines if line.startswith("try ")]
    end()
    return monitor, {name: result for _, name, result in results if name != "end"}


def loads_libraries(monitor):
    """Then what an upgrade executes must map code."""
    return b"/libc.so" in read_proc(monitor.daemon_pid, "maps")


def repelled(box, args):
    skip_without_filter(box)
    monitor, results = intrude(box, args)

    equal(set(results), TRIES, "what was tried")
    allowed = {"code"} if loads_libraries(monitor) and not args else set()
    met = {n: r for n, r in results.items() if r not in ("EPERM", "EACCES") and n not in allowed}
    equal(met, {}, "succeeded")
    # It is there as before, and tells the end.
    wait_until(lambda: b"denied execve\n" in (box.read(box.sandbox_report) or b""), "a report")
    stop(monitor)


@ours("an intruder in a monitor meets EPERM at every turn")
def intruder(box):
    repelled(box, [])


@ours("an intruder in a strict monitor, too")
def intruder_strict(box):
    repelled(box, STRICT)


@ours("without a sandbox he would do all of it")
def intruder_unconfined(box):
    monitor, results = intrude(box, ["--sandbox", "off"])

    equal(set(results), TRIES, "what was tried")
    refused = {n for n, r in results.items() if r in ("EPERM", "EACCES")}
    # These two another sandbox, which the tests may run in, may have denied before.
    equal(refused - {"bpf", "keyctl", "io-uring"}, set(), "denied without a sandbox")
    stop(monitor)


@ours("a denied call is told, once for each kind, and the container goes on")
def told(box):
    skip_without_filter(box)
    directory = ProcessDir(box, "p0")
    monitor = box.create("sleep 1000", sync=True, persist=None, exit_dir=None, socket_dir=None,
                         without=["-P"], args=["--process-dir", directory.path])
    monitor.pid_file = directory.at("pid")
    monitor.created()
    wait_until(lambda: is_filtered(monitor), "a filter")
    if not is_probed(monitor):
        raise Skip("a build without sandbox_probe has no intruder")
    box.expects_denials = True
    for times in (1, 2):
        os.kill(monitor.daemon_pid, PROBE_SIGNAL)
        wait_until(lambda: box.read(box.sandbox_report).count(b"try end") == times, "the end")

    wait_until(lambda: [m for _, m in directory.messages() if "denied system call ptrace" in m],
               "a message")
    said = [m for _, m in directory.messages() if "denied system call execve" in m]
    equal(sorted(said), ["the sandbox denied system call execve",
                         "the sandbox denied system call execveat"], "messages")
    monitor.end_container()
    equal(directory.wait_exit(), b"137", "status")


@ours("root keeps CAP_KILL alone, and nobody gets more")
def few(box):
    monitor = filtered(box)

    equal(capabilities(monitor), (CAP_KILL, CAP_KILL), "capabilities")
    equal(status(monitor, "CapBnd", 16) & ~(CAP_KILL | CAP_DAC_OVERRIDE), 0, "bounding set")
    equal(status(monitor, "CapInh", 16), 0, "inheritable set")
    equal(status(monitor, "NoNewPrivs"), 1, "no_new_privs")
    stop(monitor)


@ours("with an exit command the capabilities go and the rest stays")
def with_exit_command(box):
    monitor = confined(box, args=["--exit-command", "/bin/true"])

    equal(capabilities(monitor), (CAP_KILL, CAP_KILL), "capabilities")
    check(status(monitor, "CapBnd", 16) != 0, "a bounding set")
    equal(status(monitor, "NoNewPrivs"), 0, "no_new_privs")
    equal(status(monitor, "Seccomp"), int(status_field(read_proc(os.getpid(), "status").decode(),
                                                       "Seccomp")), "seccomp")
    stop(monitor)


@ours("an exit command has all privileges, core dumps and OOM score of an engine")
def exit_command(box):
    script = box.script("exit-command", "{ grep -E 'Cap(Prm|Eff|Bnd|Inh)|NoNew|Seccomp:' "
                        "/proc/self/status; ulimit -c; cat /proc/self/oom_score_adj; }"
                        f" > {box.at('out', 'seen')}")
    own = subprocess.run(["/bin/sh", script], check=True) and box.read(box.at("out", "seen"))
    os.unlink(box.at("out", "seen"))
    monitor = box.create("exit 0", args=["--exit-command", script]).created()
    monitor.wait_gone()

    equal(box.read(box.at("out", "seen")), own, "what an exit command has")


@ours("nobody else looks into a monitor")
def hidden(box):
    monitor = filtered(box)
    link = ["readlink", f"/proc/{monitor.daemon_pid}/exe"]
    weak = ["setpriv", "--bounding-set", "-sys_ptrace", *link]

    equal(subprocess.run(link, capture_output=True, check=False).returncode, 0, "root")
    equal(subprocess.run(weak, capture_output=True, check=False).returncode, 1, "another")
    stop(monitor)


@ours("CAP_DAC_OVERRIDE stays where a directory could not be written to without it")
def foreign_directory(box):
    os.chown(box.at("exits"), 12345, 12345)
    monitor = box.create("read x; exit 3", stdin=True).created()
    kept = CAP_KILL | CAP_DAC_OVERRIDE
    wait_until(lambda: capabilities(monitor) == (kept, kept), "two capabilities")

    client = monitor.attach()
    client.send(b"x\n")
    equal(monitor.wait_exited(), b"3", "exit file")
    client.close()
    monitor.wait_gone()


def refusal(box, args):
    monitor = box.create("exit 0", args=args)
    monitor.spawn()
    equal(monitor.wait_gone(), 1, "status")
    return monitor.stderr_text()


@ours("strict and an exit command exclude each other")
def strict_exit_command(box):
    said = refusal(box, [*STRICT, "--exit-command", "/bin/true"])

    check("sandbox=strict and exit-command exclude each other" in said, said)
    check("cannot be confined" in said, said)
    box.expects_nothing_left = True


@ours("a mode that there is not")
def no_mode(box):
    said = refusal(box, ["--sandbox", "tight"])

    check("sandbox must be auto, strict or off: 'tight'" in said, said)
    box.expects_nothing_left = True


@ours("a strict monitor is not upgraded, and says why")
def strict_upgrade(box):
    skip_without_filter(box)
    install(box)
    directory = ProcessDir(box, "p0")
    monitor = box.create(ECHO, stdin=True, sync=True, persist=None, exit_dir=None, socket_dir=None,
                         without=["-P"], args=[*STRICT, "--process-dir", directory.path])
    monitor.pid_file = directory.at("pid")
    monitor.created()
    monitor.attach_path = lambda: directory.at("attach")
    wait_until(lambda: is_filtered(monitor), "a filter")
    before = image(monitor.daemon_pid)

    request(monitor)

    reason = "--sandbox=strict lets nothing be executed any more"
    wait_until(lambda: [m for _, m in directory.messages() if reason in m], "a message")
    equal(image(monitor.daemon_pid) == before, True, "the same program")
    ask(monitor, b"one")
    monitor.end_container()


@ours("an upgrade goes on below the filter, and once more")
def upgraded(box):
    skip_without_filter(box)
    install(box)
    monitor = filtered(box, args=["--leave-stdin-open"])
    for number in (b"1", b"2"):
        ask(monitor, b"before " + number)
        upgrade(monitor)
        wait_until(lambda: core_limit(monitor.daemon_pid) == "0", "no core dumps")
        ask(monitor, b"after " + number)

    check(is_filtered(monitor), "a filter")
    equal(capabilities(monitor), (CAP_KILL, CAP_KILL), "capabilities")
    monitor.control(b"1 24 80\n2 0 0\n")
    ask(monitor, b"last")
    stop(monitor)
    check(b"got after 2\n" in monitor.logged(), "the log")


@ours("what was denied before an upgrade is denied after it")
def upgraded_intruder(box):
    skip_without_filter(box)
    install(box)
    monitor, _ = intrude(box, [])
    upgrade(monitor)
    box.write(box.sandbox_report, "")
    os.kill(monitor.daemon_pid, PROBE_SIGNAL)
    lines = box.wait_text(box.sandbox_report, b"try end").decode().splitlines()

    results = [line.split()[1:] for line in lines if line.startswith("try ")]
    bad = [each for each in results if each[1] not in ("EPERM", "EACCES") and each[0] != "end"]
    # The victim, and the file that he would remove, are gone by now.
    allowed = ["remove", "memory"] + (["code"] if loads_libraries(monitor) else [])
    equal([each for each in bad if each[0] not in allowed], [], "succeeded")
    stop(monitor)


@ours("a program that cannot go on below the filter hands over to the old one")
def falls_back(box):
    skip_without_filter(box)
    install(box)
    monitor = filtered(box, args=["--leave-stdin-open"])
    if not is_probed(monitor):
        raise Skip("a build without sandbox_probe has no such program")
    ask(monitor, b"one")
    # Its arguments are the same again, its memory is not.
    before = image(monitor.daemon_pid)
    box.write(box.sandbox_report + ".fail", "")
    request(monitor)
    wait_until(lambda: image(monitor.daemon_pid) != before, "another program")
    ask(monitor, b"two")
    os.unlink(box.sandbox_report + ".fail")
    upgrade(monitor)
    ask(monitor, b"three")

    check(is_filtered(monitor), "a filter")
    stop(monitor)


@ours("a program that cannot start below the filter is refused")
def upgrade_refused(box):
    skip_without_filter(box)
    install(box)
    monitor = filtered(box, args=["--leave-stdin-open"])
    before = image(monitor.daemon_pid)
    install(box, "/bin/false")

    request(monitor)
    wait_until(lambda: len(children(monitor.daemon_pid)) == 1, "no child but the container")
    ask(monitor, b"one")
    equal(image(monitor.daemon_pid) == before, True, "the same program")
    stop(monitor)


@ours("a script in the program's place is refused, and why is told")
def upgrade_script(box):
    skip_without_filter(box)
    install(box)
    directory = ProcessDir(box, "p0")
    monitor = filtered(box, sync=True, persist=None, exit_dir=None, socket_dir=None, without=["-P"],
                       args=["--leave-stdin-open", "--process-dir", directory.path])
    box.ignored_files.add("pidfile0")
    monitor.pid_file = directory.at("pid")
    box.cleanups.append(directory.end)
    install_script(box, "exit 0")

    request(monitor)
    (level, text), = wait_until(directory.messages, "a message")
    equal(level, "error")
    check("no script's interpreter" in text, text)
    monitor.end_container()
    equal(directory.wait_exit(), b"137")


@ours("strict: a log rotates, is opened again and compressed")
def strict_log(box):
    command = "while read x; do seq 2000; echo got $x; done"
    args = [*STRICT, "--leave-stdin-open", "--log-size-max", "20000", "--log-rotate",
            "--log-max-files", "4", "--log-compress"]
    monitor = filtered(box, command, args=args)
    for number in range(6):
        ask(monitor, b"%d" % number)
    monitor.control(b"2 0 0\n")
    wait_until(lambda: os.path.exists(monitor.log_path + ".2.gz"), "a compressed file")
    ask(monitor, b"last")
    box.ignored_files |= set(os.listdir(box.at("logs")))
    stop(monitor)


@ours("strict: a group that timed out is killed whole")
def strict_timeout(box):
    skip_without_filter(box)
    monitor = box.exec_sync("sleep 1000 & sleep 1000", args=[*STRICT, "--timeout", "2"]).launch()

    check(b"command timed out" in monitor.rest(), "what is told")
    monitor.wait_gone()


@ours("strict: signals are passed on")
def strict_signal(box):
    monitor = filtered(box, "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done",
                       args=STRICT)
    monitor.wait_logged(b"ready\n")
    os.kill(monitor.daemon_pid, signal.SIGTERM)

    equal(monitor.wait_exited(), b"9", "exit file")
    monitor.wait_gone()


@ours("off gives up nothing")
def off(box):
    monitor = box.create(ECHO, stdin=True, args=["--sandbox", "off", "--leave-stdin-open"]).created()
    ask(monitor, b"one")

    own = read_proc(os.getpid(), "status").decode()
    equal(status(monitor, "CapEff", 16), int(status_field(own, "CapEff"), 16), "capabilities")
    equal(status(monitor, "NoNewPrivs"), int(status_field(own, "NoNewPrivs")), "no_new_privs")
    stop(monitor)
