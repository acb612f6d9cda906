# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""TransparentProxy for IPv6, and with TPROXY for both: in network namespaces of
the test's own."""

import contextlib
import shutil
import subprocess

import pytest

from rig import NO_SERVER, QUEUED, WAIT, Client, FakeServer, Rig
from test_transparent import in_namespace, network_of, sh  # noqa: F401

SERVER, CLIENT, HOST = "fd66::1", "fd66::2", "fd66::3"


@pytest.fixture(autouse=True)
def there_is_nft():
    if not shutil.which("nft"):
        pytest.skip("no nft")


def add_addresses():
    for address in (SERVER, CLIENT, HOST):
        sh("ip -6 addr add %s/128 dev lo nodad" % address)


def redirect():
    sh("nft add table ip6 rig && nft 'add chain ip6 rig out { type nat hook output priority -100; }' && "
       "nft add rule ip6 rig out ip6 saddr %s tcp dport 25 redirect to :10025" % CLIENT)


def test_redirect(directory, in_namespace):  # noqa: F811
    def dialogue():
        add_addresses()
        with FakeServer(host=SERVER, port=25) as server, \
                Rig(directory, OutAddress=None, TransparentProxy="on", Listen="[::]:10025") as r:
            redirect()
            with Client((SERVER, 25), source=CLIENT) as c:
                assert c.greeting == b"220 smtp.passthru\r\n"
                assert c.mail() == QUEUED
            assert len(server.messages) == 1 and len(r.clamd.scans) == 1
            r.daemon.wait_log("accepted connection from: %s$" % CLIENT)
            r.daemon.wait_log("SERVER connected to: %s$" % SERVER)
            r.daemon.wait_log("the mail server %s is on this host and sees this host as its client" % SERVER)
            # Nobody listens at this one.
            with Client((HOST, 25), source=CLIENT) as c:
                assert c.greeting == NO_SERVER
                c.expect_eof()
    in_namespace(dialogue)


def test_the_client_itself_is_a_loop(directory, in_namespace):  # noqa: F811
    def dialogue():
        add_addresses()
        with Rig(directory, OutAddress=None, TransparentProxy="on", Listen="[::]:10025") as r:
            redirect()
            with Client((CLIENT, 25), source=CLIENT) as c:
                assert c.greeting == NO_SERVER
                c.expect_eof()
            r.daemon.wait_log("loop detected in transparent proxying")
    in_namespace(dialogue)


def test_a_rule_that_redirects_our_own_connections(directory, in_namespace):  # noqa: F811
    def dialogue():
        add_addresses()
        with Rig(directory, Listen="[::]:10025", OutAddress="[%s]:25" % SERVER) as r:
            sh("nft add table ip6 rig && nft 'add chain ip6 rig out { type nat hook output priority -100; }' && "
               "nft add rule ip6 rig out tcp dport 25 redirect to :10025")
            with Client((SERVER, 25), source=CLIENT) as c:
                assert c.greeting[:3] == b"421"
                c.expect_eof()
            r.daemon.wait_log("loop detected")
            assert len([l for l in r.daemon.log_lines if "accepted connection" in l]) < 8
    in_namespace(dialogue)


class Family:
    """A network in front of the gateway, where the client is, and one behind it,
    where the server is."""

    def __init__(self, six):
        self.option = "-6" if six else "-4"
        self.table = "ip6" if six else "ip"
        self.listen = "[::]:10025" if six else "10025"
        host = "fd67:%d::%d" if six else "10.67.%d.%d"
        self.gateways = [host % (n, 1) for n in (1, 2)]
        self.client, self.server = host % (1, 2), host % (2, 2)
        self.bits, self.nodad = ("64", " nodad") if six else ("24", "")


@contextlib.contextmanager
def neighbour(family, n, host):
    """The process whose network is behind our interface vN."""
    gateway = family.gateways[n - 1]
    p = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo there; exec sleep 300"], stdout=subprocess.PIPE)
    try:
        if p.stdout.readline() != b"there\n":
            pytest.skip("no unshare -n")
        sh("ip link add v%d type veth peer name w netns %d && ip link set v%d up" % (n, p.pid, n))
        sh("ip {f.option} addr add {gateway}/{f.bits} dev v{n}{f.nodad}".format(f=family, gateway=gateway, n=n))
        sh("nsenter -t %d -n sh -c 'ip link set lo up && ip link set w up && "
           "ip %s addr add %s/%s dev w%s && ip %s route add default via %s'" % (
               p.pid, family.option, host, family.bits, family.nodad, family.option, gateway))
        yield p
    finally:
        p.kill()
        p.wait(WAIT)
        p.stdout.close()


def lead_here(f):
    """What comes in for port 25 of anywhere is ours, as it is (tproxy.rst)."""
    sh("nft add table {t} rig && nft 'add chain {t} rig pre {{ type filter hook prerouting priority -150; }}' && "
       "nft add rule {t} rig pre iifname v1 tcp dport 25 tproxy to :10025 meta mark set 1 accept".format(t=f.table))
    sh("ip %s rule add fwmark 1 lookup 100 && ip %s route add local default dev lo table 100" % (
        f.option, f.option))


@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
def test_tproxy(directory, in_namespace, six):  # noqa: F811
    f = Family(six)

    def dialogue():
        with neighbour(f, 1, f.client) as front, neighbour(f, 2, f.server) as back:
            lead_here(f)
            with network_of(back.pid):
                server = FakeServer(host=f.server, port=25)
            with server, Rig(directory, OutAddress=None, TransparentProxy="on", Listen=f.listen) as r:
                for _ in range(2):
                    with network_of(front.pid):
                        c = Client((f.server, 25))
                    with c:
                        assert c.mail() == QUEUED
                assert len(server.messages) == 2 and len(r.clamd.scans) == 2
                r.daemon.wait_log("accepted connection from: %s$" % f.client)
                r.daemon.wait_log("SERVER connected to: %s$" % f.server)
                # Our own port is a loop.
                with network_of(front.pid):
                    c = Client((f.gateways[0], 10025))
                with c:
                    assert c.greeting == NO_SERVER
                r.daemon.wait_log("loop detected in transparent proxying")
    in_namespace(dialogue)
