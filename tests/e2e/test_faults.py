# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The fault matrix: every step of the dialogue with every fault of each party.

A cell is a function that is given a daemon with its fakes, breaks something
and asserts the client's exact reply and what the server got.  Around every
cell the same is asserted: the server got nothing that clamd had not passed,
the next message goes through the same daemon, and nothing is left behind - no
file, descriptor, thread or child.

Cells run concurrently, since many of them wait for TimeOut.  A daemon serves
one cell at a time and, unless it was stopped or starved, many in turn.
"""

import concurrent.futures
import contextlib
import glob
import itertools
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from conftest import new_directory
from rig import (CLOSE, CONTENT, ENDLESS_LINE, ENDLESS_REPLY, GREETING, HANG, INFECTED, LOCAL_ERROR,
                 OURS, RESET, STALL, START_DATA, Client, Drip, FakeClamd, FakeServer, Hold, OnCommand,
                 OnConnect, Rig, Sleep, reset_socket, stuff, wait_until)

WORKERS = 12
TIMEOUT = 2  # seconds; TimeOut where a cell waits for it
PROMPT = {"Header": "", "TimeOut": "60"}
HASTY = {"Header": "", "TimeOut": str(TIMEOUT)}

QUEUED = b"250 2.0.0 queued as 4711\r\n"
NO_SERVER = b"421 4.4.1 Cannot reach the mail server, try again later\r\n"
TIMED_OUT = b"421 4.4.2 Timed out, closing connection\r\n"
SERVER_CLOSED = b"421 4.4.2 The mail server closed the connection\r\n"
NONSENSE = b"421 4.5.0 The mail server cannot be understood\r\n"
STOPPING = b"421 4.3.2 Shutting down, try again later\r\n"
BUSY = b"421 Server busy, too many connections\r\n"
NO_THREAD = b"421 Local Error, cannot start thread\r\n"
NO_TRANSACTION = b"503 5.5.1 Need MAIL and RCPT before DATA\r\n"
NO_RECIPIENTS = b"554 5.5.1 No valid recipients\r\n"
REJECTED = b"550 Virus Detected; Content Rejected\r\n"
DISCARDED = b"250 Virus Detected; Discarded Email\r\n"

ENVELOPE = ["MAIL", "RCPT"]
BIG = CONTENT + (b"x" * 998 + b"\r\n") * 300

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def can_mount():
    """Whether a daemon can have a file system of its own."""
    try:
        return subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], timeout=20,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def sanitized():
    """Whether the daemon was built with a sanitizer."""
    with open(OURS, "rb") as f:
        return re.search(rb"__(asan|tsan)_init", f.read()) is not None


# ------------------------------------------------------------------- cells

class Cell:
    def __init__(self, function, arguments, options, reusable):
        self.function, self.arguments = function, arguments
        self.options, self.reusable = options, reusable


CELLS = {}
MARKS = {}


def add(name, function, *arguments, options=PROMPT, reusable=True, marks=()):
    """A cell: function(rig, *arguments), with a daemon of these options.
    Not reusable: it has a daemon of its own, which it may stop."""
    assert name not in CELLS, name
    CELLS[name] = Cell(function, arguments, options, reusable)
    MARKS[name] = marks


def cell(name, **how):
    """The decorator form of add()."""
    def decorate(function):
        add(name, function, **how)
        return function
    return decorate


def settle(r):
    """Count what a daemon at rest has, after its first connection."""
    with r.client() as c:
        c.quit()
    r.daemon.wait_log("SERVER connection closed")
    r.daemon.base_fds = r.daemon.count_fds()
    r.daemon.threads_kept = 4  # one rests, another may just be ending
    r.clear()


class Stable:
    """The daemons at rest, by their options."""

    def __init__(self):
        self.lock = threading.Lock()
        self.free = []

    def take(self, options):
        with self.lock:
            for n, (have, r) in enumerate(self.free):
                if have == options:
                    del self.free[n]
                    r.clear()
                    return r
        path = new_directory()
        try:
            r = Rig(path, **options)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        if r.daemon.alive():
            settle(r)
        return r

    def give(self, options, r):
        with self.lock:
            self.free.append((options, r))

    @staticmethod
    def destroy(r, check):
        try:
            r.close(check)
        finally:
            shutil.rmtree(r.directory, ignore_errors=True)

    def close(self):
        errors = []
        for _, r in self.free:
            try:
                self.destroy(r, True)
            except AssertionError as e:
                errors.append(str(e))
        assert not errors, errors


def run_cell(stable, name):
    c = CELLS[name]
    r = stable.take(c.options)
    try:
        c.function(r, *c.arguments)
        if r.daemon.alive():
            check_after(r)
    except BaseException:
        tail = "".join("    %s\n" % l[:200] for l in r.daemon.log_lines[r.mark:][-30:])
        with contextlib.suppress(BaseException):
            stable.destroy(r, False)
        sys.stderr.write("%s: the daemon's log:\n%s" % (name, tail))
        raise
    if c.reusable:
        stable.give(c.options, r)
    else:
        stable.destroy(r, True)


@pytest.fixture(scope="module")
def outcomes(request):
    """name -> future of the cell, for those that were asked for."""
    names = [i.callspec.params["name"] for i in request.session.items
             if i.module is request.module and getattr(i, "callspec", None)
             and not any(m.args[0] for m in i.iter_markers("skipif"))]
    stable = Stable()
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as executor:
        futures = {n: executor.submit(run_cell, stable, n) for n in dict.fromkeys(names)}
        try:
            yield futures
        finally:
            for f in futures.values():
                f.cancel()
    stable.close()


# --------------------------------------------- what holds after every cell

def children(pid):
    found = []
    for path in glob.glob("/proc/%d/task/*/children" % pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(path) as f:
            found += f.read().split()
    return found


def check_scanned(r):
    """What the server got after a 354 is what clamd has passed."""
    shown = [stuff(s.data.split(b"\r\n", 1)[1]) for s in r.clamd.scans if b"INFECTED:" not in s.data]
    for peer in r.server.connections:
        for body in [m.raw for m in peer.messages] + [peer.body]:
            assert body == b"" or any(s.startswith(body.rstrip(b".\r\n")) for s in shown), \
                "the server got what was not scanned: %r" % body[:300]


def check_next(r):
    """The next message passes."""
    for script in (r.server, r.clamd):
        script.clear()
    with r.client() as c:
        assert c.greeting == GREETING
        assert c.ehlo()[:3] == b"250"
        assert c.mail(b"Subject: next\r\n\r\n") == QUEUED
        c.quit()
    message = r.server.wait_messages(1)
    assert message.content == b"Subject: next\r\n\r\n"
    assert len(r.server.messages) == 1


def check_after(r):
    check_scanned(r)
    check_next(r)
    r.daemon.leftovers()
    wait_until(lambda: not children(r.daemon.pid), "the end of all children")
    assert os.listdir(r.daemon.spool) == []


# ----------------------------------------------------- faults of the server

class Fault:
    """action   what the server does
    text     the complete reply lines in it that a client would be shown
    leaves   it closes the connection
    waits    it ends by TimeOut
    nonsense it is no reply that could be understood"""

    def __init__(self, action, text=b"", leaves=False, waits=False, nonsense=False):
        self.action, self.text = action, text
        self.leaves, self.waits, self.nonsense = leaves, waits, nonsense


FAULTS = {
    "closes": Fault(CLOSE, leaves=True),
    "resets": Fault(RESET, leaves=True),
    "hangs": Fault(HANG, waits=True),
    "450": Fault(b"450 4.2.0 later\r\n", b"450 4.2.0 later\r\n"),
    "550": Fault(b"550-5.1.0 never\r\n550 5.1.0 ever\r\n", b"550-5.1.0 never\r\n550 5.1.0 ever\r\n"),
    "421": Fault(b"421 4.3.2 soon\r\n", b"421 4.3.2 soon\r\n"),
    "421 closes": Fault((b"421 4.3.2 bye\r\n", CLOSE), b"421 4.3.2 bye\r\n", leaves=True),
    "421 resets": Fault((b"421 4.3.2 bye\r\n", Sleep(0.1), RESET), b"421 4.3.2 bye\r\n", leaves=True),
    "garbage": Fault(b"what is this?\r\n", b"what is this?\r\n"),
    "binary garbage": Fault(b"\0\xff\x80\r?\r\n", b"?\xff\x80??\r\n"),
    "endless line": Fault(ENDLESS_LINE, nonsense=True),
    "endless reply": Fault(ENDLESS_REPLY, nonsense=True),
    "354": Fault(b"354 go on\r\n", nonsense=True),
    "half a line closes": Fault((b"250 hal", CLOSE), leaves=True),
    "half a line resets": Fault((b"250 hal", RESET), leaves=True),
    "half a line hangs": Fault((b"250 hal", HANG), waits=True),
    "half a reply closes": Fault((b"250-half\r\n", CLOSE), b"250-half\r\n", leaves=True),
    "half a reply hangs": Fault((b"250-half\r\n", HANG), b"250-half\r\n", waits=True),
    "drips": Fault(Drip(b"250 dripping\r\n", 0.5), waits=True),
}


def options_for(fault, **more):
    return dict(HASTY if fault.waits else PROMPT, **more)


def expect(c, want):
    """The next octets are exactly these."""
    got = b""
    while len(got) < len(want):
        line = c.line()
        if not line:
            break
        got += line
    assert got == want


def expect_end(c, want):
    """The rest of the conversation is exactly this."""
    got = c.rest()
    assert got == want
    c.close()


def expect_nonsense(c, line, shown=True):
    """Not more than a bounded number of equal lines, then the end."""
    got = c.rest()
    assert got.endswith(NONSENSE), got[-200:]
    got = got[:-len(NONSENSE)]
    assert len(got) < 1 << 20
    assert set(got.splitlines(True)) <= ({line} if shown else set())


def mail_again(c, content=b"Subject: again\r\n\r\nx\r\n"):
    """The same session is still good for a message."""
    assert c.cmd(b"RSET") == b"250 2.0.0 reset\r\n"
    assert c.mail(content) == QUEUED


def begin(c, content=CONTENT, complete=True):
    """A transaction up to the final dot, or to just before it."""
    c.envelope()
    assert c.cmd(b"DATA") == START_DATA
    c.send(content + (b".\r\n" if complete else b""))


STEPS = {
    # step: (what the client sends before, what it sends now)
    "connect": ([], None),
    "EHLO": ([], b"EHLO client.example"),
    "HELO": ([], b"HELO client.example"),
    "XFORWARD": ([b"EHLO x"], b"XFORWARD NAME=a ADDR=1.2.3.4"),
    "MAIL": ([b"EHLO x"], b"MAIL FROM:<a@example.org>"),
    "RCPT": ([b"EHLO x", b"MAIL FROM:<a@example.org>"], b"RCPT TO:<b@example.net>"),
    "RSET": ([b"EHLO x", b"MAIL FROM:<a@example.org>"], b"RSET"),
    "NOOP": ([], b"NOOP"),
    "VRFY": ([], b"VRFY someone"),
    "AUTH": ([b"EHLO x"], b"AUTH LOGIN"),
    "QUIT": ([b"EHLO x"], b"QUIT"),
}


def shown_of(step, text):
    if step in ("EHLO", "HELO") and text.startswith(b"250"):
        return text.replace(b"half", b"smtp.passthru")
    return text


def in_a_command(r, step, name):
    before, now = STEPS[step]
    fault = FAULTS[name]
    r.server.on(step, [fault.action, None])
    with r.client(greet=step != "connect") as c:
        for line in before:
            assert c.cmd(line)[:3] == b"250"
        if now:
            c.send(now + b"\r\n")
        if fault.nonsense:
            first = b"250-smtp.passthru\r\n" if step in ("EHLO", "HELO") else b""
            got = c.rest()
            assert got.endswith(NONSENSE), got[-200:]
            got = got[len(first):-len(NONSENSE)] if got.startswith(first) else got[:-len(NONSENSE)]
            assert len(got) < 1 << 20 and set(got.splitlines(True)) <= {b"250-more\r\n"}
            c.close()
        elif fault.waits:
            expect_end(c, shown_of(step, fault.text) + TIMED_OUT)
        elif fault.leaves:
            told = fault.text.startswith(b"421")
            expect_end(c, shown_of(step, fault.text) + (b"" if told else SERVER_CLOSED))
        else:
            expect(c, shown_of(step, fault.text))
            if step == "MAIL":
                assert c.cmd(b"DATA") == NO_TRANSACTION
            elif step == "RCPT":
                assert c.cmd(b"DATA") == NO_RECIPIENTS
            mail_again(c)
            c.quit()
    peer = r.server.wait_connections(1)
    peer.wait_closed()
    verbs = [l.split()[0].decode() for l in before] + ([step] if now else [])
    if fault.leaves or fault.waits or fault.nonsense:
        assert peer.verbs == verbs
        assert not r.server.messages
    else:
        assert peer.verbs == verbs + ["RSET", "MAIL", "RCPT", "DATA", "QUIT"]
        assert len(r.server.messages) == 1


for _step, _name in itertools.product(STEPS, FAULTS):
    add("server %s: %s" % (_step, _name), in_a_command, _step, _name, options=options_for(FAULTS[_name]))


def in_the_last_step(r, step, fault):
    """DATA and the final dot: all that is not the server's word is 451."""
    r.server.on(step, [fault.action, None])
    with r.client() as c:
        c.ehlo()
        begin(c)
        refused = fault.text[:1] in (b"4", b"5")
        if refused and not fault.leaves:
            expect(c, fault.text)
            mail_again(c)
            c.quit()
        else:
            expect_end(c, fault.text if refused else LOCAL_ERROR)
    peer = r.server.wait_connections(1)
    peer.wait_closed()
    again = ["RSET"] + ENVELOPE + ["DATA", "QUIT"] if refused and not fault.leaves else []
    if again and step == "DATA" and not fault.text.startswith(b"421"):
        again.insert(0, "RSET")  # its transaction is not to get the next recipients
    assert peer.verbs == ["EHLO"] + ENVELOPE + ["DATA"] + again
    assert len(r.server.messages) == (step == ".") + (1 if again else 0)
    wait_until(lambda: r.daemon.summaries(r.mark), "the summary")
    status = "SERVER-REFUSED, reply=" + fault.text.split(b"\r\n")[0].decode("latin-1") if refused else "SERVER-ERROR"
    assert r.daemon.summaries(r.mark)[0] == "from=a@example.org, to=b@example.net, status=" + status


for _step, _name in itertools.product(("DATA", "."), FAULTS):
    if (_step, _name) != ("DATA", "354"):
        add("server %s: %s" % (_step, _name), in_the_last_step, _step, FAULTS[_name],
            options=options_for(FAULTS[_name]))
FAULTS_OF_DATA = {
    "200": Fault(b"200 fine\r\n"),
    "350": Fault(b"350 nearly\r\n"),
    "3540": Fault(b"3540 go on\r\n"),
    "354 without its line end": Fault((b"354 go on", HANG), waits=True),
}
for _name, _fault in FAULTS_OF_DATA.items():
    add("server DATA: " + _name, in_the_last_step, "DATA", _fault, options=options_for(_fault))


@cell("server DATA: 250 comes with the 354")
def _(r):
    # That 250 is no promise about content which the server has not seen.
    r.server.on("DATA", b"354 go on\r\n250 2.0.0 queued\r\n")
    r.server.on(".", CLOSE)
    with r.client() as c:
        begin(c, BIG)
        expect_end(c, LOCAL_ERROR)
    r.server.connections[0].wait_closed()


@cell("server DATA: a 354 of several lines")
def _(r):
    r.server.on("DATA", b"354-go\r\n354 on\r\n")
    with r.client() as c:
        assert c.mail() == QUEUED
        mail_again(c)


@cell("server .: a 250 of several lines")
def _(r):
    r.server.on(".", [b"250-queued\r\n250 2.0.0 as 4711\r\n", None])
    with r.client() as c:
        assert c.mail() == b"250-queued\r\n250 2.0.0 as 4711\r\n"
        mail_again(c)


def in_the_body(r, action, content, reply=LOCAL_ERROR):
    r.server.on("body", action)
    with r.client() as c:
        begin(c, content)
        expect_end(c, reply)
    peer = r.server.connections[0]
    if action in (STALL, read_slowly):
        reset_socket(peer.sock)  # it would have to read all to see the end
    peer.wait_closed()
    assert peer.verbs == ENVELOPE + ["DATA"]
    assert not r.server.messages


def read_slowly(peer, _):
    """50 octets per second."""
    with contextlib.suppress(OSError):
        while peer.sock.recv(10) and not peer.owner.stopping.wait(0.2):
            pass
    return CLOSE


def read_on(peer, _):
    """Read until the client's reply is there, then give up."""
    with contextlib.suppress(OSError):
        while peer.sock.recv(1 << 16):
            pass
    return CLOSE


HUGE = CONTENT + (b"y" * 998 + b"\r\n") * 12000

for _name, _action, _content, _options in (
        ("closes", CLOSE, HUGE, PROMPT),
        ("resets", RESET, HUGE, PROMPT),
        ("resets, small", RESET, CONTENT, PROMPT),
        ("250 too early", (b"250 2.0.0 queued\r\n", STALL), HUGE, PROMPT),
        ("does not read", STALL, HUGE, HASTY),
        ("reads too slowly", read_slowly, HUGE, HASTY)):
    add("server body: " + _name, in_the_body, _action, _content, options=_options)
for _name, _end in (("reads on", read_on), ("stays", STALL)):
    add("server body: 552 and " + _name, in_the_body, (b"552 too big\r\n", _end), HUGE, b"552 too big\r\n")


@cell("server body: wakes up too late", options=HASTY, reusable=False)
def _(r):
    # What the kernel still holds for it is not delivered after the 451.
    hold = Hold()
    r.server.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    r.server.on("body", hold)
    with r.client() as c:
        begin(c, BIG[:100000] + b"\r\n")
        expect_end(c, LOCAL_ERROR)
    hold.release()
    r.server.connections[0].wait_closed()
    assert not r.server.messages


def unreachable(r, how):
    r.server.stop()
    with contextlib.ExitStack() as stack:
        if how == "full":
            host, port = r.server.host, r.server.port
            full = stack.enter_context(FakeServer(host=host, port=port, backlog=0, accept=False))
            for _ in range(4):
                s = stack.enter_context(contextlib.closing(socket.socket()))
                s.setblocking(False)
                s.connect_ex((full.host, full.port))
        with r.client() as c:
            assert c.greeting == NO_SERVER
            c.expect_eof()
    r.server = FakeServer(host=r.server.host, port=r.server.port)
    r.daemon.wait_log("SERVER: couldn't connect to: %s: %s" % (
        r.server.address, "Connection refused" if how == "refused" else "(Connection|Operation) timed out"))


add("server: refuses the connection", unreachable, "refused", reusable=False)
add("server: does not take the connection", unreachable, "full", options=HASTY, reusable=False)


# ------------------------------- the server's answers to what we ask it ourselves

def own_outcome(fault):
    """(the client's last reply, or None when the session goes on)."""
    if fault.nonsense:
        return NONSENSE
    if fault.waits:
        return TIMED_OUT
    return SERVER_CLOSED if fault.leaves else None


def at_reset(r, fault):
    r.server.on("RSET", [fault.action, None])
    with r.client() as c:
        assert c.mail(INFECTED) == REJECTED
        end = own_outcome(fault)
        if end:
            expect_end(c, end)
        else:
            mail_again(c)
            c.quit()
    peer = r.server.connections[0]
    peer.wait_closed()
    assert peer.verbs == ENVELOPE + ["RSET"] + ([] if end else ["RSET"] + ENVELOPE + ["DATA", "QUIT"])
    assert len(r.server.messages) == (end is None)


def at_xclient(r, fault, second):
    """The reply to XCLIENT, or to the EHLO that follows an accepted one."""
    r.server.keywords = [b"XCLIENT NAME ADDR"]
    r.server.on(*(("EHLO", [None, fault.action, None]) if second else ("XCLIENT", [fault.action, None])))
    with r.client() as c:
        c.ehlo()
        c.send(b"MAIL FROM:<a@example.org>\r\n")
        end = own_outcome(fault)
        if end:
            expect_end(c, end)
        else:
            assert c.reply() == b"250 2.1.0 sender ok\r\n"
            mail_again(c)
            c.quit()
    peer = r.server.connections[0]
    peer.wait_closed()
    accepted = second or (end is None and fault.text.startswith(b"250"))
    asked = ["EHLO", "XCLIENT"] + (["EHLO"] if accepted else [])
    rest = ["MAIL", "RSET"] + ENVELOPE + ["DATA", "QUIT"]
    # The client's command may have gone to a server that was just leaving.
    assert peer.verbs == asked + rest if not end else peer.verbs in (asked, asked + ["MAIL"])
    assert len(r.server.messages) == (end is None)


def at_noop(r, fault, phase):
    """A keep-alive while the client is silent in its content, or clamd thinks."""
    hold = Hold()
    r.server.on("NOOP", [fault.action, None])
    if phase == "scan":
        r.clamd.next((hold, b"{path}: OK{end}"))
    with r.client() as c:
        c.envelope()
        assert c.cmd(b"DATA") == START_DATA
        c.send(CONTENT)
        if phase == "scan":
            c.send(b".\r\n")
        r.server.wait_line(b"NOOP\r\n")
        if phase == "content":
            c.send(b".\r\n")
        elif not fault.leaves and not fault.nonsense:
            hold.release()
        if fault.leaves or fault.nonsense or fault.waits:
            expect_end(c, LOCAL_ERROR)
        else:
            assert c.reply() == QUEUED
            mail_again(c)
        hold.release()
    peer = r.server.connections[0]
    peer.wait_closed()
    if fault.leaves or fault.nonsense or fault.waits:
        assert set(peer.verbs[2:]) == {"NOOP"}
        assert not r.server.messages


FAULTS_OF_OWN = dict(FAULTS, **{
    "several lines": Fault(b"250-one\r\n250-two\r\n250 three\r\n", b"250-one\r\n"),
})
for _name, _fault in FAULTS_OF_OWN.items():
    _bounce = options_for(_fault, Action="bounce")
    add("server RSET after a virus: " + _name, at_reset, _fault, options=_bounce)
    add("server XCLIENT: " + _name, at_xclient, _fault, False, options=options_for(_fault, XClient="on"))
    add("server EHLO after XCLIENT: " + _name, at_xclient, _fault, True, options=options_for(_fault, XClient="on"))
    for _phase in ("content", "scan"):
        add("server NOOP in the %s: %s" % (_phase, _name), at_noop, _fault, _phase,
            options=options_for(_fault, KeepAlives="1"))


# ------------------------------------------------- a server that is not asked

UNASKED = {
    "closes": (CLOSE, SERVER_CLOSED),
    "resets": (RESET, SERVER_CLOSED),
    "421 closes": ((b"421 4.3.2 bye\r\n", CLOSE), b"421 4.3.2 bye\r\n"),
    "421 resets": ((b"421 4.3.2 bye\r\n", Sleep(0.1), RESET), b"421 4.3.2 bye\r\n"),
    "endless line": (ENDLESS_LINE, NONSENSE),
    "endless reply": (ENDLESS_REPLY, NONSENSE),
    "half a line closes": ((b"250 hal", CLOSE), SERVER_CLOSED),
    "a reply too many": (b"250 2.0.0 queued\r\n", None),
    "a 354": (b"354 go on\r\n", NONSENSE),
}


def unasked(r, phase, name):
    action, end = UNASKED[name]
    act, scanning = Hold(), Hold()
    r.server.on("RCPT", [(b"250 2.1.5 recipient ok\r\n", act, action), None])
    r.clamd.next((scanning, b"{path}: OK{end}"))
    with r.client() as c:
        c.ehlo()
        c.envelope()
        if phase == "idle":
            act.release()
            if name == "endless reply":
                expect_nonsense(c, b"250-more\r\n")
            elif end:
                expect_end(c, end)
            else:
                expect(c, action)
        else:
            assert c.cmd(b"DATA") == START_DATA
            c.send(CONTENT)
            if phase == "scan":
                c.send(b".\r\n")
                scanning.wait_reached()
            act.release()
            r.daemon.wait_log("server (disconnected unexpectedly|spoke out of turn|sends what is no reply)|"
                              "SERVER: couldn't read", r.mark)
            if phase == "content":
                c.send(b".\r\n")
            expect_end(c, LOCAL_ERROR)
        scanning.release()
    peer = r.server.connections[0]
    peer.wait_closed()
    assert peer.verbs == ["EHLO"] + ENVELOPE and not r.server.messages


for _phase, _name in itertools.product(("idle", "content", "scan"), UNASKED):
    add("server unasked, %s: %s" % (_phase, _name), unasked, _phase, _name)


# ------------------------------------------------------------ faults of clamd

def after_scan(r, c, reply, content):
    """One message gets this reply, another one passes in the same session."""
    assert c.mail(content) == reply
    mail_again(c)
    c.quit()
    peer = r.server.connections[0]
    peer.wait_closed()
    assert peer.verbs == ENVELOPE + ["RSET"] * 2 + ENVELOPE + ["DATA", "QUIT"]
    assert len(r.server.messages) == 1


def clamd_does(r, action, reply, content):
    r.clamd.next(action)
    with r.client() as c:
        after_scan(r, c, reply, content)


def read_stream_slowly(scan, _):
    with contextlib.suppress(OSError):
        while scan.sock.recv(10) and not scan.owner.stopping.wait(0.2):
            pass
    return CLOSE


OK, FOUND = b"{path}: OK{end}", b"{path}: Worm FOUND{end}"
ERROR = b"INSTREAM size limit exceeded. ERROR{end}"
ANSWERS_OF_CLAMD = {
    # what clamd answers: (action, reply to the client)
    "junk": (b"GET / HTTP/1.0{end}", LOCAL_ERROR),
    "binary junk": (bytes(range(1, 256)) + b"{end}", LOCAL_ERROR),
    "an empty line": (b"{end}", LOCAL_ERROR),
    "OK for another file": (b"/etc/passwd: OK{end}", LOCAL_ERROR),
    "OK without a name": (b"OK{end}", LOCAL_ERROR),
    "NOTOK": (b"{path}: NOTOK{end}", LOCAL_ERROR),
    "ok": (b"{path}: ok{end}", LOCAL_ERROR),
    "OK and OK": (OK + OK, LOCAL_ERROR),
    "OK and FOUND": (OK + FOUND, REJECTED),
    "FOUND and OK": (FOUND + OK, REJECTED),
    "ERROR": (b"{path}: Can't open file ERROR{end}", LOCAL_ERROR),
    "ERROR and OK": (b"{path}: lstat() failed ERROR{end}" + OK, LOCAL_ERROR),
    "OK and half a line": (OK + b"{path}: Wo", LOCAL_ERROR),
    "OK without its line end, closes": ((b"{path}: OK", CLOSE), LOCAL_ERROR),
    "OK without its line end, resets": ((b"{path}: OK", Sleep(0.1), RESET), LOCAL_ERROR),
    "FOUND without its line end, closes": ((b"{path}: Worm FOUND", CLOSE), LOCAL_ERROR),
    "half a line, closes": ((b"{path}: O", CLOSE), LOCAL_ERROR),
    "half a line, resets": ((b"{path}: O", RESET), LOCAL_ERROR),
    "nothing, closes": (CLOSE, LOCAL_ERROR),
    "nothing, resets": (RESET, LOCAL_ERROR),
    "an endless line": (ENDLESS_LINE, LOCAL_ERROR),
    "endless lines": (ENDLESS_REPLY, LOCAL_ERROR),
    "a line of 100000 octets": (b"x" * 100000 + b": OK{end}", LOCAL_ERROR),
    "OK, then resets": ((OK, Sleep(0.1), RESET), QUEUED),
}
EARLY_ENDS_OF_CLAMD = {
    "closes at once": OnConnect(CLOSE),
    "resets at once": OnConnect(RESET),
    "says junk at once": OnConnect((b"hello{end}", CLOSE)),
    "says OK at once": OnConnect((b"stream: OK\n", CLOSE)),
    "closes behind the command": OnCommand(CLOSE),
    "resets behind the command": OnCommand(RESET),
    "says ERROR in mid-stream": OnCommand((ERROR, CLOSE)),
    "says ERROR in mid-stream and stays": OnCommand((ERROR, STALL)),
    "says OK in mid-stream": OnCommand((OK, STALL)),
}
HANGS_OF_CLAMD = {
    "does nothing": OnConnect(STALL),
    "does not read on": OnCommand(STALL),
    "reads too slowly": OnCommand(read_stream_slowly),
    "does not answer": HANG,
    "answers half a line": (b"{path}: O", HANG),
    "drips its answer": Drip(OK, 0.5),
}
MODES = {"stream": {"Action": "bounce"}, "scan": {"Action": "bounce", "ScanMode": "scan"}}

for _mode, _options in MODES.items():
    for _name, (_action, _reply) in ANSWERS_OF_CLAMD.items():
        if _reply is QUEUED:
            continue
        add("clamd, %s: answers %s" % (_mode, _name), clamd_does, _action, _reply, CONTENT,
            options=dict(PROMPT, **_options))
    for _name, _action in HANGS_OF_CLAMD.items():
        if _mode == "stream" or "read" not in _name:
            add("clamd, %s: %s" % (_mode, _name), clamd_does, _action, LOCAL_ERROR, HUGE,
                options=dict(HASTY, **_options))
for _size, _content in (("small", CONTENT), ("big", BIG), ("huge", HUGE)):
    for _name, _action in EARLY_ENDS_OF_CLAMD.items():
        if _size != "small" or "says OK" not in _name:
            add("clamd, %s: %s" % (_size, _name), clamd_does, _action, LOCAL_ERROR, _content,
                options=dict(PROMPT, Action="bounce"))


@cell("clamd: answers OK, then resets")
def _(r):
    r.clamd.next((OK, Sleep(0.1), RESET))
    with r.client() as c:
        assert c.mail() == QUEUED
        mail_again(c)


def clamd_away(r, how):
    path = r.clamd.address
    r.clamd.stop()
    if how == "nobody listens":
        nobody = socket.socket(socket.AF_UNIX)
        nobody.bind(path)
    elif how == "a file":
        open(path, "w").close()
    elif how == "a directory":
        os.mkdir(path)
    elif how == "a loop of links":
        os.symlink(path, path)
    with r.client() as c:
        assert c.mail() == LOCAL_ERROR
        if how == "nobody listens":
            nobody.close()
        if how == "a directory":
            os.rmdir(path)
        elif os.path.lexists(path):
            os.unlink(path)
        r.clamd = FakeClamd(path=path)
        after = r.server.connections[0]
        mail_again(c)
    assert after.verbs == ENVELOPE + ["RSET"] * 2 + ENVELOPE + ["DATA"]


for _how in ("nothing", "nobody listens", "a file", "a directory", "a loop of links"):
    add("clamd: %s at its path" % _how, clamd_away, _how, reusable=False)


def clamd_is_full(r, for_ever):
    path = r.clamd.address
    r.clamd.stop()
    full = FakeClamd(path=path, backlog=0, accept=False)
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(path)
    with r.client() as c:
        begin(c)
        if for_ever:
            assert c.reply() == LOCAL_ERROR
            full.stop()
        else:
            assert c.silent(0.3)
            full.stop()  # what waits in its queue is reset
        r.clamd = FakeClamd(path=path)
        if not for_ever:
            assert c.reply() in (QUEUED, LOCAL_ERROR)
        mail_again(c)
    waiting.close()
    assert len(r.server.messages) == (1 if for_ever else len(r.clamd.scans))


add("clamd: its queue is full", clamd_is_full, True, options=HASTY, reusable=False)
add("clamd: its queue is full for a while", clamd_is_full, False, reusable=False)


def clamd_on_tcp(r, full):
    clamd = FakeClamd(backlog=0 if full else 512, accept=False)
    host, port = clamd.host, clamd.port
    r.daemon.options["ClamAddress"] = clamd.address
    r.daemon.start()
    settle(r)
    with contextlib.ExitStack() as stack:
        if full:
            for _ in range(4):
                s = stack.enter_context(contextlib.closing(socket.socket()))
                s.setblocking(False)
                s.connect_ex((host, port))
        else:
            clamd.stop()
        with r.client() as c:
            assert c.mail() == LOCAL_ERROR
    clamd.stop()
    r.clamd.stop()
    r.clamd = FakeClamd(host=host, port=port)


add("clamd on TCP: refuses the connection", clamd_on_tcp, False, options=dict(PROMPT, start=False), reusable=False)
add("clamd on TCP: does not take it", clamd_on_tcp, True, options=dict(HASTY, start=False), reusable=False)


# ----------------------------------------------------------- faults of clients

COMMANDS = b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
REPLIES = [b"250-smtp.passthru\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 XFORWARD NAME ADDR\r\n",
           b"250 2.1.0 sender ok\r\n", b"250 2.1.5 recipient ok\r\n", START_DATA]
CONTENTS = {
    "a message": b"A: b\r\n\r\nRSET\r\nQUIT\r\n",
    "dots": b"..a\r\n...\r\n..\r\n.b\r\n",
    "stray line ends": b"\n.\n\r.\r\n\r\r\n.\n.\r\r\n",
    "nothing": b"",
}


def client_leaves(r, content, by_reset, n):
    """After n octets of the content's wire form, its final dot included."""
    text = (COMMANDS + content + b".\r\n")[:n]
    told = REPLIES[:text[:len(COMMANDS)].count(b"\n")]
    complete = n == len(COMMANDS + content) + 3
    in_content = n >= len(COMMANDS) and not complete
    with r.client() as c:
        if by_reset:
            c.send(text)
            expect(c, b"".join(told) + (QUEUED if complete else b""))
            c.reset()
        else:
            c.send(text)
            c.half_close()
            end = QUEUED if complete else LOCAL_ERROR if in_content else b""
            expect_end(c, b"".join(told) + end)
    peer = r.server.wait_connections(1)
    peer.wait_closed()
    wanted = ["EHLO", "MAIL", "RCPT"][:len(told)] + (["DATA"] if complete else ["RSET"] if in_content else [])
    assert peer.verbs == wanted, (n, peer.verbs)
    assert len(r.server.messages) == complete, n
    assert len(r.clamd.scans) == complete, n
    r.clear()


def client_leaves_everywhere(r, content, by_reset, first, last):
    for n in range(first, last):
        client_leaves(r, content, by_reset, n)


for _how in ("FIN", "RST"):
    add("client: %s at each octet of the commands" % _how, client_leaves_everywhere, b"", _how == "RST",
        0, len(COMMANDS))
    for _name, _content in CONTENTS.items():
        add("client: %s at each octet of %s" % (_how, _name), client_leaves_everywhere, _content, _how == "RST",
            len(COMMANDS), len(COMMANDS + _content) + 4)


def client_leaves_in_scan(r, by_reset):
    hold = Hold()
    r.clamd.next((hold, OK))
    with r.client() as c:
        begin(c)
        hold.wait_reached()
        if by_reset:
            c.reset()
            r.server.connections[0].wait_closed()
            hold.release()
        else:
            c.half_close()
            hold.release()
            expect_end(c, QUEUED)
    peer = r.server.connections[0]
    peer.wait_closed()
    assert peer.verbs == ENVELOPE + ([] if by_reset else ["DATA"])
    assert len(r.server.messages) == (not by_reset)


def client_leaves_in_forwarding(r, by_reset, step):
    hold = Hold()
    r.server.on(step, {"DATA": (hold, b"354 go on\r\n"), "body": hold, ".": (hold, QUEUED)}[step])
    with r.client() as c:
        begin(c)
        hold.wait_reached()
        (c.reset if by_reset else c.half_close)()
        hold.release()
        if not by_reset:
            expect_end(c, QUEUED)
    # Handing over is not broken off; that the reply got lost SMTP allows.
    peer = r.server.connections[0]
    peer.wait_closed()
    assert peer.verbs == ENVELOPE + ["DATA"]
    assert len(r.server.messages) == 1


for _how in ("FIN", "RST"):
    add("client: %s in the scan" % _how, client_leaves_in_scan, _how == "RST")
    for _step in ("DATA", "body", "."):
        add("client: %s in forwarding, %s" % (_how, _step), client_leaves_in_forwarding, _how == "RST", _step)


def client_leaves_while_pending(r, by_reset):
    hold = Hold()
    r.server.on("MAIL", (hold, b"250 2.1.0 late\r\n"))
    with r.client() as c:
        c.send(b"MAIL FROM:<a@b>\r\n")
        hold.wait_reached()
        (c.reset if by_reset else c.half_close)()
        hold.release()
        if not by_reset:
            expect_end(c, b"250 2.1.0 late\r\n")
    r.server.connections[0].wait_closed()
    assert r.server.connections[0].verbs == ["MAIL"]


for _how in ("FIN", "RST"):
    add("client: %s while a command is pending" % _how, client_leaves_while_pending, _how == "RST")


# ----------------------------------------------------------------- slow-loris

def drip(c, data, pause, piece=1):
    """Send until the other side says something; False when it never did."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for n in range(0, len(data), piece):
            c.send(data[n:n + piece])
            if not c.silent(pause):
                return True
        return False
    return True


def client_drips(r, before, data, pause):
    with r.client() as c:
        for line in before:
            assert c.cmd(line)[:1] in (b"2", b"3", b"5")
        start = time.monotonic()
        assert drip(c, data, pause), "nothing was said"
        expect_end(c, TIMED_OUT)
        assert TIMEOUT * 0.9 < time.monotonic() - start < TIMEOUT * 4
    peer = r.server.connections[0]
    peer.wait_closed()
    assert "DATA" not in peer.verbs and not r.clamd.scans


_DATA = [b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA"]
for _name, _before, _data, _pause in (
        ("says nothing", [], b"", 0),
        ("says nothing in its content", _DATA, b"", 0),
        ("drips a command", [], b"NOOP " + b"x" * 40, 0.3),
        ("drips an endless line", [], b"x" * 40, 0.3),
        ("drips its content", _DATA, b"x\r\n" * 2000, 0.02),
        ("drips the final dot", _DATA, CONTENT + b".\r", 1.5),
        ("drips a chunk of BDAT", [b"BDAT 1000"], b"x" * 40, 0.3)):
    if _data:
        add("slow client: " + _name, client_drips, _before, _data, _pause, options=HASTY)


def client_is_silent(r, before):
    with r.client() as c:
        for line in before:
            assert c.cmd(line)[:1] in (b"2", b"3", b"5")
        expect_end(c, TIMED_OUT)
    r.server.connections[0].wait_closed()
    assert "DATA" not in r.server.connections[0].verbs


for _name, _before in (
        ("the beginning", []), ("EHLO", [b"EHLO x"]), ("MAIL", _DATA[:1]), ("RCPT", _DATA[:2]),
        ("DATA", _DATA), ("a chunk of BDAT", [b"BDAT 1000"])):
    add("slow client: silent after " + _name, client_is_silent, _before, options=HASTY)


@cell("slow client: slow enough is fast enough", options=HASTY)
def _(r):
    # 400 octets per second for twice TimeOut; the minimum is 100.
    with r.client() as c:
        c.envelope()
        assert c.cmd(b"DATA") == START_DATA
        assert not drip(c, b"0123456\r\n\r\n" * 146, 0.0275, 11)
        c.send(b".\r\n")
        assert c.reply() == QUEUED


@cell("slow client: an endless line", options=HASTY)
def _(r):
    with r.client() as c:
        assert drip(c, b"x" * (1 << 30), 0.0001, 1 << 20)
        c.rest()
        assert c.received == GREETING + TIMED_OUT
    r.server.connections[0].wait_closed()
    assert not r.server.lines


@cell("slow client: does not read its replies", options=HASTY)
def _(r):
    r.server.on("HELP", b"".join(b"214-%s\r\n" % (b"y" * 1000) for _ in range(900)) + b"214 end\r\n")
    with r.client() as c:
        c.send(b"HELP\r\n" * 40)
        r.server.connections[0].wait_closed()
        assert r.server.lines[0] == b"HELP\r\n" and len(r.server.lines) < 40


def server_drips(r, step, before, now, reply):
    """Each octet is in time, the reply is not."""
    r.server.on(step, [Drip(b"250-dripping\r\n250 ok\r\n", 0.3), None])
    with r.client(greet=step != "connect") as c:
        for line in before:
            c.cmd(line)
        c.send(now)
        start = time.monotonic()
        assert c.rest().endswith(reply)
        assert TIMEOUT * 0.9 < time.monotonic() - start < TIMEOUT * 3
    r.server.connections[0].wait_closed()


for _step, _before, _now, _reply in (
        ("connect", [], b"", TIMED_OUT), ("NOOP", [], b"NOOP\r\n", TIMED_OUT),
        ("DATA", _DATA, CONTENT + b".\r\n", LOCAL_ERROR), (".", _DATA, CONTENT + b".\r\n", LOCAL_ERROR)):
    add("slow server: drips a long reply, " + _step, server_drips, _step, _before, _now, _reply, options=HASTY)


@cell("many slow at once", options=HASTY)
def _(r):
    # Thirty of them do not hold up anybody else.
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(r.client()) for _ in range(30)]
        for c in slow[::2]:
            c.envelope()
            c.cmd(b"DATA")
            c.send(b"x")
        with r.client() as c:
            assert c.mail() == QUEUED
        for c in slow:
            assert c.rest() == TIMED_OUT
    r.daemon.threads_kept = 40


# -------------------------------------------------------------- the spool

EVIL = b"Subject: x\r\n\r\n" + b"RSET\r\nMAIL FROM:<evil@example.org>\r\n" * 9000
STOLEN = ["clamsmtpd.aaaaaa", "virus.aaaaaa"]


def deferred(r, c, content=EVIL):
    """The content is read and thrown away, none of it is taken for commands."""
    mark = len(r.server.connections[-1].verbs)
    assert c.mail(content) == LOCAL_ERROR
    assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    assert r.server.connections[-1].verbs[mark:] == ENVELOPE + ["RSET", "NOOP"]


SIZES = {"one block": EVIL[:EVIL.rindex(b"RSET", 0, 50000)], "many blocks": EVIL}

UIDS = itertools.count(54321)  # each user's threads are one daemon's


def start_unprivileged(r, threads=None):
    """Start the daemon as a user who may have so many threads."""
    if os.geteuid() == 0:
        uid = next(UIDS)
        for path in (r.directory, r.daemon.spool):
            os.chown(path, uid, uid)
        r.daemon.wrapper = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
        if threads:
            r.daemon.wrapper += ["prlimit", "--nproc=%d" % threads]
    r.daemon.start()
    settle(r)


def spool_is_missing(r, size):
    with r.client() as c:
        os.rename(r.daemon.spool, r.daemon.spool + "~")
        deferred(r, c, SIZES[size])
        os.rename(r.daemon.spool + "~", r.daemon.spool)
        mail_again(c)
    assert not r.clamd.scans[1:] and len(r.server.messages) == 1


def spool_is_read_only(r, size):
    start_unprivileged(r)
    with r.client() as c:
        os.chmod(r.daemon.spool, 0o555)
        deferred(r, c, SIZES[size])
        os.chmod(r.daemon.spool, 0o755)
        mail_again(c)
    r.daemon.wait_log("couldn't open cache file: .*Permission denied")


def spool_is_full(r, size, full):
    """A tiny file system that only the daemon sees."""
    r.daemon.wrapper = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o mode=755,%s none '%s' && exec \"$@\"" % (
        full, r.daemon.spool), "sh"]
    r.daemon.start()
    settle(r)
    spool = "/proc/%d/root%s" % (r.daemon.pid, r.daemon.spool)
    with r.client() as c:
        if "inodes" in full:
            for name in STOLEN:
                with contextlib.suppress(OSError):
                    open(os.path.join(spool, name), "x").close()
        deferred(r, c, SIZES[size])
        deferred(r, c, SIZES[size])
        if "inodes" in full:
            for name in STOLEN:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(spool, name))
        mail_again(c)
    assert os.listdir(spool) == []
    r.daemon.wait_log("couldn't (open|write to) cache file: .*No space left on device")


def limit(r, what, n):
    """Set the daemon's soft limit; returns the old one."""
    soft, hard = resource.prlimit(r.daemon.pid, what)
    resource.prlimit(r.daemon.pid, what, (n if hard == resource.RLIM_INFINITY else min(n, hard), hard))
    return soft


@contextlib.contextmanager
def limited(r, what, n):
    old = limit(r, what, n)
    try:
        yield
    finally:
        soft, hard = resource.prlimit(r.daemon.pid, what)
        resource.prlimit(r.daemon.pid, what, (old, hard))


def file_size_limit(r, size):
    with r.client() as c:
        with limited(r, resource.RLIMIT_FSIZE, 30000):
            deferred(r, c, SIZES[size])
        mail_again(c)
    r.daemon.wait_log("couldn't write to cache file: .*File too large", r.mark)


for _size in SIZES:
    add("spool: missing, " + _size, spool_is_missing, _size, reusable=False)
    add("spool: read-only, " + _size, spool_is_read_only, _size, options=dict(PROMPT, start=False), reusable=False)
    for _name, _full in (("octets", "size=32k"), ("inodes", "nr_inodes=3,size=1m")):
        add("spool: no %s left, %s" % (_name, _size), spool_is_full, _size, _full,
            options=dict(PROMPT, start=False), reusable=False,
            marks=pytest.mark.skipif(not can_mount(), reason="needs root and a mount of its own"))
    add("spool: file size limit, " + _size, file_size_limit, _size)


def quarantine_fails(r, reply):
    """The temporary file can be written, the copy cannot."""
    hold = Hold()
    r.clamd.next((hold, FOUND))
    with r.client() as c:
        begin(c, EVIL)
        hold.wait_reached()
        with limited(r, resource.RLIMIT_FSIZE, 10000):
            hold.release()
            assert c.reply() == reply
        mail_again(c)
    assert r.server.connections[0].verbs == ENVELOPE + ["RSET"] * 2 + ENVELOPE + ["DATA"]
    assert not r.daemon.virus_files()


# What would be discarded without its copy is kept by the sender.
add("spool: no quarantine, drop", quarantine_fails, LOCAL_ERROR, options=dict(PROMPT, Quarantine="on"))
add("spool: no quarantine, bounce", quarantine_fails, REJECTED,
    options=dict(PROMPT, Quarantine="on", Action="bounce"))


@cell("spool: the file shrinks behind our back")
def _(r):
    hold = Hold()
    r.clamd.next((hold, OK))
    with r.client() as c:
        begin(c, BIG)
        hold.wait_reached()
        path, = r.daemon.temp_files()
        os.truncate(path, 1000)
        hold.release()
        expect_end(c, LOCAL_ERROR)
    r.server.connections[0].wait_closed()
    assert not r.server.messages


# ------------------------------------------------------------- resources

NO_DESCRIPTOR = 5  # RLIMIT_NOFILE with which nothing more can be opened, but poll(2) still works


@cell("descriptors: none to accept with")
def _(r):
    # Connections wait, without spinning or a flood in the log.
    with r.client() as before:
        with limited(r, resource.RLIMIT_NOFILE, NO_DESCRIPTOR):
            mark = r.daemon.mark()
            waiting = [Client(r.daemon.address, greet=False) for _ in range(5)]
            r.daemon.wait_log("couldn't accept a connection: Too many open files", r.mark)
            spent = cpu_seconds(r)
            assert waiting[0].silent(1)
            assert cpu_seconds(r) - spent < 0.3
            assert len(r.daemon.log_since(mark)) < 10
            assert before.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
        for c in waiting:
            assert c.reply() in (GREETING, BUSY)
            c.close()
    r.daemon.threads_kept = 10


def only_the_spare_one(r):
    """One client after the other is told."""
    with limited(r, resource.RLIMIT_NOFILE, r.daemon.base_fds):
        for _ in range(3):
            with r.client() as c:
                assert c.greeting == BUSY
                c.expect_eof()
    assert not r.server.connections


add("descriptors: only the spare one", only_the_spare_one)


@cell("descriptors: the spare one comes back")
def _(r):
    with limited(r, resource.RLIMIT_NOFILE, NO_DESCRIPTOR):
        with Client(r.daemon.address, greet=False) as c:
            r.daemon.wait_log("couldn't accept a connection: Too many open files", r.mark)
    c.close()
    check_next(r)
    r.clear()
    wait_until(lambda: r.daemon.count_fds() == r.daemon.base_fds, "the spare descriptor")
    only_the_spare_one(r)


@cell("descriptors: none for the server")
def _(r):
    with limited(r, resource.RLIMIT_NOFILE, r.daemon.count_fds() + 1):
        with r.client() as c:
            assert c.greeting == NO_SERVER
            c.expect_eof()
    assert not r.server.connections


@cell("descriptors: none for the spool")
def _(r):
    with r.client() as c:
        with limited(r, resource.RLIMIT_NOFILE, NO_DESCRIPTOR):
            deferred(r, c)
        mail_again(c)
    r.daemon.wait_log("couldn't open cache file: .*Too many open files", r.mark)


@cell("descriptors: none for clamd")
def _(r):
    with r.client() as c:
        c.envelope()
        assert c.cmd(b"DATA") == START_DATA
        wait_until(r.daemon.temp_files)
        with limited(r, resource.RLIMIT_NOFILE, NO_DESCRIPTOR):
            c.send(EVIL + b".\r\n")
            assert c.reply() == LOCAL_ERROR
        mail_again(c)
    r.daemon.wait_log("CLAMAV: couldn't connect to: .*Too many open files", r.mark)


def no_descriptor_for_quarantine(r, reply):
    hold = Hold()
    r.clamd.next((hold, FOUND))
    with r.client() as c:
        begin(c)
        hold.wait_reached()
        with limited(r, resource.RLIMIT_NOFILE, NO_DESCRIPTOR):
            hold.release()
            assert c.reply() == reply
        mail_again(c)


add("descriptors: none for the quarantine, drop", no_descriptor_for_quarantine, LOCAL_ERROR,
    options=dict(PROMPT, Quarantine="on", VirusAction="true"))
add("descriptors: none for the quarantine, bounce", no_descriptor_for_quarantine, REJECTED,
    options=dict(PROMPT, Quarantine="on", VirusAction="true", Action="bounce"))


def cpu_seconds(r):
    with open("/proc/%d/stat" % r.daemon.pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@cell("threads: none", options=dict(PROMPT, VirusAction="true", start=False), reusable=False, marks=root_only)
def _(r):
    start_unprivileged(r, 3)
    with contextlib.ExitStack() as stack:
        busy = [stack.enter_context(r.client()) for _ in range(2)]
        with r.client() as c:
            assert c.greeting == NO_THREAD
            c.expect_eof()
        # A virus is found all the same when its action cannot be started.
        assert busy[0].mail(INFECTED) == DISCARDED
        mail_again(busy[1])
    for peer in r.server.connections:
        peer.wait_closed()
    r.daemon.wait_log("couldn't create thread: Resource temporarily unavailable")
    r.daemon.wait_log("couldn't fork for virus action: Resource temporarily unavailable")


@cell("memory: none", reusable=False, marks=pytest.mark.skipif(
    "CLAMSMTPD_WRAPPER" in os.environ or sanitized(), reason="the daemon runs under a tool"))
def _(r):
    with r.client() as c, r.client() as other:
        with open("/proc/%d/statm" % r.daemon.pid) as f:
            size = int(f.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        with limited(r, resource.RLIMIT_AS, size):
            with Client(r.daemon.address) as refused:
                assert refused.greeting in (NO_THREAD, NO_SERVER, GREETING)
            reply = c.cmd(b"MAIL FROM:<%s@b>" % (b"x" * 4000))
            assert reply in (b"250 2.1.0 sender ok\r\n", LOCAL_ERROR, b"")
            c.close()
        other.envelope()
        assert other.data() == QUEUED


# --------------------------------------------------------------- signals

def stopped(r, messages=0):
    assert r.daemon.wait_exit() == 0
    check_scanned(r)
    assert len(r.server.messages) == messages
    assert os.listdir(r.daemon.spool) == []
    assert not [l for l in r.daemon.log_lines if "runtime error:" in l or "Sanitizer" in l]


def stop(r):
    mark = r.daemon.mark()
    r.daemon.signal(signal.SIGTERM)
    r.daemon.wait_log("waiting for threads to quit", mark)


def stop_in_commands(r, lines, pending):
    """Idle, or with a command the server has not answered."""
    if pending:
        r.server.on("NOOP", HANG)
    with r.client() as c:
        for line in lines:
            assert c.cmd(line)[:3] == b"250"
        if pending:
            c.send(b"NOOP\r\n")
            r.server.wait_line(b"NOOP\r\n")
        stop(r)
        expect_end(c, STOPPING)
    stopped(r)


def stop_before_the_greeting(r, connected):
    hold = Hold()
    r.server.on("connect", hold)
    with contextlib.ExitStack() as stack:
        if not connected:
            r.server.stop()
            full = stack.enter_context(FakeServer(host=r.server.host, port=r.server.port, backlog=0, accept=False))
            for _ in range(4):
                s = stack.enter_context(contextlib.closing(socket.socket()))
                s.setblocking(False)
                s.connect_ex((full.host, full.port))
        with r.client(greet=False) as c:
            if connected:
                hold.wait_reached()
            else:
                r.daemon.wait_log("accepted connection", r.mark)
            stop(r)
            expect_end(c, STOPPING)
        hold.release()
        stopped(r)


def stop_in_content(r, content):
    with r.client() as c:
        begin(c, content, False)
        wait_until(r.daemon.temp_files)
        stop(r)
        expect_end(c, STOPPING)
    stopped(r)
    assert r.server.connections[0].verbs == ENVELOPE


def stop_at_clamd(r, action, content):
    """The scan is given up: the message comes again."""
    reached = Hold()
    reached.release()
    r.clamd.next(action(reached))
    with r.client() as c:
        begin(c, content)
        reached.wait_reached()
        stop(r)
        expect_end(c, STOPPING)
    stopped(r)
    assert r.server.connections[0].verbs == ENVELOPE


def stop_in_forwarding(r, step, end):
    """What is being handed over is handed over, and the client is told."""
    hold = Hold()
    r.server.on(step, {"DATA": (hold, b"354 go on\r\n"), "body": hold, ".": (hold, end or QUEUED)}[step]
                if end is not HANG else (hold, HANG))
    with r.client() as c, r.client() as idle:
        begin(c)
        hold.wait_reached()
        stop(r)
        expect_end(idle, STOPPING)
        hold.release()
        reply = {HANG: LOCAL_ERROR, CLOSE: LOCAL_ERROR, None: QUEUED}.get(end, end)
        expect_end(c, reply + (STOPPING if reply[:1] in b"245" and reply != LOCAL_ERROR else b""))
    stopped(r, 0 if step == "DATA" and end else 1)


for _name, _lines in (("the greeting", []), ("EHLO", [b"EHLO x"]), ("RCPT", [b"EHLO x"] + _DATA[:2])):
    add("SIGTERM: idle after " + _name, stop_in_commands, _lines, False, reusable=False)
    add("SIGTERM: command pending after " + _name, stop_in_commands, _lines, True, reusable=False)
add("SIGTERM: the server does not greet", stop_before_the_greeting, True, reusable=False)
add("SIGTERM: the server does not take the connection", stop_before_the_greeting, False, reusable=False)
add("SIGTERM: at 354", stop_in_content, b"", reusable=False)
add("SIGTERM: in the content", stop_in_content, EVIL, reusable=False)
add("SIGTERM: clamd reads", stop_at_clamd, lambda h: OnConnect((h, STALL)), HUGE, reusable=False)
add("SIGTERM: clamd thinks", stop_at_clamd, lambda h: (h, HANG), CONTENT, reusable=False)
add("SIGTERM: clamd answers", stop_at_clamd, lambda h: (h, b"{path}: O", HANG), CONTENT, reusable=False)
for _step in ("DATA", "body", "."):
    add("SIGTERM: in forwarding, " + _step, stop_in_forwarding, _step, None, reusable=False)
add("SIGTERM: in forwarding, refused", stop_in_forwarding, ".", b"554 no\r\n", reusable=False)
add("SIGTERM: in forwarding, the server closes", stop_in_forwarding, ".", CLOSE, reusable=False)
add("SIGTERM: in forwarding, the server hangs at DATA", stop_in_forwarding, "DATA", HANG, options=HASTY, reusable=False)
add("SIGTERM: in forwarding, the server hangs", stop_in_forwarding, ".", HANG, options=HASTY, reusable=False)


@cell("SIGTERM: RSET after a virus is pending", options=dict(PROMPT, Action="bounce"), reusable=False)
def _(r):
    r.server.on("RSET", HANG)
    with r.client() as c:
        assert c.mail(INFECTED) == REJECTED
        r.server.wait_line(b"RSET\r\n")
        stop(r)
        expect_end(c, STOPPING)
    stopped(r)


@cell("SIGTERM: again and again", reusable=False)
def _(r):
    hold = Hold()
    r.server.on(".", (hold, QUEUED))
    with r.client() as c:
        begin(c)
        hold.wait_reached()
        stop(r)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            r.daemon.signal(number)
        hold.release()
        expect_end(c, QUEUED + STOPPING)
    stopped(r, 1)


@cell("SIGTERM: a client does not read", options=HASTY, reusable=False)
def _(r):
    r.server.on("HELP", b"".join(b"214-%s\r\n" % (b"y" * 1000) for _ in range(900)) + b"214 end\r\n")
    with r.client() as c:
        c.send(b"HELP\r\n" * 40)
        wait_until(lambda: len(r.server.lines) > 3)
        r.daemon.signal(signal.SIGTERM)
        stopped(r)


IGNORED = (signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGXFSZ)


@cell("signals that are ignored, in every phase")
def _(r):
    holds = {step: Hold() for step in ("connect", "RCPT", "DATA", "body", ".", "clamd")}

    def at(step):
        holds[step].wait_reached()
        for number in IGNORED:
            r.daemon.signal(number)
        holds[step].release()

    r.server.on("connect", [(holds["connect"], b"220 real.example\r\n"), None])
    r.server.on("RCPT", [(holds["RCPT"], b"250 ok\r\n"), None])
    r.server.on("DATA", [(holds["DATA"], b"354 go on\r\n"), None])
    r.server.on("body", [holds["body"], None])
    r.server.on(".", [(holds["."], QUEUED), None])
    r.clamd.next((holds["clamd"], OK))
    with r.client(greet=False) as c:
        at("connect")
        assert c.reply() == GREETING
        c.cmd(b"MAIL FROM:<a@b>")
        c.send(b"RCPT TO:<c@d>\r\n")
        at("RCPT")
        assert c.reply() == b"250 ok\r\n"
        assert c.cmd(b"DATA") == START_DATA
        for octet in CONTENT:
            c.send(bytes([octet]))
            r.daemon.signal(IGNORED[octet % len(IGNORED)])
        c.send(b".\r\n")
        for step in ("clamd", "DATA", "body", "."):
            at(step)
        assert c.reply() == QUEUED
    assert len(r.server.messages) == 1


def killed(r, where):
    """What a killed daemon left is removed, nothing else is."""
    hold = Hold()
    if where == "clamd":
        r.clamd.next((hold, OK))
    elif where == ".":
        r.server.on(".", (hold, QUEUED))
    with r.client() as c:
        begin(c, BIG, where != "content")
        if where == "content":
            wait_until(r.daemon.temp_files)
        else:
            hold.wait_reached()
        left, = r.daemon.temp_files()
        foreign = {"virus.aaaaaa", "clamsmtpd.conf", "clamsmtpd.aaaaaaa", "xclamsmtpd.aaaaaa", "other"}
        for name in foreign:
            open(os.path.join(r.daemon.spool, name), "w").close()
        os.symlink("/etc/passwd", os.path.join(r.daemon.spool, "clamsmtpd.llllll"))
        os.mkdir(os.path.join(r.daemon.spool, "clamsmtpd.dddddd"))
        foreign |= {"clamsmtpd.llllll", "clamsmtpd.dddddd"}
        if os.geteuid() == 0:
            path = os.path.join(r.daemon.spool, "clamsmtpd.bbbbbb")
            open(path, "w").close()
            os.chown(path, 54320, 54320)
            foreign.add("clamsmtpd.bbbbbb")
        r.daemon.kill()
        hold.release()
        assert c.rest() == b""
    check_scanned(r)
    assert os.path.exists(left)
    r.daemon.start()
    assert set(os.listdir(r.daemon.spool)) == foreign
    for name in foreign:
        path = os.path.join(r.daemon.spool, name)
        (os.rmdir if name.endswith("dddddd") else os.unlink)(path)
    settle(r)


for _where in ("content", "clamd", "."):
    add("SIGKILL: %s" % {"content": "in the content", "clamd": "in the scan", ".": "in forwarding"}[_where],
        killed, _where, reusable=False)


@cell("SIGKILL: another daemon uses the directory", reusable=False)
def _(r):
    path = os.path.join(r.daemon.spool, "clamsmtpd.aaaaaa")
    with contextlib.ExitStack() as stack:
        other_directory = new_directory()
        stack.callback(shutil.rmtree, other_directory, ignore_errors=True)
        other = stack.enter_context(Rig(other_directory, TempDirectory=r.daemon.spool))
        with r.client() as c:
            begin(c, BIG, False)
            wait_until(r.daemon.temp_files)
            r.daemon.kill()
        left, = r.daemon.temp_files()
        open(path, "w").close()
        r.daemon.start()
        assert os.path.exists(left) and os.path.exists(path), "the other one could be using them"
        r.daemon.kill()
        other.daemon.stop()
        r.daemon.start()
        assert os.listdir(r.daemon.spool) == []
    settle(r)


@pytest.mark.parametrize("name", [pytest.param(n, marks=MARKS[n]) for n in CELLS])
def test_cell(outcomes, name):
    outcomes[name].result()
