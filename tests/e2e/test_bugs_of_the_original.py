# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""What clamsmtpd 1.10 does wrong where safety or mail is at stake.

Each bug is a function that asserts the right behaviour.  It passes with ours
and must fail with the original: otherwise it would prove nothing.
"""

import contextlib
import os
import pwd
import re
import resource
import shutil
import signal
import subprocess
import time

import pytest

from conftest import new_directory
from cells import children, limited
from rig import (CLOSE, CONTENT, GREETING, INFECTED, LOCAL_ERROR, OURS, WAIT, Client, Hold,
                 Rig, original, wait_until)

ORIGINAL = original()
QUEUED = b"250 2.0.0 queued as 4711\r\n"
PATIENCE = {OURS: WAIT, ORIGINAL: 2}  # seconds; the original hangs where it is wrong
BUGS = {}


class Bug:
    def __init__(self, check, options, marks):
        self.check, self.options, self.marks = check, options, marks


def bug(marks=(), **options):
    """options: of the daemon; `start=False` leaves the start to the check."""
    def register(check):
        BUGS[check.__name__] = Bug(check, options, marks)
        return check
    return register


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def stage():
    rigs = []

    def start(binary, options):
        path = new_directory()
        rigs.append((path, None))
        r = Rig(path, binary=binary, **options)
        r.patience = PATIENCE[binary]
        rigs[-1] = (path, r)
        return r

    yield start
    for path, r in rigs:
        if r:
            r.close(check=False)
        shutil.rmtree(path, ignore_errors=True)


def client(r, **kw):
    return r.client(timeout=r.patience, **kw)


def no_early_end(raw):
    """No reading of line ends finds an end of data in it."""
    return re.search(rb"(\A|[\r\n])\.[\r\n]", raw) is None and re.search(rb"(?<!\r)\n|\r(?!\n)", raw) is None


# -------------------------------------------------------- what is forwarded

SMUGGLED = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nevil\r\n.\r\n"


@bug()
def smuggling_by_nul(r):
    with client(r) as c:
        assert c.mail(CONTENT + b"x\r\n\0\n.\r\0\n\n" + SMUGGLED[:-3]) == QUEUED
        c.cmd(b"NOOP")
    assert len(r.server.messages) == 1


@bug()
def nul_in_the_content(r):
    with client(r) as c:
        assert c.mail(b"A: b\r\n\r\na\0b\r\n\0\r\nc\r\n") == QUEUED
    assert r.server.messages[0].content.endswith(b"\r\na\0b\r\n\0\r\nc\r\n")


@bug()
def a_dot_behind_a_bare_newline(r):
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(b"A: b\r\n\r\na\n.\r\nb\r\n.\r\n")
        assert c.reply() == QUEUED
    assert r.server.messages[0].content.endswith(b"\r\na\r\n.\r\nb\r\n")


@bug()
def smuggling_by_bare_newlines(r):
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(b"A: b\r\n\r\n1\n.\n2\r.\r3\n.\r\n4\r\n.\n5\r\n.\r6\r\n.\r\n")
        assert c.reply() == QUEUED
    assert no_early_end(r.server.messages[0].raw)


@bug()
def a_carriage_return_in_a_command(r):
    with client(r) as c:
        c.cmd(b"NOOP a\rRCPT TO:<evil@example.org>")
    assert not any(b"\rRCPT" in l for l in r.server.lines)


@bug()
def an_empty_message(r):
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(b".\r\n")
        assert c.reply() == QUEUED
    assert len(r.server.messages) == 1


@bug(Header="X-Scanned: yes")
def no_header_without_a_body(r):
    with client(r) as c:
        assert c.mail(b"Subject: only headers\r\n") == QUEUED
    assert b"X-Scanned: yes\r\n" in r.server.messages[0].content


# --------------------------------------------------------- commands, replies

@bug()
def content_becomes_commands_without_a_spool(r):
    os.rename(r.daemon.spool, r.daemon.spool + "~")
    try:
        with client(r) as c:
            c.mail(CONTENT + b"VRFY evil\r\n" * 20)
            c.send(b"NOOP\r\n")
            for _ in range(50):
                if c.silent(0.5):
                    break
                c.line()
    finally:
        os.rename(r.daemon.spool + "~", r.daemon.spool)
    for connection in list(r.server.connections):
        connection.wait_closed()
    assert b"VRFY evil\r\n" not in r.server.lines


@bug()
def nul_glues_commands(r):
    with client(r) as c:
        c.send(b"NOOP \0 a\r\n")
        assert c.reply()[:1] == b"5"
        assert c.cmd(b"RSET") == b"250 2.0.0 reset\r\n"
    assert r.server.lines == [b"RSET\r\n"]


@bug()
def an_unfinished_command_is_completed(r):
    with client(r) as c:
        c.ehlo(b"long-name.example")
        c.send(b"QUIT")
        c.half_close()
        c.rest()
    r.server.connections[0].wait_closed()
    assert r.server.lines == [b"EHLO long-name.example\r\n"]


@bug()
def an_unfinished_reply_shows_other_octets(r):
    r.server.on("NOOP", (b"250 partial", CLOSE))
    with client(r) as c:
        c.ehlo()
        before = len(c.received)
        c.send(b"NOOP\r\n")
        c.rest()
        assert b"partial" not in c.received[before:]


@bug()
def pipelined_ehlo_is_not_filtered(r):
    r.server.keywords = [b"STARTTLS", b"SIZE"]
    with client(r) as c:
        c.send(b"EHLO x\r\nNOOP\r\n")
        assert b"STARTTLS" not in c.reply()
        assert c.reply() == b"250 2.0.0 noop\r\n"


@bug()
def pipelined_data_is_out_of_step(r):
    with client(r) as c:
        c.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
        assert [c.reply()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
        c.send(CONTENT + b".\r\n")
        assert c.reply() == QUEUED


def check_several_lines(r, step, reply, content=CONTENT):
    r.server.on(step, [reply, None])
    with client(r) as c:
        c.ehlo()
        first = c.mail(content)
        assert first == (QUEUED if content == CONTENT else b"550 Virus Detected; Content Rejected\r\n")
        assert c.cmd(b"VRFY x") == b"252 2.0.0 maybe\r\n"
        assert c.mail() == QUEUED


@bug(Action="bounce")
def several_lines_at_rset(r):
    check_several_lines(r, "RSET", b"250-a\r\n250 b\r\n", INFECTED)


@bug()
def several_lines_at_data(r):
    check_several_lines(r, "DATA", b"354-a\r\n354 b\r\n")


@bug(XClient="on")
def several_lines_at_xclient(r):
    r.server.keywords = [b"XCLIENT ADDR"]
    check_several_lines(r, "XCLIENT", b"250-a\r\n250 b\r\n")


@bug(KeepAlives="1")
def several_lines_at_noop(r):
    r.server.on("NOOP", b"250-a\r\n250 b\r\n")
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        for _ in range(3):
            c.send(CONTENT)
            time.sleep(0.9)
        c.send(b".\r\n")
        assert c.reply() == QUEUED
        assert c.cmd(b"VRFY x") == b"252 2.0.0 maybe\r\n"


@bug()
def xexch50_is_not_refused(r):
    with client(r) as c:
        assert c.cmd(b"XEXCH50 10 2")[:1] == b"5"
    assert not r.server.lines


@bug()
def a_line_of_auth_is_taken_for_a_command(r):
    r.server.on("AUTH", b"334 VXNlcm5hbWU6\r\n")
    r.server.on("DATA", b"235 2.7.0 welcome\r\n")
    with client(r) as c:
        c.cmd(b"AUTH LOGIN")
        assert c.cmd(b"DATA") == b"235 2.7.0 welcome\r\n"


@bug()
def a_half_closed_client_loses_its_reply(r):
    hold = Hold()
    r.server.on("NOOP", (hold, b"250 late\r\n"))
    with client(r) as c:
        c.send(b"NOOP\r\n")
        c.half_close()
        hold.wait_reached()
        hold.release()
        assert c.rest() == b"250 late\r\n"


@bug(XClient="on")
def no_ehlo_after_xclient(r):
    r.server.keywords = [b"XCLIENT ADDR"]
    with client(r) as c:
        c.ehlo()
        c.cmd(b"NOOP")
    assert r.server.connections[0].verbs == ["EHLO", "XCLIENT", "EHLO", "NOOP"]


@bug()
def a_greeting_of_several_lines_shows_the_server(r):
    r.server.banner = b"220-real.example\r\n220 real.example\r\n"
    with client(r) as c:
        assert b"real.example" not in c.greeting


# ----------------------------------------------------------------- verdicts

def check_verdict(r, answer):
    r.clamd.next(answer)
    with client(r) as c:
        assert c.mail() == LOCAL_ERROR
    assert not r.server.messages


@bug()
def notok_is_clean(r):
    check_verdict(r, b"{path}: NOTOK{end}")


@bug()
def ok_for_another_file_is_clean(r):
    check_verdict(r, b"/other/path: OK{end}")


@bug()
def ok_behind_found_is_clean(r):
    check_verdict(r, b"a FOUND b OK{end}")


@bug()
def a_naked_ok_is_clean(r):
    check_verdict(r, b"OK{end}")


@bug()
def a_second_line_of_clamd_is_not_seen(r):
    r.clamd.next(b"{path}: OK{end}{path}: Late FOUND{end}")
    with client(r) as c:
        c.mail()
    assert not r.server.messages


@bug()
def a_long_answer_of_clamd_kills(r):
    r.clamd.next((b"x" * 100000 + b": OK{end}", CLOSE))
    with client(r) as c:
        assert c.mail() == LOCAL_ERROR
    with client(r) as c:
        assert c.mail() == QUEUED


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
    hold = Hold()
    r.clamd.next((hold, b"{path}: OK{end}"))
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\n")
        try:
            wait_until(lambda: b"NOOP\r\n" in r.server.lines, "NOOP", r.patience)
        finally:
            hold.release()
        c.reply()


@bug()
def a_stop_doubles_the_message(r):
    hold = Hold()
    r.clamd.next((hold, b"{path}: OK{end}"))
    with client(r) as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
        r.daemon.signal(signal.SIGTERM)
        r.daemon.wait_log("waiting for threads to quit")
        hold.release()
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


# ------------------------------------------------------------------- the tests

PARAMETERS = [pytest.param(n, marks=b.marks) for n, b in BUGS.items()]


def play(stage, name, binary):
    """The check, to be called; the daemon is known to work."""
    b = BUGS[name]
    r = stage(binary, b.options)
    if r.daemon.alive():
        with r.client() as c:
            assert c.mail() == QUEUED
        r.clear()
    return lambda: b.check(r)


@pytest.mark.parametrize("name", PARAMETERS)
def test_ours(stage, name):
    play(stage, name, OURS)()


@pytest.mark.skipif(ORIGINAL is None, reason="no clamsmtpd 1.10 (./bootstrap packages check, or CLAMSMTPD_ORIGINAL)")
@pytest.mark.parametrize("name", PARAMETERS)
def test_original(stage, name):
    check = play(stage, name, ORIGINAL)
    with pytest.raises((AssertionError, OSError, subprocess.TimeoutExpired)):
        check()
