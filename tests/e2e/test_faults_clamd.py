# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""clamd is away, hangs, breaks off, or says what cannot be trusted."""

import contextlib
import os
import socket

from cells import BIG, ENVELOPE, HASTY, HUGE, PROMPT, Matrix, mail_again, settle
from rig import (CLOSE, CONTENT, ENDLESS_LINE, ENDLESS_REPLY, FOUND, HANG, LOCAL_ERROR, OK, QUEUED, REJECTED,
                 RESET, STALL, Drip, FakeClamd, OnCommand, OnConnect, Sleep)

matrix = Matrix()


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
    (r.clamd.fail if reply == LOCAL_ERROR else r.clamd.next)(action)
    with r.client() as c:
        after_scan(r, c, reply, content)


def read_stream_slowly(scan, _):
    with contextlib.suppress(OSError):
        while scan.sock.recv(10) and not scan.owner.stopping.wait(0.2):
            pass
    return CLOSE


ERROR = b"Error writing to temporary file ERROR{end}"
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
        matrix.add("clamd, %s: answers %s" % (_mode, _name), clamd_does, _action, _reply, CONTENT,
                   options=dict(PROMPT, **_options))
    for _name, _action in HANGS_OF_CLAMD.items():
        if _mode == "stream" or "read" not in _name:
            matrix.add("clamd, %s: %s" % (_mode, _name), clamd_does, _action, LOCAL_ERROR, HUGE,
                       options=dict(HASTY, **_options))
for _size, _content in (("small", CONTENT), ("big", BIG), ("huge", HUGE)):
    for _name, _action in EARLY_ENDS_OF_CLAMD.items():
        if _size != "small" or "says OK" not in _name:
            matrix.add("clamd, %s: %s" % (_size, _name), clamd_does, _action, LOCAL_ERROR, _content,
                       options=dict(PROMPT, Action="bounce"))


@matrix.cell("clamd: answers OK, then resets")
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
    assert after.asked == ENVELOPE + ["RSET"] * 2 + ENVELOPE + ["DATA"]


for _how in ("nothing", "nobody listens", "a file", "a directory", "a loop of links"):
    matrix.add("clamd: %s at its path" % _how, clamd_away, _how, reusable=False)


def clamd_is_full(r, for_ever):
    path = r.clamd.address
    r.clamd.stop()
    full = FakeClamd(path=path, backlog=0, accept=False)
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(path)
    with r.client() as c:
        c.begin()
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


matrix.add("clamd: its queue is full", clamd_is_full, True, options=HASTY, reusable=False)
matrix.add("clamd: its queue is full for a while", clamd_is_full, False, reusable=False)


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


matrix.add("clamd on TCP: refuses the connection", clamd_on_tcp, False, options=dict(PROMPT, start=False), reusable=False)
matrix.add("clamd on TCP: does not take it", clamd_on_tcp, True, options=dict(HASTY, start=False), reusable=False)


outcomes, test_cell = matrix.tests()
