# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The facts behind 1.10's part of the summary, and that there is one line for
each DATA that was answered with 354."""

import os
import re
import signal
import subprocess

import pytest

from rig import CLOSE, CONTENT, FACTS, FOUND, INFECTED, OK, QUEUED, ROOT, facts_of, is_summary, old_part

WHO = "from=a@example.org, to=b@example.net"
WITH_ID = b"Subject: x\r\nMessage-ID: <1.2@example.org>\r\n\r\n.dot\r\nHello.\r\n"


def test_a_clean_message(rig):
    with rig.client() as c:
        c.ehlo(b"client.example")
        assert c.mail(WITH_ID)[:3] == b"250"
    line = rig.whole_summary()
    assert re.fullmatch(re.escape(WHO) + ", status=CLEAN, action=forwarded, size=%d, scan=[0-9]+ms, clamd=%s, "
                        "client=127.0.0.1, helo=client.example, msgid=<1.2@example.org>, queue=4711, server=%s" % (
                            len(WITH_ID), re.escape(rig.clamd.address), re.escape(rig.server.address)), line), line


def test_helo_counts_as_well(rig):
    with rig.client() as c:
        c.cmd(b"HELO me, action=x")
        assert c.mail()[:3] == b"250"
    facts = rig.facts()
    assert facts["helo"] == "me??action=x" and "msgid" not in facts


@pytest.mark.parametrize("action, reply, told", [
    ("drop", b"250", "discarded"), ("bounce", b"550", "rejected"), ("pass", b"250", "passed")])
def test_a_virus(make, action, reply, told):
    r = make(Action=action)
    with r.client() as c:
        assert c.mail(INFECTED)[:3] == reply
    facts = r.facts()
    assert facts["action"] == told and facts["virus"] == "Eicar-Test-Signature"
    assert facts["size"] == str(len(INFECTED)) and facts["clamd"] == r.clamd.address
    assert ("queue" in facts) == (action == "pass")


def test_virus_names_are_masked(rig):
    rig.clamd.next(b"{path}: Two words, size=0 FOUND{end}")
    with rig.client() as c:
        c.mail()
    line = rig.whole_summary()
    assert old_part(line) == WHO + ", status=VIRUS:Two words,?size=0"
    assert facts_of(line)["virus"] == "Two?words??size=0"


@pytest.mark.parametrize("reply, action", [(b"451 later\r\n", "deferred"), (b"554 no, size=1\r\n", "rejected")])
def test_the_server_refuses(rig, reply, action):
    rig.server.on(".", reply)
    with rig.client() as c:
        assert c.mail() == reply
    text = reply.decode().strip().replace(", size", ",?size")
    line = rig.whole_summary()
    assert old_part(line) == WHO + ", status=SERVER-REFUSED, reply=" + text
    facts = facts_of(line)
    assert facts["action"] == action and facts["size"] == str(len(CONTENT)) and "queue" not in facts


def test_the_server_is_lost(rig):
    rig.server.on(".", CLOSE)
    with rig.client() as c:
        assert c.mail()[:3] == b"451"
    assert rig.facts()["action"] == "deferred"


def test_no_verdict(rig):
    rig.clamd.answer = b"{path}: broken ERROR{end}"
    with rig.client() as c:
        assert c.mail()[:3] == b"451"
    facts = rig.facts()
    assert facts["action"] == "deferred" and "clamd" not in facts and "queue" not in facts


def test_the_client_leaves_during_the_scan(rig):
    with rig.client() as c:
        with rig.held(c):
            c.reset()
    line = rig.whole_summary()
    assert old_part(line) == WHO + ", status=CLIENT-GONE"
    facts = facts_of(line)
    assert "action" not in facts and facts["size"] == str(len(CONTENT))


def begin(c):
    for line in (b"EHLO me", b"MAIL FROM:<a@example.org>", b"RCPT TO:<b@example.net>", b"DATA"):
        assert c.cmd(line)[:1] in b"23"


def end_by_reset(c):
    c.reset()


def end_by_close(c):
    c.half_close()


@pytest.mark.parametrize("leave, old", [(end_by_reset, WHO + ", status=CLIENT-GONE"), (end_by_close, WHO)])
def test_the_client_leaves_within_the_content(rig, leave, old):
    with rig.client() as c:
        begin(c)
        c.send(b"Message-ID: <half@x>\r\n\r\n..\r\nHello")
        rig.daemon.wait_log("created cache file", rig.mark)
        leave(c)
        line = rig.whole_summary()
    assert old_part(line) == old
    facts = facts_of(line)
    assert "action" not in facts and facts["msgid"] == "<half@x>"


def test_the_client_falls_silent_within_the_content(make):
    r = make(TimeOut="1")
    with r.client() as c:
        begin(c)
        c.send(b"Subject: x\r\n")
        line = r.whole_summary()
    assert old_part(line) == WHO + ", status=CLIENT-GONE"
    facts = facts_of(line)
    assert "action" not in facts and facts["size"] == "12"


def test_a_stop_within_the_content(make):
    r = make()
    with r.client() as c:
        begin(c)
        c.send(b"Subject: x\r\n")
        r.daemon.wait_log("created cache file")
        r.daemon.signal(signal.SIGTERM)
        assert r.daemon.wait_exit() == 0
    lines = r.daemon.whole_summaries()
    assert len(lines) == 1 and old_part(lines[0]) == WHO and ", action=deferred, " in lines[0]


def test_each_message_has_one_line(rig):
    rig.clamd.queue = [OK, FOUND, b"{path}: broken ERROR{end}", b"{path}: broken ERROR{end}", OK]
    rig.server.on(".", [QUEUED, b"554 no\r\n"])
    with rig.client() as c:
        for _ in range(4):
            c.mail()
        c.cmd(b"DATA")  # no transaction: no 354, no line
        c.cmd(b"MAIL FROM:<a@example.org>")
        c.quit()
    rig.daemon.wait_log("SERVER connection closed", rig.mark)
    lines = [l for l in rig.daemon.log_since(rig.mark) if is_summary(l)]
    assert [l.split("status=")[1].split(",")[0] for l in lines] == [
        "CLEAN", "VIRUS:Worm", "CLAMAV-ERROR", "SERVER-REFUSED"]


def test_many_recipients_leave_the_facts_alone(rig):
    with rig.client() as c:
        c.ehlo(b"h" * 300)
        assert c.mail(WITH_ID, rcpts=[b"recipient%04d@example.net" % n for n in range(100)])[:3] == b"250"
    line = rig.whole_summary()
    assert 700 < len(old_part(line)) <= 767 and old_part(line).endswith(", to=..., status=CLEAN")
    facts = facts_of(line)
    assert facts["helo"] == "h" * 157 + "..." and facts["server"] == rig.server.address
    assert list(facts) == [f for f in FACTS if f in facts]


@pytest.mark.parametrize("reply, queue", [
    (b"250 2.0.0 Ok: queued as 4XYfFz2qN3z1Q\r\n", "4XYfFz2qN3z1Q"),
    (b"250 OK id=1uZ5Xp-00000004Xvx-2uab\r\n", "1uZ5Xp-00000004Xvx-2uab"),
    (b"250 2.0.0 5AS3Zl2T012345 Message accepted for delivery\r\n", "5AS3Zl2T012345"),
    (b"250 2.0.0 1a2b3c4d Message accepted for delivery\r\n", "1a2b3c4d"),
    (b"250 2.0.0 fine\r\n", None)])
def test_the_servers_queue_id(rig, reply, queue):
    rig.server.on(".", reply)
    with rig.client() as c:
        assert c.mail() == reply
    assert rig.facts().get("queue") == queue


XFORWARD = b"XFORWARD NAME=mx.example ADDR=192.0.2.77 HELO=mx.example IDENT=4XYZ"


def test_the_client_that_xforward_names(rig):
    rig.server.keywords = [b"XFORWARD NAME ADDR PROTO HELO SOURCE IDENT"]
    with rig.client() as c:
        c.ehlo(b"localhost")
        c.cmd(XFORWARD)
        c.mail()
        c.mail()
    facts = rig.facts()
    assert (facts["client"], facts["helo"], facts["ident"]) == ("192.0.2.77", "mx.example", "4XYZ")
    facts = rig.facts()
    assert (facts["client"], facts["helo"], facts.get("ident")) == ("127.0.0.1", "localhost", None)


def test_an_xforward_that_was_refused_tells_nothing(rig):
    rig.server.on("XFORWARD", b"550 5.7.0 not you\r\n")
    with rig.client() as c:
        c.ehlo(b"localhost")
        c.cmd(XFORWARD)
        c.mail()
    facts = rig.facts()
    assert (facts["client"], facts["helo"], facts.get("ident")) == ("127.0.0.1", "localhost", None)


def test_passed_without_a_verdict(make):
    r = make(ScanFail="pass")
    r.clamd.answer = b"{path}: broken ERROR{end}"
    with r.client() as c:
        assert c.mail()[:3] == b"250"
    line = r.whole_summary()
    assert old_part(line) == WHO + ", status=UNSCANNED"
    facts = facts_of(line)
    assert facts["action"] == "passed" and "clamd" not in facts and facts["scan"].endswith("ms")


def test_passed_although_too_large_for_clamd(make):
    r = make(Oversize="pass")
    r.clamd.answer = b"INSTREAM size limit exceeded. ERROR{end}"
    with r.client() as c:
        assert c.mail()[:3] == b"250"
    line = r.whole_summary()
    assert old_part(line) == WHO + ", status=OVERSIZE" and facts_of(line)["action"] == "passed"


def test_skipped(make):
    r = make(Skip="client 127.0.0.1")
    with r.client() as c:
        assert c.mail()[:3] == b"250"
    line = r.whole_summary()
    assert line.startswith(WHO + ", status=SKIPPED, action=forwarded, skip=client, size=")
    assert "scan" not in facts_of(line) and "clamd" not in facts_of(line)


def logcheck_rules():
    path = os.path.join(ROOT, "build", "packages", "etc", "logcheck", "ignore.d.server", "clamsmtp")
    if not os.path.exists(path):
        pytest.skip("no rules of logcheck (./bootstrap packages check)")
    return path


@pytest.mark.parametrize("reply", [None, b"554 no\r\n"])
def test_the_rules_of_debians_logcheck_match(rig, reply):
    rules = logcheck_rules()
    if reply:
        rig.server.on(".", reply)
    with rig.client() as c:
        c.ehlo(b"client.example")
        c.mail(WITH_ID)
    lines = ["Nov 28 03:35:47 mail clamsmtpd: 100000: " + rig.whole_summary(),
             "Nov  8 03:35:47 mail clamsmtpd: 100000: accepted connection from: 127.0.0.1"]
    left = subprocess.run(["grep", "-Evf", rules], input="\n".join(lines), capture_output=True, text=True, check=False)
    assert left.stdout == "" and left.returncode == 1, left
