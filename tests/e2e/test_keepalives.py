# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""KeepAlives: NOOP keeps the server awake while client or clamd take time."""

import time

import pytest

from rig import CLOSE, CONTENT, LOCAL_ERROR, QUEUED

OPTIONS = {"KeepAlives": "1"}


def noops(rig):
    return rig.server.connections[0].verbs.count("NOOP")


def wait_noops(rig, n):
    rig.server.wait(lambda: noops(rig) >= n, "NOOP")


def test_while_the_client_is_silent_and_while_clamd_scans(rig):
    hold = rig.clamd.hold()
    with rig.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT)
        wait_noops(rig, 2)
        c.send(b".\r\n")
        hold.wait_reached()
        wait_noops(rig, noops(rig) + 1)
        hold.release()
        assert c.reply() == QUEUED
    assert set(rig.server.connections[0].verbs[2:-1]) == {"NOOP"}
    assert rig.server.connections[0].asked[-1] == "DATA"


def test_while_the_client_drips(rig):
    with rig.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        end = time.monotonic() + 6
        while not noops(rig) and time.monotonic() < end:
            c.send(b"x")
            time.sleep(0.1)
        assert noops(rig)
        c.send(b"\r\n.\r\n")
        assert c.reply() == QUEUED


@pytest.mark.parametrize("reply", [
    b"250-a\r\n250-b\r\n250 c\r\n", b"500 no\r\n", b"450 later\r\n",
])
def test_the_answer_is_swallowed_whole(rig, reply):
    rig.server.on("NOOP", reply)
    with rig.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        wait_noops(rig, 1)
        c.send(CONTENT + b".\r\n")
        assert c.reply() == QUEUED
        assert c.cmd(b"RSET") == b"250 2.0.0 reset\r\n"


def test_the_server_goes_away_at_noop(rig):
    rig.server.on("NOOP", CLOSE)
    with rig.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        wait_noops(rig, 1)
        c.send(CONTENT + b".\r\n")
        assert c.reply() == LOCAL_ERROR
        c.expect_eof()


def test_none_between_commands(rig):
    with rig.client() as c:
        c.ehlo()
        time.sleep(1.3)
        assert c.mail() == QUEUED
    assert noops(rig) == 0


def test_none_by_default(make):
    r = make()
    with r.client() as c:
        with r.held(c):
            time.sleep(1.3)
        assert c.reply() == QUEUED
    assert noops(r) == 0
