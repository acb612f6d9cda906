# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""What is there before any party: the programs, the limits, and what waits.

Everything that waits is bounded by WAIT seconds (E2E_WAIT in the environment,
default 20).
"""

import atexit
import os
import re
import shlex
import shutil
import socket
import struct
import subprocess
import tempfile
import time

WAIT = float(os.environ.get("E2E_WAIT", "20"))

# As it was: pytest changes its own while threads of the tests start daemons.
ENVIRONMENT = dict(os.environ)

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))


def for_all(path):
    """The program, or a copy of it if others cannot get there: some tests
    start it as another user."""
    places = [path]
    while os.path.dirname(places[-1]) != places[-1]:
        places.append(os.path.dirname(places[-1]))
    if os.geteuid() != 0 or not os.path.exists(path) or all(os.stat(p).st_mode & 0o001 for p in places):
        return path
    directory = tempfile.mkdtemp(prefix="clamsmtpd-e2e.")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.chmod(directory, 0o755)
    return shutil.copy(path, directory)


OURS = for_all(os.path.abspath(os.environ.get("CLAMSMTPD", os.path.join(ROOT, "src", "clamsmtpd"))))
WRAPPER = shlex.split(os.environ.get("CLAMSMTPD_WRAPPER", ""))

# Finished threads may wait for another connection; more than this many
# beyond those of the start are taken for a leak.
THREADS_KEPT = 64


def original():
    """The path of the 1.10 binary, as bootstrap unpacks it, or None when there is none."""
    path = os.environ.get("CLAMSMTPD_ORIGINAL", os.path.join(ROOT, "build/packages/usr/sbin/clamsmtpd"))
    try:
        out = subprocess.run([path, "-v"], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, timeout=WAIT).stdout
    except OSError:
        return None
    return for_all(path) if b"(version 1.10)" in out else None


def wait_until(condition, what="condition", timeout=None):
    """Poll until condition() is true and return its value."""
    limit = WAIT if timeout is None else timeout
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %g s: %s" % (limit, what))
        time.sleep(0.005)


def family_of(host):
    """Of a number, or a name of IPv4."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def free_port(host="127.0.0.1"):
    with socket.socket(family_of(host)) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def reset_socket(sock):
    """Close by RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def stuff(content):
    """Dot-stuffing of RFC 5321 4.5.2 for content made of CRLF lines."""
    return re.sub(rb"(\A|\r\n)\.", rb"\1..", content)


def unstuff(raw):
    return re.sub(rb"(\A|\r\n)\.", rb"\1", raw)
