# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Passwords are not for the log, whatever its level."""

import base64

import pytest

PASSWORD = b"s3cret-Pa55word"
PLAIN = base64.b64encode(b"\0bob\0" + PASSWORD)
LOGIN = base64.b64encode(PASSWORD)


def hidden(r, secret):
    r.daemon.wait_log("SERVER connection closed", r.mark)
    lines = [l for l in r.daemon.log_since(r.mark) if "CLIENT <" in l or "SERVER >" in l]
    text = secret.decode("latin-1").rstrip("=")[:12]
    assert not any(text in l for l in r.daemon.log_since(r.mark))
    return [l[8:] for l in lines]


@pytest.mark.parametrize("line, shown", [
    (b"AUTH PLAIN " + PLAIN, "AUTH PLAIN [...]"),
    (b" \tauth\t plain  " + PLAIN, " ?auth? plain  [...]"),
    (b"AUTH " + PLAIN, "AUTH[...]"),
    (b"AUTH=PLAIN " + PLAIN, "AUTH[...]"),
    (b"xAUTH PLAIN " + PLAIN, "xAUTH PLAIN [...]"),
])
def test_an_initial_response(rig, line, shown):
    with rig.client() as c:
        c.ehlo()
        c.cmd(line)
        c.quit()
    lines = hidden(rig, PLAIN)
    assert "CLIENT < " + shown in lines
    # With such a verb it does not go on.
    assert ("SERVER > " + shown in lines) != line.startswith(b"AUTH=")


def test_answers_to_334(rig):
    rig.server.on("AUTH", b"334 VXNlcm5hbWU6\r\n")
    rig.server.on("DATA", b"334 UGFzc3dvcmQ6\r\n")
    rig.server.on(LOGIN.upper().decode(), b"235 2.7.0 welcome\r\n")
    with rig.client() as c:
        c.ehlo()
        assert c.cmd(b"AUTH LOGIN")[:3] == b"334"
        # An answer, though it looks like a command.
        assert c.cmd(b"DATA")[:3] == b"334"
        assert c.cmd(LOGIN)[:3] == b"235"
        assert c.cmd(b"NOOP seen")[:3] == b"250"
        c.quit()
    lines = hidden(rig, LOGIN)
    for way in ("CLIENT <", "SERVER >"):
        assert [l for l in lines if l.startswith(way) and "EHLO" not in l] == [
            way + " " + l for l in ("AUTH LOGIN", "[...]", "[...]", "NOOP seen", "QUIT")]


def test_answers_that_nobody_asked_for(rig):
    """A script that does not look at what the server says."""
    rig.server.on("AUTH", b"504 5.5.4 no such thing\r\n")
    with rig.client() as c:
        c.ehlo()
        assert c.cmd(b"AUTH LOGIN")[:3] == b"504"
        c.cmd(LOGIN)
        c.quit()
    assert "CLIENT < [...]" in hidden(rig, LOGIN)


@pytest.mark.parametrize("octets", [5000, 20000])
def test_a_response_that_is_too_long(rig, octets):
    with rig.client() as c:
        c.ehlo()
        assert c.cmd(b"AUTH PLAIN " + PLAIN + b"A" * octets)[:1] in b"5"
        c.quit()
    assert "CLIENT < AUTH PLAIN [...]" in hidden(rig, PLAIN)


def test_control_octets_of_any_set(rig):
    rig.server.on("FOO", b"250 a\xc2\x9bb\x9bc \xc3\xbc\r\n")
    with rig.client() as c:
        c.cmd(b"FOO \x9b31m\xc2\x9b \xc3\x9c\xe2\x82\xac")
    assert rig.daemon.wait_log("CLIENT < FOO (.*)", rig.mark).group(1) == "?31m?? \xc3\x9c\xe2\x82\xac"
    assert rig.daemon.wait_log("SERVER < 250 a(.*)", rig.mark).group(1) == "??b?c \xc3\xbc"
