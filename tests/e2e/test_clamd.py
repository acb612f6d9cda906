# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""What clamd says and what it means: only one whole line of OK is clean, all
that is not clearly an answer defers."""

import os
import socket

import pytest

from rig import (CLOSE, CONTENT, DISCARDED, ENDLESS_LINE, LOCAL_ERROR, QUEUED, RESET, Drip, FakeClamd,
                 OnCommand, OnConnect, Sleep)

WHO = "from=a@example.org, to=b@example.net"

JUNK = [
    b"NOTOK{end}", b"ok{end}", b"OK{end}", b"/other/path: OK{end}", b"a FOUND b OK{end}", b"{end}",
    b"{path}: ok{end}", b"{path}: OKAY{end}", b"{path}: OK", b"{path}: NOT OK{end}",
    b"{path}: Foo FOUND extra{end}", b"{path}: Empty file{end}", b"{path}: Excluded{end}",
    b"UNKNOWN COMMAND{end}", b"{path}: Foo FOUND", b"COMMAND READ TIMED OUT\n",
    b"{path}: Can't access file ERROR{end}", b"Error writing to temporary file ERROR{end}",
    b"{path}: OK{end}{path}: x ERROR{end}", b"\xff\xfe\x00\x01{end}", b"x" * 100000 + b": OK{end}",
]


@pytest.mark.parametrize("answer", JUNK, ids=[repr(j)[2:24] for j in JUNK])
def test_what_is_neither_clean_nor_found_defers(rig, answer):
    rig.clamd.fail((answer, CLOSE))
    with rig.client() as c:
        assert c.mail() == LOCAL_ERROR
        assert rig.summary() == WHO + ", status=CLAMAV-ERROR"
        assert c.mail() == QUEUED
    assert len(rig.server.messages) == 1
    assert rig.server.connections[0].verbs[2] == "RSET"


def test_the_messages_for_errors(rig):
    rig.clamd.fail(b"{path}: Can't access file ERROR{end}", b"what?{end}", CLOSE)
    with rig.client() as c:
        for _ in range(3):
            assert c.mail() == LOCAL_ERROR
    rig.daemon.wait_log(r": clamav error: .*: Can't access file ERROR$", rig.mark)
    rig.daemon.wait_log(r": unexepected response from clamd: what\?$", rig.mark)
    rig.daemon.wait_log(r": clamd disconnected unexpectedly$", rig.mark)


@pytest.mark.parametrize("answer, name", [
    (b"{path}: Eicar FOUND{end}", ":Eicar"),
    (b"{path}: Two  Words FOUND{end}", ":Two  Words"),
    (b"{path}: Worm.X(abc:1) FOUND{end}", ":Worm.X(abc:1)"),
    (b"{path}:  FOUND{end}", ":"),
    (b"{path}: Foo\x1b[1m FOUND{end}", ":Foo?[1m"),
    (b"{path}: One FOUND{end}{path}: Two FOUND{end}", ":One"),
    (b"{path}: OK{end}{path}: Late FOUND{end}", ":Late"),
    (Drip(b"{path}: Slow FOUND{end}", 0.01), ":Slow"),
    (b"/other: Foo FOUND{end}", ""),
    (b"Foo FOUND{end}", ""),
])
def test_found(rig, answer, name):
    rig.clamd.next(answer)
    with rig.client() as c:
        assert c.mail() == DISCARDED
    assert rig.summary() == WHO + ", status=VIRUS" + name
    if not name:
        rig.daemon.wait_log("couldn't parse virus name from clamd response: ", rig.mark)
    assert not rig.server.messages


@pytest.mark.parametrize("answer", [
    b"{path}: OK{end}", Drip(b"{path}: OK{end}", 0.01), (Sleep(0.1), b"{path}: OK{end}"),
    (b"{path}: ", Sleep(0.1), b"OK{end}"),
])
def test_clean(rig, answer):
    rig.clamd.next(answer)
    with rig.client() as c:
        assert c.mail() == QUEUED
    assert rig.summary() == WHO + ", status=CLEAN"


BREAKS = {
    "closes at once": OnConnect(CLOSE),
    "resets at once": OnConnect(RESET),
    "closes behind the command": OnCommand(CLOSE),
    "resets behind the command": OnCommand(RESET),
    "closes without an answer": CLOSE,
    "resets without an answer": RESET,
    "closes in the answer": (b"{path}", CLOSE),
    "resets in the answer": (b"{path}: O", RESET),
}


@pytest.mark.parametrize("size", [1, 40000])
@pytest.mark.parametrize("name", BREAKS)
def test_clamd_breaks_off(rig, name, size):
    rig.clamd.fail(BREAKS[name])
    with rig.client() as c:
        assert c.mail(CONTENT + b"x" * 60 + b"\r\n" * size) == LOCAL_ERROR
        assert c.mail() == QUEUED
    assert len(rig.server.messages) == 1


def test_an_early_error_counts(rig):
    rig.clamd.fail(OnCommand((b"Error writing to temporary file ERROR{end}", CLOSE)))
    with rig.client() as c:
        assert c.mail(b"x" * 5000000 + b"\r\n") == LOCAL_ERROR
    rig.daemon.wait_log("clamd answered before it had everything: Error writing to temporary file ERROR$", rig.mark)
    assert rig.summary() == WHO + ", status=CLAMAV-ERROR"


def test_an_endless_answer(rig):
    rig.clamd.fail(ENDLESS_LINE)
    with rig.client() as c:
        assert c.mail() == LOCAL_ERROR
        assert c.mail() == QUEUED
    assert rig.clamd.connections[0].endless_sent < 32 << 20


def test_clamd_is_away_and_comes_back(make):
    r = make(ClamAddress="/nonexistent/clamd")
    with r.client() as c:
        assert c.mail() == LOCAL_ERROR
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    r.daemon.wait_log(r"CLAMAV: couldn't connect to: /nonexistent/clamd: No such file or directory$")
    assert r.summary() == WHO

    r = make()
    r.clamd.stop()
    with r.client() as c:
        assert c.mail() == LOCAL_ERROR
        with FakeClamd(path=r.clamd.address):
            assert c.mail() == QUEUED
        with open(r.clamd.address, "w"):
            assert c.mail() == LOCAL_ERROR
        os.unlink(r.clamd.address)


def test_clamd_on_tcp(make):
    with FakeClamd() as clamd:
        r = make(ClamAddress=clamd.address)
        with r.client() as c:
            assert c.mail() == QUEUED
            assert c.mail(CONTENT + b"INFECTED:X\r\n") == DISCARDED
        assert len(clamd.scans) == 2 and not r.clamd.connections


def test_a_full_backlog(make):
    r = make(TimeOut=1)
    r.clamd.stop()
    with FakeClamd(path=r.clamd.address, backlog=0, accept=False) as full:
        waiting = socket.socket(socket.AF_UNIX)
        waiting.connect(full.address)
        with r.client() as c:
            assert c.mail() == LOCAL_ERROR
        waiting.close()
    with FakeClamd(path=r.clamd.address):
        with r.client() as c:
            assert c.mail() == QUEUED
