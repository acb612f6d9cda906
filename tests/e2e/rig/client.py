# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""A raw SMTP client."""

import socket

from rig.basics import WAIT, family_of, reset_socket, stuff
from rig.words import CONTENT, START_DATA


class Client:
    """A raw SMTP client; `received` and `sent` are the whole conversation.

    line() and reply() return octets with their line ends; at the end of
    input they return what there was, possibly b"".
    """

    def __init__(self, address, source=None, timeout=None, greet=True):
        family = socket.AF_UNIX if isinstance(address, str) else family_of(address[0])
        self.sock = socket.socket(family)
        self.sock.settimeout(WAIT if timeout is None else timeout)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(address)
        if family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.sent = b""
        self.reset_seen = False
        self._buffer = b""
        self._eof = False
        self.greeting = self.reply() if greet else None

    def send(self, data):
        self.sock.sendall(data)
        self.sent += data

    def _fill(self):
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionResetError:
            self.reset_seen = True
            data = b""
        if not data:
            self._eof = True
        self.received += data
        self._buffer += data

    def line(self):
        while b"\n" not in self._buffer and not self._eof:
            self._fill()
        end = self._buffer.find(b"\n") + 1 or len(self._buffer)
        line, self._buffer = self._buffer[:end], self._buffer[end:]
        return line

    def reply(self):
        """One whole reply: lines up to the first without a dash."""
        lines = []
        while True:
            line = self.line()
            lines.append(line)
            if line[3:4] != b"-" or not line.endswith(b"\n"):
                return b"".join(lines)

    def cmd(self, line):
        """Send a line (CRLF is added) and return the reply to it."""
        self.send(line + b"\r\n")
        return self.reply()

    def ehlo(self, name=b"client.example"):
        return self.cmd(b"EHLO " + name)

    def envelope(self, sender=b"a@example.org", rcpts=(b"b@example.net",)):
        replies = [self.cmd(b"MAIL FROM:<%s>" % sender)]
        replies += [self.cmd(b"RCPT TO:<%s>" % r) for r in rcpts]
        for reply in replies:
            assert reply[:1] == b"2", replies

    def begin(self, content=CONTENT, complete=True):
        """A transaction up to the final dot, or to just before it; content as it
        is on the wire."""
        self.envelope()
        reply = self.cmd(b"DATA")
        assert reply == START_DATA, reply
        self.send(content + (b".\r\n" if complete else b""))

    def data(self, content=CONTENT, stuffed=False):
        """DATA with the content; returns the reply to the final dot, or the
        reply to DATA when it is not 354."""
        raw = (content if stuffed else stuff(content)) + b".\r\n"
        reply = self.cmd(b"DATA")
        if not reply.startswith(b"354"):
            return reply
        self.send(raw)
        return self.reply()

    def mail(self, content=CONTENT, sender=b"a@example.org", rcpts=(b"b@example.net",)):
        """A whole transaction; returns the reply to the final dot."""
        self.envelope(sender, rcpts)
        return self.data(content)

    def rest(self):
        """Everything up to the end of input."""
        while not self._eof:
            self._fill()
        rest, self._buffer = self._buffer, b""
        return rest

    def expect_eof(self):
        rest = self.rest()
        assert rest == b"", "wanted the end of input, got %r" % rest

    def silent(self, seconds=0.2):
        """True when nothing at all comes within so many seconds."""
        if self._buffer:
            return False
        old = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            self._fill()
            return False
        except socket.timeout:
            return True
        finally:
            self.sock.settimeout(old)

    def quit(self):
        reply = self.cmd(b"QUIT")
        self.close()
        return reply

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def reset(self):
        reset_socket(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
