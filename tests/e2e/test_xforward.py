# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""XFORWARD passes, and REMOTE and REMOTE_HELO are learned from it."""

import os

import pytest

from rig import CONTENT, INFECTED, Rig, wait_until
from test_virus_action import environment


@pytest.fixture(scope="module")
def shared_rig():
    import conftest
    path = conftest.new_directory()
    out = os.path.join(path, "env")
    with Rig(path, VirusAction="env -0 > %s.new && mv %s.new %s" % (out, out, out)) as r:
        r.env_file = out
        yield r


def remote(rig, *lines, between=b""):
    if os.path.exists(rig.env_file):
        os.unlink(rig.env_file)
    with rig.client() as c:
        c.ehlo()
        for line in lines:
            c.cmd(line)
        c.mail(INFECTED)
    env = environment(rig.env_file)
    return env.get("REMOTE"), env.get("REMOTE_HELO")


@pytest.mark.parametrize("lines, address, helo", [
    ([b"XFORWARD NAME=x ADDR=1.2.3.4 HELO=there"], "1.2.3.4", "there"),
    ([b"XFORWARD ADDR=1.2.3.4", b"XFORWARD HELO=there PROTO=ESMTP"], "1.2.3.4", "there"),
    ([b"XFORWARD HELO=there ADDR=1.2.3.4"], "1.2.3.4", "there"),
    ([b"xforward addr=1.2.3.4 Helo=there"], "1.2.3.4", "there"),
    ([b"XFORWARD NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] HELO=[UNAVAILABLE]"], None, None),
    ([b"XFORWARD ADDR=1.1.1.1 HELO=there", b"XFORWARD ADDR=[UNAVAILABLE]"], None, "there"),
    ([b"XFORWARD ADDR=IPV6:2001:db8::7"], "2001:db8::7", None),
    ([b"XFORWARD ADDR=1.1.1.1", b"XFORWARD ADDR=2.2.2.2"], "2.2.2.2", None),
    ([b"XFORWARD XADDR=9.9.9.9 HELO=there"], None, "there"),
    ([b"XFORWARD NAME=ADDR=8.8.8.8 HELO=there"], None, "there"),
    ([b"XFORWARD NAME=x"], None, None),
    ([b"XFORWARD ADDR=1.2.3.4", b"RSET"], None, None),
    ([b"XFORWARD ADDR=1.2.3.4", b"EHLO again"], None, None),
    ([], None, None),
])
def test_learned(rig, lines, address, helo):
    assert remote(rig, *lines) == (address, helo)
    assert [l for l in rig.server.lines if l.upper().startswith(b"XFORWARD")] == \
        [l + b"\r\n" for l in lines if l.upper().startswith(b"XFORWARD")]


def test_only_when_accepted(rig):
    rig.server.on("XFORWARD", [b"250 ok\r\n", b"501 no\r\n"])
    assert remote(rig, b"XFORWARD ADDR=1.1.1.1", b"XFORWARD ADDR=2.2.2.2 HELO=evil") == ("1.1.1.1", None)


def test_forgotten_after_each_message(rig):
    with rig.client() as c:
        c.ehlo()
        c.cmd(b"XFORWARD ADDR=1.2.3.4")
        c.mail(CONTENT)
        if os.path.exists(rig.env_file):
            os.unlink(rig.env_file)
        c.mail(INFECTED)
    assert environment(rig.env_file).get("REMOTE") is None
    wait_until(lambda: not os.path.exists(rig.env_file + ".new"))
