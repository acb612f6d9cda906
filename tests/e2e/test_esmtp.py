# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The replies to EHLO and HELO: our name, and the keywords that are hidden."""

import pytest

HIDDEN = [b"STARTTLS", b"XCLIENT", b"chunking", b"StartTls", b"XCLIENT NAME ADDR", b"BURL imap", b" STARTTLS",
          b"CHUNKING\tx", b"STARTTLS=x", b"PRDR"]
SHOWN = [b"PIPELINING", b"AUTH LOGIN PLAIN", b"AUTH=LOGIN", b"SIZE 100", b"size 1", b"LIMITS RCPTMAX=5"]


def test_our_name_replaces_the_servers(rig):
    rig.server.keywords = [b"SIZE 1000", b"8BITMIME"]
    with rig.client() as c:
        assert c.ehlo(b"me") == b"250-smtp.passthru\r\n250-SIZE 1000\r\n250 8BITMIME\r\n"
        assert c.cmd(b"  ehlo me") == b"250-smtp.passthru\r\n250-SIZE 1000\r\n250 8BITMIME\r\n"
        assert c.cmd(b"HELO me") == b"250 smtp.passthru\r\n"
    assert rig.server.commands == [b"EHLO me\r\n", b"  ehlo me\r\n", b"HELO me\r\n"]


@pytest.mark.parametrize("keyword", HIDDEN)
def test_hidden_in_the_middle(rig, keyword):
    rig.server.keywords = [b"SIZE 1", keyword, b"DSN"]
    with rig.client() as c:
        assert c.ehlo() == b"250-smtp.passthru\r\n250-SIZE 1\r\n250 DSN\r\n"


@pytest.mark.parametrize("keyword", HIDDEN)
def test_hidden_on_the_last_line(rig, keyword):
    rig.server.keywords = [b"SIZE 1", keyword]
    with rig.client() as c:
        assert c.ehlo() == b"250-smtp.passthru\r\n250-SIZE 1\r\n250 XFILTERED\r\n"


@pytest.mark.parametrize("keyword", SHOWN)
def test_shown(rig, keyword):
    rig.server.keywords = [keyword, b"SIZE 1", keyword]
    with rig.client() as c:
        assert c.ehlo() == b"250-smtp.passthru\r\n250-%s\r\n250-SIZE 1\r\n250 %s\r\n" % (keyword, keyword)


def test_all_hidden(rig):
    rig.server.keywords = [b"STARTTLS", b"CHUNKING"]
    with rig.client() as c:
        assert c.ehlo() == b"250-smtp.passthru\r\n250 XFILTERED\r\n"
    rig.daemon.wait_log(r"filtered ESMTP feature: STARTTLS", rig.mark)


def test_a_reply_of_one_line(rig):
    rig.server.on("EHLO", b"250 real.example\r\n")
    with rig.client() as c:
        assert c.ehlo() == b"250 smtp.passthru\r\n"
        rig.server.on("EHLO", b"250\r\n")
        assert c.ehlo() == b"250\r\n"


@pytest.mark.parametrize("reply", [b"502 no\r\n", b"550-go\r\n550-STARTTLS\r\n550 away\r\n", b"421 bye\r\n"])
def test_an_error_passes_untouched(rig, reply):
    rig.server.on("EHLO", reply)
    rig.server.on("HELO", reply)
    with rig.client() as c:
        assert c.ehlo() == reply
    with rig.client() as c:
        assert c.cmd(b"HELO x") == reply


def test_a_long_helo_reply_is_not_filtered(rig):
    rig.server.on("HELO", b"250-real.example\r\n250-STARTTLS\r\n250 ok\r\n")
    with rig.client() as c:
        assert c.cmd(b"HELO x") == b"250-smtp.passthru\r\n250-STARTTLS\r\n250 ok\r\n"


def test_other_replies_are_not_filtered(rig):
    rig.server.on("HELP", b"250-real.example\r\n250-STARTTLS\r\n250 ok\r\n")
    with rig.client() as c:
        c.ehlo()
        assert c.cmd(b"HELP") == b"250-real.example\r\n250-STARTTLS\r\n250 ok\r\n"
