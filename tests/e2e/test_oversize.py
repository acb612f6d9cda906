# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""What clamd did not look at because of its limits is no virus, and no failure
that passes: 552, and the log says which limit."""

import os

import pytest

from rig import CLOSE, CONTENT, DISCARDED, INFECTED, QUEUED, FakeClamd, OnCommand, wait_until

OVERSIZE = b"552 5.3.4 Message too large to be scanned\r\n"
WHO = "from=a@example.org, to=b@example.net"
REFUSED = b"INSTREAM size limit exceeded. ERROR{end}"
HUGE = CONTENT + (b"x" * 998 + b"\r\n") * 5000

LIMITS = {
    b"Heuristics.Limits.Exceeded.MaxFileSize": "MaxFileSize",
    b"Heuristics.Limits.Exceeded.MaxScanSize": "MaxScanSize",
    b"Heuristics.Limits.Exceeded.MaxScanTime": "MaxScanTime",
    b"Heuristics.Limits.Exceeded.EmailLineFoldcnt": "EmailLineFoldcnt",
    b"Heuristics.Limits.Exceeded": "Heuristics.Limits.Exceeded",
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


@pytest.mark.parametrize("name", [b"Heuristics.Limits.ExceededNot", b"X.Heuristics.Limits.Exceeded"])
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
