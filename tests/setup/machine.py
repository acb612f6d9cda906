# SPDX-License-Identifier: BSD-3-Clause
"""
A machine on which packages are installed: a scratch root without a network,
and around its daemon a scripted clamd, a scripted mail server and a syslog.
"""

import ctypes
import os
import re
import socket
import subprocess
import sys
import threading

import scratch

sys.path.insert(0, str(scratch.REPOSITORY / "tests/e2e"))
from rig import Client, FakeClamd, FakeServer, Scan  # noqa: E402

CLONE_NEWNET = 0x40000000
CLAMD_CONTROL = """Package: clamav-daemon
Version: 1.0.0
Architecture: all
Depends: adduser
Maintainer: The tests <tests@example.test>
Description: what stands for clamd
"""
CLAMD_POSTINST = """#!/bin/sh
set -e
adduser --system --group --quiet --home /var/lib/clamav \\
	--no-create-home clamav
"""


def in_network_of(pid, function):
    """What the function returns; its sockets are in that process's network."""
    result = []

    def work():
        with open("/proc/%d/ns/net" % pid) as namespace:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        result.append(function())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return result[0]


def make_clamd_package(directory):
    """A package of the name clamav-daemon, with clamd's user and no clamd."""
    tree = directory / "clamav"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(CLAMD_CONTROL)
    (tree / "DEBIAN/postinst").write_text(CLAMD_POSTINST)
    (tree / "DEBIAN/postinst").chmod(0o755)
    (tree / "usr/sbin").mkdir(parents=True)
    (tree / "usr/sbin/clamd").write_text("#!/bin/sh\n")
    made = directory / "clamav-daemon.deb"
    subprocess.run(["dpkg-deb", "--build", str(tree), str(made)], check=True,
                   stdout=subprocess.DEVNULL, timeout=scratch.STEP_SECONDS)
    return made


class Syslog:
    """The lines that come to a /dev/log."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        os.chmod(path, 0o666)
        self.lines = []
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self):
        while True:
            try:
                line = self.socket.recv(8192).decode("latin-1")
            except OSError:
                return
            if not line:
                return
            # The priority and the date are the file's affair.
            self.lines.append(re.sub(r"^<\d+>\w{3} [ \d]\d [\d:]{8} ", "",
                                     line.rstrip("\n\0")))

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Machine(scratch.Scratch):
    def __init__(self, packages, out_port=10025):
        """packages: name to the file to be had as /debs/NAME.deb."""
        super().__init__(network=False)
        self.parties = []
        (self.root / "debs").mkdir()
        for name, path in packages.items():
            (self.root / "debs" / (name + ".deb")).write_bytes(
                path.read_bytes())
        policy = self.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 0\n")
        policy.chmod(0o755)
        self.run("mkdir -p /run/clamav")
        self.log = Syslog(self.root / "dev/log")
        root = self.root

        class ScanInside(Scan):
            def read_file(self):
                self.path = os.fsencode(root) + self.path
                super().read_file()

        class Clamd(FakeClamd):
            peer_class = ScanInside

        self.clamd = Clamd(str(self.root / "run/clamav/clamd.ctl"))
        self.server = in_network_of(
            self.shell.pid, lambda: FakeServer(port=out_port))
        self.parties = [self.clamd, self.server]

    def client(self, port=10026):
        return in_network_of(
            self.shell.pid, lambda: Client(("127.0.0.1", port)))

    def mail(self, port=10026):
        """The reply to a message sent through the daemon."""
        before = len(self.server.messages)
        with self.client(port) as client:
            client.ehlo()
            reply = client.mail()
            client.quit()
        if reply.startswith(b"250"):
            assert len(self.server.messages) == before + 1
        return reply

    def quiet(self, command):
        """The output of a command that must succeed and ask nothing."""
        said = self.run("env DEBIAN_FRONTEND=noninteractive " + command)
        assert "exit status" not in said, said
        assert "What would you like to do about it" not in said, said
        return said

    def dpkg(self, words):
        return self.quiet("dpkg " + words)

    def apt(self, words):
        return self.quiet("apt-get -y " + words)

    def text(self, path):
        return (self.root / path.lstrip("/")).read_text()

    def everything(self):
        """All files of what is there, but for what no installation can leave
        alone: those of /etc that end in a dash are copies of passwd's kind."""
        return {path for path in self.files()
                if not re.match(r"debs|etc/.*-$", path)} | {
            "run/" + name for name in os.listdir(self.root / "run")
            if name != "adduser"}

    def daemons(self):
        """The programs of those that run; of an old file it is "(deleted)"."""
        return [line for line in self.run(
            "sh -c 'readlink /proc/[0-9]*/exe'").splitlines()
            if "sbin/clamsmtpd" in line]

    def remove(self):
        for party in getattr(self, "parties", []):
            party.stop()
        if hasattr(self, "log"):
            self.log.close()
        super().remove()
