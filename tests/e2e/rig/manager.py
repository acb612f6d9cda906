# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Plays the service manager: takes its notifications, keeps its sockets."""

import os
import socket
import sys
import threading

from rig.basics import WAIT

# In the place of the manager's child: the sockets from 3 on, then the program.
HAND_OVER = """
import os, sys
given = [int(fd) for fd in sys.argv[1].split(",")]
for n, fd in enumerate(given):
    os.dup2(fd, 100 + n)
for fd in set(given):
    os.close(fd)
for n in range(len(given)):
    os.dup2(100 + n, 3 + n)
    os.close(100 + n)
os.environ["LISTEN_FDS"] = str(len(given))
os.environ["LISTEN_PID"] = sys.argv[2] or str(os.getpid())
os.environ["LISTEN_FDNAMES"] = "clamsmtpd.socket"
os.execv(sys.argv[3], sys.argv[3:])
"""


def hand_over(socks, pid=""):
    """A wrapper for Daemon: the program gets these sockets (or files), which
    are inheritable; pid stands in LISTEN_PID in place of its own."""
    for s in socks:
        os.set_inheritable(s.fileno(), True)
    return [sys.executable, "-c", HAND_OVER, ",".join(str(s.fileno()) for s in socks), str(pid)]


class Manager:
    """messages  what came, each a dict of its lines
    env       for the daemon's environment"""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path.replace("@", "\0", 1) if path.startswith("@") else path)
        self.env = {"NOTIFY_SOCKET": path}
        self.messages = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self):
        while True:
            text = self.sock.recv(4096).decode()
            if text == "end":
                return
            with self._changed:
                self.messages.append(dict(l.split("=", 1) for l in text.splitlines()))
                self._changed.notify_all()

    def wait(self, name, since=0):
        """Wait for a message with that name in it; returns it."""
        def found():
            return next((m for m in self.messages[since:] if name in m), None)
        with self._changed:
            assert self._changed.wait_for(found, WAIT), "no %s in %r" % (name, self.messages[since:])
            return found()

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"end", self.sock.getsockname())
        self._thread.join(WAIT)
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
