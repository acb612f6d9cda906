# SPDX-License-Identifier: BSD-3-Clause
"""clamsmtpd -T with the real clamd, at its limits."""

import os
import re
import subprocess

import pytest

import clamd as real
from clamsmtpd import PROGRAM

pytestmark = pytest.mark.skipif(real.program() is None, reason="there is no clamd (package clamav-daemon)")

SMALL = ("MaxFileSize 25M", "MaxScanSize 100M", "StreamMaxLength 25M")


@pytest.fixture
def selftest(tmp_path_factory):
    started = []

    def run(mode, *lines):
        directory = tmp_path_factory.mktemp("selftest")
        for path in (directory, *directory.parents[:3]):
            if path.stat().st_uid == os.geteuid() and str(path) != "/tmp":
                path.chmod(0o755)
        clamd = real.PrivateClamd(directory / "clamd", lines=lines)
        started.append(clamd)
        clamd.start()
        spool = directory / "spool"
        spool.mkdir(mode=0o755)
        config = directory / "test.conf"
        config.write_text("OutAddress: 127.0.0.1:1\nClamAddress: %s\nTempDirectory: %s\nScanMode: %s\n" % (
            clamd.address, spool, mode))
        p = subprocess.run([PROGRAM, "-T", "-f", str(config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=300, encoding="latin-1")
        assert not list(spool.iterdir())
        return p.returncode, re.findall(r"(?m)^  .{26} (found|PASSED|refused|no answer)", p.stdout), p.stdout

    yield run
    for clamd in started:
        clamd.stop()


def test_stream_at_its_limit(selftest):
    code, rows, out = selftest("stream", *SMALL)
    assert code == 0, out
    assert rows == ["found"] * 8 + ["refused"] * 2, out


def test_fildes_fails_open(selftest):
    code, rows, out = selftest("fildes", *SMALL)
    assert code == 0, out
    assert rows == ["found"] * 8 + ["PASSED"] * 2, out
    assert "From 50 MB on it says OK without having looked" in out


def test_fildes_with_alertexceedsmax(selftest):
    code, rows, out = selftest("fildes", "AlertExceedsMax yes", *SMALL)
    assert code == 0, out
    assert rows == ["found"] * 8 + ["refused"] * 2, out


def test_a_clamd_that_knows_no_mail(selftest):
    code, rows, out = selftest("stream", "ScanMail no")
    assert code == 1, out
    assert "PASSED" in rows[:4], out
