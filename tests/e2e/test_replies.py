# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Action: what the sender of an infected message is told, and what becomes of
the message."""

import pytest

from rig import CLOSE, CONTENT, INFECTED, LOCAL_ERROR

QUEUED = b"250 2.0.0 queued as 4711\r\n"
DROPPED = b"250 Virus Detected; Discarded Email\r\n"
BOUNCED = b"550 Virus Detected; Content Rejected\r\n"
FOUND = "from=a@example.org, to=b@example.net, status=VIRUS:Eicar-Test-Signature"


@pytest.mark.parametrize("action, reply", [
    (None, DROPPED), ("drop", DROPPED), ("DROP", DROPPED), ("bounce", BOUNCED), ("Bounce", BOUNCED),
])
def test_kept_back(make, action, reply):
    r = make(Action=action)
    with r.client() as c:
        assert c.mail(INFECTED) == reply
        assert r.summary() == FOUND
        assert c.mail() == QUEUED
    assert [m.content.count(b"INFECTED") for m in r.server.messages] == [0]
    assert r.server.connections[0].verbs == ["MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("header", [None, "", "X-Mine: yes"])
def test_passed(make, header):
    r = make(Action="pass", Header=header)
    with r.client() as c:
        assert c.mail(INFECTED) == QUEUED
        assert r.summary() == FOUND
    assert r.server.messages[0].content == INFECTED.replace(
        b"\r\n\r\n", b"\r\nX-Virus-Infected: Virus Detected!\r\n\r\n")


@pytest.mark.parametrize("action", ["drop", "bounce", "pass"])
def test_a_failed_scan_defers_whatever_the_action(make, action):
    r = make(Action=action)
    r.clamd.next(CLOSE)
    with r.client() as c:
        assert c.mail() == LOCAL_ERROR
        assert c.mail() == QUEUED
    assert len(r.server.messages) == 1


@pytest.mark.parametrize("bounce, action, reply", [
    ("on", None, BOUNCED), ("off", None, DROPPED), ("yes", None, BOUNCED),
])
def test_the_old_option_bounce(make, bounce, action, reply):
    r = make(Bounce=bounce)
    with r.client() as c:
        assert c.mail(INFECTED) == reply
    r.daemon.wait_log('please use "Action" option instead of "Bounce"')


@pytest.mark.parametrize("reset", [b"500 no\r\n", b"250-a\r\n250-b\r\n250 c\r\n"])
def test_the_servers_answer_to_rset_is_swallowed(rig, reset):
    rig.server.on("RSET", reset)
    with rig.client() as c:
        assert c.mail(INFECTED) == DROPPED
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
        assert c.mail(CONTENT) == QUEUED


def test_the_server_goes_away_at_rset(rig):
    rig.server.on("RSET", CLOSE)
    with rig.client() as c:
        assert c.mail(INFECTED) == DROPPED
        rest = c.rest()
        assert rest in (b"", b"421 4.4.2 The mail server closed the connection\r\n")
    assert rig.summary() == FOUND
