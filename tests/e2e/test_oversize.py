# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""What clamd did not look at because of its limits is no virus, and no failure
that passes: 552, and the log says which limit."""

import os

import pytest

from rig import (CLOSE, CONTENT, DISCARDED, INFECTED, LOCAL_ERROR, QUEUED, REJECTED, FakeClamd, OnCommand,
                 wait_until)

OVERSIZE = b"552 Message too large to be scanned\r\n"
WHO = "from=a@example.org, to=b@example.net"
REFUSED = b"INSTREAM size limit exceeded. ERROR{end}"
HUGE = CONTENT + (b"x" * 998 + b"\r\n") * 5000

LIMITS = {
    b"Heuristics.Limits.Exceeded.MaxFileSize": "MaxFileSize",
    b"Heuristics.Limits.Exceeded.MaxScanSize": "MaxScanSize",
    b"Heuristics.Limits.Exceeded.MaxScanTime": "MaxScanTime",
    b"Heuristics.Limits.Exceeded.EmailLineFoldcnt": "EmailLineFoldcnt",
    b"Heuristics.Limits.Exceeded": "Heuristics.Limits.Exceeded",
    b"Heuristics.Limits.ExceededMaxFiles": "MaxFiles",
}


def refused(r, limit, content=CONTENT):
    with r.client() as c:
        assert c.mail(content) == OVERSIZE
        assert r.summary() == WHO + ", status=OVERSIZE"
        r.daemon.wait_log("message of %d octets not scanned: beyond clamd's limit %s$" % (len(content), limit))
        assert c.mail() == QUEUED
    assert len(r.server.messages) == 1
    assert r.server.connections[0].verbs[:5] == ["MAIL", "RCPT", "RSET", "MAIL", "RCPT"]


@pytest.mark.parametrize("action", ["drop", "bounce", "pass"])
@pytest.mark.parametrize("name", LIMITS, ids=lambda name: name.decode())
def test_a_limit_is_no_virus(make, directory, name, action):
    r = make(Action=action, Quarantine="on", VirusAction="echo $VIRUS >>%s/ran" % directory)
    r.clamd.next(b"{path}: " + name + b" FOUND{end}")
    refused(r, LIMITS[name])
    with r.client() as c:
        assert c.mail(INFECTED) != OVERSIZE
    wait_until(lambda: os.path.exists(directory + "/ran"), "the virus action")
    assert len(r.daemon.virus_files()) == 1
    with open(directory + "/ran") as f:
        assert f.read() in ("", "Eicar-Test-Signature\n")


@pytest.mark.parametrize("mode", ["stream", "scan"])
@pytest.mark.parametrize("where", ["for us", "for another", "for nobody"])
def test_whatever_was_scanned(make, mode, where):
    before = {"for us": b"{path}: ", "for another": b"/other: ", "for nobody": b""}[where]
    r = make(ScanMode=mode)
    r.clamd.next(before + b"Heuristics.Limits.Exceeded.MaxFiles FOUND{end}")
    refused(r, "MaxFiles")


@pytest.mark.parametrize("name", [b"Heuristics.Limits.Exceed", b"X.Heuristics.Limits.Exceeded"])
def test_what_is_only_called_alike(make, name):
    r = make()
    r.clamd.next(b"{path}: " + name + b" FOUND{end}")
    with r.client() as c:
        assert c.mail() == DISCARDED
    assert r.summary() == WHO + ", status=VIRUS:" + name.decode()


def test_a_virus_beside_a_limit(make):
    r = make()
    r.clamd.next(b"{path}: Heuristics.Limits.Exceeded.MaxFiles FOUND{end}{path}: Worm FOUND{end}")
    with r.client() as c:
        assert c.mail() == DISCARDED
    assert r.summary() == WHO + ", status=VIRUS:Worm"


@pytest.mark.parametrize("tcp", [False, True], ids=["unix", "tcp"])
@pytest.mark.parametrize("content", [CONTENT, HUGE], ids=["small", "huge"])
@pytest.mark.parametrize("when", ["early", "at the end"])
def test_clamd_refuses_the_size(make, tcp, content, when):
    action = (REFUSED, CLOSE)
    if when == "early":
        action = OnCommand((REFUSED, CLOSE))
        content = HUGE
    with FakeClamd() as clamd:
        r = make(**{"ClamAddress": clamd.address} if tcp else {})
        (clamd if tcp else r.clamd).next(action)
        refused(r, "StreamMaxLength", content)


LIMIT = b"Heuristics.Limits.Exceeded.MaxFileSize"
FOUND = b"{path}: " + LIMIT + b" FOUND{end}"
REPLIES = {"reject": OVERSIZE, "Tempfail": LOCAL_ERROR, "pass": QUEUED}
STATUS = WHO + ", status=OVERSIZE"


def marked(reason, content=CONTENT):
    return content.replace(b"\r\n\r\n", b"\r\nX-Virus-Status: unscanned (%s)\r\n\r\n" % reason)


@pytest.mark.parametrize("action", ["drop", "pass"])
@pytest.mark.parametrize("wish", REPLIES)
@pytest.mark.parametrize("answer, reason", [
    (FOUND, LIMIT), (b"{path}: Heuristics.Limits.Exceeded FOUND{end}", b"Heuristics.Limits.Exceeded"),
    ((REFUSED, CLOSE), b"StreamMaxLength")])
def test_what_is_wished(make, directory, wish, answer, reason, action):
    r = make(Oversize=wish, Action=action, ScanFail="reject", Quarantine="on", VirusAction="touch %s/ran" % directory)
    r.clamd.next(answer)
    with r.client() as c:
        assert c.mail() == REPLIES[wish]
        assert r.summary() == STATUS
        assert c.mail() == QUEUED
    if wish == "pass":
        assert r.server.messages.pop(0).content == marked(reason)
    assert len(r.server.messages) == 1
    assert not r.daemon.virus_files() and not os.path.exists(directory + "/ran")


def test_pass_where_there_is_no_place(make):
    r = make(Oversize="pass", Header="")
    r.clamd.next(FOUND)
    with r.client() as c:
        assert c.mail(b" x\r\n\r\ny\r\n") == QUEUED
    assert r.server.messages[0].content == b"X-Virus-Status: unscanned (%s)\r\n\r\n x\r\n\r\ny\r\n" % LIMIT


def test_pass_what_clamd_refused_early(make):
    r = make(Oversize="pass")
    r.clamd.next(OnCommand((REFUSED, CLOSE)))
    with r.client() as c:
        assert c.mail(HUGE) == QUEUED
    assert r.server.messages[0].content == marked(b"StreamMaxLength", HUGE)


@pytest.mark.parametrize("reply", [b"550 no\r\n", b"451 later\r\n"])
def test_the_status_stays_when_the_server_refuses(make, reply):
    r = make(Oversize="pass")
    r.clamd.next(FOUND)
    r.server.on(".", reply)
    with r.client() as c:
        assert c.mail() == reply
    assert r.summary() == STATUS


RULES = {  # the action: the reply, and is it handled as a virus?
    "drop": (DISCARDED, True), "bounce": (REJECTED, True), "tempfail": (LOCAL_ERROR, False), "pass": (QUEUED, False),
}


@pytest.mark.parametrize("action", RULES)
@pytest.mark.parametrize("wish", ["reject", "pass"])
def test_a_rule_for_limits(make, directory, wish, action):
    reply, as_virus = RULES[action]
    r = make(Oversize=wish, VirusRule=["* drop", "Heuristics.* bounce", "heuristics.LIMITS.*.MaxFile* " + action,
                                       "Heuristics.Limits.* tempfail"],
             Quarantine="on", VirusAction="echo $VIRUS >>%s/ran" % directory)
    r.clamd.next(FOUND)
    with r.client() as c:
        assert c.mail() == reply
        assert r.summary() == STATUS
        assert c.mail() == QUEUED
    assert [m.content for m in r.server.messages[:-1]] == ([marked(LIMIT)] if action == "pass" else [])
    assert len(r.daemon.virus_files()) == as_virus
    if as_virus:
        wait_until(lambda: os.path.exists(directory + "/ran") and os.path.getsize(directory + "/ran"), "the action")
        with open(directory + "/ran", "rb") as f:
            assert f.read() == LIMIT + b"\n"


@pytest.mark.parametrize("rule", ["* pass", "Heuristics* pass", "Heuristics.Limits* pass", "Heuristics.Limits.X* pass",
                                  "*Heuristics.Limits.Exceeded.MaxFileSize pass", "Heuristics[.]Limits.* pass"])
def test_other_rules_do_not_count(make, rule):
    r = make(VirusRule=rule)
    r.clamd.next(FOUND)
    with r.client() as c:
        assert c.mail() == OVERSIZE


def test_no_rule_counts_for_the_size_alone(make):
    r = make(VirusRule=["StreamMaxLength pass", "Heuristics.Limits.* pass"])
    r.clamd.next((REFUSED, CLOSE))
    with r.client() as c:
        assert c.mail() == OVERSIZE
