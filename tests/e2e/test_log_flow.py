# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Nobody waits for who takes the log, and nobody can fill it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from rig import CONTENT, OURS, WAIT, Client, wait_until

needs_namespace = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"),
    reason="a /dev/log of our own needs root and unshare (mount namespace)")


class Syslog:
    """A daemon that detaches, and its /dev/log, which takes nothing more."""

    def __init__(self, r):
        self.path = r.directory + "/log"
        self.pid_file = r.directory + "/pid"
        self.log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.log.bind(self.path)
        self.log.settimeout(WAIT)
        self.fill()
        r.daemon.options["PidFile"] = self.pid_file
        r.daemon.write_config()
        script = ("mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && "
                  "ln -s %s /dev/log && exec %s -f %s" % (self.path, OURS, r.daemon.config))
        p = subprocess.run(["unshare", "-m", "sh", "-c", script], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT)
        if any(w in p.stderr for w in (b"unshare", b"mount", b"mknod")):
            pytest.skip("no mount namespace: %r" % p.stderr)
        assert p.returncode == 0, p.stderr
        with open(self.pid_file) as f:
            self.pid = int(f.read())

    def fill(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            try:
                while True:
                    s.sendto(b"filler", self.path)
            except BlockingIOError:
                pass

    def until(self, regex):
        while True:
            line = self.log.recv(8192).decode()
            m = re.search(regex, line)
            if m:
                return m

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        wait_until(lambda: not os.path.exists(self.pid_file), "the end of the daemon")
        wait_until(lambda: not os.path.exists("/proc/%d" % self.pid), "the end of its process")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if os.path.exists("/proc/%d" % self.pid):
            os.kill(self.pid, signal.SIGKILL)
        self.log.close()


@needs_namespace
def test_a_syslog_that_takes_nothing(make):
    r = make(start=False)
    with Syslog(r) as s:
        with Client(r.daemon.address) as c:
            for _ in range(20):
                assert c.mail()[:3] == b"250"
            c.quit()
        begin = time.monotonic()
        s.stop()
        assert time.monotonic() - begin < 10


@needs_namespace
def test_lines_that_were_lost_are_told(make):
    r = make(start=False)
    with Syslog(r) as s:
        mails = 500
        rcpts = [b"%03d%s@example.net" % (n, b"r" * 50) for n in range(15)]
        with Client(r.daemon.address) as c:
            for _ in range(mails):
                assert c.mail(rcpts=rcpts)[:3] == b"250"
        kept, lost = 0, None
        while lost is None:
            m = s.until("status=CLEAN|([0-9]+) log lines were lost")
            kept += m.group(1) is None
            lost = m.group(1)
        # One or two more may be of the session itself.
        assert mails <= kept + int(lost) <= mails + 3 and kept > 100
        with Client(r.daemon.address) as c:
            assert c.mail(sender=b"later@example.org")[:3] == b"250"
        s.until("from=later@example.org")
        s.stop()


@needs_namespace
def test_the_last_lines_reach_syslog(make):
    r = make(start=False)
    with Syslog(r) as s:
        s.until("accepted|filler")
        s.log.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                s.log.recv(8192)
        s.log.settimeout(WAIT)
        with Client(r.daemon.address) as c:
            c.mail(sender=b"last@example.org")
            s.stop()
        s.until("from=last@example.org")


def test_a_console_that_takes_nothing(make):
    """-d: our standard error is a pipe that nobody reads."""
    r = make(start=False)
    r.daemon.write_config()
    p = subprocess.Popen([OURS, "-d", "4", "-f", r.daemon.config], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        r.daemon.pid = p.pid
        wait_until(r.daemon.listening, "the daemon listens")
        with Client(r.daemon.address) as c:
            for _ in range(100):
                assert c.mail()[:3] == b"250"
        p.send_signal(signal.SIGTERM)
        assert p.wait(WAIT) == 0
        assert len(p.stderr.read()) <= 65536
    finally:
        p.kill()
        p.wait(WAIT)
        p.stderr.close()


def count(r, words):
    """The count of a kind, told at the stop; one line of it stands before."""
    r.daemon.signal(signal.SIGTERM)
    assert r.daemon.process.wait(WAIT) == 0
    wait_until(lambda: any("more like this" in l for l in r.daemon.log_lines), "the count")
    _, told = [l for l in r.daemon.log_lines if words in l]
    return told


def test_what_a_stranger_causes_is_a_line_and_a_count(make):
    r = make()
    with r.client() as c:
        c.ehlo()
        for _ in range(200):
            assert c.cmd(b"XCLIENT NAME=x")[:3] == b"554"
        c.quit()
    assert count(r, "privileged XCLIENT") == "199 more like this: client attempted use of privileged XCLIENT feature"


def test_refused_connections_are_a_line_and_a_count(make):
    r = make(MaxConnections="1")
    with r.client() as first:
        for _ in range(50):
            with Client(r.daemon.address) as c:
                assert c.greeting[:3] == b"421"
        first.quit()
    assert count(r, "too many connections").startswith("49 more like this: too many connections open (max 1)")


def test_long_replies_are_a_line_and_a_count(make):
    """Of a server that repeats what its client has said."""
    r = make()
    r.server.on("NOOP", b"250 " + b"x" * 6000 + b"\r\n")
    with r.client() as c:
        for _ in range(50):
            assert c.cmd(b"NOOP")[:3] == b"250"
        c.quit()
    assert count(r, "response line too long") == "49 more like this: SMTP response line too long. discarded extra"


@pytest.mark.parametrize("sent, what", [
    (b"NOOP\r\nNOOP\r\n", "client 127.0.0.1 is out of step: it did not wait for a reply"),
    (b"GET / HTTP/1.1\r\n", "client 127.0.0.1 is out of step: it speaks HTTP"),
], ids=["does not wait", "HTTP"])
def test_clients_out_of_step_are_a_line_and_a_count(make, sent, what):
    r = make()
    for _ in range(20):
        with r.client() as c:
            c.send(sent)
            assert c.rest()[:4] == b"554 "
    assert count(r, "is out of step") == "19 more like this: " + what


def test_clients_that_leave_are_a_line_and_a_count(make):
    r = make()
    for _ in range(5):
        hold = r.clamd.hold()
        c = r.client()
        c.ehlo()
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
        c.close()
        r.server.connections[-1].wait_closed()
        hold.release()
    assert count(r, "client left before").startswith("4 more like this: ")
