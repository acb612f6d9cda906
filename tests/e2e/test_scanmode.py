# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""ScanMode: how clamd is asked, and that it always sees mail as mail."""

import os

import pytest

from rig import CONTENT, INFECTED, QUEUED, FakeClamd


@pytest.mark.parametrize("mode, command", [
    (None, b"nINSTREAM"), ("stream", b"nINSTREAM"), ("STREAM", b"nINSTREAM"), ("scan", b"zSCAN "),
])
@pytest.mark.parametrize("size", [0, 1, 60000, 3000000])
def test_the_command_and_the_content(make, mode, command, size):
    r = make(ScanMode=mode, Header="")
    content = b"X-Odd: first\r\n\r\n" + b"x" * size + b"\r\n"
    with r.client() as c:
        assert c.mail(content) == QUEUED
    scan = r.clamd.wait_scans(1)
    if command == b"nINSTREAM":
        assert (scan.command, scan.end) == (b"nINSTREAM", b"\n")
        assert scan.sizes[-1] == 0 and 0 not in scan.sizes[:-1]
    else:
        assert scan.command.startswith(b"zSCAN %s/clamsmtpd." % r.daemon.spool.encode())
        assert scan.end == b"\0"
        # clamd reads it as a member of the group.
        assert scan.mode & 0o007 == 0
        assert not os.path.exists(scan.path)
    first, _, rest = scan.data.partition(b"\r\n")
    assert first.startswith(b"Received: ")
    assert rest == content
    # The scan-only line goes nowhere else.
    assert r.server.wait_messages(1).content == content


@pytest.mark.parametrize("mode", ["stream", "scan"])
def test_the_verdict(make, mode):
    r = make(ScanMode=mode, Action="bounce")
    with r.client() as c:
        assert c.mail(INFECTED)[:3] == b"550"
        assert c.mail(CONTENT) == QUEUED
    assert r.summary().endswith("status=VIRUS:Eicar-Test-Signature")


def test_an_empty_message(make):
    for mode in ("stream", "scan"):
        r = make(ScanMode=mode, Header="")
        with r.client() as c:
            assert c.mail(b"") == QUEUED
        scan = r.clamd.wait_scans(1)
        assert scan.data.startswith(b"Received: ") and scan.data.count(b"\r\n") == 1


def test_scan_needs_the_path_in_the_answer(make):
    r = make(ScanMode="scan")
    with r.client() as c:
        for answer in (b"stream: OK{end}", b"/tmp/x: OK{end}", b": OK{end}", b"{path}: OK\n"[:-1]):
            r.clamd.fail(answer)
            assert c.mail()[:3] == b"451"
        assert c.mail() == QUEUED
    assert len(r.server.messages) == 1


def test_one_connection_a_message(make):
    with FakeClamd() as clamd:
        r = make(ClamAddress=clamd.address)
        with r.client() as c:
            for _ in range(3):
                assert c.mail() == QUEUED
        assert len(clamd.connections) == 3
        for scan in clamd.connections:
            scan.wait_closed()
