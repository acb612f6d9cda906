# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The log: ids, data lines, syslog."""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess

import pytest

from rig import CONTENT, OURS, WAIT, Client, old_part, wait_until


def test_ids_count_up_in_hexadecimal(make):
    r = make()
    for _ in range(17):
        with r.client():
            pass
    wait_until(lambda: any("100010: accepted" in l for l in r.daemon.log_lines))
    ids = [l[:6] for l in r.daemon.log_lines if "accepted connection from: 127.0.0.1" in l]
    assert sorted(ids) == ["%06X" % (0x100000 + n) for n in range(17)]


def test_the_lines_of_a_session(rig):
    with rig.client() as c:
        c.ehlo(b"me")
        assert c.mail()[:3] == b"250"
        c.quit()
    rig.daemon.wait_log("SERVER connection closed", rig.mark)
    lines = [l[8:] for l in rig.daemon.log_since(rig.mark) if re.match("[0-9A-F]{6}: ", l)]
    wanted = [
        "accepted connection from: 127.0.0.1",
        "SERVER connected to: 127.0.0.1",
        "SERVER < 220 real.example ESMTP Rig",
        "CLIENT > 220 smtp.passthru",
        "CLIENT < EHLO me",
        "SERVER > EHLO me",
        "SERVER < 250-real.example greets you",
        "CLIENT > 250-smtp.passthru",
        "CLIENT < MAIL FROM:<a@example.org>",
        "SERVER > MAIL FROM:<a@example.org>",
        "SERVER < 250 2.1.0 sender ok",
        "CLIENT > 250 2.1.0 sender ok",
        "CLIENT < DATA",
        "CLIENT > 354 Start mail input; end with <CRLF>.<CRLF>",
        "wrote 46 bytes to cache",
        "CLAMAV > nINSTREAM",
        "CLAMAV < stream: OK",
        "no virus",
        "CLAMAV connection closed",
        "SERVER > DATA",
        "SERVER < 354 go ahead",
        "SERVER > .",
        "sent email data",
        "SERVER < 250 2.0.0 queued as 4711",
        "CLIENT > 250 2.0.0 queued as 4711",
        "from=a@example.org, to=b@example.net, status=CLEAN",
        "CLIENT < QUIT",
        "CLIENT > 221 2.0.0 bye",
        "CLIENT connection closed",
        "SERVER connection closed",
    ]
    assert [l for l in map(old_part, lines) if l in wanted] == wanted
    assert any(l.startswith("created cache file: " + rig.daemon.spool) for l in lines)
    assert any(l.startswith("CLAMAV connected to: " + rig.clamd.address) for l in lines)
    assert not any("Hello." in l for l in lines), "content is not logged"


def test_data_lines_are_cut(rig):
    with rig.client() as c:
        c.cmd(b"NOOP " + b"x" * 500)
    line = rig.daemon.wait_log("CLIENT < NOOP .*", rig.mark).string
    assert len("clamsmtpd: " + line) == 107


def test_no_control_octets(rig):
    rig.server.on("FOO", b"250 a\x1b[31mb\x07\r\n")
    with rig.client() as c:
        c.cmd(b"FOO \x1b]0;x\x07")
    assert rig.daemon.wait_log("CLIENT < FOO (.*)", rig.mark).group(1) == "?]0;x?"
    assert rig.daemon.wait_log("SERVER < 250 (.*)", rig.mark).group(1) == "a?[31mb?"


def test_an_unknown_peer_is_no_trouble(rig):
    for _ in range(5):
        c = Client(rig.daemon.address, greet=False)
        c.reset()
    with rig.client() as c:
        assert c.mail()[:3] == b"250"


@pytest.mark.skipif(os.geteuid() != 0, reason="a /dev/log of our own needs root (mount namespace)")
def test_syslog(make):
    if not shutil.which("unshare"):
        pytest.skip("no unshare")
    r = make(start=False)
    path = r.directory + "/log"
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(path)
    log.settimeout(WAIT)
    pid_file = r.directory + "/pid"
    r.daemon.options["PidFile"] = pid_file
    r.daemon.write_config()
    script = ("mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && "
              "ln -s %s /dev/log && exec %s -f %s" % (path, OURS, r.daemon.config))
    p = subprocess.run(["unshare", "-m", "sh", "-c", script], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT)
    if b"unshare" in p.stderr or b"mount" in p.stderr or b"mknod" in p.stderr:
        pytest.skip("no mount namespace: %r" % p.stderr)
    assert p.returncode == 0, p.stderr
    try:
        r.clamd.fail(b"broken{end}")
        with Client(r.daemon.address) as c:
            c.mail()
            c.mail()
        lines = []
        while not any("status=CLEAN" in l for l in lines):
            lines.append(log.recv(8192).decode())
        lines = [l for l in lines if "running as root" not in l]
        facts = "(2.0.0): Listen %s, OutAddress %s, ClamAddress %s, user %s" % (
            r.daemon.options["Listen"], r.server.address, r.clamd.address, pwd.getpwuid(os.geteuid()).pw_name)
        assert lines[0][:4] == "<21>" and lines.pop(0)[20:] == "clamsmtpd: started " + facts
        head = r"<%d>\w{3} [ \d]\d \d\d:\d\d:\d\d clamsmtpd: 100000: "
        assert re.fullmatch(head % 22 + "accepted connection from: 127.0.0.1\n?\0?", lines[0])
        assert any(re.match(head % 19 + "unexepected response from clamd: broken", l) for l in lines)
        assert re.fullmatch(head % 22 + "from=a@example.org, to=b@example.net, status=CLEAN, action=forwarded, .*\n?\0?", lines[-1])
        assert not any("<23>" in l for l in lines), "debug lines are not for syslog"
    finally:
        with open(pid_file) as f:
            pid = int(f.read())
        os.kill(pid, signal.SIGTERM)
        last = ""
        while ": stopped " not in last:
            last = log.recv(8192).decode()
        assert last[20:] == "clamsmtpd: stopped " + facts
        log.close()


def test_nothing_goes_to_stderr_below_its_level(make):
    r = make(level=0)
    with r.client() as c:
        assert c.mail(CONTENT)[:3] == b"250"
    assert r.daemon.leftovers() is None
    assert not any("status=" in l for l in r.daemon.log_lines)


def test_a_line_that_is_cut_says_so(rig):
    rig.clamd.fail(b"x" * 5000 + b" ERROR{end}")
    with rig.client() as c:
        assert c.mail()[:3] == b"451"
    line = rig.daemon.wait_log("clamav error: x", rig.mark).string
    assert line.endswith("x...") and 2000 < len(line) < 2048
