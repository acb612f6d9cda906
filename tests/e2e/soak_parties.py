# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The server and the clamds of a soak, which fail at random, and the ledger in which
all write down what they have seen."""

import hashlib
import re
import threading
import time

from rig import (CLOSE, ENDLESS_LINE, ENDLESS_REPLY, HANG, OK, RESET, Drip, FakeClamd, FakeServer, OnCommand, OnConnect,
                 Scan, ServerConnection, Sleep, verdict)

TIMEOUT = 2  # seconds; the daemon's TimeOut
FORGED = 10 ** 9  # the number of a message that nobody may deliver
FAULTY = 0.03  # how often each step of each party fails

SERVER_REFUSALS = [
    b"450 4.0.0 later\r\n", b"550 5.0.0 never\r\n", (b"421 4.3.2 bye\r\n", CLOSE), b"421 4.3.2 soon\r\n",
]
SERVER_FAULTS = SERVER_REFUSALS + [
    CLOSE, RESET, b"what?\r\n", b"\0\xff\r\r\n", (b"250 ha", CLOSE), (b"250-half\r\n", RESET),
    ENDLESS_LINE, ENDLESS_REPLY, b"354 go on\r\n", b"250-a\r\n250 b\r\n", b"250 a\r\n250 b\r\n",
]
SERVER_HANGS = [HANG, (b"250-half\r\n", HANG), Drip(b"250 dripping\r\n", 0.3)]
# The reply to the final dot is waited for minutes; the server gives up before.
FINAL_HANGS = [
    (Sleep(TIMEOUT + 1), CLOSE), (b"250-half\r\n", Sleep(TIMEOUT + 1), CLOSE), Drip(b"250 dripping\r\n", 0.3),
]
LATE = Sleep(TIMEOUT + 1)  # and then the reply to the final dot, which must be waited for


def number_of(content):
    found = re.match(rb"X-Number: (\d+)\r\n", content)
    return int(found.group(1)) if found else None


def mail_line(number):
    return b"MAIL FROM:<%d@example.org>" % number


def rcpt_line(number):
    return b"RCPT TO:<%d@example.net>" % number


def digest(content):
    return hashlib.sha1(content).digest()


class Ledger:
    """What each party has seen, by the message's number."""

    def __init__(self):
        self.lock = threading.Lock()
        self.passed = {}  # number -> digest of what clamd called clean
        self.accepted = {}  # number -> [(digest, the server's 250 was sent)]
        self.infected_seen = []  # content at the server with INFECTED in it
        self.misled = []  # messages at the server with another's envelope
        self.views = {}  # number -> View
        self.stops = []  # when a daemon was told to stop
        self.faults = 0
        self.by_file = 0  # scans for which clamd got a descriptor


class View:
    """The client's: its last reply for the message, and whether it stayed."""

    def __init__(self, infected):
        self.infected, self.reply, self.stayed = infected, b"", True
        self.digest = self.parting = None


class Parting:
    """A client closes its side while clamd has its message; when that was before
    clamd's answer (gone), the message must not be passed on."""

    def __init__(self):
        self.lock = threading.Lock()
        self.begun, self.over = threading.Event(), threading.Event()
        self.gone = None

    def settle(self, gone):
        with self.lock:
            if self.gone is None:
                self.gone = gone
        self.over.set()

    def await_client(self):
        """clamd, before its answer."""
        self.begun.set()
        self.over.wait(TIMEOUT / 2)
        self.settle(False)

    def leave(self, c):
        """The client; False: clamd was not shown the message."""
        if not self.begun.wait(TIMEOUT):
            return False
        c.close()
        self.settle(True)
        return True


class Part:
    """A party that fails now and then; forgets connections that have ended."""

    def pick(self, faults, hangs):
        with self.owner.ledger.lock:
            dice = self.owner.dice
            if dice.random() >= FAULTY:
                return None
            self.owner.ledger.faults += 1
            return dice.choice(hangs) if dice.random() < 0.1 else dice.choice(faults)

    def run(self):
        try:
            super().run()
        finally:
            with self.owner.changed:
                if self in self.owner.connections:
                    self.owner.connections.remove(self)


class SoakServerConnection(Part, ServerConnection):
    def step(self, name, line, default):
        if name == ".":
            return self.conclude()
        fault = self.pick(SERVER_FAULTS, SERVER_HANGS)
        before = len(self.sent)
        self.act(default if fault is None else fault, line)
        return self.sent[before:]

    def conclude(self):
        """The final dot: after any answer but 4yz and 5yz the server has the
        message, whether or not that could be understood."""
        message = self.messages[-1]
        del self.messages[:], self.owner.messages[:]
        number = number_of(message.content)
        if (message.mail, message.rcpts) != (mail_line(number), [rcpt_line(number)]):
            self.owner.ledger.misled.append((number, message.mail, message.rcpts))
        fault = self.pick(SERVER_FAULTS + [LATE] * 3, FINAL_HANGS)
        refused = fault in SERVER_REFUSALS
        entry = [digest(message.content), False]
        if not refused:
            with self.owner.ledger.lock:
                self.owner.ledger.accepted.setdefault(number, []).append(entry)
        begun = time.monotonic()
        if fault is not None:
            self.act(fault, b"")
        if fault is LATE:  # only a stop makes a daemon impatient; one that gave up has closed
            entry[1] = all(stop < begun - TIMEOUT for stop in self.owner.ledger.stops)
        if fault in (None, LATE):
            self.send(b"250 2.0.0 queued as %d\r\n" % number)
            entry[1] = entry[1] or fault is None
        return b""

    def recv(self):
        data = super().recv()
        if b"INFECTED:" in data:
            self.owner.ledger.infected_seen.append(data[:200])
        return data


class SoakServer(FakeServer):
    peer_class = SoakServerConnection


class SoakScan(Part, Scan):
    """It passes what it was shown whole and has said OK to."""


def passing(scan, _=None):
    content = scan.data.split(b"\r\n", 1)[1]
    with scan.owner.changed:
        scan.owner.scans.clear()
    view = scan.owner.ledger.views.get(number_of(content))
    if view is not None and view.parting is not None:
        view.parting.await_client()
    answer = verdict(scan)
    with scan.owner.ledger.lock:
        scan.owner.ledger.by_file += scan.command == b"zFILDES"
        if answer == OK:
            scan.owner.ledger.passed[number_of(content)] = digest(content)
    return answer


CLAMD_FAULTS = [
    OnConnect(CLOSE), OnConnect(RESET), OnConnect((b"junk\n", CLOSE)), OnCommand(CLOSE), OnCommand(RESET),
    OnCommand((b"INSTREAM size limit exceeded. ERROR\n", CLOSE)), OnCommand(b"UNKNOWN COMMAND{end}"),
    b"No file descriptor received. ERROR{end}",
    CLOSE, RESET, (b"{path}: O", CLOSE), b"NOTOK{end}", b"{path}: OKAY{end}", b"{path}: OK{end}{path}: OK{end}",
    b"{path}: ERROR{end}", ENDLESS_LINE, (b"{path}: OK", RESET), (passing, RESET),
]
CLAMD_HANGS = [HANG, (b"{path}: O", HANG), Drip(OK, 0.3)]


class SoakClamd(FakeClamd):
    """hangs: it takes all connections, and answers none."""

    peer_class = SoakScan
    hangs = False

    def __init__(self, *where, **how):
        super().__init__(*where, **how)
        self.answer = passing

    def _next_action(self):
        with self.ledger.lock:
            if self.hangs:
                return HANG
            if self.dice.random() >= FAULTY:
                return passing
            self.ledger.faults += 1
            return self.dice.choice(CLAMD_HANGS if self.dice.random() < 0.1 else CLAMD_FAULTS)

    def hang_up(self, hangs):
        self.hangs, self.look = hangs, HANG if hangs else OK

    def stop(self):
        with self.changed:
            self.connections = list(self.connections)
        super().stop()

    def again(self):
        """Another one, where this one was."""
        return SoakClamd(self.path) if self.path else SoakClamd(port=self.port)
