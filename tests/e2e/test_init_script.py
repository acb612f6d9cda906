# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The init script: its verbs, through the pid file."""

import concurrent.futures
import contextlib
import os
import shutil
import signal
import subprocess

import pytest

from rig import CONTENT, ENVIRONMENT, INFECTED, OURS, REJECTED, WAIT, Client, Hold, wait_until

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

    def run(*verb, **env):
        p = subprocess.run([*run.wrapper, "sh", script, *verb], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=WAIT, encoding="latin-1", env=dict(ENVIRONMENT, **env))
        return p.returncode, p.stdout
    run.wrapper = []
    run.rig = r
    yield run
    run.wrapper = []
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
    assert init()[0] == init("nonsense")[0] == 2


def test_reload(init):
    r = init.rig
    assert init("reload")[0] == 1, "it does not run"
    assert init("start")[0] == 0
    first = pid_of(r)
    r.daemon.options["Action"] = "bounce"
    r.daemon.auto_listen = False
    r.daemon.write_config()
    assert init("reload") == (0, "clamsmtpd reads its settings again.\n")
    assert pid_of(r) == first

    def bounces():
        with Client(r.daemon.address) as c:
            return c.mail(INFECTED) == REJECTED
    wait_until(bounces, "the new settings")
    with open(r.daemon.config, "a") as f:
        f.write("Action: eat\n")
    code, out = init("reload")
    assert code == 1 and "invalid value for Action (" in out
    assert pid_of(r) == first
    assert init("stop")[0] == 0


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
    assert code == 1 and "couldn't open pid file: " + r.daemon.options["PidFile"] in out, out
    with pytest.raises(ConnectionRefusedError):
        Client(r.daemon.address)
    os.rmdir(r.daemon.options["PidFile"])


@contextlib.contextmanager
def last_step(r):
    """A message whose last reply the server holds back."""
    hold = Hold()
    r.server.on(".", [(hold, b"250 2.0.0 queued late\r\n"), None])
    with Client(r.daemon.address) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
        try:
            yield hold
        finally:
            hold.release()
        assert c.reply() == b"250 2.0.0 queued late\r\n"


def test_a_restart_does_not_wait_for_the_last_messages(init):
    r = init.rig
    assert init("start")[0] == 0
    old = pid_of(r)
    with last_step(r):
        finishing = "clamsmtpd stopped; process %d is finishing its last messages.\n" % old
        assert init("restart") == (0, finishing + "clamsmtpd started.\n")
        assert pid_of(r) != old
        with Client(r.daemon.address) as c:
            assert c.mail()[:3] == b"250"
        assert init("status") == (0, "clamsmtpd is running.\n")
    wait_until(lambda: not os.path.exists("/proc/%d/exe" % old), "the end of the old daemon")
    assert init("status") == (0, "clamsmtpd is running.\n")
    assert len(r.server.messages) == 2


def test_a_stop_says_who_is_finishing(init):
    r = init.rig
    assert init("start")[0] == 0
    old = pid_of(r)
    with last_step(r):
        assert init("stop")[1] == "clamsmtpd stopped; process %d is finishing its last messages.\n" % old
        code, out = init("stop")
        assert code == 0 and "stopped" not in out and " %d." % old in out
        assert init("status")[0] == 3
    wait_until(lambda: init("stop")[1] == "clamsmtpd stopped.\n", "the end of the old daemon")


def test_a_stop_when_the_system_goes_down_waits(init):
    r = init.rig
    assert init("start")[0] == 0
    with last_step(r) as hold:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            stop = pool.submit(init, "stop", RUNLEVEL="0")
            wait_until(lambda: not os.path.exists(r.daemon.options["PidFile"]), "the stop")
            with pytest.raises(concurrent.futures.TimeoutError):
                stop.result(2)
            hold.release()
            assert stop.result(WAIT) == (0, "clamsmtpd stopped.\n")


def test_one_that_does_not_stop_is_not_said_to(init):
    r = init.rig
    assert init("start")[0] == 0
    pid = pid_of(r)
    os.kill(pid, signal.SIGSTOP)
    try:
        code, out = init("stop")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (code, out) == (1, "clamsmtpd (process %d) does not stop.\n" % pid)
    wait_until(lambda: init("status")[0] == 3, "the end of the daemon")


@pytest.mark.parametrize("top", ["/run", "/var/run"])
def test_the_directory_of_the_pid_file_is_made(init, top):
    """In a /run of our own."""
    r = init.rig
    path = top + "/clamsmtpd-test/deep/pid"
    r.daemon.options["PidFile"] = path
    r.daemon.write_config()
    init.wrapper = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /run && for verb in start status; do "
                    "sh \"$1\" $verb || exit; done; ls -ld %s; cat %s; sh \"$1\" stop" % (os.path.dirname(path), path)]
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/run"]).returncode != 0:
        pytest.skip("no mount namespace")
    code, out = init("start")
    assert code == 0, out
    lines = out.splitlines()
    assert lines[:2] == ["clamsmtpd started.", "clamsmtpd is running."]
    assert lines[2].split()[2] == "nobody" and lines[3].isdigit()
    assert lines[4] == "clamsmtpd stopped."
