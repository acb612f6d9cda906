# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The init script: its verbs, through the pid file."""

import os
import shutil
import subprocess

import pytest

from rig import OURS, WAIT, Client

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(TOP, "doc", "clamsmtpd.init.in")

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as at a boot"),
    pytest.mark.skipif(shutil.which("start-stop-daemon") is None, reason="no start-stop-daemon"),
]


@pytest.fixture
def init(make):
    r = make(start=False)
    for path in (r.directory, r.daemon.spool):
        shutil.chown(path, "nobody")
    r.daemon.options.update(PidFile=r.directory + "/pid", User="nobody")
    r.daemon.write_config()
    script = r.directory + "/init"
    with open(SCRIPT) as f:
        text = f.read()
    with open(script, "w") as f:
        f.write(text.replace("@sbindir@/clamsmtpd", OURS)
                .replace("@sysconfdir@/clamsmtpd.conf", r.daemon.config))

    def run(*verb):
        p = subprocess.run(["sh", script, *verb], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=WAIT, encoding="latin-1")
        return p.returncode, p.stdout
    run.rig = r
    yield run
    run("stop")


def pid_of(r):
    with open(r.daemon.options["PidFile"]) as f:
        return int(f.read())


def test_the_verbs(init):
    r = init.rig
    assert init("status") == (3, "clamsmtpd is not running.\n")
    assert init("stop") == (0, "clamsmtpd stopped.\n")
    assert init("start") == (0, "clamsmtpd started.\n")
    first = pid_of(r)
    assert init("start") == (0, "clamsmtpd is already running.\n")
    assert init("status") == (0, "clamsmtpd is running.\n")
    for verb in ("restart", "force-reload"):
        assert init(verb) == (0, "clamsmtpd stopped.\nclamsmtpd started.\n")
        assert pid_of(r) != first
        with Client(r.daemon.address) as c:
            assert c.mail()[:3] == b"250"
    assert init("stop") == (0, "clamsmtpd stopped.\n")
    assert init("status")[0] == 3 and not os.path.exists(r.daemon.options["PidFile"])
    assert init()[0] == init("reload")[0] == 2


def test_a_pid_file_left_behind(init):
    r = init.rig
    with open(r.daemon.options["PidFile"], "w") as f:
        f.write("4194000\n")
    shutil.chown(r.daemon.options["PidFile"], "nobody")
    assert init("status")[0] == 1
    assert init("start") == (0, "clamsmtpd started.\n")
    assert init("status")[0] == 0


def test_a_wrong_configuration(init):
    with open(init.rig.daemon.config, "a") as f:
        f.write("Nonsense: x\n")
    code, out = init("start")
    assert code != 0 and "invalid config line: Nonsense" in out


def test_a_pid_file_that_cannot_be_written(init):
    r = init.rig
    os.mkdir(r.daemon.options["PidFile"])
    code, out = init("start")
    assert code != 0 and "could not write" in out, out
    # Nobody else knows it now.
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/cmdline" % name, "rb") as f:
                    if r.daemon.config.encode() in f.read():
                        os.kill(int(name), 15)
            except OSError:
                pass
    os.rmdir(r.daemon.options["PidFile"])
