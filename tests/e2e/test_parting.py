# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""A client that every server likes: never out of step, QUIT before the end, and
nothing more behind the server's 421."""

import socket
import time

import pytest

from rig import CLOSE, CONTENT, HANG, LOCAL_ERROR, QUEUED, START_DATA, Hold

OPTIONS = {"KeepAlives": "1", "TimeOut": "4", "Action": "bounce"}
BYE = b"421 4.3.2 going down\r\n"


def waits(peer):
    """What has come behind the line that is being answered."""
    try:
        return bytes(peer._buffer) + peer.sock.recv(1000, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return bytes(peer._buffer)


def last_lines(rig, n=1):
    rig.server.wait_connections(1).wait_closed()
    return rig.server.lines[-n:]


def strictly(rig, early, reply):
    """An action: remember what came before this reply."""
    def act(peer, line):
        time.sleep(0.2)
        early.append(waits(peer))
        return reply
    return act


@pytest.mark.parametrize("offered", [True, False])
def test_reset_behind_an_unanswered_noop(rig, offered):
    rig.server.keywords = [b"PIPELINING"] if offered else [b"SIZE"]
    hold, early = Hold(), []
    rig.server.on("NOOP", (hold, strictly(rig, early, b"250 late\r\n")))
    rig.clamd.next(b"{path}: Eicar FOUND{end}")
    with rig.client() as c:
        c.ehlo()
        c.begin(CONTENT, complete=False)
        hold.wait_reached()
        c.send(b".\r\n")
        # The client need not wait for that.
        assert c.reply() == b"550 Virus Detected; Content Rejected\r\n"
        c.send(b"MAIL FROM:<next@b>\r\n")
        time.sleep(0.2)
        hold.release()
        assert c.reply() == b"250 2.1.0 sender ok\r\n"
    assert early == [b"RSET\r\n" if offered else b""]
    assert last_lines(rig, 4) == [b"NOOP\r\n", b"RSET\r\n", b"MAIL FROM:<next@b>\r\n", b"QUIT\r\n"]


@pytest.mark.parametrize("line", [b"RSET", b"MAIL FROM:<a@b>", b"RCPT TO:<a@b>", b"NOOP"])
def test_quit_behind_an_unanswered_command(rig, line):
    rig.server.keywords = [b"SIZE"]
    early, verb = [], line[:4].decode()
    rig.server.on(verb, strictly(rig, early, b"250 late\r\n"))
    with rig.client() as c:
        c.ehlo()
        # A client may leave at any time; what it asked has no group without PIPELINING.
        c.send(line + b"\r\nQUIT\r\n")
        assert c.reply() + c.reply() == b"250 late\r\n221 2.0.0 bye\r\n"
    assert early == [b""]


def test_the_server_goes_before_the_reset(rig):
    hold = Hold()
    rig.server.on("NOOP", (hold, CLOSE))
    rig.clamd.next(b"{path}: Eicar FOUND{end}")
    with rig.client() as c:
        c.ehlo()
        c.begin(CONTENT, complete=False)
        hold.wait_reached()
        c.send(b".\r\n")
        assert c.reply()[:3] == b"550"
        hold.release()
        assert c.rest()[:3] == b"421"


LEAVING = {
    "closes": lambda c: c.close(),
    "resets": lambda c: c.reset(),
    "closes its half": lambda c: (c.half_close(), c.rest()),
    "says nothing": lambda c: c.rest(),
    "is out of step": lambda c: (c.send(b"NOOP\r\nNOOP\r\n"), c.rest()),
    "sends a bad chunk": lambda c: (c.send(b"BDAT x\r\n"), c.rest()),
}


@pytest.mark.parametrize("how", LEAVING)
@pytest.mark.parametrize("when", ["connect", "EHLO", "RCPT", "message"])
def test_the_client_leaves(rig, how, when):
    rig.server.keywords = [b"SIZE"]
    with rig.client() as c:
        if when != "connect":
            c.ehlo()
        if when == "RCPT":
            c.envelope()
        if when == "message":
            assert c.mail() == QUEUED
        LEAVING[how](c)
        assert last_lines(rig, 2)[-1] == b"QUIT\r\n"
    assert rig.server.lines.count(b"QUIT\r\n") == 1 and rig.server.lines.count(b"NOOP\r\n") == 0


def test_its_own_quit_is_enough(rig):
    for _ in range(2):
        with rig.client() as c:
            assert c.cmd(b"QUIT")[:3] == b"221"
        assert last_lines(rig) == [b"QUIT\r\n"] and len(rig.server.lines) == 1
        rig.server.clear()
        rig.server.on("QUIT", (b"221 bye\r\n", CLOSE))


def test_the_reply_to_quit_is_not_waited_for(rig):
    rig.server.on("QUIT", HANG)
    start = time.monotonic()
    with rig.client() as c:
        c.close()
        last_lines(rig)
    assert rig.server.lines == [b"QUIT\r\n"] and time.monotonic() - start < 2


@pytest.mark.parametrize("command", [b"NOOP", b"EHLO x", b"RSET"])
def test_a_reply_that_is_due_is_waited_for(rig, command):
    hold, early = Hold(), []
    verb = command.split()[0].decode()
    rig.server.on(verb, (hold, strictly(rig, early, b"250 ok\r\n")))
    with rig.client() as c:
        c.send(command + b"\r\n")
        hold.wait_reached()
        c.reset()
        time.sleep(0.2)
        hold.release()
        assert last_lines(rig) == [b"QUIT\r\n"]
    assert early == [b""]


@pytest.mark.parametrize("step, told", [("connect", []), ("NOOP", [b"QUIT\r\n"]), ("AUTH", [])])
def test_but_not_for_ever(rig, step, told):
    rig.server.on(step, HANG)
    with rig.client(greet=False) as c:
        if step != "connect":
            c.reply()
            c.send(step.encode() + b"\r\n")
            rig.server.wait_line(step.encode() + b"\r\n")
        else:
            rig.server.wait_connections(1)
        c.reset()
        start = time.monotonic()
        rig.server.wait_connections(1).wait_closed()
        assert time.monotonic() - start < 4
    assert [line for line in rig.server.lines if line[:4] != step.encode()] == told


def test_in_the_middle_of_auth(rig):
    rig.server.on("AUTH", b"334 \r\n")
    rig.server.on("*", b"501 5.7.0 cancelled\r\n")
    with rig.client() as c:
        assert c.cmd(b"AUTH LOGIN") == b"334 \r\n"
        c.close()
        assert last_lines(rig, 3) == [b"AUTH LOGIN\r\n", b"*\r\n", b"QUIT\r\n"]


def test_not_in_the_middle_of_data(rig):
    hold = rig.clamd.hold()
    rig.server.on("DATA", (b"354 go\r\n", CLOSE))
    with rig.client() as c:
        c.begin()
        hold.wait_reached()
        hold.release()
        assert c.reply() == LOCAL_ERROR
    assert b"QUIT\r\n" not in last_lines(rig)


@pytest.mark.parametrize("line", [b"EHLO x", b"HELO x", b"MAIL FROM:<a@b>", b"RSET", b"NOOP", b"VRFY x", b"AUTH LOGIN"])
def test_goodbye_to_a_command(rig, line):
    rig.server.on(line.split()[0].decode(), b"421-4.3.2 one\r\n" + BYE)
    with rig.client() as c:
        assert c.cmd(line) == b"421-4.3.2 one\r\n" + BYE
        c.expect_eof()
        assert not c.reset_seen
    assert last_lines(rig) == [line + b"\r\n"]


def test_goodbye_as_greeting(rig):
    rig.server.banner = BYE
    with rig.client() as c:
        assert c.greeting == BYE
        c.expect_eof()
    assert not last_lines(rig)


def test_goodbye_unasked(rig):
    rig.server.on("RCPT", b"250 ok\r\n" + BYE)
    with rig.client() as c:
        c.envelope()
        assert c.rest() == BYE
    assert last_lines(rig)[0][:4] == b"RCPT"


def test_goodbye_just_before_data(rig):
    for _ in range(20):
        rig.server.clear()
        hold = Hold()
        rig.server.on("RCPT", (b"250 ok\r\n", hold, BYE))
        with rig.client() as c:
            c.envelope()
            hold.wait_reached()
            hold.release()
            c.rest() if c.silent(0.001) else None
            assert START_DATA not in c.received
        assert b"DATA\r\n" not in last_lines(rig)


def test_goodbye_in_a_group(rig):
    rig.server.keywords = [b"PIPELINING"]
    rig.server.on("RCPT", [b"250 ok\r\n", BYE, b"250 ok\r\n"])
    with rig.client() as c:
        c.ehlo()
        c.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\nRCPT TO:<3@d>\r\nDATA\r\n")
        assert c.rest() == b"250 2.1.0 sender ok\r\n250 ok\r\n" + BYE


@pytest.mark.parametrize("step", ["DATA", "."])
def test_goodbye_to_a_message(rig, step):
    rig.server.on(step, BYE)
    with rig.client() as c:
        c.begin()
        assert c.rest() == BYE
    assert last_lines(rig) == [b"DATA\r\n"]
    assert rig.summary() == "from=a@example.org, to=b@example.net, status=SERVER-REFUSED, reply=421 4.3.2 going down"


def test_goodbye_to_what_the_client_does_not_see(rig):
    rig.server.on("RSET", BYE)
    rig.clamd.next(b"{path}: Eicar FOUND{end}")
    with rig.client() as c:
        assert c.mail()[:3] == b"550"
        assert c.rest() == BYE
    assert last_lines(rig) == [b"RSET\r\n"]


def test_goodbye_while_the_client_sends_its_message(rig):
    rig.server.on("NOOP", BYE)
    with rig.client() as c:
        c.begin(complete=False)
        rig.server.wait_line(b"NOOP\r\n")
        time.sleep(0.2)
        c.send(b".\r\n")
        assert c.rest() == LOCAL_ERROR
    assert last_lines(rig) == [b"NOOP\r\n"]


def test_refused_reset(rig):
    rig.server.on("RSET", b"500 no\r\n")
    rig.clamd.next(b"{path}: Eicar FOUND{end}")
    with rig.client() as c:
        assert c.mail()[:3] == b"550"
        assert c.rest() == b"421 The mail server closed the connection\r\n"
    assert last_lines(rig, 2) == [b"RSET\r\n", b"QUIT\r\n"]
