# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""How long a client waits for the reply to its final dot: one budget until the
end of mail data has gone out, and a time of its own for the server's reply."""

import time

import pytest

from rig import (BUDGET, CONTENT, HANG, LOCAL_ERROR, OK, QUEUED, REPLY, STALL, Drip, Hold, Sleep, impatient,
                 needs_compiler)

pytestmark = needs_compiler
BIG = CONTENT + (b"y" * 998 + b"\r\n") * 9000  # more than sockets hold
OPTIONS = {"TimeOut": "60", "binary": impatient}


def check_time(start, seconds):
    assert seconds * 0.9 < time.monotonic() - start < seconds + 4


def slowly(seconds, verdict):
    return (Sleep(seconds), verdict)


@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize("step, content, action", [
    ("DATA", CONTENT, HANG), ("DATA", CONTENT, Drip(b"354-going\r\n" * 20, 0.1)), ("body", BIG, STALL)])
def test_it_is_used_up(rig, step, content, action, before):
    rig.clamd.next(slowly(before, OK))
    rig.server.on(step, action)
    with rig.client() as c:
        c.ehlo()
        c.envelope()
        c.cmd(b"DATA")
        c.send(content + b".\r\n")
        start = time.monotonic()
        assert c.rest() == LOCAL_ERROR
        check_time(start, BUDGET)
    rig.server.connections[0].wait_closed()
    assert not rig.server.messages
    assert rig.summary().endswith("status=SERVER-ERROR")
    rig.daemon.wait_log("no time is left" if step == "body" else "OutAddress .* answer", rig.mark)


@pytest.mark.parametrize("keep_alives", ["0", "1"])
def test_it_is_used_up_in_the_scan(make, keep_alives):
    r = make(KeepAlives=keep_alives, **OPTIONS)
    r.clamd.next(HANG)
    with r.client() as c:
        start = time.monotonic()
        assert c.mail() == LOCAL_ERROR
        check_time(start, BUDGET)
        # What follows has a budget of its own.
        assert c.mail() == QUEUED
    assert len(r.server.messages) == 1


def test_a_keep_alive_is_not_answered(make):
    r = make(KeepAlives="1", **OPTIONS)
    r.clamd.next(slowly(2, OK))
    r.server.on("NOOP", HANG)
    with r.client() as c:
        start = time.monotonic()
        assert c.mail() == LOCAL_ERROR
        check_time(start, BUDGET)
    r.server.connections[0].wait_closed()
    assert not r.server.messages


def test_the_time_of_the_client_does_not_count(rig):
    with rig.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        time.sleep(BUDGET + 0.5)
        c.send(CONTENT + b".\r\n")
        assert c.reply() == QUEUED


def test_the_final_reply_has_a_time_of_its_own(rig):
    rig.clamd.next(slowly(BUDGET - 1.5, OK))
    rig.server.on(".", slowly(REPLY - 0.3, QUEUED))
    with rig.client() as c:
        assert c.mail() == QUEUED


def test_the_final_reply_does_not_come(rig):
    rig.server.on(".", HANG)
    with rig.client() as c:
        start = time.monotonic()
        assert c.mail() == LOCAL_ERROR
        check_time(start, REPLY)
        c.expect_eof()


def test_timeout_is_not_for_the_final_reply(make):
    r = make(TimeOut="1")
    r.server.on(".", slowly(3, QUEUED))
    with r.client() as c:
        assert c.mail() == QUEUED


def test_timeout_is_for_all_before_it(make):
    r = make(TimeOut="1")
    r.server.on("DATA", HANG)
    with r.client() as c:
        start = time.monotonic()
        assert c.mail() == LOCAL_ERROR
        check_time(start, 1)


@pytest.mark.parametrize("step", ["DATA", "."])
def test_a_stop_allows_timeout_from_then_on(make, step):
    r = make(TimeOut="1")
    hold = Hold()
    r.server.on(step, (hold, HANG))
    with r.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
        start = time.monotonic()
        r.daemon.signal(15)
        assert c.rest() == LOCAL_ERROR
        assert time.monotonic() - start < 4
        hold.release()
    assert r.daemon.wait_exit() == 0
