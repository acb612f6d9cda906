# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Names of the mail server and of clamd: they may come later, change, have several
addresses; and nobody waits for who knows them."""

import os
import socket
import subprocess
import threading
import time

import pytest

from rig import GREETING, NO_SERVER, QUEUED, FakeClamd, FakeServer, free_port
from test_configuration import load


class Names:
    """An /etc/hosts and resolv.conf of the daemon's own, which may change while
    it runs."""

    def __init__(self, directory):
        self.path = directory + "/hosts"
        self.resolv = directory + "/resolv.conf"
        self.write("127.0.0.1 localhost")
        with open(self.resolv, "w") as f:
            f.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.wrapper = ["unshare", "-m", "sh", "-c",
                        'mount --make-rprivate / && mount --bind "$0" /etc/hosts && '
                        'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"', self.path, self.resolv]
        if subprocess.call(self.wrapper + ["true"], stderr=subprocess.DEVNULL) != 0:
            pytest.skip("no mount namespace may be made here")

    def write(self, *lines):
        with open(self.path, "w") as f:  # the same file, or the mount would not see it
            f.writelines(l + "\n" for l in lines)

    def ask(self, *servers):
        with open(self.resolv, "w") as f:
            f.writelines("nameserver %s\n" % s for s in servers)
            f.write("options timeout:30 attempts:5\n")


@pytest.fixture
def names(directory):
    return Names(directory)


def test_all_addresses_of_a_server(make, names):
    with FakeServer(host="127.0.0.3") as server:
        names.write("127.0.0.2 two.test", "127.0.0.3 two.test", "127.0.0.4 two.test")
        r = make(OutAddress="two.test:%d" % server.port, wrapper=names.wrapper)
        for _ in range(3):
            with r.client() as c:
                assert c.mail() == QUEUED
        r.daemon.wait_log("SERVER connected to: 127.0.0.3$")


def test_all_addresses_of_clamd(make, names):
    with FakeClamd(host="127.0.0.3") as clamd:
        names.write("127.0.0.2 two.test", "127.0.0.3 two.test", "127.0.0.4 two.test")
        r = make(ClamAddress="two.test:%d" % clamd.port, wrapper=names.wrapper)
        assert not any("couldn't connect" in l for l in r.daemon.log_lines)
        with r.client() as c:
            assert c.mail() == QUEUED
        assert len(clamd.scans) == 1


def test_an_address_that_turns_us_away(make, names):
    with FakeServer(host="127.0.0.2") as one, FakeServer(host="127.0.0.3", port=one.port) as two:
        names.write("127.0.0.2 two.test", "127.0.0.3 two.test")
        for s, other in ((one, two), (two, one)):
            s.on("connect", b"421 no\r\n")
            other.script.clear()
            r = make(OutAddress="two.test:%d" % one.port, wrapper=names.wrapper)
            with r.client() as c:
                assert c.mail() == QUEUED
            assert len(other.messages) == 1
            r.daemon.stop()


def test_ipv4_before_ipv6(make, names):
    try:
        port = free_port("::")
    except OSError as e:
        pytest.skip("no IPv6: %s" % e)
    names.write("::1 both.test ip6-only.test", "127.0.0.1 both.test")
    with FakeServer(host="::1", port=port) as six:
        for name, server in (("both.test", "127.0.0.1"), ("both.test", "::1")):
            with FakeServer(host="127.0.0.1", port=port) if server == "127.0.0.1" else FakeServer():
                r = make(OutAddress="%s:%d" % (name, port), wrapper=names.wrapper)
                with r.client() as c:
                    assert c.mail() == QUEUED
                r.daemon.wait_log("SERVER connected to: %s$" % server)
        assert len(six.messages) == 1


def test_names_that_are_not_known_at_the_start(make, names):
    with FakeClamd() as clamd:
        r = make(start=False, wrapper=names.wrapper, ClamAddress="clamd.test:%d" % clamd.port)
        r.daemon.options["OutAddress"] = "mx.test:%d" % r.server.port
        r.daemon.start()
        for option in ("OutAddress", "ClamAddress"):
            r.daemon.wait_log("^couldn't resolve %s: " % option)
        with r.client() as c:
            assert c.greeting == NO_SERVER
        names.write("127.0.0.1 mx.test clamd.test")
        r.daemon.wait_log("^the name mx.test is known now: 127.0.0.1$")
        r.daemon.wait_log("^the name clamd.test is known now: 127.0.0.1$")
        with r.client() as c:
            assert c.mail() == QUEUED


def test_a_name_that_moves(make, names):
    """Where nobody is at the old address any more, it is looked up again."""
    names.write("127.0.0.2 mx.test")
    with FakeServer(host="127.0.0.2") as one:
        port = one.port
        r = make(OutAddress="mx.test:%d" % port, wrapper=names.wrapper)
        with r.client() as c:
            assert c.mail() == QUEUED
    names.write("127.0.0.3 mx.test")
    with FakeServer(host="127.0.0.3", port=port) as two:
        deadline = time.monotonic() + 15
        while not two.messages and time.monotonic() < deadline:
            with r.client() as c:
                assert c.greeting in (GREETING, NO_SERVER)
                if c.greeting == GREETING:
                    assert c.mail() == QUEUED
            time.sleep(0.1)
        assert two.messages


class SilentDns:
    """A name server that hears and says nothing."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.sock.bind(("127.0.0.53", 53))
        except OSError as e:
            self.sock.close()
            pytest.skip("cannot be a name server: %s" % e)
        self.asked = threading.Event()
        threading.Thread(target=self.hear, daemon=True).start()

    def hear(self):
        try:
            self.sock.recv(512)
            self.asked.set()
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()


def test_nobody_waits_for_a_name_server(make, names):
    with SilentDns() as dns:
        names.ask("127.0.0.53")
        begun = time.monotonic()
        r = make(start=False, OutAddress=["slow.test:25"], wrapper=names.wrapper)
        r.daemon.options["OutAddress"] += [r.server.address]
        r.daemon.start()
        assert time.monotonic() - begun < 15  # the start waits for a while
        assert dns.asked.wait(1)
        r.daemon.wait_log("^couldn't resolve OutAddress: slow.test:25 ")
        begun = time.monotonic()
        for _ in range(10):
            with r.client() as c:
                assert c.mail() == QUEUED
        r.daemon.stop()
        assert time.monotonic() - begun < 5


def test_a_stop_at_the_start_does_not_wait_for_names(make, names):
    with SilentDns() as dns:
        names.ask("127.0.0.53")
        r = make(OutAddress="slow.test:25", wrapper=names.wrapper, start=False)
        r.daemon.spawn()
        assert dns.asked.wait(10)
        begun = time.monotonic()
        r.daemon.signal(15)
        r.daemon.wait_exit()
        assert time.monotonic() - begun < 3


@pytest.mark.parametrize("name", ["mx.test", "localhost"])
def test_a_loop_by_name(make, names, name):
    names.write("127.0.0.1 localhost", "127.0.0.2 mx.test", "127.0.0.1 mx.test")
    port = free_port()
    r = make(Listen="127.0.0.1:%d" % port, OutAddress="%s:%d" % (name, port), wrapper=names.wrapper, start=False)
    r.daemon.spawn()
    assert r.daemon.wait_exit() == 2
    r.daemon.wait_log("^invalid setting: OutAddress .*%s:%d makes a loop" % (name, port))


def test_a_loop_by_a_name_that_comes_later(make, names):
    port = free_port()
    r = make(Listen="127.0.0.1:%d" % port, OutAddress="mx.test:%d" % port, wrapper=names.wrapper)
    names.write("127.0.0.1 mx.test")
    r.daemon.wait_log("^the name mx.test is known now")
    with r.client() as c:
        assert c.greeting == NO_SERVER
    r.daemon.wait_log("loop detected")
    assert len([l for l in r.daemon.log_lines if "accepted connection" in l]) == 1


def test_listening_at_a_name(make, names):
    """At its address of IPv4, as 1.10, if it has one."""
    names.write("::1 here.test", "127.0.0.7 here.test")
    port = free_port("127.0.0.7")
    r = make(Listen="here.test:%d" % port, wrapper=names.wrapper, start=False)
    write = r.daemon.write_config

    def write_config():
        write()
        r.daemon.address = ("127.0.0.7", port)
    r.daemon.write_config = write_config
    r.daemon.start()
    with r.client() as c:
        assert c.mail() == QUEUED


def test_a_name_without_need_is_not_looked_up(directory):
    """What goes where the client wanted needs no OutAddress."""
    code, err = load(directory, "OutAddress: no-such-host.invalid:25\nTransparentProxy: on\nListen: /nonexistent/s\n")
    assert code == 1
    assert "resolve" not in err


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="no /proc")
def test_without_names_there_is_no_thread_for_them(make):
    one = make()
    two = make(start=False)
    two.daemon.options["OutAddress"] = "localhost:%d" % two.server.port
    two.daemon.start()
    assert two.daemon.base_threads == one.daemon.base_threads + 1
