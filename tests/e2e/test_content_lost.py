# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The file of a message is damaged while clamd is asked about it: nothing is left
that could be passed, and it is nothing that the sender could mend.  So it is put off,
whatever ScanFail and Oversize say, and no clamd is blamed for it."""

import os

import pytest

from rig import CLOSE, CONTENT, LOCAL_ERROR, OK, QUEUED, FakeClamd, Hold, OnCommand, wait_until

BIG = CONTENT + (b"x" * 998 + b"\r\n") * 3000
ERROR = b"{path}: Can't read file ERROR{end}"
WISHES = ["tempfail", "reject", "pass"]


def file_of(r):
    wait_until(lambda: [f for f in r.daemon.temp_files() if os.stat(f).st_size > 0])
    path, = [f for f in r.daemon.temp_files() if os.stat(f).st_size > 0]
    return path


def shorten(r):
    os.truncate(file_of(r), 30)


def remove(r):
    os.unlink(file_of(r))


def scan_meanwhile(r, content, damage, answer):
    """clamd has begun; then the damage is done; then it goes on, and answers."""
    hold = Hold()
    r.clamd.next(OnCommand(hold, then=answer))
    with r.client() as c:
        c.begin(content)
        hold.wait_reached()
        damage(r)
        hold.release()
        assert c.reply() == LOCAL_ERROR
        r.clamd.queue.clear()
        assert c.mail() == QUEUED
    assert len(r.server.messages) == 1
    assert not [l for l in r.daemon.log_lines if "is set aside" in l]
    r.daemon.wait_log("couldn't read from cache file: ")


@pytest.mark.parametrize("wish", WISHES)
def test_too_short_to_be_streamed(make, wish):
    scan_meanwhile(make(ScanFail=wish, Oversize=wish), BIG, shorten, CLOSE)


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("mode, damage, answer", [
    ("fildes", shorten, ERROR), ("fildes", shorten, OK), ("fildes", shorten, CLOSE),
    ("scan", shorten, ERROR), ("scan", shorten, OK), ("scan", remove, ERROR),
])
@pytest.mark.parametrize("content", [CONTENT, BIG], ids=["small", "big"])
def test_clamd_cannot_read_it(make, wish, mode, damage, answer, content):
    r = make(ScanFail=wish, Oversize=wish, ScanMode=mode)
    scan_meanwhile(r, content, damage, answer)


def test_the_next_clamd_is_not_asked(make):
    with FakeClamd() as other:
        r = make(start=False, ScanFail="reject")
        r.daemon.options["ClamAddress"] = "%s, %s" % (r.clamd.address, other.address)
        r.daemon.start()
        scan_meanwhile(r, BIG, shorten, CLOSE)
        assert not other.connections


def test_it_is_not_said_to_be_clamds_error(make):
    r = make(ScanFail="reject", ScanMode="fildes")
    scan_meanwhile(r, CONTENT, shorten, ERROR)
    assert r.whole_summary().startswith("from=a@example.org, to=b@example.net, action=deferred, size=")
