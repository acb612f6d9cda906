# SPDX-License-Identifier: BSD-3-Clause
"""
A real LMTP server behind the daemon: it says of each recipient what becomes of his
copy, and so hears the client.
"""

import smtplib

import pytest

import servers
from rig import Daemon, FakeClamd, wait_until

SECONDS = 20
SENDER, GOOD, FULL, REFUSED = ("sender@example.test", "recipient@peer.example", "full@peer.example",
                               "refused@peer.example")
MESSAGE = b"Subject: lmtp\r\n\r\n.one dot\r\n\xe4\r\n"


@pytest.fixture(scope="module")
def server(work, fetched):
    server = servers.LmtpServer(None, work, fetched)
    if not server.available():
        pytest.skip("npm's smtp-server cannot be had here")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def client(server, tmp_path):
    server.clear()
    with FakeClamd() as clamd, Daemon(tmp_path, clamd, Action="bounce", OutAddress="127.0.0.1:%d" % server.port) as d, \
            smtplib.LMTP("127.0.0.1", d.address[1], timeout=SECONDS) as lmtp:
        lmtp.daemon = d
        yield lmtp


def envelope(lmtp, *recipients):
    assert lmtp.ehlo("client.example")[0] == 250
    assert lmtp.mail(SENDER)[0] == 250
    return [lmtp.rcpt(r)[0] for r in recipients]


def replies(lmtp, n):
    return [lmtp.getreply()[0] for _ in range(n)]


def test_each_recipient_has_his_reply(server, client):
    assert envelope(client, FULL, REFUSED, GOOD, "another@peer.example") == [250, 550, 250, 250]
    code, _ = client.data(MESSAGE)
    assert [code] + replies(client, 2) == [450, 250, 250]
    assert client.noop()[0] == 250  # and no more than that
    kept, = server.arrived()
    assert kept.endswith(b"\r\n\r\n.one dot\r\n\xe4\r\n") and b"X-Virus-Scanned: " in kept
    client.daemon.wait_log(r"to=full@peer\.example, to=recipient@peer\.example, to=another@peer\.example, "
                           r"status=CLEAN, action=forwarded, refused=1/3")


def test_each_hears_of_a_virus(server, client):
    assert envelope(client, GOOD, FULL) == [250, 250]
    code, _ = client.data(MESSAGE + b"INFECTED:X\r\n")
    assert [code] + replies(client, 1) == [550, 550]
    assert envelope(client, GOOD) == [250]
    assert client.data(MESSAGE)[0] == 250
    wait_until(server.arrived, "the next one", SECONDS)
    assert len(server.arrived()) == 1
