# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Bugs of 1.10: what is forwarded, the dialogue, and clamd's verdicts."""

import os
import re
import time

from bugs import Bugs, client
from rig import CLOSE, CONTENT, INFECTED, LOCAL_ERROR, QUEUED, Hold

BUGS = Bugs()
bug = BUGS.bug


def no_early_end(raw):
    """No reading of line ends finds an end of data in it."""
    return re.search(rb"(\A|[\r\n])\.[\r\n]", raw) is None and re.search(rb"(?<!\r)\n|\r(?!\n)", raw) is None


# -------------------------------------------------------- what is forwarded

SMUGGLED = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nevil\r\n.\r\n"


@bug()
def smuggling_by_nul(r):
    with client(r) as c:
        assert c.mail(CONTENT + b"x\r\n\0\n.\r\0\n\n" + SMUGGLED[:-3]) == QUEUED
        c.cmd(b"NOOP")
    assert len(r.server.messages) == 1


@bug()
def nul_in_the_content(r):
    with client(r) as c:
        assert c.mail(b"A: b\r\n\r\na\0b\r\n\0\r\nc\r\n") == QUEUED
    assert r.server.messages[0].content.endswith(b"\r\na\0b\r\n\0\r\nc\r\n")


@bug()
def a_dot_behind_a_bare_newline(r):
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(b"A: b\r\n\r\na\n.\r\nb\r\n.\r\n")
        assert c.reply() == QUEUED
    assert r.server.messages[0].content.endswith(b"\r\na\r\n.\r\nb\r\n")


@bug()
def smuggling_by_bare_newlines(r):
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(b"A: b\r\n\r\n1\n.\n2\r.\r3\n.\r\n4\r\n.\n5\r\n.\r6\r\n.\r\n")
        assert c.reply() == QUEUED
    assert no_early_end(r.server.messages[0].raw)


@bug()
def a_carriage_return_in_a_command(r):
    with client(r) as c:
        c.cmd(b"NOOP a\rRCPT TO:<evil@example.org>")
    assert not any(b"\rRCPT" in l for l in r.server.lines)


@bug()
def an_empty_message(r):
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(b".\r\n")
        assert c.reply() == QUEUED
    assert len(r.server.messages) == 1


@bug(Header="X-Scanned: yes")
def no_header_without_a_body(r):
    with client(r) as c:
        assert c.mail(b"Subject: only headers\r\n") == QUEUED
    assert b"X-Scanned: yes\r\n" in r.server.messages[0].content


# --------------------------------------------------------- commands, replies

@bug()
def content_becomes_commands_without_a_spool(r):
    os.rename(r.daemon.spool, r.daemon.spool + "~")
    try:
        with client(r) as c:
            c.mail(CONTENT + b"VRFY evil\r\n" * 20)
            c.send(b"NOOP\r\n")
            for _ in range(50):
                if c.silent(0.5):
                    break
                c.line()
    finally:
        os.rename(r.daemon.spool + "~", r.daemon.spool)
    for connection in list(r.server.connections):
        connection.wait_closed()
    assert b"VRFY evil\r\n" not in r.server.lines


@bug()
def nul_glues_commands(r):
    with client(r) as c:
        c.send(b"NOOP \0 a\r\n")
        assert c.reply()[:1] == b"5"
        assert c.cmd(b"RSET") == b"250 2.0.0 reset\r\n"
    assert r.server.commands == [b"RSET\r\n"]


@bug()
def an_unfinished_command_is_completed(r):
    with client(r) as c:
        c.ehlo(b"long-name.example")
        c.send(b"QUIT")
        c.half_close()
        c.rest()
    r.server.connections[0].wait_closed()
    assert r.server.lines == [b"EHLO long-name.example\r\n", b"QUIT\r\n"]


@bug()
def an_unfinished_reply_shows_other_octets(r):
    r.server.on("NOOP", (b"250 partial", CLOSE))
    with client(r) as c:
        c.ehlo()
        before = len(c.received)
        c.send(b"NOOP\r\n")
        c.rest()
        assert b"partial" not in c.received[before:]


@bug()
def pipelined_ehlo_is_not_filtered(r):
    r.server.keywords = [b"STARTTLS", b"SIZE"]
    with client(r) as c:
        c.send(b"EHLO x\r\nNOOP\r\n")
        # Out of step, so nothing of it is answered.
        assert c.rest() == b"554 Command out of step, closing connection\r\n"


@bug()
def pipelined_data_is_out_of_step(r):
    r.server.keywords = [b"PIPELINING"]
    with client(r) as c:
        c.ehlo()
        c.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
        assert [c.reply()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
        c.send(CONTENT + b".\r\n")
        assert c.reply() == QUEUED


def check_several_lines(r, step, reply, content=CONTENT):
    r.server.on(step, [reply, None])
    with client(r) as c:
        c.ehlo()
        first = c.mail(content)
        assert first == (QUEUED if content == CONTENT else b"550 Virus Detected; Content Rejected\r\n")
        assert c.cmd(b"VRFY x") == b"252 2.0.0 maybe\r\n"
        assert c.mail() == QUEUED


@bug(Action="bounce")
def several_lines_at_rset(r):
    check_several_lines(r, "RSET", b"250-a\r\n250 b\r\n", INFECTED)


@bug()
def several_lines_at_data(r):
    check_several_lines(r, "DATA", b"354-a\r\n354 b\r\n")


@bug(XClient="on")
def several_lines_at_xclient(r):
    r.server.keywords = [b"XCLIENT ADDR"]
    check_several_lines(r, "XCLIENT", b"250-a\r\n250 b\r\n")


@bug(KeepAlives="1")
def several_lines_at_noop(r):
    r.server.on("NOOP", b"250-a\r\n250 b\r\n")
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        for _ in range(3):
            c.send(CONTENT)
            time.sleep(0.9)
        c.send(b".\r\n")
        assert c.reply() == QUEUED
        assert c.cmd(b"VRFY x") == b"252 2.0.0 maybe\r\n"


@bug()
def xexch50_is_not_refused(r):
    with client(r) as c:
        assert c.cmd(b"XEXCH50 10 2")[:1] == b"5"
    assert not r.server.commands


@bug()
def a_line_of_auth_is_taken_for_a_command(r):
    r.server.on("AUTH", b"334 VXNlcm5hbWU6\r\n")
    r.server.on("DATA", b"235 2.7.0 welcome\r\n")
    with client(r) as c:
        c.cmd(b"AUTH LOGIN")
        assert c.cmd(b"DATA") == b"235 2.7.0 welcome\r\n"


@bug()
def a_half_closed_client_loses_its_reply(r):
    hold = Hold()
    r.server.on("NOOP", (hold, b"250 late\r\n"))
    with client(r) as c:
        c.send(b"NOOP\r\n")
        c.half_close()
        hold.wait_reached()
        hold.release()
        assert c.rest() == b"250 late\r\n"


@bug(XClient="on")
def no_ehlo_after_xclient(r):
    r.server.keywords = [b"XCLIENT ADDR"]
    with client(r) as c:
        c.ehlo()
        c.cmd(b"NOOP")
    assert r.server.connections[0].asked == ["EHLO", "XCLIENT", "EHLO", "NOOP"]


@bug()
def a_greeting_of_several_lines_shows_the_server(r):
    r.server.banner = b"220-real.example\r\n220 real.example\r\n"
    with client(r) as c:
        assert b"real.example" not in c.greeting


# ----------------------------------------------------------------- verdicts

def check_verdict(r, answer):
    r.clamd.fail(answer)
    with client(r) as c:
        assert c.mail() == LOCAL_ERROR
    assert not r.server.messages


@bug()
def notok_is_clean(r):
    check_verdict(r, b"{path}: NOTOK{end}")


@bug()
def ok_for_another_file_is_clean(r):
    check_verdict(r, b"/other/path: OK{end}")


@bug()
def ok_behind_found_is_clean(r):
    check_verdict(r, b"a FOUND b OK{end}")


@bug()
def a_naked_ok_is_clean(r):
    check_verdict(r, b"OK{end}")


@bug()
def a_second_line_of_clamd_is_not_seen(r):
    r.clamd.next(b"{path}: OK{end}{path}: Late FOUND{end}")
    with client(r) as c:
        c.mail()
    assert not r.server.messages


@bug()
def a_long_answer_of_clamd_kills(r):
    r.clamd.fail((b"x" * 100000 + b": OK{end}", CLOSE))
    with client(r) as c:
        assert c.mail() == LOCAL_ERROR
    with client(r) as c:
        assert c.mail() == QUEUED


stage, test_ours, test_original = BUGS.tests()
