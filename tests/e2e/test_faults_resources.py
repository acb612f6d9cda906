# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The spool cannot be written, descriptors, threads or memory run out."""

import contextlib
import itertools
import os
import resource
import subprocess

import pytest

from cells import (BIG, ENVELOPE, EVIL, PROMPT, Matrix, check_next, expect_end, limited, mail_again,
                   root_only, settle)
from rig import (BUSY, DISCARDED, FOUND, GREETING, INFECTED, LOCAL_ERROR, NO_SERVER, QUEUED, REJECTED,
                 START_DATA, Client, wait_until)
from soak import sanitized

matrix = Matrix()

NO_THREAD = b"421 Local Error, cannot start thread\r\n"


def can_mount():
    """Whether a daemon can have a file system of its own."""
    try:
        return subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], timeout=20,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def deferred(r, c, content=EVIL):
    """The content is read and thrown away, none of it is taken for commands."""
    mark = len(r.server.connections[-1].verbs)
    assert c.mail(content) == LOCAL_ERROR
    assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    assert r.server.connections[-1].verbs[mark:] == ENVELOPE + ["RSET", "NOOP"]


SIZES = {"one block": EVIL[:EVIL.rindex(b"RSET", 0, 50000)], "many blocks": EVIL}

UIDS = itertools.count(54321 + os.getpid() % 10000 * 100)  # each user's threads are one daemon's


def start_unprivileged(r, threads=None):
    """Start the daemon as a user who may have so many threads."""
    if os.geteuid() == 0:
        uid = next(UIDS)
        for path in (r.directory, r.daemon.spool):
            os.chown(path, uid, uid)
        r.daemon.wrapper = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
        if threads:
            r.daemon.wrapper += ["prlimit", "--nproc=%d" % threads]
    r.daemon.start()
    settle(r)


def spool_is_missing(r, size, kept):
    with r.client() as c:
        if kept:  # its thread has a file from an earlier message
            assert c.mail() == QUEUED
        os.rename(r.daemon.spool, r.daemon.spool + "~")
        deferred(r, c, SIZES[size])
        os.rename(r.daemon.spool + "~", r.daemon.spool)
        mail_again(c)
    assert len(r.clamd.scans) == len(r.server.messages) == 1 + kept


def spool_is_read_only(r, size, kept):
    start_unprivileged(r)
    with r.client() as c:
        if kept:
            assert c.mail() == QUEUED
        os.chmod(r.daemon.spool, 0o555)
        deferred(r, c, SIZES[size])
        os.chmod(r.daemon.spool, 0o755)
        mail_again(c)
    r.daemon.wait_log("couldn't open cache file: .*Permission denied")


def spool_is_full(r, size, full):
    """A tiny file system that only the daemon sees."""
    r.daemon.wrapper = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o mode=755,%s none '%s' && exec \"$@\"" % (
        full, r.daemon.spool), "sh"]
    r.daemon.start()
    settle(r)
    spool = "/proc/%d/root%s" % (r.daemon.pid, r.daemon.spool)
    with r.client() as c:
        stolen = []
        with contextlib.suppress(OSError):
            while "inodes" in full:
                path = os.path.join(spool, str(len(stolen)))
                open(path, "x").close()
                stolen.append(path)
        deferred(r, c, SIZES[size])
        deferred(r, c, SIZES[size])
        for path in stolen:
            os.unlink(path)
        mail_again(c)
    assert os.listdir(spool) == []
    r.daemon.wait_log("couldn't (open|write to) cache file: .*No space left on device")


def file_size_limit(r, size):
    with r.client() as c:
        with limited(r, resource.RLIMIT_FSIZE, 30000):
            deferred(r, c, SIZES[size])
        mail_again(c)
    r.daemon.wait_log("couldn't write to cache file: .*File too large", r.mark)


for _size in SIZES:
    for _kept in (False, True):
        _where = _size + (", a file is kept" if _kept else "")
        matrix.add("spool: missing, " + _where, spool_is_missing, _size, _kept, reusable=False)
        matrix.add("spool: read-only, " + _where, spool_is_read_only, _size, _kept,
                   options=dict(PROMPT, start=False), reusable=False)
    for _name, _full in (("octets", "size=32k"), ("inodes", "nr_inodes=8,size=1m")):
        matrix.add("spool: no %s left, %s" % (_name, _size), spool_is_full, _size, _full,
                   options=dict(PROMPT, start=False), reusable=False,
                   marks=pytest.mark.skipif(not can_mount(), reason="needs root and a mount of its own"))
    matrix.add("spool: file size limit, " + _size, file_size_limit, _size)


def quarantine_fails(r, reply):
    """The temporary file can be written, the copy cannot."""
    hold = r.clamd.hold(FOUND)
    with r.client() as c:
        c.begin(EVIL)
        hold.wait_reached()
        with limited(r, resource.RLIMIT_FSIZE, 10000):
            hold.release()
            assert c.reply() == reply
        mail_again(c)
    assert r.server.connections[0].asked == ENVELOPE + ["RSET"] * 2 + ENVELOPE + ["DATA"]
    assert not r.daemon.virus_files()


# What would be discarded without its copy is kept by the sender.
matrix.add("spool: no quarantine, drop", quarantine_fails, LOCAL_ERROR, options=dict(PROMPT, Quarantine="on"))
matrix.add("spool: no quarantine, bounce", quarantine_fails, REJECTED,
           options=dict(PROMPT, Quarantine="on", Action="bounce"))


@matrix.cell("spool: the file shrinks behind our back")
def _(r):
    with r.client() as c:
        with r.held(c, BIG):
            path, = [f for f in r.daemon.temp_files() if os.stat(f).st_size > 1000]
            os.truncate(path, 1000)
        expect_end(c, LOCAL_ERROR)
    r.server.connections[0].wait_closed()
    assert not r.server.messages


# ------------------------------------------------------------- resources

NO_DESCRIPTOR = 5  # RLIMIT_NOFILE with which nothing more can be opened, but poll(2) still works


@matrix.cell("descriptors: none to accept with")
def _(r):
    # Connections wait, without spinning or a flood in the log.
    with r.client() as before:
        with limited(r, resource.RLIMIT_NOFILE, NO_DESCRIPTOR):
            mark = r.daemon.mark()
            waiting = [Client(r.daemon.address, greet=False) for _ in range(5)]
            r.daemon.wait_log("couldn't accept a connection: Too many open files", r.mark)
            spent = cpu_seconds(r)
            assert waiting[0].silent(1)
            assert cpu_seconds(r) - spent < 0.3
            assert len(r.daemon.log_since(mark)) < 10
            assert before.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
        for c in waiting:
            assert c.reply() in (GREETING, BUSY)
            c.close()
    r.daemon.threads_kept = 10


def room_for(r, n):
    """The RLIMIT_NOFILE with which n more descriptors can be opened: it is
    their number that counts, and there may be gaps."""
    wait_until(lambda: r.daemon.count_fds() == r.daemon.base_fds)
    used = {int(name) for name in os.listdir("/proc/%d/fd" % r.daemon.pid)}
    return next(itertools.islice(itertools.filterfalse(used.__contains__, itertools.count()), n, None))


def only_the_spare_one(r):
    """One client after the other is told."""
    with limited(r, resource.RLIMIT_NOFILE, room_for(r, 0)):
        for _ in range(3):
            with r.client() as c:
                assert c.greeting == BUSY
                c.expect_eof()
    assert not r.server.connections


matrix.add("descriptors: only the spare one", only_the_spare_one)


@matrix.cell("descriptors: the spare one comes back")
def _(r):
    with limited(r, resource.RLIMIT_NOFILE, NO_DESCRIPTOR):
        with Client(r.daemon.address, greet=False) as c:
            r.daemon.wait_log("couldn't accept a connection: Too many open files", r.mark)
    c.close()
    check_next(r)
    r.clear()
    only_the_spare_one(r)


@matrix.cell("descriptors: none for the server")
def _(r):
    with limited(r, resource.RLIMIT_NOFILE, room_for(r, 1)), r.client() as c:
        assert c.greeting == NO_SERVER
        c.expect_eof()
    assert not r.server.connections


# A daemon of its own, of which no thread has a file yet from an earlier message.
@matrix.cell("descriptors: none for the spool", options=dict(PROMPT, KeepAlives="0"), reusable=False)
def _(r):
    with r.client() as c:
        with limited(r, resource.RLIMIT_NOFILE, NO_DESCRIPTOR):
            deferred(r, c)
        mail_again(c)
    r.daemon.wait_log("couldn't open cache file: .*Too many open files", r.mark)


@matrix.cell("descriptors: none for clamd")
def _(r):
    with r.client() as c:
        c.envelope()
        assert c.cmd(b"DATA") == START_DATA
        wait_until(r.daemon.temp_files)
        with limited(r, resource.RLIMIT_NOFILE, NO_DESCRIPTOR):
            c.send(EVIL + b".\r\n")
            assert c.reply() == LOCAL_ERROR
        mail_again(c)
    r.daemon.wait_log("CLAMAV: couldn't connect to: .*Too many open files", r.mark)


def no_descriptor_for_quarantine(r, reply):
    hold = r.clamd.hold(FOUND)
    with r.client() as c:
        c.begin()
        hold.wait_reached()
        with limited(r, resource.RLIMIT_NOFILE, NO_DESCRIPTOR):
            hold.release()
            assert c.reply() == reply
        mail_again(c)


matrix.add("descriptors: none for the quarantine, drop", no_descriptor_for_quarantine, LOCAL_ERROR,
           options=dict(PROMPT, Quarantine="on", VirusAction="true"))
matrix.add("descriptors: none for the quarantine, bounce", no_descriptor_for_quarantine, REJECTED,
           options=dict(PROMPT, Quarantine="on", VirusAction="true", Action="bounce"))


def cpu_seconds(r):
    with open("/proc/%d/stat" % r.daemon.pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@matrix.cell("threads: none", options=dict(PROMPT, VirusAction="true", start=False), reusable=False, marks=[
    root_only, pytest.mark.skipif(sanitized(), reason="the sanitizer has threads of its own")])
def _(r):
    start_unprivileged(r, 6)  # one looks at clamds, one reloads, one counts
    with contextlib.ExitStack() as stack:
        busy = [stack.enter_context(r.client()) for _ in range(2)]
        with r.client() as c:
            assert c.greeting == NO_THREAD
            c.expect_eof()
        # A virus is found all the same when its action cannot be started.
        assert busy[0].mail(INFECTED) == DISCARDED
        mail_again(busy[1])
    for peer in r.server.connections:
        peer.wait_closed()
    r.daemon.wait_log("couldn't create thread: Resource temporarily unavailable")
    r.daemon.wait_log("couldn't fork for virus action: Resource temporarily unavailable")


outcomes, test_cell = matrix.tests()
