# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The program with minutes made seconds, for what is waited for without an
option."""

import atexit
import functools
import glob
import os
import shutil
import subprocess
import tempfile

import pytest

from rig.basics import ROOT, for_all

BUDGET = 3  # seconds from the final dot to the end of mail data
REPLY = 2  # seconds for the reply to that
CONNECT = 1  # seconds to connect to a clamd where another is left
LOOK = 0.3  # seconds between two looks at a clamd that is set aside
PROOF = 1  # seconds that a look or a proof may take
AGE = 1  # seconds between a proof's beginning and the end of a scan
STREAMED = 2  # seconds without descriptors

needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None, reason="there is no compiler for a program that waits seconds, not minutes")


@functools.lru_cache(maxsize=None)
def impatient():
    """Its path; built when it is first asked for."""
    directory = tempfile.mkdtemp(prefix="clamsmtpd-e2e.")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.chmod(directory, 0o755)
    path = os.path.join(directory, "clamsmtpd")
    # What configure has found out lies beside the program's directory.
    top = os.path.dirname(os.path.dirname(os.path.abspath(os.environ.get("CLAMSMTPD", ROOT + "/src/clamsmtpd"))))
    sources = [f for where in ("common", "src", "src/*") for f in glob.glob(os.path.join(ROOT, where, "*.c"))]
    subprocess.run(["cc", "-std=c11", "-O1", "-pthread", "-include", os.path.join(top, "config.h"),
                    "-DSYSCONFDIR=\"/etc\"", "-I", ROOT,
                    "-DFORWARD_BUDGET_MS=%d" % (BUDGET * 1000), "-DFORWARD_REPLY_MS=%d" % (REPLY * 1000),
                    "-DSCAN_CONNECT_MS=%d" % (CONNECT * 1000), "-DSCAN_LOOK_MS=%d" % (LOOK * 1000),
                    "-DSCAN_PROOF_MS=%d" % (PROOF * 1000),
                    "-DSCAN_PROOF_AGE_MS=%d" % (AGE * 1000), "-DSCAN_STREAM_MS=%d" % (STREAMED * 1000),
                    "-o", path] + sources, check=True)
    return for_all(path)
