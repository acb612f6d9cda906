# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Between greeting and QUIT: what is passed, what is refused, and how a
session ends."""

import pytest

from rig import (CLOSE, CONTENT, ENDLESS_LINE, ENDLESS_REPLY, GREETING, NONSENSE, NO_SERVER, QUEUED, RESET,
                 SERVER_CLOSED, Client, FakeServer, Hold, free_port, wait_until)

NOT_IMPLEMENTED = b"502 Command not implemented\r\n"
STRAY = b"500 Command with NUL or stray CR\r\n"


@pytest.mark.parametrize("banner", [
    b"220 real.example ESMTP\r\n",
    b"220\r\n",
    b"220-real.example ESMTP\r\n220-no spam\r\n220 please\r\n",
    b"220 real.example ESMTP\n",
])
def test_the_greeting_is_replaced(rig, banner):
    rig.server.banner = banner
    with rig.client() as c:
        assert c.greeting == GREETING
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"


@pytest.mark.parametrize("banner", [b"554 no service\r\n", b"450 later\r\n"])
def test_a_refusing_greeting_passes(rig, banner):
    rig.server.banner = banner
    with rig.client() as c:
        assert c.greeting == banner


def test_the_server_is_connected_before_the_client_speaks(rig):
    hold = Hold()
    rig.server.on("connect", (hold, b"220 real.example\r\n"))
    with rig.client(greet=False) as c:
        hold.wait_reached()
        assert c.silent()
        hold.release()
        assert c.reply() == GREETING


def test_a_server_that_cannot_be_reached(make):
    port = free_port()
    r = make(OutAddress="127.0.0.1:%d" % port)
    with r.client() as c:
        assert c.greeting == NO_SERVER
        c.expect_eof()
    r.daemon.wait_log(r"100000: SERVER: couldn't connect to: 127\.0\.0\.1:%d: "
                      r"Connection refused$" % port)
    with FakeServer(port=port) as server:
        with r.client() as c:
            assert c.mail() == QUEUED
        server.wait_messages(1)


@pytest.mark.parametrize("end", [CLOSE, RESET])
@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "RCPT", "RSET", "NOOP"])
def test_a_server_that_goes_away(rig, step, end):
    rig.server.on(step, end)
    with rig.client() as c:
        if step != "connect":
            assert c.greeting == GREETING
            assert c.cmd(step.encode() + b" x") == SERVER_CLOSED
        else:
            # A reset may come before connect(2) has been seen to succeed.
            assert c.greeting in (SERVER_CLOSED, NO_SERVER)
        c.expect_eof()
    rig.daemon.wait_log("SERVER", rig.mark)


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_server_that_goes_away_while_idle(rig, end):
    hold = Hold()
    rig.server.on("NOOP", (b"250 ok\r\n", hold, end))
    with rig.client() as c:
        assert c.cmd(b"NOOP") == b"250 ok\r\n"
        hold.release()
        assert c.reply() == SERVER_CLOSED
        c.expect_eof()


def test_an_unfinished_reply_is_not_shown(rig):
    rig.server.on("NOOP", (b"250 partial", CLOSE))
    with rig.client() as c:
        c.ehlo()
        assert c.cmd(b"NOOP") == SERVER_CLOSED
        c.expect_eof()


@pytest.mark.parametrize("step", ["connect", "MAIL"])
def test_a_421_of_the_server_passes(rig, step):
    rig.server.on(step, (b"421 too busy\r\n", CLOSE))
    with rig.client(greet=False) as c:
        if step == "MAIL":
            c.reply()
            c.send(b"MAIL FROM:<a@b>\r\n")
        assert c.reply() == b"421 too busy\r\n"
        c.expect_eof()


def test_a_421_of_an_idle_server_passes(rig):
    hold = Hold()
    rig.server.on("NOOP", (b"250 ok\r\n", hold, b"421 idle too long\r\n", CLOSE))
    with rig.client() as c:
        assert c.cmd(b"NOOP") == b"250 ok\r\n"
        hold.release()
        assert c.reply() == b"421 idle too long\r\n"
        c.expect_eof()


@pytest.mark.parametrize("action", [ENDLESS_LINE, ENDLESS_REPLY, b"354 go\r\n"],
                         ids=["line", "reply", "354"])
@pytest.mark.parametrize("step", ["EHLO", "NOOP"])
def test_a_server_that_talks_nonsense(rig, step, action):
    rig.server.on(step, action)
    with rig.client() as c:
        c.send(step.encode() + b" x\r\n")
        rest = c.rest()
        assert rest.endswith(NONSENSE)
        assert len(rest) < 3 << 20
    rig.server.connections[0].wait_closed()
    assert rig.server.connections[0].endless_sent < 32 << 20


@pytest.mark.parametrize("line, reply", [
    (b"VRFY someone", b"252 2.0.0 maybe\r\n"),
    (b"vrfy Some.One", b"252 2.0.0 maybe\r\n"),
    (b"EXPN list", b"250-a\r\n250-b\r\n250 c\r\n"),
    (b"HELP", b"214-one\r\n214 two\r\n"),
    (b"NOOP  with   blanks", b"250 2.0.0 noop\r\n"),
    (b"ETRN example.org", b"253 ok\r\n"),
    (b"", b"500 5.5.1 what?\r\n"),
    (b"FOO b\xe4r \xff", b"500 5.5.1 what?\r\n"),
    (b"BDATX 5", b"500 5.5.1 what?\r\n"),
    (b"EHLOX", b"500 5.5.1 what?\r\n"),
    (b"RSET", b"250 2.0.0 reset\r\n"),
    (b"WEIRD", b"999 odd\r\n"),
])
def test_what_passes_unchanged(rig, line, reply):
    verb = line.split()[0].decode("latin-1").upper() if line else ""
    rig.server.on(verb, reply)
    with rig.client() as c:
        assert c.cmd(line) == reply
        assert c.cmd(b"NOOP x")
    assert rig.server.commands == [line + b"\r\n", b"NOOP x\r\n"]


@pytest.mark.parametrize("line, reply", [
    (b"STARTTLS", NOT_IMPLEMENTED),
    (b"starttls", NOT_IMPLEMENTED),
    (b"  StartTLS now", NOT_IMPLEMENTED),
    (b"XEXCH50 10 2", NOT_IMPLEMENTED),
    (b"BURL imap://x LAST", NOT_IMPLEMENTED),
    (b"TURN", NOT_IMPLEMENTED),
    (b"ATRN example.org", NOT_IMPLEMENTED),
    (b"BDAT 0 LAST", NOT_IMPLEMENTED),
    (b"XCLIENT ADDR=1.2.3.4", b"554 Insufficient authorization\r\n"),
    (b"\txclient NAME=x", b"554 Insufficient authorization\r\n"),
])
def test_what_is_refused(rig, line, reply):
    with rig.client() as c:
        assert c.cmd(line) == reply
        assert c.cmd(b"NOOP after") == b"250 2.0.0 noop\r\n"
    assert rig.server.lines[0] == b"NOOP after\r\n" and rig.server.connections[-1].asked == ["NOOP"]


def test_the_chunk_of_bdat_is_swallowed(rig):
    chunk = b"RSET\r\nMAIL FROM:<evil@example.org>\r\n"
    with rig.client() as c:
        c.send(b"BDAT %d LAST\r\n" % len(chunk) + chunk[:9])
        assert c.reply() == NOT_IMPLEMENTED
        c.send(chunk[9:] + b"NOOP after\r\n")
        assert c.reply() == b"250 2.0.0 noop\r\n"
    assert rig.server.lines[0] == b"NOOP after\r\n" and rig.server.connections[-1].asked == ["NOOP"]


@pytest.mark.parametrize("size", [b"x", b"-5", b"1" * 20, b"5x"])
def test_bdat_with_a_wrong_size_ends_the_session(rig, size):
    with rig.client() as c:
        c.send(b"BDAT " + size + b"\r\nMAIL FROM:<evil@example.org>\r\n")
        assert c.rest() == NOT_IMPLEMENTED + b"421 BDAT without a valid size, closing connection\r\n"
    assert rig.server.wait_connections(1).asked == []


def test_bdat_without_a_size_announces_nothing(rig):
    with rig.client() as c:
        assert c.cmd(b"BDAT") == NOT_IMPLEMENTED
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    rig.daemon.wait_log("ESMTP feature not supported", rig.mark)


def test_no_octet_of_another_connection(rig):
    """A buffer that was another session's is used again."""
    with rig.client() as c:
        c.mail(b"SECRET\r\n" * 5000)
        for _ in range(20):
            assert c.cmd(b"NOOP " + b"SECRET" * 300)[:3] == b"250"
        c.quit()
    for end in (b"MAIL FR", b"DATA\r", b"\0"):
        with rig.client() as c:
            c.send(end)
            c.half_close()
            assert c.rest() == b""
        rig.server.connections[-1].wait_closed()
        assert rig.server.connections[-1].raw == b"QUIT\r\n"
    with rig.client() as c:
        assert c.mail(b"short\r\n")[:3] == b"250"
    assert b"SECRET" not in rig.server.messages[-1].raw
    assert b"SECRET" not in rig.clamd.scans[-1].data


@pytest.mark.parametrize("code", [b"250", b"251", b"252"])
def test_ehlo_is_filtered_whatever_its_code(rig, code):
    rig.server.on("EHLO", b"%s-real\r\n%s-SIZE 5\r\n%s STARTTLS\r\n" % (code, code, code))
    with rig.client() as c:
        assert c.ehlo() == b"250-smtp.passthru\r\n%s-SIZE 5\r\n250 XFILTERED\r\n" % code


def test_an_attempt_at_xclient_is_logged(make):
    r = make()
    with r.client() as c:
        c.cmd(b"XCLIENT ADDR=1.2.3.4")
    r.daemon.wait_log("client attempted use of privileged XCLIENT feature")


@pytest.mark.parametrize("length, passes", [(4221, True), (4222, False), (100000, False)])
def test_the_limit_of_a_command_line(rig, length, passes):
    line = b"NOOP " + b"x" * (length - 7) + b"\r\n"
    with rig.client() as c:
        c.send(line)
        assert c.reply() == (b"250 2.0.0 noop\r\n" if passes else b"500 Line too long\r\n")
        assert c.cmd(b"NOOP after") == b"250 2.0.0 noop\r\n"
    assert rig.server.commands == ([line] if passes else []) + [b"NOOP after\r\n"]


def test_a_too_long_line_is_skipped_whole(rig):
    with rig.client() as c:
        c.send(b"x" * 5000)
        assert c.silent(0.1)
        c.send(b"RSET" * 2000 + b"\r\n")
        assert c.reply() == b"500 Line too long\r\n"
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    assert rig.server.commands == [b"NOOP\r\n"]


@pytest.mark.parametrize("line", [
    b"NOOP \0 a\r\n", b"\0\r\n", b"NOOP\0\r\n", b"NOOP a\rNOOP b\r\n", b"\rNOOP\r\n", b"NOOP\r\r\n",
    b"EHLO x\0\r\n", b"DATA\0\r\n", b"RCPT TO:<a\r@b>\r\n",
])
def test_nul_and_stray_cr_are_refused(rig, line):
    with rig.client() as c:
        c.send(line)
        assert c.reply() == STRAY
        assert c.cmd(b"NOOP after") == b"250 2.0.0 noop\r\n"
    assert rig.server.lines[0] == b"NOOP after\r\n" and rig.server.connections[-1].asked == ["NOOP"]


def test_a_bare_lf_ends_a_command_and_becomes_crlf(rig):
    with rig.client() as c:
        for word in (b"one", b"two"):
            c.send(b"NOOP " + word + b"\n")
            assert c.reply() == b"250 2.0.0 noop\r\n"
    assert rig.server.commands == [b"NOOP one\r\n", b"NOOP two\r\n"]


def test_long_replies_pass(rig):
    reply = b"".join(b"250-%s\r\n" % (b"y" * 500) for _ in range(100)) + b"250 %s\r\n" % (b"z" * 4000)
    rig.server.on("HELP", reply)
    with rig.client() as c:
        assert c.cmd(b"HELP") == reply


@pytest.mark.parametrize("linger", [False, True])
def test_quit_ends_the_session(rig, linger):
    rig.server.linger = linger
    with rig.client() as c:
        assert c.cmd(b"QUIT") == b"221 2.0.0 bye\r\n"
        c.expect_eof()
    rig.server.connections[0].wait_closed()
    assert rig.server.lines == [b"QUIT\r\n"]


def test_auth_continuation_lines_are_no_commands(rig):
    rig.server.on("AUTH", b"334 VXNlcm5hbWU6\r\n")
    rig.server.on("DATA", b"334 UGFzc3dvcmQ6\r\n")
    rig.server.on("STARTTLS", b"235 2.7.0 welcome\r\n")
    with rig.client() as c:
        assert c.cmd(b"AUTH LOGIN") == b"334 VXNlcm5hbWU6\r\n"
        assert c.cmd(b"DATA") == b"334 UGFzc3dvcmQ6\r\n"
        assert c.cmd(b"STARTTLS") == b"235 2.7.0 welcome\r\n"
        assert c.cmd(b"STARTTLS") == NOT_IMPLEMENTED
    assert rig.server.commands == [b"AUTH LOGIN\r\n", b"DATA\r\n", b"STARTTLS\r\n"]


def test_the_client_leaves(rig):
    with rig.client() as c:
        c.ehlo()
        c.envelope()
    rig.server.connections[0].wait_closed()
    assert rig.server.connections[0].asked == ["EHLO", "MAIL", "RCPT"]
    with rig.client() as c:
        c.ehlo()
        c.reset()
    rig.server.connections[1].wait_closed()


def test_a_client_that_closes_its_half_gets_its_reply(rig):
    hold = Hold()
    rig.server.on("NOOP", (hold, b"250 late\r\n"))
    with rig.client() as c:
        c.send(b"NOOP\r\n")
        c.half_close()
        hold.wait_reached()
        hold.release()
        assert c.rest() == b"250 late\r\n"
    rig.server.connections[0].wait_closed()


@pytest.mark.parametrize("rest", [b"MAIL FR", b"QUIT", b"DATA\r", b"\0"])
def test_an_unfinished_line_is_dropped(rig, rest):
    with rig.client() as c:
        c.ehlo(b"a-rather-long-name.example")
        c.send(rest)
        c.half_close()
        c.expect_eof()
    rig.server.connections[0].wait_closed()
    assert bytes(rig.server.connections[0].raw) == b"EHLO a-rather-long-name.example\r\nQUIT\r\n"


def test_octets_in_single_segments(rig):
    with rig.client() as c:
        for line in (b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n"):
            for octet in line:
                c.send(bytes([octet]))
            assert c.reply()[:3] == b"250"
        assert c.data() == QUEUED
    assert rig.server.wait_messages(1).rcpts == [b"RCPT TO:<c@d>"]


def test_several_messages_in_one_session(rig):
    with rig.client() as c:
        for n in range(5):
            assert c.mail(CONTENT + b"%d\r\n" % n) == QUEUED
    assert [m.content[-3:-2] for m in rig.server.messages] == [b"0", b"1", b"2", b"3", b"4"]
    assert len(rig.clamd.scans) == 5


def test_listen_on_a_unix_socket(make):
    path = "listen.sock"
    r = make(Listen="/tmp/unused", start=False)
    r.daemon.options["Listen"] = r.directory + "/" + path
    r.daemon.start()
    with Client(r.daemon.address) as c:
        assert c.greeting == GREETING
        assert c.mail() == QUEUED
    wait_until(lambda: r.daemon.summaries())
    assert r.server.wait_messages(1)
