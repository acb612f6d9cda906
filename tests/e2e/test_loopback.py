# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""OutAddress that is only a port: the server is where the client is."""

import pytest

from rig import Client, FakeServer, free_port


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.5"])
def test_the_server_is_the_clients_host(make, source):
    port = free_port("0.0.0.0")
    out = free_port("0.0.0.0")
    r = make(Listen="0.0.0.0:%d" % port, OutAddress=str(out))
    with FakeServer(host="127.0.0.1", port=out) as one, FakeServer(host="127.0.0.5", port=out) as five:
        with Client(("127.0.0.1", port), source=source) as c:
            assert c.mail() == b"250 2.0.0 queued as 4711\r\n"
        assert (len(one.messages), len(five.messages)) == ((1, 0) if source == "127.0.0.1" else (0, 1))
    r.daemon.wait_log("SERVER connected to: " + source.replace(".", r"\."))


def test_a_client_without_a_server(make):
    port = free_port("0.0.0.0")
    out = free_port("0.0.0.0")
    make(Listen="0.0.0.0:%d" % port, OutAddress=str(out))
    with Client(("127.0.0.1", port), source="127.0.0.6") as c:
        assert c.greeting == b"421 4.4.1 Cannot reach the mail server, try again later\r\n"
        c.expect_eof()
