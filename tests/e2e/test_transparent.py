# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""TransparentProxy, with connections that the kernel redirects: in a network
namespace of the test's own."""

import ctypes
import os
import shutil
import subprocess
import threading

import pytest

from rig import Client, FakeServer, Rig

CLONE_NEWNET = 0x40000000
UNREACHABLE = b"421 4.4.1 Cannot reach the mail server, try again later\r\n"
SERVER, CLIENT, HOST = "10.66.0.1", "10.66.0.2", "10.66.0.3"
QUEUED = b"250 2.0.0 queued as 4711\r\n"


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
                assert c.greeting == UNREACHABLE
                c.expect_eof()
    in_namespace(dialogue)


def test_a_direct_connection_is_a_loop(directory, in_namespace):
    def dialogue():
        with Rig(directory, OutAddress=None, TransparentProxy="on", Listen="0.0.0.0:10025") as r:
            redirect(10025)
            with Client(("127.0.0.1", 10025)) as c:
                assert c.greeting == UNREACHABLE
                c.expect_eof()
            r.daemon.wait_log("loop detected in transparent proxying|"
                              "couldn't get source address for transparent proxying: ")
    in_namespace(dialogue)


def test_without_redirection(make):
    """Works without root: there is no original destination, or it is us."""
    r = make(OutAddress=None, TransparentProxy="on")
    with r.client() as c:
        assert c.greeting == UNREACHABLE
        c.expect_eof()
    r.daemon.wait_log("transparent proxying")


def test_outaddress_is_ignored(make):
    r = make(TransparentProxy="on")
    assert any("the OutAddress option will be ignored when TransparentProxy is enabled" in l
               for l in r.daemon.log_lines)
    with r.client() as c:
        assert c.greeting == UNREACHABLE
    assert not r.server.connections
