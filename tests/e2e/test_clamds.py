# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Several clamds: which one is asked, who is set aside, and how it comes back."""

import contextlib
import os
import signal
import socket
import time

import pytest

from rig import (BUDGET, CLOSE, CONNECT, CONTENT, DISCARDED, FOUND, HANG, LOCAL_ERROR, LOOK, OK, PROOF, QUEUED, RESET,
                 STALL, STOPPING, FakeClamd, OnCommand, OnConnect, free_port, impatient, needs_compiler, wait_until)

SIZE_REFUSED = b"INSTREAM size limit exceeded. ERROR{end}"


class Pair:
    """A daemon with two clamds: r.clamd, which is preferred, and other."""

    def __init__(self, r, other):
        self.r, self.first, self.other = r, r.clamd, other
        self.daemon, self.server, self.client = r.daemon, r.server, r.client

    def shown(self):
        """How many messages each has been shown."""
        return len(self.first.scans), len(self.other.scans)

    def asides(self):
        return [l.split("clamd ", 1)[1] for l in self.daemon.log_lines if "is set aside" in l or "is back" in l]


@pytest.fixture
def pair(make):
    """pair(Option="value", ...) starts one."""
    with contextlib.ExitStack() as stack:
        def start(**options):
            other = stack.enter_context(FakeClamd())
            r = make(start=False, **options)
            r.daemon.options["ClamAddress"] = "%s, %s" % (options.get("ClamAddress") or r.clamd.address, other.address)
            r.daemon.start()
            return Pair(r, other)
        yield start


def mails(p, *replies):
    with p.client() as c:
        for reply in replies:
            assert c.mail() == reply


# ------------------------------------------------------------ who is asked

@pytest.mark.parametrize("between", [", ", ",", " , ", "\nClamAddress: ", "\nclamaddress:"])
def test_both_forms_of_the_list(make, between):
    with FakeClamd() as a, FakeClamd() as b, FakeClamd() as c:
        r = make(ClamAddress=between.join(["/nonexistent/clamd", a.address, b.address]) + "," + c.address)
        mails(r, QUEUED, QUEUED)
        assert (len(a.scans), len(b.scans), len(c.scans)) == (2, 0, 0)
        a.stop()
        mails(r, QUEUED)
        b.stop()
        mails(r, QUEUED)
        assert (len(b.scans), len(c.scans)) == (1, 1)
        c.stop()
        mails(r, LOCAL_ERROR)


@pytest.mark.parametrize("value, piece", [
    (",127.0.0.1:3310", ""), ("127.0.0.1:3310,", ""), ("/a,,/b", ""), ("/a, b/c", "b/c"), ("/a, 127.0.0.1:0", "127.0.0.1:0"),
    (",".join(["/x"] * 17), "/x"),
])
def test_a_wrong_list(make, value, piece):
    r = make(start=False, ClamAddress=value)
    r.daemon.spawn()
    assert r.daemon.wait_exit() == 2
    line = next(l for l in r.daemon.log_lines if "ClamAddress" in l)
    assert line.startswith("invalid ClamAddress socket name: %s (%s:" % (piece, r.daemon.config)), line


def test_the_start_names_each_that_is_away(make):
    r = make(ClamAddress="/nonexistent/a,/nonexistent/b")
    for name in "ab":
        r.daemon.wait_log("couldn't connect to ClamAddress: /nonexistent/%s: .*others are asked until then" % name)


AWAY = ["nothing", "nobody listens", "a file", "refused"]


@pytest.mark.parametrize("how", AWAY)
def test_the_first_is_away(pair, how):
    p = pair(ClamAddress="127.0.0.1:%d" % free_port() if how == "refused" else None)
    p.first.stop()
    with socket.socket(socket.AF_UNIX) as nobody:
        if how == "nobody listens":
            nobody.bind(p.first.path)
        elif how == "a file":
            open(p.first.path, "w").close()
        mails(p, QUEUED, QUEUED, QUEUED)
    assert p.shown() == (0, 3)
    address = p.daemon.options["ClamAddress"].split(",")[0]
    assert p.asides() == [address + " is set aside: no connection"]
    assert sum("CLAMAV: couldn't connect to" in l for l in p.daemon.log_lines) == 1


FAULTS = {
    "closes at once": (OnConnect(CLOSE), "it closed without a word"),
    "resets at once": (OnConnect(RESET), "it closed without a word"),
    "closes behind the command": (OnCommand(CLOSE), "it closed without a word"),
    "closes without an answer": (CLOSE, "it closed without a word"),
    "closes in its answer": ((b"stream: O", CLOSE), "no verdict in its answer"),
    "answers ERROR": (b"{path}: x ERROR{end}", "no verdict in its answer"),
    "says ERROR early": (OnCommand((b"x ERROR{end}", CLOSE)), "no verdict in its answer"),
    "says OK early": (OnConnect((OK, CLOSE)), "no verdict in its answer"),
    "answers junk": (b"what?{end}", "no verdict in its answer"),
    "does not answer": (HANG, "no answer in time"),
    "does not read": (OnCommand(STALL), "no answer in time"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_other_gives_the_verdict(pair, fault):
    p = pair(ScanTimeOut=1)
    action, why = FAULTS[fault]
    with p.client() as c:
        p.first.next(action)
        assert c.mail(CONTENT + b"x" * 70 + (b"y" * 998 + b"\r\n") * 2000) == QUEUED
        p.first.next(action)  # nobody asks for it
        assert c.mail() == QUEUED
        assert c.mail(CONTENT + b"INFECTED:X\r\n") == DISCARDED
    assert len(p.other.scans) == 3
    assert p.asides() == [p.first.address + " is set aside: " + why]
    assert p.daemon.summaries()[0].endswith("status=CLEAN")


@pytest.mark.parametrize("answer, reply, status", [
    (SIZE_REFUSED, b"552 ", "OVERSIZE"), (b"{path}: Heuristics.Limits.Exceeded.MaxFiles FOUND{end}", b"552 ", "OVERSIZE"),
    (FOUND, DISCARDED, "VIRUS:Worm"), (OK, QUEUED, "CLEAN"),
])
def test_no_second_scan_behind_a_verdict(pair, answer, reply, status):
    p = pair()
    p.first.next(answer)
    with p.client() as c:
        assert c.mail().startswith(reply)
    assert p.shown() == (1, 0) and not p.asides()
    assert p.r.summary().endswith("status=" + status)


def test_both_give_no_verdict(pair):
    p = pair()
    p.first.next(CLOSE, b"{path}: OK{end}")
    p.other.next(b"x ERROR{end}")
    mails(p, LOCAL_ERROR)
    assert p.shown() == (1, 1)
    assert p.r.summary().endswith("status=CLAMAV-ERROR")
    # Each is tried all the same, and a verdict brings it back.
    mails(p, QUEUED)
    assert p.shown() == (2, 1)
    wait_until(lambda: len(p.asides()) == 3, "the line about its return")
    assert p.asides() == [p.first.address + " is set aside: it closed without a word",
                          p.other.address + " is set aside: no verdict in its answer", p.first.address + " is back"]


def test_one_alone_is_asked_over_a_new_connection(rig):
    rig.clamd.next(CLOSE)
    mails(rig, QUEUED)
    assert len(rig.clamd.scans) == 2
    rig.clamd.next(CLOSE, CLOSE, CLOSE, OK)
    mails(rig, LOCAL_ERROR, QUEUED)
    assert len(rig.clamd.scans) == 6


# ---------------------------------------------------------------- the times

def test_scantimeout(pair):
    p = pair(ScanTimeOut=1, TimeOut=60)
    p.first.next(HANG)
    began = time.monotonic()
    mails(p, QUEUED)
    assert 1 <= time.monotonic() - began < 15
    p.daemon.wait_log("clamd %s answered nothing for 1 s$" % p.first.address)


def test_timeout_stands_in(pair):
    p = pair(TimeOut=1)
    p.first.next(HANG)
    mails(p, QUEUED)
    p.daemon.wait_log("clamd %s answered nothing for 1 s$" % p.first.address)


@contextlib.contextmanager
def a_full_clamd(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with FakeClamd(path=path, backlog=0, accept=False), socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(path)
        yield


def test_a_full_queue_has_its_share_of_time(pair):
    p = pair()
    p.first.stop()
    with a_full_clamd(p.first.path):
        began = time.monotonic()
        mails(p, QUEUED)
        assert 5 <= time.monotonic() - began < 15
        # The time is known now to be wasted.
        began = time.monotonic()
        mails(p, QUEUED)
        assert time.monotonic() - began < 5
    assert p.other.wait_scans(2)


def test_the_server_hears_of_us_meanwhile(pair):
    p = pair(KeepAlives=1, ScanTimeOut=2)
    p.first.next(HANG)
    mails(p, QUEUED)
    assert "NOOP" in p.server.connections[0].verbs


@needs_compiler
def test_the_budget_is_for_all_of_it(pair):
    p = pair(binary=impatient, ScanTimeOut=2, TimeOut=60)
    p.first.next(HANG)
    p.other.next(HANG)
    began = time.monotonic()
    mails(p, LOCAL_ERROR)
    assert BUDGET - 0.1 <= time.monotonic() - began < BUDGET + 5
    # The other did not have its time, so it has not failed.
    assert [a for a in p.asides() if "aside" in a] == [p.first.address + " is set aside: no answer in time"]


@pytest.mark.parametrize("how", ["connecting", "in the second scan"])
@pytest.mark.parametrize("who", ["client", "stop"])
def test_who_ends_it(pair, how, who):
    p = pair()
    with contextlib.ExitStack() as stack:
        if how == "connecting":
            p.first.stop()
            stack.enter_context(a_full_clamd(p.first.path))
        else:
            p.first.next(CLOSE)
            p.other.next(HANG)
        c = stack.enter_context(p.client())
        c.begin()
        if how == "connecting":
            assert c.silent(0.3)
        else:
            p.other.wait_scans(1)
        began = time.monotonic()
        if who == "client":
            c.close()
            assert p.r.summary().endswith("CLIENT-GONE")
        else:
            p.daemon.signal(signal.SIGTERM)
            assert c.rest() == STOPPING
            assert p.daemon.wait_exit() == 0
        assert time.monotonic() - began < 3
    assert not p.server.messages
    assert len(p.asides()) == (0 if how == "connecting" else 1)


# ------------------------------------------------------------------- looks

def look_at(scan):
    """What a proof is made of."""
    assert scan.command is None  # it is no message
    raw = bytes(scan.raw)
    assert raw.startswith(b"nINSTREAM\n")
    assert 7000 < len(raw) < 9000
    assert b"Content-Transfer-Encoding: base64\r\n" in raw
    return raw


def test_it_is_looked_at_every_five_seconds(pair):
    p = pair()
    p.first.next(CLOSE)
    p.first.look = CLOSE
    mails(p, QUEUED)
    began = time.monotonic()
    wait_until(lambda: len(p.first.looks) == 1, "a look")
    assert 4 <= time.monotonic() - began < 10
    p.first.look = OK
    p.daemon.wait_log("clamd %s is back$" % p.first.address)
    assert 9 <= time.monotonic() - began < 20
    # No two are the same, as clamd remembers what is clean.
    assert len({look_at(l) for l in p.first.looks}) == 2
    mails(p, QUEUED)
    assert p.shown() == (2, 1)
    assert not p.other.looks
    wait_until(lambda: len(p.daemon.summaries()) == 2)
    assert len(p.server.messages) == 2


def test_none_waits_for_a_look_at_another(make):
    """One that does not answer has ten seconds for it."""
    with FakeClamd() as silent, FakeClamd() as other:
        r = make(start=False)
        r.daemon.options["ClamAddress"] = "%s, %s, %s" % (silent.address, other.address, r.clamd.address)
        r.daemon.start()
        for clamd in (silent, other):
            clamd.next(CLOSE)
            clamd.look = HANG
        mails(r, LOCAL_ERROR)
        began = time.monotonic()
        other.look = OK
        r.daemon.wait_log("clamd %s is back$" % other.address)
        assert time.monotonic() - began < 14
        wait_until(lambda: silent.looks, "the look at the other")
        assert not any("clamd %s is back" % silent.address in l for l in r.daemon.log_lines)
        r.daemon.stop()


NO_PROOFS = {
    "PONG": b"PONG{end}", "FOUND": FOUND, "ERROR": b"Error writing to temporary file ERROR{end}", "closes": CLOSE,
    "hangs": HANG, "OK, then hangs": (OK, OK, HANG), "another's OK": b"other: OK{end}", "too late": SIZE_REFUSED,
}


@needs_compiler
@pytest.mark.parametrize("name", NO_PROOFS)
def test_no_proof(pair, name):
    p = pair(binary=impatient)
    p.first.next(CLOSE)
    p.first.look = NO_PROOFS[name]
    mails(p, QUEUED)
    p.daemon.wait_log("is set aside")
    mark = p.daemon.mark()
    wait_until(lambda: len(p.first.looks) >= 3, "looks")
    mails(p, QUEUED)
    assert p.shown() == (1, 2)
    # A look that fails is no news.
    assert not [l for l in p.daemon.log_since(mark)
                if "is back" in l or "aside" in l]
    p.first.look = OK
    p.daemon.wait_log("is back")
    mails(p, QUEUED)
    assert p.shown() == (2, 2)


@needs_compiler
def test_nothing_is_looked_at_while_all_is_well(pair):
    p = pair(binary=impatient)
    mails(p, QUEUED)
    time.sleep(4 * LOOK)
    assert not p.first.looks and not p.other.looks


@pytest.mark.parametrize("look", [HANG, OnConnect(STALL)], ids=["hangs", "does nothing"])
@needs_compiler
def test_a_look_does_not_delay_the_stop(pair, look):
    p = pair(binary=impatient)
    p.first.next(CLOSE)
    if look is HANG:
        p.first.look = HANG
    mails(p, QUEUED)
    if look is not HANG:
        p.first.answer = look
    before = len(p.first.connections)
    wait_until(lambda: p.first.looks or len(p.first.connections) > before, "a look")
    began = time.monotonic()
    p.daemon.stop()
    assert time.monotonic() - began < PROOF


@needs_compiler
def test_only_a_look_brings_back_one_that_others_left(pair):
    """A verdict that comes late says nothing about now."""
    p = pair(binary=impatient)
    p.first.look = CLOSE
    hold = p.first.hold()
    with p.client() as slow:
        slow.begin()
        hold.wait_reached()
        p.first.next(CLOSE)
        mails(p, QUEUED)
        hold.release()
        assert slow.reply() == QUEUED
    mails(p, QUEUED)
    assert p.shown() == (2, 2)


@needs_compiler
def test_where_nobody_takes_the_connection(pair):
    p = pair(binary=impatient)
    p.first.stop()
    with a_full_clamd(p.first.path):
        began = time.monotonic()
        mails(p, QUEUED)
        assert CONNECT - 0.1 <= time.monotonic() - began < CONNECT + 3
    with FakeClamd(path=p.first.path) as first:
        p.daemon.wait_log("clamd %s is back$" % p.first.path)
        mails(p, QUEUED)
        assert len(first.scans) == 1
