# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The harness of the end-to-end tests: a scripted clamd, a scripted mail
server, a raw client and the daemon under test.

Actions.  What a FakeServer or a FakeClamd does at a step is an "action":

    bytes          sent as they are
    None           the default of the step
    (a, b, ...)    each in turn
    [a, b, ...]    a the first time the step is reached, b the second, ...;
                   the last one stays
    function       called with the connection and the line (FakeServer) or
                   with the scan (FakeClamd); what it returns is the action
    CLOSE RESET    close the connection by FIN or by RST
    HANG           no answer; what the peer sends is still read and recorded
    STALL          nothing is read any more until the peer leaves
    Sleep(s)       pause
    Hold()         pause until .release() is called; .reached is an event
    Drip(b, s)     send octet by octet with s seconds between
    ENDLESS_LINE   octets without a line end until the peer leaves
    ENDLESS_REPLY  continuation lines until the peer leaves

Everything that waits is bounded by WAIT seconds (E2E_WAIT in the
environment, default 20).
"""

import atexit
import contextlib
import glob
import os
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

WAIT = float(os.environ.get("E2E_WAIT", "20"))

# As it was: pytest changes its own while threads of the tests start daemons.
ENVIRONMENT = dict(os.environ)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def for_all(path):
    """The program, or a copy of it if others cannot get there: some tests
    start it as another user."""
    places = [path]
    while os.path.dirname(places[-1]) != places[-1]:
        places.append(os.path.dirname(places[-1]))
    if os.geteuid() != 0 or not os.path.exists(path) or all(os.stat(p).st_mode & 0o001 for p in places):
        return path
    directory = tempfile.mkdtemp(prefix="clamsmtpd-e2e.")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.chmod(directory, 0o755)
    return shutil.copy(path, directory)


OURS = for_all(os.path.abspath(os.environ.get("CLAMSMTPD", os.path.join(ROOT, "src", "clamsmtpd"))))
WRAPPER = shlex.split(os.environ.get("CLAMSMTPD_WRAPPER", ""))

# Finished threads may wait for another connection; more than this many
# beyond those of the start are taken for a leak.
THREADS_KEPT = 64

CONTENT = b"Subject: test\r\nFrom: a@example.org\r\n\r\nHello.\r\n"
INFECTED = CONTENT + b"INFECTED:Eicar-Test-Signature\r\n"
GREETING = b"220 smtp.passthru\r\n"
START_DATA = b"354 Start mail input; end with <CRLF>.<CRLF>\r\n"
LOCAL_ERROR = b"451 Local Error\r\n"


def original():
    """The path of the 1.10 binary, or None when there is none."""
    path = os.environ.get("CLAMSMTPD_ORIGINAL", "/usr/sbin/clamsmtpd")
    try:
        out = subprocess.run([path, "-v"], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, timeout=WAIT).stdout
    except OSError:
        return None
    return path if b"(version 1.10)" in out else None


def wait_until(condition, what="condition", timeout=None):
    """Poll until condition() is true and return its value."""
    limit = WAIT if timeout is None else timeout
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %g s: %s" % (limit, what))
        time.sleep(0.005)


def free_port(host="127.0.0.1"):
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def reset_socket(sock):
    """Close by RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def stuff(content):
    """Dot-stuffing of RFC 5321 4.5.2 for content made of CRLF lines."""
    return re.sub(rb"(\A|\r\n)\.", rb"\1..", content)


def unstuff(raw):
    return re.sub(rb"(\A|\r\n)\.", rb"\1", raw)


# ---------------------------------------------------------------- actions

class Special:
    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


CLOSE = Special("CLOSE")
RESET = Special("RESET")
HANG = Special("HANG")
STALL = Special("STALL")
ENDLESS_LINE = Special("ENDLESS_LINE")
ENDLESS_REPLY = Special("ENDLESS_REPLY")
ENDLESS_MAX = 64 << 20


class Sleep:
    def __init__(self, seconds):
        self.seconds = seconds


class Drip:
    def __init__(self, data, pause):
        self.data, self.pause = data, pause


class Hold:
    """A pause in a script that the test ends with release()."""

    def __init__(self):
        self.reached = threading.Event()
        self._go = threading.Event()

    def wait_reached(self):
        assert self.reached.wait(WAIT), "the script did not get to its Hold"

    def release(self):
        self._go.set()

    def pause(self):
        self.reached.set()
        self._go.wait(WAIT)


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
        self.chunks.append(data)
        self._buffer += data
        self.raw += data
        with self.owner.changed:
            self.owner.changed.notify_all()
        return data

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
        if self.sock.family == socket.AF_INET and \
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
            self.sock = socket.socket()
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind((host, port))
            self.host, self.port = self.sock.getsockname()
            self.address = "%s:%d" % (self.host, self.port)
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
            if sock.family == socket.AF_INET:
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


# ------------------------------------------------------------------ clamd

class Scan(Peer):
    """One connection to the FakeClamd.

    command  the request line without its end, e.g. b"nINSTREAM"
    end      the end of the request: b"\\n" or b"\\0"
    path     the path of SCAN, or b"stream"
    data     the octets shown (INSTREAM's chunks joined; the file of SCAN)
    sizes    the sizes of INSTREAM's chunks, with the final 0
    """

    def __init__(self, owner, sock):
        super().__init__(owner, sock)
        self.command = self.path = self.data = None
        self.end = b"\n"
        self.sizes = []
        self.mode = None

    def expand(self, data):
        return data.replace(b"{path}", self.path or b"stream").replace(b"{end}", self.end)

    def serve(self):
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

    It understands nINSTREAM, zINSTREAM, SCAN, nSCAN and zSCAN.
    answer   the action for each scan (default: verdict); in bytes {path}
             becomes the scanned path or `stream` and {end} the line end
             that belongs to the request
    next(*a) actions for the next connections, before `answer` counts again
    scans    the scans that were shown completely, in order (class Scan)
    connections  every connection
    """

    peer_class = Scan

    def __init__(self, path=None, **kw):
        self.answer = None
        self.queue = []
        self.scans = []
        super().__init__(path, **kw)

    def next(self, *actions):
        self.queue.extend(actions)

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


# ----------------------------------------------------------------- server

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
    verbs     the first word of each, in capitals
    messages  the messages whose final dot arrived (class Message)
    body      raw octets of a message that never came to its dot
    """

    def __init__(self, owner, sock):
        super().__init__(owner, sock)
        self.lines, self.verbs, self.messages = [], [], []
        self.mail, self.rcpts = None, []
        self.body = b""

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
        if verb == "EHLO":
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
        elif verb in ("RSET", "EHLO", "HELO") and accepted:
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
        self.step(".", b".\r\n", b"250 2.0.0 queued as 4711\r\n")


class FakeServer(Listener):
    """A scripted SMTP server.

    on(step, action)  what to do at a step, for all connections; a step is
                      "connect", a verb in capitals, "body" (the first
                      octets after a 354) or "." (the final dot)
    banner            the greeting
    keywords          the keywords of the EHLO reply
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
        self.keywords = [b"SIZE 1000000", b"8BITMIME", b"XFORWARD NAME ADDR"]
        self.linger = False
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

    def wait_line(self, wanted):
        """Wait until the last connection has received this line."""
        self.wait(lambda: wanted in self.lines, "line %r, got %r" % (wanted, self.lines))


# ----------------------------------------------------------------- client

class Client:
    """A raw SMTP client; `received` and `sent` are the whole conversation.

    line() and reply() return octets with their line ends; at the end of
    input they return what there was, possibly b"".
    """

    def __init__(self, address, source=None, timeout=None, greet=True):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.sock = socket.socket(family)
        self.sock.settimeout(WAIT if timeout is None else timeout)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(address)
        if family == socket.AF_INET:
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


# ----------------------------------------------------------------- daemon

class Daemon:
    """The daemon under test, started in the foreground.

    Daemon(directory, clamd, server, Option="value", ...)

    directory  where configuration, spool (`.spool`) and logs live
    clamd, server  give ClamAddress and OutAddress unless these options are
               given; an option that is None is left out
    Listen     default: a free port of 127.0.0.1 (retried when it is taken)
    level      for -d;  args: more arguments;  env: added to the environment
    binary     default: ours;  preexec: called in the child (limits)
    start      False: only write the configuration; call start() later

    address is what Client() takes; log_lines the lines of the log so far,
    without the `clamsmtpd: ` at their head; use it as a context manager:
    leaving it stops the daemon and checks its exit code and leftovers.
    """

    def __init__(self, directory, clamd=None, server=None, *, binary=None, level=4,
                 args=(), env=None, preexec=None, cwd=None, wrapper=(), start=True, **options):
        self.directory = str(directory)
        self.binary = binary or OURS
        self.level, self.args, self.env = level, list(args), env or {}
        self.preexec, self.cwd, self.wrapper = preexec, cwd, list(wrapper)
        self.spool = os.path.join(self.directory, "spool")
        os.makedirs(self.spool, mode=0o755, exist_ok=True)
        self.config = os.path.join(self.directory, "clamsmtpd.conf")
        self.auto_listen = "Listen" not in options
        self.options = {"TempDirectory": self.spool}
        if clamd is not None:
            self.options["ClamAddress"] = clamd.address
        if server is not None:
            self.options["OutAddress"] = server.address
        self.options.update(options)
        self.threads_kept = THREADS_KEPT
        self.process = None
        self.log_lines = []
        self._log_changed = threading.Condition()
        if start:
            self.start()

    # -- configuration and start

    def write_config(self):
        if self.auto_listen:
            self.options["Listen"] = "127.0.0.1:%d" % free_port()
        with open(self.config, "w", encoding="latin-1", newline="") as f:
            for name, value in self.options.items():
                if value is not None:
                    f.write("%s: %s\n" % (name, value))
        listen = self.options.get("Listen") or "10025"
        if "/" in listen:
            self.address = os.path.join(self.cwd or "", listen)
        else:
            host, _, port = listen.rpartition(":")
            host = host if host not in ("", "0.0.0.0") else "127.0.0.1"
            self.address = (host, int(port))

    def spawn(self):
        """Start the process without waiting for anything."""
        self.write_config()
        env = dict(ENVIRONMENT, LC_ALL="C", **self.env)
        argv = self.wrapper + WRAPPER + [self.binary, "-f", self.config]
        if self.level is not None:
            argv += ["-d", str(self.level)]
        self.process = subprocess.Popen(
            argv + self.args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=env, cwd=self.cwd, preexec_fn=self.preexec)
        self.pid = self.process.pid
        self.log_lines = []
        self._log_thread = threading.Thread(target=self._read_log, daemon=True)
        self._log_thread.start()

    def start(self):
        for attempt in range(5):
            self.spawn()
            if self._wait_listening():
                break
            taken = any("couldn't bind to address" in l for l in self.log_lines)
            if not (self.auto_listen and taken and attempt < 4):
                raise AssertionError("the daemon did not start: exit %r, log %r" % (
                    self.process.returncode, self.log_lines))
        # It may open more between the line and its first wait.
        wait_until(self._asleep, "the daemon's first wait")
        self.base_fds = self.count_fds()
        self.base_threads = self.count_threads()
        return self

    def _asleep(self):
        with open("/proc/%d/stat" % self.pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "S"

    def _wait_listening(self):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if self.level == 4:
                if "accepting connections" in self.log_lines:
                    return True
            elif self.listening():
                return True
            if self.process.poll() is not None:
                self._log_thread.join(WAIT)
                return False
            time.sleep(0.005)
        self.kill()
        raise AssertionError("the daemon does not listen: %r" % self.log_lines)

    def listening(self):
        """Whether the kernel shows our listener (without connecting)."""
        if isinstance(self.address, str):
            return os.path.exists(self.address)
        wanted = ":%04X" % self.address[1]
        with open("/proc/%d/net/tcp" % self.pid) as f:
            return any(l.split()[1].endswith(wanted) and l.split()[3] == "0A"
                       for l in f.readlines()[1:])

    # -- the log

    def _read_log(self):
        for line in self.process.stderr:
            text = line.decode("latin-1").rstrip("\n")
            if text.startswith("clamsmtpd: "):
                text = text[len("clamsmtpd: "):]
            with self._log_changed:
                self.log_lines.append(text)
                self._log_changed.notify_all()

    def mark(self):
        """A position in the log for wait_log() and log_since()."""
        return len(self.log_lines)

    def log_since(self, mark=0):
        return self.log_lines[mark:]

    def wait_log(self, regex, since=0):
        """Wait for a line that matches (re.search); returns the match."""
        end = time.monotonic() + WAIT
        with self._log_changed:
            while True:
                for line in self.log_lines[since:]:
                    found = re.search(regex, line)
                    if found:
                        return found
                left = end - time.monotonic()
                assert left > 0, "no log line %r in %r" % (regex, self.log_lines[since:])
                self._log_changed.wait(left)

    def summaries(self, since=0):
        """The summary lines so far, without their session id."""
        return [m.group(1) for m in (re.match(r"[0-9A-F]{6}: (from=.*|to=.*|status=.*|)$", l)
                                     for l in self.log_lines[since:]) if m]

    # -- resources

    def count_fds(self):
        """Descriptors, without the files that threads keep for their next message."""
        return len(os.listdir("/proc/%d/fd" % self.pid)) - len(self.unnamed_files())

    def count_threads(self):
        return len(os.listdir("/proc/%d/task" % self.pid))

    def unnamed_files(self):
        """Paths by which the tests, not the system, reach the daemon's open
        files in the spool that have no name."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in glob.glob("/proc/%d/fd/*" % self.pid):
                with contextlib.suppress(FileNotFoundError):
                    link = os.readlink(path)
                    if link.startswith(self.spool + "/") and link.endswith(" (deleted)"):
                        found.append(path)
        return found

    def temp_files(self):
        return glob.glob(os.path.join(self.spool, "clamsmtpd.*")) + self.unnamed_files()

    def virus_files(self):
        return sorted(glob.glob(os.path.join(self.spool, "virus.*")))

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def leftovers(self):
        """Assert that finished sessions left nothing: no temporary file, no
        descriptor, no thread (but a few that wait for work)."""
        assert self.alive(), "the daemon has died: %r" % self.log_lines[-20:]

        def clean():
            # A thread of a connection keeps one file at most.
            return (not glob.glob(os.path.join(self.spool, "clamsmtpd.*")) and
                    len(self.unnamed_files()) < self.count_threads() and
                    self.count_fds() <= self.base_fds and self.count_threads() <= self.base_threads + self.threads_kept)
        try:
            wait_until(clean)
        except AssertionError:
            raise AssertionError("left over: files %r, %d other descriptors (%d at start), "
                                 "%d threads (%d at start)" % (
                                     self.temp_files(), self.count_fds(), self.base_fds,
                                     self.count_threads(), self.base_threads)) from None

    # -- the end

    def signal(self, number):
        os.kill(self.pid, number)

    def wait_exit(self):
        """Wait for the end; returns the exit code (negative: a signal)."""
        code = self.process.wait(WAIT)
        self._log_thread.join(WAIT)
        self.process.stderr.close()
        return code

    def stop(self, check=True):
        """SIGTERM to our own pid; the exit code must be 0."""
        if self.process is None or self.process.returncode is not None:
            return self.process and self.process.returncode
        if self.alive():
            self.signal(signal.SIGTERM)
        try:
            code = self.wait_exit()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("SIGTERM did not end the daemon: %r" % self.log_lines[-20:])
        if check:
            assert code == 0, "exit code %d: %r" % (code, self.log_lines[-40:])
            found = [l for l in self.log_lines if "runtime error:" in l or "Sanitizer" in l]
            assert not found, self.log_lines[-200:]
        return code

    def kill(self):
        if self.alive():
            self.signal(signal.SIGKILL)
        self.process.wait(WAIT)

    def client(self, **kw):
        return Client(self.address, **kw)

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        if kind is not None:
            self.stop(check=False)
            return
        if self.alive():
            try:
                self.leftovers()
            finally:
                self.stop()


class Rig:
    """A daemon with its fake clamd and server, in a directory of its own.
    Keyword arguments are those of Daemon."""

    def __init__(self, directory, **daemon):
        self.directory = str(directory)
        self.clamd = FakeClamd(path=os.path.join(self.directory, "clamd"))
        self.server = FakeServer()
        try:
            self.daemon = Daemon(self.directory, self.clamd, self.server, **daemon)
        except BaseException:
            self.close_fakes()
            raise
        self.mark, self.told, self.last_id = 0, 0, ""

    def client(self, **kw):
        return self.daemon.client(**kw)

    def clear(self):
        """Ready for another test: empty records, a running daemon."""
        self.clamd.clear()
        self.server.clear()
        if not self.daemon.alive():
            self.daemon.start()
        self.mark = self.daemon.mark()
        self.told = 0
        # The last lines of a session may come late; its first has come.
        ids = [l[:6] for l in self.daemon.log_lines if re.match("[0-9A-F]{6}: ", l)]
        self.last_id = max(ids, default="")

    def summary(self):
        """Wait for the next summary line, first of all sessions since clear()."""
        def lines():
            return [l[8:] for l in self.daemon.log_lines
                    if re.match(r"[0-9A-F]{6}: (from=|to=|status=|$)", l) and l[:6] > self.last_id]
        wait_until(lambda: len(lines()) > self.told, "a summary line")
        self.told += 1
        return lines()[self.told - 1]

    def close_fakes(self):
        self.clamd.stop()
        self.server.stop()

    def close(self, check=True):
        try:
            if check and self.daemon.alive():
                self.daemon.leftovers()
        finally:
            try:
                self.daemon.stop(check)
            finally:
                self.close_fakes()

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        self.close(check=kind is None)
