# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The server offers SIZE: what is larger is read, thrown away and answered 552."""

import os

import pytest

from rig import LOCAL_ERROR, QUEUED, START_DATA, stuff, wait_until

OPTIONS = {"KeepAlives": "1"}
TOO_LARGE = b"552 Message exceeds the mail server's size limit\r\n"
HEAD = b"From: a@example.org\r\n\r\n"
LIMIT = 20000


def of_size(octets):
    """Content of so many octets, each of its lines begun with a dot."""
    lines = HEAD + b"." + b"y" * 2 + b"\r\n"
    while len(lines) + 100 < octets:
        lines += b"." + b"y" * 70 + b"\r\n"
    return lines + b"z" * (octets - len(lines) - 2) + b"\r\n"


def spooled(r):
    """The octets in all open files of the spool."""
    fds, total = "/proc/%d/fd" % r.daemon.pid, 0
    for name in os.listdir(fds):
        try:
            if os.readlink(fds + "/" + name).startswith(r.daemon.spool):
                total += os.stat(fds + "/" + name).st_size
        except OSError:
            pass
    return total


@pytest.mark.parametrize("octets, fits", [(100, True), (LIMIT - 1, True), (LIMIT, True), (LIMIT + 1, False),
                                          (LIMIT + 100000, False)])
def test_the_limit(rig, octets, fits):
    rig.server.keywords = [b"SIZE %d" % LIMIT]
    content = of_size(octets)
    assert len(content) == octets
    with rig.client() as c:
        c.ehlo()
        assert c.mail(content) == (QUEUED if fits else TOO_LARGE)
        assert c.mail() == QUEUED
    assert len(rig.server.messages) == 1 + fits
    if fits:
        assert len(rig.server.messages[0].content) > octets
        return
    who = "from=a@example.org, to=b@example.net"
    assert rig.summary() == who + ", status=OVERSIZE"
    rig.daemon.wait_log("message exceeds the mail server's SIZE of %d octets" % LIMIT, rig.mark)
    assert len(rig.clamd.scans) == 1
    assert rig.server.connections[0].asked == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("keyword", [b"SIZE", b"SIZE 0", b"8BITMIME", b"SIZE 99999999999999999999"])
def test_no_limit(rig, keyword):
    rig.server.keywords = [keyword]
    with rig.client() as c:
        c.ehlo()
        assert c.mail(of_size(300000)) == QUEUED


def test_the_last_offer_counts(rig):
    rig.server.on("EHLO", [b"250-x\r\n250 SIZE 1000\r\n", b"250-x\r\n250 SIZE 5000\r\n"])
    with rig.client() as c:
        c.ehlo()
        assert c.mail(of_size(3000)) == TOO_LARGE
        c.ehlo()
        assert c.mail(of_size(3000)) == QUEUED
        assert c.mail(of_size(6000)) == TOO_LARGE
        c.cmd(b"HELO x")
        assert c.mail(of_size(6000)) == QUEUED


def test_stray_line_ends_count_as_they_are_passed_on(rig):
    rig.server.keywords = [b"SIZE 1000"]
    content = HEAD + b"x\n" * 400
    with rig.client() as c:
        c.ehlo()
        assert c.mail(content + b"\r\n") == TOO_LARGE


def test_what_mail_announces_is_the_servers_to_judge(rig):
    rig.server.keywords = [b"SIZE 1000"]
    rig.server.on("MAIL", b"552 5.3.4 too much for me\r\n")
    with rig.client() as c:
        c.ehlo()
        assert c.cmd(b"MAIL FROM:<a@b> SIZE=5000") == b"552 5.3.4 too much for me\r\n"
    assert rig.server.lines[1] == b"MAIL FROM:<a@b> SIZE=5000\r\n"


@pytest.mark.parametrize("mode", ["stream", "scan"])
def test_the_rest_takes_no_room(make, mode):
    r = make(ScanMode=mode, KeepAlives="1")
    r.server.keywords = [b"SIZE 100000"]
    with r.client() as c:
        c.ehlo()
        c.envelope()
        assert c.cmd(b"DATA") == START_DATA
        for _ in range(100):
            c.send((b"y" * 78 + b"\r\n") * 1300)
            assert spooled(r) <= 200000
        wait_until(lambda: spooled(r) <= 8192, "the spool given up")
        # What is left is no command, and the server is kept awake meanwhile.
        r.server.wait_line(b"NOOP\r\n")
        c.send(stuff(b".\r\n") + b"RSET\r\n.\r\n")
        assert c.reply() == TOO_LARGE
        assert c.mail() == QUEUED
    assert os.listdir(r.daemon.spool) == []


def test_the_server_leaves_meanwhile(rig):
    rig.server.keywords = [b"SIZE 100"]
    with rig.client() as c:
        c.ehlo()
        c.begin(of_size(500), complete=False)
        rig.server.connections[0].sock.shutdown(2)
        rig.daemon.wait_log("disconnected unexpectedly", rig.mark)
        c.send(b".\r\n")
        assert c.rest() == LOCAL_ERROR
