# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Action: what the sender of an infected message is told, and what becomes of
the message."""

import pytest

from rig import CLOSE, CONTENT, DISCARDED, INFECTED, LOCAL_ERROR, QUEUED, REJECTED, SERVER_CLOSED

MARKS = b"X-Virus-Infected: Virus Detected!\r\nX-Virus-Status: infected (%s)\r\n"
FOUND = "from=a@example.org, to=b@example.net, status=VIRUS:Eicar-Test-Signature"


@pytest.mark.parametrize("action, reply", [
    (None, DISCARDED), ("drop", DISCARDED), ("DROP", DISCARDED), ("bounce", REJECTED), ("Bounce", REJECTED),
])
def test_kept_back(make, action, reply):
    r = make(Action=action)
    with r.client() as c:
        assert c.mail(INFECTED) == reply
        assert r.summary() == FOUND
        assert c.mail() == QUEUED
    assert [m.content.count(b"INFECTED") for m in r.server.messages] == [0]
    assert r.server.connections[0].asked == ["MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("header", [None, "", "X-Mine: yes"])
def test_passed(make, header):
    r = make(Action="pass", Header=header)
    with r.client() as c:
        assert c.mail(INFECTED) == QUEUED
        assert r.summary() == FOUND
    assert r.server.messages[0].content == INFECTED.replace(
        b"\r\n\r\n", b"\r\n" + MARKS % b"Eicar-Test-Signature" + b"\r\n")


@pytest.mark.parametrize("action", ["drop", "bounce", "pass"])
def test_a_failed_scan_defers_whatever_the_action(make, action):
    r = make(Action=action)
    r.clamd.fail(CLOSE)
    with r.client() as c:
        assert c.mail() == LOCAL_ERROR
        assert c.mail() == QUEUED
    assert len(r.server.messages) == 1


@pytest.mark.parametrize("bounce, action, reply", [
    ("on", None, REJECTED), ("off", None, DISCARDED), ("yes", None, REJECTED),
])
def test_the_old_option_bounce(make, bounce, action, reply):
    r = make(Bounce=bounce)
    with r.client() as c:
        assert c.mail(INFECTED) == reply
    r.daemon.wait_log('please use "Action" option instead of "Bounce"')


def test_the_servers_answer_to_rset_is_swallowed(rig):
    rig.server.on("RSET", b"250-a\r\n250-b\r\n250 c\r\n")
    with rig.client() as c:
        assert c.mail(INFECTED) == DISCARDED
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
        assert c.mail(CONTENT) == QUEUED


def test_a_server_that_refuses_rset_is_left(rig):
    rig.server.on("RSET", b"500 no\r\n")
    with rig.client() as c:
        assert c.mail(INFECTED) == DISCARDED
        assert c.rest() == SERVER_CLOSED
    rig.daemon.wait_log("server refused to reset", rig.mark)


def test_an_overlong_final_reply_is_told(rig):
    rig.server.on(".", b"250 " + b"x" * 6000 + b"\r\n")
    with rig.client() as c:
        assert c.mail(CONTENT)[:10] == b"250 xxxxxx"
    rig.daemon.wait_log("SMTP response line too long. discarded extra")  # once a minute


@pytest.mark.parametrize("reply", [b"250-ok\r\n500 no\r\n", b"550-no\r\n250 ok\r\n", b"250-ok\r\nwhat\r\n"])
def test_a_final_reply_that_contradicts_itself(rig, reply):
    rig.server.on(".", reply)
    with rig.client() as c:
        assert c.mail(CONTENT) == LOCAL_ERROR
        c.expect_eof()
    assert rig.summary().endswith("status=SERVER-ERROR")


def test_a_final_reply_of_two_codes_that_agree(rig):
    rig.server.on(".", b"251-so\r\n250 ok\r\n")
    with rig.client() as c:
        assert c.mail(CONTENT) == b"251-so\r\n250 ok\r\n"
    assert rig.summary().endswith("status=CLEAN")


def test_pass_is_marked_even_if_there_is_no_place(make):
    r = make(Action="pass")
    for n, start in enumerate([b" \r\nSubject: x\r\n", b" x\r\nSubject: x\r\n", b"From x\r\n y\r\nSubject: x\r\n"]):
        with r.client() as c:
            assert c.mail(start + b"\r\nINFECTED:Y\r\n") == QUEUED
        assert r.server.wait_messages(n + 1).content == \
            MARKS % b"Y" + b"\r\n" + start + b"\r\nINFECTED:Y\r\n"


def test_a_virus_that_the_server_refuses_is_still_one(make):
    r = make(Action="pass")
    r.server.on(".", b"550 no\r\n")
    with r.client() as c:
        assert c.mail(INFECTED) == b"550 no\r\n"
    assert r.summary().endswith(", status=VIRUS:Eicar-Test-Signature")


def test_the_server_goes_away_at_rset(rig):
    rig.server.on("RSET", CLOSE)
    with rig.client() as c:
        assert c.mail(INFECTED) == DISCARDED
        rest = c.rest()
        assert rest in (b"", SERVER_CLOSED)
    assert rig.summary() == FOUND
