#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""attach.py BUNDLE: joins this program's standard streams to those of a container."""

import os
import socket
import sys
import threading


def type_in():
    while data := os.read(0, 32768):
        client.send(data)  # one packet, whole or not at all
    client.shutdown(socket.SHUT_WR)  # the container's stdin ends, its output goes on


os.chdir(sys.argv[1])  # a socket's address has room for 107 bytes, a bundle's path may have more
client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
client.connect("attach")
threading.Thread(target=type_in, daemon=True).start()
while packet := client.recv(8193):
    fd = {2: sys.stdout, 3: sys.stderr}[packet[0]].fileno()
    os.write(fd, packet[1:])
