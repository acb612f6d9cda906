# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""MaxConnections, shortage of descriptors, and the limit of recipients."""

import resource
import time

from rig import BUSY, GREETING, NO_SERVER, QUEUED, Client, wait_until


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


def test_no_descriptors(make):
    # A hard limit of 24 descriptors is enough for a few sessions only.
    r = make(MaxConnections="64", start=False)
    r.daemon.preexec = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
    r.daemon.start()
    clients = [Client(r.daemon.address, greet=False) for _ in range(40)]
    replies = {c.reply() for c in clients[:12]}
    assert GREETING in replies and replies <= {GREETING, BUSY, NO_SERVER}
    mark = len(r.daemon.log_lines)
    for c in clients:
        c.close()

    def recovered():
        with r.client() as c:
            return c.greeting == GREETING and c.mail()[:3] == b"250"
    wait_until(recovered)
    assert len(r.daemon.log_lines) - mark < 10000, "the log is flooded"


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
        assert replies[-1] == b"452 4.5.3 Too many recipients\r\n"
        assert 255 <= len(replies) <= 265
        assert c.data() == QUEUED
    assert len(r.server.messages[0].rcpts) == len(replies) - 1


def test_a_stop_without_descriptors(make):
    r = make(start=False)
    r.daemon.preexec = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
    r.daemon.start()
    clients = [Client(r.daemon.address, greet=False) for _ in range(60)]
    r.daemon.wait_log("couldn't accept a connection: Too many open files")
    start = time.monotonic()
    r.daemon.stop()
    assert time.monotonic() - start < 3
    for c in clients:
        c.close()
