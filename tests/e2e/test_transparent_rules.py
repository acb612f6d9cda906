# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The packet filter's rules of clamsmtpd(8), as they stand there, on a gateway
between two networks: three network namespaces of the test's own."""

import contextlib
import ctypes
import os
import re
import shutil
import socket
import subprocess
import threading

import pytest

from rig import CONTENT, GREETING, INFECTED, NO_SERVER, QUEUED, ROOT, WAIT, Client, FakeServer, Rig

CLONE_NEWNET = 0x40000000
GATEWAY, SERVER = "10.67.2.1", "10.67.2.2"
CLIENT, OTHER, ALONE = "10.67.1.2", "10.67.1.3", "10.67.1.4"
GATEWAY6, SERVER6 = "fd67:2::1", "fd67:2::2"
PER_CLIENT = 16
LIBC = ctypes.CDLL(None, use_errno=True)


def sh(command, place=None):
    inside = [] if place is None else ["nsenter", "-n", "-t", str(place)]
    p = subprocess.run([*inside, "sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       stdin=subprocess.DEVNULL, timeout=WAIT)
    assert p.returncode == 0, "%s: %s" % (command, p.stdout.decode("latin-1"))
    return p.stdout.decode("latin-1")


def enter(pid):
    with open("/proc/%d/ns/net" % pid) as f:
        if LIBC.setns(f.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def in_place(pid, function):
    """function() in a thread in the network namespace of a process."""
    outcome = {}

    def body():
        try:
            enter(pid)
            outcome["value"] = function()
        except BaseException as e:
            outcome["error"] = e
    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(5 * WAIT)
    assert not thread.is_alive()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


class Networks:
    """lan -- gateway -- wan; each is the process that keeps it."""

    def __init__(self, stack):
        self.lan, self.gateway, self.wan = (self.keeper(stack) for _ in range(3))
        for end, name, net in ((self.lan, "lan0", 1), (self.wan, "wan0", 2)):
            sh("ip link add %s type veth peer name eth0 netns %d" % (name, end), self.gateway)
            sh("ip addr add 10.67.%d.1/24 dev %s && ip addr add fd67:%d::1/64 dev %s nodad && ip link set %s up" % (
                net, name, net, name, name), self.gateway)
            sh("ip link set lo up && ip addr add 10.67.%d.2/24 dev eth0 && ip addr add 10.67.%d.3/24 dev eth0 && "
               "ip addr add 10.67.%d.4/24 dev eth0 && ip addr add fd67:%d::2/64 dev eth0 nodad && ip link set eth0 up && "
               "ip route add default via 10.67.%d.1 && ip route add default via fd67:%d::1" % ((net,) * 6), end)
        # procfs shows the sysctls of the namespace of who opened it.
        sh("ip link set lo up && sysctl -qw net.ipv6.conf.all.forwarding=1", self.gateway)

    @staticmethod
    def keeper(stack):
        keeper = stack.enter_context(subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE))
        stack.callback(keeper.kill)
        assert keeper.stdout.readline() == b"\n", "no network namespace"
        return keeper.pid


def manual(first):
    """The literal block of TRANSPARENT PROXY that starts with this word."""
    with open(os.path.join(ROOT, "doc", "clamsmtpd.8")) as f:
        section = f.read().split(".Sh TRANSPARENT PROXY\n")[1].split(".Sh ")[0]
    block, = (b for b in re.findall(r"(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed", section) if b.startswith(first))
    return block.replace("\\e", "\\")


def sysctl():
    with open(os.path.join(ROOT, "doc", "clamsmtpd.8")) as f:
        return re.search(r"sysctl -w net\.ipv4\.ip_forward=1", f.read()).group(0)


@pytest.fixture(params=["nft", "iptables"])
def tool(request):
    wanted = [request.param, "ip", "nsenter", "unshare"] + ["ip6tables"] * (request.param == "iptables")
    missing = [name for name in wanted if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        pytest.skip("a gateway needs root and " + " ".join(wanted))
    return request.param


@pytest.fixture
def rules(tool):
    """A function that makes the manual's rules hold at a place."""
    if tool == "nft":
        return lambda place: sh("nft -f - <<'END'\n%sEND" % manual("table ip "), place)
    return lambda place: sh("set -e\n" + manual("iptables "), place)


@pytest.fixture
def networks():
    with contextlib.ExitStack() as stack:
        probe = subprocess.run(["unshare", "-n", "true"], stderr=subprocess.PIPE)
        if probe.returncode != 0:
            pytest.skip("no network namespace: " + probe.stderr.decode("latin-1").strip())
        yield Networks(stack)


def refused(place, address, **kw):
    def connect():
        try:
            Client(address, **kw).close()
        except ConnectionRefusedError:
            return True
        return False
    return in_place(place, connect)


def connect6(address):
    with socket.create_connection(address, WAIT) as s:
        return s.recv(512)


def test_the_rules_of_the_manual(directory, networks, rules):
    options = dict(re.findall(r"(?m)^(\w+): (.*)$", manual("Listen: ")))
    with contextlib.ExitStack() as stack:
        def server(kind, *args, **kw):
            return stack.enter_context(in_place(networks.wan, lambda: kind(*args, **kw)))
        port25 = server(FakeServer, host=SERVER, port=25)
        server(FakeServer, host=SERVER, port=587)
        port25_6 = server(FakeServer, host=SERVER6, port=25)
        r = stack.enter_context(in_place(networks.gateway, lambda: Rig(directory, OutAddress=None, **options)))

        sh(sysctl(), networks.gateway)
        # As it is without the rules: nothing is seen.
        assert in_place(networks.lan, lambda: connect6((SERVER6, 25))) == port25_6.banner
        rules(networks.gateway)
        port25_6.clear()

        def mail(content):
            with Client((SERVER, 25), source=CLIENT) as c:
                assert c.greeting == GREETING
                return c.mail(content=content)
        assert in_place(networks.lan, lambda: mail(CONTENT)) == QUEUED
        assert in_place(networks.lan, lambda: mail(INFECTED)).startswith(b"550 ")
        assert len(port25.messages) == 1 and len(r.clamd.scans) == 2

        # IPv6 is refused, and 587 is not seen.
        with pytest.raises(ConnectionRefusedError):
            in_place(networks.lan, lambda: connect6((SERVER6, 25)))
        assert not port25_6.connections
        assert in_place(networks.lan, lambda: Client((SERVER, 587)).greeting) == port25.banner

        # Nobody gets to the daemon's port straight away.
        assert refused(networks.wan, (GATEWAY, 10025))
        assert refused(networks.lan, ("10.67.1.1", 10025))
        assert len(r.clamd.scans) == 2

        one_client_does_not_take_all(networks, SERVER, ALONE, OTHER)


def one_client_does_not_take_all(networks, server, one, other):
    """one has not been here before: connections that the daemon has still to close
    count as well."""
    with contextlib.ExitStack() as stack:
        for _ in range(PER_CLIENT):
            client = in_place(networks.lan, lambda: Client((server, 25), source=one))
            assert stack.enter_context(client).greeting == GREETING
        assert refused(networks.lan, (server, 25), source=one)
        assert not refused(networks.lan, (server, 25), source=other)


def test_the_server_sees_the_gateway(directory, networks, rules):
    options = dict(re.findall(r"(?m)^(\w+): (.*)$", manual("Listen: ")))
    with contextlib.ExitStack() as stack:
        port25 = stack.enter_context(in_place(networks.wan, lambda: FakeServer(host=SERVER, port=25)))
        stack.enter_context(in_place(networks.gateway, lambda: Rig(directory, OutAddress=None, **options)))
        rules(networks.gateway)

        def peer():
            with Client((SERVER, 25), source=CLIENT) as c:
                assert c.greeting == GREETING
                return port25.connections[0].sock.getpeername()[0]
        assert in_place(networks.lan, peer) == GATEWAY


# ---- IPv6, TPROXY, and many at once: the same manual

LAN, LAN6 = "10.67.1.1", "fd67:1::1"
CLIENT6, OTHER6, ALONE6 = "fd67:1::2", "fd67:1::3", "fd67:1::4"
BOTH = "0.0.0.0:10025, [::]:10025"


def redirect_both(place, tool):
    if tool == "nft":
        four = manual("table ip ").split("table ip6 ")[0]
        sh("nft -f - <<'END'\n%sEND" % (four + manual("table ip6 ")), place)
    else:
        sh("set -e\n%s%s" % (manual("iptables "), manual("ip6tables ")), place)


def lead_both(place, tool):
    if tool == "nft":
        sh("nft -f - <<'END'\n%sEND" % manual("table inet "), place)
    else:
        sh("set -e\n" + manual("for tables "), place)
    sh("set -e\n" + manual("ip rule "), place)


@pytest.fixture(params=[redirect_both, lead_both], ids=["REDIRECT", "TPROXY"])
def way(request):
    return request.param


@pytest.fixture
def gateway(directory, networks, tool, way):
    """A function that starts the daemon there, under the manual's rules for both families."""
    with contextlib.ExitStack() as stack:
        def start(**options):
            said = dict(re.findall(r"(?m)^(\w+): (.*)$", manual("Listen: ")))
            said.update(options, Listen=BOTH)
            r = stack.enter_context(in_place(networks.gateway, lambda: Rig(directory, OutAddress=None, **said)))
            sh(sysctl(), networks.gateway)
            way(networks.gateway, tool)
            return r
        yield start


def server_at(stack, place, address, port):
    return stack.enter_context(in_place(place, lambda: FakeServer(host=address, port=port)))


@pytest.mark.parametrize("server, client, one, other, lan, seen", [
    (SERVER, CLIENT, ALONE, OTHER, LAN, GATEWAY), (SERVER6, CLIENT6, ALONE6, OTHER6, LAN6, GATEWAY6)], ids=["IPv4", "IPv6"])
def test_both_families(networks, gateway, server, client, one, other, lan, seen):
    with contextlib.ExitStack() as stack:
        port25, port465, port587 = (server_at(stack, networks.wan, server, port) for port in (25, 465, 587))
        for address in (OTHER6, ALONE6):
            sh("ip addr add %s/64 dev eth0 nodad" % address, networks.lan)
        r = gateway()

        def mail(content):
            with Client((server, 25), source=client) as c:
                assert c.greeting == GREETING
                assert port25.connections[-1].sock.getpeername()[0] == seen
                return c.mail(content=content)
        assert in_place(networks.lan, lambda: mail(CONTENT)) == QUEUED
        assert in_place(networks.lan, lambda: mail(INFECTED)).startswith(b"550 ")
        assert len(port25.messages) == 1 and len(r.clamd.scans) == 2
        r.daemon.wait_log("accepted connection from: %s$" % client)
        r.daemon.wait_log("SERVER connected to: %s$" % server)

        # Encrypted mail is not seen.
        for port, there in ((465, port465), (587, port587)):
            assert in_place(networks.lan, lambda: Client((server, port), source=client).greeting) == there.banner
            assert there.connections
        # Nobody gets to the daemon's port straight away.
        assert refused(networks.lan, (lan, 10025))
        one_client_does_not_take_all(networks, server, one, other)


@pytest.mark.parametrize("lan, client", [(LAN, CLIENT), (LAN6, CLIENT6)], ids=["IPv4", "IPv6"])
def test_the_server_is_on_the_gateway(networks, gateway, lan, client):
    with contextlib.ExitStack() as stack:
        r = gateway()

        def greeting():
            with Client((lan, 25), source=client) as c:
                return c.greeting, c.rest() if c.greeting == NO_SERVER else c.mail()
        # Our own connection to ourselves is not led to us again.
        assert in_place(networks.lan, greeting) == (NO_SERVER, b"")
        own = server_at(stack, networks.gateway, lan, 25)
        for _ in range(2):
            assert in_place(networks.lan, greeting) == (GREETING, QUEUED)
        assert len(own.messages) == 2
        assert sum("is on this host and sees this host as its client" in l for l in r.daemon.log_lines) == 1


def test_200_at_once(networks, gateway):
    """Of both families; each address has less than the rules allow."""
    sources = [(SERVER, "10.67.1.%d" % n) for n in range(10, 20)] + [(SERVER6, "fd67:1::%d" % n) for n in range(10, 20)]
    sh("\n".join("ip addr add %s/%s dev eth0 nodad" % (a, "64" if ":" in a else "24") for _, a in sources), networks.lan)
    with contextlib.ExitStack() as stack:
        servers = [server_at(stack, networks.wan, address, 25) for address in (SERVER, SERVER6)]
        gateway(MaxConnections="250").daemon.threads_kept = 250

        def all_of_them():
            clients = [stack.enter_context(Client((s, 25), source=a, greet=False)) for s, a in sources * 10]
            for c in clients:
                assert c.reply() == GREETING
            for c in clients:
                assert c.mail() == QUEUED
        in_place(networks.lan, all_of_them)
        assert [len(s.messages) for s in servers] == [len(sources) * 5] * 2
