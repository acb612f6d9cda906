# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""XClient: the server is told who the client is."""

import socket

import pytest

from rig import CLOSE, QUEUED, SERVER_CLOSED, Client, Hold, free_port

OPTIONS = {"XClient": "on"}
KEYWORDS = [b"SIZE 100000", b"XCLIENT NAME ADDR", b"DSN"]
TOLD = b"XCLIENT NAME=[UNAVAILABLE] ADDR=127.0.0.1\r\n"
REPLY = b"250-smtp.passthru\r\n250-SIZE 100000\r\n250 DSN\r\n"


def test_sent_before_the_next_command_and_greeted_again(rig):
    rig.server.keywords = KEYWORDS
    with rig.client() as c:
        assert c.ehlo(b"me") == REPLY
        assert c.mail() == QUEUED
        assert c.mail() == QUEUED
    assert rig.server.lines[:4] == [
        b"EHLO me\r\n", TOLD, b"EHLO me\r\n", b"MAIL FROM:<a@example.org>\r\n"]
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
    assert b"XCLIENT NAME=[UNAVAILABLE] ADDR=127.0.0.9\r\n" in r.server.lines


def test_after_helo_it_is_assumed(rig):
    """What was not offered is told one by one: a server may refuse the name."""
    with rig.client() as c:
        c.cmd(b"HELO me")
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    assert rig.server.commands == [b"HELO me\r\n", b"XCLIENT ADDR=127.0.0.1\r\n", b"XCLIENT NAME=[UNAVAILABLE]\r\n",
                                b"HELO me\r\n", b"NOOP\r\n"]
    rig.daemon.wait_log("XCLIENT support assumed", rig.mark)


@pytest.mark.parametrize("replies, lines", [
    ([b"220 ok\r\n", b"501 what\r\n"], [b"XCLIENT ADDR=127.0.0.1\r\n", b"XCLIENT NAME=[UNAVAILABLE]\r\n", b"HELO me\r\n"]),
    ([b"550 no\r\n"], [b"XCLIENT ADDR=127.0.0.1\r\n"])], ids=["the name", "all"])
def test_what_was_not_offered_may_be_refused(rig, replies, lines):
    rig.server.on("XCLIENT", replies)
    with rig.client() as c:
        c.cmd(b"HELO me")
        assert c.mail() == QUEUED
    assert rig.server.lines[:len(lines) + 2] == [b"HELO me\r\n"] + lines + [b"MAIL FROM:<a@example.org>\r\n"]
    rig.daemon.wait_log("server didn't accept XCLIENT", rig.mark)


def told(rig):
    """All that was told: the attributes by their names, and how many commands."""
    lines = [l for l in rig.server.lines if l.startswith(b"XCLIENT ")]
    assert all(len(l) <= 512 for l in lines), lines
    words = b" ".join(l[8:-2] for l in lines).split()
    assert len(words) == len(set(w.split(b"=")[0] for w in words)), words
    return dict(w.split(b"=", 1) for w in words), len(lines)


@pytest.mark.parametrize("verb, proto", [(b"EHLO", b"ESMTP"), (b"HELO", b"SMTP")])
def test_all_that_is_offered_and_known(rig, verb, proto):
    rig.server.keywords = [b"XCLIENT NAME ADDR PORT PROTO HELO LOGIN TTL DESTADDR DESTPORT REVERSE_NAME"]
    with rig.client() as c:
        port = c.sock.getsockname()[1]
        c.cmd(verb + b" c+lient=.example")
        c.cmd(b"NOOP")
    facts = {b"NAME": b"[UNAVAILABLE]", b"ADDR": b"127.0.0.1", b"PORT": b"%d" % port, b"PROTO": proto,
             b"HELO": b"c+2Blient+3D.example", b"DESTADDR": b"127.0.0.1", b"DESTPORT": b"%d" % rig.daemon.address[1]}
    if verb == b"HELO":
        facts = {b"ADDR": b"127.0.0.1", b"NAME": b"[UNAVAILABLE]"}
    assert told(rig) == (facts, 1 if verb == b"EHLO" else 2)


def test_lmtp_is_greeted_again_as_it_was(rig):
    rig.server.on("LHLO", b"250-lmtp.example\r\n250 XCLIENT NAME ADDR PROTO HELO\r\n")
    with rig.client() as c:
        assert c.cmd(b"LHLO me")[:3] == b"250"
        assert c.mail() == QUEUED
    assert rig.server.lines[:4] == [b"LHLO me\r\n", TOLD[:-2] + b" PROTO=ESMTP HELO=me\r\n", b"LHLO me\r\n",
                                    b"MAIL FROM:<a@example.org>\r\n"]


@pytest.mark.parametrize("offer, names", [
    (b"XCLIENT ADDR", [b"ADDR"]), (b"XCLIENT helo Name", [b"HELO", b"NAME"]), (b"XCLIENT LOGIN", []), (b"XCLIENT", [])])
def test_nothing_that_is_not_offered(rig, offer, names):
    rig.server.keywords = [offer]
    with rig.client() as c:
        c.ehlo(b"me")
        assert c.mail() == QUEUED
    assert sorted(told(rig)[0]) == sorted(names)
    assert rig.server.connections[0].verbs.count("EHLO") == (2 if names else 1)


@pytest.mark.parametrize("name, commands", [
    (b"h" * 255, 1), (b"h" * 256, 1), (b"h" * 4000, 1), (b"+" * 130, 1), (b"+" * 150, 2), (b"+" * 165, 2),
    (b"+" * 166, 1)], ids=lambda v: "%d%s" % (len(v), v[:1].decode()) if isinstance(v, bytes) else v)
def test_long_names_take_another_command(rig, name, commands):
    rig.server.keywords = [b"XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT"]
    with rig.client() as c:
        c.ehlo(name)
        assert c.mail() == QUEUED
    facts, n = told(rig)
    assert n == commands
    # No host name, or none that a command has room for: the server hears it all the same.
    told_name = name.replace(b"+", b"+2B")
    assert facts.get(b"HELO") == (told_name if len(name) <= 255 and len(told_name) <= 497 else None)
    assert b"ADDR" in facts and b"DESTPORT" in facts
    assert rig.server.lines[n + 1] == b"EHLO " + name + b"\r\n"


def test_each_command_waits_for_its_reply(rig):
    rig.server.keywords = [b"XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT"]
    hold = Hold()
    rig.server.on("XCLIENT", [(hold, b"220 ok\r\n"), b"220 ok\r\n"])
    with rig.client() as c:
        c.ehlo(b"+" * 150)
        c.send(b"NOOP\r\n")
        hold.wait_reached()
        assert c.silent()
        with pytest.raises(BlockingIOError):
            rig.server.connections[0].sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        hold.release()
        assert c.reply() == b"250 2.0.0 noop\r\n"
    assert rig.server.connections[0].asked == ["EHLO", "XCLIENT", "XCLIENT", "EHLO", "NOOP"]


@pytest.mark.parametrize("second, hellos", [(b"220 ok\r\n", 2), (b"501 no\r\n", 1)])
def test_what_is_refused_with_the_rest_is_told_alone(rig, second, hellos):
    """A client must not pass for us by the name in its greeting."""
    rig.server.keywords = [b"XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT"]
    rig.server.on("XCLIENT", [b"501 5.5.4 Bad HELO syntax\r\n", second])
    with rig.client() as c:
        c.ehlo(b"\xff?")
        assert c.mail() == QUEUED
    lines = rig.server.lines
    assert lines[1].endswith(b" HELO=+FF?\r\n") and lines[2] == TOLD
    assert lines[3:3 + hellos] == [b"EHLO \xff?\r\n", b"MAIL FROM:<a@example.org>\r\n"][-hellos:]


def test_what_was_told_needs_a_greeting_though_the_rest_was_refused(rig):
    rig.server.keywords = [b"XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT"]
    rig.server.on("XCLIENT", [b"220 ok\r\n", b"501 no\r\n"])
    with rig.client() as c:
        c.ehlo(b"+" * 150)
        assert c.mail() == QUEUED
    assert rig.server.connections[0].verbs[:5] == ["EHLO", "XCLIENT", "XCLIENT", "EHLO", "MAIL"]


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
    assert rig.server.lines[:3] == [b"EHLO me\r\n", TOLD, b"MAIL FROM:<a@example.org>\r\n"]
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
    assert rig.server.commands[-2:] == [b"EHLO you\r\n", b"NOOP\r\n"]


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
