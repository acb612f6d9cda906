# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Service extensions: what the client may see, and what it may ask for."""

import pytest

from rig import QUEUED

PASSED = [b"SIZE 100", b"8BITMIME", b"PIPELINING", b"DSN", b"ENHANCEDSTATUSCODES", b"AUTH LOGIN PLAIN", b"AUTH=LOGIN",
          b"VRFY", b"EXPN", b"HELP", b"ETRN", b"XFORWARD NAME ADDR", b"SMTPUTF8", b"DELIVERBY 240", b"MT-PRIORITY MIXER",
          b"FUTURERELEASE 1 2", b"NO-SOLICITING", b"LIMITS RCPTMAX=5", b"RRVS", b"XVERP", b"dsn"]
HIDDEN = [b"PRDR", b"CHUNKING", b"BINARYMIME", b"CHECKPOINT", b"STARTTLS", b"XCLIENT NAME", b"XEXCH50", b"BURL imap",
          b"TURN", b"ATRN", b"REQUIRETLS", b"PIPECONNECT", b"X_PIPE_CONNECT", b"CONPERM", b"CONNEG", b"MTRK",
          b"SUBMITTER", b"UTF8SMTP", b"ADDRREG", b"SEND", b"SAML", b"SOML", b"X-EXPS GSSAPI", b"X-LINK2STATE", b"XRDST",
          b"XSHADOWREQUEST", b"VERB", b"ONEX", b"WHATEVER-COMES", b"SIZE=100", b"AUTHX", b"DSN=1", b"X-DSN", b"=",
          b"PIPELININGX"]
REFUSED = b"555 Parameter not supported\r\n"


@pytest.mark.parametrize("keyword", PASSED)
def test_passed(rig, keyword):
    rig.server.keywords = [keyword, b"SIZE 1", keyword]
    with rig.client() as c:
        assert c.ehlo() == b"250-smtp.passthru\r\n250-%s\r\n250-SIZE 1\r\n250 %s\r\n" % (keyword, keyword)


@pytest.mark.parametrize("keyword", HIDDEN)
def test_hidden(rig, keyword):
    rig.server.keywords = [keyword, b"SIZE 1"]
    with rig.client() as c:
        assert c.ehlo() == b"250-smtp.passthru\r\n250 SIZE 1\r\n"
        rig.server.keywords.reverse()
        assert c.ehlo() == b"250-smtp.passthru\r\n250-SIZE 1\r\n250 XFILTERED\r\n"


@pytest.mark.parametrize("parameter", [
    b"PRDR", b"prdr", b"SIZE=1 PRDR", b"BODY=BINARYMIME", b"body=binarymime SIZE=1", b"TRANSID=<x@y>", b"REQUIRETLS"])
def test_a_parameter_of_what_is_hidden(rig, parameter):
    with rig.client() as c:
        c.ehlo()
        assert c.cmd(b"MAIL FROM:<a@b> " + parameter) == REFUSED
        assert c.cmd(b"MAIL FROM: a@b\t" + parameter) == REFUSED
        assert c.cmd(b"MAIL FROM:<a@b>")[:3] == b"250"
        assert c.cmd(b"RCPT TO:<c@d> " + parameter) == REFUSED
        assert c.cmd(b"DATA") == b"554 No valid recipients\r\n"
        assert c.cmd(b"RCPT TO:<c@d>")[:3] == b"250"
        assert c.data() == QUEUED
    assert len(rig.server.messages[0].rcpts) == 1


@pytest.mark.parametrize("parameter", [
    b"SIZE=1", b"BODY=8BITMIME", b"BODY=7BIT", b"RET=HDRS ENVID=PRDR", b"AUTH=<>", b"SMTPUTF8", b"HOLDFOR=5",
    b"BY=120;R", b"MT-PRIORITY=3", b"XVERP", b"SOLICIT=x:PRDR", b"FOO=BAR", b"X"])
def test_any_other_parameter_is_the_servers_to_judge(rig, parameter):
    with rig.client() as c:
        c.ehlo()
        assert c.cmd(b"MAIL FROM:<a@b> " + parameter)[:3] == b"250"
    assert rig.server.lines[1] == b"MAIL FROM:<a@b> " + parameter + b"\r\n"


@pytest.mark.parametrize("path", [b"<\"x PRDR y\"@b>", b"<\"a\\\" PRDR >\"@b>", b"<PRDR@b>", b"PRDR"])
def test_a_path_is_no_parameter(rig, path):
    with rig.client() as c:
        c.ehlo()
        assert c.cmd(b"MAIL FROM:" + path)[:3] == b"250"


def test_refused_in_a_group(rig):
    rig.server.keywords = [b"PIPELINING"]
    with rig.client() as c:
        c.ehlo()
        c.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d> PRDR\r\nRCPT TO:<e@f>\r\nDATA\r\n")
        assert [c.reply()[:3] for _ in range(4)] == [b"250", b"555", b"250", b"354"]
        c.send(b"x\r\n.\r\n")
        assert c.reply() == QUEUED
    assert rig.server.messages[0].rcpts == [b"RCPT TO:<e@f>"]
