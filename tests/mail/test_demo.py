# SPDX-License-Identifier: BSD-3-Clause
"""The demonstration itself; it needs real clamd, but no rights."""

import re
import shutil
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
    said, _, shown = done.stdout.decode().partition(
        "4 of 4 messages ended as they should.\n")
    assert said.count("sender was told  250 ") == 2, said
    picture, now = shown.strip("\n").split("\n\n")
    assert "clamsmtpd" in picture and "2 arrived" in picture
    assert len(now.splitlines()) == 3
    for document in re.findall(r"doc/[a-z.]+[a-z0-9]", now):
        assert (REPOSITORY / document).exists(), document


def commands(lines):
    """The commands that the demonstration shows, up to the last one."""
    found = []
    for line in lines:
        text = line.decode()
        if text.startswith(" " * 8):
            found[-1] += text
        elif text.startswith(" " * 4):
            found.append(text)
        elif len(found) == 3:
            return found
    raise AssertionError("only these commands: %r" % found)


def said_by(command):
    done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, timeout=SECONDS)
    return done.stdout.decode()


def test_stay_tells_what_to_send_and_ends_at_interrupt():
    with subprocess.Popen(DEMO + ["--stay"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE) as demo:
        try:
            for line in demo.stdout:
                if re.match(rb"The daemon goes on at .* port \d+;", line):
                    break
            clean, infected, plain = commands(demo.stdout)
            if shutil.which("swaks"):
                assert "<-  250 2.0.0 Taken" in said_by(clean)
                assert "<** 550 " in said_by(infected)
            assert said_by(plain) == "taken\n"
            demo.send_signal(signal.SIGINT)
            assert demo.wait(60) == 0
        finally:
            demo.kill()
