# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""holdfast upgrade: monitors become the installed program, and what came of it is told."""

import os
import re
import signal

from adoption import adoptable, kill_monitor
from command import command_case, fake_command_case
from harness import check, equal
from processes import is_running, wait_until
from upgrade import image, install, install_script, place

WAIT = "exec sleep 1000"
READ = "while read x; do echo got $x; done; exec sleep 1000"


def monitor_pid(command, name, process="init"):
    return int(command.box.read(command.at(name, process, "monitor.pid")))


def images(command, *names):
    return [image(monitor_pid(command, name)) for name in names]


def upgrade(command, *words, status=0):
    """Its rows as JSON."""
    result = command.run("--format=json", "upgrade", *words)
    equal(result.status, status, result)
    return result.json


def outcomes(rows):
    return {(row["id"], row["process"]): row["result"] for row in rows}


def install_version(box, version):
    """A monitor that says it is another version, of as many characters."""
    with open(box.original_path, "rb") as file:
        program = file.read()
    own = re.search(rb"commit: holdfast ([0-9.]+)", program).group(1)
    other = version.encode().ljust(len(own), b"9")
    # Texts that end alike are one text in the program.
    place(box, lambda path: box.write(path, program.replace(own + b"\0", other + b"\0"), 0o755))
    return own.decode(), other.decode()


@fake_command_case("a monitor that is old becomes the installed one; one that is new is left alone")
def old_and_new(command):
    install(command.box)
    old = command.start(WAIT)
    old_version, new_version = install_version(command.box, "9.9.9")
    new = command.start(WAIT)
    before = images(command, old, new)

    rows = upgrade(command, "--all")

    equal(outcomes(rows), {(old, "init"): "upgraded", (new, "init"): "current"})
    row = next(row for row in rows if row["id"] == old)
    equal((row["from"], row["to"], row["reason"]), (old_version, new_version, None))
    after = images(command, old, new)
    equal([first == second for first, second in zip(before, after)], [False, True], "the same")
    [entry] = command.ok("--format=json", "inspect", old).json
    equal(entry["processes"][0]["monitorVersion"], new_version)
    text = command.ok("upgrade", "--all").text
    for name in (old, new):
        check(re.search(rf"^{name} +init +current: {new_version}$", text, re.MULTILINE), text)


@fake_command_case("with --force also one that is new")
def forced(command):
    install(command.box)
    name = command.start(READ, "-i")
    before = images(command, name)

    equal(command.ok("upgrade", name).lines[1].split()[:3], [name, "init", "current:"])
    equal(images(command, name), before, "the program")
    text = command.ok("upgrade", "--force", name).text

    check(re.search(rf"^{name} +init +upgraded: (\S+) -> \1$", text, re.MULTILINE), text)
    check(images(command, name) != before, "another program")


@fake_command_case("a refusal is told with its reason, and the others are upgraded all the same")
def refused(command):
    install(command.box)
    names = [command.start(WAIT), command.start(WAIT)]
    install_script(command.box, f"""for word in "$@"; do
case $word in {names[0]}) echo not today, no >&2; exit 1 ;; esac
done
exec $ORIGINAL "$@" """)
    before = images(command, *names)

    rows = upgrade(command, *names, status=125)

    equal(outcomes(rows), {(names[0], "init"): "refused", (names[1], "init"): "upgraded"})
    equal(rows[0]["reason"], "process 'init': not today, no")
    after = images(command, *names)
    equal([first == second for first, second in zip(before, after)], [True, False], "the same")
    result = command.run("upgrade", names[0])
    equal(result.status, 125, result)
    check("refused: process 'init': not today, no" in result.text, result)
    install(command.box)
    equal(outcomes(upgrade(command, names[0])), {(names[0], "init"): "upgraded"})


@fake_command_case("a program that cannot go on is a refusal with what the old one tells")
def falls_back(command):
    install(command.box)
    name = command.start(WAIT)
    install_script(command.box, """case "$1" in --check-state=*) exit 0 ;; esac
first=$1 second=$2
shift 2
exec $ORIGINAL "$first" "$second" --no-such-option "$@" """)

    [row] = upgrade(command, name, status=125)

    equal(row["result"], "refused")
    check("--no-such-option" in row["reason"], row)
    install(command.box)
    equal(upgrade(command, name)[0]["result"], "upgraded")


@command_case("execs have monitors of their own; what has ended has none")
def execs(command):
    install(command.box)
    name = command.start(WAIT)
    for process, script in (("e1", "trap exit TERM; while :; do sleep 0.05; done"), ("e2", "exit 0")):
        command.ok("exec", "-d", "--id", process, name, "sh", "-c", script)
    command.box.wait_file(command.at(name, "e2", "exitStatus"))
    install(command.box)

    equal(outcomes(upgrade(command, name)), {(name, "init"): "upgraded", (name, "e1"): "upgraded"})

    command.ok("kill", "--signal=KILL", name)
    for process in ("init", "e1"):
        equal(command.run("wait", "--process", process, name).status, 137)
    check("no running process" in command.run("upgrade", name).err, "an error")
    equal(upgrade(command, "--all"), [], "rows")


@fake_command_case("a monitor that died cannot be asked, which is told")
def dead(command):
    install(command.box)
    name = command.start(WAIT)
    pid = monitor_pid(command, name)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_running(pid), "the end of the monitor")

    [row] = upgrade(command, "--all", status=125)

    equal((row["result"], row["reason"]), ("refused", "process 'init': it has no monitor"))
    command.ok("adopt", name)
    equal(upgrade(command, name)[0]["result"], "current")
    install(command.box)
    equal(upgrade(command, name)[0]["result"], "upgraded")


@fake_command_case("a monitor that is killed while it is asked is no silence of fifteen seconds")
def killed_meanwhile(command):
    install(command.box)
    name = command.start(WAIT)
    asked = command.box.at("out", "asked")
    install_script(command.box, f"touch {asked}; exec sleep 1000")
    running = command.begin_command("--format=json", "upgrade", name)
    wait_until(lambda: os.path.exists(asked), "the check")
    os.kill(monitor_pid(command, name), signal.SIGKILL)

    result = running.finish()

    equal(result.status, 125, result)
    check("has ended meanwhile" in result.json[0]["reason"], result)
    install(command.box)
    command.ok("adopt", name)


@fake_command_case("several at once get an answer, and the monitor is there afterwards")
def at_once(command):
    install(command.box)
    name = command.start(READ, "-i")
    for _ in range(5):
        install(command.box)
        running = [command.begin_command("upgrade", "--force", name) for _ in range(4)]
        for result in [one.finish() for one in running]:
            equal(result.status, 0, result)
    equal(upgrade(command, name)[0]["result"], "current")


@fake_command_case("a session of an engine is upgraded by its id, and by --all")
def engine(command):
    box = command.box
    install(box)
    os.makedirs(os.path.join(command.root, ".monitors"), mode=0o700)
    os.chmod(command.root, 0o700)
    os.symlink(os.path.join(command.root, ".monitors"), box.at("state", "monitors"))
    # The program that refuses is a script, which is not executed from within a sandbox.
    monitor = adoptable(box, "trap 'exit 9' TERM; while :; do sleep 0.02; done",
                        args=["--sandbox", "off"], env={"PATH": os.environ["PATH"]}).created()
    orphan = adoptable(box, WAIT, env={"PATH": os.environ["PATH"]}).created()
    kill_monitor(orphan)
    before = image(monitor.daemon_pid)

    equal(outcomes(upgrade(command, "--all")), {(monitor.uuid, None): "current"})
    old, new = install_version(box, "9.9.9")
    [row] = upgrade(command, "--all")

    equal((row["id"], row["result"], row["from"], row["to"]), (monitor.uuid, "upgraded", old, new))
    check(image(monitor.daemon_pid) != before, "another program")
    install_script(box, "echo no >&2; exit 1")
    [row] = upgrade(command, monitor.uuid, status=125)
    equal((row["result"], row["reason"]), ("refused", f"session '{monitor.uuid}': no"))
    install(box)
    equal(upgrade(command, monitor.uuid)[0]["result"], "upgraded")
    check("no such container" in command.fails("upgrade", orphan.uuid), "a session without one")
    check("--all" in command.fails("upgrade"), "neither")
    check("--all" in command.fails("upgrade", "--all", "x"), "both")
    os.kill(monitor.container_pid, signal.SIGTERM)
    equal(monitor.wait_exited(), b"9")
    monitor.wait_gone()
    command.ok("adopt", "--all")
    os.kill(orphan.container_pid, signal.SIGKILL)
    wait_until(lambda: not os.listdir(os.path.join(command.root, ".monitors")), "the sessions' end")
    os.rmdir(os.path.join(command.root, ".monitors"))
