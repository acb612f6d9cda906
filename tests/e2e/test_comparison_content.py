# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The comparison: DATA, the content, and the line of the option Header."""

import contextlib
import os
import re
import time

from comparison import ADDED, BYE, ENVELOPE, ENVELOPE_OK, MESSAGE, QUIT, RSET, Comparison, logged
from rig import CLOSE, CONTENT, GREETING, LOCAL_ERROR, QUEUED, START_DATA, TIMED_OUT

COMPARISON = Comparison()
scenario = COMPARISON.scenario


# ------------------------------------------------------------- the content

def contents(s, *wires):
    with s.client() as c:
        for wire in wires:
            c.envelope()
            c.cmd(b"DATA")
            c.send(wire + b".\r\n")
            c.reply()
        c.quit()


@scenario()
def content_with_dots(s):
    contents(s, b"A: b\r\n\r\n..\r\n...\r\n.x\r\n..x\r\n. \r\n", b"..A: b\r\n\r\nx\r\n", b".x: y\r\n\r\n")


@scenario()
def content_of_eight_bits(s):
    contents(s, b"A: b\r\n\r\n" + bytes(range(128, 256)) + b"\x01\x1b\x7f\t\r\n")


@scenario()
def content_of_long_lines(s):
    contents(s, b"A: b\r\n\r\n" + b"x" * 300000 + b"\r\ny\r\n")


@scenario()
def content_of_many_lines(s):
    contents(s, b"A: b\r\n\r\n" + b"0123456789\r\n" * 5000)


@scenario()
def content_that_begins_with_an_empty_line(s):
    contents(s, b"\r\nbody\r\n", b"\r\n", b"\r\n\r\n\r\n")


@scenario(TimeOut=1,
          differs={"client": [GREETING + ENVELOPE_OK + START_DATA + QUEUED],
                   "server": [ENVELOPE + b"DATA\r\n" + ADDED + b".\r\n" + QUIT],
                   "clamd": [b""],
                   "log": logged("from=a@example.org, to=b@example.net, status=CLEAN")},
          why="[BUG] an empty message waited for the time-out")
def empty_content(s):
    c = s.client()
    c.envelope()
    c.cmd(b"DATA")
    c.send(b".\r\n")
    c.reply()


@scenario(TimeOut=1,
          differs={"server": [ENVELOPE + b"DATA\r\nA: b\r\n" + ADDED + b"\r\na\x00b\r\nc\r\n.\r\n" + QUIT]},
          why="[BUG] lines were cut at NUL, with their line ends")
def content_with_nul(s):
    c = s.client()
    c.envelope()
    c.cmd(b"DATA")
    c.send(b"A: b\r\n\r\na\0b\r\nc\r\n.\r\n")
    c.reply()


@scenario(differs={"server": [ENVELOPE + b"DATA\r\nA: b\r\n" + ADDED + b"\r\na\r\nb\r\n.\r\n" + QUIT],
                   "clamd": [b"A: b\r\n\r\na\r\nb\r\n"]},
          why="[BUG] a bare LF was relayed: smuggling")
def content_with_bare_lf(s):
    contents(s, b"A: b\r\n\r\na\nb\r\n")


@scenario(differs={"server": [ENVELOPE + b"DATA\r\nA: b\r\n" + ADDED + b"\r\na b\r\n.\r\n" + QUIT],
                   "clamd": [b"A: b\r\n\r\na b\r\n"]},
          why="[BUG] a bare CR was relayed: smuggling")
def content_with_bare_cr(s):
    contents(s, b"A: b\r\n\r\na\rb\r\n")


@scenario(differs={"server": [ENVELOPE + b"DATA\r\nA: b\r\n" + ADDED +
                              b"\r\nx\r\n..\r\ny\r\n..\r\nz . end\r\n.\r\n" + QUIT],
                   "clamd": [b"A: b\r\n\r\nx\r\n.\r\ny\r\n.\r\nz . end\r\n"]},
          why="[BUG] bare line ends around dots were relayed: smuggling")
def content_that_smuggles(s):
    contents(s, b"A: b\r\n\r\nx\n.\ny\n.\r\nz\r.\rend\r\n")


@scenario(differs={"server": [ENVELOPE + b"DATA\r\nA: b\r\nC: d\r\n" + ADDED + b".\r\n" + QUIT]},
          why="[BUG] no header without an empty line")
def content_without_a_separator(s):
    contents(s, b"A: b\r\nC: d\r\n")


@scenario(differs={"server": [ENVELOPE + b"DATA\r\n" + ADDED + b"A: b\r\n \t\r\nbody\r\n\r\nmore\r\n.\r\n" +
                              QUIT]},
          why="improvement: a line of blanks continues the field before it (RFC 5322 2.2.3)")
def a_separator_of_blanks(s):
    contents(s, b"A: b\r\n \t\r\nbody\r\n\r\nmore\r\n")


@scenario()
def quit_behind_the_dot(s):
    with s.client() as c:
        c.begin(complete=False)
        c.send(b".\r\nQUIT\r\n")
        c.reply()
        c.rest()


@scenario()
def data_with_arguments(s):
    with s.client() as c:
        c.envelope()
        c.cmd(b" dAtA x y")
        c.send(CONTENT + b".\r\n")
        c.reply()
        c.quit()


@scenario(differs={"client": [GREETING + b"503 Need MAIL and RCPT before DATA\r\n" + BYE],
                   "server": [QUIT],
                   "clamd": [],
                   "log": logged()},
          why="improvement: DATA without recipients is refused at once")
def data_without_a_transaction(s):
    s.server.on("DATA", b"503 need MAIL\r\n")
    with s.client() as c:
        c.data()
        c.quit()


@scenario(differs={"client": [GREETING +
                              b"250 2.1.0 sender ok\r\n550 no\r\n554 No valid recipients\r\n" + BYE],
                   "server": [b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n" + QUIT],
                   "clamd": [],
                   "log": logged()},
          why="improvement: DATA without recipients is refused at once")
def data_without_a_recipient(s):
    s.server.on("RCPT", b"550 no\r\n")
    s.server.on("DATA", b"554 no recipients\r\n")
    with s.client() as c:
        c.cmd(b"MAIL FROM:<a@b>")
        c.cmd(b"RCPT TO:<c@d>")
        c.data()
        c.quit()


@scenario(differs={"server": [ENVELOPE + b"DATA\r\n" + RSET + QUIT],
                   "log": logged("from=a@example.org, to=b@example.net, status=SERVER-REFUSED, reply=451 later")},
          why="[BUG] status=CLEAN for mail that was refused, without the reply; and improvement: RSET, "
              "so that no recipient of it gets the next message")
def the_server_refuses_data(s):
    s.server.on("DATA", b"451 later\r\n")
    with s.client() as c:
        c.mail()
        c.quit()


@scenario(differs={"client": [GREETING + ENVELOPE_OK + START_DATA + LOCAL_ERROR],
                   "log": logged("server gave an unexpected reply: 250 odd",
                                 "from=a@example.org, to=b@example.net, status=SERVER-ERROR")},
          why="improvement: no success is told for a message that was not sent")
def the_server_accepts_data_with_250(s):
    s.server.on("DATA", b"250 odd\r\n")
    c = s.client()
    c.mail()


@scenario(TimeOut=1,
          differs={"client": [GREETING + ENVELOPE_OK + START_DATA + QUEUED],
                   "server": [ENVELOPE + MESSAGE + QUIT]},
          why="[BUG] a 354 of several lines left the dialogue out of step")
def a_354_of_several_lines(s):
    s.server.on("DATA", b"354-one\r\n354 two\r\n")
    c = s.client()
    c.mail()


@scenario(differs={"log": logged("from=a@example.org, to=b@example.net, status=SERVER-REFUSED, "
                                 "reply=550-5.7.1 spam")},
          why="[BUG] status=CLEAN for mail that was refused, without the reply")
def the_server_refuses_the_message(s):
    s.server.on(".", b"550-5.7.1 spam\r\n550 5.7.1 really\r\n")
    with s.client() as c:
        c.mail()
        c.quit()


@scenario()
def a_final_reply_of_several_lines(s):
    s.server.on(".", b"250-2.0.0 one\r\n250 2.0.0 two\r\n")
    with s.client() as c:
        c.mail()
        c.quit()


@scenario(differs={"log": logged("server disconnected unexpectedly",
                                 "from=a@example.org, to=b@example.net, status=SERVER-ERROR")},
          why="[BUG] status=CLEAN for mail that was not delivered")
def the_server_closes_at_data(s):
    s.server.on("DATA", CLOSE)
    c = s.client()
    c.mail()
    c.rest()


@scenario(differs={"log": logged("server disconnected unexpectedly",
                                 "from=a@example.org, to=b@example.net, status=SERVER-ERROR")},
          why="[BUG] status=CLEAN for mail that was not delivered")
def the_server_closes_at_the_dot(s):
    s.server.on(".", CLOSE)
    c = s.client()
    c.mail()
    c.rest()


@scenario()
def the_client_closes_its_half_in_the_content(s):
    c = s.client()
    c.envelope()
    c.cmd(b"DATA")
    c.send(CONTENT)
    c.half_close()
    c.rest()


@scenario(differs={"client": [GREETING + ENVELOPE_OK + START_DATA + LOCAL_ERROR],
                   "server": [ENVELOPE + RSET + QUIT],
                   "log": logged("couldn't open cache file: DIR/spool: No such file or directory",
                                 "from=a@example.org, to=b@example.net")},
          why="[BUG] after a failure the rest of the content was taken for commands")
def the_spool_is_gone(s):
    os.rmdir(s.daemon.spool)
    c = s.client()
    c.envelope()
    c.cmd(b"DATA")
    c.send(b"A: b\r\n\r\nbody\r\nNOOP injected\r\n.\r\n")
    time.sleep(0.3)
    c.half_close()
    c.rest()
    os.mkdir(s.daemon.spool)


# -------------------------------------------------------------- the header

def header(name, text, **options):
    def play(s):
        contents(s, b"A: b\r\n\r\nbody\r\n", b"A: b\r\n c\r\n\r\n\r\n")
    play.__name__ = name
    scenario(Header=text, **options)(play)


def unknown_symbol(letter):
    return "invalid setting: Header (DIR/clamsmtpd.conf:4: there is no %%%s, use %%d, %%i, %%l or %%%%)" % letter


header("header_of_our_own", "X-Mine: yes")
header("header_none", "")
header("header_with_escapes", r"X: a\tb\\c\%i\q")
header("header_in_two_lines", r"X: a\r\n\tb")
header("header_with_addresses", "X: %i %l %%")
header("header_with_an_unknown_symbol", "X: a%zb%",
       differs={"log": [unknown_symbol("z")] + logged("invalid header symbol: %z",
                                                      "from=a@example.org, to=b@example.net, status=CLEAN",
                                                      "invalid header symbol: %z",
                                                      "from=a@example.org, to=b@example.net, status=CLEAN")},
       why="improvement: it is said at the start as well")
header("header_received", "Received: by us")
header("header_without_colon", "no colon",
       differs={"server": [ENVELOPE + b"DATA\r\nA: b\r\n\r\nbody\r\n.\r\n" + ENVELOPE +
                           b"DATA\r\nA: b\r\n c\r\n\r\n\r\n.\r\n" + QUIT],
                "log": ["invalid setting: Header (DIR/clamsmtpd.conf:4: use Name: value; no header will be added)",
                        "100000: accepted connection from: 127.0.0.1",
                        "100000: from=a@example.org, to=b@example.net, status=CLEAN",
                        "100000: from=a@example.org, to=b@example.net, status=CLEAN"]},
       why="improvement: what is no header field is warned about and not added")


def dated(s):
    contents(s, b"A: b\r\n\r\nbody\r\n")
    dates = [re.search(rb"X: (\w+ \w+ [ \d]\d [\d:]{8} \d{4} )?(.*)\r\n", m.content)
             for m in s.server.messages]
    found = [(d.group(1) is not None, d.group(2)) for d in dates]
    for connection in s.server.connections:
        connection.raw = re.sub(rb"X: .*\r\n", b"X: DATE\r\n", bytes(connection.raw))
    return found


@scenario(Header="X: %d", env={"TZ": "CET-1"})
def header_with_the_date(s):
    return dated(s)


@scenario(Header="X: %d", env={"TZ": "IST-5:30"},
          differs={"other": [(True, b'+0530 (IST)')]},
          why="[BUG] zones with minutes came out as +051800")
def header_with_the_date_in_india(s):
    return dated(s)


@scenario(differs={"log": logged("unexpected end of data from client",
                                 "from=a@example.org, to=b@example.net, status=CLIENT-GONE")},
          why="improvement: the log tells what happened, not what could not be said to nobody; each message "
              "has its summary")
def the_client_resets_in_the_content(s):
    with s.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(b"a\r\nb\r\n")
        time.sleep(0.2)
        c.reset()


@scenario(TimeOut="1",
          differs={"client": [GREETING + ENVELOPE_OK + START_DATA + TIMED_OUT],
                   "log": logged("CLIENT: network read operation timed out",
                                 "from=a@example.org, to=b@example.net, status=CLIENT-GONE")},
          why="[BUG] a time-out closed the connection without 421; improvement: each message has its summary")
def the_client_is_silent_in_the_content(s):
    with s.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(b"a\r\nb\r\n")
        c.rest()


@scenario(differs={"client": [GREETING + ENVELOPE_OK + START_DATA + LOCAL_ERROR],
                   "server": [ENVELOPE + MESSAGE],
                   "log": logged("server gave an unexpected reply: 999 odd",
                                 "from=a@example.org, to=b@example.net, status=SERVER-ERROR")},
          why="improvement: no reply of the protocol is no answer to a message")
def a_final_reply_that_is_none(s):
    s.server.on(".", b"999 odd\r\n")
    with s.client() as c:
        c.mail()
        with contextlib.suppress(OSError):
            c.cmd(b"NOOP")


@scenario(Header="X: %q%z%I",
          differs={"log": [unknown_symbol(letter) for letter in "qzI"] +
                   logged("invalid header symbol: %q", "invalid header symbol: %z", "invalid header symbol: %I",
                          "from=a@example.org, to=b@example.net, status=CLEAN")},
          why="improvement: they are said at the start as well")
def header_with_unknown_symbols(s):
    with s.client() as c:
        c.mail()
        c.quit()


@scenario(Header=r"X: a\n\tb",
          differs={"server": [ENVELOPE +
                              b"DATA\r\nSubject: test\r\nFrom: a@example.org\r\nX: a\r\n\tb\r\n\r\n" +
                              b"Hello.\r\n.\r\n" + QUIT]},
          why="improvement: a line of the header ends in CRLF")
def header_with_a_line_feed(s):
    with s.client() as c:
        c.mail()
        c.quit()


played, test_same_as_1_10, test_ours_where_it_differs = COMPARISON.tests()
