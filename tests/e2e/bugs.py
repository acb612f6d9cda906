# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Bugs of clamsmtpd 1.10 (test_bugs_*.py) where safety or mail is at stake.

Each bug is a function that asserts the right behaviour.  It passes with ours
and must fail with the original: otherwise it would prove nothing.
"""

import shutil
import subprocess

import pytest

from conftest import new_directory
from rig import OURS, QUEUED, WAIT, Rig, original

ORIGINAL = original()
PATIENCE = {OURS: WAIT, ORIGINAL: 2}  # seconds; the original hangs where it is wrong


def client(r, **kw):
    return r.client(timeout=r.patience, **kw)


class Bug:
    def __init__(self, check, options, marks):
        self.check, self.options, self.marks = check, options, marks


class Bugs:
    """The bugs of a module, by name."""

    def __init__(self):
        self.bugs = {}

    def bug(self, marks=(), **options):
        """options: of the daemon; `start=False` leaves the start to the check."""
        def register(check):
            assert check.__name__ not in self.bugs, check
            self.bugs[check.__name__] = Bug(check, options, marks)
            return check
        return register

    def play(self, stage, name, binary):
        """The check, to be called; the daemon is known to work."""
        b = self.bugs[name]
        r = stage(binary, b.options)
        if r.daemon.alive():
            with r.client() as c:
                assert c.mail() == QUEUED
            r.clear()
        return lambda: b.check(r)

    def tests(self):
        """The fixture `stage` and the tests of ours and of the original."""
        by_name = pytest.mark.parametrize("name", [pytest.param(n, marks=b.marks) for n, b in self.bugs.items()])

        @pytest.fixture
        def stage():
            rigs = []

            def start(binary, options):
                path = new_directory()
                rigs.append((path, None))
                r = Rig(path, binary=binary, **options)
                r.patience = PATIENCE[binary]
                rigs[-1] = (path, r)
                return r

            yield start
            for path, r in rigs:
                if r:
                    r.close(check=False)
                shutil.rmtree(path, ignore_errors=True)

        @by_name
        def test_ours(stage, name):
            self.play(stage, name, OURS)()

        @pytest.mark.skipif(ORIGINAL is None, reason="no clamsmtpd 1.10 (./bootstrap packages check, or CLAMSMTPD_ORIGINAL)")
        @by_name
        def test_original(stage, name):
            check = self.play(stage, name, ORIGINAL)
            with pytest.raises((AssertionError, OSError, subprocess.TimeoutExpired)):
                check()

        return stage, test_ours, test_original
