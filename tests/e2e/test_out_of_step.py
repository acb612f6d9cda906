# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Clients that do not wait for their replies, web clients among them: one 554
and the end, and nothing of what waits is taken for anything."""

import pytest

from rig import CONTENT, GREETING, QUEUED, START_DATA, Hold, stuff

OUT_OF_STEP = b"554 Command out of step, closing connection\r\n"
BYE = b"221 2.0.0 bye\r\n"
FORGED = b"RSET\r\nMAIL FROM:<evil@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: forged\r\n\r\nx\r\n.\r\n"
TO_RCPT = [b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>"]


@pytest.fixture(params=[True, False], ids=["PIPELINING", "no PIPELINING"])
def offered(rig, request):
    rig.server.keywords = [b"PIPELINING"] if request.param else [b"SIZE 1000000"]
    return request.param


def greeted(rig):
    c = rig.client()
    assert c.ehlo()[:3] == b"250"
    return c


def commands(rig):
    """What the server has got, the greeting aside."""
    return [line for line in rig.server.lines if not line.startswith((b"EHLO", b"QUIT", b"*"))]


def check_end(rig, c, told=b"", hold=None):
    assert c.rest() == told + OUT_OF_STEP
    if hold is not None:
        hold.release()
    assert not c.reset_seen
    c.close()
    rig.server.wait_connections(1).wait_closed()
    assert not rig.server.messages
    rig.daemon.wait_log(r"client 127\.0\.0\.1 is out of step")  # at least once


@pytest.mark.parametrize("early", [b"EHLO x\r\n", b"QUIT\r\n", b"E", b"\r\n\r\n\0\r\nQUIT\n", b"PROXY TCP4 1.2.3.4 "])
def test_before_the_greeting(rig, early):
    hold = Hold()
    rig.server.on("connect", (hold, b"220 real.example\r\n"))
    with rig.client(greet=False) as c:
        hold.wait_reached()
        c.send(early)
        check_end(rig, c, hold=hold)
    assert not commands(rig)


@pytest.mark.parametrize("before, line, behind", [
    ([], b"EHLO x", b"MAIL FROM:<a@b>\r\n"),
    ([], b"HELO x", b"MAIL FROM:<a@b>\r\n"),
    ([], b"EHLO x", b"QUITTER\r\n"),
    (TO_RCPT, b"DATA", CONTENT + b".\r\n"),
    (TO_RCPT, b"DATA", b"."),
    (TO_RCPT, b"DATA", b"QUIT\r\n"),
    ([], b"DATA", FORGED),
    ([], b"AUTH LOGIN", b"dXNlcg==\r\n"),
    ([], b"AUTH PLAIN AGEAYg==", b"QUIT\r\n"),
    ([b"AUTH LOGIN"], b"dXNlcg==", b"cGFzcw==\r\n"),
    ([b"AUTH LOGIN"], b"dXNlcg==", b"QUIT\r\n"),
], ids=lambda p: p[:12].decode().strip() if isinstance(p, bytes) else "")
def test_behind_what_nothing_may_follow(rig, offered, before, line, behind):
    rig.server.on("AUTH", b"334 VXNlcm5hbWU6\r\n")
    with greeted(rig) as c:
        for b in before:
            assert c.cmd(b)[:1] in (b"2", b"3")
        c.send(line + b"\r\n" + behind)
        check_end(rig, c)
    assert commands(rig) == [b + b"\r\n" for b in before]


@pytest.mark.parametrize("line", [
    b"MAIL FROM:<a@b>", b"RSET", b"NOOP", b"VRFY x", b"XFORWARD ADDR=1.2.3.4", b"FOO", b"STARTTLS", b"XCLIENT a", b"",
    b"BAD\0", b"x" * 5000, b"QUIT"])
def test_behind_any_command_without_pipelining(rig, line):
    with greeted(rig) as c:
        c.send(line + b"\r\nNOOP behind\r\n")
        check_end(rig, c)
    assert not commands(rig)


@pytest.mark.parametrize("hello", [b"EHLO x", b"HELO x", None], ids=["refused EHLO", "HELO", "none"])
def test_pipelining_was_not_in_the_last_reply(rig, hello):
    rig.server.keywords = [b"PIPELINING"]
    with rig.client() as c:
        if hello is not None:
            c.ehlo()
            rig.server.on("EHLO", b"550 no\r\n")
            c.cmd(hello)
        c.send(b"NOOP\r\nNOOP\r\n")
        check_end(rig, c)


def test_it_is_looked_at_again_before_the_reply(rig):
    hold = Hold()
    rig.server.on("NOOP", (hold, b"250 late\r\n"))
    with greeted(rig) as c:
        c.send(b"NOOP\r\n")
        hold.wait_reached()
        c.send(b"MAIL FROM:<a@b>\r\n")
        check_end(rig, c, hold=hold)
    assert commands(rig) == [b"NOOP\r\n"]


def test_what_comes_after_the_reply_is_in_step(rig, offered):
    with greeted(rig) as c:
        for _ in range(200):
            assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
        assert c.mail() == QUEUED


def test_quit_may_follow(rig):
    for line, reply in ((b"EHLO x", None), (b"HELO x", b"250 smtp.passthru\r\n"), (b"NOOP", b"250 2.0.0 noop\r\n"),
                        (b"STARTTLS", b"502 Command not implemented\r\n"), (b"RSET", b"250 2.0.0 reset\r\n")):
        with greeted(rig) as c:
            c.send(line + b"\r\nquit\r\n")
            assert c.reply() == reply or reply is None
            assert c.reply() == BYE
            c.expect_eof()
    with greeted(rig) as c:
        for octet in b"NOOP\r\nQUIT\r\n":
            c.send(bytes([octet]))
        assert c.reply() + c.reply() == b"250 2.0.0 noop\r\n" + BYE


def test_quit_was_only_begun(rig):
    hold = Hold()
    rig.server.on("NOOP", (hold, b"250 late\r\n"))
    with greeted(rig) as c:
        c.send(b"NOOP\r\nQUI")
        hold.wait_reached()
        assert c.silent(0.1)
        hold.release()
        assert c.reply() == b"250 late\r\n"
        c.send(b"CK\r\n")
        check_end(rig, c)


def test_groups_with_pipelining(rig):
    rig.server.keywords = [b"PIPELINING"]
    with greeted(rig) as c:
        c.send(b"RSET\r\nNOOP\r\nVRFY x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
        assert [c.reply()[:3] for _ in range(6)] == [b"250", b"250", b"252", b"250", b"250", b"354"]
        c.send(CONTENT + b".\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
        assert [c.reply()[:3] for _ in range(4)] == [b"250", b"250", b"250", b"354"]
        c.send(CONTENT + b".\r\nQUIT\r\n")
        assert c.reply() + c.reply() == QUEUED + BYE
    assert len(rig.server.messages) == 2


def test_a_group_that_does_not_end_with_data(rig):
    rig.server.keywords = [b"PIPELINING"]
    rig.server.on("RCPT", b"550 5.1.1 no\r\n")
    with greeted(rig) as c:
        c.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + CONTENT + FORGED)
        check_end(rig, c, b"250 2.1.0 sender ok\r\n550 5.1.1 no\r\n")
    assert commands(rig) == [line + b"\r\n" for line in TO_RCPT]


def test_behind_the_final_dot_without_pipelining(rig):
    with greeted(rig) as c:
        c.envelope()
        assert c.cmd(b"DATA") == START_DATA
        c.send(CONTENT + b".\r\n" + FORGED)
        check_end(rig, c)
    assert not rig.clamd.scans


def test_quit_behind_the_final_dot(rig, offered):
    with greeted(rig) as c:
        c.envelope()
        assert c.cmd(b"DATA") == START_DATA
        c.send(CONTENT + b".\r\nQUIT\r\n")
        assert c.reply() + c.reply() == QUEUED + BYE
    assert len(rig.server.messages) == 1


@pytest.mark.parametrize("where", ["clamd", "DATA"])
def test_before_the_end_of_mail_data_has_gone_out(rig, where):
    hold = Hold()
    if where == "clamd":
        rig.clamd.next((hold, b"{path}: OK{end}"))
    else:
        rig.server.on(where, (hold, b"354 go\r\n"))
    with greeted(rig) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
        c.send(b"MAIL FROM:<x@y>\r\n")
        hold.release()
        check_end(rig, c)


def test_the_server_has_it_already(rig):
    # What became of the message is said all the same, or it would come twice.
    hold = Hold()
    rig.server.on(".", (hold, QUEUED))
    with greeted(rig) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
        c.send(FORGED)
        hold.release()
        assert c.rest() == QUEUED + OUT_OF_STEP
    assert len(rig.server.messages) == 1 and commands(rig)[-1] == b"DATA\r\n"


@pytest.mark.parametrize("offered", [True, False])
def test_a_script_that_does_not_wait(rig, offered):
    rig.server.keywords = [b"PIPELINING"] if offered else []
    with rig.client(greet=False) as c:
        c.send(b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + stuff(CONTENT) + FORGED + b".\r\nQUIT\r\n")
        assert c.rest() in (OUT_OF_STEP, GREETING + OUT_OF_STEP)
    rig.server.wait_connections(1).wait_closed()
    assert not rig.server.messages and not commands(rig)


def test_bdat_behind_its_chunk(rig):
    with greeted(rig) as c:
        c.send(b"BDAT 5 LAST\r\nab\r\n.NOOP\r\n")
        check_end(rig, c)
    with greeted(rig) as c:
        c.send(b"BDAT 5 LAST\r\nab\r\n.")
        assert c.reply() == b"502 Command not implemented\r\n"
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"


@pytest.mark.parametrize("line", [
    b"GET / HTTP/1.1", b"GET /", b"POST / HTTP/1.1", b"post / http/1.0", b"CONNECT mx.example:25 HTTP/1.1", b"PUT /x",
    b"OPTIONS * HTTP/1.1", b"PROPFIND /x HTTP/1.1", b"PRI * HTTP/2.0"])
def test_request_lines_of_http(rig, offered, line):
    with greeted(rig) as c:
        c.send(line + b"\r\n")
        check_end(rig, c)
    with rig.client() as c:
        c.send(line + b"\r\nHost: x\r\n\r\n" + FORGED)
        assert c.rest() == OUT_OF_STEP
    for peer in rig.server.connections:
        assert all(line.startswith((b"EHLO", b"QUIT")) for line in peer.lines)


@pytest.mark.parametrize("line", [b"NOOP HTTP/1.1", b"VRFY HTTP/1.1", b"HELP GET", b"GETX y", b"MAIL FROM:<HTTP/1@x>"])
def test_no_http(rig, line):
    with greeted(rig) as c:
        assert c.cmd(line)[:3] in (b"250", b"252", b"500")
        assert c.cmd(b"NOOP")[:3] == b"250"
    assert rig.server.lines[1] == line + b"\r\n"


@pytest.mark.parametrize("line", [
    b"STARTTLS: now", b"NO\x0bOP", b"NOOP\x0b", b"\xe4", b"MA_IL FROM:<a@b>", b"X.Y", b"\x16\x03\x01", b"\x0cDATA",
    b"BD\xc2\xa0AT 5", b"<script>", b"$(id)"])
def test_a_verb_with_odd_octets(rig, line):
    with greeted(rig) as c:
        assert c.cmd(line) == b"500 Command not recognized\r\n"
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    assert commands(rig) == [b"NOOP\r\n"]


@pytest.mark.parametrize("line", [b"", b"  ", b"  NOOP x", b"\tnoop", b"X-FOO a:b", b"FOO1 _"])
def test_a_verb_without_odd_octets(rig, line):
    with greeted(rig) as c:
        c.cmd(line)
    assert commands(rig) == [line + b"\r\n"]


def test_an_answer_has_no_verb(rig):
    rig.server.on("AUTH", b"334 \r\n")
    rig.server.on("", b"235 ok\r\n")
    for answer in (b"=?", b"GET / HTTP/1.1", b"\xff"):
        with greeted(rig) as c:
            assert c.cmd(b"AUTH X") == b"334 \r\n"
            assert c.cmd(answer) == b"500 5.5.1 what?\r\n"
        assert commands(rig)[-1] == answer + b"\r\n"


def test_a_proxy_line_in_step(rig):
    with greeted(rig) as c:
        assert c.cmd(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 25") == b"502 Command not implemented\r\n"
    rig.daemon.wait_log("PROXY protocol", rig.mark)
    assert not commands(rig)


def test_a_client_without_an_address(local_rig):
    r = local_rig()
    with r.client() as c:
        assert c.cmd(b"PROXY UNKNOWN") == b"502 Command not implemented\r\n"
        c.send(b"NOOP\r\nNOOP\r\n")
        assert c.rest() == OUT_OF_STEP
    r.daemon.wait_log("client UNKNOWN sent a line of the PROXY protocol")
    r.daemon.wait_log("client UNKNOWN is out of step")
