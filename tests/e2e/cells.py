# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The fault matrix (test_faults_*.py): every step of the dialogue with every
fault of each party.

A cell is a function that is given a daemon with its fakes, breaks something
and asserts the client's exact reply and what the server got.  After every cell
the same is asserted: the server got nothing that clamd had not passed, the
next message goes through the same daemon, and nothing is left behind - no
file, descriptor, thread or child.

Cells run concurrently, since many of them wait for TimeOut.  A daemon serves
one cell at a time and, unless it was stopped or starved, many in turn.
"""

import concurrent.futures
import contextlib
import glob
import os
import resource
import shutil
import sys
import threading

import pytest

from conftest import new_directory
from rig import CONTENT, GREETING, QUEUED, Rig, impatient, stuff, wait_until

WORKERS = 8
TIMEOUT = 2  # seconds; TimeOut where a cell waits for it
PROMPT = {"Header": "", "TimeOut": "60"}
HASTY = {"Header": "", "TimeOut": str(TIMEOUT)}
IMPATIENT = dict(HASTY, binary=impatient)  # also for the reply to the final dot

ENVELOPE = ["MAIL", "RCPT"]
TO_DATA = [b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA"]
BIG = CONTENT + (b"x" * 998 + b"\r\n") * 300  # several blocks of the spool
HUGE = CONTENT + (b"y" * 998 + b"\r\n") * 6000  # more than sockets hold
# Content that would do harm if it were taken for commands.
EVIL = b"Subject: x\r\n\r\n" + b"RSET\r\nMAIL FROM:<evil@example.org>\r\n" * 9000

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


# ------------------------------------------------------------------ the matrix

class Matrix:
    """The cells of a module, by name."""

    def __init__(self):
        self.cells = {}

    def add(self, name, function, *arguments, options=PROMPT, reusable=True, marks=()):
        """A cell: function(rig, *arguments), with a daemon of these options.
        Not reusable: it has a daemon of its own, which it may stop."""
        assert name not in self.cells, name
        self.cells[name] = (function, arguments, options, reusable, marks)

    def cell(self, name, **how):
        """The decorator form of add()."""
        def decorate(function):
            self.add(name, function, **how)
            return function
        return decorate

    def run(self, stable, name):
        function, arguments, options, reusable, _ = self.cells[name]
        r = stable.take(options)
        try:
            function(r, *arguments)
            if r.daemon.alive():
                check_after(r)
        except BaseException:
            tail = r.daemon.log_lines[r.mark:][-30:]
            sys.stderr.write("%s: the daemon's log:\n%s" % (name, "".join("    %s\n" % l[:200] for l in tail)))
            with contextlib.suppress(BaseException):
                stable.destroy(r, False)
            raise
        if reusable:
            stable.give(options, r)
        else:
            stable.destroy(r, True)

    def tests(self):
        """The fixture `outcomes`, the futures of the cells that were asked
        for, and the test function that asks for each."""
        @pytest.fixture(scope="module")
        def outcomes(request):
            names = [i.callspec.params["name"] for i in request.session.items
                     if i.module is request.module and not any(m.args[0] for m in i.iter_markers("skipif"))]
            stable = Stable()
            with concurrent.futures.ThreadPoolExecutor(WORKERS) as executor:
                futures = {n: executor.submit(self.run, stable, n) for n in names}
                try:
                    yield futures
                finally:
                    for f in futures.values():
                        f.cancel()
            stable.close()

        @pytest.mark.parametrize("name", [pytest.param(n, marks=c[-1]) for n, c in self.cells.items()])
        def test_cell(outcomes, name):
            outcomes[name].result()

        return outcomes, test_cell


def settle(r):
    """Count what a daemon at rest has, after its first connection."""
    with r.client() as c:
        c.quit()
    r.daemon.wait_log("SERVER connection closed")
    r.daemon.base_fds = r.daemon.count_fds()
    r.daemon.threads_kept = 4  # one rests, another may just be ending
    r.clear()


class Stable:
    """The daemons at rest, by their options."""

    def __init__(self):
        self.lock = threading.Lock()
        self.free = []

    def take(self, options):
        with self.lock:
            for n, (have, r) in enumerate(self.free):
                if have == options:
                    del self.free[n]
                    r.clear()
                    return r
        path = new_directory()
        try:
            r = Rig(path, **options)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        if r.daemon.alive():
            settle(r)
        return r

    def give(self, options, r):
        with self.lock:
            self.free.append((options, r))

    @staticmethod
    def destroy(r, check):
        try:
            r.close(check)
        finally:
            shutil.rmtree(r.directory, ignore_errors=True)

    def close(self):
        errors = []
        for _, r in self.free:
            try:
                self.destroy(r, True)
            except AssertionError as e:
                errors.append(str(e))
        assert not errors, errors


# ------------------------------------------------- what holds after every cell

def children(pid):
    found = []
    for path in glob.glob("/proc/%d/task/*/children" % pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(path) as f:
            found += f.read().split()
    return found


def check_scanned(r):
    """What the server got after a 354 is what clamd has passed."""
    shown = [stuff(s.data.split(b"\r\n", 1)[1]) for s in r.clamd.scans if b"INFECTED:" not in s.data]
    for peer in r.server.connections:
        for body in [m.raw for m in peer.messages] + [peer.body]:
            assert body == b"" or any(s.startswith(body.rstrip(b".\r\n")) for s in shown), \
                "the server got what was not scanned: %r" % body[:300]


def check_next(r):
    """The next message passes."""
    for fake in (r.server, r.clamd):
        fake.clear()
    with r.client() as c:
        assert c.greeting == GREETING
        assert c.ehlo()[:3] == b"250"
        assert c.mail(b"Subject: next\r\n\r\n") == QUEUED
        c.quit()
    message = r.server.wait_messages(1)
    assert message.content == b"Subject: next\r\n\r\n"
    assert message.rcpts == [b"RCPT TO:<b@example.net>"]
    assert len(r.server.messages) == 1


def check_after(r):
    check_scanned(r)
    check_next(r)
    r.daemon.leftovers()
    wait_until(lambda: not children(r.daemon.pid), "the end of all children")
    assert os.listdir(r.daemon.spool) == []


# ------------------------------------------------------------ parts of dialogues

def expect(c, want):
    """The next octets are exactly these."""
    got = b""
    while len(got) < len(want):
        line = c.line()
        if not line:
            break
        got += line
    assert got == want


def expect_end(c, want):
    """The rest of the conversation is exactly this."""
    got = c.rest()
    assert got == want
    c.close()


def mail_again(c):
    """The same session is still good for a message."""
    assert c.cmd(b"RSET") == b"250 2.0.0 reset\r\n"
    assert c.mail(b"Subject: again\r\n\r\nx\r\n") == QUEUED


@contextlib.contextmanager
def limited(r, what, n):
    """Lower a soft limit of the daemon for a while."""
    old, hard = resource.prlimit(r.daemon.pid, what)
    resource.prlimit(r.daemon.pid, what, (n, hard))
    try:
        yield
    finally:
        resource.prlimit(r.daemon.pid, what, (old, hard))
