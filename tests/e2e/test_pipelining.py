# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""PIPELINING (RFC 2920): groups of commands are served in order."""

import socket

from rig import CLOSE, CONTENT, QUEUED, SERVER_CLOSED, START_DATA, Hold, stuff

MAIL, RCPT = b"250 2.1.0 sender ok\r\n", b"250 2.1.5 recipient ok\r\n"
GROUP = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n"


def replies(c, n):
    return [c.reply() for _ in range(n)]


def test_offered_when_the_server_offers_it(rig):
    rig.server.keywords = [b"PIPELINING", b"SIZE 1"]
    with rig.client() as c:
        assert b"PIPELINING" in c.ehlo()


def test_a_group(rig):
    rig.server.keywords = [b"PIPELINING"]
    with rig.client() as c:
        c.ehlo()
        for _ in range(3):
            c.send(GROUP)
            assert replies(c, 4) == [MAIL, RCPT, RCPT, START_DATA]
            c.send(stuff(CONTENT) + b".\r\n")
            assert c.reply() == QUEUED
    assert len(rig.server.messages) == 3
    assert rig.server.messages[2].rcpts == [b"RCPT TO:<c@d>", b"RCPT TO:<e@f>"]


def test_several_transactions_behind_each_other(rig):
    rig.server.keywords = [b"PIPELINING"]
    with rig.client() as c:
        c.ehlo()
        c.send(GROUP)
        assert replies(c, 4)[3] == START_DATA
        c.send(stuff(CONTENT) + b".\r\n" + GROUP)
        assert replies(c, 5) == [QUEUED, MAIL, RCPT, RCPT, START_DATA]
        c.send(stuff(CONTENT) + b".\r\nQUIT\r\n")
        assert replies(c, 2) == [QUEUED, b"221 2.0.0 bye\r\n"]
        c.expect_eof()
    assert len(rig.server.messages) == 2


def test_data_waits_for_the_recipients(rig):
    rig.server.keywords = [b"PIPELINING"]
    hold = Hold()
    rig.server.on("RCPT", (hold, b"550 no\r\n"))
    with rig.client() as c:
        c.ehlo()
        c.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
        assert c.reply() == MAIL
        hold.wait_reached()
        assert c.silent(0.1)
        hold.release()
        assert replies(c, 2) == [b"550 no\r\n", b"554 No valid recipients\r\n"]
    assert not rig.server.messages


def test_some_recipients_refused(rig):
    rig.server.keywords = [b"PIPELINING"]
    rig.server.on("RCPT", [b"550-no\r\n550 never\r\n", RCPT])
    with rig.client() as c:
        c.ehlo()
        c.send(GROUP)
        assert replies(c, 4) == [MAIL, b"550-no\r\n550 never\r\n", RCPT, START_DATA]
        c.send(CONTENT + b".\r\n")
        assert c.reply() == QUEUED
    assert rig.server.messages[0].rcpts == [b"RCPT TO:<e@f>"]


def test_a_group_reaches_the_server_as_a_group(rig):
    rig.server.keywords = [b"PIPELINING"]
    hold = Hold()
    rig.server.on("MAIL", (hold, MAIL))
    with rig.client() as c:
        c.ehlo()
        c.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n")
        hold.wait_reached()
        # The server has not answered MAIL, and the rest is on its way.
        wanted = b"RCPT TO:<e@f>\r\n"
        server = rig.server.connections[0]
        server.sock.settimeout(5)
        if wanted not in bytes(server.raw):
            assert wanted in server.sock.recv(4096, socket.MSG_PEEK)
        hold.release()
        assert replies(c, 3) == [MAIL, RCPT, RCPT]


def test_our_own_replies_keep_their_place(rig):
    rig.server.keywords = [b"PIPELINING"]
    hold = Hold()
    rig.server.on("NOOP", (hold, b"250 2.0.0 noop\r\n"))
    with rig.client() as c:
        c.ehlo()
        c.send(b"NOOP\r\nSTARTTLS\r\nNOOP \0\r\nVRFY x\r\nXCLIENT a\r\n" + b"x" * 5000 + b"\r\nRSET\r\n")
        hold.wait_reached()
        assert c.silent(0.1)
        hold.release()
        assert replies(c, 7) == [
            b"250 2.0.0 noop\r\n", b"502 Command not implemented\r\n",
            b"500 Command with NUL or stray CR\r\n", b"252 2.0.0 maybe\r\n",
            b"554 Insufficient authorization\r\n", b"500 Line too long\r\n", b"250 2.0.0 reset\r\n"]


def test_very_many_commands_at_once(rig):
    rig.server.keywords = [b"PIPELINING"]
    with rig.client() as c:
        c.ehlo()
        c.send(b"NOOP x\r\n" * 3000 + b"RSET\r\n")
        assert replies(c, 3001) == [b"250 2.0.0 noop\r\n"] * 3000 + [b"250 2.0.0 reset\r\n"]


def test_the_server_closes_in_a_group(rig):
    rig.server.keywords = [b"PIPELINING"]
    rig.server.on("RCPT", [RCPT, CLOSE])
    with rig.client() as c:
        c.ehlo()
        c.send(GROUP)
        assert replies(c, 3) == [MAIL, RCPT, SERVER_CLOSED]
        c.expect_eof()
    assert not rig.server.messages


def test_quit_ends_even_if_more_follows(rig):
    rig.server.keywords = [b"PIPELINING"]
    with rig.client() as c:
        c.ehlo()
        c.send(b"QUIT\r\nMAIL FROM:<a@b>\r\n")
        assert c.reply() == b"221 2.0.0 bye\r\n"
        c.expect_eof()
    assert rig.server.lines[1:] == [b"QUIT\r\n"]
