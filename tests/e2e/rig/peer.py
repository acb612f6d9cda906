# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""What both fakes share: a listener, and the connections that it accepts."""

import os
import socket
import threading
import time

from rig.actions import CLOSE, ENDLESS_LINE, ENDLESS_MAX, ENDLESS_REPLY, HANG, RESET, STALL, Drip, Hold, Sleep
from rig.basics import WAIT, family_of, reset_socket


class Gone(Exception):
    """The connection was ended, by the script or by the peer."""


class Peer:
    """One accepted connection of a FakeServer or a FakeClamd.

    raw      all octets received;  chunks: the same as they arrived
    sent     all octets sent
    closed   event: the connection has ended
    ended_by "peer", "script", "error" or None while it lives
    """

    def __init__(self, owner, sock):
        self.owner, self.sock = owner, sock
        self.raw = bytearray()
        self.chunks = []
        self.sent = b""
        self.closed = threading.Event()
        self.ended_by = None
        self._buffer = bytearray()
        self.endless_sent = 0

    def wait_closed(self):
        assert self.closed.wait(WAIT), "the connection is still open"

    def recv(self):
        try:
            data = self.sock.recv(1 << 16)
        except OSError:
            raise Gone("error")
        if not data:
            raise Gone("peer")
        self.note(data)
        return data

    def note(self, data):
        self.chunks.append(data)
        self._buffer += data
        self.raw += data
        with self.owner.changed:
            self.owner.changed.notify_all()

    def octets(self, n):
        while len(self._buffer) < n:
            self.recv()
        data = bytes(self._buffer[:n])
        del self._buffer[:n]
        return data

    def upto(self, *ends):
        """Octets up to and including the first of the given ends."""
        start = 0
        while True:
            found = [(i + len(e)) for e in ends
                     for i in [self._buffer.find(e, start)] if i >= 0]
            if found:
                return self.octets(min(found))
            start = max(0, len(self._buffer) - 8)
            self.recv()

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            raise Gone("error")
        if len(self.sent) < 1 << 20:
            self.sent += data

    def act(self, action, arg):
        if action is None:
            return
        if action is HANG:
            self.hang()
        elif isinstance(action, bytes):
            if action:
                self.send(self.expand(action))
        elif isinstance(action, tuple):
            for part in action:
                self.act(part, arg)
        elif isinstance(action, Sleep):
            self.owner.stopping.wait(action.seconds)
        elif isinstance(action, Drip):
            for octet in self.expand(action.data):
                self.send(bytes([octet]))
                if self.owner.stopping.wait(action.pause):
                    raise Gone("script")
        elif isinstance(action, Hold):
            action.pause()
        elif action is CLOSE:
            raise Gone("script")
        elif action is RESET:
            reset_socket(self.sock)
            raise Gone("script")
        elif action is STALL:
            while not self.owner.stopping.wait(0.02):
                self.probe()
            raise Gone("script")
        elif action is ENDLESS_LINE or action is ENDLESS_REPLY:
            block = b"x" * 65536 if action is ENDLESS_LINE else b"250-more\r\n" * 6000
            while self.endless_sent < ENDLESS_MAX:
                self.send(block)
                self.endless_sent += len(block)
        elif callable(action):
            self.act(action(self, arg), arg)
        else:
            raise TypeError("no action: %r" % (action,))

    def probe(self):
        """End when the peer has closed; octets that wait stay unread."""
        try:
            with_data = self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            raise Gone("error")
        if not with_data:
            raise Gone("peer")
        # TCP_INFO's first octet is the state; 1 is ESTABLISHED.
        if self.sock.family != socket.AF_UNIX and \
                self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != b"\x01":
            raise Gone("peer")

    def hang(self):
        """No answer; the server goes on reading by itself."""

    def expand(self, data):
        return data

    def run(self):
        try:
            self.serve()
        except Gone as e:
            self.ended_by = self.ended_by or str(e)
        finally:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.sock.close()
            self.closed.set()
            with self.owner.changed:
                self.owner.changed.notify_all()


class Listener:
    """What FakeServer and FakeClamd share: a socket and its threads."""

    peer_class = Peer

    def __init__(self, path=None, host="127.0.0.1", port=0, backlog=512, accept=True):
        self.path = path
        if path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.bind(path)
            os.chmod(path, 0o777)
            self.address = path
        else:
            self.sock = socket.socket(family_of(host))
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # With the interface of a number that is known on its link only.
            self.sock.bind(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4])
            self.host, self.port = self.sock.getsockname()[:2]
            self.address = ("[%s]:%d" if ":" in host else "%s:%d") % (self.host, self.port)
        self.sock.listen(backlog)
        self.connections = []
        self.changed = threading.Condition()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        if accept:
            self.thread.start()

    def _accept(self):
        while not self.stopping.is_set():
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            sock.setblocking(True)
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = self.peer_class(self, sock)
            with self.changed:
                self.connections.append(peer)
                self.changed.notify_all()
            threading.Thread(target=peer.run, daemon=True).start()

    def wait(self, condition, what="condition"):
        """Wait until condition() is true; asked anew at each octet."""
        end = time.monotonic() + WAIT
        with self.changed:
            while not condition():
                left = end - time.monotonic()
                assert left > 0, "not within %g s: %s" % (WAIT, what)
                self.changed.wait(min(left, 0.2))

    def wait_connections(self, n):
        """Wait for n connections since the last clear(); returns the last."""
        self.wait(lambda: len(self.connections) >= n, "%d connections" % n)
        return self.connections[n - 1]

    def stop(self):
        """Close the listener and every connection (by FIN)."""
        self.stopping.set()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        if self.path:
            try:
                os.unlink(self.path)
            except FileNotFoundError:
                pass
        for peer in self.connections:
            try:
                peer.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for peer in self.connections:
            peer.closed.wait(1)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()
