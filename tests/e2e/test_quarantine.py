# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Quarantine: infected messages are kept, others are not."""

import os
import re

import pytest

from rig import CONTENT, INFECTED


@pytest.mark.parametrize("mode", ["stream", "scan"])
@pytest.mark.parametrize("action", ["drop", "bounce", "pass"])
def test_kept(make, action, mode):
    r = make(Quarantine="on", Action=action, ScanMode=mode, Header="X: y")
    content = b"A: b\r\n\r\n.dot\0\xff\r\nINFECTED:One\r\n"
    with r.client() as c:
        c.mail(content)
        c.mail(CONTENT)
        r.clamd.fail(b"what?{end}")
        c.mail(CONTENT)
        r.daemon.wait_log(r"quarantined virus file as: %s/virus\.\w{6}$" % re.escape(r.daemon.spool))
    name, = r.daemon.virus_files()
    assert re.fullmatch(r"virus\.\w{6}", os.path.basename(name))
    with open(name, "rb") as f:
        assert f.read() == content
    assert os.stat(name).st_mode & 0o137 == 0
    assert os.stat(name).st_nlink == 1


def test_not_kept_by_default(make):
    r = make()
    with r.client() as c:
        c.mail(INFECTED)
    assert r.daemon.leftovers() is None
    assert os.listdir(r.daemon.spool) == []


def test_many_and_large(make):
    r = make(Quarantine="on")
    sizes = [0, 1000, 100000, 3000000]
    with r.client() as c:
        for size in sizes:
            c.mail(b"INFECTED:X\r\n" + b"x" * size + b"\r\n")
    assert sorted(os.path.getsize(f) for f in r.daemon.virus_files()) == [s + 14 for s in sizes]


def test_repaired_content_is_kept_as_it_was_scanned(make):
    r = make(Quarantine="on")
    with r.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(b"INFECTED:X\n..a\rb\r\n..c\r\n.\r\n")
        assert c.reply()[:3] == b"250"
    name, = r.daemon.virus_files()
    with open(name, "rb") as f:
        assert f.read() == b"INFECTED:X\r\n..a b\r\n.c\r\n"
    assert r.clamd.scans[0].data.endswith(b"\r\nINFECTED:X\r\n..a b\r\n.c\r\n")


def test_the_temporary_file_is_private_in_stream_mode(make):
    r = make()
    with r.client() as c:
        with r.held(c, b"x" * 3000000 + b"\r\n"):
            modes = [os.stat(f).st_mode & 0o777 for f in r.daemon.temp_files()]
            assert all(mode == 0o600 for mode in modes)
        assert c.reply()[:3] == b"250"
