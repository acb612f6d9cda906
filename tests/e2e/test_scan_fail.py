# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""ScanFail: what becomes of a message of which clamd says nothing.  What ends
for another reason, and what cannot be passed, is put off whatever it says."""

import resource

import pytest

from rig import (BUDGET, CLOSE, CONTENT, DISCARDED, HANG, INFECTED, LOCAL_ERROR, QUEUED, START_DATA, STOPPING,
                 FakeClamd, OnCommand, OnConnect, impatient, needs_compiler)

REJECTED = b"554 Message could not be scanned\r\n"
MARK = b"X-Virus-Status: unscanned (no verdict)\r\n"
MARKED = CONTENT.replace(b"\r\n\r\n", b"\r\n" + MARK + b"\r\n")
WHO = "from=a@example.org, to=b@example.net"
REPLIES = {None: LOCAL_ERROR, "tempfail": LOCAL_ERROR, "Reject": REJECTED, "pass": QUEUED}

FAILURES = {
    "closes": CLOSE,
    "closes at once": OnConnect(CLOSE),
    "refuses early": OnCommand((b"Error writing to temporary file ERROR{end}", CLOSE)),
    "cannot read it": b"{path}: Can't access file ERROR{end}",
    "does not know us": b"UNKNOWN COMMAND{end}",
    "says too much": b"{path}: OK{end}{path}: OK{end}",
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("wish", REPLIES)
def test_clamd_gives_no_verdict(make, wish, failure):
    r = make(ScanFail=wish)
    r.clamd.answer = FAILURES[failure]
    with r.client() as c:
        assert c.mail() == REPLIES[wish]
        status = r.summary()
        r.clamd.answer = None
        assert c.mail() == QUEUED
    if wish == "pass":
        assert r.server.messages.pop(0).content == MARKED
        assert status == WHO + ", status=UNSCANNED"
    else:
        assert r.server.connections[0].verbs[2] == "RSET"
        assert status in (WHO, WHO + ", status=CLAMAV-ERROR")
    assert [m.content for m in r.server.messages] == [
        CONTENT.replace(b"\r\n\r\n", b"\r\nX-Virus-Scanned: ClamAV using ClamSMTP\r\n\r\n")]


@pytest.mark.parametrize("wish", REPLIES)
@pytest.mark.parametrize("way", ["not there", "silent"])
def test_clamd_is_away(make, wish, way):
    with FakeClamd() as clamd:
        clamd.answer = HANG
        r = make(ScanFail=wish, TimeOut="1", ClamAddress="/nonexistent/clamd" if way == "not there" else clamd.address)
        with r.client() as c:
            assert c.mail() == REPLIES[wish]
    assert [m.content for m in r.server.messages] == ([MARKED] if wish == "pass" else [])


@pytest.mark.parametrize("header", ["", "X-Mine: yes", "Received: by us"])
def test_the_mark_takes_the_place_of_the_header(make, header):
    r = make(ScanFail="pass", Header=header)
    r.clamd.answer = CLOSE
    with r.client() as c:
        assert c.mail() == QUEUED
    assert r.server.messages[0].content == MARKED


def test_it_is_marked_even_if_there_is_no_place(make):
    r = make(ScanFail="pass")
    r.clamd.answer = CLOSE
    content = b" x\r\nSubject: x\r\n\r\n.Hello\r\n"
    with r.client() as c:
        assert c.mail(content) == QUEUED
    assert r.server.messages[0].content == MARK + b"\r\n" + content


def test_a_virus_is_no_failure(make):
    r = make(ScanFail="pass", Oversize="pass")
    r.clamd.next(b"{path}: Limit x ERROR{end}{path}: Worm FOUND{end}")
    with r.client() as c:
        assert c.mail() == DISCARDED
        assert c.mail(INFECTED) == DISCARDED
    assert not r.server.messages


def test_a_size_is_no_failure(make):
    r = make(ScanFail="pass", Oversize="tempfail")
    r.clamd.next((b"INSTREAM size limit exceeded. ERROR{end}", CLOSE))
    with r.client() as c:
        assert c.mail() == LOCAL_ERROR
    assert not r.server.messages
    assert r.summary() == WHO + ", status=OVERSIZE"


@pytest.mark.parametrize("wish", ["reject", "pass"])
@pytest.mark.parametrize("mode", ["stream", "scan"])
def test_what_we_could_not_keep_is_put_off(make, wish, mode):
    r = make(ScanFail=wish, Oversize="pass", ScanMode=mode, preexec=lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
    with r.client() as c:
        assert c.mail(CONTENT + (b"x" * 998 + b"\r\n") * 3000) == LOCAL_ERROR
        assert c.mail() == QUEUED
    assert len(r.server.messages) == 1 and not r.server.messages[0].content.count(b"xx")


@pytest.mark.parametrize("wish", ["reject", "pass"])
def test_a_stop_is_no_failure(make, wish):
    r = make(ScanFail=wish)
    hold = r.clamd.hold(CLOSE)
    with r.client() as c:
        c.begin()
        hold.wait_reached()
        r.daemon.signal(15)
        assert c.reply() == STOPPING
        c.expect_eof()
    hold.release()
    assert r.daemon.wait_exit() == 0
    assert not r.server.messages


@needs_compiler
@pytest.mark.parametrize("wish", ["reject", "pass"])
def test_the_end_of_our_time_is_no_failure(make, wish):
    r = make(ScanFail=wish, TimeOut=str(10 * BUDGET), binary=impatient)
    r.clamd.next(HANG)
    with r.client() as c:
        assert c.mail() == LOCAL_ERROR
        assert c.mail() == QUEUED
    assert len(r.server.messages) == 1


@pytest.mark.parametrize("wish", ["reject", "pass"])
def test_a_lost_server_is_no_failure(make, wish):
    r = make(ScanFail=wish)
    hold = r.clamd.hold(CLOSE)
    with r.client() as c:
        c.begin()
        hold.wait_reached()
        r.server.connections[0].sock.shutdown(2)
        assert c.reply() == LOCAL_ERROR
    hold.release()
    assert not r.server.messages


def test_the_server_refuses(make):
    r = make(ScanFail="pass")
    r.clamd.answer = CLOSE
    r.server.on(".", b"550 no\r\n")
    with r.client() as c:
        assert c.mail() == b"550 no\r\n"
    assert r.summary() == WHO + ", status=SERVER-REFUSED, reply=550 no"


def test_the_client_left(make):
    r = make(ScanFail="pass")
    hold = r.clamd.hold(CLOSE)
    with r.client() as c:
        c.envelope()
        assert c.cmd(b"DATA") == START_DATA
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
    assert r.summary() == WHO + ", status=CLIENT-GONE"
    hold.release()
    assert not r.server.messages
