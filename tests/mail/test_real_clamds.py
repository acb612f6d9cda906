# SPDX-License-Identifier: BSD-3-Clause
"""Real clamd that breaks, is killed and comes again: nothing is lost, nothing is
deferred while another one lives, and no virus passes."""

import base64
import contextlib
import itertools
import os
import shutil
import sys
import tempfile
import threading
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import clamd  # noqa: E402
from rig import DISCARDED, LOCAL_ERROR, QUEUED, Rig, free_port, wait_until  # noqa: E402
from samples import EICAR  # noqa: E402

AGE = 5  # seconds from a proof's beginning to the end of a scan

pytestmark = pytest.mark.skipif(clamd.program() is None, reason="there is no clamd (package clamav-daemon)")

numbers = itertools.count()


def content(attached, words=b"Nothing but words.\r\n"):
    """No two are the same: clamd remembers what is clean."""
    return (b"From: a@example.org\r\nSubject: %d\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=part\r\n\r\n"
            b"--part\r\nContent-Type: text/plain\r\n\r\n%s"
            b"--part\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n%s"
            b"--part--\r\n" % (next(numbers), words, base64.encodebytes(attached).replace(b"\n", b"\r\n")))


def clean():
    return content(b"clean %d" % next(numbers) * 50)


def evil():
    return content(EICAR)


@contextlib.contextmanager
def a_clamd(tcp=False):
    directory = tempfile.mkdtemp(prefix="clamsmtpd-mail.")
    port = free_port()
    private = clamd.PrivateClamd(directory, lines=("TCPSocket %d" % port, "TCPAddr 127.0.0.1") if tcp else ())
    private.start()
    private.where = "127.0.0.1:%d" % port if tcp else private.address
    try:
        yield private
    finally:
        private.stop()
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def a_rig(mode, *clamds, **options):
    directory = tempfile.mkdtemp(prefix="clamsmtpd-mail.")
    os.chmod(directory, 0o755)
    try:
        with Rig(directory, ScanMode=mode, ClamAddress=", ".join(c.where for c in clamds), **options) as r:
            if mode == "scan" and clamd.user() is not None:
                shutil.chown(r.daemon.spool, group=clamd.user() if clamd.user() != "nobody" else "nogroup")
                os.chmod(r.daemon.spool, 0o2770)
            yield r
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def broken(private, how):
    """clamd's temporary directory is of no use."""
    scratch = private.directory / "scratch"
    if how == "is gone":
        aside = scratch.with_name("aside")
        scratch.rename(aside)
        yield
        aside.rename(scratch)
    else:
        scratch.chmod(0)
        yield
        scratch.chmod(0o755)


@pytest.mark.skipif(os.geteuid() == 0 and clamd.user() is None, reason="root may write everywhere")
@pytest.mark.parametrize("how", ["may not be written to", "is gone"])
@pytest.mark.parametrize("mode", ["stream", "fildes", "scan"])
def test_the_temporary_directory_breaks(mode, how):
    with a_clamd() as private, a_rig(mode, private) as r, r.client() as c:
        assert c.mail(clean()) == QUEUED
        assert c.mail(evil()) == DISCARDED
        assert c.mail(clean()) == QUEUED
        with broken(private, how):
            began = time.monotonic()
            while time.monotonic() < began + 2 * AGE:
                reply = c.mail(evil())
                # What begins now is not believed.
                assert reply != QUEUED or time.monotonic() - began <= AGE, "delivered after %g s" % (
                    time.monotonic() - began)
            assert c.mail(evil()) in (LOCAL_ERROR, DISCARDED)
            assert c.mail(clean()) == LOCAL_ERROR
        # It is tried all the same, and a verdict brings it back.
        assert c.mail(clean()) == QUEUED
        assert c.mail(evil()) == DISCARDED
        r.daemon.wait_log("clamd %s is back$" % private.where)


class Load:
    """Clients that send and count what comes back, until it is stopped."""

    def __init__(self, r, clients):
        self.r, self.replies, self.failures = r, [], []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.send) for _ in range(clients)]
        for t in self.threads:
            t.start()

    def send(self):
        try:
            with self.r.client() as c:
                while not self.stopping.is_set():
                    for _ in range(4):
                        self.replies.append((QUEUED, c.mail(clean())))
                    self.replies.append((DISCARDED, c.mail(evil())))
        except Exception as e:
            self.failures.append(e)

    def go_on(self, messages):
        """Until so many more were answered."""
        n = len(self.replies) + messages
        wait_until(lambda: len(self.replies) >= n or self.failures, "%d replies" % messages, 60)

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join()


@pytest.mark.parametrize("mode, tcp", [("stream", False), ("stream", True), ("fildes", False), ("fildes", True),
                                       ("scan", False)])
def test_one_is_killed_under_load(mode, tcp):
    with a_clamd(tcp) as a, a_clamd(tcp) as b, a_rig(mode, a, b) as r:
        load = Load(r, 6)
        try:
            load.go_on(60)
            for private in (a, b, a):
                private.process.kill()
                private.process.wait()
                load.go_on(60)
                private.start()
                if any("clamd %s is set aside" % private.where in l for l in r.daemon.log_lines):
                    asides = [l for l in r.daemon.log_lines if "clamd %s is set aside" % private.where in l]
                    wait_until(lambda: sum("clamd %s is back" % private.where in l
                                           for l in r.daemon.log_lines) == len(asides), "the look at it", 30)
                load.go_on(30)
        finally:
            load.stop()
        assert not load.failures
        wrong = [got for wanted, got in load.replies if got != wanted]
        assert not wrong, "%d of %d: %r" % (len(wrong), len(load.replies), set(wrong))
        assert len(r.server.messages) == sum(wanted == QUEUED for wanted, _ in load.replies)
        assert not any(EICAR[:20] in m.raw for m in r.server.messages)
        assert sum("is set aside" in l for l in r.daemon.log_lines) >= 2


def test_the_only_one_is_restarted_under_load():
    """What cannot be scanned is deferred, and comes again."""
    with a_clamd() as private, a_rig("stream", private) as r:
        load = Load(r, 4)
        try:
            load.go_on(40)
            private.stop()
            load.go_on(40)
            private.start()
            load.go_on(40)
        finally:
            load.stop()
        assert not load.failures
        assert all(got in (wanted, LOCAL_ERROR) for wanted, got in load.replies)
        assert any(got == LOCAL_ERROR for _, got in load.replies)
        assert len(r.server.messages) == sum(got == QUEUED for _, got in load.replies)
        with r.client() as c:
            assert c.mail(clean()) == QUEUED
