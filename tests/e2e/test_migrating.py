# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""doc/migrating.md: the settings that it names are ones that the daemon takes, and what
has to go before 1.10 starts again is what 1.10 does not take."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from rig import OURS, WAIT, original

TEXT = (Path(__file__).resolve().parents[2] / "doc" / "migrating.md").read_text()
SAMPLE = (Path(__file__).resolve().parents[2] / "doc" / "clamsmtpd.conf").read_text()
OPTIONS = re.findall(r"(?m)^#(\w+):", SAMPLE)
BACK = re.search(r"\*\*Back:\*\* take out .*? 1\.10 does not know \((.*?)\)", TEXT, re.S).group(1).replace("\n", " ")
WORDS = {"NETWORK": "192.0.2.0/24", "PATTERN": "*@example.org", "host": "127.0.0.1", "port": "3310"}
VALUES = {"BareNewline": "repair", "Oversize": "reject", "ProxyProtocol": "192.0.2.1", "ScanFail": "tempfail",
          "ScanMode": "stream", "ScanTimeOut": "60", "Skip": "authenticated", "StatsFile": "/tmp/none/stats",
          "VirusRule": "PUA.* pass"}


def settings():
    """`Option: value` wherever the document has it."""
    found = re.findall(r"`([A-Z]\w+): ([^`]+)`", TEXT)
    return sorted({(name, value) for name, value in found if name not in ("From", "To")})


def check(directory, *lines, binary=OURS):
    path = os.path.join(directory, "try.conf")
    with open(path, "w") as f:
        f.write("".join(l + "\n" for l in (
            "Listen: 127.0.0.1:20025", "OutAddress: 127.0.0.1:25", "TempDirectory: " + directory, *lines)))
    argv = [binary, "-n", "-f", path] if binary == OURS else [binary, "-f", path, "-d", "1"]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=WAIT)


@pytest.mark.skipif(not OURS, reason="the document goes with this version")
def test_each_setting_is_taken(directory):
    assert len(settings()) > 15
    for name, value in settings():
        assert name in OPTIONS, name
        for word, example in WORDS.items():
            value = re.sub(r"\b%s\b" % word, example, value)
        if name in ("Listen", "OutAddress"):
            value = value.replace("10024", "20026")
        done = check(directory, "%s: %s" % (name, value))
        assert done.returncode == 0, (name, value, done.stdout)


@pytest.mark.skipif(not OURS, reason="the document goes with this version")
def test_each_option_of_a_table_is_one():
    rows = TEXT.split("| clamav-milter.conf | clamsmtpd.conf |")[1]
    named = set(re.findall(r"(?m)^\| [^|]+\| `(\w+)` ", rows))
    assert len(named) > 4 and named <= set(OPTIONS)


@pytest.fixture
def program():
    path = original()
    if path is None:
        pytest.skip("there is no clamsmtpd 1.10 (./bootstrap packages check)")
    return path


def test_1_10_takes_two_paths_for_one(make, program):
    r = make(binary=program, start=False)
    r.daemon.options["ClamAddress"] += ", " + r.daemon.options["ClamAddress"]
    r.daemon.start()
    with r.client() as c:
        assert c.mail()[:3] == b"451"
    assert "defers all mail" in TEXT


def test_what_has_to_go_is_what_1_10_does_not_know(directory, program):
    listed = [name for name in re.findall(r"\w+", BACK) if name in OPTIONS]
    assert set(listed) == set(VALUES)
    for name, value in VALUES.items():
        assert b"invalid config line" in check(directory, "%s: %s" % (name, value), binary=program).stdout, name
    for line in ("ClamAddress: 127.0.0.1:1, 127.0.0.1:2", "OutAddress: [::1]:25", "Listen: [::1]:20025",
                 "MaxConnections: 1", "MaxConnections: 1024"):
        done = check(directory, line, binary=program)
        assert done.returncode == 2, (line, done.stdout)
    assert "between 2 and 1023" in TEXT


def test_nothing_else_has_to_go():
    """The options are 1.10's, or listed."""
    of_1_10 = {"OutAddress", "Listen", "ClamAddress", "MaxConnections", "TimeOut", "KeepAlives", "Header",
               "TempDirectory", "Action", "Quarantine", "VirusAction", "XClient", "TransparentProxy", "User", "PidFile"}
    assert set(OPTIONS) - of_1_10 == set(VALUES)
