# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""A scripted mail server, to which the daemon hands the mail."""

import re

from rig.basics import unstuff
from rig.peer import Gone, Listener, Peer
from rig.words import QUEUED


class Message:
    """A transaction that came to its end: mail and rcpts are the accepted
    command lines (without line end), raw the octets before the final dot
    as they were on the wire, content the same without dot-stuffing."""

    def __init__(self, mail, rcpts, raw):
        self.mail, self.rcpts, self.raw = mail, rcpts, raw
        self.content = unstuff(raw)

    def __repr__(self):
        return "Message(%r, %r, %r)" % (self.mail, self.rcpts, self.raw[:200])


class ServerConnection(Peer):
    """One connection to the FakeServer.

    lines     every command line as received, with its line end
    verbs     the first word of each, in capitals; asked: but for a last QUIT
    messages  the messages whose final dot arrived (class Message)
    body      raw octets of a message that never came to its dot
    """

    def __init__(self, owner, sock):
        super().__init__(owner, sock)
        self.lines, self.verbs, self.messages = [], [], []
        self.mail, self.rcpts = None, []
        self.body = b""

    @property
    def asked(self):
        """The verbs, but for a QUIT at the end, which the daemon may say itself."""
        return self.verbs[:-1] if self.verbs[-1:] == ["QUIT"] else self.verbs

    def step(self, name, line, default):
        """Do what the script says for this step; returns what was sent."""
        before = len(self.sent)
        action = self.owner._action(name)
        self.act(default if action is None else action, line)
        return self.sent[before:]

    def serve(self):
        self.step("connect", b"", self.owner.banner)
        while True:
            line = self.upto(b"\n")
            self.lines.append(line)
            words = line.split()
            verb = words[0].upper().decode("latin-1") if words else ""
            self.verbs.append(verb)
            with self.owner.changed:
                self.owner.changed.notify_all()
            sent = self.step(verb, line, self.default(verb))
            self.account(verb, line, sent)
            if verb == "DATA" and sent.split(b"\r\n")[-2:-1] and \
                    sent.split(b"\r\n")[-2].startswith(b"354"):
                self.read_data()
            if verb == "QUIT" and sent.startswith(b"221"):
                if self.owner.linger:
                    self.upto(b"\n")
                return

    def default(self, verb):
        if verb == "EHLO" or (verb == "LHLO" and self.owner.lmtp):
            names = [b"real.example greets you"] + list(self.owner.keywords)
            return b"".join(b"250-%s\r\n" % n for n in names[:-1]) + \
                b"250 %s\r\n" % names[-1]
        return {
            "HELO": b"250 real.example\r\n",
            "MAIL": b"250 2.1.0 sender ok\r\n",
            "RCPT": b"250 2.1.5 recipient ok\r\n",
            "DATA": b"354 go ahead\r\n",
            "RSET": b"250 2.0.0 reset\r\n",
            "NOOP": b"250 2.0.0 noop\r\n",
            "QUIT": b"221 2.0.0 bye\r\n",
            "VRFY": b"252 2.0.0 maybe\r\n",
            "XFORWARD": b"250 2.0.0 forwarded\r\n",
            "XCLIENT": b"220 real.example ESMTP again\r\n",
        }.get(verb, b"500 5.5.1 what?\r\n")

    def account(self, verb, line, sent):
        accepted = re.match(rb"2\d\d[ -]", sent)
        if verb == "MAIL" and accepted:
            self.mail = line.rstrip(b"\r\n")
        elif verb == "RCPT" and accepted:
            self.rcpts.append(line.rstrip(b"\r\n"))
        elif verb in ("RSET", "EHLO", "LHLO", "HELO") and accepted:
            self.mail, self.rcpts = None, []

    def read_data(self):
        start = len(self.raw) - len(self._buffer)
        action = self.owner._action("body")
        if action is not None:
            if not self._buffer:
                self.recv()
            self.act(action, b"")
        try:
            if self.octets(3) != b".\r\n":
                self._buffer[:0] = self.raw[start:start + 3]
                raw = self.upto(b"\r\n.\r\n")[:-3]
            else:
                raw = b""
        except Gone:
            self.body = bytes(self.raw[start:])
            raise
        message = Message(self.mail, self.rcpts, raw)
        self.mail, self.rcpts = None, []
        with self.owner.changed:
            self.messages.append(message)
            self.owner.messages.append(message)
            self.owner.changed.notify_all()
        self.step(".", b".\r\n", QUEUED)


class FakeServer(Listener):
    """A scripted SMTP server.

    on(step, action)  what to do at a step, for all connections; a step is
                      "connect", a verb in capitals, "body" (the first
                      octets after a 354) or "." (the final dot)
    banner            the greeting
    keywords          the keywords of the EHLO reply
    lmtp              takes LHLO
    linger            after QUIT wait for the peer to close
    messages          the messages received (class Message)
    connections       class ServerConnection
    """

    peer_class = ServerConnection

    def __init__(self, **kw):
        self.clear()
        super().__init__(**kw)

    def clear(self):
        """Forget script and records (for a server shared by tests)."""
        self.banner = b"220 real.example ESMTP Rig\r\n"
        self.keywords = [b"SIZE 100000000", b"8BITMIME", b"XFORWARD NAME ADDR"]
        self.linger = False
        self.lmtp = False
        self.script = {}
        self.used = {}
        self.messages = []
        self.connections = []

    def on(self, step, action):
        self.script[step] = action
        self.used.pop(step, None)

    def _action(self, step):
        with self.changed:
            action = self.script.get(step)
            if isinstance(action, list):
                n = self.used.get(step, 0)
                self.used[step] = n + 1
                action = action[min(n, len(action) - 1)]
            return action

    def wait_messages(self, n):
        self.wait(lambda: len(self.messages) >= n, "%d messages" % n)
        return self.messages[n - 1]

    @property
    def lines(self):
        """The command lines of the last connection, as received."""
        return self.connections[-1].lines if self.connections else []

    @property
    def commands(self):
        """The same, but for a QUIT at the end."""
        lines = self.lines
        return lines[:-1] if lines[-1:] == [b"QUIT\r\n"] else lines

    def wait_line(self, wanted):
        """Wait until the last connection has received this line."""
        self.wait(lambda: wanted in self.lines, "line %r, got %r" % (wanted, self.lines))
