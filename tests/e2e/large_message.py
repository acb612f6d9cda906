# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""
A message of more than 2 GiB, which a 32-bit program can only keep when it asks
for large files.  Run by name for such a build; the parties only count.
"""

import shutil
import socket
import struct
import threading

import pytest

from rig import Daemon

BLOCK = (b"x" * 62 + b"\r\n") * (1 << 14)
BLOCKS = 2100
SIZE = BLOCKS * len(BLOCK)  # octets; 2^31 are 2048 blocks
ROOM = SIZE + (1 << 30)  # octets of the file system
SECONDS = 120


class Party(threading.Thread):
    """Serves one connection; `count` is the content it has been given."""

    def __init__(self, serve):
        super().__init__(daemon=True)
        self.serve, self.count = serve, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(SECONDS)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.start()

    def run(self):
        sock, _ = self.listener.accept()
        with sock, sock.makefile("rb", 1 << 20) as stream:
            sock.settimeout(SECONDS)
            self.serve(self, sock, stream)

    def close(self):
        self.join(SECONDS)
        self.listener.close()


def scan(party, sock, stream):
    assert stream.readline() == b"nINSTREAM\n"
    while True:
        size, = struct.unpack(">I", stream.read(4))
        if size == 0:
            break
        party.count += len(stream.read(size))
    sock.sendall(b"stream: OK\n")


def receive(party, sock, stream):
    sock.sendall(b"220 server\r\n")
    for line in iter(stream.readline, b""):
        if line[:4] == b"DATA":
            sock.sendall(b"354 Go on\r\n")
            tail = b""
            while not tail.endswith(b"\r\n.\r\n"):
                octets = stream.read1(1 << 20)
                party.count += len(octets)
                tail = (tail + octets)[-5:]
                if octets == b"":
                    return
            party.count -= len(b".\r\n")
        sock.sendall(b"250 Ok\r\n")


def test_more_than_two_gibibytes(tmp_path):
    room = shutil.disk_usage(tmp_path).free
    if room < ROOM:
        pytest.skip("%s has only %d MB free" % (tmp_path, room >> 20))
    clamd, server = Party(scan), Party(receive)
    with Daemon(tmp_path, clamd, server) as daemon, \
            daemon.client(timeout=SECONDS) as client:
        client.ehlo()
        client.envelope()
        assert client.cmd(b"DATA").startswith(b"354")
        for _ in range(BLOCKS):
            client.sock.sendall(BLOCK)  # send() would keep it
        client.send(b".\r\n")
        assert client.reply() == b"250 Ok\r\n"
        client.quit()
        clamd.close()
        server.close()
    assert clamd.count > SIZE  # and a field of ours
    assert server.count > SIZE
