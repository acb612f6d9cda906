# SPDX-License-Identifier: BSD-3-Clause
"""
The same mail programs on a network whose gateway passes them through the daemon
without their knowledge.
"""

import contextlib
import shutil
import subprocess

import pytest

import clients
from rig import FakeServer
from scratch import Impossible, Scratch
from test_clients import System, check, look
from test_transparent_rules import ROOT, SERVER, Networks, in_place, manual, sh


class Network:
    """clients -- gateway with the daemon -- server; the clients' programs are in
    a copy of the root."""

    def __init__(self, stack, work, fetched):
        self.networks = Networks(stack)
        sh("nft -f - <<'END'\n%sEND" % manual("table ip "), self.networks.gateway)
        # No name server can be reached, and nobody shall wait for one.
        sh("ip route del default; ip route add 10.67.2.0/24 via 10.67.1.1", self.networks.lan)
        self.scratch = stack.enter_context(in_place(self.networks.lan, lambda: Scratch(
            ROOT, layers=[fetched / "root"], shared=[work])))
        server = in_place(self.networks.wan, lambda: FakeServer(host=SERVER, port=25))
        self.system = in_place(self.networks.gateway, lambda: System(
            work, server, OutAddress=None, TransparentProxy="on", Listen="0.0.0.0:10025"))
        stack.callback(self.system.stop)


@pytest.fixture(scope="module")
def network(work, fetched):
    missing = [name for name in ("ip", "nft", "nsenter", "unshare") if not shutil.which(name)]
    probe = subprocess.run(["unshare", "-n", "true"], stderr=subprocess.PIPE)
    if missing or probe.returncode != 0:
        pytest.skip("no network namespace: %s %s" % (" ".join(missing), probe.stderr.decode("latin-1").strip()))
    with contextlib.ExitStack() as stack:
        try:
            yield Network(stack, work, fetched)
        except Impossible as e:
            pytest.skip(str(e))


@pytest.fixture(scope="module")
def running(network, work, fetched):
    """A function that makes a client of a kind, or hands out the one there is."""
    made = {}

    def client(kind):
        if kind.name not in made:
            made[kind.name] = one = kind(network.scratch, work, fetched / "npm")
            one.host = SERVER
            if one.available():
                in_place(network.networks.lan, one.prepare)
        return made[kind.name]
    yield client
    for one in made.values():
        if one.available():
            in_place(network.networks.lan, one.stop)


@pytest.mark.parametrize("kind", clients.ALL, ids=lambda kind: kind.name)
@pytest.mark.parametrize("sample", ["dotted", "virus", "auth"])
def test_client_of_a_gateway(network, running, kind, sample):
    client = running(kind)
    look(client, sample)
    in_place(network.networks.lan, lambda: check(network.system, client, sample, 25))
