# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""clamsmtpd -n: says every fault of a configuration, and touches nothing."""

import os
import re
import resource
import socket
import subprocess

import pytest

from rig import OURS, ROOT, WAIT, FakeClamd
from test_configuration import drop_root

# What Debian's clamsmtp 1.10 installs, without its comments; the user and the
# directories are those of the machine.
DEBIAN = """
OutAddress: 10025
Listen: 127.0.0.1:10026
ClamAddress: /var/run/clamav/clamd.ctl
TempDirectory: %(spool)s
PidFile: /var/run/clamsmtp/clamsmtpd.pid
User: %(user)s
"""
ANOTHER = "nobody"  # a user who is not root


def check(directory, text, **options):
    path = directory + "/test.conf"
    with open(path, "w", encoding="latin-1") as f:
        f.write(text)
    os.chmod(path, 0o644)
    p = subprocess.run([OURS, "-n", "-f", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=WAIT, encoding="latin-1", **options)
    assert p.stdout == ""
    return p.returncode, p.stderr


@pytest.fixture
def spool(directory):
    path = directory + "/spool"
    os.mkdir(path)
    os.chmod(path, 0o777)
    return path


def sample():
    with open(os.path.join(ROOT, "doc", "clamsmtpd.conf")) as f:
        return f.read()


@pytest.mark.parametrize("root", [True, False])
def test_the_sample(directory, root):
    if root and os.geteuid() != 0:
        pytest.skip("needs root")
    code, err = check(directory, sample().replace("#OutAddress:", "OutAddress: 127.0.0.1:10026"),
                      preexec_fn=None if root else drop_root)
    assert code == 0, err


def test_the_sample_with_all_options_set(directory, spool):
    text = re.sub(r"(?m)^#([A-Z][A-Za-z]*:.*\S)$", r"\1", sample())
    text = text.replace("#OutAddress:", "OutAddress: 127.0.0.1:10026")
    code, err = check(directory, text)
    assert code == 0, err


def test_the_configuration_of_debian(directory, spool):
    code, err = check(directory, DEBIAN % {"spool": spool, "user": ANOTHER})
    assert code == 0, err


def test_it_touches_nothing(directory, spool):
    with FakeClamd(path=directory + "/clamd") as clamd, socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        left = spool + "/clamsmtpd.abcdef"
        open(left, "w").close()
        code, err = check(directory, "Listen: 127.0.0.1:%d\nOutAddress: 127.0.0.1:1\nClamAddress: %s\n"
                          "TempDirectory: %s\nPidFile: %s/pid\n" % (
                              s.getsockname()[1], clamd.address, spool, directory))
        assert (code, err) == (0, "") or "running as root" in err, err
        assert os.listdir(spool) == ["clamsmtpd.abcdef"]
        assert sorted(os.listdir(directory)) == ["clamd", "spool", "test.conf"]
        assert not clamd.scans


def test_a_name_is_a_warning(directory, spool):
    code, err = check(directory, "OutAddress: no-such-name.invalid:25\nClamAddress: no-such-name.invalid:3310\n"
                      "Listen: no-such-name.invalid:25\n")
    assert code == 0
    for n, option in enumerate(("OutAddress", "ClamAddress", "Listen"), 1):
        assert re.search(r"couldn't resolve %s: no-such-name\.invalid:\d+ \(.*test\.conf:%d: " % (option, n), err), err


def test_an_interface_is_a_warning(directory, spool):
    code, err = check(directory, "OutAddress: [fe80::1%nosuchif]:25\nClamAddress: [::1%nosuchif]:3310\n"
                      "Listen: [fe80::1%nosuchif]:25\n")
    assert code == 0
    for n, option in enumerate(("OutAddress", "ClamAddress", "Listen"), 1):
        assert re.search(r"couldn't resolve %s: \[\S+%%nosuchif\]:\d+ \(.*test\.conf:%d: "
                         r"there is no such interface now\)" % (option, n), err), err


def test_a_path_that_stands_twice_behind_a_name(directory):
    """It is compared with what stands before it, also when a name there is not known."""
    code, err = check(directory, "OutAddress: 127.0.0.1:25\nListen: no-such-name.invalid:25\n"
                      "Listen: %(d)s/x.sock\nListen: %(d)s/x.sock\n" % {"d": directory})
    assert code == 2 and re.search(r"test\.conf:4: it stands twice\)", err), err
    code, err = check(directory, "OutAddress: 127.0.0.1:25\nListen: no-such-name.invalid:25\n"
                      "Listen: %s/x.sock\n" % directory)
    assert code == 0, err


# Each stands in the third line, behind two good ones.
WRONG = [
    "Bogus: x", "no colon", ": x", "OutAddres: 25", "Action: eat", "Action:", 'Action: "drop"', "Action: drop # c",
    "Bounce: maybe", "Quarantine: 2", "XClient: x", "TransparentProxy: maybe", "ScanMode: both",
    "BareNewline: pass", "TempDirectory:", "TempDirectory: spool", "TempDirectory: /nonexistent",
    "TempDirectory: /etc/passwd", "User:", "User: no-such-user", "User: root", "PidFile: run.pid", "PidFile: /tmp",
    "StatsFile: /tmp", "StatsFile: /dev/null", "Skip: sender <a@example.org>", "Skip: recipient <*@example.org>",
    "OutAddress: a:b:c", "OutAddress: 127.0.0.1:70000", "OutAddress: 127.0.0.1:12345", "OutAddress: ::1",
    "Listen: 127.0.0.1:0", "Listen: 192.0.2.1:25", "Listen: 127.0.0.1:12345", "ClamAddress: LocalSocket /x",
    "ClamAddress: 127.0.0.1:x", "MaxConnections: 0", "MaxConnections: 65536", "MaxConnections: -5",
    "MaxConnections: x", "TimeOut: 0", "TimeOut: 10x", "KeepAlives: -1", "ScanTimeOut: 0", "ScanFail: never",
    "Oversize: maybe", "VirusRule: *", "VirusRule: * eat", "Skip: nobody x", "ProxyProtocol: 192.0.2.0/33",
    "VirusAction: /nonexistent/program", "VirusAction: echo 'x", "Header: nothing", "\xef\xbb\xbfAction: drop",
]


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line(directory, line):
    good = "OutAddress: 127.0.0.1:10026\nListen: 127.0.0.1:12345\n"
    if line.startswith("OutAddress"):
        good = "Listen: 127.0.0.1:12345\n# x\n"
    code, err = check(directory, good + line + "\nMaxConnections: 64\n"
                      if not line.startswith("Max") else good + line + "\n")
    assert code == 2, err
    assert re.search(r"^clamsmtpd: .* \(.*test\.conf:3: .+\)$", err, re.M), err
    assert not re.search(r"test\.conf:[124]: ", err), err
    assert "no OutAddress" not in err


def test_a_place_that_something_else_has(directory):
    open(directory + "/file", "w").close()
    for what in ("file", "spool"):
        os.makedirs(directory + "/spool", exist_ok=True)
        code, err = check(directory, "OutAddress: 127.0.0.1:25\n\nListen: %s/%s\n" % (directory, what))
        assert code == 2
        assert re.search(r"^clamsmtpd: invalid Listen .*/%s \(.*test\.conf:3: .*no socket" % what, err, re.M), err
    with FakeClamd(path=directory + "/s"):  # who listens there may be us
        code, err = check(directory, "OutAddress: 127.0.0.1:25\nListen: %s/s\n" % directory)
        assert code == 0, err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be another user")
@pytest.mark.parametrize("listens, owner, right", [
    (False, 65534, True), (False, 0, False), (True, 0, True), (False, 12345, False)])
def test_a_socket_that_was_left(directory, spool, listens, owner, right):
    """The daemon replaces its user's own alone."""
    path = directory + "/s"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        if listens:
            s.listen()
        else:
            s.close()
        os.chown(path, owner, -1)
        code, err = check(directory, "OutAddress: 127.0.0.1:25\nUser: %s\nListen: %s\n" % (ANOTHER, path))
    assert code == (0 if right else 2), err
    assert right or re.search(r"^clamsmtpd: invalid Listen .*/s \(.*test\.conf:3: another user has left", err, re.M), err


def test_a_list_with_a_wrong_piece(directory):
    code, err = check(directory, "Listen: 10025\nOutAddress: 127.0.0.1:25, 127.0.0.1:x\n")
    assert code == 2 and "default" not in err.replace("(default: start clamd", ""), err


def test_every_fault_in_one_run(directory):
    lines = ["Action: eat", "Bogus: x", "no colon", "User: no-such-user", "TempDirectory: /nonexistent",
             "Listen: 192.0.2.1:25", "VirusAction: /nonexistent/program"]
    code, err = check(directory, "\n".join(lines) + "\n")
    assert code == 2
    for n in range(1, len(lines) + 1):
        assert "test.conf:%d: " % n in err, (n, err)
    assert "no OutAddress specified. (%s/test.conf: " % directory in err


def test_every_fault_of_a_list_too(directory):
    code, err = check(directory, "Listen: 127.0.0.1:12345, 127.0.0.1:12346\n"
                      "OutAddress: 127.0.0.1:12345, 127.0.0.1:12346, 127.0.0.1:25\n")
    assert code == 2
    assert re.findall(r"test\.conf:2: (\S+) makes a loop", err) == ["127.0.0.1:12345", "127.0.0.1:12346"], err
    code, err = check(directory, "OutAddress: 127.0.0.1:x, 127.0.0.1:25, 127.0.0.1:y\nProxyProtocol: a, b\n")
    assert code == 2
    for value in ("127.0.0.1:x", "127.0.0.1:y", "a", "b"):
        assert re.search(r"^clamsmtpd: invalid .*: %s \(.*test\.conf:[12]: " % value, err, re.M), (value, err)


def test_the_daemon_says_all_of_them_too(directory):
    path = directory + "/test.conf"
    with open(path, "w") as f:
        f.write("Action: eat\nBogus: x\n" + "TimeOut: 0\n" * 200)
    p = subprocess.run([OURS, "-d", "0", "-f", path], stderr=subprocess.PIPE, timeout=WAIT, encoding="ascii")
    assert p.returncode == 2
    assert "test.conf:1: " in p.stderr and "test.conf:2: " in p.stderr
    assert len(p.stderr.splitlines()) == 100, "and then no more"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be another user")
@pytest.mark.parametrize("mode, owner, right", [
    (0o700, 65534, True), (0o750, 0, False), (0o770, 0, False), (0o777, 0, True), (0o500, 65534, False),
])
def test_the_directory_is_the_users(directory, spool, mode, owner, right):
    os.chown(spool, owner, 0)
    os.chmod(spool, mode)
    code, err = check(directory, "OutAddress: 25\nUser: %s\nTempDirectory: %s\n" % (ANOTHER, spool))
    assert code == (0 if right else 2), err
    assert right or "test.conf:3: %s: Permission denied" % spool in err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be another user")
def test_root_asks_with_the_users_rights(directory):
    """What the daemon's user cannot reach is told, although root can."""
    os.makedirs(directory + "/roots/spool")
    os.chmod(directory + "/roots/spool", 0o777)
    os.chmod(directory + "/roots", 0o700)
    with open(directory + "/action", "w") as f:
        f.write("#!/bin/sh\n")
    os.chmod(directory + "/action", 0o700)
    with FakeClamd(path=directory + "/clamd"):
        os.chmod(directory + "/clamd", 0o600)
        code, err = check(directory, "OutAddress: 25\nUser: %(user)s\nTempDirectory: %(d)s/roots/spool\n"
                          "VirusAction: %(d)s/action\nClamAddress: %(d)s/clamd\n" % {"user": ANOTHER, "d": directory})
    assert code == 2
    assert "test.conf:3: %s/roots/spool: Permission denied" % directory in err, err
    assert "test.conf:4: the daemon's user may not execute it" in err, err
    assert re.search(r"couldn't connect to ClamAddress: \S+: Permission denied \(.*test\.conf:5: ", err), err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be another user")
def test_files_that_the_user_may_not_make(directory):
    os.mkdir(directory + "/roots", 0o755)
    text = "OutAddress: 25\nUser: %(user)s\nPidFile: %(d)s/roots/pid\nStatsFile: %(d)s/roots/x.prom\n" % {
        "user": ANOTHER, "d": directory}
    for pid_file_there in (False, True):
        if pid_file_there:  # it is written to; the other one is replaced
            open(directory + "/roots/pid", "w").close()
            os.chown(directory + "/roots/pid", 65534, 65534)
        code, err = check(directory, text)
        told = re.findall(r"the daemon's user may not write to the directory of (\w+): \S+/roots: Permission denied "
                          r"\(.*test\.conf:([34])\)", err)
        assert (code, told) == (0, [("PidFile", "3")] * (not pid_file_there) + [("StatsFile", "4")]), err


def test_too_few_descriptors(directory):
    def limit():
        drop_root()
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    code, err = check(directory, "OutAddress: 127.0.0.1:25\nMaxConnections: 500\n", preexec_fn=limit)
    assert code == 2
    assert re.search(r"the system allows 64 descriptors, .*\(.*test\.conf:2\)", err), err


def test_a_configuration_that_comes_by_a_pipe(directory):
    """As of a shell's <(...), which may take a moment; one that never comes is not waited for."""
    script = "{ echo Bogus: x; sleep 0.2; echo OutAddress: 25; } | %s -n -f /dev/stdin" % OURS
    p = subprocess.run(["sh", "-c", script], stderr=subprocess.PIPE, timeout=WAIT, encoding="ascii")
    assert p.returncode == 2
    assert "/dev/stdin:1: " in p.stderr and "no OutAddress" not in p.stderr
    os.mkfifo(directory + "/fifo")
    p = subprocess.run([OURS, "-n", "-f", directory + "/fifo"], stderr=subprocess.PIPE, timeout=WAIT)
    assert p.returncode == 2 and b"couldn't read config file: %s/fifo: Connection timed out" % directory.encode() in p.stderr


def test_a_missing_file_and_an_unreadable_one(directory):
    p = subprocess.run([OURS, "-n", "-f", directory + "/none"], stderr=subprocess.PIPE, timeout=WAIT)
    assert p.returncode == 2 and b"configuration file not found" in p.stderr
    p = subprocess.run([OURS, "-n", "-f", directory], stderr=subprocess.PIPE, timeout=WAIT)
    assert p.returncode == 2 and b"couldn't read config file" in p.stderr
