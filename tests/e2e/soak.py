#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Thousands of messages through one daemon while server, clamd, clients, disk
and descriptors fail at random.

Every message has a number of its own and is tried once.  In the end the
clients' view and the server's view of each are compared:

    delivered  the client has seen the server's 250 for it, and the server has
               accepted it exactly once, octet for octet what clamd has passed
    discarded  it is infected and was dropped on purpose
    refused    the client has seen 5yz, and the server has not accepted it
    deferred   all else; the server has not accepted it, but for what SMTP
               cannot avoid (RFC 1047): its reply got lost, or the client left

    usage: soak.py [--messages N] [--seed N] [--clients N]
"""

import argparse
import hashlib
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time

from rig import (CLOSE, DISCARDED, ENDLESS_LINE, ENDLESS_REPLY, HANG, OURS, RESET, Client, Daemon, Drip,
                 FakeClamd, FakeServer, OnCommand, OnConnect, Scan, ServerConnection, Sleep, stuff)

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
CLAMD_FAULTS = [
    OnConnect(CLOSE), OnConnect(RESET), OnConnect((b"junk\n", CLOSE)), OnCommand(CLOSE), OnCommand(RESET),
    OnCommand((b"INSTREAM size limit exceeded. ERROR\n", CLOSE)),
    CLOSE, RESET, (b"stream: O", CLOSE), b"NOTOK\n", b"stream: OKAY\n", b"stream: OK\nstream: OK\n",
    b"stream: ERROR\n", ENDLESS_LINE, (b"stream: OK", RESET),
]
CLAMD_HANGS = [HANG, (b"stream: O", HANG), Drip(b"stream: OK\n", 0.3)]


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
        self.faults = 0


class View:
    """The client's: its last reply for the message, and whether it stayed."""

    def __init__(self, infected):
        self.infected, self.reply, self.stayed = infected, b"", True
        self.digest = None


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
        fault = self.pick(SERVER_FAULTS, FINAL_HANGS)
        refused = fault in SERVER_REFUSALS
        entry = [digest(message.content), False]
        if not refused:
            with self.owner.ledger.lock:
                self.owner.ledger.accepted.setdefault(number, []).append(entry)
        if fault is None:
            self.send(b"250 2.0.0 queued as %d\r\n" % number)
            entry[1] = True
        else:
            self.act(fault, b"")
        return b""

    def recv(self):
        data = super().recv()
        if b"INFECTED:" in data:
            self.owner.ledger.infected_seen.append(data[:200])
        return data


class SoakServer(FakeServer):
    peer_class = SoakServerConnection


class SoakScan(Part, Scan):
    def read_stream(self):
        super().read_stream()
        content = self.data.split(b"\r\n", 1)[1]
        if b"INFECTED:" not in content:
            with self.owner.ledger.lock:
                self.owner.ledger.passed[number_of(content)] = digest(content)
        self.owner.scans.clear()


class SoakClamd(FakeClamd):
    peer_class = SoakScan

    def _next_action(self):
        with self.ledger.lock:
            if self.dice.random() >= FAULTY:
                return None
            self.ledger.faults += 1
            return self.dice.choice(CLAMD_HANGS if self.dice.random() < 0.1 else CLAMD_FAULTS)


# ----------------------------------------------------------------- clients

class Left(Exception):
    """The client went away by its own will."""


class SoakClient:
    """One session with some messages; its own faults come from its dice."""

    def __init__(self, soak, numbers, dice):
        self.soak, self.numbers, self.dice = soak, numbers, dice

    def content(self, number):
        dice = self.dice
        lines = [b"X-Number: %d" % number, b"Subject: soak", b""]
        for _ in range(dice.choice((1, 1, 1, 5, 50, 2000 if dice.random() < 0.2 else 10))):
            lines.append(dice.choice((b".", b"..", b".x", b"", b"text " * 10, b"RSET", b"QUIT", b"\0nul\xff8bit",
                                      b"x" * dice.randrange(300))))
        infected = dice.random() < 0.1
        if infected:
            lines.append(b"INFECTED:Soak.%d" % number)
        return b"\r\n".join(lines) + b"\r\n", infected

    def fails(self):
        return self.dice.random() < FAULTY

    def leave(self, c):
        """FIN, RST, or silence until the daemon has had enough."""
        with self.soak.ledger.lock:
            self.soak.ledger.faults += 1
        how = self.dice.random()
        if how < 0.45:
            c.close()
        elif how < 0.9:
            c.reset()
        else:
            c.rest()
        raise Left

    def say(self, c, data):
        if self.fails():
            c.send(data[:self.dice.randrange(len(data))])
            self.leave(c)
        if self.fails():  # in two pieces
            n = self.dice.randrange(len(data))
            c.send(data[:n])
            time.sleep(self.dice.random() / 20)
            data = data[n:]
        c.send(data)

    def ask(self, c, line):
        self.say(c, line + b"\r\n")
        return c.reply()

    def noise(self, c):
        """Things a daemon must survive; the replies do not matter."""
        line = self.dice.choice((b"NOOP\0", b"x" * 9000, b"BDAT 10\r\n0123456789", b"STARTTLS", b"XCLIENT ADDR=1.2.3.4",
                                 b"VRFY \rx", b"DATA", b"", b"RSET"))
        return self.ask(c, line)

    def hurry(self, c):
        """It waits for nothing, and its text would make a message by itself:
        nothing of that may be read as commands."""
        with self.soak.ledger.lock:
            self.soak.ledger.faults += 1
        c.send(b"DATA\r\n" + mail_line(FORGED) + b"\r\n" + rcpt_line(FORGED) + b"\r\nDATA\r\n" +
               b"X-Number: %d\r\n\r\nforged\r\n.\r\n" % FORGED)
        c.rest()
        raise Left

    def message(self, c, number):
        content, infected = self.content(number)
        view = View(infected)
        view.digest = digest(content)
        with self.soak.ledger.lock:
            self.soak.ledger.views[number] = view
        try:
            if self.fails():
                self.noise(c)
            hurries = self.fails()
            for line in (mail_line(number), rcpt_line(number), b"DATA"):
                if hurries and line == b"DATA":
                    self.hurry(c)
                reply = self.ask(c, line)
                if reply[:1] not in (b"2", b"3"):
                    view.reply = reply
                    return self.ask(c, b"RSET")[:3] == b"250"
            if reply[:3] != b"354":  # out of step with the server: give up
                return False
            self.say(c, stuff(content) + b".\r\n")
            if self.dice.random() < FAULTY / 3:
                self.leave(c)
            view.reply = c.reply()
            return view.reply[:1] == b"2"
        except (Left, OSError):
            view.stayed = False
            return False

    def run(self):
        try:
            c = Client(self.soak.daemon.address, greet=False, timeout=30)
        except OSError:
            assert self.soak.daemon.alive(), "the daemon has died"
            return
        with c:
            try:
                if c.reply()[:3] != b"220" or self.ask(c, b"EHLO soak.example")[:3] != b"250":
                    return
            except (Left, OSError):
                return
            while self.numbers and self.message(c, self.numbers.pop()):
                pass
            try:
                c.send(b"QUIT\r\n")
            except OSError:
                pass


# -------------------------------------------------------------------- soak

class Soak:
    def __init__(self, messages, seed, clients):
        self.messages, self.seed, self.clients = messages, seed, clients
        self.ledger = Ledger()
        self.samples = []  # (messages begun, resident octets)
        self.begun = 0
        self.stop_chaos = threading.Event()
        self.broken = []

    def take(self, dice):
        """The numbers of some messages for a session; none at the end."""
        with self.ledger.lock:
            n = min(dice.randrange(1, 5), self.messages - self.begun)
            self.begun += n
            return list(range(self.begun - n + 1, self.begun + 1))

    def work(self, which):
        dice = random.Random(self.seed * 1000 + which)
        try:
            while True:
                numbers = self.take(dice)
                while numbers:
                    # What a broken session has not begun goes to the next.
                    SoakClient(self, numbers, dice).run()
                if self.begun >= self.messages:
                    return
        except BaseException as e:
            self.broken.append(e)
            raise

    def starve(self, what, limit):
        old, hard = resource.prlimit(self.daemon.pid, what)
        resource.prlimit(self.daemon.pid, what, (limit, hard))
        self.stop_chaos.wait(0.03)
        resource.prlimit(self.daemon.pid, what, (old, hard))

    def chaos(self):
        """Faults of what the daemon stands on: disk, descriptors, clamd's
        socket, signals; and samples of its memory."""
        dice = random.Random(self.seed)
        while not self.stop_chaos.wait(0.25):
            self.samples.append((self.begun, resident(self.daemon.pid)))
            choice = dice.randrange(6)
            if choice == 0:
                self.starve(resource.RLIMIT_FSIZE, 1000)
            elif choice == 1:
                self.starve(resource.RLIMIT_NOFILE, 30)
            elif choice == 2:
                os.rename(self.clamd.path, self.clamd.path + "~")
                self.stop_chaos.wait(0.02)
                os.rename(self.clamd.path + "~", self.clamd.path)
            elif choice == 3:
                for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGXFSZ):
                    self.daemon.signal(number)

    def run(self, directory):
        for cls in (SoakServer, SoakClamd):
            cls.ledger = self.ledger
            cls.dice = random.Random(self.seed + 1)
        with SoakClamd(path=os.path.join(directory, "clamd")) as self.clamd, SoakServer() as self.server, \
                Daemon(directory, self.clamd, self.server, level=1, Header="", TimeOut=str(TIMEOUT),
                       MaxConnections=str(4 * self.clients), VirusAction="true") as self.daemon:
            self.daemon.threads_kept = 4 * self.clients
            with self.daemon.client() as c:
                c.quit()
            time.sleep(0.2)
            self.daemon.base_fds = self.daemon.count_fds()
            threads = [threading.Thread(target=self.work, args=(n,)) for n in range(self.clients)]
            chaos = threading.Thread(target=self.chaos)
            for t in threads + [chaos]:
                t.start()
            for t in threads:
                t.join()
            self.stop_chaos.set()
            chaos.join()
            assert not self.broken, self.broken
            self.daemon.leftovers()
            assert os.listdir(self.daemon.spool) == []
            self.descriptors = (self.daemon.base_fds, self.daemon.count_fds())
        return self.judge()

    def judge(self):
        """Returns the totals; raises AssertionError when a promise is broken."""
        totals = dict.fromkeys(("delivered", "discarded", "refused", "deferred", "deferred, reply lost"), 0)
        wrong = []
        ledger = self.ledger
        for number, view in ledger.views.items():
            accepted = ledger.accepted.pop(number, [])
            told = [a for a in accepted if a[1]]
            if len(accepted) > 1:
                wrong.append("%d: doubled" % number)
            if accepted and view.infected:
                wrong.append("%d: infected, delivered" % number)
            if any(a[0] != view.digest or a[0] != ledger.passed.get(number) for a in accepted):
                wrong.append("%d: not what was scanned" % number)
            if view.reply == DISCARDED:
                totals["discarded"] += 1
                if not view.infected:
                    wrong.append("%d: clean, discarded" % number)
            elif view.reply.startswith(b"250"):
                totals["delivered"] += 1
                # The server has been made to answer 250 in other words, too.
                if not accepted or (told and view.reply != b"250 2.0.0 queued as %d\r\n" % number):
                    wrong.append("%d: lost: %r" % (number, view.reply))
            else:
                lost = accepted and (not told or not view.stayed)
                if told and view.stayed:
                    wrong.append("%d: delivered, but the client was told %r" % (number, view.reply))
                totals["deferred, reply lost" if lost else
                       "refused" if view.reply.startswith(b"5") else "deferred"] += 1
        if len(ledger.views) != self.messages or sum(totals.values()) != self.messages:
            wrong.append("%d messages of %d" % (len(ledger.views), self.messages))
        if ledger.accepted:
            wrong.append("the server has what nobody sent: %r" % list(ledger.accepted)[:5])
        wrong += ["another's envelope: %r" % (m,) for m in ledger.misled]
        wrong += ["infected content at the server: %r" % s for s in ledger.infected_seen]
        # A sanitizer keeps what was freed.
        early = [size for begun, size in self.samples if 0.15 < begun / self.messages < 0.4]
        late = [size for begun, size in self.samples if begun / self.messages > 0.75]
        self.memory = tuple(sorted(s)[len(s) // 2] if s else 0 for s in (early, late))
        if not sanitized() and early and late and self.memory[1] > self.memory[0] * 1.2 + (4 << 20):
            wrong.append("memory grows: %r" % (self.memory,))
        assert not wrong, "%d broken promises: %s" % (len(wrong), "; ".join(wrong[:20]))
        return totals


def sanitized():
    """Whether the daemon was built with a sanitizer."""
    with open(OURS, "rb") as f:
        return re.search(rb"__(asan|tsan)_init", f.read()) is not None


def resident(pid):
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def soak(messages, seed, clients=30):
    """Run and judge; returns a report of one line per figure."""
    directory = tempfile.mkdtemp(prefix="clamsmtpd-soak.")
    start = time.monotonic()
    try:
        s = Soak(messages, seed, clients)
        totals = s.run(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    seconds = time.monotonic() - start
    return ["messages   %d, seed %d, %d clients, %d s" % (messages, seed, clients, seconds)] + \
        ["%-21s %d" % item for item in totals.items()] + \
        ["faults     %d" % s.ledger.faults,
         "memory     %d KiB, in the end %d KiB" % tuple(m >> 10 for m in s.memory),
         "descriptors %d, in the end %d" % s.descriptors]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=30)
    args = parser.parse_args()
    print("\n".join(soak(args.messages, args.seed, args.clients)))


if __name__ == "__main__":
    sys.exit(main())
