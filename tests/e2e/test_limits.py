# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""MaxConnections, shortage of descriptors, and the limit of recipients."""

import os
import resource
import sys
import time

import pytest

from rig import (BUSY, CONTENT, FOUND, GREETING, QUEUED, REJECTED, Client, Hold,
                 wait_until)


def open_sessions(r, n):
    clients = [r.client() for _ in range(n)]
    assert all(c.greeting == GREETING for c in clients)
    return clients


def check_limit(r, n):
    clients = open_sessions(r, n)
    mark = r.daemon.mark()
    with r.client() as c:
        assert c.greeting == BUSY
        c.expect_eof()
    r.daemon.wait_log(r"^too many connections open \(max %d\)\. sent busy response$" % n, mark)
    assert len(r.server.connections) == n
    clients.pop().close()
    r.server.wait(lambda: any(s.closed.is_set() for s in r.server.connections), "end")

    def served():
        with r.client() as again:
            return again.greeting == GREETING
    wait_until(served)
    for c in clients:
        c.close()


def test_one(make):
    check_limit(make(MaxConnections="1"), 1)


def test_three(make):
    check_limit(make(MaxConnections="3"), 3)


def test_the_default_is_64(make):
    check_limit(make(), 64)


def test_busy_connections_take_no_id(make):
    r = make(MaxConnections="1")
    first = r.client()
    for _ in range(3):
        with r.client() as c:
            assert c.greeting == BUSY
    first.close()
    wait_until(lambda: r.client().greeting == GREETING)
    r.daemon.wait_log("100001: accepted connection")


def test_many(make):
    r = make(MaxConnections="1024", preexec=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    r.daemon.threads_kept = 600
    clients = open_sessions(r, 600)
    assert clients[-1].mail() == QUEUED
    assert clients[0].mail() == QUEUED
    for c in clients:
        c.close()


def few_descriptors(make, n, **options):
    r = make(MaxConnections="64", start=False, **options)
    r.daemon.preexec = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))
    return r


INHERIT = """import os, sys
for _ in range(int(sys.argv[1])):
    os.set_inheritable(os.dup(0), True)
os.execv(sys.argv[2], sys.argv[2:])"""
CARRIED = r"^the system allows %d descriptors, which is enough for (\d+) connections at once; 64 would need \d+: "


@pytest.mark.parametrize("limit, inherited", [(32, 0), (64, 0), (64, 30), (150, 0)])
@pytest.mark.parametrize("mode", ["stream", "scan"])
def test_few_descriptors(make, limit, inherited, mode):
    """As many are served as there are descriptors for, to the last one."""
    r = few_descriptors(make, limit, ScanMode=mode, Quarantine="on", Action="bounce")
    if inherited:
        r.daemon.wrapper = [sys.executable, "-c", INHERIT, str(inherited)]
    r.daemon.start()
    n = int(r.daemon.wait_log(CARRIED % limit).group(1))
    assert (limit - inherited - 26) // 4 <= n <= (limit - inherited - 8) // 4
    for _ in range(3):
        hold = Hold()
        r.clamd.next(*[(hold, FOUND)] * n)
        clients = open_sessions(r, n)
        for c in clients:
            c.envelope()
            c.cmd(b"DATA")
            c.send(CONTENT + b"x" * 100000 + b"\r\n.\r\n")
        r.clamd.wait(lambda: len(r.clamd.scans) == n, "all scans")
        others = [Client(r.daemon.address, greet=False) for _ in range(45)]
        for c in others:
            assert c.reply() == BUSY
            c.expect_eof()
            c.close()
        hold.release()
        for c in clients:
            assert c.reply() == REJECTED
            assert c.mail() == QUEUED
            c.close()
        r.clear()
        wait_until(lambda: r.daemon.count_fds() <= r.daemon.base_fds)
    assert len(r.daemon.virus_files()) == 3 * n
    for path in r.daemon.virus_files():
        os.unlink(path)
    assert not any("Too many open files" in l for l in r.daemon.log_lines)


def test_names_take_no_descriptors_of_sessions(make):
    r = few_descriptors(make, 64)
    r.daemon.options["OutAddress"] = "localhost:%d" % r.server.port
    r.daemon.start()
    n = int(r.daemon.wait_log(CARRIED % 64).group(1))
    assert (64 - 24) // 4 <= n <= (64 - 16) // 4
    check_limit(r, n)


def test_too_few_descriptors_for_anybody(make):
    r = few_descriptors(make, 15)
    r.daemon.spawn()
    assert r.daemon.wait_exit() == 1
    r.daemon.wait_log("^the system allows 15 descriptors, which is enough for 0 connections at once")


def test_too_many_recipients(make):
    r = make()
    with r.client() as c:
        c.cmd(b"MAIL FROM:<a@b>")
        address = b"x" * 4000 + b"%03d@example.org"
        replies = []
        for n in range(280):
            replies.append(c.cmd(b"RCPT TO:<" + address % n + b">"))
            if replies[-1][:3] != b"250":
                break
        assert replies[-1] == b"452 Too many recipients\r\n"
        assert 255 <= len(replies) <= 265
        assert c.data() == QUEUED
    assert len(r.server.messages[0].rcpts) == len(replies) - 1


def test_a_stop_without_descriptors(make):
    r = make()
    resource.prlimit(r.daemon.pid, resource.RLIMIT_NOFILE, (r.daemon.base_fds + 4,) * 2)
    clients = [Client(r.daemon.address, greet=False) for _ in range(60)]
    r.daemon.wait_log("couldn't accept a connection: Too many open files")
    start = time.monotonic()
    r.daemon.stop()
    assert time.monotonic() - start < 3
    for c in clients:
        c.close()
