# SPDX-License-Identifier: BSD-3-Clause
"""The demonstration itself; it needs real clamd, but no rights."""

import re
import signal
import subprocess
import sys

import pytest

import clamd
from clamsmtpd import REPOSITORY

DEMO = [sys.executable, str(REPOSITORY / "tests" / "demo" / "demo.py")]
SECONDS = 300

if clamd.machine() is None and clamd.program() is None:
    pytest.skip("there is no clamd", allow_module_level=True)


def test_four_messages_end_as_they_should():
    done = subprocess.run(DEMO, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, timeout=SECONDS)
    assert done.returncode == 0, done.stdout.decode()
    assert done.stdout.endswith(b"4 of 4 messages ended as they should.\n")


def test_stay_ends_at_interrupt():
    with subprocess.Popen(DEMO + ["--stay"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE) as demo:
        try:
            for line in demo.stdout:
                if re.match(rb"The daemon goes on at .* port \d+;", line):
                    break
            demo.send_signal(signal.SIGINT)
            assert demo.wait(60) == 0
        finally:
            demo.kill()
