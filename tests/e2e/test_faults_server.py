# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The server fails: at each step it is asked for something, at what the daemon
asks it by itself, and when nobody asked."""

import contextlib
import itertools
import socket

from cells import BIG, ENVELOPE, HASTY, HUGE, IMPATIENT, PROMPT, Matrix, expect, expect_end, mail_again
from rig import (CLOSE, CONTENT, ENDLESS_LINE, ENDLESS_REPLY, HANG, INFECTED, LOCAL_ERROR, NONSENSE,
                 NO_SERVER, OK, QUEUED, REJECTED, RESET, SERVER_CLOSED, STALL, START_DATA, TIMED_OUT, Drip,
                 FakeServer, Hold, Sleep, needs_compiler, reset_socket, wait_until)

matrix = Matrix()

NO_TRANSACTION = b"503 Need MAIL and RCPT before DATA\r\n"
NO_RECIPIENTS = b"554 No valid recipients\r\n"


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
    "421": Fault(b"421 4.3.2 soon\r\n", b"421 4.3.2 soon\r\n", leaves=True),
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


def expect_nonsense(c, first=b""):
    """Not more than a bounded number of equal lines, then the end."""
    got = c.rest()
    assert got.endswith(NONSENSE), got[-200:]
    got = got[len(first) if got.startswith(first) else 0:-len(NONSENSE)]
    assert len(got) < 1 << 20
    assert set(got.splitlines(True)) <= {b"250-more\r\n"}
    c.close()


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
            expect_nonsense(c, b"250-smtp.passthru\r\n" if step in ("EHLO", "HELO") else b"")
        elif fault.waits:
            expect_end(c, shown_of(step, fault.text) + TIMED_OUT)
        elif fault.leaves:
            told = fault.text.startswith(b"421")
            if step == "connect" and not fault.text:
                # Its reset may come before connect(2) has been seen to succeed.
                assert c.rest() in (SERVER_CLOSED, NO_SERVER)
                return
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
        # Whom we leave hears QUIT, but for who awaits no command.
        quits = fault.waits and name != "drips" and step not in ("connect", "AUTH", "QUIT")
        assert peer.verbs == verbs + ["QUIT"] * quits
        assert not r.server.messages
    else:
        assert peer.verbs == verbs + ["RSET", "MAIL", "RCPT", "DATA", "QUIT"]
        assert len(r.server.messages) == 1


for _step, _name in itertools.product(STEPS, FAULTS):
    matrix.add("server %s: %s" % (_step, _name), in_a_command, _step, _name, options=options_for(FAULTS[_name]))


def in_the_last_step(r, step, fault):
    """DATA and the final dot: all that is not the server's word is 451."""
    r.server.on(step, [fault.action, None])
    with r.client() as c:
        c.ehlo()
        c.begin()
        refused = fault.text[:1] in (b"4", b"5")
        goes_on = refused and not fault.leaves
        if goes_on:
            expect(c, fault.text)
            assert c.mail(rcpts=[b"next@example.net"]) == QUEUED
            c.quit()
        else:
            expect_end(c, fault.text if refused else LOCAL_ERROR)
    peer = r.server.wait_connections(1)
    peer.wait_closed()
    again = ENVELOPE + ["DATA"] if goes_on else []
    if goes_on and step == "DATA":
        again.insert(0, "RSET")  # its transaction is not to get the next recipients
    assert peer.asked == ["EHLO"] + ENVELOPE + ["DATA"] + again
    assert len(r.server.messages) == (step == ".") + (1 if again else 0)
    if goes_on:
        assert r.server.messages[-1].rcpts == [b"RCPT TO:<next@example.net>"]
    wait_until(lambda: r.daemon.summaries(r.mark), "the summary")
    status = "SERVER-REFUSED, reply=" + fault.text.split(b"\r\n")[0].decode("latin-1") if refused else "SERVER-ERROR"
    assert r.daemon.summaries(r.mark)[0] == "from=a@example.org, to=b@example.net, status=" + status


for _step, _name in itertools.product(("DATA", "."), FAULTS):
    if (_step, _name) != ("DATA", "354"):
        _waits = _step == "." and FAULTS[_name].waits
        matrix.add("server %s: %s" % (_step, _name), in_the_last_step, _step, FAULTS[_name],
                   options=IMPATIENT if _waits else options_for(FAULTS[_name]), marks=needs_compiler if _waits else ())
FAULTS_OF_DATA = {
    "200": Fault(b"200 fine\r\n"),
    "350": Fault(b"350 nearly\r\n"),
    "3540": Fault(b"3540 go on\r\n"),
    "354 without its line end": Fault((b"354 go on", HANG), waits=True),
}
for _name, _fault in FAULTS_OF_DATA.items():
    matrix.add("server DATA: " + _name, in_the_last_step, "DATA", _fault, options=options_for(_fault))


@matrix.cell("server DATA: 250 comes with the 354")
def _(r):
    # That 250 is no promise about content which the server has not seen.
    r.server.on("DATA", b"354 go on\r\n250 2.0.0 queued\r\n")
    r.server.on(".", CLOSE)
    with r.client() as c:
        c.begin(BIG)
        expect_end(c, LOCAL_ERROR)
    r.server.connections[0].wait_closed()


@matrix.cell("server DATA: a 354 of several lines")
def _(r):
    r.server.on("DATA", b"354-go\r\n354 on\r\n")
    with r.client() as c:
        assert c.mail() == QUEUED
        mail_again(c)


@matrix.cell("server .: a 250 of several lines")
def _(r):
    r.server.on(".", [b"250-queued\r\n250 2.0.0 as 4711\r\n", None])
    with r.client() as c:
        assert c.mail() == b"250-queued\r\n250 2.0.0 as 4711\r\n"
        mail_again(c)


def small_window(server):
    """What is not read waits with the daemon instead of here."""
    server.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)


def in_the_body(r, action, content, reply=LOCAL_ERROR):
    small_window(r.server)
    r.server.on("body", action)
    with r.client() as c:
        c.begin(content)
        expect_end(c, reply)
    peer = r.server.connections[0]
    with contextlib.suppress(OSError):  # it would have to read all to see the end
        reset_socket(peer.sock)
    peer.wait_closed()
    assert peer.asked == ENVELOPE + ["DATA"]
    assert not r.server.messages


def read_slowly(peer, _):
    """50 octets per second."""
    with contextlib.suppress(OSError):
        while peer.sock.recv(10) and not peer.owner.stopping.wait(0.2):
            pass
    return CLOSE


def read_on(peer, _):
    """Read all there is, but answer nothing more."""
    with contextlib.suppress(OSError):
        while peer.sock.recv(1 << 16):
            pass
    return CLOSE


for _name, _action, _content, _options in (
        ("closes", CLOSE, HUGE, PROMPT),
        ("resets", RESET, HUGE, PROMPT),
        ("resets, small", RESET, CONTENT, PROMPT),
        ("250 too early", (b"250 2.0.0 queued\r\n", read_on), HUGE, PROMPT),
        ("does not read", STALL, HUGE, HASTY),
        ("reads too slowly", read_slowly, HUGE, HASTY)):
    matrix.add("server body: " + _name, in_the_body, _action, _content, options=_options)
# Words in the middle of the content: a refusal is relayed, all else is a failure.
for _name, _words, _reply in (
        ("421", b"421 4.3.2 soon\r\n", b"421 4.3.2 soon\r\n"),
        ("450 in two lines", b"450-4.2.0 not\r\n450 4.2.0 now\r\n", b"450-4.2.0 not\r\n450 4.2.0 now\r\n"),
        ("354", b"354 go on\r\n", LOCAL_ERROR),
        ("garbage", b"what is this?\r\n", LOCAL_ERROR),
        ("binary garbage", b"\0\xff\x80\r?\r\n", LOCAL_ERROR),
        ("endless line", ENDLESS_LINE, LOCAL_ERROR),
        ("endless reply", ENDLESS_REPLY, LOCAL_ERROR)):
    matrix.add("server body: says %s and reads on" % _name, in_the_body, (_words, read_on), HUGE, _reply)
matrix.add("server body: half a line closes", in_the_body, (b"552 too", CLOSE), HUGE)
matrix.add("server body: half a line hangs", in_the_body, (b"552 too", STALL), HUGE, options=HASTY)
matrix.add("server body: 552 and does not read", in_the_body, (b"552 too big\r\n", STALL), HUGE, b"552 too big\r\n",
           options=HASTY)
matrix.add("server body: 552 and reads on", in_the_body, (b"552 too big\r\n", read_on), HUGE, b"552 too big\r\n")


@matrix.cell("server body: wakes up too late", options=IMPATIENT, reusable=False, marks=needs_compiler)
def _(r):
    # What the kernel still holds for it is not delivered after the 451.
    hold = Hold()
    small_window(r.server)
    r.server.on("body", hold)
    with r.client() as c:
        c.begin(BIG[:100000] + b"\r\n")
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


matrix.add("server: refuses the connection", unreachable, "refused", reusable=False)
matrix.add("server: does not take the connection", unreachable, "full", options=HASTY, reusable=False)


# ------------------------------- the server's answers to what we ask it ourselves

def own_outcome(fault):
    """(the client's last reply, or None when the session goes on)."""
    if fault.nonsense:
        return NONSENSE
    if fault.waits:
        return TIMED_OUT
    if fault.text.startswith(b"421"):
        return fault.text
    return SERVER_CLOSED if fault.leaves else None


def at_reset(r, fault, after):
    """The server forgets the recipients, or it is left."""
    r.server.on("RSET", [fault.action, None])
    asked = ENVELOPE + ["RSET"]
    with r.client() as c:
        if after == "a virus":
            assert c.mail(INFECTED, rcpts=[b"victim@example.net"]) == REJECTED
        elif after == "a deferral":
            r.clamd.fail(b"broken ERROR{end}")
            assert c.mail(rcpts=[b"victim@example.net"]) == LOCAL_ERROR
        else:
            r.server.on("DATA", [b"452 4.3.1 full\r\n", None])
            assert c.mail(rcpts=[b"victim@example.net"]) == b"452 4.3.1 full\r\n"
            asked = ENVELOPE + ["DATA", "RSET"]
        end = own_outcome(fault)
        if end is None and not fault.text.startswith(b"2"):
            end = SERVER_CLOSED
        if end:
            expect_end(c, end)
        else:
            assert c.mail() == QUEUED
            c.quit()
    peer = r.server.connections[0]
    peer.wait_closed()
    assert peer.asked == asked + ([] if end else ENVELOPE + ["DATA"])
    assert [m.rcpts for m in r.server.messages] == ([] if end else [[b"RCPT TO:<b@example.net>"]])


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
    rest = ["MAIL", "RSET"] + ENVELOPE + ["DATA"]
    # The client's command may have gone to a server that was just leaving.
    assert peer.asked == asked + rest if not end else peer.asked in (asked, asked + ["MAIL"])
    assert len(r.server.messages) == (end is None)


def at_noop(r, fault, phase):
    """A keep-alive while the client is silent in its content, or clamd thinks."""
    hold = Hold()
    r.server.on("NOOP", [fault.action, None])
    if phase == "scan":
        r.clamd.next((hold, OK))
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
    for _after in ("a virus", "a deferral", "a refused DATA"):
        matrix.add("server RSET after %s: %s" % (_after, _name), at_reset, _fault, _after, options=_bounce)
    matrix.add("server XCLIENT: " + _name, at_xclient, _fault, False, options=options_for(_fault, XClient="on"))
    matrix.add("server EHLO after XCLIENT: " + _name, at_xclient, _fault, True, options=options_for(_fault, XClient="on"))
    for _phase in ("content", "scan"):
        matrix.add("server NOOP in the %s: %s" % (_phase, _name), at_noop, _fault, _phase,
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
    r.clamd.next((scanning, OK))
    with r.client() as c:
        c.ehlo()
        c.envelope()
        if phase == "idle":
            act.release()
            if name == "endless reply":
                expect_nonsense(c)
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
            r.daemon.wait_log("server (disconnected unexpectedly|ends the session|spoke out of turn|sends what is no reply)|"
                              "SERVER: couldn't read", r.mark)
            if phase == "content":
                c.send(b".\r\n")
            expect_end(c, LOCAL_ERROR)
        scanning.release()
    peer = r.server.connections[0]
    peer.wait_closed()
    assert peer.asked == ["EHLO"] + ENVELOPE and not r.server.messages


for _phase, _name in itertools.product(("idle", "content", "scan"), UNASKED):
    matrix.add("server unasked, %s: %s" % (_phase, _name), unasked, _phase, _name)


outcomes, test_cell = matrix.tests()
