# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""LMTP (RFC 2033): one reply to the final dot for each accepted recipient."""

import os
import re
import signal
import time

import pytest

from rig import CLOSE, CONTENT, HANG, INFECTED, QUEUED, RESET, START_DATA, STOPPING, Hold, stuff

OPTIONS = {"Action": "bounce", "KeepAlives": "1"}
RCPTS = [b"a@x", b"b@x", b"c@x"]
WHO = "from=s@x, to=a@x, to=b@x, to=c@x"
YES, NO, FULL = b"250 2.0.0 <a> saved\r\n", b"550 5.1.1 <b> unknown\r\n", b"452-4.2.2 <c>\r\n452 4.2.2 is full\r\n"
LATER = b"451 Local Error\r\n"
MIXED = b"503 LMTP and SMTP do not mix in one session\r\n"


def lmtp(r, dot=YES + NO + FULL):
    """The server speaks it; dot are its replies."""
    r.server.lmtp = True
    r.server.keywords = [b"PIPELINING", b"STARTTLS", b"SIZE 1000000", b"CHUNKING"]
    r.server.on("EHLO", b"500 5.5.1 LHLO, please\r\n")
    r.server.on("HELO", b"500 5.5.1 LHLO, please\r\n")
    r.server.on(".", dot)


def greeted(r):
    c = r.client()
    assert re.fullmatch(rb"250-smtp.passthru\r\n250-PIPELINING\r\n250-SIZE \d+\r\n250 XFILTERED\r\n", c.cmd(b"LHLO mta"))
    return c


def begun(r, rcpts=RCPTS):
    c = greeted(r)
    c.envelope(b"s@x", rcpts)
    assert c.cmd(b"DATA") == START_DATA
    return c


def replies(c, n=3):
    return [c.reply() for _ in range(n)]


def test_relayed(rig):
    lmtp(rig)
    with begun(rig) as c:
        c.send(CONTENT + b".\r\n")
        assert replies(c) == [YES, NO, FULL]
        assert rig.summary("refused") == WHO + ", status=CLEAN, refused=2/3"
        # It goes on in step.
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
        rig.server.on(".", 3 * QUEUED)
        c.envelope(b"s@x", RCPTS)
        assert c.data() == QUEUED and replies(c, 2) == 2 * [QUEUED]
        assert rig.summary("refused") == WHO + ", status=CLEAN"
        rig.server.on(".", NO + FULL + NO)
        c.envelope(b"s@x", RCPTS)
        assert c.data() == NO and replies(c, 2) == [FULL, NO]
        assert rig.summary("refused") == WHO + ", status=SERVER-REFUSED, reply=550 5.1.1 <b> unknown, refused=3/3"
        assert c.quit()[:3] == b"221"
    assert [len(m.rcpts) for m in rig.server.messages] == [3, 3, 3]
    assert rig.server.connections[0].verbs[0] == "LHLO"


def test_recipients_that_were_refused_have_none(rig):
    lmtp(rig, YES + FULL)
    rig.server.on("RCPT", [b"250 ok\r\n", b"550 no\r\n", b"250 ok\r\n"])
    with greeted(rig) as c:
        c.send(b"MAIL FROM:<s@x>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<a@x>\r\nDATA\r\n")
        assert [r[:3] for r in replies(c, 5)] == [b"250", b"250", b"550", b"250", b"354"]
        c.send(CONTENT + b".\r\nQUIT\r\n")
        assert replies(c) == [YES, FULL, b"221 2.0.0 bye\r\n"]


def test_no_recipient(rig):
    lmtp(rig)
    rig.server.on("RCPT", b"550 no\r\n")
    with greeted(rig) as c:
        assert c.cmd(b"DATA")[:3] == b"503"
        assert c.cmd(b"MAIL FROM:<s@x>") + c.cmd(b"RCPT TO:<a@x>") == b"250 2.1.0 sender ok\r\n550 no\r\n"
        assert c.cmd(b"DATA") == b"554 No valid recipients\r\n"
        assert c.cmd(b"NOOP")[:3] == b"250"


def test_each_as_it_comes(rig):
    hold = Hold()
    lmtp(rig, (YES, hold, NO + FULL))
    with begun(rig) as c:
        c.send(CONTENT + b".\r\n")
        assert c.reply() == YES
        hold.wait_reached()
        assert c.silent(0.2)
        hold.release()
        assert replies(c, 2) == [NO, FULL]


@pytest.mark.parametrize("end", [CLOSE, RESET])
@pytest.mark.parametrize("said", [[], [YES], [YES, NO]], ids=len)
def test_the_server_is_lost_between_them(rig, end, said):
    lmtp(rig, (b"".join(said), end))
    with begun(rig) as c:
        c.send(CONTENT + b".\r\n")
        assert c.rest() in (b"".join(said) + (3 - len(said)) * LATER, 3 * LATER)
        accepted = c.received.count(YES)
    assert rig.summary("refused") == WHO + ", status=SERVER-ERROR, refused=%d/3" % (3 - accepted)


@pytest.mark.parametrize("odd", [b"354 go on\r\n", b"what?\r\n", b"150 x\r\n", b"250-a\r\n550 b\r\n"])
def test_nonsense_between_them(rig, odd):
    lmtp(rig, YES + odd + YES)
    with begun(rig) as c:
        c.send(CONTENT + b".\r\n")
        assert c.rest() == YES + 2 * LATER
    assert rig.summary("refused") == WHO + ", status=SERVER-ERROR, refused=2/3"


def test_goodbye_between_them(rig):
    bye = b"421 4.3.2 going down\r\n"
    lmtp(rig, YES + bye)
    with begun(rig) as c:
        c.send(CONTENT + b".\r\n")
        assert c.rest() == YES + bye + LATER
    assert rig.server.lines[-1] == b"DATA\r\n"
    assert rig.summary("refused") == WHO + ", status=CLEAN, refused=2/3"


@pytest.mark.parametrize("step, reply", [("DATA", b"452 4.3.1 full\r\n"), ("DATA", b"421 4.3.2 bye\r\n"),
                                         ("body", b"552 5.3.4 too much\r\n")])
def test_refused_before_all_was_sent(rig, step, reply):
    lmtp(rig)
    rig.server.keywords = [b"PIPELINING", b"STARTTLS", b"SIZE 100000000", b"CHUNKING"]
    rig.server.on(step, (reply, CLOSE) if step == "body" else reply)
    with begun(rig) as c:
        # More than there is room for on the way, so the end has not gone out.
        c.send(CONTENT * (400000 if step == "body" else 1) + b".\r\n")
        assert replies(c) == 3 * [reply]
        if reply[:3] == b"452":
            assert c.cmd(b"NOOP")[:3] == b"250"
        else:
            c.expect_eof()
    assert rig.summary("refused") == WHO + ", status=SERVER-REFUSED, reply=%s, refused=3/3" % reply.decode().strip()


def test_a_silent_server(make):
    r = make(TimeOut="1")
    lmtp(r)
    r.server.on("DATA", HANG)
    with begun(r) as c:
        c.send(CONTENT + b".\r\n")
        assert c.rest() == 3 * LATER


OWN = {
    "virus": (stuff(INFECTED), None, b"550 Virus Detected; Content Rejected\r\n"),
    "no verdict": (CONTENT, b"broken ERROR{end}", LATER),
    "oversize": (CONTENT, b"INSTREAM size limit exceeded. ERROR{end}", b"552 Message too large to be scanned\r\n"),
    "SIZE": (b"x" * 78 + b"\r\n", None, b"552 Message exceeds the mail server's size limit\r\n"),
}


@pytest.mark.parametrize("why", OWN)
def test_own_replies(rig, why):
    lmtp(rig)
    content, verdict, reply = OWN[why]
    if verdict:
        rig.clamd.fail(verdict) if why == "no verdict" else rig.clamd.next(verdict)
    with begun(rig) as c:
        c.send(content * (20000 if why == "SIZE" else 1) + b".\r\n")
        assert replies(c) == 3 * [reply]
        assert c.cmd(b"NOOP")[:3] == b"250"
        rig.server.on(".", YES)
        assert c.mail() == YES
    assert len(rig.server.messages) == 1


def test_own_discard(make):
    r = make(Action="drop")
    lmtp(r)
    with begun(r) as c:
        c.send(stuff(INFECTED) + b".\r\n")
        assert replies(c) == 3 * [b"250 Virus Detected; Discarded Email\r\n"]
    assert not r.server.messages


def test_bare_newline(make):
    r = make(BareNewline="reject")
    lmtp(r)
    with begun(r) as c:
        c.send(b"a\nb\r\n.\r\n")
        assert replies(c) == 3 * [b"550 Message contains a bare CR or LF\r\n"]


def test_out_of_step_behind_the_dot(rig):
    lmtp(rig)
    rig.server.keywords = [b"SIZE 1000000"]
    with rig.client() as c:
        assert c.cmd(b"LHLO x")[:3] == b"250"
        c.envelope(b"s@x", RCPTS)
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\nNOOP\r\n")
        assert c.rest() == 3 * b"554 Command out of step, closing connection\r\n"
    assert not rig.server.messages


def test_the_client_closes_its_half(rig):
    lmtp(rig)
    hold = rig.clamd.hold()
    with begun(rig) as c:
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
        c.half_close()
        assert c.rest() == 3 * LATER
        hold.release()
    assert not rig.server.messages


def test_a_stop_in_the_scan(make):
    r = make()
    lmtp(r)
    hold = r.clamd.hold()
    with begun(r) as c:
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
        os.kill(r.daemon.pid, signal.SIGTERM)
        assert c.rest() == 3 * STOPPING
        hold.release()


def test_before_the_dot_there_is_one_reply(make):
    r = make(TimeOut="1")
    lmtp(r)
    with begun(r) as c:
        c.send(b"x\r\n")
        assert c.rest() == b"421 Timed out, closing connection\r\n"


def test_the_server_is_lost_in_the_content(rig):
    lmtp(rig)
    rig.server.on("NOOP", CLOSE)
    with begun(rig) as c:
        rig.server.wait_line(b"NOOP\r\n")
        time.sleep(0.1)
        c.send(CONTENT + b".\r\n")
        assert c.rest() == 3 * LATER


def test_many_recipients(rig):
    n = 5000
    lmtp(rig, n * YES)
    for content, reply in ((CONTENT, YES), (stuff(INFECTED), b"550 Virus Detected; Content Rejected\r\n")):
        with greeted(rig) as c:
            c.send(b"MAIL FROM:<s@x>\r\n" + n * b"RCPT TO:<a@x>\r\n" + b"DATA\r\n")
            assert {r[:3] for r in replies(c, n + 1)} == {b"250"} and c.reply() == START_DATA
            c.send(content + b".\r\n")
            assert replies(c, n) == n * [reply]
            assert c.cmd(b"NOOP")[:3] == b"250"


def test_it_does_not_mix_with_smtp(rig):
    lmtp(rig)
    with greeted(rig) as c:
        for line in (b"EHLO x", b"HELO x", b"ehlo"):
            assert c.cmd(line) == MIXED
        assert c.cmd(b"LHLO again")[:3] == b"250"
        c.envelope(b"s@x", RCPTS)
        assert c.data() == YES and replies(c, 2) == [NO, FULL]
    assert rig.server.connections[0].verbs[:2] == ["LHLO", "LHLO"]
    rig.server.clear()
    rig.server.on("LHLO", b"250 x\r\n")
    for line in (b"EHLO x", b"HELO x"):
        with rig.client() as c:
            assert c.cmd(line)[:3] == b"250"
            assert c.cmd(b"LHLO x") == MIXED
            assert c.mail() == QUEUED
            assert c.cmd(b"EHLO x")[:3] == b"250"
    assert all("LHLO" not in peer.verbs for peer in rig.server.connections)


def test_a_server_that_does_not_speak_it(rig):
    with rig.client() as c:
        assert c.cmd(b"LHLO x") == b"500 5.5.1 what?\r\n"
        assert c.ehlo()[:3] == b"250"
        assert c.mail() == QUEUED
        assert c.cmd(b"LHLO x") == MIXED


def test_a_refused_ehlo_is_no_smtp(rig):
    lmtp(rig, 2 * YES)
    with rig.client() as c:
        assert c.cmd(b"EHLO x") == b"500 5.5.1 LHLO, please\r\n"
        assert c.cmd(b"LHLO x")[:3] == b"250"
        c.envelope(b"s@x", RCPTS[:2])
        assert c.data() == YES and c.reply() == YES


def test_lhlo_ends_the_transaction(rig):
    lmtp(rig, YES)
    with greeted(rig) as c:
        c.envelope(b"s@x", RCPTS)
        assert c.cmd(b"LHLO x")[:3] == b"250"
        assert c.cmd(b"DATA")[:3] == b"503"
        assert c.mail() == YES
        assert c.cmd(b"NOOP")[:3] == b"250"


def test_out_of_step_behind_lhlo(rig):
    lmtp(rig)
    with rig.client() as c:
        c.send(b"LHLO x\r\nMAIL FROM:<a@b>\r\n")
        assert c.rest() == b"554 Command out of step, closing connection\r\n"


def test_xclient_greets_again_with_lhlo(make):
    r = make(XClient="on")
    lmtp(r, YES)
    r.server.keywords = [b"XCLIENT NAME ADDR"]
    with r.client() as c:
        assert c.cmd(b"LHLO mta")[:3] == b"250"
        assert c.mail() == YES
    assert r.server.connections[0].verbs[:3] == ["LHLO", "XCLIENT", "LHLO"]
    assert r.server.lines[2] == b"LHLO mta\r\n"
