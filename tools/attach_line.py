#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Types one line into a container: attach_line.py BUNDLE LINE

The monitor listens on BUNDLE/attach, a SOCK_SEQPACKET socket. What a client sends is the
container's standard input; each packet that comes back is one byte that names the stream (2 stdout,
3 stderr) and then the bytes. Shutting the sending side closes the container's standard input."""

import os
import socket
import sys

STREAMS = {2: "stdout", 3: "stderr"}
LIMIT_SECONDS = 30
PACKET_MAX = 8193


def show(packet):
    stream = STREAMS.get(packet[0], f"stream {packet[0]}")
    for line in packet[1:].decode(errors="replace").splitlines():
        print(f"     < {line}   ({stream})")


def main():
    folder, line = sys.argv[1:3]
    os.chdir(folder)  # sun_path holds 107 bytes; a relative name always fits
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.settimeout(LIMIT_SECONDS)
    client.connect("attach")

    print(f"     > {line}")
    client.send(line.encode() + b"\n")
    show(client.recv(PACKET_MAX))

    print("     > (end of input)")
    client.shutdown(socket.SHUT_WR)
    while packet := client.recv(PACKET_MAX):
        show(packet)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, IndexError) as error:
        sys.exit(f"attach_line: {error}")
