# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""doc/loopback.md as it stands there: a filter, two mail servers and a stranger, each
in a network namespace of the test's own.  tests/mail has a real Postfix for it."""

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rig import CONTENT, DISCARDED, GREETING, INFECTED, NO_SERVER, QUEUED, Client, FakeServer, Rig
from test_transparent_rules import Networks, in_place, refused, sh

FILTER, FILTER6 = "192.0.2.10", "2001:db8::10"
HOSTS = {"host_a": ("192.0.2.11", "2001:db8::11"), "host_b": ("192.0.2.12", "2001:db8::12"),
         "stranger": ("192.0.2.99", "2001:db8::99")}
NEEDED = ("nft", "ip", "nsenter", "unshare")
# What belongs to the host: users, clamd and its directories.
THE_RIGS = ("ClamAddress", "TempDirectory", "User", "PidFile")


def snippet(file):
    text = (Path(__file__).resolve().parents[2] / "doc" / "loopback.md").read_text()
    block = re.search(r"(?m)`%s` of 192\.0\.2\.10:\n\n((?:    .*\n|\n(?=    ))+)" % re.escape(file), text).group(1)
    return re.sub(r"(?m)^    ", "", block)


def cable(gateway, name, host):
    """A host at the filter, which has the same address on each cable."""
    four, six = HOSTS[name]
    sh("ip link add %s type veth peer name eth0 netns %d" % (name, host), gateway)
    sh("ip addr add {f}/32 dev {n} && ip addr add {f6}/128 dev {n} nodad && ip link set {n} up && "
       "ip route add {h} dev {n} src {f} && ip route add {h6} dev {n} src {f6}".format(
           f=FILTER, f6=FILTER6, n=name, h=four, h6=six), gateway)
    sh("ip link set lo up && ip addr add %s/24 dev eth0 && ip addr add %s/64 dev eth0 nodad && ip link set eth0 up" % (
        four, six), host)


@pytest.fixture
def places():
    """Name -> the process that keeps its network."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        pytest.skip("a network of several hosts needs root and " + " ".join(NEEDED))
    probe = subprocess.run(["unshare", "-n", "true"], stderr=subprocess.PIPE)
    if probe.returncode != 0:
        pytest.skip("no network namespace: " + probe.stderr.decode("latin-1").strip())
    with contextlib.ExitStack() as stack:
        kept = {name: Networks.keeper(stack) for name in ("filter", *HOSTS)}
        sh("ip link set lo up", kept["filter"])
        for name in HOSTS:
            cable(kept["filter"], name, kept[name])
        yield kept


@pytest.fixture
def rig(directory, places):
    options = dict(re.findall(r"(?m)^(\w+): (.*)$", snippet("/etc/clamsmtpd.conf")))
    with contextlib.ExitStack() as stack:
        r = stack.enter_context(in_place(places["filter"], lambda: Rig(
            directory, **{k: v for k, v in options.items() if k not in THE_RIGS})))
        sh("nft -f - <<'END'\n%sEND" % snippet("/etc/nftables.conf"), places["filter"])
        yield r


@pytest.mark.parametrize("way", [0, 1], ids=["IPv4", "IPv6"])
def test_each_gets_its_own_mail_back(places, rig, way):
    address = ((FILTER, FILTER6)[way], 10025)
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(in_place(
            places[name], lambda n=name: FakeServer(host=HOSTS[n][way], port=10026))) for name in HOSTS}

        def send(name, content=CONTENT):
            def mail():
                with Client(address) as c:
                    return c.mail(content, sender=name.encode() + b"@example.org") if c.greeting == GREETING else c.greeting
            return in_place(places[name], mail)

        for name in ("host_a", "host_b", "host_a"):
            assert send(name) == QUEUED
            assert send(name, INFECTED) == DISCARDED
        for name, count in (("host_a", 2), ("host_b", 1)):
            assert [m.mail for m in servers[name].messages] == [b"MAIL FROM:<%s@example.org>" % name.encode()] * count
        # What mynetworks of the mail servers tells.
        with in_place(places["host_a"], lambda: Client(address)):
            assert servers["host_a"].connections[-1].sock.getpeername()[0] == address[0]

        # Nobody else.
        assert refused(places["stranger"], address)
        assert not servers["stranger"].connections

        # One that is away defers its own mail alone.
        servers["host_a"].stop()
        assert send("host_a") == NO_SERVER
        assert send("host_b") == QUEUED
