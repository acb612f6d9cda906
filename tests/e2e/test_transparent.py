# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""TransparentProxy, with connections that the kernel redirects: in a network
namespace of the test's own."""

import contextlib
import ctypes
import os
import shutil
import subprocess
import threading

import pytest

from rig import NO_SERVER, QUEUED, WAIT, Client, FakeServer, Rig

CLONE_NEWNET = 0x40000000
TRUST = "the mail server .* is on this host and sees this host as its client"
SERVER, CLIENT, HOST = "10.66.0.1", "10.66.0.2", "10.66.0.3"


def sh(command):
    p = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=20)
    if p.returncode != 0:
        pytest.skip("%s: %s" % (command, p.stdout.decode("latin-1").strip()))


def redirect(port):
    """Connections from CLIENT to port 25 of anywhere come to our port."""
    if shutil.which("nft"):
        sh("nft add table ip rig && "
           "nft 'add chain ip rig out { type nat hook output priority -100; }' && "
           "nft add rule ip rig out ip saddr %s tcp dport 25 redirect to :%d" % (CLIENT, port))
    else:
        sh("iptables -t nat -A OUTPUT -s %s -p tcp --dport 25 -j REDIRECT --to-ports %d" % (CLIENT, port))


@pytest.fixture
def in_namespace():
    """Run a function in a thread that has a network namespace of its own;
    its threads and children are in it too."""
    if os.geteuid() != 0:
        pytest.skip("a network namespace needs root")
    if not shutil.which("ip") or not (shutil.which("nft") or shutil.which("iptables")):
        pytest.skip("no ip, or neither nft nor iptables")

    def run(function):
        outcome = []

        def body():
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.unshare(CLONE_NEWNET) != 0:
                    pytest.skip("no network namespace: " + os.strerror(ctypes.get_errno()))
                sh("ip link set lo up")
                for address in (SERVER, CLIENT, HOST):
                    sh("ip addr add %s/32 dev lo" % address)
                function()
            except BaseException as e:
                outcome.append(e)
        thread = threading.Thread(target=body)
        thread.start()
        thread.join(120)
        assert not thread.is_alive()
        if outcome:
            raise outcome[0]
    return run


@contextlib.contextmanager
def network_of(pid):
    """Sockets made in here are in the network namespace of that process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as own, open("/proc/%d/ns/net" % pid) as other:
        assert libc.setns(other.fileno(), CLONE_NEWNET) == 0
        try:
            yield
        finally:
            assert libc.setns(own.fileno(), CLONE_NEWNET) == 0


@contextlib.contextmanager
def neighbour():
    """Another host, 10.67.0.2, behind the interface v0; we are 10.67.0.1 and
    10.67.0.9.  The process whose network it is."""
    p = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo there; exec sleep 300"], stdout=subprocess.PIPE)
    try:
        if p.stdout.readline() != b"there\n":
            pytest.skip("no unshare -n")
        sh("ip link add v0 type veth peer name v1 netns %d && ip link set v0 up" % p.pid)
        sh("ip addr add 10.67.0.1/24 dev v0 && ip addr add 10.67.0.9/24 dev v0")
        sh("nsenter -t %d -n sh -c 'ip addr add 10.67.0.2/24 dev v1 && ip link set v1 up'" % p.pid)
        sh("iptables -t nat -A PREROUTING -i v0 -p tcp --dport 25 -j REDIRECT --to-ports 10025"
           if not shutil.which("nft") else
           "nft add table ip pre && nft 'add chain ip pre in { type nat hook prerouting priority -100; }' && "
           "nft add rule ip pre in iifname v0 tcp dport 25 redirect to :10025")
        yield p
    finally:
        p.kill()
        p.wait(WAIT)
        p.stdout.close()


@pytest.mark.parametrize("host", ["10.67.0.1", "10.67.0.9"])
def test_the_mail_server_of_the_gateway_itself(directory, in_namespace, host):
    def dialogue():
        with neighbour() as other, FakeServer(host=host, port=25) as server, \
                Rig(directory, OutAddress=None, TransparentProxy="on", Listen="0.0.0.0:10025") as r:
            for _ in range(3):
                with network_of(other.pid):
                    c = Client((host, 25))
                with c:
                    assert c.mail() == QUEUED
            assert len(server.messages) == 3
            r.daemon.wait_log("SERVER connected to: " + host)
            r.daemon.wait_log(TRUST)
            assert len([l for l in r.daemon.log_lines if "sees this host" in l]) == 1
    in_namespace(dialogue)


def test_with_xclient_the_server_knows_the_client(directory, in_namespace):
    def dialogue():
        with neighbour() as other, FakeServer(host="10.67.0.1", port=25), \
                Rig(directory, OutAddress=None, TransparentProxy="on", XClient="on",
                    Listen="0.0.0.0:10025") as r:
            with network_of(other.pid):
                c = Client(("10.67.0.1", 25))
            with c:
                assert c.mail() == QUEUED
            assert not any("sees this host" in l for l in r.daemon.log_lines)
    in_namespace(dialogue)


@pytest.mark.parametrize("listen", ["0.0.0.0:10025", "10.67.0.1:10025"])
def test_our_own_port_is_a_loop_at_each_of_our_addresses(directory, in_namespace, listen):
    def dialogue():
        with neighbour() as other, \
                Rig(directory, OutAddress=None, TransparentProxy="on", Listen=listen) as r:
            # Any port that leads to us: 10025 itself, with the destination
            # kept by another rule.
            sh("iptables -t nat -A PREROUTING -i v0 -p tcp --dport 10025 -j REDIRECT --to-ports 10025")
            with network_of(other.pid):
                c = Client(("10.67.0.1", 10025))
            with c:
                assert c.greeting == NO_SERVER
                c.expect_eof()
            r.daemon.wait_log("loop detected in transparent proxying")
            assert len([l for l in r.daemon.log_lines if "accepted connection" in l]) == 1
    in_namespace(dialogue)


@pytest.mark.parametrize("options", [{"OutAddress": None, "TransparentProxy": "on"}, {"OutAddress": "10.67.0.2:25"}],
                         ids=["transparent", "fixed"])
def test_a_rule_that_redirects_our_own_connections(directory, in_namespace, options):
    """All that leaves for port 25 comes to us: so do our own connections."""
    def dialogue():
        with neighbour(), Rig(directory, Listen="0.0.0.0:10025", **options) as r:
            sh("iptables -t nat -A OUTPUT -p tcp --dport 25 -j REDIRECT --to-ports 10025")
            with Client(("10.67.0.2", 25)) as c:
                assert c.greeting[:3] == b"421"
                c.expect_eof()
            r.daemon.wait_log("loop detected")
            assert len([l for l in r.daemon.log_lines if "loop" in l]) == 1
            assert len([l for l in r.daemon.log_lines if "accepted connection" in l]) < 8
    in_namespace(dialogue)


def test_the_client_itself_is_a_loop(directory, in_namespace):
    def dialogue():
        with FakeServer(host=CLIENT, port=25), \
                Rig(directory, OutAddress=None, TransparentProxy="on", Listen="0.0.0.0:10025") as r:
            redirect(10025)
            with Client((CLIENT, 25), source=CLIENT) as c:
                assert c.greeting == NO_SERVER
                c.expect_eof()
            r.daemon.wait_log("loop detected in transparent proxying")
    in_namespace(dialogue)


def test_the_original_destination_is_connected(directory, in_namespace):
    def dialogue():
        with FakeServer(host=SERVER, port=25) as server, \
                Rig(directory, OutAddress=None, TransparentProxy="on", Listen="0.0.0.0:10025") as r:
            redirect(10025)
            with Client((SERVER, 25), source=CLIENT) as c:
                assert c.greeting == b"220 smtp.passthru\r\n"
                assert c.mail() == QUEUED
            assert len(server.messages) == 1 and len(r.clamd.scans) == 1
            r.daemon.wait_log("SERVER connected to: " + SERVER.replace(".", r"\."))
            # Nobody listens at this one.
            with Client((HOST, 25), source=CLIENT) as c:
                assert c.greeting == NO_SERVER
                c.expect_eof()
    in_namespace(dialogue)


def test_who_was_redirected_speaks_for_nobody_else(directory, in_namespace):
    def dialogue():
        with FakeServer(host=SERVER, port=25) as server, \
                Rig(directory, OutAddress=None, TransparentProxy="on", Listen="0.0.0.0:10025") as r:
            server.keywords = [b"SIZE 100000", b"XFORWARD NAME ADDR", b"8BITMIME", b"XFORWARD"]
            redirect(10025)
            with Client((SERVER, 25), source=CLIENT) as c:
                assert c.ehlo() == b"250-smtp.passthru\r\n250-SIZE 100000\r\n250-8BITMIME\r\n250 XFILTERED\r\n"
                for line in (b"XFORWARD ADDR=1.2.3.4", b"xforward", b"XFORWARD NAME=[UNAVAILABLE]"):
                    assert c.cmd(line) == b"502 Command not implemented\r\n"
                assert c.mail() == QUEUED
            assert not any(l.upper().startswith(b"XFORWARD") for l in server.lines)
    in_namespace(dialogue)


def test_a_direct_connection_is_a_loop(directory, in_namespace):
    def dialogue():
        with Rig(directory, OutAddress=None, TransparentProxy="on", Listen="0.0.0.0:10025") as r:
            redirect(10025)
            with Client(("127.0.0.1", 10025)) as c:
                assert c.greeting == NO_SERVER
                c.expect_eof()
            r.daemon.wait_log("loop detected in transparent proxying|"
                              "couldn't get source address for transparent proxying: ")
    in_namespace(dialogue)


def test_without_redirection(make):
    """Works without root: there is no original destination, or it is us."""
    r = make(OutAddress=None, TransparentProxy="on")
    with r.client() as c:
        assert c.greeting == NO_SERVER
        c.expect_eof()
    r.daemon.wait_log("transparent proxying")


def test_outaddress_is_ignored(make):
    r = make(TransparentProxy="on")
    assert any("the OutAddress option will be ignored when TransparentProxy is enabled" in l
               for l in r.daemon.log_lines)
    with r.client() as c:
        assert c.greeting == NO_SERVER
    assert not r.server.connections
