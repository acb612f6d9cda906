# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Clients leave at every octet, or take their time; servers that take theirs."""

import contextlib
import time

from cells import ENVELOPE, HASTY, IMPATIENT, TIMEOUT, TO_DATA, Matrix, expect, expect_end
from rig import (CONTENT, GREETING, LOCAL_ERROR, QUEUED, START_DATA, TIMED_OUT, Drip, Hold,
                 needs_compiler)

matrix = Matrix()


COMMANDS = b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
REPLIES = [b"250-smtp.passthru\r\n250-SIZE 100000000\r\n250-8BITMIME\r\n250 XFORWARD NAME ADDR\r\n",
           b"250 2.1.0 sender ok\r\n", b"250 2.1.5 recipient ok\r\n", START_DATA]
CONTENTS = {
    "a message": b"A: b\r\n\r\nRSET\r\nQUIT\r\n",
    "dots": b"..a\r\n...\r\n..\r\n.b\r\n",
    "stray line ends": b"\n.\n\r.\r\n\r\r\n.\n.\r\r\n",
    "nothing": b"",
}


def client_leaves(r, content, by_reset, n):
    """After n octets of the content's wire form, its final dot included."""
    lines = COMMANDS[:n].splitlines(True)
    told = [line for line in lines if line.endswith(b"\n")]
    complete = n == len(COMMANDS + content) + 3
    in_content = n >= len(COMMANDS) and not complete
    with r.client() as c:
        for line, reply in zip(lines, REPLIES):
            c.send(line)
            if line.endswith(b"\n"):
                expect(c, reply)
        c.send((content + b".\r\n")[:max(0, n - len(COMMANDS))])
        if by_reset:
            expect(c, QUEUED if complete else b"")
            c.reset()
        else:
            # Without QUIT it would have left before its message went on.
            c.send(b"QUIT\r\n" if complete else b"")
            c.half_close()
            expect_end(c, QUEUED + b"221 2.0.0 bye\r\n" if complete else LOCAL_ERROR if in_content else b"")
    peer = r.server.wait_connections(1)
    peer.wait_closed()
    # As 1.10: who resets the connection is not waited for.
    wanted = ["EHLO", "MAIL", "RCPT"][:len(told)] + (
        ["DATA"] if complete else ["RSET"] if in_content and not by_reset else []) + ["QUIT"]
    assert peer.verbs == wanted, (n, peer.verbs)
    assert len(r.server.messages) == complete, n
    assert len(r.clamd.scans) == complete, n
    r.clear()


def client_leaves_everywhere(r, content, by_reset, first, last):
    for n in range(first, last):
        client_leaves(r, content, by_reset, n)


for _how in ("FIN", "RST"):
    matrix.add("client: %s at each octet of the commands" % _how, client_leaves_everywhere, b"", _how == "RST",
               0, len(COMMANDS))
    for _name, _content in CONTENTS.items():
        matrix.add("client: %s at each octet of %s" % (_how, _name), client_leaves_everywhere, _content, _how == "RST",
                   len(COMMANDS), len(COMMANDS + _content) + 4)


def client_leaves_in_scan(r, by_reset):
    hold = r.clamd.hold()
    with r.client() as c:
        c.begin()
        hold.wait_reached()
        if by_reset:
            c.reset()
        else:
            c.half_close()
            expect_end(c, LOCAL_ERROR)
        r.server.connections[0].wait_closed()
        hold.release()
    assert r.server.connections[0].asked == ENVELOPE
    assert not r.server.messages


def client_leaves_in_forwarding(r, by_reset, step):
    hold = Hold()
    r.server.on(step, {"DATA": (hold, b"354 go on\r\n"), ".": (hold, QUEUED)}[step])
    with r.client() as c:
        c.begin()
        hold.wait_reached()
        (c.reset if by_reset else c.half_close)()
        if not by_reset and step == "DATA":
            expect_end(c, LOCAL_ERROR)
        if step == "DATA":
            r.daemon.wait_log("SERVER connection closed", r.mark)
        hold.release()
        if not by_reset and step == ".":
            expect_end(c, QUEUED)
    # That the reply to all of it got lost SMTP allows.
    peer = r.server.connections[0]
    peer.wait_closed()
    assert peer.asked == ENVELOPE + ["DATA"]
    assert len(r.server.messages) == (step == ".")


for _how in ("FIN", "RST"):
    matrix.add("client: %s in the scan" % _how, client_leaves_in_scan, _how == "RST")
    for _step in ("DATA", "."):
        matrix.add("client: %s in forwarding, %s" % (_how, _step), client_leaves_in_forwarding, _how == "RST", _step)


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
    assert r.server.connections[0].verbs == ["MAIL", "QUIT"]


for _how in ("FIN", "RST"):
    matrix.add("client: %s while a command is pending" % _how, client_leaves_while_pending, _how == "RST")


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


for _name, _before, _data, _pause in (
        ("says nothing", [], b"", 0),
        ("says nothing in its content", TO_DATA, b"", 0),
        ("drips a command", [], b"NOOP " + b"x" * 40, 0.3),
        ("drips an endless line", [], b"x" * 40, 0.3),
        ("drips its content", TO_DATA, b"x\r\n" * 2000, 0.02),
        ("drips the final dot", TO_DATA, CONTENT + b".\r", 1.5),
        ("drips a chunk of BDAT", [b"BDAT 1000"], b"x" * 40, 0.3)):
    if _data:
        matrix.add("slow client: " + _name, client_drips, _before, _data, _pause, options=HASTY)


def client_is_silent(r, before):
    with r.client() as c:
        for line in before:
            assert c.cmd(line)[:1] in (b"2", b"3", b"5")
        expect_end(c, TIMED_OUT)
    r.server.connections[0].wait_closed()
    assert "DATA" not in r.server.connections[0].verbs


for _name, _before in (
        ("the beginning", []), ("EHLO", [b"EHLO x"]), ("MAIL", TO_DATA[:1]), ("RCPT", TO_DATA[:2]),
        ("DATA", TO_DATA), ("a chunk of BDAT", [b"BDAT 1000"])):
    matrix.add("slow client: silent after " + _name, client_is_silent, _before, options=HASTY)


@matrix.cell("slow client: slow enough is fast enough", options=HASTY)
def _(r):
    # 400 octets per second for twice TimeOut; the minimum is 100.
    with r.client() as c:
        c.envelope()
        assert c.cmd(b"DATA") == START_DATA
        assert not drip(c, b"0123456\r\n\r\n" * 146, 0.0275, 11)
        c.send(b".\r\n")
        assert c.reply() == QUEUED


@matrix.cell("slow client: an endless line", options=HASTY)
def _(r):
    with r.client() as c:
        while c.silent(0.001):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                c.sock.sendall(b"x" * 65536)
        c.rest()
        assert c.received == GREETING + TIMED_OUT
    r.server.connections[0].wait_closed()
    assert r.server.lines == [b"QUIT\r\n"]


@matrix.cell("slow client: does not read its replies", options=HASTY)
def _(r):
    r.server.on("HELP", b"".join(b"214-%s\r\n" % (b"y" * 1000) for _ in range(900)) + b"214 end\r\n")
    r.server.keywords = [b"PIPELINING"]
    with r.client() as c:
        c.ehlo()
        c.send(b"HELP\r\n" * 40)
        r.server.connections[0].wait_closed()
        assert r.server.lines[1] == b"HELP\r\n" and len(r.server.lines) < 40


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
        ("DATA", TO_DATA, CONTENT + b".\r\n", LOCAL_ERROR), (".", TO_DATA, CONTENT + b".\r\n", LOCAL_ERROR)):
    matrix.add("slow server: drips a long reply, " + _step, server_drips, _step, _before, _now, _reply,
               options=IMPATIENT if _step == "." else HASTY, marks=needs_compiler if _step == "." else ())


@matrix.cell("many slow at once", options=HASTY)
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


outcomes, test_cell = matrix.tests()
