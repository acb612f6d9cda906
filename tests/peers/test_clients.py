# SPDX-License-Identifier: BSD-3-Clause
"""
Real mail programs as clients of the daemon, each with each kind of message: what
is clean arrives as it was sent, what is not does not, and none of them is taken
for a client that does not wait.
"""

import base64
import re

import pytest

import clients
from rig import Daemon, FakeClamd, FakeServer, wait_until
from samples_of_peers import BODIES, content

SECONDS = 20
EXTENSIONS = [b"SIZE 10000000", b"8BITMIME", b"ENHANCEDSTATUSCODES", b"AUTH PLAIN LOGIN", b"DSN"]
PIPELINING = [b"PIPELINING"]


def auth(connection, line):
    """PLAIN and LOGIN, as FakeServer's action."""
    words = line.split()

    def answer(challenge):
        connection.send(b"334 %s\r\n" % base64.b64encode(challenge))
        return base64.b64decode(connection.upto(b"\n").strip())
    if words[1].upper() == b"PLAIN":
        said = base64.b64decode(words[2]) if len(words) > 2 else answer(b"")
        user, password = said.split(b"\0")[1:]
    else:
        user = base64.b64decode(words[2]) if len(words) > 2 else answer(b"Username:")
        password = answer(b"Password:")
    connection.owner.users.append((user, password))
    return b"235 2.7.0 welcome\r\n"


def recipient(connection, line):
    return b"550 5.1.1 nobody of that name\r\n" if b"refused" in line else b"250 2.1.5 recipient ok\r\n"


class System:
    """clamd, a server and the daemon between; its options as for Daemon."""

    def __init__(self, directory, server=None, **options):
        self.clamd = FakeClamd(path=str(directory / "clamd"))
        self.server = server or FakeServer()
        self.reset()
        self.daemon = Daemon(directory, self.clamd, self.server, **dict({"Action": "bounce"}, **options))

    def reset(self, pipelining=True):
        self.clamd.clear()
        self.server.clear()
        self.server.keywords = EXTENSIONS + (PIPELINING if pipelining else [])
        self.server.users = []
        self.server.on("AUTH", auth)
        self.server.on("RCPT", recipient)

    def ended(self):
        """No client is there any more, and no message on its way."""
        return all(c.closed.is_set() for c in self.server.connections)

    def settle(self, client):
        if not client.keeps:
            wait_until(self.ended, "the client goes", SECONDS)

    def stop(self):
        self.daemon.stop()
        self.clamd.stop()
        self.server.stop()


@pytest.fixture(scope="module")
def system(work):
    s = System(work)
    yield s
    s.stop()


@pytest.fixture(scope="module")
def running(scratch, work, fetched):
    """name -> the client, or why it cannot be had."""
    made = {}

    def client(kind):
        if kind.name not in made:
            made[kind.name] = one = kind(scratch, work, fetched / "npm")
            if one.available():
                one.prepare()
        return made[kind.name]
    yield client
    for one in made.values():
        if one.available():
            one.stop()


def decoded(message):
    """The body as it was before a client made it 7-bit."""
    head, body = message.split(b"\r\n\r\n", 1)
    encoding = re.search(rb"(?im)^content-transfer-encoding: *(\S+)", head)
    kind = encoding.group(1).lower() if encoding else b""
    if kind == b"base64":
        return base64.b64decode(body)
    if kind == b"quoted-printable":
        import quopri
        return quopri.decodestring(body)
    return body


def look(client, sample):
    """Skips what this client cannot do."""
    if not client.available():
        pytest.skip("%s cannot be had here" % client.name)
    if sample == "auth" and client.no_auth:
        pytest.skip("%s, AUTH: %s" % (client.name, client.no_auth))


def check(system, client, sample, port):
    """Lets it send to this port, and looks at what has become of it."""
    system.reset(pipelining=sample != "no pipelining")
    since = system.daemon.mark()
    to = "refused@peer.example" if sample == "refused" else "recipient@peer.example"

    told = client.send(port, content(sample, to), to, sample == "auth")

    def ours():
        return [m for m in system.server.messages if to.encode() in b"".join(m.rcpts)]
    try:
        if sample in ("virus", "refused"):
            assert told is not True
            wait_until(lambda: len(system.clamd.scans) > 0 if sample == "virus" else
                       "SERVER < 550 5.1.1 nobody" in "\n".join(system.daemon.log_since(since)),
                       "it got as far as that", SECONDS)
            system.settle(client)
            assert not ours()
            assert not any(b"INFECTED:" in m.content for m in system.server.messages)
        else:
            assert told is not False
            wait_until(ours, "it arrives", SECONDS)
            system.settle(client)
            message, = ours()
            assert decoded(message.content).rstrip(b"\r\n") == BODIES[sample].rstrip(b"\r\n")
            assert b"X-Virus-Scanned: " in message.content
            assert system.server.users == [(b"user", b"secret")] * (sample == "auth")
        assert not re.search("out of step|does not wait", "\n".join(system.daemon.log_since(since)))
    except AssertionError:
        print(client.said.decode(errors="replace")[-3000:])
        print("\n".join(system.daemon.log_since(since))[-5000:])
        raise


@pytest.mark.parametrize("kind", clients.ALL, ids=lambda kind: kind.name)
@pytest.mark.parametrize("sample", BODIES)
def test_client(system, running, kind, sample):
    client = running(kind)
    look(client, sample)
    check(system, client, sample, system.daemon.address[1])
