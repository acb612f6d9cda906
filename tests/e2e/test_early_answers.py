# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""OK counts when it came after the end of what was sent, alone, and clamd
closed behind it: an answer that has nothing to do with the content passes
nothing."""

import contextlib
import socket
import time

import pytest

from rig import (CLOSE, CONTENT, DISCARDED, HANG, LOCAL_ERROR, QUEUED, REJECTED, RESET, STALL, FakeClamd,
                 OnCommand, OnConnect, Sleep)

OPTIONS = {"Action": "bounce"}
OK, FOUND = b"{path}: OK{end}", b"{path}: Worm FOUND{end}"
HUGE = CONTENT + (b"y" * 998 + b"\r\n") * 8000
SO_RCVBUFFORCE = 33


@pytest.fixture(params=["stream", "scan"])
def mode(request, make):
    return make(ScanMode=request.param, Action="bounce")


def check(r, action, reply, content=CONTENT):
    (r.clamd.fail if reply == LOCAL_ERROR else r.clamd.next)(action)
    with r.client() as c:
        assert c.mail(content) == reply
        assert c.mail() == QUEUED
    assert len(r.server.messages) == (2 if reply == QUEUED else 1)


@pytest.mark.parametrize("action, reply", [
    ((OK, Sleep(0.05), FOUND), REJECTED),
    ((OK, Sleep(0.003), FOUND), REJECTED),
    ((OK, Sleep(0.05), OK), LOCAL_ERROR),
    ((OK, Sleep(0.05), b"\n"), LOCAL_ERROR),
    ((OK, Sleep(0.05), b"\0"), LOCAL_ERROR),
    ((OK, Sleep(0.05), b"x", CLOSE), LOCAL_ERROR),
    ((OK, Sleep(0.05), b"{path}: x ERROR{end}"), LOCAL_ERROR),
    (b"{path}: OK\0{path}: Worm FOUND{end}", REJECTED),
    (b"{path}: OK\0\n", LOCAL_ERROR),
    (b"{path}: OK\n\0", LOCAL_ERROR),
    (OK + b"\n" + FOUND, REJECTED),
], ids=["FOUND", "FOUND soon", "OK", "an empty line", "NUL", "an octet", "ERROR", "NUL and FOUND", "NUL and LF",
        "LF and NUL", "an empty line and FOUND"])
def test_more_behind_ok(mode, action, reply):
    check(mode, action, reply)
    if reply == LOCAL_ERROR:
        mode.daemon.wait_log("unexepected response from clamd: .*: OK \\(and more\\)$")


@pytest.mark.parametrize("action", [(OK, HANG), (OK, Sleep(0.2), CLOSE)], ids=["stays", "closes later"])
def test_clamd_may_stay_for_a_while(mode, action):
    began = time.monotonic()
    check(mode, action, QUEUED)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("action", [
    OnConnect((OK, CLOSE)), OnConnect((FOUND, CLOSE)), OnCommand((OK, STALL)), OnCommand((FOUND, STALL)),
], ids=["OK at once", "FOUND at once", "OK behind the command", "FOUND behind the command"])
def test_an_answer_before_the_content(rig, action):
    check(rig, action, LOCAL_ERROR, HUGE)


@contextlib.contextmanager
def a_clamd_that_takes_all():
    """Nobody ever has to wait for room in this one's socket."""
    with FakeClamd() as clamd:
        with contextlib.suppress(PermissionError):
            clamd.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        yield clamd


def test_ok_in_the_middle_of_the_content(make):
    with a_clamd_that_takes_all() as clamd:
        r = make(ClamAddress=clamd.address)
        clamd.next(*[OnCommand(OK, (Sleep(0.05), FOUND))] * 10)
        with r.client() as c:
            for _ in range(5):
                # Whether FOUND was needed depends on how soon OK comes.
                assert c.mail(HUGE) in (LOCAL_ERROR, DISCARDED)
        assert not r.server.messages


@pytest.mark.parametrize("action", [(OK, CLOSE), (OK, STALL), (FOUND, STALL)], ids=["OK, closes", "OK", "FOUND"])
def test_an_answer_to_what_nobody_read(mode, action):
    for _ in range(5):
        mode.clamd.fail(OnConnect(action))
        with mode.client() as c:
            assert c.mail() == LOCAL_ERROR
    assert not mode.server.messages


def test_ok_and_a_reset(make):
    with FakeClamd() as clamd:
        r = make(ClamAddress=clamd.address)
        clamd.fail((OK, Sleep(0.1), RESET))
        with r.client() as c:
            assert c.mail() == LOCAL_ERROR
            assert c.mail() == QUEUED
        r.daemon.wait_log("clamd broke the connection behind its answer$")
