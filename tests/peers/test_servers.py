# SPDX-License-Identifier: BSD-3-Clause
"""
Real mail programs as servers behind the daemon, each with each kind of message,
from a client that waits and from one that sends commands in groups.
"""

import smtplib

import pytest

import servers
from rig import Client, Daemon, FakeClamd, stuff, wait_until
from samples_of_peers import BODIES, content

SECONDS = 20
SENDER, GOOD, REFUSED = "sender@example.test", "recipient@peer.example", "refused@peer.example"


class Behind:
    def __init__(self, server, directory):
        self.server = server
        self.clamd = FakeClamd(path=str(directory / "clamd"))
        self.daemon = Daemon(directory, self.clamd, Action="bounce", OutAddress="127.0.0.1:%d" % server.port)

    def stop(self):
        self.daemon.stop()
        self.clamd.stop()


@pytest.fixture(scope="module", params=servers.ALL, ids=lambda kind: kind.name)
def behind(request, scratch, work, fetched):
    server = request.param(scratch, work, fetched)
    if not server.available():
        pytest.skip("%s cannot be had here" % server.name)
    directory = work / ("daemon-" + server.name)
    directory.mkdir()
    directory.chmod(0o755)
    try:
        server.start()
        b = Behind(server, directory)
        yield b
        b.stop()
    finally:
        server.stop()


def body(message):
    return message.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1].rstrip(b"\n")


def send(port, sample, recipients):
    """What smtplib is told: the refused recipients, or the refusal of all."""
    with smtplib.SMTP("127.0.0.1", port, timeout=SECONDS) as smtp:
        if sample == "auth":
            smtp.login("user", "secret")
        return smtp.sendmail(SENDER, recipients, content(sample, GOOD), ["BODY=8BITMIME"] * (sample == "8 bit"))


def in_groups(port, sample, recipients):
    """The same by commands that do not wait for each other, where the server
    offers that; returns the reply to the message."""
    with Client(("127.0.0.1", port)) as c:
        offered = c.ehlo()
        commands = [b"MAIL FROM:<%s>" % SENDER.encode()] + [b"RCPT TO:<%s>" % r.encode() for r in recipients]
        if b"PIPELINING" in offered:
            c.send(b"".join(line + b"\r\n" for line in commands + [b"DATA"]))
            replies = [c.reply() for _ in commands + [b"DATA"]]
        else:
            replies = [c.cmd(line) for line in commands + [b"DATA"]]
        assert replies[-1].startswith(b"354"), replies
        text = content(sample, GOOD)
        c.send(stuff(text) + b".\r\n")
        last = c.reply()
        c.cmd(b"QUIT")
        return last


@pytest.mark.parametrize("sample", [name for name in BODIES if name != "no pipelining"])
def test_server(behind, sample):
    if sample == "auth" and behind.server.no_auth:
        pytest.skip("%s, AUTH: %s" % (behind.server.name, behind.server.no_auth))
    behind.server.clear()
    port = behind.daemon.address[1]
    recipients = [GOOD] + [REFUSED] * (sample == "refused")
    if sample == "virus":
        with pytest.raises(smtplib.SMTPDataError):
            send(port, sample, recipients)
        assert in_groups(port, sample, recipients).startswith(b"550 ")
        # What comes later has come, so this will not.
        send(port, "plain", recipients)
        wait_until(lambda: behind.server.arrived(), "the next one", SECONDS)
        assert [body(m) for m in behind.server.arrived()] == [body(b"\n\n" + BODIES["plain"])]
        return
    refused = send(port, sample, recipients)
    assert list(refused) == recipients[1:]
    assert in_groups(port, sample, recipients).startswith(b"250")
    wait_until(lambda: len(behind.server.arrived()) == 2, "both arrive", SECONDS)
    for message in behind.server.arrived():
        assert body(message) == body(b"\n\n" + BODIES[sample])
        assert b"X-Virus-Scanned: " in message
