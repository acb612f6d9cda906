# SPDX-License-Identifier: BSD-3-Clause
"""Real clamd at its limits: what it does not look at is refused, and never
taken for a virus; what it looks at passes, or is found, as always."""

import contextlib
import os
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import clamd  # noqa: E402
from rig import DISCARDED, LOCAL_ERROR, QUEUED, REJECTED, Rig  # noqa: E402
from samples import EICAR  # noqa: E402

OVERSIZE = b"552 Message too large to be scanned\r\n"
LIMITS = ("StreamMaxLength 1M", "MaxFileSize 200K", "AlertExceedsMax yes")
WHO = "from=a@example.org, to=b@example.net, status="
LINE = b"x" * 76 + b"\r\n"

pytestmark = pytest.mark.skipif(clamd.program() is None, reason="there is no clamd (package clamav-daemon)")


def content(size):
    return b"From: a@example.org\r\nSubject: x\r\n\r\n" + LINE * (size // len(LINE))


@pytest.fixture(scope="module")
def address():
    directory = tempfile.mkdtemp(prefix="clamsmtpd-mail.")
    private = clamd.PrivateClamd(directory, lines=LIMITS)
    private.start()
    yield private.address
    private.stop()
    shutil.rmtree(directory)


@pytest.fixture(params=["stream", "scan"])
def start(request, address):
    """start(Option="value", ...): a daemon in this mode."""
    directory = tempfile.mkdtemp(prefix="clamsmtpd-mail.")
    os.chmod(directory, 0o755)
    with contextlib.ExitStack() as stack:
        def begin(**options):
            r = stack.enter_context(Rig(directory, ClamAddress=address, ScanMode=request.param, **options))
            r.mode = request.param
            if r.mode == "scan" and clamd.user() is not None:
                shutil.chown(r.daemon.spool, group=clamd.user() if clamd.user() != "nobody" else "nogroup")
                os.chmod(r.daemon.spool, 0o2770)
            return r
        yield begin
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def rig(start):
    return start()


def test_what_is_within_the_limits(rig):
    with rig.client() as c:
        assert c.mail(content(1000)) == QUEUED
        assert c.mail(content(150000)) == QUEUED
        assert c.mail(content(1000) + EICAR + b"\r\n") == DISCARDED
        assert c.mail(content(150000) + EICAR + b"\r\n") == DISCARDED
    assert len(rig.server.messages) == 2


@pytest.mark.parametrize("size", [400000, 3000000])
def test_what_is_beyond_them(rig, size):
    mail = content(size)
    limit = "StreamMaxLength" if rig.mode == "stream" and size > 1 << 20 else "MaxFileSize"
    with rig.client() as c:
        assert c.mail(mail) == OVERSIZE
        assert rig.summary() == WHO + "OVERSIZE"
        rig.daemon.wait_log("message of %d octets not scanned: beyond clamd's limit %s$" % (len(mail), limit))
        assert c.mail(content(1000)) == QUEUED
    assert len(rig.server.messages) == 1


def test_oversize_says_so(start):
    r = start(Oversize="pass", VirusRule="* bounce")
    mail = content(400000)
    with r.client() as c:
        assert c.mail(mail) == QUEUED
        assert r.summary() == WHO + "OVERSIZE"
        assert c.mail(content(1000) + EICAR + b"\r\n") == REJECTED
    assert r.server.messages[0].content == mail.replace(
        b"\r\n\r\n", b"\r\nX-Virus-Status: unscanned (Heuristics.Limits.Exceeded.MaxFileSize)\r\n\r\n", 1)


def test_rules_by_name(start):
    r = start(VirusRule=["Heuristics.Limits.*.maxfilesize tempfail", "*eicar* pass"])
    with r.client() as c:
        assert c.mail(content(400000)) == LOCAL_ERROR
        assert r.summary() == WHO + "OVERSIZE"
        assert c.mail(content(1000) + EICAR + b"\r\n") == QUEUED
    name = r.summary()[len(WHO + "VIRUS:"):].encode()
    assert b"\r\nX-Virus-Infected: Virus Detected!\r\nX-Virus-Status: infected (%s)\r\n" % name \
        in r.server.messages[0].content
