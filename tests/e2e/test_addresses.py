# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Listen, OutAddress, ClamAddress: the forms of an address."""

import os

import pytest

from rig import GREETING, Client, FakeClamd, FakeServer, free_port
from test_configuration import SENTINEL, load

GOOD = ["127.0.0.1:25", "127.0.0.1", "localhost:25", "localhost", "10025", "127.0.0.1: 40245",
        "0.0.0.0:25", "65535", "1", "[::1]:25", "[::1]", "[::]:10025", "[2001:db8::1]:25", "[fe80::1%eth0]:25",
        "[::ffff:192.0.2.1]:25"]
BAD = ["127.0.0.1 :25", ":25", "*:25", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:1x", "127.0.0.1:0",
       "127.0.0.1:99999", "0", "70000", "1.2.3", "1.2.3.4.5:25", "::1", "::", "::1:25", "[::1", "[::1]:", "[::1]:0", "[fe80::1]:25",
       "127.0.0.1:-1", "relative/path", "./path"]
NAMES = {"Listen": "invalid Listen socket name or ip: ",
         "OutAddress": "invalid OutAddress socket name or ip: ",
         "ClamAddress": "invalid ClamAddress socket name: "}


@pytest.mark.parametrize("option", NAMES)
@pytest.mark.parametrize("address", GOOD + ["/tmp/sock", "no-such-host.invalid:25"])
def test_accepted(directory, option, address):
    _, err = load(directory, "%s: %s\n%s" % (option, address, SENTINEL))
    assert "invalid config line: Bogus" in err


@pytest.mark.parametrize("option", NAMES)
@pytest.mark.parametrize("address", BAD + ["/tmp/" + "x" * 120])
def test_refused(directory, option, address):
    code, err = load(directory, "%s: %s\n%s" % (option, address, SENTINEL))
    assert code == 2
    assert "clamsmtpd: %s%s (" % (NAMES[option], address) in err


@pytest.mark.parametrize("form", ["127.0.0.1:%d", "localhost:%d", "%d", "0.0.0.0:%d", "127.0.0.1: %d"])
def test_listening(make, form):
    r = make(start=False)
    port = free_port("0.0.0.0")
    r.daemon.auto_listen = False
    r.daemon.options["Listen"] = form % port
    write = r.daemon.write_config

    def write_config():
        write()
        r.daemon.address = ("127.0.0.1", port)
    r.daemon.write_config = write_config
    if form == "%d":
        r.daemon.options["Listen"] = "0.0.0.0:%d" % port
        write_config_text = write_config

        def write_port_only():
            write_config_text()
            text = open(r.daemon.config).read().replace("Listen: 0.0.0.0:", "Listen: ")
            with open(r.daemon.config, "w") as f:
                f.write(text)
        r.daemon.write_config = write_port_only
    r.daemon.start()
    r.daemon.wait_log("^created socket: " + (form % port).replace(".", r"\."))
    with Client(("127.0.0.1", port)) as c:
        assert c.mail()[:3] == b"250"


@pytest.mark.parametrize("form", ["127.0.0.1:%d", "localhost:%d", "0.0.0.0:%d", "127.0.0.1: %d"])
def test_connecting_to_the_server(make, form):
    r = make(start=False)
    r.daemon.options["OutAddress"] = form % r.server.port
    r.daemon.start()
    with r.client() as c:
        assert c.mail()[:3] == b"250"


@pytest.mark.parametrize("form", ["127.0.0.1:%d", "localhost:%d", "%d"])
def test_connecting_to_clamd(make, form):
    with FakeClamd() as clamd:
        r = make(ClamAddress=form % clamd.port)
        with r.client() as c:
            assert c.mail()[:3] == b"250"
        assert len(clamd.scans) == 1


def test_a_server_on_a_unix_socket(make):
    r = make(start=False)
    path = os.path.join(r.directory, "server")
    with FakeServer(path=path) as server:
        r.daemon.options["OutAddress"] = path
        r.daemon.start()
        with r.client() as c:
            assert c.mail()[:3] == b"250"
        assert len(server.messages) == 1


def test_an_existing_socket_file_is_replaced(make):
    r = make(start=False)
    r.daemon.options["Listen"] = r.directory + "/listen"
    r.daemon.auto_listen = False
    for _ in range(2):
        r.daemon.start()
        with Client(r.daemon.address) as c:
            assert c.greeting == GREETING
        r.daemon.stop()


def test_the_socket_of_a_running_daemon_is_not_taken(make):
    one, two = make(start=False), make(start=False)
    for r in (one, two):
        r.daemon.options["Listen"] = one.directory + "/listen"
        r.daemon.auto_listen = False
    one.daemon.start()
    two.daemon.spawn()
    assert two.daemon.wait_exit() == 1
    assert any(l.startswith("couldn't bind to address: " + one.directory) for l in two.daemon.log_lines)
    with Client(one.daemon.address) as c:
        assert c.greeting == GREETING
