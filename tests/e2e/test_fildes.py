# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""ScanMode: fildes, and the proof that is asked for where clamd reads a file."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rig import (AGE, CLOSE, CONTENT, DISCARDED, FOUND, HANG, LOCAL_ERROR, LOOK, OK, PROOF, QUEUED, REJECTED, RESET,
                 STALL, STOPPING, STREAMED, FakeClamd, OnCommand, OnConnect, Sleep, impatient, needs_compiler,
                 wait_until)

BIG = CONTENT + (b"x" * 998 + b"\r\n") * 3000
NO_DESCRIPTOR = b"No file descriptor received. ERROR{end}"
BY_FILE = ["fildes", "scan"]


def mails(r, *replies, content=CONTENT):
    with r.client() as c:
        for reply in replies:
            assert c.mail(content) == reply


def commands(clamd):
    return [s.command.split()[0] for s in clamd.scans]


# -------------------------------------------------------------- what is shown

@pytest.mark.parametrize("size", [0, 1, 60000, 3000000])
def test_the_command_and_the_content(make, size):
    r = make(ScanMode="fildes", Header="")
    content = b"X-Odd: first\r\n\r\n" + b"x" * size + b"\r\n"
    mails(r, QUEUED, QUEUED, content=content)
    for n in (1, 2):
        scan = r.clamd.wait_scans(n)
        assert (scan.command, scan.end, len(scan.fds)) == (b"zFILDES", b"\0", 1)
        # One that may not be read counts as clean, unread.
        assert scan.flags & os.O_ACCMODE in (os.O_RDONLY, os.O_RDWR)
        first, _, rest = scan.data.partition(b"\r\n")
        assert first.startswith(b"Received: ")
        assert rest == content
        assert r.server.wait_messages(n).content == content
    assert r.clamd.scans[0].file == r.clamd.scans[1].file


def test_nothing_is_left_of_the_message_before(make):
    r = make(ScanMode="fildes")
    with r.client() as c:
        assert c.mail(CONTENT + b"secret " * 1000 + b"\r\n") == QUEUED
        assert c.mail() == QUEUED
    assert r.clamd.scans[1].data.endswith(b"\r\n" + CONTENT)
    assert b"secret" not in r.clamd.scans[1].data


@pytest.mark.parametrize("answer, reply, status", [
    (b"fd[7]: Worm FOUND{end}", REJECTED, "VIRUS:Worm"), (b"fd[12345]: OK{end}", QUEUED, "CLEAN"),
    (b"fd[]: OK{end}", LOCAL_ERROR, "CLAMAV-ERROR"), (b"fd[1x]: OK{end}", LOCAL_ERROR, "CLAMAV-ERROR"),
    (b"fd[1: OK{end}", LOCAL_ERROR, "CLAMAV-ERROR"), (b"stream: OK{end}", LOCAL_ERROR, "CLAMAV-ERROR"),
    (b"fd[1]: OK{end}fd[1]: OK{end}", LOCAL_ERROR, "CLAMAV-ERROR"), (b"fd[1]: x ERROR{end}", LOCAL_ERROR, "CLAMAV-ERROR"),
    (b"fd[7]: Not a regular file ERROR{end}", LOCAL_ERROR, "CLAMAV-ERROR"), (b"fd[7]: ", LOCAL_ERROR, "CLAMAV-ERROR"),
    (b"fd[7]: Heuristics.Limits.Exceeded.MaxFiles FOUND{end}", None, "OVERSIZE"),
])
def test_the_verdict(make, answer, reply, status):
    r = make(ScanMode="fildes", Action="bounce")
    r.clamd.fail((answer, CLOSE))
    with r.client() as c:
        said = c.mail()
    assert said == reply or reply is None and said.startswith(b"552 ")
    assert r.summary().endswith("status=" + status)


@pytest.mark.parametrize("action", [
    OnConnect((b"fd[7]: OK\0", CLOSE)), OnConnect((b"fd[7]: OK\0", STALL)), OnConnect((FOUND, STALL)),
], ids=["OK, closes", "OK, stays", "FOUND, stays"])
def test_an_answer_to_what_nobody_read(make, action):
    r = make(ScanMode="fildes")
    for _ in range(5):
        r.clamd.fail(action)
        mails(r, LOCAL_ERROR)
    assert not r.server.messages


# ------------------------------------------------- where it does not get there

LOST = {
    "no descriptor": NO_DESCRIPTOR, "unknown command": OnCommand((b"UNKNOWN COMMAND\0", CLOSE)),
    "closes": OnCommand(CLOSE), "closes later": CLOSE, "resets": RESET,
}


@pytest.mark.parametrize("content", [CONTENT, BIG], ids=["small", "big"])
@pytest.mark.parametrize("name", LOST)
def test_it_is_streamed_instead(make, name, content):
    r = make(ScanMode="fildes")
    r.clamd.next(LOST[name])
    mails(r, QUEUED, QUEUED, content=content)
    with r.client() as c:
        assert c.mail(CONTENT + b"INFECTED:X\r\n") == DISCARDED
    assert commands(r.clamd)[-3:] == [b"nINSTREAM"] * 3
    assert r.clamd.scans[-3].data.endswith(content)
    log = [l for l in r.daemon.log_lines if "did not get a descriptor" in l or "aside" in l]
    assert len(log) == 1 and log[0].endswith("what it scans is streamed for 300 s")
    # What is streamed needs no other proof.
    assert not r.clamd.looks


@needs_compiler
def test_only_for_a_while(make):
    r = make(ScanMode="fildes", binary=impatient)
    r.clamd.next(NO_DESCRIPTOR)
    mails(r, QUEUED)
    time.sleep(STREAMED + 0.3)
    mails(r, QUEUED)
    assert commands(r.clamd) == [b"zFILDES", b"nINSTREAM", b"zFILDES"]


def test_when_streaming_fails_too(make):
    with FakeClamd(path=None) as other:
        r = make(start=False, ScanMode="fildes")
        r.daemon.options["ClamAddress"] = r.clamd.address + "," + other.address
        r.daemon.start()
        r.clamd.next(CLOSE, b"x ERROR{end}")
        mails(r, QUEUED)
        assert commands(r.clamd) == [b"zFILDES", b"nINSTREAM"] and commands(other) == [b"nINSTREAM"]
        aside = [l for l in r.daemon.log_lines if "is set aside" in l]
        assert len(aside) == 1 and aside[0].endswith(": no verdict in its answer")
        mails(r, QUEUED)
        assert len(other.scans) == 2


@pytest.mark.parametrize("mode, warning", [
    ("fildes", "ScanMode fildes needs the path of a socket, and %s is none"),
    ("scan", "ScanMode scan needs a clamd on this host, and %s may be elsewhere"), ("stream", None),
])
def test_no_path(make, mode, warning):
    with FakeClamd() as clamd:
        r = make(ScanMode=mode, ClamAddress=clamd.address)
        mails(r, QUEUED)
        assert commands(clamd) == [b"zSCAN" if mode == "scan" else b"nINSTREAM"]
        warnings = [l for l in r.daemon.log_lines if l.startswith("ScanMode")]
        assert len(warnings) == (warning is not None)
        if warning:
            assert warnings[0].startswith(warning % clamd.address) and "clamsmtpd.conf:" in warnings[0]


# --------------------------------------------------- the file is used no more

@pytest.mark.parametrize("content", [CONTENT, BIG], ids=["small", "big"])
@pytest.mark.parametrize("end", ["hangs", "no descriptor", "the client goes"])
def test_a_file_without_an_answer_is_given_up(make, end, content):
    r = make(ScanMode="fildes", ScanTimeOut=1)
    kept = []

    def keep(scan, _):
        kept.append(os.dup(scan.fds[0]))
        return NO_DESCRIPTOR if end == "no descriptor" else HANG
    r.clamd.next(keep, *[HANG] * (end == "hangs"))
    with r.client() as c:
        c.begin(content)
        if end == "the client goes":
            wait_until(lambda: kept)
            c.close()
            r.daemon.wait_log("CLIENT-GONE")
        else:
            assert c.reply() == (QUEUED if end == "no descriptor" else LOCAL_ERROR)
    r.clamd.queue.clear()
    for _ in range(3):
        mails(r, QUEUED, content=CONTENT + b"another\r\n")
    file = os.fstat(kept[0]).st_ino
    data = b""
    while True:
        octets = os.pread(kept[0], 1 << 20, len(data))
        if not octets:
            break
        data += octets
    # As long as somebody has it, no other file has its number.
    assert data.endswith(b"\r\n" + content)
    assert all(s.file != file for s in r.clamd.scans[-3:])
    for fd in kept:
        os.close(fd)


# -------------------------------------------------------------------- proof

@pytest.mark.parametrize("mode", BY_FILE)
def test_clean_is_believed_on_proof(make, mode):
    r = make(ScanMode=mode)
    mails(r, QUEUED, QUEUED, QUEUED)
    assert len(r.clamd.scans) == 3 and len(r.clamd.looks) == 1
    look, = r.clamd.looks
    raw = bytes(look.raw)
    assert raw.startswith(b"nINSTREAM\n") and 7000 < len(raw) < 9000
    assert b"Content-Transfer-Encoding: base64\r\n" in raw
    # It is no message in any count.
    wait_until(lambda: len(r.daemon.summaries()) == 3)
    assert len(r.server.messages) == 3


@needs_compiler
def test_again_when_it_is_old(make):
    r = make(ScanMode="fildes", binary=impatient)
    mails(r, QUEUED)
    for n in (2, 3):
        time.sleep(AGE + 0.2)
        mails(r, QUEUED)
        assert len(r.clamd.looks) == n
    r.clamd.next((Sleep(AGE + 0.2), OK))  # what counts is the end of the scan
    mails(r, QUEUED)
    assert len(r.clamd.looks) == 4


@pytest.mark.parametrize("mode", BY_FILE)
def test_other_verdicts_need_none(make, mode):
    r = make(ScanMode=mode)
    with r.client() as c:
        assert c.mail(CONTENT + b"INFECTED:X\r\n") == DISCARDED
        r.clamd.next(b"{path}: Heuristics.Limits.Exceeded.MaxFiles FOUND{end}")
        assert c.mail().startswith(b"552 ")
    assert not r.clamd.looks


NO_PROOFS = {
    "ERROR": b"Error writing to temporary file ERROR{end}", "closes": CLOSE, "FOUND": FOUND, "junk": b"OK{end}",
    "OK twice": OK + OK,
}


@pytest.mark.parametrize("mode", BY_FILE)
@pytest.mark.parametrize("name", NO_PROOFS)
def test_without_it(make, mode, name):
    """One clamd: the mail is deferred; another one: that one has the word."""
    r = make(ScanMode=mode)
    r.clamd.look = NO_PROOFS[name]
    mails(r, LOCAL_ERROR)
    assert len(r.clamd.looks) == len(r.clamd.scans) == 2
    assert r.summary().endswith("status=CLAMAV-ERROR")
    assert not r.server.messages
    with FakeClamd() as other:
        r.daemon.stop()
        r.daemon.options["ClamAddress"] += "," + other.address
        r.daemon.options["ScanMode"] = "fildes"
        r.daemon.start()
        mails(r, QUEUED)
        assert len(other.scans) == 1 and len(other.looks) == 0
        r.daemon.wait_log("clamd %s is set aside: no proof that it looks$" % r.clamd.address)
        mails(r, QUEUED)
        assert len(other.scans) == 2 and len(r.clamd.scans) == 3


@needs_compiler
def test_a_proof_has_its_time(make):
    r = make(ScanMode="fildes", binary=impatient)
    r.clamd.look = HANG
    began = time.monotonic()
    mails(r, LOCAL_ERROR)
    assert 2 * PROOF - 0.1 <= time.monotonic() - began < 2 * PROOF + 5
    r.clamd.look = OK
    r.daemon.wait_log("is back")
    mails(r, QUEUED)


@needs_compiler
def test_a_bad_one_counts_more_than_an_older_good_one(make):
    """Somebody else has asked for it in the meantime."""
    r = make(ScanMode="fildes", binary=impatient)
    mails(r, QUEUED)
    r.clamd.look = CLOSE
    r.clamd.next(b"fd[1]: x ERROR{end}", b"fd[1]: x ERROR{end}")
    mails(r, LOCAL_ERROR)
    wait_until(lambda: len(r.clamd.looks) >= 2, "a look", LOOK * 10)
    mails(r, LOCAL_ERROR)


def test_one_proof_for_many(make):
    r = make(ScanMode="fildes")
    r.clamd.look = (Sleep(0.5), OK)
    clients = [r.client() for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(lambda c: c.mail(), clients)) == [QUEUED] * 20
    assert len(r.clamd.looks) == 1
    for c in clients:
        c.close()


def test_one_bad_proof_for_many(make):
    r = make(ScanMode="fildes")
    r.clamd.look = (Sleep(0.5), CLOSE)
    clients = [r.client() for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(lambda c: c.mail(), clients)) == [LOCAL_ERROR] * 20
    assert len(r.clamd.looks) < 10
    for c in clients:
        c.close()


@pytest.mark.parametrize("place", ["who asks", "who waits"])
@pytest.mark.parametrize("who", ["client", "stop"])
def test_who_ends_a_proof(make, place, who):
    r = make(ScanMode="fildes", KeepAlives=1)
    r.clamd.look = HANG
    with r.client() as first, r.client() as second:
        first.begin()
        wait_until(lambda: r.clamd.looks)
        second.begin()
        wait_until(lambda: len(r.clamd.scans) == 2)
        wait_until(lambda: all("NOOP" in s.verbs for s in r.server.connections))
        leaver, stayer = (first, second) if place == "who asks" else (second, first)
        began = time.monotonic()
        if who == "client":
            r.clamd.look = OK
            leaver.close()
            r.daemon.wait_log("CLIENT-GONE")
            if place == "who asks":
                # The one who has waited asks by himself.
                assert stayer.reply() == QUEUED
        else:
            r.daemon.signal(signal.SIGTERM)
            assert leaver.rest() == STOPPING and stayer.rest() == STOPPING
            assert r.daemon.wait_exit() == 0
        assert time.monotonic() - began < 3
