# SPDX-License-Identifier: BSD-3-Clause
"""
Programs of others: those that bootstrap has unpacked and not installed, else
those of the host.
"""

import os
import shutil
from pathlib import Path

from clamsmtpd import REPOSITORY

UNPACKED = REPOSITORY / "build" / "packages"
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
LIBRARIES = ":".join(str(path) for pattern in (
    "usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib/postfix")
    for path in UNPACKED.glob(pattern))


def find(name):
    """The path of a program, or None; users seldom have sbin in their PATH."""
    return shutil.which(name, path="%s/usr/sbin:%s/usr/bin:%s:%s" % (
        UNPACKED, UNPACKED, os.environ.get("PATH", ""), SBIN))


def root(path):
    """Of what find() returned: UNPACKED, or / for one of the host."""
    return UNPACKED if UNPACKED in Path(path).parents else Path("/")


def environment():
    """In which an unpacked program finds the libraries unpacked with it."""
    return dict(os.environ, LD_LIBRARY_PATH=LIBRARIES)
