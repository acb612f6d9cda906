# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The command line: what is accepted, what is refused and how."""

import os
import re
import subprocess

import pytest

from rig import CONTENT, INFECTED, OURS, REJECTED, WAIT, Daemon, FakeClamd, FakeServer, free_port

USAGE = ("usage: clamsmtpd [-d debuglevel] [-f configfile] [-p pidfile]\n"
         "       clamsmtpd -n | -T [-f configfile]\n"
         "       clamsmtpd -v\n")
VERSION = re.compile(r"clamsmtpd \(version 2\.0\.0\)\n {10}\(config: /.*/clamsmtpd\.conf\)\n")


def run(*args):
    p = subprocess.run([OURS] + list(args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=WAIT, encoding="latin-1")
    return p.returncode, p.stdout, p.stderr


@pytest.mark.parametrize("args", [["-v"], ["-v", "-d", "9"], ["-d", "1", "-v"], ["-vx"]])
def test_the_version(args):
    code, out, err = run(*args)
    assert (code, err) == (0, "")
    assert VERSION.fullmatch(out)


@pytest.mark.parametrize("args, message", [
    (["-x"], "invalid option -- 'x'"),
    (["-d"], "option requires an argument -- 'd'"),
    (["-f"], "option requires an argument -- 'f'"),
    (["-p"], "option requires an argument -- 'p'"),
])
def test_unknown_options(args, message):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert err == "%s: %s\n%s" % (OURS, message, USAGE)


@pytest.mark.parametrize("level, message, exit_code", [
    ("5", "invalid debug log level (must be between 1 and 4)", 2),
    ("99", "invalid debug log level (must be between 1 and 4)", 2),
    ("-1", "invalid debug log level (must be between 1 and 4)", 2),
    ("abc", "invalid debug log level", 1),
    ("3x", "invalid debug log level", 1),
    ("0x2", "invalid debug log level", 1),
    ("4 ", "invalid debug log level", 1),
])
def test_bad_levels(level, message, exit_code):
    code, _, err = run("-d", level)
    assert code == exit_code
    assert err == "clamsmtpd: %s (command line: -d %s: use a number from 0 to 4)\n" % (message, level)


@pytest.mark.parametrize("level, shows", [
    ("", "err"), ("0", "err"), ("1", "warning"), (" 2", "warning"), ("+3", "info"), ("04", "debug"),
])
def test_levels(make, level, shows):
    r = make(start=False, level=None, args=["-d", level], Header="X: %z")
    r.daemon.level = 4 if shows == "debug" else 0  # how to see that it listens
    spawn_with_level(r, level)
    r.clamd.fail(b"x ERROR{end}")
    with r.client() as c:
        c.mail()
        c.mail()
    r.daemon.stop()
    log = "\n".join(r.daemon.log_lines)
    order = ["err", "warning", "info", "debug"]
    for text, least in [("clamav error", "err"), ("invalid header symbol", "warning"),
                        ("accepted connection from: 127.0.0.1", "info"),
                        ("created cache file", "debug")]:
        assert (text in log) == (order.index(least) <= order.index(shows)), (text, log)


def spawn_with_level(r, level):
    """-d comes once only: the harness' own goes first and is overridden."""
    r.daemon.args = ["-d", level]
    r.daemon.start()


def test_a_missing_configuration(directory):
    path = directory + "/none.conf"
    code, _, err = run("-f", path, "-d", "0")
    assert code == 2
    assert err.startswith("clamsmtpd: configuration file not found: %s\n"
                          "clamsmtpd: no OutAddress specified." % path)


def test_a_directory_as_configuration(directory):
    code, _, err = run("-f", directory, "-d", "0")
    assert code in (1, 2)
    assert directory in err and "memory" not in err


def test_the_old_flags(directory):
    """A daemon configured by nothing but flags."""
    virus = os.path.join(directory, "spool")
    with FakeClamd(path=directory + "/clamd") as clamd, FakeServer() as server:
        daemon = Daemon(directory, start=False)
        daemon.options = {}
        daemon.auto_listen = False
        port = free_port()
        daemon.args = ["-b", "-q", "-c", clamd.address, "-D", virus, "-h", "X-Flag: yes",
                       "-l", "127.0.0.1:%d" % port, "-m", "1", "-t", "1", server.address]
        with daemon.start():
            daemon.address = ("127.0.0.1", port)
            with daemon.client() as c:
                assert c.mail(INFECTED) == REJECTED
                assert c.mail(CONTENT)[:3] == b"250"
                with daemon.client() as busy:
                    assert busy.greeting[:3] == b"421"
                assert c.reply()[:3] == b"421"
            assert b"\r\nX-Flag: yes\r\n\r\n" in server.wait_messages(1).content
            assert len(daemon.virus_files()) == 1
        text = "please use configuration file instead of command-line flags: "
        assert daemon.log_lines.count(text + daemon.config) == 1
        assert 'please use "Action" option instead of "Bounce"' in daemon.log_lines


def test_the_configuration_wins(make):
    r = make(args=["-h", "X-Flag: yes", "-t", "5"], Header="X-File: yes")
    with r.client() as c:
        c.mail()
    assert b"X-File: yes" in r.server.wait_messages(1).content


@pytest.mark.parametrize("args, message", [
    (["-m", "x"], "invalid setting: MaxConnections"),
    (["-t", "0"], "invalid setting: TimeOut"),
    (["-l", "x:y:z"], "invalid Listen socket name or ip: x:y:z"),
    (["extra:1:2"], "invalid OutAddress socket name or ip: extra:1:2"),
    (["-p", "run.pid", "25"], "invalid setting: PidFile"),
])
def test_bad_flags(directory, args, message):
    path = directory + "/empty.conf"
    open(path, "w").close()
    code, _, err = run("-f", path, "-d", "0", *args)
    assert code == 2
    assert "\nclamsmtpd: " + message in "\n" + err
    assert "(command line: " in err
