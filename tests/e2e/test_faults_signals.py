# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The daemon is stopped, signalled and killed in every phase."""

import contextlib
import glob
import os
import shutil
import signal
import socket

from conftest import new_directory
from cells import BIG, ENVELOPE, EVIL, HASTY, HUGE, PROMPT, TO_DATA, Matrix, check_scanned, expect_end, settle
from rig import (CLOSE, CONTENT, GREETING, HANG, INFECTED, LOCAL_ERROR, OK, QUEUED, REJECTED, STALL,
                 START_DATA, STOPPING, FakeServer, Hold, OnConnect, Rig, wait_until)

matrix = Matrix()


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


def left_with(r, verbs):
    """What the server was told, and that the session is over."""
    r.server.wait(lambda: r.server.connections[0].verbs == verbs + ["QUIT"], "QUIT after %r" % verbs)


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
        c.begin(content, False)
        wait_until(r.daemon.temp_files)
        stop(r)
        expect_end(c, STOPPING)
    stopped(r)
    left_with(r, ENVELOPE)


def stop_at_clamd(r, action, content):
    """The scan is given up: the message comes again."""
    reached = Hold()
    reached.release()
    r.clamd.next(action(reached))
    with r.client() as c:
        c.begin(content)
        reached.wait_reached()
        stop(r)
        expect_end(c, STOPPING)
    stopped(r)
    left_with(r, ENVELOPE)


def stop_in_forwarding(r, step, end):
    """What is being handed over is handed over, and the client is told."""
    hold = Hold()
    r.server.on(step, {"DATA": (hold, b"354 go on\r\n"), "body": hold, ".": (hold, end or QUEUED)}[step]
                if end is not HANG else (hold, HANG))
    with r.client() as c, r.client() as idle:
        c.begin()
        hold.wait_reached()
        stop(r)
        expect_end(idle, STOPPING)
        hold.release()
        reply = {HANG: LOCAL_ERROR, CLOSE: LOCAL_ERROR, None: QUEUED}.get(end, end)
        expect_end(c, reply + (STOPPING if reply[:1] in b"245" and reply != LOCAL_ERROR else b""))
    stopped(r, 0 if step == "DATA" and end else 1)


for _name, _lines in (("the greeting", []), ("EHLO", [b"EHLO x"]), ("RCPT", [b"EHLO x"] + TO_DATA[:2])):
    matrix.add("SIGTERM: idle after " + _name, stop_in_commands, _lines, False, reusable=False)
    matrix.add("SIGTERM: command pending after " + _name, stop_in_commands, _lines, True, reusable=False)
matrix.add("SIGTERM: the server does not greet", stop_before_the_greeting, True, reusable=False)
matrix.add("SIGTERM: the server does not take the connection", stop_before_the_greeting, False, reusable=False)
matrix.add("SIGTERM: at 354", stop_in_content, b"", reusable=False)
matrix.add("SIGTERM: in the content", stop_in_content, EVIL, reusable=False)
matrix.add("SIGTERM: clamd reads", stop_at_clamd, lambda h: OnConnect((h, STALL)), HUGE, reusable=False)
matrix.add("SIGTERM: clamd thinks", stop_at_clamd, lambda h: (h, HANG), CONTENT, reusable=False)
matrix.add("SIGTERM: clamd answers", stop_at_clamd, lambda h: (h, b"{path}: O", HANG), CONTENT, reusable=False)
for _step in ("DATA", "body", "."):
    matrix.add("SIGTERM: in forwarding, " + _step, stop_in_forwarding, _step, None, reusable=False)
matrix.add("SIGTERM: in forwarding, refused", stop_in_forwarding, ".", b"554 no\r\n", reusable=False)
matrix.add("SIGTERM: in forwarding, the server closes", stop_in_forwarding, ".", CLOSE, reusable=False)
matrix.add("SIGTERM: in forwarding, the server hangs at DATA", stop_in_forwarding, "DATA", HANG, options=HASTY, reusable=False)
matrix.add("SIGTERM: in forwarding, the server hangs", stop_in_forwarding, ".", HANG, options=HASTY, reusable=False)


def stop_with_own_pending(r, step, prepare, verbs):
    """We have asked the server something by ourselves."""
    r.server.keywords = [b"XCLIENT NAME ADDR"]
    r.server.on(step, HANG)
    with r.client() as c:
        prepare(c)
        r.server.wait(lambda: r.server.connections and step in r.server.connections[0].verbs, step)
        stop(r)
        expect_end(c, STOPPING)
    stopped(r)
    left_with(r, verbs)


def greet_and_begin(c):
    c.ehlo()
    c.send(b"MAIL FROM:<a@example.org>\r\n")


matrix.add("SIGTERM: XCLIENT is pending", stop_with_own_pending, "XCLIENT", greet_and_begin, ["EHLO", "XCLIENT"],
           options=dict(PROMPT, XClient="on"), reusable=False)
matrix.add("SIGTERM: QUIT is pending", stop_with_own_pending, "QUIT", lambda c: c.send(b"QUIT\r\n"), [],
           reusable=False)
matrix.add("SIGTERM: NOOP is pending", stop_with_own_pending, "NOOP", lambda c: c.begin(CONTENT, False),
           ENVELOPE + ["NOOP"], options=dict(PROMPT, KeepAlives="1"), reusable=False)


@matrix.cell("SIGTERM: in a chunk of BDAT", reusable=False)
def _(r):
    with r.client() as c:
        c.send(b"BDAT 1000000\r\n" + b"x" * 1000)
        assert c.reply()[:3] == b"502"
        stop(r)
        expect_end(c, STOPPING)
    stopped(r)


@matrix.cell("SIGSTOP and SIGCONT at every step", reusable=False)
def _(r):
    def pause():
        r.daemon.signal(signal.SIGSTOP)
        r.daemon.signal(signal.SIGCONT)
    with r.client() as c:
        for line in (b"EHLO x", b"MAIL FROM:<a@example.org>", b"RCPT TO:<b@example.net>", b"DATA"):
            c.send(line + b"\r\n")
            pause()
            assert c.reply()[:1] in b"23"
        for part in (BIG[:100000], BIG[100000:], b".\r\n"):
            c.send(part)
            pause()
        assert c.reply() == QUEUED
    stop(r)
    stopped(r, 1)


@matrix.cell("SIGTERM: RSET after a virus is pending", options=dict(PROMPT, Action="bounce"), reusable=False)
def _(r):
    r.server.on("RSET", HANG)
    with r.client() as c:
        assert c.mail(INFECTED) == REJECTED
        r.server.wait_line(b"RSET\r\n")
        stop(r)
        expect_end(c, STOPPING)
    stopped(r)


@matrix.cell("SIGTERM: again and again", reusable=False)
def _(r):
    hold = Hold()
    r.server.on(".", (hold, QUEUED))
    with r.client() as c:
        c.begin()
        hold.wait_reached()
        stop(r)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            r.daemon.signal(number)
        hold.release()
        expect_end(c, QUEUED + STOPPING)
    stopped(r, 1)


@matrix.cell("SIGTERM: a client does not read", options=HASTY, reusable=False)
def _(r):
    r.server.on("HELP", b"".join(b"214-%s\r\n" % (b"y" * 1000) for _ in range(900)) + b"214 end\r\n")
    r.server.keywords = [b"PIPELINING"]
    with r.client() as c:
        c.ehlo()
        c.send(b"HELP\r\n" * 40)
        wait_until(lambda: len(r.server.lines) > 3)
        r.daemon.signal(signal.SIGTERM)
        stopped(r)


IGNORED = (signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGXFSZ, signal.SIGUSR1, signal.SIGUSR2,
           signal.SIGALRM)


@matrix.cell("signals that are ignored, in every phase")
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
        c.begin(BIG, where != "content")
        if where == "content":
            wait_until(r.daemon.temp_files)
        else:
            hold.wait_reached()
        left = glob.glob(os.path.join(r.daemon.spool, "clamsmtpd.*"))
        assert len(left) == (r.daemon.options.get("ScanMode") == "scan")
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
    assert all(map(os.path.exists, left))
    r.daemon.start()
    assert set(os.listdir(r.daemon.spool)) == foreign
    for name in foreign:
        path = os.path.join(r.daemon.spool, name)
        (os.rmdir if name.endswith("dddddd") else os.unlink)(path)
    settle(r)


for _where in ("content", "clamd", "."):
    for _mode in ("stream", "scan"):  # scan's file has a name, and is left
        matrix.add("SIGKILL: %s, %s" % ({"content": "in the content", "clamd": "in the scan",
                                         ".": "in forwarding"}[_where], _mode),
                   killed, _where, options=dict(PROMPT, ScanMode=_mode), reusable=False)


@matrix.cell("SIGKILL: another daemon uses the directory", options=dict(PROMPT, ScanMode="scan"), reusable=False)
def _(r):
    path = os.path.join(r.daemon.spool, "clamsmtpd.aaaaaa")
    with contextlib.ExitStack() as stack:
        other_directory = new_directory()
        stack.callback(shutil.rmtree, other_directory, ignore_errors=True)
        other = stack.enter_context(Rig(other_directory, TempDirectory=r.daemon.spool))
        with r.client() as c:
            c.begin(BIG, False)
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


outcomes, test_cell = matrix.tests()
