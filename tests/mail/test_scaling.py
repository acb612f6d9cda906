# SPDX-License-Identifier: BSD-3-Clause
"""
doc/scaling.md: its HAProxy, as it is written there but for addresses and ports,
before two filters and two real clamds of which each breaks under load.
"""

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import clamd  # noqa: E402
import packages  # noqa: E402
from clamsmtpd import REPOSITORY  # noqa: E402
from rig import QUEUED, REJECTED, Client, Daemon, FakeServer, free_port, wait_until  # noqa: E402
from samples import EICAR  # noqa: E402

HAPROXY = packages.find("haproxy")
CLIENTS = 8
PHASE = 40  # messages between two disturbances
PATIENCE = 40  # seconds for a phase

pytestmark = [
    pytest.mark.skipif(clamd.program() is None, reason="there is no clamd (package clamav-daemon)"),
    pytest.mark.skipif(HAPROXY is None, reason="there is no HAProxy (./bootstrap packages check)")]


def snippet(file):
    """What the document puts into that file."""
    text = (REPOSITORY / "doc" / "scaling.md").read_text()
    block = re.search(r"(?m)^In `%s`.*:\n\n((?:    .*\n|\n(?=    ))+)" % re.escape(file), text).group(1)
    return re.sub(r"(?m)^    ", "", block)


class Places:
    """Each address of the document, and where the test has it."""

    def __init__(self):
        self.ports = {}

    def port(self, address):
        return self.ports.setdefault(address, free_port())

    def here(self, text):
        text = re.sub(r"192\.0\.2\.\d+:\d+", lambda m: "127.0.0.1:%d" % self.port(m.group(0)), text)
        return re.sub(r"192\.0\.2\.\d+", "127.0.0.1", text)


class Balancer:
    def __init__(self, directory, places):
        self.socket = os.path.join(directory, "admin.sock")
        path = os.path.join(directory, "haproxy.cfg")
        with open(path, "w") as f:
            text = places.here(snippet("/etc/haproxy/haproxy.cfg")).replace("/run/haproxy/admin.sock", self.socket)
            # Where it was unpacked it has no user.
            f.write(text.replace(" haproxy\n    group haproxy\n", " nobody\n    group nogroup\n"))
        self.log = open(os.path.join(directory, "haproxy.log"), "w+")
        self.process = subprocess.Popen([HAPROXY, "-db", "-f", path], env=packages.environment(),
                                        stdout=self.log, stderr=self.log)

    def command(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
            s.sendall(line.encode() + b"\n")
            return s.makefile().read()

    def states(self):
        """{server: UP or DOWN}, of those that a check has looked at."""
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.socket)
            except OSError:
                assert self.process.poll() is None, open(self.log.name).read()
                return {}
            s.sendall(b"show stat\n")
            head, *lines = [l.split(",") for l in s.makefile().read().lstrip("# ").splitlines() if l]
        rows = [dict(zip(head, l)) for l in lines]
        return {r["svname"]: r["status"].split()[0] for r in rows if r["check_status"] not in ("", "INI")}

    def wait(self, name, state="UP"):
        wait_until(lambda: self.states().get(name) == state, "%s %s" % (name, state), PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


class Attempt(Client):
    """A client that knows whether the end of its message has left."""

    ended = False

    def whole(self, message):
        """The reply that decided, or b"" where the connection broke."""
        try:
            if self.greeting[:3] != b"220" or self.ehlo()[:3] != b"250":
                return b""
            for line in (b"MAIL FROM:<a@example.org>", b"RCPT TO:<b@example.net>", b"DATA"):
                reply = self.cmd(line)
                if reply[:1] not in b"23" or not reply:
                    return reply
            self.ended = True
            self.send(message + b".\r\n")
            return self.reply()
        except OSError:
            return b""


class Load:
    """Clients that send each message until it is taken or refused for good."""

    def __init__(self, address):
        self.address = address
        self.numbers = itertools.count()
        self.sources, self.taken, self.refused = {}, [], []
        self.unsure, self.later, self.failures = set(), [], []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=("127.0.1.%d" % (i + 1),)) for i in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def run(self, source):
        try:
            while not self.stopping.is_set():
                self.deliver(source, next(self.numbers))
        except Exception as e:
            self.failures.append(e)

    def deliver(self, source, number):
        evil = number % 5 == 0
        self.sources[number] = source
        message = b"Subject: %d\r\nFrom: a@example.org\r\n\r\n%s\r\n" % (
            number, EICAR if evil else b"words %d" % number)
        end = time.monotonic() + PATIENCE
        while True:
            reply = self.attempt(source, number, message)
            if reply in (QUEUED, REJECTED):
                (self.taken if reply == QUEUED else self.refused).append(number)
                return
            assert reply[:1] in (b"", b"4") and time.monotonic() < end, (number, reply)
            self.later.append(reply)
            time.sleep(0.05)

    def attempt(self, source, number, message):
        try:
            with Attempt(self.address, source=source) as c:
                reply = c.whole(message)
                # Whether it was taken, SMTP cannot tell.
                if c.ended and not reply:
                    self.unsure.add(number)
                return reply
        except OSError:
            return b""

    def go_on(self):
        """Until a phase is over; returns what was put off in it."""
        before = len(self.later)
        n = len(self.taken) + len(self.refused) + PHASE
        wait_until(lambda: len(self.taken) + len(self.refused) >= n or self.failures, "a phase", PATIENCE)
        return self.later[before:]

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join()


class Site:
    """All that the document draws, on this host."""

    def __init__(self, stack):
        self.directory = tempfile.mkdtemp(prefix="clamsmtpd-mail.")
        stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        os.chmod(self.directory, 0o755)
        self.places = Places()
        self.clamds = [self.clamd(stack, n) for n in (1, 2)]
        self.server = stack.enter_context(FakeServer())
        self.places.ports["192.0.2.31:25"] = self.server.port
        self.balancer = stack.enter_context(Balancer(self.directory, self.places))
        self.filters = [stack.enter_context(self.filter(n)) for n in (1, 2)]
        for name in ("clamd1", "clamd2", "filter1", "filter2"):
            self.balancer.wait(name)
        self.address = ("127.0.0.1", self.places.port("192.0.2.1:25"))

    def clamd(self, stack, n):
        lines = self.places.here(snippet("/etc/clamav/clamd.conf").replace("192.0.2.21", "127.0.0.1"))
        lines = re.sub("TCPSocket .*", "TCPSocket %d" % self.places.port("192.0.2.2%d:3310" % n), lines)
        private = clamd.PrivateClamd(os.path.join(self.directory, "clamd%d" % n), lines=lines.splitlines())
        private.start()
        stack.callback(private.stop)
        return private

    def filter(self, n):
        directory = os.path.join(self.directory, "filter%d" % n)
        os.mkdir(directory)
        text = self.places.here(snippet("/etc/clamsmtpd.conf").replace("192.0.2.11", "192.0.2.1%d" % n))
        options = dict(re.findall(r"(?m)^(\w+): +(.*)$", text))
        options.update(User=None, PidFile=None, TempDirectory=os.path.join(directory, "spool"), Header="X-Client: %i")
        return Daemon(directory, **options)


@pytest.fixture
def site():
    with contextlib.ExitStack() as stack:
        yield Site(stack)


def disturb(site, load):
    """One of each killed, restarted, reloaded."""
    clamd1, clamd2 = site.clamds
    filter1, filter2 = site.filters
    assert load.go_on() == []

    clamd1.process.kill()
    clamd1.process.wait()
    load.go_on()
    clamd1.start()
    filter1.kill()
    load.go_on()
    filter1.start()
    for name in ("clamd1", "filter1"):
        site.balancer.wait(name)

    clamd2.stop()
    filter2.stop()
    load.go_on()
    clamd2.start()
    filter2.start()
    for name in ("clamd2", "filter2"):
        site.balancer.wait(name)

    load.go_on()
    for one in site.filters:
        mark = one.mark()
        one.signal(signal.SIGHUP)
        one.wait_log("reloaded: ", mark)
    for one in site.clamds:
        assert clamd.ask(one.address, "RELOAD") == "RELOADING"
    assert load.go_on() == []


def test_one_of_each_is_killed_restarted_and_reloaded(site):
    load = Load(site.address)
    try:
        disturb(site, load)
    finally:
        load.stop()
    assert not load.failures
    assert load.refused and not [n for n in load.refused if n % 5]
    assert not [n for n in load.taken if n % 5 == 0]

    arrived = [int(re.match(rb"Subject: (\d+)", m.content).group(1)) for m in site.server.messages]
    assert set(arrived) == set(load.taken)
    # A filter that was killed could not tell any more what it had done.
    assert load.unsure >= {n for n in arrived if arrived.count(n) > 1}
    assert len(load.unsure) <= CLIENTS
    for m in site.server.messages:
        number = int(re.match(rb"Subject: (\d+)", m.content).group(1))
        assert b"\r\nX-Client: %s\r\n" % load.sources[number].encode() in m.content


def test_checks_find_what_cannot_scan(site):
    """A clamd without its temporary directory still says PONG; it gets no mail.
    A filter is asked without a session at the server."""
    one = site.clamds[0]
    scratch = one.directory / "scratch"
    aside = scratch.rename(scratch.with_name("aside"))
    site.balancer.wait("clamd1", "DOWN")
    assert clamd.ask(one.address, "PING") == "PONG"
    for _ in range(4):
        with Client(site.address) as c:
            assert c.mail() == QUEUED
    aside.rename(scratch)
    site.balancer.wait("clamd1")

    taken_out_for_maintenance(site)
    site.filters[0].stop()
    site.balancer.wait("filter1", "DOWN")
    for _ in range(4):
        with Client(site.address) as c:
            assert c.mail() == QUEUED
    assert all(c.asked in ([], ["EHLO", "MAIL", "RCPT", "DATA"], ["MAIL", "RCPT", "DATA"])
               for c in site.server.connections)
    assert len(site.server.messages) == 12


def taken_out_for_maintenance(site):
    """By the command of the document: the other one gets all, and this one's sessions
    can be seen to end."""
    text = (REPOSITORY / "doc" / "scaling.md").read_text()
    drain = re.search(r'(?m)^    echo "(.*)" \| socat - /run/haproxy/admin\.sock$', text).group(1)
    show, count = re.search(r'(?m)^    echo "(.*)" \| socat - \S+ \| (awk .*)$', text).groups()

    def sessions(name="filter1"):
        counter = ["sh", "-c", count.replace("filter1", name)]
        return int(subprocess.check_output(counter, input=site.balancer.command(show).encode(), timeout=PATIENCE))

    wait_until(lambda: sessions() + sessions("filter2") == 0, "the end of earlier ones")
    # One of the two is in each filter.
    with Client(site.address), Client(site.address):
        wait_until(lambda: sessions() == 1, "its session")
        assert site.balancer.command(drain).strip() == ""
        assert sessions() == 1
    wait_until(lambda: sessions() == 0, "the end of its session")
    mark = site.filters[0].mark()
    for _ in range(4):
        with Client(site.address) as c:
            assert c.mail() == QUEUED
    assert not any("status=" in l for l in site.filters[0].log_since(mark))
    assert "`state ready`" in text
    assert site.balancer.command(drain.replace("state drain", "state ready")).strip() == ""
