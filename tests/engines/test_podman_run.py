# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""podman run: exit statuses, standard streams, short lives."""

import concurrent.futures
import hashlib
import os
import shutil
import subprocess

from podman_kit import case, check, equal, Skip, wait_until

SHORT_LIVES = 200


def checksum(data):
    return hashlib.sha256(data).hexdigest()


def random_bytes(mebibytes):
    """Not all the same, so that a piece that is lost, doubled or moved changes the checksum."""
    return b"".join(os.urandom(1 << 20) for _ in range(mebibytes))


@case("run hands on standard output and standard error, each by itself")
def run_separates_streams(box):
    result = box.run("echo to-out; echo to-err >&2")

    equal((result.status, result.out, result.err), (0, b"to-out\n", b"to-err\n"))


def ends_with(code):
    @case(f"run ends with the container's exit status {code}")
    def run_status(box):
        equal(box.run(f"exit {code}").status, code)


for each_code in (0, 1, 42, 125, 126, 127, 255):
    ends_with(each_code)


@case("run ends with 127 for a program that does not exist and says so")
def run_not_found(box):
    result = box.podman("run", *box.placed(), "/no/such/program")

    equal(result.status, 127)
    check(b"no such file or directory" in result.err, result)


@case("run ends with 126 for a file that cannot be executed and says so")
def run_not_executable(box):
    result = box.podman("run", *box.placed(), "/etc")

    equal(result.status, 126)
    check(b"permission denied" in result.err, result)


@case("run ends with 125 for an error of podman itself")
def run_podman_error(box):
    equal(box.podman("run", "--no-such-option").status, 125)


@case("run ends with 128 plus the signal that killed the container")
def run_killed(box):
    # In the host's pid namespace, because the first process of a namespace cannot kill itself.
    equal(box.run("kill -9 $$", "--pid", "host").status, 137)
    equal(box.run("kill -15 $$", "--pid", "host").status, 143)


@case("run -d, wait and logs give the id, the status and the output")
def run_detached(box):
    container = box.start("echo one; echo two >&2; exit 3")

    equal(box.wait(container), 3)
    logs = box.logs(container)
    equal((logs.out, logs.err), (b"one\n", b"two\n"))


@case("run -d returns although the container goes on")
def run_detached_returns(box):
    container = box.start("sleep 1000")

    equal(box.status(container), "running")


@case("run -t gives a terminal whose lines end in carriage return and newline")
def run_terminal(box):
    terminal = box.run_on_terminal("tty; echo line; exit 5", "-t")

    output = terminal.read_all()

    equal(output, b"/dev/pts/0\r\nline\r\n")
    equal(terminal.ended(), 5)


@case("run -t sends standard error to the terminal as well")
def run_terminal_stderr(box):
    equal(box.run_on_terminal("echo oops >&2", "-t").read_all(), b"oops\r\n")


@case("run -it runs a shell that reads what is typed")
def run_interactive_shell(box):
    terminal = box.terminal("run", *box.placed("-it"), "sh")
    terminal.read_until(b"# ")

    terminal.type("echo $((6 * 7))")
    terminal.read_until(b"42\r\n")
    terminal.type("exit 9")

    equal(terminal.ended(), 9)


@case("run -i gives the container what is piped in, to its end")
def run_input(box):
    equal(box.run("cat; echo end", "-i", input=b"line\nno newline").out, b"line\nno newlineend\n")


@case("run without -i gives the container an empty standard input")
def run_no_input(box):
    equal(box.run("cat; echo end", input=b"not for you").out, b"end\n")


@case("run -i carries 100 MB in and out with equal checksums")
def run_input_volume(box):
    data = random_bytes(100)

    result = box.run("tee /tmp/copy; sha256sum /tmp/copy >&2", "-i", input=data, expect=0)

    equal(result.err.split()[0].decode(), checksum(data), "checksum in the container")
    equal(checksum(result.out), checksum(data), "checksum of what came back")


@case("run hands on 51 MB written just before the exit")
def run_output_volume(box):
    result = box.run("yes 0123456789abcdef | head -c 51000000; exit 4")

    equal((result.status, len(result.out)), (4, 51000000))
    equal(result.out.replace(b"0123456789abcdef\n", b""), b"")


@case("run with a user gives a standard output that the user can open again")
def run_reopen_stdout(box):
    result = box.run("echo again > /dev/stdout; echo bad > /dev/stderr", "--user", "1234:1234")

    equal((result.status, result.out, result.err), (0, b"again\n", b"bad\n"))


@case("run --preserve-fds hands a descriptor of the caller to the container")
def run_preserve_fds(box):
    read_fd, write_fd = os.pipe()
    # Podman preserves the descriptors from 3 on.
    script = f'exec 3<&{read_fd} && exec "$@"'
    command = box.command("run", *box.placed("--preserve-fds", "1"), "sh", "-c", "cat <&3")
    client = subprocess.Popen(
        ["sh", "-c", script, "sh", *command],
        env=box.environment(), pass_fds=[read_fd], stdout=subprocess.PIPE,
    )  # fmt: skip
    box.clients.append(client)
    os.close(read_fd)
    os.write(write_fd, b"through descriptor 3\n")
    os.close(write_fd)

    equal(client.communicate(timeout=60)[0], b"through descriptor 3\n")


@case("run --timeout kills the container")
def run_timeout(box):
    result = box.run("echo begun; sleep 1000", "--timeout", "1", "--name", "short")

    equal((result.status, result.out), (255, b"begun\n"))
    equal(box.inspect("short", "State.ExitCode"), "-1")


@case("run --init passes the exit status on")
def run_init(box):
    if not shutil.which("catatonit") and not os.path.exists("/usr/libexec/podman/catatonit"):
        raise Skip("this machine has no catatonit")

    result = box.run("cat /proc/1/comm; exit 6", "--init", expect=6)

    check(b"init" in result.out or b"catatonit" in result.out, result)


@case("run --rm leaves no container behind")
def run_rm(box):
    box.run("exit 0", "--rm", "--name", "gone", expect=0)

    equal(box.podman("ps", "--all", "--quiet", expect=0).out, b"")
    equal(os.listdir(box.at("tmp/exits")), [])


@case("run --rm -d is removed by its exit command")
def run_rm_detached(box):
    box.start("sleep 0.1", "--rm")

    # Without Podman: it is the exit command that removes.
    wait_until(lambda: any(e["Status"] == "remove" for e in box.all_events()), "the removal")
    wait_until(lambda: not box.started(), "the exit command to end")
    equal(box.podman("ps", "--all", "--quiet", expect=0).out, b"")


@case("run -d of a container that is over before anyone looks keeps status and output")
def run_over_at_once(box):
    container = box.start("echo brief; exit 77")

    wait_until(lambda: not box.started(), "the monitor to end")

    equal(box.inspect(container, "State.ExitCode"), "77")
    equal(box.status(container), "exited")
    equal(box.wait(container), 77)
    equal(box.logs(container).out, b"brief\n")


@case("a container survives the podman that started it")
def run_client_killed(box):
    client = box.spawn(
        "run", *box.placed("--name", "orphan"),
        "sh", "-c", "echo begun; until test -e /tmp/go; do usleep 20000; done; echo done; exit 8",
        stdout=subprocess.PIPE,
    )  # fmt: skip
    equal(client.stdout.readline(), b"begun\n")

    client.kill()
    client.wait()
    client.stdout.close()
    with open(box.at("rootfs/tmp/go"), "wb"):
        pass

    equal(box.wait("orphan"), 8)
    equal(box.logs("orphan").out, b"begun\ndone\n")


@case("two hundred short-lived containers in a row each give their own exit status and output")
def run_many_in_a_row(box):
    wrong = []
    for number in range(SHORT_LIVES):
        code = number % 124
        result = box.run(f"echo {number}; exit {code}", "--rm")
        if (result.status, result.out) != (code, b"%d\n" % number):
            wrong.append((number, result))

    equal(wrong, [])
    equal(box.podman("ps", "--all", "--quiet", expect=0).out, b"")


@case("forty short-lived containers, eight at a time, each give their own exit status and output")
def run_many_at_once(box):
    box.run("exit 0", "--rm", expect=0)

    def one(number):
        result = box.run(f"echo {number}; exit {number}", "--rm")
        return (result.status, result.out) == (number, b"%d\n" % number) or (number, result)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(one, range(40)))

    equal([result for result in results if result is not True], [])
    equal(box.podman("ps", "--all", "--quiet", expect=0).out, b"")
