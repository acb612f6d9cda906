# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""A scripted clamd."""

import fcntl
import os
import re
import socket
import struct

from rig.actions import Hold
from rig.peer import Gone, Listener, Peer
from rig.words import OK


LOOK = b"to see whether clamd looks"


class Scan(Peer):
    """One connection to the FakeClamd.

    command  the request line without its end, e.g. b"nINSTREAM"
             (all attributes from here on: of a scan; a look has none)
    end      the end of the request: b"\\n" or b"\\0"
    path     the path of SCAN, b"stream", or b"fd[11]" of FILDES
    data     the octets shown (INSTREAM's chunks joined; the file of SCAN or
             FILDES)
    fds      the descriptors that came with it; closed at the end
    flags    how that of FILDES was opened (fcntl(2), F_GETFL)
    file     its number (inode)
    sizes    the sizes of INSTREAM's chunks, with the final 0
    """

    def __init__(self, owner, sock):
        super().__init__(owner, sock)
        self.command = self.path = self.data = None
        self.end = b"\n"
        self.sizes = []
        self.mode = self.flags = self.file = None
        self.fds = []

    def recv(self):
        """As Peer.recv, but descriptors are taken along."""
        try:
            room = socket.CMSG_SPACE(4 * struct.calcsize("i"))
            data, control, _, _ = self.sock.recvmsg(1 << 16, room)
        except OSError:
            raise Gone("error")
        for level, kind, numbers in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self.fds += struct.unpack("%di" % (len(numbers) // 4), numbers)
        if not data:
            raise Gone("peer")
        self.note(data)
        return data

    def run(self):
        try:
            super().run()
        finally:
            for fd in self.fds:
                os.close(fd)

    def expand(self, data):
        return data.replace(b"{path}", self.path or b"stream").replace(b"{end}", self.end)

    def serve(self):
        self.leave_if_nobody_is_there()
        if self.is_look():
            self.answer_look()
            return
        action = self.owner._next_action()
        if isinstance(action, OnConnect):
            self.act(action.action, self)
            action = action.then
        line = self.upto(b"\n", b"\0")
        self.command, self.end = line[:-1], line[-1:]
        word = self.command.lstrip(b"nz")
        if isinstance(action, OnCommand):
            self.act(action.action, self)
            action = action.then
        if word == b"INSTREAM" and self.command[:1] in b"nz":
            self.path = b"stream"
            self.read_stream()
        elif word == b"FILDES":
            self.read_descriptor()
        elif word.startswith(b"SCAN "):
            self.path = word[5:]
            self.read_file()
        else:
            self.send(b"UNKNOWN COMMAND" + self.end)
            return
        with self.owner.changed:
            self.owner.scans.append(self)
            self.owner.changed.notify_all()
        self.act(verdict if action is None else action, self)

    def leave_if_nobody_is_there(self):
        """A daemon that starts looks whether it can connect: that is no talk."""
        wait = 0 if not isinstance(self.owner.next_action(), OnConnect) else socket.MSG_DONTWAIT
        try:
            if self.sock.recv(1, socket.MSG_PEEK | wait):
                return
        except OSError:
            return
        self.leave_list()
        raise Gone("peer")

    def leave_list(self):
        """It counts no more among the connections; the test may have cleared them."""
        with self.owner.changed:
            if self in self.owner.connections:
                self.owner.connections.remove(self)

    def is_look(self):
        """Is it the daemon's clean mail, to see whether clamd looks?"""
        try:
            return LOOK in self.sock.recv(4096, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return False

    def answer_look(self):
        self.leave_list()
        with self.owner.changed:
            self.owner.looks.append(self)
            self.owner.changed.notify_all()
        self.upto(b"\n")
        self.path = b"stream"
        self.read_stream()
        self.act(self.owner.look, self)

    def hang(self):
        while True:
            self.recv()

    def read_stream(self):
        parts = []
        while True:
            size, = struct.unpack(">I", self.octets(4))
            self.sizes.append(size)
            if size == 0:
                break
            parts.append(self.octets(size))
        self.data = b"".join(parts)

    def read_descriptor(self):
        self.path = b"fd[11]"
        self.octets(1)
        fd, = self.fds
        self.flags, self.file = fcntl.fcntl(fd, fcntl.F_GETFL), os.fstat(fd).st_ino
        os.lseek(fd, 0, os.SEEK_SET)  # as clamd does, which moves it for the daemon too
        with open(os.dup(fd), "rb") as f:
            self.data = f.read()

    def read_file(self):
        try:
            with open(self.path, "rb") as f:
                self.data = f.read()
                self.mode = os.fstat(f.fileno()).st_mode & 0o7777
        except OSError:
            raise Gone("error")


def verdict(scan, _=None):
    """The default of FakeClamd: `INFECTED:NAME` anywhere is found as NAME."""
    found = re.search(rb"INFECTED:(\S+)", scan.data)
    if found:
        return b"{path}: " + found.group(1) + b" FOUND{end}"
    return b"{path}: OK{end}"


class OnConnect:
    """Do action right after the connect, then go on with `then`."""

    def __init__(self, action, then=None):
        self.action, self.then = action, then


class OnCommand:
    """Do action after the command line, before any content is read."""

    def __init__(self, action, then=None):
        self.action, self.then = action, then


class FakeClamd(Listener):
    """A scripted clamd on a unix socket (path=...) or TCP (default).

    It understands INSTREAM, FILDES and SCAN, with n or z or (SCAN) without.
    answer   the action for each scan (default: verdict); in bytes {path}
             becomes the scanned path or `stream` and {end} the line end
             that belongs to the request
    next(*a) actions for the next connections, before `answer` counts again
    hold(a)  the next scan gets its answer a when the Hold that this returns is
             released
    scans    the scans that were shown completely, in order (class Scan)
    connections  every connection for a message
    look     the action for each clean mail that the daemon sends to see whether
             clamd looks; it takes nothing of the script
    looks    the connections for these
    """

    peer_class = Scan

    def __init__(self, path=None, **kw):
        self.answer = None
        self.queue = []
        self.scans = []
        self.look = OK
        self.looks = []
        super().__init__(path, **kw)

    def fail(self, *actions):
        """The next messages get no verdict: each is tried twice."""
        for action in actions:
            self.next(action, action)

    def next(self, *actions):
        self.queue.extend(actions)

    def hold(self, answer=OK):
        hold = Hold()
        self.next((hold, answer))
        return hold

    def next_action(self):
        with self.changed:
            return self.queue[0] if self.queue else self.answer

    def _next_action(self):
        with self.changed:
            return self.queue.pop(0) if self.queue else self.answer

    def wait_scans(self, n):
        self.wait(lambda: len(self.scans) >= n, "%d scans" % n)
        return self.scans[n - 1]

    def clear(self):
        """Forget script and records (for a clamd shared by tests)."""
        self.answer = None
        self.queue = []
        self.scans = []
        self.connections = []
        self.look = OK
        self.looks = []
