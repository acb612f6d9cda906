# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Fixtures of the end-to-end tests; the package rig is the harness itself."""

import os
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rig as harness  # noqa: E402


def new_directory():
    # Unix socket paths are short, pytest's own directories are not.
    directory = tempfile.mkdtemp(prefix="clamsmtpd-e2e.")
    os.chmod(directory, 0o755)
    return directory


@pytest.fixture
def directory():
    path = new_directory()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def shared_rig(request):
    path = new_directory()
    try:
        with harness.Rig(path, **getattr(request.module, "OPTIONS", {})) as r:
            yield r
    finally:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def rig(shared_rig):
    """The module's daemon (with its OPTIONS), with fresh records."""
    shared_rig.clear()
    yield shared_rig
    shared_rig.daemon.leftovers()


@pytest.fixture
def make():
    """make(Option="value", ...): a daemon of the test's own."""
    rigs = []

    def start(**options):
        path = new_directory()
        rigs.append((path, None))
        r = harness.Rig(path, **options)
        rigs[-1] = (path, r)
        return r

    yield start
    errors = []
    for path, r in reversed(rigs):
        try:
            if r:
                r.close()
        except AssertionError as e:
            errors.append(str(e))
        shutil.rmtree(path, ignore_errors=True)
    assert not errors, errors


@pytest.fixture
def local_rig(make, directory):
    """make() with a daemon that listens at a path."""
    return lambda **options: make(Listen=directory + "/s", **options)
