# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The comparison: the greeting, the commands and their replies, and how a session ends."""

import contextlib
import socket
import time

from comparison import BYE, NOOP_OK, QUIT, Comparison, logged
from rig import CLOSE, CONTENT, GREETING, HANG, NO_SERVER, RESET, SERVER_CLOSED, TIMED_OUT, Hold

COMPARISON = Comparison()
scenario = COMPARISON.scenario

NOT_IMPLEMENTED = b"502 Command not implemented\r\n"
DID_NOT_WAIT = "client 127.0.0.1 is out of step: it did not wait for a reply"
OUT_OF_STEP = b"554 Command out of step, closing connection\r\n"
SILENT_CLIENT = logged("network operation timed out", "client 127.0.0.1 sent no command for 1 s")


@scenario()
def plain_mail(s):
    with s.client() as c:
        c.ehlo()
        c.mail()
        c.quit()


@scenario()
def several_mails(s):
    with s.client() as c:
        c.cmd(b"HELO me")
        for n in range(3):
            c.mail(CONTENT + b"%d\r\n" % n, rcpts=[b"r%d@x" % n, b"s@x"])
        c.quit()


@scenario()
def ehlo_hides_keywords(s):
    s.server.keywords = [b"CHUNKING", b"SIZE 5", b"STARTTLS", b"binarymime", b"DSN", b"XCLIENT NAME ADDR",
                         b"AUTH LOGIN", b"CHECKPOINT x", b"XEXCH50"]
    with s.client() as c:
        c.ehlo()
        c.quit()


@scenario(differs={"client": [GREETING + b"250-smtp.passthru\r\n250-PIPELINING\r\n250 SIZE 5\r\n" + BYE]},
          why="improvement: PIPELINING is served in order, so it is offered")
def ehlo_and_pipelining(s):
    s.server.keywords = [b"PIPELINING", b"SIZE 5"]
    with s.client() as c:
        c.ehlo()
        c.quit()


@scenario(differs={"client": [GREETING + b"250-smtp.passthru\r\n250-SIZE 5\r\n250 XFILTERED\r\n" + BYE]},
          why="improvement: BURL, TURN and ATRN bypass the scan, so they are not offered")
def ehlo_and_more_keywords(s):
    s.server.keywords = [b"BURL", b"TURN", b"SIZE 5", b"ATRN"]
    with s.client() as c:
        c.ehlo()
        c.quit()


@scenario()
def ehlo_keeps_keywords(s):
    s.server.keywords = [b"SIZE", b"ETRN", b"VRFY", b"AUTH=LOGIN", b"8bitmime"]
    with s.client() as c:
        c.cmd(b"  eHLo me")
        c.quit()


@scenario()
def ehlo_refused(s):
    s.server.on("EHLO", b"500-no\r\n500 never\r\n")
    with s.client() as c:
        c.ehlo()
        c.cmd(b"HELO me")
        c.quit()


@scenario()
def ehlo_short_replies(s):
    s.server.on("EHLO", [b"250\r\n", b"250 real.example\r\n"])
    with s.client() as c:
        c.ehlo()
        c.ehlo()
        c.quit()


@scenario()
def helo_of_several_lines(s):
    s.server.on("HELO", b"250-real.example\r\n250-STARTTLS\r\n250 ok\r\n")
    with s.client() as c:
        c.cmd(b"HELO x")
        c.quit()


@scenario(differs={"client": [GREETING + b"250-smtp.passthru\r\n250-SIZE 5\r\n250 DSN\r\n" + BYE]},
          why="improvement: lines leave with CRLF")
def ehlo_with_bare_lf(s):
    s.server.on("EHLO", b"250-real.example\n250-SIZE 5\n250 DSN\n")
    with s.client() as c:
        c.ehlo()
        c.quit()


@scenario()
def greeting_of_one_word(s):
    s.server.banner = b"220\r\n"
    with s.client() as c:
        c.quit()


@scenario(differs={"client": [GREETING + BYE]},
          why="[BUG] a greeting of several lines was passed with the host's name")
def greeting_of_several_lines(s):
    s.server.banner = b"220-real.example\r\n220 hello\r\n"
    c = s.client(greet=False)
    c.reply()
    c.cmd(b"QUIT")
    c.rest()


@scenario()
def greeting_554(s):
    s.server.banner = b"554 no service\r\n"
    with s.client() as c:
        c.cmd(b"EHLO x")
        c.quit()


@scenario()
def commands_that_pass(s):
    s.server.on("HELP", b"214-one\r\n214-two\r\n214 three\r\n")
    s.server.on("EXPN", b"250-a\r\n250 b\r\n")
    s.server.on("ODD", b"999 odd\r\n")
    with s.client() as c:
        for line in (b"VRFY a", b"EXPN list", b"HELP", b"NOOP", b"noop  x ", b"RSET", b"", b"FOO", b"ETRN x",
                     b"BDATX", b"EHLOX", b"XFORWARD NAME=x", b"ODD"):
            c.cmd(line)
        c.quit()


@scenario(differs={"client": [GREETING + 2 * b"500 Command not recognized\r\n" + BYE], "server": [QUIT]},
          why="improvement: what no server should have to make sense of is not passed on")
def verbs_with_odd_octets(s):
    with s.client() as c:
        for line in (b"f\xe4\xff", b"STARTTLS: x"):
            c.cmd(line)
        c.quit()


@scenario(differs={"client": [GREETING + b"250-smtp.passthru\r\n250 SIZE\r\n" + BYE]},
          why="improvement: only keywords that are known to do no harm pass")
def ehlo_unknown_keywords(s):
    s.server.keywords = [b"STARTTLS=x", b"X-CHUNKING", b"PRDR", b"SIZE"]
    with s.client() as c:
        c.ehlo()
        c.quit()


@scenario(differs={"client": [GREETING + OUT_OF_STEP], "server": [QUIT], "log": logged(DID_NOT_WAIT)},
          why="improvement: who does not wait for replies that decide about what follows is out of step")
def commands_that_do_not_wait(s):
    c = s.client()
    c.send(b"NOOP x\r\nNOOP y\r\nQUIT\r\n")
    c.rest()


@scenario(differs={"log": logged("client attempted use of privileged XCLIENT feature") +
                   ["2 more like this: client attempted use of privileged XCLIENT feature"]},
          why="improvement: what a stranger can cause at will is one line and a count")
def commands_that_are_refused(s):
    with s.client() as c:
        for line in (b"STARTTLS", b"starttls x", b"  STARTTLS", b"BDAT 0 LAST", b"bdat 0", b"XCLIENT ADDR=1.1.1.1",
                     b"\txclient", b"XCLIENT"):
            c.cmd(line)
        c.quit()


@scenario(differs={"client": [GREETING + 4 * NOT_IMPLEMENTED + BYE],
                   "server": [QUIT]},
          why="[BUG] XEXCH50 was not refused; nor were BURL, TURN and ATRN")
def commands_that_are_refused_now(s):
    with s.client() as c:
        for line in (b"XEXCH50 1 2", b"BURL x", b"TURN", b"ATRN x"):
            c.cmd(line)
        c.quit()


@scenario(differs={"client": [GREETING + NOT_IMPLEMENTED + BYE],
                   "server": [QUIT]},
          why="[BUG] the chunk of a refused BDAT was taken for commands")
def bdat_with_a_chunk(s):
    with s.client() as c:
        c.send(b"BDAT 12 LAST\r\nNOOP chunk\r\n")
        c.reply()
        c.cmd(b"QUIT")
        c.rest()


@scenario()
def auth(s):
    s.server.on("AUTH", b"334 VXNlcm5hbWU6\r\n")
    s.server.on("BXVZZXI=", b"334 UGFzc3dvcmQ6\r\n")
    s.server.on("C2VJCMV0", b"235 ok\r\n")
    with s.client() as c:
        c.cmd(b"AUTH LOGIN")
        c.cmd(b"bXVzZXI=")
        c.cmd(b"c2VjcmV0")
        c.quit()


@scenario(differs={"client": [GREETING + b"334 x\r\n235 ok\r\n" + BYE],
                   "server": [b"AUTH LOGIN\r\nBDAT\r\n" + QUIT]},
          why="[BUG] a line of AUTH was taken for a command")
def auth_with_a_line_like_a_command(s):
    s.server.on("AUTH", b"334 x\r\n")
    s.server.on("BDAT", b"235 ok\r\n")
    with s.client() as c:
        c.cmd(b"AUTH LOGIN")
        c.cmd(b"BDAT")
        c.quit()


@scenario()
def the_longest_command(s):
    with s.client() as c:
        c.cmd(b"NOOP " + b"x" * 4214)
        c.quit()


@scenario()
def a_too_long_command(s):
    with s.client() as c:
        c.cmd(b"NOOP " + b"x" * 4215)
        c.cmd(b"NOOP " + b"x" * 50000)
        c.cmd(b"NOOP")
        c.quit()


@scenario(TimeOut=1,
          differs={"client": [GREETING + b"500 Command with NUL or stray CR\r\n" + TIMED_OUT],
                   "server": [QUIT], "log": SILENT_CLIENT},
          why="[BUG] a command was cut at NUL with its line end and glued to the next")
def nul_in_a_command(s):
    c = s.client()
    c.send(b"NOOP \0 x\r\n")
    c.reply()
    c.rest()


@scenario(differs={"client": [GREETING + b"500 Command with NUL or stray CR\r\n" + BYE],
                   "server": [QUIT]},
          why="[BUG] a bare CR was relayed: smuggling")
def cr_in_a_command(s):
    with s.client() as c:
        c.cmd(b"NOOP a\rNOOP b")
        c.quit()


@scenario(differs={"server": [b"NOOP x\r\n" + QUIT]},
          why="[BUG] a bare LF was relayed: smuggling")
def bare_lf_behind_a_command(s):
    with s.client() as c:
        c.send(b"NOOP x\n")
        c.reply()
        c.quit()


@scenario(differs={"server": [b"NOOP long enough to leave something\r\n" + QUIT]},
          why="[BUG] a partial line at the end of input was completed from stale octets")
def an_unfinished_command(s):
    c = s.client()
    c.cmd(b"NOOP long enough to leave something")
    c.send(b"RSET")
    c.half_close()
    c.rest()


@scenario(differs={"client": [GREETING + b"250 late\r\n"]},
          why="[BUG] a half-closed client never got its reply")
def a_half_closed_client(s):
    hold = Hold()
    s.server.on("NOOP", (hold, b"250 late\r\n"))
    c = s.client()
    c.send(b"NOOP\r\n")
    c.half_close()
    hold.wait_reached()
    time.sleep(0.5)  # time to notice the end of input
    hold.release()
    c.rest()


@scenario()
def the_client_leaves(s):
    c = s.client()
    c.envelope()
    c.close()


@scenario(differs={"other": False},
          why="improvement: after QUIT was accepted the connection is closed")
def quit_and_a_lingering_server(s):
    s.server.linger = True
    c = s.client()
    c.cmd(b"QUIT")
    return c.silent(0.5)


@scenario(differs={"client": [NO_SERVER],
                   "log": logged("SERVER: couldn't connect to: OUT: Connection refused")},
          why="[BUG] the client got no octet, and the log had the wrong errno")
def the_server_is_down(s):
    with socket.socket() as bound:  # but not listening
        bound.bind(("127.0.0.1", 0))
        s.restart(OutAddress="127.0.0.1:%d" % bound.getsockname()[1])
        s.client(greet=False).rest()


@scenario(differs={"client": [SERVER_CLOSED],
                   "log": logged("server disconnected unexpectedly")},
          why="[BUG] the client was not told why the connection ended")
def the_server_closes_at_once(s):
    s.server.on("connect", CLOSE)
    s.client(greet=False).rest()


@scenario(differs={"client": [GREETING + SERVER_CLOSED],
                   "log": logged("server disconnected unexpectedly")},
          why="[BUG] the client was not told why the connection ended")
def the_server_closes(s):
    s.server.on("NOOP", CLOSE)
    c = s.client()
    c.send(b"NOOP\r\n")
    c.rest()


@scenario(differs={"client": [GREETING + SERVER_CLOSED],
                   "log": logged("server disconnected unexpectedly")},
          why="improvement: 421 with a reason, as for every end of the server")
def the_server_resets(s):
    s.server.on("NOOP", RESET)
    c = s.client()
    c.send(b"NOOP\r\n")
    c.rest()


@scenario()
def the_server_says_421(s):
    s.server.on("MAIL", (b"421 busy\r\n", CLOSE))
    c = s.client()
    c.cmd(b"MAIL FROM:<a@b>")
    c.rest()


@scenario(differs={"client": [GREETING + SERVER_CLOSED],
                   "log": logged("server disconnected unexpectedly")},
          why="[BUG] a partial reply was completed from stale octets")
def an_unfinished_reply(s):
    s.server.on("NOOP", (b"250 part", CLOSE))
    c = s.client()
    c.send(b"NOOP\r\n")
    c.rest()


@scenario()
def a_long_reply(s):
    s.server.on("HELP", b"214-%s\r\n214 %s\r\n" % (b"y" * 3000, b"z" * 4000))
    with s.client() as c:
        c.cmd(b"HELP")
        c.quit()


@scenario(differs={"client": [GREETING + b"214 " + b"y" * 4215 + b"\r\n" + NOOP_OK + BYE]},
          why="improvement: cut at one stated limit instead of somewhere near it")
def a_very_long_reply_line(s):
    s.server.on("HELP", b"214 %s\r\n" % (b"y" * 9000))
    with s.client() as c:
        c.cmd(b"HELP")
        c.cmd(b"NOOP")
        c.quit()


@scenario(TimeOut=1,
          differs={"client": [GREETING + TIMED_OUT], "log": SILENT_CLIENT},
          why="[BUG] a time-out closed the connection without 421, and the log did not name who was silent")
def an_idle_client(s):
    s.client().rest()


@scenario(TimeOut=1,
          differs={"client": [GREETING + TIMED_OUT],
                   "log": logged("network operation timed out", "OutAddress SERVER answered nothing for 1 s")},
          why="[BUG] a time-out closed the connection without 421, and the log did not name who was silent")
def a_silent_server(s):
    s.server.on("NOOP", HANG)
    c = s.client()
    c.send(b"NOOP\r\n")
    c.rest()


@scenario(differs={"client": [GREETING + NOT_IMPLEMENTED + NOT_IMPLEMENTED +
                              b"421 BDAT without a valid size, closing connection\r\n"],
                   "server": [QUIT]},
          why="improvement: what follows a BDAT of unknown size is not taken for commands")
def bdat_without_a_size(s):
    with s.client() as c:
        for line in (b"BDAT", b"BDAT x"):
            c.cmd(line)
        with contextlib.suppress(OSError):
            c.cmd(b"NOOP")


@scenario()
def ehlo_answered_with_another_code(s):
    s.server.on("EHLO", b"251-real.example\r\n251-CHUNKING\r\n251-SIZE 5\r\n251 STARTTLS\r\n")
    with s.client() as c:
        c.ehlo()
        c.quit()


@scenario(differs={"client": [OUT_OF_STEP], "server": [QUIT], "log": logged(DID_NOT_WAIT), "other": b""},
          why="improvement: who does not wait for the greeting is out of step")
def a_command_before_the_greeting(s):
    hold = Hold()
    s.server.on("connect", (hold, b"220 real.example\r\n"))
    c = s.client(greet=False)
    c.send(b"NOOP early\r\n")
    hold.wait_reached()
    time.sleep(0.3)
    try:
        seen = s.server.connections[0].sock.recv(100, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        seen = b""
    hold.release()
    c.reply()
    c.reply()
    return seen


@scenario(differs={"client": [GREETING + b"214 a?\r\n252 b\r\n" + BYE]},
          why="improvement: what could be taken for a line end does not pass")
def replies_with_odd_octets(s):
    s.server.on("HELP", b"214 a\r\r\n")
    s.server.on("VRFY", b"252 b\n")
    with s.client() as c:
        c.cmd(b"HELP")
        c.cmd(b"VRFY x")
        c.quit()


played, test_same_as_1_10, test_ours_where_it_differs = COMPARISON.tests()
