# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The comparison: senders, recipients, and what the log says of them."""

from comparison import Comparison, logged

COMPARISON = Comparison()
scenario = COMPARISON.scenario


def senders(s, lines):
    with s.client() as c:
        for line in lines:
            c.cmd(line)
            c.cmd(b"RCPT TO:<r@x>")
            c.data()
        c.quit()


@scenario()
def senders_that_are_noted(s):
    senders(s, [b"MAIL FROM:<a@b>", b"mail from:<a@b> SIZE=1", b" MAIL FROM: <a@b>", b"MAIL FROM :<a@b>",
                b"MAIL FROM::: <a@b>", b"MAIL FROM:<>", b"MAIL FROM:a@b SIZE=1", b"MAIL FROM:Name <n@x>",
                b"MAIL FROM:<a@b", b"MAIL FROM:<<a@b>>", b"MAIL FROM:<@r1,@r2:a@b>", b'MAIL FROM:<"q>r"@c>',
                b"MAIL FROM a@b", b"MAIL FROM:<\xe4@b>"])


@scenario()
def senders_that_are_not_noted(s):
    senders(s, [b"MAIL FROM<a@b>", b"MAIL FROMX:<a@b>"])


@scenario()
def a_sender_without_an_address(s):
    senders(s, [b"MAIL FROM:"])


@scenario(differs={"log": logged("from=a@b, to=r@x, status=CLEAN", "from=a@b, to=r@x, status=CLEAN")},
          why="improvement: what the server accepted as MAIL is noted, however it is spaced")
def blanks_within_mail_from(s):
    senders(s, [b"MAIL  FROM:<a@b>", b"MAIL\tFROM:<a@b>"])


@scenario(differs={"log": logged("from=a?[1m?@b, to=r@x, status=CLEAN")},
          why="[BUG] control octets came raw into the log: log injection")
def control_octets_in_addresses(s):
    senders(s, [b"MAIL FROM:<a\x1b[1m\x07@b>"])


@scenario()
def refused_recipients(s):
    s.server.on("RCPT", [b"250 ok\r\n", b"550 no\r\n", b"251 ok\r\n", b"252 ok\r\n", b"450 no\r\n", b"2500 ?\r\n"])
    with s.client() as c:
        c.cmd(b"MAIL FROM:<a@b>")
        for n in range(6):
            c.cmd(b"RCPT TO:<r%d@x>" % n)
        c.data()
        c.quit()


@scenario(differs={"log": logged("from=a@example.org, to=a@x, to=b@x, status=CLEAN")},
          why="improvement: `250` without text is an acceptance too (RFC 5321 4.2)")
def a_recipient_accepted_by_a_bare_code(s):
    s.server.on("RCPT", [b"250 ok\r\n", b"250\r\n"])
    with s.client() as c:
        c.mail(rcpts=[b"a@x", b"b@x"])
        c.quit()


@scenario()
def a_second_sender(s):
    with s.client() as c:
        c.cmd(b"MAIL FROM:<a@b>")
        c.cmd(b"MAIL FROM:<a2@b>")
        c.cmd(b"RCPT TO:<r@x>")
        c.data()
        c.quit()


@scenario()
def what_clears_the_envelope(s):
    with s.client() as c:
        for verb in (b"RSET", b"EHLO x", b"HELO x"):
            c.envelope(b"old@b")
            c.cmd(verb)
            c.mail(sender=b"new@b")
        c.quit()


@scenario()
def a_refused_rset(s):
    s.server.on("RSET", b"500 no\r\n")
    with s.client() as c:
        c.envelope(b"old@b", [b"old@x"])
        c.cmd(b"RSET")
        c.mail(sender=b"new@b", rcpts=[b"new@x"])
        c.quit()


@scenario(differs={"log": logged("from=a@example.org, to=b@example.net, status=CLEAN")},
          why="[BUG] a reply of several lines noted the address twice, once mutilated")
def replies_of_several_lines_to_the_envelope(s):
    s.server.on("RCPT", b"250-one\r\n250 two\r\n")
    with s.client() as c:
        c.mail()
        c.quit()


@scenario(differs={"log": logged("from=a@example.org, %sto=..., status=CLEAN" %
                           "".join("to=recipient%04d@example.test, " % n for n in range(23)))},
          why="improvement: cut behind a whole address, not in the middle of the last")
def a_long_summary(s):
    with s.client() as c:
        c.mail(rcpts=[b"recipient%04d@example.test" % n for n in range(50)])
        c.quit()


played, test_same_as_1_10, test_ours_where_it_differs = COMPARISON.tests()
