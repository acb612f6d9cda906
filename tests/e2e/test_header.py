# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Header: where it goes, its escapes, and that it never breaks a message."""

import os
import re
import socket
import time

import pytest

from rig import Client, free_port

LINE = b"X-Virus-Scanned: ClamAV using ClamSMTP\r\n"

PLACES = [
    (b"A: b\r\n\r\nbody\r\n", b"A: b\r\n" + LINE + b"\r\nbody\r\n"),
    (b"A: b\r\n c\r\n\td\r\n\r\nbody\r\n", b"A: b\r\n c\r\n\td\r\n" + LINE + b"\r\nbody\r\n"),
    (b"\r\nbody\r\n", LINE + b"\r\nbody\r\n"),
    (b"\r\n\r\nbody\r\n", LINE + b"\r\n\r\nbody\r\n"),
    (b"A: b\r\nC: d\r\n", b"A: b\r\nC: d\r\n" + LINE),
    (b"", LINE),
    (b"A: b\r\nno header\r\n\r\nbody\r\n", b"A: b\r\n" + LINE + b"no header\r\n\r\nbody\r\n"),
    (b"A: b\n\nbody\n\r\n", b"A: b\r\n" + LINE + b"\r\nbody\r\n\r\n"),
    (b"A: b\r\n\0\r\n\r\nbody\r\n", b"A: b\r\n" + LINE + b"\0\r\n\r\nbody\r\n"),
    (b"A: b\r\n\r\nX: y\r\n\r\n", b"A: b\r\n" + LINE + b"\r\nX: y\r\n\r\n"),
    (b"A: " + b"x" * 100000 + b"\r\n\r\nb\r\n", b"A: " + b"x" * 100000 + b"\r\n" + LINE + b"\r\nb\r\n"),
]


@pytest.mark.parametrize("before, after", PLACES, ids=[repr(b)[2:30] for b, _ in PLACES])
def test_the_place(rig, before, after):
    with rig.client() as c:
        assert c.mail(before)[:3] == b"250"
    assert rig.server.wait_messages(1).content == after


@pytest.mark.parametrize("name", [
    "x\r\n.\r\nMAIL FROM:<e>\r\nRCPT TO:<v>\r\nDATA\r\nINFECTED:Y\r\n.\r\n", "a\nb", "a\r\n\r\nb", "\r\n"])
def test_the_name_of_a_local_client_may_be_anything(local_rig, name):
    """It gets into the line, which must still be one, or is left out."""
    r = local_rig(Header="X-Client: %i")
    with socket.socket(socket.AF_UNIX) as s:
        old = os.getcwd()
        os.chdir(r.directory)
        try:
            s.bind(name)
        finally:
            os.chdir(old)
        s.settimeout(20)
        s.connect(r.daemon.address)
        for line in (b"", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n", b"DATA\r\n", b"A: b\r\n\r\nbody\r\n.\r\n"):
            s.sendall(line)
            assert s.recv(1000)[:1] in b"23"
    assert r.server.wait_messages(1).content == b"A: b\r\n\r\nbody\r\n"
    r.daemon.wait_log("no header line: what the option Header makes here is none")
    for peer in list(r.server.connections):
        peer.wait_closed()
    assert len(r.server.messages) == 1


@pytest.mark.parametrize("header", [r"X-Client: relay\r\n\t%i", "%i: x"])
def test_a_client_without_a_name(local_rig, header):
    r = local_rig(Header=header)
    with r.client() as c:
        assert c.mail(b"A: b\r\n\r\nbody\r\n")[:3] == b"250"
    assert r.server.wait_messages(1).content == b"A: b\r\n\r\nbody\r\n"


def test_every_message_of_a_session(rig):
    with rig.client() as c:
        for _ in range(3):
            c.mail(b"A: b\r\n\r\n")
    assert [m.content.count(LINE) for m in rig.server.messages] == [1, 1, 1]


def sent_with(make, header, content=b"A: b\r\n\r\nbody\r\n", **options):
    r = make(Header=header, **options)
    with r.client() as c:
        assert c.mail(content)[:3] == b"250"
    return r, r.server.wait_messages(1).content


@pytest.mark.parametrize("header, line", [
    ("X-Mine: yes", b"X-Mine: yes\r\n"),
    ("", b""),
    (r"X: a\tb", b"X: a\tb\r\n"),
    (r"X: a\r\n\tb", b"X: a\r\n\tb\r\n"),
    (r"X: a\\b\%i", b"X: a\\b%i\r\n"),
    ("X: %i and %l", b"X: 127.0.0.1 and 127.0.0.1\r\n"),
    ("X: 100%%", b"X: 100%\r\n"),
    ("X: 100%", b"X: 100%\r\n"),
    ("X: a%zb", b"X: ab\r\n"),
    ('X: "quoted"', b'X: "quoted"\r\n'),
])
def test_the_text(make, header, line):
    r, content = sent_with(make, header)
    assert content == b"A: b\r\n" + line + b"\r\nbody\r\n"
    if "%z" in header:
        r.daemon.wait_log(r"invalid header symbol: %?z")


@pytest.mark.parametrize("name", ["Received", "received"])
def test_received_goes_to_the_top(make, name):
    _, content = sent_with(make, name + ": by us")
    assert content == name.encode() + b": by us\r\nA: b\r\n\r\nbody\r\n"


def test_the_clients_address(make):
    r = make(Header="X: %i %l", Listen="127.0.0.1:0", start=False)
    r.daemon.options["Listen"] = "0.0.0.0:%d" % free_port("0.0.0.0")
    r.daemon.start()
    with Client(("127.0.0.7", r.daemon.address[1]), source="127.0.0.5") as c:
        c.mail(b"\r\n")
    assert r.server.wait_messages(1).content == b"X: 127.0.0.5 127.0.0.7\r\n\r\n"


@pytest.mark.parametrize("zone, tail", [
    ("UTC0", r"\+0000 \(UTC\)"),
    ("IST-5:30", r"\+0530 \(IST\)"),
    ("NST3:30", r"-0330 \(NST\)"),
    ("CET-1", r"\+0100 \(CET\)"),
])
def test_the_date(make, zone, tail):
    _, content = sent_with(make, "X: %d", env={"TZ": zone})
    found = re.match(rb"A: b\r\nX: (.*)\r\n\r\nbody", content).group(1).decode()
    date = re.fullmatch(r"(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}) " + tail, found)
    assert date, found
    when = time.mktime(time.strptime(date.group(1)))
    hours = {"IST-5:30": 5.5, "NST3:30": -3.5, "CET-1": 1}.get(zone, 0)
    local = time.mktime(time.gmtime()) + hours * 3600
    assert abs(local - when) < 60


@pytest.mark.parametrize("header", ["no colon here", r"X: a\r\n\r\nbody", "two words: x", ": x"])
def test_no_header_field_is_not_added(make, header):
    r, content = sent_with(make, header)
    assert content == b"A: b\r\n\r\nbody\r\n"
    r.daemon.wait_log("(?i)header")


def test_a_long_header(make):
    _, content = sent_with(make, "X: " + "y" * 50000)
    assert content == b"A: b\r\nX: " + b"y" * 50000 + b"\r\n\r\nbody\r\n"
