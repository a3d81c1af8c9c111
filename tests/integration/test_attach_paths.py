# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Where the attach socket is, whatever the length of its path, and what happens to old ones."""

import os
import socket
import stat

from harness import Skip, case, check, equal

SUN_PATH = 108
WAIT = "exec sleep 1000"


def attach_works(monitor):
    client = monitor.attach()
    client.close()
    return True


@case("with --full-attach the socket is in the bundle and nothing is in the socket dir")
def full_attach(box):
    monitor = box.create(WAIT).created()

    check(attach_works(monitor), "attach")
    equal(os.listdir(box.at("sockets")), [])


@case("the socket is a SEQPACKET socket of mode 0700")
def socket_mode(box):
    old = os.umask(0)
    box.create(WAIT).created()
    os.umask(old)

    mode = os.stat(os.path.join(box.bundle, "attach")).st_mode

    check(stat.S_ISSOCK(mode), "a socket")
    equal(stat.S_IMODE(mode), 0o700)


@case("without --full-attach the socket dir has a link to the bundle")
def socket_dir_link(box):
    monitor = box.create(WAIT, full_attach=False).created()

    link = os.path.join(box.at("sockets"), monitor.uuid)

    equal(os.path.realpath(link), box.bundle)
    check(attach_works(monitor), "attach through the link")


@case("a client that knows no tricks connects through the socket dir")
def plain_client(box):
    monitor = box.create(WAIT, full_attach=False).created()

    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(monitor.attach_path())


@case("the link is removed at the container's exit", conmon="2.1.6 leaves it")
def link_is_removed(box):
    monitor = box.create("exit 0", full_attach=False).created()
    monitor.wait_gone()

    equal(os.listdir(box.at("sockets")), [])


@case("the link is removed after a failed start", conmon="it leaves it")
def link_is_removed_after_failure(box):
    box.expects_nothing_left = True
    monitor = box.create(full_attach=False, script={"fail": "no"}).spawn().go()
    monitor.rest()
    monitor.wait_gone()

    equal(os.listdir(box.at("sockets")), [])


@case("an old link is replaced")
def stale_link(box):
    monitor = box.create(WAIT, full_attach=False)
    os.symlink("/nonexistent", os.path.join(box.at("sockets"), monitor.uuid))

    monitor.created()

    check(attach_works(monitor), "attach")


@case("an old socket is replaced")
def stale_socket(box):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as old:
        old.bind(os.path.join(box.bundle, "attach"))
    monitor = box.create(WAIT).created()

    check(attach_works(monitor), "attach")


@case("old FIFOs are taken over")
def stale_fifos(box):
    for name in ("ctl", "winsz"):
        os.mkfifo(os.path.join(box.bundle, name))
    monitor = box.create(WAIT).created()

    monitor.control(b"1 20 80\n")
    monitor.control(b"20 80\n", "winsz")


@case("a bundle path longer than a socket's address works")
def long_bundle(box):
    monitor = box.create("echo hello", bundle=box.add_bundle("l" * 200), autostart=False).created()
    client = monitor.attach()
    monitor.start()

    equal(client.read_all()[2], b"hello\n")


@case("an exec in a bundle with a long path works")
def long_exec_bundle(box):
    bundle = box.add_bundle("l" * 200, "m" * 100)
    monitor = box.exec("echo hello", bundle=bundle, exec_attach=True, log="none").spawn().go()
    monitor.packet(monitor.attach_fd)
    client = monitor.attach()
    monitor.go()

    equal(client.read_all()[2], b"hello\n")


@case("a console for a bundle with a long path works")
def long_bundle_with_terminal(box):
    monitor = box.create("echo hello", bundle=box.add_bundle("l" * 200), terminal=True).created()

    equal(monitor.wait_exited(), b"0")
    equal(monitor.logged(), b"hello\r\n")


@case("socket dir links around the size of a socket's address work")
def socket_dir_lengths(box):
    for length in (104, 105, 106, 108, 109, 200):
        monitor = box.create(WAIT, full_attach=False, bundle=box.add_bundle(f"b{length}"))
        pad_socket_dir(monitor, length)

        monitor.created()

        link = os.path.join(monitor.sockets, monitor.uuid)
        equal(os.path.realpath(link), monitor.bundle_dir, f"length {length}")
        check(attach_works(monitor), f"length {length}")


@case("a link that fills the address to the last byte is made one shorter, as CRI-O expects")
def socket_dir_quirk(box):
    monitor = box.create(WAIT, full_attach=False)
    pad_socket_dir(monitor, SUN_PATH - 1)

    monitor.created()

    link = os.path.join(monitor.sockets, monitor.uuid)[:-1]
    equal(os.path.realpath(link), monitor.bundle_dir)


def pad_socket_dir(monitor, length):
    """Gives it a socket dir such that the link's path has this length."""
    pad = length - len(os.path.join(monitor.box.at("sockets"), "", monitor.uuid)) - 1
    if pad < 1:
        monitor.uuid = monitor.uuid[: pad - 2]
        pad = 1
    monitor.sockets = monitor.box.at("sockets", "p" * pad)
    monitor.persist_dir = monitor.box.at("persist", monitor.uuid)
    os.makedirs(monitor.persist_dir, exist_ok=True)
    os.makedirs(monitor.sockets, exist_ok=True)
    monitor.box.ignored_files.add(os.path.basename(monitor.sockets))


@case("exec sync makes no socket, no link and no FIFO")
def exec_sync_makes_nothing(box):
    monitor = box.exec_sync("exit 0").spawn().go()
    monitor.rest()
    monitor.wait_gone()

    equal(os.listdir(box.at("sockets")), [])
    equal(sorted(os.listdir(box.bundle)), ["config.json", "pidfile0"])


@case("another user's process cannot attach", conmon="it asks nobody")
def other_user(box):
    if os.geteuid() != 0:
        raise Skip("only root can become another user")
    os.chmod(box.path, 0o755)
    os.chmod(box.bundle, 0o755)
    monitor = box.create("echo secret", autostart=False).created()
    os.chmod(monitor.attach_path(), 0o777)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        os.write(write_end, read_as_stranger(monitor))
        os._exit(0)
    os.close(write_end)
    box.keep(read_end)
    os.waitpid(child, 0)

    monitor.start()
    monitor.wait_exited()

    equal(os.read(read_end, 100), b"refused")


def read_as_stranger(monitor):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.settimeout(30)
        try:
            client.connect(monitor.attach_path())
            return client.recv(100) or b"refused"
        except OSError as error:
            return b"refused" if isinstance(error, ConnectionError) else repr(error).encode()
