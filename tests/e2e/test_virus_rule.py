# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""VirusRule: by its name, a virus may have another fate than Action says."""

import os
import re

import pytest

from rig import CONTENT, DISCARDED, LOCAL_ERROR, QUEUED, REJECTED, wait_until

WHO = "from=a@example.org, to=b@example.net"
REPLIES = {"drop": DISCARDED, "bounce": REJECTED, "pass": QUEUED, "tempfail": LOCAL_ERROR}


def found(name):
    return b"{path}: " + name + b" FOUND{end}"


def lines_of(path):
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return f.read().splitlines()


def fate(r, name):
    """What the rules say of a virus of this name."""
    r.clamd.next(found(name))
    with r.client() as c:
        reply = c.mail()
    assert r.summary().startswith(WHO + ", status=VIRUS:")
    return {v: k for k, v in REPLIES.items()}[reply]


@pytest.mark.parametrize("action", ["drop", "bounce", "pass"])
@pytest.mark.parametrize("rule", REPLIES)
def test_the_rule_goes_before_the_action(make, directory, rule, action):
    r = make(Action=action, VirusRule="Worm.* " + rule.capitalize(), Quarantine="on",
             VirusAction="echo $VIRUS >>%s/ran" % directory)
    assert fate(r, b"Worm.A") == rule
    assert [b"Virus Detected!" in m.content for m in r.server.messages] == [True] * (rule == "pass")
    # As it comes again, neither is done for what is put off.
    assert len(r.daemon.virus_files()) == (rule != "tempfail")
    assert fate(r, b"X.Worm.A") == action
    wanted = ["Worm.A"] * (rule != "tempfail") + ["X.Worm.A"]
    wait_until(lambda: sorted(lines_of(directory + "/ran")) == wanted, "the actions")
    assert len(r.daemon.virus_files()) == 1 + (rule != "tempfail")


def test_the_first_that_fits_counts(make):
    r = make(VirusRule=[
        "PUA.Good pass", "two words \t bounce", "PUA.[a-f]* tempfail", "pua.* bounce", "?hort pass", "a\\*b pass",
        "Sanesecurity.*/* pass"])
    for name, wanted in [(b"PUA.Good", "pass"), (b"pua.GOOD", "pass"), (b"PUA.Bad", "tempfail"),
                         (b"PUA.Xad", "bounce"), (b"PUA", "drop"), (b"XPUA.Good", "drop"), (b"Two Words", "bounce"),
                         (b"Two", "drop"), (b"two  words", "drop"), (b"Short", "pass"), (b".hort", "pass"),
                         (b"hort", "drop"), (b"a*b", "pass"), (b"axb", "drop"),
                         (b"Sanesecurity.x/.y", "pass")]:
        assert (name, fate(r, name)) == (name, wanted)


def test_many_rules(make):
    r = make(VirusRule=["Worm.%d bounce" % n for n in range(2000)] + ["Worm.7 pass"])
    assert [fate(r, b"Worm.%d" % n) for n in (0, 7, 1999, 2000)] == ["bounce", "bounce", "bounce", "drop"]


@pytest.mark.parametrize("answer", [b"/other: Foo FOUND{end}", b"Foo FOUND{end}"])
def test_a_virus_without_a_name_has_no_rule(make, answer):
    r = make(Action="bounce", VirusRule="* pass")
    r.clamd.next(answer)
    with r.client() as c:
        assert c.mail() == REJECTED
    assert r.summary() == WHO + ", status=VIRUS"


def test_what_clamd_did_not_name_is_marked_so(make):
    r = make(Action="pass")
    r.clamd.next(b"/other: Foo FOUND{end}")
    with r.client() as c:
        assert c.mail() == QUEUED
    assert r.server.messages[0].content == CONTENT.replace(
        b"\r\n\r\n", b"\r\nX-Virus-Infected: Virus Detected!\r\nX-Virus-Status: infected\r\n\r\n")


@pytest.mark.parametrize("name", [
    b"Worm", b"Two  Words", b"a(b", b"a)b", b"((((", b"a\\", b"\\)", b"(comment)", b"a\r\nBcc: x", b"a\tb", b"\x1b[1m",
    b"\x80\xff", "ä".encode(), b"a: b", b"\"x", b"x" * 969, b"x" * 970, b"x" * 971, b"(" * 5000])
def test_the_name_in_the_header(make, name):
    r = make(VirusRule="* pass")
    # A line feed would end clamd's answer.
    r.clamd.next(found(name.replace(b"\n", b"")))
    with r.client() as c:
        assert c.mail() == QUEUED
    head, body = r.server.messages[0].content.split(b"\r\n\r\n", 1)
    assert body == b"Hello.\r\n"
    lines = head.split(b"\r\n")
    assert lines[:3] == [b"Subject: test", b"From: a@example.org", b"X-Virus-Infected: Virus Detected!"]
    assert len(lines) == 4 and len(lines[3]) <= 998
    assert re.fullmatch(rb"X-Virus-Status: infected \([ -'*-\[\]-~]*\)", lines[3])
    legal = re.sub(rb"[^ -'*-\[\]-~]", b"?", name.replace(b"\n", b""))[:998 - len("X-Virus-Status: infected ()")]
    assert lines[3] == b"X-Virus-Status: infected (%s)" % legal


def test_the_reply_of_bounce_does_not_tell_the_name(make):
    r = make(VirusRule="* bounce")
    r.clamd.next(found(b"Worm"))
    with r.client() as c:
        assert c.mail() == b"550 Virus Detected; Content Rejected\r\n"


def test_a_failed_copy_defers_what_a_rule_drops(make):
    r = make(Action="bounce", VirusRule="* drop", Quarantine="on")
    hold = r.clamd.hold(found(b"Worm"))
    with r.client() as c:
        c.begin()
        hold.wait_reached()
        os.rename(r.daemon.spool, r.daemon.spool + ".away")
        hold.release()
        assert c.reply() == LOCAL_ERROR
    os.rename(r.daemon.spool + ".away", r.daemon.spool)
    assert r.summary() == WHO + ", status=VIRUS:Worm"
