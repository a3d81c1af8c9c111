# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""--seccomp-notify-socket with a real runtime, as root: what holdfast-seccomp-agent answers."""

import os
import signal
import stat

from harness import case, check, equal
from oci import call, find_runtime, require_works
from processes import descendants, is_running, open_files, status_field, wait_until
from seccomp import Guarded, rule

NO_CONMON = "it has no seccomp notifications"
MKDIR = "busybox mkdir /tmp/x 2>&1"


def runtimes(name):
    """A case for each runtime."""

    def register(function):
        for runtime in ("runc", "crun"):

            @case(f"{runtime}: {name}", NO_CONMON)
            def with_runtime(box, runtime=runtime):
                path = find_runtime(runtime)
                if runtime == "crun":
                    require_works(box, path)
                function(box, path)

        return function

    return register


def counts(records):
    return sum(record["count"] for record in records)


@runtimes("an error is injected and recorded")
def errno(box, runtime):
    rules = [rule(["mkdir"], "errno", errno="EXDEV")]
    guarded = Guarded(box, runtime, f"{MKDIR}; test ! -e /tmp/x", rules=rules).start()

    equal(guarded.ended(), 0)
    check(b"ross-device" in guarded.monitor.logged(), guarded.monitor.logged())
    [record] = guarded.records()
    equal((record["id"], record["syscall"], record["action"], record["errno"], record["count"]),
          (guarded.monitor.cid, "mkdir", "errno", "EXDEV", 1))
    check(record["pid"] > 0 and len(record["args"]) == 6, record)
    equal(stat.S_IMODE(os.stat(guarded.record_path).st_mode), 0o600)


@runtimes("a call is let through, and recorded with log only")
def let_through(box, runtime):
    rules = [rule(["mkdir"], "log"), rule(["*"], "continue")]
    guarded = Guarded(box, runtime, f"{MKDIR} && cd /tmp/x", notify=("mkdir", "chdir"),
                      rules=rules).start()

    equal(guarded.ended(), 0)
    # The runtime calls chdir(2) under the filter too.
    equal([(r["syscall"], r["action"]) for r in guarded.records()], [("mkdir", "log")])


@runtimes("the process that tries is killed")
def killed(box, runtime):
    guarded = Guarded(box, runtime, f"{MKDIR}; cd /; exit 3", notify=("mkdir",),
                      rules=[rule(["mkdir"], "kill")]).start()

    equal(guarded.ended(), 3)
    equal([r["action"] for r in guarded.records()], ["kill"])


@runtimes("the container ends with its first process, killed by policy")
def killed_first(box, runtime):
    guarded = Guarded(box, runtime, "exec busybox mkdir /tmp/x", rules=[rule(["*"], "kill")])
    guarded.start()

    equal(guarded.ended(), 137)


@runtimes("without a policy everything is ENOSYS")
def no_policy(box, runtime):
    guarded = Guarded(box, runtime, MKDIR).start()

    equal(guarded.ended(), 1)
    check(b"Function not implemented" in guarded.monitor.logged(), guarded.monitor.logged())
    equal([(r["action"], r["errno"]) for r in guarded.records()], [("errno", "ENOSYS")])


@runtimes("a killed agent is told, and nothing hangs")
def agent_killed(box, runtime):
    guarded = Guarded(box, runtime, f"while ! test -e /go; do sleep 0.02; done; {MKDIR}",
                      rules=[rule(["*"], "continue")]).use_process_dir().start()
    os.kill(guarded.agent_pid(), signal.SIGKILL)
    box.wait_text(guarded.message_path, b"holdfast-seccomp-agent ended")
    check(not os.path.exists(guarded.socket), "the socket is there")
    box.write(os.path.join(guarded.monitor.bundle_dir, "rootfs", "go"), "")

    equal(guarded.ended(), 1)
    check(b"Function not implemented" in guarded.monitor.logged(), guarded.monitor.logged())
    equal(box.read(guarded.message_path).count(b"holdfast-seccomp-agent ended"), 1)


@runtimes("a call that waits for its answer gets ENOSYS when the agent is killed")
def killed_meanwhile(box, runtime):
    guarded = Guarded(box, runtime, f"while ! test -e /go; do sleep 0.02; done; {MKDIR}",
                      rules=[rule(["*"], "continue")]).start()
    agent = guarded.agent_pid()
    os.kill(agent, signal.SIGSTOP)
    box.write(os.path.join(guarded.monitor.bundle_dir, "rootfs", "go"), "")
    wait_until(lambda: is_in_call(guarded.monitor.container_pid, MKDIR_NUMBER), "a call that waits")
    os.kill(agent, signal.SIGKILL)

    equal(guarded.ended(), 1)
    check(b"Function not implemented" in guarded.monitor.logged(), guarded.monitor.logged())


@runtimes("an exec without the agent is a failure that is told, and the container goes on")
def exec_without_agent(box, runtime):
    guarded = Guarded(box, runtime, "sleep 1000", rules=[]).use_process_dir().start()
    os.kill(guarded.agent_pid(), signal.SIGKILL)
    box.wait_text(guarded.message_path, b"holdfast-seccomp-agent ended")
    monitor = guarded.container.exec_sync(["true"]).spawn().go()
    text = monitor.rest().decode()

    check('"exit_code": -1' in text, text)
    check(is_running(guarded.monitor.container_pid), "the container has ended")
    os.kill(guarded.monitor.container_pid, 9)
    equal(guarded.ended(), 137)


@runtimes("an exec has the same agent")
def exec_session(box, runtime):
    guarded = Guarded(box, runtime, "sleep 1000", rules=[rule(["*"], "errno", errno="EXDEV")])
    guarded.start()
    monitor = guarded.container.exec_sync(["sh", "-c", MKDIR]).spawn().go()

    equal(monitor.rest(), b'{"exit_code": 1}\n')
    check(b"ross-device" in monitor.logged(), monitor.logged())
    equal(counts(guarded.wait_records(1)), 1)
    os.kill(guarded.monitor.container_pid, 9)


@runtimes("agent and socket end with the container")
def ends(box, runtime):
    guarded = Guarded(box, runtime, "sleep 1000", rules=[]).start()
    agent = guarded.agent_pid()
    mode = stat.S_IMODE(os.stat(guarded.socket).st_mode)
    os.kill(guarded.monitor.container_pid, 9)

    equal(guarded.ended(), 137)
    equal(mode, 0o600)
    wait_until(lambda: not is_running(agent), "the agent's end")
    check(not os.path.exists(guarded.socket), "the socket is there")


@runtimes("a monitor that is killed leaves the agent to the container")
def monitor_killed(box, runtime):
    guarded = Guarded(box, runtime, f"while ! test -e /go; do sleep 0.02; done; {MKDIR}; sleep 99",
                      rules=[rule(["*"], "errno", errno="EXDEV")]).start()
    agent = guarded.agent_pid()
    box.ignored_files |= {"notify", "attach", "ctl", "winsz", os.path.basename(guarded.socket)}
    os.kill(guarded.monitor.pid, signal.SIGKILL)
    guarded.monitor.wait_gone()
    box.write(os.path.join(guarded.monitor.bundle_dir, "rootfs", "go"), "")

    equal(guarded.wait_records(1)[0]["errno"], "EXDEV")
    check(is_running(agent), "the agent has ended")
    os.kill(guarded.monitor.container_pid, 9)
    wait_until(lambda: not is_running(agent), "the agent's end")


@runtimes("a limit answers EAGAIN and says so once")
def limited(box, runtime):
    rules = [rule(["mkdir"], "errno", errno="EXDEV", perMinute=2)]
    script = "for i in 1 2 3 4 5; do busybox mkdir /tmp/x 2>&1; done"
    guarded = Guarded(box, runtime, script, rules=rules).start()

    guarded.ended()
    equal(guarded.monitor.logged().count(b"ross-device"), 2)
    equal(guarded.monitor.logged().count(b"temporarily unavailable"), 3)
    equal(sorted(r["action"] for r in guarded.records()), ["errno", "errno", "limited"])


MKDIR_NUMBER = {"x86_64": "83", "ppc64le": "39", "s390x": "39"}.get(os.uname().machine, "34")


def is_in_call(pid, number):
    """Whether a process of the tree below @pid waits in that system call."""
    for each in [pid, *descendants(pid)]:
        try:
            with open(f"/proc/{each}/syscall", encoding="ascii") as file:
                if file.read().split()[0] == number:
                    return True
        except OSError:
            pass
    return False


def rss_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(status_field(file.read(), "VmRSS").split()[0])


@runtimes("ten thousand calls are counted, and memory does not grow")
def many(box, runtime):
    # cd is chdir(2) in the shell itself; no process is made.
    script = "i=0; while test $i -lt 10000; do cd /tmp; i=$((i+1)); done"
    wait = "while ! test -e /{}; do sleep 0.02; done"
    guarded = Guarded(box, runtime,
                      f"{script}; echo one; {wait.format('go')}; {script}; echo two; "
                      f"{wait.format('stop')}",
                      notify=("chdir",), rules=[rule(["*"], "log")]).start()
    agent = guarded.agent_pid()
    # A sanitizer keeps what was freed.
    is_sanitized = "ASAN_OPTIONS" in os.environ
    rootfs = os.path.join(guarded.monitor.bundle_dir, "rootfs")
    guarded.monitor.wait_logged(b"one\n")
    before, files = rss_of(agent), open_files(agent)
    box.write(os.path.join(rootfs, "go"), "")
    guarded.monitor.wait_logged(b"two\n")
    after = rss_of(agent)
    equal(open_files(agent), files, "open files of the agent")
    box.write(os.path.join(rootfs, "stop"), "")

    equal(guarded.ended(), 0)
    check(counts(guarded.records()) >= 20000, counts(guarded.records()))
    check(after <= before + 512 or is_sanitized, f"{before} KiB, then {after} KiB")


def failed_start(box, runtime, words, **options):
    """The monitor says why on the sync pipe and leaves nothing."""
    box.expects_nothing_left = True
    guarded = Guarded(box, runtime, MKDIR, **options)
    guarded.monitor.spawn().go()
    text = guarded.monitor.rest().decode()

    check(words in text, text)
    check(guarded.monitor.wait_gone() != 0, "the monitor's status")
    check(not os.path.exists(guarded.socket), "the socket is there")


@case("runc: a broken policy is told with its place", NO_CONMON)
def broken_policy(box):
    failed_start(box, find_runtime("runc"), "rules[0].action: log, errno, continue or kill",
                 rules=[rule(["*"], "allow")])


@case("runc: a policy that is no JSON is told", NO_CONMON)
def no_json(box):
    failed_start(box, find_runtime("runc"), "policy.json", rules="{")


@case("runc: an agent that is not there is told", NO_CONMON)
def no_agent(box):
    guarded = Guarded(box, find_runtime("runc"), MKDIR)
    guarded.monitor.env["HOLDFAST_SECCOMP_AGENT"] = "/no/such/agent"
    box.expects_nothing_left = True
    guarded.monitor.spawn().go()
    text = guarded.monitor.rest().decode()

    check("/no/such/agent" in text, text)
    check(guarded.monitor.wait_gone() != 0, "the monitor's status")


@case("runc: what has the socket's name and is none is left alone", NO_CONMON)
def name_taken(box):
    guarded = Guarded(box, find_runtime("runc"), MKDIR)
    box.ignored_files.add("notify")
    box.write(guarded.socket, "precious")
    guarded.monitor.spawn().go()
    text = guarded.monitor.rest().decode()

    check("exists and is no socket" in text, text)
    equal(box.read(guarded.socket), b"precious")
    check(guarded.monitor.wait_gone() != 0, "the monitor's status")


@case("runc: with a process directory the records are there", NO_CONMON)
def in_process_dir(box):
    guarded = Guarded(box, find_runtime("runc"), MKDIR, rules=[rule(["*"], "errno")])
    guarded.use_process_dir().start()

    guarded.ended()
    equal([r["errno"] for r in guarded.records()], ["EPERM"])
    check(b"holdfast-seccomp-agent" not in box.read(guarded.message_path), "an end that is told")


@case("runc: delete works while the agent runs", NO_CONMON)
def deleted(box):
    guarded = Guarded(box, find_runtime("runc"), "sleep 1000", rules=[]).create()
    result = call(guarded.container.runtime, f"--root={guarded.container.root}", "delete",
                  "--force", guarded.monitor.cid)

    equal(result.returncode, 0, result.stderr)
    guarded.ended()
