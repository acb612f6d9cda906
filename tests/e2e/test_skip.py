# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Skip: whose mail goes on without a scan, octet for octet, and whose does not."""

import os

import pytest

from rig import CLOSE, CONTENT, DISCARDED, INFECTED, LOCAL_ERROR, QUEUED, REJECTED, START_DATA, wait_until

WHO = "from=a@example.org, to=b@example.net"
ODD = b" no header\r\n\r\n.dot\r\n..\r\n\x00\xff" + b"x" * 5000 + b"\r\nINFECTED:Worm\r\n"
HUGE = INFECTED + (b"." + b"y" * 997 + b"\r\n") * 3000


def is_skipped(r, by, mail=None, rcpts=None, **kw):
    """Play a message to the end; is it skipped for this reason, or scanned?"""
    before = len(r.clamd.scans), len(r.server.messages)
    with r.client(**kw) as c:
        return plays(r, c, by, before, mail or [b"<a@example.org>"], rcpts or [b"<b@example.net>"])


def plays(r, c, by, before, mail, rcpts):
    for argument in mail:
        c.cmd(b"MAIL FROM:" + argument)
    for argument in rcpts:
        c.cmd(b"RCPT TO:" + argument)
    reply = c.data(INFECTED)
    summary = r.summary("skip")
    scans, messages = len(r.clamd.scans) - before[0], len(r.server.messages) - before[1]
    if reply == QUEUED:
        assert summary.endswith(", status=SKIPPED, skip=" + by)
        assert (scans, messages) == (0, 1) and r.server.messages[-1].content == INFECTED
        return True
    assert reply == DISCARDED and summary.endswith(", status=VIRUS:Eicar-Test-Signature")
    assert (scans, messages) == (1, 0)
    return False


@pytest.mark.parametrize("content", [CONTENT, ODD, HUGE, b"", b"x\r\n"], ids=["plain", "odd", "huge", "empty", "line"])
@pytest.mark.parametrize("mode", ["stream", "scan"])
def test_octet_for_octet(make, directory, content, mode):
    r = make(Skip="client 127.0.0.0/8", ScanMode=mode, Header="X-Mine: yes", Action="bounce", Quarantine="on",
             VirusAction="touch %s/ran" % directory)
    with r.client() as c:
        assert c.mail(content) == QUEUED
    assert r.server.messages[0].content == content
    assert not r.clamd.connections and not r.daemon.virus_files() and not os.path.exists(directory + "/ran")
    assert r.summary("skip") == WHO + ", status=SKIPPED, skip=client"


def test_it_needs_no_clamd(make):
    r = make(Skip="client 127.0.0.1", ClamAddress="/nonexistent/clamd")
    with r.client() as c:
        assert c.mail(HUGE) == QUEUED
    assert r.server.messages[0].content == HUGE


def test_bare_newlines_are_repaired(make):
    r = make(Skip="client 127.0.0.1")
    with r.client() as c:
        assert c.mail(b"a\nb\rc\r\n") == QUEUED
    assert r.server.messages[0].content == b"a\r\nb c\r\n"


def test_bare_newlines_are_refused(make):
    r = make(Skip="client 127.0.0.1", BareNewline="reject")
    with r.client() as c:
        assert c.mail(b"a\nb\r\n") == b"550 Message contains a bare CR or LF\r\n"
        assert r.summary("skip") == WHO + ", status=BARE-NEWLINE"
        assert c.mail(b"a\r\n") == QUEUED
    assert [m.content for m in r.server.messages] == [b"a\r\n"]


def test_what_was_not_kept_is_put_off(make):
    r = make(Skip="client 127.0.0.1")
    os.rename(r.daemon.spool, r.daemon.spool + ".away")
    with r.client() as c:
        assert c.mail() == LOCAL_ERROR
    os.rename(r.daemon.spool + ".away", r.daemon.spool)
    assert r.summary("skip") == WHO
    assert not r.server.messages


@pytest.mark.parametrize("step, action, reply, status", [
    (".", b"550 no\r\n", b"550 no\r\n", "SERVER-REFUSED, reply=550 no"),
    ("DATA", b"451 later\r\n", b"451 later\r\n", "SERVER-REFUSED, reply=451 later"),
    (".", CLOSE, LOCAL_ERROR, "SERVER-ERROR"),
])
def test_the_server_does_not_take_it(make, step, action, reply, status):
    r = make(Skip="client 127.0.0.1")
    r.server.on(step, action)
    with r.client() as c:
        assert c.mail() == reply
    assert r.summary("skip") == WHO + ", status=%s, skip=client" % status


def test_the_client_leaves(make):
    r = make(Skip="client 127.0.0.1")
    hold = []
    r.server.on("DATA", lambda *_: wait_until(lambda: hold) and b"354 go\r\n")
    c = r.client()
    c.begin()
    r.server.wait(lambda: r.server.connections[0].verbs[-1:] == ["DATA"], "DATA")
    c.close()
    r.daemon.wait_log("client left before its message was passed on")
    hold.append(True)
    assert r.summary("skip") == WHO + ", status=CLIENT-GONE, skip=client"
    assert not r.server.messages


# -- by client

@pytest.mark.parametrize("rules, sources", [
    ("client 127.0.0.2", {"127.0.0.2": True, "127.0.0.1": False}),
    ("Client 127.0.1.0/24", {"127.0.1.255": True, "127.0.2.0": False}),
    (["client 127.0.0.2", "client 127.0.0.4/30"], {"127.0.0.2": True, "127.0.0.7": True, "127.0.0.8": False}),
    ("client ::/0", {"127.0.0.1": False}),
])
def test_clients(make, rules, sources):
    r = make(Skip=rules)
    for source, wanted in sources.items():
        assert (source, is_skipped(r, "client", source=source)) == (source, wanted)


def test_a_client_without_an_address(local_rig):
    r = local_rig(Skip="client 0.0.0.0/0")
    assert not is_skipped(r, "client")


@pytest.mark.parametrize("rule, address, reply, wanted", [
    ("192.0.2.0/24", b"192.0.2.7", b"250 ok\r\n", True),
    ("192.0.2.0/24", b"192.0.2.7", b"550 no\r\n", False),
    ("192.0.2.0/24", b"203.0.113.9", b"250 ok\r\n", False),
    ("192.0.2.0/24", b"[UNAVAILABLE]", b"250 ok\r\n", False),
    ("2001:db8::/32", b"IPV6:2001:db8::1", b"250 ok\r\n", True),
    # Our own mail server is not the client.
    ("127.0.0.1", b"203.0.113.9", b"250 ok\r\n", False),
    ("127.0.0.1", b"203.0.113.9", b"550 no\r\n", True),
])
def test_the_client_of_a_mail_server(make, rule, address, reply, wanted):
    r = make(Skip="client " + rule)
    r.server.on("XFORWARD", reply)
    with r.client() as c:
        assert c.cmd(b"XFORWARD ADDR=" + address) == reply
        assert plays(r, c, "client", (0, 0), [b"<a@x>"], [b"<b@x>"]) == wanted


@pytest.mark.parametrize("rule, xforward, wanted", [
    ("203.0.113.9", None, True), ("127.0.0.1", None, False), ("192.0.2.7", b"192.0.2.7", False),
    ("203.0.113.9", b"192.0.2.7", True)])
def test_the_client_of_a_balancer(make, rule, xforward, wanted):
    r = make(Skip="client " + rule, ProxyProtocol="127.0.0.1")
    with r.client(greet=False) as c:
        c.send(b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 25\r\n")
        assert c.reply()[:3] == b"220"
        # A stranger cannot exempt himself.
        if xforward:
            assert c.cmd(b"XFORWARD ADDR=" + xforward)[:3] == b"250"
        assert plays(r, c, "client", (0, 0), [b"<a@x>"], [b"<b@x>"]) == wanted


# -- by sender

@pytest.mark.parametrize("rule, mail, wanted", [
    ("a@example.org", b"<a@example.org>", True),
    ("A@EXAMPLE.org", b"<a@example.ORG>", True),
    ("*@example.org", b" <x@example.org> BODY=8BITMIME SIZE=1", True),
    ("a@example.org", b"<@x.example,@y.example:a@example.org>", True),
    ("a@example.org", b"<ba@example.org>", False),
    ("a@example.org", b"<a@example.org.evil>", False),
    ("*@example.org", b"<a@example.org>b@evil>", False),
    ("*@example.org", b"a@example.org", False),
    ("*@example.org", b"<\"x@example.org> \"@evil>", False),
    ("\"a b\"@example.org", b"<\"A b\"@example.org>", True),
    ("<>", b"<>", True),
    ("<>", b"<a@example.org>", False),
    ("*@*", b"<>", False),
    ("*", b"<>", True),
])
def test_senders(make, rule, mail, wanted):
    r = make(Skip="sender " + rule)
    assert is_skipped(r, "sender", [mail]) == wanted


def test_no_message_inherits_a_sender(make):
    r = make(Skip="sender good@*")
    good, other = [b"<good@x>"], [b"<other@x>"]
    with r.client() as c:
        def skipped(mail):
            return plays(r, c, "sender", (len(r.clamd.scans), len(r.server.messages)), mail, [b"<b@x>"])
        assert skipped(good)
        assert not skipped(other)
        assert skipped(good)
        for forget in (b"RSET", b"EHLO x", b"HELO x"):
            c.cmd(b"MAIL FROM:<good@x>")
            c.cmd(b"RCPT TO:<b@x>")
            assert c.cmd(forget)[:3] == b"250"
            assert not skipped(other)
        # The server takes the first of two, or the second: nobody knows.
        assert not skipped(good + other)
        assert not skipped(other + good)


def test_a_sender_that_was_refused(make):
    r = make(Skip="sender good@*")
    r.server.on("MAIL", [b"550 no\r\n", b"250 ok\r\n"])
    assert not is_skipped(r, "sender", [b"<good@x>", b"<other@x>"])
    r.server.on("MAIL", [b"550 no\r\n", b"250 ok\r\n"])
    assert is_skipped(r, "sender", [b"<other@x>", b"<good@x>"])


# -- by recipient

@pytest.mark.parametrize("rcpts, wanted", [
    ([b"<abuse@x>"], True),
    ([b"<Abuse@x> NOTIFY=NEVER", b"<@r:lab@y>"], True),
    ([b"<abuse@x>", b"<b@x>"], False),
    ([b"<b@x>", b"<abuse@x>"], False),
    ([b"<abuse@x>", b"<lab@x>", b"<lab2@x>"], False),
    ([b"<abuse@x>", b"lab@x"], False),
    ([b"<abuse@x><b@x>"], False),
    ([b"<\"abuse\"@x>"], False),
])
def test_recipients(make, rcpts, wanted):
    r = make(Skip=["recipient abuse@*", "recipient lab@?"])
    assert is_skipped(r, "recipient", rcpts=rcpts) == wanted


@pytest.mark.parametrize("pipelining", [False, True])
def test_only_accepted_recipients_count(make, pipelining):
    r = make(Skip="recipient abuse@*")
    r.server.keywords = [b"PIPELINING"] * pipelining + [b"SIZE"]
    for replies, wanted in [((250, 550), True), ((550, 250), False)]:
        r.server.on("RCPT", [b"%d reply\r\n" % n for n in replies])
        with r.client() as c:
            c.ehlo()
            lines = [b"MAIL FROM:<>", b"RCPT TO:<abuse@x>", b"RCPT TO:<b@x>"]
            if pipelining:
                c.send(b"\r\n".join(lines + [b"DATA\r\n"]))
                assert [c.reply()[:3] for _ in range(4)] == [b"250", *[b"%d" % n for n in replies], b"354"]
            else:
                assert [c.cmd(l)[:3] for l in lines] == [b"250", *[b"%d" % n for n in replies]]
                assert c.cmd(b"DATA") == START_DATA
            c.send(INFECTED + b".\r\n")
            assert c.reply() == (QUEUED if wanted else DISCARDED)


# -- by authentication

def authenticate(c, reply):
    assert c.cmd(b"AUTH PLAIN AGEAYg==") == reply


@pytest.mark.parametrize("reply, wanted", [
    (b"235 2.7.0 welcome\r\n", True), (b"235-2.7.0 well\r\n235 come\r\n", True), (b"250 ok\r\n", False),
    (b"535 5.7.8 no\r\n", False), (b"454 later\r\n", False), (b"503 done\r\n", False)])
def test_authentication(make, reply, wanted):
    r = make(Skip="authenticated")
    r.server.on("AUTH", reply)
    with r.client() as c:
        c.ehlo()
        authenticate(c, reply)
        assert (c.mail(INFECTED) == QUEUED) == wanted
    if wanted:
        assert r.summary("skip") == WHO + ", status=SKIPPED, skip=authenticated"
    # Another session is another client.
    with r.client() as c:
        assert c.mail(INFECTED) == DISCARDED


def test_authentication_in_steps(make):
    r = make(Skip="authenticated")
    r.server.on("AUTH", b"334 \r\n")
    r.server.on("AGEAYG==", b"235 welcome\r\n")
    with r.client() as c:
        c.ehlo()
        assert c.cmd(b"AUTH PLAIN") == b"334 \r\n"
        assert c.cmd(b"*")[:3] == b"500"
        assert c.mail(INFECTED) == DISCARDED
        assert c.cmd(b"AUTH PLAIN") == b"334 \r\n"
        assert c.cmd(b"AGEAYg==") == b"235 welcome\r\n"
        assert c.mail(INFECTED) == QUEUED


def test_authentication_lasts_for_the_session(make):
    r = make(Skip="authenticated")
    r.server.on("AUTH", [b"235 welcome\r\n", b"503 done\r\n"])
    with r.client() as c:
        authenticate(c, b"235 welcome\r\n")
        for command in (b"RSET", b"EHLO x", b"NOOP", b"HELO x"):
            assert c.mail(INFECTED) == QUEUED
            assert c.cmd(command)[:3] == b"250"
        authenticate(c, b"503 done\r\n")
        assert c.mail(INFECTED) == QUEUED


def test_who_says_235_to_something_else(make):
    r = make(Skip="authenticated")
    for verb in ("NOOP", "VRFY", "MAIL", "RCPT", "XFORWARD"):
        r.server.on(verb, b"235 welcome\r\n")
    with r.client() as c:
        for command in (b"NOOP", b"VRFY AUTH", b"XFORWARD ADDR=192.0.2.1"):
            assert c.cmd(command) == b"235 welcome\r\n"
        assert c.mail(INFECTED) == DISCARDED


def test_the_server_forgets_it_with_xclient(make):
    r = make(Skip="authenticated", XClient="on")
    r.server.on("AUTH", b"235 welcome\r\n")
    r.server.keywords = [b"XCLIENT ADDR"]
    with r.client() as c:
        authenticate(c, b"235 welcome\r\n")
        c.ehlo()
        assert c.mail(INFECTED) == DISCARDED
    assert "XCLIENT" in r.server.connections[0].verbs


# -- several

def test_any_rule_suffices(make):
    r = make(Skip=["recipient abuse@*", "sender list@*", "client 127.0.0.2"], Action="bounce")
    assert is_skipped(r, "recipient", [b"<list@x>"], [b"<abuse@x>"], source="127.0.0.2")
    assert is_skipped(r, "sender", [b"<list@x>"], [b"<b@x>"], source="127.0.0.2")
    assert is_skipped(r, "client", [b"<a@x>"], [b"<b@x>"], source="127.0.0.2")
    with r.client() as c:
        assert c.mail(INFECTED) == REJECTED
