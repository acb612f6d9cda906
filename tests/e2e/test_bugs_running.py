# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Bugs of 1.10: log, action, crashes, the end, files and privileges."""

import contextlib
import os
import pwd
import re
import resource
import signal
import time

import pytest

from bugs import Bugs, client
from cells import children, limited, root_only
from rig import CONTENT, GREETING, INFECTED, LOCAL_ERROR, QUEUED, Client, Hold, wait_until

BUGS = Bugs()
bug = BUGS.bug


# ------------------------------------------------------------ log and action

@bug()
def control_octets_in_the_log(r):
    with client(r) as c:
        c.mail(sender=b"a\x1b[2J@example.org")
    assert "\x1b" not in r.daemon.wait_log(r"from=a.*2J").string


@bug()
def an_address_forges_the_status(r):
    with client(r) as c:
        c.mail(sender=b"forger, to=x@y, status=CLEAN")
    assert r.daemon.wait_log("from=forger").string.count(", status=") == 1


@bug()
def clean_is_logged_for_what_was_refused(r):
    r.server.on(".", b"554 no\r\n")
    with client(r) as c:
        assert c.mail(sender=b"refused@example.org") == b"554 no\r\n"
    assert "status=CLEAN" not in r.daemon.wait_log("from=refused").string


def action_output(r, command):
    """What a VirusAction writes to a file."""
    path = os.path.join(r.directory, "out")
    r.daemon.options["VirusAction"] = "%s > %s.new; mv %s.new %s" % (command, path, path, path)
    r.daemon.start()

    def read():
        wait_until(lambda: os.path.exists(path), "the action's end", r.patience)
        with open(path, "rb") as f:
            return f.read()
    return read


@bug(start=False)
def the_action_has_no_standard_descriptors(r):
    read = action_output(r, "exec 7</dev/null 2>/dev/null; readlink /proc/self/fd/0 /proc/self/fd/2")
    with client(r) as c:
        c.mail(INFECTED)
        assert read() == b"/dev/null\n/dev/null\n"


@bug(start=False)
def many_recipients_evade_the_action(r):
    read = action_output(r, "echo done")
    with client(r) as c:
        c.send(b"MAIL FROM:<a@b>\r\n")
        c.reply()
        for n in range(160):
            assert c.cmd(b"RCPT TO:<%d-%s@example.net>" % (n, b"x" * 1000))[:3] == b"250"
        c.data(INFECTED)
        assert read() == b"done\n"


@bug(start=False)
def zombies(r):
    read = action_output(r, "echo done")
    with client(r) as c:
        c.mail(INFECTED)
        read()
        wait_until(lambda: not children(r.daemon.pid), "the end of the child", r.patience)


@bug(start=False)
def line_ends_in_the_environment(r):
    read = action_output(r, "printenv REMOTE_HELO")
    with client(r) as c:
        c.cmd(b"XFORWARD ADDR=1.2.3.4 HELO=spike.example")
        c.mail(INFECTED)
        assert read() == b"spike.example\n"


@bug(start=False)
def a_part_of_a_word_is_an_attribute(r):
    read = action_output(r, "echo ${REMOTE-none}")
    with client(r) as c:
        c.cmd(b"XFORWARD NAME=ADDR=8.8.8.8 PORT=25")
        c.mail(INFECTED)
        assert read() == b"none\n"


@bug(start=False)
def the_name_behind_the_address_is_lost(r):
    read = action_output(r, "echo $REMOTE $REMOTE_HELO")
    with client(r) as c:
        c.cmd(b"XFORWARD ADDR=1.2.3.4 HELO=a+2Eexample PORT=25")
        c.mail(INFECTED)
        assert read() == b"1.2.3.4 a.example\n"


# ------------------------------------------------------------------- crashes

@bug()
def a_file_size_limit_kills(r):
    with client(r) as c:
        with limited(r, resource.RLIMIT_FSIZE, 10000):
            assert c.mail(CONTENT + b"x" * 500000 + b"\r\n") == LOCAL_ERROR
        assert c.mail() == QUEUED


MANY = 520


@bug(MaxConnections="1000", preexec=lambda: resource.setrlimit(
    resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])),
    marks=pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 4096,
                             reason="needs 4096 descriptors (ulimit -Hn)"))
def many_connections_kill(r):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    try:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(client(r)) for _ in range(MANY)]
            assert all(c.greeting == GREETING for c in clients)
            assert clients[-1].mail() == QUEUED
            r.server.stop()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@bug()
def a_shortage_of_descriptors_spins(r):
    mark = r.daemon.mark()
    with limited(r, resource.RLIMIT_NOFILE, 4):
        with Client(r.daemon.address, greet=False):
            time.sleep(0.5)
    assert len(r.daemon.log_since(mark)) < 20


# --------------------------------------------------------------- time, the end

@bug(TimeOut="1")
def a_command_in_drops_has_no_end(r):
    with client(r) as c:
        end = time.monotonic() + r.patience
        while c.silent(0.2):
            assert time.monotonic() < end
            c.send(b"x")
        assert c.reply()[:3] == b"421"


@bug(TimeOut="1")
def content_in_drops_has_no_end(r):
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        end = time.monotonic() + r.patience
        while c.silent(0.2):
            assert time.monotonic() < end
            c.send(b"x")
        assert c.reply()[:3] == b"421"


@bug(TimeOut="1")
def an_idle_client_is_not_told(r):
    with client(r) as c:
        assert c.reply()[:3] == b"421"


@bug()
def an_unreachable_server_is_not_told(r):
    r.server.stop()
    with client(r) as c:
        assert c.greeting[:3] == b"421"


@bug(KeepAlives="1")
def no_keep_alive_in_a_silent_content(r):
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        wait_until(lambda: b"NOOP\r\n" in r.server.lines, "NOOP", r.patience)


@bug(KeepAlives="1")
def no_keep_alive_in_a_scan(r):
    with client(r) as c:
        with r.held(c):
            wait_until(lambda: b"NOOP\r\n" in r.server.lines, "NOOP", r.patience)
        c.reply()


@bug()
def a_stop_doubles_the_message(r):
    with client(r) as c:
        with r.held(c):
            r.daemon.signal(signal.SIGTERM)
            r.daemon.wait_log("waiting for threads to quit")
        reply = c.rest()
    r.daemon.wait_exit()
    assert (reply[:3] == b"250") == bool(r.server.messages)
    assert reply[:3] in (b"250", b"421")


@bug()
def a_stop_cuts_off_the_last_step(r):
    hold = Hold()
    r.server.on(".", (hold, QUEUED))
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
        r.daemon.signal(signal.SIGTERM)
        r.daemon.wait_log("waiting for threads to quit")
        hold.release()
        assert c.reply() == QUEUED


@bug()
def a_stop_is_not_told(r):
    with client(r) as c:
        r.daemon.signal(signal.SIGTERM)
        assert c.reply()[:3] == b"421"


# ------------------------------------------------------- files and privileges

@bug()
def a_killed_daemon_leaves_its_files(r):
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT * 1000)
        wait_until(r.daemon.temp_files)
        r.daemon.kill()
    r.daemon.start()
    assert not r.daemon.temp_files()


@bug()
def the_group_may_read_mail(r):
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT * 1000)
        assert all(os.stat(path).st_mode & 0o077 == 0 for path in wait_until(r.daemon.temp_files))


@bug(start=False)
def a_missing_spool_is_not_noticed(r):
    os.rmdir(r.daemon.spool)
    r.daemon.spawn()
    assert r.daemon.process.wait(r.patience) != 0


@bug(start=False)
def the_pid_file_follows_links(r):
    victim, link = os.path.join(r.directory, "victim"), os.path.join(r.directory, "pid")
    with open(victim, "w") as f:
        f.write("precious")
    os.symlink(victim, link)
    r.daemon.options["PidFile"] = link
    r.daemon.start()
    with open(victim) as f:
        assert f.read() == "precious"


@bug(start=False, marks=root_only)
def groups_are_kept(r):
    nobody = pwd.getpwnam("nobody")
    os.chown(r.daemon.spool, nobody.pw_uid, nobody.pw_gid)
    r.daemon.options["User"] = "nobody"
    r.daemon.preexec = lambda: os.setgroups([0, 4, 27])
    r.daemon.start()
    with open("/proc/%d/status" % r.daemon.pid) as f:
        groups = re.search(r"^Groups:(.*)$", f.read(), re.M).group(1).split()
    assert "0" not in groups and "4" not in groups


@bug(start=False)
def nul_cuts_the_configuration(r):
    # What stands behind it would be ignored without a word.
    r.daemon.options["Header"] = "X-A: \0"
    r.daemon.options["Action"] = "nonsense"
    r.daemon.spawn()
    assert r.daemon.process.wait(r.patience) != 0


stage, test_ours, test_original = BUGS.tests()
