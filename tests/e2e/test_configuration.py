# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The configuration file: grammar, values, messages.  What an option does is
shown in the test of its topic."""

import contextlib
import os
import re
import socket
import subprocess

import pytest

from rig import OURS, WAIT, free_port

# A last line that is always refused: when its message comes, everything
# before it was accepted, and the daemon never gets to listen.
SENTINEL = "Bogus: x\n"


def drop_root():
    """In a child: root may read and write everything, so be somebody else."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def load(directory, text, **options):
    path = directory + "/test.conf"
    with open(path, "wb") as f:
        f.write(text.encode("latin-1"))
    p = subprocess.run([OURS, "-f", path, "-d", "4"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT,
                       encoding="latin-1", **options)
    return p.returncode, p.stderr


def parsed(err):
    return re.findall(r"^clamsmtpd: parsed option: (.*)$", err, re.M)


GOOD = [
    "OutAddress: 127.0.0.1:25", "Listen: 127.0.0.1:10025", "ClamAddress: /var/run/clamd",
    "MaxConnections: 1", "MaxConnections: 2", "MaxConnections: 1023", "MaxConnections: 1024",
    "MaxConnections: 65535", "TimeOut: 1", "TimeOut: +5", "KeepAlives: 0", "KeepAlives: 30",
    "KeepAlives:", "Header: X: y", "Header:", "TempDirectory: /tmp", "Action: drop", "Action: BOUNCE",
    "Action: Pass", "VirusAction:", "VirusAction: /bin/true x", "PidFile:", "PidFile: /tmp/x",
    "Bounce: on", "DebugFiles: off", "ScanHeader: X: y", "ScanMode: stream", "ScanMode: scan",
    "BareNewline: repair", "BareNewline: reject", "TransparentProxy: on", "XClient: off",
    "User: root", "Quarantine: on",
    # the grammar
    "action: drop", "ACTION: drop", "  Action: drop", "\tAction\t:\tdrop\t", "Action:drop",
    "Action: drop\r", "# a comment", "   # another", "", "   ", "Header: a:b:c",
    "Header: X: 'y'",
] + ["Quarantine: " + w for w in ("on", "yes", "true", "1", "off", "no", "false", "0", "ON", "Yes")]


@pytest.mark.parametrize("line", GOOD)
def test_accepted(directory, line):
    code, err = load(directory, line + "\n" + SENTINEL)
    assert code == 2
    assert re.search(r"^clamsmtpd: invalid config line: Bogus \(.*test\.conf:2: .+\)$", err, re.M), err


BAD = [
    ("Bogus: x", "invalid config line: Bogus"),
    ("no colon", "invalid config line: no colon"),
    ("  no colon  ", "invalid config line: no colon"),
    (": x", "invalid config line: "),
    ("Action: eat", "invalid value for Action"),
    ("Action: bounce # c", "invalid value for Action"),
    ('Action: "bounce"', "invalid value for Action"),
    ("Action:", "invalid value for Action"),
    ("Bounce: maybe", "invalid value for Bounce"),
    ("Quarantine: 2", "invalid value for Quarantine"),
    ("Quarantine:", "invalid value for Quarantine"),
    ("XClient: x", "invalid value for XClient"),
    ("DebugFiles: x", "invalid value for DebugFiles"),
    ("TransparentProxy: x", "invalid value for TransparentProxy"),
    ("ScanMode: both", "invalid value for ScanMode"),
    ("BareNewline: pass", "invalid value for BareNewline"),
    ("TempDirectory:", "invalid setting: TempDirectory"),
    ("User:", "invalid setting: User"),
    ("OutAddress: a:b:c", "invalid OutAddress socket name or ip: a:b:c"),
    ("Listen: ::1", "invalid Listen socket name or ip: ::1"),
    ("ClamAddress: 1.2.3.4:x", "invalid ClamAddress socket name: 1.2.3.4:x"),
    ("\xef\xbb\xbfAction: drop", "invalid config line: \xef\xbb\xbfAction"),
] + [("MaxConnections: " + v, "invalid setting: MaxConnections") for v in ("0", "65536", "-1", "10x", "", "x")] \
  + [("TimeOut: " + v, "invalid setting: TimeOut") for v in
     ("0", "-1", "10x", "0x10", "1 0", "", "x", "-99999999999999999999")] \
  + [("KeepAlives: " + v, "invalid setting: KeepAlives") for v in ("-1", "x", "1x")]


@pytest.mark.parametrize("line, message", BAD)
def test_refused(directory, line, message):
    code, err = load(directory, "# first\n" + line + "\n")
    assert code == 2
    last = err.splitlines()[-1]
    assert last.startswith("clamsmtpd: " + message), err
    assert re.search(r" \(.*\)$", last), "no reason: " + last
    assert "test.conf:2: " in last


def test_options_are_logged_as_written(directory):
    _, err = load(directory, "action: Drop\nHEADER:  X: y  \n" + SENTINEL)
    assert parsed(err) == ["action: Drop", "HEADER: X: y"]
    assert "clamsmtpd: read config file: %s/test.conf\n" % directory in err


def test_no_final_newline(directory):
    _, err = load(directory, "Action: drop\nAction: pass")
    assert parsed(err) == ["Action: drop", "Action: pass"]


def test_a_lone_cr_is_no_line_end(directory):
    _, err = load(directory, "Action: drop\rBogus: x\n")
    assert "invalid value for Action" in err


def test_nul_does_not_hide_the_rest(directory):
    code, err = load(directory, "Action: drop\0\nAction: eat\n")
    assert code == 2
    assert "clamsmtpd: invalid " in err


def test_a_later_bad_duplicate_is_fatal(directory):
    code, err = load(directory, "Action: drop\nAction: eat\n")
    assert code == 2 and "invalid value for Action" in err


def test_the_last_duplicate_wins(make):
    r = make(Header="X-One: 1", header="X-Two: 2")
    with r.client() as c:
        c.mail()
    assert b"X-Two: 2\r\n" in r.server.wait_messages(1).content
    assert b"X-One" not in r.server.messages[0].content


def test_crlf_and_odd_spacing(directory, make):
    r = make(start=False)
    r.daemon.write_config()
    write = r.daemon.write_config

    def with_crlf():
        write()
        with open(r.daemon.config, "rb") as f:
            text = f.read()
        with open(r.daemon.config, "wb") as f:
            f.write(text.replace(b"\n", b"\r\n").replace(b": ", b" :\t").rstrip())
    r.daemon.write_config = with_crlf
    r.daemon.start()
    with r.client() as c:
        assert c.mail()[:3] == b"250"


def test_no_outaddress(directory):
    code, err = load(directory, "Listen: 127.0.0.1:10025\n")
    assert code == 2
    assert err.splitlines()[-1].startswith("clamsmtpd: no OutAddress specified.")


def test_transparent_ignores_outaddress(directory):
    text = "TransparentProxy: on\nOutAddress: 127.0.0.1:25\nListen: 127.0.0.1:%d\nTempDirectory: /nonexistent\n"
    code, err = load(directory, text % free_port())
    assert code == 1
    assert "clamsmtpd: the OutAddress option will be ignored when TransparentProxy is enabled" in err


@pytest.mark.parametrize("kind", ["missing", "file", "unwritable"])
def test_the_temporary_directory_is_checked(directory, kind):
    path = directory + "/spool"
    if kind == "file":
        open(path, "w").close()
    elif kind == "unwritable":
        os.mkdir(path, 0o555)
    code, err = load(directory, "OutAddress: 127.0.0.1:1\nListen: 127.0.0.1:%d\nTempDirectory: %s\n" % (
        free_port(), path),
                     preexec_fn=drop_root)
    assert code == (2 if kind == "file" else 1)
    assert re.search(r"^clamsmtpd: invalid setting: TempDirectory \(.+\)$", err, re.M), err


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_spool_directory_open_to_others_is_warned_about(make, mode):
    r = make(start=False)
    os.chmod(r.daemon.spool, mode)
    r.daemon.start()
    r.daemon.wait_log("^other users may write to TempDirectory: " + r.daemon.spool)


def test_more_seconds_than_can_be_measured(make):
    r = make(TimeOut="99999999999999999999", KeepAlives="2147483648")
    with r.client() as c:
        assert c.mail()[:3] == b"250"


@pytest.mark.parametrize("line, message", [
    ("User: no-such-user", "couldn't look up user: no-such-user (%s:2: use the name of a user of this system)"),
    ("TempDirectory: /nonexistent", "invalid setting: TempDirectory (%s:2: /nonexistent: No such file or directory)"),
    ("Header: nothing", "invalid setting: Header (%s:2: use Name: value; no header will be added)"),
    ("ScanHeader: nothing", "invalid setting: Header (%s:2: use Name: value; no header will be added)"),
    ("ClamAddress: local:/run/clamd", "invalid ClamAddress socket name: local:/run/clamd "
                                      "(%s:2: use the path alone)"),
    ("Listen: 0x7f.1:25", "invalid Listen socket name or ip: 0x7f.1:25 (%s:2: use address:port, a port, or a path)"),
])
def test_messages_name_file_and_line(directory, line, message):
    code, err = load(directory, "OutAddress: 127.0.0.1:1\n%s\nListen: 127.0.0.1:%d\n%s" % (
        line, free_port(), "" if line.startswith("Temp") else "TempDirectory: /nonexistent\n"))
    assert code != 0
    assert "clamsmtpd: " + message % (directory + "/test.conf") in err.splitlines(), err


def test_the_name_of_the_default_socket(make):
    r = make(start=False, Listen=None)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            s.bind(("0.0.0.0", 10025))
            s.listen()
        r.daemon.spawn()
        assert r.daemon.wait_exit() == 1
    assert any(l.startswith("couldn't bind to address: 10025: ") for l in r.daemon.log_lines)


def test_scanheader_works(make):
    r = make(ScanHeader="X-Old: yes")
    with r.client() as c:
        c.mail()
    assert b"X-Old: yes\r\n" in r.server.wait_messages(1).content
    assert 'please use "Header" option instead of "ScanHeader"' in r.daemon.log_lines


def test_debugfiles_leaves_nothing(make):
    r = make(DebugFiles="on")
    with r.client() as c:
        assert c.mail()[:3] == b"250"
    assert r.daemon.leftovers() is None
    assert os.listdir(r.daemon.spool) == []


def test_an_unreadable_configuration(directory):
    path = directory + "/test.conf"
    with open(path, "w"):
        os.chmod(path, 0)
    p = subprocess.run([OURS, "-f", path, "-d", "0"], stderr=subprocess.PIPE, timeout=WAIT,
                       preexec_fn=drop_root)
    assert p.returncode != 0 and b"couldn't open config file" in p.stderr
