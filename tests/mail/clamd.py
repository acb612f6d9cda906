# SPDX-License-Identifier: BSD-3-Clause
"""
Real clamd for the demonstration and the mail-system test: the machine's
running one, or a private one with the machine's signatures or with a few
made on the spot.
"""

import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path

import packages
from samples import EICAR

MACHINE_CONFIG = Path("/etc/clamav/clamd.conf")
MACHINE_DATABASE = Path("/var/lib/clamav")
# Where clamd listens when its configuration does not say.
USUAL_SOCKETS = ("/run/clamav/clamd.ctl", "/run/clamav/clamd")
PING_SECONDS = 5
STOP_SECONDS = 30


def connect(address, seconds):
    """Connects to '/path' or 'host:port'."""
    if address.startswith("/"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(seconds)
        try:
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        return sock
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), seconds)


def ask(address, command, seconds=PING_SECONDS):
    """One n-command to clamd; returns its reply line, or None."""
    try:
        with connect(address, seconds) as sock:
            sock.sendall(b"n" + command.encode() + b"\n")
            return sock.makefile("rb").readline(4096).decode().rstrip("\n")
    except OSError:
        return None


def machine():
    """Address of the clamd that runs on this machine, or None."""
    addresses = list(USUAL_SOCKETS)
    try:
        words = [line.split() for line in
                 MACHINE_CONFIG.read_text().splitlines()]
    except OSError:
        words = []
    settings = {pair[0]: pair[1] for pair in words if len(pair) == 2}
    if "TCPSocket" in settings:
        host = settings.get("TCPAddr", "127.0.0.1")
        addresses.insert(0, host + ":" + settings["TCPSocket"])
    if "LocalSocket" in settings:
        addresses.insert(0, settings["LocalSocket"])
    for address in addresses:
        if ask(address, "PING") == "PONG":
            return address
    return None


def machine_database():
    """The directory of this machine's signatures, or None."""
    for pattern in ("*.cvd", "*.cld"):
        if any(os.access(f, os.R_OK) for f in MACHINE_DATABASE.glob(pattern)):
            return MACHINE_DATABASE
    return None


def user():
    """Whom a clamd started by root has to become, or None."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("clamav").pw_name
    except KeyError:
        return "nobody"


def program():
    """The path of clamd, or None."""
    return packages.find("clamd")


class PrivateClamd:
    """A clamd of our own below `directory`; `address` is its socket.

    The directory must be one that every user may enter.  `lines` are more of
    clamd.conf.
    """

    def __init__(self, directory, database=None, lines=()):
        self.directory = Path(directory)
        self.address = str(self.directory / "clamd.sock")
        self.process = None
        self.log = self.directory / "clamd.log"
        self._prepare(database, lines)

    def _prepare(self, database, more):
        scratch = self.directory / "scratch"
        scratch.mkdir(parents=True)
        if database is None:
            database = self.directory / "database"
            database.mkdir()
            (database / "test.ndb").write_text(
                "Eicar-Test-Signature:0:*:" + EICAR.hex() + "\n")
        lines = ["Foreground yes",
                 "DatabaseDirectory %s" % database,
                 "TemporaryDirectory %s" % scratch,
                 "LocalSocket %s" % self.address,
                 "LocalSocketMode 666", *more]
        if user() is not None:
            lines.append("User " + user())
            shutil.chown(self.directory, user())
            shutil.chown(scratch, user())
        self.directory.chmod(0o755)
        (self.directory / "clamd.conf").write_text("\n".join(lines) + "\n")

    def start(self, seconds=60):
        """Returns when clamd answers; RuntimeError when it does not."""
        if program() is None:
            raise RuntimeError("there is no clamd (package clamav-daemon)")
        with open(self.log, "ab") as log:
            # Its own session: ^C is for the one who started us, and he
            # stops clamd in order.
            self.process = subprocess.Popen(
                [program(), "--config-file=%s/clamd.conf" % self.directory],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=packages.environment(), start_new_session=True)
        deadline = time.monotonic() + seconds
        while ask(self.address, "PING") != "PONG":
            late = time.monotonic() > deadline
            if late or self.process.poll() is not None:
                self.stop()
                raise RuntimeError("clamd %s:\n%s" % (
                    "does not answer" if late else "ended",
                    self.log.read_text(errors="replace")[-2000:]))
            time.sleep(0.05)

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
