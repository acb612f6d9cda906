# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""OutAddress that is only a port: the server is where the client is; and
OutAddress that leads back to Listen."""

import os

import pytest

from rig import NO_SERVER, QUEUED, Client, FakeServer, free_port


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.5"])
def test_the_server_is_the_clients_host(make, source):
    port = free_port("0.0.0.0")
    out = free_port("0.0.0.0")
    r = make(Listen="0.0.0.0:%d" % port, OutAddress=str(out))
    with FakeServer(host="127.0.0.1", port=out) as one, FakeServer(host="127.0.0.5", port=out) as five:
        with Client(("127.0.0.1", port), source=source) as c:
            assert c.mail() == QUEUED
        assert (len(one.messages), len(five.messages)) == ((1, 0) if source == "127.0.0.1" else (0, 1))
    r.daemon.wait_log("SERVER connected to: " + source.replace(".", r"\."))


def test_a_client_without_a_server(make):
    port = free_port("0.0.0.0")
    out = free_port("0.0.0.0")
    make(Listen="0.0.0.0:%d" % port, OutAddress=str(out))
    with Client(("127.0.0.1", port), source="127.0.0.6") as c:
        assert c.greeting == NO_SERVER
        c.expect_eof()


@pytest.mark.parametrize("listen, source", [("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "127.0.0.7"),
                                            ("127.0.0.1", "127.0.0.1")])
def test_the_port_alone_may_lead_back(make, listen, source):
    port = free_port("0.0.0.0")
    r = make(Listen="%s:%d" % (listen, port), OutAddress=str(port))
    with Client(("127.0.0.1", port), source=source) as c:
        assert c.greeting == NO_SERVER
        c.expect_eof()
    r.daemon.wait_log("loop detected")
    assert len([l for l in r.daemon.log_lines if "loop" in l]) == 1
    assert len([l for l in r.daemon.log_lines if "accepted connection" in l]) == 1


def test_the_port_of_another_host_is_no_loop(make):
    """Listen is one address alone; the client's host has its own server."""
    port = free_port("0.0.0.0")
    r = make(Listen="127.0.0.1:%d" % port, OutAddress=str(port))
    with FakeServer(host="127.0.0.5", port=port) as server:
        with Client(("127.0.0.1", port), source="127.0.0.5") as c:
            assert c.mail() == QUEUED
        assert len(server.messages) == 1
    assert not any("loop" in l for l in r.daemon.log_lines)


@pytest.mark.parametrize("listen, out", [
    ("127.0.0.1:{port}", "127.0.0.1:{port}"),
    ("127.0.0.1:{port}", "localhost:{port}"),
    ("127.0.0.1:{port}", "0.0.0.0:{port}"),
    ("{port}", "127.0.0.1:{port}"),
    ("0.0.0.0:{port}", "127.99.0.1:{port}"),
    ("{dir}/in.sock", "{dir}/in.sock"),
    ("{dir}/in.sock", "{dir}/./in.sock"),
    ("{dir}/in.sock", "{dir}/link/in.sock"),
])
def test_our_own_listen_is_refused_at_the_start(make, listen, out):
    r = make(start=False)
    names = {"port": free_port("0.0.0.0"), "dir": r.directory}
    os.symlink(r.directory, r.directory + "/link")
    r.daemon.auto_listen = False
    r.daemon.options.update(Listen=listen.format(**names), OutAddress=out.format(**names))
    r.daemon.write_config()
    r.daemon.spawn()
    assert r.daemon.wait_exit() == 2
    lines = [l for l in r.daemon.log_lines if "loop" in l]
    assert len(lines) == 1
    line = next(n for n, l in enumerate(open(r.daemon.config), 1) if l.startswith("OutAddress"))
    assert "invalid setting: OutAddress (%s:%d: " % (r.daemon.config, line) in lines[0]


def test_a_path_that_becomes_our_own(make, directory):
    """A link that leads to us after the start."""
    r = make(start=False)
    ours, out = r.directory + "/in.sock", r.directory + "/out.sock"
    r.daemon.auto_listen = False
    r.daemon.options.update(Listen=ours, OutAddress=out)
    r.daemon.write_config()
    r.daemon.start()
    os.symlink(ours, out)
    with Client(ours) as c:
        assert c.greeting == NO_SERVER
        c.expect_eof()
    r.daemon.wait_log("loop detected")
    assert len([l for l in r.daemon.log_lines if "accepted connection" in l]) == 1
