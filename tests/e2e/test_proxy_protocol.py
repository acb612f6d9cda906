# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""ProxyProtocol: a balancer tells who the client is."""

import os
import socket
import struct
import time

import pytest

from rig import (CLOSE, CONTENT, GREETING, INFECTED, LOCAL_ERROR, NO_SERVER, OK, QUEUED, STOPPING, Client, FakeClamd,
                 Hold, wait_until)
from test_virus_action import environment

OPTIONS = {"ProxyProtocol": "127.0.0.0/8", "XClient": "on", "Header": "X-Client: %i"}
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
NO_CLAMD = b"421 No virus scanner answers, try again later\r\n"
FRESH = 5  # seconds for which the last attempt to reach the server counts
NOT_IMPLEMENTED = b"502 Command not implemented\r\n"
CLOSED = r"closed a connection from 127\.0\.0\.1, which must begin with a PROXY header: "
OFFERS = [b"XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT"]


def v2(client="192.0.2.7", destination="192.0.2.1", command=0x21, tlvs=b"", family=None):
    kind = socket.AF_INET6 if ":" in client else socket.AF_INET
    addresses = socket.inet_pton(kind, client) + socket.inet_pton(kind, destination) + struct.pack("!HH", 40000, 25)
    return SIGNATURE + struct.pack("!BBH", command, family or (0x21 if kind == socket.AF_INET6 else 0x11),
                                   len(addresses + tlvs)) + addresses + tlvs


def tlv(octets):
    return struct.pack("!BH", 4, octets - 3) + bytes(octets - 3)


V1 = b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n"
LOCAL = SIGNATURE + b"\x20\0\0\0"


def connect(rig, header, **kw):
    """A client behind a balancer, with its greeting."""
    c = Client(rig.daemon.address, greet=False, **kw)
    c.send(header)
    c.greeting = c.reply()
    return c


HEADERS = {
    "v1": (V1, "192.0.2.7", 40000),
    "v1 IPv6": (b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 25\r\n", "2001:db8::7", 40000),
    "v1 unknown": (b"PROXY UNKNOWN\r\n", "127.0.0.1", None),
    "v1 unknown, with more": (b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n", "127.0.0.1", None),
    "v2": (v2(), "192.0.2.7", 40000),
    "v2 IPv6": (v2("2001:db8::7", "2001:db8::1"), "2001:db8::7", 40000),
    "v2 mapped": (v2("::ffff:192.0.2.7", "::ffff:192.0.2.1"), "192.0.2.7", 40000),
    "v2 with TLVs": (v2(tlvs=tlv(4096)), "192.0.2.7", 40000),
    "v2 unspecified": (SIGNATURE + b"\x21\0\0\0", "127.0.0.1", None),
    "v2 local socket": (SIGNATURE + b"\x21\x31\0\xd8" + bytes(216), "127.0.0.1", None),
}


@pytest.mark.parametrize("header, client, port", HEADERS.values(), ids=HEADERS)
def test_the_client(rig, header, client, port):
    rig.server.keywords = OFFERS
    with connect(rig, header) as c:
        assert c.greeting == GREETING
        c.ehlo(b"me")
        assert c.mail() == QUEUED
    prefix = "IPV6:" if ":" in client else ""
    assert b"X-Client: %s\r\n" % client.encode() in rig.server.messages[0].content
    words = rig.server.lines[1].split()
    assert b"ADDR=%s%s" % (prefix.encode(), client.encode()) in words
    if port:
        assert b"PORT=40000" in words and b"DESTPORT=25" in words
        assert any(w in words for w in (b"DESTADDR=192.0.2.1", b"DESTADDR=IPV6:2001:db8::1"))
        rig.daemon.wait_log("client by the PROXY protocol: " + client, rig.mark)
    else:
        assert b"DESTPORT=%d" % rig.daemon.address[1] in words
    rig.daemon.wait_log(r"accepted connection from: 127\.0\.0\.1", rig.mark)


@pytest.mark.parametrize("header", [V1, v2(tlvs=tlv(100))], ids=["v1", "v2"])
def test_octet_by_octet(rig, header):
    with Client(rig.daemon.address, greet=False) as c:
        for i in range(len(header)):
            assert not rig.server.connections
            c.send(header[i:i + 1])
        assert c.reply() == GREETING
        assert c.mail() == QUEUED


def test_the_virus_action(make):
    r = make(start=False, ProxyProtocol="127.0.0.1")
    out = os.path.join(r.directory, "out")
    r.daemon.options["VirusAction"] = "env -0 > %s.new && mv %s.new %s" % (out, out, out)
    r.daemon.start()
    with connect(r, V1) as c:
        c.ehlo()
        c.cmd(b"XFORWARD ADDR=203.0.113.5 HELO=there")
        c.mail(INFECTED)
    told = environment(out)
    assert (told["CLIENT"], told["REMOTE"], told["REMOTE_HELO"]) == ("192.0.2.7", "203.0.113.5", "there")


BAD = {
    "a command": (b"EHLO x\r\n", "it sent no valid one"),
    "one octet": (b"E", "it sent no valid one"),
    "v1 without ports": (b"PROXY TCP4 192.0.2.7 192.0.2.1\r\n", "it sent no valid one"),
    "v1 too long": (b"PROXY UNKNOWN " + b"x" * 93, "it sent no valid one"),
    "v1 too long with its end": (b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n", "it sent no valid one"),
    "v1 bare line feed": (V1.replace(b"\r", b""), "it sent no valid one"),
    "v2 version": (v2(command=0x31), "it sent no valid one"),
    "v2 command": (v2(command=0x22), "it sent no valid one"),
    "v2 family": (v2(family=0x41), "it sent no valid one"),
    "v2 short": (SIGNATURE + b"\x21\x11\0\x0b" + bytes(11), "it sent no valid one"),
    "v2 too long": (v2(tlvs=tlv(4097)), "it sent no valid one"),
    "v2 endless": (SIGNATURE + b"\x21\x11\xff\xff", "it sent no valid one"),
    "half of one": (V1[:20], "it closed before"),
    "nothing": (b"", "it closed before"),
}


@pytest.mark.parametrize("header, why", BAD.values(), ids=BAD)
def test_no_header_no_word(make, header, why):
    r = make(ProxyProtocol="127.0.0.0/8")
    for _ in range(3):
        with Client(r.daemon.address, greet=False) as c:
            c.send(header)
            if "closed" in why:
                c.half_close()
            c.expect_eof()
            assert not c.reset_seen
    r.daemon.wait_log(CLOSED + why)
    r.daemon.leftovers()
    assert not r.server.connections
    assert len([l for l in r.daemon.log_lines if "PROXY header" in l]) == 1
    r.daemon.stop()
    r.daemon.wait_log("^2 more like this: " + CLOSED + why)


@pytest.mark.parametrize("sent", [b"", V1[:-1], v2()[:-1]], ids=["nothing", "v1", "v2"])
def test_three_seconds(rig, sent):
    with Client(rig.daemon.address, greet=False) as c:
        began = time.monotonic()
        c.send(sent)
        c.expect_eof()
        assert 2.5 < time.monotonic() - began < 9
    assert not rig.server.connections


def test_a_stop_does_not_wait_for_one(make):
    r = make(ProxyProtocol="127.0.0.0/8")
    with Client(r.daemon.address, greet=False) as c:
        c.send(V1[:10])
        # A new thread has it, which tells nothing of it so far.
        wait_until(lambda: r.daemon.count_threads() > r.daemon.base_threads, "its thread")
        began = time.monotonic()
        assert r.daemon.stop() == 0
        assert time.monotonic() - began < 2.5
        assert c.rest() in (b"", STOPPING)


@pytest.mark.parametrize("early", [b"EHLO x\r\n", b"E", V1], ids=["command", "octet", "a second header"])
def test_who_talks_behind_the_header_is_out_of_step(rig, early):
    with connect(rig, V1 + early) as c:
        assert c.greeting.startswith(b"554 ")
        c.expect_eof()
    rig.daemon.wait_log(r"client 192\.0\.2\.7 is out of step")


@pytest.mark.parametrize("nets", ["192.0.2.0/24", "127.0.0.2", "::1", "unix"])
def test_from_others_it_is_refused(make, nets):
    r = make(ProxyProtocol=nets)
    with r.client() as c:
        assert c.greeting == GREETING
        for line in (V1[:-2], b"proxy unknown"):
            assert c.cmd(line) == NOT_IMPLEMENTED
        assert c.mail() == QUEUED
    r.daemon.wait_log("client 127.0.0.1 sent a line of the PROXY protocol")
    hold = Hold()
    r.server.on("connect", (hold, GREETING))
    with Client(r.daemon.address, greet=False) as c:
        c.send(V1)
        hold.wait_reached()
        hold.release()
        assert c.reply().startswith(b"554 ")
    assert len(r.server.messages) == 1


@pytest.mark.parametrize("source, wanted", [
    ("127.0.0.2", True), ("127.0.0.3", True), ("127.1.2.3", True), ("127.0.0.4", False)])
def test_lines_and_networks_add_up(make, source, wanted):
    r = make(start=False, ProxyProtocol="127.0.0.2 ,  127.0.0.3\nProxyProtocol: 127.1.0.0/16, [2001:db8::]/32")
    r.daemon.start()
    with Client(r.daemon.address, source=source, greet=not wanted) as c:
        if wanted:
            c.send(V1)
            assert c.reply() == GREETING
        assert c.mail() == QUEUED


def test_a_local_socket(make):
    r = make(start=False, ProxyProtocol="unix", XClient="on")
    r.daemon.auto_listen = False
    r.daemon.options["Listen"] = r.directory + "/listen"
    r.daemon.start()
    r.server.keywords = OFFERS
    with connect(r, v2()) as c:
        c.ehlo()
        assert c.mail() == QUEUED
    assert r.server.lines[1].startswith(b"XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.7 PORT=40000 DESTADDR=192.0.2.1 ")
    with Client(r.daemon.address, greet=False) as c:
        c.send(b"EHLO x\r\n")
        c.expect_eof()
    r.daemon.wait_log("closed a connection from a local socket")


# ---- the balancer's own connections

def check(rig, header=LOCAL):
    return connect(rig, header)


def test_a_check_costs_no_session(make):
    r = make(ProxyProtocol="127.0.0.0/8")
    with connect(r, V1) as c:
        assert c.mail() == QUEUED
        for header in (LOCAL, v2(command=0x20), LOCAL[:-2] + b"\0\5" + tlv(5)):
            with check(r, header) as k:
                assert k.greeting == GREETING
                for line in (b"EHLO haproxy", b"helo x"):
                    assert k.cmd(line) == b"250 smtp.passthru\r\n"
                for line in (b"NOOP", b"RSET", b"noop x"):
                    assert k.cmd(line) == b"250 Ok\r\n"
                for line in (b"MAIL FROM:<a@example.org>", b"DATA", b"STARTTLS", b"AUTH PLAIN x", b"LHLO x", b"XCLIENT",
                             b"", b"GET / HTTP/1.1", b"x" * 20000, b"\0"):
                    assert k.cmd(line) == NOT_IMPLEMENTED
                assert k.cmd(b"quit") == b"221 Bye\r\n"
                k.expect_eof()
    # On a slow machine one may have looked whether the server is there.
    assert [k.verbs for k in r.server.connections[1:] if k.verbs != ["QUIT"]] == []
    assert len(r.clamd.scans) == 1


def test_checks_cost_one_line_a_minute(make):
    r = make(ProxyProtocol="127.0.0.0/8", level=3)
    began = time.monotonic()
    for _ in range(5):
        with check(r) as k:
            assert k.cmd(b"EHLO x") == b"250 smtp.passthru\r\n"
            k.cmd(b"QUIT")
    with connect(r, V1) as c:
        assert c.mail() == QUEUED
    r.daemon.wait_log("size=")
    assert len([l for l in r.daemon.log_lines if "health check from: 127.0.0.1" in l]) == 1 or time.monotonic() - began > 60
    # Those of the client, and no others.
    assert len([l for l in r.daemon.log_lines if "accepted connection" in l]) == 1


def test_a_check_that_does_not_wait(make):
    r = make(ProxyProtocol="127.0.0.0/8")
    with connect(r, LOCAL + b"EHLO x\r\nNOOP\r\nQUIT\r\n") as k:
        assert k.greeting + k.rest() == GREETING + b"250 smtp.passthru\r\n250 Ok\r\n221 Bye\r\n"


def test_a_check_tries_the_server_where_nobody_has(make):
    r = make(ProxyProtocol="127.0.0.0/8")
    began = time.monotonic()
    for _ in range(3):
        with check(r) as k:
            assert k.greeting == GREETING
            assert k.cmd(b"EHLO x") == b"250 smtp.passthru\r\n"
    # That holds for five seconds, and was polite.
    r.server.wait(lambda: r.server.connections[0].verbs == ["QUIT"])
    assert len(r.server.connections) == 1 or time.monotonic() - began > FRESH


def test_a_check_without_a_server(make):
    r = make(ProxyProtocol="127.0.0.0/8")
    began = time.monotonic()
    r.server.stop()
    for _ in range(2):
        with check(r) as k:
            assert k.greeting == NO_SERVER
            k.expect_eof()
    attempts = [l for l in r.daemon.log_lines if "SERVER: couldn't connect" in l]
    assert len(attempts) == 1 or time.monotonic() - began > FRESH


def test_the_server_comes_back(make):
    r = make(ProxyProtocol="127.0.0.0/8", OutAddress=None, start=False)
    path = os.path.join(r.directory, "server")
    r.daemon.options["OutAddress"] = path
    r.daemon.start()
    with check(r) as k:
        assert k.greeting == NO_SERVER
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(5)
        # What a check has seen counts for a while; what a client sees, at once.
        with Client(r.daemon.address, greet=False) as c:
            c.send(V1)
            s.accept()[0].sendall(b"220 x\r\n")
            assert c.reply() == GREETING
        k = check(r)
    os.unlink(path)
    with k:
        assert k.greeting == GREETING
        wait_until(lambda: k.cmd(b"NOOP") == NO_SERVER, "the next attempt")


def test_while_every_clamd_is_set_aside(make):
    """Any that is left is enough; the checks ask none."""
    with FakeClamd() as other:
        r = make(start=False, ProxyProtocol="127.0.0.0/8")
        r.daemon.options["ClamAddress"] = "%s, %s" % (r.clamd.address, other.address)
        r.daemon.start()
        for clamd, reply, greeting in ((r.clamd, QUEUED, GREETING), (other, LOCAL_ERROR, NO_CLAMD)):
            clamd.answer = clamd.look = CLOSE
            with connect(r, V1) as c:
                assert c.mail() == reply
            with check(r) as k:
                assert k.greeting == greeting
        with connect(r, V1) as c:
            assert c.greeting == GREETING
        # It is looked at every five seconds.
        other.look = OK
        r.daemon.wait_log("is back")
        with check(r) as k:
            assert k.greeting == GREETING


def test_a_check_and_a_stop(make):
    r = make(ProxyProtocol="127.0.0.0/8")
    with check(r) as k:
        assert k.cmd(b"EHLO x") == b"250 smtp.passthru\r\n"
        assert r.daemon.stop() == 0
        assert k.rest() == STOPPING


def test_an_idle_check(make):
    r = make(ProxyProtocol="127.0.0.0/8", TimeOut="1")
    with check(r) as k:
        assert k.rest() == b"421 Timed out, closing connection\r\n"


def test_messages_pass_in_between(rig):
    with connect(rig, V1) as c:
        with check(rig):
            assert c.mail(CONTENT) == QUEUED
