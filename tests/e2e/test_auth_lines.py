# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The lines of AUTH may have 12,288 octets, both ways (RFC 4954 4); when one is
refused the server is told that there is no answer."""

import pytest

from rig import HANG

MAX = 12288
TOO_LONG = b"500 Line too long\r\n"
STRAY = b"500 Command with NUL or stray CR\r\n"
CANCELLED = b"501 5.7.0 cancelled\r\n"
WELCOME = b"235 2.7.0 welcome\r\n"


def script(rig, after_star=CANCELLED):
    rig.server.on("AUTH", b"334 \r\n")
    rig.server.on("*", after_star)


@pytest.mark.parametrize("octets", [4219, 4220, 8192, 12286, MAX])
def test_an_answer(rig, octets):
    script(rig)
    answer = b"A" * octets
    rig.server.on(answer.decode(), WELCOME)
    with rig.client() as c:
        assert c.cmd(b"AUTH XOAUTH2") == b"334 \r\n"
        assert c.cmd(answer) == WELCOME
        assert c.cmd(b"NOOP")[:3] == b"250"
    assert rig.server.lines[1] == answer + b"\r\n"


@pytest.mark.parametrize("octets, passes", [(4220, True), (MAX, True), (MAX + 1, False), (100000, False)])
def test_an_initial_response(rig, octets, passes):
    rig.server.on("AUTH", WELCOME)
    line = b"AUTH XOAUTH2 " + b"A" * (octets - 13)
    with rig.client() as c:
        assert c.cmd(line) == (WELCOME if passes else TOO_LONG)
        assert c.cmd(b"NOOP after")[:3] == b"250"
        assert rig.server.lines == [line + b"\r\n"] * passes + [b"NOOP after\r\n"]


@pytest.mark.parametrize("answer, told", [
    (b"A" * (MAX + 1), TOO_LONG), (b"A" * 200000, TOO_LONG), (b"A\0", STRAY), (b"A\rB", STRAY)])
def test_a_refused_answer(rig, answer, told):
    script(rig, CANCELLED[:3] + b"-one\r\n" + CANCELLED)
    with rig.client() as c:
        assert c.cmd(b"AUTH LOGIN") == b"334 \r\n"
        assert c.cmd(answer) == told
        # It is a command again, also one that was an answer.
        assert c.cmd(b"NOOP after")[:3] == b"250"
        assert c.cmd(b"AUTH LOGIN") == b"334 \r\n"
        assert c.cmd(answer) == told
        assert c.mail()[:3] == b"250"
        c.quit()
    assert rig.server.connections[0].verbs == ["AUTH", "*", "NOOP", "AUTH", "*", "MAIL", "RCPT", "DATA", "QUIT"]


def test_a_server_that_asks_again(rig):
    script(rig, b"334 again\r\n")
    with rig.client() as c:
        c.cmd(b"AUTH LOGIN")
        assert c.cmd(b"A\0") == STRAY
        assert c.rest() == b"421 The mail server cannot be understood\r\n"


def test_a_server_that_says_goodbye(rig):
    script(rig, b"421 4.7.0 no more\r\n")
    with rig.client() as c:
        c.cmd(b"AUTH LOGIN")
        assert c.cmd(b"A\0") == STRAY
        assert c.rest() == b"421 4.7.0 no more\r\n"


def test_no_answer_for_the_server(rig):
    script(rig, HANG)
    with rig.client() as c:
        c.cmd(b"AUTH LOGIN")
        assert c.cmd(b"A\0") == STRAY
        c.send(b"NOOP\r\n")
        assert c.silent(0.3)
        c.reset()
        rig.server.wait_connections(1).wait_closed()
    assert rig.server.commands == [b"AUTH LOGIN\r\n", b"*\r\n"]


@pytest.mark.parametrize("octets, passes", [(4220, True), (MAX, True), (MAX + 1, False), (60000, False)])
def test_a_challenge(rig, octets, passes):
    challenge = b"334 " + b"Q" * (octets - 4) + b"\r\n"
    rig.server.on("AUTH", challenge)
    rig.server.on("*", CANCELLED)
    with rig.client() as c:
        assert c.cmd(b"AUTH GSSAPI") == (challenge if passes else TOO_LONG)
        if not passes:
            assert c.cmd(b"NOOP after")[:3] == b"250"
            assert rig.server.lines == [b"AUTH GSSAPI\r\n", b"*\r\n", b"NOOP after\r\n"]


def test_other_replies_stay_as_they_are(rig):
    rig.server.on("NOOP", b"250 " + b"x" * 9000 + b"\r\n")
    with rig.client() as c:
        assert c.cmd(b"NOOP") == b"250 " + b"x" * 4215 + b"\r\n"
    rig.daemon.wait_log("response line too long")  # once a minute


def test_an_idle_session_keeps_none_of_it(make):
    r = make()
    script(r)
    clients = [r.client() for _ in range(60)]
    before = rss(r.daemon.pid)
    for c in clients:
        assert c.cmd(b"AUTH LOGIN") == b"334 \r\n"
        assert c.cmd(b"A" * (MAX + 1)) == TOO_LONG
    for c in clients:
        assert c.cmd(b"NOOP")[:3] == b"250"
    # A pool of buffers stays; 60 times 12 KB would not.
    assert rss(r.daemon.pid) - before < 600
    for c in clients:
        c.close()


def rss(pid):
    """KB in memory."""
    with open("/proc/%d/status" % pid) as f:
        return [int(line.split()[1]) for line in f if line.startswith("VmRSS")][0]
