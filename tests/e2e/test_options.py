# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Every option of the manual has a test that fails when it is ignored.

The table names that test.  Its claim is itself tested: the test is run against
a daemon whose configuration lacks the option, and must fail.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from rig import OURS, ROOT, WAIT

HERE = os.path.dirname(os.path.abspath(__file__))

TESTS = {
    "Action": "test_replies.py::test_kept_back[bounce",
    "BareNewline": "test_data.py::test_bare_newlines_rejected",
    "Bounce": "test_replies.py::test_the_old_option_bounce[on",
    "ClamAddress": "test_clamd.py::test_clamd_on_tcp",
    "Header": "test_header.py::test_the_text[X-Mine",
    "KeepAlives": "test_keepalives.py::test_while_the_client_is_silent",
    "Listen": "test_addresses.py::test_listening",
    "MaxConnections": "test_limits.py::test_three",
    "OutAddress": "test_addresses.py::test_connecting_to_the_server",
    "Oversize": "test_oversize.py::test_pass_where_there_is_no_place",
    "PidFile": "test_lifecycle.py::test_pid_file_by_flag_and_by_option",
    "ProxyProtocol": "test_proxy_protocol.py::test_the_client[v1",
    "Quarantine": "test_quarantine.py::test_kept[drop-stream",
    "ScanHeader": "test_configuration.py::test_scanheader_works",
    "ScanFail": "test_scan_fail.py::test_it_is_marked_even",
    "ScanMode": "test_scanmode.py::test_the_command_and_the_content[1-scan",
    "ScanTimeOut": "test_clamds.py::test_scantimeout",
    "Skip": "test_skip.py::test_it_needs_no_clamd",
    "StatsFile": "test_stats.py::test_it_is_there_from_the_start",
    "TempDirectory": "test_data.py::test_the_temporary_directory_is_used",
    "TimeOut": "test_timeouts.py::test_an_idle_client",
    "TransparentProxy": "test_transparent.py::test_outaddress_is_ignored",
    "User": "test_lifecycle.py::test_user[False",
    "VirusAction": "test_virus_action.py::test_what_it_is_told",
    "VirusRule": "test_virus_rule.py::test_the_reply_of_bounce",
    "XClient": "test_xclient.py::test_sent_before_the_next_command",
}
WITHOUT_EFFECT = {"DebugFiles"}  # accepted for old configurations

# Stands in for the daemon: drops the option from the configuration.
MUTANT = r"""#!%s
import os, re, sys
args = sys.argv[1:]
if "-f" in args:
    n = args.index("-f") + 1
    with open(args[n], encoding="latin-1", newline="") as f:
        text = f.read()
    args[n] += ".without"
    with open(args[n], "w", encoding="latin-1", newline="") as f:
        f.write(re.sub(r"(?mi)^\s*%s\s*:.*\n?", "", text))
os.execv(%r, ["clamsmtpd"] + args)
"""


def manual_options():
    with open(os.path.join(ROOT, "doc", "clamsmtpd.conf.5")) as f:
        return set(re.findall(r"^\.It Cm ([A-Z]\w+) :", f.read(), re.M))


def test_the_table_is_complete():
    assert manual_options() == set(TESTS) | WITHOUT_EFFECT


def run_without(option):
    """Run the option's test against a daemon that ignores it."""
    with tempfile.TemporaryDirectory(prefix="clamsmtpd-e2e.") as directory:
        os.chmod(directory, 0o755)
        mutant = os.path.join(directory, "clamsmtpd")
        with open(mutant, "w") as f:
            f.write(MUTANT % (sys.executable, option, OURS))
        os.chmod(mutant, 0o755)
        file, name = TESTS[option].split("::")
        # -k knows no brackets, so the parameters are words of their own.
        words = [w for w in re.split(r"[\[\]-]", name) if w]
        p = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
                            os.path.join(HERE, file), "-k", " and ".join(words)],
                           env=dict(os.environ, CLAMSMTPD=mutant, E2E_WAIT="1.5"),
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10 * WAIT,
                           encoding="utf-8", errors="replace")
        return p.returncode, p.stdout


@pytest.fixture(scope="module")
def runs():
    """All at a time, since they mostly wait."""
    with ThreadPoolExecutor(6) as pool:
        yield {option: pool.submit(run_without, option) for option in TESTS}


@pytest.mark.parametrize("option", TESTS)
def test_ignoring_it_is_noticed(runs, option):
    if option == "User" and os.geteuid() != 0:
        pytest.skip("User needs root")
    code, output = runs[option].result()
    assert code == 1 and "1 failed" in output, output[-3000:]
