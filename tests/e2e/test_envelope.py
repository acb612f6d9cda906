# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""What is noted of MAIL and RCPT, seen in the summary line of the log."""

import pytest

from rig import CONTENT


@pytest.mark.parametrize("line, noted", [
    (b"MAIL FROM:<a@b.example>", "a@b.example"),
    (b"mail from:<a@b.example> SIZE=1 BODY=8BITMIME", "a@b.example"),
    (b"  MAIL FROM: <a@b>", "a@b"),
    (b"MAIL FROM :<a@b>", "a@b"),
    (b"MAIL FROM::: <a@b>", "a@b"),
    (b"MAIL FROM:<>", "<>"),
    (b"MAIL FROM:a@b SIZE=1", "a@b SIZE=1"),
    (b"MAIL FROM:Name <n@x>", "Name <n@x>"),
    (b"MAIL FROM:<a@b", "<a@b"),
    (b"MAIL FROM:<<a@b>>", "<a@b"),
    (b"MAIL FROM:<@r1,@r2:a@b>", "@r1,@r2:a@b"),
    (b'MAIL FROM:<"q>r"@c>', '"q'),
    (b"MAIL FROM:", ""),
    (b"MAIL FROM a@b", "a@b"),
    (b"MAIL  FROM:<a@b>", "a@b"),
    (b"MAIL\tFROM:<a@b>", "a@b"),
    (b"MAIL FROM<a@b>", None),
    (b"MAIL FROMX:<a@b>", None),
])
def test_the_sender(rig, line, noted):
    with rig.client() as c:
        c.cmd(line)
        c.cmd(b"RCPT TO:<r@x>")
        c.data()
    sender = "" if noted is None else "from=%s, " % noted
    assert rig.summary() == sender + "to=r@x, status=CLEAN"


@pytest.mark.parametrize("line, noted", [
    (b"RCPT TO:<r@x>", "r@x"),
    (b"rcpt to: <r@x> NOTIFY=NEVER", "r@x"),
    (b"RCPT TO:postmaster", "postmaster"),
    (b"RCPT TO:<\xe4@x>", "\xe4@x"),
])
def test_a_recipient(rig, line, noted):
    with rig.client() as c:
        c.cmd(b"MAIL FROM:<a@b>")
        c.cmd(line)
        c.data()
    assert rig.summary() == "from=a@b, to=%s, status=CLEAN" % noted


def test_the_order_of_recipients_and_only_accepted_ones(rig):
    rig.server.on("RCPT", [b"250 ok\r\n", b"550 no\r\n", b"450 later\r\n", b"251 elsewhere\r\n",
                           b"252 perhaps\r\n", b"200 fine\r\n", b"250\r\n", b"2500 odd\r\n"])
    with rig.client() as c:
        c.cmd(b"MAIL FROM:<a@b>")
        for n in range(8):
            c.cmd(b"RCPT TO:<r%d@x>" % n)
        c.data()
    assert rig.summary() == "from=a@b, to=r0@x, to=r3@x, to=r4@x, to=r5@x, to=r6@x, status=CLEAN"


def test_a_refused_sender_is_not_noted(rig):
    rig.server.on("MAIL", [b"550 no\r\n", b"250 ok\r\n"])
    with rig.client() as c:
        c.cmd(b"MAIL FROM:<bad@b>")
        c.cmd(b"MAIL FROM:<good@b>")
        c.cmd(b"RCPT TO:<r@x>")
        c.data()
    assert rig.summary() == "from=good@b, to=r@x, status=CLEAN"


def test_a_second_sender_is_noted_too(rig):
    with rig.client() as c:
        c.cmd(b"MAIL FROM:<a@b>")
        c.cmd(b"MAIL FROM:<a2@b>")
        c.cmd(b"RCPT TO:<r@x>")
        c.data()
    assert rig.summary() == "from=a@b, from=a2@b, to=r@x, status=CLEAN"


@pytest.mark.parametrize("verb", [b"RSET", b"EHLO x", b"HELO x"])
@pytest.mark.parametrize("accepted", [True, False])
def test_what_clears_the_envelope(rig, verb, accepted):
    if not accepted:
        rig.server.on(verb.split()[0].decode(), b"500 no\r\n")
    with rig.client() as c:
        c.envelope(b"old@b", [b"old@x"])
        c.cmd(verb)
        c.envelope(b"new@b", [b"new@x"])
        c.data()
    old = "" if accepted else "from=old@b, to=old@x, "
    assert rig.summary() == old + "from=new@b, to=new@x, status=CLEAN"


def test_the_next_message_starts_afresh(rig):
    with rig.client() as c:
        c.mail(sender=b"one@b", rcpts=[b"1@x"])
        c.mail(sender=b"two@b", rcpts=[b"2@x", b"3@x"])
    assert rig.summary() == "from=one@b, to=1@x, status=CLEAN"
    assert rig.summary() == "from=two@b, to=2@x, to=3@x, status=CLEAN"


def test_a_reply_of_several_lines_notes_once(rig):
    rig.server.on("MAIL", b"250-2.1.0 one\r\n250 2.1.0 two\r\n")
    rig.server.on("RCPT", b"250-2.1.5 one\r\n250 2.1.5 two\r\n")
    with rig.client() as c:
        c.mail(sender=b"a@b", rcpts=[b"b@x", b"c@x"])
    assert rig.summary() == "from=a@b, to=b@x, to=c@x, status=CLEAN"


def test_pipelined_commands_are_noted_right(rig):
    rig.server.keywords = [b"PIPELINING"]
    with rig.client() as c:
        c.ehlo()
        c.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n")
        for _ in range(4):
            c.reply()
        c.send(CONTENT + b".\r\n")
        assert c.reply()[:3] == b"250"
    assert rig.summary() == "from=a@b, to=c@d, to=e@f, status=CLEAN"


def test_control_octets_do_not_get_into_the_log(rig):
    with rig.client() as c:
        c.envelope(b"a\x1b[31m\tb\x7f\x01@b")
        c.data()
    assert rig.summary() == "from=a?[31m?b??@b, to=b@example.net, status=CLEAN"


def test_a_long_summary_keeps_its_status(rig):
    with rig.client() as c:
        c.envelope(b"s@example.test", [b"recipient%04d@example.test" % n for n in range(60)])
        c.data()
    text = rig.summary()
    assert text.startswith("from=s@example.test, to=recipient0000@example.test, ")
    assert text.endswith(", status=CLEAN")
    assert len(text) <= 767
