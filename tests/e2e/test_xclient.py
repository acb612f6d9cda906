# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""XClient: the server is told the client's address."""

import pytest

from rig import CLOSE, QUEUED, SERVER_CLOSED, Client, free_port

OPTIONS = {"XClient": "on"}
KEYWORDS = [b"SIZE 1", b"XCLIENT NAME ADDR", b"DSN"]
REPLY = b"250-smtp.passthru\r\n250-SIZE 1\r\n250 DSN\r\n"


def test_sent_before_the_next_command_and_greeted_again(rig):
    rig.server.keywords = KEYWORDS
    with rig.client() as c:
        assert c.ehlo(b"me") == REPLY
        assert c.mail() == QUEUED
        assert c.mail() == QUEUED
    assert rig.server.lines[:4] == [
        b"EHLO me\r\n", b"XCLIENT ADDR=127.0.0.1\r\n", b"EHLO me\r\n", b"MAIL FROM:<a@example.org>\r\n"]
    assert rig.server.connections[0].verbs.count("XCLIENT") == 1
    rig.daemon.wait_log("XCLIENT supported", rig.mark)
    rig.daemon.wait_log("sending XCLIENT", rig.mark)


def test_the_address_is_the_clients(make):
    port = free_port("0.0.0.0")
    r = make(XClient="on", Listen="0.0.0.0:%d" % port)
    r.server.keywords = KEYWORDS
    with Client(("127.0.0.1", port), source="127.0.0.9") as c:
        c.ehlo(b"me")
        c.cmd(b"NOOP")
    assert b"XCLIENT ADDR=127.0.0.9\r\n" in r.server.lines


def test_after_helo_it_is_assumed(rig):
    with rig.client() as c:
        c.cmd(b"HELO me")
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    assert rig.server.lines == [b"HELO me\r\n", b"XCLIENT ADDR=127.0.0.1\r\n", b"HELO me\r\n", b"NOOP\r\n"]
    rig.daemon.wait_log("XCLIENT support assumed", rig.mark)


@pytest.mark.parametrize("greet", [True, False])
def test_not_sent_where_it_is_not_offered(rig, greet):
    with rig.client() as c:
        if greet:
            c.ehlo()
        assert c.mail() == QUEUED
    assert "XCLIENT" not in rig.server.connections[0].verbs


def test_not_sent_by_default(make):
    r = make()
    r.server.keywords = KEYWORDS
    with r.client() as c:
        assert c.ehlo() == REPLY
        assert c.mail() == QUEUED
        assert c.cmd(b"XCLIENT ADDR=1.1.1.1") == b"554 Insufficient authorization\r\n"
    assert "XCLIENT" not in r.server.connections[0].verbs


@pytest.mark.parametrize("reply", [b"550 no\r\n", b"500-what\r\n500 what\r\n"])
def test_a_refusal_is_no_trouble(rig, reply):
    rig.server.keywords = KEYWORDS
    rig.server.on("XCLIENT", reply)
    with rig.client() as c:
        c.ehlo(b"me")
        assert c.mail() == QUEUED
    assert rig.server.lines[:3] == [b"EHLO me\r\n", b"XCLIENT ADDR=127.0.0.1\r\n", b"MAIL FROM:<a@example.org>\r\n"]
    rig.daemon.wait_log("server didn't accept XCLIENT", rig.mark)


def test_a_reply_of_several_lines_is_read_whole(rig):
    rig.server.keywords = KEYWORDS
    rig.server.on("XCLIENT", b"220-a\r\n220-b\r\n220 c\r\n")
    with rig.client() as c:
        c.ehlo(b"me")
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
        assert c.mail() == QUEUED


def test_a_second_ehlo_of_the_client(rig):
    rig.server.keywords = KEYWORDS
    with rig.client() as c:
        c.ehlo(b"me")
        assert c.ehlo(b"you") == REPLY
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    assert rig.server.connections[0].verbs.count("XCLIENT") == 1
    assert rig.server.lines[-2:] == [b"EHLO you\r\n", b"NOOP\r\n"]


def test_the_server_goes_away(rig):
    rig.server.keywords = KEYWORDS
    rig.server.on("XCLIENT", CLOSE)
    with rig.client() as c:
        c.ehlo()
        assert c.cmd(b"NOOP") == SERVER_CLOSED
        c.expect_eof()


def test_the_clients_quit_comes_through(rig):
    rig.server.keywords = KEYWORDS
    with rig.client() as c:
        c.ehlo()
        assert c.cmd(b"QUIT") == b"221 2.0.0 bye\r\n"
        c.expect_eof()


def test_a_unix_client_has_no_address(make):
    r = make(XClient="on", start=False)
    r.daemon.auto_listen = False
    r.daemon.options["Listen"] = r.directory + "/listen"
    r.daemon.start()
    r.server.keywords = KEYWORDS
    with Client(r.daemon.address) as c:
        c.ehlo()
        assert c.mail() == QUEUED
    assert b"XCLIENT ADDR=\r\n" not in r.server.lines
