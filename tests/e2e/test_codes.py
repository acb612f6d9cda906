# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Our own replies have enhanced status codes exactly when the client said EHLO or
LHLO and the reply offered them (RFC 2034)."""

import pytest

from rig import CONTENT, INFECTED, START_DATA, stuff

OPTIONS = {"Action": "bounce", "TimeOut": "3"}
OFFER = [b"8BITMIME", b"EnhancedStatusCodes"]
HELLOS = {
    "offered": (OFFER, [b"EHLO x"], True),
    "offered in LHLO": (OFFER, [b"LHLO x"], True),
    "offered last": ([b"EnhancedStatusCodes"], [b"EHLO x"], True),
    "not offered": ([b"8BITMIME"], [b"EHLO x"], False),
    "HELO": (OFFER, [b"HELO x"], False),
    "HELO behind EHLO": (OFFER, [b"EHLO x", b"HELO x"], False),
    "nothing said": (OFFER, [], False),
}
RCPT = [b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>"]
REPLIES = [
    # said before, said now, code, enhanced code, words
    ([], b"STARTTLS", b"502", b"5.5.1", b"Command not implemented"),
    ([], b"XCLIENT ADDR=1.2.3.4", b"554", b"5.7.1", b"Insufficient authorization"),
    ([], b"x" * 5000, b"500", b"5.5.2", b"Line too long"),
    ([], b"NOOP \0", b"500", b"5.5.2", b"Command with NUL or stray CR"),
    ([], b"x.y", b"500", b"5.5.2", b"Command not recognized"),
    ([], b"MAIL FROM:<a@b> PRDR", b"555", b"5.5.4", b"Parameter not supported"),
    ([], b"DATA", b"503", b"5.5.1", b"Need MAIL and RCPT before DATA"),
    (RCPT + [b"DATA"], stuff(INFECTED) + b".", b"550", b"5.7.1", b"Virus Detected; Content Rejected"),
    (RCPT + [b"DATA"], b"BROKEN\r\n.", b"451", b"4.3.0", b"Local Error"),
    ([], b"GET / HTTP/1.1", b"554", b"5.5.0", b"Command out of step, closing connection"),
    ([], b"BDAT x", b"421", b"4.5.0", b"BDAT without a valid size, closing connection"),
]


@pytest.mark.parametrize("hello", HELLOS)
@pytest.mark.parametrize("reply", REPLIES, ids=lambda r: r[4].decode()[:20])
def test_own_replies(rig, hello, reply):
    keywords, lines, coded = HELLOS[hello]
    before, now, code, enhanced, words = reply
    rig.server.keywords, rig.server.lmtp = keywords, True
    if b"BROKEN" in now:
        rig.clamd.fail(b"broken ERROR{end}")
    with rig.client() as c:
        for line in lines:
            assert c.cmd(line)[:3] == b"250"
        for line in before:
            assert c.cmd(line)[:1] in (b"2", b"3")
        told = c.cmd(now)
        if b"BDAT" in now:
            told = c.reply()
        assert told == b" ".join([code] + [enhanced] * coded + [words]) + b"\r\n"


def test_what_never_has_one(rig):
    rig.server.keywords = OFFER
    with rig.client() as c:
        assert c.greeting == b"220 smtp.passthru\r\n"
        c.ehlo()
        c.envelope()
        assert c.cmd(b"DATA") == START_DATA


def test_the_last_word(make):
    r = make(TimeOut="1")
    r.server.keywords = OFFER
    with r.client() as c, r.client() as old:
        assert c.ehlo()[:3] == b"250"
        assert c.rest() == b"421 4.4.2 Timed out, closing connection\r\n"
        assert old.rest() == b"421 Timed out, closing connection\r\n"


def test_before_there_is_a_server(make):
    r = make()
    r.server.stop()
    with r.client() as c:
        assert c.greeting == b"421 Cannot reach the mail server, try again later\r\n"


def test_discarded(make):
    r = make(Action="drop")
    r.server.keywords = OFFER
    with r.client() as c:
        c.ehlo()
        assert c.mail(INFECTED) == b"250 2.0.0 Virus Detected; Discarded Email\r\n"
        c.cmd(b"HELO x")
        assert c.mail(INFECTED) == b"250 Virus Detected; Discarded Email\r\n"
        r.server.on("EHLO", b"550 no\r\n")
        c.ehlo()
        assert c.mail(INFECTED) == b"250 Virus Detected; Discarded Email\r\n"
        assert c.mail(CONTENT)[:3] == b"250"
