# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Volumes through podman run -i while one side or the other makes everybody wait."""

import hashlib
import os
import select
import subprocess
import time

from podman_kit import case, equal
from processes import DEADLINE, Expired

VOLUME = 100 * 1000 * 1000
# How long a direction must not move until it is the other one's turn.
STILL_SECONDS = 0.1
# The container stops reading, and so writing, now and then.
FITFUL = "for i in 1 2 3 4 5 6; do dd bs=1048576 count=12; usleep 400000; done 2>/dev/null; exec cat"


def checksum(data):
    return len(data), hashlib.sha256(data).hexdigest()


def start(box, script):
    client = box.spawn("run", *box.placed("-i"), "sh", "-c", script,
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    for end in (client.stdin, client.stdout):
        os.set_blocking(end.fileno(), False)
    return client


def write_while_it_moves(client, view):
    """What is left to write once the other side takes no more for a while."""
    while view and select.select([], [client.stdin], [], STILL_SECONDS)[1]:
        view = view[os.write(client.stdin.fileno(), view[:65536]) :]
    return view


def read_while_it_moves(client, data):
    """False at the end of the output."""
    fd = client.stdout.fileno()
    while select.select([fd], [], [], STILL_SECONDS)[0]:
        piece = os.read(fd, 1 << 20)
        if not piece:
            return False
        data += piece
    return True


def exchange_by_turns(client, data):
    """Writes only, then reads only, and so on, until the output ends."""
    view = memoryview(data)
    out = bytearray()
    end = time.monotonic() + 4 * DEADLINE
    is_open = True
    while is_open:
        view = write_while_it_moves(client, view)
        if not view and not client.stdin.closed:
            client.stdin.close()
        is_open = read_while_it_moves(client, out)
        if time.monotonic() > end:
            raise Expired(f"{len(view)} bytes to write and {len(out)} read")
    return out


@case("run -i carries 100 MB in and out though its caller only writes and only reads by turns")
def by_turns(box):
    data = os.urandom(VOLUME)
    client = start(box, "exec cat")

    out = exchange_by_turns(client, data)

    equal(checksum(out), checksum(data))
    equal(client.wait(DEADLINE), 0)


@case("run -i carries 100 MB in and out though the container stops reading now and then")
def fitful_container(box):
    data = os.urandom(VOLUME)
    client = start(box, FITFUL)

    out = exchange_by_turns(client, data)

    equal(checksum(out), checksum(data))
    equal(client.wait(DEADLINE), 0)
