# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""IPv6: where clients come in, where mail goes, and what is told of them."""

import os
import socket

import pytest

from rig import FOUND, GREETING, NO_SERVER, QUEUED, Client, FakeClamd, FakeServer, free_port, wait_until
from test_configuration import load


@pytest.fixture(autouse=True)
def there_is_ipv6():
    try:
        free_port("::1")
    except OSError as e:
        pytest.skip("no IPv6 on loopback: %s" % e)


def test_all_parties(make):
    with FakeServer(host="::1") as server, FakeClamd(host="::1") as clamd:
        r = make(Listen="[::1]:%d" % free_port("::1"), OutAddress=server.address, ClamAddress=clamd.address,
                 Header="X: %i %l")
        with r.client() as c:
            assert c.mail() == QUEUED
        assert len(clamd.scans) == 1
        assert b"X: ::1 ::1\r\n" in server.messages[0].content
        r.daemon.wait_log("accepted connection from: ::1$")
        r.daemon.wait_log("SERVER connected to: ::1$")
        r.daemon.wait_log("CLAMAV connected to: ::1$")
        r.daemon.wait_log(r"^created socket: \[::1\]:%d$" % r.daemon.address[1])


def test_what_the_virus_action_knows(make, directory):
    with FakeServer(host="::1") as server:
        out = directory + "/out"
        r = make(Listen="[::1]:%d" % free_port("::1"), OutAddress=server.address,
                 VirusAction="echo $CLIENT $SERVER >%s.new && mv %s.new %s" % (out, out, out))
        r.clamd.next(FOUND)
        with r.client() as c:
            assert c.mail()[:3] == b"250"
        wait_until(lambda: os.path.exists(out))
        with open(out) as f:
            assert f.read() == "::1 ::1\n"


def test_an_ipv4_number_in_one_of_ipv6(make):
    r = make(start=False)
    r.daemon.options["OutAddress"] = "[::ffff:127.0.0.1]:%d" % r.server.port
    r.daemon.start()
    with r.client() as c:
        assert c.mail() == QUEUED
    r.daemon.wait_log("SERVER connected to: 127.0.0.1$")


def refuses(host, port):
    with pytest.raises(ConnectionRefusedError):
        Client((host, port))


def test_any_is_of_one_family(make):
    port = free_port("::")
    r = make(Listen="[::]:%d" % port)
    with Client(("::1", port)) as c:
        assert c.mail() == QUEUED
    refuses("127.0.0.1", port)
    r.daemon.wait_log("accepted connection from: ::1$")


def test_a_port_alone_is_ipv4(make):
    port = free_port("0.0.0.0")
    make(Listen=str(port))
    with Client(("127.0.0.1", port)) as c:
        assert c.greeting == GREETING
    refuses("::1", port)


@pytest.mark.parametrize("together", [False, True])
def test_several_listeners(make, directory, together):
    port = free_port("::")
    places = ["[::]:%d" % port, "0.0.0.0:%d" % port, "127.0.0.1:%d" % free_port(), directory + "/s"]
    r = make(Listen=[places[0], " ,\t".join(places[1:])] if together else places)
    for address, host in ((("::1", port), "::1"), (("127.0.0.1", port), "127.0.0.1"),
                          (("127.0.0.1", int(places[2][10:])), "127.0.0.1"), (directory + "/s", "")):
        mark = r.daemon.mark()
        with Client(address) as c:
            assert c.mail() == QUEUED
        r.daemon.wait_log("accepted connection from: %s$" % host, mark)
    for place in places:
        assert "created socket: " + place in r.daemon.log_lines
    assert len(r.server.messages) == 4
    r.daemon.stop()
    assert not os.path.exists(directory + "/s")


def test_one_of_several_is_taken(make, directory):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        taken = s.getsockname()[1]
        r = make(Listen=[directory + "/s", "127.0.0.1:%d" % taken], start=False)
        r.daemon.spawn()
        assert r.daemon.wait_exit() == 1
        r.daemon.wait_log("^couldn't bind to address: 127.0.0.1:%d: Address already in use$" % taken)
        assert not os.path.exists(directory + "/s")


def test_the_server_is_the_clients_host(make):
    port, out = free_port("::"), free_port("::")
    make(Listen=["[::]:%d" % port, "0.0.0.0:%d" % port], OutAddress=str(out))
    with FakeServer(host="::1", port=out) as six, FakeServer(host="127.0.0.1", port=out) as four:
        with Client(("::1", port)) as c:
            assert c.mail() == QUEUED
        assert (len(six.messages), len(four.messages)) == (1, 0)
        with Client(("127.0.0.1", port)) as c:
            assert c.mail() == QUEUED
        assert (len(six.messages), len(four.messages)) == (1, 1)


@pytest.mark.parametrize("listen", ["[::]:{port}", "[::1]:{port}"])
def test_the_port_alone_may_lead_back(make, listen):
    port = free_port("::")
    r = make(Listen=listen.format(port=port), OutAddress=str(port))
    with Client(("::1", port)) as c:
        assert c.greeting == NO_SERVER
        c.expect_eof()
    r.daemon.wait_log("loop detected")
    assert len([l for l in r.daemon.log_lines if "accepted connection" in l]) == 1


@pytest.mark.parametrize("listen, out", [
    ("[::1]:{port}", "[::1]:{port}"), ("[::]:{port}", "[::1]:{port}"),
    ("127.0.0.1:{port}, [::1]:{port}", "[::]:{port}"),
    ("0.0.0.0:{port}", "127.0.0.1:1, [::ffff:127.0.0.2]:{port}")])
def test_a_loop_is_seen_at_the_start(directory, listen, out):
    port = free_port("::")
    code, err = load(directory, "Listen: %s\nOutAddress: %s\n" % (listen.format(port=port), out.format(port=port)))
    assert code == 2
    assert "invalid setting: OutAddress (%s/test.conf:2: " % directory in err.splitlines()[-1]
    assert "makes a loop" in err.splitlines()[-1]


def test_an_open_relay_is_warned_of(make):
    port = free_port("::")
    r = make(Listen="[::]:%d" % port)
    assert any("strangers may relay through it" in l and "use Listen: [::1]:%d" % port in l
               for l in r.daemon.log_lines)


def test_a_clamd_that_is_not_there_is_warned_of(make):
    r = make(ClamAddress="[::1]:%d" % free_port("::1"))
    r.daemon.wait_log(r"^couldn't connect to ClamAddress: \[::1\]:\d+: Connection refused \(")


def link_local():
    """An address of one link of this host, and its interface."""
    with open("/proc/net/if_inet6") as f:
        for line in f:
            number, _, _, _, _, name = line.split()
            if number.startswith("fe80"):
                return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(number)), name
    pytest.skip("no interface has a link-local address")


def test_an_address_of_one_link(make):
    host, name = link_local()
    try:
        server = FakeServer(host="%s%%%s" % (host, name))
    except OSError as e:
        pytest.skip("cannot bind to %s%%%s: %s" % (host, name, e))
    with server:
        r = make(OutAddress="[%s%%%s]:%d" % (host, name, server.port))
        with r.client() as c:
            assert c.mail() == QUEUED
        r.daemon.wait_log("SERVER connected to: %s$" % host)


@pytest.mark.parametrize("scope", ["lo", "1"])
def test_an_interface_that_means_nothing(make, scope):
    """With a number that is not of one link it is written all the same."""
    port = free_port("::1")
    with FakeServer(host="::1") as server, FakeClamd(host="::1") as clamd:
        r = make(Listen="[::1%%%s]:%d" % (scope, port), OutAddress="[::1%%%s]:%d" % (scope, server.port),
                 ClamAddress="[::1%%%s]:%d" % (scope, clamd.port))
        with Client(("::1", port)) as c:
            assert c.mail() == QUEUED


@pytest.mark.parametrize("host", ["fe80::1", "::1"])
def test_an_interface_that_is_not_there(make, host):
    r = make(OutAddress="[%s%%nosuch0]:25" % host)
    r.daemon.wait_log(r"^couldn't resolve OutAddress: \[%s%%nosuch0\]:25 \(" % host)
    with r.client() as c:
        assert c.greeting == NO_SERVER
