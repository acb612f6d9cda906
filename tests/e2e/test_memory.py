# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Memory runs out at each single allocation of a message, once or for good.

Whatever fails, the client learns what became of its message: 250 if and only
if the server has it (or it was dropped), and never another command's reply."""

import mmap
import os
import shutil
import struct
import subprocess

import pytest

from rig import CONTENT, DISCARDED, INFECTED, QUEUED, WRAPPER, wait_until
from soak import sanitized

HERE = os.path.dirname(os.path.abspath(__file__))
MOST = 200  # allocations of a message; there are far fewer

pytestmark = [
    pytest.mark.skipif(bool(sanitized() or WRAPPER), reason="the daemon runs under a tool with an allocator of its own"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="there is no compiler for what is to be preloaded"),
]


class Shortage:
    """What fail_malloc.c is told."""

    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(bytes(8))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 8)

    def arm(self, countdown, for_good):
        self.map[:] = struct.pack("ii", countdown, for_good)

    def disarm(self):
        """Returns whether it came to a failure."""
        left, = struct.unpack_from("i", self.map)
        self.map[:] = bytes(8)
        return left == 0


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("preload") / "fail_malloc.so")
    subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-fPIC", "-shared", "-o", path,
                    os.path.join(HERE, "fail_malloc.c")], check=True)
    return path


@pytest.fixture
def short(make, library):
    def start(**options):
        r = make(start=False, **options)
        path = os.path.join(r.directory, "shortage")
        shortage = Shortage(path)
        os.chmod(path, 0o666)
        r.daemon.env = {"LD_PRELOAD": library, "FAIL_MALLOC": path}
        r.daemon.start()
        return r, shortage
    return start


def last_words(reply):
    """Ours, when there is no memory for better ones."""
    return reply[:3] in (b"451", b"421") or b"(text lost for want of memory)" in reply


def one_message(r, shortage, n, for_good, from_the_start, content, replies):
    """False when the n-th allocation did not come."""
    r.server.clear()
    r.clamd.clear()
    r.server.on(".", replies[0])
    r.server.keywords = [b"PIPELINING"]
    mark = r.daemon.mark()
    with r.client() as c:
        if from_the_start:
            shortage.arm(n, for_good)
        # Without a wait in between, as a client that uses PIPELINING would.
        # Long enough for the envelope to grow at each of them.
        rcpts = [b"RCPT TO:<%s%d@d>" % (b"c" * 150, i) for i in range(3)]
        reached = all(c.cmd(line)[:3] == b"250" for line in [b"EHLO x", b"MAIL FROM:<a@b>"] + rcpts)
        reply = c.cmd(b"DATA") if reached else b""
        if reply.startswith(b"354"):
            if not from_the_start:
                shortage.arm(n, for_good)
            c.send(content + b".\r\nRSET\r\n")
            reply = c.reply()
        came = shortage.disarm()
        c.close()
    for peer in list(r.server.connections):
        peer.wait_closed()
    r.daemon.wait_log("CLIENT connection closed", mark)
    has_it = len(r.server.messages) == 1
    assert len(r.server.messages) <= 1, (n, r.server.messages)
    assert reply in replies or reply == b"" or last_words(reply), (n, reply)
    if reply[:3] == b"250" and reply in replies:
        # It is all in the log, or that it is not.
        log = "\n".join(r.daemon.log_since(mark))
        assert log.count("to=ccc") == 3 or "out of memory" in log, (n, log)
    if content == INFECTED:
        assert not r.server.messages
    elif replies[0].startswith(b"250"):
        assert has_it == (reply[:3] == b"250"), (n, reply, r.server.messages)
    else:
        assert reply[:3] != b"250", (n, reply)
    return came


CASES = {
    "accepted": (CONTENT, [b"250 2.0.0 queued\r\n"]),
    "accepted at length": (CONTENT, [b"".join(b"250-2.0.0 line %d\r\n" % i for i in range(20)) + b"250 ok\r\n"]),
    "refused": (CONTENT, [b"554 5.7.1 refused\r\n"]),
    "dropped": (INFECTED, [DISCARDED]),
    "large": (CONTENT + b"..x\r\n" * 20000, [b"250 2.0.0 queued\r\n"]),
}


@pytest.mark.parametrize("for_good", [0, 1], ids=["once", "for good"])
@pytest.mark.parametrize("from_the_start", [False, True], ids=["content", "session"])
@pytest.mark.parametrize("case", CASES)
def test_each_allocation(short, case, from_the_start, for_good):
    content, replies = CASES[case]
    r, shortage = short(Quarantine="on", VirusAction="true")
    for n in range(1, MOST):
        if not one_message(r, shortage, n, for_good, from_the_start, content, replies):
            break
    else:
        raise AssertionError("more than %d allocations" % MOST)
    assert n > 3, "nothing was allocated"
    # And all is well again.
    r.server.clear()
    r.server.on(".", None)
    with r.client() as c:
        assert c.mail() == QUEUED
    wait_until(lambda: len(r.server.messages) == 1)
