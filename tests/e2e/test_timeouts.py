# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""TimeOut: every wait has an end, and the one who waits is told."""

import time

import pytest

from rig import CONTENT, HANG, LOCAL_ERROR, QUEUED, STALL, TIMED_OUT, OnCommand, OnConnect, Sleep

OPTIONS = {"TimeOut": "1"}
WHO = "from=a@example.org, to=b@example.net"


@pytest.fixture(autouse=True)
def in_time(rig):
    """Nothing here takes longer than a few times TimeOut."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 8


def test_an_idle_client(rig):
    start = time.monotonic()
    with rig.client() as c:
        assert c.reply() == TIMED_OUT
        c.expect_eof()
    assert time.monotonic() - start > 0.9
    rig.server.connections[0].wait_closed()
    rig.daemon.wait_log("^[0-9A-F]+: network operation timed out$", rig.mark)
    rig.daemon.wait_log("^[0-9A-F]+: client 127.0.0.1 sent no command for 1 s$", rig.mark)


def server_was(rig, what, seconds=1):
    rig.daemon.wait_log("^[0-9A-F]+: OutAddress %s %s for %d s$" % (rig.server.address, what, seconds), rig.mark)


def test_an_unfinished_command(rig):
    with rig.client() as c:
        c.send(b"MAIL FR")
        assert c.reply() == TIMED_OUT
        c.expect_eof()
    assert rig.server.commands == []


def test_a_command_in_drops(rig):
    # Each octet is in time, the command is not.
    with rig.client(timeout=0.2) as c:
        for _ in range(30):
            try:
                c.send(b"x")
                if c.reply():
                    break
            except (BrokenPipeError, ConnectionResetError):
                break
            except OSError:
                pass
        assert c.received.endswith(TIMED_OUT)


def test_a_busy_session_lives_on(rig):
    with rig.client() as c:
        for _ in range(4):
            time.sleep(0.4)
            assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"


@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "NOOP"])
def test_a_silent_server(rig, step):
    rig.server.on(step, HANG) if step != "connect" else rig.server.on("connect", STALL)
    with rig.client(greet=False) as c:
        if step != "connect":
            c.reply()
            c.send(step.encode() + b" x\r\n")
        assert c.reply() == TIMED_OUT
        c.expect_eof()
    rig.server.connections[0].wait_closed()
    rig.daemon.wait_log("^[0-9A-F]+: network operation timed out$", rig.mark)
    server_was(rig, "answered nothing")


def test_an_unfinished_greeting(rig):
    rig.server.on("connect", (b"220 real", HANG))
    with rig.client(greet=False) as c:
        assert c.reply() == TIMED_OUT
        c.expect_eof()
    server_was(rig, "did not end its answer")


def test_a_silent_server_in_data(rig):
    rig.server.on("DATA", HANG)
    with rig.client() as c:
        assert c.mail() == LOCAL_ERROR
        c.expect_eof()
    assert rig.summary() == WHO + ", status=SERVER-ERROR"


def test_a_server_that_does_not_read(make):
    # More time, since so much content takes some itself.
    r = make(TimeOut="2")
    r.server.on("body", STALL)
    with r.client() as c:
        assert c.mail((b"x" * 998 + b"\r\n") * 12000) == LOCAL_ERROR
        c.expect_eof()
    assert r.summary() == WHO + ", status=SERVER-ERROR"
    r.daemon.wait_log("OutAddress %s took nothing for 2 s$" % r.server.address)


def test_a_client_that_stops_in_the_content(rig):
    with rig.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT)
        rest = c.rest()
        assert rest in (TIMED_OUT, LOCAL_ERROR, b"")
    rig.server.connections[0].wait_closed()
    assert not rig.server.messages and not rig.clamd.scans
    rig.daemon.wait_log("CLIENT: network read operation timed out", rig.mark)


def test_content_in_drops(rig):
    # One octet each 0.2 s is far below the minimum rate.
    with rig.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        end = time.monotonic() + 7
        try:
            while time.monotonic() < end:
                c.send(b"x")
                time.sleep(0.2)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() < end, "still waiting"
    assert not rig.server.messages


@pytest.mark.parametrize("answer, what", [
    (HANG, "answered nothing"), ((b"{path}: O", HANG), "did not end its answer"),
    (OnCommand(STALL), "took nothing"), (OnConnect(STALL), "took nothing"),
], ids=["silent", "unfinished", "does not read", "does nothing"])
def test_a_silent_clamd(rig, answer, what):
    rig.clamd.fail(answer)
    with rig.client() as c:
        assert c.mail((b"x" * 998 + b"\r\n") * 2000) == LOCAL_ERROR
        assert rig.summary() == WHO + ", status=CLAMAV-ERROR"
        assert c.mail() == QUEUED
    rig.daemon.wait_log("clamd %s %s for %s s$" % (rig.clamd.address, what, OPTIONS["TimeOut"]), rig.mark)
    assert len(rig.server.messages) == 1


def test_a_slow_answer_in_time(rig):
    rig.clamd.next((Sleep(0.5), b"{path}: OK{end}"))
    rig.server.on("MAIL", (Sleep(0.5), b"250 ok\r\n"))
    rig.server.on(".", (Sleep(0.5), b"250 ok\r\n"))
    with rig.client() as c:
        assert c.mail() == b"250 ok\r\n"
