#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Thousands of messages while server, two clamds, clients, disk and descriptors fail
at random, the configuration is read again, and the daemon is replaced.

Every message has a number of its own and is tried once.  In the end the
clients' view and the server's view of each are compared:

    delivered  the client has seen the server's 250 for it, and the server has
               accepted it exactly once, octet for octet what clamd has passed
    discarded  it is infected and was dropped on purpose
    refused    the client has seen 5yz, and the server has not accepted it
    deferred   all else; the server has not accepted it, but for what SMTP
               cannot avoid (RFC 1047): its reply got lost, or the client left

With an odd seed the clamd with a path gets descriptors (ScanMode fildes).

    usage: soak.py [--messages N] [--seed N] [--clients N]
"""

import argparse
import contextlib
import os
import random
import re
import shutil
import socket
import sys
import tempfile
import threading
import time

from rig import DISCARDED, OURS, WAIT, Daemon
from soak_chaos import Chaos
from soak_client import SoakClient
from soak_parties import TIMEOUT, Ledger, SoakClamd, SoakServer


class Soak:
    def __init__(self, messages, seed, clients):
        self.messages, self.seed, self.clients = messages, seed, clients
        self.ledger = Ledger()
        self.mode = "fildes" if seed % 2 else "stream"
        self.begun = 0
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

    def wait_for_daemon(self):
        """Nobody listens: that may be so while one daemon follows another."""
        end = time.monotonic() + WAIT
        while not is_listened_at(self.address):
            assert time.monotonic() < end, "the daemon has died: %r" % self.daemon.log_lines[-20:]
            time.sleep(0.02)

    def options(self):
        return {"ClamAddress": ", ".join(c.address for c in self.clamds), "Header": "", "TimeOut": str(TIMEOUT),
                "ScanMode": self.mode, "MaxConnections": str(4 * self.clients), "VirusAction": "true",
                "PidFile": os.path.join(self.directory, "pid"),
                "StatsFile": os.path.join(self.directory, "stats.prom"), "Listen": "127.0.0.1:%d" % lasting_port()}

    def serve(self):
        """The clients come, and go."""
        threads = [threading.Thread(target=self.work, args=(n,)) for n in range(self.clients)]
        self.chaos = Chaos(self)
        for t in threads + [self.chaos]:
            t.start()
        for t in threads:
            t.join()
        self.chaos.end()

    def run(self, directory):
        self.directory = directory
        for cls in (SoakServer, SoakClamd):
            cls.ledger = self.ledger
            cls.dice = random.Random(self.seed + 1)
        self.clamds = [SoakClamd(os.path.join(directory, "clamd")), SoakClamd(port=lasting_port())]
        with SoakServer() as self.server:
            self.daemon = Daemon(directory, None, self.server, level=1, **self.options())
            self.address = self.daemon.address
            try:
                self.prepare()
                self.serve()
                assert not self.broken, self.broken
                self.daemon.leftovers()
                assert os.listdir(self.daemon.spool) == []
                self.descriptors = (self.daemon.base_fds, self.daemon.count_fds())
            finally:
                self.daemon.stop()
                for clamd in self.clamds:
                    clamd.stop()
        return self.judge()

    def prepare(self):
        self.daemon.threads_kept = 4 * self.clients
        with self.daemon.client() as c:
            c.quit()
        time.sleep(0.2)
        self.daemon.base_fds = self.daemon.count_fds()

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
            if accepted and view.parting is not None and view.parting.gone:
                wrong.append("%d: delivered, though the client had gone" % number)
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
        samples = self.chaos.samples
        # A sanitizer keeps what was freed.
        early = [size for begun, size in samples if 0.55 < begun / self.messages < 0.7]
        late = [size for begun, size in samples if begun / self.messages > 0.85]
        self.memory = tuple(sorted(s)[len(s) // 2] if s else 0 for s in (early, late))
        if not sanitized() and early and late and self.memory[1] > self.memory[0] * 1.2 + (4 << 20):
            wrong.append("memory grows: %r" % (self.memory,))
        assert not wrong, "%d broken promises: %s" % (len(wrong), "; ".join(wrong[:20]))
        return totals


def lasting_port():
    """A free port that no connection gets by itself while nobody listens there; not even
    one to it, which would talk with itself."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        low, high = map(int, f.read().split())
    others = [p for p in range(10000, 65000) if not low <= p <= high]
    while True:
        port = random.choice(others)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def is_listened_at(address):
    wanted = ":%04X" % address[1]
    with open("/proc/net/tcp") as f:
        return any(l.split()[1].endswith(wanted) and l.split()[3] == "0A" for l in f.readlines()[1:])


def sanitized():
    """Whether the daemon was built with a sanitizer."""
    with open(OURS, "rb") as f:
        return re.search(rb"__(asan|tsan)_init", f.read()) is not None


def soak(messages, seed, clients=100):
    """Run and judge; returns a report of one line per figure."""
    directory = tempfile.mkdtemp(prefix="clamsmtpd-soak.")
    start = time.monotonic()
    try:
        s = Soak(messages, seed, clients)
        totals = s.run(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    seconds = time.monotonic() - start
    return ["messages   %d, seed %d, %d clients, ScanMode %s, %d s" % (
        messages, seed, clients, s.mode, seconds)] + \
        ["%-21s %d" % item for item in totals.items()] + \
        ["faults     %d, and %s" % (s.ledger.faults, ", ".join("%s %d" % d for d in sorted(s.chaos.done.items()))),
         "by FILDES  %d scans" % s.ledger.by_file,
         "clients that left in the scan: %d" % sum(
             v.parting is not None and v.parting.gone is True for v in s.ledger.views.values()),
         "memory     %d KiB, in the end %d KiB" % tuple(m >> 10 for m in s.memory),
         "descriptors %d, in the end %d" % s.descriptors]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=100)
    args = parser.parse_args()
    print("\n".join(soak(args.messages, args.seed, args.clients)))


if __name__ == "__main__":
    sys.exit(main())
