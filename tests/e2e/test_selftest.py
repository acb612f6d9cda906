# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""clamsmtpd -T: what the clamds find."""

import os
import re
import resource
import subprocess

import pytest

from rig import OURS, ROOT, FakeClamd

MINUTES = 300
EICAR = b"X5O!P%@AP[4" + b"\\PZX54(P^)7CC)7}$EICAR-" + b"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SPECIMENS = ["as the only text", "in base64", "in a zip archive", "behind an odd first line"]
LADDER = ["at the end of %d MB" % n for n in (1, 5, 10, 25, 50, 100)]


def selftest(directory, *addresses, preexec=None, **options):
    spool = directory + "/spool"
    if not os.path.isdir(spool):
        os.mkdir(spool)
    path = directory + "/test.conf"
    options = dict({"OutAddress": "127.0.0.1:1", "TempDirectory": spool, "ClamAddress": ", ".join(addresses)}, **options)
    with open(path, "w") as f:
        f.writelines("%s: %s\n" % o for o in options.items())
    p = subprocess.run([OURS, "-T", "-f", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=MINUTES, encoding="latin-1", preexec_fn=preexec)
    assert os.listdir(spool) == []
    rows = re.findall(r"(?m)^  (.{26}) (found|PASSED|refused|no answer|TempDirectory is too small)", p.stdout)
    return p.returncode, [(what.strip(), outcome) for what, outcome in rows], p


@pytest.fixture
def clamd(directory):
    with FakeClamd(path=directory + "/clamd") as c:
        yield c


def test_all_is_found(directory, clamd):
    clamd.answer = b"{path}: Eicar-Test FOUND{end}"
    code, rows, p = selftest(directory, clamd.address)
    assert code == 0, p
    assert rows == [(what, "found") for what in SPECIMENS + LADDER]
    assert "It never said OK without having looked." in p.stdout
    text, base64, zipped, odd = [s.data for s in clamd.scans[:4]]
    assert EICAR + b"\r\n" in text
    assert all(EICAR not in c for c in (base64, zipped, odd))
    assert b"WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1U" in base64


def test_a_clamd_that_finds_nothing(directory, clamd):
    code, rows, p = selftest(directory, clamd.address)
    assert code == 1
    assert rows == [(what, "PASSED") for what in SPECIMENS + LADDER]
    assert "From 1 MB on it says OK without having looked" in p.stdout


def test_one_of_two_does_not_answer(directory, clamd):
    clamd.answer = b"{path}: Eicar-Test FOUND{end}"
    code, rows, p = selftest(directory, directory + "/nobody", clamd.address)
    assert code == 1
    assert rows == [(SPECIMENS[0], "no answer")] + [(what, "found") for what in SPECIMENS + LADDER]
    assert "clamd %s/nobody, ScanMode stream" % directory in p.stdout


@pytest.mark.parametrize("limit, room", [(1, False), (3 << 20, True)])
def test_a_directory_that_is_too_small(directory, clamd, limit, room):
    """Its word ends the ladder; what fits into memory needs no room."""
    clamd.answer = b"{path}: Eicar-Test FOUND{end}"

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    code, rows, p = selftest(directory, clamd.address, preexec=small, ScanMode="stream" if room else "scan")
    if room:
        assert code == 0, p
        assert rows[4:] == [(LADDER[0], "found"), (LADDER[1], "TempDirectory is too small")]
        assert "It never said OK" not in p.stdout, "what is larger was not tried"
    else:
        assert code == 1
        assert rows == [(SPECIMENS[0], "TempDirectory is too small")]


def test_a_wrong_configuration(directory, clamd):
    code, rows, p = selftest(directory, clamd.address, Action="eat")
    assert (code, rows) == (2, [])
    assert "test.conf:" in p.stderr


def test_the_test_virus_is_in_no_file_of_ours():
    """An antivirus would take the package for it."""
    files = [OURS]
    for top in ("src", "common", "doc"):
        for directory, _, names in os.walk(os.path.join(ROOT, top)):
            files += [os.path.join(directory, n) for n in names]
    for path in files:
        with open(path, "rb") as f:
            assert EICAR not in f.read(), path
