# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""A client that closes its side while it should wait for the reply to its
message will send it again, so it must not be passed on; with a QUIT waiting it
has only said all that it had to say."""

import pytest

from rig import CONTENT, INFECTED, LOCAL_ERROR, OK, QUEUED, Hold

BYE = b"221 2.0.0 bye\r\n"
BIG = CONTENT + (b"y" * 998 + b"\r\n") * 9000  # more than sockets hold
WHO = "from=a@example.org, to=b@example.net"


def sent(rig, content=CONTENT, behind=b""):
    c = rig.client()
    c.ehlo()
    c.envelope()
    c.cmd(b"DATA")
    c.send(content + b".\r\n" + behind)
    return c


def check_cut(rig, verbs):
    peer = rig.server.connections[0]
    peer.wait_closed()
    assert [v for v in peer.verbs if v != "QUIT"] == verbs
    assert not rig.server.messages
    rig.daemon.wait_log("client left before its message was passed on")


@pytest.fixture(params=["close", "half_close"])
def leave(request):
    return request.param


def test_in_the_scan(rig, leave):
    hold = Hold()
    rig.clamd.next((hold, OK))
    c = sent(rig)
    hold.wait_reached()
    getattr(c, leave)()
    if leave == "half_close":
        assert c.rest() == LOCAL_ERROR
    check_cut(rig, ["EHLO", "MAIL", "RCPT"])
    assert rig.summary().startswith(WHO)
    hold.release()
    c.close()


def test_an_infected_one(make, tmp_path):
    out = str(tmp_path / "out")
    r = make(Action="drop", VirusAction="touch " + out, Quarantine="on")
    hold = Hold()
    r.clamd.next((hold, b"{path}: X FOUND{end}"))
    c = sent(r, INFECTED)
    hold.wait_reached()
    c.half_close()
    assert c.rest() == LOCAL_ERROR
    hold.release()
    assert not r.daemon.virus_files()


def test_while_the_server_thinks_about_data(rig, leave):
    hold = Hold()
    rig.server.on("DATA", (hold, b"354 go\r\n"))
    c = sent(rig)
    hold.wait_reached()
    getattr(c, leave)()
    if leave == "half_close":
        assert c.rest() == LOCAL_ERROR
    rig.daemon.wait_log("SERVER connection closed", rig.mark)
    hold.release()
    check_cut(rig, ["EHLO", "MAIL", "RCPT", "DATA"])
    assert rig.summary() == WHO + ", status=CLIENT-GONE"
    c.close()


def test_while_the_content_is_sent(rig, leave):
    hold = Hold()
    rig.server.on("body", hold)
    c = sent(rig, BIG)
    hold.wait_reached()
    getattr(c, leave)()
    if leave == "half_close":
        assert c.rest() == LOCAL_ERROR
    rig.daemon.wait_log("SERVER connection closed", rig.mark)
    hold.release()
    check_cut(rig, ["EHLO", "MAIL", "RCPT", "DATA"])
    assert rig.summary() == WHO + ", status=CLIENT-GONE"
    c.close()


def test_after_the_end_of_mail_data(rig):
    hold = Hold()
    rig.server.on(".", (hold, QUEUED))
    with sent(rig) as c:
        hold.wait_reached()
        c.half_close()
        hold.release()
        assert c.rest() == QUEUED
    assert rig.summary() == WHO + ", status=CLEAN"


@pytest.mark.parametrize("offered, behind", [
    (False, b"QUIT\r\n"), (True, b"QUIT\r\n"), (True, b"NOOP\r\nRSET\r\nquit\n")])
@pytest.mark.parametrize("where", ["clamd", "DATA", "body"])
def test_quit_waits(rig, where, offered, behind):
    hold = Hold()
    rig.server.keywords = [b"PIPELINING"] if offered else []
    if where == "clamd":
        rig.clamd.next((hold, OK))
    else:
        rig.server.on(where, (hold, b"354 go\r\n") if where == "DATA" else hold)
    with sent(rig, BIG, behind) as c:
        hold.wait_reached()
        c.half_close()
        assert c.silent(0.2)
        hold.release()
        assert c.reply() == QUEUED
        assert c.rest().endswith(BYE)
    assert len(rig.server.messages) == 1


@pytest.mark.parametrize("behind", [b"NOOP\r\n", b"QUIT", b"NOOP QUIT\r\n", b"MAIL FROM:<x@y>\r\nQUITE\r\n"])
def test_something_else_waits(rig, behind):
    hold = Hold()
    rig.server.keywords = [b"PIPELINING"]
    rig.clamd.next((hold, OK))
    with sent(rig, behind=behind) as c:
        hold.wait_reached()
        c.half_close()
        assert c.rest() == LOCAL_ERROR
        hold.release()
    check_cut(rig, ["EHLO", "MAIL", "RCPT"])
