# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Start and stop: detaching, the pid file, User, signals, what is cleaned."""

import contextlib
import os
import pwd
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest

from rig import CONTENT, GREETING, LOCAL_ERROR, OURS, STOPPING, WAIT, Client, Hold, wait_until

# Each of these ended 1.10, or ends who has never heard of it.
IGNORED = (signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM,
           signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO, signal.SIGPWR)
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def gone(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Detached:
    """The daemon as an init script starts it: no -d, found by its pid file."""

    def __init__(self, r, **options):
        self.r, self.daemon = r, r.daemon
        self.pid_file = os.path.join(r.directory, "pid")
        r.daemon.options.update(PidFile=self.pid_file, **options)
        r.daemon.write_config()
        self.pid = None

    def launch(self, **how):
        p = subprocess.run([OURS, "-f", self.daemon.config], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT,
                           encoding="latin-1", **how)
        if p.returncode == 0:
            with open(self.pid_file) as f:
                text = f.read()
            assert text == "%d\n" % int(text)
            self.pid = int(text)
        return p

    def stop(self):
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            wait_until(lambda: gone(self.pid), "the end of the daemon")
            self.pid = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


def test_detached(make):
    with Detached(make(start=False)) as d:
        p = d.launch()
        assert (p.returncode, p.stdout) == (0, "")
        # The launcher returned, so it listens already.
        with Client(d.daemon.address) as c:
            assert c.mail()[:3] == b"250"
        proc = "/proc/%d" % d.pid
        if os.geteuid() == 0:  # others may not look in
            assert os.readlink(proc + "/cwd") == "/"
            assert {os.readlink(proc + "/fd/%d" % n) for n in (0, 1, 2)} == {"/dev/null"}
        with open(proc + "/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        assert int(fields[3]) == d.pid, "no session of its own"
        assert os.sched_getscheduler(d.pid) == os.SCHED_BATCH
        d.stop()
        assert not os.path.exists(d.pid_file)


def test_bind_errors_reach_the_one_who_starts(make):
    r = make()
    r.daemon.auto_listen = False
    with Detached(r) as d:
        p = d.launch()
        assert p.returncode == 1
        assert p.stderr.splitlines()[-1] == \
            "clamsmtpd: couldn't bind to address: %s: Address already in use" % r.daemon.options["Listen"]
        assert not os.path.exists(d.pid_file)


def test_bind_errors_in_the_foreground(make):
    r = make()
    p = subprocess.run([OURS, "-f", r.daemon.config, "-d", "0"], stderr=subprocess.PIPE,
                       timeout=WAIT, encoding="latin-1")
    assert p.returncode == 1
    assert "clamsmtpd: couldn't bind to address: %s: Address already in use\n" % \
        r.daemon.options["Listen"] in p.stderr


def test_a_second_daemon_with_the_same_pid_file(make):
    with Detached(make(start=False)) as d:
        assert d.launch().returncode == 0
        first = d.pid
        d.daemon.write_config()  # another port
        p = subprocess.run([OURS, "-f", d.daemon.config], stderr=subprocess.PIPE, timeout=WAIT,
                           encoding="latin-1")
        assert p.returncode == 1
        assert d.pid_file in p.stderr
        with open(d.pid_file) as f:
            assert f.read() == "%d\n" % first


def test_a_stale_pid_file_does_not_matter(make):
    with Detached(make(start=False)) as d:
        with open(d.pid_file, "w") as f:
            f.write("99999999\n")
        assert d.launch().returncode == 0
        assert d.pid != 99999999


def test_a_pid_file_that_is_a_link_is_not_followed(make):
    r = make(start=False)
    victim, link = r.directory + "/victim", r.directory + "/pid"
    with open(victim, "w") as f:
        f.write("precious")
    os.symlink(victim, link)
    # As 1.10, it goes on without a pid file; in the foreground, so that it can be stopped.
    r.daemon.options["PidFile"] = link
    r.daemon.start()
    r.daemon.wait_log("^couldn't open pid file: %s: " % link)
    r.daemon.stop()
    assert os.path.islink(link)
    with open(victim) as f:
        assert f.read() == "precious"


def test_a_pid_file_that_is_not_ours_any_more_stays(make):
    with Detached(make(start=False)) as d:
        d.launch()
        os.unlink(d.pid_file)
        with open(d.pid_file, "w") as f:
            f.write("1\n")
        d.stop()
        with open(d.pid_file) as f:
            assert f.read() == "1\n"


def test_pid_file_by_flag_and_by_option(make):
    r = make(start=False)
    flag, option = r.directory + "/flag", r.directory + "/option"
    r.daemon.args = ["-p", flag]
    r.daemon.start()
    with open(flag) as f:
        assert f.read() == "%d\n" % r.daemon.pid
    assert "wrote pid file: " + flag in r.daemon.log_lines
    r.daemon.stop()
    assert not os.path.exists(flag)
    assert "removed pid file: " + flag in r.daemon.log_lines
    r.daemon.options["PidFile"] = option
    r.daemon.start()
    assert os.path.exists(option) and not os.path.exists(flag)
    assert any(l.startswith("ignoring pid file specified on the command line.")
               for l in r.daemon.log_lines)
    r.daemon.stop()


def test_the_lines_of_start_and_stop(make):
    r = make(PidFile="", start=False)
    r.daemon.options["PidFile"] = r.directory + "/pid"
    r.daemon.start()
    r.daemon.stop()
    wanted = ["starting up (2.0.0)...", "created socket: " + r.daemon.options["Listen"],
              "accepting connections", "waiting for threads to quit", "stopped processing"]
    assert [l for l in r.daemon.log_lines if l in wanted] == wanted


# What is not there yet at boot: the service manager tries that again, but not
# exit status 2.
@pytest.mark.parametrize("status, options", [
    (1, {"TempDirectory": "{d}/none"}),
    (1, {"Listen": "{d}/none/s"}),
    (1, {"Listen": "192.0.2.1:10025"}),
    (1, {"Listen": "no-such-host.invalid:10025"}),
    (1, {"User": "no-such-user"}),
    (2, {"TempDirectory": "{d}/clamd"}),
    (2, {"TimeOut": "x"}),
    (2, {"Listen": "127.0.0.1:99999"}),
    (2, {"Nonsense": "x"}),
])
def test_exit_status_2_is_a_wrong_configuration_and_nothing_else(make, status, options):
    r = make(start=False)
    r.daemon.options.update({name: value.format(d=r.directory) for name, value in options.items()})
    r.daemon.auto_listen = "Listen" not in options
    r.daemon.spawn()
    assert r.daemon.wait_exit() == status, r.daemon.log_lines


@pytest.mark.parametrize("detached", [True, False])
def test_a_pid_file_that_cannot_be_written(make, detached):
    """Who detaches can be found by it alone."""
    r = make(start=False)
    if not detached:
        r.daemon.options["PidFile"] = r.directory + "/none/pid"
        r.daemon.start()
        return
    with Detached(r) as d:
        d.pid_file = r.daemon.options["PidFile"] = r.directory + "/none/pid"
        r.daemon.write_config()
        p = d.launch()
        assert p.returncode == 1
        assert "clamsmtpd: couldn't open pid file: %s: No such file or directory" % d.pid_file in p.stderr
    with pytest.raises(ConnectionRefusedError):
        Client(r.daemon.address)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_signals_that_stop(make, number):
    r = make()
    start = time.monotonic()
    r.daemon.signal(number)
    assert r.daemon.wait_exit() == 0
    assert time.monotonic() - start < 3


def test_signals_that_do_not(rig):
    for number in IGNORED:
        rig.daemon.signal(number)
    with rig.client() as c:
        assert c.mail()[:3] == b"250"


def test_idle_sessions_are_told(make):
    r = make()
    clients = [r.client() for _ in range(3)]
    clients[1].ehlo()
    clients[2].envelope()
    r.daemon.signal(signal.SIGTERM)
    for c in clients:
        assert c.reply() == STOPPING
        c.expect_eof()
    assert r.daemon.wait_exit() == 0
    assert not r.server.messages


def test_a_stop_in_the_content(make):
    r = make()
    with r.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT)
        r.daemon.signal(signal.SIGTERM)
        assert c.reply() in (STOPPING, LOCAL_ERROR)
    assert r.daemon.wait_exit() == 0
    assert not r.server.messages and not r.daemon.temp_files()


def test_a_stop_during_the_scan(make):
    r = make()
    with r.client() as c:
        with r.held(c):
            r.daemon.signal(signal.SIGTERM)
            r.daemon.wait_log("waiting for threads to quit")
        reply = c.reply()
    assert r.daemon.wait_exit() == 0
    # Delivered and acknowledged, or neither.
    assert (reply[:3] == b"250") == (len(r.server.messages) == 1), reply
    assert reply[:3] in (b"250", b"421", b"451")


def test_a_stop_in_the_last_step(make):
    hold = Hold()
    r = make()
    r.server.on(".", (hold, b"250 2.0.0 queued late\r\n"))
    with r.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
        r.daemon.signal(signal.SIGTERM)
        r.daemon.wait_log("waiting for threads to quit")
        with pytest.raises(ConnectionRefusedError):
            Client(r.daemon.address)
        hold.release()
        assert c.reply() == b"250 2.0.0 queued late\r\n"
    assert r.daemon.wait_exit() == 0
    assert len(r.server.messages) == 1


def test_what_a_killed_daemon_left_is_removed(make):
    r = make()
    hold = r.clamd.hold()
    c = r.client()
    c.envelope()
    c.cmd(b"DATA")
    c.send(b"x" * 3000000 + b"\r\n.\r\n")
    hold.wait_reached()
    names = {"clamsmtpd.aaaaaa": False, "virus.aaaaaa": True, "clamsmtpd.conf": True, "other": True}
    for name in names:
        open(os.path.join(r.daemon.spool, name), "w").close()
    if os.geteuid() == 0:
        names["clamsmtpd.bbbbbb"] = True  # somebody else's
        open(os.path.join(r.daemon.spool, "clamsmtpd.bbbbbb"), "w").close()
        os.chown(os.path.join(r.daemon.spool, "clamsmtpd.bbbbbb"), 65534, 65534)
    r.daemon.kill()
    hold.release()
    c.close()
    r.daemon.start()
    assert set(os.listdir(r.daemon.spool)) == {n for n, stays in names.items() if stays}
    for name in os.listdir(r.daemon.spool):
        os.unlink(os.path.join(r.daemon.spool, name))


def test_nothing_is_removed_from_a_directory_in_use(make):
    r = make()
    path = os.path.join(r.daemon.spool, "clamsmtpd.aaaaaa")
    open(path, "w").close()
    other = make(TempDirectory=r.daemon.spool)
    assert os.path.exists(path)
    assert other.daemon.alive()
    os.unlink(path)


def status(pid, name):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith(name + ":"):
                return [int(x) for x in line.split()[1:]]


@root_only
@pytest.mark.parametrize("by_number", [False, True])
def test_user(make, by_number):
    nobody = pwd.getpwnam("nobody")
    name = str(nobody.pw_uid) if by_number else "nobody"
    r = make(start=False)
    os.chown(r.daemon.spool, nobody.pw_uid, nobody.pw_gid)
    r.daemon.preexec = lambda: os.setgroups([0, 4, 27])
    r.daemon.options["User"] = name
    r.daemon.start()
    r.daemon.wait_log(r"^switched to user %s \(uid %d, gid %d\)$" % (name, nobody.pw_uid, nobody.pw_gid))
    assert status(r.daemon.pid, "Uid") == [nobody.pw_uid] * 4
    assert status(r.daemon.pid, "Gid") == [nobody.pw_gid] * 4
    assert set(status(r.daemon.pid, "Groups")) <= {nobody.pw_gid}
    assert not any("running as root" in l for l in r.daemon.log_lines)
    with r.client() as c:
        assert c.mail()[:3] == b"250"


@root_only
def test_root_is_warned(make):
    assert "running as root is NOT recommended" in make().daemon.log_lines


@root_only
@pytest.mark.parametrize("user, message", [
    ("no-such-user", "couldn't look up user: no-such-user"),
    ("99999", "couldn't look up user: 99999"),
    ("root", "unable to completely drop privileges"),
])
def test_bad_users(make, user, message):
    r = make(start=False, User=user)
    r.daemon.spawn()
    assert r.daemon.wait_exit() == 1
    assert any(l.startswith(message) for l in r.daemon.log_lines)


@root_only
def test_user_without_root(make):
    r = make(start=False, User="nobody")
    os.chown(r.daemon.spool, 1, 1)
    os.chmod(r.directory, 0o755)

    def become(uid):
        def drop():
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        return drop
    r.daemon.preexec = become(1)
    r.daemon.spawn()
    assert r.daemon.wait_exit() == 1
    assert any(l.startswith("must be started as root to switch to user: nobody")
               for l in r.daemon.log_lines)
    os.chown(r.daemon.spool, 65534, 65534)
    r.daemon.preexec = become(65534)
    r.daemon.start()
    with r.client() as c:
        assert c.greeting == GREETING


@root_only
def test_only_an_effective_user_is_not_the_user(make):
    """Root's other user ids would be a way back."""
    r = make(start=False, User="nobody")
    os.chown(r.daemon.spool, 65534, 65534)
    r.daemon.preexec = lambda: os.seteuid(65534)
    r.daemon.spawn()
    assert r.daemon.wait_exit() == 1
    assert any(l.startswith("must be started as root to switch to user: nobody") for l in r.daemon.log_lines)


def test_there_are_no_core_dumps(rig):
    with open("/proc/%d/limits" % rig.daemon.pid) as f:
        line, = (l for l in f if l.startswith("Max core file size"))
    assert line.split()[4:6] == ["0", "0"]


@root_only
def test_a_detached_daemon_cannot_be_dumped_at_all(make):
    """A program that takes core dumps (core(5)) does not go by the limit."""
    r = make(start=False)
    os.chown(r.daemon.spool, 65534, 65534)
    os.chmod(r.directory, 0o777)
    # Started by its user: one who gives root up cannot be dumped anyway.
    with Detached(r, User="nobody") as d:
        assert d.launch(preexec_fn=lambda: (os.setgroups([]), os.setgid(65534), os.setuid(65534))).returncode == 0
        assert status(d.pid, "Uid") == [65534] * 4
        # proc(5): root's when the process cannot be dumped.
        assert os.stat("/proc/%d/environ" % d.pid).st_uid == 0


@pytest.mark.parametrize("how", ["no TempDirectory", "pid file of another"])
def test_no_socket_is_left_by_a_failed_start(local_rig, make, how):
    r = local_rig(start=False)
    other = make(start=False)
    if how == "no TempDirectory":
        r.daemon.options["TempDirectory"] = r.directory + "/none"
    else:
        r.daemon.options["PidFile"] = other.daemon.options["PidFile"] = other.directory + "/pid"
        other.daemon.start()
    r.daemon.spawn()
    assert r.daemon.wait_exit() in (1, 2)
    assert not os.path.exists(r.daemon.address)


def test_the_last_step_has_its_time(make):
    """What takes the server TimeOut twice is not waited for by a stop."""
    hold, never = Hold(), Hold()
    r = make(TimeOut="6")
    r.server.on("DATA", (hold, b"354 go\r\n"))
    r.server.on(".", (never, b"250 late\r\n"))
    with r.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
        began = time.monotonic()
        r.daemon.signal(signal.SIGTERM)
        time.sleep(4)
        hold.release()
        assert c.reply() == LOCAL_ERROR
    assert r.daemon.wait_exit() == 0
    assert time.monotonic() - began < 9
    never.release()


def test_a_stop_under_endless_content(directory, make):
    """The sender is faster than the daemon, which so never has to wait."""
    r = make(preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
    path = os.path.join(directory, "endless")
    with open(path, "wb") as f:
        f.write(b"x\r\n" * ((16 << 20) // 3))

    def pour(c):
        with contextlib.suppress(OSError):
            while os.sendfile(c.sock.fileno(), f.fileno(), 0, 1 << 24) > 0:
                pass
    with contextlib.ExitStack() as stack:
        f = stack.enter_context(open(path, "rb"))
        c = stack.enter_context(r.client())
        c.envelope()
        assert c.cmd(b"DATA")[:3] == b"354"
        c.sock.setblocking(True)
        t = threading.Thread(target=pour, args=(c,))
        t.start()
        r.daemon.wait_log("couldn't write to cache file: .*File too large")
        time.sleep(0.5)
        began = time.monotonic()
        r.daemon.signal(signal.SIGTERM)
        try:
            assert r.daemon.wait_exit() == 0
            assert time.monotonic() - began < 5
        finally:
            with contextlib.suppress(OSError):
                c.sock.shutdown(socket.SHUT_RDWR)
            t.join()
